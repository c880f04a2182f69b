//! What was refused, kept after the answer was decided.

use serde_json::json;

use super::model::{Entry, Outcome};
use super::{rules, sql};
use crate::db::{Command, WriteTx};
use crate::kernel::{Email, Origin, Result};

/// What kind of refusal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// Somebody may not do this, or could not.
    Refused,
    /// Somebody did not get in; with whose address they tried, and the keyed fingerprint that stands for it if it is nobody's.
    FailedSignIn { tried: Option<(Email, Vec<u8>)> },
}

/// Something that was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    pub what: What,
    pub origin: Origin,
    /// Method and route, as `PUT /api/v1/products/{id}`.
    pub action: String,
    /// The path as it was asked for.
    pub path: String,
    /// The problem's code.
    pub code: &'static str,
}

impl Refusal {
    pub(super) fn outcome(&self) -> Outcome {
        match self.what {
            What::Refused => Outcome::Refused,
            What::FailedSignIn { .. } => Outcome::FailedSignIn,
        }
    }
}

/// A row to be kept: a refusal, or how many like it were not kept one by one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Row {
    pub refusal: Refusal,
    pub more: Option<u64>,
}

/// Keeps refusals.
pub(super) struct Record {
    pub rows: Vec<Row>,
}

impl Command for Record {
    const NAME: &'static str = "audit.refusals";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        for Row { refusal, more } in self.rows {
            let subject = match &refusal.what {
                What::Refused => Some(refusal.path.clone()),
                What::FailedSignIn { tried: None } => None,
                What::FailedSignIn { tried: Some((email, fingerprint)) } => Some(match sql::account_of(tx, email)? {
                    Some(user) => format!("user:{user}"),
                    None => format!("email:{}", rules::hex(fingerprint.get(..16).unwrap_or(fingerprint))),
                }),
            };
            let entry = Entry {
                at: tx.now(),
                actor: refusal.origin.actor.code().to_owned(),
                actor_id: refusal.origin.actor.user(),
                outcome: refusal.outcome(),
                action: refusal.action,
                subject: if more.is_some() { None } else { subject },
                before: None,
                after: more.map(|count| json!({ "more": count }).to_string()),
                address: Some(refusal.origin.address.to_string()),
                request_id: more.is_none().then(|| refusal.origin.request_id.to_string()),
                code: Some(refusal.code.to_owned()),
            };
            sql::append(tx, &entry)?;
        }
        Ok(())
    }
}
