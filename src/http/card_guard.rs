//! Card numbers are refused before anything binds, stores or logs them (SPEC 4, "Card numbers").
//!
//! Looked at: every string and number of the parsed JSON, but strings that are wholly a UUID, and fields that hold phones,
//! passwords, tokens or a `sku`. Found: a run of digits (ASCII or Arabic-Indic; single spaces, NBSP, dots or dashes between) not
//! touched by another letter, digit or dash, that passes Luhn (ISO/IEC 7812-1, annex B) and has a card's prefix and length.

use serde_json::Value;

use crate::kernel::text::ascii_digit;

/// The longest card number.
const MAX_DIGITS: usize = 19;

/// Whether a JSON value carries a card number anywhere; keys of objects are looked at too.
#[must_use]
pub fn carries_card_number(value: &Value) -> bool {
    match value {
        Value::String(text) => text_carries(text),
        Value::Number(number) => text_carries(&number.to_string()),
        Value::Array(items) => items.iter().any(carries_card_number),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| text_carries(name) || (!is_exempt(name) && carries_card_number(value)))
        }
        Value::Null | Value::Bool(_) => false,
    }
}

/// Fields whose digits are something else by their meaning.
fn is_exempt(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "sku" || name.ends_with("phone") || name.ends_with("password") || name.ends_with("token")
}

/// Whether a text carries a card number.
#[must_use]
pub fn text_carries(text: &str) -> bool {
    // Most texts hold too few digits to be one; this is on the path of every order.
    if text.bytes().filter(|byte| byte.is_ascii_digit() || *byte >= 0x80).count() < 15 || is_uuid(text) {
        return false;
    }
    let characters: Vec<char> = text.chars().collect();
    let mut start = 0;
    while start < characters.len() {
        if ascii_digit(characters[start]).is_none() {
            start += 1;
            continue;
        }
        let (digits, end) = run(&characters, start);
        let touched = touches(start.checked_sub(1).and_then(|index| characters.get(index))) || touches(characters.get(end));
        if !touched && is_card_number(&digits) {
            return true;
        }
        start = end;
    }
    false
}

fn is_uuid(text: &str) -> bool {
    matches!(text.len(), 32 | 36) && uuid::Uuid::try_parse(text).is_ok()
}

/// The digits of the run that starts here, single separators allowed between, and the place after its last digit.
fn run(characters: &[char], start: usize) -> (Vec<u8>, usize) {
    let mut digits = Vec::new();
    let mut end = start;
    while let Some(character) = characters.get(end) {
        if let Some(digit) = ascii_digit(*character) {
            digits.push(u8::try_from(digit.to_digit(10).unwrap_or(0)).unwrap_or(0));
            end += 1;
        } else if is_separator(*character) && characters.get(end + 1).is_some_and(|next| ascii_digit(*next).is_some()) {
            end += 1;
        } else {
            break;
        }
    }
    (digits, end)
}

fn is_separator(character: char) -> bool {
    matches!(character, ' ' | '\u{00A0}' | '.' | '-')
}

fn touches(neighbour: Option<&char>) -> bool {
    neighbour.is_some_and(|character| character.is_alphanumeric() || *character == '-')
}

fn is_card_number(digits: &[u8]) -> bool {
    digits.len() <= MAX_DIGITS && has_card_prefix(digits) && passes_luhn(digits)
}

fn has_card_prefix(digits: &[u8]) -> bool {
    let prefix = |length: usize| digits.iter().take(length).fold(0_u32, |number, digit| number * 10 + u32::from(*digit));
    match digits.len() {
        15 => matches!(prefix(2), 34 | 37),
        16 => digits.first() == Some(&4) || matches!(prefix(2), 51..=55 | 62 | 65) || matches!(prefix(4), 2221..=2720 | 6011),
        17 | 18 => prefix(2) == 62,
        19 => digits.first() == Some(&4) || prefix(2) == 62,
        _ => false,
    }
}

fn passes_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// Test numbers that card schemes and gateways publish.
    const CARDS: &[&str] = &[
        "4242424242424242",
        "5555555555554444",
        "2223003122003222",
        "378282246310005",
        "6011111111111117",
        "6200000000000005",
    ];

    #[test]
    fn published_test_cards_are_found_however_they_are_written() {
        for card in CARDS {
            let spaced: Vec<String> =
                card.as_bytes().chunks(4).map(|part| String::from_utf8_lossy(part).into_owned()).collect();
            let arabic: String =
                card.chars().map(|digit| char::from_u32(u32::from(digit) - 48 + 0x660).expect("a digit")).collect();
            for text in
                [(*card).to_owned(), spaced.join(" "), spaced.join("-"), spaced.join("."), spaced.join("\u{00A0}"), arabic]
            {
                assert!(text_carries(&text), "{text}");
                assert!(text_carries(&format!("card: {text}, thanks")), "{text}");
                assert!(carries_card_number(&json!({ "a": [{ "notes": text }] })));
            }
        }
        assert!(carries_card_number(&json!({ "n": 4_242_424_242_424_242_i64 })));
        assert!(carries_card_number(&json!({ "4242424242424242": 1 })));
    }

    #[test]
    fn what_is_touched_by_letters_digits_or_dashes_is_none() {
        for text in [
            "x4242424242424242",
            "4242424242424242x",
            "-4242424242424242",
            "4242424242424242-",
            "14242424242424242",
            "4242  4242  4242  4242",
            "4242424242424241",
        ] {
            assert!(!text_carries(text), "{text}");
        }
    }

    #[test]
    fn phones_passwords_tokens_and_skus_are_not_looked_at() {
        let card = "4242424242424242";
        assert!(!carries_card_number(
            &json!({ "phone": card, "password": card, "refreshToken": card, "sku": card, "newPassword": card })
        ));
        assert!(carries_card_number(&json!({ "phone": { "x": 1 }, "name": card })));
    }

    #[test]
    fn a_million_ids_and_phone_numbers_are_let_through() {
        let mut ids = crate::clock::IdMaker::new();
        for step in 0..1_000_000_u64 {
            let id = ids.make(crate::kernel::UtcMs::from_ms(1_795_603_665_007 + i64::try_from(step).expect("small")));
            assert!(!text_carries(&id.to_string()), "{id}");
            // Jordanian mobile numbers, and E.164 of up to 15 digits with their plus.
            let phone = format!("+9627{:08}", step.wrapping_mul(2_654_435_761) % 100_000_000);
            assert!(!text_carries(&phone), "{phone}");
            assert!(
                !carries_card_number(&serde_json::Value::String(format!("call {phone} about order B-261125-{step:04}"))),
                "{phone}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged_without_panic(text in "\\PC{0,60}") {
            let _ = text_carries(&text);
        }

        #[test]
        fn a_number_with_right_prefix_and_check_digit_is_found(middle in proptest::collection::vec(0_u8..10, 14)) {
            let mut digits = vec![4];
            digits.extend(middle);
            let check = (0..10).find(|last| passes_luhn(&[digits.as_slice(), &[*last]].concat())).expect("one fits");
            digits.push(check);
            let text: String = digits.iter().map(|digit| char::from(b'0' + digit)).collect();
            prop_assert!(text_carries(&text));
        }
    }
}
