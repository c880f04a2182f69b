//! An authority of the tests' own, the certificates it issues, and who believes it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bayader::clock::Clock;
use bayader::kernel::UtcMs;
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

use tokio::sync::OnceCell;

use crate::harness::Wire;

/// Whom a browser of the tests believes.
pub struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key, in two files.
pub struct Files {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// A certificate with its key, in PEM.
pub struct Issued {
    pub cert: String,
    pub key: String,
    /// What a handshake shows.
    pub der: Vec<u8>,
}

impl Authority {
    pub fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("rcgen makes it");
        params.distinguished_name.push(DnType::CommonName, "an authority of the tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("rcgen makes it");
        let certificate = params.self_signed(&key).expect("rcgen makes it");
        Authority { certificate, issuer: Issuer::new(params, key) }
    }

    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// A certificate for these names that counts from one moment to another.
    pub fn issue(&self, names: &[&str], from: UtcMs, until: UtcMs) -> Issued {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name.push(DnType::CommonName, "a shop");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        for (end, at) in [(&mut params.not_before, from), (&mut params.not_after, until)] {
            let date = at.timestamp().to_zoned(jiff::tz::TimeZone::UTC).date();
            let small = |number: i8| u8::try_from(number).expect("months and days are small");
            *end = rcgen::date_time_ymd(date.year().into(), small(date.month()), small(date.day()));
        }
        let key = KeyPair::generate().expect("rcgen makes it");
        let certificate = params.signed_by(&key, &self.issuer).expect("rcgen makes it");
        Issued { cert: certificate.pem(), key: key.serialize_pem(), der: certificate.der().to_vec() }
    }

    /// As [`Authority::issue`], good for years by any clock of the tests.
    pub fn issue_long(&self, names: &[&str]) -> Issued {
        self.issue(names, moment("2020-01-01"), moment("2040-01-01"))
    }

    /// A client that believes it and finds these names there; it follows nobody who leads elsewhere.
    pub fn client(&self, names: &[&str], at: SocketAddr) -> reqwest::Client {
        believing(&[self.certificate.der().to_vec()], names, at)
    }
}

/// A client that believes these roots alone and finds these names there; each request is a connection of its own.
pub fn believing(roots: &[Vec<u8>], names: &[&str], at: SocketAddr) -> reqwest::Client {
    let roots = roots.iter().map(|root| reqwest::Certificate::from_der(root).expect("a certificate"));
    let mut builder = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only(roots)
        .tls_info(true)
        .pool_max_idle_per_host(0)
        .redirect(reqwest::redirect::Policy::none());
    for name in names {
        builder = builder.resolve(name, at);
    }
    builder.build().expect("a client can be made")
}

/// The line to the shop's door of HTTPS, under a name.
pub fn wire(http: reqwest::Client, name: &str, at: SocketAddr, clock: Clock) -> Arc<Wire> {
    Arc::new(Wire {
        base: format!("https://{name}:{}", at.port()),
        http,
        clock,
        seen: Mutex::default(),
        bakery: OnceCell::default(),
    })
}

/// The certificate that a handshake shows now; `None` if there is no handshake.
pub async fn shown(client: &reqwest::Client, url: &str) -> Option<Vec<u8>> {
    let response = client.get(url).send().await.ok()?;
    let info = response.extensions().get::<reqwest::tls::TlsInfo>()?;
    info.peer_certificate().map(<[u8]>::to_vec)
}

impl Issued {
    /// Writes the two files of a pair, the key for its owner alone.
    pub fn put(&self, folder: &Path) -> Files {
        use std::os::unix::fs::PermissionsExt;
        let files = Files { cert: folder.join("shop.pem"), key: folder.join("shop.key") };
        std::fs::write(&files.cert, &self.cert).expect("a file");
        std::fs::write(&files.key, &self.key).expect("a file");
        std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(0o600)).expect("rights");
        files
    }
}

impl Files {
    /// The configuration that names them, with HTTPS on a free port.
    pub fn variables(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("BAYADER_TLS__MODE", "files"),
            ("BAYADER_TLS__CERT_FILE", self.cert.to_str().expect("a path")),
            ("BAYADER_TLS__KEY_FILE", self.key.to_str().expect("a path")),
            ("BAYADER_TLS__LISTEN", "127.0.0.1:0"),
        ]
    }
}

pub fn moment(day: &str) -> UtcMs {
    UtcMs::parse(&format!("{day}T00:00:00Z")).expect("a day")
}
