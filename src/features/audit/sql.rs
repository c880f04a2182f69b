//! Every statement on `audit_log`.

use super::model::{Entry, Head, Kept, Outcome, Shown};
use super::rules;
use crate::args;
use crate::db::query::Query;
use crate::db::{Columns, Reader, WriteTx};
use crate::kernel::{Email, Fault, Result, UserId};

/// Adds a row at the chain's end.
pub(super) fn append(tx: &mut WriteTx<'_>, entry: &Entry) -> Result<()> {
    let Head { n, hash } = rules::next(head(tx)?, entry);
    tx.exec_one(
        "insert into audit_log (n, at, actor, actor_id, action, subject, before, after, address, request_id, outcome, code, hash) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        args![
            n,
            entry.at,
            entry.actor,
            entry.actor_id,
            entry.action,
            entry.subject,
            entry.before,
            entry.after,
            entry.address,
            entry.request_id,
            entry.outcome.code(),
            entry.code,
            hash.as_slice()
        ],
    )
}

/// The newest row.
pub(super) fn head(reader: &Reader<'_>) -> Result<Head> {
    let head = reader.opt("select n, hash from audit_log order by n desc limit 1", &[], |row| {
        let mut columns = row.columns();
        Ok(Head { n: columns.next()?, hash: columns.next()? })
    })?;
    Ok(head.unwrap_or(Head::START))
}

/// The row with that number, as a head; the start for 0.
pub(super) fn head_at(reader: &Reader<'_>, n: i64) -> Result<Option<Head>> {
    if n == 0 {
        return Ok(Some(Head::START));
    }
    reader.opt("select hash from audit_log where n = ?1", args![n], |row| Ok(Head { n, hash: row.get(0)? }))
}

pub(super) fn count_all(reader: &Reader<'_>) -> Result<i64> {
    reader.one("select count(*) from audit_log", &[], |row| row.get(0))
}

/// The rows after one, oldest first.
pub(super) fn after(reader: &Reader<'_>, n: i64, limit: i64) -> Result<Vec<Kept>> {
    reader.all(
        "select n, hash, at, actor, actor_id, action, subject, before, after, address, request_id, outcome, code \
         from audit_log where n > ?1 order by n limit ?2",
        args![n, limit],
        |row| {
            let mut columns = row.columns();
            Ok(Kept { n: columns.next()?, hash: columns.next()?, entry: entry(&mut columns)? })
        },
    )
}

fn entry(columns: &mut Columns<'_>) -> Result<Entry> {
    Ok(Entry {
        at: columns.next()?,
        actor: columns.next()?,
        actor_id: columns.next()?,
        action: columns.next()?,
        subject: columns.next()?,
        before: columns.next()?,
        after: columns.next()?,
        address: columns.next()?,
        request_id: columns.next()?,
        outcome: outcome(columns)?,
        code: columns.next()?,
    })
}

fn outcome(columns: &mut Columns<'_>) -> Result<Outcome> {
    let code: String = columns.next()?;
    Outcome::from_code(&code).ok_or_else(|| Fault::because("an unknown outcome").into())
}

/// Newest first, with the actors' names.
pub(super) fn list(reader: &Reader<'_>, query: &Query, limit: i64, offset: i64) -> Result<Vec<Shown>> {
    let sql = query.sql(
        "select a.n, a.at, a.actor, a.actor_id, u.name, a.action, a.subject, a.before, a.after, a.address, a.request_id, \
         a.outcome, a.code, a.hash from audit_log a left join users u on u.id = a.actor_id",
        "order by a.n desc limit ? offset ?",
    );
    reader.all(&sql, &query.values(args![limit, offset]), |row| {
        let mut columns = row.columns();
        Ok(Shown {
            n: columns.next()?,
            at: columns.next()?,
            actor: columns.next()?,
            actor_id: columns.next()?,
            actor_name: columns.next()?,
            action: columns.next()?,
            subject: columns.next()?,
            before: columns.json()?,
            after: columns.json()?,
            address: columns.next()?,
            request_id: columns.next()?,
            outcome: outcome(&mut columns)?,
            code: columns.next()?,
            hash: columns.next()?,
        })
    })
}

pub(super) fn count(reader: &Reader<'_>, query: &Query) -> Result<i64> {
    let sql = query.sql("select count(*) from audit_log a", "");
    reader.one(&sql, &query.values(&[]), |row| row.get(0))
}

/// Whose address that is.
pub(super) fn account_of(reader: &Reader<'_>, email: &Email) -> Result<Option<UserId>> {
    reader.opt("select id from users where email = ?1", args![email], |row| row.get(0))
}
