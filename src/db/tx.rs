//! A write: what a command may do inside its savepoint.

use std::ops::Deref;

use super::error::from_driver;
use super::memory::{Memories, WriterMemory};
use super::reader::{Reader, bind};
use super::row::IntoColumn;
use crate::kernel::{Actor, Change, DomainEvent, Fault, JobDue, Origin, Result, UtcMs};

/// Something that changes the books. It runs on the writer thread, where everyone queues behind it: no waiting, a few ms at most.
pub trait Command: Send + 'static {
    /// Label of spans and metrics, as `orders.change_status`.
    const NAME: &'static str;
    type Output: Send + 'static;

    /// Reads, decides, writes, records. An error or a panic undoes all of it and nothing else.
    ///
    /// # Errors
    /// A refusal the caller can mend, or a fault.
    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Self::Output>;
}

/// A write transaction: a [`Reader`] that also writes, records events and makes ids.
pub struct WriteTx<'w> {
    reader: Reader<'w>,
    now: UtcMs,
    ids: &'w mut crate::clock::IdMaker,
    memories: &'w mut Memories,
    origin: Option<Origin>,
    has_written: bool,
    pub(super) changes: Vec<Change>,
    pub(super) events: Vec<DomainEvent>,
    pub(super) jobs: Vec<JobDue>,
}

impl<'w> Deref for WriteTx<'w> {
    type Target = Reader<'w>;

    fn deref(&self) -> &Reader<'w> {
        &self.reader
    }
}

impl<'w> WriteTx<'w> {
    pub(super) fn new(
        reader: Reader<'w>,
        now: UtcMs,
        ids: &'w mut crate::clock::IdMaker,
        memories: &'w mut Memories,
        origin: Option<Origin>,
    ) -> WriteTx<'w> {
        WriteTx {
            reader,
            now,
            ids,
            memories,
            origin,
            has_written: false,
            changes: Vec::new(),
            events: Vec::new(),
            jobs: Vec::new(),
        }
    }

    /// Who asked for this write, and from where; `None` for the program itself.
    #[must_use]
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// A guest has proven who they are: what this write tells from now on is theirs. Who is known already stays who they are.
    pub fn proven(&mut self, actor: Actor) {
        if let Some(origin) = &mut self.origin
            && origin.actor == Actor::Guest
        {
            origin.actor = actor;
        }
    }

    /// Tells what was changed, if anything was, for the audit log. Whether it is kept there, [`super::Reactions::written`] decides.
    pub fn changed(&mut self, change: impl Into<Option<Change>>) {
        self.changes.extend(change.into());
    }

    /// Whether any row was touched so far.
    #[must_use]
    pub fn has_written(&self) -> bool {
        self.has_written
    }

    /// The moment of this write; later than that of every write before it (SPEC 2).
    #[must_use]
    pub fn now(&self) -> UtcMs {
        self.now
    }

    /// A new id, greater than every one before it.
    pub fn new_id(&mut self) -> uuid::Uuid {
        self.ids.make(self.now)
    }

    /// Records what has happened; reactions inside the transaction and after the commit follow from it.
    pub fn record(&mut self, event: DomainEvent) {
        self.events.push(event);
    }

    /// Says that a job row was written, so that its worker is woken after the commit.
    pub fn wake(&mut self, job: JobDue) {
        self.jobs.push(job);
    }

    /// Runs a statement that writes; answers how many rows it touched.
    ///
    /// # Errors
    /// A fault; a violated constraint can be turned into a refusal with [`super::OnViolation`].
    pub fn exec(&mut self, sql: &'static str, args: &[&dyn IntoColumn]) -> Result<usize> {
        self.reader.stats.note_write(sql);
        let rows = self.reader.timed(sql, || {
            let mut statement = self.reader.connection.prepare_cached(sql).map_err(from_driver)?;
            bind(&mut statement, args)?;
            statement.raw_execute().map_err(from_driver)
        })?;
        self.has_written |= rows > 0;
        Ok(rows)
    }

    /// Runs a statement that writes and returns the row it touched; `None` if it touched none.
    ///
    /// # Errors
    /// As [`WriteTx::exec`].
    pub fn returning<T>(
        &mut self,
        sql: &'static str,
        args: &[&dyn IntoColumn],
        map: impl FnOnce(&super::Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        self.reader.stats.note_write(sql);
        let row = self.reader.opt(sql, args, map)?;
        self.has_written |= row.is_some();
        Ok(row)
    }

    /// Runs a statement that must touch exactly one row.
    ///
    /// # Errors
    /// As [`WriteTx::exec`], and a fault if it touched none or several.
    pub fn exec_one(&mut self, sql: &'static str, args: &[&dyn IntoColumn]) -> Result<()> {
        match self.exec(sql, args)? {
            1 => Ok(()),
            rows => Err(Fault::because(format!("{rows} rows changed where one must: {sql}")).into()),
        }
    }

    /// Runs a part of a write that may fail alone: its error is handed back, what it did is undone, and the rest stands.
    ///
    /// # Errors
    /// A fault if the part cannot be undone by itself, as on a disk that fails: then the whole write is over.
    pub fn attempt<T>(&mut self, part: impl FnOnce(&mut WriteTx<'w>) -> Result<T>) -> Result<Result<T>> {
        self.simple("savepoint part")?;
        let (events, jobs, changes) = (self.events.len(), self.jobs.len(), self.changes.len());
        let outcome = part(self);
        if outcome.is_err() {
            self.events.truncate(events);
            self.jobs.truncate(jobs);
            self.changes.truncate(changes);
            self.simple("rollback to part")?;
        }
        self.simple("release part")?;
        Ok(outcome)
    }

    fn simple(&self, sql: &'static str) -> Result<()> {
        self.reader.connection.prepare_cached(sql).and_then(|mut statement| statement.raw_execute()).map_err(from_driver)?;
        Ok(())
    }

    /// The writer's memory of a type, made by `build` from the tables if there is none.
    ///
    /// # Errors
    /// What `build` says.
    pub fn memory<M: WriterMemory>(&mut self, build: impl FnOnce(&Reader<'_>) -> Result<M>) -> Result<&mut M> {
        if self.memories.get::<M>().is_none() {
            self.memories.put(build(&self.reader)?);
        }
        self.memories.get::<M>().ok_or_else(|| Fault::because("a memory just put is there").into())
    }
}
