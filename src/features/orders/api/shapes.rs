//! Orders as they are answered (SPEC 3, shapes).

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::features::inventory::order_number;
use crate::features::money;
use crate::features::orders::contact::Contact;
use crate::features::orders::model::{Line, Order};
use crate::features::orders::place::{self, Placed};
use crate::features::settings::Settings;
use crate::http::FromJson;
use crate::http::{Context, Shape, respond};
use crate::kernel::{
    Currency, Fault, Fulfilment, Locale, Money, OrderId, OrderStatus, PaymentMethod, PaymentStatus, Result, ShopDay, Source,
};
use crate::security::Keys;

/// Who reads an order, and in which language.
#[derive(Clone)]
pub(super) struct View {
    locale: Locale,
    is_staff: bool,
    /// Where a transfer goes.
    transfer_details: Option<String>,
}

impl View {
    /// The public reads in its own language, staff in the shop's.
    pub(super) fn of(context: &Context, settings: &Settings) -> View {
        let is_staff = context.caller.is_staff();
        let locale = if is_staff { context.shop.locale } else { context.locale };
        View { locale, is_staff, transfer_details: settings.shop.transfer_details.clone() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderBody {
    id: String,
    order_number: String,
    status: &'static str,
    payment_status: &'static str,
    payment_method: PaymentMethod,
    #[serde(skip_serializing_if = "Option::is_none")]
    transfer_details: Option<String>,
    is_pickup: bool,
    customer: Value,
    delivery: Value,
    items: Vec<ItemBody>,
    subtotal: String,
    delivery_fee: String,
    discount: String,
    tax: String,
    tax_included: bool,
    total_amount: String,
    refunded_amount: String,
    currency: String,
    due_at: String,
    business_day: String,
    source: &'static str,
    notes: Option<String>,
    metadata: Map<String, Value>,
    history: Vec<Value>,
    version: i64,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemBody {
    id: String,
    product_id: String,
    sku: String,
    name: String,
    unit_price: String,
    quantity: i64,
    options: Map<String, Value>,
    options_text: String,
    line_total: String,
}

fn pick(locale: Locale, en: Option<&String>, ar: Option<&String>) -> String {
    let (own, other) = if locale == Locale::En { (en, ar) } else { (ar, en) };
    own.or(other).cloned().unwrap_or_default()
}

fn without_nulls(object: Value) -> Value {
    match object {
        Value::Object(fields) => fields.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>().into(),
        other => other,
    }
}

pub(super) fn order_body(order: &Order, view: &View) -> OrderBody {
    let currency = Currency::from_code(&order.currency).unwrap_or(Currency::JOD);
    let money = |minor| Money::from_minor(minor, currency).to_string();
    let customer = json!({
        "id": order.customer.id.map(|id| id.to_string()),
        "name": order.customer.name,
        "email": order.customer.email,
        "phone": order.customer.phone,
    });
    let delivery = order.delivery.as_ref().map_or_else(|| json!({}), |delivery| json!(delivery));
    OrderBody {
        id: order.id.to_string(),
        order_number: order_number(order.number_day, order.number),
        status: order.status.code(),
        payment_status: order.payment_status.code(),
        payment_method: order.payment_method,
        transfer_details: view.transfer_details.clone().filter(|_| awaits_transfer(order)),
        is_pickup: order.fulfilment == Fulfilment::Pickup,
        customer: without_nulls(customer),
        delivery,
        items: order.lines.iter().map(|line| item_body(line, currency, view.locale)).collect(),
        subtotal: money(order.totals.subtotal),
        delivery_fee: money(order.totals.delivery_fee),
        discount: money(order.totals.discount),
        tax: money(order.totals.tax),
        tax_included: order.totals.tax_included,
        total_amount: money(order.totals.total),
        refunded_amount: money(order.refunded),
        currency: order.currency.clone(),
        due_at: order.due_at.to_string(),
        business_day: ShopDay::from_number(order.business_day).map_or_else(String::new, |day| day.to_string()),
        source: order.source.code(),
        notes: order.notes.clone(),
        metadata: order.metadata.clone().filter(|_| view.is_staff).unwrap_or_default(),
        history: history(order, view),
        version: order.version,
        created_at: order.created_at.to_string(),
        updated_at: order.updated_at.to_string(),
    }
}

/// Links that open a phone's own programs, for staff.
pub(super) fn contact_body(contact: &Contact) -> Value {
    json!({ "text": contact.text, "whatsapp": contact.whatsapp, "sms": contact.sms })
}

fn contact_schema() -> Value {
    json!({
        "type": ["object", "null"],
        "description": "For staff, where one order is read: what to write to the customer of the order as it stands, in the customer's language, and links that open WhatsApp or the phone's messages with it. Null without a phone.",
        "required": ["text", "whatsapp", "sms"],
        "properties": {
            "text": { "type": "string" },
            "whatsapp": { "type": "string", "format": "uri", "example": "https://wa.me/962790000000?text=Bayader%3A%20order%20B-261125-0042%20is%20ready" },
            "sms": { "type": "string", "format": "uri", "example": "sms:+962790000000?body=Bayader%3A%20order%20B-261125-0042%20is%20ready" },
        },
        "additionalProperties": false,
    })
}

/// Whether its customer has still to send the money to the shop's account.
fn awaits_transfer(order: &Order) -> bool {
    order.payment_method == PaymentMethod::TRANSFER
        && order.payment_status == PaymentStatus::Pending
        && order.status != OrderStatus::Cancelled
}

fn item_body(line: &Line, currency: Currency, locale: Locale) -> ItemBody {
    let money = |minor| Money::from_minor(minor, currency).to_string();
    ItemBody {
        id: line.id.to_string(),
        product_id: line.product.to_string(),
        sku: line.sku.clone(),
        name: pick(locale, line.name_en.as_ref(), line.name_ar.as_ref()),
        unit_price: money(line.unit_price),
        quantity: line.quantity,
        options: line.options.clone().unwrap_or_default(),
        options_text: pick(locale, line.options_text_en.as_ref(), line.options_text_ar.as_ref()),
        line_total: money(line.line_total),
    }
}

/// The placing, which stands in the order's own row, then each move. What staff noted is for staff.
fn history(order: &Order, view: &View) -> Vec<Value> {
    let placed = json!({ "at": order.created_at.to_string(), "status": OrderStatus::Pending.code(), "by": order.placed_by });
    let moves = order.history.iter().map(|row| {
        let note = row.note.as_ref().filter(|_| view.is_staff);
        let undo = row.is_undo.then_some(true);
        without_nulls(
            json!({ "at": row.at.to_string(), "status": row.status.code(), "by": row.actor, "note": note, "undo": undo }),
        )
    });
    std::iter::once(placed).chain(moves).collect()
}

/// The answer to a placed order, as it is kept: without a token.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlacedBody {
    order_id: String,
    order_number: String,
    status: String,
    payment_status: String,
    total_amount: String,
    currency: String,
    due_at: String,
    order_url: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    access_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    next: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    warnings: Vec<Value>,
}

pub(super) fn placed(placed: &Placed, order_url: &str) -> PlacedBody {
    let order = &placed.order;
    let currency = Currency::from_code(&order.currency).unwrap_or(Currency::JOD);
    let warnings = placed.warning.map(place::warning_text).map(|(code, message)| json!({ "code": code, "message": message }));
    PlacedBody {
        order_id: order.id.to_string(),
        order_number: order_number(order.number_day, order.number),
        status: order.status.code().to_owned(),
        payment_status: order.payment_status.code().to_owned(),
        total_amount: Money::from_minor(order.totals.total, currency).to_string(),
        currency: order.currency.clone(),
        due_at: order.due_at.to_string(),
        order_url: order_url.to_owned(),
        access_token: None,
        next: awaits_checkout(order).then(|| "checkout".to_owned()),
        warnings: warnings.into_iter().collect(),
    }
}

/// Whether its customer has still to pay through a gateway.
fn awaits_checkout(order: &Order) -> bool {
    !order.payment_method.is_offline() && order.status == OrderStatus::Pending
}

/// The kept answer with the order's token in the link to its page, which no bearer reaches; a guest is told it by itself too. A new
/// order's token has version 1.
pub(super) fn add_token(kept: &Bytes, keys: &Keys, is_guest: bool) -> Result<Bytes> {
    let mut body: PlacedBody = serde_json::from_slice(kept).map_err(Fault::new)?;
    let order = OrderId::parse(&body.order_id).ok_or_else(|| Fault::because("a kept answer names its order"))?;
    let token = keys.order_token(order, 1);
    body.order_url = format!("{}?token={token}", body.order_url);
    body.access_token = is_guest.then_some(token);
    respond::to_bytes(&body)
}

fn words(all: impl Iterator<Item = &'static str>) -> Value {
    json!({ "type": "string", "enum": all.collect::<Vec<_>>() })
}

fn statuses() -> Value {
    words(OrderStatus::ALL.iter().map(|status| status.code()))
}

fn payment_statuses() -> Value {
    words(PaymentStatus::ALL.iter().map(|status| status.code()))
}

pub(super) fn placed_shape() -> Shape {
    let schema = json!({
        "type": "object",
        "required": ["orderId", "orderNumber", "status", "paymentStatus", "totalAmount", "currency", "dueAt", "orderUrl"],
        "properties": {
            "orderId": { "type": "string", "format": "uuid" },
            "orderNumber": { "type": "string", "description": "For people: the day and a counter.", "example": "B-261125-0042" },
            "status": statuses(), "paymentStatus": payment_statuses(),
            "totalAmount": { "type": "string" }, "currency": { "type": "string" },
            "dueAt": { "type": "string", "format": "date-time", "description": "When it is to be ready." },
            "orderUrl": { "type": "string", "format": "uri", "description": "The order's page, for its buyer: who has the link reads, pays and cancels. Staff get it without the token that opens it." },
            "accessToken": { "type": "string", "description": "For guests: reads, pays and cancels the order, as X-Order-Token." },
            "next": { "type": "string", "enum": ["checkout"], "description": "There while an online payment is due: POST /api/v1/payments/checkout is next." },
            "warnings": {
                "type": "array",
                "description": "For staff: what another caller would have been refused for.",
                "items": {
                    "type": "object", "required": ["code", "message"],
                    "properties": { "code": { "type": "string" }, "message": { "type": "string" } },
                },
            },
        },
        "additionalProperties": false,
    });
    let example = json!({
        "orderId": ORDER_ID, "orderNumber": "B-261125-0042", "status": "Pending", "paymentStatus": "Pending",
        "totalAmount": "1.800", "currency": "JOD", "dueAt": "2026-11-25T11:47:45.000Z",
        "orderUrl": format!("https://bakery.example/o/{ORDER_ID}?token=Zk3pQ9sT1vW5xY7bC2dF4gH6jK8mN0qR"),
        "accessToken": "Zk3pQ9sT1vW5xY7bC2dF4gH6jK8mN0qR",
    });
    Shape::named("PlacedOrder", schema, example)
}

/// Of examples.
const ORDER_ID: &str = "01936f2b-0d10-7000-8000-5a6b7c8d9e01";

pub(super) fn order_shape() -> Shape {
    let payment = money::shapes::payment_shape();
    let text = || json!({ "type": "string" });
    let money = || json!({ "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?$" });
    let moment = || json!({ "type": "string", "format": "date-time" });
    let line = json!({
        "type": "object",
        "required": ["id", "productId", "sku", "name", "unitPrice", "quantity", "options", "optionsText", "lineTotal"],
        "properties": {
            "id": text(), "productId": { "type": "string", "format": "uuid" }, "sku": text(), "name": text(),
            "unitPrice": money(), "quantity": { "type": "integer" },
            "options": { "type": "object", "description": "What was chosen, by the group's code." },
            "optionsText": { "type": "string", "description": "The same in words." }, "lineTotal": money(),
        },
        "additionalProperties": false,
    });
    let step = json!({
        "type": "object", "required": ["at", "status", "by"],
        "properties": {
            "at": moment(), "status": statuses(), "by": text(),
            "note": { "type": "string", "description": "For staff." },
            "undo": { "type": "boolean", "description": "This step took back the one before." },
        },
        "additionalProperties": false,
    });
    let schema = json!({
        "type": "object",
        "required": ["id", "orderNumber", "status", "paymentStatus", "paymentMethod", "isPickup", "customer", "delivery", "items", "subtotal",
            "deliveryFee", "discount", "tax", "taxIncluded", "totalAmount", "refundedAmount", "currency", "dueAt", "businessDay", "source",
            "metadata", "history", "version", "createdAt", "updatedAt"],
        "properties": {
            "id": { "type": "string", "format": "uuid" }, "orderNumber": text(), "status": statuses(), "paymentStatus": payment_statuses(),
            "paymentMethod": PaymentMethod::schema(),
            "transferDetails": { "type": "string", "description": "Where to send the money; there while a transfer is awaited." },
            "isPickup": { "type": "boolean" },
            "customer": { "type": "object", "required": ["name"], "properties": { "id": text(), "name": text(), "email": text(), "phone": text() } },
            "delivery": { "type": "object", "description": "Address, day and time as they were asked for." },
            "items": { "type": "array", "items": line },
            "subtotal": money(), "deliveryFee": money(), "discount": money(), "tax": money(),
            "taxIncluded": { "type": "boolean", "description": "Whether the prices hold the tax already." },
            "totalAmount": money(), "refundedAmount": money(), "currency": text(),
            "dueAt": moment(), "businessDay": { "type": "string", "format": "date", "description": "The shop's day in whose books it stands." },
            "source": words(Source::ALL.iter().map(|source| source.code())), "notes": { "type": ["string", "null"] },
            "metadata": { "type": "object", "description": "For staff; empty for others." },
            "history": { "type": "array", "items": step },
            "payments": {
                "type": "array", "items": payment.schema(),
                "description": "For staff, where one order is read: each attempt to take money for it, the last one first.",
            },
            "contact": contact_schema(),
            "version": { "type": "integer" }, "createdAt": moment(), "updatedAt": moment(),
        },
        "additionalProperties": false,
    });
    let example = json!({
        "id": ORDER_ID, "orderNumber": "B-261125-0042", "status": "Confirmed", "paymentStatus": "Pending", "paymentMethod": "cash",
        "isPickup": true, "customer": { "name": "Layla", "phone": "+962790000000" }, "delivery": {},
        "items": [{
            "id": "01936f2b-0d10-7000-8000-5a6b7c8d9e02", "productId": "01936f2a-7c11-7000-8000-0a1b2c3d4e01", "sku": "BRD-012",
            "name": "Maarouk", "unitPrice": "0.900", "quantity": 2, "options": { "filling": "dates" }, "optionsText": "Filling: Dates",
            "lineTotal": "1.800",
        }],
        "subtotal": "1.800", "deliveryFee": "0.000", "discount": "0.000", "tax": "0.248", "taxIncluded": true, "totalAmount": "1.800",
        "refundedAmount": "0.000", "currency": "JOD", "dueAt": "2026-11-25T11:47:45.000Z", "businessDay": "2026-11-25", "source": "web",
        "notes": null, "metadata": {},
        "history": [
            { "at": "2026-11-25T10:47:45.000Z", "status": "Pending", "by": "guest" },
            { "at": "2026-11-25T10:49:02.000Z", "status": "Confirmed", "by": "staff" },
        ],
        "version": 2, "createdAt": "2026-11-25T10:47:45.000Z", "updatedAt": "2026-11-25T10:49:02.000Z",
    });
    Shape::named("Order", schema, example).of(&[&payment])
}
