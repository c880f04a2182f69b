//! Exchanging a refresh token for a new one.

use super::model::{SessionKind, SignedIn};
use super::rules::{Worth, worth};
use super::{sign_out, sql};
use crate::db::{Command, WriteTx};
use crate::kernel::{DomainEvent, Fault, Result};
use crate::security::token::TokenHash;

/// Exchanges a refresh token. One that was used before ends its session: a thief and the owner hold the same token, and nobody
/// can tell which of them asks (RFC 9700, 4.14.2).
pub struct Refresh {
    pub presented: TokenHash,
    /// How it was presented. A browser's secret counts as a cookie alone, a program's as a token alone.
    pub from: SessionKind,
    pub next: TokenHash,
    /// How the next one is held. Never a token where a cookie was: what a page could read, a stranger's script in it could send
    /// away.
    pub to: SessionKind,
}

/// How [`Refresh`] ended. A refusal is a value here, because an error would undo the end of the session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refreshed {
    Renewed(SignedIn),
    Refused,
}

impl Command for Refresh {
    const NAME: &'static str = "accounts.refresh";
    type Output = Refreshed;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Refreshed> {
        let Some(token) = sql::refresh_token(tx, self.presented)? else { return Ok(Refreshed::Refused) };
        if token.kind != self.from {
            return Ok(Refreshed::Refused);
        }
        match worth(&token, tx.now()) {
            Worth::Over => Ok(Refreshed::Refused),
            Worth::Reused => {
                // In the audit log it stands as theirs, with the address it came from: the first trace of a thief.
                if let Some(user) = sql::user(tx, token.user)? {
                    tx.proven(user.actor());
                }
                sign_out::end_told(tx, token.session)?;
                tracing::warn!(session = %token.session, "a used refresh token came back; its session was ended");
                Ok(Refreshed::Refused)
            }
            Worth::Good => {
                sql::use_refresh_token(tx, self.presented)?;
                sql::insert_refresh_token(tx, self.next, token.session)?;
                sql::use_session(tx, token.session)?;
                if self.to == SessionKind::Cookie {
                    sql::set_session_kind(tx, token.session, self.to)?;
                    tx.record(DomainEvent::SessionRenewed { session: token.session });
                }
                let user = sql::user(tx, token.user)?.ok_or_else(|| Fault::because("a session's account is there"))?;
                Ok(Refreshed::Renewed(SignedIn { user, session: token.session }))
            }
        }
    }
}
