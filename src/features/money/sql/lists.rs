//! Payments as they are listed, and how many there are of each kind.

use super::{payment_row, refunds_of};
use crate::args;
use crate::db::query::Query;
use crate::db::{Reader, Settlement};
use crate::features::money::counts::Kind;
use crate::features::money::told::Told;
use crate::features::money::{Payment, Refund};
use crate::kernel::{PaymentMethod, Result, TransactionStatus};

pub(in crate::features::money) fn settle_count(group: &Settlement<'_>, kind: Kind, change: i64) -> Result<()> {
    group.exec(
        "insert into payment_counts (method, status, payments) values (?1, ?2, ?3) \
         on conflict (method, status) do update set payments = payments + excluded.payments",
        args![kind.method, kind.status, change],
    )
}

/// How many payments there are of those kinds; `None` stands for each.
pub(in crate::features::money) fn counted(
    reader: &Reader<'_>,
    method: Option<PaymentMethod>,
    status: Option<TransactionStatus>,
) -> Result<i64> {
    reader.one(
        "select coalesce(sum(payments), 0) from payment_counts where (?1 is null or method = ?1) and (?2 is null or status = ?2)",
        args![method, status],
        |row| row.get(0),
    )
}

/// Newest first, by the primary key, or by the index of the filter.
pub(in crate::features::money) fn list(reader: &Reader<'_>, query: &Query, limit: i64, offset: i64) -> Result<Vec<Payment>> {
    reader.all(&list_sql(query), &query.values(args![limit, offset]), payment_row)
}

/// The statement of [`list`].
pub(in crate::features::money) fn list_sql(query: &Query) -> String {
    query.sql(super::select_payment!(), "order by p.id desc limit ? offset ?")
}

pub(in crate::features::money) fn count(reader: &Reader<'_>, query: &Query) -> Result<i64> {
    reader.one(&count_sql(query), &query.values(&[]), |row| row.get(0))
}

/// The statement of [`count`].
pub(in crate::features::money) fn count_sql(query: &Query) -> String {
    query.sql("select count(*) from payments p", "")
}

/// A payment with what stands elsewhere of it: its order's number and currency, its name at the gateway, and the gateway's last
/// answer.
pub(in crate::features::money) fn told(reader: &Reader<'_>, payment: Payment) -> Result<Told> {
    let id = payment.id;
    let refunds: Vec<Refund> = refunds_of(reader, id)?;
    reader.one(
        "select o.number_day, o.number, o.currency, coalesce((select l.object from money_ledger l where l.order_id = o.id \
         and l.payment_id = p.id and l.kind = 'captured' and l.object is not null order by l.n limit 1), a.reference), a.raw, a.parked \
         from payments p join orders o on o.id = p.order_id left join gateway_attempts a on a.payment_id = p.id where p.id = ?1",
        args![id],
        |row| {
            let mut columns = row.columns();
            Ok(Told {
                number_day: columns.next()?,
                number: columns.next()?,
                currency: columns.next()?,
                transaction: columns.next()?,
                raw: columns.json()?,
                parked: columns.json()?,
                refunds,
                payment,
            })
        },
    )
}
