//! A Stripe that is not there: sessions, intents, charges, refunds and a balance, idempotency with replays of saved errors, signed
//! events, and faults. What it is asked is held against the published document; what it answers too.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use bayader::clock::Clock;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::spec::{Spec, form_value};

pub const SECRET_KEY: &str = "sk_test_51BayaderDouble";
pub const WEBHOOK_SECRET: &str = "whsec_bayaderDouble00000000000000";
/// The published document is of 2023; these are in Stripe's API of today, and meant.
const NEWER: &[(&str, &str)] = &[
    ("/v1/checkout/sessions", "adaptive_pricing"),
    // Lists of sessions have it since 2024.
    ("/v1/checkout/sessions", "created"),
];

/// How an answer goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// 500, nothing was done; it is saved with the key and comes back.
    ErrorBefore,
    /// 500 after all was done; it is saved with the key and comes back.
    ErrorAfter,
    /// The connection ends before anything was done.
    CutBefore,
    /// The connection ends after all was done.
    CutAfter,
    /// All is done, and the answer comes so many ms later.
    Slow(u64),
    /// All is done, and no answer comes.
    Hang,
    /// 429, nothing was done and nothing is saved.
    Throttled,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: Method,
    /// With its query.
    pub path: String,
    pub headers: HeaderMap,
    pub form: String,
}

impl Asked {
    pub fn key(&self) -> Option<&str> {
        self.headers.get("idempotency-key")?.to_str().ok()
    }
}

/// Decides what goes wrong with a request.
type Faults = Box<dyn FnMut(&Asked) -> Option<Fault> + Send>;

/// A running double. End it with [`StripeDouble::close`], which tells whether all it was asked was well formed.
pub struct StripeDouble {
    pub base_url: String,
    account: Arc<Mutex<Account>>,
    serving: JoinHandle<()>,
}

/// What a key was first used for, and what was answered.
struct Saved {
    asked: String,
    /// Seconds.
    at: i64,
    status: u16,
    body: Value,
}

struct Account {
    clock: Clock,
    spec: Spec,
    objects: BTreeMap<String, Value>,
    saved: HashMap<String, Saved>,
    /// Events that nobody has taken yet.
    events: VecDeque<Value>,
    asked: Vec<Asked>,
    faults_found: Vec<String>,
    faults: Faults,
    /// Objects and events made so far.
    count: u64,
    refunds_wait: bool,
    settles_at_once: bool,
}

/// An answer with Stripe's status and body.
type Answer = (u16, Value);

impl StripeDouble {
    pub async fn start(clock: Clock) -> StripeDouble {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let base_url = format!("http://{}", listener.local_addr().expect("an address"));
        let account = Arc::new(Mutex::new(Account {
            clock,
            spec: Spec::of("stripe-2023-08-16.json", NEWER),
            objects: BTreeMap::new(),
            saved: HashMap::new(),
            events: VecDeque::new(),
            asked: Vec::new(),
            faults_found: Vec::new(),
            faults: Box::new(|_| None),
            count: 0,
            refunds_wait: false,
            settles_at_once: true,
        }));
        let serving = tokio::spawn(serve(listener, account.clone()));
        StripeDouble { base_url, account, serving }
    }

    /// What the shop is configured with.
    pub fn variables(&self) -> Vec<(String, String)> {
        let of = |key: &str, value: &str| (format!("BAYADER_PAYMENTS__STRIPE__{key}"), value.to_owned());
        vec![
            of("SECRET_KEY", SECRET_KEY),
            of("PUBLISHABLE_KEY", "pk_test_51BayaderDouble"),
            of("WEBHOOK_SECRET", WEBHOOK_SECRET),
            of("BASE_URL", &self.base_url),
        ]
    }

    fn with<T>(&self, act: impl FnOnce(&mut Account) -> T) -> T {
        act(&mut self.account.lock().expect("nobody panics with it"))
    }

    /// A day later: no key is remembered.
    pub fn forget_keys(&self) {
        self.with(|account| account.saved.clear());
    }

