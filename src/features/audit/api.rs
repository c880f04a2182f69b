//! `/admin/audit`.

use axum::extract::State;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::model::{ACTORS, Outcome, Shown};
use super::queries::{Filter, Who};
use super::{queries, rules};
use crate::features::AppState;
use crate::http::input::{Fields, Input, read_span};
use crate::http::page::{Paging, list_schema};
use crate::http::{Answer, Context, Query, Route, Shape, respond};
use crate::kernel::UserId;
use crate::kernel::text::Lines;

/// Every route of this feature.
#[must_use]
pub fn routes() -> Vec<Route<AppState>> {
    vec![
        Route::get("/api/v1/admin/audit", list, "Read the audit log, newest first")
            .describe("Every change by staff, each time they sign in and out (`session.begin`, `session.end`), and every refusal that somebody should see. Nothing in it is ever changed: each row is sealed by the hash of the one before, and `bayader audit verify` on the shop's machine checks them all.")
            .query::<AuditQuery>()
            .parameter("action", "What was done, whole, as `product.replace`; or the route that refused.")
            .parameter("subject", "To what it was done, whole, as `product:01936f2a-7c11-7000-8000-0a1b2c3d4e01`.")
            .parameter("outcome", "Only what was done, what was refused, or sign-ins that failed.")
            .answers(200, "A page of the log", list_schema(row_shape())),
    ]
}

struct AuditQuery(Filter);

impl Input for AuditQuery {
    const NAME: &'static str = "AuditQuery";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let actor = fields.opt_with(
            "actor",
            || {
                json!({
                    "anyOf": [{ "type": "string", "enum": ACTORS }, { "type": "string", "format": "uuid" }],
                    "description": "Who did it: an account's id, or what somebody was.",
                })
            },
            |value, at, faults| {
                let text = value.as_str().unwrap_or("");
                if ACTORS.contains(&text) {
                    return Some(Who::Word(text.to_owned()));
                }
                let account = UserId::parse(text).map(Who::Account);
                if account.is_none() {
                    faults.add(at, "unknown_value", format!("must be an account's id, or one of {}", ACTORS.join(", ")));
                }
                account
            },
        );
        let action = fields.opt_text("action", Lines::One, 1..=200);
        let subject = fields.opt_text("subject", Lines::One, 1..=200);
        let outcome = fields.opt_with(
            "outcome",
            || json!({ "type": "string", "enum": Outcome::ALL.map(Outcome::code) }),
            |value, at, faults| {
                let outcome = value.as_str().and_then(Outcome::from_code);
                if outcome.is_none() {
                    let known = Outcome::ALL.map(Outcome::code).join(", ");
                    faults.add(at, "unknown_value", format!("must be one of {known}"));
                }
                outcome
            },
        );
        let (from, to) = read_span(fields);
        let paging = Paging::read(fields)?;
        Some(AuditQuery(Filter { actor, action, subject, outcome, from, to, paging }))
    }
}

async fn list(State(shop): State<AppState>, context: Context, Query(AuditQuery(filter)): Query<AuditQuery>) -> Answer {
    shop.audit.settled().await;
    let list = shop.db.read(move |reader| queries::list(reader, &filter)).await?;
    respond::json(&context, StatusCode::OK, &list.map(row_body))
}

fn row_body(row: Shown) -> Value {
    let mut actor = Map::new();
    actor.insert("role".to_owned(), row.actor.into());
    if let Some(id) = row.actor_id {
        actor.insert("id".to_owned(), id.to_string().into());
    }
    if let Some(name) = row.actor_name {
        actor.insert("name".to_owned(), name.into());
    }
    let mut body = json!({
        "n": row.n,
        "at": row.at.to_string(),
        "actor": actor,
        "action": row.action,
        "outcome": row.outcome.code(),
        "hash": rules::hex(&row.hash),
    });
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body[name] = value;
        }
    };
    add("subject", row.subject.map(Value::from));
    add("before", row.before);
    add("after", row.after);
    add("address", row.address.map(Value::from));
    add("requestId", row.request_id.map(Value::from));
    add("code", row.code.map(Value::from));
    body
}

fn row_shape() -> Shape {
    let text = || json!({ "type": "string" });
    let schema = json!({
        "type": "object",
        "required": ["n", "at", "actor", "action", "outcome", "hash"],
        "properties": {
            "n": { "type": "integer", "description": "From 1, without gaps." },
            "at": { "type": "string", "format": "date-time" },
            "actor": {
                "type": "object",
                "required": ["role"],
                "properties": { "role": { "type": "string", "enum": ACTORS }, "id": { "type": "string", "format": "uuid" }, "name": text() },
                "additionalProperties": false,
            },
            "action": { "type": "string", "description": "What was done, as `product.replace`; or the route that was refused." },
            "subject": { "type": "string", "description": "To what it was done, as `product:0198…`." },
            "before": { "description": "What it was; only what has changed." },
            "after": { "description": "What it is now." },
            "address": { "type": "string", "description": "The network address that asked." },
            "requestId": { "type": "string", "description": "The request; the log tells more under it." },
            "outcome": { "type": "string", "enum": Outcome::ALL.map(Outcome::code) },
            "code": { "type": "string", "description": "The problem's code, where it was refused." },
            "hash": { "type": "string", "description": "SHA-256 of the hash before and this row." },
        },
        "additionalProperties": false,
    });
    let example = json!({
        "n": 42, "at": "2026-11-25T08:00:00.000Z",
        "actor": { "role": "admin", "id": "01936f2a-7c11-7000-8000-0a1b2c3d4e21", "name": "Rania" },
        "action": "product.replace", "subject": "product:01936f2a-7c11-7000-8000-0a1b2c3d4e01",
        "before": { "price": "4.500" }, "after": { "price": "4.750" },
        "address": "192.0.2.7", "requestId": "5f2b6c1e9d", "outcome": Outcome::ALL[0].code(),
        "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    });
    Shape::named("AuditRow", schema, example)
}
