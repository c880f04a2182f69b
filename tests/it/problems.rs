//! Every code that a refusal may carry, asked for over HTTP in English and in Arabic: title, explanation, words.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bayader::app::docs::PROBLEMS;
use bayader::features::messages::{Carrier, NewMessage};
use bayader::features::payments::Gateway;
use bayader::features::payments::gateway::{Capture, Dispute, DisputeStep, Report, There};
use bayader::features::payments::turns::Turn;
use bayader::features::setup::Standing;
use bayader::http::problem::body_of;
use bayader::kernel::{Currency, Locale, Money, OrderId, Problem, ProblemKind};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::admin_jobs;
use crate::doubles::pictures::{self, Part, path_of, upload};
use crate::harness::test_carrier::{self, TestCarrier};
use crate::harness::test_gateway::{Act, Op, TESTPAY, TestGateway};
use crate::harness::{Client, OWNER, Order, PASSWORD, Reply, Request, Shop};
use crate::messages;

/// What no request can bring about on a healthy machine: the disk must fail, the shop be full, or we have made a mistake. The
/// head that fills more than a head may is refused as such (431) before its address is too long. A gateway is taken away in a test of refunds.
const NOT_ASKED_FOR: &[&str] =
    &["busy", "gateway_missing", "internal", "outcome_unknown", "storage_unavailable", "uri_too_long"];

const LOCALES: [(Locale, &str); 2] = [(Locale::En, "en"), (Locale::Ar, "ar")];
const DAY: Duration = Duration::from_secs(24 * 3_600);
const NOBODYS_ID: &str = "01936000-0000-7000-8000-000000000000";

fn kinds() -> impl Iterator<Item = &'static ProblemKind> {
    PROBLEMS.iter().flat_map(|(_, kinds)| *kinds).copied()
}

fn kind_of(code: &str) -> &'static ProblemKind {
    kinds().find(|kind| kind.code == code).unwrap_or_else(|| panic!("{code} is no code"))
}

/// The page of codes in both languages.
struct Pages([String; 2]);

impl Pages {
    async fn of(shop: &Shop) -> Pages {
        let page = async |language: &str| shop.guest().see(&format!("/api/v1/docs/errors?lang={language}")).await.text;
        Pages([page("en").await, page("ar").await])
    }

    /// A problem says which it is, in words of the reader's language, and where the page explains it.
    #[track_caller]
    fn check(&self, body: &Value, code: &str, locale: Locale) {
        let kind = kind_of(code);
        assert_eq!((&body["code"], &body["status"]), (&json!(code), &json!(kind.status)), "{body}");
        assert_eq!(body["title"], kind.title(locale), "{body}");
        let (address, anchor) = body["type"].as_str().and_then(|link| link.split_once('#')).expect("an anchor");
        assert_eq!(address, "/api/v1/docs/errors");
        for page in &self.0 {
            assert!(page.contains(&format!("id=\"{anchor}\"")), "the page of codes does not explain {anchor}");
        }
        assert!(body["detail"].as_str().is_some_and(|detail| detail.len() > 8), "{body}");
        assert!(body["requestId"].as_str().is_some_and(|id| !id.is_empty()), "{body}");
        if kind.status == 422 {
            let errors = body["errors"].as_array().expect("a 422 has errors");
            assert!(errors.iter().all(|error| error["message"].as_str().is_some_and(|message| !message.is_empty())), "{body}");
        }
    }
}

/// A shop that counts its guests, but in which nobody asks too often. The test's own machine speaks for others.
async fn open(gateways: &[Arc<TestGateway>]) -> Shop {
    let variables = [
        ("BAYADER_SERVER__TRUSTED_PROXIES", "127.0.0.1"),
        ("BAYADER_RATE_LIMIT__ENABLED", "true"),
        ("BAYADER_RATE_LIMIT__PUBLIC__BURST", "10000"),
        ("BAYADER_RATE_LIMIT__SIGNED_IN__BURST", "10000"),
    ];
    let gateways = gateways.iter().map(|gateway| Arc::clone(gateway) as Arc<dyn Gateway>).collect();
    Shop::open_with_gateways(&variables, gateways).await
}

