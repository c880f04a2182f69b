//! The adapter of MyFatoorah against its double and the vectors.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use bayader::clock::Clock;
use bayader::config::{self, Source};
use bayader::features::payments::gateway::{
    Attempt, CallFault, Delivery, Ending, Event, Flow, Found, Gateway, Reading, RefundCall, StartRequest, There, Verdict,
    WhenLost,
};
use bayader::features::payments::gateways::myfatoorah::MyFatoorah;
use bayader::features::payments::strike::strike;
use bayader::features::payments::{GatewayFault, Gateways, Setting};
use bayader::kernel::{Currency, Locale, Money, OrderId, PaymentId, PaymentMethod, RefundId, RefundStatus, UtcMs};
use bayader::outbound::Patience;
use serde_json::{Value, json};

use crate::doubles::faults::Fault;
use crate::doubles::myfatoorah::{MyFatoorahDouble, REFUND, SECRET, SEND, STATUS, TOKEN};

/// 2026-11-25T08:00:00Z: eleven in Kuwait.
const NOW: UtcMs = UtcMs::from_ms(1_795_593_600_000);
const MINUTE_MS: i64 = 60_000;
const PAYMENT: &str = "0199f1c2-8b21-7d3f-8c2b-2a3b4c5d6e7f";

fn setting(clock: &Clock) -> Setting {
    let patience = Patience { connect: Duration::from_secs(2), call: Duration::from_millis(300) };
    Setting { clock: clock.clone(), patience }
}

fn section(url: &str, country: &str, token: &str, secret: &str) -> config::Payments {
    let variables = [("API_TOKEN", token), ("WEBHOOK_SECRET", secret), ("COUNTRY", country), ("BASE_URL", url)]
        .map(|(key, value)| (format!("BAYADER_PAYMENTS__MYFATOORAH__{key}"), value.to_owned()));
    config::load(&Source::new().variables(variables)).expect("a whole section").payments
}

fn adapter_of(payments: &config::Payments, clock: &Clock) -> MyFatoorah {
    MyFatoorah::open(payments.myfatoorah.as_ref().expect("offered"), &setting(clock)).expect("it opens")
}

fn adapter(double: &MyFatoorahDouble, clock: &Clock) -> MyFatoorah {
    adapter_of(&section(&double.url, "JOR", TOKEN, SECRET), clock)
}

fn jod(minor: i64) -> Money {
    Money::from_minor(minor, Currency::JOD)
}

fn attempt(minor: i64) -> Attempt {
    Attempt {
        payment: PaymentId::parse(PAYMENT).expect("an id"),
        order: OrderId::parse("0199f1c2-8b21-7d3f-8c2b-2a3b4c5d6e70").expect("an id"),
        number: 1,
        amount: jod(minor),
        flow: Flow::Redirect,
        reference: None,
        objects: Vec::new(),
        request: Some(StartRequest {
            order_number: "B-261125-0001".to_owned(),
            shop_name: "Bayader".to_owned(),
            locale: "ar".to_owned(),
            customer_name: "Rania O'Haddad".to_owned(),
            customer_email: None,
            customer_phone: Some("+962790000000".to_owned()),
            return_url: "https://shop.example/pay/return?tx=1&k=2".to_owned(),
            cancel_url: "https://shop.example/pay/cancel?tx=1&k=2".to_owned(),
            webhook_url: "https://shop.example/api/v1/payments/webhook/myfatoorah".to_owned(),
            made_at: NOW.ms(),
            hold_ends_at: NOW.ms() + 30 * MINUTE_MS,
        }),
        sent_at: NOW,
    }
}

/// The attempt with the name it was given there.
async fn begun(gateway: &MyFatoorah, minor: i64) -> Attempt {
    let attempt = attempt(minor);
    let report = gateway.start(&attempt).await.expect("begun");
    Attempt { reference: report.reference, ..attempt }
}

fn refund_of(attempt: &Attempt, captured: &str, minor: i64) -> RefundCall {
    RefundCall {
        refund: RefundId::parse("0199f1c2-8b21-7d3f-8c2b-2a3b4c5d6e71").expect("an id"),
        payment: attempt.payment,
        number: "B-261125-0001-1-R1".to_owned(),
        amount: jod(minor),
        reason: Some("Rania asked".to_owned()),
        captured: captured.to_owned(),
        reference: attempt.reference.clone(),
        objects: attempt.objects.clone(),
        object: None,
        memo: None,
        sent_at: None,
    }
}

