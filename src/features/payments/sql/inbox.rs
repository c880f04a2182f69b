//! The gateways' messages.

use crate::args;
use crate::db::{Reader, WriteTx};
use crate::features::payments::gateway::Event;
use crate::features::payments::inbox::{Outcome, Waiting};
use crate::kernel::{PaymentId, PaymentMethod, Result, UtcMs, WebhookId};

/// `false` if that gateway's message of that name is there.
pub(in crate::features::payments) fn insert(
    tx: &mut WriteTx<'_>,
    id: WebhookId,
    gateway: PaymentMethod,
    event_id: &str,
    kind: &str,
    body: &str,
) -> Result<bool> {
    let rows = tx.exec(
        "insert into webhook_inbox (id, gateway, event_id, kind, body, received_at) values (?1, ?2, ?3, ?4, ?5, ?6) \
         on conflict (gateway, event_id) do nothing",
        args![id, gateway, event_id, kind, body, tx.now()],
    )?;
    Ok(rows == 1)
}

/// A message that nobody has handled.
pub(in crate::features::payments) fn waiting(reader: &Reader<'_>, id: WebhookId) -> Result<Option<Waiting>> {
    reader.opt("select gateway, event_id, kind, body from webhook_inbox where id = ?1 and outcome is null", args![id], |row| {
        let mut columns = row.columns();
        let gateway = columns.next()?;
        let event = Event { id: columns.next()?, kind: columns.next()?, body: columns.json()?.unwrap_or_default() };
        Ok(Waiting { gateway, event })
    })
}

pub(in crate::features::payments) fn conclude(
    tx: &mut WriteTx<'_>,
    id: WebhookId,
    outcome: Outcome,
    payment: Option<PaymentId>,
    is_money: bool,
) -> Result<()> {
    tx.exec_one(
        "update webhook_inbox set outcome = ?2, payment_id = ?3, is_money = ?4, handled_at = ?5 where id = ?1 and outcome is null",
        args![id, outcome.code(), payment, is_money, tx.now()],
    )
}

/// By the index `webhook_inbox_old_bodies`.
pub(in crate::features::payments) fn forget_bodies(tx: &mut WriteTx<'_>, before: UtcMs, most: usize) -> Result<usize> {
    tx.exec(
        "update webhook_inbox set body = null where id in (select id from webhook_inbox \
         where body is not null and handled_at is not null and handled_at < ?1 limit ?2)",
        args![before, i64::try_from(most).unwrap_or(i64::MAX)],
    )
}

/// Gateway, messages, and the name of the newest, of those with money that are about no payment. By the index
/// `webhook_inbox_lost_money`.
pub(in crate::features::payments) fn lost_money(reader: &Reader<'_>) -> Result<Vec<(String, i64, String)>> {
    reader.all(
        "select gateway, count(*), max(received_at), event_id from webhook_inbox \
         where outcome = 'unknown' and is_money = 1 and body is not null group by gateway order by gateway",
        &[],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(3)?)),
    )
}
