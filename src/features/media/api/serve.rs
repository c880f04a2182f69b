//! `GET /media/{picture}/{size}`: a rendition, by its signed link.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::features::media::model::KeptFile;
use crate::features::media::pictures::disk_fault;
use crate::features::media::ranges::{Asked, asked};
use crate::features::media::{Drawn, MediaPath, PictureHash, Size, Week, problems, sql};
use crate::features::{AppState, Shop};
use crate::http::extract::Ids;
use crate::http::problem::not_found;
use crate::http::{Answer, Context, Fields, Input, Route, etag};
use crate::kernel::text::Lines;
use crate::kernel::{Error, Fault, Problem, Result};

/// Bytes that are read at once; most thumbs and cards are one such piece.
const PIECE_BYTES: u64 = 128 << 10;
const MEDIA_TYPES: &[&str] = &["image/webp", "image/jpeg"];
/// A link's bytes never change while it is good, and a new week brings a new link.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// A link of the bucket is good for six days at least when it is given (`Bucket::link`); a day is left for who loads it late.
const SOME_DAYS: HeaderValue = HeaderValue::from_static("public, max-age=432000");
/// Opened by itself, a picture may do nothing.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'");

pub(super) fn routes() -> Vec<Route<AppState>> {
    vec![
        Route::get("/media/{picture}/{size}", serve, "Load a picture")
            .describe("By the links in `images` and `image`, as they stand there: they are signed, are good for one to two weeks (until a Monday, 00:00 UTC) and are the same for everybody within a week. WebP for who takes `image/webp`, else JPEG. `Range` with one range, `If-None-Match` and `If-Range` are heard; the answer may be kept as long as the link is known.")
            .word("picture", "The picture's name.")
            .word("size", "`thumb`, `card` or `full`.")
            .query::<LinkQuery>()
            .answers_file(200, "The picture", MEDIA_TYPES)
            .answers_file(206, "The part of it that `Range` names", MEDIA_TYPES)
            .answers_empty(302, "It lies in the shop's bucket, and this says where (`[media] serve = \"s3\"`)")
            .tagged()
            .refuses(&[&problems::LINK_EXPIRED, &problems::RANGE_OUTSIDE]),
    ]
}

/// What a link bears.
struct LinkQuery;

impl Input for LinkQuery {
    const NAME: &'static str = "PictureLink";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        fields.opt_text("until", Lines::One, 0..=200);
        fields.opt_text("key", Lines::One, 0..=200);
        Some(LinkQuery)
    }
}

async fn serve(State(app): State<AppState>, context: Context, Ids(picture, size): Ids<String, String>) -> Answer {
    let picture = PictureHash::parse(&picture).ok_or_else(not_found)?;
    let size = Size::from_code(&size).ok_or_else(not_found)?;
    check_link(&app, &context, picture, size)?;
    let drawn = if takes_webp(context.header("accept")) { Drawn::Webp } else { Drawn::Jpeg };
    let path = MediaPath::rendition(picture, size, drawn);
    let named = path.clone();
    let kept = app.db.read(move |reader| sql::file(reader, &named)).await?.ok_or_else(not_found)?;
    if let Some(url) = in_bucket(&app, &kept) {
        return Ok(elsewhere(&url));
    }
    let tag = tag_of(&kept);
    if context.header("if-none-match").is_some_and(|seen| etag::matches(seen, &tag)) {
        return Ok(answer(StatusCode::NOT_MODIFIED, &tag, drawn, Body::empty()));
    }
    let Some((file, length)) = app.media.on_disk(move |store| store.open_file(&path)).await?.map_err(disk_fault)? else {
        tracing::warn!(picture = %picture, size = size.code(), "a picture's file is not on the disk; bayader media check repairs it");
        return Err(not_found());
    };
    // A part of another version than the caller has is of no use to it.
    let is_same = context.header("if-range").is_none_or(|seen| seen == tag);
    let range = context.header("range").filter(|_| is_same && context.method == http::Method::GET);
    let (status, first, last) = match asked(range, length) {
        Asked::Outside => return Ok(outside(length)),
        Asked::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last),
        Asked::Whole => (StatusCode::OK, 0, length.saturating_sub(1)),
    };
    let count = if length == 0 { 0 } else { last - first + 1 };
    let body = if context.method == http::Method::HEAD { Body::empty() } else { pieces(&app, file, first, count).await? };
    let mut response = answer(status, &tag, drawn, body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(drawn.media_type()));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(count));
    if status == StatusCode::PARTIAL_CONTENT {
        set(headers, header::CONTENT_RANGE, &format!("bytes {first}-{last}/{length}"));
    }
    Ok(response)
}

/// Where the bucket gives a file, if links lead there and it has it. What it has not yet, the shop gives itself.
fn in_bucket(app: &Shop, kept: &KeptFile) -> Option<String> {
    let copies = app.copies.as_ref().filter(|_| app.serves_from_bucket && kept.copied_at.is_some())?;
    Some(copies.bucket().link(kept.path.as_str()))
}

