//! The outermost layer: a request gets its id, its language and its whole body; an answer leaves with its id, and an error in
//! its one form, whatever made it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::BodyExt;
use tokio::sync::{Semaphore, SemaphorePermit};
use tower::ServiceExt;

use super::context::Received;
use super::cors::Cors;
use super::doors::Serves;
use super::gate::Gatekeeper;
use super::multipart::{Lent, is_multipart};
use super::{Caller, Context, Traffic, doors, forwarded, problem, refusal_page, shields};
use crate::config::{Network, Server};
use crate::kernel::{Error, Fault, Locale};
use crate::trace::{self, Work};

/// Most bytes of a JSON body (SPEC 2).
pub const MAX_BODY_BYTES: usize = 1 << 20;
/// A body up to this is always read: an order, a sign-in.
const SMALL_BODY_BYTES: usize = 16 << 10;
/// What all larger ones together may hold. Each connection may send one, there are thousands, and who sends slowly holds it long.
const LARGE_BODIES_BYTES: usize = 64 << 20;
/// A refused body is read on to its end, so that the answer arrives, but no further than this.
const DRAIN_BYTES: usize = 64 << 20;
/// And no longer.
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// Answers requests: the router behind the front.
#[derive(Clone)]
pub struct Front {
    router: axum::Router,
    keeper: Arc<dyn Gatekeeper>,
    proxies: Arc<[Network]>,
    cors: Arc<Cors>,
    /// A permit a byte of the large bodies that are held now.
    room: Arc<Semaphore>,
}

/// From where a request reaches the front.
#[derive(Clone, Copy)]
pub struct Peer<'d> {
    /// Who is connected.
    pub address: IpAddr,
    /// The door they came in by.
    pub door: &'d Serves,
}

impl Front {
    /// The keeper of the machine says which proxies are believed and which origins may ask.
    #[must_use]
    pub fn new(router: axum::Router, keeper: Arc<dyn Gatekeeper>, config: &Server) -> Front {
        let proxies = config.trusted_proxies.as_slice().into();
        let (cors, room) = (Arc::new(Cors::new(&config.cors_origins)), Arc::new(Semaphore::new(LARGE_BODIES_BYTES)));
        Front { router, keeper, proxies, cors, room }
    }

    /// Whose word about others is believed.
    pub(super) fn proxies(&self) -> Arc<[Network]> {
        Arc::clone(&self.proxies)
    }

    /// The shop's own language.
    pub(super) fn locale(&self) -> Locale {
        self.keeper.shop().locale
    }

    /// Where requests and connections are counted.
    pub(super) fn traffic(&self) -> &Traffic {
        self.keeper.traffic()
    }

    /// Answers one request of a peer, whose body has `body_time` to arrive; calls `arrived` once it has. It never fails and never
    /// panics.
    pub async fn answer<B, G>(
        &self,
        request: Request<B>,
        peer: Peer<'_>,
        body_time: Duration,
        arrived: impl FnOnce() -> G,
    ) -> Response
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let _under_way = self.traffic().begin();
        let (parts, body) = request.into_parts();
        let work = work_of(&parts);
        let shop = self.keeper.shop();
        let request_id = request_id(&parts.headers);
        let locale = language(&parts.headers).unwrap_or(shop.locale);
        let takes_files = is_multipart(&parts.headers) && self.keeper.takes_files(&parts.method, parts.uri.path());
        let (received, lent, _held) = if takes_files {
            (Received::Arriving, Some(Lent::new(body)), None)
        } else {
            let (received, held) = receive(&parts.method, &parts.headers, body, body_time, &self.room).await;
            (received, None, held)
        };
        let _arrived = arrived();
        let client = forwarded::client(peer.address, peer.door.is_https(), &parts.headers, &self.proxies);
        let by_name = doors::host_of(&parts.headers, &parts.uri).is_none_or(|host| doors::is_name(&host));
        let asked = self.cors.asked(&parts.method, &parts.headers);
        let context = Context {
            request_id: Arc::clone(&request_id),
            locale,
            caller: Caller::Guest,
            by_cookie: false,
            client,
            shop,
            received,
            method: parts.method.clone(),
            path: parts.uri.path().into(),
            query: parts.uri.query().map(Into::into),
            headers: Arc::new(parts.headers),
        };
        let instead = peer.door.instead(&context, &parts.uri);
        let for_people = refusal_page::Reader::of(&context);
        let mut inner = Request::new(lent.as_ref().map_or_else(Body::empty, |lent| lent.lend(body_time)));
        *inner.method_mut() = parts.method;
        *inner.uri_mut() = parts.uri;
        if let Some(media_type) = context.headers.get(http::header::CONTENT_TYPE) {
            inner.headers_mut().insert(http::header::CONTENT_TYPE, media_type.clone());
        }
        inner.extensions_mut().insert(context);
        let answered = match instead {
            Some(response) => Ok(Ok(response)),
            None => {
                let answering = std::panic::AssertUnwindSafe(self.router.clone().oneshot(inner)).catch_unwind();
                work.around(answering).await
            }
        };
        if let Some(lent) = lent {
            lent.drain(DRAIN_BYTES, DRAIN_TIME).await;
        }
        let response = match answered {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => Error::from(Fault::because("a handler panicked")).into_response(),
        };
        let mut response = match for_people {
            Some(reader) => reader.tell(response),
            None => self.cors.answer(asked, problem::tell(response, &request_id, locale)),
        };
        if let Ok(id) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert("x-request-id", id);
        }
        shields::add(response.headers_mut(), client.secure && by_name);
        work.word("url.scheme", if client.secure { "https" } else { "http" });
        work.number("http.response.status_code", response.status().as_u16().into());
        if response.status().is_server_error() {
            work.failed(response.status().as_str());
        }
        work.end();
        response
    }
}

