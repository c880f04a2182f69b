//! PayPal's adapter against PayPal's double: what it asks, what it makes of the answers, and of answers that do not come.

use std::sync::Arc;
use std::time::Duration;

use bayader::clock::Clock;
use bayader::config::{self, Config, Source};
use bayader::features::payments::gateway::{
    Attempt, CallFault, Capture, Ending, Flow, Found, Gateway, RefundCall, Report, StartRequest, There, WhenLost,
};
use bayader::features::payments::gateways::paypal::PayPal;
use bayader::features::payments::{Gateways, Setting};
use bayader::kernel::{Currency, Locale, Money, OrderId, PaymentId, PaymentMethod, RefundId, RefundStatus, UtcMs};
use bayader::outbound::Patience;
use serde_json::{Value, json};

use super::doubles::paypal::{CLIENT_ID, CLIENT_SECRET, CaptureAs, Double, Mishap, refused};
use super::doubles::paypal_signer::WEBHOOK_ID;

const OPENED_AT: UtcMs = UtcMs::from_ms(1_795_593_600_000);
pub const PAYMENT: &str = "0199f1c2-8b21-7d3f-8c2b-2a3b4c5d6e7f";
const REFUND: &str = "0199f1c2-9c32-7e40-9d3c-3b4c5d6e7f80";

pub fn config(base_url: &str, more: &[(&str, &str)]) -> Config {
    let section = [
        ("BAYADER_PAYMENTS__PAYPAL__CLIENT_ID", CLIENT_ID),
        ("BAYADER_PAYMENTS__PAYPAL__CLIENT_SECRET", CLIENT_SECRET),
        ("BAYADER_PAYMENTS__PAYPAL__WEBHOOK_ID", WEBHOOK_ID),
        ("BAYADER_PAYMENTS__PAYPAL__BASE_URL", base_url),
    ];
    let more = more.iter().copied();
    let kept = section.into_iter().filter(|(name, _)| more.clone().all(|(other, _)| other != *name));
    let all: Vec<_> = kept.chain(more.clone()).collect();
    config::load(&Source::new().variables(all)).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn setting(clock: &Clock) -> Setting {
    let patience = Patience { connect: Duration::from_secs(2), call: Duration::from_secs(10) };
    Setting { clock: clock.clone(), patience }
}

/// A shop's adapter, its clock and PayPal.
struct Desk {
    double: Double,
    paypal: Arc<PayPal>,
    clock: Clock,
}

impl Desk {
    async fn open() -> Desk {
        Desk::open_patient(Duration::from_secs(10)).await
    }

    async fn open_patient(call: Duration) -> Desk {
        let double = Double::start().await;
        let clock = Clock::manual(OPENED_AT);
        let config = config(&double.url, &[]).payments.paypal.expect("a section");
        let setting = Setting { patience: Patience { connect: Duration::from_secs(2), call }, ..setting(&clock) };
        let paypal = Arc::new(PayPal::open(&config, &setting).expect("a client"));
        Desk { double, paypal, clock }
    }

    /// An attempt that the buyer has been sent away with.
    async fn started(&self) -> Attempt {
        let mut attempt = attempt();
        let report = self.paypal.start(&attempt).await.expect("it starts");
        attempt.reference = report.reference;
        attempt
    }

    async fn approved(&self) -> Attempt {
        let attempt = self.started().await;
        self.double.approve(attempt.reference.as_deref().expect("its name there"));
        attempt
    }

    /// An attempt that is paid, and what was captured.
    async fn paid(&self) -> (Attempt, String) {
        let attempt = self.approved().await;
        let report = self.paypal.capture(&attempt).await.expect("it is captured");
        let object = report.captures[0].object.clone();
        (attempt, object)
    }

    /// What the last call of an operation carried.
    fn last(&self, operation: &str) -> super::doubles::paypal::Seen {
        let seen = self.double.seen();
        seen.into_iter().rfind(|seen| seen.operation == operation).unwrap_or_else(|| panic!("no {operation} was asked"))
    }

    fn close(self) {
        self.double.close();
    }
}

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code("USD").expect("a currency"))
}

