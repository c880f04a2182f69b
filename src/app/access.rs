//! Who may use which route: one table (SPEC 3), walked by a test as every role and as a stranger.

use crate::http::gate::{Access, Takes, Who};
use crate::kernel::Role;

const STAFF: Who = Who::Roles(&[Role::Staff, Role::Admin]);
const ADMIN: Who = Who::Roles(&[Role::Admin]);

const fn line(method: &'static str, path: &'static str, who: Who) -> Access {
    Access {
        method,
        path,
        who,
        before_setup: false,
        limited: true,
        ignores_bearer: false,
        carries_secrets: false,
        takes: Takes::Json,
    }
}

const fn signs_in(path: &'static str) -> Access {
    Access {
        method: "POST",
        path,
        who: Who::Anyone,
        before_setup: false,
        limited: true,
        ignores_bearer: true,
        carries_secrets: true,
        takes: Takes::Json,
    }
}

const fn health(path: &'static str) -> Access {
    Access {
        method: "GET",
        path,
        who: Who::Anyone,
        before_setup: true,
        limited: false,
        ignores_bearer: true,
        carries_secrets: false,
        takes: Takes::Json,
    }
}

/// A page of the binary, or what one loads: the same for everybody, so a bearer is not looked at.
const fn page(path: &'static str) -> Access {
    Access {
        method: "GET",
        path,
        who: Who::Anyone,
        before_setup: false,
        limited: true,
        ignores_bearer: true,
        carries_secrets: false,
        takes: Takes::Json,
    }
}

/// Where gateways and carriers tell what has happened. Their signature is their credential, and who signs well is never too many (SPEC 2).
const fn webhook(path: &'static str) -> Access {
    Access {
        method: "POST",
        path,
        who: Who::Anyone,
        before_setup: false,
        limited: false,
        ignores_bearer: true,
        carries_secrets: false,
        takes: Takes::Raw { most: 256 << 10 },
    }
}

/// What a form on such a page sends. The order's cookie says who may, the form's own key that it was written here.
const fn form(path: &'static str) -> Access {
    Access { method: "POST", takes: Takes::Form, ..page(path) }
}

/// Where files are sent in parts.
const fn files(path: &'static str, who: Who) -> Access {
    Access { takes: Takes::Files, ..line("POST", path, who) }
}

/// A picture. The link's own key is its credential, and a page of the menu asks for a hundred at once.
const fn picture(path: &'static str) -> Access {
    Access { limited: false, ..page(path) }
}

/// Whether a path, as it was sent, is one to which files are sent.
pub(super) fn takes_files(method: &http::Method, path: &str) -> bool {
    let is_it = |access: &Access| {
        let (mut wanted, mut sent) = (access.path.split('/'), path.split('/'));
        let parts_match = wanted.by_ref().zip(sent.by_ref()).all(|(wanted, sent)| wanted.starts_with('{') || wanted == sent);
        parts_match && wanted.next().is_none() && sent.next().is_none()
    };
    TABLE.iter().any(|access| access.takes == Takes::Files && access.method == method.as_str() && is_it(access))
}

