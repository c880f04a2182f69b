//! Putting a backup in the place of a shop: unpacked and checked aside, made that of a restored shop by `app`, and swapped in by renames.
//!
//! What always holds: until everything was checked and is on disk nothing of the shop that is there is touched, and afterwards all of it is
//! kept aside (`db::swap`). Only who owns the data folder, with no server on it, may call this.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::{BackupFault, Manifest, Opened};
use crate::db::{self, FilesHeld, SCHEMA_VERSION, swap};
use crate::kernel::UtcMs;

/// What a restored shop needs besides its files: its log while it is made ready, and the copy from before a migration.
const TIMES_THE_BOOKS: u64 = 2;
/// What is left free for the shop to begin with.
const ROOM_TO_LIVE: u64 = 64 << 20;
/// What a backup may bring, in the order in which it comes.
const COMES: [&str; 8] =
    ["bayader.db", "bayader.db-wal", "bayader.db-shm", "keys", "media", "templates", "erased.log", CONFIGURATION];
const CONFIGURATION: &str = "bayader.toml";
/// The configuration of a backup, where the machine has its own: it stays, and this one lies beside to be looked at.
const CONFIGURATION_BESIDE: &str = "bayader.toml.from-backup";

/// A backup that lies unpacked and checked beside a shop.
#[derive(Debug)]
pub struct Aside {
    folder: PathBuf,
    /// Where it lies.
    pub new: PathBuf,
    pub manifest: Manifest,
}

/// What was done.
#[derive(Debug)]
pub struct Swapped {
    /// Where the shop of before is kept, if there was one.
    pub kept: Option<PathBuf>,
    /// Where the backup's configuration lies, if the machine's own stays.
    pub configuration_beside: Option<PathBuf>,
}

/// Unpacks a backup beside the shop of a folder, and checks it.
///
/// # Errors
/// [`BackupFault`]; nothing of the shop was touched, and what was unpacked is gone again.
pub fn unpack(opened: Opened, folder: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Aside, BackupFault> {
    let path = opened.path().to_owned();
    let manifest = opened.manifest();
    if manifest.schema > SCHEMA_VERSION {
        return Err(BackupFault::NewerShop { path, found: manifest.schema });
    }
    check_room(manifest, folder)?;
    let new = swap::begin(folder).map_err(BackupFault::write(folder))?;
    let unpacked = opened.unpack_into(&new, progress).and_then(|manifest| {
        check_books(&path, &new, &manifest)?;
        Ok(manifest)
    });
    match unpacked {
        Ok(manifest) => Ok(Aside { folder: folder.to_owned(), new, manifest }),
        Err(fault) => {
            // What cannot be taken away now goes at the next restore; it counts for nothing.
            let _ = swap::abandon(folder);
            Err(fault)
        }
    }
}

impl Aside {
    /// Puts it in the place of the shop that is there. `keeps_configuration`: the machine has one elsewhere.
    ///
    /// # Errors
    /// [`BackupFault`]. Whether the swap was decided, [`swap::is_under_way`] says.
    pub fn swap_in(self, now: UtcMs, keeps_configuration: bool) -> Result<Swapped, BackupFault> {
        let unwritable = BackupFault::write(&self.folder);
        // A backup without pictures or words of its own is of a shop that has none.
        for name in ["media", "templates"] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(self.new.join(name)).map_err(&unwritable)?;
        }
        let brings_configuration = self.new.join(CONFIGURATION).exists();
        let is_beside = brings_configuration && (keeps_configuration || self.folder.join(CONFIGURATION).exists());
        if is_beside {
            fs::rename(self.new.join(CONFIGURATION), self.new.join(CONFIGURATION_BESIDE)).map_err(&unwritable)?;
        }
        let comes = COMES.into_iter().chain([CONFIGURATION_BESIDE]);
        let kept = swap(&self.folder, &self.new, comes, now)?;
        Ok(Swapped { kept, configuration_beside: is_beside.then(|| self.folder.join(CONFIGURATION_BESIDE)) })
    }

    /// Takes away what was unpacked.
    pub fn give_up(self) {
        let _ = swap::abandon(&self.folder);
    }
}

/// Puts books that were made ready aside ([`swap::begin`]) in the place of those that are there; keys, pictures and words stay. Where the
/// books of before are kept.
///
/// # Errors
/// [`BackupFault`]. Whether the swap was decided, [`swap::is_under_way`] says.
pub fn swap_books_in(folder: &Path, new: &Path, now: UtcMs) -> Result<Option<PathBuf>, BackupFault> {
    swap(folder, new, COMES, now)
}

