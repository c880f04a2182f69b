//! The adapter of Stripe against a Stripe that others wrote (localstripe): what both sides take a payment intent and a refund to be.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bayader::clock::Clock;
use bayader::features::payments::gateway::{Attempt, CallFault, Ending, Flow, Found, Gateway, RefundCall, There};
use bayader::kernel::{Currency, Money, OrderId, PaymentId, RefundId, RefundStatus};
use bayader::outbound::Patience;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{is_there, python_peer, skipped};
use crate::stripe::{adapter, attempt, known};

/// Its keys open nothing.
const KEY: &str = "sk_test_12345";
/// Starts, where another program takes the port in between.
const TRIES: u32 = 3;

/// A running peer. Dropped, it is killed.
struct Peer {
    child: Child,
    base_url: String,
    client: reqwest::Client,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Peer {
    /// `None`, loudly, where it is not installed.
    fn start(test: &str) -> Option<Peer> {
        if !is_there(&python_peer("localstripe")) {
            skipped(test, "localstripe is not there. Install it: tests/peers/install.sh");
            return None;
        }
        (0..TRIES).find_map(|_| {
            let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr()).expect("a free port").port();
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/stripe_double.py");
            let mut child = Command::new("setpriv")
                .args(["--pdeathsig", "KILL", &python_peer("python"), script, &port.to_string()])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .expect("it starts");
            let mut line = String::new();
            BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("it says something");
            let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().expect("a client");
            let peer = Peer { child, base_url: format!("http://127.0.0.1:{port}"), client };
            (line.trim() == "ready").then_some(peer)
        })
    }

    fn adapter(&self) -> Arc<dyn Gateway> {
        let of = |key: &str, value: &str| (format!("BAYADER_PAYMENTS__STRIPE__{key}"), value.to_owned());
        let variables = vec![
            of("SECRET_KEY", KEY),
            of("PUBLISHABLE_KEY", "pk_test_12345"),
            of("WEBHOOK_SECRET", "whsec_1"),
            of("BASE_URL", &self.base_url),
        ];
        adapter(variables, &Clock::system(), Patience::default())
    }

    /// What a browser does, or somebody at the dashboard.
    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let request = self.client.post(format!("{}{path}", self.base_url)).bearer_auth(KEY).form(form);
        request.send().await.expect("an answer").json().await.expect("JSON")
    }

    /// The next POSTs go wrong.
    async fn fail(&self, faults: Value) {
        let request = self.client.post(format!("{}/_fault", self.base_url)).bearer_auth(KEY).json(&faults);
        assert!(request.send().await.expect("an answer").status().is_success());
    }

    /// The customer types a card into the fields of the page.
    async fn confirm(&self, intent: &str, card: &str) {
        let fields = [
            ("type", "card"),
            ("card[number]", card),
            ("card[exp_month]", "12"),
            ("card[exp_year]", "2030"),
            ("card[cvc]", "123"),
        ];
        let method = self.post("/v1/payment_methods", &fields).await;
        let method = method["id"].as_str().unwrap_or_else(|| panic!("a payment method: {method}")).to_owned();
        self.post(&format!("/v1/payment_intents/{intent}"), &[("payment_method", &method)]).await;
        self.post(&format!("/v1/payment_intents/{intent}/confirm"), &[]).await;
    }
}

fn jod(minor: i64) -> Money {
    Money::from_minor(minor, Currency::JOD)
}

fn new_attempt(n: u128) -> Attempt {
    let id = |part: u128| Uuid::from_u128(0x0199_f1c2_0000_7000_8000_0000_0000_0000 + part * 1_000 + n);
    attempt(PaymentId::from_uuid(id(1)), OrderId::from_uuid(id(2)), Flow::Elements, jod(4_250), Clock::system().now().ms())
}

