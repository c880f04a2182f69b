//! Setting and changing stock by hand: a count, a batch from the oven, waste.

use super::model::Level;
use super::{problems, queries, sql};
use crate::db::{Command, WriteTx};
use crate::kernel;
use crate::kernel::pieces::MAX_STOCK;
use crate::kernel::problem::kinds;
use crate::kernel::{Actor, DomainEvent, Error, Note, Pieces, Problem, ProductId, Result, SeenVersion};

/// The new stock of a product, or how it changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    To(Pieces),
    By(Pieces),
}

/// One product's adjustment.
#[derive(Clone, Debug)]
pub struct Adjustment {
    pub product: ProductId,
    pub change: Option<Change>,
    pub threshold: Option<Pieces>,
    pub reason: &'static str,
    pub note: Option<Note>,
    pub seen: SeenVersion,
}

/// Adjusts one product.
pub struct Adjust {
    pub adjustment: Adjustment,
    pub by: Actor,
}

impl Command for Adjust {
    const NAME: &'static str = "inventory.adjust";
    type Output = super::model::Shelf;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Self::Output> {
        let product = self.adjustment.product;
        apply(tx, &self.adjustment, self.by)?;
        sql::one(tx, product)?.ok_or_else(crate::http::problem::not_found)
    }
}

/// Adjusts several products: all of them or none, and each failing row is named.
pub struct AdjustMany {
    pub adjustments: Vec<Adjustment>,
    pub by: Actor,
}

impl Command for AdjustMany {
    const NAME: &'static str = "inventory.adjust_many";
    type Output = Vec<super::model::Shelf>;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Self::Output> {
        let mut failed = Vec::new();
        let mut first: Option<Problem> = None;
        for (index, adjustment) in self.adjustments.iter().enumerate() {
            match apply(tx, adjustment, self.by) {
                Ok(()) => {}
                Err(Error::Refused(problem)) => {
                    failed.push(serde_json::json!({
                        "index": index,
                        "productId": adjustment.product.to_string(),
                        "code": problem.kind.code,
                        "message": problem.detail,
                    }));
                    first.get_or_insert(*problem);
                }
                Err(fault) => return Err(fault),
            }
        }
        if let Some(first) = first {
            let detail =
                format!("{} of {} rows cannot be changed; nothing was. See rows.", failed.len(), self.adjustments.len());
            return Err(first.detail(detail).fact("rows", failed).into());
        }
        let mut shelves = Vec::with_capacity(self.adjustments.len());
        for adjustment in &self.adjustments {
            shelves.extend(sql::one(tx, adjustment.product)?);
        }
        Ok(shelves)
    }
}

fn apply(tx: &mut WriteTx<'_>, adjustment: &Adjustment, by: Actor) -> Result<()> {
    let product = adjustment.product;
    let level = sql::level(tx, product)?
        .ok_or_else(|| Problem::of(&kinds::NOT_FOUND).detail(format!("There is no product {product} on the shelf.")))?;
    adjustment.seen.check(level.version)?;
    if let Some(threshold) = adjustment.threshold {
        sql::set_threshold(tx, product, threshold)?;
        tx.record(DomainEvent::StockChanged { product });
    }
    let note = adjustment.note.as_ref().map(Note::as_str);
    match adjustment.change {
        Some(Change::To(stock)) => set(tx, product, stock, adjustment.reason, note, by)?,
        Some(Change::By(delta)) => set(tx, product, level.stock + delta, adjustment.reason, note, by)?,
        None => {}
    }
    tell(tx, adjustment, level)
}

/// Tells what has changed of a product's row.
fn tell(tx: &mut WriteTx<'_>, adjustment: &Adjustment, before: Level) -> Result<()> {
    let after = sql::level(tx, adjustment.product)?.ok_or_else(crate::http::problem::not_found)?;
    let told = |level: Level| serde_json::json!({ "stock": level.stock, "stockThreshold": level.threshold });
    let subject = format!("product:{}", adjustment.product);
    if let Some(mut change) = kernel::Change::between("stock.adjust", subject, told(before), told(after)) {
        if let Some(after) = &mut change.after {
            after["reason"] = adjustment.reason.into();
        }
        tx.changed(change);
    }
    Ok(())
}

/// Sets a stock and writes the difference into the ledger; a count that finds what the books say leaves no row.
pub(super) fn set(
    tx: &mut WriteTx<'_>,
    product: ProductId,
    stock: Pieces,
    reason: &'static str,
    note: Option<&str>,
    by: Actor,
) -> Result<()> {
    let level = sql::level(tx, product)?
        .ok_or_else(|| Problem::of(&kinds::NOT_FOUND).detail(format!("There is no product {product} on the shelf.")))?;
    if !(0..=MAX_STOCK).contains(&stock) {
        return Err(Problem::of(&problems::STOCK_OUT_OF_RANGE)
            .detail(format!("The stock would be {stock}; it must stay from 0 to {MAX_STOCK}."))
            .fact("stock", level.stock)
            .into());
    }
    if stock < level.reserved {
        return Err(below_reserved(tx, product, level.reserved)?.into());
    }
    if stock == level.stock {
        return Ok(());
    }
    sql::set_stock(tx, product, stock)?;
    sql::log(tx, product, stock - level.stock, stock, reason, None, by, note)?;
    tx.record(DomainEvent::StockChanged { product });
    Ok(())
}

fn below_reserved(tx: &WriteTx<'_>, product: ProductId, reserved: Pieces) -> Result<Problem> {
    let orders: Vec<serde_json::Value> = sql::holders(tx, product)?
        .into_iter()
        .map(|holder| {
            serde_json::json!({
                "orderId": holder.order.to_string(),
                "orderNumber": queries::order_number(holder.number_day, holder.number),
                "quantity": holder.quantity,
            })
        })
        .collect();
    Ok(Problem::of(&problems::BELOW_RESERVED)
        .detail(format!("{reserved} pieces are promised to open orders. Cancel or confirm some of them first."))
        .fact("reserved", reserved)
        .fact("orders", orders))
}
