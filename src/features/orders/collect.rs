//! Money received outside a gateway: cash on the counter.

use serde_json::json;

use super::model::{Head, Order};
use super::{cancel, change_status, problems, sql};
use crate::db::{Command, WriteTx};
use crate::features::money::{self, Entry, Kind};
use crate::http::problem::not_found;
use crate::kernel::{Actor, Currency, DomainEvent, Fault, Money, OrderId, OrderStatus, PaymentMethod, Problem, Result};

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
        book(tx, &head, amount, self.reference.as_deref(), self.by)?;
        if head.status == OrderStatus::Pending && amount == due {
            // Paid in full is confirmed (SPEC 4): nobody waits for a yes any more, and its hold must not end by itself.
            change_status::advance(tx, &head, OrderStatus::Confirmed, None, self.by)?;
        }
        let more = json!({ "amountMinor": amount, "method": self.method.code() });
        cancel::told(tx, "order.collect", &head, &more)
    }
}

/// Books money that was taken for an order outside a gateway.
pub(super) fn book(tx: &mut WriteTx<'_>, head: &Head, amount_minor: i64, reference: Option<&str>, by: Actor) -> Result<()> {
    let last = money::last_of(tx, head.id)?.ok_or_else(|| Fault::because("an order paid without a gateway has its payment"))?;
    money::book(tx, &Entry { reference, ..Entry::of(last.id, Kind::Captured, amount_minor, by) })?;
    money_moved(tx, head.id)
}

/// Brings an order's sums and its payment status after its ledger and its payments.
///
/// # Errors
/// A fault.
pub fn money_moved(tx: &mut WriteTx<'_>, order: OrderId) -> Result<()> {
    let head = sql::head(tx, order)?.ok_or_else(|| Fault::because("an order whose money moved is there"))?;
    let sums = money::sums(tx, order)?;
    let last = money::last_of(tx, order)?.map(|payment| payment.status);
    sql::set_money(tx, order, sums, money::payment_status(head.total, sums, last))?;
    tx.record(DomainEvent::MoneyMoved { order });
    Ok(())
}
