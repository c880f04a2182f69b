//! Accounts as their people and the shop's admins keep them: words, addresses, roles, and their end.

use serde_json::{Value, json};

use crate::harness::{Client, Order, PASSWORD, Reply, Shop};

const NOBODYS: &str = "/api/v1/users/01936000-0000-7000-8000-000000000000";

async fn path_of(client: &Client) -> String {
    let me = client.see("/api/v1/auth/me").await;
    format!("/api/v1/users/{}", me["id"].as_str().expect("an id"))
}

async fn put(by: &Client, path: &str, body: &Value) -> Reply {
    by.put(path).json(body).send().await
}

fn home() -> Value {
    let text = r#"{ "label": "Home", "line1": "Rainbow Street 12", "city": "Amman", "lat": 31.9510, "lng": 35.92, "isDefault": true }"#;
    serde_json::from_str(text).expect("an address")
}

fn office() -> Value {
    json!({ "line1": "Mecca Street 140", "line2": "Floor 3", "area": "Al-Jandaweel", "city": "Amman", "notes": "Ring twice" })
}

async fn hire(shop: &Shop, email: &str, role: &str) -> Client {
    let body = json!({ "name": "Omar", "email": email, "phone": "0790000009", "password": PASSWORD, "role": role });
    shop.admin().post("/api/v1/auth/register").json(&body).send().await.expect(201);
    Client::sign_in(&shop.wire, email).await
}

#[tokio::test]
async fn people_keep_their_own_words_and_addresses() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let path = path_of(&layla).await;
    let body = json!({
        "name": "Layla Haddad", "phone": "0791234567", "locale": "ar", "marketingConsent": true, "addresses": [home(), office()],
    });
    let first = put(&layla, &path, &body).await.expect(200);
    assert_eq!((&first["name"], &first["phone"]), (&json!("Layla Haddad"), &json!("+962791234567")));
    assert_eq!((&first["locale"], &first["marketingConsent"]), (&json!("ar"), &json!(true)));
    let kept = first["addresses"].as_array().expect("addresses");
    assert_eq!((kept[0]["lat"].to_string(), kept[0]["lng"].to_string()), ("31.9510".to_owned(), "35.92".to_owned()));
    assert_eq!(
        (&kept[0]["label"], &kept[0]["isDefault"], &kept[1]["isDefault"]),
        (&json!("Home"), &json!(true), &json!(false))
    );
    assert_eq!(first["metadata"], json!({}));
    for seen in [layla.see("/api/v1/auth/me").await, layla.see(&path).await, shop.admin().see(&path).await] {
        assert_eq!(seen.body, first.body);
    }

    // Sent back with its id an address keeps it, wherever it stands; what is left out is gone, the language stays.
    let body = json!({ "name": "Layla", "addresses": [office(), kept[0]] });
    let second = put(&layla, &path, &body).await.expect(200);
    assert_eq!(second["addresses"][1], kept[0]);
    assert_ne!(second["addresses"][0]["id"], kept[1]["id"]);
    assert_eq!((second.body.get("phone"), &second["locale"]), (None, &json!("ar")));
    assert_eq!(second["marketingConsent"], false);
    put(&layla, &path, &json!({ "name": "Layla" })).await.expect(200);
    assert_eq!(layla.see(&path).await["addresses"], json!([]));
    shop.close().await;
}

