//! While a channel's carrier cannot be asked, one held message now and then goes through to look whether it can again.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::send::job_kind;
use super::{Channel, sql};
use crate::db::{Command, WriteTx};
use crate::features::Shop;
use crate::jobs::{self, Claimed, Handler, NewJob, Tries};
use crate::kernel::time::span::MINUTE_MS;
use crate::kernel::{Fault, NotificationId, Result, UtcMs};

/// The kind of this job; its key is the channel.
pub(super) const KIND: &str = "messages.probe";
/// Whoever goes through says when the next one does; should it say nothing, the next goes after this.
const EVERY_MS: i64 = MINUTE_MS;
/// It goes on until nothing is held; a try of it is no failure.
const MAX_ATTEMPTS: i64 = 1_000;
/// Held messages of which the first that waits is let through.
const LOOKED_AT: usize = 20;
/// Held messages that one write lets go: a few milliseconds of the writer.
const RELEASED_AT_ONCE: usize = 200;

/// Has somebody look, if nobody does yet.
pub(super) fn ensure(tx: &mut WriteTx<'_>, channel: Channel) -> Result<()> {
    let run_at = tx.now().plus_ms(EVERY_MS);
    jobs::enqueue(tx, &NewJob { kind: KIND, key: channel.code(), run_at, max_attempts: MAX_ATTEMPTS })
}

/// Has somebody look at a moment.
pub(super) fn ensure_at(tx: &mut WriteTx<'_>, channel: Channel, run_at: UtcMs) -> Result<()> {
    if !jobs::move_to(tx, KIND, channel.code(), run_at)? {
        jobs::enqueue(tx, &NewJob { kind: KIND, key: channel.code(), run_at, max_attempts: MAX_ATTEMPTS })?;
    }
    Ok(())
}

/// At start: what an earlier run has held is looked at at once.
pub struct TakeUp;

impl Command for TakeUp {
    const NAME: &'static str = "messages.take_up";
    type Output = [Option<(String, UtcMs)>; 2];

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<[Option<(String, UtcMs)>; 2]> {
        for channel in Channel::ALL {
            if !sql::held(tx, channel, 1)?.is_empty() {
                ensure_at(tx, channel, tx.now())?;
            }
        }
        let [email, sms] = Channel::ALL.map(|channel| sql::stopped(tx, channel));
        Ok([email?, sms?])
    }
}

/// The worker that lets one through.
pub struct Probe {
    shop: Arc<Shop>,
}

impl Probe {
    #[must_use]
    pub fn new(shop: Arc<Shop>) -> Probe {
        Probe { shop }
    }
}

impl Handler for Probe {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(self.shop.db.write_in_background(LetOne { job }))
    }
}

struct LetOne {
    job: Claimed,
}

impl Command for LetOne {
    const NAME: &'static str = "messages.let_one";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let channel = Channel::from_code(&self.job.key).ok_or_else(|| Fault::because("no channel of that name"))?;
        let held = sql::held(tx, channel, LOOKED_AT)?;
        if held.is_empty() {
            jobs::finish(tx, self.job.id)?;
            return Ok(());
        }
        // One whose job runs is on its way already.
        for id in held {
            if due_now(tx, channel, id)? {
                break;
            }
        }
        let next = tx.now().plus_ms(EVERY_MS);
        jobs::again(tx, &self.job, next, "messages are held until their carrier can be asked", Tries::NotCounted)?;
        Ok(())
    }
}

/// Lets some held messages of a channel go; how many.
pub(super) struct Release {
    pub channel: Channel,
}

impl Command for Release {
    const NAME: &'static str = "messages.release";
    type Output = usize;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<usize> {
        let held = sql::held(tx, self.channel, RELEASED_AT_ONCE)?;
        for id in &held {
            due_now(tx, self.channel, *id)?;
            sql::release(tx, *id)?;
        }
        Ok(held.len())
    }
}

fn due_now(tx: &mut WriteTx<'_>, channel: Channel, id: NotificationId) -> Result<bool> {
    jobs::move_to(tx, job_kind(channel), &id.to_string(), tx.now())
}
