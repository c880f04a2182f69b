//! An attempt as it is kept: the payment row with what only a gateway has.

use serde::{Deserialize, Serialize};

use super::gateway::{Attempt, Flow, Handover, StartRequest};
use super::sql::attempts as sql;
use crate::db::{Reader, WriteTx};
use crate::features::money::{self, Payment};
use crate::kernel::{Currency, Fault, Money, OrderId, PaymentId, PaymentMethod, Result, UtcMs};
use crate::security::Keys;

crate::kernel::status::words! {
    /// What is known of an attempt's beginning.
    Phase {
        /// Its gateway is being asked to begin it; after a crash this means that nobody knows.
        Calling = "calling",
        /// Whether it was begun is not known: it is looked for before anything is sent again.
        Unclear = "unclear",
        /// It is there.
        Open = "open",
        /// Nothing more is expected of it; what comes all the same is booked.
        Closed = "closed",
    }
}

/// Money that does not fit its payment: staff accept or refund it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parked {
    pub object: String,
    pub amount_minor: i64,
    pub currency: String,
}

/// What only a gateway's attempt has, beside its payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    pub payment: PaymentId,
    pub method: PaymentMethod,
    pub flow: Flow,
    pub phase: Phase,
    /// It is to be ended at its gateway.
    pub is_ending: bool,
    /// None once it is closed.
    pub request: Option<StartRequest>,
    /// Its name at the gateway.
    pub reference: Option<String>,
    /// Sealed JSON of a [`Handover`].
    pub handover: Option<Vec<u8>>,
    /// When its key was first sent.
    pub sent_at: UtcMs,
    /// Until when the order waits for it.
    pub ends_at: UtcMs,
    /// How often the reconciler has asked.
    pub asks: i64,
    /// When the gateway first did not know it.
    pub lost_at: Option<UtcMs>,
    pub parked: Option<Parked>,
}

impl Row {
    /// How the customer goes on, unsealed anew.
    #[must_use]
    pub fn handover(&self, keys: &Keys) -> Handover {
        let plain = self.handover.as_deref().and_then(|sealed| keys.unseal(sealed));
        plain.and_then(|plain| serde_json::from_slice(&plain).ok()).unwrap_or_default()
    }
}

/// A [`Handover`] as it is kept.
///
/// # Errors
/// A fault.
pub(super) fn seal(keys: &Keys, handover: &Handover) -> Result<Vec<u8>> {
    Ok(keys.seal(&serde_json::to_vec(handover).map_err(Fault::new)?))
}

/// An attempt with its payment and the names under which its gateway speaks of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    pub payment: Payment,
    pub row: Row,
    pub objects: Vec<String>,
    pub currency: Currency,
}

impl Kept {
    /// As its gateway is told of it.
    #[must_use]
    pub fn as_told(&self) -> Attempt {
        Attempt {
            payment: self.payment.id,
            order: self.payment.order,
            number: self.payment.attempt,
            amount: Money::from_minor(self.payment.amount_minor, self.currency),
            flow: self.row.flow,
            reference: self.row.reference.clone(),
            objects: self.objects.clone(),
            request: self.row.request.clone(),
            sent_at: self.row.sent_at,
        }
    }
}

/// What only a gateway's attempt has; `None` for a payment without a gateway.
///
/// # Errors
/// A fault.
pub fn row(reader: &Reader<'_>, payment: PaymentId) -> Result<Option<Row>> {
    sql::row(reader, payment)
}

/// An attempt, whole.
///
/// # Errors
/// A fault.
pub fn kept(reader: &Reader<'_>, payment: PaymentId) -> Result<Option<Kept>> {
    let Some(row) = sql::row(reader, payment)? else { return Ok(None) };
    let payment = money::payment(reader, payment)?.ok_or_else(|| Fault::because("an attempt has its payment"))?;
    let currency = sql::currency_of(reader, payment.order)?;
    let currency = Currency::from_code(&currency).ok_or_else(|| Fault::because("an order's currency is known"))?;
    Ok(Some(Kept { objects: sql::objects(reader, payment.id)?, row, payment, currency }))
}

/// The attempts of an order that are not closed, the newest first. More than one is there only while an older one is being ended.
///
/// # Errors
/// A fault.
pub fn open_of(reader: &Reader<'_>, order: OrderId) -> Result<Vec<Kept>> {
    let mut open = Vec::new();
    for payment in money::payments_of(reader, order)? {
        open.extend(kept(reader, payment.id)?.filter(|kept| kept.row.phase != Phase::Closed));
    }
    Ok(open)
}

/// The payment that a gateway calls by one of these names, the surest first.
///
/// # Errors
/// A fault.
pub fn find_by_objects(reader: &Reader<'_>, method: PaymentMethod, names: &[String]) -> Result<Option<PaymentId>> {
    for name in names {
        if let Some(payment) = sql::by_object(reader, method, name)? {
            return Ok(Some(payment));
        }
    }
    Ok(None)
}

/// Notes a name under which a gateway speaks of a payment; the first payment that has it keeps it. `true` if it was new.
///
/// # Errors
/// A fault.
pub(super) fn note_object(tx: &mut WriteTx<'_>, method: PaymentMethod, object: &str, payment: PaymentId) -> Result<bool> {
    sql::add_object(tx, method, object, payment)
}
