//! PayPal's messages: whether one is its own, by every case of `tests/vectors/paypal.json` and by certificates made here, and what
//! each kind of them means.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bayader::clock::Clock;
use bayader::features::payments::Setting;
use bayader::features::payments::gateway::{
    Capture, Delivery, Dispute, DisputeStep, Ending, Event, Gateway, Reading, RefundTold, Report, There, Verdict,
};
use bayader::features::payments::gateways::paypal::{
    Doubt, Fetched, NO_PATH, NOT_IN_DATE, NOT_SIGNED, OTHER_NAME, PayPal, Source,
};
use bayader::features::payments::strike::strike;
use bayader::kernel::{Currency, Money, PaymentId, RefundId, RefundStatus, UtcMs};
use bayader::outbound::Patience;
use http::{HeaderMap, HeaderName, HeaderValue};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::doubles::paypal::Double;
use super::doubles::paypal_signer::{NAME, SENT, body, certificate, headers, root};
use super::paypal::{PAYMENT, config};

const NOW: UtcMs = UtcMs::from_ms(1_795_593_600_000);
const LIVE: &str = "https://api-m.paypal.com";
const SANDBOX: &str = "https://api-m.sandbox.paypal.com";

/// Every case of the file, and what its refusal is to say; an accepted one says nothing. Three genuine messages came without the
/// chain of their certificate: that there is no path is then all that may be found wanting.
const CASES: &[(&str, Option<Doubt>)] = &[
    ("valid", None),
    ("valid_crc_above_2_31", None),
    ("valid_short_crc", None),
    ("valid_bundle", None),
    ("valid_pending", None),
    ("valid_denied", None),
    ("valid_refunded_partial", None),
    ("valid_order_approved", None),
    ("valid_simulator_webhook_id", None),
    ("valid_with_intermediate", None),
    ("tampered_amount", Some(NOT_SIGNED)),
    ("reserialised_body", Some(NOT_SIGNED)),
    ("wrong_webhook_id", Some(NOT_SIGNED)),
    ("transmission_time_changed", Some(NOT_SIGNED)),
    ("transmission_id_changed", Some(NOT_SIGNED)),
    ("signed_by_other_key", Some(NOT_SIGNED)),
    ("signature_not_base64", Some(Doubt::Forged("the signature is no base64"))),
    ("algo_sha1_downgrade", Some(ALGORITHM)),
    ("algo_sha1_really_signed_sha1", Some(ALGORITHM)),
    ("algo_unknown", Some(ALGORITHM)),
    ("missing_signature_header", Some(HEADERS)),
    ("cert_expired", Some(NOT_IN_DATE)),
    ("cert_wrong_name", Some(OTHER_NAME)),
    ("cert_untrusted_issuer", Some(NO_PATH)),
    ("cert_url_other_host", Some(NOT_AT_PAYPAL)),
    ("cert_url_suffix_trick", Some(NOT_AT_PAYPAL)),
    ("cert_url_userinfo_trick", Some(NOT_AT_PAYPAL)),
    ("cert_url_plain_http", Some(NOT_AT_PAYPAL)),
    ("cert_url_no_dot_trick", Some(NOT_AT_PAYPAL)),
    ("cert_url_other_port", Some(NOT_AT_PAYPAL)),
    ("intermediate_missing", Some(NO_PATH)),
    ("cert_issued_by_a_leaf", Some(NO_PATH)),
    ("real_paypal_event_1", Some(NO_PATH)),
    ("real_paypal_event_2", Some(NO_PATH)),
    ("real_paypal_event_3", Some(NO_PATH)),
    ("real_paypal_event_1_today", Some(NOT_IN_DATE)),
];
const HEADERS: Doubt = Doubt::Forged("one of the five headers is missing, unreadable or there twice");
const ALGORITHM: Doubt = Doubt::Forged("it is signed in another way than SHA256withRSA");
const NOT_AT_PAYPAL: Doubt = Doubt::Forged("the certificate is not at PayPal");

/// PayPal's certificates, as a test has them; what was fetched is remembered.
#[derive(Default)]
struct Shelf {
    pem: String,
    fetched: Mutex<Vec<String>>,
}

impl Source for Shelf {
    fn fetch<'a>(&'a self, url: &'a str) -> Pin<Box<dyn Future<Output = Fetched> + Send + 'a>> {
        self.fetched.lock().expect("nobody panics with it").push(url.to_owned());
        Box::pin(async { Fetched::Pem(self.pem.clone().into_bytes()) })
    }
}

