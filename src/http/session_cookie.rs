//! The cookie of a signed-in browser, and what a request must show beside it (SPEC 9, docs/decisions/0008-cookie-sessions.md).
//!
//! A browser sends cookies by itself, whoever wrote the page. So the cookie counts on a request that changes something only with
//! `X-CSRF-Token`, which a foreign page cannot know, and only if the browser does not say that a foreign page asks.

use cookie::{Cookie, SameSite};
use http::{HeaderMap, HeaderValue, header};

use super::Context;
use crate::kernel::problem::kinds;
use crate::kernel::{Problem, Result};

/// The cookie's name over HTTPS. The prefix makes browsers refuse it from other hosts, paths and from plain HTTP (RFC 6265bis,
/// 4.1.3.2).
pub const SECURE_NAME: &str = "__Host-bayader_session";
/// Its name over plain HTTP, where the prefix is not to be had: on this machine and in the house's own network.
pub const PLAIN_NAME: &str = "bayader_session";
/// By it a caller asks for the cookie instead of tokens, when signing in.
pub const SESSION_HEADER: &str = "x-session";
/// By it a page proves that it was written here.
pub const CSRF_HEADER: &str = "x-csrf-token";

const fn name(secure: bool) -> &'static str {
    if secure { SECURE_NAME } else { PLAIN_NAME }
}

/// The session's cookie of a request. One that stands there twice or cannot be read comes as an empty text, which is nobody's.
#[must_use]
pub fn presented(headers: &HeaderMap, secure: bool) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().map(|line| line.to_str().unwrap_or(""));
    let ours: Vec<String> = lines
        .flat_map(Cookie::split_parse)
        .filter_map(Result::ok)
        .filter(|cookie| cookie.name() == name(secure))
        .map(|cookie| cookie.value().to_owned())
        .collect();
    match <[String; 1]>::try_from(ours) {
        Ok([value]) => Some(value),
        Err(none) if none.is_empty() => None,
        Err(_) => Some(String::new()),
    }
}

/// `Set-Cookie` that hands the cookie over, for so many seconds.
#[must_use]
pub fn set(value: &str, secure: bool, lasts_s: i64) -> HeaderValue {
    written(value, secure, lasts_s)
}

/// `Set-Cookie` that takes it back.
#[must_use]
pub fn clear(secure: bool) -> HeaderValue {
    written("", secure, 0)
}

