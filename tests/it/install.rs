//! `install.sh` and the units: a machine that is a folder, where every command outside the script is a fake that can die.
//!
//! The whole story, with the real program under a real systemd, is told in `tests/machine`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use crate::harness::{Folder, Shop, bayader, is_there, skipped};

const FAKE: &str = include_str!("install/fake.sh");
const PROGRAM: &str = include_str!("install/program.sh");
const FAKES: [&str; 24] = [
    "apt-get",
    "cargo",
    "chown",
    "cp",
    "df",
    "getent",
    "id",
    "install",
    "ip",
    "ln",
    "mkdir",
    "mv",
    "rm",
    "rustup",
    "setpriv",
    "sleep",
    "ss",
    "sync",
    "systemctl",
    "touch",
    "useradd",
    "cc",
    "hostname",
    "litestream-of-nobody",
];
/// The scripts that reach a shop's machine or a tester's.
const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// A Debian that is a folder.
struct Machine {
    folder: tempfile::TempDir,
}

/// What was printed, and how it ended; killed is no code.
struct Ran {
    code: Option<i32>,
    said: String,
}

impl Ran {
    #[track_caller]
    fn expect(self, code: i32, words: &str) -> Ran {
        assert_eq!(self.code, Some(code), "{}", self.said);
        assert!(self.said.contains(words), "nothing of `{words}` in:\n{}", self.said);
        self
    }
}

impl Machine {
    fn new() -> Machine {
        let machine = Machine { folder: tempfile::tempdir().expect("a folder") };
        let fakes = machine.path().join("fakes");
        fs::create_dir(&fakes).expect("a folder of fakes");
        write_script(&fakes.join("fake.sh"), FAKE);
        for name in FAKES {
            symlink("fake.sh", fakes.join(name)).expect("a link");
        }
        for folder in ["root/etc", "root/proc", "root/run/systemd/system", "root/var/lib"] {
            fs::create_dir_all(machine.path().join(folder)).expect("a folder");
        }
        machine.write("root/etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n");
        machine.write("root/proc/meminfo", "MemTotal: 9 kB\nMemAvailable: 4000000 kB\nSwapFree: 1000000 kB\n");
        machine.write("uid", "0\n");
        machine.write("free-kb", "20000000\n");
        machine.write("taken", "");
        machine.write("cargo", "1.95.0");
        machine
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).expect("a file");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }

    fn has(&self, name: &str) -> bool {
        self.path().join(name).exists()
    }

    /// A program of this version and schema, which breaks where it is told to.
    fn program(&self, version: &str, schema: u32, breaks: &str) -> PathBuf {
        let file = self.path().join(format!("bayader-{version}"));
        let text = PROGRAM.replace("@VERSION@", version).replace("@SCHEMA@", &schema.to_string()).replace("@BREAKS@", breaks);
        write_script(&file, &text);
        file
    }

    fn run(&self, script: &Path, args: &[&str]) -> Ran {
        let path = format!("{}:{}", self.path().join("fakes").display(), std::env::var("PATH").expect("a PATH"));
        let output: Output = Command::new("/usr/bin/setpriv")
            // Dies with the test; and in a group of its own, so that a power cut meets the script and all it has started.
            .args(["--pdeathsig", "KILL", "bash"])
            .arg(script)
            .args(args)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.path())
            .env("DESTDIR", self.path().join("root"))
            .env("BAYADER_PATIENCE", "5")
            .process_group(0)
            .stdin(Stdio::null())
            .output()
            .expect("bash is there");
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        Ran { code: output.status.code(), said }
    }

    fn install(&self, args: &[&str]) -> Ran {
        self.run(&Path::new(HERE).join("install.sh"), args)
    }

    fn install_program(&self, program: &Path) -> Ran {
        self.install(&["--binary", program.to_str().expect("UTF-8")])
    }

    /// An installed and running shop.
    fn installed(version: &str, schema: u32) -> Machine {
        let machine = Machine::new();
        let program = machine.program(version, schema, "");
        machine.install_program(&program).expect(0, "Backups:");
        machine
    }

    /// Another machine that is as this one.
    fn copy(&self) -> Machine {
        let machine = Machine { folder: tempfile::tempdir().expect("a folder") };
        let copied = Command::new("cp").arg("-a").arg(self.path().join(".")).arg(machine.path()).status().expect("cp starts");
        assert!(copied.success());
        machine
    }

    /// The power goes at this command.
    fn dies_at(&self, command: usize) {
        self.write("count", "");
        self.write("die-at", &command.to_string());
    }

    /// How many commands there have been; the power stays.
    fn lives(&self) -> usize {
        let _ = fs::remove_file(self.path().join("die-at"));
        self.read("count").lines().count()
    }

    /// What the machine does when the power is back, until the shop is started.
    fn boot(&self) {
        let _ = fs::remove_file(self.path().join("running"));
        if self.has("enabled/bayader.service") {
            self.run(&self.path().join("fakes/systemctl"), &["start", "bayader.service"]);
        }
    }

    /// What it does then.
    fn judge(&self) {
        if self.has("root/usr/local/lib/bayader/state/upgrade") {
            self.run(&self.path().join("root/usr/local/lib/bayader/bayader-upgrade"), &["judge"]);
        }
    }

    fn running(&self) -> String {
        self.read("running").trim().to_owned()
    }

    fn database(&self) -> String {
        self.read("root/var/lib/bayader/bayader.db")
    }

    /// Every order that somebody was told of is in the books.
    #[track_caller]
    fn expect_every_order(&self) {
        let books = self.database();
        for order in self.read("acknowledged").lines() {
            assert!(books.lines().any(|line| line == order), "{order} is lost; the books:\n{books}");
        }
    }

    /// Nothing of an upgrade is left, and the shop runs with this version on this schema.
    #[track_caller]
    fn expect_at_rest(&self, version: &str, schema: u32) {
        assert_eq!(self.running(), version, "{}", self.read("step.log"));
        assert_eq!(self.database().lines().next(), Some(schema.to_string().as_str()));
        self.expect_every_order();
        for left in ["unopened", "before-upgrade", "rehearsal"] {
            assert!(!self.has(&format!("root/var/lib/bayader/{left}")), "{left} is left");
        }
        assert!(!self.has("root/usr/local/lib/bayader/state/upgrade"));
    }
}

