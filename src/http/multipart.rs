//! Uploads: a body that is read while it arrives, part by part, because it is too large to be held.
//!
//! The front lends the body out and takes it back afterwards, so that what a handler has not read is read away and its refusal
//! arrives. A sender who stalls is cut, and so is one who takes longer than [`Lent::MOST_TIMES`] such waits in all.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as Wake, Poll};
use std::time::Duration;

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use futures_util::Stream;
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
/// Most bytes of what stands before a part's content: the parser holds it whole until it has all of it.
const MAX_HEAD_BYTES: usize = 16 << 10;
/// Most parts of an upload: each has its head read, and may be told of in the answer.
const MAX_PARTS: usize = 64;
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
    /// How many there were.
    count: usize,
    head: Arc<Head>,
}

/// What has come of a part's head so far. Who sends one without end would have the parser keep all of it.
struct Head {
    is_read: AtomicBool,
    seen: AtomicUsize,
}

impl Head {
    fn begin(&self) {
        self.seen.store(0, Ordering::Relaxed);
        self.is_read.store(true, Ordering::Relaxed);
    }

    fn end(&self) {
        self.is_read.store(false, Ordering::Relaxed);
    }

    /// Whether more may come before the head must be over.
    fn may_go_on(&self) -> bool {
        !self.is_read.load(Ordering::Relaxed) || self.seen.load(Ordering::Relaxed) < MAX_HEAD_BYTES
    }
}

/// An upload's bytes as the parser gets them: after each piece it is let look at what it has, because it takes all that is there before
/// it looks. So it never holds more than a head and a piece.
struct Paced<S> {
    data: S,
    head: Arc<Head>,
    rests: bool,
}

impl<S, E> Stream for Paced<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<BoxError>,
{
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, wake: &mut Wake<'_>) -> Poll<Option<Result<Bytes, BoxError>>> {
        if std::mem::take(&mut self.rests) {
            wake.waker().wake_by_ref();
            return Poll::Pending;
        }
        if !self.head.may_go_on() {
            return Poll::Ready(Some(Err(Box::new(HeadTooLong))));
        }
        let Poll::Ready(piece) = Pin::new(&mut self.data).poll_next(wake) else { return Poll::Pending };
        if let Some(Ok(piece)) = &piece {
            self.head.seen.fetch_add(piece.len(), Ordering::Relaxed);
            self.rests = true;
        }
        Poll::Ready(piece.map(|piece| piece.map_err(Into::into)))
    }
}

#[derive(Debug)]
struct HeadTooLong;

impl std::fmt::Display for HeadTooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a part's head has no end")
    }
}

impl std::error::Error for HeadTooLong {}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let media_type = request.headers().get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let boundary = media_type.and_then(|media_type| multer::parse_boundary(media_type).ok()).ok_or_else(|| {
            Problem::of(&kinds::BAD_REQUEST)
                .detail("The Content-Type of an upload must name its boundary. Let your program make that header by itself.")
        })?;
        let limits = Constraints::new().size_limit(SizeLimit::new().whole_stream(MAX_UPLOAD_BYTES));
        let head = Arc::new(Head { is_read: AtomicBool::new(false), seen: AtomicUsize::new(0) });
        let data = Paced { data: request.into_body().into_data_stream(), head: Arc::clone(&head), rests: false };
        Ok(Upload { parts: Multipart::with_constraints(data, boundary, limits), count: 0, head })
    }
}

