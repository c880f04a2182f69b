//! Lists: pages by number or by cursor (SPEC 2).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Value, json};

use super::input::{Fields, Input};
use super::shape::Shape;
use crate::kernel::problem::kinds;
use crate::kernel::{Problem, Result};

/// Entries a page, unless said.
const DEFAULT_PER_PAGE: i64 = 20;
/// Most entries a page.
const MAX_PER_PAGE: i64 = 100;
/// Deepest entry that a page number reaches; beyond it only the cursor is cheap.
const DEEPEST: i64 = 10_000;

/// Which part of a list is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Paging {
    pub per_page: i64,
    pub from: From,
}

/// Where a page begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum From {
    /// Page numbers from 1.
    Page(i64),
    /// After the entry that a cursor names.
    After(Cursor),
}

/// The keyset values of an entry, after which the next page begins, and the name of the order they belong to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cursor {
    pub order: String,
    pub values: Vec<Value>,
}

impl Cursor {
    /// Opaque text for clients.
    #[must_use]
    pub fn encode(order: &str, values: &[Value]) -> String {
        URL_SAFE_NO_PAD.encode(json!([order, values]).to_string())
    }

    fn decode(text: &str) -> Option<Cursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (order, values): (String, Vec<Value>) = serde_json::from_slice(&bytes).ok()?;
        Some(Cursor { order, values })
    }

    /// The values, if the cursor belongs to this order and has so many.
    ///
    /// # Errors
    /// 422: it was made by a list sorted otherwise, or by nobody.
    pub fn values_of<const N: usize>(&self, order: &str) -> Result<[Value; N]> {
        let values = (self.order == order).then(|| <[Value; N]>::try_from(self.values.clone()).ok()).flatten();
        values.ok_or_else(|| bad_cursor().into())
    }
}

/// The refusal of a cursor that this list did not give.
#[must_use]
pub fn bad_cursor() -> Problem {
    Problem::field("cursor", "invalid_cursor", "must be the nextCursor of this list, asked for with the same sort")
}

impl Paging {
    /// Reads `page`, `per_page` and `cursor` among a query's fields.
    pub fn read(fields: &mut Fields<'_, '_>) -> Option<Paging> {
        let page = fields.opt_int("page", 1..=1_000_000_000);
        let per_page = fields.opt_int("per_page", 1..=MAX_PER_PAGE).unwrap_or(DEFAULT_PER_PAGE);
        let text = fields.opt_with(
            "cursor",
            || json!({ "type": "string", "maxLength": 2000 }),
            |value, _, _| Some(value.as_str().unwrap_or("").to_owned()),
        );
        let from = match (page, text) {
            (Some(_), Some(_)) => {
                fields.fault("cursor", "page_and_cursor", "page and cursor do not go together; leave one out");
                return None;
            }
            (page, None) => From::Page(page.unwrap_or(1)),
            (None, Some(text)) => {
                let Some(cursor) = Cursor::decode(&text) else {
                    fields.fault("cursor", "invalid_cursor", "must be the nextCursor of this list");
                    return None;
                };
                From::After(cursor)
            }
        };
        Some(Paging { per_page, from })
    }

    /// Entries to skip; 0 with a cursor.
    ///
    /// # Errors
    /// 422 `use_cursor` past entry 10,000.
    pub fn offset(&self) -> Result<i64> {
        let From::Page(page) = self.from else { return Ok(0) };
        if page * self.per_page > DEEPEST {
            return Err(Problem::of(&kinds::USE_CURSOR)
                .detail(format!(
                    "Page numbers reach entry {DEEPEST}; go further with cursor, the nextCursor of the page before."
                ))
                .into());
        }
        Ok((page - 1) * self.per_page)
    }

    #[must_use]
    pub const fn wants_total(&self) -> bool {
        matches!(self.from, From::Page(_))
    }
}

/// A list as it is answered.
#[derive(Serialize, Debug)]
pub struct List<T> {
    pub data: Vec<T>,
    pub meta: Meta,
}

/// What stands beside a list.
#[derive(Serialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// Exact with page numbers, null with a cursor.
    pub total: Option<i64>,
    pub page: Option<i64>,
    pub per_page: i64,
    /// There while more follows.
    pub next_cursor: Option<String>,
}

impl<T> List<T> {
    /// A page of `rows`, read with one entry more than a page holds, so that it is known whether more follow. `cursor_of` names
    /// the keyset values of an entry.
    #[must_use]
    pub fn page(
        paging: &Paging,
        total: Option<i64>,
        mut rows: Vec<T>,
        order: &str,
        cursor_of: impl FnOnce(&T) -> Vec<Value>,
    ) -> List<T> {
        let size = usize::try_from(paging.per_page).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        rows.truncate(size);
        let next_cursor = if more { rows.last().map(|last| Cursor::encode(order, &cursor_of(last))) } else { None };
        let page = match paging.from {
            From::Page(page) => Some(page),
            From::After(_) => None,
        };
        List { data: rows, meta: Meta { total, page, per_page: paging.per_page, next_cursor } }
    }

    /// The same list of other things.
    #[must_use]
    pub fn map<U>(self, to: impl FnMut(T) -> U) -> List<U> {
        List { data: self.data.into_iter().map(to).collect(), meta: self.meta }
    }
}

/// The shape of a list of things.
#[must_use]
pub fn list_schema(item: impl Into<Shape>) -> Shape {
    let item: Shape = item.into();
    let meta = Shape::named(
        "ListMeta",
        json!({
            "type": "object",
            "required": ["total", "page", "perPage", "nextCursor"],
            "properties": {
                "total": { "type": ["integer", "null"], "description": "Entries in all; null where `cursor` was sent." },
                "page": { "type": ["integer", "null"], "description": "This page's number; null where `cursor` was sent." },
                "perPage": { "type": "integer", "description": "The most entries of a page." },
                "nextCursor": { "type": ["string", "null"], "description": "While more follows: send it as `cursor`." },
            },
            "additionalProperties": false,
        }),
        json!({ "total": 1, "page": 1, "perPage": DEFAULT_PER_PAGE, "nextCursor": null }),
    );
    let schema = json!({
        "type": "object",
        "required": ["data", "meta"],
        "properties": { "data": { "type": "array", "items": item.schema() }, "meta": meta.schema() },
        "additionalProperties": false,
    });
    match (&item.name, &item.example) {
        (Some(name), Some(example)) => {
            Shape::named(format!("{name}List"), schema, json!({ "data": [example], "meta": meta.example() }))
                .of(&[&item, &meta])
        }
        _ => Shape::from(schema).of(&[&item, &meta]),
    }
}

/// A query of paging alone.
#[derive(Debug)]
pub struct PagingOnly(pub Paging);

impl Input for PagingOnly {
    const NAME: &'static str = "Paging";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        Paging::read(fields).map(PagingOnly)
    }
}
