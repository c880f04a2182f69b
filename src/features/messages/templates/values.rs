//! Which values each kind of message gets, and how they reach its templates.

use minijinja::value::Value as Filled;
use serde_json::{Map, Value, json};

use crate::features::messages::Kind;
use crate::features::settings::Settings;
use crate::kernel::Locale;

/// A value that templates can name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub name: &'static str,
    /// What it is, for who writes templates: the page on them says it.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test that holds the page on templates"))]
    pub told: &'static str,
    /// Some messages have none: a template asks for it with `if` first.
    pub may_lack: bool,
    /// Of a list: what each entry holds.
    pub entries: &'static [Field],
}

const fn always(name: &'static str, told: &'static str) -> Field {
    Field { name, told, may_lack: false, entries: &[] }
}

const fn sometimes(name: &'static str, told: &'static str) -> Field {
    Field { name, told, may_lack: true, entries: &[] }
}

const fn list(name: &'static str, told: &'static str, entries: &'static [Field]) -> Field {
    Field { name, told, may_lack: false, entries }
}

/// Of every message.
pub(super) const COMMON: &[Field] = &[
    always("locale", "`ar` or `en`: the language it is written in"),
    always("dir", "`rtl` or `ltr`: the direction of its language"),
    always("start", "`right` or `left`: where its lines begin; mail programs know no other words for it"),
    always("end", "`left` or `right`: where they end"),
    sometimes(
        "subject",
        "In HTML the subject, as the text's first line says it; of `message` and `promotion` the one that was written",
    ),
    always("shop.name", "The shop's name"),
    sometimes("shop.phone", "Its phone, as `+96265001234`"),
    sometimes("shop.address", "Where it is; may have several lines"),
    always("shop.locale", "Its language"),
    always("shop.timeZone", "Its time zone; `day` and `time` go by it"),
    always("shop.currency", "Its currency; `money` takes it where the message names none"),
];

pub(super) const ORDER: &[Field] = &[
    always("orderNumber", "As `B-261130-0042`"),
    always("customerName", "Who ordered"),
    always("isPickup", "`true` if it is fetched, `false` if it is delivered"),
    always("status", "As in the API: `Pending`, `Confirmed` and so on"),
    always("paymentStatus", "As in the API: `Pending`, `Paid`, `PartiallyRefunded`, `Refunded`, `Failed`"),
    always("paymentMethod", "`cash`, `card_machine`, `transfer` or a gateway's word"),
    always("dueAt", "When it is due: a moment, for `day` and `time`"),
    list(
        "items",
        "What was ordered",
        &[
            always("quantity", "How many"),
            always("name", "The product's name"),
            sometimes("optionsText", "What was chosen"),
            always("lineTotal", "Amount of the line"),
        ],
    ),
    always("subtotal", "Amount of all lines"),
    always("deliveryFee", "Amount; `0.000` if there is none"),
    always("discount", "Amount; `0.000` if there is none"),
    always("tax", "Amount; `0.000` if there is none"),
    always("taxIncluded", "Whether `total` holds the tax without adding it"),
    always("total", "Amount of the whole order"),
    always("currency", "Its code, as `JOD`"),
    always("toPay", "Amount still to be paid; `0.000` if nothing is"),
    sometimes("address", "Where it is delivered; may have several lines"),
    sometimes("reason", "Why it was cancelled, in words for the customer"),
    always("paying", "How the money stands, in a sentence, as `order_paying.txt` says it; may be empty"),
    always("order_url", "The order's page; its link is the customer's own"),
];

const LOW_STOCK: &[Field] = &[list(
    "products",
    "What has become low",
    &[
        always("name", "The product's name"),
        always("sku", "Its number"),
        always("available", "Pieces that can be sold"),
        always("stockThreshold", "Pieces from which on it counts as low"),
        sometimes("unit", "What a piece is: `piece`, `tray` or another unit"),
    ],
)];

const DAILY_SUMMARY: &[Field] = &[
    always("day", "The day, as `2026-11-29`"),
    always("orders", "Orders of the day, cancelled ones among them"),
    always("cancelled", "Those of them that were cancelled"),
    always("gross", "Amount sold"),
    always("refunds", "Amount given back"),
    always("net", "What is left of it"),
    always("currency", "Its code"),
    list(
        "takings",
        "Money that came in",
        &[always("method", "How: `cash`, `transfer` or another way to pay"), always("amount", "Amount")],
    ),
    always("toCollect", "Amount that open orders still owe"),
    always("openOrders", "Orders that are not over"),
    list("lowStock", "What is low", &[always("name", "The product's name"), always("available", "Pieces that can be sold")]),
    always("failedMessages", "Messages that could not be sent"),
    always("deadJobs", "Work that was given up"),
    always("tomorrow.orders", "Orders due the day after"),
    always("tomorrow.pieces", "Their pieces"),
];

const STAFF_ALERT: &[Field] = &[
    always(
        "alert",
        "`refund_failed`, `payment_parked`, `payment_disputed`, `late_approval`, `mail_complained` or `backup_not_proven`",
    ),
    sometimes("orderNumber", "The order's"),
    sometimes("amount", "Amount"),
    sometimes("currency", "Its code"),
    sometimes("details", "What is known beside"),
];

