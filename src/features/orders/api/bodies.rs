//! What callers send about orders.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::features::catalog;
use crate::features::orders::model::{Customer, Delivery};
use crate::features::orders::place::{Item, PlaceOrder, Wanted};
use crate::features::orders::queries::OrderFilter;
use crate::features::orders::rules::Asked;
use crate::features::settings::Settings;
use crate::http::Context;
use crate::http::input::{Fields, Input, Metadata, read_moment, read_span, there, wrong_type};
use crate::http::page::Paging;
use crate::kernel::pieces::{MAX_LINES, MAX_QUANTITY};
use crate::kernel::text::{Lines, fold_digits};
use crate::kernel::{
    Actor, Address, AddressId, At, Email, Faults, Fulfilment, Money, Name, Note, OrderStatus, PaymentMethod, Phone, ProductId,
    Reason, ShopDay, UserId,
};
use crate::security::token::TokenHash;

/// The most characters that are read of a token: what is longer is none of ours.
const MAX_TOKEN: usize = 200;

struct ItemBody(Item);

impl Input for ItemBody {
    const NAME: &'static str = "OrderItem";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let product: Option<ProductId> = fields.req("productId");
        let quantity = fields.req_int("quantity", 1..=MAX_QUANTITY);
        let options = fields.opt_with("options", catalog::options_schema, |value, at, faults| match value {
            Value::Object(_) => Some(value.clone()),
            _ => wrong_type(at, faults, "an object of option groups"),
        });
        Some(ItemBody(Item { product: product?, quantity: quantity?, options }))
    }
}

struct CustomerBody {
    name: Name,
    email: Option<Email>,
    phone: Option<Phone>,
}

impl Input for CustomerBody {
    const NAME: &'static str = "CustomerInfo";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let (name, email, phone) = (fields.req("name"), fields.opt("email"), fields.opt("phone"));
        Some(CustomerBody { name: name?, email, phone })
    }
}

struct DeliveryBody {
    address: Option<Address>,
    address_id: Option<AddressId>,
    day: Option<ShopDay>,
    time: Option<jiff::civil::Time>,
    notes: Option<String>,
}

impl Input for DeliveryBody {
    const NAME: &'static str = "DeliveryInfo";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let address = fields.opt("address");
        let address_id = fields.opt("addressId");
        fields.rule(json!({ "not": { "allOf": [there("address"), there("addressId")] } }));
        if fields.has("address") && fields.has("addressId") {
            fields.fault("addressId", "address_and_address_id", "address and addressId do not go together; leave one out");
        }
        let day = fields.opt("date");
        let time = fields.opt_with(
            "time",
            || json!({ "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "example": "09:30" }),
            |value, at, faults| {
                let text = value.as_str().map(fold_digits).filter(|text| text.len() == 5);
                let time = text.and_then(|text| jiff::civil::Time::strptime("%H:%M", text).ok());
                if time.is_none() {
                    faults.add(at, "invalid_time", "must be a time such as 09:30");
                }
                time
            },
        );
        fields.rule(json!({ "if": there("time"), "then": there("date") }));
        if fields.has("time") && !fields.has("date") {
            fields.fault("date", "required", "is required where a time is given");
        }
        let notes = fields.opt_text("notes", Lines::Many, 1..=2_000);
        Some(DeliveryBody { address, address_id, day, time, notes })
    }
}

/// `POST /orders`.
pub(super) struct PlaceBody {
    wanted: Wanted,
    customer: Option<CustomerBody>,
    delivery: Option<DeliveryBody>,
    method: PaymentMethod,
    notes: Option<Note>,
    is_pickup: bool,
    expected_total: Option<Money>,
    metadata: Option<Metadata>,
    customer_id: Option<UserId>,
    collected: bool,
}

impl Input for PlaceBody {
    const NAME: &'static str = "OrderPlace";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let wanted = read_wanted(fields);
        let customer: Option<CustomerBody> = fields.opt("customerInfo");
        let delivery: Option<DeliveryBody> = fields.opt("deliveryInfo");
        let method = fields.req("paymentMethod");
        let notes = fields.opt("notes");
        let is_pickup = fields.opt("isPickup").unwrap_or(true);
        let expected_total = fields.opt("expectedTotal");
        let metadata = fields.opt("metadata");
        let customer_id = fields.opt("customerId");
        let collected = fields.opt("collected").unwrap_or(false);
        fields.rule(json!({
            "if": { "required": ["isPickup"], "properties": { "isPickup": { "const": false } } },
            "then": {
                "required": ["deliveryInfo"],
                "properties": { "deliveryInfo": { "anyOf": [there("address"), there("addressId")] } },
            },
        }));
        if !is_pickup && delivery.as_ref().is_none_or(|delivery| delivery.address.is_none() && delivery.address_id.is_none()) {
            fields.fault(
                "deliveryInfo.address",
                "required",
                "is required unless isPickup; it, or the addressId of a saved one",
            );
        }
        if collected && method.is_some_and(|method: PaymentMethod| !method.is_offline()) {
            fields.fault("collected", "offline_only", "is for what is paid at the shop: cash, card_machine or transfer");
        }
        if let Some(by) = fields.sender() {
            check_sender(fields, by, customer.as_ref());
            if by == Actor::Guest && delivery.as_ref().is_some_and(|delivery| delivery.address_id.is_some()) {
                fields.fault("deliveryInfo.addressId", "account_only", "is for who is signed in; give the address itself");
            }
        }
        Some(PlaceBody {
            wanted: wanted?,
            customer,
            delivery,
            method: method?,
            notes,
            is_pickup,
            expected_total,
            metadata,
            customer_id,
            collected,
        })
    }
}

