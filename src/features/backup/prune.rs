//! Which backups are not needed any more: grandfather, father, son.
//!
//! What always holds: the newest stays, the newest proven stays, what somebody has named stays, and what was made just now stays. Days,
//! weeks and months count that have a backup, not those that have passed: so a shop that was closed for a month loses nothing, and a
//! clock that jumps adds a day of its own and takes none.

use std::collections::BTreeSet;

use jiff::civil;

use super::list::Listed;
use super::{BackupFault, Desk, names};
use crate::config::Keep;

/// Names the span of days to which a day belongs.
type SpanOf = fn(civil::Date) -> (i16, i8, i8);

/// The files that go, by the moments that their names say.
#[must_use]
pub fn to_remove<'n>(have: &[(&'n str, civil::DateTime)], keep: Keep, never: &BTreeSet<&str>) -> Vec<&'n str> {
    let mut newest_first = have.to_vec();
    newest_first.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| b.0.cmp(a.0)));
    let mut kept: BTreeSet<&str> = newest_first.first().map(|(name, _)| *name).into_iter().collect();
    let plans: [(u64, SpanOf); 3] = [
        (keep.daily, |day| (day.year(), day.month(), day.day())),
        (keep.weekly, |day| {
            let week = day.iso_week_date();
            (week.year(), week.week(), 0)
        }),
        (keep.monthly, |day| (day.year(), day.month(), 0)),
    ];
    for (count, span_of) in plans {
        let mut spans = BTreeSet::new();
        for (name, at) in &newest_first {
            let span = span_of(at.date());
            if spans.contains(&span) {
                continue;
            }
            if spans.len() as u64 >= count {
                break;
            }
            spans.insert(span);
            kept.insert(name);
        }
    }
    newest_first.into_iter().map(|(name, _)| name).filter(|name| !kept.contains(name) && !never.contains(name)).collect()
}

/// Removes what is not needed any more; which those were. Only what is a backup by its content and has a name that this program gives.
///
/// # Errors
/// If the folder cannot be read, or a file not be removed.
pub(super) fn prune(desk: &Desk, listed: &[Listed], never: &BTreeSet<&str>) -> Result<Vec<String>, BackupFault> {
    let ours = listed.iter().filter(|one| one.is_whole()).filter_map(|one| Some((one.name.as_str(), names::stamp(&one.name)?)));
    let gone = to_remove(&ours.collect::<Vec<_>>(), desk.keep, never);
    for name in &gone {
        let path = desk.folder.join(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(BackupFault::Write { path, error }),
            _ => tracing::info!(file = name, "a backup is not needed any more and was removed"),
        }
    }
    Ok(gone.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(moments: &[civil::DateTime]) -> Vec<(String, civil::DateTime)> {
        moments.iter().enumerate().map(|(n, at)| (format!("{n:04}"), *at)).collect()
    }

    fn gone(have: &[(String, civil::DateTime)], keep: Keep, never: &[&str]) -> BTreeSet<String> {
        let have: Vec<(&str, civil::DateTime)> = have.iter().map(|(name, at)| (name.as_str(), *at)).collect();
        to_remove(&have, keep, &never.iter().copied().collect()).into_iter().map(str::to_owned).collect()
    }

    const USUAL: Keep = Keep { daily: 7, weekly: 4, monthly: 12 };

    #[test]
    fn a_year_of_nights_leaves_days_weeks_and_months() {
        let first = civil::date(2025, 11, 30).at(2, 30, 0, 0);
        let mut have: Vec<(String, civil::DateTime)> = Vec::new();
        for night in 0..400_i64 {
            let at = first.checked_add(jiff::Span::new().days(night)).expect("a day");
            have.push((at.strftime("%Y%m%d").to_string(), at));
            let gone = gone(&have, USUAL, &[]);
            have.retain(|(name, _)| !gone.contains(name));
        }
        let names: Vec<&str> = have.iter().map(|(name, _)| name.as_str()).collect();
        // 2027-01-03 is the last night, a Sunday: seven days, the Sundays of three more weeks, the last nights of ten more months.
        assert_eq!(
            names,
            [
                "20260228", "20260331", "20260430", "20260531", "20260630", "20260731", "20260831", "20260930", "20261031",
                "20261130", "20261213", "20261220", "20261227", "20261228", "20261229", "20261230", "20261231", "20270101",
                "20270102", "20270103",
            ]
        );
    }

    #[test]
    fn a_clock_that_jumps_takes_nothing_but_its_own_day() {
        let nights: Vec<_> = (1..=7).map(|day| civil::date(2026, 11, day).at(2, 30, 0, 0)).collect();
        let mut with_jump = nights.clone();
        with_jump.push(civil::date(2099, 1, 1).at(2, 30, 0, 0));
        with_jump.push(civil::date(1970, 1, 1).at(2, 30, 0, 0));
        let keep = Keep { daily: 9, weekly: 0, monthly: 0 };
        assert!(gone(&named(&with_jump), keep, &[]).is_empty());
        // With room for seven days the jump has one of them, and the oldest two go.
        assert_eq!(gone(&named(&with_jump), Keep { daily: 7, ..keep }, &[]), ["0000".to_owned(), "0008".to_owned()].into());
    }

    #[test]
    fn of_a_day_its_newest_stays() {
        let day = civil::date(2026, 11, 30);
        let have = named(&[day.at(2, 30, 0, 0), day.at(9, 0, 0, 0), day.at(23, 59, 59, 0)]);
        assert_eq!(gone(&have, USUAL, &[]), ["0000".to_owned(), "0001".to_owned()].into());
        assert_eq!(gone(&have, USUAL, &["0000"]), ["0001".to_owned()].into(), "the newest proven one");
    }

    proptest! {
        #[test]
        fn what_must_stay_stays_and_enough_does(
            minutes in prop::collection::vec(0_i64..3_000_000, 0..60),
            daily in 1_u64..10, weekly in 0_u64..6, monthly in 0_u64..14, proven in any::<prop::sample::Index>(),
        ) {
            let first = civil::date(2024, 1, 1).at(0, 0, 0, 0);
            let moments: Vec<_> =
                minutes.iter().map(|minute| first.checked_add(jiff::Span::new().minutes(*minute)).expect("a moment")).collect();
            let have = named(&moments);
            let keep = Keep { daily, weekly, monthly };
            let proven = (!have.is_empty()).then(|| have[proven.index(have.len())].0.clone());
            let gone = gone(&have, keep, &proven.iter().map(String::as_str).collect::<Vec<_>>());
            let stays = |name: &String| !gone.contains(name);
            if let Some(newest) = have.iter().max_by_key(|(name, at)| (*at, name.clone())) {
                prop_assert!(stays(&newest.0));
            }
            prop_assert!(proven.iter().all(stays));
            // The newest of each of the last days that have one.
            let days: BTreeSet<_> = have.iter().map(|(_, at)| at.date()).collect();
            for day in days.iter().rev().take(usize::try_from(daily).expect("few")) {
                let newest = have.iter().filter(|(_, at)| at.date() == *day).max_by_key(|(name, at)| (*at, name.clone()));
                prop_assert!(newest.is_some_and(|(name, _)| stays(name)));
            }
            // No more than was asked for.
            let kept = have.len() - gone.len();
            prop_assert!(kept as u64 <= daily + weekly + monthly + 1, "{} of {}", kept, have.len());
            // Doing it again does nothing.
            let left: Vec<_> = have.iter().filter(|(name, _)| stays(name)).cloned().collect();
            prop_assert!(self::gone(&left, keep, &proven.iter().map(String::as_str).collect::<Vec<_>>()).is_empty());
        }
    }
}