async fn begun(stripe: &Arc<dyn Gateway>, n: u128) -> (Attempt, String) {
    let attempt = new_attempt(n);
    let report = stripe.start(&attempt).await.expect("it begins");
    assert!(report.handover.as_ref().is_some_and(|way| way.client_secret.is_some()));
    let intent = report.reference.clone().expect("a name");
    (known(attempt, &report), intent)
}

#[tokio::test]
async fn an_intent_is_paid_and_refunded_at_a_stripe_of_others() {
    let Some(peer) = Peer::start("an_intent_is_paid_and_refunded_at_a_stripe_of_others") else { return };
    let stripe = peer.adapter();
    assert_eq!(stripe.check().await, Ok(()));

    let (attempt, intent) = begun(&stripe, 1).await;
    assert_eq!(stripe.ask(&attempt).await.expect("an answer").state, Some(There::Open));
    peer.confirm(&intent, "4242424242424242").await;
    let report = stripe.ask(&attempt).await.expect("an answer");
    let [capture] = report.captures.as_slice() else { panic!("{report:?}") };
    assert_eq!(capture.amount, jod(4_250));
    assert!(capture.object.starts_with("ch_"));
    let attempt = known(attempt, &report);

    let refund = |n: u128, amount: i64| RefundCall {
        refund: RefundId::from_uuid(Uuid::from_u128(0x0199_f1c2_0000_7000_8000_0000_0000_9000 + n)),
        payment: attempt.payment,
        number: "B-261123-0042-1-R1".to_owned(),
        amount: jod(amount),
        reason: None,
        captured: capture.object.clone(),
        reference: attempt.reference.clone(),
        objects: attempt.objects.clone(),
        object: None,
        memo: None,
        sent_at: None,
    };
    // The answer of the first is lost; the second try is told what the first has done.
    peer.fail(json!({ "after": 1 })).await;
    let first = stripe.refund(&refund(1, 1_000)).await.expect("it is made");
    assert_eq!(first.status, RefundStatus::Succeeded);
    let asked = stripe.ask_refund(&refund(1, 1_000)).await.expect("an answer").expect("it is there");
    assert_eq!(asked.object, first.object);
    assert!(matches!(stripe.refund(&refund(2, 3_260)).await, Err(CallFault::Refused { .. })));
    assert_eq!(stripe.ask_refund(&refund(2, 3_260)).await, Ok(None));
    stripe.refund(&refund(3, 3_250)).await.expect("the rest");
    let report = stripe.ask(&attempt).await.expect("an answer");
    let given: i64 = report.refunds.iter().map(|told| told.amount.minor()).sum();
    assert_eq!((report.refunds.len(), given), (2, 4_250));
}

#[tokio::test]
async fn what_goes_wrong_at_a_stripe_of_others_is_found_or_ended() {
    let Some(peer) = Peer::start("what_goes_wrong_at_a_stripe_of_others_is_found_or_ended") else { return };
    let stripe = peer.adapter();

    peer.fail(json!({ "after": 1 })).await;
    let (attempt, intent) = begun(&stripe, 1).await;
    let Ok(Found::There(report)) = stripe.find(&new_attempt(1)).await else { panic!("it is there") };
    assert_eq!(report.reference.as_deref(), Some(intent.as_str()));
    peer.confirm(&intent, "4000000000000341").await;
    let report = stripe.ask(&attempt).await.expect("an answer");
    assert_eq!(report.state, Some(There::Open));
    assert_eq!(report.failure.expect("a failure").code, "card_declined");
    let report = stripe.end(&attempt).await.expect("it ends");
    assert_eq!(report.state, Some(There::Ended(Ending::Cancelled)));

    let (attempt, intent) = begun(&stripe, 2).await;
    peer.confirm(&intent, "4000002500003155").await;
    assert_eq!(stripe.ask(&attempt).await.expect("an answer").state, Some(There::NeedsAction));

    peer.fail(json!({ "before": 3 })).await;
    assert!(matches!(stripe.start(&new_attempt(3)).await, Err(CallFault::Unclear(_))));
    assert_eq!(stripe.find(&new_attempt(3)).await, Ok(Found::NotThere));
}
