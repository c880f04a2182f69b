//! A new password from the machine's own command line, for who has lost theirs.

use super::password::set_password;
use super::sql;
use crate::db::{Command, WriteTx};
use crate::kernel::{Email, Result};

/// Sets an account's password; every session of it and every link that was sent ends.
pub struct SetPassword {
    pub email: Email,
    pub password_hash: String,
}

impl Command for SetPassword {
    const NAME: &'static str = "accounts.set_password";
    /// How many sessions ended; `None` if no account has the address.
    type Output = Option<usize>;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Option<usize>> {
        let Some(user) = sql::people::by_email(tx, &self.email)? else { return Ok(None) };
        let ended = sql::living_sessions(tx, user)?.len();
        set_password(tx, user, &self.password_hash, None)?;
        Ok(Some(ended))
    }
}
