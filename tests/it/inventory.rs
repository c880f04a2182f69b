//! The shelf: set, counted, logged.

use serde_json::{Value, json};

use crate::harness::{Client, Product, Reply, Shop};

async fn put(by: &Client, product: &Product, change: Value) -> Reply {
    let mut body = json!({ "reason": "count", "version": by.inventory(product).await["version"] });
    for (name, value) in change.as_object().expect("an object") {
        body[name] = value.clone();
    }
    by.put(&format!("/api/v1/inventory/{}", product.id)).json(&body).send().await
}

async fn log(by: &Client, product: &Product) -> Vec<Value> {
    by.walk(&format!("/api/v1/inventory/{}/log?per_page=2", product.id)).await
}

#[tokio::test]
async fn stock_is_set_by_count_or_moved_by_delta_and_every_change_is_logged() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").stock(10).create().await;
    assert_eq!(put(&staff, &bread, json!({ "stock": 14 })).await.expect(200)["stock"], 14);
    assert_eq!(put(&staff, &bread, json!({ "delta": -4, "reason": "waste", "note": "fell" })).await.expect(200)["stock"], 10);
    assert_eq!(put(&staff, &bread, json!({ "delta": 20, "reason": "baked" })).await.expect(200)["available"], 30);
    let log = log(&staff, &bread).await;
    let told: Vec<_> = log.iter().map(|row| (row["delta"].clone(), row["stockAfter"].clone(), row["reason"].clone())).collect();
    assert_eq!(
        told,
        [
            (json!(20), json!(30), json!("baked")),
            (json!(-4), json!(10), json!("waste")),
            (json!(4), json!(14), json!("count")),
            (json!(10), json!(10), json!("opening")),
        ]
    );
    shop.close().await;
}

#[tokio::test]
async fn a_change_that_cannot_be_is_refused_and_changes_nothing() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").stock(10).create().await;
    put(&staff, &bread, json!({ "stock": -1 })).await.expect_field("stock");
    put(&staff, &bread, json!({ "stock": 100_000_001 })).await.expect_field("stock");
    put(&staff, &bread, json!({ "stock": 1, "delta": 1 })).await.expect(422);
    put(&staff, &bread, json!({ "stock": 1, "reason": "sale" })).await.expect_field("reason");
    put(&staff, &bread, json!({ "stock": 1, "reason": "nothing" })).await.expect_field("reason");
    let below = put(&staff, &bread, json!({ "delta": -11 })).await;
    assert!(matches!(below.status, 409 | 422), "{below:?}");
    staff
        .put("/api/v1/inventory/01936000-0000-7000-8000-000000000000")
        .json(&json!({ "stock": 1, "reason": "count", "version": 1 }))
        .send()
        .await
        .expect_problem(404, "not_found");
    assert_eq!(staff.pieces(&bread).await, (10, 0, 10));
    assert_eq!(log(&staff, &bread).await.len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn a_correction_is_for_admins() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let refusal = put(&shop.staff().await, &bread, json!({ "stock": 9, "reason": "correction" })).await;
    assert!(matches!(refusal.status, 403 | 422), "{refusal:?}");
    put(&shop.owner(), &bread, json!({ "stock": 9, "reason": "correction" })).await.expect(200);
    shop.close().await;
}

#[tokio::test]
async fn a_stale_version_is_refused_and_promised_pieces_do_not_move_it() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let version = staff.inventory(&bread).await["version"].clone();
    shop.guest().order().line(&bread, 2).pickup().place().await;
    assert_eq!(staff.inventory(&bread).await["version"], version, "a promise is no change of the count");
    put(&staff, &bread, json!({ "stock": 12, "version": version })).await.expect(200);
    let refusal = put(&staff, &bread, json!({ "stock": 13, "version": version })).await.expect_problem(409, "version_conflict");
    assert_eq!(refusal["currentVersion"], staff.inventory(&bread).await["version"]);
    assert_eq!(staff.pieces(&bread).await, (12, 2, 10));
    shop.close().await;
}

#[tokio::test]
async fn a_count_below_what_is_promised_is_refused() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").stock(10).create().await;
    shop.guest().order().line(&bread, 6).pickup().place().await;
    put(&staff, &bread, json!({ "stock": 5 })).await.expect_problem(409, "below_reserved");
    put(&staff, &bread, json!({ "stock": 6 })).await.expect(200);
    assert_eq!(staff.pieces(&bread).await, (6, 6, 0));
    shop.close().await;
}

