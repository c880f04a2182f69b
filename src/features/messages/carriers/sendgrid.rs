//! SendGrid by its HTTP API (PROVIDERS 7).
//!
//! It knows no idempotency key. So a message is posted once a try, and what became of a post without a clear answer is told by its
//! events alone, which bring our id back: they are waited for ten minutes before a message is sent again.

mod answers;
mod events;

use std::sync::Arc;

use aws_lc_rs::signature::ParsedPublicKey;
use serde_json::{Map, Value, json};

use super::Setting;
use super::pace::Pace;
use crate::clock::Clock;
use crate::config::{self, Mail, Mailbox, Secret};
use crate::features::messages::carrier::{Boxed, Callback, Carrier, Check, Found, Heard, Outcome, Outgoing};
use crate::features::messages::mime::{self, ONE_CLICK};
use crate::features::messages::model::codes;
use crate::features::messages::{CarrierFault, Channel, Kind};
use crate::kernel::UtcMs;
use crate::kernel::time::span::MINUTE_MS;
use crate::outbound::{Outbound, Retry, SendFault};

/// So long an event is waited for that tells whether a message is there.
const EVENTS_WITHIN_MS: i64 = 10 * MINUTE_MS;

pub(super) fn open(section: &config::SendGrid, setting: &Setting<'_>) -> Result<Arc<dyn Carrier>, CarrierFault> {
    let fault = |reason: String| CarrierFault::Carrier { carrier: "mail.sendgrid", reason };
    let mail = &setting.config.mail;
    // Refused here rather than with each message.
    mime::Sender::of(mail)?;
    let outbound =
        Outbound::new("SendGrid", setting.clock.clone(), setting.patience).map_err(|error| fault(error.to_string()))?;
    let events_key = match &section.webhook_public_key {
        Some(text) => Some(events::key(text).ok_or_else(|| {
            fault(
                "`mail.sendgrid.webhook_public_key` is no public key of P-256 in base64; copy the verification key of Mail Settings, \
                 Event Webhooks, again"
                    .to_owned(),
            )
        })?),
        None => None,
    };
    Ok(Arc::new(SendGrid {
        send_url: format!("{}/v3/mail/send", section.base_url.as_str()),
        scopes_url: format!("{}/v3/scopes", section.base_url.as_str()),
        api_key: section.api_key.clone(),
        mail: mail.clone(),
        events_key,
        pace: Pace::new(setting.clock.clone(), mail.max_per_second),
        opened_at: setting.clock.now(),
        clock: setting.clock.clone(),
        outbound,
    }))
}

struct SendGrid {
    send_url: String,
    scopes_url: String,
    api_key: Secret,
    mail: Mail,
    /// Of events; without it none is believed.
    events_key: Option<ParsedPublicKey>,
    pace: Pace,
    /// Events of before found nobody here, and SendGrid sends them again.
    opened_at: UtcMs,
    clock: Clock,
    outbound: Outbound,
}

impl SendGrid {
    fn body(&self, message: &Outgoing, to: &str) -> Value {
        let mut content = vec![json!({ "type": "text/plain", "value": filled(&message.text) })];
        if let Some(html) = &message.html {
            content.push(json!({ "type": "text/html", "value": filled(html) }));
        }
        let mut headers = Map::new();
        let mut header = |name: &str, value: String| headers.insert(name.to_owned(), Value::String(value));
        header("X-Bayader-Notification", message.id.to_string());
        if message.kind != Kind::Message {
            header("Auto-Submitted", "auto-generated".to_owned());
        }
        if let Some(url) = &message.unsubscribe_url {
            header("List-Unsubscribe", format!("<{url}>"));
            header("List-Unsubscribe-Post", ONE_CLICK.to_owned());
        }
        let off = json!({ "enable": false });
        let mut body = json!({
            "personalizations": [{ "to": [{ "email": to }], "custom_args": { "notification_id": message.id.to_string() } }],
            "from": mailbox(&self.mail.from),
            "subject": filled(&mime::one_line(message.subject.as_deref().unwrap_or_default())),
            "content": content,
            "headers": headers,
            // Links of ours open orders: no stranger's address is put before them, and nobody is watched reading.
            "tracking_settings": { "click_tracking": off, "open_tracking": off },
        });
        if let Some(reply_to) = &self.mail.reply_to {
            body["reply_to"] = mailbox(reply_to);
        }
        body
    }

    async fn post(&self, message: &Outgoing) -> Outcome {
        let Ok(to) = mime::address(&message.to) else {
            let why = mime::Unwritable::Address.to_string();
            return Outcome::Failed { code: codes::UNWRITABLE.to_owned(), why, suppress: None };
        };
        let body = self.body(message, to.as_ref());
        self.pace.turn().await;
        let sent = self.outbound.send(
            Retry::OnlyUnsent,
            |client| client.post(&self.send_url).bearer_auth(self.api_key.reveal()).json(&body),
            |_| false,
        );
        match sent.await {
            Ok(reply) => {
                if reply.status == http::StatusCode::TOO_MANY_REQUESTS {
                    self.pace.slow_down();
                }
                answers::outcome(&reply, self.clock.now())
            }
            Err(SendFault::NotSent(_)) => Outcome::Unreachable { why: "SendGrid cannot be reached".to_owned() },
            Err(SendFault::Unclear(_)) => Outcome::Unclear { why: "SendGrid did not answer".to_owned() },
        }
    }

    async fn scopes(&self) -> Result<(), Outcome> {
        let asked = self.outbound.send(
            Retry::Safe,
            |client| client.get(&self.scopes_url).bearer_auth(self.api_key.reveal()),
            |reply| crate::outbound::is_unclear_status(reply.status),
        );
        match asked.await {
            Ok(reply) => answers::may_send(&reply, self.clock.now()),
            Err(_) => Err(Outcome::Unreachable { why: "SendGrid cannot be reached".to_owned() }),
        }
    }
}

/// SendGrid refuses an empty text.
fn filled(text: &str) -> &str {
    if text.is_empty() { " " } else { text }
}

fn mailbox(mailbox: &Mailbox) -> Value {
    match &mailbox.name {
        Some(name) => json!({ "email": mailbox.address, "name": name }),
        None => json!({ "email": mailbox.address }),
    }
}

impl Carrier for SendGrid {
    fn name(&self) -> &'static str {
        "sendgrid"
    }

    fn channel(&self) -> Channel {
        Channel::Email
    }

    fn send<'a>(&'a self, message: &'a Outgoing) -> Boxed<'a, Outcome> {
        Box::pin(self.post(message))
    }

    /// An event of it has been booked when it came, and then nobody asks any more.
    fn find<'a>(&'a self, message: &'a Outgoing) -> Boxed<'a, Found> {
        let told_by = message.tried_at.max(self.opened_at).plus_ms(EVENTS_WITHIN_MS);
        let found = match &self.events_key {
            None => Found::CannotTell,
            Some(_) if self.clock.now() < told_by => Found::AskAgain(told_by),
            Some(_) => Found::NotThere,
        };
        Box::pin(async move { found })
    }

    fn hear(&self, callback: &Callback<'_>) -> Heard {
        match &self.events_key {
            Some(key) => events::hear(key, callback),
            None => Heard::Nobody,
        }
    }

    fn check(&self) -> Boxed<'_, Check> {
        Box::pin(async move { Check::of(self.scopes().await) })
    }
}
