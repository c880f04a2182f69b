//! Giving money back: the row first, then the way. Offline it is done at once; a gateway is asked by a job.

use super::model::{Entry, Failure, Kind, NewRefund, Refund};
use super::{book, outside, rules, sql};
use crate::db::WriteTx;
use crate::jobs::{self, NewJob};
use crate::kernel::{Actor, DomainEvent, Fault, OrderId, PaymentId, RefundId, RefundStatus, Result};

/// The kind of the jobs that ask a gateway; the key is the refund's id. `payments` has their handler.
pub const REFUND_JOB: &str = "payments.refund";
/// Tries; with the engine's back-off they reach over four days.
const MAX_ATTEMPTS: i64 = 100;

/// Begins a refund of at most what is left of its payment, and has it carried out: at once where no gateway is needed, else by a
/// job. One that the provider has made by itself (`object` is there) needs nobody to ask for it: who tells of it says how it ended.
///
/// # Errors
/// A fault, also where more is asked than is left: who asks has checked [`super::refundable`] in the same transaction.
pub fn start_refund(tx: &mut WriteTx<'_>, new: &NewRefund<'_>) -> Result<RefundId> {
    let payment = sql::payment(tx, new.payment)?.ok_or_else(|| Fault::because("a payment that is refunded is there"))?;
    if new.amount_minor <= 0 || new.amount_minor > sql::refundable(tx, new.payment)? {
        return Err(Fault::because("a refund is above zero and at most what is left of its payment").into());
    }
    let id = RefundId::from_uuid(tx.new_id());
    sql::insert_refund(tx, id, &payment, new)?;
    if payment.method.is_offline() {
        finish_refund(tx, id, RefundStatus::Succeeded, None, None, new.by)?;
    } else if new.object.is_none() {
        ask_for(tx, id)?;
    }
    Ok(id)
}

/// Begins refunds of all that is left of an order's payments. What they are is told, so that the order's sums can follow. A gateway
/// gives back what it captured, capture by capture: so a payment that captured twice gets two refunds.
///
/// # Errors
/// A fault.
pub fn refund_all(tx: &mut WriteTx<'_>, order: OrderId, reason: Option<&str>, by: Actor) -> Result<Vec<RefundId>> {
    let mut begun = Vec::new();
    for payment in sql::payments_of(tx, order)? {
        let left = sql::refundable(tx, payment.id)?;
        let captures = sql::refunds::captures_left(tx, order, payment.id)?;
        let captures: Vec<i64> = captures.iter().map(|capture| capture.left_minor).collect();
        for amount_minor in rules::by_capture(left, &captures) {
            let new = NewRefund { payment: payment.id, amount_minor, reason, lines: None, object: None, by };
            begun.push(start_refund(tx, &new)?);
        }
    }
    Ok(begun)
}

/// Begins the refund of money that came in another currency than its order's, which stands in no ledger: `amount_minor` of `currency`,
/// captured under the name `capture`.
///
/// # Errors
/// A fault.
pub fn refund_parked(
    tx: &mut WriteTx<'_>,
    payment: PaymentId,
    parked: (i64, &str, &str),
    reason: Option<&str>,
    by: Actor,
) -> Result<RefundId> {
    let payment = sql::payment(tx, payment)?.ok_or_else(|| Fault::because("a payment that is refunded is there"))?;
    let id = RefundId::from_uuid(tx.new_id());
    sql::refunds::insert_parked(tx, id, &payment, parked, reason, by)?;
    ask_for(tx, id)?;
    Ok(id)
}

/// Keeps that parked money went back without being asked for by us, under the gateway's name for it. Nothing of it stands in the
/// ledger.
///
/// # Errors
/// A fault.
pub fn parked_went_back(tx: &mut WriteTx<'_>, payment: PaymentId, parked: (i64, &str, &str), object: &str) -> Result<RefundId> {
    let payment = sql::payment(tx, payment)?.ok_or_else(|| Fault::because("a payment that is refunded is there"))?;
    let id = RefundId::from_uuid(tx.new_id());
    sql::refunds::insert_parked(tx, id, &payment, parked, Some("refunded outside"), Actor::Gateway)?;
    finish_refund(tx, id, RefundStatus::Succeeded, Some(object), None, Actor::Gateway)?;
    Ok(id)
}

pub(super) fn ask_for(tx: &mut WriteTx<'_>, refund: RefundId) -> Result<()> {
    let key = refund.to_string();
    jobs::enqueue(tx, &NewJob { kind: REFUND_JOB, key: &key, run_at: tx.now(), max_attempts: MAX_ATTEMPTS })
}

