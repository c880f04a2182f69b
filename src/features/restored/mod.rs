//! A shop that was restored: what is done to its books before it opens again, what waits for the owner's word, and the word.
//!
//! What always holds (SPEC 10): a restored shop sells at once and never repeats the past. Nobody is signed in; what would tell people of
//! the time before waits; what is under way at a gateway is asked about before anything is sent; the day's order numbers go on higher;
//! who was erased since is erased again. `docs/decisions/0019-restored-shops.md` decides it table by table. Only this feature writes
//! `restorations`.

mod answer;
pub mod api;
mod make;
mod model;
pub mod problems;
mod queries;
mod sql;

pub use make::{MakeRestored, Past};
pub use model::{Made, Restoration};
pub use queries::{line_for_doctor, standing};
