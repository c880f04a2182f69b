//! From what is written to what it means: one value at a time, by the key's kind.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use super::fault::{Refusal, nearest_word, shown};
use super::keys::Kind;
use super::secret::Secret;
use super::types::{HttpUrl, Keep, Mailbox, Network, UrlRule, is_domain, is_email};
use crate::kernel::Currency;

/// A value as it was written. A file says of what type it is; a variable, a flag and the table's defaults are words that
/// the key's kind has to read. Not `Debug`: it may hold a secret.
#[derive(Clone)]
pub(super) enum Raw {
    Word(String),
    Text(String),
    Whole(i64),
    YesNo(bool),
    List(Vec<Raw>),
    /// What no key takes, by its name: "a date".
    Other(&'static str),
}

/// A value that fits its key.
#[derive(Debug)]
pub(super) enum Value {
    Text(String),
    Texts(Vec<String>),
    Secret(Secret),
    Secrets(Vec<Secret>),
    YesNo(bool),
    Whole(u64),
    Wholes(Vec<u64>),
    Address(SocketAddr),
    Url(HttpUrl),
    Urls(Vec<HttpUrl>),
    Networks(Vec<Network>),
    Sender(Mailbox),
    Path(PathBuf),
    Keep(Keep),
}

impl Raw {
    /// Whether it says nothing: an empty text or list is as if the key were not written, so that a variable can also
    /// switch off what the file says.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Word(text) | Self::Text(text) => text.trim().is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Whole(_) | Self::YesNo(_) | Self::Other(_) => false,
        }
    }

    fn type_name(&self) -> &'static str {
        match self {
            Self::Word(_) | Self::Text(_) => "text",
            Self::Whole(_) => "a number",
            Self::YesNo(_) => "true or false",
            Self::List(_) => "a list",
            Self::Other(name) => name,
        }
    }

    fn text(&self) -> Result<&str, Refusal> {
        self.line().map(str::trim)
    }

    /// The text as it stands, blanks included, which may belong to a password. Secrets and senders go into headers: a
    /// line break would let them write headers of their own.
    fn line(&self) -> Result<&str, Refusal> {
        let (Self::Word(text) | Self::Text(text)) = self else {
            return Err(Refusal::new(format!("is {}, not text", self.type_name()), "write it in quotes"));
        };
        if text.chars().any(char::is_control) {
            return Err(Refusal::new("holds a line break or another control character", "write it in one line"));
        }
        Ok(text)
    }

    fn whole(&self, range: &RangeInclusive<u64>) -> Result<u64, Refusal> {
        let advice = || match *range.end() {
            u64::MAX => format!("write a whole number from {} on", range.start()),
            end => format!("write a whole number from {} to {end}", range.start()),
        };
        let number = match self {
            Self::Whole(number) => i128::from(*number),
            Self::Word(word) => {
                let word = word.trim();
                word.parse().map_err(|_| Refusal::new(format!("is {}, which is no whole number", shown(word)), advice()))?
            }
            Self::Text(_) => {
                return Err(Refusal::new("is text, not a number", "write it without quotes"));
            }
            other => {
                return Err(Refusal::new(format!("is {}, not a whole number", other.type_name()), advice()));
            }
        };
        match u64::try_from(number) {
            Ok(number) if range.contains(&number) => Ok(number),
            _ => Err(Refusal::new(format!("is {number}, which is out of range"), advice())),
        }
    }

    fn yes_no(&self) -> Result<bool, Refusal> {
        match self {
            Self::YesNo(value) => Ok(*value),
            Self::Word(word) => match word.trim() {
                "true" => Ok(true),
                "false" => Ok(false),
                other => Err(Refusal::new(format!("is {}", shown(other)), "write true or false")),
            },
            other => {
                Err(Refusal::new(format!("is {}, not true or false", other.type_name()), "write true or false, without quotes"))
            }
        }
    }

    fn items(&self) -> Result<Vec<Self>, Refusal> {
        match self {
            Self::List(items) => Ok(items.clone()),
            Self::Word(word) => {
                let parts = word.split(',').map(str::trim).filter(|part| !part.is_empty());
                Ok(parts.map(|part| Self::Word(part.to_owned())).collect())
            }
            other => Err(Refusal::new(format!("is {}, not a list", other.type_name()), "write it in square brackets")),
        }
    }

    fn each<T>(&self, read: impl Fn(&Self) -> Result<T, Refusal>) -> Result<Vec<T>, Refusal> {
        self.items()?.iter().map(read).collect()
    }
}

