//! Days as the shop counts them. Only a moment and a time zone make one, so that no report asks what "today" is in UTC.

use std::fmt;

use jiff::{civil, tz::TimeZone};

use super::UtcMs;

/// A calendar day in the shop's time zone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ShopDay(civil::Date);

/// The shop's time zone, from the bundled tz database.
#[derive(Clone, Debug)]
pub struct ShopZone(TimeZone);

impl ShopZone {
    /// The zone of an IANA name such as `Asia/Amman`.
    #[must_use]
    pub fn named(name: &str) -> Option<ShopZone> {
        TimeZone::get(name).ok().map(ShopZone)
    }

    /// Its IANA name; `None` for what the calendar knows without a name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.iana_name()
    }

    /// The shop's day at a moment.
    #[must_use]
    pub fn day_of(&self, moment: UtcMs) -> ShopDay {
        ShopDay(moment.timestamp().to_zoned(self.0.clone()).date())
    }

    /// The shop's day and wall time at a moment.
    #[must_use]
    pub fn local(&self, moment: UtcMs) -> civil::DateTime {
        moment.timestamp().to_zoned(self.0.clone()).datetime()
    }

    /// The moment at which the shop's clock shows this; a time skipped by a clock change is the moment after the gap, one that
    /// comes twice is the first.
    #[must_use]
    pub fn moment(&self, local: civil::DateTime) -> Option<UtcMs> {
        local.to_zoned(self.0.clone()).ok().map(|zoned| UtcMs::from_ms(zoned.timestamp().as_millisecond()))
    }

    /// The moments at which the shop's clock may show this: the same one twice, or, where a clock change makes it come twice, the
    /// first and the second. For a time that is skipped they lie before and after the gap.
    #[must_use]
    pub fn moments(&self, local: civil::DateTime) -> Option<[UtcMs; 2]> {
        let ambiguous = self.0.to_ambiguous_timestamp(local);
        let moment = |timestamp: jiff::Timestamp| UtcMs::from_ms(timestamp.as_millisecond());
        Some([moment(ambiguous.earlier().ok()?), moment(ambiguous.later().ok()?)])
    }

    /// The moments after `from`, up to `until`, at which the clock is changed.
    #[must_use]
    pub fn changes_between(&self, from: UtcMs, until: UtcMs) -> Vec<UtcMs> {
        let changes = self.0.following(from.timestamp());
        changes.map(|change| UtcMs::from_ms(change.timestamp().as_millisecond())).take_while(|at| *at <= until).collect()
    }

    /// The first moment of a day.
    #[must_use]
    pub fn start_of(&self, day: ShopDay) -> Option<UtcMs> {
        self.moment(day.0.at(0, 0, 0, 0))
    }
}

impl ShopDay {
    /// Reads `YYYY-MM-DD`.
    #[must_use]
    pub fn parse(text: &str) -> Option<ShopDay> {
        if text.len() != 10 {
            return None;
        }
        civil::Date::strptime("%Y-%m-%d", text).ok().map(ShopDay)
    }

    /// The calendar crate's form.
    #[must_use]
    pub fn date(self) -> civil::Date {
        self.0
    }

    /// The form in the database: the number `20261125`, which sorts as the days do.
    #[must_use]
    pub fn number(self) -> i64 {
        i64::from(self.0.year()) * 10_000 + i64::from(self.0.month()) * 100 + i64::from(self.0.day())
    }

    /// The day of a number that [`ShopDay::number`] made.
    #[must_use]
    pub fn from_number(number: i64) -> Option<ShopDay> {
        let part = |value: i64| i8::try_from(value).ok();
        let year = i16::try_from(number / 10_000).ok()?;
        civil::Date::new(year, part(number / 100 % 100)?, part(number % 100)?).ok().map(ShopDay)
    }

    /// The six digits of an order number: `261125`.
    #[must_use]
    pub fn short(self) -> String {
        format!("{:02}{:02}{:02}", self.0.year().rem_euclid(100), self.0.month(), self.0.day())
    }

    /// The day so many days later.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Option<ShopDay> {
        self.0.checked_add(jiff::Span::new().days(days)).ok().map(ShopDay)
    }
}

impl fmt::Display for ShopDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_turns_at_the_shops_midnight_not_at_utcs() {
        let amman = ShopZone::named("Asia/Amman").expect("known zone");
        let at = |text| amman.day_of(UtcMs::parse(text).expect("a moment")).to_string();
        assert_eq!(at("2026-11-25T20:59:59.999Z"), "2026-11-25");
        assert_eq!(at("2026-11-25T21:00:00.000Z"), "2026-11-26");
    }

    #[test]
    fn a_day_is_a_number_that_reads_back() {
        let day = ShopDay::parse("2026-11-05").expect("a day");
        assert_eq!((day.number(), day.short().as_str()), (20_261_105, "261105"));
        assert_eq!(ShopDay::from_number(20_261_105), Some(day));
        for text in ["2026-13-01", "2026-02-30", "26-11-05", "2026-11-05T00:00"] {
            assert_eq!(ShopDay::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_the_clock_skips_is_the_moment_after_the_gap() {
        let berlin = ShopZone::named("Europe/Berlin").expect("known zone");
        let skipped = civil::date(2026, 3, 29).at(2, 30, 0, 0);
        assert_eq!(berlin.moment(skipped), UtcMs::parse("2026-03-29T01:30:00Z"));
    }
}
