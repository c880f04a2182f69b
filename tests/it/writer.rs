//! The one writer and the jobs, over a real database: what harms whom, what is undone, who is told when.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bayader::args;
use bayader::clock::Clock;
use bayader::db::{Command, DataFolder, Db, DbOptions, Lane, Reactions, Settlement, WriteTx, WriterMemory};
use bayader::jobs::{self, Claimed, DbAccess, Handler, NewJob, Queue, Worker};
use bayader::kernel::problem::kinds;
use bayader::kernel::{DomainEvent, Error, Fault, JobDue, OrderId, Problem, Result, UtcMs};
use futures_util::future::{BoxFuture, join_all};
use rusqlite::{Connection, OpenFlags};
use tokio::sync::watch;

const START: UtcMs = UtcMs::from_ms(1_795_593_600_000);
const KIND: &str = "test.count";

/// What a test saw of the reactions, and how they are to behave.
#[derive(Default)]
pub struct Seen {
    /// How many rows others could see when the events came.
    rows_at_event: Mutex<Vec<i64>>,
    events: AtomicUsize,
    pub queue: Arc<Queue>,
    database: Mutex<Option<PathBuf>>,
}

pub struct Watching(Arc<Seen>);

impl Reactions for Watching {
    fn inside(&self, tx: &mut WriteTx<'_>, event: &DomainEvent) -> Result<()> {
        match event {
            DomainEvent::CategoryChanged => {
                put(tx, "by-a-reaction")?;
                Err(Problem::of(&kinds::FORBIDDEN).into())
            }
            DomainEvent::SessionEnded { .. } => panic!("a reaction panics"),
            _ => Ok(()),
        }
    }

    fn after(&self, events: &[DomainEvent], jobs: &[JobDue]) {
        if let Some(database) = self.0.database.lock().expect("a whole lock").as_deref().filter(|_| !events.is_empty()) {
            self.0.rows_at_event.lock().expect("a whole lock").push(rows_seen_by_others(database));
            // Long enough that a caller answered too early would be seen to be.
            std::thread::sleep(Duration::from_millis(30));
        }
        self.0.events.fetch_add(events.len(), Ordering::SeqCst);
        self.0.queue.push(jobs);
    }
}

fn rows_seen_by_others(database: &Path) -> i64 {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a second reader");
    connection.query_row("select count(*) from settings", [], |row| row.get(0)).expect("a count")
}

/// A database without a shop around it.
pub struct Books {
    pub db: Db,
    pub clock: Clock,
    pub seen: Arc<Seen>,
    _folder: tempfile::TempDir,
}

impl DbAccess for Books {
    fn db(&self) -> &Db {
        &self.db
    }
}

impl Books {
    pub fn open() -> Books {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let own = DataFolder::own(&folder.path().join("data")).expect("a folder of ours");
        let (seen, clock) = (Arc::new(Seen::default()), Clock::manual(START));
        let options = DbOptions { clock: clock.clone(), accept_clock: false, reactions: Arc::new(Watching(Arc::clone(&seen))) };
        Books { db: Db::open(own, options).expect("the database opens"), clock, seen, _folder: folder }
    }

    /// Runs writes as one group: they are queued while the writer is held by another write.
    async fn together<T>(&self, writes: Vec<BoxFuture<'_, T>>) -> Vec<T> {
        let (hold, release) = Hold::new();
        let (held, answers, ()) = tokio::join!(self.db.write(hold), join_all(writes), async {
            // The writes before were polled once by now, so they are queued; the writer has only the hold to do.
            release.send(()).expect("the writer waits");
        });
        held.expect("the hold ends well");
        answers
    }

    async fn names(&self) -> Vec<String> {
        self.db
            .read(|reader| reader.all("select section from settings order by section", &[], |row| row.get::<String>(0)))
            .await
            .expect("names can be read")
    }

    async fn jobs(&self) -> Vec<(String, i64, Option<String>)> {
        self.db
            .read(|reader| {
                reader.all("select status, attempts, last_error from jobs order by id", &[], |row| {
                    let mut columns = row.columns();
                    Ok((columns.next()?, columns.next()?, columns.next()?))
                })
            })
            .await
            .expect("jobs can be read")
    }
}

fn put(tx: &mut WriteTx<'_>, name: &str) -> Result<()> {
    tx.exec_one("insert into settings (section, value, updated_at) values (?1, '{}', ?2)", args![name, tx.now()])
}

