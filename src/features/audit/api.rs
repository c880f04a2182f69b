//! `/admin/audit`.

use axum::extract::State;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::model::{ACTORS, Outcome, Shown};
use super::queries::{Filter, Who};
use super::{queries, rules};
use crate::features::AppState;
use crate::http::input::{Fields, Input, read_moment};
use crate::http::page::{Paging, list_schema};
use crate::http::{Answer, Context, Query, Route, respond};
use crate::kernel::UserId;
use crate::kernel::text::Lines;

/// Every route of this feature.
#[must_use]
pub fn routes() -> Vec<Route<AppState>> {
    vec![Route::get("/api/v1/admin/audit", list, "Read the audit log, newest first").query::<AuditQuery>().answers(
        200,
        "A page",
        list_schema(row_schema()),
    )]
}

struct AuditQuery(Filter);

impl Input for AuditQuery {
    const NAME: &'static str = "AuditQuery";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let actor = fields.opt_with(
            "actor",
            || json!({ "type": "string", "description": "An account's id, or one of guest, customer, driver, staff, admin, system." }),
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
        let (from, to) = (read_moment(fields, "from", false), read_moment(fields, "to", true));
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

fn row_schema() -> Value {
    let text = || json!({ "type": "string" });
    json!({
        "type": "object",
        "required": ["n", "at", "actor", "action", "outcome", "hash"],
        "properties": {
            "n": { "type": "integer", "description": "From 1, without gaps." },
            "at": { "type": "string", "format": "date-time" },
            "actor": {
                "type": "object",
                "required": ["role"],
                "properties": { "role": { "type": "string", "enum": ACTORS }, "id": { "type": "string", "format": "uuid" }, "name": text() },
            },
            "action": { "type": "string", "description": "What was done, as `product.replace`; or the route that was refused." },
            "subject": { "type": "string", "description": "To what it was done, as `product:0198…`." },
            "before": { "description": "What it was; only what has changed." },
            "after": { "description": "What it is now." },
            "address": text(),
            "requestId": text(),
            "outcome": { "type": "string", "enum": Outcome::ALL.map(Outcome::code) },
            "code": { "type": "string", "description": "The problem's code, where it was refused." },
            "hash": { "type": "string", "description": "SHA-256 of the hash before and this row." },
        },
    })
}
