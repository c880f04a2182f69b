//! Calls to PayPal: the access token they carry, and what came back.

use std::time::Duration;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use super::faults::Refusal;
use crate::clock::Clock;
use crate::config::{PayPal as Config, Secret};
use crate::features::payments::gateway::CallFault;
use crate::outbound::{Outbound, Patience, Reply, Retry, is_unclear_status};

/// A token is renewed so long before its end (PROVIDERS 3.1).
const RENEWED_BEFORE: Duration = Duration::from_secs(60);
/// The most characters of a name that PayPal gives, as it stands in paths.
const LONGEST_NAME: usize = 64;

/// PayPal's side of the wire, with our account there.
#[derive(Debug)]
pub(super) struct Client {
    outbound: Outbound,
    base_url: String,
    client_id: String,
    client_secret: Secret,
    /// Held while a token is fetched and no longer, so that many calls wait for one.
    token: Mutex<Option<Token>>,
    clock: Clock,
    patience: Patience,
}

#[derive(Clone, Debug)]
struct Token {
    text: Secret,
    /// When it is renewed, on the clock that never runs backwards.
    renewed_at: Duration,
}

/// One call.
pub(super) struct Ask<'a> {
    method: Method,
    path: String,
    /// The same bytes each time.
    body: Option<String>,
    /// `PayPal-Request-Id`.
    key: Option<&'a str>,
    call: Duration,
}

/// A readable 2xx.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub body: Value,
    /// `PayPal-Debug-Id`, by which PayPal's support finds the call.
    pub debug_id: Option<String>,
}

/// Why there is no [`Answer`].
#[derive(Debug)]
pub(super) enum Trouble {
    /// PayPal said why it will not.
    Refused(Refusal),
    Fault(CallFault),
}

impl Answer {
    /// The answer with its debug id in it, for the books.
    pub fn raw(&self) -> Value {
        let mut raw = self.body.clone();
        if let (Value::Object(fields), Some(id)) = (&mut raw, &self.debug_id) {
            fields.insert("paypal_debug_id".to_owned(), Value::String(id.clone()));
        }
        raw
    }
}

impl Client {
    pub fn new(config: &Config, outbound: Outbound, clock: Clock, patience: Patience) -> Client {
        Client {
            outbound,
            base_url: config.base_url.as_str().to_owned(),
            client_id: config.client_id.clone(),
            client_secret: config.client_secret.clone(),
            token: Mutex::new(None),
            clock,
            patience,
        }
    }

    pub fn get<'a>(&self, path: String) -> Ask<'a> {
        Ask { method: Method::GET, path, body: None, key: None, call: self.patience.call }
    }

