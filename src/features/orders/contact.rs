//! Writing to somebody by hand: links that open WhatsApp or the phone's messages with a text ready to be sent.

use std::fmt::Write as _;

use super::model::{Order, Payable};
use crate::features::Shop;
use crate::kernel::Result;

/// What to write to an order's customer, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contact {
    pub text: String,
    /// `https://wa.me/<digits>?text=…`
    pub whatsapp: String,
    /// `sms:+<digits>?body=…` (RFC 5724)
    pub sms: String,
}

impl Contact {
    /// `phone` is E.164.
    #[must_use]
    pub fn new(phone: &str, text: String) -> Contact {
        let encoded = percent_encoded(&text);
        let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
        Contact {
            whatsapp: format!("https://wa.me/{digits}?text={encoded}"),
            sms: format!("sms:+{digits}?body={encoded}"),
            text,
        }
    }
}

/// Who finds the words for an order as it stands now, in its customer's language. `app` plugs in who can.
pub trait ReadyText: Send + Sync + 'static {
    /// Without a link: who reads orders for the shop is not given the token of any.
    ///
    /// # Errors
    /// A fault.
    fn of(&self, shop: &Shop, order: &Order, payable: &Payable) -> Result<String>;
}

/// All but RFC 3986's unreserved characters, so that a blank is `%20`: phones take a plus as it is.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_arrives_as_it_is() {
        let contact = Contact::new("+962790000000", "جاهز: B-1 & +2%\nA?".to_owned());
        let text = "%D8%AC%D8%A7%D9%87%D8%B2%3A%20B-1%20%26%20%2B2%25%0AA%3F";
        assert_eq!(contact.whatsapp, format!("https://wa.me/962790000000?text={text}"));
        assert_eq!(contact.sms, format!("sms:+962790000000?body={text}"));
    }
}
