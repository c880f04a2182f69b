//! Connections to one relay, and one message over one of them, command by command: a pool would not say how far it came, and that
//! decides whether a message may be sent again.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use lettre::address::Envelope;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::outcome::{Step, Trouble};

/// Connections at once. More make no shop's mail faster, and relays count them.
const CONNECTIONS: usize = 4;
/// A connection that was idle for longer has been given up by many a relay.
const IDLE: Duration = Duration::from_secs(30);
/// Messages over one connection; relays end it at a number of their own, often a hundred or a few.
const MESSAGES: u32 = 100;
/// RFC 5321, 4.5.3.2.6 asks for patience after the last dot: who goes too early sends twice. So it is waited for longer than for others.
const TIMES_FOR_THE_LAST: u32 = 3;

/// How a connection is protected.
pub(super) enum Protection {
    /// From the first byte.
    Implicit(TlsParameters),
    /// After STARTTLS, or not at all: never in the clear.
    StartTls(TlsParameters),
    /// Not, as to this very machine.
    None,
}

/// One relay.
pub(super) struct Relay {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) protection: Protection,
    pub(super) credentials: Option<Credentials>,
    /// What we call ourselves.
    pub(super) hello: ClientId,
    /// For each step.
    pub(super) patience: Duration,
    pub(super) pool: Pool,
}

/// Connections that wait for the next message.
pub(super) struct Pool {
    parked: Mutex<Vec<Parked>>,
    places: Semaphore,
}

struct Parked {
    connection: AsyncSmtpConnection,
    since: Instant,
    messages: u32,
}

impl Default for Pool {
    fn default() -> Pool {
        Pool { parked: Mutex::default(), places: Semaphore::new(CONNECTIONS) }
    }
}

impl Relay {
    /// Sends one message; the relay's words with its yes.
    pub(super) async fn send(&self, envelope: &Envelope, message: &[u8]) -> Result<String, Trouble> {
        // It is never closed; if it were, more connections than usual are the lesser harm.
        let _place = self.pool.places.acquire().await.ok();
        if let Some(mut parked) = self.pool.take() {
            parked.messages += 1;
            match self.over(&mut parked.connection, envelope, message).await {
                // The relay has closed it in the meantime, as 421 says too; nothing of this message has left. The others that wait
                // are no younger, and a new one is not waited for as long as all of them.
                Err(Trouble::Lost { step: Step::Mail, .. } | Trouble::Answer { step: Step::Mail, code: 421, .. }) => {
                    self.pool.clear();
                }
                done => {
                    self.put_back(parked, done.as_ref().err()).await;
                    return done;
                }
            }
        }
        let mut fresh = Parked { connection: self.connect().await?, since: Instant::now(), messages: 1 };
        let done = self.over(&mut fresh.connection, envelope, message).await;
        self.put_back(fresh, done.as_ref().err()).await;
        done
    }

    /// Signs in, and sends nothing.
    pub(super) async fn check(&self) -> Result<(), Trouble> {
        let mut connection = self.connect().await?;
        let _ = timeout(self.patience, connection.quit()).await;
        Ok(())
    }

