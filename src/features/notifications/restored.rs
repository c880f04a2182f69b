//! What would tell people, and waits for the owner's word after a restore: steps of orders, alerts, promotions to all. The shop of
//! before may have told all of it after its backup.

use super::alerts::ALERT_JOB;
use super::campaigns::{self, CAMPAIGN_JOB};
use super::orders::ORDER_JOB;
use super::sql;
use crate::db::{Reader, WriteTx};
use crate::features::messages::{WAITS_BECAUSE, Word, Words};
use crate::jobs;
use crate::kernel::{CampaignId, OrderId, Result};

/// How much waits for somebody's word.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Waiting {
    /// Steps of orders of which no message was made yet.
    pub steps: i64,
    /// What admins would be told.
    pub alerts: i64,
    /// Promotions to all that have not reached all.
    pub campaigns: i64,
}

/// Has everything wait of which a shop just restored would make messages. What was low on the shelf then, somebody was told.
///
/// # Errors
/// A fault.
pub fn hold_back(tx: &mut WriteTx<'_>) -> Result<()> {
    for kind in [ORDER_JOB, ALERT_JOB, CAMPAIGN_JOB] {
        jobs::wait_for_word(tx, kind, WAITS_BECAUSE)?;
    }
    sql::told_of_all_low(tx)
}

/// How much waits for somebody's word.
///
/// # Errors
/// A fault.
pub fn held_back(reader: &Reader<'_>) -> Result<Waiting> {
    Ok(Waiting {
        steps: jobs::count_waiting_for_word(reader, ORDER_JOB)?,
        alerts: jobs::count_waiting_for_word(reader, ALERT_JOB)?,
        campaigns: jobs::count_waiting_for_word(reader, CAMPAIGN_JOB)?,
    })
}

/// Does with some of what waits what was said; how much there was.
///
/// # Errors
/// A fault.
pub fn let_go(tx: &mut WriteTx<'_>, words: Words, most: usize) -> Result<usize> {
    let mut found = 0;
    for (kind, word) in [(ORDER_JOB, words.messages), (ALERT_JOB, words.messages), (CAMPAIGN_JOB, words.promotions)] {
        let keys = jobs::keys_waiting_for_word(tx, kind, most.saturating_sub(found))?;
        found += keys.len();
        for key in keys {
            match word {
                Word::Send => {
                    jobs::move_to(tx, kind, &key, tx.now())?;
                }
                Word::Drop => {
                    jobs::cancel(tx, kind, &key)?;
                    if let (CAMPAIGN_JOB, Some(campaign)) = (kind, CampaignId::parse(&key)) {
                        campaigns::end(tx, campaign)?;
                    }
                }
            }
        }
    }
    Ok(found)
}

/// Whether what the program itself does with an order is to be told only when the owner has said so: the order came with
/// a restore that nobody has answered. The shop of before has met the same hold's end or the same payment, and told of it.
///
/// # Errors
/// A fault.
pub(super) fn waits(tx: &WriteTx<'_>, order: OrderId) -> Result<bool> {
    // What people of the shop or customers do now is new.
    if tx.origin().is_some() {
        return Ok(false);
    }
    sql::is_from_before_a_restore(tx, order)
}
