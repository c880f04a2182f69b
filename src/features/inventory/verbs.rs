//! Changes of stock that other features ask for.

use super::sql;
use crate::db::WriteTx;
use crate::kernel::{Actor, DomainEvent, Pieces, ProductId, Result};

/// Puts a new product on the shelf with its opening stock; the first row of its ledger.
///
/// # Errors
/// A fault.
pub fn open(tx: &mut WriteTx<'_>, product: ProductId, stock: Pieces, threshold: Pieces, by: Actor) -> Result<()> {
    sql::insert(tx, product, stock, threshold)?;
    if stock > 0 {
        sql::log(tx, product, stock, stock, "opening", None, by, None)?;
    }
    tx.record(DomainEvent::StockChanged { product });
    Ok(())
}

/// Sets the level at which a product counts as low; 0: never.
///
/// # Errors
/// A fault.
pub fn set_threshold(tx: &mut WriteTx<'_>, product: ProductId, threshold: Pieces) -> Result<()> {
    sql::set_threshold(tx, product, threshold)
}
