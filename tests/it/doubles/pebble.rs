//! A real certificate authority that speaks ACME (Let's Encrypt's own test server), with the name server that it asks.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use tempfile::TempDir;

use super::certificates::{Authority, believing};
use crate::harness::{is_there, skipped};

const READY_TIME: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);
/// A name that it never gives a certificate for.
pub const BLOCKED: &str = "blocked.example";

/// Where an authority will be, whether it runs or not.
pub struct Place {
    folder: TempDir,
    own: Authority,
    directory: u16,
    management: u16,
    names: u16,
    names_management: u16,
}

/// A running authority. Dropped, it is killed.
pub struct Pebble {
    children: Vec<Child>,
    log: PathBuf,
}

/// A port that is free now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

impl Place {
    /// `None`, loudly, where it is not installed. It will look for shops' doors of HTTPS on this port.
    pub fn choose(test: &str, https_port: u16) -> Option<Place> {
        if !is_there("pebble") || !is_there("pebble-challtestsrv") {
            skipped(test, "pebble is not there. Install it: apt-get install pebble");
            return None;
        }
        let place = Place {
            folder: tempfile::tempdir().expect("a folder"),
            own: Authority::new(),
            directory: free_port(),
            management: free_port(),
            names: free_port(),
            names_management: free_port(),
        };
        let files = place.own.issue_long(&["localhost"]).put(place.folder.path());
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{}", place.directory),
            "managementListenAddress": format!("127.0.0.1:{}", place.management),
            "certificate": files.cert,
            "privateKey": files.key,
            "httpPort": free_port(),
            "tlsPort": https_port,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
            "domainBlocklist": [BLOCKED],
        } });
        std::fs::write(place.folder.path().join("pebble.json"), config.to_string()).expect("a file");
        std::fs::write(place.ca_file(), place.own.pem()).expect("a file");
        Some(place)
    }

    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub fn directory_url(&self) -> String {
        format!("https://localhost:{}/dir", self.directory)
    }

    /// The configuration of a shop that gets its certificate here.
    pub fn variables(&self, domains: &str, https_port: u16) -> Vec<(String, String)> {
        [
            ("MODE", "acme".to_owned()),
            ("DOMAINS", domains.to_owned()),
            ("EMAIL", "owner@example.com".to_owned()),
            ("DIRECTORY_URL", self.directory_url()),
            ("CA_FILE", self.ca_file().display().to_string()),
            ("LISTEN", format!("127.0.0.1:{https_port}")),
        ]
        .into_iter()
        .map(|(name, value)| (format!("BAYADER_TLS__{name}"), value))
        .collect()
    }

    fn client(&self) -> reqwest::Client {
        let roots = reqwest::Certificate::from_pem(self.own.pem().as_bytes()).expect("a certificate");
        reqwest::Client::builder().no_proxy().tls_certs_only([roots]).build().expect("a client")
    }

    /// Starts it; of a hundred nonces it refuses so many.
    pub async fn start(&self, refused_nonces: u32) -> Pebble {
        let log = self.folder.path().join("pebble.log");
        let output = File::create(&log).expect("a log");
        let names = format!("127.0.0.1:{}", self.names);
        let run = |program: &str, args: &[&str]| {
            Command::new("setpriv")
                .args(["--pdeathsig", "KILL", program])
                .args(args)
                .env("PEBBLE_VA_NOSLEEP", "1")
                .env("PEBBLE_WFE_NONCEREJECT", refused_nonces.to_string())
                .stdin(Stdio::null())
                .stdout(output.try_clone().expect("a handle"))
                .stderr(output.try_clone().expect("a handle"))
                .spawn()
                .expect("it starts")
        };
        let management = format!("127.0.0.1:{}", self.names_management);
        let config = self.folder.path().join("pebble.json").display().to_string();
        let children = vec![
            run(
                "pebble-challtestsrv",
                &[
                    "-defaultIPv4",
                    "127.0.0.1",
                    "-defaultIPv6",
                    "",
                    "-dns01",
                    &names,
                    "-http01",
                    "",
                    "-https01",
                    "",
                    "-tlsalpn01",
                    "",
                    "-management",
                    &management,
                ],
            ),
            run("pebble", &["-config", &config, "-dnsserver", &names]),
        ];
        let pebble = Pebble { children, log };
        let started = Instant::now();
        while self.client().get(self.directory_url()).send().await.is_err() {
            assert!(started.elapsed() < READY_TIME, "pebble is not ready:\n{}", pebble.log());
            tokio::time::sleep(LOOK).await;
        }
        pebble
    }

    /// Who believes what it issues now, and finds these names at a shop's door.
    pub async fn browser(&self, names: &[&str], at: SocketAddr) -> reqwest::Client {
        let url = format!("https://localhost:{}/roots/0", self.management);
        let pem = self.client().get(url).send().await.expect("its root").bytes().await.expect("a body");
        let block = String::from_utf8(pem.to_vec()).expect("PEM");
        let base64: String = block.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = base64::engine::general_purpose::STANDARD.decode(base64).expect("base64");
        believing(&[der], names, at)
    }
}

impl Pebble {
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- the authority's log\n{}", self.log());
        }
    }
}
