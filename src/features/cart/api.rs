//! `/cart`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::add::{Add, Added};
use super::change::Change;
use super::hold;
use super::model::{Head, Item, Key, View};
use super::remove::{Empty, Remove};
use super::shapes::{CartBody, cart_body, cart_shape};
use crate::features::{AppState, catalog};
use crate::http::cart_token::{cart_token, with_cart_cookie};
use crate::http::context::Received;
use crate::http::extract;
use crate::http::idempotency::{IdempotencyKey, Kept, once};
use crate::http::input::wrong_type;
use crate::http::{Answer, Body, Caller, Context, Fields, Id, Input, Link, Route, no_content, respond};
use crate::kernel::pieces::{MAX_LINES, MAX_QUANTITY};
use crate::kernel::{CartItemId, Fault, ProductId, Result};
use crate::security::Keys;
use crate::security::token::TokenHash;

const PLACE: &str = "/api/v1/cart";

/// Every route of this feature.
#[must_use]
pub fn routes() -> Vec<Route<AppState>> {
    let cart = cart_shape();
    let line = json!({ "productId": "01936f2a-7c11-7000-8000-0a1b2c3d4e01", "quantity": 2, "options": { "filling": "dates" } });
    vec![
        Route::get(PLACE, get, "Read the cart as it stands now")
            .describe("Prices, names and what is left are asked for anew at each read; `warnings` says what has changed since, and what stands in the way of ordering. Whoever is signed in has one cart on every device; a guest's is that of `X-Cart-Token`, or of the cookie `bayader_cart`. A cart ends 30 days after its last change.")
            .cart_token()
            .answers(200, "The cart; an empty one where there is none, and none is made", cart.clone())
            .links(cart_links()),
        Route::post(PLACE, post, "Put things into the cart")
            .describe("All of them, or none if one is at fault. Nothing is held by being in a cart; ordering holds it. The first ones make the cart: a guest keeps its `token`, browsers get it as a cookie, too. Signing in or registering with the token along moves what is in the guest's cart into the account's.")
            .body::<AddBody>()
            .example("One thing", json!({ "items": [{ "productId": "01936f2a-7c11-7000-8000-0a1b2c3d4e02", "quantity": 1 }] }))
            .example("Two with dates", json!({ "items": [line] }))
            .cart_token()
            .idempotent()
            .answers(200, "The cart. Equal product and options add up", cart.clone())
            .answers(201, "A new cart: there was none, or the token names none any more. A guest keeps the token", cart.clone())
            .links(cart_links()),
        Route::delete(PLACE, delete, "Empty the cart")
            .describe("Also where there is none.")
            .body::<extract::Empty>()
            .cart_token()
            .answers_empty(204, "It is empty; its token still counts"),
        Route::put("/api/v1/cart/items/{itemId}", put_item, "Change an item of the cart")
            .describe("`quantity` replaces the one before. `options` replace all of those before; left out, they stay.")
            .parameter("itemId", ITEM)
            .body::<ChangeBody>()
            .example("Three of them", json!({ "quantity": 3 }))
            .example("With another filling", json!({ "quantity": 3, "options": { "filling": "walnuts" } }))
            .cart_token()
            .answers(200, "The cart. An item that became equal to another has taken it in", cart)
            .links(cart_links()),
        Route::delete("/api/v1/cart/items/{itemId}", delete_item, "Take an item out of the cart")
            .describe("One that is not in the caller's cart is answered with 404.")
            .parameter("itemId", ITEM)
            .body::<extract::Empty>()
            .cart_token()
            .answers_empty(204, "It is out"),
    ]
}

/// The path parameter of an item.
const ITEM: &str = "`id` of the item, as the cart lists it.";

