//! A guest signs in: their cart becomes a part of the account's.

use super::rules::{self, Merged};
use super::{hold, sql};
use crate::db::WriteTx;
use crate::features::settings;
use crate::kernel::pieces::MAX_LINES;
use crate::kernel::{Result, UserId};
use crate::security::Keys;
use crate::security::token::TokenHash;

/// Merges the guest's cart of a token into an account's, and ends it. A token that names none, or an account's, does nothing.
/// It refuses nothing: what an order could not have is left out.
///
/// # Errors
/// A fault.
pub fn merge(tx: &mut WriteTx<'_>, user: UserId, carried: TokenHash, keys: &Keys) -> Result<()> {
    let guests = sql::by_token(tx, carried, rules::ended_before(tx.now()))?.filter(|cart| cart.user.is_none());
    let Some(guests) = guests else { return Ok(()) };
    let theirs = sql::lines(tx, guests.id)?;
    sql::delete(tx, guests.id)?;
    if theirs.is_empty() {
        return Ok(());
    }
    let mut own = match sql::by_user(tx, user)? {
        Some(own) => own,
        None => hold::make(tx, Some(user), keys)?,
    };
    let lines = sql::lines(tx, own.id)?;
    let offers = hold::offers(tx, lines.iter().chain(&theirs).map(|line| line.product))?;
    let shop = settings::read(tx)?.format;
    for merged in rules::merge(&lines, theirs, &offers, MAX_LINES, &shop) {
        match merged {
            Merged::More { id, quantity } => sql::set_quantity(tx, own.id, id, quantity)?,
            Merged::New(line) => sql::insert_line(tx, own.id, &line)?,
        }
    }
    hold::touch(tx, &mut own, keys)
}
