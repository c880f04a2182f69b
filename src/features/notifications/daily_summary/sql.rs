//! Days that were told of, and the counts that the dashboard does not have.

use crate::args;
use crate::db::{Reader, WriteTx};
use crate::kernel::{NotificationId, Result, ShopDay, UtcMs};

pub(super) fn is_told(reader: &Reader<'_>, day: ShopDay) -> Result<bool> {
    reader.one("select exists (select 1 from daily_summaries where day = ?1)", args![day], |row| row.get(0))
}

/// Writes down that a day is told of; `false` if it was before.
pub(super) fn tell(tx: &mut WriteTx<'_>, day: ShopDay) -> Result<bool> {
    let rows = tx.exec(
        "insert into daily_summaries (day, told_at) values (?1, ?2) on conflict (day) do nothing",
        args![day, tx.now()],
    )?;
    Ok(rows == 1)
}

/// By the index `orders_open`.
pub(super) fn open_orders(reader: &Reader<'_>) -> Result<i64> {
    reader.one("select count(*) from orders where status not in ('Delivered', 'Cancelled')", &[], |row| row.get(0))
}

/// Messages queued since a moment that failed. By the index `notifications_ended`.
pub(super) fn failed_messages(reader: &Reader<'_>, from: UtcMs) -> Result<i64> {
    let ms = u64::try_from(from.ms().max(0)).unwrap_or(0);
    let first = NotificationId::from_uuid(uuid::Uuid::from_u64_pair(ms << 16, 0));
    let sql = "select count(*) from notifications where status = 'failed' and status in ('failed', 'suppressed') and id >= ?1";
    reader.one(sql, args![first], |row| row.get(0))
}

/// By the index `jobs_dead`.
pub(super) fn dead_jobs(reader: &Reader<'_>) -> Result<i64> {
    reader.one("select count(*) from jobs where status = 'dead'", &[], |row| row.get(0))
}

/// Orders of a business day that are not cancelled, and their pieces. By the index `orders_business_day`.
pub(super) fn to_bake(reader: &Reader<'_>, day: ShopDay) -> Result<(i64, i64)> {
    reader.one(
        "select count(distinct o.id), coalesce(sum(l.quantity), 0) from orders o join order_lines l on l.order_id = o.id \
         where o.business_day = ?1 and o.status <> 'Cancelled'",
        args![day],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}