/// Keeps the writer until it is released.
struct Hold {
    released: Receiver<()>,
}

impl Hold {
    fn new() -> (Hold, SyncSender<()>) {
        let (release, released) = sync_channel(1);
        (Hold { released }, release)
    }
}

impl Command for Hold {
    const NAME: &'static str = "test.hold";
    type Output = ();

    fn apply(self, _tx: &mut WriteTx<'_>) -> Result<()> {
        self.released.recv().map_err(|error| Fault::new(error).into())
    }
}

/// Writes a row, then ends in one of these ways.
#[derive(Clone, Copy)]
enum End {
    Well,
    Refused,
    Fault,
    Panic,
    Event,
    ReactionRefuses,
    ReactionPanics,
}

struct Put(String, End);

impl Command for Put {
    const NAME: &'static str = "test.put";
    type Output = String;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<String> {
        let Put(name, end) = self;
        put(tx, &name)?;
        match end {
            End::Well => {}
            End::Refused => return Err(Problem::of(&kinds::FORBIDDEN).into()),
            End::Fault => return Err(Fault::because("a fault of the test").into()),
            End::Panic => panic!("a write panics"),
            End::Event => {
                let order = OrderId::from_uuid(tx.new_id());
                tx.record(DomainEvent::OrderPlaced { order });
            }
            End::ReactionRefuses => tx.record(DomainEvent::CategoryChanged),
            End::ReactionPanics => {
                let session = bayader::kernel::SessionId::from_uuid(tx.new_id());
                tx.record(DomainEvent::SessionEnded { session });
            }
        }
        Ok(name)
    }
}

#[tokio::test]
async fn each_write_of_a_group_fares_alone() {
    // Told, a panic takes longer than a group may.
    std::panic::set_hook(Box::new(|panic| {
        if std::thread::current().name() != Some("writer") {
            eprintln!("{panic}");
        }
    }));
    // On a busy machine a group may close before all are in it.
    for _ in 0..50 {
        if a_group_of_good_and_bad_writes().await >= 4 {
            return;
        }
    }
    panic!("no four writes ever ran as one group");
}

/// The size of the group, of which four were kept.
async fn a_group_of_good_and_bad_writes() -> u64 {
    let books = Books::open();
    let ends = [
        End::Well,
        End::Panic,
        End::Event,
        End::Refused,
        End::Well,
        End::ReactionRefuses,
        End::Fault,
        End::ReactionPanics,
        End::Well,
    ];
    let writes = ends.iter().enumerate().map(|(n, end)| {
        let write: BoxFuture<'_, Result<String>> = Box::pin(books.db.write(Put(format!("name-{n}"), *end)));
        write
    });
    let answers = books.together(writes.collect()).await;
    for (n, (end, answer)) in ends.iter().zip(&answers).enumerate() {
        match (end, answer) {
            (End::Well | End::Event, Ok(name)) => assert_eq!(*name, format!("name-{n}")),
            (End::Refused | End::ReactionRefuses, Err(error)) => assert_eq!(error.code(), Some("forbidden"), "write {n}"),
            (End::Fault | End::Panic | End::ReactionPanics, Err(Error::Fault(_))) => {}
            (_, answer) => panic!("write {n} ended with {answer:?}"),
        }
    }
    assert_eq!(books.names().await, ["name-0", "name-2", "name-4", "name-8"]);
    let stats = books.db.stats();
    assert_eq!(stats.panicked_writes.load(Ordering::SeqCst), 2);
    let together = stats.group_size.max();
    assert_eq!(books.seen.events.load(Ordering::SeqCst), 1, "what was undone leaves no event");
    books.db.write(Put("afterwards".to_owned(), End::Well)).await.expect("the writer goes on");
    together
}

