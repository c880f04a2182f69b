//! What is due next, in memory; the rows are the truth, this only knows when to look.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::kernel::{JobDue, JobId, UtcMs};

/// Open jobs by due time. About 40 bytes each, so that a million waiting jobs are 40 MB.
#[derive(Debug, Default)]
pub struct Queue {
    due: Mutex<BTreeSet<(i64, JobId)>>,
    changed: Notify,
}

impl Queue {
    fn due(&self) -> MutexGuard<'_, BTreeSet<(i64, JobId)>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds jobs that were committed. It does not block: reactions after a commit call it.
    pub fn push(&self, jobs: &[JobDue]) {
        if jobs.is_empty() {
            return;
        }
        // Under one lock: were the last entry taken between looking and adding, nobody would be told of the new one.
        let mut due = self.due();
        let first_before = due.first().map(|(first, _)| *first);
        due.extend(jobs.iter().map(|job| (job.due.ms(), job.job)));
        drop(due);
        // Only an earlier first one moves the worker's alarm.
        if first_before.is_none_or(|first| jobs.iter().any(|job| job.due.ms() < first)) {
            self.changed.notify_one();
        }
    }

    /// When the next job is due.
    #[must_use]
    pub fn next_due(&self) -> Option<UtcMs> {
        self.due().first().map(|(due, _)| UtcMs::from_ms(*due))
    }

    /// Takes the first job that is due.
    #[must_use]
    pub fn pop_due(&self, now: UtcMs) -> Option<JobId> {
        let mut due = self.due();
        let first = *due.first()?;
        if first.0 > now.ms() {
            return None;
        }
        due.remove(&first);
        Some(first.1)
    }

    /// Waits until an earlier job was added.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}
