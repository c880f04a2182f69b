//! What a message's template is filled with, of an order as it is stored: camelCase, amounts as on the wire. What staff have noted
//! stands in none.

use serde_json::{Value, json};

use crate::features::orders::{HistoryRow, Order, Payable};
use crate::kernel::{Address, Currency, Fulfilment, Locale, Money, OrderStatus};

/// An amount as a decimal string.
#[must_use]
pub fn amount(minor: i64, currency: Currency) -> String {
    Money::from_minor(minor, currency).to_string()
}

/// What every message about an order says.
#[must_use]
pub fn of_order(order: &Order, payable: &Payable, locale: Locale) -> Value {
    let money = |minor| amount(minor, payable.currency);
    let items: Vec<Value> = order
        .lines
        .iter()
        .map(|line| {
            json!({
                "quantity": line.quantity,
                "name": pick(locale, line.name_en.as_ref(), line.name_ar.as_ref()),
                "optionsText": pick(locale, line.options_text_en.as_ref(), line.options_text_ar.as_ref()),
                "lineTotal": money(line.line_total),
            })
        })
        .collect();
    let mut payload = json!({
        "orderNumber": payable.number,
        "customerName": order.customer.name,
        "isPickup": order.fulfilment == Fulfilment::Pickup,
        "status": order.status.code(),
        "paymentStatus": order.payment_status.code(),
        "paymentMethod": order.payment_method,
        "dueAt": order.due_at.to_string(),
        "items": items,
        "subtotal": money(order.totals.subtotal),
        "deliveryFee": money(order.totals.delivery_fee),
        "discount": money(order.totals.discount),
        "tax": money(order.totals.tax),
        "taxIncluded": order.totals.tax_included,
        "total": money(order.totals.total),
        "currency": order.currency,
        "toPay": money(to_pay(order.status, payable)),
    });
    let address = order.delivery.as_ref().and_then(|delivery| delivery.address.as_ref());
    if let Some(address) = address.filter(|_| order.fulfilment == Fulfilment::Delivery) {
        payload["address"] = line_of(address, locale).into();
    }
    if let Some(reason) = reason(order) {
        payload["reason"] = reason.into();
    }
    payload
}

/// What is still owed, in minor units; nothing for a cancelled order.
fn to_pay(status: OrderStatus, payable: &Payable) -> i64 {
    if status == OrderStatus::Cancelled { 0 } else { (payable.total_minor - payable.captured_minor).max(0) }
}

/// Why it was cancelled, where its customer has said so. What staff write there is for staff.
fn reason(order: &Order) -> Option<&str> {
    let own = |last: &&HistoryRow| last.status == OrderStatus::Cancelled && matches!(last.actor.as_str(), "guest" | "customer");
    order.history.last().filter(own)?.note.as_deref()
}

fn pick<'a>(locale: Locale, en: Option<&'a String>, ar: Option<&'a String>) -> &'a str {
    let (own, other) = if locale == Locale::En { (en, ar) } else { (ar, en) };
    own.or(other).map_or("", String::as_str)
}

/// An address as one line.
fn line_of(address: &Address, locale: Locale) -> String {
    let comma = if locale == Locale::Ar { "، " } else { ", " };
    let parts = [Some(&address.line1), address.line2.as_ref(), address.area.as_ref(), Some(&address.city)];
    parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(comma)
}
