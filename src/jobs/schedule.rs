//! Work that comes again by itself: every so often, as counting what sells each hour, or once a day when the shop's clock shows a time,
//! as the daily summary.
//!
//! What always holds while a worker works: each kind with a schedule has exactly one open row, or none while its schedule is off. A
//! run that ends well writes the next one in the transaction of its effect; a run that fails is tried again as any job is, and after
//! its last try the next one is written all the same. So one bad hour does not end the schedule, and a restart in the middle of a
//! run doubles nothing.

use super::{Claimed, Kinds, NewJob, enqueue_as, sql};
use crate::db::{Reader, WriteTx};
use crate::kernel::{Fault, JobId, Result, ShopZone, TimeOfDay, UtcMs};

/// The key of such a job: of each kind one is open at most.
pub(super) const KEY: &str = "recurring";
/// Tries of one run; the engine's waits make them a quarter of an hour. Then the next run is due in its own time.
const MAX_ATTEMPTS: i64 = 5;

/// When a kind of job comes again.
#[derive(Clone, Copy, Debug)]
pub enum Schedule {
    /// So long after the end of each run; the first one at once.
    Every { ms: i64 },
    /// Once on each day of the shop; see [`Daily`].
    Daily(ReadDaily),
}

/// Reads from the settings when a daily kind runs. It is asked inside the transaction that writes the next run, and again when the
/// settings change ([`reschedule`]). `None`: it is off.
pub type ReadDaily = fn(&Reader<'_>) -> Result<Option<Daily>>;

/// A time of the shop's day. Where a clock change skips it, the run is at the change; where it comes twice, at the first.
#[derive(Clone, Debug)]
pub struct Daily {
    pub at: TimeOfDay,
    pub zone: ShopZone,
}

impl Daily {
    fn next(&self, after: UtcMs) -> Result<UtcMs> {
        self.zone.next(self.at, after).ok_or_else(|| Fault::because("the calendar has ended").into())
    }
}

impl Schedule {
    /// When the run after this moment is due.
    fn next(self, tx: &WriteTx<'_>) -> Result<Option<UtcMs>> {
        match self {
            Schedule::Every { ms } => Ok(Some(tx.now().plus_ms(ms))),
            Schedule::Daily(read) => read(tx)?.map(|daily| daily.next(tx.now())).transpose(),
        }
    }
}

/// The schedule that a job belongs to.
pub(super) fn of(kinds: &Kinds, job: &Claimed) -> Option<Schedule> {
    kinds.get(&job.kind).filter(|_| job.key == KEY)?.schedule
}

/// Marks a run done in the transaction of its effect and writes the next one; earlier runs that died are made good by it. `false`
/// if it was not running any more: then its effect must not be written either.
///
/// # Errors
/// A fault.
pub fn finish_recurring(tx: &mut WriteTx<'_>, job: &Claimed, schedule: Schedule) -> Result<bool> {
    let was_running = sql::finish(tx, job.id)?;
    if was_running {
        sql::forget_dead(tx, &job.kind, KEY, job.id)?;
        open_next(tx, &job.kind, schedule)?;
    }
    Ok(was_running)
}

/// The next run after one that has died. Of several that died in a row the last one stays for doctor to tell.
pub(super) fn go_on(tx: &mut WriteTx<'_>, dead: JobId, kind: &str, schedule: Schedule) -> Result<()> {
    sql::forget_dead(tx, kind, KEY, dead)?;
    open_next(tx, kind, schedule)
}

fn open_next(tx: &mut WriteTx<'_>, kind: &str, schedule: Schedule) -> Result<()> {
    match schedule.next(tx)? {
        Some(next) => open(tx, kind, next),
        None => Ok(()),
    }
}

/// Writes the next run of a kind, unless one is open. It is nobody's doing: a trace through all runs would never end.
fn open(tx: &mut WriteTx<'_>, kind: &str, run_at: UtcMs) -> Result<()> {
    enqueue_as(tx, &NewJob { kind, key: KEY, run_at, max_attempts: MAX_ATTEMPTS }, None)
}

/// Gives each kind its open row at start. What another version of the program did is over.
pub(super) fn ensure(tx: &mut WriteTx<'_>, kinds: &Kinds) -> Result<()> {
    let known = kinds.recurring().map(|(kind, _)| kind).collect::<serde_json::Value>();
    sql::forget_other_kinds(tx, KEY, &known.to_string())?;
    for (kind, schedule) in kinds.recurring() {
        match schedule {
            // One that never ran is due at once; one that waits longer than it should, as when its interval was made shorter or a clock
            // was set back, comes forward.
            Schedule::Every { ms } => {
                open(tx, kind, tx.now())?;
                sql::bring_forward(tx, kind, KEY, tx.now().plus_ms(ms))?;
            }
            Schedule::Daily(read) => put_right(tx, kind, read)?,
        }
    }
    Ok(())
}

/// What was to come again is not late: after a restore the runs between are the past, and the next start writes each kind's first one.
///
/// # Errors
/// A fault.
pub fn begin_anew(tx: &mut WriteTx<'_>) -> Result<()> {
    sql::cancel_all_of_key(tx, KEY)
}

/// The next run of each daily kind is due when the settings say now: call it in the transaction that changed them.
///
/// # Errors
/// A fault.
pub fn reschedule(tx: &mut WriteTx<'_>, kinds: &Kinds) -> Result<()> {
    for (kind, schedule) in kinds.recurring() {
        if let Schedule::Daily(read) = schedule {
            put_right(tx, kind, read)?;
        }
    }
    Ok(())
}

/// One that is due, or has been tried, stays: it is late and not wrong. One that waits moves; if the change has put its time behind us,
/// today's is not left out, so it is due now.
fn put_right(tx: &mut WriteTx<'_>, kind: &str, read: ReadDaily) -> Result<()> {
    let Some(daily) = read(tx)? else { return sql::cancel_queued(tx, kind, KEY) };
    let (now, next) = (tx.now(), daily.next(tx.now())?);
    let Some(waiting) = sql::queued(tx, kind, KEY)? else { return open(tx, kind, next) };
    let run_at = if waiting.attempts > 0 || waiting.run_at <= now {
        waiting.run_at.min(next)
    } else if daily.zone.last(daily.at, now).is_some_and(|(_, last)| last > waiting.created_at) {
        now
    } else {
        next
    };
    if run_at == waiting.run_at { Ok(()) } else { sql::move_queued(tx, waiting.id, kind, run_at) }
}
