//! Money as whole minor units of one currency. No floating point comes near it (SPEC 2).

use std::fmt;

/// An ISO 4217 currency: its code and how many decimals its minor unit has.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    code: [u8; 3],
    digits: u8,
}

/// Active ISO 4217 codes whose minor unit has two decimals (ISO 4217 list one).
const TWO_DIGITS: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF \
    CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS \
    INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD \
    NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP \
    SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW ZWG";
/// Codes whose minor unit is the unit itself.
const NO_DIGITS: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
/// Codes with thousandths, the Jordanian dinar among them.
const THREE_DIGITS: &str = "BHD IQD JOD KWD LYD OMR TND";

/// The most digits an amount may be written with (SPEC 2); it also keeps every product with a quantity inside `i64`.
pub const MAX_DIGITS: usize = 12;

impl Currency {
    /// The Jordanian dinar, the default of a new shop.
    pub const JOD: Currency = Currency { code: *b"JOD", digits: 3 };

    /// The currency of an upper-case ISO 4217 code, if it is one in use.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Currency> {
        let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        let digits = [(TWO_DIGITS, 2), (NO_DIGITS, 0), (THREE_DIGITS, 3)]
            .into_iter()
            .find(|(codes, _)| codes.split_whitespace().any(|known| known == code))?
            .1;
        Some(Currency { code: bytes, digits })
    }

    /// Every known code, in alphabetical order.
    #[must_use]
    pub fn codes() -> Vec<&'static str> {
        let mut codes: Vec<_> = [TWO_DIGITS, NO_DIGITS, THREE_DIGITS].into_iter().flat_map(str::split_whitespace).collect();
        codes.sort_unstable();
        codes
    }

    /// The three letters.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.code).unwrap_or("???")
    }

    /// Decimals of the minor unit: 0, 2 or 3.
    #[must_use]
    pub fn digits(self) -> u8 {
        self.digits
    }

    /// Reads an amount at or above zero, as a person or a program writes it: digits and at most one dot.
    ///
    /// # Errors
    /// [`AmountFault`] tells which rule of SPEC 2 the text breaks; nothing is ever rounded.
    pub fn parse(self, text: &str) -> std::result::Result<Money, AmountFault> {
        self.parse_signed(text).and_then(|money| if text.starts_with('-') { Err(AmountFault::BelowZero) } else { Ok(money) })
    }

    /// As [`Currency::parse`], with a leading minus allowed (price deltas).
    ///
    /// # Errors
    /// As [`Currency::parse`], never [`AmountFault::BelowZero`].
    pub fn parse_signed(self, text: &str) -> std::result::Result<Money, AmountFault> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return Err(AmountFault::NotAnAmount),
            Some(parts) => parts,
            None => (digits, ""),
        };
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return Err(AmountFault::NotAnAmount);
        }
        if whole.len() + fraction.len() > MAX_DIGITS {
            return Err(AmountFault::TooLong);
        }
        if fraction.len() > usize::from(self.digits) {
            return Err(AmountFault::TooManyDecimals { allowed: self.digits });
        }
        let mut minor: i64 = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            minor = minor * 10 + i64::from(byte - b'0');
        }
        minor *= 10_i64.pow(u32::from(self.digits) - u32::try_from(fraction.len()).unwrap_or(0));
        Ok(Money { minor: if negative { -minor } else { minor }, currency: self })
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Why a text is no amount of this currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountFault {
    #[error("must be an amount such as 4.25: digits and at most one dot")]
    NotAnAmount,
    #[error("has more than 12 digits")]
    TooLong,
    #[error("has more decimals than the currency's {allowed}")]
    TooManyDecimals { allowed: u8 },
    #[error("must not be below zero")]
    BelowZero,
}

