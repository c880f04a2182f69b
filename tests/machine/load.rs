//! People at the door while the machine is worked on: `load.py`, on the network of the machine.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Child;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::machine::{Machine, until};

pub struct Load {
    process: Child,
    said: PathBuf,
}

/// What they saw.
pub struct Seen {
    pub refused: u64,
    /// A connection that ended before its answer.
    pub cut: u64,
    /// Answers that say no.
    pub failed: u64,
    /// Answers on kept connections.
    pub kept: u64,
    pub orders: Vec<String>,
    pub troubles: Value,
    pub summary: String,
}

impl Load {
    pub fn start(machine: &Machine, product: &str) -> Load {
        let said = machine.path("/root/load.json");
        let out = File::create(&said).expect("a file");
        let mut command = machine.near("python3");
        command.args([concat!(env!("CARGO_MANIFEST_DIR"), "/tests/machine/load.py"), "http://127.0.0.1", product]);
        Load { process: command.stdout(out).spawn().expect("python runs"), said }
    }

    /// Until the shop has served a good many of them.
    pub fn has_asked_for_a_while(&self, machine: &Machine) {
        until("people come", || fs::read_to_string(&self.said).is_ok_and(|said| said.contains("ready")).then_some(()));
        let orders = || machine.ok("stat -c %Y%s /var/lib/bayader/bayader.db-wal");
        let before = orders();
        until("they order", || (orders() != before).then_some(()));
    }

    pub fn end(mut self) -> Seen {
        let process = Pid::from_raw(i32::try_from(self.process.id()).expect("a process id"));
        kill(process, Signal::SIGTERM).expect("it gets the signal");
        let status = self.process.wait().expect("it ends");
        let said = fs::read_to_string(&self.said).expect("what it said");
        assert!(status.success(), "the load ended with {status}: {said}");
        let said: Value = serde_json::from_str(said.lines().last().unwrap_or_default()).expect("what it saw");
        let counts = said["counts"].as_object().expect("counts");
        let of = |is: &dyn Fn(&str) -> bool| counts.iter().filter(|(name, _)| is(name)).filter_map(|(_, n)| n.as_u64()).sum();
        Seen {
            refused: of(&|name| name == "refused"),
            cut: of(&|name| name == "cut"),
            failed: of(&|name| name.split_once(' ').is_some_and(|(_, status)| !status.starts_with('2'))),
            kept: of(&|name| name == "keeper 200"),
            orders: said["orders"].as_array().expect("orders").iter().filter_map(|id| id.as_str().map(str::to_owned)).collect(),
            troubles: said["troubles"].clone(),
            summary: format!("         {} slowest {} s", said["counts"], said["slowest_s"]),
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
