//! Statements on who an account belongs to: its words, its addresses, its password, its end.

use super::super::model::{SavedAddress, User};
use super::super::problems::EMAIL_TAKEN;
use super::super::queries::Contact;
use super::{read_user, with_addresses};
use crate::args;
use crate::db::query::Query;
use crate::db::{OnViolation, Reader, Row, Violation, WriteTx};
use crate::kernel::{Address, AddressId, Email, Fault, Locale, Result, UserId};

/// Newest first, by the primary key; a filter walks it.
pub(in crate::features::accounts) fn list(reader: &Reader<'_>, query: &Query, limit: i64, offset: i64) -> Result<Vec<User>> {
    let sql = query.sql(
        "select id, name, email, phone, role, locale, marketing_consent, metadata, version, created_at, updated_at from users",
        "order by id desc limit ? offset ?",
    );
    let rows = reader.all(&sql, &query.values(args![limit, offset]), read_user)?;
    rows.into_iter().map(|user| with_addresses(reader, user)).collect()
}

pub(in crate::features::accounts) fn count(reader: &Reader<'_>, query: &Query) -> Result<i64> {
    reader.one(&query.sql("select count(*) from users", ""), &query.values(&[]), |row| row.get(0))
}

pub(in crate::features::accounts) fn addresses(reader: &Reader<'_>, user: UserId) -> Result<Vec<SavedAddress>> {
    reader.all("select id, label, address, is_default from user_addresses where user_id = ?1 order by n", args![user], |row| {
        let mut columns = row.columns();
        Ok(SavedAddress {
            id: columns.next()?,
            label: columns.next()?,
            address: columns.json()?.ok_or_else(|| Fault::because("an address without its words"))?,
            is_default: columns.next()?,
        })
    })
}

pub(in crate::features::accounts) fn address(reader: &Reader<'_>, user: UserId, id: AddressId) -> Result<Option<Address>> {
    let found = reader.opt("select address from user_addresses where user_id = ?1 and id = ?2", args![user, id], |row| {
        row.columns().json()
    })?;
    Ok(found.flatten())
}

pub(in crate::features::accounts) fn replace_addresses(
    tx: &mut WriteTx<'_>,
    user: UserId,
    addresses: &[SavedAddress],
) -> Result<()> {
    tx.exec("delete from user_addresses where user_id = ?1", args![user])?;
    for (n, saved) in (1_i64..).zip(addresses) {
        let address = serde_json::to_string(&saved.address).map_err(Fault::new)?;
        tx.exec_one(
            "insert into user_addresses (user_id, n, id, label, address, is_default) values (?1, ?2, ?3, ?4, ?5, ?6)",
            args![user, n, saved.id, saved.label, address, saved.is_default],
        )?;
    }
    Ok(())
}

/// Writes the words of an account, all but its addresses.
pub(in crate::features::accounts) fn update(tx: &mut WriteTx<'_>, user: &User) -> Result<()> {
    let metadata =
        (!user.metadata.is_empty()).then(|| serde_json::to_string(&user.metadata)).transpose().map_err(Fault::new)?;
    tx.exec_one(
        "update users set name = ?2, email = ?3, phone = ?4, role = ?5, locale = ?6, marketing_consent = ?7, metadata = ?8, \
         version = version + 1, updated_at = ?9 where id = ?1",
        args![user.id, user.name, user.email, user.phone, user.role, user.locale, user.marketing_consent, metadata, tx.now()],
    )
    .on_violation(Violation::Unique("users.email"), &EMAIL_TAKEN)
}

/// An account has no longer agreed to promotions.
pub(in crate::features::accounts) fn end_consent(tx: &mut WriteTx<'_>, user: UserId) -> Result<()> {
    tx.exec_one(
        "update users set marketing_consent = 0, version = version + 1, updated_at = ?2 where id = ?1 and erased_at is null",
        args![user, tx.now()],
    )
}

