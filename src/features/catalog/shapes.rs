//! Products and categories as they are answered (SPEC 3, shapes).

use serde_json::{Map, Value, json};

use super::model::{Category, Choice, OptionGroup, Product};
use super::rules;
use crate::features::media::{Image, Links, Size};
use crate::http::{FromJson, Shape};
use crate::kernel::{Locale, Money, ShopFormat, UtcMs};

/// What a product looks like, and to whom.
#[derive(Clone, Copy)]
pub(super) struct View<'s> {
    pub shop: &'s ShopFormat,
    pub locale: Locale,
    pub staff: bool,
}

/// `optionGroups` as JSON.
pub(super) fn groups_json(groups: &[OptionGroup], shop: &ShopFormat) -> Value {
    let money = |minor| Money::from_minor(minor, shop.currency).to_string();
    let choices = |choices: &[Choice]| -> Vec<Value> {
        let choice =
            |choice: &Choice| json!({ "code": choice.code, "name": choice.name, "priceDelta": money(choice.delta_minor) });
        choices.iter().map(choice).collect()
    };
    let group = |group: &OptionGroup| {
        let mut json = json!({
            "code": group.code, "name": group.name, "required": group.required, "min": group.min, "max": group.max,
            "choices": choices(&group.choices),
        });
        if let Some(limit) = group.text {
            json["text"] = json!({ "maxLength": limit.max_length });
        }
        json
    };
    Value::Array(groups.iter().map(group).collect())
}

fn image_json(image: &Image, links: &Links) -> Value {
    let mut json = json!({ "id": image.id.to_string(), "alt": image.alt });
    for size in Size::ALL {
        json[size.code()] = links.to(image.picture, *size).into();
    }
    json
}

/// A product as JSON.
pub(super) fn product_json(product: &Product, view: View<'_>, links: &Links) -> Value {
    let Product { draft, .. } = product;
    let other = view.locale.other();
    let mut translations = Map::new();
    if let Some(name) = draft.name.of(other) {
        let mut translation = Map::from_iter([("name".to_owned(), Value::from(name))]);
        if let Some(description) = draft.description.of(other) {
            translation.insert("description".to_owned(), description.into());
        }
        translations.insert(other.code().to_owned(), translation.into());
    }
    // The public reads on in the other language where one is missing; staff see what there is to edit.
    let description = match draft.description.of(view.locale) {
        None if !view.staff => draft.description.of(other),
        description => description,
    };
    let available = product.stock - product.reserved;
    let mut json = json!({
        "id": product.id.to_string(),
        "sku": draft.sku,
        "slug": draft.slug,
        "name": draft.name.shown(view.locale),
        "description": description,
        "translations": translations,
        "price": Money::from_minor(draft.price_minor, view.shop.currency).to_string(),
        "currency": view.shop.currency.code(),
        "category": draft.category,
        "unit": draft.unit,
        "allergens": draft.allergens,
        "attributes": draft.attributes,
        "optionGroups": groups_json(&draft.option_groups, view.shop),
        "leadTimeHours": draft.lead_time_hours,
        "maxPerOrder": draft.max_per_order,
        "trackStock": draft.track_stock,
        "available": draft.track_stock.then_some(available),
        "inStock": !draft.track_stock || available > 0,
        "stockThreshold": product.stock_threshold,
        "images": product.images.iter().map(|image| image_json(image, links)).collect::<Vec<_>>(),
        "ratingAverage": null,
        "ratingCount": 0,
        "isActive": draft.is_active,
        "version": product.version,
        "createdAt": product.created_at.to_string(),
        "updatedAt": product.updated_at.to_string(),
    });
    if view.staff {
        json["stock"] = product.stock.into();
        json["reserved"] = product.reserved.into();
    }
    json
}

/// A category as JSON.
pub(super) fn category_json(category: &Category, view: View<'_>) -> Value {
    let Category { draft, .. } = category;
    let other = view.locale.other();
    let mut translations = Map::new();
    if let Some(name) = draft.name.of(other) {
        translations.insert(other.code().to_owned(), json!({ "name": name }));
    }
    json!({
        "id": category.id.to_string(),
        "slug": draft.slug,
        "name": draft.name.shown(view.locale),
        "translations": translations,
        "sortOrder": draft.sort_order,
        "taxRate": draft.tax_rate_bp.map(rules::show_rate),
        "isActive": draft.is_active,
        "productCount": category.product_count,
        "version": category.version,
    })
}

/// The schema of a line's chosen options, as [`choose`](super::choose) takes them.
#[must_use]
pub fn options_schema() -> Value {
    json!({
        "type": "object",
        "description": "What is chosen, by the code of its option group: the code of a choice, a list of codes where the group takes \
            several, or the text of a group with text.",
        "example": { "size": "large", "flavors": ["vanilla", "lotus"], "message": "Happy birthday" },
    })
}

