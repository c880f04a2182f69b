//! How days, times, counts and currencies are said in the shop's two languages.

use jiff::civil;

use super::{Currency, Locale};

const WEEKDAYS: [(&str, &str); 7] = [
    ("Monday", "الإثنين"),
    ("Tuesday", "الثلاثاء"),
    ("Wednesday", "الأربعاء"),
    ("Thursday", "الخميس"),
    ("Friday", "الجمعة"),
    ("Saturday", "السبت"),
    ("Sunday", "الأحد"),
];
/// In Arabic as Jordan and its neighbours call them.
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
/// How the currencies of the shop's neighbourhood are written in Arabic.
const UNITS: &[(&str, &str)] = &[
    ("AED", "د.إ"),
    ("BHD", "د.ب"),
    ("EGP", "ج.م"),
    ("IQD", "د.ع"),
    ("JOD", "د.أ"),
    ("KWD", "د.ك"),
    ("LBP", "ل.ل"),
    ("OMR", "ر.ع"),
    ("QAR", "ر.ق"),
    ("SAR", "ر.س"),
    ("SYP", "ل.س"),
];

/// The words in the one or the other language.
#[must_use]
pub const fn pick(locale: Locale, (en, ar): (&'static str, &'static str)) -> &'static str {
    match locale {
        Locale::En => en,
        Locale::Ar => ar,
    }
}

/// `Wednesday 25 November`.
#[must_use]
pub fn day(locale: Locale, date: civil::Date) -> String {
    let index = |number: i8| usize::try_from(number - 1).unwrap_or(0);
    let weekday = WEEKDAYS.get(index(date.weekday().to_monday_one_offset())).map_or("", |names| pick(locale, *names));
    let month = MONTHS.get(index(date.month())).map_or("", |names| pick(locale, *names));
    format!("{weekday} {} {month}", date.day())
}

/// `13:47`.
#[must_use]
pub fn time(time: civil::Time) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

/// The unit behind an amount.
#[must_use]
pub fn unit(locale: Locale, currency: Currency) -> String {
    let known = UNITS.iter().find(|(code, _)| locale == Locale::Ar && *code == currency.code());
    known.map_or_else(|| currency.code().to_owned(), |(_, unit)| (*unit).to_owned())
}

/// The form that a noun takes beside a number (Unicode CLDR, plural rules of Arabic and English).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Plural {
    Zero,
    One,
    Two,
    Few,
    Many,
    Other,
}

impl Plural {
    /// Of a count.
    #[must_use]
    pub const fn of(locale: Locale, count: u64) -> Plural {
        match (locale, count, count % 100) {
            (Locale::En | Locale::Ar, 1, _) => Plural::One,
            (Locale::Ar, 0, _) => Plural::Zero,
            (Locale::Ar, 2, _) => Plural::Two,
            (Locale::Ar, _, 3..=10) => Plural::Few,
            (Locale::Ar, _, 11..=99) => Plural::Many,
            _ => Plural::Other,
        }
    }

    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Plural::Zero => "zero",
            Plural::One => "one",
            Plural::Two => "two",
            Plural::Few => "few",
            Plural::Many => "many",
            Plural::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noun_takes_the_form_of_its_number() {
        let arabic = |count| Plural::of(Locale::Ar, count).code();
        let told: Vec<&str> = [0, 1, 2, 3, 10, 11, 99, 100, 101, 102, 103, 111, 200].map(arabic).into();
        let expected = ["zero", "one", "two", "few", "few", "many", "many", "other", "other", "other", "few", "many", "other"];
        assert_eq!(told, expected);
        assert_eq!([0, 1, 2, 11].map(|count| Plural::of(Locale::En, count).code()), ["other", "one", "other", "other"]);
    }

    #[test]
    fn days_and_units_are_said_as_the_shops_people_say_them() {
        let date = civil::date(2026, 11, 23);
        assert_eq!(
            (day(Locale::En, date), day(Locale::Ar, date)),
            ("Monday 23 November".into(), "الإثنين 23 تشرين الثاني".into())
        );
        assert_eq!(time(civil::time(7, 5, 59, 0)), "07:05");
        let dollar = Currency::from_code("USD").expect("known");
        assert_eq!((unit(Locale::Ar, Currency::JOD), unit(Locale::Ar, dollar)), ("د.أ".to_owned(), "USD".to_owned()));
        assert_eq!(unit(Locale::En, Currency::JOD), "JOD");
    }
}
