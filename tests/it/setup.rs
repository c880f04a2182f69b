//! The first hour of a shop: the code, the one write that opens it, what each refusal says, and that a shop is opened once.

use std::collections::BTreeSet;
use std::time::Duration;

use bayader::app::control::{Answer, Request as Asked, execute};
use bayader::app::{Opening, openapi};
use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, Reply, Request, Shop};

const PATH: &str = "/api/v1/setup";
const QUARTER: Duration = Duration::from_secs(15 * 60);
const MS: Duration = Duration::from_millis(1);

/// A new code, as `bayader admin setup-code` asks for it.
async fn code(shop: &Shop) -> String {
    match execute(shop.inner(), Asked::SetupCode, &|_| ()).await {
        Answer::SetupCode { code, page, seconds } => {
            assert!(page.ends_with("/setup"), "{page}");
            assert_eq!(seconds, QUARTER.as_secs());
            code.reveal().to_owned()
        }
        other => panic!("no code: {other:?}"),
    }
}

fn body(code: &str) -> Value {
    json!({
        "code": code, "shopName": "Salma's Bakery", "locale": "ar", "timeZone": "Africa/Cairo", "currency": "EGP",
        "ownerName": "Salma", "ownerEmail": "Salma@Example.com", "password": PASSWORD, "sample": false,
    })
}

fn with(mut body: Value, changes: &[(&str, Value)]) -> Value {
    for (name, value) in changes {
        body[*name] = value.clone();
    }
    body
}

fn send(shop: &Shop, body: &Value) -> Request {
    shop.guest().post(PATH).json(body)
}

/// Closes a shop that nobody owns yet, to whom nothing has happened.
async fn close_untouched(shop: Shop) {
    assert_eq!(shop.guest().see("/readyz").await["status"], "setup");
    let rows = "select (select count(*) from users) + (select count(*) from products) + (select count(*) from sessions)";
    assert_eq!(shop.count(rows).await, 0);
    shop.close().await;
}

#[tokio::test]
async fn the_code_opens_the_shop_and_signs_its_owner_in() {
    let shop = Shop::open_without_owner(&[]).await;
    let offered = shop.guest().see(PATH).await;
    assert_eq!((&offered["needed"], &offered["code"]["state"]), (&json!(true), &json!("none")));
    let codes = |list: &str| -> BTreeSet<String> {
        let list = offered[list].as_array().expect("a list");
        list.iter().map(|one| one["code"].as_str().expect("a code").to_owned()).collect()
    };
    assert_eq!(codes("languages"), BTreeSet::from(["ar".to_owned(), "en".to_owned()]));
    assert!(codes("timeZones").contains("Asia/Amman") && codes("currencies").contains("JOD"));
    assert_eq!(offered["fixed"], json!([]));

    let code = code(&shop).await;
    let waits = shop.guest().see(PATH).await;
    assert_eq!(waits["code"], json!({ "state": "waits", "secondsLeft": 900, "triesLeft": 5 }));
    let typed = code.to_lowercase().replace('-', " ");
    let opened = send(&shop, &body(&typed)).send().await.expect(201);
    let user = &opened["user"];
    assert_eq!((&user["email"], &user["name"], &user["role"]), (&json!("salma@example.com"), &json!("Salma"), &json!("admin")));
    assert_eq!(opened.header("location"), Some(format!("/api/v1/users/{}", user["id"].as_str().expect("an id")).as_str()));
    assert_eq!(opened.header("cache-control"), Some("private, no-store"));

    let owner = Client::signed_in(&shop.wire, "salma@example.com", &opened);
    let settings = owner.see("/api/v1/admin/settings").await;
    let chosen = |name: &str| settings["shop"][name].as_str().map(str::to_owned).unwrap_or_default();
    assert_eq!(["name", "locale", "currency", "timeZone"].map(chosen), ["Salma's Bakery", "ar", "EGP", "Africa/Cairo"]);
    assert_eq!(shop.guest().see("/readyz").await["status"], "ready");
    assert_eq!(shop.guest().see("/api/v1/products").await["meta"]["total"], 0);
    // Who did it stands in the audit log, from the first row on.
    let log = owner.see("/api/v1/admin/audit").await;
    let told: BTreeSet<&str> = log.rows().iter().filter_map(|row| row["action"].as_str()).collect();
    assert!(told.is_superset(&BTreeSet::from(["account.create", "session.begin", "settings.replace"])), "{told:?}");
    assert!(log.rows().iter().all(|row| row["actor"]["id"] == user["id"]), "{log:?}");
    shop.close().await;
}

