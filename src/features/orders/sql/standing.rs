//! How an order stands, in one look.

use super::super::model::{LastMove, Standing};
use crate::args;
use crate::db::Reader;
use crate::kernel::{OrderId, Result, UtcMs};

/// By the primary keys of both tables.
pub(in crate::features::orders) fn standing(reader: &Reader<'_>, order: OrderId) -> Result<Option<Standing>> {
    reader.opt(
        "select o.status, o.payment_method, o.customer_email is not null or o.customer_phone is not null, o.placed_by, o.created_at, \
         o.hold_expires_at, h.at, h.kind, h.actor from orders o left join order_history h on h.order_id = o.id \
         and h.n = (select max(n) from order_history where order_id = o.id) where o.id = ?1",
        args![order],
        |row| {
            let mut columns = row.columns();
            Ok(Standing {
                status: columns.next()?,
                method: columns.next()?,
                is_reachable: columns.next()?,
                placed_by: columns.next()?,
                created_at: columns.next()?,
                hold_ends_at: columns.next()?,
                last: {
                    let (at, kind, by) =
                        (columns.next::<Option<UtcMs>>()?, columns.next::<Option<String>>()?, columns.next::<Option<String>>()?);
                    at.zip(kind).zip(by).map(|((at, kind), by)| LastMove { at, is_undo: kind == "undo", by })
                },
            })
        },
    )
}
