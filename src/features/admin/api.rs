//! `/admin/orders` and `/admin/dashboard`.

use std::collections::BTreeSet;

use axum::extract::State;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::model::{LANES, Lane, Slip, SlipLine};
use super::queries::{self, Day};
use crate::features::AppState;
use crate::features::inventory::order_number;
use crate::features::messages::{Channel, Trouble};
use crate::http::input::{Fields, FromJson, Input};
use crate::http::{Answer, Context, Query, Route, Shape, respond};
use crate::kernel::time::span::{HOUR_MS, MINUTE_MS, SECOND_MS};
use crate::kernel::{Currency, Fulfilment, Locale, Money, OrderStatus, PaymentMethod, PaymentStatus, ShopDay, Source, UtcMs};

/// The most slips of a lane.
const MOST_SLIPS: i64 = 100;
/// Slips of a lane, unless said.
const DEFAULT_SLIPS: i64 = 50;
/// An order is late from so long after its time on: one that is due at once would be late before anybody has read it.
const LATE_MS: i64 = 5 * MINUTE_MS;
/// The board warns so long before an order ends by itself (SPEC 4).
const ENDS_SOON_MS: i64 = 2 * HOUR_MS;

/// So many products that run low are shown.
const LOW_SHOWN: i64 = 5;

/// Every route of this feature.
#[must_use]
pub fn routes() -> Vec<Route<AppState>> {
    let mut routes = vec![
        Route::get("/api/v1/admin/orders", board, "Read the board: open orders by state, due first")
            .describe("What to do now, in order of time: a lane for each state that is not final. `count` counts also those not shown.")
            .query::<BoardQuery>()
            .parameter("limit", "Orders a lane, 50 unless said.")
            .answers(200, "Every state of open orders", board_shape()),
        Route::get("/api/v1/admin/dashboard", dashboard, "Read the shop's day at a glance")
            .describe("Orders of today by state, takings by method, refunds, sums to collect, what runs low, which messages failed.")
            .answers(200, "Today, by the shop's own clock", dashboard_shape()),
    ];
    routes.extend(super::jobs::routes());
    routes
}

/// `GET /admin/orders`.
struct BoardQuery {
    day: Option<ShopDay>,
    limit: i64,
}

impl Input for BoardQuery {
    const NAME: &'static str = "BoardQuery";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let day = fields.opt("day");
        let limit = fields.opt_int("limit", 1..=MOST_SLIPS).unwrap_or(DEFAULT_SLIPS);
        Some(BoardQuery { day, limit })
    }
}

async fn board(State(shop): State<AppState>, context: Context, Query(query): Query<BoardQuery>) -> Answer {
    let lanes = shop.db.read(move |reader| queries::board(reader, query.day, query.limit)).await?;
    let now = shop.clock.now();
    let data: Vec<Value> = lanes.iter().map(|lane| lane_body(lane, now, &context)).collect();
    respond::json(&context, StatusCode::OK, &json!({ "data": data, "asOf": now.to_string() }))
}

fn lane_body(lane: &Lane, now: UtcMs, context: &Context) -> Value {
    let slips: Vec<Value> = lane.slips.iter().map(|slip| slip_body(slip, now, context)).collect();
    json!({ "status": lane.status.code(), "count": lane.count, "orders": slips })
}

fn slip_body(slip: &Slip, now: UtcMs, context: &Context) -> Value {
    let amount = |minor| money(minor, context.shop.currency);
    let address = slip.delivery.as_ref().map(|delivery| &delivery["address"]);
    let area = address.and_then(|address| address["area"].as_str().or_else(|| address["city"].as_str()));
    let items: Vec<Value> = slip.lines.iter().map(|line| line_body(line, context.shop.locale)).collect();
    // Who has paid a part is waited for: such an order does not end by itself.
    let ends_at = slip.hold_expires_at.filter(|_| slip.captured == 0);
    json!({
        "id": slip.id.to_string(),
        "orderNumber": order_number(slip.number_day, slip.number),
        "status": slip.status.code(),
        "paymentStatus": slip.payment_status.code(),
        "paymentMethod": slip.payment_method.code(),
        "isPickup": slip.fulfilment == Fulfilment::Pickup,
        "source": slip.source.code(),
        "customer": { "name": slip.customer_name, "phone": slip.customer_phone },
        "area": area,
        "items": items,
        "notes": slip.notes,
        "totalAmount": amount(slip.total),
        "amountDue": amount((slip.total - slip.captured).max(0)),
        "currency": context.shop.currency.code(),
        "dueAt": slip.due_at.to_string(),
        "businessDay": slip.business_day.to_string(),
        "isLate": slip.due_at.plus_ms(LATE_MS) <= now,
        "holdExpiresAt": ends_at.map(|at| at.to_string()),
        // One that waits for its payment is held for minutes, and nobody here can hurry it.
        "holdEndsSoon": slip.payment_method.is_offline() && ends_at.is_some_and(|at| at <= now.plus_ms(ENDS_SOON_MS)),
        "version": slip.version,
        "createdAt": slip.created_at.to_string(),
        "updatedAt": slip.updated_at.to_string(),
    })
}

