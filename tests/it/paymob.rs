//! The adapter of Paymob against its double and the vectors.

use std::time::Duration;

use axum::http::HeaderMap;
use bayader::clock::Clock;
use bayader::config::{self, Source};
use bayader::features::payments::gateway::{
    Attempt, CallFault, Delivery, Ending, Event, Flow, Found, Gateway, Reading, RefundCall, Report, StartRequest, There,
    Verdict, WhenLost,
};
use bayader::features::payments::gateways::paymob::Paymob;
use bayader::features::payments::strike::strike;
use bayader::features::payments::{GatewayFault, Gateways, Setting};
use bayader::kernel::{Currency, Locale, Money, OrderId, PaymentId, PaymentMethod, RefundId, RefundStatus, UtcMs};
use bayader::outbound::Patience;
use serde_json::{Value, json};

use crate::doubles::faults::Fault;
use crate::doubles::paymob::{
    API_KEY, HMAC_SECRET, INQUIRY, INTEGRATION, INTENTION, PUBLIC_KEY, PaymobDouble, REFUND, SECRET_KEY, TOKENS, Try,
};

const NOW: UtcMs = UtcMs::from_ms(1_795_593_600_000);
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
const PAYMENT: &str = "0199f1c2-8b21-7d3f-8c2b-2a3b4c5d6e7f";

fn setting(clock: &Clock) -> Setting {
    let patience = Patience { connect: Duration::from_secs(2), call: Duration::from_millis(300) };
    Setting { clock: clock.clone(), patience }
}

fn section(changes: &[(&str, &str)]) -> config::Payments {
    let integration = INTEGRATION.to_string();
    let mut values = vec![
        ("SECRET_KEY", SECRET_KEY),
        ("PUBLIC_KEY", PUBLIC_KEY),
        ("API_KEY", API_KEY),
        ("HMAC_SECRET", HMAC_SECRET),
        ("INTEGRATION_IDS", integration.as_str()),
    ];
    values.extend(changes);
    let variables = values.into_iter().map(|(key, value)| (format!("BAYADER_PAYMENTS__PAYMOB__{key}"), value.to_owned()));
    let variables: std::collections::BTreeMap<_, _> = variables.collect();
    config::load(&Source::new().variables(variables)).expect("a whole section").payments
}

fn adapter_of(payments: &config::Payments, clock: &Clock) -> Paymob {
    Paymob::open(payments.paymob.as_ref().expect("offered"), &setting(clock)).expect("it opens")
}

fn adapter(double: &PaymobDouble, clock: &Clock) -> Paymob {
    adapter_of(&section(&[("BASE_URL", &double.url)]), clock)
}

fn currency(code: &str) -> Currency {
    Currency::from_code(code).expect("known")
}

fn egp(minor: i64) -> Money {
    Money::from_minor(minor, currency("EGP"))
}

fn attempt(minor: i64) -> Attempt {
    Attempt {
        payment: PaymentId::parse(PAYMENT).expect("an id"),
        order: OrderId::parse("0199f1c2-8b21-7d3f-8c2b-2a3b4c5d6e70").expect("an id"),
        number: 1,
        amount: egp(minor),
        flow: Flow::Redirect,
        reference: None,
        objects: Vec::new(),
        request: Some(StartRequest {
            order_number: "B-261125-0001".to_owned(),
            shop_name: "Bayader".to_owned(),
            locale: "en".to_owned(),
            customer_name: "Rania Haddad".to_owned(),
            customer_email: None,
            customer_phone: Some("+201000000000".to_owned()),
            return_url: "https://shop.example/pay/return?tx=1&k=2".to_owned(),
            cancel_url: "https://shop.example/pay/cancel?tx=1&k=2".to_owned(),
            webhook_url: "https://shop.example/api/v1/payments/webhook/paymob".to_owned(),
            made_at: NOW.ms(),
            hold_ends_at: NOW.ms() + 30 * MINUTE_MS,
        }),
        sent_at: NOW,
    }
}

async fn begun(gateway: &Paymob, minor: i64) -> Attempt {
    let attempt = attempt(minor);
    let report = gateway.start(&attempt).await.expect("begun");
    Attempt { reference: report.reference, objects: report.objects, ..attempt }
}

fn refund_of(attempt: &Attempt, captured: &str, minor: i64) -> RefundCall {
    RefundCall {
        refund: RefundId::parse("0199f1c2-8b21-7d3f-8c2b-2a3b4c5d6e71").expect("an id"),
        payment: attempt.payment,
        number: "B-261125-0001-1-R1".to_owned(),
        amount: egp(minor),
        reason: None,
        captured: captured.to_owned(),
        reference: attempt.reference.clone(),
        objects: attempt.objects.clone(),
        object: None,
        memo: None,
        sent_at: None,
    }
}

