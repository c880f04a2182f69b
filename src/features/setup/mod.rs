//! The first hour of a shop: until somebody owns it only this page and health answer (SPEC 10).
//!
//! What always holds: a shop is set up once, in one write; who does it from a browser has the one-time code, which lies in the memory
//! of the running server alone.

pub mod api;
mod code;
mod open;
mod places;
pub mod problems;
mod refuse;
pub mod sample;

pub use code::{Code, LASTS as CODE_LASTS, OneTimeCode, Standing};
pub use open::{Choices, NewOwner, OpenShop, Opened};
pub use refuse::{FIELDS, refusals};
