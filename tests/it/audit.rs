//! The log of what staff did, who failed to sign in, and what was refused.

use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::{Client, Folder, OWNER, PASSWORD, Reply, Shop, bayader};

const PROXY: (&str, &str) = ("BAYADER_SERVER__TRUSTED_PROXIES", "127.0.0.1");

async fn log(shop: &Shop, query: &str) -> Reply {
    shop.owner().see(&format!("/api/v1/admin/audit{query}")).await
}

/// Action and subject of each row, newest first.
fn told(reply: &Reply) -> Vec<(&str, &str)> {
    reply.rows().iter().map(|row| (row["action"].as_str().unwrap_or(""), row["subject"].as_str().unwrap_or(""))).collect()
}

#[tokio::test]
async fn each_write_of_staff_is_kept_with_who_what_and_from_where() {
    let shop = Shop::open_with(&[PROXY]).await;
    let (owner, staff) = (shop.owner(), shop.staff().await);
    let bread = shop.product("Bread").stock(50).create().await;
    let path = format!("/api/v1/products/{}", bread.id);
    let replace = |price: &str| json!({ "name": "Bread", "category": "bakery", "price": price });
    let put =
        owner.put(&path).json(&replace("1.250")).header("x-forwarded-for", "203.0.113.9").header("x-request-id", "till-7");
    put.send().await.expect(200);
    // What changes nothing is no action.
    owner.put(&path).json(&replace("1.250")).send().await.expect(200);
    let adjust = json!({ "items": [{ "productId": bread.id, "delta": 10 }], "reason": "baked" });
    for _ in 0..2 {
        // Nor is a repetition.
        staff.post("/api/v1/inventory/adjust").key("baked-this-morning").json(&adjust).send().await.expect(200);
    }
    let order = staff.order().line(&bread, 2).place().await;
    staff.move_order_through(&order, &["Confirmed", "Preparing"]).await;
    staff.post(&format!("{}/cancel", order.path())).json(&json!({ "reason": "burnt" })).send().await.expect(200);
    owner.delete(&path).send().await.expect(204);

    let reply = log(&shop, "").await;
    let (product, order) = (format!("product:{}", bread.id), format!("order:{}", order.id));
    let expected = [
        ("product.hide", product.as_str()),
        ("order.cancel", order.as_str()),
        ("order.move", order.as_str()),
        ("order.move", order.as_str()),
        ("order.place", order.as_str()),
        ("stock.adjust", product.as_str()),
        ("product.replace", product.as_str()),
        ("product.create", product.as_str()),
    ];
    assert_eq!(told(&reply)[..expected.len()], expected, "{reply:?}");
    let rows = reply.rows();
    let newest = rows[0]["n"].as_i64().expect("a number");
    assert_eq!(reply["meta"]["total"], newest, "numbers have no gaps");
    let replaced = &rows[6];
    assert_eq!((&replaced["before"]["priceMinor"], &replaced["after"]["priceMinor"]), (&json!(1_000), &json!(1_250)));
    assert_eq!(replaced["before"].as_object().map(serde_json::Map::len), Some(1), "only what differs: {replaced}");
    assert_eq!((&replaced["address"], &replaced["requestId"]), (&json!("203.0.113.9"), &json!("till-7")));
    assert_eq!((&replaced["actor"]["role"], &replaced["actor"]["name"]), (&json!("admin"), &json!("Rania")));
    assert_eq!(rows[5]["after"], json!({ "stock": 60, "reason": "baked" }));
    assert_eq!((&rows[1]["before"], &rows[1]["after"]["status"]), (&json!({ "status": "Preparing" }), &json!("Cancelled")));
    assert_eq!(rows[1]["actor"]["role"], "staff");
    assert!(!reply.text.contains("burnt") && !reply.text.contains("Huda"), "free text and names stay out: {reply:?}");
    // The shop's first account was made on its machine.
    assert_eq!(
        rows.last().map(|row| (&row["actor"]["role"], &row["action"])),
        Some((&json!("system"), &json!("account.create")))
    );
    shop.close().await;
}

