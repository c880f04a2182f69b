//! Whether a message is PayPal's own (PROVIDERS 3.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde_json::Value;

use super::certificates::{Certificates, Doubt, Signed};
use super::links::Links;
use crate::features::payments::gateway::{Delivery, Event, Verdict};
use crate::kernel::UtcMs;

/// By this header a message shows whose it is.
pub(super) const SIGNATURE: &str = "paypal-transmission-sig";
/// A message may be signed so far ahead of our clock. How old it may be, PayPal does not say: it sends again for days, and what comes
/// twice is known by its event's id.
const FURTHEST_AHEAD_MS: i64 = 3_600_000;
/// The only way of signing that counts. SHA-1 is no longer one.
const ALGORITHM: &str = "SHA256withRSA";

/// The five headers.
struct Headers<'a> {
    id: &'a str,
    time: &'a str,
    signature: &'a str,
    cert_url: &'a str,
    algorithm: &'a str,
}

/// The only value of a header that came once and can be read.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

impl<'a> Headers<'a> {
    fn read(headers: &'a HeaderMap) -> Option<Headers<'a>> {
        Some(Headers {
            id: only(headers, "paypal-transmission-id")?,
            time: only(headers, "paypal-transmission-time")?,
            signature: only(headers, SIGNATURE)?,
            cert_url: only(headers, "paypal-cert-url")?,
            algorithm: only(headers, "paypal-auth-algo")?,
        })
    }
}

/// What is signed. The check sum is that of the bytes as they came.
pub(super) fn signed_message(id: &str, time: &str, webhook_id: &str, body: &[u8]) -> String {
    format!("{id}|{time}|{webhook_id}|{}", crc32fast::hash(body))
}

/// Everything that costs nothing is looked at before anything is fetched.
pub(super) async fn verify(
    delivery: Delivery<'_>,
    webhook_id: &str,
    links: &Links,
    certificates: &Certificates,
    now: UtcMs,
) -> Verdict {
    let Some(headers) = Headers::read(delivery.headers) else {
        return Verdict::Forged { why: "one of the five headers is missing, unreadable or there twice" };
    };
    if headers.algorithm != ALGORITHM {
        return Verdict::Forged { why: "it is signed in another way than SHA256withRSA" };
    }
    match UtcMs::parse(headers.time) {
        None => return Verdict::Forged { why: "the time of its transmission is no time" },
        Some(sent) if sent.ms() > now.ms().saturating_add(FURTHEST_AHEAD_MS) => {
            return Verdict::Forged { why: "it was sent over an hour from now" };
        }
        Some(_) => {}
    }
    let Ok(signature) = STANDARD.decode(headers.signature) else {
        return Verdict::Forged { why: "the signature is no base64" };
    };
    let Some(url) = links.certificate(headers.cert_url) else {
        return Verdict::Forged { why: "the certificate is not at PayPal" };
    };
    let message = signed_message(headers.id, headers.time, webhook_id, delivery.body);
    let signed = Signed { message: message.as_bytes(), signature: &signature, now };
    match certificates.check(url.as_str(), &signed).await {
        Ok(()) => Verdict::Genuine(event(delivery.body, headers.id)),
        Err(Doubt::Forged(why)) => Verdict::Forged { why },
        Err(Doubt::Unknown(why)) => Verdict::CannotTell { why },
    }
}

/// A genuine message whose body says nothing is kept too, under the name of its transmission.
fn event(body: &[u8], transmission: &str) -> Event {
    let body = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let text = |field: &str| body.get(field).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let (id, kind) = (text("id"), text("event_type"));
    Event { id: id.unwrap_or_else(|| transmission.to_owned()), kind: kind.unwrap_or_default(), body }
}
