//! Time and ids. The only place that asks the system's clock; tests hold a clock in their hand instead.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng};
use tokio::sync::watch;

use crate::kernel::UtcMs;

/// The day this version was made. A machine whose clock stands before it is wrong (SPEC 5); moved on with each release.
pub const BUILT: UtcMs = UtcMs::from_ms(1_793_491_200_000); // 2026-11-01T00:00:00Z

/// How far ahead of the clock the writer's own time may run. Each write is later than the one before by a millisecond, so a
/// storm of more than a thousand a second would otherwise carry the shop's time away (docs/decisions/0003-writer-time.md).
const MAX_LEAD_MS: i64 = 1_000;

/// What time it is.
#[derive(Clone, Debug)]
pub struct Clock {
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual { now: Arc<AtomicI64>, moved: watch::Sender<i64> },
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Clock {
        Clock { source: Source::System }
    }

    /// A clock that stands until it is moved by hand.
    #[must_use]
    pub fn manual(start: UtcMs) -> Clock {
        Clock { source: Source::Manual { now: Arc::new(AtomicI64::new(start.ms())), moved: watch::channel(start.ms()).0 } }
    }

    #[must_use]
    pub fn now(&self) -> UtcMs {
        match &self.source {
            Source::System => {
                #[expect(clippy::disallowed_methods, reason = "this is the one place")]
                let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
                UtcMs::from_ms(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
            }
            Source::Manual { now, .. } => UtcMs::from_ms(now.load(Ordering::SeqCst)),
        }
    }

    /// Time since a fixed moment: it never runs backwards, whatever the machine's clock is set to.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        static STARTED: OnceLock<Instant> = OnceLock::new();
        match &self.source {
            Source::System => STARTED.get_or_init(Instant::now).elapsed(),
            Source::Manual { now, .. } => Duration::from_millis(u64::try_from(now.load(Ordering::SeqCst)).unwrap_or(0)),
        }
    }

    /// Moves a clock held in the hand and wakes who sleeps until then; the system's clock does not move.
    pub fn advance_ms(&self, ms: i64) {
        if let Source::Manual { now, moved } = &self.source {
            let later = now.fetch_add(ms, Ordering::SeqCst) + ms;
            moved.send_replace(later);
        }
    }

    /// Waits before something is tried again. A clock held in the hand does not wait: who holds it has no time to lose.
    pub async fn pause(&self, time: Duration) {
        match &self.source {
            Source::System => tokio::time::sleep(time).await,
            Source::Manual { .. } => tokio::task::yield_now().await,
        }
    }

    /// Sleeps until a moment. With the system's clock at most a minute at a time, so that a machine that was suspended or whose
    /// clock was set does not sleep on.
    pub async fn sleep_until(&self, moment: UtcMs) {
        match &self.source {
            Source::System => loop {
                let left_ms = moment.ms() - self.now().ms();
                let Ok(left_ms) = u64::try_from(left_ms) else { return };
                if left_ms == 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(left_ms.min(60_000))).await;
            },
            Source::Manual { moved, .. } => {
                let mut watch = moved.subscribe();
                // The sender lives as long as this clock, so waiting ends only when the moment has come.
                let _ = watch.wait_for(|now| *now >= moment.ms()).await;
            }
        }
    }
}

/// The writer's time: never backwards, and a millisecond later with each write as far as [`MAX_LEAD_MS`] allows.
#[derive(Debug)]
pub struct WriterClock {
    clock: Clock,
    last: UtcMs,
    /// How far the books led the clock at start, as after `--accept-clock`; moments go on growing from there.
    lead_at_start_ms: i64,
}

impl WriterClock {
    /// `newest` is the newest moment stored, 0 in an empty shop.
    #[must_use]
    pub fn new(clock: Clock, newest: UtcMs) -> WriterClock {
        let lead_at_start_ms = (newest.ms() - clock.now().ms()).max(0);
        WriterClock { clock, last: newest, lead_at_start_ms }
    }

    /// The moment of the next write.
    pub fn tick(&mut self) -> UtcMs {
        let now = self.clock.now();
        let step = i64::from(self.last.ms() < now.ms() + MAX_LEAD_MS + self.lead_at_start_ms);
        self.last = now.max(self.last.plus_ms(step));
        self.last
    }
}

/// Makes UUIDv7 that never run backwards (RFC 9562, 5.7 and 6.2 method 1: a counter in the bits after the time).
#[derive(Debug)]
pub struct IdMaker {
    rng: StdRng,
    last_ms: i64,
    counter: u32,
}

/// Bits of the counter: 12 in `rand_a`, 14 in `rand_b`; 48 random bits remain.
const COUNTER_BITS: u32 = 26;

impl IdMaker {
    #[must_use]
    pub fn new() -> IdMaker {
        // Without the system's randomness ids still grow and differ within a shop; only guessing gets easier, and no secret
        // hangs on an id.
        let rng = StdRng::try_from_rng(&mut SysRng).unwrap_or_else(|_| StdRng::seed_from_u64(0));
        IdMaker { rng, last_ms: 0, counter: 0 }
    }

    /// As [`IdMaker::new`], for books whose newest moment is known: every id sorts after theirs.
    #[must_use]
    pub fn after(newest: UtcMs) -> IdMaker {
        IdMaker { last_ms: newest.ms() + 1, ..IdMaker::new() }
    }

    /// The next id for that moment.
    pub fn make(&mut self, at: UtcMs) -> uuid::Uuid {
        if at.ms() > self.last_ms {
            self.last_ms = at.ms();
            self.counter = 0;
        } else if self.counter + 1 < 1 << COUNTER_BITS {
            self.counter += 1;
        } else {
            self.last_ms += 1;
            self.counter = 0;
        }
        let ms = u64::try_from(self.last_ms).unwrap_or(0);
        let random = self.rng.next_u64();
        let counter = u64::from(self.counter);
        let high = (ms << 16) | 0x7000 | (counter >> 14);
        let low = (0b10 << 62) | ((counter & 0x3FFF) << 48) | (random >> 16);
        uuid::Uuid::from_u64_pair(high, low)
    }
}

impl Default for IdMaker {
    fn default() -> IdMaker {
        IdMaker::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_even_when_the_clock_stands_or_goes_back() {
        let mut ids = IdMaker::new();
        let mut last = uuid::Uuid::nil();
        for step in 0..40_000_i64 {
            let id = ids.make(UtcMs::from_ms(1_700_000_000_000 - step / 1_000));
            assert!(id > last);
            assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
            last = id;
        }
    }

    #[test]
    fn the_writers_time_grows_and_leads_by_a_second_at_most() {
        let clock = Clock::manual(UtcMs::from_ms(1_000_000));
        let mut writer = WriterClock::new(clock.clone(), UtcMs::from_ms(0));
        let first = writer.tick();
        assert_eq!(writer.tick().ms(), first.ms() + 1);
        for _ in 0..5_000 {
            writer.tick();
        }
        assert_eq!(writer.tick().ms(), 1_000_000 + MAX_LEAD_MS);
        clock.advance_ms(60_000);
        assert_eq!(writer.tick().ms(), 1_060_000);
    }

    #[test]
    fn books_ahead_of_the_clock_still_grow() {
        let clock = Clock::manual(UtcMs::from_ms(1_000_000));
        let mut writer = WriterClock::new(clock, UtcMs::from_ms(9_000_000));
        assert_eq!((writer.tick().ms(), writer.tick().ms()), (9_000_001, 9_000_002));
    }
}
