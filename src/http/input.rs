//! Reading what callers send: one description of a shape both reads it, with every fault, and describes it in OpenAPI.
//!
//! A shape implements [`Input`] by asking [`Fields`] for each of its fields. The same code runs twice: over a value, where every
//! fault is collected and every field that was not asked for is unknown; and over nothing, where it writes the JSON Schema. So
//! the document cannot drift from what is accepted.

mod address;
mod values;

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

pub use address::Metadata;
pub use values::{SignedMoney, read_moment, read_span};

use crate::kernel::problem::FieldFault;
use crate::kernel::text::{Lines, bounded, fold_digits};
use crate::kernel::{Actor, At, Faults, ShopFormat};

/// An object whose fields are read by [`Fields`].
pub trait Input: Sized {
    /// Its name in OpenAPI.
    const NAME: &'static str;
    /// Asks for every field. `None` where a required one is missing or at fault.
    fn read(fields: &mut Fields<'_, '_>) -> Option<Self>;
}

/// A value that is read from JSON, or from a query's text.
pub trait FromJson: Sized {
    /// `None` after a fault was noted.
    fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self>;
    /// Its JSON Schema.
    fn schema() -> Value;
}

enum Mode<'a, 'f> {
    Read { object: &'a Map<String, Value>, faults: &'a mut Faults<'f> },
    Describe { properties: Map<String, Value>, required: Vec<Value>, rules: Vec<Value>, in_query: bool },
}

/// The fields of one object.
pub struct Fields<'a, 'f> {
    at: At<'a>,
    asked: Vec<&'static str>,
    mode: Mode<'a, 'f>,
}

impl Fields<'_, '_> {
    /// A field that must be there.
    pub fn req<T: FromJson>(&mut self, name: &'static str) -> Option<T> {
        self.req_with(name, T::schema, T::from_json)
    }

    /// A field that may be left out; `null` is as leaving it out.
    pub fn opt<T: FromJson>(&mut self, name: &'static str) -> Option<T> {
        self.opt_with(name, T::schema, T::from_json)
    }

    /// A whole number that must be there.
    pub fn req_int(&mut self, name: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        let schema = int_schema(&range);
        self.req_with(name, || schema, |value, at, faults| read_int(value, at, faults, &range))
    }

    /// A whole number that may be left out.
    pub fn opt_int(&mut self, name: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        let schema = int_schema(&range);
        self.opt_with(name, || schema, |value, at, faults| read_int(value, at, faults, &range))
    }

    /// A text that must be there, so many characters long after cleaning.
    pub fn req_text(&mut self, name: &'static str, lines: Lines, length: RangeInclusive<usize>) -> Option<String> {
        let schema = text_schema(lines, &length);
        self.req_with(name, || schema, |value, at, faults| read_text(value, at, faults, lines, &length))
    }

    /// A text that may be left out.
    pub fn opt_text(&mut self, name: &'static str, lines: Lines, length: RangeInclusive<usize>) -> Option<String> {
        let schema = text_schema(lines, &length);
        self.opt_with(name, || schema, |value, at, faults| read_text(value, at, faults, lines, &length))
    }

    /// A list that must be there, so many things long.
    pub fn req_list<T: FromJson>(&mut self, name: &'static str, length: RangeInclusive<usize>) -> Option<Vec<T>> {
        let schema = list_schema::<T>(&length);
        self.req_with(name, || schema, |value, at, faults| read_list(value, at, faults, &length))
    }

    /// A list that may be left out.
    pub fn opt_list<T: FromJson>(&mut self, name: &'static str, length: RangeInclusive<usize>) -> Option<Vec<T>> {
        let schema = list_schema::<T>(&length);
        self.opt_with(name, || schema, |value, at, faults| read_list(value, at, faults, &length))
    }

    /// A field read by a function of its own.
    pub fn req_with<T>(
        &mut self,
        name: &'static str,
        schema: impl FnOnce() -> Value,
        read: impl FnOnce(&Value, &At<'_>, &mut Faults<'_>) -> Option<T>,
    ) -> Option<T> {
        if let Mode::Describe { required, .. } = &mut self.mode {
            required.push(name.into());
        }
        let there = match &self.mode {
            Mode::Read { object, .. } => object.get(name).is_some_and(|value| !value.is_null()),
            Mode::Describe { .. } => true,
        };
        if !there {
            self.asked.push(name);
            self.fault(name, "required", "is required");
            return None;
        }
        self.opt_with(name, schema, read)
    }

