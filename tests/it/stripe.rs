//! The adapter of Stripe against its double: what is sent, what is believed, and what becomes of calls that go wrong.

use std::sync::Arc;
use std::time::Duration;

use bayader::clock::Clock;
use bayader::config::{Source, load};
use bayader::features::payments::gateway::{
    AmountRefusal, Attempt, BookKind, CallFault, Delivery, DisputeStep, Ending, Event, Flow, Found, Gateway, Reading,
    RefundCall, Report, StartRequest, There, Verdict,
};
use bayader::features::payments::{Gateways, Setting};
use bayader::kernel::{Currency, Money, OrderId, PaymentId, PaymentMethod, RefundId, RefundStatus, UtcMs};
use bayader::outbound::Patience;
use http::Method;
use uuid::Uuid;

use crate::doubles::stripe::{Fault, StripeDouble};

/// 2026-11-23T09:00:00Z.
const NOW: i64 = 1_795_424_400_000;
const MINUTE: i64 = 60_000;

fn jod(minor: i64) -> Money {
    Money::from_minor(minor, Currency::JOD)
}

/// A double, and the adapter that is configured for it.
struct World {
    double: StripeDouble,
    stripe: Arc<dyn Gateway>,
    clock: Clock,
    made: u128,
}

pub fn adapter(variables: Vec<(String, String)>, clock: &Clock, patience: Patience) -> Arc<dyn Gateway> {
    let config = load(&Source::new().variables(variables)).expect("a whole section");
    let setting = Setting { clock: clock.clone(), patience };
    let gateways = Gateways::open(&config.payments, &setting, Vec::new()).expect("it opens");
    gateways.get(PaymentMethod::of("stripe")).expect("it is offered").clone()
}

impl World {
    async fn open() -> World {
        World::patient(Patience::default()).await
    }

    async fn patient(patience: Patience) -> World {
        let clock = Clock::manual(UtcMs::from_ms(NOW));
        let double = StripeDouble::start(clock.clone()).await;
        let stripe = adapter(double.variables(), &clock, patience);
        World { double, stripe, clock, made: 0 }
    }

    fn id(&mut self) -> Uuid {
        self.made += 1;
        Uuid::from_u128(0x0199_f1c2_0000_7000_8000_0000_0000_0000 + self.made)
    }

    fn attempt(&mut self, flow: Flow, amount: Money) -> Attempt {
        attempt(PaymentId::from_uuid(self.id()), OrderId::from_uuid(self.id()), flow, amount, self.clock.now().ms())
    }

    /// A session that was begun, and its attempt as the shop then knows it.
    async fn begun(&mut self) -> (Attempt, Report) {
        let attempt = self.attempt(Flow::Redirect, jod(4_250));
        let report = self.stripe.start(&attempt).await.expect("it begins");
        (known(attempt, &report), report)
    }

    /// One that was paid: what the shop knows, and its charge.
    async fn paid(&mut self) -> (Attempt, String) {
        let (attempt, report) = self.begun().await;
        let charge = self.double.pay(&report.reference.expect("a name"));
        let report = self.stripe.ask(&attempt).await.expect("an answer");
        (known(attempt, &report), charge)
    }

    fn refund(&mut self, attempt: &Attempt, charge: &str, amount: i64) -> RefundCall {
        RefundCall {
            refund: RefundId::from_uuid(self.id()),
            payment: attempt.payment,
            number: "B-261123-0042-1-R1".to_owned(),
            amount: jod(amount),
            reason: Some("burnt".to_owned()),
            captured: charge.to_owned(),
            reference: attempt.reference.clone(),
            objects: attempt.objects.clone(),
            object: None,
            memo: None,
            sent_at: Some(self.clock.now()),
        }
    }

    /// What the double has told since the last time, as the shop reads it.
    async fn told(&self) -> Vec<(String, Reading)> {
        let mut told = Vec::new();
        for event in self.double.events() {
            let (headers, body) = self.double.signed(&event);
            let verdict = self.stripe.verify(Delivery { headers: &headers, query: None, body: &body }, self.clock.now()).await;
            let Verdict::Genuine(Event { id, kind, body }) = verdict else { panic!("{event} is {verdict:?}") };
            assert_eq!(event["id"], id.as_str());
            let reading = self.stripe.read(&Event { id, kind: kind.clone(), body });
            told.push((kind, reading));
        }
        told
    }
}

