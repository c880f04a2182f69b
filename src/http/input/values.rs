//! The values of inputs: amounts, texts, phones, days, words, ids, each with its JSON Schema.

use serde_json::{Value, json};

use super::{Fields, FromJson, noted, wrong_type};
use crate::kernel::text::{Lines, fold_digits};
use crate::kernel::{
    At, Email, Faults, Fulfilment, Locale, Money, Name, Note, OrderStatus, PaymentMethod, PaymentStatus, Phone, Reason,
    RefundStatus, Role, ShopDay, Source, TimeOfDay, TransactionStatus, UtcMs, Weekday,
};

impl FromJson for bool {
    fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        match value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) if text == "true" => Some(true),
            Value::String(text) if text == "false" => Some(false),
            _ => wrong_type(at, faults, "true or false"),
        }
    }

    fn schema() -> Value {
        json!({ "type": "boolean" })
    }
}

/// An amount at or above zero in the shop's currency.
impl FromJson for Money {
    fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        read_amount(value, at, faults, false)
    }

    fn schema() -> Value {
        json!({ "anyOf": [
            { "type": "string", "pattern": "^([0-9]{1,12}|[0-9]{1,11}\\.[0-9]|[0-9]{1,10}\\.[0-9]{2}|[0-9]{1,9}\\.[0-9]{3})$" },
            { "type": "integer", "minimum": 0, "maximum": 999_999_999_999_i64 },
            { "type": "number", "minimum": 0, "maximum": 999_999_999, "multipleOf": 0.001 },
        ], "description": "An amount in the shop's currency; more decimals than it has are refused.", "example": "4.250" })
    }
}

/// An amount that may be below zero: a price delta.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SignedMoney(pub Money);

impl FromJson for SignedMoney {
    fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        read_amount(value, at, faults, true).map(SignedMoney)
    }

    fn schema() -> Value {
        json!({ "anyOf": [
            { "type": "string", "pattern": "^-?([0-9]{1,12}|[0-9]{1,11}\\.[0-9]|[0-9]{1,10}\\.[0-9]{2}|[0-9]{1,9}\\.[0-9]{3})$" },
            { "type": "integer", "minimum": -999_999_999_999_i64, "maximum": 999_999_999_999_i64 },
            { "type": "number", "minimum": -999_999_999, "maximum": 999_999_999, "multipleOf": 0.001 },
        ], "description": "An amount in the shop's currency, below zero for less.", "example": "-0.250" })
    }
}

fn read_amount(value: &Value, at: &At<'_>, faults: &mut Faults<'_>, signed: bool) -> Option<Money> {
    let text = match value {
        Value::String(text) => fold_digits(text.trim()),
        // The text of the number as it was sent: nothing becomes a float on the way.
        Value::Number(number) => number.to_string(),
        _ => return wrong_type(at, faults, "an amount such as \"4.25\""),
    };
    let currency = faults.shop.currency;
    // Some languages write the number 5 as 5.0; where the currency has decimals, that is no further digit.
    let text = match text.strip_suffix(".0") {
        Some(whole) if value.is_number() && currency.digits() > 0 => whole.to_owned(),
        _ => text,
    };
    let read = if signed { currency.parse_signed(&text) } else { currency.parse(&text) };
    read.map_err(|fault| faults.add(at, "invalid_amount", fault.to_string())).ok()
}

macro_rules! text_values {
    ($($name:ident = $lines:expr),+) => {$(
        impl FromJson for $name {
            fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self> {
                let Value::String(text) = value else { return wrong_type(at, faults, "a text") };
                noted($name::parse(text), at, faults)
            }

            fn schema() -> Value {
                super::cleaned_schema($lines, $name::MAX)
            }
        }
    )+};
}
text_values!(Name = Lines::One, Note = Lines::Many, Reason = Lines::One);

impl FromJson for Email {
    fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        let Value::String(text) = value else { return wrong_type(at, faults, "a text") };
        noted(Email::parse(text), at, faults)
    }

    fn schema() -> Value {
        json!({ "type": "string", "format": "email", "maxLength": Email::MAX, "example": "layla@example.com" })
    }
}

impl FromJson for Phone {
    fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        let Value::String(text) = value else { return wrong_type(at, faults, "a text") };
        noted(Phone::parse(text, faults.shop.calling_code), at, faults)
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^\\+[1-9][0-9]{6,14}$", "description": "E.164; what people of the shop's country write, as `079 123 4567`, is understood.", "example": "+962791234567" })
    }
}

