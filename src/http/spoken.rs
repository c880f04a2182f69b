//! What stands between hyper and a socket: no refusal goes out without a body, and who does not read is not written to for ever.
//!
//! What is no head, or too large a one, hyper refuses before it asks anybody, with a bare head. Such a head is known by its status
//! and by the lack of a request's id, which each answer of ours has; ours goes out in its place. A head that follows another answer
//! in the same breath (pipelined, with a full socket) is not seen and goes out as it is.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::problem::body_of;
use crate::kernel::problem::kinds;
use crate::kernel::{Locale, Problem};

/// A socket as hyper gets it.
pub(super) struct Spoken<IO> {
    io: IO,
    locale: Locale,
    /// Ours, as far as it is still to be written, and the length of hyper's.
    instead: Option<(Vec<u8>, usize)>,
    /// How long a peer may take nothing.
    stall_time: Duration,
    /// Runs while the peer takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<IO> Spoken<IO> {
    pub(super) fn new(io: IO, locale: Locale, stall_time: Duration) -> Spoken<IO> {
        Spoken { io, locale, instead: None, stall_time, stalled: None }
    }

    /// An error once the peer has taken nothing for too long.
    fn in_time<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let stall_time = self.stall_time;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(stall_time)));
        stalled.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

/// The problem that a bare head of hyper's stands for.
fn problem_of(head: &[u8]) -> Option<Problem> {
    let status = head.strip_prefix(b"HTTP/1.1 4").and_then(|rest| rest.get(..2))?;
    let problem = match status {
        b"00" => Problem::of(&kinds::BAD_REQUEST).detail(
            "This is no HTTP request that can be read: its first line, a header or its length is malformed. Nothing was done.",
        ),
        b"14" => Problem::of(&kinds::URI_TOO_LONG).detail("Ask for less at once, or send it in the body."),
        b"31" => Problem::of(&kinds::HEADERS_TOO_LARGE).detail(format!(
            "The head may have at most 100 headers and {} KiB. Cookies of other pages of this host may be the reason.",
            super::server::MAX_HEAD_BYTES / 1024
        )),
        _ => return None,
    };
    let ours = head.windows(12).any(|window| window == b"x-request-id");
    (!ours).then_some(problem)
}

/// A whole answer.
pub(super) fn answer(problem: &Problem, locale: Locale) -> Vec<u8> {
    let id = super::front::new_request_id();
    let body = body_of(problem, &id, locale).to_string();
    let status = problem.kind.status;
    let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("");
    let retry = problem.retry_after_s.map_or_else(String::new, |seconds| format!("retry-after: {seconds}\r\n"));
    let mut shields = http::HeaderMap::new();
    super::shields::add(&mut shields, false);
    let shields: String =
        shields.iter().filter_map(|(name, value)| Some(format!("{name}: {}\r\n", value.to_str().ok()?))).collect();
    format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: application/problem+json\r\ncache-control: no-store\r\n{retry}{shields}\
         x-request-id: {id}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

impl<IO: AsyncWrite + Unpin> Spoken<IO> {
    /// Writes what goes out in place of hyper's head; then hyper's counts as written.
    fn poll_instead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        while let Some((left, length)) = &mut self.instead {
            if left.is_empty() {
                let length = *length;
                self.instead = None;
                return Poll::Ready(Ok(length));
            }
            let polled = Pin::new(&mut self.io).poll_write(cx, left);
            let written = ready!(self.in_time(cx, polled))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            if let Some((left, _)) = &mut self.instead {
                left.drain(..written);
            }
        }
        Poll::Ready(Ok(0))
    }

    fn replaces(&mut self, head: &[u8]) -> bool {
        if self.instead.is_none()
            && let Some(problem) = problem_of(head)
        {
            self.instead = Some((answer(&problem, self.locale), head.len()));
        }
        self.instead.is_some()
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Spoken<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.replaces(bytes) {
            return self.poll_instead(cx);
        }
        let polled = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.in_time(cx, polled)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if parts.first().is_some_and(|head| self.replaces(head)) {
            return self.poll_instead(cx);
        }
        let polled = Pin::new(&mut self.io).poll_write_vectored(cx, parts);
        self.in_time(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.io).poll_flush(cx);
        self.in_time(cx, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Spoken<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn sent(head: &[u8]) -> String {
        // So narrow a pipe that ours goes out in many pieces.
        let (ours, mut theirs) = tokio::io::duplex(7);
        let mut spoken = Spoken::new(ours, Locale::En, Duration::from_secs(30));
        let head = head.to_vec();
        let write = async move {
            spoken.write_all(&head).await.expect("written");
            spoken.shutdown().await.expect("ended");
        };
        let mut seen = String::new();
        let read = async { theirs.read_to_string(&mut seen).await.expect("read") };
        tokio::join!(write, read);
        seen
    }

    #[tokio::test]
    async fn who_reads_nothing_is_not_written_to_for_ever_and_who_reads_slowly_is() {
        let (ours, mut theirs) = tokio::io::duplex(8);
        let mut spoken = Spoken::new(ours, Locale::En, Duration::from_millis(200));
        let write = async {
            spoken.write_all(&[7; 64]).await.expect("they read on");
            spoken.write_all(&[7; 64]).await.expect_err("they have stopped").kind()
        };
        let read = async {
            for _ in 0..64 {
                theirs.read_u8().await.expect("a byte");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            kind = write => assert_eq!(kind, io::ErrorKind::TimedOut),
            () = read => {}
        }
    }

    #[tokio::test]
    async fn a_bare_refusal_gets_a_body_and_all_else_goes_out_as_it_is() {
        let seen =
            sent(b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
        let (head, body) = seen.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{head}");
        assert!(head.contains(&format!("content-length: {}", body.len())) && head.contains("nosniff"), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!((&body["status"], &body["code"]), (&431.into(), &"headers_too_large".into()));
        for passing in [
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\nx-request-id: 1\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 4",
        ] {
            assert_eq!(sent(passing.as_bytes()).await, passing);
        }
    }
}
