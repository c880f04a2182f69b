//! What gateways and carriers tell by themselves, if it is not signed as it should be: counted, and an address that sends many is not listened to for a while (SPEC 9).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::rate_limit::network_of;
use crate::clock::Clock;
use crate::kernel::Problem;
use crate::kernel::problem::kinds;

/// So many of an address within [`WINDOW`] are verified; then it waits.
const MOST: u32 = 20;
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses that are counted at once, some 50 bytes each. Past ones are let go first; if that is not enough, all are.
const MOST_ADDRESSES: usize = 1 << 16;

/// The count of forged messages.
#[derive(Debug)]
pub struct Forgeries {
    clock: Clock,
    /// Whether addresses are counted (`[rate_limit] enabled`).
    counts: bool,
    by_address: Mutex<HashMap<u128, Minute>>,
    all: AtomicU64,
}

/// An address's last bad minute: when it began, and how many came in it.
#[derive(Clone, Copy, Debug)]
struct Minute {
    began: Duration,
    bad: u32,
}

impl Forgeries {
    #[must_use]
    pub fn new(clock: Clock, counts: bool) -> Forgeries {
        Forgeries { clock, counts, by_address: Mutex::default(), all: AtomicU64::new(0) }
    }

    /// How many there were since the start.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.all.load(Ordering::Relaxed)
    }

    /// Asked before a message is verified, so that who forges cannot make the shop work: neither reckon nor fetch a certificate.
    ///
    /// # Errors
    /// 429 `rate_limited`. Providers send again later, so nothing is lost with it.
    pub fn check(&self, address: IpAddr) -> Result<(), Problem> {
        if !self.counts {
            return Ok(());
        }
        let now = self.clock.elapsed();
        let by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let left = by_address.get(&network_of(address)).filter(|minute| minute.bad >= MOST).and_then(|minute| minute.left(now));
        drop(by_address);
        let Some(left) = left else { return Ok(()) };
        let seconds = u32::try_from(left.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1);
        Err(Problem::of(&kinds::RATE_LIMITED)
            .detail(format!(
                "{MOST} messages from your address were not signed as they should be, or could not be verified. Wait {seconds} s; if you forward a provider's messages, mend the secret first."
            ))
            .retry_after_s(seconds))
    }

    /// One more.
    pub fn note(&self, address: IpAddr) {
        self.all.fetch_add(1, Ordering::Relaxed);
        self.doubt(address);
    }

    /// One more that could not be verified, which is nobody's forgery: but each has a certificate fetched, and a stranger must not have
    /// the shop fetch without end.
    pub fn doubt(&self, address: IpAddr) {
        if !self.counts {
            return;
        }
        let (key, now) = (network_of(address), self.clock.elapsed());
        // Nothing that can panic half-way runs under this lock.
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if by_address.len() >= MOST_ADDRESSES && !by_address.contains_key(&key) {
            by_address.retain(|_, minute| minute.left(now).is_some());
            if by_address.len() >= MOST_ADDRESSES {
                by_address.clear();
            }
        }
        let minute = by_address.entry(key).or_insert(Minute { began: now, bad: 0 });
        if minute.left(now).is_none() {
            *minute = Minute { began: now, bad: 0 };
        }
        minute.bad = minute.bad.saturating_add(1);
    }
}

impl Minute {
    /// What is left of it; `None` once it is over.
    fn left(self, now: Duration) -> Option<Duration> {
        (self.began + WINDOW).checked_sub(now).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::UtcMs;

    fn at(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn twenty_a_minute_are_looked_at_and_the_next_minute_begins_anew() {
        let clock = Clock::manual(UtcMs::from_ms(1_795_593_600_000));
        let forgeries = Forgeries::new(clock.clone(), true);
        let bad = at("203.0.113.9");
        for _ in 0..20 {
            assert!(forgeries.check(bad).is_ok());
            forgeries.note(bad);
        }
        clock.advance_ms(19_001);
        let refused = forgeries.check(bad).expect_err("it is the 21st");
        assert_eq!((refused.kind.code, refused.retry_after_s), ("rate_limited", Some(41)));
        assert!(forgeries.check(at("203.0.113.8")).is_ok(), "somebody else's is not counted with it");
        clock.advance_ms(40_999);
        assert!(forgeries.check(bad).is_ok());
        forgeries.note(bad);
        assert!(forgeries.check(bad).is_ok());
        assert_eq!(forgeries.all(), 21);
    }

    #[test]
    fn turned_off_nobody_waits_and_all_are_counted() {
        let forgeries = Forgeries::new(Clock::system(), false);
        for _ in 0..50 {
            assert!(forgeries.check(at("203.0.113.9")).is_ok());
            forgeries.note(at("203.0.113.9"));
        }
        assert_eq!(forgeries.all(), 50);
    }

    #[test]
    fn addresses_without_number_take_bounded_memory() {
        let forgeries = Forgeries::new(Clock::manual(UtcMs::from_ms(1_795_593_600_000)), true);
        for n in 0..u32::try_from(MOST_ADDRESSES).expect("small") + 10 {
            forgeries.note(IpAddr::from(n.to_be_bytes()));
        }
        assert!(forgeries.by_address.lock().expect("whole").len() <= MOST_ADDRESSES);
    }
}
