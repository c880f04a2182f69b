//! Errors as `application/problem+json` (RFC 9457), one form for every one of them.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use super::Context;
use super::field_faults::FIELD_FAULTS;
use crate::kernel::problem::kinds;
use crate::kernel::{Error, Locale, Problem};

/// Carries an error from a handler to the front, which knows the request's id and language.
#[derive(Clone)]
struct Told(std::sync::Arc<Error>);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = match &self {
            Error::Refused(problem) => status_of(problem),
            Error::Fault(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let mut response = status.into_response();
        response.extensions_mut().insert(Told(std::sync::Arc::new(self)));
        response
    }
}

fn status_of(problem: &Problem) -> StatusCode {
    StatusCode::from_u16(problem.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The refusal that an answer carries, before it is written.
pub(super) fn refusal(response: &Response) -> Option<&Problem> {
    match response.extensions().get::<Told>().map(|told| told.0.as_ref()) {
        Some(Error::Refused(problem)) => Some(problem),
        _ => None,
    }
}

/// Writes the body of an error that a handler or the gate answered with; other answers pass as they are.
pub(super) fn tell(mut response: Response, request_id: &str, locale: Locale) -> Response {
    match take(&mut response, request_id) {
        Some(problem) => render(&problem, request_id, locale, response),
        None => response,
    }
}

/// The error that an answer carries, to be written. A fault is logged here, once, with its chain; the caller reads only that there
/// was one, and the request's id.
pub(super) fn take(response: &mut Response, request_id: &str) -> Option<Problem> {
    let Told(error) = response.extensions_mut().remove::<Told>()?;
    match error.as_ref() {
        Error::Refused(problem) => Some(problem.as_ref().clone()),
        Error::Fault(fault) => {
            tracing::error!(request_id, fault = %fault.chain(), "a request failed by a fault of ours");
            Some(Problem::of(&kinds::INTERNAL)
                .detail("Nothing you sent is at fault. If it happens again, give the shop's keeper the requestId: the log tells more under it."))
        }
    }
}

fn render(problem: &Problem, request_id: &str, locale: Locale, kept: Response) -> Response {
    let body = body_of(problem, request_id, locale).to_string();
    let mut response = written(problem, axum::body::Body::from(body), kept);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

/// A refusal with this body. Headers that the refusing layer set, as `Allow`, stay.
pub(super) fn written(problem: &Problem, body: axum::body::Body, kept: Response) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status_of(problem);
    *response.headers_mut() = kept.headers().clone();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = problem.retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if problem.kind.status == 401 {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// The body of a problem.
#[must_use]
pub fn body_of(problem: &Problem, request_id: &str, locale: Locale) -> Value {
    let mut body = Map::new();
    body.insert("type".to_owned(), format!("/api/v1/docs/errors#{}", problem.kind.code).into());
    body.insert("title".to_owned(), problem.kind.title(locale).into());
    body.insert("status".to_owned(), problem.kind.status.into());
    body.insert("detail".to_owned(), problem.detail.as_ref().into());
    body.insert("code".to_owned(), problem.kind.code.into());
    body.insert("requestId".to_owned(), request_id.into());
    if problem.kind.status == 422 {
        let errors =
            problem.errors.iter().map(|fault| json!({ "field": fault.field, "code": fault.code, "message": fault.message }));
        body.insert("errors".to_owned(), errors.collect());
    }
    body.extend(problem.facts.iter().map(|(name, value)| (name.clone(), value.clone())));
    Value::Object(body)
}

/// The JSON Schema of a problem.
#[must_use]
pub fn schema() -> Value {
    let codes: Vec<&str> = FIELD_FAULTS.iter().map(|(code, ..)| *code).collect();
    json!({
        "type": "object",
        "description": "What every refusal says (RFC 9457).",
        "required": ["type", "title", "status", "detail", "code", "requestId"],
        "properties": {
            "type": { "type": "string", "format": "uri-reference", "description": "Where the code is explained." },
            "title": { "type": "string", "description": "The kind of problem, in the caller's language." },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": { "type": "string", "description": "What happened here, and what to do." },
            "code": { "type": "string", "description": "Stable; branch on this." },
            "requestId": { "type": "string", "description": "Give it to the shop's keeper: the log has it." },
            "errors": { "type": "array", "description": "With 422: every fault of the body or query.", "items": {
                "type": "object",
                "required": ["field", "code", "message"],
                "properties": {
                    "field": { "type": "string", "description": "Path, as in `items[0].quantity`; empty for the whole body." },
                    "code": { "type": "string", "enum": codes },
                    "message": { "type": "string", "description": "What is wrong and what is wanted." },
                },
                "additionalProperties": false,
            } },
        },
    })
}

/// The schema of a fact beside a code.
pub(super) fn fact_schema(name: &str) -> Value {
    match name {
        "legal" => json!({ "type": "array", "items": { "type": "string" } }),
        "lines" | "rows" | "orders" => json!({ "type": "array", "items": { "type": "object" } }),
        "currentVersion" | "openOrders" | "productCount" | "stock" | "reserved" | "limit" | "triesLeft" => {
            json!({ "type": "integer" })
        }
        "taxIncluded" => json!({ "type": "boolean" }),
        _ => json!({ "type": "string" }),
    }
}

/// The refusal of a thing that is not there, or not the caller's: the same words for both, so that nobody learns which.
#[must_use]
pub fn not_found() -> Error {
    Problem::of(&kinds::NOT_FOUND)
        .detail(
            "There is no such thing here, or it is not yours to see. Check the address, and that the token that opens it goes along \
             (Authorization, X-Order-Token or X-Cart-Token).",
        )
        .into()
}

/// Answers a request that no route takes.
pub fn unknown_route(context: axum::Extension<Context>) -> Error {
    let detail = format!("{} is no address of this shop. /api/v1/openapi.json lists them all.", context.path);
    Problem::of(&kinds::NOT_FOUND).detail(detail).into()
}

/// Answers a method that a route does not take; the router adds `Allow`.
pub fn wrong_method(context: axum::Extension<Context>) -> Error {
    let detail = format!("{} does not take {}; the Allow header lists what it takes.", context.path, context.method);
    Problem::of(&kinds::METHOD_NOT_ALLOWED).detail(detail).into()
}
