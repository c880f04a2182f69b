//! The words of the shop, pure: money, ids, times, texts, states, events, problems.
//!
//! Nothing here waits, reads a clock, draws randomness or knows a database or HTTP. Everybody may use this room, and it
//! uses none of the others; `db/row.rs` and `http/input.rs` give its types their columns and their JSON.

pub mod actor;
pub mod address;
pub mod calling_codes;
pub mod change;
pub mod check;
pub mod event;
pub mod fold;
pub mod ids;
pub mod locale;
pub mod money;
pub mod network;
pub mod payment_method;
pub mod pieces;
pub mod problem;
pub mod shop_day;
pub mod spoken;
pub mod status;
pub mod text;
pub mod time;
pub mod time_of_day;
pub mod version;
pub mod weekday;

pub use actor::{Actor, Role};
pub use address::Address;
pub use change::{Change, Origin};
pub use check::{At, Faults, ShopFormat};
pub use event::{DomainEvent, JobDue};
pub use ids::{
    AddressId, CampaignId, CartId, CartItemId, CategoryId, ImageId, JobId, NotificationId, OrderId, PaymentId, ProductId,
    RefundId, SessionId, StockLogId, UserId, WebhookId,
};
pub use locale::Locale;
pub use money::{Currency, Money};
pub use payment_method::PaymentMethod;
pub use pieces::Pieces;
pub use problem::{Error, Fault, Problem, ProblemKind, Result};
pub use shop_day::{ShopDay, ShopZone};
pub use status::{Fulfilment, OrderStatus, PaymentStatus, RefundStatus, Source, TransactionStatus};
pub use text::{Email, Name, Note, Phone, Reason};
pub use time::UtcMs;
pub use time_of_day::TimeOfDay;
pub use version::{SeenVersion, Version};
pub use weekday::Weekday;
