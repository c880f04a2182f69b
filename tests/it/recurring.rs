//! Jobs that come again by themselves: never lost, never doubled, whatever happens to a run.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bayader::db::{Command, WriteTx};
use bayader::jobs::{self, Claimed, DbAccess, Handler, Schedule, Worker};
use bayader::kernel::{Fault, Result, UtcMs};

use crate::writer::{Books, a_moment_later, run_due};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const HOURLY: Recurring = Recurring { kind: "test.hourly", schedule: Schedule::Every { ms: HOUR_MS } };
const DAILY: Recurring = Recurring { kind: "test.daily", schedule: Schedule::Every { ms: DAY_MS } };

/// A kind and when it comes again.
#[derive(Clone, Copy)]
struct Recurring {
    kind: &'static str,
    schedule: Schedule,
}

/// The hourly kind as an older program had it.
const ONCE_DAILY: Recurring = Recurring { kind: HOURLY.kind, schedule: DAILY.schedule };

/// How the next runs are to end; then all end well.
#[derive(Clone, Copy, PartialEq)]
enum End {
    /// With the effect, in its transaction.
    Well,
    /// Without a word; the worker finishes the row.
    Silent,
    Fault,
    Panic,
    /// The effect is written, then it fails.
    FaultAfterwards,
}

struct Repeating {
    books: Arc<Books>,
    recurring: Recurring,
    ends: Mutex<Vec<End>>,
    runs: AtomicUsize,
}

impl Handler for Repeating {
    fn kind(&self) -> &'static str {
        self.recurring.kind
    }

    fn schedule(&self) -> Option<Schedule> {
        Some(self.recurring.schedule)
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        let end = self.ends.lock().expect("a whole lock").pop().unwrap_or(End::Well);
        Box::pin(async move {
            assert!(end != End::Panic, "a run panics");
            if matches!(end, End::Well | End::FaultAfterwards) {
                self.books.db.write_in_background(Done { job, schedule: self.recurring.schedule }).await?;
            }
            if matches!(end, End::Fault | End::FaultAfterwards) { Err(Fault::because("a run fails").into()) } else { Ok(()) }
        })
    }
}

struct Done {
    job: Claimed,
    schedule: Schedule,
}

impl Command for Done {
    const NAME: &'static str = "test.done";
    type Output = bool;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<bool> {
        jobs::finish_recurring(tx, &self.job, self.schedule)
    }
}

fn work_on(books: &Arc<Books>, recurring: &[Recurring], ends: &[End]) -> (Worker, Arc<Repeating>) {
    let handlers: Vec<Arc<Repeating>> = recurring
        .iter()
        .map(|recurring| {
            let ends = Mutex::new(ends.iter().rev().copied().collect());
            Arc::new(Repeating { books: Arc::clone(books), recurring: *recurring, ends, runs: AtomicUsize::new(0) })
        })
        .collect();
    let first = Arc::clone(&handlers[0]);
    let db = Arc::clone(books) as Arc<dyn DbAccess>;
    let handlers: jobs::Handlers = handlers.into_iter().map(|handler| handler as Arc<dyn Handler>).collect();
    (Worker::new(db, books.clock.clone(), Arc::clone(&books.seen.queue), handlers, Arc::default()), first)
}

/// Kind, status and attempts of every row, by age, and minutes from now until it is due where it is open.
async fn rows(books: &Books) -> Vec<(String, String, i64, Option<i64>)> {
    let now = books.clock.now().ms();
    books
        .db
        .read(move |reader| {
            reader.all("select kind, status, attempts, run_at from jobs order by id", &[], |row| {
                let mut columns = row.columns();
                let (kind, status): (String, String) = (columns.next()?, columns.next()?);
                let (attempts, run_at): (i64, i64) = (columns.next()?, columns.next()?);
                let minutes = (run_at - now).div_euclid(60_000);
                let open = status == "queued" || status == "running";
                Ok((kind, status, attempts, open.then_some(minutes)))
            })
        })
        .await
        .expect("jobs can be read")
}

async fn open_rows(books: &Books) -> Vec<(String, i64)> {
    let rows = rows(books).await.into_iter();
    rows.filter_map(|(kind, _, _, due)| due.map(|due| (kind, due))).collect()
}

