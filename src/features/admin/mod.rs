//! Windows of those who run the shop on what the other features keep: the board of open orders, and the day at a glance.
//!
//! It writes nothing. What it reads stays as fast with a million orders stored, because each reading stands on an index that
//! holds what is open or of today alone.

pub mod api;
mod model;
mod queries;
mod sql;