#[tokio::test]
async fn addresses_that_cannot_be_are_told_each() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let path = path_of(&layla).await;
    let kept = put(&layla, &path, &json!({ "name": "Layla", "addresses": [home()] })).await.expect(200);
    let with = |addresses: Value| json!({ "name": "Layla", "addresses": addresses });
    let mut foreign = office();
    foreign["id"] = "01936000-0000-7000-8000-000000000000".into();
    put(&layla, &path, &with(json!([kept["addresses"][0], foreign]))).await.expect_field("addresses[1].id");
    let twice = &kept["addresses"][0];
    let mut second = twice.clone();
    second["isDefault"] = false.into();
    put(&layla, &path, &with(json!([twice, second]))).await.expect_field("addresses[1].id");
    put(&layla, &path, &with(json!([home(), office(), home()]))).await.expect_field("addresses[2].isDefault");
    put(&layla, &path, &with(json!([{ "city": "Amman" }]))).await.expect_field("addresses[0].line1");
    put(&layla, &path, &with(json!([{ "line1": "x", "city": "Amman", "lat": 91 }]))).await.expect_field("addresses[0].lat");
    put(&layla, &path, &with(json!(vec![office(); 21]))).await.expect_field("addresses");
    assert_eq!(layla.see(&path).await.body, kept.body, "bad input changes nothing");
    assert_eq!(put(&layla, &path, &with(json!(vec![office(); 20]))).await.expect(200)["addresses"][19]["city"], "Amman");
    shop.close().await;
}

#[tokio::test]
async fn an_account_is_nobody_elses_business() {
    let shop = Shop::open().await;
    let (layla, huda) = (shop.customer("Layla").await, shop.customer("Huda").await);
    let path = path_of(&layla).await;
    for by in [huda, shop.driver().await, shop.staff().await] {
        for path in [path.as_str(), NOBODYS] {
            let mut refusals = vec![
                by.get(path).send().await.expect_problem(404, "not_found"),
                put(&by, path, &json!({ "name": "Mallory" })).await.expect_problem(404, "not_found"),
                by.delete(path).json(&json!({ "currentPassword": PASSWORD })).send().await.expect_problem(404, "not_found"),
            ];
            refusals.dedup_by_key(|refusal| refusal["detail"].clone());
            assert_eq!(refusals.len(), 1, "{refusals:?}");
        }
        by.get("/api/v1/users").send().await.expect_problem(403, "forbidden");
    }
    shop.guest().get(&path).send().await.expect_problem(401, "unauthenticated");
    assert_eq!(layla.see(&path).await["name"], "Layla");
    for path in [NOBODYS, "/api/v1/users/x"] {
        shop.admin().get(path).send().await.expect_problem(404, "not_found");
    }
    shop.close().await;
}

#[tokio::test]
async fn who_has_seen_an_older_version_changes_nothing() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let path = path_of(&layla).await;
    let seen = layla.see(&path).await;
    let tag = seen.header("etag").expect("a tag").to_owned();
    layla.get(&path).header("if-none-match", &tag).send().await.expect(304);
    let changed = layla.put(&path).header("if-match", &tag).json(&json!({ "name": "Layla H." })).send().await.expect(200);
    assert_eq!(changed["version"], 2);
    layla.put(&path).header("if-match", &tag).json(&json!({ "name": "Old" })).send().await.expect_problem(412, "stale");
    put(&layla, &path, &json!({ "name": "Old", "version": 1 })).await.expect_problem(409, "version_conflict");
    put(&layla, &path, &json!({ "name": "Layla", "version": 2 })).await.expect(200);
    shop.admin().delete(&path).header("if-match", &tag).send().await.expect_problem(412, "stale");
    shop.close().await;
}

