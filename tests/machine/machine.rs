//! A Debian of its own under a real systemd, as the shop's machine: booted, asked, cut off its power, booted again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Whatever is waited for must have come by then, also while the other core runs every other test.
pub const PATIENCE: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(100);
/// What `tests/peers/systemd_box.sh build` makes, once.
const PACKED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/box/debian.tar.zst");

/// Why there is no such machine here; `None` if there can be one.
pub fn lacking() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("a machine in a box needs root".to_owned());
    }
    for program in ["systemd-nspawn", "nsenter", "zstd", "tar", "setpriv", "curl", "python3"] {
        if !crate::peers::is_there(program) {
            return Some(format!("{program} is not there: apt-get install systemd-container zstd curl python3"));
        }
    }
    (!Path::new(PACKED).exists()).then(|| format!("{PACKED} is not there: tests/peers/systemd_box.sh build {PACKED}"))
}

/// Until `is` gives something.
pub fn until<T>(what: &str, mut is: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = is() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what}: not within {} s", PATIENCE.as_secs());
        std::thread::sleep(LOOK);
    }
}

/// A machine that runs. Dropped, it is killed and its disk removed.
pub struct Machine {
    disk: tempfile::TempDir,
    power: Option<Power>,
}

struct Power {
    nspawn: Child,
    leader: String,
}

impl Machine {
    /// A fresh Debian, booted.
    pub fn boot() -> Machine {
        let around = Path::new(PACKED).parent().expect("a folder");
        let disk = tempfile::Builder::new().prefix("machine-").tempdir_in(around).expect("a folder for its disk");
        // Its users look into it.
        fs::set_permissions(disk.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("open to its users");
        let unpacked = Command::new("tar").arg("-C").arg(disk.path()).args(["-xf", PACKED]).status().expect("tar runs");
        assert!(unpacked.success(), "the packed Debian cannot be unpacked");
        let mut machine = Machine { disk, power: None };
        machine.power_on();
        machine
    }

    /// Where a file of the machine lies for the test.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.disk.path().join(inside.trim_start_matches('/'))
    }

    pub fn power_on(&mut self) {
        let log = self.disk.path().with_extension("log");
        let console = File::create(&log).expect("a file for its console");
        // It dies with the test, however that ends.
        let nspawn = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "nice", "-n", "5", "systemd-nspawn", "--boot", "--keep-unit", "--register=no"])
            .args(["--private-network", "--console=pipe", "--quiet", "-D"])
            .arg(self.disk.path())
            .stdin(Stdio::null())
            .stdout(console.try_clone().expect("a second handle"))
            .stderr(console)
            .spawn()
            .expect("systemd-nspawn starts");
        let parent = nspawn.id().to_string();
        self.power = Some(Power { nspawn, leader: String::new() });
        let leader = until("its first process", || {
            let found = Command::new("pgrep").args(["-P", &parent, "-x", "systemd"]).output().expect("pgrep runs");
            let found = String::from_utf8_lossy(&found.stdout).trim().to_owned();
            let power = self.power.as_mut().expect("it is on");
            let ended = power.nspawn.try_wait().expect("a child can be asked");
            assert!(ended.is_none(), "the machine went off: {}", fs::read_to_string(&log).unwrap_or_default());
            (!found.is_empty()).then_some(found)
        });
        self.power.as_mut().expect("it is on").leader = leader;
        until("the machine has booted", || {
            let state = self.run("systemctl is-system-running");
            matches!(String::from_utf8_lossy(&state.stdout).trim(), "running" | "degraded").then_some(())
        });
    }

    /// Every process ends this moment, as when the plug is pulled. What was written stays, for the disk is the test's.
    pub fn cut_power(&mut self) {
        let mut power = self.power.take().expect("it is on");
        power.cut();
    }

    fn leader(&self) -> &str {
        &self.power.as_ref().expect("the machine is on").leader
    }

    /// A script inside, as root.
    pub fn command(&self, script: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", self.leader(), "-a", "env", "-i", "HOME=/root"]);
        command.arg("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.args(["bash", "-c", script]).stdin(Stdio::null());
        command
    }

    pub fn run(&self, script: &str) -> Output {
        self.command(script).output().expect("nsenter runs")
    }

    /// As [`Machine::run`]; it must end well. What it said.
    pub fn ok(&self, script: &str) -> String {
        let output = self.run(script);
        assert!(output.status.success(), "`{script}` in the machine: {}{}", told(&output), self.journal());
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What the shop's units have said of late.
    pub fn journal(&self) -> String {
        let units = "-u bayader.service -u bayader-upgrade.service -u bayader-judge.service -u bayader-backup.service";
        let output = self.run(&format!("journalctl -q -o short-monotonic --no-pager -n 80 {units}"));
        format!("--- its journal\n{}", String::from_utf8_lossy(&output.stdout))
    }

    /// A program of the test's own, on the network of the machine.
    pub fn near(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "nsenter", "-t", self.leader(), "-n", program]);
        for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            command.env_remove(name);
        }
        command
    }

    /// A request to the shop on its port 80: status and body, JSON or else a text. 0 if nobody answered.
    pub fn ask(&self, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> (u16, Value) {
        let mut curl = self.near("curl");
        curl.args(["-sS", "-m", "60", "-X", method, "-w", "\n%{http_code}", "-H", "Content-Type: application/json"]);
        if let Some(token) = token {
            curl.args(["-H", &format!("Authorization: Bearer {token}")]);
        }
        if let Some(body) = body {
            curl.args(["-d", &body.to_string()]);
        }
        let output = curl.arg(format!("http://127.0.0.1{path}")).output().expect("curl runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let (body, status) = text.rsplit_once('\n').unwrap_or(("", "0"));
        (status.parse().unwrap_or(0), serde_json::from_str(body).unwrap_or_else(|_| Value::from(body)))
    }

    /// As [`Machine::ask`]; it must be answered so.
    pub fn expect(&self, status: u16, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Value {
        let (answered, body) = self.ask(method, path, token, body);
        assert_eq!(answered, status, "{method} {path}: {body}\n{}", self.journal());
        body
    }
}

impl Power {
    fn cut(&mut self) {
        let _ = Command::new("kill").args(["-KILL", &self.leader]).status();
        let _ = self.nspawn.kill();
        let _ = self.nspawn.wait();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(mut power) = self.power.take() {
            power.cut();
        }
        let _ = fs::remove_file(self.disk.path().with_extension("log"));
    }
}

pub fn told(output: &Output) -> String {
    format!("{}\n{}{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
