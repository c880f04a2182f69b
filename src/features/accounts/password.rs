//! The password of an account: changed by who knows it, or set anew by who was sent a link.
//!
//! A hash takes long, so it is made before the write. The write looks again at what was proven: a password that was changed, or a
//! link that was used meanwhile, proves nothing any more.

use serde_json::json;

use super::{problems, sign_out, sql};
use crate::db::{Command, WriteTx};
use crate::kernel::{Change, Result, SessionId, UserId};
use crate::security::token::TokenHash;

/// Changes the password of an account whose password was just proven. Refuses with `wrong_password`.
pub struct ChangePassword {
    pub user: UserId,
    /// The session that asks; it lives on.
    pub session: SessionId,
    /// The hash against which the password was proven.
    pub proven_hash: String,
    pub new_hash: String,
}

impl Command for ChangePassword {
    const NAME: &'static str = "accounts.change_password";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        if sql::people::password_hash(tx, self.user)?.is_none_or(|kept| kept != self.proven_hash) {
            return Err(problems::wrong_password().into());
        }
        set_password(tx, self.user, &self.new_hash, Some(self.session))
    }
}

/// Sets the password of the account that was sent a link; the first one, if it was invited. Refuses with `invalid_link`.
pub struct ResetPassword {
    pub token: TokenHash,
    pub new_hash: String,
}

impl Command for ResetPassword {
    const NAME: &'static str = "accounts.reset_password";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let now = tx.now();
        let user = sql::links::whose(tx, self.token, now)?.ok_or_else(problems::invalid_link)?;
        let account = sql::user(tx, user)?.ok_or_else(problems::invalid_link)?;
        tx.proven(account.actor());
        set_password(tx, user, &self.new_hash, None)
    }
}

/// Sets a password. Every link that was sent ends, and every session but `except`.
///
/// # Errors
/// A fault.
pub fn set_password(tx: &mut WriteTx<'_>, user: UserId, hash: &str, except: Option<SessionId>) -> Result<()> {
    sql::people::set_password_hash(tx, user, hash)?;
    sql::links::end_all(tx, user)?;
    sign_out::end_all(tx, user, except)?;
    tx.changed(Change {
        action: "account.password",
        subject: format!("user:{user}"),
        before: None,
        after: Some(json!({ "fields": ["password"] })),
    });
    Ok(())
}
