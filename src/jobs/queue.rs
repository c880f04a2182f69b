//! What is due next, in memory; the rows are the truth, this only knows when to look.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::kernel::{JobDue, JobId, UtcMs};

/// Open jobs by due time: 24 bytes each, so that a million waiting jobs are 24 MB. One may stand here twice; who claims its row
/// first has it.
#[derive(Debug, Default)]
pub struct Queue {
    due: Mutex<BinaryHeap<Reverse<(i64, JobId)>>>,
    changed: Notify,
}

impl Queue {
    fn due(&self) -> MutexGuard<'_, BinaryHeap<Reverse<(i64, JobId)>>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds jobs that were committed. It does not block: reactions after a commit call it.
    pub fn push(&self, jobs: &[JobDue]) {
        if jobs.is_empty() {
            return;
        }
        // Under one lock: were the last entry taken between looking and adding, nobody would be told of the new one.
        let mut due = self.due();
        let first_before = due.peek().map(|Reverse((first, _))| *first);
        due.extend(jobs.iter().map(|job| Reverse((job.due.ms(), job.job))));
        drop(due);
        // Only an earlier first one moves the worker's alarm.
        if first_before.is_none_or(|first| jobs.iter().any(|job| job.due.ms() < first)) {
            self.changed.notify_one();
        }
    }

    /// Adds all open jobs, of which most are known: each stands here once.
    pub fn merge(&self, jobs: &[JobDue]) {
        let mut due = self.due();
        let mut all = std::mem::take(&mut *due).into_vec();
        all.extend(jobs.iter().map(|job| Reverse((job.due.ms(), job.job))));
        all.sort_unstable();
        all.dedup();
        *due = all.into();
        drop(due);
        self.changed.notify_one();
    }

    /// When the next job is due.
    #[must_use]
    pub fn next_due(&self) -> Option<UtcMs> {
        self.due().peek().map(|Reverse((due, _))| UtcMs::from_ms(*due))
    }

    /// Takes the first job that is due.
    #[must_use]
    pub fn pop_due(&self, now: UtcMs) -> Option<JobId> {
        let mut due = self.due();
        if due.peek()?.0.0 > now.ms() {
            return None;
        }
        due.pop().map(|Reverse((_, job))| job)
    }

    /// Waits until an earlier job was added.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}
