//! What is told of an order, when, and by which way (docs/decisions/0015-what-is-told.md).

use super::model::Step;
use crate::features::messages::{Channel, Kind};
use crate::features::money::Refund;
use crate::features::orders::{Order, Standing};
use crate::kernel::time::span::{MINUTE_MS, SECOND_MS};
use crate::kernel::{OrderStatus, PaymentStatus, RefundStatus, Role, UtcMs};

/// A message about what staff have done waits so long, and is dropped by an undo (SPEC 4).
pub const STAFF_WAIT_MS: i64 = 10 * SECOND_MS;
/// Who orders online is led to their payment at once; only who has not paid by then is written to about it.
const UNPAID_WAIT_MS: i64 = 5 * MINUTE_MS;
/// Who sees a payment fail tries again at once; only who does not is written to.
const FAILED_WAIT_MS: i64 = MINUTE_MS;
/// The word by which history names the program itself, whose cancellation is the end of a hold.
const BY_ITSELF: &str = "system";

/// The message of a step. `by`: who made the move.
#[must_use]
pub fn kind(step: Step, by: Option<&str>) -> Kind {
    match step {
        Step::Placed | Step::Moved(OrderStatus::Pending) => Kind::OrderPlaced,
        Step::Moved(OrderStatus::Confirmed) => Kind::OrderConfirmed,
        Step::Moved(OrderStatus::Preparing) => Kind::OrderPreparing,
        Step::Moved(OrderStatus::ReadyForPickup) => Kind::OrderReady,
        Step::Moved(OrderStatus::OutForDelivery) => Kind::OrderOutForDelivery,
        Step::Moved(OrderStatus::Delivered) => Kind::OrderDelivered,
        Step::Moved(OrderStatus::Cancelled) if by == Some(BY_ITSELF) => Kind::OrderExpired,
        Step::Moved(OrderStatus::Cancelled) => Kind::OrderCancelled,
        Step::PaymentFailed => Kind::PaymentFailed,
        Step::Refunded(_) => Kind::PaymentRefunded,
    }
}

/// Whether a customer must know it now: they are to come, to be at the door, not to come, or to pay again.
#[must_use]
pub const fn is_urgent(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::OrderReady | Kind::OrderOutForDelivery | Kind::OrderCancelled | Kind::OrderExpired | Kind::PaymentFailed
    )
}

/// By which ways a message goes to who has given an e-mail address, a phone, both or neither.
#[must_use]
pub fn channels(kind: Kind, email: Option<&str>, phone: Option<&str>) -> &'static [Channel] {
    match (email, phone) {
        (Some(_), Some(_)) if is_urgent(kind) => &[Channel::Email, Channel::Sms],
        (Some(_), _) => &[Channel::Email],
        (None, Some(_)) => &[Channel::Sms],
        (None, None) => &[],
    }
}

/// How long the message about a placed order waits.
#[must_use]
pub fn placed_wait_ms(standing: &Standing) -> i64 {
    if !standing.method.is_offline() {
        let half = standing.hold_ends_at.map_or(0, |at| (at.ms() - standing.created_at.ms()) / 2);
        return UNPAID_WAIT_MS.min(half);
    }
    if is_staff(&standing.placed_by) { STAFF_WAIT_MS } else { 0 }
}

/// How long the message about an order's newest move waits.
#[must_use]
pub fn moved_wait_ms(standing: &Standing) -> i64 {
    match &standing.last {
        // One confirmed as it was placed cannot be undone.
        Some(last) if is_staff(&last.by) && last.at != standing.created_at => STAFF_WAIT_MS,
        _ => 0,
    }
}

/// How long the message about a payment that failed waits.
#[must_use]
pub const fn failed_wait_ms() -> i64 {
    FAILED_WAIT_MS
}

fn is_staff(by: &str) -> bool {
    Role::from_code(by).is_some_and(Role::is_staff)
}

/// Whether a step is still to be told when its message is due. `said`: which messages about the order there are.
///
/// What has moved on is told by its last step alone. A state to which an undo has led back is told if it never was: its own message
/// had waited, and was dropped.
#[must_use]
pub fn is_still_true(step: Step, order: &Order, said: &[Kind]) -> bool {
    let is_undone = order.history.last().is_some_and(|last| last.is_undo);
    match step {
        // What staff have written themselves says nothing of it.
        Step::Placed => order.status == OrderStatus::Pending && said.iter().all(|kind| *kind == Kind::Message),
        Step::Moved(to) => order.status == to && (!is_undone || !said.contains(&kind(step, None))),
        Step::PaymentFailed => order.status == OrderStatus::Pending && order.payment_status == PaymentStatus::Failed,
        Step::Refunded(_) => true,
    }
}

