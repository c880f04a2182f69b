//! `/payments`: how orders are paid.

use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};

use crate::features::AppState;
use crate::http::{Answer, Context, Route, respond};
use crate::kernel::{Locale, PaymentMethod};

/// Every route of this feature.
#[must_use]
pub fn routes() -> Vec<Route<AppState>> {
    vec![Route::get("/api/v1/payments/methods", methods, "List how an order can be paid").answers(
        200,
        "The methods that the shop offers, in the caller's language",
        schema(),
    )]
}

async fn methods(State(shop): State<AppState>, context: Context) -> Answer {
    let settings = shop.settings.get();
    let offered = PaymentMethod::ALL.iter().filter(|method| settings.methods.offers(**method));
    let data: Vec<Value> = offered
        .map(|method| json!({ "code": method.code(), "name": name(*method, context.locale), "kind": kind(*method) }))
        .collect();
    respond::json(&context, StatusCode::OK, &json!({ "data": data }))
}

const fn name(method: PaymentMethod, locale: Locale) -> &'static str {
    match (method, locale) {
        (PaymentMethod::Cash, Locale::En) => "Cash",
        (PaymentMethod::Cash, Locale::Ar) => "نقدًا",
    }
}

/// Whether a method is paid at the shop or through a gateway.
const fn kind(method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::Cash => "offline",
    }
}

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["data"],
        "properties": { "data": { "type": "array", "items": {
            "type": "object",
            "required": ["code", "name", "kind"],
            "properties": {
                "code": { "type": "string", "description": "What `paymentMethod` of an order takes.", "example": "cash" },
                "name": { "type": "string", "example": "Cash" },
                "kind": { "type": "string", "enum": ["offline"] },
            },
        } } },
    })
}
