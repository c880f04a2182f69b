//! What callers send of products and categories, read with every fault (SPEC 3, shapes).

use serde_json::{Map, Value, json};

use super::model::{Choice, DEFAULT_UNIT, OptionGroup, TextLimit, Words};
use super::rules;
use crate::http::input::{SignedMoney, there, wrong_type};
use crate::http::{Fields, FromJson, Input};
use crate::kernel::pieces::{MAX_QUANTITY, MAX_STOCK};
use crate::kernel::text::{Lines, bounded, fold_digits};
use crate::kernel::{At, Faults, Locale, Money, Name, Note, Pieces, Version};

/// The most groups of a product.
const MOST_GROUPS: usize = 20;
/// The most choices of a group.
const MOST_CHOICES: usize = 100;
/// The longest text a customer may be let write.
const LONGEST_TEXT: i64 = 500;
/// The most allergens of a product.
const MOST_ALLERGENS: usize = 50;
/// The most bytes of a product's free attributes.
const LARGEST_ATTRIBUTES: usize = 20_000;
/// The longest lead time: 60 days, as far ahead as an order can be due.
pub(super) const LONGEST_LEAD_HOURS: i64 = 1_440;
/// The most characters of a sku.
pub(super) const LONGEST_SKU: usize = 64;

impl Input for Words {
    const NAME: &'static str = "Words";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let en = fields.opt::<Name>("en").map(Name::into_string);
        let ar = fields.opt::<Name>("ar").map(Name::into_string);
        fields.rule(json!({ "anyOf": [there("en"), there("ar")] }));
        if en.is_none() && ar.is_none() && !fields.has("en") && !fields.has("ar") {
            fields.fault("en", "required", "is required, or the Arabic one");
        }
        Some(Words { en, ar })
    }
}

fn code_schema() -> Value {
    json!({ "type": "string", "pattern": "^[a-z0-9_]{1,40}$" })
}

fn read_code(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<String> {
    match value.as_str().filter(|text| rules::is_code(text)) {
        Some(code) => Some(code.to_owned()),
        None => {
            faults.add(at, "invalid_code", "must be 1 to 40 of a-z, 0-9 and _");
            None
        }
    }
}

impl Input for Choice {
    const NAME: &'static str = "Choice";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let code = fields.req_with("code", code_schema, read_code);
        let name = fields.req("name");
        let delta_minor = fields.opt::<SignedMoney>("priceDelta").map_or(0, |delta| delta.0.minor());
        Some(Choice { code: code?, name: name?, delta_minor })
    }
}

impl Input for TextLimit {
    const NAME: &'static str = "TextLimit";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        Some(TextLimit { max_length: fields.req_int("maxLength", 1..=LONGEST_TEXT)? })
    }
}

impl Input for OptionGroup {
    const NAME: &'static str = "OptionGroup";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let most = i64::try_from(MOST_CHOICES).unwrap_or(i64::MAX);
        let code = fields.req_with("code", code_schema, read_code);
        let name = fields.req("name");
        let required = fields.opt("required").unwrap_or(false);
        let min = fields.opt_int("min", 0..=most);
        let max = fields.opt_int("max", 1..=most).unwrap_or(1);
        let text: Option<TextLimit> = fields.opt("text");
        let choices = fields.opt_list::<Choice>("choices", 0..=MOST_CHOICES);
        fields.rule(json!({
            "if": there("text"),
            "then": { "properties": { "choices": { "maxItems": 0 }, "max": { "enum": [1, null] }, "min": { "maximum": 1 } } },
            "else": { "required": ["choices"], "properties": { "choices": { "type": "array", "minItems": 1 } } },
        }));
        let choices_are_read = choices.is_some() || !fields.has("choices");
        let choices = choices.unwrap_or_default();
        // A required group takes at least one; saying so twice is not asked of anybody.
        let min = min.unwrap_or(0).max(i64::from(required));
        if min > max {
            fields.fault("min", "out_of_range", format!("must not be above max, {max}"));
        }
        if fields.has("text") {
            if !choices.is_empty() {
                fields.fault("choices", "not_with_text", "must be empty in a group that takes text");
            }
            if max != 1 {
                fields.fault("max", "out_of_range", "must be 1 in a group that takes text");
            }
        } else if choices_are_read {
            if choices.is_empty() {
                fields.fault("choices", "required", "must not be empty in a group without text");
            } else if max > i64::try_from(choices.len()).unwrap_or(i64::MAX) {
                fields.fault("max", "out_of_range", format!("must not be above the number of choices, {}", choices.len()));
            }
        }
        for (index, choice) in choices.iter().enumerate() {
            if choices.iter().take(index).any(|earlier| earlier.code == choice.code) {
                fields.fault(&format!("choices[{index}].code"), "duplicate", "is the code of an earlier choice");
            }
        }
        Some(OptionGroup { code: code?, name: name?, required, min, max, text, choices })
    }
}

