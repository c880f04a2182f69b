//! Windows of those who run the shop on what the other features keep: the board of open orders, the day at a
//! glance, background work.
//!
//! It writes nothing itself; what staff decide of jobs, the engine's verbs write. What it reads stays as fast with a million orders
//! stored, because each reading stands on an index that holds what is open or of today alone.

pub mod api;
mod jobs;
mod model;
pub mod problems;
mod queries;
mod sql;

pub use model::{Moved, Sum};
pub use queries::{Day, day};
