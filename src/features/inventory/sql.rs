//! Every statement on `inventory` and `stock_log`.

use super::model::{Holder, Level, LogRow, Shelf};
use crate::args;
use crate::db::query::Query;
use crate::db::{Reader, Row, WriteTx};
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

pub(super) fn reserve(tx: &mut WriteTx<'_>, product: ProductId, quantity: Pieces) -> Result<bool> {
    let rows = tx.exec(
        "update inventory set reserved = reserved + ?2 where product_id = ?1 and stock - reserved >= ?2",
        args![product, quantity],
    )?;
    Ok(rows == 1)
}

pub(super) fn unreserve(tx: &mut WriteTx<'_>, product: ProductId, quantity: Pieces) -> Result<()> {
    tx.exec_one("update inventory set reserved = reserved - ?2 where product_id = ?1", args![product, quantity])
}

/// Stock and promise fall together; the stock afterwards.
pub(super) fn take(tx: &mut WriteTx<'_>, product: ProductId, quantity: Pieces) -> Result<Option<Pieces>> {
    tx.returning(
        "update inventory set stock = stock - ?2, reserved = reserved - ?2, version = version + 1, updated_at = ?3 \
         where product_id = ?1 returning stock",
        args![product, quantity, tx.now()],
        |row| row.get(0),
    )
}

/// Stock rises by `stock`, the promise by `reserved`; the stock afterwards.
pub(super) fn put(tx: &mut WriteTx<'_>, product: ProductId, stock: Pieces, reserved: Pieces) -> Result<Option<Pieces>> {
    tx.returning(
        "update inventory set stock = stock + ?2, reserved = reserved + ?3, version = version + 1, updated_at = ?4 \
         where product_id = ?1 returning stock",
        args![product, stock, reserved, tx.now()],
        |row| row.get(0),
    )
}

pub(super) fn set_stock(tx: &mut WriteTx<'_>, product: ProductId, stock: Pieces) -> Result<()> {
    tx.exec_one(
        "update inventory set stock = ?2, version = version + 1, updated_at = ?3 where product_id = ?1",
        args![product, stock, tx.now()],
    )
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

pub(super) fn level(reader: &Reader<'_>, product: ProductId) -> Result<Option<Level>> {
    reader.opt("select stock, reserved, stock_threshold, version from inventory where product_id = ?1", args![product], |row| {
        let mut columns = row.columns();
        Ok(Level { stock: columns.next()?, reserved: columns.next()?, threshold: columns.next()?, version: columns.next()? })
    })
}

/// The orders that hold pieces of a product, by the index `orders_open`.
pub(super) fn holders(reader: &Reader<'_>, product: ProductId) -> Result<Vec<Holder>> {
    reader.all(
        "select o.id, o.number_day, o.number, sum(l.quantity) from orders o join order_lines l on l.order_id = o.id \
         where o.status not in ('Delivered', 'Cancelled') and l.product_id = ?1 and l.hold = 'held' group by o.id order by o.id limit 100",
        args![product],
        |row| {
            let mut columns = row.columns();
            Ok(Holder {
                order: columns.next()?,
                number_day: columns.next()?,
                number: columns.next()?,
                quantity: columns.next()?,
            })
        },
    )
}

fn shelf(row: &Row<'_>) -> Result<Shelf> {
    let mut columns = row.columns();
    Ok(Shelf {
        product: columns.next()?,
        sku: columns.next()?,
        name_en: columns.next()?,
        name_ar: columns.next()?,
        stock: columns.next()?,
        reserved: columns.next()?,
        threshold: columns.next()?,
        version: columns.next()?,
        updated_at: columns.next()?,
    })
}

pub(super) fn one(reader: &Reader<'_>, product: ProductId) -> Result<Option<Shelf>> {
    reader.opt(
        "select i.product_id, p.sku, p.name_en, p.name_ar, i.stock, i.reserved, i.stock_threshold, i.version, i.updated_at \
         from inventory i join products p on p.id = i.product_id where i.product_id = ?1",
        args![product],
        shelf,
    )
}

/// Newest first, after the product `after` if given.
pub(super) fn list(reader: &Reader<'_>, query: &Query, limit: i64, offset: i64) -> Result<Vec<Shelf>> {
    let sql = query.sql(
        "select i.product_id, p.sku, p.name_en, p.name_ar, i.stock, i.reserved, i.stock_threshold, i.version, i.updated_at \
         from inventory i join products p on p.id = i.product_id join categories c on c.id = p.category_id",
        "order by i.product_id desc limit ? offset ?",
    );
    reader.all(&sql, &query.values(args![limit, offset]), shelf)
}

pub(super) fn count(reader: &Reader<'_>, query: &Query) -> Result<i64> {
    let sql = query.sql(
        "select count(*) from inventory i join products p on p.id = i.product_id join categories c on c.id = p.category_id",
        "",
    );
    reader.one(&sql, &query.values(&[]), |row| row.get(0))
}

pub(super) fn log_list(reader: &Reader<'_>, query: &Query, limit: i64, offset: i64) -> Result<Vec<LogRow>> {
    let sql = query.sql(
        "select s.id, s.product_id, s.delta, s.stock_after, s.reason, o.number_day, o.number, s.actor, s.note, s.created_at \
         from stock_log s left join orders o on o.id = s.order_id",
        "order by s.id desc limit ? offset ?",
    );
    reader.all(&sql, &query.values(args![limit, offset]), |row| {
        let mut columns = row.columns();
        let (id, product, delta, stock_after, reason) =
            (columns.next()?, columns.next()?, columns.next()?, columns.next()?, columns.next()?);
        let (day, number): (Option<i64>, Option<i64>) = (columns.next()?, columns.next()?);
        Ok(LogRow {
            id,
            product,
            delta,
            stock_after,
            reason,
            order_number: day.zip(number),
            actor: columns.next()?,
            note: columns.next()?,
            created_at: columns.next()?,
        })
    })
}

pub(super) fn log_count(reader: &Reader<'_>, query: &Query) -> Result<i64> {
    let sql = query.sql("select count(*) from stock_log s", "");
    reader.one(&sql, &query.values(&[]), |row| row.get(0))
}
