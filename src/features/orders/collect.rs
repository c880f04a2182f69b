//! Money received outside a gateway: cash on the counter, the bank's terminal, a transfer.

use serde_json::json;

use super::model::{Head, Order};
use super::{cancel, change_status, paying, problems, sql};
use crate::db::{Command, WriteTx};
use crate::features::money::{self, Entry, Kind};
use crate::http::problem::not_found;
use crate::kernel::{
    Actor, Currency, DomainEvent, Fault, Money, OrderId, OrderStatus, PaymentId, PaymentMethod, Problem, Result,
};

/// Books money that was received for an order.
pub struct Collect {
    pub order: OrderId,
    /// Minor units; `None`: all that is owed.
    pub amount_minor: Option<i64>,
    pub currency: Currency,
    /// One that needs no gateway.
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
        let received =
            Received { method: self.method, amount_minor: amount, reference: self.reference.as_deref(), by: self.by };
        book(tx, &head, &received)?;
        // Becoming a cash order may have confirmed it.
        let now = sql::head(tx, self.order)?.ok_or_else(not_found)?;
        if now.status == OrderStatus::Pending && amount == due {
            // Paid in full is confirmed (SPEC 4): nobody waits for a yes any more, and its hold must not end by itself.
            change_status::advance(tx, &now, OrderStatus::Confirmed, None, self.by)?;
        }
        let more = json!({ "amountMinor": amount, "method": self.method.code() });
        cancel::told(tx, "order.collect", &head, &more)
    }
}

/// Money that was received at the shop, or on its account.
pub(super) struct Received<'a> {
    /// One that needs no gateway.
    pub method: PaymentMethod,
    /// Minor units, above zero and at most what is owed.
    pub amount_minor: i64,
    pub reference: Option<&'a str>,
    pub by: Actor,
}

/// Books money that was taken for an order without a gateway: by the payment that waits for it, or if that one is another way to pay,
/// by a new one, which is the order's from now on; and nothing of it is payable at a gateway any more.
pub(super) fn book(tx: &mut WriteTx<'_>, head: &Head, received: &Received<'_>) -> Result<()> {
    let last = money::last_of(tx, head.id)?;
    let payment = match &last {
        Some(last) if last.method == received.method && last.status.is_live() => last.id,
        last => {
            let id = PaymentId::from_uuid(tx.new_id());
            money::begin(tx, id, head.id, last.as_ref(), received.method, head.total - head.captured)?;
            paying::attempt_begun(tx, head.id, received.method, id)?;
            money::ask_to_end(tx, head.id)?;
            id
        }
    };
    let entry = Entry::of(payment, Kind::Captured, received.amount_minor, received.by);
    money::book(tx, &Entry { reference: received.reference, ..entry })?;
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
