//! What SendGrid tells by itself: whether it is SendGrid's, and what it says.
//!
//! It signs the text of a header with the moment and, after it, the body byte for byte. A signature grows never old, so an old post comes
//! as genuine as a new one: each event has a name, by which the books know that they had it.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::features::messages::carrier::{Callback, Heard, News, Unwanted};
use crate::features::messages::{SuppressReason, Told, ToldState};
use crate::kernel::{NotificationId, UtcMs};

const SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
const TIMESTAMP: &str = "x-twilio-email-event-webhook-timestamp";

/// Reads the verification key of the settings page: base64 of a public key of P-256.
pub(super) fn key(base64: &str) -> Option<ParsedPublicKey> {
    ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, STANDARD.decode(base64.trim()).ok()?).ok()
}

pub(super) fn hear(key: &ParsedPublicKey, callback: &Callback<'_>) -> Heard {
    if let Err(why) = verify(key, callback) {
        return Heard::Forged { why };
    }
    match serde_json::from_slice::<Vec<&RawValue>>(callback.body) {
        // One that is read otherwise than it is written one day must not hide the others.
        Ok(events) => Heard::Genuine(
            events.into_iter().filter_map(|event| serde_json::from_str(event.get()).ok()).filter_map(news).collect(),
        ),
        Err(_) => {
            tracing::warn!("SendGrid has told something that is no list of events; it is left out");
            Heard::Genuine(Vec::new())
        }
    }
}

