//! What an invoice is made of.

use serde_json::{Number, Value, json};
use unicode_normalization::char::is_combining_mark;

use super::super::amounts;
use crate::features::payments::gateway::{Attempt, CallFault};
use crate::kernel::{Currency, Money, UtcMs};

/// Kuwait's hours before UTC; it has no summer time. MyFatoorah's moments are Kuwait's, whatever the account's country.
pub(super) const KUWAIT_HOURS: i8 = 3;

/// What stands for a customer of whose name no letter is left.
const NAMELESS: &str = "Customer";

/// The request that makes it.
///
/// # Errors
/// [`CallFault::Refused`] for an amount that is not the account's, and for an attempt that is closed.
pub(super) fn body(attempt: &Attempt, currency: Currency) -> Result<Value, CallFault> {
    let request = attempt.request.as_ref().ok_or_else(|| refused("closed", "the attempt is closed"))?;
    Ok(json!({
        "NotificationOption": "LNK",
        "CustomerName": plain_name(&request.customer_name),
        "InvoiceValue": number(attempt.amount, currency)?,
        "DisplayCurrencyIso": currency.code(),
        "CustomerReference": attempt.payment.to_string(),
        "CallBackUrl": request.return_url,
        // Who failed may try again on the same invoice, so they come back to the same page.
        "ErrorUrl": request.return_url,
        "Language": if request.locale == "ar" { "ar" } else { "en" },
        "ExpiryDate": kuwait_time(UtcMs::from_ms(request.hold_ends_at)),
    }))
}

/// An amount as a JSON number with exactly the currency's decimals.
///
/// # Errors
/// [`CallFault::Refused`] if it is of another currency than the account's.
pub(super) fn number(amount: Money, currency: Currency) -> Result<Number, CallFault> {
    if amount.currency() != currency {
        return Err(refused("currency_not_supported", "the account is kept in another currency"));
    }
    let text = amounts::to_myfatoorah(amount).map_err(|refusal| refused(refusal.code(), "the amount cannot be written"))?;
    serde_json::from_str(&text).map_err(|_| refused("amount_not_representable", "the amount cannot be written"))
}

/// Letters, digits and single spaces: MyFatoorah refuses a name with anything else.
fn plain_name(name: &str) -> String {
    let kept: String = name
        .chars()
        .filter(|&character| character.is_whitespace() || character.is_alphanumeric() && !is_combining_mark(character))
        .collect();
    let name = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() { NAMELESS.to_owned() } else { name }
}

fn kuwait_time(moment: UtcMs) -> String {
    jiff::tz::offset(KUWAIT_HOURS).to_datetime(moment.timestamp()).strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

fn refused(code: &str, message: &str) -> CallFault {
    CallFault::Refused { code: code.to_owned(), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_letters_digits_and_spaces() {
        assert_eq!(plain_name("Mary-Jane  O'Neil, Jr. 3"), "MaryJane ONeil Jr 3");
        assert_eq!(plain_name("رَانيا\u{200f} حدّاد"), "رانيا حداد");
        assert_eq!(plain_name("--"), NAMELESS);
    }

    #[test]
    fn an_invoice_ends_in_kuwaits_time() {
        assert_eq!(kuwait_time(UtcMs::parse("2026-11-25T21:30:05.9Z").expect("a moment")), "2026-11-26T00:30:05");
    }

    #[test]
    fn a_number_has_exactly_the_currencys_decimals() {
        let number = |minor| number(Money::from_minor(minor, Currency::JOD), Currency::JOD).expect("a number").to_string();
        assert_eq!((number(4_250), number(1), number(4_000)), ("4.250".to_owned(), "0.001".to_owned(), "4.000".to_owned()));
        let dollars = Money::from_minor(1, Currency::from_code("USD").expect("known"));
        assert!(super::number(dollars, Currency::JOD).is_err());
    }
}
