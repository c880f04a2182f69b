//! Opening the shop's database, and refusing to when that would be wrong.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::{Connection, OpenFlags};

use super::checkpoint::{self, Checkpointer};
use super::folder::{DataFolder, FolderFault};
use super::migrate::{self, SCHEMA_VERSION};
use super::reader::Reader;
use super::stats::{Stats, micros};
use super::tx::Command;
use super::writer::{Lane, Reactions, STATEMENT_CACHE, Writer, WriterParts};
use crate::clock::{BUILT, Clock, WriterClock};
use crate::kernel::problem::kinds;
use crate::kernel::{Fault, Problem, Result, UtcMs};
use crate::trace;
use crate::workers::{NotDone, Workers};

/// Read-only connections, and threads that use them: two cores answer no more at once.
const READERS: usize = 4;
/// Most reads that wait.
const READS_LIMIT: usize = 1_024;
/// How long a connection waits for a lock of another (a checkpoint, a copy); nobody is ever told that it is busy.
pub(super) const BUSY_TIME: Duration = Duration::from_secs(5);
/// How far the newest stored moment may lie ahead of the clock at start (SPEC 5).
const CLOCK_BEHIND_MS: i64 = 10 * 60 * 1_000;

/// Why the database was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenFault {
    #[error(transparent)]
    Folder(#[from] FolderFault),
    #[error("the database {path} is of version {found}, newer than this program's {known}. Install the newer bayader again; this one would not understand it", known = SCHEMA_VERSION)]
    Newer { path: PathBuf, found: i64 },
    #[error("this machine's clock says {now}, which is before this program was made ({built}). Set the clock, or start with --accept-clock", built = BUILT)]
    ClockBeforeBuild { now: UtcMs },
    #[error(
        "this machine's clock says {now}, but the shop's books go on until {newest}. Set the clock, or start with --accept-clock"
    )]
    ClockBehindBooks { now: UtcMs, newest: UtcMs },
    #[error("the database {path} cannot be opened: {reason}")]
    Database { path: PathBuf, reason: String },
}

/// How to open.
pub struct DbOptions {
    pub clock: Clock,
    /// Start although the clock cannot be true.
    pub accept_clock: bool,
    pub reactions: Arc<dyn Reactions>,
}

/// The shop's database: one writer, several readers. Dropped, it writes what is queued, moves the log and closes.
pub struct Db {
    // In the order in which they end: readers first, so that the writer closes last and SQLite moves the log into the file and
    // removes it; the folder's lock at the very end.
    workers: Workers,
    readers: r2d2::Pool<SqliteConnectionManager>,
    writer: Writer,
    stats: Arc<Stats>,
    reads_waiting: AtomicUsize,
    folder: DataFolder,
}

impl Db {
    /// Opens (and makes or migrates) the database of a folder that this process owns.
    ///
    /// # Errors
    /// [`OpenFault`]; nothing is changed then, but that an empty folder may have been made.
    pub fn open(folder: DataFolder, options: DbOptions) -> Result<Db, OpenFault> {
        let path = folder.database();
        let database = |reason: String| OpenFault::Database { path: path.clone(), reason };
        let driver = |error: rusqlite::Error| database(error.to_string());

        let now = options.clock.now();
        if now < BUILT && !options.accept_clock {
            return Err(OpenFault::ClockBeforeBuild { now });
        }
        make_private(&path).map_err(|error| database(error.to_string()))?;
        let mut connection = open_writer(&path).map_err(driver)?;
        let found = migrate::version_of(&connection).map_err(driver)?;
        if found > SCHEMA_VERSION {
            return Err(OpenFault::Newer { path, found });
        }
        let newest = if found == 0 { UtcMs::from_ms(0) } else { newest_moment(&connection).map_err(driver)? };
        if is_behind_books(now, newest) && !options.accept_clock {
            return Err(OpenFault::ClockBehindBooks { now, newest });
        }
        let backups = folder.subfolder("backups")?;
        migrate::run(&mut connection, &backups, now).map_err(|fault| database(fault.chain()))?;

        let stats = Arc::new(Stats::default());
        let manager = SqliteConnectionManager::file(&path)
            .with_flags(OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .with_init(prepare_reader);
        let readers = r2d2::Pool::builder()
            .max_size(u32::try_from(READERS).unwrap_or(1))
            .min_idle(Some(1))
            .test_on_check_out(false)
            .build(manager)
            .map_err(|error| database(error.to_string()))?;
        let workers = Workers::start("reader", READERS, READS_LIMIT).map_err(|error| database(error.to_string()))?;
        let reopen_path = path.clone();
        let checkpoint_path = path.clone();
        let checkpointer =
            Checkpointer::start(move || open_writer(&checkpoint_path)).map_err(|error| database(error.to_string()))?;
        let writer = Writer::start(WriterParts {
            connection,
            reopen: Box::new(move || open_writer(&reopen_path)),
            clock: WriterClock::new(options.clock, newest),
            newest,
            reactions: options.reactions,
            checkpointer,
            stats: Arc::clone(&stats),
        })
        .map_err(|error| database(error.to_string()))?;
        Ok(Db { writer, workers, readers, stats, reads_waiting: AtomicUsize::new(0), folder })
    }

    /// Applies a command and answers once it is on disk. Somebody waits for it.
    ///
    /// # Errors
    /// What the command refuses; 503 `busy` if the lane is full, `outcome_unknown` if the commit failed, `storage_unavailable` if
    /// the disk took nothing.
    pub async fn write<C: Command>(&self, command: C) -> Result<C::Output> {
        self.writer.write(command, Lane::People).await
    }

    /// As [`Db::write`], behind everybody who waits.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn write_in_background<C: Command>(&self, command: C) -> Result<C::Output> {
        self.writer.write(command, Lane::Jobs).await
    }