fn write_script(file: &Path, text: &str) {
    // Not over a file that runs.
    let part = file.with_extension("part");
    fs::write(&part, text).expect("a script");
    fs::set_permissions(&part, fs::Permissions::from_mode(0o755)).expect("it may run");
    fs::rename(&part, file).expect("in its place");
}

#[test]
fn one_command_installs_the_shop_and_ends_with_three_lines() {
    let machine = Machine::new();
    let program = machine.program("1", 1, "");
    let ran = machine.install_program(&program).expect(0, "[QR of http://10.0.0.7/setup]");
    let lines: Vec<&str> = ran.said.trim_end().lines().rev().take(3).collect();
    assert!(lines[2].starts_with("Address: http://10.0.0.7/setup"), "{lines:?}");
    assert!(lines[1].starts_with("Code:    K7QM-2XRD"), "{lines:?}");
    assert!(lines[0].starts_with("Backups: /var/lib/bayader/backups"), "{lines:?}");
    machine.expect_at_rest("1", 1);
    for unit in ["bayader.service", "bayader.socket", "bayader-metrics.socket", "bayader-backup.timer"] {
        assert!(machine.has(&format!("enabled/{unit}")), "{unit}");
    }
    let config = machine.path().join("root/etc/bayader/bayader.toml");
    let mode = fs::metadata(&config).expect("a configuration").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let checked = bayader(&machine.path().join("nothing"), &["config", "check", "--config", config.to_str().expect("UTF-8")]);
    assert!(checked.status.success(), "{checked:?}");
}

#[test]
fn a_name_in_the_internet_is_written_as_the_program_reads_it() {
    let machine = Machine::new();
    let program = machine.program("1", 1, "");
    machine
        .install(&[
            "--binary",
            program.to_str().expect("UTF-8"),
            "--domain",
            "shop.example.com",
            "--email",
            "rania@example.com",
        ])
        .expect(0, "Address: https://shop.example.com/setup");
    assert!(machine.has("enabled/bayader-https.socket"));
    let config = machine.path().join("root/etc/bayader/bayader.toml");
    let checked = bayader(&machine.path().join("nothing"), &["config", "check", "--config", config.to_str().expect("UTF-8")]);
    assert!(checked.status.success(), "{checked:?}");
}

#[test]
fn a_second_run_changes_nothing_and_keeps_the_configuration() {
    let machine = Machine::installed("1", 1);
    let config = machine.read("root/etc/bayader/bayader.toml") + "# of the keeper\n";
    machine.write("root/etc/bayader/bayader.toml", &config);
    machine.write("owner", "");
    let orders = machine.read("acknowledged");
    machine.install_program(&machine.path().join("bayader-1")).expect(0, "none needed, the shop has an owner");
    machine.expect_at_rest("1", 1);
    assert_eq!(machine.read("root/etc/bayader/bayader.toml"), config);
    assert_eq!(machine.read("acknowledged"), orders, "the server was not restarted");
}

