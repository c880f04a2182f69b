//! What is known of a request before its handler runs.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;

use super::Caller;
use crate::kernel::{Locale, Origin, ShopFormat};

/// The body as it came.
#[derive(Clone, Debug)]
pub enum Received {
    Whole(Bytes),
    /// More than the route takes.
    TooLarge,
    /// The connection broke or stalled before its end.
    Cut,
    /// Too many large ones were arriving at once.
    Crowded,
    /// It is still arriving: the handler reads it part by part.
    Arriving,
}

/// Where a request comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Client {
    /// The caller's address: the peer's, or what a trusted proxy says it is.
    pub address: std::net::IpAddr,
    /// Whether it came by HTTPS, our own or a trusted proxy's.
    pub secure: bool,
}

/// One request: its id, its language, its body, who asks. Filled by the front and the gate, read by extractors and handlers.
#[derive(Clone, Debug)]
pub struct Context {
    pub request_id: Arc<str>,
    /// The language the caller prefers, or the shop's.
    pub locale: Locale,
    pub caller: Caller,
    /// The caller is known by the session's cookie.
    pub by_cookie: bool,
    pub client: Client,
    pub shop: Arc<ShopFormat>,
    pub received: Received,
    pub headers: Arc<HeaderMap>,
    pub method: http::Method,
    pub path: Arc<str>,
    /// The raw query, without `?`.
    pub query: Option<Arc<str>>,
}

impl Context {
    /// Who asks, and from where, as the audit log keeps it.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin { actor: self.caller.actor(), address: self.client.address, request_id: Arc::clone(&self.request_id) }
    }

    /// A header's value. One that is not visible ASCII is there and wrong, not missing: it comes as U+FFFD, which nothing equals.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap_or("\u{fffd}"))
    }
}
