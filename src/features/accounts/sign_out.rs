//! Ending sessions: one, or all of an account.

use super::sql;
use crate::db::{Command, WriteTx};
use crate::kernel::{DomainEvent, Result, SessionId, UserId};

/// Ends a session; one that has ended stays so.
pub struct SignOut {
    pub session: SessionId,
}

impl Command for SignOut {
    const NAME: &'static str = "accounts.sign_out";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        end(tx, self.session)
    }
}

pub(super) fn end(tx: &mut WriteTx<'_>, session: SessionId) -> Result<()> {
    if sql::end_session(tx, session)? {
        tx.record(DomainEvent::SessionEnded { session });
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