fn forget_what_waits(books: &Books) {
    while books.seen.queue.take_due(UtcMs::from_ms(i64::MAX)).is_some() {}
}

/// A minute past the next due time of an hourly job.
fn an_hour_later(books: &Books) {
    books.clock.advance_ms(HOUR_MS + 60_000);
}

#[tokio::test]
async fn it_runs_at_the_first_start_and_then_each_hour() {
    let books = Arc::new(Books::open());
    let (worker, job) = work_on(&books, &[HOURLY, DAILY], &[End::Well, End::Silent, End::Well]);
    worker.take_up().await.expect("it looks");
    a_moment_later(&books);
    for hour in 1..=4 {
        run_due(&worker).await;
        assert_eq!(job.runs.load(Ordering::SeqCst), hour);
        let hourly: Vec<i64> =
            open_rows(&books).await.into_iter().filter(|(kind, _)| kind == HOURLY.kind).map(|(_, due)| due).collect();
        assert!(matches!(hourly[..], [59 | 60]), "{hourly:?}");
        run_due(&worker).await;
        assert_eq!(job.runs.load(Ordering::SeqCst), hour, "it ran again too early");
        an_hour_later(&books);
    }
    assert_eq!(open_rows(&books).await.len(), 2, "one open row a kind");
}

#[tokio::test]
async fn a_restart_neither_loses_nor_doubles_it() {
    let books = Arc::new(Books::open());
    let (worker, job) = work_on(&books, &[HOURLY], &[]);
    worker.take_up().await.expect("it looks");
    worker.take_up().await.expect("it looks again");
    a_moment_later(&books);
    run_due(&worker).await;
    assert_eq!(job.runs.load(Ordering::SeqCst), 1);
    // In the middle of a run the process dies: the row says running, and memory is empty.
    books.db.write(LeaveRunning).await.expect("it is written");
    forget_what_waits(&books);
    let (worker, job) = work_on(&books, &[HOURLY], &[]);
    worker.take_up().await.expect("it looks");
    assert_eq!(open_rows(&books).await.len(), 1);
    a_moment_later(&books);
    run_due(&worker).await;
    assert_eq!(job.runs.load(Ordering::SeqCst), 1, "what was running runs again, once");
    // A restart between two runs leaves the next one where it was.
    books.clock.advance_ms(HOUR_MS / 2);
    forget_what_waits(&books);
    let (worker, job) = work_on(&books, &[HOURLY], &[]);
    worker.take_up().await.expect("it looks");
    run_due(&worker).await;
    assert_eq!(job.runs.load(Ordering::SeqCst), 0);
    assert!(matches!(open_rows(&books).await[..], [(_, 29 | 30)]));
    an_hour_later(&books);
    run_due(&worker).await;
    assert_eq!(job.runs.load(Ordering::SeqCst), 1);
}

struct LeaveRunning;

impl Command for LeaveRunning {
    const NAME: &'static str = "test.leave_running";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let lease = tx.now().plus_ms(300_000);
        tx.exec(
            "update jobs set status = 'running', attempts = 1, lease_until = ?1 where status = 'queued'",
            bayader::args![lease],
        )?;
        Ok(())
    }
}

#[tokio::test]
async fn a_failed_run_is_tried_again_and_the_next_hour_comes_all_the_same() {
    let books = Arc::new(Books::open());
    let (worker, job) = work_on(&books, &[HOURLY], &[End::Fault, End::Panic, End::Well, End::FaultAfterwards]);
    worker.take_up().await.expect("it looks");
    a_moment_later(&books);
    run_due(&worker).await;
    assert_eq!(job.runs.load(Ordering::SeqCst), 1);
    assert!(matches!(&rows(&books).await[..], [(_, status, 1, Some(0))] if status == "queued"), "it waits ten seconds");
    for minutes in [1, 2] {
        books.clock.advance_ms(minutes * 60_000);
        run_due(&worker).await;
    }
    assert_eq!(job.runs.load(Ordering::SeqCst), 3);
    assert!(matches!(open_rows(&books).await[..], [(_, 59 | 60)]));
    an_hour_later(&books);
    run_due(&worker).await;
    assert_eq!(job.runs.load(Ordering::SeqCst), 4);
    let statuses: Vec<String> = rows(&books).await.into_iter().map(|(_, status, ..)| status).collect();
    assert_eq!(statuses, ["done", "done", "queued"], "what was done stays done, though its handler failed afterwards");
}

