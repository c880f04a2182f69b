//! What gateways tell by themselves: who is believed, what is kept, what is answered.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bayader::features::payments::Gateway;
use bayader::kernel::{Currency, Money};
use serde_json::json;

use crate::harness::test_gateway::{Act, Message, Op, TestGateway};
use crate::harness::{Client, Order, Reply, Request, Shop};

const BARE: &str = "/api/v1/payments/webhook";
const TESTPAY: &str = "/api/v1/payments/webhook/testpay";
const MINUTE: Duration = Duration::from_secs(60);
/// Jobs that a shop does at once.
const WORKERS: usize = 4;
const MOST_BYTES: usize = 256 << 10;

async fn open(gateways: &[&Arc<TestGateway>]) -> Shop {
    open_with(&[], gateways).await
}

async fn open_with(variables: &[(&str, &str)], gateways: &[&Arc<TestGateway>]) -> Shop {
    let gateways = gateways.iter().map(|gateway| Arc::clone(gateway) as Arc<dyn Gateway>).collect();
    Shop::open_with_gateways(variables, gateways).await
}

fn request(client: &Client, path: &str, message: &Message) -> Request {
    client.post(path).bytes("application/json", message.body.clone()).header(Message::header(), &message.signature)
}

async fn post(shop: &Shop, path: &str, message: &Message) -> Reply {
    request(&shop.guest(), path, message).send().await
}

/// 200, and not a byte more.
#[track_caller]
fn expect_taken(reply: Reply) {
    let reply = reply.expect(200);
    assert_eq!(reply.text, "", "{reply:?}");
}

async fn kept(shop: &Shop) -> i64 {
    shop.count("select count(*) from webhook_inbox").await
}

async fn text(shop: &Shop, sql: &'static str) -> String {
    shop.db().read(move |reader| reader.one(sql, &[], |row| row.get(0))).await.expect("a text")
}

#[tokio::test]
async fn a_message_is_kept_once_however_often_and_wherever_it_comes() {
    let gateway = TestGateway::new().shared();
    let shop = open(&[&gateway]).await;
    let message = gateway.sign("sale.paid", json!({ "reference": "sale_1" }));
    for path in [TESTPAY, TESTPAY, BARE] {
        expect_taken(post(&shop, path, &message).await);
    }
    let again_signed = Message::signed(message.body.replace("sale_1", "sale_2"));
    expect_taken(post(&shop, TESTPAY, &again_signed).await);
    assert_eq!(kept(&shop).await, 1);
    assert_eq!(shop.count("select count(*) from jobs where kind = 'payments.webhook'").await, 1);
    assert!(text(&shop, "select body from webhook_inbox").await.contains("sale_1"), "the first word stands");
    assert_eq!(text(&shop, "select gateway || ' ' || kind from webhook_inbox").await, "testpay sale.paid");
    shop.close().await;
}

#[tokio::test]
async fn a_hundred_copies_at_once_are_one_message() {
    let gateway = TestGateway::new().shared();
    let shop = open(&[&gateway]).await;
    let message = gateway.sign("sale.paid", json!({ "reference": "sale_1" }));
    let guest = shop.guest();
    let copies = (0..100).map(|_| request(&guest, TESTPAY, &message).send());
    for reply in futures_util::future::join_all(copies).await {
        expect_taken(reply);
    }
    assert_eq!(kept(&shop).await, 1);
    assert_eq!(shop.count("select count(*) from jobs where kind = 'payments.webhook'").await, 1);
    shop.close().await;
}

#[tokio::test]
async fn secrets_and_people_are_not_kept() {
    let gateway = TestGateway::new().shared();
    let shop = open(&[&gateway]).await;
    let body = json!({
        "reference": "sale_1", "client_secret": "planted-secret-1", "customer": { "name": "planted-name-2", "email": "planted-3@example.com" },
        "message": "paid with 4242 4242 4242 4242", "deep": [{ "billing_data": { "phone_number": "planted-phone-4" } }],
    });
    expect_taken(post(&shop, TESTPAY, &gateway.sign("sale.paid", body)).await);
    assert!(shop.file_holds("sale_1"));
    for planted in ["planted-secret-1", "planted-name-2", "planted-3", "planted-phone-4", "4242 4242"] {
        assert!(!shop.file_holds(planted), "{planted} is in the database");
    }
    shop.close().await;
}

