//! How an order stands, for who tells of it.

use super::model::Standing;
use super::sql;
use crate::db::Reader;
use crate::kernel::{OrderId, Result};

/// How an order stands and how it came there; `None` if there is no such order.
///
/// # Errors
/// A fault.
pub fn standing(reader: &Reader<'_>, order: OrderId) -> Result<Option<Standing>> {
    sql::standing::standing(reader, order)
}
