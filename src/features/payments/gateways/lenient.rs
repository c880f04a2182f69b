//! Reading of answers whose forms differ between a provider's pages and its servers: numbers as texts, flags as texts, pages of a
//! proxy where JSON was promised.

use std::fmt::Write as _;

use aws_lc_rs::digest;
use serde_json::{Map, Value};
use url::{Host, Url};

use crate::http::card_guard;
use crate::outbound::Reply;

/// The answer as a JSON object; `None` for HTML, an empty body and anything else.
pub(super) fn object_of(reply: &Reply) -> Option<Value> {
    serde_json::from_slice(&reply.body).ok().filter(Value::is_object)
}

/// The value at a path such as `order.id`.
pub(super) fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, name| value.get(name))
}

/// A text or a number, as it is written; nothing for an empty text.
pub(super) fn text_at(value: &Value, path: &str) -> Option<String> {
    match at(value, path)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A whole number, written as a number or as a text.
pub(super) fn whole_at(value: &Value, path: &str) -> Option<i64> {
    text_at(value, path)?.parse().ok()
}

/// `true` and `false`, as such or as texts.
pub(super) fn flag_at(value: &Value, path: &str) -> Option<bool> {
    match at(value, path)? {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// The fields of these names alone: what is kept of an answer is told by name, so that a new field of theirs is not kept.
pub(super) fn only(value: &Value, names: &[&str]) -> Value {
    let kept = names.iter().filter_map(|name| Some(((*name).to_owned(), value.get(name)?.clone())));
    Value::Object(kept.collect::<Map<_, _>>())
}

/// At most so many characters of a provider's text, on one line, without what may name a person or a card: it is kept and logged.
pub(super) fn short(text: &str) -> String {
    const LONGEST: usize = 300;
    let words: Vec<&str> = text.split_whitespace().map(|word| if word.contains('@') { "…" } else { word }).collect();
    let line = words.join(" ");
    let has_card = card_guard::text_carries(&line);
    line.chars().map(|character| if has_card && character.is_numeric() { '•' } else { character }).take(LONGEST).collect()
}

/// A page to which a buyer may be sent: an encrypted one, or one of this machine, as doubles have.
pub(super) fn page_at(text: &str) -> Option<String> {
    let url = Url::parse(text).ok().filter(|url| url.username().is_empty() && url.password().is_none())?;
    let is_here = match url.host()? {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(name) => name == "localhost",
    };
    (url.scheme() == "https" || (url.scheme() == "http" && is_here)).then(|| text.to_owned())
}

/// SHA-256 in lower-case hexadecimal digits.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, bytes);
    hash.as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_providers_words_name_nobody_and_hold_no_card() {
        let said = "Card 4242 4242 4242 4242 of\r\nrania@example.com was  refused (code 51)";
        let kept = short(said);
        assert!(!kept.contains("4242") && !kept.contains('@') && kept.contains("was refused"), "{kept}");
        assert_eq!(short(" Integration ID 4097558\tdoes not exist "), "Integration ID 4097558 does not exist");
        assert_eq!(short(&"x".repeat(1_000)).chars().count(), 300);
    }

    #[test]
    fn a_buyer_is_sent_to_encrypted_pages_alone_but_on_this_machine() {
        for good in ["https://portal.myfatoorah.com/p/1?x=2", "http://127.0.0.1:9/p", "http://localhost:9/p", "http://[::1]/"] {
            assert_eq!(page_at(good).as_deref(), Some(good));
        }
        for bad in [
            "http://portal.myfatoorah.com/p",
            "httpx://portal.myfatoorah.com/p",
            "javascript:alert(1)",
            "https://user:x@portal.myfatoorah.com/",
            "//portal.myfatoorah.com",
            "/p",
            "https://",
            "",
        ] {
            assert_eq!(page_at(bad), None, "{bad}");
        }
    }

    #[test]
    fn both_forms_are_read_and_others_are_not() {
        let value =
            json!({ "a": { "n": 7, "t": " 7 ", "yes": "True", "no": false, "empty": "", "nothing": null, "list": [] } });
        assert_eq!((whole_at(&value, "a.n"), whole_at(&value, "a.t")), (Some(7), Some(7)));
        assert_eq!(
            (flag_at(&value, "a.yes"), flag_at(&value, "a.no"), flag_at(&value, "a.n")),
            (Some(true), Some(false), None)
        );
        for path in ["a.empty", "a.nothing", "a.list", "a.absent", "b.n", "a"] {
            assert_eq!(text_at(&value, path), None, "{path}");
        }
        assert_eq!(only(&value["a"], &["n", "absent"]), json!({ "n": 7 }));
        assert_eq!(sha256_hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
