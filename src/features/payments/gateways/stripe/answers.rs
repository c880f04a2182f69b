//! What Stripe's objects say (PROVIDERS 2.2, 2.3). What may be expanded comes as an object or as its bare id.

use serde_json::Value;

use crate::features::money::Failure;
use crate::features::payments::gateway::{
    BookKind, BookLine, Capture, Dispute, DisputeStep, Ending, RefundReport, RefundTold, Report, There,
};
use crate::features::payments::gateways::amounts::from_stripe;
use crate::kernel::time::span::SECOND_MS;
use crate::kernel::{Currency, Money, PaymentId, RefundId, RefundStatus, UtcMs};

use super::client::clean;

pub(super) fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str().filter(|text| !text.is_empty())
}

fn whole(object: &Value, name: &str) -> Option<i64> {
    object.get(name)?.as_i64()
}

/// The id of what a field points to.
pub(super) fn id_in<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    let field = object.get(name)?;
    field.as_str().or_else(|| text(field, "id")).filter(|id| !id.is_empty())
}

/// What a field points to, where it was expanded.
pub(super) fn object_in<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|field| field.is_object())
}

/// A page of a list, and whether there is more.
pub(super) fn whole_list(page: &Value) -> Option<(&[Value], bool)> {
    Some((page.get("data")?.as_array()?, page.get("has_more")?.as_bool()?))
}

/// Our attempt, by what we wrote on the object.
pub(super) fn ours(object: &Value) -> Option<PaymentId> {
    PaymentId::parse(text(object.get("metadata")?, "transaction_id")?)
}

/// Our refund, by what we wrote on it.
pub(super) fn our_refund(refund: &Value) -> Option<RefundId> {
    RefundId::parse(text(refund.get("metadata")?, "refund_id")?)
}

/// The amount in a field, in the object's own currency.
pub(super) fn money(object: &Value, name: &str) -> Option<Money> {
    let currency = Currency::from_code(&text(object, "currency")?.to_ascii_uppercase())?;
    from_stripe(whole(object, name)?, currency)
}

/// The intent of an object and its charge: the names by which events speak of the same payment.
pub(super) fn names(object: &Value, fields: &[&str]) -> Vec<String> {
    fields.iter().filter_map(|field| id_in(object, field)).map(str::to_owned).collect()
}

/// A session, with its intent where that was expanded.
pub(super) fn session(session: &Value) -> Report {
    let intent = object_in(session, "payment_intent");
    let mut report = intent.map(payment_intent).unwrap_or_default();
    let mut objects = names(session, &["payment_intent"]);
    objects.append(&mut report.objects);
    objects.dedup();
    Report {
        state: if report.captures.is_empty() { session_state(session, intent.is_some(), report.state) } else { None },
        reference: text(session, "id").map(str::to_owned),
        objects,
        ..report
    }
}

fn session_state(session: &Value, knows_intent: bool, intent: Option<There>) -> Option<There> {
    match (text(session, "status")?, text(session, "payment_status")) {
        ("expired", _) => Some(There::Ended(Ending::Expired)),
        // Its money is told under the charge's name, which the intent knows.
        (_, Some("paid")) => None,
        ("complete", _) => match intent {
            // The slow method has said no, and a session that is complete takes no other.
            Some(There::Open | There::Ended(_)) if knows_intent => Some(There::Ended(Ending::Failed)),
            _ => Some(There::Underway),
        },
        ("open", _) => match intent {
            Some(state @ (There::Underway | There::NeedsAction)) => Some(state),
            _ => Some(There::Open),
        },
        _ => None,
    }
}

/// Whether a session says that its money came.
pub(super) fn is_paid(session: &Value) -> bool {
    text(session, "payment_status") == Some("paid")
}

