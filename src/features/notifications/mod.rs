//! What people are told, and when: of each step of an order, of money, of stock that is low, of the day that is over; what staff write
//! to customers, and promotions to those who have agreed.
//!
//! What always holds: one cause is told once. A cause writes one job in its own transaction, and that job makes the messages, each a
//! row and a job of `messages`, in the transaction that ends it. Called by `app`'s reactions alone.

pub mod alerts;
pub mod api;
pub mod campaigns;
mod daily_summary;
mod low_stock;
mod model;
pub mod orders;
mod payload;
mod ready_text;
mod restored;
mod rules;
mod sql;
mod unsubscribe;
pub mod unwanted;

pub use alerts::TellAlerts;
use alerts::to_admins;
pub use campaigns::SendCampaigns;
pub use daily_summary::TellDailySummary;
pub use low_stock::TellLowStock;
pub use orders::TellOrders;
pub use ready_text::ReadyTexts;
pub use restored::{Waiting, held_back, hold_back, let_go};