pub fn attempt(payment: PaymentId, order: OrderId, flow: Flow, amount: Money, now: i64) -> Attempt {
    Attempt {
        payment,
        order,
        number: 1,
        amount,
        flow,
        reference: None,
        objects: Vec::new(),
        request: Some(StartRequest {
            order_number: "B-261123-0042".to_owned(),
            shop_name: "EL-Bayader".to_owned(),
            locale: "ar".to_owned(),
            customer_name: "ليلى".to_owned(),
            customer_email: Some("layla@example.com".to_owned()),
            customer_phone: Some("+962790000001".to_owned()),
            return_url: "https://shop.example.com/pay/return?tx=1&k=2".to_owned(),
            cancel_url: "https://shop.example.com/pay/cancel?tx=1&k=2".to_owned(),
            webhook_url: "https://shop.example.com/api/v1/payments/webhook/stripe".to_owned(),
            made_at: now,
            hold_ends_at: now + 30 * MINUTE,
        }),
        sent_at: UtcMs::from_ms(now),
    }
}

/// The attempt with what a report told of it.
pub fn known(attempt: Attempt, report: &Report) -> Attempt {
    let mut objects = attempt.objects;
    objects.extend(report.objects.iter().filter(|name| !objects.contains(name)).cloned().collect::<Vec<_>>());
    Attempt { reference: report.reference.clone().or(attempt.reference), objects, ..attempt }
}

fn found(found: Found) -> Report {
    match found {
        Found::There(report) => *report,
        Found::NotThere => panic!("it is there"),
    }
}

#[tokio::test]
async fn a_session_is_begun_once_paid_and_booked_under_its_charge() {
    let mut world = World::open().await;
    let (attempt, report) = world.begun().await;
    let session = report.reference.clone().expect("a name");
    assert_eq!(report.state, Some(There::Open));
    assert!(report.handover.as_ref().and_then(|way| way.redirect_url.as_ref()).expect("a way on").contains(&session));
    assert!(report.raw.as_ref().expect("the answer")["request_id"].as_str().expect("its id").starts_with("req_"));

    // Later, the same key and the same bytes: the same session.
    world.clock.advance_ms(10 * MINUTE);
    let again = world.stripe.start(&Attempt { reference: None, ..attempt.clone() }).await.expect("the same");
    assert_eq!(again.reference, report.reference);
    let posts: Vec<_> = world.double.asked().into_iter().filter(|asked| asked.method == Method::POST).collect();
    assert_eq!(posts.len(), 2);
    assert_eq!((posts[0].key(), &posts[0].form), (posts[1].key(), &posts[1].form));
    assert_eq!(posts[0].key(), Some(format!("tx:{}", attempt.payment).as_str()));
    assert_eq!(world.double.all("checkout.session").len(), 1);

    let charge = world.double.pay(&session);
    for _ in 0..2 {
        let report = world.stripe.ask(&attempt).await.expect("an answer");
        let [capture] = report.captures.as_slice() else { panic!("{report:?}") };
        assert_eq!((&capture.object, capture.amount), (&charge, jod(4_250)));
        // 2.9 % and 0.030, in the dollars that the account settles in.
        assert_eq!(capture.fee, Some(Money::from_minor(21, Currency::from_code("USD").expect("known"))));
        assert_eq!(report.reference.as_deref(), Some(session.as_str()));
        assert_eq!(report.objects.last(), Some(&charge));
    }
    world.double.close();
}