/// Takes away all that says who an account belonged to, and the right to sign in. Its row and its id stay, for the books.
pub(in crate::features::accounts) fn erase(tx: &mut WriteTx<'_>, user: UserId, name: &str, email: &str) -> Result<()> {
    tx.exec("delete from user_addresses where user_id = ?1", args![user])?;
    tx.exec("update sessions set device = null, address = null where user_id = ?1", args![user])?;
    tx.exec_one(
        "update users set name = ?2, email = ?3, phone = null, role = 'customer', password_hash = '', marketing_consent = 0, \
         metadata = null, erased_at = ?4, version = version + 1, updated_at = ?4 where id = ?1 and erased_at is null",
        args![user, name, email, tx.now()],
    )
}

/// Accounts whose person was erased. By the index `users_erased`.
pub(in crate::features::accounts) fn erased(reader: &Reader<'_>) -> Result<Vec<UserId>> {
    reader.all("select id from users where erased_at is not null order by erased_at, id", &[], |row| row.get(0))
}

/// Admins who can sign in, other than this one.
pub(in crate::features::accounts) fn other_admins(reader: &Reader<'_>, user: UserId) -> Result<i64> {
    reader.one("select count(*) from users where role = 'admin' and password_hash <> '' and id <> ?1", args![user], |row| {
        row.get(0)
    })
}

/// Walks the primary key from one id to another.
pub(in crate::features::accounts) fn agreeing(
    reader: &Reader<'_>,
    after: UserId,
    before: UserId,
    most: i64,
) -> Result<Vec<Contact>> {
    reader.all(
        "select id, name, email, phone, locale, marketing_consent from users where id > ?1 and id < ?2 and marketing_consent = 1 \
         and role = 'customer' and erased_at is null order by id limit ?3",
        args![after, before, most],
        read_contact,
    )
}

pub(in crate::features::accounts) fn contact(reader: &Reader<'_>, user: UserId) -> Result<Option<Contact>> {
    reader.opt(
        "select id, name, email, phone, locale, marketing_consent from users where id = ?1 and erased_at is null",
        args![user],
        read_contact,
    )
}

fn read_contact(row: &Row<'_>) -> Result<Contact> {
    let mut columns = row.columns();
    Ok(Contact {
        id: columns.next()?,
        name: columns.next()?,
        email: columns.next()?,
        phone: columns.next()?,
        locale: columns.next()?,
        agrees: columns.next()?,
    })
}

/// What a link is sent by.
pub(in crate::features::accounts) struct Reach {
    pub name: String,
    pub email: Email,
    pub locale: Locale,
    pub has_password: bool,
}

/// How an account is reached; `None` if it was erased.
pub(in crate::features::accounts) fn reach(reader: &Reader<'_>, user: UserId) -> Result<Option<Reach>> {
    reader.opt(
        "select name, email, locale, password_hash <> '' from users where id = ?1 and erased_at is null",
        args![user],
        |row| {
            let mut columns = row.columns();
            let (name, email) = (columns.next()?, super::stored(Email::parse(&columns.next::<String>()?))?);
            Ok(Reach { name, email, locale: columns.next()?, has_password: columns.next()? })
        },
    )
}

/// Admins who can sign in, the first first. They are few, and so is who looks for them: nothing but the table.
pub(in crate::features::accounts) fn admins(reader: &Reader<'_>) -> Result<Vec<(UserId, Email, Locale)>> {
    let sql =
        "select id, email, locale from users where role = 'admin' and password_hash <> '' and erased_at is null order by id";
    reader.all(sql, &[], |row| {
        let mut columns = row.columns();
        let id = columns.next()?;
        Ok((id, super::stored(Email::parse(&columns.next::<String>()?))?, columns.next()?))
    })
}

/// The account of an address, whether it has a password or not.
pub(in crate::features::accounts) fn by_email(reader: &Reader<'_>, email: &Email) -> Result<Option<UserId>> {
    reader.opt("select id from users where email = ?1 and erased_at is null", args![email], |row| row.get(0))
}

/// The hash of an account's password; `None` without one.
pub(in crate::features::accounts) fn password_hash(reader: &Reader<'_>, user: UserId) -> Result<Option<String>> {
    reader.opt("select password_hash from users where id = ?1 and password_hash <> ''", args![user], |row| row.get(0))
}

pub(in crate::features::accounts) fn set_password_hash(tx: &mut WriteTx<'_>, user: UserId, hash: &str) -> Result<()> {
    tx.exec_one("update users set password_hash = ?2 where id = ?1 and erased_at is null", args![user, hash])
}
