//! What admins are told that a person must look at: a refund that failed, money that was set aside, a dispute, money that nobody waited
//! for, a reader who called a message spam. Each is told once, when it comes to be so.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::model::Alert;
use super::payload::amount;
use crate::db::{Command, Reader, WriteTx};
use crate::features::messages::{self, Channel, Kind, NewMessage};
use crate::features::{Shop, accounts, money, orders};
use crate::jobs::{self, Claimed, Handler, NewJob};
use crate::kernel::{Currency, Fault, NotificationId, OrderId, PaymentId, RefundId, Result};

/// The kind of these jobs; the key names the alert and the refund or payment.
pub const ALERT_JOB: &str = "notifications.alert";
/// Tries; with the engine's back-off they reach over a day.
const MAX_ATTEMPTS: i64 = 30;

/// A refund failed: somebody has to refund it again.
///
/// # Errors
/// A fault.
pub fn refund_failed(tx: &mut WriteTx<'_>, refund: RefundId) -> Result<()> {
    enqueue(tx, Alert::RefundFailed, refund.uuid())
}

/// Money came that does not fit; staff have to say what becomes of it.
///
/// # Errors
/// A fault.
pub fn payment_parked(tx: &mut WriteTx<'_>, payment: PaymentId) -> Result<()> {
    enqueue(tx, Alert::PaymentParked, payment.uuid())
}

/// A customer disputes a payment.
///
/// # Errors
/// A fault.
pub fn payment_disputed(tx: &mut WriteTx<'_>, payment: PaymentId) -> Result<()> {
    enqueue(tx, Alert::PaymentDisputed, payment.uuid())
}

/// Money came that its order did not want; this refund gives it back.
///
/// # Errors
/// A fault.
pub fn money_not_wanted(tx: &mut WriteTx<'_>, refund: RefundId) -> Result<()> {
    enqueue(tx, Alert::LateApproval, refund.uuid())
}

/// A reader called a message of ours spam.
///
/// # Errors
/// A fault.
pub fn mail_complained(tx: &mut WriteTx<'_>, message: NotificationId) -> Result<()> {
    enqueue(tx, Alert::MailComplained, message.uuid())
}

/// Tonight no backup was made, or the newest could not be restored. Whoever tells it is a job that ends in this transaction.
///
/// # Errors
/// A fault.
pub fn backup_not_proven(tx: &mut WriteTx<'_>, why: &str) -> Result<()> {
    to_admins(tx, Kind::StaffAlert, |_| json!({ "alert": "backup_not_proven", "details": why }))
}

fn enqueue(tx: &mut WriteTx<'_>, alert: Alert, of: Uuid) -> Result<()> {
    let key = format!("{}/{of}", alert.code());
    jobs::enqueue(tx, &NewJob { kind: ALERT_JOB, key: &key, run_at: tx.now(), max_attempts: MAX_ATTEMPTS })
}

fn parse_key(key: &str) -> Option<(Alert, Uuid)> {
    let (alert, of) = key.split_once('/')?;
    Some((Alert::from_code(alert)?, Uuid::parse_str(of).ok()?))
}

/// The worker that tells admins.
pub struct TellAlerts {
    shop: Arc<Shop>,
}

impl TellAlerts {
    #[must_use]
    pub fn new(shop: Arc<Shop>) -> TellAlerts {
        TellAlerts { shop }
    }

    async fn tell(&self, job: Claimed) -> Result<()> {
        let (alert, of) =
            parse_key(&job.key).ok_or_else(|| Fault::because(format!("the key of job {} is no alert", job.id)))?;
        self.shop.db.write_in_background(Tell { alert, of, job }).await
    }
}

impl Handler for TellAlerts {
    fn kind(&self) -> &'static str {
        ALERT_JOB
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(self.tell(job))
    }
}

struct Tell {
    alert: Alert,
    of: Uuid,
    job: Claimed,
}

impl Command for Tell {
    const NAME: &'static str = "notifications.tell_alert";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        if !jobs::finish(tx, self.job.id)? {
            return Ok(());
        }
        let payload = payload(tx, self.alert, self.of)?;
        to_admins(tx, Kind::StaffAlert, |_| payload.clone())
    }
}

fn payload(reader: &Reader<'_>, alert: Alert, of: Uuid) -> Result<Value> {
    let (order, minor, currency, details) = match alert {
        Alert::RefundFailed | Alert::LateApproval => {
            let refund = money::refund(reader, RefundId::from_uuid(of))?;
            let refund = refund.ok_or_else(|| Fault::because("a refund that is told of is there"))?;
            let failure = refund.failure.filter(|_| alert == Alert::RefundFailed).map(|failure| failure.message);
            (refund.order, refund.amount_minor, refund.currency, failure.or(refund.reason))
        }
        Alert::MailComplained => return of_message(reader, NotificationId::from_uuid(of)),
        Alert::PaymentParked | Alert::PaymentDisputed => {
            let told = money::told(reader, PaymentId::from_uuid(of))?;
            let told = told.ok_or_else(|| Fault::because("a payment that is told of is there"))?;
            let payment = told.payment;
            match told.parked.filter(|_| alert == Alert::PaymentParked) {
                Some(parked) => {
                    let asked = payment.failure.filter(|_| payment.captured_minor == 0).map(|failure| failure.message);
                    (payment.order, parked.amount_minor, Some(parked.currency), asked)
                }
                None => (payment.order, payment.amount_minor, None, None),
            }
        }
    };
    let (number, currency) = of_order(reader, order, currency)?;
    let mut payload = json!({ "alert": alert.code(), "orderNumber": number });
    if let Some(currency) = currency {
        payload["amount"] = amount(minor, currency).into();
        payload["currency"] = currency.code().into();
    }
    if let Some(details) = details {
        payload["details"] = details.into();
    }
    Ok(payload)
}

/// Nothing of money: which order it was about, if about one. Whose message it was, the list of messages tells.
fn of_message(reader: &Reader<'_>, message: NotificationId) -> Result<Value> {
    let mut payload = json!({ "alert": Alert::MailComplained.code() });
    if let Some(order) = messages::order_of(reader, message)?
        && let Some(payable) = orders::payable(reader, order)?
    {
        payload["orderNumber"] = payable.number.into();
    }
    Ok(payload)
}

/// An order's number, and the currency of an amount of it; none where a provider settles in one that is not known here.
fn of_order(reader: &Reader<'_>, order: OrderId, own: Option<String>) -> Result<(String, Option<Currency>)> {
    let payable = orders::payable(reader, order)?.ok_or_else(|| Fault::because("a payment has its order"))?;
    let currency = match own {
        Some(code) => Currency::from_code(&code),
        None => Some(payable.currency),
    };
    Ok((payable.number, currency))
}

/// Writes to every admin, each in their language.
///
/// # Errors
/// A fault.
pub(super) fn to_admins(tx: &mut WriteTx<'_>, kind: Kind, payload: impl Fn(crate::kernel::Locale) -> Value) -> Result<()> {
    for (user, email, locale) in accounts::admins(tx)? {
        let message = NewMessage {
            kind,
            channel: Channel::Email,
            to: email.as_str().to_owned(),
            locale,
            payload: payload(locale),
            order: None,
            user: Some(user),
            at: tx.now(),
        };
        messages::queue(tx, &message)?;
    }
    Ok(())
}
