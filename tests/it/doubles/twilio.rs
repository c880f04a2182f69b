//! Twilio's part that text messages need (PROVIDERS 8): it keeps the messages of an account, lists them, and tells what becomes of them
//! with its signature. Each request and each answer is held against the published document.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_lc_rs::hmac;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bayader::clock::Clock;
use bayader::kernel::UtcMs;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::faults::{Fault, Script, json as answer, with};
use super::spec::{Spec, form_value};

pub const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub const FROM: &str = "+15005550006";
pub const PUBLIC_URL: &str = "https://shop.example.com";
/// Calls by these names, whatever the account.
pub const SEND: &str = "send";
pub const LIST: &str = "list";
const STATUS_PATH: &str = "/api/v1/notifications/sms/status";

/// A message as the account keeps it.
#[derive(Clone, Debug)]
pub struct Kept {
    pub sid: String,
    pub to: String,
    pub body: String,
    pub callback: Option<String>,
    pub validity: Option<String>,
    /// `From` or the messaging service.
    pub sender: String,
    created: String,
}

struct Books {
    script: Script,
    messages: Vec<Kept>,
    /// A code of Twilio's for each number that is refused.
    refused: BTreeMap<String, (StatusCode, i64)>,
    /// A code for every message.
    refuses_all: Option<(StatusCode, i64)>,
    /// Who may ask.
    sign_in: (String, String),
    at_once: usize,
    most_at_once: usize,
}

#[derive(Clone)]
struct Server {
    books: Arc<Mutex<Books>>,
    spec: Arc<Spec>,
    /// By which its messages are dated.
    clock: Arc<Mutex<Clock>>,
}

pub struct TwilioDouble {
    server: Server,
    pub url: String,
    task: Option<JoinHandle<()>>,
}

impl Drop for TwilioDouble {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

impl Server {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("no test panicked in it")
    }

    fn answers(&self, method: &str, path: &str, status: StatusCode, body: Value) -> Response {
        if status.is_success() {
            let faults = self.spec.answer_faults(method, path, status.as_u16(), &body);
            assert!(faults.is_empty(), "the double answers what Twilio does not: {faults:#?}");
        }
        answer(status, &body)
    }
}

fn refusal(status: StatusCode, code: i64) -> (StatusCode, Value) {
    let more = format!("https://www.twilio.com/docs/errors/{code}");
    (status, json!({ "code": code, "message": "The number is not right", "more_info": more, "status": status.as_u16() }))
}

impl TwilioDouble {
    /// An account that has sent nothing yet.
    pub async fn start() -> TwilioDouble {
        let books = Books {
            script: Script::default(),
            messages: Vec::new(),
            refused: BTreeMap::new(),
            refuses_all: None,
            sign_in: (ACCOUNT.to_owned(), TOKEN.to_owned()),
            at_once: 0,
            most_at_once: 0,
        };
        let clock = Clock::manual(UtcMs::from_ms(1_795_593_600_000));
        let spec = Arc::new(Spec::of("twilio-api-v2010.json", &[]));
        let server = Server { books: Arc::new(Mutex::new(books)), spec, clock: Arc::new(Mutex::new(clock)) };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let mut double = TwilioDouble { server, url, task: None };
        double.listen(listener);
        double
    }

    /// Its messages are dated by a shop's clock.
    pub fn follow(&self, clock: &Clock) {
        *self.server.clock.lock().expect("whole") = clock.clone();
    }

    fn listen(&mut self, listener: TcpListener) {
        let router = Router::new()
            .route("/2010-04-01/Accounts/{account}/Messages.json", get(list).post(send))
            .with_state(self.server.clone());
        self.task = Some(tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") }));
    }

    /// Nobody listens there any more.
    pub async fn go_down(&mut self) {
        let task = self.task.take().expect("it is up");
        task.abort();
        let _ = task.await;
    }

    pub async fn come_back(&mut self) {
        let listener = TcpListener::bind(self.url.trim_start_matches("http://")).await.expect("its port is free");
        self.listen(listener);
    }

    /// What a shop needs to send by it; `more` goes before.
    pub fn variables<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let mut variables = vec![
            ("BAYADER_SMS__ADAPTER", "twilio"),
            ("BAYADER_SMS__FROM", FROM),
            ("BAYADER_SMS__TWILIO__ACCOUNT_SID", ACCOUNT),
            ("BAYADER_SMS__TWILIO__AUTH_TOKEN", TOKEN),
            ("BAYADER_SMS__TWILIO__BASE_URL", self.url.as_str()),
            ("BAYADER_SERVER__PUBLIC_URL", PUBLIC_URL),
        ];
        variables.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        variables.extend(more);
        variables
    }

