//! Paymob as PROVIDERS 4 tells it. No published document exists, so each request is held against its table, field by field.

use std::sync::{Arc, Mutex, MutexGuard};

use aws_lc_rs::hmac;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::faults::{Fault, Script, json as answer, serve, with};

pub const SECRET_KEY: &str = "egy_sk_test_5e5e5e5e5e5e5e5e";
pub const PUBLIC_KEY: &str = "egy_pk_test_9a9a9a9a9a9a9a9a";
pub const API_KEY: &str = "api-key-77aa";
pub const HMAC_SECRET: &str = "9F3C2A7B5D1E4F60BAYADERTESTHMAC01";
pub const INTEGRATION: u64 = 4_097_558;

pub const INTENTION: &str = "/v1/intention/";
pub const TOKENS: &str = "/api/auth/tokens";
pub const INQUIRY: &str = "/api/ecommerce/orders/transaction_inquiry";
pub const TRANSACTION: &str = "/api/acceptance/transactions/{id}";
pub const REFUND: &str = "/api/acceptance/void_refund/refund";

/// What happens when somebody tries to pay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Try {
    Approved,
    Declined,
    Pending,
    AuthorisedOnly,
}

#[derive(Clone, Debug)]
struct Intention {
    order: u64,
    amount: i64,
    currency: String,
    reference: String,
}

#[derive(Default, Debug)]
struct Books {
    script: Script,
    intentions: Vec<Intention>,
    /// As the callbacks carry them.
    transactions: Vec<Value>,
    tokens: usize,
    /// The number of the token that is taken.
    good_token: usize,
    is_wrapped: bool,
    has_texts: bool,
    refunds_later: bool,
}

#[derive(Clone)]
struct Server {
    books: Arc<Mutex<Books>>,
}

pub struct PaymobDouble {
    server: Server,
    pub url: String,
    task: JoinHandle<()>,
}

impl Drop for PaymobDouble {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("no test panicked in it")
    }
}

impl PaymobDouble {
    pub async fn start() -> PaymobDouble {
        let server = Server { books: Arc::default() };
        let router = Router::new()
            .route(INTENTION, post(make_intention))
            .route(TOKENS, post(make_token))
            .route(INQUIRY, post(inquire))
            .route(TRANSACTION, get(one_transaction))
            .route(REFUND, post(refund))
            .with_state(server.clone());
        let (address, task) = serve(router).await;
        PaymobDouble { server, url: format!("http://{address}"), task }
    }

    pub fn next(&self, path: &'static str, faults: &[Fault]) {
        self.server.books().script.next(path, faults);
    }

    pub fn count(&self, path: &str) -> usize {
        self.server.books().script.count(path)
    }

    pub fn last(&self, path: &str) -> Value {
        self.server.books().script.last(path)
    }

    pub fn intentions(&self) -> usize {
        self.server.books().intentions.len()
    }

    /// Tokens that were given are not taken any more.
    pub fn forget_tokens(&self) {
        self.server.books().good_token = usize::MAX;
    }

    /// Answers come as `{"type": .., "obj": ..}`, and flags as texts.
    pub fn answer_oddly(&self) {
        let mut books = self.server.books();
        (books.is_wrapped, books.has_texts) = (true, true);
    }

    /// Refunds stay pending until [`PaymobDouble::finish_refund`].
    pub fn refund_later(&self) {
        self.server.books().refunds_later = true;
    }