impl Kind {
    /// Read a value that is not empty. `folder` is what a relative path begins at, `None` for the working folder.
    pub fn read(&self, raw: &Raw, folder: Option<&Path>) -> Result<Value, Refusal> {
        Ok(match self {
            Self::Text => Value::Text(raw.text()?.to_owned()),
            Self::Secret => Value::Secret(Secret::new(raw.line()?)),
            Self::Secrets => Value::Secrets(match raw {
                // One in quotes is the usual case and needs no brackets.
                Raw::Text(_) => vec![Secret::new(raw.line()?)],
                _ => raw.each(|item| item.text().map(Secret::new))?,
            }),
            Self::YesNo => Value::YesNo(raw.yes_no()?),
            Self::Whole(range) => Value::Whole(raw.whole(range)?),
            Self::Wholes(range) => Value::Wholes(raw.each(|item| item.whole(range))?),
            Self::OneOf(words) => Value::Text(one_of(raw.text()?, words)?),
            Self::SocketAddress => Value::Address(socket_address(raw.text()?)?),
            Self::Url(rule) => Value::Url(HttpUrl::parse(raw.text()?, *rule)?),
            Self::Origins => Value::Urls(raw.each(|item| HttpUrl::parse(item.text()?, UrlRule::Origin))?),
            Self::Networks => Value::Networks(raw.each(|item| Network::parse(item.text()?))?),
            Self::LogFilter => Value::Text(log_filter(raw.text()?)?),
            Self::Currency => Value::Text(currency(raw.text()?)?),
            Self::TimeZone => Value::Text(time_zone(raw.text()?)?),
            Self::Sender => Value::Sender(Mailbox::parse(raw.text()?)?),
            Self::Email => Value::Text(email(raw.text()?)?),
            Self::Host => Value::Text(host(raw.text()?)?),
            Self::Domains => Value::Texts(raw.each(|item| domain(item.text()?))?),
            Self::Path => Value::Path(path(raw.text()?, folder)),
            Self::AgeRecipient => Value::Text(age_recipient(raw.text()?)?),
            Self::Keep => Value::Keep(keep(raw)?),
        })
    }
}

/// A path as it is meant: relative ones begin at `folder`.
pub(super) fn path(text: &str, folder: Option<&Path>) -> PathBuf {
    folder.map_or_else(|| PathBuf::from(text), |folder| folder.join(text))
}

fn one_of(text: &str, words: &[&'static str]) -> Result<String, Refusal> {
    if words.contains(&text) {
        return Ok(text.to_owned());
    }
    let like = nearest_word(text, words.iter().copied());
    Err(Refusal::new(
        format!("is {}, which it cannot be", shown(text)),
        format!("write one of {}; the nearest is {like}", words.join(", ")),
    ))
}

fn socket_address(text: &str) -> Result<SocketAddr, Refusal> {
    text.parse().map_err(|_| {
        Refusal::new(
            format!("is {}, which is no address with a port", shown(text)),
            "write it like 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080",
        )
    })
}

/// `tracing` takes any unknown word for the name of a part and then logs nothing else; a misspelt level would silence the
/// server. So a word alone has to be a level.
fn log_filter(text: &str) -> Result<String, Refusal> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let advice = "write off, error, warn, info, debug or trace, or levels by part such as info,bayader::jobs=debug";
    for part in text.split(',').map(str::trim) {
        let level = part.rsplit_once('=').map_or(part, |(_, level)| level).to_ascii_lowercase();
        if !LEVELS.contains(&level.as_str()) {
            return Err(Refusal::new(format!("is {}, where {} is no level", shown(text), shown(part)), advice));
        }
    }
    match tracing_subscriber::EnvFilter::builder().parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(Refusal::new(format!("is {}, which is no log directive", shown(text)), advice)),
    }
}

