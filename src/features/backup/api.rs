//! `/admin/backups`.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};

use super::jobs::Ask;
use super::list::{Listed, Listing, list_in_zone};
use super::sql::{self, Known};
use super::standing;
use crate::features::AppState;
use crate::http::extract::Empty;
use crate::http::idempotency::{IdempotencyKey, Kept, once};
use crate::http::problem::not_found;
use crate::http::{Answer, Body, Context, Id, Link, Route, Shape, respond};
use crate::kernel::problem::kinds;
use crate::kernel::{Fault, JobId, Result};

/// Every route of this feature.
#[must_use]
pub fn routes() -> Vec<Route<AppState>> {
    let to_job = |description| Link::to("job", "GET /api/v1/admin/jobs/{id}", description).with("id", "$response.body#/job");
    vec![
        Route::get("/api/v1/admin/backups", list, "List the shop's backups, newest first")
            .describe("What lies in the folder of backups, known by its content. `provenAt` says when a backup was last restored into a scratch folder and found whole, to the last order; that is done each night with the newest one. Whoever holds a backup that is not `sealed` holds the shop: its customers, its keys, its secrets.")
            .answers(200, "Every backup, and how the shop stands", list_shape())
            .links([Link::to("verify", "POST /api/v1/admin/backups/{id}/verify", "Prove the first").with("id", "$response.body#/data/0/id")]),
        Route::post("/api/v1/admin/backups", create, "Make a backup now")
            .describe("A job does it beside the shop, which goes on selling; `GET /api/v1/admin/jobs/{id}` says how far it is. If one is being made already, that one is answered.")
            .body::<Empty>()
            .idempotent()
            .answers(202, "The job", job_shape())
            .links([to_job("How far it is")]),
        Route::post("/api/v1/admin/backups/{id}/verify", verify, "Prove that a backup can be restored")
            .describe("A job restores it into a scratch folder, checks every byte and balances its books; the list then says what came of it. A sealed one can only be compared with the file that was proven when it was made, because its key lies elsewhere.")
            .word("id", "A backup, as `id` of the list.")
            .body::<Empty>()
            .idempotent()
            .answers(202, "The job", job_shape())
            .links([to_job("How far it is")])
            .refuses(&[&kinds::NOT_FOUND]),
    ]
}

/// Reads the folder on a thread that may wait for the disk.
async fn listed(shop: &AppState) -> Result<Vec<Listed>> {
    let (desk, zone) = (Arc::clone(&shop.backups), shop.settings.format().zone.clone());
    let listed = tokio::task::spawn_blocking(move || list_in_zone(&desk, Some(&zone))).await.map_err(Fault::new)?;
    listed.map_err(|fault| Fault::new(fault).into())
}

async fn list(State(shop): State<AppState>, context: Context) -> Answer {
    let listed = listed(&shop).await?;
    let (known, standing) = shop.db.read(|reader| Ok((sql::all(reader)?, standing(reader)?))).await?;
    let now = shop.clock.now();
    let data: Vec<Value> = listed.iter().map(|one| row(one, &known)).collect();
    let proven = standing.proven.as_ref();
    let body = json!({
        "data": data,
        "asOf": now.to_string(),
        "lastProven": proven.map(|proven| json!({
            "id": proven.file, "provenAt": proven.proven_at.map(|at| at.to_string()), "madeAt": proven.made_at.to_string(), "orders": proven.orders,
        })),
        "couldLoseSeconds": standing.could_lose_ms(now).map(|ms| ms / 1_000),
        "sealing": shop.backups.is_sealing(),
    });
    respond::json(&context, StatusCode::OK, &body)
}

fn row(one: &Listed, known: &[Known]) -> Value {
    let known = known.iter().find(|known| known.file == one.name && u64::try_from(known.bytes) == Ok(one.bytes));
    let manifest = one.manifest();
    let torn = match &one.content {
        Listing::Torn(_) => Some("it is damaged and cannot be read"),
        Listing::Open(_) | Listing::Sealed => None,
    };
    let problem = torn.map(str::to_owned).or_else(|| {
        known
            .and_then(|known| known.problem.as_ref())
            .map(|_| "it could not be restored; bayader backup verify says why".to_owned())
    });
    json!({
        "id": one.name,
        "madeAt": one.made_at.to_string(),
        "bytes": one.bytes,
        "sealed": one.is_sealed(),
        "orders": manifest.map(super::Manifest::orders).or(known.map(|known| known.orders)),
        "program": manifest.map(|manifest| manifest.program.as_str()),
        "warnings": manifest.map(|manifest| manifest.warnings.clone()).unwrap_or_default(),
        "lookedAt": known.and_then(|known| known.looked_at).map(|at| at.to_string()),
        "provenAt": known.and_then(|known| known.proven_at).map(|at| at.to_string()),
        "problem": problem,
    })
}

