//! EL-Bayader: a bakery's whole back office in one binary.
pub mod kernel;