/// Gateways that have a bad day, and the code that tells of it.
const GATEWAYS: [(&str, Act, &str); 6] = [
    ("declines", Act::Decline, "payment_declined"),
    ("refuses", Act::Refuse("below_minimum"), "gateway_refused"),
    ("is_away", Act::NotSent, "gateway_unavailable"),
    ("is_silent", Act::UnclearBefore, "payment_unclear"),
    ("ends_nothing", Act::Do, "payment_still_open"),
    ("testpay", Act::Do, "payment_underway"),
];

/// Requests, each with the code that it must be refused with. They change nothing, so they can be sent again.
struct Refused {
    all: Vec<(&'static str, Request)>,
}

impl Refused {
    fn add(&mut self, code: &'static str, request: Request) {
        self.all.push((code, request));
    }
}

fn person(email: &str) -> Value {
    json!({ "name": "Huda", "email": email, "phone": "+962790000009", "password": PASSWORD })
}

fn of_the_wire(refused: &mut Refused, shop: &Shop, staff: &Client, layla: &Client) {
    let guest = shop.guest();
    let login = || guest.post("/api/v1/auth/login");
    refused.add("bad_json", login().bytes("application/json", "{"));
    refused.add("unsupported_media_type", login().bytes("text/plain", "{}"));
    refused.add("body_too_large", login().bytes("application/json", vec![b' '; 2 << 20]));
    refused.add("validation_failed", login().json(&json!({})));
    refused.add("card_data_refused", guest.post("/api/v1/auth/register").json(&json!({ "name": "4111 1111 1111 1111" })));
    refused.add("not_found", guest.get("/api/v1/nothing"));
    refused.add("method_not_allowed", guest.delete("/api/v1/products"));
    refused.add("unauthenticated", guest.get("/api/v1/auth/me"));
    refused.add("forbidden", layla.get("/api/v1/inventory"));
    refused.add("bad_signature", guest.post("/api/v1/payments/webhook").json(&json!({ "id": "evt_1" })));
    refused.add("use_cursor", guest.get("/api/v1/products?page=1001&per_page=10"));
    let stale = staff.put(&format!("/api/v1/orders/{NOBODYS_ID}/status")).header("if-match", "\"x\"");
    refused.add("stale", stale.json(&json!({ "status": "Confirmed" })));
}

async fn of_accounts(refused: &mut Refused, shop: &Shop, layla: &Client) {
    let (guest, owner) = (shop.guest(), shop.owner());
    let id = async |who: &Client| who.see("/api/v1/auth/me").await["id"].as_str().expect("an id").to_owned();
    refused.add("email_taken", guest.post("/api/v1/auth/register").json(&person(OWNER)));
    refused.add("invalid_credentials", guest.log_in(OWNER, "not-her-password-7"));
    let from_afar = |email: &str| guest.log_in(email, "not-her-password-7").header("x-forwarded-for", "203.0.113.9");
    refused.add("https_required", from_afar(OWNER));
    let by_https = from_afar("samar@example.com").header("x-forwarded-proto", "https");
    for _ in 0..6 {
        by_https.clone().send().await;
    }
    refused.add("too_many_attempts", by_https);
    let forged = guest.log_in(OWNER, PASSWORD).header("x-session", "cookie").header("sec-fetch-site", "cross-site");
    refused.add("csrf_refused", forged);
    let refresh = json!({ "refreshToken": "q3vB0yq2b1b7m4b2Jm0Qyq3vB0yq2b1b7m4b2Jm0Qyq" });
    refused.add("invalid_refresh_token", guest.post("/api/v1/auth/refresh").json(&refresh));
    let change = json!({ "currentPassword": "not-her-password-7", "newPassword": "olives and thyme at six" });
    refused.add("wrong_password", layla.put("/api/v1/auth/password").json(&change));
    let reset = json!({ "token": "q3vB0yq2b1b7m4b2Jm0Qyq3vB0yq2b1b7m4b2Jm0Qyq", "password": "olives and thyme at six" });
    refused.add("invalid_link", guest.post("/api/v1/auth/password/reset").json(&reset));
    let laylas = id(layla).await;
    refused.add("has_password", owner.post(&format!("/api/v1/users/{laylas}/invite")));
    let erase = json!({ "currentPassword": PASSWORD });
    refused.add("has_open_orders", layla.delete(&format!("/api/v1/users/{laylas}")).json(&erase));
    let step_down = json!({ "name": "Rania", "role": "staff" });
    refused.add("last_admin", owner.put(&format!("/api/v1/users/{}", id(&owner).await)).json(&step_down));
}

async fn of_goods(refused: &mut Refused, shop: &Shop, staff: &Client) {
    let (guest, owner) = (shop.guest(), shop.owner());
    let bread = shop.product("Bread").price("1.000").stock(2).field("sku", "BRD-1").create().await;
    shop.guest().order().line(&bread, 1).pickup().place().await;
    let categories = guest.see("/api/v1/categories").await;
    let category = categories.rows()[0].clone();
    let twice = json!({ "name": "Cake", "price": "1.000", "category": category["slug"], "sku": "BRD-1" });
    refused.add("sku_taken", owner.post("/api/v1/products").json(&twice));
    refused.add("slug_taken", owner.post("/api/v1/categories").json(&json!({ "name": "Cakes", "slug": category["slug"] })));
    let path = format!("/api/v1/categories/{}", category["id"].as_str().expect("an id"));
    refused.add("category_in_use", owner.delete(&path));
    let version = staff.inventory(&bread).await["version"].clone();
    let shelf = |body: Value| staff.put(&format!("/api/v1/inventory/{}", bread.id)).json(&body);
    refused.add("version_conflict", shelf(json!({ "stock": 5, "reason": "count", "version": 999 })));
    refused.add("below_reserved", shelf(json!({ "stock": 0, "reason": "count", "version": version })));
    refused.add("stock_out_of_range", shelf(json!({ "delta": 100_000_000, "reason": "baked", "version": version })));
    refused.add("insufficient_stock", guest.order().line(&bread, 2).request());
    refused.add("price_changed", guest.order().line(&bread, 1).field("expectedTotal", "9.000").request());
    let dollars = json!({ "shop": { "currency": "USD" }, "orders": { "deliveryFee": "2.00" } });
    refused.add("currency_in_use", owner.put("/api/v1/admin/settings").json(&dollars));

    let order = |token: &str| {
        let body = json!({
            "cartToken": token, "paymentMethod": "cash", "customerInfo": { "name": "Huda", "phone": "+962790000007" },
        });
        guest.post("/api/v1/orders").json(&body)
    };
    refused.add("unknown_cart", order("no-cart-has-this-token"));
    let put_in = json!({ "items": [{ "productId": bread.id, "quantity": 1 }] });
    let cart = guest.post("/api/v1/cart").json(&put_in).send().await.expect(201);
    let token = cart["token"].as_str().expect("a token");
    guest.delete("/api/v1/cart").header("x-cart-token", token).send().await.expect(204);
    refused.add("cart_empty", order(token));
}

async fn of_pictures(refused: &mut Refused, shop: &Shop) {
    let product = shop.product("Photographed").create().await.id;
    let files: Vec<Vec<u8>> = (40..60).map(|width| pictures::jpeg(width, 30)).collect();
    let parts: Vec<Part<'_>> = files.iter().map(|file| Part::File("p.jpg", file)).collect();
    upload(&shop.owner(), &product, &parts).send().await.expect(202);
    pictures::draw(shop).await;
    let one_more = pictures::jpeg(70, 30);
    refused.add("too_many_images", upload(&shop.owner(), &product, &[Part::File("p.jpg", &one_more)]));
    let seen = shop.guest().see(&format!("/api/v1/products/{product}")).await;
    let link = path_of(&seen["images"][0]["thumb"]);
    refused.add("link_expired", shop.guest().get(link.split('?').next().expect("a path")));
    refused.add("range_outside", shop.guest().get(&link).header("range", "bytes=99999999-"));
}

async fn of_orders(refused: &mut Refused, shop: &Shop, staff: &Client, layla: &Client) {
    let cake = shop.product("Cake").price("5.000").stock(50).create().await;
    let act = |order: &Order, what: &str, body: Value| staff.post(&format!("{}/{what}", order.path())).json(&body);
    let open = layla.order().line(&cake, 1).pickup().place().await;
    refused.add("illegal_transition", staff.put(&format!("{}/status", open.path())).json(&json!({ "status": "Preparing" })));
    refused.add("cannot_undo", act(&open, "undo", json!({ "version": 1 })));
    refused.add("amount_exceeds_due", act(&open, "collect", json!({ "amount": "9.000" })));
    let online = layla.order().line(&cake, 1).pickup().field("paymentMethod", TESTPAY).place().await;
    refused.add("not_paid", staff.put(&format!("{}/status", online.path())).json(&json!({ "status": "Confirmed" })));
    let paid = layla.order().line(&cake, 1).pickup().place().await;
    act(&paid, "collect", json!({})).send().await.expect(200);
    refused.add("nothing_due", act(&paid, "collect", json!({})));

    let keyed = |quantity| layla.order().line(&cake, quantity).key("order-with-this-key-1").request();
    keyed(1).send().await.expect(201);
    refused.add("idempotency_key_reused", keyed(2));

    let by_phone = || {
        let customer = json!({ "name": "Samar", "phone": "+962790000042" });
        shop.guest().order().line(&cake, 1).field("customerInfo", customer).request()
    };
    for _ in 0..3 {
        by_phone().send().await.expect(201);
    }
    refused.add("too_many_open_orders", by_phone());
}

async fn of_refunds(refused: &mut Refused, shop: &Shop) {
    let admin = shop.admin();
    let cake = shop.product("Tart").price("5.000").stock(50).create().await;
    let act = |payment: &str, what: &str, body: Value| admin.post(&format!("/api/v1/payments/{payment}/{what}")).json(&body);
    let cash = admin.order().line(&cake, 1).pickup().field("customerInfo", json!({ "name": "Huda" })).place().await;
    let payment = admin.see(&format!("/api/v1/payments?order_id={}", cash.id)).await.rows()[0]["id"].clone();
    let payment = payment.as_str().expect("an id");
    refused.add("nothing_captured", act(payment, "refund", json!({ "reason": "x" })));
    let release = admin.post("/api/v1/admin/restored/release").json(&json!({ "messages": "send" }));
    refused.add("nothing_waits", release);
    refused.add("not_parked", act(payment, "resolve", json!({ "action": "accept", "reason": "x" })));

    let online = async || {
        let order = shop.guest().order().line(&cake, 1).pickup().field("paymentMethod", TESTPAY).place().await;
        shop.begin_to_pay(&order).await
    };
    let came = |currency: Currency| Report {
        captures: vec![Capture {
            object: format!("ch_{}", currency.code()),
            amount: Money::from_minor(5_000, currency),
            fee: None,
        }],
        ..Report::default()
    };
    let parked = online().await;
    shop.tell(&parked, came(Currency::from_code("KWD").expect("a currency"))).await;
    refused.add("payment_parked", act(&parked, "refund", json!({ "reason": "x" })));
    refused.add("parked_currency", act(&parked, "resolve", json!({ "action": "accept", "reason": "x" })));
    let paid = online().await;
    shop.tell(&paid, came(Currency::JOD)).await;
    refused.add("refund_exceeds_captured", act(&paid, "refund", json!({ "amount": "5.001", "reason": "x" })));
    let disputed = online().await;
    let whole = Capture { object: "ch_disputed".into(), amount: Money::from_minor(5_000, Currency::JOD), fee: None };
    let dispute = Some(Dispute { object: "dp_1".into(), what: DisputeStep::Opened });
    shop.tell(&disputed, Report { captures: vec![whole], dispute, ..Report::default() }).await;
    refused.add("payment_disputed", act(&disputed, "refund", json!({ "reason": "x" })));
}

/// Whose turn is held stays busy as long as it is.
async fn of_payments(refused: &mut Refused, shop: &Shop, layla: &Client, gateways: &[Arc<TestGateway>]) -> Turn {
    let bun = shop.product("Bun").price("2.000").stock(50).create().await;
    let odd = shop.product("Stamp").price("0.005").stock(5).create().await;
    let order =
        async |product, method: &str| layla.order().line(product, 1).pickup().field("paymentMethod", method).place().await;
    let pay = |order: &Order, method: &str| {
        layla.post("/api/v1/payments/checkout").json(&json!({ "orderId": order.id, "paymentMethod": method }))
    };
    for (method, act, code) in GATEWAYS {
        let order = order(&bun, method).await;
        let mut then = method;
        if act == Act::Do {
            let begun = pay(&order, method).send().await.expect(200);
            then = "testpay";
            if method == then {
                let gateway = gateways.last().expect("a gateway");
                gateway.set_state(begun["transactionId"].as_str().expect("an id"), There::Underway);
                then = "cash";
            }
        }
        refused.add(code, pay(&order, then));
    }
    refused.add("amount_not_representable", pay(&order(&odd, "cash").await, "testpay"));
    let paid = order(&bun, "cash").await;
    shop.admin().post(&format!("{}/collect", paid.path())).json(&json!({})).send().await.expect(200);
    refused.add("already_paid", pay(&paid, "testpay"));
    let cancelled = order(&bun, "cash").await;
    layla.post(&format!("{}/cancel", cancelled.path())).json(&json!({})).send().await.expect(200);
    refused.add("order_not_payable", pay(&cancelled, "testpay"));
    let busy = order(&bun, "testpay").await;
    refused.add("checkout_in_progress", pay(&busy, "testpay"));
    let busy = OrderId::parse(&busy.id).expect("an order's id");
    shop.inner().turns.try_take(busy).expect("nobody has the turn")
}

#[tokio::test]
async fn every_code_is_told_in_both_languages() {
    let gateways = GATEWAYS.map(|(code, act, _)| {
        let gateway = TestGateway::named(code).in_steps_of(10);
        let gateway = if code == "ends_nothing" { gateway.ending_nothing() } else { gateway }.shared();
        gateway.next(Op::Start, vec![act; 9]);
        gateway
    });
    let shop = open(&gateways).await;
    let (staff, layla) = (shop.staff().await, shop.customer("Layla").await);
    let mut refused = Refused { all: Vec::new() };

    // What ends by time comes first.
    let cookie = shop.product("Cookie").stock(5).create().await;
    let old = shop.guest().order().line(&cookie, 1).pickup().place().await;
    staff.move_order_through(&old, &["Confirmed", "Preparing", "ReadyForPickup", "Delivered"]).await;
    refused.add("order_token_expired", shop.guest().get(&old.path()).header("x-order-token", old.token()));
    let bearer = format!("Bearer {}", layla.session().await.bearer);
    refused.add("token_expired", shop.guest().get("/api/v1/auth/me").header("authorization", &bearer));
    shop.advance(91 * DAY);

    of_the_wire(&mut refused, &shop, &staff, &layla);
    // Before what goes by the second: time passes there.
    of_pictures(&mut refused, &shop).await;
    of_accounts(&mut refused, &shop, &layla).await;
    of_goods(&mut refused, &shop, &staff).await;
    of_orders(&mut refused, &shop, &staff, &layla).await;
    of_refunds(&mut refused, &shop).await;
    let turn = of_payments(&mut refused, &shop, &layla, &gateways).await;

    let pages = Pages::of(&shop).await;
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for (code, request) in refused.all {
        for (locale, language) in LOCALES {
            let reply = request.clone().header("accept-language", language).send().await;
            assert_eq!(reply["code"], code, "{reply:?}");
            assert_eq!(reply.status, kind_of(code).status, "{reply:?}");
            pages.check(&reply.body, code, locale);
        }
        assert!(seen.insert(code), "{code} is asked for twice");
    }
    drop(turn);
    seen.extend(by_shops_that_refuse_everybody(&pages).await);
    seen.extend(by_a_shop_with_dead_jobs(&pages).await);
    seen.extend(by_messages_that_are_not_sent_again(&pages).await);
    seen.extend(by_bytes_that_are_no_request(&shop, &pages).await);
    shop.close().await;

    let asked_for: BTreeSet<&str> = kinds().map(|kind| kind.code).filter(|code| !NOT_ASKED_FOR.contains(code)).collect();
    assert_eq!(seen, asked_for, "a new code wants a request that is refused with it, or a line in NOT_ASKED_FOR");
}

/// A shop that nobody owns, and one that was asked too often.
async fn by_shops_that_refuse_everybody(pages: &Pages) -> [&'static str; 4] {
    let check = |replies: Vec<(Locale, Reply)>, code| {
        for (locale, reply) in replies {
            pages.check(&reply.body, code, locale);
        }
    };
    let ask = async |shop: &Shop| {
        let mut replies = Vec::new();
        for (locale, language) in LOCALES {
            let reply = shop.guest().get("/api/v1/products").header("accept-language", language).send().await;
            replies.push((locale, reply));
        }
        replies
    };
    let shop = Shop::open_without_owner(&[]).await;
    check(ask(&shop).await, "setup_required");
    check(type_codes(&shop).await, "wrong_code");
    // Five wrong ones in all.
    type_codes(&shop).await;
    type_codes(&shop).await;
    check(type_codes(&shop).await, "code_spent");
    shop.close().await;
    let few = [("BAYADER_RATE_LIMIT__ENABLED", "true"), ("BAYADER_RATE_LIMIT__PUBLIC__BURST", "1")];
    let shop = Shop::open_with(&few).await;
    check(ask(&shop).await, "rate_limited");
    shop.close().await;
    ["setup_required", "wrong_code", "code_spent", "rate_limited"]
}

/// A wrong code in each language.
async fn type_codes(shop: &Shop) -> Vec<(Locale, Reply)> {
    if shop.inner().first_code.standing() == Standing::None {
        let _ = shop.inner().first_code.renew();
    }
    let body = json!({
        "code": "AAAA-AAAA", "shopName": "Bakery", "locale": "en", "timeZone": "Asia/Amman", "currency": "JOD",
        "ownerEmail": "eve@example.com", "password": PASSWORD, "sample": false,
    });
    let mut replies = Vec::new();
    for (locale, language) in LOCALES {
        let reply = shop.guest().post("/api/v1/setup").header("accept-language", language).json(&body).send().await;
        replies.push((locale, reply));
    }
    replies
}

/// Work that was given up is no healthy shop's.
async fn by_a_shop_with_dead_jobs(pages: &Pages) -> Vec<&'static str> {
    let shop = Shop::open().await;
    let twice = admin_jobs::row(&shop, "payments.end_attempt", "1", "dead").await;
    let waiting = admin_jobs::row(&shop, "payments.end_attempt", "1", "queued").await;
    let unknown = admin_jobs::row(&shop, "test.unknown", "1", "dead").await;
    let sent = admin_jobs::row(&shop, "messages.email", "1", "done").await;
    let cases = [
        ("job_not_dead", &sent, "retry"),
        ("job_open_already", &twice, "retry"),
        ("job_not_retryable", &unknown, "retry"),
        ("job_not_cancellable", &waiting, "cancel"),
        ("job_not_waiting", &sent, "cancel"),
    ];
    for (code, job, what) in cases {
        for (locale, language) in LOCALES {
            let request = shop.admin().post(&format!("{}/{job}/{what}", admin_jobs::PATH)).json(&json!({}));
            let reply = request.header("accept-language", language).send().await.expect_problem(409, code);
            pages.check(&reply.body, code, locale);
        }
    }
    shop.abandon().await;
    cases.map(|(code, ..)| code).to_vec()
}

