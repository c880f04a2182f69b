//! Every statement on `notifications`, `suppressions` and `stopped_carriers`.

pub(super) mod forget;
pub(super) mod lists;
pub(super) mod of_order;
pub(super) mod person;
pub(super) mod restored;
pub(super) mod told;

use super::model::Row;
use super::{Channel, Kind, NewMessage, Status};
use crate::args;
use crate::db::{Reader, WriteTx};
use crate::kernel::{Fault, NotificationId, OrderId, Result, UserId, UtcMs};

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
    channel.map(|code| channel_of(&code)).transpose()
}

fn channel_of(code: &str) -> Result<Channel> {
    Channel::from_code(code).ok_or_else(|| Fault::because("an unknown channel of a message").into())
}

/// A message as its try needs it.
pub(super) fn row(reader: &Reader<'_>, id: NotificationId) -> Result<Option<Row>> {
    reader.opt(
        "select type, channel, recipient, locale, payload, order_id, user_id, status, failures, resent, created_at, tried_at \
         from notifications where id = ?1",
        args![id],
        |row| {
            let mut columns = row.columns();
            Ok(Row {
                id,
                kind: kind_of(&columns.next::<String>()?)?,
                channel: channel_of(&columns.next::<String>()?)?,
                to: columns.next()?,
                locale: columns.next()?,
                payload: columns.json()?,
                order: columns.next()?,
                user: columns.next()?,
                status: status_of(&columns.next::<String>()?)?,
                failures: columns.next()?,
                resent: columns.next()?,
                created_at: columns.next()?,
                tried_at: columns.next()?,
            })
        },
    )
}

pub(super) fn kind_of(code: &str) -> Result<Kind> {
    Kind::from_code(code).ok_or_else(|| Fault::because("an unknown kind of message").into())
}

pub(super) fn status_of(code: &str) -> Result<Status> {
    Status::from_code(code).ok_or_else(|| Fault::because("an unknown status of a message").into())
}

/// A try begins; `is_resent` if an earlier one may have arrived.
pub(super) fn begin(tx: &mut WriteTx<'_>, id: NotificationId, is_resent: bool) -> Result<()> {
    tx.exec_one(
        "update notifications set status = 'sending', attempts = attempts + 1, resent = resent + ?2, held = 0, tried_at = ?3, \
         updated_at = ?3 where id = ?1 and status in ('queued', 'sending')",
        args![id, is_resent, tx.now()],
    )
}

/// The carrier's names for other messages to an address, of those that were made since a moment. By the table itself: an id begins with
/// its moment.
pub(super) fn names_of_others(
    reader: &Reader<'_>,
    id: NotificationId,
    channel: Channel,
    to: &str,
    since: UtcMs,
) -> Result<Vec<String>> {
    reader.all(
        "select provider_id from notifications where id >= ?1 and channel = ?2 and recipient = ?3 and provider_id is not null \
         and id <> ?4",
        args![lists::first_id_of(since).as_slice(), channel.code(), to, id],
        |row| row.get(0),
    )
}

/// The carrier has it. Whatever was said of it meanwhile by others stands, but that it was not to be sent: it was.
pub(super) fn end_sent(
    tx: &mut WriteTx<'_>,
    id: NotificationId,
    provider_id: Option<&str>,
    subject: Option<&str>,
) -> Result<()> {
    tx.exec(
        "update notifications set sent_at = coalesce(sent_at, ?4), updated_at = ?4, provider_id = coalesce(?2, provider_id), \
         subject = case when recipient is null then null else coalesce(?3, subject) end, held = 0, failures = 0, \
         status = case when status in ('sending', 'queued') or error_code in ('erased', 'cancelled') then 'sent' else status end, \
         error_code = case when status = 'failed' and error_code <> 'cancelled' then error_code end, \
         last_error = case when status = 'failed' and error_code <> 'cancelled' then last_error end \
         where id = ?1",
        args![id, provider_id, subject, tx.now()],
    )?;
    Ok(())
}

/// How a message goes on that was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum GoesOn {
    /// Surely not taken: it is queued.
    Queued { is_held: bool, is_failure: bool },
    /// It may have been taken: it stays as it is.
    Doubtful,
}

