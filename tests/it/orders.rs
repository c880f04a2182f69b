//! Orders: taken, moved, cancelled; never oversold, never lost.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Order, Shop};

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn a_guests_order_is_theirs_by_its_token() {
    let shop = Shop::open().await;
    let croissant = shop.product("Croissant").price("0.750").stock(10).create().await;
    let reply = shop.guest().order().line(&croissant, 2).pickup().send().await.expect(201);
    assert_eq!(reply["status"], "Pending");
    assert_eq!(reply["paymentStatus"], "Pending");
    assert_eq!(reply["totalAmount"], "1.500");
    assert_eq!(reply["currency"], "JOD");
    assert_eq!(reply["orderNumber"], "B-261125-0001");
    let order = Order::of(&reply);
    assert_eq!(order.token().len(), 32);
    assert_eq!(reply.header("location"), Some(order.path().as_str()));

    let ask = || shop.guest().get(&order.path());
    let seen = ask().header("x-order-token", order.token()).send().await.expect(200);
    assert_eq!(seen["id"], order.id.as_str());
    assert_eq!(seen["items"][0]["name"], "Croissant");
    assert_eq!(seen["items"][0]["lineTotal"], "1.500");
    shop.guest().see(&format!("{}?token={}", order.path(), order.token())).await;
    ask().send().await.expect_problem(401, "unauthenticated");
    ask().header("x-order-token", &"x".repeat(32)).send().await.expect_problem(404, "not_found");
    // A token in an address is for reading only.
    let cancel = format!("{}/cancel?token={}", order.path(), order.token());
    shop.guest().post(&cancel).json(&json!({})).send().await.expect(401);
    assert_eq!(shop.staff().await.pieces(&croissant).await, (10, 2, 8));
    shop.close().await;
}

#[tokio::test]
async fn one_orders_token_opens_no_other() {
    let shop = Shop::open().await;
    let croissant = shop.product("Croissant").stock(10).create().await;
    let mine = shop.guest().order().line(&croissant, 1).pickup().place().await;
    let other = shop.guest().order().line(&croissant, 1).pickup().place().await;
    let reply = shop.guest().get(&other.path()).header("x-order-token", mine.token()).send().await;
    reply.expect_problem(404, "not_found");
    shop.close().await;
}

#[tokio::test]
async fn customers_see_their_own_orders_and_nobody_elses() {
    let shop = Shop::open().await;
    let croissant = shop.product("Croissant").stock(10).create().await;
    let (layla, omar) = (shop.customer("Layla").await, shop.customer("Omar").await);
    let order = layla.order().line(&croissant, 1).pickup().place().await;
    assert_eq!(order.token, None);
    assert_eq!(layla.order_of(&order).await["customer"]["name"], "Layla");
    omar.get(&order.path()).send().await.expect_problem(404, "not_found");
    omar.post(&format!("{}/cancel", order.path())).json(&json!({})).send().await.expect_problem(404, "not_found");
    assert_eq!(layla.see("/api/v1/orders").await.column("id"), [order.id.as_str()]);
    assert!(omar.see("/api/v1/orders").await.rows().is_empty());
    assert_eq!(shop.staff().await.see("/api/v1/orders").await.column("id"), [order.id.as_str()]);
    shop.close().await;
}

#[tokio::test]
async fn too_little_stock_refuses_the_whole_order_and_names_each_short_line() {
    let shop = Shop::open().await;
    let (bread, cake, tea) = (
        shop.product("Bread").stock(2).create().await,
        shop.product("Cake").stock(10).create().await,
        shop.product("Tea").stock(0).create().await,
    );
    let refusal = shop.guest().order().line(&bread, 3).line(&cake, 1).line(&tea, 1).pickup().send().await;
    let refusal = refusal.expect_problem(409, "insufficient_stock");
    assert_eq!(
        refusal["lines"],
        json!([
            { "index": 0, "productId": bread.id, "requested": 3, "available": 2 },
            { "index": 2, "productId": tea.id, "requested": 1, "available": 0 },
        ])
    );
    assert_eq!(shop.staff().await.pieces(&cake).await, (10, 0, 10));
    shop.close().await;
}

