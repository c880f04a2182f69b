//! Old messages, and the mark behind which all are forgotten.

use crate::args;
use crate::db::WriteTx;
use crate::kernel::{NotificationId, Result, UtcMs};

/// Strikes out what the oldest say; how many these were. An id begins with its moment, so only what lies between the mark and the
/// moment is looked at.
pub(in crate::features::messages) fn strike_old(tx: &mut WriteTx<'_>, before: UtcMs, most: i64) -> Result<usize> {
    tx.exec(
        "update notifications set recipient = null, payload = null, subject = null, updated_at = ?3 where id in \
         (select id from notifications where id >= (select from_id from notifications_forgotten where one = 1) and id < ?1 \
         and status not in ('queued', 'sending') and (recipient is not null or payload is not null or subject is not null) \
         order by id limit ?2)",
        args![first_id_of(before), most, tx.now()],
    )
}

/// All before a moment are forgotten, but for those that wait: the mark goes to the first of these. By the index
/// `notifications_waiting`.
pub(in crate::features::messages) fn move_mark(tx: &mut WriteTx<'_>, before: UtcMs) -> Result<()> {
    tx.exec(
        "update notifications_forgotten set from_id = min(?1, coalesce((select min(id) from notifications \
         where status in ('queued', 'sending')), ?1)) where one = 1 and from_id < ?1",
        args![first_id_of(before)],
    )?;
    Ok(())
}

/// The least id that a message queued at a moment can have.
fn first_id_of(moment: UtcMs) -> NotificationId {
    let ms = u64::try_from(moment.ms().max(0)).unwrap_or(0);
    NotificationId::from_uuid(uuid::Uuid::from_u64_pair(ms << 16, 0))
}
