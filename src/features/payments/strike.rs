//! What is kept of a provider's words: ids, amounts, codes and times; no secret, no card, nobody's name (PROVIDERS 1, "PCI").
//!
//! Fields are known by their names, whatever their case and however their words are joined: `client_secret`, `ClientSecret` and
//! `client-secret` are one. What the names do not tell, the texts do: card numbers, e-mail addresses, keys and what opens a page of
//! payment are struck wherever they stand.

use serde_json::{Map, Value};

use crate::http::card_guard;

/// Stands where a text was struck whose field stays.
const STRUCK: &str = "(struck)";

/// The same, without secrets and personal data.
#[must_use]
pub fn strike(raw: &Value) -> Value {
    strike_in("", raw).unwrap_or(Value::Null)
}

/// A value in the object or list of that name; `None` if it goes.
fn strike_in(parent: &str, value: &Value) -> Option<Value> {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter_map(|(name, value)| Some((name.clone(), strike_field(parent, name, value)?)));
            Some(Value::Object(kept.collect::<Map<_, _>>()))
        }
        Value::Array(items) => Some(items.iter().filter_map(|item| strike_in(parent, item)).collect()),
        Value::String(text) => Some(Value::String(strike_text(text))),
        Value::Number(number) if card_guard::text_carries(&number.to_string()) => None,
        Value::Number(_) | Value::Bool(_) | Value::Null => Some(value.clone()),
    }
}

/// A field's value; `None` if the field goes.
fn strike_field(parent: &str, name: &str, value: &Value) -> Option<Value> {
    let word = word_of(name);
    let (word, is_whole) = (word.as_str(), !matches!(value, Value::Object(_) | Value::Array(_)));
    if card_guard::text_carries(name) || name.contains('@') {
        return None;
    }
    if word == "pan" {
        return value.as_str().and_then(last_four).map(Value::String);
    }
    if is_secret(word) || is_card_datum(word) || is_personal(word) {
        return None;
    }
    if PEOPLE.contains(&word) {
        return if is_whole && is_opaque_id(value) { Some(value.clone()) } else { None };
    }
    if word.ends_with("name") && !(is_whole && (parent == "event" || is_code(value))) {
        return None;
    }
    if MEANS.contains(&word) && !is_whole {
        return Some(strike_means(value));
    }
    if is_id(word) && is_whole {
        // An id is what money is found by: digits in it are no card.
        return Some(match value {
            Value::String(text) if is_secret_text(text) || text.contains('@') || text.contains("://") => STRUCK.into(),
            other => other.clone(),
        });
    }
    strike_in(word, value)
}

/// `client_secret`, `ClientSecret` and `client-secret` as one word.
fn word_of(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|character| character.to_ascii_lowercase()).collect()
}

/// Keys, tokens, and links that open a payment, a receipt or the way back into the shop.
fn is_secret(word: &str) -> bool {
    const ENDS: &[&str] =
        &["secret", "token", "tokens", "password", "passcode", "signature", "hmac", "key", "keys", "url", "urls", "hash"];
    const WHOLE: &[&str] = &["authorization", "cookie", "nonce", "otp", "pin", "clientdata", "nextaction", "headers"];
    // The provider's copy of our own idempotency key opens nothing.
    word != "idempotencykey" && (WHOLE.contains(&word) || ENDS.iter().any(|end| word.ends_with(end)))
}

fn is_card_datum(word: &str) -> bool {
    const PARTS: &[&str] =
        &["cardnum", "cardno", "cardholder", "nameoncard", "maskedpan", "iban", "accountnumber", "routingnumber"];
    const WHOLE: &[&str] = &[
        "cvv",
        "cvv2",
        "cvc",
        "cvccheck",
        "csc",
        "securitycode",
        "expmonth",
        "expyear",
        "expirymonth",
        "expiryyear",
        "expiry",
        "cardexpiry",
        "cardexpirydate",
        "fingerprint",
        "pancode",
        "panhash",
        "track",
        "track1",
        "track2",
        "number",
        "bin",
        "iin",
    ];
    WHOLE.contains(&word) || PARTS.iter().any(|part| word.contains(part))
}

fn is_personal(word: &str) -> bool {
    const PARTS: &[&str] =
        &["email", "phone", "mobile", "address", "birth", "civilid", "nationalid", "passport", "geolocation"];
    const WHOLE: &[&str] = &[
        "ip",
        "clientip",
        "customerip",
        "userip",
        "useragent",
        "street",
        "line1",
        "line2",
        "city",
        "town",
        "postalcode",
        "postcode",
        "zip",
        "zipcode",
        "building",
        "floor",
        "apartment",
        "adminarea1",
        "adminarea2",
        "latitude",
        "longitude",
        "note",
        "notes",
        "notetopayer",
        "content",
        "comment",
        "comments",
        "description",
        "customfields",
        "collectedinformation",
        "taxids",
        "extradescription",
        "extra",
        "evidence",
        "userdefinedfield",
        "dob",
        "gender",
    ];
    WHOLE.contains(&word) || PARTS.iter().any(|part| word.contains(part))
}

