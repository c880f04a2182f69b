//! Keys, passwords, tokens, sealing. Primitives come from libraries; nothing is invented here.

pub mod keys;
pub mod password;
pub mod random;
pub mod token;

pub use keys::Keys;
pub use password::Passwords;