#[tokio::test]
async fn a_dead_run_does_not_end_the_schedule() {
    let books = Arc::new(Books::open());
    let (worker, job) = work_on(&books, &[HOURLY], &[End::Fault; 10]);
    worker.take_up().await.expect("it looks");
    a_moment_later(&books);
    for tries in 1..=5 {
        run_due(&worker).await;
        assert_eq!(job.runs.load(Ordering::SeqCst), tries);
        if tries < 5 {
            books.clock.advance_ms(12 * 60_000);
        }
    }
    let states: Vec<(String, i64)> =
        rows(&books).await.into_iter().map(|(_, status, attempts, _)| (status, attempts)).collect();
    assert_eq!(states, [("dead".to_owned(), 5), ("queued".to_owned(), 0)]);
    assert!(matches!(open_rows(&books).await[..], [(_, 59 | 60)]), "the next run waits for its own time");
    an_hour_later(&books);
    for tries in 6..=10 {
        run_due(&worker).await;
        assert_eq!(job.runs.load(Ordering::SeqCst), tries);
        books.clock.advance_ms(12 * 60_000);
    }
    let states: Vec<String> = rows(&books).await.into_iter().map(|(_, status, ..)| status).collect();
    assert_eq!(states, ["cancelled", "dead", "queued"], "the last that died stands for those before it");
    an_hour_later(&books);
    run_due(&worker).await;
    assert_eq!(job.runs.load(Ordering::SeqCst), 11);
    assert!(matches!(open_rows(&books).await[..], [(_, 59 | 60)]));
    assert!(rows(&books).await.iter().all(|(_, status, ..)| status != "dead"), "a run that ended well makes good the dead one");
}

