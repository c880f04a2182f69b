//! Staff, the gateway's dashboard, and the gateway's messenger.

use std::sync::Arc;

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::world::World;
use crate::harness::{Reply, Wire};

/// Does what staff do with orders, at random.
pub async fn tend(world: Arc<World>, acts: usize) {
    let mut lots = world.lots(2_000);
    for n in 0..acts {
        // Between two acts of theirs the buyers come first.
        world.reach(world.acts() + lots.random_range(0..4)).await;
        let order = {
            let told = world.told();
            (!told.orders.is_empty()).then(|| told.orders[lots.random_range(0..told.orders.len())].clone())
        };
        let Some(order) = order else { continue };
        let (path, key) = (order.path(), format!("what-staff-do-{n:04}"));
        match lots.random_range(0..24) {
            0..=2 => {
                let amount = lots.random_ratio(1, 2).then(|| format!("0.{}00", lots.random_range(1..9)));
                let body = json!({ "amount": amount });
                let body = if amount.is_some() { body } else { json!({}) };
                act(&world, &mut lots, &format!("{path}/collect"), &body, &key).await;
            }
            3 => {
                act(&world, &mut lots, &format!("{path}/cancel"), &json!({ "reason": "The oven broke" }), &key).await;
            }
            4 => {
                world.told().kept.insert(order.id.clone());
                let body = json!({ "reason": "They were paid already", "refund": false, "restock": true });
                act(&world, &mut lots, &format!("{path}/cancel"), &body, &key).await;
            }
            5 => {
                world.told().forced.insert(order.id.clone());
                let body = json!({ "status": "Confirmed", "force": true, "note": "A friend of the house" });
                world.ask(false, |wire| world.owner.at(wire).put(&format!("{path}/status")).json(&body)).await;
            }
            6..=8 => {
                let to = ["Confirmed", "Preparing", "ReadyForPickup", "Delivered"][lots.random_range(0..4)];
                world
                    .ask(false, |wire| world.owner.at(wire).put(&format!("{path}/status")).json(&json!({ "status": to })))
                    .await;
            }
            9..=11 => refund(&world, &mut lots, &order.id, &key).await,
            12 => refund_a_line(&world, &mut lots, &order.id, &key).await,
            13..=14 => resolve(&world, &mut lots, &key).await,
            15 => refund_outside(&world, &mut lots),
            16..=17 => pay_late(&world, &mut lots),
            18..=19 => end_promise(&world, &mut lots),
            20..=21 => end_refund(&world, &mut lots),
            22 => world.double.refunds_wait(lots.random_ratio(1, 2)),
            _ => {
                world.ask(false, |wire| world.owner.at(wire).get(&path)).await;
            }
        }
    }
}

/// An act with a key is repeated until it was answered; one without may have been done.
async fn act(world: &World, lots: &mut StdRng, path: &str, body: &Value, key: &str) -> Option<Reply> {
    let has_key = lots.random_ratio(2, 3);
    let request = |wire: &Arc<Wire>| {
        let request = world.owner.at(wire).post(path).json(body);
        if has_key { request.key(key) } else { request }
    };
    world.ask(has_key, request).await
}

async fn payments(world: &World, query: &str) -> Vec<Value> {
    let reply = world.ask(true, |wire| world.owner.at(wire).get(&format!("/api/v1/payments?{query}"))).await;
    reply.map(|reply| reply.rows().to_vec()).unwrap_or_default()
}

async fn refund(world: &World, lots: &mut StdRng, order: &str, key: &str) {
    let payments = payments(world, &format!("order_id={order}")).await;
    if payments.is_empty() {
        return;
    }
    let payment = payments[lots.random_range(0..payments.len())]["id"].as_str().expect("an id").to_owned();
    let mut body = json!({ "reason": "Burnt" });
    if lots.random_ratio(2, 3) {
        body["amount"] = json!(format!("0.{:02}0", lots.random_range(1..99)));
    }
    act(world, lots, &format!("/api/v1/payments/{payment}/refund"), &body, key).await;
}