fn line_body(line: &SlipLine, locale: Locale) -> Value {
    let pick = |en: &Option<String>, ar: &Option<String>| {
        let (own, other) = if locale == Locale::En { (en, ar) } else { (ar, en) };
        own.as_ref().or(other.as_ref()).cloned().unwrap_or_default()
    };
    json!({
        "quantity": line.quantity,
        "name": pick(&line.name_en, &line.name_ar),
        "optionsText": pick(&line.options_en, &line.options_ar),
    })
}

fn money(minor: i64, currency: Currency) -> String {
    Money::from_minor(minor, currency).to_string()
}

async fn dashboard(State(shop): State<AppState>, context: Context) -> Answer {
    let now = shop.clock.now();
    let format = context.shop.clone();
    let day = shop.db.read(move |reader| queries::day(reader, format.zone.day_of(now), now, &format.zone, LOW_SHOWN)).await?;
    respond::json(&context, StatusCode::OK, &day_body(&day, now, &context))
}

fn day_body(day: &Day, now: UtcMs, context: &Context) -> Value {
    let amount = |minor| money(minor, context.shop.currency);
    let in_state = |status| day.states.iter().find(|(state, _)| *state == status).map_or(0, |(_, count)| *count);
    let by_status: Map<String, Value> =
        OrderStatus::ALL.iter().map(|status| (status.code().to_owned(), in_state(*status).into())).collect();
    let taken = |method| day.money.iter().filter(|moved| moved.method == method).map(|moved| moved.taken).sum::<i64>();
    let gateways: BTreeSet<PaymentMethod> =
        day.money.iter().map(|moved| moved.method).filter(|method| !method.is_offline()).collect();
    let by_method: Vec<Value> = PaymentMethod::OFFLINE
        .into_iter()
        .chain(gateways)
        .map(|method| json!({ "method": method.code(), "amount": amount(taken(method)) }))
        .collect();
    let low: Vec<Value> = day
        .low
        .iter()
        .map(|row| {
            let (own, other) = match context.shop.locale {
                Locale::En => (&row.name_en, &row.name_ar),
                Locale::Ar => (&row.name_ar, &row.name_en),
            };
            json!({
                "productId": row.product.to_string(), "sku": row.sku, "name": own.as_ref().or(other.as_ref()),
                "available": row.stock - row.reserved, "stockThreshold": row.threshold,
            })
        })
        .collect();
    json!({
        "day": day.day.to_string(),
        "asOf": now.to_string(),
        "currency": context.shop.currency.code(),
        "orders": { "total": day.states.iter().map(|(_, count)| count).sum::<i64>(), "byStatus": by_status },
        "takings": { "total": amount(day.money.iter().map(|moved| moved.taken).sum()), "byMethod": by_method },
        "refunds": {
            "count": day.money.iter().map(|moved| moved.given_back.count).sum::<i64>(),
            "total": amount(day.money.iter().map(|moved| moved.given_back.minor).sum()),
        },
        "toCollect": { "count": day.to_collect.count, "total": amount(day.to_collect.minor) },
        "lowStock": { "count": day.low_count, "products": low },
        "failedMessages": failed_messages(&day.messages),
        "restored": restored_body(day.restored),
        "lastProvenBackup": day.backup.as_ref().map(|backup| json!({
            "file": backup.file,
            "provenAt": backup.proven_at.to_string(),
            "madeAt": backup.made_at.to_string(),
            "orders": backup.orders,
            "couldLoseSeconds": (now.ms() - backup.newest_made_at.ms()).max(0) / SECOND_MS,
        })),
    })
}

/// While somebody has to say what becomes of what waits.
fn restored_body(restored: Option<(UtcMs, UtcMs)>) -> Value {
    restored.map_or(Value::Null, |(at, backup_of)| json!({ "restoredAt": at.to_string(), "backupOf": backup_of.to_string() }))
}

