//! Durable orders of three lines by 100 clients beside bare SQLite that commits the same rows.
//!
//! The rows are not told here: one order is placed under the database's own trace, and its writing statements are repeated with
//! the values that order left behind, under new ids, numbers and keys. So the bare side writes what an order writes today. It
//! reads nothing, decides nothing, opens no savepoints and has its machine to itself; its log is moved every 1,000 pages, as
//! SQLite does by itself. What it does when the log is never moved is told beside.

#![expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "rates and ratios; no money is counted here")]

mod common;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bayader::clock::Clock;
use common::{Baskets, Serving, closed_loop, median, verdict};
use http::StatusCode;
use rusqlite::Connection;
use rusqlite::types::Value;

const CLIENTS: usize = 100;
const GROUP: u32 = 50;
const LIMIT: f64 = 0.70;
/// SPEC 12: with its messages, of which the order itself writes one job.
const MOST_BTREE_WRITES: usize = 20;

fn main() {
    let (server, clients) = (common::runtime("server"), common::runtime("clients"));
    let rounds = if common::is_quick() { 1 } else { 5 };
    let time = common::time(6_000, 1_500);
    let bare_time = common::time(4_000, 1_000);
    let mut all = Rounds::default();
    for round in 0..rounds {
        let ours = |all: &mut Rounds| {
            let shop_folder = common::folder();
            all.ours.push(ours(&server, &clients, &shop_folder.path().join("data"), time, round));
        };
        let bare = |all: &mut Rounds| {
            let bare_folder = common::folder();
            let data = bare_folder.path().join("data");
            let placed = server.block_on(place_one(&data));
            let mut bare = Bare::open(&data, &placed);
            all.btree_writes = bare.btree_writes;
            all.groups.push(bare.run(GROUP, bare_time));
            all.unmoved.push(bare.run_unmoved(GROUP, bare_time));
            all.alone.push(bare.run(1, bare_time / 2));
        };
        if round % 2 == 0 {
            bare(&mut all);
            ours(&mut all);
        } else {
            ours(&mut all);
            bare(&mut all);
        }
        all.tell_last();
    }
    all.tell();
}

#[derive(Default)]
struct Rounds {
    ours: Vec<Ours>,
    /// Orders a second of bare SQLite: in groups, in groups with a log that is never moved, and one commit an order.
    groups: Vec<f64>,
    unmoved: Vec<f64>,
    alone: Vec<f64>,
    btree_writes: usize,
}

struct Ours {
    rate: f64,
    p50_ms: f64,
    p99_ms: f64,
    group: f64,
    commit_ms: f64,
    bytes_an_order: f64,
}

impl Rounds {
    fn tell_last(&self) {
        let (Some(ours), Some(groups)) = (self.ours.last(), self.groups.last()) else { return };
        println!(
            "  ours {:.0}/s (p50 {:.1} ms, p99 {:.1} ms, {:.1} a group, {:.2} ms a commit); bare {groups:.0}/s in groups of {GROUP}, {:.0}/s if the log is never moved, {:.0}/s alone",
            ours.rate,
            ours.p50_ms,
            ours.p99_ms,
            ours.group,
            ours.commit_ms,
            self.unmoved.last().unwrap_or(&0.0),
            self.alone.last().unwrap_or(&0.0)
        );
    }

