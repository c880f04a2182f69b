//! Finding orders by words: FTS5 over words that the orders' feature makes (SPEC 5).
//!
//! What always holds: a row has the words it was put with last; only quoted beginnings become a `match` expression, so no text of a
//! caller is ever its syntax.

use super::tx::WriteTx;
use crate::args;
use crate::kernel::Result;

/// The rows of the index, as `s`, and the orders they stand for, as `o`. A row is the order's day and number as one integer.
#[macro_export]
macro_rules! orders_by_words {
    () => {
        " from order_texts s cross join orders o on o.number_day = s.rowid / 10000000 and o.number = s.rowid % 10000000"
    };
}

/// How many rows fit, without a look at their orders.
pub const COUNT: &str = "select count(*) from order_texts s";
/// The condition that an expression is bound to.
pub const MATCHES: &str = "order_texts match ?";
/// The condition on a row before another one.
pub const BEFORE: &str = "s.rowid < ?";
/// The newest first.
pub const NEWEST: &str = "order by s.rowid desc limit ? offset ?";

/// Beginnings of words, all of which a row must have.
pub type Beginnings = Vec<String>;

/// A `match` expression that a row fits which has, of each word, one of its readings.
#[must_use]
pub fn expression(words: &[Vec<Beginnings>]) -> String {
    let begins = |beginning: &String| format!("\"{}\" *", beginning.replace('"', "\"\"").replace('\0', " "));
    let all = |reading: &Beginnings| format!("({})", reading.iter().map(begins).collect::<Vec<_>>().join(" AND "));
    let any = |readings: &Vec<Beginnings>| format!("({})", readings.iter().map(all).collect::<Vec<_>>().join(" OR "));
    words.iter().map(any).collect::<Vec<_>>().join(" AND ")
}

/// Brings a row to these words, whatever it had.
///
/// # Errors
/// A fault.
pub fn put(tx: &mut WriteTx<'_>, row: i64, words: &[String]) -> Result<()> {
    tx.exec("delete from order_texts where rowid = ?1", args![row])?;
    tx.exec_one("insert into order_texts (rowid, text) values (?1, ?2)", args![row, words.join(" ")])
}

/// Takes every row out.
///
/// # Errors
/// A fault.
pub fn clear(tx: &mut WriteTx<'_>) -> Result<()> {
    tx.exec("insert into order_texts (order_texts) values ('delete-all')", &[]).map(drop)
}
