//! Making, changing and hiding products.

use serde_json::json;

use super::bodies::{NewProduct, ProductInput};
use super::model::{Draft, Product};
use super::{images, problems, rules, search, sql};
use crate::db::{Command, Reader, WriteTx};
use crate::features::inventory;
use crate::http::problem::not_found;
use crate::kernel::{Actor, Change, DomainEvent, Fault, Pieces, Problem, ProductId, Result, SeenVersion};

/// Makes a product and puts it on the shelf.
pub(super) struct CreateProduct {
    pub new: NewProduct,
    pub by: Actor,
}

impl Command for CreateProduct {
    const NAME: &'static str = "catalog.create_product";
    type Output = Product;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Product> {
        let NewProduct { product: input, stock } = self.new;
        let id = ProductId::from_uuid(tx.new_id());
        let threshold = input.stock_threshold;
        let slug = match input.slug.clone() {
            Some(slug) => slug,
            None => free_slug(tx, id, input.name.en.as_deref().or(input.name.ar.as_deref()))?,
        };
        let sku = match input.sku.clone() {
            Some(sku) => sku,
            None => free_sku(tx, id, &slug)?,
        };
        let track_stock = input.track_stock.unwrap_or(true);
        let is_active = input.is_active.unwrap_or(true);
        let draft = draft_of(input, sku, slug, track_stock, is_active);
        check(tx, id, &draft)?;
        insert(tx, id, &draft, stock, threshold, self.by)?;
        let mut after = draft.told(threshold);
        after["stock"] = stock.into();
        tx.changed(Change { action: "product.create", subject: subject(id), before: None, after: Some(after) });
        read_back(tx, id)
    }
}

/// Replaces what an editor decides of a product.
pub(super) struct ReplaceProduct {
    pub id: ProductId,
    pub input: ProductInput,
    pub seen: SeenVersion,
}

impl Command for ReplaceProduct {
    const NAME: &'static str = "catalog.replace_product";
    type Output = Product;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Product> {
        let now = sql::product(tx, self.id)?.ok_or_else(not_found)?;
        self.seen.check(now.version)?;
        let input = self.input;
        let threshold = input.stock_threshold;
        let sku = input.sku.clone().unwrap_or_else(|| now.draft.sku.clone());
        let slug = input.slug.clone().unwrap_or_else(|| now.draft.slug.clone());
        let track_stock = input.track_stock.unwrap_or(now.draft.track_stock);
        let is_active = input.is_active.unwrap_or(now.draft.is_active);
        let draft = draft_of(input, sku, slug, track_stock, is_active);
        check(tx, self.id, &draft)?;
        update(tx, &now, &draft, threshold)?;
        let (before, after) = (now.draft.told(now.stock_threshold), draft.told(threshold));
        tx.changed(Change::between("product.replace", subject(self.id), before, after));
        read_back(tx, self.id)
    }
}

/// Hides a product. Orders keep their own copies of it.
pub(super) struct HideProduct {
    pub id: ProductId,
    pub seen: SeenVersion,
}

impl Command for HideProduct {
    const NAME: &'static str = "catalog.hide_product";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let now = sql::product(tx, self.id)?.ok_or_else(not_found)?;
        self.seen.check(now.version)?;
        if now.draft.is_active {
            sql::hide_product(tx, self.id)?;
            search::index(tx, self.id)?;
            let (before, after) = (json!({ "isActive": true }), json!({ "isActive": false }));
            tx.changed(Change { action: "product.hide", subject: subject(self.id), before: Some(before), after: Some(after) });
            tx.record(DomainEvent::ProductChanged { product: self.id });
        }
        Ok(())
    }
}

fn subject(id: ProductId) -> String {
    format!("product:{id}")
}