    fn tell(&self) {
        let of = |field: fn(&Ours) -> f64| median(&self.ours.iter().map(field).collect::<Vec<_>>());
        let against = |bare: &[f64]| {
            let ratios: Vec<f64> = self.ours.iter().zip(bare).map(|(ours, bare)| ours.rate / bare).collect();
            median(&ratios)
        };
        let ratio = against(&self.groups);
        println!(
            "{:.0} orders/s by {CLIENTS} clients, p50 {:.1} ms, p99 {:.1} ms",
            of(|ours| ours.rate),
            of(|ours| ours.p50_ms),
            of(|ours| ours.p99_ms)
        );
        println!(
            "{:.1} % of bare SQLite in groups of {GROUP} ({:.0}/s); at least {:.0} %: {}",
            ratio * 100.0,
            median(&self.groups),
            LIMIT * 100.0,
            verdict(ratio >= LIMIT)
        );
        println!(
            "{:.1} % of it if its log is never moved ({:.0}/s); {:.1} times bare SQLite with one commit an order ({:.0}/s)",
            against(&self.unmoved) * 100.0,
            median(&self.unmoved),
            against(&self.alone),
            median(&self.alone)
        );
        println!("{:.1} orders a group, {:.2} ms a commit", of(|ours| ours.group), of(|ours| ours.commit_ms));
        println!("{:.0} bytes of database an order, its kept answer included", of(|ours| ours.bytes_an_order));
        println!(
            "{} B-tree writes an order; at most {MOST_BTREE_WRITES}: {}",
            self.btree_writes,
            verdict(self.btree_writes <= MOST_BTREE_WRITES)
        );
    }
}

fn ours(server: &tokio::runtime::Runtime, clients: &tokio::runtime::Runtime, data: &Path, time: Duration, round: u64) -> Ours {
    let app = server.block_on(common::open(data));
    let shop = Arc::clone(app.shop());
    let serving = server.block_on(Serving::shop(app));
    let address = serving.address;
    let stats = shop.db.stats();
    let before = (stats.group_size.sum(), stats.group_size.count(), stats.commit_us.sum());
    let load = clients.block_on(async {
        let baskets = Baskets::of(address, round).await;
        let make = move |client, asked| baskets.request(client, asked);
        closed_loop(address, CLIENTS, time, (StatusCode::CREATED, 0), make).await
    });
    let (orders, groups) = (stats.group_size.sum() - before.0, (stats.group_size.count() - before.1).max(1));
    let (group, commit_ms) =
        (orders as f64 / groups as f64, (stats.commit_us.sum() - before.2) as f64 / groups as f64 / 1_000.0);
    let ailments = server.block_on(shop.db.read(bayader::app::doctor)).expect("the doctor can look");
    assert!(ailments.is_empty(), "the books do not balance: {ailments:?}");
    drop(shop);
    server.block_on(serving.end());
    let bytes = database_bytes(data);
    Ours {
        rate: load.rate(),
        p50_ms: load.percentile(50),
        p99_ms: load.percentile(99),
        group,
        commit_ms,
        bytes_an_order: bytes / orders as f64,
    }
}

fn database_bytes(data: &Path) -> f64 {
    let connection = Connection::open(bayader::db::database_in(data)).expect("a database");
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number") as f64;
    number("pragma page_count") * number("pragma page_size")
}

/// Makes a shop and places one order in it; the statements that wrote it.
async fn place_one(data: &Path) -> Vec<&'static str> {
    // It stands still, so that no job is due while the order is traced.
    let clock = Clock::manual(Clock::system().now());
    let app = common::open_at(data, clock.clone(), bayader::app::Extras::default()).await;
    let listener = tokio::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let (shop, worker) = (Arc::clone(app.shop()), app.worker());
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let serving = tokio::spawn(app.serve(vec![bayader::http::doors::Door::shop(listener)], stopped));
    let baskets = Baskets::of(address, 0).await;
    // Jobs that come by themselves have had their turn, so that only the order is traced.
    clock.advance_ms(1_000);
    worker.run_due().await.expect("the jobs run");
    shop.db.stats().trace_writes();
    let (status, _, body) = common::Line::open(address).await.read(baskets.request(0, 0)).await;
    let placed = shop.db.stats().take_trace();
    assert_eq!(status, StatusCode::CREATED, "{body:?}");
    drop(shop);
    stop.send_replace(true);
    serving.await.expect("it ends in order");
    placed
}

/// One writing statement of an order and where its values come from.
struct Statement {
    sql: &'static str,
    values: Vec<Source>,
}

