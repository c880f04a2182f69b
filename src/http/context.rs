//! What is known of a request before its handler runs.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;

use super::Caller;
use crate::kernel::{Locale, ShopFormat};

/// The body as it came.
#[derive(Clone, Debug)]
pub enum Received {
    Whole(Bytes),
    /// More than the route takes.
    TooLarge,
    /// The connection broke or stalled before its end.
    Cut,
}

/// One request: its id, its language, its body, who asks. Filled by the front and the gate, read by extractors and handlers.
#[derive(Clone, Debug)]
pub struct Context {
    pub request_id: Arc<str>,
    /// The language the caller prefers, or the shop's.
    pub locale: Locale,
    pub caller: Caller,
    pub shop: Arc<ShopFormat>,
    pub received: Received,
    pub headers: Arc<HeaderMap>,
    pub method: http::Method,
    pub path: Arc<str>,
    /// The raw query, without `?`.
    pub query: Option<Arc<str>>,
}

impl Context {
    /// A header's value. One that is not visible ASCII is there and wrong, not missing: it comes as U+FFFD, which nothing equals.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap_or("\u{fffd}"))
    }
}
