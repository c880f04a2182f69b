//! Moving an order on: one tap on the board.

use serde_json::Value;

use super::cancel::{self, Cancelling, illegal};
use super::model::{Head, Order};
use super::{collect, expire, open_guests, rules, sql, stock};
use crate::db::{Command, WriteTx};
use crate::http::problem::not_found;
use crate::kernel::{Actor, DomainEvent, OrderId, OrderStatus, Result, SeenVersion};

/// Moves an order to its next state. `Cancelled` is the same act as [`super::cancel::Cancel`] with its defaults.
pub struct ChangeStatus {
    pub order: OrderId,
    pub to: OrderStatus,
    pub seen: SeenVersion,
    pub note: Option<String>,
    pub restock: Option<bool>,
    pub by: Actor,
}

impl Command for ChangeStatus {
    const NAME: &'static str = "orders.change_status";
    type Output = Order;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Order> {
        let head = sql::head(tx, self.order)?.ok_or_else(not_found)?;
        self.seen.check(head.version)?;
        rules::check_move(head.status, self.to, head.fulfilment).map_err(illegal)?;
        if self.to == OrderStatus::Cancelled {
            let restock = self.restock.unwrap_or_else(|| rules::restocks_by_default(head.status));
            cancel::cancel(tx, &head, &Cancelling { restock, refund: true, note: self.note.as_deref(), by: self.by })?;
        } else {
            advance(tx, &head, self.to, self.note.as_deref(), self.by)?;
        }
        let action = if self.to == OrderStatus::Cancelled { "order.cancel" } else { "order.move" };
        cancel::told(tx, action, &head, &Value::Null)
    }
}

/// Moves an order whose state allows it to a state that is not Cancelled.
pub(super) fn advance(tx: &mut WriteTx<'_>, head: &Head, to: OrderStatus, note: Option<&str>, by: Actor) -> Result<()> {
    if to == OrderStatus::Confirmed {
        // Cash: with the confirmation it leaves the shelf, and its hold ends no more by itself.
        stock::take_holds(tx, head.id, by)?;
        expire::unschedule(tx, head.id)?;
    }
    open_guests::set_status(tx, head.id, (head.status, to), None)?;
    sql::add_history(tx, head.id, &sql::Step { is_undo: false, status: to, note, by })?;
    let open = head.total - head.captured;
    if to == OrderStatus::Delivered && open > 0 {
        // Who hands it over has taken the cash (SPEC 4: Delivered captures what is open).
        collect::book(tx, head, open, None, by)?;
    }
    tx.record(DomainEvent::OrderMoved { order: head.id, from: head.status, to });
    Ok(())
}
