//! `/admin/jobs`.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};

use super::act::{CancelJob, RetryJob};
use super::model::{Job, JobStatus, KindCounts};
use super::queries::{self, Filter};
use super::sql;
use crate::features::AppState;
use crate::features::admin::problems;
use crate::http::extract::Empty;
use crate::http::idempotency::{IdempotencyKey, Kept, once};
use crate::http::input::{Fields, FromJson, Input};
use crate::http::page::{Paging, list_schema};
use crate::http::problem::not_found;
use crate::http::{Answer, Body, Context, Id, Link, Query, Route, Shape, respond};
use crate::kernel::text::Lines;
use crate::kernel::{At, Faults, JobId, Result};

/// The longest name of a kind that is asked for.
const MOST_OF_A_KIND: usize = 100;

pub(in crate::features::admin) fn routes() -> Vec<Route<AppState>> {
    let job = job_shape();
    vec![
        Route::get("/api/v1/admin/jobs", list, "List background work, newest first")
            .describe("Messages to be sent, holds to be ended, payments to be asked about, upkeep: each a job. A job that failed waits and is tried again; after its last try it is `dead` and stays until somebody tries it again or ends it. Jobs that ended are kept for `retention.doneJobDays` of the settings.")
            .query::<ListQuery>()
            .parameter("kind", "Jobs of one kind, as GET /api/v1/admin/jobs/counts names them.")
            .answers(200, "A page of jobs", list_schema(job.clone()))
            .links(links("$response.body#/data/0/id")),
        Route::get("/api/v1/admin/jobs/counts", counts, "Count what waits, what is late and what was given up")
            .describe("Every kind of background work with what is open or dead of it. `late` are those whose time has come and that do not run yet; `firstDueAt` says since when the first of them waits, and `lastError` why a try failed.")
            .answers(200, "A row a kind", counts_shape()),
        Route::get("/api/v1/admin/jobs/{id}", get, "Read a job")
            .describe("How often it was tried, when it runs next, and what its last try said.")
            .answers(200, "The job", job.clone())
            .links(links("$response.body#/id")),
        Route::post("/api/v1/admin/jobs/{id}/retry", retry, "Try a dead job again")
            .describe("It runs at once, and is tried as often as at first. A run that comes by a schedule takes the place of the next one, which follows it.")
            .body::<Empty>()
            .idempotent()
            .answers(200, "The job, which waits again", job.clone())
            .links(links("$response.body#/id"))
            .refuses(&[&problems::JOB_NOT_DEAD, &problems::JOB_OPEN_ALREADY, &problems::JOB_NOT_RETRYABLE]),
        Route::post("/api/v1/admin/jobs/{id}/cancel", cancel, "End a job that is not wanted any more")
            .describe("One that is queued or dead, of a kind that allows it: what it was about hears of it, so that a message has then `failed`. What comes by a schedule is never ended.")
            .body::<Empty>()
            .idempotent()
            .answers(200, "The job, which is over", job)
            .links(links("$response.body#/id"))
            .refuses(&[&problems::JOB_NOT_CANCELLABLE, &problems::JOB_NOT_WAITING]),
    ]
}

/// What can be done with a job; `id` is where an answer holds its id.
fn links(id: &'static str) -> Vec<Link> {
    let to = |name, to, description| Link::to(name, to, description).with("id", id);
    vec![
        to("read", "GET /api/v1/admin/jobs/{id}", "The job"),
        to("retry", "POST /api/v1/admin/jobs/{id}/retry", "Try it again"),
        to("cancel", "POST /api/v1/admin/jobs/{id}/cancel", "End it"),
    ]
}

impl FromJson for JobStatus {
    fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        let status = value.as_str().and_then(JobStatus::from_code);
        if status.is_none() {
            faults.add(at, "unknown_value", format!("must be one of {}", JobStatus::ALL.map(JobStatus::code).join(", ")));
        }
        status
    }

    fn schema() -> Value {
        json!({ "type": "string", "enum": JobStatus::ALL.map(JobStatus::code) })
    }
}

