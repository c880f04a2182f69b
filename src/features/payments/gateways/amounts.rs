//! How each gateway writes an amount: the currency tables as data, and the way from our minor units to the wire and back
//! (`tests/vectors/amounts.json`, PROVIDERS 1). Nothing is ever rounded: what a wire form cannot hold is refused.
//!
//! The lists change at the providers; they stand here alone.

use crate::features::payments::gateway::AmountRefusal;
use crate::kernel::{Currency, Money};

/// Stripe counts these in whole units. The Malagasy ariary has hundredths with us and none there.
pub const STRIPE_ZERO_DECIMAL: &[&str] =
    &["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"];
/// Stripe counts these in hundredths although they have none, so that the amount ends in 00.
pub const STRIPE_TWO_DECIMAL_ENDING_00: &[&str] = &["ISK", "UGX"];
/// Stripe counts these in thousandths and wants the last digit 0. Other currencies with thousandths it does not take.
pub const STRIPE_THREE_DECIMAL_LAST_DIGIT_0: &[&str] = &["BHD", "JOD", "KWD", "OMR", "TND"];
/// Currencies with hundredths that Stripe does not list.
pub const STRIPE_LACKS: &[&str] =
    &["BTN", "CUP", "ERN", "GHS", "IRR", "KPW", "MRU", "SDG", "SSP", "STN", "SVC", "SYP", "TMT", "VES", "ZWG"];

pub const PAYPAL_CURRENCIES: &[&str] = &[
    "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "JPY", "MXN", "MYR", "NOK", "NZD",
    "PHP", "PLN", "SEK", "SGD", "THB", "TWD", "USD",
];
/// PayPal takes no decimals of these.
pub const PAYPAL_NO_DECIMALS: &[&str] = &["HUF", "JPY", "TWD"];

/// What Paymob takes, and how many of its units are one of the currency.
pub const PAYMOB_MINOR_PER_MAJOR: &[(&str, i64)] = &[("EGP", 100), ("SAR", 100), ("AED", 100), ("OMR", 1_000), ("PKR", 100)];
/// Of a currency that Paymob does not list, should an answer name one.
const PAYMOB_USUAL: i64 = 100;

/// The countries of MyFatoorah's accounts, by ISO 3166, and the currency each is kept in.
pub const MYFATOORAH_COUNTRY_CURRENCY: &[(&str, &str)] = &[
    ("KWT", "KWD"),
    ("SAU", "SAR"),
    ("ARE", "AED"),
    ("QAT", "QAR"),
    ("BHR", "BHD"),
    ("OMN", "OMR"),
    ("JOR", "JOD"),
    ("EGY", "EGP"),
];
/// What a MyFatoorah invoice may be shown in besides those.
pub const MYFATOORAH_FURTHER: &[&str] = &["USD", "EUR", "GBP"];

/// How many units of the wire are one of the currency at Stripe; `None` for one it does not take.
fn stripe_scale(currency: Currency) -> Option<i64> {
    let code = currency.code();
    if STRIPE_ZERO_DECIMAL.contains(&code) {
        return Some(1);
    }
    match currency.digits() {
        _ if STRIPE_TWO_DECIMAL_ENDING_00.contains(&code) => Some(100),
        _ if STRIPE_THREE_DECIMAL_LAST_DIGIT_0.contains(&code) => Some(1_000),
        2 if !STRIPE_LACKS.contains(&code) => Some(100),
        _ => None,
    }
}

fn paymob_scale(currency: Currency) -> Option<i64> {
    PAYMOB_MINOR_PER_MAJOR.iter().find(|(code, _)| *code == currency.code()).map(|(_, scale)| *scale)
}

/// How many of our minor units are one of the currency.
fn our_scale(currency: Currency) -> i64 {
    10_i64.pow(u32::from(currency.digits()))
}

/// The same amount counted in other units; `None` where it is no whole number of them.
fn rescaled(count: i64, from: i64, to: i64) -> Option<i64> {
    let product = i128::from(count) * i128::from(to);
    (product % i128::from(from) == 0).then(|| i64::try_from(product / i128::from(from)).ok()).flatten()
}

/// Amounts below zero are never sent.
fn not_below_zero(money: Money) -> Result<(), AmountRefusal> {
    if money.minor() < 0 { Err(AmountRefusal::NotRepresentable) } else { Ok(()) }
}

#[must_use]
pub fn stripe_takes(currency: Currency) -> bool {
    stripe_scale(currency).is_some()
}

