//! Whether a channel's carrier can be asked now. While it cannot, messages are held without a try, and now and then one goes through to
//! look whether it can again.
//!
//! This lies in memory alone. What must outlive a crash lies in the books: which messages are held, which channel is stopped, and the job
//! that lets one through (`probe.rs`). What this forgets costs a try that is in vain.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::kernel::time::span::{MINUTE_MS, SECOND_MS};
use crate::kernel::{NotificationId, UtcMs};

/// Who could not be reached is tried again after these; the last one repeats.
const UNREACHABLE_MS: [i64; 3] = [10 * SECOND_MS, 30 * SECOND_MS, MINUTE_MS];
/// A channel that is stopped waits for people, so it is tried seldom.
const STOPPED_MS: i64 = 10 * MINUTE_MS;

/// Why a carrier is not asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shut {
    /// Nobody can be reached there.
    Unreachable,
    /// It refuses all of them, until its keeper has mended something.
    Stopped,
}

/// A channel's carrier as it stands.
#[derive(Debug, Default)]
pub(super) struct Line {
    state: Mutex<State>,
    left: Notify,
}

#[derive(Debug, Default)]
struct State {
    shut: Option<Closed>,
    /// Messages that are being tried now.
    trying: HashSet<NotificationId>,
    /// Whether the books may have held messages while the line is open.
    may_hold: bool,
    /// Names of the carrier's for tries that were found there since the start, and whose they are.
    adopted: HashMap<String, NotificationId>,
}

#[derive(Clone, Debug)]
struct Closed {
    how: Shut,
    why: String,
    since: UtcMs,
    failures: usize,
    next: UtcMs,
    has_probe: bool,
}

/// Leave to ask the carrier. Who probes gives the right to it back when this is dropped.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    line: &'a Line,
    is_probe: bool,
}

impl Pass<'_> {
    /// Whether it was let through to look whether the carrier can be asked again.
    pub(super) const fn is_probe(&self) -> bool {
        self.is_probe
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.is_probe
            && let Some(closed) = &mut self.line.state().shut
        {
            closed.has_probe = false;
        }
    }
}

/// A message that is being tried; nobody else tries it until this is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    line: &'a Line,
    message: NotificationId,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.line.state().trying.remove(&self.message);
        self.line.left.notify_waiters();
    }
}

/// How a line stands, for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Standing {
    pub how: Shut,
    pub why: String,
    pub since: UtcMs,
}

impl Line {
    /// At start nobody knows what an earlier run has held, and a stopped channel is tried at once.
    pub(super) fn begin(&self, stopped: Option<(String, UtcMs)>, now: UtcMs) {
        let mut state = self.state();
        state.may_hold = true;
        state.shut =
            stopped.map(|(why, since)| Closed { how: Shut::Stopped, why, since, failures: 0, next: now, has_probe: false });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody else tries this message.
    pub(super) async fn turn(&self, message: NotificationId) -> Turn<'_> {
        loop {
            let left = self.left.notified();
            tokio::pin!(left);
            left.as_mut().enable();
            if self.state().trying.insert(message) {
                return Turn { line: self, message };
            }
            left.await;
        }
    }

    /// What the carrier has under a name is this message; not if it is another one by now.
    pub(super) fn adopt(&self, name: &str, message: NotificationId) -> bool {
        *self.state().adopted.entry(name.to_owned()).or_insert(message) == message
    }

    /// Leave to ask the carrier; `None` while it is not asked, and the message is to be held.
    pub(super) fn enter(&self, now: UtcMs) -> Option<Pass<'_>> {
        let mut state = self.state();
        let is_probe = match &mut state.shut {
            None => false,
            Some(closed) if closed.next <= now && !closed.has_probe => {
                closed.has_probe = true;
                true
            }
            Some(_) => {
                state.may_hold = true;
                return None;
            }
        };
        Some(Pass { line: self, is_probe })
    }

    /// The carrier could not be asked. When it is to be tried next.
    pub(super) fn shut(&self, pass: &Pass<'_>, how: Shut, why: &str, now: UtcMs) -> UtcMs {
        let mut state = self.state();
        state.may_hold = true;
        let (how, since, failures) = match &state.shut {
            // Others that were under way when it was shut tell nothing new.
            Some(closed) if closed.how == how && !pass.is_probe => return closed.next,
            // Who is stopped and cannot be reached either is stopped still.
            Some(closed) if closed.how == how || closed.how == Shut::Stopped => (closed.how, closed.since, closed.failures + 1),
            _ => (how, now, 1),
        };
        let wait = match how {
            Shut::Unreachable => UNREACHABLE_MS.get(failures - 1).copied().unwrap_or(MINUTE_MS),
            Shut::Stopped => STOPPED_MS,
        };
        let next = now.plus_ms(wait);
        state.shut = Some(Closed { how, why: why.to_owned(), since, failures, next, has_probe: pass.is_probe });
        next
    }

    /// The carrier has answered, so that it can be asked; of one that is stopped this is told by a message that it took alone.
    pub(super) fn reached(&self, has_taken: bool) {
        let mut state = self.state();
        if has_taken || state.shut.as_ref().is_some_and(|closed| closed.how == Shut::Unreachable) {
            state.shut = None;
        }
    }

    /// Whether held messages are to be let go now; who asks does it.
    pub(super) fn is_to_release(&self) -> bool {
        let mut state = self.state();
        state.shut.is_none() && std::mem::take(&mut state.may_hold)
    }

    /// Whether the carrier is asked.
    pub(super) fn is_open(&self) -> bool {
        self.state().shut.is_none()
    }

    /// Some of them have not been let go.
    pub(super) fn still_holds(&self) {
        self.state().may_hold = true;
    }

    /// Why the carrier is not asked, if it is not.
    pub(super) fn standing(&self) -> Option<Standing> {
        let state = self.state();
        state.shut.as_ref().map(|closed| Standing { how: closed.how, why: closed.why.clone(), since: closed.since })
    }
}
