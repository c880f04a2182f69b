//! Reading messages: lists, counts, and what does not hold in their books.

use super::model::{Counts, Message, Trouble};
use super::{Channel, Kind, Status, sql};
use crate::db::Reader;
use crate::http::page::{From, List, Paging, bad_cursor};
use crate::kernel::time::span::DAY_MS;
use crate::kernel::{NotificationId, OrderId, Result, UtcMs};

/// The name of the list's order in cursors.
const NEWEST: &str = "newest";
/// What failed is news for so long.
const NEWS_MS: i64 = 7 * DAY_MS;

/// Which messages.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    /// Those that are on their way count as queued.
    pub status: Option<Status>,
    pub channel: Option<Channel>,
    pub kind: Option<Kind>,
    pub recipient: Option<String>,
    pub order: Option<OrderId>,
    pub paging: Paging,
}

/// A page of messages, newest first.
pub(super) fn list(reader: &Reader<'_>, filter: &Filter) -> Result<List<Message>> {
    let paging = &filter.paging;
    let mut query = sql::lists::conditions(filter);
    let total = if paging.wants_total() { Some(sql::lists::count(reader, &query)?) } else { None };
    if let From::After(cursor) = &paging.from {
        let [id] = cursor.values_of::<1>(NEWEST)?;
        sql::lists::after(&mut query, id.as_str().and_then(NotificationId::parse).ok_or_else(bad_cursor)?);
    }
    let rows = sql::lists::list(reader, &query, paging.per_page + 1, paging.offset()?)?;
    Ok(List::page(paging, total, rows, NEWEST, |message| vec![message.id.to_string().into()]))
}

/// How many messages wait, and how many of the last week ended how.
pub(super) fn counts(reader: &Reader<'_>, now: UtcMs) -> Result<Counts> {
    sql::lists::counts(reader, now.plus_ms(-NEWS_MS))
}

/// What the shop's people are to know at a glance.
///
/// # Errors
/// A fault.
pub fn trouble(reader: &Reader<'_>, now: UtcMs) -> Result<Trouble> {
    let Counts { waiting, oldest_waiting, .. } = sql::lists::waiting(reader)?;
    let failed = sql::lists::failed(reader, now.plus_ms(-NEWS_MS))?;
    Ok(Trouble { failed, waiting, oldest_waiting, stopped: stopped(reader)? })
}

/// How one channel stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Numbers {
    pub channel: Channel,
    /// Those that wait or are on their way.
    pub waiting: i64,
    /// Those that were made within the last day and failed.
    pub failed: i64,
}

/// How each channel stands.
///
/// # Errors
/// A fault.
pub fn numbers(reader: &Reader<'_>, now: UtcMs) -> Result<Vec<Numbers>> {
    let of = |channel| {
        let (waiting, failed) = sql::lists::numbers(reader, channel, now.plus_ms(-DAY_MS))?;
        Ok(Numbers { channel, waiting, failed })
    };
    Channel::ALL.into_iter().map(of).collect()
}

/// Channels that are stopped until their keeper has mended something: why, and since when.
///
/// # Errors
/// A fault.
pub fn stopped(reader: &Reader<'_>) -> Result<Vec<(Channel, String, UtcMs)>> {
    let mut stopped = Vec::new();
    for channel in Channel::ALL {
        stopped.extend(sql::stopped(reader, channel)?.map(|(why, since)| (channel, why, since)));
    }
    Ok(stopped)
}

/// What does not hold: a message that waits has a job that sends it, and no such job is without its message; and what a keeper must
/// mend: a channel that is stopped, a template that cannot be filled.
///
/// # Errors
/// A fault.
pub fn check_books(reader: &Reader<'_>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let without_job = sql::lists::without_job(reader)?;
    if without_job > 0 {
        found.push(format!("{without_job} messages wait without a job that would send them"));
    }
    let astray = sql::lists::open_jobs(reader)? - (sql::lists::waiting(reader)?.waiting - without_job);
    if astray > 0 {
        found.push(format!("{astray} jobs would send a message that does not wait"));
    }
    for (channel, why, since) in stopped(reader)? {
        found.push(format!("messages by {} are stopped since {since}: {why}. They wait until this is mended", channel.code()));
    }
    // A doctor has no clock; the newest message is as old as the news are.
    let newest = sql::lists::newest(reader)?;
    if let Some((count, newest)) = sql::lists::template_faults(reader, newest.plus_ms(-NEWS_MS))? {
        found.push(format!("{count} messages failed because their templates cannot be filled: {newest}"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Clock;
    use crate::db::{DataFolder, Db, DbOptions, Reactions, WriteTx};
    use crate::kernel::{DomainEvent, JobDue};

    struct Nothing;

    impl Reactions for Nothing {
        fn inside(&self, _tx: &mut WriteTx<'_>, _event: &DomainEvent) -> Result<()> {
            Ok(())
        }

        fn after(&self, _events: &[DomainEvent], _jobs: &[JobDue]) {}
    }

    #[tokio::test]
    async fn what_waits_or_failed_is_found_without_reading_what_was_sent() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let own = DataFolder::own(&folder.path().join("data")).expect("a folder of ours");
        let options = DbOptions { clock: Clock::system(), accept_clock: true, reactions: Arc::new(Nothing) };
        let db = Db::open(own, options).expect("the database opens");
        let filter = |status, order| Filter {
            status,
            channel: None,
            kind: None,
            recipient: None,
            order,
            paging: Paging { per_page: 20, from: From::Page(1) },
        };
        let mut cases = vec![
            (sql::lists::WAITING.to_owned(), "notifications_waiting"),
            (sql::lists::ENDED.to_owned(), "notifications_ended"),
            (sql::lists::NEWEST.to_owned(), "PRIMARY KEY"),
        ];
        let order = crate::kernel::OrderId::from_uuid(uuid::Uuid::from_u128(7));
        let filters = [
            (filter(Some(Status::Queued), None), "notifications_waiting"),
            (filter(Some(Status::Failed), None), "notifications_ended"),
            (filter(Some(Status::Suppressed), None), "notifications_ended"),
            (filter(None, Some(order)), "notifications_order"),
        ];
        for (filter, by) in filters {
            let query = sql::lists::conditions(&filter);
            cases.extend([(sql::lists::count_sql(&query), by), (sql::lists::list_sql(&query), by)]);
        }
        for (sql, by) in cases {
            let asked = format!("explain query plan {sql}");
            let plan = db.read(move |reader| reader.all(&asked, &[], |row| row.get::<String>(3))).await.expect("a plan");
            assert!(plan.join("\n").contains(by), "{by} is not used:\n{}\n{sql}", plan.join("\n"));
        }
    }
}