struct ListQuery(Filter);

impl Input for ListQuery {
    const NAME: &'static str = "JobListQuery";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let status = fields.opt("status");
        let kind = fields.opt_text("kind", Lines::One, 1..=MOST_OF_A_KIND);
        let paging = Paging::read(fields)?;
        Some(ListQuery(Filter { status, kind, paging }))
    }
}

async fn list(State(shop): State<AppState>, context: Context, Query(ListQuery(filter)): Query<ListQuery>) -> Answer {
    let list = shop.db.read(move |reader| queries::list(reader, filter)).await?;
    respond::json(&context, StatusCode::OK, &list.map(|job| job_body(&job)))
}

async fn counts(State(shop): State<AppState>, context: Context) -> Answer {
    let (now, kinds) = (shop.clock.now(), Arc::clone(&shop.job_kinds));
    let counts = shop.db.read(move |reader| queries::counts(reader, &kinds, now)).await?;
    let row = |(kind, of): (&String, &KindCounts)| {
        let recurs = shop.job_kinds.get(kind).is_some_and(|known| known.schedule.is_some());
        json!({
            "kind": kind, "recurs": recurs, "queued": of.queued, "running": of.running, "dead": of.dead, "late": of.late,
            "firstDueAt": of.first_due_at.map(|at| at.to_string()), "lastError": of.last_error,
        })
    };
    let data: Vec<Value> = counts.iter().map(row).collect();
    respond::json(&context, StatusCode::OK, &json!({ "data": data, "asOf": now.to_string() }))
}

async fn get(State(shop): State<AppState>, context: Context, Id(id): Id<JobId>) -> Answer {
    let job = shop.db.read(move |reader| sql::one(reader, id)).await?.ok_or_else(not_found)?;
    respond::json(&context, StatusCode::OK, &job_body(&job))
}

async fn retry(State(shop): State<AppState>, context: Context, Id(job): Id<JobId>, _: Body<Empty>) -> Answer {
    let key = IdempotencyKey::of(&context)?;
    let command = RetryJob { job, kinds: Arc::clone(&shop.job_kinds) };
    shop.db.write(once(key, command, kept)).await?.answer(&context)
}

async fn cancel(State(shop): State<AppState>, context: Context, Id(job): Id<JobId>, _: Body<Empty>) -> Answer {
    let key = IdempotencyKey::of(&context)?;
    let command = CancelJob { job, kinds: Arc::clone(&shop.job_kinds) };
    shop.db.write(once(key, command, kept)).await?.answer(&context)
}

fn kept(job: &Job) -> Result<Kept> {
    Ok(Kept::ok(respond::to_bytes(&job_body(job))?))
}

fn job_body(job: &Job) -> Value {
    let mut body = json!({
        "id": job.id.to_string(),
        "kind": job.kind,
        "status": job.status.code(),
        "attempts": job.attempts,
        "maxAttempts": job.max_attempts,
        "runAt": job.run_at.to_string(),
        "createdAt": job.created_at.to_string(),
    });
    if let Some(error) = &job.last_error {
        body["lastError"] = error.as_str().into();
    }
    if let Some(at) = job.finished_at {
        body["finishedAt"] = at.to_string().into();
    }
    body
}

fn job_shape() -> Shape {
    let moment = |description: &str| json!({ "type": "string", "format": "date-time", "description": description });
    let schema = json!({
        "type": "object",
        "required": ["id", "kind", "status", "attempts", "maxAttempts", "runAt", "createdAt"],
        "properties": {
            "id": { "type": "string", "format": "uuid" },
            "kind": { "type": "string", "description": "What is done, as `messages.email`." },
            "status": JobStatus::schema(),
            "attempts": { "type": "integer", "description": "Tries so far." },
            "maxAttempts": { "type": "integer", "description": "After so many that failed it is dead." },
            "runAt": moment("When it is due, or was."),
            "lastError": { "type": "string", "description": "Why it was put off, or given up." },
            "createdAt": moment("When what caused it happened."),
            "finishedAt": moment("When it was done, given up or ended."),
        },
        "additionalProperties": false,
    });
    let example = json!({
        "id": "01936f2b-0d10-7000-8000-5a6b7c8d9e61", "kind": "messages.email", "status": "dead", "attempts": 28, "maxAttempts": 28,
        "runAt": "2026-11-25T07:40:00.000Z", "lastError": "the mail server cannot be reached: connection refused",
        "createdAt": "2026-11-24T06:30:00.000Z", "finishedAt": "2026-11-25T07:40:00.512Z",
    });
    Shape::named("Job", schema, example)
}

