//! Whether the chain is whole.

use super::model::Head;
use super::{rules, sql};
use crate::db::Reader;
use crate::kernel::Result;

/// Rows read at once.
const CHUNK: i64 = 1_000;
/// Rows that a quick look covers.
const NEWEST: i64 = 1_000;

/// What a walk along the chain found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Rows that are right, from the first.
    pub rows: i64,
    /// The last of them, whose hash stands for all before it.
    pub head: Head,
    /// The first row that is not, and what is wrong with it.
    pub broken: Option<(i64, String)>,
}

impl Report {
    /// The head's hash in hexadecimal digits.
    #[must_use]
    pub fn head_hash(&self) -> String {
        rules::hex(&self.head.hash)
    }
}

/// Walks the chain from its start.
///
/// # Errors
/// A fault.
pub fn verify(reader: &Reader<'_>) -> Result<Report> {
    walk(reader, Head::START)
}

fn walk(reader: &Reader<'_>, from: Head) -> Result<Report> {
    let mut report = Report { rows: 0, head: from, broken: None };
    loop {
        let rows = sql::after(reader, report.head.n, CHUNK)?;
        for row in &rows {
            match rules::follow(report.head, row) {
                Ok(head) => (report.head, report.rows) = (head, report.rows + 1),
                Err(what) => {
                    report.broken = Some((report.head.n + 1, what));
                    return Ok(report);
                }
            }
        }
        if rows.is_empty() {
            return Ok(report);
        }
    }
}

/// Number and hash of the newest row; `None` where nothing was written yet.
///
/// # Errors
/// A fault.
pub fn newest(reader: &Reader<'_>) -> Result<Option<(i64, String)>> {
    let head = sql::head(reader)?;
    Ok((head.n > 0).then(|| (head.n, rules::hex(&head.hash))))
}

/// A quick look for `doctor`: the newest rows, and that none is missing. What is wrong, a line each.
///
/// # Errors
/// A fault.
pub fn check_newest(reader: &Reader<'_>) -> Result<Vec<String>> {
    let head = sql::head(reader)?;
    let mut found = Vec::new();
    let count = sql::count_all(reader)?;
    if count != head.n {
        found.push(format!("the audit log has {count} rows where its newest is number {}; run: bayader audit verify", head.n));
        return Ok(found);
    }
    let Some(from) = sql::head_at(reader, (head.n - NEWEST).max(0))? else { return Ok(found) };
    if let Some((_, what)) = walk(reader, from)?.broken {
        found.push(format!("the audit log is not as it was written: {what}; run: bayader audit verify"));
    }
    Ok(found)
}
