//! An S3 store that others wrote (SeaweedFS), with signature checks: started, killed and started again on the same folder.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bayader::clock::Clock;
use bayader::config::{Config, Source, load};
use bayader::features::media::bucket::Bucket;
use bayader::outbound::Patience;

use crate::harness::{is_there, python_peer, skipped};

/// Its keys open nothing.
pub const ACCESS_KEY: &str = "testkey";
pub const SECRET_KEY: &str = "testsecret";
pub const BUCKET: &str = "bayader-media";
/// Starts, where another program takes the port in between.
const TRIES: u32 = 3;
/// A start is looked for so often, and so long.
const LOOK: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(60);

/// A store on a port of its own. Dropped, it is killed.
pub struct S3Peer {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl S3Peer {
    /// `None`, loudly, where it is not installed.
    pub async fn start(test: &str) -> Option<S3Peer> {
        if !is_there(&python_peer("weed")) {
            skipped(test, "seaweedfs is not there. Install it: tests/peers/install.sh");
            return None;
        }
        for _ in 0..TRIES {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr()).expect("a free port").port();
            let mut peer = S3Peer { child: run(folder.path(), port), folder, port };
            if peer.is_ready().await {
                return Some(peer);
            }
            eprintln!("{}", peer.log());
        }
        panic!("the S3 store does not start");
    }

    fn log(&self) -> String {
        std::fs::read_to_string(log_in(self.folder.path())).unwrap_or_default()
    }

    /// Until it is up and the bucket is there; whether it is.
    async fn is_ready(&mut self) -> bool {
        let started = Instant::now();
        let client = client();
        let bucket = self.bucket(&Clock::system());
        while started.elapsed() < PATIENCE {
            if self.child.try_wait().expect("a child can be asked").is_some() {
                return false;
            }
            let is_up =
                client.get(format!("{}/healthz", self.endpoint())).send().await.is_ok_and(|it| it.status().is_success());
            if is_up && takes_objects(&bucket).await {
                return true;
            }
            tokio::time::sleep(LOOK).await;
        }
        panic!("the S3 store is not ready:\n{}", self.log());
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().expect("a running store can be killed");
        self.child.wait().expect("it is gone");
    }

    /// Back on the same folder and port.
    pub async fn start_again(&mut self) {
        self.child = run(self.folder.path(), self.port);
        assert!(self.is_ready().await, "the store does not come back:\n{}", self.log());
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The configuration of a shop that copies there.
    pub fn variables(&self) -> Vec<(String, String)> {
        let of = |key: &str, value: &str| (format!("BAYADER_S3__{key}"), value.to_owned());
        vec![
            of("ENDPOINT", &self.endpoint()),
            of("REGION", "us-east-1"),
            of("BUCKET", BUCKET),
            of("ACCESS_KEY", ACCESS_KEY),
            of("SECRET_KEY", SECRET_KEY),
            of("PATH_STYLE", "true"),
        ]
    }

    /// Puts an object of zeros that says to be another file, as a store does whose disk has forgotten what it held.
    pub async fn put_wrong(&self, path: &str, bytes: usize, sha256: &str) {
        use rusty_s3::S3Action as _;
        let endpoint = self.endpoint().parse().expect("a URL");
        let bucket = rusty_s3::Bucket::new(endpoint, rusty_s3::UrlStyle::Path, BUCKET, "us-east-1").expect("a bucket");
        let credentials = rusty_s3::Credentials::new(ACCESS_KEY, SECRET_KEY);
        let object = format!("{}{path}", bayader::features::media::bucket::PREFIX);
        let mut action = bucket.put_object(Some(&credentials), &object);
        action.headers_mut().insert("x-amz-meta-sha256", sha256);
        let url = action.sign(Duration::from_secs(60));
        let request = client().put(url).header("x-amz-meta-sha256", sha256).body(vec![0; bytes]);
        assert!(request.send().await.expect("an answer").status().is_success());
    }

    /// A client of it.
    pub fn bucket(&self, clock: &Clock) -> Bucket {
        self.bucket_with(clock, &[])
    }

    /// As [`S3Peer::bucket`], with other words in its configuration.
    pub fn bucket_with(&self, clock: &Clock, changed: &[(&str, &str)]) -> Bucket {
        let mut variables = self.variables();
        for (key, value) in changed {
            variables.push((format!("BAYADER_S3__{key}"), (*value).to_owned()));
        }
        bucket(&variables, clock)
    }
}

impl Drop for S3Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Some seconds after its start it says to be well and takes nothing yet.
async fn takes_objects(bucket: &Bucket) -> bool {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"x");
    let hash: [u8; 32] = hash.as_ref().try_into().expect("32 bytes");
    bucket.put("probe", bytes::Bytes::from_static(b"x"), "text/plain", &hash).await.is_ok()
        && bucket.delete("probe").await.is_ok()
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().expect("a client")
}

/// As a browser follows a link.
pub async fn get(link: impl reqwest::IntoUrl) -> reqwest::Response {
    client().get(link).send().await.expect("an answer")
}

/// As a browser asks that goes nowhere else.
pub async fn get_here(link: &str, accept: &str) -> reqwest::Response {
    let stays = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    stays.get(link).header("accept", accept).send().await.expect("an answer")
}

/// A bucket as it is configured.
pub fn bucket(variables: &[(String, String)], clock: &Clock) -> Bucket {
    let config: Config = load(&Source::new().variables(variables.to_vec())).expect("a configuration");
    let patience = Patience { connect: Duration::from_secs(2), call: Duration::from_secs(2) };
    Bucket::open(config.s3.as_ref().expect("a bucket"), clock, patience).expect("it opens")
}

fn log_in(folder: &Path) -> PathBuf {
    folder.join("weed.log")
}

fn run(folder: &Path, port: u16) -> Child {
    let log = std::fs::File::create(log_in(folder)).expect("a log file");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/s3_peer.sh");
    Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "bash", script, &python_peer("weed")])
        .arg(folder.join("data"))
        .args([&port.to_string(), BUCKET])
        .env_remove("AWS_CA_BUNDLE")
        .env_remove("HTTP_PROXY")
        .env_remove("HTTPS_PROXY")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log)
        .spawn()
        .expect("it starts")
}
