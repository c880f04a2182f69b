//! What a shop just restored does with its accounts: nobody is signed in, no link counts, and who was erased since is erased again.

use super::{rules, send_link, sql};
use crate::db::{Reader, WriteTx};
use crate::features::settings;
use crate::kernel::{Result, UserId};

/// Ends every session and every link by which a password is set; how many sessions lived.
///
/// # Errors
/// A fault.
pub fn end_all_access(tx: &mut WriteTx<'_>) -> Result<usize> {
    sql::links::end_of_all(tx)?;
    sql::end_all_sessions(tx)
}

/// Erases an account again that was erased after the backup; `false` if it is not there, or is erased already. What it ordered and was
/// told, its owners forget.
///
/// # Errors
/// A fault.
pub fn erase_again(tx: &mut WriteTx<'_>, user: UserId) -> Result<bool> {
    if sql::user(tx, user)?.is_none() {
        return Ok(false);
    }
    let shop = settings::read(tx)?;
    sql::people::erase(tx, user, rules::erased_name(shop.format.locale), &rules::erased_email(user))?;
    send_link::end_all(tx, user)?;
    Ok(true)
}

/// Every account whose person was erased. By the index `users_erased`.
///
/// # Errors
/// A fault.
pub fn erased(reader: &Reader<'_>) -> Result<Vec<UserId>> {
    sql::people::erased(reader)
}
