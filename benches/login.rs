//! Signing in beside bare Argon2 on one core, and what a hundred who wait to sign in do to orders.

#![expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "rates and ratios; no money is counted here")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use common::{Baskets, Line, Load, Serving, closed_loop, median, open_loop, post, verdict};
use http::StatusCode;

/// As `security/password.rs` has them: 19 MiB, two passes, one lane.
const COST: (u32, u32, u32) = (19_456, 2, 1);
const WAITING: usize = 100;
const ORDERS_A_SECOND: f64 = 500.0;
const ORDERERS: usize = 16;
/// Three pairs: with and without those who wait.
const PAIRS: usize = 3;

fn main() {
    let (server, clients) = (common::runtime("server"), common::runtime("clients"));
    let folder = common::folder();
    let shop = server.block_on(async { Serving::shop(common::open(&folder.path().join("data")).await).await });
    let address = shop.address;
    let time = common::time(5_000, 800);

    let (mut bare, mut logins, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        let theirs = bare_checks(time);
        let load = clients.block_on(closed_loop(address, 4, time, (StatusCode::OK, 100), |_, _| login()));
        bare.push(theirs);
        logins.push(load.rate());
        ratios.push(load.rate() / theirs);
    }
    println!(
        "bare Argon2 {:.1}/s on one core, logins {:.1}/s, ratio {:.1} % (three pairs)",
        median(&bare),
        median(&logins),
        median(&ratios) * 100.0
    );

    let (mut quiet, mut busy) = (Vec::new(), Vec::new());
    let (mut quiet_p50, mut busy_p50) = (Vec::new(), Vec::new());
    let order_time = common::time(8_000, 1_500);
    for pair in 0..PAIRS as u64 {
        let without = clients.block_on(orders(address, 2 * pair, order_time));
        let crowd = clients.block_on(async { Crowd::gather(address) });
        std::thread::sleep(Duration::from_millis(500));
        let with = clients.block_on(orders(address, 2 * pair + 1, order_time));
        let (served, turned_away) = clients.block_on(crowd.leave());
        quiet.push(without.percentile(99));
        busy.push(with.percentile(99));
        quiet_p50.push(without.percentile(50));
        busy_p50.push(with.percentile(50));
        println!(
            "  orders at {:.0}/s alone: p50 {:.2} ms, p99 {:.2} ms; at {:.0}/s beside {WAITING} logins: p50 {:.2} ms, p99 {:.2} ms ({served} signed in, {turned_away} times told to come again)",
            without.rate(),
            without.percentile(50),
            without.percentile(99),
            with.rate(),
            with.percentile(50),
            with.percentile(99)
        );
    }
    let times = median(&busy) / median(&quiet);
    println!(
        "order p99 {:.2} ms alone, {:.2} ms beside {WAITING} waiting logins (p50 {:.2} and {:.2} ms): {times:.2} times, at most 2: {}",
        median(&quiet),
        median(&busy),
        median(&quiet_p50),
        median(&busy_p50),
        verdict(times <= 2.0)
    );
    server.block_on(shop.end());
}

fn login() -> http::Request<http_body_util::Full<bytes::Bytes>> {
    post("/api/v1/auth/login", format!(r#"{{"email":"{}","password":"{}"}}"#, common::OWNER, common::PASSWORD))
}

/// Checks of a password a second, on this thread.
fn bare_checks(time: Duration) -> f64 {
    let params = Params::new(COST.0, COST.1, COST.2, None).expect("good costs");
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let kept = argon2.hash_password_with_salt(common::PASSWORD.as_bytes(), b"sixteen bytes of").expect("a hash").to_string();
    let hash = PasswordHash::new(&kept).expect("a hash");
    let started = Instant::now();
    let mut checks = 0_u32;
    while started.elapsed() < time {
        argon2.verify_password(common::PASSWORD.as_bytes(), &hash).expect("the right password");
        checks += 1;
    }
    f64::from(checks) / started.elapsed().as_secs_f64()
}

async fn orders(address: SocketAddr, run: u64, time: Duration) -> Load {
    let baskets = Baskets::of(address, run).await;
    let make = move |client, asked| baskets.request(client, asked);
    open_loop(address, ORDERERS, ORDERS_A_SECOND, time, (StatusCode::CREATED, 0), make).await
}

/// A hundred who sign in again and again; who is told to come again comes a little later.
struct Crowd {
    open: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
    turned_away: Arc<AtomicU64>,
    people: Vec<tokio::task::JoinHandle<()>>,
}

impl Crowd {
    fn gather(address: SocketAddr) -> Crowd {
        let (open, served, turned_away) =
            (Arc::new(AtomicBool::new(true)), Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let people = (0..WAITING)
            .map(|_| {
                let (open, served, turned_away) = (Arc::clone(&open), Arc::clone(&served), Arc::clone(&turned_away));
                tokio::spawn(async move {
                    let mut line = Line::open(address).await;
                    while open.load(Ordering::Relaxed) {
                        let answer = line.ask(login()).await;
                        match answer.status {
                            StatusCode::OK => {
                                served.fetch_add(1, Ordering::Relaxed);
                            }
                            StatusCode::SERVICE_UNAVAILABLE => {
                                turned_away.fetch_add(1, Ordering::Relaxed);
                                let seconds = answer.headers.get("retry-after").and_then(|value| value.to_str().ok());
                                let seconds = seconds.and_then(|value| value.parse().ok()).unwrap_or(1);
                                tokio::time::sleep(Duration::from_secs(seconds)).await;
                            }
                            other => panic!("a login was answered with {other}"),
                        }
                    }
                })
            })
            .collect();
        Crowd { open, served, turned_away, people }
    }

    async fn leave(self) -> (u64, u64) {
        self.open.store(false, Ordering::Relaxed);
        for person in self.people {
            person.await.expect("they end in order");
        }
        (self.served.load(Ordering::Relaxed), self.turned_away.load(Ordering::Relaxed))
    }
}
