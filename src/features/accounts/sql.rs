//! Every statement on accounts and their sessions; `people` and `links` hold those on what else an account has.

pub(super) mod links;
pub(super) mod people;

use super::model::{KeptToken, NewUser, User};
use super::problems::EMAIL_TAKEN;
use crate::args;
use crate::db::{OnViolation, Reader, Row, Violation, WriteTx};
use crate::kernel::{Email, Fault, Phone, Result, Role, SessionId, UserId};
use crate::security::token::TokenHash;

macro_rules! user_columns {
    ($rest:literal) => {
        concat!(
            "select id, name, email, phone, role, locale, marketing_consent, metadata, version, created_at, updated_at from users \
             where erased_at is null ",
            $rest
        )
    };
}

fn read_user(row: &Row<'_>) -> Result<User> {
    let mut columns = row.columns();
    Ok(User {
        id: columns.next()?,
        name: columns.next()?,
        email: stored(Email::parse(&columns.next::<String>()?))?,
        phone: columns.next::<Option<String>>()?.map(|text| stored(Phone::parse(&text, None))).transpose()?,
        role: columns.next()?,
        locale: columns.next()?,
        addresses: Vec::new(),
        marketing_consent: columns.next()?,
        metadata: columns.json()?.unwrap_or_default(),
        version: columns.next()?,
        created_at: columns.next()?,
        updated_at: columns.next()?,
    })
}

/// What stands in the books was checked on its way in.
fn stored<T>(read: Result<T, crate::kernel::text::TextFault>) -> Result<T, Fault> {
    read.map_err(|fault| Fault::because(format!("an account's stored text is no longer valid: {}", fault.code)))
}

pub(super) fn user(reader: &Reader<'_>, id: UserId) -> Result<Option<User>> {
    let found = reader.opt(user_columns!("and id = ?1"), args![id], read_user)?;
    found.map(|user| with_addresses(reader, user)).transpose()
}

fn with_addresses(reader: &Reader<'_>, mut user: User) -> Result<User> {
    user.addresses = people::addresses(reader, user.id)?;
    Ok(user)
}

/// The account of an address, and its password's hash. One without a password is as no account: nobody signs in to it.
pub(super) fn credentials(reader: &Reader<'_>, email: &Email) -> Result<Option<(UserId, String)>> {
    reader.opt("select id, password_hash from users where email = ?1 and password_hash <> ''", args![email], |row| {
        let mut columns = row.columns();
        Ok((columns.next()?, columns.next()?))
    })
}

pub(super) fn any_admin(reader: &Reader<'_>) -> Result<bool> {
    reader.one("select exists (select 1 from users where role = 'admin')", &[], |row| row.get(0))
}

pub(super) fn insert_user(tx: &mut WriteTx<'_>, id: UserId, new: &NewUser) -> Result<()> {
    let now = tx.now();
    tx.exec_one(
        "insert into users (id, name, email, phone, role, password_hash, locale, created_at, updated_at) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
        args![
            id,
            new.name.as_str(),
            new.email,
            new.phone,
            new.role,
            new.password_hash.as_deref().unwrap_or(""),
            new.locale,
            now
        ],
    )
    .on_violation(Violation::Unique("users.email"), &EMAIL_TAKEN)
}

/// Whose session lives, and their role now.
pub(super) fn living_session(reader: &Reader<'_>, session: SessionId) -> Result<Option<(UserId, Role)>> {
    reader.opt(
        "select users.id, users.role from sessions join users on users.id = sessions.user_id \
         where sessions.id = ?1 and sessions.ended_at is null",
        args![session],
        |row| {
            let mut columns = row.columns();
            Ok((columns.next()?, columns.next()?))
        },
    )
}

pub(super) fn insert_session(tx: &mut WriteTx<'_>, session: SessionId, user: UserId) -> Result<()> {
    tx.exec_one(
        "insert into sessions (id, user_id, created_at, used_at) values (?1, ?2, ?3, ?3)",
        args![session, user, tx.now()],
    )
}

pub(super) fn use_session(tx: &mut WriteTx<'_>, session: SessionId) -> Result<()> {
    tx.exec_one("update sessions set used_at = ?2 where id = ?1", args![session, tx.now()])
}

/// The sessions of an account that have not ended. By the index `sessions_user`.
pub(super) fn living_sessions(reader: &Reader<'_>, user: UserId) -> Result<Vec<SessionId>> {
    reader.all("select id from sessions where user_id = ?1 and ended_at is null", args![user], |row| row.get(0))
}

/// Ends a session; whether it lived until now.
pub(super) fn end_session(tx: &mut WriteTx<'_>, session: SessionId) -> Result<bool> {
    let rows = tx.exec("update sessions set ended_at = ?2 where id = ?1 and ended_at is null", args![session, tx.now()])?;
    Ok(rows == 1)
}

pub(super) fn refresh_token(reader: &Reader<'_>, hash: TokenHash) -> Result<Option<KeptToken>> {
    reader.opt(
        "select sessions.user_id, sessions.id, refresh_tokens.used_at is not null, sessions.used_at, sessions.ended_at is not null \
         from refresh_tokens join sessions on sessions.id = refresh_tokens.session_id where refresh_tokens.hash = ?1",
        args![hash.as_bytes()],
        |row| {
            let mut columns = row.columns();
            Ok(KeptToken {
                user: columns.next()?,
                session: columns.next()?,
                is_used: columns.next()?,
                session_used_at: columns.next()?,
                session_ended: columns.next()?,
            })
        },
    )
}

pub(super) fn insert_refresh_token(tx: &mut WriteTx<'_>, hash: TokenHash, session: SessionId) -> Result<()> {
    tx.exec_one(
        "insert into refresh_tokens (hash, session_id, created_at) values (?1, ?2, ?3)",
        args![hash.as_bytes(), session, tx.now()],
    )
}

pub(super) fn use_refresh_token(tx: &mut WriteTx<'_>, hash: TokenHash) -> Result<()> {
    tx.exec_one("update refresh_tokens set used_at = ?2 where hash = ?1 and used_at is null", args![hash.as_bytes(), tx.now()])
}