/// One that was sent, one that may have arrived, and one whose person was erased.
async fn by_messages_that_are_not_sent_again(pages: &Pages) -> Vec<&'static str> {
    let mail = TestCarrier::email();
    let shop = Shop::open_with_carriers(&[], vec![Arc::clone(&mail) as Arc<dyn Carrier>]).await;
    let (user, email) = messages::a_reader(&shop, "Layla").await;
    let sent = messages::queue(&shop, messages::a_message("sami@example.com")).await;
    mail.next_to("omar@example.com", [0; 2].map(|_| test_carrier::Act::Answer(test_carrier::unclear())));
    let unclear = messages::queue(&shop, messages::a_message("omar@example.com")).await;
    messages::pass(&shop, Duration::from_secs(300), Duration::from_secs(5)).await;
    mail.go_down();
    let erased = messages::queue(&shop, NewMessage { user: Some(user), ..messages::a_message(&email) }).await;
    shop.admin().delete(&format!("/api/v1/users/{user}")).json(&json!({})).send().await.expect(204);
    let cases = [("message_not_failed", sent), ("message_may_have_arrived", unclear), ("message_forgotten", erased)];
    for (code, id) in cases {
        for (locale, language) in LOCALES {
            let request = shop.admin().post(&format!("/api/v1/notifications/{id}/retry")).json(&json!({}));
            let reply = request.header("accept-language", language).send().await.expect_problem(409, code);
            pages.check(&reply.body, code, locale);
        }
    }
    shop.close().await;
    cases.map(|(code, _)| code).to_vec()
}

