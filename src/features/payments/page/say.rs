//! Saying a thing in the reader's language.

use crate::kernel::{Currency, Locale, Money, spoken};

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
        spoken::unit(self.0, currency)
    }

    /// An amount in a sentence, kept in one piece and in its own direction.
    #[must_use]
    pub fn amount(self, minor: i64, currency: Currency) -> String {
        format!("\u{2068}{}\u{a0}{}\u{2069}", Money::from_minor(minor, currency), self.unit(currency))
    }
}