    pub fn post<'a>(&self, path: String, body: &Value, key: &'a str) -> Ask<'a> {
        Ask { method: Method::POST, path, body: Some(body.to_string()), key: Some(key), call: self.patience.call }
    }

    /// Waits three times as long: for what jobs do, where nobody stands and waits.
    pub fn with_long_patience<'a>(&self, ask: Ask<'a>) -> Ask<'a> {
        Ask { call: self.patience.call.saturating_mul(3), ..ask }
    }

    /// Makes a call, and makes it again where that is safe: every `GET` is, and every `POST` with its key.
    pub async fn call(&self, ask: &Ask<'_>) -> Result<Answer, Trouble> {
        let token = self.token().await?;
        let reply = self.send(ask, &token).await?;
        if reply.status != StatusCode::UNAUTHORIZED {
            return read(&reply);
        }
        // Turned away: once more with another token, and with the same key. A try before this one may have been let in.
        let again = async { self.send(ask, &self.another_token(&token).await?).await };
        match again.await {
            Ok(reply) => read(&reply),
            Err(Trouble::Fault(CallFault::NotSent(why))) => Err(Trouble::Fault(CallFault::Unclear(why))),
            Err(trouble) => Err(trouble),
        }
    }

    async fn send(&self, ask: &Ask<'_>, token: &Secret) -> Result<Reply, Trouble> {
        let url = format!("{}{}", self.base_url, ask.path);
        let reply = self.outbound.send(
            Retry::Safe,
            |client| {
                let mut request = client.request(ask.method.clone(), &url).bearer_auth(token.reveal()).timeout(ask.call);
                if let Some(key) = ask.key {
                    request = request.header("PayPal-Request-Id", key);
                }
                if let Some(body) = &ask.body {
                    request = request
                        .header("Prefer", "return=representation")
                        .header(http::header::CONTENT_TYPE, "application/json")
                        .body(body.clone());
                }
                request
            },
            |reply| is_unclear_status(reply.status),
        );
        reply.await.map_err(|fault| Trouble::Fault(fault.into()))
    }

    /// A token that lives, fetched if need be.
    async fn token(&self) -> Result<Secret, CallFault> {
        let mut held = self.token.lock().await;
        match &*held {
            Some(token) if self.clock.elapsed() < token.renewed_at => Ok(token.text.clone()),
            _ => self.fetch_into(&mut held).await,
        }
    }

    /// A token in place of one that was refused. Of many that come with the same one only the first fetches.
    async fn another_token(&self, refused: &Secret) -> Result<Secret, CallFault> {
        let mut held = self.token.lock().await;
        match &*held {
            Some(token) if token.text.reveal() != refused.reveal() => Ok(token.text.clone()),
            _ => self.fetch_into(&mut held).await,
        }
    }

    /// Fetches a token whatever is held: the cheapest call that shows whether the keys are right.
    pub async fn check(&self) -> Result<(), CallFault> {
        let mut held = self.token.lock().await;
        self.fetch_into(&mut held).await.map(|_| ())
    }

    async fn fetch_into(&self, held: &mut Option<Token>) -> Result<Secret, CallFault> {
        *held = None;
        let token = self.fetch_token().await?;
        let text = token.text.clone();
        *held = Some(token);
        Ok(text)
    }

    /// Without a token the call itself never leaves: whatever goes wrong here, that was surely not sent.
    async fn fetch_token(&self) -> Result<Token, CallFault> {
        #[derive(Deserialize)]
        struct Granted {
            access_token: String,
            expires_in: u64,
        }
        let url = format!("{}/v1/oauth2/token", self.base_url);
        let asked_at = self.clock.elapsed();
        let reply = self.outbound.send(
            Retry::Safe,
            |client| {
                client
                    .post(&url)
                    .basic_auth(&self.client_id, Some(self.client_secret.reveal()))
                    .form(&[("grant_type", "client_credentials")])
            },
            |reply| is_unclear_status(reply.status),
        );
        let reply = reply.await.map_err(|_| CallFault::NotSent("paypal gave no access token".to_owned()))?;
        if matches!(reply.status.as_u16(), 400 | 401 | 403) {
            return Err(CallFault::Misconfigured(
                "PayPal refuses payments.paypal.client_id with its client_secret at payments.paypal.base_url: \
                 take both from the same app, and the sandbox's only with the sandbox's base_url"
                    .to_owned(),
            ));
        }
        let granted = serde_json::from_slice::<Granted>(&reply.body).ok().filter(|_| reply.status.is_success());
        let granted = granted
            .ok_or_else(|| CallFault::NotSent(format!("paypal gave no access token (status {})", reply.status.as_u16())))?;
        let lives = Duration::from_secs(granted.expires_in).saturating_sub(RENEWED_BEFORE);
        Ok(Token { text: Secret::new(granted.access_token), renewed_at: asked_at.saturating_add(lives) })
    }
}

impl From<CallFault> for Trouble {
    fn from(fault: CallFault) -> Trouble {
        Trouble::Fault(fault)
    }
}

/// The three outcomes of PROVIDERS 1: a readable 2xx, a readable 4xx that says why, or nobody knows.
fn read(reply: &Reply) -> Result<Answer, Trouble> {
    let debug_id = reply.headers.get("paypal-debug-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let unclear = |what: &str| {
        let id = debug_id.as_deref().map(|id| format!(", debug id {id}")).unwrap_or_default();
        Trouble::Fault(CallFault::Unclear(format!("paypal answered {} {what}{id}", reply.status.as_u16())))
    };
    let body = serde_json::from_slice::<Value>(&reply.body).ok().filter(Value::is_object);
    if reply.status.is_success() {
        return body.map(|body| Answer { body, debug_id: debug_id.clone() }).ok_or_else(|| unclear("without a readable body"));
    }
    if reply.status == StatusCode::UNAUTHORIZED {
        return Err(Trouble::Fault(CallFault::Misconfigured(
            "PayPal refuses the access token that it has just given: look at the app at developer.paypal.com".to_owned(),
        )));
    }
    let refusal = body.and_then(|body| Refusal::read(reply.status, &body, debug_id.as_deref()));
    match refusal {
        Some(refusal) if refusal.is_to_be_asked_about() => Err(Trouble::Refused(refusal)),
        Some(refusal) if reply.status.is_client_error() && !is_unclear_status(reply.status) => Err(Trouble::Refused(refusal)),
        Some(refusal) => Err(unclear(refusal.code())),
        None => Err(unclear("without a reason")),
    }
}

/// A name that PayPal gave, fit for a path; what is not is no name of PayPal's.
pub(super) fn name(text: &str) -> Option<&str> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (is_plain && !text.is_empty() && text.len() <= LONGEST_NAME).then_some(text)
}
