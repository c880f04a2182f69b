//! `/inventory`: the shelf for staff.

use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use super::adjust::{Adjust, AdjustMany, Adjustment, Change};
use super::model::{LogRow, Shelf};
use super::problems;
use super::queries::{self, LogFilter, ShelfFilter, order_number};
use crate::features::AppState;
use crate::http::idempotency::{IdempotencyKey, Kept, once};
use crate::http::input::{Fields, FromJson, Input, read_moment};
use crate::http::page::{Paging, list_schema};
use crate::http::problem::not_found;
use crate::http::{Answer, Body, Context, Id, Query, Route, etag, respond};
use crate::kernel::pieces::MAX_STOCK;
use crate::kernel::problem::kinds;
use crate::kernel::text::Lines;
use crate::kernel::{At, Faults, Locale, Note, Pieces, Problem, ProductId, Role, SeenVersion, UtcMs};

/// Every route of this feature.
#[must_use]
pub fn routes() -> Vec<Route<AppState>> {
    let changes = [&kinds::VERSION_CONFLICT, &problems::BELOW_RESERVED, &problems::STOCK_OUT_OF_RANGE, &kinds::FORBIDDEN];
    vec![
        Route::get("/api/v1/inventory", list, "List what lies on the shelf").query::<ListQuery>().answers(200, "A page", list_schema(row_schema())),
        Route::get("/api/v1/inventory/low", low, "List what is running low").query::<LowQuery>().answers(200, "A page", list_schema(row_schema())),
        Route::get("/api/v1/inventory/{productId}/log", log, "List every change of a product's stock")
            .query::<LogQuery>()
            .answers(200, "A page, newest first", list_schema(log_schema())),
        Route::put("/api/v1/inventory/{productId}", put, "Set or change a product's stock or threshold")
            .body::<PutBody>()
            .conditional()
            .answers(200, "The product's row", row_schema())
            .refuses(&changes)
            .refuses(&[&kinds::STALE]),
        Route::post("/api/v1/inventory/adjust", adjust, "Change several stocks, all or none")
            .body::<BatchBody>()
            .idempotent()
            .answers(200, "The rows changed", json!({ "type": "object", "required": ["data"], "properties": { "data": { "type": "array", "items": row_schema() } } }))
            .refuses(&changes)
            .refuses(&[&kinds::NOT_FOUND, &kinds::IDEMPOTENCY_KEY_REUSED]),
    ]
}

/// Why a stock is changed by hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct ByHand(&'static str);

const BY_HAND: &[&str] = &["count", "baked", "waste", "staff", "donated", "correction"];
const REASONS: &[&str] = &["count", "baked", "waste", "staff", "donated", "correction", "opening", "sale", "return", "undo"];

fn word(value: &Value, at: &At<'_>, faults: &mut Faults<'_>, words: &'static [&'static str]) -> Option<&'static str> {
    let found = value.as_str().and_then(|text| words.iter().copied().find(|word| *word == text));
    if found.is_none() {
        faults.add(at, "unknown_value", format!("must be one of {}", words.join(", ")));
    }
    found
}

impl FromJson for ByHand {
    fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        word(value, at, faults, BY_HAND).map(ByHand)
    }

    fn schema() -> Value {
        json!({ "type": "string", "enum": BY_HAND })
    }
}

/// Reads `stock` or `delta`: exactly one if `needed`.
fn read_change(fields: &mut Fields<'_, '_>, needed: bool) -> Option<Change> {
    let stock = fields.opt_int("stock", 0..=MAX_STOCK);
    let delta = fields.opt_int("delta", -MAX_STOCK..=MAX_STOCK);
    match (fields.has("stock"), fields.has("delta")) {
        (true, true) => fields.fault("delta", "stock_and_delta", "stock and delta do not go together; leave one out"),
        (false, false) if needed => fields.fault("stock", "required", "stock or delta is required"),
        _ => {}
    }
    stock.map(Change::To).or(delta.map(Change::By))
}

struct PutBody {
    change: Option<Change>,
    threshold: Option<Pieces>,
    reason: Option<ByHand>,
    note: Option<Note>,
    version: Option<i64>,
}

impl Input for PutBody {
    const NAME: &'static str = "InventoryPut";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let threshold = fields.opt_int("stockThreshold", 0..=MAX_STOCK);
        let change = read_change(fields, threshold.is_none());
        let reason = fields.opt("reason");
        if change.is_some() && !fields.has("reason") {
            fields.fault("reason", "required", "is required where stock changes");
        }
        let (note, version) = (fields.opt("note"), fields.opt_int("version", 1..=i64::MAX));
        Some(PutBody { change, threshold, reason, note, version })
    }
}

