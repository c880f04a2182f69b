//! The states of an order and its payment, and how it is sold (SPEC 4).

/// Declares an enum whose variants have one spelling, the same in SQL, JSON and UI.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value, in the order a person would list them.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $($name::$variant => $code),+ }
            }

            #[must_use]
            pub fn from_code(code: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|value| value.code() == code)
            }
        }
    };
}

pub(crate) use words;

words! {
    /// Where an order stands.
    OrderStatus {
        Pending = "Pending",
        Confirmed = "Confirmed",
        Preparing = "Preparing",
        ReadyForPickup = "ReadyForPickup",
        OutForDelivery = "OutForDelivery",
        Delivered = "Delivered",
        Cancelled = "Cancelled",
    }
}

impl OrderStatus {
    /// Nothing more happens to it in the kitchen.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, OrderStatus::Delivered | OrderStatus::Cancelled)
    }
}

words! {
    /// What the money ledger says of an order.
    PaymentStatus {
        Pending = "Pending",
        Paid = "Paid",
        PartiallyRefunded = "PartiallyRefunded",
        Refunded = "Refunded",
        Failed = "Failed",
    }
}

words! {
    /// Where one attempt to take money stands.
    TransactionStatus {
        /// Nothing has come, and something still may.
        Pending = "pending",
        /// The customer has a step to do at the gateway.
        RequiresAction = "requires_action",
        Succeeded = "succeeded",
        Failed = "failed",
        /// Ended by us.
        Cancelled = "cancelled",
        /// Ended because nobody paid in time.
        Expired = "expired",
        /// Money came that does not fit; staff accept or refund it.
        Parked = "parked",
    }
}

impl TransactionStatus {
    /// Whether money may still come of it.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, TransactionStatus::Pending | TransactionStatus::RequiresAction)
    }
}

words! {
    /// Where a refund stands.
    RefundStatus { Pending = "pending", Succeeded = "succeeded", Failed = "failed" }
}

words! {
    /// How an order reaches the customer.
    Fulfilment { Pickup = "pickup", Delivery = "delivery" }
}

words! {
    /// Where an order came from.
    Source { Web = "web", Counter = "counter" }
}
