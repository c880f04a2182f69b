//! Every statement on `jobs`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Claimed, NewJob, Tries, UNTIL_TOLD};
use crate::args;
use crate::db::{Reader, WriteTx};
use crate::kernel::{JobDue, JobId, Result, UtcMs};

/// Whether a row was written; not if one of that kind and key is open. `cause` is the trace that it goes on with.
pub(super) fn insert(tx: &mut WriteTx<'_>, id: JobId, new: &NewJob<'_>, cause: Option<&str>) -> Result<bool> {
    let rows = tx.exec(
        "insert into jobs (id, kind, key, status, max_attempts, run_at, created_at, traceparent) \
         values (?1, ?2, ?3, 'queued', ?4, ?5, ?6, ?7) \
         on conflict (kind, key) where status in ('queued', 'running') do nothing",
        args![id, new.kind, new.key, new.max_attempts, new.run_at, tx.now(), cause],
    )?;
    Ok(rows == 1)
}

/// Ends a waiting job of a kind and key: its cause is gone.
///
/// # Errors
/// A fault.
pub fn cancel(tx: &mut WriteTx<'_>, kind: &str, key: &str) -> Result<()> {
    tx.exec(
        "update jobs set status = 'cancelled', finished_at = ?3 where kind = ?1 and key = ?2 and status in ('queued', 'running')",
        args![kind, key, tx.now()],
    )?;
    Ok(())
}

/// Whether a job runs: nobody has written its end yet.
///
/// # Errors
/// A fault.
pub fn is_running(reader: &Reader<'_>, job: JobId) -> Result<bool> {
    reader.one("select exists (select 1 from jobs where id = ?1 and status = 'running')", args![job], |row| row.get(0))
}

/// Marks a job done, in the transaction of its effect; `false` if it was not running any more, as when it was cancelled.
///
/// # Errors
/// A fault.
pub fn finish(tx: &mut WriteTx<'_>, job: JobId) -> Result<bool> {
    let rows = tx.exec(
        "update jobs set status = 'done', finished_at = ?2, lease_until = null where id = ?1 and status = 'running'",
        args![job, tx.now()],
    )?;
    Ok(rows == 1)
}

/// Puts a running job back until a moment of the handler's own choice, in the transaction of what it has found out. `false` if it was
/// not running any more, or has no attempt left: then it stays to be ended.
///
/// # Errors
/// A fault.
pub fn again(tx: &mut WriteTx<'_>, job: &Claimed, run_at: UtcMs, why: &str, tries: Tries) -> Result<bool> {
    let uncounted = i64::from(tries == Tries::NotCounted);
    let rows = tx.exec(
        "update jobs set status = 'queued', run_at = ?2, last_error = ?3, lease_until = null, attempts = attempts - ?4 \
         where id = ?1 and status = 'running' and attempts - ?4 < max_attempts",
        args![job.id, run_at, why, uncounted],
    )?;
    if rows == 1 {
        tx.wake(JobDue { job: job.id, kind: Arc::from(job.kind.as_str()), due: run_at });
    }
    Ok(rows == 1)
}

/// Takes a job that is due, or one whose lease has run out: its end could not be written. With it comes the trace of its cause.
pub(super) fn claim(tx: &mut WriteTx<'_>, job: JobId, lease_until: UtcMs) -> Result<Option<(Claimed, Option<String>)>> {
    tx.returning(
        "update jobs set status = 'running', attempts = attempts + 1, lease_until = ?2 \
         where id = ?1 and (status = 'queued' and run_at <= ?3 or status = 'running' and lease_until <= ?3) \
         returning id, kind, key, attempts, traceparent",
        args![job, lease_until, tx.now()],
        |row| {
            let mut columns = row.columns();
            let job = Claimed { id: columns.next()?, kind: columns.next()?, key: columns.next()?, attempt: columns.next()? };
            Ok((job, columns.next()?))
        },
    )
}

/// Puts a failed job back, or among the dead after its last attempt; `true` if it will run again.
pub(super) fn fail(tx: &mut WriteTx<'_>, job: JobId, error: &str, again_at: UtcMs) -> Result<bool> {
    let status = tx.returning(
        "update jobs set status = case when attempts >= max_attempts then 'dead' else 'queued' end, run_at = ?3, last_error = ?2, \
         lease_until = null, finished_at = case when attempts >= max_attempts then ?4 end \
         where id = ?1 and status = 'running' returning status",
        args![job, error, again_at, tx.now()],
        |row| row.get::<String>(0),
    )?;
    Ok(status.as_deref() == Some("queued"))
}