    /// Somebody tries to pay; the transaction's number.
    pub fn try_to_pay(&self, order: &str, what: Try) -> String {
        let mut books = self.server.books();
        let number: u64 = order.trim_start_matches("order:").parse().expect("an order's number");
        let intention = books.intentions.iter().find(|one| one.order == number).expect("an intention").clone();
        let id = 192_036_465 + books.transactions.len() as u64;
        let is_declined = what == Try::Declined;
        let transaction = json!({
            "id": id,
            "pending": what == Try::Pending,
            "amount_cents": intention.amount,
            "success": matches!(what, Try::Approved | Try::AuthorisedOnly),
            "is_auth": what == Try::AuthorisedOnly,
            "is_capture": false,
            "is_standalone_payment": true,
            "is_voided": false,
            "is_refunded": false,
            "is_3d_secure": true,
            "integration_id": INTEGRATION,
            "has_parent_transaction": false,
            "order": { "id": number, "merchant_order_id": intention.reference },
            "created_at": "2026-11-25T08:01:02.592345",
            "currency": intention.currency,
            "source_data": { "pan": "2346", "type": "card", "sub_type": "MasterCard" },
            "is_void": false,
            "is_refund": false,
            "data": if is_declined { json!({ "message": "Do not honour", "txn_response_code": "5" }) }
                else { json!({ "message": "Approved", "txn_response_code": "APPROVED" }) },
            "error_occured": false,
            "refunded_amount_cents": 0,
            "captured_amount": 0,
            "owner": 302_852,
            "parent_transaction": null,
            "billing_data": { "first_name": "Rania", "phone_number": "+201000000000" },
        });
        books.transactions.push(transaction);
        id.to_string()
    }

    /// A transaction as somebody else has written it down.
    pub fn keep(&self, obj: Value) {
        self.server.books().transactions.push(obj);
    }

    /// The account's owner gives back in the dashboard; the child's number.
    pub fn refund_in_dashboard(&self, transaction: &str, cents: i64) -> String {
        self.server.books().give_back(transaction, cents, true).to_string()
    }

    pub fn void(&self, transaction: &str) {
        self.server.books().find(transaction).expect("a transaction")["is_voided"] = true.into();
    }

    pub fn capture_in_dashboard(&self, transaction: &str, cents: i64) {
        self.server.books().find(transaction).expect("a transaction")["captured_amount"] = cents.into();
    }

    /// A pending refund ends.
    pub fn finish_refund(&self, child: &str, is_success: bool) {
        let mut books = self.server.books();
        let child = books.find(child).expect("a child");
        (child["pending"], child["success"]) = (false.into(), is_success.into());
        let (parent, cents) = (child["parent_transaction"].to_string(), child["amount_cents"].as_i64().expect("cents"));
        if is_success {
            books.raise(&parent, cents);
        }
    }

    /// What was given back of a transaction, in its smallest units.
    pub fn given_back(&self, transaction: &str) -> i64 {
        self.server.books().find(transaction).expect("a transaction")["refunded_amount_cents"].as_i64().expect("cents")
    }

    /// A transaction's callback: query and body.
    pub fn callback(&self, transaction: &str) -> (String, String) {
        let obj = self.server.books().find(transaction).expect("a transaction").clone();
        let text = |path: &str| match path.split('.').fold(&obj, |value, name| &value[name]) {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let joined: String = [
            "amount_cents",
            "created_at",
            "currency",
            "error_occured",
            "has_parent_transaction",
            "id",
            "integration_id",
            "is_3d_secure",
            "is_auth",
            "is_capture",
            "is_refunded",
            "is_standalone_payment",
            "is_voided",
            "order.id",
            "owner",
            "pending",
            "source_data.pan",
            "source_data.sub_type",
            "source_data.type",
            "success",
        ]
        .into_iter()
        .map(text)
        .collect();
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, HMAC_SECRET.as_bytes()), joined.as_bytes());
        (format!("hmac={}", hex::encode(tag)), json!({ "type": "TRANSACTION", "obj": obj }).to_string())
    }

    /// What was sent there is what PROVIDERS knows.
    pub fn close(self) {
        let complaints = self.server.books().script.complaints.clone();
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
}

impl Books {
    fn find(&mut self, id: &str) -> Option<&mut Value> {
        self.transactions.iter_mut().find(|one| one["id"].as_u64() == id.parse().ok())
    }

    fn raise(&mut self, id: &str, cents: i64) {
        let parent = self.find(id).expect("a parent");
        let total = parent["refunded_amount_cents"].as_i64().expect("cents") + cents;
        let is_whole = parent["amount_cents"].as_i64() == Some(total);
        (parent["refunded_amount_cents"], parent["is_refunded"]) = (total.into(), is_whole.into());
    }

