//! What is done to the books of a backup before the shop opens with them: one command, one transaction.

use std::collections::BTreeMap;

use serde_json::json;

use super::model::Made;
use super::sql;
use crate::db::{Command, WriteTx};
use crate::features::{accounts, cart, messages, notifications, orders, payments, settings};
use crate::http::idempotency;
use crate::jobs;
use crate::kernel::{Change, Result, ShopDay, UserId, UtcMs};

/// What is known of the time after a backup.
#[derive(Clone, Debug)]
pub struct Past {
    /// The moment that the backup shows.
    pub backup_of: UtcMs,
    /// The backup's name, for people.
    pub backup: String,
    /// Accounts whose person was erased, by the file beside the database.
    pub erased: Vec<UserId>,
    /// The newest order number of some days, by the books that this machine had.
    pub numbers: BTreeMap<i64, i64>,
}

/// Makes books of a backup those of a shop that never repeats the past. To be done once, before anybody is served.
pub struct MakeRestored(pub Past);

impl Command for MakeRestored {
    const NAME: &'static str = "restored.make";
    type Output = Made;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Made> {
        let Past { backup_of, backup, erased, numbers } = self.0;
        let sessions = accounts::end_all_access(tx)?;
        // First, so that the messages of who is erased are found waiting, and end.
        messages::hold_back(tx)?;
        notifications::hold_back(tx)?;
        let refunds = payments::ask_first(tx)?;
        let answers = idempotency::drop_all(tx)?;
        jobs::begin_anew(tx)?;
        let mut again = 0;
        for user in erased {
            if accounts::erase_again(tx, user)? {
                cart::forget(tx, user)?;
                messages::forget_person(tx, user)?;
                orders::anonymise_again(tx, user)?;
                again += 1;
            }
        }
        let zone = settings::read(tx)?.format.zone.clone();
        let days: BTreeMap<i64, ShopDay> =
            [backup_of, tx.now()].map(|moment| zone.day_of(moment)).map(|day| (day.number(), day)).into();
        for (number, day) in days {
            orders::skip_numbers(tx, day, numbers.get(&number).copied().unwrap_or(0))?;
        }
        sql::insert(tx, backup_of, &backup)?;
        let waiting = messages::held_back(tx)?;
        tx.changed(Change {
            action: "shop.restore",
            subject: "shop".to_owned(),
            before: None,
            after: Some(json!({
                "backup": backup, "backupOf": backup_of.to_string(), "sessionsEnded": sessions, "refundsInDoubt": refunds,
                "erasedAgain": again,
            })),
        });
        Ok(Made { sessions, messages: waiting.messages, promotions: waiting.promotions, refunds, erased: again, answers })
    }
}