/// Keeps a message for another try; `false` if it is over meanwhile.
pub(super) fn go_on(tx: &mut WriteTx<'_>, id: NotificationId, how: GoesOn, why: &str) -> Result<bool> {
    let (status, is_held, is_failure) = match how {
        GoesOn::Queued { is_held, is_failure } => (Status::Queued, is_held, is_failure),
        GoesOn::Doubtful => (Status::Sending, false, true),
    };
    let rows = tx.exec(
        "update notifications set status = ?2, held = ?3, failures = failures + ?4, last_error = ?5, updated_at = ?6 \
         where id = ?1 and status = 'sending'",
        args![id, status.code(), is_held, is_failure, why, tx.now()],
    )?;
    Ok(rows == 1)
}

/// Ends a message that will not be sent; `false` if it was over.
pub(super) fn end_unsent(tx: &mut WriteTx<'_>, id: NotificationId, status: Status, code: &str, why: &str) -> Result<bool> {
    let rows = tx.exec(
        "update notifications set status = ?2, error_code = ?3, last_error = ?4, held = 0, updated_at = ?5 \
         where id = ?1 and status in ('queued', 'sending')",
        args![id, status.code(), code, why, tx.now()],
    )?;
    Ok(rows == 1)
}

/// A message is kept until its carrier can be asked.
pub(super) fn hold(tx: &mut WriteTx<'_>, id: NotificationId) -> Result<bool> {
    let rows = tx.exec(
        "update notifications set held = 1, updated_at = ?2 where id = ?1 and status in ('queued', 'sending')",
        args![id, tx.now()],
    )?;
    Ok(rows == 1)
}

/// The first held messages of a channel. By the index `notifications_held`.
pub(super) fn held(reader: &Reader<'_>, channel: Channel, most: usize) -> Result<Vec<NotificationId>> {
    reader.all(
        "select id from notifications where channel = ?1 and held = 1 order by id limit ?2",
        args![channel.code(), i64::try_from(most).unwrap_or(i64::MAX)],
        |row| row.get(0),
    )
}

/// A message is not held any more.
pub(super) fn release(tx: &mut WriteTx<'_>, id: NotificationId) -> Result<()> {
    tx.exec("update notifications set held = 0 where id = ?1", args![id])?;
    Ok(())
}

/// Whether an address is not written to.
pub(super) fn suppression(reader: &Reader<'_>, channel: Channel, address: &str) -> Result<Option<String>> {
    reader.opt(
        "select reason from suppressions where channel = ?1 and address = ?2",
        args![channel.code(), address.to_lowercase()],
        |row| row.get(0),
    )
}

/// An address is written to again; whether it was not.
pub(super) fn lift_suppression(tx: &mut WriteTx<'_>, channel: Channel, address: &str) -> Result<bool> {
    let rows =
        tx.exec("delete from suppressions where channel = ?1 and address = ?2", args![channel.code(), address.to_lowercase()])?;
    Ok(rows > 0)
}

/// Whether an account has agreed to promotions.
pub(super) fn agrees(reader: &Reader<'_>, user: UserId) -> Result<bool> {
    let agrees = reader.opt("select marketing_consent from users where id = ?1 and erased_at is null", args![user], |row| {
        row.get::<bool>(0)
    })?;
    Ok(agrees.unwrap_or(false))
}

/// The version of the token that opens an order's page.
pub(super) fn token_version(reader: &Reader<'_>, order: OrderId) -> Result<Option<i64>> {
    reader.opt("select token_version from orders where id = ?1", args![order], |row| row.get(0))
}

/// A channel is stopped; it is known for how long already.
pub(super) fn stop(tx: &mut WriteTx<'_>, channel: Channel, why: &str) -> Result<()> {
    tx.exec(
        "insert into stopped_carriers (channel, why, since) values (?1, ?2, ?3) on conflict (channel) do update set why = ?2",
        args![channel.code(), why, tx.now()],
    )?;
    Ok(())
}

/// A channel works again.
pub(super) fn end_stop(tx: &mut WriteTx<'_>, channel: Channel) -> Result<()> {
    tx.exec("delete from stopped_carriers where channel = ?1", args![channel.code()])?;
    Ok(())
}

/// Why a channel is stopped, and since when.
pub(super) fn stopped(reader: &Reader<'_>, channel: Channel) -> Result<Option<(String, UtcMs)>> {
    reader.opt("select why, since from stopped_carriers where channel = ?1", args![channel.code()], |row| {
        let mut columns = row.columns();
        Ok((columns.next()?, columns.next()?))
    })
}
