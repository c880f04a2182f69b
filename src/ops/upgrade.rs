//! What an upgrade has to know of the server it started: whether that server has let anybody in.
//!
//! While the shop stands still, `systemd/bayader-upgrade` puts the file [`UNOPENED`] into the data folder, keeps a copy of the
//! database, and migrates. As long as the file is there nobody was answered by the new program, so going back to the copy loses
//! nothing. The server takes the file away for good before it opens its doors; without it there is no way back to the copy
//! (docs/decisions/0018-upgrades.md).

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// There until a server of the new program has opened its doors.
pub const UNOPENED: &str = "unopened";

/// Says durably that from now on somebody may have been answered. Called before the first connection is accepted and before the
/// first job runs.
///
/// # Errors
/// If the file cannot be taken away; then no door may open.
pub fn doors_open(folder: &Path) -> io::Result<()> {
    match fs::remove_file(folder.join(UNOPENED)) {
        // Without the sync a power cut could bring the file back after an order was acknowledged.
        Ok(()) => File::open(folder)?.sync_all(),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_doors_take_the_mark_away() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(UNOPENED), "").expect("a mark");
        doors_open(folder.path()).expect("it opens");
        assert!(!folder.path().join(UNOPENED).exists());
        doors_open(folder.path()).expect("it opens again");
    }

    #[test]
    fn a_mark_that_stays_keeps_the_doors_shut() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join(UNOPENED)).expect("what no file is");
        assert!(doors_open(folder.path()).is_err());
    }
}
