//! Trying a dead job again, and ending one that is not wanted any more.

use std::sync::Arc;

use serde_json::json;

use super::model::Job;
use super::sql;
use crate::db::{Command, WriteTx};
use crate::features::admin::problems;
use crate::http::problem::not_found;
use crate::jobs::{self, Kinds, Said};
use crate::kernel::{Change, Error, Fault, JobId, Problem, Result};

/// Tries a dead job again. Refuses with `job_not_dead`, `job_open_already`, `job_not_retryable`, `not_found`.
pub(super) struct RetryJob {
    pub job: JobId,
    pub kinds: Arc<Kinds>,
}

impl Command for RetryJob {
    const NAME: &'static str = "jobs.retry";
    type Output = Job;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Job> {
        let said = jobs::retry_by_staff(tx, &self.kinds, self.job)?;
        done(tx, "job.retry", self.job, said, |status| {
            Problem::of(&problems::JOB_NOT_DEAD)
                .detail(format!("The job is {status}; only one that was given up (dead) is tried again. Nothing was changed."))
                .fact("jobStatus", status)
        })
    }
}

/// Ends a job that waits or is dead. Refuses with `job_not_cancellable`, `job_not_waiting`, `not_found`.
pub(super) struct CancelJob {
    pub job: JobId,
    pub kinds: Arc<Kinds>,
}

impl Command for CancelJob {
    const NAME: &'static str = "jobs.cancel";
    type Output = Job;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Job> {
        let said = jobs::cancel_by_staff(tx, &self.kinds, self.job)?;
        done(tx, "job.cancel", self.job, said, |status| {
            Problem::of(&problems::JOB_NOT_WAITING)
                .detail(format!("The job is {status}; only one that waits, or was given up, is ended. Nothing was changed."))
                .fact("jobStatus", status)
        })
    }
}

fn done(
    tx: &mut WriteTx<'_>,
    action: &'static str,
    job: JobId,
    said: Said,
    wrong_state: impl FnOnce(&str) -> Problem,
) -> Result<Job> {
    match said {
        Said::Done(by_staff) => {
            tx.changed(Change {
                action,
                subject: format!("job:{job}"),
                before: Some(json!({ "kind": by_staff.kind, "status": by_staff.before })),
                after: Some(json!({ "kind": by_staff.kind, "status": by_staff.after })),
            });
            sql::one(tx, job)?.ok_or_else(|| Fault::because("a job just written is there").into())
        }
        said => Err(refusal(action, said, wrong_state)),
    }
}

fn refusal(action: &'static str, said: Said, wrong_state: impl FnOnce(&str) -> Problem) -> Error {
    match said {
        Said::Done(_) | Said::NoSuchJob => not_found(),
        Said::NotInThatState { status } => wrong_state(&status).into(),
        Said::OpenAlready => Problem::of(&problems::JOB_OPEN_ALREADY)
            .detail("The same work waits or runs as another job already; look for it among those of this kind. Nothing was changed.")
            .into(),
        Said::NotOfThisKind { kind } if action == "job.retry" => Problem::of(&problems::JOB_NOT_RETRYABLE)
            .detail(format!("Jobs of the kind {kind} are not tried again by hand. Nothing was changed."))
            .fact("kind", kind)
            .into(),
        Said::NotOfThisKind { kind } => Problem::of(&problems::JOB_NOT_CANCELLABLE)
            .detail(format!("Jobs of the kind {kind} are not ended by hand: what they were written for is still to be done. Nothing was changed."))
            .fact("kind", kind)
            .into(),
    }
}
