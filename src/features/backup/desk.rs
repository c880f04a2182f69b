//! Where a shop's backups lie, how many are kept and to whom they are sealed, as its keeper has decided.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use nix::sys::statvfs::statvfs;

use super::{BackupFault, Seal};
use crate::config::{Config, Keep};
use crate::db;

/// What is left free beside what a backup needs: the shop goes on writing meanwhile.
const SPARE_BYTES: u64 = 32 << 20;

/// The keeper's decisions about backups.
pub struct Desk {
    /// The shop's data folder.
    pub(super) data: PathBuf,
    pub(super) folder: PathBuf,
    pub(super) keep: Keep,
    pub(super) seal: Seal,
    /// The configuration that is packed along.
    pub(super) config_file: Option<PathBuf>,
    /// Held while this shop's own jobs work on its backups, so that the night's two never both make one. By threads that may wait.
    pub(super) turn: Mutex<()>,
}

impl Desk {
    /// Of a shop's configuration.
    ///
    /// # Errors
    /// If backups are to be sealed to what is no recipient.
    pub fn of(data: &Path, config: &Config) -> Result<Desk, BackupFault> {
        let seal = match &config.backup.seal_to {
            Some(recipient) => Seal::to_recipient(recipient)?,
            None => Seal::Open,
        };
        Ok(Desk {
            data: data.to_owned(),
            folder: config.backup.folder.clone().unwrap_or_else(|| data.join("backups")),
            keep: config.backup.keep,
            seal,
            config_file: config.file.clone(),
            turn: Mutex::default(),
        })
    }

    /// Where backups lie.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether backups are sealed by configuration.
    #[must_use]
    pub fn is_sealing(&self) -> bool {
        !self.seal.is_open()
    }

    /// As this, sealed otherwise.
    #[must_use]
    pub fn sealed_by(self, seal: Seal) -> Desk {
        Desk { seal, ..self }
    }

    /// Makes the folder of backups if it is missing.
    pub(super) fn make_folder(&self) -> Result<(), BackupFault> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(BackupFault::write(&self.folder))
    }

    /// A copy that leaves the machine leaves it sealed: whoever holds an unsealed one holds the shop (SPEC 10).
    pub(super) fn check_leaving(&self, folder: &Path) -> Result<(), BackupFault> {
        if !self.seal.is_open() {
            return Ok(());
        }
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let target = real(folder);
        if let Some(kind) = db::network_kind(&target) {
            return Err(BackupFault::Refused(format!(
                "{} lies on another machine ({kind}), and a copy that leaves this one must be sealed: who holds it holds the shop. \
                 Set `backup.seal_to`, or name a --passphrase-file",
                folder.display()
            )));
        }
        if target.starts_with(real(&self.data)) || target.starts_with(real(&self.folder)) {
            return Ok(());
        }
        Err(BackupFault::Refused(format!(
            "{} is outside of the shop's folders, and a copy that leaves them must be sealed: who holds it holds the shop. Set \
             `backup.seal_to`, name a --passphrase-file, or write into {}",
            folder.display(),
            self.folder.display()
        )))
    }
}

/// That a folder's disk has so much room.
pub(super) fn expect_room(folder: &Path, needed: u64) -> Result<(), BackupFault> {
    let found = statvfs(folder).map_err(|error| BackupFault::Read { path: folder.to_owned(), error: error.into() })?;
    let free = found.blocks_available().saturating_mul(found.fragment_size());
    let needed = needed.saturating_add(SPARE_BYTES);
    if free >= needed {
        return Ok(());
    }
    Err(BackupFault::NoRoom { folder: folder.to_owned(), needed: told(needed), free: told(free) })
}

/// Bytes as people say them.
#[must_use]
pub fn told(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        1_000_000..10_000_000_000 => format!("{} MB", bytes.div_ceil(1_000_000)),
        _ => format!("{} GB", bytes.div_ceil(1_000_000_000)),
    }
}
