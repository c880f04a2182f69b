//! Every statement on `low_stock_told`, and what is read beside it.

use crate::args;
use crate::db::{Reader, WriteTx};
use crate::kernel::{OrderId, Pieces, ProductId, Result, UtcMs};

/// A product that is low.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Low {
    pub id: ProductId,
    pub sku: String,
    pub name_en: Option<String>,
    pub name_ar: Option<String>,
    pub available: Pieces,
    pub threshold: Pieces,
    pub unit: String,
}

/// Whether what is low is not what was told. It reads the whole shelf, beside the writer.
pub(super) fn has_crossed(reader: &Reader<'_>) -> Result<bool> {
    reader.one(
        "select exists (select 1 from inventory i left join low_stock_told t on t.product_id = i.product_id \
         where (i.stock_threshold > 0 and i.stock - i.reserved <= i.stock_threshold) <> (t.product_id is not null))",
        &[],
        |row| row.get(0),
    )
}

/// Products that are low and were not told of, the lowest first.
pub(super) fn newly_low(reader: &Reader<'_>, most: i64) -> Result<Vec<Low>> {
    reader.all(
        "select i.product_id, p.sku, p.name_en, p.name_ar, i.stock - i.reserved, i.stock_threshold, p.unit \
         from inventory i join products p on p.id = i.product_id \
         where i.stock_threshold > 0 and i.stock - i.reserved <= i.stock_threshold \
         and i.product_id not in (select product_id from low_stock_told) \
         order by i.stock - i.reserved - i.stock_threshold, i.product_id limit ?1",
        args![most],
        |row| {
            let mut columns = row.columns();
            Ok(Low {
                id: columns.next()?,
                sku: columns.next()?,
                name_en: columns.next()?,
                name_ar: columns.next()?,
                available: columns.next()?,
                threshold: columns.next()?,
                unit: columns.next()?,
            })
        },
    )
}

pub(super) fn told(tx: &mut WriteTx<'_>, product: ProductId) -> Result<()> {
    tx.exec_one("insert into low_stock_told (product_id, told_at) values (?1, ?2)", args![product, tx.now()])
}

/// Products that are not low any more may be told of again.
pub(super) fn forget_recovered(tx: &mut WriteTx<'_>) -> Result<()> {
    tx.exec(
        "delete from low_stock_told where product_id in (select t.product_id from low_stock_told t join inventory i \
         on i.product_id = t.product_id where i.stock_threshold = 0 or i.stock - i.reserved > i.stock_threshold)",
        &[],
    )?;
    Ok(())
}

/// Everything that is low now counts as told.
pub(super) fn told_of_all_low(tx: &mut WriteTx<'_>) -> Result<()> {
    tx.exec(
        "insert into low_stock_told (product_id, told_at) select product_id, ?1 from inventory \
         where stock_threshold > 0 and stock - reserved <= stock_threshold on conflict (product_id) do nothing",
        args![tx.now()],
    )?;
    Ok(())
}

/// Whether an order came with the newest restore, and that has no answer yet: what was placed since is newer than it. By the primary keys.
pub(super) fn is_from_before_a_restore(reader: &Reader<'_>, order: OrderId) -> Result<bool> {
    let newest = "select restored_at, answered_at from restorations order by n desc limit 1";
    let unanswered: Option<UtcMs> = reader
        .opt(newest, &[], |row| {
            let mut columns = row.columns();
            let (restored_at, answered_at): (UtcMs, Option<UtcMs>) = (columns.next()?, columns.next()?);
            Ok(Some(restored_at).filter(|_| answered_at.is_none()))
        })?
        .flatten();
    let Some(restored_at) = unanswered else { return Ok(false) };
    reader.one("select exists (select 1 from orders where id = ?1 and created_at < ?2)", args![order, restored_at], |row| {
        row.get(0)
    })
}
