//! What a list of products may be asked.

use serde_json::{Value, json};

use super::bodies::read_allergen;
use super::model::Product;
use crate::http::input::wrong_type;
use crate::http::page::Paging;
use crate::http::{Fields, Input};
use crate::kernel::text::{Lines, bounded};
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
    Popular,
    Unpopular,
}

const SORTS: [(&str, Sort); 8] = [
    ("name", Sort::Name),
    ("-name", Sort::NameDown),
    ("price", Sort::Price),
    ("-price", Sort::PriceDown),
    ("newest", Sort::Newest),
    ("-newest", Sort::Oldest),
    ("popular", Sort::Popular),
    ("-popular", Sort::Unpopular),
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
            (Sort::Popular, Locale::En) => "popular.en",
            (Sort::Popular, Locale::Ar) => "popular.ar",
            (Sort::Unpopular, Locale::En) => "-popular.en",
            (Sort::Unpopular, Locale::Ar) => "-popular.ar",
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
            Sort::Popular | Sort::Unpopular => {
                let place = [product.sold.into(), product.category_order.into(), product.category_id.to_string().into()];
                place.into_iter().chain([name(), id]).collect()
            }
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
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct ProductFilter {
    /// What the public may see.
    pub shown_only: bool,
    pub is_active: Option<bool>,
    pub category: Option<String>,
    pub price_min: Option<i64>,
    pub price_max: Option<i64>,
    pub in_stock: Option<bool>,
    pub allergen_free: Vec<String>,
    /// An expression of the search that must find it.
    pub found_by: Option<String>,
    /// Whether any of it was sold lately.
    pub is_sold: Option<bool>,
}

impl ProductFilter {
    /// What the index of searches can tell by itself.
    pub(super) fn plain(&self) -> ProductFilter {
        ProductFilter { shown_only: self.shown_only, ..ProductFilter::default() }
    }

    pub(super) fn is_plain(&self) -> bool {
        *self == self.plain()
    }
}

impl ProductFilter {
    /// Nothing is asked but what the caller may see.
    pub(super) fn is_whole_menu(&self) -> bool {
        matches!(
            self,
            ProductFilter { shown_only: _, is_active: None, category: None, price_min: None, price_max: None, in_stock: None, allergen_free, found_by: None, is_sold: None }
            if allergen_free.is_empty()
        )
    }
}

/// The query of `GET /products`.
#[derive(Clone, Debug)]
pub(super) struct ProductQuery {
    /// What products are to be found by, as it was typed; never blank.
    pub text: Option<String>,
    pub filter: ProductFilter,
    /// `None`: by relevance with a text, else as the menu.
    pub sort: Option<Sort>,
    pub paging: Paging,
}

impl Input for ProductQuery {
    const NAME: &'static str = "ProductQuery";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let text = fields.opt_with("q", text_schema, read_text).filter(|text| !text.is_empty());
        let category = fields.opt_text("category", Lines::One, 1..=100);
        let price_min = fields.opt::<Money>("price_min").map(Money::minor);
        let price_max = fields.opt::<Money>("price_max").map(Money::minor);
        let sort = fields.opt_with(
            "sort",
            || json!({ "type": "string", "enum": SORTS.map(|(name, _)| name), "description": SORT_DESCRIPTION, "example": "popular" }),
            Sort::read,
        );
        let in_stock = fields.opt("in_stock");
        let allergen_free = fields.opt_with(
            "allergen_free",
            || json!({ "type": "string", "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f;]{0,40}$", "description": "Allergens, parted by commas, that must not be in it.", "example": "nuts,milk" }),
            read_words,
        );
        let is_active = fields.opt("is_active");
        let paging = Paging::read(fields);
        let allergen_free = allergen_free.unwrap_or_default();
        let filter = ProductFilter {
            shown_only: true,
            is_active,
            category,
            price_min,
            price_max,
            in_stock,
            allergen_free,
            found_by: None,
            is_sold: None,
        };
        Some(ProductQuery { text, filter, sort, paging: paging? })
    }
}

const SORT_DESCRIPTION: &str = "A minus turns it round. Without it by category, then name; with `q` by relevance. `popular` counts pieces in \
    orders confirmed within 30 days, anew each hour; equal ones come as on the menu.";

/// Characters of a search.
const LONGEST_TEXT: usize = 200;

fn text_schema() -> Value {
    json!({
        "type": "string",
        "maxLength": LONGEST_TEXT,
        "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*$",
        "description": "Words to find products by, in Arabic or English: in their names first, then in those of their categories, then in \
            descriptions. Case, accents, Arabic letter forms and digits of either script do not matter, a word's beginning is enough, \
            and where nothing fits a typing error is forgiven. All words must fit, unless nothing fits all. Blank is as leaving it \
            out; without a letter or a digit it finds nothing. Without `sort` the best 500 hits are listed, the best first.",
        "example": "كنافه",
    })
}

fn read_text(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<String> {
    let Some(text) = value.as_str() else { return wrong_type(at, faults, "a text") };
    bounded(text, Lines::One, 0, LONGEST_TEXT).map_err(|fault| faults.add(at, fault.code, fault.message)).ok()
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