impl FromJson for ShopDay {
    fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        let day = value.as_str().and_then(|text| ShopDay::parse(&fold_digits(text)));
        if day.is_none() {
            faults.add(at, "invalid_day", "must be a day such as 2026-11-25");
        }
        day
    }

    fn schema() -> Value {
        json!({ "type": "string", "format": "date", "example": "2026-11-25" })
    }
}

impl FromJson for TimeOfDay {
    fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        let time = value.as_str().and_then(|text| TimeOfDay::parse(&fold_digits(text)));
        if time.is_none() {
            faults.add(at, "invalid_time", "must be a time of the day from 00:00 to 23:59, such as 07:30");
        }
        time
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "example": "07:30" })
    }
}

impl FromJson for UtcMs {
    fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        let moment = value.as_str().and_then(|text| UtcMs::parse(&fold_digits(text)));
        if moment.is_none() {
            faults.add(at, "invalid_time", "must be a time such as 2026-11-25T10:47:45.000Z");
        }
        moment
    }

    fn schema() -> Value {
        json!({ "type": "string", "format": "date-time", "example": "2026-11-25T10:47:45.000Z" })
    }
}

macro_rules! word_values {
    ($($name:ident),+) => {$(
        impl FromJson for $name {
            fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self> {
                let word = value.as_str().and_then($name::from_code);
                if word.is_none() {
                    let known: Vec<_> = $name::ALL.iter().map(|word| word.code()).collect();
                    faults.add(at, "unknown_value", format!("must be one of {}", known.join(", ")));
                }
                word
            }

            fn schema() -> Value {
                json!({ "type": "string", "enum": $name::ALL.iter().map(|word| word.code()).collect::<Vec<_>>() })
            }
        }
    )+};
}
word_values!(Fulfilment, Locale, OrderStatus, PaymentStatus, RefundStatus, Role, Source, TransactionStatus, Weekday);

/// Any code has its form; which of them this shop offers, the writer says.
impl FromJson for PaymentMethod {
    fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        let method = value.as_str().and_then(PaymentMethod::from_code);
        if method.is_none() {
            faults.add(at, "unknown_value", "must be the code of a way to pay, as GET /api/v1/payments/methods lists them");
        }
        method
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": PaymentMethod::PATTERN, "description": "A code as GET /api/v1/payments/methods lists them.", "example": "cash" })
    }
}

macro_rules! id_values {
    ($($name:ident),+) => {$(
        /// An id in a body: what is malformed names nothing, and is told as a field that is not right.
        impl FromJson for crate::kernel::$name {
            fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self> {
                let id = value.as_str().and_then(crate::kernel::$name::parse);
                if id.is_none() {
                    faults.add(at, "invalid_id", "must be an id as this shop gives them");
                }
                id
            }

            fn schema() -> Value {
                json!({ "type": "string", "format": "uuid" })
            }
        }
    )+};
}
id_values!(AddressId, CategoryId, OrderId, PaymentId, ProductId, UserId);

/// `from` and `to` of a list; an end that is not after its beginning is a fault.
pub fn read_span(fields: &mut Fields<'_, '_>) -> (Option<UtcMs>, Option<UtcMs>) {
    let (from, to) = (read_moment(fields, "from", false), read_moment(fields, "to", true));
    if from.zip(to).is_some_and(|(from, to)| to <= from) {
        fields.fault("to", "before_from", "must be after from; exchange the two");
    }
    (from, to)
}

/// A moment, or a day of the shop: its first moment, or for `to` the first moment after it.
pub fn read_moment(fields: &mut Fields<'_, '_>, name: &'static str, end: bool) -> Option<UtcMs> {
    fields.opt_with(
        name,
        || {
            json!({
                "anyOf": [{ "type": "string", "format": "date" }, { "type": "string", "format": "date-time" }],
                "description": "A time (RFC 3339), or a day YYYY-MM-DD of the shop.",
                "example": "2026-11-25",
            })
        },
        |value, at, faults| {
            let Some(text) = value.as_str().map(fold_digits) else { return wrong_type(at, faults, "a text") };
            let day = ShopDay::parse(&text).and_then(|day| if end { day.plus_days(1) } else { Some(day) });
            let moment = day.and_then(|day| faults.shop.zone.start_of(day)).or_else(|| UtcMs::parse(&text));
            if moment.is_none() {
                faults.add(at, "invalid_time", "must be a day such as 2026-11-25 or a time such as 2026-11-25T10:47:45.000Z");
            }
            moment
        },
    )
}
