//! Stripe's messages: whose they are, and what they mean (PROVIDERS 2.4, 2.5).

use std::fmt::Write as _;

use aws_lc_rs::{constant_time, hmac};
use http::HeaderMap;
use serde_json::Value;

use super::answers::{self, id_in, names, text};
use crate::features::money::Failure;
use crate::features::payments::gateway::{Ending, Event, Reading, Report, There, Verdict};
use crate::kernel::UtcMs;
use crate::kernel::time::span::SECOND_MS;

pub(super) const HEADER: &str = "stripe-signature";
/// Seconds for which a signature counts.
const TOLERANCE_S: i64 = 300;

/// What messages are verified with.
pub(super) struct Endpoint {
    /// Several while one is rolled.
    keys: Vec<hmac::Key>,
    /// Whether the account's key takes real money, where the key says so.
    is_live: Option<bool>,
}

impl Endpoint {
    /// The whole text of a secret is its key, the prefix too.
    pub(super) fn new<'a>(secrets: impl Iterator<Item = &'a str>, is_live: Option<bool>) -> Endpoint {
        let keys = secrets.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())).collect();
        Endpoint { keys, is_live }
    }

    /// Before anything of the body is read, its bytes are held against the signature.
    pub(super) fn verify(&self, headers: &HeaderMap, body: &[u8], now: UtcMs) -> Verdict {
        if let Err(why) = self.check_signature(headers, body, now.ms().div_euclid(SECOND_MS)) {
            return Verdict::Forged { why };
        }
        let Ok(event) = serde_json::from_slice::<Value>(body) else {
            return Verdict::Forged { why: "the signed body is no JSON" };
        };
        let (Some(id), Some(kind)) = (text(&event, "id"), text(&event, "type")) else {
            return Verdict::Forged { why: "the signed body is no event" };
        };
        let is_live = event.get("livemode").and_then(Value::as_bool);
        if self.is_live.zip(is_live).is_some_and(|(ours, theirs)| ours != theirs) {
            tracing::warn!(event = id, "a Stripe event is of the other mode than payments.stripe.secret_key, and is not kept");
            return Verdict::NotForUs;
        }
        Verdict::Genuine(Event { id: id.to_owned(), kind: kind.to_owned(), body: event })
    }

    fn check_signature(&self, headers: &HeaderMap, body: &[u8], now_s: i64) -> Result<(), &'static str> {
        let mut values = headers.get_all(HEADER).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err("not exactly one Stripe-Signature header");
        };
        let value = value.to_str().map_err(|_| "the Stripe-Signature header is no text")?;
        let parts = || value.split(',').filter_map(|part| part.split_once('='));
        let mut times = parts().filter(|(name, _)| *name == "t").map(|(_, time)| time);
        let (Some(time), None) = (times.next(), times.next()) else { return Err("not exactly one t") };
        let seconds = Some(time).filter(|time| time.bytes().all(|byte| byte.is_ascii_digit()));
        let seconds = seconds.and_then(|time| time.parse::<i64>().ok()).ok_or("t is no time")?;

        let mut is_signed = false;
        for key in &self.keys {
            let expected = signature(key, time, body);
            for (_, presented) in parts().filter(|(name, _)| *name == "v1") {
                is_signed |= constant_time::verify_slices_are_equal(expected.as_bytes(), presented.as_bytes()).is_ok();
            }
        }
        if !is_signed {
            return Err("no v1 is ours");
        }
        if seconds < now_s - TOLERANCE_S { Err("t is too old") } else { Ok(()) }
    }
}