fn attempt() -> Attempt {
    Attempt {
        payment: PaymentId::parse(PAYMENT).expect("an id"),
        order: OrderId::parse("0199f1c2-7a10-7c2e-8b1a-192a3b4c5d6e").expect("an id"),
        number: 1,
        amount: usd(600),
        flow: Flow::Redirect,
        reference: None,
        objects: Vec::new(),
        request: Some(StartRequest {
            order_number: "B-261123-0042".to_owned(),
            shop_name: "El-Bayader".to_owned(),
            locale: "en".to_owned(),
            customer_name: "Rania Haddad".to_owned(),
            customer_email: Some("rania@example.com".to_owned()),
            customer_phone: Some("+962790000001".to_owned()),
            return_url: format!("https://shop.example/pay/return?tx={PAYMENT}&k=abc"),
            cancel_url: format!("https://shop.example/pay/cancel?tx={PAYMENT}&k=abc"),
            webhook_url: "https://shop.example/api/v1/payments/webhook/paypal".to_owned(),
            made_at: OPENED_AT.ms(),
            hold_ends_at: OPENED_AT.ms() + 1_800_000,
        }),
        sent_at: OPENED_AT,
    }
}

fn refund_of(attempt: &Attempt, captured: &str, minor: i64) -> RefundCall {
    RefundCall {
        refund: RefundId::parse(REFUND).expect("an id"),
        payment: attempt.payment,
        number: "B-261123-0042-1-R1".to_owned(),
        amount: usd(minor),
        reason: Some("the customer was rude".to_owned()),
        captured: captured.to_owned(),
        reference: attempt.reference.clone(),
        objects: vec![captured.to_owned()],
        object: None,
        memo: None,
        sent_at: None,
    }
}

fn captured(object: &str) -> Vec<Capture> {
    vec![Capture { object: object.to_owned(), amount: usd(600), fee: Some(usd(51)) }]
}

#[tokio::test]
async fn a_payment_is_created_approved_and_captured() {
    let desk = Desk::open().await;
    let mut attempt = attempt();
    let begun = desk.paypal.start(&attempt).await.unwrap();
    let order = begun.reference.clone().unwrap();
    let page = format!("https://www.sandbox.paypal.com/checkoutnow?token={order}");
    assert_eq!(begun.state, Some(There::Open));
    assert_eq!(begun.handover.and_then(|handover| handover.redirect_url), Some(page.clone()));
    assert_eq!(begun.raw.unwrap()["paypal_debug_id"], "f5a0d1c2b3e4");
    attempt.reference = Some(order.clone());

    let asked = desk.paypal.ask(&attempt).await.unwrap();
    assert_eq!((asked.state, asked.captures), (Some(There::Open), Vec::new()));
    assert_eq!(asked.handover.and_then(|handover| handover.redirect_url), Some(page));
    desk.double.approve(&order);
    assert_eq!(desk.paypal.ask(&attempt).await.unwrap().state, Some(There::Approved));

    let taken = desk.paypal.capture(&attempt).await.unwrap();
    let object = taken.captures[0].object.clone();
    assert_eq!((taken.state, &taken.captures), (None, &captured(&object)));
    assert_eq!(taken.objects, std::slice::from_ref(&object));
    let seen = desk.last("capture");
    assert_eq!(seen.path, format!("/v2/checkout/orders/{order}/capture"));
    assert_eq!((seen.body.as_str(), seen.key.unwrap()), ("{}", format!("tx:{PAYMENT}:capture")));
    // Asked again, and captured again by somebody else who waited: the same money.
    for report in [desk.paypal.ask(&attempt).await, desk.paypal.capture(&attempt).await, desk.paypal.end(&attempt).await] {
        assert_eq!(report.unwrap().captures, captured(&object));
    }
    desk.close();
}

