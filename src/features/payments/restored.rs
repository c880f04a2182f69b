//! What a shop just restored does not know of its gateways, and how it learns: whatever is under way is asked about before anything is sent,
//! and the gateways' books are read from the backup's moment on.

use super::compare;
use super::inbox;
use super::sql::attempts;
use super::sql::compare as sql;
use crate::db::{Reader, WriteTx};
use crate::features::money;
use crate::kernel::{PaymentMethod, Result};

/// Nothing counts as unsent: refunds are looked for at their gateway first. Attempts are asked about at each start (`reconcile::TakeUp`), and
/// those of unknown outcome are looked for before anything is sent. How many refunds nobody had sent.
///
/// # Errors
/// A fault.
pub fn ask_first(tx: &mut WriteTx<'_>) -> Result<usize> {
    money::doubt_all_refunds(tx)
}

/// What a restored shop has to find out, and what it has found.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct FoundOut {
    /// Gateways whose books since the backup were not read yet.
    pub unread: Vec<PaymentMethod>,
    /// Attempts and refunds of which the outcome is not known yet.
    pub asking: i64,
    /// Differences with the gateways' books that are open.
    pub differences: i64,
    /// Gateways' messages about money of which no payment is known.
    pub unknown_money: i64,
}

/// What is known of the gateways since a restore.
///
/// # Errors
/// A fault.
pub fn found_out(reader: &Reader<'_>, gateways: &[PaymentMethod]) -> Result<FoundOut> {
    let mut unread = Vec::new();
    for gateway in gateways {
        if compare::catches_up(reader, *gateway)?.is_some() {
            unread.push(*gateway);
        }
    }
    let unknown_money = inbox::count_lost_money(reader)?;
    Ok(FoundOut { unread, asking: attempts::count_unknown(reader)?, differences: sql::count_open(reader)?, unknown_money })
}
