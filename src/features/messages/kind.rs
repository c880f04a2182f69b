//! What messages are about.

/// A kind of message; `code` is `type` on the wire and the stem of its templates' names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    OrderPlaced,
    OrderConfirmed,
    OrderPreparing,
    OrderReady,
    OrderOutForDelivery,
    OrderDelivered,
    OrderCancelled,
    /// Nobody confirmed or paid it in time.
    OrderExpired,
    PaymentFailed,
    PaymentRefunded,
    /// To admins: products that have just become low.
    LowStock,
    /// To admins: the day that is over.
    DailySummary,
    /// To admins: something that a person must look at, as a refund that failed.
    StaffAlert,
    PasswordReset,
    Invite,
    /// Written by staff to one person, about business.
    Message,
    /// To those who have agreed to such, with a way out.
    Promotion,
}

impl Kind {
    pub const ALL: [Kind; 17] = [
        Kind::OrderPlaced,
        Kind::OrderConfirmed,
        Kind::OrderPreparing,
        Kind::OrderReady,
        Kind::OrderOutForDelivery,
        Kind::OrderDelivered,
        Kind::OrderCancelled,
        Kind::OrderExpired,
        Kind::PaymentFailed,
        Kind::PaymentRefunded,
        Kind::LowStock,
        Kind::DailySummary,
        Kind::StaffAlert,
        Kind::PasswordReset,
        Kind::Invite,
        Kind::Message,
        Kind::Promotion,
    ];

    /// The word on the wire, in the books and in templates' names.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Kind::OrderPlaced => "order_placed",
            Kind::OrderConfirmed => "order_confirmed",
            Kind::OrderPreparing => "order_preparing",
            Kind::OrderReady => "order_ready",
            Kind::OrderOutForDelivery => "order_out_for_delivery",
            Kind::OrderDelivered => "order_delivered",
            Kind::OrderCancelled => "order_cancelled",
            Kind::OrderExpired => "order_expired",
            Kind::PaymentFailed => "payment_failed",
            Kind::PaymentRefunded => "payment_refunded",
            Kind::LowStock => "low_stock",
            Kind::DailySummary => "daily_summary",
            Kind::StaffAlert => "staff_alert",
            Kind::PasswordReset => "password_reset",
            Kind::Invite => "invite",
            Kind::Message => "message",
            Kind::Promotion => "promotion",
        }
    }

    #[must_use]
    pub fn from_code(code: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Rather lost than sent twice (PROVIDERS 9); and only to whom has agreed, in daytime, with a way out.
    #[must_use]
    pub const fn is_promotion(self) -> bool {
        matches!(self, Kind::Promotion)
    }

    /// Whether its link is made when it leaves, because it opens an account.
    #[must_use]
    pub const fn has_secret_link(self) -> bool {
        matches!(self, Kind::PasswordReset | Kind::Invite)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_known_by_its_code() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_code(kind.code()), Some(kind));
        }
        assert_eq!(Kind::from_code("order"), None);
    }
}
