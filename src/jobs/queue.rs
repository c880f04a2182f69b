//! What is due next, in memory; the rows are the truth, this only knows when to look, and how many of a kind run now.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::tally::{Ended, Standing, Tally};
use crate::kernel::{JobDue, JobId, UtcMs};

/// Jobs that run at once, of all kinds. Beyond it one of each kind runs all the same, so that no kind waits for another, however
/// long those of others hang. They load the writer little: its lane for jobs lets people go first.
const AT_ONCE: usize = 24;
/// Jobs of one kind that run at once, where its handler does not say otherwise.
pub(super) const OF_A_KIND: usize = 4;

/// Open jobs by kind and due time: 24 bytes each, so that a million waiting jobs are 24 MB. One may stand here twice; who claims its
/// row first has it.
#[derive(Debug, Default)]
pub struct Queue {
    lines: Mutex<Lines>,
    changed: Notify,
    freed: Notify,
    tally: Tally,
}

#[derive(Debug, Default)]
struct Lines {
    by_kind: BTreeMap<Arc<str>, Line>,
    running: usize,
    /// Jobs that run, each with when it is to be looked at again, if it fell due meanwhile. A handler may put its own job back and end
    /// after that: were the next run to begin before, that end would be written into it.
    doing: BTreeMap<JobId, Option<i64>>,
}

/// The jobs of one kind.
#[derive(Debug)]
struct Line {
    due: BinaryHeap<Reverse<(i64, JobId)>>,
    at_once: usize,
    running: usize,
}

impl Default for Line {
    fn default() -> Line {
        Line { due: BinaryHeap::new(), at_once: OF_A_KIND, running: 0 }
    }
}

impl Lines {
    fn line(&mut self, kind: &Arc<str>) -> &mut Line {
        self.by_kind.entry(Arc::clone(kind)).or_default()
    }

    fn add(&mut self, jobs: &[JobDue]) {
        for job in jobs {
            self.line(&job.kind).due.push(Reverse((job.due.ms(), job.job)));
        }
    }

    /// The first job among the kinds that have a place free.
    fn first(&self) -> Option<(i64, JobId, &Arc<str>)> {
        let has_place = |line: &Line| line.running < line.at_once && (self.running < AT_ONCE || line.running == 0);
        let firsts = self.by_kind.iter().filter(|(_, line)| has_place(line));
        firsts.filter_map(|(kind, line)| line.due.peek().map(|Reverse((due, job))| (*due, *job, kind))).min()
    }
}

/// A job with its places in its kind and among all; they are free when this is dropped.
#[derive(Debug)]
pub struct Taken {
    pub job: JobId,
    pub kind: Arc<str>,
    queue: Arc<Queue>,
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut lines = self.queue.lines();
        lines.running -= 1;
        let again = lines.doing.remove(&self.job).flatten();
        let line = lines.line(&self.kind);
        line.running -= 1;
        line.due.extend(again.map(|due| Reverse((due, self.job))));
        drop(lines);
        self.queue.changed.notify_one();
        self.queue.freed.notify_waiters();
    }
}

impl Queue {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many jobs of a kind run at once, and at least one.
    pub(super) fn limit(&self, kind: &'static str, at_once: usize) {
        self.lines().line(&Arc::from(kind)).at_once = at_once.max(1);
    }

    /// What waits and runs now, of each kind.
    #[must_use]
    pub fn standing(&self) -> Vec<Standing> {
        let lines = self.lines();
        let of = |(kind, line): (&Arc<str>, &Line)| Standing {
            kind: Arc::clone(kind),
            waiting: line.due.len(),
            running: line.running,
            first_due_ms: line.due.peek().map(|Reverse((due, _))| *due),
        };
        lines.by_kind.iter().map(of).collect()
    }

    /// How the runs of each kind have ended since the start.
    #[must_use]
    pub fn ended(&self) -> Vec<(Arc<str>, Ended)> {
        self.tally.ended()
    }

    /// A run has ended.
    pub(super) fn count(&self, kind: &str, is_done: bool, took: Duration) {
        self.tally.count(kind, is_done, took);
    }

    /// Adds jobs that were committed. It does not block: reactions after a commit call it.
    pub fn push(&self, jobs: &[JobDue]) {
        if jobs.is_empty() {
            return;
        }
        // Under one lock: were the last entry taken between looking and adding, nobody would be told of the new one.
        let mut lines = self.lines();
        let due = |lines: &Lines| lines.first().map(|(due, ..)| due);
        let first_before = due(&lines);
        lines.add(jobs);
        // Only an earlier first one moves the worker's alarm.
        let is_earlier = due(&lines).is_some_and(|first| first_before.is_none_or(|before| first < before));
        drop(lines);
        if is_earlier {
            self.changed.notify_one();
        }
    }

    /// Adds all open jobs, of which most are known: each stands here once.
    pub fn merge(&self, jobs: &[JobDue]) {
        let mut lines = self.lines();
        lines.add(jobs);
        for line in lines.by_kind.values_mut() {
            let mut all = std::mem::take(&mut line.due).into_vec();
            all.sort_unstable();
            all.dedup();
            line.due = all.into();
        }
        drop(lines);
        self.changed.notify_one();
    }

    /// When the next job is due, of the kinds that have a place free.
    #[must_use]
    pub fn next_due(&self) -> Option<UtcMs> {
        self.lines().first().map(|(due, ..)| UtcMs::from_ms(due))
    }

