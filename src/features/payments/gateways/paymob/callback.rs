//! Paymob's messages (PROVIDERS 4.3): the callback of a transaction, the same values in the customer's address bar, and the
//! callback of an intention. None of them is believed beyond its names.

use aws_lc_rs::hmac;
use serde_json::Value;

use super::super::amounts;
use super::super::lenient::{at, sha256_hex, text_at, whole_at};
use super::transaction::order_name;
use crate::features::payments::gateway::{Delivery, Event, Reading, Report, Verdict};
use crate::kernel::Currency;

/// What is signed, in this order, with nothing between. So that nobody cuts the same text otherwise and makes one number two, the
/// flags are flags and the numbers by which anything is found are whole.
const SIGNED: [(&str, Form); 20] = [
    ("amount_cents", Form::Any),
    ("created_at", Form::Any),
    ("currency", Form::Any),
    ("error_occured", Form::Flag),
    ("has_parent_transaction", Form::Flag),
    ("id", Form::Whole),
    ("integration_id", Form::Whole),
    ("is_3d_secure", Form::Flag),
    ("is_auth", Form::Flag),
    ("is_capture", Form::Flag),
    ("is_refunded", Form::Flag),
    ("is_standalone_payment", Form::Flag),
    ("is_voided", Form::Flag),
    ("order.id", Form::Whole),
    ("owner", Form::Whole),
    ("pending", Form::Flag),
    ("source_data.pan", Form::Any),
    ("source_data.sub_type", Form::Any),
    ("source_data.type", Form::Any),
    ("success", Form::Flag),
];

/// What a signed value may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Any,
    /// `true` or `false`, as such or as a text.
    Flag,
    /// Digits, as a number or as a text.
    Whole,
}

impl Form {
    fn fits(self, text: &str) -> bool {
        match self {
            Form::Any => true,
            Form::Flag => matches!(text, "true" | "false"),
            Form::Whole => !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()),
        }
    }
}

/// The longest word for what happened that is kept.
const LONGEST_KIND: usize = 64;
/// The longest id of an intention.
const LONGEST_ID: usize = 100;
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
        return forged("a signed field is missing or is not what it has to be");
    };
    if !is_signed(key, &text, &tag) {
        return forged("the hmac is another");
    }
    // The buyer's browser is shown the tag too, on its way back. What is not signed they could write anew without end, so a message is
    // known by what is signed of it.
    Verdict::Genuine(Event { id: sha256_hex(text.as_bytes()), kind: kind_of(&kind), body })
}

fn kind_of(kind: &str) -> String {
    let is_word = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_word && kind.len() <= LONGEST_KIND { kind.to_owned() } else { "unnamed".to_owned() }
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
    let (Some(id), Some(amount)) = (text_at(&body_value, "intention.id").filter(|id| is_intention(id)), amount) else {
        return forged("the intention's id or amount is missing or is none");
    };
    if !is_signed(key, &format!("{amount}{id}"), &tag) {
        return forged("the hmac is another");
    }
    Verdict::Genuine(Event { id: sha256_hex(body), kind: "INTENTION".to_owned(), body: body_value })
}

