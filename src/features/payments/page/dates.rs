//! Days and times as the shop's clock shows them.

use crate::kernel::{Locale, ShopZone, UtcMs};

const WEEKDAYS: [(&str, &str); 7] = [
    ("Monday", "الإثنين"),
    ("Tuesday", "الثلاثاء"),
    ("Wednesday", "الأربعاء"),
    ("Thursday", "الخميس"),
    ("Friday", "الجمعة"),
    ("Saturday", "السبت"),
    ("Sunday", "الأحد"),
];
const MONTHS: [(&str, &str); 12] = [
    ("January", "كانون الثاني"),
    ("February", "شباط"),
    ("March", "آذار"),
    ("April", "نيسان"),
    ("May", "أيار"),
    ("June", "حزيران"),
    ("July", "تموز"),
    ("August", "آب"),
    ("September", "أيلول"),
    ("October", "تشرين الأول"),
    ("November", "تشرين الثاني"),
    ("December", "كانون الأول"),
];

/// `Wednesday 25 November`, with `Today` or `Tomorrow` before it where that is so.
pub fn day(locale: Locale, zone: &ShopZone, moment: UtcMs, now: UtcMs) -> String {
    let local = zone.local(moment);
    let pick = |(en, ar): (&'static str, &'static str)| if locale == Locale::Ar { ar } else { en };
    let index = |number: i8| usize::try_from(number - 1).unwrap_or(0);
    let weekday = WEEKDAYS.get(index(local.weekday().to_monday_one_offset())).copied().map_or("", pick);
    let month = MONTHS.get(index(local.month())).copied().map_or("", pick);
    let date = format!("{weekday} {} {month}", local.day());
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
    let local = zone.local(moment);
    format!("{:02}:{:02}", local.hour(), local.minute())
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
