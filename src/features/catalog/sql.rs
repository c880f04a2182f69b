//! Every statement on `categories`, `products`, `product_allergens` and `product_popularity`.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;

use super::list::{ProductFilter, Sort};
use super::model::{Category, CategoryDraft, Draft, ForSale, OptionGroup, Product, Words};
use super::on_sale;
use super::search::Texts;
use crate::args;
use crate::db::query::Query;
use crate::db::search::{self, Entry};
use crate::db::{Reader, Row, WriteTx};
use crate::http::page::{Cursor, From, Paging, bad_cursor};
use crate::kernel::{CategoryId, Fault, Locale, OrderId, Pieces, ProductId, Result, UtcMs};

macro_rules! product_columns {
    () => {
        "p.id, p.sku, p.slug, c.slug, p.name_en, p.name_ar, p.description_en, p.description_ar, p.price_minor, p.unit, \
         p.allergens, p.attributes, p.option_groups, p.lead_time_hours, p.max_per_order, p.track_stock, p.is_active, \
         c.id, c.sort_order, i.stock, i.reserved, i.stock_threshold, p.version, p.created_at, p.updated_at"
    };
}

macro_rules! products_on_the_shelf {
    () => {
        " from products p join categories c on c.id = p.category_id join inventory i on i.product_id = p.id"
    };
}

macro_rules! product_head {
    () => {
        concat!("select ", product_columns!(), products_on_the_shelf!())
    };
}

macro_rules! sold_head {
    () => {
        concat!(
            "select ",
            product_columns!(),
            ", f.pieces from product_popularity f cross join products p on p.id = f.product_id \
             join categories c on c.id = p.category_id join inventory i on i.product_id = p.id"
        )
    };
}

macro_rules! products_alone {
    () => {
        " from products p join categories c on c.id = p.category_id"
    };
}

fn product_row(row: &Row<'_>) -> Result<Product> {
    let mut columns = row.columns();
    Ok(Product {
        id: columns.next()?,
        draft: Draft {
            sku: columns.next()?,
            slug: columns.next()?,
            category: columns.next()?,
            name: Words { en: columns.next()?, ar: columns.next()? },
            description: Words { en: columns.next()?, ar: columns.next()? },
            price_minor: columns.next()?,
            unit: columns.next()?,
            allergens: columns.json()?.unwrap_or_default(),
            attributes: columns.json()?.unwrap_or_default(),
            option_groups: columns.json()?.unwrap_or_default(),
            lead_time_hours: columns.next()?,
            max_per_order: columns.next()?,
            track_stock: columns.next()?,
            is_active: columns.next()?,
        },
        category_id: columns.next()?,
        category_order: columns.next()?,
        stock: columns.next()?,
        reserved: columns.next()?,
        stock_threshold: columns.next()?,
        sold: 0,
        images: Vec::new(),
        version: columns.next()?,
        created_at: columns.next()?,
        updated_at: columns.next()?,
    })
}

pub(super) fn for_sale(reader: &Reader<'_>, id: ProductId) -> Result<Option<ForSale>> {
    reader.opt(
        "select p.id, p.sku, p.name_en, p.name_ar, p.price_minor, p.option_groups, c.tax_rate_bp, p.lead_time_hours, \
         p.max_per_order, p.track_stock, p.is_active and c.is_active \
         from products p join categories c on c.id = p.category_id where p.id = ?1",
        args![id],
        |row| {
            let mut columns = row.columns();
            Ok(ForSale {
                id: columns.next()?,
                sku: columns.next()?,
                name_en: columns.next()?,
                name_ar: columns.next()?,
                price_minor: columns.next()?,
                option_groups: columns.json::<Vec<OptionGroup>>()?.unwrap_or_default(),
                tax_rate_bp: columns.next::<Option<i64>>()?.unwrap_or(0),
                lead_time_hours: columns.next()?,
                max_per_order: columns.next()?,
                track_stock: columns.next()?,
                is_active: columns.next()?,
            })
        },
    )
}

pub(super) fn product(reader: &Reader<'_>, id: ProductId) -> Result<Option<Product>> {
    reader.opt(concat!(product_head!(), " where p.id = ?1"), args![id], product_row)
}

