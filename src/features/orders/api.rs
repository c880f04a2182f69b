//! `/orders`.

mod bodies;
mod shapes;

use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};

use self::bodies::{CancelBody, CollectBody, ListQuery, OrderQuery, PlaceBody, StatusBody, UndoBody};
use super::cancel::Cancel;
use super::change_status::ChangeStatus;
use super::collect::Collect;
use super::contact::Contact;
use super::model::{Head, Order};
use super::open_guests::GuestOrigin;
use super::undo::Undo;
use super::{paying, place, problems, queries, rules, sql};
use crate::db::Reader;
use crate::features::AppState;
use crate::features::cart::problems as cart_problems;
use crate::features::inventory::problems::STOCK_OUT_OF_RANGE;
use crate::features::money;
use crate::http::gate::order_token;
use crate::http::idempotency::{IdempotencyKey, Kept, once};
use crate::http::page::list_schema;
use crate::http::problem::not_found;
use crate::http::rate_limit::network_of;
use crate::http::{Answer, Body, Caller, Context, Id, Link, Query, Route, etag, respond};
use crate::kernel::problem::kinds;
use crate::kernel::{Fault, OrderId, OrderStatus, Problem, Result, Role, SeenVersion};

/// Every route of this feature.
#[must_use]
pub fn routes() -> Vec<Route<AppState>> {
    let order = shapes::order_shape();
    let moves = [&problems::ILLEGAL_TRANSITION, &kinds::VERSION_CONFLICT, &kinds::STALE, &STOCK_OUT_OF_RANGE];
    let line = json!({ "productId": "01936f2a-7c11-7000-8000-0a1b2c3d4e01", "quantity": 2, "options": { "filling": "dates" } });
    vec![
        Route::post("/api/v1/orders", post, "Place an order")
            .describe("For pickup unless `isPickup` is false; then `deliveryInfo.address`, or the `addressId` of a saved one, is needed. What is ordered stands in `items`, or is all that is in the cart of `cartToken`, which is empty afterwards. The pieces are held for it from this moment. A guest gives name and phone and keeps `accessToken`; staff may say more (`customerId`, `metadata`, `collected`). With `expectedTotal` the order is refused if it would cost something else. An order to be paid online is held until then, for as long as the owner says; `next` names the checkout. `card_machine` is for staff.")
            .body::<PlaceBody>()
            .example("A guest picks it up", json!({
                "items": [line], "customerInfo": { "name": "Layla", "phone": "+962790000000" }, "paymentMethod": "cash", "isPickup": true,
            }))
            .example("A customer has it delivered", json!({
                "items": [line], "paymentMethod": "cash", "isPickup": false, "expectedTotal": "3.800",
                "deliveryInfo": { "address": { "line1": "12 Rainbow Street", "city": "Amman" }, "date": "2026-11-26", "time": "09:30" },
            }))
            .example("What is in a cart", json!({
                "cartToken": "Zk2pQ8n1vXc7RtY0aLs3Dw5eHb9uJi4oMg6fNkPqTrE",
                "customerInfo": { "name": "Layla", "phone": "+962790000000" }, "paymentMethod": "cash", "isPickup": true,
            }))
            .idempotent()
            .answers(201, "Taken; a guest keeps the accessToken", shapes::placed_shape())
            .links(order_links("$response.body#/orderId"))
            .refuses(&[&problems::INSUFFICIENT_STOCK, &problems::PRICE_CHANGED, &problems::TOO_MANY_OPEN_ORDERS])
            .refuses(&[&cart_problems::UNKNOWN_CART, &cart_problems::CART_EMPTY]),
        Route::get("/api/v1/orders", list, "List orders, newest first")
            .describe("Customers see their own, staff all. Programs that keep a copy ask with `updated_since`.")
            .query::<ListQuery>()
            .parameter("q", "Words of order number, name, phone or notes.")
            .answers(200, "A page of orders", list_schema(order.clone()))
            .links(order_links("$response.body#/data/0/id")),
        Route::get("/api/v1/orders/{id}", get, "Read an order")
            .describe("Customers their own, staff any, guests with the order's token. Notes of staff, `metadata`, `payments` and `contact` are for staff.")
            .query::<OrderQuery>()
            .order_token()
            .tagged()
            .answers(200, "The order", order.clone())
            .links(order_links("$response.body#/id"))
            .refuses(&[&problems::TOKEN_EXPIRED]),
        Route::put("/api/v1/orders/{id}/status", put_status, "Move an order to its next state")
            .describe("Confirmed takes the held pieces off the shelf. `Cancelled` is the same act as cancelling. An order that is to be paid online is confirmed by its payment and delivered once it is paid; an admin may do either before, with `force` and a `note`.")
            .body::<StatusBody>()
            .example("Confirm", json!({ "status": "Confirmed" }))
            .example("Force, by an admin", json!({ "status": "Confirmed", "force": true, "note": "She pays when she comes" }))
            .conditional()
            .tagged()
            .answers(200, "The order", order.clone())
            .links(order_links("$response.body#/id"))
            .refuses(&moves)
            .refuses(&[&problems::NOT_PAID]),
        Route::post("/api/v1/orders/{id}/cancel", post_cancel, "Cancel an order")
            .describe("Customers while it is Pending or Confirmed. All that was paid is given back; staff say whether the pieces go back on the shelf (`restock`), and with a `reason` that the money stays (`refund: false`). What could still be paid of it is ended at its gateway first.")
            .body::<CancelBody>()
            .example("By the customer", json!({ "reason": "Changed my mind" }))
            .example("By staff, keeping the pieces off the shelf", json!({ "reason": "Dropped on the way", "restock": false }))
            .idempotent()
            .conditional()
            .order_token()
            .tagged()
            .answers(200, "The order", order.clone())
            .links([Link::to("read", "GET /api/v1/orders/{id}", "The order as it is now").with("id", "$response.body#/id")])
            .refuses(&moves)
            .refuses(&[&kinds::FORBIDDEN, &problems::TOKEN_EXPIRED]),
        Route::post("/api/v1/orders/{id}/undo", post_undo, "Take back the last move by staff, within 60 seconds")
            .describe("`version` is that of the move, so that nobody takes back somebody else's.")
            .body::<UndoBody>()
            .example("The move just made", json!({ "version": 2 }))
            .conditional()
            .tagged()
            .answers(200, "The order", order.clone())
            .links([Link::to("read", "GET /api/v1/orders/{id}", "The order as it is now").with("id", "$response.body#/id")])
            .refuses(&[&problems::CANNOT_UNDO, &kinds::VERSION_CONFLICT, &STOCK_OUT_OF_RANGE]),
        Route::post("/api/v1/orders/{id}/collect", post_collect, "Book money that was received without a gateway")
            .describe("All that is due unless `amount` says less, in cash unless `method` says otherwise. A Pending order that is paid in full is confirmed. An order that was to be paid online is one that is paid at the shop from then on.")
            .body::<CollectBody>()
            .example("All of it, in cash", json!({}))
            .example("A part", json!({ "amount": "1.000", "method": "card_machine", "reference": "slip 0042" }))
            .idempotent()
            .tagged()
            .answers(200, "The order", order)
            .links([Link::to("read", "GET /api/v1/orders/{id}", "The order as it is now").with("id", "$response.body#/id")])
            .refuses(&[&problems::NOTHING_DUE, &problems::AMOUNT_EXCEEDS_DUE]),
    ]
}

