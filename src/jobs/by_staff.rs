//! What staff do with jobs: a dead one is tried again, one that is not wanted any more is ended.

use super::schedule::KEY;
use super::{Kinds, May, sql};
use crate::db::WriteTx;
use crate::kernel::{JobId, Result};

/// What became of a wish.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
    Done(ByStaff),
    NoSuchJob,
    /// Only a dead job is tried again; only one that waits or is dead is ended. It holds what the job is.
    NotInThatState {
        status: String,
    },
    /// The same work waits or runs as another job.
    OpenAlready,
    /// Jobs of this kind are not tried again, or not ended, by staff.
    NotOfThisKind {
        kind: String,
    },
}

/// What was done, for the audit log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ByStaff {
    pub kind: String,
    /// The status before.
    pub before: String,
    pub after: &'static str,
}

/// Tries a dead job again, at once and as often as at first. A run of a schedule takes the place of the next one that waits.
///
/// # Errors
/// A fault, or what the kind refuses.
pub fn retry_by_staff(tx: &mut WriteTx<'_>, kinds: &Kinds, job: JobId) -> Result<Said> {
    let Some((kind, key, status)) = sql::dealt_with(tx, job)? else { return Ok(Said::NoSuchJob) };
    if status != "dead" {
        return Ok(Said::NotInThatState { status });
    }
    // Nobody does the jobs of a kind that this program does not know.
    let Some(known) = kinds.get(&kind) else { return Ok(Said::NotOfThisKind { kind }) };
    if matches!(known.staff_may.retry, May::No) {
        return Ok(Said::NotOfThisKind { kind });
    }
    if known.schedule.is_some() && key == KEY {
        sql::cancel_queued(tx, &kind, &key)?;
    }
    if sql::is_open(tx, &kind, &key)? {
        return Ok(Said::OpenAlready);
    }
    sql::bring_back(tx, job, &kind)?;
    tell(tx, known.staff_may.retry, &key)?;
    Ok(Said::Done(ByStaff { kind, before: status, after: "queued" }))
}

/// Ends a job that waits or is dead. One of a schedule never is: the schedule would end with it.
///
/// # Errors
/// A fault, or what the kind refuses.
pub fn cancel_by_staff(tx: &mut WriteTx<'_>, kinds: &Kinds, job: JobId) -> Result<Said> {
    let Some((kind, key, status)) = sql::dealt_with(tx, job)? else { return Ok(Said::NoSuchJob) };
    let may = kinds.get(&kind).filter(|known| known.schedule.is_none()).map_or(May::No, |known| known.staff_may.cancel);
    if matches!(may, May::No) {
        return Ok(Said::NotOfThisKind { kind });
    }
    if status != "queued" && status != "dead" {
        return Ok(Said::NotInThatState { status });
    }
    sql::end(tx, job)?;
    tell(tx, may, &key)?;
    Ok(Said::Done(ByStaff { kind, before: status, after: "cancelled" }))
}

fn tell(tx: &mut WriteTx<'_>, may: May, key: &str) -> Result<()> {
    match may {
        May::Telling(tell) => tell(tx, key),
        May::No | May::Yes => Ok(()),
    }
}