#[tokio::test]
async fn who_cannot_sign_is_refused_without_a_look_into_the_books() {
    let gateway = TestGateway::new().shared();
    let shop = open(&[&gateway]).await;
    let guest = shop.guest();
    let good = gateway.sign("sale.paid", json!({ "reference": "sale_1" }));
    let changed = Message { body: good.body.replace("sale_1", "sale_9"), ..good.clone() };
    let bare = |path: &str| guest.post(path).bytes("application/json", good.body.clone());
    let forged = [
        bare(TESTPAY),
        bare(BARE),
        guest.post(TESTPAY),
        guest.post(BARE),
        request(&guest, TESTPAY, &changed),
        request(&guest, BARE, &changed),
        bare(TESTPAY).header(Message::header(), ""),
        bare(TESTPAY).header(Message::header(), "not hex"),
        bare(TESTPAY).header(Message::header(), "سر"),
        bare(TESTPAY).header(Message::header(), &good.signature[..63]),
        request(&guest, TESTPAY, &good).header(Message::header(), &good.signature),
        request(&guest, TESTPAY, &good).header(Message::header(), "00"),
        request(&guest, TESTPAY, &Message::signed("no JSON".to_owned())),
    ];
    let statements = shop.db().stats().statement_us.count();
    let count = u64::try_from(forged.len()).expect("few");
    for request in forged {
        request.send().await.expect_problem(400, "bad_signature");
    }
    assert_eq!(shop.db().stats().statement_us.count(), statements, "a bad signature costs no statement");
    assert_eq!(shop.inner().forgeries.all(), count, "each is counted");
    assert_eq!(kept(&shop).await, 0);
    expect_taken(post(&shop, TESTPAY, &good).await);
    shop.close().await;
}

#[tokio::test]
async fn nobody_but_a_gateway_that_is_there_has_an_address() {
    let gateway = TestGateway::new().shared();
    let shop = open(&[&gateway]).await;
    let message = gateway.sign("sale.paid", json!({ "reference": "sale_1" }));
    for other in ["cash", "transfer", "nobody", "TESTPAY", "testpay%20", "x", "testpay-signature"] {
        let path = format!("{BARE}/{other}");
        post(&shop, &path, &message).await.expect_problem(404, "not_found");
    }
    shop.guest().get(TESTPAY).send().await.expect_problem(405, "method_not_allowed");
    assert_eq!(kept(&shop).await, 0);
    shop.close().await;
}

#[tokio::test]
async fn the_bare_path_takes_one_signature_and_not_several() {
    let (gateway, other) = (TestGateway::new().shared(), TestGateway::named("otherpay").shared());
    let shop = open(&[&gateway, &other]).await;
    let message = other.sign("sale.paid", json!({ "reference": "sale_1" }));
    let by = |header: &str| {
        shop.guest().post(BARE).bytes("application/json", message.body.clone()).header(header, &message.signature)
    };
    expect_taken(by(&other.header()).send().await);
    assert_eq!(text(&shop, "select gateway from webhook_inbox").await, "otherpay");
    by(&other.header()).header(&gateway.header(), &message.signature).send().await.expect_problem(400, "bad_signature");
    by("x-signature").send().await.expect_problem(400, "bad_signature");
    expect_taken(by(&gateway.header()).send().await);
    assert_eq!(kept(&shop).await, 2, "an event's name is its gateway's own");
    shop.close().await;
}