/// Decides and ends the swap, while no backup is made: one would have the books of one shop and the keys of the other.
fn swap(
    folder: &Path,
    new: &Path,
    comes: impl IntoIterator<Item = &'static str>,
    now: UtcMs,
) -> Result<Option<PathBuf>, BackupFault> {
    let unwritable = BackupFault::write(folder);
    let decide = || -> Result<FilesHeld, BackupFault> {
        let held = FilesHeld::try_take(folder).map_err(&unwritable)?.ok_or_else(|| {
            BackupFault::Refused(format!(
                "a backup of the shop in {} is being made; repeat this when it has ended",
                folder.display()
            ))
        })?;
        let comes: Vec<&str> = comes.into_iter().filter(|name| new.join(name).exists()).collect();
        swap::sync_tree(new).map_err(&unwritable)?;
        swap::decide(folder, &name_aside(folder, now), &comes).map_err(&unwritable)?;
        Ok(held)
    };
    let _held = decide().inspect_err(|_| {
        if !swap::is_under_way(folder) {
            // What cannot be taken away now goes at the next restore; it counts for nothing.
            let _ = swap::abandon(folder);
        }
    })?;
    swap::finish(folder).map_err(&unwritable)
}

/// What SQLite itself finds wrong with books that came without a manifest, and that they are a shop's of a version we know.
///
/// # Errors
/// In words.
pub fn check_bare_books(new: &Path) -> Result<(), String> {
    let database = db::database_in(new);
    let version = db::schema_version(&database).map_err(|fault| format!("it is no database: {}", fault.chain()))?;
    if version == 0 || version > SCHEMA_VERSION {
        return Err(format!("it is of version {version}, and this program reads 1 to {SCHEMA_VERSION}"));
    }
    let found = db::open_read_only(&database, db::check_books).map_err(|error| format!("it cannot be read: {error}"))?;
    if let Some(first) = found.first() {
        return Err(format!("it is not whole: {first}"));
    }
    forget_what_looking_left(new).map_err(|error| error.to_string())
}

/// Looking may have left an empty log beside it.
fn forget_what_looking_left(new: &Path) -> std::io::Result<()> {
    for beside in ["bayader.db-wal", "bayader.db-shm"] {
        match fs::remove_file(new.join(beside)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// `before-restore-20261125-080000Z`, in UTC, because the clock of a shop that is being replaced may not be asked. Where one of that
/// second is there, a number follows.
fn name_aside(folder: &Path, now: UtcMs) -> String {
    let stamp: String = now.to_string().chars().take(19).filter(char::is_ascii_digit).collect();
    let (day, time) = stamp.split_at(stamp.len().min(8));
    let name = format!("before-restore-{day}-{time}Z");
    let (mut free, mut n) = (name.clone(), 2);
    while folder.join(&free).exists() {
        free = format!("{name}-{n}");
        n += 1;
    }
    free
}

/// By what the manifest says; more than that is never written.
fn check_room(manifest: &Manifest, folder: &Path) -> Result<(), BackupFault> {
    let all = manifest.bytes().unwrap_or(u64::MAX);
    let books = manifest.entries.iter().filter(|entry| entry.path == "bayader.db").map(|entry| entry.bytes).sum::<u64>();
    let needed = all.saturating_add(books.saturating_mul(TIMES_THE_BOOKS)).saturating_add(ROOM_TO_LIVE);
    let free = free_bytes(folder).map_err(BackupFault::read(folder))?;
    if free < needed {
        return Err(BackupFault::NoRoom { folder: folder.to_owned(), needed: megabytes(needed), free: megabytes(free) });
    }
    Ok(())
}

fn free_bytes(folder: &Path) -> std::io::Result<u64> {
    let of = nix::sys::statvfs::statvfs(folder)?;
    Ok(of.blocks_available().saturating_mul(of.fragment_size()))
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

/// The books are of the version that the manifest says, and whole.
fn check_books(archive: &Path, new: &Path, manifest: &Manifest) -> Result<(), BackupFault> {
    let database = db::database_in(new);
    let damaged = |what: String| BackupFault::Damaged { path: archive.to_owned(), what };
    let version = db::schema_version(&database).map_err(|_| damaged("its books are no database".to_owned()))?;
    if version > SCHEMA_VERSION {
        return Err(BackupFault::NewerShop { path: archive.to_owned(), found: version });
    }
    if version != manifest.schema || version == 0 {
        return Err(damaged(format!("its books are of version {version}, and its manifest says {}", manifest.schema)));
    }
    let found = db::open_read_only(&database, db::check_books)
        .map_err(|error| damaged(format!("its books cannot be read: {error}")))?;
    if let Some(first) = found.first() {
        return Err(damaged(format!("its books are not whole: {first}")));
    }
    forget_what_looking_left(new).map_err(BackupFault::write(new))
}