fn failed_messages(messages: &Trouble) -> Value {
    let stopped = |(channel, why, since): &(Channel, String, UtcMs)| json!({ "channel": channel.code(), "why": why, "since": since.to_string() });
    json!({
        "count": messages.failed,
        "waiting": messages.waiting,
        "oldestWaitingAt": messages.oldest_waiting.map(|at| at.to_string()),
        "stopped": messages.stopped.iter().map(stopped).collect::<Vec<_>>(),
    })
}

fn words(all: impl Iterator<Item = &'static str>) -> Value {
    json!({ "type": "string", "enum": all.collect::<Vec<_>>() })
}

fn lanes() -> Value {
    words(LANES.iter().map(|status| status.code()))
}

fn board_shape() -> Shape {
    let slip = slip_shape();
    let lane = json!({
        "type": "object",
        "required": ["status", "count", "orders"],
        "properties": {
            "status": lanes(),
            "count": { "type": "integer", "description": "All open orders of this state, also those not shown." },
            "orders": { "type": "array", "items": slip.schema() },
        },
    });
    let schema = json!({
        "type": "object",
        "required": ["data", "asOf"],
        "properties": { "asOf": { "type": "string", "format": "date-time" }, "data": { "type": "array", "items": lane } },
    });
    let example = json!({
        "asOf": "2026-11-25T05:52:00.000Z",
        "data": [{ "status": "Pending", "count": 1, "orders": [slip.example()] }],
    });
    Shape::named("Board", schema, example).of(&[&slip])
}

fn slip_shape() -> Shape {
    let text = || json!({ "type": "string" });
    let maybe = || json!({ "type": ["string", "null"] });
    let moment = || json!({ "type": "string", "format": "date-time" });
    let flag = || json!({ "type": "boolean" });
    let customer =
        json!({ "type": "object", "required": ["name", "phone"], "properties": { "name": text(), "phone": maybe() } });
    let item = json!({
        "type": "object", "required": ["quantity", "name", "optionsText"],
        "properties": { "quantity": { "type": "integer" }, "name": text(), "optionsText": text() },
    });
    let hold = json!({ "type": ["string", "null"], "format": "date-time", "description": "When it ends by itself unless somebody confirms it or takes money for it." });
    let properties: [(&str, Value); 22] = [
        ("id", json!({ "type": "string", "format": "uuid" })),
        ("orderNumber", text()),
        ("status", lanes()),
        ("paymentStatus", PaymentStatus::schema()),
        ("paymentMethod", PaymentMethod::schema()),
        ("isPickup", flag()),
        ("source", Source::schema()),
        ("customer", customer),
        ("area", json!({ "type": ["string", "null"], "description": "Of the address, or its city; null for pickup." })),
        ("items", json!({ "type": "array", "items": item })),
        ("notes", maybe()),
        ("totalAmount", text()),
        ("amountDue", json!({ "type": "string", "description": "What is still to be collected." })),
        ("currency", text()),
        ("dueAt", moment()),
        ("businessDay", ShopDay::schema()),
        ("isLate", json!({ "type": "boolean", "description": "Its time was five minutes ago or more." })),
        ("holdExpiresAt", hold),
        (
            "holdEndsSoon",
            json!({ "type": "boolean", "description": "It is to be paid at the shop and ends by itself within two hours." }),
        ),
        ("version", json!({ "type": "integer" })),
        ("createdAt", moment()),
        ("updatedAt", moment()),
    ];
    let required: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> = properties.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    let schema = json!({ "type": "object", "required": required, "properties": properties });
    let example = json!({
        "id": "01936f2b-0d10-7000-8000-5a6b7c8d9e01", "orderNumber": "B-261125-0042", "status": "Pending", "paymentStatus": "Pending",
        "paymentMethod": "cash", "isPickup": true, "source": "web", "customer": { "name": "Layla", "phone": "+962790000000" },
        "area": null, "items": [{ "quantity": 2, "name": "Maarouk", "optionsText": "Filling: Dates" }], "notes": null,
        "totalAmount": "1.800", "amountDue": "1.800", "currency": "JOD", "dueAt": "2026-11-25T06:30:00.000Z",
        "businessDay": "2026-11-25", "isLate": false, "holdExpiresAt": "2026-11-26T05:40:00.000Z", "holdEndsSoon": false, "version": 1,
        "createdAt": "2026-11-25T05:40:00.000Z", "updatedAt": "2026-11-25T05:40:00.000Z",
    });
    Shape::named("Slip", schema, example)
}

