//! `bayader restore --to 09:41`: the shop as it was at a moment, out of Litestream's replica.
//!
//! The replica has the books alone. Keys, pictures and words of messages stay as they lie in the folder, or come out of a backup
//! (`--files-from`) where the folder is lost. Then it goes the way of every restore: made ready aside, swapped in by renames, and the
//! shop of before is kept.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::exit::{Failure, Outcome};
use super::output::{self, Progress};
use super::restore::{Restore, untouched};
use super::shared::runtime;
use crate::app::restored::{Books, make_ready};
use crate::clock::Clock;
use crate::db::{self, swap};
use crate::features::backup::archive;
use crate::features::backup::restore::{self, Aside};
use crate::features::settings;
use crate::kernel::{ShopDay, ShopZone, TimeOfDay, UtcMs};
use crate::ops::litestream::Replica;

#[derive(Args)]
pub struct To {
    /// Restore the shop as it was at this time by Litestream: 09:41 or 09:41:30 by the shop's clock (today's, or yesterday's if it is not
    /// yet so late), or a moment as 2026-11-30T09:41:00+03:00.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// The day of --to, as 2026-11-30.
    #[arg(long, value_name = "DAY", requires = "to")]
    day: Option<String>,
    /// Litestream's configuration [default: litestream.yml beside --config, else /etc/bayader/litestream.yml].
    #[arg(long, value_name = "FILE", requires = "to")]
    replica: Option<PathBuf>,
    /// Where keys, pictures and words come from if the folder has lost them: a backup.
    #[arg(long, value_name = "BACKUP", requires = "to")]
    files_from: Option<PathBuf>,
}

/// Where the books are put together, and what else comes with them.
enum Ready {
    /// The books alone.
    Books(PathBuf),
    /// A backup, whose books are taken out.
    All(Box<Aside>),
}

impl Ready {
    fn folder(&self) -> &Path {
        match self {
            Ready::Books(new) => new,
            Ready::All(aside) => &aside.new,
        }
    }
}

/// Runs it; `restore` was called with `--to`.
pub fn run(restore: &Restore) -> Outcome {
    let to = &restore.moment;
    // Before root becomes the folder's owner, who may not be allowed to read what opens the bucket and the backup.
    let replica = Replica::find(to.replica.as_deref(), restore.place.config.as_deref()).map_err(Failure::because)?;
    let files = match &to.files_from {
        Some(file) => Some(archive::open(file, &restore.unlock()?).map_err(Failure::because)?),
        None => None,
    };
    let owned = restore.own_folder()?;
    let folder = owned.path().to_owned();
    if files.is_none() && !folder.join("keys").exists() {
        return Err(Failure::because(format!(
            "{} has no keys/, and the replica holds the books alone: without their keys nobody's link or order page works. Name a backup \
             that has them: --files-from BACKUP. Nothing was changed",
            folder.display()
        )));
    }
    let clock = Clock::system();
    let progress = Progress::start();
    let mut ready = None;
    let outcome = (|| {
        let new = match files {
            Some(opened) => {
                progress.stage("unpacking keys, pictures and words");
                ready.insert(Ready::All(Box::new(restore::unpack(opened, &folder, &mut |_, _| ()).map_err(untouched)?)))
            }
            None => ready.insert(Ready::Books(swap::begin(&folder).map_err(untouched)?)),
        }
        .folder()
        .to_owned();
        let zone = zone(&folder, &new, restore)?;
        let moment = moment(to, &zone, clock.now())?;
        progress.stage("asking the replica");
        let books = db::database_in(&new);
        take_away_books(&new).map_err(untouched)?;
        let known = replica.restore(&owned.database(), moment, &books).map_err(untouched)?;
        progress.stage("checking");
        make_private(&books).map_err(untouched)?;
        restore::check_bare_books(&new).map_err(|what| {
            untouched(format!("what the replica gave cannot be used: {what}. Take another time, or a backup"))
        })?;
        progress.stage("making it a shop that does not repeat the past");
        let name = format!("Litestream's replica, {}", zone.local(known));
        let books = Books {
            aside: &new,
            folder: &folder,
            backup_of: known,
            backup: &name,
            clock: &clock,
            accept_clock: restore.accept_clock,
        };
        let made = runtime()?.block_on(make_ready(books)).map_err(untouched)?;
        Ok((zone, moment, known, made))
    })();
    let (zone, moment, known, made) = match outcome {
        Ok(done) => done,
        Err(failure) => {
            // What cannot be taken away now goes at the next restore; it counts for nothing.
            let _ = swap::abandon(&folder);
            return Err(failure);
        }
    };
    let swapped = match ready {
        Some(Ready::All(aside)) => aside.swap_in(clock.now(), restore.place.config.is_some()).map(|swapped| swapped.kept),
        Some(Ready::Books(new)) => restore::swap_books_in(&folder, &new, clock.now()),
        None => Ok(None),
    };
    let kept = swapped.map_err(|fault| {
        if swap::is_under_way(&folder) {
            Failure::because(format!(
                "{fault}. Both shops are whole: start bayader, or repeat this, and the restore is ended before anything else"
            ))
        } else {
            untouched(fault)
        }
    })?;
    drop(progress);
    if restore.json {
        return output::json(&json!({
            "folder": folder, "wanted": moment.to_string(), "asOf": known.to_string(), "kept": kept,
            "sessionsEnded": made.sessions, "erasedAgain": made.erased,
            "held": { "messages": made.messages, "promotions": made.promotions },
        }));
    }
    output::line(format!(
        "Restored the shop in {} as it was at {} ({known}), the last that the replica knows before {}.",
        folder.display(),
        zone.local(known),
        zone.local(moment)
    ))?;
    if let Some(kept) = &kept {
        output::line(format!("What was there is kept in {}; remove it when you miss nothing.", kept.display()))?;
    }
    output::line(format!(
        "Everybody signs in anew. {} messages and {} promotions wait until the owner says at /api/v1/admin/restored whether they are sent.",
        made.messages, made.promotions
    ))?;
    output::line(
        "Start the shop now (systemctl start bayader bayader-litestream, or: bayader serve). Count the shelves: what was sold since is not known.",
    )
}

