//! What the shop throws away in its own time, a little at once: rows of jobs that ended two weeks ago, answers kept for an
//! `Idempotency-Key` that is over, and bodies of gateways' messages that are old.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::db::{Command, WriteTx};
use crate::features::{AppState, payments};
use crate::http::idempotency;
use crate::jobs::{self, Claimed, Handler, Schedule};
use crate::kernel::Result;
use crate::kernel::time::span::{DAY_MS, HOUR_MS};

/// The kind of this job.
const KIND: &str = "upkeep";
/// From the end of a run to the next one.
const EVERY_MS: i64 = HOUR_MS;
/// Rows of jobs that ended are kept so long (SPEC 5).
const JOBS_KEPT_MS: i64 = 14 * DAY_MS;
/// Bodies of messages that were handled are kept so long (SPEC 5).
const BODIES_KEPT_MS: i64 = 90 * DAY_MS;
/// Rows that one write takes away: a few milliseconds of the writer, behind everybody who waits.
const AT_ONCE: usize = 200;
/// Writes of one run; what is left waits for the next. Twenty-four runs take away what a day of orders left many times over.
const MOST_WRITES: u32 = 5_000;

/// The worker of these jobs. The engine writes the next run.
pub(super) struct Upkeep {
    shop: AppState,
}

impl Upkeep {
    pub(super) fn new(shop: AppState) -> Arc<Upkeep> {
        Arc::new(Upkeep { shop })
    }
}

impl Handler for Upkeep {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn schedule(&self) -> Option<Schedule> {
        Some(Schedule::Every { ms: EVERY_MS })
    }

    fn run(&self, _job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async move {
            for _ in 0..MOST_WRITES {
                if self.shop.db.write_in_background(ThrowAway).await? == 0 {
                    break;
                }
            }
            Ok(())
        })
    }
}

/// Takes some rows away; how many there were.
struct ThrowAway;

impl Command for ThrowAway {
    const NAME: &'static str = "upkeep.throw_away";
    type Output = usize;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<usize> {
        let jobs = jobs::throw_away(tx, tx.now().plus_ms(-JOBS_KEPT_MS), AT_ONCE)?;
        let bodies = payments::forget_bodies(tx, tx.now().plus_ms(-BODIES_KEPT_MS), AT_ONCE)?;
        Ok(jobs + bodies + idempotency::throw_away(tx, AT_ONCE)?)
    }
}