struct BatchRow {
    product: ProductId,
    change: Change,
    reason: Option<ByHand>,
    version: Option<i64>,
}

impl Input for BatchRow {
    const NAME: &'static str = "InventoryBatchRow";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let product = fields.req("productId");
        let change = read_change(fields, true);
        let (reason, version) = (fields.opt("reason"), fields.opt_int("version", 1..=i64::MAX));
        Some(BatchRow { product: product?, change: change?, reason, version })
    }
}

struct BatchBody {
    items: Vec<BatchRow>,
    reason: ByHand,
    note: Option<Note>,
}

impl Input for BatchBody {
    const NAME: &'static str = "InventoryBatch";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let items = fields.req_list("items", 1..=1_000);
        let (reason, note) = (fields.req("reason"), fields.opt("note"));
        Some(BatchBody { items: items?, reason: reason?, note })
    }
}

struct ListQuery(ShelfFilter);

impl Input for ListQuery {
    const NAME: &'static str = "InventoryQuery";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let text = fields.opt_text("q", Lines::One, 1..=200);
        // An id that is none of ours names no row; the list is empty then.
        let product = fields.opt("product_id");
        let category = fields.opt_text("category", Lines::One, 1..=200);
        let low = fields.opt("low");
        let paging = Paging::read(fields)?;
        Some(ListQuery(ShelfFilter { text, product, category, low, paging }))
    }
}

struct LowQuery(Paging);

impl Input for LowQuery {
    const NAME: &'static str = "InventoryLowQuery";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        Paging::read(fields).map(LowQuery)
    }
}

struct LogQuery {
    reason: Option<&'static str>,
    from: Option<UtcMs>,
    to: Option<UtcMs>,
    paging: Paging,
}

impl Input for LogQuery {
    const NAME: &'static str = "StockLogQuery";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let reason = fields.opt_with(
            "reason",
            || json!({ "type": "string", "enum": REASONS }),
            |value, at, faults| word(value, at, faults, REASONS),
        );
        let (from, to) = (read_moment(fields, "from", false), read_moment(fields, "to", true));
        let paging = Paging::read(fields)?;
        Some(LogQuery { reason, from, to, paging })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RowBody {
    product_id: String,
    sku: String,
    name: String,
    stock: Pieces,
    reserved: Pieces,
    available: Pieces,
    stock_threshold: Pieces,
    is_low: bool,
    version: i64,
    updated_at: String,
}

fn row_body(shelf: Shelf, locale: Locale) -> RowBody {
    let available = shelf.stock - shelf.reserved;
    let (own, other) = match locale {
        Locale::En => (shelf.name_en, shelf.name_ar),
        Locale::Ar => (shelf.name_ar, shelf.name_en),
    };
    RowBody {
        product_id: shelf.product.to_string(),
        sku: shelf.sku,
        name: own.or(other).unwrap_or_default(),
        stock: shelf.stock,
        reserved: shelf.reserved,
        available,
        stock_threshold: shelf.threshold,
        is_low: shelf.threshold > 0 && available <= shelf.threshold,
        version: shelf.version,
        updated_at: shelf.updated_at.to_string(),
    }
}