#[tokio::test]
async fn a_browser_gets_the_session_as_a_cookie() {
    let shop = Shop::open_without_owner(&[]).await;
    let code = code(&shop).await;
    let foreign = send(&shop, &body(&code)).header("x-session", "cookie").header("sec-fetch-site", "cross-site");
    foreign.send().await.expect_problem(403, "csrf_refused");
    let opened = send(&shop, &body(&code)).header("x-session", "cookie").send().await.expect(201);
    assert!(opened["csrfToken"].is_string() && opened["token"].is_null(), "{opened:?}");
    let cookie = opened.header("set-cookie").and_then(|line| line.split(';').next()).expect("a cookie").to_owned();
    let me = shop.guest().get("/api/v1/auth/me").header("cookie", &cookie).send().await.expect(200);
    assert_eq!(me["email"], "salma@example.com");
    shop.close().await;
}

#[tokio::test]
async fn a_shop_that_is_open_has_no_set_up() {
    let shop = Shop::open().await;
    shop.guest().get(PATH).send().await.expect_problem(404, "not_found");
    // Whatever is sent: nothing of it is looked at.
    for sent in [json!({}), body("K7QM-2XRD")] {
        send(&shop, &sent).send().await.expect_problem(404, "not_found");
    }
    let answer = execute(shop.inner(), Asked::SetupCode, &|_| ()).await;
    assert!(matches!(&answer, Answer::Refused { message, .. } if message.contains("set up already")), "{answer:?}");
    shop.close().await;
}

#[tokio::test]
async fn five_wrong_codes_are_counted_down_and_then_only_a_new_one_counts() {
    let shop = Shop::open_without_owner(&[]).await;
    let none = send(&shop, &body("K7QM-2XRD")).send().await.expect_problem(403, "wrong_code");
    assert!(none["detail"].as_str().is_some_and(|detail| detail.contains("bayader admin setup-code")), "{none:?}");
    let first = code(&shop).await;
    for (left, wrong) in [(4, "AAAA-AAAA"), (3, "0000-0000"), (2, "x"), (1, "ÅÅÅÅ-ÅÅÅÅ"), (0, &first[..8])] {
        // A body that cannot be taken is told so, and tells nothing of the code.
        send(&shop, &with(body(wrong), &[("currency", json!("dinars"))])).send().await.expect_field("currency");
        let refused = send(&shop, &body(wrong)).send().await.expect_problem(403, "wrong_code");
        assert_eq!(refused["triesLeft"], left, "{refused:?}");
    }
    let spent = send(&shop, &body(&first)).send().await.expect_problem(429, "code_spent");
    assert!(spent["detail"].as_str().is_some_and(|detail| detail.contains("bayader admin setup-code")), "{spent:?}");
    assert_eq!(shop.guest().see(PATH).await["code"]["state"], "spent");
    // At once, without a wait.
    let second = code(&shop).await;
    assert_ne!(first, second);
    send(&shop, &body(&first)).send().await.expect_problem(403, "wrong_code");
    send(&shop, &body(&second)).send().await.expect(201);
    shop.close().await;
}

#[tokio::test]
async fn a_code_ends_after_a_quarter_of_an_hour() {
    let shop = Shop::open_without_owner(&[]).await;
    let old = code(&shop).await;
    shop.advance(QUARTER - MS);
    assert_eq!(shop.guest().see(PATH).await["code"], json!({ "state": "waits", "secondsLeft": 1, "triesLeft": 5 }));
    shop.advance(MS);
    assert_eq!(shop.guest().see(PATH).await["code"], json!({ "state": "ended", "secondsLeft": 0, "triesLeft": 0 }));
    let ended = send(&shop, &body(&old)).send().await.expect_problem(403, "wrong_code");
    assert!(ended["detail"].as_str().is_some_and(|detail| detail.contains("15 minutes")), "{ended:?}");
    send(&shop, &body(&code(&shop).await)).send().await.expect(201);
    shop.close().await;
}