#[tokio::test]
async fn the_body_is_the_contracts_and_the_same_each_time() {
    let desk = Desk::open().await;
    let mut attempt = attempt();
    let first = desk.paypal.start(&attempt).await.unwrap();
    let seen = desk.last("create");
    assert_eq!((seen.key.as_deref(), seen.prefer.as_deref()), (Some(&*format!("tx:{PAYMENT}")), Some("return=representation")));
    let body = json!({
        "intent": "CAPTURE",
        "purchase_units": [{
            "reference_id": "default",
            "custom_id": PAYMENT,
            "invoice_id": "B-261123-0042-1",
            "description": "Order B-261123-0042",
            "amount": { "currency_code": "USD", "value": "6.00" },
        }],
        "payment_source": { "paypal": { "experience_context": {
            "brand_name": "El-Bayader",
            "locale": "en-US",
            "shipping_preference": "NO_SHIPPING",
            "user_action": "PAY_NOW",
            "return_url": format!("https://shop.example/pay/return?tx={PAYMENT}&k=abc"),
            "cancel_url": format!("https://shop.example/pay/cancel?tx={PAYMENT}&k=abc"),
        } } },
    });
    assert_eq!(serde_json::from_str::<Value>(&seen.body).unwrap(), body);
    assert!(!seen.body.contains("Rania"), "PayPal asks the buyer itself who they are");
    desk.clock.advance_ms(3_600_000);
    let second = desk.paypal.start(&attempt).await.unwrap();
    assert_eq!((second.reference, second.handover), (first.reference, first.handover));
    assert_eq!(desk.last("create").body, seen.body);

    // Another attempt, in Arabic, of a shop with a long name over two lines.
    attempt.payment = PaymentId::parse("0199f1c2-8b21-7d3f-8c2b-000000000002").unwrap();
    attempt.number = 2;
    let request = attempt.request.as_mut().unwrap();
    request.locale = "ar".to_owned();
    request.shop_name = format!("مخبز\nالبيادر {}", "x".repeat(200));
    desk.paypal.start(&attempt).await.unwrap();
    let body: Value = serde_json::from_str(&desk.last("create").body).unwrap();
    let context = &body["payment_source"]["paypal"]["experience_context"];
    assert_eq!(context["locale"], "ar-EG");
    let name = context["brand_name"].as_str().unwrap();
    assert!(name.starts_with("مخبز البيادر x") && name.chars().count() == 127, "{name}");
    assert_eq!(body["purchase_units"][0]["invoice_id"], "B-261123-0042-2");
    desk.close();
}

#[tokio::test]
async fn an_order_that_cannot_be_right_is_refused() {
    let desk = Desk::open().await;
    let pages = ["https://www.paypal.com.evil.example/?t=", "http://www.paypal.com/?t=", "https://evil.example/", "x"];
    for (number, page) in (2..).zip(pages) {
        desk.double.send_buyers_to(page);
        let mut attempt = attempt();
        attempt.payment = PaymentId::from_uuid(uuid::Uuid::from_u128(number));
        attempt.number = i64::try_from(number).unwrap();
        let fault = desk.paypal.start(&attempt).await.unwrap_err();
        assert!(matches!(&fault, CallFault::Refused { code, .. } if code == "no_safe_link"), "{page}: {fault:?}");
    }
    desk.double.send_buyers_to("https://www.paypal.com/checkoutnow?token=");
    let mut attempt = desk.started().await;
    // An answer about somebody else's order is no answer.
    let order = attempt.reference.clone().unwrap();
    desk.double.set_order(&order, |order| order["purchase_units"][0]["custom_id"] = "another".into());
    assert!(matches!(desk.paypal.ask(&attempt).await, Err(CallFault::Unclear(_))));
    desk.double.set_order(&order, |order| {
        order["purchase_units"][0]["custom_id"] = PAYMENT.into();
        order["id"] = "ANOTHER".into();
    });
    assert!(matches!(desk.paypal.ask(&attempt).await, Err(CallFault::Unclear(_))));
    // What PayPal cannot be asked for is not asked.
    let asked = desk.double.seen().len();
    attempt.amount = Money::from_minor(4_250, Currency::JOD);
    let fault = desk.paypal.start(&attempt).await.unwrap_err();
    assert!(matches!(&fault, CallFault::Refused { code, .. } if code == "currency_not_supported"), "{fault:?}");
    attempt.reference = Some("../../v1/oauth2/token".to_owned());
    assert!(matches!(desk.paypal.ask(&attempt).await, Err(CallFault::Unclear(_))));
    attempt.request = None;
    assert!(matches!(desk.paypal.start(&attempt).await, Err(CallFault::Refused { .. })));
    assert_eq!(desk.double.seen().len(), asked);
    desk.close();
}

