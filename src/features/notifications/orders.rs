//! What a customer is told of their order: it was taken, it moved, its payment failed, money went back. Each cause writes one job; what
//! the job says is decided when its message is due, by how the order stands then.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::model::{self, Step};
use super::{payload, restored, rules};
use crate::db::{Command, WriteTx};
use crate::features::messages::{self, Channel, Kind, NewMessage};
use crate::features::{Shop, money, orders};
use crate::jobs::{self, Claimed, Handler, NewJob};
use crate::kernel::{Fault, Locale, OrderId, OrderStatus, RefundId, Result};

/// The kind of these jobs; the key names the order and the step.
pub const ORDER_JOB: &str = "notifications.order";
/// Tries; with the engine's back-off they reach over a day.
const MAX_ATTEMPTS: i64 = 30;

/// An order was taken.
///
/// # Errors
/// A fault.
pub fn placed(tx: &mut WriteTx<'_>, order: OrderId) -> Result<()> {
    let standing = orders::standing(tx, order)?.filter(|standing| standing.is_reachable);
    // Of one that was confirmed as it was placed, its confirmation tells.
    match standing.filter(|standing| standing.status == OrderStatus::Pending) {
        Some(standing) => enqueue(tx, order, Step::Placed, rules::placed_wait_ms(&standing)),
        None => Ok(()),
    }
}

/// An order moved, or a move of it was taken back.
///
/// # Errors
/// A fault.
pub fn moved(tx: &mut WriteTx<'_>, order: OrderId, from: OrderStatus, to: OrderStatus) -> Result<()> {
    let Some(standing) = orders::standing(tx, order)?.filter(|standing| standing.is_reachable) else { return Ok(()) };
    if standing.last.as_ref().is_some_and(|last| last.is_undo) {
        take_back(tx, order, Step::to(from))?;
    }
    enqueue(tx, order, Step::to(to), rules::moved_wait_ms(&standing))
}

/// An attempt to pay failed, and none is under way.
///
/// # Errors
/// A fault.
pub fn payment_failed(tx: &mut WriteTx<'_>, order: OrderId) -> Result<()> {
    enqueue_if_reachable(tx, order, Step::PaymentFailed, rules::failed_wait_ms())
}

/// Money went back.
///
/// # Errors
/// A fault.
pub fn refunded(tx: &mut WriteTx<'_>, order: OrderId, refund: RefundId) -> Result<()> {
    enqueue_if_reachable(tx, order, Step::Refunded(refund), 0)
}

fn enqueue_if_reachable(tx: &mut WriteTx<'_>, order: OrderId, step: Step, wait_ms: i64) -> Result<()> {
    match orders::standing(tx, order)? {
        Some(standing) if standing.is_reachable => enqueue(tx, order, step, wait_ms),
        _ => Ok(()),
    }
}

fn enqueue(tx: &mut WriteTx<'_>, order: OrderId, step: Step, wait_ms: i64) -> Result<()> {
    let run_at = if restored::waits(tx, order)? { jobs::UNTIL_TOLD } else { tx.now().plus_ms(wait_ms) };
    jobs::enqueue(tx, &NewJob { kind: ORDER_JOB, key: &model::key(order, step), run_at, max_attempts: MAX_ATTEMPTS })
}

/// A step was taken back: what has not left of it does not leave any more.
fn take_back(tx: &mut WriteTx<'_>, order: OrderId, step: Step) -> Result<()> {
    jobs::cancel(tx, ORDER_JOB, &model::key(order, step))?;
    messages::take_back(tx, order, rules::kind(step, None))
}

/// The worker that tells of orders.
pub struct TellOrders {
    shop: Arc<Shop>,
}

impl TellOrders {
    #[must_use]
    pub fn new(shop: Arc<Shop>) -> TellOrders {
        TellOrders { shop }
    }

    async fn tell(&self, job: Claimed) -> Result<()> {
        let (order, step) =
            model::parse_key(&job.key).ok_or_else(|| Fault::because(format!("the key of job {} is no step", job.id)))?;
        let locale = self.shop.settings.get().format.locale;
        self.shop.db.write_in_background(Tell { order, step, locale, job }).await
    }
}

impl Handler for TellOrders {
    fn kind(&self) -> &'static str {
        ORDER_JOB
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(self.tell(job))
    }
}

/// Makes the messages of a step, if it is still true, in the transaction that ends its job.
struct Tell {
    order: OrderId,
    step: Step,
    /// The shop's.
    locale: Locale,
    job: Claimed,
}

impl Command for Tell {
    const NAME: &'static str = "notifications.tell_order";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        // A job that was cancelled while it waited for the writer has lost its cause.
        if !jobs::finish(tx, self.job.id)? {
            return Ok(());
        }
        let (Some(order), Some(payable)) = (orders::whole(tx, self.order)?, orders::payable(tx, self.order)?) else {
            return Ok(());
        };
        let said: Vec<Kind> = messages::of_order(tx, self.order)?.into_iter().map(|said| said.kind).collect();
        let refund = match self.step {
            Step::Refunded(refund) => money::refund(tx, refund)?,
            _ => None,
        };
        let is_told_already = refund.as_ref().is_some_and(|refund| rules::is_told_by_the_cancellation(refund, &order));
        if is_told_already || !rules::is_still_true(self.step, &order, &said) {
            return Ok(());
        }
        let kind = rules::kind(self.step, order.history.last().map(|last| last.actor.as_str()));
        let locale = order.language(self.locale);
        let mut payload = payload::of_order(&order, &payable, locale);
        match self.step {
            Step::PaymentFailed => {
                payload["canPayAgain"] = rules::can_pay_again(&order, payable.hold_ends_at, tx.now()).into();
            }
            Step::Refunded(_) => {
                let refund = refund.ok_or_else(|| Fault::because("a refund that was made is there"))?;
                payload["refundAmount"] = payload::amount(refund.amount_minor, payable.currency).into();
            }
            Step::Moved(OrderStatus::Cancelled) => {
                let minor = rules::goes_back_minor(&money::order_refunds(tx, order.id)?, &order);
                if minor > 0 {
                    payload["refundAmount"] = payload::amount(minor, payable.currency).into();
                }
            }
            Step::Placed | Step::Moved(_) => {}
        }
        let customer = &order.customer;
        for channel in rules::channels(kind, customer.email.as_deref(), customer.phone.as_deref()) {
            let to = match channel {
                Channel::Email => &customer.email,
                Channel::Sms => &customer.phone,
            };
            let message = NewMessage {
                kind,
                channel: *channel,
                to: to.clone().unwrap_or_default(),
                locale,
                payload: payload.clone(),
                order: Some(order.id),
                user: customer.id,
                at: tx.now(),
            };
            messages::queue(tx, &message)?;
        }
        Ok(())
    }
}