/// Lower-case hex, as Stripe writes it.
fn signature(key: &hmac::Key, time: &str, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(key);
    context.update(time.as_bytes());
    context.update(b".");
    context.update(body);
    context.sign().as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// What an event means. Money is told by events of sessions, intents and charges in any order; it is booked under its charge's name,
/// so an event that does not know the charge only has Stripe asked. So does `charge.refunded`: single refunds have names under which
/// each is booked once, the charge's sum has none.
pub(super) fn read(event: &Event) -> Reading {
    let Some(object) = event.body.get("data").and_then(|data| data.get("object")).filter(|object| object.is_object()) else {
        return Reading { ignored: true, ..Reading::default() };
    };
    let kind = event.kind.as_str();
    let (report, ask, about) = match kind {
        "checkout.session.completed"
        | "checkout.session.async_payment_succeeded"
        | "checkout.session.async_payment_failed"
        | "checkout.session.expired" => {
            let report = session(object, kind);
            let ask = report.captures.is_empty() && answers::is_paid(object);
            (report, ask, names(object, &["id", "payment_intent"]))
        }
        "payment_intent.succeeded" | "payment_intent.payment_failed" | "payment_intent.canceled" => {
            let mut report = answers::payment_intent(object);
            let mut ask = false;
            if answers::charge_of(object).is_none() && !report.captures.is_empty() {
                report.captures.clear();
                ask = true;
            }
            let about = report.objects.clone();
            (report, ask, about)
        }
        "charge.updated" | "charge.refunded" => {
            let report = Report { captures: answers::charge(object).into_iter().collect(), ..Report::default() };
            // The balance's line comes as its bare id: the fee is in the answer.
            let has_fee = id_in(object, "balance_transaction").is_some() && answers::fee(object).is_none();
            let ask = kind == "charge.refunded" || (has_fee && !report.captures.is_empty());
            if kind == "charge.updated" && report.captures.is_empty() {
                return ignored(object);
            }
            (report, ask, names(object, &["payment_intent", "id"]))
        }
        "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => {
            let report =
                Report { refunds: answers::refund_told(object).into_iter().collect(), says_whose: true, ..Report::default() };
            (report, false, names(object, &["payment_intent", "charge"]))
        }
        "charge.dispute.created"
        | "charge.dispute.updated"
        | "charge.dispute.closed"
        | "charge.dispute.funds_withdrawn"
        | "charge.dispute.funds_reinstated" => {
            let report = Report { dispute: answers::dispute(object, kind), ..Report::default() };
            (report, false, names(object, &["payment_intent", "charge"]))
        }
        "radar.early_fraud_warning.created" => {
            let why = text(object, "fraud_type").map(|kind| format!(" ({})", kind.replace('_', " "))).unwrap_or_default();
            let note =
                format!("Stripe warns that this payment may be fraud{why}: give it back before the card's owner disputes it");
            let report = Report { note: Some(note), ..Report::default() };
            (report, false, names(object, &["payment_intent", "charge"]))
        }
        _ => return ignored(object),
    };
    let objects = about.iter().filter(|name| !name.starts_with("cs_")).cloned().collect();
    let report = Report { objects, ..report };
    Reading { about, ours: answers::ours(object), report, ask, ignored: false }
}

/// Kept, and without effect.
fn ignored(object: &Value) -> Reading {
    Reading { ours: answers::ours(object), ignored: true, ..Reading::default() }
}