    /// As [`Fields::req_with`], for a field that may be left out.
    pub fn opt_with<T>(
        &mut self,
        name: &'static str,
        schema: impl FnOnce() -> Value,
        read: impl FnOnce(&Value, &At<'_>, &mut Faults<'_>) -> Option<T>,
    ) -> Option<T> {
        self.asked.push(name);
        match &mut self.mode {
            Mode::Describe { properties, required, in_query, .. } => {
                let must = required.iter().any(|required| required == name);
                let schema = if must || *in_query { schema() } else { or_null(schema()) };
                properties.insert(name.to_owned(), schema);
                None
            }
            Mode::Read { object, faults } => match object.get(name) {
                None | Some(Value::Null) => None,
                Some(value) => read(value, &self.at.field(name), faults),
            },
        }
    }

    /// What holds between fields, as JSON Schema: told in the document; whoever reads checks it beside.
    pub fn rule(&mut self, rule: Value) {
        if let Mode::Describe { rules, .. } = &mut self.mode {
            rules.push(rule);
        }
    }

    /// Notes a fault of a field.
    pub fn fault(&mut self, name: &str, code: &'static str, message: impl Into<String>) {
        if let Mode::Read { faults, .. } = &mut self.mode {
            faults.add(&self.at.field(name), code, message);
        }
    }

    /// Whether a field was sent, `null` counting as not.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        match &self.mode {
            Mode::Read { object, .. } => object.get(name).is_some_and(|value| !value.is_null()),
            Mode::Describe { .. } => false,
        }
    }

    /// Who sends it; `None` while describing.
    #[must_use]
    pub fn sender(&self) -> Option<Actor> {
        match &self.mode {
            Mode::Read { faults, .. } => Some(faults.by),
            Mode::Describe { .. } => None,
        }
    }

    /// The shop's formats; `None` while describing.
    #[must_use]
    pub fn shop(&self) -> Option<&ShopFormat> {
        match &self.mode {
            Mode::Read { faults, .. } => Some(faults.shop),
            Mode::Describe { .. } => None,
        }
    }

    fn refuse_unknown(&mut self) {
        let Mode::Read { object, faults } = &mut self.mode else { return };
        for name in object.keys().filter(|name| !self.asked.contains(&name.as_str())) {
            if faults.is_full() {
                return;
            }
            let hint = nearest(&self.asked, name).map_or_else(String::new, |known| format!("; did you mean {known}?"));
            // A name as long as the body would come back as long; the first characters are enough to find it.
            let shown: String = name.chars().take(100).collect();
            faults.add(&self.at.field(&shown), "unknown_field", format!("is not known here{hint}"));
        }
    }
}

