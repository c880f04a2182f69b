//! How an order stands, for who tells of it.

use super::model::Standing;
use super::sql;
use crate::db::Reader;
use crate::kernel::{OrderId, OrderStatus, Result};

/// How an order stands and how it came there; `None` if there is no such order.
///
/// # Errors
/// A fault.
pub fn standing(reader: &Reader<'_>, order: OrderId) -> Result<Option<Standing>> {
    sql::standing::standing(reader, order)
}

/// How many orders there are of each status.
///
/// # Errors
/// A fault.
pub fn by_status(reader: &Reader<'_>) -> Result<Vec<(OrderStatus, i64)>> {
    OrderStatus::ALL.iter().map(|status| Ok((*status, sql::counted(reader, Some(*status), None, None, None)?))).collect()
}
