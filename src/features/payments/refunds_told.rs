//! Refunds as a gateway tells of them: ours, and those made outside.

use serde_json::json;

use super::gateway::{RefundTold, Report, Total};
use super::sql::refunds as sql;
use crate::db::WriteTx;
use crate::features::money::{self, Failure, Payment, Refund};
use crate::kernel::{
    Actor, Change, Currency, DomainEvent, Fault, Money, PaymentId, RefundId, RefundStatus, Result, TransactionStatus,
};

/// What staff have decided of parked money, or what became of it without them.
pub(super) const REFUNDED: &str = "refund";

/// Books the refunds that a report tells of a payment; `true` if something changed. `settle` calls it after the captures, and sets
/// the order's sums.
///
/// # Errors
/// A fault, also where a refund is told of money that has not been told yet: then it is told again later.
pub(super) fn refunds_told(tx: &mut WriteTx<'_>, payment: &Payment, report: &Report, by: Actor) -> Result<bool> {
    let mut changed = false;
    for told in &report.refunds {
        changed |= told_one(tx, payment.id, told, report.says_whose, by)?;
    }
    if let Some(total) = &report.refunded_total {
        changed |= told_total(tx, payment.id, total)?;
    }
    Ok(changed)
}

/// Books one refund that is told of a payment; `true` if something changed. `says_whose`: without our id it is surely not ours.
pub(super) fn told_one(
    tx: &mut WriteTx<'_>,
    payment: PaymentId,
    told: &RefundTold,
    says_whose: bool,
    by: Actor,
) -> Result<bool> {
    let payment = of(tx, payment)?;
    let currency = sql::of_order(tx, &payment)?.currency;
    if let Some(refund) = ours(tx, &payment, told, says_whose)? {
        let own = refund.currency.as_deref().unwrap_or(&currency);
        if told.amount.minor() != refund.amount_minor || told.amount.currency().code() != own {
            tracing::error!(refund = %refund.id, told = %told.amount, "a gateway tells of a refund with another amount; it is not booked");
            return Ok(false);
        }
        return stands(tx, refund.id, told.status, Some(&told.object), told.failure.as_ref(), by);
    }
    if told.status == RefundStatus::Failed {
        return Ok(false);
    }
    if is_of_parked(tx, &payment, told)? {
        return Ok(true);
    }
    if told.amount.currency().code() != currency {
        tracing::error!(payment = %payment.id, told = %told.amount, "a gateway tells of a refund in another currency; it is not booked");
        return Ok(false);
    }
    made_outside(tx, &payment, told.amount, &told.object, told.status)
}

fn made_outside(tx: &mut WriteTx<'_>, payment: &Payment, amount: Money, object: &str, status: RefundStatus) -> Result<bool> {
    if payment.captured_minor == 0 && payment.status != TransactionStatus::Parked {
        return Err(Fault::because("a refund is told of a payment whose money was not told yet").into());
    }
    if money::refund_made_outside(tx, payment.id, amount.minor(), object, status)?.is_some() {
        return Ok(true);
    }
    tracing::error!(payment = %payment.id, told = %amount, "a gateway gave back more than was taken; it is not booked");
    Ok(false)
}

/// The refund that is told, if it is one that is known: by our own id, by its name there, or because it is the one of that amount whose
/// gateway was just asked for it and has not answered yet.
fn ours(tx: &WriteTx<'_>, payment: &Payment, told: &RefundTold, says_whose: bool) -> Result<Option<Refund>> {
    let by_name = money::refund_by_object(tx, payment.method, &told.object)?;
    let by_id = told.ours.map(|id| money::refund(tx, id)).transpose()?.flatten();
    // One made outside was taken for it before: then this is another.
    let is_another = |refund: &Refund| refund.object.as_ref().is_some_and(|object| *object != told.object);
    let found = by_id.filter(|refund| !is_another(refund)).or(by_name);
    let in_flight = || match sql::in_flight(tx, payment.id, told.amount.minor(), told.amount.currency().code())? {
        Some(id) => money::refund(tx, id),
        None => Ok(None),
    };
    let found = match found {
        None if told.ours.is_none() && !says_whose && told.status != RefundStatus::Failed => in_flight()?,
        found => found,
    };
    Ok(found.filter(|refund| refund.payment == payment.id))
}

