//! Every case of `tests/vectors/stripe.json`: which messages are Stripe's, and what those mean.

use std::sync::Arc;

use bayader::clock::Clock;
use bayader::config::{Source, load};
use bayader::features::payments::gateway::{Capture, Delivery, Ending, Event, Gateway, Reading, RefundTold, There, Verdict};
use bayader::features::payments::{Gateways, Setting};
use bayader::kernel::{Currency, Money, PaymentId, PaymentMethod, RefundStatus, UtcMs};
use bayader::outbound::Patience;
use http::HeaderMap;
use serde_json::Value;

fn gateway(secrets: &[&str]) -> Arc<dyn Gateway> {
    let of = |key: &str, value: String| (format!("BAYADER_PAYMENTS__STRIPE__{key}"), value);
    let variables = [of("SECRET_KEY", "sk_test_51Vectors".to_owned()), of("WEBHOOK_SECRET", secrets.join(","))];
    let config = load(&Source::new().variables(variables)).expect("a whole section");
    let setting = Setting { clock: Clock::system(), patience: Patience::default() };
    let gateways = Gateways::open(&config.payments, &setting, Vec::new()).expect("it opens");
    gateways.get(PaymentMethod::of("stripe")).expect("it is offered").clone()
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap_or_else(|| panic!("{field} of {}", case["name"]))
}

async fn verdict(case: &Value) -> (Arc<dyn Gateway>, Verdict) {
    let secrets: Vec<&str> = case["secrets"].as_array().expect("secrets").iter().filter_map(Value::as_str).collect();
    let gateway = gateway(&secrets);
    let mut headers = HeaderMap::new();
    for (name, value) in case["headers"].as_object().expect("headers") {
        let name: http::HeaderName = name.parse().expect("a header's name");
        headers.insert(name, value.as_str().expect("a text").parse().expect("a header"));
    }
    let body = text(case, "body").as_bytes();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body);
    assert_eq!(hex::encode(digest.as_ref()), text(case, "body_sha256"), "the body of {}", case["name"]);
    assert_eq!(case["tolerance_s"], 300);
    let now = UtcMs::from_ms(case["now"].as_i64().expect("now") * 1_000);
    let delivery = Delivery { headers: &headers, query: None, body };
    assert_eq!(gateway.signs(&delivery), headers.contains_key("stripe-signature"));
    let verdict = gateway.verify(delivery, now).await;
    (gateway, verdict)
}

fn jod(minor: i64) -> Money {
    Money::from_minor(minor, Currency::JOD)
}

fn capture(amount: Money) -> Vec<Capture> {
    vec![Capture { object: "ch_3TestBayader0001".to_owned(), amount, fee: None }]
}

