//! Making a backup of a shop that may be selling.
//!
//! What always holds: one at a time a shop; the books are of one moment; a run that ends early, however it ends, leaves nothing that
//! counts as a backup. A picture's file that is missing already is told and leaves no hole that was not there.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::desk::{Desk, expect_room, told};
use super::manifest::{AuditHead, Entry, FORMAT, LastOrder, Manifest, Place, ShopFacts};
use super::pack::{Content, Packed, Piece, Scratch};
use super::sealing::Witness;
use super::{BackupFault, digest, names, pack, sql};
use crate::clock::Clock;
use crate::db::{self, FilesHeld, Reader};
use crate::features::{audit, media, settings};
use crate::kernel::{Error, Result as Outcome, ShopZone, UtcMs};

/// How long one backup waits for another to end.
const TURN_TIME: Duration = Duration::from_secs(15 * 60);
const TURN_LOOK: Duration = Duration::from_millis(100);
/// A key, a template or a configuration is some kilobytes; the log of erasures has a line an account.
const LARGEST_SMALL_FILE: u64 = 16 << 20;
/// Files of pictures that one reading names.
const PICTURES_A_READ: usize = 1_000;
/// The longest rest between two pieces of work, so that a slow disk's waits are not doubled for ever.
const LONGEST_REST: Duration = Duration::from_millis(300);
/// How many times as long as it worked a gentle backup rests. With one, orders beside it waited more than twice as long.
const REST_TO_WORK: u32 = 3;

/// How a backup goes about its work: whether it leaves three quarters of the time to the shop, and whether it is to stop.
#[derive(Clone)]
pub struct Pace {
    is_gentle: bool,
    stopped: Arc<AtomicBool>,
    since: Instant,
}

impl Pace {
    /// Beside a shop that sells.
    #[must_use]
    pub fn gentle() -> Pace {
        Pace { is_gentle: true, stopped: Arc::default(), since: Instant::now() }
    }

    /// Nobody is disturbed.
    #[must_use]
    pub fn full() -> Pace {
        Pace { is_gentle: false, ..Pace::gentle() }
    }

    /// Ends the work at its next piece when this turns true.
    #[must_use]
    pub fn stopped_by(self, stopped: Arc<AtomicBool>) -> Pace {
        Pace { stopped, ..self }
    }

    fn passed(&mut self) -> io::Result<()> {
        if self.stopped.load(Ordering::Relaxed) {
            return Err(io::Error::other("it was told to stop"));
        }
        if self.is_gentle {
            std::thread::sleep((REST_TO_WORK * self.since.elapsed()).min(LONGEST_REST));
        }
        self.since = Instant::now();
        Ok(())
    }
}

/// What is being done now.
pub type OnStage<'a> = &'a mut dyn FnMut(&str);

/// Where a backup is to lie.
pub enum Target {
    /// Among the shop's backups, by the name of its moment.
    Folder,
    /// This file, which must not be there yet.
    File(PathBuf),
}

/// A backup that was made.
pub struct Made {
    pub packed: Packed,
    pub manifest: Manifest,
    pub is_sealed: bool,
}

