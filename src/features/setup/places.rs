//! What a shop can choose at its beginning: languages, time zones, currencies, with names in both languages where we know them.

use crate::kernel::{Currency, Locale, calling_codes};

/// Something to choose.
pub struct Choice {
    /// As it is sent.
    pub code: &'static str,
    pub en: &'static str,
    pub ar: &'static str,
}

/// A time zone, and the currency people pay with there, if we know it.
pub struct Zone {
    pub choice: Choice,
    pub currency: Option<&'static str>,
}

/// The shop's two languages, each by its own name.
#[must_use]
pub fn languages() -> [(Locale, &'static str); 2] {
    [(Locale::Ar, "العربية"), (Locale::En, "English")]
}

/// Where this bakery is at home comes first, then every other zone, each region in the order of its letters.
#[must_use]
pub fn zones() -> Vec<Zone> {
    let home = HOME.iter().map(|(code, en, ar, currency)| Zone { choice: Choice { code, en, ar }, currency: Some(currency) });
    let mut others: Vec<&'static str> =
        calling_codes::zones().filter(|zone| !HOME.iter().any(|home| home.0 == *zone)).collect();
    others.sort_unstable();
    others.push("UTC");
    let others = others.into_iter().map(|code| Zone { choice: Choice { code, en: "", ar: "" }, currency: None });
    home.chain(others).collect()
}

/// The currencies of those places and of the big neighbours first, then every other code.
#[must_use]
pub fn currencies() -> Vec<(Currency, Choice)> {
    let named = NAMED.iter().map(|(code, en, ar)| Choice { code, en, ar });
    let others = Currency::codes().into_iter().filter(|code| !NAMED.iter().any(|named| named.0 == *code));
    let others = others.map(|code| Choice { code, en: "", ar: "" });
    named.chain(others).filter_map(|choice| Some((Currency::from_code(choice.code)?, choice))).collect()
}

/// Zone, its place in both languages, the currency people pay with.
#[rustfmt::skip]
const HOME: &[(&str, &str, &str, &str)] = &[
    ("Asia/Amman",        "Amman",      "عمّان",       "JOD"),
    ("Asia/Jerusalem",    "Jerusalem",  "القدس",      "ILS"),
    ("Asia/Hebron",       "Hebron",     "الخليل",     "ILS"),
    ("Asia/Gaza",         "Gaza",       "غزة",        "ILS"),
    ("Asia/Beirut",       "Beirut",     "بيروت",      "LBP"),
    ("Asia/Damascus",     "Damascus",   "دمشق",       "SYP"),
    ("Asia/Baghdad",      "Baghdad",    "بغداد",      "IQD"),
    ("Asia/Kuwait",       "Kuwait",     "الكويت",     "KWD"),
    ("Asia/Riyadh",       "Riyadh",     "الرياض",     "SAR"),
    ("Asia/Bahrain",      "Bahrain",    "البحرين",    "BHD"),
    ("Asia/Qatar",        "Doha",       "الدوحة",     "QAR"),
    ("Asia/Dubai",        "Dubai",      "دبي",        "AED"),
    ("Asia/Muscat",       "Muscat",     "مسقط",       "OMR"),
    ("Asia/Aden",         "Aden",       "عدن",        "YER"),
    ("Africa/Cairo",      "Cairo",      "القاهرة",    "EGP"),
    ("Africa/Khartoum",   "Khartoum",   "الخرطوم",    "SDG"),
    ("Africa/Tripoli",    "Tripoli",    "طرابلس",     "LYD"),
    ("Africa/Tunis",      "Tunis",      "تونس",       "TND"),
    ("Africa/Algiers",    "Algiers",    "الجزائر",    "DZD"),
    ("Africa/Casablanca", "Casablanca", "الدار البيضاء", "MAD"),
    ("Africa/El_Aaiun",   "El Aaiun",   "العيون",     "MAD"),
    ("Africa/Nouakchott", "Nouakchott", "نواكشوط",    "MRU"),
    ("Africa/Mogadishu",  "Mogadishu",  "مقديشو",     "SOS"),
    ("Africa/Djibouti",   "Djibouti",   "جيبوتي",     "DJF"),
    ("Indian/Comoro",     "Moroni",     "موروني",     "KMF"),
];

/// Code, name in both languages.
#[rustfmt::skip]
const NAMED: &[(&str, &str, &str)] = &[
    ("JOD", "Jordanian dinar",    "دينار أردني"),
    ("SAR", "Saudi riyal",        "ريال سعودي"),
    ("AED", "UAE dirham",         "درهم إماراتي"),
    ("KWD", "Kuwaiti dinar",      "دينار كويتي"),
    ("BHD", "Bahraini dinar",     "دينار بحريني"),
    ("QAR", "Qatari riyal",       "ريال قطري"),
    ("OMR", "Omani rial",         "ريال عُماني"),
    ("IQD", "Iraqi dinar",        "دينار عراقي"),
    ("SYP", "Syrian pound",       "ليرة سورية"),
    ("LBP", "Lebanese pound",     "ليرة لبنانية"),
    ("ILS", "Israeli new shekel", "شيكل إسرائيلي جديد"),
    ("YER", "Yemeni rial",        "ريال يمني"),
    ("EGP", "Egyptian pound",     "جنيه مصري"),
    ("SDG", "Sudanese pound",     "جنيه سوداني"),
    ("LYD", "Libyan dinar",       "دينار ليبي"),
    ("TND", "Tunisian dinar",     "دينار تونسي"),
    ("DZD", "Algerian dinar",     "دينار جزائري"),
    ("MAD", "Moroccan dirham",    "درهم مغربي"),
    ("MRU", "Mauritanian ouguiya", "أوقية موريتانية"),
    ("SOS", "Somali shilling",    "شلن صومالي"),
    ("DJF", "Djiboutian franc",   "فرنك جيبوتي"),
    ("KMF", "Comorian franc",     "فرنك قمري"),
    ("USD", "US dollar",          "دولار أمريكي"),
    ("EUR", "Euro",               "يورو"),
    ("GBP", "Pound sterling",     "جنيه إسترليني"),
    ("TRY", "Turkish lira",       "ليرة تركية"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::kernel::ShopZone;

    #[test]
    fn every_zone_is_known_once_and_pays_in_a_currency_that_is_known() {
        let zones = zones();
        let codes: BTreeSet<&str> = zones.iter().map(|zone| zone.choice.code).collect();
        assert_eq!(codes.len(), zones.len());
        assert!(zones.len() > 400, "{}", zones.len());
        for zone in &zones {
            assert!(ShopZone::named(zone.choice.code).is_some(), "{}", zone.choice.code);
            assert!(zone.currency.is_none_or(|code| NAMED.iter().any(|named| named.0 == code)), "{}", zone.choice.code);
        }
    }

    #[test]
    fn every_currency_can_be_chosen_once() {
        let codes: BTreeSet<&str> = currencies().iter().map(|(_, choice)| choice.code).collect();
        assert_eq!(codes.len(), currencies().len());
        assert_eq!(codes, Currency::codes().into_iter().collect());
    }
}
