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

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;

    use http::{HeaderMap, HeaderName, Method};

    use super::*;
    use crate::http::Caller;
    use crate::http::context::{Client, Received};
    use crate::kernel::{Currency, Locale, ShopFormat, ShopZone};

    fn context(headers: &[(&'static str, &str)], secure: bool) -> Context {
        let zone = ShopZone::named("Asia/Amman").expect("known");
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"));
        }
        Context {
            by_cookie: false,
            request_id: "test".into(),
            locale: Locale::En,
            caller: Caller::Guest,
            client: Client { address: IpAddr::V4(Ipv4Addr::LOCALHOST), secure },
            shop: Arc::new(ShopFormat {
                currency: Currency::JOD,
                zone,
                calling_code: Some("962"),
                locale: Locale::En,
                gateways: [].into(),
            }),
            received: Received::Whole(bytes::Bytes::new()),
            headers: Arc::new(map),
            method: Method::GET,
            path: "/api/v1/cart".into(),
            query: None,
        }
    }

    #[test]
    fn the_header_goes_before_the_cookie_and_odd_cookies_are_none() {
        let token = |headers: &[(&'static str, &str)]| cart_token(&context(headers, false));
        assert_eq!(token(&[("x-cart-token", "a"), ("cookie", "bayader_cart=b")]).as_deref(), Some("a"));
        assert_eq!(token(&[("x-cart-token", ""), ("cookie", "x=1;bayader_cart=b ; y")]).as_deref(), Some("b"));
        assert_eq!(token(&[("cookie", "x=1"), ("cookie", "bayader_cart=b")]).as_deref(), Some("b"));
        for odd in ["", ";;;", "bayader_cart", "=", "other_bayader_cart=b", "\u{e9}=\u{e9}"] {
            assert_eq!(token(&[("cookie", odd)]), None, "{odd}");
        }
    }

    #[test]
    fn a_cookie_that_came_by_https_goes_by_https_alone() {
        let cookie = |secure| {
            let response = with_cart_cookie(&context(&[], secure), "a", Response::default());
            response.headers()[header::SET_COOKIE].to_str().expect("ASCII").to_owned()
        };
        assert_eq!(cookie(true), "bayader_cart=a; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=2592000");
        assert_eq!(cookie(false), "bayader_cart=a; HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000");
    }
}
