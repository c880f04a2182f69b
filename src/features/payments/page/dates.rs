//! Days and times as the shop's clock shows them.

use crate::kernel::{Locale, ShopZone, UtcMs, spoken};

/// `Wednesday 25 November`, with `Today` or `Tomorrow` before it where that is so.
pub fn day(locale: Locale, zone: &ShopZone, moment: UtcMs, now: UtcMs) -> String {
    let pick = |words| spoken::pick(locale, words);
    let date = spoken::day(locale, zone.local(moment).date());
    let (day, today) = (zone.day_of(moment), zone.day_of(now));
    let near = if day == today {
        Some(("Today", "اليوم"))
    } else if today.plus_days(1) == Some(day) {
        Some(("Tomorrow", "غدًا"))
    } else {
        None
    };
    match near {
        Some(near) => format!("{}{} {date}", pick(near), pick((",", "،"))),
        None => date,
    }
}

/// `13:47`.
pub fn time(zone: &ShopZone, moment: UtcMs) -> String {
    spoken::time(zone.local(moment).time())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_by_the_shops_clock() {
        let amman = ShopZone::named("Asia/Amman").expect("known");
        let at = |text| UtcMs::parse(text).expect("a moment");
        let (now, due) = (at("2026-11-25T08:00:00Z"), at("2026-11-25T21:30:00Z"));
        assert_eq!(day(Locale::En, &amman, due, now), "Tomorrow, Thursday 26 November");
        assert_eq!(day(Locale::Ar, &amman, due, now), "غدًا، الخميس 26 تشرين الثاني");
        assert_eq!(day(Locale::En, &amman, now, now), "Today, Wednesday 25 November");
        assert_eq!(day(Locale::En, &amman, at("2026-12-06T08:00:00Z"), now), "Sunday 6 December");
        assert_eq!(time(&amman, due), "00:30");
    }
}
