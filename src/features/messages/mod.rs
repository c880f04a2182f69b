//! How a message leaves: its row, its words, its carrier, and what became of it. What is said to whom, and when, is decided by
//! `notifications` above.
//!
//! What always holds: a message is a row and a job in the transaction of its cause, so that nothing waits for a provider and nothing
//! due is lost. A try is written down before the carrier is asked (`sending`), and its outcome after; so a try whose outcome nobody
//! wrote is known, and what may have arrived is never sent again unasked. An address, a link or a text never reaches the log. Links
//! that open something are made when the message leaves, never stored. Only this feature writes `notifications`, `suppressions` and
//! `stopped_carriers`.

pub mod api;
pub mod carrier;
mod carriers;
mod compose;
mod desk;
mod kind;
mod line;
mod mime;
mod model;
mod outbox;
mod person;
mod probe;
mod queue;
mod send;
mod sql;
mod templates;
mod told;
mod tries;
mod unsubscribe;

pub use carrier::{Carrier, Found, Outcome, Outgoing};
pub use desk::{CarrierFault, Desk, SecretLinks};
pub use kind::Kind;
pub use model::{Channel, Rendered, Status, SuppressReason};
pub use person::{forget_person, is_waiting, withdraw};
pub use probe::{Probe, TakeUp};
pub use queue::{NewMessage, cancel, queue};
pub use send::{MESSAGE_JOBS, SendMessages};
pub use told::{Told, ToldState, is_news, reason, suppress, told};
pub use unsubscribe::unsubscribe_url;