/// The product, if the public may see it.
pub(super) fn shown_product(reader: &Reader<'_>, id: ProductId) -> Result<Option<Product>> {
    reader.opt(concat!(product_head!(), " where p.id = ?1 and p.is_active = 1 and c.is_active = 1"), args![id], product_row)
}

pub(super) fn product_by_slug(reader: &Reader<'_>, slug: &str) -> Result<Option<ProductId>> {
    reader.opt("select id from products where slug = ?1", args![slug], |row| row.get(0))
}

pub(super) fn product_by_sku(reader: &Reader<'_>, sku: &str) -> Result<Option<ProductId>> {
    reader.opt("select id from products where sku = ?1", args![sku], |row| row.get(0))
}

/// Every product, as the import compares and the export writes them.
pub(super) fn all_products(reader: &Reader<'_>) -> Result<Vec<Product>> {
    reader.all(concat!(product_head!(), " order by c.sort_order, c.id, p.sku"), &[], product_row)
}

/// A page of products, one more than it holds, and how many there are with page numbers.
pub(super) fn products(
    reader: &Reader<'_>,
    filter: &ProductFilter,
    sort: Sort,
    locale: Locale,
    paging: &Paging,
) -> Result<(Vec<Product>, Option<i64>)> {
    match sort {
        Sort::Menu => return products_by_menu(reader, filter, locale, paging),
        Sort::Popular | Sort::Unpopular => return products_by_popularity(reader, filter, sort, locale, paging),
        _ => {}
    }
    let mut query = conditions(filter);
    let total = if paging.wants_total() { Some(count(reader, filter)?) } else { None };
    if let From::After(cursor) = &paging.from {
        after(&mut query, cursor, sort, locale)?;
    }
    let sql = query.sql(product_head!(), order(sort, locale));
    let rows = reader.all(&sql, &query.values(args![paging.per_page + 1, paging.offset()?]), product_row)?;
    Ok((rows, total))
}

fn count(reader: &Reader<'_>, filter: &ProductFilter) -> Result<i64> {
    if filter.is_whole_menu() {
        return Ok(counts_by_category(reader, filter)?.values().sum());
    }
    let query = conditions(filter);
    let head = if filter.in_stock.is_some() {
        concat!("select count(*)", products_on_the_shelf!())
    } else {
        concat!("select count(*)", products_alone!())
    };
    reader.one(&query.sql(head, ""), &query.values(&[]), |row| row.get(0))
}

fn conditions(filter: &ProductFilter) -> Query {
    let mut query = Query::new();
    if filter.shown_only {
        query.filter("p.is_active = 1 and c.is_active = 1", vec![]);
    }
    query.filter_opt("p.is_active = ?", filter.is_active);
    query.filter_opt("c.slug = ?", filter.category.clone());
    query.filter_opt("p.price_minor >= ?", filter.price_min);
    query.filter_opt("p.price_minor <= ?", filter.price_max);
    match filter.in_stock {
        Some(true) => query.filter("p.track_stock = 0 or i.stock > i.reserved", vec![]),
        Some(false) => query.filter("p.track_stock = 1 and i.stock <= i.reserved", vec![]),
        None => {}
    }
    for allergen in &filter.allergen_free {
        query.filter(
            "not exists (select 1 from product_allergens a where a.product_id = p.id and a.allergen = ?)",
            vec![Box::new(allergen.clone())],
        );
    }
    query.filter_opt(search::IS_HIT, filter.found_by.clone());
    match filter.is_sold {
        Some(true) => query.filter("exists (select 1 from product_popularity f where f.product_id = p.id)", vec![]),
        Some(false) => query.filter("not exists (select 1 from product_popularity f where f.product_id = p.id)", vec![]),
        None => {}
    }
    query
}

