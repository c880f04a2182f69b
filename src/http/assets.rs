//! Files that lie in the binary: pages under `assets/pages`, what pages load under `assets/web`.
//!
//! A page is one file a language, `name.en.html` and `name.ar.html`, and the same for everybody: whatever is the caller's own its
//! script fetches from the API. So a page needs no template, and its policy allows nothing that did not come from here.

use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::problem::not_found;
use super::{Answer, Context, Fields, Input, etag};
use crate::kernel::{Fault, Locale};

/// What a page may load and where it may send: this server alone. No inline script or style, no frame around it.
pub const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Of the files under `assets/web`.
pub const MEDIA_TYPES: &[&str] = &["text/css", "text/javascript", "image/svg+xml", "font/woff2"];

#[derive(RustEmbed)]
#[folder = "assets/pages"]
struct Pages;

#[derive(RustEmbed)]
#[folder = "assets/web"]
struct Web;

/// `assets/pages/<name>.<language>.html`: in the language of `?lang=en|ar`, else the caller's. It is kept nowhere, because its
/// address may carry a secret, and tells nobody where its links were followed from.
///
/// # Errors
/// A fault if there is no such page.
pub fn page(context: &Context, name: &'static str) -> Answer {
    let locale = asked_language(context).unwrap_or(context.locale);
    let file = format!("{name}.{}.html", locale.code());
    let found = Pages::get(&file).ok_or_else(|| Fault::because(format!("there is no page assets/pages/{file}")))?;
    Ok(html(locale, bytes_of(found)))
}

/// A page that is already written.
#[must_use]
pub fn html(locale: Locale, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    tell_page(response.headers_mut(), locale);
    response
}

/// The headers of every page.
pub(super) fn tell_page(headers: &mut HeaderMap, locale: Locale) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(locale.code()));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Language"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

/// The language a page's address asks for.
#[must_use]
pub fn asked_language(context: &Context) -> Option<Locale> {
    let query = context.query.as_deref()?;
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "lang").and_then(|(_, value)| Locale::from_code(&value))
}

/// The query of a page.
#[derive(Clone, Copy, Debug)]
pub struct PageQuery;

impl Input for PageQuery {
    const NAME: &'static str = "PageQuery";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        fields.opt::<Locale>("lang");
        Some(PageQuery)
    }
}

/// Answers `GET /assets/{*path}` with `assets/web/<path>`. A browser asks each time whether it changed, so that an upgrade never
/// mixes old files with new ones.
pub async fn file(context: Context, Path(path): Path<String>) -> Answer {
    let found = Web::get(&path).ok_or_else(not_found)?;
    let media_type = HeaderValue::from_str(&media_type(&found)).map_err(Fault::new)?;
    let body = bytes_of(found);
    let tag = etag::tag(0, &body);
    let known = context.header("if-none-match").is_some_and(|seen| etag::matches(seen, &tag));
    let mut response = Response::new(if known { Body::empty() } else { Body::from(body) });
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
    Ok(super::respond::with_tag(response, &tag))
}

fn media_type(file: &EmbeddedFile) -> String {
    match file.metadata.mimetype() {
        text if text.starts_with("text/") => format!("{text}; charset=utf-8"),
        other => other.to_owned(),
    }
}

fn bytes_of(file: EmbeddedFile) -> Bytes {
    match file.data {
        std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_stands_in_both_languages_and_says_so() {
        for file in Pages::iter() {
            let (name, language) =
                file.strip_suffix(".html").and_then(|file| file.rsplit_once('.')).expect("name.language.html");
            let locale = Locale::from_code(language).expect("a language of ours");
            assert!(Pages::get(&format!("{name}.{}.html", locale.other().code())).is_some(), "{file} has no twin");
            let text = String::from_utf8(Pages::get(&file).expect("it was listed").data.into_owned()).expect("UTF-8");
            let direction = if locale == Locale::Ar { "rtl" } else { "ltr" };
            assert!(text.contains(&format!("<html lang=\"{language}\" dir=\"{direction}\">")), "{file}");
        }
    }

    #[test]
    fn every_file_is_of_a_media_type_that_is_told() {
        for file in Web::iter() {
            let found = Web::get(&file).expect("it was listed");
            assert!(MEDIA_TYPES.contains(&found.metadata.mimetype()), "{file}: {}", found.metadata.mimetype());
        }
    }

    /// What the policy would refuse, and what would break in one of the two directions.
    #[test]
    fn pages_and_styles_keep_to_what_the_policy_and_both_directions_allow() {
        for file in Pages::iter() {
            let text = String::from_utf8(Pages::get(&file).expect("it was listed").data.into_owned()).expect("UTF-8");
            for refused in ["style=\"", "<style", "onclick=", "onsubmit=", "<script>", "https://", "http://"] {
                assert!(!text.contains(refused), "{file}: {refused}");
            }
        }
        for file in Web::iter().filter(|file| file.ends_with(".css")) {
            let text = String::from_utf8(Web::get(&file).expect("it was listed").data.into_owned()).expect("UTF-8");
            for one_sided in ["-left", "-right", "left:", "right:", ": left", ": right", "url(http", "@import"] {
                assert!(!text.contains(one_sided), "{file}: {one_sided}");
            }
        }
    }
}