#[tokio::test]
async fn one_token_serves_all_and_is_renewed_a_minute_early() {
    let desk = Desk::open().await;
    desk.double.tokens_live(600);
    let attempt = Arc::new(desk.started().await);
    let all: Vec<_> = (0..8)
        .map(|_| {
            let (paypal, attempt) = (Arc::clone(&desk.paypal), Arc::clone(&attempt));
            tokio::spawn(async move { paypal.ask(&attempt).await.map(|report| report.state) })
        })
        .collect();
    for one in all {
        assert_eq!(one.await.unwrap(), Ok(Some(There::Open)));
    }
    assert_eq!(desk.double.count("token"), 1);
    desk.clock.advance_ms(539_999);
    desk.paypal.ask(&attempt).await.unwrap();
    assert_eq!(desk.double.count("token"), 1);
    desk.clock.advance_ms(1);
    desk.paypal.ask(&attempt).await.unwrap();
    assert_eq!(desk.double.count("token"), 2);

    // Many that are turned away at once fetch one token, and each repeats its call.
    desk.double.revoke_tokens();
    let before = desk.double.count("order");
    let all: Vec<_> = (0..4)
        .map(|_| {
            let (paypal, attempt) = (Arc::clone(&desk.paypal), Arc::clone(&attempt));
            tokio::spawn(async move { paypal.ask(&attempt).await.map(|report| report.state) })
        })
        .collect();
    for one in all {
        assert_eq!(one.await.unwrap(), Ok(Some(There::Open)));
    }
    assert_eq!(desk.double.count("token"), 3);
    assert!(desk.double.count("order") > before + 4);
    desk.close();
}

#[tokio::test]
async fn a_call_that_is_turned_away_is_repeated_with_its_key_and_once() {
    let desk = Desk::open().await;
    let attempt = desk.approved().await;
    desk.double.revoke_tokens();
    let taken = desk.paypal.capture(&attempt).await.unwrap();
    assert_eq!(taken.captures.len(), 1);
    let captures: Vec<_> = desk.double.seen().into_iter().filter(|seen| seen.operation == "capture").collect();
    assert_eq!(captures.len(), 2);
    assert_eq!(captures[0].key, captures[1].key);
    assert_ne!(captures[0].token, captures[1].token);

    let unauthorized = || Mishap::Answer(401, json!({ "error": "invalid_token" }));
    let before = desk.double.count("order");
    desk.double.next("order", unauthorized());
    desk.double.next("order", unauthorized());
    assert!(matches!(desk.paypal.ask(&attempt).await, Err(CallFault::Misconfigured(_))));
    assert_eq!(desk.double.count("order"), before + 2);
    desk.close();
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let desk = Desk::open().await;
    for _ in 0..3 {
        desk.double.next("token", Mishap::Answer(503, json!({})));
    }
    let attempt = attempt();
    assert!(matches!(desk.paypal.start(&attempt).await, Err(CallFault::NotSent(_))));
    assert_eq!((desk.double.count("token"), desk.double.count("create")), (3, 0));
    desk.double.next("token", Mishap::Answer(200, Value::Null));
    assert!(matches!(desk.paypal.start(&attempt).await, Err(CallFault::NotSent(_))));
    desk.paypal.check().await.unwrap();
    desk.paypal.start(&attempt).await.unwrap();

    let clock = Clock::manual(OPENED_AT);
    let wrong = [("BAYADER_PAYMENTS__PAYPAL__CLIENT_SECRET", "another-secret-of-paypal")];
    let config = config(&desk.double.url, &wrong).payments.paypal.unwrap();
    let stranger = PayPal::open(&config, &setting(&clock)).unwrap();
    let Err(CallFault::Misconfigured(told)) = stranger.check().await else { panic!("the keys are wrong") };
    assert!(told.contains("payments.paypal.client_id") && !told.contains("another-secret"), "{told}");
    assert!(!format!("{stranger:?} {:?}", desk.paypal).contains("secret-of-paypal"));
    assert!(matches!(stranger.start(&attempt).await, Err(CallFault::Misconfigured(_))));
    desk.close();

    // Nobody listens there any more.
    assert!(matches!(stranger.check().await, Err(CallFault::NotSent(_))));
}

