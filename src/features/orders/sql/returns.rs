//! Pieces of an order that went back on the shelf with a refund.

use crate::args;
use crate::db::{Reader, WriteTx};
use crate::features::orders::model::HoldState;
use crate::features::orders::return_pieces::{Sold, SoldLine};
use crate::kernel::{Fault, OrderId, ProductId, Result};

/// What an order's lines cost; none of an order that is not there.
pub(in crate::features::orders) fn sold(reader: &Reader<'_>, order: OrderId) -> Result<Option<Sold>> {
    let head = reader.opt("select discount_minor, tax_included from orders where id = ?1", args![order], |row| {
        let mut columns = row.columns();
        Ok((columns.next()?, columns.next()?))
    })?;
    let Some((discount_minor, tax_included)) = head else { return Ok(None) };
    let lines = reader.all(
        "select id, product_id, quantity, returned, line_total_minor, tax_minor, hold from order_lines where order_id = ?1 order by id",
        args![order],
        |row| {
            let mut columns = row.columns();
            let id: Vec<u8> = columns.next()?;
            Ok(SoldLine {
                id: uuid::Uuid::from_slice(&id).map_err(Fault::new)?,
                product: columns.next()?,
                quantity: columns.next()?,
                returned: columns.next()?,
                total_minor: columns.next()?,
                tax_minor: columns.next()?,
                is_taken: columns.next::<String>()? == HoldState::Taken.code(),
            })
        },
    )?;
    Ok(Some(Sold { discount_minor, tax_included, lines }))
}

pub(in crate::features::orders) fn add(tx: &mut WriteTx<'_>, order: OrderId, line: uuid::Uuid, pieces: i64) -> Result<()> {
    tx.exec_one(
        "update order_lines set returned = returned + ?3 where order_id = ?1 and id = ?2",
        args![order, line.as_bytes().as_slice(), pieces],
    )
}

/// Forgets what went back of the lines that are taken: product and pieces.
pub(in crate::features::orders) fn take_back(tx: &mut WriteTx<'_>, order: OrderId) -> Result<Vec<(ProductId, i64)>> {
    let lines = tx.all(
        "select product_id, returned from order_lines where order_id = ?1 and hold = 'taken' and returned > 0 order by id",
        args![order],
        |row| {
            let mut columns = row.columns();
            Ok((columns.next()?, columns.next()?))
        },
    )?;
    if !lines.is_empty() {
        tx.exec("update order_lines set returned = 0 where order_id = ?1 and hold = 'taken'", args![order])?;
    }
    Ok(lines)
}
