//! Reading the log.

use serde_json::Value;

use super::model::{Outcome, Shown};
use super::sql;
use crate::db::Reader;
use crate::db::query::Query;
use crate::http::page::{From, List, Paging, bad_cursor};
use crate::kernel::{Result, UserId, UtcMs};

/// Who is looked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Who {
    Account(UserId),
    /// A word such as `staff`.
    Word(String),
}

/// Which rows.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    pub actor: Option<Who>,
    pub action: Option<String>,
    pub subject: Option<String>,
    pub outcome: Option<Outcome>,
    pub from: Option<UtcMs>,
    pub to: Option<UtcMs>,
    pub paging: Paging,
}

/// The name of the list's order in cursors.
const NEWEST: &str = "newest";

pub(super) fn list(reader: &Reader<'_>, filter: &Filter) -> Result<List<Shown>> {
    let mut query = Query::new();
    match &filter.actor {
        Some(Who::Account(id)) => query.filter_opt("a.actor_id = ?", Some(*id)),
        Some(Who::Word(word)) => query.filter_opt("a.actor = ?", Some(word.clone())),
        None => {}
    }
    query.filter_opt("a.action = ?", filter.action.clone());
    query.filter_opt("a.subject = ?", filter.subject.clone());
    match filter.outcome {
        // Those that are not done have an index of their own; its condition must stand in the statement to be used.
        Some(outcome) if outcome != Outcome::Done => {
            query.filter("a.outcome = ? and a.outcome <> 'done'", vec![Box::new(outcome.code())]);
        }
        outcome => query.filter_opt("a.outcome = ?", outcome.map(Outcome::code)),
    }
    query.filter_opt("a.at >= ?", filter.from);
    query.filter_opt("a.at < ?", filter.to);
    let total = if filter.paging.wants_total() { Some(sql::count(reader, &query)?) } else { None };
    if let From::After(cursor) = &filter.paging.from {
        let [Value::Number(n)] = cursor.values_of::<1>(NEWEST)? else { return Err(bad_cursor().into()) };
        query.filter("a.n < ?", vec![Box::new(n.as_i64().ok_or_else(bad_cursor)?)]);
    }
    let rows = sql::list(reader, &query, filter.paging.per_page + 1, filter.paging.offset()?)?;
    Ok(List::page(&filter.paging, total, rows, NEWEST, |row| vec![row.n.into()]))
}
