//! An order's words.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::kernel::{
    Address, Currency, Fulfilment, Locale, OrderId, OrderStatus, PaymentMethod, PaymentStatus, ProductId, Source, UserId,
    UtcMs, Version,
};

/// How and when an order reaches its customer, as it was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Delivery {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

/// Who the order is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Customer {
    pub id: Option<UserId>,
    pub name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
}

/// A keyed fingerprint of a network address.
pub type Network = [u8; 16];

/// What is counted of a guest's open order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Guest {
    pub phone: Option<String>,
    /// `None` for orders from before it was kept.
    pub network: Option<Network>,
}

/// The sums of an order, in minor units of its currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    pub subtotal: i64,
    pub delivery_fee: i64,
    pub discount: i64,
    pub tax: i64,
    pub tax_included: bool,
    pub total: i64,
}

/// What happened to a line's stock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HoldState {
    /// The product's stock is not counted.
    Untracked,
    /// Promised.
    Held,
    /// The promise was taken back.
    Freed,
    /// Gone from the shelf.
    Taken,
    /// Gone, and put back.
    Returned,
}

impl HoldState {
    pub const ALL: [HoldState; 5] =
        [HoldState::Untracked, HoldState::Held, HoldState::Freed, HoldState::Taken, HoldState::Returned];

    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            HoldState::Untracked => "untracked",
            HoldState::Held => "held",
            HoldState::Freed => "freed",
            HoldState::Taken => "taken",
            HoldState::Returned => "returned",
        }
    }

    #[must_use]
    pub fn from_code(code: &str) -> Option<HoldState> {
        HoldState::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// A line with its own copy of what was sold.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    pub id: Uuid,
    pub product: ProductId,
    pub sku: String,
    pub name_en: Option<String>,
    pub name_ar: Option<String>,
    pub unit_price: i64,
    pub quantity: i64,
    pub options: Option<Map<String, Value>>,
    pub options_text_en: Option<String>,
    pub options_text_ar: Option<String>,
    pub line_total: i64,
    pub tax_rate_bp: i64,
    pub tax: i64,
    pub hold: HoldState,
}

/// What verbs need of an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    pub id: OrderId,
    pub status: OrderStatus,
    pub fulfilment: Fulfilment,
    pub payment_method: PaymentMethod,
    pub total: i64,
    pub captured: i64,
    pub refunded: i64,
    pub due_at: UtcMs,
    /// When it ends by itself; `None` once it cannot.
    pub hold_ends_at: Option<UtcMs>,
    pub version: Version,
    pub created_at: UtcMs,
    pub updated_at: UtcMs,
}

/// What whoever takes money for an order needs to know of it. Amounts are minor units of `currency`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payable {
    pub id: OrderId,
    /// `B-261123-0042`.
    pub number: String,
    pub status: OrderStatus,
    pub payment_status: PaymentStatus,
    pub method: PaymentMethod,
    pub total_minor: i64,
    pub captured_minor: i64,
    pub refunded_minor: i64,
    pub currency: Currency,
    pub customer_name: String,
    pub customer_email: Option<String>,
    /// E.164.
    pub customer_phone: Option<String>,
    /// When it ends by itself; `None` once it cannot.
    pub hold_ends_at: Option<UtcMs>,
    pub due_at: UtcMs,
    pub placed_by_guest: bool,
    pub customer: Option<UserId>,
}

/// What is asked of an order before anything is told of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    pub status: OrderStatus,
    pub method: PaymentMethod,
    /// An e-mail address or a phone is known.
    pub is_reachable: bool,
    /// Who placed it: a role, or `guest`.
    pub placed_by: String,
    pub created_at: UtcMs,
    /// When it ends by itself; `None` once it cannot.
    pub hold_ends_at: Option<UtcMs>,
    /// Its newest move, or move taken back.
    pub last: Option<LastMove>,
}

/// The newest row of an order's history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastMove {
    pub at: UtcMs,
    pub is_undo: bool,
    /// A role, `guest`, `gateway` or `system`.
    pub by: String,
}

/// An order, whole.
#[derive(Clone, PartialEq, Debug)]
pub struct Order {
    pub id: OrderId,
    pub number_day: i64,
    pub number: i64,
    pub status: OrderStatus,
    pub payment_status: PaymentStatus,
    pub payment_method: PaymentMethod,
    pub fulfilment: Fulfilment,
    pub source: Source,
    pub placed_by: String,
    pub customer: Customer,
    /// In which its customer is written to; `None` for one from before it was kept: the shop's.
    pub locale: Option<Locale>,
    pub delivery: Option<Delivery>,
    pub notes: Option<String>,
    pub metadata: Option<Map<String, Value>>,
    pub currency: String,
    pub totals: Totals,
    pub refunded: i64,
    pub due_at: UtcMs,
    pub business_day: i64,
    pub token_version: i64,
    pub version: Version,
    pub created_at: UtcMs,
    pub updated_at: UtcMs,
    pub lines: Vec<Line>,
    pub history: Vec<HistoryRow>,
}

impl Order {
    /// In which language its customer is written to.
    #[must_use]
    pub fn language(&self, shop: Locale) -> Locale {
        self.locale.unwrap_or(shop)
    }
}

/// A move, or a move taken back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HistoryRow {
    pub at: UtcMs,
    pub is_undo: bool,
    pub status: OrderStatus,
    pub actor: String,
    pub note: Option<String>,
}
