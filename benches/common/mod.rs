//! What the benches share: a shop over a folder on a real disk, and people who ask it over loopback.

#![allow(dead_code, reason = "each bench uses its part of this module")]

pub mod large;
pub mod program;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bayader::app::{App, AppOptions};
use bayader::clock::Clock;
use bayader::config::Source;
use bayader::features::{accounts, catalog};
use bayader::kernel::{Actor, Email, Name};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub const OWNER: &str = "owner@example.com";
pub const PASSWORD: &str = "a-long-enough-secret-7";
/// Cores a bench may use, as the limits say; a runtime has as many threads.
const CORES: usize = 2;
/// So long clients ask before they are measured.
const WARM_UP: Duration = Duration::from_millis(400);
/// No product of the menu runs out.
const STOCK: &str = "90000000";

/// Whether a bench is asked to be short: to see that it works, not to measure.
pub fn is_quick() -> bool {
    std::env::args().any(|argument| argument == "--quick")
}

/// The long time, or the short one.
pub fn time(full_ms: u64, quick_ms: u64) -> Duration {
    Duration::from_millis(if is_quick() { quick_ms } else { full_ms })
}

pub fn runtime(name: &str) -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(CORES)
        .thread_name(name)
        .enable_all()
        .build()
        .expect("threads can be had")
}

/// A folder on the disk of the build, not in memory.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}

/// A shop with an owner and the sample menu, open and not yet serving.
pub async fn open(folder: &Path) -> App {
    open_with(folder, bayader::app::Extras::default()).await
}

/// The same with gateways besides the configured ones.
pub async fn open_with(folder: &Path, extras: bayader::app::Extras) -> App {
    open_at(folder, Clock::system(), extras).await
}

/// The same by another clock.
pub async fn open_at(folder: &Path, clock: Clock, extras: bayader::app::Extras) -> App {
    let source = Source::new().variables([("BAYADER_RATE_LIMIT__ENABLED", "false")]);
    let config = bayader::config::load(&source).unwrap_or_else(|faults| panic!("the configuration is wrong: {faults:?}"));
    let options = AppOptions { data_dir: folder.to_owned(), config, clock, accept_clock: false, extras };
    let app = App::open(options).await.expect("the shop opens");
    if !app.is_set_up() {
        let shop = app.shop();
        let owner = accounts::CreateOwner {
            name: Name::parse("Rania").expect("a name"),
            email: Email::parse(OWNER).expect("an address"),
            phone: None,
            password_hash: shop.accounts.hash(PASSWORD.to_owned()).await.expect("a hash"),
        };
        shop.db.write(owner).await.expect("an owner");
        let parsed = catalog::parse(&menu(), &shop.settings.format()).unwrap_or_else(|_| panic!("the sample menu is right"));
        let import = catalog::Import { parsed, set_stock: true, dry_run: false, by: Actor::System };
        assert_eq!(shop.db.write(import).await.expect("a menu").made, 68);
    }
    app
}

/// The sample menu with shelves that nobody empties.
fn menu() -> Vec<u8> {
    let mut reader = csv::Reader::from_reader(include_bytes!("../../assets/sample/menu.csv").as_slice());
    let header = reader.headers().expect("a header").clone();
    let stock = header.iter().position(|name| name == "stock").expect("a column of stock");
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&header).expect("written");
    for row in reader.records() {
        let row = row.expect("a row");
        let cells = row.iter().enumerate().map(|(column, cell)| if column == stock { STOCK } else { cell });
        writer.write_record(cells).expect("written");
    }
    writer.into_inner().expect("written")
}

