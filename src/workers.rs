//! Named threads with a bounded queue, for work that blocks: reading the database, hashing passwords.
//!
//! Not tokio's own blocking pool: that one has 512 threads and no bound on what waits.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

type Work = Box<dyn FnOnce() + Send>;

struct Shared {
    queue: Mutex<Queue>,
    ready: Condvar,
    limit: usize,
}

struct Queue {
    waiting: VecDeque<Work>,
    open: bool,
}

impl Shared {
    fn queue(&self) -> std::sync::MutexGuard<'_, Queue> {
        // Work never runs under this lock, so a poisoned queue is still whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pool of threads; dropped, it finishes what is queued and ends, or is left behind ([`Workers::left_behind`]).
pub struct Workers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    is_waited_for: bool,
}

/// Why work was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotDone {
    /// As many wait as may wait.
    Full,
    /// It panicked, or the pool was ended first.
    Lost,
}

impl Workers {
    /// Starts `count` threads named `name-0`, `name-1`, ..; at most `limit` pieces of work wait.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(name: &str, count: usize, limit: usize) -> std::io::Result<Workers> {
        let queue = Mutex::new(Queue { waiting: VecDeque::new(), open: true });
        let shared = Arc::new(Shared { queue, ready: Condvar::new(), limit });
        let threads = (0..count)
            .map(|index| {
                let shared = Arc::clone(&shared);
                std::thread::Builder::new().name(format!("{name}-{index}")).spawn(move || work(&shared))
            })
            .collect::<std::io::Result<Vec<_>>>()?;
        Ok(Workers { shared, threads, is_waited_for: true })
    }

    /// Not waited for when it is dropped: what is queued is lost, and what runs ends with the process. For work that only computes,
    /// which somebody does anew.
    #[must_use]
    pub fn left_behind(mut self) -> Workers {
        self.is_waited_for = false;
        self
    }

    /// Runs a piece of work on a thread and waits for its answer.
    ///
    /// # Errors
    /// [`NotDone`].
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, NotDone> {
        let (answer, wait) = oneshot::channel();
        {
            let mut queue = self.shared.queue();
            if !queue.open {
                return Err(NotDone::Lost);
            }
            if queue.waiting.len() >= self.shared.limit {
                return Err(NotDone::Full);
            }
            queue.waiting.push_back(Box::new(move || {
                if !answer.is_closed() {
                    // Who asked may be gone by now; then nobody misses the answer.
                    let _ = answer.send(work());
                }
            }));
        }
        self.shared.ready.notify_one();
        wait.await.map_err(|_| NotDone::Lost)
    }
}

fn work(shared: &Shared) {
    loop {
        let next = {
            let mut queue = shared.queue();
            loop {
                if let Some(next) = queue.waiting.pop_front() {
                    break next;
                }
                if !queue.open {
                    return;
                }
                queue = shared.ready.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        };
        // A panic ends this piece of work (its asker sees `Lost`), not the thread.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(next));
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        let lost = {
            let mut queue = self.shared.queue();
            queue.open = false;
            if self.is_waited_for { VecDeque::new() } else { std::mem::take(&mut queue.waiting) }
        };
        // Not under the lock: work may hold anything.
        drop(lost);
        self.shared.ready.notify_all();
        if !self.is_waited_for {
            return;
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_lost_and_the_thread_goes_on() {
        let workers = Workers::start("test", 1, 4).expect("a thread");
        assert_eq!(workers.run(|| -> u8 { panic!("on purpose") }).await, Err(NotDone::Lost));
        assert_eq!(workers.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn what_is_left_behind_is_not_waited_for() {
        let workers = Workers::start("test", 1, 2).expect("a thread").left_behind();
        let (release, gate) = std::sync::mpsc::channel::<()>();
        let (started, running) = oneshot::channel();
        let ran = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let queued = Arc::clone(&ran);
        {
            let busy = workers.run(move || {
                let _ = started.send(());
                gate.recv().is_ok()
            });
            let waiting = workers.run(move || queued.store(true, std::sync::atomic::Ordering::SeqCst));
            let (mut busy, mut waiting) = (std::pin::pin!(busy), std::pin::pin!(waiting));
            tokio::select! {
                biased;
                _ = &mut busy => unreachable!("it waits for us"),
                _ = &mut waiting => unreachable!("it waits for the first"),
                started = running => started.expect("it runs"),
            }
        }
        // It would wait for ever if it waited.
        drop(workers);
        drop(release);
        assert!(!ran.load(std::sync::atomic::Ordering::SeqCst));
    }

    #[tokio::test]
    async fn more_than_may_wait_is_turned_away() {
        let workers = Workers::start("test", 1, 1).expect("a thread");
        let (release, gate) = std::sync::mpsc::channel::<()>();
        let (started, running) = oneshot::channel();
        let busy = workers.run(move || {
            let _ = started.send(());
            gate.recv().is_ok()
        });
        let check = async {
            running.await.expect("it runs");
            let waiting = workers.run(|| 1);
            let refused = async {
                assert_eq!(workers.run(|| 2).await, Err(NotDone::Full));
                release.send(()).expect("the thread waits");
            };
            tokio::join!(waiting, refused).0
        };
        let (first, second) = tokio::join!(busy, check);
        assert_eq!((first, second), (Ok(true), Ok(1)));
    }
}
