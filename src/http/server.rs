//! Accepting connections, holding them to their limits, and ending in order.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, header};
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::connections::{Connections, Seat};
use super::doors::{Door, Serves};
use super::front::{Front, Peer};
use super::spoken::{self, Spoken};
use crate::kernel::Problem;
use crate::kernel::problem::kinds;

/// Most bytes of a request's head. Hyper takes at most 100 headers beside.
pub(super) const MAX_HEAD_BYTES: usize = 32 * 1024;
/// What is read ahead of a connection at most.
const MAX_BUFFER_BYTES: usize = 64 * 1024;
/// Requests under way at the end get this long.
const DRAIN_TIME: Duration = Duration::from_secs(20);
/// Who keeps a connection may have sent a request this very moment: for so long after the end has begun each is answered, with word
/// that the connection ends. Only then are those closed that say nothing.
const LAST_WORD_TIME: Duration = Duration::from_secs(1);
/// So often it is looked whether all have gone before.
const LOOK: Duration = Duration::from_millis(10);
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

/// Serves at every door until `stop` turns true; then takes no more connections and lets what is under way end.
pub async fn serve(doors: Vec<Door>, front: Front, limits: Limits, stop: watch::Receiver<bool>) {
    let mut builder = Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_BUFFER_BYTES)
        .half_close(true);
    let connections = Connections::new(limits.connections, limits.of_one_address, front.proxies());
    let house = House { front, limits, builder, connections, graceful: GracefulShutdown::new(), stop };
    // The listeners go with their loops, before what is under way is waited for.
    futures_util::future::join_all(doors.into_iter().map(|door| house.open(door))).await;
    let last_word = tokio::time::Instant::now() + LAST_WORD_TIME;
    while house.graceful.count() > 0 && tokio::time::Instant::now() < last_word {
        tokio::time::sleep(LOOK).await;
    }
    if tokio::time::timeout(DRAIN_TIME, house.graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests had not ended after {} s and were cut", DRAIN_TIME.as_secs());
    }
}

/// What all doors share.
struct House {
    front: Front,
    limits: Limits,
    builder: Builder,
    connections: Arc<Connections>,
    graceful: GracefulShutdown,
    stop: watch::Receiver<bool>,
}

impl House {
    /// Lets in who comes to a door, until the end.
    async fn open(&self, door: Door) {
        let mut stop = self.stop.clone();
        loop {
            let accepted = tokio::select! {
                accepted = door.listener.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(error = %error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            match self.connections.admit(peer.ip()) {
                Some(seat) => self.attend(stream, peer, Arc::new(seat), door.serves.clone()),
                // Who has not agreed on a key yet would not understand it.
                None if door.serves.is_https() => self.front.traffic().count_turned_away(),
                None => turn_away(&stream, &self.front),
            }
        }
    }

    /// Answers the requests of a connection in a task of its own, until it ends or has to go.
    fn attend(&self, stream: TcpStream, peer: SocketAddr, seat: Arc<Seat>, serves: Serves) {
        // Answers are small; waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        let (builder, watcher, mut stop) = (self.builder.clone(), self.graceful.watcher(), self.stop.clone());
        let front = self.front.clone();
        let guest = Guest {
            front: self.front.clone(),
            limits: self.limits,
            peer: peer.ip(),
            seat: Arc::clone(&seat),
            serves,
            stop: self.stop.clone(),
        };
        tokio::spawn(async move {
            let _connected = front.traffic().connected();
            let served = async {
                match guest.serves.clone() {
                    Serves::Shop | Serves::RedirectToHttps { .. } => guest.serve(stream, &builder, watcher).await,
                    Serves::ShopByTls(tls) => {
                        let shaken = tokio::select! {
                            shaken = tls.shake_hands(stream, guest.front.locale()) => shaken,
                            () = last_word_is_over(&mut stop) => None,
                        };
                        if let Some(stream) = shaken {
                            guest.serve(stream, &builder, watcher).await;
                        }
                    }
                }
            };
            tokio::select! {
                () = served => {}
                () = seat.ended() => {
                    front.traffic().count_pushed_out();
                    tracing::debug!("a silent connection made room for another");
                }
            }
        });
    }
}

/// Who is connected.
struct Guest {
    front: Front,
    limits: Limits,
    peer: IpAddr,
    seat: Arc<Seat>,
    serves: Serves,
    stop: watch::Receiver<bool>,
}

impl Guest {
    async fn serve<IO>(self, stream: IO, builder: &Builder, watcher: Watcher)
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let io = TokioIo::new(Spoken::new(stream, self.front.locale(), self.limits.stall_time));
        let guest = Arc::new(self);
        let service = service_fn(move |request: Request<Incoming>| {
            let guest = Arc::clone(&guest);
            async move {
                let peer = Peer { address: guest.peer, door: &guest.serves };
                let mut answer = guest.front.answer(request, peer, guest.limits.body_time, || guest.seat.busy()).await;
                if *guest.stop.borrow() {
                    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, std::convert::Infallible>(answer)
            }
        });
        if let Err(error) = watcher.watch(builder.serve_connection(io, service)).await {
            tracing::debug!(error = %error, "a connection ended early");
        }
    }
}

/// Waits for the end, and then as long as everybody has for a last word.
async fn last_word_is_over(stop: &mut watch::Receiver<bool>) {
    // Whoever could say stop and is gone will not say it any more, which is an end, too.
    let _ = stop.wait_for(|stop| *stop).await;
    tokio::time::sleep(LAST_WORD_TIME).await;
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
