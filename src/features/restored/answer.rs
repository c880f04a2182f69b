//! The owner's word: what waited since a restore is sent or dropped.

use serde_json::json;

use super::{problems, queries, sql};
use crate::db::{Command, Db, WriteTx};
use crate::features::messages::{self, Words};
use crate::features::notifications;
use crate::kernel::{Change, Problem, Result};

/// What one write lets go: a few milliseconds of the writer.
const AT_ONCE: usize = 100;

/// Says what becomes of what waits, and does it. Refuses with `nothing_waits`. Should it end in the middle, what is left waits still, and
/// may be answered again.
pub(super) async fn answer(db: &Db, words: Words) -> Result<()> {
    db.write(Answer { words }).await?;
    while db.write(LetGo { words }).await? > 0 {}
    Ok(())
}

struct Answer {
    words: Words,
}

impl Command for Answer {
    const NAME: &'static str = "restored.answer";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let standing = queries::standing(tx, &[])?;
        let is_open = standing.restoration.as_ref().is_some_and(|restoration| restoration.answered.is_none());
        if !is_open && !standing.waits() {
            return Err(Problem::of(&problems::NOTHING_WAITS)
                .detail("No message waits for an answer after a restore. Nothing was changed.")
                .into());
        }
        sql::answer(tx, self.words)?;
        tx.changed(Change {
            action: "shop.restore_answer",
            subject: "shop".to_owned(),
            before: Some(json!({
                "messages": standing.messages.messages, "promotions": standing.messages.promotions,
                "steps": standing.notifications.steps, "alerts": standing.notifications.alerts,
                "campaigns": standing.notifications.campaigns,
            })),
            after: Some(json!({ "messages": self.words.messages.code(), "promotions": self.words.promotions.code() })),
        });
        Ok(())
    }
}

/// Lets some go; how many.
struct LetGo {
    words: Words,
}

impl Command for LetGo {
    const NAME: &'static str = "restored.let_go";
    type Output = usize;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<usize> {
        let found = messages::let_go(tx, self.words, AT_ONCE)?;
        let found = found + notifications::let_go(tx, self.words, AT_ONCE - found)?;
        Ok(found)
    }
}
