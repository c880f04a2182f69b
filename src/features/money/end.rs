//! Ending what can still be paid of an order.

use super::sql;
use crate::db::WriteTx;
use crate::jobs::{self, NewJob};
use crate::kernel::{OrderId, PaymentId, Result, TransactionStatus};

/// The kind of the jobs that end an attempt at its gateway; the key is the payment's id. `payments` has their handler.
pub const END_JOB: &str = "payments.end_attempt";
/// Tries; with the engine's back-off they reach over four days.
const MAX_ATTEMPTS: i64 = 100;

/// Has every attempt of an order that may still be paid at a gateway ended there.
///
/// # Errors
/// A fault.
pub fn ask_to_end(tx: &mut WriteTx<'_>, order: OrderId) -> Result<()> {
    for payment in sql::payments_of(tx, order)? {
        if payment.status.is_live() && !payment.method.is_offline() {
            let key = payment.id.to_string();
            jobs::enqueue(tx, &NewJob { kind: END_JOB, key: &key, run_at: tx.now(), max_attempts: MAX_ATTEMPTS })?;
        }
    }
    Ok(())
}

/// Closes what is open of an order's payments at the shop, but for `except`: nobody waits for that money any more. One of which a
/// part has come was for that part.
///
/// # Errors
/// A fault.
pub fn close_offline(tx: &mut WriteTx<'_>, order: OrderId, except: Option<PaymentId>) -> Result<()> {
    for payment in sql::payments_of(tx, order)? {
        if !payment.status.is_live() || !payment.method.is_offline() || Some(payment.id) == except {
            continue;
        }
        if payment.captured_minor == 0 {
            sql::set_status(tx, payment.id, TransactionStatus::Cancelled, None)?;
        } else {
            sql::close_at_captured(tx, payment.id)?;
        }
    }
    Ok(())
}
