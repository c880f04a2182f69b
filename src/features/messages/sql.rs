//! Every statement on `notifications`, `suppressions` and `stopped_carriers`.

pub(super) mod of_order;

use super::{Channel, NewMessage};
use crate::args;
use crate::db::WriteTx;
use crate::kernel::{Fault, NotificationId, Result};

pub(super) fn insert(tx: &mut WriteTx<'_>, id: NotificationId, message: &NewMessage) -> Result<()> {
    let now = tx.now();
    tx.exec_one(
        "insert into notifications (id, type, channel, recipient, locale, payload, order_id, user_id, status, created_at, updated_at) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'queued', ?9, ?9)",
        args![
            id,
            message.kind.code(),
            message.channel.code(),
            message.to,
            message.locale,
            message.payload.to_string(),
            message.order,
            message.user,
            now
        ],
    )
}

/// Takes a message away that no try has begun of; its channel.
pub(super) fn forget_queued(tx: &mut WriteTx<'_>, id: NotificationId) -> Result<Option<Channel>> {
    let channel: Option<String> = tx.returning(
        "delete from notifications where id = ?1 and status = 'queued' and attempts = 0 returning channel",
        args![id],
        |row| row.get(0),
    )?;
    let known = |code: String| Channel::from_code(&code).ok_or_else(|| Fault::because("an unknown channel").into());
    channel.map(known).transpose()
}