/// By category, then name: the categories one after the other, each along its own index, so that a large menu is never sorted
/// for a page of it.
fn products_by_menu(
    reader: &Reader<'_>,
    filter: &ProductFilter,
    locale: Locale,
    paging: &Paging,
) -> Result<(Vec<Product>, Option<i64>)> {
    let counts = if paging.wants_total() { Some(counts_by_category(reader, filter)?) } else { None };
    let total = counts.as_ref().map(|counts| counts.values().sum());
    let start = match &paging.from {
        From::Page(_) => None,
        From::After(cursor) => Some(menu_place(&cursor.values_of(Sort::Menu.name(locale))?)?),
    };
    let span = Span { start, counts, skip: paging.offset()?, wanted: paging.per_page + 1 };
    Ok((menu_span(reader, filter, locale, span)?, total))
}

/// A part of the menu.
struct Span {
    start: Option<MenuPlace>,
    /// Products by category, where some are to be skipped.
    counts: Option<HashMap<CategoryId, i64>>,
    skip: i64,
    wanted: i64,
}

fn menu_span(reader: &Reader<'_>, filter: &ProductFilter, locale: Locale, span: Span) -> Result<Vec<Product>> {
    let categories: Vec<(CategoryId, i64)> =
        reader
            .all("select id, sort_order from categories order by sort_order, id", &[], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let Span { start, counts, mut skip, mut wanted } = span;
    let mut rows: Vec<Product> = Vec::new();
    for (category, place) in categories {
        if start.as_ref().is_some_and(|start| (place, category) < (start.place, start.category)) {
            continue;
        }
        if let Some(counts) = &counts {
            let count = counts.get(&category).copied().unwrap_or(0);
            if count <= skip {
                skip -= count;
                continue;
            }
        }
        let mut query = conditions(filter);
        query.filter("p.category_id = ?", vec![Box::new(category)]);
        if let Some(start) = start.as_ref().filter(|start| start.category == category) {
            let condition = match locale {
                Locale::En => "(p.sort_en, p.id) > (?, ?)",
                Locale::Ar => "(p.sort_ar, p.id) > (?, ?)",
            };
            query.filter(condition, vec![Box::new(start.name.clone()), Box::new(start.product)]);
        }
        let sql = query.sql(product_head!(), order(Sort::Name, locale));
        let more = reader.all(&sql, &query.values(args![wanted, skip]), product_row)?;
        skip = 0;
        wanted -= i64::try_from(more.len()).unwrap_or(0);
        rows.extend(more);
        if wanted <= 0 {
            break;
        }
    }
    Ok(rows)
}

/// What sold lately, the most pieces first, equal ones as on the menu; then the rest of the menu. Turned round: the rest first,
/// then the fewest pieces first. What sold goes along the index of pieces, and only equal ones are sorted.
fn products_by_popularity(
    reader: &Reader<'_>,
    filter: &ProductFilter,
    sort: Sort,
    locale: Locale,
    paging: &Paging,
) -> Result<(Vec<Product>, Option<i64>)> {
    let sold = ProductFilter { is_sold: Some(true), ..filter.clone() };
    let rest = ProductFilter { is_sold: Some(false), ..filter.clone() };
    let wanted = paging.per_page + 1;
    let missing = |rows: &[Product]| wanted - i64::try_from(rows.len()).unwrap_or(0);
    let most_first = sort == Sort::Popular;
    match &paging.from {
        From::Page(_) => {
            let (skip, sold_count) = (paging.offset()?, count(reader, &sold)?);
            let counts = counts_by_category(reader, &rest)?;
            let rest_count: i64 = counts.values().sum();
            let mut rows;
            if most_first {
                rows = sold_span(reader, filter, sort, locale, None, wanted, skip)?;
                let span = Span { start: None, counts: Some(counts), skip: (skip - sold_count).max(0), wanted: missing(&rows) };
                if span.wanted > 0 {
                    rows.extend(menu_span(reader, &rest, locale, span)?);
                }
            } else {
                rows = menu_span(reader, &rest, locale, Span { start: None, counts: Some(counts), skip, wanted })?;
                let (skip, wanted) = ((skip - rest_count).max(0), missing(&rows));
                rows.extend(sold_span(reader, filter, sort, locale, None, wanted, skip)?);
            }
            Ok((rows, Some(sold_count + rest_count)))
        }
        From::After(cursor) => {
            let [pieces, place @ ..] = cursor.values_of::<5>(sort.name(locale))?;
            let pieces = pieces.as_i64().ok_or_else(bad_cursor)?;
            let place = menu_place(&place)?;
            let whole = |start, wanted| menu_span(reader, &rest, locale, Span { start, counts: None, skip: 0, wanted });
            let mut rows;
            if pieces > 0 {
                rows = sold_span(reader, filter, sort, locale, Some((pieces, place)), wanted, 0)?;
                if most_first && missing(&rows) > 0 {
                    rows.extend(whole(None, missing(&rows))?);
                }
            } else {
                rows = whole(Some(place), wanted)?;
                if !most_first {
                    rows.extend(sold_span(reader, filter, sort, locale, None, missing(&rows), 0)?);
                }
            }
            Ok((rows, None))
        }
    }
}

fn sold_span(
    reader: &Reader<'_>,
    filter: &ProductFilter,
    sort: Sort,
    locale: Locale,
    start: Option<(i64, MenuPlace)>,
    wanted: i64,
    skip: i64,
) -> Result<Vec<Product>> {
    let mut query = conditions(filter);
    if let Some((pieces, MenuPlace { place, category, name, product })) = start {
        let condition = match (sort, locale) {
            (Sort::Unpopular, Locale::En) => {
                "f.pieces >= ? and (f.pieces > ? or (c.sort_order, c.id, p.sort_en, p.id) > (?, ?, ?, ?))"
            }
            (Sort::Unpopular, Locale::Ar) => {
                "f.pieces >= ? and (f.pieces > ? or (c.sort_order, c.id, p.sort_ar, p.id) > (?, ?, ?, ?))"
            }
            (_, Locale::En) => "f.pieces <= ? and (f.pieces < ? or (c.sort_order, c.id, p.sort_en, p.id) > (?, ?, ?, ?))",
            (_, Locale::Ar) => "f.pieces <= ? and (f.pieces < ? or (c.sort_order, c.id, p.sort_ar, p.id) > (?, ?, ?, ?))",
        };
        let (category, product) = (Box::new(category), Box::new(product));
        query.filter(condition, vec![Box::new(pieces), Box::new(pieces), Box::new(place), category, Box::new(name), product]);
    }
    let sql = query.sql(sold_head!(), order(sort, locale));
    reader.all(&sql, &query.values(args![wanted, skip]), |row| {
        let sold = row.get(SOLD_COLUMN)?;
        Ok(Product { sold, ..product_row(row)? })
    })
}

/// The column after those of a product.
const SOLD_COLUMN: usize = 25;

fn counts_by_category(reader: &Reader<'_>, filter: &ProductFilter) -> Result<HashMap<CategoryId, i64>> {
    if filter.is_whole_menu() {
        let sql = "select n.category_id, case when ?1 then n.shown else n.products end from category_counts n \
                   join categories c on c.id = n.category_id where c.is_active = 1 or not ?1";
        let rows = reader.all(sql, args![filter.shown_only], |row| Ok((row.get(0)?, row.get(1)?)))?;
        return Ok(rows.into_iter().collect());
    }
    let query = conditions(filter);
    let head = if filter.in_stock.is_some() {
        concat!("select p.category_id, count(*)", products_on_the_shelf!())
    } else {
        concat!("select p.category_id, count(*)", products_alone!())
    };
    let rows =
        reader.all(&query.sql(head, "group by p.category_id"), &query.values(&[]), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.into_iter().collect())
}

/// The entry after which a page of the menu begins.
struct MenuPlace {
    place: i64,
    category: CategoryId,
    name: String,
    product: ProductId,
}

fn menu_place([place, category, name, product]: &[Value; 4]) -> Result<MenuPlace> {
    Ok(MenuPlace {
        place: place.as_i64().ok_or_else(bad_cursor)?,
        category: category.as_str().and_then(CategoryId::parse).ok_or_else(bad_cursor)?,
        name: name.as_str().map(str::to_owned).ok_or_else(bad_cursor)?,
        product: product.as_str().and_then(ProductId::parse).ok_or_else(bad_cursor)?,
    })
}

fn order(sort: Sort, locale: Locale) -> &'static str {
    match (sort, locale) {
        // One category of the menu is ordered as a list by name.
        (Sort::Menu | Sort::Name, Locale::En) => "order by p.sort_en, p.id limit ? offset ?",
        (Sort::Menu | Sort::Name, Locale::Ar) => "order by p.sort_ar, p.id limit ? offset ?",
        (Sort::NameDown, Locale::En) => "order by p.sort_en desc, p.id desc limit ? offset ?",
        (Sort::NameDown, Locale::Ar) => "order by p.sort_ar desc, p.id desc limit ? offset ?",
        (Sort::Price, _) => "order by p.price_minor, p.id limit ? offset ?",
        (Sort::PriceDown, _) => "order by p.price_minor desc, p.id desc limit ? offset ?",
        // Ids grow with time.
        (Sort::Newest, _) => "order by p.id desc limit ? offset ?",
        (Sort::Oldest, _) => "order by p.id limit ? offset ?",
        (Sort::Popular, Locale::En) => "order by f.pieces desc, c.sort_order, c.id, p.sort_en, p.id limit ? offset ?",
        (Sort::Popular, Locale::Ar) => "order by f.pieces desc, c.sort_order, c.id, p.sort_ar, p.id limit ? offset ?",
        (Sort::Unpopular, Locale::En) => "order by f.pieces, c.sort_order, c.id, p.sort_en, p.id limit ? offset ?",
        (Sort::Unpopular, Locale::Ar) => "order by f.pieces, c.sort_order, c.id, p.sort_ar, p.id limit ? offset ?",
    }
}