fn setting() -> Setting {
    let patience = Patience { connect: Duration::from_secs(2), call: Duration::from_secs(10) };
    Setting { clock: Clock::manual(NOW), patience }
}

fn adapter(base: &str, webhook_id: Option<&str>, source: Option<Arc<dyn Source>>, roots: &[CertificateDer<'_>]) -> PayPal {
    let mut more = vec![("BAYADER_PAYMENTS__PAYPAL__CERT_HOSTS", "127.0.0.1")];
    more.extend(webhook_id.map(|id| ("BAYADER_PAYMENTS__PAYPAL__WEBHOOK_ID", id)));
    let section = config(base, &more).payments.paypal.expect("a section");
    PayPal::trusting(&section, &setting(), source, roots).expect("a client")
}

fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/paypal.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("a file")).expect("JSON")
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} is missing"))
}

fn case_headers(case: &Value) -> HeaderMap {
    let all = case["headers"].as_object().expect("headers");
    let header = |(name, value): (&String, &Value)| {
        (HeaderName::try_from(name).expect("a name"), HeaderValue::from_str(value.as_str().expect("a text")).expect("a value"))
    };
    all.iter().map(header).collect()
}

fn doubt(verdict: &Verdict) -> Option<Doubt> {
    match verdict {
        Verdict::Genuine(_) => None,
        Verdict::Forged { why } => Some(Doubt::Forged(why)),
        Verdict::CannotTell { why } => Some(Doubt::Unknown(why.clone())),
        Verdict::NotForUs => panic!("PayPal's messages are always for us"),
    }
}

#[tokio::test]
async fn every_published_case_is_judged_right() {
    let file = vectors();
    let more = file["more_trust_anchors_pem"].as_array().unwrap().iter().map(|pem| pem.as_str().unwrap());
    let roots: Vec<_> = std::iter::once(text(&file, "trust_anchor_pem"))
        .chain(more)
        .map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
        .collect();
    let mut seen = BTreeSet::new();
    for case in file["cases"].as_array().unwrap() {
        let name = text(case, "name");
        let (_, expected) = CASES.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("unknown case {name}"));
        assert!(seen.insert(name), "{name} is there twice");
        let bytes = text(case, "body").as_bytes();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        assert_eq!(hex::encode(digest), text(case, "body_sha256"), "{name}");
        if let Some(steps) = case["steps"].as_object() {
            assert_eq!(crc32fast::hash(bytes).to_string(), steps["crc32_decimal"].as_str().unwrap(), "{name}");
        }

        let shelf = Arc::new(Shelf { pem: text(&file["certs"], text(case, "cert")).to_owned(), ..Shelf::default() });
        let webhook_id = text(case, "webhook_id");
        // The simulator's word for a webhook opens the sandbox alone.
        let is_sandbox = webhook_id == "WEBHOOK_ID" || case["headers"].to_string().contains("sandbox");
        let base = if is_sandbox { SANDBOX } else { LIVE };
        let source: Arc<dyn Source> = shelf.clone();
        let paypal = adapter(base, Some(webhook_id), Some(source), &roots);
        let headers = case_headers(case);
        let delivery = Delivery { headers: &headers, query: None, body: bytes };
        let now = UtcMs::from_ms(case["now"].as_i64().unwrap() * 1_000);
        let verdict = paypal.verify(delivery, now).await;
        assert_eq!(doubt(&verdict), *expected, "{name}");

        let accepts = match (text(case, "expect"), case["chain"].as_str()) {
            // Signature, name and dates are right, and the path is all that is missing.
            ("accept", Some("skip")) => doubt(&verdict) == Some(NO_PATH),
            ("accept", None) => matches!(verdict, Verdict::Genuine(_)),
            ("reject", _) => matches!(verdict, Verdict::Forged { .. }),
            other => panic!("{name}: {other:?}"),
        };
        assert!(accepts, "{name}: {verdict:?}");
        let fetched = shelf.fetched.lock().unwrap().clone();
        if name.starts_with("cert_url") || name.starts_with("algo") {
            assert!(fetched.is_empty(), "{name}: {fetched:?}");
        }
        let at_paypal =
            |url: &String| url.starts_with("https://api.paypal.com/") || url.starts_with("https://api.sandbox.paypal.com/");
        assert!(fetched.iter().all(at_paypal), "{name}: {fetched:?}");
        if let (Verdict::Genuine(event), Some(effect)) = (&verdict, case["effect"].as_str()) {
            assert_eq!(event.body, serde_json::from_slice::<Value>(bytes).unwrap());
            check_effect(effect, event, &paypal.read(event));
        }
    }
    assert_eq!(seen.len(), CASES.len(), "a case is missing");
}

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code("USD").expect("a currency"))
}

