//! Holds that end by themselves (SPEC 4): when, and what their end does. Their job's worker is payments' (`payments/end.rs`), which
//! first ends what is still payable.

use super::cancel::{self, Cancelling};
use super::sql;
use crate::db::{Command, WriteTx};
use crate::jobs::{self, Claimed, NewJob};
use crate::kernel::{Actor, OrderId, OrderStatus, Result, UtcMs};

/// The kind of these jobs; the key is the order's id.
pub const KIND: &str = "orders.expire_hold";
/// Tries; with the engine's back-off they reach over a day.
const MAX_ATTEMPTS: i64 = 30;

/// Has the hold of an order end at a moment.
pub(super) fn schedule(tx: &mut WriteTx<'_>, order: OrderId, at: UtcMs) -> Result<()> {
    jobs::enqueue(tx, &NewJob { kind: KIND, key: &order.to_string(), run_at: at, max_attempts: MAX_ATTEMPTS })
}

/// Its cause is gone: the order was confirmed or cancelled.
pub(super) fn unschedule(tx: &mut WriteTx<'_>, order: OrderId) -> Result<()> {
    jobs::cancel(tx, KIND, &order.to_string())
}

/// Cancels an order whose hold has ended, unless it was confirmed or a part of it paid; finishes the job.
pub struct ExpireHold {
    pub order: OrderId,
    pub job: Claimed,
}

impl Command for ExpireHold {
    const NAME: &'static str = "orders.expire_hold";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        // A job that was cancelled while it waited for the writer has lost its cause: the order was confirmed, perhaps undone.
        if !jobs::finish(tx, self.job.id)? {
            return Ok(());
        }
        let Some(head) = sql::head(tx, self.order)? else { return Ok(()) };
        // Who has paid a part has not left: the order waits for staff.
        if head.status != OrderStatus::Pending || head.captured > head.refunded {
            return Ok(());
        }
        let note = if head.payment_method.is_offline() { "nobody confirmed it in time" } else { "nobody paid for it in time" };
        let cancelling = Cancelling { restock: true, refund: true, note: Some(note), by: Actor::System };
        cancel::cancel(tx, &head, &cancelling)
    }
}