/// Continues after the entry a cursor names.
fn after(query: &mut Query, cursor: &Cursor, sort: Sort, locale: Locale) -> Result<()> {
    let order = sort.name(locale);
    let id_of = |value: &Value| value.as_str().and_then(ProductId::parse).ok_or_else(bad_cursor);
    let text_of = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(bad_cursor);
    let number_of = |value: &Value| value.as_i64().ok_or_else(bad_cursor);
    match sort {
        // Read by functions of their own.
        Sort::Menu | Sort::Popular | Sort::Unpopular => return Err(bad_cursor().into()),
        Sort::Name | Sort::NameDown => {
            let [name, id] = cursor.values_of(order)?;
            let condition = match (sort, locale) {
                (Sort::NameDown, Locale::En) => "(p.sort_en, p.id) < (?, ?)",
                (Sort::NameDown, Locale::Ar) => "(p.sort_ar, p.id) < (?, ?)",
                (_, Locale::En) => "(p.sort_en, p.id) > (?, ?)",
                (_, Locale::Ar) => "(p.sort_ar, p.id) > (?, ?)",
            };
            query.filter(condition, vec![Box::new(text_of(&name)?), Box::new(id_of(&id)?)]);
        }
        Sort::Price | Sort::PriceDown => {
            let [price, id] = cursor.values_of(order)?;
            let condition =
                if sort == Sort::Price { "(p.price_minor, p.id) > (?, ?)" } else { "(p.price_minor, p.id) < (?, ?)" };
            query.filter(condition, vec![Box::new(number_of(&price)?), Box::new(id_of(&id)?)]);
        }
        Sort::Newest | Sort::Oldest => {
            let [id] = cursor.values_of(order)?;
            query.filter(if sort == Sort::Newest { "p.id < ?" } else { "p.id > ?" }, vec![Box::new(id_of(&id)?)]);
        }
    }
    Ok(())
}