/// Whole records of people; where one stands as an id, it stays.
const PEOPLE: &[&str] = &[
    "customer",
    "customers",
    "customerdetails",
    "customerinfo",
    "customerdata",
    "payer",
    "payerinfo",
    "buyer",
    "buyerinfo",
    "subscriber",
    "billing",
    "billingdata",
    "billingdetails",
    "billinginfo",
    "shipping",
    "shippingdata",
    "shippingdetails",
    "shippinginfo",
    "shipper",
    "recipient",
    "receiver",
    "merchant",
    "user",
    "person",
    "holder",
    "owner",
    "supplier",
    "suppliers",
];

/// What somebody pays with: of these only the make and the last digits stay.
const MEANS: &[&str] = &[
    "paymentmethoddetails",
    "paymentmethod",
    "paymentmethodpreview",
    "paymentsource",
    "fundingsource",
    "source",
    "sourcedata",
    "sources",
    "card",
    "cards",
    "cardinfo",
    "bankaccount",
    "usbankaccount",
    "wallet",
    "instrument",
];

/// The record of a means of payment: make, kind and the last four digits, at whatever depth.
fn strike_means(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter_map(|(name, value)| {
                let kept = match (word_of(name).as_str(), value) {
                    (_, Value::Object(_) | Value::Array(_)) => {
                        let inner = strike_means(value);
                        let is_empty =
                            inner.as_object().is_some_and(Map::is_empty) || inner.as_array().is_some_and(Vec::is_empty);
                        (!is_empty).then_some(inner)?
                    }
                    ("last4" | "lastdigits" | "lastfour" | "pan", Value::String(text)) => Value::String(last_four(text)?),
                    ("brand" | "type" | "subtype" | "network" | "funding" | "cardtype", Value::String(text)) => {
                        Value::String(strike_text(text))
                    }
                    _ => return None,
                };
                Some((name.clone(), kept))
            });
            Value::Object(kept.collect())
        }
        Value::Array(items) => items.iter().filter(|item| item.is_object()).map(strike_means).collect(),
        _ => Value::Null,
    }
}

/// The last four digits, if there are no fewer and no letters of a name.
fn last_four(text: &str) -> Option<String> {
    let digits: Vec<char> = text.chars().filter(char::is_ascii_digit).collect();
    digits.len().checked_sub(4).map(|start| digits.into_iter().skip(start).collect())
}

fn is_id(word: &str) -> bool {
    ["id", "ids", "reference", "uniqueref", "identifier", "uuid"].iter().any(|end| word.ends_with(end))
}

/// `cus_Nf4…`, `302852`: names a record of the provider, nobody else's.
fn is_opaque_id(value: &Value) -> bool {
    match value {
        Value::Number(number) => !card_guard::text_carries(&number.to_string()),
        Value::String(text) => {
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                && text.bytes().any(|byte| byte.is_ascii_digit())
                && text.bytes().any(|byte| byte == b'_')
        }
        Value::Null => true,
        _ => false,
    }
}

/// `UNPROCESSABLE_ENTITY`: a word of the provider's, not a person's.
fn is_code(value: &Value) -> bool {
    value.as_str().is_some_and(|text| {
        text.contains('_') && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    })
}

/// A text without what opens something: a link loses its query and fragment, everything else goes as a whole.
fn strike_text(text: &str) -> String {
    if card_guard::text_carries(text) || is_secret_text(text) {
        return STRUCK.to_owned();
    }
    if text.starts_with("https://") || text.starts_with("http://") {
        let bare = text.split(['?', '#']).next().unwrap_or_default();
        return if bare.contains('@') { STRUCK.to_owned() } else { bare.to_owned() };
    }
    if text.contains('@') {
        return STRUCK.to_owned();
    }
    text.to_owned()
}

fn is_secret_text(text: &str) -> bool {
    const BEGINS: &[&str] = &["bearer ", "basic ", "sk_", "rk_", "whsec_", "ek_", "eyj"];
    let start: String = text.trim_start().chars().take(8).collect::<String>().to_ascii_lowercase();
    BEGINS.iter().any(|begin| start.starts_with(begin)) || text.contains("_secret_") || text.contains("_sk_")
}

#[cfg(test)]
mod tests;
