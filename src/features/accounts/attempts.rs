//! Wrong passwords, in memory: who must wait is decided here, under one lock, before a hash is paid for.
//!
//! What always holds: an e-mail address that no account has is counted as one that has, so that the waits tell nobody which exist;
//! no number of callers makes it grow beyond its bounds; a restart forgets all of it, which gives whoever guesses five tries
//! more an account.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::problems;
use super::rules::back_off::{AccountTries, AddressTries};
use crate::clock::Clock;
use crate::http::rate_limit::network_of;
use crate::kernel::{Email, Problem, UserId, UtcMs};

/// Most accounts and most addresses remembered, some 300 bytes each. Where there is no place, the one with the fewest failures goes:
/// whoever wants an account's count forgotten must first fail more often at ten thousand others, at a hash each.
const REMEMBERED: usize = 10_000;

/// Every count there is.
pub(super) struct Attempts {
    clock: Clock,
    counts_addresses: bool,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    accounts: HashMap<Tried, AccountTries>,
    addresses: HashMap<u128, AddressTries>,
}

/// Whether an address is one from which this account has signed in lately: what comes from there is not held against the account,
/// nor does the account's wait hold there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Familiar {
    Yes,
    No,
}

/// Whose password is tried, and where. The two doors are counted apart: who guesses at the outer one must not keep the owner from
/// changing the password inside, and who has found an open session does not share the owner's tries at signing in.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Tried {
    /// By who signs in with this address.
    SignIn(Email),
    /// By who is signed in to this account, and is asked once more.
    Proof(UserId),
}

/// A try under way. Say how it ended; dropped, it counts as never made.
pub struct Attempt<'a> {
    attempts: &'a Attempts,
    tried: Tried,
    /// Whether it counts for `tried` until it has ended, and for which address.
    counted: bool,
    address: Option<u128>,
}

impl Attempts {
    pub fn new(clock: Clock) -> Attempts {
        Attempts { clock, counts_addresses: true, book: Mutex::default() }
    }

    /// Whether failures are counted by address too (`[rate_limit] enabled`).
    pub fn count_addresses(&mut self, counts: bool) {
        self.counts_addresses = counts;
    }