fn currency(text: &str) -> Result<String, Refusal> {
    if Currency::from_code(text).is_some() {
        return Ok(text.to_owned());
    }
    Err(Refusal::new(
        format!("is {}, which is no ISO 4217 code in use", shown(text)),
        "write the three capital letters of the currency, such as JOD",
    ))
}

fn time_zone(text: &str) -> Result<String, Refusal> {
    // "Etc/Unknown" is a zone that the calendar knows and has no name for.
    let known = jiff::tz::TimeZone::get(text).ok();
    if let Some(name) = known.as_ref().and_then(|zone| zone.iana_name()) {
        return Ok(name.to_owned());
    }
    let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    let like = nearest_word(text, names.iter().map(String::as_str));
    Err(Refusal::new(
        format!("is {}, which is no time zone", shown(text)),
        format!("write an IANA name; the nearest is {like}"),
    ))
}

fn email(text: &str) -> Result<String, Refusal> {
    if is_email(text) {
        return Ok(text.to_owned());
    }
    Err(Refusal::new(format!("is {}, which is no e-mail address", shown(text)), "write it like keeper@example.com"))
}

fn host(text: &str) -> Result<String, Refusal> {
    let is_address = text.parse::<std::net::IpAddr>().is_ok();
    // Container networks hand out names with underscores, which no domain may have.
    if is_address || is_domain(&text.replace('_', "-")) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(Refusal::new(
        format!("is {}, which is no host name", shown(text)),
        "write the name alone, such as smtp.example.com; the port has a key of its own",
    ))
}

fn domain(text: &str) -> Result<String, Refusal> {
    if is_domain(text) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(Refusal::new(
        format!("holds {}, which is no host name", shown(text)),
        "write names such as shop.example.com; others than Latin letters in their xn-- form",
    ))
}

/// The form of an age recipient (age-encryption.org/v1: Bech32, all lower case).
fn age_recipient(text: &str) -> Result<String, Refusal> {
    if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
        return Err(Refusal::new(
            "is an age identity, which opens the backups and must not lie beside them",
            "write its recipient instead, age1…, as `age-keygen -y` prints it, and keep the identity elsewhere",
        ));
    }
    let body = text.strip_prefix("age1").unwrap_or_default();
    if !body.is_empty() && body.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err(Refusal::new(format!("is {}, which is no age recipient", shown(text)), "write one that begins with age1"))
}

fn keep(raw: &Raw) -> Result<Keep, Refusal> {
    // Ten years of months; more is a slip of the finger that fills a disk.
    const MOST: u64 = 120;
    let counts = match raw {
        Raw::Whole(_) => vec![raw.whole(&(1..=MOST))?],
        _ => raw.each(|item| item.whole(&(0..=MOST)))?,
    };
    let usual = Keep::USUAL;
    match *counts.as_slice() {
        [daily] if daily > 0 => Ok(Keep { daily, ..usual }),
        [daily, weekly, monthly] if daily > 0 => Ok(Keep { daily, weekly, monthly }),
        _ => Err(Refusal::new(
            "has to say how many daily, weekly and monthly backups are kept, of the daily ones at least one",
            "write one number for the daily ones or three, such as [7, 4, 12]",
        )),
    }
}

/// Take a value as the type the configuration keeps it in.
pub(super) trait FromValue: Sized {
    /// `None` if the value is of another kind, which the table's test rules out.
    fn from_value(value: Value) -> Option<Self>;
}

/// One line a type: which variant it lives in.
macro_rules! from_value {
    ($($type:ty = $variant:ident),+ $(,)?) => {$(
        impl FromValue for $type {
            fn from_value(value: Value) -> Option<Self> {
                match value {
                    Value::$variant(inner) => inner.try_into().ok(),
                    _ => None,
                }
            }
        }
    )+};
}

from_value! {
    String = Text, Vec<String> = Texts, Secret = Secret, Vec<Secret> = Secrets, bool = YesNo, u16 = Whole, u32 = Whole,
    u64 = Whole, Vec<u64> = Wholes, SocketAddr = Address, HttpUrl = Url, Vec<HttpUrl> = Urls, Vec<Network> = Networks,
    Mailbox = Sender, PathBuf = Path, Keep = Keep,
}
