//! Pictures of a running shop: their files, and the one thread that opens them.
//!
//! A picture of 50 megapixels takes some 200 MB while it is open, so one is open at a time, whoever asks; the others wait as files.

use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

use super::{MediaPath, Picture, Refused, Store, check};
use crate::config::Config;
use crate::kernel::problem::kinds;
use crate::kernel::{Error, Fault, Problem, Result};
use crate::workers::{NotDone, Workers};

/// Threads that open pictures. Each may hold a whole one in memory.
const OPEN_AT_ONCE: usize = 1;
/// Pictures that wait for it.
const MOST_WAITING: usize = 256;
/// Threads that read and write files.
const FILE_THREADS: usize = 2;
/// Pieces of files that wait for them.
const MOST_PIECES: usize = 4_096;

/// The pictures of a shop.
pub struct Pictures {
    store: Store,
    studio: Workers,
    files: Workers,
    copies: bool,
    most_bytes: u64,
}

/// Why a file was not taken in.
#[derive(Debug)]
pub enum NotTaken {
    /// What is wrong with it.
    Refused(Refused),
    /// Nothing is: the disk, or too much at once.
    Failed(Error),
}

impl Pictures {
    /// Opens the folder, which is made if it is missing, and starts the threads.
    ///
    /// # Errors
    /// If the folder cannot be made, or the system gives no thread.
    pub fn open(folder: &Path, config: &Config) -> io::Result<Pictures> {
        Ok(Pictures {
            store: Store::open(folder)?,
            // A large picture takes seconds, and who comes while the shop is started again would wait for it; its job draws it anew.
            studio: Workers::start("pictures", OPEN_AT_ONCE, MOST_WAITING)?.left_behind(),
            files: Workers::start("media-files", FILE_THREADS, MOST_PIECES)?,
            copies: config.s3.is_some(),
            most_bytes: u64::from(config.media.max_upload_mb) * 1_000_000,
        })
    }

    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Whether each file is copied to a bucket: then a [`COPY_JOBS`](super::COPY_JOBS) job is written beside its row.
    #[must_use]
    pub fn copies(&self) -> bool {
        self.copies
    }

    /// Most bytes of one picture.
    #[must_use]
    pub fn most_bytes(&self) -> u64 {
        self.most_bytes
    }

    /// Checks what has arrived, cleans it and keeps it as a file. Until [`attach`](super::attach) has written its rows, nothing shows
    /// it; taken in twice, it is the same file.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn take_in(&self, mut arrived: NamedTempFile) -> Result<Picture, NotTaken> {
        let (store, most_bytes) = (self.store.clone(), self.most_bytes);
        let taken = self.studio.run(move || -> io::Result<Result<Picture, Refused>> {
            let bytes = check::read_all(&mut arrived, most_bytes)?;
            let checked = match check::accept(&bytes, most_bytes) {
                Ok(checked) => checked,
                Err(refused) => return Ok(Err(refused)),
            };
            store.put(&MediaPath::original(checked.picture.hash, checked.picture.format), &checked.kept)?;
            Ok(Ok(checked.picture))
        });
        match taken.await {
            Ok(Ok(Ok(picture))) => Ok(picture),
            Ok(Ok(Err(refused))) => Err(NotTaken::Refused(refused)),
            Ok(Err(disk)) => Err(NotTaken::Failed(disk_fault(disk))),
            Err(NotDone::Full) => Err(NotTaken::Failed(crowded().into())),
            // The decoder panicked: this file's fault, and nobody else's.
            Err(NotDone::Lost) => Err(NotTaken::Refused(Refused::damaged("it cannot be read"))),
        }
    }

    /// Runs work that opens a picture, when it is its turn; a panic is a fault.
    ///
    /// # Errors
    /// 503 if too many wait, and a fault.
    pub(super) async fn in_studio<T: Send + 'static>(&self, work: impl FnOnce(&Store) -> T + Send + 'static) -> Result<T> {
        let store = self.store.clone();
        done(self.studio.run(move || work(&store)).await)
    }

    /// Runs work that reads or writes a piece of a file.
    ///
    /// # Errors
    /// 503 if too many wait, and a fault.
    pub async fn on_disk<T: Send + 'static>(&self, work: impl FnOnce(&Store) -> T + Send + 'static) -> Result<T> {
        let store = self.store.clone();
        done(self.files.run(move || work(&store)).await)
    }
}

fn done<T>(outcome: Result<T, NotDone>) -> Result<T> {
    outcome.map_err(|not_done| match not_done {
        NotDone::Full => crowded().into(),
        NotDone::Lost => Fault::because("work on a picture panicked").into(),
    })
}

/// What the disk refused, told as what it is: a full one is for the shop's keeper.
pub(super) fn disk_fault(error: io::Error) -> Error {
    if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        tracing::error!(error = %error, "a picture could not be written");
        return Problem::of(&kinds::STORAGE_UNAVAILABLE)
            .detail("The shop's disk is full. Nothing was kept; its keeper has to make room, then send it again.")
            .into();
    }
    Fault::new(error).into()
}

fn crowded() -> Problem {
    Problem::of(&kinds::BUSY)
        .detail("Many pictures are being worked on. Nothing was done; try again in a few seconds.")
        .retry_after_s(5)
}
