//! Cancelling: the hold is freed or the pieces go back, and what was taken is given back.

use serde_json::{Value, json};

use super::model::{Head, Order};
use super::rules::{self, IllegalMove};
use super::{collect, expire, open_guests, problems, sql, stock};
use crate::db::{Command, WriteTx};
use crate::features::inventory::order_number;
use crate::features::money;
use crate::http::problem::not_found;
use crate::kernel::{Actor, Change, DomainEvent, OrderId, OrderStatus, Problem, Result, SeenVersion};

/// Cancels an order.
pub struct Cancel {
    pub order: OrderId,
    pub seen: SeenVersion,
    pub reason: Option<String>,
    /// Staff's word on whether pieces that left the shelf go back; `None`: by the order's state.
    pub restock: Option<bool>,
    /// Staff's word on whether what was taken is given back.
    pub refund: Option<bool>,
    pub by: Actor,
}

impl Command for Cancel {
    const NAME: &'static str = "orders.cancel";
    type Output = Order;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Order> {
        let head = sql::head(tx, self.order)?.ok_or_else(not_found)?;
        self.seen.check(head.version)?;
        rules::may_cancel(head.status, head.fulfilment, self.by.role()).map_err(illegal)?;
        let cancelling = Cancelling {
            restock: self.restock.unwrap_or_else(|| rules::restocks_by_default(head.status)),
            refund: self.refund.unwrap_or(true),
            note: self.reason.as_deref(),
            by: self.by,
        };
        let kept = money::kept(tx, self.order)?;
        cancel(tx, &head, &cancelling)?;
        let refunded = if cancelling.refund { kept } else { 0 };
        let more = json!({ "restock": cancelling.restock, "refundedMinor": refunded });
        told(tx, "order.cancel", &head, &more)
    }
}

/// The order as it is after a move, of which the audit log is told: its state before and after, and `more`.
pub(super) fn told(tx: &mut WriteTx<'_>, action: &'static str, before: &Head, more: &Value) -> Result<Order> {
    let order = sql::order(tx, before.id)?.ok_or_else(not_found)?;
    let mut after = json!({ "number": order_number(order.number_day, order.number), "status": order.status.code() });
    for (name, value) in more.as_object().into_iter().flatten() {
        after[name] = value.clone();
    }
    let before = json!({ "status": before.status.code() });
    let subject = format!("order:{}", order.id);
    tx.changed(Change { action, subject, before: Some(before), after: Some(after) });
    Ok(order)
}

/// How an order is cancelled.
pub(super) struct Cancelling<'a> {
    pub restock: bool,
    pub refund: bool,
    pub note: Option<&'a str>,
    pub by: Actor,
}

/// Cancels an order whose state allows it.
pub(super) fn cancel(tx: &mut WriteTx<'_>, head: &Head, how: &Cancelling<'_>) -> Result<()> {
    stock::release(tx, head.id, how.restock, how.by)?;
    expire::unschedule(tx, head.id)?;
    open_guests::set_status(tx, head.id, (head.status, OrderStatus::Cancelled), None)?;
    sql::add_history(tx, head.id, &sql::Step { is_undo: false, status: OrderStatus::Cancelled, note: how.note, by: how.by })?;
    if how.refund && !money::refund_all(tx, head.id, how.note, how.by)?.is_empty() {
        collect::money_moved(tx, head.id)?;
    }
    // Nobody waits for its money any more, and nobody may pay for it.
    money::close_offline(tx, head.id, None)?;
    money::ask_to_end(tx, head.id)?;
    tx.record(DomainEvent::OrderMoved { order: head.id, from: head.status, to: OrderStatus::Cancelled });
    Ok(())
}

/// The refusal of a move, with what is legal.
pub(super) fn illegal(refusal: IllegalMove) -> Problem {
    let legal: Vec<&str> = refusal.legal.iter().map(|status| status.code()).collect();
    let advice =
        if legal.is_empty() { "it can go nowhere from here".to_owned() } else { format!("it can go to {}", legal.join(", ")) };
    Problem::of(&problems::ILLEGAL_TRANSITION)
        .detail(format!("The order is {} and cannot become {}; {advice}.", refusal.from.code(), refusal.to.code()))
        .fact("from", refusal.from.code())
        .fact("to", refusal.to.code())
        .fact("legal", legal)
}