#[tokio::test]
async fn work_that_a_newer_program_does_not_know_is_over() {
    let books = Arc::new(Books::open());
    let (worker, _) = work_on(&books, &[HOURLY, DAILY], &[End::Fault; 5]);
    worker.take_up().await.expect("it looks");
    a_moment_later(&books);
    for _ in 0..5 {
        run_due(&worker).await;
        books.clock.advance_ms(12 * 60_000);
    }
    assert!(rows(&books).await.iter().any(|(kind, status, ..)| kind == HOURLY.kind && status == "dead"));
    forget_what_waits(&books);
    let (worker, job) = work_on(&books, &[DAILY], &[]);
    worker.take_up().await.expect("it looks");
    let left = rows(&books).await;
    let hourly: Vec<&str> =
        left.iter().filter(|(kind, ..)| kind == HOURLY.kind).map(|(_, status, ..)| status.as_str()).collect();
    assert!(hourly.len() > 1 && hourly.iter().all(|status| *status == "cancelled"), "{hourly:?}");
    assert!(matches!(&open_rows(&books).await[..], [(kind, _)] if kind == DAILY.kind), "{left:?}");
    books.clock.advance_ms(DAY_MS + 60_000);
    run_due(&worker).await;
    assert_eq!(job.runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_clock_that_jumps_a_month_ahead_makes_one_run_of_it() {
    let books = Arc::new(Books::open());
    let (worker, job) = work_on(&books, &[HOURLY], &[]);
    worker.take_up().await.expect("it looks");
    a_moment_later(&books);
    run_due(&worker).await;
    books.clock.advance_ms(30 * DAY_MS);
    run_due(&worker).await;
    run_due(&worker).await;
    assert_eq!(job.runs.load(Ordering::SeqCst), 2);
    assert!(matches!(open_rows(&books).await[..], [(_, 59 | 60)]));
}

#[tokio::test]
async fn dead_jobs_are_found_without_reading_those_that_ended() {
    let books = Arc::new(Books::open());
    let sql =
        "explain query plan update jobs set status = 'cancelled' where status = 'dead' and kind = ?1 and key = ?2 and id <> ?3";
    let plan = books.db.read(move |reader| reader.all(sql, &[], |row| row.get::<String>(3))).await.expect("a plan").join("; ");
    assert!(plan.contains("jobs_dead (kind=? AND key=?)"), "{plan}");
}

#[tokio::test]
async fn a_shorter_interval_brings_the_next_run_forward() {
    let books = Arc::new(Books::open());
    let (worker, _) = work_on(&books, &[ONCE_DAILY], &[]);
    worker.take_up().await.expect("it looks");
    a_moment_later(&books);
    run_due(&worker).await;
    assert!(open_rows(&books).await[0].1 > 1_400);
    forget_what_waits(&books);
    let (worker, job) = work_on(&books, &[HOURLY], &[]);
    worker.take_up().await.expect("it looks");
    assert!(matches!(open_rows(&books).await[..], [(_, 59 | 60)]));
    an_hour_later(&books);
    run_due(&worker).await;
    assert_eq!(job.runs.load(Ordering::SeqCst), 1);
}

/// At 02:40 by the shop's clock; the shop of these books is in Amman.
const NIGHTLY: Recurring = Recurring { kind: "test.nightly", schedule: Schedule::Daily(bayader::features::settings::nightly) };

/// When the open run is due.
async fn due_at(books: &Books) -> String {
    let sql = "select run_at from jobs where status in ('queued', 'running')";
    let due = books.db.read(move |reader| reader.one(sql, &[], |row| row.get::<UtcMs>(0))).await;
    due.expect("one is open").to_string()
}

/// The next moment, a minute from now on, at which it is 02:40 in Amman, which is 23:40 of the day before in UTC.
fn next_night(now: UtcMs) -> UtcMs {
    let night = now.ms().div_euclid(DAY_MS) * DAY_MS + 23 * HOUR_MS + 40 * 60_000;
    UtcMs::from_ms(if night > now.ms() { night } else { night + DAY_MS })
}

#[tokio::test]
async fn a_daily_kind_waits_for_its_time_of_the_shops_day_and_runs_once_on_each() {
    let books = Arc::new(Books::open());
    let (worker, job) = work_on(&books, &[NIGHTLY], &[End::Well, End::Silent, End::Fault, End::Well]);
    worker.take_up().await.expect("it looks");
    run_due(&worker).await;
    assert_eq!(job.runs.load(Ordering::SeqCst), 0, "not at once");
    let mut runs = 0;
    for _ in 0..3 {
        let night = next_night(books.clock.now());
        assert_eq!(due_at(&books).await, night.to_string());
        books.clock.advance_ms(night.ms() - books.clock.now().ms() - 1);
        run_due(&worker).await;
        assert_eq!(job.runs.load(Ordering::SeqCst), runs);
        books.clock.advance_ms(1_001);
        run_due(&worker).await;
        runs += 1;
        assert_eq!(job.runs.load(Ordering::SeqCst), runs);
        // A restart leaves what waits where it is, also a run that failed and is to be tried again.
        let due = due_at(&books).await;
        forget_what_waits(&books);
        worker.take_up().await.expect("it looks again");
        assert_eq!(due_at(&books).await, due);
        books.clock.advance_ms(60_000);
        run_due(&worker).await;
        runs += usize::from(runs == 3);
        assert_eq!(job.runs.load(Ordering::SeqCst), runs);
    }
    assert_eq!(open_rows(&books).await.len(), 1);
    assert_eq!(due_at(&books).await, next_night(books.clock.now()).to_string());
}

#[tokio::test]
async fn a_daily_run_that_was_missed_comes_at_the_next_start_once() {
    let books = Arc::new(Books::open());
    let (worker, job) = work_on(&books, &[NIGHTLY], &[]);
    worker.take_up().await.expect("it looks");
    forget_what_waits(&books);
    books.clock.advance_ms(10 * DAY_MS);
    worker.take_up().await.expect("it looks again");
    run_due(&worker).await;
    a_moment_later(&books);
    run_due(&worker).await;
    assert_eq!(job.runs.load(Ordering::SeqCst), 1);
    assert_eq!(due_at(&books).await, next_night(books.clock.now()).to_string());
}
