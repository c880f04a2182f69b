//! Every statement on `backups`, and what a backup says of the books.

use super::manifest::LastOrder;
use crate::args;
use crate::db::{Reader, Row, WriteTx};
use crate::kernel::{JobId, Result, ShopDay, UtcMs};

/// What is known of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    pub file: String,
    pub bytes: i64,
    pub sha256: String,
    pub made_at: UtcMs,
    pub is_sealed: bool,
    pub orders: i64,
    pub looked_at: Option<UtcMs>,
    pub proven_at: Option<UtcMs>,
    pub problem: Option<String>,
}

macro_rules! head {
    () => {
        "select file, bytes, sha256, made_at, sealed, orders, looked_at, proven_at, problem from backups"
    };
}

fn known(row: &Row<'_>) -> Result<Known> {
    let mut columns = row.columns();
    Ok(Known {
        file: columns.next()?,
        bytes: columns.next()?,
        sha256: columns.next()?,
        made_at: columns.next()?,
        is_sealed: columns.next()?,
        orders: columns.next()?,
        looked_at: columns.next()?,
        proven_at: columns.next()?,
        problem: columns.next()?,
    })
}

/// Everything that is known, the newest first. There are no more rows than files.
pub(super) fn all(reader: &Reader<'_>) -> Result<Vec<Known>> {
    reader.all(concat!(head!(), " order by made_at desc, file desc"), &[], known)
}

/// Writes what is known of a file; what was known before is over.
pub(super) fn put(tx: &mut WriteTx<'_>, known: &Known) -> Result<()> {
    tx.exec(
        "insert into backups (file, bytes, sha256, made_at, sealed, orders, looked_at, proven_at, problem) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) on conflict (file) do update set bytes = ?2, sha256 = ?3, made_at = ?4, \
         sealed = ?5, orders = ?6, looked_at = ?7, proven_at = ?8, problem = ?9",
        args![
            known.file,
            known.bytes,
            known.sha256,
            known.made_at,
            known.is_sealed,
            known.orders,
            known.looked_at,
            known.proven_at,
            known.problem
        ],
    )?;
    Ok(())
}

/// The file is gone.
pub(super) fn forget(tx: &mut WriteTx<'_>, file: &str) -> Result<()> {
    tx.exec("delete from backups where file = ?1", args![file])?;
    Ok(())
}

/// The version of the schema.
pub(super) fn schema(reader: &Reader<'_>) -> Result<i64> {
    reader.one("select coalesce(max(version), 0) from refinery_schema_history", &[], |row| row.get(0))
}

/// The number of the newest order. By the index on day and number.
pub(super) fn last_order(reader: &Reader<'_>) -> Result<Option<LastOrder>> {
    reader.opt("select number_day, number from orders order by number_day desc, number desc limit 1", &[], |row| {
        let mut columns = row.columns();
        let day: ShopDay = columns.next()?;
        Ok(LastOrder { day: day.to_string(), number: columns.next()? })
    })
}

/// The open job of a kind and key.
pub(super) fn open_job(reader: &Reader<'_>, kind: &str, key: &str) -> Result<JobId> {
    reader.one(
        "select id from jobs where kind = ?1 and key = ?2 and status in ('queued', 'running')",
        args![kind, key],
        |row| row.get(0),
    )
}

/// When the shop's first order was placed. Ids grow with time.
pub(super) fn first_order_at(reader: &Reader<'_>) -> Result<Option<UtcMs>> {
    reader.opt("select created_at from orders order by id limit 1", &[], |row| row.get(0))
}
