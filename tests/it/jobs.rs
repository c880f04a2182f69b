//! Many kinds of jobs beside each other: so many of each run at once, and none waits for another.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bayader::db::{Command, WriteTx};
use bayader::jobs::{self, Claimed, DbAccess, Handler, NewJob, Worker};
use bayader::kernel::Result;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::writer::{Books, run_due};

const SLOW: &str = "test.slow";
const QUICK: &str = "test.quick";
const AT_ONCE: usize = 3;

/// Writes a job of a kind, due so long after the first of them.
struct Enqueue(&'static str, String, i64);

impl Command for Enqueue {
    const NAME: &'static str = "test.enqueue";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let run_at = tx.now().plus_ms(self.2);
        jobs::enqueue(tx, &NewJob { kind: self.0, key: &self.1, run_at, max_attempts: 3 })
    }
}

/// Notes what it begins, and ends it when it may.
struct Gated {
    kind: &'static str,
    at_once: usize,
    may_end: Semaphore,
    begun: watch::Sender<Vec<String>>,
    /// How many run, and the most that ever did.
    running: Mutex<(usize, usize)>,
}

impl Gated {
    fn new(kind: &'static str, at_once: usize, may_end: usize) -> Arc<Gated> {
        let may_end = Semaphore::new(may_end);
        Arc::new(Gated { kind, at_once, may_end, begun: watch::Sender::default(), running: Mutex::default() })
    }

    async fn has_begun(&self, count: usize) -> Vec<String> {
        let mut begun = self.begun.subscribe();
        let waiting = begun.wait_for(|begun| begun.len() >= count);
        let begun =
            tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("they begin in time").expect("it lives");
        begun.clone()
    }

    fn begun(&self) -> usize {
        self.begun.borrow().len()
    }

    fn most(&self) -> usize {
        self.running.lock().expect("a whole lock").1
    }
}

impl Handler for Gated {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn at_once(&self) -> usize {
        self.at_once
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async move {
            {
                let mut running = self.running.lock().expect("a whole lock");
                running.0 += 1;
                running.1 = running.1.max(running.0);
            }
            self.begun.send_modify(|begun| begun.push(job.key));
            self.may_end.acquire().await.expect("it is open").forget();
            self.running.lock().expect("a whole lock").0 -= 1;
            Ok(())
        })
    }
}

fn worker(books: &Arc<Books>, handlers: &[&Arc<Gated>]) -> Worker {
    let handlers = handlers.iter().map(|handler| Arc::clone(handler) as Arc<dyn Handler>).collect();
    Worker::new(
        Arc::clone(books) as Arc<dyn DbAccess>,
        books.clock.clone(),
        Arc::clone(&books.seen.queue),
        handlers,
        Arc::default(),
    )
}

fn at_work(worker: &Worker) -> (watch::Sender<bool>, JoinHandle<()>) {
    let (stop, stopped) = watch::channel(false);
    let worker = worker.clone();
    (stop, tokio::spawn(async move { worker.work(stopped).await }))
}

async fn enqueue(books: &Books, kind: &'static str, count: usize) {
    for number in 0..count {
        books.db.write(Enqueue(kind, format!("{number:02}"), 0)).await.expect("it is written");
    }
}

async fn count(books: &Books, status: &'static str) -> i64 {
    let sql = "select count(*) from jobs where status = ?1";
    books.db.read(move |reader| reader.one(sql, bayader::args![status], |row| row.get(0))).await.expect("a count")
}

#[tokio::test]
async fn a_kind_that_hangs_keeps_no_other_from_running() {
    let books = Arc::new(Books::open());
    let (slow, quick) = (Gated::new(SLOW, AT_ONCE, 0), Gated::new(QUICK, 4, 1_000));
    let worker = worker(&books, &[&slow, &quick]);
    enqueue(&books, SLOW, 40).await;
    enqueue(&books, QUICK, 40).await;
    let (stop, ended) = at_work(&worker);
    books.clock.advance_ms(1_000);
    quick.has_begun(40).await;
    assert_eq!(slow.has_begun(AT_ONCE).await.len(), AT_ONCE);
    // What comes later finds its way as well.
    books.db.write(Enqueue(QUICK, "late".to_owned(), 0)).await.expect("it is written");
    books.clock.advance_ms(1_000);
    quick.has_begun(41).await;
    // Each that ends makes room for one more.
    slow.may_end.add_permits(1);
    slow.has_begun(AT_ONCE + 1).await;
    assert_eq!(slow.begun(), AT_ONCE + 1);
    slow.may_end.add_permits(1_000);
    run_due(&worker).await;
    assert_eq!((slow.begun(), slow.most()), (40, AT_ONCE));
    assert!(quick.most() <= 4);
    assert_eq!(count(&books, "done").await, 81);
    stop.send_replace(true);
    ended.await.expect("it ends");
}

