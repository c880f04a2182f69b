//! An address, and free JSON, as callers send them.

use serde_json::{Map, Value, json};

use super::{Fields, FromJson, Input, wrong_type};
use crate::kernel::text::Lines;
use crate::kernel::{Address, At, Faults};

/// The most characters of a line.
const MAX_LINE: usize = 200;
/// The most characters of what the driver is told.
const MAX_NOTES: usize = 2_000;
/// The most bytes of free JSON.
const MAX_METADATA: usize = 4_000;

impl Input for Address {
    const NAME: &'static str = "Address";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let line1 = fields.req_text("line1", Lines::One, 1..=MAX_LINE);
        let line2 = fields.opt_text("line2", Lines::One, 1..=MAX_LINE);
        let area = fields.opt_text("area", Lines::One, 1..=MAX_LINE);
        let city = fields.req_text("city", Lines::One, 1..=MAX_LINE);
        let notes = fields.opt_text("notes", Lines::Many, 1..=MAX_NOTES);
        let lat = fields.opt_with("lat", || degrees_schema(90), |value, at, faults| degrees(value, at, faults, 90));
        let lng = fields.opt_with("lng", || degrees_schema(180), |value, at, faults| degrees(value, at, faults, 180));
        Some(Address { line1: line1?, line2, area, city: city?, notes, lat, lng })
    }
}

fn degrees_schema(most: i64) -> Value {
    json!({ "type": "number", "minimum": -most, "maximum": most })
}

/// Degrees as the number that was sent; its whole part decides whether it is on the globe, so that none becomes a float.
fn degrees(value: &Value, at: &At<'_>, faults: &mut Faults<'_>, most: i64) -> Option<serde_json::Number> {
    let Value::Number(number) = value else { return wrong_type(at, faults, "a number of degrees") };
    let text = number.to_string();
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole_number =
        if digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') { whole.parse::<i64>().ok() } else { None };
    let inside = whole_number.is_some_and(|whole| whole < most || (whole == most && fraction.bytes().all(|byte| byte == b'0')));
    if inside && text.len() <= 24 {
        return Some(number.clone());
    }
    faults.add(at, "out_of_range", format!("must be degrees from -{most} to {most}, as 31.95"));
    None
}

/// Free JSON of a partner or of staff.
#[derive(Clone, PartialEq, Debug)]
pub struct Metadata(pub Map<String, Value>);

impl FromJson for Metadata {
    fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        let Value::Object(object) = value else { return wrong_type(at, faults, "an object") };
        if value.to_string().len() > MAX_METADATA {
            faults.add(at, "too_long", format!("must be at most {MAX_METADATA} bytes of JSON"));
            return None;
        }
        Some(Metadata(object.clone()))
    }

    fn schema() -> Value {
        json!({ "type": "object" })
    }
}
