//! What is written and asked of refunds besides their beginning and their end.

use super::{refund_row, select_refund};
use crate::args;
use crate::db::{Reader, WriteTx};
use crate::features::money::{Payment, Refund};
use crate::kernel::{Actor, OrderId, PaymentId, RefundId, Result};

/// Notes that the gateway is about to be asked; the first moment, memo and capture stay. It is not lost any more.
pub(in crate::features::money) fn note_sent(
    tx: &mut WriteTx<'_>,
    refund: RefundId,
    memo: Option<&str>,
    capture: Option<&str>,
) -> Result<()> {
    tx.exec_one(
        "update refunds set sent_at = coalesce(sent_at, ?2), memo = coalesce(memo, ?3), capture = coalesce(capture, ?4), \
         lost_at = null, updated_at = ?2 where id = ?1",
        args![refund, tx.now(), memo, capture],
    )
}

/// Every refund that waits counts as one that its gateway was asked for; how many were not before.
pub(in crate::features::money) fn doubt_all(tx: &mut WriteTx<'_>) -> Result<usize> {
    tx.exec(
        "update refunds set sent_at = ?1, updated_at = ?1 where status = 'pending' and sent_at is null and object is null",
        args![tx.now()],
    )
}

/// The first moment stays.
pub(in crate::features::money) fn note_lost(tx: &mut WriteTx<'_>, refund: RefundId) -> Result<()> {
    tx.exec_one("update refunds set lost_at = coalesce(lost_at, ?2), updated_at = ?2 where id = ?1", args![refund, tx.now()])
}

/// A refund of money that stands in no ledger, because it came in another currency than the order's.
pub(in crate::features::money) fn insert_parked(
    tx: &mut WriteTx<'_>,
    id: RefundId,
    payment: &Payment,
    (amount_minor, currency, capture): (i64, &str, &str),
    reason: Option<&str>,
    by: Actor,
) -> Result<()> {
    tx.exec_one(
        "insert into refunds (id, payment_id, order_id, n, method, amount_minor, status, reason, capture, currency, actor, actor_id, \
         created_at, updated_at) values (?1, ?2, ?3, (select coalesce(max(n), 0) + 1 from refunds where payment_id = ?2), ?4, ?5, \
         'pending', ?6, ?7, ?8, ?9, ?10, ?11, ?11)",
        args![id, payment.id, payment.order, payment.method, amount_minor, reason, capture, currency, by.code(), by.user(), tx.now()],
    )
}

/// Whether a success of a refund was booked and taken back.
pub(in crate::features::money) fn is_reversed(reader: &Reader<'_>, refund: &Refund) -> Result<bool> {
    reader.one(
        "select exists (select 1 from money_ledger where order_id = ?1 and refund_id = ?2 and kind = 'refund_reversed')",
        args![refund.order, refund.id],
        |row| row.get(0),
    )
}

/// The refunds of a payment that nobody has asked the gateway for yet, the newest first.
pub(in crate::features::money) fn unsent(reader: &Reader<'_>, payment: PaymentId) -> Result<Vec<Refund>> {
    reader.all(
        concat!(
            select_refund!(),
            " where r.payment_id = ?1 and r.status = 'pending' and r.sent_at is null and r.object is null and r.currency is null \
             order by r.n desc"
        ),
        args![payment],
        refund_row,
    )
}

/// What the refunds of an order that have not failed gave back by line: JSON as it was kept. By the index `refunds_payment`.
///
/// # Errors
/// A fault.
pub fn refunded_lines(reader: &Reader<'_>, payment: PaymentId) -> Result<Vec<String>> {
    reader.all(
        "select lines from refunds where payment_id = ?1 and status <> 'failed' and lines is not null order by n",
        args![payment],
        |row| row.get(0),
    )
}

/// Something that was captured by a payment, and what of it no refund has taken or is about to take. Minor units of the order's
/// currency.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaptureLeft {
    pub object: String,
    pub left_minor: i64,
}

/// What a payment has captured, in its order. A refund that was made outside, or that has no capture of its own yet, is taken from
/// those that are not used up, the last ones first, so that what is left is never told too high for the first.
///
/// # Errors
/// A fault.
pub fn captures_left(reader: &Reader<'_>, order: OrderId, payment: PaymentId) -> Result<Vec<CaptureLeft>> {
    let mut all = reader.all(
        "select l.object, l.amount_minor - coalesce((select sum(r.amount_minor) from refunds r where r.payment_id = l.payment_id \
         and r.capture = l.object and r.status <> 'failed' and r.currency is null), 0) from money_ledger l \
         where l.order_id = ?1 and l.payment_id = ?2 and l.kind = 'captured' and l.object is not null order by l.n",
        args![order, payment],
        |row| {
            let mut columns = row.columns();
            Ok(CaptureLeft { object: columns.next()?, left_minor: columns.next()? })
        },
    )?;
    let mut unplaced: i64 = reader.one(
        "select coalesce(sum(amount_minor), 0) from refunds where payment_id = ?1 and status <> 'failed' and capture is null \
         and currency is null and (object is not null or sent_at is not null)",
        args![payment],
        |row| row.get(0),
    )?;
    for capture in all.iter_mut().rev() {
        let taken = unplaced.min(capture.left_minor.max(0));
        capture.left_minor -= taken;
        unplaced -= taken;
    }
    Ok(all)
}
