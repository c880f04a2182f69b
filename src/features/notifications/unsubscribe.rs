//! The way out of promotions: an account's agreement ends, and what waits for it of such is not sent.

use crate::db::{Command, WriteTx};
use crate::features::{accounts, messages};
use crate::kernel::{Result, UserId};

/// Takes an account off the list. That it was not on it, or is gone, changes nothing.
pub struct Unsubscribe {
    pub user: UserId,
}

impl Command for Unsubscribe {
    const NAME: &'static str = "notifications.unsubscribe";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        if accounts::withdraw_consent(tx, self.user)? {
            messages::stop_promotions(tx, self.user)?;
        }
        Ok(())
    }
}
