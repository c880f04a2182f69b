//! Messages to people: what they say, in both languages, and the outbox they leave by.
//!
//! What always holds: an address or a link never reaches the log; a letter in the outbox is whole. For now every letter becomes a
//! file for the keeper to read (the adapter `log`); adapters that send take [`Outbox::send`]'s place.

mod letter;
mod outbox;
mod template;

pub use letter::Letter;
pub use outbox::Outbox;
pub use template::Template;
