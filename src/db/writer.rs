//! The one writer: a thread that applies what is queued, each write in its own savepoint, and commits them as one group.
//!
//! What always holds:
//! - a caller is answered only after the COMMIT of its group (and after the reactions to it), so an acknowledged write is on disk;
//! - a write that fails or panics is undone alone; the rest of its group is not touched;
//! - a COMMIT that fails leaves an unknown outcome: the whole group is told so, and the connection is closed and reopened before
//!   the next group, because after a failed sync the page cache may hold what the disk does not (SPEC 5);
//! - SQLite itself drops the whole transaction on a full disk or an I/O error; autocommit after each write shows it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::checkpoint::{self, Checkpointer};
use super::error::{from_driver, storage_unavailable};
use super::memory::{Memories, Settlement};
use super::reader::Reader;
use super::stats::{Stats, micros};
use super::tx::{Command, WriteTx};
use crate::clock::{IdMaker, WriterClock};
use crate::kernel::problem::kinds;
use crate::kernel::{Change, DomainEvent, Error, Fault, JobDue, Origin, Problem, Result, UtcMs};
use crate::trace::{self, Work};

/// Most people's writes that wait. At the measured 5,000 orders/s a full lane is a fifth of a second of waiting.
const PEOPLE_LIMIT: usize = 1_024;
/// Most background writes that wait; jobs come again by themselves.
const JOBS_LIMIT: usize = 256;
/// A group closes after this long, so that the first of it does not wait for the last (SPEC 12).
const GROUP_TIME: Duration = Duration::from_millis(5);
/// Longest that a background write stands behind people; a hold is acted on within 20 s of its end (SPEC 4).
const JOB_PATIENCE: Duration = Duration::from_secs(1);
/// Waits of the writer before it tries to open the database again, until it succeeds.
const REOPEN_PAUSE: Duration = Duration::from_millis(200);
/// Seconds after which a caller whose outcome is unknown may ask again with the same key.
const UNKNOWN_RETRY_S: u32 = 2;
/// Compiled statements a connection keeps.
pub(super) const STATEMENT_CACHE: usize = 256;

/// What follows from events. The bakery plugs it in; the database only knows when to call it.
pub trait Reactions: Send + Sync + 'static {
    /// In the same savepoint as the write that recorded the event.
    ///
    /// # Errors
    /// An error undoes the write.
    fn inside(&self, tx: &mut WriteTx<'_>, event: &DomainEvent) -> Result<()>;
    /// In the same savepoint, last: a command of this name has been applied and changed this.
    ///
    /// # Errors
    /// An error undoes the write.
    fn written(&self, _tx: &mut WriteTx<'_>, _command: &'static str, _changes: &[Change]) -> Result<()> {
        Ok(())
    }
    /// After the commit, before the callers are answered. It cannot fail and must not block.
    fn after(&self, events: &[DomainEvent], jobs: &[JobDue]);
    /// After a commit whose outcome was unknown: what is held in memory may miss what landed, so it is read or dropped anew. Who
    /// holds nothing has nothing to do.
    fn resync(&self, _reader: &Reader<'_>) {}
}

/// Whose write goes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lane {
    /// Somebody waits for the answer.
    People,
    /// Background work.
    Jobs,
}

/// How a group ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Committed,
    /// The COMMIT failed.
    Unknown,
    /// SQLite undid the group before its COMMIT: surely not kept.
    Undone,
}

/// A queued write of any type.
trait Queued: Send {
    /// Applies it; whether it is to be kept.
    fn apply(&mut self, tx: &mut WriteTx<'_>) -> bool;
    /// It panicked, or a reaction to it failed.
    fn fail(&mut self, error: Error);
    fn answer(self: Box<Self>, fate: Fate);
    fn queued_at(&self) -> Instant;
    fn name(&self) -> &'static str;
    fn origin(&mut self) -> Option<Origin>;
    /// What is told of it in the trace of its cause.
    fn work(&self) -> &Work;
    /// Nobody waits for it any more.
    fn is_abandoned(&self) -> bool;
}

struct Waiting<C: Command> {
    command: Option<C>,
    outcome: Option<Result<C::Output>>,
    reply: oneshot::Sender<Result<C::Output>>,
    queued_at: Instant,
    origin: Option<Origin>,
    work: Work,
}

impl<C: Command> Queued for Waiting<C> {
    fn apply(&mut self, tx: &mut WriteTx<'_>) -> bool {
        let Some(command) = self.command.take() else { return false };
        let outcome = command.apply(tx);
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
    }

