//! The cookie by which an order's page knows who holds its token (SPEC 9).
//!
//! A link carries the token once; the page takes it out of the address bar and gives it to the browser for that order's addresses
//! alone. `SameSite=Lax`: a buyer comes back from the gateway by a link of another site and must be known, while another site's forms
//! come without it. It lies on a path, so it has `__Secure-`, not `__Host-`, which wants `/` (RFC 6265bis, 4.1.3).

use cookie::{Cookie, SameSite};
use http::{HeaderValue, header};

use super::Context;
use crate::kernel::OrderId;

const SECURE_NAME: &str = "__Secure-bayader_order";
const PLAIN_NAME: &str = "bayader_order";
/// As long as an order's token may live after its delivery; the link opens the page again.
const LIFE: cookie::time::Duration = cookie::time::Duration::days(90);

const fn name(secure: bool) -> &'static str {
    if secure { SECURE_NAME } else { PLAIN_NAME }
}

/// The order's token of a request. One that stands there twice comes as an empty text, which is nobody's.
#[must_use]
pub fn presented(context: &Context) -> Option<String> {
    let lines = context.headers.get_all(header::COOKIE).iter().map(|line| line.to_str().unwrap_or(""));
    let ours = lines.flat_map(Cookie::split_parse).filter_map(Result::ok);
    let mut ours = ours.filter(|cookie| cookie.name() == name(context.client.secure));
    let first = ours.next()?;
    Some(if ours.next().is_none() { first.value().to_owned() } else { String::new() })
}

/// `Set-Cookie` that hands an order's token to the browser.
#[must_use]
pub fn set(order: OrderId, token: &str, secure: bool) -> HeaderValue {
    let cookie = Cookie::build((name(secure), token))
        .path(format!("/o/{order}"))
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(secure)
        .max_age(LIFE)
        .build();
    // Our tokens are base64url, which any header takes.
    HeaderValue::from_str(&cookie.to_string()).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_its_orders_alone_and_out_of_reach_of_scripts() {
        let order = OrderId::from_uuid(uuid::Uuid::from_u128(7));
        let path = "/o/00000000-0000-0000-0000-000000000007";
        assert_eq!(
            set(order, "t", true),
            format!("__Secure-bayader_order=t; HttpOnly; SameSite=Lax; Secure; Path={path}; Max-Age=7776000")
        );
        assert_eq!(set(order, "t", false), format!("bayader_order=t; HttpOnly; SameSite=Lax; Path={path}; Max-Age=7776000"));
    }
}
