//! How often a caller may ask (SPEC 9): a bucket of requests for each address, and one for each account.
//!
//! The arithmetic is GCRA, by `governor`; time is the shop's clock, so that tests hold it in their hand. What the answers tell is
//! draft-ietf-httpapi-ratelimit-headers-10: `RateLimit-Policy: "public";q=60;w=30` (so many at once, flowing back in so many
//! seconds) and `RateLimit: "public";r=59;t=1` (so many left, all of them again in so many seconds).

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Caller, Context};
use crate::clock::Clock;
use crate::config::{RateLimit, Tier};
use crate::kernel::Problem;
use crate::kernel::problem::kinds;

/// Most buckets a tier holds, some 50 bytes each. Full ones are let go first, for nobody misses them; if that is not enough, all
/// are: an attack from so many addresses is not stopped by counting each.
const MOST_BUCKETS: usize = 1 << 17;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// The buckets of everybody who asks.
pub struct Limits {
    public: Bucket,
    signed_in: Bucket,
}

impl Limits {
    /// `None` if the keeper has turned them off.
    #[must_use]
    pub fn new(config: &RateLimit, clock: &Clock) -> Option<Limits> {
        config.enabled.then(|| Limits {
            public: Bucket::new("public", config.public, clock),
            signed_in: Bucket::new("signed_in", config.signed_in, clock),
        })
    }

    /// Takes one request out of the caller's bucket: an account's, or else the address's.
    pub fn take(&self, context: &Context) -> Allowance {
        match context.caller {
            Caller::Account { user, .. } => self.signed_in.take(user.uuid().as_u128()),
            Caller::Guest => self.public.take(network_of(context.client.address)),
        }
    }
}

/// What counts as one caller: an IPv4 address, or the /64 of an IPv6 address, which one household has to itself.
#[must_use]
pub fn network_of(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(address.to_ipv6_mapped()),
        IpAddr::V6(address) => u128::from(address) & !u128::from(u64::MAX),
    }
}

/// What is left in a bucket.
pub struct Allowance {
    policy: HeaderValue,
    left: HeaderValue,
    /// Seconds until the next request, if this one is too many.
    wait_s: Option<u32>,
}

impl Allowance {
    /// # Errors
    /// 429 `rate_limited`.
    pub fn check(&self) -> Result<(), Problem> {
        let Some(seconds) = self.wait_s else { return Ok(()) };
        Err(Problem::of(&kinds::RATE_LIMITED)
            .detail(format!("You ask more often than the shop answers one caller. Wait {seconds} s, then go on more slowly."))
            .retry_after_s(seconds))
    }

    /// Tells the caller.
    pub fn tell(self, headers: &mut HeaderMap) {
        headers.insert(POLICY, self.policy);
        headers.insert(LEFT, self.left);
    }
}

struct Bucket {
    name: &'static str,
    limiter: RateLimiter<u128, Buckets, ShopClock, StateInformationMiddleware>,
    policy: HeaderValue,
    tier: Tier,
}

impl Bucket {
    fn new(name: &'static str, tier: Tier, clock: &Clock) -> Bucket {
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(at_least_one(tier.per_minute)).allow_burst(at_least_one(tier.burst));
        let limiter = RateLimiter::new(quota, Buckets::default(), ShopClock(clock.clone()));
        let mut bucket = Bucket { name, limiter, policy: HeaderValue::from_static(""), tier };
        bucket.policy = header(format!("\"{name}\";q={};w={}", tier.burst, bucket.seconds_of(tier.burst)));
        bucket
    }

    /// Seconds in which so many requests flow, rounded up.
    fn seconds_of(&self, requests: u32) -> u64 {
        (u64::from(requests) * 60).div_ceil(u64::from(self.tier.per_minute.max(1)))
    }

    fn take(&self, key: u128) -> Allowance {
        let (left, wait_s) = match self.limiter.check_key(&key) {
            Ok(state) => (state.remaining_burst_capacity(), None),
            Err(full) => {
                let wait = full.wait_time_from(governor::clock::Clock::now(self.limiter.clock()));
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                (0, Some(u32::try_from(seconds.max(1)).unwrap_or(u32::MAX)))
            }
        };
        let full_in_s = self.seconds_of(self.tier.burst.saturating_sub(left));
        Allowance { policy: self.policy.clone(), left: header(format!("\"{}\";r={left};t={full_in_s}", self.name)), wait_s }
    }
}

