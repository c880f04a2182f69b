//! Moving the log into the database file beside the writer, so that no commit waits for it.
//!
//! Measured before there was a server: a checkpoint inside the writer shows as commits of 9 to 23 ms (SPEC 12). So a thread with a
//! connection of its own moves pages while the writer goes on; only when the log has grown past a size does the writer itself
//! finish the job and start the log anew. The file keeps its length then: a sync of a file that does not grow is cheaper.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

/// Commits between two looks at the log. A commit of a group of orders writes some tens of pages.
const COMMITS_A_LOOK: u32 = 32;
/// Pages of the log at which the thread is woken: SQLite's own default, 4 MB.
const MOVE_ABOVE: u32 = 1_000;
/// Pages at which the writer starts the log anew: 32 MB.
const RESTART_ABOVE: u32 = 8_000;
/// The most pages that the writer itself then still moves, some milliseconds' worth. After a long snapshot, as a backup's, more are
/// left; the thread moves those first.
const WRITER_MOVES: u32 = 2_000;

thread_local! {
    /// Pages in the log after this thread's last commit.
    static PAGES: Cell<u32> = const { Cell::new(0) };
}

/// Notes how long the log is after each commit of a connection. `pragma wal_autocheckpoint` would take its place.
pub(super) fn watch(writer: &Connection) {
    writer.wal_hook(Some(|_, pages| {
        PAGES.set(u32::try_from(pages).unwrap_or(0));
        Ok(())
    }));
}

/// Pages in the log after this thread's last commit.
pub(super) fn pages() -> u32 {
    PAGES.get()
}

pub(super) struct Checkpointer {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    commits: u32,
    /// Pages that were left to be moved when the thread last looked.
    left: Arc<AtomicU32>,
}

impl Checkpointer {
    pub(super) fn start(open: impl Fn() -> rusqlite::Result<Connection> + Send + 'static) -> std::io::Result<Checkpointer> {
        let (wake, woken) = sync_channel::<()>(1);
        let left = Arc::new(AtomicU32::new(0));
        let leaves = Arc::clone(&left);
        let thread = std::thread::Builder::new().name("checkpoint".to_owned()).spawn(move || {
            while woken.recv().is_ok() {
                // A new connection each time: after a failed sync an old one may believe what the disk does not hold.
                match open().and_then(|connection| checkpoint(&connection, "passive")) {
                    Ok(now) => leaves.store(now, Ordering::Relaxed),
                    Err(error) => {
                        tracing::warn!(error = %error, "the log could not be moved into the database now; it will be tried again");
                    }
                }
            }
        })?;
        Ok(Checkpointer { wake: Some(wake), thread: Some(thread), commits: 0, left })
    }

    /// Called by the writer after its callers were answered.
    pub(super) fn after_commit(&mut self, writer: &Connection) {
        self.commits += 1;
        if self.commits < COMMITS_A_LOOK {
            return;
        }
        self.commits = 0;
        let pages = PAGES.get();
        if pages > RESTART_ABOVE && self.left.load(Ordering::Relaxed) <= WRITER_MOVES {
            // Not waiting for readers: a long snapshot must not stop the writer. It is tried again a few commits later.
            let restarted = writer
                .busy_timeout(Duration::ZERO)
                .and_then(|()| checkpoint(writer, "restart"))
                .and(writer.busy_timeout(super::open::BUSY_TIME));
            if let Err(error) = restarted {
                tracing::warn!(error = %error, "the log could not be started anew now; it will be tried again");
            }
        } else if pages > MOVE_ABOVE
            && let Some(wake) = &self.wake
            && let Err(TrySendError::Disconnected(())) = wake.try_send(())
        {
            tracing::error!("the checkpoint thread is gone");
        }
    }
}

/// Moves what no snapshot needs; how many pages are left in the log.
fn checkpoint(connection: &Connection, mode: &'static str) -> rusqlite::Result<u32> {
    let sql = if mode == "restart" { "pragma wal_checkpoint(restart)" } else { "pragma wal_checkpoint(passive)" };
    connection.query_row(sql, [], |row| {
        let (log, moved): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok(u32::try_from(log - moved).unwrap_or(0))
    })
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages that a commit of the test writes, about.
    const A_COMMIT: u32 = 100;

    #[test]
    fn what_a_long_snapshot_has_held_back_is_not_moved_by_the_writer() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("books.db");
        let writer = Connection::open(&path).expect("open");
        writer
            .execute_batch(
                "pragma journal_mode = wal; pragma synchronous = off; pragma wal_autocheckpoint = 0; create table t (x);",
            )
            .expect("a table");
        watch(&writer);
        let (wake, woken) = sync_channel::<()>(1);
        let mut checkpointer = Checkpointer { wake: Some(wake), thread: None, commits: 0, left: Arc::default() };
        let snapshot = Connection::open(&path).expect("open");
        snapshot.execute_batch("begin; select * from t;").expect("a snapshot");
        while PAGES.get() < 3 * RESTART_ABOVE {
            writer.execute("insert into t values (zeroblob(?1))", [A_COMMIT * 4_096]).expect("written");
            // As the thread does.
            if woken.try_recv().is_ok() {
                let now = checkpoint(&Connection::open(&path).expect("open"), "passive").expect("moved");
                checkpointer.left.store(now, Ordering::Relaxed);
            }
            checkpointer.after_commit(&writer);
        }
        snapshot.execute_batch("rollback").expect("ended");
        let moved = |checkpointer: &mut Checkpointer| {
            for _ in 0..COMMITS_A_LOOK {
                writer.execute("insert into t values (1)", []).expect("written");
                checkpointer.after_commit(&writer);
            }
            PAGES.get()
        };
        assert!(moved(&mut checkpointer) > 3 * RESTART_ABOVE, "the writer has moved it all");
        woken.try_recv().expect("the thread is woken");
        let now = checkpoint(&Connection::open(&path).expect("open"), "passive").expect("moved");
        checkpointer.left.store(now, Ordering::Relaxed);
        // The log begins anew with the commit after that.
        moved(&mut checkpointer);
        assert!(moved(&mut checkpointer) < RESTART_ABOVE, "the log does not begin anew");
    }

    #[test]
    fn the_writer_alone_keeps_the_log_from_growing_without_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let writer = Connection::open(folder.path().join("books.db")).expect("open");
        writer
            .execute_batch(
                "pragma journal_mode = wal; pragma synchronous = off; pragma wal_autocheckpoint = 0; create table t (x);",
            )
            .expect("a table");
        watch(&writer);
        // Without the thread, which would hold the log now and then.
        let mut checkpointer = Checkpointer { wake: None, thread: None, commits: 0, left: Arc::default() };
        let most = RESTART_ABOVE + (COMMITS_A_LOOK + 1) * (A_COMMIT + 10);
        for _ in 0..2 * most / A_COMMIT {
            writer.execute("insert into t values (zeroblob(?1))", [A_COMMIT * 4_096]).expect("written");
            checkpointer.after_commit(&writer);
            assert!((1..most).contains(&PAGES.get()), "{} pages", PAGES.get());
        }
    }
}
