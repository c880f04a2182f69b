//! The certificates by which PayPal signs its messages: fetched from its hosts alone, believed by their path to a trusted root, and
//! remembered until their end (PROVIDERS 3.3).

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use tokio::sync::Semaphore;
use webpki::{EndEntityCert, KeyUsage};

use crate::kernel::UtcMs;
use crate::outbound::Outbound;

/// A certificate is waited for so long.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest file of certificates.
const MOST_BYTES: usize = 64 << 10;
/// The most certificates in it.
const MOST_IN_FILE: usize = 10;
/// PayPal signs with one at a time, and with two while it changes over.
const MOST_REMEMBERED: usize = 8;
/// So many are fetched at once; who has no turn within [`PATIENCE`] is left for PayPal to send again.
const MOST_FETCHED_AT_ONCE: usize = 4;

/// Whose certificate signs (PROVIDERS 3.3).
const NAME: &str = "messageverificationcerts.paypal.com";
const SANDBOX_NAME: &str = "messageverificationcerts.sandbox.paypal.com";

/// Mozilla's roots, as they stand in the binary.
static MOZILLA: LazyLock<Vec<TrustAnchor<'static>>> =
    LazyLock::new(|| webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter_map(anchor).collect());

fn anchor(root: &CertificateDer<'_>) -> Option<TrustAnchor<'static>> {
    Some(webpki::anchor_from_trusted_cert(root).ok()?.to_owned())
}

/// What lies at a certificate's URL.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fetched {
    Pem(Vec<u8>),
    /// PayPal knows no such certificate.
    NoSuch,
    /// It could not be had now. Why, for the log.
    Failed(String),
}

/// Where certificates are fetched from.
pub trait Source: Send + Sync + 'static {
    fn fetch<'a>(&'a self, url: &'a str) -> Pin<Box<dyn Future<Output = Fetched> + Send + 'a>>;
}

impl Source for Outbound {
    fn fetch<'a>(&'a self, url: &'a str) -> Pin<Box<dyn Future<Output = Fetched> + Send + 'a>> {
        Box::pin(async move {
            match self.send_short(MOST_BYTES, |client| client.get(url).timeout(PATIENCE)).await {
                Ok(reply) if reply.status.as_u16() == 200 => Fetched::Pem(reply.body.to_vec()),
                Ok(reply) if matches!(reply.status.as_u16(), 400 | 404 | 410) => Fetched::NoSuch,
                Ok(reply) => Fetched::Failed(format!("the certificate's host answered {}", reply.status.as_u16())),
                Err(fault) => Fetched::Failed(format!("the certificate could not be fetched: {fault}")),
            }
        })
    }
}

/// Why a signature does not count.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Doubt {
    /// It is not PayPal's.
    Forged(&'static str),
    /// It cannot be told now.
    Unknown(String),
}

pub const NOT_SIGNED: Doubt = Doubt::Forged("the signature does not belong to the message");
pub const OTHER_NAME: Doubt = Doubt::Forged("the certificate is in another name");
pub const NOT_IN_DATE: Doubt = Doubt::Forged("the certificate is not valid at this time");
pub const NO_PATH: Doubt = Doubt::Forged("the certificate leads to no trusted root");
const NO_SUCH: Doubt = Doubt::Forged("PayPal knows no such certificate");

/// A certificate with those that lead to its root.
#[derive(Debug)]
struct Chain {
    leaf: CertificateDer<'static>,
    issuers: Vec<CertificateDer<'static>>,
}

impl Chain {
    /// The first is the signer's, the rest lead on.
    fn read(pem: &[u8]) -> Option<Chain> {
        let mut all: Vec<_> = CertificateDer::pem_slice_iter(pem).take(MOST_IN_FILE + 1).collect::<Result<_, _>>().ok()?;
        if all.is_empty() || all.len() > MOST_IN_FILE {
            return None;
        }
        Some(Chain { leaf: all.remove(0), issuers: all })
    }