/// The integer that Stripe is sent.
///
/// # Errors
/// Why it cannot be.
pub fn to_stripe(money: Money) -> Result<i64, AmountRefusal> {
    let currency = money.currency();
    let scale = stripe_scale(currency).ok_or(AmountRefusal::CurrencyNotSupported)?;
    not_below_zero(money)?;
    let wire = rescaled(money.minor(), our_scale(currency), scale).ok_or(AmountRefusal::NotRepresentable)?;
    let last_digit_counts = STRIPE_THREE_DECIMAL_LAST_DIGIT_0.contains(&currency.code());
    if last_digit_counts && wire % 10 != 0 { Err(AmountRefusal::NotRepresentable) } else { Ok(wire) }
}

/// What an integer of Stripe's says, below zero too; `None` for a currency it does not take, and for less than our minor unit.
#[must_use]
pub fn from_stripe(wire: i64, currency: Currency) -> Option<Money> {
    let minor = rescaled(wire, stripe_scale(currency)?, our_scale(currency))?;
    Some(Money::from_minor(minor, currency))
}

#[must_use]
pub fn paypal_takes(currency: Currency) -> bool {
    PAYPAL_CURRENCIES.contains(&currency.code())
}

/// The text that PayPal is sent.
///
/// # Errors
/// Why it cannot be.
pub fn to_paypal(money: Money) -> Result<String, AmountRefusal> {
    let currency = money.currency();
    if !paypal_takes(currency) {
        return Err(AmountRefusal::CurrencyNotSupported);
    }
    not_below_zero(money)?;
    if !PAYPAL_NO_DECIMALS.contains(&currency.code()) {
        return Ok(money.to_string());
    }
    let whole = rescaled(money.minor(), our_scale(currency), 1).ok_or(AmountRefusal::NotRepresentable)?;
    Ok(whole.to_string())
}

/// What a text of PayPal's says, below zero too; `None` if it is no amount of that currency.
#[must_use]
pub fn from_paypal(text: &str, currency: Currency) -> Option<Money> {
    from_decimal(text, currency)
}

#[must_use]
pub fn paymob_takes(currency: Currency) -> bool {
    paymob_scale(currency).is_some()
}

/// The integer that Paymob is sent.
///
/// # Errors
/// Why it cannot be.
pub fn to_paymob(money: Money) -> Result<i64, AmountRefusal> {
    let currency = money.currency();
    let scale = paymob_scale(currency).ok_or(AmountRefusal::CurrencyNotSupported)?;
    not_below_zero(money)?;
    rescaled(money.minor(), our_scale(currency), scale).ok_or(AmountRefusal::NotRepresentable)
}

/// What an integer of Paymob's says, in whichever currency it names; `None` for less than our minor unit.
#[must_use]
pub fn from_paymob(wire: i64, currency: Currency) -> Option<Money> {
    let minor = rescaled(wire, paymob_scale(currency).unwrap_or(PAYMOB_USUAL), our_scale(currency))?;
    Some(Money::from_minor(minor, currency))
}

#[must_use]
pub fn myfatoorah_takes(currency: Currency) -> bool {
    let code = currency.code();
    MYFATOORAH_FURTHER.contains(&code) || MYFATOORAH_COUNTRY_CURRENCY.iter().any(|(_, known)| *known == code)
}

/// The currency of an account of that country.
#[must_use]
pub fn myfatoorah_currency(country: &str) -> Option<Currency> {
    let (_, code) = MYFATOORAH_COUNTRY_CURRENCY.iter().find(|(known, _)| *known == country)?;
    Currency::from_code(code)
}

/// The text of the JSON number that MyFatoorah is sent, with exactly the currency's decimals.
///
/// # Errors
/// Why it cannot be.
pub fn to_myfatoorah(money: Money) -> Result<String, AmountRefusal> {
    if !myfatoorah_takes(money.currency()) {
        return Err(AmountRefusal::CurrencyNotSupported);
    }
    not_below_zero(money)?;
    Ok(money.to_string())
}

/// What a number or a text of MyFatoorah's says, with fewer decimals or with zeros behind them too.
#[must_use]
pub fn from_myfatoorah(text: &str, currency: Currency) -> Option<Money> {
    from_decimal(text, currency)
}