fn json_text(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Fault::new(error).into())
}

fn groups_text(draft: &Draft) -> Result<Option<String>> {
    if draft.option_groups.is_empty() { Ok(None) } else { json_text(&draft.option_groups).map(Some) }
}

pub(super) fn insert_product(tx: &mut WriteTx<'_>, id: ProductId, draft: &Draft) -> Result<()> {
    let now = tx.now();
    tx.exec_one(
        "insert into products (id, sku, slug, category_id, name_en, name_ar, description_en, description_ar, sort_en, sort_ar, \
         price_minor, unit, allergens, attributes, option_groups, lead_time_hours, max_per_order, track_stock, is_active, \
         created_at, updated_at) values (?1, ?2, ?3, (select id from categories where slug = ?4), ?5, ?6, ?7, ?8, ?9, ?10, ?11, \
         ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?20)",
        args![
            id,
            draft.sku,
            draft.slug,
            draft.category,
            draft.name.en,
            draft.name.ar,
            draft.description.en,
            draft.description.ar,
            draft.name.sort_key(Locale::En),
            draft.name.sort_key(Locale::Ar),
            draft.price_minor,
            draft.unit,
            json_text(&draft.allergens)?,
            json_text(&draft.attributes)?,
            groups_text(draft)?,
            draft.lead_time_hours,
            draft.max_per_order,
            draft.track_stock,
            draft.is_active,
            now
        ],
    )?;
    insert_allergens(tx, id, draft)
}