async fn verify(gateway: &MyFatoorah, headers: &HeaderMap, body: &str) -> Verdict {
    let delivery = Delivery { headers, query: None, body: body.as_bytes() };
    gateway.verify(delivery, NOW).await
}

/// What it means, and that it means the same after it was kept.
fn read(gateway: &MyFatoorah, event: &Event) -> Reading {
    let reading = gateway.read(event);
    let kept = Event { body: strike(&event.body), ..event.clone() };
    assert_eq!(gateway.read(&kept), reading, "what is kept says the same");
    reading
}

#[tokio::test]
async fn an_invoice_is_begun_paid_and_told() {
    let (double, clock) = (MyFatoorahDouble::start("JOD").await, Clock::manual(NOW));
    let gateway = adapter(&double, &clock);
    let asked = attempt(4_250);
    let report = gateway.start(&asked).await.expect("begun");
    let sent = double.last(SEND);
    assert_eq!(sent["InvoiceValue"].to_string(), "4.250", "with the currency's own decimals");
    assert_eq!((&sent["CustomerName"], &sent["CustomerReference"]), (&json!("Rania OHaddad"), &json!(PAYMENT)));
    assert_eq!((&sent["Language"], &sent["ExpiryDate"]), (&json!("ar"), &json!("2026-11-25T11:30:00")));
    assert_eq!(report.state, Some(There::Open));
    let link = report.handover.expect("a way on").redirect_url.expect("a link");
    assert!(link.contains("opens-it"), "{link}");
    assert!(!report.raw.expect("what is kept").to_string().contains("opens-it"), "the link opens the invoice");

    let attempt = Attempt { reference: report.reference, ..asked };
    let invoice = attempt.reference.clone().expect("an invoice");
    let report = gateway.ask(&attempt).await.expect("it stands");
    assert_eq!((report.state, report.captures.len()), (Some(There::Open), 0));

    double.try_to_pay(&invoice, "Failed");
    let report = gateway.ask(&attempt).await.expect("it stands");
    assert_eq!(report.state, Some(There::Open), "another card may be tried");
    assert_eq!(report.failure.expect("why").message, "Do not honour");

    let payment = double.try_to_pay(&invoice, "Succss");
    let report = gateway.ask(&attempt).await.expect("it stands");
    let [capture] = report.captures.as_slice() else { panic!("{report:?}") };
    assert_eq!((capture.object.as_str(), capture.amount, &report.failure), (payment.as_str(), jod(4_250), &None));
    assert!(report.objects.contains(&payment));
    let kept = report.raw.expect("what is kept").to_string();
    assert!(!kept.contains("Rania") && !kept.contains("512345") && !kept.contains("example.com"), "{kept}");
    double.close();
}

#[tokio::test]
async fn an_invoice_that_was_paid_twice_is_told_so() {
    let (double, clock) = (MyFatoorahDouble::start("JOD").await, Clock::manual(NOW));
    let gateway = adapter(&double, &clock);
    let attempt = begun(&gateway, 4_250).await;
    let invoice = attempt.reference.clone().expect("an invoice");
    let payments = [double.try_to_pay(&invoice, "Succss"), double.try_to_pay(&invoice, "Succss")];
    let report = gateway.ask(&attempt).await.expect("it stands");
    let told: Vec<_> = report.captures.iter().map(|capture| (capture.object.clone(), capture.amount.minor())).collect();
    assert_eq!(told, payments.map(|payment| (payment, 4_250)));
    assert!(report.note.expect("a word for staff").contains("twice"));
    double.close();
}

