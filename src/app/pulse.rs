//! Whether the shop lives: its writer and a reader answer. What the watchdog asks.
//!
//! The write changes nothing, so it costs no sync and wears no disk; but it stands in the writer's queue, and a writer that hangs in
//! the sync of somebody's order does not come to it.

use std::time::Duration;

use crate::db::{Command, Db, WriteTx};
use crate::kernel::problem::kinds;
use crate::kernel::{Error, Result};
use crate::ops::systemd::Pulse;

/// So long it is watched whether a full queue moves. A write takes milliseconds.
const LOOK: Duration = Duration::from_millis(250);

struct Beat;

impl Command for Beat {
    const NAME: &'static str = "shop.pulse";
    type Output = ();

    fn apply(self, _tx: &mut WriteTx<'_>) -> Result<()> {
        Ok(())
    }
}

/// Answers once writer and reader have; never, if one of them hangs.
pub async fn pulse(db: &Db) -> Pulse {
    let served = || (db.stats().queue_wait_us.count(), db.stats().statement_us.count());
    let (written, read) = tokio::join!(db.write(Beat), db.read(|_| Ok(())));
    let (writer_is_full, reader_is_full) = (is_full(&written), is_full(&read));
    if writer_is_full || reader_is_full {
        // Nobody has seen them stand still: the queue of a shop that is only busy moves.
        let before = served();
        tokio::time::sleep(LOOK).await;
        let after = served();
        let stands = (writer_is_full && after.0 == before.0) || (reader_is_full && after.1 == before.1);
        return if stands { Pulse::Unknown } else { Pulse::Well };
    }
    match written.and(read) {
        Ok(()) => Pulse::Well,
        Err(_) => Pulse::Ailing("the disk takes nothing; look at the log and at: bayader doctor".to_owned()),
    }
}

fn is_full(outcome: &Result<()>) -> bool {
    outcome.as_ref().is_err_and(|error| Error::code(error) == Some(kinds::BUSY.code))
}
