//! Back to a moment: the shop beside a real Litestream, both killed as it comes, and restored out of its replica by the one command.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bayader::args;
use bayader::clock::Clock;
use bayader::db::{self, WriteTx};
use bayader::kernel::{Result, UtcMs};
use bayader::ops::litestream::{Replica, ReplicaFault};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::crash::seed;
use crate::doubles::s3::S3Peer;
use crate::harness::{Client, Folder, Product, Shop, Spawned, is_there, python_peer, skipped};

const LOOK: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(60);
const CLIENTS: usize = 3;

/// A Litestream beside a shop's folder. Dropped, it is killed.
pub struct Litestream {
    child: Option<Child>,
    pub config: PathBuf,
    socket: PathBuf,
    database: PathBuf,
}

impl Drop for Litestream {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Litestream {
    /// `None`, loudly, where it is not installed.
    fn beside(test: &str, folder: &Path, database: PathBuf, replica: &str) -> Option<Litestream> {
        if !is_there(&python_peer("litestream")) {
            skipped(test, "litestream is not there. Install it: tests/peers/install.sh");
            return None;
        }
        let (config, socket) = (folder.join("litestream.yml"), folder.join("litestream.sock"));
        let text = format!(
            "levels: [{{interval: 5s}}, {{interval: 1m}}]\nsocket: {{enabled: true, path: {}}}\ndbs:\n  - path: {}\n    \
             monitor-interval: 200ms\n    replica: {replica}\n",
            socket.display(),
            database.display()
        );
        fs::write(&config, text).expect("a configuration");
        Some(Litestream { child: None, config, socket, database })
    }

    pub fn beside_folder(test: &str, folder: &Folder) -> Option<Litestream> {
        let replica = format!("{{type: file, path: {}, sync-interval: 200ms}}", folder.path().join("replica").display());
        // As the folder's own path is spelled once the shop has taken it.
        Litestream::beside(test, folder.path(), folder.data().join("bayader.db"), &replica)
    }

