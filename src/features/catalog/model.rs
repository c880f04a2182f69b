//! The words of the catalog.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::features::media::Image;
use crate::kernel::{CategoryId, Locale, Pieces, ProductId, UtcMs, Version};

/// A text in the shop's languages; at least one is there.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Words {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ar: Option<String>,
}

impl Words {
    /// The text of a language, or else the other one's.
    #[must_use]
    pub fn shown(&self, locale: Locale) -> &str {
        self.of(locale).or(self.of(locale.other())).unwrap_or("")
    }

    /// The text of a language, if there is one.
    #[must_use]
    pub fn of(&self, locale: Locale) -> Option<&str> {
        match locale {
            Locale::En => self.en.as_deref(),
            Locale::Ar => self.ar.as_deref(),
        }
    }

    pub(super) fn set(&mut self, locale: Locale, text: Option<String>) {
        match locale {
            Locale::En => self.en = text,
            Locale::Ar => self.ar = text,
        }
    }

    /// As lists order it, in a language.
    pub(super) fn sort_key(&self, locale: Locale) -> String {
        self.shown(locale).to_lowercase()
    }
}

/// A group of choices of a product, as `size`; or a text that the customer writes. Stored as JSON, deltas in minor units.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OptionGroup {
    pub code: String,
    pub name: Words,
    pub required: bool,
    /// Fewest choices once any is made.
    pub min: i64,
    pub max: i64,
    /// There for a group that takes text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextLimit>,
    pub choices: Vec<Choice>,
}

/// How long a customer's text may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TextLimit {
    pub max_length: i64,
}

/// One choice of a group.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    pub code: String,
    pub name: Words,
    pub delta_minor: i64,
}

/// What an order needs to know of a product.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForSale {
    pub id: ProductId,
    pub sku: String,
    pub name_en: Option<String>,
    pub name_ar: Option<String>,
    pub price_minor: i64,
    pub option_groups: Vec<OptionGroup>,
    /// Hundredths of a per cent; 0: no tax.
    pub tax_rate_bp: i64,
    pub lead_time_hours: i64,
    pub max_per_order: Option<i64>,
    pub track_stock: bool,
    /// It and its category are shown.
    pub is_active: bool,
}

/// The most pieces of one product an order may have, unless the product says otherwise (SPEC 4).
const MAX_PER_ORDER: i64 = 100;

impl ForSale {
    /// The most pieces of it that one order may have.
    #[must_use]
    pub fn most_per_order(&self) -> i64 {
        self.max_per_order.unwrap_or(MAX_PER_ORDER)
    }
}

/// What an editor decides of a product.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Draft {
    pub sku: String,
    pub slug: String,
    /// The category's slug.
    pub category: String,
    pub name: Words,
    pub description: Words,
    pub price_minor: i64,
    pub unit: String,
    pub allergens: Vec<String>,
    pub attributes: Map<String, Value>,
    pub option_groups: Vec<OptionGroup>,
    pub lead_time_hours: i64,
    pub max_per_order: Option<i64>,
    pub track_stock: bool,
    pub is_active: bool,
}

impl Draft {
    /// As the audit log tells it.
    pub(super) fn told(&self, stock_threshold: Pieces) -> Value {
        serde_json::json!({
            "sku": self.sku,
            "slug": self.slug,
            "category": self.category,
            "name": self.name,
            "description": self.description,
            "priceMinor": self.price_minor,
            "unit": self.unit,
            "allergens": self.allergens,
            "attributes": self.attributes,
            "optionGroups": self.option_groups,
            "leadTimeHours": self.lead_time_hours,
            "maxPerOrder": self.max_per_order,
            "trackStock": self.track_stock,
            "isActive": self.is_active,
            "stockThreshold": stock_threshold,
        })
    }
}

/// A product as it stands.
#[derive(Clone, PartialEq, Debug)]
pub struct Product {
    pub(super) id: ProductId,
    pub(super) draft: Draft,
    pub(super) category_id: CategoryId,
    pub(super) category_order: i64,
    pub(super) stock: Pieces,
    pub(super) reserved: Pieces,
    pub(super) stock_threshold: Pieces,
    /// Pieces in orders confirmed within 30 days; read only where a list is sorted by it, else 0.
    pub(super) sold: Pieces,
    /// Read only for what is answered with; else empty.
    pub(super) images: Vec<Image>,
    pub(super) version: Version,
    pub(super) created_at: UtcMs,
    pub(super) updated_at: UtcMs,
}

impl Product {
    #[must_use]
    pub fn id(&self) -> ProductId {
        self.id
    }
}

/// What an editor decides of a category.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct CategoryDraft {
    pub slug: String,
    pub name: Words,
    pub sort_order: i64,
    pub tax_rate_bp: Option<i64>,
    pub is_active: bool,
}

impl CategoryDraft {
    /// As the audit log tells it.
    pub(super) fn told(&self) -> Value {
        serde_json::json!({
            "slug": self.slug,
            "name": self.name,
            "sortOrder": self.sort_order,
            "taxRateBp": self.tax_rate_bp,
            "isActive": self.is_active,
        })
    }
}

/// A category as it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Category {
    pub(super) id: CategoryId,
    pub(super) draft: CategoryDraft,
    pub(super) product_count: i64,
    pub(super) version: Version,
}

/// The unit of what is sold one by one.
pub(super) const DEFAULT_UNIT: &str = "piece";
