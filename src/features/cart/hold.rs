//! Finding a cart, and looking at it as it stands now.

use super::model::{Head, Key, Line, Offer, Offers, View};
use super::{rules, sql};
use crate::db::{Reader, WriteTx};
use crate::features::{catalog, inventory};
use crate::kernel::{CartId, ProductId, Result, ShopFormat, UserId, UtcMs};
use crate::security::Keys;
use crate::security::token::TokenHash;

/// The cart that a caller's key opens, if there is one.
pub(super) fn find(reader: &Reader<'_>, key: Key, now: UtcMs) -> Result<Option<Head>> {
    match key {
        Key::Account(user) => sql::by_user(reader, user),
        Key::Token(token) => sql::by_token(reader, token, rules::ended_before(now)),
        Key::Nothing => Ok(None),
    }
}

/// The cart that a caller's key opens, as it stands now; an empty one if there is none.
pub(super) fn look(reader: &Reader<'_>, key: Key, now: UtcMs, shop: &ShopFormat) -> Result<View> {
    let Some(head) = find(reader, key, now)? else { return Ok(View::default()) };
    view(reader, head, sql::lines(reader, head.id)?, shop)
}

/// These lines of a cart as they stand now.
pub(super) fn view(reader: &Reader<'_>, head: Head, lines: Vec<Line>, shop: &ShopFormat) -> Result<View> {
    let offers = offers(reader, lines.iter().map(|line| line.product))?;
    Ok(View { head: Some(head), ..rules::look(lines, &offers, shop) })
}

/// What the catalog and the shelf say of products.
pub(super) fn offers(reader: &Reader<'_>, products: impl Iterator<Item = ProductId>) -> Result<Offers> {
    let mut offers = Offers::new();
    for id in products {
        if !offers.contains_key(&id)
            && let Some(offer) = offer(reader, id)?
        {
            offers.insert(id, offer);
        }
    }
    Ok(offers)
}

fn offer(reader: &Reader<'_>, id: ProductId) -> Result<Option<Offer>> {
    let Some(product) = catalog::for_sale(reader, id)? else { return Ok(None) };
    let available = if product.track_stock { Some(inventory::available(reader, id)?) } else { None };
    Ok(Some(Offer { product, available }))
}

/// Makes an empty cart. Its token follows from its id.
pub(super) fn make(tx: &mut WriteTx<'_>, user: Option<UserId>, keys: &Keys) -> Result<Head> {
    let id = CartId::from_uuid(tx.new_id());
    let head = Head { id, user, token_hash: TokenHash::of(&keys.cart_token(id)) };
    sql::insert(tx, &head)?;
    Ok(head)
}

/// Notes that a cart was changed. An account's cart gets its token anew: after a lost key the kept hash is that of a token which
/// can no longer be told.
pub(super) fn touch(tx: &mut WriteTx<'_>, head: &mut Head, keys: &Keys) -> Result<()> {
    if head.user.is_some() {
        head.token_hash = TokenHash::of(&keys.cart_token(head.id));
    }
    sql::touch(tx, head.id, head.token_hash)
}