    /// Keys that are a day old are not remembered.
    pub fn forget_old_keys(&self) {
        self.with(|account| {
            let now = account.now();
            account.saved.retain(|_, saved| saved.at + 86_400 > now);
        });
    }

    /// From now on each request is asked what goes wrong with it.
    pub fn fail(&self, faults: impl FnMut(&Asked) -> Option<Fault> + Send + 'static) {
        self.with(|account| account.faults = Box::new(faults));
    }

    /// The next requests that change something go wrong so, one after the other.
    pub fn fail_posts(&self, faults: &[Fault]) {
        let mut faults: VecDeque<Fault> = faults.iter().copied().collect();
        self.fail(move |asked| if asked.method == Method::POST { faults.pop_front() } else { None });
    }

    /// Requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.with(|account| account.asked.clone())
    }

    /// An object as it stands.
    pub fn object(&self, id: &str) -> Value {
        self.with(|account| account.objects[id].clone())
    }

    /// All objects of a kind (`checkout.session`, `charge`, ..), oldest first.
    pub fn all(&self, kind: &str) -> Vec<Value> {
        self.with(|account| account.all(kind))
    }

    /// Whether charges get their balance's line at once, or only by [`StripeDouble::settle_charges`].
    pub fn settle_later(&self) {
        self.with(|account| account.settles_at_once = false);
    }

    /// Refunds wait until [`StripeDouble::end_refund`].
    pub fn let_refunds_wait(&self) {
        self.with(|account| account.refunds_wait = true);
    }

    /// The customer pays a session or an intent by card. Its charge's id.
    pub fn pay(&self, id: &str) -> String {
        self.with(|account| account.pay(id))
    }

    /// As [`StripeDouble::pay`], if it can still be paid. Stripe is told to say another amount than was asked for, if one is given.
    pub fn try_pay(&self, id: &str, lie: Option<i64>) -> Option<String> {
        self.with(|account| account.is_payable(id).then(|| account.pay_other(id, lie)))
    }

    /// Whether a session or an intent can still be paid.
    pub fn is_payable(&self, id: &str) -> bool {
        self.with(|account| account.is_payable(id))
    }

    /// As [`StripeDouble::decline`], if it can still be tried.
    pub fn try_decline(&self, id: &str) {
        self.with(|account| {
            if account.is_payable(id) {
                account.decline(id);
            }
        });
    }

    /// As [`StripeDouble::promise`], if the session is open.
    pub fn try_promise(&self, session: &str) -> bool {
        self.with(|account| {
            let is_open = session.starts_with("cs_") && account.is_payable(session);
            if is_open {
                account.promise(session);
            }
            is_open
        })
    }

    /// The customer's card is declined.
    pub fn decline(&self, id: &str) {
        self.with(|account| account.decline(id));
    }

    /// The customer has chosen a slow method on the session's page.
    pub fn promise(&self, session: &str) {
        self.with(|account| account.promise(session));
    }

    /// The slow method has ended.
    pub fn end_promise(&self, session: &str, came: bool) {
        self.with(|account| account.end_promise(session, came));
    }

    /// Sessions whose time is over end.
    pub fn expire_sessions(&self) {
        self.with(Account::expire_sessions);
    }

    /// Charges without a line in the balance get one.
    pub fn settle_charges(&self) {
        self.with(|account| {
            for charge in account.all("charge") {
                if charge["balance_transaction"].is_null() {
                    account.settle_charge(id(&charge));
                }
            }
        });
    }

    /// Somebody refunds a charge in Stripe's dashboard. The refund's id.
    pub fn refund_in_dashboard(&self, charge: &str, amount: i64) -> String {
        self.with(|account| account.refund(charge, amount, json!({}), None))
    }

    /// As [`StripeDouble::refund_in_dashboard`], if so much is left.
    pub fn try_refund_in_dashboard(&self, charge: &str, amount: i64) -> bool {
        self.with(|account| {
            let whole = &account.objects[charge];
            let left = whole["amount"].as_i64().unwrap_or(0) - whole["amount_refunded"].as_i64().unwrap_or(0);
            let is_left = (1..=left).contains(&amount);
            if is_left {
                account.refund(charge, amount, json!({}), None);
            }
            is_left
        })
    }

    /// Whether refunds wait until [`StripeDouble::end_refund`].
    pub fn refunds_wait(&self, they_do: bool) {
        self.with(|account| account.refunds_wait = they_do);
    }

    /// A refund that waited has ended, or one that succeeded fails after all.
    pub fn end_refund(&self, refund: &str, status: &str) {
        self.with(|account| account.end_refund(refund, status));
    }

    /// The customer disputes a charge, and Stripe takes the money back. The dispute's id.
    pub fn dispute(&self, charge: &str) -> String {
        self.with(|account| account.dispute(charge))
    }

    /// The events since the last time, each as Stripe would send it, in order.
    pub fn events(&self) -> Vec<Value> {
        self.with(|account| account.events.drain(..).collect())
    }

    /// An event's body and its signature now.
    pub fn signed(&self, event: &Value) -> (HeaderMap, Bytes) {
        let body = serde_json::to_vec(event).expect("JSON");
        let time = self.with(|account| account.now());
        let key = hmac::Key::new(hmac::HMAC_SHA256, WEBHOOK_SECRET.as_bytes());
        let tag = hmac::sign(&key, &[format!("{time}.").as_bytes(), &body].concat());
        let mut headers = HeaderMap::new();
        let value = format!("t={time},v1={},v0={}", hex::encode(tag.as_ref()), "0".repeat(64));
        headers.insert("stripe-signature", value.parse().expect("a header"));
        (headers, body.into())
    }

    /// Sends an event to a shop. The answer's status.
    pub async fn send(&self, event: &Value, webhook_url: &str) -> u16 {
        let (headers, body) = self.signed(event);
        let request = reqwest::Client::builder().build().expect("a client").post(webhook_url).headers(headers).body(body);
        let request = request.header("content-type", "application/json; charset=utf-8");
        request.send().await.expect("the shop answers").status().as_u16()
    }

    /// Nothing that it was asked, and nothing that it answered, is unknown to the published document.
    pub fn expect_well_formed(&self) {
        let faults = self.with(|account| account.faults_found.clone());
        assert!(faults.is_empty(), "not as Stripe's document says:\n{}", faults.join("\n"));
    }

    pub fn close(self) {
        self.expect_well_formed();
    }
}

