//! What must hold of money: a part of what `bayader doctor` runs, and every test at its end.

use super::sql;
use crate::db::Reader;
use crate::kernel::Result;

/// Examples told of a broken invariant.
const EXAMPLES: usize = 5;

/// Every invariant that does not hold, with examples; empty if all is well.
///
/// # Errors
/// A fault if a check cannot run.
pub fn check_books(reader: &Reader<'_>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (what, statement) in sql::books::BOOKS {
        let breaches: Vec<String> = reader.all(statement, &[], |row| row.get(0))?;
        if !breaches.is_empty() {
            let examples: Vec<&str> = breaches.iter().take(EXAMPLES).map(String::as_str).collect();
            found.push(format!("{what}: {} ({} in all)", examples.join(", "), breaches.len()));
        }
    }
    Ok(found)
}