/// The shop's time zone: by its books, by those of the backup, by what the keeper has decided, in this order.
fn zone(folder: &Path, new: &Path, restore: &Restore) -> Outcome<ShopZone> {
    let by_books = |folder: &Path| {
        let database = db::database_in(folder);
        let read = || db::open_read_only(&database, |reader| Ok(settings::read(reader)?.format.zone.clone())).ok();
        database.exists().then(read).flatten()
    };
    if let Some(zone) = by_books(folder).or_else(|| by_books(new)) {
        return Ok(zone);
    }
    // A moment that says its offset needs none; then times are told in UTC.
    let needs_none = restore.moment.to.as_deref().and_then(UtcMs::parse).map(|_| "UTC".to_owned());
    let configured = restore.place.read_config(folder)?.shop.time_zone;
    configured.or(needs_none).and_then(|name| ShopZone::named(&name)).ok_or_else(|| {
        Failure::because(
            "the shop's time zone is not known any more, because its books cannot be read. Say the moment with its offset, as \
             --to 2026-11-30T09:41:00+03:00. Nothing was changed",
        )
    })
}

/// Which moment is meant.
fn moment(to: &To, zone: &ShopZone, now: UtcMs) -> Outcome<UtcMs> {
    let text = to.to.as_deref().unwrap_or_default();
    let day = match &to.day {
        None => None,
        Some(day) => {
            Some(ShopDay::parse(day).ok_or_else(|| Failure::usage(format!("--day {day} is no day; write it as 2026-11-30")))?)
        }
    };
    read_moment(text, day, zone, now).map_err(Failure::usage)
}

/// A time of the shop's day is today's, or yesterday's if it has not come yet today.
fn read_moment(text: &str, day: Option<ShopDay>, zone: &ShopZone, now: UtcMs) -> Result<UtcMs, String> {
    let moment = match (UtcMs::parse(text), time_of_day(text)) {
        (Some(_), _) if day.is_some() => {
            return Err(format!("--to {text} names its day itself, so --day does not go with it"));
        }
        (Some(moment), _) => moment,
        (None, Some((time, second))) => {
            let at = |day: ShopDay| on_day(text, zone, day, time, second);
            match day {
                Some(day) => at(day)?,
                None => {
                    let today = zone.day_of(now);
                    // A time that is not clear today is asked about, not taken to be yesterday's.
                    let moment = at(today)?;
                    let yesterday = today.plus_days(-1).filter(|_| moment > now);
                    yesterday.map_or(Ok(moment), at)?
                }
            }
        }
        (None, None) => {
            return Err(format!(
                "--to {text} is no time; write 09:41 or 09:41:30 by the shop's clock, or 2026-11-30T09:41:00+03:00"
            ));
        }
    };
    if moment > now {
        return Err(format!("--to {text} is {}, which has not come yet", zone.local(moment)));
    }
    Ok(moment)
}

