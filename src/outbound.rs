//! The way out: one HTTP client for every provider, with its patience and its retries.
//!
//! A call has three outcomes, not two (docs/decisions/0011-three-outcomes.md): it was answered; it was surely never sent; or nobody
//! knows. [`Outbound::send`] tries again only what is safe to try again, and says which of the three it was in the end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use reqwest::{Client, RequestBuilder};

use crate::clock::Clock;
use crate::trace::{self, Work};

/// How long a provider is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// Until a connection stands.
    pub connect: Duration,
    /// For one call, from its first byte to its answer's last.
    pub call: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience { connect: Duration::from_secs(5), call: Duration::from_secs(10) }
    }
}

/// How often and on what a call is tried again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    /// The provider knows the call by its key, or it only reads: twice more on whatever is unclear.
    Safe,
    /// Done twice it would be done twice: again only where the first try surely never left.
    OnlyUnsent,
    /// Never.
    Never,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Why nothing readable came back.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SendFault {
    /// No connection stood: nothing was sent.
    #[error("{0} could not be reached")]
    NotSent(String),
    /// It was sent, and what became of it is not known.
    #[error("{0} did not answer clearly")]
    Unclear(String),
}

/// The longest answer that is read.
const MAX_REPLY_BYTES: usize = 4 << 20;
/// Tries more than the first.
const MORE_TRIES: u32 = 2;
/// The wait before the second try; it doubles.
const FIRST_WAIT_MS: u64 = 500;
const LONGEST_WAIT_MS: u64 = 5_000;
/// A provider's own wish is honoured up to this.
const LONGEST_WISH_MS: u64 = 10_000;

/// The client of one provider.
#[derive(Clone, Debug)]
pub struct Outbound {
    client: Client,
    clock: Clock,
    /// Whose client it is, for what is told.
    name: &'static str,
    calls: Arc<Calls>,
}

/// What this process has asked of one provider since its start.
#[derive(Debug, Default)]
pub struct Calls {
    /// Answered with any status.
    pub answered: AtomicU64,
    /// Never left: no connection stood.
    pub unsent: AtomicU64,
    /// Sent, and nobody knows.
    pub unclear: AtomicU64,
    /// How long all of them were waited for together.
    pub micros: AtomicU64,
}

/// Each provider's calls, by its name: there are as many as the program has clients.
static CALLS: Mutex<BTreeMap<&'static str, Arc<Calls>>> = Mutex::new(BTreeMap::new());

/// What this process has asked of each provider since its start.
#[must_use]
pub fn calls() -> Vec<(&'static str, Arc<Calls>)> {
    CALLS.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|(name, calls)| (*name, Arc::clone(calls))).collect()
}

impl Outbound {
    /// As [`client`].
    ///
    /// # Errors
    /// What the TLS library says.
    pub fn new(name: &'static str, clock: Clock, patience: Patience) -> Result<Outbound, reqwest::Error> {
        Outbound::trusting(name, clock, patience, &[])
    }

    /// As [`Outbound::new`], and trusts these roots (DER) besides.
    ///
    /// # Errors
    /// What the TLS library says.
    pub fn trusting(
        name: &'static str,
        clock: Clock,
        patience: Patience,
        more: &[Vec<u8>],
    ) -> Result<Outbound, reqwest::Error> {
        let calls = Arc::clone(CALLS.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default());
        Ok(Outbound { client: client(patience, more)?, clock, name, calls })
    }

    /// To build requests with.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Sends a request that `make` builds for each try, the same each time. An answer of any status is an answer; which of them are
    /// unclear (408, 409, 425, 429, 5xx) `is_unclear` says, and they are tried again as [`Retry`] allows and then returned.
    ///
    /// # Errors
    /// [`SendFault`].
    pub async fn send(
        &self,
        retry: Retry,
        make: impl Fn(&Client) -> RequestBuilder + Send,
        is_unclear: impl Fn(&Reply) -> bool + Send,
    ) -> Result<Reply, SendFault> {
        let mut tries = 0;
        // What an earlier try may have done, a later one that never left does not undo.
        let mut may_be_done = false;
        loop {
            let outcome = match self.once(make(&self.client), MAX_REPLY_BYTES).await {
                Err(SendFault::NotSent(name)) if may_be_done => Err(SendFault::Unclear(name)),
                outcome => outcome,
            };
            let again = match (&outcome, retry) {
                (Err(SendFault::NotSent(_)), Retry::Safe | Retry::OnlyUnsent) | (Err(SendFault::Unclear(_)), Retry::Safe) => {
                    true
                }
                (Ok(reply), Retry::Safe) => is_unclear(reply),
                (_, Retry::Never) | (Ok(_) | Err(SendFault::Unclear(_)), Retry::OnlyUnsent) => false,
            };
            if !again || tries == MORE_TRIES {
                return outcome;
            }
            let wish = outcome.as_ref().ok().and_then(retry_after_ms);
            may_be_done |= !matches!(outcome, Err(SendFault::NotSent(_)));
            self.clock.pause(wait(tries, wish)).await;
            tries += 1;
        }
    }

