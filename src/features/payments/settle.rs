//! What a gateway's word does to the books, whichever way it came: by an answer, by a webhook, by being asked.
//!
//! A report is a set of facts, and facts only grow: money that came stays, each object of the provider is booked once, and what is said
//! of an attempt that has ended or was paid changes nothing any more. So the same reports lead to the same books in any order
//! (docs/decisions/0011-three-outcomes.md).

use super::attempts::{self, Kept, Parked, Phase};
use super::gateway::{Capture, Dispute, DisputeStep, Ending, Report, There};
use super::reconcile;
use super::refunds_told::refunds_told;
use super::sql::attempts as sql;
use super::strike::strike;
use crate::db::WriteTx;
use crate::features::money::{self, Entry, Failure, Kind, NewRefund};
use crate::features::orders::{self, Fate, Payable};
use crate::jobs::{self, NewJob};
use crate::kernel::{Actor, DomainEvent, Fault, Money, OrderStatus, PaymentId, Result, TransactionStatus};

/// Tries of the end of a hold that waited for money on its way.
const EXPIRE_ATTEMPTS: i64 = 30;

/// What stands behind a dispute's name among those of its payment.
const DISPUTED: &str = " disputed";
const WON: &str = " won";

/// What is to be done after the transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Settled {
    /// Something in the books changed.
    pub changed: bool,
    /// The customer has agreed and the order waits for it: the money is to be taken (`ask::follow`).
    pub capture: bool,
    /// Money came that does not fit; staff have to say what becomes of it.
    pub parked: bool,
    /// Money is on its way, and nobody can stop it.
    pub underway: bool,
}

/// Books what a report says of a payment. The same report changes nothing the second time, and an old one nothing that is newer.
///
/// # Errors
/// A fault.
pub fn settle(tx: &mut WriteTx<'_>, payment: PaymentId, report: &Report, by: Actor) -> Result<Settled> {
    let kept = kept(tx, payment)?;
    let mut settled = Settled::default();
    note_names(tx, &kept, report)?;
    if let Some(raw) = &report.raw {
        let raw = serde_json::to_string(&strike(raw)).map_err(Fault::new)?;
        sql::set_raw(tx, payment, &raw)?;
    }
    if let Some(note) = &report.note {
        tracing::warn!(payment = %payment, method = kept.row.method.code(), note, "a gateway has said something that staff should know");
    }
    for capture in &report.captures {
        settled.changed |= capture_told(tx, payment, capture, by)?;
        settled.changed |= fee_told(tx, &kept, capture, by)?;
    }
    settled.changed |= parked_is_too_much(tx, payment, by)?;
    if refunds_told(tx, &self::kept(tx, payment)?.payment, report, by)? {
        orders::money_moved(tx, kept.payment.order)?;
        settled.changed = true;
    }
    if let Some(dispute) = &report.dispute {
        settled.changed |= dispute_told(tx, &kept, dispute, by)?;
    }
    state_told(tx, payment, report, &mut settled)?;
    settled.parked = self::kept(tx, payment)?.row.parked.is_some_and(|parked| parked.resolved.is_none());
    Ok(settled)
}

fn kept(tx: &WriteTx<'_>, payment: PaymentId) -> Result<Kept> {
    attempts::kept(tx, payment)?.ok_or_else(|| Fault::because("what a gateway speaks of is an attempt").into())
}

fn note_names(tx: &mut WriteTx<'_>, kept: &Kept, report: &Report) -> Result<()> {
    if let Some(reference) = &report.reference {
        sql::set_reference(tx, kept.payment.id, reference)?;
    }
    let objects = report.captures.iter().map(|capture| &capture.object);
    for name in report.reference.iter().chain(&report.objects).chain(objects) {
        attempts::note_object(tx, kept.row.method, name, kept.payment.id)?;
    }
    Ok(())
}

/// Money was taken. It is booked if it is what was asked for, else it waits for staff.
fn capture_told(tx: &mut WriteTx<'_>, payment: PaymentId, capture: &Capture, by: Actor) -> Result<bool> {
    let now = kept(tx, payment)?;
    if money::is_booked(tx, now.row.method, &capture.object, Kind::Captured)? {
        return Ok(false);
    }
    let asked = Money::from_minor(now.payment.amount_minor, now.currency);
    if capture.amount != asked {
        return park(tx, &now, capture);
    }
    book_capture(tx, &now, &capture.object, capture.amount.minor(), by)?;
    Ok(true)
}