fn counts_shape() -> Shape {
    let count = |description: &str| json!({ "type": "integer", "description": description });
    let row = json!({
        "type": "object",
        "required": ["kind", "recurs", "queued", "running", "dead", "late", "firstDueAt", "lastError"],
        "properties": {
            "kind": { "type": "string" },
            "recurs": { "type": "boolean", "description": "It comes again by itself." },
            "queued": count("Those that wait, also for a time that is still to come."),
            "running": count("Those that run now."),
            "dead": count("Those given up after their last try."),
            "late": count("Of those queued, the ones whose time has come."),
            "firstDueAt": { "type": ["string", "null"], "format": "date-time", "description": "When the first of the open ones is due, or was." },
            "lastError": { "type": ["string", "null"], "description": "What the newest try said that failed, of those open or dead." },
        },
        "additionalProperties": false,
    });
    let schema = json!({
        "type": "object",
        "required": ["data", "asOf"],
        "properties": { "data": { "type": "array", "items": row }, "asOf": { "type": "string", "format": "date-time" } },
        "additionalProperties": false,
    });
    let example = json!({
        "asOf": "2026-11-25T08:00:00.000Z",
        "data": [{
            "kind": "messages.email", "recurs": false, "queued": 4, "running": 1, "dead": 0, "late": 3,
            "firstDueAt": "2026-11-25T07:41:10.000Z", "lastError": "the mail server cannot be reached: connection refused",
        }],
    });
    Shape::named("JobCounts", schema, example)
}

#[cfg(test)]
mod tests {
    use super::super::sql::{DEAD, ERRORS, OPEN, count_sql, filter, list_sql};
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
    async fn what_is_open_or_dead_is_found_without_reading_what_ended() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let own = DataFolder::own(&folder.path().join("data")).expect("a folder of ours");
        let options = DbOptions { clock: Clock::system(), accept_clock: true, reactions: Arc::new(Nothing) };
        let db = Db::open(own, options).expect("the database opens");
        let mut cases = vec![(OPEN.to_owned(), "jobs_open"), (DEAD.to_owned(), "jobs_dead")];
        cases.extend([(ERRORS[0].to_owned(), "jobs_dead"), (ERRORS[1].to_owned(), "jobs_open")]);
        for (status, by) in
            [(JobStatus::Queued, "jobs_open"), (JobStatus::Running, "jobs_open"), (JobStatus::Dead, "jobs_dead")]
        {
            let (query, place) = filter(Some(status), Some("messages.email".to_owned()));
            cases.push((count_sql(&query, place), by));
            cases.push((list_sql(&query, place), by));
        }
        for (sql, by) in cases {
            let asked = format!("explain query plan {sql}");
            let plan = db.read(move |reader| reader.all(&asked, &[], |row| row.get::<String>(3))).await.expect("a plan");
            assert!(plan.join("\n").contains(by), "{by} is not used:\n{}\n{sql}", plan.join("\n"));
        }
        // The newest of any status come in the table's own order: nothing is sorted.
        let (query, place) = filter(None, None);
        let asked = format!("explain query plan {}", list_sql(&query, place));
        let plan = db.read(move |reader| reader.all(&asked, &[], |row| row.get::<String>(3))).await.expect("a plan");
        assert!(!plan.join("\n").contains("TEMP B-TREE"), "{plan:?}");
    }
}