/// Exactly one of `items` and `cartToken`.
fn read_wanted(fields: &mut Fields<'_, '_>) -> Option<Wanted> {
    let items = fields.opt_list::<ItemBody>("items", 1..=MAX_LINES);
    let token = fields.opt_text("cartToken", Lines::One, 1..=MAX_TOKEN);
    fields.rule(json!({ "oneOf": [there("items"), there("cartToken")] }));
    let (has_items, has_token) = (fields.has("items"), fields.has("cartToken"));
    if has_items == has_token {
        let (code, message) = if has_items {
            ("one_of", "stands beside the other one: send either items or cartToken")
        } else {
            ("required", "is required: send either items or cartToken")
        };
        fields.fault("items", code, message);
        fields.fault("cartToken", code, message);
        return None;
    }
    let items = items.map(|items| Wanted::Items(items.into_iter().map(|item| item.0).collect()));
    items.or(token.map(|token| Wanted::Cart(TokenHash::of(&token))))
}

/// What only staff may say is refused from others, and a guest must be reachable.
fn check_sender(fields: &mut Fields<'_, '_>, by: Actor, customer: Option<&CustomerBody>) {
    if !by.is_staff() {
        for name in ["metadata", "customerId", "collected"] {
            if fields.has(name) {
                fields.fault(name, "staff_only", "is for staff");
            }
        }
    }
    if by == Actor::Guest {
        if !fields.has("customerInfo") {
            fields.fault("customerInfo", "required", "is required: name and phone");
        } else if customer.is_some_and(|customer| customer.phone.is_none()) {
            fields.fault("customerInfo.phone", "required", "is required, so that the shop can call");
        }
    } else if by.is_staff() && !fields.has("customerInfo") && !fields.has("customerId") {
        fields.fault("customerInfo", "required", "is required: a name is enough");
    }
}

impl PlaceBody {
    /// The command, for this caller.
    pub(super) fn into_command(self, context: &Context, settings: Arc<Settings>) -> PlaceOrder {
        let is_staff = context.caller.is_staff();
        let asked = self.delivery.as_ref().and_then(|delivery| delivery.day.map(|day| Asked { day, time: delivery.time }));
        PlaceOrder {
            wanted: self.wanted,
            customer: self.customer.map(|customer| Customer {
                id: None,
                name: customer.name.into_string(),
                email: customer.email.map(|email| email.as_str().to_owned()),
                phone: customer.phone.map(|phone| phone.as_str().to_owned()),
            }),
            account: if is_staff { self.customer_id } else { context.caller.user() },
            locale: context.locale,
            fulfilment: if self.is_pickup { Fulfilment::Pickup } else { Fulfilment::Delivery },
            address_id: self.delivery.as_ref().and_then(|delivery| delivery.address_id),
            delivery: self.delivery.map(|delivery| Delivery {
                address: delivery.address,
                date: delivery.day.map(|day| day.to_string()),
                time: delivery.time.map(|time| time.strftime("%H:%M").to_string()),
                notes: delivery.notes,
            }),
            asked,
            method: self.method,
            notes: self.notes.map(Note::into_string),
            metadata: self.metadata.map(|metadata| metadata.0),
            expected_total: self.expected_total,
            collected: self.collected,
            by: context.caller.actor(),
            guest: None,
            settings,
        }
    }
}