#[tokio::test]
async fn an_intent_is_paid_on_the_shops_own_page() {
    let mut world = World::open().await;
    assert_eq!(world.stripe.flows(), [Flow::Redirect, Flow::Elements]);
    assert_eq!(world.stripe.publishable_key(), Some("pk_test_51BayaderDouble"));
    let attempt = world.attempt(Flow::Elements, jod(4_250));
    let report = world.stripe.start(&attempt).await.expect("it begins");
    let intent = report.reference.clone().expect("a name");
    let secret = report.handover.as_ref().and_then(|way| way.client_secret.clone()).expect("a way on");
    assert!(secret.starts_with(&intent));
    let attempt = known(attempt, &report);

    world.double.decline(&intent);
    let report = world.stripe.ask(&attempt).await.expect("an answer");
    assert_eq!(report.state, Some(There::Open));
    assert_eq!(report.failure.expect("a failure").code, "insufficient_funds");

    let charge = world.double.pay(&intent);
    let report = world.stripe.ask(&attempt).await.expect("an answer");
    assert_eq!(report.captures[0].object, charge);
    assert_eq!(report.failure, None);
    world.double.close();
}

#[tokio::test]
async fn what_the_wire_cannot_hold_is_never_sent() {
    let mut world = World::open().await;
    assert_eq!(world.stripe.expresses(jod(4_255)), Err(AmountRefusal::NotRepresentable));
    let lyd = Currency::from_code("LYD").expect("known");
    assert!(!world.stripe.takes(lyd) && world.stripe.takes(Currency::JOD));
    let attempt = world.attempt(Flow::Redirect, jod(4_255));
    let fault = world.stripe.start(&attempt).await.expect_err("a refusal");
    assert!(matches!(fault, CallFault::Refused { code, .. } if code == "amount_not_representable"));
    let closed = Attempt { request: None, ..world.attempt(Flow::Redirect, jod(4_250)) };
    assert!(matches!(world.stripe.start(&closed).await, Err(CallFault::NotSent(_))));
    assert!(world.double.asked().is_empty());

    let attempt = world.attempt(Flow::Redirect, jod(10));
    let fault = world.stripe.start(&attempt).await.expect_err("a refusal");
    assert!(matches!(fault, CallFault::Refused { code, .. } if code == "below_minimum"));
    assert_eq!(world.double.asked().len(), 1, "a refusal is not tried again");
}

#[tokio::test]
async fn a_begin_that_went_wrong_is_told_by_looking_for_it() {
    for (faults, is_begun, is_there) in [
        (&[Fault::ErrorBefore][..], false, false),
        (&[Fault::ErrorAfter], false, true),
        (&[Fault::CutBefore], true, true),
        (&[Fault::CutAfter], true, true),
        (&[Fault::Throttled], true, true),
        (&[Fault::Slow(50)], true, true),
        (&[Fault::CutAfter, Fault::CutAfter, Fault::CutAfter], false, true),
        (&[Fault::CutBefore, Fault::CutBefore, Fault::CutBefore], false, false),
        (&[Fault::Throttled, Fault::Throttled, Fault::Throttled], false, false),
    ] {
        for flow in [Flow::Redirect, Flow::Elements] {
            let mut world = World::open().await;
            // Somebody else's, made at the same time.
            let other = world.attempt(flow, jod(4_250));
            world.stripe.start(&other).await.expect("it begins");
            world.double.fail_posts(faults);
            let attempt = world.attempt(flow, jod(4_250));
            let begun = world.stripe.start(&attempt).await;
            match &begun {
                Ok(_) => assert!(is_begun, "{faults:?}"),
                Err(fault) => assert!(!is_begun && matches!(fault, CallFault::Unclear(_)), "{faults:?}: {fault}"),
            }
            let looked = world.stripe.find(&attempt).await.expect("an answer");
            assert_eq!(looked != Found::NotThere, is_there, "{faults:?}");
            let kind = if flow == Flow::Redirect { "checkout.session" } else { "payment_intent" };
            assert_eq!(world.double.all(kind).len(), 1 + usize::from(is_there), "never two");
            if is_there {
                let report = found(looked);
                assert_eq!(report.state, Some(There::Open));
                assert!(report.handover.is_some(), "the customer can go on");
                assert!(begun.is_err() || begun.expect("begun").reference == report.reference);
            }
            world.double.close();
        }
    }
}

#[tokio::test]
async fn no_answer_in_time_is_unclear() {
    let patience = Patience { connect: Duration::from_secs(5), call: Duration::from_millis(150) };
    let mut world = World::patient(patience).await;
    world.double.fail_posts(&[Fault::Hang, Fault::Hang, Fault::Hang]);
    let attempt = world.attempt(Flow::Redirect, jod(4_250));
    assert!(matches!(world.stripe.start(&attempt).await, Err(CallFault::Unclear(_))));
    assert_eq!(world.double.asked().len(), 3);
    let report = found(world.stripe.find(&attempt).await.expect("an answer"));
    let same = world.stripe.start(&attempt).await.expect("the key knows it");
    assert_eq!(same.reference, report.reference);
}

