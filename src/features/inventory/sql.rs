//! Every statement on `inventory` and `stock_log`.

use crate::args;
use crate::db::WriteTx;
use crate::kernel::{Actor, OrderId, Pieces, ProductId, Result, StockLogId};

pub(super) fn insert(tx: &mut WriteTx<'_>, product: ProductId, stock: Pieces, threshold: Pieces) -> Result<()> {
    tx.exec_one(
        "insert into inventory (product_id, stock, reserved, stock_threshold, updated_at) values (?1, ?2, 0, ?3, ?4)",
        args![product, stock, threshold, tx.now()],
    )
}

pub(super) fn set_threshold(tx: &mut WriteTx<'_>, product: ProductId, threshold: Pieces) -> Result<()> {
    tx.exec(
        "update inventory set stock_threshold = ?2, version = version + 1, updated_at = ?3 where product_id = ?1 and stock_threshold <> ?2",
        args![product, threshold, tx.now()],
    )?;
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "one row of the ledger, in the order of its columns")]
pub(super) fn log(
    tx: &mut WriteTx<'_>,
    product: ProductId,
    delta: Pieces,
    stock_after: Pieces,
    reason: &'static str,
    order: Option<OrderId>,
    by: Actor,
    note: Option<&str>,
) -> Result<()> {
    let id = StockLogId::from_uuid(tx.new_id());
    tx.exec_one(
        "insert into stock_log (product_id, id, delta, stock_after, reason, order_id, actor, actor_id, note, created_at) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        args![product, id, delta, stock_after, reason, order, by.code(), by.user(), note, tx.now()],
    )
}
