//! What Twilio answers.

use http::StatusCode;
use jiff::fmt::rfc2822;
use serde::Deserialize;

use crate::features::messages::{Outcome, SuppressReason};
use crate::kernel::UtcMs;
use crate::outbound::{Reply, retry_after_ms};

/// Twilio's moments have whole seconds, and its clock is not ours.
const CLOCKS_DIFFER_MS: i64 = 60_000;

#[derive(Deserialize)]
struct Refusal {
    code: i64,
}

/// A message as Twilio keeps it.
#[derive(Deserialize)]
pub(super) struct Listed {
    pub(super) sid: Option<String>,
    body: Option<String>,
    date_created: Option<String>,
    direction: Option<String>,
}

#[derive(Deserialize)]
struct List {
    messages: Vec<Listed>,
}

impl Listed {
    /// Whether it may be what a try at that moment left there.
    pub(super) fn may_be(&self, text: &str, tried_at: UtcMs) -> bool {
        let created = self.date_created.as_deref().and_then(|date| rfc2822::parse(date).ok());
        let is_young = created.is_some_and(|at| at.timestamp().as_millisecond() + CLOCKS_DIFFER_MS >= tried_at.ms());
        let is_ours = self.direction.as_deref().is_none_or(|direction| direction.starts_with("outbound"));
        is_young && is_ours && self.body.as_deref().is_some_and(|body| body.trim() == text.trim())
    }
}

/// The messages of a list; `None` if it is none.
pub(super) fn listed(reply: &Reply) -> Option<Vec<Listed>> {
    let list: List = reply.status.is_success().then(|| serde_json::from_slice(&reply.body).ok())??;
    Some(list.messages)
}

/// What became of a message that was posted.
pub(super) fn outcome(reply: &Reply, now: UtcMs) -> Outcome {
    if reply.status.is_success() {
        let sid = serde_json::from_slice::<Listed>(&reply.body).ok().and_then(|message| message.sid);
        return match sid {
            Some(sid) => Outcome::Sent { provider_id: Some(sid) },
            None => Outcome::Unclear { why: "Twilio's answer cannot be read".to_owned() },
        };
    }
    if reply.status.is_server_error() {
        return Outcome::Unclear { why: format!("Twilio answered {}", reply.status.as_u16()) };
    }
    let code = serde_json::from_slice::<Refusal>(&reply.body).ok().map(|refusal| refusal.code);
    refused(reply.status, code, retry_after_ms(reply).and_then(|ms| i64::try_from(ms).ok()).map(|ms| now.plus_ms(ms)))
}