    /// One try of a request whose answer is known to be short: a longer one is no answer.
    ///
    /// # Errors
    /// [`SendFault`].
    pub async fn send_short(
        &self,
        most_bytes: usize,
        make: impl Fn(&Client) -> RequestBuilder + Send,
    ) -> Result<Reply, SendFault> {
        self.once(make(&self.client), most_bytes).await
    }

    /// One try of a request that is made already. What goes wrong is told with its reasons, for the machine's keeper.
    ///
    /// # Errors
    /// Why nothing readable came back.
    pub async fn exchange(&self, request: http::Request<Bytes>) -> Result<Reply, String> {
        let request = reqwest::Request::try_from(request).map_err(|error| chain_of(&error))?;
        let mut response = self.client.execute(request).await.map_err(|error| chain_of(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| chain_of(&error))? {
            if body.len() + chunk.len() > MAX_REPLY_BYTES {
                return Err(format!("its answer has more than {MAX_REPLY_BYTES} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, headers, body: body.into() })
    }

    async fn once(&self, request: RequestBuilder, most_bytes: usize) -> Result<Reply, SendFault> {
        let work = trace::asking(self.name);
        let started = Instant::now();
        let outcome = work.around(self.ask(request, most_bytes, &work)).await;
        let count = match &outcome {
            Ok(reply) => {
                work.number("http.response.status_code", reply.status.as_u16().into());
                if reply.status.is_client_error() || reply.status.is_server_error() {
                    work.failed(reply.status.as_str());
                }
                &self.calls.answered
            }
            Err(SendFault::NotSent(_)) => {
                work.failed("not_sent");
                &self.calls.unsent
            }
            Err(SendFault::Unclear(_)) => {
                work.failed("unclear");
                &self.calls.unclear
            }
        };
        count.fetch_add(1, Ordering::Relaxed);
        let waited = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.calls.micros.fetch_add(waited, Ordering::Relaxed);
        work.end();
        outcome
    }

    async fn ask(&self, request: RequestBuilder, most_bytes: usize, work: &Work) -> Result<Reply, SendFault> {
        let unclear = || SendFault::Unclear(self.name.to_owned());
        let never_left = |error: &reqwest::Error| error.is_connect() || error.is_builder();
        let (client, request) = request.build_split();
        let fault =
            |error: reqwest::Error| if never_left(&error) { SendFault::NotSent(self.name.to_owned()) } else { unclear() };
        let request = request.map_err(fault)?;
        // Which of ours it is called and where it lives; path and query may name an order or a person.
        work.word("http.request.method", request.method().as_str());
        work.word("server.address", request.url().host_str().unwrap_or_default());
        let mut response = client.execute(request).await.map_err(fault)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| unclear())? {
            if body.len() + chunk.len() > most_bytes {
                return Err(unclear());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, headers, body: body.into() })
    }
}

/// An error with its causes, each said once.
fn chain_of(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let words = next.to_string();
        if !told.contains(&words) {
            told = format!("{told}: {words}");
        }
        cause = next.source();
    }
    told
}

/// A client that trusts the roots in the binary (Mozilla's) and these (DER), follows no redirect and goes through no proxy.
///
/// # Errors
/// What the TLS library says.
pub fn client(patience: Patience, more: &[Vec<u8>]) -> Result<Client, reqwest::Error> {
    let usual = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter_map(|root| reqwest::Certificate::from_der(root).ok());
    let more = more.iter().map(|root| reqwest::Certificate::from_der(root)).collect::<Result<Vec<_>, _>>()?;
    Client::builder()
        .tls_certs_only(usual.chain(more))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(patience.connect)
        .timeout(patience.call)
        .user_agent(concat!("bayader/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Half of each wait is chance, so that those who failed together do not come back together.
fn wait(tries: u32, wish_ms: Option<u64>) -> Duration {
    let [chance, ..] = crate::security::random::quick();
    let full = (FIRST_WAIT_MS << tries).min(LONGEST_WAIT_MS);
    let ours = full / 2 + full / 2 * u64::from(chance) / 255;
    Duration::from_millis(wish_ms.map_or(ours, |wish| wish.min(LONGEST_WISH_MS).max(ours)))
}

/// `Retry-After`, which is in seconds; a date is not looked at.
#[must_use]
pub fn retry_after_ms(reply: &Reply) -> Option<u64> {
    let text = reply.headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    Some(text.trim().parse::<u64>().ok()?.saturating_mul(1_000))
}

/// Whether a status leaves open what became of a call (PROVIDERS, rules for every gateway).
#[must_use]
pub fn is_unclear_status(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 409 | 425 | 429)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;
    use crate::kernel::UtcMs;

    /// A server that reads a request, and is gone before it answers.
    #[tokio::test]
    async fn a_call_that_may_have_left_is_not_called_unsent() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let gone = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            drop(listener);
            let _ = stream.read(&mut [0; 1_024]).await;
        });
        let clock = Clock::manual(UtcMs::from_ms(0));
        let outbound = Outbound::new("Test", clock, Patience::default()).expect("a client");
        let send = || outbound.send(Retry::Safe, |client| client.post(&url).body("x"), |_| false);
        assert!(matches!(send().await, Err(SendFault::Unclear(_))));
        gone.await.expect("it ends");
        assert!(matches!(send().await, Err(SendFault::NotSent(_))), "nobody listens");
    }
}
