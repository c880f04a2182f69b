//! Signing in: the password is checked before the write, since a hash takes long; the write begins the session.

use serde_json::json;

use super::model::{HeldCookie, NewSession, SessionKind, SignedIn};
use super::{problems, sign_out, sql};
use crate::db::{Command, WriteTx};
use crate::kernel::{Change, DomainEvent, Email, Result, SessionId, UserId};

/// Begins a session of an account whose password was just proven.
pub struct SignIn {
    pub email: Email,
    /// The hash against which the password was proven. If it is another by now, the password was changed meanwhile.
    pub proven_hash: String,
    pub session: NewSession,
}

impl Command for SignIn {
    const NAME: &'static str = "accounts.sign_in";
    type Output = SignedIn;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<SignedIn> {
        let kept = sql::credentials(tx, &self.email)?.filter(|(_, hash)| *hash == self.proven_hash);
        let (id, _) = kept.ok_or_else(problems::invalid_credentials)?;
        let user = sql::user(tx, id)?.ok_or_else(problems::invalid_credentials)?;
        tx.proven(user.actor());
        let session = begin_session(tx, id, &self.session)?;
        Ok(SignedIn { user, session })
    }
}

pub(super) fn begin_session(tx: &mut WriteTx<'_>, user: UserId, new: &NewSession) -> Result<SessionId> {
    let session = SessionId::from_uuid(tx.new_id());
    sql::insert_session(tx, session, user, new)?;
    sql::insert_refresh_token(tx, new.secret, session)?;
    tx.changed(Change {
        action: "session.begin",
        subject: format!("session:{session}"),
        before: None,
        after: Some(json!({ "kind": new.kind.code() })),
    });
    if let Some(old) = new.replaces {
        end_replaced(tx, old)?;
    }
    tx.record(DomainEvent::SignedIn { user, carried: new.carrying.map(|hash| *hash.as_bytes()) });
    Ok(session)
}

/// Ends the session of a cookie that its browser is about to lose: nobody could sign out of it there any more.
fn end_replaced(tx: &mut WriteTx<'_>, (session, secret): HeldCookie) -> Result<()> {
    let held = sql::refresh_token(tx, secret)?;
    if held.is_some_and(|held| held.session == session && held.kind == SessionKind::Cookie) {
        sign_out::end_told(tx, session)?;
    }
    Ok(())
}
