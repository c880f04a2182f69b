//! The menu as a file, in the columns that the import reads.

use std::collections::HashMap;

use super::sheet::{COLUMNS, cell};
use super::sql;
use crate::db::Reader;
use crate::kernel::{Fault, Result, ShopFormat};

/// Every product as CSV, hidden ones too; importing it again changes nothing.
///
/// # Errors
/// A fault.
pub fn export(reader: &Reader<'_>, shop: &ShopFormat) -> Result<Vec<u8>> {
    let categories: HashMap<String, _> =
        sql::all_categories(reader)?.into_iter().map(|category| (category.draft.slug.clone(), category.draft.name)).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(Fault::new)?;
    for product in sql::all_products(reader)? {
        let names = categories.get(&product.draft.category);
        let name = |text: Option<&String>| text.cloned().unwrap_or_default();
        let row = COLUMNS.map(|column| match column {
            "category_name_en" => name(names.and_then(|names| names.en.as_ref())),
            "category_name_ar" => name(names.and_then(|names| names.ar.as_ref())),
            _ => cell(&product, column, shop),
        });
        writer.write_record(row).map_err(Fault::new)?;
    }
    writer.into_inner().map_err(|error| Fault::because(error.to_string()).into())
}