impl Drop for StripeDouble {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, account: Arc<Mutex<Account>>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let account = account.clone();
        connections.spawn(async move {
            let service = hyper::service::service_fn(move |request| answer(request, account.clone()));
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Answers a request, or cuts its connection.
async fn answer(request: Request<Incoming>, account: Arc<Mutex<Account>>) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let cut = || std::io::Error::other("cut");
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| cut())?.to_bytes();
    let asked = Asked {
        method: head.method,
        path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: head.headers,
        form: String::from_utf8_lossy(&body).into_owned(),
    };
    let (fault, replayed, (status, body), count) = {
        let mut account = account.lock().expect("nobody panics with it");
        let fault = (account.faults)(&asked);
        let (replayed, answer) = account.take(&asked, fault);
        (fault, replayed, answer, account.asked.len())
    };
    match fault {
        Some(Fault::CutBefore | Fault::CutAfter) => return Err(cut()),
        Some(Fault::Slow(ms)) => tokio::time::sleep(Duration::from_millis(ms)).await,
        Some(Fault::Hang) => std::future::pending().await,
        _ => {}
    }
    let mut response = Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .header("request-id", format!("req_{count}"));
    if replayed {
        response = response.header("idempotent-replayed", "true");
    }
    response.body(Full::new(body.to_string().into())).map_err(|_| cut())
}

fn refusal(status: u16, kind: &str, code: &str, message: &str) -> Answer {
    (status, json!({ "error": { "type": kind, "code": code, "message": message } }))
}

fn invalid(code: &str, message: &str) -> Answer {
    refusal(400, "invalid_request_error", code, message)
}

fn broken() -> Answer {
    (500, json!({ "error": { "type": "api_error", "message": "An unknown error occurred" } }))
}

fn id(object: &Value) -> &str {
    object["id"].as_str().expect("an id")
}

fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

impl Account {
    fn now(&self) -> i64 {
        self.clock.now().ms().div_euclid(1_000)
    }

