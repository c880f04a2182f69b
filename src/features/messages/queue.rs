//! A message is due: its row and its job, in the transaction of its cause.

use serde_json::Value;

use super::{Channel, Kind, sql};
use crate::db::WriteTx;
use crate::jobs::{self, NewJob};
use crate::kernel::{Locale, NotificationId, OrderId, Result, UserId, UtcMs};

/// The message decides when it is given up; what counts here too are tries that a crash has cut. Its job must not end before it.
pub(super) const MAX_ATTEMPTS: i64 = 1_000;

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct NewMessage {
    pub kind: Kind,
    pub channel: Channel,
    /// An e-mail address, or a phone as E.164.
    pub to: String,
    pub locale: Locale,
    /// What its template is filled with: an object, without secrets.
    pub payload: Value,
    /// Its link opens this order's page.
    pub order: Option<OrderId>,
    /// The account it is written to, if it is one.
    pub user: Option<UserId>,
    /// When it is due.
    pub at: UtcMs,
}

/// Queues a message.
///
/// # Errors
/// A fault.
pub fn queue(tx: &mut WriteTx<'_>, message: &NewMessage) -> Result<NotificationId> {
    let id = NotificationId::from_uuid(tx.new_id());
    sql::insert(tx, id, message)?;
    send_at(tx, message.channel, id, message.at)?;
    Ok(id)
}

/// Writes the job that sends a message then.
pub(super) fn send_at(tx: &mut WriteTx<'_>, channel: Channel, id: NotificationId, at: UtcMs) -> Result<()> {
    let kind = super::send::job_kind(channel);
    jobs::enqueue(tx, &NewJob { kind, key: &id.to_string(), run_at: at, max_attempts: MAX_ATTEMPTS })
}

/// Takes back a message that has not left: its cause is gone. One that a try has begun of stays.
///
/// # Errors
/// A fault.
pub fn cancel(tx: &mut WriteTx<'_>, id: NotificationId) -> Result<()> {
    if let Some(channel) = sql::forget_queued(tx, id)? {
        jobs::cancel(tx, super::send::job_kind(channel), &id.to_string())?;
    }
    Ok(())
}
