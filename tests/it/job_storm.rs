//! A storm of sudden deaths over background work: hundreds of jobs of several kinds run while the real binary is killed again and again.
//! At the end none is lost and none is done twice: each cause has been told of once, and each message lies in the outbox once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bayader::db;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::crash::seed;
use crate::harness::{Client, Folder, Product, Shop, Spawned};

const DEATHS: usize = 12;
const CLIENTS: usize = 4;
/// Orders; each has a job that makes its message, and a job that sends it. The outbox keeps 500.
const ORDERS: usize = 240;
/// Of those, so many are confirmed too: that is told ten seconds later.
const CONFIRMED: usize = 40;
/// Who has forgotten their password.
const FORGETFUL: usize = 6;
/// How long the last server gets to do what is left: what a death cut off is due at once, what was confirmed last in ten seconds.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);

/// Orders that are still to be placed, by number; what broke off goes back.
type ToPlace = Arc<Mutex<VecDeque<usize>>>;

fn take(left: &ToPlace) -> Option<usize> {
    left.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

/// Places orders until none is left or the line breaks; some are confirmed.
async fn place(guest: Client, admin: Client, bread: Product, left: ToPlace) {
    while let Some(n) = take(&left) {
        let body = json!({
            "items": [{ "productId": bread.id, "quantity": 1 }],
            "customerInfo": { "name": "Huda", "email": format!("huda-{n}@example.com"), "phone": "+962790000003" },
            "paymentMethod": "cash",
        });
        let sent = guest.post("/api/v1/orders").json(&body).key(&format!("storm-of-jobs-order-{n}")).try_send().await;
        let confirmed = match sent {
            Ok(reply) if n < CONFIRMED => {
                let order = reply.expect(201)["orderId"].as_str().expect("an id").to_owned();
                let path = format!("/api/v1/orders/{order}/status");
                match admin.put(&path).json(&json!({ "status": "Confirmed" })).try_send().await {
                    // It was confirmed before the death that cut off the answer.
                    Ok(reply) if reply.status == 409 => true,
                    Ok(reply) => reply.expect(200).status == 200,
                    Err(_) => false,
                }
            }
            Ok(reply) => reply.expect(201).status == 201,
            Err(_) => false,
        };
        if !confirmed {
            left.lock().unwrap_or_else(PoisonError::into_inner).push_front(n);
            return;
        }
    }
}

fn everybody(server: &Spawned, admin: &Client, bread: &Product, left: &ToPlace) -> JoinSet<()> {
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(place(server.guest(), admin.at(&server.wire), bread.clone(), Arc::clone(left)));
    }
    clients
}

/// Numbers of the books, read beside a server or without one.
fn ask(folder: &Folder, sql: &'static str) -> Vec<(String, i64)> {
    db::open_read_only(&folder.data().join("bayader.db"), move |reader| {
        reader.all(sql, &[], |row| Ok((row.get::<String>(0)?, row.get::<i64>(1)?)))
    })
    .expect("the books can be read")
}