    /// Does what is asked, once a key, and says what was answered, whatever becomes of the answer.
    fn take(&mut self, asked: &Asked, fault: Option<Fault>) -> (bool, Answer) {
        self.asked.push(asked.clone());
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        let (path, query) = (path.to_owned(), query.to_owned());
        self.check(asked, &path, &query);
        if asked.headers.get("authorization").and_then(|value| value.to_str().ok()) != Some(&format!("Bearer {SECRET_KEY}")) {
            return (false, refusal(401, "invalid_request_error", "", "Invalid API Key provided"));
        }
        if fault == Some(Fault::Throttled) {
            return (false, refusal(429, "invalid_request_error", "rate_limit", "Too many requests"));
        }
        if fault == Some(Fault::CutBefore) {
            return (false, broken());
        }
        let key = asked.key().filter(|_| asked.method == Method::POST).map(str::to_owned);
        let of = format!("{path} {}", asked.form);
        if let Some(saved) = key.as_ref().and_then(|key| self.saved.get(key)) {
            return if saved.asked == of {
                (true, (saved.status, saved.body.clone()))
            } else {
                (
                    false,
                    refusal(
                        400,
                        "idempotency_error",
                        "",
                        "Keys for idempotent requests can only be used with the same parameters",
                    ),
                )
            };
        }
        let answer = match fault {
            Some(Fault::ErrorBefore) => broken(),
            _ => {
                let done = self.act(&asked.method, &path, &query, &form_value(&asked.form));
                if done.0 == 200 {
                    let faults = self.spec.answer_faults(asked.method.as_str(), &path, 200, &done.1);
                    self.faults_found.extend(faults.into_iter().filter(|_| path != "/v1/balance"));
                }
                if fault == Some(Fault::ErrorAfter) { broken() } else { done }
            }
        };
        // What was refused before anything began is not saved.
        if let Some(key) = key.filter(|_| answer.0 != 400 && answer.0 != 404) {
            self.saved.insert(key, Saved { asked: of, at: self.now(), status: answer.0, body: answer.1.clone() });
        }
        (false, answer)
    }

    fn check(&mut self, asked: &Asked, path: &str, query: &str) {
        let text = |name: &str| asked.headers.get(name).and_then(|value| value.to_str().ok());
        let mut faults = Vec::new();
        if text("stripe-version") != Some("2025-09-30.clover") {
            faults.push(format!("{path}: the version is {:?}", text("stripe-version")));
        }
        if asked.method == Method::POST {
            if text("content-type") != Some("application/x-www-form-urlencoded") {
                faults.push(format!("{path}: the body is {:?}", text("content-type")));
            }
            if asked.key().is_none_or(|key| key.len() > 255) {
                faults.push(format!("{path}: no key"));
            }
        }
        // The document that we have is cut to other calls than this one.
        if path != "/v1/balance" {
            faults.extend(self.spec.form_faults(asked.method.as_str(), path, query, &asked.form));
        }
        self.faults_found.extend(faults);
    }

    fn act(&mut self, method: &Method, path: &str, query: &str, form: &Value) -> Answer {
        let parts: Vec<&str> = path.trim_start_matches("/v1/").split('/').collect();
        let query = form_value(query);
        match (method.as_str(), parts.as_slice()) {
            ("GET", ["balance"]) => (200, json!({ "object": "balance", "available": [], "livemode": false, "pending": [] })),
            ("POST", ["checkout", "sessions"]) => self.make_session(form),
            ("GET", ["checkout", "sessions"]) => self.list("checkout.session", &query),
            ("POST", ["checkout", "sessions", name, "expire"]) => self.expire(name),
            ("POST", ["payment_intents"]) => self.make_intent(form),
            ("GET", ["payment_intents"]) => self.list("payment_intent", &query),
            ("POST", ["payment_intents", name, "cancel"]) => self.cancel(name),
            ("POST", ["refunds"]) => self.make_refund(form),
            ("GET", ["refunds"]) => self.list("refund", &query),
            ("GET", ["balance_transactions"]) => self.list("balance_transaction", &query),
            ("GET", ["checkout", "sessions", name] | ["payment_intents" | "refunds", name]) => {
                self.expire_sessions();
                match self.objects.get(*name) {
                    Some(object) => (200, self.expanded(object.clone(), &query["expand"], "")),
                    None => refusal(404, "invalid_request_error", "resource_missing", "No such object"),
                }
            }
            _ => refusal(404, "invalid_request_error", "", "Unrecognized request URL"),
        }
    }