#[tokio::test]
async fn a_message_has_its_own_limit_of_size() {
    let gateway = TestGateway::new().shared();
    let shop = open(&[&gateway]).await;
    let padded = |bytes: usize| {
        let mut message = gateway.sign("sale.paid", json!({ "reference": "sale_1" }));
        message.body.push_str(&" ".repeat(bytes - message.body.len()));
        Message::signed(message.body)
    };
    expect_taken(post(&shop, TESTPAY, &padded(MOST_BYTES)).await);
    for bytes in [MOST_BYTES + 1, 1 << 20, 3 << 20] {
        let refused = post(&shop, TESTPAY, &padded(bytes)).await.expect_problem(413, "body_too_large");
        assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains("262144")), "{refused:?}");
        post(&shop, BARE, &padded(bytes)).await.expect_problem(413, "body_too_large");
    }
    assert_eq!(kept(&shop).await, 1);
    // Elsewhere a body may be as large as ever.
    let large = json!({ "email": "x".repeat(MOST_BYTES + 1), "password": "y" });
    shop.guest().post("/api/v1/auth/login").json(&large).send().await.expect_field("email");
    shop.close().await;
}

#[tokio::test]
async fn only_the_signature_counts() {
    let gateway = TestGateway::new().shared();
    let shop = open(&[&gateway]).await;
    let guest = shop.guest();
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=windows-1256", "nonsense"]
    {
        let message = gateway.sign("sale.paid", json!({ "reference": media_type }));
        let request = guest.post(&format!("{TESTPAY}?hmac=aa&hmac=bb&unknown")).bytes(media_type, message.body.clone());
        expect_taken(request.header(Message::header(), &message.signature).send().await);
    }
    // What opens nothing elsewhere does not matter here.
    let dead = [("authorization", "Bearer no.such.token"), ("authorization", "Basic YTpi"), ("cookie", "bayader_session=gone")];
    for (name, value) in dead.into_iter().chain([("idempotency-key", "short"), ("origin", "https://evil.example")]) {
        let message = gateway.sign("sale.paid", json!({ "card": "4242 4242 4242 4242" }));
        expect_taken(request(&guest, TESTPAY, &message).header(name, value).send().await);
    }
    assert_eq!(kept(&shop).await, 9);
    shop.close().await;
}

#[tokio::test]
async fn what_is_not_for_us_is_not_kept_and_what_cannot_be_told_comes_again() {
    let gateway = TestGateway::new().shared();
    let shop = open(&[&gateway]).await;
    expect_taken(post(&shop, TESTPAY, &gateway.sign("not_for_us", json!({}))).await);
    let again = post(&shop, TESTPAY, &gateway.sign("cannot_tell", json!({}))).await.expect_problem(503, "busy");
    assert_eq!(again.header("retry-after"), Some("30"));
    assert_eq!(kept(&shop).await, 0);
    assert_eq!(shop.inner().forgeries.all(), 0);
    shop.close().await;
}

#[tokio::test]
async fn who_forges_twenty_a_minute_waits() {
    let gateway = TestGateway::new().shared();
    let counted = [("BAYADER_RATE_LIMIT__ENABLED", "true"), ("BAYADER_SERVER__TRUSTED_PROXIES", "127.0.0.1")];
    let shop = open_with(&counted, &[&gateway]).await;
    let guest = shop.guest();
    let from = |address: &str, request: Request| request.header("x-forwarded-for", address);
    let bad = || guest.post(TESTPAY).bytes("application/json", "{}");
    let good = || request(&guest, TESTPAY, &gateway.sign("sale.paid", json!({ "reference": "sale_1" })));
    for _ in 0..30 {
        expect_taken(from("203.0.113.9", good()).send().await);
    }
    for number in 0..20 {
        let path = if number % 2 == 0 { TESTPAY } else { BARE };
        from("203.0.113.9", guest.post(path).bytes("application/json", "{}")).send().await.expect_problem(400, "bad_signature");
    }
    for request in [bad(), guest.post(BARE)] {
        let refused = from("203.0.113.9", request).send().await.expect_problem(429, "rate_limited");
        assert_eq!(refused.header("retry-after"), Some("60"));
    }
    from("203.0.113.8", bad()).send().await.expect_problem(400, "bad_signature");
    shop.advance(MINUTE);
    expect_taken(from("203.0.113.9", good()).send().await);
    from("203.0.113.9", bad()).send().await.expect_problem(400, "bad_signature");
    shop.close().await;
}

