//! How the ACME library reaches an authority: by the shop's one way out.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};

use crate::outbound::{self, Outbound};

/// It could not be reached, or broke off.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unreachable(String);

/// The authority, as the library's client.
#[derive(Clone)]
pub(super) struct Authority {
    outbound: Outbound,
    /// What its last answer wished to be waited, in ms; 0 for none.
    wish_ms: Arc<AtomicU64>,
}

impl Authority {
    pub fn new(outbound: Outbound) -> Authority {
        Authority { outbound, wish_ms: Arc::default() }
    }

    /// For how many seconds its last answer did not want to be asked.
    pub fn wish_s(&self) -> Option<u64> {
        Some(self.wish_ms.load(Ordering::Relaxed) / 1_000).filter(|seconds| *seconds > 0)
    }
}

impl HttpClient for Authority {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let authority = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            let exchanged = authority.outbound.exchange(Request::from_parts(parts, body)).await;
            let reply = exchanged.map_err(|why| Error::Other(Box::new(Unreachable(why))))?;
            authority.wish_ms.store(outbound::retry_after_ms(&reply).unwrap_or(0), Ordering::Relaxed);
            let mut response = Response::new(Full::new(reply.body));
            *response.status_mut() = reply.status;
            *response.headers_mut() = reply.headers;
            Ok(BytesResponse::from(response))
        })
    }
}