fn written(value: &str, secure: bool, lasts_s: i64) -> HeaderValue {
    let cookie = Cookie::build((name(secure), value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(secure)
        .max_age(cookie::time::Duration::seconds(lasts_s))
        .build();
    // Our values are ids and base64url, which any header takes.
    HeaderValue::from_str(&cookie.to_string()).unwrap_or(HeaderValue::from_static(""))
}

/// Whether a sign-in asks for the cookie: `X-Session: cookie`.
///
/// # Errors
/// 422 for any other value; 403 `csrf_refused` if a page of another site asks.
pub fn is_asked_for(context: &Context, public_url: &str) -> Result<bool> {
    match context.header(SESSION_HEADER) {
        None => Ok(false),
        Some("cookie") => check_page(context, public_url).map(|()| true),
        Some(_) => Err(Problem::field("X-Session", "unknown_value", "must be cookie, or be left out").into()),
    }
}

/// What a cookie must have beside it, to change something.
///
/// # Errors
/// 403 `csrf_refused`.
pub fn check_csrf(context: &Context, public_url: &str, matches: impl FnOnce(&str) -> bool) -> Result<()> {
    match context.header(CSRF_HEADER) {
        Some(token) if matches(token) => check_page(context, public_url),
        Some(_) => {
            Err(csrf_refused("X-CSRF-Token is not that of this session. Read csrfToken anew at GET /api/v1/auth/me.").into())
        }
        None => Err(csrf_refused(
            "A request that changes something and shows the session's cookie needs the header X-CSRF-Token: the csrfToken of \
             signing in, or of GET /api/v1/auth/me.",
        )
        .into()),
    }
}

/// Refuses what comes from a page of another site, as far as the browser tells.
///
/// # Errors
/// 403 `csrf_refused`.
pub fn check_page(context: &Context, public_url: &str) -> Result<()> {
    if is_own_page(&context.headers, context.client.secure, public_url) {
        return Ok(());
    }
    Err(csrf_refused(
        "The browser says that a page of another site asks. Only pages of this shop may use its session cookie; if this is one, \
         set server.public_url to the address that the browser shows.",
    )
    .into())
}

/// As [`check_page`], of a form on one of our pages. Those send no referrer, and then browsers that do not tell `Sec-Fetch-Site`
/// (older ones, and all of them over plain HTTP) say `Origin: null`, whoever wrote the form: there its key alone decides.
///
/// # Errors
/// 403 `csrf_refused`.
pub fn check_form(context: &Context, public_url: &str, key_matches: bool) -> Result<()> {
    let tells_nothing = context.header("sec-fetch-site").is_none() && context.header("origin") == Some("null");
    if !key_matches {
        return Err(csrf_refused(
            "The form's key is not that of this page. Open the page again, and send the form from there.",
        )
        .into());
    }
    if tells_nothing { Ok(()) } else { check_page(context, public_url) }
}

fn csrf_refused(detail: &'static str) -> Problem {
    Problem::of(&kinds::CSRF_REFUSED).detail(detail)
}

/// `Sec-Fetch-Site`, which no page can forge, decides where it is sent; else `Origin`; a caller that sends neither is no browser
/// of today, and there the token alone decides.
fn is_own_page(headers: &HeaderMap, secure: bool, public_url: &str) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site.as_bytes() == b"same-origin";
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    let scheme = if secure { "https" } else { "http" };
    let own = format!("{scheme}://{host}");
    !host.is_empty() && origin.eq_ignore_ascii_case(&own) || origin.eq_ignore_ascii_case(origin_of(public_url))
}

/// `https://shop.example` of `https://shop.example/bakery`.
fn origin_of(url: &str) -> &str {
    let host_at = url.find("://").map_or(0, |at| at + 3);
    let end = url[host_at..].find('/').map_or(url.len(), |at| host_at + at);
    &url[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).expect("a value"));
        }
        headers
    }

    #[test]
    fn the_cookie_has_every_lock_there_is() {
        let (secure, plain) = (set("a.b", true, 60), set("a.b", false, 60));
        assert_eq!(secure, "__Host-bayader_session=a.b; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=60");
        assert_eq!(plain, "bayader_session=a.b; HttpOnly; SameSite=Strict; Path=/; Max-Age=60");
        assert_eq!(clear(true), "__Host-bayader_session=; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=0");
    }

    #[test]
    fn one_cookie_of_the_right_name_is_read_and_two_are_nobodys() {
        let read = |lines: &[(&'static str, &str)], secure| presented(&headers(lines), secure);
        assert_eq!(read(&[], false), None);
        assert_eq!(read(&[("cookie", "cart=1; bayader_session=a.b; x=y")], false).as_deref(), Some("a.b"));
        assert_eq!(read(&[("cookie", "cart=1"), ("cookie", "bayader_session=a.b")], false).as_deref(), Some("a.b"));
        assert_eq!(read(&[("cookie", "__Host-bayader_session=a.b")], true).as_deref(), Some("a.b"));
        // A plain one over HTTPS may come from whoever answers for the name without HTTPS.
        assert_eq!(read(&[("cookie", "bayader_session=a.b")], true), None);
        assert_eq!(read(&[("cookie", "__Host-bayader_session=a.b")], false), None);
        assert_eq!(read(&[("cookie", "bayader_session=a.b; bayader_session=c.d")], false).as_deref(), Some(""));
        assert_eq!(read(&[("cookie", ";;=;bayader_session")], false), None);
    }

    #[test]
    fn a_page_of_another_site_is_known_by_what_the_browser_says() {
        let own = |lines: &[(&'static str, &str)], secure| is_own_page(&headers(lines), secure, "https://shop.example/bakery");
        assert!(own(&[], false));
        assert!(own(&[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")], true));
        for site in ["cross-site", "same-site", "none", "", "SAME-ORIGIN"] {
            assert!(
                !own(&[("sec-fetch-site", site), ("host", "shop.example"), ("origin", "https://shop.example")], true),
                "{site}"
            );
        }
        let host = ("host", "192.168.1.5:8080");
        assert!(own(&[host, ("origin", "http://192.168.1.5:8080")], false));
        assert!(own(&[host, ("origin", "https://shop.example")], false));
        assert!(own(&[host, ("origin", "https://SHOP.example")], true));
        for origin in [
            "null",
            "",
            "http://192.168.1.5",
            "https://192.168.1.5:8080",
            "http://192.168.1.5:8080.evil.example",
            "http://shop.example",
            "https://shop.example.evil.example",
            "https://evil.example",
        ] {
            assert!(!own(&[host, ("origin", origin)], false), "{origin}");
        }
        assert!(!own(&[("origin", "http://")], false));
    }
}
