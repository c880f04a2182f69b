//! What a gateway is: the one trait, and the words in which each of them speaks to the rest.
//!
//! An adapter turns our orders into its provider's requests, and its provider's answers and messages into a [`Report`]. What a report
//! does to the books is not its business: `settle` decides that, once for all of them. So an adapter knows no database, and the same
//! report may come three times, late, and in any order.

use std::future::Future;
use std::pin::Pin;

use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::features::money::Failure;
use crate::kernel::{Currency, Locale, Money, OrderId, PaymentId, PaymentMethod, RefundId, RefundStatus, UtcMs};

/// A call to a provider.
pub type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, CallFault>> + Send + 'a>>;

/// Why a call did not do what it was asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CallFault {
    /// The customer's means of payment was refused; another may be taken. `message` may be shown to them.
    #[error("declined: {code}")]
    Declined { code: String, message: String },
    /// The customer has something to do first.
    #[error("the customer has a step to do")]
    NeedsAction { url: String },
    /// The provider will not do it in this state, or not with this amount; asking again changes nothing.
    #[error("refused: {code}: {message}")]
    Refused { code: String, message: String },
    /// A key, an account or a permission is wrong: nothing goes until the keeper has mended it. Never holds a secret.
    #[error("misconfigured: {0}")]
    Misconfigured(String),
    /// Surely not done: the provider was never reached, or turned it away before doing anything.
    #[error("not sent: {0}")]
    NotSent(String),
    /// Nobody knows whether it was done: a time-out, a broken connection, an error of the provider, an answer that cannot be read.
    #[error("outcome unknown: {0}")]
    Unclear(String),
}

impl From<crate::outbound::SendFault> for CallFault {
    fn from(fault: crate::outbound::SendFault) -> CallFault {
        match fault {
            crate::outbound::SendFault::NotSent(_) => CallFault::NotSent(fault.to_string()),
            crate::outbound::SendFault::Unclear(_) => CallFault::Unclear(fault.to_string()),
        }
    }
}

crate::kernel::status::words! {
    /// How the customer pays: on the provider's page, or in its fields on the storefront's own page.
    Flow { Redirect = "redirect", Elements = "elements" }
}

/// Why a gateway cannot take an amount (`vectors/amounts.json`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AmountRefusal {
    CurrencyNotSupported,
    /// Its wire form has fewer digits than the amount needs.
    NotRepresentable,
}

impl AmountRefusal {
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            AmountRefusal::CurrencyNotSupported => "currency_not_supported",
            AmountRefusal::NotRepresentable => "amount_not_representable",
        }
    }
}

/// What a gateway is asked to begin. Stored with the attempt as it was first sent, so that the same bytes can be sent again; taken
/// out when the attempt is closed, because it names a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartRequest {
    /// `B-261123-0042`.
    pub order_number: String,
    pub shop_name: String,
    /// `en` or `ar`: the customer's.
    pub locale: String,
    pub customer_name: String,
    pub customer_email: Option<String>,
    /// E.164.
    pub customer_phone: Option<String>,
    /// Where the provider sends the customer afterwards: `{public_url}/pay/return?tx=…&k=…`.
    pub return_url: String,
    pub cancel_url: String,
    /// `{public_url}/api/v1/payments/webhook/<gateway>`.
    pub webhook_url: String,
    /// Moments in ms UTC: when the request was made, and when the order's hold ends.
    pub made_at: i64,
    pub hold_ends_at: i64,
}

/// An attempt as its gateway is told of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    pub payment: PaymentId,
    pub order: OrderId,
    /// Of its order, from 1.
    pub number: i64,
    pub amount: Money,
    pub flow: Flow,
    /// Its name there (a session, an order, an invoice), once it is known.
    pub reference: Option<String>,
    /// Every other name by which the provider has spoken of it (an intent, a charge, a capture).
    pub objects: Vec<String>,
    /// `None` once it is closed.
    pub request: Option<StartRequest>,
    /// When its key was first sent.
    pub sent_at: UtcMs,
}

impl Attempt {
    /// The provider's idempotency key: `tx:<id>`, for further acts with their word behind it. It never changes.
    #[must_use]
    pub fn key(&self) -> String {
        format!("tx:{}", self.payment)
    }
}

