//! Reading the shelf and its ledger.

use serde_json::Value;

use super::model::{LogRow, Shelf};
use super::sql;
use crate::db::Reader;
use crate::db::query::Query;
use crate::http::page::{From, List, Paging, bad_cursor};
use crate::kernel::{Pieces, ProductId, Result, ShopDay, UtcMs};

/// Which products.
#[derive(Clone, Debug)]
pub struct ShelfFilter {
    pub text: Option<String>,
    pub product: Option<ProductId>,
    pub category: Option<String>,
    pub low: Option<bool>,
    pub paging: Paging,
}

/// The name of the lists' order in cursors.
const NEWEST: &str = "newest";

pub(super) fn list(reader: &Reader<'_>, filter: &ShelfFilter) -> Result<List<Shelf>> {
    let mut query = Query::new();
    if let Some(text) = &filter.text {
        let text = text.to_lowercase();
        query.filter(
            "instr(lower(p.sku), ?) > 0 or instr(p.sort_en, ?) > 0 or instr(p.sort_ar, ?) > 0",
            vec![Box::new(text.clone()), Box::new(text.clone()), Box::new(text)],
        );
    }
    query.filter_opt("i.product_id = ?", filter.product);
    query.filter_opt("c.slug = ?", filter.category.clone());
    match filter.low {
        Some(true) => query.filter("i.stock_threshold > 0 and i.stock - i.reserved <= i.stock_threshold", vec![]),
        Some(false) => query.filter("i.stock_threshold = 0 or i.stock - i.reserved > i.stock_threshold", vec![]),
        None => {}
    }
    let total = if filter.paging.wants_total() { Some(sql::count(reader, &query)?) } else { None };
    if let From::After(cursor) = &filter.paging.from {
        query.filter("i.product_id < ?", vec![Box::new(id_after(&cursor.values_of::<1>(NEWEST)?)?)]);
    }
    let rows = sql::list(reader, &query, filter.paging.per_page + 1, filter.paging.offset()?)?;
    Ok(List::page(&filter.paging, total, rows, NEWEST, |row| vec![row.product.to_string().into()]))
}

fn id_after(values: &[Value; 1]) -> Result<Vec<u8>> {
    let id = values[0].as_str().and_then(ProductId::parse).ok_or_else(bad_cursor)?;
    Ok(id.uuid().into_bytes().to_vec())
}

/// Which rows of a product's ledger.
#[derive(Clone, Debug)]
pub struct LogFilter {
    pub product: ProductId,
    pub reason: Option<&'static str>,
    pub from: Option<UtcMs>,
    pub to: Option<UtcMs>,
    pub paging: Paging,
}

/// `None` if there is no such product.
pub(super) fn log(reader: &Reader<'_>, filter: &LogFilter) -> Result<Option<List<LogRow>>> {
    if sql::level(reader, filter.product)?.is_none() {
        return Ok(None);
    }
    let mut query = Query::new();
    query.filter_opt("s.product_id = ?", Some(filter.product));
    query.filter_opt("s.reason = ?", filter.reason);
    query.filter_opt("s.created_at >= ?", filter.from);
    query.filter_opt("s.created_at < ?", filter.to);
    let total = if filter.paging.wants_total() { Some(sql::log_count(reader, &query)?) } else { None };
    if let From::After(cursor) = &filter.paging.from {
        query.filter("s.id < ?", vec![Box::new(id_after(&cursor.values_of::<1>(NEWEST)?)?)]);
    }
    let rows = sql::log_list(reader, &query, filter.paging.per_page + 1, filter.paging.offset()?)?;
    Ok(Some(List::page(&filter.paging, total, rows, NEWEST, |row| vec![row.id.to_string().into()])))
}

/// How many products run low, and the lowest of them, at most `most`.
///
/// # Errors
/// A fault.
pub fn low(reader: &Reader<'_>, most: i64) -> Result<(i64, Vec<Shelf>)> {
    Ok((sql::low_count(reader)?, sql::lowest(reader, most)?))
}

/// Pieces of a product that nobody was promised.
///
/// # Errors
/// A fault.
pub fn available(reader: &Reader<'_>, product: ProductId) -> Result<Pieces> {
    Ok(sql::level(reader, product)?.map_or(0, |level| level.stock - level.reserved))
}

/// `B-261123-0042` (SPEC 1).
#[must_use]
pub fn order_number(day: i64, number: i64) -> String {
    let short = ShopDay::from_number(day).map_or_else(|| day.to_string(), ShopDay::short);
    format!("B-{short}-{number:04}")
}
