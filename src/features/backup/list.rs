//! What lies in the folder of backups, known by content.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use super::{BackupFault, Desk, Kind, Manifest, Unlock, kind_of, names, open};
use crate::kernel::{ShopZone, UtcMs};

/// A file that is a backup, or was one.
pub struct Listed {
    pub name: String,
    pub bytes: u64,
    /// The moment that its books show, as its manifest says; of a sealed one as its name does, else when the file was written.
    pub made_at: UtcMs,
    pub content: Listing,
}

/// What can be said of a backup without unpacking it.
pub enum Listing {
    Open(Box<Manifest>),
    /// Only who has its key can say.
    Sealed,
    /// It looks like one and cannot be read.
    Torn(String),
}

impl Listed {
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        matches!(self.content, Listing::Sealed)
    }

    /// As far as can be seen from outside.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !matches!(self.content, Listing::Torn(_))
    }

    #[must_use]
    pub fn manifest(&self) -> Option<&Manifest> {
        match &self.content {
            Listing::Open(manifest) => Some(manifest),
            Listing::Sealed | Listing::Torn(_) => None,
        }
    }
}

/// Every backup in the folder, the newest first. What is something else is not named.
///
/// # Errors
/// If the folder cannot be read; one that is not there has none.
pub fn list(desk: &Desk) -> Result<Vec<Listed>, BackupFault> {
    list_in_zone(desk, None)
}

/// As [`list`]; names of sealed ones are read by the shop's clock.
///
/// # Errors
/// As [`list`].
pub fn list_in_zone(desk: &Desk, zone: Option<&ShopZone>) -> Result<Vec<Listed>, BackupFault> {
    let listed = match fs::read_dir(&desk.folder) {
        Ok(listed) => listed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(BackupFault::Read { path: desk.folder.clone(), error }),
    };
    let mut found = Vec::new();
    for entry in listed {
        let entry = entry.map_err(BackupFault::read(&desk.folder))?;
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        // Hidden: what is being written. A link may lead anywhere.
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if name.starts_with('.') || !is_file {
            continue;
        }
        let path = entry.path();
        // One that was removed meanwhile is not there.
        let (Ok(kind), Ok(metadata)) = (kind_of(&path), entry.metadata()) else { continue };
        let from_outside = || {
            let written = UtcMs::from_ms(metadata.mtime().saturating_mul(1_000));
            names::stamp(&name).zip(zone).and_then(|(stamp, zone)| zone.moment(stamp)).unwrap_or(written)
        };
        let (made_at, content) = match kind {
            Kind::Other => continue,
            Kind::Sealed => (from_outside(), Listing::Sealed),
            Kind::Open => match open(&path, &Unlock::nothing()) {
                Ok(opened) => (opened.manifest().made_at, Listing::Open(Box::new(opened.manifest().clone()))),
                // A zstd file of somebody else's.
                Err(BackupFault::NotABackup(_)) => continue,
                Err(fault) => (from_outside(), Listing::Torn(fault.to_string())),
            },
        };
        found.push(Listed { name, bytes: metadata.len(), made_at, content });
    }
    found.sort_by(|a, b| b.made_at.cmp(&a.made_at).then_with(|| b.name.cmp(&a.name)));
    Ok(found)
}