/// What can be done with a cart that holds something.
fn cart_links() -> [Link; 3] {
    let item = |name, to, description| Link::to(name, to, description).with("itemId", "$response.body#/items/0/id");
    [
        item("change", "PUT /api/v1/cart/items/{itemId}", "Change its first item").body(json!({ "quantity": 2 })),
        item("take out", "DELETE /api/v1/cart/items/{itemId}", "Take its first item out"),
        Link::to("order", "POST /api/v1/orders", "Order what is in it").body(json!({
            "cartToken": "$response.body#/token",
            "customerInfo": { "name": "Layla", "phone": "+962790000000" }, "paymentMethod": "cash", "isPickup": true,
        })),
    ]
}

struct ItemBody(Item);

impl Input for ItemBody {
    const NAME: &'static str = "CartItem";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let product: Option<ProductId> = fields.req("productId");
        let quantity = fields.req_int("quantity", 1..=MAX_QUANTITY);
        let options = read_options(fields);
        Some(ItemBody(Item { product: product?, quantity: quantity?, options }))
    }
}

/// `POST /cart`.
struct AddBody {
    items: Vec<ItemBody>,
}

impl Input for AddBody {
    const NAME: &'static str = "CartAdd";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let items = fields.req_list("items", 1..=MAX_LINES);
        Some(AddBody { items: items? })
    }
}

/// `PUT /cart/items/{itemId}`.
struct ChangeBody {
    quantity: i64,
    options: Option<Value>,
}

impl Input for ChangeBody {
    const NAME: &'static str = "CartItemChange";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let quantity = fields.req_int("quantity", 1..=MAX_QUANTITY);
        let options = read_options(fields);
        Some(ChangeBody { quantity: quantity?, options })
    }
}

fn read_options(fields: &mut Fields<'_, '_>) -> Option<Value> {
    fields.opt_with("options", catalog::options_schema, |value, at, faults| match value {
        Value::Object(_) => Some(value.clone()),
        _ => wrong_type(at, faults, "an object of option groups"),
    })
}

/// A signed-in account's cart is its own, whatever token comes along; a guest's is that of the token.
fn key_of(context: &Context) -> Key {
    match (context.caller.user(), cart_token(context)) {
        (Some(user), _) => Key::Account(user),
        (None, Some(token)) => Key::Token(TokenHash::of(&token)),
        (None, None) => Key::Nothing,
    }
}

/// The token to show: the one that follows from the cart's id, or the one that opened it if a key was lost since.
fn token_of(head: &Head, keys: &Keys, presented: Option<String>) -> Option<String> {
    let opens = |token: &String| TokenHash::of(token) == head.token_hash;
    Some(keys.cart_token(head.id)).filter(opens).or(presented.filter(opens))
}

