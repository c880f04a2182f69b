//! Every statement on accounts and their sessions; `people` and `links` hold those on what else an account has.

pub(super) mod links;
pub(super) mod people;

use super::model::{KeptToken, Living, NewSession, NewUser, Session, SessionKind, User};
use super::problems::EMAIL_TAKEN;
use super::rules::SESSION_IDLE_MS;
use crate::args;
use crate::db::query::Query;
use crate::db::{OnViolation, Reader, Row, Violation, WriteTx};
use crate::kernel::{Email, Fault, Phone, Result, SessionId, UserId, UtcMs};
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

/// Whose session lives, their role now, and the cookie of a browser's. By the index `refresh_tokens_current`.
pub(super) fn living_session(reader: &Reader<'_>, session: SessionId) -> Result<Option<Living>> {
    reader.opt(
        "select users.id, users.role, sessions.used_at, \
         case when sessions.kind = 'cookie' then (select hash from refresh_tokens where session_id = sessions.id and used_at is null) end \
         from sessions join users on users.id = sessions.user_id where sessions.id = ?1 and sessions.ended_at is null",
        args![session],
        |row| {
            let mut columns = row.columns();
            let (user, role) = (columns.next()?, columns.next()?);
            let used_at: UtcMs = columns.next()?;
            let hash = columns.next::<Option<[u8; 32]>>()?.map(TokenHash::from_bytes);
            Ok(Living { user, role, cookie: hash.map(|hash| (hash, used_at.plus_ms(SESSION_IDLE_MS))) })
        },
    )
}

pub(super) fn insert_session(tx: &mut WriteTx<'_>, session: SessionId, user: UserId, new: &NewSession) -> Result<()> {
    tx.exec_one(
        "insert into sessions (id, user_id, kind, device, address, created_at, used_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
        args![session, user, new.kind.code(), new.device, new.address.to_string(), tx.now()],
    )
}

pub(super) fn set_session_kind(tx: &mut WriteTx<'_>, session: SessionId, kind: SessionKind) -> Result<()> {
    tx.exec_one("update sessions set kind = ?2 where id = ?1", args![session, kind.code()])
}

fn stored_kind(code: &str) -> Result<SessionKind, Fault> {
    SessionKind::from_code(code).ok_or_else(|| Fault::because("a session's kind is one of ours"))
}

/// The living sessions that a query finds, newest first. By the index `sessions_user`.
pub(super) fn list_sessions(reader: &Reader<'_>, query: &Query, limit: i64, offset: i64) -> Result<Vec<Session>> {
    let sql =
        query.sql("select id, kind, device, address, created_at, used_at from sessions", "order by id desc limit ? offset ?");
    reader.all(&sql, &query.values(args![limit, offset]), |row| {
        let mut columns = row.columns();
        Ok(Session {
            id: columns.next()?,
            kind: stored_kind(&columns.next::<String>()?)?,
            device: columns.next()?,
            address: columns.next()?,
            created_at: columns.next()?,
            used_at: columns.next()?,
        })
    })
}

pub(super) fn count_sessions(reader: &Reader<'_>, query: &Query) -> Result<i64> {
    reader.one(&query.sql("select count(*) from sessions", ""), &query.values(&[]), |row| row.get(0))
}

/// Whether a session is that account's and was used since.
pub(super) fn owns_session(reader: &Reader<'_>, session: SessionId, user: UserId, used_after: UtcMs) -> Result<bool> {
    reader.one(
        "select exists (select 1 from sessions where id = ?1 and user_id = ?2 and ended_at is null and used_at > ?3)",
        args![session, user, used_after],
        |row| row.get(0),
    )
}

/// The addresses from which an account has signed in, in sessions from this id on (ids grow with time). Of its newest sessions
/// alone: a program may begin one a minute, and this is asked at each sign-in.
pub(super) fn addresses_of(reader: &Reader<'_>, user: UserId, since: SessionId) -> Result<Vec<String>> {
    reader.all(
        "select distinct address from (select address from sessions where user_id = ?1 and id >= ?2 \
         order by id desc limit 200) where address is not null",
        args![user, since],
        |row| row.get(0),
    )
}

/// Some sessions that began before a moment and were neither used nor ended since another. Ids grow with time, so only old rows are
/// looked at.
pub(super) fn old_sessions(
    reader: &Reader<'_>,
    began_before: SessionId,
    old: UtcMs,
    limit: i64,
) -> Result<Vec<(SessionId, bool)>> {
    reader.all(
        "select id, ended_at is null from sessions where id < ?1 and coalesce(ended_at, used_at) <= ?2 order by id limit ?3",
        args![began_before, old, limit],
        |row| {
            let mut columns = row.columns();
            Ok((columns.next()?, columns.next()?))
        },
    )
}

/// Removes at most so many refresh tokens of a session; how many went.
pub(super) fn delete_refresh_tokens(tx: &mut WriteTx<'_>, session: SessionId, limit: usize) -> Result<usize> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.exec(
        "delete from refresh_tokens where hash in (select hash from refresh_tokens where session_id = ?1 limit ?2)",
        args![session, limit],
    )
}

pub(super) fn delete_session(tx: &mut WriteTx<'_>, session: SessionId) -> Result<()> {
    tx.exec_one("delete from sessions where id = ?1", args![session])
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

/// Ends every session there is; how many lived.
pub(super) fn end_all_sessions(tx: &mut WriteTx<'_>) -> Result<usize> {
    tx.exec("update sessions set ended_at = ?1 where ended_at is null", args![tx.now()])
}

pub(super) fn refresh_token(reader: &Reader<'_>, hash: TokenHash) -> Result<Option<KeptToken>> {
    reader.opt(
        "select sessions.user_id, sessions.id, sessions.kind, refresh_tokens.used_at is not null, sessions.used_at, sessions.ended_at is not null \
         from refresh_tokens join sessions on sessions.id = refresh_tokens.session_id where refresh_tokens.hash = ?1",
        args![hash.as_bytes()],
        |row| {
            let mut columns = row.columns();
            Ok(KeptToken {
                user: columns.next()?,
                session: columns.next()?,
                kind: stored_kind(&columns.next::<String>()?)?,
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
