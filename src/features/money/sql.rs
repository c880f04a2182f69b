//! Every statement on `payments`, `refunds` and `money_ledger`.

use super::Sums;
use super::model::{Captured, Entry, Failure, Kind, NewRefund, Payment, Refund};
use crate::args;
use crate::db::{Reader, Row, WriteTx};
use crate::kernel::{Fault, OrderId, PaymentId, PaymentMethod, RefundId, RefundStatus, Result, TransactionStatus};

pub(super) fn insert(
    tx: &mut WriteTx<'_>,
    id: PaymentId,
    order: OrderId,
    previous: Option<PaymentId>,
    attempt: i64,
    method: PaymentMethod,
    amount_minor: i64,
) -> Result<()> {
    tx.exec_one(
        "insert into payments (id, order_id, previous_id, attempt, method, status, amount_minor, created_at, updated_at) \
         values (?1, ?2, ?3, ?4, ?5, 'pending', ?6, ?7, ?7)",
        args![id, order, previous, attempt, method, amount_minor, tx.now()],
    )
}

pub(super) fn insert_entry(tx: &mut WriteTx<'_>, payment: &Payment, entry: &Entry<'_>) -> Result<()> {
    tx.exec_one(
        "insert into money_ledger (order_id, n, payment_id, refund_id, kind, method, amount_minor, currency, object, actor, actor_id, \
         reference, reason, at) values (?1, (select coalesce(max(n), 0) + 1 from money_ledger where order_id = ?1), ?2, ?3, ?4, ?5, \
         ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        args![
            payment.order,
            payment.id,
            entry.refund,
            entry.kind.code(),
            payment.method,
            entry.amount_minor,
            entry.currency,
            entry.object,
            entry.by.code(),
            entry.by.user(),
            entry.reference,
            entry.reason,
            tx.now()
        ],
    )
}

/// Whether a provider's object has such a row. By the index `money_ledger_objects`.
///
/// # Errors
/// A fault.
pub fn is_booked(reader: &Reader<'_>, method: PaymentMethod, object: &str, kind: Kind) -> Result<bool> {
    reader.one(
        "select exists (select 1 from money_ledger where method = ?1 and object = ?2 and kind = ?3 and object is not null)",
        args![method, object, kind.code()],
        |row| row.get(0),
    )
}

pub(super) fn set_sums(
    tx: &mut WriteTx<'_>,
    payment: PaymentId,
    captured: i64,
    refunded: i64,
    status: TransactionStatus,
) -> Result<()> {
    tx.exec_one(
        "update payments set captured_minor = ?2, refunded_minor = ?3, status = ?4, updated_at = ?5 where id = ?1",
        args![payment, captured, refunded, status, tx.now()],
    )
}

pub(super) fn set_fee(tx: &mut WriteTx<'_>, payment: PaymentId, minor: i64, currency: Option<&str>) -> Result<()> {
    tx.exec_one(
        "update payments set fee_minor = ?2, fee_currency = coalesce(?3, (select currency from orders o where o.id = order_id)), \
         updated_at = ?4 where id = ?1",
        args![payment, minor, currency, tx.now()],
    )
}

pub(super) fn set_status(
    tx: &mut WriteTx<'_>,
    payment: PaymentId,
    status: TransactionStatus,
    failure: Option<&Failure>,
) -> Result<()> {
    tx.exec_one(
        "update payments set status = ?2, failure = coalesce(?3, failure), updated_at = ?4 where id = ?1",
        args![payment, status, json(failure)?, tx.now()],
    )
}

/// What was asked for is what came: nothing more will.
pub(super) fn close_at_captured(tx: &mut WriteTx<'_>, payment: PaymentId) -> Result<()> {
    tx.exec_one(
        "update payments set amount_minor = captured_minor, status = 'succeeded', updated_at = ?2 where id = ?1",
        args![payment, tx.now()],
    )
}

pub(super) fn set_disputed(tx: &mut WriteTx<'_>, payment: PaymentId, disputed: bool) -> Result<()> {
    tx.exec_one("update payments set is_disputed = ?2, updated_at = ?3 where id = ?1", args![payment, disputed, tx.now()])
}

