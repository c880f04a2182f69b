//! Accepting connections, holding them to their limits, and ending in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::connections::{Connections, Seat};
use super::front::Front;
use super::spoken::{self, Spoken};
use crate::kernel::Problem;
use crate::kernel::problem::kinds;

/// Most bytes of a request's head. Hyper takes at most 100 headers beside.
pub(super) const MAX_HEAD_BYTES: usize = 32 * 1024;
/// What is read ahead of a connection at most.
const MAX_BUFFER_BYTES: usize = 64 * 1024;
/// Requests under way at the end get this long.
const DRAIN_TIME: Duration = Duration::from_secs(20);
/// After an error of accept (as too many open files) the next try waits.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Files that the process needs beside connections: the database, its log, its readers.
const OTHER_FILES: usize = 128;

/// What a connection may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The head of a request must have arrived by then, from the connection's start or the answer before.
    pub head_time: Duration,
    /// And its whole body by then, which is a rate of 35 KB/s for the largest.
    pub body_time: Duration,
    /// An answer is given up once its reader has taken nothing of it for so long.
    pub stall_time: Duration,
    /// Most connections at once.
    pub connections: usize,
    /// Most of one address (of an IPv6 /64); trusted proxies have no such limit.
    pub of_one_address: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head_time: Duration::from_secs(15),
            body_time: Duration::from_secs(30),
            stall_time: Duration::from_secs(30),
            connections: 16_384,
            of_one_address: 4_096,
        }
    }
}

impl Limits {
    /// With no more connections than the process may open files; an eighth stays free, for a connection that was told to go holds
    /// its file for a moment.
    #[must_use]
    pub fn within_files(self, files: u64) -> Limits {
        let files = usize::try_from(files).unwrap_or(usize::MAX);
        let connections = self.connections.min((files - files / 8).saturating_sub(OTHER_FILES)).max(16);
        Limits { connections, of_one_address: self.of_one_address.min(connections), ..self }
    }
}

/// Serves until `stop` turns true; then takes no more connections and lets what is under way end.
pub async fn serve(listener: TcpListener, front: Front, limits: Limits, mut stop: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    let connections = Connections::new(limits.connections, limits.of_one_address, front.proxies());
    let mut builder = Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_BUFFER_BYTES)
        .half_close(true);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(error = %error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        match connections.admit(peer.ip()) {
            Some(seat) => attend(stream, peer, Arc::new(seat), &front, limits, &builder, &graceful),
            None => turn_away(&stream, &front),
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIME, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests had not ended after {} s and were cut", DRAIN_TIME.as_secs());
    }
}

/// Answers the requests of a connection in a task of its own, until it ends or has to go.
fn attend(
    stream: TcpStream,
    peer: SocketAddr,
    seat: Arc<Seat>,
    front: &Front,
    limits: Limits,
    builder: &Builder,
    graceful: &GracefulShutdown,
) {
    // Answers are small; waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(Spoken::new(stream, front.locale(), limits.stall_time));
    let front_of_task = front.clone();
    let (front, held) = (front.clone(), Arc::clone(&seat));
    let service = service_fn(move |request: Request<Incoming>| {
        let (front, held) = (front.clone(), Arc::clone(&held));
        async move {
            let answer = front.answer(request, peer.ip(), limits.body_time, || held.busy());
            Ok::<_, std::convert::Infallible>(answer.await)
        }
    });
    let connection = graceful.watch(builder.serve_connection(io, service));
    let front = front_of_task;
    tokio::spawn(async move {
        let _connected = front.traffic().connected();
        tokio::select! {
            ended = connection => if let Err(error) = ended {
                tracing::debug!(error = %error, "a connection ended early");
            },
            () = seat.ended() => {
                front.traffic().count_pushed_out();
                tracing::debug!("a silent connection made room for another");
            }
        }
    });
}

/// Tells a newcomer that everybody is busy, as far as that can be told without waiting.
fn turn_away(stream: &TcpStream, front: &Front) {
    front.traffic().count_turned_away();
    let problem = Problem::of(&kinds::BUSY)
        .detail("More people ask at once than the shop answers. Nothing was done; try again in a second.")
        .retry_after_s(1);
    let _ = stream.try_write(&spoken::answer(&problem, front.locale()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connections_fit_the_files_that_may_be_open() {
        let most = |files| Limits::default().within_files(files).connections;
        assert_eq!((most(1_048_576), most(20_000), most(1_024), most(64)), (16_384, 16_384, 768, 16));
        assert_eq!(Limits::default().within_files(1_024).of_one_address, 768);
    }
}
