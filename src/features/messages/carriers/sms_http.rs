//! Any gateway of text messages that takes one POST a message: JSON `{"id", "to", "text", "sender"}`, or a form that the keeper has
//! written (PROVIDERS 8).
//!
//! Nothing is known of its books, so what may have been taken cannot be looked for: our id goes with each try, and a gateway that keeps
//! it can tell a message that comes again.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use super::{Setting, cut};
use crate::clock::Clock;
use crate::config::{Secret, SmsHttp as Section};
use crate::features::messages::carrier::{Boxed, Carrier, Outcome, Outgoing};
use crate::features::messages::{CarrierFault, Channel};
use crate::kernel::UtcMs;
use crate::outbound::{Outbound, Reply, Retry, SendFault, is_unclear_status, retry_after_ms};

/// As long as ten segments of Latin text, which is as far as gateways go.
const MAX_TEXT: usize = 1_600;
/// A gateway's id is kept up to this.
const MAX_ID: usize = 200;

pub(super) fn open(section: &Section, setting: &Setting<'_>) -> Result<Arc<dyn Carrier>, CarrierFault> {
    let outbound = Outbound::new("the gateway of text messages", setting.clock.clone(), setting.patience)
        .map_err(|error| CarrierFault::Carrier { carrier: "sms.http", reason: error.to_string() })?;
    Ok(Arc::new(SmsHttp { section: section.clone(), clock: setting.clock.clone(), outbound }))
}

struct SmsHttp {
    section: Section,
    clock: Clock,
    outbound: Outbound,
}

impl SmsHttp {
    fn body(&self, message: &Outgoing) -> (&'static str, String) {
        let (id, text) = (message.id.to_string(), cut(&message.text, MAX_TEXT));
        let sender = self.section.from.as_deref();
        match &self.section.form {
            Some(form) => {
                let digits = message.to.trim_start_matches('+');
                let places = [&id, &message.to, digits, &text, sender.unwrap_or_default()];
                ("application/x-www-form-urlencoded", filled(form, places))
            }
            None => {
                let mut body = json!({ "id": id, "to": message.to, "text": text });
                if let (Some(sender), Some(fields)) = (sender, body.as_object_mut()) {
                    fields.insert("sender".to_owned(), sender.into());
                }
                ("application/json", body.to_string())
            }
        }
    }

    async fn post(&self, message: &Outgoing) -> Outcome {
        let (media_type, body) = self.body(message);
        let sent = self.outbound.send(
            Retry::OnlyUnsent,
            |client| {
                let request = client.post(self.section.url.as_str()).header(http::header::CONTENT_TYPE, media_type);
                let request = match self.section.authorization.as_ref().map(Secret::reveal) {
                    Some(authorization) => request.header(http::header::AUTHORIZATION, authorization),
                    None => request,
                };
                request.body(body.clone())
            },
            |reply| is_unclear_status(reply.status),
        );
        match sent.await {
            Ok(reply) => outcome(&reply, self.section.id_at.as_deref(), self.clock.now()),
            Err(SendFault::NotSent(_)) => Outcome::Unreachable { why: "the gateway cannot be reached".to_owned() },
            Err(SendFault::Unclear(_)) => Outcome::Unclear { why: "the gateway did not answer".to_owned() },
        }
    }
}

impl Carrier for SmsHttp {
    fn name(&self) -> &'static str {
        "http"
    }

    fn channel(&self) -> Channel {
        Channel::Sms
    }

    fn send<'a>(&'a self, message: &'a Outgoing) -> Boxed<'a, Outcome> {
        Box::pin(self.post(message))
    }
}

