//! Who listens for refusals: it never delays an answer, and nobody fills the disk by being refused.
//!
//! Of one caller (an account, or else an address) twenty a minute are kept, then one row that counts the rest; of all strangers
//! together sixty a minute: some 20 MB a day for as long as somebody attacks from everywhere.

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
const MOST_OF_STRANGERS: u64 = 60;
/// Addresses that are told apart in a minute; the others share a count.
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
            Actor::Guest | Actor::System | Actor::Gateway => Caller::Network(network_of(refusal.origin.address)),
        };
        let is_stranger = matches!(caller, Caller::Network(_));
        let crowded = is_stranger && minutes.len() >= MOST_CALLERS && !minutes.contains_key(&caller);
        let caller = if crowded { Caller::Others } else { caller };
        let fits = take(&mut minutes, caller, MOST_OF_ONE, now, &refusal)
            && (!is_stranger || take(&mut minutes, Caller::Strangers, MOST_OF_STRANGERS, now, &refusal));
        drop(minutes);
        if !fits {
            self.left_out.notify_one();
        } else if self.sender.try_send(Heard::Row(Box::new(Row { refusal, more: None, of_many: false }))).is_err() {
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
        let told = over.filter_map(|(caller, minute)| {
            let (refusal, more) = minute.left_out?;
            let of_many = matches!(caller, Caller::Strangers | Caller::Others);
            Some(Row { refusal, more: Some(more), of_many })
        });
        told.collect()
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

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Arc;

    use super::super::refusals::What;
    use super::*;
    use crate::kernel::{Origin, Role, UserId};

    fn refusal(actor: Actor, address: [u8; 4]) -> Refusal {
        Refusal {
            what: What::FailedSignIn { tried: None },
            origin: Origin { actor, address: IpAddr::from(address), request_id: Arc::from("r") },
            action: "POST /api/v1/auth/login".to_owned(),
            path: "/api/v1/auth/login".to_owned(),
            code: "invalid_credentials",
        }
    }

    /// Rows that wait, and counts of what was left out.
    fn heard(watch: &Watch, all: bool) -> (usize, Vec<(Option<u64>, bool)>) {
        let mut receiver = watch.receiver.lock().expect("whole");
        let receiver = receiver.as_mut().expect("nobody works");
        let mut rows = 0;
        while receiver.try_recv().is_ok() {
            rows += 1;
        }
        let mut counts: Vec<_> = watch.ended(all).into_iter().map(|row| (row.more, row.of_many)).collect();
        counts.sort_unstable();
        (rows, counts)
    }

    #[test]
    fn of_one_caller_twenty_are_kept_and_the_rest_is_counted() {
        let clock = Clock::manual(UtcMs::from_ms(1_795_593_600_000));
        let watch = Watch::new(clock.clone());
        for _ in 0..50 {
            watch.hear(refusal(Actor::Guest, [203, 0, 113, 9]));
            watch.hear(refusal(
                Actor::Account { id: UserId::from_uuid(uuid::Uuid::nil()), role: Role::Staff },
                [203, 0, 113, 9],
            ));
        }
        assert_eq!(heard(&watch, false), (40, Vec::new()));
        clock.advance_ms(60_000);
        assert_eq!(heard(&watch, false), (0, vec![(Some(30), false), (Some(30), false)]));
        watch.hear(refusal(Actor::Guest, [203, 0, 113, 9]));
        assert_eq!(heard(&watch, true), (1, Vec::new()));
    }

    #[test]
    fn strangers_together_have_an_end_and_do_not_take_it_from_staff() {
        let watch = Watch::new(Clock::manual(UtcMs::from_ms(1_795_593_600_000)));
        for n in 0..20_000_u16 {
            watch.hear(refusal(Actor::Guest, [10, 0, n.to_be_bytes()[0], n.to_be_bytes()[1]]));
        }
        let staff = Actor::Account { id: UserId::from_uuid(uuid::Uuid::nil()), role: Role::Staff };
        watch.hear(refusal(staff, [203, 0, 113, 9]));
        let callers = watch.minutes().len();
        assert!(callers <= MOST_CALLERS + 3, "{callers}");
        let (rows, counts) = heard(&watch, true);
        assert_eq!(u64::try_from(rows).expect("small"), MOST_OF_STRANGERS + 1);
        let left_out: u64 = counts.iter().filter_map(|(more, of_many)| more.filter(|_| *of_many)).sum();
        assert_eq!(left_out, 20_000 - MOST_OF_STRANGERS);
    }
}