    /// Reads on one snapshot, on a thread of its own.
    ///
    /// # Errors
    /// What `read` says; 503 `busy` if as many wait as may wait.
    pub async fn read<T: Send + 'static>(&self, read: impl FnOnce(&Reader<'_>) -> Result<T> + Send + 'static) -> Result<T> {
        let (readers, stats) = (self.readers.clone(), Arc::clone(&self.stats));
        let _waiting = Waiting::on(&self.reads_waiting);
        let (work, queued_at) = (trace::part("read"), Instant::now());
        if trace::is_on() {
            work.rename(name_of_reading(std::any::type_name_of_val(&read)));
        }
        let reading = move || {
            let _under_way = work.enter();
            work.number("bayader.read.wait_us", micros(queued_at.elapsed()));
            let outcome = on_snapshot(&readers, &stats, read);
            work.end();
            outcome
        };
        let outcome = self.workers.run(reading).await;
        match outcome {
            Ok(outcome) => outcome,
            Err(NotDone::Full) => {
                Stats::count(&self.stats.turned_away);
                Err(Problem::of(&kinds::BUSY).detail("Too many ask at once. Try again in a second.").retry_after_s(1).into())
            }
            Err(NotDone::Lost) => Err(Fault::because("a read panicked").into()),
        }
    }

    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Reads that wait or run.
    #[must_use]
    pub fn reads_waiting(&self) -> usize {
        self.reads_waiting.load(Ordering::Relaxed)
    }

    /// How many may read at once, and how many of their connections are open.
    #[must_use]
    pub fn readers(&self) -> (usize, u32) {
        (READERS, self.readers.state().connections)
    }

    /// Writes that wait: of people, and of the background.
    #[must_use]
    pub fn writes_waiting(&self) -> (usize, usize) {
        self.writer.waiting()
    }

    #[must_use]
    pub fn folder(&self) -> &DataFolder {
        &self.folder
    }
}

/// What a reading is called in a trace: the function that asks, without the names of the closures in it.
fn name_of_reading(type_name: &str) -> String {
    let name = type_name.split(['{', '<']).next().unwrap_or(type_name).trim_end_matches(':');
    format!("read {}", name.trim_start_matches("bayader::").trim_start_matches("features::"))
}

