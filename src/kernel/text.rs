//! Texts that people type: names, notes, e-mail addresses, phone numbers (SPEC 2).

use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// What is wrong with a text, in words for its writer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFault {
    /// Stable, `snake_case`.
    pub code: &'static str,
    pub message: String,
}

fn fault<T>(code: &'static str, message: impl Into<String>) -> Result<T, TextFault> {
    Err(TextFault { code, message: message.into() })
}

/// Whether a text may hold line breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lines {
    One,
    Many,
}

/// NFC, trimmed, without bidi controls (U+202A–E, U+2066–9), which could make a name read as another on a slip.
///
/// # Errors
/// Other control characters are refused; line breaks are allowed where `lines` says so. `\r\n` becomes `\n`.
pub fn clean(text: &str, lines: Lines) -> Result<String, TextFault> {
    let mut cleaned = String::with_capacity(text.len());
    for character in text.replace("\r\n", "\n").nfc() {
        match character {
            '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {}
            '\n' if lines == Lines::Many => cleaned.push(character),
            _ if character.is_control() => {
                return fault(
                    "control_character",
                    format!("must not contain the control character U+{:04X}", u32::from(character)),
                );
            }
            _ => cleaned.push(character),
        }
    }
    Ok(cleaned.trim().to_owned())
}

/// [`clean`], and so many characters long.
///
/// # Errors
/// `required` if nothing is left and `min` is above 0, `too_long` past `max` characters.
pub fn bounded(text: &str, lines: Lines, min: usize, max: usize) -> Result<String, TextFault> {
    let cleaned = clean(text, lines)?;
    let length = cleaned.chars().count();
    if length == 0 && min > 0 {
        return fault("required", "must not be empty");
    }
    if length < min {
        return fault("too_short", format!("must have at least {min} characters"));
    }
    if length > max {
        return fault("too_long", format!("must have at most {max} characters, it has {length}"));
    }
    Ok(cleaned)
}

/// Arabic-Indic (٠–٩) and Persian (۰–۹) digits as ASCII ones, and their separators: ٫ is the dot, ٬ goes.
#[must_use]
pub fn fold_digits(text: &str) -> String {
    text.chars()
        .filter(|character| *character != '\u{066C}')
        .map(|character| match character {
            '\u{066B}' => '.',
            _ => ascii_digit(character).unwrap_or(character),
        })
        .collect()
}

/// The ASCII form of a digit of any script that customers here type with.
#[must_use]
pub fn ascii_digit(character: char) -> Option<char> {
    let offset = match character {
        '0'..='9' => u32::from(character) - u32::from('0'),
        '\u{0660}'..='\u{0669}' => u32::from(character) - 0x0660,
        '\u{06F0}'..='\u{06F9}' => u32::from(character) - 0x06F0,
        _ => return None,
    };
    char::from_digit(offset, 10)
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident = $lines:expr, $max:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub struct $name(String);

        impl $name {
            /// The most characters.
            pub const MAX: usize = $max;

            /// Cleans and checks.
            ///
            /// # Errors
            /// See [`bounded`].
            pub fn parse(text: &str) -> Result<Self, TextFault> {
                bounded(text, $lines, 1, $max).map(Self)
            }

            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            #[must_use]
            pub fn into_string(self) -> String {
                self.0
            }
        }
    )+};
}

texts! {
    /// A name: of a person, a product, a category. One line.
    Name = Lines::One, 200;
    /// A note or a description; may have line breaks.
    Note = Lines::Many, 2_000;
    /// Why something was done. One line.
    Reason = Lines::One, 500;
}

