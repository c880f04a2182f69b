//! The menu as a sheet: its columns, and how a product fills them.

use super::model::{DEFAULT_UNIT, Product};
use super::shapes::groups_json;
use crate::kernel::{Money, ShopFormat};

/// The columns, in the order in which they are written.
pub(super) const COLUMNS: [&str; 16] = [
    "sku",
    "category",
    "category_name_en",
    "category_name_ar",
    "name_en",
    "name_ar",
    "description_en",
    "description_ar",
    "price",
    "currency",
    "unit",
    "stock",
    "stock_threshold",
    "lead_time_hours",
    "allergens",
    "options",
];

/// What a product shows in a column. A category's names are the caller's to give.
pub(super) fn cell(product: &Product, column: &str, shop: &ShopFormat) -> String {
    let draft = &product.draft;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    match column {
        "sku" => draft.sku.clone(),
        "category" => draft.category.clone(),
        "name_en" => text(&draft.name.en),
        "name_ar" => text(&draft.name.ar),
        "description_en" => text(&draft.description.en),
        "description_ar" => text(&draft.description.ar),
        "price" => Money::from_minor(draft.price_minor, shop.currency).to_string(),
        "currency" => shop.currency.code().to_owned(),
        "unit" if draft.unit.is_empty() => DEFAULT_UNIT.to_owned(),
        "unit" => draft.unit.clone(),
        "stock" => product.stock.to_string(),
        "stock_threshold" => product.stock_threshold.to_string(),
        "lead_time_hours" => draft.lead_time_hours.to_string(),
        "allergens" => draft.allergens.join(";"),
        "options" if draft.option_groups.is_empty() => String::new(),
        "options" => groups_json(&draft.option_groups, shop).to_string(),
        _ => String::new(),
    }
}
