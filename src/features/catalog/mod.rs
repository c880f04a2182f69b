//! The catalog: categories, products, options, and their answers ready to send.
//!
//! What always holds: each product has a name in at least one language, a sku and a slug of its own, a category that is there,
//! and a row on the shelf; the public sees active products of active categories alone; orders keep their own copies, so nothing
//! here changes what was bought.

pub mod api;
mod bodies;
mod categories;
mod export;
mod images;
mod import;
mod list;
mod menu;
mod menu_file;
mod model;
mod on_sale;
mod popularity;
pub mod problems;
mod products;
mod reindex;
pub mod rules;
mod search;
mod shapes;
mod sheet;
mod sql;
#[cfg(test)]
mod tests;

pub use export::export;
pub use import::{DiffLine, Import, ImportReport, What};
pub use menu::Menu;
pub use menu_file::{Parsed, RowFault, parse};
pub use model::{Category, Choice, ForSale, OptionGroup, Product, TextLimit, Words};
pub use on_sale::on_sale;
pub use popularity::CountPopular;
pub use reindex::IndexCategories;
pub use rules::{Chosen, Priced, choose, price};
pub use search::{BuildSearchIndex, check_search, search_index_is_current};
pub use shapes::options_schema;

use crate::db::Reader;
use crate::kernel::{ProductId, Result};

/// What an order needs to know of a product; hidden ones too, told by `is_active`.
///
/// # Errors
/// A fault.
pub fn for_sale(reader: &Reader<'_>, id: ProductId) -> Result<Option<ForSale>> {
    sql::for_sale(reader, id)
}

/// Whether there is any product, hidden or not.
///
/// # Errors
/// A fault.
pub fn has_any_product(reader: &Reader<'_>) -> Result<bool> {
    sql::has_any_product(reader)
}