async fn verify(gateway: &Paymob, query: &str, body: &str) -> Verdict {
    let headers = HeaderMap::new();
    gateway.verify(Delivery { headers: &headers, query: Some(query), body: body.as_bytes() }, NOW).await
}

/// What it means, and that it means the same after it was kept.
fn read(gateway: &Paymob, event: &Event) -> Reading {
    let reading = gateway.read(event);
    let kept = Event { body: strike(&event.body), ..event.clone() };
    assert_eq!(gateway.read(&kept), reading, "what is kept says the same");
    reading
}

/// An object and minor units.
type Sum<'r> = (&'r str, i64);

/// What was taken, and what was given back of it.
fn money(report: &Report) -> (Vec<Sum<'_>>, Option<Sum<'_>>) {
    let taken = report.captures.iter().map(|capture| (capture.object.as_str(), capture.amount.minor())).collect();
    (taken, report.refunded_total.as_ref().map(|total| (total.object.as_str(), total.amount.minor())))
}

#[tokio::test]
async fn an_intention_is_begun_paid_and_asked_about() {
    let (double, clock) = (PaymobDouble::start().await, Clock::manual(NOW));
    let gateway = adapter(&double, &clock);
    let asked = attempt(10_000);
    let report = gateway.start(&asked).await.expect("begun");
    let sent = double.last(INTENTION);
    assert_eq!((&sent["amount"], &sent["expiration"]), (&json!(10_000), &json!(1_800)));
    assert_eq!(sent["billing_data"]["email"], "NA", "what is not known is NA");
    assert_eq!((sent["items"][0]["name"].as_str(), &sent["special_reference"]), (Some("Order B-261125-0001"), &json!(PAYMENT)));
    assert_eq!((report.state, report.reference.as_deref()), (Some(There::Open), Some("order:217503754")));
    let link = report.handover.clone().expect("a way on").redirect_url.expect("a link");
    let expected =
        format!("{}/unifiedcheckout/?publicKey={PUBLIC_KEY}&clientSecret=egy_csk_test_217503754%2F%2B%3D", double.url);
    assert_eq!(link, expected);
    let kept = report.raw.expect("what is kept").to_string();
    assert!(!kept.contains("csk") && !kept.contains("payment_keys"), "{kept}");

    let attempt = Attempt { reference: report.reference, objects: report.objects, ..asked };
    let order = attempt.reference.clone().expect("a reference");
    let report = gateway.ask(&attempt).await.expect("nobody has tried");
    assert_eq!((report.state, money(&report)), (Some(There::Open), (vec![], None)));

    let declined = double.try_to_pay(&order, Try::Declined);
    let report = gateway.ask(&attempt).await.expect("it stands");
    assert_eq!(report.state, Some(There::Open), "another card may be tried");
    let failure = report.failure.expect("why");
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("5", "Do not honour"));

    let paid = double.try_to_pay(&order, Try::Approved);
    let attempt = Attempt { objects: vec![attempt.objects[0].clone(), declined], ..attempt };
    let report = gateway.ask(&attempt).await.expect("it stands");
    assert_eq!(money(&report), (vec![(paid.as_str(), 10_000)], None));
    assert!(report.state.is_none() && report.failure.is_none());
    let kept = report.raw.expect("what is kept").to_string();
    assert!(!kept.contains("Rania") && !kept.contains("\"2346\"") && !kept.contains("+20"), "{kept}");
    double.close();
}

#[tokio::test]
async fn money_that_the_last_try_hides_is_found_by_the_callbacks_names() {
    let (double, clock) = (PaymobDouble::start().await, Clock::manual(NOW));
    let gateway = adapter(&double, &clock);
    let mut attempt = begun(&gateway, 10_000).await;
    let order = attempt.reference.clone().expect("a reference");
    let paid = double.try_to_pay(&order, Try::Approved);
    double.try_to_pay(&order, Try::Declined);
    attempt.objects.push(paid.clone());
    let report = gateway.ask(&attempt).await.expect("it stands");
    assert_eq!(money(&report), (vec![(paid.as_str(), 10_000)], None));
    let twice = double.try_to_pay(&order, Try::Approved);
    let report = gateway.ask(&attempt).await.expect("it stands");
    assert_eq!(money(&report).0, [(twice.as_str(), 10_000), (paid.as_str(), 10_000)], "both are told");
    double.close();
}