/// Reads `optionGroups`.
pub(super) fn read_groups(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Vec<OptionGroup>> {
    let Value::Array(items) = value else { return wrong_type(at, faults, "a list") };
    if items.len() > MOST_GROUPS {
        faults.add(at, "wrong_length", format!("must have at most {MOST_GROUPS} entries, it has {}", items.len()));
        return None;
    }
    let read: Vec<Option<OptionGroup>> =
        items.iter().enumerate().map(|(index, item)| OptionGroup::from_json(item, &at.index(index), faults)).collect();
    let codes: Vec<Option<&str>> = read.iter().map(|group| group.as_ref().map(|group| group.code.as_str())).collect();
    for (index, code) in codes.iter().enumerate() {
        if code.is_some() && codes[..index].contains(code) {
            faults.add(&at.index(index).field("code"), "duplicate", "is the code of an earlier group");
            return None;
        }
    }
    read.into_iter().collect()
}

fn groups_schema() -> Value {
    json!({ "type": "array", "items": OptionGroup::schema(), "maxItems": MOST_GROUPS })
}

/// A word of an allergen; it stands in lists parted by `,` and `;`.
pub(super) fn read_allergen(text: &str) -> Result<String, &'static str> {
    let word = bounded(text, Lines::One, 1, 40).map_err(|_| "must be words of 1 to 40 characters")?.to_lowercase();
    if word.contains([',', ';']) { Err("must not contain , or ;") } else { Ok(word) }
}

fn read_allergens(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Vec<String>> {
    let Value::Array(items) = value else { return wrong_type(at, faults, "a list") };
    if items.len() > MOST_ALLERGENS {
        faults.add(at, "wrong_length", format!("must have at most {MOST_ALLERGENS} entries"));
        return None;
    }
    let before = faults.len();
    let mut words = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match item.as_str().ok_or("must be a text").and_then(read_allergen) {
            Ok(word) if !words.contains(&word) => words.push(word),
            Ok(_) => {}
            Err(message) => faults.add(&at.index(index), "invalid_allergen", message),
        }
    }
    (faults.len() == before).then_some(words)
}

fn slug_schema() -> Value {
    json!({ "type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength": rules::LONGEST_SLUG })
}

fn read_slug(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<String> {
    match value.as_str().filter(|text| rules::is_slug(text)) {
        Some(slug) => Some(slug.to_owned()),
        None => {
            faults.add(at, "invalid_slug", "must be words of a-z and 0-9 joined by -, and no id");
            None
        }
    }
}

fn read_attributes(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Map<String, Value>> {
    let Value::Object(object) = value else { return wrong_type(at, faults, "an object") };
    if value.to_string().len() > LARGEST_ATTRIBUTES {
        faults.add(at, "too_long", format!("must have at most {LARGEST_ATTRIBUTES} bytes"));
        return None;
    }
    Some(object.clone())
}

/// A description; an empty one, as a form sends it, is none.
fn read_description(fields: &mut Fields<'_, '_>) -> Option<String> {
    fields.opt_text("description", Lines::Many, 0..=Note::MAX).filter(|text| !text.is_empty())
}

/// `translations`: the language that is not the shop's main one.
#[derive(Default)]
struct Translations {
    name: Option<String>,
    description: Option<String>,
}

struct Translation {
    name: Name,
    description: Option<String>,
}

impl Input for Translation {
    const NAME: &'static str = "Translation";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let name = fields.req("name");
        let description = read_description(fields);
        Some(Translation { name: name?, description })
    }
}

struct NameOnly {
    name: Name,
}

impl Input for NameOnly {
    const NAME: &'static str = "TranslatedName";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        Some(NameOnly { name: fields.req("name")? })
    }
}

