//! The machine below the shop: disk, memory, clock, the folder's rights, the database's files, the program's age.

#![expect(clippy::unnecessary_wraps, reason = "checks stand in one list, so all of them have its form")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::{Finding, Light, Patient};
use crate::clock::BUILT;
use crate::db::{self, Reader};
use crate::kernel::time::span::{DAY_MS, MINUTE_MS};
use crate::kernel::{Result, UtcMs};
use crate::ops::litestream::Reading;
use crate::ops::metrics;

const MIB: u64 = 1 << 20;
/// Below this, or 3 % of a small disk, orders will soon be refused.
const DISK_RED: u64 = 200 * MIB;
const DISK_RED_PERCENT: u64 = 3;
/// Below this, or a tenth of a small disk, pictures and backups will soon not fit.
const DISK_YELLOW: u64 = 2_048 * MIB;
const DISK_YELLOW_PERCENT: u64 = 10;
/// Memory that is left for a busy hour.
const MEMORY_YELLOW: u64 = 64 * MIB;
/// The writer starts the log anew above 32 MB; one as large as this is held by somebody who reads.
const LOG_YELLOW: u64 = 256 * MIB;
/// A replica is seconds behind; one that is so far behind does not come along.
const REPLICA_LATE_MS: i64 = 2 * MINUTE_MS;
/// Time zones' rules, roots of certificates and the program's own faults are mended by newer versions.
const OLD_MS: i64 = 540 * DAY_MS;
/// systemd's own word that the clock is set by the network; the folder is there where that service runs.
const TIME_SERVICE: &str = "/run/systemd/timesync";

pub(super) fn disk(patient: &Patient<'_>, _: &Reader<'_>) -> Result<Vec<Finding>> {
    Ok(metrics::disk(patient.folder).and_then(|(free, all)| room(free, all)).into_iter().collect())
}

fn room(free: u64, all: u64) -> Option<Finding> {
    let below = |most: u64, percent: u64| free < most.min(all / 100 * percent);
    let light = if below(DISK_RED, DISK_RED_PERCENT) {
        Light::Red
    } else if below(DISK_YELLOW, DISK_YELLOW_PERCENT) {
        Light::Yellow
    } else {
        return None;
    };
    let what = format!("only {} of {} MB are free on the disk of the shop", free / MIB, all / MIB);
    let mend = "Move old backups to another disk, or delete what is not the shop's; on a full disk no order can be taken";
    Some(Finding::new(light, "disk", what, mend))
}

pub(super) fn memory(_: &Patient<'_>, _: &Reader<'_>) -> Result<Vec<Finding>> {
    Ok(metrics::memory().and_then(|(free, all)| memory_left(free, all)).into_iter().collect())
}

fn memory_left(free: u64, all: u64) -> Option<Finding> {
    (free < MEMORY_YELLOW).then(|| {
        let what = format!("only {} of {} MB of this machine's memory are left", free / MIB, all / MIB);
        Finding::new(Light::Yellow, "memory", what, "Look with `top` what uses it; the shop itself needs some 100 MB")
    })
}

pub(super) fn clock(patient: &Patient<'_>, reader: &Reader<'_>) -> Result<Vec<Finding>> {
    let newest = db::newest_in_books(reader)?;
    let service = Path::new(TIME_SERVICE);
    let is_set = !service.exists() || service.join("synchronized").exists();
    Ok(clock_stands(patient.now, newest, is_set).into_iter().collect())
}

fn clock_stands(now: UtcMs, newest: UtcMs, is_set: bool) -> Option<Finding> {
    let mend = "Set it, best with: timedatectl set-ntp true; then start the shop again";
    if now < BUILT {
        let what = format!("this machine's clock says {now}, which is before this program was made ({BUILT})");
        return Some(Finding::new(Light::Red, "clock", what, mend));
    }
    if db::is_behind_books(now, newest) {
        let what = format!("this machine's clock says {now}, but the books go on until {newest}");
        return Some(Finding::new(Light::Red, "clock", what, mend));
    }
    let what = "this machine's clock has not been set by the network since it was started";
    (!is_set).then(|| Finding::new(Light::Yellow, "clock", what, "Look whether it is right: timedatectl"))
}

pub(super) fn rights(patient: &Patient<'_>, _: &Reader<'_>) -> Result<Vec<Finding>> {
    let folder = patient.folder;
    let Ok(metadata) = fs::metadata(folder) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    let path = folder.display();
    if metadata.permissions().mode() & 0o077 != 0 {
        let what = format!("other users of this machine can look into {path}, where the books and the keys are");
        found.push(Finding::new(Light::Yellow, "folder", what, format!("Run: chmod 700 {path}")));
    }
    if let Some(name) = foreign_entry(folder, metadata.uid()) {
        let what = format!("{path}/{name} belongs to another user than the folder, so the shop cannot write it");
        let mend = format!("Run: chown -R --reference={path} {path}");
        found.push(Finding::new(Light::Red, "folder", what, mend));
    }
    Ok(found)
}