fn verify(key: &ParsedPublicKey, callback: &Callback<'_>) -> Result<(), &'static str> {
    let header = |name| callback.headers.get(name).and_then(|value| value.to_str().ok());
    let signature = header(SIGNATURE).ok_or("it has no signature")?;
    let timestamp = header(TIMESTAMP).ok_or("it has no moment of its signature")?;
    let signature = STANDARD.decode(signature).map_err(|_| "its signature is no base64")?;
    let signed = [timestamp.as_bytes(), callback.body].concat();
    key.verify_sig(&signed, &signature).map_err(|_| "its signature is not over it")
}

/// An event, as far as it is read. `notification_id` came with the message, and comes back.
#[derive(Deserialize)]
struct Event {
    event: String,
    sg_event_id: String,
    sg_message_id: Option<String>,
    notification_id: String,
    timestamp: Option<i64>,
    reason: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// What an event says of a message of ours, if it says something of one.
fn news(event: Event) -> Option<News> {
    use SuppressReason::{Bounced, Complained, Stopped};
    let reason = event.reason.as_deref().unwrap_or_default();
    let (state, suppress, unwanted) = match event.event.as_str() {
        "processed" | "deferred" => (Some(ToldState::Taken), None, None),
        "delivered" => (Some(ToldState::Delivered), None, None),
        // Refused for now, as for its sender's name; the address is a good one.
        "bounce" if event.kind.as_deref() == Some("blocked") => (Some(ToldState::Failed), None, None),
        "bounce" => (Some(ToldState::Failed), Some(Bounced), None),
        // SendGrid itself writes there no more, whatever we ask.
        "dropped" if reason.starts_with("Bounced") => (Some(ToldState::Failed), Some(Bounced), None),
        "dropped" if reason.starts_with("Unsubscribed") => (Some(ToldState::Failed), Some(Stopped), None),
        "dropped" if reason.starts_with("Spam Reporting") => (Some(ToldState::Failed), Some(Complained), None),
        "dropped" => (Some(ToldState::Failed), None, None),
        "spamreport" => (None, Some(Complained), Some(Unwanted::Complained)),
        "unsubscribe" | "group_unsubscribe" => (None, None, Some(Unwanted::Unsubscribed)),
        // That a mail was opened is nobody's business here.
        _ => return None,
    };
    let told = Told {
        state,
        provider_id: event.sg_message_id.and_then(|id| id.split('.').next().filter(|id| !id.is_empty()).map(str::to_owned)),
        why: event.reason,
        suppress,
        // Without a moment of its own it is of now: the books take no later one.
        at: UtcMs::from_ms(event.timestamp.unwrap_or(i64::MAX).saturating_mul(1_000)),
    };
    let message = NotificationId::parse(&event.notification_id)?;
    Some(News { message, told, once_more_after_ms: None, event_id: Some(event.sg_event_id), unwanted })
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};
    use serde_json::{Value, json};

    use super::*;

    fn read(event: &Value) -> Option<News> {
        news(serde_json::from_value(event.clone()).ok()?)
    }

    #[test]
    fn each_kind_of_event_means_what_the_table_says() {
        use SuppressReason::{Bounced, Complained, Stopped};
        use ToldState::{Delivered, Failed, Taken};
        let cases = [
            (json!({ "event": "processed" }), Some((Some(Taken), None, None))),
            (json!({ "event": "deferred", "reason": "451 busy" }), Some((Some(Taken), None, None))),
            (json!({ "event": "delivered" }), Some((Some(Delivered), None, None))),
            (json!({ "event": "bounce", "type": "bounce" }), Some((Some(Failed), Some(Bounced), None))),
            (json!({ "event": "bounce", "type": "blocked" }), Some((Some(Failed), None, None))),
            (json!({ "event": "dropped", "reason": "Bounced Address" }), Some((Some(Failed), Some(Bounced), None))),
            (json!({ "event": "dropped", "reason": "Unsubscribed Address" }), Some((Some(Failed), Some(Stopped), None))),
            (json!({ "event": "dropped", "reason": "Invalid" }), Some((Some(Failed), None, None))),
            (json!({ "event": "spamreport" }), Some((None, Some(Complained), Some(Unwanted::Complained)))),
            (json!({ "event": "unsubscribe" }), Some((None, None, Some(Unwanted::Unsubscribed)))),
            (json!({ "event": "group_unsubscribe" }), Some((None, None, Some(Unwanted::Unsubscribed)))),
            (json!({ "event": "open" }), None),
            (json!({ "event": "click" }), None),
            (json!({ "event": "something_new" }), None),
        ];
        for (mut event, expected) in cases {
            event["sg_event_id"] = json!("e1");
            event["sg_message_id"] = json!("14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0");
            event["notification_id"] = json!("0199f1c2-aa11-7b22-8c33-2a3b4c5d6e7f");
            event["timestamp"] = json!(1_795_424_390);
            let found = read(&event);
            assert_eq!(found.as_ref().map(|news| (news.told.state, news.told.suppress, news.unwanted)), expected, "{event}");
            if let Some(news) = found {
                assert_eq!(news.told.provider_id.as_deref(), Some("14c5d75ce93"));
                assert_eq!(news.told.at, UtcMs::from_ms(1_795_424_390_000));
            }
        }
        assert_eq!(read(&json!({ "event": "delivered", "sg_event_id": "e1" })), None, "it is about no message of ours");
    }

    /// What each case of the vectors says of messages of ours; a case that is not here fails, so that none is passed over.
    fn expected(case: &str) -> Option<usize> {
        Some(match case {
            "valid_batch" => 2,
            "valid_non_ascii" => 1,
            "real_sendgrid_signature" => 0,
            "crlf_stripped"
            | "tampered_body"
            | "wrong_key"
            | "timestamp_changed"
            | "body_then_timestamp"
            | "no_signature"
            | "signature_not_der" => return None,
            other => panic!("nobody has said what {other} is to come to"),
        })
    }

    #[test]
    fn each_published_case_is_judged_as_it_says() {
        let vectors: Value = serde_json::from_str(include_str!("../../../../../tests/vectors/sendgrid.json")).expect("vectors");
        let cases = vectors["cases"].as_array().expect("cases");
        assert_eq!(cases.len(), 10);
        for case in cases {
            let name = case["name"].as_str().expect("a name");
            let key = key(case["public_key"].as_str().expect("a key")).expect("it is a key of P-256");
            let headers: HeaderMap = case["headers"]
                .as_object()
                .expect("headers")
                .iter()
                .map(|(name, value)| {
                    let name: HeaderName = name.to_lowercase().parse().expect("a name");
                    (name, HeaderValue::from_str(value.as_str().expect("a text")).expect("a value"))
                })
                .collect();
            let body = case["body"].as_str().expect("a body").as_bytes();
            let heard = hear(&key, &Callback { url: "https://shop.example/", headers: &headers, body });
            let told = match &heard {
                Heard::Genuine(news) => Some(news.len()),
                Heard::Forged { .. } | Heard::Nobody => None,
            };
            assert_eq!(told, expected(name), "{name}: {heard:?}");
            assert_eq!(told.is_some(), case["expect"] == "accept", "{name}");
        }
    }

    #[test]
    fn a_key_that_is_none_is_not_taken_for_one() {
        for text in
            ["", "AAAA", "not base64", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAExlBHe+Xbx8kZZP2ZccFNp+fGhCIHEYLb6+0tZAgq+H8="]
        {
            assert!(key(text).is_none(), "{text}");
        }
    }
}
