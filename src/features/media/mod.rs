//! Pictures: what is uploaded, checked by its content, kept by its hash, drawn in three sizes by a job, and served by signed links.
//!
//! What always holds: a file is whole or not there; its name says what is in it; originals are never served; what an order still shows
//! is never collected. Only this feature writes `pictures`, `media_files` and `product_images`.

pub mod api;
pub mod bucket;
pub mod sample;
mod store;

pub use store::Store;
