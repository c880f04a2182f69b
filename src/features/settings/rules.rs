//! Opening hours, pure: one weekly table by the shop's own clock.

use serde::{Deserialize, Serialize};

use crate::kernel::time::span::DAY_MS;
use crate::kernel::{ShopDay, ShopZone, UtcMs, Weekday};

/// Minutes of a day; as a closing time this is the midnight at its end.
const MINUTES_A_DAY: u16 = 24 * 60;
/// How far ahead an open moment is looked for.
const HORIZON_DAYS: i32 = 60;

/// A wall time in minutes since midnight; up to 24:00.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Minute(u16);

impl Minute {
    /// Reads `HH:MM`, from `00:00` to `24:00`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Minute> {
        let (hours, minutes) = text.split_once(':')?;
        let number =
            |part: &str| (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse::<u16>().ok());
        let (hours, minutes) = (number(hours)??, number(minutes)??);
        let minute = hours * 60 + minutes;
        (minutes < 60 && minute <= MINUTES_A_DAY).then_some(Minute(minute))
    }

    /// The midnight at the end of a day, which only closes.
    #[must_use]
    pub const fn is_end_of_day(self) -> bool {
        self.0 == MINUTES_A_DAY
    }

    fn time(self) -> Option<jiff::civil::Time> {
        let part = |value: u16| i8::try_from(value).ok();
        jiff::civil::Time::new(part(self.0 / 60)?, part(self.0 % 60)?, 0, 0).ok()
    }
}

impl std::fmt::Display for Minute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// A row of the weekly table: open from `opens` until just before `closes`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    pub weekday: Weekday,
    pub opens: Minute,
    pub closes: Minute,
}

/// What is wrong with a row of the table, by its place in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WindowFault {
    /// It closes before it opens, or at once.
    ClosesFirst { row: usize },
    /// It shares minutes with a row above it.
    Overlaps { row: usize, with: usize },
}

/// The weekly table. Without a row the shop is always open.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OpeningHours {
    windows: Vec<Window>,
}

impl OpeningHours {
    /// The table of these rows, sorted by day and time.
    ///
    /// # Errors
    /// Every row that cannot be.
    pub fn new(rows: Vec<Window>) -> Result<OpeningHours, Vec<WindowFault>> {
        let mut faults = Vec::new();
        for (row, window) in rows.iter().enumerate() {
            if window.closes <= window.opens {
                faults.push(WindowFault::ClosesFirst { row });
                continue;
            }
            let meets =
                |other: &Window| other.weekday == window.weekday && other.opens < window.closes && window.opens < other.closes;
            if let Some(with) = rows[..row].iter().position(meets) {
                faults.push(WindowFault::Overlaps { row, with });
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut windows = rows;
        windows.sort_by_key(|window| (Weekday::ALL.iter().position(|day| *day == window.weekday), window.opens));
        Ok(OpeningHours { windows })
    }

    /// The rows, by day and time.
    #[must_use]
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// Whether the shop's clock shows an open time at a moment.
    #[must_use]
    pub fn is_open(&self, moment: UtcMs, zone: &ShopZone) -> bool {
        if self.windows.is_empty() {
            return true;
        }
        let local = zone.local(moment);
        let weekday = Weekday::from(local.date().weekday());
        let minute = Minute(u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs()));
        self.windows.iter().any(|window| window.weekday == weekday && window.opens <= minute && minute < window.closes)
    }

    /// The first open moment that is not before `from`; `None` if the shop opens nowhere within 60 days of it.
    #[must_use]
    pub fn first_open(&self, from: UtcMs, zone: &ShopZone) -> Option<UtcMs> {
        if self.is_open(from, zone) {
            return Some(from);
        }
        let first_day = zone.day_of(from);
        let opening = (0..=HORIZON_DAYS).find_map(|ahead| self.opening_on(first_day.plus_days(ahead)?, from, zone));
        // Where the clock is changed, it may come to show an open time without passing through an opening.
        let until = opening.unwrap_or_else(|| from.plus_ms(i64::from(HORIZON_DAYS) * DAY_MS));
        let changes = zone.changes_between(from, until);
        changes.into_iter().find(|moment| self.is_open(*moment, zone)).or(opening)
    }

    /// The first moment of a day, not before `from`, at which the shop opens.
    fn opening_on(&self, day: ShopDay, from: UtcMs, zone: &ShopZone) -> Option<UtcMs> {
        let weekday = Weekday::of(day);
        let windows = self.windows.iter().filter(|window| window.weekday == weekday);
        let moments = windows.filter_map(|window| zone.moments(day.date().to_datetime(window.opens.time()?)));
        moments.flatten().filter(|moment| *moment >= from && self.is_open(*moment, zone)).min()
    }
}

/// A row as it is stored and answered.
#[derive(Serialize, Deserialize)]
struct StoredWindow {
    weekday: String,
    opens: String,
    closes: String,
}

impl Serialize for OpeningHours {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.windows.iter().map(|window| StoredWindow {
            weekday: window.weekday.code().to_owned(),
            opens: window.opens.to_string(),
            closes: window.closes.to_string(),
        }))
    }
}