#[tokio::test]
async fn an_invoice_ends_by_its_time_or_in_the_portal() {
    let (double, clock) = (MyFatoorahDouble::start("JOD").await, Clock::manual(NOW));
    let gateway = adapter(&double, &clock);
    let attempt = begun(&gateway, 4_250).await;
    let invoice = attempt.reference.clone().expect("an invoice");
    assert_eq!(gateway.end(&attempt).await.expect("it stands").state, Some(There::Open), "nothing ends it before its time");
    clock.advance_ms(30 * MINUTE_MS - 1);
    assert_eq!(gateway.ask(&attempt).await.expect("it stands").state, Some(There::Open));
    clock.advance_ms(1);
    let closed = Attempt { request: None, ..attempt.clone() };
    for attempt in [&attempt, &closed] {
        let report = gateway.end(attempt).await.expect("it stands");
        assert_eq!(report.state, Some(There::Ended(Ending::Expired)));
    }
    double.try_to_pay(&invoice, "InProgress");
    assert_eq!(gateway.ask(&attempt).await.expect("it stands").state, Some(There::Open), "somebody is still paying");
    double.set_status(&invoice, "Canceled");
    assert_eq!(gateway.ask(&attempt).await.expect("it stands").state, Some(There::Ended(Ending::Cancelled)));
    // Late money counts, whatever was said before.
    double.try_to_pay(&invoice, "Succss");
    assert_eq!(gateway.ask(&attempt).await.expect("it stands").captures.len(), 1);
    double.set_status(&invoice, "Puzzled");
    let report = gateway.ask(&attempt).await.expect("it stands");
    assert!(report.state.is_none() && report.note.expect("a word for staff").contains("puzzled"));
    double.close();
}

#[tokio::test]
async fn an_invoice_whose_answer_was_lost_is_found_and_given_up() {
    for fault in [Fault::ErrorAfter, Fault::CutAfter, Fault::SilentAfter, Fault::ErrorBefore, Fault::Page, Fault::ForbiddenPage]
    {
        let (double, clock) = (MyFatoorahDouble::start("JOD").await, Clock::manual(NOW));
        let gateway = adapter(&double, &clock);
        double.next(SEND, &[fault]);
        let attempt = attempt(4_250);
        let told = gateway.start(&attempt).await;
        assert!(matches!(told, Err(CallFault::Unclear(_))), "{fault:?}: {told:?}");
        assert_eq!(double.count(SEND), 1, "{fault:?}: it has no keys, so it is not sent again by itself");
        let is_done = matches!(fault, Fault::ErrorAfter | Fault::CutAfter | Fault::SilentAfter);
        assert_eq!(double.invoices(), usize::from(is_done), "{fault:?}");
        assert_eq!(gateway.find(&attempt).await.expect("looked"), Found::NotThere, "{fault:?}: nobody has its link");
        assert_eq!(gateway.when_lost(), WhenLost::Close);
        double.close();
    }
}

#[tokio::test]
async fn a_found_invoice_that_somebody_touched_is_there() {
    let (double, clock) = (MyFatoorahDouble::start("JOD").await, Clock::manual(NOW));
    let gateway = adapter(&double, &clock);
    double.next(SEND, &[Fault::CutAfter]);
    let attempt = attempt(4_250);
    gateway.start(&attempt).await.expect_err("unclear");
    double.try_to_pay("6389662", "Succss");
    let Found::There(report) = gateway.find(&attempt).await.expect("looked") else { panic!("it was paid") };
    assert_eq!((report.reference.as_deref(), report.captures.len()), (Some("6389662"), 1));
    double.close();
}

#[tokio::test]
async fn a_question_is_asked_again_and_a_page_says_nothing() {
    let (double, clock) = (MyFatoorahDouble::start("JOD").await, Clock::manual(NOW));
    let gateway = adapter(&double, &clock);
    let attempt = begun(&gateway, 4_250).await;
    double.next(STATUS, &[Fault::ErrorBefore, Fault::SilentAfter]);
    assert_eq!(gateway.ask(&attempt).await.expect("the third try").state, Some(There::Open));
    assert_eq!(double.count(STATUS), 3);
    for fault in [Fault::Page, Fault::ForbiddenPage] {
        double.next(STATUS, &[fault]);
        assert!(matches!(gateway.ask(&attempt).await, Err(CallFault::Unclear(_))), "{fault:?}");
    }
    let stranger = Attempt { payment: PaymentId::from_uuid(uuid::Uuid::nil()), ..attempt };
    assert!(matches!(gateway.ask(&stranger).await, Err(CallFault::Unclear(_))), "it is about another payment");
    double.close();
}

