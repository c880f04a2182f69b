//! A promotion to all: a job queues its messages, a batch a transaction.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use uuid::Uuid;

use super::model::{Content, address};
use super::sql;
use crate::db::{Command, WriteTx};
use crate::features::Shop;
use crate::features::accounts::{self, Contact};
use crate::features::messages::{self, Channel, Kind, NewMessage};
use crate::jobs::{self, Claimed, Handler, NewJob, Tries};
use crate::kernel::{CampaignId, Fault, Result, UserId, UtcMs};

/// The kind of these jobs; the key is the campaign's id.
pub const CAMPAIGN_JOB: &str = "notifications.campaign";
/// Tries of one batch; with the engine's back-off they reach over a day.
const MAX_ATTEMPTS: i64 = 30;
/// Accounts a batch: two rows each, so that the writer is held for a few milliseconds.
const BATCH: usize = 100;

pub(super) fn enqueue(tx: &mut WriteTx<'_>, id: CampaignId) -> Result<()> {
    let new = NewJob { kind: CAMPAIGN_JOB, key: &id.to_string(), run_at: tx.now(), max_attempts: MAX_ATTEMPTS };
    jobs::enqueue(tx, &new)
}

/// A message to an account.
pub(super) fn message(kind: Kind, channel: Channel, content: &Content, contact: &Contact, to: &str, at: UtcMs) -> NewMessage {
    let (locale, payload) = content.payload(contact.locale, &contact.name);
    NewMessage { kind, channel, to: to.to_owned(), locale, payload, order: None, user: Some(contact.id), at }
}

/// The worker that queues the messages of promotions to all.
pub struct SendCampaigns {
    shop: Arc<Shop>,
}

impl SendCampaigns {
    #[must_use]
    pub fn new(shop: Arc<Shop>) -> SendCampaigns {
        SendCampaigns { shop }
    }

    async fn send(&self, job: Claimed) -> Result<()> {
        let id =
            CampaignId::parse(&job.key).ok_or_else(|| Fault::because(format!("the key of job {} is no campaign", job.id)))?;
        let read = self.shop.db.read(move |reader| {
            let Some(stored) = sql::row(reader, id)? else { return Ok(None) };
            let after = stored.after.unwrap_or(UserId::from_uuid(Uuid::nil()));
            // An account has an id of its moment: those greater than the campaign's came after it.
            let contacts = accounts::agreeing(reader, after, UserId::from_uuid(id.uuid()), limit())?;
            Ok(Some((stored.after, contacts)))
        });
        let Some((after, contacts)) = read.await? else {
            return Err(Fault::because("a campaign whose job is there is there").into());
        };
        self.shop.db.write_in_background(Batch { job, id, after, contacts }).await
    }
}

fn limit() -> i64 {
    i64::try_from(BATCH).unwrap_or(i64::MAX)
}

impl Handler for SendCampaigns {
    fn kind(&self) -> &'static str {
        CAMPAIGN_JOB
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(self.send(job))
    }
}

struct Batch {
    job: Claimed,
    id: CampaignId,
    /// Where the campaign stood when the accounts were read.
    after: Option<UserId>,
    contacts: Vec<Contact>,
}

impl Command for Batch {
    const NAME: &'static str = "notifications.campaign_batch";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        if !jobs::is_running(tx, self.job.id)? {
            return Ok(());
        }
        let stored = sql::row(tx, self.id)?.filter(|stored| stored.campaign.ended_at.is_none());
        let Some((campaign, content, after)) = stored.and_then(|stored| Some((stored.campaign, stored.content?, stored.after)))
        else {
            jobs::finish(tx, self.job.id)?;
            return Ok(());
        };
        if after != self.after {
            jobs::again(tx, &self.job, tx.now(), "its campaign has moved on", Tries::NotCounted)?;
            return Ok(());
        }
        let mut queued = 0;
        for contact in &self.contacts {
            if let Some(to) = address(contact, campaign.channel) {
                let message = message(campaign.kind, campaign.channel, &content, contact, to, tx.now());
                messages::queue(tx, &message)?;
                queued += 1;
            }
        }
        let last = self.contacts.last().map(|contact| contact.id);
        if self.contacts.len() < BATCH {
            sql::advance(tx, self.id, last, queued, Some(tx.now()))?;
            jobs::finish(tx, self.job.id)?;
        } else {
            sql::advance(tx, self.id, last, queued, None)?;
            jobs::again(tx, &self.job, tx.now(), "more of its batches follow", Tries::NotCounted)?;
        }
        Ok(())
    }
}
