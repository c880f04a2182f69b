//! A machine is lost in the middle of a day: orders flow while a backup is made, everything is destroyed, and an empty folder becomes the
//! shop again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::harness::{Client, Folder, Product, Shop, bayader};

/// Orders that stand before the backup begins, and that come after it has ended.
const BEFORE: usize = 60;
const AFTER: usize = 20;
const BUYERS: usize = 4;
/// Orders in all until the backup has ended: fewer than the 500 numbers that a restored shop leaves out, however long it takes.
const AT_MOST: usize = 440;

/// Orders that the shop has acknowledged, by id: their numbers.
type Known = Arc<Mutex<BTreeMap<String, String>>>;

async fn buy(guest: Client, bread: Arc<Product>, known: Known, stop: Arc<AtomicBool>, backed_up: Arc<AtomicBool>) {
    while !stop.load(Ordering::SeqCst) {
        if known.lock().await.len() >= AT_MOST && !backed_up.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        }
        let layla = json!({ "name": "Layla", "phone": "+962790000001", "email": "layla@example.com" });
        // Who is cut off by the end does not know what became of it.
        let Ok(reply) = guest.order().line(&bread, 1).pickup().field("customerInfo", layla).request().try_send().await else {
            return;
        };
        if reply.status == 201 {
            let text = |name: &str| reply[name].as_str().expect("a text").to_owned();
            known.lock().await.insert(text("orderId"), text("orderNumber"));
        }
    }
}

async fn until(known: &Known, many: usize) -> BTreeMap<String, String> {
    loop {
        let now = known.lock().await.clone();
        if now.len() >= many {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn counter(number: &str) -> i64 {
    number.rsplit_once('-').expect("a counter").1.parse().expect("a number")
}

async fn every_order(admin: &Client) -> BTreeMap<String, String> {
    let text = |order: &Value, name: &str| order[name].as_str().expect("a text").to_owned();
    admin.walk("/api/v1/orders").await.iter().map(|order| (text(order, "id"), text(order, "orderNumber"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_order_up_to_the_backup_is_there_and_no_number_comes_again() {
    let lost = Folder::with_owner();
    let mut shop = Shop::spawn(&lost).await;
    let admin = shop.admin().await;
    let bread = Arc::new(shop.product(&admin, "Bread").price("1.000").stock(100_000).create().await);
    let (known, stop, backed_up) = (Known::default(), Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let buyers: Vec<_> = (0..BUYERS)
        .map(|_| {
            tokio::spawn(buy(shop.guest(), Arc::clone(&bread), Arc::clone(&known), Arc::clone(&stop), Arc::clone(&backed_up)))
        })
        .collect();
    let before = until(&known, BEFORE).await;
    let kept = Folder::new();
    // It leaves the machine, so it is sealed.
    let (file, passphrase) = (kept.path().join("backup"), kept.path().join("passphrase"));
    std::fs::write(&passphrase, "bread and salt\n").expect("written");
    let text = |path: &std::path::Path| path.to_str().expect("a path").to_owned();
    let sealed = ["--passphrase-file".to_owned(), text(&passphrase)];
    let made = {
        let (data, to, sealed) = (lost.data(), text(&file), sealed.clone());
        let create = move || bayader(&data, &["backup", "create", "--to", &to, &sealed[0], &sealed[1]]);
        tokio::task::spawn_blocking(create).await.expect("it ran")
    };
    assert!(made.status.success(), "{made:?}");
    let so_far = known.lock().await.len();
    backed_up.store(true, Ordering::SeqCst);
    let after = until(&known, so_far + AFTER).await;
    shop.kill();
    stop.store(true, Ordering::SeqCst);
    for buyer in buyers {
        buyer.await.expect("a buyer ends");
    }
    let all = known.lock().await.clone();
    drop(lost);

    let fresh = Folder::new();
    let unopened = bayader(&fresh.data(), &["restore", &text(&file)]);
    assert!(String::from_utf8_lossy(&unopened.stderr).contains("sealed"), "{unopened:?}");
    let restored = bayader(&fresh.data(), &["restore", &text(&file), &sealed[0], &sealed[1]]);
    assert!(restored.status.success(), "{restored:?}");
    fresh.expect_healthy();
    let mut shop = Shop::spawn(&fresh).await;
    let admin = shop.admin().await;
    let there = every_order(&admin).await;
    let missing: BTreeSet<&String> = before.keys().filter(|id| !there.contains_key(*id)).collect();
    assert!(missing.is_empty(), "acknowledged before the backup began, and lost: {missing:?}");
    let known_then = there.iter().filter(|(id, _)| all.contains_key(*id)).count();
    assert!(there.len() - known_then <= BUYERS, "those alone that nobody was told of any more may be strange");
    assert!(there.len() < after.len(), "the backup shows its moment, and not what came after it");
    for (id, number) in there.iter().filter(|(id, _)| all.contains_key(*id)) {
        assert_eq!(all[id], *number);
    }
    // Every number that a customer holds stays theirs.
    let next = shop.guest().order().line(&bread, 1).pickup().place().await;
    let next = admin.order_of(&next).await["orderNumber"].as_str().expect("a number").to_owned();
    assert!(!all.values().any(|number| *number == next), "{next} was given before");
    let newest_kept = there.values().map(|number| counter(number)).max().expect("an order");
    assert_eq!(counter(&next), newest_kept + 501);
    let standing = admin.see("/api/v1/admin/restored").await;
    assert!(standing["restoredAt"].is_string(), "{standing:?}");
    shop.expect_documented();
    assert!(shop.terminate().await.success());
    fresh.expect_healthy();
}