#[tokio::test]
async fn refusals_and_wrong_keys_are_told_apart() {
    let (double, clock) = (MyFatoorahDouble::start("JOD").await, Clock::manual(NOW));
    let gateway = adapter(&double, &clock);
    gateway.check().await.expect("the token is right");
    let unknown = Attempt { reference: Some("1".to_owned()), ..attempt(4_250) };
    let refused = gateway.ask(&unknown).await.expect_err("200, and a refusal all the same");
    assert!(matches!(&refused, CallFault::Refused { code, .. } if code == "Key"), "{refused:?}");
    let dollars = Attempt { amount: Money::from_minor(1, Currency::from_code("USD").expect("known")), ..attempt(1) };
    assert!(matches!(gateway.start(&dollars).await, Err(CallFault::Refused { .. })));
    assert_eq!(double.count(SEND), 0);

    let stranger = adapter_of(&section(&double.url, "JOR", "mf-token-wrong", SECRET), &clock);
    let fault = stranger.check().await.expect_err("another token");
    assert!(matches!(&fault, CallFault::Misconfigured(what) if what.contains("api_token")), "{fault:?}");
    assert!(matches!(stranger.start(&attempt(1)).await, Err(CallFault::Misconfigured(_))));
    double.close();

    let nobody = adapter_of(&section("http://127.0.0.1:9", "JOR", TOKEN, SECRET), &clock);
    assert!(matches!(nobody.start(&attempt(1)).await, Err(CallFault::NotSent(_))));
}

#[tokio::test]
async fn a_refund_is_asked_for_once_and_told_by_an_event() {
    let (double, clock) = (MyFatoorahDouble::start("JOD").await, Clock::manual(NOW));
    let gateway = adapter(&double, &clock);
    let attempt = begun(&gateway, 4_250).await;
    let invoice = attempt.reference.clone().expect("an invoice");
    let payment = double.try_to_pay(&invoice, "Succss");
    let refund = refund_of(&attempt, &payment, 1_250);
    assert_eq!(gateway.before_refund(&refund).await.expect("nothing to remember"), None);
    let told = gateway.refund(&refund).await.expect("taken down");
    assert_eq!((told.status, told.object.as_deref()), (RefundStatus::Pending, Some("2840")));
    let sent = double.last(REFUND);
    assert_eq!((sent["Amount"].to_string().as_str(), &sent["Comment"]), ("1.250", &json!("B-261125-0001-1-R1")));
    assert_eq!(sent["Key"], json!(payment));

    let refund = RefundCall { object: told.object, ..refund };
    let still = gateway.ask_refund(&refund).await.expect("an answer").expect("never unknown");
    assert_eq!((still.status, still.object.as_deref()), (RefundStatus::Pending, Some("2840")));

    for (word, status) in
        [("REFUNDED", RefundStatus::Succeeded), ("REJECTED", RefundStatus::Failed), ("WAITING", RefundStatus::Pending)]
    {
        let (headers, body) = double.decide_refund("2840", word);
        let Verdict::Genuine(event) = verify(&gateway, &headers, &body).await else { panic!("{word}") };
        let reading = read(&gateway, &event);
        let [told] = reading.report.refunds.as_slice() else { panic!("{reading:?}") };
        assert_eq!((told.object.as_str(), told.amount, told.status), ("2840", jod(1_250), status), "{word}");
        assert_eq!((reading.about.as_slice(), reading.ask), ([invoice.clone()].as_slice(), false));
    }

    let too_much = gateway.refund(&refund_of(&attempt, &payment, 3_001)).await.expect_err("more than is left");
    assert!(matches!(&too_much, CallFault::Refused { code, message } if code == "Amount" && message.contains("exceeds")));
    double.next(REFUND, &[Fault::ErrorAfter]);
    let lost = refund_of(&attempt, &payment, 1_000);
    assert!(matches!(gateway.refund(&lost).await, Err(CallFault::Unclear(_))));
    let still = gateway.ask_refund(&lost).await.expect("an answer").expect("not known to be absent, so never sent again");
    assert_eq!((still.status, still.object), (RefundStatus::Pending, None));
    assert_eq!(double.refunded(), 2_250);
    double.close();
}

