//! A certificate with its key, read and checked before anybody sees it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::kernel::UtcMs;
use crate::kernel::time::span::SECOND_MS;

/// A chain of four certificates has some 8 KB.
const MAX_PEM_BYTES: u64 = 1 << 20;

/// A certificate chain with the key of its first.
#[derive(Clone)]
pub(super) struct Pair {
    pub key: Arc<CertifiedKey>,
    /// Names and addresses it is for, in lower case.
    pub names: Vec<String>,
    pub not_before: UtcMs,
    pub not_after: UtcMs,
}

/// Why a pair cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PairFault {
    #[error("{what} {path} cannot be read: {reason}. Name a file that this user may read")]
    Unreadable { what: &'static str, path: PathBuf, reason: String },
    #[error(
        "{path} holds no certificate (PEM, `-----BEGIN CERTIFICATE-----`). Name the file with the whole chain, the shop's own certificate first"
    )]
    NoCertificate { path: PathBuf },
    #[error(
        "{path} holds no private key (PEM, `-----BEGIN PRIVATE KEY-----`) that is not sealed by a password. Name the file with the key of the certificate"
    )]
    NoKey { path: PathBuf },
    #[error("the certificate in {path} cannot be understood: {reason}. Get it anew from whoever issued it")]
    Malformed { path: PathBuf, reason: String },
    #[error(
        "the private key in {key} is not that of the certificate in {cert}: they do not match. Name the two files that were made together"
    )]
    Mismatch { cert: PathBuf, key: PathBuf },
    #[error(
        "the certificate in {path} names nobody (it has no subject alternative name), so every browser refuses it. Get one for the shop's name"
    )]
    Nameless { path: PathBuf },
}

impl Pair {
    /// Reads two files.
    pub fn read(cert_file: &Path, key_file: &Path) -> Result<Pair, PairFault> {
        let cert = read("the certificate", cert_file)?;
        let key = read("the private key", key_file)?;
        Pair::of(&cert, cert_file, &key, key_file)
    }

    /// Makes a pair of the bytes of two files, or of one that holds both.
    pub fn of(cert: &[u8], cert_file: &Path, key: &[u8], key_file: &Path) -> Result<Pair, PairFault> {
        let path = || cert_file.to_owned();
        let malformed = |reason: String| PairFault::Malformed { path: path(), reason };
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(cert).collect::<Result<_, _>>().map_err(|error| malformed(error.to_string()))?;
        let leaf = chain.first().ok_or_else(|| PairFault::NoCertificate { path: path() })?.clone();
        let private = PrivateKeyDer::from_pem_slice(key).map_err(|_| PairFault::NoKey { path: key_file.to_owned() })?;
        let signing = rustls::crypto::aws_lc_rs::sign::any_supported_type(&private)
            .map_err(|_| PairFault::NoKey { path: key_file.to_owned() })?;
        let certified = CertifiedKey::new(chain, signing);
        match certified.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
            Err(rustls::Error::InconsistentKeys(_)) => {
                return Err(PairFault::Mismatch { cert: path(), key: key_file.to_owned() });
            }
            Err(error) => return Err(malformed(error.to_string())),
        }
        let (_, parsed) = X509Certificate::from_der(&leaf).map_err(|error| malformed(error.to_string()))?;
        let names = names_of(&parsed).map_err(malformed)?;
        if names.is_empty() {
            return Err(PairFault::Nameless { path: path() });
        }
        let moment = |seconds: i64| UtcMs::from_ms(seconds.saturating_mul(SECOND_MS));
        let (not_before, not_after) =
            (moment(parsed.validity().not_before.timestamp()), moment(parsed.validity().not_after.timestamp()));
        Ok(Pair { key: Arc::new(certified), names, not_before, not_after })
    }

    /// The moment when so much of its life is over.
    pub fn spent(&self, parts: i64, of: i64) -> UtcMs {
        let life = self.not_after.ms().saturating_sub(self.not_before.ms()).max(0);
        UtcMs::from_ms(self.not_before.ms().saturating_add(life / of * parts))
    }

    /// Whether browsers refuse it by their clock.
    pub fn is_over(&self, now: UtcMs) -> bool {
        now > self.not_after
    }
}

fn names_of(certificate: &X509Certificate<'_>) -> Result<Vec<String>, String> {
    let Some(extension) = certificate.subject_alternative_name().map_err(|error| error.to_string())? else {
        return Ok(Vec::new());
    };
    let names = extension.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|bytes| std::net::IpAddr::from(bytes).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| std::net::IpAddr::from(bytes).to_string()),
        },
        _ => None,
    });
    Ok(names.collect())
}

/// The bytes of a PEM file; no more than one can have.
pub(super) fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, PairFault> {
    let unreadable = |reason: String| PairFault::Unreadable { what, path: path.to_owned(), reason };
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(MAX_PEM_BYTES + 1).read_to_end(&mut bytes).map_err(|error| unreadable(error.to_string()))?;
    if bytes.len() as u64 > MAX_PEM_BYTES {
        return Err(unreadable(format!("it has more than {MAX_PEM_BYTES} bytes")));
    }
    Ok(bytes)
}
