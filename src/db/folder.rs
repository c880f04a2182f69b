//! The data folder: who may own it, and where its files lie.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::swap;

/// Why a folder cannot be a shop's.
#[derive(Debug, thiserror::Error)]
pub enum FolderFault {
    #[error(
        "the data folder {0} cannot be made or written: {1}. Choose another with --data-dir, or give this user the right to write there"
    )]
    NotWritable(PathBuf, std::io::Error),
    #[error("another bayader already owns the data folder {0}. Stop it first, or choose another folder with --data-dir")]
    Owned(PathBuf),
    #[error(
        "the data folder {folder} lies on a network file system ({kind}), where a database is not safe. Choose a folder on a local disk with --data-dir"
    )]
    Network { folder: PathBuf, kind: String },
    #[error(
        "a restore was interrupted in the data folder {0}, and cannot be ended: {1}. Both shops are whole: mend this, then start bayader \
         again, which ends it"
    )]
    Swap(PathBuf, std::io::Error),
}

/// A data folder that this process owns until it is dropped: one process at a time (SPEC 5).
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    /// Held for its lock only.
    _lock: File,
}

impl DataFolder {
    /// Makes the folder if it is missing (0700) and takes its lock.
    ///
    /// # Errors
    /// [`FolderFault`].
    pub fn own(path: &Path) -> Result<DataFolder, FolderFault> {
        let not_writable = |error| FolderFault::NotWritable(path.to_owned(), error);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(not_writable)?;
        let path = path.canonicalize().map_err(not_writable)?;
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        if let Some(kind) = network_file_system(&path, &mounts) {
            return Err(FolderFault::Network { folder: path, kind: kind.to_owned() });
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("bayader.lock"))
            .map_err(|error| FolderFault::NotWritable(path.clone(), error))?;
        match lock.try_lock() {
            Ok(()) => {
                // Nobody looks into a folder in which a restore has died half-way.
                match swap::finish(&path) {
                    Ok(Some(aside)) => {
                        tracing::warn!(kept = %aside.display(), "a restore that was interrupted is ended; the shop of before is kept");
                    }
                    Ok(None) => {}
                    Err(error) => return Err(FolderFault::Swap(path, error)),
                }
                Ok(DataFolder { path, _lock: lock })
            }
            Err(fs::TryLockError::WouldBlock) => Err(FolderFault::Owned(path)),
            Err(fs::TryLockError::Error(error)) => Err(FolderFault::NotWritable(path, error)),
        }
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    #[must_use]
    pub fn database(&self) -> PathBuf {
        database_in(&self.path)
    }

    /// The socket through which commands reach this server.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        control_socket_in(&self.path)
    }

    /// A folder inside, made if it is missing (0700).
    ///
    /// # Errors
    /// [`FolderFault::NotWritable`].
    pub fn subfolder(&self, name: &str) -> Result<PathBuf, FolderFault> {
        let path = self.path.join(name);
        match fs::DirBuilder::new().recursive(true).mode(0o700).create(&path) {
            Ok(()) => Ok(path),
            Err(error) => Err(FolderFault::NotWritable(path, error)),
        }
    }

    /// The user who owns the folder, as a numeric id.
    #[must_use]
    pub fn owner_of(path: &Path) -> Option<(u32, u32)> {
        fs::metadata(path).ok().map(|metadata| (metadata.uid(), metadata.gid()))
    }
}

/// Who holds it keeps every file of a shop that its books name: backups are made one at a time, and what nothing shows any more is
/// collected when none is. It is a lock of the kernel's, so it counts across processes and ends with its holder, however that ends.
#[derive(Debug)]
pub struct FilesHeld {
    /// Held for its lock only.
    _lock: File,
}

impl FilesHeld {
    /// Takes it; `None` if somebody has it.
    ///
    /// # Errors
    /// If the lock's file cannot be made.
    pub fn try_take(folder: &Path) -> std::io::Result<Option<FilesHeld>> {
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(folder.join("backup.lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(FilesHeld { _lock: lock })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

/// The kind of the network file system on which a folder lies; `None` of a local one.
#[must_use]
pub fn network_kind(folder: &Path) -> Option<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    network_file_system(folder, &mounts).map(str::to_owned)
}

/// Where the database of a folder lies.
#[must_use]
pub fn database_in(folder: &Path) -> PathBuf {
    folder.join("bayader.db")
}

/// Where the socket of a folder's server lies.
#[must_use]
pub fn control_socket_in(folder: &Path) -> PathBuf {
    folder.join("control.sock")
}

/// File systems that cross a network: their locks and syncs are not what SQLite needs (sqlite.org/useovernet.html).
const NETWORK_KINDS: &[&str] = &[
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "ncpfs",
    "afs",
    "9p",
    "ceph",
    "glusterfs",
    "lustre",
    "beegfs",
    "ocfs2",
    "gfs2",
    "davfs",
    "fuse.sshfs",
    "fuse.rclone",
    "fuse.glusterfs",
    "fuse.s3fs",
    "fuse.davfs",
];

/// The kind of the network file system under a path, by the kernel's table of mounts (proc(5), mountinfo); `None` if local.
fn network_file_system<'m>(path: &Path, mountinfo: &'m str) -> Option<&'m str> {
    let (_, kind) = mountinfo
        .lines()
        .filter_map(|line| {
            let (before, after) = line.split_once(" - ")?;
            let mount_point = before.split(' ').nth(4)?.replace("\\040", " ");
            let kind = after.split(' ').next()?;
            path.starts_with(&mount_point).then_some((mount_point.len(), kind))
        })
        // The longest mount point is the nearest; of two on one point the later hides the earlier.
        .max_by_key(|(length, _)| *length)?;
    NETWORK_KINDS.contains(&kind).then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
24 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 24 0:30 / /srv/nas rw,relatime shared:5 - nfs4 nas:/export rw
31 30 0:31 / /srv/nas/local\\040disk rw - xfs /dev/sdb rw
32 24 0:32 / /home/me/cloud rw - fuse.sshfs me@host: rw";

    #[test]
    fn the_nearest_mount_decides_whether_a_folder_is_local() {
        let kind = |path| network_file_system(Path::new(path), MOUNTS);
        assert_eq!(kind("/var/lib/bayader"), None);
        assert_eq!(kind("/srv/nas/shop"), Some("nfs4"));
        assert_eq!(kind("/srv/nas/local disk/shop"), None);
        assert_eq!(kind("/srv/nasty"), None);
        assert_eq!(kind("/home/me/cloud/shop"), Some("fuse.sshfs"));
    }

    #[test]
    fn a_folder_has_one_owner_and_is_free_after_it() {
        let temp = tempfile::tempdir().expect("a folder");
        let path = temp.path().join("a/b");
        let first = DataFolder::own(&path).expect("free");
        assert!(matches!(DataFolder::own(&path), Err(FolderFault::Owned(_))));
        drop(first);
        assert!(DataFolder::own(&path).is_ok());
    }
}