/// A cart is for nobody but who asked: no cache keeps it, not even a guest's.
fn private(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

/// A guest's browser keeps the token of the cart that was just made, and keeps it longer each time it comes along. An account's
/// is given to no browser: others may use it too.
fn with_cookie(context: &Context, is_new: bool, token: Option<&str>, response: Response) -> Response {
    let comes_along = token.is_some() && context.header("x-cart-token").is_none() && cart_token(context).as_deref() == token;
    match token {
        Some(token) if context.caller == Caller::Guest && (is_new || comes_along) => with_cart_cookie(context, token, response),
        _ => response,
    }
}

async fn get(State(shop): State<AppState>, context: Context) -> Answer {
    let (key, now, format) = (key_of(&context), shop.clock.now(), Arc::clone(&context.shop));
    let view = shop.db.read(move |reader| hold::look(reader, key, now, &format)).await?;
    let body = body_of(&shop.keys, &context, &view);
    Ok(private(respond::json(&context, StatusCode::OK, &body)?))
}

fn body_of(keys: &Keys, context: &Context, view: &View) -> CartBody {
    let token = view.head.as_ref().and_then(|head| token_of(head, keys, cart_token(context)));
    cart_body(view, token, context.shop.currency, context.locale)
}

async fn post(State(shop): State<AppState>, context: Context, Body(body): Body<AddBody>) -> Answer {
    let command = Add {
        key: key_of(&context),
        items: body.items.into_iter().map(|item| item.0).collect(),
        keys: Arc::clone(&shop.keys),
        shop: Arc::clone(&context.shop),
    };
    let (keys, reader) = (Arc::clone(&shop.keys), context.clone());
    let render = move |added: &Added| {
        let body = respond::to_bytes(&body_of(&keys, &reader, &added.view))?;
        // The answer holds the token, so it is kept sealed.
        let sealed = Bytes::from(keys.seal(&body));
        Ok(if added.is_new { Kept::created(PLACE.to_owned(), sealed) } else { Kept::ok(sealed) })
    };
    let kept = shop.db.write(once(keyed(&context)?, command, render)).await?;
    let body = shop.keys.unseal(&kept.body).ok_or_else(|| Fault::because("a kept answer cannot be unsealed with this key"))?;
    let Tokened { token } = serde_json::from_slice(&body).map_err(Fault::new)?;
    let is_new = kept.status == StatusCode::CREATED.as_u16();
    let response = private(kept.answer_with(&context, Bytes::from(body))?);
    Ok(with_cookie(&context, is_new, token.as_deref(), response))
}

/// What a kept cart is asked for.
#[derive(serde::Deserialize)]
struct Tokened {
    token: Option<String>,
}

/// The request's idempotency key. All guests are one caller (SPEC 2), and many put the same thing into their carts: so the token
/// counts as a part of the request, and a key that two of them use is refused, not answered with the other's cart.
fn keyed(context: &Context) -> Result<Option<IdempotencyKey>> {
    let received = match (&context.received, key_of(context)) {
        (Received::Whole(body), Key::Token(token)) => Received::Whole([body, token.as_bytes().as_slice()].concat().into()),
        (other, _) => other.clone(),
    };
    IdempotencyKey::of(&Context { received, ..context.clone() })
}

async fn delete(State(shop): State<AppState>, context: Context, _: Body<extract::Empty>) -> Answer {
    shop.db.write(Empty { key: key_of(&context), keys: Arc::clone(&shop.keys) }).await?;
    no_content()
}

async fn put_item(
    State(shop): State<AppState>,
    context: Context,
    Id(item): Id<CartItemId>,
    Body(body): Body<ChangeBody>,
) -> Answer {
    let command = Change {
        key: key_of(&context),
        item,
        quantity: body.quantity,
        options: body.options,
        keys: Arc::clone(&shop.keys),
        shop: Arc::clone(&context.shop),
    };
    let view = shop.db.write(command).await?;
    let token = view.head.as_ref().and_then(|head| token_of(head, &shop.keys, cart_token(&context)));
    let body = body_of(&shop.keys, &context, &view);
    let response = private(respond::json(&context, StatusCode::OK, &body)?);
    Ok(with_cookie(&context, false, token.as_deref(), response))
}

async fn delete_item(
    State(shop): State<AppState>,
    context: Context,
    Id(item): Id<CartItemId>,
    _: Body<extract::Empty>,
) -> Answer {
    shop.db.write(Remove { key: key_of(&context), item, keys: Arc::clone(&shop.keys) }).await?;
    no_content()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::CartId;

    fn keys() -> Keys {
        Keys::load_or_make(tempfile::tempdir().expect("a folder").path()).expect("keys")
    }

    /// A token that opens nothing is never told, as when the key that made it was lost.
    #[test]
    fn a_token_is_told_only_where_it_opens() {
        let (now, lost) = (keys(), keys());
        let id = CartId::from_uuid(uuid::Uuid::from_u128(7));
        let head = |token: &str| Head { id, user: None, token_hash: TokenHash::of(token) };
        let (old, new) = (lost.cart_token(id), now.cart_token(id));
        assert_eq!(token_of(&head(&new), &now, None), Some(new.clone()));
        assert_eq!(token_of(&head(&new), &now, Some("another".to_owned())), Some(new));
        assert_eq!(token_of(&head(&old), &now, None), None);
        assert_eq!(token_of(&head(&old), &now, Some(old.clone())), Some(old));
    }
}
