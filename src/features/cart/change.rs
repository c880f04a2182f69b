//! Changing a line: its quantity, its options.

use std::sync::Arc;

use serde_json::Value;

use super::model::{Key, Line, View};
use super::{hold, rules, sql};
use crate::db::{Command, WriteTx};
use crate::features::catalog;
use crate::http::problem::not_found;
use crate::kernel::{At, CartItemId, Faults, Pieces, Problem, Result, ShopFormat};
use crate::security::Keys;

/// Changes a line. What becomes equal to another line takes that one in.
pub(super) struct Change {
    pub key: Key,
    pub item: CartItemId,
    pub quantity: Pieces,
    /// `None`: they stay.
    pub options: Option<Value>,
    pub keys: Arc<Keys>,
    pub shop: Arc<ShopFormat>,
}

impl Command for Change {
    const NAME: &'static str = "cart.change";
    type Output = View;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<View> {
        let mut head = hold::find(tx, self.key, tx.now())?.ok_or_else(not_found)?;
        let mut lines = sql::lines(tx, head.id)?;
        let at = lines.iter().position(|line| line.id == self.item).ok_or_else(not_found)?;
        let offers = hold::offers(tx, lines.iter().map(|line| line.product))?;
        let before = lines[at].clone();

        let mut faults = Faults::new(&self.shop);
        let Some(offer) = offers.get(&before.product).filter(|offer| offer.product.is_active) else {
            let message = "the item is not sold now; take it out of the cart";
            return Err(Problem::field("itemId", "unknown_product", message).into());
        };
        let most = offer.product.most_per_order();
        let others = rules::pieces(&lines, before.product) - before.quantity;
        // Less is always right, also while it is still more than a limit that was lowered.
        if self.quantity > before.quantity && others + self.quantity > most {
            let message = format!("an order may have at most {most} of this product; {others} are in other lines");
            faults.add(&At::Root.field("quantity"), "too_many", message);
        }
        let options = self.options.as_ref().or(before.options.as_ref());
        let priced = catalog::price(&offer.product, options, self.quantity, &At::Root, &mut faults);
        let Some(priced) = priced.filter(|_| faults.is_empty()) else {
            return Err(Problem::fields(faults.into_vec()).into());
        };

        let options = priced.chosen.options.map(Value::Object);
        let is_same = |line: &Line| {
            line.id != self.item && line.product == before.product && rules::normal(line, Some(offer), &self.shop) == options
        };
        let same = lines.iter().position(is_same);
        lines[at].quantity = self.quantity;
        lines[at].options = options;
        if let Some(same) = same {
            lines[at].quantity += lines[same].quantity;
            sql::delete_line(tx, head.id, lines[same].id)?;
        }
        sql::update_line(tx, head.id, &Line { seen_minor: priced.unit_price, ..lines[at].clone() })?;
        if before.options != lines[at].options {
            // Other options have another price; that is no change of the shop's.
            lines[at].seen_minor = priced.unit_price;
        }
        if let Some(same) = same {
            lines.remove(same);
        }
        hold::touch(tx, &mut head, &self.keys)?;
        hold::view(tx, head, lines, &self.shop)
    }
}
