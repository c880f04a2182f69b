//! Taking back the last move by staff (SPEC 4).

use std::sync::Arc;

use serde_json::Value;

use super::model::{Head, HistoryRow, Order};
use super::rules::UNDO_MS;
use super::{cancel, expire, open_guests, place, problems, sql, stock};
use crate::db::{Command, WriteTx};
use crate::features::settings::Settings;
use crate::http::problem::not_found;
use crate::kernel::{Actor, DomainEvent, OrderId, OrderStatus, Problem, Result, Role, SeenVersion, UtcMs};

/// Takes the last move back.
pub struct Undo {
    pub order: OrderId,
    pub seen: SeenVersion,
    /// They say how long an order that is Pending again is held, from now.
    pub settings: Arc<Settings>,
    pub by: Actor,
}

impl Command for Undo {
    const NAME: &'static str = "orders.undo";
    type Output = Order;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Order> {
        let head = sql::head(tx, self.order)?.ok_or_else(not_found)?;
        self.seen.check(head.version)?;
        let history = sql::history(tx, self.order)?;
        let back_to = previous(&history, &head, tx.now()).map_err(|why| {
            Problem::of(&problems::CANNOT_UNDO).detail(format!("{why} Move the order on with its status instead."))
        })?;
        let mut expires_at = None;
        if back_to == OrderStatus::Pending {
            if head.captured > head.refunded {
                return Err(Problem::of(&problems::CANNOT_UNDO)
                    .detail("The order is paid, and a paid order is confirmed. Cancel it to give the money back.")
                    .into());
            }
            stock::untake(tx, self.order, self.by)?;
            let at = tx.now().plus_ms(place::hold_ms(&self.settings, head.payment_method));
            expire::schedule(tx, self.order, at)?;
            expires_at = Some(at);
        }
        open_guests::set_status(tx, self.order, (head.status, back_to), expires_at)?;
        sql::add_history(tx, self.order, &sql::Step { is_undo: true, status: back_to, note: None, by: self.by })?;
        tx.record(DomainEvent::OrderMoved { order: self.order, from: head.status, to: back_to });
        cancel::told(tx, "order.undo", &head, &Value::Null)
    }
}

/// The state before the last move, if that can be taken back.
fn previous(history: &[HistoryRow], head: &Head, now: UtcMs) -> Result<OrderStatus, &'static str> {
    let Some((last, before)) = history.split_last() else { return Err("Nobody has moved this order yet.") };
    if last.is_undo {
        return Err("The last move was taken back already.");
    }
    if !Role::from_code(&last.actor).is_some_and(Role::is_staff) {
        return Err("The last move was not made by staff.");
    }
    if last.status.is_final() {
        return Err("Delivered and Cancelled cannot be taken back.");
    }
    if last.at == head.created_at {
        // Its cash is in the till; Pending again, it would end by itself and the books would give that back.
        return Err("The order was confirmed as it was placed.");
    }
    if last.at != head.updated_at {
        return Err("Something has happened to the order since its last move.");
    }
    if last.at.plus_ms(UNDO_MS) < now {
        return Err("The last move is more than 60 seconds old.");
    }
    Ok(before.last().map_or(OrderStatus::Pending, |row| row.status))
}
