//! What stays of a customer's orders when their account is erased: lines and sums, for the books, and nobody's name.

use super::{sql, text_index};
use crate::db::WriteTx;
use crate::features::accounts::problems::HAS_OPEN_ORDERS;
use crate::kernel::{Problem, Result, UserId};

/// Takes the person out of every order of an account. Called while the account is being erased.
///
/// # Errors
/// 409 `has_open_orders`: what was ordered must reach somebody first.
pub fn anonymise(tx: &mut WriteTx<'_>, customer: UserId) -> Result<()> {
    let open = sql::open_count_of(tx, customer)?;
    if open > 0 {
        return Err(Problem::of(&HAS_OPEN_ORDERS)
            .detail(format!(
                "{open} of the account's orders are neither delivered nor cancelled; the shop must know whose they are. Wait for \
                 them or cancel them, then repeat. Nothing was changed."
            ))
            .fact("openOrders", open)
            .into());
    }
    anonymise_again(tx, customer)
}

/// As [`anonymise`], for a person who was erased before and is there again, as in a shop that was restored: their orders were over then,
/// though the books do not know it.
///
/// # Errors
/// A fault.
pub fn anonymise_again(tx: &mut WriteTx<'_>, customer: UserId) -> Result<()> {
    sql::anonymise(tx, customer)?;
    text_index::forget(tx, customer)
}
