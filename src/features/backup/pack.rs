//! Writing a backup: one file, whole or not there.
//!
//! What always holds: it is written under a name that no backup has, in the folder where it is to lie, synced, and only then given its
//! own; every piece is, while it streams, still what the manifest says. Nothing larger than a block is held.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};
use tempfile::NamedTempFile;

use super::digest::Hashing;
use super::manifest::{self, Manifest};
use super::sealing::Witness;
use super::{BackupFault, Seal};

/// The beginning of the name of what is being written. A hidden file is never listed, and the next run removes what was left.
pub(super) const UNFINISHED: &str = ".bayader-unfinished-";
/// zstd's level: on books of orders 1 gives files some tenths larger than 3 for half of the time; what is packed is packed beside sales.
const LEVEL: i32 = 1;
const WRITE_BLOCK: usize = 256 << 10;

/// What an entry's bytes are.
pub enum Content {
    /// Small things that may change while the rest is read.
    Bytes(Vec<u8>),
    /// A file that does not change.
    File(PathBuf),
}

/// An entry to be written; its description stands at the same place of the manifest.
pub struct Piece {
    pub content: Content,
}

/// A backup that was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packed {
    pub path: PathBuf,
    pub bytes: u64,
    /// Of the file as it lies there.
    pub sha256: String,
}

/// Writes an archive to `target`, which must not be there yet. `passed` hears of every block that was read; it may
/// take its time, and an error of it ends the work.
pub(super) fn write(
    target: &Path,
    manifest: &Manifest,
    pieces: &[Piece],
    seal: &Seal,
    witness: Option<&Witness>,
    passed: &mut dyn FnMut(u64) -> io::Result<()>,
) -> Result<Packed, BackupFault> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unwritable = BackupFault::write(target);
    let unfinished = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder).map_err(&unwritable)?;
    let file = unfinished.reopen().map_err(&unwritable)?;
    let _held = mark(unfinished.path()).map_err(&unwritable)?;
    let out = Hashing::of(BufWriter::with_capacity(WRITE_BLOCK, file));
    let sealing = seal.wrap(out, witness).map_err(&unwritable)?;
    let mut encoder = zstd::Encoder::new(sealing, LEVEL).map_err(&unwritable)?;
    encoder.include_checksum(true).map_err(&unwritable)?;
    let mut archive = Builder::new(encoder);

    let text = serde_json::to_vec(manifest).map_err(|error| unwritable(error.into()))?;
    append(&mut archive, manifest::NAME, text.len() as u64, &mut text.as_slice()).map_err(&unwritable)?;
    for (entry, piece) in manifest.entries.iter().zip(pieces) {
        let mut source: Hashing<Box<dyn Read + '_>> = Hashing::of(match &piece.content {
            Content::Bytes(bytes) => Box::new(bytes.as_slice()),
            Content::File(path) => Box::new(File::open(path).map_err(BackupFault::read(path))?),
        });
        // One that has shrunk is padded by nobody: the size in its header would be a lie.
        let mut exact = Exact { source: &mut source, left: entry.bytes, passed };
        append(&mut archive, &entry.path, entry.bytes, &mut exact).map_err(&unwritable)?;
        let mut more = [0; 1];
        let grown = source.read(&mut more).map_err(&unwritable)? > 0;
        let (_, _, sha256) = source.finish();
        if grown || sha256 != entry.sha256 {
            return Err(BackupFault::Refused(format!("{} changed while it was packed. Try again", entry.path)));
        }
    }
    let encoder = archive.into_inner().map_err(&unwritable)?;
    let sealing = encoder.finish().map_err(&unwritable)?;
    let mut out = sealing.finish().map_err(&unwritable)?;
    out.flush().map_err(&unwritable)?;
    let (out, bytes, sha256) = out.finish();
    out.into_inner().map_err(|error| unwritable(error.into_error()))?.sync_all().map_err(&unwritable)?;
    keep(unfinished, target, folder)?;
    Ok(Packed { path: target.to_owned(), bytes, sha256 })
}

/// Gives it its name, which nobody else may have taken meanwhile; then the folder knows it for good.
fn keep(unfinished: NamedTempFile, target: &Path, folder: &Path) -> Result<(), BackupFault> {
    unfinished.persist_noclobber(target).map_err(|error| BackupFault::Write { path: target.to_owned(), error: error.error })?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(BackupFault::write(folder))
}

fn append(archive: &mut Builder<impl Write>, path: &str, bytes: u64, content: &mut dyn Read) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_path(path)?;
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o600);
    header.set_size(bytes);
    header.set_cksum();
    archive.append(&header, content)
}

/// Gives exactly so many bytes.
struct Exact<'a, 'b> {
    source: &'a mut dyn Read,
    left: u64,
    passed: &'b mut dyn FnMut(u64) -> io::Result<()>,
}

impl Read for Exact<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        if most == 0 {
            return Ok(0);
        }
        let read = self.source.read(&mut into[..most])?;
        if read == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter while it was packed"));
        }
        self.left -= read as u64;
        (self.passed)(read as u64)?;
        Ok(read)
    }
}

/// Marks what is unfinished as somebody's who lives: a lock that ends with this process, however that ends.
pub(super) fn mark(path: &Path) -> io::Result<File> {
    let held = File::open(path)?;
    held.try_lock()?;
    Ok(held)
}

/// Removes what runs that were killed have left in a folder; what somebody who lives is writing stays.
pub(super) fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(UNFINISHED) || mark(&entry.path()).is_err() {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// A scratch folder, 0700, gone when it is dropped.
pub(super) struct Scratch {
    folder: tempfile::TempDir,
    _held: File,
}

impl Scratch {
    pub fn new_in(folder: &Path) -> Result<Scratch, BackupFault> {
        let unwritable = BackupFault::write(folder);
        let scratch = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(folder).map_err(&unwritable)?;
        let held = mark(scratch.path()).map_err(&unwritable)?;
        Ok(Scratch { folder: scratch, _held: held })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}