/// An amount in minor units (for JOD thousandths) of a currency. Ordered and added only within one currency.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// An amount from minor units.
    #[must_use]
    pub const fn from_minor(minor: i64, currency: Currency) -> Money {
        Money { minor, currency }
    }

    /// Nothing.
    #[must_use]
    pub const fn zero(currency: Currency) -> Money {
        Money { minor: 0, currency }
    }

    /// Minor units, as the database keeps them.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum, or `None` on overflow or of two currencies.
    #[must_use]
    pub fn checked_add(self, other: Money) -> Option<Money> {
        if self.currency != other.currency {
            return None;
        }
        Some(Money { minor: self.minor.checked_add(other.minor)?, currency: self.currency })
    }

    /// The difference, or `None` on overflow or of two currencies.
    #[must_use]
    pub fn checked_sub(self, other: Money) -> Option<Money> {
        self.checked_add(Money { minor: other.minor.checked_neg()?, currency: other.currency })
    }

    /// So many times the amount, or `None` on overflow.
    #[must_use]
    pub fn checked_times(self, count: i64) -> Option<Money> {
        Some(Money { minor: self.minor.checked_mul(count)?, currency: self.currency })
    }
}

impl fmt::Display for Money {
    /// The wire form: exactly the currency's decimals, no sign but a minus (SPEC 2).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minor < 0 { "-" } else { "" };
        let units = self.minor.unsigned_abs();
        let width = usize::from(self.currency.digits);
        if width == 0 {
            return write!(f, "{sign}{units}");
        }
        let scale = 10_u64.pow(u32::from(self.currency.digits));
        write!(f, "{sign}{}.{:0width$}", units / scale, units % scale)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} {}", self.currency.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_currency() -> impl Strategy<Value = Currency> {
        proptest::sample::select(Currency::codes()).prop_map(|code| Currency::from_code(code).expect("a listed code is known"))
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_in_every_exponent(currency in any_currency(), minor in -999_999_999_999_i64..=999_999_999_999) {
            let money = Money::from_minor(minor, currency);
            let text = money.to_string();
            let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
            prop_assert_eq!(decimals, usize::from(currency.digits()));
            prop_assert_eq!(currency.parse_signed(&text), Ok(money));
            prop_assert_eq!(currency.parse(&text).is_ok(), minor >= 0);
        }

        #[test]
        fn one_decimal_too_many_is_refused_and_never_rounded(currency in any_currency(), whole in 0_u32..99_999_999) {
            let zeros = "0".repeat(usize::from(currency.digits()));
            let text = format!("{whole}.{zeros}1");
            prop_assert_eq!(currency.parse(&text), Err(AmountFault::TooManyDecimals { allowed: currency.digits() }));
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(currency in any_currency(), text in "\\PC{0,20}") {
            if let Ok(money) = currency.parse(&text) {
                prop_assert!(money.minor() >= 0 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
            }
        }
    }

    #[test]
    fn the_forms_of_the_contract_are_the_forms_written() {
        let show = |code, minor| Money::from_minor(minor, Currency::from_code(code).expect("known")).to_string();
        assert_eq!(show("JOD", 4250), "4.250");
        assert_eq!(show("USD", 425), "4.25");
        assert_eq!(show("JPY", 425), "425");
        assert_eq!(show("JOD", -5), "-0.005");
    }

    #[test]
    fn exponents_signs_spaces_and_thirteen_digits_are_refused() {
        for text in ["1e3", "+1", " 1", "1.", ".5", "", "1.2.3", "-", "٤", "0x1"] {
            assert_eq!(Currency::JOD.parse(text), Err(AmountFault::NotAnAmount), "{text}");
        }
        assert_eq!(Currency::JOD.parse("1234567890123"), Err(AmountFault::TooLong));
        assert_eq!(Currency::JOD.parse("-1"), Err(AmountFault::BelowZero));
    }

    #[test]
    fn two_currencies_do_not_add() {
        let dollar = Money::from_minor(1, Currency::from_code("USD").expect("known"));
        assert_eq!(dollar.checked_add(Money::from_minor(1, Currency::JOD)), None);
    }
}
