//! Every statement on `campaigns`.

use super::model::{Campaign, Content};
use crate::args;
use crate::db::{Reader, Row, WriteTx};
use crate::features::messages::{Channel, Kind};
use crate::kernel::{CampaignId, Fault, Result, UserId, UtcMs};

/// A campaign with what its job needs.
pub(super) struct Stored {
    pub campaign: Campaign,
    pub content: Option<Content>,
    /// The last account that was looked at.
    pub after: Option<UserId>,
}

pub(super) fn insert(tx: &mut WriteTx<'_>, campaign: &Campaign, content: Option<&Content>) -> Result<()> {
    let content = content.map(serde_json::to_string).transpose().map_err(Fault::new)?;
    tx.exec_one(
        "insert into campaigns (id, type, channel, audience, content, queued, created_at, ended_at) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        args![
            campaign.id,
            campaign.kind.code(),
            campaign.channel.code(),
            campaign.audience,
            content,
            campaign.queued,
            campaign.created_at,
            campaign.ended_at
        ],
    )
}

/// Moves on to the account that was looked at last.
pub(super) fn advance(
    tx: &mut WriteTx<'_>,
    id: CampaignId,
    after: Option<UserId>,
    queued: i64,
    ended_at: Option<UtcMs>,
) -> Result<()> {
    tx.exec_one(
        "update campaigns set after_user = coalesce(?2, after_user), queued = queued + ?3, ended_at = ?4 where id = ?1 and ended_at is null",
        args![id, after, queued, ended_at],
    )
}

pub(super) fn end(tx: &mut WriteTx<'_>, id: CampaignId) -> Result<()> {
    tx.exec("update campaigns set ended_at = ?2 where id = ?1 and ended_at is null", args![id, tx.now()])?;
    Ok(())
}

pub(super) fn row(reader: &Reader<'_>, id: CampaignId) -> Result<Option<Stored>> {
    reader.opt(
        "select id, type, channel, audience, queued, created_at, ended_at, content, after_user from campaigns where id = ?1",
        args![id],
        |row| {
            let content: Option<String> = row.get(7)?;
            let content = content.map(|text| serde_json::from_str(&text)).transpose().map_err(Fault::new)?;
            Ok(Stored { campaign: read_campaign(row)?, content, after: row.get(8)? })
        },
    )
}

/// Walks the primary key.
pub(super) fn list(reader: &Reader<'_>, before: CampaignId, limit: i64, offset: i64) -> Result<Vec<Campaign>> {
    reader.all(
        "select id, type, channel, audience, queued, created_at, ended_at from campaigns where id < ?1 \
         order by id desc limit ?2 offset ?3",
        args![before, limit, offset],
        read_campaign,
    )
}

pub(super) fn count(reader: &Reader<'_>) -> Result<i64> {
    reader.one("select count(*) from campaigns", &[], |row| row.get(0))
}

fn read_campaign(row: &Row<'_>) -> Result<Campaign> {
    let mut columns = row.columns();
    let id = columns.next()?;
    let (kind, channel): (String, String) = (columns.next()?, columns.next()?);
    Ok(Campaign {
        id,
        kind: Kind::from_code(&kind).ok_or_else(|| Fault::because("a campaign of an unknown kind"))?,
        channel: Channel::from_code(&channel).ok_or_else(|| Fault::because("a campaign of an unknown channel"))?,
        audience: columns.next()?,
        queued: columns.next()?,
        created_at: columns.next()?,
        ended_at: columns.next()?,
    })
}