#[tokio::test]
async fn a_batch_happens_whole_or_not_at_all() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let cake = shop.product("Cake").stock(3).create().await;
    let adjust =
        |items: Value| staff.post("/api/v1/inventory/adjust").json(&json!({ "items": items, "reason": "count" })).send();

    let items = json!([{ "productId": bread.id, "stock": 20 }, { "productId": cake.id, "delta": -4 }]);
    let refusal = adjust(items).await;
    assert!(matches!(refusal.status, 409 | 422), "{refusal:?}");
    assert!(refusal.text.contains("items[1]") || refusal.text.contains(&cake.id), "the row is not named: {refusal:?}");
    assert_eq!((staff.pieces(&bread).await.0, staff.pieces(&cake).await.0), (10, 3));

    let missing = "01936000-0000-7000-8000-000000000000";
    let refusal = adjust(json!([{ "productId": bread.id, "stock": 20 }, { "productId": missing, "stock": 1 }])).await;
    assert!(matches!(refusal.status, 404 | 409 | 422), "{refusal:?}");
    assert_eq!(staff.pieces(&bread).await.0, 10);

    adjust(json!([{ "productId": bread.id, "stock": 20 }, { "productId": cake.id, "delta": -3, "reason": "waste" }]))
        .await
        .expect(200);
    assert_eq!((staff.pieces(&bread).await.0, staff.pieces(&cake).await.0), (20, 0));
    assert_eq!(log(&staff, &cake).await[0]["reason"], "waste");
    adjust(json!([])).await.expect_field("items");
    shop.close().await;
}

#[tokio::test]
async fn a_batch_sent_twice_with_one_key_happens_once() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let body = json!({ "items": [{ "productId": bread.id, "delta": 5 }], "reason": "baked" });
    let send = || staff.post("/api/v1/inventory/adjust").json(&body).key("batch-of-the-morning").send();
    let first = send().await.expect(200);
    let second = send().await.expect(200);
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!(first.body, second.body);
    assert_eq!(staff.pieces(&bread).await.0, 15);
    shop.close().await;
}

#[tokio::test]
async fn what_runs_low_is_listed_and_a_threshold_of_nothing_never_is() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").stock(10).threshold(5).create().await;
    let cake = shop.product("Cake").stock(0).create().await;
    let low = async || staff.see("/api/v1/inventory/low").await.column("productId").join(" ");
    assert_eq!(low().await, "");
    shop.guest().order().line(&bread, 5).pickup().place().await;
    assert_eq!(low().await, bread.id, "what is available counts, not what lies there");
    assert_eq!(staff.inventory(&bread).await["isLow"], true);
    assert_eq!(staff.inventory(&cake).await["isLow"], false);
    put(&staff, &bread, json!({ "stock": 10, "stockThreshold": 4 })).await.expect(200);
    assert_eq!(low().await, "");
    shop.close().await;
}

#[tokio::test]
async fn the_list_has_every_product_and_can_be_narrowed() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let mut all = Vec::new();
    for n in 0..23 {
        all.push(shop.product(&format!("Bread {n:02}")).stock(n).threshold(5).create().await.id);
    }
    let mut walked: Vec<String> = staff
        .walk("/api/v1/inventory?per_page=5")
        .await
        .iter()
        .map(|row| row["productId"].as_str().expect("an id").to_owned())
        .collect();
    walked.sort();
    assert_eq!(walked, all, "ids grow, so they are in the order of their making");
    assert_eq!(staff.see("/api/v1/inventory?low=true").await["meta"]["total"], 6);
    assert_eq!(staff.see("/api/v1/inventory?category=bakery").await["meta"]["total"], 23);
    assert_eq!(staff.see(&format!("/api/v1/inventory?product_id={}", all[7])).await.column("name"), ["Bread 07"]);
    shop.close().await;
}

#[tokio::test]
async fn many_changes_at_once_add_up() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").stock(100).create().await;
    let changes = (0..60_i64).map(|n| {
        let item = json!({ "productId": bread.id, "delta": if n % 2 == 0 { 3 } else { -2 } });
        staff.post("/api/v1/inventory/adjust").json(&json!({ "items": [item], "reason": "count" })).send()
    });
    for reply in futures_util::future::join_all(changes).await {
        reply.expect(200);
    }
    assert_eq!(staff.pieces(&bread).await.0, 130);
    assert_eq!(log(&staff, &bread).await.len(), 61);
    shop.close().await;
}
