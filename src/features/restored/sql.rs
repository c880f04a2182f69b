//! Every statement on `restorations`.

use super::model::{Restoration, word};
use crate::args;
use crate::db::{Reader, WriteTx};
use crate::features::messages::Words;
use crate::kernel::{Fault, Result, UtcMs};

pub(super) fn insert(tx: &mut WriteTx<'_>, backup_of: UtcMs, backup: &str) -> Result<()> {
    tx.exec_one(
        "insert into restorations (n, restored_at, backup_of, backup) \
         values ((select coalesce(max(n), 0) + 1 from restorations), ?1, ?2, ?3)",
        args![tx.now(), backup_of, backup],
    )
}

/// The newest.
pub(super) fn newest(reader: &Reader<'_>) -> Result<Option<Restoration>> {
    reader.opt(
        "select n, restored_at, backup_of, backup, answered_at, messages, promotions from restorations order by n desc limit 1",
        &[],
        |row| {
            let mut columns = row.columns();
            let (n, restored_at, backup_of, backup) = (columns.next()?, columns.next()?, columns.next()?, columns.next()?);
            let (at, messages, promotions): (Option<UtcMs>, Option<String>, Option<String>) =
                (columns.next()?, columns.next()?, columns.next()?);
            let said =
                |code: Option<String>| code.as_deref().and_then(word).ok_or_else(|| Fault::because("an answer says what"));
            let answered = match at {
                Some(at) => Some((at, Words { messages: said(messages)?, promotions: said(promotions)? })),
                None => None,
            };
            Ok(Restoration { n, restored_at, backup_of, backup, answered })
        },
    )
}

/// What becomes of what waits was said: of the newest, and so of all. The first moment stays, the last word counts.
pub(super) fn answer(tx: &mut WriteTx<'_>, words: Words) -> Result<()> {
    tx.exec(
        "update restorations set answered_at = coalesce(answered_at, ?1), messages = ?2, promotions = ?3 \
         where n = (select max(n) from restorations)",
        args![tx.now(), words.messages.code(), words.promotions.code()],
    )?;
    Ok(())
}