#[tokio::test]
async fn within_a_kind_who_is_due_first_goes_first() {
    let books = Arc::new(Books::open());
    let slow = Gated::new(SLOW, 1, 1_000);
    let worker = worker(&books, &[&slow]);
    for (key, wait_ms) in [("c", 30_000), ("a", 10_000), ("e", 50_000), ("b", 20_000), ("d", 40_000)] {
        books.db.write(Enqueue(SLOW, key.to_owned(), wait_ms)).await.expect("it is written");
    }
    let (stop, ended) = at_work(&worker);
    books.clock.advance_ms(25_000);
    assert_eq!(slow.has_begun(2).await, ["a", "b"]);
    books.clock.advance_ms(60_000);
    assert_eq!(slow.has_begun(5).await, ["a", "b", "c", "d", "e"]);
    run_due(&worker).await;
    stop.send_replace(true);
    ended.await.expect("it ends");
}

#[tokio::test]
async fn a_shutdown_waits_for_what_runs_and_leaves_the_rest_for_the_next_start() {
    let books = Arc::new(Books::open());
    let slow = Gated::new(SLOW, AT_ONCE, 0);
    let first = worker(&books, &[&slow]);
    enqueue(&books, SLOW, 10).await;
    let (stop, ended) = at_work(&first);
    books.clock.advance_ms(1_000);
    slow.has_begun(AT_ONCE).await;
    stop.send_replace(true);
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert!(!ended.is_finished(), "it waits for what runs");
    slow.may_end.add_permits(AT_ONCE);
    ended.await.expect("it ends");
    assert_eq!((slow.begun(), count(&books, "done").await, count(&books, "queued").await), (3, 3, 7));
    // A new process knows nothing but the rows.
    while books.seen.queue.take_due(bayader::kernel::UtcMs::from_ms(i64::MAX)).is_some() {}
    slow.may_end.add_permits(1_000);
    let second = worker(&books, &[&slow]);
    second.take_up().await.expect("it looks");
    run_due(&second).await;
    assert_eq!((slow.begun(), count(&books, "done").await), (10, 10));
}

/// Finishes its row with its effect, as most handlers do, or leaves that to the worker.
struct Finishing(Arc<Books>, bool);

struct Done(Claimed);

impl Command for Done {
    const NAME: &'static str = "test.done";
    type Output = bool;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<bool> {
        jobs::finish(tx, self.0.id)
    }
}

impl Handler for Finishing {
    fn kind(&self) -> &'static str {
        QUICK
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async move {
            if self.1 {
                self.0.db.write_in_background(Done(job)).await?;
            }
            Ok(())
        })
    }
}

#[tokio::test]
async fn a_job_costs_two_writes_whoever_finishes_it() {
    for finishes_itself in [true, false] {
        let books = Arc::new(Books::open());
        let handlers: jobs::Handlers = vec![Arc::new(Finishing(Arc::clone(&books), finishes_itself))];
        let queue = Arc::clone(&books.seen.queue);
        let worker = Worker::new(Arc::clone(&books) as Arc<dyn DbAccess>, books.clock.clone(), queue, handlers, Arc::default());
        enqueue(&books, QUICK, 5).await;
        books.clock.advance_ms(1_000);
        let before = books.db.stats().group_size.sum();
        run_due(&worker).await;
        assert_eq!(count(&books, "done").await, 5);
        assert_eq!(books.db.stats().group_size.sum() - before, 10, "its claim, and its end with its effect");
    }
}
