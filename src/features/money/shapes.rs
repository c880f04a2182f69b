//! Payments and refunds as they are answered (SPEC 3, shapes).

use serde_json::{Map, Value, json};

use super::told::Told;
use super::{Failure, Refund};
use crate::features::inventory::order_number;
use crate::http::{FromJson, Shape};
use crate::kernel::{Currency, Money, PaymentMethod, RefundStatus, TransactionStatus};

const PAYMENT_ID: &str = "01936f2b-0d10-7000-8000-5a6b7c8d9e11";
const REFUND_ID: &str = "01936f2b-0d10-7000-8000-5a6b7c8d9e21";

fn without_nulls(object: Value) -> Value {
    match object {
        Value::Object(fields) => fields.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>().into(),
        other => other,
    }
}

/// An amount in a currency by its code. An unknown one, of a provider that settles in something rare, is told in whole minor units.
fn amount(minor: i64, currency: &str) -> String {
    Currency::from_code(currency).map_or_else(|| minor.to_string(), |currency| Money::from_minor(minor, currency).to_string())
}

fn failure(failure: Option<&Failure>) -> Value {
    failure.map_or(Value::Null, |failure| json!({ "code": failure.code, "message": failure.message }))
}

/// A refund; `currency` is its order's.
#[must_use]
pub fn refund_body(refund: &Refund, currency: &str) -> Value {
    let own = refund.currency.as_deref();
    without_nulls(json!({
        "id": refund.id.to_string(),
        "paymentId": refund.payment.to_string(),
        "amount": amount(refund.amount_minor, own.unwrap_or(currency)),
        "currency": own,
        "status": refund.status.code(),
        "reason": refund.reason,
        "gatewayRefundId": refund.object,
        "failure": failure(refund.failure.as_ref()),
        "createdAt": refund.created_at.to_string(),
    }))
}

/// A payment, for staff.
#[must_use]
pub fn payment_body(told: &Told) -> Value {
    let payment = &told.payment;
    let money = |minor| amount(minor, &told.currency);
    let fee = payment.fee.as_ref();
    let parked = told.parked.as_ref().filter(|parked| parked.resolved.is_none());
    without_nulls(json!({
        "id": payment.id.to_string(),
        "orderId": payment.order.to_string(),
        "orderNumber": order_number(told.number_day, told.number),
        "gateway": payment.method,
        "amount": money(payment.amount_minor),
        "currency": told.currency,
        "status": payment.status.code(),
        "capturedAmount": money(payment.captured_minor),
        "refundedAmount": money(payment.refunded_minor),
        "fee": fee.map(|(minor, currency)| json!({ "amount": amount(*minor, currency), "currency": currency })),
        "disputed": payment.is_disputed,
        "gatewayTransactionId": told.transaction,
        "parked": parked.map(|parked| json!({ "amount": amount(parked.amount_minor, &parked.currency), "currency": parked.currency })),
        "failure": failure(payment.failure.as_ref()),
        "rawResponse": told.raw,
        "createdAt": payment.created_at.to_string(),
        "updatedAt": payment.updated_at.to_string(),
        "refunds": told.refunds.iter().map(|refund| refund_body(refund, &told.currency)).collect::<Vec<_>>(),
    }))
}

fn words(all: impl Iterator<Item = &'static str>) -> Value {
    json!({ "type": "string", "enum": all.collect::<Vec<_>>() })
}

fn money_schema() -> Value {
    json!({ "type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?$" })
}

fn failure_schema() -> Value {
    json!({
        "type": "object", "required": ["code", "message"],
        "properties": { "code": { "type": "string" }, "message": { "type": "string" } },
        "additionalProperties": false,
    })
}

/// The shape of [`refund_body`].
#[must_use]
pub fn refund_shape() -> Shape {
    let schema = json!({
        "type": "object",
        "required": ["id", "paymentId", "amount", "status", "createdAt"],
        "properties": {
            "id": { "type": "string", "format": "uuid" }, "paymentId": { "type": "string", "format": "uuid" },
            "amount": money_schema(),
            "currency": { "type": "string", "description": "Where it is not the order's: money that had come in another currency." },
            "status": words(RefundStatus::ALL.iter().map(|status| status.code())),
            "reason": { "type": "string" },
            "gatewayRefundId": { "type": "string", "description": "Its name at the gateway." },
            "failure": failure_schema(),
            "createdAt": { "type": "string", "format": "date-time" },
        },
        "additionalProperties": false,
    });
    Shape::named("Refund", schema, refund_example())
}

fn refund_example() -> Value {
    json!({
        "id": REFUND_ID, "paymentId": PAYMENT_ID, "amount": "0.900", "status": "pending", "reason": "One loaf was burnt",
        "createdAt": "2026-11-25T12:02:11.000Z",
    })
}

/// The shape of [`payment_body`].
#[must_use]
pub fn payment_shape() -> Shape {
    let text = || json!({ "type": "string" });
    let moment = || json!({ "type": "string", "format": "date-time" });
    let refund = refund_shape();
    let sum = json!({
        "type": "object", "required": ["amount", "currency"], "properties": { "amount": text(), "currency": text() },
        "additionalProperties": false,
    });
    let mut parked = sum.clone();
    parked["description"] = "Money that came and does not fit; it waits for POST /payments/{id}/resolve.".into();
    let schema = json!({
        "type": "object",
        "required": ["id", "orderId", "orderNumber", "gateway", "amount", "currency", "status", "capturedAmount", "refundedAmount",
            "disputed", "createdAt", "updatedAt", "refunds"],
        "properties": {
            "id": { "type": "string", "format": "uuid" }, "orderId": { "type": "string", "format": "uuid" }, "orderNumber": text(),
            "gateway": PaymentMethod::schema(), "amount": money_schema(), "currency": text(),
            "status": words(TransactionStatus::ALL.iter().map(|status| status.code())),
            "capturedAmount": money_schema(), "refundedAmount": money_schema(), "fee": sum,
            "disputed": { "type": "boolean", "description": "The customer disputes it at its provider." },
            "gatewayTransactionId": { "type": "string", "description": "What was captured, else the attempt, by its name there." },
            "parked": parked, "failure": failure_schema(),
            "rawResponse": { "description": "The gateway's last answer, without secrets and personal data." },
            "createdAt": moment(), "updatedAt": moment(), "refunds": { "type": "array", "items": refund.schema() },
        },
        "additionalProperties": false,
    });
    let example = json!({
        "id": PAYMENT_ID, "orderId": "01936f2b-0d10-7000-8000-5a6b7c8d9e01", "orderNumber": "B-261125-0042", "gateway": "stripe",
        "amount": "1.800", "currency": "JOD", "status": "succeeded", "capturedAmount": "1.800", "refundedAmount": "0.000",
        "fee": { "amount": "0.110", "currency": "JOD" }, "disputed": false, "gatewayTransactionId": "ch_3PqK2eLkdIwHu7ix0X8nTq2A",
        "createdAt": "2026-11-25T10:47:45.000Z", "updatedAt": "2026-11-25T12:02:11.000Z", "refunds": [refund_example()],
    });
    Shape::named("Payment", schema, example).of(&[&refund])
}
