//! What Twilio tells by itself: whether it is Twilio's, and what it says.
//!
//! It signs its account's callbacks by the auth token, also where an API key asks; an account may have a shared key for it instead. What
//! is signed is the address at which Twilio knows us and each field of a form; a body that is no form is signed by a hash in the
//! address. A signature has no time, so an old callback comes as genuine as a new one: that it changes nothing is the books' care.

use std::fmt::Write as _;

use std::collections::BTreeSet;

use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use url::Url;

use crate::features::messages::carrier::{Callback, Heard, News};
use crate::features::messages::{SuppressReason, Told, ToldState};
use crate::kernel::time::span::MINUTE_MS;
use crate::kernel::{NotificationId, UtcMs};

/// A phone that was off, or a carrier's unknown fault: it may be reached a little later.
const ONCE_MORE: [&str; 2] = ["30003", "30008"];
const ONCE_MORE_AFTER_MS: i64 = 10 * MINUTE_MS;
/// The recipient has said STOP.
const STOPPED: &str = "21610";

/// What callbacks are signed with.
pub(super) struct Keys {
    /// The auth token, for SHA-1.
    pub(super) account: hmac::Key,
    /// The shared key, for SHA-256, if there is one.
    pub(super) shared: Option<hmac::Key>,
}

impl Keys {
    pub(super) fn hear(&self, callback: &Callback<'_>, now: UtcMs) -> Heard {
        let fields = match self.verify(callback) {
            Ok(fields) => fields,
            Err(why) => return Heard::Forged { why },
        };
        let message = asked(callback.url, "n").and_then(|id| NotificationId::parse(&id));
        Heard::Genuine(message.and_then(|message| news(message, &fields, now)).into_iter().collect())
    }

    /// The fields of a callback that Twilio has signed.
    fn verify(&self, callback: &Callback<'_>) -> Result<Vec<(String, String)>, &'static str> {
        let key = self.key(callback.headers)?;
        let signature = text(callback.headers, "x-twilio-signature").ok_or("it has no X-Twilio-Signature")?;
        let tag = STANDARD.decode(signature).map_err(|_| "its signature is no base64")?;
        let is_form = text(callback.headers, "content-type").is_some_and(is_form_type);
        let fields = match asked(callback.url, "bodySHA256") {
            Some(hash) if !is_form => {
                let ours = hex(digest::digest(&digest::SHA256, callback.body).as_ref());
                constant_time::verify_slices_are_equal(ours.as_bytes(), hash.to_lowercase().as_bytes())
                    .map_err(|_| "its body is not the one that was signed")?;
                Vec::new()
            }
            None if !is_form && !callback.body.is_empty() => return Err("nothing signs its body"),
            _ => form_urlencoded::parse(callback.body).into_owned().collect(),
        };
        // Each distinct pair once, by name and then by value, as bytes.
        let distinct: BTreeSet<&(String, String)> = fields.iter().collect();
        let signed: String = distinct.into_iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]).collect();
        let is_signed = |url: &String| hmac::verify(key, format!("{url}{signed}").as_bytes(), &tag).is_ok();
        if forms_of(callback.url).iter().any(is_signed) { Ok(fields) } else { Err("its signature is not over it") }
    }

    /// By `key=…,algorithm=…` the sender says that it signs with a shared key.
    fn key(&self, headers: &HeaderMap) -> Result<&hmac::Key, &'static str> {
        if !headers.contains_key(SETTINGS) {
            return Ok(&self.account);
        }
        let settings = text(headers, SETTINGS).unwrap_or_default();
        let algorithm = settings.split(',').find_map(|part| part.trim().strip_prefix("algorithm="));
        match (algorithm, &self.shared) {
            (Some("HMAC_SHA256"), Some(key)) => Ok(key),
            (Some("HMAC_SHA256"), None) => Err("it is signed by a shared key, and sms.twilio.webhook_secret is not set"),
            _ => Err("it is signed in a way that is not known here"),
        }
    }
}