#[tokio::test]
async fn what_becomes_of_a_capture() {
    let desk = Desk::open().await;
    let early = desk.started().await;
    assert_eq!(desk.paypal.capture(&early).await.unwrap().state, Some(There::Open), "the buyer has not agreed");

    let order = early.reference.clone().unwrap();
    desk.double.approve(&order);
    desk.double.capture_as(CaptureAs::InstrumentDeclined);
    let page = format!("https://www.sandbox.paypal.com/checkoutnow?token={order}");
    assert_eq!(desk.paypal.capture(&early).await, Err(CallFault::NeedsAction { url: page }));
    // They choose another card and agree again: the same order, and the same key.
    desk.double.approve(&order);
    desk.double.capture_as(CaptureAs::Pending("PENDING_REVIEW"));
    let held = desk.paypal.capture(&early).await.unwrap();
    assert_eq!((held.state, held.captures.len()), (Some(There::Underway), 0));
    assert!(held.note.unwrap().contains("PENDING_REVIEW"));
    assert_eq!(held.objects.len(), 1);
    assert_eq!(desk.paypal.end(&early).await.unwrap().state, Some(There::Underway), "nobody can stop it");

    let cases = [
        ("TRANSACTION_REFUSED", "declined"),
        ("PAYER_ACCOUNT_RESTRICTED", "declined"),
        ("PAYEE_ACCOUNT_RESTRICTED", "misconfigured"),
        ("MAX_VALUE_EXCEEDED", "refused"),
        ("ORDER_COMPLETION_IN_PROGRESS", "unclear"),
        ("DUPLICATE_INVOICE_ID", "refused"),
    ];
    let mut other = attempt();
    other.number = 2;
    other.payment = PaymentId::parse("0199f1c2-8b21-7d3f-8c2b-000000000002").unwrap();
    other.request.as_mut().unwrap().locale = "ar".to_owned();
    other.reference = desk.paypal.start(&other).await.unwrap().reference;
    desk.double.approve(other.reference.as_deref().unwrap());
    for (issue, expected) in cases {
        desk.double.next("capture", refused(issue));
        let told = match desk.paypal.capture(&other).await.unwrap_err() {
            CallFault::Declined { code, message } => {
                assert!(code == issue && message.contains("لم تقبل"), "{message}");
                "declined"
            }
            CallFault::Misconfigured(_) => "misconfigured",
            CallFault::Refused { code, message } => {
                assert!(code == issue && message.contains("f5a0d1c2b3e4"), "{message}");
                "refused"
            }
            CallFault::Unclear(_) => "unclear",
            fault => panic!("{issue}: {fault:?}"),
        };
        assert_eq!(told, expected, "{issue}");
    }
    desk.double.capture_as(CaptureAs::Declined);
    let failed = desk.paypal.capture(&other).await.unwrap();
    assert_eq!(failed.state, Some(There::Ended(Ending::Failed)));
    assert_eq!(failed.failure.unwrap().code, "DECLINED");
    desk.close();
}

