//! What a list of products may be asked.

use serde_json::{Value, json};

use super::model::Product;
use super::shapes::read_allergen;
use crate::http::input::wrong_type;
use crate::http::page::Paging;
use crate::http::{Fields, Input};
use crate::kernel::{At, Faults, Locale, Money};

/// The order of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sort {
    /// By category, then name.
    Menu,
    Name,
    NameDown,
    Price,
    PriceDown,
    Newest,
    Oldest,
}

const SORTS: [(&str, Sort); 6] = [
    ("name", Sort::Name),
    ("-name", Sort::NameDown),
    ("price", Sort::Price),
    ("-price", Sort::PriceDown),
    ("newest", Sort::Newest),
    ("-newest", Sort::Oldest),
];

impl Sort {
    /// The name in cursors; names order otherwise in each language.
    pub(super) fn name(self, locale: Locale) -> &'static str {
        match (self, locale) {
            (Sort::Menu, Locale::En) => "menu.en",
            (Sort::Menu, Locale::Ar) => "menu.ar",
            (Sort::Name, Locale::En) => "name.en",
            (Sort::Name, Locale::Ar) => "name.ar",
            (Sort::NameDown, Locale::En) => "-name.en",
            (Sort::NameDown, Locale::Ar) => "-name.ar",
            (Sort::Price, _) => "price",
            (Sort::PriceDown, _) => "-price",
            (Sort::Newest, _) => "newest",
            (Sort::Oldest, _) => "-newest",
        }
    }

    /// The keyset values of an entry.
    pub(super) fn keyset(self, product: &Product, locale: Locale) -> Vec<Value> {
        let id = Value::from(product.id.to_string());
        let name = || Value::from(product.draft.name.sort_key(locale));
        match self {
            Sort::Menu => vec![product.category_order.into(), product.category_id.to_string().into(), name(), id],
            Sort::Name | Sort::NameDown => vec![name(), id],
            Sort::Price | Sort::PriceDown => vec![product.draft.price_minor.into(), id],
            Sort::Newest | Sort::Oldest => vec![id],
        }
    }

    fn read(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Sort> {
        let found = value.as_str().and_then(|text| SORTS.iter().find(|(name, _)| *name == text));
        if found.is_none() {
            faults.add(at, "unknown_value", format!("must be one of {}", SORTS.map(|(name, _)| name).join(", ")));
        }
        found.map(|(_, sort)| *sort)
    }
}

/// Which products.
#[derive(Clone, Default, Debug)]
pub(super) struct ProductFilter {
    /// What the public may see.
    pub shown_only: bool,
    pub is_active: Option<bool>,
    pub category: Option<String>,
    pub price_min: Option<i64>,
    pub price_max: Option<i64>,
    pub in_stock: Option<bool>,
    pub allergen_free: Vec<String>,
}

impl ProductFilter {
    /// Nothing is asked but what the caller may see.
    pub(super) fn is_whole_menu(&self) -> bool {
        matches!(
            self,
            ProductFilter { shown_only: _, is_active: None, category: None, price_min: None, price_max: None, in_stock: None, allergen_free }
            if allergen_free.is_empty()
        )
    }
}

/// The query of `GET /products`.
#[derive(Clone, Debug)]
pub(super) struct ProductQuery {
    pub filter: ProductFilter,
    pub sort: Sort,
    pub paging: Paging,
}

impl Input for ProductQuery {
    const NAME: &'static str = "ProductQuery";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let category = fields.opt_text("category", crate::kernel::text::Lines::One, 1..=100);
        let price_min = fields.opt::<Money>("price_min").map(Money::minor);
        let price_max = fields.opt::<Money>("price_max").map(Money::minor);
        let sort = fields.opt_with(
            "sort",
            || json!({ "type": "string", "enum": SORTS.map(|(name, _)| name), "description": "Without it by category, then name." }),
            Sort::read,
        );
        let in_stock = fields.opt("in_stock");
        let allergen_free = fields.opt_with(
            "allergen_free",
            || json!({ "type": "string", "description": "Allergens, parted by commas, that must not be in it.", "example": "nuts,milk" }),
            read_words,
        );
        let is_active = fields.opt("is_active");
        let paging = Paging::read(fields);
        let allergen_free = allergen_free.unwrap_or_default();
        let filter = ProductFilter { shown_only: true, is_active, category, price_min, price_max, in_stock, allergen_free };
        Some(ProductQuery { filter, sort: sort.unwrap_or(Sort::Menu), paging: paging? })
    }
}

/// The most allergens a list may be asked to leave out.
const MOST_WORDS: usize = 20;

fn read_words(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Vec<String>> {
    let Some(text) = value.as_str() else { return wrong_type(at, faults, "words parted by commas") };
    let words: Result<Vec<String>, _> =
        text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(read_allergen).collect();
    match words {
        Ok(words) if words.len() <= MOST_WORDS => Some(words),
        Ok(_) => {
            faults.add(at, "wrong_length", format!("must name at most {MOST_WORDS}"));
            None
        }
        Err(message) => {
            faults.add(at, "invalid_allergen", message);
            None
        }
    }
}
