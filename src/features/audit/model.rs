//! The log's words.

use serde_json::Value;

use crate::kernel::{UserId, UtcMs};

/// How it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Done,
    Refused,
    FailedSignIn,
}

impl Outcome {
    pub const ALL: [Outcome; 3] = [Outcome::Done, Outcome::Refused, Outcome::FailedSignIn];

    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Refused => "refused",
            Outcome::FailedSignIn => "failed_sign_in",
        }
    }

    #[must_use]
    pub fn from_code(code: &str) -> Option<Outcome> {
        Outcome::ALL.into_iter().find(|outcome| outcome.code() == code)
    }
}

/// Words that stand in the log for who acts.
pub const ACTORS: [&str; 6] = ["guest", "customer", "driver", "staff", "admin", "system"];

/// What a row says, before it has its place in the chain. `before` and `after` are the JSON texts that are stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub at: UtcMs,
    pub actor: String,
    pub actor_id: Option<UserId>,
    pub action: String,
    pub subject: Option<String>,
    pub before: Option<String>,
    pub after: Option<String>,
    pub address: Option<String>,
    pub request_id: Option<String>,
    pub outcome: Outcome,
    pub code: Option<String>,
}

/// The newest row: its number and its hash; 0 and zeros before the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    pub n: i64,
    pub hash: [u8; 32],
}

impl Head {
    pub const START: Head = Head { n: 0, hash: [0; 32] };
}

/// A row in its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    pub n: i64,
    pub entry: Entry,
    pub hash: [u8; 32],
}

/// A row as an admin reads it.
#[derive(Clone, PartialEq, Debug)]
pub struct Shown {
    pub n: i64,
    pub at: UtcMs,
    pub actor: String,
    pub actor_id: Option<UserId>,
    /// The account's name now.
    pub actor_name: Option<String>,
    pub action: String,
    pub subject: Option<String>,
    pub before: Option<Value>,
    pub after: Option<Value>,
    pub address: Option<String>,
    pub request_id: Option<String>,
    pub outcome: Outcome,
    pub code: Option<String>,
    pub hash: [u8; 32],
}
