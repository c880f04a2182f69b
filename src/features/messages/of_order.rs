//! What was said of an order, and what of it is not to be said any more.

use super::model::codes;
use super::send::job_kind;
use super::{Channel, Kind, Status, cancel, sql};
use crate::db::{Reader, WriteTx};
use crate::jobs;
use crate::kernel::{NotificationId, OrderId, Result};

/// A message about an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Said {
    pub id: NotificationId,
    pub kind: Kind,
    pub channel: Channel,
    pub status: Status,
}

/// Every message about an order, the first first; not those that were taken back.
///
/// # Errors
/// A fault.
pub fn of_order(reader: &Reader<'_>, order: OrderId) -> Result<Vec<Said>> {
    sql::of_order::of_order(reader, order)
}

/// Takes back an order's messages of a kind that have not left: their cause is gone. One that no try has begun of leaves no trace, one
/// that its carrier has put off is not sent any more. One that is on its way, or may be, stays.
///
/// # Errors
/// A fault.
pub fn take_back(tx: &mut WriteTx<'_>, order: OrderId, kind: Kind) -> Result<()> {
    let waits = |said: &Said| said.kind == kind && said.status == Status::Queued;
    for said in of_order(tx, order)?.into_iter().filter(waits) {
        cancel(tx, said.id)?;
        if sql::end_unsent(tx, said.id, Status::Suppressed, codes::NOT_DUE, "its cause is gone")? {
            jobs::cancel(tx, job_kind(said.channel), &said.id.to_string())?;
        }
    }
    Ok(())
}