/// By the code if there is one, which says more than the status. A refusal without a code is no word of Twilio's API, but of what
/// stands before it.
fn refused(status: StatusCode, code: Option<i64>, not_before: Option<UtcMs>) -> Outcome {
    let told = |what: &str| match code {
        Some(code) => format!("{what} (Twilio {code})"),
        None => format!("{what} (Twilio answered {})", status.as_u16()),
    };
    let misconfigured = |what: &str| Outcome::Misconfigured { why: told(what) };
    let failed = |what: &str, suppress| Outcome::Failed {
        code: code.map_or_else(|| status.as_str().to_owned(), |code| code.to_string()),
        why: told(what),
        suppress,
    };
    match code {
        Some(20_429 | 63_038 | 14_107) => Outcome::Later { why: told("too many messages at once"), not_before },
        Some(20_003) => misconfigured("the account SID, the auth token or the API key is not right"),
        Some(20_404) => misconfigured("there is no such account"),
        Some(30_002 | 90_010) => misconfigured("the account is suspended"),
        Some(21_606 | 21_659 | 21_212 | 21_603 | 21_660 | 21_661) => {
            misconfigured("the sender in sms.from may not send text messages from this account")
        }
        Some(21_701 | 21_703 | 21_704 | 21_705) => misconfigured("the messaging service cannot send"),
        Some(21_608) => misconfigured("a trial account writes to verified numbers only"),
        Some(21_610) => failed("the recipient has said STOP", Some(SuppressReason::Stopped)),
        Some(21_211) => failed("it is no phone number that can be written to", None),
        Some(21_614) => failed("it is no mobile phone", None),
        // Not the whole channel: one number from abroad must not keep everybody else's messages waiting.
        Some(21_408) => failed("the account may not send to that country; switch it on under Geo permissions", None),
        _ if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY) => {
            Outcome::Later { why: told("it was too busy"), not_before }
        }
        _ if status == StatusCode::UNAUTHORIZED || (status == StatusCode::FORBIDDEN && code.is_none()) => {
            misconfigured("it refuses the account's keys")
        }
        None if status == StatusCode::NOT_FOUND || status.is_redirection() => {
            misconfigured("nothing answers there; look at sms.twilio.base_url")
        }
        _ => failed("it was refused", None),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;
    use serde_json::json;

    use super::*;

    const NOW: UtcMs = UtcMs::from_ms(1_795_593_600_000);

    fn reply(status: u16, body: &str) -> Reply {
        let status = StatusCode::from_u16(status).expect("a status");
        Reply { status, headers: HeaderMap::new(), body: Bytes::copy_from_slice(body.as_bytes()) }
    }

    fn answer(status: u16, code: i64) -> Outcome {
        outcome(&reply(status, &json!({ "code": code, "message": "to +962790000000", "status": status }).to_string()), NOW)
    }

    #[test]
    fn each_refusal_is_what_the_contract_says() {
        for code in [20_003, 21_606, 21_659, 21_212, 30_002, 21_704] {
            assert!(matches!(answer(400, code), Outcome::Misconfigured { .. }), "{code}");
        }
        for (code, stopped) in [(21_211, None), (21_614, None), (21_610, Some(SuppressReason::Stopped)), (21_408, None), (21_617, None)] {
            let Outcome::Failed { code: told, suppress, why } = answer(400, code) else { panic!("{code}") };
            assert_eq!((told, suppress), (code.to_string(), stopped));
            assert!(!why.contains("962"), "{why}");
        }
        assert!(matches!(answer(429, 20_429), Outcome::Later { .. }));
        assert!(matches!(outcome(&reply(401, ""), NOW), Outcome::Misconfigured { .. }));
        assert!(matches!(outcome(&reply(403, "<html>"), NOW), Outcome::Misconfigured { .. }));
        assert!(matches!(outcome(&reply(302, ""), NOW), Outcome::Misconfigured { .. }));
        assert!(matches!(outcome(&reply(400, "<html>"), NOW), Outcome::Failed { .. }));
        for status in [500, 502, 503, 504] {
            assert!(matches!(outcome(&reply(status, ""), NOW), Outcome::Unclear { .. }), "{status} may have been taken");
        }
        assert!(matches!(outcome(&reply(201, "{\"sid\": "), NOW), Outcome::Unclear { .. }));
    }

    #[test]
    fn who_says_when_is_asked_then() {
        let mut busy = reply(429, "");
        busy.headers.insert("retry-after", http::HeaderValue::from_static("120"));
        let Outcome::Later { not_before, .. } = outcome(&busy, NOW) else { panic!("later") };
        assert_eq!(not_before, Some(NOW.plus_ms(120_000)));
    }

    #[test]
    fn a_message_is_known_again_by_its_text_and_its_time() {
        let listed = |body: &str, date: &str, direction: &str| -> Listed {
            let message = json!({ "sid": "SM1", "body": body, "date_created": date, "direction": direction });
            serde_json::from_value(message).expect("a message")
        };
        let at = "Wed, 25 Nov 2026 08:00:00 +0000";
        assert!(listed("Ready", at, "outbound-api").may_be("Ready", NOW));
        assert!(listed("Ready", at, "outbound-api").may_be("Ready ", NOW.plus_ms(30_000)));
        assert!(!listed("Ready", at, "outbound-api").may_be("Ready", NOW.plus_ms(60_001)), "it is older than the try");
        assert!(!listed("Ready", at, "inbound").may_be("Ready", NOW));
        assert!(!listed("Ready!", at, "outbound-api").may_be("Ready", NOW));
        assert!(!listed("Ready", "soon", "outbound-api").may_be("Ready", NOW));
    }
}