/// Whether a refund is told with its order's cancellation: cash that went back in the same moment. What a gateway gives back it is
/// asked for afterwards, so its customer is told of it when it was done.
#[must_use]
pub fn is_told_by_the_cancellation(refund: &Refund, order: &Order) -> bool {
    began_with_the_cancellation(refund, order) && refund.method.is_offline()
}

/// What goes back because an order was cancelled, in minor units of its currency.
#[must_use]
pub fn goes_back_minor(refunds: &[Refund], order: &Order) -> i64 {
    let with_it = refunds.iter().filter(|refund| began_with_the_cancellation(refund, order));
    with_it.filter(|refund| refund.status != RefundStatus::Failed).map(|refund| refund.amount_minor).sum()
}

/// Money that was booked for the order and that its cancellation gives back: both were written in one moment.
fn began_with_the_cancellation(refund: &Refund, order: &Order) -> bool {
    let cancelled = order.history.last().filter(|last| last.status == OrderStatus::Cancelled);
    refund.currency.is_none() && cancelled.is_some_and(|last| last.at == refund.created_at)
}

/// Whether an order that waits for money through a gateway can still be paid.
#[must_use]
pub fn can_pay_again(order: &Order, hold_ends_at: Option<UtcMs>, now: UtcMs) -> bool {
    order.status == OrderStatus::Pending && hold_ends_at.is_none_or(|at| at > now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{PaymentMethod, RefundId};

    fn every_step() -> Vec<(Step, Option<&'static str>)> {
        let moves = OrderStatus::ALL.iter().map(|status| (Step::to(*status), Some("staff")));
        let refund = RefundId::from_uuid(uuid::Uuid::nil());
        moves
            .chain([
                (Step::Moved(OrderStatus::Cancelled), Some(BY_ITSELF)),
                (Step::PaymentFailed, None),
                (Step::Refunded(refund), None),
            ])
            .collect()
    }

    #[test]
    fn what_is_urgent_goes_by_both_ways_and_the_rest_by_the_quieter_one() {
        let urgent = ["order_ready", "order_out_for_delivery", "order_cancelled", "order_expired", "payment_failed"];
        let (email, phone) = (Some("layla@example.com"), Some("+962790000000"));
        let mut kinds = Vec::new();
        for (step, by) in every_step() {
            let kind = kind(step, by);
            kinds.push(kind.code());
            let both: &[Channel] =
                if urgent.contains(&kind.code()) { &[Channel::Email, Channel::Sms] } else { &[Channel::Email] };
            assert_eq!(channels(kind, email, phone), both, "{kind:?}");
            assert_eq!(channels(kind, email, None), [Channel::Email], "{kind:?}");
            assert_eq!(channels(kind, None, phone), [Channel::Sms], "{kind:?}");
            assert_eq!(channels(kind, None, None), [], "{kind:?}");
        }
        assert_eq!(
            kinds,
            [
                "order_placed",
                "order_confirmed",
                "order_preparing",
                "order_ready",
                "order_out_for_delivery",
                "order_delivered",
                "order_cancelled",
                "order_expired",
                "payment_failed",
                "payment_refunded"
            ]
        );
    }

    #[test]
    fn a_message_waits_for_staff_and_for_who_is_paying() {
        let at = |ms| UtcMs::from_ms(1_000_000 + ms);
        let standing = |method, placed_by: &str, hold_ms| Standing {
            status: OrderStatus::Pending,
            method,
            is_reachable: true,
            placed_by: placed_by.to_owned(),
            created_at: at(0),
            hold_ends_at: Some(at(hold_ms)),
            last: None,
        };
        let online = PaymentMethod::from_code("stripe").expect("a method");
        for (method, placed_by, hold_ms, wait_ms) in [
            (PaymentMethod::CASH, "guest", 1_000, 0),
            (PaymentMethod::CASH, "customer", 1_000, 0),
            (PaymentMethod::CASH, "staff", 1_000, 10_000),
            (PaymentMethod::CASH, "admin", 1_000, 10_000),
            (online, "guest", 30 * MINUTE_MS, 5 * MINUTE_MS),
            (online, "guest", MINUTE_MS, MINUTE_MS / 2),
        ] {
            assert_eq!(placed_wait_ms(&standing(method, placed_by, hold_ms)), wait_ms, "{placed_by} {hold_ms}");
        }
        let moved = |by: &str, ms| Standing {
            last: Some(crate::features::orders::LastMove { at: at(ms), is_undo: false, by: by.to_owned() }),
            ..standing(PaymentMethod::CASH, "guest", 1_000)
        };
        for (by, ms, wait_ms) in
            [("staff", 1, 10_000), ("admin", 1, 10_000), ("staff", 0, 0), ("gateway", 1, 0), ("system", 1, 0), ("guest", 1, 0)]
        {
            assert_eq!(moved_wait_ms(&moved(by, ms)), wait_ms, "{by} {ms}");
        }
    }
}