    /// Takes the first job that is due, of the kinds that have a place free, and its place. One that runs is not taken before it has
    /// ended.
    #[must_use]
    pub fn take_due(self: &Arc<Self>, now: UtcMs) -> Option<Taken> {
        let mut lines = self.lines();
        loop {
            let (due, job, kind) = lines.first()?;
            if due > now.ms() {
                return None;
            }
            let kind = Arc::clone(kind);
            lines.line(&kind).due.pop();
            if let Some(again) = lines.doing.get_mut(&job) {
                *again = Some(again.map_or(due, |known| known.min(due)));
                continue;
            }
            lines.doing.insert(job, None);
            lines.running += 1;
            lines.line(&kind).running += 1;
            drop(lines);
            return Some(Taken { job, kind, queue: Arc::clone(self) });
        }
    }

    /// Waits until an earlier job was added, or a place is free.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Waits until nothing that was taken runs any more.
    pub async fn idle(&self) {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // Who frees a place after this is heard, also before it is waited for.
            freed.as_mut().enable();
            if self.lines().running == 0 {
                return;
            }
            freed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcMs = UtcMs::from_ms(1_000);

    fn job(kind: &str, number: u128, due: i64) -> JobDue {
        JobDue { job: JobId::from_uuid(uuid::Uuid::from_u128(number)), kind: Arc::from(kind), due: UtcMs::from_ms(due) }
    }

    fn queue(jobs: &[JobDue]) -> Arc<Queue> {
        let queue = Arc::new(Queue::default());
        queue.push(jobs);
        queue
    }

    fn number(taken: &Taken) -> u128 {
        taken.job.uuid().as_u128()
    }

    #[test]
    fn jobs_come_by_their_due_time_whatever_their_kind() {
        let queue = queue(&[job("b", 3, 30), job("a", 1, 20), job("b", 2, 20), job("a", 4, 10), job("a", 5, 1_001)]);
        let order: Vec<u128> = std::iter::from_fn(|| queue.take_due(NOW).map(|taken| number(&taken))).collect();
        assert_eq!(order, [4, 1, 2, 3]);
        assert_eq!(queue.next_due(), Some(UtcMs::from_ms(1_001)));
    }

    #[test]
    fn a_kind_at_its_limit_is_passed_over_until_a_place_is_free() {
        let queue = queue(&[job("a", 1, 1), job("a", 2, 2), job("a", 3, 3), job("b", 4, 4), job("b", 5, 1_005)]);
        queue.limit("a", 2);
        let mut taken: Vec<Taken> = std::iter::from_fn(|| queue.take_due(NOW)).collect();
        assert_eq!(taken.iter().map(number).collect::<Vec<_>>(), [1, 2, 4]);
        assert_eq!(queue.next_due(), Some(UtcMs::from_ms(1_005)), "the full kind moves no alarm");
        taken.remove(0);
        assert_eq!(queue.next_due(), Some(UtcMs::from_ms(3)));
        assert_eq!(queue.take_due(NOW).as_ref().map(number), Some(3));
    }

    #[test]
    fn when_every_place_is_taken_each_kind_still_has_one() {
        let many = |kind: &'static str, first: u128| (0..30).map(move |number| job(kind, first + 2 * number, 1));
        let queue = queue(&many("a", 100).chain(many("b", 101)).collect::<Vec<_>>());
        queue.limit("a", 100);
        let running: Vec<Taken> = std::iter::from_fn(|| queue.take_due(NOW)).collect();
        let of = |kind| running.iter().filter(|taken| &*taken.kind == kind).count();
        // The two kinds' jobs alternate, so they took turns until one was full.
        assert_eq!((of("a"), of("b")), (AT_ONCE - OF_A_KIND, OF_A_KIND));
        queue.push(&[job("c", 1, 1), job("c", 2, 1)]);
        let late = queue.take_due(NOW).expect("its kind has none running");
        assert_eq!((&*late.kind, queue.take_due(NOW).is_none()), ("c", true));
    }

    #[test]
    fn a_job_that_is_put_back_while_it_runs_begins_after_it_has_ended() {
        let queue = queue(&[job("a", 1, 1)]);
        let first = queue.take_due(NOW).expect("it is due");
        queue.push(&[job("a", 1, 5), job("a", 1, 3), job("a", 2, 4)]);
        let other = queue.take_due(NOW).expect("another is due");
        assert_eq!((number(&other), queue.take_due(NOW).is_none()), (2, true));
        drop(first);
        assert_eq!(queue.take_due(NOW).as_ref().map(number), Some(1));
        assert_eq!(queue.next_due(), None, "it stands once");
    }

    #[test]
    fn what_is_merged_stands_once() {
        let queue = queue(&[job("a", 1, 1), job("b", 2, 2)]);
        queue.merge(&[job("a", 1, 1), job("b", 2, 2), job("c", 3, 3)]);
        let order: Vec<u128> = std::iter::from_fn(|| queue.take_due(NOW).map(|taken| number(&taken))).collect();
        assert_eq!(order, [1, 2, 3]);
    }

    #[tokio::test]
    async fn it_is_idle_when_the_last_place_is_free() {
        let queue = queue(&[job("a", 1, 1)]);
        let taken = queue.take_due(NOW).expect("it is due");
        let idle = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { queue.idle().await }
        });
        tokio::task::yield_now().await;
        assert!(!idle.is_finished());
        drop(taken);
        idle.await.expect("it ends");
    }
}
