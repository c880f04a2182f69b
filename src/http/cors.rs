//! Pages of other origins that may use the API (SPEC 2): those of `[server] cors_origins`, and no cookie ever goes along.
//!
//! A browser asks first (a preflight: `OPTIONS`); the router knows whether the address is one, and its `Allow` is the answer.
//! Without a list nothing here costs anything.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::config::HttpUrl;

const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Order-Token, X-Cart-Token, X-Request-Id, Accept-Language",
);
const EXPOSED_HEADERS: HeaderValue =
    HeaderValue::from_static("ETag, Location, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, Idempotency-Replayed");
/// Browsers ask again after this long, two hours at most.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// Who may.
pub struct Cors {
    origins: Vec<HeaderValue>,
}

/// What a request says of its origin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Asked {
    /// Nothing that counts here.
    Plain,
    /// From a page of this origin, which may.
    From(HeaderValue),
    /// The browser asks whether such a page may.
    Preflight(HeaderValue),
}

impl Cors {
    #[must_use]
    pub fn new(origins: &[HttpUrl]) -> Cors {
        Cors { origins: origins.iter().filter_map(|origin| HeaderValue::from_str(origin.as_str()).ok()).collect() }
    }

    /// What a request asks.
    #[must_use]
    pub fn asked(&self, method: &Method, headers: &HeaderMap) -> Asked {
        if self.origins.is_empty() {
            return Asked::Plain;
        }
        let origin = headers.get(header::ORIGIN).and_then(|origin| self.origins.iter().find(|known| *known == origin));
        match origin {
            None => Asked::Plain,
            Some(origin) if *method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) => {
                Asked::Preflight(origin.clone())
            }
            Some(origin) => Asked::From(origin.clone()),
        }
    }

    /// Adds what the browser needs to the router's answer.
    #[must_use]
    pub fn answer(&self, asked: Asked, mut response: Response) -> Response {
        if self.origins.is_empty() {
            return response;
        }
        let origin = match asked {
            Asked::Plain => None,
            Asked::From(origin) => {
                response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
                Some(origin)
            }
            Asked::Preflight(origin) => {
                // The router has no route for OPTIONS: an address that is there answers 405 with its methods.
                if response.status() == StatusCode::METHOD_NOT_ALLOWED {
                    response = preflight(&response);
                }
                Some(origin)
            }
        };
        let headers = response.headers_mut();
        if let Some(origin) = origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        response
    }
}

fn preflight(refusal: &Response) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    if let Some(methods) = refusal.headers().get(header::ALLOW) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods.clone());
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    response
}
