//! Money: payments, refunds and the ledger; what an order has paid and got back, and the payment status that follows (SPEC 4).
//!
//! What always holds: a payment's sums and an order's are those of its ledger, which is append-only; one object of a provider is
//! booked once; refunds that succeeded and that are under way never exceed what was taken. Only this feature writes `payments`,
//! `refunds` and `money_ledger`. Nothing here asks a gateway: `payments` does, which stands above orders.

mod books;
mod counts;
mod end;
mod model;
mod outside;
mod refund;
mod rules;
pub mod shapes;
mod sql;
mod told;

pub use books::check_books;
pub use end::{END_JOB, ask_to_end, close_offline};
pub use model::{Captured, Entry, Failure, Kind, NewRefund, Payment, Refund};
pub use outside::refund_made_outside;
pub use refund::doubt_all_refunds;
pub use refund::{
    REFUND_JOB, finish_refund, note_refund_lost, note_refund_sent, parked_went_back, refund_all, refund_parked, start_refund,
};
pub use rules::{Sums, payment_status};
pub use sql::refunds::{CaptureLeft, captures_left, refunded_lines};
pub use sql::{
    is_booked, kept, last_capture, last_of, order_refunds, payment, payments_of, refund, refund_by_object, refundable,
    refunds_of, sums,
};
pub use told::{Parked, PaymentFilter, Told, list, told, told_of};

use crate::db::WriteTx;
use crate::kernel::{Fault, OrderId, PaymentId, PaymentMethod, Result, TransactionStatus};

/// Begins a payment of an order, which has to remember its id as its last. `previous` is the one that was the last before.
///
/// # Errors
/// A fault.
pub fn begin(
    tx: &mut WriteTx<'_>,
    id: PaymentId,
    order: OrderId,
    previous: Option<&Payment>,
    method: PaymentMethod,
    amount_minor: i64,
) -> Result<()> {
    let attempt = previous.map_or(1, |previous| previous.attempt + 1);
    sql::insert(tx, id, order, previous.map(|previous| previous.id), attempt, method, amount_minor)
}

/// Books money that moved, and moves the payment's own sums and status with it. `false` if the provider's object was booked before:
/// then nothing changes. The order's sums are the caller's to set (`orders::money_moved`).
///
/// # Errors
/// A fault, also where more would be given back than was taken: who asks has checked that.
pub fn book(tx: &mut WriteTx<'_>, entry: &Entry<'_>) -> Result<bool> {
    let payment = sql::payment(tx, entry.payment)?.ok_or_else(|| Fault::because("a payment that is booked is there"))?;
    if let Some(object) = entry.object
        && sql::is_booked(tx, payment.method, object, entry.kind)?
    {
        return Ok(false);
    }
    sql::insert_entry(tx, &payment, entry)?;
    let (mut captured, mut refunded) = (payment.captured_minor, payment.refunded_minor);
    match entry.kind {
        Kind::Captured => captured += entry.amount_minor,
        Kind::Refunded => refunded += entry.amount_minor,
        Kind::RefundReversed => refunded -= entry.amount_minor,
        Kind::Fee => sql::set_fee(tx, payment.id, entry.amount_minor, entry.currency)?,
        Kind::DisputeWithdrawn | Kind::DisputeReinstated => {}
    }
    if matches!(entry.kind, Kind::Captured | Kind::Refunded | Kind::RefundReversed) {
        let status = rules::after_capture(payment.status, payment.amount_minor, captured);
        sql::set_sums(tx, payment.id, captured, refunded, status)?;
    }
    Ok(true)
}

/// Says where a payment stands. Why it failed stays with it.
///
/// # Errors
/// A fault.
pub fn set_status(
    tx: &mut WriteTx<'_>,
    payment: PaymentId,
    status: TransactionStatus,
    failure: Option<&Failure>,
) -> Result<()> {
    sql::set_status(tx, payment, status, failure)
}

/// Says whether the customer disputes a payment at its provider.
///
/// # Errors
/// A fault.
pub fn set_disputed(tx: &mut WriteTx<'_>, payment: PaymentId, disputed: bool) -> Result<()> {
    sql::set_disputed(tx, payment, disputed)
}
