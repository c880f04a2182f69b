//! What a failed statement means: a rule of the table, a disk that takes no writes, or a fault of ours.

use rusqlite::ErrorCode;

use crate::kernel::problem::kinds;
use crate::kernel::{Error, Fault, Problem, ProblemKind, Result};

/// Seconds after which a caller may try a shop whose disk was full or failing.
const DISK_RETRY_S: u32 = 5;

/// Turns a driver's error into ours. A disk that is full or fails is told as 503, because a retry is right.
pub(super) fn from_driver(error: rusqlite::Error) -> Error {
    if is_disk(&error) {
        tracing::error!(error = %error, "the disk does not take writes");
        return storage_unavailable().into();
    }
    Fault::new(error).into()
}

/// The refusal while the disk takes no writes.
pub(super) fn storage_unavailable() -> Problem {
    Problem::of(&kinds::STORAGE_UNAVAILABLE)
        .detail("The shop's disk is full or failing; nothing was changed. Try again shortly; whoever keeps the machine should look at its disk.")
        .retry_after_s(DISK_RETRY_S)
}

fn is_disk(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
        )
    )
}

/// A constraint that refused a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Violation<'a> {
    /// A unique index on `table.column` (several joined by `, `).
    Unique(&'a str),
    /// A named `check`.
    Check(&'a str),
    /// A foreign key. SQLite does not tell which.
    ForeignKey,
}

impl Violation<'_> {
    fn is_behind(self, error: &Error) -> bool {
        let Error::Fault(fault) = error else { return false };
        let Some(rusqlite::Error::SqliteFailure(code, Some(message))) = fault.downcast_ref::<rusqlite::Error>() else {
            return false;
        };
        if code.code != ErrorCode::ConstraintViolation {
            return false;
        }
        match self {
            Violation::Unique(columns) => message.strip_prefix("UNIQUE constraint failed: ") == Some(columns),
            Violation::Check(name) => message.strip_prefix("CHECK constraint failed: ") == Some(name),
            Violation::ForeignKey => message == "FOREIGN KEY constraint failed",
        }
    }
}

/// Turns a named violation into a refusal; everything else stays as it is.
pub trait OnViolation<T> {
    /// # Errors
    /// The problem, if that constraint refused the row.
    fn on_violation(self, violation: Violation<'_>, kind: &'static ProblemKind) -> Result<T>;
}

impl<T> OnViolation<T> for Result<T> {
    fn on_violation(self, violation: Violation<'_>, kind: &'static ProblemKind) -> Result<T> {
        self.map_err(|error| if violation.is_behind(&error) { Problem::of(kind).into() } else { error })
    }
}