#[tokio::test]
async fn pending_and_held_money_is_not_taken() {
    let (double, clock) = (PaymobDouble::start().await, Clock::manual(NOW));
    let gateway = adapter(&double, &clock);
    let attempt = begun(&gateway, 10_000).await;
    let order = attempt.reference.clone().expect("a reference");
    double.try_to_pay(&order, Try::Pending);
    let report = gateway.ask(&attempt).await.expect("it stands");
    assert_eq!((report.state, money(&report), &report.failure), (Some(There::Open), (vec![], None), &None));
    clock.advance_ms(2 * DAY_MS);
    assert_eq!(gateway.ask(&attempt).await.expect("it stands").state, Some(There::Open), "a kiosk's bill may still be paid");
    clock.advance_ms(13 * DAY_MS);
    assert_eq!(gateway.ask(&attempt).await.expect("it stands").state, Some(There::Ended(Ending::Expired)));
    let held = double.try_to_pay(&order, Try::AuthorisedOnly);
    let fresh = Attempt { request: None, ..attempt.clone() };
    let report = gateway.ask(&fresh).await.expect("it stands");
    assert_eq!((report.state, money(&report)), (Some(There::Open), (vec![], None)));
    assert!(report.note.expect("a word for staff").contains("only holds the money"));
    double.capture_in_dashboard(&held, 9_000);
    let report = gateway.ask(&attempt).await.expect("it stands");
    assert_eq!((money(&report), &report.note), ((vec![(held.as_str(), 9_000)], None), &None));
    double.close();
}

#[tokio::test]
async fn nothing_ends_an_intention_but_a_day() {
    let (double, clock) = (PaymobDouble::start().await, Clock::manual(NOW));
    let gateway = adapter(&double, &clock);
    let attempt = begun(&gateway, 10_000).await;
    let order = attempt.reference.clone().expect("a reference");
    clock.advance_ms(30 * MINUTE_MS + DAY_MS - 1);
    assert_eq!(gateway.end(&attempt).await.expect("it stands").state, Some(There::Open));
    clock.advance_ms(1);
    assert_eq!(gateway.end(&attempt).await.expect("it stands").state, Some(There::Ended(Ending::Expired)));
    let paid = double.try_to_pay(&order, Try::Approved);
    let report = gateway.end(&attempt).await.expect("it stands");
    assert_eq!((report.state, money(&report).0), (None, vec![(paid.as_str(), 10_000)]), "late money counts");
    double.close();
}

#[tokio::test]
async fn answers_are_read_wrapped_and_with_flags_as_texts() {
    let (double, clock) = (PaymobDouble::start().await, Clock::manual(NOW));
    let gateway = adapter(&double, &clock);
    double.answer_oddly();
    let attempt = begun(&gateway, 10_000).await;
    let order = attempt.reference.clone().expect("a reference");
    double.try_to_pay(&order, Try::Declined);
    assert!(gateway.ask(&attempt).await.expect("it stands").captures.is_empty());
    let paid = double.try_to_pay(&order, Try::Approved);
    assert_eq!(money(&gateway.ask(&attempt).await.expect("it stands")).0, [(paid.as_str(), 10_000)]);
    let refund = refund_of(&attempt, &paid, 2_500);
    assert_eq!(gateway.refund(&refund).await.expect("given back").status, RefundStatus::Succeeded);
    double.close();
}

#[tokio::test]
async fn an_intention_whose_answer_was_lost_is_given_up() {
    for fault in [Fault::ErrorAfter, Fault::CutAfter, Fault::SilentAfter, Fault::ErrorBefore, Fault::Page, Fault::ForbiddenPage]
    {
        let (double, clock) = (PaymobDouble::start().await, Clock::manual(NOW));
        let gateway = adapter(&double, &clock);
        double.next(INTENTION, &[fault]);
        let attempt = attempt(10_000);
        let told = gateway.start(&attempt).await;
        assert!(matches!(told, Err(CallFault::Unclear(_))), "{fault:?}: {told:?}");
        assert_eq!(double.count(INTENTION), 1, "{fault:?}: it has no keys, so it is not sent again by itself");
        let is_done = matches!(fault, Fault::ErrorAfter | Fault::CutAfter | Fault::SilentAfter);
        assert_eq!(double.intentions(), usize::from(is_done), "{fault:?}");
        assert_eq!(gateway.find(&attempt).await.expect("looked"), Found::NotThere, "{fault:?}: nobody has its link");
        assert_eq!(double.last(INQUIRY)["merchant_order_id"], PAYMENT);
        assert_eq!(gateway.when_lost(), WhenLost::Close);
        double.close();
    }
    let (double, clock) = (PaymobDouble::start().await, Clock::manual(NOW));
    let gateway = adapter(&double, &clock);
    double.next(INTENTION, &[Fault::CutAfter]);
    gateway.start(&attempt(10_000)).await.expect_err("unclear");
    let paid = double.try_to_pay("order:217503754", Try::Approved);
    let Found::There(report) = gateway.find(&attempt(10_000)).await.expect("looked") else { panic!("it was paid") };
    assert_eq!((report.reference.as_deref(), money(&report).0), (Some("order:217503754"), vec![(paid.as_str(), 10_000)]));
    double.close();
}