fn draft_of(input: ProductInput, sku: String, slug: String, track_stock: bool, is_active: bool) -> Draft {
    Draft {
        sku,
        slug,
        category: input.category,
        name: input.name,
        description: input.description,
        price_minor: input.price_minor,
        unit: input.unit,
        allergens: input.allergens,
        attributes: input.attributes,
        option_groups: input.option_groups,
        lead_time_hours: input.lead_time_hours,
        max_per_order: input.max_per_order,
        track_stock,
        is_active,
    }
}

/// Its category is there; its sku and slug are nobody else's.
fn check(reader: &Reader<'_>, id: ProductId, draft: &Draft) -> Result<()> {
    if sql::category_by_slug(reader, &draft.category)?.is_none() {
        let message = format!("must be the slug of a category; there is no {}", draft.category);
        return Err(Problem::field("category", "unknown_category", message).into());
    }
    if let Some(other) = sql::product_by_sku(reader, &draft.sku)?.filter(|other| *other != id) {
        return Err(problems::sku_taken(&draft.sku, other));
    }
    if let Some(other) = sql::product_by_slug(reader, &draft.slug)?.filter(|other| *other != id) {
        return Err(problems::slug_taken(&draft.slug, format_args!("product {other}")));
    }
    Ok(())
}

pub(super) fn insert(
    tx: &mut WriteTx<'_>,
    id: ProductId,
    draft: &Draft,
    stock: Pieces,
    threshold: Pieces,
    by: Actor,
) -> Result<()> {
    sql::insert_product(tx, id, draft)?;
    search::index(tx, id)?;
    inventory::open(tx, id, stock, threshold, by)?;
    tx.record(DomainEvent::ProductChanged { product: id });
    Ok(())
}

/// Writes what is new; a product that stays as it is keeps its version.
pub(super) fn update(tx: &mut WriteTx<'_>, now: &Product, draft: &Draft, threshold: Pieces) -> Result<()> {
    let (fields, level) = (now.draft != *draft, now.stock_threshold != threshold);
    if fields {
        sql::update_product(tx, now.id, draft)?;
        search::index(tx, now.id)?;
    }
    if level {
        inventory::set_threshold(tx, now.id, threshold)?;
    }
    if fields || level {
        tx.record(DomainEvent::ProductChanged { product: now.id });
    }
    Ok(())
}

fn read_back(reader: &Reader<'_>, id: ProductId) -> Result<Product> {
    let mut product = sql::product(reader, id)?.ok_or_else(|| Fault::because("a product just written is there"))?;
    images::add(reader, std::slice::from_mut(&mut product))?;
    Ok(product)
}

/// How many numbers are tried after a name before the id is put there.
const MOST_TRIES: u32 = 50;

/// The name's slug, or the name's with a number, that no product has.
pub(super) fn free_slug(reader: &Reader<'_>, id: ProductId, name: Option<&str>) -> Result<String> {
    let short = short_id(id);
    let base = name.and_then(rules::slug_of).unwrap_or_else(|| format!("product-{short}"));
    free(&base, &short, |slug| Ok(sql::product_by_slug(reader, slug)?.is_none()))
}

/// The slug in capitals, as a sku that no product has.
fn free_sku(reader: &Reader<'_>, id: ProductId, slug: &str) -> Result<String> {
    let base: String = slug.to_ascii_uppercase().chars().take(48).collect();
    free(base.trim_end_matches('-'), &short_id(id).to_ascii_uppercase(), |sku| Ok(sql::product_by_sku(reader, sku)?.is_none()))
}

/// The random end of an id.
fn short_id(id: ProductId) -> String {
    id.uuid().simple().to_string().split_off(24)
}

fn free(base: &str, short: &str, is_free: impl Fn(&str) -> Result<bool>) -> Result<String> {
    if is_free(base)? {
        return Ok(base.to_owned());
    }
    for number in 2..MOST_TRIES {
        let next = format!("{base}-{number}");
        if is_free(&next)? {
            return Ok(next);
        }
    }
    Ok(format!("{base}-{short}"))
}