/// A refund as its gateway is told of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefundCall {
    pub refund: RefundId,
    pub payment: PaymentId,
    /// `B-261123-0042-1-R1`: order number, attempt, refund of it.
    pub number: String,
    pub amount: Money,
    pub reason: Option<String>,
    /// The object that was captured, as the ledger has it.
    pub captured: String,
    /// The attempt's reference and other names.
    pub reference: Option<String>,
    pub objects: Vec<String>,
    /// The refund's name there, once it is known.
    pub object: Option<String>,
    /// What [`Gateway::before_refund`] wanted to be remembered.
    pub memo: Option<String>,
    pub sent_at: Option<UtcMs>,
}

impl RefundCall {
    /// `refund:<id>`; it never changes.
    #[must_use]
    pub fn key(&self) -> String {
        format!("refund:{}", self.refund)
    }
}

/// What a provider says of an attempt, by whichever way. Whatever is empty is not said.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Report {
    pub state: Option<There>,
    /// The attempt's name there.
    pub reference: Option<String>,
    /// Further names of the same attempt.
    pub objects: Vec<String>,
    pub handover: Option<Handover>,
    pub captures: Vec<Capture>,
    pub refunds: Vec<RefundTold>,
    /// Of these refunds, each that we asked for is told with our id: one without it was surely made outside.
    pub says_whose: bool,
    /// All that was given back of it so far, where single refunds are not told: what our own refunds do not explain was refunded
    /// outside, and is booked under `object`.
    pub refunded_total: Option<Total>,
    pub dispute: Option<Dispute>,
    /// Why the last try of the customer failed, or why it ended.
    pub failure: Option<Failure>,
    /// Something that staff should know, in English.
    pub note: Option<String>,
    /// The answer itself; it is kept after secrets and personal data were struck out.
    pub raw: Option<Value>,
}

/// Where an attempt stands at its provider, so far as no captured money says more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum There {
    /// It can still be paid.
    Open,
    /// The customer has a step to do.
    NeedsAction,
    /// The customer has agreed, and the money is ours to take with [`Gateway::capture`].
    Approved,
    /// Money is on its way, and nobody can stop it; the hold is kept.
    Underway,
    /// It ended without money.
    Ended(Ending),
}

/// How an attempt ended without money.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    Failed,
    Cancelled,
    Expired,
}

/// How the customer goes on. Not stored in the clear.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Handover {
    pub redirect_url: Option<String>,
    pub client_secret: Option<String>,
}

/// Money taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Capture {
    /// What was captured, by the name under which it is booked once: a charge, a capture, a payment.
    pub object: String,
    pub amount: Money,
    /// Of the provider, in the currency it settles in.
    pub fee: Option<Money>,
}

/// A refund as the provider tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefundTold {
    /// Its name there.
    pub object: String,
    /// Ours, if it was asked for by us and the provider says so.
    pub ours: Option<RefundId>,
    pub amount: Money,
    pub status: RefundStatus,
    pub failure: Option<Failure>,
}

/// A sum with the object that tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Total {
    pub object: String,
    pub amount: Money,
}

/// What becomes of a payment that its customer disputes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dispute {
    /// Its name there.
    pub object: String,
    pub what: DisputeStep,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DisputeStep {
    Opened,
    /// The provider took the money back.
    Withdrawn(Money),
    /// And gave it again.
    Reinstated(Money),
    Closed {
        lost: bool,
    },
}

/// What a provider says of a refund it was asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct RefundReport {
    pub status: RefundStatus,
    /// Its name there.
    pub object: Option<String>,
    pub failure: Option<Failure>,
    pub raw: Option<Value>,
}

/// What looking for an attempt of unknown outcome has found.
#[derive(Clone, PartialEq, Debug)]
pub enum Found {
    There(Box<Report>),
    /// It does not exist there now, or nobody can pay it.
    NotThere,
}

/// What may be done with an attempt that is surely not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhenLost {
    /// The same row is sent again, with its key and the same bytes, while the key lives.
    SendAgain,
    /// It is closed as failed; another try is another row. Where the provider would replay an error under the key, or has no keys.
    Close,
}

/// How long a provider remembers an idempotency key, in ms from its first sending; 0 where it has none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyLife {
    pub start_ms: i64,
    pub refund_ms: i64,
}

/// A message as it came in.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    pub headers: &'a HeaderMap,
    /// The query, undecoded.
    pub query: Option<&'a str>,
    pub body: &'a [u8],
}

