//! Putting another shop into a data folder in place of the one that is there: by renames alone, so that nothing of either is ever half.
//!
//! The new shop is made ready in a folder inside (`restoring/new/`). Then one file is written that says so (`restoring/ready.json`), and from
//! that moment on the swap is decided: whoever owns the folder next, be it a server or a command, ends it before anything else
//! ([`finish`]). Before that moment nothing of the old shop was touched. So a machine that dies in the middle leaves the old shop whole,
//! or both shops whole and the way to the new one.
//!
//! 1. What the new shop has a successor for goes aside, into a folder that keeps it (`before-restore-<time>/`).
//! 2. `restoring/moved-out` says that all of it has gone.
//! 3. What is new comes in.
//! 4. `ready.json` goes, and then the rest of `restoring/`.
//!
//! The folder itself is not renamed: it may be a mount, or lie where its owner may not write, as under systemd; and the backups, which
//! stay, lie in it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Where the new shop is made ready.
const WORK: &str = "restoring";
const NEW: &str = "new";
const READY: &str = "ready.json";
const MOVED_OUT: &str = "moved-out";
/// What lies beside a database and belongs to it alone: its log, its index of the log, and what a copier keeps of it.
const OF_THE_DATABASE: [&str; 4] = ["bayader.db-wal", "bayader.db-shm", "bayader.db-journal", ".bayader.db-litestream"];
const DATABASE: &str = "bayader.db";

/// What is decided.
#[derive(Serialize, Deserialize)]
struct Ready {
    /// The folder that keeps what goes.
    aside: String,
    /// What goes, if it is there.
    out: Vec<String>,
    /// What comes.
    new: Vec<String>,
}

/// An empty folder in which the new shop is made ready; what an earlier one left there goes.
///
/// # Errors
/// What the disk says.
pub fn begin(folder: &Path) -> io::Result<PathBuf> {
    abandon(folder)?;
    let new = folder.join(WORK).join(NEW);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&new)?;
    Ok(new)
}

/// Takes away what was made ready and not decided.
///
/// # Errors
/// What the disk says.
pub fn abandon(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder.join(WORK)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Decides: these entries of the new shop take the place of what is there. `aside` is the name of the folder that keeps it. What was made
/// ready must be on disk ([`sync_tree`]). To be followed by [`finish`].
///
/// # Errors
/// What the disk says; then nothing is decided.
pub fn decide(folder: &Path, aside: &str, new: &[&str]) -> io::Result<()> {
    let mut out: Vec<String> = new.iter().map(|name| (*name).to_owned()).collect();
    if new.contains(&DATABASE) {
        out.extend(OF_THE_DATABASE.map(str::to_owned));
    }
    if let Some(name) = mounted(folder, &out, &fs::read_to_string("/proc/self/mountinfo").unwrap_or_default()) {
        return Err(io::Error::other(format!("{name} in it is a mount of its own, which cannot be renamed; unmount it first")));
    }
    let ready = Ready { aside: aside.to_owned(), out, new: new.iter().map(|name| (*name).to_owned()).collect() };
    let work = folder.join(WORK);
    let (unfinished, path) = (work.join("ready.part"), work.join(READY));
    write_synced(&unfinished, &serde_json::to_vec(&ready)?)?;
    fs::rename(&unfinished, &path)?;
    sync_folder(&work)?;
    sync_folder(folder)
}

/// The first of these entries that something is mounted on, by the kernel's table of mounts (proc(5), mountinfo): no rename moves it, so a
/// swap that was decided could not be ended.
fn mounted<'n>(folder: &Path, names: &'n [String], mountinfo: &str) -> Option<&'n str> {
    let points: Vec<PathBuf> =
        mountinfo.lines().filter_map(|line| Some(line.split(' ').nth(4)?.replace("\\040", " ").into())).collect();
    names.iter().find(|name| points.contains(&folder.join(name))).map(String::as_str)
}

/// Ends a swap that was decided; the folder that keeps what was there, or `None` if none was under way. Only who owns the folder may call it.
///
/// # Errors
/// What the disk says; it is ended by the next call then.
pub fn finish(folder: &Path) -> io::Result<Option<PathBuf>> {
    let work = folder.join(WORK);
    let ready = match fs::read(work.join(READY)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        bytes => serde_json::from_slice::<Ready>(&bytes?)?,
    };
    let aside = folder.join(&ready.aside);
    if !there(&work.join(MOVED_OUT))? {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&aside)?;
        for name in &ready.out {
            let (from, to) = (folder.join(name), aside.join(name));
            // Nothing new has come in yet, so what is there is old.
            if there(&from)? {
                fs::rename(&from, &to)?;
            }
        }
        sync_folder(&aside)?;
        sync_folder(folder)?;
        write_synced(&work.join(MOVED_OUT), b"")?;
        sync_folder(&work)?;
    }
    let new = work.join(NEW);
    for name in &ready.new {
        let (from, to) = (new.join(name), folder.join(name));
        if there(&from)? {
            fs::rename(&from, &to)?;
        }
    }
    sync_folder(&new)?;
    sync_folder(folder)?;
    // First what decides: were the rest gone before it, the next look would take the new shop for the old one.
    fs::remove_file(work.join(READY))?;
    sync_folder(&work)?;
    abandon(folder)?;
    // A shop that was not there leaves nothing to keep.
    if fs::read_dir(&aside)?.next().is_none() {
        fs::remove_dir(&aside)?;
        return Ok(None);
    }
    Ok(Some(aside))
}

