//! The catalog's routes.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::bodies::{CategoryInput, ChangedProduct, NewProduct};
use super::categories::{CreateCategory, DeleteCategory, ReplaceCategory};
use super::list::{ProductQuery, Sort};
use super::menu::{Key, Ready};
use super::model::Category;
use super::products::{CreateProduct, HideProduct, ReplaceProduct};
use super::shapes::{self, View};
use super::{Product, images, problems, search, sql};
use crate::features::AppState;
use crate::features::media::Week;
use crate::http::idempotency::{IdempotencyKey, Kept, once};
use crate::http::page::{List, Paging, PagingOnly, list_schema};
use crate::http::problem::not_found;
use crate::http::{Answer, Body, Context, Id, Link, Query, Route, etag, no_content, respond};
use crate::kernel::problem::kinds;
use crate::kernel::{CategoryId, Fault, ProductId, Result, SeenVersion, Version};

/// Every route of the catalog.
#[must_use]
pub fn routes() -> Vec<Route<AppState>> {
    let product = shapes::product_shape();
    let category = shapes::category_shape();
    let new_product = json!({
        "name": "Kunafa, soft", "description": "With Nabulsi cheese.",
        "translations": { "ar": { "name": "كنافة ناعمة", "description": "بجبنة نابلسية." } },
        "price": "4.500", "category": "sweets", "unit": "kg", "allergens": ["gluten", "milk"],
        "optionGroups": [{
            "code": "size", "name": { "en": "Size", "ar": "الحجم" }, "required": true,
            "choices": [
                { "code": "regular", "name": { "en": "Regular", "ar": "عادي" } },
                { "code": "large", "name": { "en": "Large", "ar": "كبير" }, "priceDelta": "3.500" },
            ],
        }],
        "trackStock": true, "stock": 40, "stockThreshold": 10,
    });
    let mut changed_product = new_product.clone();
    changed_product["price"] = "4.750".into();
    changed_product["version"] = 3.into();
    if let Some(fields) = changed_product.as_object_mut() {
        fields.remove("stock");
    }
    let new_category = json!({ "slug": "sweets", "name": "Sweets", "translations": { "ar": { "name": "حلويات" } }, "sortOrder": 4, "taxRate": "16" });
    let mut changed_category = new_category.clone();
    changed_category["version"] = 1.into();
    vec![
        Route::get("/api/v1/products", list_products, "List products")
            .describe("By category, then name, unless `sort` says otherwise. The public sees what is on sale, in its own language; staff see all, in the shop's.")
            .query::<ProductQuery>()
            .tagged()
            .answers(200, "A page of products", list_schema(product.clone()))
            .links([
                Link::to("first", "GET /api/v1/products/{id}", "The first product of the page").with("id", "$response.body#/data/0/id"),
                Link::to("cart", "POST /api/v1/cart", "Put one of the first into the cart")
                    .body(json!({ "items": [{ "productId": "$response.body#/data/0/id", "quantity": 1, "options": null }] })),
            ]),
        Route::get("/api/v1/products/{id}", read_product, "Read a product by its id or slug")
            .describe("A product that is not on sale is there for staff alone.")
            .word("id", "Its id or its slug.")
            .tagged()
            .answers(200, "The product", product.clone())
            .links(product_links()),
        Route::post("/api/v1/products", create_product, "Make a product")
            .describe("`name` and `description` are in the shop's main language, the other one stands in `translations`. Without `sku` and `slug` both are made. `stock` is its opening stock; later it changes through inventory.")
            .body::<NewProduct>()
            .example("With options", new_product)
            .example("As little as can be", json!({ "name": "Ka'ak", "price": "0.400", "category": "bread" }))
            .idempotent()
            .tagged()
            .answers(201, "The product as it was made", product.clone())
            .links(product_links())
            .refuses(&[&problems::SKU_TAKEN, &problems::SLUG_TAKEN]),
        Route::put("/api/v1/products/{id}", replace_product, "Replace a product")
            .describe("What is left out gets its default again, but `sku`, `slug`, `trackStock` and `isActive`, which then stay. Send the version you have read, in `version` or as `If-Match`.")
            .body::<ChangedProduct>()
            .example("A new price", changed_product)
            .conditional()
            .tagged()
            .answers(200, "The product as it is now", product.clone())
            .links(product_links())
            .refuses(&[&kinds::VERSION_CONFLICT, &problems::SKU_TAKEN, &problems::SLUG_TAKEN]),
        Route::delete("/api/v1/products/{id}", hide_product, "Hide a product")
            .describe("It leaves the menu; orders keep what they have of it, and staff can show it again with `isActive`.")
            .conditional()
            .answers_empty(204, "It is hidden"),
        Route::get("/api/v1/categories", list_categories, "List categories in their order")
            .describe("With the number of products in each.")
            .query::<PagingOnly>()
            .tagged()
            .answers(200, "A page of categories", list_schema(category.clone()))
            .links([Link::to("first", "GET /api/v1/categories/{id}", "The first category of the page").with("id", "$response.body#/data/0/id")]),
        Route::get("/api/v1/categories/{id}", read_category, "Read a category by its id or slug")
            .describe("A hidden one is there for staff alone.")
            .word("id", "Its id or its slug.")
            .tagged()
            .answers(200, "The category", category.clone())
            .links(category_links()),
        Route::post("/api/v1/categories", create_category, "Make a category")
            .describe("Without `slug` one is made of the name. `taxRate` is per cent.")
            .body::<CategoryInput>()
            .example("Sweets", new_category)
            .idempotent()
            .tagged()
            .answers(201, "The category as it was made", category.clone())
            .links(category_links())
            .refuses(&[&problems::SLUG_TAKEN]),
        Route::put("/api/v1/categories/{id}", replace_category, "Replace a category")
            .describe("Send the version you have read, in `version` or as `If-Match`.")
            .body::<CategoryInput>()
            .example("Sweets", changed_category)
            .conditional()
            .tagged()
            .answers(200, "The category as it is now", category)
            .links(category_links())
            .refuses(&[&kinds::VERSION_CONFLICT, &problems::SLUG_TAKEN]),
        Route::delete("/api/v1/categories/{id}", delete_category, "Remove a category that has no products")
            .describe("One that has products is refused; hide it with `isActive`, or move them first.")
            .conditional()
            .answers_empty(204, "It is gone")
            .refuses(&[&problems::CATEGORY_IN_USE]),
    ]
}

