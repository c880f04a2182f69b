//! The bakery: one folder a feature, each with its words, rules, SQL, verbs and routes.
//!
//! A feature calls another by its face alone; who may know whom is a list that `tests/it/architecture.rs` holds.

pub mod accounts;
pub mod admin;
pub mod audit;
pub mod backup;
pub mod cart;
pub mod catalog;
pub mod inventory;
pub mod media;
pub mod messages;
pub mod money;
pub mod notifications;
pub mod orders;
pub mod payments;
pub mod restored;
pub mod settings;
pub mod setup;

mod shop;

pub use shop::{AppState, Shop};