impl<'de> Deserialize<'de> for OpeningHours {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<OpeningHours, D::Error> {
        let wrong = || serde::de::Error::custom("the stored opening hours are no weekly table");
        let rows = Vec::<StoredWindow>::deserialize(deserializer)?;
        let window = |row: StoredWindow| {
            let weekday = Weekday::from_code(&row.weekday)?;
            Some(Window { weekday, opens: Minute::parse(&row.opens)?, closes: Minute::parse(&row.closes)? })
        };
        let windows: Option<Vec<Window>> = rows.into_iter().map(window).collect();
        OpeningHours::new(windows.ok_or_else(wrong)?).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::span::MINUTE_MS;
    use proptest::prelude::*;

    fn window(weekday: Weekday, opens: &str, closes: &str) -> Window {
        let minute = |text| Minute::parse(text).expect("a time");
        Window { weekday, opens: minute(opens), closes: minute(closes) }
    }

    fn hours(rows: &[(Weekday, &str, &str)]) -> OpeningHours {
        let rows = rows.iter().map(|(weekday, opens, closes)| window(*weekday, opens, closes)).collect();
        OpeningHours::new(rows).expect("a table")
    }

    fn at(text: &str) -> UtcMs {
        UtcMs::parse(text).expect("a moment")
    }