fn ours() -> Option<PaymentId> {
    PaymentId::parse(PAYMENT)
}

fn check_effect(effect: &str, event: &Event, reading: &Reading) {
    let (capture, order) = ("42311647XV020574X", "5O190127TN364715T");
    let of_capture = |report: Report| Reading {
        about: vec![capture.to_owned(), order.to_owned()],
        ours: ours(),
        report: Report { reference: Some(order.to_owned()), objects: vec![capture.to_owned()], ..report },
        ..Reading::default()
    };
    let expected = match effect {
        "transaction Paid 6.00 USD" => of_capture(Report {
            captures: vec![Capture { object: capture.to_owned(), amount: usd(600), fee: Some(usd(51)) }],
            ..Report::default()
        }),
        "transaction stays Pending (reason PENDING_REVIEW)" => of_capture(Report {
            state: Some(There::Underway),
            note: Some("PayPal holds the payment back: PENDING_REVIEW".to_owned()),
            ..Report::default()
        }),
        "transaction Failed" => of_capture(Report {
            state: Some(There::Ended(Ending::Failed)),
            failure: reading.report.failure.clone(),
            ..Report::default()
        }),
        "refund 1JU08902781691411 completed 1.50, order PartiallyRefunded" => Reading {
            about: vec!["1JU08902781691411".to_owned(), capture.to_owned()],
            report: Report {
                refunds: vec![RefundTold {
                    object: "1JU08902781691411".to_owned(),
                    // Its `custom_id` is the capture's: it was not we who gave it.
                    ours: None,
                    amount: usd(150),
                    status: RefundStatus::Succeeded,
                    failure: None,
                }],
                says_whose: true,
                ..Report::default()
            },
            ..Reading::default()
        },
        "capture the order now (same PayPal-Request-Id as the return page would use)" => Reading {
            about: vec![order.to_owned()],
            ours: ours(),
            report: Report { state: Some(There::Approved), reference: Some(order.to_owned()), ..Report::default() },
            ..Reading::default()
        },
        other => panic!("unknown effect: {other}"),
    };
    assert_eq!(*reading, expected, "{}", event.kind);
    if effect == "transaction Failed" {
        assert_eq!(reading.report.failure.as_ref().expect("why").code, "DECLINED");
    }
}

fn capture_resource() -> Value {
    json!({
        "id": "CAPTURE1",
        "status": "COMPLETED",
        "amount": { "currency_code": "USD", "value": "6.00" },
        "custom_id": PAYMENT,
        "links": [{ "href": "https://api.paypal.com/v2/checkout/orders/ORDER1", "rel": "up", "method": "GET" }],
    })
}

fn reading_of(kind: &str, resource: Value) -> Reading {
    let paypal = adapter(LIVE, None, None, &[]);
    let body = json!({ "id": "WH-1", "event_type": kind, "resource": resource });
    let event = Event { id: "WH-1".to_owned(), kind: kind.to_owned(), body: body.clone() };
    let reading = paypal.read(&event);
    // What is read later is what was kept, and from that secrets and people were struck.
    assert_eq!(paypal.read(&Event { body: strike(&body), ..event }), reading, "{kind}");
    reading
}