/// Makes one.
///
/// # Errors
/// [`BackupFault`]; then nothing is left of it.
pub fn create(
    desk: &Desk,
    clock: &Clock,
    target: &Target,
    witness: Option<&Witness>,
    mut pace: Pace,
    stage: OnStage<'_>,
) -> Result<Made, BackupFault> {
    desk.make_folder()?;
    let folder = match target {
        Target::Folder => desk.folder.clone(),
        Target::File(file) => {
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if !folder.is_dir() {
                return Err(BackupFault::Refused(format!("there is no folder {}; make it first", folder.display())));
            }
            if fs::symlink_metadata(file).is_ok() {
                return Err(BackupFault::Refused(format!("{} is there already, and nothing is overwritten", file.display())));
            }
            folder.to_owned()
        }
    };
    desk.check_leaving(&folder)?;
    stage("waiting for another backup to end");
    let _held = turn(&desk.data)?;
    if db::swap::is_under_way(&desk.data) {
        return Err(BackupFault::Refused(format!(
            "a restore was interrupted in {}, and there is no whole shop to be copied until it is ended. Start bayader, which ends it",
            desk.data.display()
        )));
    }
    for folder in [&folder, &desk.folder] {
        pack::remove_unfinished(folder).map_err(BackupFault::write(folder))?;
    }

    let database = db::database_in(&desk.data);
    let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    let books = size(&database) + size(&database.with_extension("db-wal"));
    expect_room(&folder, books)?;
    let scratch = Scratch::new_in(&folder)?;
    let copy = scratch.path().join("bayader.db");
    stage("copying the books");
    let made_at = clock.now();
    db::copy_database(&database, &copy, &mut |_| pace.passed()).map_err(of_books("the books cannot be copied"))?;
    let facts = db::open_read_only(&copy, Facts::read).map_err(of_books("the copy of the books cannot be read"))?;

    stage("reading what is to be packed");
    let mut list = List::default();
    list.add_file("bayader.db", copy, &mut pace)?;
    list.add_folder("keys", &desk.data.join("keys"))?;
    if let Some(file) = &desk.config_file {
        list.add_small("bayader.toml", file)?;
    }
    let erased = desk.data.join("erased.log");
    if erased.exists() {
        list.add_small("erased.log", &erased)?;
    }
    list.add_pictures(&facts.pictures, &desk.data.join("media"), &mut pace)?;
    list.add_folder("templates", &desk.data.join("templates"))?;
    let (entries, pieces): (Vec<Entry>, Vec<Piece>) = list.all.into_iter().unzip();

    let manifest = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        schema: facts.schema,
        made_at,
        shop: facts.shop,
        entries,
        rows: facts.rows,
        audit: facts.audit,
        last_order: facts.last_order,
        warnings: list.warnings,
    };
    let all = manifest.bytes().unwrap_or(u64::MAX);
    expect_room(&folder, all)?;
    let path = match target {
        Target::File(file) => file.clone(),
        Target::Folder => names::free_in(&folder, made_at, &facts.zone, !desk.seal.is_open()),
    };
    let (mut done, mut said) = (0, 0);
    let packed = pack::write(&path, &manifest, &pieces, &desk.seal, witness, &mut |bytes| {
        done += bytes;
        if done >= said + SAID_EVERY {
            said = done;
            stage(&format!("packing {} of {}", told(done), told(all)));
        }
        pace.passed()
    })?;
    Ok(Made { packed, manifest, is_sealed: !desk.seal.is_open() })
}

/// Progress is told so often.
const SAID_EVERY: u64 = 4 << 20;

/// The shop's turn for a backup.
fn turn(data: &Path) -> Result<FilesHeld, BackupFault> {
    let started = Instant::now();
    loop {
        if let Some(held) = FilesHeld::try_take(data).map_err(BackupFault::write(&data.join("backup.lock")))? {
            return Ok(held);
        }
        if started.elapsed() > TURN_TIME {
            return Err(BackupFault::Refused(
                "another backup of this shop is still being made. Try again when it has ended".to_owned(),
            ));
        }
        std::thread::sleep(TURN_LOOK);
    }
}

/// A fault of the database as one of the backup.
pub(super) fn of_books(what: &str) -> impl Fn(Error) -> BackupFault + '_ {
    move |error| {
        let why = match error {
            Error::Fault(fault) => fault.chain(),
            refused @ Error::Refused(_) => refused.to_string(),
        };
        BackupFault::Books { what: what.to_owned(), why }
    }
}

/// What the copy of the books says.
struct Facts {
    schema: i64,
    shop: ShopFacts,
    zone: ShopZone,
    rows: std::collections::BTreeMap<String, i64>,
    audit: Option<AuditHead>,
    last_order: Option<LastOrder>,
    pictures: Vec<media::KeptFile>,
}

impl Facts {
    fn read(reader: &Reader<'_>) -> Outcome<Facts> {
        let settings = settings::read(reader)?;
        let (mut pictures, mut after) = (Vec::new(), String::new());
        loop {
            let more = media::files_after(reader, &after, PICTURES_A_READ)?;
            let Some(last) = more.last() else { break };
            last.path.as_str().clone_into(&mut after);
            pictures.extend(more);
        }
        Ok(Facts {
            schema: sql::schema(reader)?,
            shop: ShopFacts {
                name: settings.shop.name.clone(),
                time_zone: settings.shop.time_zone.clone(),
                currency: settings.shop.currency.clone(),
            },
            zone: settings.format.zone.clone(),
            rows: db::row_counts(reader)?,
            audit: audit_head(reader)?,
            last_order: sql::last_order(reader)?,
            pictures,
        })
    }
}

