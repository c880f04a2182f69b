//! A busy hour: a hundred people at once who look, order and work, beside the limits for each kind of crowd.
//!
//! The program runs as a process of its own. Its clients share its two cores, so every latency here holds the clients' work too:
//! what is held here is held with room. Where people come by the clock, a latency counts from the moment at which the question
//! was due, not from when it could be sent.

#![expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "rates and latencies; no money is counted here")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::program::Program;
use common::{Answer, Baskets, Line, Load, get, median, post, verdict};
use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::Value;

const PEOPLE: usize = 100;
const PER_SECOND: f64 = 2_000.0;
const BUYERS: usize = 400;
const PIECES: usize = 50;
/// The limits: p99 of people who come by the clock, of busy connections, of orders alone; a rush's last answer; memory.
const OPEN_MS: f64 = 10.0;
const BUSY_MS: f64 = 20.0;
const STORM_MS: f64 = 40.0;
const RUSH_MS: f64 = 150.0;
const MEMORY_MB: f64 = 120.0;

fn main() {
    let clients = common::runtime("clients");
    let folder = common::folder();
    let data = folder.path().join("data");
    common::runtime("setup").block_on(async { drop(common::open(&data).await) });
    let (program, _) = Program::start(&data);
    let address = program.address;
    let began = Instant::now();
    let at_first = program.memory();

    let people = Arc::new(clients.block_on(People::of(address)));
    let rounds = if common::is_quick() { 1 } else { 3 };
    let time = common::time(15_000, 2_000);
    let (mut open, mut busy, mut storm, mut rush) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let run = round * 3;
        let load = clients.block_on(by_the_clock(address, Arc::clone(&people), run, time));
        tell(&format!("{PEOPLE} people, {PER_SECOND:.0}/s by the clock"), &load);
        open.push(load.percentile(99));
        let crowd = Arc::clone(&people);
        let make = move |client, asked| crowd.request(run + 1, client, asked);
        let load = clients.block_on(common::closed_loop_where(address, PEOPLE, time, is_well, make));
        tell(&format!("{PEOPLE} busy connections"), &load);
        busy.push(load.percentile(99));
        let crowd = Arc::clone(&people);
        let make = move |client, asked| crowd.order(run + 2, client, asked);
        let load = clients.block_on(common::closed_loop_where(address, PEOPLE, time, is_well, make));
        tell(&format!("{PEOPLE} who only order"), &load);
        storm.push(load.percentile(99));
        for _ in 0..if common::is_quick() { 1 } else { 5 } {
            rush.push(clients.block_on(rush_for_pieces(address, &people)));
        }
    }
    let held = |name: &str, reached: f64, limit: f64| {
        println!("{name}: {reached:.1}, at most {limit}: {}", verdict(reached <= limit));
    };
    held("p99 in ms by the clock", median(&open), OPEN_MS);
    held("p99 in ms of busy connections", median(&busy), BUSY_MS);
    held("p99 in ms of an order storm", median(&storm), STORM_MS);
    held(&format!("last answer in ms of {BUYERS} buyers for {PIECES} pieces"), median(&rush), RUSH_MS);
    let memory = program.memory();
    println!(
        "memory after {:.0} s of load: {:.1} MB resident ({:.1} MB its own, {:.1} MB of files; at most {:.1} MB so far; {:.1} MB at its start); at most {MEMORY_MB} MB: {}",
        began.elapsed().as_secs_f64(),
        memory.resident_mb,
        memory.own_mb,
        memory.files_mb,
        memory.most_mb,
        at_first.resident_mb,
        verdict(memory.resident_mb <= MEMORY_MB)
    );
}

fn tell(name: &str, load: &Load) {
    println!(
        "  {name}: {:.0}/s, p50 {:.2} ms, p99 {:.2} ms, worst {:.2} ms",
        load.rate(),
        load.percentile(50),
        load.percentile(99),
        load.percentile(100)
    );
}

/// No error: what was asked for, or that it has not changed.
fn is_well(answer: &Answer) -> bool {
    matches!(answer.status, StatusCode::OK | StatusCode::CREATED | StatusCode::NOT_MODIFIED)
}

/// Who they are and what they ask about.
struct People {
    baskets: Baskets,
    /// Products, and the one order that a guest comes back to.
    products: Vec<String>,
    order: (String, String),
    bearer: String,
    menu_tag: String,
    has_carts: bool,
}

