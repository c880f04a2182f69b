//! A shop to test in. [`Shop::open`] is the real router on a free port over a temporary folder, with a clock held in the hand;
//! [`Shop::spawn`] the real binary. Closing one balances its books and compares every answer with the OpenAPI document.

mod builders;
mod client;
mod peers;
mod restored;
pub mod said;
mod schema;
mod shop;
mod spawn;
pub mod test_carrier;
pub mod test_gateway;
mod told;

pub use builders::{Order, Product};
pub use client::{Client, PASSWORD, Reply, Request, Wire};
pub use peers::{is_there, python_peer, skipped};
pub use restored::Backup;
pub use schema::Seen;
pub use shop::{Ground, OWNER, Shop};
pub use spawn::{Folder, Spawned, bayader, bayader_reading};
