//! What SendGrid answers.

use serde::Deserialize;

use crate::features::messages::{Outcome, reason};
use crate::kernel::UtcMs;
use crate::kernel::time::span::HOUR_MS;
use crate::outbound::Reply;

/// What a key needs; one without it sends nothing.
const MAY_SEND: &str = "mail.send";

#[derive(Deserialize, Default)]
struct Refusal {
    #[serde(default)]
    errors: Vec<Error>,
}

#[derive(Deserialize)]
struct Error {
    message: Option<String>,
    field: Option<String>,
}

#[derive(Deserialize)]
struct Scopes {
    scopes: Vec<String>,
}

impl Error {
    /// Whether it is about one of the fields that begin so, as `from.email`.
    fn is_of(&self, name: &str) -> bool {
        self.field.as_deref().is_some_and(|field| field.split('.').any(|part| part == name))
    }
}

/// What became of a message that was posted.
pub(super) fn outcome(reply: &Reply, now: UtcMs) -> Outcome {
    let status = reply.status.as_u16();
    let header = |name: &str| reply.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if reply.status.is_success() {
        let provider_id = header("x-message-id").filter(|id| !id.is_empty() && id.len() <= 100).map(str::to_owned);
        return Outcome::Sent { provider_id };
    }
    let refusal: Refusal = serde_json::from_slice(&reply.body).unwrap_or_default();
    let why = told(status, &refusal);
    match status {
        // Whose fault it is stands in the field: ours to mend, or the address itself.
        400 if refusal.errors.iter().any(|error| error.is_of("from")) => Outcome::Misconfigured { why },
        // 404 and 405 are no answers of this call: `base_url` leads elsewhere.
        401 | 403 | 404 | 405 => Outcome::Misconfigured { why },
        429 => Outcome::Later { why, not_before: header("x-ratelimit-reset").and_then(|text| moment(text, now)) },
        408 | 500.. => Outcome::Unclear { why },
        _ => Outcome::Failed { code: status.to_string(), why, suppress: None },
    }
}

/// Seconds since 1970; no later than in an hour, whatever a clock elsewhere says.
fn moment(text: &str, now: UtcMs) -> Option<UtcMs> {
    let seconds: i64 = text.parse().ok()?;
    Some(UtcMs::from_ms(seconds.saturating_mul(1_000)).min(now.plus_ms(HOUR_MS)))
}

fn told(status: u16, refusal: &Refusal) -> String {
    let first = refusal.errors.first();
    let field = first.and_then(|error| error.field.as_deref()).map(|field| format!(", {}", reason(field))).unwrap_or_default();
    match first.and_then(|error| error.message.as_deref()) {
        Some(message) => format!("SendGrid answered {status}{field}: {}", reason(message)),
        None => format!("SendGrid answered {status}"),
    }
}

/// Whether a key may send, by what it says it may.
pub(super) fn may_send(reply: &Reply, now: UtcMs) -> Result<(), Outcome> {
    if !reply.status.is_success() {
        return Err(outcome(reply, now));
    }
    let may =
        serde_json::from_slice::<Scopes>(&reply.body).is_ok_and(|known| known.scopes.iter().any(|scope| scope == MAY_SEND));
    if may {
        Ok(())
    } else {
        Err(Outcome::Misconfigured { why: "the API key may not send: it needs the permission Mail Send".to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, StatusCode};
    use serde_json::{Value, json};

    use super::*;

    const NOW: UtcMs = UtcMs::from_ms(1_795_593_600_000);

    fn reply(status: u16, headers: &[(&'static str, &'static str)], body: &Value) -> Reply {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_static(value));
        }
        Reply { status: StatusCode::from_u16(status).expect("a status"), headers: map, body: body.to_string().into() }
    }

    fn error(message: &str, field: Value) -> Value {
        json!({ "errors": [{ "message": message, "field": field, "help": null }] })
    }

    #[test]
    fn each_answer_means_what_the_table_says() {
        let sent = outcome(&reply(202, &[("x-message-id", "14c5d75ce93")], &Value::Null), NOW);
        assert_eq!(sent, Outcome::Sent { provider_id: Some("14c5d75ce93".to_owned()) });
        assert_eq!(outcome(&reply(202, &[], &Value::Null), NOW), Outcome::Sent { provider_id: None });
        let of = |status: u16, body: Value| match outcome(&reply(status, &[("x-ratelimit-reset", "1795593700")], &body), NOW) {
            Outcome::Failed { suppress: None, .. } => "failed",
            Outcome::Misconfigured { .. } => "misconfigured",
            Outcome::Later { not_before: Some(at), .. } if at == UtcMs::from_ms(1_795_593_700_000) => "later",
            Outcome::Unclear { .. } => "unclear",
            _ => "something else",
        };
        let cases = [
            (400, error("Does not contain a valid address.", json!("personalizations.0.to.0.email")), "failed"),
            (400, error("The from email does not contain a valid address.", json!("from.email")), "misconfigured"),
            (400, error("Bad Request", Value::Null), "failed"),
            (401, error("The provided authorization grant is invalid", Value::Null), "misconfigured"),
            (403, error("The from address does not match a verified Sender Identity.", json!("from")), "misconfigured"),
            (404, Value::Null, "misconfigured"),
            (413, error("Payload Too Large", Value::Null), "failed"),
            (429, error("too many requests", Value::Null), "later"),
            (500, Value::Null, "unclear"),
            (503, json!("<html>"), "unclear"),
        ];
        for (status, body, expected) in cases {
            assert_eq!(of(status, body.clone()), expected, "{status} {body}");
        }
        let hours = |text: &'static str| outcome(&reply(429, &[("x-ratelimit-reset", text)], &Value::Null), NOW);
        assert!(matches!(hours("soon"), Outcome::Later { not_before: None, .. }));
        let in_an_hour = NOW.plus_ms(3_600_000);
        assert!(matches!(hours("9999999999"), Outcome::Later { not_before: Some(at), .. } if at == in_an_hour));
    }

    #[test]
    fn a_key_that_may_not_send_is_told_of() {
        let scopes = |scopes: Value| may_send(&reply(200, &[], &json!({ "scopes": scopes })), NOW);
        assert_eq!(scopes(json!(["mail.send", "sender_verification_eligible"])), Ok(()));
        assert!(matches!(scopes(json!(["stats.read"])), Err(Outcome::Misconfigured { .. })));
        assert!(matches!(may_send(&reply(401, &[], &Value::Null), NOW), Err(Outcome::Misconfigured { .. })));
    }
}
