//! Every statement of the windows; none writes.

use super::model::{Moved, ProvenBackup, Slip, SlipLine, Sum};
use crate::args;
use crate::db::query::Query;
use crate::db::{Reader, Row};
use crate::kernel::{OrderId, OrderStatus, Result, ShopDay, UtcMs};

/// Open orders of a state, and of a business day if one is asked for. The second condition is that of the index `orders_open`,
/// which is used only where it stands in the statement.
pub(super) fn lane(status: OrderStatus, day: Option<ShopDay>) -> Query {
    let mut query = Query::new();
    query.filter("o.status = ? and o.status not in ('Delivered', 'Cancelled')", vec![Box::new(status)]);
    query.filter_opt("o.business_day = ?", day);
    query
}

pub(super) fn count_sql(lane: &Query) -> String {
    lane.sql("select count(*) from orders o", "")
}

pub(super) fn count(reader: &Reader<'_>, lane: &Query) -> Result<i64> {
    reader.one(&count_sql(lane), &lane.values(&[]), |row| row.get(0))
}

pub(super) fn slips_sql(lane: &Query) -> String {
    lane.sql(
        "select o.id, o.number_day, o.number, o.status, o.payment_status, o.payment_method, o.fulfilment, o.source, o.customer_name, \
         o.customer_phone, o.delivery, o.notes, o.total_minor, o.captured_minor, o.due_at, o.business_day, o.hold_expires_at, \
         o.version, o.created_at, o.updated_at from orders o",
        "order by o.due_at, o.id limit ?",
    )
}

/// Those due first.
pub(super) fn slips(reader: &Reader<'_>, lane: &Query, limit: i64) -> Result<Vec<Slip>> {
    let mut slips = reader.all(&slips_sql(lane), &lane.values(args![limit]), slip)?;
    for slip in &mut slips {
        slip.lines = lines(reader, slip.id)?;
    }
    Ok(slips)
}

fn slip(row: &Row<'_>) -> Result<Slip> {
    let mut columns = row.columns();
    Ok(Slip {
        id: columns.next()?,
        number_day: columns.next()?,
        number: columns.next()?,
        status: columns.next()?,
        payment_status: columns.next()?,
        payment_method: columns.next()?,
        fulfilment: columns.next()?,
        source: columns.next()?,
        customer_name: columns.next()?,
        customer_phone: columns.next()?,
        delivery: columns.json()?,
        notes: columns.next()?,
        total: columns.next()?,
        captured: columns.next()?,
        due_at: columns.next()?,
        business_day: columns.next()?,
        hold_expires_at: columns.next()?,
        version: columns.next()?,
        created_at: columns.next()?,
        updated_at: columns.next()?,
        lines: Vec::new(),
    })
}

fn lines(reader: &Reader<'_>, order: OrderId) -> Result<Vec<SlipLine>> {
    reader.all(
        "select quantity, name_en, name_ar, options_text_en, options_text_ar from order_lines where order_id = ?1 order by id",
        args![order],
        |row| {
            let mut columns = row.columns();
            Ok(SlipLine {
                quantity: columns.next()?,
                name_en: columns.next()?,
                name_ar: columns.next()?,
                options_en: columns.next()?,
                options_ar: columns.next()?,
            })
        },
    )
}

pub(super) const STATES_OF_DAY: &str = "select o.status, count(*) from orders o where o.business_day = ?1 group by o.status";

/// How many orders of a business day stand in each state.
pub(super) fn states_of(reader: &Reader<'_>, day: ShopDay) -> Result<Vec<(OrderStatus, i64)>> {
    reader.all(STATES_OF_DAY, args![day], |row| {
        let mut columns = row.columns();
        Ok((columns.next()?, columns.next()?))
    })
}

/// Money moves only together with its order, so what moved since a moment belongs to orders that changed since.
pub(super) const MONEY_BETWEEN: &str = "select m.method, coalesce(sum(m.amount_minor) filter (where m.kind = 'captured'), 0), \
     count(*) filter (where m.kind = 'refunded') - count(*) filter (where m.kind = 'refund_reversed'), \
     coalesce(sum(case m.kind when 'refunded' then m.amount_minor when 'refund_reversed' then -m.amount_minor end), 0) \
     from orders o join money_ledger m on m.order_id = o.id \
     where o.updated_at >= ?1 and m.at >= ?1 and m.at < ?2 and m.kind in ('captured', 'refunded', 'refund_reversed') group by m.method";

pub(super) fn money_between(reader: &Reader<'_>, from: UtcMs, until: UtcMs) -> Result<Vec<Moved>> {
    reader.all(MONEY_BETWEEN, args![from, until], |row| {
        let mut columns = row.columns();
        Ok(Moved {
            method: columns.next()?,
            taken: columns.next()?,
            given_back: Sum { count: columns.next()?, minor: columns.next()? },
        })
    })
}

pub(super) const TO_COLLECT: &str = "select count(*), coalesce(sum(o.total_minor - o.captured_minor), 0) from orders o \
     where o.status in ('Pending', 'Confirmed', 'Preparing', 'ReadyForPickup', 'OutForDelivery') \
     and o.status not in ('Delivered', 'Cancelled') and o.captured_minor < o.total_minor \
     and (o.status <> 'Pending' or o.payment_method in ('cash', 'card_machine', 'transfer'))";

/// What open orders still owe the shop's people. An online order that waits for its payment is collected by its gateway.
pub(super) fn to_collect(reader: &Reader<'_>) -> Result<Sum> {
    reader.one(TO_COLLECT, &[], |row| {
        let mut columns = row.columns();
        Ok(Sum { count: columns.next()?, minor: columns.next()? })
    })
}

/// When the shop was restored and from what moment's backup, if nobody has answered yet what becomes of what waits since.
pub(super) fn unanswered_restore(reader: &Reader<'_>) -> Result<Option<(UtcMs, UtcMs)>> {
    let newest = "select restored_at, backup_of, answered_at from restorations order by n desc limit 1";
    let found = reader.opt(newest, &[], |row| {
        let mut columns = row.columns();
        let (restored_at, backup_of, answered_at): (UtcMs, UtcMs, Option<UtcMs>) =
            (columns.next()?, columns.next()?, columns.next()?);
        Ok(Some((restored_at, backup_of)).filter(|_| answered_at.is_none()))
    })?;
    Ok(found.flatten())
}

/// The newest backup that was proven, and when the newest was made that nothing is known to be wrong with. There are some dozen rows.
pub(super) fn proven_backup(reader: &Reader<'_>) -> Result<Option<ProvenBackup>> {
    reader.opt(
        "select file, proven_at, made_at, orders, (select max(made_at) from backups where problem is null) \
         from backups where proven_at is not null order by made_at desc limit 1",
        &[],
        |row| {
            let mut columns = row.columns();
            Ok(ProvenBackup {
                file: columns.next()?,
                proven_at: columns.next()?,
                made_at: columns.next()?,
                orders: columns.next()?,
                newest_made_at: columns.next()?,
            })
        },
    )
}
