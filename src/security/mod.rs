//! Keys, passwords, tokens, sealing. Primitives come from libraries; nothing is invented here.

pub mod random;

/// The shop's secret keys.
pub struct Keys;
