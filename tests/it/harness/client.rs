//! Who asks, what they ask, and what they are told.

use std::sync::{Arc, Mutex, PoisonError};

use bayader::clock::Clock;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::schema::Seen;

/// A bearer is renewed so long before it ends by the shop's clock.
const RENEW_BEFORE_MS: i64 = 60_000;
pub const PASSWORD: &str = "a-long-enough-secret-7";

/// The line to one server, shared by all who ask there.
pub struct Wire {
    pub base: String,
    pub http: reqwest::Client,
    pub clock: Clock,
    pub seen: Mutex<Vec<Seen>>,
    /// The category that products have unless said.
    pub bakery: OnceCell<()>,
}

impl Wire {
    pub fn to(base: String, clock: Clock) -> Arc<Wire> {
        // Each answer is held against the document as it is, also one that sends on.
        let stays = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().no_proxy().redirect(stays).build().expect("a client can be made");
        Arc::new(Wire { base, http, clock, seen: Mutex::new(Vec::new()), bakery: OnceCell::new() })
    }

    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Somebody who asks: a guest, or an account with its bearer, which is renewed as the shop's clock moves.
#[derive(Clone)]
pub struct Client {
    pub wire: Arc<Wire>,
    account: Option<Arc<Account>>,
}

struct Account {
    email: String,
    role: String,
    session: tokio::sync::Mutex<Session>,
}

#[derive(Clone)]
pub struct Session {
    pub bearer: String,
    pub refresh: String,
    until_ms: i64,
}

impl Session {
    fn of(reply: &Reply, clock: &Clock) -> Session {
        let text = |name: &str| reply[name].as_str().unwrap_or_else(|| panic!("no {name} in {reply:?}")).to_owned();
        let lasts_s = reply["expiresIn"].as_i64().unwrap_or_else(|| panic!("no expiresIn in {reply:?}"));
        Session { bearer: text("token"), refresh: text("refreshToken"), until_ms: clock.now().ms() + lasts_s * 1_000 }
    }
}

impl Client {
    pub fn guest(wire: &Arc<Wire>) -> Client {
        Client { wire: Arc::clone(wire), account: None }
    }

    /// Signs in an account of [`PASSWORD`].
    pub async fn sign_in(wire: &Arc<Wire>, email: &str) -> Client {
        let guest = Client::guest(wire);
        let reply = guest.log_in(email, PASSWORD).send().await.expect(200);
        Client::signed_in(wire, email, &reply)
    }

    /// The account that registering or signing in answered with.
    pub fn signed_in(wire: &Arc<Wire>, email: &str, reply: &Reply) -> Client {
        let session = Session::of(reply, &wire.clock);
        let role = reply["user"]["role"].as_str().unwrap_or("customer").to_owned();
        let account = Account { email: email.to_owned(), role, session: tokio::sync::Mutex::new(session) };
        Client { wire: Arc::clone(wire), account: Some(Arc::new(account)) }
    }

    /// The same, at a server that was started again over the same folder.
    pub fn at(&self, wire: &Arc<Wire>) -> Client {
        Client { wire: Arc::clone(wire), account: self.account.clone() }
    }

    pub fn role(&self) -> Option<&str> {
        self.account.as_ref().map(|account| account.role.as_str())
    }

    pub fn email(&self) -> &str {
        self.account.as_ref().map_or("", |account| account.email.as_str())
    }

    /// Its session as it is now.
    pub async fn session(&self) -> Session {
        self.account.as_ref().expect("a guest has no session").session.lock().await.clone()
    }

    /// A new session, after the old one was ended.
    pub async fn sign_in_again(&self) {
        let Some(account) = &self.account else { return };
        let reply = Client::guest(&self.wire).log_in(&account.email, PASSWORD).send().await.expect(200);
        *account.session.lock().await = Session::of(&reply, &self.wire.clock);
    }

    async fn bearer(&self) -> Result<Option<String>, reqwest::Error> {
        let Some(account) = &self.account else { return Ok(None) };
        let mut session = account.session.lock().await;
        if self.wire.clock.now().ms() + RENEW_BEFORE_MS >= session.until_ms {
            let asked = Client::guest(&self.wire).log_in(&account.email, PASSWORD);
            let reply = Box::pin(asked.try_send()).await?.expect(200);
            *session = Session::of(&reply, &self.wire.clock);
        }
        Ok(Some(session.bearer.clone()))
    }

