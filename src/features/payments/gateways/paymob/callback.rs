//! Paymob's messages (PROVIDERS 4.3): the callback of a transaction, the same values in the customer's address bar, and the
//! callback of an intention. None of them is believed beyond its names.

use aws_lc_rs::hmac;
use serde_json::Value;

use super::super::amounts;
use super::super::lenient::{at, sha256_hex, text_at, whole_at};
use super::transaction::order_name;
use crate::features::payments::gateway::{Delivery, Event, Reading, Report, Verdict};
use crate::kernel::Currency;

/// What is signed, in this order, with nothing between.
const SIGNED: [&str; 20] = [
    "amount_cents",
    "created_at",
    "currency",
    "error_occured",
    "has_parent_transaction",
    "id",
    "integration_id",
    "is_3d_secure",
    "is_auth",
    "is_capture",
    "is_refunded",
    "is_standalone_payment",
    "is_voided",
    "order.id",
    "owner",
    "pending",
    "source_data.pan",
    "source_data.sub_type",
    "source_data.type",
    "success",
];

/// Bytes of a SHA-512.
const TAG: usize = 64;

pub(super) fn signs(delivery: &Delivery<'_>) -> bool {
    let in_query = delivery.query.is_some_and(|query| form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "hmac"));
    in_query || serde_json::from_slice::<Value>(delivery.body).is_ok_and(|body| text_at(&body, "hmac").is_some())
}

pub(super) fn verify(key: &hmac::Key, delivery: &Delivery<'_>) -> Verdict {
    let forged = |why| Verdict::Forged { why };
    let query = delivery.query.unwrap_or_default();
    let tags: Vec<String> =
        form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "hmac").map(|(_, tag)| tag.into_owned()).collect();
    let tag = match tags.as_slice() {
        [] => return intention(key, delivery.body),
        [tag] => tag,
        _ => return forged("there is more than one hmac"),
    };
    let Some(tag) = tag_of(tag) else {
        return forged("the hmac is not 128 lower-case hexadecimal digits");
    };
    if delivery.body.is_empty() {
        // The customer's way back. It shows a page and changes nothing, whoever signed it.
        let is_genuine = flat_text(query).is_some_and(|text| is_signed(key, &text, &tag));
        return if is_genuine { Verdict::NotForUs } else { forged("the hmac is another") };
    }
    let Some(body) = serde_json::from_slice::<Value>(delivery.body).ok().filter(Value::is_object) else {
        return forged("the body is no JSON object");
    };
    let kind = text_at(&body, "type").unwrap_or_default();
    if kind == "TOKEN" {
        // It carries a saved card's token: nothing of it is kept.
        return Verdict::NotForUs;
    }
    let Some(text) = body.get("obj").and_then(signed_text) else {
        return forged("a signed field is missing or is no single value");
    };
    if !is_signed(key, &text, &tag) {
        return forged("the hmac is another");
    }
    Verdict::Genuine(Event {
        id: sha256_hex(delivery.body),
        kind: if kind.is_empty() { "unnamed".to_owned() } else { kind },
        body,
    })
}

/// The intention's callback carries its `hmac` in the body and signs the amount and the intention's id alone: a hint, no more.
fn intention(key: &hmac::Key, body: &[u8]) -> Verdict {
    let forged = |why| Verdict::Forged { why };
    let Some(body_value) = serde_json::from_slice::<Value>(body).ok().filter(Value::is_object) else {
        return forged("there is no hmac");
    };
    let Some(tag) = text_at(&body_value, "hmac") else {
        return forged("there is no hmac");
    };
    let Some(tag) = tag_of(&tag) else {
        return forged("the hmac is not 128 lower-case hexadecimal digits");
    };
    let amount = intention_amount(&body_value);
    let (Some(id), Some(amount)) = (text_at(&body_value, "intention.id"), amount) else {
        return forged("the intention's id or amount is missing");
    };
    if !is_signed(key, &format!("{amount}{id}"), &tag) {
        return forged("the hmac is another");
    }
    Verdict::Genuine(Event { id: sha256_hex(body), kind: "INTENTION".to_owned(), body: body_value })
}

/// In major units with two decimals; a third one is written only where it counts.
fn intention_amount(body: &Value) -> Option<String> {
    let currency = Currency::from_code(&text_at(body, "intention.intention_detail.currency")?)?;
    let text = amounts::from_paymob(whole_at(body, "intention.intention_detail.amount")?, currency)?.to_string();
    let is_thousandths = currency.digits() == 3 && text.ends_with('0');
    Some(if is_thousandths { text.get(..text.len() - 1)?.to_owned() } else { text })
}

/// The joined text of a transaction; `None` if a field is absent or is no single value.
fn signed_text(obj: &Value) -> Option<String> {
    SIGNED.iter().try_fold(String::new(), |mut text, path| {
        match at(obj, path)? {
            Value::Null => {}
            Value::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
            Value::Number(number) => text.push_str(&number.to_string()),
            Value::String(value) => text.push_str(value),
            Value::Array(_) | Value::Object(_) => return None,
        }
        Some(text)
    })
}

