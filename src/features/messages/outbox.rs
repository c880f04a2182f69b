//! The outbox of the adapter `log`: each message a file in `outbox/` of the data folder (SPEC 7).
//!
//! A message may hold a link that opens an account, so folder and files are their owner's alone.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::kernel::{Fault, NotificationId, Result};
use crate::workers::Workers;

/// Messages kept (SPEC 7); older files are removed.
const KEPT: usize = 500;
/// Messages that wait for the thread; as many as jobs run at once, with room.
const QUEUE: usize = 64;

/// What a file of the outbox is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// An e-mail, as mail programs open it.
    Eml,
    /// A text message.
    Txt,
}

impl Form {
    const ALL: [Form; 2] = [Form::Eml, Form::Txt];

    const fn extension(self) -> &'static str {
        match self {
            Form::Eml => "eml",
            Form::Txt => "txt",
        }
    }
}

/// Where messages lie that nobody carries.
pub(super) struct Outbox {
    folder: PathBuf,
    form: Form,
    thread: Workers,
}

impl Outbox {
    /// Opens it; the folder is made if it is missing.
    ///
    /// # Errors
    /// If the folder cannot be made, or the system gives no thread.
    pub(super) fn open(folder: &Path, form: Form) -> io::Result<Outbox> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        Ok(Outbox { folder: folder.to_owned(), form, thread: Workers::start("outbox", 1, QUEUE)? })
    }

    /// Puts a message out. One that has been put out before, under the same id, is replaced.
    ///
    /// # Errors
    /// A fault if the disk does not take it.
    pub(super) async fn put(&self, id: NotificationId, bytes: Vec<u8>) -> Result<()> {
        let (folder, form) = (self.folder.clone(), self.form);
        let done = self.thread.run(move || write(&folder, id, form, &bytes).and_then(|()| remove_old(&folder))).await;
        done.map_err(|_| Fault::because("the outbox takes no more messages now"))?.map_err(Fault::new)?;
        Ok(())
    }

    /// Whether a message lies there.
    pub(super) async fn has(&self, id: NotificationId) -> Result<bool> {
        let path = path(&self.folder, id, self.form);
        let found = self.thread.run(move || path.try_exists()).await;
        Ok(found.map_err(|_| Fault::because("the outbox answers no more questions now"))?.map_err(Fault::new)?)
    }
}

fn path(folder: &Path, id: NotificationId, form: Form) -> PathBuf {
    folder.join(format!("{id}.{}", form.extension()))
}

/// Whole or not at all: written aside, synced, renamed. That the folder has it is not waited for, which would cost each message a second
/// sync beside the shop's own commits: these files are for reading, and a cut in the power may take the newest of them.
fn write(folder: &Path, id: NotificationId, form: Form, bytes: &[u8]) -> io::Result<()> {
    let aside = folder.join(format!(".{id}.part"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&aside, path(folder, id, form))
}

/// Removes all but the newest messages; their ids, and so their names, are in order of time.
fn remove_old(folder: &Path) -> io::Result<()> {
    let mut messages = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if Form::ALL.iter().any(|form| Path::new(&name).extension().is_some_and(|extension| extension == form.extension())) {
            messages.push(name);
        }
    }
    let too_many = messages.len().saturating_sub(KEPT);
    if too_many == 0 {
        return Ok(());
    }
    // The oldest of them come to stand first; in which order the others stand does not matter.
    messages.select_nth_unstable(too_many - 1);
    for old in messages.iter().take(too_many) {
        match fs::remove_file(folder.join(old)) {
            // The other channel's messages are cleared by another thread.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> NotificationId {
        NotificationId::from_uuid(uuid::Uuid::from_u128(number))
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn a_message_is_its_owners_alone_and_the_last_500_stay() {
        let temp = tempfile::tempdir().expect("a folder");
        let folder = temp.path().join("outbox");
        let outbox = Outbox::open(&folder, Form::Eml).expect("an outbox");
        let path = |number: u128| path(&folder, id(number), if number == 2 { Form::Txt } else { Form::Eml });
        for number in 1..=500 {
            fs::write(path(number), "an older message").expect("written");
        }
        for number in 501..=502 {
            outbox.put(id(number), b"a message".to_vec()).await.expect("put out");
        }
        assert_eq!((mode(&folder), mode(&path(502))), (0o700, 0o600));
        assert!(!path(1).exists() && !path(2).exists() && path(3).exists());
        assert_eq!(fs::read_dir(&folder).expect("a folder").count(), KEPT);
        outbox.put(id(502), b"once more".to_vec()).await.expect("put out");
        assert_eq!(fs::read(path(502)).expect("a message"), b"once more");
        assert_eq!(fs::read_dir(&folder).expect("a folder").count(), KEPT);
        assert!(outbox.has(id(502)).await.expect("it looks") && !outbox.has(id(1)).await.expect("it looks"));
    }
    #[test]
    fn what_is_beyond_the_last_500_goes_at_once_and_the_oldest_of_it() {
        let temp = tempfile::tempdir().expect("a folder");
        let folder = temp.path();
        let number_of = |number: u128| (number * 263) % 521;
        // 263 and 521 are prime, so each number from 1 to 520 comes once, in no order.
        for number in 1..=520 {
            fs::write(path(folder, id(number_of(number)), Form::Txt), "a message").expect("written");
        }
        fs::write(folder.join("notes"), "no message").expect("written");
        remove_old(folder).expect("removed");
        let kept: Vec<u128> = (1..=520).filter(|number| path(folder, id(*number), Form::Txt).exists()).collect();
        assert_eq!(kept.len(), KEPT);
        assert_eq!(kept, (21..=520).collect::<Vec<_>>());
        assert!(folder.join("notes").exists());
    }
}