#[tokio::test]
async fn a_capture_that_was_done_and_not_told_is_found() {
    let desk = Desk::open_patient(Duration::from_millis(300)).await;
    let attempt = desk.approved().await;
    for _ in 0..3 {
        desk.double.next("capture", Mishap::DoneThen500);
    }
    let taken = desk.paypal.capture(&attempt).await.unwrap();
    assert_eq!(taken.captures.len(), 1, "PayPal was asked how the order stands");
    let object = taken.captures[0].object.clone();
    for mishap in [
        Mishap::DoneThenSilent,
        refused("ORDER_ALREADY_CAPTURED"),
        Mishap::Answer(409, json!({ "name": "PREVIOUS_REQUEST_IN_PROGRESS", "message": "" })),
    ] {
        for _ in 0..3 {
            desk.double.next("capture", mishap.clone());
        }
        assert_eq!(desk.paypal.capture(&attempt).await.unwrap().captures, captured(&object), "{mishap:?}");
        // What one call left over does not wait for the next.
        while desk.double.skip("capture") {}
    }
    assert_eq!(
        desk.double.order(attempt.reference.as_deref().unwrap())["purchase_units"][0]["payments"]["captures"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    desk.close();
}

#[tokio::test]
async fn a_capture_of_unknown_outcome_is_not_called_ended() {
    let desk = Desk::open().await;
    let attempt = desk.approved().await;
    for _ in 0..3 {
        desk.double.next("capture", Mishap::Answer(500, json!({ "name": "INTERNAL_SERVER_ERROR", "message": "" })));
    }
    assert!(matches!(desk.paypal.capture(&attempt).await, Err(CallFault::Unclear(_))));
    let still = desk.paypal.end(&attempt).await.unwrap();
    assert_eq!(still.state, Some(There::Underway), "PayPal may be taking the money at this moment");
    desk.clock.advance_ms(600_000);
    let left = desk.paypal.end(&attempt).await.unwrap();
    assert_eq!(left.state, Some(There::Ended(Ending::Cancelled)));
    desk.close();
}

#[tokio::test]
async fn an_attempt_that_ends_is_not_captured() {
    let desk = Desk::open().await;
    let attempt = desk.started().await;
    let order = attempt.reference.clone().unwrap();
    let ended = |report: Report| (report.state, report.handover, report.captures, report.note.is_some());
    let cancelled = Some(There::Ended(Ending::Cancelled));
    assert_eq!(ended(desk.paypal.end(&attempt).await.unwrap()), (cancelled, None, Vec::new(), false));
    desk.double.approve(&order);
    assert_eq!(ended(desk.paypal.end(&attempt).await.unwrap()), (cancelled, None, Vec::new(), true));
    assert_eq!((desk.double.order(&order)["status"].as_str(), desk.double.count("capture")), (Some("APPROVED"), 0));

    desk.double.set_order(&order, |order| order["status"] = "VOIDED".into());
    assert_eq!(desk.paypal.end(&attempt).await.unwrap().state, Some(There::Ended(Ending::Failed)));
    // Completed, and no word of the money: that says nothing.
    desk.double.set_order(&order, |order| order["status"] = "COMPLETED".into());
    assert!(matches!(desk.paypal.end(&attempt).await, Err(CallFault::Unclear(_))));
    desk.double.forget_order(&order);
    assert_eq!(desk.paypal.end(&attempt).await.unwrap().state, Some(There::Ended(Ending::Expired)));
    for (status, body) in [(404, Value::Null), (502, Value::Null), (200, Value::Null), (302, json!({}))] {
        for _ in 0..3 {
            desk.double.next("order", Mishap::Answer(status, body.clone()));
        }
        assert!(matches!(desk.paypal.end(&attempt).await, Err(CallFault::Unclear(_))), "{status}");
        while desk.double.skip("order") {}
    }
    desk.close();
}

#[tokio::test]
async fn an_old_order_that_paypal_forgot_is_known_by_its_capture() {
    let desk = Desk::open().await;
    let (mut attempt, object) = desk.paid().await;
    attempt.objects = vec!["PP-D-27803".to_owned(), object.clone()];
    desk.double.forget_order(attempt.reference.as_deref().unwrap());
    let report = desk.paypal.ask(&attempt).await.unwrap();
    assert_eq!((report.state, report.captures), (None, captured(&object)));
    desk.close();
}

#[tokio::test]
async fn an_attempt_whose_beginning_was_lost() {
    let desk = Desk::open().await;
    let mut attempt = attempt();
    for _ in 0..3 {
        desk.double.next("create", Mishap::DoneThen500);
    }
    assert!(matches!(desk.paypal.start(&attempt).await, Err(CallFault::Unclear(_))));
    // It is there, but nobody has its link, and nobody but us captures.
    assert_eq!(desk.paypal.find(&attempt).await, Ok(Found::NotThere));
    assert_eq!(desk.paypal.when_lost(), WhenLost::SendAgain);
    let life = desk.paypal.key_life();
    assert_eq!((life.start_ms, life.refund_ms), (18_000_000, 40 * 86_400_000));
    let again = desk.paypal.start(&attempt).await.unwrap();
    attempt.reference = again.reference.clone();
    assert_eq!(desk.double.order(&again.reference.unwrap())["purchase_units"][0]["custom_id"], PAYMENT);
    let Found::There(found) = desk.paypal.find(&attempt).await.unwrap() else { panic!("it is known") };
    assert_eq!(found.state, Some(There::Open));
    desk.close();
}

#[tokio::test]
async fn money_goes_back_in_parts() {
    let desk = Desk::open().await;
    let (attempt, object) = desk.paid().await;
    let call = refund_of(&attempt, &object, 150);
    let given = desk.paypal.refund(&call).await.unwrap();
    assert_eq!((given.status, given.failure), (RefundStatus::Succeeded, None));
    let seen = desk.last("refund");
    assert_eq!(seen.path, format!("/v2/payments/captures/{object}/refund"));
    assert_eq!(seen.key, Some(format!("refund:{REFUND}")));
    let body = json!({
        "amount": { "currency_code": "USD", "value": "1.50" },
        "custom_id": REFUND,
        "invoice_id": "B-261123-0042-1-R1",
        "note_to_payer": "Refund B-261123-0042-1-R1",
    });
    assert_eq!(serde_json::from_str::<Value>(&seen.body).unwrap(), body, "staff's reason is not the buyer's to read");
    // Sent again it is the same one.
    assert_eq!(desk.paypal.refund(&call).await.unwrap().object, given.object);
    let report = desk.paypal.ask(&attempt).await.unwrap();
    assert_eq!((report.captures, report.refunds.len()), (captured(&object), 1));
    assert_eq!(report.refunds[0].ours, Some(call.refund));
    assert_eq!((&report.refunds[0].object, report.refunds[0].amount), (given.object.as_ref().unwrap(), usd(150)));

    // One by hand carries the payment's id, which is no refund's.
    let by_hand = desk.double.refund_by_hand(&object, "2.00");
    let report = desk.paypal.ask(&attempt).await.unwrap();
    let told = report.refunds.iter().find(|told| told.object == by_hand["id"]).unwrap();
    assert_eq!((told.ours, told.amount, told.status), (None, usd(200), RefundStatus::Succeeded));

    let mut more = refund_of(&attempt, &object, 300);
    more.refund = RefundId::parse("0199f1c2-9c32-7e40-9d3c-000000000002").unwrap();
    more.number = "B-261123-0042-1-R2".to_owned();
    let fault = desk.paypal.refund(&more).await.unwrap_err();
    assert!(matches!(&fault, CallFault::Refused { code, .. } if code == "REFUND_AMOUNT_EXCEEDED"), "{fault:?}");
    assert_eq!(desk.paypal.ask_refund(&more).await, Ok(None));
    for issue in ["REFUND_TIME_LIMIT_EXCEEDED", "TRANSACTION_DISPUTED", "REFUND_FAILED_INSUFFICIENT_FUNDS"] {
        desk.double.next("refund", refused(issue));
        let fault = desk.paypal.refund(&more).await.unwrap_err();
        assert!(matches!(&fault, CallFault::Refused { code, .. } if code == issue), "{fault:?}");
    }
    desk.close();
}

#[tokio::test]
async fn a_refund_that_was_done_and_not_told_is_found() {
    let desk = Desk::open().await;
    let (attempt, object) = desk.paid().await;
    let mut call = refund_of(&attempt, &object, 600);
    for _ in 0..3 {
        desk.double.next("refund", Mishap::DoneThen500);
    }
    assert!(matches!(desk.paypal.refund(&call).await, Err(CallFault::Unclear(_))));
    let found = desk.paypal.ask_refund(&call).await.unwrap().expect("the order shows it");
    assert_eq!(found.status, RefundStatus::Succeeded);
    // Its key forgotten, PayPal says that nothing is left: it was this very one.
    desk.double.next("refund", refused("CAPTURE_FULLY_REFUNDED"));
    assert_eq!(desk.paypal.refund(&call).await.unwrap().object, found.object);
    call.object = found.object;
    assert_eq!(desk.paypal.ask_refund(&call).await.unwrap().unwrap().status, RefundStatus::Succeeded);
    call.object = Some("NOSUCH".to_owned());
    assert_eq!(desk.paypal.ask_refund(&call).await, Ok(None));
    // The whole was captured, and nothing of it is left.
    let report = desk.paypal.ask(&attempt).await.unwrap();
    assert_eq!((report.captures, report.refunds.len()), (captured(&object), 1));
    // An order that is no longer there does not say that there was no refund.
    call.object = None;
    desk.double.forget_order(attempt.reference.as_deref().unwrap());
    assert!(matches!(desk.paypal.ask_refund(&call).await, Err(CallFault::Unclear(_))));
    desk.close();
}

#[tokio::test]
async fn a_refund_may_take_its_time_and_may_fail() {
    let desk = Desk::open().await;
    let (attempt, object) = desk.paid().await;
    let cases = [("PENDING", RefundStatus::Pending), ("FAILED", RefundStatus::Failed), ("CANCELLED", RefundStatus::Failed)];
    for (number, (status, expected)) in (1..).zip(cases) {
        desk.double.refund_as(status);
        let mut call = refund_of(&attempt, &object, 100);
        call.refund = RefundId::from_uuid(uuid::Uuid::from_u128(number));
        let report = desk.paypal.refund(&call).await.unwrap();
        assert_eq!(report.status, expected, "{status}");
        assert_eq!(report.failure.is_some(), expected == RefundStatus::Failed);
        call.object = report.object;
        assert_eq!(desk.paypal.ask_refund(&call).await.unwrap().unwrap().status, expected);
    }
    desk.close();
}

#[tokio::test]
async fn paypal_stands_among_the_gateways_of_its_section() {
    let section = config("https://api-m.paypal.com", &[]);
    let gateways = Gateways::open(&section.payments, &setting(&Clock::manual(OPENED_AT)), Vec::new()).unwrap();
    let paypal = gateways.get(PaymentMethod::of("paypal")).expect("it is offered");
    assert_eq!((paypal.name(Locale::Ar), paypal.flows()), ("PayPal", [Flow::Redirect].as_slice()));
    assert!(paypal.takes(usd(1).currency()) && !paypal.takes(Currency::JOD));
    let huf = |minor| Money::from_minor(minor, Currency::from_code("HUF").unwrap());
    assert!(paypal.expresses(huf(42_500)).is_ok() && paypal.expresses(huf(42_550)).is_err());
    assert!(gateways.check_currency(Currency::JOD).is_err());
    assert_eq!(paypal.books(OPENED_AT, OPENED_AT).await, Ok(None));
}
