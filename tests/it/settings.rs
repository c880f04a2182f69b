//! The owner's settings: read, replaced, and acting at once.

use serde_json::{Value, json};

use crate::harness::{Client, Folder, Reply, Shop, bayader};

const PATH: &str = "/api/v1/admin/settings";

async fn put(by: &Client, body: Value) -> Reply {
    by.put(PATH).json(&body).send().await
}

/// The codes that a 422 has for a field.
fn codes<'r>(reply: &'r Reply, field: &str) -> Vec<&'r str> {
    let errors = reply["errors"].as_array().into_iter().flatten();
    errors.filter(|error| error["field"] == field).filter_map(|error| error["code"].as_str()).collect()
}

#[tokio::test]
async fn a_new_shop_has_the_settings_it_is_promised() {
    let shop = Shop::open().await;
    let seen = shop.owner().see(PATH).await;
    assert_eq!(
        seen.body,
        json!({
            "shop": { "name": "EL-Bayader", "locale": "en", "currency": "JOD", "timeZone": "Asia/Amman", "firstWeekday": "sunday",
                "phone": null, "address": null, "transferDetails": null },
            "orders": { "holdMinutes": 30, "confirmCash": false, "cashHoldHours": 24, "pricesIncludeTax": true,
                "deliveryFee": "0.000", "freeDeliveryFrom": null },
            "hours": [], "paymentMethods": { "cash": true, "card_machine": true, "transfer": false },
            "messages": { "dailySummaryAt": "21:30", "quietFrom": "21:00", "quietUntil": "09:00" },
            "retention": { "sessionDays": 90, "cartDays": 30, "providerBodyDays": 90, "messageBodyDays": 180, "doneJobDays": 14,
                "orderPersonDays": 1095 },
            "fixed": [], "version": 1,
        })
    );
    let tag = seen.header("etag").expect("a tag").to_owned();
    assert!(tag.starts_with("\"1."));
    shop.owner().get(PATH).header("if-none-match", &tag).send().await.expect(304);
    shop.close().await;
}

#[tokio::test]
async fn what_was_read_may_be_sent_back_and_changes_nothing() {
    let shop = Shop::open_with(&[("BAYADER_SHOP__NAME", "Al-Quds"), ("BAYADER_ORDERS__HOLD_MINUTES", "20")]).await;
    let seen = shop.owner().see(PATH).await;
    assert_eq!(seen["fixed"], json!(["shop.name", "orders.holdMinutes"]));
    let again = put(&shop.owner(), seen.body.clone()).await.expect(200);
    assert_eq!(again.body, seen.body);
    assert_eq!(again.header("etag"), seen.header("etag"));
    shop.close().await;
}

#[tokio::test]
async fn a_section_that_is_there_is_replaced_and_one_that_is_left_out_stays() {
    let shop = Shop::open().await;
    let owner = shop.owner();
    let full = json!({
        "shop": { "name": "مخبز البيادر", "locale": "ar", "timeZone": "asia/amman", "firstWeekday": "monday", "phone": "06 461 2345", "address": "Rainbow Street 12\nAmman", "transferDetails": "CliQ: BAYADER\nAl-Bayader Bakery" },
        "orders": { "holdMinutes": 1440, "confirmCash": true, "cashHoldHours": 720, "pricesIncludeTax": false, "deliveryFee": 2, "freeDeliveryFrom": "٢٠٫٥" },
        "hours": [{ "weekday": "tuesday", "opens": "08:00", "closes": "24:00" }, { "weekday": "monday", "opens": "٠٩:٠٠", "closes": "12:30" }],
        "version": 1,
    });
    let seen = put(&owner, full).await.expect(200);
    assert_eq!(seen["version"], 2);
    assert_eq!(seen["shop"]["currency"], "JOD");
    assert_eq!(seen["shop"]["timeZone"], "Asia/Amman");
    assert_eq!(seen["shop"]["phone"], "+96264612345");
    assert_eq!(seen["shop"]["transferDetails"], "CliQ: BAYADER\nAl-Bayader Bakery");
    assert_eq!(seen["orders"]["deliveryFee"], "2.000");
    assert_eq!(seen["orders"]["freeDeliveryFrom"], "20.500");
    assert_eq!(
        seen["hours"],
        json!([{ "weekday": "monday", "opens": "09:00", "closes": "12:30" }, { "weekday": "tuesday", "opens": "08:00", "closes": "24:00" }])
    );
    assert_eq!(owner.see(PATH).await.body, seen.body);

    let after = put(&owner, json!({ "shop": { "name": "Bayader" }, "orders": { "deliveryFee": "1.000" } })).await.expect(200);
    assert_eq!(after["version"], 3);
    assert_eq!(
        after["shop"],
        json!({ "name": "Bayader", "locale": "ar", "currency": "JOD", "timeZone": "Asia/Amman", "firstWeekday": "monday", "phone": null, "address": null, "transferDetails": null })
    );
    assert_eq!(
        after["orders"],
        json!({ "holdMinutes": 30, "confirmCash": false, "cashHoldHours": 24, "pricesIncludeTax": true, "deliveryFee": "1.000", "freeDeliveryFrom": null })
    );
    assert_eq!(after["hours"], seen["hours"]);
    assert_eq!(put(&owner, json!({})).await.expect(200).body, after.body);
    assert_eq!(put(&owner, json!({ "hours": [] })).await.expect(200)["hours"], json!([]));
    shop.close().await;
}

