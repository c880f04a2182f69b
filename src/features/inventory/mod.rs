//! The shelf: how much there is, how much is promised, and the ledger of every change.
//!
//! What always holds, for each product: `stock` is the sum of its ledger, `reserved` the sum of its open holds, and
//! `0 <= reserved <= stock` (SPEC 4), by the table's own checks as well as by this code. Only this feature writes stock.

mod adjust;
pub mod api;
mod model;
pub mod problems;
mod queries;
mod sql;
mod verbs;

pub use model::Shelf;
pub use queries::{available, low, order_number};
pub use verbs::{Short, free, give_back, hold, open, set_counted, set_threshold, take, untake};