/// Each of them may have the shop fetch a certificate: a stranger must not have it fetch without end.
#[tokio::test]
async fn who_cannot_be_verified_twenty_times_a_minute_waits_too() {
    let gateway = TestGateway::new().shared();
    let shop = open_with(&[("BAYADER_RATE_LIMIT__ENABLED", "true")], &[&gateway]).await;
    for _ in 0..20 {
        post(&shop, TESTPAY, &gateway.sign("cannot_tell", json!({}))).await.expect_problem(503, "busy");
    }
    post(&shop, TESTPAY, &gateway.sign("cannot_tell", json!({}))).await.expect_problem(429, "rate_limited");
    assert_eq!(shop.inner().forgeries.all(), 0, "nobody has forged anything");
    shop.advance(MINUTE);
    post(&shop, TESTPAY, &gateway.sign("cannot_tell", json!({}))).await.expect_problem(503, "busy");
    shop.close().await;
}

#[tokio::test]
async fn where_nobody_is_counted_nobody_waits() {
    let gateway = TestGateway::new().shared();
    let shop = open(&[&gateway]).await;
    for _ in 0..25 {
        shop.guest().post(TESTPAY).bytes("application/json", "{}").send().await.expect_problem(400, "bad_signature");
    }
    shop.close().await;
}

#[tokio::test]
async fn before_the_shop_has_an_owner_messages_come_again() {
    let shop = Shop::open_without_owner(&[]).await;
    for path in [TESTPAY, BARE] {
        shop.guest().post(path).bytes("application/json", "{}").send().await.expect_problem(503, "setup_required");
    }
    shop.close().await;
}

#[tokio::test]
async fn a_message_about_nobodys_payment_is_searched_for_then_kept_and_told() {
    let gateway = TestGateway::new().shared();
    let shop = open(&[&gateway]).await;
    let captured = json!([{ "object": "ch_1", "amountMinor": 1_000, "currency": "JOD" }]);
    let messages = [
        gateway.sign("sale.paid", json!({ "reference": "sale_of_another", "captures": captured })),
        gateway.sign("sale.opened", json!({ "reference": "sale_of_another", "state": "open" })),
        gateway.sign("unknown.kind", json!({ "reference": "sale_of_another" })),
    ];
    for message in &messages {
        expect_taken(post(&shop, TESTPAY, message).await);
    }
    let outcome = "select coalesce(group_concat(kind || ':' || coalesce(outcome, 'waits'), ' '), '') from (select * from webhook_inbox order by id)";
    for wait in [Duration::from_secs(1), MINUTE, MINUTE, 3 * MINUTE] {
        shop.advance(wait);
        shop.run_jobs().await;
        assert_eq!(text(&shop, outcome).await, "sale.paid:waits sale.opened:waits unknown.kind:ignored");
    }
    shop.advance(12 * MINUTE);
    shop.run_jobs().await;
    assert_eq!(text(&shop, outcome).await, "sale.paid:unknown sale.opened:unknown unknown.kind:ignored");
    let told = shop.ailments().await;
    assert!(told.len() == 1 && told[0].contains("1 message(s) of testpay") && told[0].contains("evt_testpay_1"), "{told:?}");

    let bodies = "select count(*) from webhook_inbox where body is not null";
    let day = 24 * 60 * MINUTE;
    shop.advance(89 * day);
    shop.run_jobs().await;
    assert_eq!(shop.count(bodies).await, 3);
    shop.advance(2 * day);
    shop.run_jobs().await;
    assert_eq!((shop.count(bodies).await, kept(&shop).await), (0, 3), "the rows stay");
    for message in &messages {
        expect_taken(post(&shop, TESTPAY, message).await);
    }
    assert_eq!(kept(&shop).await, 3, "however late it is sent again");
    shop.close().await;
}

/// An order of one cake that waits to be paid through a gateway, and the payment that was begun.
struct Sale {
    order: Order,
    payment: String,
}

impl Sale {
    async fn begin(shop: &Shop, method: &str) -> Sale {
        let cake = shop.product("Cake").price("4.250").stock(10).create().await;
        let order = shop.guest().order().line(&cake, 1).pickup().field("paymentMethod", method).place().await;
        let body = json!({ "orderId": order.id, "paymentMethod": method });
        let checkout = shop.guest().post("/api/v1/payments/checkout").header("x-order-token", order.token()).json(&body);
        let begun = checkout.send().await.expect(200);
        Sale { payment: begun["transactionId"].as_str().expect("a payment").to_owned(), order }
    }