/// `09:41` or `09:41:30`.
fn time_of_day(text: &str) -> Option<(TimeOfDay, i8)> {
    let (time, second) = match text.get(..5).zip(text.get(5..)) {
        Some((time, "")) => (time, 0),
        Some((time, rest)) => {
            let digits = rest
                .strip_prefix(':')
                .filter(|digits| digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit()))?;
            (time, digits.parse().ok().filter(|second| *second < 60)?)
        }
        None => return None,
    };
    Some((TimeOfDay::parse(time)?, second))
}

fn on_day(text: &str, zone: &ShopZone, day: ShopDay, time: TimeOfDay, second: i8) -> Result<UtcMs, String> {
    let (hour, minute) = (time.minutes() / 60, time.minutes() % 60);
    let local = day.date().at(i8::try_from(hour).unwrap_or(0), i8::try_from(minute).unwrap_or(0), second, 0);
    let [first, other] = zone.moments(local).ok_or_else(|| format!("{day} is beyond the calendar"))?;
    if first == other {
        return Ok(first);
    }
    if zone.local(first) == local {
        return Err(format!(
            "the clock showed {text} twice on {day}, because it was set back. Say which one: --to {first} or --to {other}"
        ));
    }
    Err(format!("the clock never showed {text} on {day}: it was set forward over it. Take a time before or after"))
}

fn take_away_books(new: &Path) -> std::io::Result<()> {
    for name in ["bayader.db", "bayader.db-wal", "bayader.db-shm"] {
        match std::fs::remove_file(new.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn make_private(books: &Path) -> std::io::Result<()> {
    std::fs::set_permissions(books, std::os::unix::fs::PermissionsExt::from_mode(0o600))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UtcMs {
        UtcMs::parse(text).expect("a moment")
    }

    fn read(text: &str, day: Option<&str>, zone: &str, now: &str) -> Result<UtcMs, String> {
        let day = day.map(|day| ShopDay::parse(day).expect("a day"));
        read_moment(text, day, &ShopZone::named(zone).expect("a zone"), at(now))
    }

    #[test]
    fn a_time_is_todays_or_yesterdays_if_it_has_not_come_yet() {
        let now = "2026-11-30T10:00:00+03:00";
        for (text, meant) in [
            ("09:41", "2026-11-30T09:41:00+03:00"),
            ("09:41:30", "2026-11-30T09:41:30+03:00"),
            ("10:00", "2026-11-30T10:00:00+03:00"),
            ("10:01", "2026-11-29T10:01:00+03:00"),
            ("2026-11-30T06:41:00Z", "2026-11-30T09:41:00+03:00"),
        ] {
            assert_eq!(read(text, None, "Asia/Amman", now), Ok(at(meant)), "{text}");
        }
        assert_eq!(read("23:15", Some("2026-11-27"), "Asia/Amman", now), Ok(at("2026-11-27T23:15:00+03:00")));
    }

    #[test]
    fn a_time_that_is_none_or_not_clear_is_asked_about() {
        let now = "2026-11-30T10:00:00+01:00";
        let fault = |text: &str, day: Option<&str>| read(text, day, "Europe/Berlin", now).expect_err("it is refused");
        for text in ["", "9:41", "24:00", "09:41:60", "09:41:+5", "0941", "half past nine", "09:41Z"] {
            assert!(fault(text, None).contains("is no time"), "{text}");
        }
        let twice = fault("02:30", Some("2026-10-25"));
        assert!(twice.contains("2026-10-25T00:30:00.000Z") && twice.contains("2026-10-25T01:30:00.000Z"), "{twice}");
        assert!(fault("02:30", Some("2026-03-29")).contains("never showed"));
        assert!(fault("10:01", Some("2026-11-30")).contains("has not come yet"));
        assert!(fault("2026-11-29T09:41:00Z", Some("2026-11-29")).contains("names its day itself"));
    }
}