#[tokio::test]
async fn a_search_walks_every_page() {
    let mut world = World::open().await;
    let attempt = world.attempt(Flow::Redirect, jod(4_250));
    world.stripe.start(&attempt).await.expect("it begins");
    for _ in 0..130 {
        world.begun().await;
    }
    assert!(matches!(world.stripe.find(&attempt).await, Ok(Found::There(_))));
    let lists = world.double.asked().into_iter().filter(|asked| asked.path.contains("limit=100")).count();
    assert_eq!(lists, 2);
    let never_sent = world.attempt(Flow::Redirect, jod(4_250));
    assert_eq!(world.stripe.find(&never_sent).await, Ok(Found::NotThere));
    world.double.close();
}

#[tokio::test]
async fn what_is_given_up_cannot_be_paid() {
    for flow in [Flow::Redirect, Flow::Elements] {
        for faults in [&[][..], &[Fault::ErrorBefore], &[Fault::ErrorAfter], &[Fault::CutAfter]] {
            let mut world = World::open().await;
            let attempt = world.attempt(flow, jod(4_250));
            let report = world.stripe.start(&attempt).await.expect("it begins");
            let attempt = known(attempt, &report);
            world.double.fail_posts(faults);
            let report = world.stripe.end(&attempt).await.expect("it ends");
            assert!(matches!(report.state, Some(There::Ended(_))), "{faults:?}: {report:?}");
            assert!(report.handover.is_none());
            let status = world.double.object(&attempt.reference.clone().expect("a name"))["status"].clone();
            assert!(status == "expired" || status == "canceled");
            // Once more changes nothing.
            let again = world.stripe.end(&attempt).await.expect("it has ended");
            assert!(matches!(again.state, Some(There::Ended(_))));
            world.double.close();
        }
    }
}

#[tokio::test]
async fn errors_that_come_back_keep_nothing_payable_for_a_day() {
    for flow in [Flow::Redirect, Flow::Elements] {
        let mut world = World::open().await;
        let attempt = world.attempt(flow, jod(4_250));
        let report = world.stripe.start(&attempt).await.expect("it begins");
        let attempt = known(attempt, &report);
        // Both keys of the first try have a saved error.
        world
            .double
            .fail(|asked| (asked.path.contains("cancel") || asked.path.contains("expire")).then_some(Fault::ErrorBefore));
        assert!(matches!(world.stripe.end(&attempt).await, Err(CallFault::Unclear(_))));
        world.double.fail(|_| None);
        world.clock.advance_ms(10_000);
        let report = world.stripe.end(&attempt).await.expect("it ends");
        assert!(matches!(report.state, Some(There::Ended(_))), "{report:?}");
        world.double.close();
    }
}

#[tokio::test]
async fn what_was_paid_meanwhile_is_told_instead_of_given_up() {
    let mut world = World::open().await;
    let (attempt, report) = world.begun().await;
    let charge = world.double.pay(&report.reference.expect("a name"));
    let report = world.stripe.end(&attempt).await.expect("it tells how it stands");
    assert_eq!((report.state, report.captures[0].object.as_str()), (None, charge.as_str()));

    let attempt = world.attempt(Flow::Elements, jod(4_250));
    let report = world.stripe.start(&attempt).await.expect("it begins");
    let attempt = known(attempt, &report);
    let charge = world.double.pay(attempt.reference.as_deref().expect("a name"));
    let report = world.stripe.end(&attempt).await.expect("it tells how it stands");
    assert_eq!((report.state, report.captures[0].object.as_str()), (None, charge.as_str()));
    world.double.close();
}

