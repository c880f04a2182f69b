//! Buyers: they order, pay, change their mind, come late, pay twice, and ask again when nobody answers.

use std::sync::Arc;

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::world::World;
use crate::harness::{Client, Order, Request, Wire};

const DAY_MS: i64 = 86_400_000;

pub async fn buy(world: Arc<World>, buyer: u64, orders: usize) {
    let mut lots = world.lots(buyer);
    for n in 0..orders {
        Buyer { world: &world, lots: &mut lots, who: None, links: Vec::new() }
            .buy_one(&format!("buyer {buyer}, order {n}"))
            .await;
    }
}

struct Buyer<'w> {
    world: &'w World,
    lots: &'w mut StdRng,
    /// An account, or a guest.
    who: Option<Client>,
    /// Where the shop has sent them for this order.
    links: Vec<String>,
}

impl Buyer<'_> {
    async fn buy_one(&mut self, name: &str) {
        if !self.world.customers.is_empty() && self.lots.random_ratio(1, 4) {
            self.who = Some(self.world.customers[self.lots.random_range(0..self.world.customers.len())].clone());
        }
        let Some(order) = self.place(name).await else { return };
        for turn in 0..self.lots.random_range(1..6) {
            match self.lots.random_range(0..20) {
                0..=13 => self.check_out(&order, &format!("{name}, turn {turn}")).await,
                14 => {
                    let body = json!({ "orderId": order.id, "paymentMethod": "cash" });
                    self.ask_for(&order, "/api/v1/payments/checkout", body).await;
                }
                15 => {
                    let body = json!({ "reason": "I am not hungry any more" });
                    self.ask_for(&order, &format!("{}/cancel", order.path()), body).await;
                }
                16..=17 => self.look(&order).await,
                _ => self.pay_old_link(),
            }
        }
    }

    fn client(&self, wire: &Arc<Wire>) -> Client {
        self.who.as_ref().map_or_else(|| Client::guest(wire), |who| who.at(wire))
    }

    fn with_token(&self, request: Request, order: &Order) -> Request {
        match &order.token {
            Some(token) if self.who.is_none() => request.header("x-order-token", token),
            _ => request,
        }
    }

    async fn place(&mut self, name: &str) -> Option<Order> {
        let key = self.lots.random_ratio(2, 3).then(|| format!("place-{name}").replace([' ', ','], "-"));
        let mut items = Vec::new();
        for product in &self.world.products {
            if items.is_empty() || self.lots.random_ratio(1, 3) {
                items.push(json!({ "productId": product.id, "quantity": self.lots.random_range(1..4) }));
            }
        }
        let mut body = json!({ "items": items, "paymentMethod": "stripe", "notes": name });
        if self.who.is_none() {
            body["customerInfo"] =
                json!({ "name": "Huda", "phone": format!("+96279{:07}", self.lots.random_range(0..9_999_999)) });
        }
        if self.lots.random_ratio(1, 2) {
            let tomorrow = self.world.clock.now().plus_ms(DAY_MS).to_string();
            body["deliveryInfo"] = json!({ "date": tomorrow[..10] });
        }
        let placing = |wire: &Arc<Wire>| {
            self.world.told().placed.entry(name.to_owned()).or_default().sent += 1;
            let request = self.client(wire).post("/api/v1/orders").json(&body);
            if let Some(key) = &key { request.key(key) } else { request }
        };
        self.world.told().placed.entry(name.to_owned()).or_default().has_key = key.is_some();
        let reply = self.world.ask(key.is_some(), placing).await?;
        if reply.status != 201 {
            return None;
        }
        let order = Order::of(&reply);
        let mut told = self.world.told();
        told.placed.entry(name.to_owned()).or_default().ids.insert(order.id.clone());
        told.orders.push(order.clone());
        Some(order)
    }

    async fn check_out(&mut self, order: &Order, name: &str) {
        let flow = if self.lots.random_ratio(2, 3) { "redirect" } else { "elements" };
        let body = json!({ "orderId": order.id, "paymentMethod": "stripe", "paymentDetails": { "flow": flow } });
        let key = self.lots.random_ratio(1, 2).then(|| format!("pay-{name}").replace([' ', ','], "-"));
        for _ in 0..self.lots.random_range(1..4) {
            let paying = |wire: &Arc<Wire>| {
                let request = self.client(wire).post("/api/v1/payments/checkout").json(&body);
                let request = if let Some(key) = &key { request.key(key) } else { request };
                self.with_token(request, order)
            };
            let Some(reply) = self.world.ask(true, paying).await else { return };
            if reply.status == 200 {
                let secret = reply["clientSecret"].as_str().and_then(|secret| secret.split("_secret_").next());
                let session = reply["redirectUrl"].as_str().and_then(|url| url.rsplit('/').next());
                if let Some(link) = session.or(secret) {
                    self.world.told().links.push(link.to_owned());
                    self.links.push(link.to_owned());
                    self.at_the_till(link);
                }
                return;
            }
            if reply.status != 503 && reply.status != 409 {
                return;
            }
        }
    }

    fn at_the_till(&mut self, link: &str) {
        let double = &self.world.double;
        match self.lots.random_range(0..100) {
            0..=39 => self.pay(link),
            40..=49 => {
                double.try_decline(link);
                self.pay(link);
            }
            50..=55 => double.try_decline(link),
            56..=65 => {}
            66..=79 => self.world.told().later.push(link.to_owned()),
            80..=85 => {
                if double.try_promise(link) {
                    self.world.told().promised.push(link.to_owned());
                }
            }
            86..=88 => self.pay_another_amount(link),
            89..=94 => {
                self.pay(link);
                self.pay_old_link();
            }
            _ => {
                if let Some(charge) = double.try_pay(link, None) {
                    double.try_refund_in_dashboard(&charge, 10 * self.lots.random_range(1..200));
                }
            }
        }
    }

    fn pay(&self, link: &str) {
        self.world.double.try_pay(link, None);
    }

    fn pay_another_amount(&mut self, link: &str) {
        let mut told = self.world.told();
        if let Some(charge) = self.world.double.try_pay(link, Some(10 * self.lots.random_range(10..600))) {
            told.lied.insert(charge);
        }
    }

    /// The window that stayed open.
    fn pay_old_link(&mut self) {
        if !self.links.is_empty() {
            let link = self.links[self.lots.random_range(0..self.links.len())].clone();
            self.pay(&link);
        }
    }

    async fn look(&self, order: &Order) {
        self.world.ask(false, |wire| self.with_token(self.client(wire).get(&order.path()), order)).await;
    }

    async fn ask_for(&self, order: &Order, path: &str, body: Value) {
        self.world.ask(true, |wire| self.with_token(self.client(wire).post(path).json(&body), order)).await;
    }
}