/// A body that breaks off, and a head whose language nobody has read: it is answered in the shop's.
async fn by_bytes_that_are_no_request(shop: &Shop, pages: &Pages) -> [&'static str; 2] {
    for (locale, language) in LOCALES {
        let head = format!("POST /api/v1/auth/login HTTP/1.1\r\nhost: a\r\naccept-language: {language}\r\n");
        let bytes = format!("{head}content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n");
        pages.check(&raw(shop, &bytes).await, "bad_request", locale);
    }
    let arabic = Shop::open_with(&[("BAYADER_SHOP__LOCALE", "ar")]).await;
    for (locale, shop) in [(Locale::En, shop), (Locale::Ar, &arabic)] {
        let many = format!("GET /healthz HTTP/1.1\r\nhost: a\r\n{}\r\n", "x-more: 1\r\n".repeat(200));
        pages.check(&raw(shop, &many).await, "headers_too_large", locale);
        pages.check(&raw(shop, "nonsense\r\n\r\n").await, "bad_request", locale);
    }
    arabic.close().await;
    ["bad_request", "headers_too_large"]
}

/// The body of what the shop answers to these bytes.
async fn raw(shop: &Shop, bytes: &str) -> Value {
    let mut stream = TcpStream::connect(shop.address()).await.expect("the shop listens");
    let _ = stream.write_all(bytes.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {answer:?}"));
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

/// Titles and the page's words of every code, those that nobody can ask for among them.
#[test]
fn every_code_has_words_in_both_languages() {
    let page = |locale| bayader::app::docs::error_page(locale);
    let pages = Pages([page(Locale::En), page(Locale::Ar)]);
    for kind in kinds() {
        for locale in [Locale::En, Locale::Ar] {
            let problem = Problem::of(kind).detail(kind.told(locale));
            pages.check(&body_of(&problem, "5f2b6c1e9d", locale), kind.code, locale);
        }
        assert!(kind.title_en.is_ascii(), "{}: {}", kind.code, kind.title_en);
        let is_arabic = |text: &str| text.chars().any(|c| ('\u{600}'..='\u{6ff}').contains(&c));
        assert!(is_arabic(kind.title_ar) && is_arabic(kind.told_ar) && !is_arabic(kind.told_en), "{}", kind.code);
        assert!(kind.told_en.ends_with('.') && kind.told_ar.ends_with('.'), "{}: say whole sentences", kind.code);
    }
    for code in NOT_ASKED_FOR {
        kind_of(code);
    }
}