#[tokio::test]
async fn the_list_finds_people_by_what_one_knows_of_them() {
    let shop = Shop::open().await;
    for (name, phone) in [("Layla", "0791234567"), ("Huda", "0780000001"), ("Sami", "0780000002")] {
        let body = json!({ "name": name, "email": format!("{}@example.com", name.to_lowercase()), "phone": phone, "password": PASSWORD });
        shop.guest().post("/api/v1/auth/register").json(&body).send().await.expect(201);
    }
    shop.staff().await;
    let admin = shop.admin();
    let found = async |query: &str| -> Vec<String> {
        let reply = admin.see(&format!("/api/v1/users{query}")).await;
        reply.column("email").into_iter().map(str::to_owned).collect()
    };
    let all = ["samir@example.com", "sami@example.com", "huda@example.com", "layla@example.com", "owner@example.com"]
        .map(str::to_owned);
    assert_eq!(found("").await, all, "newest first");
    assert_eq!(found("?q=SAMI").await, all[..2]);
    assert_eq!(found("?q=huda@").await, all[2..3]);
    for phone in ["079%20123", "%2B962791", "00962791234567", "%D9%A0%D9%A7%D9%A9%D9%A1%D9%A2%D9%A3"] {
        assert_eq!(found(&format!("?q={phone}")).await, all[3..4], "{phone}");
    }
    assert_eq!(found("?role=staff").await, all[..1]);
    assert_eq!(found("?role=customer&q=sami").await, all[1..2]);
    for wild in ["%25", "_", "%27%20or%201=1", "0"] {
        assert_eq!(found(&format!("?q={wild}")).await, Vec::<String>::new(), "{wild}");
    }
    let first = admin.see("/api/v1/users?per_page=2").await;
    assert_eq!((&first["meta"]["total"], first.rows().len()), (&json!(5), 2));
    let walked: Vec<String> =
        admin.walk("/api/v1/users?per_page=2").await.iter().map(|row| row["email"].as_str().expect("one").to_owned()).collect();
    assert_eq!(walked, all);
    admin.get("/api/v1/users?role=king").send().await.expect_field("role");
    admin.get("/api/v1/users?cursor=x").send().await.expect_field("cursor");
    shop.close().await;
}

#[tokio::test]
async fn role_address_and_notes_of_staff_are_not_for_oneself_to_change() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let path = path_of(&layla).await;
    let body = json!({ "name": "Layla", "role": "admin", "email": "boss@example.com", "metadata": { "vip": true } });
    let refusal = put(&layla, &path, &body).await.expect_problem(422, "validation_failed");
    let mut fields = refusal.fields();
    fields.sort_unstable();
    assert_eq!(fields, ["email", "metadata", "role"]);
    let staff = shop.staff().await;
    let own = path_of(&staff).await;
    put(&staff, &own, &json!({ "name": "Samir", "role": "admin" })).await.expect_field("role");
    let noted = put(&staff, &own, &json!({ "name": "Samir", "metadata": { "shift": "early" } })).await.expect(200);
    assert_eq!(noted["metadata"], json!({ "shift": "early" }));

    let admin = shop.admin();
    put(&admin, &path, &json!({ "name": "Layla", "email": "owner@example.com" })).await.expect_problem(409, "email_taken");
    let body = json!({ "name": "Layla", "email": "Layla.H@example.com", "metadata": { "vip": true } });
    assert_eq!(put(&admin, &path, &body).await.expect(200)["email"], "layla.h@example.com");
    // What customers send of themselves leaves the notes of staff alone.
    assert_eq!(put(&layla, &path, &json!({ "name": "Layla" })).await.expect(200)["metadata"], json!({ "vip": true }));
    shop.guest().log_in("layla@example.com", PASSWORD).send().await.expect(401);
    shop.guest().log_in("layla.h@example.com", PASSWORD).send().await.expect(200);
    shop.close().await;
}

#[tokio::test]
async fn a_changed_role_ends_the_sessions_of_the_account() {
    let shop = Shop::open().await;
    let omar = hire(&shop, "omar@example.com", "staff").await;
    let path = path_of(&omar).await;
    omar.see("/api/v1/inventory").await;
    put(&shop.admin(), &path, &json!({ "name": "Omar", "role": "staff" })).await.expect(200);
    omar.see("/api/v1/inventory").await;
    put(&shop.admin(), &path, &json!({ "name": "Omar", "role": "customer" })).await.expect(200);
    omar.get("/api/v1/inventory").send().await.expect_problem(401, "unauthenticated");
    let again = Client::sign_in(&shop.wire, "omar@example.com").await;
    again.get("/api/v1/inventory").send().await.expect_problem(403, "forbidden");
    shop.close().await;
}

