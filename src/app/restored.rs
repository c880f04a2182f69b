//! Makes a database that was taken out of a backup, or put together from a copier's, that of a shop which never repeats the past (SPEC 10).
//! It is done where the files lie aside, before they take the place of the shop's own; what is done, `features::restored` says.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use crate::clock::Clock;
use crate::db::{self, DataFolder, Db, DbOptions, OpenFault, Reactions, Reader, WriteTx};
use crate::features::restored::{Made, MakeRestored, Past};
use crate::features::{accounts, audit, orders, settings};
use crate::kernel::{Change, DomainEvent, Fault, JobDue, Result, UtcMs};

/// Why it could not be done. Nothing of the shop's own folder was touched.
#[derive(Debug, thiserror::Error)]
pub enum RestoredFault {
    #[error(transparent)]
    Open(#[from] OpenFault),
    #[error("the restored books cannot be made ready: {0}")]
    Books(String),
}

/// Which books are made ready.
pub struct Books<'a> {
    /// The folder in which they lie, aside: `bayader.db`, and `erased.log` if the backup had one.
    pub aside: &'a Path,
    /// The shop's own data folder. What it knows of the time after the backup counts: who was erased, which order numbers were given.
    pub folder: &'a Path,
    /// The moment that the books show.
    pub backup_of: UtcMs,
    /// The backup's name, for people.
    pub backup: &'a str,
    pub clock: &'a Clock,
    /// Go on although this machine's clock cannot be true.
    pub accept_clock: bool,
}

/// Brings the books to this program's version and makes them a restored shop's. `aside` has one `erased.log` of both folders then.
///
/// # Errors
/// [`RestoredFault`].
pub async fn make_ready(books: Books<'_>) -> std::result::Result<Made, RestoredFault> {
    let fault = |fault: Fault| RestoredFault::Books(fault.chain());
    let mut erased = accounts::read_erased_log(books.aside).map_err(fault)?;
    erased.extend(accounts::read_erased_log(books.folder).map_err(fault)?);
    let numbers = numbers_given(books.folder, books.clock.now());
    let own = DataFolder::own(books.aside).map_err(OpenFault::from)?;
    let options = DbOptions { clock: books.clock.clone(), accept_clock: books.accept_clock, reactions: Arc::new(OnlyAudit) };
    let db = Db::open(own, options)?;
    let told = |error: crate::kernel::Error| RestoredFault::Books(error.to_string());
    // What the backup itself says was erased counts too, should its file be older than its books.
    erased.extend(db.read(accounts::erased).await.map_err(told)?);
    let past =
        Past { backup_of: books.backup_of, backup: books.backup.to_owned(), erased: erased.iter().copied().collect(), numbers };
    let made = db.write(MakeRestored(past)).await.map_err(told)?;
    // Closed, the log is in the file, and nothing lies beside it.
    drop(db);
    accounts::write_erased_log(books.aside, &erased).map_err(fault)?;
    for name in ["bayader.lock", "backups"] {
        remove(&books.aside.join(name))
            .map_err(|error| RestoredFault::Books(format!("{name} cannot be taken away: {error}")))?;
    }
    Ok(made)
}

/// Migrating has left a copy from before; the backup is one.
fn remove(path: &Path) -> std::io::Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The newest order number of today by the books that the machine has now; none if there are none, or they cannot be read any more: then
/// the numbers that are left out have to do.
fn numbers_given(folder: &Path, now: UtcMs) -> BTreeMap<i64, i64> {
    let database = db::database_in(folder);
    if !database.exists() {
        return BTreeMap::new();
    }
    let newest = |reader: &Reader<'_>| {
        let today = settings::read(reader)?.format.zone.day_of(now);
        Ok(BTreeMap::from([(today.number(), orders::newest_number(reader, today)?)]))
    };
    db::open_read_only(&database, newest).unwrap_or_else(|error| {
        tracing::warn!(error = %error, "the books that are there cannot be read, so their order numbers are not known");
        BTreeMap::new()
    })
}

/// Nothing follows from what is done here but its line in the audit log: who is told, and what is woken, is for the shop that opens with it.
struct OnlyAudit;

impl Reactions for OnlyAudit {
    fn inside(&self, _tx: &mut WriteTx<'_>, _event: &DomainEvent) -> Result<()> {
        Ok(())
    }

    fn written(&self, tx: &mut WriteTx<'_>, command: &'static str, changes: &[Change]) -> Result<()> {
        audit::written(tx, command, changes)
    }

    fn after(&self, _events: &[DomainEvent], _jobs: &[JobDue]) {}
}
