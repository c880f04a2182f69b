//! Numbers for Prometheus, on a listener of the keeper's own: never on the shop's port, and nothing else is answered there.
//!
//! [`Page`] writes the text that Prometheus reads; `app/metrics.rs` says what stands on it; [`serve`] answers who asks. Values are
//! counted where they arise, in atomics; the usual libraries keep each measured duration until somebody asks for it, which in a shop
//! that nobody watches is for ever.

mod page;
mod process;

use std::collections::VecDeque;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use page::{Family, Kind, Page, seconds};
pub use process::{disk, memory, tell_process};

/// Connections at once; Prometheus needs one. One more ends the oldest, so that nobody who hangs keeps others out.
const MOST_CONNECTIONS: usize = 8;
/// A connection asks once and has so long for all of it.
const TIME: Duration = Duration::from_secs(15);
/// Its request's head must have arrived by then.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// Hyper's smallest.
const MAX_HEAD_BYTES: usize = 8 * 1024;
/// Who is being answered when the shop ends gets this long.
const DRAIN_TIME: Duration = Duration::from_secs(2);
/// After an error of accept (as too many open files) the next try waits.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// What the page is, by Prometheus' own words.
const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers `GET /metrics` with what `page` says, until `stop` turns true.
pub async fn serve<P, F>(listener: TcpListener, page: P, mut stop: watch::Receiver<bool>)
where
    P: Fn() -> F + Clone + Send + Sync + 'static,
    F: Future<Output = String> + Send + 'static,
{
    let mut open = VecDeque::<JoinHandle<()>>::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        open.retain(|connection| !connection.is_finished());
        match accepted {
            Ok((stream, _)) => {
                if open.len() >= MOST_CONNECTIONS
                    && let Some(oldest) = open.pop_front()
                {
                    oldest.abort();
                }
                open.push_back(tokio::spawn(attend(stream, page.clone())));
            }
            Err(error) => {
                tracing::warn!(error = %error, "a connection for metrics could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let drained = async {
        for connection in &mut open {
            let _ = connection.await;
        }
    };
    if tokio::time::timeout(DRAIN_TIME, drained).await.is_err() {
        open.iter().for_each(JoinHandle::abort);
    }
}

async fn attend<P, F>(stream: TcpStream, page: P)
where
    P: Fn() -> F + Clone + Send + Sync + 'static,
    F: Future<Output = String> + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let page = page.clone();
        async move { Ok::<_, std::convert::Infallible>(answer(request.method(), request.uri().path(), page).await) }
    });
    let mut builder = Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(MAX_HEAD_BYTES).keep_alive(false);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(TIME, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(error = %error, "a connection for metrics ended early"),
        Err(_) => tracing::debug!("a connection for metrics took too long"),
    }
}

async fn answer<F: Future<Output = String>>(method: &Method, path: &str, page: impl Fn() -> F) -> Response<Full<Bytes>> {
    let (status, text) = match (path, matches!(*method, Method::GET | Method::HEAD)) {
        ("/metrics", true) => (StatusCode::OK, page().await),
        ("/", true) => (StatusCode::OK, "The numbers of a bakery, for Prometheus: GET /metrics\n".to_owned()),
        ("/metrics" | "/", false) => (StatusCode::METHOD_NOT_ALLOWED, "GET alone is answered here.\n".to_owned()),
        _ => (StatusCode::NOT_FOUND, "Nothing is here but /metrics.\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, http::HeaderValue::from_static("GET, HEAD"));
    }
    response
}
