//! A person's messages: those to their account, and those about its orders.

use crate::args;
use crate::db::{Reader, WriteTx};
use crate::features::messages::{Channel, Kind};
use crate::kernel::{NotificationId, Result, UserId};

/// Their messages that wait or are on their way. By the indexes `notifications_user` and `notifications_order`.
pub(in crate::features::messages) fn waiting(
    reader: &Reader<'_>,
    user: UserId,
) -> Result<Vec<(NotificationId, Kind, Channel)>> {
    reader.all(
        "select id, type, channel from notifications where status in ('queued', 'sending') \
         and (user_id = ?1 or order_id in (select id from orders where customer_id = ?1))",
        args![user],
        |row| {
            let mut columns = row.columns();
            let (id, kind, channel): (NotificationId, String, String) = (columns.next()?, columns.next()?, columns.next()?);
            Ok((id, super::kind_of(&kind)?, super::channel_of(&channel)?))
        },
    )
}

/// Promotions to an account that no try is under way of. By the index `notifications_user`.
pub(in crate::features::messages) fn queued_promotions(
    reader: &Reader<'_>,
    user: UserId,
) -> Result<Vec<(NotificationId, Channel)>> {
    reader.all(
        "select id, channel from notifications where user_id = ?1 and status = 'queued' and type = ?2",
        args![user, Kind::Promotion.code()],
        |row| {
            let mut columns = row.columns();
            let (id, channel): (NotificationId, String) = (columns.next()?, columns.next()?);
            Ok((id, super::channel_of(&channel)?))
        },
    )
}

/// Strikes out who they are and what they were told.
pub(in crate::features::messages) fn strike(tx: &mut WriteTx<'_>, user: UserId) -> Result<()> {
    tx.exec(
        "update notifications set recipient = null, payload = null, subject = null, updated_at = ?2 \
         where user_id = ?1 or order_id in (select id from orders where customer_id = ?1)",
        args![user, tx.now()],
    )?;
    Ok(())
}