#[tokio::test]
async fn two_lines_of_one_product_count_together() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(5).create().await;
    let order = || shop.guest().order().pickup();
    order().line(&bread, 3).line(&bread, 3).send().await.expect_problem(409, "insufficient_stock");
    order().line(&bread, 3).line(&bread, 2).place().await;
    assert_eq!(shop.staff().await.pieces(&bread).await, (5, 5, 0));
    shop.close().await;
}

#[tokio::test]
async fn a_delivered_order_stays_delivered() {
    let shop = Shop::open().await;
    let croissant = shop.product("Croissant").price("0.750").stock(10).create().await;
    let order = shop.guest().order().line(&croissant, 2).pickup().place().await;
    let staff = shop.staff().await;
    let last = staff.move_order_through(&order, &["Confirmed", "Preparing", "ReadyForPickup", "Delivered"]).await;
    assert_eq!(last["paymentStatus"], "Paid", "the cash was taken with it");
    let states: Vec<_> = last["history"].as_array().expect("a history").iter().map(|row| row["status"].clone()).collect();
    assert_eq!(states, ["Pending", "Confirmed", "Preparing", "ReadyForPickup", "Delivered"]);
    let refusal = staff.move_order(&order, "Preparing").await.expect_problem(409, "illegal_transition");
    assert_eq!(refusal["from"], "Delivered");
    assert_eq!(refusal["to"], "Preparing");
    assert_eq!(refusal["legal"], json!([]));
    assert_eq!(staff.pieces(&croissant).await, (8, 0, 8));
    shop.close().await;
}

#[tokio::test]
async fn a_delivery_goes_out_and_a_pickup_does_not() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let staff = shop.staff().await;
    let delivery = shop.guest().order().line(&bread, 1).delivery().place().await;
    let pickup = shop.guest().order().line(&bread, 1).pickup().place().await;
    staff.move_order_through(&delivery, &["Confirmed", "Preparing"]).await;
    staff.move_order_through(&pickup, &["Confirmed", "Preparing"]).await;
    staff.move_order(&delivery, "ReadyForPickup").await.expect_problem(409, "illegal_transition");
    let refusal = staff.move_order(&pickup, "OutForDelivery").await.expect_problem(409, "illegal_transition");
    let legal = refusal["legal"].as_array().expect("a list");
    assert!(legal.contains(&json!("ReadyForPickup")) && !legal.contains(&json!("OutForDelivery")), "{refusal:?}");
    staff.move_order_through(&delivery, &["OutForDelivery", "Delivered"]).await;
    staff.move_order_through(&pickup, &["ReadyForPickup", "Delivered"]).await;
    shop.close().await;
}

#[tokio::test]
async fn every_state_refuses_every_move_that_is_not_its_own() {
    const STATES: [&str; 7] =
        ["Pending", "Confirmed", "Preparing", "ReadyForPickup", "OutForDelivery", "Delivered", "Cancelled"];
    let next = |state: &str, pickup: bool| -> &[&str] {
        match (state, pickup) {
            ("Pending", _) => &["Confirmed", "Cancelled"],
            ("Confirmed", _) => &["Preparing", "Cancelled"],
            ("Preparing", true) => &["ReadyForPickup", "Cancelled"],
            ("Preparing", false) => &["OutForDelivery", "Cancelled"],
            ("ReadyForPickup" | "OutForDelivery", _) => &["Delivered", "Cancelled"],
            _ => &[],
        }
    };
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(100).create().await;
    let staff = shop.staff().await;
    for pickup in [true, false] {
        let ready = if pickup { "ReadyForPickup" } else { "OutForDelivery" };
        let life = ["Pending", "Confirmed", "Preparing", ready, "Delivered"];
        for reached in 0..life.len() {
            let order = shop.guest().order().line(&bread, 1);
            let order = if pickup { order.pickup() } else { order.delivery() }.place().await;
            staff.move_order_through(&order, &life[1..=reached]).await;
            let state = life[reached];
            for to in STATES.iter().filter(|to| !next(state, pickup).contains(to)) {
                let refusal = staff.move_order(&order, to).await.expect_problem(409, "illegal_transition");
                let legal: BTreeSet<&str> =
                    refusal["legal"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
                assert_eq!(legal, next(state, pickup).iter().copied().collect(), "{state} to {to}");
            }
        }
    }
    shop.close().await;
}

#[tokio::test]
async fn a_move_is_taken_back_within_a_minute_and_the_shelf_with_it() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let staff = shop.staff().await;
    let order = shop.guest().order().line(&bread, 4).pickup().place().await;
    let undo = |version: Value| staff.post(&format!("{}/undo", order.path())).json(&json!({ "version": version })).send();

    let moved = staff.move_order(&order, "Confirmed").await.expect(200);
    assert_eq!(staff.pieces(&bread).await, (6, 0, 6));
    shop.advance(Duration::from_secs(50));
    assert_eq!(undo(moved["version"].clone()).await.expect(200)["status"], "Pending");
    assert_eq!(staff.pieces(&bread).await, (10, 4, 6));

    let moved = staff.move_order(&order, "Confirmed").await.expect(200);
    undo(json!(1)).await.expect_problem(409, "version_conflict");
    shop.advance(Duration::from_secs(61));
    undo(moved["version"].clone()).await.expect(409);
    assert_eq!(staff.order_of(&order).await["status"], "Confirmed");
    shop.close().await;
}

