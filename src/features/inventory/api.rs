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
use crate::http::input::{Fields, FromJson, Input, read_span, there};
use crate::http::page::{Paging, list_schema};
use crate::http::problem::not_found;
use crate::http::{Answer, Body, Context, Id, Link, Query, Route, Shape, etag, respond};
use crate::kernel::pieces::MAX_STOCK;
use crate::kernel::problem::kinds;
use crate::kernel::text::Lines;
use crate::kernel::{At, Faults, Locale, Note, Pieces, Problem, ProductId, Role, SeenVersion, UtcMs};

/// Every route of this feature.
#[must_use]
pub fn routes() -> Vec<Route<AppState>> {
    let changes = [&kinds::VERSION_CONFLICT, &problems::BELOW_RESERVED, &problems::STOCK_OUT_OF_RANGE, &kinds::FORBIDDEN];
    let row = row_shape();
    vec![
        Route::get("/api/v1/inventory", list, "List what lies on the shelf")
            .describe("A row for each product whose pieces are counted. `available` is `stock` less `reserved`.")
            .query::<ListQuery>()
            .parameter("q", "Words of name or sku.")
            .answers(200, "A page of rows", list_schema(row.clone()))
            .links(row_links("$response.body#/data/0/productId")),
        Route::get("/api/v1/inventory/low", low, "List what is running low")
            .describe("What has come down to its threshold.")
            .query::<LowQuery>()
            .answers(200, "A page of rows", list_schema(row.clone()))
            .links(row_links("$response.body#/data/0/productId")),
        Route::get("/api/v1/inventory/{productId}/log", log, "List every change of a product's stock")
            .describe("The ledger from which the stock can be added up; nothing in it is ever changed.")
            .query::<LogQuery>()
            .answers(200, "A page of changes, newest first", list_schema(log_shape())),
        Route::put("/api/v1/inventory/{productId}", put, "Set or change a product's stock or threshold")
            .describe("`stock` says what was counted, `delta` what came or went; either wants a `reason`. Send the version you have read, in `version` or as `If-Match`, so that a sale meanwhile is not overwritten. `correction` is for admins.")
            .body::<PutBody>()
            .example("Counted", json!({ "stock": 22, "reason": "count", "version": 7 }))
            .example("Fresh from the oven", json!({ "delta": 12, "reason": "baked", "version": 7 }))
            .example("Warn earlier", json!({ "stockThreshold": 15, "version": 7 }))
            .conditional()
            .tagged()
            .answers(200, "The product's row", row.clone())
            .links(row_links("$response.body#/productId"))
            .refuses(&changes),
        Route::post("/api/v1/inventory/adjust", adjust, "Change several stocks, all or none")
            .describe("Each row says `stock` or `delta`, and may say a `reason` and `version` of its own. If one cannot be, nothing is changed and `rows` beside the code names each that failed.")
            .body::<BatchBody>()
            .example("The morning's bread", json!({
                "reason": "baked", "note": "First batch",
                "items": [
                    { "productId": "01936f2a-7c11-7000-8000-0a1b2c3d4e01", "delta": 24 },
                    { "productId": "01936f2a-7c11-7000-8000-0a1b2c3d4e03", "stock": 40, "reason": "count", "version": 5 },
                ],
            }))
            .idempotent()
            .answers(200, "The rows changed", Shape::named(
                "InventoryRows",
                json!({
                    "type": "object", "required": ["data"],
                    "properties": { "data": { "type": "array", "items": row.schema() } },
                    "additionalProperties": false,
                }),
                json!({ "data": [row.example()] }),
            ).of(&[&row]))
            .links(row_links("$response.body#/data/0/productId"))
            .refuses(&changes)
            .refuses(&[&kinds::NOT_FOUND]),
    ]
}

/// Where a row leads; `product` is where an answer holds its product's id.
fn row_links(product: &str) -> [Link; 3] {
    [
        Link::to("log", "GET /api/v1/inventory/{productId}/log", "Every change of its stock").with("productId", product),
        Link::to("change", "PUT /api/v1/inventory/{productId}", "Count or change it").with("productId", product),
        Link::to("product", "GET /api/v1/products/{id}", "The product itself").with("id", product),
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
    fields.rule(json!({ "not": { "allOf": [there("stock"), there("delta")] } }));
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
        let change_there = json!({ "anyOf": [there("stock"), there("delta")] });
        fields.rule(json!({ "anyOf": [there("stockThreshold"), change_there] }));
        fields.rule(json!({ "if": change_there, "then": there("reason") }));
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
        fields.rule(json!({ "anyOf": [there("stock"), there("delta")] }));
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
        let (from, to) = read_span(fields);
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

fn row_shape() -> Shape {
    let schema = json!({
        "type": "object",
        "required": ["productId", "sku", "name", "stock", "reserved", "available", "stockThreshold", "isLow", "version", "updatedAt"],
        "properties": {
            "productId": { "type": "string", "format": "uuid" }, "sku": { "type": "string" }, "name": { "type": "string" },
            "stock": { "type": "integer", "description": "Pieces on hand." },
            "reserved": { "type": "integer", "description": "Pieces promised to open orders." },
            "available": { "type": "integer", "description": "`stock` less `reserved`." },
            "stockThreshold": { "type": "integer", "description": "At or below it the product is low; 0 never warns." },
            "isLow": { "type": "boolean" },
            "version": { "type": "integer", "description": "Moves with `stock` and `stockThreshold`, never with `reserved`." },
            "updatedAt": { "type": "string", "format": "date-time" },
        },
        "additionalProperties": false,
    });
    let example = json!({
        "productId": "01936f2a-7c11-7000-8000-0a1b2c3d4e01", "sku": "BRD-012", "name": "Maarouk", "stock": 40, "reserved": 6,
        "available": 34, "stockThreshold": 10, "isLow": false, "version": 7, "updatedAt": "2026-11-25T10:47:45.000Z",
    });
    Shape::named("InventoryRow", schema, example)
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

fn log_shape() -> Shape {
    let schema = json!({
        "type": "object",
        "required": ["id", "productId", "delta", "stockAfter", "reason", "source", "actor", "createdAt"],
        "properties": {
            "id": { "type": "string", "format": "uuid" }, "productId": { "type": "string", "format": "uuid" },
            "delta": { "type": "integer" }, "stockAfter": { "type": "integer" }, "reason": { "type": "string", "enum": REASONS },
            "source": { "type": "string", "description": "The order's number, or `shelf`." },
            "actor": { "type": "string", "description": "Who did it." },
            "note": { "type": ["string", "null"] }, "createdAt": { "type": "string", "format": "date-time" },
        },
        "additionalProperties": false,
    });
    let example = json!({
        "id": "01936f2b-1111-7000-8000-5a6b7c8d9e09", "productId": "01936f2a-7c11-7000-8000-0a1b2c3d4e01", "delta": 12, "stockAfter": 40,
        "reason": "baked", "source": "shelf", "actor": "staff", "note": null, "createdAt": "2026-11-25T10:47:45.000Z",
    });
    Shape::named("StockChange", schema, example)
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
