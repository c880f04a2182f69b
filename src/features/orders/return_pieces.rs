//! Pieces of a line that come back with a refund, while the order itself stays as it is.

use uuid::Uuid;

use super::sql;
use crate::db::{Reader, WriteTx};
use crate::features::inventory;
use crate::kernel::{Actor, Fault, OrderId, Pieces, ProductId, Result};

/// What an order's lines cost, in minor units of its currency.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sold {
    pub discount_minor: i64,
    /// The lines' totals hold their tax already.
    pub tax_included: bool,
    pub lines: Vec<SoldLine>,
}

/// A line as it was sold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SoldLine {
    pub id: Uuid,
    pub product: ProductId,
    pub quantity: Pieces,
    /// Of these, pieces that went back on the shelf with a refund.
    pub returned: Pieces,
    pub total_minor: i64,
    pub tax_minor: i64,
    /// Its pieces are counted and have left the shelf.
    pub is_taken: bool,
}

/// What an order's lines cost, and what of them came back; `None` if there is no such order.
///
/// # Errors
/// A fault.
pub fn sold(reader: &Reader<'_>, order: OrderId) -> Result<Option<Sold>> {
    sql::returns::sold(reader, order)
}

/// Puts pieces of a line back on the shelf, by a new row of its ledger, and remembers it, so that a cancellation puts back the others
/// alone. Nothing happens where they are not counted, have not left the shelf, or went back with the whole order; nor for more than
/// the line still has. How many went back.
///
/// # Errors
/// 409 `stock_out_of_range` if the shelf would hold more than it can.
pub fn return_pieces(tx: &mut WriteTx<'_>, order: OrderId, line: Uuid, pieces: Pieces, by: Actor) -> Result<Pieces> {
    let sold = sold(tx, order)?.ok_or_else(|| Fault::because("an order whose pieces come back is there"))?;
    let Some(line) = sold.lines.iter().find(|sold| sold.id == line && sold.is_taken) else { return Ok(0) };
    let pieces = pieces.min(line.quantity - line.returned);
    if pieces > 0 {
        inventory::give_back(tx, line.product, pieces, order, by)?;
        sql::returns::add(tx, order, line.id, pieces)?;
    }
    Ok(pieces.max(0))
}