/// The known name that is a typing error or two away from this one. Only short names are compared: the work grows with their length, and no
/// field's name is long.
fn nearest(known: &[&'static str], name: &str) -> Option<&'static str> {
    const LONGEST: usize = 40;
    const TYPING_ERRORS: usize = 2;
    if name.len() > LONGEST {
        return None;
    }
    let near = known.iter().map(|known| (strsim::osa_distance(known, name), *known));
    near.filter(|(distance, _)| *distance <= TYPING_ERRORS).min().map(|(_, known)| known)
}

/// Reads an object; faults are added to `faults`.
pub fn read_object<T: Input>(object: &Map<String, Value>, at: At<'_>, faults: &mut Faults<'_>) -> Option<T> {
    let before = faults.len();
    let mut fields = Fields { at, asked: Vec::new(), mode: Mode::Read { object, faults } };
    let read = T::read(&mut fields);
    fields.refuse_unknown();
    if faults.len() == before { read } else { None }
}

/// Reads a whole body or query.
///
/// # Errors
/// Every fault, in the order of the fields.
pub fn read_input<T: Input>(object: &Map<String, Value>, shop: &ShopFormat, by: Actor) -> Result<T, Vec<FieldFault>> {
    let mut faults = Faults::sent_by(shop, by);
    match read_object(object, At::Root, &mut faults) {
        Some(read) if faults.is_empty() => Ok(read),
        _ => {
            if faults.is_empty() {
                faults.add(&At::Root, "invalid", "could not be read");
            }
            Err(faults.into_vec())
        }
    }
}

/// The JSON Schema of an input.
#[must_use]
pub fn schema_of<T: Input>() -> Value {
    describe::<T>(false)
}

/// As [`schema_of`], of a query, in which nothing is null.
#[must_use]
pub fn query_schema_of<T: Input>() -> Value {
    describe::<T>(true)
}

fn describe<T: Input>(in_query: bool) -> Value {
    let mode = Mode::Describe { properties: Map::new(), required: Vec::new(), rules: Vec::new(), in_query };
    let mut fields = Fields { at: At::Root, asked: Vec::new(), mode };
    T::read(&mut fields);
    let Mode::Describe { properties, required, rules, .. } = fields.mode else { return Value::Null };
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = Value::Array(required);
    }
    if !rules.is_empty() {
        schema["allOf"] = Value::Array(rules);
    }
    schema
}

/// The schema of a field that may be left out: `null` is as leaving it out.
fn or_null(mut schema: Value) -> Value {
    let Some(object) = schema.as_object_mut() else { return schema };
    if let Some(one) = object.get("type").and_then(Value::as_str).map(str::to_owned) {
        object.insert("type".to_owned(), json!([one, "null"]));
        if let Some(words) = object.get_mut("enum").and_then(Value::as_array_mut) {
            words.push(Value::Null);
        }
    } else if let Some(choices) = object.get_mut("anyOf").and_then(Value::as_array_mut) {
        choices.push(json!({ "type": "null" }));
    }
    schema
}

/// As a rule: the field is there and not null.
#[must_use]
pub fn there(name: &str) -> Value {
    json!({ "required": [name], "properties": { name: { "not": { "type": "null" } } } })
}

impl<T: Input> FromJson for T {
    fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        match value {
            Value::Object(object) => read_object(object, *at, faults),
            _ => wrong_type(at, faults, "an object"),
        }
    }

    fn schema() -> Value {
        schema_of::<T>()
    }
}

/// Notes that a value is of the wrong type.
pub fn wrong_type<T>(at: &At<'_>, faults: &mut Faults<'_>, wanted: &str) -> Option<T> {
    faults.add(at, "invalid_type", format!("must be {wanted}"));
    None
}

fn int_schema(range: &RangeInclusive<i64>) -> Value {
    json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() })
}

/// A text as [`bounded`] takes it: no control characters but line breaks where there may be several, and something to see where
/// it may not be empty.
pub fn text_schema(lines: Lines, length: &RangeInclusive<usize>) -> Value {
    let characters = if lines == Lines::Many { "[^\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f]" } else { "[^\\x00-\\x1f\\x7f-\\x9f]" };
    let pattern = if *length.start() == 0 {
        format!("^{characters}*$")
    } else {
        format!("^{characters}*[^\\s\\x00-\\x1f\\x7f-\\x9f]{characters}*$")
    };
    json!({ "type": "string", "minLength": length.start(), "maxLength": length.end(), "pattern": pattern })
}

fn list_schema<T: FromJson>(length: &RangeInclusive<usize>) -> Value {
    json!({ "type": "array", "items": T::schema(), "minItems": length.start(), "maxItems": length.end() })
}

/// A whole number; a query's text counts, in any digits.
pub fn read_int(value: &Value, at: &At<'_>, faults: &mut Faults<'_>, range: &RangeInclusive<i64>) -> Option<i64> {
    let number = match value {
        // JSON Schema counts 3.0 among the whole numbers, and some languages write them so.
        Value::Number(number) => number.as_i64().or_else(|| {
            let text = number.to_string();
            let (whole, zeros) = text.split_once('.')?;
            zeros.bytes().all(|byte| byte == b'0').then(|| whole.parse().ok())?
        }),
        Value::String(text) => plain_integer(&fold_digits(text)),
        _ => None,
    };
    match number {
        Some(number) if range.contains(&number) => Some(number),
        Some(_) => {
            faults.add(at, "out_of_range", format!("must be from {} to {}", range.start(), range.end()));
            None
        }
        None => wrong_type(at, faults, &format!("a whole number from {} to {}", range.start(), range.end())),
    }
}