/// Every route there is.
#[rustfmt::skip]
pub const TABLE: &[Access] = &[
    health("/healthz"),
    health("/readyz"),
    Access { before_setup: true, ..page("/assets/{*path}") },
    Access { before_setup: true, ..page("/") },
    Access { before_setup: true, ..page("/setup") },
    page("/account/reset"),
    page("/account/invite"),
    page("/account/forgot"),
    page("/o/{id}"),
    page("/o/{id}/pay"),
    form("/o/{id}/pay"),
    page("/o/{id}/cancel"),
    form("/o/{id}/cancel"),
    page("/pay/return"),
    page("/pay/cancel"),
    page("/u/{token}"),
    Access { method: "POST", takes: Takes::Raw { most: 64 << 10 }, ..page("/u/{token}") },
    Access { before_setup: true, ..page("/api/v1/setup") },
    Access { before_setup: true, ..signs_in("/api/v1/setup") },
    line("GET",    "/api/v1/openapi.json",              Who::Anyone),
    page("/api/v1/docs"),
    page("/api/v1/docs/errors"),
    line("POST",   "/api/v1/auth/register",             Who::Anyone).with_secrets(),
    signs_in("/api/v1/auth/login"),
    signs_in("/api/v1/auth/refresh"),
    line("POST",   "/api/v1/auth/logout",               Who::SignedIn),
    line("GET",    "/api/v1/auth/me",                   Who::SignedIn),
    line("GET",    "/api/v1/auth/sessions",             Who::SignedIn),
    line("DELETE", "/api/v1/auth/sessions/{id}",        Who::SignedIn),
    line("GET",    "/api/v1/admin/audit",               ADMIN),
    line("PUT",    "/api/v1/auth/password",             Who::SignedIn).with_secrets(),
    signs_in("/api/v1/auth/password/forgot"),
    signs_in("/api/v1/auth/password/reset"),
    line("GET",    "/api/v1/users",                     ADMIN),
    line("GET",    "/api/v1/users/{id}",                Who::SignedIn),
    line("PUT",    "/api/v1/users/{id}",                Who::SignedIn),
    line("DELETE", "/api/v1/users/{id}",                Who::SignedIn).with_secrets(),
    line("POST",   "/api/v1/users/{id}/invite",         ADMIN),
    line("GET",    "/api/v1/categories",                Who::Anyone),
    line("GET",    "/api/v1/categories/{id}",           Who::Anyone),
    line("POST",   "/api/v1/categories",                ADMIN),
    line("PUT",    "/api/v1/categories/{id}",           ADMIN),
    line("DELETE", "/api/v1/categories/{id}",           ADMIN),
    line("GET",    "/api/v1/products",                  Who::Anyone),
    line("GET",    "/api/v1/products/{id}",             Who::Anyone),
    line("POST",   "/api/v1/products",                  ADMIN),
    line("PUT",    "/api/v1/products/{id}",             ADMIN),
    line("DELETE", "/api/v1/products/{id}",             ADMIN),
    line("GET",    "/api/v1/products/{id}/images",      STAFF),
    files("/api/v1/products/{id}/images",               ADMIN),
    line("PUT",    "/api/v1/products/{id}/images",      ADMIN),
    line("DELETE", "/api/v1/products/{id}/images/{imageId}", ADMIN),
    picture("/media/{picture}/{size}"),
    line("GET",    "/api/v1/inventory",                 STAFF),
    line("GET",    "/api/v1/inventory/low",             STAFF),
    line("GET",    "/api/v1/inventory/{productId}/log", STAFF),
    line("PUT",    "/api/v1/inventory/{productId}",     STAFF),
    line("POST",   "/api/v1/inventory/adjust",          STAFF),
    line("GET",    "/api/v1/cart",                      Who::Anyone),
    line("POST",   "/api/v1/cart",                      Who::Anyone),
    line("DELETE", "/api/v1/cart",                      Who::Anyone),
    line("PUT",    "/api/v1/cart/items/{itemId}",       Who::Anyone),
    line("DELETE", "/api/v1/cart/items/{itemId}",       Who::Anyone),
    line("POST",   "/api/v1/orders",                    Who::Anyone),
    line("GET",    "/api/v1/orders",                    Who::SignedIn),
    line("GET",    "/api/v1/orders/{id}",               Who::SignedInOrToken),
    line("PUT",    "/api/v1/orders/{id}/status",        STAFF),
    line("POST",   "/api/v1/orders/{id}/cancel",        Who::SignedInOrToken),
    line("POST",   "/api/v1/orders/{id}/undo",          STAFF),
    line("POST",   "/api/v1/orders/{id}/collect",       STAFF),
    line("GET",    "/api/v1/payments/methods",          Who::Anyone),
    line("GET",    "/api/v1/payments",                  STAFF),
    line("GET",    "/api/v1/payments/{id}",             STAFF),
    line("GET",    "/api/v1/payments/differences",      ADMIN),
    line("POST",   "/api/v1/payments/{id}/refund",      ADMIN),
    line("POST",   "/api/v1/payments/{id}/resolve",     ADMIN),
    line("POST",   "/api/v1/payments/checkout",         Who::SignedInOrToken),
    webhook("/api/v1/payments/webhook"),
    webhook("/api/v1/payments/webhook/{gateway}"),
    Access { takes: Takes::Raw { most: 4 << 20 }, ..webhook("/api/v1/notifications/email/events") },
    webhook("/api/v1/notifications/sms/status"),
    line("GET",    "/api/v1/notifications/templates",   ADMIN),
    line("GET",    "/api/v1/notifications/templates/{type}/preview", ADMIN),
    line("POST",   "/api/v1/notifications/send",        ADMIN),
    line("GET",    "/api/v1/notifications/campaigns",   ADMIN),
    line("GET",    "/api/v1/notifications/campaigns/{id}", ADMIN),
    line("GET",    "/api/v1/notifications",             ADMIN),
    line("GET",    "/api/v1/notifications/counts",      ADMIN),
    line("GET",    "/api/v1/notifications/{id}",        ADMIN),
    line("POST",   "/api/v1/notifications/{id}/retry",  ADMIN),
    line("GET",    "/api/v1/admin/settings",            ADMIN),
    line("PUT",    "/api/v1/admin/settings",            ADMIN),
    line("GET",    "/api/v1/admin/orders",              STAFF),
    line("GET",    "/api/v1/admin/dashboard",           STAFF),
    line("GET",    "/api/v1/admin/backups",             ADMIN),
    line("POST",   "/api/v1/admin/backups",             ADMIN),
    line("POST",   "/api/v1/admin/backups/{id}/verify", ADMIN),
    line("GET",    "/api/v1/admin/jobs",                ADMIN),
    line("GET",    "/api/v1/admin/jobs/counts",         ADMIN),
    line("GET",    "/api/v1/admin/jobs/{id}",           ADMIN),
    line("POST",   "/api/v1/admin/jobs/{id}/retry",     ADMIN),
    line("POST",   "/api/v1/admin/jobs/{id}/cancel",    ADMIN),
    line("GET",    "/api/v1/admin/restored",            ADMIN),
    line("POST",   "/api/v1/admin/restored/release",    ADMIN),
];
