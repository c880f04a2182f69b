//! A time of the shop's day, and the moments at which the shop's clock comes to show it.

use std::fmt;

use jiff::civil;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ShopDay, ShopZone, UtcMs};

/// A wall time in whole minutes, from 00:00 to 23:59.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TimeOfDay(u16);

const MINUTES_AN_HOUR: u16 = 60;
const MINUTES_A_DAY: u16 = 24 * MINUTES_AN_HOUR;

impl TimeOfDay {
    /// The time so many minutes after midnight; a day has 1,440.
    #[must_use]
    pub const fn from_minutes(minutes: u16) -> TimeOfDay {
        TimeOfDay(minutes % MINUTES_A_DAY)
    }

    /// Reads `HH:MM`.
    #[must_use]
    pub fn parse(text: &str) -> Option<TimeOfDay> {
        let (hours, minutes) = text.split_once(':')?;
        let number =
            |part: &str| (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse::<u16>().ok());
        let (hours, minutes) = (number(hours)??, number(minutes)??);
        (hours < 24 && minutes < MINUTES_AN_HOUR).then_some(TimeOfDay(hours * MINUTES_AN_HOUR + minutes))
    }

    /// Minutes since midnight by the wall clock.
    #[must_use]
    pub const fn minutes(self) -> u16 {
        self.0
    }

    fn civil(self) -> civil::Time {
        let part = |value: u16| i8::try_from(value).unwrap_or(0);
        civil::Time::new(part(self.0 / MINUTES_AN_HOUR), part(self.0 % MINUTES_AN_HOUR), 0, 0)
            .unwrap_or(civil::Time::midnight())
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / MINUTES_AN_HOUR, self.0 % MINUTES_AN_HOUR)
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TimeOfDay, D::Error> {
        let text = String::deserialize(deserializer)?;
        TimeOfDay::parse(&text).ok_or_else(|| serde::de::Error::custom("no time of the day"))
    }
}

impl ShopZone {
    /// The moment at which a day comes to a time: where a clock change skips the time, the moment of the change; where it makes the
    /// time come twice, the first of them. `None` at the ends of the calendar.
    #[must_use]
    pub fn comes_to(&self, day: ShopDay, time: TimeOfDay) -> Option<UtcMs> {
        let local = day.date().to_datetime(time.civil());
        let [earlier, later] = self.moments(local)?;
        if self.local(earlier) == local {
            return Some(earlier);
        }
        self.changes_between(earlier, later).first().copied().or(Some(later))
    }

    /// The first moment after `after` at which a day comes to a time.
    #[must_use]
    pub fn next(&self, time: TimeOfDay, after: UtcMs) -> Option<UtcMs> {
        let day = self.day_of(after);
        // Yesterday's may still come where a change made midnight come twice, and a day may be skipped whole.
        (-1..=2).find_map(|ahead| self.comes_to(day.plus_days(ahead)?, time).filter(|moment| *moment > after))
    }

