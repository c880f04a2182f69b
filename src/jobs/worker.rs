//! Takes jobs as they fall due, a few at a time.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::watch;

use super::{Claimed, Handlers, Kinds, Queue, Schedule, Taken, backoff, finish_recurring, schedule, sql};
use crate::clock::Clock;
use crate::db::{Command, Db, WriteTx};
use crate::kernel::time::span::MINUTE_MS;
use crate::kernel::{Error, Fault, JobDue, JobId, Result, UtcMs};
use crate::trace::{self, Work};

/// A job that has not ended by then is taken to have been lost.
const LEASE_MS: i64 = 5 * MINUTE_MS;
/// A claim that the database turned away is tried again after this.
const CLAIM_AGAIN_MS: i64 = 1_000;
/// Jobs that run when the shop ends get this long. Most end in milliseconds; whoever comes during an upgrade waits for the rest, and a
/// job that is cut runs again.
const DRAIN_TIME: Duration = Duration::from_secs(5);
/// An error is kept in the row up to this many characters.
const ERROR_LENGTH: usize = 500;

/// The worker of one shop.
#[derive(Clone)]
pub struct Worker {
    shared: Arc<Shared>,
}

struct Shared {
    db: Arc<dyn DbAccess>,
    clock: Clock,
    queue: Arc<Queue>,
    handlers: Handlers,
    kinds: Arc<Kinds>,
}

/// Where the worker finds the database: inside the shop's handle.
pub trait DbAccess: Send + Sync + 'static {
    fn db(&self) -> &Db;
}

impl Worker {
    /// `kinds` hears of the handlers' kinds.
    #[must_use]
    pub fn new(db: Arc<dyn DbAccess>, clock: Clock, queue: Arc<Queue>, handlers: Handlers, kinds: Arc<Kinds>) -> Worker {
        kinds.learn(&handlers);
        for handler in &handlers {
            queue.limit(handler.kind(), handler.at_once());
        }
        Worker { shared: Arc::new(Shared { db, clock, queue, handlers, kinds }) }
    }

    /// Takes up what an earlier run left, and sees to it that each recurring job has its next run.
    ///
    /// # Errors
    /// What the database says.
    pub async fn take_up(&self) -> Result<()> {
        let waiting = self.shared.db.db().write(TakeUp { kinds: Arc::clone(&self.shared.kinds) }).await?;
        self.shared.queue.push(&waiting);
        Ok(())
    }

