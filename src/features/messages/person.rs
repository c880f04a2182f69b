//! What becomes of a person's messages when something changes with them: a link that is not due any more, an erasure.

use super::model::codes;
use super::send::job_kind;
use super::{Kind, Status, sql};
use crate::db::{Reader, WriteTx};
use crate::jobs;
use crate::kernel::{Result, UserId};

/// Whether a message of a kind to an account waits, so that another one would say the same.
///
/// # Errors
/// A fault.
pub fn is_waiting(reader: &Reader<'_>, kind: Kind, user: UserId) -> Result<bool> {
    Ok(sql::person::waiting(reader, user)?.iter().any(|(_, waiting, _)| *waiting == kind))
}

/// Takes back an account's messages of some kinds that wait: their cause is gone. One that is on its way may arrive still.
///
/// # Errors
/// A fault.
pub fn withdraw(tx: &mut WriteTx<'_>, user: UserId, kinds: &[Kind]) -> Result<()> {
    for (id, kind, channel) in sql::person::waiting(tx, user)? {
        if kinds.contains(&kind) && sql::end_unsent(tx, id, Status::Suppressed, codes::NOT_DUE, "its cause is gone")? {
            jobs::cancel(tx, job_kind(channel), &id.to_string())?;
        }
    }
    Ok(())
}

/// An account has not agreed to promotions any more: what waits for it of such is not sent. One whose try is under way may arrive; should
/// it have to be tried again, it is not.
///
/// # Errors
/// A fault.
pub fn stop_promotions(tx: &mut WriteTx<'_>, user: UserId) -> Result<()> {
    for (id, channel) in sql::person::queued_promotions(tx, user)? {
        let why = "the customer has taken their agreement to promotions back";
        if sql::end_unsent(tx, id, Status::Suppressed, codes::NO_CONSENT, why)? {
            jobs::cancel(tx, job_kind(channel), &id.to_string())?;
        }
    }
    Ok(())
}

/// A person is erased: what waits for them is not sent, and whom their messages went to and what they said is struck out; that they
/// were sent stays in the books. Called before their orders forget whose they are.
///
/// # Errors
/// A fault.
pub fn forget_person(tx: &mut WriteTx<'_>, user: UserId) -> Result<()> {
    for (id, _, channel) in sql::person::waiting(tx, user)? {
        sql::end_unsent(tx, id, Status::Suppressed, codes::ERASED, "its person was erased")?;
        jobs::cancel(tx, job_kind(channel), &id.to_string())?;
    }
    sql::person::strike(tx, user)
}