/// Whether a swap was decided and is not ended.
#[must_use]
pub fn is_under_way(folder: &Path) -> bool {
    folder.join(WORK).join(READY).exists()
}

/// Has everything under a path on disk.
///
/// # Errors
/// What the disk says.
pub fn sync_tree(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    sync_folder(path)
}

/// Whether an entry is there, also a link that leads nowhere.
fn there(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap_or_else(|_| "gone".to_owned())
    }

    /// An old shop, and a new one that is ready and decided.
    fn decided() -> tempfile::TempDir {
        let temp = tempfile::tempdir().expect("a folder");
        let folder = temp.path();
        put(folder, "bayader.db", "old");
        put(folder, "bayader.db-wal", "old log");
        put(folder, "keys/access.key", "old key");
        put(folder, "backups/a", "stays");
        let new = begin(folder).expect("begun");
        put(&new, "bayader.db", "new");
        put(&new, "keys/access.key", "new key");
        decide(folder, "aside", &["bayader.db", "keys"]).expect("decided");
        temp
    }

    fn expect_new(folder: &Path) {
        assert_eq!(read(&folder.join("bayader.db")), "new");
        assert_eq!(read(&folder.join("keys/access.key")), "new key");
        assert_eq!(read(&folder.join("bayader.db-wal")), "gone", "another database's log must not be read into this one");
        assert_eq!(read(&folder.join("aside/bayader.db")), "old");
        assert_eq!(read(&folder.join("aside/bayader.db-wal")), "old log");
        assert_eq!(read(&folder.join("aside/keys/access.key")), "old key");
        assert_eq!(read(&folder.join("backups/a")), "stays");
        assert!(!folder.join("restoring").exists());
    }

    #[test]
    fn what_is_new_takes_the_place_of_what_was_and_that_is_kept() {
        let temp = decided();
        assert_eq!(finish(temp.path()).expect("ended"), Some(temp.path().join("aside")));
        expect_new(temp.path());
        assert_eq!(finish(temp.path()).expect("nothing to do"), None);
    }

    /// Each state in which a machine can die, made by hand: the steps until there, and nothing after.
    #[test]
    fn whoever_owns_the_folder_next_ends_a_swap_that_died_at_any_step() {
        let old = ["bayader.db", "bayader.db-wal", "keys"];
        for moved in 0..=old.len() {
            let temp = decided();
            let folder = temp.path();
            fs::create_dir(folder.join("aside")).expect("made");
            for name in &old[..moved] {
                fs::rename(folder.join(name), folder.join("aside").join(name)).expect("moved");
            }
            finish(folder).expect("ended");
            expect_new(folder);
        }
        for came in 0..=2 {
            let temp = decided();
            let folder = temp.path();
            fs::create_dir(folder.join("aside")).expect("made");
            for name in old {
                fs::rename(folder.join(name), folder.join("aside").join(name)).expect("moved");
            }
            put(folder, "restoring/moved-out", "");
            for name in &["bayader.db", "keys"][..came] {
                fs::rename(folder.join("restoring/new").join(name), folder.join(name)).expect("moved");
            }
            finish(folder).expect("ended");
            expect_new(folder);
        }
    }

    #[test]
    fn what_was_made_ready_and_not_decided_changes_nothing() {
        let temp = tempfile::tempdir().expect("a folder");
        put(temp.path(), "bayader.db", "old");
        let new = begin(temp.path()).expect("begun");
        put(&new, "bayader.db", "new");
        assert_eq!(finish(temp.path()).expect("nothing was decided"), None);
        assert_eq!(read(&temp.path().join("bayader.db")), "old");
        abandon(temp.path()).expect("taken away");
        assert!(!temp.path().join("restoring").exists());
    }

    #[test]
    fn what_is_a_mount_of_its_own_is_seen_before_anything_is_decided() {
        let table = "24 1 254:0 / / rw - ext4 /dev/vda rw\n30 24 0:30 / /srv/my\\040shop/media rw - xfs /dev/sdb rw";
        let names = ["bayader.db".to_owned(), "media".to_owned()];
        assert_eq!(mounted(Path::new("/srv/my shop"), &names, table), Some("media"));
        assert_eq!(mounted(Path::new("/srv/my shop"), &names[..1], table), None);
        assert_eq!(mounted(Path::new("/srv"), &names, table), None);
    }

    #[test]
    fn a_folder_that_had_no_shop_keeps_no_empty_folder() {
        let temp = tempfile::tempdir().expect("a folder");
        let new = begin(temp.path()).expect("begun");
        put(&new, "bayader.db", "new");
        decide(temp.path(), "aside", &["bayader.db"]).expect("decided");
        assert_eq!(finish(temp.path()).expect("ended"), None);
        assert_eq!(read(&temp.path().join("bayader.db")), "new");
        assert!(!temp.path().join("aside").exists());
    }
}
