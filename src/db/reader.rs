//! Reading: one connection, static statements, each timed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::error::from_driver;
use super::row::{IntoColumn, Row};
use super::stats::{Stats, micros};
use crate::kernel::{Fault, Result};

/// A statement that takes longer is told in the log, with its text (never its values).
const SLOW: Duration = Duration::from_millis(50);

/// Runs statements that only read, on one snapshot. A [`super::WriteTx`] is one too.
pub struct Reader<'c> {
    pub(super) connection: &'c Connection,
    pub(super) stats: &'c Arc<Stats>,
}

impl<'c> Reader<'c> {
    pub(super) fn new(connection: &'c Connection, stats: &'c Arc<Stats>) -> Reader<'c> {
        Reader { connection, stats }
    }

    /// Every row.
    ///
    /// # Errors
    /// A fault, or what `map` refuses.
    pub fn all<T>(&self, sql: &str, args: &[&dyn IntoColumn], mut map: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        self.timed(sql, || {
            let mut statement = self.connection.prepare_cached(sql).map_err(from_driver)?;
            bind(&mut statement, args)?;
            let mut rows = statement.raw_query();
            let mut found = Vec::new();
            while let Some(row) = rows.next().map_err(from_driver)? {
                found.push(map(&Row::new(row))?);
            }
            Ok(found)
        })
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// As [`Reader::all`].
    pub fn opt<T>(&self, sql: &str, args: &[&dyn IntoColumn], map: impl FnOnce(&Row<'_>) -> Result<T>) -> Result<Option<T>> {
        self.timed(sql, || {
            let mut statement = self.connection.prepare_cached(sql).map_err(from_driver)?;
            bind(&mut statement, args)?;
            let mut rows = statement.raw_query();
            rows.next().map_err(from_driver)?.map(|row| map(&Row::new(row))).transpose()
        })
    }

    /// The one row there must be.
    ///
    /// # Errors
    /// As [`Reader::all`], and a fault if there is none.
    pub fn one<T>(&self, sql: &str, args: &[&dyn IntoColumn], map: impl FnOnce(&Row<'_>) -> Result<T>) -> Result<T> {
        self.opt(sql, args, map)?.ok_or_else(|| Fault::because(format!("no row where one must be: {sql}")).into())
    }

    pub(super) fn timed<T>(&self, sql: &str, run: impl FnOnce() -> Result<T>) -> Result<T> {
        let started = Instant::now();
        let outcome = run();
        let took = started.elapsed();
        self.stats.statement_us.record(micros(took));
        if took > SLOW {
            tracing::warn!(took_ms = micros(took) / 1_000, sql, "a slow statement");
        }
        outcome
    }
}

pub(super) fn bind(statement: &mut rusqlite::Statement<'_>, args: &[&dyn IntoColumn]) -> Result<()> {
    for (index, value) in args.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, Bound(*value)).map_err(from_driver)?;
    }
    Ok(())
}

/// A `dyn` value as the driver's own trait.
struct Bound<'a>(&'a dyn IntoColumn);

impl rusqlite::ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}
