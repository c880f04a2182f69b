//! Moving an order on: one tap on the board.

use serde_json::{Value, json};

use super::cancel::{self, Cancelling, illegal};
use super::collect::{self, Received};
use super::model::{Head, Order};
use super::{expire, open_guests, problems, rules, sql, stock};
use crate::db::{Command, WriteTx};
use crate::http::problem::not_found;
use crate::kernel::{Actor, DomainEvent, OrderId, OrderStatus, Problem, Result, SeenVersion};

/// Moves an order to its next state. `Cancelled` is the same act as [`super::cancel::Cancel`] with its defaults.
pub struct ChangeStatus {
    pub order: OrderId,
    pub to: OrderStatus,
    pub seen: SeenVersion,
    pub note: Option<String>,
    pub restock: Option<bool>,
    /// An admin's word that an online order which is not paid is confirmed or handed over all the same.
    pub force: bool,
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
            if !self.force {
                rules::check_paid(&head, self.to).map_err(not_paid)?;
            }
            advance(tx, &head, self.to, self.note.as_deref(), self.by)?;
        }
        let action = if self.to == OrderStatus::Cancelled { "order.cancel" } else { "order.move" };
        let more = if self.force { json!({ "force": true, "note": self.note }) } else { Value::Null };
        cancel::told(tx, action, &head, &more)
    }
}

fn not_paid(why: rules::NotPaid) -> Problem {
    let detail = match why {
        rules::NotPaid::Nothing => {
            "The order is to be paid online, and is not. Wait for its payment or collect the money; an admin may go on with force."
        }
        rules::NotPaid::GivenBack => {
            "All that was paid for the order was given back. Cancel it, or let an admin hand it over with force."
        }
    };
    Problem::of(&problems::NOT_PAID).detail(detail)
}

/// Moves an order whose state allows it to a state that is not Cancelled.
pub(super) fn advance(tx: &mut WriteTx<'_>, head: &Head, to: OrderStatus, note: Option<&str>, by: Actor) -> Result<()> {
    if to == OrderStatus::Confirmed {
        // With the confirmation it leaves the shelf, and its hold ends no more by itself.
        stock::take_holds(tx, head.id, by)?;
        expire::unschedule(tx, head.id)?;
    }
    open_guests::set_status(tx, head.id, (head.status, to), None)?;
    sql::add_history(tx, head.id, &sql::Step { is_undo: false, status: to, note, by })?;
    let open = head.total - head.captured;
    if to == OrderStatus::Delivered && open > 0 && head.payment_method.is_offline() {
        // Who hands it over has taken the money (SPEC 4: Delivered captures what is open).
        let received = Received { method: head.payment_method, amount_minor: open, reference: None, by };
        collect::book(tx, head, &received)?;
    }
    tx.record(DomainEvent::OrderMoved { order: head.id, from: head.status, to });
    Ok(())
}