#[tokio::test]
async fn a_lost_begin_is_found_before_it_is_given_up() {
    let mut world = World::open().await;
    world.double.fail_posts(&[Fault::ErrorAfter]);
    let attempt = world.attempt(Flow::Redirect, jod(4_250));
    world.stripe.start(&attempt).await.expect_err("nobody knows");
    let report = world.stripe.end(&attempt).await.expect("it ends");
    assert_eq!(report.state, Some(There::Ended(Ending::Cancelled)));
    assert!(report.reference.is_some());
    let never = world.attempt(Flow::Redirect, jod(4_250));
    assert!(matches!(world.stripe.end(&never).await, Err(CallFault::Unclear(_))), "it may still be on its way");
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    let mut world = World::open().await;
    let (attempt, _) = world.begun().await;
    world.clock.advance_ms(32 * MINUTE);
    world.double.expire_sessions();
    let told = world.told().await;
    let report = world.stripe.ask(&attempt).await.expect("an answer");
    assert_eq!(report.state, Some(There::Ended(Ending::Expired)));
    let [(kind, reading)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(kind, "checkout.session.expired");
    assert_eq!(reading.report.state, Some(There::Ended(Ending::Expired)));
    assert_eq!(reading.ours, Some(attempt.payment));
}

#[tokio::test]
async fn a_refund_is_made_once() {
    let mut world = World::open().await;
    let (attempt, charge) = world.paid().await;
    let first = world.refund(&attempt, &charge, 1_000);
    for _ in 0..2 {
        let report = world.stripe.refund(&first).await.expect("it is made");
        assert_eq!(report.status, RefundStatus::Succeeded);
    }
    assert_eq!(world.double.all("refund").len(), 1);
    let asked = world.stripe.ask_refund(&first).await.expect("an answer").expect("it is there");
    assert_eq!(asked.object.as_deref(), world.double.all("refund")[0]["id"].as_str());
    let by_name = RefundCall { object: asked.object.clone(), ..first.clone() };
    assert_eq!(
        world.stripe.ask_refund(&by_name).await.expect("an answer").expect("it is there").status,
        RefundStatus::Succeeded
    );

    let too_much = world.refund(&attempt, &charge, 3_260);
    assert!(matches!(world.stripe.refund(&too_much).await, Err(CallFault::Refused { .. })));
    assert_eq!(world.stripe.ask_refund(&too_much).await, Ok(None));

    let rest = world.refund(&attempt, &charge, 3_250);
    world.stripe.refund(&rest).await.expect("it is made");
    // A day later the key is forgotten, and the refund is still known.
    world.double.forget_keys();
    let again = world.stripe.refund(&rest).await.expect("it was made");
    assert_eq!(again.status, RefundStatus::Succeeded);
    let one_more = world.refund(&attempt, &charge, 10);
    let fault = world.stripe.refund(&one_more).await.expect_err("nothing is left");
    assert!(matches!(fault, CallFault::Refused { code, .. } if code == "charge_already_refunded"));
    assert_eq!(world.double.all("refund").len(), 2);
    world.double.close();
}

#[tokio::test]
async fn a_refund_that_went_wrong_is_told_by_asking() {
    for (fault, is_made) in [(Fault::ErrorBefore, false), (Fault::ErrorAfter, true)] {
        let mut world = World::open().await;
        let (attempt, charge) = world.paid().await;
        world.double.fail_posts(&[fault]);
        let refund = world.refund(&attempt, &charge, 1_000);
        assert!(matches!(world.stripe.refund(&refund).await, Err(CallFault::Unclear(_))));
        assert_eq!(world.stripe.ask_refund(&refund).await.expect("an answer").is_some(), is_made);
        assert_eq!(world.double.all("refund").len(), usize::from(is_made));
        world.double.close();
    }
}

#[tokio::test]
async fn a_refund_may_wait_and_may_fail_days_later() {
    let mut world = World::open().await;
    world.double.let_refunds_wait();
    let (attempt, charge) = world.paid().await;
    let refund = world.refund(&attempt, &charge, 1_000);
    let report = world.stripe.refund(&refund).await.expect("it is taken");
    assert_eq!(report.status, RefundStatus::Pending);
    let name = report.object.expect("a name");
    world.double.events();

    world.double.end_refund(&name, "succeeded");
    world.double.end_refund(&name, "failed");
    let told = world.told().await;
    let states: Vec<_> = told
        .iter()
        .map(|(kind, reading)| (kind.as_str(), reading.report.refunds[0].ours, reading.report.refunds[0].status))
        .collect();
    let ours = Some(refund.refund);
    assert_eq!(states, [("refund.updated", ours, RefundStatus::Succeeded), ("refund.failed", ours, RefundStatus::Failed)]);
    let asked = world.stripe.ask_refund(&refund).await.expect("an answer").expect("it is there");
    assert_eq!(asked.failure.expect("a failure").code, "expired_or_canceled_card");
    world.double.close();
}

#[tokio::test]
async fn a_refund_made_outside_is_told_by_its_own_name() {
    let mut world = World::open().await;
    let (attempt, charge) = world.paid().await;
    let ours = world.refund(&attempt, &charge, 500);
    world.stripe.refund(&ours).await.expect("it is made");
    world.double.events();
    let outside = world.double.refund_in_dashboard(&charge, 1_000);

    let told = world.told().await;
    let created = &told.iter().find(|(kind, _)| kind == "refund.created").expect("told").1.report.refunds[0];
    assert_eq!((created.object.as_str(), created.ours, created.amount), (outside.as_str(), None, jod(1_000)));
    assert!(told.iter().find(|(kind, _)| kind == "charge.refunded").expect("told").1.ask);

    let report = world.stripe.ask(&attempt).await.expect("an answer");
    let refunds: Vec<_> = report.refunds.iter().map(|told| (told.ours, told.amount)).collect();
    assert_eq!(refunds, [(None, jod(1_000)), (Some(ours.refund), jod(500))]);
    assert_eq!(report.captures[0].amount, jod(4_250));
    world.double.close();
}

#[tokio::test]
async fn a_dispute_is_told_and_no_refund_goes_beside_it() {
    let mut world = World::open().await;
    let (attempt, charge) = world.paid().await;
    world.double.events();
    let dispute = world.double.dispute(&charge);
    let told: Vec<_> = world.told().await.into_iter().map(|(_, reading)| reading.report.dispute.expect("a dispute")).collect();
    assert_eq!(told[0].what, DisputeStep::Opened);
    assert_eq!((told[1].object.as_str(), told[1].what.clone()), (dispute.as_str(), DisputeStep::Withdrawn(jod(4_250))));
    let refund = world.refund(&attempt, &charge, 1_000);
    let fault = world.stripe.refund(&refund).await.expect_err("a refusal");
    assert!(matches!(fault, CallFault::Refused { code, .. } if code == "charge_disputed"));
    world.double.close();
}

#[tokio::test]
async fn every_event_leads_to_its_payment_and_to_the_same_charge() {
    let mut world = World::open().await;
    world.double.settle_later();
    let (attempt, report) = world.begun().await;
    let session = report.reference.expect("a name");
    world.double.decline(&session);
    let charge = world.double.pay(&session);
    let told = world.told().await;
    let kinds: Vec<&str> = told.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["payment_intent.payment_failed", "payment_intent.succeeded", "checkout.session.completed"]);
    for (kind, reading) in &told {
        assert_eq!(reading.ours, Some(attempt.payment), "{kind}");
        assert!(reading.report.captures.iter().all(|capture| capture.object == charge), "{kind}");
    }
    assert!(told[2].1.ask, "a session does not know its charge");
    let report = world.stripe.ask(&attempt).await.expect("an answer");
    assert_eq!(report.captures[0].fee, None, "the charge has not settled");

    world.double.settle_charges();
    let told = world.told().await;
    assert_eq!((told[0].0.as_str(), told[0].1.ask), ("charge.updated", true));
    let report = world.stripe.ask(&attempt).await.expect("an answer");
    assert!(report.captures[0].fee.is_some());
    world.double.close();
}