#[tokio::test]
async fn a_shop_keeps_an_admin_who_can_sign_in() {
    let shop = Shop::open().await;
    let owner = shop.owner();
    let own = path_of(&owner).await;
    let erase = json!({ "currentPassword": PASSWORD });
    let step_down = json!({ "name": "Rania", "role": "staff" });
    // One who was only invited cannot open the shop tomorrow.
    let invited = json!({ "name": "Omar", "email": "invited@example.com", "phone": "0790000008", "role": "admin" });
    owner.post("/api/v1/auth/register").json(&invited).send().await.expect(201);
    put(&owner, &own, &step_down).await.expect_problem(409, "last_admin");
    owner.delete(&own).json(&erase).send().await.expect_problem(409, "last_admin");

    // Two who send each other away at once: one of them stays.
    let omar = hire(&shop, "omar@example.com", "admin").await;
    let omars = path_of(&omar).await;
    let demoted = json!({ "name": "Somebody", "role": "customer" });
    let (one, other) = tokio::join!(put(&owner, &omars, &demoted), put(&omar, &own, &demoted));
    let won = [&one, &other].into_iter().filter(|reply| reply.status == 200).count();
    assert_eq!(won, 1, "{one:?} {other:?}");
    shop.close().await;
}

#[tokio::test]
async fn an_order_goes_to_an_address_that_the_account_keeps() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(50).create().await;
    let (layla, huda) = (shop.customer("Layla").await, shop.customer("Huda").await);
    let path = path_of(&layla).await;
    let kept = put(&layla, &path, &json!({ "name": "Layla", "addresses": [office(), home()] })).await.expect(200);
    let id = kept["addresses"][0]["id"].as_str().expect("an id");
    let to = |info: Value| {
        let order = layla.order().line(&bread, 1).field("isPickup", false);
        order.field("deliveryInfo", info)
    };
    let order = to(json!({ "addressId": id, "notes": "The blue door" })).place().await;
    let delivery = &layla.order_of(&order).await["delivery"];
    assert_eq!(delivery["address"], office());
    assert_eq!(delivery["notes"], "The blue door");

    to(json!({ "addressId": id, "address": office() })).send().await.expect_field("deliveryInfo.addressId");
    to(json!({ "notes": "x" })).send().await.expect_field("deliveryInfo.address");
    let others =
        |by: &Client| by.order().line(&bread, 1).field("isPickup", false).field("deliveryInfo", json!({ "addressId": id }));
    others(&huda).send().await.expect_field("deliveryInfo.addressId");
    others(&shop.guest()).send().await.expect_field("deliveryInfo.addressId");
    others(&shop.staff().await).send().await.expect_field("deliveryInfo.addressId");
    let by_staff = others(&shop.staff().await).field("customerId", kept["id"].clone()).send().await.expect(201);
    assert_eq!(layla.order_of(&Order::of(&by_staff)).await["delivery"]["address"], office());
    shop.close().await;
}