impl Upload {
    /// The next part; the one before must be over.
    ///
    /// # Errors
    /// 400 for what is no upload, has a head or a number of parts that no form has, or breaks off, 413 past [`MAX_UPLOAD_BYTES`].
    pub async fn next(&mut self) -> Result<Option<Part>> {
        self.head.begin();
        let field = self.parts.next_field().await.map_err(|error| refused(&error));
        self.head.end();
        let Some(field) = field? else { return Ok(None) };
        self.count += 1;
        if self.count > MAX_PARTS {
            return Err(Problem::of(&kinds::BAD_REQUEST)
                .detail(format!("The upload has more than {MAX_PARTS} parts. Nothing was kept; send fewer files at once."))
                .into());
        }
        Ok(Some(Part { field }))
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
        multer::Error::StreamReadFailed(error) if error.downcast_ref::<HeadTooLong>().is_some() => {
            Problem::of(&kinds::BAD_REQUEST).detail(format!(
                "The body is no multipart/form-data: a part's head has more than {} KB. Nothing was kept.",
                MAX_HEAD_BYTES >> 10
            ))
        }
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

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt as _, stream};

    use super::*;

    const PIECE: usize = 1 << 10;

    /// An upload of pieces that are all there at once, and how many of them were asked for.
    async fn of(pieces: impl Iterator<Item = Vec<u8>> + Send + 'static) -> (Upload, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let pieces = stream::iter(pieces).map(move |piece| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok::<_, std::convert::Infallible>(piece)
        });
        let request = Request::post("/").header("content-type", "multipart/form-data; boundary=x");
        let request = request.body(axum::body::Body::from_stream(pieces)).expect("a request");
        (Upload::from_request(request, &()).await.expect("an upload"), asked)
    }

    fn told(outcome: Result<Option<Part>>) -> String {
        match outcome {
            Err(Error::Refused(problem)) => format!("{} {}", problem.kind.code, problem.detail),
            Err(fault) => panic!("{fault}"),
            Ok(part) => panic!("taken: {}", part.is_some()),
        }
    }

    #[tokio::test]
    async fn a_head_without_end_is_not_waited_for() {
        let begin = b"--x\r\nContent-Disposition: form-data; name=\"files\"\r\nX-Pad: ".to_vec();
        for begin in [begin, b"no boundary comes ".to_vec()] {
            let (mut upload, asked) = of(std::iter::once(begin).chain(std::iter::repeat_with(|| vec![b'a'; PIECE]))).await;
            let told = told(upload.next().await);
            assert!(told.starts_with("bad_request ") && told.contains("head has more than 16 KB"), "{told}");
            let asked = asked.load(Ordering::Relaxed);
            assert!(asked <= MAX_HEAD_BYTES / PIECE + 2, "{asked} pieces were taken");
        }
    }

    #[tokio::test]
    async fn content_is_taken_piece_by_piece_however_much_is_there() {
        let head = b"--x\r\nContent-Disposition: form-data; name=\"files\"\r\n\r\n".to_vec();
        let content = std::iter::repeat_with(|| vec![b'a'; PIECE]).take(1_000);
        let (mut upload, asked) = of(std::iter::once(head).chain(content).chain([b"\r\n--x--\r\n".to_vec()])).await;
        let mut part = upload.next().await.expect("a part").expect("a part");
        let mut seen = 0;
        while let Some(piece) = part.chunk().await.expect("a piece") {
            seen += piece.len();
            let held = asked.load(Ordering::Relaxed) * PIECE;
            assert!(held <= seen + 4 * PIECE, "{held} bytes were taken to give {seen}");
        }
        assert_eq!(seen, 1_000 * PIECE);
        drop(part);
        assert!(upload.next().await.expect("it ends").is_none());
    }

    #[tokio::test]
    async fn parts_without_number_are_not_read() {
        let part = || b"--x\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n\r\n".to_vec();
        let (mut upload, _) = of(std::iter::repeat_with(part).take(MAX_PARTS * 2)).await;
        for _ in 0..MAX_PARTS {
            let mut part = upload.next().await.expect("a part").expect("a part");
            while part.chunk().await.expect("its content").is_some_and(|piece| piece.is_empty()) {}
        }
        let told = told(upload.next().await);
        assert!(told.starts_with("bad_request ") && told.contains("64 parts"), "{told}");
    }
}
