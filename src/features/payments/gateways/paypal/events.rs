//! What PayPal's messages mean (PROVIDERS 3.4).

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::client::name;
use super::orders::{
    CaptureThere, RefundThere, Unreadable, add_capture, failure, is_number_of_a_refund, refund_told, says_whose,
};
use crate::features::payments::gateway::{Dispute, DisputeStep, Ending, Event, Reading, Report, There};
use crate::kernel::{PaymentId, RefundStatus};

/// An order, or what names one.
#[derive(Debug, Deserialize)]
struct OrderNamed {
    id: Option<String>,
    order_id: Option<String>,
    #[serde(default)]
    purchase_units: Vec<Unit>,
}

#[derive(Debug, Deserialize)]
struct Unit {
    custom_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Case {
    dispute_id: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    disputed_transactions: Vec<Disputed>,
    dispute_outcome: Option<Outcome>,
}

#[derive(Debug, Deserialize)]
struct Disputed {
    seller_transaction_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Outcome {
    outcome_code: Option<String>,
}

/// Reads a message. What cannot be read is ignored, unless it speaks of money: then PayPal is asked.
pub(super) fn read(event: &Event) -> Reading {
    let resource = event.body.get("resource").unwrap_or(&Value::Null);
    let reading = match event.kind.as_str() {
        "CHECKOUT.ORDER.APPROVED" => order(resource, There::Approved),
        "CHECKOUT.PAYMENT-APPROVAL.REVERSED" => order(resource, There::Ended(Ending::Failed)),
        "PAYMENT.CAPTURE.COMPLETED" => capture(resource, "COMPLETED"),
        "PAYMENT.CAPTURE.PENDING" => capture(resource, "PENDING"),
        "PAYMENT.CAPTURE.DECLINED" | "PAYMENT.CAPTURE.DENIED" => capture(resource, "DECLINED"),
        "PAYMENT.CAPTURE.REFUNDED" => refund(resource, RefundStatus::Succeeded),
        "PAYMENT.CAPTURE.REVERSED" => reversed(resource),
        "PAYMENT.REFUND.PENDING" => refund(resource, RefundStatus::Pending),
        "PAYMENT.REFUND.FAILED" => refund(resource, RefundStatus::Failed),
        "CUSTOMER.DISPUTE.CREATED" | "CUSTOMER.DISPUTE.UPDATED" | "CUSTOMER.DISPUTE.RESOLVED" => {
            dispute(resource, event.kind.ends_with("RESOLVED"))
        }
        _ => None,
    };
    reading.unwrap_or_else(|| Reading { ignored: true, ..Reading::default() })
}

fn parsed<T: DeserializeOwned>(resource: &Value) -> Option<T> {
    T::deserialize(resource).ok()
}

fn order(resource: &Value, state: There) -> Option<Reading> {
    let order: OrderNamed = parsed(resource)?;
    let id = order.order_id.as_deref().or(order.id.as_deref()).and_then(name)?.to_owned();
    let ours = order.purchase_units.iter().filter_map(|unit| unit.custom_id.as_deref()).find_map(PaymentId::parse);
    let failed = matches!(state, There::Ended(_));
    let report = Report {
        state: Some(state),
        reference: Some(id.clone()),
        failure: failed.then(|| failure("PAYMENT_APPROVAL_REVERSED", "PayPal took the buyer's consent back.")),
        ..Report::default()
    };
    Some(Reading { about: vec![id], ours, report, ..Reading::default() })
}

/// `status` is what the message's kind says; it counts where the resource says nothing itself.
fn capture(resource: &Value, status: &str) -> Option<Reading> {
    let mut capture: CaptureThere = parsed(resource)?;
    let about: Vec<String> = [name(&capture.id), capture.order()].into_iter().flatten().map(str::to_owned).collect();
    if capture.status.is_empty() {
        status.clone_into(&mut capture.status);
    }
    let mut report = Report { reference: capture.order().map(str::to_owned), ..Report::default() };
    let ask = add_capture(&mut report, &capture).is_err();
    if ask {
        report = Report::default();
    }
    let ours = capture.custom_id.as_deref().and_then(PaymentId::parse);
    Some(Reading { about, ours, report, ask, ignored: false })
}

/// The resource is the refund; its `up` link names the capture.
fn refund(resource: &Value, otherwise: RefundStatus) -> Option<Reading> {
    let refund: RefundThere = parsed(resource)?;
    let told = refund_told(&refund, otherwise, |_| is_number_of_a_refund(refund.invoice_id.as_deref()));
    Some(with_refund(&refund, told.map(|told| vec![told])))
}

/// PayPal took the money back: like a refund from outside, under a dispute. The resource is a refund, or else the capture itself.
fn reversed(resource: &Value) -> Option<Reading> {
    let refund: RefundThere = parsed(resource)?;
    let told = refund_told(&refund, RefundStatus::Succeeded, |_| false);
    let mut reading = with_refund(
        &refund,
        told.map(|mut told| {
            // Whatever the capture's own status is called, the message says that the money has gone.
            told.status = RefundStatus::Succeeded;
            told.failure = None;
            vec![told]
        }),
    );
    reading.report.dispute = Some(Dispute { object: refund.id.clone(), what: DisputeStep::Opened });
    reading.report.note = Some("PayPal reversed the payment and took the money back.".to_owned());
    Some(reading)
}

fn with_refund(refund: &RefundThere, told: Result<Vec<crate::features::payments::gateway::RefundTold>, Unreadable>) -> Reading {
    let about = [name(&refund.id), refund.capture(), refund.order()];
    let about: Vec<String> = about.into_iter().flatten().map(str::to_owned).collect();
    let ask = told.is_err();
    let refunds = told.unwrap_or_default();
    let says_whose = refunds.iter().all(|told| says_whose(refund, told));
    Reading { about, report: Report { refunds, says_whose, ..Report::default() }, ask, ..Reading::default() }
}

/// Money that moves by a dispute comes by messages of its own.
fn dispute(resource: &Value, is_resolved: bool) -> Option<Reading> {
    let case: Case = parsed(resource)?;
    let transactions = case.disputed_transactions.iter().filter_map(|one| one.seller_transaction_id.as_deref());
    let about: Vec<String> = transactions.filter_map(name).map(str::to_owned).collect();
    let outcome = case.dispute_outcome.and_then(|outcome| outcome.outcome_code);
    let what = if is_resolved || case.status == "RESOLVED" {
        DisputeStep::Closed { lost: matches!(outcome.as_deref(), Some("RESOLVED_BUYER_FAVOUR" | "ACCEPTED")) }
    } else {
        DisputeStep::Opened
    };
    let note = format!("PayPal's case {}: {}", case.dispute_id, outcome.unwrap_or(case.status));
    let report = Report { dispute: Some(Dispute { object: case.dispute_id, what }), note: Some(note), ..Report::default() };
    Some(Reading { about, report, ..Reading::default() })
}