fn json(failure: Option<&Failure>) -> Result<Option<String>> {
    Ok(failure.map(serde_json::to_string).transpose().map_err(Fault::new)?)
}

/// `select` of payments; its columns are those of [`payment_row`].
macro_rules! select_payment {
    () => {
        "select p.id, p.order_id, p.previous_id, p.attempt, p.method, p.status, p.amount_minor, p.captured_minor, p.refunded_minor, \
         p.is_disputed, p.fee_minor, p.fee_currency, p.failure, p.created_at, p.updated_at from payments p"
    };
}

fn payment_row(row: &Row<'_>) -> Result<Payment> {
    let mut columns = row.columns();
    Ok(Payment {
        id: columns.next()?,
        order: columns.next()?,
        previous: columns.next()?,
        attempt: columns.next()?,
        method: columns.next()?,
        status: columns.next()?,
        amount_minor: columns.next()?,
        captured_minor: columns.next()?,
        refunded_minor: columns.next()?,
        is_disputed: columns.next()?,
        fee: {
            let (minor, currency): (Option<i64>, Option<String>) = (columns.next()?, columns.next()?);
            minor.zip(currency)
        },
        failure: columns.json()?,
        created_at: columns.next()?,
        updated_at: columns.next()?,
    })
}

/// A payment.
///
/// # Errors
/// A fault.
pub fn payment(reader: &Reader<'_>, id: PaymentId) -> Result<Option<Payment>> {
    reader.opt(concat!(select_payment!(), " where p.id = ?1"), args![id], payment_row)
}

/// The last payment of an order; none before an online order's first checkout.
///
/// # Errors
/// A fault.
pub fn last_of(reader: &Reader<'_>, order: OrderId) -> Result<Option<Payment>> {
    reader.opt(
        concat!(select_payment!(), " where p.id = (select o.payment_id from orders o where o.id = ?1)"),
        args![order],
        payment_row,
    )
}

/// Every payment of an order, the last one first: from the order to its last, and from each to the one before.
///
/// # Errors
/// A fault.
pub fn payments_of(reader: &Reader<'_>, order: OrderId) -> Result<Vec<Payment>> {
    let mut all = Vec::new();
    let mut next = last_of(reader, order)?;
    while let Some(found) = next {
        next = found.previous.map(|previous| payment(reader, previous)).transpose()?.flatten();
        all.push(found);
    }
    Ok(all)
}

/// What was taken and given back for an order.
///
/// # Errors
/// A fault.
pub fn sums(reader: &Reader<'_>, order: OrderId) -> Result<Sums> {
    reader.one(
        "select coalesce(sum(amount_minor) filter (where kind = 'captured'), 0), \
         coalesce(sum(amount_minor) filter (where kind = 'refunded'), 0) - \
         coalesce(sum(amount_minor) filter (where kind = 'refund_reversed'), 0) from money_ledger where order_id = ?1",
        args![order],
        |row| {
            let mut columns = row.columns();
            Ok(Sums { captured: columns.next()?, refunded: columns.next()? })
        },
    )
}

/// What was taken last for an order.
///
/// # Errors
/// A fault.
pub fn last_capture(reader: &Reader<'_>, order: OrderId) -> Result<Option<Captured>> {
    reader.opt(
        "select payment_id, amount_minor from money_ledger where order_id = ?1 and kind = 'captured' order by n desc limit 1",
        args![order],
        |row| {
            let mut columns = row.columns();
            Ok(Captured { payment: columns.next()?, amount_minor: columns.next()? })
        },
    )
}

/// Minor units that the shop keeps of all payments of an order: what was taken less what was given back or is about to be.
///
/// # Errors
/// A fault.
pub fn kept(reader: &Reader<'_>, order: OrderId) -> Result<i64> {
    payments_of(reader, order)?.iter().map(|payment| refundable(reader, payment.id)).sum()
}

/// Minor units of a payment that can still be given back: what was taken less what was given back or is about to be.
///
/// # Errors
/// A fault.
pub fn refundable(reader: &Reader<'_>, payment: PaymentId) -> Result<i64> {
    reader.one(
        "select captured_minor - refunded_minor - coalesce((select sum(amount_minor) from refunds r \
         where r.payment_id = p.id and r.status = 'pending'), 0) from payments p where p.id = ?1",
        args![payment],
        |row| row.get(0),
    )
}

