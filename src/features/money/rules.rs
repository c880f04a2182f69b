//! What the sums of the ledger mean (SPEC 4, payment states).

use crate::kernel::{PaymentStatus, TransactionStatus};

/// Minor units taken and given back: for one order, or by one payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sums {
    pub captured: i64,
    pub refunded: i64,
}

impl Sums {
    /// What the shop holds of it.
    #[must_use]
    pub const fn held(self) -> i64 {
        self.captured - self.refunded
    }
}

/// The payment status of an order of that total, whose last payment stands so. Part of a sum taken is still pending: something is
/// owed. Where nothing was taken, a last attempt that failed is told as long as no other is under way.
#[must_use]
pub fn payment_status(total_minor: i64, sums: Sums, last: Option<TransactionStatus>) -> PaymentStatus {
    match sums {
        Sums { captured: 0, .. } => match last {
            Some(TransactionStatus::Failed | TransactionStatus::Expired) => PaymentStatus::Failed,
            _ => PaymentStatus::Pending,
        },
        Sums { captured, refunded } if refunded >= captured => PaymentStatus::Refunded,
        Sums { refunded: 1.., .. } => PaymentStatus::PartiallyRefunded,
        Sums { captured, .. } if captured >= total_minor => PaymentStatus::Paid,
        Sums { .. } => PaymentStatus::Pending,
    }
}

/// Where a payment stands after money moved, by what was captured of what it asked for.
#[must_use]
pub fn after_capture(before: TransactionStatus, amount_minor: i64, captured_minor: i64) -> TransactionStatus {
    if captured_minor >= amount_minor { TransactionStatus::Succeeded } else { before }
}

/// How an amount is given back of several captures: one part each, the first ones first. All in one where no capture is named, as
/// with cash.
#[must_use]
pub fn by_capture(amount_minor: i64, left: &[i64]) -> Vec<i64> {
    let mut rest = amount_minor;
    let mut parts = Vec::new();
    for left in left {
        let part = rest.min((*left).max(0));
        parts.push(part);
        rest -= part;
    }
    // What no capture explains goes with the last part; its gateway will say what is wrong with it.
    match parts.iter_mut().rev().find(|part| **part > 0) {
        Some(last) => *last += rest,
        None => parts.push(rest),
    }
    parts.retain(|part| *part > 0);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_decide() {
        let status = |captured, refunded| payment_status(100, Sums { captured, refunded }, None);
        assert_eq!(status(0, 0), PaymentStatus::Pending);
        assert_eq!(status(40, 0), PaymentStatus::Pending);
        assert_eq!(status(100, 0), PaymentStatus::Paid);
        assert_eq!(status(100, 1), PaymentStatus::PartiallyRefunded);
        assert_eq!(status(100, 100), PaymentStatus::Refunded);
        assert_eq!(status(200, 100), PaymentStatus::PartiallyRefunded, "it had been paid twice");
    }

    #[test]
    fn a_failed_attempt_is_told_while_nothing_was_taken() {
        let status = |captured, last| payment_status(100, Sums { captured, refunded: 0 }, Some(last));
        assert_eq!(status(0, TransactionStatus::Failed), PaymentStatus::Failed);
        assert_eq!(status(0, TransactionStatus::Pending), PaymentStatus::Pending);
        assert_eq!(status(0, TransactionStatus::Expired), PaymentStatus::Failed);
        assert_eq!(status(0, TransactionStatus::Cancelled), PaymentStatus::Pending);
        assert_eq!(status(100, TransactionStatus::Failed), PaymentStatus::Paid);
    }

    #[test]
    fn what_is_given_back_of_several_captures_goes_by_capture() {
        assert_eq!(by_capture(10, &[]), [10]);
        assert_eq!(by_capture(10, &[10]), [10]);
        assert_eq!(by_capture(7, &[5, 10]), [5, 2]);
        assert_eq!(by_capture(20, &[10, 10]), [10, 10]);
        assert_eq!(by_capture(0, &[10]), Vec::<i64>::new());
    }
}
