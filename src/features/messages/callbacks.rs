//! What a carrier's provider sends by itself: judged, then booked in one write.

use std::net::IpAddr;

use super::carrier::{Callback, Heard, News, Unwanted};
use super::{Channel, Status, is_news, queue, reason, sql, told};
use crate::db::{Command, WriteTx};
use crate::features::Shop;
use crate::http::problem::not_found;
use crate::kernel::problem::kinds;
use crate::kernel::{DomainEvent, Fault, Problem, Result};

/// Under this name it is remembered that a message went out once more.
const ONCE_MORE: &str = "once_more";

/// Takes a callback in. What means nothing here is answered as what does.
///
/// # Errors
/// 400 `bad_signature`, 404 if nobody is expected to call back, 429 for who forges much, 503 where it must be sent again.
pub(super) async fn take_in(shop: &Shop, channel: Channel, callback: &Callback<'_>, from: IpAddr) -> Result<()> {
    let carrier = shop.messages.carrier(channel).ok_or_else(|| Fault::because("a channel without a carrier"))?;
    shop.forgeries.check(from)?;
    match carrier.hear(callback) {
        Heard::Genuine(news) => {
            for news in in_parts(news) {
                shop.db.write_in_background(BookNews { carrier: carrier.name(), news }).await?;
            }
            Ok(())
        }
        Heard::Forged { why } => {
            shop.forgeries.note(from);
            tracing::warn!(carrier = carrier.name(), why, "a message was not signed by a carrier");
            Err(Problem::of(&kinds::BAD_SIGNATURE)
                .detail(
                    "The signature is not the carrier's, or not over these bytes and this address. If you are the carrier: the shop's \
                     secret is not yours, or it calls itself otherwise in server.public_url.",
                )
                .into())
        }
        Heard::Nobody => Err(not_found()),
    }
}

/// News that are booked in one write: a provider may tell thousands at once, and others want to write too.
const AT_ONCE: usize = 100;

/// Parts of at most [`AT_ONCE`]. What a reader has done ends its part, so that the audit log has each of them apart. A part that cannot
/// be written has all of them sent again, of which those that are known change nothing.
fn in_parts(news: Vec<News>) -> Vec<Vec<News>> {
    let mut parts = vec![Vec::new()];
    for one in news {
        let ends = one.unwanted.is_some();
        if let Some(part) = parts.last_mut() {
            part.push(one);
            if ends || part.len() == AT_ONCE {
                parts.push(Vec::new());
            }
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// Books what a provider says.
struct BookNews {
    carrier: &'static str,
    news: Vec<News>,
}

impl Command for BookNews {
    const NAME: &'static str = "messages.book_news";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        for News { message, told: mut said, once_more_after_ms, event_id, unwanted } in self.news {
            let is_named = event_id.is_some();
            if let Some(event_id) = event_id
                && !is_news(tx, self.carrier, &event_id)?
            {
                continue;
            }
            // An old word comes as genuine as a new one, and must not silence an address that staff have freed since.
            if said.suppress.is_some() && !is_named {
                let name = format!("{message} {}", said.provider_id.as_deref().unwrap_or_default());
                if !is_news(tx, self.carrier, &name)? {
                    said.suppress = None;
                }
            }
            if let Some(after_ms) = once_more_after_ms
                && let Some(standing) = sql::told::standing(tx, message)?
                && standing.status == Status::Sent
                && is_news(tx, ONCE_MORE, &message.to_string())?
                && sql::told::once_more(tx, message, said.provider_id.as_deref(), said.why.as_deref().map(reason).as_deref())?
            {
                queue::send_at(tx, standing.channel, message, tx.now().plus_ms(after_ms))?;
                continue;
            }
            told(tx, message, &said)?;
            if let Some(unwanted) = unwanted
                && let Some(standing) = sql::told::standing(tx, message)?
            {
                let complained = unwanted == Unwanted::Complained;
                tx.record(DomainEvent::MailUnwanted { message, user: standing.user, complained });
            }
        }
        Ok(())
    }
}
