//! Saying a thing in the reader's language.

use crate::kernel::{Currency, Locale, Money};

/// The reader's language.
#[derive(Clone, Copy, Debug)]
pub struct Say(pub Locale);

impl Say {
    /// The words in the one or the other language.
    #[must_use]
    pub const fn it<'a>(self, en: &'a str, ar: &'a str) -> &'a str {
        match self.0 {
            Locale::En => en,
            Locale::Ar => ar,
        }
    }

    /// The unit behind an amount.
    #[must_use]
    pub fn unit(self, currency: Currency) -> String {
        let known = UNITS.iter().find(|(code, _)| self.0 == Locale::Ar && *code == currency.code());
        known.map_or_else(|| currency.code().to_owned(), |(_, unit)| (*unit).to_owned())
    }

    /// An amount in a sentence, kept in one piece and in its own direction.
    #[must_use]
    pub fn amount(self, minor: i64, currency: Currency) -> String {
        format!("\u{2068}{}\u{a0}{}\u{2069}", Money::from_minor(minor, currency), self.unit(currency))
    }
}

/// How the currencies of the shop's neighbourhood are written in Arabic.
const UNITS: &[(&str, &str)] = &[
    ("AED", "د.إ"),
    ("BHD", "د.ب"),
    ("EGP", "ج.م"),
    ("IQD", "د.ع"),
    ("JOD", "د.أ"),
    ("KWD", "د.ك"),
    ("LBP", "ل.ل"),
    ("OMR", "ر.ع"),
    ("QAR", "ر.ق"),
    ("SAR", "ر.س"),
    ("SYP", "ل.س"),
];
