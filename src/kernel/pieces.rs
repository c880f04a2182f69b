//! Counts of things on the shelf.

/// A number of pieces; below zero only as a change of stock.
pub type Pieces = i64;

/// The most pieces a stock, threshold or change may name (SPEC 2).
pub const MAX_STOCK: Pieces = 100_000_000;
/// The most pieces of one order line (SPEC 2).
pub const MAX_QUANTITY: Pieces = 1_000;
/// The most lines of one order (SPEC 2).
pub const MAX_LINES: usize = 100;
