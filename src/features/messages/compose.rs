//! A message's words, put together when it leaves: what its cause has said of it, the shop as it is now, and its links.

use serde_json::{Value, json};

use super::carrier::Outgoing;
use super::tries::Due;
use super::{Channel, shop_values, unsubscribe_url};
use crate::features::Shop;
use crate::kernel::{Fault, OrderId};

/// A message as its carrier gets it; `link` is the one that opens something. A fault if its template cannot be filled.
pub(super) fn outgoing(shop: &Shop, due: &Due, link: Option<&str>) -> Result<Outgoing, Fault> {
    let row = &due.row;
    let unsubscribe_url =
        row.user.filter(|_| row.kind.is_promotion()).map(|user| unsubscribe_url(&shop.keys, &shop.public_url, user));
    let mut values = match &row.payload {
        Some(Value::Object(fields)) => fields.clone(),
        Some(_) | None => serde_json::Map::new(),
    };
    values.insert("shop".to_owned(), shop_values(&shop.settings.get()));
    let order_url = row.order.zip(due.token_version).map(|(order, version)| order_url(shop, order, version));
    let links = [("order_url", order_url.as_deref()), ("link", link), ("unsubscribe_url", unsubscribe_url.as_deref())];
    for (name, url) in links {
        if let Some(url) = url {
            values.insert(name.to_owned(), json!(url));
        }
    }
    let rendered = shop.messages.templates().render(row.kind, row.locale, row.channel, &Value::Object(values))?;
    Ok(Outgoing {
        id: row.id,
        kind: row.kind,
        channel: row.channel,
        to: row.to.clone().unwrap_or_default(),
        locale: row.locale,
        subject: rendered.subject,
        text: rendered.text,
        html: rendered.html,
        unsubscribe_url: unsubscribe_url.filter(|_| row.channel == Channel::Email),
        made_at: row.created_at,
        tried_at: due.tried_at,
        others: Vec::new(),
    })
}

/// The order's page, opened by its own token.
fn order_url(shop: &Shop, order: OrderId, token_version: i64) -> String {
    format!("{}/o/{order}?token={}", shop.public_url, shop.keys.order_token(order, token_version))
}
