//! PayPal on loopback: tokens, orders that a test approves, captures, refunds, certificates. It remembers each call by its
//! `PayPal-Request-Id`, and holds every call and every answer of its own against the published documents.

use std::collections::{HashMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::spec::Spec;

pub const CLIENT_ID: &str = "client";
pub const CLIENT_SECRET: &str = "a-secret-of-paypal";

/// How a call goes wrong, once.
#[derive(Clone, Debug)]
pub enum Mishap {
    /// Nothing is done, and this is answered.
    Answer(u16, Value),
    /// It is done, and then a 500 is answered.
    DoneThen500,
    /// It is done, and never answered.
    DoneThenSilent,
}

/// What PayPal does when it is asked to capture.
#[derive(Clone, Copy, Debug)]
pub enum CaptureAs {
    Completed,
    Pending(&'static str),
    Declined,
    /// The buyer's means of payment is refused: they shall choose another.
    InstrumentDeclined,
}

/// A call as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub operation: &'static str,
    pub path: String,
    pub key: Option<String>,
    pub token: String,
    pub body: String,
    pub prefer: Option<String>,
}

pub struct Double {
    pub url: String,
    books: Arc<Mutex<Books>>,
    serving: JoinHandle<()>,
}

struct Books {
    url: String,
    orders: HashMap<String, Value>,
    /// By the capture's name: the order's, and the capture.
    captures: HashMap<String, (String, Value)>,
    refunds: HashMap<String, Value>,
    by_key: HashMap<String, (u16, Value)>,
    tokens: Vec<String>,
    lives_seconds: u64,
    mishaps: VecDeque<(&'static str, Mishap)>,
    capture_as: CaptureAs,
    refund_as: &'static str,
    page: String,
    certificates: HashMap<String, (u16, String)>,
    seen: Vec<Seen>,
    faults: Vec<String>,
    named: u32,
    documents: [Spec; 2],
}

impl Double {
    pub async fn start() -> Double {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port"));
        let books = Arc::new(Mutex::new(Books::new(&url)));
        let handling = Arc::clone(&books);
        let handle = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let books = Arc::clone(&handling);
            async move { answer(&books, &method, &uri, &headers, &body).await }
        };
        let app = Router::new().fallback(handle);
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") });
        Double { url, books, serving }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("nobody panics with it")
    }

    /// The next call of that operation goes wrong; several wait for their turn.
    pub fn next(&self, operation: &'static str, mishap: Mishap) {
        self.books().mishaps.push_back((operation, mishap));
    }

    /// Takes back a mishap that waits. `false` if none does.
    pub fn skip(&self, operation: &str) -> bool {
        let mut books = self.books();
        let at = books.mishaps.iter().position(|(of, _)| *of == operation);
        at.and_then(|at| books.mishaps.remove(at)).is_some()
    }

    pub fn capture_as(&self, how: CaptureAs) {
        self.books().capture_as = how;
    }

    pub fn refund_as(&self, status: &'static str) {
        self.books().refund_as = status;
    }

    /// Where the buyers are sent from now on; the order's name follows.
    pub fn send_buyers_to(&self, page: &str) {
        page.clone_into(&mut self.books().page);
    }

    pub fn tokens_live(&self, seconds: u64) {
        self.books().lives_seconds = seconds;
    }

    pub fn revoke_tokens(&self) {
        self.books().tokens.clear();
    }

    /// The buyer agrees.
    pub fn approve(&self, order: &str) {
        self.books().orders.get_mut(order).expect("the order is there")["status"] = "APPROVED".into();
    }

    pub fn order(&self, order: &str) -> Value {
        self.books().orders[order].clone()
    }

    pub fn set_order(&self, order: &str, change: impl FnOnce(&mut Value)) {
        change(self.books().orders.get_mut(order).expect("the order is there"));
    }

    pub fn forget_order(&self, order: &str) {
        self.books().orders.remove(order);
    }

    /// Staff refund at PayPal, by hand.
    pub fn refund_by_hand(&self, capture: &str, value: &str) -> Value {
        let mut books = self.books();
        let custom = books.captures[capture].1["custom_id"].clone();
        let currency = books.captures[capture].1["amount"]["currency_code"].clone();
        let asked = json!({ "amount": { "currency_code": currency, "value": value }, "custom_id": custom });
        books.refund(capture, &asked).1
    }

    pub fn certificate(&self, name: &str, status: u16, body: &str) -> String {
        self.books().certificates.insert(name.to_owned(), (status, body.to_owned()));
        format!("{}/v1/notifications/certs/{name}", self.url)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.books().seen.clone()
    }

    pub fn count(&self, operation: &str) -> usize {
        self.books().seen.iter().filter(|seen| seen.operation == operation).count()
    }

    /// Nothing was said on either side that the published documents do not know.
    pub fn close(self) {
        self.serving.abort();
        let faults = self.books().faults.join("\n");
        assert!(faults.is_empty(), "{faults}");
    }
}

async fn answer(books: &Mutex<Books>, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Response {
    let outcome = books.lock().expect("nobody panics with it").answer(method, uri, headers, body);
    let Some((status, text)) = outcome else { return std::future::pending().await };
    let status = StatusCode::from_u16(status).expect("a status");
    let mut reply = (status, text).into_response();
    reply.headers_mut().insert("content-type", "application/json".parse().expect("a value"));
    reply.headers_mut().insert("paypal-debug-id", "f5a0d1c2b3e4".parse().expect("a value"));
    if status.is_redirection() {
        reply.headers_mut().insert("location", "/v1/notifications/certs/other".parse().expect("a value"));
    }
    reply
}

fn issue(name: &str, issue: &str, link: Option<String>) -> Value {
    let mut body = json!({
        "name": name,
        "message": "The requested action could not be performed.",
        "debug_id": "f5a0d1c2b3e4",
        "details": [{ "issue": issue, "description": format!("About {issue}.") }],
        "links": [{ "href": "https://developer.paypal.com/docs", "rel": "information_link", "method": "GET" }],
    });
    if let Some(href) = link {
        body["links"].as_array_mut().expect("it is there").push(json!({ "href": href, "rel": "redirect", "method": "GET" }));
    }
    body
}

pub fn refused(code: &str) -> Mishap {
    Mishap::Answer(422, issue("UNPROCESSABLE_ENTITY", code, None))
}

impl Books {
    fn new(url: &str) -> Books {
        Books {
            url: url.to_owned(),
            orders: HashMap::new(),
            captures: HashMap::new(),
            refunds: HashMap::new(),
            by_key: HashMap::new(),
            tokens: Vec::new(),
            lives_seconds: 32_400,
            mishaps: VecDeque::new(),
            capture_as: CaptureAs::Completed,
            refund_as: "COMPLETED",
            page: "https://www.sandbox.paypal.com/checkoutnow?token=".to_owned(),
            certificates: HashMap::new(),
            seen: Vec::new(),
            faults: Vec::new(),
            named: 0,
            // `custom_id` of a refund is newer than the document.
            documents: [Spec::of("paypal-checkout_orders_v2.json", &[]), Spec::of("paypal-payments_payment_v2.json", &[])],
        }
    }

    fn name(&mut self, kind: &str) -> String {
        self.named += 1;
        format!("{kind}{:012}", self.named)
    }

    /// `None` is silence.
    fn answer(&mut self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Option<(u16, String)> {
        let path = uri.path().to_owned();
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        if let ["v1", "notifications", "certs", name] = parts[..] {
            self.see("certificate", &path, header);
            return Some(self.certificates.get(name).cloned().unwrap_or((404, String::new())));
        }
        let operation = match (method.as_str(), &parts[..]) {
            ("POST", ["v1", "oauth2", "token"]) => "token",
            ("POST", ["v2", "checkout", "orders"]) => "create",
            ("GET", ["v2", "checkout", "orders", _]) => "order",
            ("POST", ["v2", "checkout", "orders", _, "capture"]) => "capture",
            ("GET", ["v2", "payments", "captures", _]) => "capture_read",
            ("POST", ["v2", "payments", "captures", _, "refund"]) => "refund",
            ("GET", ["v2", "payments", "refunds", _]) => "refund_read",
            _ => {
                self.faults.push(format!("{method} {path}: no such call"));
                return Some((404, json!({ "name": "NOT_FOUND", "message": "" }).to_string()));
            }
        };
        self.see(operation, &path, header);
        self.seen.last_mut().expect("it is there").body = String::from_utf8(body.to_vec()).expect("text");
        let mishap = self.mishaps.iter().position(|(of, _)| *of == operation).and_then(|at| self.mishaps.remove(at));
        if let Some((_, Mishap::Answer(status, body))) = &mishap {
            return Some((*status, if body.is_null() { "<html>".to_owned() } else { body.to_string() }));
        }
        if operation == "token" {
            return Some(self.token(header("authorization"), body));
        }
        let token = header("authorization").unwrap_or_default();
        if !self.tokens.iter().any(|known| token == format!("Bearer {known}")) {
            return Some((
                401,
                json!({ "error": "invalid_token", "error_description": "Token signature verification failed" }).to_string(),
            ));
        }
        let asked = (!body.is_empty()).then(|| serde_json::from_slice::<Value>(body).expect("a JSON body"));
        let document = usize::from(path.starts_with("/v2/payments"));
        let faults = self.documents[document].json_faults(method.as_str(), &path, uri.query().unwrap_or(""), asked.as_ref());
        self.faults.extend(faults);
        let key = header("paypal-request-id");
        if (method == Method::POST) != key.as_ref().is_some_and(|key| (1..=108).contains(&key.len())) {
            self.faults.push(format!("{method} {path}: a key for a POST alone"));
        }
        let (status, reply) = self.once(operation, &parts, key, asked.unwrap_or_default());
        if status < 400 {
            self.faults.extend(self.documents[document].answer_faults(method.as_str(), &path, status, &reply));
        }
        match mishap {
            Some((_, Mishap::DoneThen500)) => Some((
                500,
                json!({ "name": "INTERNAL_SERVER_ERROR", "message": "An internal server error has occurred." }).to_string(),
            )),
            Some((_, Mishap::DoneThenSilent)) => None,
            _ => Some((status, reply.to_string())),
        }
    }

    fn see(&mut self, operation: &'static str, path: &str, header: impl Fn(&str) -> Option<String>) {
        self.seen.push(Seen {
            operation,
            path: path.to_owned(),
            key: header("paypal-request-id"),
            token: header("authorization").unwrap_or_default(),
            body: String::new(),
            prefer: header("prefer"),
        });
    }

    fn token(&mut self, authorization: Option<String>, body: &Bytes) -> (u16, String) {
        use base64::Engine as _;
        let right = base64::engine::general_purpose::STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
        if body != "grant_type=client_credentials" {
            self.faults.push(format!("a token is asked for with {body:?}"));
        }
        if authorization != Some(format!("Basic {right}")) {
            let body = json!({ "error": "invalid_client", "error_description": "Client Authentication failed" });
            return (401, body.to_string());
        }
        let token = self.name("TOKEN");
        self.tokens.push(token.clone());
        let body = json!({ "access_token": token, "token_type": "Bearer", "expires_in": self.lives_seconds });
        (200, body.to_string())
    }

    /// What was done under a key is answered again, and a creation then with 200.
    fn once(&mut self, operation: &str, parts: &[&str], key: Option<String>, asked: Value) -> (u16, Value) {
        if let Some((_, reply)) = key.as_ref().and_then(|key| self.by_key.get(key)) {
            return (if operation == "refund" { 201 } else { 200 }, reply.clone());
        }
        let (status, reply) = match (operation, parts) {
            ("create", _) => self.create(&asked),
            ("order", [_, _, _, id]) => self.orders.get(*id).map_or_else(not_found, |order| (200, order.clone())),
            ("capture", [_, _, _, id, _]) => self.capture(id),
            ("capture_read", [_, _, _, id]) => self.captures.get(*id).map_or_else(not_found, |(_, it)| (200, it.clone())),
            ("refund", [_, _, _, id, _]) => self.refund(id, &asked),
            ("refund_read", [_, _, _, id]) => self.refunds.get(*id).map_or_else(not_found, |it| (200, it.clone())),
            _ => unreachable!("every operation is above"),
        };
        if let Some(key) = key.filter(|_| status < 400) {
            self.by_key.insert(key, (status, reply.clone()));
        }
        (status, reply)
    }

    fn create(&mut self, asked: &Value) -> (u16, Value) {
        let invoice = &asked["purchase_units"][0]["invoice_id"];
        if self.orders.values().any(|order| order["purchase_units"][0]["invoice_id"] == *invoice) {
            return (422, issue("UNPROCESSABLE_ENTITY", "DUPLICATE_INVOICE_ID", None));
        }
        let id = self.name("ORDER");
        let order = json!({
            "id": id,
            "intent": "CAPTURE",
            "status": "PAYER_ACTION_REQUIRED",
            "purchase_units": asked["purchase_units"],
            "create_time": "2026-11-25T08:00:00Z",
            "links": [
                { "href": format!("{}/v2/checkout/orders/{id}", self.url), "rel": "self", "method": "GET" },
                { "href": format!("{}{id}", self.page), "rel": "payer-action", "method": "GET" },
            ],
        });
        self.orders.insert(id, order.clone());
        (201, order)
    }

    fn capture(&mut self, id: &str) -> (u16, Value) {
        let Some(mut order) = self.orders.get(id).cloned() else { return not_found() };
        let refuse = |code| (422, issue("UNPROCESSABLE_ENTITY", code, None));
        match order["status"].as_str() {
            Some("APPROVED") => {}
            Some("COMPLETED") => return refuse("ORDER_ALREADY_CAPTURED"),
            _ => return refuse("ORDER_NOT_APPROVED"),
        }
        let (status, reason) = match self.capture_as {
            CaptureAs::Completed => ("COMPLETED", None),
            CaptureAs::Pending(reason) => ("PENDING", Some(reason)),
            CaptureAs::Declined => ("DECLINED", None),
            CaptureAs::InstrumentDeclined => {
                order["status"] = "PAYER_ACTION_REQUIRED".into();
                self.orders.insert(id.to_owned(), order);
                return (422, issue("UNPROCESSABLE_ENTITY", "INSTRUMENT_DECLINED", Some(format!("{}{id}", self.page))));
            }
        };
        let name = self.name("CAPTURE");
        let unit = &order["purchase_units"][0];
        let amount = unit["amount"].clone();
        let mut capture = json!({
            "id": name,
            "status": status,
            "amount": amount,
            "final_capture": true,
            "custom_id": unit["custom_id"],
            "invoice_id": unit["invoice_id"],
            "links": [
                { "href": format!("{}/v2/payments/captures/{name}", self.url), "rel": "self", "method": "GET" },
                { "href": format!("{}/v2/checkout/orders/{id}", self.url), "rel": "up", "method": "GET" },
            ],
        });
        if let Some(reason) = reason {
            capture["status_details"] = json!({ "reason": reason });
        } else if status == "COMPLETED" {
            let fee = json!({ "currency_code": amount["currency_code"], "value": "0.51" });
            capture["seller_receivable_breakdown"] = json!({ "gross_amount": amount, "paypal_fee": fee, "net_amount": amount });
        }
        order["status"] = "COMPLETED".into();
        order["purchase_units"][0]["payments"] = json!({ "captures": [capture] });
        self.captures.insert(name, (id.to_owned(), capture));
        self.orders.insert(id.to_owned(), order.clone());
        (201, order)
    }

    fn refund(&mut self, id: &str, asked: &Value) -> (u16, Value) {
        let Some((order, mut capture)) = self.captures.get(id).cloned() else { return not_found() };
        let cents = |value: &Value| value["value"].as_str().expect("a value").replace('.', "").parse::<i64>().expect("cents");
        let given = |it: &Value| {
            it["amount"]["value"] != Value::Null && it["links"][1]["href"].as_str().expect("it is there").ends_with(id)
        };
        let alive = self.refunds.values().filter(|it| given(it) && it["status"] != "FAILED" && it["status"] != "CANCELLED");
        let before: i64 = alive.map(|it| cents(&it["amount"])).sum();
        let (whole, wanted) = (cents(&capture["amount"]), cents(&asked["amount"]));
        if before == whole {
            return (422, issue("UNPROCESSABLE_ENTITY", "CAPTURE_FULLY_REFUNDED", None));
        }
        if before + wanted > whole {
            return (422, issue("UNPROCESSABLE_ENTITY", "REFUND_AMOUNT_EXCEEDED", None));
        }
        let name = self.name("REFUND");
        let mut refund = json!({
            "id": name,
            "status": self.refund_as,
            "amount": asked["amount"],
            "custom_id": asked["custom_id"],
            "links": [
                { "href": format!("{}/v2/payments/refunds/{name}", self.url), "rel": "self", "method": "GET" },
                { "href": format!("{}/v2/payments/captures/{id}", self.url), "rel": "up", "method": "GET" },
            ],
        });
        for field in ["invoice_id", "note_to_payer"] {
            if asked[field].is_string() {
                refund[field] = asked[field].clone();
            }
        }
        capture["status"] = if before + wanted == whole { "REFUNDED" } else { "PARTIALLY_REFUNDED" }.into();
        let there = self.orders.get_mut(&order).expect("its order");
        let payments = &mut there["purchase_units"][0]["payments"];
        payments["captures"][0] = capture.clone();
        if payments["refunds"].is_null() {
            payments["refunds"] = json!([]);
        }
        payments["refunds"].as_array_mut().expect("it is there").push(refund.clone());
        self.captures.insert(id.to_owned(), (order, capture));
        self.refunds.insert(name, refund.clone());
        (201, refund)
    }
}

fn not_found() -> (u16, Value) {
    (404, issue("RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID", None))
}