/// A server that answers until it is stopped.
pub struct Serving {
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Serving {
    /// The shop itself, by the program's own way of serving.
    pub async fn shop(app: App) -> Serving {
        let listener = listener().await;
        let address = listener.local_addr().expect("it is bound");
        let (stop, stopped) = watch::channel(false);
        Serving { address, stop, task: tokio::spawn(app.serve(vec![bayader::http::doors::Door::shop(listener)], stopped)) }
    }

    /// A router and nothing else.
    pub async fn bare(router: axum::Router) -> Serving {
        use axum::serve::ListenerExt;
        let listener = listener().await;
        let address = listener.local_addr().expect("it is bound");
        let (stop, mut stopped) = watch::channel(false);
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let task = tokio::spawn(async move {
            tokio::select! {
                _ = axum::serve(listener, router) => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        });
        Serving { address, stop, task }
    }

    pub async fn end(self) {
        self.stop.send_replace(true);
        self.task.await.expect("it ends in order");
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port")
}

/// One kept connection.
pub struct Line {
    sender: http1::SendRequest<Full<Bytes>>,
}

/// What came over a line.
pub struct Answer {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub bytes: usize,
}

impl Line {
    pub async fn open(address: SocketAddr) -> Line {
        let stream = TcpStream::connect(address).await.expect("the server takes connections");
        stream.set_nodelay(true).expect("a socket");
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a connection");
        tokio::spawn(connection);
        Line { sender }
    }

    /// Sends a request and reads the answer to its end.
    pub async fn ask(&mut self, request: Request<Full<Bytes>>) -> Answer {
        self.sender.ready().await.expect("the connection holds");
        let mut response = self.sender.send_request(request).await.expect("an answer");
        let mut bytes = 0;
        while let Some(frame) = response.body_mut().frame().await {
            bytes += frame.expect("a whole answer").data_ref().map_or(0, Bytes::len);
        }
        let (parts, _) = response.into_parts();
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    /// As [`Line::ask`], with the body.
    pub async fn read(&mut self, request: Request<Full<Bytes>>) -> (StatusCode, http::HeaderMap, Bytes) {
        self.sender.ready().await.expect("the connection holds");
        let (parts, body) = self.sender.send_request(request).await.expect("an answer").into_parts();
        (parts.status, parts.headers, body.collect().await.unwrap_or_else(|error| panic!("{error}")).to_bytes())
    }
}

pub fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(path).header("host", "localhost").body(Full::default()).expect("a request")
}

pub fn post(path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let request = Request::post(path).header("host", "localhost").header("content-type", "application/json");
    request.body(Full::new(body.into())).expect("a request")
}

/// What a load came to.
pub struct Load {
    pub answers: u64,
    pub seconds: f64,
    /// In microseconds, in order.
    latencies: Vec<u64>,
}

impl Load {
    fn of(mut latencies: Vec<u64>, seconds: f64) -> Load {
        latencies.sort_unstable();
        Load { answers: latencies.len() as u64, seconds, latencies }
    }

    pub fn rate(&self) -> f64 {
        self.answers as f64 / self.seconds
    }

    /// The latency that this part of a hundred stayed under, in milliseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let at = (self.latencies.len() * percent / 100).min(last);
        self.latencies.get(at).map_or(0.0, |us| *us as f64 / 1_000.0)
    }
}

/// So many clients, each with its own connection, ask one thing after the other. An answer of another status, or shorter than
/// `least` bytes, fails the bench. `make` gets the client and how often it has asked.
pub async fn closed_loop<F>(address: SocketAddr, clients: usize, time: Duration, expected: (StatusCode, usize), make: F) -> Load
where
    F: Fn(usize, u64) -> Request<Full<Bytes>> + Send + Sync + 'static,
{
    let is_well = move |answer: &Answer| answer.status == expected.0 && answer.bytes >= expected.1;
    closed_loop_where(address, clients, time, is_well, make).await
}

/// As [`closed_loop`], of whichever answers are well.
pub async fn closed_loop_where<F, W>(address: SocketAddr, clients: usize, time: Duration, is_well: W, make: F) -> Load
where
    F: Fn(usize, u64) -> Request<Full<Bytes>> + Send + Sync + 'static,
    W: Fn(&Answer) -> bool + Copy + Send + 'static,
{
    let make = Arc::new(make);
    let mut lines = Vec::with_capacity(clients);
    for _ in 0..clients {
        lines.push(Line::open(address).await);
    }
    let from = Instant::now() + WARM_UP;
    let until = from + time;
    let tasks: Vec<_> = lines
        .into_iter()
        .enumerate()
        .map(|(client, mut line)| {
            let make = Arc::clone(&make);
            tokio::spawn(async move {
                let mut latencies = Vec::with_capacity(4_096);
                for asked in 0.. {
                    let request = make(client, asked);
                    let started = Instant::now();
                    let answer = line.ask(request).await;
                    let ended = Instant::now();
                    assert!(is_well(&answer), "{} with {} bytes is not what must be", answer.status, answer.bytes);
                    if ended > until {
                        break;
                    }
                    if ended >= from {
                        latencies.push(us(ended - started));
                    }
                }
                latencies
            })
        })
        .collect();
    Load::of(join(tasks).await, time.as_secs_f64())
}

/// So many clients together ask `per_second` things a second, whatever the answers take; a latency counts from the moment at
/// which the request was due.
pub async fn open_loop<F>(
    address: SocketAddr,
    clients: usize,
    per_second: f64,
    time: Duration,
    expected: (StatusCode, usize),
    make: F,
) -> Load
where
    F: Fn(usize, u64) -> Request<Full<Bytes>> + Send + Sync + 'static,
{
    open_loop_where(address, clients, per_second, time, move |answer: &Answer| answer.status == expected.0, make).await
}

/// As [`open_loop`], of whichever answers are well.
pub async fn open_loop_where<F, W>(
    address: SocketAddr,
    clients: usize,
    per_second: f64,
    time: Duration,
    is_well: W,
    make: F,
) -> Load
where
    F: Fn(usize, u64) -> Request<Full<Bytes>> + Send + Sync + 'static,
    W: Fn(&Answer) -> bool + Copy + Send + 'static,
{
    let make = Arc::new(make);
    let began = Instant::now() + Duration::from_millis(50);
    let gap = Duration::from_secs_f64(clients as f64 / per_second);
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let make = Arc::clone(&make);
            tokio::spawn(async move {
                let mut line = Line::open(address).await;
                let mut latencies = Vec::new();
                let first = began + gap.mul_f64(client as f64 / clients as f64);
                for asked in 0_u32.. {
                    let due = first + gap * asked;
                    if due > began + time {
                        break;
                    }
                    tokio::time::sleep_until(due.into()).await;
                    let answer = line.ask(make(client, u64::from(asked))).await;
                    assert!(is_well(&answer), "{} is not what must be", answer.status);
                    latencies.push(us(due.elapsed()));
                }
                latencies
            })
        })
        .collect();
    Load::of(join(tasks).await, time.as_secs_f64())
}

