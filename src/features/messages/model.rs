//! A message and what becomes of it.

use serde_json::Value;

use super::Kind;
use crate::kernel::{Locale, NotificationId, OrderId, UserId, UtcMs};

/// How a message travels.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Channel {
    Email,
    Sms,
}

impl Channel {
    pub const ALL: [Channel; 2] = [Channel::Email, Channel::Sms];

    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Channel::Email => "email",
            Channel::Sms => "sms",
        }
    }

    #[must_use]
    pub fn from_code(code: &str) -> Option<Channel> {
        Channel::ALL.into_iter().find(|channel| channel.code() == code)
    }
}

/// How far a message has come. On the wire `sending` is told as `queued`: nobody knows more until the try has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    Queued,
    /// A try has begun, and its outcome is not written.
    Sending,
    /// The carrier has taken it.
    Sent,
    /// The carrier says that it has arrived.
    Delivered,
    Failed,
    /// Not sent, because its address is not written to, or its person has not agreed.
    Suppressed,
}

impl Status {
    /// The words on the wire.
    pub const WIRE: [&'static str; 5] = ["queued", "sent", "delivered", "failed", "suppressed"];

    /// The word on the wire.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Status::Sending => Status::Queued.code(),
            other => other.code(),
        }
    }

    pub const ALL: [Status; 6] =
        [Status::Queued, Status::Sending, Status::Sent, Status::Delivered, Status::Failed, Status::Suppressed];

    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Status::Queued => "queued",
            Status::Sending => "sending",
            Status::Sent => "sent",
            Status::Delivered => "delivered",
            Status::Failed => "failed",
            Status::Suppressed => "suppressed",
        }
    }

    #[must_use]
    pub fn from_code(code: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.code() == code)
    }
}

/// Why an address is not written to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SuppressReason {
    /// It refuses mail for good.
    Bounced,
    /// Its owner said stop.
    Stopped,
    /// Its owner called a message spam.
    Complained,
}

impl SuppressReason {
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            SuppressReason::Bounced => "bounced",
            SuppressReason::Stopped => "stopped",
            SuppressReason::Complained => "complained",
        }
    }
}

/// A message's words, as they leave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rendered {
    /// Of an e-mail.
    pub subject: Option<String>,
    pub text: String,
    /// Of an e-mail.
    pub html: Option<String>,
}

/// A message of the books that is to leave.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub id: NotificationId,
    pub kind: Kind,
    pub channel: Channel,
    pub to: Option<String>,
    pub locale: Locale,
    pub payload: Option<Value>,
    pub order: Option<OrderId>,
    pub user: Option<UserId>,
    pub status: Status,
    pub failures: i64,
    pub resent: i64,
    pub created_at: UtcMs,
    pub tried_at: Option<UtcMs>,
}

/// A message as people look at it.
#[derive(Clone, Debug)]
pub struct Message {
    pub id: NotificationId,
    pub kind: Kind,
    pub channel: Channel,
    pub recipient: Option<String>,
    pub locale: Locale,
    pub subject: Option<String>,
    pub payload: Option<Value>,
    pub order: Option<OrderId>,
    pub user: Option<UserId>,
    pub status: Status,
    pub attempts: i64,
    /// Tries after one that may have arrived.
    pub resent: i64,
    pub error_code: Option<String>,
    pub last_error: Option<String>,
    pub provider_id: Option<String>,
    pub created_at: UtcMs,
    pub sent_at: Option<UtcMs>,
}

/// What the shop's people are to know of messages at a glance.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// Those of the last week that failed.
    pub failed: i64,
    pub waiting: i64,
    pub oldest_waiting: Option<UtcMs>,
    /// Channels that are stopped: why, and since when.
    pub stopped: Vec<(Channel, String, UtcMs)>,
}

/// How many messages there are.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Those that wait or are on their way.
    pub waiting: i64,
    /// Of these, the ones that wait for their carrier.
    pub held: i64,
    /// When the first of those that wait was made.
    pub oldest_waiting: Option<UtcMs>,
    /// Delivered or not.
    pub sent: i64,
    pub delivered: i64,
    pub failed: i64,
    pub suppressed: i64,
}

/// Our own codes of why a message did not leave; a carrier's stand beside them.
pub mod codes {
    /// Its address is not written to: a provider has told us so.
    pub const SUPPRESSED: &str = "address_suppressed";
    /// A promotion to somebody who has not agreed to such.
    pub const NO_CONSENT: &str = "no_consent";
    /// Its cause is gone: an invitation to somebody who has a password by now.
    pub const NOT_DUE: &str = "no_longer_due";
    /// Its person was erased.
    pub const ERASED: &str = "erased";
    /// It waited after a restore, and was dropped: the shop of before may have sent it.
    pub const NOT_REPEATED: &str = "not_repeated";
    /// Its job was cancelled by somebody of the shop.
    pub const CANCELLED: &str = "cancelled";
    /// Its carrier can put no message together for that address: nobody was asked.
    pub const UNWRITABLE: &str = "unwritable";
    /// Its template cannot be filled.
    pub const TEMPLATE: &str = "template_fault";
    /// It may have arrived, and is not sent again.
    pub const OUTCOME_UNKNOWN: &str = "outcome_unknown";
    /// The carrier has put it off for a day.
    pub const GAVE_UP: &str = "gave_up";
}
