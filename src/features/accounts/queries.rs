//! Readings of accounts.

use std::net::IpAddr;

use super::attempts::Familiar;
use super::model::User;
use super::{sessions, sql};
use crate::db::Reader;
use crate::kernel::{Email, Result, UserId, UtcMs};

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

/// What signing in needs: the password's hash, if the address has an account, and whether that knows the caller's network address.
///
/// # Errors
/// A fault.
pub(super) fn at_the_door(
    reader: &Reader<'_>,
    email: &Email,
    from: IpAddr,
    since: UtcMs,
) -> Result<(Option<String>, Familiar)> {
    let Some((user, hash)) = sql::credentials(reader, email)? else { return Ok((None, Familiar::No)) };
    let familiar = if sessions::is_familiar(reader, user, from, since)? { Familiar::Yes } else { Familiar::No };
    Ok((Some(hash), familiar))
}
