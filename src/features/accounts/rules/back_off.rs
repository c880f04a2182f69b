//! How long one waits who has sent wrong passwords (SPEC 3, `/auth/login`).
//!
//! An account waits from its sixth wrong password on: a second, then twice as long with each further one, at most a quarter of an
//! hour. So a list of passwords is tried at about a hundred a day, while who has mistyped five times waits a second. A try is
//! counted when it begins, not when it has failed: a hash takes long, and a hundred tries at once would all be under way before
//! the first had failed. A try that is told to wait is not counted, so that a program which keeps on asking does not shut its
//! owner out for longer.

use crate::kernel::UtcMs;
use crate::kernel::time::span::{DAY_MS, MINUTE_MS, SECOND_MS};

/// Wrong passwords of an account that cost no wait: people mistype, and have old passwords.
pub const FREE_FAILURES: u32 = 5;
/// The first wait; each further one is twice as long.
const FIRST_WAIT_MS: i64 = SECOND_MS;
/// The longest wait.
const LONGEST_WAIT_MS: i64 = 15 * MINUTE_MS;
/// After a day without a wrong password the count begins anew. With the longest wait an attacker gets a hundred tries in it
/// either way.
const FORGOTTEN_AFTER_MS: i64 = DAY_MS;

/// Wrong passwords that an address may send, to whichever accounts, in [`ADDRESS_WINDOW_MS`]: a house full of people shares one.
pub const ADDRESS_FAILURES: u32 = 30;
/// The span in which they are counted, from the first on.
const ADDRESS_WINDOW_MS: i64 = 15 * MINUTE_MS;

/// Who must wait while others' tries are under way asks again after this.
const UNDER_WAY_MS: i64 = SECOND_MS;

/// What is remembered of one account, or of an e-mail address that none has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AccountTries {
    pub failures: u32,
    pub under_way: u32,
    last: UtcMs,
}

impl AccountTries {
    #[must_use]
    pub const fn none(now: UtcMs) -> AccountTries {
        AccountTries { failures: 0, under_way: 0, last: now }
    }

    /// Begins a try, or says how many milliseconds to wait.
    ///
    /// # Errors
    /// The wait, above 0.
    pub fn begin(&mut self, now: UtcMs) -> Result<(), i64> {
        if self.is_old(now) {
            self.failures = 0;
        }
        let wait = self.wait_ms(now);
        if wait > 0 {
            return Err(wait);
        }
        if self.failures + self.under_way >= FREE_FAILURES && self.under_way > 0 {
            return Err(UNDER_WAY_MS);
        }
        self.under_way += 1;
        Ok(())
    }

    /// Ends a try that was wrong.
    pub fn failed(&mut self, now: UtcMs) {
        self.gave_up();
        self.failures = self.failures.saturating_add(1);
        self.last = self.last.max(now);
    }

    /// Ends a try that nobody knows the end of: it was cut, or the shop had no time for it.
    pub fn gave_up(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Ends a try that was right: all is well again.
    pub fn succeeded(&mut self) {
        self.gave_up();
        self.failures = 0;
    }

    /// Whether nothing is lost by forgetting it.
    #[must_use]
    pub fn is_idle(&self, now: UtcMs) -> bool {
        self.under_way == 0 && (self.failures == 0 || self.is_old(now))
    }

    fn is_old(&self, now: UtcMs) -> bool {
        now.ms() - self.last.ms() >= FORGOTTEN_AFTER_MS
    }

    fn wait_ms(&self, now: UtcMs) -> i64 {
        let pause = pause_ms(self.failures);
        // A clock that was set back prolongs no wait beyond its own length.
        if pause == 0 { 0 } else { (self.last.ms() + pause - now.ms()).min(pause) }
    }
}

/// The wait after so many wrong passwords in a row.
fn pause_ms(failures: u32) -> i64 {
    let Some(doublings) = failures.checked_sub(FREE_FAILURES) else { return 0 };
    // Beyond ten doublings the longest wait is passed anyway.
    (FIRST_WAIT_MS << doublings.min(10)).min(LONGEST_WAIT_MS)
}

/// What is remembered of one network address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddressTries {
    pub failures: u32,
    pub under_way: u32,
    since: UtcMs,
}

impl AddressTries {
    #[must_use]
    pub const fn none(now: UtcMs) -> AddressTries {
        AddressTries { failures: 0, under_way: 0, since: now }
    }

    /// As [`AccountTries::begin`].
    ///
    /// # Errors
    /// The wait, above 0.
    pub fn begin(&mut self, now: UtcMs) -> Result<(), i64> {
        self.renew(now);
        if self.failures >= ADDRESS_FAILURES {
            return Err((self.since.ms() + ADDRESS_WINDOW_MS - now.ms()).min(ADDRESS_WINDOW_MS));
        }
        if self.failures + self.under_way >= ADDRESS_FAILURES {
            return Err(UNDER_WAY_MS);
        }
        self.under_way += 1;
        Ok(())
    }

    /// Ends a try that was wrong.
    pub fn failed(&mut self, now: UtcMs) {
        self.renew(now);
        self.ended();
        self.failures = self.failures.saturating_add(1);
    }

