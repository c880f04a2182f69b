//! What the shop throws away in its own time, a little at once: rows of jobs that ended, what gateways' messages and our own said, as
//! long ago as the settings say (SPEC 5), and answers kept for an `Idempotency-Key` that is over.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::db::{Command, WriteTx};
use crate::features::settings::RetentionSettings;
use crate::features::{AppState, messages, payments};
use crate::http::idempotency;
use crate::jobs::{self, Claimed, Handler, Schedule};
use crate::kernel::Result;
use crate::kernel::time::span::HOUR_MS;

/// The kind of this job.
const KIND: &str = "upkeep";
/// From the end of a run to the next one.
const EVERY_MS: i64 = HOUR_MS;
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
            let kept = self.shop.settings.get().retention.clone();
            for _ in 0..MOST_WRITES {
                if self.shop.db.write_in_background(ThrowAway { kept: kept.clone() }).await? == 0 {
                    break;
                }
            }
            Ok(())
        })
    }
}

/// Takes some rows away; how many there were.
struct ThrowAway {
    kept: RetentionSettings,
}

impl Command for ThrowAway {
    const NAME: &'static str = "upkeep.throw_away";
    type Output = usize;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<usize> {
        let now = tx.now();
        let before = |days| RetentionSettings::before(now, days);
        let jobs = jobs::throw_away(tx, before(self.kept.done_job_days), AT_ONCE)?;
        let bodies = payments::forget_bodies(tx, before(self.kept.provider_body_days), AT_ONCE)?;
        let messages = messages::forget_bodies(tx, before(self.kept.message_body_days), AT_ONCE)?;
        Ok(jobs + bodies + messages + idempotency::throw_away(tx, AT_ONCE)?)
    }
}
