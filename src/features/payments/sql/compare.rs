//! What a gateway's books are compared with, and what was found.

use std::collections::BTreeSet;

use crate::args;
use crate::db::query::Query;
use crate::db::{Reader, Row, WriteTx};
use crate::features::payments::differences::{Difference, Differs, Found};
use crate::features::payments::gateway::BookKind;
use crate::kernel::{Fault, PaymentId, PaymentMethod, Result, ShopDay, UtcMs};

/// A row of the ledger, as it is compared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::features::payments) struct Entry {
    pub kind: BookKind,
    pub object: String,
    pub amount_minor: i64,
    pub currency: String,
    pub payment: PaymentId,
}

fn kind(word: &str) -> Result<BookKind> {
    BookKind::from_code(word).ok_or_else(|| Fault::because("a kind of a difference is none of ours").into())
}

fn entry(row: &Row<'_>) -> Result<Entry> {
    let mut columns = row.columns();
    Ok(Entry {
        kind: kind(&columns.next::<String>()?)?,
        object: columns.next()?,
        amount_minor: columns.next()?,
        currency: columns.next()?,
        payment: columns.next()?,
    })
}

/// What a gateway has captured and refunded in a span, as the ledger has it, but for refunds that failed after all. By the index
/// `money_ledger_gateways`.
pub(in crate::features::payments) fn entries(
    reader: &Reader<'_>,
    gateway: PaymentMethod,
    from: UtcMs,
    until: UtcMs,
) -> Result<Vec<Entry>> {
    reader.all(
        "select l.kind, l.object, l.amount_minor, o.currency, l.payment_id from money_ledger l join orders o on o.id = l.order_id \
         where l.method = ?1 and l.at >= ?2 and l.at < ?3 and l.object is not null and l.kind in ('captured', 'refunded') \
         and not exists (select 1 from money_ledger b where b.order_id = l.order_id and b.refund_id = l.refund_id \
         and b.kind = 'refund_reversed') order by l.at",
        args![gateway, from, until],
        entry,
    )
}

/// The row of the ledger of a gateway's object. By the index `money_ledger_objects`.
pub(in crate::features::payments) fn entry_of(
    reader: &Reader<'_>,
    gateway: PaymentMethod,
    kind: BookKind,
    object: &str,
) -> Result<Option<Entry>> {
    reader.opt(
        "select l.kind, l.object, l.amount_minor, o.currency, l.payment_id from money_ledger l join orders o on o.id = l.order_id \
         where l.method = ?1 and l.object = ?2 and l.kind = ?3 and l.object is not null",
        args![gateway, object, kind.code()],
        entry,
    )
}

/// Whether money that was parked explains a line of a gateway's books: it stands in no ledger.
pub(in crate::features::payments) fn is_parked(
    reader: &Reader<'_>,
    gateway: PaymentMethod,
    kind: BookKind,
    object: &str,
) -> Result<bool> {
    let sql = match kind {
        BookKind::Captured => {
            "select exists (select 1 from gateway_attempts where parked is not null and method = ?1 \
             and json_extract(parked, '$.object') = ?2)"
        }
        BookKind::Refunded => {
            "select exists (select 1 from refunds where method = ?1 and object = ?2 and object is not null and currency is not null)"
        }
    };
    reader.one(sql, args![gateway, object], |row| row.get(0))
}

/// Payments that took money in a span and of which no fee was told.
pub(in crate::features::payments) fn without_fee(
    reader: &Reader<'_>,
    gateway: PaymentMethod,
    from: UtcMs,
    until: UtcMs,
) -> Result<Vec<PaymentId>> {
    reader.all(
        "select distinct l.payment_id from money_ledger l join payments p on p.id = l.payment_id where l.method = ?1 and l.at >= ?2 \
         and l.at < ?3 and l.object is not null and l.kind = 'captured' and p.fee_minor is null",
        args![gateway, from, until],
        |row| row.get(0),
    )
}

/// Whether a gateway has ever named anything of this shop's.
pub(in crate::features::payments) fn was_used(reader: &Reader<'_>, gateway: PaymentMethod) -> Result<bool> {
    reader.one("select exists (select 1 from payment_objects where method = ?1)", args![gateway], |row| row.get(0))
}

/// The last day that was compared.
pub(in crate::features::payments) fn last_day(reader: &Reader<'_>, gateway: PaymentMethod) -> Result<Option<ShopDay>> {
    reader.opt("select day from payment_comparisons where gateway = ?1", args![gateway], |row| row.get(0))
}

pub(in crate::features::payments) fn set_last_day(tx: &mut WriteTx<'_>, gateway: PaymentMethod, day: ShopDay) -> Result<()> {
    tx.exec_one(
        "insert into payment_comparisons (gateway, day, at) values (?1, ?2, ?3) \
         on conflict (gateway) do update set day = max(day, excluded.day), at = excluded.at",
        args![gateway, day, tx.now()],
    )
}