    /// A connection that is protected and signed in.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Trouble> {
        let mut connection = match &self.protection {
            Protection::Implicit(tls) => {
                let address = (self.host.as_str(), self.port);
                let connect =
                    AsyncSmtpConnection::connect_tokio1(address, Some(self.patience), &self.hello, Some(tls.clone()), None);
                self.step(Step::Connect, connect).await?
            }
            Protection::StartTls(_) | Protection::None => {
                let tcp = TcpStream::connect((self.host.as_str(), self.port));
                let tcp = match timeout(self.patience, tcp).await {
                    Ok(Ok(tcp)) => tcp,
                    Ok(Err(error)) => return Err(Trouble::Lost { step: Step::Connect, why: error.to_string() }),
                    Err(_) => return Err(late(Step::Connect)),
                };
                let careful: Box<dyn AsyncTokioStream> = Box::new(Careful { tcp, is_plain: true });
                self.step(Step::Connect, AsyncSmtpConnection::connect_with_transport(careful, &self.hello)).await?
            }
        };
        if let Protection::StartTls(tls) = &self.protection {
            if !connection.can_starttls() {
                return Err(Trouble::NoStartTls);
            }
            self.step(Step::Tls, connection.starttls(tls.clone(), &self.hello)).await?;
        }
        if let Some(credentials) = &self.credentials {
            if connection.server_info().get_auth_mechanism(DEFAULT_MECHANISMS).is_none() {
                return Err(Trouble::NoSignIn);
            }
            self.step(Step::SignIn, connection.auth(DEFAULT_MECHANISMS, credentials)).await?;
        }
        Ok(connection)
    }

    /// One message over a connection that waits for one.
    async fn over(&self, connection: &mut AsyncSmtpConnection, to: &Envelope, message: &[u8]) -> Result<String, Trouble> {
        let can = |extension| connection.server_info().supports_feature(extension);
        let mut parameters = Vec::new();
        if to.to().iter().any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
            if !can(Extension::SmtpUtfEight) {
                return Err(Trouble::OtherScript);
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !message.is_ascii() {
            if !can(Extension::EightBitMime) {
                return Err(Trouble::OtherScript);
            }
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        self.step(Step::Mail, connection.command(Mail::new(to.from().cloned(), parameters))).await?;
        for address in to.to() {
            self.step(Step::Rcpt, connection.command(Rcpt::new(address.clone(), Vec::new()))).await?;
        }
        let go_on = self.step(Step::Data, connection.command(Data)).await?;
        if code(&go_on) != GO_ON {
            return Err(Trouble::Lost { step: Step::Data, why: format!("it answered {} to DATA", code(&go_on)) });
        }
        // Once the last part is taken, the dot is on its way, and from then on the message may have been taken.
        let mut dot_is_on_its_way = false;
        let parts = message.chunks(1 << 16).chain(std::iter::once_with(|| {
            dot_is_on_its_way = true;
            &[] as &[u8]
        }));
        let sent = timeout(self.patience * TIMES_FOR_THE_LAST, connection.message_iter(parts)).await;
        let step = if dot_is_on_its_way { Step::Dot } else { Step::Body };
        let yes = read(step, sent)?;
        if code(&yes) / 100 != 2 {
            return Err(Trouble::Lost { step: Step::Dot, why: format!("it answered {} to the message", code(&yes)) });
        }
        Ok(yes.first_line().unwrap_or_default().to_owned())
    }

    async fn step<T>(
        &self,
        step: Step,
        part: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
    ) -> Result<T, Trouble> {
        read(step, timeout(self.patience, part).await)
    }

    /// A refused message ends its transaction, not the connection; a connection that is lost, or whose answers came out of order, is
    /// not used again.
    async fn put_back(&self, mut parked: Parked, trouble: Option<&Trouble>) {
        let is_ready = match trouble {
            None | Some(Trouble::OtherScript) => true,
            Some(
                Trouble::Answer { code: 421, .. }
                | Trouble::Lost { .. }
                | Trouble::NoStartTls
                | Trouble::NoSignIn
                | Trouble::Certificate { .. },
            ) => false,
            Some(Trouble::Answer { .. }) => {
                matches!(timeout(self.patience, parked.connection.command(Rset)).await, Ok(Ok(_)))
            }
        };
        if is_ready && parked.messages < MESSAGES {
            parked.since = Instant::now();
            self.pool.parked.lock().unwrap_or_else(PoisonError::into_inner).push(parked);
        } else if is_ready {
            let _ = timeout(self.patience, parked.connection.quit()).await;
        }
    }
}

impl Pool {
    /// The connection that was used last; those that were idle for long are let go.
    fn take(&self) -> Option<Parked> {
        let mut parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        parked.retain(|one| one.since.elapsed() < IDLE);
        parked.pop()
    }

    fn clear(&self) {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// "Start mail input" (RFC 5321, 4.3.2).
const GO_ON: u16 = 354;

fn code(response: &Response) -> u16 {
    response.code().into()
}

fn late(step: Step) -> Trouble {
    Trouble::Lost { step, why: "it did not answer in time".to_owned() }
}

fn read<T>(
    step: Step,
    outcome: Result<Result<T, lettre::transport::smtp::Error>, tokio::time::error::Elapsed>,
) -> Result<T, Trouble> {
    let error = match outcome {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(error)) => error,
        Err(_) => return Err(late(step)),
    };
    let mut causes = Vec::new();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    let why = causes.join(": ");
    Err(match error.status() {
        Some(code) => Trouble::Answer { step, code: code.into(), text: why },
        // So rustls says of each fault of a certificate; the type itself is lettre's own affair.
        None if why.contains("certificate") => Trouble::Certificate { why },
        None => Trouble::Lost { step, why },
    })
}

/// Hands on no byte too many before the connection is protected: what somebody on the line has put behind the answer to STARTTLS is
/// then read as TLS, and refused, and not taken for the relay's answers.
#[derive(Debug)]
struct Careful {
    tcp: TcpStream,
    is_plain: bool,
}

/// The first byte of a TLS handshake; no command begins with it.
const HANDSHAKE: u8 = 0x16;

impl AsyncTokioStream for Careful {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.peer_addr()
    }
}

impl AsyncRead for Careful {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.is_plain || buffer.remaining() == 0 {
            return Pin::new(&mut self.tcp).poll_read(context, buffer);
        }
        let mut byte = [0];
        let mut one = ReadBuf::new(&mut byte);
        let read = Pin::new(&mut self.tcp).poll_read(context, &mut one);
        buffer.put_slice(one.filled());
        read
    }
}

impl AsyncWrite for Careful {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.is_plain &= bytes.first() != Some(&HANDSHAKE);
        Pin::new(&mut self.tcp).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}