/// A transaction's text, which begins with its amount and is signed with the same key, is no amount and an id: it has a time in it.
fn is_intention(id: &str) -> bool {
    id.len() <= LONGEST_ID && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// In major units with two decimals; a third one is written only where it counts.
fn intention_amount(body: &Value) -> Option<String> {
    let currency = Currency::from_code(&text_at(body, "intention.intention_detail.currency")?)?;
    let text = amounts::from_paymob(whole_at(body, "intention.intention_detail.amount")?, currency)?.to_string();
    let is_thousandths = currency.digits() == 3 && text.ends_with('0');
    Some(if is_thousandths { text.get(..text.len() - 1)?.to_owned() } else { text })
}

/// The joined text of a transaction; `None` if a field is absent or is not what it has to be.
fn signed_text(obj: &Value) -> Option<String> {
    SIGNED.iter().try_fold(String::new(), |mut text, (path, form)| {
        let value = match at(obj, path)? {
            Value::Null => return Some(text),
            Value::Bool(flag) => flag.to_string(),
            Value::Number(number) => number.to_string(),
            Value::String(value) => value.clone(),
            Value::Array(_) | Value::Object(_) => return None,
        };
        text.push_str(&value);
        form.fits(&value).then_some(text)
    })
}

/// The same text of an address bar, where the order's number is called `order`.
fn flat_text(query: &str) -> Option<String> {
    let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    SIGNED.iter().try_fold(String::new(), |text, (path, _)| {
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
        assert_eq!(vectors["field_order"], serde_json::json!(SIGNED.map(|(path, _)| path)));
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

    /// A transaction as it was published, and the tag with which its own key signs it.
    fn genuine() -> (hmac::Key, Value, String) {
        let key = hmac::Key::new(hmac::HMAC_SHA512, b"key");
        let obj = vectors()["published_samples"][0]["obj"].clone();
        let tag = tag_for(&key, &signed_text(&obj).expect("whole"));
        (key, obj, tag)
    }

    fn tag_for(key: &hmac::Key, text: &str) -> String {
        hex::encode(hmac::sign(key, text.as_bytes()))
    }

    fn heard(key: &hmac::Key, tag: Option<&str>, body: &Value) -> Verdict {
        let (headers, query) = (http::HeaderMap::new(), tag.map(|tag| format!("hmac={tag}")));
        verify(key, &Delivery { headers: &headers, query: query.as_deref(), body: body.to_string().as_bytes() })
    }

    #[test]
    fn a_number_is_signed_as_it_is_written() {
        let (_, mut obj, _) = genuine();
        let text = |obj: &Value| signed_text(obj).expect("whole");
        obj["amount_cents"] = serde_json::from_str("1.50").expect("a number");
        assert!(text(&obj).starts_with("1.502"), "{}", text(&obj));
        obj["owner"] = 302_852.into();
        let whole = text(&obj);
        obj["owner"] = Value::Null;
        assert_eq!(text(&obj), whole.replacen("302852", "", 1));
        obj["owner"] = serde_json::json!({});
        assert_eq!(signed_text(&obj), None);
        obj.as_object_mut().expect("an object").remove("owner");
        assert_eq!(signed_text(&obj), None);
    }

    /// The buyer's own browser is shown the tag of their transaction on its way back, and most of a message is not signed.
    #[test]
    fn a_tag_that_a_buyer_has_seen_makes_one_message_and_no_more() {
        let (key, obj, tag) = genuine();
        let ids = (0..3).map(|number| {
            let body =
                serde_json::json!({ "type": format!("TRANSACTION {}", "x".repeat(1_000 * number)), "obj": obj, "n": number });
            let Verdict::Genuine(event) = heard(&key, Some(&tag), &body) else { panic!("it is signed") };
            assert!(event.kind.len() <= LONGEST_KIND, "{}", event.kind.len());
            event.id
        });
        let ids: std::collections::BTreeSet<String> = ids.collect();
        assert_eq!(ids.len(), 1, "what is not signed makes no other message");
    }

    #[test]
    fn what_is_signed_cannot_be_cut_otherwise() {
        let (key, obj, tag) = genuine();
        let text = signed_text(&obj).expect("whole");
        let id = obj["id"].to_string();
        let (first, rest) = id.split_at(3);
        let cut = |changes: &[(&str, Value)]| {
            let mut obj = obj.clone();
            for (name, value) in changes {
                obj[*name] = value.clone();
            }
            let joined = SIGNED.iter().map(|(path, _)| match at(&obj, path) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Null) | None => String::new(),
                Some(other) => other.to_string(),
            });
            assert_eq!(joined.collect::<String>(), text, "the same text, cut otherwise");
            heard(&key, Some(&tag), &serde_json::json!({ "type": "TRANSACTION", "obj": obj }))
        };
        let flag = obj["has_parent_transaction"].to_string();
        let integration = obj["integration_id"].to_string();
        assert!(matches!(cut(&[]), Verdict::Genuine(_)));
        for changes in [
            vec![("has_parent_transaction", format!("{flag}{first}").into()), ("id", rest.into())],
            vec![("has_parent_transaction", Value::Null), ("id", format!("{flag}{id}").into())],
            vec![("integration_id", format!("{integration}{}", obj["is_3d_secure"]).into()), ("is_3d_secure", Value::Null)],
        ] {
            assert!(matches!(cut(&changes), Verdict::Forged { .. }), "{changes:?}");
        }
    }

    #[test]
    fn a_transactions_tag_signs_no_intention() {
        let (key, obj, tag) = genuine();
        let text = signed_text(&obj).expect("whole");
        // An amount without decimals is the beginning of a transaction's text.
        let amount = obj["amount_cents"].as_i64().expect("whole");
        let id = text.strip_prefix(&amount.to_string()).expect("it begins with the amount");
        let detail = serde_json::json!({ "amount": amount * 100, "currency": "JPY" });
        let body = serde_json::json!({ "hmac": tag, "intention": { "id": id, "intention_detail": detail } });
        assert!(matches!(heard(&key, None, &body), Verdict::Forged { .. }));
        let own = serde_json::json!({ "hmac": tag_for(&key, "100.00pi_test_1"), "intention": {
            "id": "pi_test_1", "intention_detail": { "amount": 10_000, "currency": "EGP" } } });
        assert!(matches!(heard(&key, None, &own), Verdict::Genuine(_)));
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
