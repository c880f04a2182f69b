//! How jobs have ended since the start, by kind, and what waits now: readings of the queue, for metrics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::db::{BUCKETS, Histogram, micros};

/// Upper bounds in microseconds, from a row that is finished at once to a lease's end.
const BOUNDS_US: [u64; BUCKETS] =
    [5_000, 20_000, 100_000, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000, 300_000_000];

/// How the runs of one kind have ended.
#[derive(Debug)]
pub struct Ended {
    pub done: u64,
    /// A try that ended with an error; most are tried again.
    pub failed: u64,
    pub duration_us: Arc<Histogram>,
}

impl Default for Ended {
    fn default() -> Ended {
        Ended { done: 0, failed: 0, duration_us: Arc::new(Histogram::of(&BOUNDS_US)) }
    }
}

/// What of one kind waits and runs now.
#[derive(Clone, Debug)]
pub struct Standing {
    pub kind: Arc<str>,
    /// Entries of the queue, which may name a job twice.
    pub waiting: usize,
    pub running: usize,
    /// When the first of them is or was due, in ms.
    pub first_due_ms: Option<i64>,
}

/// Runs by kind.
#[derive(Debug, Default)]
pub(super) struct Tally {
    by_kind: Mutex<BTreeMap<Arc<str>, Ended>>,
}

impl Tally {
    pub(super) fn count(&self, kind: &str, is_done: bool, took: Duration) {
        let mut by_kind = self.by_kind.lock().unwrap_or_else(PoisonError::into_inner);
        if !by_kind.contains_key(kind) {
            by_kind.insert(Arc::from(kind), Ended::default());
        }
        let Some(ended) = by_kind.get_mut(kind) else { return };
        if is_done {
            ended.done += 1;
        } else {
            ended.failed += 1;
        }
        ended.duration_us.record(micros(took));
    }

    pub(super) fn ended(&self) -> Vec<(Arc<str>, Ended)> {
        let by_kind = self.by_kind.lock().unwrap_or_else(PoisonError::into_inner);
        let copy = |ended: &Ended| Ended { duration_us: Arc::clone(&ended.duration_us), ..*ended };
        by_kind.iter().map(|(kind, ended)| (Arc::clone(kind), copy(ended))).collect()
    }
}
