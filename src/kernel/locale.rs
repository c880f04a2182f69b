//! The two languages of a shop.

/// A language the shop speaks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Locale {
    En,
    Ar,
}

impl Locale {
    pub const ALL: [Locale; 2] = [Locale::En, Locale::Ar];

    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Locale::En => "en",
            Locale::Ar => "ar",
        }
    }

    #[must_use]
    pub fn from_code(code: &str) -> Option<Locale> {
        match code {
            "en" => Some(Locale::En),
            "ar" => Some(Locale::Ar),
            _ => None,
        }
    }

    /// The other of the two.
    #[must_use]
    pub const fn other(self) -> Locale {
        match self {
            Locale::En => Locale::Ar,
            Locale::Ar => Locale::En,
        }
    }

    /// The language that an `Accept-Language` header (RFC 9110, 12.5.4) prefers among ours; `None` if it names neither.
    #[must_use]
    pub fn from_accept_language(header: &str) -> Option<Locale> {
        let mut best: Option<(u32, Locale)> = None;
        for part in header.split(',') {
            let mut pieces = part.split(';');
            let tag = pieces.next().unwrap_or("").trim();
            let primary = tag.split('-').next().unwrap_or("").to_ascii_lowercase();
            let Some(locale) = Locale::from_code(&primary) else { continue };
            let weight = pieces.find_map(|piece| piece.trim().strip_prefix("q=").map(thousandths)).unwrap_or(1_000);
            if weight > 0 && best.is_none_or(|(heaviest, _)| weight > heaviest) {
                best = Some((weight, locale));
            }
        }
        best.map(|(_, locale)| locale)
    }
}

/// A quality value (`0.8`) in thousandths; what is malformed counts as nothing.
fn thousandths(text: &str) -> u32 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
    let whole = whole.parse::<u32>().unwrap_or(0).min(1) * 1_000;
    (whole + fraction.parse::<u32>().unwrap_or(0)).min(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_of_our_languages_wins() {
        let pick = Locale::from_accept_language;
        assert_eq!(pick("ar"), Some(Locale::Ar));
        assert_eq!(pick("fr-FR, ar-JO;q=0.5, en;q=0.8"), Some(Locale::En));
        assert_eq!(pick("en;q=0, ar;q=0.001"), Some(Locale::Ar));
        assert_eq!(pick("fr, *"), None);
        assert_eq!(pick(";;q=,,"), None);
    }
}
