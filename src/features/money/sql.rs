//! Every statement on `money_ledger`.

use super::{Entry, Kind, Sums};
use crate::args;
use crate::db::{Reader, WriteTx};
use crate::kernel::{OrderId, PaymentId, Result};

pub(super) fn insert(tx: &mut WriteTx<'_>, n: i64, payment: PaymentId, entry: &Entry<'_>) -> Result<()> {
    let kind = match entry.kind {
        Kind::Pending => "pending",
        Kind::Captured => "captured",
        Kind::Refunded => "refunded",
    };
    tx.exec_one(
        "insert into money_ledger (order_id, n, payment_id, kind, method, amount_minor, actor, actor_id, reference, reason, at) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        args![
            entry.order,
            n,
            payment,
            kind,
            entry.method,
            entry.amount_minor,
            entry.by.code(),
            entry.by.user(),
            entry.reference,
            entry.reason,
            tx.now()
        ],
    )
}

/// How many rows an order has, and the payment they belong to.
pub(super) fn last(reader: &Reader<'_>, order: OrderId) -> Result<(i64, PaymentId)> {
    reader.one("select n, payment_id from money_ledger where order_id = ?1 order by n desc limit 1", args![order], |row| {
        let mut columns = row.columns();
        Ok((columns.next()?, columns.next()?))
    })
}

pub(super) fn sums(reader: &Reader<'_>, order: OrderId) -> Result<Sums> {
    reader.one(
        "select coalesce(sum(amount_minor) filter (where kind = 'captured'), 0), \
         coalesce(sum(amount_minor) filter (where kind = 'refunded'), 0) from money_ledger where order_id = ?1",
        args![order],
        |row| {
            let mut columns = row.columns();
            Ok(Sums { captured: columns.next()?, refunded: columns.next()? })
        },
    )
}
