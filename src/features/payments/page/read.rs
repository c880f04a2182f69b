//! What an order's page shows, read on one snapshot.

use crate::db::Reader;
use crate::features::money::{self, Payment};
use crate::features::orders::{self, Order, Payable};
use crate::kernel::{Fault, OrderId, RefundStatus, Result, TransactionStatus};

/// An order with what its buyer may know of its money.
#[derive(Debug)]
pub struct Shown {
    pub order: Order,
    pub payable: Payable,
    /// The payment that counts: the last.
    pub payment: Option<Payment>,
    /// Minor units that are on their way back.
    pub coming_back: i64,
}

impl Shown {
    /// Something may still come of a payment through a gateway.
    #[must_use]
    pub fn waits_for_gateway(&self) -> bool {
        self.payment.as_ref().is_some_and(|payment| payment.status.is_live() && !payment.method.is_offline())
    }

    /// Money came that does not fit; staff decide.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.payment.as_ref().is_some_and(|payment| payment.status == TransactionStatus::Parked)
    }

    /// Minor units that are still owed.
    #[must_use]
    pub fn due(&self) -> i64 {
        (self.payable.total_minor - self.payable.captured_minor).max(0)
    }
}

/// `None` if there is no such order.
///
/// # Errors
/// A fault.
pub fn shown(reader: &Reader<'_>, id: OrderId) -> Result<Option<Shown>> {
    let Some(order) = orders::whole(reader, id)? else { return Ok(None) };
    let payable =
        orders::payable(reader, id)?.ok_or_else(|| Fault::because("what was read of an order is there to be paid"))?;
    let payment = money::last_of(reader, id)?;
    let refunds = money::order_refunds(reader, id)?;
    let coming_back =
        refunds.iter().filter(|refund| refund.status == RefundStatus::Pending).map(|refund| refund.amount_minor).sum();
    Ok(Some(Shown { order, payable, payment, coming_back }))
}
