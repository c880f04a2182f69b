//! How a message leaves: its row, its words, its carrier, and what became of it. What is said to whom, and when, is decided by
//! `notifications` above.
//!
//! What always holds: a message is a row and a job in the transaction of its cause, so that nothing waits for a provider and nothing
//! due is lost. A try is written down before the carrier is asked (`sending`), and its outcome after; so a try whose outcome nobody
//! wrote is known, and what may have arrived is never sent again unasked. An address, a link or a text never reaches the log. Links
//! that open something are made when the message leaves, never stored. Only this feature writes `notifications`, `suppressions` and
//! `stopped_carriers`.

pub mod api;
mod callbacks;
pub mod carrier;
mod carriers;
mod check;
mod compose;
mod desk;
mod forget;
mod kind;
mod line;
mod mime;
mod model;
mod of_order;
mod outbox;
mod person;
mod probe;
pub mod problems;
mod queries;
mod queue;
mod restored;
mod retry;
mod send;
mod sql;
mod templates;
mod told;
mod tries;
mod unsubscribe;

use carriers::{EMAIL_EVENTS_PATH, SMS_STATUS_PATH};

pub use carrier::{Callback, Carrier, Found, Heard, News, Outcome, Outgoing};
pub use check::{CheckedCarrier, check_carriers};
pub use desk::{CarrierFault, Desk, SecretLinks};
pub use forget::forget_bodies;
pub use kind::Kind;
pub use model::{Channel, Rendered, Status, SuppressReason, Trouble};
pub use of_order::{Said, of_order, take_back};
pub use person::{forget_person, is_waiting, stop_promotions, withdraw};
pub use probe::{Probe, TakeUp};
pub use queries::{Numbers, check_books, numbers, stopped, trouble};
pub use queue::{NewMessage, cancel, queue};
pub use restored::{WAITS_BECAUSE, Waiting, Word, Words, held_back, hold_back, let_go, let_go_of};
pub use send::{MESSAGE_JOBS, SendMessages};
pub use templates::shop_values;
pub use told::{Told, ToldState, is_news, order_of, reason, suppress, told};
pub use unsubscribe::unsubscribe_url;
