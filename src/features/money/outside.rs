//! Money that a gateway gave back without being asked by us: by the owner in its dashboard, or by the provider itself.

use super::model::{Failure, NewRefund};
use super::refund::{REFUND_JOB, ask_for, finish_refund};
use super::sql;
use crate::db::WriteTx;
use crate::jobs;
use crate::kernel::{Actor, Fault, PaymentId, RefundId, RefundStatus, Result};

/// Keeps a refund that was made outside, by its name there. What really went back stands first: our own refunds of the same money
/// that no gateway has been asked for yet give way, the newest first. `None` if even so more would have gone back than was taken;
/// then nothing changes, and the comparison with the gateway's books will tell it.
///
/// # Errors
/// A fault.
pub fn refund_made_outside(
    tx: &mut WriteTx<'_>,
    payment: PaymentId,
    amount_minor: i64,
    object: &str,
    status: RefundStatus,
) -> Result<Option<RefundId>> {
    if amount_minor <= 0 || !make_room(tx, payment, amount_minor)? {
        return Ok(None);
    }
    let paid = sql::payment(tx, payment)?.ok_or_else(|| Fault::because("a payment that is refunded is there"))?;
    let new = NewRefund {
        payment,
        amount_minor,
        reason: Some("refunded outside"),
        lines: None,
        object: Some(object),
        by: Actor::Gateway,
    };
    let id = RefundId::from_uuid(tx.new_id());
    sql::insert_refund(tx, id, &paid, &new)?;
    if !finish_refund(tx, id, status, Some(object), None, Actor::Gateway)? {
        // It is under way there: it is asked how it ends.
        ask_for(tx, id)?;
    }
    Ok(Some(id))
}

/// Makes room for money that went back already, or is known to be about to. `false` if what is booked leaves none. Where refunds
/// whose outcome is not known stand in the way, there is room all the same: their gateway will refuse them.
pub(super) fn make_room(tx: &mut WriteTx<'_>, payment: PaymentId, amount_minor: i64) -> Result<bool> {
    let paid = sql::payment(tx, payment)?.ok_or_else(|| Fault::because("a payment that is refunded is there"))?;
    if paid.captured_minor - paid.refunded_minor < amount_minor {
        return Ok(false);
    }
    for refund in sql::refunds::unsent(tx, payment)? {
        if sql::refundable(tx, payment)? >= amount_minor {
            break;
        }
        let failure = Failure {
            code: "refunded_outside".to_owned(),
            message: "The money went back another way before the gateway was asked for it.".to_owned(),
        };
        finish_refund(tx, refund.id, RefundStatus::Failed, None, Some(&failure), Actor::System)?;
        jobs::cancel(tx, REFUND_JOB, &refund.id.to_string())?;
    }
    Ok(true)
}
