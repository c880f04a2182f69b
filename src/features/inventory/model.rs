//! The shelf's words.

use crate::kernel::{Pieces, ProductId, StockLogId, UtcMs, Version};

/// A product on the shelf.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shelf {
    pub product: ProductId,
    pub sku: String,
    pub name_en: Option<String>,
    pub name_ar: Option<String>,
    pub stock: Pieces,
    pub reserved: Pieces,
    pub threshold: Pieces,
    pub version: Version,
    pub updated_at: UtcMs,
}

/// How much there is and how much is promised.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Level {
    pub stock: Pieces,
    pub reserved: Pieces,
    pub threshold: Pieces,
    pub version: Version,
}

/// A row of the ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogRow {
    pub id: StockLogId,
    pub product: ProductId,
    pub delta: Pieces,
    pub stock_after: Pieces,
    pub reason: String,
    /// The number parts of the order that caused it.
    pub order_number: Option<(i64, i64)>,
    pub actor: String,
    pub note: Option<String>,
    pub created_at: UtcMs,
}

/// An order that holds pieces of a product.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Holder {
    pub order: crate::kernel::OrderId,
    pub number_day: i64,
    pub number: i64,
    pub quantity: Pieces,
}
