//! Pictures: what is uploaded, checked by its content, kept by its hash, drawn in three sizes by a job, and served by signed links.
//!
//! What always holds: a file is whole or not there; its name says what is in it; originals are never served; what an order still shows
//! is never collected. Only this feature writes `pictures`, `media_files` and `product_images`.

pub mod api;
mod attach;
pub mod bucket;
mod check;
mod clean;
mod collect;
pub mod compare;
pub mod copy;
mod draw;
mod edit;
pub mod import;
mod intake;
mod links;
mod model;
mod pictures;
pub mod problems;
mod ranges;
mod refused;
mod render;
pub mod sample;
mod sample_job;
mod sql;
mod store;

pub use attach::{COPY_JOBS, MOST_IMAGES, RENDER_JOBS, attach, file_written};
pub use bucket::Bucket;
pub use check::{Checked, MOST_PIXELS, accept};
pub use collect::CollectPictures;
pub use copy::{Copies, CopyFiles};
pub use draw::{Rendition, draw};
pub use links::{Links, Week};
pub use model::{Drawn, EditedImage, Format, Image, KeptFile, Picture, PictureHash, Size, Status};
pub use pictures::{NotTaken, Pictures};
pub use refused::Refused;
pub use render::RenderPictures;
pub use sample_job::{DrawSample, DrawSamples};
pub use store::{Found, MediaPath, Store};

use crate::db::Reader;
use crate::kernel::{ProductId, Result, UtcMs};

/// The pictures of products that are ready, product by product, the first one first.
///
/// # Errors
/// A fault.
pub fn of_products(reader: &Reader<'_>, products: &[ProductId]) -> Result<Vec<Vec<Image>>> {
    products.iter().map(|product| sql::ready_images(reader, *product)).collect()
}

/// Files in the books, in the order of their paths, behind one.
///
/// # Errors
/// A fault.
pub fn files_after(reader: &Reader<'_>, after: &str, most: usize) -> Result<Vec<KeptFile>> {
    sql::keeping::files_after(reader, after, most)
}

/// The first picture that a product had at a moment; one that was taken away since counts.
///
/// # Errors
/// A fault.
pub fn first_at(reader: &Reader<'_>, product: ProductId, at: UtcMs) -> Result<Option<PictureHash>> {
    sql::first_at(reader, product, at)
}