/// `PUT /orders/{id}/status`.
pub(super) struct StatusBody {
    pub status: OrderStatus,
    pub note: Option<String>,
    pub version: Option<i64>,
    pub restock: Option<bool>,
    pub force: bool,
}

impl Input for StatusBody {
    const NAME: &'static str = "OrderStatusChange";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let status = fields.req("status");
        let note = fields.opt::<Note>("note").map(Note::into_string);
        let version = fields.opt_int("version", 1..=i64::MAX);
        let (restock, force) = (fields.opt("restock"), fields.opt("force").unwrap_or(false));
        fields.rule(json!({
            "if": { "required": ["force"], "properties": { "force": { "const": true } } },
            "then": there("note"),
        }));
        if force && note.is_none() {
            fields.fault("note", "required", "is required with force");
        }
        Some(StatusBody { status: status?, note, version, restock, force })
    }
}

/// `POST /orders/{id}/cancel`.
pub(super) struct CancelBody {
    pub reason: Option<String>,
    pub restock: Option<bool>,
    pub refund: Option<bool>,
}

impl Input for CancelBody {
    const NAME: &'static str = "OrderCancel";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let reason = fields.opt::<Reason>("reason").map(Reason::into_string);
        let (restock, refund) = (fields.opt("restock"), fields.opt("refund"));
        fields.rule(json!({
            "if": { "required": ["refund"], "properties": { "refund": { "const": false } } },
            "then": there("reason"),
        }));
        if refund == Some(false) && reason.is_none() {
            fields.fault("reason", "required", "is required where nothing is given back");
        }
        Some(CancelBody { reason, restock, refund })
    }
}

/// `POST /orders/{id}/undo`.
pub(super) struct UndoBody {
    pub version: i64,
}

impl Input for UndoBody {
    const NAME: &'static str = "OrderUndo";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let version = fields.req_int("version", 1..=i64::MAX);
        Some(UndoBody { version: version? })
    }
}

/// `POST /orders/{id}/collect`.
pub(super) struct CollectBody {
    pub amount: Option<Money>,
    pub method: PaymentMethod,
    pub reference: Option<String>,
}

impl Input for CollectBody {
    const NAME: &'static str = "OrderCollect";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let amount: Option<Money> = fields.opt("amount");
        if amount.is_some_and(|amount| amount.minor() == 0) {
            fields.fault("amount", "out_of_range", "must be above zero");
        }
        let method = fields.opt_with("method", offline_schema, read_offline).unwrap_or(PaymentMethod::CASH);
        let reference = fields.opt_text("reference", Lines::One, 1..=200);
        Some(CollectBody { amount, method, reference })
    }
}

fn offline_schema() -> Value {
    json!({ "type": "string", "enum": PaymentMethod::OFFLINE, "default": "cash" })
}

fn read_offline(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<PaymentMethod> {
    let known = value.as_str().and_then(PaymentMethod::from_code).filter(|method| method.is_offline());
    if known.is_none() {
        faults.add(at, "unknown_value", "must be cash, card_machine or transfer; a gateway tells by itself what it took");
    }
    known
}

/// `GET /orders/{id}`: the token may stand in the query of a link.
pub(super) struct OrderQuery;

impl Input for OrderQuery {
    const NAME: &'static str = "OrderQuery";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        // Any text may be tried; a wrong one is answered with 404 later.
        fields.opt_with("token", || json!({ "type": "string" }), |_, _, _| Some(()));
        Some(OrderQuery)
    }
}

/// `GET /orders`.
pub(super) struct ListQuery(pub OrderFilter);

impl Input for ListQuery {
    const NAME: &'static str = "OrderListQuery";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let (status, payment_status, payment_method) =
            (fields.opt("status"), fields.opt("payment_status"), fields.opt("payment_method"));
        let (fulfilment, day) = (fields.opt("fulfilment"), fields.opt("day"));
        let (from, to) = read_span(fields);
        let text = fields.opt_text("q", Lines::One, 1..=200);
        let customer = fields.opt("customer_id");
        let updated_since = read_moment(fields, "updated_since", false);
        let paging = Paging::read(fields)?;
        Some(ListQuery(OrderFilter {
            status,
            payment_status,
            payment_method,
            fulfilment,
            day,
            from,
            to,
            text,
            customer,
            updated_since,
            paging,
        }))
    }
}
