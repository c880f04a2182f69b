//! What providers tell later.

use crate::args;
use crate::db::{Reader, WriteTx};
use crate::features::messages::told::Standing;
use crate::features::messages::{Channel, Status, SuppressReason};
use crate::kernel::{Fault, NotificationId, Result, UtcMs};

/// So long a provider's events are remembered by their names: longer than one is sent again.
const EVENTS_KEPT_MS: i64 = 90 * 24 * 60 * 60 * 1_000;
/// Old names that are let go with each new one, so that they never gather.
const FORGOTTEN_AT_ONCE: i64 = 8;

pub(in crate::features::messages) fn standing(reader: &Reader<'_>, id: NotificationId) -> Result<Option<Standing>> {
    reader.opt(
        "select channel, status, recipient, provider_id, user_id, order_id from notifications where id = ?1",
        args![id],
        |row| {
            let (channel, status): (String, String) = (row.get(0)?, row.get(1)?);
            let unknown = || Fault::because("a message has an unknown channel or status");
            Ok(Standing {
                channel: Channel::from_code(&channel).ok_or_else(unknown)?,
                status: Status::from_code(&status).ok_or_else(unknown)?,
                recipient: row.get(2)?,
                provider_id: row.get(3)?,
                user: row.get(4)?,
                order: row.get(5)?,
            })
        },
    )
}

pub(in crate::features::messages) fn taken(
    tx: &mut WriteTx<'_>,
    id: NotificationId,
    provider_id: Option<&str>,
    at: UtcMs,
) -> Result<()> {
    tx.exec_one(
        "update notifications set status = 'sent', provider_id = coalesce(?2, provider_id), sent_at = ?3, error_code = null, \
         last_error = null, held = 0, updated_at = ?4 where id = ?1",
        args![id, provider_id, at, tx.now()],
    )
}

pub(in crate::features::messages) fn delivered(
    tx: &mut WriteTx<'_>,
    id: NotificationId,
    provider_id: Option<&str>,
    at: UtcMs,
) -> Result<()> {
    tx.exec_one(
        "update notifications set status = 'delivered', provider_id = coalesce(?2, provider_id), \
         sent_at = coalesce(sent_at, ?3), error_code = null, last_error = null, held = 0, updated_at = ?4 where id = ?1",
        args![id, provider_id, at, tx.now()],
    )
}

pub(in crate::features::messages) fn failed(
    tx: &mut WriteTx<'_>,
    id: NotificationId,
    provider_id: Option<&str>,
    why: Option<&str>,
) -> Result<()> {
    tx.exec_one(
        "update notifications set status = 'failed', error_code = 'undelivered', last_error = ?3, held = 0, \
         provider_id = coalesce(?2, provider_id), updated_at = ?4 where id = ?1",
        args![id, provider_id, why, tx.now()],
    )
}

/// A message that was taken and did not arrive goes out once more, under another name of the provider's; `false` if it was not such.
pub(in crate::features::messages) fn once_more(
    tx: &mut WriteTx<'_>,
    id: NotificationId,
    provider_id: Option<&str>,
    why: Option<&str>,
) -> Result<bool> {
    let rows = tx.exec(
        "update notifications set status = 'queued', provider_id = null, sent_at = null, failures = 0, held = 0, last_error = ?3, \
         updated_at = ?4 where id = ?1 and status = 'sent' and recipient is not null \
         and (?2 is null or provider_id is null or provider_id = ?2)",
        args![id, provider_id, why, tx.now()],
    )?;
    Ok(rows == 1)
}

/// A complaint or a stop weighs more than a bounce, and is not forgotten for one.
pub(in crate::features::messages) fn suppress(
    tx: &mut WriteTx<'_>,
    channel: Channel,
    address: &str,
    reason: SuppressReason,
) -> Result<()> {
    tx.exec(
        "insert into suppressions (channel, address, reason, created_at) values (?1, ?2, ?3, ?4) \
         on conflict (channel, address) do update set reason = excluded.reason where excluded.reason <> 'bounced'",
        args![channel.code(), address, reason.code(), tx.now()],
    )?;
    Ok(())
}

/// `false` if the event was kept before. By the index `provider_events_old`, the oldest go.
pub(in crate::features::messages) fn keep_event(tx: &mut WriteTx<'_>, provider: &'static str, event_id: &str) -> Result<bool> {
    let now = tx.now();
    let rows = tx.exec(
        "insert into provider_events (provider, event_id, received_at) values (?1, ?2, ?3) \
         on conflict (provider, event_id) do nothing",
        args![provider, event_id, now],
    )?;
    tx.exec(
        "delete from provider_events where rowid in (select rowid from provider_events where received_at < ?1 limit ?2)",
        args![now.plus_ms(-EVENTS_KEPT_MS), FORGOTTEN_AT_ONCE],
    )?;
    Ok(rows == 1)
}
