//! Staff have a message sent again that had failed.

use serde_json::json;

use super::model::{Message, codes};
use super::send::job_kind;
use super::{Status, problems, queue, sql};
use crate::db::{Command, WriteTx};
use crate::http::problem::not_found;
use crate::jobs::{self, NewJob};
use crate::kernel::{Change, Fault, NotificationId, Problem, Result};

/// Sends a message again that had failed or was suppressed, under the same id, if nothing of it can have arrived; its address is
/// written to again (SPEC 7). Refuses with `not_found`, `message_not_failed`, `message_may_have_arrived`, `message_forgotten`.
pub(super) struct Retry {
    pub id: NotificationId,
}

impl Command for Retry {
    const NAME: &'static str = "messages.retry";
    type Output = Message;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Message> {
        let message = sql::lists::one(tx, self.id)?.ok_or_else(not_found)?;
        if !matches!(message.status, Status::Failed | Status::Suppressed) {
            let status = message.status.wire();
            return Err(Problem::of(&problems::MESSAGE_NOT_FAILED)
                .detail(format!(
                    "The message is {status}; only one that failed or was suppressed is sent again. Nothing was changed."
                ))
                .fact("messageStatus", status)
                .into());
        }
        let (Some(recipient), Some(_)) = (&message.recipient, &message.payload) else {
            return Err(Problem::of(&problems::MESSAGE_FORGOTTEN)
                .detail("Whom the message went to and what it said is no longer kept, so that nothing can be sent. Nothing was changed.")
                .into());
        };
        if message.resent > 0 || message.error_code.as_deref() == Some(codes::OUTCOME_UNKNOWN) {
            return Err(Problem::of(&problems::MESSAGE_MAY_HAVE_ARRIVED)
                .detail("A try of this message ended without a clear answer: it may have arrived, and is not sent twice. Nothing was changed; write a new message if it is still needed.")
                .into());
        }
        let is_lifted = sql::lift_suppression(tx, message.channel, recipient)?;
        sql::lists::queue_again(tx, self.id)?;
        let (kind, key) = (job_kind(message.channel), self.id.to_string());
        jobs::enqueue(tx, &NewJob { kind, key: &key, run_at: tx.now(), max_attempts: queue::MAX_ATTEMPTS })?;
        tx.changed(Change {
            action: "message.retry",
            subject: format!("message:{}", self.id),
            before: Some(json!({ "status": message.status.wire(), "errorCode": message.error_code })),
            after: Some(json!({ "status": Status::Queued.wire(), "suppressionLifted": is_lifted })),
        });
        sql::lists::one(tx, self.id)?.ok_or_else(|| Fault::because("a message just written is there").into())
    }
}
