//! What was written to whom is forgotten when it is old; that it was sent stays in the books.

use super::sql;
use crate::db::WriteTx;
use crate::kernel::{Result, UtcMs};

/// Strikes recipient, payload and subject out of at most so many messages that were queued before a moment, the oldest first; how many
/// there were. One that still waits stays whole, and is forgotten once it has left.
///
/// # Errors
/// A fault.
pub fn forget_bodies(tx: &mut WriteTx<'_>, before: UtcMs, most: usize) -> Result<usize> {
    let most_rows = i64::try_from(most).unwrap_or(i64::MAX);
    let struck = sql::forget::strike_old(tx, before, most_rows)?;
    if struck < most {
        sql::forget::move_mark(tx, before)?;
    }
    Ok(struck)
}