const SETTINGS: &str = "x-twilio-webhooks-signature-settings";

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn is_form_type(value: &str) -> bool {
    let media_type = value.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// A parameter of an address.
fn asked(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The address with its port and without: senders sign the one or the other.
fn forms_of(url: &str) -> Vec<String> {
    let mut forms = vec![url.to_owned()];
    let Some((scheme, rest)) = url.split_once("://") else { return forms };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let explicit = Url::parse(url).ok().and_then(|url| url.port()).is_some();
    if explicit {
        let bare = host.rsplit_once(':').map_or(host, |(bare, _)| bare);
        forms.push(format!("{scheme}://{bare}{path}"));
    } else {
        let port = if scheme == "https" { 443 } else { 80 };
        forms.push(format!("{scheme}://{host}:{port}{path}"));
    }
    forms
}

/// What a status callback says; nothing of one that is about no message of ours, or of a kind that Twilio adds one day.
fn news(message: NotificationId, fields: &[(String, String)], at: UtcMs) -> Option<News> {
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let state = match field("MessageStatus").or_else(|| field("SmsStatus"))? {
        "accepted" | "scheduled" | "queued" | "sending" | "sent" => ToldState::Taken,
        "delivered" | "read" => ToldState::Delivered,
        "failed" | "undelivered" | "canceled" => ToldState::Failed,
        _ => return None,
    };
    let provider_id = field("MessageSid").or_else(|| field("SmsSid")).map(str::to_owned);
    let code = (state == ToldState::Failed).then(|| field("ErrorCode").unwrap_or_default());
    let told = Told {
        state: Some(state),
        provider_id,
        why: code.map(reason),
        suppress: (code == Some(STOPPED)).then_some(SuppressReason::Stopped),
        at,
    };
    let once_more_after_ms = code.filter(|code| ONCE_MORE.contains(code)).map(|_| ONCE_MORE_AFTER_MS);
    Some(News { message, told, once_more_after_ms, event_id: None, unwanted: None })
}

/// Twilio's words of its code, as far as they help whoever looks at the message.
fn reason(code: &str) -> String {
    let what = match code {
        "30003" => "the phone is off or out of reach",
        "30004" => "the recipient or their network blocks messages",
        "30005" => "the number is not in use",
        "30006" => "it is a landline, or its network cannot be reached",
        "30007" => "the network took it for spam",
        "21610" => "the recipient has said STOP",
        _ => "it did not arrive",
    };
    let code: String = code.chars().filter(char::is_ascii_digit).take(6).collect();
    if code.is_empty() { what.to_owned() } else { format!("{what} (Twilio {code})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_tried_with_its_port_and_without() {
        assert_eq!(forms_of("https://a.example/x?n=1:2"), ["https://a.example/x?n=1:2", "https://a.example:443/x?n=1:2"]);
        assert_eq!(forms_of("http://a.example"), ["http://a.example", "http://a.example:80"]);
        assert_eq!(forms_of("https://a.example:8443/x"), ["https://a.example:8443/x", "https://a.example/x"]);
        assert_eq!(forms_of("https://[::1]/x"), ["https://[::1]/x", "https://[::1]:443/x"]);
        assert_eq!(forms_of("https://[::1]:8443/x"), ["https://[::1]:8443/x", "https://[::1]/x"]);
    }

    #[test]
    fn each_status_is_a_state_of_ours() {
        let id = NotificationId::from_uuid(uuid::Uuid::from_u128(7));
        let of = |status: &str, code: &str| {
            let fields = [("MessageStatus", status), ("MessageSid", "SM1"), ("ErrorCode", code)];
            let fields: Vec<_> = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            news(id, &fields, UtcMs::from_ms(0))
        };
        for status in ["accepted", "scheduled", "queued", "sending", "sent"] {
            assert_eq!(of(status, "").expect("news").told.state, Some(ToldState::Taken), "{status}");
        }
        for status in ["delivered", "read"] {
            assert_eq!(of(status, "").expect("news").told.state, Some(ToldState::Delivered), "{status}");
        }
        for status in ["failed", "undelivered", "canceled"] {
            assert_eq!(of(status, "30005").expect("news").told.state, Some(ToldState::Failed), "{status}");
        }
        assert_eq!(of("received", ""), None);
        let once_more = |code| of("undelivered", code).expect("news").once_more_after_ms;
        assert_eq!([once_more("30003"), once_more("30008"), once_more("30005")], [Some(600_000), Some(600_000), None]);
        let stopped = of("failed", "21610").expect("news").told;
        assert_eq!(
            (stopped.suppress, stopped.why.as_deref()),
            (Some(SuppressReason::Stopped), Some("the recipient has said STOP (Twilio 21610)"))
        );
    }
}
