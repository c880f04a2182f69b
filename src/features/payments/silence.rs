//! Gateways that do not answer: jobs wait for them, but not one job after the other for as long.
//!
//! It lies in memory alone: what it forgets costs one long wait.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::kernel::PaymentMethod;

/// A gateway that was silent is not waited for long again before this.
const SILENT_FOR: Duration = Duration::from_secs(30);
/// Who was silent is still waited for so long, or a tenth of the usual.
const SHORT: Duration = Duration::from_secs(1);

/// When each gateway last kept a job waiting for long.
#[derive(Debug)]
pub struct Silence {
    since: Mutex<HashMap<PaymentMethod, Instant>>,
    /// How long a gateway is waited for.
    call: Duration,
}

impl Silence {
    #[must_use]
    pub fn new(call: Duration) -> Silence {
        Silence { since: Mutex::default(), call }
    }

    fn since(&self) -> std::sync::MutexGuard<'_, HashMap<PaymentMethod, Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a gateway has been silent within the last half minute.
    #[must_use]
    pub fn is_silent(&self, method: PaymentMethod) -> bool {
        self.since().get(&method).is_some_and(|since| since.elapsed() < SILENT_FOR)
    }

    /// Waits for what asks gateways, as long as they deserve; `None` if it has not ended by then. It is left where it stood: a caller
    /// has either nothing to lose or a job that goes on.
    pub async fn wait<T>(&self, methods: &[PaymentMethod], asking: impl Future<Output = T>) -> Option<T> {
        let started = Instant::now();
        let time = self.deserved(methods, started);
        let answer = tokio::time::timeout(time, asking).await.ok();
        self.note(methods, time, started, Instant::now(), answer.is_some());
        answer
    }

    fn deserved(&self, methods: &[PaymentMethod], now: Instant) -> Duration {
        let since = self.since();
        let silent = methods.iter().filter_map(|method| since.get(method)).max();
        patience(self.call, silent.map(|since| now.saturating_duration_since(*since)))
    }

    /// An adapter that gives up by itself a moment earlier has been silent as well. Short waits say nothing, or a slow gateway would
    /// never be given its time again.
    fn note(&self, methods: &[PaymentMethod], time: Duration, started: Instant, now: Instant, has_ended: bool) {
        let was_silent = now.saturating_duration_since(started) >= self.call * 9 / 10 && time == self.call;
        let mut since = self.since();
        for method in methods {
            if was_silent {
                since.insert(*method, now);
            } else if has_ended {
                since.remove(method);
            }
        }
    }
}

/// How long to wait for gateways, the last of which was silent so long ago. Beside a silent one the many that wait for it must not
/// wait one after the other: each hold is acted on within 20 s of its end (SPEC 4).
fn patience(call: Duration, silent: Option<Duration>) -> Duration {
    if silent.is_some_and(|ago| ago < SILENT_FOR) { SHORT.max(call / 10).min(call) } else { call }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Duration = Duration::from_secs(10);
    const PAYPAL: &[PaymentMethod] = &[PaymentMethod::of("paypal")];

    /// Asks at a moment, counted from `start`, what would take so long; how long it was waited for.
    fn ask(silence: &Silence, methods: &[PaymentMethod], start: Instant, at_s: u64, takes_s: u64) -> u64 {
        let (started, takes) = (start + Duration::from_secs(at_s), Duration::from_secs(takes_s));
        let time = silence.deserved(methods, started);
        let waited = takes.min(time);
        silence.note(methods, time, started, started + waited, takes <= time);
        waited.as_secs()
    }

    #[test]
    fn a_silent_gateway_is_waited_for_long_only_every_half_minute() {
        let (silence, start) = (Silence::new(CALL), Instant::now());
        assert_eq!(ask(&silence, PAYPAL, start, 0, 1_000), 10);
        for at in 10..40 {
            assert_eq!(ask(&silence, PAYPAL, start, at, 1_000), 1);
        }
        assert_eq!(ask(&silence, PAYPAL, start, 40, 1_000), 10, "short waits lengthened the silence");
        assert_eq!(ask(&silence, PAYPAL, start, 50, 1_000), 1);
    }

    #[test]
    fn others_are_given_their_time_and_who_answers_is_again() {
        let (silence, start, stripe) = (Silence::new(CALL), Instant::now(), PaymentMethod::of("stripe"));
        ask(&silence, PAYPAL, start, 0, 1_000);
        assert_eq!(ask(&silence, &[stripe], start, 11, 4), 4);
        assert_eq!(ask(&silence, &[stripe, PAYPAL[0]], start, 12, 4), 1);
        assert_eq!(ask(&silence, PAYPAL, start, 13, 1), 1);
        assert_eq!(ask(&silence, PAYPAL, start, 14, 4), 4);
    }

    #[tokio::test]
    async fn what_does_not_end_is_left() {
        let silence = Silence::new(Duration::from_millis(5));
        assert_eq!(silence.wait(PAYPAL, std::future::pending::<()>()).await, None);
        assert_eq!(silence.wait(PAYPAL, std::future::ready(7)).await, Some(7));
    }

    #[test]
    fn nobody_is_waited_for_longer_than_usual() {
        let call = Duration::from_millis(200);
        assert_eq!(patience(call, Some(Duration::ZERO)), call);
    }
}