#[tokio::test]
async fn every_fault_is_named_and_nothing_is_changed() {
    let shop = Shop::open().await;
    let owner = shop.owner();
    let before = owner.see(PATH).await.body;
    let reply = put(
        &owner,
        json!({
            "shop": { "name": " ", "locale": "fr", "currency": "jod", "timeZone": "Mars/Olympus", "firstWeekday": "Sunday", "phone": "12", "address": "a".repeat(501), "transferDetails": "a".repeat(501) },
            "orders": { "holdMinutes": 0, "cashHoldHours": 721, "confirmCash": "maybe", "deliveryFee": "1.0001", "freeDeliveryFrom": -1 },
            "hours": [{ "weekday": "noday", "opens": "24:00", "closes": "8" }],
            "paymentMethods": { "cash": 1, "barter": true },
            "fixed": "shop.name",
            "theme": "dark",
        }),
    )
    .await
    .expect_problem(422, "validation_failed");
    for field in [
        "shop.name",
        "shop.locale",
        "shop.currency",
        "shop.timeZone",
        "shop.firstWeekday",
        "shop.phone",
        "shop.address",
        "shop.transferDetails",
        "orders.holdMinutes",
        "orders.cashHoldHours",
        "orders.confirmCash",
        "orders.deliveryFee",
        "orders.freeDeliveryFrom",
        "hours[0].weekday",
        "hours[0].opens",
        "hours[0].closes",
        "paymentMethods.cash",
        "paymentMethods.barter",
        "theme",
        "fixed",
    ] {
        assert!(reply.fields().contains(&field), "{field} is not named: {reply:?}");
    }
    assert_eq!(codes(&reply, "orders.deliveryFee"), ["invalid_amount"]);
    for (hold, cash, status) in [(1, 1, 200), (1_440, 720, 200), (1_441, 1, 422), (1, 0, 422)] {
        put(&owner, json!({ "orders": { "holdMinutes": hold, "cashHoldHours": cash } })).await.expect(status);
    }
    put(&owner, json!({ "orders": {} })).await.expect(200);
    let after = owner.see(PATH).await.body;
    assert_eq!((&after["shop"], &after["orders"], &after["hours"]), (&before["shop"], &before["orders"], &before["hours"]));
    shop.close().await;
}

#[tokio::test]
async fn a_stale_editor_is_told() {
    let shop = Shop::open().await;
    let owner = shop.owner();
    let tag = owner.see(PATH).await.header("etag").expect("a tag").to_owned();
    put(&owner, json!({ "shop": { "name": "One" }, "version": 1 })).await.expect(200);
    let reply = put(&owner, json!({ "shop": { "name": "Two" }, "version": 1 })).await.expect_problem(409, "version_conflict");
    assert_eq!(reply["currentVersion"], 2);
    let request = owner.put(PATH).header("if-match", &tag).json(&json!({ "shop": { "name": "Two" } }));
    assert_eq!(request.send().await.expect_problem(412, "stale")["currentVersion"], 2);
    assert_eq!(owner.see(PATH).await["shop"]["name"], "One");
    let tag = owner.see(PATH).await.header("etag").expect("a tag").to_owned();
    owner.put(PATH).header("if-match", &tag).json(&json!({ "shop": { "name": "Two" } })).send().await.expect(200);
    shop.close().await;
}

