//! Calls to Stripe: headers, retries, and what its errors mean (PROVIDERS 2, 2.6).

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::answers::{text, whole_list};
use super::requests::Form;
use crate::config::{Secret, Stripe as Section};
use crate::features::payments::gateway::CallFault;
use crate::features::payments::gateways::lenient::short;
use crate::features::payments::gateways::{GatewayFault, Setting};
use crate::outbound::{Outbound, Patience, Reply, Retry, is_unclear_status};

/// The version in which Stripe is spoken to. Later ones rename what is sent (`payment_method_types`), so it is always said.
pub const VERSION: &str = "2025-09-30.clover";

/// Objects a page of a list; Stripe's most.
const PAGE: i64 = 100;
/// Pages of a list that are looked at. What is not found in so many is not known to be missing.
const MAX_PAGES: usize = 100;
/// A refund is sent by a job, which may wait longer than a customer.
const PATIENCE_OF_A_JOB: u32 = 3;

/// One account at Stripe.
#[derive(Debug)]
pub(super) struct Client {
    outbound: Outbound,
    base_url: String,
    secret_key: Secret,
    patience: Patience,
}

/// Whose time a call takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Haste {
    Usual,
    Job,
}

impl Client {
    pub(super) fn new(section: &Section, setting: &Setting) -> Result<Client, GatewayFault> {
        let outbound = Outbound::new("Stripe", setting.clock.clone(), setting.patience)
            .map_err(|error| GatewayFault::Client { gateway: "stripe", reason: error.to_string() })?;
        Ok(Client {
            outbound,
            base_url: section.base_url.as_str().to_owned(),
            secret_key: section.secret_key.clone(),
            patience: setting.patience,
        })
    }

    /// Asks for an object or a list.
    pub(super) async fn get(&self, path: &str, query: &Form) -> Result<Value, CallFault> {
        let mark = if query.is_empty() { "" } else { "?" };
        let url = format!("{}{path}{mark}{}", self.base_url, query.encoded());
        let reply = self
            .outbound
            .send(
                Retry::Safe,
                |client| client.get(&url).bearer_auth(self.secret_key.reveal()).header("stripe-version", VERSION),
                is_unclear,
            )
            .await?;
        read(&reply)
    }

    /// Has something done, once however often it is sent under the same key.
    pub(super) async fn post(&self, path: &str, key: &str, form: &Form, haste: Haste) -> Result<Value, CallFault> {
        let url = format!("{}{path}", self.base_url);
        let body = form.encoded();
        let patience = self.patience.call * if haste == Haste::Job { PATIENCE_OF_A_JOB } else { 1 };
        let reply = self
            .outbound
            .send(
                Retry::Safe,
                |client| {
                    client
                        .post(&url)
                        .bearer_auth(self.secret_key.reveal())
                        .header("stripe-version", VERSION)
                        .header("idempotency-key", key)
                        .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                        .timeout(patience)
                        .body(body.clone())
                },
                is_unclear,
            )
            .await?;
        read(&reply)
    }

    /// Walks a list from its newest object on, until `look` has found what it looks for; `None` if it is surely not in it.
    pub(super) async fn walk<T>(
        &self,
        path: &str,
        query: &Form,
        mut look: impl FnMut(&Value) -> Option<T> + Send,
    ) -> Result<Option<T>, CallFault>
    where
        T: Send,
    {
        let mut last: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let mut page_query = query.clone().with("limit", PAGE);
            if let Some(last) = &last {
                page_query = page_query.with("starting_after", last);
            }
            let page = self.get(path, &page_query).await?;
            let (objects, has_more) = whole_list(&page).ok_or_else(unreadable)?;
            if let Some(found) = objects.iter().find_map(&mut look) {
                return Ok(Some(found));
            }
            match objects.last() {
                Some(object) if has_more => last = Some(text(object, "id").ok_or_else(unreadable)?.to_owned()),
                _ => return Ok(None),
            }
        }
        Err(CallFault::Unclear(format!("Stripe's list {path} is longer than {MAX_PAGES} pages")))
    }
}