#[tokio::test]
async fn every_fault_of_the_body_is_told_at_once_and_costs_no_try() {
    let shop = Shop::open_without_owner(&[]).await;
    let code = code(&shop).await;
    let sent = json!({
        "shopName": "  ", "locale": "fr", "timeZone": "Mars/Olympus", "currency": "jod", "ownerEmail": "salma", "password": "short",
        "sample": "yes", "colour": "red",
    });
    let refused = send(&shop, &sent).send().await.expect_problem(422, "validation_failed");
    let named: BTreeSet<&str> = refused.fields().into_iter().collect();
    let wanted = ["code", "shopName", "locale", "timeZone", "currency", "ownerEmail", "password", "sample", "colour"];
    assert_eq!(named, BTreeSet::from(wanted), "{refused:?}");
    let commonest = [("ownerEmail", json!("salma@example.com")), ("password", json!("salma@example.com"))];
    send(&shop, &with(body(&code), &commonest)).send().await.expect_field("password");
    assert_eq!(shop.guest().see(PATH).await["code"]["triesLeft"], 5);
    close_untouched(shop).await;
}

#[tokio::test]
async fn passwords_are_not_taken_over_plain_http_from_outside() {
    let shop = Shop::open_without_owner(&[("BAYADER_SERVER__TRUSTED_PROXIES", "127.0.0.1")]).await;
    let code = code(&shop).await;
    let outside = |body: &Value| send(&shop, body).header("x-forwarded-for", "203.0.113.9");
    outside(&body(&code)).send().await.expect_problem(403, "https_required");
    outside(&body("AAAA-AAAA")).send().await.expect_problem(403, "https_required");
    assert_eq!(shop.guest().see(PATH).await["code"]["triesLeft"], 5);
    send(&shop, &body(&code)).header("x-forwarded-for", "192.168.1.20").send().await.expect(201);
    shop.close().await;
}

#[tokio::test]
async fn of_many_who_have_the_code_one_opens_the_shop() {
    let shop = Shop::open_without_owner(&[]).await;
    let code = code(&shop).await;
    let tries = (0..8).map(|n| {
        let owner = [("ownerEmail", json!(format!("owner{n}@example.com"))), ("shopName", json!(format!("Bakery {n}")))];
        tokio::spawn(send(&shop, &with(body(&code), &owner)).send())
    });
    let tries: Vec<_> = tries.collect();
    let mut opened: Option<Reply> = None;
    for asked in tries {
        let reply = asked.await.expect("it is answered");
        if reply.status == 201 {
            assert!(opened.replace(reply).is_none(), "it was opened twice");
        } else {
            reply.expect_problem(404, "not_found");
        }
    }
    let opened = opened.expect("one of them opened it");
    assert_eq!(shop.count("select count(*) from users").await, 1);
    let owner = Client::signed_in(&shop.wire, "owner", &opened);
    let (name, email) = (owner.see("/api/v1/admin/settings").await, &opened["user"]["email"]);
    let number = |text: &str| text.chars().find(char::is_ascii_digit);
    assert_eq!(number(name["shop"]["name"].as_str().expect("a name")), number(email.as_str().expect("an address")));
    shop.close().await;
}

#[tokio::test]
async fn what_the_configuration_fixes_is_told_and_wins() {
    let fixed = [("BAYADER_SHOP__CURRENCY", "USD"), ("BAYADER_SHOP__LOCALE", "en")];
    let shop = Shop::open_without_owner(&fixed).await;
    let offered = shop.guest().see(PATH).await;
    assert_eq!(
        offered["fixed"],
        json!([
            { "field": "locale", "value": "en", "place": "BAYADER_SHOP__LOCALE" },
            { "field": "currency", "value": "USD", "place": "BAYADER_SHOP__CURRENCY" },
        ])
    );
    let code = code(&shop).await;
    let refused = send(&shop, &body(&code)).send().await.expect_problem(422, "validation_failed");
    assert_eq!(refused.fields(), ["locale", "currency"]);
    assert!(refused["errors"].as_array().expect("errors").iter().all(|error| error["code"] == "fixed_by_configuration"));
    let as_it_is = [("currency", json!("USD")), ("locale", json!("en"))];
    let opened = send(&shop, &with(body(&code), &as_it_is)).send().await.expect(201);
    let settings = Client::signed_in(&shop.wire, "salma@example.com", &opened).see("/api/v1/admin/settings").await;
    assert_eq!((&settings["shop"]["currency"], &settings["shop"]["timeZone"]), (&json!("USD"), &json!("Africa/Cairo")));
    shop.close().await;
}

