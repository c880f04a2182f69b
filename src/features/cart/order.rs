//! What orders ask of a cart: its lines, and that it be empty afterwards.

use super::model::Item;
use super::{problems, rules, sql};
use crate::db::{Reader, WriteTx};
use crate::kernel::{Actor, CartId, Result};
use crate::security::token::TokenHash;

/// The lines of a token's cart, in its order. A guest's cart is for whoever holds its token, an account's for that account alone.
///
/// # Errors
/// 422 `unknown_cart`, `cart_empty`; a fault.
pub fn to_order(tx: &WriteTx<'_>, token: TokenHash, by: Actor) -> Result<(CartId, Vec<Item>)> {
    let reader: &Reader<'_> = tx;
    let found = sql::by_token(reader, token, rules::ended_before(tx.now()))?;
    let cart = found.filter(|cart| cart.user.is_none() || cart.user == by.user()).ok_or_else(problems::unknown_cart)?;
    let lines = sql::lines(reader, cart.id)?;
    if lines.is_empty() {
        return Err(problems::cart_empty());
    }
    let item = |line: super::model::Line| Item { product: line.product, quantity: line.quantity, options: line.options };
    Ok((cart.id, lines.into_iter().map(item).collect()))
}

/// Empties a cart that was ordered, in the order's transaction.
///
/// # Errors
/// A fault.
pub fn empty(tx: &mut WriteTx<'_>, cart: CartId) -> Result<()> {
    sql::delete_lines(tx, cart)?;
    sql::note_change(tx, cart)
}