#[tokio::test]
async fn one_token_serves_fifty_minutes_and_is_renewed_when_refused() {
    let (double, clock) = (PaymobDouble::start().await, Clock::manual(NOW));
    let gateway = adapter(&double, &clock);
    let attempt = begun(&gateway, 10_000).await;
    for _ in 0..2 {
        gateway.ask(&attempt).await.expect("it stands");
    }
    assert_eq!(double.count(TOKENS), 1);
    clock.advance_ms(50 * MINUTE_MS - 1);
    gateway.ask(&attempt).await.expect("it stands");
    assert_eq!(double.count(TOKENS), 1);
    clock.advance_ms(1);
    gateway.ask(&attempt).await.expect("it stands");
    assert_eq!(double.count(TOKENS), 2);
    double.forget_tokens();
    let before = double.count(INQUIRY);
    gateway.ask(&attempt).await.expect("with another token");
    assert_eq!((double.count(TOKENS), double.count(INQUIRY) - before), (3, 2));
    double.close();
}

#[tokio::test]
async fn a_question_is_asked_again_and_a_page_says_nothing() {
    let (double, clock) = (PaymobDouble::start().await, Clock::manual(NOW));
    let gateway = adapter(&double, &clock);
    let attempt = begun(&gateway, 10_000).await;
    double.next(INQUIRY, &[Fault::ErrorBefore, Fault::SilentAfter]);
    assert_eq!(gateway.ask(&attempt).await.expect("the third try").state, Some(There::Open));
    for fault in [Fault::Page, Fault::ForbiddenPage] {
        double.next(INQUIRY, &[fault]);
        assert!(matches!(gateway.ask(&attempt).await, Err(CallFault::Unclear(_))), "{fault:?}");
    }
    // An answer about another order is no answer.
    let stray = double.try_to_pay("order:217503754", Try::Approved);
    let other = Attempt { reference: Some("order:9".to_owned()), objects: vec![stray], ..attempt };
    assert!(matches!(gateway.ask(&other).await, Err(CallFault::Unclear(_))));
    double.close();
}

#[tokio::test]
async fn refusals_and_wrong_keys_are_told_apart() {
    let (double, clock) = (PaymobDouble::start().await, Clock::manual(NOW));
    let url = double.url.as_str();
    adapter(&double, &clock).check().await.expect("the API key is right");
    let says = |fault: CallFault, word: &str| match fault {
        CallFault::Misconfigured(what) => assert!(what.contains(word), "{what}"),
        other => panic!("{other:?}"),
    };
    let with = |key, value| adapter_of(&section(&[("BASE_URL", url), (key, value)]), &clock);
    says(with("SECRET_KEY", "egy_sk_test_wrong").start(&attempt(1)).await.expect_err("another key"), "secret_key");
    says(with("API_KEY", "wrong").check().await.expect_err("another key"), "api_key");
    says(with("INTEGRATION_IDS", "7").start(&attempt(1)).await.expect_err("another number"), "integration_ids");

    let mut refused = attempt(100);
    refused.request.as_mut().expect("a request").customer_email = Some("refused@example.com".to_owned());
    let fault = adapter(&double, &clock).start(&refused).await.expect_err("refused");
    let CallFault::Refused { code, message } = fault else { panic!("{fault:?}") };
    assert_eq!(code, "billing_data");
    assert!(!message.contains('@'), "nobody's address is in it: {message}");

    let riyals = Attempt { amount: Money::from_minor(100, currency("SAR")), ..attempt(100) };
    let sent = double.count(INTENTION);
    assert!(matches!(adapter(&double, &clock).start(&riyals).await, Err(CallFault::Refused { .. })));
    assert_eq!(double.count(INTENTION), sent);
    double.close();

    let nobody = adapter_of(&section(&[("BASE_URL", "http://127.0.0.1:9")]), &clock);
    assert!(matches!(nobody.start(&attempt(1)).await, Err(CallFault::NotSent(_))));
}