    /// The last moment, `until` at the latest, at which a day came to a time, and that day.
    #[must_use]
    pub fn last(&self, time: TimeOfDay, until: UtcMs) -> Option<(ShopDay, UtcMs)> {
        let day = self.day_of(until);
        (-2..=1).rev().find_map(|ahead| {
            let day = day.plus_days(ahead)?;
            self.comes_to(day, time).filter(|moment| *moment <= until).map(|moment| (day, moment))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::kernel::time::span::{DAY_MS, HOUR_MS, MINUTE_MS};
    use proptest::prelude::*;

    fn at(text: &str) -> UtcMs {
        UtcMs::parse(text).expect("a moment")
    }

    fn zone(name: &str) -> ShopZone {
        ShopZone::named(name).expect("known")
    }

    fn time(text: &str) -> TimeOfDay {
        TimeOfDay::parse(text).expect("a time")
    }

    #[test]
    fn a_time_reads_back_and_ends_before_midnight() {
        for text in ["00:00", "09:05", "23:59"] {
            assert_eq!(time(text).to_string(), text);
        }
        for text in ["24:00", "9:00", "12:60", "-1:00", "+1:00", "12:3", ""] {
            assert_eq!(TimeOfDay::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_skipped_time_comes_at_the_jump_and_one_that_comes_twice_comes_once() {
        let berlin = zone("Europe/Berlin");
        // From 02:00 the clock goes to 03:00.
        assert_eq!(berlin.next(time("02:30"), at("2026-03-28T12:00:00Z")), Some(at("2026-03-29T01:00:00Z")));
        assert_eq!(berlin.next(time("02:30"), at("2026-03-29T01:00:00Z")), Some(at("2026-03-30T00:30:00Z")));
        // From 03:00 it goes back to 02:00: half past two comes at 00:30 and at 01:30 of UTC.
        assert_eq!(berlin.next(time("02:30"), at("2026-10-24T12:00:00Z")), Some(at("2026-10-25T00:30:00Z")));
        assert_eq!(berlin.next(time("02:30"), at("2026-10-25T00:30:00Z")), Some(at("2026-10-26T01:30:00Z")));
        // Where midnight is skipped, a day begins at one.
        let cairo = zone("Africa/Cairo");
        assert_eq!(cairo.next(time("00:00"), at("2026-04-23T12:00:00Z")), Some(at("2026-04-23T22:00:00Z")));
        // Samoa had no 30 December 2011.
        let apia = zone("Pacific/Apia");
        assert_eq!(apia.next(time("21:30"), at("2011-12-30T08:00:00Z")), Some(at("2011-12-30T10:00:00Z")));
        assert_eq!(apia.next(time("21:30"), at("2011-12-30T10:00:00Z")), Some(at("2011-12-31T07:30:00Z")));
    }

    #[test]
    fn the_last_time_is_told_with_its_day() {
        let amman = zone("Asia/Amman");
        let last = |moment| amman.last(time("21:30"), at(moment)).map(|(day, at)| (day.to_string(), at));
        assert_eq!(last("2026-11-25T18:30:00Z"), Some(("2026-11-25".to_owned(), at("2026-11-25T18:30:00Z"))));
        assert_eq!(last("2026-11-25T18:29:59.999Z"), Some(("2026-11-24".to_owned(), at("2026-11-24T18:30:00Z"))));
    }

    /// Zones whose clock changes at night, at midnight, by half an hour, by two hours, and never.
    const ZONES: [&str; 9] = [
        "Asia/Amman",
        "Europe/Berlin",
        "America/New_York",
        "Africa/Cairo",
        "Australia/Lord_Howe",
        "Asia/Beirut",
        "America/Santiago",
        "Antarctica/Troll",
        "Asia/Riyadh",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn each_day_of_a_year_comes_to_a_time_once(name in proptest::sample::select(ZONES.to_vec()), year in 1995_i64..2036, minutes in 0_u16..MINUTES_A_DAY) {
            let (zone, time) = (zone(name), TimeOfDay::from_minutes(minutes));
            let mut now = at(&format!("{year}-01-01T00:00:00Z"));
            let until = now.plus_ms(366 * DAY_MS);
            let mut came = BTreeMap::new();
            while let Some(next) = zone.next(time, now).filter(|next| *next <= until) {
                let wait = next.ms() - now.ms();
                prop_assert!(wait > 0 && wait <= DAY_MS + 2 * HOUR_MS, "{name}: {now} to {next}");
                let (day, last) = zone.last(time, next).expect("it came just now");
                let (shown, wanted) = (zone.local(next), day.date().to_datetime(time.civil()));
                let is_change = zone.changes_between(next.plus_ms(-1), next).first() == Some(&next);
                let jumps_over = is_change && zone.local(next.plus_ms(-1)) < wanted && wanted < shown;
                prop_assert!(shown == wanted || jumps_over, "{name}: {time} came at {next}, when the clock showed {shown}");
                prop_assert_eq!(last, next);
                // Nothing comes between, so who asks a moment earlier finds the same.
                prop_assert_eq!(zone.next(time, next.plus_ms(-1)), Some(next));
                prop_assert_eq!(zone.last(time, next.plus_ms(wait.min(MINUTE_MS) - 1)), Some((day, next)));
                prop_assert!(came.insert(day, next).is_none(), "{name}: {day} came to {time} twice");
                now = next;
            }
            let days: Vec<ShopDay> = came.keys().copied().collect();
            prop_assert!(days.windows(2).all(|pair| pair[0].plus_days(1) == Some(pair[1])), "{name}: a day was left out");
            prop_assert!(days.len() >= 365, "{name}: {} days", days.len());
        }

        #[test]
        fn no_minute_before_the_next_one_shows_the_time_for_the_first_time(name in proptest::sample::select(ZONES.to_vec()), from in 788_918_400_000_i64..2_082_758_400_000, minutes in 0_u16..MINUTES_A_DAY) {
            let (zone, time) = (zone(name), TimeOfDay::from_minutes(minutes));
            let from = UtcMs::from_ms(from);
            let next = zone.next(time, from).expect("it comes");
            let mut minute = UtcMs::from_ms((from.ms().div_euclid(MINUTE_MS) + 1) * MINUTE_MS);
            while minute < next {
                if zone.local(minute).time() == time.civil() {
                    // It came before, on the same day.
                    let (day, first) = zone.last(time, minute).expect("it came");
                    prop_assert!(first < minute && day == zone.day_of(minute), "{name}: {minute} is before {next}");
                }
                minute = minute.plus_ms(MINUTE_MS);
            }
        }
    }
}
