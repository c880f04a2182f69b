//! The pictures that products show.

use super::Product;
use crate::db::Reader;
use crate::features::media;
use crate::kernel::{ProductId, Result};

/// Reads the pictures of products that are about to be answered with.
pub(super) fn add(reader: &Reader<'_>, products: &mut [Product]) -> Result<()> {
    let ids: Vec<ProductId> = products.iter().map(Product::id).collect();
    for (product, images) in products.iter_mut().zip(media::of_products(reader, &ids)?) {
        product.images = images;
    }
    Ok(())
}