#[tokio::test]
async fn refunds_are_told_by_the_sum_of_the_parent() {
    let (double, clock) = (PaymobDouble::start().await, Clock::manual(NOW));
    let gateway = adapter(&double, &clock);
    let mut attempt = begun(&gateway, 10_000).await;
    let paid = double.try_to_pay(attempt.reference.as_deref().expect("a reference"), Try::Approved);
    let refund = refund_of(&attempt, &paid, 2_500);
    assert_eq!(gateway.before_refund(&refund).await.expect("read").as_deref(), Some("0"));
    let told = gateway.refund(&refund).await.expect("given back");
    let child = told.object.expect("a child");
    assert_eq!(told.status, RefundStatus::Succeeded);
    let sent = double.last(REFUND);
    assert_eq!((sent["transaction_id"].to_string(), &sent["amount_cents"]), (paid.clone(), &json!(2_500)));

    let report = gateway.ask(&attempt).await.expect("it stands");
    assert_eq!(money(&report), (vec![(paid.as_str(), 10_000)], Some((child.as_str(), 2_500))));
    // Refunded outside: the difference has the newest child's name.
    let outside = double.refund_in_dashboard(&paid, 1_000);
    attempt.objects.extend([paid.clone(), child, outside.clone()]);
    let report = gateway.ask(&attempt).await.expect("it stands");
    assert_eq!(money(&report), (vec![(paid.as_str(), 10_000)], Some((outside.as_str(), 3_500))));

    let too_much = gateway.refund(&refund_of(&attempt, &paid, 6_501)).await.expect_err("more than is left");
    let CallFault::Refused { code, message } = too_much else { panic!("{too_much:?}") };
    assert_eq!((code.as_str(), message.contains("already refunded")), ("amount_cents", true));
    let not_theirs = gateway.refund(&refund_of(&attempt, "pi_test_1", 1)).await;
    assert!(matches!(not_theirs, Err(CallFault::Refused { .. })));
    double.close();
}

#[tokio::test]
async fn a_voided_payment_was_given_back_as_a_whole() {
    let (double, clock) = (PaymobDouble::start().await, Clock::manual(NOW));
    let gateway = adapter(&double, &clock);
    let attempt = begun(&gateway, 10_000).await;
    let paid = double.try_to_pay(attempt.reference.as_deref().expect("a reference"), Try::Approved);
    double.void(&paid);
    let report = gateway.ask(&attempt).await.expect("it stands");
    let name = format!("{paid}:refunded:10000");
    assert_eq!(money(&report), (vec![(paid.as_str(), 10_000)], Some((name.as_str(), 10_000))));
    double.close();
}

#[tokio::test]
async fn a_refund_may_end_later() {
    let (double, clock) = (PaymobDouble::start().await, Clock::manual(NOW));
    let gateway = adapter(&double, &clock);
    double.refund_later();
    let attempt = begun(&gateway, 10_000).await;
    let paid = double.try_to_pay(attempt.reference.as_deref().expect("a reference"), Try::Approved);
    for (is_success, status) in [(true, RefundStatus::Succeeded), (false, RefundStatus::Failed)] {
        let refund = refund_of(&attempt, &paid, 2_500);
        let told = gateway.refund(&refund).await.expect("taken down");
        assert_eq!(told.status, RefundStatus::Pending);
        let refund = RefundCall { object: told.object.clone(), memo: Some("0".to_owned()), ..refund };
        let still = gateway.ask_refund(&refund).await.expect("asked").expect("it is known");
        assert_eq!(still.status, RefundStatus::Pending);
        double.finish_refund(told.object.as_deref().expect("a child"), is_success);
        let ended = gateway.ask_refund(&refund).await.expect("asked").expect("it is known");
        assert_eq!((ended.status, ended.failure.is_some()), (status, !is_success));
    }
    double.close();
}