fn read_translations<T: FromJson>(fields: &mut Fields<'_, '_>, to: impl Fn(T) -> Translations) -> Translations {
    let schema = json!({
        "type": "object",
        "properties": { "ar": T::schema(), "en": T::schema() },
        "additionalProperties": false,
        "description": "The language that is not the shop's main one.",
    });
    let read = |value: &Value, at: &At<'_>, faults: &mut Faults<'_>| {
        let Value::Object(object) = value else { return wrong_type(at, faults, "an object") };
        let main = faults.shop.locale;
        let mut found = None;
        for (code, value) in object.iter().filter(|(_, value)| !value.is_null()) {
            let shown: String = code.chars().take(100).collect();
            let place = at.field(&shown);
            match Locale::from_code(code) {
                Some(locale) if locale == main => {
                    faults.add(&place, "main_language", "is the shop's main language: write it in name and description");
                }
                Some(_) => found = T::from_json(value, &place, faults),
                None => faults.add(&place, "unknown_field", "is no language of this shop; it has en and ar"),
            }
        }
        found.map(&to)
    };
    fields.opt_with("translations", || schema, read).unwrap_or_default()
}

/// A product as an admin writes it.
#[derive(Clone, Debug)]
pub(super) struct ProductInput {
    pub sku: Option<String>,
    pub slug: Option<String>,
    pub name: Words,
    pub description: Words,
    pub price_minor: i64,
    pub category: String,
    pub unit: String,
    pub allergens: Vec<String>,
    pub attributes: Map<String, Value>,
    pub option_groups: Vec<OptionGroup>,
    pub lead_time_hours: i64,
    pub max_per_order: Option<i64>,
    pub track_stock: Option<bool>,
    pub is_active: Option<bool>,
    pub stock_threshold: Pieces,
    pub version: Option<Version>,
}

impl ProductInput {
    fn read(fields: &mut Fields<'_, '_>) -> Option<ProductInput> {
        let sku = fields.opt_text("sku", Lines::One, 1..=LONGEST_SKU);
        let slug = fields.opt_with("slug", slug_schema, read_slug);
        let main_name = fields.req::<Name>("name");
        let main_description = read_description(fields);
        let other = read_translations(fields, |read: Translation| Translations {
            name: Some(read.name.into_string()),
            description: read.description,
        });
        let price = fields.req::<Money>("price");
        read_currency(fields);
        let category = fields.req_with("category", slug_schema, read_slug);
        let unit = fields.opt_text("unit", Lines::One, 1..=40);
        let allergens = fields.opt_with("allergens", allergens_schema, read_allergens);
        let attributes = fields.opt_with("attributes", || json!({ "type": "object" }), read_attributes);
        let option_groups = fields.opt_with("optionGroups", groups_schema, read_groups);
        let lead_time_hours = fields.opt_int("leadTimeHours", 0..=LONGEST_LEAD_HOURS);
        let max_per_order = fields.opt_int("maxPerOrder", 1..=MAX_QUANTITY);
        let track_stock = fields.opt("trackStock");
        let is_active = fields.opt("isActive");
        let stock_threshold = fields.opt_int("stockThreshold", 0..=MAX_STOCK);
        let version = fields.opt_int("version", 1..=i64::MAX);
        let main = fields.shop()?.locale;
        let mut name = Words::default();
        name.set(main, Some(main_name?.into_string()));
        name.set(main.other(), other.name);
        let mut description = Words::default();
        description.set(main, main_description);
        description.set(main.other(), other.description);
        Some(ProductInput {
            sku,
            slug,
            name,
            description,
            price_minor: price?.minor(),
            category: category?,
            unit: unit.unwrap_or_else(|| DEFAULT_UNIT.to_owned()),
            allergens: allergens.unwrap_or_default(),
            attributes: attributes.unwrap_or_default(),
            option_groups: option_groups.unwrap_or_default(),
            lead_time_hours: lead_time_hours.unwrap_or(0),
            max_per_order,
            track_stock,
            is_active,
            stock_threshold: stock_threshold.unwrap_or(0),
            version,
        })
    }
}