pub(super) fn update_product(tx: &mut WriteTx<'_>, id: ProductId, draft: &Draft) -> Result<()> {
    on_sale::forget(tx)?;
    let now = tx.now();
    tx.exec_one(
        "update products set sku = ?2, slug = ?3, category_id = (select id from categories where slug = ?4), name_en = ?5, \
         name_ar = ?6, description_en = ?7, description_ar = ?8, sort_en = ?9, sort_ar = ?10, price_minor = ?11, unit = ?12, \
         allergens = ?13, attributes = ?14, option_groups = ?15, lead_time_hours = ?16, max_per_order = ?17, track_stock = ?18, \
         is_active = ?19, version = version + 1, updated_at = ?20 where id = ?1",
        args![
            id,
            draft.sku,
            draft.slug,
            draft.category,
            draft.name.en,
            draft.name.ar,
            draft.description.en,
            draft.description.ar,
            draft.name.sort_key(Locale::En),
            draft.name.sort_key(Locale::Ar),
            draft.price_minor,
            draft.unit,
            json_text(&draft.allergens)?,
            json_text(&draft.attributes)?,
            groups_text(draft)?,
            draft.lead_time_hours,
            draft.max_per_order,
            draft.track_stock,
            draft.is_active,
            now
        ],
    )?;
    tx.exec("delete from product_allergens where product_id = ?1", args![id])?;
    insert_allergens(tx, id, draft)
}

fn insert_allergens(tx: &mut WriteTx<'_>, id: ProductId, draft: &Draft) -> Result<()> {
    for allergen in &draft.allergens {
        tx.exec_one("insert into product_allergens (product_id, allergen) values (?1, ?2)", args![id, allergen])?;
    }
    Ok(())
}

pub(super) fn hide_product(tx: &mut WriteTx<'_>, id: ProductId) -> Result<()> {
    on_sale::forget(tx)?;
    let now = tx.now();
    tx.exec_one("update products set is_active = 0, version = version + 1, updated_at = ?2 where id = ?1", args![id, now])
}

macro_rules! search_texts {
    () => {
        concat!(
            "select p.id, c.sort_order, p.name_en, p.name_ar, c.name_en, c.name_ar, c.slug, p.description_en, p.description_ar, \
             p.is_active and c.is_active",
            products_alone!()
        )
    };
}

fn search_entry_row(row: &Row<'_>) -> Result<Entry> {
    let mut columns = row.columns();
    let texts = Texts {
        product: columns.next()?,
        place: columns.next()?,
        name: [columns.next()?, columns.next()?],
        category: [columns.next()?, columns.next()?, columns.next()?],
        description: [columns.next()?, columns.next()?],
        is_shown: columns.next()?,
    };
    Ok(texts.entry())
}

/// What a product is found by.
pub(super) fn search_entry(reader: &Reader<'_>, id: ProductId) -> Result<Option<Entry>> {
    reader.opt(concat!(search_texts!(), " where p.id = ?1"), args![id], search_entry_row)
}

/// What every product is found by, in the order in which equal hits come.
pub(super) fn search_entries(reader: &Reader<'_>) -> Result<Vec<Entry>> {
    reader.all(concat!(search_texts!(), " order by c.sort_order, p.id"), &[], search_entry_row)
}

/// The first so many products of a category, the oldest first.
pub(super) fn product_ids_of(reader: &Reader<'_>, category: CategoryId, most: i64) -> Result<Vec<ProductId>> {
    reader.all("select id from products where category_id = ?1 order by id limit ?2", args![category, most], |row| row.get(0))
}