#[derive(Clone)]
enum Source {
    /// As in the order that was placed.
    Same(Value),
    Order,
    /// The order's id as text, and what stands behind it.
    OrderText(String),
    /// Greater than every id before it.
    NewId,
    /// The n-th of its day, of the kept answers.
    Number,
    Random,
    Now,
    /// Of the order's lines, by turns.
    Product(usize),
}

struct Bare {
    connection: Connection,
    statements: Vec<Statement>,
    products: Vec<Vec<u8>>,
    btree_writes: usize,
    orders: i64,
    ids: u64,
}

impl Bare {
    fn open(data: &Path, placed: &[&'static str]) -> Bare {
        let connection = Connection::open(bayader::db::database_in(data)).expect("a database");
        connection
            .execute_batch(
                "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on; pragma temp_store = memory; \
                 pragma cache_size = -16000;",
            )
            .expect("pragmas");
        let products = products_of(&connection);
        let mut statements: Vec<Statement> = Vec::new();
        let mut btree_writes = 0;
        for sql in placed {
            let earlier = statements.iter().filter(|statement| statement.sql == *sql).count();
            btree_writes += btree_writes_of(&connection, sql);
            statements.push(Statement { sql, values: sources(&connection, sql, earlier) });
        }
        Bare { connection, statements, products, btree_writes, orders: 1, ids: 0 }
    }

    fn run_unmoved(&mut self, group: u32, time: Duration) -> f64 {
        self.connection.pragma_update(None, "wal_autocheckpoint", 0).expect("a pragma");
        let rate = self.run(group, time);
        self.connection.pragma_update(None, "wal_autocheckpoint", 1_000).expect("a pragma");
        self.connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(())).expect("a checkpoint");
        rate
    }

    /// Orders a second.
    fn run(&mut self, group: u32, time: Duration) -> f64 {
        let started = Instant::now();
        let mut orders = 0_u32;
        while started.elapsed() < time {
            self.connection.execute_batch("begin immediate").expect("begun");
            for _ in 0..group {
                self.write_order();
            }
            self.connection.execute_batch("commit").expect("committed");
            orders += group;
        }
        f64::from(orders) / started.elapsed().as_secs_f64()
    }

    fn write_order(&mut self) {
        self.orders += 1;
        let now = now_ms();
        let order = self.new_id(now);
        let text = uuid::Uuid::from_bytes(order).to_string();
        let first = usize::try_from(self.orders).unwrap_or(0) * 7;
        for at in 0..self.statements.len() {
            let values: Vec<Value> = (0..self.statements[at].values.len())
                .map(|value| match self.statements[at].values[value].clone() {
                    Source::Same(value) => value,
                    Source::Order => Value::Blob(order.to_vec()),
                    Source::OrderText(rest) => Value::Text(format!("{text}{rest}")),
                    Source::NewId => Value::Blob(self.new_id(now).to_vec()),
                    Source::Number => Value::Integer(self.orders),
                    Source::Random => Value::Blob(bayader::security::random::quick().to_vec()),
                    Source::Now => Value::Integer(now),
                    Source::Product(step) => Value::Blob(self.products[(first + step * 11) % self.products.len()].clone()),
                })
                .collect();
            let mut statement = self.connection.prepare_cached(self.statements[at].sql).expect("a statement");
            let rows = statement.execute(rusqlite::params_from_iter(values)).expect("written");
            assert_eq!(rows, 1, "{}", self.statements[at].sql);
        }
    }

    /// In order of time, as UUIDv7 are.
    fn new_id(&mut self, now: i64) -> [u8; 16] {
        self.ids += 1;
        let mut id = [0; 16];
        id[..6].copy_from_slice(&now.to_be_bytes()[2..]);
        id[6..14].copy_from_slice(&self.ids.to_be_bytes());
        id
    }
}