fn product_links() -> [Link; 6] {
    let to = |name, to, description| Link::to(name, to, description).with("id", "$response.body#/id");
    [
        to("read", "GET /api/v1/products/{id}", "The product as the public sees it"),
        to("replace", "PUT /api/v1/products/{id}", "Change it"),
        to("hide", "DELETE /api/v1/products/{id}", "Take it off the menu"),
        Link::to("stock", "PUT /api/v1/inventory/{productId}", "Its stock").with("productId", "$response.body#/id"),
        Link::to("log", "GET /api/v1/inventory/{productId}/log", "Every change of its stock")
            .with("productId", "$response.body#/id"),
        Link::to("cart", "POST /api/v1/cart", "Put one into the cart")
            .body(json!({ "items": [{ "productId": "$response.body#/id", "quantity": 1, "options": null }] })),
    ]
}

fn category_links() -> [Link; 4] {
    let to = |name, to, description| Link::to(name, to, description).with("id", "$response.body#/id");
    [
        to("read", "GET /api/v1/categories/{id}", "The category as the public sees it"),
        to("replace", "PUT /api/v1/categories/{id}", "Change it"),
        to("remove", "DELETE /api/v1/categories/{id}", "Remove it"),
        Link::to("products", "GET /api/v1/products", "What is in it").with("category", "$response.body#/slug"),
    ]
}

/// The request's own context, borrowed: what is answered from memory copies nothing.
fn context_of(parts: &Parts) -> Result<&Context> {
    parts.extensions.get::<Context>().ok_or_else(|| Fault::because("a handler runs behind the front").into())
}

/// The public's answer to a GET, if it is ready.
fn ready(app: &AppState, context: &Context, week: Week) -> Option<Response> {
    if context.caller.is_staff() {
        return None;
    }
    let ready = app.menu.get(&key_of(context, week))?;
    Some(respond::tagged_bytes(context, StatusCode::OK, &ready.tag, ready.body))
}

fn key_of(context: &Context, week: Week) -> Key {
    Key { path: Arc::clone(&context.path), query: context.query.clone(), locale: context.locale, week }
}

/// How the caller of a request sees things: staff in the shop's main language, others in their own.
fn view_of(context: &Context) -> View<'_> {
    let staff = context.caller.is_staff();
    View { shop: &context.shop, locale: if staff { context.shop.locale } else { context.locale }, staff }
}

/// As staff see things, whoever asks: what writes answer with.
fn staff_view(context: &Context) -> View<'_> {
    View { shop: &context.shop, locale: context.shop.locale, staff: true }
}

