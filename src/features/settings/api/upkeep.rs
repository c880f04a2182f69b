//! The sections that say when people are written to, and how long what is kept for a time is kept.

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

use crate::features::settings::{MessageSettings, RetentionSettings};
use crate::http::input::{Fields, Input};

pub(super) const MESSAGES_TOLD: &str = "Times by the shop's own clock. Left out, the section stays. In a section that is there, a dailySummaryAt that is left out or null turns the summary off; the quiet hours go to their default.";
pub(super) const RETENTION_TOLD: &str =
    "In days. Left out, the section stays. In a section that is there, what is left out goes to its default.";

/// The most days that what is kept for a time can be kept: ten years.
const MOST_DAYS: i64 = 3_650;
/// A message of a gateway, or a job, that went sooner would be gone while somebody still asks about it.
const FEWEST_DAYS: i64 = 7;
/// Books of the tax office, and customers who ask about an old order, want a year at least.
const FEWEST_DAYS_OF_PERSONS: i64 = 365;
/// A guest's cart has ended by then in any case (SPEC 4).
const GUESTS_CARTS: i64 = 30;

impl Input for MessageSettings {
    const NAME: &'static str = "MessageSettings";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let otherwise = MessageSettings::default();
        let daily_summary_at = fields.opt("dailySummaryAt");
        let quiet_from = fields.opt("quietFrom").unwrap_or(otherwise.quiet_from);
        let quiet_until = fields.opt("quietUntil").unwrap_or(otherwise.quiet_until);
        Some(MessageSettings { daily_summary_at, quiet_from, quiet_until })
    }
}

impl Input for RetentionSettings {
    const NAME: &'static str = "RetentionSettings";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let otherwise = RetentionSettings::default();
        let mut days = |name, range: RangeInclusive<i64>, otherwise: u32| {
            fields.opt_int(name, range).and_then(|days| u32::try_from(days).ok()).unwrap_or(otherwise)
        };
        Some(RetentionSettings {
            session_days: days("sessionDays", 1..=MOST_DAYS, otherwise.session_days),
            cart_days: days("cartDays", 1..=GUESTS_CARTS, otherwise.cart_days),
            provider_body_days: days("providerBodyDays", FEWEST_DAYS..=MOST_DAYS, otherwise.provider_body_days),
            message_body_days: days("messageBodyDays", FEWEST_DAYS..=FEWEST_DAYS_OF_PERSONS, otherwise.message_body_days),
            done_job_days: days("doneJobDays", 1..=MOST_DAYS, otherwise.done_job_days),
            order_person_days: days("orderPersonDays", FEWEST_DAYS_OF_PERSONS..=MOST_DAYS, otherwise.order_person_days),
        })
    }
}

pub(super) fn messages_schema() -> Value {
    let time = || json!({ "type": "string", "example": "21:30" });
    json!({
        "type": "object",
        "required": ["dailySummaryAt", "quietFrom", "quietUntil"],
        "description": "When people are written to, by the shop's own clock.",
        "properties": {
            "dailySummaryAt": { "type": ["string", "null"], "example": "21:30", "description": "When admins are told how the day went: from 12:00 on that very day, before 12:00 the day before. Null: never." },
            "quietFrom": time(),
            "quietUntil": { "type": "string", "example": "09:00", "description": "Until then no promotion is sent from quietFrom on. The same time twice: it is never quiet." },
        },
    })
}

pub(super) fn retention_schema() -> Value {
    let told = [
        ("sessionDays", "Sessions that were left alone, or are over. One that was not used for 90 days is over all the same."),
        ("cartDays", "Guests' carts, from their last change."),
        ("providerBodyDays", "Gateways' messages as they came, from when they were handled."),
        (
            "messageBodyDays",
            "What was written to whom: payload, recipient and subject of a message. At most as long as whose an order was.",
        ),
        ("doneJobDays", "Jobs that ended."),
        ("orderPersonDays", "Whose an order was, from the person's last order. The order and its sums stay."),
    ];
    let properties: Map<String, Value> = told
        .iter()
        .map(|(name, description)| ((*name).to_owned(), json!({ "type": "integer", "description": description })))
        .collect();
    json!({
        "type": "object",
        "required": told.map(|(name, _)| name),
        "description": "After how many days what is kept for a time goes.",
        "properties": properties,
    })
}