    pub fn next(&self, call: &'static str, faults: &[Fault]) {
        self.server.books().script.next(call, faults);
    }

    pub fn count(&self, call: &str) -> usize {
        self.server.books().script.count(call)
    }

    /// The number is refused by this code from now on.
    pub fn refuse(&self, to: &str, status: u16, code: i64) {
        let status = StatusCode::from_u16(status).expect("a status");
        self.server.books().refused.insert(to.to_owned(), (status, code));
    }

    /// Every message is, or none any more.
    pub fn refuse_all(&self, with: Option<(u16, i64)>) {
        let with = with.map(|(status, code)| (StatusCode::from_u16(status).expect("a status"), code));
        self.server.books().refuses_all = with;
    }

    pub fn ask_by(&self, user: &str, password: &str) {
        self.server.books().sign_in = (user.to_owned(), password.to_owned());
    }

    pub fn messages(&self) -> Vec<Kept> {
        self.server.books().messages.clone()
    }

    /// Calls that were under way at once, at most.
    pub fn most_at_once(&self) -> usize {
        self.server.books().most_at_once
    }

    /// What was sent there is what the document knows.
    pub fn close(self) {
        let complaints = self.server.books().script.complaints.clone();
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
}

/// What Twilio tells of a message: the address with its query, the signature, the body.
pub struct Callback {
    pub path: String,
    pub signature: String,
    pub body: String,
}

impl Kept {
    /// Twilio's word of it, to the address that it was given.
    pub fn callback(&self, status: &str, error: Option<i64>) -> Callback {
        let url = self.callback.clone().expect("it was given an address");
        let mut fields = vec![
            ("ApiVersion", "2010-04-01".to_owned()),
            ("AccountSid", ACCOUNT.to_owned()),
            ("MessageSid", self.sid.clone()),
            ("SmsSid", self.sid.clone()),
            ("MessageStatus", status.to_owned()),
            ("SmsStatus", status.to_owned()),
            ("To", self.to.clone()),
            ("From", self.sender.clone()),
        ];
        if let Some(error) = error {
            fields.push(("ErrorCode", error.to_string()));
        }
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
        fields.sort();
        let text: String = fields.iter().flat_map(|(name, value)| [*name, value.as_str()]).collect();
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOKEN.as_bytes());
        let signature = STANDARD.encode(hmac::sign(&key, format!("{url}{text}").as_bytes()));
        let path = url.strip_prefix(PUBLIC_URL).expect("it is the shop's address").to_owned();
        Callback { path, signature, body }
    }
}

/// Counts a call while it is under way.
struct Under(Server);

impl Under {
    fn way(server: &Server) -> Under {
        let mut books = server.books();
        books.at_once += 1;
        books.most_at_once = books.most_at_once.max(books.at_once);
        drop(books);
        Under(server.clone())
    }
}

impl Drop for Under {
    fn drop(&mut self) {
        self.0.books().at_once -= 1;
    }
}

/// Whether who asks is who may.
fn enter(books: &Books, headers: &HeaderMap, account: &str) -> Option<(StatusCode, Value)> {
    let (user, password) = &books.sign_in;
    let wanted = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let given = headers.get("authorization").and_then(|value| value.to_str().ok());
    (given != Some(wanted.as_str()) || account != ACCOUNT).then(|| refusal(StatusCode::UNAUTHORIZED, 20_003))
}

