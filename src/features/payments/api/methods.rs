//! `/payments`: how orders are paid.

use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};

use crate::features::AppState;
use crate::http::{Answer, Context, Route, Shape, respond};
use crate::kernel::{Locale, PaymentMethod};

/// Every route of this feature.
pub(super) fn routes() -> Vec<Route<AppState>> {
    vec![
        Route::get("/api/v1/payments/methods", methods, "List how an order can be paid")
            .describe("What the owner has switched on. `code` is what `paymentMethod` of an order takes.")
            .answers(200, "The methods that the shop offers, in the caller's language", shape()),
    ]
}

async fn methods(State(shop): State<AppState>, context: Context) -> Answer {
    let settings = shop.settings.get();
    let offered = PaymentMethod::OFFLINE.iter().filter(|method| settings.offers(**method));
    let data: Vec<Value> = offered
        .map(|method| json!({ "code": method.code(), "name": name(*method, context.locale), "kind": "offline" }))
        .collect();
    respond::json(&context, StatusCode::OK, &json!({ "data": data }))
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
    let schema = json!({
        "type": "object",
        "required": ["data"],
        "properties": { "data": { "type": "array", "items": {
            "type": "object",
            "required": ["code", "name", "kind"],
            "properties": {
                "code": { "type": "string", "description": "What `paymentMethod` of an order takes.", "example": "cash" },
                "name": { "type": "string", "example": "Cash" },
                "kind": { "type": "string", "enum": ["offline"], "description": "`offline`: paid at the shop or at the door." },
            },
            "additionalProperties": false,
        } } },
        "additionalProperties": false,
    });
    Shape::named("PaymentMethods", schema, json!({ "data": [{ "code": "cash", "name": "Cash", "kind": "offline" }] }))
}
