//! Moments, in milliseconds of UTC.

use std::fmt;

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct UtcMs(i64);

impl UtcMs {
    #[must_use]
    pub const fn from_ms(ms: i64) -> UtcMs {
        UtcMs(ms)
    }

    #[must_use]
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// The moment so many milliseconds later (earlier if negative); it stays at the ends of the range instead of wrapping.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> UtcMs {
        UtcMs(self.0.saturating_add(ms))
    }

    /// Reads RFC 3339 with any offset.
    #[must_use]
    pub fn parse(text: &str) -> Option<UtcMs> {
        text.parse::<jiff::Timestamp>().ok().map(|timestamp| UtcMs(timestamp.as_millisecond()))
    }

    /// The calendar crate's form, for arithmetic in a time zone.
    #[must_use]
    pub fn timestamp(self) -> jiff::Timestamp {
        let limited = self.0.clamp(jiff::Timestamp::MIN.as_millisecond(), jiff::Timestamp::MAX.as_millisecond());
        jiff::Timestamp::from_millisecond(limited).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for UtcMs {
    /// RFC 3339 in UTC with three decimals and `Z` (SPEC 2).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.timestamp())
    }
}

/// Milliseconds in common spans, for limits that are told in them.
pub mod span {
    pub const SECOND_MS: i64 = 1_000;
    pub const MINUTE_MS: i64 = 60 * SECOND_MS;
    pub const HOUR_MS: i64 = 60 * MINUTE_MS;
    pub const DAY_MS: i64 = 24 * HOUR_MS;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_with_three_decimals_and_z_and_reads_back() {
        let moment = UtcMs::from_ms(1_795_603_665_007);
        assert_eq!(moment.to_string(), "2026-11-25T10:47:45.007Z");
        assert_eq!(UtcMs::parse("2026-11-25T13:47:45.007+03:00"), Some(moment));
        assert_eq!(UtcMs::from_ms(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(UtcMs::parse("yesterday"), None);
    }
}