impl People {
    async fn of(address: SocketAddr) -> People {
        let mut line = Line::open(address).await;
        let body = format!(r#"{{"email":"{}","password":"{}"}}"#, common::OWNER, common::PASSWORD);
        let (status, _, body) = line.read(post("/api/v1/auth/login", body)).await;
        assert_eq!(status, StatusCode::OK, "{body:?}");
        let session: Value = serde_json::from_slice(&body).expect("a session");
        let (_, headers, body) = line.read(get("/api/v1/products?per_page=100")).await;
        let menu: Value = serde_json::from_slice(&body).expect("a menu");
        let products = menu["data"].as_array().expect("products").iter();
        let baskets = Baskets::of(address, 0).await;
        let (status, _, body) = line.read(baskets.request(999, 0)).await;
        assert_eq!(status, StatusCode::CREATED, "{body:?}");
        let placed: Value = serde_json::from_slice(&body).expect("an order");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let (cart, ..) = line.read(get("/api/v1/cart")).await;
        People {
            baskets,
            products: products.map(|product| text(&product["id"])).collect(),
            order: (text(&placed["orderId"]), text(&placed["accessToken"])),
            bearer: format!("Bearer {}", text(&session["token"])),
            menu_tag: headers["etag"].to_str().expect("a tag").to_owned(),
            has_carts: cart == StatusCode::OK,
        }
    }

    /// Of twenty: six look at the menu, two of them again; six at a product; three order; two look after their order; two
    /// have a cart where there are carts; one works at the board.
    fn request(&self, run: u64, client: usize, asked: u64) -> Request<Full<Bytes>> {
        let turn = usize::try_from(asked).unwrap_or(0) * 7 + client * 3;
        match turn % 20 {
            0..4 => get("/api/v1/products?per_page=20"),
            4 | 5 => with(get("/api/v1/products?per_page=100"), "if-none-match", &self.menu_tag),
            6..12 => get(&format!("/api/v1/products/{}", self.products[turn % self.products.len()])),
            12..15 => self.order(run, client, asked),
            15 | 16 => with(get(&format!("/api/v1/orders/{}", self.order.0)), "x-order-token", &self.order.1),
            17 if self.has_carts => {
                let product = self.baskets.product(turn);
                post("/api/v1/cart", format!(r#"{{"items":[{{"productId":"{product}","quantity":1}}]}}"#))
            }
            17 => get("/api/v1/categories"),
            18 if self.has_carts => get("/api/v1/cart"),
            18 => get("/api/v1/products?sort=price&per_page=20"),
            _ => with(get("/api/v1/orders?status=Pending"), "authorization", &self.bearer),
        }
    }

    fn order(&self, run: u64, client: usize, asked: u64) -> Request<Full<Bytes>> {
        let mut request = self.baskets.request(client, asked);
        let key = format!("bench-run-{run}-{client:03}-{asked:08}");
        request.headers_mut().insert("idempotency-key", key.parse().expect("a header"));
        request
    }
}

fn with(mut request: Request<Full<Bytes>>, name: &'static str, value: &str) -> Request<Full<Bytes>> {
    request.headers_mut().insert(name, value.parse().expect("a header"));
    request
}

async fn by_the_clock(address: SocketAddr, people: Arc<People>, run: u64, time: Duration) -> Load {
    let make = move |client, asked| people.request(run, client, asked);
    common::open_loop_where(address, PEOPLE, PER_SECOND, time, is_well, make).await
}

/// Four hundred want one of fifty, all at one moment: milliseconds until the last has an answer.
async fn rush_for_pieces(address: SocketAddr, people: &People) -> f64 {
    let mut line = Line::open(address).await;
    let (_, _, body) = line.read(get("/api/v1/categories")).await;
    let categories: Value = serde_json::from_slice(&body).expect("categories");
    let category = categories["data"][0]["slug"].as_str().expect("a category");
    let body = format!(r#"{{"name":"The last ones","price":"1.000","stock":{PIECES},"category":"{category}"}}"#);
    let (status, _, body) = line.read(with(post("/api/v1/products", body), "authorization", &people.bearer)).await;
    assert_eq!(status, StatusCode::CREATED, "{body:?}");
    let product: Value = serde_json::from_slice(&body).expect("a product");
    let product = product["id"].as_str().expect("an id").to_owned();
    let mut lines = Vec::new();
    for _ in 0..BUYERS {
        lines.push(Line::open(address).await);
    }
    let start = Instant::now() + Duration::from_millis(100);
    let buyers: Vec<_> = lines
        .into_iter()
        .enumerate()
        .map(|(buyer, mut line)| {
            let body = format!(
                r#"{{"paymentMethod":"cash","customerInfo":{{"name":"Huda","phone":"+96278{:07}"}},"items":[{{"productId":"{product}","quantity":1}}]}}"#,
                1_000_000 + buyer
            );
            tokio::spawn(async move {
                tokio::time::sleep_until(start.into()).await;
                let answer = line.ask(post("/api/v1/orders", body)).await;
                (answer.status, start.elapsed().as_secs_f64() * 1_000.0)
            })
        })
        .collect();
    let (mut sold, mut told, mut last) = (0, 0, 0.0_f64);
    for buyer in buyers {
        let (status, ms) = buyer.await.expect("a buyer ends in order");
        match status {
            StatusCode::CREATED => sold += 1,
            StatusCode::CONFLICT => told += 1,
            other => panic!("a buyer was answered with {other}"),
        }
        last = last.max(ms);
    }
    assert_eq!((sold, told), (PIECES, BUYERS - PIECES), "sold and told");
    println!("  {BUYERS} buyers: {sold} sold, {told} told, the last answer after {last:.0} ms");
    last
}
