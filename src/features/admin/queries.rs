//! Reading the board and the day.

use super::model::{LANES, Lane, Moved, ProvenBackup, Sum};
use super::sql;
use crate::db::Reader;
use crate::features::inventory::{self, Shelf};
use crate::features::messages;
use crate::kernel::{Fault, OrderStatus, Result, ShopDay, ShopZone, UtcMs};

/// Every lane of the board, each with at most `limit` slips.
pub(super) fn board(reader: &Reader<'_>, day: Option<ShopDay>, limit: i64) -> Result<Vec<Lane>> {
    let lane = |status| {
        let query = sql::lane(status, day);
        Ok(Lane { status, count: sql::count(reader, &query)?, slips: sql::slips(reader, &query, limit)? })
    };
    LANES.into_iter().map(lane).collect()
}

/// The shop's day at a glance.
pub struct Day {
    pub day: ShopDay,
    pub states: Vec<(OrderStatus, i64)>,
    pub money: Vec<Moved>,
    pub to_collect: Sum,
    pub low_count: i64,
    pub low: Vec<Shelf>,
    pub messages: messages::Trouble,
    /// When the shop was restored, and the moment of the backup, while nobody has said what becomes of what waits since.
    pub restored: Option<(UtcMs, UtcMs)>,
    pub backup: Option<ProvenBackup>,
}

/// A day of the shop: its orders and the money that moved on it, and what is to be collected, runs low and waits `now`; of what runs
/// low the `low_shown` lowest.
///
/// # Errors
/// A fault.
pub fn day(reader: &Reader<'_>, day: ShopDay, now: UtcMs, zone: &ShopZone, low_shown: i64) -> Result<Day> {
    let ends = || Fault::because("a day begins and ends");
    let from = zone.start_of(day).ok_or_else(ends)?;
    let until = day.plus_days(1).and_then(|next| zone.start_of(next)).ok_or_else(ends)?;
    let (low_count, low) = inventory::low(reader, low_shown)?;
    Ok(Day {
        day,
        states: sql::states_of(reader, day)?,
        money: sql::money_between(reader, from, until)?,
        to_collect: sql::to_collect(reader)?,
        low_count,
        low,
        messages: messages::trouble(reader, now)?,
        restored: sql::unanswered_restore(reader)?,
        backup: sql::proven_backup(reader)?,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Clock;
    use crate::db::{DataFolder, Db, DbOptions, Reactions, WriteTx};
    use crate::kernel::{DomainEvent, JobDue};

    struct Nothing;

    impl Reactions for Nothing {
        fn inside(&self, _tx: &mut WriteTx<'_>, _event: &DomainEvent) -> Result<()> {
            Ok(())
        }

        fn after(&self, _events: &[DomainEvent], _jobs: &[JobDue]) {}
    }

    /// How SQLite goes about a statement, a line a step.
    fn plan(reader: &Reader<'_>, sql: &str) -> Result<String> {
        let steps = reader.all(&format!("explain query plan {sql}"), &[], |row| row.get::<String>(3))?;
        Ok(steps.join("\n"))
    }

    #[tokio::test]
    async fn no_window_reads_every_order() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let own = DataFolder::own(&folder.path().join("data")).expect("a folder of ours");
        let options = DbOptions { clock: Clock::system(), accept_clock: true, reactions: Arc::new(Nothing) };
        let db = Db::open(own, options).expect("the database opens");
        let day = ShopDay::parse("2026-11-25");
        let mut cases = vec![
            (sql::STATES_OF_DAY.to_owned(), "orders_business_day (business_day=?"),
            (sql::MONEY_BETWEEN.to_owned(), "orders_updated (updated_at>?"),
            (sql::TO_COLLECT.to_owned(), "orders_open (status=?"),
        ];
        for status in LANES {
            let (all, of_day) = (sql::lane(status, None), sql::lane(status, day));
            cases.push((sql::count_sql(&all), "orders_open (status=?"));
            cases.push((sql::slips_sql(&all), "orders_open (status=?"));
            // Either is a small part of the orders.
            cases.push((sql::count_sql(&of_day), "orders_"));
            cases.push((sql::slips_sql(&of_day), "orders_"));
        }
        for (sql, by) in cases {
            let asked = sql.clone();
            let plan = db.read(move |reader| plan(reader, &asked)).await.expect("a plan");
            assert!(plan.contains(by) && !plan.contains("SCAN"), "{by} is not used:\n{plan}\n{sql}");
        }
    }
}
