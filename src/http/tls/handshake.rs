//! The first words on a connection of HTTPS.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{ACME_TLS_1, Tls};
use crate::http::spoken;
use crate::kernel::problem::kinds;
use crate::kernel::{Locale, Problem};

/// A handshake takes two ways there and back; so long lets even a telephone on a bad line come to its end.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// The first byte of a handshake (RFC 8446 section 5.1).
const HANDSHAKE_RECORD: u8 = 22;
/// Of who speaks plain HTTP here so much is read, so that the answer arrives.
const MAX_PLAIN_BYTES: u64 = 64 * 1024;

impl Tls {
    /// Agrees on a key with who is connected; `None` if there is nothing to serve, for they did not, or not in time, or were an
    /// authority that has its answer now.
    pub(in crate::http) async fn shake_hands(&self, stream: TcpStream, locale: Locale) -> Option<TlsStream<TcpStream>> {
        match tokio::time::timeout(HANDSHAKE_TIME, self.agree(stream, locale)).await {
            Ok(agreed) => agreed,
            Err(_) => {
                tracing::debug!("a handshake was not over in {} s", HANDSHAKE_TIME.as_secs());
                None
            }
        }
    }

    async fn agree(&self, stream: TcpStream, locale: Locale) -> Option<TlsStream<TcpStream>> {
        let mut first = [0];
        if stream.peek(&mut first).await.ok()? == 0 {
            return None;
        }
        if first != [HANDSHAKE_RECORD] {
            if first[0].is_ascii_uppercase() {
                tell_plain(stream, locale).await;
            }
            return None;
        }
        let accepted = TlsAcceptor::from(self.server.clone()).accept(stream).await;
        let mut stream = accepted.inspect_err(|error| tracing::debug!(error = %error, "a handshake failed")).ok()?;
        if stream.get_ref().1.alpn_protocol() == Some(ACME_TLS_1) {
            let _ = stream.shutdown().await;
            return None;
        }
        Some(stream)
    }
}

/// Says to who speaks plain HTTP here that this is the door of HTTPS.
async fn tell_plain(mut stream: TcpStream, locale: Locale) {
    let problem = Problem::of(&kinds::BAD_REQUEST)
        .detail("This port speaks HTTPS, and this request came in plain HTTP. Nothing was done; use the https:// address.");
    if stream.write_all(&spoken::answer(&problem, locale)).await.is_ok() && stream.shutdown().await.is_ok() {
        // Closed over unread bytes, a connection takes its last answer with it.
        let _ = tokio::io::copy(&mut stream.take(MAX_PLAIN_BYTES), &mut tokio::io::sink()).await;
    }
}
