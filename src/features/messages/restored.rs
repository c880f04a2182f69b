//! What waits for the owner's word after a restore. The shop of before may have sent all of it after its backup, so nothing leaves by
//! itself. What is sent on the owner's word is asked about first, where its carrier can tell.
//!
//! A message waits by its job, which is due when somebody says so ([`jobs::UNTIL_TOLD`]); its row stays as it was.

use super::model::{Row, codes};
use super::send::{MESSAGE_JOBS, job_kind};
use super::{Channel, Kind, Status, probe, sql};
use crate::db::{Reader, WriteTx};
use crate::jobs;
use crate::kernel::time::span::{HOUR_MS, MINUTE_MS};
use crate::kernel::{NotificationId, Result, UserId, UtcMs};

/// What the jobs say while they wait.
pub const WAITS_BECAUSE: &str = "the shop was restored; it waits until somebody says what becomes of it";
/// Who asked for a new password longer ago has asked again, or found another way.
const RESET_IS_NEWS_MS: i64 = 30 * MINUTE_MS;
/// As long as an invitation counts.
const INVITE_IS_NEWS_MS: i64 = 72 * HOUR_MS;

/// What becomes of what waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Word {
    Send,
    Drop,
}

impl Word {
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Word::Send => "send",
            Word::Drop => "drop",
        }
    }

    #[must_use]
    pub fn from_code(code: &str) -> Option<Word> {
        [Word::Send, Word::Drop].into_iter().find(|word| word.code() == code)
    }
}

/// What somebody has said becomes of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Words {
    pub messages: Word,
    pub promotions: Word,
}

/// How many messages wait for somebody's word.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Waiting {
    pub messages: i64,
    pub promotions: i64,
}

/// Has everything wait that a shop just restored would send.
///
/// # Errors
/// A fault.
pub fn hold_back(tx: &mut WriteTx<'_>) -> Result<()> {
    // Who waited for a carrier waits for more than that now.
    jobs::cancel_all(tx, probe::KIND)?;
    sql::restored::hold_no_more(tx)?;
    for kind in MESSAGE_JOBS {
        jobs::wait_for_word(tx, kind, WAITS_BECAUSE)?;
    }
    Ok(())
}

/// How much waits for somebody's word.
///
/// # Errors
/// A fault.
pub fn held_back(reader: &Reader<'_>) -> Result<Waiting> {
    let mut waiting = Waiting::default();
    for (kind, count) in sql::restored::waiting(reader, jobs::UNTIL_TOLD)? {
        if kind.is_promotion() {
            waiting.promotions += count;
        } else {
            waiting.messages += count;
        }
    }
    Ok(waiting)
}

/// Does with some of those that wait what was said; how many there were.
///
/// # Errors
/// A fault.
pub fn let_go(tx: &mut WriteTx<'_>, words: Words, most: usize) -> Result<usize> {
    let mut found = 0;
    for channel in Channel::ALL {
        let keys = jobs::keys_waiting_for_word(tx, job_kind(channel), most.saturating_sub(found))?;
        found += keys.len();
        for key in keys {
            let row = match NotificationId::parse(&key) {
                Some(id) => sql::row(tx, id)?.filter(|row| matches!(row.status, Status::Queued | Status::Sending)),
                None => None,
            };
            match row {
                Some(row) => let_one_go(tx, &row, words)?,
                None => jobs::cancel(tx, job_kind(channel), &key)?,
            }
        }
    }
    Ok(found)
}

fn let_one_go(tx: &mut WriteTx<'_>, row: &Row, words: Words) -> Result<()> {
    let word = if row.kind.is_promotion() { words.promotions } else { words.messages };
    let over = match word {
        Word::Drop => Some((codes::NOT_REPEATED, "it waited since the shop was restored, and was dropped")),
        Word::Send if is_too_old(row, tx.now()) => Some((codes::NOT_DUE, "what it was asked for is too long ago")),
        Word::Send => None,
    };
    let (kind, key) = (job_kind(row.channel), row.id.to_string());
    match over {
        Some((code, why)) => {
            sql::end_unsent(tx, row.id, Status::Suppressed, code, why)?;
            jobs::cancel(tx, kind, &key)
        }
        None => {
            // The shop of before may have sent it: it goes on as a try does whose outcome nobody wrote.
            sql::restored::doubt(tx, row.id)?;
            jobs::move_to(tx, kind, &key, tx.now())?;
            Ok(())
        }
    }
}

/// A link that opens an account and that nobody waits for any more.
fn is_too_old(row: &Row, now: UtcMs) -> bool {
    let news_ms = match row.kind {
        Kind::PasswordReset => RESET_IS_NEWS_MS,
        Kind::Invite => INVITE_IS_NEWS_MS,
        _ => return false,
    };
    row.created_at.plus_ms(news_ms) < now
}

/// Somebody asks for what such a message says: it waits no more. Its link is made when it leaves.
///
/// # Errors
/// A fault.
pub fn let_go_of(tx: &mut WriteTx<'_>, kind: Kind, user: UserId) -> Result<()> {
    for (id, waiting, channel) in sql::person::waiting(tx, user)? {
        if waiting == kind && sql::restored::is_waiting_for_word(tx, channel, id, jobs::UNTIL_TOLD)? {
            jobs::move_to(tx, job_kind(channel), &id.to_string(), tx.now())?;
        }
    }
    Ok(())
}
