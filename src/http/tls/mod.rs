//! HTTPS by this process itself (`[tls]`): whose certificate is shown, and that it stays a good one.
//!
//! [`Tls::open`] makes what a door of HTTPS needs; [`Tls::keep`] looks after the certificate while the shop serves: files are read anew
//! when they change, a certificate of an authority is fetched and renewed. Neither ever stops the shop: what goes wrong is kept in
//! [`State`], for the log, the doctor and the numbers, and the certificate that was good goes on being shown.
//!
//! What always holds: a new pair is shown only whole and checked; a handshake costs its own task alone and ends in time; a key is
//! read from a file and never told.

mod acme;
mod files;
mod handshake;
mod look;
mod pair;
mod shown;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use tokio::sync::watch;

pub use acme::AcmeFault;
pub use look::{Look, look};
pub use pair::PairFault;

use self::shown::Shown;
use crate::clock::Clock;
use crate::config;
use crate::kernel::UtcMs;

/// The only protocol that is spoken inside, and the one by which an authority asks whether a name is ours (RFC 8737).
const HTTP_1_1: &[u8] = b"http/1.1";
const ACME_TLS_1: &[u8] = b"acme-tls/1";

/// HTTPS, ready for doors.
pub struct Tls {
    server: Arc<ServerConfig>,
    shown: Arc<Shown>,
    source: Source,
    told: Mutex<Option<Trouble>>,
    clock: Clock,
}

/// Where the certificate comes from.
enum Source {
    Files(files::Files),
    Acme(acme::Acme),
}

/// Why there is no HTTPS.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    #[error(transparent)]
    Pair(#[from] PairFault),
    #[error(transparent)]
    Acme(#[from] AcmeFault),
    #[error("HTTPS cannot be spoken: {0}. This is a fault of bayader's own")]
    Library(#[from] rustls::Error),
}

/// What is to be known of the certificate now.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct State {
    /// The names it is for; none while there is no certificate.
    pub names: Vec<String>,
    /// The moment from which browsers refuse it.
    pub not_after: Option<UtcMs>,
    /// What went wrong last, if it has not gone well since.
    pub trouble: Option<Trouble>,
}

/// Something that went wrong with the certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    pub at: UtcMs,
    /// What happened and what to do, for the keeper.
    pub words: String,
}

impl Tls {
    /// What `[tls]` asks for; `None` where it is off. `folder` is the data folder.
    ///
    /// # Errors
    /// [`TlsFault`], in words for the machine's keeper. An authority that cannot be asked is none: it is asked again later.
    pub fn open(config: &config::Tls, folder: &Path, clock: &Clock) -> Result<Option<Arc<Tls>>, TlsFault> {
        let shown = Arc::new(Shown::default());
        let source = match config {
            config::Tls::Off => return Ok(None),
            config::Tls::Files { cert_file, key_file } => {
                Source::Files(files::Files::open(cert_file, key_file, &shown, clock.now())?)
            }
            config::Tls::Acme { domains, email, directory_url, ca_file } => {
                let asked = acme::Asked {
                    domains: domains.clone(),
                    email: email.clone(),
                    directory_url: directory_url.as_str().to_owned(),
                    ca_file: ca_file.clone(),
                };
                Source::Acme(acme::Acme::open(asked, folder, &shown, clock)?)
            }
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as Arc<dyn rustls::server::ResolvesServerCert>);
        server.alpn_protocols = vec![HTTP_1_1.to_vec(), ACME_TLS_1.to_vec()];
        // A phone that comes back needs no new signature. Its ticket is sealed by a key that is made anew every six hours.
        server.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
        Ok(Some(Arc::new(Tls { server: Arc::new(server), shown, source, told: Mutex::new(None), clock: clock.clone() })))
    }

    /// The names of the certificate that is shown; none while there is none.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.shown.names()
    }

    /// What is to be known of the certificate now.
    #[must_use]
    pub fn state(&self) -> State {
        let (names, not_after) = self.shown.pair().map_or_else(Default::default, |pair| (pair.names, Some(pair.not_after)));
        State { names, not_after, trouble: self.trouble().clone() }
    }

    /// Looks after the certificate until `stop` turns true.
    pub async fn keep(&self, mut stop: watch::Receiver<bool>) {
        let keep = async {
            match &self.source {
                Source::Files(files) => files.keep(self).await,
                Source::Acme(acme) => acme.keep(self).await,
            }
        };
        tokio::select! {
            () = keep => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    fn trouble(&self) -> std::sync::MutexGuard<'_, Option<Trouble>> {
        // One value is put in place of another; nothing can stop in between.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what went wrong, and says it in the log, once for the same words.
    fn went_wrong(&self, words: String) {
        let mut trouble = self.trouble();
        if trouble.as_ref().is_none_or(|known| known.words != words) {
            tracing::error!("{words}");
        }
        *trouble = Some(Trouble { at: self.clock.now(), words });
    }

    /// It goes well again.
    fn went_well(&self) {
        *self.trouble() = None;
    }
}
