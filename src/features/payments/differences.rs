//! What a gateway's own books say otherwise than the ledger.

use uuid::Uuid;

use super::gateway::BookKind;
use crate::http::page::Paging;
use crate::kernel::{PaymentId, PaymentMethod, ShopDay, UtcMs};

crate::kernel::status::words! {
    /// How two books differ.
    Differs {
        /// The gateway has it, and the ledger has not.
        MissingHere = "missing_here",
        /// The ledger has it, and the gateway has not.
        MissingThere = "missing_there",
        /// Both have it, and not the same sum.
        Amount = "amount",
    }
}

impl BookKind {
    /// The word of the ledger.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            BookKind::Captured => "captured",
            BookKind::Refunded => "refunded",
        }
    }

    #[must_use]
    pub fn from_code(code: &str) -> Option<BookKind> {
        [BookKind::Captured, BookKind::Refunded].into_iter().find(|kind| kind.code() == code)
    }
}

/// A difference as it was found. Amounts are minor units of `currency`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    pub kind: BookKind,
    /// The name at the gateway of what was captured or refunded.
    pub object: String,
    pub what: Differs,
    pub payment: Option<PaymentId>,
    pub ours_minor: Option<i64>,
    pub theirs_minor: Option<i64>,
    pub currency: String,
}

/// A difference as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    pub id: Uuid,
    pub gateway: PaymentMethod,
    /// The shop's day that was compared.
    pub day: ShopDay,
    pub kind: BookKind,
    pub object: String,
    pub what: Differs,
    pub payment: Option<PaymentId>,
    pub ours_minor: Option<i64>,
    pub theirs_minor: Option<i64>,
    pub currency: String,
    pub found_at: UtcMs,
    pub closed_at: Option<UtcMs>,
}

/// Which differences.
#[derive(Clone, Debug)]
pub struct DifferenceFilter {
    pub gateway: Option<PaymentMethod>,
    /// Those that are still there; `false`: those that are not.
    pub open: Option<bool>,
    pub paging: Paging,
}