#[tokio::test]
async fn a_refund_of_unknown_outcome_is_looked_for_before_it_may_be_sent_again() {
    for fault in [Fault::ErrorAfter, Fault::CutAfter, Fault::SilentAfter, Fault::ErrorBefore, Fault::Page] {
        let is_done = !matches!(fault, Fault::ErrorBefore | Fault::Page);
        let (double, clock) = (PaymobDouble::start().await, Clock::manual(NOW));
        let gateway = adapter(&double, &clock);
        let attempt = begun(&gateway, 10_000).await;
        let paid = double.try_to_pay(attempt.reference.as_deref().expect("a reference"), Try::Approved);
        double.refund_in_dashboard(&paid, 700);
        let refund = refund_of(&attempt, &paid, 2_500);
        let memo = gateway.before_refund(&refund).await.expect("read");
        assert_eq!(memo.as_deref(), Some("700"));
        double.next(REFUND, &[fault]);
        let told = gateway.refund(&refund).await;
        assert!(matches!(told, Err(CallFault::Unclear(_))), "{fault:?}: {told:?}");
        assert_eq!(double.count(REFUND), 1, "{fault:?}: it is not sent again by itself");
        let refund = RefundCall { memo, sent_at: Some(NOW), ..refund };
        let seen = gateway.ask_refund(&refund).await.expect("asked").map(|report| report.status);
        if is_done {
            assert_eq!(seen, Some(RefundStatus::Succeeded), "{fault:?}: the sum has risen by it");
            assert_eq!(double.given_back(&paid), 3_200);
        } else {
            assert_eq!(seen, None, "{fault:?}");
            assert_eq!(gateway.refund(&refund).await.expect("sent again").status, RefundStatus::Succeeded);
            assert_eq!(double.given_back(&paid), 3_200);
        }
        let forgotten = RefundCall { memo: None, ..refund };
        let seen = gateway.ask_refund(&forgotten).await.expect("asked").expect("never absent without what was before");
        assert_eq!(seen.status, RefundStatus::Pending);
        double.close();
    }
}

#[tokio::test]
async fn a_refund_that_was_taken_down_and_waits_is_not_made_twice() {
    let (double, clock) = (PaymobDouble::start().await, Clock::manual(NOW));
    let gateway = adapter(&double, &clock);
    double.refund_later();
    let attempt = begun(&gateway, 10_000).await;
    let paid = double.try_to_pay(attempt.reference.as_deref().expect("a reference"), Try::Approved);
    double.next(REFUND, &[Fault::CutAfter]);
    let refund = RefundCall { memo: Some("0".to_owned()), sent_at: Some(NOW), ..refund_of(&attempt, &paid, 2_500) };
    gateway.refund(&refund).await.expect_err("unclear");
    let seen = gateway.ask_refund(&refund).await.expect("asked").expect("it waits");
    assert_eq!(seen.status, RefundStatus::Pending);
    let other = RefundCall { amount: egp(2_400), ..refund.clone() };
    assert_eq!(gateway.ask_refund(&other).await.expect("asked"), None, "that is another one");
    let refund = RefundCall { object: seen.object, ..refund };
    double.finish_refund(refund.object.as_deref().expect("a child"), true);
    let seen = gateway.ask_refund(&refund).await.expect("asked").expect("it is known");
    assert_eq!((seen.status, double.given_back(&paid)), (RefundStatus::Succeeded, 2_500));
    double.close();
}

#[tokio::test]
async fn every_callback_makes_us_ask_about_its_order() {
    let (double, clock) = (PaymobDouble::start().await, Clock::manual(NOW));
    let gateway = adapter(&double, &clock);
    let attempt = begun(&gateway, 10_000).await;
    let order = attempt.reference.clone().expect("a reference");
    let paid = double.try_to_pay(&order, Try::Approved);
    let (query, body) = double.callback(&paid);
    let Verdict::Genuine(event) = verify(&gateway, &query, &body).await else { panic!("genuine") };
    let reading = read(&gateway, &event);
    assert_eq!((reading.about, reading.ask, reading.ours), (vec![order], true, None));
    assert_eq!((reading.report.objects, reading.report.state), (vec![paid], None));
    assert!(!strike(&event.body).to_string().contains("Rania"));

    let stranger = adapter_of(&section(&[("INTEGRATION_IDS", "7")]), &clock);
    assert!(read(&stranger, &event).ignored, "another integration of the account is another shop's");
    let nothing = Event { body: json!({ "type": "TRANSACTION" }), ..event };
    assert!(gateway.read(&nothing).ignored);
    double.close();
}

#[tokio::test]
async fn a_tag_that_is_not_one_is_no_tag() {
    let (double, clock) = (PaymobDouble::start().await, Clock::manual(NOW));
    let gateway = adapter(&double, &clock);
    let attempt = begun(&gateway, 10_000).await;
    let paid = double.try_to_pay(attempt.reference.as_deref().expect("a reference"), Try::Approved);
    let (query, body) = double.callback(&paid);
    let forged = [
        (format!("{query}&{query}"), body.as_str()),
        (format!("{query}0"), body.as_str()),
        ("hmac=".to_owned(), body.as_str()),
        (String::new(), body.as_str()),
        (query.clone(), "[]"),
        (query.clone(), "{}"),
        (query.clone(), "null"),
        (query.clone(), "{\"type\":\"TRANSACTION\",\"obj\":7}"),
        (query.clone(), ""),
        (String::new(), ""),
        (String::new(), "{\"hmac\":7}"),
        (String::new(), "{\"hmac\":\"00\",\"intention\":{}}"),
    ];
    for (query, body) in &forged {
        assert!(matches!(verify(&gateway, query, body).await, Verdict::Forged { .. }), "{query} {body}");
    }
    let headers = HeaderMap::new();
    let signs = |query, body: &str| gateway.signs(&Delivery { headers: &headers, query, body: body.as_bytes() });
    assert!(signs(Some(query.as_str()), "") && signs(None, "{\"hmac\":\"1\"}"));
    assert!(!signs(Some("order=1"), "{}") && !signs(None, "hmac"));
    double.close();
}