/// An e-mail address in lower case, as it is compared.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// The most characters (RFC 5321, 4.5.3.1.3, less the brackets).
    pub const MAX: usize = 254;

    /// Checks the shape that a mail server could accept: one `@`, a local part of at most 64 and a domain with a dot. Whether it
    /// exists only a message can tell.
    ///
    /// # Errors
    /// `invalid_email`, `too_long`.
    pub fn parse(text: &str) -> Result<Email, TextFault> {
        let address = bounded(text, Lines::One, 1, Self::MAX)?.to_lowercase();
        let well_formed = address.rsplit_once('@').is_some_and(|(local, domain)| {
            let local_fits = !local.is_empty()
                && local.len() <= 64
                && !local.contains(|c: char| c == '@' || c.is_whitespace() || "<>()[],;:\\\"".contains(c));
            let labels_fit = domain.split('.').all(|label| {
                !label.is_empty()
                    && label.len() <= 63
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            });
            local_fits && labels_fit && domain.contains('.')
        });
        if well_formed {
            Ok(Email(address))
        } else {
            fault("invalid_email", "must be an e-mail address such as layla@example.com")
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Email {
    /// Personal: not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(***)")
    }
}

/// A phone number in E.164: a plus and 7 to 15 digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

impl Phone {
    /// Reads what people type: spaces, dots, dashes, brackets and Arabic-Indic digits are fine; `00` is `+`; a leading 0 takes
    /// `calling_code`.
    ///
    /// # Errors
    /// `invalid_phone`.
    pub fn parse(text: &str, calling_code: Option<&str>) -> Result<Phone, TextFault> {
        const WANTED: &str = "must be a phone number such as +962 79 123 4567";
        let folded = fold_digits(&clean(text, Lines::One)?);
        let typed: String = folded.chars().filter(|c| !matches!(c, ' ' | '\u{00A0}' | '-' | '.' | '(' | ')' | '/')).collect();
        let digits = if let Some(rest) = typed.strip_prefix('+').or_else(|| typed.strip_prefix("00")) {
            rest.to_owned()
        } else if let Some(rest) = typed.strip_prefix('0') {
            match calling_code {
                Some(code) => format!("{code}{rest}"),
                None => return fault("invalid_phone", "must start with + and the country's code"),
            }
        } else {
            return fault("invalid_phone", WANTED);
        };
        let fits =
            (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        if fits { Ok(Phone(format!("+{digits}"))) } else { fault("invalid_phone", WANTED) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Phone {
    /// Personal: not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bidi_controls_go_and_other_controls_are_refused() {
        assert_eq!(Name::parse("  خبز\u{202E} عربي\u{2069} ").expect("a name").as_str(), "خبز عربي");
        assert_eq!(Name::parse("a\u{0007}b").expect_err("a bell").code, "control_character");
        assert_eq!(Name::parse("a\nb").expect_err("a line break in a name").code, "control_character");
        assert_eq!(Note::parse("a\r\nb").expect("a note").as_str(), "a\nb");
        assert_eq!(Name::parse(" \u{202A} ").expect_err("nothing left").code, "required");
    }

    #[test]
    fn lengths_count_characters_not_bytes() {
        assert!(Name::parse(&"خ".repeat(200)).is_ok());
        assert_eq!(Name::parse(&"خ".repeat(201)).expect_err("too long").code, "too_long");
        assert_eq!(Name::parse("e\u{0301}").expect("composed").as_str(), "é");
    }

    #[test]
    fn an_address_is_compared_in_lower_case() {
        assert_eq!(Email::parse(" Layla@Example.COM ").expect("an address").as_str(), "layla@example.com");
        for text in
            ["", "a", "a@", "@b.c", "a@b", "a b@c.d", "a@b@c.d", "a@-b.c", "a@b..c", &format!("{}@b.co", "a".repeat(65))]
        {
            assert!(Email::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn phones_are_written_one_way() {
        let jordan = |text| Phone::parse(text, Some("962")).map(|phone| phone.as_str().to_owned());
        for text in ["0791234567", "00962791234567", "+962 79 123-4567", "٠٧٩١٢٣٤٥٦٧", "(079) 123.4567"] {
            assert_eq!(jordan(text).expect(text), "+962791234567");
        }
        for text in ["", "79123", "+", "+0123456789", "+12345", "+1234567890123456", "079x1234567"] {
            assert!(jordan(text).is_err(), "{text}");
        }
        assert!(Phone::parse("0791234567", None).is_err());
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing(text in "\\PC{0,80}") {
            if let Ok(once) = clean(&text, Lines::Many) {
                prop_assert_eq!(clean(&once, Lines::Many), Ok(once));
            }
        }
    }
}
