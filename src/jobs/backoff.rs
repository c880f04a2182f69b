//! When a failed job is tried again.

use crate::kernel::time::span::{HOUR_MS, MINUTE_MS, SECOND_MS};

/// Waits after the first, second, .. failure; the last one repeats (SPEC 6).
const WAITS_MS: [i64; 4] = [10 * SECOND_MS, 30 * SECOND_MS, 2 * MINUTE_MS, 10 * MINUTE_MS];

/// The wait after so many failures, lengthened by up to a tenth (`jitter` of 256), so that jobs that failed together do not all
/// come back together.
#[must_use]
pub fn wait_ms(failures: i64, jitter: u8) -> i64 {
    let index = usize::try_from(failures - 1).unwrap_or(0);
    let wait = WAITS_MS.get(index).copied().unwrap_or(HOUR_MS);
    wait + wait * i64::from(jitter) / 2_560
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_an_hour_and_jitter_adds_a_tenth_at_most() {
        let waits: Vec<i64> = (1..=6).map(|failures| wait_ms(failures, 0) / 1_000).collect();
        assert_eq!(waits, [10, 30, 120, 600, 3_600, 3_600]);
        assert!((wait_ms(1, 255) - 10_000) < 1_000);
        for failures in 1..=40 {
            let (least, most) = (wait_ms(failures, 0), wait_ms(failures, u8::MAX));
            assert!(least <= most && most - least < least / 10 + 1, "{failures}: {least} to {most}");
        }
    }

    #[test]
    fn the_twenty_eight_tries_of_a_message_reach_from_ten_seconds_to_a_day() {
        let waits: Vec<i64> = (1..28).map(|failures| wait_ms(failures, 0) / 1_000).collect();
        assert_eq!(waits[..4], [10, 30, 120, 600]);
        assert!(waits[4..].iter().all(|wait| *wait == 3_600), "then hourly");
        let last_try = waits.iter().sum::<i64>();
        assert!((23 * 3_600..=24 * 3_600).contains(&last_try), "{last_try} s after the first");
    }
}
