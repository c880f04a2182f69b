//! What a refund's gateway is told besides the refund itself, and what is looked for among refunds.

use crate::args;
use crate::db::{Reader, WriteTx};
use crate::features::inventory::order_number;
use crate::features::money::{Parked, Payment, Refund};
use crate::kernel::{Fault, PaymentId, RefundId, Result, UtcMs};

/// An order's number and currency.
pub(in crate::features::payments) struct OfOrder {
    pub number: String,
    pub currency: String,
}

pub(in crate::features::payments) fn of_order(reader: &Reader<'_>, payment: &Payment) -> Result<OfOrder> {
    reader.one("select number_day, number, currency from orders where id = ?1", args![payment.order], |row| {
        let mut columns = row.columns();
        Ok(OfOrder { number: order_number(columns.next()?, columns.next()?), currency: columns.next()? })
    })
}

pub(in crate::features::payments) fn parked(reader: &Reader<'_>, payment: PaymentId) -> Result<Option<Parked>> {
    let found = reader.opt(
        "select parked from gateway_attempts where payment_id = ?1 and parked is not null",
        args![payment],
        |row| row.columns().json(),
    )?;
    Ok(found.flatten())
}

/// What staff have decided of parked money; `None`: it waits for them again.
pub(in crate::features::payments) fn set_resolved(
    tx: &mut WriteTx<'_>,
    payment: PaymentId,
    parked: &Parked,
    resolved: Option<&str>,
) -> Result<()> {
    let parked = Parked { resolved: resolved.map(str::to_owned), ..parked.clone() };
    let json = serde_json::to_string(&parked).map_err(Fault::new)?;
    tx.exec_one("update gateway_attempts set parked = ?2 where payment_id = ?1", args![payment, json])
}

/// Whether an earlier refund of the same payment is under way. By the index `refunds_payment`.
pub(in crate::features::payments) fn is_behind(reader: &Reader<'_>, refund: &Refund) -> Result<bool> {
    reader.one(
        "select exists (select 1 from refunds where payment_id = ?1 and n < ?2 and status = 'pending')",
        args![refund.payment, refund.n],
        |row| row.get(0),
    )
}

/// The refund of that amount whose gateway was asked for it and has not named it yet, if there is one.
pub(in crate::features::payments) fn in_flight(
    reader: &Reader<'_>,
    payment: PaymentId,
    amount_minor: i64,
    currency: &str,
) -> Result<Option<RefundId>> {
    reader.opt(
        "select r.id from refunds r join orders o on o.id = r.order_id where r.payment_id = ?1 and r.status = 'pending' \
         and r.sent_at is not null and r.object is null and r.amount_minor = ?2 and coalesce(r.currency, o.currency) = ?3 \
         order by r.n limit 1",
        args![payment, amount_minor, currency],
        |row| row.get(0),
    )
}

/// Minor units of a payment's refunds that explain what its gateway says went back, though they are not booked: those that it was
/// asked for and whose end is not known, and those of money that was parked, in the order's currency.
pub(in crate::features::payments) fn explained_minor(reader: &Reader<'_>, payment: PaymentId, currency: &str) -> Result<i64> {
    reader.one(
        "select coalesce(sum(amount_minor), 0) from refunds where payment_id = ?1 and coalesce(currency, ?2) = ?2 \
         and (status = 'pending' and (sent_at is not null or object is not null) or status = 'succeeded' and currency is not null)",
        args![payment, currency],
        |row| row.get(0),
    )
}

/// What waits for somebody: each line begins with the order's number. `before` is a day ago.
pub(in crate::features::payments) const WAITING: &[(&str, &str)] = &[
    (
        "money that does not fit, to be accepted or refunded",
        "select o.number_day, o.number, p.method from gateway_attempts a join payments p on p.id = a.payment_id \
         join orders o on o.id = p.order_id where a.parked is not null and json_extract(a.parked, '$.resolved') is null and ?1 is not null \
         order by a.payment_id limit 100",
    ),
    (
        "a refund that has been under way for more than a day",
        "select o.number_day, o.number, r.method from refunds r join orders o on o.id = r.order_id \
         where r.status = 'pending' and r.created_at < ?1 order by r.id limit 100",
    ),
    (
        "a difference with the gateway's own books",
        "select coalesce(o.number_day, 0), coalesce(o.number, 0), d.gateway || ' ' || d.object from payment_differences d \
         left join payments p on p.id = d.payment_id left join orders o on o.id = p.order_id \
         where d.closed_at is null and ?1 is not null order by d.id limit 100",
    ),
    (
        "a gateway whose books could not be compared for more than two days",
        "select 0, 0, c.gateway from payment_comparisons c where c.at < ?1 - 86400000 \
         and exists (select 1 from money_ledger l where l.method = c.gateway and l.at > c.at and l.object is not null)",
    ),
    (
        "work for payments that was given up",
        "select 0, 0, kind || ' ' || key from jobs where status = 'dead' and kind >= 'payments.' and kind < 'payments/' \
         and ?1 is not null limit 100",
    ),
];

pub(in crate::features::payments) fn waiting(reader: &Reader<'_>, sql: &'static str, day_ago: UtcMs) -> Result<Vec<String>> {
    reader.all(sql, args![day_ago], |row| {
        let mut columns = row.columns();
        let (day, number, what): (i64, i64, String) = (columns.next()?, columns.next()?, columns.next()?);
        Ok(if number == 0 { what } else { format!("{} ({what})", order_number(day, number)) })
    })
}