async fn create(State(shop): State<AppState>, context: Context, _: Body<Empty>) -> Answer {
    let key = IdempotencyKey::of(&context)?;
    shop.db.write(once(key, Ask { verify: None }, accepted)).await?.answer(&context)
}

async fn verify(State(shop): State<AppState>, context: Context, Id(file): Id<String>, _: Body<Empty>) -> Answer {
    let key = IdempotencyKey::of(&context)?;
    // Only what the list names: so no path from outside reaches the disk.
    if !listed(&shop).await?.iter().any(|one| one.name == file) {
        return Err(not_found());
    }
    shop.db.write(once(key, Ask { verify: Some(file) }, accepted)).await?.answer(&context)
}

fn accepted(job: &JobId) -> Result<Kept> {
    Ok(Kept::accepted(respond::to_bytes(&json!({ "job": job.to_string() }))?))
}

fn job_shape() -> Shape {
    let schema = json!({
        "type": "object", "required": ["job"], "properties": { "job": { "type": "string", "format": "uuid" } },
        "additionalProperties": false,
    });
    Shape::named("BackupJob", schema, json!({ "job": "01936f2b-0d10-7000-8000-5a6b7c8d9e01" }))
}

fn list_shape() -> Shape {
    let maybe = |format: &str| json!({ "type": ["string", "null"], "format": format });
    let moment = || json!({ "type": "string", "format": "date-time" });
    let count = || json!({ "type": "integer", "minimum": 0 });
    let row = json!({
        "type": "object",
        "required": ["id", "madeAt", "bytes", "sealed", "orders", "program", "warnings", "lookedAt", "provenAt", "problem"],
        "properties": {
            "id": { "type": "string", "description": "Its file's name." },
            "madeAt": moment(),
            "bytes": count(),
            "sealed": { "type": "boolean", "description": "If not, whoever holds the file holds the shop." },
            "orders": { "type": ["integer", "null"], "description": "How many orders it has; null if only its key could tell." },
            "program": { "type": ["string", "null"] },
            "warnings": { "type": "array", "items": { "type": "string" } },
            "lookedAt": maybe("date-time"),
            "provenAt": maybe("date-time"),
            "problem": { "type": ["string", "null"] },
        },
    });
    let schema = json!({
        "type": "object",
        "required": ["data", "asOf", "lastProven", "couldLoseSeconds", "sealing"],
        "properties": {
            "data": { "type": "array", "items": row },
            "asOf": moment(),
            "lastProven": { "type": ["object", "null"], "required": ["id", "provenAt", "madeAt", "orders"], "properties": {
                "id": { "type": "string" }, "provenAt": maybe("date-time"), "madeAt": moment(), "orders": count(),
            } },
            "couldLoseSeconds": { "type": ["integer", "null"], "description": "What would be lost with this machine: how old the newest backup is." },
            "sealing": { "type": "boolean", "description": "Whether backups are sealed by the keeper's configuration." },
        },
    });
    let example = json!({
        "data": [{
            "id": "bayader-20261125-023000.tar.zst", "madeAt": "2026-11-24T23:30:00.000Z", "bytes": 7_340_032, "sealed": false, "orders": 1204,
            "program": "0.1.0", "warnings": [], "lookedAt": "2026-11-25T00:10:02.000Z", "provenAt": "2026-11-25T00:10:02.000Z", "problem": null,
        }],
        "asOf": "2026-11-25T05:52:00.000Z",
        "lastProven": {
            "id": "bayader-20261125-023000.tar.zst", "provenAt": "2026-11-25T00:10:02.000Z", "madeAt": "2026-11-24T23:30:00.000Z", "orders": 1204,
        },
        "couldLoseSeconds": 22_920,
        "sealing": false,
    });
    Shape::named("Backups", schema, example)
}
