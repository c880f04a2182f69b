//! Twilio's text messages (PROVIDERS 8).
//!
//! It knows no idempotency key. So a message is posted again only where the first try surely never left, whatever may have been taken
//! is looked for in the account's list of messages, and a message that is there is not sent again.

mod answers;
mod callback;

use std::sync::Arc;

use aws_lc_rs::hmac;

use super::{Setting, cut};
use crate::clock::Clock;
use crate::config::{PublicUrl, Secret, Twilio as Section, TwilioSender};
use crate::features::messages::carrier::{Boxed, Callback, Carrier, Found, Heard, Outcome, Outgoing};
use crate::features::messages::{CarrierFault, Channel};
use crate::kernel::UtcMs;
use crate::outbound::{Outbound, Retry, SendFault, is_unclear_status};

/// Twilio refuses a longer text (21617).
const MAX_TEXT: usize = 1_600;
/// What is told of an order is worth nothing an hour later.
const ORDER_VALID_S: &str = "3600";
/// A message that was just taken may not stand in the list yet: before this nothing is concluded from its absence.
const LISTED_AFTER_MS: i64 = 30_000;
/// Where the list could not be read, it is read again after this.
const ASK_AGAIN_MS: i64 = 60_000;
/// How many messages to one number are looked through, the newest first.
const LOOKED_THROUGH: &str = "100";

pub(super) fn open(section: &Section, setting: &Setting<'_>) -> Result<Arc<dyn Carrier>, CarrierFault> {
    let fault = |reason: String| CarrierFault::Carrier { carrier: "sms.twilio", reason };
    let outbound =
        Outbound::new("Twilio", setting.clock.clone(), setting.patience).map_err(|error| fault(error.to_string()))?;
    let (user, password) = match &section.api_key {
        Some(key) => (key.id.reveal().to_owned(), key.secret.clone()),
        None => (section.account_sid.clone(), section.auth_token.clone()),
    };
    let status_callback = status_callback(&setting.config.server.public_url);
    if status_callback.is_none() {
        tracing::warn!(
            "Twilio is not asked to tell whether text messages arrive, because server.public_url is not an https address that it could reach"
        );
    }
    Ok(Arc::new(Twilio {
        messages_url: format!("{}/2010-04-01/Accounts/{}/Messages.json", section.base_url.as_str(), section.account_sid),
        user,
        password,
        sender: section.sender.clone(),
        status_callback,
        signs: callback::Keys {
            account: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, section.auth_token.reveal().as_bytes()),
            shared: section.webhook_secret.as_ref().map(|key| hmac::Key::new(hmac::HMAC_SHA256, key.reveal().as_bytes())),
        },
        clock: setting.clock.clone(),
        outbound,
    }))
}

/// Where Twilio tells what became of a message, if it can reach the shop. What it tells is signed and not secret, but it names a phone:
/// so it must not travel in the clear.
fn status_callback(public_url: &PublicUrl) -> Option<String> {
    let url = public_url.url();
    (url.is_https() && !url.is_loopback()).then(|| format!("{}{}", url.as_str(), super::SMS_STATUS_PATH))
}

struct Twilio {
    messages_url: String,
    user: String,
    password: Secret,
    sender: TwilioSender,
    status_callback: Option<String>,
    signs: callback::Keys,
    clock: Clock,
    outbound: Outbound,
}

impl Twilio {
    fn form(&self, message: &Outgoing) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("To", &message.to);
        match &self.sender {
            TwilioSender::From(from) => form.append_pair("From", from),
            TwilioSender::Service(service) => form.append_pair("MessagingServiceSid", service),
        };
        form.append_pair("Body", &cut(&message.text, MAX_TEXT));
        if let Some(url) = &self.status_callback {
            form.append_pair("StatusCallback", &format!("{url}?n={}", message.id));
        }
        if message.kind.code().starts_with("order_") {
            form.append_pair("ValidityPeriod", ORDER_VALID_S);
        }
        form.finish()
    }

    async fn post(&self, message: &Outgoing) -> Outcome {
        let form = self.form(message);
        let sent = self.outbound.send(
            Retry::OnlyUnsent,
            |client| {
                client
                    .post(&self.messages_url)
                    .basic_auth(&self.user, Some(self.password.reveal()))
                    .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(form.clone())
            },
            |reply| is_unclear_status(reply.status),
        );
        match sent.await {
            Ok(reply) => answers::outcome(&reply, self.clock.now()),
            Err(SendFault::NotSent(_)) => Outcome::Unreachable { why: "Twilio cannot be reached".to_owned() },
            Err(SendFault::Unclear(_)) => Outcome::Unclear { why: "Twilio did not answer".to_owned() },
        }
    }

    /// Looks through the newest messages to that number. The list can be asked for a day too, but by the day on which a message was
    /// sent on, which one that still waits at Twilio does not have.
    async fn look(&self, message: &Outgoing) -> Found {
        let now = self.clock.now();
        let again = Found::AskAgain(now.plus_ms(ASK_AGAIN_MS));
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("To", message.to.as_str()), ("PageSize", LOOKED_THROUGH)])
            .finish();
        let url = format!("{}?{query}", self.messages_url);
        let asked = self.outbound.send(
            Retry::Safe,
            |client| client.get(&url).basic_auth(&self.user, Some(self.password.reveal())),
            |reply| is_unclear_status(reply.status),
        );
        let Ok(reply) = asked.await else { return again };
        let Some(listed) = answers::listed(&reply) else { return again };
        let text = cut(&message.text, MAX_TEXT);
        let is_free = |one: &answers::Listed| !one.sid.as_ref().is_some_and(|sid| message.others.contains(sid));
        match listed.into_iter().find(|one| is_free(one) && one.may_be(&text, message.tried_at)) {
            Some(one) => Found::Sent { provider_id: one.sid },
            None if now < listed_by(message.tried_at) => Found::AskAgain(listed_by(message.tried_at)),
            None => Found::NotThere,
        }
    }
}

fn listed_by(tried_at: UtcMs) -> UtcMs {
    tried_at.plus_ms(LISTED_AFTER_MS)
}

impl Carrier for Twilio {
    fn name(&self) -> &'static str {
        "twilio"
    }

    fn channel(&self) -> Channel {
        Channel::Sms
    }

    fn send<'a>(&'a self, message: &'a Outgoing) -> Boxed<'a, Outcome> {
        Box::pin(self.post(message))
    }

    fn find<'a>(&'a self, message: &'a Outgoing) -> Boxed<'a, Found> {
        Box::pin(self.look(message))
    }

    fn hear(&self, callback: &Callback<'_>) -> Heard {
        self.signs.hear(callback, self.clock.now())
    }
}