/// The request in its trace, which a caller may have begun. Health is asked so often that nobody wants to be told.
fn work_of(parts: &http::request::Parts) -> Work {
    if !trace::is_on() {
        return Work::nothing();
    }
    let mut told = parts.headers.get_all("traceparent").iter();
    let traceparent = match (told.next(), told.next()) {
        (Some(only), None) => only.to_str().ok(),
        _ => None,
    };
    if traceparent.is_none() && matches!(parts.uri.path(), "/healthz" | "/readyz") {
        return Work::nothing();
    }
    trace::request(&parts.method, traceparent)
}

/// The caller's request id if it is one (1 to 64 of `A-Za-z0-9._-`), else ours.
fn request_id(headers: &HeaderMap) -> Arc<str> {
    let theirs = headers.get("x-request-id").and_then(|value| value.to_str().ok());
    let fits = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    match theirs.filter(fits) {
        Some(id) => id.into(),
        None => new_request_id().into(),
    }
}

/// An id for a request that brings none.
pub(super) fn new_request_id() -> String {
    uuid::Builder::from_random_bytes(crate::security::random::quick()).into_uuid().simple().to_string()
}

fn language(headers: &HeaderMap) -> Option<Locale> {
    headers.get("accept-language").and_then(|value| value.to_str().ok()).and_then(Locale::from_accept_language)
}

/// Reads the body up to the limit; what is more is read away, so that the refusal reaches a client that is still sending. The
/// permit is for as long as the body is held.
async fn receive<'r, B>(
    method: &Method,
    headers: &HeaderMap,
    mut body: B,
    body_time: Duration,
    room: &'r Semaphore,
) -> (Received, Option<SemaphorePermit<'r>>)
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    if body.is_end_stream() {
        return (Received::Whole(Bytes::new()), None);
    }
    if matches!(*method, Method::GET | Method::HEAD)
        && !headers.contains_key("content-length")
        && !headers.contains_key("transfer-encoding")
    {
        return (Received::Whole(Bytes::new()), None);
    }
    let mut kept = BytesMut::new();
    let mut seen = 0;
    let mut refused = None;
    let mut held: Option<SemaphorePermit<'r>> = None;
    let started = tokio::time::Instant::now();
    loop {
        let limit = if refused.is_some() { DRAIN_TIME } else { body_time };
        let Ok(frame) = tokio::time::timeout_at(started + limit, body.frame()).await else {
            return (refused.unwrap_or(Received::Cut), None);
        };
        let data = match frame {
            None => return (refused.unwrap_or(Received::Whole(kept.freeze())), held),
            Some(Err(_)) => return (refused.unwrap_or(Received::Cut), None),
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        };
        seen += data.len();
        if seen > DRAIN_BYTES {
            return (Received::TooLarge, None);
        }
        if seen > MAX_BODY_BYTES {
            refused = Some(Received::TooLarge);
        } else if refused.is_none() {
            if seen <= SMALL_BODY_BYTES || hold(&mut held, room, seen) {
                kept.extend_from_slice(&data);
            } else {
                refused = Some(Received::Crowded);
            }
        }
        if refused.is_some() {
            (kept, held) = (BytesMut::new(), None);
        }
    }
}

/// Holds room for a body of so many bytes, if there is any left.
fn hold<'r>(held: &mut Option<SemaphorePermit<'r>>, room: &'r Semaphore, bytes: usize) -> bool {
    let more = bytes - held.as_ref().map_or(0, SemaphorePermit::num_permits);
    let Some(permit) = u32::try_from(more).ok().and_then(|more| room.try_acquire_many(more).ok()) else { return false };
    match held {
        Some(held) => held.merge(permit),
        None => *held = Some(permit),
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;

    async fn received(bytes: usize, room: &Semaphore) -> (Received, Option<SemaphorePermit<'_>>) {
        let body = Full::new(Bytes::from(vec![b'x'; bytes]));
        receive(&Method::POST, &HeaderMap::new(), body, Duration::from_secs(30), room).await
    }

    #[tokio::test]
    async fn large_bodies_share_a_room_and_small_ones_need_none() {
        let room = Semaphore::new(100 << 10);
        let (first, held) = received(60 << 10, &room).await;
        assert!(matches!(first, Received::Whole(body) if body.len() == 60 << 10));
        assert!(matches!(received(60 << 10, &room).await, (Received::Crowded, None)));
        assert!(matches!(received(MAX_BODY_BYTES + 1, &room).await, (Received::TooLarge, None)), "it is too large at any time");
        let (small, none) = received(SMALL_BODY_BYTES, &room).await;
        assert!(matches!(small, Received::Whole(_)) && none.is_none());
        drop(held);
        let (again, held) = received(60 << 10, &room).await;
        assert!(matches!(again, Received::Whole(_)) && held.is_some());
        drop(held);
        assert_eq!(room.available_permits(), 100 << 10, "nothing is held for ever");
    }
}
