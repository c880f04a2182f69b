//! What a restored shop knows of it.

use crate::features::messages::{self, Word, Words};
use crate::features::{notifications, payments};
use crate::kernel::UtcMs;

/// A time that the shop was restored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restoration {
    pub n: i64,
    pub restored_at: UtcMs,
    /// The moment that the backup shows.
    pub backup_of: UtcMs,
    /// The backup's name.
    pub backup: String,
    /// When somebody of the shop said what becomes of what waits, and what.
    pub answered: Option<(UtcMs, Words)>,
}

/// What was done to the books.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Made {
    /// Sessions that lived.
    pub sessions: usize,
    /// Messages that wait for the owner's word.
    pub messages: i64,
    pub promotions: i64,
    /// Refunds whose gateway is asked first, though nobody had sent them.
    pub refunds: usize,
    /// Accounts that were erased again.
    pub erased: usize,
    /// Kept answers that were dropped.
    pub answers: usize,
}

/// How a restored shop stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    pub restoration: Option<Restoration>,
    pub messages: messages::Waiting,
    pub notifications: notifications::Waiting,
    pub payments: payments::FoundOut,
}

impl Standing {
    /// Whether anything waits for somebody's word.
    pub(super) fn waits(&self) -> bool {
        let notifications::Waiting { steps, alerts, campaigns } = self.notifications;
        self.messages.messages + self.messages.promotions + steps + alerts + campaigns > 0
    }
}

pub(super) fn word(code: &str) -> Option<Word> {
    Word::from_code(code)
}