#[test]
fn a_taken_port_is_passed_by_and_a_wanted_one_is_refused() {
    let machine = Machine::new();
    machine.write("taken", "80\n8080\n");
    let program = machine.program("1", 1, "");
    let file = program.to_str().expect("UTF-8");
    machine.install(&["--binary", file, "--port", "8080"]).expect(1, "port 8080 is taken");
    machine.install(&["--binary", file]).expect(0, "Address: http://10.0.0.7:8081/setup");
    assert!(machine.read("root/etc/systemd/system/bayader.socket.d/port.conf").contains("ListenStream=\nListenStream=8081\n"));
    assert!(machine.read("root/etc/bayader/bayader.toml").contains("listen = \"0.0.0.0:8081\""));
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_made() {
    let cases: [(&str, &str, &[&str], &str); 6] = [
        (
            "root/etc/os-release",
            "PRETTY_NAME=Fedora\nID=fedora\n",
            &["--binary", "BINARY"],
            "installs on Debian and Ubuntu; this is Fedora",
        ),
        ("uid", "1000\n", &["--binary", "BINARY"], "sudo ./install.sh"),
        ("free-kb", "1000\n", &["--binary", "BINARY"], "of disk to begin with, /var/lib has 0"),
        (
            "root/proc/meminfo",
            "MemAvailable: 900000 kB\nSwapFree: 0 kB\n",
            &[],
            "MB of free memory (swap counts), there are 878",
        ),
        ("cargo", "1.80.0", &[], "there is cargo 1.80.0"),
        ("uid", "0\n", &["--binary", "/dev/null/nothing"], "there is no file /dev/null/nothing"),
    ];
    for (file, text, args, words) in cases {
        let machine = Machine::new();
        let program = machine.program("1", 1, "");
        machine.write(file, text);
        let args: Vec<&str> =
            args.iter().map(|&arg| if arg == "BINARY" { program.to_str().expect("UTF-8") } else { arg }).collect();
        machine.install(&args).expect(1, words);
        assert!(!machine.has("root/etc/bayader") && !machine.has("user"), "{words}");
    }
    let machine = Machine::new();
    fs::remove_dir(machine.path().join("root/run/systemd/system")).expect("there was a systemd");
    machine.install_program(&machine.program("1", 1, "")).expect(1, "systemd does not run here");
    machine.install(&["--colour"]).expect(1, "--colour is not known");
    machine.install(&["--domain", "shop.example.com"]).expect(1, "--domain needs --email");
}

#[test]
fn an_upgrade_swaps_the_program_and_restarts_once() {
    for schema in [1, 2] {
        let machine = Machine::installed("1", 1);
        machine.write("owner", "");
        machine.install_program(&machine.program("2", schema, "")).expect(0, "the shop runs on bayader 2 (before: bayader 1)");
        machine.expect_at_rest("2", schema);
        assert_eq!(machine.read("root/usr/local/lib/bayader/previous/bayader"), machine.read("bayader-1"));
        assert!(machine.has("root/var/lib/bayader/before-upgrade.tar.zst"), "the shop from before is kept");
        let calls = machine.read("calls");
        let restarts = calls.lines().filter(|call| call.contains("systemctl restart --no-block bayader.service")).count();
        assert_eq!(restarts, 1);
        assert!(
            !calls.lines().any(|call| call.starts_with("systemctl stop bayader.") || call.contains("restart bayader.socket")),
            "{calls}"
        );
    }
}

/// It moves the log into the database, and what it moves between the copies of the two would be in neither.
#[test]
fn litestream_stands_still_while_the_database_is_copied_and_goes_on_afterwards() {
    for breaks in ["", "migrate", "start"] {
        let machine = Machine::installed("1", 1);
        fs::create_dir_all(machine.path().join("enabled")).expect("a folder");
        machine.write("enabled/bayader-litestream.service", "");
        machine.write("active/bayader-litestream.service", "");
        machine.install_program(&machine.program("2", 2, breaks));
        let calls = machine.read("calls");
        let at =
            |what: &str| calls.lines().position(|call| call.contains(what)).unwrap_or_else(|| panic!("no {what}:\n{calls}"));
        assert!(at("systemctl stop bayader-litestream.service") < at("cp --reflink=auto"), "{calls}");
        assert!(at("cp --reflink=auto") < at("systemctl start --no-block bayader-litestream.service"), "{calls}");
        assert!(machine.has("active/bayader-litestream.service"), "{breaks}");
        let version = if breaks.is_empty() { ("2", 2) } else { ("1", 1) };
        machine.expect_at_rest(version.0, version.1);
    }
}

#[test]
fn a_rehearsal_that_fails_leaves_the_shop_alone() {
    for breaks in ["config", "restore", "serve", "doctor"] {
        let machine = Machine::installed("1", 1);
        let orders = machine.read("acknowledged");
        machine.install_program(&machine.program("2", 2, breaks)).expect(1, "nothing was changed");
        machine.expect_at_rest("1", 1);
        assert_eq!(machine.read("acknowledged"), orders, "the server was not restarted: {breaks}");
    }
    let machine = Machine::installed("1", 1);
    machine.write("free-kb", "400000\n");
    let orders = machine.read("acknowledged");
    machine.write("root/var/lib/bayader/media", &"x".repeat(200_000_000));
    machine.install_program(&machine.program("2", 1, "")).expect(1, "the rehearsal needs");
    machine.expect_at_rest("1", 1);
    assert_eq!(machine.read("acknowledged"), orders);
}

#[test]
fn an_upgrade_that_fails_after_the_rehearsal_is_undone() {
    // The new schema is gone only where nobody was answered from it; the same schema may always go back.
    for (schema, breaks) in [(2, "migrate"), (2, "start"), (1, "start"), (1, "well")] {
        let machine = Machine::installed("1", 1);
        machine.install_program(&machine.program("2", schema, breaks)).expect(1, "No order was lost");
        machine.expect_at_rest("1", 1);
        assert_eq!(machine.read("root/usr/local/bin/bayader"), machine.read("bayader-1"), "{schema} {breaks}");
        // And nothing stands in the way of a better one.
        machine.install_program(&machine.program("3", 2, "")).expect(0, "Backups:");
        machine.expect_at_rest("3", 2);
    }
}

#[test]
fn orders_in_a_new_schema_are_kept_though_the_server_is_ill() {
    let machine = Machine::installed("1", 1);
    machine.install_program(&machine.program("2", 2, "well")).expect(1, "nothing was taken back: no order is lost");
    machine.expect_every_order();
    assert_eq!(machine.running(), "2");
    let copies = fs::read_dir(machine.path().join("root/var/lib/bayader/backups")).expect("a folder").count();
    assert_eq!(copies, 1, "the database from before is kept too");
    machine.install_program(&machine.program("3", 2, "")).expect(1, "the shop is not well before the upgrade");
    let better = machine.path().join("bayader-3");
    machine.install(&["--binary", better.to_str().expect("UTF-8"), "--force"]).expect(0, "Backups:");
    machine.expect_at_rest("3", 2);
}

#[test]
fn an_installation_cut_at_any_command_is_ended_by_another_run() {
    let empty = Machine::new();
    let cut_at = |command: usize| {
        let machine = empty.copy();
        machine.dies_at(command);
        let ran = machine.install_program(&machine.program("1", 1, ""));
        (machine, ran)
    };
    at_some_of(cut_at(NEVER).0.lives(), &|command| {
        let (machine, cut) = cut_at(command);
        assert_eq!(cut.code, None, "it was to die at command {command}:\n{}", cut.said);
        machine.lives();
        if command % 2 == 0 {
            machine.boot();
            machine.judge();
        }
        machine.install_program(&machine.path().join("bayader-1")).expect(0, "Backups:");
        machine.expect_at_rest("1", 1);
        assert_eq!(machine.read("root/usr/local/bin/bayader"), machine.read("bayader-1"));
    });
}

#[test]
fn an_upgrade_cut_at_any_command_ends_in_one_program_and_loses_no_order() {
    let installed = Machine::installed("1", 1);
    for (schema, breaks) in [(2, ""), (2, "start"), (1, "well")] {
        let cut_at = |command: usize| {
            let machine = installed.copy();
            machine.dies_at(command);
            let ran = machine.install_program(&machine.program("2", schema, breaks));
            (machine, ran)
        };
        let count = cut_at(NEVER).0.lives();
        at_some_of(count, &|command| {
            let (machine, cut) = cut_at(command);
            if cut.code.is_some() && command > count / 2 {
                // The rehearsal is asked until it answers, so one run has some commands more than another, and this one had ended.
                return;
            }
            assert_eq!(cut.code, None, "it was to die at command {command}:\n{}", cut.said);
            machine.lives();
            machine.boot();
            if command % 2 == 0 {
                machine.judge();
                let (version, log) = (machine.running(), machine.read("step.log"));
                assert!(version == "1" || (version == "2" && breaks.is_empty()), "cut at {command}: `{version}` runs\n{log}");
                machine.expect_at_rest(&version, if version == "1" { 1 } else { schema });
            } else {
                // Somebody is quicker than the judge. The interrupted one is ended, whichever way, and told; after that a better
                // one goes in.
                let better = machine.program("3", 3, "");
                if machine.install_program(&better).code != Some(0) {
                    machine.expect_every_order();
                    machine.install_program(&better).expect(0, "Backups:");
                }
                machine.expect_at_rest("3", 3);
            }
        });
    }
}

#[tokio::test]
async fn a_server_that_answers_has_taken_the_mark_of_an_upgrade_away() {
    let folder = Folder::with_owner();
    let mark = folder.data().join("unopened");
    fs::write(&mark, "").expect("a mark");
    let mut server = Shop::spawn(&folder).await;
    assert!(!mark.exists(), "the way back is open although somebody was answered");
    assert_eq!(server.terminate().await.code(), Some(0));
    // And what cannot be taken away keeps the doors shut.
    fs::create_dir(&mark).expect("a mark that stays");
    let refused = bayader(&folder.data(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(told.contains("unopened cannot be removed"), "{told}");
}

#[test]
fn uninstalled_the_data_stay_and_are_found_again() {
    let machine = Machine::installed("1", 1);
    let orders = machine.read("acknowledged");
    let config = machine.read("root/etc/bayader/bayader.toml");
    machine.install(&["--uninstall"]).expect(0, "The shop's data stay in /var/lib/bayader");
    assert_eq!(machine.running(), "");
    assert!(!machine.has("root/usr/local/bin/bayader") && !machine.has("root/usr/local/lib/bayader"));
    let units = fs::read_dir(machine.path().join("root/etc/systemd/system")).expect("a folder");
    assert!(units.flatten().all(|unit| unit.file_type().is_ok_and(|kind| kind.is_dir())), "a unit is left");
    machine.install(&["--uninstall"]).expect(0, "The shop's data stay");
    machine.install_program(&machine.path().join("bayader-1")).expect(0, "Backups:");
    machine.expect_at_rest("1", 1);
    assert!(machine.read("acknowledged").starts_with(&orders));
    assert_eq!(machine.read("root/etc/bayader/bayader.toml"), config);
}

#[test]
fn an_address_drawn_as_a_code_is_read_back() {
    if !is_there("zbarimg") {
        return skipped("an_address_drawn_as_a_code_is_read_back", "zbarimg is not there: apt-get install zbar-tools");
    }
    let address = "http://192.168.1.20:8080/setup";
    let output = Command::new(env!("CARGO_BIN_EXE_bayader")).args(["qr", address]).output().expect("the program starts");
    assert!(output.status.success(), "{output:?}");
    let drawn = String::from_utf8(output.stdout).expect("UTF-8");
    let folder = tempfile::tempdir().expect("a folder");
    let picture = folder.path().join("code.pgm");
    fs::write(&picture, as_pgm(&drawn)).expect("a picture");
    let read = Command::new("zbarimg").args(["-q", "--raw"]).arg(&picture).output().expect("zbarimg starts");
    assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), address, "{read:?}\n{drawn}");
    let too_long = Command::new(env!("CARGO_BIN_EXE_bayader")).args(["qr", &"x".repeat(5_000)]).output().expect("it starts");
    assert_eq!(too_long.status.code(), Some(1));
}

/// What was drawn with half blocks, as grey pixels: each half is a square of four by four, dark where something is drawn.
fn as_pgm(drawn: &str) -> String {
    const SQUARE: usize = 4;
    let width = drawn.lines().map(|line| line.chars().count()).max().expect("a line");
    let mut picture = format!("P2\n{} {}\n255\n", width * SQUARE, drawn.lines().count() * 2 * SQUARE);
    for line in drawn.lines() {
        let blocks: Vec<char> = line.chars().collect();
        for above in [true, false] {
            let dark = |column| match (blocks.get(column), above) {
                (Some('█'), _) | (Some('▀'), true) | (Some('▄'), false) => "0 ",
                _ => "255 ",
            };
            let row: String = (0..width).map(|column| dark(column).repeat(SQUARE)).collect();
            picture.push_str(&(row + "\n").repeat(SQUARE));
        }
    }
    picture
}

#[test]
fn units_are_right_and_shut_in() {
    if !is_there("systemd-analyze") {
        return skipped("units_are_right_and_shut_in", "systemd-analyze is not there: apt-get install systemd");
    }
    // The programs that units name must be there to be verified, so they are looked at in a folder where they are.
    let root = tempfile::tempdir().expect("a folder");
    let units = root.path().join("etc/systemd/system");
    for folder in [&units, &root.path().join("usr/local/bin"), &root.path().join("usr/local/lib/bayader")] {
        fs::create_dir_all(folder).expect("a folder");
    }
    for program in ["usr/local/bin/bayader", "usr/local/bin/litestream", "usr/local/lib/bayader/bayader-upgrade"] {
        write_script(&root.path().join(program), "#!/bin/sh\n");
    }
    let mut names = Vec::new();
    for unit in fs::read_dir(Path::new(HERE).join("systemd")).expect("the units").flatten() {
        let name = unit.file_name().into_string().expect("UTF-8");
        if [".service", ".socket", ".timer"].iter().any(|ending| name.ends_with(ending)) {
            fs::copy(unit.path(), units.join(&name)).expect("a copy");
            names.push(name.replace("@.", "@second."));
        }
    }
    assert!(names.len() >= 9, "{names:?}");
    let verified = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(format!("--root={}", root.path().display()))
        .args(&names)
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.stdout.is_empty() && said.trim().is_empty(), "{said}");
    // What reaches the network; the upgrade works as root and alone, because programs are root's.
    for service in ["bayader.service", "bayader@.service", "bayader-backup.service", "bayader-litestream.service"] {
        let scored = Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--threshold=15", "--no-pager"])
            .arg(Path::new(HERE).join("systemd").join(service))
            .output()
            .expect("it starts");
        assert!(scored.status.success(), "{service} is open wider than 1.5:\n{}", String::from_utf8_lossy(&scored.stdout));
    }
}