fn count(folder: &Folder, sql: &'static str) -> i64 {
    ask(folder, sql).first().map_or(0, |(_, count)| *count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_job_is_lost_or_done_twice_in_a_storm_of_sudden_deaths() {
    let seed = seed();
    println!("BAYADER_TEST_SEED={seed}");
    let mut lots = StdRng::seed_from_u64(seed);
    let folder = Folder::with_owner();
    let mut server = Shop::spawn(&folder).await;
    let admin = server.admin().await;
    let bread = server.product(&admin, "Bread").price("1.000").stock(100_000).create().await;
    for n in 0..FORGETFUL {
        let email = format!("forgetful-{n}@example.com");
        let person = json!({ "name": "Sami", "email": email, "phone": "+962790000009", "password": "olives and thyme at six" });
        server.guest().post("/api/v1/auth/register").json(&person).send().await.expect(201);
    }
    let left: ToPlace = Arc::new(Mutex::new((0..ORDERS).collect()));
    for death in 0..DEATHS {
        let clients = everybody(&server, &admin, &bread, &left);
        if death < FORGETFUL {
            let email = json!({ "email": format!("forgetful-{death}@example.com") });
            server.guest().post("/api/v1/auth/password/forgot").json(&email).send().await.expect(202);
        }
        // A category's new name comes to its products by a job.
        let category = server.guest().see("/api/v1/categories").await.rows()[0].clone();
        let path = format!("/api/v1/categories/{}", category["id"].as_str().expect("an id"));
        let renamed = json!({ "name": format!("Bakery {death}"), "slug": category["slug"] });
        admin.at(&server.wire).put(&path).json(&renamed).send().await.expect(200);
        // Somewhere in the middle of it: jobs are claimed, run and ended all the time.
        for _ in 0..lots.random_range(0..3_000) {
            tokio::task::yield_now().await;
        }
        server.kill();
        server.expect_documented();
        clients.join_all().await;
        server = Shop::spawn(&folder).await;
    }
    everybody(&server, &admin, &bread, &left).join_all().await;
    come_to_rest(&admin.at(&server.wire)).await;
    server.expect_documented();
    assert_eq!(server.terminate().await.code(), Some(0));
    folder.expect_healthy();
    expect_each_once(&folder, seed);
}

/// Until nothing that tells or mends is open any more.
async fn come_to_rest(admin: &Client) {
    let began = Instant::now();
    loop {
        let counts = admin.see("/api/v1/admin/jobs/counts").await;
        let is_open = |row: &&Value| {
            let waits = row["queued"].as_i64().unwrap_or(0) + row["running"].as_i64().unwrap_or(0);
            let kind = row["kind"].as_str().unwrap_or("");
            waits > 0 && (kind == "notifications.order" || kind.starts_with("messages.e") || kind == "catalog.index_category")
        };
        let open: Vec<&Value> = counts.rows().iter().filter(is_open).collect();
        if open.is_empty() {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "jobs are left: {open:?}");
        tokio::time::sleep(LOOK).await;
    }
}

fn expect_each_once(folder: &Folder, seed: u64) {
    let orders = i64::try_from(ORDERS).expect("few");
    assert_eq!(count(folder, "select '', count(*) from orders"), orders, "seed {seed}");
    // Each order's cause was one job, done once: one message that tells of it.
    let causes =
        "select kind || ' ' || key, count(*) from jobs where kind = 'notifications.order' group by 1 having count(*) <> 1";
    assert!(ask(folder, causes).is_empty(), "seed {seed}: {:?}", ask(folder, causes));
    let twice = "select type || ' ' || hex(order_id), count(*) from notifications where order_id is not null \
         group by type, order_id having count(*) <> 1";
    assert!(ask(folder, twice).is_empty(), "seed {seed}: {:?}", ask(folder, twice));
    // Who is placed is told so, unless it was confirmed before that was due: then that tells it.
    let untold = "select hex(o.id), 1 from orders o where not exists (select 1 from notifications n where n.order_id = o.id)";
    assert!(ask(folder, untold).is_empty(), "seed {seed}: {:?}", ask(folder, untold));
    let confirmed = "select '', count(*) from notifications where type = 'order_confirmed'";
    assert_eq!(count(folder, confirmed), i64::try_from(CONFIRMED).expect("few"), "seed {seed}");
    let resets = "select '', count(*) from notifications where type = 'password_reset'";
    assert_eq!(count(folder, resets), i64::try_from(FORGETFUL).expect("few"), "seed {seed}");
    // All have left, and none was sent again although it had arrived: the outbox has a file of each.
    let unsent =
        "select type || ' ' || status, count(*) from notifications where status not in ('sent', 'suppressed') group by 1";
    assert!(ask(folder, unsent).is_empty(), "seed {seed}: {:?}", ask(folder, unsent));
    let sent = count(folder, "select '', count(*) from notifications where status = 'sent'");
    let files = std::fs::read_dir(folder.data().join("outbox")).expect("the outbox");
    let letters =
        files.filter_map(Result::ok).filter(|file| file.path().extension().is_some_and(|ending| ending == "eml")).count();
    assert_eq!(i64::try_from(letters).expect("few"), sent.min(500), "seed {seed}");
    assert_eq!(count(folder, "select '', coalesce(sum(resent), 0) from notifications"), 0, "seed {seed}");
    let dead =
        "select kind || ': ' || coalesce(last_error, ''), count(*) from jobs where status in ('dead', 'running') group by 1";
    assert!(ask(folder, dead).is_empty(), "seed {seed}: {:?}", ask(folder, dead));
    let tries =
        count(folder, "select '', count(*) from jobs where attempts > 1 and kind in ('notifications.order', 'messages.email')");
    println!("seed {seed}: {sent} messages sent, {tries} jobs that a death cut off ran again");
}