    fn all(&self, kind: &str) -> Vec<Value> {
        self.objects.values().filter(|object| object["object"] == kind).cloned().collect()
    }

    /// Ids sort in the order in which they are made.
    fn make(&mut self, prefix: &str, object: Value) -> String {
        self.count += 1;
        let id = format!("{prefix}{:08}", self.count);
        let mut object = object;
        object["id"] = json!(id);
        object["created"] = json!(self.now());
        object["livemode"] = json!(false);
        if matches!(prefix, "re_" | "txn_") {
            object.as_object_mut().expect("an object").remove("livemode");
        }
        self.objects.insert(id.clone(), object);
        id
    }

    fn tell(&mut self, kind: &str, name: &str) {
        self.count += 1;
        let object = self.objects[name].clone();
        self.events.push_back(json!({
            "id": format!("evt_{:08}", self.count), "object": "event", "api_version": "2025-09-30.clover", "created": self.now(),
            "data": { "object": object }, "livemode": false, "pending_webhooks": 1, "type": kind,
            "request": { "id": null, "idempotency_key": null },
        }));
    }

    fn set(&mut self, name: &str, field: &str, value: impl Into<Value>) {
        self.objects.get_mut(name).expect("an object")[field] = value.into();
    }

    /// A newest-first page of the objects of a kind, as they stand.
    fn list(&mut self, kind: &str, query: &Value) -> Answer {
        self.expire_sessions();
        let created = &query["created"];
        let is_asked_for = |object: &Value| {
            let at = object["created"].as_i64().unwrap_or(0);
            let same = |field: &str| query.get(field).is_none_or(|value| &object[field] == value);
            whole(&created["gte"]).is_none_or(|from| at >= from)
                && whole(&created["lt"]).is_none_or(|until| at < until)
                && same("payment_intent")
                && same("charge")
        };
        let mut objects: Vec<Value> = self.all(kind).into_iter().filter(is_asked_for).collect();
        objects.sort_by_key(|object| std::cmp::Reverse(id(object)[id(object).len() - 8..].to_owned()));
        if let Some(last) = query["starting_after"].as_str() {
            let at = objects.iter().position(|object| id(object) == last).map_or(0, |at| at + 1);
            objects.drain(..at);
        }
        let limit = usize::try_from(whole(&query["limit"]).unwrap_or(10)).unwrap_or(10);
        let has_more = objects.len() > limit;
        objects.truncate(limit);
        let objects: Vec<Value> = objects.into_iter().map(|object| self.expanded(object, &query["expand"], "data.")).collect();
        let url = if kind == "checkout.session" { "/v1/checkout/sessions".to_owned() } else { format!("/v1/{kind}s") };
        (200, json!({ "object": "list", "url": url, "has_more": has_more, "data": objects }))
    }

    fn expanded(&self, object: Value, paths: &Value, below: &str) -> Value {
        let mut object = object;
        for path in paths.as_array().into_iter().flatten().filter_map(Value::as_str) {
            let mut place = &mut object;
            for part in path.strip_prefix(below).unwrap_or(path).split('.') {
                let Some(field) = place.get_mut(part) else { break };
                if let Some(whole) = field.as_str().and_then(|name| self.objects.get(name)) {
                    *field = whole.clone();
                }
                place = field;
            }
        }
        object
    }

