//! Guests' carts that have ended, or that a setting gives less than the thirty days they live (SPEC 5), go, a few at a time: whoever makes carts without end must not stop orders by their removal.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::sql;
use crate::db::{Command, WriteTx};
use crate::features::Shop;
use crate::features::settings::RetentionSettings;
use crate::jobs::{Claimed, Handler, Schedule, finish_recurring};
use crate::kernel::Result;
use crate::kernel::time::span::HOUR_MS;

/// Carts that one write takes away; with a hundred lines each that is two thousand rows.
const AT_ONCE: usize = 20;

/// Removes guests' carts that have ended. They read as unknown before that.
pub struct RemoveEnded {
    shop: Arc<Shop>,
}

impl RemoveEnded {
    const SCHEDULE: Schedule = Schedule::Every { ms: HOUR_MS };

    #[must_use]
    pub fn new(shop: Arc<Shop>) -> RemoveEnded {
        RemoveEnded { shop }
    }
}

impl Handler for RemoveEnded {
    fn kind(&self) -> &'static str {
        "cart.remove_ended"
    }

    fn schedule(&self) -> Option<Schedule> {
        Some(RemoveEnded::SCHEDULE)
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async move {
            let days = self.shop.settings.get().retention.cart_days;
            while self.shop.db.write_in_background(Batch { job: job.clone(), days }).await? {}
            Ok(())
        })
    }
}

/// A few of them; the last one ends the run.
struct Batch {
    job: Claimed,
    days: u32,
}

impl Command for Batch {
    const NAME: &'static str = "cart.remove_ended";
    /// Whether more are left.
    type Output = bool;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<bool> {
        let ended = sql::ended(tx, RetentionSettings::before(tx.now(), self.days), i64::try_from(AT_ONCE).unwrap_or(i64::MAX))?;
        let may_be_more = ended.len() == AT_ONCE;
        for cart in ended {
            sql::delete(tx, cart)?;
        }
        if !may_be_more {
            finish_recurring(tx, &self.job, RemoveEnded::SCHEDULE)?;
        }
        Ok(may_be_more)
    }
}