#[tokio::test]
async fn a_name_taken_back_can_be_taken_by_the_next_of_the_group() {
    let books = Books::open();
    let writes: Vec<BoxFuture<'_, Result<String>>> = [End::Panic, End::Refused, End::ReactionRefuses, End::Well, End::Well]
        .into_iter()
        .map(|end| Box::pin(books.db.write(Put("same".to_owned(), end))) as BoxFuture<'_, Result<String>>)
        .collect();
    let answers = books.together(writes).await;
    let ok: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(ok, [false, false, false, true, false]);
    assert_eq!(books.names().await, ["same"]);
}

#[tokio::test]
async fn a_full_lane_says_busy_and_when_to_come_again() {
    let books = Books::open();
    for (lane, most) in [(Lane::People, 1_024), (Lane::Jobs, 256)] {
        let over = 50;
        let writes = (0..most + over).map(|n| {
            let put = Put(format!("{lane:?}-{n}"), End::Well);
            let db = &books.db;
            let write: BoxFuture<'_, Result<String>> = match lane {
                Lane::People => Box::pin(db.write(put)),
                Lane::Jobs => Box::pin(db.write_in_background(put)),
            };
            write
        });
        let before = books.db.stats().turned_away.load(Ordering::SeqCst);
        let answers = books.together(writes.collect()).await;
        let mut busy = 0;
        for answer in answers {
            match answer {
                Ok(_) => {}
                Err(Error::Refused(problem)) => {
                    assert_eq!((problem.kind.status, problem.kind.code), (503, "busy"));
                    assert!(problem.retry_after_s.is_some_and(|seconds| seconds > 0));
                    busy += 1;
                }
                Err(fault) => panic!("{fault}"),
            }
        }
        // The hold itself may still lie in the people's lane when the others come.
        assert!((over..=over + 1).contains(&busy), "{busy} were turned away from the lane of {lane:?}");
        assert_eq!(books.db.stats().turned_away.load(Ordering::SeqCst) - before, u64::try_from(busy).expect("few"));
    }
    let kept = books.names().await.len();
    assert!((1_279..=1_280).contains(&kept), "who was not turned away was kept: {kept}");
}

#[tokio::test]
async fn people_go_before_jobs() {
    let books = Books::open();
    let order = Arc::new(Mutex::new(Vec::new()));
    let told = |who: &'static str, order: &Arc<Mutex<Vec<&'static str>>>| Tell(who, Arc::clone(order));
    let writes: Vec<BoxFuture<'_, Result<()>>> = vec![
        Box::pin(books.db.write_in_background(told("job", &order))),
        Box::pin(books.db.write_in_background(told("job", &order))),
        Box::pin(books.db.write(told("person", &order))),
    ];
    books.together(writes).await;
    assert_eq!(*order.lock().expect("a whole lock"), ["person", "job", "job"]);
}

struct Tell(&'static str, Arc<Mutex<Vec<&'static str>>>);

impl Command for Tell {
    const NAME: &'static str = "test.tell";
    type Output = ();

    fn apply(self, _tx: &mut WriteTx<'_>) -> Result<()> {
        self.1.lock().expect("a whole lock").push(self.0);
        Ok(())
    }
}

#[tokio::test]
async fn events_come_after_the_commit_and_before_the_caller_is_told() {
    let books = Books::open();
    *books.seen.database.lock().expect("a whole lock") = Some(books.db.folder().database());
    for n in 1..=5 {
        books.db.write(Put(format!("name-{n}"), End::Event)).await.expect("it is written");
        assert_eq!(books.seen.events.load(Ordering::SeqCst), n, "the caller was told before the event");
    }
    assert_eq!(*books.seen.rows_at_event.lock().expect("a whole lock"), [1, 2, 3, 4, 5], "an event before its commit");
}

/// Adds up what a group's writes say, and settles it as a row of the group's size; above thirty it cannot.
#[derive(Default)]
struct Sum {
    by_write: i64,
    by_group: i64,
    settled: i64,
}

impl WriterMemory for Sum {
    fn keep(&mut self) {
        self.by_group += std::mem::take(&mut self.by_write);
    }

    fn undo(&mut self) {
        self.by_write = 0;
    }

    fn settle(&mut self, group: &Settlement<'_>) -> Result<()> {
        let sum = std::mem::take(&mut self.by_group);
        if sum > 30 {
            return Err(Fault::because("too much to settle").into());
        }
        self.settled += 1;
        let name = format!("group-{}-{sum}", self.settled);
        group.exec("insert into settings (section, value, updated_at) values (?1, '{}', 0)", args![name])
    }
}

/// Says a number, and may take it back.
struct Say(i64, bool);

impl Command for Say {
    const NAME: &'static str = "test.say";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        tx.memory(|_| Ok(Sum::default()))?.by_write += self.0;
        if self.1 { Ok(()) } else { Err(Problem::of(&kinds::FORBIDDEN).into()) }
    }
}