#[tokio::test]
async fn a_payments_message_makes_us_ask() {
    let (double, clock) = (MyFatoorahDouble::start("JOD").await, Clock::manual(NOW));
    let gateway = adapter(&double, &clock);
    let attempt = begun(&gateway, 4_250).await;
    let invoice = attempt.reference.clone().expect("an invoice");
    let payment = double.try_to_pay(&invoice, "Succss");
    let (headers, body) = double.payment_message(&invoice);
    let Verdict::Genuine(event) = verify(&gateway, &headers, &body).await else { panic!("genuine") };
    assert_eq!((event.id.as_str(), event.kind.as_str()), ("WH-1", "PAYMENT_STATUS_CHANGED"));
    let reading = read(&gateway, &event);
    assert_eq!((reading.about, reading.ask), (vec![invoice, payment.clone()], true));
    assert_eq!((reading.report.objects, reading.report.captures.len()), (vec![payment], 0), "the amount in it is a lie");
    double.close();
}

/// What a case of the vectors must read as; a name that is not here fails.
fn expected(name: &str) -> Expected {
    let asked = Expected::Asks { about: &["6389662", "07076389662322312374"] };
    match name {
        "v2_paid" | "v2_failed_attempt" | "v2_null_becomes_empty" | "v2_unsigned_amount_changed" | "v1_paid" => asked,
        "v2_refunded" | "v1_refund_without_gateway_reference" => Expected::Refunded { object: "2840", minor: 1_250 },
        "v1_real_signature" => Expected::Ignored,
        "v2_tampered_status"
        | "v2_wrong_secret"
        | "v2_hex_instead_of_base64"
        | "v2_alphabetical_order"
        | "v2_no_header"
        | "v1_tampered_amount" => Expected::Forged,
        other => panic!("a case that nobody knows: {other}"),
    }
}

#[derive(Debug, PartialEq)]
enum Expected {
    Asks { about: &'static [&'static str] },
    Refunded { object: &'static str, minor: i64 },
    Ignored,
    Forged,
}

