//! The messages about an order.

use crate::args;
use crate::db::Reader;
use crate::features::messages::model::codes;
use crate::features::messages::{Said, Status};
use crate::kernel::{Fault, OrderId, Result};

/// By the index `notifications_order`, which wants its own condition named.
pub(in crate::features::messages) fn of_order(reader: &Reader<'_>, order: OrderId) -> Result<Vec<Said>> {
    reader.all(
        "select id, type, channel, status from notifications where order_id = ?1 and order_id is not null \
         and error_code is not ?2 order by id",
        args![order, codes::NOT_DUE],
        |row| {
            let mut columns = row.columns();
            let (id, kind, channel, status): (_, String, String, String) =
                (columns.next()?, columns.next()?, columns.next()?, columns.next()?);
            let status = Status::from_code(&status).ok_or_else(|| Fault::because("an unknown status of a message"))?;
            Ok(Said { id, kind: super::kind_of(&kind)?, channel: super::channel_of(&channel)?, status })
        },
    )
}