/// What verifying a message gave.
#[derive(Clone, PartialEq, Debug)]
pub enum Verdict {
    /// It is the provider's word.
    Genuine(Event),
    /// It is genuine, and not for us: answered with 200, nothing kept.
    NotForUs,
    /// It is not signed by the provider. `why` is for the log: no secret, no body.
    Forged { why: &'static str },
    /// It cannot be verified now, as when the signing certificate cannot be fetched: the provider shall send it again.
    CannotTell { why: String },
}

/// A genuine message, as it is kept.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// By which it is kept once.
    pub id: String,
    /// The provider's word for what happened.
    pub kind: String,
    pub body: Value,
}

/// What a kept message means.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Reading {
    /// By which names the provider speaks of the payment, the surest first. Signed ones alone.
    pub about: Vec<String>,
    /// Our own id, where it is signed.
    pub ours: Option<PaymentId>,
    /// What the message itself says and signs.
    pub report: Report,
    /// The gateway is to be asked, because the message does not sign what counts, or only hints.
    pub ask: bool,
    /// It is of a kind that means nothing here: kept, and ignored.
    pub ignored: bool,
}

/// A line of a provider's own books.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BookLine {
    /// The same name as the ledger's.
    pub object: String,
    /// Other names of the payment that it belongs to, where the provider tells them.
    pub of: Vec<String>,
    pub kind: BookKind,
    pub amount: Money,
    pub at: UtcMs,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BookKind {
    Captured,
    Refunded,
}

/// A payment provider. `calls` are made outside any transaction; each is bounded in time by its client.
pub trait Gateway: Send + Sync + 'static {
    fn method(&self) -> PaymentMethod;

    /// As customers read it.
    fn name(&self, locale: Locale) -> &'static str;

    /// At least one; the first is the usual one.
    fn flows(&self) -> &'static [Flow] {
        &[Flow::Redirect]
    }

    /// What pages need for [`Flow::Elements`].
    fn publishable_key(&self) -> Option<&str> {
        None
    }

    /// Whether it takes money of this currency at all.
    fn takes(&self, currency: Currency) -> bool;

    /// Whether its wire form holds this amount.
    ///
    /// # Errors
    /// Why not.
    fn expresses(&self, amount: Money) -> Result<(), AmountRefusal>;

    fn key_life(&self) -> KeyLife;

    fn when_lost(&self) -> WhenLost;

    /// Begins an attempt, or begins the same one again with the same key.
    fn start<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Report>;

    /// How an attempt stands whose reference is known.
    fn ask<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Report>;

    /// Looks for an attempt whose beginning was never answered.
    fn find<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Found>;

    /// Takes the money of an attempt that is [`There::Approved`].
    fn capture<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Report> {
        self.ask(attempt)
    }

    /// Whether there is a way to make an attempt unpayable before its time. Where there is none, [`Gateway::end`] says how it stands.
    fn can_end(&self) -> bool {
        true
    }

    /// Makes an attempt unpayable; where it was paid meanwhile, or cannot be ended, the report says how it stands.
    fn end<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Report>;

    /// What is to be remembered before a refund is sent, to know afterwards whether it was done.
    fn before_refund<'a>(&'a self, _refund: &'a RefundCall) -> Call<'a, Option<String>> {
        Box::pin(async { Ok(None) })
    }

    fn refund<'a>(&'a self, refund: &'a RefundCall) -> Call<'a, RefundReport>;

    /// What became of a refund; `None` if the provider knows of none.
    fn ask_refund<'a>(&'a self, refund: &'a RefundCall) -> Call<'a, Option<RefundReport>>;

    /// The provider's books of a span; `None` where it does not open them, and each payment is asked about by itself.
    fn books(&self, _from: UtcMs, _until: UtcMs) -> Call<'_, Option<Vec<BookLine>>> {
        Box::pin(async { Ok(None) })
    }

    /// One cheap call that shows whether the keys are right.
    fn check(&self) -> Call<'_, ()>;

    /// Whether a delivery without a gateway in its path carries this one's signature.
    fn signs(&self, delivery: &Delivery<'_>) -> bool;

    /// Whether a message is the provider's own. `now` is the shop's time.
    fn verify<'a>(&'a self, delivery: Delivery<'a>, now: UtcMs) -> Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

    /// What a kept message means. It never fails: what it does not know is ignored.
    fn read(&self, event: &Event) -> Reading;
}