    /// Zones whose clock changes at night, at midnight, by half an hour, and never.
    fn any_zone() -> impl Strategy<Value = ShopZone> {
        proptest::sample::select(vec!["Asia/Amman", "Europe/Berlin", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe"])
            .prop_map(|name| ShopZone::named(name).expect("known"))
    }

    fn any_hours() -> impl Strategy<Value = OpeningHours> {
        let row = (proptest::sample::select(Weekday::ALL), 0_u16..96, 1_u16..97);
        proptest::collection::vec(row, 0..8).prop_map(|rows| {
            let mut kept: Vec<Window> = Vec::new();
            for (weekday, opens, closes) in rows {
                let mut next = kept.clone();
                next.push(Window { weekday, opens: Minute(opens * 15), closes: Minute(closes * 15) });
                if OpeningHours::new(next.clone()).is_ok() {
                    kept = next;
                }
            }
            OpeningHours::new(kept).expect("checked row by row")
        })
    }

    /// Two weeks around the clock changes of spring and autumn, and any time.
    fn any_moment() -> impl Strategy<Value = UtcMs> {
        let around = |text: &str| (at(text).ms() - 7 * DAY_MS)..(at(text).ms() + 7 * DAY_MS);
        prop_oneof![
            around("2026-03-29T01:00:00Z"),
            around("2026-04-24T00:00:00Z"),
            around("2026-10-25T01:00:00Z"),
            around("2026-11-01T06:00:00Z"),
            0_i64..4_000_000_000_000,
        ]
        .prop_map(UtcMs::from_ms)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn the_first_open_moment_is_open_and_none_before_it_is(hours in any_hours(), zone in any_zone(), from in any_moment()) {
            let Some(found) = hours.first_open(from, &zone) else {
                prop_assert!(!hours.windows().is_empty(), "a shop without a table is always open");
                return Ok(());
            };
            prop_assert!(found >= from && hours.is_open(found, &zone));
            // Clocks change, and windows open, at whole minutes.
            let mut minute = from;
            while minute < found {
                prop_assert!(!hours.is_open(minute, &zone), "{minute} is open, before {found}");
                minute = UtcMs::from_ms((minute.ms().div_euclid(MINUTE_MS) + 1) * MINUTE_MS);
            }
        }

        #[test]
        fn a_later_beginning_never_finds_an_earlier_moment(hours in any_hours(), zone in any_zone(), from in any_moment(), by in 0_i64..DAY_MS) {
            let (first, later) = (hours.first_open(from, &zone), hours.first_open(from.plus_ms(by), &zone));
            if let (Some(first), Some(later)) = (first, later) {
                prop_assert!(first <= later);
            }
        }

        #[test]
        fn a_table_reads_back_as_it_was_written(hours in any_hours()) {
            let text = serde_json::to_string(&hours).expect("JSON");
            prop_assert_eq!(serde_json::from_str::<OpeningHours>(&text).expect("a table"), hours);
        }
    }

    #[test]
    fn times_go_from_midnight_to_midnight() {
        for (text, is_time) in [
            ("00:00", true),
            ("23:59", true),
            ("24:00", true),
            ("24:01", false),
            ("9:00", false),
            ("12:60", false),
            ("-1:00", false),
            ("+1:00", false),
            ("", false),
        ] {
            assert_eq!(Minute::parse(text).is_some(), is_time, "{text}");
        }
    }

    #[test]
    fn rows_that_share_a_minute_or_close_first_are_named() {
        use Weekday::{Friday, Sunday};
        let rows = vec![
            window(Sunday, "08:00", "12:00"),
            window(Friday, "08:00", "12:00"),
            window(Sunday, "11:59", "13:00"),
            window(Sunday, "20:00", "02:00"),
        ];
        assert_eq!(
            OpeningHours::new(rows),
            Err(vec![WindowFault::Overlaps { row: 2, with: 0 }, WindowFault::ClosesFirst { row: 3 }])
        );
        hours(&[(Sunday, "12:00", "24:00"), (Sunday, "08:00", "12:00")]);
    }

    #[test]
    fn the_minute_of_closing_is_closed() {
        let amman = ShopZone::named("Asia/Amman").expect("known");
        let hours = hours(&[(Weekday::Wednesday, "08:00", "17:00")]);
        assert!(hours.is_open(at("2026-11-25T05:00:00Z"), &amman) && hours.is_open(at("2026-11-25T13:59:59.999Z"), &amman));
        assert_eq!(hours.first_open(at("2026-11-25T14:00:00Z"), &amman), Some(at("2026-12-02T05:00:00Z")));
    }

    #[test]
    fn a_clock_change_opens_and_closes_as_the_wall_clock_shows() {
        let berlin = ShopZone::named("Europe/Berlin").expect("known");
        let night = hours(&[(Weekday::Sunday, "02:30", "04:00")]);
        // From 02:00 the clock goes to 03:00: the shop is open as soon as it has.
        assert_eq!(night.first_open(at("2026-03-29T00:00:00Z"), &berlin), Some(at("2026-03-29T01:00:00Z")));
        // From 03:00 the clock goes back to 02:00: closed again until it is half past two for the second time.
        assert_eq!(night.first_open(at("2026-10-25T01:10:00Z"), &berlin), Some(at("2026-10-25T01:30:00Z")));
        // What lies wholly in the hour that is skipped is not had that Sunday.
        let skipped = hours(&[(Weekday::Sunday, "02:10", "02:50")]);
        assert_eq!(skipped.first_open(at("2026-03-28T12:00:00Z"), &berlin), Some(at("2026-04-05T00:10:00Z")));
    }
}
