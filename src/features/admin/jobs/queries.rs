//! Reading jobs.

use std::collections::BTreeMap;

use super::model::{Job, JobStatus, KindCounts};
use super::sql;
use crate::db::Reader;
use crate::http::page::{From, List, Paging, bad_cursor};
use crate::jobs::Kinds;
use crate::kernel::{JobId, Result, UtcMs};

/// Which jobs.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    pub status: Option<JobStatus>,
    pub kind: Option<String>,
    pub paging: Paging,
}

/// The name of the list's order in cursors.
const NEWEST: &str = "newest";

/// A page of jobs.
pub(super) fn list(reader: &Reader<'_>, filter: Filter) -> Result<List<Job>> {
    let Filter { status, kind, paging } = filter;
    let mut wanted = sql::filter(status, kind);
    let total = if paging.wants_total() { Some(sql::count(reader, &wanted)?) } else { None };
    if let From::After(cursor) = &paging.from {
        let [id] = cursor.values_of::<1>(NEWEST)?;
        wanted.0.filter_opt("id < ?", Some(id.as_str().and_then(JobId::parse).ok_or_else(bad_cursor)?));
    }
    let rows = sql::list(reader, &wanted, paging.per_page + 1, paging.offset()?)?;
    Ok(List::page(&paging, total, rows, NEWEST, |job| vec![job.id.to_string().into()]))
}

/// What there is of each kind: of all that are known, and of those that only the books know.
pub(super) fn counts(reader: &Reader<'_>, kinds: &Kinds, now: UtcMs) -> Result<BTreeMap<String, KindCounts>> {
    let mut all: BTreeMap<String, KindCounts> = kinds.all().map(|(kind, _)| (kind.to_owned(), KindCounts::default())).collect();
    for open in sql::open(reader, now)? {
        let of = all.entry(open.kind).or_default();
        (of.queued, of.running, of.late) = (open.queued, open.running, open.late);
        of.first_due_at = Some(open.first_due_at);
    }
    for (kind, dead) in sql::dead(reader)? {
        all.entry(kind).or_default().dead = dead;
    }
    for (kind, error) in sql::errors(reader)? {
        all.entry(kind).or_default().last_error = Some(error);
    }
    Ok(all)
}