#[tokio::test]
async fn a_full_shelf_takes_nothing_back_and_says_so() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let staff = shop.staff().await;
    let order = shop.guest().order().line(&bread, 4).pickup().place().await;
    let moved = staff.move_order(&order, "Confirmed").await.expect(200);
    let count = json!({ "stock": 99_999_999, "reason": "count", "version": staff.inventory(&bread).await["version"] });
    staff.put(&format!("/api/v1/inventory/{}", bread.id)).json(&count).send().await.expect(200);

    let undo = json!({ "version": moved["version"] });
    staff.post(&format!("{}/undo", order.path())).json(&undo).send().await.expect_problem(409, "stock_out_of_range");
    staff.move_order(&order, "Cancelled").await.expect_problem(409, "stock_out_of_range");
    let cancel = |body: Value| staff.post(&format!("{}/cancel", order.path())).json(&body).send();
    let refused = cancel(json!({ "restock": true })).await.expect_problem(409, "stock_out_of_range");
    assert_eq!(refused["stock"], 99_999_999);
    assert_eq!(staff.pieces(&bread).await, (99_999_999, 0, 99_999_999));
    assert_eq!(cancel(json!({ "restock": false })).await.expect(200)["status"], "Cancelled");
    shop.close().await;
}

#[tokio::test]
async fn what_is_cancelled_or_delivered_is_not_undone() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let staff = shop.staff().await;
    for states in [&["Cancelled"][..], &["Confirmed", "Preparing", "ReadyForPickup", "Delivered"]] {
        let order = shop.guest().order().line(&bread, 1).pickup().place().await;
        let last = staff.move_order_through(&order, states).await;
        let body = json!({ "version": last["version"] });
        staff.post(&format!("{}/undo", order.path())).json(&body).send().await.expect(409);
    }
    shop.close().await;
}

#[tokio::test]
async fn cancelling_frees_what_was_held() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let staff = shop.staff().await;
    let order = shop.guest().order().line(&bread, 4).pickup().place().await;
    let cancel = shop.guest().post(&format!("{}/cancel", order.path())).header("x-order-token", order.token());
    assert_eq!(cancel.json(&json!({ "reason": "changed my mind" })).send().await.expect(200)["status"], "Cancelled");
    assert_eq!(staff.pieces(&bread).await, (10, 0, 10));
    shop.close().await;
}

#[tokio::test]
async fn stock_comes_back_until_it_is_in_the_oven() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let staff = shop.staff().await;
    for (states, restock, left) in [
        (&["Confirmed"][..], None, 10),
        (&["Confirmed", "Preparing"], None, 9),
        (&["Confirmed", "Preparing"], Some(true), 9),
        (&["Confirmed"], Some(false), 8),
    ] {
        let order = shop.guest().order().line(&bread, 1).pickup().place().await;
        staff.move_order_through(&order, states).await;
        let body = restock.map_or(json!({}), |restock| json!({ "restock": restock }));
        staff.post(&format!("{}/cancel", order.path())).json(&body).send().await.expect(200);
        assert_eq!(staff.pieces(&bread).await, (left, 0, left), "{states:?} {restock:?}");
    }
    shop.close().await;
}

