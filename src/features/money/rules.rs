//! What the sums of the ledger mean (SPEC 4, payment states).

use crate::kernel::PaymentStatus;

/// Minor units taken and given back for one order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sums {
    pub captured: i64,
    pub refunded: i64,
}

/// The payment status of an order of that total. Part of a sum taken is still pending: something is owed.
#[must_use]
pub fn payment_status(total_minor: i64, sums: Sums) -> PaymentStatus {
    match sums {
        Sums { captured: 0, .. } => PaymentStatus::Pending,
        Sums { captured, refunded } if refunded >= captured => PaymentStatus::Refunded,
        Sums { refunded: 1.., .. } => PaymentStatus::PartiallyRefunded,
        Sums { captured, .. } if captured >= total_minor => PaymentStatus::Paid,
        Sums { .. } => PaymentStatus::Pending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_decide() {
        let status = |captured, refunded| payment_status(100, Sums { captured, refunded });
        assert_eq!(status(0, 0), PaymentStatus::Pending);
        assert_eq!(status(40, 0), PaymentStatus::Pending);
        assert_eq!(status(100, 0), PaymentStatus::Paid);
        assert_eq!(status(100, 1), PaymentStatus::PartiallyRefunded);
        assert_eq!(status(100, 100), PaymentStatus::Refunded);
    }
}