/// The same text of an address bar, where the order's number is called `order`.
fn flat_text(query: &str) -> Option<String> {
    let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    SIGNED.iter().try_fold(String::new(), |text, path| {
        let name = if *path == "order.id" { "order" } else { path };
        let mut values = pairs.iter().filter(|(known, _)| known == name).map(|(_, value)| value);
        let (value, None) = (values.next()?, values.next()) else { return None };
        Some(text + value)
    })
}

fn is_signed(key: &hmac::Key, text: &str, tag: &[u8; TAG]) -> bool {
    hmac::verify(key, text.as_bytes(), tag).is_ok()
}

fn tag_of(hex: &str) -> Option<[u8; TAG]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if hex.len() != 2 * TAG {
        return None;
    }
    let mut tag = [0; TAG];
    for (byte, pair) in tag.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        let &[high, low] = pair else { return None };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(tag)
}

/// Every effect comes from asking, because the callback does not sign what counts.
pub(super) fn read(body: &Value, integrations: &[u64]) -> Reading {
    let ignored = || Reading { ignored: true, ..Reading::default() };
    if let Some(intention) = text_at(body, "intention.id") {
        return Reading { about: vec![intention], ask: true, ..Reading::default() };
    }
    let Some(order) = text_at(body, "obj.order.id") else { return ignored() };
    let integration = text_at(body, "obj.integration_id").and_then(|text| text.parse::<u64>().ok());
    if !integration.is_some_and(|id| integrations.contains(&id)) {
        return ignored();
    }
    let objects = text_at(body, "obj.id").into_iter().collect();
    Reading {
        about: vec![order_name(&order)],
        ask: true,
        report: Report { objects, ..Report::default() },
        ..Reading::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../../../../tests/vectors/paymob.json")).expect("JSON")
    }

    #[test]
    fn the_joined_text_is_the_one_that_paymob_published() {
        let vectors = vectors();
        assert_eq!(vectors["field_order"], serde_json::json!(SIGNED));
        let samples = vectors["published_samples"].as_array().expect("samples");
        assert_eq!(samples.len(), 2);
        for sample in samples {
            assert_eq!(signed_text(&sample["obj"]).as_deref(), sample["concatenated"].as_str(), "{}", sample["name"]);
        }
    }

    #[test]
    fn the_steps_of_the_vectors_are_ours() {
        let mut count = 0;
        for case in vectors()["cases"].as_array().expect("cases") {
            let Some(steps) = case.get("steps") else { continue };
            let body: Value = serde_json::from_str(case["body"].as_str().expect("a body")).expect("JSON");
            assert_eq!(signed_text(&body["obj"]).as_deref(), steps["concatenated"].as_str());
            count += 1;
        }
        assert_eq!(count, 1);
    }

    #[test]
    fn a_number_is_signed_as_it_is_written() {
        let text = SIGNED.map(|path| format!("\"{path}\":1.50")).join(",");
        let flat: Value = serde_json::from_str(&format!("{{{text}}}")).expect("JSON");
        let mut obj = flat.clone();
        obj["order"] = serde_json::json!({ "id": flat["order.id"] });
        obj["source_data"] = serde_json::json!({
            "pan": flat["source_data.pan"], "sub_type": flat["source_data.sub_type"], "type": flat["source_data.type"]
        });
        assert_eq!(signed_text(&obj), Some("1.50".repeat(20)));
        obj["owner"] = Value::Null;
        assert_eq!(signed_text(&obj), Some("1.50".repeat(19)));
        obj["owner"] = serde_json::json!({});
        assert_eq!(signed_text(&obj), None);
        obj.as_object_mut().expect("an object").remove("owner");
        assert_eq!(signed_text(&obj), None);
    }

    #[test]
    fn an_intentions_amount_has_two_decimals() {
        let amount = |amount: i64, currency: &str| {
            intention_amount(
                &serde_json::json!({ "intention": { "intention_detail": { "amount": amount, "currency": currency } } }),
            )
        };
        assert_eq!(amount(10_000, "EGP").as_deref(), Some("100.00"));
        assert_eq!(amount(4_250, "OMR").as_deref(), Some("4.25"));
        assert_eq!(amount(4_255, "OMR").as_deref(), Some("4.255"));
        assert_eq!(amount(4_255, "xyz"), None);
    }

    #[test]
    fn only_128_lower_case_digits_are_a_tag() {
        assert_eq!(tag_of(&"0f".repeat(64)), Some([0x0f; 64]));
        for text in ["", "0f", &"0F".repeat(64), &"0g".repeat(64), &"0f".repeat(65), &"\u{660}".repeat(64)] {
            assert_eq!(tag_of(text), None, "{text}");
        }
    }
}
