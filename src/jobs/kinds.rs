//! What is known of each kind of job, as its handler tells it.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::{Handlers, Schedule};
use crate::db::WriteTx;
use crate::kernel::Result;

/// What staff may do with the jobs of a kind.
#[derive(Clone, Copy, Debug)]
pub struct StaffMay {
    /// Try a dead one again.
    pub retry: May,
    /// End one that waits, or one that is dead.
    pub cancel: May,
}

impl Default for StaffMay {
    /// What is dead may be tried again: a handler looks anew at what is to be done. What waits is not ended: its cause still is.
    fn default() -> StaffMay {
        StaffMay { retry: May::Yes, cancel: May::No }
    }
}

/// Whether staff may do something with a job.
#[derive(Clone, Copy, Debug)]
pub enum May {
    No,
    Yes,
    /// Yes, and what the job is about hears of it in the same transaction.
    Telling(Tell),
}

/// Hears, by its key, what staff have done with a job. It holds nothing, so that the writer never holds a shop.
pub type Tell = fn(&mut WriteTx<'_>, &str) -> Result<()>;

/// A kind of job.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub schedule: Option<Schedule>,
    pub staff_may: StaffMay,
}

/// Every kind there is. Shared before the handlers exist, because they need the shop; told once, when they do.
#[derive(Debug, Default)]
pub struct Kinds {
    known: OnceLock<BTreeMap<&'static str, Kind>>,
}

impl Kinds {
    /// Hears of the kinds that these handlers do; only the first time counts.
    pub fn learn(&self, handlers: &Handlers) {
        self.known.get_or_init(|| {
            let kind = |handler: &std::sync::Arc<dyn super::Handler>| {
                (handler.kind(), Kind { schedule: handler.schedule(), staff_may: handler.staff_may() })
            };
            handlers.iter().map(kind).collect()
        });
    }

    /// The kind of that name, if anybody does it.
    #[must_use]
    pub fn get(&self, kind: &str) -> Option<Kind> {
        self.known.get()?.get(kind).copied()
    }

    /// All of them, by name.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, Kind)> {
        self.known.get().into_iter().flatten().map(|(name, kind)| (*name, *kind))
    }

    /// Those that come again by themselves.
    pub(super) fn recurring(&self) -> impl Iterator<Item = (&'static str, Schedule)> {
        self.all().filter_map(|(name, kind)| kind.schedule.map(|schedule| (name, schedule)))
    }
}
