//! The access table, walked: every route as everybody.

use std::collections::BTreeSet;

use bayader::app::access::TABLE;
use bayader::http::gate::{Access, Takes, Who};
use reqwest::Method;
use serde_json::json;

use crate::harness::{Client, Reply, Shop};

/// An id that nothing has.
const NOBODYS_ID: &str = "01936000-0000-7000-8000-000000000000";

#[derive(Debug, PartialEq)]
enum Gate {
    Open,
    SignInFirst,
    WrongRole,
}

/// What the table says of a caller.
fn told(access: &Access, role: Option<&str>) -> Gate {
    match (access.who, role) {
        (Who::Anyone, _) | (Who::SignedIn | Who::SignedInOrToken, Some(_)) => Gate::Open,
        (Who::Roles(roles), Some(role)) if roles.iter().any(|allowed| allowed.code() == role) => Gate::Open,
        (Who::Roles(_), Some(_)) => Gate::WrongRole,
        (_, None) => Gate::SignInFirst,
    }
}

/// What the answer says.
fn seen(reply: &Reply) -> Gate {
    match (reply.status, reply["code"].as_str()) {
        (401, Some("unauthenticated")) => Gate::SignInFirst,
        (403, Some("forbidden")) => Gate::WrongRole,
        _ => Gate::Open,
    }
}

