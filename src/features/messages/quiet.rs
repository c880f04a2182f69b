//! The hours in which nobody is sent promotions.

use crate::features::settings::Settings;
use crate::kernel::{ShopZone, UtcMs};

/// The end of the quiet hours, if it is quiet now by the shop's clock.
pub(super) fn until(settings: &Settings, now: UtcMs) -> Option<UtcMs> {
    let (from, until) = (jiff::civil::time(21, 0, 0, 0), jiff::civil::time(9, 0, 0, 0));
    end_of(&settings.format.zone, from, until, now)
}

/// The next moment at which the shop's clock shows `until`, if it shows a time between the two now; they may lie around midnight, and
/// alike they are no time at all.
fn end_of(zone: &ShopZone, from: jiff::civil::Time, until: jiff::civil::Time, now: UtcMs) -> Option<UtcMs> {
    let local = zone.local(now);
    let (time, today) = (local.time(), local.date());
    let is_quiet = if from <= until { from <= time && time < until } else { time >= from || time < until };
    if !is_quiet {
        return None;
    }
    let day = if time < until { today } else { today.tomorrow().ok()? };
    // A change of the clock may make it a moment that is not later: then it is not quiet any more.
    zone.moment(day.to_datetime(until)).filter(|end| *end > now)
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use super::*;

    fn at(text: &str) -> UtcMs {
        UtcMs::parse(text).expect("a moment")
    }

    #[test]
    fn it_is_quiet_over_midnight_until_the_morning_of_the_shop() {
        let zone = ShopZone::named("Asia/Amman").expect("a zone");
        let end = |now| end_of(&zone, time(21, 0, 0, 0), time(9, 0, 0, 0), at(now)).map(|end| end.to_string());
        assert_eq!(end("2026-11-25T17:59:59Z"), None);
        assert_eq!(end("2026-11-25T18:00:00Z").as_deref(), Some("2026-11-26T06:00:00.000Z"));
        assert_eq!(end("2026-11-26T05:59:59Z").as_deref(), Some("2026-11-26T06:00:00.000Z"));
        assert_eq!(end("2026-11-26T06:00:00Z"), None);
    }

    #[test]
    fn it_may_be_quiet_at_noon_or_never() {
        let zone = ShopZone::named("UTC").expect("a zone");
        let end = |from, until, now| end_of(&zone, time(from, 0, 0, 0), time(until, 0, 0, 0), at(now));
        assert_eq!(end(13, 15, "2026-11-25T14:00:00Z"), Some(at("2026-11-25T15:00:00Z")));
        assert_eq!(end(13, 15, "2026-11-25T15:00:00Z"), None);
        assert_eq!(end(9, 9, "2026-11-25T09:00:00Z"), None);
    }

    #[test]
    fn a_morning_in_which_the_clock_is_changed_ends_by_the_clock() {
        let zone = ShopZone::named("Europe/Berlin").expect("a zone");
        let end = |now| end_of(&zone, time(21, 0, 0, 0), time(9, 0, 0, 0), at(now));
        assert_eq!(end("2026-03-28T22:00:00Z"), Some(at("2026-03-29T07:00:00Z")));
        assert_eq!(end("2026-10-24T22:00:00Z"), Some(at("2026-10-25T08:00:00Z")));
    }
}
