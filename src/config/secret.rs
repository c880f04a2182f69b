//! A secret that cannot be printed by accident.

use std::fmt;

/// Below this length the last four characters would be too much of the whole.
const SHORTEST_WITH_FINGERPRINT: usize = 16;

/// A password, key or token. It has no `Display` and no `Serialize`, and its `Debug` is `***`: who wants the text has to
/// say [`Secret::reveal`], which a review can look for.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Take a text into custody.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one call that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The last four characters, by which support can tell two keys apart; nothing of a short secret.
    pub fn fingerprint(&self) -> String {
        let length = self.0.chars().count();
        if length < SHORTEST_WITH_FINGERPRINT {
            return "***".to_owned();
        }
        let last: String = self.0.chars().skip(length - 4).collect();
        format!("***{last}")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_itself_to_nobody_who_does_not_ask() {
        let secret = Secret::new("whsec_0123456789abcdef");
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "*** Some(***)");
        assert_eq!(secret.reveal(), "whsec_0123456789abcdef");
    }

    #[test]
    fn a_fingerprint_is_four_characters_of_a_long_secret_and_none_of_a_short_one() {
        assert_eq!(Secret::new("whsec_0123456789abcdef").fingerprint(), "***cdef");
        assert_eq!(Secret::new("hunter2hunter2!").fingerprint(), "***");
    }
}
