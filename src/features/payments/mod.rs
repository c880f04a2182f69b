//! Paying through gateways: checkout, what becomes of it, refunds, the gateways' messages, and the comparison with their books.
//!
//! What always holds: an order exists before its payment, and a payment's row before its gateway is called; one attempt an order is
//! live; what a gateway says is booked once, whichever way it comes; nothing is held while a gateway is waited for. Only this feature
//! writes `gateway_attempts`, `payment_objects` and `webhook_inbox`.

pub mod api;
pub mod ask;
pub mod attempts;
mod check_keys;
pub mod checkout;
mod compare;
mod differences;
pub mod end;
pub mod gateway;
pub mod gateways;
mod inbox;
mod page;
pub mod problems;
pub mod reconcile;
mod refund;
pub mod refund_problems;
mod refunds_told;
mod resolve;
mod restored;
mod rules;
pub mod settle;
mod silence;
mod sql;
pub mod strike;
pub mod turns;
mod waiting;

pub use check_keys::{Checked, Trouble, check_keys};
pub use compare::CompareBooks;
pub use gateway::Gateway;
pub use gateways::{GatewayFault, Gateways, Setting};
pub use inbox::{HandleMessages, forget_bodies, lost_money};
pub use refund::SendRefunds;
pub use restored::{FoundOut, ask_first, found_out};
pub use silence::Silence;
pub use waiting::waiting;
