//! Giving money back: the row first, then the way. Offline it is done at once; a gateway is asked by a job.

use super::model::{Entry, Failure, Kind, NewRefund, Refund};
use super::{book, sql};
use crate::db::WriteTx;
use crate::jobs::{self, NewJob};
use crate::kernel::{Actor, Fault, OrderId, RefundId, RefundStatus, Result};

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
        let key = id.to_string();
        jobs::enqueue(tx, &NewJob { kind: REFUND_JOB, key: &key, run_at: tx.now(), max_attempts: MAX_ATTEMPTS })?;
    }
    Ok(id)
}

/// Begins refunds of all that is left of an order's payments. What they are is told, so that the order's sums can follow.
///
/// # Errors
/// A fault.
pub fn refund_all(tx: &mut WriteTx<'_>, order: OrderId, reason: Option<&str>, by: Actor) -> Result<Vec<RefundId>> {
    let mut begun = Vec::new();
    for payment in sql::payments_of(tx, order)? {
        let left = sql::refundable(tx, payment.id)?;
        if left > 0 {
            let new = NewRefund { payment: payment.id, amount_minor: left, reason, lines: None, object: None, by };
            begun.push(start_refund(tx, &new)?);
        }
    }
    Ok(begun)
}

/// Notes that a gateway is about to be asked, with what its adapter wants to remember of before; the first moment stays.
///
/// # Errors
/// A fault.
pub fn note_refund_sent(tx: &mut WriteTx<'_>, refund: RefundId, memo: Option<&str>) -> Result<()> {
    sql::note_refund_sent(tx, refund, memo)
}

/// Says how a refund stands, as often as somebody tells it: a success is booked once, and taken back once if it failed after all.
/// `false` if nothing changed. The order's sums are the caller's to set (`orders::money_moved`).
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
    match (before.status, status) {
        (_, RefundStatus::Pending) if before.object.as_deref() == object => return Ok(false),
        // What is done or has failed is not pending again because an old message says so.
        (RefundStatus::Succeeded | RefundStatus::Failed, RefundStatus::Pending) => return Ok(false),
        (RefundStatus::Pending, RefundStatus::Succeeded) => book_refund(tx, &before, Kind::Refunded, object, by)?,
        (RefundStatus::Succeeded, RefundStatus::Failed) => book_refund(tx, &before, Kind::RefundReversed, object, by)?,
        // A refund that has failed for good was begun anew by staff as another one; its own success comes too late to be ours.
        (RefundStatus::Failed, RefundStatus::Succeeded)
        | (RefundStatus::Succeeded, RefundStatus::Succeeded)
        | (RefundStatus::Failed, RefundStatus::Failed) => return Ok(false),
        (RefundStatus::Pending, RefundStatus::Pending | RefundStatus::Failed) => {}
    }
    sql::set_refund(tx, refund, status, object, failure)?;
    Ok(true)
}

fn book_refund(tx: &mut WriteTx<'_>, refund: &Refund, kind: Kind, object: Option<&str>, by: Actor) -> Result<()> {
    let reason = refund.reason.as_deref();
    let entry = Entry { refund: Some(refund.id), object, reason, ..Entry::of(refund.payment, kind, refund.amount_minor, by) };
    if !book(tx, &entry)? {
        return Err(Fault::because("a refund's object is booked with another refund").into());
    }
    Ok(())
}