/// What each accepted case means; an unknown case is a failure.
fn expect_meaning(name: &str, event: &Event, reading: &Reading) {
    let report = &reading.report;
    assert!(!reading.ignored, "{name}");
    assert_eq!(reading.ours, PaymentId::parse("0199f1c2-8b21-7d3f-8c2b-2a3b4c5d6e7f"), "{name}");
    assert_eq!((&report.handover, &report.raw), (&None, &None), "{name}");
    let about = |names: &[&str]| assert_eq!(reading.about, names, "{name}");
    match name {
        // "transaction Paid 4.250 JOD, order payment Paid"
        "valid"
        | "valid_two_v1_during_secret_roll"
        | "valid_two_v1_second_matches_other_secret"
        | "valid_our_old_secret_still_configured"
        | "valid_extra_v0_ignored"
        | "valid_retry_has_new_timestamp"
        | "valid_exactly_300_s_old"
        | "valid_60_s_in_future" => {
            assert_eq!((event.id.as_str(), event.kind.as_str()), ("evt_1TestBayader0001", "payment_intent.succeeded"));
            about(&["pi_3TestBayader0001", "ch_3TestBayader0001"]);
            assert_eq!(report.captures, capture(jod(4_250)), "{name}");
            assert!(!reading.ask);
        }
        "valid_arabic_body" => {
            assert_eq!(event.body["data"]["object"]["description"], "كعك بالسمسم ×٢ — طلب B-261123-0042");
            assert_eq!(report.captures, capture(jod(4_250)));
        }
        // "not Paid: 0.010 received for an order of 4.250": what came is told as it came, and does not fit.
        "signed_but_wrong_amount" => assert_eq!(report.captures, capture(jod(10))),
        // "transaction stays open (customer may retry the same PaymentIntent)"
        "payment_failed" => {
            assert_eq!(report.state, Some(There::Open));
            assert_eq!(report.failure.as_ref().expect("a failure").code, "insufficient_funds");
            assert!(report.captures.is_empty());
        }
        // "transaction Paid": the session does not know its charge, under whose name the money is booked, so Stripe is asked.
        "checkout_completed_paid" | "checkout_async_succeeded" => {
            assert!(reading.ask && report.captures.is_empty(), "{name}");
            assert_eq!(report.state, None);
            assert_eq!(reading.about[1], "pi_3TestBayader0003");
            assert_eq!(report.reference.as_deref(), Some(reading.about[0].as_str()));
        }
        // "transaction stays Pending, no stock is taken"
        "checkout_completed_unpaid" => {
            about(&["cs_test_Bayader0002", "pi_3TestBayader0003"]);
            assert_eq!(report.state, Some(There::Underway));
            assert!(report.captures.is_empty() && !reading.ask);
        }
        // "transaction Failed (expired)"
        "checkout_expired" => {
            about(&["cs_test_Bayader0003"]);
            assert_eq!(report.state, Some(There::Ended(Ending::Expired)));
        }
        // "refunded total 1.000", "refunded total 4.250": each refund is booked once, under its own name, so Stripe is asked for them.
        "charge_refunded_partial" | "charge_refunded_full" => {
            about(&["pi_3TestBayader0001", "ch_3TestBayader0001"]);
            assert!(reading.ask, "{name}");
            assert_eq!(report.captures, capture(jod(4_250)), "{name}");
            assert!(report.refunded_total.is_none() && report.refunds.is_empty(), "{name}");
        }
        // "refund re_3TestBayader0001 succeeded"; "refund failed; refunded total goes down again; alert staff"
        "refund_updated" | "refund_failed" => {
            about(&["pi_3TestBayader0001", "ch_3TestBayader0001"]);
            let has_failed = name == "refund_failed";
            let [RefundTold { object, ours: None, amount, status, failure }] = report.refunds.as_slice() else {
                panic!("{name}: {report:?}")
            };
            assert_eq!((object.as_str(), *amount), ("re_3TestBayader0001", jod(1_000)));
            assert_eq!(*status, if has_failed { RefundStatus::Failed } else { RefundStatus::Succeeded });
            assert_eq!(failure.as_ref().map(|failure| failure.code.as_str()), has_failed.then_some("expired_or_canceled_card"));
        }
        unknown => panic!("a case that no test knows: {unknown}"),
    }
}

/// Why each rejected case is none of Stripe's.
fn refusal(name: &str) -> &'static str {
    match name {
        "tampered_body"
        | "reserialised_body"
        | "trailing_newline_added"
        | "wrong_secret"
        | "secret_without_prefix"
        | "timestamp_changed_after_signing"
        | "only_v0"
        | "uppercase_hex"
        | "truncated_signature" => "no v1 is ours",
        "stale_301_s" => "t is too old",
        "no_header" => "not exactly one Stripe-Signature header",
        "empty_header" | "no_timestamp" => "not exactly one t",
        "timestamp_not_a_number" => "t is no time",
        unknown => panic!("a case that no test knows: {unknown}"),
    }
}

#[tokio::test]
async fn every_case_of_the_vectors() {
    let vectors: Value = serde_json::from_str(include_str!("../vectors/stripe.json")).expect("JSON");
    let cases = vectors["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 33);
    let mut ids = Vec::new();
    for case in cases {
        let name = text(case, "name");
        match (text(case, "expect"), verdict(case).await) {
            ("accept", (gateway, Verdict::Genuine(event))) => {
                expect_meaning(name, &event, &gateway.read(&event));
                ids.push((name, event.id));
            }
            ("reject", (_, Verdict::Forged { why })) => assert_eq!(why, refusal(name), "{name}"),
            (expected, (_, verdict)) => panic!("{name} is {verdict:?}, not {expected}"),
        }
        if let Some(first) = case["duplicate_of"].as_str() {
            let id_of = |name: &str| &ids.iter().find(|(known, _)| *known == name).expect("an accepted case").1;
            assert_eq!(id_of(name), id_of(first), "{name} is kept once with {first}");
        }
    }
}

#[tokio::test]
async fn a_live_event_is_not_for_a_test_key() {
    use aws_lc_rs::hmac;
    let body = r#"{"id":"evt_1","type":"payment_intent.succeeded","livemode":true,"data":{"object":{}}}"#;
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"whsec_1"), format!("1000.{body}").as_bytes());
    let mut headers = HeaderMap::new();
    headers.insert("stripe-signature", format!("t=1000,v1={}", hex::encode(tag.as_ref())).parse().expect("a header"));
    let delivery = Delivery { headers: &headers, query: None, body: body.as_bytes() };
    assert_eq!(gateway(&["whsec_1"]).verify(delivery, UtcMs::from_ms(1_000_000)).await, Verdict::NotForUs);
}
