//! Products and orders by the public API, as a shop's people make them.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Map, Value, json};

use super::client::{Client, Reply, Request};
use super::{Shop, Spawned};

/// A product on sale.
#[derive(Clone, Debug)]
pub struct Product {
    pub id: String,
    /// As it was answered when it was made.
    pub body: Value,
}

/// An order that was taken.
#[derive(Clone, Debug)]
pub struct Order {
    pub id: String,
    pub number: String,
    /// A guest's.
    pub token: Option<String>,
}

impl Order {
    pub fn of(reply: &Reply) -> Order {
        let text = |name: &str| reply[name].as_str().unwrap_or_else(|| panic!("no {name} in {reply:?}")).to_owned();
        Order { id: text("orderId"), number: text("orderNumber"), token: reply["accessToken"].as_str().map(str::to_owned) }
    }

    pub fn path(&self) -> String {
        format!("/api/v1/orders/{}", self.id)
    }

    pub fn token(&self) -> &str {
        self.token.as_deref().expect("only a guest's order has a token")
    }
}

/// A product before it is made.
pub struct ProductBuilder {
    by: Client,
    body: Map<String, Value>,
}

impl ProductBuilder {
    fn named(by: Client, name: &str) -> ProductBuilder {
        let mut body = Map::new();
        body.insert("name".to_owned(), name.into());
        body.insert("price".to_owned(), "1.000".into());
        ProductBuilder { by, body }
    }

    pub fn price(self, price: &str) -> ProductBuilder {
        self.field("price", price)
    }

    pub fn stock(self, pieces: i64) -> ProductBuilder {
        self.field("stock", pieces)
    }

    pub fn threshold(self, pieces: i64) -> ProductBuilder {
        self.field("stockThreshold", pieces)
    }

    pub fn category(self, slug: &str) -> ProductBuilder {
        self.field("category", slug)
    }

    pub fn field(mut self, name: &str, value: impl Into<Value>) -> ProductBuilder {
        self.body.insert(name.to_owned(), value.into());
        self
    }

    pub async fn create(mut self) -> Product {
        if !self.body.contains_key("category") {
            let by = &self.by;
            by.wire
                .bakery
                .get_or_init(|| async {
                    if !by.see("/api/v1/categories").await.column("slug").contains(&"bakery") {
                        make_category(by, "bakery", "Bakery").await;
                    }
                })
                .await;
            self.body.insert("category".to_owned(), "bakery".into());
        }
        let reply = self.by.post("/api/v1/products").json(&Value::Object(self.body)).send().await.expect(201);
        let id = reply["id"].as_str().expect("a product has an id").to_owned();
        Product { id, body: reply.body }
    }
}

async fn make_category(by: &Client, slug: &str, name: &str) -> Value {
    by.post("/api/v1/categories").json(&json!({ "slug": slug, "name": name })).send().await.expect(201).body
}

impl Shop {
    pub fn product(&self, name: &str) -> ProductBuilder {
        ProductBuilder::named(self.owner(), name)
    }

    pub async fn category(&self, slug: &str, name: &str) -> Value {
        make_category(&self.owner(), slug, name).await
    }
}

impl Spawned {
    pub fn product(&self, by: &Client, name: &str) -> ProductBuilder {
        ProductBuilder::named(by.clone(), name)
    }
}

/// An order before it is placed.
#[derive(Clone)]
pub struct OrderBuilder {
    by: Client,
    lines: Vec<Value>,
    body: Map<String, Value>,
    key: Option<String>,
}

impl OrderBuilder {
    pub fn line(mut self, product: &Product, quantity: i64) -> OrderBuilder {
        self.lines.push(json!({ "productId": product.id, "quantity": quantity }));
        self
    }

    pub fn line_with(mut self, product: &Product, quantity: i64, options: Value) -> OrderBuilder {
        self.lines.push(json!({ "productId": product.id, "quantity": quantity, "options": options }));
        self
    }

