//! Readings of accounts.

use std::net::IpAddr;

use serde_json::Value;

use super::attempts::Familiar;
use super::model::User;
use super::{sessions, sql};
use crate::db::Reader;
use crate::db::query::Query;
use crate::http::page::{From, List, Paging, bad_cursor};
use crate::kernel::text::fold_digits;
use crate::kernel::{Address, AddressId, Email, Locale, Result, Role, UserId, UtcMs};

/// The name of the list's order in cursors.
const NEWEST: &str = "newest";

/// Whether the shop has an owner: any admin.
///
/// # Errors
/// A fault.
pub fn owner_exists(reader: &Reader<'_>) -> Result<bool> {
    sql::any_admin(reader)
}

/// An account; none that was erased.
///
/// # Errors
/// A fault.
pub fn user(reader: &Reader<'_>, id: UserId) -> Result<Option<User>> {
    sql::user(reader, id)
}

/// Every admin who can sign in: the account, its address, and the language it is written to in.
///
/// # Errors
/// A fault.
pub fn admins(reader: &Reader<'_>) -> Result<Vec<(UserId, Email, Locale)>> {
    sql::people::admins(reader)
}

/// An account that can be written to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contact {
    pub id: UserId,
    pub name: String,
    pub email: String,
    /// E.164.
    pub phone: Option<String>,
    pub locale: Locale,
    /// Whether it wants to hear of more than its own orders.
    pub agrees: bool,
}

/// How an account is reached; `None` if there is none, or it was erased.
///
/// # Errors
/// A fault.
pub fn contact(reader: &Reader<'_>, user: UserId) -> Result<Option<Contact>> {
    sql::people::contact(reader, user)
}

/// Customers who have agreed to promotions, in the order in which they came: at most so many of those between two ids, both left out.
///
/// # Errors
/// A fault.
pub fn agreeing(reader: &Reader<'_>, after: UserId, before: UserId, most: i64) -> Result<Vec<Contact>> {
    sql::people::agreeing(reader, after, before, most)
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

/// An address that this account keeps.
///
/// # Errors
/// A fault.
pub fn address(reader: &Reader<'_>, user: UserId, id: AddressId) -> Result<Option<Address>> {
    sql::people::address(reader, user, id)
}

/// Which accounts.
#[derive(Clone, Debug)]
pub(super) struct UserFilter {
    /// A part of the name, the e-mail address or the phone number.
    pub text: Option<String>,
    pub role: Option<Role>,
    pub paging: Paging,
}

pub(super) fn list(reader: &Reader<'_>, filter: &UserFilter) -> Result<List<User>> {
    let mut query = Query::new();
    query.filter("erased_at is null", Vec::new());
    query.filter_opt("role = ?", filter.role);
    if let Some(text) = &filter.text {
        let lower = text.to_lowercase();
        query.filter(
            "instr(lower(name), ?) > 0 or instr(email, ?) > 0 or instr(coalesce(phone, ''), ?) > 0",
            vec![Box::new(lower.clone()), Box::new(lower), Box::new(phone_part(text))],
        );
    }
    let total = if filter.paging.wants_total() { Some(sql::people::count(reader, &query)?) } else { None };
    if let From::After(cursor) = &filter.paging.from {
        let [Value::String(id)] = cursor.values_of::<1>(NEWEST)? else { return Err(bad_cursor().into()) };
        let id = UserId::parse(&id).ok_or_else(bad_cursor)?;
        query.filter("id < ?", vec![Box::new(id)]);
    }
    let rows = sql::people::list(reader, &query, filter.paging.per_page + 1, filter.paging.offset()?)?;
    Ok(List::page(&filter.paging, total, rows, NEWEST, |user| vec![user.id.to_string().into()]))
}

/// The digits of a number as they stand in E.164, however its writer parted them and whichever zero they began with; `None` for
/// what is no part of a number.
fn phone_part(text: &str) -> Option<String> {
    let folded = fold_digits(text);
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '.' | '(' | ')');
    let digits: String = folded.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0');
    (folded.chars().all(is_number) && !digits.is_empty()).then(|| digits.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_number_is_found_however_it_is_typed() {
        for text in ["079 123", "0079123", "79123", "+79-123", "٧٩١٢٣"] {
            assert_eq!(phone_part(text).as_deref(), Some("79123"), "{text}");
        }
        for text in ["", "0", "Layla", "79123 Layla", "+ -"] {
            assert_eq!(phone_part(text), None, "{text}");
        }
    }
}
