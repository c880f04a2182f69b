//! What a carrier's provider sends by itself: judged, then booked in one write.

use std::net::IpAddr;

use super::carrier::{Callback, Heard, News};
use super::{Channel, Status, is_news, queue, reason, sql, told};
use crate::db::{Command, WriteTx};
use crate::features::Shop;
use crate::http::problem::not_found;
use crate::kernel::problem::kinds;
use crate::kernel::{Fault, Problem, Result};

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
        Heard::Genuine(news) if news.is_empty() => Ok(()),
        Heard::Genuine(news) => shop.db.write_in_background(BookNews { carrier: carrier.name(), news }).await,
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

/// Books what a provider says.
struct BookNews {
    carrier: &'static str,
    news: Vec<News>,
}

impl Command for BookNews {
    const NAME: &'static str = "messages.book_news";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        for News { message, told: mut said, once_more_after_ms } in self.news {
            // An old word comes as genuine as a new one, and must not silence an address that staff have freed since.
            if said.suppress.is_some() {
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
        }
        Ok(())
    }
}