#[tokio::test]
async fn a_slow_method_is_waited_for() {
    for came in [true, false] {
        let mut world = World::open().await;
        let (attempt, report) = world.begun().await;
        let session = report.reference.expect("a name");
        world.double.promise(&session);
        assert_eq!(world.stripe.ask(&attempt).await.expect("an answer").state, Some(There::Underway));
        let told = world.told().await;
        assert!(told[0].1.ignored, "processing means nothing");
        assert_eq!(told[1].1.report.state, Some(There::Underway));

        world.double.end_promise(&session, came);
        let report = world.stripe.ask(&attempt).await.expect("an answer");
        let told = world.told().await;
        let (kind, reading) = told.iter().find(|(kind, _)| kind.starts_with("checkout.session.async")).expect("told");
        if came {
            assert_eq!(report.captures.len(), 1);
            assert_eq!((kind.as_str(), reading.ask), ("checkout.session.async_payment_succeeded", true));
        } else {
            assert_eq!(report.state, Some(There::Ended(Ending::Failed)));
            assert_eq!(reading.report.state, Some(There::Ended(Ending::Failed)));
        }
        world.double.close();
    }
}

#[tokio::test]
async fn the_books_are_read_day_by_day() {
    let mut world = World::open().await;
    let (attempt, charge) = world.paid().await;
    world.clock.advance_ms(24 * 60 * MINUTE);
    let (_, later) = world.paid().await;
    let refund = world.refund(&attempt, &charge, 1_000);
    let object = world.stripe.refund(&refund).await.expect("it is made").object.expect("a name");
    let day = |n: i64| UtcMs::from_ms(NOW + n * 24 * 60 * MINUTE);
    let books = async |from: i64| {
        let lines = world.stripe.books(day(from), day(from + 1)).await.expect("an answer").expect("books");
        lines.into_iter().map(|line| (line.object, line.kind, line.amount)).collect::<Vec<_>>()
    };
    assert_eq!(books(0).await, [(charge, BookKind::Captured, jod(4_250))]);
    assert_eq!(books(1).await, [(object, BookKind::Refunded, jod(1_000)), (later, BookKind::Captured, jod(4_250))]);
    assert_eq!(books(2).await, []);
    world.double.close();
}