#[tokio::test]
async fn what_the_keeper_decides_is_named_and_stays() {
    let shop = Shop::open_with(&[
        ("BAYADER_SHOP__CURRENCY", "USD"),
        ("BAYADER_SHOP__TIME_ZONE", "Europe/Berlin"),
        ("BAYADER_ORDERS__CONFIRM_CASH", "true"),
    ])
    .await;
    let owner = shop.owner();
    assert_eq!(owner.see(PATH).await["fixed"], json!(["shop.currency", "shop.timeZone", "orders.confirmCash"]));
    let body = json!({ "shop": { "name": "Bayader", "currency": "EUR", "timeZone": "Europe/Berlin" }, "orders": { "confirmCash": false } });
    let reply = put(&owner, body).await.expect_problem(422, "validation_failed");
    assert_eq!(reply.fields(), ["shop.currency", "orders.confirmCash"]);
    assert_eq!(codes(&reply, "shop.currency"), ["fixed_by_configuration"]);
    assert!(reply.text.contains("BAYADER_SHOP__CURRENCY"), "{reply:?}");
    assert_eq!(owner.see(PATH).await["shop"]["name"], "EL-Bayader");
    // The same value may come back, and what is left out stays as it is decided.
    let reply = put(&owner, json!({ "shop": { "currency": "USD", "name": "Bayader" }, "orders": { "deliveryFee": "2.50" } }))
        .await
        .expect(200);
    assert_eq!((&reply["orders"]["confirmCash"], &reply["shop"]["timeZone"]), (&json!(true), &json!("Europe/Berlin")));
    shop.close().await;
}

#[tokio::test]
async fn the_currency_can_change_until_something_has_a_price() {
    let shop = Shop::open().await;
    let owner = shop.owner();
    put(&owner, json!({ "orders": { "deliveryFee": "2.000" } })).await.expect(200);
    // The fee is an amount of the old currency; the new one has two decimals.
    put(&owner, json!({ "shop": { "currency": "USD" } })).await.expect_field("orders");
    put(&owner, json!({ "shop": { "currency": "USD" }, "orders": { "deliveryFee": "2.000" } }))
        .await
        .expect_field("orders.deliveryFee");
    let reply = put(&owner, json!({ "shop": { "currency": "USD" }, "orders": { "deliveryFee": "2.00" } })).await.expect(200);
    assert_eq!((&reply["shop"]["currency"], &reply["orders"]["deliveryFee"]), (&json!("USD"), &json!("2.00")));
    let bread = shop.product("Bread").price("1.25").stock(5).create().await;
    assert_eq!(bread.body["currency"], "USD");
    let refusal = put(&owner, json!({ "shop": { "currency": "JOD" } })).await.expect_problem(409, "currency_in_use");
    assert_eq!(refusal["currency"], "USD");
    let arabic = owner.put(PATH).header("accept-language", "ar").json(&json!({ "shop": { "currency": "JOD" } })).send().await;
    assert_eq!(arabic.expect_problem(409, "currency_in_use")["title"], "عملة المتجر مستخدمة");
    // The same currency is no change.
    put(&owner, json!({ "shop": { "currency": "USD", "name": "Bayader" } })).await.expect(200);
    shop.close().await;
}

#[tokio::test]
async fn settings_act_before_their_changer_is_answered() {
    let shop = Shop::open().await;
    let owner = shop.owner();
    let names = json!({ "ar": { "name": "كرواسون" } });
    let croissant = shop.product("Croissant").price("4.000").stock(50).field("translations", names).create().await;
    let total = async || shop.guest().order().line(&croissant, 1).delivery().send().await.expect(201)["totalAmount"].clone();
    let name = async || shop.guest().see("/api/v1/products").await.rows()[0]["name"].clone();
    assert_eq!((total().await, name().await), (json!("4.000"), json!("Croissant")));
    put(&owner, json!({ "orders": { "deliveryFee": "1.500", "freeDeliveryFrom": "8.000" } })).await.expect(200);
    assert_eq!(total().await, "5.500");
    let free = shop.guest().order().line(&croissant, 2).delivery().send().await.expect(201);
    assert_eq!(free["totalAmount"], "8.000");
    put(&owner, json!({ "orders": { "confirmCash": true } })).await.expect(200);
    let confirmed = shop.guest().order().line(&croissant, 1).delivery().send().await.expect(201);
    assert_eq!((&confirmed["status"], &confirmed["totalAmount"]), (&json!("Confirmed"), &json!("4.000")));
    // The menu is forgotten with the language it was made in, and the shop's own language is what guests see unless they say.
    put(&owner, json!({ "shop": { "locale": "ar" } })).await.expect(200);
    assert_eq!(name().await, "كرواسون");
    shop.close().await;
}