fn address(access: &Access) -> String {
    let filled = access.path.split('/').map(|part| if part.starts_with('{') { NOBODYS_ID } else { part });
    filled.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_route_lets_in_whom_the_table_says_and_nobody_else() {
    let shop = Shop::open().await;
    let callers = [shop.guest(), shop.customer("Layla").await, shop.driver().await, shop.staff().await, shop.admin()];
    let mut wrong = Vec::new();
    for access in TABLE {
        for caller in &callers {
            let reply = ask(caller, access).await;
            let (told, seen) = (told(access, caller.role()), seen(&reply));
            if told != seen {
                wrong.push(format!(
                    "{} as {}: {seen:?}, not {told:?}: {reply:?}",
                    access.path,
                    caller.role().unwrap_or("guest")
                ));
            }
            assert!(reply.status < 500, "{reply:?}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    shop.close().await;
}

async fn ask(caller: &Client, access: &Access) -> Reply {
    let method: Method = access.method.parse().expect("a method");
    let request = caller.request(method.clone(), &address(access));
    let reply = match (&method, access.takes) {
        (&Method::GET, _) => request.send().await,
        (_, Takes::Files) => request.bytes("multipart/form-data; boundary=x", "--x--\r\n").send().await,
        _ => request.json(&json!({})).send().await,
    };
    if access.path.ends_with("/auth/logout") && reply.status == 204 {
        caller.sign_in_again().await;
    }
    reply
}

/// What the shop promises, said apart from the table: who gets past the gate of a route.
const PROMISED: &[(&str, &str, &[&str])] = &[
    ("POST", "/api/v1/auth/logout", &["customer", "driver", "staff", "admin"]),
    ("GET", "/api/v1/auth/me", &["customer", "driver", "staff", "admin"]),
    ("GET", "/api/v1/auth/sessions", &["customer", "driver", "staff", "admin"]),
    ("DELETE", "/api/v1/auth/sessions/{id}", &["customer", "driver", "staff", "admin"]),
    ("GET", "/api/v1/admin/audit", &["admin"]),
    ("PUT", "/api/v1/auth/password", &["customer", "driver", "staff", "admin"]),
    ("GET", "/api/v1/users", &["admin"]),
    ("GET", "/api/v1/users/{id}", &["customer", "driver", "staff", "admin"]),
    ("PUT", "/api/v1/users/{id}", &["customer", "driver", "staff", "admin"]),
    ("DELETE", "/api/v1/users/{id}", &["customer", "driver", "staff", "admin"]),
    ("POST", "/api/v1/users/{id}/invite", &["admin"]),
    ("GET", "/api/v1/admin/audit", &["admin"]),
    ("POST", "/api/v1/products", &["admin"]),
    ("PUT", "/api/v1/products/{id}", &["admin"]),
    ("DELETE", "/api/v1/products/{id}", &["admin"]),
    ("GET", "/api/v1/products/{id}/images", &["staff", "admin"]),
    ("POST", "/api/v1/products/{id}/images", &["admin"]),
    ("PUT", "/api/v1/products/{id}/images", &["admin"]),
    ("DELETE", "/api/v1/products/{id}/images/{imageId}", &["admin"]),
    ("POST", "/api/v1/categories", &["admin"]),
    ("PUT", "/api/v1/categories/{id}", &["admin"]),
    ("DELETE", "/api/v1/categories/{id}", &["admin"]),
    ("GET", "/api/v1/inventory", &["staff", "admin"]),
    ("GET", "/api/v1/inventory/low", &["staff", "admin"]),
    ("GET", "/api/v1/inventory/{productId}/log", &["staff", "admin"]),
    ("PUT", "/api/v1/inventory/{productId}", &["staff", "admin"]),
    ("POST", "/api/v1/inventory/adjust", &["staff", "admin"]),
    ("GET", "/api/v1/orders", &["customer", "driver", "staff", "admin"]),
    ("GET", "/api/v1/orders/{id}", &["customer", "driver", "staff", "admin"]),
    ("PUT", "/api/v1/orders/{id}/status", &["staff", "admin"]),
    ("POST", "/api/v1/orders/{id}/cancel", &["customer", "driver", "staff", "admin"]),
    ("POST", "/api/v1/orders/{id}/undo", &["staff", "admin"]),
    ("POST", "/api/v1/orders/{id}/collect", &["staff", "admin"]),
    ("GET", "/api/v1/payments", &["staff", "admin"]),
    ("GET", "/api/v1/payments/{id}", &["staff", "admin"]),
    ("GET", "/api/v1/payments/differences", &["admin"]),
    ("POST", "/api/v1/payments/{id}/refund", &["admin"]),
    ("POST", "/api/v1/payments/{id}/resolve", &["admin"]),
    ("POST", "/api/v1/payments/checkout", &["customer", "driver", "staff", "admin"]),
    ("GET", "/api/v1/notifications", &["admin"]),
    ("GET", "/api/v1/notifications/counts", &["admin"]),
    ("GET", "/api/v1/notifications/{id}", &["admin"]),
    ("POST", "/api/v1/notifications/{id}/retry", &["admin"]),
    ("GET", "/api/v1/notifications/templates", &["admin"]),
    ("GET", "/api/v1/notifications/templates/{type}/preview", &["admin"]),
    ("POST", "/api/v1/notifications/send", &["admin"]),
    ("GET", "/api/v1/notifications/campaigns", &["admin"]),
    ("GET", "/api/v1/notifications/campaigns/{id}", &["admin"]),
    ("GET", "/api/v1/admin/settings", &["admin"]),
    ("PUT", "/api/v1/admin/settings", &["admin"]),
    ("GET", "/api/v1/admin/orders", &["staff", "admin"]),
    ("GET", "/api/v1/admin/dashboard", &["staff", "admin"]),
    ("GET", "/api/v1/admin/backups", &["admin"]),
    ("POST", "/api/v1/admin/backups", &["admin"]),
    ("POST", "/api/v1/admin/backups/{id}/verify", &["admin"]),
    ("GET", "/api/v1/admin/jobs", &["admin"]),
    ("GET", "/api/v1/admin/jobs/counts", &["admin"]),
    ("GET", "/api/v1/admin/jobs/{id}", &["admin"]),
    ("POST", "/api/v1/admin/jobs/{id}/retry", &["admin"]),
    ("POST", "/api/v1/admin/jobs/{id}/cancel", &["admin"]),
    ("GET", "/api/v1/admin/restored", &["admin"]),
    ("POST", "/api/v1/admin/restored/release", &["admin"]),
];

/// What everybody may do; a route that stands in neither list is one that nobody has thought about.
const OPEN: &[&str] = &[
    "GET /healthz",
    "GET /readyz",
    "GET /assets/{*path}",
    "GET /",
    "GET /setup",
    "GET /api/v1/setup",
    "POST /api/v1/setup",
    "GET /account/reset",
    "GET /account/invite",
    "GET /account/forgot",
    "GET /o/{id}",
    "GET /o/{id}/pay",
    "POST /o/{id}/pay",
    "GET /o/{id}/cancel",
    "POST /o/{id}/cancel",
    "GET /pay/return",
    "GET /pay/cancel",
    "GET /u/{token}",
    "POST /u/{token}",
    "GET /api/v1/openapi.json",
    "GET /api/v1/docs",
    "GET /api/v1/docs/errors",
    "POST /api/v1/auth/register",
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/auth/password/forgot",
    "POST /api/v1/auth/password/reset",
    "GET /api/v1/products",
    "GET /api/v1/products/{id}",
    "GET /api/v1/categories",
    "GET /api/v1/categories/{id}",
    "GET /api/v1/cart",
    "POST /api/v1/cart",
    "DELETE /api/v1/cart",
    "PUT /api/v1/cart/items/{itemId}",
    "DELETE /api/v1/cart/items/{itemId}",
    "POST /api/v1/orders",
    "GET /api/v1/payments/methods",
    "POST /api/v1/notifications/email/events",
    "GET /media/{picture}/{size}",
    "POST /api/v1/payments/webhook",
    "POST /api/v1/payments/webhook/{gateway}",
    "POST /api/v1/notifications/sms/status",
];

#[test]
fn the_table_keeps_what_was_promised() {
    for (method, path, roles) in PROMISED {
        let access = TABLE.iter().find(|access| (access.method, access.path) == (*method, *path));
        let access = access.unwrap_or_else(|| panic!("{method} {path} is not in the table"));
        for role in [None, Some("customer"), Some("driver"), Some("staff"), Some("admin")] {
            let promised = role.is_some_and(|role| roles.contains(&role));
            assert_eq!(told(access, role) == Gate::Open, promised, "{method} {path} as {role:?}");
        }
    }
    for access in TABLE.iter().filter(|access| access.who == Who::Anyone) {
        let route = format!("{} {}", access.method, access.path);
        assert!(OPEN.contains(&route.as_str()), "{route} is open to everybody; was that meant?");
    }
    for access in TABLE.iter().filter(|access| access.who != Who::Anyone) {
        let promised = PROMISED.iter().any(|(method, path, _)| (*method, *path) == (access.method, access.path));
        assert!(promised, "{} {} is promised to nobody; who may?", access.method, access.path);
    }
    let before_setup: Vec<&str> = TABLE.iter().filter(|access| access.before_setup).map(|access| access.path).collect();
    assert_eq!(before_setup, ["/healthz", "/readyz", "/assets/{*path}", "/", "/setup", "/api/v1/setup", "/api/v1/setup"]);
}

#[tokio::test]
async fn a_route_for_token_holders_takes_a_token_but_not_a_wrong_one() {
    let shop = Shop::open().await;
    for access in TABLE.iter().filter(|access| access.who == Who::SignedInOrToken && access.path.contains('{')) {
        let method: Method = access.method.parse().expect("a method");
        let request = shop.guest().request(method.clone(), &address(access)).header("x-order-token", &"x".repeat(32));
        let reply = if method == Method::GET { request.send().await } else { request.json(&json!({})).send().await };
        reply.expect_problem(404, "not_found");
    }
    shop.close().await;
}

#[test]
fn the_table_and_the_document_know_the_same_routes() {
    let document = bayader::app::openapi();
    let documented: BTreeSet<String> = document["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .flat_map(|(path, operations)| {
            let methods = operations.as_object().expect("operations").keys();
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let listed: BTreeSet<String> =
        TABLE.iter().map(|access| format!("{} {}", access.method, access.path.replace("{*", "{"))).collect();
    assert_eq!(documented, listed);
}
