//! What some tests need beside Rust, and may lack.

use std::fs::OpenOptions;
use std::io::Write;
use std::process::Command;

/// Says loudly that a test did not run, also where `tests/run.sh` counts it.
pub fn skipped(test: &str, why: &str) {
    eprintln!("SKIPPED: {test}: {why}");
    if let Some(list) = std::env::var_os("BAYADER_TEST_SKIPPED") {
        let mut list = OpenOptions::new().create(true).append(true).open(list).expect("the list of skipped tests");
        writeln!(list, "SKIPPED: {test}: {why}").expect("the list takes a line");
    }
}

/// A program of the pinned Python peers, which `tests/peers/install.sh` installs.
pub fn python_peer(program: &str) -> String {
    format!("{}/target/peers/venv/bin/{program}", env!("CARGO_MANIFEST_DIR"))
}

/// Whether a program can be found.
pub fn is_there(program: &str) -> bool {
    Command::new("sh").args(["-c", &format!("command -v {program}")]).output().is_ok_and(|output| output.status.success())
}