/// At start no lease holds: one process owns the folder, so what was running is due at once.
pub(super) fn free_leases(tx: &mut WriteTx<'_>) -> Result<()> {
    tx.exec(
        "update jobs set status = 'queued', lease_until = null, run_at = ?1 where status = 'running' and kind >= ''",
        args![tx.now()],
    )?;
    Ok(())
}

/// Dead jobs of a kind and key but one are over. By the index `jobs_dead`, which has the dead alone, so that other jobs pay nothing
/// for it.
pub(super) fn forget_dead(tx: &mut WriteTx<'_>, kind: &str, key: &str, but: JobId) -> Result<()> {
    tx.exec(FORGET_DEAD, args![kind, key, but])?;
    Ok(())
}

const FORGET_DEAD: &str = "update jobs set status = 'cancelled' where status = 'dead' and kind = ?1 and key = ?2 and id <> ?3";

/// The keys of a kind's dead jobs, each with how often it was to be tried. By the index `jobs_dead`.
pub(super) fn dead(reader: &Reader<'_>, kind: &str) -> Result<Vec<(String, i64)>> {
    reader.all("select key, max(max_attempts) from jobs where status = 'dead' and kind = ?1 group by key", args![kind], |row| {
        let mut columns = row.columns();
        Ok((columns.next()?, columns.next()?))
    })
}

/// How many are dead of each kind that has such, and what the newest of them has said: with `max(id)` SQLite takes the other columns
/// from its row. By the index `jobs_dead`.
pub(super) fn dead_by_kind(reader: &Reader<'_>) -> Result<Vec<(String, i64, Option<String>)>> {
    reader.all("select kind, count(*), last_error, max(id) from jobs where status = 'dead' group by kind", &[], |row| {
        let mut columns = row.columns();
        Ok((columns.next()?, columns.next()?, columns.next()?))
    })
}

/// Every dead job of a kind and key is over. By the index `jobs_dead`.
pub(super) fn forget_all_dead(tx: &mut WriteTx<'_>, kind: &str, key: &str) -> Result<()> {
    tx.exec("update jobs set status = 'cancelled' where status = 'dead' and kind = ?1 and key = ?2", args![kind, key])?;
    Ok(())
}

/// Jobs of a key whose kind is none of a JSON list's, waiting or dead, are over: nobody does them any more.
pub(super) fn forget_other_kinds(tx: &mut WriteTx<'_>, key: &str, kinds: &str) -> Result<()> {
    for sql in FORGET_OTHER_KINDS {
        tx.exec(sql, args![key, kinds, tx.now()])?;
    }
    Ok(())
}

/// One for each of the indexes `jobs_open` and `jobs_dead`.
const FORGET_OTHER_KINDS: [&str; 2] = [
    "update jobs set status = 'cancelled', lease_until = null, finished_at = ?3 where status in ('queued', 'running') and key = ?1 \
     and kind not in (select value from json_each(?2))",
    "update jobs set status = 'cancelled', finished_at = ?3 where status = 'dead' and key = ?1 \
     and kind not in (select value from json_each(?2))",
];

/// A waiting job of a kind and key that is due later than `latest` is due then. By the index `jobs_open`, which wants its own
/// condition named.
pub(super) fn bring_forward(tx: &mut WriteTx<'_>, kind: &str, key: &str, latest: UtcMs) -> Result<()> {
    tx.exec(
        "update jobs set run_at = ?3 where kind = ?1 and key = ?2 and status in ('queued', 'running') and status = 'queued' \
         and run_at > ?3",
        args![kind, key, latest],
    )?;
    Ok(())
}

/// A job that waits.
pub(super) struct Queued {
    pub id: JobId,
    pub attempts: i64,
    pub run_at: UtcMs,
    pub created_at: UtcMs,
}