/// Parked money that somebody gave back in the gateway's own dashboard waits for nobody any more. Its refund is kept by its name, so
/// that it is known when it is told again.
fn is_of_parked(tx: &mut WriteTx<'_>, payment: &Payment, told: &RefundTold) -> Result<bool> {
    let Some(parked) = sql::parked(tx, payment.id)?.filter(|parked| parked.resolved.is_none()) else { return Ok(false) };
    let is_it = told.amount.minor() == parked.amount_minor && told.amount.currency().code() == parked.currency;
    if !is_it
        || payment.captured_minor - payment.refunded_minor >= parked.amount_minor
        || told.status != RefundStatus::Succeeded
    {
        return Ok(false);
    }
    sql::set_resolved(tx, payment.id, &parked, Some(REFUNDED))?;
    let what = (parked.amount_minor, parked.currency.as_str(), parked.object.as_str());
    money::parked_went_back(tx, payment.id, what, &told.object)?;
    let failure = Failure { code: "did_not_fit".to_owned(), message: "What came did not fit, and went back.".to_owned() };
    if payment.captured_minor == 0 {
        money::set_status(tx, payment.id, TransactionStatus::Failed, Some(&failure))?;
    }
    Ok(true)
}

/// Books all that was given back of a payment so far, where single refunds are not told. Our own refunds explain it first, also those
/// that the gateway was asked for and whose end is not known; what is left was made outside.
fn told_total(tx: &mut WriteTx<'_>, payment: PaymentId, total: &Total) -> Result<bool> {
    let payment = of(tx, payment)?;
    let currency = sql::of_order(tx, &payment)?.currency;
    if total.amount.currency().code() != currency {
        tracing::error!(payment = %payment.id, told = %total.amount, "a gateway tells of refunds in another currency; they are not booked");
        return Ok(false);
    }
    let outside = total.amount.minor() - payment.refunded_minor - sql::explained_minor(tx, payment.id, &currency)?;
    if outside <= 0 {
        return Ok(false);
    }
    // One name tells several sums where a provider names the sale and not the refund.
    let is_taken = money::refund_by_object(tx, payment.method, &total.object)?.is_some();
    let object = if is_taken { format!("{}:{}", total.object, total.amount.minor()) } else { total.object.clone() };
    if is_taken && money::refund_by_object(tx, payment.method, &object)?.is_some() {
        return Ok(false);
    }
    let currency = Currency::from_code(&currency).ok_or_else(|| Fault::because("an order's currency is known"))?;
    made_outside(tx, &payment, Money::from_minor(outside, currency), &object, RefundStatus::Succeeded)
}

/// Says how a refund of ours stands. One that fails is told to the audit log, because nobody waits for its answer; parked money whose
/// refund failed waits for staff again.
pub(super) fn stands(
    tx: &mut WriteTx<'_>,
    refund: RefundId,
    status: RefundStatus,
    object: Option<&str>,
    failure: Option<&Failure>,
    by: Actor,
) -> Result<bool> {
    let before = money::refund(tx, refund)?.ok_or_else(|| Fault::because("a refund that ends is there"))?;
    if !money::finish_refund(tx, refund, status, object, failure, by)? {
        return Ok(false);
    }
    let of_parked = before.currency.is_some();
    if status == RefundStatus::Failed {
        tx.changed(Change {
            action: "payment.refund_failed",
            subject: format!("payment:{}", before.payment),
            before: Some(json!({ "refund": refund.to_string(), "status": before.status.code() })),
            after: Some(json!({
                "refund": refund.to_string(), "status": status.code(), "amountMinor": before.amount_minor,
                "code": failure.map(|failure| failure.code.as_str()),
            })),
        });
        tx.record(DomainEvent::RefundFailed { refund });
        tracing::warn!(refund = %refund, code = failure.map(|failure| failure.code.as_str()), "a refund has failed; staff have to refund it again");
    }
    if of_parked && let Some(parked) = sql::parked(tx, before.payment)? {
        let has_taken = of(tx, before.payment)?.captured_minor > 0;
        let (resolved, to) = match status {
            RefundStatus::Failed => (None, TransactionStatus::Parked),
            RefundStatus::Pending | RefundStatus::Succeeded if has_taken => (Some(REFUNDED), TransactionStatus::Succeeded),
            RefundStatus::Pending | RefundStatus::Succeeded => (Some(REFUNDED), TransactionStatus::Failed),
        };
        sql::set_resolved(tx, before.payment, &parked, resolved)?;
        money::set_status(tx, before.payment, to, None)?;
    }
    Ok(true)
}

fn of(tx: &WriteTx<'_>, payment: PaymentId) -> Result<Payment> {
    Ok(money::payment(tx, payment)?.ok_or_else(|| Fault::because("a payment that is told of is there"))?)
}
