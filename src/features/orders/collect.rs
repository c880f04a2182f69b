//! Money received outside a gateway: cash on the counter.

use serde_json::json;

use super::model::Order;
use super::{cancel, change_status, problems, sql};
use crate::db::{Command, WriteTx};
use crate::features::money::{self, Entry, Kind};
use crate::http::problem::not_found;
use crate::kernel::{Actor, Currency, DomainEvent, Money, OrderId, OrderStatus, PaymentMethod, Problem, Result};

/// Books money that was received for an order.
pub struct Collect {
    pub order: OrderId,
    /// Minor units; `None`: all that is owed.
    pub amount_minor: Option<i64>,
    pub currency: Currency,
    pub method: PaymentMethod,
    pub reference: Option<String>,
    pub by: Actor,
}

impl Command for Collect {
    const NAME: &'static str = "orders.collect";
    type Output = Order;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Order> {
        let head = sql::head(tx, self.order)?.ok_or_else(not_found)?;
        let due = head.total - head.captured;
        if due <= 0 || head.status == OrderStatus::Cancelled {
            return Err(Problem::of(&problems::NOTHING_DUE)
                .detail("Nothing is owed for this order: it is paid or cancelled.")
                .into());
        }
        let amount = self.amount_minor.unwrap_or(due);
        if amount > due {
            return Err(Problem::of(&problems::AMOUNT_EXCEEDS_DUE)
                .detail("That is more than is owed. Collect what is due, or less.")
                .fact("due", Money::from_minor(due, self.currency).to_string())
                .into());
        }
        let entry = Entry {
            order: self.order,
            kind: Kind::Captured,
            method: self.method,
            amount_minor: amount,
            by: self.by,
            reference: self.reference.as_deref(),
            reason: None,
        };
        book(tx, head.total, &entry)?;
        if head.status == OrderStatus::Pending && amount == due {
            // Paid in full is confirmed (SPEC 4): nobody waits for a yes any more, and its hold must not end by itself.
            change_status::advance(tx, &head, OrderStatus::Confirmed, None, self.by)?;
        }
        let more = json!({ "amountMinor": amount, "method": self.method.code() });
        cancel::told(tx, "order.collect", &head, &more)
    }
}

/// Books money for an order of that total.
pub(super) fn book(tx: &mut WriteTx<'_>, total: i64, entry: &Entry<'_>) -> Result<()> {
    let sums = money::book(tx, entry)?;
    sql::set_money(tx, entry.order, sums, money::payment_status(total, sums))?;
    tx.record(DomainEvent::MoneyMoved { order: entry.order });
    Ok(())
}
