//! `/auth/sessions`: a person's own devices.

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::handing::take_back;
use super::nobody;
use crate::features::AppState;
use crate::features::accounts::model::{Session, SessionKind};
use crate::features::accounts::sessions::{self, EndSession};
use crate::http::extract::Empty;
use crate::http::page::{PagingOnly, list_schema};
use crate::http::{Answer, Body, Caller, Context, Id, Link, Query, Route, Shape, respond};
use crate::kernel::SessionId;
use crate::kernel::problem::kinds;

pub(super) fn routes() -> Vec<Route<AppState>> {
    vec![
        Route::get("/api/v1/auth/sessions", list, "List where I am signed in, newest first")
            .describe("My living sessions: programs that hold tokens, and browsers that hold a cookie.")
            .query::<PagingOnly>()
            .answers(200, "A page of my living sessions", list_schema(session_shape()))
            .links([Link::to("end", "DELETE /api/v1/auth/sessions/{id}", "End it").with("id", "$response.body#/data/0/id")]),
        Route::delete("/api/v1/auth/sessions/{id}", end, "End one of my sessions")
            .describe("Its tokens and its cookie stop at once. Ending the current one is as signing out.")
            .body::<Empty>()
            .answers_empty(204, "The session has ended")
            .refuses(&[&kinds::NOT_FOUND]),
    ]
}

async fn list(State(app): State<AppState>, context: Context, Query(PagingOnly(paging)): Query<PagingOnly>) -> Answer {
    let Caller::Account { user, session: current, .. } = context.caller else { return Err(nobody().into()) };
    let now = app.clock.now();
    let found = app.db.read(move |reader| sessions::list(reader, user, now, &paging)).await?;
    let body = found.map(|session| SessionBody::of(session, current));
    Ok(super::handing::secret(respond::json(&context, StatusCode::OK, &body)?))
}

async fn end(State(app): State<AppState>, context: Context, Id(session): Id<SessionId>, _: Body<Empty>) -> Answer {
    let Caller::Account { user, session: current, .. } = context.caller else { return Err(nobody().into()) };
    app.db.write(EndSession { session, user }).await?;
    let response = StatusCode::NO_CONTENT.into_response();
    Ok(if context.by_cookie && session == current { take_back(&context, response) } else { response })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionBody {
    id: String,
    kind: &'static str,
    device: Option<String>,
    address: Option<String>,
    created_at: String,
    used_at: String,
    current: bool,
}

impl SessionBody {
    fn of(session: Session, current: SessionId) -> SessionBody {
        SessionBody {
            id: session.id.to_string(),
            kind: session.kind.code(),
            device: session.device,
            address: session.address,
            created_at: session.created_at.to_string(),
            used_at: session.used_at.to_string(),
            current: session.id == current,
        }
    }
}

fn session_shape() -> Shape {
    let schema = json!({
        "type": "object",
        "required": ["id", "kind", "device", "address", "createdAt", "usedAt", "current"],
        "properties": {
            "id": { "type": "string", "format": "uuid" },
            "kind": { "type": "string", "enum": SessionKind::ALL.map(SessionKind::code), "description": "Whether a program holds tokens or a browser a cookie." },
            "device": { "type": ["string", "null"], "description": "As in: Firefox on Windows.", "maxLength": 80 },
            "address": { "type": ["string", "null"], "description": "The network address where it began." },
            "createdAt": { "type": "string", "format": "date-time" },
            "usedAt": { "type": "string", "format": "date-time", "description": "When its tokens or cookie were last exchanged." },
            "current": { "type": "boolean", "description": "The session of this very request." },
        },
        "additionalProperties": false,
    });
    let example = json!({
        "id": "01936f2a-1a2b-7000-8000-3c4d5e6f7a03", "kind": "cookie", "device": "Firefox on Windows", "address": "192.168.1.20",
        "createdAt": "2026-11-20T04:10:00.000Z", "usedAt": "2026-11-25T04:10:00.000Z", "current": true,
    });
    Shape::named("Session", schema, example)
}
