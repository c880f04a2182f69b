//! Who listens for refusals: it never delays an answer, and nobody fills the disk by being refused.
//!
//! Of one caller (an account, or else an address) twenty a minute are kept, then one row that counts the rest; of all strangers
//! together six hundred a minute.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::refusals::{Record, Refusal, Row};
use crate::clock::Clock;
use crate::db::Db;
use crate::http::rate_limit::network_of;
use crate::kernel::time::span::MINUTE_MS;
use crate::kernel::{Actor, UtcMs};

/// Refusals of one caller that are kept one by one in a minute.
const MOST_OF_ONE: u64 = 20;
/// And of all who are not signed in together.
const MOST_OF_STRANGERS: u64 = 600;
/// Callers that are told apart in a minute; the others share a count.
const MOST_CALLERS: usize = 10_000;
/// Rows that wait to be written.
const MOST_WAITING: usize = 1_024;
/// Most rows in one write: everyone queues behind it.
const MOST_AT_ONCE: usize = 50;
/// How long a reader waits for what was refused before it asked.
const SETTLE_TIME: Duration = Duration::from_secs(2);

/// Whose refusals are counted together.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Caller {
    Account(u128),
    Network(u128),
    /// Everybody who is not signed in.
    Strangers,
    /// Whoever is one too many to be told apart.
    Others,
}

/// A minute of one caller.
struct Minute {
    until: UtcMs,
    kept: u64,
    /// The last one that was not kept, and how many.
    left_out: Option<(Refusal, u64)>,
}

/// What the worker hears.
enum Heard {
    Row(Box<Row>),
    /// Somebody wants to know that all before was written.
    Settle(oneshot::Sender<()>),
}

/// Listens for refusals, and holds those that wait to be written.
pub struct Watch {
    clock: Clock,
    minutes: Mutex<HashMap<Caller, Minute>>,
    left_out: Notify,
    sender: mpsc::Sender<Heard>,
    /// Taken by the one worker.
    receiver: Mutex<Option<mpsc::Receiver<Heard>>>,
}

impl Watch {
    #[must_use]
    pub fn new(clock: Clock) -> Watch {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        Watch {
            clock,
            minutes: Mutex::new(HashMap::new()),
            left_out: Notify::new(),
            sender,
            receiver: Mutex::new(Some(receiver)),
        }
    }

    fn minutes(&self) -> MutexGuard<'_, HashMap<Caller, Minute>> {
        // Counts are whole whoever panicked beside them.
        self.minutes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hears a refusal; it is written soon, or counted.
    pub fn hear(&self, refusal: Refusal) {
        let now = self.clock.now();
        let mut minutes = self.minutes();
        let caller = match refusal.origin.actor {
            Actor::Account { id, .. } => Caller::Account(id.uuid().as_u128()),
            Actor::Guest | Actor::System => Caller::Network(network_of(refusal.origin.address)),
        };
        let crowded = minutes.len() >= MOST_CALLERS && !minutes.contains_key(&caller);
        let caller = if crowded { Caller::Others } else { caller };
        let fits = take(&mut minutes, caller, MOST_OF_ONE, now, &refusal)
            && (matches!(caller, Caller::Account(_))
                || take(&mut minutes, Caller::Strangers, MOST_OF_STRANGERS, now, &refusal));
        drop(minutes);
        if !fits {
            self.left_out.notify_one();
        } else if self.sender.try_send(Heard::Row(Box::new(Row { refusal, more: None }))).is_err() {
            tracing::warn!("a refusal is not in the audit log: too many wait to be written");
        }
    }

    /// Waits until all that was refused before is in the books, so that who looks sees it; not for long.
    pub async fn settled(&self) {
        let (told, wait) = oneshot::channel();
        let settle = async {
            if self.sender.send(Heard::Settle(told)).await.is_ok() {
                let _ = wait.await;
            }
        };
        let _ = tokio::time::timeout(SETTLE_TIME, settle).await;
    }

    /// Writes what is heard until `stop` turns true; then what is left. One worker at a time.
    pub async fn work(&self, db: &Db, mut stop: watch::Receiver<bool>) {
        let Some(mut receiver) = self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        loop {
            let next_end = self.next_end();
            let ended = async {
                match next_end {
                    Some(moment) => self.clock.sleep_until(moment).await,
                    None => std::future::pending().await,
                }
            };
            let mut heard = Vec::new();
            tokio::select! {
                _ = receiver.recv_many(&mut heard, MOST_AT_ONCE) => {}
                () = ended => {}
                () = self.left_out.notified() => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
            self.write(db, heard, false).await;
        }
        receiver.close();
        let mut heard = Vec::new();
        while let Ok(next) = receiver.try_recv() {
            heard.push(next);
        }
        self.write(db, heard, true).await;
    }

    /// Writes what was heard, and counts whose minute is over (`all`: every one).
    async fn write(&self, db: &Db, heard: Vec<Heard>, all: bool) {
        let (mut rows, mut settled) = (Vec::new(), Vec::new());
        for heard in heard {
            match heard {
                Heard::Row(row) => rows.push(*row),
                Heard::Settle(told) => settled.push(told),
            }
        }
        rows.extend(self.ended(all));
        while !rows.is_empty() {
            let rest = rows.split_off(rows.len().min(MOST_AT_ONCE));
            let count = rows.len();
            if let Err(error) = db.write_in_background(Record { rows }).await {
                tracing::warn!(error = %error, count, "refusals are not in the audit log");
            }
            rows = rest;
        }
        for told in settled {
            let _ = told.send(());
        }
    }

    /// The counts of the minutes that are over, which are then forgotten.
    fn ended(&self, all: bool) -> Vec<Row> {
        let now = self.clock.now();
        let mut minutes = self.minutes();
        let over = minutes.extract_if(|_, minute| all || minute.until <= now);
        over.filter_map(|(_, minute)| minute.left_out.map(|(refusal, more)| Row { refusal, more: Some(more) })).collect()
    }

    /// When the next minute ends of which something was left out.
    fn next_end(&self) -> Option<UtcMs> {
        self.minutes().values().filter(|minute| minute.left_out.is_some()).map(|minute| minute.until).min()
    }
}

/// Whether one more fits into a caller's minute; one that does not is counted.
fn take(minutes: &mut HashMap<Caller, Minute>, caller: Caller, most: u64, now: UtcMs, refusal: &Refusal) -> bool {
    let fresh = || Minute { until: now.plus_ms(MINUTE_MS), kept: 0, left_out: None };
    let minute = minutes.entry(caller).or_insert_with(fresh);
    // One with something to tell is ended by the worker alone.
    if minute.until <= now && minute.left_out.is_none() {
        *minute = fresh();
    }
    if minute.kept < most {
        minute.kept += 1;
        return true;
    }
    let more = minute.left_out.as_ref().map_or(0, |(_, count)| *count) + 1;
    minute.left_out = Some((refusal.clone(), more));
    false
}
