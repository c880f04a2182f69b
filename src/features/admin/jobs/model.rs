//! A job and its kind, as they are told.

use crate::kernel::{JobId, UtcMs};

/// Where a job stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JobStatus {
    Queued,
    Running,
    Done,
    /// Given up after its last try.
    Dead,
    Cancelled,
}

impl JobStatus {
    pub const ALL: [JobStatus; 5] =
        [JobStatus::Queued, JobStatus::Running, JobStatus::Done, JobStatus::Dead, JobStatus::Cancelled];

    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            JobStatus::Queued => "queued",
            JobStatus::Running => "running",
            JobStatus::Done => "done",
            JobStatus::Dead => "dead",
            JobStatus::Cancelled => "cancelled",
        }
    }

    #[must_use]
    pub fn from_code(code: &str) -> Option<JobStatus> {
        JobStatus::ALL.into_iter().find(|status| status.code() == code)
    }
}

/// A job. Its key stays inside: it may be a person's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Job {
    pub id: JobId,
    pub kind: String,
    pub status: JobStatus,
    pub attempts: i64,
    pub max_attempts: i64,
    pub run_at: UtcMs,
    pub last_error: Option<String>,
    pub created_at: UtcMs,
    pub finished_at: Option<UtcMs>,
}

/// What there is of one kind of job.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KindCounts {
    pub queued: i64,
    pub running: i64,
    pub dead: i64,
    /// Of those queued, the ones whose time has come.
    pub late: i64,
    /// When the first of the open ones is due, or was.
    pub first_due_at: Option<UtcMs>,
    /// What the newest try said that failed, of those open or dead.
    pub last_error: Option<String>,
}
