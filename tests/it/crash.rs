//! Sudden death: what was acknowledged is there afterwards, once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::harness::{Client, Folder, Order, Product, Shop};

const DEATHS: usize = 10;
const CLIENTS: usize = 8;
const STOCK: i64 = 100_000;

/// An order that somebody sent, and the answer, if one came.
struct Sent {
    key: String,
    body: Value,
    answer: Option<Value>,
}

/// From `BAYADER_TEST_SEED`, so that a failure can be looked at again.
pub fn seed() -> u64 {
    let given = std::env::var("BAYADER_TEST_SEED").ok().and_then(|text| text.parse().ok());
    #[expect(clippy::disallowed_methods, reason = "a seed that differs from run to run")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
    given.unwrap_or(u64::try_from(now & u128::from(u64::MAX)).expect("64 bits"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_order_survives_ten_sudden_deaths() {
    let seed = seed();
    println!("BAYADER_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = Folder::with_owner();
    let mut server = Shop::spawn(&folder).await;
    let bread = server.product(&server.admin().await, "Bread").price("1.000").stock(STOCK).create().await;
    let mut sent: Vec<Sent> = Vec::new();
    for death in 0..DEATHS {
        let acknowledged = Arc::new(Acknowledged::default());
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (guest, bread, acknowledged) = (server.guest(), bread.clone(), Arc::clone(&acknowledged));
            clients.spawn(keep_ordering(guest, bread, format!("death-{death}-client-{client}"), acknowledged));
        }
        acknowledged.reach(random.random_range(1..40)).await;
        // Somewhere between two answers, not always right after one.
        for _ in 0..random.random_range(0..400) {
            tokio::task::yield_now().await;
        }
        server.kill();
        server.expect_documented();
        let mut now_sent: Vec<Sent> = clients.join_all().await.into_iter().flatten().collect();
        folder.expect_healthy();

        server = Shop::spawn(&folder).await;
        let admin = server.admin().await;
        for order in &mut now_sent {
            settle(&server.guest(), &admin, order).await;
        }
        sent.extend(now_sent);
        let pieces = i64::try_from(sent.len()).expect("not so many");
        assert_eq!(admin.pieces(&bread).await, (STOCK, pieces, STOCK - pieces), "seed {seed}, death {death}");
        assert_eq!(admin.see("/api/v1/orders?per_page=1").await["meta"]["total"], sent.len(), "seed {seed}, death {death}");
    }
    let mut ids: Vec<&str> = sent.iter().filter_map(|order| order.answer.as_ref()?["orderId"].as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), sent.len(), "two keys made one order; seed {seed}");
    server.expect_documented();
    assert_eq!(server.terminate().await.code(), Some(0));
    folder.expect_healthy();
}

/// What was answered is there, and its key gives the same answer; what was not answered happens once when it is sent again.
async fn settle(guest: &Client, admin: &Client, order: &mut Sent) {
    let again = guest.post("/api/v1/orders").json(&order.body).key(&order.key).send().await.expect(201);
    if let Some(answer) = &order.answer {
        assert_eq!(again.header("idempotency-replayed"), Some("true"), "an acknowledged order was lost: {answer}");
        assert_eq!(&again.body, answer);
    }
    let seen = admin.order_of(&Order::of(&again)).await;
    assert_eq!(seen["orderNumber"], again["orderNumber"]);
    order.answer = Some(again.body);
}

/// Orders until the line breaks.
async fn keep_ordering(guest: Client, bread: Product, name: String, acknowledged: Arc<Acknowledged>) -> Vec<Sent> {
    let mut sent = Vec::new();
    for n in 0.. {
        let body = json!({
            "items": [{ "productId": bread.id, "quantity": 1 }],
            "customerInfo": { "name": name, "phone": "+962790000003" },
            "paymentMethod": "cash",
        });
        let key = format!("{name}-order-{n}");
        let answer = guest.post("/api/v1/orders").json(&body).key(&key).try_send().await.ok();
        let broken = answer.is_none();
        let answer = answer.map(|reply| reply.expect(201).body);
        sent.push(Sent { key, body, answer });
        if broken {
            break;
        }
        acknowledged.one_more();
    }
    sent
}

#[derive(Default)]
struct Acknowledged {
    count: AtomicUsize,
    more: Notify,
}

impl Acknowledged {
    fn one_more(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.more.notify_one();
    }

    async fn reach(&self, count: usize) {
        while self.count.load(Ordering::SeqCst) < count {
            self.more.notified().await;
        }
    }
}
