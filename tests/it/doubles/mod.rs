//! Providers that are not there: small servers on loopback that keep books, hold each request against the published document, and
//! fail in the ways that the real ones fail.

pub mod paypal;
pub mod paypal_signer;
pub mod spec;