#[tokio::test]
async fn a_group_settles_once_what_its_kept_writes_added_up() {
    // On a busy machine a group may close before all are in it.
    for _ in 0..50 {
        let books = Books::open();
        let says = [Say(1, true), Say(10, false), Say(2, true), Say(4, true)];
        let writes = says.map(|say| Box::pin(books.db.write(say)) as BoxFuture<'_, Result<()>>);
        books.together(writes.into()).await;
        let names = books.names().await;
        let sums: i64 = names.iter().filter_map(|name| name.rsplit('-').next()?.parse::<i64>().ok()).sum();
        assert_eq!(sums, 7, "{names:?}");
        if names.len() == 1 {
            return;
        }
    }
    panic!("no three writes ever ran as one group");
}

#[tokio::test]
async fn a_group_that_cannot_be_settled_is_undone_and_the_next_goes_on() {
    let books = Books::open();
    let refused = books.db.write(Say(31, true)).await.expect_err("it cannot be settled");
    assert_eq!(refused.code(), Some("storage_unavailable"));
    books.db.write(Say(5, true)).await.expect("the writer goes on, and nothing is left of the group before");
    assert_eq!(books.names().await, ["group-1-5"]);
}

/// What the writer remembers of names: those of the table.
struct Names {
    known: Vec<String>,
    added: Option<String>,
}

impl WriterMemory for Names {
    fn keep(&mut self) {
        self.added = None;
    }

    fn undo(&mut self) {
        if self.added.take().is_some() {
            self.known.pop();
        }
    }
}

/// Writes a row and remembers it; answers what was remembered before.
struct Remember(&'static str, End);

impl Command for Remember {
    const NAME: &'static str = "test.remember";
    type Output = Vec<String>;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Vec<String>> {
        let names = tx.memory(|reader| {
            let known = reader.all("select section from settings order by section", &[], |row| row.get::<String>(0))?;
            Ok(Names { known, added: None })
        })?;
        let before = names.known.clone();
        names.known.push(self.0.to_owned());
        names.added = Some(self.0.to_owned());
        Put(self.0.to_owned(), self.1).apply(tx)?;
        Ok(before)
    }
}

#[tokio::test]
async fn what_the_writer_remembers_is_undone_with_its_write() {
    let books = Books::open();
    let remember = |name, end| Box::pin(books.db.write(Remember(name, end))) as BoxFuture<'_, Result<Vec<String>>>;
    let writes = vec![
        remember("a", End::Panic),
        remember("b", End::Well),
        remember("c", End::Refused),
        remember("d", End::ReactionRefuses),
        remember("e", End::Well),
        remember("f", End::ReactionPanics),
        remember("g", End::Well),
    ];
    let answers = books.together(writes).await;
    let seen: Vec<Option<Vec<String>>> = answers.into_iter().map(Result::ok).collect();
    let names = |list: &[&str]| Some(list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    assert_eq!(seen, [None, names(&[]), None, None, names(&["b"]), None, names(&["b", "e"])]);
    let last = books.db.write(Remember("h", End::Well)).await.expect("it is written");
    assert_eq!(last, books.names().await[..3], "the memory is the table");
}

/// Writes a job; then its row is as the test needs it.
struct Enqueue {
    key: String,
    max_attempts: i64,
    running: bool,
}

impl Enqueue {
    fn job(key: &str) -> Enqueue {
        Enqueue { key: key.to_owned(), max_attempts: 3, running: false }
    }
}

impl Command for Enqueue {
    const NAME: &'static str = "test.enqueue";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let run_at = tx.now();
        jobs::enqueue(tx, &NewJob { kind: KIND, key: &self.key, run_at, max_attempts: self.max_attempts })?;
        if self.running {
            let lease = tx.now().plus_ms(300_000);
            tx.exec(
                "update jobs set status = 'running', attempts = 1, lease_until = ?1 where key = ?2",
                args![lease, self.key],
            )?;
        }
        Ok(())
    }
}

/// Counts the runs of each key; keys that begin with `fail` or `panic` do so.
#[derive(Default)]
struct Counting {
    runs: Mutex<Vec<String>>,
}

impl Counting {
    fn runs(&self) -> Vec<String> {
        let mut runs = self.runs.lock().expect("a whole lock").clone();
        runs.sort_unstable();
        runs
    }
}

impl Handler for Counting {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        self.runs.lock().expect("a whole lock").push(job.key.clone());
        Box::pin(async move {
            tokio::task::yield_now().await;
            assert!(!job.key.starts_with("panic"), "a job panics");
            if job.key.starts_with("fail") { Err(Fault::because(format!("try {} failed", job.attempt)).into()) } else { Ok(()) }
        })
    }
}

fn work_on(books: &Arc<Books>) -> (Worker, Arc<Counting>) {
    let counting = Arc::new(Counting::default());
    let db = Arc::clone(books) as Arc<dyn DbAccess>;
    let handlers: jobs::Handlers = vec![Arc::clone(&counting) as Arc<dyn Handler>];
    (Worker::new(db, books.clock.clone(), Arc::clone(&books.seen.queue), handlers, Arc::default()), counting)
}

pub async fn run_due(worker: &Worker) {
    tokio::time::timeout(Duration::from_secs(20), worker.run_due()).await.expect("jobs end in time").expect("jobs run");
}

/// The writer's time leads the clock a little with each write; jobs due by it are due soon.
pub fn a_moment_later(books: &Books) {
    books.clock.advance_ms(1_000);
}

#[tokio::test]
async fn a_job_left_running_is_taken_up_at_start() {
    let books = Arc::new(Books::open());
    books.db.write(Enqueue { running: true, ..Enqueue::job("left") }).await.expect("it is written");
    assert_eq!(books.jobs().await, [("running".to_owned(), 1, None)]);
    // A new process has an empty queue.
    while books.seen.queue.take_due(UtcMs::from_ms(i64::MAX)).is_some() {}
    let (worker, counting) = work_on(&books);
    worker.take_up().await.expect("it looks");
    a_moment_later(&books);
    run_due(&worker).await;
    assert_eq!(counting.runs(), ["left"]);
    assert_eq!(books.jobs().await, [("done".to_owned(), 2, None)]);
}

#[tokio::test]
async fn a_failing_job_backs_off_and_dies_after_its_attempts() {
    let books = Arc::new(Books::open());
    let (worker, counting) = work_on(&books);
    books.db.write(Enqueue::job("fail")).await.expect("it is written");
    a_moment_later(&books);
    // Waits of 10 and 30 s, each up to a tenth longer.
    for (attempt, wait_s) in [(1, 10), (2, 30)] {
        run_due(&worker).await;
        assert_eq!(counting.runs().len(), attempt);
        let error = Some(format!("try {attempt} failed"));
        assert_eq!(books.jobs().await, [("queued".to_owned(), i64::try_from(attempt).expect("few"), error)]);
        books.clock.advance_ms(wait_s * 1_000 - 1_500);
        run_due(&worker).await;
        assert_eq!(counting.runs().len(), attempt, "it ran again too early");
        books.clock.advance_ms(wait_s * 100 + 2_500);
    }
    run_due(&worker).await;
    assert_eq!(books.jobs().await, [("dead".to_owned(), 3, Some("try 3 failed".to_owned()))]);
    books.clock.advance_ms(86_400_000);
    worker.take_up().await.expect("it looks");
    run_due(&worker).await;
    assert_eq!(counting.runs().len(), 3, "the dead do not run");
}

#[tokio::test]
async fn a_panicking_job_has_failed() {
    let books = Arc::new(Books::open());
    let (worker, counting) = work_on(&books);
    books.db.write(Enqueue { max_attempts: 1, ..Enqueue::job("panic") }).await.expect("it is written");
    books.db.write(Enqueue::job("well")).await.expect("it is written");
    a_moment_later(&books);
    run_due(&worker).await;
    assert_eq!(counting.runs(), ["panic", "well"]);
    let states: Vec<String> = books.jobs().await.into_iter().map(|(status, ..)| status).collect();
    assert_eq!(states, ["dead", "done"]);
}

#[tokio::test]
async fn a_job_whose_end_was_not_written_runs_again_after_its_lease() {
    let books = Arc::new(Books::open());
    let (worker, counting) = work_on(&books);
    books.db.write(Enqueue { running: true, ..Enqueue::job("lost") }).await.expect("it is written");
    // As the worker does when it could not write the end: it looks again when the lease is over.
    let mut waiting = Vec::new();
    while let Some(taken) = books.seen.queue.take_due(UtcMs::from_ms(i64::MAX)) {
        waiting.push(JobDue { job: taken.job, kind: Arc::clone(&taken.kind), due: START.plus_ms(301_000) });
    }
    books.seen.queue.push(&waiting);
    books.clock.advance_ms(302_000);
    run_due(&worker).await;
    assert_eq!(counting.runs(), ["lost"]);
    assert_eq!(books.jobs().await, [("done".to_owned(), 2, None)]);
}

#[tokio::test]
async fn one_open_job_a_kind_and_key() {
    let books = Arc::new(Books::open());
    let (worker, counting) = work_on(&books);
    for key in ["one", "one", "two", "one"] {
        books.db.write(Enqueue::job(key)).await.expect("it is written");
    }
    a_moment_later(&books);
    run_due(&worker).await;
    assert_eq!(counting.runs(), ["one", "two"]);
    books.db.write(Enqueue::job("one")).await.expect("it is written");
    a_moment_later(&books);
    run_due(&worker).await;
    assert_eq!(counting.runs(), ["one", "one", "two"], "once it is done there may be another");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_job_runs_twice_however_many_look_for_it() {
    let books = Arc::new(Books::open());
    let (worker, counting) = work_on(&books);
    let (stop, stopped) = watch::channel(false);
    let working = tokio::spawn({
        let worker = worker.clone();
        async move { worker.work(stopped).await }
    });
    let keys: Vec<String> = (0..200).map(|n| format!("key-{n:03}")).collect();
    let writes = keys.iter().map(|key| books.db.write(Enqueue::job(key)));
    let looks = async {
        for _ in 0..10 {
            // As if the program had forgotten what it had: every waiting row again.
            let due: Vec<JobDue> = books
                .db
                .read(|reader| {
                    reader.all("select id from jobs where status in ('queued', 'running')", &[], |row| {
                        Ok(JobDue { job: row.get(0)?, kind: Arc::from(KIND), due: START })
                    })
                })
                .await
                .expect("jobs can be read");
            books.seen.queue.push(&due);
            books.clock.advance_ms(200);
        }
    };
    let (written, ()) = tokio::join!(join_all(writes), looks);
    assert!(written.iter().all(Result::is_ok));
    a_moment_later(&books);
    let (first, second) = tokio::join!(worker.run_due(), worker.run_due());
    first.and(second).expect("jobs run");
    assert_eq!(counting.runs(), keys);
    stop.send_replace(true);
    working.await.expect("the worker ends");
    assert!(books.jobs().await.iter().all(|(status, attempts, _)| (status.as_str(), *attempts) == ("done", 1)));
}

/// Writes a name; then a part that may fail alone writes another, records an event and a job, and fails or not.
struct InParts {
    name: &'static str,
    part_fails: bool,
}

impl Command for InParts {
    const NAME: &'static str = "test.in_parts";
    type Output = bool;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<bool> {
        put(tx, self.name)?;
        let part = tx.attempt(|tx| {
            put(tx, &format!("{}-part", self.name))?;
            let order = OrderId::from_uuid(tx.new_id());
            tx.record(DomainEvent::OrderPlaced { order });
            jobs::enqueue(tx, &NewJob { kind: KIND, key: self.name, run_at: tx.now(), max_attempts: 1 })?;
            // The second time the name is there already.
            if self.part_fails { put(tx, self.name) } else { Ok(()) }
        })?;
        put(tx, &format!("{}-rest", self.name))?;
        Ok(part.is_ok())
    }
}

#[tokio::test]
async fn a_part_that_fails_is_undone_and_the_rest_stands() {
    let books = Books::open();
    assert!(!books.db.write(InParts { name: "a", part_fails: true }).await.expect("the write stands"));
    assert_eq!(books.names().await, ["a", "a-rest"]);
    assert_eq!((books.seen.events.load(Ordering::SeqCst), books.jobs().await.len()), (0, 0));
    assert_eq!(books.seen.queue.next_due(), None);
    assert!(books.db.write(InParts { name: "b", part_fails: false }).await.expect("the write stands"));
    assert_eq!(books.names().await, ["a", "a-rest", "b", "b-part", "b-rest"]);
    assert_eq!((books.seen.events.load(Ordering::SeqCst), books.jobs().await.len()), (1, 1));
}