#[tokio::test]
async fn who_works_for_the_shop_is_kept_as_they_come_and_go() {
    let shop = Shop::open_with(&[PROXY]).await;
    let (staff, layla) = (shop.staff().await, shop.customer("Layla").await);
    let reset = async |email: &str| {
        shop.guest().post("/api/v1/auth/password/forgot").json(&json!({ "email": email })).send().await.expect(202);
        let link = shop.letters().await.last().expect("a letter").token().to_owned();
        let body = json!({ "token": link, "password": "olives and thyme at six" });
        shop.guest().post("/api/v1/auth/password/reset").json(&body).send().await.expect(204);
    };
    for who in [staff.email(), layla.email()] {
        let till =
            shop.guest().log_in(who, PASSWORD).header("x-forwarded-for", "192.168.1.20").header("x-request-id", "till-7");
        let till = Client::signed_in(&shop.wire, who, &till.send().await.expect(200));
        till.post("/api/v1/auth/logout").json(&json!({})).send().await.expect(204);
        reset(who).await;
    }
    let reply = log(&shop, "?actor=staff").await;
    let actions: Vec<&str> = told(&reply).into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions, ["account.password", "session.end", "session.begin", "session.begin"], "{reply:?}");
    let begun = &reply.rows()[2];
    assert_eq!((&begun["address"], &begun["requestId"]), (&json!("192.168.1.20"), &json!("till-7")));
    assert_eq!((&begun["after"], &begun["actor"]["name"]), (&json!({ "kind": "token" }), &json!("Samir")));
    assert_eq!(reply.rows()[1]["subject"], begun["subject"], "the one that began is the one that ended");
    // A token that was used comes back, from elsewhere.
    let signed_in = shop.guest().log_in(staff.email(), "olives and thyme at six").send().await.expect(200);
    let refresh = || {
        let request = shop.guest().post("/api/v1/auth/refresh").header("x-forwarded-for", "192.168.1.66");
        request.json(&json!({ "refreshToken": signed_in["refreshToken"] })).send()
    };
    refresh().await.expect(200);
    refresh().await.expect_problem(401, "invalid_refresh_token");
    let newest = log(&shop, "?actor=staff").await.rows()[0].clone();
    assert_eq!((&newest["action"], &newest["address"]), (&json!("session.end"), &json!("192.168.1.66")));
    assert_eq!(log(&shop, "?actor=customer&outcome=done").await.rows().len(), 0, "customers come and go unseen");
    assert_eq!(log(&shop, "?actor=guest").await.rows().len(), 0);
    shop.close().await;
}

#[tokio::test]
async fn what_customers_and_guests_do_is_not_kept() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(50).create().await;
    let before = log(&shop, "").await["meta"]["total"].as_u64().expect("a total");
    let layla = shop.customer("Layla").await;
    let order = layla.order().line(&bread, 1).place().await;
    layla.post(&format!("{}/cancel", order.path())).json(&json!({})).send().await.expect(200);
    let order = shop.guest().order().line(&bread, 1).place().await;
    shop.advance(Duration::from_secs(25 * 60 * 60));
    shop.run_jobs().await;
    assert_eq!(shop.owner().order_of(&order).await["status"], "Cancelled");
    // A day later the owner had to sign in anew.
    let since = log(&shop, "").await;
    assert_eq!((&since["meta"]["total"], &since.rows()[0]["action"]), (&json!(before + 1), &json!("session.begin")));
    shop.close().await;
}