/// An intent, with its charge and that one's balance where those were expanded. Money is booked under the charge's name.
pub(super) fn payment_intent(intent: &Value) -> Report {
    let status = text(intent, "status").unwrap_or_default();
    let charge = charge_of(intent);
    let mut report = Report {
        state: match status {
            "requires_payment_method" | "requires_confirmation" | "requires_capture" => Some(There::Open),
            "requires_action" => Some(There::NeedsAction),
            "processing" => Some(There::Underway),
            "canceled" => Some(There::Ended(Ending::Cancelled)),
            _ => None,
        },
        objects: names(intent, &["id"]).into_iter().chain(charge.map(str::to_owned)).collect(),
        failure: failure(intent).filter(|_| status != "succeeded"),
        ..Report::default()
    };
    match status {
        "succeeded" => match (charge.or_else(|| text(intent, "id")), money(intent, "amount_received")) {
            (Some(object), Some(amount)) => {
                let fee = object_in(intent, "latest_charge").and_then(fee);
                report.captures.push(Capture { object: object.to_owned(), amount, fee });
            }
            _ => report.note = Some(told(intent, "was paid, and its amount cannot be read")),
        },
        "requires_capture" => {
            report.note =
                Some(told(intent, "holds the customer's money without taking it; the shop never asks Stripe for that"));
        }
        _ => {}
    }
    report
}

/// Versions of before 2022-11-15, in which an endpoint's events may come, have the charges in a list.
pub(super) fn charge_of(intent: &Value) -> Option<&str> {
    id_in(intent, "latest_charge").or_else(|| text(intent.get("charges")?.get("data")?.get(0)?, "id"))
}

fn failure(intent: &Value) -> Option<Failure> {
    let error = object_in(intent, "last_payment_error")?;
    let code = text(error, "decline_code").or_else(|| text(error, "code")).or_else(|| text(error, "type"))?;
    Some(Failure { code: code.to_owned(), message: clean(text(error, "message").unwrap_or_default()) })
}

/// What Stripe keeps of a charge, in the currency it settles in; `None` until it has settled.
pub(super) fn fee(charge: &Value) -> Option<Money> {
    money(object_in(charge, "balance_transaction")?, "fee")
}

/// What a charge has taken.
pub(super) fn charge(charge: &Value) -> Option<Capture> {
    let is_taken = text(charge, "status") == Some("succeeded") && charge.get("captured") != Some(&Value::Bool(false));
    let amount = money(charge, "amount_captured").filter(|amount| is_taken && amount.minor() > 0)?;
    Some(Capture { object: text(charge, "id")?.to_owned(), amount, fee: fee(charge) })
}

/// Whether some of an intent's charge was given back; single refunds are to be asked for.
pub(super) fn was_refunded(report_of: &Value) -> bool {
    let intent = object_in(report_of, "payment_intent").unwrap_or(report_of);
    object_in(intent, "latest_charge").and_then(|charge| whole(charge, "amount_refunded")).is_some_and(|amount| amount > 0)
}

fn refund_status(refund: &Value) -> RefundStatus {
    match text(refund, "status") {
        Some("succeeded") => RefundStatus::Succeeded,
        Some("failed" | "canceled") => RefundStatus::Failed,
        _ => RefundStatus::Pending,
    }
}

fn refund_failure(refund: &Value) -> Option<Failure> {
    if refund_status(refund) != RefundStatus::Failed {
        return None;
    }
    let code = text(refund, "failure_reason").or_else(|| text(refund, "status")).unwrap_or("failed");
    Some(Failure {
        code: code.to_owned(),
        message: format!("Stripe could not carry out the refund: {}", code.replace('_', " ")),
    })
}

/// A refund among others.
pub(super) fn refund_told(refund: &Value) -> Option<RefundTold> {
    Some(RefundTold {
        object: text(refund, "id")?.to_owned(),
        ours: our_refund(refund),
        amount: money(refund, "amount")?,
        status: refund_status(refund),
        failure: refund_failure(refund),
    })
}

/// A refund that was asked for.
pub(super) fn refund(refund: &Value) -> RefundReport {
    RefundReport {
        status: refund_status(refund),
        object: text(refund, "id").map(str::to_owned),
        failure: refund_failure(refund),
        raw: Some(refund.clone()),
    }
}

/// Where a dispute stands after an event of that kind.
pub(super) fn dispute(dispute: &Value, kind: &str) -> Option<Dispute> {
    let status = text(dispute, "status").unwrap_or_default();
    let what = match kind {
        "charge.dispute.funds_withdrawn" => DisputeStep::Withdrawn(money(dispute, "amount")?),
        "charge.dispute.funds_reinstated" => DisputeStep::Reinstated(money(dispute, "amount")?),
        _ if matches!(status, "won" | "lost" | "warning_closed" | "prevented") => {
            DisputeStep::Closed { lost: status == "lost" }
        }
        "charge.dispute.closed" => DisputeStep::Closed { lost: false },
        _ => DisputeStep::Opened,
    };
    Some(Dispute { object: text(dispute, "id")?.to_owned(), what })
}