#[tokio::test]
async fn a_customer_cancels_until_the_oven_is_on() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let layla = shop.customer("Layla").await;
    let staff = shop.staff().await;
    for (states, status) in [(&[][..], 200), (&["Confirmed"], 200), (&["Confirmed", "Preparing"], 409)] {
        let order = layla.order().line(&bread, 1).pickup().place().await;
        staff.move_order_through(&order, states).await;
        layla.post(&format!("{}/cancel", order.path())).json(&json!({})).send().await.expect(status);
    }
    shop.close().await;
}

#[tokio::test]
async fn a_cash_order_that_nobody_confirms_ends_after_a_day() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let staff = shop.staff().await;
    let forgotten = shop.guest().order().line(&bread, 4).pickup().place().await;
    let confirmed = shop.guest().order().line(&bread, 1).pickup().place().await;
    staff.move_order_through(&confirmed, &["Confirmed"]).await;
    shop.advance(24 * HOUR - Duration::from_secs(60));
    shop.run_jobs().await;
    assert_eq!(staff.order_of(&forgotten).await["status"], "Pending");
    shop.advance(Duration::from_secs(120));
    shop.run_jobs().await;
    let ended = staff.order_of(&forgotten).await;
    assert_eq!(ended["status"], "Cancelled");
    assert_eq!(staff.order_of(&confirmed).await["status"], "Confirmed");
    assert_eq!(staff.pieces(&bread).await, (9, 0, 9));
    shop.close().await;
}

#[tokio::test]
async fn a_key_gives_the_first_answer_again_and_is_good_for_one_body() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let order = shop.guest().order().line(&bread, 2).pickup().key("key-of-this-order-1");
    let first = order.clone().send().await.expect(201);
    assert_eq!(first.header("idempotency-replayed"), None);
    let second = order.clone().send().await.expect(201);
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!(first.body, second.body);
    assert_eq!(first.header("location"), second.header("location"));
    order.clone().field("notes", "other").send().await.expect_problem(422, "idempotency_key_reused");
    assert_eq!(shop.staff().await.pieces(&bread).await, (10, 2, 8));
    for key in ["short", "has a space in the midst", &"x".repeat(129)] {
        shop.guest().order().line(&bread, 1).pickup().key(key).send().await.expect_field("Idempotency-Key");
    }
    shop.close().await;
}

#[tokio::test]
async fn a_refusal_does_not_use_up_its_key() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(1).create().await;
    let staff = shop.staff().await;
    let order = shop.guest().order().line(&bread, 2).pickup().key("key-of-this-order-2");
    order.clone().send().await.expect_problem(409, "insufficient_stock");
    let body = json!({ "items": [{ "productId": bread.id, "delta": 1 }], "reason": "baked" });
    staff.post("/api/v1/inventory/adjust").json(&body).send().await.expect(200);
    order.send().await.expect(201);
    shop.close().await;
}

#[tokio::test]
async fn another_total_than_the_one_expected_is_refused() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").price("1.250").stock(10).create().await;
    let order = |total: &str| shop.guest().order().line(&bread, 2).pickup().field("expectedTotal", total).send();
    order("2.000").await.expect_problem(409, "price_changed");
    order("2.500").await.expect(201);
    assert_eq!(shop.staff().await.pieces(&bread).await.1, 2);
    shop.close().await;
}