fn book_capture(tx: &mut WriteTx<'_>, now: &Kept, object: &str, minor: i64, by: Actor) -> Result<()> {
    let payment = now.payment.id;
    money::book(tx, &Entry { object: Some(object), ..Entry::of(payment, Kind::Captured, minor, by) })?;
    if now.row.phase != Phase::Closed {
        sql::set_phase(tx, payment, Phase::Closed)?;
    }
    reconcile::after_capture(tx, payment)?;
    let fate = orders::captured(tx, now.payment.order, by)?;
    if let Fate::GiveBack { why, minor } = fate
        && minor > 0
    {
        let new = NewRefund { payment, amount_minor: minor, reason: Some(why), lines: None, object: None, by };
        let refund = money::start_refund(tx, &new)?;
        tx.record(DomainEvent::MoneyNotWanted { refund });
        orders::money_moved(tx, now.payment.order)?;
    }
    Ok(())
}

/// Keeps the facts of money that does not fit; nothing is booked, and the order stays as it is.
fn park(tx: &mut WriteTx<'_>, now: &Kept, capture: &Capture) -> Result<bool> {
    if let Some(parked) = &now.row.parked {
        if parked.object != capture.object {
            tracing::error!(
                payment = %now.payment.id, method = now.row.method.code(), amount = %capture.amount, object = capture.object,
                "more money came that is not what was asked for, beside what was set aside before; refund it at the gateway"
            );
        }
        return Ok(false);
    }
    let (amount, currency) = (capture.amount, capture.amount.currency());
    let (object, currency_code) = (capture.object.clone(), currency.code().to_owned());
    let parked = Parked { object, amount_minor: amount.minor(), currency: currency_code, resolved: None };
    sql::set_parked(tx, now.payment.id, Some(&parked))?;
    tx.record(DomainEvent::PaymentParked { payment: now.payment.id });
    tracing::error!(
        payment = %now.payment.id, method = now.row.method.code(), amount = %amount, currency = currency.code(),
        "money came that is not what was asked for; it waits for staff's word"
    );
    // What was paid stays paid.
    if now.payment.status != TransactionStatus::Succeeded {
        let message = format!("{amount} {} came where {} was asked for", currency.code(), asked(now));
        let failure = Failure { code: "amount_mismatch".to_owned(), message };
        money::set_status(tx, now.payment.id, TransactionStatus::Parked, Some(&failure))?;
        if now.row.phase != Phase::Closed {
            sql::set_phase(tx, now.payment.id, Phase::Closed)?;
        }
        orders::money_moved(tx, now.payment.order)?;
    }
    Ok(true)
}

fn asked(now: &Kept) -> String {
    format!("{} {}", Money::from_minor(now.payment.amount_minor, now.currency), now.currency.code())
}

/// What does not fit beside a payment that is whole is money too much, whichever of them came first: it goes back by itself.
fn parked_is_too_much(tx: &mut WriteTx<'_>, payment: PaymentId, by: Actor) -> Result<bool> {
    let now = kept(tx, payment)?;
    let whole = now.payment.captured_minor >= now.payment.amount_minor && now.payment.captured_minor > 0;
    let is_too_much = |parked: &Parked| whole && parked.currency == now.currency.code() && parked.resolved.is_none();
    let Some(parked) = now.row.parked.clone().filter(is_too_much) else {
        return Ok(false);
    };
    sql::set_parked(tx, payment, None)?;
    if !money::is_booked(tx, now.row.method, &parked.object, Kind::Captured)? {
        book_capture(tx, &now, &parked.object, parked.amount_minor, by)?;
    }
    Ok(true)
}

/// What the provider keeps of a capture that is booked.
fn fee_told(tx: &mut WriteTx<'_>, kept: &Kept, capture: &Capture, by: Actor) -> Result<bool> {
    let Some(fee) = capture.fee.filter(|fee| fee.minor() >= 0) else { return Ok(false) };
    if !money::is_booked(tx, kept.row.method, &capture.object, Kind::Captured)? {
        return Ok(false);
    }
    let currency = fee.currency();
    let currency = (currency != kept.currency).then_some(currency.code());
    let entry = Entry { object: Some(&capture.object), currency, ..Entry::of(kept.payment.id, Kind::Fee, fee.minor(), by) };
    money::book(tx, &entry)
}

/// Whether a payment is disputed is whether one of its disputes was told and not won. Both are remembered as names, so that a message
/// from before does not open it again, and that one was won says nothing of another.
fn dispute_told(tx: &mut WriteTx<'_>, kept: &Kept, dispute: &Dispute, by: Actor) -> Result<bool> {
    let (payment, method) = (kept.payment.id, kept.row.method);
    let book = |tx: &mut WriteTx<'_>, kind, amount: Money| {
        let currency = amount.currency();
        let currency = (currency != kept.currency).then_some(currency.code());
        let entry = Entry { object: Some(&dispute.object), currency, ..Entry::of(payment, kind, amount.minor(), by) };
        money::book(tx, &entry)
    };
    let mut changed = match &dispute.what {
        DisputeStep::Withdrawn(amount) => book(tx, Kind::DisputeWithdrawn, *amount)?,
        DisputeStep::Reinstated(amount) => book(tx, Kind::DisputeReinstated, *amount)?,
        DisputeStep::Closed { .. } | DisputeStep::Opened => false,
    };
    let word = if dispute.what == (DisputeStep::Closed { lost: false }) { WON } else { DISPUTED };
    changed |= attempts::note_object(tx, method, &format!("{}{word}", dispute.object), payment)?;
    let names = sql::objects(tx, payment)?;
    let is_won = |object: &str| names.iter().any(|name| name.strip_suffix(WON) == Some(object));
    let is_disputed = names.iter().filter_map(|name| name.strip_suffix(DISPUTED)).any(|object| !is_won(object));
    if kept.payment.is_disputed != is_disputed {
        money::set_disputed(tx, payment, is_disputed)?;
        if is_disputed {
            tx.record(DomainEvent::PaymentDisputed { payment });
        }
        orders::money_moved(tx, kept.payment.order)?;
        changed = true;
    }
    Ok(changed)
}