    async fn seen(&self, shop: &Shop) -> String {
        let order = shop.guest().get(&self.order.path()).header("x-order-token", self.order.token()).send().await.expect(200);
        format!("{} {}", order["status"].as_str().unwrap_or("?"), order["paymentStatus"].as_str().unwrap_or("?"))
    }
}

/// What became of each message, in the order in which they came.
async fn outcomes(shop: &Shop) -> String {
    let sql = "select coalesce(group_concat(coalesce(outcome, 'waits'), ' '), '') from (select outcome from webhook_inbox order by id)";
    text(shop, sql).await
}

async fn handle(shop: &Shop) {
    shop.advance(Duration::from_secs(1));
    shop.run_jobs().await;
}

/// Nothing outside the test's own gateway and the line that brings it along knows of it.
#[tokio::test]
async fn a_new_gateway_sells_an_order_from_the_menu_to_the_paid_receipt() {
    let gateway = TestGateway::named("dukkanpay").shared();
    let shop = open(&[&gateway]).await;
    let methods = shop.guest().see("/api/v1/payments/methods").await;
    assert!(methods.column("code").contains(&"dukkanpay"), "{methods:?}");
    let sale = Sale::begin(&shop, "dukkanpay").await;
    assert_eq!(sale.seen(&shop).await, "Pending Pending");
    gateway.pay(&sale.payment);
    let message = gateway.message("sale.paid", &sale.payment);
    expect_taken(post(&shop, &format!("{BARE}/dukkanpay"), &message).await);
    handle(&shop).await;
    assert_eq!(sale.seen(&shop).await, "Confirmed Paid");
    assert_eq!(outcomes(&shop).await, "booked");
    let ledger = "select group_concat(kind || ' ' || method || ' ' || amount_minor) from money_ledger";
    assert_eq!(text(&shop, ledger).await, "captured dukkanpay 4250");
    assert_eq!(shop.count("select count(*) from webhook_inbox i join payments p on p.id = i.payment_id").await, 1);
    shop.close().await;
}

#[tokio::test]
async fn late_repeated_and_disordered_messages_change_nothing_twice() {
    let gateway = TestGateway::new().shared();
    let shop = open(&[&gateway]).await;
    let sale = Sale::begin(&shop, "testpay").await;
    let opened = gateway.message("sale.opened", &sale.payment);
    gateway.decline(&sale.payment);
    let declined = gateway.message("sale.declined", &sale.payment);
    gateway.pay(&sale.payment);
    let paid = gateway.message("sale.paid", &sale.payment);
    let told_again = gateway.message("sale.paid", &sale.payment);
    for message in [&paid, &paid, &opened, &told_again, &declined, &opened, &gateway.hint(&sale.payment)] {
        expect_taken(post(&shop, TESTPAY, message).await);
        handle(&shop).await;
        assert_eq!(sale.seen(&shop).await, "Confirmed Paid");
    }
    assert_eq!(outcomes(&shop).await, "booked nothing nothing nothing nothing");
    assert_eq!(shop.count("select sum(amount_minor) from money_ledger where kind = 'captured'").await, 4_250);
    shop.close().await;
}

#[tokio::test]
async fn a_hint_asks_the_gateway_and_books_what_it_says() {
    let gateway = TestGateway::new().shared();
    let shop = open(&[&gateway]).await;
    let sale = Sale::begin(&shop, "testpay").await;
    gateway.pay(&sale.payment);
    gateway.next(Op::Ask, [Act::UnclearBefore]);
    expect_taken(post(&shop, TESTPAY, &gateway.hint(&sale.payment)).await);
    handle(&shop).await;
    assert_eq!((sale.seen(&shop).await.as_str(), outcomes(&shop).await.as_str()), ("Pending Pending", "waits"));
    shop.advance(Duration::from_secs(15));
    shop.run_jobs().await;
    assert_eq!((sale.seen(&shop).await.as_str(), outcomes(&shop).await.as_str()), ("Confirmed Paid", "booked"));
    shop.close().await;
}