/// A line of the balance, where it is a customer's money; the source's amount is in the order's currency, the line's in the one that
/// Stripe settles in.
pub(super) fn book_line(line: &Value) -> Option<BookLine> {
    let (kind, field) = match text(line, "type")? {
        "charge" | "payment" => (BookKind::Captured, "amount_captured"),
        "refund" | "payment_refund" => (BookKind::Refunded, "amount"),
        _ => return None,
    };
    let amount = match object_in(line, "source") {
        Some(source) => money(source, field)?,
        None => {
            let settled = money(line, "amount")?;
            Money::from_minor(settled.minor().abs(), settled.currency())
        }
    };
    let at = UtcMs::from_ms(whole(line, "created")?.saturating_mul(SECOND_MS));
    let of = object_in(line, "source").map(|source| names(source, &["charge", "payment_intent"])).unwrap_or_default();
    Some(BookLine { object: id_in(line, "source")?.to_owned(), of, kind, amount, at })
}

fn told(object: &Value, what: &str) -> String {
    format!("Stripe's {} {what}", text(object, "id").unwrap_or("payment"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn jod(minor: i64) -> Money {
        Money::from_minor(minor, Currency::JOD)
    }

    fn intent(status: &str) -> Value {
        json!({ "id": "pi_1", "status": status, "amount": 4250, "amount_received": 4250, "currency": "jod", "latest_charge": null })
    }

    #[test]
    fn money_is_booked_by_its_charge_whether_that_is_expanded_or_not() {
        let mut bare = intent("succeeded");
        bare["latest_charge"] = json!("ch_1");
        assert_eq!(payment_intent(&bare).captures, [Capture { object: "ch_1".to_owned(), amount: jod(4_250), fee: None }]);

        let mut whole = intent("succeeded");
        whole["latest_charge"] = json!({ "id": "ch_1", "balance_transaction": { "id": "txn_1", "amount": 599, "fee": 47, "net": 552, "currency": "usd" } });
        let dollars = Money::from_minor(47, Currency::from_code("USD").expect("known"));
        let report = payment_intent(&whole);
        assert_eq!(report.captures, [Capture { object: "ch_1".to_owned(), amount: jod(4_250), fee: Some(dollars) }]);
        assert_eq!((report.state, report.objects), (None, vec!["pi_1".to_owned(), "ch_1".to_owned()]));

        let paid = json!({ "id": "cs_1", "status": "complete", "payment_status": "paid", "payment_intent": whole });
        let report = session(&paid);
        assert_eq!(report.reference.as_deref(), Some("cs_1"));
        assert_eq!(report.objects, ["pi_1", "ch_1"]);
        assert_eq!(report.captures.len(), 1);

        let mut old = intent("succeeded");
        old["charges"] = json!({ "data": [{ "id": "ch_0" }] });
        assert_eq!(payment_intent(&old).captures[0].object, "ch_0");
        assert_eq!(payment_intent(&intent("succeeded")).captures[0].object, "pi_1");
    }

    #[test]
    fn every_state_of_an_intent_has_its_meaning() {
        for (status, state) in [
            ("requires_payment_method", Some(There::Open)),
            ("requires_confirmation", Some(There::Open)),
            ("requires_action", Some(There::NeedsAction)),
            ("processing", Some(There::Underway)),
            ("requires_capture", Some(There::Open)),
            ("canceled", Some(There::Ended(Ending::Cancelled))),
            ("a_state_of_tomorrow", None),
        ] {
            let report = payment_intent(&intent(status));
            assert_eq!(report.state, state, "{status}");
            assert!(report.captures.is_empty(), "{status}");
            assert_eq!(report.note.is_some(), status == "requires_capture");
        }
    }

    #[test]
    fn every_state_of_a_session_has_its_meaning() {
        let state = |status: &str, paid: &str, intent: Value| {
            session(&json!({ "id": "cs_1", "status": status, "payment_status": paid, "payment_intent": intent })).state
        };
        assert_eq!(state("open", "unpaid", Value::Null), Some(There::Open));
        assert_eq!(state("open", "unpaid", intent("requires_action")), Some(There::NeedsAction));
        assert_eq!(state("open", "unpaid", intent("requires_payment_method")), Some(There::Open));
        assert_eq!(state("open", "unpaid", intent("processing")), Some(There::Underway));
        assert_eq!(state("complete", "unpaid", json!("pi_1")), Some(There::Underway));
        assert_eq!(state("complete", "unpaid", intent("processing")), Some(There::Underway));
        assert_eq!(state("complete", "unpaid", intent("requires_payment_method")), Some(There::Ended(Ending::Failed)));
        assert_eq!(state("complete", "unpaid", intent("canceled")), Some(There::Ended(Ending::Failed)));
        assert_eq!(state("complete", "paid", intent("succeeded")), None);
        assert_eq!(state("expired", "unpaid", intent("canceled")), Some(There::Ended(Ending::Expired)));
    }

    #[test]
    fn a_failed_try_is_told_and_a_mended_one_is_not() {
        let mut tried = intent("requires_payment_method");
        tried["last_payment_error"] = json!({ "type": "card_error", "code": "card_declined", "message": "Declined." });
        let failure = payment_intent(&tried).failure.expect("a failure");
        assert_eq!((failure.code.as_str(), failure.message.as_str()), ("card_declined", "Declined."));
        tried["status"] = json!("succeeded");
        assert_eq!(payment_intent(&tried).failure, None);
    }

    #[test]
    fn every_state_of_a_refund_has_its_meaning() {
        for (status, ours) in [
            ("pending", RefundStatus::Pending),
            ("requires_action", RefundStatus::Pending),
            ("succeeded", RefundStatus::Succeeded),
            ("failed", RefundStatus::Failed),
            ("canceled", RefundStatus::Failed),
        ] {
            let report = refund(&json!({ "id": "re_1", "status": status, "amount": 1000, "currency": "jod" }));
            assert_eq!(report.status, ours, "{status}");
            assert_eq!(report.failure.is_some(), ours == RefundStatus::Failed);
        }
    }

    #[test]
    fn an_amount_of_another_currency_stays_what_it_is() {
        let yen = json!({ "amount": 425, "currency": "jpy" });
        assert_eq!(money(&yen, "amount"), Some(Money::from_minor(425, Currency::from_code("JPY").expect("known"))));
        assert_eq!(money(&json!({ "amount": 425, "currency": "zzz" }), "amount"), None);
        let unreadable = json!({ "id": "pi_1", "status": "succeeded", "amount_received": 425, "currency": "zzz" });
        let report = payment_intent(&unreadable);
        assert!(report.captures.is_empty() && report.note.is_some());
    }

    #[test]
    fn the_books_speak_of_the_orders_currency() {
        let line = json!({ "id": "txn_1", "type": "charge", "amount": 599, "currency": "usd", "created": 1_795_424_400,
            "source": { "id": "ch_1", "amount_captured": 4250, "currency": "jod" } });
        let at = UtcMs::from_ms(1_795_424_400_000);
        let line = book_line(&line).expect("a line");
        let captured = BookKind::Captured;
        assert_eq!(line, BookLine { object: "ch_1".to_owned(), of: vec![], kind: captured, amount: jod(4_250), at });
        let refund = json!({ "id": "txn_2", "type": "refund", "amount": -141, "currency": "usd", "created": 1_795_424_400,
            "source": { "id": "re_1", "amount": 1000, "currency": "jod", "charge": "ch_1", "payment_intent": "pi_1" } });
        assert_eq!(book_line(&refund).expect("a line").of, ["ch_1", "pi_1"]);
        let refund = json!({ "id": "txn_2", "type": "payment_refund", "amount": -1000, "currency": "jod", "created": 1_795_424_400,
            "source": "re_1" });
        assert_eq!(book_line(&refund).expect("a line").amount, jod(1_000));
        assert_eq!(book_line(&json!({ "id": "txn_3", "type": "payout", "amount": -1, "currency": "jod", "created": 1 })), None);
    }
}
