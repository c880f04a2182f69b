//! Gateways' messages taken in from 100 connections, beside bare code that verifies the same signature and makes the same message
//! durable, one insert each, in groups.
//!
//! What is taken in is handled at the same time by the shop's worker, which is told here beside it: a message is answered when it is
//! kept, so its answers must not wait for those that are still to be handled.

#![expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "rates and ratios; no money is counted here")]

mod common;
#[path = "../tests/it/harness/test_gateway.rs"]
#[expect(dead_code, reason = "the bench asks it for signatures alone")]
mod test_gateway;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use bayader::app::Extras;
use bayader::features::payments::Gateway;
use common::{Serving, closed_loop, median};
use http::StatusCode;
use rusqlite::Connection;
use serde_json::Value;
use test_gateway::{Message, SECRET, TestGateway};

const CLIENTS: usize = 100;
const GROUP: u32 = 50;
const PATH: &str = "/api/v1/payments/webhook/testpay";

fn main() {
    let (server, clients) = (common::runtime("server"), common::runtime("clients"));
    let rounds = if common::is_quick() { 1 } else { 5 };
    let (time, bare_time) = (common::time(6_000, 1_500), common::time(4_000, 1_000));
    let (mut all_ours, mut all_bare, mut all_alone) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let folder = common::folder();
        let ours_now = ours(&server, &clients, &folder.path().join("data"), time, round);
        let folder = common::folder();
        let mut bare = Bare::open(&server, &folder.path().join("data"));
        all_bare.push(bare.run(GROUP, bare_time));
        all_alone.push(bare.run(1, bare_time / 2));
        println!(
            "  ours {:.0}/s (p50 {:.1} ms, p99 {:.1} ms, {:.1} writes a group), of which {:.0}/s handled meanwhile and {} waited at the end; bare {:.0}/s in groups of {GROUP}, {:.0}/s alone",
            ours_now.rate,
            ours_now.p50_ms,
            ours_now.p99_ms,
            ours_now.group,
            ours_now.handled as f64 / time.as_secs_f64(),
            ours_now.waiting,
            all_bare.last().unwrap_or(&0.0),
            all_alone.last().unwrap_or(&0.0),
        );
        all_ours.push(ours_now);
    }
    let of = |field: fn(&Ours) -> f64| median(&all_ours.iter().map(field).collect::<Vec<_>>());
    let against = |bare: &[f64]| median(&all_ours.iter().zip(bare).map(|(ours, bare)| ours.rate / bare).collect::<Vec<_>>());
    println!("{:.0} messages/s, p50 {:.1} ms, p99 {:.1} ms", of(|one| one.rate), of(|one| one.p50_ms), of(|one| one.p99_ms));
    println!(
        "{:.1} % of a bare verification and insert in groups of {GROUP} ({:.0}/s); {:.1} times one commit a message ({:.0}/s)",
        against(&all_bare) * 100.0,
        median(&all_bare),
        against(&all_alone),
        median(&all_alone)
    );
}

/// A provider's own message with another name.
fn message(name: &str) -> Message {
    static SAMPLE: std::sync::OnceLock<Value> = std::sync::OnceLock::new();
    let sample = SAMPLE.get_or_init(|| {
        let vectors: Value = serde_json::from_str(include_str!("../tests/vectors/stripe.json")).expect("vectors");
        let mut bodies = vectors["cases"].as_array().expect("cases").iter().filter_map(|case| case["body"].as_str());
        let mut sample: Value = bodies.find_map(|body| serde_json::from_str(body).ok()).expect("an event");
        // It is handled as one that means nothing here: read and marked, as the least that is done with any.
        sample["type"] = "unknown.kind".into();
        sample
    });
    let mut body = sample.clone();
    body["id"] = name.into();
    Message::signed(body.to_string())
}

struct Ours {
    rate: f64,
    p50_ms: f64,
    p99_ms: f64,
    group: f64,
    handled: i64,
    waiting: i64,
}

