//! Taking things out of a cart.

use std::sync::Arc;

use super::model::Key;
use super::{hold, sql};
use crate::db::{Command, WriteTx};
use crate::http::problem::not_found;
use crate::kernel::{CartItemId, Result, UserId};
use crate::security::Keys;

/// Takes one line out.
pub(super) struct Remove {
    pub key: Key,
    pub item: CartItemId,
    pub keys: Arc<Keys>,
}

impl Command for Remove {
    const NAME: &'static str = "cart.remove";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let mut head = hold::find(tx, self.key, tx.now())?.ok_or_else(not_found)?;
        if !sql::delete_line(tx, head.id, self.item)? {
            return Err(not_found());
        }
        hold::touch(tx, &mut head, &self.keys)
    }
}

/// Takes everything out. The cart stays, and so does its token; where there is none, nothing happens.
pub(super) struct Empty {
    pub key: Key,
    pub keys: Arc<Keys>,
}

impl Command for Empty {
    const NAME: &'static str = "cart.empty";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let Some(mut head) = hold::find(tx, self.key, tx.now())? else { return Ok(()) };
        sql::delete_lines(tx, head.id)?;
        hold::touch(tx, &mut head, &self.keys)
    }
}

/// Takes an account's cart away: the account's person is gone, and what they wrote on a cake goes with them.
///
/// # Errors
/// A fault.
pub fn forget(tx: &mut WriteTx<'_>, user: UserId) -> Result<()> {
    match sql::by_user(tx, user)? {
        Some(cart) => sql::delete(tx, cart.id),
        None => Ok(()),
    }
}
