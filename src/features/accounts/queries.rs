//! Readings of accounts.

use super::model::User;
use super::sql;
use crate::db::Reader;
use crate::kernel::{Result, UserId};

/// Whether the shop has an owner: any admin.
///
/// # Errors
/// A fault.
pub fn owner_exists(reader: &Reader<'_>) -> Result<bool> {
    sql::any_admin(reader)
}

/// An account.
///
/// # Errors
/// A fault.
pub fn user(reader: &Reader<'_>, id: UserId) -> Result<Option<User>> {
    sql::user(reader, id)
}
