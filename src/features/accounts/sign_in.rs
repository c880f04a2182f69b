//! Signing in: the password is checked before the write, since a hash takes long; the write begins the session.

use super::model::{NewSession, SignedIn};
use super::{problems, sql};
use crate::db::{Command, WriteTx};
use crate::kernel::{DomainEvent, Email, Result, SessionId, UserId};

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
        let session = begin_session(tx, id, &self.session)?;
        let user = sql::user(tx, id)?.ok_or_else(problems::invalid_credentials)?;
        Ok(SignedIn { user, session })
    }
}

pub(super) fn begin_session(tx: &mut WriteTx<'_>, user: UserId, new: &NewSession) -> Result<SessionId> {
    let session = SessionId::from_uuid(tx.new_id());
    sql::insert_session(tx, session, user, new)?;
    sql::insert_refresh_token(tx, new.secret, session)?;
    tx.record(DomainEvent::SignedIn { user, carried: new.carrying.map(|hash| *hash.as_bytes()) });
    Ok(session)
}