fn dashboard_shape() -> Shape {
    let text = || json!({ "type": "string" });
    let count = || json!({ "type": "integer" });
    let sum =
        || json!({ "type": "object", "required": ["count", "total"], "properties": { "count": count(), "total": text() } });
    let states: Map<String, Value> = OrderStatus::ALL.iter().map(|status| (status.code().to_owned(), count())).collect();
    let schema = json!({
        "type": "object",
        "required": ["day", "asOf", "currency", "orders", "takings", "refunds", "toCollect", "lowStock", "failedMessages", "restored", "lastProvenBackup"],
        "properties": {
            "day": ShopDay::schema(), "asOf": { "type": "string", "format": "date-time" }, "currency": text(),
            "orders": {
                "type": "object", "required": ["total", "byStatus"], "description": "Orders whose business day is today.",
                "properties": { "total": count(), "byStatus": { "type": "object", "properties": states } },
            },
            "takings": {
                "type": "object", "required": ["total", "byMethod"], "description": "Money taken today: by each way that needs no gateway, and by each gateway that took some.",
                "properties": { "total": text(), "byMethod": { "type": "array", "items": {
                    "type": "object", "required": ["method", "amount"],
                    "properties": { "method": PaymentMethod::schema(), "amount": text() },
                } } },
            },
            "refunds": sum(),
            "toCollect": sum(),
            "lowStock": {
                "type": "object", "required": ["count", "products"],
                "properties": { "count": count(), "products": { "type": "array", "description": "The lowest.", "items": {
                    "type": "object", "required": ["productId", "sku", "name", "available", "stockThreshold"],
                    "properties": { "productId": text(), "sku": text(), "name": text(), "available": count(), "stockThreshold": count() },
                } } },
            },
            "failedMessages": {
                "type": "object", "required": ["count", "waiting", "oldestWaitingAt", "stopped"],
                "properties": {
                    "count": { "type": "integer", "description": "Messages of the last seven days that failed." },
                    "waiting": count(),
                    "oldestWaitingAt": { "type": ["string", "null"], "format": "date-time", "description": "When the first of those that wait was made." },
                    "stopped": { "type": "array", "description": "Channels whose provider refuses the shop's keys, sender or account: messages wait until that is mended.", "items": {
                        "type": "object", "required": ["channel", "why", "since"],
                        "properties": { "channel": Channel::schema(), "why": text(), "since": { "type": "string", "format": "date-time" } },
                    } },
                },
            },
            "restored": {
                "type": ["object", "null"], "required": ["restoredAt", "backupOf"],
                "description": "The shop was restored, and messages from before wait until an admin says at /api/v1/admin/restored/release what becomes of them. Null otherwise.",
                "properties": { "restoredAt": { "type": "string", "format": "date-time" }, "backupOf": { "type": "string", "format": "date-time" } },
            },
            "lastProvenBackup": {
                "type": ["object", "null"], "required": ["file", "provenAt", "madeAt", "orders", "couldLoseSeconds"],
                "description": "The newest backup that was restored into a scratch folder and found whole. Null while there is none.",
                "properties": {
                    "file": text(), "provenAt": { "type": "string", "format": "date-time" },
                    "madeAt": { "type": "string", "format": "date-time", "description": "The moment that its books show." },
                    "orders": count(),
                    "couldLoseSeconds": { "type": "integer", "description": "How old the newest backup is: so much would be lost with this machine." },
                },
            },
        },
    });
    let example = json!({
        "day": "2026-11-25", "asOf": "2026-11-25T05:52:00.000Z", "currency": "JOD",
        "orders": { "total": 9, "byStatus": { "Pending": 2, "Confirmed": 3, "Delivered": 4 } },
        "takings": { "total": "41.350", "byMethod": [{ "method": "cash", "amount": "41.350" }] },
        "refunds": { "count": 0, "total": "0.000" },
        "toCollect": { "count": 5, "total": "38.900" },
        "lowStock": { "count": 1, "products": [{
            "productId": "01936f2a-7c11-7000-8000-0a1b2c3d4e01", "sku": "BRD-012", "name": "Maarouk", "available": 4, "stockThreshold": 10,
        }] },
        "failedMessages": { "count": 1, "waiting": 0, "oldestWaitingAt": null, "stopped": [] },
        "restored": null,
        "lastProvenBackup": {
            "file": "bayader-20261125-023000.tar.zst", "provenAt": "2026-11-25T00:10:02.000Z", "madeAt": "2026-11-24T23:30:00.000Z",
            "orders": 1204, "couldLoseSeconds": 22_920,
        },
    });
    Shape::named("Dashboard", schema, example)
}
