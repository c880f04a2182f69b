//! The program itself: from its start to its first answer, its memory while idle, its size on disk.

#![expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "rates and ratios; no money is counted here")]

mod common;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{median, verdict};

const PROGRAM: &str = env!("CARGO_BIN_EXE_bayader");
const LIMIT_MS: f64 = 60.0;
const LIMIT_MB: f64 = 25.0;
const MB: f64 = 1_000_000.0;

fn main() {
    let starts = if common::is_quick() { 5 } else { 21 };
    let folder = common::folder();
    let data = folder.path().join("data");
    common::runtime("setup").block_on(async { drop(common::open(&data).await) });

    let again: Vec<f64> = (0..starts).map(|_| first_answer(&data)).collect();
    let first: Vec<f64> = (0..starts).map(|number| first_answer(&folder.path().join(format!("new-{number}")))).collect();
    let worst = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    println!(
        "start to first answer: {:.1} ms of a shop that is there (worst {:.1}), {:.1} ms in an empty folder (worst {:.1}); at most {LIMIT_MS} ms: {}",
        median(&again),
        worst(&again),
        median(&first),
        worst(&first),
        verdict(median(&again) <= LIMIT_MS)
    );

    let (server, _) = Server::start(&data);
    std::thread::sleep(common::time(5_000, 1_500));
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).expect("Linux tells");
    let field = |name: &str| -> f64 {
        let line = status.lines().find(|line| line.starts_with(name)).expect("the field");
        line.split_ascii_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).expect("a number") * 1_024.0 / MB
    };
    let resident = field("VmRSS:");
    println!(
        "idle memory: {resident:.1} MB resident ({:.1} MB its own, {:.1} MB of files); at most {LIMIT_MB} MB: {}",
        field("RssAnon:"),
        field("RssFile:"),
        verdict(resident <= LIMIT_MB)
    );

    let size = std::fs::metadata(PROGRAM).expect("the program").len() as f64 / MB;
    println!("stripped binary: {size:.1} MB; at most {LIMIT_MB} MB: {}", verdict(size <= LIMIT_MB));
}

/// Milliseconds from the start of the process to the end of its first answer.
fn first_answer(data: &Path) -> f64 {
    Server::start(data).1
}

/// A running program. Dropped, it is killed.
struct Server {
    child: Child,
}

impl Server {
    fn start(data: &Path) -> (Server, f64) {
        let address = free_address();
        let started = Instant::now();
        let child = Command::new(PROGRAM)
            .args(["serve", "--listen", &address.to_string(), "--data-dir"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut server = Server { child };
        loop {
            if answers(address) {
                return (server, started.elapsed().as_secs_f64() * 1_000.0);
            }
            assert!(server.child.try_wait().expect("a child can be asked").is_none(), "the program ended at its start");
            assert!(started.elapsed() < Duration::from_secs(10), "the program does not answer");
            std::thread::sleep(Duration::from_micros(300));
        }
    }
}

impl Drop for Server {
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
