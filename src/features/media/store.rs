//! Files below `media/` of the data folder, each whole or not there.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The folder of pictures.
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// Opens it; the folder is made if it is missing.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn open(folder: &Path) -> io::Result<Store> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        Ok(Store { folder: folder.to_owned() })
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}
