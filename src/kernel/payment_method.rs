//! How an order is paid: at the shop, or through a gateway that carries that name.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most letters of a method's code.
const LONGEST: usize = 16;

/// The code of a way to pay, such as `cash` or `stripe`: 2 to 16 of `a-z0-9_`, a letter first. Which gateways there are is not
/// known here: each brings its own code, so that a new one touches no list.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PaymentMethod {
    letters: [u8; LONGEST],
    length: u8,
}

impl PaymentMethod {
    /// Notes and coins.
    pub const CASH: PaymentMethod = PaymentMethod::of("cash");
    /// The bank's terminal on the counter; for staff.
    pub const CARD_MACHINE: PaymentMethod = PaymentMethod::of("card_machine");
    /// A transfer to the shop's account, which staff confirm.
    pub const TRANSFER: PaymentMethod = PaymentMethod::of("transfer");
    /// Every way to pay that needs no gateway, in the order in which a person would list them.
    pub const OFFLINE: [PaymentMethod; 3] = [PaymentMethod::CASH, PaymentMethod::CARD_MACHINE, PaymentMethod::TRANSFER];
    /// What a code looks like, for a JSON schema.
    pub const PATTERN: &'static str = "^[a-z][a-z0-9_]{1,15}$";

    /// The method of a code that is written in the program.
    ///
    /// # Panics
    /// If the text is no code; in a constant that is a fault of the build.
    #[must_use]
    pub const fn of(code: &'static str) -> PaymentMethod {
        match PaymentMethod::read(code.as_bytes()) {
            Some(method) => method,
            None => panic!("a payment method's code is 2 to 16 of a-z0-9_, a letter first"),
        }
    }

    #[must_use]
    pub fn from_code(code: &str) -> Option<PaymentMethod> {
        PaymentMethod::read(code.as_bytes())
    }

    const fn read(code: &[u8]) -> Option<PaymentMethod> {
        if code.len() < 2 || code.len() > LONGEST || !code[0].is_ascii_lowercase() {
            return None;
        }
        let mut letters = [0; LONGEST];
        let mut index = 0;
        while index < code.len() {
            let letter = code[index];
            if !(letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_') {
                return None;
            }
            letters[index] = letter;
            index += 1;
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is at most 16")]
        Some(PaymentMethod { letters, length: code.len() as u8 })
    }

    #[must_use]
    pub fn code(&self) -> &str {
        let letters = self.letters.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(letters).unwrap_or_default()
    }

    /// Whether the money comes without a gateway.
    #[must_use]
    pub fn is_offline(self) -> bool {
        PaymentMethod::OFFLINE.contains(&self)
    }
}

impl Serialize for PaymentMethod {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for PaymentMethod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PaymentMethod, D::Error> {
        let code = String::deserialize(deserializer)?;
        PaymentMethod::from_code(&code).ok_or_else(|| serde::de::Error::custom("no code of a payment method"))
    }
}

impl fmt::Debug for PaymentMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_what_its_pattern_says() {
        for code in ["cash", "card_machine", "stripe", "a1", "abcdefghijklmnop"] {
            assert_eq!(PaymentMethod::from_code(code).map(|method| method.code().to_owned()).as_deref(), Some(code));
        }
        for text in ["", "a", "1a", "Cash", "ca sh", "abcdefghijklmnopq", "نقد", "_a"] {
            assert_eq!(PaymentMethod::from_code(text), None, "{text}");
        }
        assert!(PaymentMethod::TRANSFER.is_offline() && !PaymentMethod::of("stripe").is_offline());
    }
}