    /// Works until `stop` turns true, then lets what runs end. What is unfinished runs again at the next start.
    pub async fn work(&self, mut stop: watch::Receiver<bool>) {
        loop {
            while !*stop.borrow()
                && let Some(taken) = self.shared.queue.take_due(self.shared.clock.now())
            {
                let shared = Arc::clone(&self.shared);
                tokio::spawn(async move { shared.run(&taken).await });
            }
            let next = self.shared.queue.next_due();
            let alarm = async {
                match next {
                    Some(due) => self.shared.clock.sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = alarm => {}
                () = self.shared.queue.changed() => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        // What takes longer is cut, and runs again at the next start.
        if tokio::time::timeout(DRAIN_TIME, self.shared.queue.idle()).await.is_err() {
            tracing::warn!("some jobs had not ended after {} s; they run again at the next start", DRAIN_TIME.as_secs());
        }
    }

    /// Runs what is due until nothing is, for tests that have moved the clock.
    ///
    /// # Errors
    /// What the database says.
    pub async fn run_due(&self) -> Result<()> {
        loop {
            while let Some(taken) = self.shared.queue.take_due(self.shared.clock.now()) {
                self.shared.run(&taken).await;
            }
            // What the worker's own task has taken counts as running until its place is free.
            self.shared.queue.idle().await;
            let now = self.shared.clock.now();
            if self.shared.db.db().read(move |reader| sql::unfinished_count(reader, now)).await? == 0 {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    }
}

impl Shared {
    async fn run(&self, taken: &Taken) {
        let (db, job) = (self.db.db(), taken.job);
        let look_at = |due| JobDue { job, kind: Arc::clone(&taken.kind), due };
        let (claimed, cause) =
            match db.write_in_background(Claim { job, lease_until: self.clock.now().plus_ms(LEASE_MS) }).await {
                Ok(Some(taken)) => taken,
                // Cancelled or moved meanwhile.
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(job = %job, error = %error, "a job could not be claimed; it stays queued");
                    // If the claim landed all the same, the row is running and its lease decides.
                    let now = self.clock.now();
                    self.queue.push(&[CLAIM_AGAIN_MS, LEASE_MS + CLAIM_AGAIN_MS].map(|ms| look_at(now.plus_ms(ms))));
                    return;
                }
            };
        let work = trace::job(&claimed.kind, cause.as_deref());
        work.number("bayader.job.attempt", u64::try_from(claimed.attempt).unwrap_or(0));
        if let Err(error) = work.around(self.do_job(claimed, &work)).await {
            tracing::warn!(job = %job, error = %error, "a job's end could not be written; its lease decides");
            self.queue.push(&[look_at(self.clock.now().plus_ms(LEASE_MS))]);
        }
    }

    /// Lets the handler do it, and writes how it ended.
    ///
    /// # Errors
    /// If its end could not be written.
    async fn do_job(&self, claimed: Claimed, work: &Work) -> Result<()> {
        let started = Instant::now();
        let outcome = match self.handlers.iter().find(|handler| handler.kind() == claimed.kind) {
            Some(handler) => {
                let run = AssertUnwindSafe(async { handler.run(claimed.clone()).await });
                run.catch_unwind().await.unwrap_or_else(|_| Err(Fault::because("the job panicked").into()))
            }
            None => Err(Fault::because(format!("no handler for jobs of kind {}", claimed.kind)).into()),
        };
        self.queue.count(&claimed.kind, outcome.is_ok(), started.elapsed());
        match outcome {
            Ok(()) => self.finish(claimed).await,
            Err(error) => {
                work.failed("failed");
                self.fail(&claimed, &error).await
            }
        }
    }

    /// Most handlers have finished the row with their effect. To look costs nobody a wait; a write would stand behind people's.
    async fn finish(&self, job: Claimed) -> Result<()> {
        let (db, id) = (self.db.db(), job.id);
        if matches!(db.read(move |reader| sql::is_running(reader, id)).await, Ok(false)) {
            return Ok(());
        }
        db.write_in_background(Finish { schedule: schedule::of(&self.kinds, &job), job }).await
    }

    async fn fail(&self, job: &Claimed, error: &Error) -> Result<()> {
        let [jitter, ..] = crate::security::random::quick();
        let again_at = self.clock.now().plus_ms(backoff::wait_ms(job.attempt, jitter));
        let text: String = error.to_string().chars().take(ERROR_LENGTH).collect();
        tracing::warn!(job = %job.id, kind = job.kind, attempt = job.attempt, error = text, "a job failed");
        self.db
            .db()
            .write_in_background(Fail { job: job.clone(), schedule: schedule::of(&self.kinds, job), error: text, again_at })
            .await
    }
}

struct TakeUp {
    kinds: Arc<Kinds>,
}
impl Command for TakeUp {
    const NAME: &'static str = "jobs.take_up";
    type Output = Vec<JobDue>;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Vec<JobDue>> {
        sql::free_leases(tx)?;
        schedule::ensure(tx, &self.kinds)?;
        sql::waiting(tx)
    }
}

struct Claim {
    job: JobId,
    lease_until: UtcMs,
}
impl Command for Claim {
    const NAME: &'static str = "jobs.claim";
    type Output = Option<(Claimed, Option<String>)>;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Self::Output> {
        sql::claim(tx, self.job, self.lease_until)
    }
}

struct Finish {
    job: Claimed,
    schedule: Option<Schedule>,
}
impl Command for Finish {
    const NAME: &'static str = "jobs.finish";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        match self.schedule {
            Some(schedule) => finish_recurring(tx, &self.job, schedule)?,
            None => sql::finish(tx, self.job.id)?,
        };
        Ok(())
    }
}

struct Fail {
    job: Claimed,
    schedule: Option<Schedule>,
    error: String,
    again_at: UtcMs,
}
impl Command for Fail {
    const NAME: &'static str = "jobs.fail";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let job = self.job.id;
        if sql::fail(tx, job, &self.error, self.again_at)? {
            tx.wake(JobDue { job, kind: Arc::from(self.job.kind), due: self.again_at });
        } else if let Some(schedule) = self.schedule {
            schedule::go_on(tx, job, &self.job.kind, schedule)?;
        }
        Ok(())
    }
}
