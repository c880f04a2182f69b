//! Names of backups: `bayader-20261130-023000.tar.zst`, by the shop's clock; `.age` after it if it is sealed.

use std::path::{Path, PathBuf};

use jiff::civil;

use crate::kernel::{ShopZone, UtcMs};

const FIRST: &str = "bayader-";
const ENDINGS: [&str; 2] = [".tar.zst", ".tar.zst.age"];

/// When a backup was made, as its name says it, of one second the later ones some nanoseconds later; `None` for a name that is not one
/// of ours, which somebody has given.
#[must_use]
pub fn stamp(name: &str) -> Option<civil::DateTime> {
    let rest = name.strip_prefix(FIRST)?;
    let stamp = ENDINGS.iter().find_map(|ending| rest.strip_suffix(ending))?;
    // The second of one moment has a number behind it.
    let (stamp, number) = stamp.split_at_checked(15)?;
    let is_number = |text: &str| !text.is_empty() && text.len() < 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    let later: i64 = match number.strip_prefix('-') {
        None if number.is_empty() => 0,
        Some(number) if is_number(number) => number.parse().ok()?,
        _ => return None,
    };
    let digits_stand = stamp.bytes().enumerate().all(|(at, byte)| if at == 8 { byte == b'-' } else { byte.is_ascii_digit() });
    let at = digits_stand.then(|| civil::DateTime::strptime("%Y%m%d-%H%M%S", stamp).ok()).flatten()?;
    at.checked_add(jiff::Span::new().nanoseconds(later)).ok()
}

/// A name for a backup of this moment that no file in the folder has, and that is later than those of the same second there.
pub(super) fn free_in(folder: &Path, at: UtcMs, zone: &ShopZone, is_sealed: bool) -> PathBuf {
    let second = format!("{FIRST}{}", zone.local(at).strftime("%Y%m%d-%H%M%S"));
    let ending = ENDINGS[usize::from(is_sealed)];
    let number_of = |name: &str| {
        let rest = ENDINGS.iter().find_map(|ending| name.strip_prefix(&second)?.strip_suffix(ending))?;
        if rest.is_empty() { Some(1) } else { rest.strip_prefix('-')?.parse::<u32>().ok() }
    };
    let there = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let last = there.filter_map(|entry| number_of(&entry.file_name().to_string_lossy())).max();
    // What cannot be named so is refused when it is to be written.
    let number = last.map(|last| format!("-{}", last.saturating_add(1))).unwrap_or_default();
    folder.join(format!("{second}{number}{ending}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_of_its_moment_and_reads_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let amman = ShopZone::named("Asia/Amman").expect("known");
        let at = UtcMs::parse("2026-11-29T23:30:00Z").expect("a moment");
        let first = free_in(folder.path(), at, &amman, false);
        assert_eq!(first.file_name().and_then(|name| name.to_str()), Some("bayader-20261130-023000.tar.zst"));
        std::fs::write(&first, "").expect("written");
        let second = free_in(folder.path(), at, &amman, false);
        assert_eq!(second.file_name().and_then(|name| name.to_str()), Some("bayader-20261130-023000-2.tar.zst"));
        // The first one goes: the next is later than the second all the same.
        std::fs::write(&second, "").expect("written");
        std::fs::remove_file(&first).expect("removed");
        let third = free_in(folder.path(), at, &amman, true);
        assert_eq!(third.file_name().and_then(|name| name.to_str()), Some("bayader-20261130-023000-3.tar.zst.age"));
        let expected = civil::date(2026, 11, 30).at(2, 30, 0, 0);
        for name in ["bayader-20261130-023000.tar.zst", "bayader-20261130-023000.tar.zst.age"] {
            assert_eq!(stamp(name), Some(expected), "{name}");
        }
        let second = stamp("bayader-20261130-023000-2.tar.zst");
        assert!(second > Some(expected) && second < stamp("bayader-20261130-023001.tar.zst"));
        for name in [
            "",
            "bayader-",
            "bayader-20261130-023000",
            "bayader-20261130-023000.tar",
            "bayader-20261330-023000.tar.zst",
            "bayader-20261130-023000-.tar.zst",
            "bayader-20261130-023000-a.tar.zst",
            "bayader-20261130-023000-golden.tar.zst",
            "bayader-20261130-023000.tar.zst.bak",
            "my-bayader-20261130-023000.tar.zst",
            "bayader-2026113a-023000.tar.zst",
            "bayader-+2026113-023000.tar.zst",
            "before-migration-from-19-2026-11-30T00-00-00-000Z.db",
        ] {
            assert_eq!(stamp(name), None, "{name}");
        }
    }
}