    pub fn log_in(&self, email: &str, password: &str) -> Request {
        self.post("/api/v1/auth/login").json(&json!({ "email": email, "password": password }))
    }

    pub fn request(&self, method: Method, path: &str) -> Request {
        Request { client: self.clone(), method, path: path.to_owned(), headers: Vec::new(), body: None }
    }

    pub fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Request {
        self.request(Method::POST, path)
    }

    pub fn put(&self, path: &str) -> Request {
        self.request(Method::PUT, path)
    }

    pub fn delete(&self, path: &str) -> Request {
        self.request(Method::DELETE, path)
    }

    /// GET that must be 200.
    pub async fn see(&self, path: &str) -> Reply {
        self.get(path).send().await.expect(200)
    }
}

/// One request, before it is sent.
#[derive(Clone)]
pub struct Request {
    client: Client,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    pub fn json(self, body: &Value) -> Request {
        self.bytes("application/json", body.to_string().into_bytes())
    }

    pub fn bytes(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Request {
        self.body = Some(body.into());
        self.header("content-type", media_type)
    }

    pub fn header(mut self, name: &str, value: &str) -> Request {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn key(self, key: &str) -> Request {
        self.header("idempotency-key", key)
    }

    /// Sends it; a line that breaks fails the test.
    pub async fn send(self) -> Reply {
        let asked = format!("{} {}", self.method, self.path);
        self.try_send().await.unwrap_or_else(|error| panic!("{asked}: no answer: {error:?}"))
    }

    /// Sends it to a server that may die meanwhile.
    pub async fn try_send(self) -> Result<Reply, reqwest::Error> {
        let wire = &self.client.wire;
        let mut request = wire.http.request(self.method.clone(), format!("{}{}", wire.base, self.path));
        if !self.headers.iter().any(|(name, _)| name == "authorization")
            && let Some(bearer) = self.client.bearer().await?
        {
            request = request.bearer_auth(bearer);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = self.body {
            request = request.body(body);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await?.to_vec();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        let reply = Reply { asked: format!("{} {}", self.method, self.path), status, headers, body, bytes, text };
        wire.seen.lock().unwrap_or_else(PoisonError::into_inner).push(Seen::of(&self.method, &self.path, &reply));
        Ok(reply)
    }
}

/// An answer. `reply["field"]` is a field of its body.
#[derive(Clone)]
pub struct Reply {
    /// Method and path of the request.
    pub asked: String,
    pub status: u16,
    pub headers: HeaderMap,
    /// Null if the body is empty or no JSON.
    pub body: Value,
    /// As it came.
    pub bytes: Vec<u8>,
    pub text: String,
}

impl Reply {
    #[track_caller]
    pub fn expect(self, status: u16) -> Reply {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Reply {
        assert_eq!((self.status, self["code"].as_str()), (status, Some(code)), "{self:?}");
        self
    }

    /// A 422 that names this field.
    #[track_caller]
    pub fn expect_field(self, field: &str) -> Reply {
        let reply = self.expect_problem(422, "validation_failed");
        assert!(reply.fields().contains(&field), "{field} is not named: {reply:?}");
        reply
    }

    /// The fields that a 422 names.
    pub fn fields(&self) -> Vec<&str> {
        self["errors"].as_array().into_iter().flatten().filter_map(|error| error["field"].as_str()).collect()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// `data` of a list.
    #[track_caller]
    pub fn rows(&self) -> &[Value] {
        self["data"].as_array().unwrap_or_else(|| panic!("no list: {self:?}"))
    }

    /// One field of each row, as text.
    #[track_caller]
    pub fn column(&self, name: &str) -> Vec<&str> {
        self.rows().iter().map(|row| row[name].as_str().unwrap_or_else(|| panic!("no text {name} in {row}"))).collect()
    }
}

impl std::ops::Index<&str> for Reply {
    type Output = Value;

    fn index(&self, field: &str) -> &Value {
        &self.body[field]
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} -> {} {}", self.asked, self.status, self.text)
    }
}
