//! A person's own sessions: looking through them, ending one, and removing those that nobody will use any more.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use super::model::Session;
use super::rules::SESSION_IDLE_MS;
use super::{sign_out, sql};
use crate::db::query::Query;
use crate::db::{Command, Reader, WriteTx};
use crate::features::Shop;
use crate::features::settings::RetentionSettings;
use crate::http::page::{From, List, Paging, bad_cursor};
use crate::http::problem::not_found;
use crate::http::rate_limit::network_of;
use crate::jobs::{Claimed, Handler, Schedule};
use crate::kernel::time::span::DAY_MS;
use crate::kernel::{DomainEvent, Result, SessionId, UserId, UtcMs};

/// The name of the list's order in cursors.
const NEWEST: &str = "newest";

/// The living sessions of an account, newest first.
pub(super) fn list(reader: &Reader<'_>, user: UserId, now: UtcMs, paging: &Paging) -> Result<List<Session>> {
    let mut query = Query::new();
    query.filter_opt("user_id = ?", Some(user));
    query.filter("ended_at is null", vec![]);
    query.filter_opt("used_at > ?", Some(now.plus_ms(-SESSION_IDLE_MS)));
    let total = if paging.wants_total() { Some(sql::count_sessions(reader, &query)?) } else { None };
    if let From::After(cursor) = &paging.from {
        let [id] = cursor.values_of::<1>(NEWEST)?;
        query.filter_opt("id < ?", Some(id.as_str().and_then(SessionId::parse).ok_or_else(bad_cursor)?));
    }
    let rows = sql::list_sessions(reader, &query, paging.per_page + 1, paging.offset()?)?;
    Ok(List::page(paging, total, rows, NEWEST, |session| vec![session.id.to_string().into()]))
}

/// Whether an account has signed in from this address since.
pub(super) fn is_familiar(reader: &Reader<'_>, user: UserId, address: IpAddr, since: UtcMs) -> Result<bool> {
    let network = network_of(address);
    let known = sql::addresses_of(reader, user, first_id_at(since))?;
    Ok(known.iter().filter_map(|text| text.parse().ok()).any(|known| network_of(known) == network))
}

/// Ends a session of an account. Refuses with `not_found` where it is not theirs, or lives no more.
pub struct EndSession {
    pub session: SessionId,
    pub user: UserId,
}

impl Command for EndSession {
    const NAME: &'static str = "accounts.end_session";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        if !sql::owns_session(tx, self.session, self.user, tx.now().plus_ms(-SESSION_IDLE_MS))? {
            return Err(not_found());
        }
        sign_out::end_told(tx, self.session)
    }
}

/// Most rows that one write removes: everybody queues behind it.
const ROWS_AT_ONCE: usize = 500;
/// Most sessions that one write looks at.
const SESSIONS_AT_ONCE: i64 = 50;

/// Removes some sessions that were left alone, or have been over, for so long, with their refresh tokens (SPEC 5, retention).
pub struct RemoveOldSessions {
    /// A setting; see [`RetentionSettings`].
    pub days: u32,
}

/// Whether old sessions are left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Left {
    Some,
    None,
}

impl Command for RemoveOldSessions {
    const NAME: &'static str = "accounts.remove_old_sessions";
    type Output = Left;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Left> {
        let old = RetentionSettings::before(tx.now(), self.days);
        let found = sql::old_sessions(tx, first_id_at(old), old, SESSIONS_AT_ONCE)?;
        let mut rows = 0;
        for (session, lives) in &found {
            rows += sql::delete_refresh_tokens(tx, *session, ROWS_AT_ONCE - rows)?;
            if rows >= ROWS_AT_ONCE {
                return Ok(Left::Some);
            }
            sql::delete_session(tx, *session)?;
            rows += 1;
            if *lives {
                tx.record(DomainEvent::SessionEnded { session: *session });
            }
            if rows >= ROWS_AT_ONCE {
                return Ok(Left::Some);
            }
        }
        Ok(if i64::try_from(found.len()).unwrap_or(0) < SESSIONS_AT_ONCE { Left::None } else { Left::Some })
    }
}

/// The least id that a session made at a moment can have: UUIDv7 begins with the milliseconds.
fn first_id_at(moment: UtcMs) -> SessionId {
    let ms = u128::try_from(moment.ms()).unwrap_or(0);
    SessionId::from_uuid(uuid::Uuid::from_u128(ms << 80))
}

/// The worker that removes them, once a day.
pub struct RemoveOldSessionsDaily {
    shop: Arc<Shop>,
}

impl RemoveOldSessionsDaily {
    #[must_use]
    pub fn new(shop: Arc<Shop>) -> RemoveOldSessionsDaily {
        RemoveOldSessionsDaily { shop }
    }
}

impl Handler for RemoveOldSessionsDaily {
    fn kind(&self) -> &'static str {
        "accounts.remove_old_sessions"
    }

    fn schedule(&self) -> Option<Schedule> {
        Some(Schedule::Every { ms: DAY_MS })
    }

    fn run(&self, _job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async move {
            let days = self.shop.settings.get().retention.session_days;
            while self.shop.db.write_in_background(RemoveOldSessions { days }).await? == Left::Some {}
            Ok(())
        })
    }
}
