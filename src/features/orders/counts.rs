//! How many orders there are of each kind, so that a list's exact total reads none of them.
//!
//! Each write says what it changes; the writer's memory adds a group's changes up and settles them once, in the group's own
//! transaction (docs/decisions/0010-counted-orders.md).

use std::collections::HashMap;

use super::model::Order;
use super::sql;
use crate::db::{Settlement, WriteTx, WriterMemory};
use crate::kernel::{Fulfilment, OrderStatus, PaymentMethod, PaymentStatus, Result};

/// What a list may be filtered by without reading its orders.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Kind {
    pub status: OrderStatus,
    pub payment_status: PaymentStatus,
    pub payment_method: PaymentMethod,
    pub fulfilment: Fulfilment,
}

impl Kind {
    pub(super) fn of(order: &Order) -> Kind {
        Kind {
            status: order.status,
            payment_status: order.payment_status,
            payment_method: order.payment_method,
            fulfilment: order.fulfilment,
        }
    }
}

/// One order more, or fewer, of a kind.
pub(super) fn add(tx: &mut WriteTx<'_>, kind: Kind, change: i64) -> Result<()> {
    tx.memory(|_| Ok(Unsettled::default()))?.by_write.push((kind, change));
    Ok(())
}

/// What the group has changed so far.
#[derive(Default)]
struct Unsettled {
    by_write: Vec<(Kind, i64)>,
    by_group: HashMap<Kind, i64>,
}

impl WriterMemory for Unsettled {
    fn keep(&mut self) {
        for (kind, change) in self.by_write.drain(..) {
            *self.by_group.entry(kind).or_default() += change;
        }
    }

    fn undo(&mut self) {
        self.by_write.clear();
    }

    fn settle(&mut self, group: &Settlement<'_>) -> Result<()> {
        self.by_group
            .drain()
            .filter(|(_, change)| *change != 0)
            .try_for_each(|(kind, change)| sql::settle_count(group, kind, change))
    }
}