#[tokio::test]
async fn refunds_reversals_and_disputes_are_read() {
    let refund = |custom: &str, invoice: Value| {
        json!({
            "id": "REFUND1",
            "amount": { "currency_code": "USD", "value": "1.50" },
            "custom_id": custom,
            "invoice_id": invoice,
            "note_to_payer": "Sorry, Rania",
            "links": [{ "href": "https://api.paypal.com/v2/payments/captures/CAPTURE1", "rel": "up", "method": "GET" }],
        })
    };
    let id = "0199f1c2-9c32-7e40-9d3c-3b4c5d6e7f80";
    for (kind, status) in [
        ("PAYMENT.CAPTURE.REFUNDED", RefundStatus::Succeeded),
        ("PAYMENT.REFUND.PENDING", RefundStatus::Pending),
        ("PAYMENT.REFUND.FAILED", RefundStatus::Failed),
    ] {
        let reading = reading_of(kind, refund(id, "B-261123-0042-1-R1".into()));
        assert_eq!(reading.about, ["REFUND1", "CAPTURE1"]);
        let told = &reading.report.refunds[0];
        assert_eq!((told.ours, told.amount, told.status), (RefundId::parse(id), usd(150), status), "{kind}");
        assert_eq!(told.failure.is_some(), status == RefundStatus::Failed, "{kind}");
    }
    for invoice in [Value::Null, "B-261123-0042-1".into(), "B-261123-0042-1-R".into(), "B-R1x".into()] {
        assert_eq!(reading_of("PAYMENT.CAPTURE.REFUNDED", refund(PAYMENT, invoice)).report.refunds[0].ours, None);
    }

    let mut back = refund(PAYMENT, Value::Null);
    back["amount"]["value"] = "-6.00".into();
    let reversed = reading_of("PAYMENT.CAPTURE.REVERSED", back);
    assert_eq!(reversed.report.refunds[0].amount, usd(600));
    assert_eq!(reversed.report.dispute, Some(Dispute { object: "REFUND1".to_owned(), what: DisputeStep::Opened }));
    // Where the resource is the capture itself, its own status is not the refund's.
    let mut whole = capture_resource();
    whole["status"] = "REFUNDED".into();
    let reversed = reading_of("PAYMENT.CAPTURE.REVERSED", whole);
    assert_eq!(reversed.about, ["CAPTURE1", "ORDER1"]);
    assert_eq!((reversed.report.refunds[0].status, reversed.report.refunds[0].amount), (RefundStatus::Succeeded, usd(600)));

    let case = |status: &str, outcome: &str| {
        json!({
            "dispute_id": "PP-D-27803",
            "status": status,
            "disputed_transactions": [{ "seller_transaction_id": "CAPTURE1", "buyer": { "name": "Rania" } }],
            "dispute_outcome": { "outcome_code": outcome },
        })
    };
    for (kind, status, outcome, step) in [
        ("CREATED", "OPEN", "", DisputeStep::Opened),
        ("UPDATED", "UNDER_REVIEW", "", DisputeStep::Opened),
        ("UPDATED", "RESOLVED", "RESOLVED_SELLER_FAVOUR", DisputeStep::Closed { lost: false }),
        ("RESOLVED", "RESOLVED", "RESOLVED_BUYER_FAVOUR", DisputeStep::Closed { lost: true }),
        ("RESOLVED", "RESOLVED", "CANCELED_BY_BUYER", DisputeStep::Closed { lost: false }),
    ] {
        let reading = reading_of(&format!("CUSTOMER.DISPUTE.{kind}"), case(status, outcome));
        assert_eq!((reading.about.as_slice(), reading.ours), (["CAPTURE1".to_owned()].as_slice(), None));
        assert_eq!(reading.report.dispute, Some(Dispute { object: "PP-D-27803".to_owned(), what: step }), "{kind} {outcome}");
    }
}

#[tokio::test]
async fn what_says_too_little_is_asked_about_and_what_says_nothing_is_ignored() {
    let mut poor = capture_resource();
    poor["amount"] = json!({ "currency_code": "USD", "value": "6.005" });
    let reading = reading_of("PAYMENT.CAPTURE.COMPLETED", poor);
    assert_eq!((reading.ask, reading.about.len(), reading.report), (true, 2, Report::default()));
    for kind in ["PAYMENT.CAPTURE.DECLINED", "PAYMENT.CAPTURE.DENIED"] {
        let mut bare = capture_resource();
        bare["status"] = Value::String(String::new());
        assert_eq!(reading_of(kind, bare).report.state, Some(There::Ended(Ending::Failed)), "{kind}");
    }
    // A message that is late tells the capture's own newer status: money that came does not go again by its name.
    assert_eq!(reading_of("PAYMENT.CAPTURE.PENDING", capture_resource()).report.captures.len(), 1);

    let reversed = reading_of(
        "CHECKOUT.PAYMENT-APPROVAL.REVERSED",
        json!({ "order_id": "ORDER1", "purchase_units": [{ "custom_id": PAYMENT }] }),
    );
    assert_eq!((reversed.about.as_slice(), reversed.ours), (["ORDER1".to_owned()].as_slice(), ours()));
    assert_eq!(reversed.report.state, Some(There::Ended(Ending::Failed)));

    for (kind, resource) in [
        ("CHECKOUT.ORDER.COMPLETED", json!({ "id": "ORDER1" })),
        ("PAYMENT.SALE.COMPLETED", json!({ "id": "SALE1" })),
        ("CHECKOUT.ORDER.APPROVED", json!({})),
        ("CHECKOUT.ORDER.APPROVED", json!({ "id": "../evil" })),
        ("PAYMENT.CAPTURE.COMPLETED", Value::Null),
        ("PAYMENT.CAPTURE.REFUNDED", json!([1])),
        ("CUSTOMER.DISPUTE.CREATED", json!("x")),
        ("", Value::Null),
    ] {
        let reading = reading_of(kind, resource);
        assert!(reading.ignored && !reading.ask && reading.about.is_empty(), "{kind}");
    }
}

