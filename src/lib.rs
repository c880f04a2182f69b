//! EL-Bayader.

pub mod config;