/// What can be done with an order; `id` is where an answer holds its id.
fn order_links(id: &str) -> Vec<Link> {
    let to = |name, to, description| Link::to(name, to, description).with("id", id);
    let mut links = vec![
        to("read", "GET /api/v1/orders/{id}", "The order"),
        to("move", "PUT /api/v1/orders/{id}/status", "Move it to its next state"),
        to("collect", "POST /api/v1/orders/{id}/collect", "Book what was paid for it"),
        to("cancel", "POST /api/v1/orders/{id}/cancel", "Cancel it"),
    ];
    // Where the whole order is there, its version is too.
    if id == "$response.body#/id" {
        links.push(
            to("undo", "POST /api/v1/orders/{id}/undo", "Take the last move back")
                .body(json!({ "version": "$response.body#/version" })),
        );
    }
    links
}

async fn post(State(shop): State<AppState>, context: Context, Body(body): Body<PlaceBody>) -> Answer {
    let key = IdempotencyKey::of(&context)?;
    let mut command = body.into_command(&context, shop.settings.get());
    command.guest = guest_origin(&shop, &context);
    let public_url = shop.public_url.clone();
    let kept = shop
        .db
        .write(once(key, command, move |placed: &place::Placed| {
            let location = format!("/api/v1/orders/{}", placed.order.id);
            let body = shapes::placed(placed, &format!("{public_url}/o/{}", placed.order.id));
            Ok(Kept::created(location, respond::to_bytes(&body)?))
        }))
        .await?;
    if context.caller.is_staff() {
        return kept.answer(&context);
    }
    // The token is derived anew for each answer, so that none lies in the database.
    let with_token = shapes::add_token(&kept.body, &shop.keys, context.caller == Caller::Guest)?;
    kept.answer_with(&context, with_token)
}

/// The network of a guest, as the books may know it.
fn guest_origin(shop: &AppState, context: &Context) -> Option<GuestOrigin> {
    if context.caller != Caller::Guest {
        return None;
    }
    let network = network_of(context.client.address).to_be_bytes();
    let fingerprint = shop.keys.fingerprint(&[b"guest network ", network.as_slice()].concat());
    let mut short = [0; 16];
    short.copy_from_slice(fingerprint.get(..16)?);
    Some(GuestOrigin { network: short, limited: shop.limits_guests })
}

