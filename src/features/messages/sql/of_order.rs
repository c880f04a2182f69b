//! The messages about an order.

use super::super::Kind;
use super::super::of_order::Said;
use crate::args;
use crate::db::Reader;
use crate::kernel::{Fault, OrderId, Result};

/// By the index `notifications_order`, which wants its own condition named.
pub(in crate::features::messages) fn of_order(reader: &Reader<'_>, order: OrderId) -> Result<Vec<Said>> {
    let sql = "select id, type from notifications where order_id = ?1 and order_id is not null order by id";
    reader.all(sql, args![order], |row| {
        let mut columns = row.columns();
        let id = columns.next()?;
        let kind = Kind::from_code(&columns.next::<String>()?).ok_or_else(|| Fault::because("an unknown kind of message"))?;
        Ok(Said { id, kind })
    })
}
