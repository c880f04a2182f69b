//! Answers.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use super::{Context, etag};
use crate::kernel::{Error, Fault, Result, Version};

/// Headers of most answers: five or six of the handler's, six shields, two of the limits, the request's id.
const HEADERS: usize = 15;

/// What handlers answer with.
pub type Answer = Result<Response, Error>;

/// A JSON answer.
///
/// # Errors
/// A fault if the value cannot be written as JSON.
pub fn json(context: &Context, status: StatusCode, value: &impl Serialize) -> Answer {
    Ok(json_bytes(context, status, to_bytes(value)?))
}

/// A value as JSON.
///
/// # Errors
/// A fault if it cannot be written.
pub fn to_bytes(value: &impl Serialize) -> Result<Bytes> {
    serde_json::to_vec(value).map(Bytes::from).map_err(|error| Fault::new(error).into())
}

/// JSON that is already written.
#[must_use]
pub fn json_bytes(context: &Context, status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    // Also for what the layers outside add: a map that grows is built anew each time.
    headers.reserve(HEADERS);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Language, Authorization, Cookie"));
    headers.insert(header::CACHE_CONTROL, cache_control(context));
    response
}

/// What staff see is theirs alone; the rest may be kept and asked about again.
fn cache_control(context: &Context) -> HeaderValue {
    match context.caller {
        caller if caller.is_staff() => HeaderValue::from_static("private, no-store"),
        super::Caller::Account { .. } => HeaderValue::from_static("private, no-cache"),
        super::Caller::Guest => HeaderValue::from_static("no-cache"),
    }
}

/// 201 with the place of the new thing.
///
/// # Errors
/// As [`json`].
pub fn created(context: &Context, location: &str, value: &impl Serialize) -> Answer {
    Ok(with_location(json(context, StatusCode::CREATED, value)?, location))
}

/// Adds `Location`.
#[must_use]
pub fn with_location(mut response: Response, location: &str) -> Response {
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// 204.
///
/// # Errors
/// None; it is a result so that handlers can end with it.
pub fn no_content() -> Answer {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

/// A single resource with its `ETag`; 304 if the caller has it already.
///
/// # Errors
/// As [`json`].
pub fn tagged(context: &Context, status: StatusCode, version: Version, value: &impl Serialize) -> Answer {
    let body = to_bytes(value)?;
    let tag = etag::tag(version, &body);
    Ok(tagged_bytes(context, status, &tag, body))
}

/// As [`tagged`], of bytes whose tag is known.
#[must_use]
pub fn tagged_bytes(context: &Context, status: StatusCode, tag: &str, body: Bytes) -> Response {
    let reads = matches!(context.method, http::Method::GET | http::Method::HEAD);
    let known = reads && context.header("if-none-match").is_some_and(|seen| etag::matches(seen, tag));
    let response = if known {
        let mut response = json_bytes(context, StatusCode::NOT_MODIFIED, Bytes::new());
        response.headers_mut().remove(header::CONTENT_TYPE);
        response
    } else {
        json_bytes(context, status, body)
    };
    with_tag(response, tag)
}

/// Adds `ETag`.
#[must_use]
pub fn with_tag(mut response: Response, tag: &str) -> Response {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