async fn list(State(shop): State<AppState>, context: Context, Query(ListQuery(mut filter)): Query<ListQuery>) -> Answer {
    if !context.caller.is_staff() {
        filter.customer = context.caller.user();
    }
    let view = shapes::View::of(&context, &shop.settings.get());
    let list = shop.db.read(move |reader| queries::list(reader, &filter)).await?;
    respond::json(&context, StatusCode::OK, &list.map(|order| shapes::order_body(&order, &view)))
}

async fn get(State(shop): State<AppState>, context: Context, Id(id): Id<OrderId>, _: Query<OrderQuery>) -> Answer {
    let access = access(&shop, &context, id).await?;
    let found = shop
        .db
        .read(move |reader| match access {
            Access::Any => sql::order(reader, id),
            Access::Of(customer) => sql::order_of(reader, id, customer),
        })
        .await?;
    let order = found.ok_or_else(not_found)?;
    let view = shapes::View::of(&context, &shop.settings.get());
    let mut body = json!(shapes::order_body(&order, &view));
    if context.caller.is_staff() {
        let read = move |reader: &Reader<'_>| Ok((money::told_of(reader, id)?, paying::payable(reader, id)?));
        let (payments, payable) = shop.db.read(read).await?;
        body["payments"] = payments.iter().map(money::shapes::payment_body).collect();
        body["contact"] = match (&order.customer.phone, payable) {
            (Some(phone), Some(payable)) => {
                let text = shop.ready_text.of(&shop, &order, &payable)?;
                shapes::contact_body(&Contact::new(phone, text))
            }
            (None, _) | (_, None) => Value::Null,
        };
    }
    respond::tagged(&context, StatusCode::OK, order.version, &body)
}

fn order_answer(shop: &AppState, context: &Context, order: &Order) -> Answer {
    let view = shapes::View::of(context, &shop.settings.get());
    respond::tagged(context, StatusCode::OK, order.version, &shapes::order_body(order, &view))
}

/// Which orders the caller may touch here.
#[derive(Clone, Copy)]
enum Access {
    /// This one, whoever it belongs to: staff, or who holds its token.
    Any,
    /// This one if it is theirs.
    Of(crate::kernel::UserId),
}

/// Staff see all, customers their own, guests the one whose token they hold. A wrong token is as no such order.
async fn access(shop: &AppState, context: &Context, id: OrderId) -> Result<Access> {
    if let Some(token) = order_token(context) {
        let now = shop.clock.now();
        let lock = shop.db.read(move |reader| queries::lock(reader, id, now)).await?;
        let opens = lock.filter(|lock| shop.keys.order_token_matches(id, lock.token_version, &token));
        return match opens {
            Some(lock) if lock.ended => Err(Problem::of(&problems::TOKEN_EXPIRED)
                .detail("This order was delivered more than 90 days ago. Ask the shop for what you need of it.")
                .into()),
            Some(_) => Ok(Access::Any),
            None => Err(not_found()),
        };
    }
    match context.caller {
        caller if caller.is_staff() => Ok(Access::Any),
        Caller::Account { user, role: Role::Customer, .. } => Ok(Access::Of(user)),
        Caller::Account { .. } | Caller::Guest => Err(not_found()),
    }
}

/// Passes if the caller may read this order here, and do with it what customers may: staff, whose it is, or who holds its token.
///
/// # Errors
/// 404 `not_found`, whether it is somebody else's or not there; 410 `order_token_expired`; 401 for who says nothing of themselves.
pub async fn check_access(shop: &AppState, context: &Context, id: OrderId) -> Result<()> {
    if context.caller == Caller::Guest && order_token(context).is_none() {
        let detail = "A guest sends the order's accessToken as X-Order-Token; who has an account signs in.";
        return Err(Problem::of(&kinds::UNAUTHENTICATED).detail(detail).into());
    }
    let access = access(shop, context, id).await?;
    let is_there = shop
        .db
        .read(move |reader| match access {
            Access::Any => Ok(sql::head(reader, id)?.is_some()),
            Access::Of(customer) => sql::is_of(reader, id, customer),
        })
        .await?;
    if is_there { Ok(()) } else { Err(not_found()) }
}