/// The waiting job of a kind and key, if none of them runs. By the index `jobs_open`, which wants its own condition named.
pub(super) fn queued(reader: &Reader<'_>, kind: &str, key: &str) -> Result<Option<Queued>> {
    reader.opt(
        "select id, attempts, run_at, created_at from jobs \
         where kind = ?1 and key = ?2 and status in ('queued', 'running') and status = 'queued'",
        args![kind, key],
        |row| {
            let mut columns = row.columns();
            Ok(Queued { id: columns.next()?, attempts: columns.next()?, run_at: columns.next()?, created_at: columns.next()? })
        },
    )
}

/// A waiting job is due at another moment.
pub(super) fn move_queued(tx: &mut WriteTx<'_>, id: JobId, kind: &str, run_at: UtcMs) -> Result<()> {
    tx.exec_one("update jobs set run_at = ?2 where id = ?1 and status = 'queued'", args![id, run_at])?;
    tx.wake(JobDue { job: id, kind: Arc::from(kind), due: run_at });
    Ok(())
}

/// A waiting job of a kind and key is over; one that runs goes on. By the index `jobs_open`.
pub(super) fn cancel_queued(tx: &mut WriteTx<'_>, kind: &str, key: &str) -> Result<()> {
    tx.exec(
        "update jobs set status = 'cancelled', finished_at = ?3 \
         where kind = ?1 and key = ?2 and status in ('queued', 'running') and status = 'queued'",
        args![kind, key, tx.now()],
    )?;
    Ok(())
}

/// A job as staff deal with it: kind, key and status.
pub(super) fn dealt_with(reader: &Reader<'_>, job: JobId) -> Result<Option<(String, String, String)>> {
    reader.opt("select kind, key, status from jobs where id = ?1", args![job], |row| {
        let mut columns = row.columns();
        Ok((columns.next()?, columns.next()?, columns.next()?))
    })
}

/// Whether a job of a kind and key is open. By the index `jobs_open`.
pub(super) fn is_open(reader: &Reader<'_>, kind: &str, key: &str) -> Result<bool> {
    reader.one(
        "select exists (select 1 from jobs where kind = ?1 and key = ?2 and status in ('queued', 'running'))",
        args![kind, key],
        |row| row.get(0),
    )
}

/// A dead job is due now, with all its tries before it.
pub(super) fn bring_back(tx: &mut WriteTx<'_>, job: JobId, kind: &str) -> Result<()> {
    let now = tx.now();
    tx.exec_one(
        "update jobs set status = 'queued', attempts = 0, run_at = ?2, finished_at = null where id = ?1 and status = 'dead'",
        args![job, now],
    )?;
    tx.wake(JobDue { job, kind: Arc::from(kind), due: now });
    Ok(())
}

/// A job that waits or is dead is over.
pub(super) fn end(tx: &mut WriteTx<'_>, job: JobId) -> Result<()> {
    tx.exec_one(
        "update jobs set status = 'cancelled', finished_at = ?2 where id = ?1 and status in ('queued', 'dead')",
        args![job, tx.now()],
    )
}

/// Takes away some rows of jobs that ended well, or were cancelled, before a moment, the oldest first; how many. Dead ones stay to
/// be looked at. An id begins with its moment, so only rows as old as that are looked at.
///
/// # Errors
/// A fault.
pub fn throw_away(tx: &mut WriteTx<'_>, before: UtcMs, most: usize) -> Result<usize> {
    let first_younger = first_id_of(before);
    tx.exec(
        "delete from jobs where id in (select id from jobs where id < ?1 and status in ('done', 'cancelled') and finished_at < ?2 \
         order by id limit ?3)",
        args![first_younger.as_slice(), before, i64::try_from(most).unwrap_or(i64::MAX)],
    )
}

/// The smallest id that can have been made at a moment.
fn first_id_of(moment: UtcMs) -> [u8; 16] {
    let ms = u64::try_from(moment.ms().max(0)).unwrap_or(0);
    uuid::Uuid::from_u64_pair(ms << 16, 0).into_bytes()
}

/// Every job that waits. By the index `jobs_open`.
///
/// # Errors
/// A fault.
pub fn waiting(reader: &Reader<'_>) -> Result<Vec<JobDue>> {
    let mut kinds = BTreeSet::<Arc<str>>::new();
    reader.all("select id, kind, run_at from jobs where status in ('queued', 'running')", &[], |row| {
        let mut columns = row.columns();
        let (job, name): (JobId, String) = (columns.next()?, columns.next()?);
        let kind = match kinds.get(name.as_str()) {
            Some(kind) => Arc::clone(kind),
            None => {
                let kind = Arc::from(name);
                kinds.insert(Arc::clone(&kind));
                kind
            }
        };
        Ok(JobDue { job, kind, due: columns.next()? })
    })
}

