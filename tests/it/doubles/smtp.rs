//! Mail relays on loopback: one that others wrote (aiosmtpd, `tests/peers/smtp_peer.py`) with TLS and a sign-in, which can be killed and
//! started again; one that says what a test tells it; and a line between that counts connections.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener as StdListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use mail_parser::MessageParser;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader as AsyncReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::harness::{is_there, python_peer, skipped};

pub const USER: &str = "shop";
pub const PASSWORD: &str = "s3cret";
/// Starts, where another program takes the port in between.
const TRIES: u32 = 3;

/// The authority of all relays here, and another that has signed none of them.
static AUTHORITY: LazyLock<(String, Issuer<'static, KeyPair>)> = LazyLock::new(|| authority("An authority for tests"));
static STRANGER: LazyLock<(String, Issuer<'static, KeyPair>)> = LazyLock::new(|| authority("Another authority for tests"));

fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::new(Vec::new()).expect("rcgen makes it");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("rcgen makes it");
    let pem = params.self_signed(&key).expect("rcgen makes it").pem();
    (pem, Issuer::new(params, key))
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tls {
    StartTls,
    Implicit,
}

/// A mail that the relay has taken.
#[derive(Clone, Debug)]
pub struct Mail {
    pub raw: Vec<u8>,
    pub message_id: String,
    pub from: String,
    pub to: Vec<String>,
    pub authenticated: bool,
}

impl Mail {
    pub fn parsed(&self) -> mail_parser::Message<'_> {
        MessageParser::default().parse(&self.raw).expect("it parses")
    }
}

/// The relay. Dropped, it is killed.
pub struct Relay {
    child: Option<Child>,
    folder: TempDir,
    tls: Tls,
    pub port: u16,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Relay {
    /// `None`, loudly, where it is not installed.
    pub fn start(test: &str, tls: Tls) -> Option<Relay> {
        if !is_there(&python_peer("aiosmtpd")) {
            skipped(test, "aiosmtpd is not there. Install it: tests/peers/install.sh");
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("rcgen makes it");
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().expect("rcgen makes it");
        let certificate = params.signed_by(&key, &AUTHORITY.1).expect("rcgen makes it");
        let put = |name: &str, text: String| std::fs::write(folder.path().join(name), text).expect("a file");
        put("relay.pem", certificate.pem());
        put("relay.key", key.serialize_pem());
        put("ca.pem", AUTHORITY.0.clone());
        put("stranger.pem", STRANGER.0.clone());
        let mut relay = Relay { child: None, folder, tls, port: 0 };
        relay.restart();
        Some(relay)
    }

    /// Starts it: the first time on a free port, then on the same one.
    pub fn restart(&mut self) {
        let wanted = self.port;
        for _ in 0..TRIES {
            let mode = if self.tls == Tls::StartTls { "starttls" } else { "tls" };
            let path = |name: &str| self.folder.path().join(name).display().to_string();
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/smtp_peer.py");
            let mut child = Command::new("setpriv")
                .args(["--pdeathsig", "KILL", &python_peer("python"), script, &wanted.to_string()])
                .args([&path("mails"), &path("relay.pem"), &path("relay.key"), mode])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .expect("it starts");
            let mut line = String::new();
            BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("it says something");
            let port = line.trim().strip_prefix("ready ").and_then(|port| port.parse().ok());
            if let Some(port) = port {
                (self.child, self.port) = (Some(child), port);
                return;
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("the relay does not start on port {wanted}");
    }

    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Of an authority that has not signed it.
    pub fn wrong_ca_file(&self) -> PathBuf {
        self.folder.path().join("stranger.pem")
    }

    /// How every mail goes wrong from now on (see the script); `None` heals.
    pub fn fault(&self, fault: Option<&str>) {
        let path = self.folder.path().join("mails/fault");
        match fault {
            Some(fault) => std::fs::write(path, fault).expect("a file"),
            None => std::fs::remove_file(path).expect("it was there"),
        }
    }

    /// What it has taken, in the order of its names.
    pub fn mails(&self) -> Vec<Mail> {
        let Ok(entries) = std::fs::read_dir(self.folder.path().join("mails")) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
        paths.sort();
        let read = |path: &PathBuf| {
            let raw = std::fs::read(path).expect("a mail");
            let meta: Value =
                serde_json::from_slice(&std::fs::read(path.with_extension("json")).expect("its envelope")).expect("json");
            let message_id = MessageParser::default().parse(&raw).and_then(|mail| mail.message_id().map(str::to_owned));
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            Mail {
                raw,
                message_id: message_id.expect("a Message-ID"),
                from: text(&meta["from"]),
                to: meta["to"].as_array().expect("recipients").iter().map(text).collect(),
                authenticated: meta["authenticated"].as_bool().expect("a flag"),
            }
        };
        paths.iter().map(read).collect()
    }

    /// How many mails it has of each Message-ID.
    pub fn by_message_id(&self) -> BTreeMap<String, usize> {
        let mut count = BTreeMap::new();
        for mail in self.mails() {
            *count.entry(mail.message_id).or_insert(0) += 1;
        }
        count
    }

    /// The configuration of a shop that sends through it; `port` is its own, or that of a line before it.
    pub fn variables(&self, port: u16) -> Vec<(&'static str, String)> {
        vec![
            ("BAYADER_MAIL__ADAPTER", "smtp".to_owned()),
            ("BAYADER_MAIL__FROM", "مخبز البيادر <orders@shop.example>".to_owned()),
            ("BAYADER_MAIL__HOST", "localhost".to_owned()),
            ("BAYADER_MAIL__PORT", port.to_string()),
            ("BAYADER_MAIL__TLS", if self.tls == Tls::StartTls { "starttls" } else { "implicit" }.to_owned()),
            ("BAYADER_MAIL__USERNAME", USER.to_owned()),
            ("BAYADER_MAIL__PASSWORD", PASSWORD.to_owned()),
            ("BAYADER_MAIL__CA_FILE", self.ca_file().display().to_string()),
            ("BAYADER_MAIL__MAX_PER_SECOND", "1000".to_owned()),
        ]
    }
}

/// A line to a port of this machine that counts the connections over it.
pub struct Line {
    pub port: u16,
    count: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Line {
    pub async fn to(port: u16) -> Line {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let own = listener.local_addr().expect("an address").port();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let task = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    if let Ok(mut far) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
                        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        });
        Line { port: own, count, task }
    }

    pub fn connections(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

/// What a [`Parrot`] says to a command; `GREETING` and `.` (a message's end) count as commands.
#[derive(Clone, Copy, Debug)]
pub enum Say {
    /// These bytes, with their line ends.
    Bytes(&'static str),
    /// Nothing: the connection is closed.
    HangUp,
    /// Asks for the message, reads so many lines of it and closes the connection.
    HangUpAfterLines(usize),
}

/// A relay in the clear that says what a test tells it, and as every relay does where the test tells nothing.
pub struct Parrot {
    pub port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Parrot {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Parrot {
    pub async fn start(says: &[(&'static str, Say)]) -> Parrot {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (noted, says) = (Arc::clone(&heard), says.to_vec());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(talk(stream, says.clone(), Arc::clone(&noted)));
            }
        });
        Parrot { port, heard, task }
    }

    /// The commands it was given, and the lines of messages.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("nobody panicked").clone()
    }
}

async fn talk(stream: TcpStream, says: Vec<(&'static str, Say)>, heard: Arc<Mutex<Vec<String>>>) {
    let (read, mut write) = stream.into_split();
    let mut lines = AsyncReader::new(read).split(b'\n');
    let answer = |verb: &str| {
        let told = says.iter().find(|(command, _)| *command == verb).map(|(_, say)| *say);
        told.unwrap_or(Say::Bytes(match verb {
            "GREETING" => "220 parrot\r\n",
            "EHLO" => "250-parrot\r\n250 8BITMIME\r\n",
            "DATA" => "354 go on\r\n",
            "." => "250 Ok 0102018fabc-7d1e-000000\r\n",
            "QUIT" => "221 bye\r\n",
            _ => "250 OK\r\n",
        }))
    };
    let mut verb = "GREETING".to_owned();
    loop {
        let is_in_message = match answer(&verb) {
            Say::Bytes(bytes) => {
                if write.write_all(bytes.as_bytes()).await.is_err() {
                    return;
                }
                verb == "DATA" && bytes.starts_with("354")
            }
            Say::HangUp => return,
            Say::HangUpAfterLines(count) => {
                let _ = write.write_all(b"354 go on\r\n").await;
                for _ in 0..count {
                    let _ = lines.next_segment().await;
                }
                return;
            }
        };
        loop {
            let Ok(Some(line)) = lines.next_segment().await else { return };
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            heard.lock().expect("nobody panicked").push(line.clone());
            if !is_in_message {
                verb = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
                break;
            }
            if line == "." {
                verb = line;
                break;
            }
        }
    }
}

/// A port of this machine at which nobody listens.
pub fn nobodys_port() -> u16 {
    StdListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("a free port").port()
}
