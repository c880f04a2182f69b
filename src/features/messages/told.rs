//! What a provider tells of a message later: that it has it, that it arrived, that it never will.
//!
//! What always holds: a status only rises (queued and sending, then sent, then delivered or failed), whatever order tidings come in and
//! how often; what is at its end stays there. An address that is not to be written to any more is noted in the same write.

use super::send::job_kind;
use super::{Channel, Status, SuppressReason, sql};
use crate::db::{Reader, WriteTx};
use crate::jobs;
use crate::kernel::{NotificationId, OrderId, Result, UserId, UtcMs};

/// One piece of news.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// How far the message has come by it; `None` where it says nothing of that.
    pub state: Option<ToldState>,
    /// The provider's name for the message. Bad news of another name than the one we know is of an earlier try, and fails nothing.
    pub provider_id: Option<String>,
    /// Why it failed, in the provider's words; addresses are struck, and no more than a line is kept.
    pub why: Option<String>,
    /// Why the message's address is not written to any more.
    pub suppress: Option<SuppressReason>,
    /// When it happened, by the provider's clock.
    pub at: UtcMs,
}

/// What a provider can say of a message's state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ToldState {
    /// It is with the provider.
    Taken,
    Delivered,
    Failed,
}

/// Books what a provider tells of a message; `false` if there is no such message. What it does not wait for any more has no job either.
///
/// # Errors
/// A fault.
pub fn told(tx: &mut WriteTx<'_>, id: NotificationId, told: &Told) -> Result<bool> {
    let Some(known) = sql::told::standing(tx, id)? else { return Ok(false) };
    let now = tx.now();
    let why = told.why.as_deref().map(reason);
    let mut is_over = waits(known.status);
    match told.state {
        Some(ToldState::Taken) if waits(known.status) => {
            sql::told::taken(tx, id, told.provider_id.as_deref(), told.at.min(now))?;
        }
        Some(ToldState::Delivered) if waits(known.status) || known.status == Status::Sent => {
            sql::told::delivered(tx, id, told.provider_id.as_deref(), told.at.min(now))?;
        }
        // A message that waits for its next try is not failed by news of an earlier one.
        Some(ToldState::Failed)
            if matches!(known.status, Status::Sending | Status::Sent) && is_of(&known, told.provider_id.as_deref()) =>
        {
            sql::told::failed(tx, id, told.provider_id.as_deref(), why.as_deref())?;
        }
        Some(_) | None => is_over = false,
    }
    if is_over {
        jobs::cancel(tx, job_kind(known.channel), &id.to_string())?;
    }
    if let (Some(reason), Some(address)) = (told.suppress, &known.recipient) {
        suppress(tx, known.channel, address, reason)?;
    }
    Ok(true)
}

/// An address is not written to any more.
///
/// # Errors
/// A fault.
pub fn suppress(tx: &mut WriteTx<'_>, channel: Channel, address: &str, reason: SuppressReason) -> Result<()> {
    sql::told::suppress(tx, channel, &address.to_lowercase(), reason)
}

/// Whether a provider's news of this name has not been heard before; from now on it has.
///
/// # Errors
/// A fault.
pub fn is_news(tx: &mut WriteTx<'_>, provider: &'static str, event_id: &str) -> Result<bool> {
    sql::told::keep_event(tx, provider, event_id)
}

/// The order that a message is about, if it is about one.
///
/// # Errors
/// A fault.
pub fn order_of(reader: &Reader<'_>, id: NotificationId) -> Result<Option<OrderId>> {
    Ok(sql::told::standing(reader, id)?.and_then(|standing| standing.order))
}

/// A message's row, as far as news changes it.
pub(super) struct Standing {
    pub(super) channel: Channel,
    pub(super) status: Status,
    /// `None` once it is old, or its person was erased.
    pub(super) recipient: Option<String>,
    pub(super) provider_id: Option<String>,
    pub(super) user: Option<UserId>,
    pub(super) order: Option<OrderId>,
}

fn waits(status: Status) -> bool {
    matches!(status, Status::Queued | Status::Sending)
}

fn is_of(known: &Standing, named: Option<&str>) -> bool {
    match (known.provider_id.as_deref(), named) {
        (Some(ours), Some(theirs)) => ours == theirs,
        (None, _) | (_, None) => true,
    }
}

/// A provider's words as they may be kept and shown: one line of at most 200 characters, without what may be an address, a phone or a link.
#[must_use]
pub fn reason(text: &str) -> String {
    const MOST: usize = 200;
    let is_secret = |word: &str| word.contains('@') || word.contains("://") || is_phone(word);
    let shown = |word: &str| if is_secret(word) { "…".to_owned() } else { word.to_owned() };
    let words: Vec<String> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).map(shown).collect();
    let line = words.join(" ");
    match line.char_indices().nth(MOST) {
        Some((cut, _)) => format!("{}…", line.get(..cut).unwrap_or_default()),
        None => line,
    }
}

/// Whether a word has as many digits as a phone, and nothing else but the marks between them. A machine's address has others.
fn is_phone(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_numeric());
    word.chars().filter(|c| c.is_numeric()).count() >= 7 && word.chars().all(|c| c.is_numeric() || "-()/".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_and_names_nobody() {
        let told = "550 5.1.1 <layla@example.com>: no\r\n such user\t(see https://mail.example/x)";
        assert_eq!(reason(told), "550 5.1.1 … no such user (see …");
        assert_eq!(reason(&"ك".repeat(500)).chars().count(), 201);
        let told = "450 4.2.2 '+962790000001' or ٠٧٩٠٠٠٠٠٠١: queue 4RtX123456789 at 192.168.100.200:2525";
        assert_eq!(reason(told), "450 4.2.2 … or … queue 4RtX123456789 at 192.168.100.200:2525");
        assert_eq!(reason(""), "");
    }
}