/// Something in the folder, or in its keys, that belongs to somebody else, as after a command run by root.
fn foreign_entry(folder: &Path, owner: u32) -> Option<String> {
    let entries = |of: &Path| fs::read_dir(of).into_iter().flatten().flatten();
    let is_foreign = |entry: &fs::DirEntry| entry.metadata().is_ok_and(|metadata| metadata.uid() != owner);
    let here = entries(folder).find(is_foreign).map(|entry| entry.file_name().to_string_lossy().into_owned());
    here.or_else(|| {
        let inside = entries(&folder.join("keys")).find(is_foreign);
        inside.map(|entry| format!("keys/{}", entry.file_name().to_string_lossy()))
    })
}

pub(super) fn database(patient: &Patient<'_>, _: &Reader<'_>) -> Result<Vec<Finding>> {
    let log = db::database_in(patient.folder).with_extension("db-wal");
    Ok(log_of(fs::metadata(log).map_or(0, |metadata| metadata.len())).into_iter().collect())
}

fn log_of(bytes: u64) -> Option<Finding> {
    (bytes > LOG_YELLOW).then(|| {
        let what = format!("the database's log has grown to {} MB, because something reads for a very long time", bytes / MIB);
        Finding::new(Light::Yellow, "database", what, "Look whether a backup or a copy hangs; a restart of the shop ends it")
    })
}

pub(super) fn replica(patient: &Patient<'_>, _: &Reader<'_>) -> Result<Vec<Finding>> {
    Ok(patient.replica.as_ref().and_then(|reading| replica_lags(reading, patient.now)).into_iter().collect())
}

fn replica_lags(reading: &std::result::Result<Reading, String>, now: UtcMs) -> Option<Finding> {
    let mend = "Look at it: systemctl status bayader-litestream; it catches up by itself once it runs and reaches its place";
    match reading {
        Err(why) => Some(Finding::new(Light::Yellow, "replica", format!("how far the replica is is not known: {why}"), "")),
        Ok(reading) if reading.could_be_lost_ms(now) > REPLICA_LATE_MS => {
            let what = "what was written lately is not in the replica, and would be lost with this machine";
            Some(Finding::new(Light::Yellow, "replica", what, mend).since(reading.upto))
        }
        Ok(_) => None,
    }
}

pub(super) fn program(patient: &Patient<'_>, _: &Reader<'_>) -> Result<Vec<Finding>> {
    Ok(how_old(patient.now).into_iter().collect())
}

fn how_old(now: UtcMs) -> Option<Finding> {
    (now.ms() - BUILT.ms() > OLD_MS).then(|| {
        let what = "this program is more than a year and a half old; clock changes of countries and new certificates may be unknown to it";
        Finding::new(Light::Yellow, "program", what, "Install a newer version").since(BUILT)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn light(finding: Option<Finding>) -> Light {
        finding.map_or(Light::Green, |finding| finding.light)
    }

    #[test]
    fn a_disk_that_fills_turns_yellow_then_red_whatever_its_size() {
        let of = |free_mib: u64, all_mib: u64| light(room(free_mib * MIB, all_mib * MIB));
        assert_eq!([of(5_000, 20_000), of(1_900, 20_000), of(190, 20_000)], [Light::Green, Light::Yellow, Light::Red]);
        assert_eq!([of(300, 1_000), of(90, 1_000), of(20, 1_000)], [Light::Green, Light::Yellow, Light::Red]);
    }

    #[test]
    fn a_clock_that_cannot_be_true_is_red_and_one_that_nobody_sets_is_yellow() {
        let day = |days: i64| BUILT.plus_ms(days * DAY_MS);
        assert_eq!(light(clock_stands(day(10), day(9), true)), Light::Green);
        assert_eq!(light(clock_stands(day(-1), UtcMs::from_ms(0), true)), Light::Red);
        assert_eq!(light(clock_stands(day(10), day(11), true)), Light::Red);
        assert_eq!(light(clock_stands(day(10), day(9), false)), Light::Yellow);
    }

    #[test]
    fn a_replica_that_lags_or_says_nothing_is_told() {
        let at = |minutes: i64| BUILT.plus_ms(minutes * MINUTE_MS);
        let of = |reading| light(replica_lags(&reading, at(60)));
        assert_eq!(of(Ok(Reading { upto: at(10), written: at(10) })), Light::Green, "nothing was written since");
        assert_eq!(of(Ok(Reading { upto: at(59), written: at(60) })), Light::Green);
        assert_eq!(of(Ok(Reading { upto: at(50), written: at(60) })), Light::Yellow);
        assert_eq!(of(Err("no answer".to_owned())), Light::Yellow);
    }

    #[test]
    fn little_memory_a_long_log_and_an_old_program_are_told() {
        assert_eq!(
            (light(memory_left(65 * MIB, 1_000 * MIB)), light(memory_left(63 * MIB, 1_000 * MIB))),
            (Light::Green, Light::Yellow)
        );
        assert_eq!((light(log_of(LOG_YELLOW)), light(log_of(LOG_YELLOW + 1))), (Light::Green, Light::Yellow));
        assert_eq!(
            (light(how_old(BUILT.plus_ms(OLD_MS))), light(how_old(BUILT.plus_ms(OLD_MS + 1)))),
            (Light::Green, Light::Yellow)
        );
    }
}