/// A double with a signing certificate, and an adapter that trusts the double's root.
async fn signed_desk() -> (Double, PayPal, String) {
    let double = Double::start().await;
    let url = double.certificate("CERT-1", 200, &certificate(NAME, 2028));
    let paypal = adapter(&double.url, None, None, &[root()]);
    (double, paypal, url)
}

async fn judge(paypal: &PayPal, headers: &HeaderMap, body: &[u8], now: UtcMs) -> Verdict {
    paypal.verify(Delivery { headers, query: None, body }, now).await
}

#[tokio::test]
async fn a_certificate_is_fetched_once_and_kept_until_its_end() {
    let (double, paypal, url) = signed_desk().await;
    for id in ["WH-1", "WH-2", "WH-3"] {
        let body = body(id, "PAYMENT.CAPTURE.COMPLETED", &capture_resource());
        let headers = headers(&url, SENT, &body);
        assert!(paypal.signs(&Delivery { headers: &headers, query: None, body: &body }));
        let Verdict::Genuine(event) = judge(&paypal, &headers, &body, NOW).await else { panic!("it is genuine") };
        assert_eq!((event.id.as_str(), event.kind.as_str()), (id, "PAYMENT.CAPTURE.COMPLETED"));
        assert_eq!(paypal.read(&event).report.captures.len(), 1);
    }
    assert_eq!(double.count("certificate"), 1);
    // A message that is not signed costs nothing more, and does not push the certificate out.
    let body = body("WH-4", "PAYMENT.CAPTURE.COMPLETED", &capture_resource());
    let right = headers(&url, SENT, &body);
    assert_eq!(doubt(&judge(&paypal, &right, b"{}", NOW).await), Some(NOT_SIGNED));
    let ended = UtcMs::parse("2028-01-01T00:00:01Z").unwrap();
    assert_eq!(doubt(&judge(&paypal, &right, &body, ended).await), Some(NOT_IN_DATE));
    assert_eq!(double.count("certificate"), 1);
    // It is forgotten then: what lies there now counts.
    double.certificate("CERT-1", 200, &certificate(NAME, 2030));
    assert_eq!(doubt(&judge(&paypal, &right, &body, ended).await), None);
    assert_eq!(double.count("certificate"), 2);
    double.close();
}

#[tokio::test]
async fn a_burst_of_messages_fetches_few_certificates_and_is_all_believed() {
    let (double, paypal, url) = signed_desk().await;
    let paypal = Arc::new(paypal);
    let all: Vec<_> = (0..20)
        .map(|number| {
            let body = body(&format!("WH-{number}"), "PAYMENT.CAPTURE.COMPLETED", &capture_resource());
            let (paypal, headers) = (Arc::clone(&paypal), headers(&url, SENT, &body));
            tokio::spawn(async move { doubt(&judge(&paypal, &headers, &body, NOW).await) })
        })
        .collect();
    for one in all {
        assert_eq!(one.await.unwrap(), None);
    }
    assert!((1..=4).contains(&double.count("certificate")), "{}", double.count("certificate"));
    double.close();
}