    /// Begins a try, before its hash.
    ///
    /// # Errors
    /// 429 `too_many_attempts`.
    pub fn begin(&self, tried: Tried, address: IpAddr, familiar: Familiar) -> Result<Attempt<'_>, Problem> {
        let now = self.clock.now();
        let mut book = self.book();
        let mut attempt = Attempt { attempts: self, tried, counted: false, address: None };
        if self.counts_addresses {
            let network = network_of(address);
            let tries = place(&mut book.addresses, network, now, AddressTries::none(now));
            if let Err(wait_ms) = tries.begin(now) {
                // The lock first: what is dropped below takes it again.
                drop(book);
                return Err(problems::too_many_attempts(wait_ms));
            }
            attempt.address = Some(network);
        }
        if familiar == Familiar::No {
            let tries = place(&mut book.accounts, attempt.tried.clone(), now, AccountTries::none(now));
            if let Err(wait_ms) = tries.begin(now) {
                drop(book);
                return Err(problems::too_many_attempts(wait_ms));
            }
            attempt.counted = true;
        }
        Ok(attempt)
    }

    /// Forgets what is held against who signs in with this address.
    pub fn forget(&self, email: &Email) {
        if let Some(tries) = self.book().accounts.get_mut(&Tried::SignIn(email.clone())) {
            tries.failures = 0;
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Counts are whole whoever panicked beside them.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// The password was wrong.
    pub fn failed(mut self) {
        let now = self.attempts.clock.now();
        let mut book = self.attempts.book();
        if std::mem::take(&mut self.counted)
            && let Some(tries) = book.accounts.get_mut(&self.tried)
        {
            tries.failed(now);
        }
        if let Some(tries) = self.address.take().and_then(|network| book.addresses.get_mut(&network)) {
            tries.failed(now);
        }
    }

    /// The password was right. From a familiar address it clears the account too: its owner is there.
    pub fn succeeded(mut self) {
        let counted = std::mem::take(&mut self.counted);
        let mut book = self.attempts.book();
        if let Some(tries) = book.accounts.get_mut(&self.tried) {
            if counted {
                tries.succeeded();
            } else {
                tries.failures = 0;
            }
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let address = self.address.take();
        if !self.counted && address.is_none() {
            return;
        }
        let mut book = self.attempts.book();
        if self.counted
            && let Some(tries) = book.accounts.get_mut(&self.tried)
        {
            tries.gave_up();
        }
        if let Some(tries) = address.and_then(|network| book.addresses.get_mut(&network)) {
            tries.ended();
        }
    }
}

/// What is remembered of many, and what may go.
trait Remembered: Copy {
    fn is_idle(&self, now: UtcMs) -> bool;
    fn is_under_way(&self) -> bool;
    fn failures(&self) -> u32;
}

macro_rules! remembered {
    ($($name:ident),+) => {$(
        impl Remembered for $name {
            fn is_idle(&self, now: UtcMs) -> bool {
                $name::is_idle(self, now)
            }

            fn is_under_way(&self) -> bool {
                self.under_way > 0
            }

            fn failures(&self) -> u32 {
                self.failures
            }
        }
    )+};
}
remembered!(AccountTries, AddressTries);

/// The place of a key. Making room looks at every place, some tens of microseconds; the hash that follows costs a thousand times
/// as much.
fn place<K: Eq + Hash + Clone, T: Remembered>(map: &mut HashMap<K, T>, key: K, now: UtcMs, none: T) -> &mut T {
    if map.len() >= REMEMBERED && !map.contains_key(&key) {
        map.retain(|_, tries| !tries.is_idle(now));
        if map.len() >= REMEMBERED {
            let least = map.iter().filter(|(_, tries)| !tries.is_under_way()).min_by_key(|(_, tries)| tries.failures());
            if let Some(least) = least.map(|(key, _)| key.clone()) {
                map.remove(&least);
            }
        }
    }
    map.entry(key).or_insert(none)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(name: &str) -> Email {
        Email::parse(&format!("{name}@example.com")).expect("an address")
    }

    fn door(name: &str) -> Tried {
        Tried::SignIn(email(name))
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([203, 0, 113, last])
    }

    fn attempts() -> (Attempts, Clock) {
        let clock = Clock::manual(UtcMs::from_ms(1_795_603_665_007));
        (Attempts::new(clock.clone()), clock)
    }

    fn fail(attempts: &Attempts, name: &str, last: u8) -> Option<u32> {
        match attempts.begin(door(name), address(last), Familiar::No) {
            Ok(attempt) => {
                attempt.failed();
                None
            }
            Err(problem) => problem.retry_after_s,
        }
    }

    #[test]
    fn an_account_waits_wherever_the_tries_come_from_but_not_where_its_owner_is() {
        let (attempts, clock) = attempts();
        for last in 0..5 {
            assert_eq!(fail(&attempts, "layla", last), None);
        }
        assert_eq!(fail(&attempts, "layla", 9), Some(1));
        assert_eq!(fail(&attempts, "omar", 9), None, "another account");
        let familiar = attempts.begin(door("layla"), address(9), Familiar::Yes).expect("her own address");
        familiar.failed();
        clock.advance_ms(1_000);
        assert_eq!(fail(&attempts, "layla", 9), None);
        assert_eq!(fail(&attempts, "layla", 9), Some(2), "what came from her own address did not count");
        attempts.begin(door("layla"), address(9), Familiar::Yes).expect("hers").succeeded();
        assert_eq!(fail(&attempts, "layla", 9), None, "a success clears the account");
    }

    #[test]
    fn who_is_signed_in_has_tries_of_their_own() {
        let (attempts, _) = attempts();
        let somebody = UserId::from_uuid(uuid::Uuid::nil());
        let prove = |last| attempts.begin(Tried::Proof(somebody), address(last), Familiar::No).map(Attempt::failed).is_ok();
        for _ in 0..5 {
            assert_eq!(fail(&attempts, "layla", 1), None);
            assert!(prove(2));
        }
        assert_eq!(fail(&attempts, "layla", 1), Some(1));
        assert!(!prove(3), "wherever they are");
        attempts.forget(&email("layla"));
        assert_eq!(fail(&attempts, "layla", 1), None);
        assert!(!prove(2), "who has forgotten a password is not who sits at an open session");
    }

    #[test]
    fn an_address_waits_whichever_accounts_it_tries() {
        let (mut attempts, clock) = attempts();
        for account in 0..30 {
            assert_eq!(fail(&attempts, &format!("person-{account}"), 7), None);
        }
        assert_eq!(fail(&attempts, "somebody", 7), Some(15 * 60));
        assert!(attempts.begin(door("layla"), address(7), Familiar::Yes).is_err(), "an address is one, whoever sits there");
        assert_eq!(fail(&attempts, "somebody", 8), None);
        clock.advance_ms(15 * 60_000);
        assert_eq!(fail(&attempts, "somebody", 7), None);
        attempts.count_addresses(false);
        for account in 0..60 {
            assert_eq!(fail(&attempts, &format!("other-{account}"), 7), None);
        }
    }

    #[test]
    fn a_try_that_is_dropped_was_never_made() {
        let (attempts, _) = attempts();
        for _ in 0..50 {
            drop(attempts.begin(door("layla"), address(1), Familiar::No).expect("free"));
        }
        for _ in 0..5 {
            assert_eq!(fail(&attempts, "layla", 1), None);
        }
        assert!(fail(&attempts, "layla", 1).is_some());
        attempts.forget(&email("layla"));
        assert_eq!(fail(&attempts, "layla", 1), None);
    }

    #[test]
    fn a_refused_try_is_not_counted() {
        let (attempts, clock) = attempts();
        for _ in 0..5 {
            assert_eq!(fail(&attempts, "layla", 1), None);
        }
        for last in 0..100 {
            assert_eq!(fail(&attempts, "layla", last), Some(1));
        }
        clock.advance_ms(1_000);
        assert_eq!(fail(&attempts, "layla", 1), None);
    }

    #[test]
    fn it_does_not_grow_and_keeps_those_who_failed_most() {
        let (mut attempts, _) = attempts();
        attempts.count_addresses(false);
        for _ in 0..5 {
            assert_eq!(fail(&attempts, "layla", 1), None);
        }
        for account in 0..REMEMBERED + 500 {
            assert_eq!(fail(&attempts, &format!("person-{account}"), 2), None);
        }
        assert_eq!(attempts.book().accounts.len(), REMEMBERED);
        assert_eq!(fail(&attempts, "layla", 1), Some(1));
    }
}
