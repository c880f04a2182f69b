//! How the database is doing, for logs, benches and metrics. Times in microseconds.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Buckets below the one that takes what is larger than all.
pub const BUCKETS: usize = 11;

/// Powers of four from 4 µs (or 4 things) to about 4 s.
const POWERS: [u64; BUCKETS] = {
    let (mut bounds, mut bucket) = ([4; BUCKETS], 1);
    while bucket < BUCKETS {
        bounds[bucket] = bounds[bucket - 1] * 4;
        bucket += 1;
    }
    bounds
};

/// Counts of values by size, without locks.
#[derive(Debug)]
pub struct Histogram {
    /// Upper bounds of the buckets, rising.
    bounds: &'static [u64; BUCKETS],
    buckets: [AtomicU64; BUCKETS + 1],
    sum: AtomicU64,
    count: AtomicU64,
    max: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram::of(&POWERS)
    }
}

impl Histogram {
    /// With these upper bounds.
    #[must_use]
    pub fn of(bounds: &'static [u64; BUCKETS]) -> Histogram {
        let (buckets, [sum, count, max]) = (Default::default(), Default::default());
        Histogram { bounds, buckets, sum, count, max }
    }

    pub fn record(&self, value: u64) {
        let bucket = self.bounds.iter().position(|bound| value <= *bound).unwrap_or(BUCKETS);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
        self.max.fetch_max(value, Ordering::Relaxed);
    }

    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }

    #[must_use]
    pub fn max(&self) -> u64 {
        self.max.load(Ordering::Relaxed)
    }

    /// The mean, rounded down; 0 of nothing.
    #[must_use]
    pub fn mean(&self) -> u64 {
        self.sum().checked_div(self.count()).unwrap_or(0)
    }

    /// Upper bound and count of each bucket; the last bound is `u64::MAX`.
    #[must_use]
    pub fn buckets(&self) -> Vec<(u64, u64)> {
        let bounds = self.bounds.iter().copied().chain([u64::MAX]);
        bounds.zip(&self.buckets).map(|(bound, count)| (bound, count.load(Ordering::Relaxed))).collect()
    }
}

/// What is kept of the writer and the statements.
#[derive(Debug, Default)]
pub struct Stats {
    /// Writes waiting when a group begins.
    pub queue_depth: Histogram,
    /// From being queued to being applied.
    pub queue_wait_us: Histogram,
    /// Writes a group.
    pub group_size: Histogram,
    /// The COMMIT, sync included.
    pub commit_us: Histogram,
    /// One statement, its rows included.
    pub statement_us: Histogram,
    /// Groups whose commit failed.
    pub failed_commits: AtomicU64,
    /// Writes that panicked.
    pub panicked_writes: AtomicU64,
    /// Writes and reads turned away because their queue was full.
    pub turned_away: AtomicU64,
    /// Pages in the write-ahead log after the last commit.
    pub log_pages: AtomicU64,
    /// While on, each writing statement is noted, for the test that counts B-tree writes.
    trace_on: AtomicBool,
    traced: Mutex<Vec<&'static str>>,
}

impl Stats {
    /// Notes every writing statement from now on.
    pub fn trace_writes(&self) {
        self.trace_on.store(true, Ordering::SeqCst);
    }

    /// The writing statements since [`Stats::trace_writes`], in order; ends the noting.
    #[must_use]
    pub fn take_trace(&self) -> Vec<&'static str> {
        self.trace_on.store(false, Ordering::SeqCst);
        std::mem::take(&mut *self.traced.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn note_write(&self, sql: &'static str) {
        if self.trace_on.load(Ordering::Relaxed) {
            self.traced.lock().unwrap_or_else(PoisonError::into_inner).push(sql);
        }
    }

    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// A duration in whole microseconds.
pub fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_falls_into_the_first_bucket_that_holds_it() {
        let histogram = Histogram::default();
        for value in [0, 4, 5, 16, 17, u64::MAX / 2] {
            histogram.record(value);
        }
        let counts: Vec<u64> = histogram.buckets().into_iter().map(|(_, count)| count).collect();
        assert_eq!((counts[0], counts[1], counts[2], counts[BUCKETS]), (2, 2, 1, 1));
        assert_eq!((histogram.count(), histogram.max()), (6, u64::MAX / 2));
    }
}