/// What a case of the vectors does: what its message reads as, and what asking then says.
enum Effect {
    Forged,
    /// Genuine or not for us; nothing is kept.
    Nothing,
    Hint,
    Told {
        taken: &'static [(&'static str, i64)],
        back: Option<i64>,
        failed: Option<&'static str>,
        noted: bool,
    },
}

fn effect(name: &str) -> Effect {
    const PAID: &[(&str, i64)] = &[("192036465", 10_000)];
    let told = |taken, back, failed, noted| Effect::Told { taken, back, failed, noted };
    match name {
        "valid_paid" | "valid_duplicate_delivery" | "unsigned_field_changed" => told(PAID, None, None, false),
        "valid_declined" => told(&[], None, Some("5"), false),
        "valid_pending" => told(&[], None, None, false),
        "valid_error" => told(&[], None, Some("APPROVED"), false),
        "valid_refund_child" => told(PAID, Some(2_500), None, false),
        "valid_parent_refunded" | "valid_parent_voided" => told(PAID, Some(10_000), None, false),
        "valid_authorised_only" => told(&[], None, None, true),
        "valid_three_decimals" => told(&[("192036490", 4_250)], None, None, false),
        "intention_shape_valid" | "intention_shape_success_flipped" => Effect::Hint,
        "redirect_valid" | "token_callback_ignored" => Effect::Nothing,
        "tampered_amount"
        | "tampered_success"
        | "tampered_order_id"
        | "wrong_secret"
        | "uppercase_hmac"
        | "sha256_instead"
        | "missing_hmac"
        | "truncated_hmac"
        | "field_missing"
        | "not_json"
        | "redirect_tampered"
        | "intention_shape_wrong_secret" => Effect::Forged,
        other => panic!("a case that nobody knows: {other}"),
    }
}