fn session(object: &Value, kind: &str) -> Report {
    let report = answers::session(object);
    match kind {
        "checkout.session.async_payment_failed" => Report {
            state: Some(There::Ended(Ending::Failed)),
            failure: Some(Failure {
                code: "async_payment_failed".to_owned(),
                message: "The customer's bank did not send the money".to_owned(),
            }),
            ..report
        },
        _ => report,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::features::payments::gateway::{Dispute, DisputeStep};
    use crate::kernel::{Currency, Money};

    fn reading(kind: &str, object: Value) -> Reading {
        let body = json!({ "id": "evt_1", "type": kind, "livemode": false, "data": { "object": object } });
        read(&Event { id: "evt_1".to_owned(), kind: kind.to_owned(), body })
    }

    fn jod(minor: i64) -> Money {
        Money::from_minor(minor, Currency::JOD)
    }

    #[test]
    fn a_dispute_is_followed_from_its_opening_to_its_end() {
        for (kind, status, what) in [
            ("created", "needs_response", DisputeStep::Opened),
            ("updated", "under_review", DisputeStep::Opened),
            ("updated", "lost", DisputeStep::Closed { lost: true }),
            ("funds_withdrawn", "needs_response", DisputeStep::Withdrawn(jod(4_250))),
            ("funds_reinstated", "won", DisputeStep::Reinstated(jod(4_250))),
            ("closed", "won", DisputeStep::Closed { lost: false }),
            ("closed", "lost", DisputeStep::Closed { lost: true }),
            ("closed", "warning_closed", DisputeStep::Closed { lost: false }),
        ] {
            let dispute = json!({ "id": "du_1", "status": status, "amount": 4250, "currency": "jod", "charge": "ch_1",
                "payment_intent": "pi_1" });
            let reading = reading(&format!("charge.dispute.{kind}"), dispute);
            assert_eq!(reading.about, ["pi_1", "ch_1"]);
            assert_eq!(reading.report.dispute, Some(Dispute { object: "du_1".to_owned(), what }), "{kind} {status}");
        }
    }

    #[test]
    fn a_charge_that_has_settled_has_stripe_asked_for_its_fee() {
        let charge = |balance: Value| {
            json!({ "id": "ch_1", "status": "succeeded", "captured": true, "amount_captured": 4250, "currency": "jod",
                "payment_intent": "pi_1", "balance_transaction": balance })
        };
        let later = reading("charge.updated", charge(Value::Null));
        assert!(!later.ask && !later.ignored);
        let now = reading("charge.updated", charge(json!("txn_1")));
        assert!(now.ask);
        assert_eq!(now.about, ["pi_1", "ch_1"]);
        let told = reading("charge.updated", charge(json!({ "id": "txn_1", "fee": 153, "currency": "jod" })));
        assert!(!told.ask);
        assert_eq!(told.report.captures[0].fee, Some(jod(153)));
        let failed =
            reading("charge.updated", json!({ "id": "ch_1", "status": "failed", "amount_captured": 0, "currency": "jod" }));
        assert!(failed.ignored);
    }

    #[test]
    fn a_slow_method_that_failed_ends_the_attempt() {
        let session = json!({ "id": "cs_1", "status": "complete", "payment_status": "unpaid", "payment_intent": "pi_1" });
        let reading = reading("checkout.session.async_payment_failed", session);
        assert_eq!(reading.report.state, Some(There::Ended(Ending::Failed)));
        assert_eq!(reading.report.failure.expect("a failure").code, "async_payment_failed");
    }

    #[test]
    fn an_intent_that_does_not_know_its_charge_books_nothing_by_itself() {
        let intent = json!({ "id": "pi_1", "status": "succeeded", "amount_received": 4250, "currency": "jod" });
        let reading = reading("payment_intent.succeeded", intent);
        assert!(reading.ask && reading.report.captures.is_empty());
    }

    #[test]
    fn a_warning_of_fraud_is_a_note() {
        let warning = json!({ "id": "issfr_1", "charge": "ch_1", "fraud_type": "made_with_stolen_card" });
        let reading = reading("radar.early_fraud_warning.created", warning);
        assert_eq!(reading.about, ["ch_1"]);
        assert!(reading.report.note.expect("a note").contains("made with stolen card"));
    }

    #[test]
    fn a_message_hands_nobody_on() {
        let intent = json!({ "id": "pi_1", "status": "requires_payment_method", "client_secret": "pi_1_secret_2" });
        let report = reading("payment_intent.payment_failed", intent).report;
        assert_eq!((report.handover, report.raw), (None, None));
    }

    #[test]
    fn what_means_nothing_here_is_ignored() {
        for kind in ["payment_intent.processing", "payment_intent.created", "customer.created", "charge.succeeded", ""] {
            assert!(reading(kind, json!({ "id": "x_1" })).ignored, "{kind}");
        }
        let event = Event { id: "evt_1".to_owned(), kind: "payment_intent.succeeded".to_owned(), body: json!("?") };
        assert!(read(&event).ignored);
    }

    fn verdict(values: &[&str], body: &str, is_live: Option<bool>) -> Verdict {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, value.parse().expect("a header"));
        }
        Endpoint::new(["whsec_1"].into_iter(), is_live).verify(&headers, body.as_bytes(), UtcMs::from_ms(1_000_000))
    }

    fn signed(body: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"whsec_1");
        format!("t=1000,v1={}", signature(&key, "1000", body.as_bytes()))
    }

    #[test]
    fn an_event_of_the_other_mode_is_not_for_us() {
        let body = r#"{"id":"evt_1","type":"customer.created","livemode":true}"#;
        assert!(matches!(verdict(&[&signed(body)], body, Some(true)), Verdict::Genuine(_)));
        assert!(matches!(verdict(&[&signed(body)], body, None), Verdict::Genuine(_)));
        assert_eq!(verdict(&[&signed(body)], body, Some(false)), Verdict::NotForUs);
        assert!(matches!(verdict(&["t=1000,v1=0"], body, Some(false)), Verdict::Forged { .. }), "the signature comes first");
    }

    #[test]
    fn what_is_doubled_is_refused() {
        let body = r#"{"id":"evt_1","type":"customer.created"}"#;
        let right = signed(body);
        assert!(matches!(verdict(&[&right], body, None), Verdict::Genuine(_)));
        assert!(matches!(verdict(&[&right, &right], body, None), Verdict::Forged { .. }));
        assert!(matches!(verdict(&[&format!("t=1000,{right}")], body, None), Verdict::Forged { .. }));
        assert!(matches!(verdict(&[&right.replace("t=", "t=+")], body, None), Verdict::Forged { .. }));
    }

    #[test]
    fn what_is_signed_and_no_event_is_refused() {
        for body in ["", "[]", "{}", "not json", r#"{"id":"evt_1"}"#] {
            assert!(matches!(verdict(&[&signed(body)], body, None), Verdict::Forged { .. }), "{body}");
        }
    }
}
