//! Statements on links by which a password is set.

use super::super::model::LinkKind;
use crate::args;
use crate::db::{Reader, WriteTx};
use crate::kernel::{Result, UserId, UtcMs};
use crate::security::token::TokenHash;

/// Keeps a link; an older one of that kind ends.
pub(in crate::features::accounts) fn keep(
    tx: &mut WriteTx<'_>,
    user: UserId,
    kind: LinkKind,
    hash: TokenHash,
    ends_at: UtcMs,
) -> Result<()> {
    tx.exec_one(
        "insert into account_links (user_id, kind, hash, created_at, ends_at) values (?1, ?2, ?3, ?4, ?5) \
         on conflict (user_id, kind) do update set hash = ?3, created_at = ?4, ends_at = ?5",
        args![user, kind.code(), hash.as_bytes(), tx.now(), ends_at],
    )
}

/// Whose link this is, if it counts still.
pub(in crate::features::accounts) fn whose(reader: &Reader<'_>, hash: TokenHash, now: UtcMs) -> Result<Option<UserId>> {
    reader.opt("select user_id from account_links where hash = ?1 and ends_at > ?2", args![hash.as_bytes(), now], |row| {
        row.get(0)
    })
}

/// When the last link of that kind was made.
pub(in crate::features::accounts) fn last_made(reader: &Reader<'_>, user: UserId, kind: LinkKind) -> Result<Option<UtcMs>> {
    reader.opt("select created_at from account_links where user_id = ?1 and kind = ?2", args![user, kind.code()], |row| {
        row.get(0)
    })
}

/// Ends every link of an account.
pub(in crate::features::accounts) fn end_all(tx: &mut WriteTx<'_>, user: UserId) -> Result<()> {
    tx.exec("delete from account_links where user_id = ?1", args![user])?;
    Ok(())
}

/// Counts a request for a link, whoever it was for.
pub(in crate::features::accounts) fn count_request(tx: &mut WriteTx<'_>) -> Result<()> {
    tx.exec_one(
        "insert into link_requests (id, count, at) values (1, 1, ?1) on conflict (id) do update set count = count + 1, at = ?1",
        args![tx.now()],
    )
}

/// Ends every link there is.
pub(in crate::features::accounts) fn end_of_all(tx: &mut WriteTx<'_>) -> Result<()> {
    tx.exec("delete from account_links where kind in ('reset', 'invite')", &[])?;
    Ok(())
}