/// Answers a GET: staff from the books, the public from memory where it can be.
async fn answer<F>(app: &AppState, context: &Context, week: Week, make: impl FnOnce() -> F) -> Answer
where
    F: Future<Output = Result<(Version, Bytes, Option<ProductId>)>>,
{
    let make = || async {
        // What this request took for the shop's language and currency may be over; then its answer is for it alone.
        let keep = Arc::ptr_eq(&context.shop, &app.settings.format());
        let (version, body, product) = make().await?;
        Ok((Ready { tag: etag::tag(version, &body).into(), body, product }, keep))
    };
    let ready =
        if context.caller.is_staff() { make().await?.0 } else { app.menu.get_or_make(key_of(context, week), make).await? };
    Ok(respond::tagged_bytes(context, StatusCode::OK, &ready.tag, ready.body))
}

async fn list_products(State(app): State<AppState>, request: Request) -> Answer {
    let (mut parts, _) = request.into_parts();
    let week = app.week();
    if let Some(response) = ready(&app, context_of(&parts)?, week) {
        return Ok(response);
    }
    let Query(mut asked) = Query::<ProductQuery>::from_request_parts(&mut parts, &()).await?;
    let context = context_of(&parts)?;
    let view = view_of(context);
    asked.filter.shown_only = !view.staff;
    if let Some(text) = asked.text.clone() {
        let locale = view.locale;
        let find = move |reader: &crate::db::Reader<'_>| {
            let mut page = search::page(reader, &text, &asked, locale)?;
            images::add(reader, &mut page.data)?;
            Ok(page)
        };
        let (page, links) = (app.db.read(find).await?, app.links(week));
        let (_, body, _) = listed(page.map(|product| shapes::product_json(&product, view, &links)))?;
        // Not kept: what people type is different each time, and a flood of it would push the menu out of memory.
        return Ok(respond::tagged_bytes(context, StatusCode::OK, &etag::tag(0, &body), body));
    }
    let make = || async {
        let (locale, sort, paging) = (view.locale, asked.sort.unwrap_or(Sort::Menu), asked.paging.clone());
        let read = move |reader: &crate::db::Reader<'_>| {
            let (mut rows, total) = sql::products(reader, &asked.filter, sort, locale, &asked.paging)?;
            images::add(reader, &mut rows)?;
            Ok((rows, total))
        };
        let (rows, total) = app.db.read(read).await?;
        let page = List::page(&paging, total, rows, sort.name(locale), |product| sort.keyset(product, locale));
        let links = app.links(week);
        listed(page.map(|product| shapes::product_json(&product, view, &links)))
    };
    answer(&app, context, week, make).await
}

/// A list has no version of its own; the hash in its tag tells it from the one before.
fn listed(list: List<Value>) -> Result<(Version, Bytes, Option<ProductId>)> {
    Ok((0, respond::to_bytes(&list)?, None))
}

async fn read_product(State(app): State<AppState>, request: Request) -> Answer {
    let (mut parts, _) = request.into_parts();
    let week = app.week();
    if let Some(response) = ready(&app, context_of(&parts)?, week) {
        return Ok(response);
    }
    let Id(name) = Id::<String>::from_request_parts(&mut parts, &()).await?;
    let context = context_of(&parts)?;
    let view = view_of(context);
    let make = || async {
        let staff = view.staff;
        let product = app.db.read(move |reader| find_product(reader, &name, staff)).await?.ok_or_else(not_found)?;
        Ok((product.version, respond::to_bytes(&shapes::product_json(&product, view, &app.links(week)))?, Some(product.id)))
    };
    answer(&app, context, week, make).await
}

fn find_product(reader: &crate::db::Reader<'_>, name: &str, staff: bool) -> Result<Option<Product>> {
    let id = match ProductId::parse(name) {
        Some(id) => Some(id),
        None => sql::product_by_slug(reader, name)?,
    };
    let Some(id) = id else { return Ok(None) };
    let mut product = if staff { sql::product(reader, id)? } else { sql::shown_product(reader, id)? };
    images::add(reader, product.as_mut_slice())?;
    Ok(product)
}

async fn list_categories(State(app): State<AppState>, request: Request) -> Answer {
    let (mut parts, _) = request.into_parts();
    let week = app.week();
    if let Some(response) = ready(&app, context_of(&parts)?, week) {
        return Ok(response);
    }
    let Query(PagingOnly(paging)) = Query::<PagingOnly>::from_request_parts(&mut parts, &()).await?;
    let context = context_of(&parts)?;
    let view = view_of(context);
    let make = || async {
        let staff = view.staff;
        let asked: Paging = paging.clone();
        let (rows, total) = app.db.read(move |reader| sql::categories(reader, staff, &asked)).await?;
        let page = List::page(&paging, total, rows, sql::CATEGORY_ORDER, |category| {
            vec![category.draft.sort_order.into(), category.id.to_string().into()]
        });
        listed(page.map(|category| shapes::category_json(&category, view)))
    };
    answer(&app, context, week, make).await
}

