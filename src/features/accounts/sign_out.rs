//! Ending sessions: one, or all of an account.

use super::sql;
use crate::db::{Command, WriteTx};
use crate::kernel::{Change, DomainEvent, Result, SessionId, UserId};

/// Ends a session; one that has ended stays so.
pub struct SignOut {
    pub session: SessionId,
}

impl Command for SignOut {
    const NAME: &'static str = "accounts.sign_out";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        end_told(tx, self.session)
    }
}

/// Ends a session; whether it lived until now.
pub(super) fn end(tx: &mut WriteTx<'_>, session: SessionId) -> Result<bool> {
    let lived = sql::end_session(tx, session)?;
    if lived {
        tx.record(DomainEvent::SessionEnded { session });
    }
    Ok(lived)
}

/// As [`end`], and tells the audit log.
pub(super) fn end_told(tx: &mut WriteTx<'_>, session: SessionId) -> Result<()> {
    if end(tx, session)? {
        tx.changed(Change { action: "session.end", subject: format!("session:{session}"), before: None, after: None });
    }
    Ok(())
}

/// Ends every living session of an account, but for `except`: where a secret or a right of the account has changed, whoever holds
/// an older session must prove themselves anew.
///
/// # Errors
/// A fault.
pub fn end_all(tx: &mut WriteTx<'_>, user: UserId, except: Option<SessionId>) -> Result<()> {
    for session in sql::living_sessions(tx, user)? {
        if Some(session) != except {
            end(tx, session)?;
        }
    }
    Ok(())
}
