//! Every feature's routes in one router, and their OpenAPI.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::{Router, middleware};
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::access::TABLE;
use crate::features::{AppState, accounts, audit, catalog, inventory, orders};
use crate::http::describe::{Operation, document};
use crate::http::gate::{self, Access, Gatekeeper, Who};
use crate::http::{Answer, Context, Route, assets, problem, respond};
use crate::kernel::ProblemKind;

/// What a route needs, by method and path as the router writes it.
pub(super) struct Known {
    pub access: Access,
    pub reads_query: bool,
}

/// Every route, in the order in which the document lists them.
#[must_use]
pub fn all() -> Vec<Route<AppState>> {
    let mut routes = vec![
        Route::get("/healthz", healthz, "Tell whether the process lives").answers(200, "It lives", state_schema()),
        Route::get("/readyz", readyz, "Tell whether the shop can take orders").answers(
            200,
            "It can, or waits for its owner",
            state_schema(),
        ),
        Route::get("/api/v1/openapi.json", openapi_json, "Read this document").answers(
            200,
            "OpenAPI 3.1",
            json!({ "type": "object" }),
        ),
        Route::get("/assets/{*path}", assets::file, "Load what a page needs")
            .answers_file(200, "The file", assets::MEDIA_TYPES)
            .answers_empty(304, "The caller has it already"),
    ];
    routes.extend(accounts::api::routes());
    routes.extend(catalog::api::routes());
    routes.extend(inventory::api::routes());
    routes.extend(orders::api::routes());
    routes.extend(audit::api::routes());
    routes
}

fn state_schema() -> Value {
    json!({ "type": "object", "required": ["status"], "properties": { "status": { "type": "string" } } })
}

/// The routes of each path, a line a method. Asked twice a request, so it is found by the path's hash.
pub(super) type KnownByPath = HashMap<&'static str, Vec<(Method, Known)>>;

/// The access line of each route.
pub(super) fn known() -> KnownByPath {
    let routes = all();
    let mut known = KnownByPath::new();
    for access in TABLE {
        let route = routes.iter().find(|route| route.method.as_str() == access.method && route.path == access.path);
        if let Some(route) = route {
            let line = Known { access: *access, reads_query: route.described.query.is_some() };
            known.entry(access.path).or_default().push((route.method.clone(), line));
        }
    }
    known
}

/// The router of a shop.
pub(super) fn router(state: AppState, keeper: Arc<dyn Gatekeeper>) -> Router {
    let mut router = Router::new();
    for route in all() {
        router = router.route(route.path, route.router);
    }
    router
        .route_layer(middleware::from_fn(move |request, next| gate::pass(Arc::clone(&keeper), request, next)))
        .fallback(problem::unknown_route)
        .method_not_allowed_fallback(problem::wrong_method)
        .with_state(state)
}

/// The OpenAPI document of every route.
#[must_use]
pub fn openapi() -> Value {
    let routes = all();
    let operations: Vec<Operation<'_>> = routes
        .iter()
        .filter_map(|route| {
            let access = TABLE.iter().find(|access| access.path == route.path && access.method == route.method.as_str())?;
            let described = &route.described;
            Some(Operation {
                method: &route.method,
                path: route.path,
                tag: route.path.trim_start_matches("/api/v1/").trim_start_matches('/').split('/').next().unwrap_or("health"),
                signed_in: !matches!(access.who, Who::Anyone),
                described,
                gate_refuses: gate_refusals(access, described.body.is_some(), described.query.is_some()),
            })
        })
        .collect();
    document(&operations, Map::new())
}

/// The gate's own refusals, and that of a token it was shown.
fn gate_refusals(access: &Access, has_body: bool, has_query: bool) -> Vec<&'static ProblemKind> {
    let mut refusals = gate::refusals(access, has_body, has_query);
    if !access.ignores_bearer {
        refusals.push(&accounts::problems::TOKEN_EXPIRED);
    }
    refusals
}

async fn healthz(context: Context) -> Answer {
    respond::json(&context, StatusCode::OK, &json!({ "status": "ok" }))
}

/// Asks the database, so that a broken one is seen.
async fn readyz(State(shop): State<AppState>, context: Context) -> Answer {
    let has_owner = shop.db.read(accounts::owner_exists).await?;
    let status = if has_owner { "ready" } else { "setup" };
    respond::json(&context, StatusCode::OK, &json!({ "status": status }))
}

async fn openapi_json(context: Context) -> Response {
    static DOCUMENT: std::sync::OnceLock<Bytes> = std::sync::OnceLock::new();
    let body = DOCUMENT.get_or_init(|| Bytes::from(openapi().to_string())).clone();
    let tag = crate::http::etag::tag(0, &body);
    respond::tagged_bytes(&context, StatusCode::OK, &tag, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_in_the_access_table_and_every_line_has_its_route() {
        let routes: std::collections::BTreeSet<(String, &str)> =
            all().iter().map(|route| (route.method.to_string(), route.path)).collect();
        let lines: std::collections::BTreeSet<(String, &str)> =
            TABLE.iter().map(|access| (access.method.to_owned(), access.path)).collect();
        assert_eq!(routes, lines);
        assert_eq!(lines.len(), TABLE.len(), "no line stands twice");
    }
}