    fn make_session(&mut self, form: &Value) -> Answer {
        let line = &form["line_items"][0];
        let amount = whole(&line["price_data"]["unit_amount"]).unwrap_or(0);
        let currency = line["price_data"]["currency"].clone();
        if let Some(answer) = refuse_amount(amount, &currency) {
            return answer;
        }
        let ends = whole(&form["expires_at"]).unwrap_or(0);
        if !(self.now() + 1_800..=self.now() + 86_400).contains(&ends) {
            return invalid(
                "",
                "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation",
            );
        }
        let name = self.make(
            "cs_test_",
            json!({
                "object": "checkout.session", "amount_subtotal": amount, "amount_total": amount, "currency": currency,
                "automatic_tax": { "enabled": false, "status": null }, "custom_fields": [],
                "custom_text": { "shipping_address": null, "submit": null, "terms_of_service_acceptance": null },
                "client_reference_id": form["client_reference_id"], "metadata": form["metadata"], "mode": "payment",
                "expires_at": ends, "payment_intent": null, "payment_status": "unpaid", "status": "open",
                "payment_method_types": ["card"], "shipping_options": [], "success_url": form["success_url"],
                "cancel_url": form["cancel_url"], "customer_email": form.get("customer_email"), "locale": form["locale"],
            }),
        );
        self.set(&name, "url", format!("https://checkout.stripe.test/c/pay/{name}"));
        (200, self.objects[&name].clone())
    }

    fn make_intent(&mut self, form: &Value) -> Answer {
        let amount = whole(&form["amount"]).unwrap_or(0);
        if let Some(answer) = refuse_amount(amount, &form["currency"]) {
            return answer;
        }
        let name = self.intent(amount, &form["currency"], &form["metadata"]);
        (200, self.objects[&name].clone())
    }

    fn intent(&mut self, amount: i64, currency: &Value, metadata: &Value) -> String {
        let name = self.make(
            "pi_",
            json!({
                "object": "payment_intent", "amount": amount, "amount_capturable": 0, "amount_received": 0, "currency": currency,
                "capture_method": "automatic", "confirmation_method": "automatic", "last_payment_error": null,
                "latest_charge": null, "metadata": metadata, "payment_method_types": ["card"], "status": "requires_payment_method",
            }),
        );
        self.set(&name, "client_secret", format!("{name}_secret_0000"));
        name
    }

    /// The intent of a session, made when the customer first tries; or the intent itself.
    fn intent_of(&mut self, name: &str) -> String {
        if name.starts_with("pi_") {
            return name.to_owned();
        }
        let session = self.objects[name].clone();
        if let Some(intent) = session["payment_intent"].as_str() {
            return intent.to_owned();
        }
        let amount = session["amount_total"].as_i64().expect("an amount");
        let intent = self.intent(amount, &session["currency"], &session["metadata"]);
        self.set(name, "payment_intent", intent.clone());
        intent
    }

    fn is_payable(&mut self, name: &str) -> bool {
        self.expire_sessions();
        let object = &self.objects[name];
        if name.starts_with("pi_") {
            return object["status"] == "requires_payment_method";
        }
        let intent = object["payment_intent"].as_str().map(|intent| &self.objects[intent]);
        object["status"] == "open" && intent.is_none_or(|intent| intent["status"] == "requires_payment_method")
    }

    fn pay(&mut self, name: &str) -> String {
        self.pay_other(name, None)
    }

    fn pay_other(&mut self, name: &str, other: Option<i64>) -> String {
        let intent = self.intent_of(name);
        if let Some(amount) = other {
            self.set(&intent, "amount", amount);
        }
        let whole = self.objects[&intent].clone();
        assert!(whole["status"] != "succeeded" && whole["status"] != "canceled", "it cannot be paid: {whole}");
        let charge = self.make(
            "ch_",
            json!({
                "object": "charge", "amount": whole["amount"], "amount_captured": whole["amount"], "amount_refunded": 0,
                "balance_transaction": null, "captured": true, "currency": whole["currency"], "disputed": false,
                "metadata": whole["metadata"], "paid": true, "payment_intent": intent, "refunded": false, "status": "succeeded",
                "billing_details": { "address": null, "email": "layla@example.com", "name": "Layla", "phone": null },
            }),
        );
        self.set(&intent, "status", "succeeded");
        self.set(&intent, "amount_received", whole["amount"].clone());
        self.set(&intent, "latest_charge", charge.clone());
        self.set(&intent, "last_payment_error", Value::Null);
        self.tell("payment_intent.succeeded", &intent);
        if name != intent {
            self.set(name, "status", "complete");
            self.set(name, "payment_status", "paid");
            self.set(name, "url", Value::Null);
            self.tell("checkout.session.completed", name);
        }
        if self.settles_at_once {
            self.settle_charge(&charge);
        }
        charge
    }

