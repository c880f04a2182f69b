//! A copy of the whole database as it is at one moment, made beside the writer.
//!
//! One read snapshot on a connection of its own is copied page by page, so the writer goes on and nothing it writes meanwhile is in
//! the copy. As long as the snapshot is open the log cannot begin anew and grows by what is written; that is moved afterwards, beside
//! the writer (checkpoint.rs). The copy is one file without a log.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::open::{BUSY_TIME, prepare_reader};
use super::reader::Reader;
use crate::kernel::{Fault, Result};

/// Pages a step: a megabyte, some milliseconds of a disk.
const STEP_PAGES: i32 = 256;

/// Copies the database of a shop, which may be running, into a file that must not be there. `stepped` hears how many bytes were
/// copied; it may take its time, and an error of it ends the copy.
///
/// # Errors
/// A fault, or what `stepped` says; the file counts for nothing then.
pub fn copy_database(database: &Path, to: &Path, stepped: &mut dyn FnMut(u64) -> std::io::Result<()>) -> Result<()> {
    let mut from = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| Fault::because(format!("the database {} cannot be opened: {error}", database.display())))?;
    prepare_reader(&mut from).map_err(Fault::new)?;
    // The first read opens the snapshot, and the transaction holds it to the end.
    from.execute_batch("begin deferred; select count(*) from sqlite_schema;").map_err(Fault::new)?;
    let page: i64 = from.query_row("pragma page_size", [], |row| row.get(0)).map_err(Fault::new)?;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(Fault::new)?;
    let mut copy = open_copy(to)?;
    {
        let backup = Backup::new(&from, &mut copy).map_err(Fault::new)?;
        let mut left = None;
        loop {
            let step = backup.step(STEP_PAGES).map_err(Fault::new)?;
            let now = i64::from(backup.progress().remaining);
            let done = left.map_or(i64::from(backup.progress().pagecount) - now, |before: i64| before - now);
            left = Some(now);
            stepped(u64::try_from(done * page).unwrap_or(0)).map_err(Fault::new)?;
            match step {
                StepResult::Done => break,
                // The copy is ours alone; only the source can be locked, and then for a moment.
                StepResult::Busy | StepResult::Locked => std::thread::sleep(std::time::Duration::from_millis(5)),
                _ => {}
            }
        }
    }
    drop(from);
    drop(copy);
    // The pages say that they have a log; one that is opened to be read must not need one.
    let copy = open_copy(to)?;
    let mode: String = copy.query_row("pragma journal_mode = delete", [], |row| row.get(0)).map_err(Fault::new)?;
    let sound: String = copy.query_row("pragma quick_check(1)", [], |row| row.get(0)).map_err(Fault::new)?;
    if mode != "delete" || sound != "ok" {
        return Err(Fault::because(format!("the copy of the database is not sound: {sound} (journal {mode})")).into());
    }
    copy.close().map_err(|(_, error)| Fault::new(error))?;
    File::open(to).and_then(|file| file.sync_all()).map_err(|error| Fault::new(error).into())
}

/// The copy's file is synced once, at its end; until then it counts for nothing.
fn open_copy(path: &Path) -> Result<Connection> {
    let copy = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(Fault::new)?;
    copy.busy_timeout(BUSY_TIME).map_err(Fault::new)?;
    copy.execute_batch("pragma synchronous = off; pragma trusted_schema = off; pragma cache_size = -4000;")
        .map_err(Fault::new)?;
    Ok(copy)
}

/// How many rows each table has; what a search index keeps inside of itself is none.
///
/// # Errors
/// A fault.
pub fn row_counts(reader: &Reader<'_>) -> Result<BTreeMap<String, i64>> {
    let tables = reader.all(
        "select name from pragma_table_list where schema = 'main' and type = 'table' and substr(name, 1, 7) <> 'sqlite_'",
        &[],
        |row| row.get::<String>(0),
    )?;
    let count = |table: String| {
        // A table has no other way to be named; its name comes from the schema, quoted.
        let sql = format!("select count(*) from \"{}\"", table.replace('"', "\"\""));
        let rows = reader.one(&sql, &[], |row| row.get(0))?;
        Ok((table, rows))
    };
    tables.into_iter().map(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_of_one_moment_and_needs_no_log() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, to) = (folder.path().join("books.db"), folder.path().join("copy.db"));
        let writer = Connection::open(&path).expect("open");
        writer
            .execute_batch("pragma journal_mode = wal; create table t (x); create table \"odd \"\" name\" (x);")
            .expect("made");
        writer.execute("with recursive n (i) as (select 1 union all select i + 1 from n where i < 20000) insert into t select zeroblob(200) from n", []).expect("filled");
        let mut steps = 0;
        copy_database(&path, &to, &mut |_| {
            steps += 1;
            // Both are written while the copy is made: one that is after the moment, one that makes pages anew.
            writer.execute("insert into t values (1)", []).expect("the writer is not stopped");
            writer.execute("update t set x = 2 where rowid % 1000 = ?1", [steps]).expect("the writer is not stopped");
            Ok(())
        })
        .expect("copied");
        assert!(steps > 3, "{steps} steps");
        let bytes = std::fs::read(&to).expect("read");
        assert_eq!(bytes[18..20], [1, 1], "it needs a log");
        assert_eq!(
            std::fs::read_dir(folder.path())
                .expect("listed")
                .filter(|name| name.as_ref().is_ok_and(|name| name.file_name().to_string_lossy().starts_with("copy")))
                .count(),
            1
        );
        let counts = super::super::open_read_only(&to, row_counts).expect("counted");
        assert_eq!(counts, BTreeMap::from([("odd \" name".to_owned(), 0), ("t".to_owned(), 20_000)]));
        let twos: i64 = Connection::open(&to)
            .expect("open")
            .query_row("select count(*) from t where x = 2", [], |row| row.get(0))
            .expect("counted");
        assert_eq!(twos, 0, "something of later is in it");
    }

    #[test]
    fn a_copy_ends_when_it_is_told_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("books.db");
        Connection::open(&path).expect("open").execute_batch("pragma journal_mode = wal; create table t (x);").expect("made");
        copy_database(&path, &folder.path().join("copy.db"), &mut |_| Err(std::io::Error::other("stop"))).expect_err("stopped");
        // Nothing of ours is overwritten either.
        copy_database(&path, &path, &mut |_| Ok(())).expect_err("it is there");
    }
}
