//! Changes of stock that other features ask for.

use super::{problems, sql};
use crate::db::WriteTx;
use crate::kernel::pieces::MAX_STOCK;
use crate::kernel::{Actor, DomainEvent, Fault, OrderId, Pieces, Problem, ProductId, Result};

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

/// Sets a stock to what was counted; nothing happens if it is that already.
///
/// # Errors
/// 409 `below_reserved` if more is promised.
pub fn set_counted(tx: &mut WriteTx<'_>, product: ProductId, stock: Pieces, by: Actor) -> Result<()> {
    super::adjust::set(tx, product, stock, "count", None, by)
}

/// A line that cannot be held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Short {
    pub available: Pieces,
}

/// Promises pieces of a product; `Some` if there are too few, and then nothing is promised.
///
/// # Errors
/// A fault.
pub fn hold(tx: &mut WriteTx<'_>, product: ProductId, quantity: Pieces) -> Result<Option<Short>> {
    if sql::reserve(tx, product, quantity)? {
        tx.record(DomainEvent::StockChanged { product });
        return Ok(None);
    }
    let available = sql::level(tx, product)?.map_or(0, |level| level.stock - level.reserved);
    Ok(Some(Short { available }))
}

/// Takes a promise back: the pieces are free again.
///
/// # Errors
/// A fault.
pub fn free(tx: &mut WriteTx<'_>, product: ProductId, quantity: Pieces) -> Result<()> {
    sql::unreserve(tx, product, quantity)?;
    tx.record(DomainEvent::StockChanged { product });
    Ok(())
}

/// Turns a promise into a decrement: the pieces leave the shelf.
///
/// # Errors
/// A fault.
pub fn take(tx: &mut WriteTx<'_>, product: ProductId, quantity: Pieces, order: OrderId, by: Actor) -> Result<()> {
    let after = sql::take(tx, product, quantity)?.ok_or_else(|| gone(product))?;
    sql::log(tx, product, -quantity, after, "sale", Some(order), by, None)?;
    tx.record(DomainEvent::StockChanged { product });
    Ok(())
}

/// Takes a decrement back into a promise: an undone confirmation.
///
/// # Errors
/// 409 `stock_out_of_range` if the shelf would hold more than it can.
pub fn untake(tx: &mut WriteTx<'_>, product: ProductId, quantity: Pieces, order: OrderId, by: Actor) -> Result<()> {
    check_room(tx, product, quantity)?;
    let after = sql::put(tx, product, quantity, quantity)?.ok_or_else(|| gone(product))?;
    sql::log(tx, product, quantity, after, "undo", Some(order), by, None)?;
    tx.record(DomainEvent::StockChanged { product });
    Ok(())
}

/// Puts pieces of a cancelled order back on the shelf.
///
/// # Errors
/// 409 `stock_out_of_range` if the shelf would hold more than it can.
pub fn give_back(tx: &mut WriteTx<'_>, product: ProductId, quantity: Pieces, order: OrderId, by: Actor) -> Result<()> {
    check_room(tx, product, quantity)?;
    let after = sql::put(tx, product, quantity, 0)?.ok_or_else(|| gone(product))?;
    sql::log(tx, product, quantity, after, "return", Some(order), by, None)?;
    tx.record(DomainEvent::StockChanged { product });
    Ok(())
}

fn check_room(tx: &WriteTx<'_>, product: ProductId, quantity: Pieces) -> Result<()> {
    let stock = sql::level(tx, product)?.ok_or_else(|| gone(product))?.stock;
    if stock + quantity <= MAX_STOCK {
        return Ok(());
    }
    let detail = format!(
        "{quantity} pieces would go back to {stock} of product {product}, and a stock stays at or below {MAX_STOCK}. Count the shelf \
         first; a cancellation may leave them out with restock: false."
    );
    Err(Problem::of(&problems::STOCK_OUT_OF_RANGE).detail(detail).fact("stock", stock).into())
}

fn gone(product: ProductId) -> Fault {
    Fault::because(format!("{product} is not on the shelf"))
}
