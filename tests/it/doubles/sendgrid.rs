//! SendGrid on loopback: it takes mails, keeps books of them, signs the events that it tells, and holds every call against the published
//! document.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use rcgen::{KeyPair, PublicKeyData as _, SigningKey as _};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::spec::Spec;

pub const API_KEY: &str = "SG.a-key-of-tests";
pub const SENT_AT: &str = "1795593605";

/// Signs events; P-256, as SendGrid's own.
static KEY: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate().expect("rcgen makes it"));

/// How a call goes wrong, once.
#[derive(Clone, Debug)]
pub enum Mishap {
    /// This is answered, and nothing is taken.
    Answer(u16, Value),
    /// As [`Mishap::Answer`] with 429 and the moment until which to wait, in seconds.
    Throttled(i64),
    /// 500, and the mail is taken.
    ErrorAfter,
    /// The answer breaks off, and the mail is taken.
    CutAfter,
}

#[derive(Clone, Debug)]
pub struct Mail {
    pub body: Value,
    pub message_id: String,
}

impl Mail {
    pub fn notification(&self) -> &str {
        self.body["personalizations"][0]["custom_args"]["notification_id"].as_str().expect("our id")
    }

    /// An event about it, as SendGrid writes it, named after its kind.
    pub fn event(&self, kind: &str) -> Value {
        json!({
            "email": self.body["personalizations"][0]["to"][0]["email"],
            "timestamp": 1_795_593_604,
            "event": kind,
            "sg_event_id": format!("{kind}-{}", self.message_id),
            "sg_message_id": format!("{}.recvd-5d8f-abcd-1-6745.0", self.message_id),
            "notification_id": self.notification(),
        })
    }
}

#[derive(Default)]
struct Account {
    mails: Vec<Mail>,
    mishaps: VecDeque<Mishap>,
    faults: Vec<String>,
    scopes: Option<Vec<&'static str>>,
}

/// A running double. End it with [`SendGridDouble::close`], which tells whether all it was asked was well formed.
pub struct SendGridDouble {
    pub base_url: String,
    account: Arc<Mutex<Account>>,
    serving: JoinHandle<()>,
}

impl SendGridDouble {
    pub async fn start() -> SendGridDouble {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let base_url = format!("http://{}", listener.local_addr().expect("an address"));
        let account = Arc::new(Mutex::new(Account::default()));
        let spec = Arc::new(Spec::of("sendgrid-v3.json", &[]));
        let books = Arc::clone(&account);
        let router = Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let (books, spec) = (Arc::clone(&books), Arc::clone(&spec));
            async move { answer(&books, &spec, &method, &uri, &headers, &body) }
        });
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        SendGridDouble { base_url, account, serving }
    }

    /// The configuration of a shop that sends through it.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("BAYADER_MAIL__ADAPTER", "sendgrid".to_owned()),
            ("BAYADER_MAIL__FROM", "مخبز البيادر <orders@shop.example>".to_owned()),
            ("BAYADER_MAIL__REPLY_TO", "layla@shop.example".to_owned()),
            ("BAYADER_MAIL__MAX_PER_SECOND", "1000".to_owned()),
            ("BAYADER_MAIL__SENDGRID__API_KEY", API_KEY.to_owned()),
            ("BAYADER_MAIL__SENDGRID__BASE_URL", self.base_url.clone()),
            ("BAYADER_MAIL__SENDGRID__WEBHOOK_PUBLIC_KEY", public_key()),
        ]
    }

    fn books(&self) -> MutexGuard<'_, Account> {
        self.account.lock().expect("nobody panics with it")
    }

    pub fn mails(&self) -> Vec<Mail> {
        self.books().mails.clone()
    }

    /// The next calls go wrong so.
    pub fn next(&self, mishaps: impl IntoIterator<Item = Mishap>) {
        self.books().mishaps.extend(mishaps);
    }

    /// What the key may do from now on.
    pub fn key_may(&self, scopes: &[&'static str]) {
        self.books().scopes = Some(scopes.to_vec());
    }

    pub fn close(self) {
        self.serving.abort();
        assert_eq!(self.books().faults, Vec::<String>::new(), "what the published document does not know");
    }
}

