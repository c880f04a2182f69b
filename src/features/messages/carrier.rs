//! Who carries messages: one trait; a file and a line each under `carriers/`.

use std::future::Future;
use std::pin::Pin;

use http::HeaderMap;

use super::{Channel, Kind, SuppressReason, Told};
use crate::kernel::{Locale, NotificationId, UtcMs};

/// A message as a carrier gets it.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The same at each try: a carrier's name for it begins here, and so does an e-mail's Message-ID.
    pub id: NotificationId,
    pub kind: Kind,
    pub channel: Channel,
    /// An e-mail address, or a phone as E.164.
    pub to: String,
    pub locale: Locale,
    /// Of an e-mail.
    pub subject: Option<String>,
    pub text: String,
    /// Of an e-mail.
    pub html: Option<String>,
    /// Where one POST ends such messages (RFC 8058): of promotions by e-mail.
    pub unsubscribe_url: Option<String>,
    /// When the message was made.
    pub made_at: UtcMs,
    /// When this try began.
    pub tried_at: UtcMs,
    /// The carrier's names for other messages to this address: where a try is looked for, what bears one of them is not it.
    pub others: Vec<String>,
}

/// What came of a try. Texts are for the shop's people: no address, no secret, at most a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Taken; with the carrier's name for it, if it has one.
    Sent { provider_id: Option<String> },
    /// Surely not taken, and may be tried again; not before `not_before`, if the carrier says when.
    Later { why: String, not_before: Option<UtcMs> },
    /// Nobody can be reached there: nothing was sent, and the next message would fare alike.
    Unreachable { why: String },
    /// Refused for good.
    Failed { code: String, why: String, suppress: Option<SuppressReason> },
    /// Refused whatever the message: keys, sender, account. The channel stops until its keeper has mended it; messages wait.
    Misconfigured { why: String },
    /// It may have been taken.
    Unclear { why: String },
}

/// What a carrier knows of a try whose outcome nobody wrote.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// It was taken.
    Sent { provider_id: Option<String> },
    /// It never came: to be sent.
    NotThere,
    /// To be asked again then.
    AskAgain(UtcMs),
    /// The carrier cannot tell; sent once more under the same id (PROVIDERS 9).
    CannotTell,
}

/// What came of asking a provider whether it knows us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Check {
    Right,
    /// A message would not leave; why, in words for the machine's keeper.
    Wrong {
        why: String,
    },
    /// Messages become files, so nobody was asked.
    Nobody,
    /// It can be told by a message alone.
    CannotAsk,
}

impl Check {
    /// As a message would fare.
    #[must_use]
    pub fn of(outcome: Result<(), Outcome>) -> Check {
        match outcome {
            Ok(()) | Err(Outcome::Sent { .. }) => Check::Right,
            Err(
                Outcome::Later { why, .. }
                | Outcome::Unreachable { why }
                | Outcome::Failed { why, .. }
                | Outcome::Misconfigured { why }
                | Outcome::Unclear { why },
            ) => Check::Wrong { why },
        }
    }
}

/// What a provider sends us by itself, as it came.
#[derive(Clone, Copy, Debug)]
pub struct Callback<'a> {
    /// The address at which the provider knows us, with the query byte for byte as it came. It begins with `public_url`: what a request
    /// says of its own host proves nothing.
    pub url: &'a str,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// What a carrier makes of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Heard {
    /// Its provider has signed it. What it says of messages of ours, if anything.
    Genuine(Vec<News>),
    /// Nobody we know has signed it.
    Forged { why: &'static str },
    /// This carrier's provider tells nothing by itself.
    Nobody,
}

/// What a provider says of one message of ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct News {
    pub message: NotificationId,
    pub told: Told,
    /// Of one that failed: once, it is worth another try so much later.
    pub once_more_after_ms: Option<i64>,
    /// The provider's name for this news, if it has one; what has come under it before is not booked again.
    pub event_id: Option<String>,
    /// Its reader wants no more of such.
    pub unwanted: Option<Unwanted>,
}

/// How a reader has said so to the provider.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unwanted {
    /// They left its list: of promotions.
    Unsubscribed,
    /// They called it spam: nothing is written to them any more.
    Complained,
}

pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Carries messages of one channel. It holds no lock and no transaction, waits no longer than its patience, and logs nothing but
/// ids and kinds.
pub trait Carrier: Send + Sync + 'static {
    /// Its word in the configuration: `log`, `smtp`, ..
    fn name(&self) -> &'static str;

    fn channel(&self) -> Channel;

    /// Tries once.
    fn send<'a>(&'a self, message: &'a Outgoing) -> Boxed<'a, Outcome>;

    /// Looks for a try that began at `message.tried_at` and whose outcome is not known.
    fn find<'a>(&'a self, _message: &'a Outgoing) -> Boxed<'a, Found> {
        Box::pin(async { Found::CannotTell })
    }

    /// Asks whether the provider knows us, and sends nothing.
    fn check(&self) -> Boxed<'_, Check> {
        Box::pin(async { Check::CannotAsk })
    }

    /// Verifies and reads what the provider sent us by itself. It takes no longer than reckoning does.
    fn hear(&self, _callback: &Callback<'_>) -> Heard {
        Heard::Nobody
    }
}