/// A form with its places filled, each with what it stands for as a form writes it. In one go: a text that holds a place's name is text.
fn filled(form: &str, values: [&str; 5]) -> String {
    let places: Vec<(&str, &str)> = Section::PLACES.into_iter().zip(values).collect();
    let (mut filled, mut rest) = (String::new(), form);
    while let Some(at) = rest.find('{') {
        let (before, place) = rest.split_at(at);
        filled.push_str(before);
        rest = match places.iter().find(|(name, _)| place.starts_with(name)) {
            Some((name, value)) => {
                filled.extend(form_urlencoded::byte_serialize(value.as_bytes()));
                place.get(name.len()..).unwrap_or_default()
            }
            None => {
                filled.push('{');
                place.get(1..).unwrap_or_default()
            }
        };
    }
    filled.push_str(rest);
    filled
}

fn outcome(reply: &Reply, id_at: Option<&str>, now: UtcMs) -> Outcome {
    let status = reply.status;
    let told = |what: &str| format!("{what} (the gateway answered {})", status.as_u16());
    let not_before = || retry_after_ms(reply).and_then(|ms| i64::try_from(ms).ok()).map(|ms| now.plus_ms(ms));
    match status {
        _ if status.is_success() => Outcome::Sent { provider_id: id_at.and_then(|pointer| id(&reply.body, pointer)) },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Outcome::Misconfigured { why: told("sms.http.authorization is refused") }
        }
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::GONE => {
            Outcome::Misconfigured { why: told("nobody takes messages at sms.http.url") }
        }
        _ if status.is_redirection() => {
            Outcome::Misconfigured { why: told("it leads elsewhere; put that address in sms.http.url") }
        }
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_EARLY => Outcome::Later { why: told("it is too busy"), not_before: not_before() },
        _ if status.is_client_error() => {
            Outcome::Failed { code: status.as_str().to_owned(), why: told("it was refused"), suppress: None }
        }
        _ => Outcome::Unclear { why: told("it may have been taken") },
    }
}

/// The gateway's id, where the keeper says that it stands; none if it is not there, which is no reason to doubt the message.
fn id(body: &[u8], pointer: &str) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let text = match answer.pointer(pointer)? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty() && text.len() <= MAX_ID).then_some(text)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn a_form_is_filled_once() {
        let values = ["7", "+962790000001", "962790000001", "جاهز & {to} 100%", "Bayader"];
        assert_eq!(
            filled("u=me&to={to}&d={digits}&m={text}&s={sender}&i={id}&x={", values),
            "u=me&to=%2B962790000001&d=962790000001&m=%D8%AC%D8%A7%D9%87%D8%B2+%26+%7Bto%7D+100%25&s=Bayader&i=7&x={"
        );
    }

    #[test]
    fn each_answer_is_what_the_contract_says() {
        let now = UtcMs::from_ms(1_000);
        let of = |status: u16| {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", HeaderValue::from_static("30"));
            let reply = Reply {
                status: StatusCode::from_u16(status).expect("a status"),
                headers,
                body: Bytes::from("{\"d\":[{\"i\":7}]}"),
            };
            outcome(&reply, Some("/d/0/i"), now)
        };
        for status in [200, 201, 202, 204] {
            assert_eq!(of(status), Outcome::Sent { provider_id: Some("7".to_owned()) });
        }
        for status in [302, 401, 403, 404] {
            assert!(matches!(of(status), Outcome::Misconfigured { .. }), "{status}");
        }
        for status in [400, 402, 409, 413, 422] {
            assert!(matches!(of(status), Outcome::Failed { .. }), "{status}");
        }
        for status in [408, 429, 503] {
            assert!(matches!(of(status), Outcome::Later { not_before: Some(at), .. } if at.ms() == 31_000), "{status}");
        }
        for status in [500, 502, 504] {
            assert!(matches!(of(status), Outcome::Unclear { .. }), "{status}");
        }
    }

    #[test]
    fn an_id_is_kept_if_it_is_one() {
        assert_eq!(id(b"{\"id\":\"a1\"}", "/id"), Some("a1".to_owned()));
        for body in [&b"OK"[..], b"{}", b"{\"id\":{}}", b"{\"id\":\"\"}"] {
            assert_eq!(id(body, "/id"), None);
        }
    }
}