#[tokio::test]
async fn chosen_options_change_the_price_and_wrong_ones_are_named() {
    let shop = Shop::open().await;
    let size = json!({ "code": "size", "name": { "en": "Size", "ar": "الحجم" }, "required": true, "min": 1, "max": 1, "choices": [
        { "code": "small", "name": { "en": "Small", "ar": "صغير" }, "priceDelta": "0.000" },
        { "code": "large", "name": { "en": "Large", "ar": "كبير" }, "priceDelta": "2.500" },
    ] });
    let cake = shop.product("Cake").price("10.000").stock(10).field("optionGroups", json!([size])).create().await;
    let order = |options: Value| shop.guest().order().line_with(&cake, 2, options).pickup().send();
    assert_eq!(order(json!({ "size": "large" })).await.expect(201)["totalAmount"], "25.000");
    order(json!({ "size": "giant" })).await.expect_field("items[0].options.size");
    order(json!({})).await.expect_field("items[0].options.size");
    order(json!({ "size": "small", "colour": "red" })).await.expect_field("items[0].options.colour");
    shop.close().await;
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_refused() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(2_000).create().await;
    let order = || shop.guest().order().pickup();
    order().send().await.expect_field("items");
    order().line(&bread, 0).send().await.expect_field("items[0].quantity");
    order().line(&bread, 1_001).send().await.expect_field("items[0].quantity");
    order().line(&bread, 1).field("paymentMethod", "shells").send().await.expect_field("paymentMethod");
    order().line(&bread, 1).field("totalAmount", "0.001").send().await.expect_field("totalAmount");
    let mut many = order();
    for _ in 0..101 {
        many = many.line(&bread, 1);
    }
    many.send().await.expect_field("items");
    order().line(&bread, 1).field("isPickup", false).send().await.expect(422);
    let nothing = crate::harness::Product { id: "01936000-0000-7000-8000-000000000000".to_owned(), body: Value::Null };
    let refusal = order().line(&nothing, 1).send().await;
    assert!(matches!(refusal.status, 404 | 422), "{refusal:?}");
    shop.close().await;
}

#[tokio::test]
async fn a_card_number_is_refused_wherever_it_stands() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    for card in ["4242424242424242", "my card 4242 4242 4242 4242", "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢"] {
        let refusal = shop.guest().order().line(&bread, 1).pickup().field("notes", card).send().await;
        let refusal = refusal.expect_problem(422, "card_data_refused");
        // A request's own id may hold any digits.
        let id = refusal["requestId"].as_str().expect("an id");
        assert!(!refusal.text.replace(id, "").contains("4242"), "{refusal:?}");
    }
    assert_eq!(shop.staff().await.pieces(&bread).await, (10, 0, 10));
    shop.close().await;
}

#[tokio::test]
async fn cash_is_collected_once() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;
    let staff = shop.staff().await;
    let order = shop.guest().order().line(&bread, 1).pickup().place().await;
    let collect = || staff.post(&format!("{}/collect", order.path())).json(&json!({ "method": "cash" })).send();
    assert_eq!(collect().await.expect(200)["paymentStatus"], "Paid");
    collect().await.expect(409);
    let counter = staff.order().line(&bread, 1).pickup().field("collected", true).send().await.expect(201);
    assert_eq!(counter["paymentStatus"], "Paid");
    assert_eq!(staff.order_of(&Order::of(&counter)).await["source"], "counter");
    shop.close().await;
}