    fn settle_charge(&mut self, charge: &str) {
        let amount = self.objects[charge]["amount"].as_i64().expect("an amount");
        let line = self.line("charge", charge, amount, amount * 29 / 1_000 + 30);
        self.set(charge, "balance_transaction", line);
        self.tell("charge.updated", charge);
    }

    /// The account settles in dollars, 1.41 of which are a dinar.
    fn line(&mut self, kind: &str, source: &str, amount: i64, fee: i64) -> String {
        let (amount, fee) = (amount * 141 / 1_000, fee * 141 / 1_000);
        self.make(
            "txn_",
            json!({
                "object": "balance_transaction", "amount": amount, "available_on": self.now(), "currency": "usd", "fee": fee,
                "fee_details": [], "net": amount - fee, "reporting_category": kind, "source": source, "status": "pending",
                "type": kind, "exchange_rate": 1.41,
            }),
        )
    }

    fn decline(&mut self, name: &str) {
        let intent = self.intent_of(name);
        let error = json!({ "type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds",
            "message": "Your card has insufficient funds." });
        self.set(&intent, "last_payment_error", error);
        self.tell("payment_intent.payment_failed", &intent);
    }

    fn promise(&mut self, session: &str) {
        let intent = self.intent_of(session);
        self.set(&intent, "status", "processing");
        self.tell("payment_intent.processing", &intent);
        self.set(session, "status", "complete");
        self.tell("checkout.session.completed", session);
    }

    fn end_promise(&mut self, session: &str, came: bool) {
        let intent = self.intent_of(session);
        if came {
            self.pay(&intent);
            self.set(session, "payment_status", "paid");
            self.tell("checkout.session.async_payment_succeeded", session);
        } else {
            self.set(&intent, "status", "requires_payment_method");
            self.tell("payment_intent.payment_failed", &intent);
            self.tell("checkout.session.async_payment_failed", session);
        }
    }

    fn expire_sessions(&mut self) {
        let now = self.now();
        let over =
            |session: &Value| session["status"] == "open" && session["expires_at"].as_i64().is_some_and(|end| end <= now);
        for session in self.all("checkout.session").into_iter().filter(over) {
            self.expire_session(id(&session));
        }
    }

    fn expire_session(&mut self, name: &str) {
        self.set(name, "status", "expired");
        self.set(name, "url", Value::Null);
        if let Some(intent) = self.objects[name]["payment_intent"].as_str().map(str::to_owned) {
            self.set(&intent, "status", "canceled");
            self.tell("payment_intent.canceled", &intent);
        }
        self.tell("checkout.session.expired", name);
    }

    fn expire(&mut self, name: &str) -> Answer {
        self.expire_sessions();
        match self.objects.get(name) {
            None => refusal(404, "invalid_request_error", "resource_missing", "No such checkout session"),
            Some(session) if session["status"] != "open" => {
                invalid("", "Only Checkout Sessions with a status in [\"open\"] can be expired")
            }
            Some(_) => {
                self.expire_session(name);
                (200, self.objects[name].clone())
            }
        }
    }

    fn cancel(&mut self, name: &str) -> Answer {
        match self.objects.get(name) {
            None => refusal(404, "invalid_request_error", "resource_missing", "No such payment_intent"),
            Some(intent) if intent["status"] == "succeeded" || intent["status"] == "canceled" => {
                invalid("payment_intent_unexpected_state", "You cannot cancel this PaymentIntent")
            }
            Some(_) => {
                self.set(name, "status", "canceled");
                self.set(name, "cancellation_reason", "abandoned");
                self.tell("payment_intent.canceled", name);
                (200, self.objects[name].clone())
            }
        }
    }

