//! Payments, refunds and the ledger's rows, as the books have them.

use serde::{Deserialize, Serialize};

use crate::kernel::{Actor, OrderId, PaymentId, PaymentMethod, RefundId, RefundStatus, TransactionStatus, UtcMs};

/// Why an attempt or a refund failed: the gateway's code, and words for staff.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Failure {
    pub code: String,
    pub message: String,
}

/// One attempt to take money for an order. Amounts are minor units of the order's currency.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payment {
    pub id: PaymentId,
    pub order: OrderId,
    /// The one before it.
    pub previous: Option<PaymentId>,
    /// Of its order, from 1.
    pub attempt: i64,
    pub method: PaymentMethod,
    pub status: TransactionStatus,
    pub amount_minor: i64,
    pub captured_minor: i64,
    pub refunded_minor: i64,
    pub is_disputed: bool,
    /// Minor units, and their currency: a provider settles in its own.
    pub fee: Option<(i64, String)>,
    pub failure: Option<Failure>,
    pub created_at: UtcMs,
    pub updated_at: UtcMs,
}

/// Money given back, or about to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refund {
    pub id: RefundId,
    pub payment: PaymentId,
    pub order: OrderId,
    /// Of its payment, from 1.
    pub n: i64,
    pub method: PaymentMethod,
    pub amount_minor: i64,
    pub status: RefundStatus,
    pub reason: Option<String>,
    /// Its name at the gateway.
    pub object: Option<String>,
    /// What the gateway's adapter noted before it asked.
    pub memo: Option<String>,
    pub failure: Option<Failure>,
    pub sent_at: Option<UtcMs>,
    pub created_at: UtcMs,
    pub updated_at: UtcMs,
}

/// Money that was taken, as a row of the ledger tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Captured {
    pub payment: PaymentId,
    /// Minor units.
    pub amount_minor: i64,
}

/// A row of the ledger to be booked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    pub payment: PaymentId,
    pub refund: Option<RefundId>,
    pub kind: Kind,
    /// Minor units, at or above zero.
    pub amount_minor: i64,
    /// Where it is not the order's: a fee's.
    pub currency: Option<&'a str>,
    /// The provider's name of what is booked; each is booked once a kind.
    pub object: Option<&'a str>,
    pub by: Actor,
    pub reference: Option<&'a str>,
    pub reason: Option<&'a str>,
}

impl Entry<'_> {
    /// An entry of that amount with nothing else said.
    #[must_use]
    pub const fn of(payment: PaymentId, kind: Kind, amount_minor: i64, by: Actor) -> Entry<'static> {
        Entry { payment, refund: None, kind, amount_minor, currency: None, object: None, by, reference: None, reason: None }
    }
}

/// What a row of the ledger says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// So much was taken.
    Captured,
    /// So much was given back.
    Refunded,
    /// A refund that was booked has failed after all: so much was not given back.
    RefundReversed,
    /// What the provider keeps for itself, in the currency it settles in.
    Fee,
    /// The provider took so much back because the customer disputes the payment.
    DisputeWithdrawn,
    /// And gave it again.
    DisputeReinstated,
}

impl Kind {
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Kind::Captured => "captured",
            Kind::Refunded => "refunded",
            Kind::RefundReversed => "refund_reversed",
            Kind::Fee => "fee",
            Kind::DisputeWithdrawn => "dispute_withdrawn",
            Kind::DisputeReinstated => "dispute_reinstated",
        }
    }
}

/// A refund to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewRefund<'a> {
    pub payment: PaymentId,
    /// Minor units, above zero and at most what is left of the payment.
    pub amount_minor: i64,
    pub reason: Option<&'a str>,
    /// JSON [{itemId, quantity, restock}].
    pub lines: Option<&'a str>,
    /// Where the provider has made it already: its name there.
    pub object: Option<&'a str>,
    pub by: Actor,
}
