//! What a customer is told of their order: it was taken, it moved, its payment failed, money went back.

use crate::db::WriteTx;
use crate::kernel::{OrderId, OrderStatus, Result};

/// An order was taken.
///
/// # Errors
/// A fault.
pub fn placed(_tx: &mut WriteTx<'_>, _order: OrderId) -> Result<()> {
    Ok(())
}

/// An order moved.
///
/// # Errors
/// A fault.
pub fn moved(_tx: &mut WriteTx<'_>, _order: OrderId, _from: OrderStatus, _to: OrderStatus) -> Result<()> {
    Ok(())
}

/// An attempt to pay failed, and none is under way.
///
/// # Errors
/// A fault.
pub fn payment_failed(_tx: &mut WriteTx<'_>, _order: OrderId) -> Result<()> {
    Ok(())
}
