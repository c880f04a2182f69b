//! The real binary, for what only a process has: signals, exit codes, files, sudden death.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bayader::clock::Clock;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::client::{Client, PASSWORD, Wire};
use super::shop::OWNER;
use super::{Shop, schema};

/// A start or an end is looked for so often, and so long.
const LOOK: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(15);

/// A data folder that outlives the servers on it.
pub struct Folder {
    temporary: Arc<tempfile::TempDir>,
}

impl Folder {
    pub fn new() -> Folder {
        Folder { temporary: Arc::new(tempfile::tempdir().expect("a temporary folder")) }
    }

    /// The folder around that of the shop, as [`Shop::open_mortal`] takes it.
    pub fn around(&self) -> &Arc<tempfile::TempDir> {
        &self.temporary
    }

    /// A folder whose shop has an owner.
    pub fn with_owner() -> Folder {
        let folder = Folder::new();
        folder.make_owner();
        folder
    }

    /// Makes the owner, through the running server if there is one.
    pub fn make_owner(&self) {
        let output = self.create_owner();
        assert!(output.status.success(), "no owner was made: {output:?}");
    }

    /// Runs `admin create` for the owner, to its end.
    pub fn create_owner(&self) -> Output {
        let create = ["admin", "create", "--email", OWNER, "--name", "Rania", "--password-stdin"];
        bayader_reading(&self.data(), &create, &format!("{PASSWORD}\n"))
    }

    /// Where the test may put what is not the shop's.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    pub fn data(&self) -> PathBuf {
        self.temporary.path().join("data")
    }

    /// `bayader doctor`; its books must balance.
    pub fn expect_healthy(&self) {
        let output = bayader(&self.data(), &["doctor"]);
        assert_eq!(output.status.code(), Some(0), "the books do not balance: {output:?}");
    }
}

/// A command of the real binary over a folder, run to its end.
pub fn bayader(data: &Path, args: &[&str]) -> Output {
    command(data, args).stdin(Stdio::null()).output().expect("the program starts")
}

/// As [`bayader`], with this on its standard input.
pub fn bayader_reading(data: &Path, args: &[&str], input: &str) -> Output {
    let mut child = command(data, args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut pipe = child.stdin.take().expect("its input is ours");
    pipe.write_all(input.as_bytes()).expect("it reads its input");
    drop(pipe);
    child.wait_with_output().expect("it ends")
}

fn command(data: &Path, args: &[&str]) -> Command {
    command_under(&[], data, args)
}

/// As [`command`], started by another program that becomes it.
fn command_under(wrapper: &[&str], data: &Path, args: &[&str]) -> Command {
    // Dies with the test, however that ends.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).args(wrapper).arg(env!("CARGO_BIN_EXE_bayader"));
    command.args(args).arg("--data-dir").arg(data);
    command.env("BAYADER_RATE_LIMIT__ENABLED", "false");
    command
}

/// A server of the real binary. Dropped, it is killed.
pub struct Spawned {
    pub wire: Arc<Wire>,
    child: Child,
    log: PathBuf,
}

impl Shop {
    /// The real binary on a free port over this folder, ready to answer.
    pub async fn spawn(folder: &Folder) -> Spawned {
        Shop::spawn_under(folder, &[]).await
    }

    /// As [`Shop::spawn`], started by another program that becomes it.
    pub async fn spawn_under(folder: &Folder, wrapper: &[&str]) -> Spawned {
        Shop::spawn_with(folder, wrapper, &[]).await
    }

    /// As [`Shop::spawn_under`], with variables of the configuration.
    pub async fn spawn_with(folder: &Folder, wrapper: &[&str], variables: &[(String, String)]) -> Spawned {
        Shop::spawn_reading(folder, wrapper, variables, Stdio::null()).await
    }

    /// As [`Shop::spawn_with`], with this as its standard input.
    pub async fn spawn_reading(
        folder: &Folder,
        wrapper: &[&str],
        variables: &[(String, String)],
        input: impl Into<Stdio>,
    ) -> Spawned {
        let log = folder.temporary.path().join("server.log");
        let file = File::create(&log).expect("a log file");
        let child = command_under(wrapper, &folder.data(), &["serve", "--listen", "127.0.0.1:0"])
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(input)
            .stdout(file.try_clone().expect("a second handle"))
            .stderr(file)
            .spawn()
            .expect("the program starts");
        let mut spawned = Spawned { wire: Wire::to(String::new(), Clock::system()), child, log };
        let base = spawned.address().await;
        spawned.wire = Wire::to(base, Clock::system());
        spawned
    }
}

impl Spawned {
    async fn address(&mut self) -> String {
        let started = Instant::now();
        loop {
            let log = self.log();
            if let Some(address) = address_in(&log) {
                return address;
            }
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                panic!("the server ended at start, {status}:\n{log}");
            }
            assert!(started.elapsed() < PATIENCE, "the server is not ready:\n{log}");
            tokio::time::sleep(LOOK).await;
        }
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn guest(&self) -> Client {
        Client::guest(&self.wire)
    }

    pub async fn admin(&self) -> Client {
        Client::sign_in(&self.wire, OWNER).await
    }

    /// `kill -9`, at once.
    pub fn kill(&mut self) {
        self.child.kill().expect("a running server can be killed");
        self.child.wait().expect("it is gone");
    }

    /// SIGTERM; how it ended.
    pub async fn terminate(&mut self) -> ExitStatus {
        kill(Pid::from_raw(i32::try_from(self.child.id()).expect("a process id")), Signal::SIGTERM)
            .expect("it gets the signal");
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "the server does not end:\n{}", self.log());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Each answer so far must be one that the OpenAPI document announces.
    pub fn expect_documented(&self) {
        let faults = schema::faults(&bayader::app::openapi(), &self.wire.take_seen());
        assert!(faults.is_empty(), "answers that the OpenAPI document does not announce:\n{}", faults.join("\n"));
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the server's log\n{}", self.log());
        }
    }
}

/// The address in a log that says `listening on http://ADDRESS`.
fn address_in(log: &str) -> Option<String> {
    let (_, after) = log.split_once("listening on http://")?;
    let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || ".:[]-".contains(c)))?;
    Some(format!("http://{}", &after[..end]))
}
