//! What `GET /setup` answers.

use serde_json::{Value, json};

use crate::features::setup::{places, sample};
use crate::http::Shape;

/// What a new shop can choose from; the same for every shop.
pub(super) fn choices() -> Value {
    let name = |en: &str, ar: &str| if en.is_empty() { Value::Null } else { json!({ "en": en, "ar": ar }) };
    let languages: Vec<Value> =
        places::languages().iter().map(|(locale, name)| json!({ "code": locale.code(), "name": name })).collect();
    let zones: Vec<Value> = places::zones()
        .iter()
        .map(
            |zone| json!({ "code": zone.choice.code, "name": name(zone.choice.en, zone.choice.ar), "currency": zone.currency }),
        )
        .collect();
    let currencies: Vec<Value> = places::currencies()
        .iter()
        .map(|(currency, choice)| {
            json!({
                "code": choice.code, "digits": currency.digits(), "name": name(choice.en, choice.ar),
                "price": sample::price_like(*currency).to_string(),
            })
        })
        .collect();
    json!({ "languages": languages, "timeZones": zones, "currencies": currencies })
}

pub(super) fn setup() -> Shape {
    let name = json!({
        "type": ["object", "null"],
        "required": ["en", "ar"],
        "properties": { "en": { "type": "string" }, "ar": { "type": "string" } },
        "additionalProperties": false,
        "description": "Null where the code is all we know.",
    });
    let choice = |more: &[(&str, Value)]| {
        let mut properties = json!({ "code": { "type": "string", "description": "As it is sent." } });
        for (name, schema) in more {
            properties[*name] = schema.clone();
        }
        let required: Vec<&str> = std::iter::once("code").chain(more.iter().map(|(name, _)| *name)).collect();
        json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
    };
    let zone_currency = json!({ "type": ["string", "null"], "description": "What people pay with there, where we know it." });
    let fixed = json!({
        "type": "object",
        "required": ["field", "value", "place"],
        "properties": {
            "field": { "type": "string", "enum": ["shopName", "locale", "timeZone", "currency"] },
            "value": { "type": "string", "description": "Send it as it is." },
            "place": { "type": "string", "description": "Where the configuration says so." },
        },
        "additionalProperties": false,
    });
    let code = json!({
        "type": "object",
        "required": ["state", "secondsLeft", "triesLeft"],
        "properties": {
            "state": { "type": "string", "enum": ["none", "waits", "ended", "spent"], "description": "`waits`: it can be typed. Of the others `bayader admin setup-code` makes a new one." },
            "secondsLeft": { "type": "integer" },
            "triesLeft": { "type": "integer", "description": "Wrong ones." },
        },
        "additionalProperties": false,
    });
    let schema = json!({
        "type": "object",
        "required": ["needed", "languages", "timeZones", "currencies", "fixed", "code"],
        "properties": {
            "needed": { "type": "boolean", "description": "Always true: afterwards there is nothing here." },
            "languages": { "type": "array", "items": choice(&[("name", json!({ "type": "string", "description": "In the language itself." }))]) },
            "timeZones": { "type": "array", "items": choice(&[("name", name.clone()), ("currency", zone_currency)]) },
            "currencies": { "type": "array", "items": choice(&[("digits", json!({ "type": "integer", "description": "Decimals of an amount." })), ("name", name), ("price", json!({ "type": "string", "description": "How a price looks: that of a packet of flatbread in the sample." }))]) },
            "fixed": { "type": "array", "items": fixed, "description": "What the server's configuration decides." },
            "code": code,
        },
        "additionalProperties": false,
    });
    let example = json!({
        "needed": true,
        "languages": [{ "code": "ar", "name": "العربية" }, { "code": "en", "name": "English" }],
        "timeZones": [{ "code": "Asia/Amman", "name": { "en": "Amman", "ar": "عمّان" }, "currency": "JOD" }],
        "currencies": [{ "code": "JOD", "digits": 3, "name": { "en": "Jordanian dinar", "ar": "دينار أردني" }, "price": "0.350" }],
        "fixed": [],
        "code": { "state": "waits", "secondsLeft": 760, "triesLeft": 5 },
    });
    Shape::named("SetUpChoices", schema, example)
}
