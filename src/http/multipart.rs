//! Uploads: a body that is read while it arrives, part by part, because it is too large to be held.
//!
//! The front lends the body out and takes it back afterwards, so that what a handler has not read is read away and its refusal
//! arrives. A sender who stalls is cut, and so is one who takes longer than [`Lent::MOST_TIMES`] such waits in all.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as Wake, Poll};
use std::time::Duration;

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame};
use multer::{Constraints, Multipart, SizeLimit};
use tokio::time::{Instant, Sleep};

use crate::kernel::problem::kinds;
use crate::kernel::{Error, Problem, Result};

/// Most bytes of all files of an upload (SPEC 2).
pub const MAX_FILES_BYTES: u64 = 60_000_000;
/// And of what stands between them.
const MAX_BETWEEN_BYTES: u64 = 64 << 10;
/// Most bytes of an upload.
pub const MAX_UPLOAD_BYTES: u64 = MAX_FILES_BYTES + MAX_BETWEEN_BYTES;
/// The media type of uploads.
pub const MULTIPART: &str = "multipart/form-data";

/// Whether a body is said to be in parts.
pub(super) fn is_multipart(headers: &HeaderMap) -> bool {
    let media_type = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type.and_then(|text| text.split(';').next()).is_some_and(|text| text.trim().eq_ignore_ascii_case(MULTIPART))
}

/// A request's body, lent to its handler.
pub(super) struct Lent<B>(Arc<Shared<B>>);

struct Shared<B> {
    body: Mutex<B>,
    /// It has ended, or was cut: nothing more is read of it.
    over: AtomicBool,
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl<B> Lent<B>
where
    B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    /// An upload may take so many times as long as one wait within it.
    const MOST_TIMES: u32 = 20;

    pub(super) fn new(body: B) -> Lent<B> {
        Lent(Arc::new(Shared { body: Mutex::new(body), over: AtomicBool::new(false) }))
    }

    /// The body for the handler, of which each piece must come within `patience`.
    pub(super) fn lend(&self, patience: Duration) -> axum::body::Body {
        axum::body::Body::new(Borrowed {
            shared: Arc::clone(&self.0),
            patience,
            stalls: Box::pin(tokio::time::sleep(patience)),
            ends: Box::pin(tokio::time::sleep(patience * Self::MOST_TIMES)),
        })
    }

    /// Reads away what the handler has left, so that its answer reaches a client that is still sending.
    pub(super) async fn drain(self, most_bytes: usize, time: Duration) {
        if self.0.over.load(Ordering::Relaxed) {
            return;
        }
        let read_away = async {
            let mut seen = 0;
            while seen <= most_bytes {
                let frame = std::future::poll_fn(|wake| poll(&self.0.body, wake)).await;
                let Some(Ok(frame)) = frame else { return };
                seen += frame.data_ref().map_or(0, Bytes::len);
            }
        };
        let _ = tokio::time::timeout(time, read_away).await;
    }
}

/// What comes next of a body, if anything does.
type Next<D, E> = Option<Result<Frame<D>, E>>;

fn poll<B: HttpBody + Unpin>(body: &Mutex<B>, wake: &mut Wake<'_>) -> Poll<Next<B::Data, B::Error>> {
    Pin::new(&mut *body.lock().unwrap_or_else(PoisonError::into_inner)).poll_frame(wake)
}

struct Borrowed<B> {
    shared: Arc<Shared<B>>,
    patience: Duration,
    stalls: Pin<Box<Sleep>>,
    ends: Pin<Box<Sleep>>,
}

impl<B> HttpBody for Borrowed<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, wake: &mut Wake<'_>) -> Poll<Next<Bytes, BoxError>> {
        let frame = self.as_mut().next(wake);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.shared.over.store(true, Ordering::Relaxed);
        }
        frame
    }
}

impl<B> Borrowed<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    fn next(mut self: Pin<&mut Self>, wake: &mut Wake<'_>) -> Poll<Next<Bytes, BoxError>> {
        if self.ends.as_mut().poll(wake).is_ready() {
            return Poll::Ready(Some(Err("the upload takes too long".into())));
        }
        if let Poll::Ready(frame) = poll(&self.shared.body, wake) {
            let patience = self.patience;
            self.stalls.as_mut().reset(Instant::now() + patience);
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        self.stalls.as_mut().poll(wake).map(|()| Some(Err("the upload stalls".into())))
    }
}

/// An upload whose parts are read one after the other.
pub struct Upload {
    parts: Multipart<'static>,
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let media_type = request.headers().get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let boundary = media_type.and_then(|media_type| multer::parse_boundary(media_type).ok()).ok_or_else(|| {
            Problem::of(&kinds::BAD_REQUEST)
                .detail("The Content-Type of an upload must name its boundary. Let your program make that header by itself.")
        })?;
        let limits = Constraints::new().size_limit(SizeLimit::new().whole_stream(MAX_UPLOAD_BYTES));
        let data = request.into_body().into_data_stream();
        Ok(Upload { parts: Multipart::with_constraints(data, boundary, limits) })
    }
}

impl Upload {
    /// The next part; the one before must be over.
    ///
    /// # Errors
    /// 400 for what is no upload or breaks off, 413 past [`MAX_UPLOAD_BYTES`].
    pub async fn next(&mut self) -> Result<Option<Part>> {
        let field = self.parts.next_field().await.map_err(|error| refused(&error))?;
        Ok(field.map(|field| Part { field }))
    }
}

/// One part of an upload.
pub struct Part {
    field: multer::Field<'static>,
}

impl Part {
    /// Its field, empty if it names none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.field.name().unwrap_or("")
    }

    /// The name its file had where it came from: for messages alone.
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        self.field.file_name()
    }

    /// The next bytes of it.
    ///
    /// # Errors
    /// As [`Upload::next`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        self.field.chunk().await.map_err(|error| refused(&error).into())
    }
}

fn refused(error: &multer::Error) -> Problem {
    match error {
        multer::Error::StreamSizeExceeded { .. } | multer::Error::FieldSizeExceeded { .. } => too_large(),
        multer::Error::StreamReadFailed(_)
        | multer::Error::IncompleteStream
        | multer::Error::IncompleteFieldData { .. }
        | multer::Error::IncompleteHeaders => Problem::of(&kinds::BAD_REQUEST)
            .detail("The upload ended before its last part did, or stalled. Nothing was kept; send it again."),
        _ => Problem::of(&kinds::BAD_REQUEST)
            .detail("The body is no multipart/form-data: a part's head cannot be read. Nothing was kept."),
    }
}

/// 413 of an upload.
pub(super) fn too_large() -> Problem {
    Problem::of(&kinds::BODY_TOO_LARGE).detail(format!(
        "An upload may have at most {} MB. Send the files one by one, or in several uploads.",
        MAX_FILES_BYTES / 1_000_000
    ))
}
