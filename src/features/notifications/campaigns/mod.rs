//! What staff write: a message to some accounts or to an order's customer, a promotion to some who have agreed or to all of them.
//!
//! What always holds: to some, the messages are queued in the transaction of the request; to all, a job queues them in batches, and
//! how far it has come moves in the transaction of its batch, so that each account is written to once, whatever dies in between.
//! Nobody is among them who came, or agreed, after the batch was read; who withdraws before their message leaves gets none
//! (`messages`). The quiet hours are kept when messages leave, and so is what makes a way out.

mod expand;
mod model;
mod sql;
mod start;

pub use expand::{CAMPAIGN_JOB, SendCampaigns};
pub use model::{Audience, Campaign, Content, Words};
pub use start::StartCampaign;

use crate::db::{Reader, WriteTx};
use crate::http::page::{From, List, Paging, bad_cursor};
use crate::kernel::{CampaignId, Result};

/// The name of the list's order in cursors.
const NEWEST: &str = "newest";

/// A campaign.
///
/// # Errors
/// A fault.
pub fn campaign(reader: &Reader<'_>, id: CampaignId) -> Result<Option<Campaign>> {
    Ok(sql::row(reader, id)?.map(|row| row.campaign))
}

/// Nothing more of a campaign follows.
///
/// # Errors
/// A fault.
pub(super) fn end(tx: &mut WriteTx<'_>, id: CampaignId) -> Result<()> {
    sql::end(tx, id)
}

/// Campaigns, newest first.
///
/// # Errors
/// A fault; a refusal of a cursor that is none.
pub fn list(reader: &Reader<'_>, paging: &Paging) -> Result<List<Campaign>> {
    let total = if paging.wants_total() { Some(sql::count(reader)?) } else { None };
    let before = match &paging.from {
        From::After(cursor) => {
            let [id] = cursor.values_of::<1>(NEWEST)?;
            id.as_str().and_then(CampaignId::parse).ok_or_else(bad_cursor)?
        }
        From::Page(_) => CampaignId::from_uuid(uuid::Uuid::max()),
    };
    let rows = sql::list(reader, before, paging.per_page + 1, paging.offset()?)?;
    Ok(List::page(paging, total, rows, NEWEST, |campaign| vec![campaign.id.to_string().into()]))
}