/// Our own links are the same for a week and know what their caller takes; S3's live seven days at most and know nothing. So ours stay
/// in every answer and lead on to one of theirs (docs/pictures.md).
fn elsewhere(url: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    let headers = response.headers_mut();
    set(headers, header::LOCATION, url);
    headers.insert(header::CACHE_CONTROL, SOME_DAYS);
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}

fn check_link(app: &Shop, context: &Context, picture: PictureHash, size: Size) -> Result<()> {
    let (mut until, mut key) = (None, None);
    for (name, value) in form_urlencoded::parse(context.query.as_deref().unwrap_or("").as_bytes()) {
        match name.as_ref() {
            "until" => until = value.parse::<i64>().ok(),
            "key" => key = Some(value),
            _ => {}
        }
    }
    let is_good = |(until, key): (i64, std::borrow::Cow<'_, str>)| {
        // The key first, so that the time it takes says nothing of the week.
        app.keys.media_key_matches(picture.as_bytes(), size.code(), until, &key)
            & (app.clock.now() < Week::from_number(until).begins())
    };
    if until.zip(key).is_some_and(is_good) {
        return Ok(());
    }
    Err(Problem::of(&problems::LINK_EXPIRED)
        .detail("This link to a picture has ended, or is not as it was given. Read the product or the order again: it carries new ones.")
        .into())
}

/// Whether WebP is named, and not by a weight of 0. `*/*` alone says nothing: every program can show a JPEG.
fn takes_webp(accept: Option<&str>) -> bool {
    accept.into_iter().flat_map(|text| text.split(',')).any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let is_webp = parts.next().is_some_and(|media_type| media_type.eq_ignore_ascii_case("image/webp"));
        let is_refused = |part: &str| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.is_some_and(|weight| weight.bytes().all(|byte| matches!(byte, b'0' | b'.')))
        };
        is_webp && !parts.any(is_refused)
    })
}

/// By the file's own bytes, so that WebP and JPEG differ. A file has no versions.
fn tag_of(kept: &KeptFile) -> String {
    let hash = PictureHash::from_bytes(kept.sha256).to_string();
    format!("\"0.{}\"", &hash[..16])
}

fn answer(status: StatusCode, tag: &str, drawn: Drawn, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    set(headers, header::ETAG, tag);
    headers.insert(header::CACHE_CONTROL, FOR_EVER);
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    // Storefronts of other origins show these pictures.
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    headers.insert(header::CONTENT_DISPOSITION, disposition(drawn));
    response
}

fn disposition(drawn: Drawn) -> HeaderValue {
    match drawn {
        Drawn::Webp => HeaderValue::from_static("inline; filename=\"picture.webp\""),
        Drawn::Jpeg => HeaderValue::from_static("inline; filename=\"picture.jpg\""),
    }
}

fn set(headers: &mut HeaderMap, name: http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn outside(length: u64) -> Response {
    let problem = Problem::of(&problems::RANGE_OUTSIDE).detail(format!(
        "The picture has {length} bytes, and the range begins behind them. Ask without Range, or for a part that is there."
    ));
    let mut response = Error::from(problem).into_response();
    set(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{length}"));
    response
}

/// The bytes of a part of a file, read piece by piece on threads that may wait for the disk.
async fn pieces(app: &AppState, file: File, first: u64, count: u64) -> Result<Body> {
    let file = Arc::new(file);
    let ends = first + count;
    // The first piece before the head is sent: what cannot be read is an error then, not half a picture.
    let begun = piece(app, &file, first, ends).await?;
    let at = first + u64::try_from(begun.len()).unwrap_or(0);
    if at >= ends {
        return Ok(Body::from(begun));
    }
    let rest = stream::unfold(Some((Arc::clone(app), file, at)), move |left| async move {
        let (app, file, at) = left.filter(|(.., at)| *at < ends)?;
        match piece(&app, &file, at, ends).await {
            Ok(bytes) => {
                let next = at + u64::try_from(bytes.len()).unwrap_or(0);
                Some((Ok(bytes), Some((app, file, next))))
            }
            Err(error) => Some((Err(std::io::Error::other(error.to_string())), None)),
        }
    });
    Ok(Body::from_stream(stream::once(async move { Ok(begun) }).chain(rest)))
}

async fn piece(app: &Shop, file: &Arc<File>, at: u64, ends: u64) -> Result<Bytes> {
    let file = Arc::clone(file);
    let wanted = usize::try_from((ends - at).min(PIECE_BYTES)).map_err(Fault::new)?;
    let read = move || {
        let mut bytes = vec![0; wanted];
        file.read_exact_at(&mut bytes, at).map(|()| Bytes::from(bytes))
    };
    app.media.on_disk(move |_| read()).await?.map_err(disk_fault)
}