fn allergens_schema() -> Value {
    json!({
        "type": "array",
        "items": { "type": "string", "minLength": 1, "maxLength": 40, "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f,;]*[^\\s\\x00-\\x1f\\x7f-\\x9f,;][^\\x00-\\x1f\\x7f-\\x9f,;]*$" },
        "maxItems": MOST_ALLERGENS,
        "example": ["gluten", "milk"],
    })
}

/// A currency beside the price is the shop's, or a mistake.
fn read_currency(fields: &mut Fields<'_, '_>) {
    let _: Option<()> = fields.opt_with(
        "currency",
        || json!({ "type": "string", "pattern": "^[A-Z]{3}$", "description": "The shop's own.", "example": "JOD" }),
        |value, at, faults| {
            let own = faults.shop.currency;
            if value.as_str() != Some(own.code()) {
                faults.add(at, "wrong_currency", format!("must be the shop's currency, {}", own.code()));
            }
            None
        },
    );
}

/// The body of POST: with the opening stock.
#[derive(Clone, Debug)]
pub(super) struct NewProduct {
    pub product: ProductInput,
    pub stock: Pieces,
}

impl Input for NewProduct {
    const NAME: &'static str = "NewProduct";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let stock = fields.opt_int("stock", 0..=MAX_STOCK).unwrap_or(0);
        Some(NewProduct { product: ProductInput::read(fields)?, stock })
    }
}

/// The body of PUT: stock changes elsewhere.
#[derive(Clone, Debug)]
pub(super) struct ChangedProduct(pub ProductInput);

impl Input for ChangedProduct {
    const NAME: &'static str = "ChangedProduct";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let _: Option<()> = fields.opt_with(
            "stock",
            || json!({ "not": {}, "description": "Not taken here: see PUT /api/v1/inventory/{productId}." }),
            |_, at, faults| {
                let message = "changes through inventory: PUT /api/v1/inventory/{productId} or POST /api/v1/inventory/adjust";
                faults.add(at, "not_changed_here", message);
                None
            },
        );
        ProductInput::read(fields).map(ChangedProduct)
    }
}

/// A category as an admin writes it.
#[derive(Clone, Debug)]
pub(super) struct CategoryInput {
    pub slug: Option<String>,
    pub name: Words,
    pub sort_order: Option<i64>,
    pub tax_rate_bp: Option<i64>,
    pub is_active: Option<bool>,
    pub version: Option<Version>,
}

impl Input for CategoryInput {
    const NAME: &'static str = "CategoryBody";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let slug = fields.opt_with("slug", slug_schema, read_slug);
        let main_name = fields.req::<Name>("name");
        let other =
            read_translations(fields, |read: NameOnly| Translations { name: Some(read.name.into_string()), description: None });
        let sort_order = fields.opt_int("sortOrder", 0..=1_000_000);
        let tax_rate_bp = fields.opt_with(
            "taxRate",
            || {
                json!({
                    "anyOf": [
                        { "type": "string", "pattern": "^(100(\\.00?)?|[0-9]{1,2}(\\.[0-9]{1,2})?)$" },
                        { "type": "number", "minimum": 0, "maximum": 100, "multipleOf": 0.01 },
                    ],
                    "description": "Per cent.",
                    "example": "16",
                })
            },
            read_rate,
        );
        let is_active = fields.opt("isActive");
        let version = fields.opt_int("version", 1..=i64::MAX);
        let main = fields.shop()?.locale;
        let mut name = Words::default();
        name.set(main, Some(main_name?.into_string()));
        name.set(main.other(), other.name);
        Some(CategoryInput { slug, name, sort_order, tax_rate_bp, is_active, version })
    }
}

fn read_rate(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<i64> {
    let text = match value {
        Value::String(text) => fold_digits(text.trim()),
        Value::Number(number) => number.to_string(),
        _ => return wrong_type(at, faults, "a rate in per cent such as \"16\""),
    };
    let rate = rules::parse_rate(&text);
    if rate.is_none() {
        faults.add(at, "invalid_rate", "must be per cent from 0 to 100 with at most two decimals, such as \"16\" or \"7.25\"");
    }
    rate
}
