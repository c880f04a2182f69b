//! What the one writer remembers between writes, rebuilt from the tables whenever it may not be true any more.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Connection;

use super::error::from_driver;
use super::reader::{Reader, bind};
use super::row::IntoColumn;
use super::stats::Stats;
use crate::kernel::Result;

/// A feature's memory inside the writer, as the map from idempotency key to stored answer. It mirrors committed rows and the
/// group's own; the writer tells it when either is taken back.
pub trait WriterMemory: Any + Send {
    /// The write that ran last was kept (in the group, not yet on disk).
    fn keep(&mut self);
    /// The write that ran last was undone: forget what it added.
    fn undo(&mut self);
    /// The group is about to be committed: writes once what was added up for all of its writes.
    ///
    /// # Errors
    /// An error undoes the whole group.
    fn settle(&mut self, _group: &Settlement<'_>) -> Result<()> {
        Ok(())
    }
}

/// The end of a group, inside its transaction. What is written here is a group's cost, not an order's, and is not traced as one.
pub struct Settlement<'c> {
    reader: Reader<'c>,
}

impl<'c> Settlement<'c> {
    pub(super) fn new(connection: &'c Connection, stats: &'c Arc<Stats>) -> Settlement<'c> {
        Settlement { reader: Reader::new(connection, stats) }
    }

    /// Runs a statement that writes.
    ///
    /// # Errors
    /// A fault.
    pub fn exec(&self, sql: &'static str, args: &[&dyn IntoColumn]) -> Result<()> {
        self.reader.timed(sql, || {
            let mut statement = self.reader.connection.prepare_cached(sql).map_err(from_driver)?;
            bind(&mut statement, args)?;
            statement.raw_execute().map(|_| ()).map_err(from_driver)
        })
    }
}

/// All memories, by type. A failed commit empties it, and each is made anew at its next use.
#[derive(Default)]
pub(super) struct Memories {
    by_type: HashMap<TypeId, Box<dyn WriterMemory>>,
}

impl Memories {
    pub(super) fn get<M: WriterMemory>(&mut self) -> Option<&mut M> {
        let memory: &mut dyn Any = self.by_type.get_mut(&TypeId::of::<M>())?.as_mut();
        memory.downcast_mut()
    }

    pub(super) fn put<M: WriterMemory>(&mut self, memory: M) {
        self.by_type.insert(TypeId::of::<M>(), Box::new(memory));
    }

    pub(super) fn keep(&mut self) {
        self.by_type.values_mut().for_each(|memory| memory.keep());
    }

    pub(super) fn undo(&mut self) {
        self.by_type.values_mut().for_each(|memory| memory.undo());
    }

    pub(super) fn settle(&mut self, group: &Settlement<'_>) -> Result<()> {
        self.by_type.values_mut().try_for_each(|memory| memory.settle(group))
    }

    pub(super) fn forget(&mut self) {
        self.by_type.clear();
    }
}