fn answer(books: &Mutex<Account>, spec: &Spec, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Response {
    let mut account = books.lock().expect("nobody panics with it");
    let bearer = headers.get("authorization").and_then(|value| value.to_str().ok());
    if bearer != Some(&format!("Bearer {API_KEY}")) {
        return refuse(401, "The provided authorization grant is invalid, expired, or revoked", &Value::Null);
    }
    let path = uri.path().strip_prefix("/v3").unwrap_or_default();
    if (method, path) == (&Method::GET, "/scopes") {
        let scopes = account.scopes.clone().unwrap_or_else(|| vec!["mail.send", "sender_verification_eligible"]);
        return json_answer(200, &json!({ "scopes": scopes }));
    }
    let asked: Option<Value> = serde_json::from_slice(body).ok();
    let faults = spec.json_faults(method.as_str(), path, uri.query().unwrap_or_default(), asked.as_ref());
    account.faults.extend(faults);
    account.faults.extend(asked.as_ref().map(reserved).unwrap_or_default());
    let Some(asked) = asked else { return refuse(400, "Bad Request", &Value::Null) };
    let mishap = account.mishaps.pop_front();
    match &mishap {
        Some(Mishap::Answer(status, body)) => {
            return json_answer(*status, body);
        }
        Some(Mishap::Throttled(until)) => {
            let mut response = refuse(429, "too many requests", &Value::Null);
            response.headers_mut().insert("x-ratelimit-reset", HeaderValue::from(*until));
            return response;
        }
        Some(Mishap::ErrorAfter | Mishap::CutAfter) | None => {}
    }
    let message_id = format!("14c5d75ce93-{}", account.mails.len());
    account.mails.push(Mail { body: asked, message_id: message_id.clone() });
    match mishap {
        Some(Mishap::ErrorAfter) => refuse(500, "Internal error", &Value::Null),
        Some(Mishap::CutAfter) => {
            let cut = futures_util::stream::iter([Err::<Bytes, _>(std::io::Error::other("cut"))]);
            Body::from_stream(cut).into_response()
        }
        _ => {
            let mut response = StatusCode::ACCEPTED.into_response();
            response.headers_mut().insert("x-message-id", HeaderValue::from_str(&message_id).expect("a name"));
            response
        }
    }
}

/// Headers that a mail may not set; and its text stands before its HTML.
fn reserved(asked: &Value) -> Vec<String> {
    let taken = ["to", "from", "subject", "reply-to", "cc", "bcc", "content-type", "dkim-signature", "received"];
    let none = serde_json::Map::new();
    let names = asked["headers"].as_object().unwrap_or(&none).keys().map(|name| name.to_ascii_lowercase());
    let mut faults: Vec<String> = names
        .filter(|name| taken.contains(&name.as_str()) || name.starts_with("x-sg-"))
        .map(|name| format!("header {name}"))
        .collect();
    if asked["content"][0]["type"] != "text/plain" {
        faults.push("the text does not come first".to_owned());
    }
    faults
}

fn refuse(status: u16, message: &str, field: &Value) -> Response {
    json_answer(status, &json!({ "errors": [{ "message": message, "field": field, "help": null }] }))
}

fn json_answer(status: u16, body: &Value) -> Response {
    let kind = [("content-type", "application/json")];
    (StatusCode::from_u16(status).expect("a status"), kind, body.to_string()).into_response()
}

/// As the settings page shows it.
pub fn public_key() -> String {
    STANDARD.encode(KEY.subject_public_key_info())
}

/// A signature by SendGrid's key over whatever it is given, in base64.
pub fn signature(bytes: &[u8]) -> String {
    STANDARD.encode(KEY.sign(bytes).expect("rcgen makes it"))
}

/// A post of events and its headers, signed as SendGrid does: body and all, its line end too.
pub fn signed(events: &[Value]) -> (HeaderMap, Vec<u8>) {
    let body = format!("{}\r\n", Value::Array(events.to_vec())).into_bytes();
    let signature = signature(&[SENT_AT.as_bytes(), &body].concat());
    let header = |name: &'static str, value: &str| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header's text"))
    };
    let headers = HeaderMap::from_iter([
        header("content-type", "application/json"),
        header("x-twilio-email-event-webhook-signature", &signature),
        header("x-twilio-email-event-webhook-timestamp", SENT_AT),
    ]);
    (headers, body)
}
