//! The outbox of the adapter `log`: each letter a file in `outbox/` of the data folder (SPEC 7).
//!
//! A letter may hold a link that opens an account, so folder and files are their owner's alone, and the log tells no more than a
//! letter's id and kind.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::Letter;
use crate::kernel::{Fault, Result};
use crate::workers::Workers;

/// Letters kept (SPEC 7); older files are removed.
const KEPT: usize = 500;
/// Letters that wait for the thread; as many as jobs run at once, with room.
const QUEUE: usize = 64;

/// Where messages go.
pub struct Outbox {
    folder: PathBuf,
    thread: Workers,
}

impl Outbox {
    /// Opens it; the folder is made if it is missing.
    ///
    /// # Errors
    /// If the folder cannot be made, or the system gives no thread.
    pub fn open(folder: &Path) -> io::Result<Outbox> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        Ok(Outbox { folder: folder.to_owned(), thread: Workers::start("outbox", 1, QUEUE)? })
    }

    /// Puts a letter out. One that has been put out before, under the same id, is replaced.
    ///
    /// # Errors
    /// A fault if the disk does not take it.
    pub async fn send(&self, letter: Letter) -> Result<()> {
        let folder = self.folder.clone();
        let (id, kind) = (letter.id, letter.kind);
        let done = self.thread.run(move || write(&folder, &letter).and_then(|()| remove_old(&folder))).await;
        done.map_err(|_| Fault::because("the outbox takes no more letters now"))?.map_err(Fault::new)?;
        tracing::info!(letter = %id, kind, "a message lies in the outbox");
        Ok(())
    }
}

/// Whole or not at all: written aside, synced, renamed.
fn write(folder: &Path, letter: &Letter) -> io::Result<()> {
    let aside = folder.join(format!(".{}.part", letter.id));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(letter.to_eml().as_bytes())?;
    file.sync_all()?;
    fs::rename(&aside, folder.join(format!("{}.eml", letter.id)))?;
    fs::File::open(folder)?.sync_all()
}

/// Removes all but the newest letters; their ids, and so their names, are in order of time.
fn remove_old(folder: &Path) -> io::Result<()> {
    let mut letters = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "eml") {
            letters.push(path);
        }
    }
    letters.sort();
    for old in letters.iter().rev().skip(KEPT) {
        fs::remove_file(old)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Email, UtcMs};

    fn letter(number: u128) -> Letter {
        Letter {
            id: uuid::Uuid::from_u128(number),
            kind: "password_reset",
            to: Email::parse("layla@example.com").expect("an address"),
            at: UtcMs::from_ms(0),
            subject: "A new password".to_owned(),
            body: format!("letter {number}\n"),
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn a_letter_is_its_owners_alone_and_the_last_500_stay() {
        let temp = tempfile::tempdir().expect("a folder");
        let folder = temp.path().join("outbox");
        let outbox = Outbox::open(&folder).expect("an outbox");
        let path = |number: u128| folder.join(format!("{}.eml", uuid::Uuid::from_u128(number)));
        for number in 1..=500 {
            fs::write(path(number), "an older letter").expect("written");
        }
        for number in 501..=502 {
            outbox.send(letter(number)).await.expect("put out");
        }
        assert_eq!((mode(&folder), mode(&path(502))), (0o700, 0o600));
        assert!(!path(2).exists() && path(3).exists());
        assert_eq!(fs::read_dir(&folder).expect("a folder").count(), KEPT);
        let again = Letter { body: "once more\n".to_owned(), ..letter(502) };
        outbox.send(again).await.expect("put out");
        assert!(fs::read_to_string(path(502)).expect("a letter").ends_with("once more\r\n"));
        assert_eq!(fs::read_dir(&folder).expect("a folder").count(), KEPT);
    }
}
