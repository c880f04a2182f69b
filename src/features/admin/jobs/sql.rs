//! Every statement of these windows; none writes. No index is there for them alone, for every order writes jobs: what is open or dead
//! has its index, and the rest is read in the order of the table, the newest first.

use super::model::{Job, JobStatus};
use crate::args;
use crate::db::query::Query;
use crate::db::{Reader, Row};
use crate::kernel::{Fault, JobId, Result, UtcMs};

/// Where jobs of a status are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum By {
    /// Of any age: by the table's own order.
    Table,
    Open,
    Dead,
}

/// The filter of a list, and where it reads; each index wants its own condition named.
pub(super) fn filter(status: Option<JobStatus>, kind: Option<String>) -> (Query, By) {
    let mut query = Query::new();
    let by = match status {
        Some(JobStatus::Queued | JobStatus::Running) => By::Open,
        Some(JobStatus::Dead) => By::Dead,
        Some(JobStatus::Done | JobStatus::Cancelled) | None => By::Table,
    };
    match by {
        By::Open => query.filter("status in ('queued', 'running')", vec![]),
        By::Dead => query.filter("status = 'dead'", vec![]),
        By::Table => {}
    }
    query.filter_opt("kind = ?", kind);
    query.filter_opt("status = ?", status.filter(|_| by != By::Dead).map(JobStatus::code));
    (query, by)
}

pub(super) fn count_sql(query: &Query, by: By) -> String {
    let head = match by {
        By::Table => "select count(*) from jobs",
        By::Open => "select count(*) from jobs indexed by jobs_open",
        By::Dead => "select count(*) from jobs indexed by jobs_dead",
    };
    query.sql(head, "")
}

pub(super) fn count(reader: &Reader<'_>, (query, by): &(Query, By)) -> Result<i64> {
    reader.one(&count_sql(query, *by), &query.values(&[]), |row| row.get(0))
}

pub(super) fn list_sql(query: &Query, by: By) -> String {
    let head = match by {
        By::Table => "select id, kind, status, attempts, max_attempts, run_at, last_error, created_at, finished_at from jobs",
        By::Open => {
            "select id, kind, status, attempts, max_attempts, run_at, last_error, created_at, finished_at from jobs indexed by jobs_open"
        }
        By::Dead => {
            "select id, kind, status, attempts, max_attempts, run_at, last_error, created_at, finished_at from jobs indexed by jobs_dead"
        }
    };
    query.sql(head, "order by id desc limit ? offset ?")
}

/// Newest first.
pub(super) fn list(reader: &Reader<'_>, (query, by): &(Query, By), limit: i64, offset: i64) -> Result<Vec<Job>> {
    reader.all(&list_sql(query, *by), &query.values(args![limit, offset]), job)
}

/// One job.
pub(super) fn one(reader: &Reader<'_>, id: JobId) -> Result<Option<Job>> {
    reader.opt(
        "select id, kind, status, attempts, max_attempts, run_at, last_error, created_at, finished_at from jobs where id = ?1",
        args![id],
        job,
    )
}

fn job(row: &Row<'_>) -> Result<Job> {
    let mut columns = row.columns();
    Ok(Job {
        id: columns.next()?,
        kind: columns.next()?,
        status: {
            let code: String = columns.next()?;
            JobStatus::from_code(&code).ok_or_else(|| Fault::because("an unknown status of a job"))?
        },
        attempts: columns.next()?,
        max_attempts: columns.next()?,
        run_at: columns.next()?,
        last_error: columns.next()?,
        created_at: columns.next()?,
        finished_at: columns.next()?,
    })
}

/// What is open of a kind.
pub(super) struct Open {
    pub kind: String,
    pub queued: i64,
    pub running: i64,
    pub late: i64,
    pub first_due_at: UtcMs,
}

pub(super) const OPEN: &str = "select kind, count(*) filter (where status = 'queued'), count(*) filter (where status = 'running'), \
     count(*) filter (where status = 'queued' and run_at <= ?1), min(run_at) \
     from jobs indexed by jobs_open where status in ('queued', 'running') group by kind";

pub(super) fn open(reader: &Reader<'_>, now: UtcMs) -> Result<Vec<Open>> {
    reader.all(OPEN, args![now], |row| {
        let mut columns = row.columns();
        Ok(Open {
            kind: columns.next()?,
            queued: columns.next()?,
            running: columns.next()?,
            late: columns.next()?,
            first_due_at: columns.next()?,
        })
    })
}

pub(super) const DEAD: &str = "select kind, count(*) from jobs indexed by jobs_dead where status = 'dead' group by kind";

/// How many are dead of each kind that has such.
pub(super) fn dead(reader: &Reader<'_>) -> Result<Vec<(String, i64)>> {
    reader.all(DEAD, &[], |row| {
        let mut columns = row.columns();
        Ok((columns.next()?, columns.next()?))
    })
}

/// With `max(id)` SQLite takes the other columns from the row that has it.
pub(super) const ERRORS: [&str; 2] = [
    "select kind, last_error, max(id) from jobs indexed by jobs_dead where status = 'dead' and last_error is not null group by kind",
    "select kind, last_error, max(id) from jobs indexed by jobs_open \
     where status in ('queued', 'running') and last_error is not null group by kind",
];

/// What the newest of each kind that failed has said: of the dead, then of the open.
pub(super) fn errors(reader: &Reader<'_>) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for sql in ERRORS {
        found.extend(reader.all(sql, &[], |row| {
            let mut columns = row.columns();
            Ok((columns.next()?, columns.next()?))
        })?);
    }
    Ok(found)
}
