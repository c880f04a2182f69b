//! Work that comes again by itself, as counting what sells every hour.
//!
//! What always holds while a worker works: each kind of the list has exactly one open row. A run that ends well writes the next
//! one in the transaction of its effect; a run that fails is tried again as any job is, and after its last try the next one is
//! written all the same. So one bad hour does not end the schedule, and a restart in the middle of a run doubles nothing.

use super::{Claimed, NewJob, enqueue, sql};
use crate::db::WriteTx;
use crate::kernel::{JobId, Result, UtcMs};

/// The key of such a job: of each kind one is open at most.
const KEY: &str = "recurring";
/// Tries of one run; the engine's waits make them a quarter of an hour. Then the next run is due in its own time.
const MAX_ATTEMPTS: i64 = 5;

/// A kind of job that comes again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recurring {
    pub kind: &'static str,
    /// From the end of a run to the next one.
    pub every_ms: i64,
}

impl Recurring {
    /// The line of the list that a job belongs to.
    pub(super) fn of(list: &[Recurring], job: &Claimed) -> Option<Recurring> {
        list.iter().copied().find(|recurring| job.key == KEY && job.kind == recurring.kind)
    }
}

/// Marks a run done in the transaction of its effect and writes the next one; earlier runs that died are made good by it. `false`
/// if it was not running any more: then its effect must not be written either.
///
/// # Errors
/// A fault.
pub fn finish_recurring(tx: &mut WriteTx<'_>, job: &Claimed, every_ms: i64) -> Result<bool> {
    let was_running = sql::finish(tx, job.id)?;
    if was_running {
        sql::forget_dead(tx, &job.kind, KEY, job.id)?;
        open(tx, &job.kind, tx.now().plus_ms(every_ms))?;
    }
    Ok(was_running)
}

/// The next run after one that has died. Of several that died in a row the last one stays for doctor to tell.
pub(super) fn go_on(tx: &mut WriteTx<'_>, dead: JobId, recurring: Recurring) -> Result<()> {
    sql::forget_dead(tx, recurring.kind, KEY, dead)?;
    open(tx, recurring.kind, tx.now().plus_ms(recurring.every_ms))
}

/// Writes the next run of a kind, unless one is open.
pub(super) fn open(tx: &mut WriteTx<'_>, kind: &str, run_at: UtcMs) -> Result<()> {
    enqueue(tx, &NewJob { kind, key: KEY, run_at, max_attempts: MAX_ATTEMPTS })
}

/// Gives each kind its open row: one that never ran is due at once; one that waits longer than it should by the list, as when
/// its interval was made shorter or a clock was set back, comes forward. What another version of the program did is over.
pub(super) fn ensure(tx: &mut WriteTx<'_>, list: &[Recurring]) -> Result<()> {
    let kinds = list.iter().map(|recurring| recurring.kind).collect::<serde_json::Value>();
    sql::forget_other_kinds(tx, KEY, &kinds.to_string())?;
    for recurring in list {
        open(tx, recurring.kind, tx.now())?;
        sql::bring_forward(tx, recurring.kind, KEY, tx.now().plus_ms(recurring.every_ms))?;
    }
    Ok(())
}