fn header(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

/// The shop's clock as governor reads it.
struct ShopClock(Clock);

impl governor::clock::Clock for ShopClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// When each bucket will be full again, by caller.
#[derive(Default)]
struct Buckets {
    full_at: Mutex<HashMap<u128, Nanos>>,
}

impl StateStore for Buckets {
    type Key = u128;

    fn measure_and_replace<T, F, E>(&self, key: &u128, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        // Nothing that can panic half-way runs under this lock.
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let (outcome, next) = decide(full_at.get(key).copied())?;
        if full_at.len() >= MOST_BUCKETS && !full_at.contains_key(key) {
            // A caller's first request: `next` is hardly later than now.
            full_at.retain(|_, moment| *moment > next);
            if full_at.len() > MOST_BUCKETS / 4 * 3 {
                full_at.clear();
            }
        }
        full_at.insert(*key, next);
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::UtcMs;

    fn bucket(per_minute: u32, burst: u32) -> (Bucket, Clock) {
        let clock = Clock::manual(UtcMs::from_ms(1_795_593_600_000));
        (Bucket::new("public", Tier { per_minute, burst }, &clock), clock)
    }

    fn left(allowance: &Allowance) -> (&str, Option<u32>) {
        (allowance.left.to_str().expect("text"), allowance.wait_s)
    }

    #[test]
    fn a_bucket_empties_with_each_request_and_flows_full_again() {
        let (bucket, clock) = bucket(120, 3);
        assert_eq!(bucket.policy, "\"public\";q=3;w=2");
        assert_eq!(left(&bucket.take(1)), ("\"public\";r=2;t=1", None));
        assert_eq!(left(&bucket.take(1)), ("\"public\";r=1;t=1", None));
        assert_eq!(left(&bucket.take(1)), ("\"public\";r=0;t=2", None));
        assert_eq!(left(&bucket.take(1)), ("\"public\";r=0;t=2", Some(1)));
        assert_eq!(left(&bucket.take(2)), ("\"public\";r=2;t=1", None), "somebody else's is full");
        clock.advance_ms(499);
        assert_eq!(bucket.take(1).wait_s, Some(1));
        clock.advance_ms(1);
        assert_eq!(bucket.take(1).wait_s, None);
        assert_eq!(bucket.take(1).wait_s, Some(1));
        clock.advance_ms(60_000);
        assert_eq!(left(&bucket.take(1)), ("\"public\";r=2;t=1", None));
    }

    #[test]
    fn a_slow_bucket_says_how_long_to_wait() {
        let (bucket, clock) = bucket(1, 1);
        assert_eq!(left(&bucket.take(7)), ("\"public\";r=0;t=60", None));
        clock.advance_ms(20_500);
        assert_eq!(left(&bucket.take(7)), ("\"public\";r=0;t=60", Some(40)));
        clock.advance_ms(39_500);
        assert_eq!(bucket.take(7).wait_s, None);
    }

    #[test]
    fn an_ipv6_household_is_one_caller_and_an_ipv4_address_is_one_however_it_is_written() {
        let of = |text: &str| network_of(text.parse().expect("an address"));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("203.0.113.9"), of("::ffff:203.0.113.9"));
        assert_ne!(of("203.0.113.9"), of("203.0.113.8"));
    }

    #[test]
    fn callers_without_number_take_bounded_memory() {
        let (bucket, clock) = bucket(60, 2);
        let limit = u128::try_from(MOST_BUCKETS).expect("small");
        for key in 0..limit + 10 {
            bucket.take(key);
        }
        // Those whose bucket has flown full go first, and who waits is remembered.
        clock.advance_ms(60_000);
        for key in 0..limit {
            if key % 1_000 == 0 {
                bucket.take(u128::MAX);
            }
            bucket.take(key);
        }
        assert!(bucket.take(u128::MAX).wait_s.is_some());
        let held = bucket.limiter.into_state_store().full_at.lock().expect("whole").len();
        assert!(held <= MOST_BUCKETS, "{held}");
    }

    #[test]
    fn turned_off_there_are_none() {
        let variables = [("BAYADER_RATE_LIMIT__ENABLED", "false")];
        let config = crate::config::load(&crate::config::Source::new().variables(variables)).expect("right").rate_limit;
        assert!(Limits::new(&config, &Clock::system()).is_none());
    }
}