/// A product in answers.
pub(super) fn product_shape() -> Shape {
    let text = || json!({ "type": "string" });
    let maybe_text = || json!({ "type": ["string", "null"] });
    let count = || json!({ "type": "integer" });
    let flag = || json!({ "type": "boolean" });
    let moment = UtcMs::schema;
    let image = json!({
        "type": "object",
        "description": "Links are the same for everybody within a week and good until a Monday; WebP or JPEG, as `Accept` says.",
        "required": ["id", "alt", "thumb", "card", "full"],
        "properties": {
            "id": { "type": "string", "format": "uuid" },
            "alt": { "type": "string", "description": "What it shows; may be empty." },
            "thumb": { "type": "string", "description": "200 pixels at its longest side." },
            "card": { "type": "string", "description": "600 pixels." },
            "full": { "type": "string", "description": "1,600 pixels." },
        },
        "additionalProperties": false,
    });
    let words = json!({ "type": "object", "properties": { "en": text(), "ar": text() }, "additionalProperties": false });
    let choice = json!({
        "type": "object",
        "required": ["code", "name", "priceDelta"],
        "properties": {
            "code": text(), "name": words,
            "priceDelta": { "type": "string", "description": "What the choice adds to the price, or takes off it." },
        },
        "additionalProperties": false,
    });
    let group = json!({
        "type": "object",
        "required": ["code", "name", "required", "min", "max", "choices"],
        "properties": {
            "code": { "type": "string", "description": "Its name in an order's `options`." },
            "name": words, "required": flag(), "min": count(), "max": count(),
            "choices": { "type": "array", "items": choice },
            "text": { "type": "object", "description": "The customer writes instead of choosing.", "required": ["maxLength"], "properties": { "maxLength": count() } },
        },
        "additionalProperties": false,
    });
    let schema = json!({
        "type": "object",
        "required": ["id", "sku", "slug", "name", "translations", "price", "currency", "category", "unit", "allergens",
            "attributes", "optionGroups", "leadTimeHours", "trackStock", "inStock", "stockThreshold", "images", "ratingCount",
            "isActive", "version", "createdAt", "updatedAt"],
        "properties": {
            "id": { "type": "string", "format": "uuid" },
            "sku": text(), "slug": text(), "name": text(), "description": maybe_text(),
            "translations": { "type": "object", "description": "Name and description in the other language.", "additionalProperties": {
                "type": "object", "required": ["name"], "properties": { "name": text(), "description": text() } } },
            "price": { "type": "string", "description": "Of one unit, without options.", "example": "4.250" },
            "currency": { "type": "string", "example": "JOD" },
            "category": { "type": "string", "description": "Slug of its category." },
            "unit": text(),
            "allergens": { "type": "array", "items": text() },
            "attributes": { "type": "object", "description": "What else the shop notes of it." },
            "optionGroups": { "type": "array", "items": group },
            "leadTimeHours": { "type": "integer", "description": "Hours between order and hand-over, at least." },
            "maxPerOrder": { "type": ["integer", "null"], "description": "The most pieces of an order." },
            "trackStock": { "type": "boolean", "description": "Whether pieces are counted." },
            "available": { "type": ["integer", "null"], "description": "Pieces that can be ordered now; null where none are counted." },
            "inStock": flag(), "stockThreshold": count(),
            "images": { "type": "array", "items": image },
            "ratingAverage": maybe_text(), "ratingCount": count(),
            "isActive": flag(), "version": count(), "createdAt": moment(), "updatedAt": moment(),
            "stock": { "type": "integer", "description": "Pieces on hand. For staff." },
            "reserved": { "type": "integer", "description": "Pieces promised to open orders. For staff." },
        },
    });
    let example = json!({
        "id": "01936f2a-7c11-7000-8000-0a1b2c3d4e01",
        "sku": "BRD-012", "slug": "maarouk", "name": "Maarouk", "description": "Braided sweet bread.",
        "translations": { "ar": { "name": "معروك", "description": "خبز حلو مضفور." } },
        "price": "0.750", "currency": "JOD", "category": "bread", "unit": "piece",
        "allergens": ["gluten", "milk", "egg", "sesame"], "attributes": {},
        "optionGroups": [{
            "code": "filling", "name": { "en": "Filling", "ar": "الحشوة" }, "required": true, "min": 1, "max": 1,
            "choices": [
                { "code": "plain", "name": { "en": "Plain", "ar": "سادة" }, "priceDelta": "0.000" },
                { "code": "dates", "name": { "en": "Dates", "ar": "تمر" }, "priceDelta": "0.150" },
            ],
        }],
        "leadTimeHours": 0, "maxPerOrder": null, "trackStock": true, "available": 34, "inStock": true, "stockThreshold": 10,
        "images": [], "ratingAverage": null, "ratingCount": 0, "isActive": true, "version": 3,
        "createdAt": "2026-11-20T04:10:00.000Z", "updatedAt": "2026-11-25T10:47:45.000Z",
    });
    Shape::named("Product", schema, example)
}

/// A category in answers.
pub(super) fn category_shape() -> Shape {
    let schema = json!({
        "type": "object",
        "required": ["id", "slug", "name", "translations", "sortOrder", "isActive", "productCount", "version"],
        "properties": {
            "id": { "type": "string", "format": "uuid" },
            "slug": { "type": "string" },
            "name": { "type": "string" },
            "translations": { "type": "object", "additionalProperties": {
                "type": "object", "properties": { "name": { "type": "string" } } } },
            "sortOrder": { "type": "integer", "description": "Its place in the menu, smallest first." },
            "taxRate": { "type": ["string", "null"], "description": "Per cent; null for the shop's own.", "example": "16" },
            "isActive": { "type": "boolean" },
            "productCount": { "type": "integer", "description": "Products that the caller can see in it." },
            "version": { "type": "integer" },
        },
        "additionalProperties": false,
    });
    let example = json!({
        "id": "01936f2a-7c11-7000-8000-0a1b2c3d4e02",
        "slug": "bread", "name": "Bread", "translations": { "ar": { "name": "خبز" } },
        "sortOrder": 1, "taxRate": null, "isActive": true, "productCount": 12, "version": 1,
    });
    Shape::named("Category", schema, example)
}
