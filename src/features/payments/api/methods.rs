//! `/payments/methods`: how orders can be paid.

use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};

use crate::features::payments::Gateway;
use crate::features::{AppState, orders};
use crate::http::input::{Fields, Input};
use crate::http::problem::not_found;
use crate::http::{Answer, Context, Query, Route, Shape, respond};
use crate::kernel::{Locale, Money, OrderId, PaymentMethod};

pub(super) fn routes() -> Vec<Route<AppState>> {
    vec![
        Route::get("/api/v1/payments/methods", methods, "List how an order can be paid")
            .describe("What the owner has switched on, for this caller: the terminal on the counter is for staff. `code` is what `paymentMethod` of an order and of a checkout takes. With `order_id`, which asks for what reading that order asks for, without those whose provider cannot express what is still owed for it.")
            .query::<MethodsQuery>()
            .parameter("order_id", "For this order.")
            .order_token()
            .answers(200, "The methods that the shop offers, in the caller's language", shape())
            .refuses(&[&orders::problems::TOKEN_EXPIRED, &crate::kernel::problem::kinds::NOT_FOUND]),
    ]
}

/// The order's token may stand in the query of a link.
struct MethodsQuery {
    order: Option<OrderId>,
}

impl Input for MethodsQuery {
    const NAME: &'static str = "PaymentMethodsQuery";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let order = fields.opt("order_id");
        fields.opt_with("token", || json!({ "type": "string" }), |_, _, _| Some(()));
        Some(MethodsQuery { order })
    }
}

async fn methods(State(shop): State<AppState>, context: Context, Query(query): Query<MethodsQuery>) -> Answer {
    let owed = match query.order {
        Some(order) => {
            orders::api::check_access(&shop, &context, order).await?;
            let found = shop.db.read(move |reader| orders::payable(reader, order)).await?.ok_or_else(not_found)?;
            Some(Money::from_minor((found.total_minor - found.captured_minor).max(0), found.currency))
        }
        None => None,
    };
    let settings = shop.settings.get();
    let at_the_shop = PaymentMethod::OFFLINE
        .iter()
        .filter(|method| **method != PaymentMethod::CARD_MACHINE || context.caller.is_staff())
        .filter(|method| settings.offers(**method))
        .map(|method| json!({ "code": method.code(), "name": name(*method, context.locale), "kind": "offline" }));
    let by_gateways = shop
        .gateways
        .iter()
        .filter(|gateway| settings.offers(gateway.method()))
        .filter(|gateway| owed.is_none_or(|owed| gateway.expresses(owed).is_ok()))
        .map(|gateway| online(gateway.as_ref(), context.locale));
    let data: Vec<Value> = at_the_shop.chain(by_gateways).collect();
    respond::json(&context, StatusCode::OK, &json!({ "data": data }))
}

fn online(gateway: &dyn Gateway, locale: Locale) -> Value {
    let kind = gateway.flows().first().map_or("redirect", |flow| flow.code());
    let mut told = json!({ "code": gateway.method().code(), "name": gateway.name(locale), "kind": kind });
    if let Some(key) = gateway.publishable_key() {
        told["publishableKey"] = key.into();
    }
    told
}

fn name(method: PaymentMethod, locale: Locale) -> &'static str {
    match (method, locale) {
        (PaymentMethod::CARD_MACHINE, Locale::En) => "Card at the counter",
        (PaymentMethod::CARD_MACHINE, Locale::Ar) => "بطاقة عند الصندوق",
        (PaymentMethod::TRANSFER, Locale::En) => "Bank transfer",
        (PaymentMethod::TRANSFER, Locale::Ar) => "حوالة بنكية",
        (_, Locale::En) => "Cash",
        (_, Locale::Ar) => "نقدًا",
    }
}

fn shape() -> Shape {
    let kind = "`offline`: paid at the shop, at the door or by a transfer. `redirect`: on the provider's page. `elements`: in the \
                provider's fields on your own page; a checkout may ask for its page all the same.";
    let schema = json!({
        "type": "object",
        "required": ["data"],
        "properties": { "data": { "type": "array", "items": {
            "type": "object",
            "required": ["code", "name", "kind"],
            "properties": {
                "code": { "type": "string", "description": "What `paymentMethod` of an order takes.", "example": "cash" },
                "name": { "type": "string", "example": "Cash" },
                "kind": { "type": "string", "enum": ["offline", "redirect", "elements"], "description": kind },
                "publishableKey": { "type": "string", "description": "What the provider's fields on a page are made with." },
            },
            "additionalProperties": false,
        } } },
        "additionalProperties": false,
    });
    let example = json!({ "data": [
        { "code": "cash", "name": "Cash", "kind": "offline" },
        { "code": "stripe", "name": "Card", "kind": "redirect", "publishableKey": "pk_live_51H8" },
    ] });
    Shape::named("PaymentMethods", schema, example)
}