/// The newest row of the audit log.
pub(super) fn audit_head(reader: &Reader<'_>) -> Outcome<Option<AuditHead>> {
    Ok(audit::newest(reader)?.map(|(rows, hash)| AuditHead { rows, hash }))
}

/// What is to be packed, in order.
#[derive(Default)]
struct List {
    all: Vec<(Entry, Piece)>,
    warnings: Vec<String>,
}

impl List {
    fn add(&mut self, path: &str, bytes: u64, sha256: String, content: Content) {
        self.all.push((Entry { path: path.to_owned(), bytes, sha256 }, Piece { content }));
    }

    /// A file that does not change.
    fn add_file(&mut self, path: &str, file: PathBuf, pace: &mut Pace) -> Result<(), BackupFault> {
        let (bytes, sha256) = digest::of_file(&file, |_| pace.passed()).map_err(BackupFault::read(&file))?;
        self.add(path, bytes, sha256, Content::File(file));
        Ok(())
    }

    /// A small one, which may change: it is held as it is now.
    fn add_small(&mut self, path: &str, file: &Path) -> Result<(), BackupFault> {
        let mut bytes = Vec::new();
        let read = fs::File::open(file).and_then(|file| file.take(LARGEST_SMALL_FILE + 1).read_to_end(&mut bytes));
        if read.map_err(BackupFault::read(file))? as u64 > LARGEST_SMALL_FILE {
            return Err(BackupFault::Refused(format!(
                "{} is larger than {}, so it is not what belongs there. Take it out of the shop's folder",
                file.display(),
                told(LARGEST_SMALL_FILE)
            )));
        }
        self.add(path, bytes.len() as u64, digest::of_bytes(&bytes), Content::Bytes(bytes));
        Ok(())
    }

    /// Small files of a folder and of those below it, by name; what is no plain file, or has no plain name, is told and stays out.
    fn add_folder(&mut self, path: &str, folder: &Path) -> Result<(), BackupFault> {
        let listed = match fs::read_dir(folder) {
            Ok(listed) => listed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(BackupFault::Read { path: folder.to_owned(), error }),
        };
        let mut found = Vec::new();
        for entry in listed {
            let entry = entry.map_err(BackupFault::read(folder))?;
            let kind = entry.file_type().map_err(BackupFault::read(folder))?;
            found.push((entry.file_name(), kind, entry.path()));
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, kind, place) in found {
            let inside = name.to_str().map(|name| format!("{path}/{name}"));
            match inside.filter(|inside| Place::of(inside).is_some()) {
                Some(inside) if kind.is_dir() => self.add_folder(&inside, &place)?,
                // What is written aside is renamed or removed in a moment.
                Some(inside) if kind.is_file() => match self.add_small(&inside, &place) {
                    Err(BackupFault::Read { error, .. }) if error.kind() == io::ErrorKind::NotFound => {}
                    added => added?,
                },
                _ => self
                    .warnings
                    .push(format!("{path}/{} was left out: no plain file, or no plain name", name.to_string_lossy())),
            }
        }
        Ok(())
    }

    fn add_pictures(&mut self, pictures: &[media::KeptFile], folder: &Path, pace: &mut Pace) -> Result<(), BackupFault> {
        for picture in pictures {
            let path = format!("media/{}", picture.path);
            match self.add_file(&path, folder.join(picture.path.as_str()), pace) {
                Err(BackupFault::Read { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                    self.warnings.push(missing(&path));
                }
                added => added?,
            }
        }
        Ok(())
    }
}

/// What is said of a picture's file that the books name and the disk has not.
pub(super) fn missing(path: &str) -> String {
    format!("{path} is named in the books and was missing")
}

/// Whether the newest backup in the folder is so young that none is due; names of sealed ones are read by the shop's clock.
///
/// # Errors
/// If the folder cannot be read.
pub fn newest_is_younger(desk: &Desk, zone: Option<&ShopZone>, now: UtcMs, than_ms: i64) -> Result<bool, BackupFault> {
    // One of the future, as after a clock that jumped, says nothing.
    let is_young = |at: UtcMs| at <= now && now.ms() - at.ms() < than_ms;
    Ok(super::list_in_zone(desk, zone)?.iter().any(|one| one.is_whole() && is_young(one.made_at)))
}