/// Zeros behind the currency's decimals say nothing and are dropped; any other digit there is no amount of it.
fn from_decimal(text: &str, currency: Currency) -> Option<Money> {
    let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let extra = decimals.saturating_sub(usize::from(currency.digits()));
    let (kept, dropped) = text.split_at_checked(text.len() - extra)?;
    let kept = if currency.digits() == 0 { kept.trim_end_matches('.') } else { kept };
    if dropped.bytes().any(|byte| byte != b'0') {
        return None;
    }
    currency.parse_signed(kept).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../../../tests/vectors/amounts.json")).expect("JSON")
    }

    /// Refusals as the vectors write them.
    fn told<T: Into<Value>>(wire: Result<T, AmountRefusal>) -> Value {
        wire.map_or_else(|refusal| serde_json::json!({ "refuse": refusal.code() }), Into::into)
    }

    fn keys(value: &Value) -> Vec<&str> {
        value.as_object().expect("an object").keys().map(String::as_str).collect()
    }

    #[test]
    fn every_row_of_the_vectors() {
        const KNOWN: &[&str] =
            &["currency", "iso_digits", "minor", "display", "why", "stripe", "paypal", "paymob", "myfatoorah"];
        let vectors = vectors();
        let rows = vectors["rows"].as_array().expect("rows");
        assert_eq!(rows.len(), 20);
        for row in rows {
            assert!(keys(row).iter().all(|key| KNOWN.contains(key)), "a key nobody reads: {row}");
            let currency = Currency::from_code(row["currency"].as_str().expect("a code")).expect("a known currency");
            let money = Money::from_minor(row["minor"].as_i64().expect("minor"), currency);
            assert_eq!(u64::from(currency.digits()), row["iso_digits"].as_u64().expect("digits"));
            assert_eq!(money.to_string(), row["display"].as_str().expect("display"));
            for (gateway, ours) in [
                ("stripe", told(to_stripe(money))),
                ("paypal", told(to_paypal(money))),
                ("paymob", told(to_paymob(money))),
                ("myfatoorah", told(to_myfatoorah(money))),
            ] {
                let theirs = &row[gateway];
                let sent = match theirs.get("by").map(|by| by.as_str().expect("by")) {
                    // It goes out, and the provider's own refusal is mapped to the code.
                    Some("provider") => &theirs["sent"],
                    Some(other) => panic!("refused by {other}"),
                    None => theirs,
                };
                assert_eq!(&ours, sent, "{gateway} of {row}");
            }
        }
    }

    #[test]
    fn every_table_of_the_vectors() {
        let vectors = vectors();
        for (name, table) in [
            ("stripe_zero_decimal", STRIPE_ZERO_DECIMAL),
            ("stripe_two_decimal_ending_00", STRIPE_TWO_DECIMAL_ENDING_00),
            ("stripe_three_decimal_last_digit_0", STRIPE_THREE_DECIMAL_LAST_DIGIT_0),
            ("paypal_currencies", PAYPAL_CURRENCIES),
            ("paypal_no_decimals", PAYPAL_NO_DECIMALS),
        ] {
            assert_eq!(vectors[name], serde_json::json!(table), "{name}");
        }
        let paymob: serde_json::Map<String, Value> =
            PAYMOB_MINOR_PER_MAJOR.iter().map(|(code, scale)| ((*code).to_owned(), (*scale).into())).collect();
        assert_eq!(vectors["paymob_minor_per_major"], Value::Object(paymob));
        // The vector has the keys of MyFatoorah's own library, where Jordan goes by its currency.
        let countries: serde_json::Map<String, Value> = MYFATOORAH_COUNTRY_CURRENCY
            .iter()
            .map(|(country, code)| (if *country == "JOR" { "JOD" } else { country }.to_owned(), (*code).into()))
            .collect();
        assert_eq!(vectors["myfatoorah_country_currency"], Value::Object(countries));
        let mut hosts = serde_json::Map::new();
        for mark in ["egy", "ksa", "sau", "uae", "are", "omn", "pak"] {
            let keys = [("SECRET_KEY", format!("{mark}_sk_test_1")), ("PUBLIC_KEY", format!("{mark}_pk_test_1"))];
            let rest = [("API_KEY", "a"), ("HMAC_SECRET", "h"), ("INTEGRATION_IDS", "7")];
            let all = keys.into_iter().chain(rest.map(|(key, value)| (key, value.to_owned())));
            let variables = all.map(|(key, value)| (format!("BAYADER_PAYMENTS__PAYMOB__{key}"), value));
            let config = crate::config::load(&crate::config::Source::new().variables(variables)).expect("a whole section");
            let paymob = config.payments.paymob.expect("offered");
            hosts.insert(paymob.base_url.as_str().trim_start_matches("https://").to_owned(), paymob.currency.into());
        }
        assert_eq!(vectors["paymob_region_currency"], Value::Object(hosts));
        for key in keys(&vectors) {
            let is_read = key.starts_with("paymob_") || key.starts_with("stripe_") || key.starts_with("paypal_");
            assert!(is_read || ["what", "note", "origin", "rows", "myfatoorah_country_currency"].contains(&key), "{key}");
        }
        assert_eq!(keys(&vectors).len(), 12);
    }

    #[test]
    fn every_code_in_a_table_is_a_currency() {
        let tables = [
            STRIPE_ZERO_DECIMAL,
            STRIPE_TWO_DECIMAL_ENDING_00,
            STRIPE_THREE_DECIMAL_LAST_DIGIT_0,
            STRIPE_LACKS,
            PAYPAL_CURRENCIES,
            PAYPAL_NO_DECIMALS,
            MYFATOORAH_FURTHER,
        ];
        let pairs = PAYMOB_MINOR_PER_MAJOR.iter().map(|(code, _)| *code);
        let countries = MYFATOORAH_COUNTRY_CURRENCY.iter().map(|(_, code)| *code);
        for code in tables.into_iter().flatten().copied().chain(pairs).chain(countries) {
            assert!(Currency::from_code(code).is_some(), "{code}");
        }
    }

    #[test]
    fn what_is_told_is_read_as_it_was_meant() {
        let currency = |code| Currency::from_code(code).expect("known");
        let money = |minor, code| Some(Money::from_minor(minor, currency(code)));
        assert_eq!(from_myfatoorah("4.25", Currency::JOD), money(4_250, "JOD"));
        assert_eq!(from_myfatoorah("4.250000", Currency::JOD), money(4_250, "JOD"));
        assert_eq!(from_myfatoorah("4", Currency::JOD), money(4_000, "JOD"));
        assert_eq!(from_paypal("425.00", currency("JPY")), money(425, "JPY"));
        assert_eq!(from_paypal("-0.30", currency("USD")), money(-30, "USD"));
        for text in ["4.2501", "4.25 JD", "", ".", "1,000.000", "4.2.5", "1e3", "٤.٠٠٠٠"] {
            assert_eq!(from_myfatoorah(text, Currency::JOD), None, "{text}");
        }
        assert_eq!(from_stripe(12_345, currency("ISK")), None);
        assert_eq!(from_stripe(-12_300, currency("ISK")), money(-123, "ISK"));
        assert_eq!(from_stripe(425, currency("MGA")), money(42_500, "MGA"));
        assert_eq!(from_stripe(123, currency("KWD")), money(123, "KWD"));
        assert_eq!(from_paymob(425, Currency::JOD), money(4_250, "JOD"));
        assert_eq!(from_paymob(425, currency("JPY")), None);
    }

    fn any_money() -> impl Strategy<Value = Money> {
        let codes = proptest::sample::select(Currency::codes());
        (codes, 0_i64..=999_999_999_999, 0_u8..4).prop_map(|(code, minor, zeros)| {
            // Round amounts are the ones that the wires hold.
            let step = 10_i64.pow(u32::from(zeros));
            Money::from_minor(minor / step * step, Currency::from_code(code).expect("a listed code is known"))
        })
    }

    proptest! {
        #[test]
        fn there_and_back_is_the_same_amount(money in any_money()) {
            let currency = money.currency();
            if let Ok(wire) = to_stripe(money) {
                prop_assert_eq!(from_stripe(wire, currency), Some(money));
            }
            if let Ok(wire) = to_paypal(money) {
                prop_assert_eq!(from_paypal(&wire, currency), Some(money));
            }
            if let Ok(wire) = to_paymob(money) {
                prop_assert_eq!(from_paymob(wire, currency), Some(money));
            }
            if let Ok(wire) = to_myfatoorah(money) {
                prop_assert_eq!(from_myfatoorah(&wire, currency), Some(money));
                let number: Value = serde_json::from_str(&wire).expect("a JSON number");
                prop_assert_eq!(number.to_string(), wire);
            }
        }

        #[test]
        fn a_currency_is_taken_or_every_amount_of_it_is_refused_for_that(money in any_money()) {
            let lacks = Some(AmountRefusal::CurrencyNotSupported);
            prop_assert_eq!(stripe_takes(money.currency()), to_stripe(money).err() != lacks);
            prop_assert_eq!(paypal_takes(money.currency()), to_paypal(money).err() != lacks);
            prop_assert_eq!(paymob_takes(money.currency()), to_paymob(money).err() != lacks);
            prop_assert_eq!(myfatoorah_takes(money.currency()), to_myfatoorah(money).err() != lacks);
        }

        #[test]
        fn nothing_below_zero_is_sent(money in any_money()) {
            let debt = Money::from_minor(-1 - money.minor(), money.currency());
            prop_assert!(to_stripe(debt).is_err() && to_paypal(debt).is_err());
            prop_assert!(to_paymob(debt).is_err() && to_myfatoorah(debt).is_err());
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(money in any_money(), text in "\\PC{0,20}") {
            let _ = from_paypal(&text, money.currency());
        }
    }
}