/// Stripe's own word on trying again goes before the table of statuses.
fn is_unclear(reply: &Reply) -> bool {
    should_retry(&reply.headers).unwrap_or_else(|| is_unclear_status(reply.status))
}

fn should_retry(headers: &HeaderMap) -> Option<bool> {
    headers.get("stripe-should-retry")?.to_str().ok()?.trim().parse().ok()
}

fn unreadable() -> CallFault {
    CallFault::Unclear("Stripe's answer cannot be read".to_owned())
}

/// An object as it was answered, with the request's id that Stripe's support asks for; or why it was not done.
fn read(reply: &Reply) -> Result<Value, CallFault> {
    let request_id = reply.headers.get("request-id").and_then(|id| id.to_str().ok());
    // Whether it is worth another try does not say whether it was done: only a clear status does.
    if is_unclear_status(reply.status) || should_retry(&reply.headers) == Some(true) {
        return Err(CallFault::Unclear(told(&format!("Stripe answered {}", reply.status.as_u16()), request_id)));
    }
    let mut body: Value = serde_json::from_slice(&reply.body).map_err(|_| unreadable())?;
    if reply.status.is_success() {
        let object = body.as_object_mut().ok_or_else(unreadable)?;
        if let Some(id) = request_id {
            object.insert("request_id".to_owned(), id.into());
        }
        return Ok(body);
    }
    match body.get("error").filter(|_| reply.status.is_client_error()) {
        Some(error) => Err(fault(reply.status, error, request_id)),
        None => Err(unreadable()),
    }
}

fn fault(status: StatusCode, error: &Value, request_id: Option<&str>) -> CallFault {
    let kind = text(error, "type").unwrap_or("unknown_error");
    let code = text(error, "code").unwrap_or(kind);
    let message = clean(text(error, "message").unwrap_or_default());
    let parameter = text(error, "param").map(|name| format!(" ({name})")).unwrap_or_default();
    match (status.as_u16(), kind, code) {
        (402, ..) | (_, "card_error", _) => {
            CallFault::Declined { code: text(error, "decline_code").unwrap_or(code).to_owned(), message }
        }
        (401, ..) => {
            CallFault::Misconfigured(told("Stripe does not know the key; check payments.stripe.secret_key", request_id))
        }
        (403, ..) => CallFault::Misconfigured(told(
            "the key of payments.stripe.secret_key lacks a right that the shop needs",
            request_id,
        )),
        // Something was sent under this key before, with other words. What became of that, nobody knows from here, so this is no
        // refusal: who takes it for one would begin a second payment or refund beside the first.
        (_, "idempotency_error", _) => {
            tracing::error!(request_id, "Stripe was sent other parameters under a key that was used before");
            CallFault::Unclear(told("the key was used before with other parameters", request_id))
        }
        (_, _, "amount_too_small") => CallFault::Refused { code: "below_minimum".to_owned(), message },
        (_, _, "amount_too_large") => CallFault::Refused { code: "above_maximum".to_owned(), message },
        (_, _, code) if code.starts_with("parameter_invalid") => {
            CallFault::Misconfigured(told(&format!("Stripe does not take a parameter: {code}{parameter}"), request_id))
        }
        _ => CallFault::Refused { code: code.to_owned(), message: told(&format!("{message}{parameter}"), request_id) },
    }
}

fn told(what: &str, request_id: Option<&str>) -> String {
    request_id.map_or_else(|| what.to_owned(), |id| format!("{what} [{id}]"))
}

