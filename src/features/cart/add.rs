//! Putting things into a cart; the first ones make it.

use std::sync::Arc;

use super::model::{Head, Item, Key, Line, Offer, Offers, View};
use super::{hold, rules, sql};
use crate::db::{Command, WriteTx};
use crate::features::catalog;
use crate::kernel::pieces::MAX_LINES;
use crate::kernel::{At, CartItemId, Faults, Problem, Result, ShopFormat};
use crate::security::Keys;

/// Puts items in, or tells every fault of every one and changes nothing.
pub(super) struct Add {
    pub key: Key,
    pub items: Vec<Item>,
    pub keys: Arc<Keys>,
    pub shop: Arc<ShopFormat>,
}

/// A cart with something put in.
pub(super) struct Added {
    pub view: View,
    /// It was not there before.
    pub is_new: bool,
}

/// What happens to a line.
enum Put {
    More(Line),
    New(Line),
}

impl Command for Add {
    const NAME: &'static str = "cart.add";
    type Output = Added;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Added> {
        let found = hold::find(tx, self.key, tx.now())?;
        let mut lines = match &found {
            Some(head) => sql::lines(tx, head.id)?,
            None => Vec::new(),
        };
        let offers = hold::offers(tx, lines.iter().map(|line| line.product).chain(self.items.iter().map(|item| item.product)))?;
        let puts = self.decide(tx, &mut lines, &offers)?;
        let (mut head, is_new) = match found {
            Some(head) => (head, false),
            None => (hold::make(tx, self.owner(), &self.keys)?, true),
        };
        write(tx, &head, &puts)?;
        if !is_new {
            hold::touch(tx, &mut head, &self.keys)?;
        }
        // The lines hold the price that their owner saw before: this answer tells a change for the last time.
        let view = View { head: Some(head), ..rules::look(lines, &offers, &self.shop) };
        Ok(Added { view, is_new })
    }
}

impl Add {
    fn owner(&self) -> Option<crate::kernel::UserId> {
        match self.key {
            Key::Account(user) => Some(user),
            Key::Token(_) | Key::Nothing => None,
        }
    }

    /// What is to be written, the cart's lines changed alike; or every fault.
    fn decide(&self, tx: &mut WriteTx<'_>, lines: &mut Vec<Line>, offers: &Offers) -> Result<Vec<Put>> {
        let mut faults = Faults::new(&self.shop);
        let root = At::Root;
        let items = root.field("items");
        let before = lines.clone();
        let mut puts: Vec<Put> = Vec::new();
        for (index, item) in self.items.iter().enumerate() {
            let at = items.index(index);
            let Some(offer) = offers.get(&item.product).filter(|offer| offer.product.is_active) else {
                faults.add(&at.field("productId"), "unknown_product", "is nothing that is sold here now");
                continue;
            };
            let there = rules::pieces(&before, item.product);
            let wanted: i64 = self.items.iter().filter(|other| other.product == item.product).map(|other| other.quantity).sum();
            let most = offer.product.most_per_order();
            if there + wanted > most {
                let message = format!("an order may have at most {most} of this product; {there} are in the cart");
                faults.add(&at.field("quantity"), "too_many", message);
            }
            if let Some(priced) = catalog::price(&offer.product, item.options.as_ref(), item.quantity, &at, &mut faults) {
                self.put(tx, item, offer, priced, lines, &mut puts);
            }
        }
        if lines.len() > MAX_LINES {
            let message = format!("would make {} lines; a cart has at most {MAX_LINES}", lines.len());
            faults.add(&items, "too_many", message);
        }
        if faults.is_empty() { Ok(puts) } else { Err(Problem::fields(faults.into_vec()).into()) }
    }

    /// Adds to the line that is the same, or makes one. What was put twice is written once.
    fn put(
        &self,
        tx: &mut WriteTx<'_>,
        item: &Item,
        offer: &Offer,
        priced: catalog::Priced,
        lines: &mut Vec<Line>,
        puts: &mut Vec<Put>,
    ) {
        let options = priced.chosen.options.map(serde_json::Value::Object);
        let same = lines
            .iter_mut()
            .find(|line| line.product == item.product && rules::normal(line, Some(offer), &self.shop) == options);
        let Some(same) = same else {
            let id = CartItemId::from_uuid(tx.new_id());
            let (product, quantity) = (item.product, item.quantity);
            let line = Line { id, product, quantity, options, seen_minor: priced.unit_price };
            lines.push(line.clone());
            puts.push(Put::New(line));
            return;
        };
        same.quantity += item.quantity;
        same.options.clone_from(&options);
        let earlier = puts.iter_mut().find_map(|put| match put {
            Put::More(line) | Put::New(line) if line.id == same.id => Some(line),
            _ => None,
        });
        match earlier {
            Some(line) => line.quantity = same.quantity,
            None => puts.push(Put::More(Line { seen_minor: priced.unit_price, ..same.clone() })),
        }
    }
}

fn write(tx: &mut WriteTx<'_>, head: &Head, puts: &[Put]) -> Result<()> {
    for put in puts {
        match put {
            Put::More(line) => sql::update_line(tx, head.id, line)?,
            Put::New(line) => sql::insert_line(tx, head.id, line)?,
        }
    }
    Ok(())
}