    /// Ends a try that was right or cut. A right one takes nothing away: who guesses at others' accounts may have one of their own.
    pub fn ended(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Whether nothing is lost by forgetting it.
    #[must_use]
    pub fn is_idle(&self, now: UtcMs) -> bool {
        self.under_way == 0 && (self.failures == 0 || self.is_old(now))
    }

    fn renew(&mut self, now: UtcMs) {
        if self.failures == 0 || self.is_old(now) {
            (self.failures, self.since) = (0, now);
        }
    }

    fn is_old(&self, now: UtcMs) -> bool {
        now.ms() - self.since.ms() >= ADDRESS_WINDOW_MS
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: i64) -> UtcMs {
        UtcMs::from_ms(1_795_603_665_007 + ms)
    }

    #[test]
    fn waits_double_from_the_sixth_on_up_to_a_quarter_of_an_hour() {
        let mut tries = AccountTries::none(at(0));
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..18 {
            if let Err(wait) = tries.begin(at(now)) {
                assert_eq!(tries.begin(at(now + wait - 1)), Err(1), "a moment too early");
                now += wait;
                waits.push(wait / 1_000);
                tries.begin(at(now)).expect("the wait is over");
            }
            tries.failed(at(now));
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
    }

    #[test]
    fn a_right_password_and_a_quiet_day_begin_anew() {
        let mut tries = AccountTries::none(at(0));
        for _ in 0..FREE_FAILURES {
            tries.begin(at(0)).expect("free");
            tries.failed(at(0));
        }
        assert_eq!(tries.begin(at(0)), Err(1_000));
        tries.begin(at(1_000)).expect("waited");
        tries.succeeded();
        assert!(tries.is_idle(at(1_000)));
        for _ in 0..8 {
            tries.failed(at(2_000));
        }
        assert!(tries.begin(at(3_000)).is_err());
        assert!(!tries.is_idle(at(2_000 + FORGOTTEN_AFTER_MS - 1)));
        assert!(tries.is_idle(at(2_000 + FORGOTTEN_AFTER_MS)));
        tries.begin(at(2_000 + FORGOTTEN_AFTER_MS)).expect("forgotten");
        assert_eq!(tries.failures, 0);
    }

    #[test]
    fn tries_under_way_count_as_if_they_had_failed() {
        let mut tries = AccountTries::none(at(0));
        let begun = (0..100).filter(|_| tries.begin(at(0)).is_ok()).count();
        assert_eq!(begun, 5);
        for _ in 0..5 {
            tries.failed(at(10));
        }
        assert_eq!(tries.begin(at(10)), Err(1_000));
        // Past the free ones it is one at a time.
        tries.begin(at(2_000)).expect("waited");
        assert_eq!(tries.begin(at(2_000)), Err(UNDER_WAY_MS));
        tries.gave_up();
        tries.begin(at(2_000)).expect("the other one was cut");
    }

    #[test]
    fn an_address_has_thirty_in_a_quarter_of_an_hour() {
        let mut tries = AddressTries::none(at(0));
        assert_eq!((0..100).filter(|_| tries.begin(at(0)).is_ok()).count(), 30);
        for _ in 0..30 {
            tries.failed(at(1_000));
        }
        assert_eq!(tries.begin(at(2_000)), Err(ADDRESS_WINDOW_MS - 1_000));
        tries.begin(at(1_000 + ADDRESS_WINDOW_MS)).expect("a new span");
        tries.ended();
        assert!(tries.is_idle(at(1_000 + ADDRESS_WINDOW_MS)));
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Begin,
        Fail,
        Cut,
        Pass(i64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => Just(Step::Begin),
            3 => Just(Step::Fail),
            1 => Just(Step::Cut),
            2 => (0..40_i64 * 60_000).prop_map(Step::Pass),
        ]
    }

    proptest! {
        /// Whatever comes in whichever order: after n failures nothing begins before the n-th wait is over, no wait is longer than
        /// the longest, and not more than five, or one past them, are ever under way.
        #[test]
        fn no_order_of_events_gets_around_the_wait(steps in proptest::collection::vec(step(), 1..200)) {
            let mut tries = AccountTries::none(at(0));
            let (mut now, mut failures, mut last_failure, mut under_way) = (0_i64, 0_u32, 0_i64, 0_u32);
            for step in steps {
                match step {
                    Step::Pass(ms) => now += ms,
                    Step::Begin => {
                        if now - last_failure >= FORGOTTEN_AFTER_MS {
                            failures = 0;
                        }
                        let due = if failures < FREE_FAILURES { 0 } else {
                            last_failure + (1_000_i64 << (failures - FREE_FAILURES).min(20)).min(900_000)
                        };
                        let busy = under_way > 0 && failures + under_way >= FREE_FAILURES;
                        match tries.begin(at(now)) {
                            Ok(()) => {
                                prop_assert!(now >= due && !busy);
                                under_way += 1;
                            }
                            Err(wait) => {
                                prop_assert!(now < due || busy);
                                prop_assert!((1..=LONGEST_WAIT_MS).contains(&wait));
                                if now < due {
                                    prop_assert_eq!(wait, due - now);
                                }
                            }
                        }
                        prop_assert!(under_way <= FREE_FAILURES);
                    }
                    Step::Fail if under_way > 0 => {
                        tries.failed(at(now));
                        (under_way, failures, last_failure) = (under_way - 1, failures + 1, now);
                    }
                    Step::Cut if under_way > 0 => {
                        tries.gave_up();
                        under_way -= 1;
                    }
                    Step::Fail | Step::Cut => {}
                }
            }
        }
    }
}