async fn send(State(server): State<Server>, Path(account): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let _under = Under::way(&server);
    let path = format!("/2010-04-01/Accounts/{account}/Messages.json");
    let text = String::from_utf8(body.to_vec()).expect("a form is text");
    let form = form_value(&text);
    let field = |name: &str| form[name].as_str().map(str::to_owned);
    let (to, body) = (field("To").unwrap_or_default(), field("Body").unwrap_or_default());
    let sender = field("From").or_else(|| field("MessagingServiceSid")).unwrap_or_default();
    let (fault, refused) = {
        let mut books = server.books();
        let fault = books.script.take(SEND, &form);
        let wrong = server.spec.form_faults("POST", &path, "", &text);
        let is_form = headers.get("content-type").is_some_and(|value| value == "application/x-www-form-urlencoded");
        let script = &mut books.script;
        script.check(wrong.is_empty() && is_form, || format!("{wrong:?}"));
        let is_number = to.len() > 8 && to.strip_prefix('+').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
        script.check(is_number, || format!("To {to}"));
        script.check(!sender.is_empty() && form["From"].is_null() != form["MessagingServiceSid"].is_null(), || {
            format!("From or a messaging service: {form}")
        });
        script.check(!body.is_empty() && body.encode_utf16().count() <= 1_600, || format!("a body of {}", body.len()));
        if let Some(callback) = field("StatusCallback") {
            let id = callback.strip_prefix(&format!("{PUBLIC_URL}{STATUS_PATH}?n=")).unwrap_or_default();
            script.check(id.len() == 36, || format!("StatusCallback {callback}"));
        }
        let validity = field("ValidityPeriod").map(|seconds| seconds.parse::<u32>().unwrap_or_default());
        script.check(validity.is_none_or(|seconds| (1..=36_000).contains(&seconds)), || "ValidityPeriod".to_owned());
        let refused = enter(&books, &headers, &account).or_else(|| {
            books.refuses_all.or_else(|| books.refused.get(&to).copied()).map(|(status, code)| refusal(status, code))
        });
        (fault, refused)
    };
    if let Some((status, body)) = refused {
        return server.answers("POST", &path, status, body);
    }
    let act = || {
        let mut books = server.books();
        let sid = format!("SM{:032x}", books.messages.len() + 1);
        let created = server.clock.lock().expect("whole").now().timestamp().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
        let kept =
            Kept { sid, to, body, callback: field("StatusCallback"), validity: field("ValidityPeriod"), sender, created };
        let told = tell(&kept);
        books.messages.push(kept);
        drop(books);
        server.answers("POST", &path, StatusCode::CREATED, told)
    };
    with(fault, act).await
}

async fn list(
    State(server): State<Server>,
    Path(account): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let _under = Under::way(&server);
    let path = format!("/2010-04-01/Accounts/{account}/Messages.json");
    let query = query.unwrap_or_default();
    let asked = form_value(&query);
    let (fault, told) = {
        let mut books = server.books();
        let fault = books.script.take(LIST, &asked);
        let wrong = server.spec.form_faults("GET", &path, &query, "");
        books.script.check(wrong.is_empty(), || format!("{wrong:?}"));
        if let Some((status, body)) = enter(&books, &headers, &account) {
            return server.answers("GET", &path, status, body);
        }
        let size: usize = asked["PageSize"].as_str().and_then(|size| size.parse().ok()).unwrap_or(50);
        let theirs = books.messages.iter().rev().filter(|kept| asked["To"].as_str().is_none_or(|to| to == kept.to));
        (fault, theirs.take(size).map(tell).collect::<Vec<_>>())
    };
    with(fault, || {
        let list = json!({
            "messages": told, "page": 0, "page_size": 50, "start": 0, "end": 0, "uri": path, "first_page_uri": path,
            "next_page_uri": null, "previous_page_uri": null,
        });
        server.answers("GET", &path, StatusCode::OK, list)
    })
    .await
}

/// A message that waits to be sent on has no day of sending.
fn tell(kept: &Kept) -> Value {
    json!({
        "sid": kept.sid, "account_sid": ACCOUNT, "to": kept.to, "body": kept.body, "status": "queued",
        "direction": "outbound-api", "num_segments": "1", "num_media": "0", "api_version": "2010-04-01",
        "date_created": kept.created, "date_updated": kept.created, "date_sent": null, "error_code": null, "error_message": null,
        "price": null, "price_unit": "USD", "uri": format!("/2010-04-01/Accounts/{ACCOUNT}/Messages/{}.json", kept.sid),
    })
}