#[tokio::test]
async fn each_header_comes_once_and_the_time_is_not_ahead() {
    let (double, paypal, url) = signed_desk().await;
    let body = body("WH-1", "PAYMENT.CAPTURE.COMPLETED", &capture_resource());
    let right = headers(&url, SENT, &body);
    let names: Vec<HeaderName> = right.keys().cloned().collect();
    assert_eq!(names.len(), 5);
    for name in names {
        let mut without = right.clone();
        let value = without.remove(&name).unwrap();
        assert_eq!(doubt(&judge(&paypal, &without, &body, NOW).await), Some(HEADERS), "{name}");
        let mut twice = right.clone();
        twice.append(&name, value);
        assert_eq!(doubt(&judge(&paypal, &twice, &body, NOW).await), Some(HEADERS), "{name} twice");
        let mut strange = right.clone();
        strange.insert(&name, HeaderValue::from_bytes(b"\xff\xfe").unwrap());
        assert_eq!(doubt(&judge(&paypal, &strange, &body, NOW).await), Some(HEADERS), "{name} of bytes");
    }
    for (sent, expected) in [
        ("2026-11-25T09:00:00Z", None),
        ("2026-11-25T09:00:01Z", Some(Doubt::Forged("it was sent over an hour from now"))),
        ("2026-11-22T07:00:00Z", None),
        ("yesterday", Some(Doubt::Forged("the time of its transmission is no time"))),
    ] {
        let headers = headers(&url, sent, &body);
        assert_eq!(doubt(&judge(&paypal, &headers, &body, NOW).await), expected, "{sent}");
    }
    double.close();
}

#[tokio::test]
async fn a_certificate_that_cannot_be_had_leaves_it_open() {
    let (double, paypal, _) = signed_desk().await;
    let body = body("WH-1", "PAYMENT.CAPTURE.COMPLETED", &capture_resource());
    let long = certificate(NAME, 2028) + &"\n".repeat(64 << 10);
    for (name, status, pem) in [
        ("CERT-500", 500, String::new()),
        ("CERT-302", 302, String::new()),
        ("CERT-LONG", 200, long),
        ("CERT-TEXT", 200, "no certificate".to_owned()),
        ("CERT-MANY", 200, certificate(NAME, 2028).repeat(11)),
    ] {
        let url = double.certificate(name, status, &pem);
        let verdict = judge(&paypal, &headers(&url, SENT, &body), &body, NOW).await;
        assert!(matches!(verdict, Verdict::CannotTell { .. }), "{name}: {verdict:?}");
    }
    let nowhere = headers(&format!("{}/v1/notifications/certs/CERT-NONE", double.url), SENT, &body);
    assert!(matches!(judge(&paypal, &nowhere, &body, NOW).await, Verdict::Forged { .. }), "PayPal knows it not");
    // What could not be had is not remembered.
    let url = double.certificate("CERT-500", 200, &certificate(NAME, 2028));
    assert!(matches!(judge(&paypal, &headers(&url, SENT, &body), &body, NOW).await, Verdict::Genuine(_)));
    let down = headers(&url.replace("CERT-500", "CERT-9"), SENT, &body);
    double.close();
    assert!(matches!(judge(&paypal, &down, &body, NOW).await, Verdict::CannotTell { .. }));
}

#[tokio::test]
async fn the_right_name_and_a_trusted_root_are_both_asked_for() {
    let double = Double::start().await;
    let body = body("WH-1", "PAYMENT.CAPTURE.COMPLETED", &capture_resource());
    let trusted = adapter(&double.url, None, None, &[root()]);
    let stranger = adapter(&double.url, None, None, &[]);
    let good = headers(&double.certificate("CERT-1", 200, &certificate(NAME, 2028)), SENT, &body);
    assert_eq!(doubt(&judge(&trusted, &good, &body, NOW).await), None);
    assert_eq!(doubt(&judge(&stranger, &good, &body, NOW).await), Some(NO_PATH));
    // The sandbox's signer is nobody where the sandbox does not answer.
    for (file, name) in
        [("CERT-2", "messageverificationcerts.sandbox.paypal.com"), ("CERT-3", "api.paypal.com"), ("CERT-4", "paypal.com")]
    {
        let headers = headers(&double.certificate(file, 200, &certificate(name, 2028)), SENT, &body);
        assert_eq!(doubt(&judge(&trusted, &headers, &body, NOW).await), Some(OTHER_NAME), "{name}");
    }
    // A genuine message that is no JSON is kept under the name of its transmission.
    let odd = headers(&format!("{}/v1/notifications/certs/CERT-1", double.url), SENT, b"hello");
    let Verdict::Genuine(event) = judge(&trusted, &odd, b"hello", NOW).await else { panic!("it is genuine") };
    assert_eq!(event.id, "4f0b9a10-c86d-11f0-9a2b-6f1d2c3b4a59");
    assert!(trusted.read(&event).ignored);
    double.close();
}
