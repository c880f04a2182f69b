//! Keys, passwords, tokens, sealing. Primitives come from libraries; nothing is invented here.

pub mod random;
