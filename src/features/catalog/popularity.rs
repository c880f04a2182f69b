//! What sells: pieces in orders confirmed within 30 days, counted each hour for the lists that are sorted by it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::sql;
use crate::db::{Command, WriteTx};
use crate::features::Shop;
use crate::jobs::{self, Claimed, Handler, Schedule};
use crate::kernel::time::span::{DAY_MS, HOUR_MS};
use crate::kernel::{DomainEvent, OrderId, Pieces, ProductId, Result, UtcMs};

/// How far back an order may have been confirmed (SPEC 3).
const CONFIRMED_WITHIN_MS: i64 = 30 * DAY_MS;
/// An order waits for its confirmation at most as long as `orders.cash_hold_hours` may say. One that is paid in part and waits
/// even longer is not counted.
const LONGEST_WAIT_MS: i64 = 30 * DAY_MS;

/// The worker that counts.
pub struct CountPopular {
    shop: Arc<Shop>,
}

impl CountPopular {
    const SCHEDULE: Schedule = Schedule::Every { ms: HOUR_MS };

    #[must_use]
    pub fn new(shop: Arc<Shop>) -> CountPopular {
        CountPopular { shop }
    }
}

impl Handler for CountPopular {
    fn kind(&self) -> &'static str {
        "catalog.count_popular"
    }

    fn schedule(&self) -> Option<Schedule> {
        Some(CountPopular::SCHEDULE)
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async move {
            let confirmed_from = self.shop.clock.now().plus_ms(-CONFIRMED_WITHIN_MS);
            let placed_from = first_id_of(confirmed_from.plus_ms(-LONGEST_WAIT_MS));
            // Counted on a snapshot, beside the writer: nobody's order waits for it.
            let sold = self.shop.db.read(move |reader| sql::count_sold(reader, placed_from, confirmed_from)).await?;
            self.shop.db.write_in_background(KeepPopular { sold, job }).await
        })
    }
}

/// The least id of a moment: a UUIDv7 begins with its milliseconds.
fn first_id_of(moment: UtcMs) -> OrderId {
    let ms = u128::from(moment.ms().max(0).unsigned_abs());
    OrderId::from_uuid(uuid::Uuid::from_u128(ms << 80))
}

struct KeepPopular {
    sold: Vec<(ProductId, Pieces)>,
    job: Claimed,
}

impl Command for KeepPopular {
    const NAME: &'static str = "catalog.keep_popular";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        if !jobs::finish_recurring(tx, &self.job, CountPopular::SCHEDULE)? {
            return Ok(());
        }
        let mut before = sql::sold(tx)?;
        let mut changed = false;
        for (product, pieces) in self.sold {
            if before.remove(&product) != Some(pieces) {
                sql::set_sold(tx, product, pieces)?;
                changed = true;
            }
        }
        for product in before.into_keys() {
            sql::clear_sold(tx, product)?;
            changed = true;
        }
        if changed {
            tx.record(DomainEvent::PopularityCounted);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_begins_with_its_moment() {
        let first = first_id_of(UtcMs::from_ms(1_795_593_600_000));
        assert_eq!(first.to_string(), "01a211b7-fc00-0000-0000-000000000000");
        assert!(first < OrderId::parse("01a211b7-fc00-7000-8000-000000000000").expect("an id"));
        assert!(first > OrderId::parse("01a211b7-fbff-7fff-bfff-ffffffffffff").expect("an id"));
    }
}
