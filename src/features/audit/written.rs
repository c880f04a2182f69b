//! What a write did, kept in its own transaction.

use serde_json::Value;

use super::model::{Entry, Outcome};
use super::{rules, sql};
use crate::db::WriteTx;
use crate::kernel::{Actor, Change, Origin, Result};

/// Keeps what a command has changed: a row for each change it tells; one with the command's name if it has written something and
/// tells nothing, so that no verb can be forgotten. Without an origin the program itself acts, and what it tells is kept.
///
/// # Errors
/// A fault; the write is then undone.
pub fn written(tx: &mut WriteTx<'_>, command: &'static str, changes: &[Change]) -> Result<()> {
    let actor = tx.origin().map_or(Actor::System, |origin| origin.actor);
    let is_kept = actor == Actor::System || rules::is_kept(actor);
    let origin = tx.origin().cloned();
    for change in changes.iter().filter(|change| is_kept || rules::is_kept_of_anybody(change.action)) {
        let entry = Entry {
            action: change.action.to_owned(),
            subject: Some(change.subject.clone()),
            before: change.before.as_ref().map(Value::to_string),
            after: change.after.as_ref().map(Value::to_string),
            ..blank(tx, origin.as_ref())
        };
        sql::append(tx, &entry)?;
    }
    // A repeated request that got its kept answer, or a change to what was there already, has written nothing.
    if is_kept && changes.is_empty() && origin.is_some() && tx.has_written() && rules::is_kept_untold(command) {
        let entry = Entry { action: command.to_owned(), ..blank(tx, origin.as_ref()) };
        sql::append(tx, &entry)?;
    }
    Ok(())
}

fn blank(tx: &WriteTx<'_>, origin: Option<&Origin>) -> Entry {
    let actor = origin.map_or(Actor::System, |origin| origin.actor);
    Entry {
        at: tx.now(),
        actor: actor.code().to_owned(),
        actor_id: actor.user(),
        action: String::new(),
        subject: None,
        before: None,
        after: None,
        address: origin.map(|origin| origin.address.to_string()),
        request_id: origin.map(|origin| origin.request_id.to_string()),
        outcome: Outcome::Done,
        code: None,
    }
}