    fn check(&self, signed: &Signed<'_>, names: &[&'static str], roots: &[TrustAnchor<'static>]) -> Result<(), Doubt> {
        let leaf = EndEntityCert::try_from(&self.leaf).map_err(|_| NO_PATH)?;
        let rsa = webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA256;
        leaf.verify_signature(rsa, signed.message, signed.signature).map_err(|_| NOT_SIGNED)?;
        let is_named =
            |name: &str| ServerName::try_from(name).is_ok_and(|name| leaf.verify_is_valid_for_subject_name(&name).is_ok());
        if !names.iter().any(|name| is_named(name)) {
            return Err(OTHER_NAME);
        }
        let seconds = u64::try_from(signed.now.ms() / 1_000).map_err(|_| NOT_IN_DATE)?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let algorithms = webpki::ALL_VERIFICATION_ALGS;
        let path = leaf.verify_for_usage(algorithms, roots, &self.issuers, now, KeyUsage::server_auth(), None, None);
        path.map(|_| ()).map_err(|fault| match fault {
            webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. } => NOT_IN_DATE,
            _ => NO_PATH,
        })
    }
}

/// A message with its signature, and the moment at which its certificate is to be valid.
pub struct Signed<'a> {
    pub message: &'a [u8],
    pub signature: &'a [u8],
    pub now: UtcMs,
}

/// The certificates that are known, and the way to the others.
pub struct Certificates {
    source: Arc<dyn Source>,
    roots: Vec<TrustAnchor<'static>>,
    names: Vec<&'static str>,
    /// Those that were believed once, the newest last: a stranger's fill no memory.
    known: Mutex<VecDeque<(String, Arc<Chain>)>>,
    fetching: Semaphore,
}

impl Certificates {
    /// `more_roots` are trusted besides Mozilla's, for tests. The sandbox's certificates count where the sandbox answers.
    #[must_use]
    pub fn new(source: Arc<dyn Source>, is_sandbox: bool, more_roots: &[CertificateDer<'_>]) -> Certificates {
        let mut roots = MOZILLA.clone();
        roots.extend(more_roots.iter().filter_map(anchor));
        let names = if is_sandbox { vec![NAME, SANDBOX_NAME] } else { vec![NAME] };
        let (known, fetching) = (Mutex::default(), Semaphore::new(MOST_FETCHED_AT_ONCE));
        Certificates { source, roots, names, known, fetching }
    }

    /// Whether the certificate at `url` signed the message and may.
    ///
    /// # Errors
    /// Why not.
    pub async fn check(&self, url: &str, signed: &Signed<'_>) -> Result<(), Doubt> {
        if let Some(chain) = self.known(url) {
            let checked = chain.check(signed, &self.names, &self.roots);
            if checked == Err(NOT_IN_DATE) {
                self.forget(url);
            }
            return checked;
        }
        let chain = self.fetch(url).await?;
        chain.check(signed, &self.names, &self.roots)?;
        self.remember(url, chain);
        Ok(())
    }

    async fn fetch(&self, url: &str) -> Result<Arc<Chain>, Doubt> {
        let busy = || Doubt::Unknown("too many certificates are being fetched".to_owned());
        let turn = tokio::time::timeout(PATIENCE, self.fetching.acquire()).await;
        let _turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
        // Messages come in bursts: the one before may have fetched it meanwhile.
        if let Some(chain) = self.known(url) {
            return Ok(chain);
        }
        match self.source.fetch(url).await {
            Fetched::Pem(pem) => {
                let unreadable = || Doubt::Unknown("what lies at the certificate's URL is no certificate".to_owned());
                Chain::read(&pem).map(Arc::new).ok_or_else(unreadable)
            }
            Fetched::NoSuch => Err(NO_SUCH),
            Fetched::Failed(why) => Err(Doubt::Unknown(why)),
        }
    }

    fn known(&self, url: &str) -> Option<Arc<Chain>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|(of, _)| of == url).map(|(_, chain)| Arc::clone(chain))
    }

    fn remember(&self, url: &str, chain: Arc<Chain>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(of, _)| of != url);
        if known.len() == MOST_REMEMBERED {
            known.pop_front();
        }
        known.push_back((url.to_owned(), chain));
    }

    fn forget(&self, url: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).retain(|(of, _)| of != url);
    }
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates").field("names", &self.names).finish_non_exhaustive()
    }
}