    fn fail(&mut self, error: Error) {
        self.outcome = Some(Err(error));
    }

    fn answer(mut self: Box<Self>, fate: Fate) {
        let outcome = match fate {
            Fate::Committed => self.outcome.take().unwrap_or_else(|| Err(Fault::because("a write without an outcome").into())),
            Fate::Unknown => Err(outcome_unknown().into()),
            Fate::Undone => Err(storage_unavailable().into()),
        };
        // Who asked may have gone; the write stands all the same.
        let _ = self.reply.send(outcome);
    }

    fn queued_at(&self) -> Instant {
        self.queued_at
    }

    fn name(&self) -> &'static str {
        C::NAME
    }

    fn origin(&mut self) -> Option<Origin> {
        self.origin.take()
    }

    fn work(&self) -> &Work {
        &self.work
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }
}

fn outcome_unknown() -> Problem {
    Problem::of(&kinds::OUTCOME_UNKNOWN)
        .detail("The disk failed while this was being kept, so it may or may not have happened. Repeat it with the same Idempotency-Key: you then get the true answer.")
        .retry_after_s(UNKNOWN_RETRY_S)
}

struct Lanes {
    people: VecDeque<Box<dyn Queued>>,
    jobs: VecDeque<Box<dyn Queued>>,
    open: bool,
}

struct Shared {
    lanes: Mutex<Lanes>,
    ready: Condvar,
    stats: Arc<Stats>,
}

impl Shared {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        // Nothing that can panic runs under this lock.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The handle to the writer thread; dropped, it applies what is queued and ends.
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the writer thread starts with.
pub(super) struct WriterParts {
    pub connection: Connection,
    pub reopen: Box<dyn Fn() -> rusqlite::Result<Connection> + Send>,
    pub clock: WriterClock,
    /// The newest moment stored; ids begin after it.
    pub newest: UtcMs,
    pub reactions: Arc<dyn Reactions>,
    pub checkpointer: Checkpointer,
    pub stats: Arc<Stats>,
}

impl Writer {
    pub(super) fn start(parts: WriterParts) -> std::io::Result<Writer> {
        let lanes = Mutex::new(Lanes { people: VecDeque::new(), jobs: VecDeque::new(), open: true });
        let shared = Arc::new(Shared { lanes, ready: Condvar::new(), stats: Arc::clone(&parts.stats) });
        let mut thread = WriterThread {
            shared: Arc::clone(&shared),
            connection: parts.connection,
            reopen: parts.reopen,
            clock: parts.clock,
            ids: IdMaker::after(parts.newest),
            memories: Memories::default(),
            reactions: parts.reactions,
            checkpointer: parts.checkpointer,
            stats: parts.stats,
        };
        let thread = std::thread::Builder::new().name("writer".to_owned()).spawn(move || thread.run())?;
        Ok(Writer { shared, thread: Some(thread) })
    }

    /// Writes that wait: of people, and of the background.
    pub(super) fn waiting(&self) -> (usize, usize) {
        let lanes = self.shared.lanes();
        (lanes.people.len(), lanes.jobs.len())
    }