/// The keys of a kind's jobs that are not done.
pub(super) fn open_keys(reader: &Reader<'_>, kind: &str) -> Result<Vec<String>> {
    reader.all("select key from jobs where kind = ?1 and status in ('queued', 'running')", args![kind], |row| row.get(0))
}

/// The products that fit an expression of the search and the filter, at most so many.
pub(super) fn found(
    reader: &Reader<'_>,
    expression: &str,
    filter: &ProductFilter,
    by_weight: bool,
    limit: i64,
) -> Result<Vec<ProductId>> {
    let tail = if by_weight { search::BY_WEIGHT } else { search::IN_ORDER };
    // What the index itself knows needs no look at the products: most searches ask for no more.
    let (mut query, head) = if filter.is_plain() {
        let mut query = Query::new();
        if filter.shown_only {
            query.filter("r.is_shown = 1", vec![]);
        }
        (query, concat!("select r.product_id", crate::search_hits!()))
    } else {
        let head = concat!(
            "select r.product_id",
            crate::search_hits!(),
            " cross join products p on p.id = r.product_id cross join categories c on c.id = p.category_id \
             cross join inventory i on i.product_id = p.id"
        );
        (conditions(filter), head)
    };
    query.filter(search::MATCHES, vec![Box::new(expression.to_owned())]);
    reader.all(&query.sql(head, tail), &query.values(args![limit]), |row| row.get(0))
}

pub(super) fn count_products(reader: &Reader<'_>) -> Result<i64> {
    reader.one("select count(*) from products", &[], |row| row.get(0))
}

