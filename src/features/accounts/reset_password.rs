//! A new password from the machine's own command line, for who has lost theirs.

use serde_json::json;

use super::{sign_out, sql};
use crate::db::{Command, WriteTx};
use crate::kernel::{Change, Email, Result};

/// Sets an account's password and ends every session of it.
pub struct SetPassword {
    pub email: Email,
    pub password_hash: String,
}

impl Command for SetPassword {
    const NAME: &'static str = "accounts.set_password";
    /// How many sessions ended; `None` if no account has the address.
    type Output = Option<usize>;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Option<usize>> {
        let Some((user, _)) = sql::credentials(tx, &self.email)? else { return Ok(None) };
        sql::set_password(tx, user, &self.password_hash)?;
        let ended = sql::living_sessions(tx, user)?.len();
        sign_out::end_all(tx, user, None)?;
        tx.changed(Change {
            action: "account.reset_password",
            subject: format!("user:{user}"),
            before: None,
            after: Some(json!({ "sessionsEnded": ended })),
        });
        Ok(Some(ended))
    }
}