fn row_schema() -> Value {
    json!({
        "type": "object",
        "required": ["productId", "sku", "name", "stock", "reserved", "available", "stockThreshold", "isLow", "version", "updatedAt"],
        "properties": {
            "productId": { "type": "string", "format": "uuid" }, "sku": { "type": "string" }, "name": { "type": "string" },
            "stock": { "type": "integer" }, "reserved": { "type": "integer" }, "available": { "type": "integer" },
            "stockThreshold": { "type": "integer" }, "isLow": { "type": "boolean" }, "version": { "type": "integer" },
            "updatedAt": { "type": "string", "format": "date-time" },
        },
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogBody {
    id: String,
    product_id: String,
    delta: Pieces,
    stock_after: Pieces,
    reason: String,
    source: String,
    actor: String,
    note: Option<String>,
    created_at: String,
}

fn log_body(row: LogRow) -> LogBody {
    LogBody {
        id: row.id.to_string(),
        product_id: row.product.to_string(),
        delta: row.delta,
        stock_after: row.stock_after,
        source: row.order_number.map_or_else(|| "shelf".to_owned(), |(day, number)| order_number(day, number)),
        reason: row.reason,
        actor: row.actor,
        note: row.note,
        created_at: row.created_at.to_string(),
    }
}

fn log_schema() -> Value {
    json!({
        "type": "object",
        "required": ["id", "productId", "delta", "stockAfter", "reason", "source", "actor", "createdAt"],
        "properties": {
            "id": { "type": "string", "format": "uuid" }, "productId": { "type": "string", "format": "uuid" },
            "delta": { "type": "integer" }, "stockAfter": { "type": "integer" }, "reason": { "type": "string", "enum": REASONS },
            "source": { "type": "string", "description": "The order's number, or `shelf`." }, "actor": { "type": "string" },
            "note": { "type": ["string", "null"] }, "createdAt": { "type": "string", "format": "date-time" },
        },
    })
}

async fn list(State(shop): State<AppState>, context: Context, Query(ListQuery(filter)): Query<ListQuery>) -> Answer {
    let locale = context.shop.locale;
    let list = shop.db.read(move |reader| queries::list(reader, &filter)).await?;
    respond::json(&context, StatusCode::OK, &list.map(|row| row_body(row, locale)))
}

async fn low(State(shop): State<AppState>, context: Context, Query(LowQuery(paging)): Query<LowQuery>) -> Answer {
    let locale = context.shop.locale;
    let filter = ShelfFilter { text: None, product: None, category: None, low: Some(true), paging };
    let list = shop.db.read(move |reader| queries::list(reader, &filter)).await?;
    respond::json(&context, StatusCode::OK, &list.map(|row| row_body(row, locale)))
}

async fn log(
    State(shop): State<AppState>,
    context: Context,
    Id(product): Id<ProductId>,
    Query(query): Query<LogQuery>,
) -> Answer {
    let filter = LogFilter { product, reason: query.reason, from: query.from, to: query.to, paging: query.paging };
    let list = shop.db.read(move |reader| queries::log(reader, &filter)).await?.ok_or_else(not_found)?;
    respond::json(&context, StatusCode::OK, &list.map(log_body))
}

/// A correction rewrites the past; only an admin may.
fn check_reason(context: &Context, reason: &'static str) -> Result<(), Problem> {
    if reason == "correction" && context.caller.role() != Some(Role::Admin) {
        return Err(
            Problem::of(&kinds::FORBIDDEN).detail("A correction is for admins. Take count, baked, waste, staff or donated.")
        );
    }
    Ok(())
}

async fn put(State(shop): State<AppState>, context: Context, Id(product): Id<ProductId>, Body(body): Body<PutBody>) -> Answer {
    let if_match = etag::if_match(context.header("if-match"))?;
    if body.version.is_none() && if_match.is_none() {
        return Err(Problem::field("version", "required", "is required: the version you have read (or send If-Match)").into());
    }
    let reason = body.reason.map_or("count", |reason| reason.0);
    check_reason(&context, reason)?;
    let adjustment = Adjustment {
        product,
        change: body.change,
        threshold: body.threshold,
        reason,
        note: body.note,
        seen: SeenVersion { if_match, in_body: body.version },
    };
    let shelf = shop.db.write(Adjust { adjustment, by: context.caller.actor() }).await?;
    let version = shelf.version;
    respond::tagged(&context, StatusCode::OK, version, &row_body(shelf, context.shop.locale))
}

async fn adjust(State(shop): State<AppState>, context: Context, Body(body): Body<BatchBody>) -> Answer {
    let key = IdempotencyKey::of(&context)?;
    let mut adjustments = Vec::with_capacity(body.items.len());
    for row in body.items {
        let reason = row.reason.unwrap_or(body.reason).0;
        check_reason(&context, reason)?;
        let seen = SeenVersion { if_match: None, in_body: row.version };
        adjustments.push(Adjustment {
            product: row.product,
            change: Some(row.change),
            threshold: None,
            reason,
            note: body.note.clone(),
            seen,
        });
    }
    let locale = context.shop.locale;
    let command = AdjustMany { adjustments, by: context.caller.actor() };
    let kept = shop
        .db
        .write(once(key, command, move |shelves| {
            let rows: Vec<RowBody> = shelves.iter().cloned().map(|shelf| row_body(shelf, locale)).collect();
            Ok(Kept::ok(respond::to_bytes(&json!({ "data": rows }))?))
        }))
        .await?;
    kept.answer(&context)
}