    pub async fn start(&mut self) {
        // A killed one leaves its socket.
        let _ = fs::remove_file(&self.socket);
        let log = fs::OpenOptions::new().create(true).append(true).open(self.config.with_extension("log")).expect("a log");
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", &python_peer("litestream"), "replicate", "-config"]).arg(&self.config);
        command.env_remove("AWS_CA_BUNDLE").env_remove("HTTP_PROXY").env_remove("HTTPS_PROXY").stdin(Stdio::null());
        self.child = Some(command.stdout(log.try_clone().expect("a handle")).stderr(log).spawn().expect("it starts"));
        let started = Instant::now();
        while !self.socket.exists() {
            assert!(started.elapsed() < PATIENCE, "litestream is not ready:\n{}", self.log());
            tokio::time::sleep(LOOK).await;
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.config.with_extension("log")).unwrap_or_default()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Returns once the replica has everything that was written.
    pub async fn sync(&self) {
        let started = Instant::now();
        loop {
            let mut command = Command::new(python_peer("litestream"));
            command.args(["sync", "-wait", "-timeout", "30", "-socket"]).arg(&self.socket).arg(&self.database);
            let output = command.output().expect("it runs");
            if output.status.success() {
                return;
            }
            // A store that was gone is asked again after a while.
            assert!(started.elapsed() < 2 * PATIENCE, "nothing is replicated: {output:?}\n{}", self.log());
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// `bayader restore --to`, as on a machine where Litestream is on the PATH.
fn restore(folder: &Folder, litestream: &Litestream, to: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bayader"));
    command.args(["restore", "--to", to, "--replica"]).arg(&litestream.config).args(more);
    command.arg("--data-dir").arg(folder.data()).env("PATH", path_with_litestream()).stdin(Stdio::null());
    command.output().expect("the program starts")
}

pub fn path_with_litestream() -> String {
    let folder = Path::new(&python_peer("litestream")).parent().expect("a folder").display().to_string();
    format!("{folder}:{}", std::env::var("PATH").unwrap_or_default())
}

fn restored(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// An order that somebody sent, between these moments; acknowledged if it has an id.
#[derive(Debug)]
struct Sent {
    from: UtcMs,
    until: UtcMs,
    id: Option<String>,
}

/// People who order until they are stopped or the line breaks.
struct People {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    orders: Vec<JoinHandle<Vec<Sent>>>,
}

impl People {
    fn come(server: &Spawned, bread: &Product) -> People {
        let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let order = |_| {
            let (guest, bread, stop, acknowledged) =
                (server.guest(), bread.id.clone(), Arc::clone(&stop), Arc::clone(&acknowledged));
            tokio::spawn(async move { keep_ordering(&guest, &bread, &stop, &acknowledged).await })
        };
        let orders = (0..CLIENTS).map(order).collect();
        People { stop, acknowledged, orders }
    }

    async fn have_ordered(&self, count: usize) {
        let started = Instant::now();
        while self.acknowledged.load(Ordering::SeqCst) < count {
            assert!(started.elapsed() < PATIENCE, "nobody is served");
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn go(self) -> Vec<Sent> {
        self.stop.store(true, Ordering::SeqCst);
        let mut sent = Vec::new();
        for orders in self.orders {
            sent.extend(orders.await.expect("they end"));
        }
        sent
    }
}

async fn keep_ordering(guest: &Client, bread: &str, stop: &AtomicBool, acknowledged: &AtomicUsize) -> Vec<Sent> {
    let clock = Clock::system();
    let body = json!({
        "items": [{ "productId": bread, "quantity": 1 }], "paymentMethod": "cash", "isPickup": true,
        "customerInfo": { "name": "Huda", "phone": "+962790000003" },
    });
    let mut sent = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let from = clock.now();
        let answer = guest.post("/api/v1/orders").json(&body).try_send().await.ok();
        let id = answer.map(|reply| reply.expect(201)["orderId"].as_str().expect("an id").to_owned());
        let is_broken = id.is_none();
        sent.push(Sent { from, until: clock.now(), id });
        if is_broken {
            break;
        }
        acknowledged.fetch_add(1, Ordering::SeqCst);
    }
    sent
}

/// The orders' ids of a folder's books, and the newest moment at which one was taken.
fn orders_in(folder: &Folder) -> (Vec<String>, UtcMs) {
    let books = rusqlite::Connection::open(folder.data().join("bayader.db")).expect("the books");
    let mut ids = books.prepare("select id, created_at from orders").expect("a statement");
    let rows = ids.query_map([], |row| Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, i64>(1)?))).expect("orders");
    let rows: Vec<_> = rows.map(|row| row.expect("a row")).collect();
    let newest = rows.iter().map(|(_, at)| *at).max().unwrap_or(0);
    (rows.iter().map(|(id, _)| uuid::Uuid::from_bytes(*id).to_string()).collect(), UtcMs::from_ms(newest))
}

/// Everything acknowledged before what the restore says is there, and nothing that was sent after what it was asked for.
fn expect_as_at(sent: &[Sent], there: &[String], known: UtcMs, wanted: UtcMs, seed: u64) {
    let is_there = |order: &Sent| order.id.as_ref().is_some_and(|id| there.contains(id));
    let lost: Vec<&Sent> = sent.iter().filter(|order| order.id.is_some() && order.until < known && !is_there(order)).collect();
    assert!(lost.is_empty(), "acknowledged before {known} and not there, seed {seed}: {lost:?}");
    let late: Vec<&Sent> = sent.iter().filter(|order| order.from > wanted && is_there(order)).collect();
    assert!(late.is_empty(), "sent after {wanted} and there, seed {seed}: {late:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_a_shop_goes_back_to_a_chosen_second_whole_and_the_replica_goes_on() {
    let seed = seed();
    println!("BAYADER_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = Folder::with_owner();
    let test = "killed_at_random_a_shop_goes_back_to_a_chosen_second_whole_and_the_replica_goes_on";
    let Some(mut litestream) = Litestream::beside_folder(test, &folder) else { return };
    let mut server = Shop::spawn(&folder).await;
    let bread = server.product(&server.admin().await, "Bread").price("1.000").stock(100_000).create().await;
    litestream.start().await;
    litestream.sync().await;
    let (clock, mut sent) = (Clock::system(), Vec::new());
    let began = clock.now();
    for round in 0..6 {
        let people = People::come(&server, &bread);
        people.have_ordered(random.random_range(20..60)).await;
        let (kills_shop, kills_litestream) = [(false, true), (true, false), (true, true)][round % 3];
        if kills_litestream {
            litestream.kill();
            // What comes while it is dead it finds in the log afterwards.
            let before = people.acknowledged.load(Ordering::SeqCst);
            people.have_ordered(before + random.random_range(1..20)).await;
        }
        if kills_shop {
            server.kill();
        }
        sent.extend(people.go().await);
        if kills_litestream {
            litestream.start().await;
        }
        if kills_shop {
            server = Shop::spawn(&folder).await;
        }
        // So that there is something to choose from.
        let people = People::come(&server, &bread);
        people.have_ordered(20).await;
        sent.extend(people.go().await);
    }
    litestream.sync().await;
    let ended = clock.now();
    let wanted = UtcMs::from_ms(random.random_range(began.ms() + (ended.ms() - began.ms()) / 2..ended.ms()));
    println!("{} orders in {} s, back to {wanted}", sent.len(), (ended.ms() - began.ms()) / 1_000);
    assert_eq!(server.terminate().await.code(), Some(0));

    // Under Litestream's hands nothing is replaced.
    let refused = restore(&folder, &litestream, &wanted.to_string(), &["--yes"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("litestream (") && said.contains("Nothing was changed"), "{said}");
    litestream.kill();
    let refused = restore(&folder, &litestream, &wanted.to_string(), &[]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("With --yes it is kept aside"), "{refused:?}");

    let answer = restored(&restore(&folder, &litestream, &wanted.to_string(), &["--yes", "--json"]));
    let known = UtcMs::parse(answer["asOf"].as_str().expect("a moment")).expect("a moment");
    println!("known at {known}, {} ms before", wanted.ms() - known.ms());
    assert!(known <= wanted, "{answer}");
    let (there, newest) = orders_in(&folder);
    assert!(newest <= wanted, "an order of {newest}");
    expect_as_at(&sent, &there, known, wanted, seed);
    folder.expect_healthy();
    let kept = PathBuf::from(answer["kept"].as_str().expect("the shop of before is kept"));
    assert!(kept.join("bayader.db").exists(), "{}", kept.display());

    // It sells, and what the replica had from before is not forgotten.
    let mut server = Shop::spawn(&folder).await;
    litestream.start().await;
    let people = People::come(&server, &bread);
    people.have_ordered(10).await;
    let later = people.go().await;
    litestream.sync().await;
    assert_eq!(server.terminate().await.code(), Some(0));
    litestream.kill();
    let end = clock.now().plus_ms(3_000).to_string();
    let said = String::from_utf8_lossy(&restore(&folder, &litestream, &end, &["--yes"]).stderr).into_owned();
    assert!(said.contains("has not come yet"), "{said}");
    restored(&restore(&folder, &litestream, &wanted.to_string(), &["--yes", "--json"]));
    let (again, _) = orders_in(&folder);
    expect_as_at(&sent, &again, known, wanted, seed);
    assert!(!later.iter().any(|order| order.id.as_ref().is_some_and(|id| again.contains(id))), "from after {wanted}");
    folder.expect_healthy();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_dies_and_comes_back_has_every_order_and_gives_the_shop_back_to_an_empty_folder() {
    let test = "a_bucket_that_dies_and_comes_back_has_every_order_and_gives_the_shop_back_to_an_empty_folder";
    let folder = Folder::with_owner();
    if !is_there(&python_peer("litestream")) {
        return skipped(test, "litestream is not there. Install it: tests/peers/install.sh");
    }
    let Some(mut store) = S3Peer::start(test).await else { return };
    let of = |name: &str| store.variables().into_iter().find(|(key, _)| key.ends_with(name)).expect("a variable").1;
    // The keys stand where systemd reads them.
    let keys = format!("LITESTREAM_ACCESS_KEY_ID={}\nLITESTREAM_SECRET_ACCESS_KEY={}\n", of("ACCESS_KEY"), of("SECRET_KEY"));
    fs::write(folder.path().join("litestream.env"), &keys).expect("keys");
    let replica = format!(
        "{{type: s3, bucket: {}, path: books, endpoint: \"{}\", region: us-east-1, force-path-style: true, access-key-id: {}, \
         secret-access-key: {}, sync-interval: 200ms}}",
        of("BUCKET"),
        store.endpoint(),
        of("ACCESS_KEY"),
        of("SECRET_KEY")
    );
    let database = folder.data().join("bayader.db");
    let Some(mut litestream) = Litestream::beside(test, folder.path(), database, &replica) else { return };
    let mut server = Shop::spawn(&folder).await;
    let bread = server.product(&server.admin().await, "Bread").price("1.000").stock(100_000).create().await;
    litestream.start().await;
    litestream.sync().await;
    let people = People::come(&server, &bread);
    people.have_ordered(30).await;
    store.kill();
    people.have_ordered(80).await;
    store.start_again().await;
    people.have_ordered(100).await;
    let sent = people.go().await;
    litestream.sync().await;
    let asked = Clock::system().now();
    assert_eq!(server.terminate().await.code(), Some(0));
    litestream.kill();

    // The disk has lost the books, their keys are there.
    for name in ["bayader.db", "bayader.db-wal", "bayader.db-shm"] {
        let _ = fs::remove_file(folder.data().join(name));
    }
    let _ = fs::remove_dir_all(folder.data().join(".bayader.db-litestream"));
    let wanted = asked.plus_ms(2_000);
    while Clock::system().now() <= wanted {
        tokio::time::sleep(LOOK).await;
    }
    restored(&restore(&folder, &litestream, &wanted.to_string(), &["--json"]));
    let (there, _) = orders_in(&folder);
    expect_as_at(&sent, &there, asked, wanted, 0);
    folder.expect_healthy();
}

#[tokio::test]
async fn what_cannot_be_restored_says_why_and_changes_nothing() {
    let folder = Folder::with_owner();
    let Some(mut litestream) = Litestream::beside_folder("what_cannot_be_restored_says_why_and_changes_nothing", &folder)
    else {
        return;
    };
    let said = |output: Output, code: i32| {
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let now = Clock::system().now();
    assert!(
        said(restore(&folder, &litestream, &now.to_string(), &["--yes"]), 1).contains("is empty"),
        "before anything was copied"
    );
    litestream.start().await;
    litestream.sync().await;
    litestream.kill();
    let early = now.plus_ms(-3_600_000).to_string();
    let why = said(restore(&folder, &litestream, &early, &["--yes"]), 1);
    assert!(why.contains("the replica begins at") && why.contains("Nothing was restored"), "{why}");
    assert!(said(restore(&folder, &litestream, "half past", &["--yes"]), 2).contains("is no time"));
    assert!(said(restore(&folder, &litestream, "02:30", &["--yes", "--day", "2026-13-01"]), 2).contains("is no day"));

    let other = Folder::with_owner();
    assert!(said(restore(&other, &litestream, &now.to_string(), &["--yes"]), 1).contains("does not name"));
    fs::rename(folder.data().join("keys"), folder.path().join("keys")).expect("moved");
    let why = said(restore(&folder, &litestream, &now.to_string(), &["--yes"]), 1);
    assert!(why.contains("has no keys/") && why.contains("--files-from"), "{why}");
    fs::rename(folder.path().join("keys"), folder.data().join("keys")).expect("moved");

    let mut without = Command::new(env!("CARGO_BIN_EXE_bayader"));
    without
        .args(["restore", "--to", &early, "--yes", "--replica"])
        .arg(&litestream.config)
        .arg("--data-dir")
        .arg(folder.data());
    let why = said(without.env("PATH", "/nowhere").stdin(Stdio::null()).output().expect("it starts"), 1);
    assert!(why.contains("litestream is not on this machine"), "{why}");
    let missing = Replica::find(Some(Path::new("/nowhere/litestream.yml")), None).expect_err("there is none");
    assert!(matches!(missing, ReplicaFault::NoConfiguration(_)), "{missing}");
    folder.expect_healthy();
    assert!(!folder.data().join("restoring").exists(), "nothing is left");
}

/// So many bytes at once, in a table of tests' own.
struct Fill(usize);

const FILL_BYTES: usize = 400_000;

impl db::Command for Fill {
    const NAME: &'static str = "tests.fill";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        tx.exec("create table if not exists filled (n integer primary key, bytes blob not null) strict", args![])?;
        tx.exec(
            "insert into filled (n, bytes) values (?1, ?2)",
            args![i64::try_from(self.0).expect("small"), vec![7_u8; FILL_BYTES]],
        )?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_stays_short_beside_a_living_and_a_dead_litestream_and_neither_loses_a_row() {
    /// Between two looks of Litestream at most, in MB; and what our writer lets the log grow to where nobody else moves it.
    const STEP: usize = 8;
    const MOST_MB: u64 = 64;
    const ROWS: usize = 250;
    let shop = Shop::open().await;
    let place = tempfile::tempdir().expect("a folder");
    let test = "the_log_stays_short_beside_a_living_and_a_dead_litestream_and_neither_loses_a_row";
    let replica = format!("{{type: file, path: {}, sync-interval: 200ms}}", place.path().join("replica").display());
    let Some(mut litestream) = Litestream::beside(test, place.path(), shop.database(), &replica) else {
        return shop.close().await;
    };
    let log_mb = || fs::metadata(shop.database().with_extension("db-wal")).map_or(0, |log| log.len() / 1_000_000);
    litestream.start().await;
    litestream.sync().await;
    for n in 0..ROWS {
        shop.db().write(Fill(n)).await.expect("written");
        if n % (STEP * 1_000_000 / FILL_BYTES) == 0 {
            litestream.sync().await;
        }
    }
    let beside_a_living = log_mb();
    assert!(beside_a_living < MOST_MB, "{beside_a_living} MB beside a living one\n{}", litestream.log());
    litestream.kill();
    for n in ROWS..2 * ROWS {
        shop.db().write(Fill(n)).await.expect("written");
    }
    let beside_a_dead = log_mb();
    assert!(beside_a_dead < MOST_MB, "{beside_a_dead} MB beside a dead one");
    println!("{} MB written twice; the log had {beside_a_living} MB, and {beside_a_dead} MB", ROWS * FILL_BYTES / 1_000_000);
    litestream.start().await;
    litestream.sync().await;
    let mut take_out = Command::new(python_peer("litestream"));
    take_out.args(["restore", "-config"]).arg(&litestream.config).arg("-o").arg(place.path().join("out.db"));
    let taken = take_out.arg(shop.database()).output().expect("it runs");
    assert!(taken.status.success(), "{taken:?}");
    let out = rusqlite::Connection::open(place.path().join("out.db")).expect("the copy");
    let sql = "select count(*), sum(length(bytes)) from filled";
    let found: (i64, i64) = out.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("a count");
    assert_eq!(found, (i64::try_from(2 * ROWS).expect("a number"), i64::try_from(2 * ROWS * FILL_BYTES).expect("a number")));
    let whole: String = out.query_row("pragma integrity_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(whole, "ok");
    shop.close().await;
}