/// A message of Stripe's without what may name a person: it repeats an address that it does not take.
pub(super) fn clean(message: &str) -> String {
    short(message)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;

    fn reply(status: u16, headers: &[(&'static str, &str)], body: &str) -> Reply {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().expect("a header"));
        }
        let status = StatusCode::from_u16(status).expect("a status");
        Reply { status, headers: map, body: Bytes::copy_from_slice(body.as_bytes()) }
    }

    fn refused(status: u16, error: Value) -> CallFault {
        read(&reply(status, &[("request-id", "req_1")], &json!({ "error": error }).to_string())).expect_err("a refusal")
    }

    #[test]
    fn a_decline_has_the_reason_for_staff_and_the_words_for_the_customer() {
        let error = json!({ "type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds",
            "message": "Your card has insufficient funds." });
        let declined = CallFault::Declined {
            code: "insufficient_funds".to_owned(),
            message: "Your card has insufficient funds.".to_owned(),
        };
        assert_eq!(refused(402, error), declined);
    }

    #[test]
    fn each_error_has_its_meaning() {
        let invalid =
            |code: &str| json!({ "type": "invalid_request_error", "code": code, "message": "No.", "param": "amount" });
        let code_of = |fault: CallFault| match fault {
            CallFault::Refused { code, .. } => code,
            other => panic!("{other:?}"),
        };
        assert_eq!(code_of(refused(400, invalid("amount_too_small"))), "below_minimum");
        assert_eq!(code_of(refused(400, invalid("amount_too_large"))), "above_maximum");
        assert_eq!(code_of(refused(400, invalid("charge_disputed"))), "charge_disputed");
        assert_eq!(code_of(refused(404, invalid("resource_missing"))), "resource_missing");
        assert_eq!(
            code_of(refused(400, json!({ "type": "invalid_request_error", "message": "No." }))),
            "invalid_request_error"
        );
        for (status, error) in [
            (401, json!({ "type": "invalid_request_error" })),
            (403, json!({ "type": "invalid_request_error" })),
            (400, invalid("parameter_invalid_integer")),
        ] {
            assert!(matches!(refused(status, error), CallFault::Misconfigured(_)), "{status}");
        }
        for (status, error) in [
            (409, invalid("idempotency_key_in_use")),
            (429, invalid("lock_timeout")),
            (500, json!({ "type": "api_error" })),
            (400, json!({ "type": "idempotency_error" })),
        ] {
            assert!(matches!(refused(status, error), CallFault::Unclear(_)), "{status}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_unclear() {
        for (status, body) in [(200, "<html>"), (200, "[]"), (400, "<html>"), (403, "{}"), (302, "{}"), (200, "")] {
            assert!(matches!(read(&reply(status, &[], body)), Err(CallFault::Unclear(_))), "{status} {body}");
        }
    }

    #[test]
    fn stripe_says_itself_whether_to_try_again() {
        assert!(!is_unclear(&reply(500, &[("stripe-should-retry", "false")], "{}")));
        assert!(is_unclear(&reply(400, &[("stripe-should-retry", "true")], "{}")));
        assert!(is_unclear(&reply(503, &[], "{}")));
        assert!(!is_unclear(&reply(400, &[], "{}")));
        // Not to be tried again is not the same as not done.
        let last_word = read(&reply(500, &[("stripe-should-retry", "false")], "{}"));
        assert!(matches!(last_word, Err(CallFault::Unclear(_))));
    }

    #[test]
    fn a_message_names_nobody() {
        assert_eq!(clean("Invalid email address: layla@example.com"), "Invalid email address: …");
        assert!(!clean("Your card 4242-4242-4242-4242 was declined").contains("4242"));
        assert_eq!(clean(&"x".repeat(1_000)).chars().count(), 300);
    }

    #[test]
    fn the_request_id_stays_with_the_answer() {
        let answer = read(&reply(200, &[("request-id", "req_1")], r#"{"id":"cs_1"}"#)).expect("an answer");
        assert_eq!(answer, json!({ "id": "cs_1", "request_id": "req_1" }));
    }
}
