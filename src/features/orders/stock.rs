//! What an order does to the shelf as it moves.

use super::model::HoldState;
use super::sql;
use crate::db::WriteTx;
use crate::features::inventory;
use crate::kernel::{Actor, OrderId, Result};

/// Confirmed: every hold becomes a decrement.
pub(super) fn take_holds(tx: &mut WriteTx<'_>, order: OrderId, by: Actor) -> Result<()> {
    for (product, quantity) in sql::lines_in(tx, order, HoldState::Held)? {
        inventory::take(tx, product, quantity, order, by)?;
    }
    sql::set_holds(tx, order, HoldState::Held, HoldState::Taken)
}

/// A confirmation taken back: every decrement becomes a hold again.
pub(super) fn untake(tx: &mut WriteTx<'_>, order: OrderId, by: Actor) -> Result<()> {
    for (product, quantity) in sql::lines_in(tx, order, HoldState::Taken)? {
        inventory::untake(tx, product, quantity, order, by)?;
    }
    sql::set_holds(tx, order, HoldState::Taken, HoldState::Held)
}

/// An order that had ended is confirmed after all: every line's pieces are taken again, or none. `false` if they are not there.
pub(super) fn retake(tx: &mut WriteTx<'_>, order: OrderId, by: Actor) -> Result<bool> {
    let lines = sql::lines_in(tx, order, HoldState::Freed)?;
    for (index, (product, quantity)) in lines.iter().enumerate() {
        if inventory::hold(tx, *product, *quantity)?.is_some() {
            for (product, quantity) in lines.iter().take(index) {
                inventory::free(tx, *product, *quantity)?;
            }
            return Ok(false);
        }
    }
    sql::set_holds(tx, order, HoldState::Freed, HoldState::Held)?;
    take_holds(tx, order, by)?;
    Ok(true)
}

/// Cancelled: holds are freed; what has left the shelf goes back if `restock`.
pub(super) fn release(tx: &mut WriteTx<'_>, order: OrderId, restock: bool, by: Actor) -> Result<()> {
    for (product, quantity) in sql::lines_in(tx, order, HoldState::Held)? {
        inventory::free(tx, product, quantity)?;
    }
    sql::set_holds(tx, order, HoldState::Held, HoldState::Freed)?;
    if restock {
        for (product, quantity) in sql::lines_in(tx, order, HoldState::Taken)? {
            inventory::give_back(tx, product, quantity, order, by)?;
        }
        sql::set_holds(tx, order, HoldState::Taken, HoldState::Returned)?;
    }
    Ok(())
}
