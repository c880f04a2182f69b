//! Browsers of a shop that nobody owns yet: whatever page they ask for, they are led to the one that sets it up. Programs are told so
//! by the gate.

use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode, header};

use super::Context;
use super::gate::Gatekeeper;

/// The page that sets a shop up.
const PAGE: &str = "/setup";
/// What answers by itself before set-up, and what programs ask for.
const NOT_LED: &[&str] = &["/setup", "/assets/", "/healthz", "/readyz", "/api/"];
/// Pages that lie among what programs ask for.
const PAGES_OF_THE_API: &str = "/api/v1/docs";

/// The middleware around all routes, those that do not exist among them.
pub async fn lead(keeper: Arc<dyn Gatekeeper>, request: Request, next: Next) -> Response {
    if keeper.is_set_up() || !asks_for_a_page(&request) {
        return next.run(request).await;
    }
    let mut response = Response::new(axum::body::Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static(PAGE));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A person's browser says that it would read HTML; programs say `*/*`, or what they want.
fn asks_for_a_page(request: &Request) -> bool {
    let Some(context) = request.extensions().get::<Context>() else { return false };
    let path = &context.path;
    let is_page = path.starts_with(PAGES_OF_THE_API) || !NOT_LED.iter().any(|begin| path.starts_with(begin));
    context.method == Method::GET && is_page && context.header("accept").is_some_and(|accept| accept.contains("text/html"))
}
