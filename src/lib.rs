//! EL-Bayader: a bakery's whole back office in one binary.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
pub mod features;
pub mod http;
pub mod jobs;
pub mod kernel;
pub mod ops;
pub mod outbound;
pub mod security;
pub mod trace;
pub mod workers;