#[tokio::test]
async fn the_log_is_filtered_and_paged() {
    let shop = Shop::open().await;
    let (bread, staff) = (shop.product("Bread").stock(50).create().await, shop.staff().await);
    shop.advance(Duration::from_secs(24 * 60 * 60));
    for n in 1..=5 {
        let put = json!({ "stock": n, "version": staff.inventory(&bread).await["version"], "reason": "count" });
        staff.put(&format!("/api/v1/inventory/{}", bread.id)).json(&put).send().await.expect(200);
    }
    assert_eq!(log(&shop, "?action=stock.adjust").await.rows().len(), 5);
    // They signed in on both days.
    assert_eq!(log(&shop, "?actor=staff").await.rows().len(), 7);
    let row = log(&shop, "?actor=staff").await.rows()[0].clone();
    let samir = row["actor"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(log(&shop, &format!("?actor={samir}&action=stock.adjust")).await.rows().len(), 5);
    assert_eq!(log(&shop, &format!("?subject=product:{}", bread.id)).await.rows().len(), 6);
    assert_eq!(log(&shop, "?from=2026-11-26&actor=staff").await.rows().len(), 6);
    assert_eq!(log(&shop, "?to=2026-11-25&actor=staff").await.column("action"), ["session.begin"]);
    assert_eq!(log(&shop, "?outcome=refused").await.rows().len(), 0);
    let all = log(&shop, "").await["meta"]["total"].as_u64().expect("a total");
    let walked = shop.owner().walk("/api/v1/admin/audit?per_page=2").await;
    let numbers: Vec<u64> = walked.iter().map(|row| row["n"].as_u64().expect("a number")).collect();
    assert_eq!(numbers, (1..=all).rev().collect::<Vec<_>>());
    for (query, field) in [
        ("?actor=baker", "actor"),
        ("?outcome=lost", "outcome"),
        ("?from=yesterday", "from"),
        ("?colour=red", "colour"),
        ("?cursor=x", "cursor"),
    ] {
        shop.owner().get(&format!("/api/v1/admin/audit{query}")).send().await.expect_field(field);
    }
    shop.close().await;
}

#[tokio::test]
async fn failed_sign_ins_and_refusals_are_kept_without_secrets() {
    let shop = Shop::open_with(&[PROXY]).await;
    let (layla, staff) = (shop.customer("Layla").await, shop.staff().await);
    let bread = shop.product("Bread").stock(5).create().await;
    let try_in =
        |email: &'static str| shop.guest().log_in(email, "a-wrong-secret-99").header("x-forwarded-for", "10.66.0.66").send();
    try_in(OWNER).await.expect_problem(401, "invalid_credentials");
    try_in("Nobody@Example.com").await.expect_problem(401, "invalid_credentials");
    try_in("nobody@example.com").await.expect_problem(401, "invalid_credentials");
    let reply = log(&shop, "?outcome=failed_sign_in").await;
    let rows = reply.rows();
    assert_eq!(rows.len(), 3, "{reply:?}");
    assert_eq!(rows[0]["action"], "POST /api/v1/auth/login");
    assert_eq!((&rows[0]["code"], &rows[0]["address"]), (&json!("invalid_credentials"), &json!("10.66.0.66")));
    let subject = |row: &Value| row["subject"].as_str().unwrap_or("").to_owned();
    assert!(subject(&rows[0]).starts_with("email:") && subject(&rows[0]) == subject(&rows[1]), "{reply:?}");
    assert!(subject(&rows[2]).starts_with("user:"), "{reply:?}");
    assert!(!reply.text.contains("wrong-secret") && !reply.text.to_lowercase().contains("nobody@"), "{reply:?}");

    // Anybody's 403; what staff were refused for its state; nobody's mistake of form.
    layla.get("/api/v1/inventory").send().await.expect_problem(403, "forbidden");
    staff.post("/api/v1/products").json(&json!({})).send().await.expect_problem(403, "forbidden");
    let put = json!({ "stock": 7, "version": 99, "reason": "count" });
    staff.put(&format!("/api/v1/inventory/{}", bread.id)).json(&put).send().await.expect_problem(409, "version_conflict");
    staff.put(&format!("/api/v1/inventory/{}", bread.id)).json(&json!({ "x": 1 })).send().await.expect(422);
    shop.guest().order().line(&bread, 99).send().await.expect_problem(409, "insufficient_stock");
    layla.order().line(&bread, 99).send().await.expect_problem(409, "insufficient_stock");
    shop.guest().get("/api/v1/inventory").send().await.expect_problem(401, "unauthenticated");
    let reply = log(&shop, "?outcome=refused").await;
    let path = format!("/api/v1/inventory/{}", bread.id);
    let expected = [
        ("PUT /api/v1/inventory/{productId}", path.as_str()),
        ("POST /api/v1/products", "/api/v1/products"),
        ("GET /api/v1/inventory", "/api/v1/inventory"),
    ];
    assert_eq!(told(&reply), expected, "{reply:?}");
    let whom: Vec<&Value> = reply.rows().iter().map(|row| &row["actor"]["role"]).collect();
    assert_eq!(whom, ["staff", "staff", "customer"]);
    shop.close().await;
}

#[tokio::test]
async fn nobody_fills_the_log_by_being_refused() {
    let shop = Shop::open_with(&[PROXY]).await;
    // Another address each time, so that no account waits.
    let try_in = async |n: usize, address: &str| {
        let email = format!("nobody{n}@example.com");
        shop.guest().log_in(&email, "a-wrong-secret-99").header("x-forwarded-for", address).send().await.expect(401);
    };
    for n in 0..27 {
        try_in(n, "10.66.0.66").await;
    }
    for n in 0..3 {
        try_in(n, "10.66.0.67").await;
    }
    let kept = async || log(&shop, "?outcome=failed_sign_in&per_page=100").await;
    assert_eq!(kept().await.rows().len(), 23, "twenty of one address, three of the other");
    shop.advance(Duration::from_secs(60));
    let reply = kept().await;
    let rows = reply.rows();
    assert_eq!(rows.len(), 24, "{reply:?}");
    assert_eq!((&rows[0]["after"], &rows[0]["address"]), (&json!({ "more": 7 }), &json!("10.66.0.66")), "the rest is counted");
    try_in(27, "10.66.0.66").await;
    assert_eq!(kept().await.rows().len(), 25, "a new minute");
    shop.close().await;
}

fn verify(folder: &Folder) -> (Option<i32>, Value, String) {
    let output = bayader(&folder.data(), &["audit", "verify", "--json"]);
    let answer = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code(), answer, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn a_row_that_was_changed_or_taken_out_is_named() {
    let folder = Folder::with_owner();
    let mut server = Shop::spawn(&folder).await;
    let owner = server.admin().await;
    for n in 0..3 {
        let body = json!({ "slug": format!("shelf-{n}"), "name": format!("Shelf {n}") });
        owner.post("/api/v1/categories").json(&body).send().await.expect(201);
    }
    // Beside the running server.
    let (code, answer, told) = verify(&folder);
    assert_eq!(
        (code, &answer["ok"], &answer["rows"], &answer["head"]),
        (Some(0), &json!(true), &json!(5), &json!(5)),
        "{told}"
    );
    let shown = owner.see("/api/v1/admin/audit").await;
    assert_eq!(shown.rows()[0]["hash"], answer["hash"]);
    server.expect_documented();
    assert!(server.terminate().await.success());

    let database = folder.data().join("bayader.db");
    let change = |statement: &str| {
        let books = Connection::open(&database).expect("the books");
        books.execute_batch(statement)
    };
    for statement in ["update audit_log set actor = 'staff' where n = 3", "delete from audit_log where n = 3"] {
        let refused = change(statement).expect_err("the log is append-only").to_string();
        assert!(refused.contains("append-only"), "{refused}");
    }
    let kept = std::fs::read(&database).expect("the books");
    let unlock = "drop trigger audit_log_is_not_rewritten; drop trigger audit_log_is_not_shortened;";
    for (statement, n) in [
        ("update audit_log set after = replace(after, 'shelf-0', 'shelf-9') where n = 3", 3),
        ("update audit_log set at = at + 1 where n = 5", 5),
        ("update audit_log set hash = zeroblob(32) where n = 2", 2),
        ("delete from audit_log where n = 4", 4),
        ("delete from audit_log where n = 1", 1),
    ] {
        change(&format!("{unlock} {statement};")).expect("whoever holds the file can");
        let (code, answer, told) = verify(&folder);
        assert_eq!((code, &answer["ok"], &answer["broken"]["n"]), (Some(1), &json!(false), &json!(n)), "{statement}: {answer}");
        assert!(told.contains(&format!("row {n} is")), "{told}");
        let doctor = bayader(&folder.data(), &["doctor"]);
        assert_eq!(doctor.status.code(), Some(1), "doctor sees it too: {statement}");
        std::fs::write(&database, &kept).expect("put back");
    }
    assert_eq!(verify(&folder).0, Some(0));
    folder.expect_healthy();
}

#[tokio::test]
async fn what_the_machines_keeper_does_to_accounts_and_menu_is_kept_as_the_systems() {
    let folder = Folder::with_owner();
    let menu = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/sample/menu.csv");
    assert!(bayader(&folder.data(), &["products", "import", menu, "--dry-run"]).status.success());
    assert!(bayader(&folder.data(), &["products", "import", menu]).status.success());
    let server = Shop::spawn(&folder).await;
    let owner = server.admin().await;
    let reply = owner.see("/api/v1/admin/audit").await;
    assert_eq!(
        told(&reply).iter().map(|(action, _)| *action).collect::<Vec<_>>(),
        ["session.begin", "menu.import", "account.create"]
    );
    assert_eq!(reply.rows()[1]["after"]["made"], 68);
    assert!(reply.rows()[1..].iter().all(|row| row["actor"] == json!({ "role": "system" })), "{reply:?}");
    assert!(!reply.text.contains(PASSWORD) && !reply.text.contains(OWNER));
    server.expect_documented();
}