fn plain_integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

pub(super) fn cleaned_schema(lines: Lines, max: usize) -> Value {
    text_schema(lines, &(1..=max))
}

fn read_text(
    value: &Value,
    at: &At<'_>,
    faults: &mut Faults<'_>,
    lines: Lines,
    length: &RangeInclusive<usize>,
) -> Option<String> {
    let Value::String(text) = value else { return wrong_type(at, faults, "a text") };
    noted(bounded(text, lines, *length.start(), *length.end()), at, faults)
}

fn noted<T>(read: Result<T, crate::kernel::text::TextFault>, at: &At<'_>, faults: &mut Faults<'_>) -> Option<T> {
    read.map_err(|fault| faults.add(at, fault.code, fault.message)).ok()
}

fn read_list<T: FromJson>(
    value: &Value,
    at: &At<'_>,
    faults: &mut Faults<'_>,
    length: &RangeInclusive<usize>,
) -> Option<Vec<T>> {
    let Value::Array(items) = value else { return wrong_type(at, faults, "a list") };
    if !length.contains(&items.len()) {
        faults.add(
            at,
            "wrong_length",
            format!("must have from {} to {} entries, it has {}", length.start(), length.end(), items.len()),
        );
        return None;
    }
    let read: Vec<Option<T>> =
        items.iter().enumerate().map(|(index, item)| T::from_json(item, &at.index(index), faults)).collect();
    read.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Currency, Locale, Note, ShopZone};

    struct Line {
        quantity: i64,
    }
    impl Input for Line {
        const NAME: &'static str = "Line";
        fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
            let quantity = fields.req_int("quantity", 1..=10);
            Some(Line { quantity: quantity? })
        }
    }
    struct Basket {
        lines: Vec<Line>,
        note: Option<Note>,
    }
    impl Input for Basket {
        const NAME: &'static str = "Basket";
        fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
            let lines = fields.req_list("lines", 1..=3);
            let note = fields.opt("note");
            Some(Basket { lines: lines?, note })
        }
    }

    fn read(value: &Value) -> Result<Basket, Vec<FieldFault>> {
        let zone = ShopZone::named("Asia/Amman").expect("known");
        let shop =
            ShopFormat { currency: Currency::JOD, zone, calling_code: Some("962"), locale: Locale::En, gateways: [].into() };
        read_input(value.as_object().expect("an object"), &shop, Actor::Guest)
    }

    #[test]
    fn every_fault_is_told_with_its_path() {
        let body =
            json!({ "lines": [{ "quantity": 0 }, { "quantity": "x" }, { "quantty": 2 }], "note": "\u{0007}", "extra": 1 });
        let faults = read(&body).err().expect("faults");
        let told: Vec<_> = faults.iter().map(|fault| (fault.field.as_str(), fault.code)).collect();
        assert_eq!(
            told,
            [
                ("lines[0].quantity", "out_of_range"),
                ("lines[1].quantity", "invalid_type"),
                ("lines[2].quantity", "required"),
                ("lines[2].quantty", "unknown_field"),
                ("note", "control_character"),
                ("extra", "unknown_field"),
            ]
        );
    }

    #[test]
    fn null_is_as_leaving_it_out() {
        let Ok(basket) = read(&json!({ "lines": [{ "quantity": 2 }], "note": null })) else { panic!("a basket") };
        assert_eq!((basket.lines[0].quantity, basket.note), (2, None));
    }

    #[test]
    fn the_schema_says_what_is_read() {
        let schema = schema_of::<Basket>();
        assert_eq!(schema["required"], json!(["lines"]));
        assert_eq!(schema["properties"]["lines"]["items"]["properties"]["quantity"]["maximum"], json!(10));
        assert_eq!(schema["additionalProperties"], json!(false));
    }
}
