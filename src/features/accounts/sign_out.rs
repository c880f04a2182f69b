//! Ending a session.

use super::sql;
use crate::db::{Command, WriteTx};
use crate::kernel::{DomainEvent, Result, SessionId};

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