#[tokio::test]
async fn every_case_of_the_vectors() {
    let vectors: Value = serde_json::from_str(include_str!("../vectors/paymob.json")).expect("JSON");
    let cases = vectors["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 27);
    let paid: Value = serde_json::from_str(cases[0]["body"].as_str().expect("a body")).expect("JSON");
    let mut ids = std::collections::BTreeMap::new();
    for case in cases {
        let text = |name: &str| case[name].as_str().unwrap_or_else(|| panic!("{name} of {case}"));
        let (name, query, body) = (text("name"), text("query"), text("body"));
        assert_eq!(sha256(body), text("body_sha256"), "{name}");
        let double = PaymobDouble::start().await;
        let clock = Clock::manual(NOW);
        let changes = [("BASE_URL", double.url.as_str()), ("HMAC_SECRET", text("hmac_secret"))];
        let gateway = adapter_of(&section(&changes), &clock);
        let verdict = verify(&gateway, query, body).await;
        // The customer's way back is genuine and for nobody: a page is shown, and nothing kept.
        let word = match &verdict {
            Verdict::Forged { .. } => "reject",
            Verdict::NotForUs if text("method") == "POST" => "ignore",
            Verdict::NotForUs | Verdict::Genuine(_) => "accept",
            Verdict::CannotTell { why } => panic!("{name}: {why}"),
        };
        assert_eq!(word, text("expect"), "{name}");
        let event = match (verdict, effect(name)) {
            (Verdict::Forged { .. }, Effect::Forged) | (Verdict::NotForUs, Effect::Nothing) => continue,
            (Verdict::Genuine(event), Effect::Hint | Effect::Told { .. }) => event,
            (verdict, _) => panic!("{name}: {verdict:?}"),
        };
        ids.insert(name, event.id.clone());
        let reading = read(&gateway, &event);
        assert!(reading.ask && reading.ours.is_none() && !reading.ignored, "{name}: {reading:?}");
        assert!(reading.report.captures.is_empty() && reading.report.refunded_total.is_none(), "{name}");
        let Effect::Told { taken, back, failed, noted } = effect(name) else {
            assert_eq!(reading.about, ["pi_test_9b1c6f0a2d3e4f50"], "{name}");
            continue;
        };
        assert_eq!(reading.about, ["order:217503754"], "{name}");
        let obj = event.body["obj"].clone();
        assert_eq!(reading.report.objects, [obj["id"].to_string()], "{name}");
        // Asked, Paymob says what the callback said; of a child, its parent has the sum.
        let is_child = obj["has_parent_transaction"] == true;
        if is_child {
            let mut parent = paid["obj"].clone();
            parent["refunded_amount_cents"] = obj["amount_cents"].clone();
            double.keep(parent);
        }
        let child = is_child.then(|| obj["id"].to_string());
        double.keep(obj);
        let asked = Attempt { reference: Some(reading.about[0].clone()), objects: reading.report.objects, ..attempt(10_000) };
        let report = gateway.ask(&asked).await.unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let (seen, total) = money(&report);
        assert_eq!(seen, taken, "{name}");
        assert_eq!(total.map(|(_, minor)| minor), back, "{name}");
        if let Some(child) = child {
            assert_eq!(total.map(|(object, _)| object), Some(child.as_str()), "{name}");
        }
        assert_eq!(report.state, if taken.is_empty() { Some(There::Open) } else { None }, "{name}");
        assert_eq!(report.failure.as_ref().map(|failure| failure.code.as_str()), failed, "{name}");
        assert_eq!(report.note.is_some(), noted, "{name}");
        let code = if name == "valid_three_decimals" { "OMR" } else { "EGP" };
        assert!(report.captures.iter().all(|capture| capture.amount.currency() == currency(code)), "{name}");
        double.close();
    }
    assert_eq!(ids["valid_paid"], ids["valid_duplicate_delivery"], "the same message is kept once");
    assert_eq!(ids["valid_paid"], ids["unsigned_field_changed"], "and what is not signed makes no other of it");
    assert_ne!(ids["valid_paid"], ids["valid_declined"]);
}

#[test]
fn the_currency_of_the_account_is_taken_and_no_other() {
    let clock = Clock::manual(NOW);
    let payments = section(&[]);
    let gateway = adapter_of(&payments, &clock);
    assert!(gateway.takes(currency("EGP")) && gateway.expresses(egp(1)).is_ok());
    for code in ["SAR", "JOD", "USD"] {
        let other = currency(code);
        assert!(!gateway.takes(other) && gateway.expresses(Money::from_minor(100, other)).is_err(), "{code}");
    }
    let gateways = Gateways::open(&payments, &setting(&clock), Vec::new()).expect("they open");
    let method = PaymentMethod::from_code("paymob").expect("a method");
    let gateway = gateways.get(method).expect("it is registered");
    assert!(gateway.name(Locale::En).contains("Paymob") && gateway.name(Locale::Ar).contains("بطاقة"));
    let fault = gateways.check_currency(Currency::JOD);
    assert!(matches!(fault, Err(GatewayFault::Currency { gateway, .. }) if gateway == "paymob"));
    let odd = section(&[
        ("SECRET_KEY", "sk_1"),
        ("PUBLIC_KEY", "pk_1"),
        ("CURRENCY", "JOD"),
        ("BASE_URL", "https://jordan.paymob.com"),
    ]);
    let fault = Gateways::open(&odd, &setting(&clock), Vec::new()).expect_err("it has no dinars");
    assert!(fault.to_string().contains("JOD"), "{fault}");
    assert_eq!(double_slashes(&payments), 0);
}

/// Paths are put straight behind the address.
fn double_slashes(payments: &config::Payments) -> usize {
    let url = payments.paymob.as_ref().expect("offered").base_url.as_str();
    url.trim_start_matches("https://").matches('/').count()
}

#[tokio::test]
async fn no_key_is_in_what_is_said() {
    let (double, clock) = (PaymobDouble::start().await, Clock::manual(NOW));
    let gateway = adapter(&double, &clock);
    let attempt = begun(&gateway, 10_000).await;
    double.next(INQUIRY, &[Fault::ErrorBefore, Fault::ErrorBefore, Fault::ErrorBefore]);
    let fault = gateway.ask(&attempt).await.expect_err("it does not answer");
    let said = format!("{gateway:?} {fault:?} {fault}");
    for key in [SECRET_KEY, API_KEY, HMAC_SECRET, "token-1", "csk"] {
        assert!(!said.contains(key), "{key}");
    }
    double.close();
}

fn sha256(text: &str) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()))
}
