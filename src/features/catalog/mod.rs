//! The catalog: categories, products, options, and their answers ready to send.

/// Serialized catalog answers.
pub struct Menu;
