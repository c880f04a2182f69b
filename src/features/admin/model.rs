//! The windows' words.

use serde_json::Value;

use crate::kernel::{Fulfilment, OrderId, OrderStatus, PaymentMethod, PaymentStatus, ShopDay, Source, UtcMs, Version};

/// The states of open orders, in the order in which an order walks through them: the board's lanes.
pub const LANES: [OrderStatus; 5] = [
    OrderStatus::Pending,
    OrderStatus::Confirmed,
    OrderStatus::Preparing,
    OrderStatus::ReadyForPickup,
    OrderStatus::OutForDelivery,
];

/// Open orders of one state.
#[derive(Clone, PartialEq, Debug)]
pub struct Lane {
    pub status: OrderStatus,
    /// All of them, also those not shown.
    pub count: i64,
    /// Those due first.
    pub slips: Vec<Slip>,
}

/// An order as the board shows it.
#[derive(Clone, PartialEq, Debug)]
pub struct Slip {
    pub id: OrderId,
    pub number_day: i64,
    pub number: i64,
    pub status: OrderStatus,
    pub payment_status: PaymentStatus,
    pub payment_method: PaymentMethod,
    pub fulfilment: Fulfilment,
    pub source: Source,
    pub customer_name: String,
    pub customer_phone: Option<String>,
    /// As it is stored with the order.
    pub delivery: Option<Value>,
    pub notes: Option<String>,
    /// Minor units.
    pub total: i64,
    /// Minor units taken so far.
    pub captured: i64,
    pub due_at: UtcMs,
    pub business_day: ShopDay,
    /// When it ends by itself unless somebody confirms it.
    pub hold_expires_at: Option<UtcMs>,
    pub version: Version,
    pub created_at: UtcMs,
    pub updated_at: UtcMs,
    pub lines: Vec<SlipLine>,
}

/// A line of a slip.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlipLine {
    pub quantity: i64,
    pub name_en: Option<String>,
    pub name_ar: Option<String>,
    pub options_en: Option<String>,
    pub options_ar: Option<String>,
}

/// Orders and their money, in minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sum {
    pub count: i64,
    pub minor: i64,
}

/// Money that moved in a span of time by one method.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moved {
    pub method: PaymentMethod,
    pub taken: i64,
    pub given_back: Sum,
}

/// A backup that was restored into a scratch folder and found whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProvenBackup {
    pub file: String,
    pub proven_at: UtcMs,
    /// The moment that its books show.
    pub made_at: UtcMs,
    pub orders: i64,
    /// The same of the newest backup of all.
    pub newest_made_at: UtcMs,
}