async fn refund_a_line(world: &World, lots: &mut StdRng, order: &str, key: &str) {
    let seen = world.ask(true, |wire| world.owner.at(wire).get(&format!("/api/v1/orders/{order}"))).await;
    let Some(seen) = seen.filter(|seen| seen.status == 200) else { return };
    let (Some(item), Some(payment)) = (seen["items"][0]["id"].as_str(), seen["payments"][0]["id"].as_str()) else { return };
    let items = json!([{ "itemId": item, "quantity": 1, "restock": lots.random_ratio(1, 2) }]);
    let body = json!({ "reason": "One was stale", "items": items });
    act(world, lots, &format!("/api/v1/payments/{payment}/refund"), &body, key).await;
}

async fn resolve(world: &World, lots: &mut StdRng, key: &str) {
    let parked = payments(world, "status=parked").await;
    if parked.is_empty() {
        return;
    }
    let payment = parked[lots.random_range(0..parked.len())]["id"].as_str().expect("an id").to_owned();
    let action = if lots.random_ratio(1, 2) { "accept" } else { "refund" };
    let body = json!({ "action": action, "reason": "They called" });
    act(world, lots, &format!("/api/v1/payments/{payment}/resolve"), &body, key).await;
}

fn refund_outside(world: &World, lots: &mut StdRng) {
    let charges = world.double.all("charge");
    if !charges.is_empty() {
        let charge = charges[lots.random_range(0..charges.len())]["id"].as_str().expect("an id").to_owned();
        world.double.try_refund_in_dashboard(&charge, 10 * lots.random_range(1..200));
    }
}

/// A buyer who left comes back, whatever has become of the order.
fn pay_late(world: &World, lots: &mut StdRng) {
    let mut told = world.told();
    if !told.later.is_empty() {
        let at = lots.random_range(0..told.later.len());
        let link = told.later.swap_remove(at);
        world.double.try_pay(&link, None);
    }
}

fn end_promise(world: &World, lots: &mut StdRng) {
    let mut told = world.told();
    if !told.promised.is_empty() {
        let at = lots.random_range(0..told.promised.len());
        let session = told.promised.swap_remove(at);
        world.double.end_promise(&session, lots.random_ratio(2, 3));
    }
}

fn end_refund(world: &World, lots: &mut StdRng) {
    let waiting: Vec<Value> = world.double.all("refund").into_iter().filter(|refund| refund["status"] == "pending").collect();
    if !waiting.is_empty() {
        let refund = waiting[lots.random_range(0..waiting.len())]["id"].as_str().expect("an id").to_owned();
        world.double.end_refund(&refund, if lots.random_ratio(3, 4) { "succeeded" } else { "failed" });
    }
}

/// The gateway's messages that are under way, some of them several times, some never.
#[derive(Default)]
pub struct Bag {
    messages: Vec<Value>,
}

impl Bag {
    pub fn fill(&mut self, world: &World, lots: &mut StdRng) {
        for event in world.double.events() {
            for _ in 0..lots.random_range(0..6) {
                self.messages.push(event.clone());
            }
        }
    }

    /// Delivers some of what is under way, in any order. What nobody takes comes again, or is lost.
    pub async fn deliver(&mut self, world: &World, lots: &mut StdRng, most: usize) {
        for _ in 0..most.min(self.messages.len()) {
            let at = lots.random_range(0..self.messages.len());
            let event = self.messages.swap_remove(at);
            let path = if lots.random_ratio(1, 2) { "/api/v1/payments/webhook/stripe" } else { "/api/v1/payments/webhook" };
            let wire = world.wire().await;
            let signed_at = world.clock.now();
            let (headers, body) = world.double.signed(&event);
            let request = wire.http.post(format!("{}{path}", wire.base)).headers(headers).body(body);
            let status = request.send().await.map(|reply| reply.status().as_u16());
            // A signature is good for some minutes.
            let is_late = matches!(status, Ok(400)) && world.clock.now() != signed_at;
            assert!(
                is_late || matches!(status, Ok(200 | 503) | Err(_)),
                "seed {}: a message was answered with {status:?}",
                world.seed
            );
            if is_late || !matches!(status, Ok(200)) && lots.random_ratio(2, 3) {
                self.messages.push(event);
            }
        }
    }
}

/// Delivers messages until it is quiet; what is under way then.
pub async fn carry(world: Arc<World>) -> Bag {
    let mut lots = world.lots(3_000);
    let mut bag = Bag::default();
    while !world.is_quiet() {
        bag.fill(&world, &mut lots);
        world.reach(world.acts() + lots.random_range(1..6)).await;
        let most = lots.random_range(0..8);
        bag.deliver(&world, &mut lots, most).await;
    }
    bag
}
