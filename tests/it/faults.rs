//! A disk that fails and a disk that is full: what is acknowledged is there, the rest is told to be unsure, and the shop goes on
//! by itself once the disk does.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{Client, Folder, Order, Product, Reply, Shop, Spawned, is_there, skipped};

const CLIENTS: usize = 8;
const STOCK: i64 = 100_000;
/// Both, because it depends on how SQLite was built.
const SYNCS: [&str; 2] = ["posix/io/sync/fsync", "posix/io/sync/fdatasync"];
const EIO: u32 = 5;
/// Room for every order that is sent and each message about it: what is refused is refused because of the filler alone.
const DISK: &str = "96m";

/// Makes the syncs of a running server fail, and heal.
struct Disk {
    control: PathBuf,
    process: u32,
}

impl Disk {
    fn tell(&self, options: &[String]) {
        let output = Command::new("fiu-ctrl")
            .arg("-f")
            .arg(&self.control)
            .args(options)
            .arg(self.process.to_string())
            .output()
            .expect("fiu-ctrl starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.trim().is_empty(), "the server's disk could not be told {options:?}: {said}");
    }

    fn fail(&self) {
        self.tell(
            &SYNCS.iter().flat_map(|name| ["-c".to_owned(), format!("enable name={name},failinfo={EIO}")]).collect::<Vec<_>>(),
        );
    }

    /// Each sync fails with that likelihood.
    fn fail_now_and_then(&self, likelihood: &str) {
        let command = |name| format!("enable_random name={name},failinfo={EIO},probability={likelihood}");
        self.tell(&SYNCS.iter().flat_map(|name| ["-c".to_owned(), command(name)]).collect::<Vec<_>>());
    }

    fn heal(&self) {
        self.tell(&SYNCS.iter().flat_map(|name| ["-c".to_owned(), format!("disable name={name}")]).collect::<Vec<_>>());
    }
}

/// An order that was sent, and the answer if one acknowledged it.
struct Sent {
    key: String,
    body: Value,
    answer: Option<Value>,
}

fn order_of(bread: &Product, key: &str) -> Sent {
    let body = json!({
        "items": [{ "productId": bread.id, "quantity": 1 }],
        "customerInfo": { "name": "Huda", "phone": "+962790000003" },
        "paymentMethod": "cash",
    });
    Sent { key: key.to_owned(), body, answer: None }
}

/// Sends an order; whether it was acknowledged. Else the answer must be a 503 that says what is wrong and when to come again.
async fn send(guest: &Client, sent: &mut Sent) -> bool {
    let reply = guest.post("/api/v1/orders").json(&sent.body).key(&sent.key).send().await;
    if reply.status == 201 {
        sent.answer = Some(reply.body);
        return true;
    }
    expect_clear_refusal(&reply);
    false
}

fn expect_clear_refusal(reply: &Reply) {
    assert_eq!(reply.status, 503, "{reply:?}");
    assert!(matches!(reply["code"].as_str(), Some("outcome_unknown" | "storage_unavailable")), "{reply:?}");
    let seconds: Option<u32> = reply.header("retry-after").and_then(|text| text.parse().ok());
    assert!(seconds.is_some_and(|seconds| seconds > 0), "no Retry-After: {:?}", reply.headers);
}

/// Everybody orders `each` times at once.
async fn storm(server: &Spawned, bread: &Product, name: &str, each: usize) -> Vec<Sent> {
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (guest, bread, name) = (server.guest(), bread.clone(), name.to_owned());
        clients.spawn(async move {
            let mut all = Vec::new();
            for n in 0..each {
                let mut sent = order_of(&bread, &format!("{name}-client-{client}-order-{n}"));
                send(&guest, &mut sent).await;
                all.push(sent);
            }
            all
        });
    }
    clients.join_all().await.into_iter().flatten().collect()
}

/// Sends each order again with its key: what was acknowledged gives the same answer, the rest happens now at the latest.
async fn settle(server: &Spawned, all: &mut [Sent]) {
    let guest = server.guest();
    for sent in all {
        let again = guest.post("/api/v1/orders").json(&sent.body).key(&sent.key).send().await.expect(201);
        if let Some(answer) = &sent.answer {
            assert_eq!(again.header("idempotency-replayed"), Some("true"), "an acknowledged order was lost: {answer}");
            assert_eq!(&again.body, answer);
        }
        sent.answer = Some(again.body);
    }
}

