//! The program itself, as a process of its own.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The program that is measured.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_bayader");
const MB: f64 = 1_000_000.0;

/// A running program. Dropped, it is killed.
pub struct Program {
    pub address: SocketAddr,
    child: Child,
}

impl Program {
    /// Starts it over a data folder; it, and the milliseconds until its first answer.
    pub fn start(data: &Path) -> (Program, f64) {
        Program::start_under(&[], data)
    }

    /// As [`Program::start`], by another program that starts it.
    pub fn start_under(wrapper: &[&str], data: &Path) -> (Program, f64) {
        let address = free_address();
        let listen = address.to_string();
        let mut words = wrapper.to_vec();
        words.extend([PROGRAM, "serve", "--listen", &listen, "--data-dir"]);
        let started = Instant::now();
        let child = Command::new(words[0])
            .args(&words[1..])
            .arg(data)
            .env("BAYADER_RATE_LIMIT__ENABLED", "false")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut program = Program { address, child };
        loop {
            if answers(address) {
                return (program, started.elapsed().as_secs_f64() * 1_000.0);
            }
            assert!(program.child.try_wait().expect("a child can be asked").is_none(), "the program ended at its start");
            assert!(started.elapsed() < Duration::from_secs(20), "the program does not answer");
            std::thread::sleep(Duration::from_micros(300));
        }
    }

    /// Its memory now.
    pub fn memory(&self) -> Memory {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("Linux tells");
        let field = |name: &str| -> f64 {
            let line = status.lines().find(|line| line.starts_with(name)).expect("the field");
            line.split_ascii_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).expect("a number") * 1_024.0 / MB
        };
        Memory {
            resident_mb: field("VmRSS:"),
            own_mb: field("RssAnon:"),
            files_mb: field("RssFile:"),
            most_mb: field("VmHWM:"),
        }
    }
}

/// Megabytes that a process holds.
pub struct Memory {
    pub resident_mb: f64,
    /// Its own.
    pub own_mb: f64,
    /// Of files, shared with whoever else reads them.
    pub files_mb: f64,
    /// The most it has held.
    pub most_mb: f64,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("it is bound")
}

fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let mut answer = String::new();
    let asked = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200 ")
}
