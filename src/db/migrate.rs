//! Migrations: embedded, forward only, each preceded by a snapshot of the database (SPEC 5).

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::kernel::{Fault, UtcMs};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The schema this version of the program knows: the number of its newest migration.
pub const SCHEMA_VERSION: i64 = 22;

/// The schema version of a database; 0 of an empty one.
pub(super) fn version_of(connection: &Connection) -> rusqlite::Result<i64> {
    let known: bool = connection.query_row(
        "select exists (select 1 from sqlite_schema where type = 'table' and name = 'refinery_schema_history')",
        [],
        |row| row.get(0),
    )?;
    if !known {
        return Ok(0);
    }
    connection.query_row("select coalesce(max(version), 0) from refinery_schema_history", [], |row| row.get(0))
}

/// The schema version of the database in a file, read only.
///
/// # Errors
/// A fault if it is no database.
pub fn schema_version(database: &Path) -> Result<i64, Fault> {
    let connection = Connection::open_with_flags(database, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(Fault::new)?;
    version_of(&connection).map_err(Fault::new)
}

/// Brings the schema up to date. A database with something in it is first copied to `backups/`.
pub(super) fn run(connection: &mut Connection, backups: &Path, now: UtcMs) -> Result<(), Fault> {
    let before = version_of(connection).map_err(Fault::new)?;
    if before == SCHEMA_VERSION {
        return Ok(());
    }
    if before > 0 {
        let copy = snapshot(connection, backups, before, now)?;
        tracing::info!(from = before, to = SCHEMA_VERSION, copy = %copy.display(), "migrating the database; the copy is from before");
    }
    embedded::migrations::runner().run(connection).map_err(Fault::new)?;
    Ok(())
}

/// Brings a copy that counts for nothing, as a backup's in a scratch folder, up to this program's version.
///
/// # Errors
/// A fault, also if it is of a newer version.
pub fn bring_up(copy: &Path) -> Result<(), Fault> {
    let mut connection = Connection::open(copy).map_err(Fault::new)?;
    let found = version_of(&connection).map_err(Fault::new)?;
    if found > SCHEMA_VERSION {
        return Err(Fault::because(format!("it is of version {found}, newer than this program's {SCHEMA_VERSION}")));
    }
    if found < SCHEMA_VERSION {
        connection.execute_batch("pragma synchronous = off").map_err(Fault::new)?;
        embedded::migrations::runner().run(&mut connection).map_err(Fault::new)?;
    }
    Ok(())
}

/// A consistent copy of the database, in a file that did not exist.
fn snapshot(connection: &Connection, backups: &Path, version: i64, now: UtcMs) -> Result<PathBuf, Fault> {
    let stamp = now.to_string().replace([':', '.'], "-");
    let copy = backups.join(format!("before-migration-from-{version}-{stamp}.db"));
    let text = copy.to_str().ok_or_else(|| Fault::because("the path of the backups folder is not UTF-8"))?;
    connection.execute("vacuum into ?1", [text]).map_err(Fault::new)?;
    std::fs::set_permissions(&copy, std::os::unix::fs::PermissionsExt::from_mode(0o600)).map_err(Fault::new)?;
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_migration_is_the_schema_version() {
        let newest =
            embedded::migrations::runner().get_migrations().iter().map(|migration| i64::from(migration.version())).max();
        assert_eq!(newest, Some(SCHEMA_VERSION));
    }

    #[test]
    fn an_older_database_is_copied_before_it_is_migrated() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut connection = Connection::open(folder.path().join("bayader.db")).expect("a database");
        embedded::migrations::runner()
            .set_target(refinery::Target::Version(1))
            .run(&mut connection)
            .expect("the first migration");
        run(&mut connection, folder.path(), UtcMs::from_ms(0)).expect("the rest");
        assert_eq!(version_of(&connection).expect("a version"), SCHEMA_VERSION);
        let copy = folder.path().join("before-migration-from-1-1970-01-01T00-00-00-000Z.db");
        assert_eq!(schema_version(&copy).expect("a copy"), 1);
    }
}