/// Ends what is payable of an unpaid order at its gateway, or asks whether it was paid where there is no way to end it, if what is to be done with the order afterwards `may` be done. What
/// the caller has seen of the order is seen still, unless money came meanwhile.
async fn end_attempts(shop: &AppState, order: OrderId, seen: SeenVersion, may: impl Fn(&Head) -> bool) -> Result<SeenVersion> {
    let head = || shop.db.read(move |reader| sql::head(reader, order));
    let Some(before) = head().await? else { return Ok(seen) };
    // One that is paid at the shop by now may have an attempt that could not be ended.
    let is_owed = before.captured < before.total;
    if !is_owed || seen.check(before.version).is_err() || !may(&before) {
        return Ok(seen);
    }
    shop.live_attempts.end(shop, order).await?;
    let Some(after) = head().await? else { return Ok(seen) };
    if (after.status, after.captured, after.refunded) != (before.status, before.captured, before.refunded) {
        return Ok(seen);
    }
    let at_its_end = |version: Option<i64>| version.map(|_| after.version);
    Ok(SeenVersion { if_match: at_its_end(seen.if_match), in_body: at_its_end(seen.in_body) })
}

fn may_cancel(role: Option<Role>) -> impl Fn(&Head) -> bool {
    move |head| rules::may_cancel(head.status, head.fulfilment, role).is_ok()
}

fn seen(context: &Context, in_body: Option<i64>) -> Result<SeenVersion> {
    Ok(SeenVersion { if_match: etag::if_match(context.header("if-match"))?, in_body })
}

async fn put_status(
    State(shop): State<AppState>,
    context: Context,
    Id(order): Id<OrderId>,
    Body(body): Body<StatusBody>,
) -> Answer {
    if body.force && context.caller.role() != Some(Role::Admin) {
        return Err(Problem::of(&kinds::FORBIDDEN).detail("force is for admins.").into());
    }
    let mut seen = seen(&context, body.version)?;
    if body.status == OrderStatus::Cancelled {
        seen = end_attempts(&shop, order, seen, may_cancel(context.caller.role())).await?;
    }
    let command = ChangeStatus {
        order,
        to: body.status,
        seen,
        note: body.note,
        restock: body.restock,
        force: body.force,
        by: context.caller.actor(),
    };
    order_answer(&shop, &context, &shop.db.write(command).await?)
}

async fn post_cancel(
    State(shop): State<AppState>,
    context: Context,
    Id(order): Id<OrderId>,
    Body(body): Body<CancelBody>,
) -> Answer {
    let key = IdempotencyKey::of(&context)?;
    check_access(&shop, &context, order).await?;
    if !context.caller.is_staff() && (body.restock.is_some() || body.refund.is_some()) {
        return Err(Problem::of(&kinds::FORBIDDEN).detail("restock and refund are for staff; leave them out.").into());
    }
    let seen = end_attempts(&shop, order, seen(&context, None)?, may_cancel(context.caller.role())).await?;
    let command =
        Cancel { order, seen, reason: body.reason, restock: body.restock, refund: body.refund, by: context.caller.actor() };
    write_order(&shop, &context, key, command).await
}

async fn post_undo(
    State(shop): State<AppState>,
    context: Context,
    Id(order): Id<OrderId>,
    Body(body): Body<UndoBody>,
) -> Answer {
    let settings = shop.settings.get();
    let command = Undo { order, seen: seen(&context, Some(body.version))?, settings, by: context.caller.actor() };
    order_answer(&shop, &context, &shop.db.write(command).await?)
}

async fn post_collect(
    State(shop): State<AppState>,
    context: Context,
    Id(order): Id<OrderId>,
    Body(body): Body<CollectBody>,
) -> Answer {
    let key = IdempotencyKey::of(&context)?;
    let amount_minor = body.amount.map(crate::kernel::Money::minor);
    let may_collect = move |head: &Head| {
        head.status != OrderStatus::Cancelled && amount_minor.is_none_or(|amount| amount <= head.total - head.captured)
    };
    end_attempts(&shop, order, SeenVersion::default(), may_collect).await?;
    let command = Collect {
        order,
        amount_minor,
        currency: context.shop.currency,
        method: body.method,
        reference: body.reference,
        by: context.caller.actor(),
    };
    write_order(&shop, &context, key, command).await
}

/// Runs a command that answers with the order, once a key.
async fn write_order<C>(shop: &AppState, context: &Context, key: Option<IdempotencyKey>, command: C) -> Answer
where
    C: crate::db::Command<Output = Order>,
{
    let view = shapes::View::of(context, &shop.settings.get());
    let kept = shop
        .db
        .write(once(key, command, move |order: &Order| {
            Ok(Kept::ok(respond::to_bytes(&json!(shapes::order_body(order, &view)))?))
        }))
        .await?;
    // The tag of the answer as it was kept, so that a replay has the first one's.
    let Versioned { version } = serde_json::from_slice(&kept.body).map_err(Fault::new)?;
    let tag = etag::tag(version, &kept.body);
    Ok(respond::with_tag(kept.answer(context)?, &tag))
}

/// What a kept order is asked for.
#[derive(serde::Deserialize)]
struct Versioned {
    version: i64,
}