    pub fn pickup(self) -> OrderBuilder {
        self.field("isPickup", true)
    }

    pub fn delivery(self) -> OrderBuilder {
        self.field("isPickup", false)
            .field("deliveryInfo", json!({ "address": { "line1": "Rainbow Street 12", "city": "Amman" } }))
    }

    pub fn field(mut self, name: &str, value: impl Into<Value>) -> OrderBuilder {
        self.body.insert(name.to_owned(), value.into());
        self
    }

    pub fn key(mut self, key: &str) -> OrderBuilder {
        self.key = Some(key.to_owned());
        self
    }

    pub fn request(mut self) -> Request {
        self.body.insert("items".to_owned(), std::mem::take(&mut self.lines).into());
        self.bare_request()
    }

    /// Without `items`: what is ordered is said otherwise.
    fn bare_request(self) -> Request {
        let request = self.by.post("/api/v1/orders").json(&Value::Object(self.body));
        match &self.key {
            Some(key) => request.key(key),
            None => request,
        }
    }

    pub async fn send(self) -> Reply {
        self.request().send().await
    }

    /// Sends an order that names a cart, or nothing at all.
    pub async fn send_cart(self) -> Reply {
        self.bare_request().send().await
    }

    pub async fn place(self) -> Order {
        Order::of(&self.send().await.expect(201))
    }
}

/// Guests' phones differ, as people do.
static PHONES: AtomicU32 = AtomicU32::new(0);

impl Client {
    /// A cash order. A guest says who they are, staff give a name, a customer is known.
    pub fn order(&self) -> OrderBuilder {
        let mut body = Map::new();
        body.insert("paymentMethod".to_owned(), "cash".into());
        match self.role() {
            None => {
                let phone = format!("+96279{:07}", 1_000_000 + PHONES.fetch_add(1, Ordering::Relaxed));
                body.insert("customerInfo".to_owned(), json!({ "name": "Huda", "phone": phone }));
            }
            Some("staff" | "admin") => {
                body.insert("customerInfo".to_owned(), json!({ "name": "Huda" }));
            }
            Some(_) => {}
        }
        OrderBuilder { by: self.clone(), lines: Vec::new(), body, key: None }
    }

    pub async fn move_order(&self, order: &Order, to: &str) -> Reply {
        self.put(&format!("{}/status", order.path())).json(&json!({ "status": to })).send().await
    }

    /// Moves an order from state to state; the last answer.
    pub async fn move_order_through(&self, order: &Order, states: &[&str]) -> Value {
        let mut last = Value::Null;
        for state in states {
            last = self.move_order(order, state).await.expect(200).body;
            assert_eq!(last["status"], *state);
        }
        last
    }

    /// The order as this account sees it.
    pub async fn order_of(&self, order: &Order) -> Value {
        self.see(&order.path()).await.body
    }

    /// A product's row of the inventory.
    pub async fn inventory(&self, product: &Product) -> Value {
        let reply = self.see(&format!("/api/v1/inventory?product_id={}", product.id)).await;
        assert_eq!(reply.rows().len(), 1, "{reply:?}");
        reply.rows()[0].clone()
    }

    /// `(stock, reserved, available)` of a product.
    pub async fn pieces(&self, product: &Product) -> (i64, i64, i64) {
        let row = self.inventory(product).await;
        let pieces = |name: &str| row[name].as_i64().unwrap_or_else(|| panic!("no {name} in {row}"));
        (pieces("stock"), pieces("reserved"), pieces("available"))
    }

    /// Every page of a list, by `nextCursor`.
    pub async fn walk(&self, path: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mark = if path.contains('?') { '&' } else { '?' };
            let page = match &cursor {
                None => self.see(path).await,
                Some(cursor) => self.see(&format!("{path}{mark}cursor={cursor}")).await,
            };
            rows.extend(page.rows().iter().cloned());
            match page["meta"]["nextCursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return rows,
            }
        }
    }
}