#[tokio::test]
async fn a_method_that_is_off_is_refused_to_everybody_and_not_listed() {
    let shop = Shop::open().await;
    let croissant = shop.product("Croissant").stock(10).create().await;
    let methods = async |language| {
        let request = shop.guest().get("/api/v1/payments/methods").header("accept-language", language);
        request.send().await.expect(200).body
    };
    assert_eq!(methods("en").await, json!({ "data": [{ "code": "cash", "name": "Cash", "kind": "offline" }] }));
    assert_eq!(methods("ar").await["data"][0]["name"], "نقدًا");
    let (staff, customer) = (shop.staff().await, shop.customer("Layla").await);
    put(&shop.owner(), json!({ "paymentMethods": { "cash": false } })).await.expect(200);
    assert_eq!(methods("en").await, json!({ "data": [] }));
    for who in [shop.guest(), customer, staff.clone(), shop.owner()] {
        let reply = who.order().line(&croissant, 1).pickup().send().await.expect_field("paymentMethod");
        assert_eq!(codes(&reply, "paymentMethod"), ["method_not_offered"]);
    }
    let many = shop.guest().order().line(&croissant, 500).pickup().send().await.expect(422);
    assert_eq!(many.fields(), ["paymentMethod", "items[0].quantity"]);
    assert_eq!(staff.pieces(&croissant).await, (10, 0, 10));
    // Left out of a section that is there, a method is as a shop begins with it.
    put(&shop.owner(), json!({ "paymentMethods": {} })).await.expect(200);
    shop.guest().order().line(&croissant, 1).pickup().send().await.expect(201);
    shop.guest().get("/api/v1/payments/methods?order=1").send().await.expect(422);
    shop.close().await;
}

#[tokio::test]
async fn settings_are_the_owners_alone() {
    let shop = Shop::open().await;
    for (who, status) in
        [(shop.guest(), 401), (shop.customer("Layla").await, 403), (shop.driver().await, 403), (shop.staff().await, 403)]
    {
        who.get(PATH).send().await.expect(status);
        put(&who, json!({ "shop": { "name": "Mine" } })).await.expect(status);
    }
    assert_eq!(shop.owner().see(PATH).await["shop"]["name"], "EL-Bayader");
    shop.close().await;
}

#[tokio::test]
async fn of_many_changers_each_makes_one_version_and_the_last_is_in_force() {
    let shop = Shop::open().await;
    let owner = shop.owner();
    let changes = (1..=20).map(|minutes| put(&owner, json!({ "orders": { "holdMinutes": minutes } })));
    let replies = futures_util::future::join_all(changes).await;
    let mut made: Vec<(i64, i64)> = replies
        .into_iter()
        .map(|reply| reply.expect(200))
        .map(|reply| (reply["version"].as_i64().expect("a version"), reply["orders"]["holdMinutes"].as_i64().expect("minutes")))
        .collect();
    made.sort_unstable();
    assert_eq!(made.iter().map(|(version, _)| *version).collect::<Vec<_>>(), (2..=21).collect::<Vec<_>>());
    let seen = owner.see(PATH).await;
    assert_eq!(
        (seen["version"].as_i64(), seen["orders"]["holdMinutes"].as_i64()),
        (Some(21), made.last().map(|(_, minutes)| *minutes))
    );
    shop.close().await;
}

#[tokio::test]
async fn a_keeper_cannot_change_the_currency_of_prices_either() {
    let folder = Folder::with_owner();
    let mut server = Shop::spawn(&folder).await;
    let admin = server.admin().await;
    put(&admin, json!({ "shop": { "currency": "EUR", "name": "Bäckerei" } })).await.expect(200);
    server.product(&admin, "Bread").price("1.25").create().await;
    server.expect_documented();
    server.terminate().await;
    let file = folder.data().join("bayader.toml");
    std::fs::write(&file, "[shop]\ncurrency = \"USD\"\n").expect("a file");
    let refused = bayader(&folder.data(), &["serve", "--listen", "127.0.0.1:0"]);
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && told.contains("USD") && told.contains("EUR"), "{told}");
    // Its own currency may stand there, and then the owner is told where. What the owner has decided is there after a restart.
    std::fs::write(&file, "[shop]\ncurrency = \"EUR\"\n").expect("a file");
    let server = Shop::spawn(&folder).await;
    let admin = server.admin().await;
    let reply = put(&admin, json!({ "shop": { "currency": "USD" } })).await.expect_field("shop.currency");
    assert!(reply.text.contains("`shop.currency` in bayader.toml, line 2"), "{reply:?}");
    assert!(!reply.text.contains(&*folder.data().to_string_lossy()), "no path leaks: {reply:?}");
    assert_eq!(admin.see(PATH).await["shop"]["name"], "Bäckerei");
}
