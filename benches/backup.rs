//! What a buyer notices of a backup: the latency of orders at a fixed rate while backups are made one after the other, beside the same
//! without, turn by turn in one shop. Beside it what a backup takes, sealed and not, and its proof.
//!
//! The shop is filled first, so that a backup lasts. Backups are made as the shop's own job makes them: in its process, on a thread of
//! their own, leaving three quarters of the time to it. A latency counts from the moment at which the question was due.

#![expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "latencies and their ratios; no money is counted here"
)]

mod common;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bayader::app::doctor;
use bayader::clock::Clock;
use bayader::features::backup::{self, BackupFault, Desk, Made, Pace, Seal, Target, Unlock};
use common::large::{self, Size};
use common::{Baskets, Load, Serving, median, verdict};
use http::StatusCode;
use tokio::runtime::Runtime;

/// A hundred people, and more orders a second than a bakery has in a minute.
const PEOPLE: usize = 100;
const PER_SECOND: f64 = 200.0;
/// Of p99, beside a backup.
const LIMIT: f64 = 2.0;
const ORDERS: usize = 100_000;
const QUICK_ORDERS: usize = 5_000;
const MB: f64 = 1_000_000.0;

fn main() {
    let (server, clients) = (common::runtime("server"), common::runtime("clients"));
    let folder = common::folder();
    let data = folder.path().join("data");
    let size = Size { products: 68, orders: orders(), days: 365 };
    server.block_on(large::make(&data, size));
    let serving = server.block_on(async {
        let app = common::open(&data).await;
        while bayader::features::orders::text_index::catch_up(&app.shop().db).await.expect("it can be indexed") {}
        Serving::shop(app).await
    });
    println!("{} orders, {:.0} MB of books", size.orders, large::bytes_used(&data) / MB);
    tell_alone(&data, folder.path());

    let rounds = if common::is_quick() { 1 } else { 5 };
    let time = common::time(15_000, 2_000);
    let desk = desk(&data);
    let (mut without, mut beside) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        for step in 0..2 {
            let with_backups = (round + step) % 2 == 1;
            let backups = with_backups.then(|| Backups::start(Arc::clone(&desk)));
            let load = orders_by_the_clock(&clients, &serving, round * 2 + step, time);
            let made = backups.map(Backups::end);
            println!(
                "  {}: {:.0}/s, p50 {:.2} ms, p99 {:.2} ms, worst {:.2} ms",
                made.map_or_else(|| "no backup".to_owned(), |made| format!("beside backups, {made} of them whole")),
                load.rate(),
                load.percentile(50),
                load.percentile(99),
                load.percentile(100)
            );
            let latencies = if with_backups { &mut beside } else { &mut without };
            latencies.push((load.percentile(50), load.percentile(99)));
        }
    }
    server.block_on(serving.end());

    println!("orders at {PER_SECOND:.0}/s, {rounds} rounds; medians:");
    for (name, latencies) in [("no backup", &without), ("beside backups", &beside)] {
        let of = |part: fn(&(f64, f64)) -> f64| median(&latencies.iter().map(part).collect::<Vec<_>>());
        println!("  {name}: p50 {:.2} ms, p99 {:.2} ms", of(|ms| ms.0), of(|ms| ms.1));
    }
    let ratio = |part: fn(&(f64, f64)) -> f64| {
        median(&beside.iter().zip(&without).map(|(beside, without)| part(beside) / part(without)).collect::<Vec<_>>())
    };
    let p99 = ratio(|ms| ms.1);
    println!(
        "orders beside backups: p50 {:.2} times, p99 {p99:.2} times; at most {LIMIT} times: {}",
        ratio(|ms| ms.0),
        verdict(p99 <= LIMIT)
    );
}

/// How many orders the shop has: what follows `--orders`.
fn orders() -> usize {
    let said = std::env::args().skip_while(|argument| argument != "--orders").nth(1);
    let usual = if common::is_quick() { QUICK_ORDERS } else { ORDERS };
    said.map_or(usual, |said| said.parse().expect("a number of orders"))
}

fn desk(data: &Path) -> Arc<Desk> {
    let config = bayader::config::load(&bayader::config::Source::new()).unwrap_or_else(|faults| panic!("{faults:?}"));
    Arc::new(Desk::of(data, &config).expect("a desk"))
}

/// Backups, one after the other, on a thread of their own until they are ended.
struct Backups {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<usize>,
}

impl Backups {
    fn start(desk: Arc<Desk>) -> Backups {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let run = move || {
            let mut made = 0;
            loop {
                let outcome = make(&desk, Pace::gentle().stopped_by(Arc::clone(&stopped)));
                if stopped.load(Ordering::Relaxed) {
                    return made;
                }
                remove(&outcome.unwrap_or_else(|fault| panic!("{fault}")).packed.path);
                made += 1;
            }
        };
        let thread = std::thread::Builder::new().name("backup".to_owned()).spawn(run).expect("a thread");
        Backups { stop, thread }
    }

    /// How many were whole.
    fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("backups end in order")
    }
}

fn make(desk: &Desk, pace: Pace) -> Result<Made, BackupFault> {
    backup::create(desk, &Clock::system(), &Target::Folder, None, pace, &mut |_| ())
}

/// What a backup and its proof take while nobody asks the shop anything.
fn tell_alone(data: &Path, aside: &Path) {
    let identity = age::x25519::Identity::generate();
    let key = aside.join("identity.txt");
    std::fs::write(&key, age::secrecy::ExposeSecret::expose_secret(&identity.to_string())).expect("a key");
    let recipient = identity.to_public().to_string();
    for is_sealed in [false, true] {
        let desk = Arc::into_inner(desk(data)).expect("nobody else has it");
        let (desk, kind, unlock) = if is_sealed {
            let desk = desk.sealed_by(Seal::to_recipient(&recipient).expect("a recipient"));
            (desk, "sealed", Unlock::by_identity_file(&key).expect("an identity"))
        } else {
            (desk, "not sealed", Unlock::nothing())
        };
        for (pace, how) in [(Pace::full(), "at full pace"), (Pace::gentle(), "leaving half of the time")] {
            let started = Instant::now();
            let made = make(&desk, pace).unwrap_or_else(|fault| panic!("{fault}"));
            println!("a backup, {kind}, {how}: {:.1} s, {:.1} MB", seconds(started), made.packed.bytes as f64 / MB);
            if how == "at full pace" {
                remove(&made.packed.path);
                continue;
            }
            let started = Instant::now();
            let opened = backup::open(&made.packed.path, &unlock).unwrap_or_else(|fault| panic!("{fault}"));
            let proof = backup::verify(opened, desk.folder(), doctor::balances, &mut |_| ());
            let proof = proof.unwrap_or_else(|fault| panic!("{fault}"));
            assert!(proof.findings.is_empty(), "it is not proven: {:?}", proof.findings);
            println!("its proof: {:.1} s", seconds(started));
            remove(&made.packed.path);
        }
    }
}

fn seconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64()
}

fn remove(file: &Path) {
    std::fs::remove_file(file).expect("it is ours");
}

fn orders_by_the_clock(clients: &Runtime, serving: &Serving, run: u64, time: Duration) -> Load {
    let address = serving.address;
    clients.block_on(async {
        let baskets = Baskets::of(address, run).await;
        let make = move |client, asked| baskets.request(client, asked);
        common::open_loop(address, PEOPLE, PER_SECOND, time, (StatusCode::CREATED, 0), make).await
    })
}