/// Each order is there once, and the shelf knows it.
async fn expect_each_once(admin: &Client, bread: &Product, all: &[Sent]) {
    let ids: BTreeSet<&str> = all.iter().filter_map(|sent| sent.answer.as_ref()?["orderId"].as_str()).collect();
    assert_eq!(ids.len(), all.len(), "two keys made one order, or one made none");
    let listed = admin.walk("/api/v1/orders?per_page=100").await;
    let listed: BTreeSet<&str> = listed.iter().filter_map(|order| order["id"].as_str()).collect();
    assert_eq!(listed, ids, "the orders there are, and those that were acknowledged");
    let pieces = i64::try_from(all.len()).expect("not so many");
    assert_eq!(admin.pieces(bread).await, (STOCK, pieces, STOCK - pieces));
}

fn acknowledged(all: &[Sent]) -> usize {
    all.iter().filter(|sent| sent.answer.is_some()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_sync_is_told_and_nothing_acknowledged_is_lost() {
    if !is_there("fiu-run") || !is_there("fiu-ctrl") {
        skipped("a_failing_sync_is_told_and_nothing_acknowledged_is_lost", "fiu-run is not there: apt-get install fiu-utils");
        return;
    }
    let folder = Folder::with_owner();
    let control = folder.path().join("disk");
    let control_text = control.to_str().expect("a UTF-8 path");
    let mut server = Shop::spawn_under(&folder, &["fiu-run", "-x", "-f", control_text]).await;
    let disk = Disk { control: control.clone(), process: server.process() };
    let admin = server.admin().await;
    let bread = server.product(&admin, "Bread").price("1.000").stock(STOCK).create().await;

    let mut all = storm(&server, &bread, "well", 5).await;
    assert_eq!(acknowledged(&all), all.len(), "a whole disk takes everything");

    // Not one sync ends well: nobody may be told that an order was taken, and reading goes on.
    for round in 0..3 {
        disk.fail();
        let failed = storm(&server, &bread, &format!("broken-{round}"), 3).await;
        assert_eq!(acknowledged(&failed), 0, "an order was acknowledged that no disk has taken");
        assert_eq!(server.guest().see("/api/v1/products").await.rows().len(), 1);
        assert!(admin.order_of(&Order::of(&reply_of(&all[0]))).await["orderNumber"].is_string());
        all.extend(failed);
        disk.heal();
        // By itself, without a restart.
        let mut after = vec![order_of(&bread, &format!("healed-{round}-first-order"))];
        assert!(send(&server.guest(), &mut after[0]).await, "the first order after the disk has healed");
        all.extend(after);
    }
    settle(&server, &mut all).await;
    expect_each_once(&admin, &bread, &all).await;

    // Some syncs fail while everybody orders.
    disk.fail_now_and_then("0.3");
    let mixed = storm(&server, &bread, "mixed", 25).await;
    let taken = acknowledged(&mixed);
    println!("{taken} of {} were acknowledged while three of ten syncs failed", mixed.len());
    assert!(taken > 0 && taken < mixed.len(), "{taken} of {}", mixed.len());
    all.extend(mixed);
    disk.heal();
    settle(&server, &mut all).await;
    expect_each_once(&admin, &bread, &all).await;

    // And dead in the middle of it.
    disk.fail_now_and_then("0.3");
    let dying = storm(&server, &bread, "dying", 10).await;
    server.kill();
    server.expect_documented();
    all.extend(dying);
    folder.expect_healthy();
    let mut server = Shop::spawn(&folder).await;
    settle(&server, &mut all).await;
    let admin = server.admin().await;
    expect_each_once(&admin, &bread, &all).await;
    server.expect_documented();
    assert_eq!(server.terminate().await.code(), Some(0));
    folder.expect_healthy();
}

fn reply_of(sent: &Sent) -> Reply {
    Reply {
        asked: sent.key.clone(),
        status: 201,
        headers: reqwest::header::HeaderMap::new(),
        body: sent.answer.clone().expect("it was acknowledged"),
        bytes: Vec::new(),
        text: String::new(),
    }
}

/// A small disk of its own under a folder. Dropped, it is unmounted.
struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    fn mount(at: &Path, size: &str) -> Result<SmallDisk, String> {
        fs::create_dir_all(at).map_err(|error| error.to_string())?;
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size},mode=0700"), "tmpfs"])
            .arg(at)
            .output()
            .map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        Ok(SmallDisk { at: at.to_owned() })
    }

    fn filler(&self) -> PathBuf {
        self.at.join("filler")
    }

    /// Leaves not a byte.
    fn fill(&self) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.filler()).expect("a filler file");
        for size in [1 << 20, 4_096, 1] {
            let block = vec![0_u8; size];
            while file.write_all(&block).is_ok() {}
        }
    }

    fn empty(&self) {
        fs::remove_file(self.filler()).expect("the filler goes");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

/// Orders until some are refused; the log may have room left in what it has already.
async fn expect_refusals(server: &Spawned, bread: &Product, name: &str, all: &mut Vec<Sent>) {
    for round in 0..200 {
        let sent = storm(server, bread, &format!("{name}-{round}"), 3).await;
        let refused = sent.len() - acknowledged(&sent);
        all.extend(sent);
        if refused > 0 {
            return;
        }
    }
    panic!("a full disk has refused nobody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_and_sells_on_once_there_is_room() {
    let folder = Folder::new();
    let disk = match SmallDisk::mount(&folder.data(), DISK) {
        Ok(disk) => disk,
        Err(why) => {
            skipped("a_full_disk_refuses_and_sells_on_once_there_is_room", &format!("no disk could be mounted: {why}"));
            return;
        }
    };
    folder.make_owner();
    let mut server = Shop::spawn(&folder).await;
    let admin = server.admin().await;
    let bread = server.product(&admin, "Bread").price("1.000").stock(STOCK).create().await;
    let mut all = storm(&server, &bread, "well", 5).await;
    assert_eq!(acknowledged(&all), all.len());

    // It fills up while everybody orders.
    let (running, sent_now) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (guest, bread) = (server.guest(), bread.clone());
        let (running, sent_now) = (Arc::clone(&running), Arc::clone(&sent_now));
        clients.spawn(async move {
            let (mut sent, mut n) = (Vec::new(), 0);
            while running.load(Ordering::SeqCst) {
                let mut order = order_of(&bread, &format!("filling-client-{client}-order-{n}"));
                if !send(&guest, &mut order).await {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                sent.push(order);
                sent_now.fetch_add(1, Ordering::SeqCst);
                n += 1;
            }
            sent
        });
    }
    let more = |count: usize| {
        let goal = sent_now.load(Ordering::SeqCst) + count;
        let sent_now = Arc::clone(&sent_now);
        async move {
            while sent_now.load(Ordering::SeqCst) < goal {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    };
    for _ in 0..3 {
        more(100).await;
        disk.fill();
        more(200).await;
        disk.empty();
    }
    more(100).await;
    running.store(false, Ordering::SeqCst);
    let filling: Vec<Sent> = clients.join_all().await.into_iter().flatten().collect();
    println!("{} of {} were acknowledged while the disk filled up three times", acknowledged(&filling), filling.len());
    assert!(acknowledged(&filling) < filling.len(), "a full disk has refused nobody");
    all.extend(filling);

    // Full: refused, but readable.
    disk.fill();
    expect_refusals(&server, &bread, "full", &mut all).await;
    assert_eq!(server.guest().see("/api/v1/products").await.rows().len(), 1);
    disk.empty();
    let mut after = order_of(&bread, "there-is-room-again");
    assert!(send(&server.guest(), &mut after).await, "the first order once there is room");
    all.push(after);
    settle(&server, &mut all).await;
    expect_each_once(&admin, &bread, &all).await;

    // And dead while it is full.
    disk.fill();
    expect_refusals(&server, &bread, "dying", &mut all).await;
    server.kill();
    server.expect_documented();
    disk.empty();
    folder.expect_healthy();
    let mut server = Shop::spawn(&folder).await;
    settle(&server, &mut all).await;
    let admin = server.admin().await;
    expect_each_once(&admin, &bread, &all).await;
    server.expect_documented();
    assert_eq!(server.terminate().await.code(), Some(0));
    folder.expect_healthy();
    drop(disk);
}
