//! The ledger of money: append-only; what an order has paid and got back, and the payment status that follows (SPEC 4).
//!
//! Only this feature writes `money_ledger`. Orders keep the sums beside it; `doctor` compares them.

pub mod api;
mod rules;
mod sql;

pub use rules::{Sums, payment_status};

use crate::db::{Reader, WriteTx};
use crate::kernel::{Actor, OrderId, PaymentId, PaymentMethod, Result};

/// A row of the ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    pub order: OrderId,
    pub kind: Kind,
    pub method: PaymentMethod,
    /// Minor units, at or above zero.
    pub amount_minor: i64,
    pub by: Actor,
    pub reference: Option<&'a str>,
    pub reason: Option<&'a str>,
}

/// What a row of the ledger says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// So much is asked for.
    Pending,
    /// So much was taken.
    Captured,
    /// So much was given back.
    Refunded,
}

/// Begins the payment of an order: its first row.
///
/// # Errors
/// A fault.
pub fn open(tx: &mut WriteTx<'_>, entry: &Entry<'_>) -> Result<()> {
    let payment = PaymentId::from_uuid(tx.new_id());
    sql::insert(tx, 1, payment, entry)
}

/// Books money that was taken or given back; the sums afterwards.
///
/// # Errors
/// A fault, also where more would be given back than was taken: who asks has checked that.
pub fn book(tx: &mut WriteTx<'_>, entry: &Entry<'_>) -> Result<Sums> {
    let (rows, payment) = sql::last(tx, entry.order)?;
    sql::insert(tx, rows + 1, payment, entry)?;
    sums(tx, entry.order)
}

/// What was taken and given back for an order.
///
/// # Errors
/// A fault.
pub fn sums(reader: &Reader<'_>, order: OrderId) -> Result<Sums> {
    sql::sums(reader, order)
}