#[tokio::test]
async fn an_approved_payment_is_taken_when_the_message_says_so() {
    let gateway = TestGateway::new().approving().shared();
    let shop = open(&[&gateway]).await;
    let sale = Sale::begin(&shop, "testpay").await;
    gateway.pay(&sale.payment);
    expect_taken(post(&shop, TESTPAY, &gateway.message("sale.approved", &sale.payment)).await);
    handle(&shop).await;
    assert_eq!(sale.seen(&shop).await, "Confirmed Paid");
    assert_eq!(gateway.asked(Op::Capture), 1);
    shop.close().await;
}

#[tokio::test]
async fn money_that_does_not_fit_is_parked_and_said_so() {
    let gateway = TestGateway::new().shared();
    let shop = open(&[&gateway]).await;
    let sale = Sale::begin(&shop, "testpay").await;
    let jod = Currency::from_code("JOD").expect("a currency");
    gateway.pay_amount(&sale.payment, Money::from_minor(1, jod));
    expect_taken(post(&shop, TESTPAY, &gateway.message("sale.paid", &sale.payment)).await);
    handle(&shop).await;
    assert_eq!((sale.seen(&shop).await.as_str(), outcomes(&shop).await.as_str()), ("Pending Pending", "parked"));
    assert_eq!(shop.count("select count(*) from money_ledger").await, 0);
    shop.close().await;
}

/// The message overtakes the answer to the call that begins its payment: only our own id, signed, tells whose it is.
#[tokio::test]
async fn a_message_that_overtakes_its_checkout_is_booked() {
    let gateway = TestGateway::new().shared();
    let shop = open(&[&gateway]).await;
    let cake = shop.product("Cake").price("4.250").stock(10).create().await;
    let order = shop.guest().order().line(&cake, 1).pickup().field("paymentMethod", "testpay").place().await;
    gateway.next(Op::Start, [Act::HangAfter]);
    let body = json!({ "orderId": order.id, "paymentMethod": "testpay" });
    let checkout = shop.guest().post("/api/v1/payments/checkout").header("x-order-token", order.token()).json(&body);
    let begun = tokio::spawn(checkout.send());
    gateway.reach(Op::Start, 1).await;
    while gateway.sales().is_empty() {
        tokio::task::yield_now().await;
    }
    let sale = Sale { payment: gateway.sales()[0].payment.to_string(), order };
    gateway.pay(&sale.payment);
    expect_taken(post(&shop, TESTPAY, &gateway.message("sale.paid", &sale.payment)).await);
    handle(&shop).await;
    gateway.release();
    begun.await.expect("it ends");
    shop.advance(MINUTE);
    shop.run_jobs().await;
    assert_eq!((sale.seen(&shop).await.as_str(), outcomes(&shop).await.as_str()), ("Confirmed Paid", "booked"));
    assert_eq!(shop.count("select sum(amount_minor) from money_ledger where kind = 'captured'").await, 4_250);
    shop.close().await;
}

/// Whoever may write into the gateway's account signs what they like, but cannot speak for a payment that the gateway calls otherwise.
#[tokio::test]
async fn our_own_id_alone_is_not_believed() {
    let gateway = TestGateway::new().shared();
    let other = TestGateway::named("otherpay").shared();
    let shop = open(&[&gateway, &other]).await;
    let sale = Sale::begin(&shop, "testpay").await;
    let captured = json!([{ "object": "ch_of_another", "amountMinor": 4_250, "currency": "JOD" }]);
    let body = json!({ "reference": "sale_of_another", "payment": sale.payment, "captures": captured, "state": "open" });
    expect_taken(post(&shop, TESTPAY, &gateway.sign("sale.paid", body.clone())).await);
    let named = json!({ "reference": gateway.sale(&sale.payment).reference, "payment": sale.payment, "captures": captured });
    expect_taken(post(&shop, &format!("{BARE}/otherpay"), &other.sign("sale.paid", named)).await);
    for _ in 0..20 {
        shop.advance(MINUTE);
        shop.run_jobs().await;
    }
    assert_eq!((sale.seen(&shop).await.as_str(), outcomes(&shop).await.as_str()), ("Pending Pending", "unknown unknown"));
    assert_eq!(shop.count("select count(*) from money_ledger").await, 0);
    assert_eq!(shop.ailments().await.len(), 2);
    shop.advance(91 * 24 * 60 * MINUTE);
    shop.run_jobs().await;
    shop.close().await;
}