/// Where the attempt stands there. Money says more than a state, and an end says more than what went before.
fn state_told(tx: &mut WriteTx<'_>, payment: PaymentId, report: &Report, settled: &mut Settled) -> Result<()> {
    let now = kept(tx, payment)?;
    if now.payment.captured_minor > 0 || !now.payment.status.is_live() {
        return Ok(());
    }
    if let Some(failure) = &report.failure
        && now.payment.failure.as_ref() != Some(failure)
    {
        money::set_status(tx, payment, now.payment.status, Some(failure))?;
        settled.changed = true;
    }
    // It is there, whatever it is: it need not be looked for any more.
    let is_known = report.state.is_some() || report.reference.is_some();
    if is_known && !matches!(now.row.phase, Phase::Open | Phase::Closed) {
        sql::set_phase(tx, payment, Phase::Open)?;
        sql::set_lost(tx, payment, None)?;
        reconcile::begun(tx, payment, now.row.sent_at)?;
        settled.changed = true;
    }
    match report.state {
        Some(There::NeedsAction) if now.payment.status == TransactionStatus::Pending => {
            money::set_status(tx, payment, TransactionStatus::RequiresAction, None)?;
            settled.changed = true;
        }
        Some(There::Approved) => settled.capture = !now.row.is_ending,
        Some(There::Underway) => settled.underway = true,
        Some(There::Ended(ending)) => {
            ended(tx, &now, ending, report.failure.as_ref())?;
            settled.changed = true;
        }
        Some(There::Open | There::NeedsAction) | None => {}
    }
    Ok(())
}

fn ended(tx: &mut WriteTx<'_>, now: &Kept, ending: Ending, failure: Option<&Failure>) -> Result<()> {
    let status = match ending {
        Ending::Failed => TransactionStatus::Failed,
        Ending::Cancelled => TransactionStatus::Cancelled,
        Ending::Expired => TransactionStatus::Expired,
    };
    close(tx, now, status, failure)?;
    let order = now.payment.order;
    let Some(payable) = orders::payable(tx, order)?.filter(|payable| payable.status == OrderStatus::Pending) else {
        return Ok(());
    };
    tell_failed(tx, now)?;
    end_hold_if_over(tx, &payable)
}

/// An attempt has failed: its customer is told if the order still waits for money and no other attempt is under way.
///
/// # Errors
/// A fault.
pub(super) fn tell_failed(tx: &mut WriteTx<'_>, now: &Kept) -> Result<()> {
    let order = now.payment.order;
    let payable = orders::payable(tx, order)?;
    let waits = payable.is_some_and(|payable| payable.status == OrderStatus::Pending && payable.captured_minor == 0);
    if waits && !now.row.is_ending && attempts::open_of(tx, order)?.is_empty() {
        tx.record(DomainEvent::PaymentFailed { order });
    }
    Ok(())
}

/// The hold of a Pending order that has ended while money was on its way is acted on now: nothing more is waited for.
///
/// # Errors
/// A fault.
pub(super) fn end_hold_if_over(tx: &mut WriteTx<'_>, payable: &Payable) -> Result<()> {
    if payable.hold_ends_at.is_some_and(|at| at <= tx.now()) {
        let key = payable.id.to_string();
        jobs::enqueue(tx, &NewJob { kind: orders::EXPIRE_JOB, key: &key, run_at: tx.now(), max_attempts: EXPIRE_ATTEMPTS })?;
    }
    Ok(())
}

/// Nothing more is expected of an attempt; the order is told.
///
/// # Errors
/// A fault.
pub(super) fn close(tx: &mut WriteTx<'_>, now: &Kept, status: TransactionStatus, failure: Option<&Failure>) -> Result<()> {
    money::set_status(tx, now.payment.id, status, failure)?;
    sql::set_phase(tx, now.payment.id, Phase::Closed)?;
    reconcile::after_end(tx, &now.row)?;
    orders::money_moved(tx, now.payment.order)
}