    fn give_back(&mut self, id: &str, cents: i64, at_once: bool) -> u64 {
        let child_id = 192_040_000 + self.transactions.len() as u64;
        let mut child = self.find(id).expect("a transaction").clone();
        let parent: u64 = id.parse().expect("a number");
        for (name, value) in [
            ("id", json!(child_id)),
            ("amount_cents", json!(cents)),
            ("parent_transaction", json!(parent)),
            ("has_parent_transaction", json!(true)),
            ("is_refund", json!(true)),
            ("success", json!(at_once)),
            ("pending", json!(!at_once)),
            ("refunded_amount_cents", json!(0)),
            ("is_refunded", json!(false)),
        ] {
            child[name] = value;
        }
        self.transactions.push(child);
        if at_once {
            self.raise(id, cents);
        }
        child_id
    }

    /// A transaction as it is answered.
    fn told(&self, transaction: &Value) -> Value {
        let mut told = transaction.clone();
        if self.has_texts {
            for value in told.as_object_mut().expect("an object").values_mut() {
                if let Value::Bool(flag) = value {
                    *value = flag.to_string().into();
                }
            }
        }
        if self.is_wrapped { json!({ "type": "TRANSACTION", "obj": told }) } else { told }
    }

    fn is_asked_rightly(&self, headers: &HeaderMap) -> bool {
        headers.get("authorization").is_some_and(|value| value == &format!("Bearer token-{}", self.good_token))
    }
}

fn detail(status: StatusCode, detail: &str) -> Response {
    answer(status, &json!({ "detail": detail }))
}

fn is_key(headers: &HeaderMap) -> bool {
    headers.get("authorization").is_some_and(|value| value == &format!("Token {SECRET_KEY}"))
}

async fn make_intention(State(server): State<Server>, headers: HeaderMap, body: Bytes) -> Response {
    const FIELDS: &[&str] = &[
        "amount",
        "currency",
        "payment_methods",
        "special_reference",
        "expiration",
        "items",
        "billing_data",
        "notification_url",
        "redirection_url",
    ];
    const BILL: &[&str] = &[
        "first_name",
        "last_name",
        "phone_number",
        "email",
        "street",
        "building",
        "floor",
        "apartment",
        "city",
        "state",
        "country",
        "postal_code",
    ];
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let fault = {
        let mut books = server.books();
        let fault = books.script.take(INTENTION, &body);
        if !is_key(&headers) {
            return detail(StatusCode::UNAUTHORIZED, "Invalid token.");
        }
        let script = &mut books.script;
        script.check_fields(INTENTION, &body, FIELDS);
        script.check_fields("billing_data", &body["billing_data"], BILL);
        let bill = body["billing_data"].as_object().cloned().unwrap_or_default();
        let is_filled = bill.values().all(|value| value.as_str().is_some_and(|text| !text.is_empty()));
        script.check(is_filled, || format!("an empty field of the bill: {bill:?}"));
        let items = body["items"].as_array().cloned().unwrap_or_default();
        let sum: i64 =
            items.iter().map(|item| item["amount"].as_i64().unwrap_or(0) * item["quantity"].as_i64().unwrap_or(0)).sum();
        script.check(!items.is_empty() && body["amount"].as_i64() == Some(sum), || "the items do not add up".to_owned());
        script.check(items.iter().all(|item| item["name"].is_string()), || "an item without a name".to_owned());
        script.check(body["expiration"].as_i64().is_some_and(|seconds| seconds >= 60), || "expiration".to_owned());
        script.check(body["special_reference"].as_str().is_some_and(|id| id.len() == 36), || "special_reference".to_owned());
        let links = ["notification_url", "redirection_url"].map(|name| body[name].as_str().unwrap_or_default().to_owned());
        script.check(links.iter().all(|link| link.starts_with("https://")), || format!("{links:?}"));
        if body["payment_methods"] != json!([INTEGRATION]) {
            return detail(StatusCode::NOT_FOUND, "Integration ID/Name does not exist");
        }
        if body["billing_data"]["email"] == "refused@example.com" {
            return answer(
                StatusCode::BAD_REQUEST,
                &json!({ "billing_data": { "email": ["refused@example.com is not allowed."] } }),
            );
        }
        fault
    };
    let act = || {
        let mut books = server.books();
        let order = 217_503_754 + books.intentions.len() as u64;
        let id = format!("pi_test_{order:x}");
        let (amount, currency) = (body["amount"].as_i64().expect("an amount"), body["currency"].as_str().expect("a currency"));
        books.intentions.push(Intention {
            order,
            amount,
            currency: currency.to_owned(),
            reference: body["special_reference"].as_str().expect("a reference").to_owned(),
        });
        answer(
            StatusCode::CREATED,
            &json!({
                "id": id,
                "client_secret": format!("egy_csk_test_{order}/+="),
                "intention_order_id": order,
                "intention_detail": { "amount": amount, "currency": currency },
                "payment_keys": [{ "integration": INTEGRATION, "key": "ZXlKaGJHY2lPaUpJVXpVeE1p" }],
                "status": "intended",
            }),
        )
    };
    with(fault, act).await
}