#[tokio::test]
async fn intake_goes_on_while_the_gateway_keeps_every_worker_waiting() {
    let gateway = TestGateway::new().shared();
    let shop = open(&[&gateway]).await;
    let sale = Sale::begin(&shop, "testpay").await;
    let asked = gateway.asked(Op::Ask);
    gateway.next(Op::Ask, std::iter::repeat_n(Act::Hang, WORKERS));
    for _ in 0..WORKERS {
        expect_taken(post(&shop, TESTPAY, &gateway.hint(&sale.payment)).await);
    }
    shop.advance(Duration::from_secs(1));
    gateway.reach(Op::Ask, asked + WORKERS).await;
    for _ in 0..100 {
        expect_taken(post(&shop, TESTPAY, &gateway.hint(&sale.payment)).await);
    }
    let waiting = "select count(*) from webhook_inbox where outcome is null";
    assert_eq!(shop.count(waiting).await, 104, "each worker waits for the gateway");
    gateway.pay(&sale.payment);
    gateway.release();
    while shop.count(waiting).await > 0 {
        shop.advance(MINUTE);
        shop.run_jobs().await;
    }
    assert_eq!(sale.seen(&shop).await, "Confirmed Paid");
    shop.close().await;
}

#[tokio::test]
async fn what_was_kept_before_a_crash_is_handled_after_it() {
    let gateway = TestGateway::new().shared();
    let shop = open(&[&gateway]).await;
    let sale = Sale::begin(&shop, "testpay").await;
    gateway.pay(&sale.payment);
    expect_taken(post(&shop, TESTPAY, &gateway.message("sale.paid", &sale.payment)).await);
    let again = shop.as_after_a_crash(&[], vec![Arc::clone(&gateway) as Arc<dyn Gateway>]).await;
    handle(&again).await;
    // Whoever of them came first: the message, or the reconciler that asks at each start.
    assert_eq!(sale.seen(&again).await, "Confirmed Paid");
    assert_ne!(outcomes(&again).await, "waits");
    assert_eq!(again.count("select sum(amount_minor) from money_ledger where kind = 'captured'").await, 4_250);
    again.close().await;
    shop.close().await;
}

/// What was logged since the log was caught.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("whole").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn neither_a_body_nor_a_header_is_logged() {
    let log = Log::default();
    let writer = log.clone();
    let caught =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).with_writer(move || writer.clone());
    caught.try_init().expect("nobody else logs in this process");
    let gateway = TestGateway::new().shared();
    let shop = open(&[&gateway]).await;
    let planted = || json!({ "reference": "planted-reference", "name": "planted-name", "captures": "planted-captures" });
    let good =
        [gateway.sign("sale.paid", planted()), gateway.sign("cannot_tell", planted()), gateway.sign("not_for_us", planted())];
    for message in &good {
        post(&shop, TESTPAY, message).await;
        let forged = Message { signature: "planted-signature".to_owned(), ..message.clone() };
        for path in [TESTPAY, BARE] {
            request(&shop.guest(), path, &forged).header("x-planted", "planted-header").send().await.expect(400);
        }
        shop.guest().post(&format!("{BARE}?hmac=planted-query")).bytes("text/plain", "planted-body").send().await.expect(400);
    }
    for _ in 0..20 {
        shop.advance(MINUTE);
        shop.run_jobs().await;
    }
    assert_eq!(outcomes(&shop).await, "unknown");
    shop.close().await;
    let told = String::from_utf8_lossy(&log.0.lock().expect("whole")).into_owned();
    for said in ["was not signed by a gateway", "cannot be verified now", "about no payment of ours"] {
        assert!(told.contains(said), "{said} is not logged: {told}");
    }
    let lines: Vec<&str> = told.lines().filter(|line| line.contains("planted")).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}