async fn read_category(State(app): State<AppState>, request: Request) -> Answer {
    let (mut parts, _) = request.into_parts();
    let week = app.week();
    if let Some(response) = ready(&app, context_of(&parts)?, week) {
        return Ok(response);
    }
    let Id(name) = Id::<String>::from_request_parts(&mut parts, &()).await?;
    let context = context_of(&parts)?;
    let view = view_of(context);
    let make = || async {
        let staff = view.staff;
        let category = app.db.read(move |reader| find_category(reader, &name, staff)).await?.ok_or_else(not_found)?;
        Ok((category.version, respond::to_bytes(&shapes::category_json(&category, view))?, None))
    };
    answer(&app, context, week, make).await
}

fn find_category(reader: &crate::db::Reader<'_>, name: &str, staff: bool) -> Result<Option<Category>> {
    let id = match CategoryId::parse(name) {
        Some(id) => Some(id),
        None => sql::category_by_slug(reader, name)?,
    };
    let Some(id) = id else { return Ok(None) };
    if staff { sql::category(reader, id) } else { sql::shown_category(reader, id) }
}

/// A 201 with the tag of a new thing, whose version is 1.
fn made(context: &Context, kept: Kept) -> Answer {
    let tag = etag::tag(1, &kept.body);
    let mut response = kept.answer(context)?;
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

fn seen(context: &Context, in_body: Option<Version>) -> Result<SeenVersion> {
    Ok(SeenVersion { if_match: etag::if_match(context.header("if-match"))?, in_body })
}

async fn create_product(State(app): State<AppState>, context: Context, Body(new): Body<NewProduct>) -> Answer {
    let key = IdempotencyKey::of(&context)?;
    let (shop, links) = (Arc::clone(&context.shop), app.links(app.week()));
    let command = CreateProduct { new, by: context.caller.actor() };
    let render = move |product: &Product| {
        let view = View { shop: &shop, locale: shop.locale, staff: true };
        let body = respond::to_bytes(&shapes::product_json(product, view, &links))?;
        Ok(Kept::created(format!("/api/v1/products/{}", product.id), body))
    };
    made(&context, app.db.write(once(key, command, render)).await?)
}

async fn replace_product(
    State(app): State<AppState>,
    context: Context,
    Id(id): Id<ProductId>,
    Body(ChangedProduct(input)): Body<ChangedProduct>,
) -> Answer {
    let seen = seen(&context, input.version)?;
    let product = app.db.write(ReplaceProduct { id, input, seen }).await?;
    let value = shapes::product_json(&product, staff_view(&context), &app.links(app.week()));
    respond::tagged(&context, StatusCode::OK, product.version, &value)
}

async fn hide_product(
    State(app): State<AppState>,
    context: Context,
    Id(id): Id<ProductId>,
    _: Body<crate::http::extract::Empty>,
) -> Answer {
    let seen = seen(&context, None)?;
    app.db.write(HideProduct { id, seen }).await?;
    no_content()
}

async fn create_category(State(app): State<AppState>, context: Context, Body(input): Body<CategoryInput>) -> Answer {
    let key = IdempotencyKey::of(&context)?;
    let shop = Arc::clone(&context.shop);
    let render = move |category: &Category| {
        let view = View { shop: &shop, locale: shop.locale, staff: true };
        let body = respond::to_bytes(&shapes::category_json(category, view))?;
        Ok(Kept::created(format!("/api/v1/categories/{}", category.id), body))
    };
    made(&context, app.db.write(once(key, CreateCategory { input }, render)).await?)
}

async fn replace_category(
    State(app): State<AppState>,
    context: Context,
    Id(id): Id<CategoryId>,
    Body(input): Body<CategoryInput>,
) -> Answer {
    let seen = seen(&context, input.version)?;
    let category = app.db.write(ReplaceCategory { id, input, seen }).await?;
    let value = shapes::category_json(&category, staff_view(&context));
    respond::tagged(&context, StatusCode::OK, category.version, &value)
}

async fn delete_category(
    State(app): State<AppState>,
    context: Context,
    Id(id): Id<CategoryId>,
    _: Body<crate::http::extract::Empty>,
) -> Answer {
    let seen = seen(&context, None)?;
    app.db.write(DeleteCategory { id, seen }).await?;
    no_content()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_routes_are_one() {
        let mut named: Vec<_> = routes().iter().map(|route| (route.method.to_string(), route.path)).collect();
        let count = named.len();
        named.sort();
        named.dedup();
        assert_eq!((named.len(), count), (10, 10));
    }
}