    /// Queues a write and waits until its group is on disk.
    pub(super) async fn write<C: Command>(&self, command: C, lane: Lane) -> Result<C::Output> {
        let (reply, wait) = oneshot::channel();
        let waiting = Box::new(Waiting {
            command: Some(command),
            outcome: None,
            reply,
            queued_at: Instant::now(),
            origin: super::origin::current(),
            work: trace::part(C::NAME),
        });
        {
            let mut lanes = self.shared.lanes();
            let open = lanes.open;
            let (queue, limit) = match lane {
                Lane::People => (&mut lanes.people, PEOPLE_LIMIT),
                Lane::Jobs => (&mut lanes.jobs, JOBS_LIMIT),
            };
            if !open || queue.len() >= limit {
                Stats::count(&self.shared.stats.turned_away);
                return Err(Problem::of(&kinds::BUSY)
                    .detail("More is being written than the shop keeps up with. Nothing was changed; try again in a second.")
                    .retry_after_s(1)
                    .into());
            }
            queue.push_back(waiting);
        }
        self.shared.ready.notify_one();
        wait.await.unwrap_or_else(|_| Err(Fault::because("the writer ended before it answered").into()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.lanes().open = false;
        self.shared.ready.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct WriterThread {
    shared: Arc<Shared>,
    connection: Connection,
    reopen: Box<dyn Fn() -> rusqlite::Result<Connection> + Send>,
    clock: WriterClock,
    ids: IdMaker,
    memories: Memories,
    reactions: Arc<dyn Reactions>,
    checkpointer: Checkpointer,
    stats: Arc<Stats>,
}

/// A group while it is being made.
#[derive(Default)]
struct Group {
    applied: Vec<Box<dyn Queued>>,
    kept: usize,
    events: Vec<DomainEvent>,
    jobs: Vec<JobDue>,
    undone: bool,
}

impl WriterThread {
    fn run(&mut self) {
        while let Some(first) = self.wait_for_work() {
            self.run_group(first);
        }
    }

    fn wait_for_work(&self) -> Option<Box<dyn Queued>> {
        let mut lanes = self.shared.lanes();
        loop {
            let depth = lanes.people.len() + lanes.jobs.len();
            if let Some(next) = take_next(&mut lanes) {
                self.stats.queue_depth.record(depth as u64);
                return Some(next);
            }
            if !lanes.open {
                return None;
            }
            lanes = self.shared.ready.wait(lanes).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn run_group(&mut self, first: Box<dyn Queued>) {
        let mut group = Group::default();
        if let Err(error) = self.simple("begin immediate") {
            tracing::error!(error = %error, "a write transaction could not begin");
            first.answer(Fate::Undone);
            self.open_again();
            return;
        }
        let started = Instant::now();
        let mut next = Some(first);
        while let Some(queued) = next.take() {
            let waited_us = micros(queued.queued_at().elapsed());
            self.stats.queue_wait_us.record(waited_us);
            queued.work().number("bayader.write.wait_us", waited_us);
            if !queued.is_abandoned() {
                self.apply(queued, &mut group);
            }
            if group.undone {
                break;
            }
            if started.elapsed() < GROUP_TIME {
                next = take_next(&mut self.shared.lanes());
            }
        }
        self.finish(group);
    }

    /// Applies one write in its savepoint.
    fn apply(&mut self, mut queued: Box<dyn Queued>, group: &mut Group) {
        let work = queued.work().clone();
        let _under_way = work.enter();
        if let Err(error) = self.simple("savepoint one") {
            queued.fail(from_driver(error));
            group.applied.push(queued);
            group.undone = self.connection.is_autocommit();
            return;
        }
        let now = self.clock.tick();
        let reader = Reader::new(&self.connection, &self.stats);
        let mut tx = WriteTx::new(reader, now, &mut self.ids, &mut self.memories, queued.origin());
        let reactions = &self.reactions;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let keep = queued.apply(&mut tx);
            if keep && let Err(error) = react(reactions.as_ref(), &mut tx, queued.name()) {
                queued.fail(error);
                return false;
            }
            keep
        }));
        let (events, jobs) = (std::mem::take(&mut tx.events), std::mem::take(&mut tx.jobs));
        drop(tx);
        let keep = outcome.unwrap_or_else(|_| {
            Stats::count(&self.stats.panicked_writes);
            tracing::error!(command = queued.name(), "a write panicked and was undone");
            queued.fail(Fault::because(format!("{} panicked", queued.name())).into());
            false
        });
        if self.connection.is_autocommit() {
            group.undone = true;
        } else if keep && self.released(queued.as_mut()) {
            group.kept += 1;
            group.events.extend(events);
            group.jobs.extend(jobs);
            self.memories.keep();
            work.word(OUTCOME, "kept");
        } else {
            work.word(OUTCOME, "not_kept");
            self.memories.undo();
            let undone = self.simple("rollback to one").and_then(|()| self.simple("release one"));
            group.undone = undone.is_err();
        }
        group.applied.push(queued);
    }

    /// Keeps a write's savepoint; a write whose savepoint cannot be kept has failed.
    fn released(&self, queued: &mut dyn Queued) -> bool {
        match self.simple("release one") {
            Ok(()) => true,
            Err(error) => {
                queued.fail(from_driver(error));
                false
            }
        }
    }

    fn finish(&mut self, group: Group) {
        let mut commit_us = None;
        let fate = if group.undone {
            Fate::Undone
        } else if group.kept == 0 {
            // Only refusals: nothing to sync.
            if self.simple("rollback").is_ok() { Fate::Committed } else { Fate::Undone }
        } else if let Err(error) = self.memories.settle(&Settlement::new(&self.connection, &self.stats)) {
            // Before the commit, so surely not kept; the connection is closed below, and its transaction ends with it.
            tracing::error!(error = %error, writes = group.kept, "a group could not be settled and was undone");
            Fate::Undone
        } else {
            let started = Instant::now();
            let committed = self.simple("commit");
            let took_us = micros(started.elapsed());
            commit_us = Some(took_us);
            self.stats.commit_us.record(took_us);
            self.stats.group_size.record(group.kept as u64);
            self.stats.log_pages.store(checkpoint::pages().into(), Ordering::Relaxed);
            match committed {
                Ok(()) => Fate::Committed,
                Err(error) => {
                    Stats::count(&self.stats.failed_commits);
                    tracing::error!(error = %error, writes = group.kept, "a commit failed; its outcome is unknown");
                    Fate::Unknown
                }
            }
        };
        if fate == Fate::Committed {
            // They may not fail; should one panic all the same, the writes stand and the writer goes on.
            if catch_unwind(AssertUnwindSafe(|| self.reactions.after(&group.events, &group.jobs))).is_err() {
                tracing::error!("a reaction after a commit panicked; what is held in memory may be old");
            }
        }
        for queued in group.applied {
            tell(queued.work(), fate, group.kept, commit_us);
            queued.answer(fate);
        }
        if fate != Fate::Committed {
            // After the answers: it takes as long as the disk does, and the next write waits for it anyway.
            self.open_again();
            self.reactions.resync(&Reader::new(&self.connection, &self.stats));
        } else if group.kept > 0 {
            self.checkpointer.after_commit(&self.connection);
        }
    }

    /// Closes the connection and opens a new one, for as long as it takes. Writes that come meanwhile wait in their bounded lanes;
    /// when the program ends, they are told.
    fn open_again(&mut self) {
        self.memories.forget();
        loop {
            // In place of the broken one first, so that its file is closed before the new one is opened.
            match Connection::open_in_memory() {
                Ok(placeholder) => drop(std::mem::replace(&mut self.connection, placeholder)),
                Err(error) => tracing::error!(error = %error, "no connection could be made at all"),
            }
            match (self.reopen)() {
                Ok(connection) => {
                    self.connection = connection;
                    return;
                }
                Err(error) => {
                    tracing::error!(error = %error, "the database cannot be opened again yet");
                    self.turn_away_waiting();
                    if !self.shared.lanes().open {
                        return;
                    }
                    std::thread::sleep(REOPEN_PAUSE);
                }
            }
        }
    }

    /// While the disk takes nothing, nobody waits for it.
    fn turn_away_waiting(&self) {
        let waiting: Vec<_> = {
            let mut lanes = self.shared.lanes();
            let people = std::mem::take(&mut lanes.people);
            people.into_iter().chain(std::mem::take(&mut lanes.jobs)).collect()
        };
        for queued in waiting {
            queued.answer(Fate::Undone);
        }
    }

    fn simple(&self, sql: &'static str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.raw_execute().map(|_| ())
    }
}

/// What became of a write, in its trace.
const OUTCOME: &str = "bayader.write.outcome";

/// Tells in a write's trace how its group ended, and ends its part there before its caller goes on.
fn tell(work: &Work, fate: Fate, kept: usize, commit_us: Option<u64>) {
    work.number("bayader.write.group_size", kept as u64);
    if let Some(commit_us) = commit_us {
        work.number("bayader.write.commit_us", commit_us);
    }
    match fate {
        Fate::Committed => (),
        Fate::Unknown => work.failed("outcome_unknown"),
        Fate::Undone => work.failed("storage_unavailable"),
    }
    work.end();
}

/// What follows inside a write's own savepoint. A reaction records no event of its own: no chains.
fn react(reactions: &dyn Reactions, tx: &mut WriteTx<'_>, command: &'static str) -> Result<()> {
    let events = std::mem::take(&mut tx.events);
    for event in &events {
        reactions.inside(tx, event)?;
    }
    tx.events = events;
    let changes = std::mem::take(&mut tx.changes);
    reactions.written(tx, command, &changes)
}

/// People first, but a job that has waited too long goes before them: holds must end also while the shop is full.
fn take_next(lanes: &mut Lanes) -> Option<Box<dyn Queued>> {
    if lanes.jobs.front().is_some_and(|job| job.queued_at().elapsed() > JOB_PATIENCE) {
        return lanes.jobs.pop_front();
    }
    lanes.people.pop_front().or_else(|| lanes.jobs.pop_front())
}