#[tokio::test]
async fn the_sample_bakery_fits_the_currency_and_sells_at_once() {
    for (currency, flatbread, kunafa) in [("JOD", "0.350", "4.500"), ("SAR", "1.75", "22.50"), ("IQD", "750.000", "8000.000")] {
        let shop = Shop::open_without_owner(&[]).await;
        let chosen =
            [("currency", json!(currency)), ("sample", json!(true)), ("locale", json!("en")), ("ownerName", Value::Null)];
        let opened = send(&shop, &with(body(&code(&shop).await), &chosen)).send().await.expect(201);
        assert_eq!(opened["user"]["name"], "Owner");
        let menu = shop.guest().see("/api/v1/products?per_page=100").await;
        assert_eq!(menu["meta"]["total"], 68);
        let product = |name: &str| {
            let found = menu.rows().iter().find(|product| product["name"].as_str().is_some_and(|text| text.starts_with(name)));
            found.unwrap_or_else(|| panic!("no {name}")).clone()
        };
        let bread = product("Arabic flatbread");
        assert_eq!((&bread["price"], &bread["currency"]), (&json!(flatbread), &json!(currency)));
        assert!(menu.rows().iter().any(|product| product["price"] == kunafa), "nothing costs {kunafa} {currency}");
        let categories = shop.guest().see("/api/v1/categories").await;
        assert!(categories.rows().iter().all(|category| category["translations"]["ar"]["name"].is_string()), "{categories:?}");
        let order = json!({
            "items": [{ "productId": bread["id"], "quantity": 1 }], "paymentMethod": "cash", "isPickup": true,
            "customerInfo": { "name": "Test", "phone": "+12025550123" },
        });
        let order = shop.guest().post("/api/v1/orders").json(&order).send().await.expect(201);
        assert_eq!((&order["totalAmount"], &order["currency"]), (&json!(flatbread), &json!(currency)));
        shop.close().await;
    }
}

#[tokio::test]
async fn a_menu_that_is_there_is_neither_mixed_with_the_sample_nor_priced_anew() {
    let shop = Shop::open_without_owner(&[]).await;
    shop.import("sku,name_en,price\nBUN,Bun,0.500\n".as_bytes()).await;
    let code = code(&shop).await;
    let in_dinars = |sample: bool| with(body(&code), &[("currency", json!("JOD")), ("sample", json!(sample))]);
    let refused = send(&shop, &in_dinars(true)).send().await.expect_field("sample");
    assert_eq!(refused["errors"][0]["code"], "menu_there");
    send(&shop, &body(&code)).send().await.expect_problem(409, "currency_in_use");
    // Neither has left anything behind.
    assert_eq!(shop.count("select count(*) from users").await, 0);
    send(&shop, &in_dinars(false)).send().await.expect(201);
    assert_eq!(shop.guest().see("/api/v1/products").await["meta"]["total"], 1);
    shop.close().await;
}

#[tokio::test]
async fn browsers_are_led_to_the_page_and_programs_are_told() {
    let shop = Shop::open_without_owner(&[]).await;
    let browser = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let ask = async |path: &str, accept: &str| {
        let request = browser.get(format!("{}{path}", shop.wire.base)).header("accept", accept);
        let answer = request.send().await.expect("an answer");
        let to = answer.headers().get("location").map(|to| to.to_str().expect("a path").to_owned());
        (answer.status().as_u16(), to)
    };
    let page = "text/html,application/xhtml+xml,*/*;q=0.8";
    for path in ["/", "/admin", "/account/reset", "/o/01936000-0000-7000-8000-000000000000", "/api/v1/docs", "/whatever"] {
        assert_eq!(ask(path, page).await, (303, Some("/setup".to_owned())), "{path}");
    }
    assert_eq!(ask("/", "*/*").await, (303, Some("/setup".to_owned())));
    for path in ["/setup", "/assets/setup.js", "/healthz", "/readyz", PATH] {
        assert_eq!(ask(path, page).await, (200, None), "{path}");
    }
    for path in ["/api/v1/products", "/api/v1/docs", "/account/reset"] {
        assert_eq!(ask(path, "*/*").await, (503, None), "{path}");
    }
    assert_eq!(ask("/api/v1/products", page).await, (503, None));
    assert_eq!(ask("/whatever", "application/json").await, (404, None));
    send(&shop, &body(&code(&shop).await)).send().await.expect(201);
    assert_eq!(ask("/setup", page).await, (303, Some("/".to_owned())));
    assert_eq!(ask("/", page).await, (303, Some("/api/v1/docs".to_owned())));
    assert_eq!(ask("/whatever", page).await.0, 404);
    shop.close().await;
}