#[tokio::test]
async fn an_erased_account_leaves_the_books_and_nobodys_name() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").price("1.250").stock(50).create().await;
    let layla = shop.customer("Layla").await;
    let elsewhere = Client::sign_in(&shop.wire, layla.email()).await;
    let path = path_of(&layla).await;
    let kept =
        put(&layla, &path, &json!({ "name": "Layla Haddad", "phone": "0791234567", "addresses": [home()] })).await.expect(200);
    let staff = shop.staff().await;
    let order = layla.order().line(&bread, 2).delivery().field("notes", "For Layla's mother").place().await;
    let cancelled = layla.order().line(&bread, 1).pickup().place().await;
    let reason = json!({ "reason": "Layla is ill" });
    layla.post(&format!("{}/cancel", cancelled.path())).json(&reason).send().await.expect(200);
    let before = staff.order_of(&order).await;

    let erase = |body: Value| layla.delete(&path).json(&body).send();
    erase(json!({})).await.expect_field("currentPassword");
    erase(json!({ "currentPassword": "not-her-password" })).await.expect_problem(422, "wrong_password");
    let refusal = erase(json!({ "currentPassword": PASSWORD })).await.expect_problem(409, "has_open_orders");
    assert_eq!(refusal["openOrders"], 1);
    assert_eq!(layla.see(&path).await.body, kept.body, "a refusal changes nothing");

    staff.move_order_through(&order, &["Confirmed", "Preparing", "OutForDelivery", "Delivered"]).await;
    shop.guest().post("/api/v1/auth/password/forgot").json(&json!({ "email": layla.email() })).send().await.expect(202);
    let link = shop.letters().await[0].token().to_owned();
    let told_of_devices = "select count(*) from sessions where address is not null and user_id = (select id from users where email = 'layla@example.com')";
    assert_eq!(shop.count(told_of_devices).await, 2, "changed addresses take nothing from what is known of the devices");
    let of_all = shop.count("select count(*) from sessions where address is not null").await;
    erase(json!({ "currentPassword": PASSWORD })).await.expect(204);
    let left = shop.count("select count(*) from sessions where address is not null").await;
    assert_eq!(left, of_all - 2, "where she signed in is her own affair");

    for session in [&layla, &elsewhere] {
        session.get("/api/v1/auth/me").send().await.expect_problem(401, "unauthenticated");
    }
    shop.guest().log_in("layla@example.com", PASSWORD).send().await.expect_problem(401, "invalid_credentials");
    let reset = json!({ "token": link, "password": "olives and thyme at six" });
    shop.guest().post("/api/v1/auth/password/reset").json(&reset).send().await.expect_problem(410, "invalid_link");
    let admin = shop.admin();
    admin.get(&path).send().await.expect_problem(404, "not_found");
    admin.delete(&path).send().await.expect_problem(404, "not_found");
    assert!(!admin.see("/api/v1/users").await.text.contains("erased"));

    let after = staff.order_of(&order).await;
    assert_eq!(after["customer"]["name"], "Deleted account");
    for name in ["items", "subtotal", "totalAmount", "tax", "deliveryFee", "paymentStatus", "orderNumber", "createdAt"] {
        if name != "paymentStatus" {
            assert_eq!(after[name], before[name], "{name}");
        }
    }
    for order in [&order, &cancelled] {
        let told = staff.order_of(order).await.to_string();
        for personal in ["Layla", "layla@", "79123", "79000", "Rainbow", "mother", "ill"] {
            assert!(!told.contains(personal), "{personal} stands in {told}");
        }
    }
    // The address is free again, and whoever takes it is somebody else.
    let anew = shop.customer("Layla").await;
    assert!(anew.see("/api/v1/orders").await.rows().is_empty());
    shop.close().await;
}

#[tokio::test]
async fn nobody_takes_what_stands_in_the_place_of_an_erased_address() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let path = path_of(&layla).await;
    let id = path.rsplit('/').next().expect("an id");
    for taken in [format!("{id}@deleted.invalid"), format!("erased {id}"), format!("erased{id}@x.invalid")] {
        let body = json!({ "name": "X", "email": taken, "phone": "0790123456", "password": "olives and thyme at six" });
        let reply = shop.guest().post("/api/v1/auth/register").json(&body).send().await;
        assert!([201, 422].contains(&reply.status), "{reply:?}");
    }
    layla.delete(&path).json(&json!({ "currentPassword": PASSWORD })).send().await.expect(204);
    shop.close().await;
}

#[tokio::test]
async fn an_admin_erases_who_asked_for_it() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let path = path_of(&layla).await;
    let omar = hire(&shop, "omar@example.com", "staff").await;
    shop.admin().delete(&path).send().await.expect(204);
    layla.get("/api/v1/auth/me").send().await.expect(401);
    shop.admin().delete(&path_of(&omar).await).json(&json!({})).send().await.expect(204);
    omar.get("/api/v1/inventory").send().await.expect_problem(401, "unauthenticated");
    let own = path_of(&shop.admin()).await;
    shop.admin().delete(&own).send().await.expect_field("currentPassword");
    shop.close().await;
}
