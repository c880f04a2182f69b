//! The audit log: what staff did, whose sign-in failed, what was refused to whom (SPEC 9).
//!
//! What always holds: a row of something done lies in the transaction that did it; rows are only ever added, numbered without
//! gaps, and each one's hash covers the one before it, so that a row that was changed or taken out is found by [`verify`]. No
//! row holds a secret; of a stranger who failed to sign in it holds a fingerprint of the address that was tried.

pub mod api;
mod model;
mod queries;
mod refusals;
mod rules;
mod sql;
mod verify;
mod watch;
mod written;

pub use model::Head;
pub use refusals::{Refusal, What};
pub use verify::{Report, check_newest, newest, verify};
pub use watch::Watch;
pub use written::written;
