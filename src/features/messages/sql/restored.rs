//! Messages that wait for somebody's word after a restore.

use crate::args;
use crate::db::{Reader, WriteTx};
use crate::features::messages::send::job_kind;
use crate::features::messages::{Channel, Kind};
use crate::kernel::{NotificationId, Result, UtcMs};

/// None waits for its carrier.
pub(in crate::features::messages) fn hold_no_more(tx: &mut WriteTx<'_>) -> Result<()> {
    tx.exec("update notifications set held = 0 where channel in ('email', 'sms') and held = 1", &[])?;
    Ok(())
}

/// How many of a kind wait. A job names its message as text.
pub(in crate::features::messages) fn waiting(reader: &Reader<'_>, until_told: UtcMs) -> Result<Vec<(Kind, i64)>> {
    reader.all(
        "select n.type, count(*) from notifications n join jobs j on j.kind = 'messages.' || n.channel and j.key = \
         lower(substr(hex(n.id), 1, 8) || '-' || substr(hex(n.id), 9, 4) || '-' || substr(hex(n.id), 13, 4) || '-' || \
         substr(hex(n.id), 17, 4) || '-' || substr(hex(n.id), 21)) and j.status in ('queued', 'running') \
         where n.status in ('queued', 'sending') and j.run_at = ?1 group by n.type",
        args![until_told],
        |row| {
            let mut columns = row.columns();
            Ok((super::kind_of(&columns.next::<String>()?)?, columns.next()?))
        },
    )
}

pub(in crate::features::messages) fn is_waiting_for_word(
    reader: &Reader<'_>,
    channel: Channel,
    id: NotificationId,
    until_told: UtcMs,
) -> Result<bool> {
    reader.one(
        "select exists (select 1 from jobs where kind = ?1 and key = ?2 and status in ('queued', 'running') and run_at = ?3)",
        args![job_kind(channel), id.to_string(), until_told],
        |row| row.get(0),
    )
}

/// A try of it may have been made that nobody knows of.
pub(in crate::features::messages) fn doubt(tx: &mut WriteTx<'_>, id: NotificationId) -> Result<()> {
    tx.exec_one(
        "update notifications set status = 'sending', tried_at = coalesce(tried_at, created_at), updated_at = ?2 \
         where id = ?1 and status in ('queued', 'sending')",
        args![id, tx.now()],
    )
}