async fn join(tasks: Vec<JoinHandle<Vec<u64>>>) -> Vec<u64> {
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.expect("a client ends in order"));
    }
    all
}

fn us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Makes the requests of guests who order three products each, every one under a key of its own.
pub struct Baskets {
    ids: Vec<String>,
    run: u64,
}

impl Baskets {
    /// Of the products that ask for no choice.
    pub async fn of(address: SocketAddr, run: u64) -> Baskets {
        let (status, _, body) = Line::open(address).await.read(get("/api/v1/products?per_page=100")).await;
        assert_eq!(status, StatusCode::OK);
        let list: serde_json::Value = serde_json::from_slice(&body).expect("a list");
        let plain = |product: &&serde_json::Value| product["optionGroups"].as_array().is_none_or(Vec::is_empty);
        let products = list["data"].as_array().expect("products");
        let ids: Vec<String> =
            products.iter().filter(plain).filter_map(|product| Some(product["id"].as_str()?.to_owned())).collect();
        assert!(ids.len() > 23, "{} products without a choice", ids.len());
        Baskets { ids, run }
    }

    /// One of those products.
    pub fn product(&self, at: usize) -> &str {
        &self.ids[at % self.ids.len()]
    }

    /// Of somebody with a phone.
    pub fn request(&self, client: usize, asked: u64) -> Request<Full<Bytes>> {
        self.of_somebody(client, asked, "")
    }

    /// Every other one has an e-mail address as well, and is told by it.
    pub fn told(&self, client: usize, asked: u64) -> Request<Full<Bytes>> {
        self.of_somebody(client, asked, if client.is_multiple_of(2) { r#","email":"huda@example.com""# } else { "" })
    }

    fn of_somebody(&self, client: usize, asked: u64, email: &str) -> Request<Full<Bytes>> {
        let count = self.ids.len();
        let first = (client * 31 + usize::try_from(asked).unwrap_or(0) * 7) % count;
        let line = |step: usize, quantity: u8| {
            format!(r#"{{"productId":"{}","quantity":{quantity}}}"#, self.ids[(first + step) % count])
        };
        let body = format!(
            r#"{{"paymentMethod":"cash","isPickup":true,"customerInfo":{{"name":"Huda","phone":"+96279{:07}"{email}}},"items":[{},{},{}]}}"#,
            1_000_000 + client,
            line(0, 1),
            line(11, 2),
            line(23, 3)
        );
        let mut request = post("/api/v1/orders", body);
        let key = format!("bench-{}-{client:03}-{asked:08}", self.run);
        request.headers_mut().insert("idempotency-key", key.parse().expect("a header"));
        request
    }
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

pub fn verdict(holds: bool) -> &'static str {
    if holds { "held" } else { "MISSED" }
}

/// For handlers that answer the same each time.
pub type Always<T> = Result<T, Infallible>;
