//! Why a backup was not made, opened or proven, in words for whoever keeps the machine.

use std::io;
use std::path::{Path, PathBuf};

/// What went wrong with a backup. Each says what happened, where, and what to do; none has a secret in it.
#[derive(Debug, thiserror::Error)]
pub enum BackupFault {
    #[error("{path} cannot be read: {error}. Look at its rights and at the disk")]
    Read { path: PathBuf, error: io::Error },
    #[error("{path} cannot be written: {error}. Look at the folder's rights and at the disk; nothing of it was kept")]
    Write { path: PathBuf, error: io::Error },
    #[error("{0} is no backup of a shop. Name a file that `bayader backup list` shows")]
    NotABackup(PathBuf),
    #[error("{0} is sealed. Open it with --identity-file or --passphrase-file, whichever it was sealed to")]
    Sealed(PathBuf),
    #[error("{0} is sealed to another key or passphrase than the one given")]
    OtherKey(PathBuf),
    #[error("{path} is damaged or was changed: {what}. Nothing of it was used; take another backup")]
    Damaged { path: PathBuf, what: String },
    #[error("{path} is of form {found}, newer than this program reads ({known}). Install the newer bayader first", known = super::manifest::FORMAT)]
    NewerForm { path: PathBuf, found: u32 },
    #[error("{path} is of a shop at version {found}, newer than this program's {known}. Install the newer bayader first", known = crate::db::SCHEMA_VERSION)]
    NewerShop { path: PathBuf, found: i64 },
    #[error("{folder} has {free} free, and {needed} are needed. Make room there; nothing was written")]
    NoRoom { folder: PathBuf, needed: String, free: String },
    #[error("{0}")]
    Refused(String),
    #[error("{what}: {why}")]
    Books { what: String, why: String },
}

impl BackupFault {
    pub(super) fn read(path: &Path) -> impl Fn(io::Error) -> BackupFault + '_ {
        move |error| BackupFault::Read { path: path.to_owned(), error }
    }

    pub(super) fn write(path: &Path) -> impl Fn(io::Error) -> BackupFault + '_ {
        move |error| BackupFault::Write { path: path.to_owned(), error }
    }

    pub(super) fn damaged(path: &Path, what: impl Into<String>) -> BackupFault {
        BackupFault::Damaged { path: path.to_owned(), what: what.into() }
    }

    /// What the stream of an archive said: the disk's own words stay apart from those about the content.
    pub(super) fn of_stream(path: &Path, error: io::Error) -> BackupFault {
        if error.raw_os_error().is_some() {
            return BackupFault::Read { path: path.to_owned(), error };
        }
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return BackupFault::damaged(path, "it ends too early");
        }
        BackupFault::damaged(path, error.to_string())
    }
}