pub(super) fn insert_refund(tx: &mut WriteTx<'_>, id: RefundId, payment: &Payment, new: &NewRefund<'_>) -> Result<()> {
    tx.exec_one(
        "insert into refunds (id, payment_id, order_id, n, method, amount_minor, status, reason, lines, object, actor, actor_id, \
         created_at, updated_at) values (?1, ?2, ?3, (select coalesce(max(n), 0) + 1 from refunds where payment_id = ?2), ?4, ?5, \
         'pending', ?6, ?7, ?8, ?9, ?10, ?11, ?11)",
        args![
            id,
            payment.id,
            payment.order,
            payment.method,
            new.amount_minor,
            new.reason,
            new.lines,
            new.object,
            new.by.code(),
            new.by.user(),
            tx.now()
        ],
    )
}

pub(super) fn note_refund_sent(tx: &mut WriteTx<'_>, refund: RefundId, memo: Option<&str>) -> Result<()> {
    tx.exec_one(
        "update refunds set sent_at = coalesce(sent_at, ?2), memo = coalesce(?3, memo), updated_at = ?2 where id = ?1",
        args![refund, tx.now(), memo],
    )
}

pub(super) fn set_refund(
    tx: &mut WriteTx<'_>,
    refund: RefundId,
    status: RefundStatus,
    object: Option<&str>,
    failure: Option<&Failure>,
) -> Result<()> {
    tx.exec_one(
        "update refunds set status = ?2, object = ?3, failure = coalesce(?4, failure), updated_at = ?5 where id = ?1",
        args![refund, status, object, json(failure)?, tx.now()],
    )
}

/// `select` of refunds; its columns are those of [`refund_row`].
macro_rules! select_refund {
    () => {
        "select r.id, r.payment_id, r.order_id, r.n, r.method, r.amount_minor, r.status, r.reason, r.object, r.memo, r.failure, \
         r.sent_at, r.created_at, r.updated_at from refunds r"
    };
}

fn refund_row(row: &Row<'_>) -> Result<Refund> {
    let mut columns = row.columns();
    Ok(Refund {
        id: columns.next()?,
        payment: columns.next()?,
        order: columns.next()?,
        n: columns.next()?,
        method: columns.next()?,
        amount_minor: columns.next()?,
        status: columns.next()?,
        reason: columns.next()?,
        object: columns.next()?,
        memo: columns.next()?,
        failure: columns.json()?,
        sent_at: columns.next()?,
        created_at: columns.next()?,
        updated_at: columns.next()?,
    })
}

/// A refund.
///
/// # Errors
/// A fault.
pub fn refund(reader: &Reader<'_>, id: RefundId) -> Result<Option<Refund>> {
    reader.opt(concat!(select_refund!(), " where r.id = ?1"), args![id], refund_row)
}

/// The refund that a gateway calls so.
///
/// # Errors
/// A fault.
pub fn refund_by_object(reader: &Reader<'_>, method: PaymentMethod, object: &str) -> Result<Option<Refund>> {
    reader.opt(
        concat!(select_refund!(), " where r.method = ?1 and r.object = ?2 and r.object is not null"),
        args![method, object],
        refund_row,
    )
}

/// The refunds of a payment, in their order. By the index `refunds_payment`.
///
/// # Errors
/// A fault.
pub fn refunds_of(reader: &Reader<'_>, payment: PaymentId) -> Result<Vec<Refund>> {
    reader.all(concat!(select_refund!(), " where r.payment_id = ?1 order by r.n"), args![payment], refund_row)
}

/// The refunds of all payments of an order.
///
/// # Errors
/// A fault.
pub fn order_refunds(reader: &Reader<'_>, order: OrderId) -> Result<Vec<Refund>> {
    let mut all = Vec::new();
    for payment in payments_of(reader, order)? {
        all.extend(refunds_of(reader, payment.id)?);
    }
    Ok(all)
}
