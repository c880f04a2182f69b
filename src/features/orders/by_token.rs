//! An order for whoever holds its token and has no program to ask for it: its page.

use super::cancel::Cancel;
use super::model::Order;
use super::{queries, rules, sql};
use crate::db::Reader;
use crate::features::Shop;
use crate::kernel::{Actor, OrderId, PaymentStatus, Result, SeenVersion, UtcMs};

/// What opens an order to who has no account, at a moment; `None` if there is no such order.
///
/// # Errors
/// A fault.
pub fn lock(reader: &Reader<'_>, order: OrderId, now: UtcMs) -> Result<Option<queries::Lock>> {
    queries::lock(reader, order, now)
}

/// An order, whole.
///
/// # Errors
/// A fault.
pub fn whole(reader: &Reader<'_>, order: OrderId) -> Result<Option<Order>> {
    sql::order(reader, order)
}

/// Whether its customer may still cancel it.
#[must_use]
pub fn customer_may_cancel(order: &Order) -> bool {
    rules::may_cancel(order.status, order.fulfilment, None).is_ok()
}

/// Cancels an order as its customer does by the API: what can still be paid is ended first, what was paid goes back.
///
/// # Errors
/// As of the API.
pub async fn cancel_by_customer(shop: &Shop, order: OrderId) -> Result<Order> {
    let found = shop.db.read(move |reader| sql::order(reader, order)).await?;
    let is_owed = |order: &Order| {
        !order.payment_method.is_offline() && matches!(order.payment_status, PaymentStatus::Pending | PaymentStatus::Failed)
    };
    if found.is_some_and(|found| is_owed(&found) && customer_may_cancel(&found)) {
        shop.live_attempts.end(shop, order).await?;
    }
    let seen = SeenVersion { if_match: None, in_body: None };
    shop.db.write(Cancel { order, seen, reason: None, restock: None, refund: None, by: Actor::Guest }).await
}