/// Jobs that run now or are due: what a test waits for.
///
/// # Errors
/// A fault.
pub fn unfinished_count(reader: &Reader<'_>, now: UtcMs) -> Result<i64> {
    reader.one(
        "select count(*) from jobs where status in ('queued', 'running') and (status = 'running' or run_at <= ?1)",
        args![now],
        |row| row.get(0),
    )
}

/// When the job that has been due longest was due, and its kind; `None` if none waits. By the index `jobs_open`.
pub(super) fn first_due(reader: &Reader<'_>) -> Result<Option<(String, UtcMs)>> {
    reader.opt(
        "select kind, run_at from jobs where status in ('queued', 'running') and status = 'queued' order by run_at limit 1",
        &[],
        |row| {
            let mut columns = row.columns();
            Ok((columns.next()?, columns.next()?))
        },
    )
}

/// Has the waiting job of a kind and key run at another moment; `false` if none waits. By the index `jobs_open`, which wants its own
/// condition named.
///
/// # Errors
/// A fault.
pub fn move_to(tx: &mut WriteTx<'_>, kind: &str, key: &str, run_at: UtcMs) -> Result<bool> {
    let job: Option<JobId> = tx.returning(
        "update jobs set run_at = ?3 where kind = ?1 and key = ?2 and status in ('queued', 'running') and status = 'queued' \
         returning id",
        args![kind, key, run_at],
        |row| row.get(0),
    )?;
    if let Some(job) = job {
        tx.wake(JobDue { job, kind: Arc::from(kind), due: run_at });
    }
    Ok(job.is_some())
}

/// Jobs of a kind that are open wait for somebody's word ([`UNTIL_TOLD`]), also those that were running. By the index `jobs_open`.
///
/// # Errors
/// A fault.
pub fn wait_for_word(tx: &mut WriteTx<'_>, kind: &str, why: &str) -> Result<usize> {
    tx.exec(
        "update jobs set status = 'queued', run_at = ?2, lease_until = null, last_error = ?3 \
         where kind = ?1 and status in ('queued', 'running')",
        args![kind, UNTIL_TOLD, why],
    )
}

/// The keys of some jobs of a kind that wait for somebody's word. By the index `jobs_open`, which wants its own condition named.
///
/// # Errors
/// A fault.
pub fn keys_waiting_for_word(reader: &Reader<'_>, kind: &str, most: usize) -> Result<Vec<String>> {
    reader.all(
        "select key from jobs where kind = ?1 and status in ('queued', 'running') and status = 'queued' and run_at = ?2 \
         order by key limit ?3",
        args![kind, UNTIL_TOLD, i64::try_from(most).unwrap_or(i64::MAX)],
        |row| row.get(0),
    )
}

/// How many jobs of a kind wait for somebody's word.
///
/// # Errors
/// A fault.
pub fn count_waiting_for_word(reader: &Reader<'_>, kind: &str) -> Result<i64> {
    reader.one(
        "select count(*) from jobs where kind = ?1 and status in ('queued', 'running') and run_at = ?2",
        args![kind, UNTIL_TOLD],
        |row| row.get(0),
    )
}

/// Every open job of a kind is over.
///
/// # Errors
/// A fault.
pub fn cancel_all(tx: &mut WriteTx<'_>, kind: &str) -> Result<()> {
    tx.exec(
        "update jobs set status = 'cancelled', lease_until = null, finished_at = ?2 where kind = ?1 and status in ('queued', 'running')",
        args![kind, tx.now()],
    )?;
    Ok(())
}

/// Every open job of a key is over, whatever its kind.
pub(super) fn cancel_all_of_key(tx: &mut WriteTx<'_>, key: &str) -> Result<()> {
    tx.exec(
        "update jobs set status = 'cancelled', lease_until = null, finished_at = ?2 where key = ?1 and status in ('queued', 'running')",
        args![key, tx.now()],
    )?;
    Ok(())
}
