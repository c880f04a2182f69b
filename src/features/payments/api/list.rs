//! `GET /payments`, one payment, and what differs from the gateways' books.

use axum::extract::State;
use http::StatusCode;
use serde_json::json;

use crate::features::AppState;
use crate::features::money::{self, PaymentFilter};
use crate::features::payments::compare;
use crate::features::payments::differences::{Difference, DifferenceFilter};
use crate::http::input::{Fields, Input, read_span};
use crate::http::page::{Paging, list_schema};
use crate::http::problem::not_found;
use crate::http::{Answer, Context, FromJson, Id, Link, Query, Route, Shape, respond};
use crate::kernel::{Currency, Money, PaymentId, PaymentMethod};

pub(super) fn routes() -> Vec<Route<AppState>> {
    let payment = money::shapes::payment_shape();
    vec![
        Route::get("/api/v1/payments", list, "List payments, newest first")
            .describe("Each attempt to take money for an order, with its refunds. `gateway` is a way to pay as GET /api/v1/payments/methods lists them; `from` and `to` are when it was begun.")
            .query::<ListQuery>()
            .parameter("order_id", "Those of one order.")
            .answers(200, "A page of payments", list_schema(payment.clone()))
            .links(payment_links("$response.body#/data/0")),
        Route::get("/api/v1/payments/{id}", get, "Read a payment")
            .describe("With its refunds, its fee if the gateway told one, and the gateway's last answer without secrets and personal data.")
            .answers(200, "The payment", payment)
            .links(payment_links("$response.body")),
        Route::get("/api/v1/payments/differences", differences, "List what gateways' own books say otherwise")
            .describe("Each day's payments and refunds are compared with the gateway's books after the day has ended. `missing_here`: the gateway has it and the ledger not; `missing_there`: the other way round; `amount`: both have it, and not the same sum. A difference that a later comparison does not find any more is closed; without `open` both are listed.")
            .query::<DifferencesQuery>()
            .parameter("open", "`true`: those that are still there; `false`: those that are not.")
            .answers(200, "A page of differences, newest first", list_schema(difference_shape()))
            .links([Link::to("payment", "GET /api/v1/payments/{id}", "The payment that it is of").with("id", "$response.body#/data/0/paymentId")]),
    ]
}

/// What can be done with a payment; `at` is where an answer holds it.
pub(super) fn payment_links(at: &'static str) -> Vec<Link> {
    // A body's own fields follow a #, those of something in it a slash.
    let mark = if at.contains('#') { "/" } else { "#/" };
    let id = format!("{at}{mark}id");
    let to = |name, to, description| Link::to(name, to, description).with("id", &id);
    vec![
        to("read", "GET /api/v1/payments/{id}", "The payment"),
        to("refund", "POST /api/v1/payments/{id}/refund", "Give money back"),
        Link::to("order", "GET /api/v1/orders/{id}", "Its order").with("id", &format!("{at}{mark}orderId")),
    ]
}

struct ListQuery(PaymentFilter);

impl Input for ListQuery {
    const NAME: &'static str = "PaymentListQuery";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let (order, status, method) = (fields.opt("order_id"), fields.opt("status"), fields.opt("gateway"));
        let (from, to) = read_span(fields);
        let paging = Paging::read(fields)?;
        Some(ListQuery(PaymentFilter { order, status, method, from, to, paging }))
    }
}

struct DifferencesQuery(DifferenceFilter);

impl Input for DifferencesQuery {
    const NAME: &'static str = "PaymentDifferencesQuery";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let (gateway, open) = (fields.opt("gateway"), fields.opt("open"));
        let paging = Paging::read(fields)?;
        Some(DifferencesQuery(DifferenceFilter { gateway, open, paging }))
    }
}

async fn list(State(shop): State<AppState>, context: Context, Query(ListQuery(filter)): Query<ListQuery>) -> Answer {
    let list = shop.db.read(move |reader| money::list(reader, &filter)).await?;
    respond::json(&context, StatusCode::OK, &list.map(|told| money::shapes::payment_body(&told)))
}

async fn get(State(shop): State<AppState>, context: Context, Id(id): Id<PaymentId>) -> Answer {
    let told = shop.db.read(move |reader| money::told(reader, id)).await?.ok_or_else(not_found)?;
    respond::json(&context, StatusCode::OK, &money::shapes::payment_body(&told))
}

async fn differences(
    State(shop): State<AppState>,
    context: Context,
    Query(DifferencesQuery(filter)): Query<DifferencesQuery>,
) -> Answer {
    let list = shop.db.read(move |reader| compare::list(reader, &filter)).await?;
    respond::json(&context, StatusCode::OK, &list.map(|difference| difference_body(&difference)))
}

fn difference_body(difference: &Difference) -> serde_json::Value {
    let currency = Currency::from_code(&difference.currency);
    let amount =
        |minor: i64| currency.map_or_else(|| minor.to_string(), |currency| Money::from_minor(minor, currency).to_string());
    let mut body = json!({
        "id": difference.id.to_string(),
        "gateway": difference.gateway,
        "day": difference.day.to_string(),
        "kind": difference.kind.code(),
        "what": difference.what.code(),
        "gatewayId": difference.object,
        "currency": difference.currency,
        "foundAt": difference.found_at.to_string(),
    });
    let more = [
        ("paymentId", difference.payment.map(|payment| payment.to_string())),
        ("ours", difference.ours_minor.map(amount)),
        ("theirs", difference.theirs_minor.map(amount)),
        ("closedAt", difference.closed_at.map(|at| at.to_string())),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            body[name] = value.into();
        }
    }
    body
}

fn difference_shape() -> Shape {
    let text = || json!({ "type": "string" });
    let moment = || json!({ "type": "string", "format": "date-time" });
    let schema = json!({
        "type": "object",
        "required": ["id", "gateway", "day", "kind", "what", "gatewayId", "currency", "foundAt"],
        "properties": {
            "id": { "type": "string", "format": "uuid" }, "gateway": PaymentMethod::schema(),
            "day": { "type": "string", "format": "date", "description": "The shop's day that was compared." },
            "kind": { "type": "string", "enum": ["captured", "refunded"] },
            "what": { "type": "string", "enum": ["missing_here", "missing_there", "amount"] },
            "gatewayId": { "type": "string", "description": "The capture's or refund's name at the gateway." },
            "paymentId": { "type": "string", "format": "uuid", "description": "Where it is known." },
            "ours": { "type": "string", "description": "As the ledger has it." },
            "theirs": { "type": "string", "description": "As the gateway has it." },
            "currency": text(), "foundAt": moment(), "closedAt": moment(),
        },
        "additionalProperties": false,
    });
    let example = json!({
        "id": "01936f2b-0d10-7000-8000-5a6b7c8d9e31", "gateway": "stripe", "day": "2026-11-24", "kind": "captured",
        "what": "amount", "gatewayId": "ch_3PqK2eLkdIwHu7ix0X8nTq2A", "paymentId": "01936f2b-0d10-7000-8000-5a6b7c8d9e11",
        "ours": "1.800", "theirs": "1.080", "currency": "JOD",
        "foundAt": "2026-11-25T01:00:00.000Z",
    });
    Shape::named("PaymentDifference", schema, example)
}
