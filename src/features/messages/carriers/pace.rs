//! Not faster than the keeper says (`mail.max_per_second`), and half as fast for a minute after a provider has said that it is too fast.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

const SLOW_FOR: Duration = Duration::from_secs(60);

/// The pace of one provider's messages.
pub(super) struct Pace {
    clock: Clock,
    /// Between two messages.
    gap: Duration,
    turns: Mutex<Turns>,
}

#[derive(Default)]
struct Turns {
    next: Duration,
    slow_until: Duration,
}

impl Pace {
    pub(super) fn new(clock: Clock, per_second: u32) -> Pace {
        Pace { clock, gap: Duration::from_secs(1) / per_second.max(1), turns: Mutex::default() }
    }

    /// Waits for a turn.
    pub(super) async fn turn(&self) {
        let wait = self.take(self.clock.elapsed());
        if !wait.is_zero() {
            self.clock.pause(wait).await;
        }
    }

    /// The provider says that it was too fast.
    pub(super) fn slow_down(&self) {
        let until = self.clock.elapsed() + SLOW_FOR;
        self.turns.lock().unwrap_or_else(PoisonError::into_inner).slow_until = until;
    }

    fn take(&self, now: Duration) -> Duration {
        // Nothing that can panic half-way runs under this lock.
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = turns.next.max(now);
        let gap = if mine < turns.slow_until { self.gap * 2 } else { self.gap };
        turns.next = mine + gap;
        mine.saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::UtcMs;

    #[test]
    fn ten_a_second_and_five_for_a_minute_after_a_complaint() {
        let clock = Clock::manual(UtcMs::from_ms(0));
        let pace = Pace::new(clock.clone(), 10);
        let now = clock.elapsed();
        let waits = |count: u32| (0..count).map(|_| pace.take(now).as_millis()).collect::<Vec<_>>();
        assert_eq!(waits(4), [0, 100, 200, 300]);
        pace.slow_down();
        assert_eq!(waits(3), [400, 600, 800]);
        clock.advance_ms(61_000);
        let now = clock.elapsed();
        assert_eq!((pace.take(now).as_millis(), pace.take(now).as_millis()), (0, 100), "what was not used is not saved up");
    }
}