    fn make_refund(&mut self, form: &Value) -> Answer {
        let charge = match (form["charge"].as_str(), form["payment_intent"].as_str()) {
            (Some(charge), _) => Some(charge.to_owned()),
            (None, Some(intent)) => {
                self.objects.get(intent).and_then(|intent| intent["latest_charge"].as_str()).map(str::to_owned)
            }
            (None, None) => None,
        };
        let Some(charge) = charge.filter(|charge| self.objects.contains_key(charge)) else {
            return refusal(404, "invalid_request_error", "resource_missing", "No such charge");
        };
        let whole_charge = &self.objects[&charge];
        let (taken, given) =
            (whole(&whole_charge["amount"]).unwrap_or(0), whole(&whole_charge["amount_refunded"]).unwrap_or(0));
        let amount = whole(&form["amount"]).unwrap_or(taken - given);
        if whole_charge["disputed"] == true {
            return invalid("charge_disputed", "The charge is disputed");
        }
        if taken == given {
            return invalid("charge_already_refunded", "The charge has already been refunded");
        }
        if amount > taken - given {
            return invalid("", "The refund amount is greater than the unrefunded amount on the charge");
        }
        let name = self.refund(&charge, amount, form["metadata"].clone(), form["reason"].as_str());
        (200, self.objects[&name].clone())
    }

    fn refund(&mut self, charge: &str, amount: i64, metadata: Value, reason: Option<&str>) -> String {
        let whole_charge = self.objects[charge].clone();
        let status = if self.refunds_wait { "pending" } else { "succeeded" };
        let name = self.make(
            "re_",
            json!({
                "object": "refund", "amount": amount, "charge": charge, "currency": whole_charge["currency"], "metadata": metadata,
                "payment_intent": whole_charge["payment_intent"], "reason": reason, "status": status, "balance_transaction": null,
            }),
        );
        let given = whole_charge["amount_refunded"].as_i64().unwrap_or(0) + amount;
        self.set(charge, "amount_refunded", given);
        self.set(charge, "refunded", whole_charge["amount"] == given);
        self.tell("refund.created", &name);
        self.tell("charge.refunded", charge);
        if status == "succeeded" {
            let line = self.line("refund", &name, -amount, 0);
            self.set(&name, "balance_transaction", line);
            self.tell("refund.updated", &name);
        }
        name
    }

    fn end_refund(&mut self, name: &str, status: &str) {
        let refund = self.objects[name].clone();
        let (charge, amount) = (refund["charge"].as_str().expect("a charge"), refund["amount"].as_i64().expect("an amount"));
        self.set(name, "status", status);
        if status == "succeeded" {
            let line = self.line("refund", name, -amount, 0);
            self.set(name, "balance_transaction", line);
            self.tell("refund.updated", name);
            return;
        }
        self.set(name, "failure_reason", "expired_or_canceled_card");
        let given = self.objects[charge]["amount_refunded"].as_i64().unwrap_or(0) - amount;
        self.set(charge, "amount_refunded", given);
        self.set(charge, "refunded", false);
        self.tell("refund.failed", name);
    }

    fn dispute(&mut self, charge: &str) -> String {
        let whole_charge = self.objects[charge].clone();
        self.set(charge, "disputed", true);
        let name = self.make(
            "du_",
            json!({
                "object": "dispute", "amount": whole_charge["amount"], "charge": charge, "currency": whole_charge["currency"],
                "payment_intent": whole_charge["payment_intent"], "reason": "fraudulent", "status": "needs_response",
            }),
        );
        self.tell("charge.dispute.created", &name);
        self.tell("charge.dispute.funds_withdrawn", &name);
        name
    }
}

/// Three decimals end in 0, and nothing below a small sum is taken.
fn refuse_amount(amount: i64, currency: &Value) -> Option<Answer> {
    if currency == "jod" && amount % 10 != 0 {
        return Some(invalid("parameter_invalid_integer", "Invalid amount: the last digit must be 0"));
    }
    (amount < 50).then(|| invalid("amount_too_small", "Amount must be at least $0.50"))
}