#[test]
fn the_server_can_see_how_much_memory_the_machine_has_left() {
    // `ProcSubset=pid` hides /proc/meminfo: the number would be missing, and the alert for it would never fire.
    for service in ["bayader.service", "bayader@.service"] {
        let unit = fs::read_to_string(Path::new(HERE).join("systemd").join(service)).expect("a unit");
        assert!(!unit.lines().any(|line| line.starts_with("ProcSubset=")), "{service}");
    }
}

#[test]
fn every_script_is_clean() {
    if !is_there("shellcheck") {
        return skipped("every_script_is_clean", "shellcheck is not there: apt-get install shellcheck");
    }
    let mut scripts = Vec::new();
    find_scripts(Path::new(HERE), &mut scripts);
    assert!(scripts.iter().any(|script| script.ends_with("install.sh")) && scripts.len() >= 9, "{scripts:?}");
    let checked = Command::new("shellcheck").args(&scripts).output().expect("shellcheck starts");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

/// Files of this clone that begin as a shell's script.
fn find_scripts(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let (path, kind) = (entry.path(), entry.file_type().expect("a kind"));
        let name = entry.file_name();
        if kind.is_dir() && ![".git", "target", "node_modules"].iter().any(|not| name == *not) {
            find_scripts(&path, found);
        } else if kind.is_file() && fs::read(&path).is_ok_and(|text| begins_as_script(&text)) {
            found.push(path);
        }
    }
}

fn begins_as_script(text: &[u8]) -> bool {
    ["#!/bin/bash", "#!/bin/sh", "#!/usr/bin/env bash"].iter().any(|first| text.starts_with(first.as_bytes()))
}

/// The power stays.
const NEVER: usize = 1_000_000;

/// A check for commands at which the power may go, on as many threads as help: for each where time is no matter
/// (`tests/run.sh --long`), else for some, others in each run.
fn at_some_of(count: usize, check: &(dyn Fn(usize) + Sync)) {
    const THREADS: usize = 4;
    const ONE_IN: usize = 12;
    assert!(count > 30, "{count}");
    let stride = if std::env::var_os("BAYADER_TEST_LONG").is_some() { 1 } else { ONE_IN };
    let first = std::process::id() as usize % stride;
    let commands: Vec<usize> = (1..=count).skip(first).step_by(stride).collect();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let commands = &commands;
            scope.spawn(move || commands.iter().skip(thread).step_by(THREADS).for_each(|&command| check(command)));
        }
    });
}