/// Counts somebody who waits, for as long as they do; also if they go away first.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn on(count: &'a AtomicUsize) -> Waiting<'a> {
        count.fetch_add(1, Ordering::Relaxed);
        Waiting(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn on_snapshot<T>(
    readers: &r2d2::Pool<SqliteConnectionManager>,
    stats: &Arc<Stats>,
    read: impl FnOnce(&Reader<'_>) -> Result<T>,
) -> Result<T> {
    let connection = readers.get().map_err(Fault::new)?;
    let run = |sql: &str| connection.prepare_cached(sql).and_then(|mut statement| statement.raw_execute()).map_err(Fault::new);
    run("begin deferred")?;
    // Also when `read` panics: a connection must not go back into the pool inside a transaction.
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read(&Reader::new(&connection, stats))));
    run("rollback")?;
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Reads a shop's database that another process may own, for commands that only read.
///
/// # Errors
/// A fault if there is no database, or what `read` says.
pub fn open_read_only<T>(database: &Path, read: impl FnOnce(&Reader<'_>) -> Result<T>) -> Result<T> {
    let mut connection =
        Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(|error| Fault::because(format!("the database {} cannot be opened: {error}", database.display())))?;
    prepare_reader(&mut connection).map_err(Fault::new)?;
    connection.execute_batch("begin deferred").map_err(Fault::new)?;
    read(&Reader::new(&connection, &Arc::new(Stats::default())))
}

/// What SQLite itself finds wrong with the file: damage, and rows that point at nothing. Empty if all is well.
///
/// # Errors
/// A fault if the check cannot run.
pub fn check_books(reader: &Reader<'_>) -> Result<Vec<String>> {
    let mut found = reader.all("pragma integrity_check", &[], |row| row.get::<String>(0))?;
    found.retain(|line| line != "ok");
    let orphans = reader.all("pragma foreign_key_check", &[], |row| {
        let mut columns = row.columns();
        let (table, _rowid): (String, Option<i64>) = (columns.next()?, columns.next()?);
        let parent: String = columns.next()?;
        Ok(format!("a row of {table} points at a row of {parent} that is not there"))
    })?;
    found.extend(orphans);
    Ok(found)
}

/// The database file belongs to its owner alone, from the first byte on.
fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path).map(|_| ())
}

fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIME)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    let mode: String = connection.query_row("pragma journal_mode = wal", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(rusqlite::Error::InvalidParameterName(format!("write-ahead log refused, journal mode is {mode}")));
    }
    // Checkpoints run beside the writer (checkpoint.rs). `temp_store` in memory made savepoints 1.4 times cheaper (SPEC 12).
    connection.execute_batch(
        "pragma synchronous = full; pragma foreign_keys = on; pragma temp_store = memory; pragma wal_autocheckpoint = 0; \
         pragma cache_size = -16000; pragma trusted_schema = off; pragma recursive_triggers = on;",
    )?;
    checkpoint::watch(&connection);
    Ok(connection)
}

pub(super) fn prepare_reader(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIME)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    connection.execute_batch(
        "pragma query_only = on; pragma temp_store = memory; pragma cache_size = -4000; pragma trusted_schema = off;",
    )
}

/// The newest moment in the books, as a start compares it with the clock.
///
/// # Errors
/// A fault.
pub fn newest_in_books(reader: &Reader<'_>) -> Result<UtcMs> {
    newest_moment(reader.connection).map_err(|error| Fault::new(error).into())
}

/// Whether the books are so far ahead of a clock that it cannot be true.
#[must_use]
pub fn is_behind_books(now: UtcMs, newest: UtcMs) -> bool {
    now.plus_ms(CLOCK_BEHIND_MS) < newest
}

/// The newest moment in the books, 0 if there is none. Each part is the end of an index or a small table.
fn newest_moment(connection: &Connection) -> rusqlite::Result<UtcMs> {
    const TABLES: &[(&str, &str)] = &[
        ("orders", "select max(updated_at) from orders"),
        ("users", "select max(updated_at) from users"),
        ("sessions", "select max(used_at) from sessions"),
        ("products", "select max(updated_at) from products"),
        ("inventory", "select max(updated_at) from inventory"),
        ("audit_log", "select at from audit_log order by n desc limit 1"),
        ("idempotent_answers", "select created_at from idempotent_answers order by id desc limit 1"),
    ];
    let mut newest = 0;
    for (table, sql) in TABLES {
        let there: bool =
            connection.query_row("select exists (select 1 from sqlite_schema where name = ?1)", [table], |row| row.get(0))?;
        if there {
            let found: Option<i64> =
                rusqlite::OptionalExtension::optional(connection.query_row(sql, [], |row| row.get(0)))?.flatten();
            newest = newest.max(found.unwrap_or(0));
        }
    }
    Ok(UtcMs::from_ms(newest))
}