/// Pieces of each product in orders that were confirmed since a moment and stand. Only orders placed since `placed_from` are
/// looked at: ids grow with time, so that is the end of the orders' own tree.
pub(super) fn count_sold(reader: &Reader<'_>, placed_from: OrderId, confirmed_from: UtcMs) -> Result<Vec<(ProductId, Pieces)>> {
    reader.all(
        "select l.product_id, sum(l.quantity) from orders o join order_lines l on l.order_id = o.id \
         where o.id >= ?1 and o.status not in ('Pending', 'Cancelled') and exists (select 1 from order_history h \
         where h.order_id = o.id and h.kind = 'move' and h.status = 'Confirmed' and h.at >= ?2) \
         group by l.product_id",
        args![placed_from, confirmed_from],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

pub(super) fn sold(reader: &Reader<'_>) -> Result<HashMap<ProductId, Pieces>> {
    let rows = reader.all("select product_id, pieces from product_popularity", &[], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.into_iter().collect())
}

pub(super) fn set_sold(tx: &mut WriteTx<'_>, product: ProductId, pieces: Pieces) -> Result<()> {
    tx.exec_one(
        "insert into product_popularity (product_id, pieces) values (?1, ?2) on conflict (product_id) do update set pieces = ?2",
        args![product, pieces],
    )
}

pub(super) fn clear_sold(tx: &mut WriteTx<'_>, product: ProductId) -> Result<()> {
    tx.exec_one("delete from product_popularity where product_id = ?1", args![product])
}

macro_rules! category_head {
    () => {
        "select c.id, c.slug, c.name_en, c.name_ar, c.sort_order, c.tax_rate_bp, c.is_active, c.version, \
         coalesce((select case when ?1 then n.products else n.shown end from category_counts n where n.category_id = c.id), 0) \
         from categories c"
    };
}

fn category_row(row: &Row<'_>) -> Result<Category> {
    let mut columns = row.columns();
    let id = columns.next()?;
    let draft = CategoryDraft {
        slug: columns.next()?,
        name: Words { en: columns.next()?, ar: columns.next()? },
        sort_order: columns.next()?,
        tax_rate_bp: columns.next()?,
        is_active: columns.next()?,
    };
    Ok(Category { id, draft, version: columns.next()?, product_count: columns.next()? })
}

/// A category, with its products as staff count them: hidden ones too.
pub(super) fn category(reader: &Reader<'_>, id: CategoryId) -> Result<Option<Category>> {
    reader.opt(concat!(category_head!(), " where c.id = ?2"), args![true, id], category_row)
}

/// The category, if the public may see it.
pub(super) fn shown_category(reader: &Reader<'_>, id: CategoryId) -> Result<Option<Category>> {
    reader.opt(concat!(category_head!(), " where c.id = ?2 and c.is_active = 1"), args![false, id], category_row)
}

pub(super) fn category_by_slug(reader: &Reader<'_>, slug: &str) -> Result<Option<CategoryId>> {
    reader.opt("select id from categories where slug = ?1", args![slug], |row| row.get(0))
}

pub(super) fn all_categories(reader: &Reader<'_>) -> Result<Vec<Category>> {
    reader.all(concat!(category_head!(), " order by c.sort_order, c.id"), args![true], category_row)
}

/// The order in which categories are listed.
pub(super) const CATEGORY_ORDER: &str = "menu";

/// A page of categories, one more than it holds, and how many there are with page numbers.
pub(super) fn categories(reader: &Reader<'_>, staff: bool, paging: &Paging) -> Result<(Vec<Category>, Option<i64>)> {
    let total = if paging.wants_total() {
        let sql = "select count(*) from categories c where c.is_active = 1 or ?1";
        Some(reader.one(sql, args![staff], |row| row.get(0))?)
    } else {
        None
    };
    let (place, id) = match &paging.from {
        From::Page(_) => (-1, None),
        From::After(cursor) => {
            let [place, id] = cursor.values_of(CATEGORY_ORDER)?;
            let id = id.as_str().and_then(CategoryId::parse).ok_or_else(bad_cursor)?;
            (place.as_i64().ok_or_else(bad_cursor)?, Some(id))
        }
    };
    let rows = reader.all(
        concat!(
            category_head!(),
            " where (c.is_active = 1 or ?1) and (c.sort_order > ?2 or (c.sort_order = ?2 and c.id > ?3)) \
             order by c.sort_order, c.id limit ?4 offset ?5"
        ),
        args![staff, place, id, paging.per_page + 1, paging.offset()?],
        category_row,
    )?;
    Ok((rows, total))
}

/// The place after every category there is.
pub(super) fn next_category_place(reader: &Reader<'_>) -> Result<i64> {
    reader.one("select coalesce(max(sort_order) + 1, 1) from categories", &[], |row| row.get(0))
}

pub(super) fn insert_category(tx: &mut WriteTx<'_>, id: CategoryId, draft: &CategoryDraft) -> Result<()> {
    let now = tx.now();
    tx.exec_one(
        "insert into categories (id, slug, name_en, name_ar, sort_order, tax_rate_bp, is_active, created_at, updated_at) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
        args![id, draft.slug, draft.name.en, draft.name.ar, draft.sort_order, draft.tax_rate_bp, draft.is_active, now],
    )
}

pub(super) fn update_category(tx: &mut WriteTx<'_>, id: CategoryId, draft: &CategoryDraft) -> Result<()> {
    on_sale::forget(tx)?;
    let now = tx.now();
    tx.exec_one(
        "update categories set slug = ?2, name_en = ?3, name_ar = ?4, sort_order = ?5, tax_rate_bp = ?6, is_active = ?7, \
         version = version + 1, updated_at = ?8 where id = ?1",
        args![id, draft.slug, draft.name.en, draft.name.ar, draft.sort_order, draft.tax_rate_bp, draft.is_active, now],
    )
}

pub(super) fn delete_category(tx: &mut WriteTx<'_>, id: CategoryId) -> Result<()> {
    on_sale::forget(tx)?;
    tx.exec_one("delete from categories where id = ?1", args![id])
}

/// Whether there is any product, hidden or not.
pub(super) fn has_any_product(reader: &Reader<'_>) -> Result<bool> {
    reader.one("select exists (select 1 from products)", &[], |row| row.get(0))
}

pub(super) fn has_products(reader: &Reader<'_>, id: CategoryId) -> Result<bool> {
    Ok(reader.opt("select 1 from products where category_id = ?1 limit 1", args![id], |row| row.get::<Pieces>(0))?.is_some())
}
