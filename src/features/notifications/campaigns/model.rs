//! A campaign's words.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::features::accounts::Contact;
use crate::features::messages::{Channel, Kind};
use crate::kernel::{CampaignId, Locale, OrderId, UserId, UtcMs};

/// What is said in one language.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Words {
    /// Of an e-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    pub text: String,
}

/// What is said: in the shop's main language, and perhaps in the other one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Content {
    /// The code of the main language.
    main: String,
    words: Words,
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<Words>,
}

impl Content {
    #[must_use]
    pub fn new(main: Locale, words: Words, other: Option<Words>) -> Content {
        Content { main: main.code().to_owned(), words, other }
    }

    /// The shop's main language when it was written.
    pub(super) fn main(&self) -> Locale {
        Locale::from_code(&self.main).unwrap_or(Locale::En)
    }

    /// In a reader's language if it was written in it, else in the main one; and which it is.
    pub(super) fn in_language(&self, reader: Locale) -> (Locale, &Words) {
        let main = self.main();
        match &self.other {
            Some(other) if reader != main => (reader, other),
            _ => (main, &self.words),
        }
    }

    /// What a message's templates are filled with.
    pub(super) fn payload(&self, reader: Locale, name: &str) -> (Locale, Value) {
        let (locale, words) = self.in_language(reader);
        let mut payload = json!({ "text": words.text, "name": name });
        if let Some(subject) = &words.subject {
            payload["subject"] = subject.as_str().into();
        }
        (locale, payload)
    }
}

/// To whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Audience {
    Users(Vec<UserId>),
    /// The customer of an order.
    Order(OrderId),
    /// Every customer who has agreed to promotions.
    All,
}

impl Audience {
    /// The word in the books and on the wire.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Audience::Users(_) => "users",
            Audience::Order(_) => "order",
            Audience::All => "all",
        }
    }
}

/// A campaign as it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Campaign {
    pub id: CampaignId,
    pub kind: Kind,
    pub channel: Channel,
    /// See [`Audience::code`].
    pub audience: String,
    /// Messages so far.
    pub queued: i64,
    pub created_at: UtcMs,
    /// When the last message was queued; `None` while more follow.
    pub ended_at: Option<UtcMs>,
}

/// Where an account is reached by a channel.
pub(super) fn address(contact: &Contact, channel: Channel) -> Option<&str> {
    match channel {
        Channel::Email => Some(&contact.email),
        Channel::Sms => contact.phone.as_deref(),
    }
}
