//! Every feature's routes in one router, and their OpenAPI.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::{Router, middleware};
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::access::TABLE;
use super::docs;
use crate::features::{
    AppState, accounts, admin, audit, backup, cart, catalog, inventory, media, messages, notifications, orders, payments,
    restored, settings, setup,
};
use crate::http::describe::{Operation, Tag, document};
use crate::http::gate::{self, Access, Gatekeeper, Who};
use crate::http::{Answer, Context, Route, Shape, assets, problem, respond, to_setup};
use crate::kernel::ProblemKind;
use crate::kernel::problem::kinds;

/// What a route needs, by method and path as the router writes it.
pub(super) struct Known {
    pub access: Access,
    pub reads_query: bool,
}

/// The document's groups, in their order. A route belongs to the first whose part its path begins with.
pub const TAGS: &[Tag] = &[
    Tag { name: "Catalog", description: "Products and categories: what the shop sells.", parts: &["products", "categories"] },
    Tag { name: "Pictures", description: "What products look like, by signed links.", parts: &["media"] },
    Tag { name: "Cart", description: "What a customer means to order.", parts: &["cart"] },
    Tag { name: "Orders", description: "From the counter or the web to the customer's hand.", parts: &["orders"] },
    Tag { name: "Payments", description: "Ways to pay, and what became of each payment.", parts: &["payments"] },
    Tag { name: "Stock", description: "Pieces on hand, promised and available, and why they changed.", parts: &["inventory"] },
    Tag {
        name: "Messages",
        description: "What people were told, what waits, and what providers say of it.",
        parts: &["notifications"],
    },
    Tag { name: "Accounts", description: "Signing in and out, people and their addresses.", parts: &["auth", "users"] },
    Tag { name: "Set-up", description: "The first hour of a shop: who owns it, and what it is.", parts: &["setup"] },
    Tag { name: "Shop", description: "The owner's settings and what the shop's people look at.", parts: &["admin"] },
    Tag { name: "Health", description: "For monitors and for the machine's keeper.", parts: &["healthz", "readyz"] },
    Tag { name: "Documentation", description: "This description in every form.", parts: &["openapi.json", "docs"] },
    Tag {
        name: "Pages",
        description: "Pages of the binary and what they load; not for programs.",
        parts: &["", "assets", "account", "o", "pay", "u"],
    },
];

/// Every route, in the order in which the document lists them.
#[must_use]
pub fn all() -> Vec<Route<AppState>> {
    let mut routes = catalog::api::routes();
    routes.extend(cart::api::routes());
    routes.extend(orders::api::routes());
    routes.extend(inventory::api::routes());
    routes.extend(payments::api::routes());
    routes.extend(media::api::routes());
    routes.extend(messages::api::routes());
    routes.extend(notifications::api::routes());
    routes.extend(accounts::api::routes());
    routes.extend(setup::api::routes());
    routes.extend(settings::api::routes());
    routes.extend(admin::api::routes());
    routes.extend(backup::api::routes());
    routes.extend(audit::api::routes());
    routes.extend(restored::api::routes());
    routes.extend([
        Route::get("/healthz", healthz, "Tell whether the process lives")
            .describe("Looks at nothing else: an answer is the news.")
            .answers(200, "It lives", state("Alive", "ok", "Always `ok`.")),
        Route::get("/readyz", readyz, "Tell whether the shop can take orders")
            .describe("Asks the database. `setup` until an owner exists, `ready` from then on.")
            .answers(200, "It can, or waits for its owner", state("Readiness", "ready", "`setup` or `ready`.")),
        Route::get("/api/v1/openapi.json", openapi_json, "Read this document")
            .describe("Generated from the code of this very binary; `bayader openapi` prints the same.")
            .tagged()
            .answers(200, "OpenAPI 3.1", Shape::named(
                "OpenApi",
                json!({ "type": "object", "required": ["openapi", "info", "paths"], "properties": { "openapi": { "type": "string" }, "info": { "type": "object" }, "paths": { "type": "object" } } }),
                json!({ "openapi": "3.1.0", "info": { "title": "EL-Bayader", "version": "1.0.0" }, "paths": {} }),
            )),
        Route::get("/assets/{*path}", assets::file, "Load what a page needs")
            .describe("Styles and scripts of the binary's own pages.")
            .tagged()
            .answers_file(200, "The file", assets::MEDIA_TYPES)
            .refuses(&[&kinds::NOT_FOUND]),
    ]);
    routes.extend(docs::routes());
    routes
}

fn state(name: &str, word: &str, description: &str) -> Shape {
    let schema = json!({
        "type": "object",
        "required": ["status"],
        "properties": { "status": { "type": "string", "description": description } },
        "additionalProperties": false,
    });
    Shape::named(name, schema, json!({ "status": word }))
}

/// The group of a path; none is a fault that a test finds.
fn tag_of(path: &str) -> &'static str {
    let part = path.trim_start_matches("/api/v1").trim_start_matches('/').split('/').next().unwrap_or("");
    TAGS.iter().find(|tag| tag.parts.contains(&part)).map_or("", |tag| tag.name)
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
    let (at_fallback, at_method) = (Arc::clone(&keeper), Arc::clone(&keeper));
    let leader = Arc::clone(&keeper);
    router
        .route_layer(middleware::from_fn(move |request, next| gate::pass(Arc::clone(&keeper), request, next)))
        .fallback(move |context| {
            at_fallback.traffic().stray(&kinds::NOT_FOUND);
            std::future::ready(problem::unknown_route(context))
        })
        .method_not_allowed_fallback(move |context| {
            at_method.traffic().stray(&kinds::METHOD_NOT_ALLOWED);
            std::future::ready(problem::wrong_method(context))
        })
        .layer(middleware::from_fn(move |request, next| to_setup::lead(Arc::clone(&leader), request, next)))
        .with_state(state)
}

/// The OpenAPI document of every route.
#[must_use]
pub fn openapi() -> Value {
    with_operations(|operations| {
        let used: Vec<Tag> =
            TAGS.iter().filter(|tag| operations.iter().any(|operation| operation.tag == tag.name)).copied().collect();
        document(&used, operations)
    })
}

/// Shows every route as the document has it.
pub(super) fn with_operations<T>(show: impl FnOnce(&[Operation<'_>]) -> T) -> T {
    let routes = all();
    let operations: Vec<Operation<'_>> = routes
        .iter()
        .filter_map(|route| {
            let access = TABLE.iter().find(|access| access.path == route.path && access.method == route.method.as_str())?;
            let described = &route.described;
            Some(Operation {
                method: &route.method,
                path: route.path,
                tag: tag_of(route.path),
                signed_in: !matches!(access.who, Who::Anyone),
                reads_bearer: !access.ignores_bearer,
                roles: match access.who {
                    Who::Roles(roles) => roles,
                    Who::Anyone | Who::SignedIn | Who::SignedInOrToken => &[],
                },
                limited: access.limited,
                described,
                gate_refuses: gate_refusals(access, described.body.is_some(), described.query.is_some()),
            })
        })
        .collect();
    show(&operations)
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
