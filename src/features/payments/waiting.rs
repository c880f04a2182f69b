//! What of payments waits for a person: the books balance, and somebody has to look all the same.

use super::sql::refunds as sql;
use crate::db::Reader;
use crate::kernel::time::span::DAY_MS;
use crate::kernel::{Result, UtcMs};

/// Named of each kind.
const EXAMPLES: usize = 5;

/// Parked money, refunds under way for more than a day, differences with the gateways' books, and dead jobs: a line a kind.
///
/// # Errors
/// A fault if it cannot be read.
pub fn waiting(reader: &Reader<'_>, now: UtcMs) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for (what, statement) in sql::WAITING {
        let found = sql::waiting(reader, statement, now.plus_ms(-DAY_MS))?;
        if !found.is_empty() {
            let examples: Vec<&str> = found.iter().take(EXAMPLES).map(String::as_str).collect();
            lines.push(format!("{what}: {} ({} in all)", examples.join(", "), found.len()));
        }
    }
    Ok(lines)
}
