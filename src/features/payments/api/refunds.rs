//! `POST /payments/:id/refund` and `/resolve`.

use axum::extract::State;
use serde_json::{Value, json};
use uuid::Uuid;

use super::list::payment_links;
use crate::features::AppState;
use crate::features::money::{self, Refund, Told};
use crate::features::payments::refund::{RefundPayment, WantedLine, What};
use crate::features::payments::refund_problems as problems;
use crate::features::payments::resolve::{Action, Resolve};
use crate::http::idempotency::{IdempotencyKey, Kept, once};
use crate::http::input::{Fields, FromJson, Input, there};
use crate::http::{Answer, Body, Context, Id, Link, Route, respond};
use crate::kernel::{At, Faults, Money, PaymentId, Reason};

/// Pieces of one line, and lines of one order (SPEC 2).
const MOST_PIECES: i64 = 1_000;
const MOST_LINES: usize = 100;

pub(super) fn routes() -> Vec<Route<AppState>> {
    let line = json!({ "itemId": "01936f2b-0d10-7000-8000-5a6b7c8d9e02", "quantity": 1, "restock": false });
    vec![
        Route::post("/api/v1/payments/{id}/refund", post_refund, "Give money back")
            .describe("By `amount`, by line (`items`), or all that is left. By line it is the line's share, so that all parts of a line come to exactly what was paid for it; the delivery fee goes back by `amount` alone. `restock` puts the pieces back on the shelf. Without a gateway it is done at once; a gateway's refund is `pending` until it has said how it ended.")
            .body::<RefundBody>()
            .example("All that is left", json!({ "reason": "The oven broke" }))
            .example("A part", json!({ "amount": "0.900", "reason": "One loaf was burnt" }))
            .example("By line", json!({ "items": [line], "reason": "One loaf was burnt" }))
            .idempotent()
            .answers(201, "The refund, begun", money::shapes::refund_shape())
            .links([
                Link::to("payment", "GET /api/v1/payments/{id}", "The payment with its refunds").with("id", "$response.body#/paymentId"),
            ])
            .refuses(&[&problems::REFUND_EXCEEDS_CAPTURED, &problems::NOTHING_CAPTURED, &problems::PAYMENT_DISPUTED])
            .refuses(&[&problems::PAYMENT_PARKED, &problems::GATEWAY_MISSING, &crate::features::inventory::problems::STOCK_OUT_OF_RANGE]),
        Route::post("/api/v1/payments/{id}/resolve", post_resolve, "Say what becomes of money that does not fit")
            .describe("A payment is `parked` when another amount or currency came than was asked for. `accept` books what came, and the order follows: what is too much goes back by itself, and what is missing stays owed. `refund` sends it back, and the order stays to be paid. Money in another currency than the order's can only go back.")
            .body::<ResolveBody>()
            .example("Take it", json!({ "action": "accept", "reason": "The customer agreed on the phone" }))
            .example("Send it back", json!({ "action": "refund", "reason": "Paid in dollars" }))
            .idempotent()
            .answers(200, "The payment", money::shapes::payment_shape())
            .links(payment_links("$response.body"))
            .refuses(&[&problems::NOT_PARKED, &problems::PARKED_CURRENCY, &problems::GATEWAY_MISSING]),
    ]
}

/// A line's id. One that is malformed names no line.
struct ItemId(Uuid);

impl FromJson for ItemId {
    fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        let id = value.as_str().filter(|text| text.len() == 36).and_then(|text| Uuid::try_parse(text).ok());
        if id.is_none() {
            faults.add(at, "invalid_id", "must be the id of a line of the order");
        }
        id.map(ItemId)
    }

    fn schema() -> Value {
        json!({ "type": "string", "format": "uuid" })
    }
}

struct LineBody(WantedLine);

impl Input for LineBody {
    const NAME: &'static str = "RefundLine";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let item: Option<ItemId> = fields.req("itemId");
        let quantity = fields.req_int("quantity", 1..=MOST_PIECES);
        let restock = fields.opt("restock").unwrap_or(false);
        Some(LineBody(WantedLine { item: item?.0, quantity: quantity?, restock }))
    }
}

struct RefundBody {
    what: What,
    reason: String,
}

impl Input for RefundBody {
    const NAME: &'static str = "PaymentRefund";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        fields.rule(json!({ "not": { "allOf": [there("amount"), there("items")] } }));
        let amount: Option<Money> = fields.opt("amount");
        if amount.is_some_and(|amount| amount.minor() == 0) {
            fields.fault("amount", "out_of_range", "must be above zero");
        }
        let items: Option<Vec<LineBody>> = fields.opt_list("items", 1..=MOST_LINES);
        if fields.has("amount") && fields.has("items") {
            fields.fault("items", "amount_and_items", "amount and items do not go together; leave one out");
        }
        let reason = fields.req::<Reason>("reason").map(Reason::into_string);
        let what = match (amount, items) {
            (Some(amount), _) => What::Amount(amount.minor()),
            (None, Some(items)) => What::Lines(items.into_iter().map(|line| line.0).collect()),
            (None, None) => What::Left,
        };
        Some(RefundBody { what, reason: reason? })
    }
}

impl FromJson for Action {
    fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        let action = value.as_str().and_then(Action::from_code);
        if action.is_none() {
            faults.add(at, "unknown_value", "must be accept or refund");
        }
        action
    }

    fn schema() -> Value {
        json!({ "type": "string", "enum": Action::ALL.iter().map(|action| action.code()).collect::<Vec<_>>() })
    }
}

struct ResolveBody {
    action: Action,
    reason: String,
}

impl Input for ResolveBody {
    const NAME: &'static str = "PaymentResolve";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let action = fields.req("action");
        let reason = fields.req::<Reason>("reason").map(Reason::into_string);
        Some(ResolveBody { action: action?, reason: reason? })
    }
}

async fn post_refund(
    State(shop): State<AppState>,
    context: Context,
    Id(payment): Id<PaymentId>,
    Body(body): Body<RefundBody>,
) -> Answer {
    let key = IdempotencyKey::of(&context)?;
    let currency = context.shop.currency;
    let command = RefundPayment {
        payment,
        what: body.what,
        reason: body.reason,
        currency,
        gateways: shop.gateways.clone(),
        by: context.caller.actor(),
    };
    let kept = shop
        .db
        .write(once(key, command, move |refund: &Refund| {
            let body = money::shapes::refund_body(refund, currency.code());
            Ok(Kept::created(format!("/api/v1/payments/{payment}"), respond::to_bytes(&body)?))
        }))
        .await?;
    kept.answer(&context)
}

async fn post_resolve(
    State(shop): State<AppState>,
    context: Context,
    Id(payment): Id<PaymentId>,
    Body(body): Body<ResolveBody>,
) -> Answer {
    let key = IdempotencyKey::of(&context)?;
    let command = Resolve {
        payment,
        action: body.action,
        reason: body.reason,
        gateways: shop.gateways.clone(),
        by: context.caller.actor(),
    };
    let kept = shop
        .db
        .write(once(key, command, |told: &Told| Ok(Kept::ok(respond::to_bytes(&money::shapes::payment_body(told))?))))
        .await?;
    kept.answer(&context)
}