#[tokio::test]
async fn every_case_of_the_vectors() {
    let vectors: Value = serde_json::from_str(include_str!("../vectors/myfatoorah.json")).expect("JSON");
    let cases = vectors["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 14);
    for case in cases {
        let name = case["name"].as_str().expect("a name");
        let body = case["body"].as_str().expect("a body");
        assert_eq!(sha256(body), case["body_sha256"].as_str().expect("a hash"), "{name}");
        let secret = case["secret"].as_str().expect("a secret");
        let gateway = adapter_of(&section("https://apitest.myfatoorah.com", "JOR", TOKEN, secret), &Clock::manual(NOW));
        let mut headers = HeaderMap::new();
        for (header, value) in case["headers"].as_object().expect("headers") {
            let header: axum::http::HeaderName = header.parse().expect("a header");
            headers.insert(header, HeaderValue::from_str(value.as_str().expect("a text")).expect("a value"));
        }
        let delivery = Delivery { headers: &headers, query: None, body: body.as_bytes() };
        assert_eq!(gateway.signs(&delivery), !headers.is_empty(), "{name}");
        let told = match verify(&gateway, &headers, body).await {
            Verdict::Forged { .. } => "reject",
            Verdict::Genuine(_) => "accept",
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(told, case["expect"].as_str().expect("a word"), "{name}");
        let expected = expected(name);
        let Verdict::Genuine(event) = verify(&gateway, &headers, body).await else {
            assert_eq!(expected, Expected::Forged, "{name}");
            continue;
        };
        let reading = read(&gateway, &event);
        match expected {
            Expected::Asks { about } => {
                assert_eq!(
                    (reading.about.as_slice(), reading.ask, reading.ours),
                    (strings(about).as_slice(), true, None),
                    "{name}"
                );
                assert_eq!((reading.report.state, reading.report.captures.len()), (None, 0), "{name}: nothing but a question");
            }
            Expected::Refunded { object, minor } => {
                let [told] = reading.report.refunds.as_slice() else { panic!("{name}: {reading:?}") };
                let seen = (told.object.as_str(), told.amount, told.status);
                assert_eq!(seen, (object, jod(minor), RefundStatus::Succeeded), "{name}");
                assert_eq!((reading.about.as_slice(), reading.ask), (strings(&["6389662"]).as_slice(), false), "{name}");
            }
            Expected::Ignored => assert!(reading.ignored, "{name}"),
            Expected::Forged => panic!("{name} is genuine"),
        }
    }
}

#[tokio::test]
async fn a_signature_that_is_not_one_is_no_signature() {
    let double = MyFatoorahDouble::start("JOD").await;
    let gateway = adapter(&double, &Clock::manual(NOW));
    let attempt = begun(&gateway, 1_000).await;
    let invoice = attempt.reference.clone().expect("an invoice");
    double.try_to_pay(&invoice, "Succss");
    let (good, body) = double.payment_message(&invoice);
    let mut twice = good.clone();
    twice.append("MyFatoorah-Signature", good["MyFatoorah-Signature"].clone());
    let mut odd = HeaderMap::new();
    odd.insert("MyFatoorah-Signature", HeaderValue::from_bytes(b"\xff\xfe").expect("a value"));
    for headers in [&twice, &odd, &HeaderMap::new()] {
        assert!(matches!(verify(&gateway, headers, &body).await, Verdict::Forged { .. }));
    }
    for body in ["", "[]", "null", "{}", "{\"Data\":{}}", "{\"Event\":{\"Code\":1},\"Data\":[]}", "{\"Event\":7,\"Data\":{}}"] {
        assert!(matches!(verify(&gateway, &good, body).await, Verdict::Forged { .. }), "{body}");
    }
    let nested = "{\"EventType\":1,\"Data\":{\"Invoice\":{\"Id\":1}}}";
    assert!(matches!(verify(&gateway, &good, nested).await, Verdict::Forged { .. }));
    // What is signed of other codes is not known: taken and forgotten.
    let other = "{\"Event\":{\"Code\":4,\"Name\":\"SUPPLIER\"},\"Data\":{}}";
    assert_eq!(verify(&gateway, &good, other).await, Verdict::NotForUs);
    double.close();
}

#[test]
fn a_refund_in_another_currency_is_not_believed() {
    let gateway = adapter_of(&section("https://apitest.myfatoorah.com", "JOR", TOKEN, SECRET), &Clock::manual(NOW));
    for (currency, value) in [("KWD", "1.250"), ("JOD", "1.2505"), ("JOD", "-1"), ("JOD", "a lot")] {
        let body = json!({
            "Event": { "Code": 2 },
            "Data": {
                "Refund": { "Id": "2840", "Status": "REFUNDED" },
                "Amount": { "BaseCurrency": currency, "ValueInBaseCurrency": value },
                "ReferencedInvoice": { "Id": "6389662" },
            },
        });
        let reading = gateway.read(&Event { id: "WH-1".to_owned(), kind: "REFUND".to_owned(), body });
        assert!(reading.report.refunds.is_empty() && reading.report.note.is_some(), "{currency} {value}: {reading:?}");
    }
}

#[test]
fn the_country_says_which_currency_it_takes() {
    let clock = Clock::manual(NOW);
    for (country, code) in [("JOR", "JOD"), ("KWT", "KWD"), ("SAU", "SAR"), ("EGY", "EGP")] {
        let gateway = adapter_of(&section("https://apitest.myfatoorah.com", country, TOKEN, SECRET), &clock);
        let currency = Currency::from_code(code).expect("known");
        assert!(gateway.takes(currency) && gateway.expresses(Money::from_minor(1, currency)).is_ok(), "{country}");
        let dollars = Currency::from_code("USD").expect("known");
        assert!(!gateway.takes(dollars) && gateway.expresses(Money::from_minor(1, dollars)).is_err(), "{country}");
    }
    let gateways =
        Gateways::open(&section("https://apitest.myfatoorah.com", "JOR", TOKEN, SECRET), &setting(&clock), Vec::new());
    let gateways = gateways.expect("they open");
    let method = PaymentMethod::from_code("myfatoorah").expect("a method");
    let gateway = gateways.get(method).expect("it is registered");
    assert!(gateway.name(Locale::En).contains("MyFatoorah") && gateway.name(Locale::Ar).contains("ماي فاتورة"));
    gateways.check_currency(Currency::JOD).expect("it takes dinars");
    let fault = gateways.check_currency(Currency::from_code("KWD").expect("known"));
    assert!(matches!(fault, Err(GatewayFault::Currency { gateway, .. }) if gateway == "myfatoorah"));
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn sha256(text: &str) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()))
}