#[tokio::test]
async fn the_key_is_tried() {
    let world = World::open().await;
    assert_eq!(world.stripe.check().await, Ok(()));
    let mut wrong = world.double.variables();
    wrong[0].1 = "sk_test_another".to_owned();
    let stripe = adapter(wrong, &world.clock, Patience::default());
    let Err(CallFault::Misconfigured(why)) = stripe.check().await else { panic!("a wrong key is told") };
    assert!(why.contains("payments.stripe.secret_key") && !why.contains("another"), "{why}");

    let stripe = adapter(world.double.variables(), &world.clock, Patience::default());
    drop(world.double);
    // The listener goes with its task.
    loop {
        match stripe.check().await {
            Err(CallFault::NotSent(_)) => break,
            Ok(()) | Err(CallFault::Unclear(_)) => tokio::task::yield_now().await,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_event_arrives_as_it_was_signed() {
    let mut world = World::open().await;
    let (attempt, report) = world.begun().await;
    world.double.pay(&report.reference.expect("a name"));
    let (stripe, now) = (world.stripe.clone(), world.clock.now());
    let take = async move |headers: http::HeaderMap, body: bytes::Bytes| {
        let verdict = stripe.verify(Delivery { headers: &headers, query: None, body: &body }, now).await;
        let Verdict::Genuine(event) = verdict else { return http::StatusCode::BAD_REQUEST };
        assert_eq!(stripe.read(&event).ours, Some(attempt.payment));
        http::StatusCode::OK
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let shop = tokio::spawn(async move {
        let routes = axum::Router::new().route("/hook", axum::routing::post(take));
        axum::serve(listener, routes).await
    });
    let events = world.double.events();
    assert_eq!(events.len(), 3);
    for event in &events {
        assert_eq!(world.double.send(event, &url).await, 200);
    }
    shop.abort();
}

/// Nothing that names a person or opens anything stands in a fault.
#[tokio::test]
async fn a_fault_tells_no_secret() {
    let mut world = World::open().await;
    for fault in [Fault::ErrorBefore, Fault::Throttled, Fault::CutBefore] {
        world.double.fail(move |_| Some(fault));
        let attempt = world.attempt(Flow::Redirect, jod(4_250));
        let told = world.stripe.start(&attempt).await.expect_err("it fails").to_string();
        for secret in ["sk_test", "layla", "ليلى", "shop.example.com"] {
            assert!(!told.contains(secret), "{told}");
        }
    }
}
