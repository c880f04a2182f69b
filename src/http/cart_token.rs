//! A cart's token on the wire: the header `X-Cart-Token`, or a cookie for pages that keep none themselves.
//!
//! The cookie needs no token against forged requests: `SameSite=Lax` keeps it out of other sites' writes, every write with a body
//! must be `application/json`, which no foreign form sends, and all it opens is a cart. It never signs anybody in.

use axum::response::Response;
use cookie::{Cookie, SameSite};
use http::{HeaderValue, header};

use super::Context;

/// The cookie's name.
const COOKIE: &str = "bayader_cart";
/// The cookie lives as long as the cart may without a change (SPEC 4).
const COOKIE_LIFE: cookie::time::Duration = cookie::time::Duration::days(30);

/// The token that a request carries; the header's goes before the cookie's.
#[must_use]
pub fn cart_token(context: &Context) -> Option<String> {
    if let Some(token) = context.header("x-cart-token").filter(|token| !token.is_empty()) {
        return Some(token.to_owned());
    }
    let lines = context.headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(Cookie::split_parse).filter_map(Result::ok);
    cookies.find(|cookie| cookie.name() == COOKIE).map(|cookie| cookie.value().to_owned())
}

/// Gives a browser the token to keep, out of reach of the page's scripts.
#[must_use]
pub fn with_cart_cookie(context: &Context, token: &str, mut response: Response) -> Response {
    let cookie = Cookie::build((COOKIE, token))
        .http_only(true)
        .same_site(SameSite::Lax)
        .path("/")
        .max_age(COOKIE_LIFE)
        .secure(context.client.secure)
        .build();
    if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}
