//! What was said of an order.

use super::{Kind, sql};
use crate::db::Reader;
use crate::kernel::{NotificationId, OrderId, Result};

/// A message about an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Said {
    pub id: NotificationId,
    pub kind: Kind,
}

/// Every message about an order, the first first; not those that were taken back.
///
/// # Errors
/// A fault.
pub fn of_order(reader: &Reader<'_>, order: OrderId) -> Result<Vec<Said>> {
    sql::of_order::of_order(reader, order)
}
