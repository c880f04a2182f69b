//! Messages as people look at them, and what the books must hold.

use crate::args;
use crate::db::query::Query;
use crate::db::{Reader, Row, WriteTx};
use crate::features::messages::model::{Counts, Message};
use crate::features::messages::queries::Filter;
use crate::features::messages::{Channel, Status};
use crate::kernel::{NotificationId, Result, UtcMs};

macro_rules! select_message {
    () => {
        "select n.id, n.type, n.channel, n.recipient, n.locale, n.subject, n.payload, n.order_id, n.user_id, n.status, n.attempts, \
         n.resent, n.error_code, n.last_error, n.provider_id, n.created_at, n.sent_at from notifications n"
    };
}

/// The conditions of a list.
pub(in crate::features::messages) fn conditions(filter: &Filter) -> Query {
    let mut query = Query::new();
    match filter.status {
        // These have indexes of their own, whose conditions must stand in the statement.
        Some(Status::Queued | Status::Sending) => query.filter("n.status in ('queued', 'sending')", Vec::new()),
        Some(status @ (Status::Failed | Status::Suppressed)) => {
            query.filter("n.status = ? and n.status in ('failed', 'suppressed')", vec![Box::new(status.code())]);
        }
        status => query.filter_opt("n.status = ?", status.map(Status::code)),
    }
    query.filter_opt("n.channel = ?", filter.channel.map(Channel::code));
    query.filter_opt("n.type = ?", filter.kind.map(crate::features::messages::Kind::code));
    query.filter_opt("n.recipient = ?", filter.recipient.clone());
    query.filter_opt("n.order_id = ?", filter.order);
    query
}

/// After an entry of the list.
pub(in crate::features::messages) fn after(query: &mut Query, id: NotificationId) {
    query.filter("n.id < ?", vec![Box::new(id)]);
}

/// A page, newest first.
pub(in crate::features::messages) fn list(reader: &Reader<'_>, query: &Query, limit: i64, offset: i64) -> Result<Vec<Message>> {
    reader.all(&list_sql(query), &query.values(args![limit, offset]), message)
}

/// The statement of [`list`].
pub(in crate::features::messages) fn list_sql(query: &Query) -> String {
    query.sql(select_message!(), "order by n.id desc limit ? offset ?")
}

pub(in crate::features::messages) fn count(reader: &Reader<'_>, query: &Query) -> Result<i64> {
    reader.one(&count_sql(query), &query.values(&[]), |row| row.get(0))
}

/// The statement of [`count`].
pub(in crate::features::messages) fn count_sql(query: &Query) -> String {
    query.sql("select count(*) from notifications n", "")
}

pub(in crate::features::messages) fn one(reader: &Reader<'_>, id: NotificationId) -> Result<Option<Message>> {
    reader.opt(concat!(select_message!(), " where n.id = ?1"), args![id], message)
}

fn message(row: &Row<'_>) -> Result<Message> {
    let mut columns = row.columns();
    Ok(Message {
        id: columns.next()?,
        kind: super::kind_of(&columns.next::<String>()?)?,
        channel: super::channel_of(&columns.next::<String>()?)?,
        recipient: columns.next()?,
        locale: columns.next()?,
        subject: columns.next()?,
        payload: columns.json()?,
        order: columns.next()?,
        user: columns.next()?,
        status: super::status_of(&columns.next::<String>()?)?,
        attempts: columns.next()?,
        resent: columns.next()?,
        error_code: columns.next()?,
        last_error: columns.next()?,
        provider_id: columns.next()?,
        created_at: columns.next()?,
        sent_at: columns.next()?,
    })
}

/// A message that had failed waits again, as if it had just been queued; what was tried before stays to be seen.
pub(in crate::features::messages) fn queue_again(tx: &mut WriteTx<'_>, id: NotificationId) -> Result<()> {
    tx.exec_one(
        "update notifications set status = 'queued', failures = 0, error_code = null, updated_at = ?2 \
         where id = ?1 and status in ('failed', 'suppressed')",
        args![id, tx.now()],
    )
}

/// By the index `notifications_waiting`.
pub(in crate::features::messages) const WAITING: &str = "select count(*), coalesce(sum(held), 0), min(created_at) \
     from notifications where status in ('queued', 'sending')";
/// By the index `notifications_ended`.
pub(in crate::features::messages) const ENDED: &str =
    "select status, count(*) from notifications where status in ('failed', 'suppressed') and id >= ?1 group by status";
/// By the table itself: an id begins with its moment.
pub(in crate::features::messages) const NEWEST: &str = "select count(*) filter (where status in ('sent', 'delivered')), count(*) filter (where status = 'delivered') \
     from notifications where id >= ?1";