#[tokio::test]
async fn an_order_keeps_its_price_when_the_menu_changes() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").price("1.000").stock(10).create().await;
    let order = shop.guest().order().line(&bread, 2).pickup().place().await;
    let body = json!({ "name": "Sourdough", "price": "9.000", "category": "bakery" });
    shop.owner().put(&format!("/api/v1/products/{}", bread.id)).json(&body).send().await.expect(200);
    let seen = shop.staff().await.order_of(&order).await;
    assert_eq!((&seen["totalAmount"], &seen["items"][0]["name"]), (&json!("2.000"), &json!("Bread")));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_numbers_have_no_gaps_however_many_come_at_once() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(1_000).create().await;
    let sold_out = shop.product("Tea").stock(0).create().await;
    // A refused order takes no number.
    let orders = (0..100).map(|n| {
        let shop = &shop;
        let (bread, sold_out) = (&bread, &sold_out);
        async move {
            if n % 5 == 0 {
                let refusal = shop.guest().order().line(bread, 1).line(sold_out, 1).pickup().send().await;
                refusal.expect_problem(409, "insufficient_stock");
            }
            shop.guest().order().line(bread, 1).pickup().place().await.number
        }
    });
    let numbers: BTreeSet<String> = join_all(orders).await.into_iter().collect();
    let wanted: BTreeSet<String> = (1..=100).map(|n| format!("B-261125-{n:04}")).collect();
    assert_eq!(numbers, wanted);
    shop.advance(24 * HOUR);
    assert_eq!(shop.guest().order().line(&bread, 1).pickup().place().await.number, "B-261126-0001");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_sent_thirty_times_at_once_makes_one_order() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(100).create().await;
    let order = shop.guest().order().line(&bread, 1).pickup().key("key-of-a-nervous-thumb");
    let replies = join_all((0..30).map(|_| order.clone().send())).await;
    let mut made = BTreeSet::new();
    for reply in replies {
        match reply.status {
            201 => {
                made.insert(reply["orderId"].as_str().expect("an id").to_owned());
            }
            _ => assert_eq!((reply.status, &reply["code"]), (409, &json!("idempotency_in_progress")), "{reply:?}"),
        }
    }
    assert_eq!(made.len(), 1);
    assert_eq!(shop.staff().await.pieces(&bread).await, (100, 1, 99));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_on_the_last_fifty_sells_fifty() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(50).create().await;
    let orders = (0..400_i64).map(|n| {
        let (shop, bread, quantity) = (&shop, &bread, 1 + n % 4);
        async move { (quantity, shop.guest().order().line(bread, quantity).pickup().send().await) }
    });
    let mut sold = 0;
    for (quantity, reply) in join_all(orders).await {
        match reply.status {
            201 => sold += quantity,
            _ => {
                let refusal = reply.expect_problem(409, "insufficient_stock");
                let available = refusal["lines"][0]["available"].as_i64().expect("a number");
                assert!(available < quantity, "{refusal:?}");
            }
        }
    }
    // A hundred of them wanted a single piece, so nothing was left lying.
    assert_eq!(sold, 50);
    assert_eq!(shop.staff().await.pieces(&bread).await, (50, 50, 0));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crossed_orders_over_two_products_end_and_take_both_or_neither() {
    let shop = Shop::open().await;
    let (bread, cake) = (shop.product("Bread").stock(30).create().await, shop.product("Cake").stock(30).create().await);
    let orders = (0..120).map(|n| {
        let (first, second) = if n % 2 == 0 { (&bread, &cake) } else { (&cake, &bread) };
        shop.guest().order().line(first, 1).line(second, 1).pickup().send()
    });
    let replies = join_all(orders).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 30);
    assert!(replies.iter().all(|reply| matches!(reply.status, 201 | 409)), "{replies:?}");
    let staff = shop.staff().await;
    assert_eq!(staff.pieces(&bread).await, (30, 30, 0));
    assert_eq!(staff.pieces(&cake).await, (30, 30, 0));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staff_who_move_one_order_at_once_move_it_once() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let staff = shop.staff().await;
    let order = shop.guest().order().line(&bread, 3).pickup().place().await;
    let replies = join_all((0..10).map(|_| staff.move_order(&order, "Confirmed"))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1, "{replies:?}");
    assert_eq!(staff.pieces(&bread).await, (7, 0, 7));
    shop.close().await;
}

#[tokio::test]
async fn lists_of_orders_walk_newest_first_and_can_be_narrowed() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(100).create().await;
    let staff = shop.staff().await;
    let mut placed = Vec::new();
    for _ in 0..23 {
        placed.push(shop.guest().order().line(&bread, 1).pickup().place().await);
    }
    staff.move_order_through(&placed[0], &["Confirmed"]).await;
    let walked = staff.walk("/api/v1/orders?per_page=5").await;
    let ids: Vec<&str> = walked.iter().filter_map(|row| row["id"].as_str()).collect();
    assert_eq!(ids, placed.iter().rev().map(|order| order.id.as_str()).collect::<Vec<_>>());
    assert_eq!(staff.see("/api/v1/orders?status=Confirmed").await.column("id"), [placed[0].id.as_str()]);
    assert_eq!(staff.see("/api/v1/orders?status=Pending").await["meta"]["total"], 22);
    assert_eq!(staff.see("/api/v1/orders?day=2026-11-25").await["meta"]["total"], 23);
    assert_eq!(staff.see("/api/v1/orders?day=2026-11-24").await["meta"]["total"], 0);
    shop.close().await;
}