/// Notes that a gateway is about to be asked, with what its adapter wants to remember of before and from which captured object the
/// money is taken; the first of each stays.
///
/// # Errors
/// A fault.
pub fn note_refund_sent(tx: &mut WriteTx<'_>, refund: RefundId, memo: Option<&str>, capture: Option<&str>) -> Result<()> {
    sql::refunds::note_sent(tx, refund, memo, capture)
}

/// Every refund that waits counts as one that its gateway was asked for, so that it is asked what became of it before anything is sent: a
/// shop that was restored does not know what the one before it has sent. How many nobody had sent.
///
/// # Errors
/// A fault.
pub fn doubt_all_refunds(tx: &mut WriteTx<'_>) -> Result<usize> {
    sql::refunds::doubt_all(tx)
}

/// Notes that a gateway does not know a refund that it was asked for; the first moment stays.
///
/// # Errors
/// A fault.
pub fn note_refund_lost(tx: &mut WriteTx<'_>, refund: RefundId) -> Result<()> {
    sql::refunds::note_lost(tx, refund)
}

/// Says how a refund stands, as often as somebody tells it: a success is booked once, and taken back once if it failed after all.
/// One that was taken for failed and has succeeded all the same is booked, because the money is gone; one whose success was taken
/// back stays failed, whatever older message still comes. `false` if nothing changed. The order's sums are the caller's to set
/// (`orders::money_moved`).
///
/// # Errors
/// A fault.
pub fn finish_refund(
    tx: &mut WriteTx<'_>,
    refund: RefundId,
    status: RefundStatus,
    object: Option<&str>,
    failure: Option<&Failure>,
    by: Actor,
) -> Result<bool> {
    let before = sql::refund(tx, refund)?.ok_or_else(|| Fault::because("a refund that ends is there"))?;
    let object = object.or(before.object.as_deref());
    let is_new = before.object.as_deref() != object;
    let done = match (before.status, status) {
        (RefundStatus::Pending, RefundStatus::Pending) => is_new,
        (RefundStatus::Pending, RefundStatus::Failed) => true,
        (RefundStatus::Pending, RefundStatus::Succeeded) => book_success(tx, &before, object, by)?,
        (RefundStatus::Failed, RefundStatus::Succeeded) => {
            !sql::refunds::is_reversed(tx, &before)? && book_success(tx, &before, object, by)?
        }
        (RefundStatus::Succeeded, RefundStatus::Failed) => {
            book_refund(tx, &before, Kind::RefundReversed, object, by)?;
            true
        }
        // What is done or has failed is not pending again because an old message says so.
        (RefundStatus::Succeeded | RefundStatus::Failed, RefundStatus::Pending)
        | (RefundStatus::Succeeded, RefundStatus::Succeeded)
        | (RefundStatus::Failed, RefundStatus::Failed) => false,
    };
    if done {
        sql::set_refund(tx, refund, status, object, failure)?;
        // Of money that was never booked for the order, its customer was told nothing either.
        if status == RefundStatus::Succeeded && before.currency.is_none() {
            tx.record(DomainEvent::RefundMade { order: before.order, refund });
        }
    }
    Ok(done)
}

/// Books that money went back; `false` if more would have gone back than was taken, which no gateway should tell.
fn book_success(tx: &mut WriteTx<'_>, refund: &Refund, object: Option<&str>, by: Actor) -> Result<bool> {
    let late = refund.status == RefundStatus::Failed;
    let payment = sql::payment(tx, refund.payment)?.ok_or_else(|| Fault::because("a payment that is refunded is there"))?;
    let fits = refund.currency.is_some()
        || payment.captured_minor - payment.refunded_minor >= refund.amount_minor
            && (!late || outside::make_room(tx, refund.payment, refund.amount_minor)?);
    if fits {
        book_refund(tx, refund, Kind::Refunded, object, by)?;
    } else {
        tracing::error!(refund = %refund.id, "a gateway says that it gave back more than was taken; it is not booked");
    }
    Ok(fits)
}

fn book_refund(tx: &mut WriteTx<'_>, refund: &Refund, kind: Kind, object: Option<&str>, by: Actor) -> Result<()> {
    // It was never booked that this money came: it was in another currency.
    if refund.currency.is_some() {
        return Ok(());
    }
    let reason = refund.reason.as_deref();
    let entry = Entry { refund: Some(refund.id), object, reason, ..Entry::of(refund.payment, kind, refund.amount_minor, by) };
    if !book(tx, &entry)? {
        return Err(Fault::because("a refund's object is booked with another refund").into());
    }
    Ok(())
}