/// How many messages there are of each state; those that ended, of the ones that were made since a moment.
pub(in crate::features::messages) fn counts(reader: &Reader<'_>, since: UtcMs) -> Result<Counts> {
    let mut counts = waiting(reader)?;
    let first = first_id_of(since);
    let ended = reader.all(ENDED, args![first.as_slice()], |row| {
        let mut columns = row.columns();
        Ok((columns.next::<String>()?, columns.next::<i64>()?))
    })?;
    for (status, count) in ended {
        match super::status_of(&status)? {
            Status::Failed => counts.failed = count,
            _ => counts.suppressed = count,
        }
    }
    (counts.sent, counts.delivered) = reader.one(NEWEST, args![first.as_slice()], |row| {
        let mut columns = row.columns();
        Ok((columns.next()?, columns.next()?))
    })?;
    Ok(counts)
}

/// How many messages wait, and since when.
pub(in crate::features::messages) fn waiting(reader: &Reader<'_>) -> Result<Counts> {
    reader.one(WAITING, &[], |row| {
        let mut columns = row.columns();
        Ok(Counts { waiting: columns.next()?, held: columns.next()?, oldest_waiting: columns.next()?, ..Counts::default() })
    })
}

/// Messages that failed, of those that were made since a moment.
pub(in crate::features::messages) fn failed(reader: &Reader<'_>, since: UtcMs) -> Result<i64> {
    reader.one(
        "select count(*) from notifications where status = 'failed' and status in ('failed', 'suppressed') and id >= ?1",
        args![first_id_of(since).as_slice()],
        |row| row.get(0),
    )
}

/// How many messages of a channel wait, and how many failed of those that were made since a moment. By the indexes
/// `notifications_waiting` and `notifications_ended`.
pub(in crate::features::messages) fn numbers(reader: &Reader<'_>, channel: Channel, since: UtcMs) -> Result<(i64, i64)> {
    let waiting = reader.one(
        "select count(*) from notifications where status in ('queued', 'sending') and channel = ?1",
        args![channel.code()],
        |row| row.get(0),
    )?;
    let failed = reader.one(
        "select count(*) from notifications where status = 'failed' and status in ('failed', 'suppressed') and id >= ?1 \
         and channel = ?2",
        args![first_id_of(since).as_slice(), channel.code()],
        |row| row.get(0),
    )?;
    Ok((waiting, failed))
}

/// The smallest id that can have been made at a moment.
pub(super) fn first_id_of(moment: UtcMs) -> [u8; 16] {
    let ms = u64::try_from(moment.ms().max(0)).unwrap_or(0);
    uuid::Uuid::from_u64_pair(ms << 16, 0).into_bytes()
}

/// Messages that wait without a job that would send them.
pub(in crate::features::messages) fn without_job(reader: &Reader<'_>) -> Result<i64> {
    reader.one(
        "select count(*) from notifications n where n.status in ('queued', 'sending') and not exists (select 1 from jobs j \
         where j.kind = 'messages.' || n.channel and j.key = lower(substr(hex(n.id), 1, 8) || '-' || substr(hex(n.id), 9, 4) || '-' \
         || substr(hex(n.id), 13, 4) || '-' || substr(hex(n.id), 17, 4) || '-' || substr(hex(n.id), 21)) \
         and j.status in ('queued', 'running'))",
        &[],
        |row| row.get(0),
    )
}

/// Open jobs that send messages, of which some would send nothing: the waiting messages are fewer.
pub(in crate::features::messages) fn open_jobs(reader: &Reader<'_>) -> Result<i64> {
    reader.one(
        "select count(*) from jobs where kind in ('messages.email', 'messages.sms') and status in ('queued', 'running')",
        &[],
        |row| row.get(0),
    )
}

/// When the newest message was made; the beginning of time if there is none.
pub(in crate::features::messages) fn newest(reader: &Reader<'_>) -> Result<UtcMs> {
    let newest = reader.opt("select created_at from notifications order by id desc limit 1", &[], |row| row.get(0))?;
    Ok(newest.unwrap_or(UtcMs::from_ms(0)))
}

/// Messages that failed because their templates cannot be filled, of those that were made since a moment; the newest error.
pub(in crate::features::messages) fn template_faults(reader: &Reader<'_>, since: UtcMs) -> Result<Option<(i64, String)>> {
    reader.one(
        "select count(*), max(type || ' (' || locale || ', ' || channel || '): ' || last_error) from notifications \
         where status = 'failed' and status in ('failed', 'suppressed') and id >= ?1 and error_code = 'template_fault'",
        args![first_id_of(since).as_slice()],
        |row| {
            let mut columns = row.columns();
            let (count, newest): (i64, Option<String>) = (columns.next()?, columns.next()?);
            Ok(newest.map(|newest| (count, newest)))
        },
    )
}