#[tokio::test]
async fn a_paid_order_is_confirmed_and_neither_expires_nor_goes_back() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").price("1.000").stock(10).create().await;
    let order = shop.guest().order().line(&bread, 2).pickup().place().await;
    let part = staff.post(&format!("{}/collect", order.path())).json(&json!({ "amount": "0.500" })).send().await.expect(200);
    assert_eq!((&part["status"], &part["paymentStatus"]), (&json!("Pending"), &json!("Pending")));
    let paid = staff.post(&format!("{}/collect", order.path())).json(&json!({})).send().await.expect(200);
    assert_eq!((&paid["status"], &paid["paymentStatus"]), (&json!("Confirmed"), &json!("Paid")));
    let undo = json!({ "version": paid["version"] });
    staff.post(&format!("{}/undo", order.path())).json(&undo).send().await.expect_problem(409, "cannot_undo");
    // Who has paid a part and was forgotten waits for staff; the shop does not pay it out by itself.
    let half = shop.guest().order().line(&bread, 1).pickup().place().await;
    staff.post(&format!("{}/collect", half.path())).json(&json!({ "amount": "0.500" })).send().await.expect(200);
    shop.advance(25 * HOUR);
    shop.run_jobs().await;
    assert_eq!(shop.staff().await.order_of(&order).await["status"], "Confirmed");
    assert_eq!(shop.staff().await.order_of(&half).await["status"], "Pending");
    shop.close().await;
}

#[tokio::test]
async fn a_guest_is_told_every_fault_of_an_order_at_once() {
    let shop = Shop::open().await;
    let body = json!({
        "items": [{ "productId": "x", "quantity": 0 }], "customerInfo": { "name": "Layla" }, "paymentMethod": "cash",
        "metadata": { "a": 1 }, "deliveryInfo": { "date": "tomorrow" }, "price": "0.001",
    });
    let refusal = shop.guest().post("/api/v1/orders").json(&body).send().await.expect_problem(422, "validation_failed");
    let fields: BTreeSet<&str> =
        refusal["errors"].as_array().expect("faults").iter().filter_map(|fault| fault["field"].as_str()).collect();
    let wanted = ["items[0].productId", "items[0].quantity", "customerInfo.phone", "metadata", "deliveryInfo.date", "price"];
    assert_eq!(fields, wanted.into_iter().collect());
    shop.close().await;
}

#[tokio::test]
async fn who_collects_or_cancels_can_go_on_with_the_tag_of_the_answer() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").price("1.000").stock(10).create().await;
    let order = shop.guest().order().line(&bread, 2).pickup().place().await;
    let paid = staff.post(&format!("{}/collect", order.path())).json(&json!({})).send().await.expect(200);
    let tag = paid.header("etag").expect("a tag").to_owned();
    assert!(tag.starts_with(&format!("\"{}.", paid["version"])), "{tag}");
    let cancel = || staff.post(&format!("{}/cancel", order.path())).json(&json!({})).header("if-match", &tag);
    let cancelled = cancel().send().await.expect(200);
    assert!(cancelled.header("etag").is_some_and(|next| next != tag));
    cancel().send().await.expect_problem(412, "stale");
    shop.close().await;
}

#[tokio::test]
async fn a_span_that_ends_before_it_begins_is_refused_and_days_are_read_in_any_digits() {
    let shop = Shop::open().await;
    let croissant = shop.product("Croissant").stock(10).create().await;
    let order = shop.guest().order().line(&croissant, 1).pickup().place().await;
    let staff = shop.staff().await;
    staff.get("/api/v1/orders?from=2026-11-26&to=2026-11-25").send().await.expect_field("to");
    staff.get(&format!("/api/v1/inventory/{}/log?from=2026-11-26&to=2026-11-24", croissant.id)).send().await.expect_field("to");
    let arabic = "٢٠٢٦-١١-٢٥".bytes().fold(String::new(), |text, byte| {
        if byte.is_ascii() { text + &char::from(byte).to_string() } else { text + &format!("%{byte:02X}") }
    });
    for query in [format!("day={arabic}"), format!("from={arabic}&to={arabic}"), "from=2026-11-25&to=2026-11-25".to_owned()] {
        assert_eq!(staff.see(&format!("/api/v1/orders?{query}")).await.column("id"), [order.id.as_str()], "{query}");
    }
    shop.close().await;
}