fn products_of(connection: &Connection) -> Vec<Vec<u8>> {
    let mut statement = connection.prepare("select id from products order by sku").expect("a statement");
    let ids = statement.query_map([], |row| row.get(0)).expect("products");
    ids.map(|id| id.expect("an id")).collect()
}

fn now_ms() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "the bare side has no clock of the shop's")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(now.as_millis()).expect("before the year 292 million")
}

/// The table, the columns, and what stands for each column's value, of an `insert`.
fn parts_of(sql: &str) -> Option<(&str, Vec<&str>, Vec<&str>)> {
    let (table, rest) = sql.strip_prefix("insert into ")?.split_once(" (")?;
    let (columns, rest) = rest.split_once(") values (")?;
    let (values, _) = rest.split_once(')')?;
    let list = |text| str::split(text, ',').map(str::trim).collect();
    Some((table, list(columns), list(values)))
}

fn sources(connection: &Connection, sql: &str, earlier: usize) -> Vec<Source> {
    if sql.starts_with("update inventory set reserved = reserved + ?2 where product_id = ?1") {
        return vec![Source::Product(earlier), Source::Same(Value::Integer(2))];
    }
    let (table, columns, values) = parts_of(sql).unwrap_or_else(|| panic!("this bench does not know how to repeat: {sql}"));
    // Beside the order's own jobs stand those that come by themselves.
    let of_it = if table == "jobs" {
        "where kind in ('orders.expire_hold', 'notifications.order') order by id"
    } else {
        "order by 1, 2"
    };
    let row = format!("select {} from {table} {of_it} limit 1 offset {earlier}", columns.join(", "));
    let left: Vec<Value> = connection
        .query_row(&row, [], |row| (0..columns.len()).map(|column| row.get(column)).collect())
        .unwrap_or_else(|error| panic!("{row}: {error}"));
    let count = values.iter().filter_map(|value| value.strip_prefix('?')?.parse().ok()).max().unwrap_or(0);
    let mut sources = vec![Source::Same(Value::Null); count];
    for ((column, value), left) in columns.iter().zip(&values).zip(left) {
        let Some(number) = value.strip_prefix('?').and_then(|number| number.parse::<usize>().ok()) else { continue };
        sources[number - 1] = match (table, *column) {
            ("orders", "id") | (_, "order_id") => Source::Order,
            ("orders", "number") | ("idempotent_answers", "id") => Source::Number,
            (_, "id" | "payment_id") => Source::NewId,
            ("jobs", "key") => Source::OrderText(after_the_id(&left)),
            (_, "key_hash" | "request_hash") => Source::Random,
            (_, "created_at" | "updated_at" | "at") => Source::Now,
            (_, "product_id") => Source::Product(earlier),
            _ => Source::Same(left),
        };
    }
    sources
}

/// What stands behind the order's id in the key of its job.
fn after_the_id(key: &Value) -> String {
    let Value::Text(key) = key else { panic!("a job's key is a text: {key:?}") };
    key.split_once('/').map_or_else(String::new, |(_, rest)| format!("/{rest}"))
}

/// A row in its table, and one in each index that takes it; a partial index takes it if its condition holds for the row.
fn btree_writes_of(connection: &Connection, sql: &str) -> usize {
    let Some((table, ..)) = parts_of(sql) else { return 1 };
    let mut indexes = connection
        .prepare("select sql from sqlite_schema where type = 'index' and tbl_name = ?1 and sql is not null")
        .expect("known");
    let indexes = indexes.query_map([table], |row| row.get::<_, String>(0)).expect("indexes");
    let takes_it = |index: &String| {
        let condition = index.split_once(" where ").map_or("true", |(_, condition)| condition);
        let rows: i64 = connection
            .query_row(&format!("select count(*) from {table} where {condition}"), [], |row| row.get(0))
            .expect("a number");
        rows > 0
    };
    1 + indexes.map(|index| index.expect("a text")).filter(takes_it).count()
}