async fn make_token(State(server): State<Server>, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut books = server.books();
    books.script.take(TOKENS, &body);
    books.script.check_fields(TOKENS, &body, &["api_key"]);
    if body["api_key"] != API_KEY {
        return detail(StatusCode::UNAUTHORIZED, "incorrect credentials");
    }
    books.tokens += 1;
    books.good_token = books.tokens;
    answer(StatusCode::CREATED, &json!({ "token": format!("token-{}", books.tokens), "profile": { "phones": ["+2010"] } }))
}

async fn inquire(State(server): State<Server>, headers: HeaderMap, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (fault, told) = {
        let mut books = server.books();
        let fault = books.script.take(INQUIRY, &body);
        if !books.is_asked_rightly(&headers) {
            return detail(StatusCode::UNAUTHORIZED, "Authentication credentials were not provided.");
        }
        let good = format!("token-{}", books.good_token);
        books.script.check(body["auth_token"] == good, || "auth_token".to_owned());
        let by_order = body.get("order_id").is_some();
        let names: &[&str] = if by_order { &["auth_token", "order_id"] } else { &["auth_token", "merchant_order_id"] };
        books.script.check_fields(INQUIRY, &body, names);
        let found = books.transactions.iter().rev().find(|one| {
            if by_order {
                one["order"]["id"] == body["order_id"]
            } else {
                one["order"]["merchant_order_id"] == body["merchant_order_id"]
            }
        });
        let told = match found {
            Some(found) => answer(StatusCode::OK, &books.told(found)),
            None => detail(StatusCode::NOT_FOUND, "Not found."),
        };
        (fault, told)
    };
    with(fault, || told).await
}

async fn one_transaction(State(server): State<Server>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let (fault, told) = {
        let mut books = server.books();
        let fault = books.script.take(TRANSACTION, &json!(id));
        if !books.is_asked_rightly(&headers) {
            return detail(StatusCode::UNAUTHORIZED, "Authentication credentials were not provided.");
        }
        let told = match books.find(&id).cloned() {
            Some(found) => answer(StatusCode::OK, &books.told(&found)),
            None => detail(StatusCode::NOT_FOUND, "Not found."),
        };
        (fault, told)
    };
    with(fault, || told).await
}

async fn refund(State(server): State<Server>, headers: HeaderMap, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (fault, parent, cents) = {
        let mut books = server.books();
        let fault = books.script.take(REFUND, &body);
        if !is_key(&headers) {
            return detail(StatusCode::UNAUTHORIZED, "Invalid token.");
        }
        books.script.check_fields(REFUND, &body, &["transaction_id", "amount_cents"]);
        books.script.check(body["transaction_id"].is_u64(), || "transaction_id is no number".to_owned());
        let (id, cents) = (body["transaction_id"].to_string(), body["amount_cents"].as_i64().unwrap_or(0));
        let Some(parent) = books.find(&id) else {
            return detail(StatusCode::NOT_FOUND, "Transaction not found.");
        };
        let left = parent["amount_cents"].as_i64().unwrap_or(0) - parent["refunded_amount_cents"].as_i64().unwrap_or(0);
        if cents <= 0 || cents > left {
            return answer(StatusCode::BAD_REQUEST, &json!({ "amount_cents": ["Full Amount has been already refunded"] }));
        }
        (fault, id, cents)
    };
    let act = || {
        let mut books = server.books();
        let at_once = !books.refunds_later;
        let child = books.give_back(&parent, cents, at_once).to_string();
        let child = books.find(&child).expect("the child").clone();
        answer(StatusCode::CREATED, &books.told(&child))
    };
    with(fault, act).await
}
