//! Durable background work: a row that outlives a crash (SPEC 6).
//!
//! A job's row is written in the transaction of its cause; after the commit its worker is woken from memory; at start the rows
//! left over go on. At most one open job a kind and key. A handler does its work and [`finish`]es the row in one transaction, so
//! that what is done is never done again. Of each kind only so many run at once ([`Handler::at_once`]), and none waits for another.
//!
//! Adding a kind is one file, its [`Handler`], and one line in `app/jobs.rs`. The handler says the rest of itself: whether it comes
//! again by itself ([`Handler::schedule`]), and what staff may do with its jobs ([`Handler::staff_may`]).

mod backoff;
mod by_staff;
mod kinds;
mod queue;
mod schedule;
mod sql;
mod tally;
mod worker;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use backoff::wait_ms;
pub use by_staff::{ByStaff, Said, cancel_by_staff, retry_by_staff};
pub use kinds::{Kind, Kinds, May, StaffMay, Tell};
pub use queue::{Queue, Taken};
pub use schedule::{Daily, ReadDaily, Schedule, begin_anew, finish_recurring, reschedule};
pub use sql::{
    again, cancel, cancel_all, count_waiting_for_word, finish, is_running, keys_waiting_for_word, move_to, throw_away,
    unfinished_count, wait_for_word, waiting,
};
pub use tally::{Ended, Standing};
pub use worker::{DbAccess, Worker};

use crate::db::{Reader, WriteTx};
use crate::kernel::{JobDue, JobId, Result, UtcMs};
use crate::trace;

/// When a job runs that waits for somebody's word, as after a restore: never by itself. It is the last moment that the wire can say.
pub const UNTIL_TOLD: UtcMs = UtcMs::from_ms(253_402_300_799_000); // 9999-12-31T23:59:59Z

/// A job to be written.
#[derive(Clone, Debug)]
pub struct NewJob<'a> {
    pub kind: &'a str,
    /// At most one open job a kind and key.
    pub key: &'a str,
    pub run_at: UtcMs,
    pub max_attempts: i64,
}

/// Writes a job in the transaction of its cause; if one of that kind and key is open already, that one stays.
///
/// # Errors
/// A fault.
pub fn enqueue(tx: &mut WriteTx<'_>, new: &NewJob<'_>) -> Result<()> {
    enqueue_as(tx, new, trace::cause())
}

/// As [`enqueue`]; `cause` is the trace that it goes on with, none for what begins one of its own.
fn enqueue_as(tx: &mut WriteTx<'_>, new: &NewJob<'_>, cause: Option<String>) -> Result<()> {
    let job = JobId::from_uuid(tx.new_id());
    if sql::insert(tx, job, new, cause.as_deref())? {
        tx.wake(JobDue { job, kind: Arc::from(new.kind), due: new.run_at });
    }
    Ok(())
}

/// What was given up of a kind is tried anew, as often as at first: what kept it from being done may be gone. The dead rows are over.
///
/// # Errors
/// A fault.
pub fn revive(tx: &mut WriteTx<'_>, kind: &str) -> Result<()> {
    for (key, max_attempts) in sql::dead(tx, kind)? {
        enqueue(tx, &NewJob { kind, key: &key, run_at: tx.now(), max_attempts })?;
        sql::forget_all_dead(tx, kind, &key)?;
    }
    Ok(())
}

/// What was given up, a line a kind, for `doctor`: why, and never whose it was.
///
/// # Errors
/// A fault.
pub fn check_books(reader: &Reader<'_>) -> Result<Vec<String>> {
    let line = |(kind, count, error): (String, i64, Option<String>)| {
        let why = error.map_or_else(|| "it did not say why".to_owned(), |error| format!("the newest said: {error}"));
        format!("a job is dead: {kind} ({count} in all; {why}). Try it again, or end it, under /api/v1/admin/jobs")
    };
    Ok(sql::dead_by_kind(reader)?.into_iter().map(line).collect())
}

/// The job that has been due for longest, if any is due: its kind, and since when.
///
/// # Errors
/// A fault.
pub fn longest_due(reader: &Reader<'_>, now: UtcMs) -> Result<Option<(String, UtcMs)>> {
    Ok(sql::first_due(reader)?.filter(|(_, due)| *due <= now))
}

/// How many of each kind were given up and wait for somebody.
///
/// # Errors
/// A fault.
pub fn dead(reader: &Reader<'_>) -> Result<Vec<(String, i64)>> {
    Ok(sql::dead_by_kind(reader)?.into_iter().map(|(kind, count, _)| (kind, count)).collect())
}

/// A job that is being done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claimed {
    pub id: JobId,
    pub kind: String,
    pub key: String,
    /// 1 at the first try.
    pub attempt: i64,
}

/// Whether a try that is put off counts among a job's attempts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tries {
    Counted,
    /// Nothing was tried, as while a provider is known to be down.
    NotCounted,
}

/// Does the jobs of one kind.
pub trait Handler: Send + Sync + 'static {
    fn kind(&self) -> &'static str;
    /// How many jobs of this kind run at once, at least one. What hangs here keeps only its own kind waiting, so a kind that asks
    /// others over the network takes few.
    fn at_once(&self) -> usize {
        queue::OF_A_KIND
    }
    /// When it comes again by itself; most kinds come of a cause alone.
    fn schedule(&self) -> Option<Schedule> {
        None
    }
    /// What staff may do with its jobs.
    fn staff_may(&self) -> StaffMay {
        StaffMay::default()
    }
    /// Does the work, and finishes the row in the transaction of its effect.
    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>>;
}

/// All handlers; each kind once.
pub type Handlers = Vec<Arc<dyn Handler>>;