/// A restore after which a gateway's books were not read yet: its number, and the moment of its backup. The newest counts; what an older
/// one missed lies before it.
pub(in crate::features::payments) fn catch_up(reader: &Reader<'_>, gateway: PaymentMethod) -> Result<Option<(i64, UtcMs)>> {
    reader.opt(
        "select r.n, (select min(o.backup_of) from restorations o where not exists \
         (select 1 from payment_catch_ups d where d.gateway = ?1 and d.restoration = o.n)) \
         from restorations r where not exists (select 1 from payment_catch_ups c where c.gateway = ?1 and c.restoration = r.n) \
         order by r.n desc limit 1",
        args![gateway],
        |row| {
            let mut columns = row.columns();
            Ok((columns.next()?, columns.next()?))
        },
    )
}

/// A gateway's books were read, for every restore up to one.
pub(in crate::features::payments) fn caught_up(tx: &mut WriteTx<'_>, gateway: PaymentMethod, restoration: i64) -> Result<()> {
    tx.exec(
        "insert into payment_catch_ups (gateway, restoration, at) select ?1, n, ?3 from restorations where n <= ?2 \
         on conflict (gateway, restoration) do nothing",
        args![gateway, restoration, tx.now()],
    )?;
    Ok(())
}

/// Differences that are open. By the index `payment_differences_open`.
pub(in crate::features::payments) fn count_open(reader: &Reader<'_>) -> Result<i64> {
    reader.one("select count(*) from payment_differences where closed_at is null", &[], |row| row.get(0))
}

/// Days of which something is different still, the oldest first.
pub(in crate::features::payments) fn open_days(reader: &Reader<'_>, gateway: PaymentMethod, most: i64) -> Result<Vec<ShopDay>> {
    reader.all(
        "select distinct day from payment_differences where gateway = ?1 and closed_at is null order by day desc limit ?2",
        args![gateway, most],
        |row| row.get(0),
    )
}

/// Keeps what was found of a day; what was open of it and was not found again is closed.
pub(in crate::features::payments) fn keep(
    tx: &mut WriteTx<'_>,
    gateway: PaymentMethod,
    day: ShopDay,
    found: &[Found],
) -> Result<()> {
    let found_again: BTreeSet<(&str, &str)> = found.iter().map(|one| (one.kind.code(), one.object.as_str())).collect();
    let open: Vec<(Vec<u8>, String, String)> = tx.all(
        "select id, kind, object from payment_differences where gateway = ?1 and day = ?2 and closed_at is null",
        args![gateway, day],
        |row| {
            let mut columns = row.columns();
            Ok((columns.next()?, columns.next()?, columns.next()?))
        },
    )?;
    for (id, kind, object) in &open {
        if !found_again.contains(&(kind.as_str(), object.as_str())) {
            tx.exec_one("update payment_differences set closed_at = ?2 where id = ?1", args![id, tx.now()])?;
        }
    }
    for one in found {
        let id = tx.new_id();
        tx.exec(
            "insert into payment_differences (id, gateway, day, kind, object, what, payment_id, ours_minor, theirs_minor, currency, \
             found_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) on conflict (gateway, kind, object) where closed_at is null \
             do update set what = excluded.what, payment_id = excluded.payment_id, ours_minor = excluded.ours_minor, \
             theirs_minor = excluded.theirs_minor, currency = excluded.currency",
            args![
                id.as_bytes().as_slice(),
                gateway,
                day,
                one.kind.code(),
                one.object,
                one.what.code(),
                one.payment,
                one.ours_minor,
                one.theirs_minor,
                one.currency,
                tx.now()
            ],
        )?;
    }
    Ok(())
}

/// Newest first, by the primary key.
pub(in crate::features::payments) fn list(
    reader: &Reader<'_>,
    query: &Query,
    limit: i64,
    offset: i64,
) -> Result<Vec<Difference>> {
    let sql = query.sql(
        "select id, gateway, day, kind, object, what, payment_id, ours_minor, theirs_minor, currency, found_at, closed_at \
         from payment_differences",
        "order by id desc limit ? offset ?",
    );
    reader.all(&sql, &query.values(args![limit, offset]), |row| {
        let mut columns = row.columns();
        let id: Vec<u8> = columns.next()?;
        Ok(Difference {
            id: uuid::Uuid::from_slice(&id).map_err(Fault::new)?,
            gateway: columns.next()?,
            day: columns.next()?,
            kind: kind(&columns.next::<String>()?)?,
            object: columns.next()?,
            what: Differs::from_code(&columns.next::<String>()?)
                .ok_or_else(|| Fault::because("a difference is none of ours"))?,
            payment: columns.next()?,
            ours_minor: columns.next()?,
            theirs_minor: columns.next()?,
            currency: columns.next()?,
            found_at: columns.next()?,
            closed_at: columns.next()?,
        })
    })
}

pub(in crate::features::payments) fn count(reader: &Reader<'_>, query: &Query) -> Result<i64> {
    let sql = query.sql("select count(*) from payment_differences", "");
    reader.one(&sql, &query.values(&[]), |row| row.get(0))
}