fn ours(server: &tokio::runtime::Runtime, clients: &tokio::runtime::Runtime, data: &Path, time: Duration, round: u32) -> Ours {
    let gateways: Vec<Arc<dyn Gateway>> = vec![TestGateway::new().shared()];
    let app = server.block_on(common::open_with(data, Extras { gateways, ..Extras::default() }));
    let shop = Arc::clone(app.shop());
    let serving = server.block_on(Serving::shop(app));
    let address = serving.address;
    let stats = shop.db.stats();
    let before = (stats.group_size.sum(), stats.group_size.count());
    let load = clients.block_on(async {
        let make = move |client, asked| {
            let message = message(&format!("evt_{round}_{client}_{asked}"));
            let mut request = common::post(PATH, message.body);
            request.headers_mut().insert(Message::header(), message.signature.parse().expect("a header"));
            request
        };
        closed_loop(address, CLIENTS, time, (StatusCode::OK, 0), make).await
    });
    let groups = (stats.group_size.count() - before.1).max(1);
    let group = (stats.group_size.sum() - before.0) as f64 / groups as f64;
    let count = |sql: &'static str| {
        server.block_on(shop.db.read(move |reader| reader.one(sql, &[], |row| row.get::<i64>(0)))).expect("a number")
    };
    let waiting = count("select count(*) from webhook_inbox where outcome is null");
    let handled = count("select count(*) from webhook_inbox where outcome is not null");
    assert!(waiting + handled >= i64::try_from(load.answers).expect("few"), "an answered message is not there");
    drop(shop);
    server.block_on(serving.end());
    Ours { rate: load.rate(), p50_ms: load.percentile(50), p99_ms: load.percentile(99), group, handled, waiting }
}

/// Verifies and keeps, on one thread that has the machine to itself; it strikes nothing out and plans no work.
struct Bare {
    connection: Connection,
    key: hmac::Key,
    kept: u64,
}

impl Bare {
    fn open(server: &tokio::runtime::Runtime, data: &Path) -> Bare {
        drop(server.block_on(common::open(data)));
        let connection = Connection::open(bayader::db::database_in(data)).expect("a database");
        connection
            .execute_batch(
                "pragma journal_mode = wal; pragma synchronous = full; pragma temp_store = memory; pragma cache_size = -16000;",
            )
            .expect("pragmas");
        Bare { connection, key: hmac::Key::new(hmac::HMAC_SHA256, SECRET), kept: 0 }
    }

    /// Messages a second. They were made and signed before, as those of our side are by its clients.
    fn run(&mut self, group: u32, time: Duration) -> f64 {
        let mut spent = Duration::ZERO;
        let mut messages = 0_u32;
        while spent < time {
            let made: Vec<(String, Message)> = (0..group)
                .map(|_| {
                    self.kept += 1;
                    let name = format!("evt_{}", self.kept);
                    let message = message(&name);
                    (name, message)
                })
                .collect();
            let started = Instant::now();
            self.connection.execute_batch("begin immediate").expect("begun");
            for (name, message) in &made {
                self.keep(name, message);
            }
            self.connection.execute_batch("commit").expect("committed");
            spent += started.elapsed();
            messages += group;
        }
        f64::from(messages) / spent.as_secs_f64()
    }

    fn keep(&self, name: &str, message: &Message) {
        let tag = hex::decode(&message.signature).expect("hex");
        hmac::verify(&self.key, message.body.as_bytes(), &tag).expect("it is signed");
        #[expect(clippy::disallowed_methods, reason = "the bare side has no clock of the shop's")]
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let now = i64::try_from(now.as_millis()).expect("before the year 292 million");
        let mut id = [0; 16];
        id[..6].copy_from_slice(&now.to_be_bytes()[2..]);
        id[8..].copy_from_slice(&name.trim_start_matches("evt_").parse::<u64>().expect("a number").to_be_bytes());
        let mut insert = self
            .connection
            .prepare_cached(
                "insert into webhook_inbox (id, gateway, event_id, kind, body, received_at) values (?1, ?2, ?3, ?4, ?5, ?6)",
            )
            .expect("a statement");
        insert.execute(rusqlite::params![id, "testpay", name, "unknown.kind", message.body, now]).expect("written");
    }
}
