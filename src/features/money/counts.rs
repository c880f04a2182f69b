//! How many payments there are of each kind, so that a list's exact total reads none of them: settled once a group of writes, as
//! the orders' counts are (docs/decisions/0010-counted-orders.md).

use std::collections::HashMap;

use super::sql;
use crate::db::{Settlement, WriteTx, WriterMemory};
use crate::kernel::{PaymentMethod, Result, TransactionStatus};

/// What a list may be filtered by without reading its payments.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Kind {
    pub method: PaymentMethod,
    pub status: TransactionStatus,
}

/// One payment more, or fewer, of a kind.
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
            .try_for_each(|(kind, change)| sql::lists::settle_count(group, kind, change))
    }
}