const LINK: &[Field] = &[sometimes("name", "Whose account it is"), always("link", "The link that opens the account, once")];

const MESSAGE: &[Field] = &[
    sometimes("subject", "What was written as the subject; a short message has none"),
    always("text", "What was written; may have paragraphs"),
    sometimes("name", "To whom"),
    sometimes("order_url", "The order's page, if it is about one"),
];

const PROMOTION: &[Field] = &[
    sometimes("subject", "What was written as the subject; a short message has none"),
    always("text", "What was written; may have paragraphs"),
    sometimes("name", "To whom"),
    always("unsubscribe_url", "The link that ends such messages"),
];

/// Whether a kind is about an order and filled with it.
pub(super) fn is_of_order(kind: Kind) -> bool {
    of_kind(kind).0.iter().any(|field| field.name == "orderNumber" && !field.may_lack)
}

/// A kind's own values: those that several kinds share, and those of it alone.
pub(super) fn of_kind(kind: Kind) -> (&'static [Field], &'static [Field]) {
    const PAY_AGAIN: &[Field] = &[always("canPayAgain", "Whether the order still waits for its payment")];
    const REFUND: &[Field] = &[always("refundAmount", "Amount that was given back")];
    const COMES_BACK: &[Field] = &[sometimes("refundAmount", "Amount that goes back, if any does")];
    match kind {
        Kind::OrderPlaced
        | Kind::OrderConfirmed
        | Kind::OrderPreparing
        | Kind::OrderReady
        | Kind::OrderOutForDelivery
        | Kind::OrderDelivered
        | Kind::OrderExpired => (ORDER, &[]),
        Kind::OrderCancelled => (ORDER, COMES_BACK),
        Kind::PaymentFailed => (ORDER, PAY_AGAIN),
        Kind::PaymentRefunded => (ORDER, REFUND),
        Kind::LowStock => (&[], LOW_STOCK),
        Kind::DailySummary => (&[], DAILY_SUMMARY),
        Kind::StaffAlert => (&[], STAFF_ALERT),
        Kind::PasswordReset | Kind::Invite => (&[], LINK),
        Kind::Message => (&[], MESSAGE),
        Kind::Promotion => (&[], PROMOTION),
    }
}

/// Every table of values, by whose they are, for the page on templates.
#[cfg(test)]
pub(super) fn tables() -> Vec<(String, Vec<Field>)> {
    let mut tables =
        vec![("Of every message".to_owned(), COMMON.to_vec()), ("Of every message about an order".to_owned(), ORDER.to_vec())];
    for kind in Kind::ALL {
        let own = of_kind(kind).1;
        if !own.is_empty() {
            tables.push((format!("Of `{}`", kind.code()), own.to_vec()));
        }
    }
    tables
}

/// What a message's templates are told of the shop, as `shop`.
#[must_use]
pub fn shop_values(settings: &Settings) -> Value {
    let shop = &settings.shop;
    json!({
        "name": shop.name, "phone": shop.phone, "address": shop.address, "locale": shop.locale,
        "timeZone": shop.time_zone, "currency": shop.currency,
    })
}

/// What a template is filled with: the kind's values, each that a message may lack being there as nothing.
pub(super) fn filled(kind: Kind, locale: Locale, values: &Value) -> Map<String, Value> {
    let mut whole = values.as_object().cloned().unwrap_or_default();
    let (dir, start, end) = if locale == Locale::Ar { ("rtl", "right", "left") } else { ("ltr", "left", "right") };
    for (name, word) in [("locale", locale.code()), ("dir", dir), ("start", start), ("end", end)] {
        whole.insert(name.to_owned(), json!(word));
    }
    let (shared, own) = of_kind(kind);
    complete(&mut whole, COMMON);
    complete(&mut whole, shared);
    complete(&mut whole, own);
    whole
}

fn complete(object: &mut Map<String, Value>, fields: &[Field]) {
    for field in fields {
        let (holder, name) = match field.name.split_once('.') {
            Some((outer, inner)) => (object.get_mut(outer).and_then(Value::as_object_mut), inner),
            None => (Some(&mut *object), field.name),
        };
        let Some(holder) = holder else { continue };
        if field.may_lack && holder.get(name).is_none_or(|value| value.as_str() == Some("")) {
            holder.insert(name.to_owned(), Value::Null);
        }
        for entry in holder.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(entry) = entry.as_object_mut() {
                complete(entry, field.entries);
            }
        }
    }
}

/// Values as a template takes them.
pub(super) fn of_object(object: &Map<String, Value>) -> Filled {
    object.iter().map(|(name, value)| (name.clone(), of_json(value))).collect::<std::collections::BTreeMap<_, _>>().into()
}

/// By hand, because a number that keeps its text (`arbitrary_precision`) is no number to serde.
fn of_json(value: &Value) -> Filled {
    match value {
        Value::Null => Filled::from(()),
        Value::Bool(flag) => Filled::from(*flag),
        Value::Number(number) => number.as_i64().map_or_else(|| Filled::from(number.to_string()), Filled::from),
        Value::String(text) => Filled::from(text.as_str()),
        Value::Array(items) => items.iter().map(of_json).collect(),
        Value::Object(object) => of_object(object),
    }
}
