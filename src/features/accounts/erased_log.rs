//! `erased.log` beside the database: whom the shop has erased, an id a line. A backup of before has them still; who restores it erases them
//! again (SPEC 10).
//!
//! What always holds: a line is on disk before the erasure is acknowledged, and at each start the file is made whole from the books, so
//! that an erasure that died between its commit and its line is not forgotten. It holds ids alone: they say nothing of a person.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::kernel::{Fault, UserId};

/// The file's name in the data folder.
pub const ERASED_LOG: &str = "erased.log";
/// Bytes of it that are read: ids of 37 bytes, of more people than a bakery ever erases.
const MOST_BYTES: u64 = 64 << 20;

/// Where it lies in a data folder.
#[must_use]
pub fn erased_log_in(folder: &Path) -> PathBuf {
    folder.join(ERASED_LOG)
}

/// Whom the file of a folder names; nobody if there is none. A line that is no id, as one that a crash has torn, counts for nothing.
///
/// # Errors
/// A fault if it cannot be read.
pub fn read_erased_log(folder: &Path) -> Result<BTreeSet<UserId>, Fault> {
    let path = erased_log_in(folder);
    let mut bytes = Vec::new();
    match File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeSet::new()),
        file => file
            .and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes))
            .with_context(|| format!("{} cannot be read", path.display()))
            .map_err(Fault::new)?,
    };
    Ok(String::from_utf8_lossy(&bytes).lines().filter_map(|line| UserId::parse(line.trim())).collect())
}

/// Adds ids, and does not come back before they are on disk.
///
/// # Errors
/// A fault if the disk does not take them.
pub fn note_erased(folder: &Path, users: impl IntoIterator<Item = UserId>) -> Result<(), Fault> {
    let path = erased_log_in(folder);
    let mut lines: String = users.into_iter().map(|user| user.to_string()).collect::<Vec<_>>().join("\n");
    if lines.is_empty() {
        return Ok(());
    }
    lines.push('\n');
    let append = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(&path)?;
        let text = if ends_torn(&mut file)? { format!("\n{lines}") } else { lines };
        // One call, so that two that are erased at once do not stand in each other's line.
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // The name too: the file may be new.
        File::open(folder)?.sync_all()
    };
    append().with_context(|| format!("{} cannot be written", path.display())).map_err(Fault::new)
}

fn ends_torn(file: &mut File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != [b'\n'])
}

/// Makes the file whole: everybody of these whom it does not name is added.
///
/// # Errors
/// A fault.
pub fn complete_erased_log(folder: &Path, erased: &[UserId]) -> Result<(), Fault> {
    if erased.is_empty() {
        return Ok(());
    }
    let known = read_erased_log(folder)?;
    note_erased(folder, erased.iter().copied().filter(|user| !known.contains(user)))
}

/// Writes a file of these ids in a folder where there may be another one; used where a shop is put together anew.
///
/// # Errors
/// A fault.
pub fn write_erased_log(folder: &Path, erased: &BTreeSet<UserId>) -> Result<(), Fault> {
    match fs::remove_file(erased_log_in(folder)) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(Fault::new(error)),
        _ => {}
    }
    note_erased(folder, erased.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(n: u128) -> UserId {
        UserId::from_uuid(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn a_torn_line_is_not_taken_for_a_person_and_hides_nobody() {
        let folder = tempfile::tempdir().expect("a folder");
        note_erased(folder.path(), [user(1)]).expect("noted");
        let mut file = OpenOptions::new().append(true).open(erased_log_in(folder.path())).expect("the file");
        file.write_all(b"00000000-0000-0000").expect("torn");
        note_erased(folder.path(), [user(2)]).expect("noted");
        assert_eq!(read_erased_log(folder.path()).expect("read"), BTreeSet::from([user(1), user(2)]));
        complete_erased_log(folder.path(), &[user(2), user(3)]).expect("completed");
        assert_eq!(read_erased_log(folder.path()).expect("read"), BTreeSet::from([user(1), user(2), user(3)]));
        let text = fs::read_to_string(erased_log_in(folder.path())).expect("the file");
        assert_eq!(text.matches(&user(2).to_string()).count(), 1, "nobody is named twice");
    }
}
