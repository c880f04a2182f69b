//! Numbers that a restored shop does not give again. The shop of before sold on after its backup, and customers hold its numbers.

use super::sql;
use crate::db::{Reader, WriteTx};
use crate::kernel::{Result, ShopDay};

/// So many numbers of a day are left out (SPEC 10): more than a bakery sells between two of its backups.
const SKIPPED: i64 = 500;

/// The day's next number is 500 higher than it would be, and higher than one that is known to have been given.
///
/// # Errors
/// A fault.
pub fn skip_numbers(tx: &mut WriteTx<'_>, day: ShopDay, known: i64) -> Result<()> {
    let after = sql::next_number(tx, day.number())? - 1;
    sql::skip_numbers(tx, day.number(), after, (after + SKIPPED).max(known))
}

/// The newest number of a day that may have been given, also by a shop of before that these books have left out; 0 if it has none. Of books
/// older than that too.
///
/// # Errors
/// A fault.
pub fn newest_number(reader: &Reader<'_>, day: ShopDay) -> Result<i64> {
    if sql::knows_skipped_numbers(reader)? {
        return Ok(sql::next_number(reader, day.number())? - 1);
    }
    sql::newest_number(reader, day.number())
}