#[tokio::test]
async fn the_page_speaks_both_languages_under_a_strict_policy() {
    let shop = Shop::open_without_owner(&[]).await;
    for (language, direction) in [("en", "ltr"), ("ar", "rtl")] {
        let page = shop.guest().get("/setup").header("accept-language", language).send().await.expect(200);
        assert!(page.text.contains(&format!("<html lang=\"{language}\" dir=\"{direction}\">")), "{language}");
        assert_eq!(shop.guest().see(&format!("/setup?lang={language}")).await.text, page.text);
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        // Each fault that the page may hear of has its words, in both.
        for code in
            ["wrong_code", "code_spent", "required", "too_short", "too_common", "same_as_email", "invalid_email", "menu_there"]
        {
            assert!(page.text.contains(&format!("data-code=\"{code}\"")), "{language}: {code}");
        }
    }
    close_untouched(shop).await;
}

#[tokio::test]
async fn the_same_is_done_from_the_machine_without_a_browser() {
    let shop = Shop::open_without_owner(&[("BAYADER_SHOP__LOCALE", "ar")]).await;
    let opening = Opening {
        name: "Salma".to_owned(),
        email: "salma@example.com".to_owned(),
        password: PASSWORD.to_owned(),
        phone: Some("01012345678".to_owned()),
        shop_name: Some("Corner Bakery".to_owned()),
        time_zone: Some("Africa/Cairo".to_owned()),
        currency: Some("EGP".to_owned()),
        sample: true,
        ..Opening::default()
    };
    let ask = async |opening: Opening| execute(shop.inner(), Asked::OpenShop(opening), &|_| ()).await;
    let wrong =
        Opening { locale: Some("fr".to_owned()), currency: Some("egp".to_owned()), email: "x".to_owned(), ..opening.clone() };
    match ask(wrong).await {
        Answer::Refused { message, .. } => {
            assert!(["--locale", "--currency", "--email"].iter().all(|flag| message.contains(flag)), "{message}");
        }
        other => panic!("{other:?}"),
    }
    match ask(Opening { locale: Some("en".to_owned()), ..opening.clone() }).await {
        Answer::Refused { message, .. } => assert!(message.contains("BAYADER_SHOP__LOCALE"), "{message}"),
        other => panic!("{other:?}"),
    }
    assert!(matches!(ask(opening.clone()).await, Answer::ShopOpened { products: 68, .. }));
    assert!(matches!(ask(opening).await, Answer::Refused { message, .. } if message.contains("set up already")));
    let owner = Client::sign_in(&shop.wire, "salma@example.com").await;
    let me = owner.see("/api/v1/auth/me").await;
    assert_eq!(me["phone"], "+201012345678", "a leading zero takes the code of the zone that was chosen");
    let settings = owner.see("/api/v1/admin/settings").await;
    let chosen =
        ["name", "locale", "currency", "timeZone"].map(|name| settings["shop"][name].as_str().unwrap_or_default().to_owned());
    assert_eq!(chosen, ["Corner Bakery", "ar", "EGP", "Africa/Cairo"]);
    shop.close().await;
}

#[tokio::test]
async fn the_code_stands_in_no_file_of_the_shop() {
    let shop = Shop::open_without_owner(&[]).await;
    let mut codes = vec![code(&shop).await, code(&shop).await];
    send(&shop, &body("AAAA-AAAA")).send().await.expect_problem(403, "wrong_code");
    send(&shop, &body(&codes[1])).send().await.expect(201);
    codes.extend(codes.clone().iter().map(|code| code.replace('-', "")));
    for code in &codes {
        assert!(!shop.file_holds(code), "the database holds {code}");
        assert!(!openapi().to_string().contains(code));
    }
    shop.close().await;
}
