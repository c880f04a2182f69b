//! Reading a backup: its manifest without unpacking, then every entry against it.
//!
//! What always holds: nothing is written that the manifest does not name; of each entry type, name, order, size and hash are as it
//! says, or [`Opened::unpack_into`] fails; behind the last entry there is nothing. Memory is bounded whatever the file holds: the tar
//! is read by its plain headers alone, so no entry can bring a long name, a link, a sparse map or an attribute.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use tar::{EntryType, Header};

use super::digest::Hashing;
use super::manifest::{self, Entry, FORMAT, Manifest};
use super::{BackupFault, Unlock, sealing};

/// The first bytes of a zstd frame (RFC 8878, 3.1.1).
const ZSTD_MARK: &[u8] = &[0x28, 0xB5, 0x2F, 0xFD];
/// The largest window that is followed, 2 to this power: 8 MiB, four times what `pack` writes.
const MOST_WINDOW: u32 = 23;
/// A tar archive is made of such blocks (POSIX pax, ustar Interchange Format).
const BLOCK: u64 = 512;
const COPY_BLOCK: usize = 128 << 10;

/// What a file is, by its first bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Perhaps an unsealed backup; its manifest says it for sure.
    Open,
    Sealed,
    Other,
}

/// Looks at a file's first bytes; its name says nothing.
///
/// # Errors
/// If it cannot be read.
pub fn kind_of(path: &Path) -> Result<Kind, BackupFault> {
    let mut file = regular(path)?;
    kind(&mut file).map_err(BackupFault::read(path))
}

fn regular(path: &Path) -> Result<File, BackupFault> {
    // Opening a pipe would wait for whoever writes into it.
    let metadata = std::fs::metadata(path).map_err(BackupFault::read(path))?;
    if !metadata.is_file() {
        return Err(BackupFault::NotABackup(path.to_owned()));
    }
    File::open(path).map_err(BackupFault::read(path))
}

fn kind(file: &mut File) -> io::Result<Kind> {
    let mut head = Vec::new();
    Read::by_ref(file).take(sealing::MARK.len() as u64).read_to_end(&mut head)?;
    file.rewind()?;
    Ok(if head == sealing::MARK {
        Kind::Sealed
    } else if head.starts_with(ZSTD_MARK) {
        Kind::Open
    } else {
        Kind::Other
    })
}

/// A backup whose manifest was read.
pub struct Opened {
    path: PathBuf,
    stream: Box<dyn Read + Send>,
    manifest: Manifest,
    is_sealed: bool,
}

/// Opens a backup and reads its manifest, which is checked in itself.
///
/// # Errors
/// [`BackupFault`]: it is none, sealed to somebody else, damaged, or of a newer form.
pub fn open(path: &Path, unlock: &Unlock) -> Result<Opened, BackupFault> {
    let mut file = regular(path)?;
    let kind = kind(&mut file).map_err(BackupFault::read(path))?;
    let buffered = BufReader::with_capacity(COPY_BLOCK, file);
    let plain: Box<dyn Read + Send> = match kind {
        Kind::Open => Box::new(buffered),
        Kind::Sealed => unlock.unwrap(path, buffered)?,
        Kind::Other => return Err(BackupFault::NotABackup(path.to_owned())),
    };
    let torn = |error| BackupFault::of_stream(path, error);
    let mut decoder = zstd::Decoder::new(plain).map_err(torn)?;
    decoder.window_log_max(MOST_WINDOW).map_err(torn)?;
    let mut stream: Box<dyn Read + Send> = Box::new(decoder);

    let first = read_header(&mut stream).map_err(torn)?;
    let Some((name, bytes)) = first.filter(|(name, _)| name == manifest::NAME) else {
        return Err(BackupFault::NotABackup(path.to_owned()));
    };
    if bytes > manifest::MOST_BYTES {
        return Err(BackupFault::damaged(path, format!("{name} is larger than any")));
    }
    let mut text = Vec::new();
    stream.by_ref().take(bytes).read_to_end(&mut text).map_err(torn)?;
    skip_padding(&mut stream, bytes).map_err(torn)?;
    let form: Form = serde_json::from_slice(&text).map_err(|_| BackupFault::damaged(path, "its manifest cannot be read"))?;
    if form.format > FORMAT {
        return Err(BackupFault::NewerForm { path: path.to_owned(), found: form.format });
    }
    if !serde_json::from_slice::<Lines>(&text).is_ok_and(|lines| lines.are_of_a_shop()) {
        return Err(BackupFault::damaged(path, "its manifest cannot be read: it is no shop's"));
    }
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|error| BackupFault::damaged(path, format!("its manifest cannot be read: {error}")))?;
    manifest.check().map_err(|what| BackupFault::damaged(path, what))?;
    Ok(Opened { path: path.to_owned(), stream, manifest, is_sealed: kind == Kind::Sealed })
}

/// What of a manifest every version understands.
#[derive(serde::Deserialize)]
struct Form {
    format: u32,
}

/// How much it would take to hold a manifest.
#[derive(serde::Deserialize)]
struct Lines {
    #[serde(default)]
    rows: Count,
    #[serde(default)]
    warnings: Count,
}

/// An empty text in a list takes three bytes to write and ten times as many to hold; one of ours takes a hundred to write, so that a
/// manifest of [`manifest::MOST_BYTES`] never has so many.
const MOST_LINES: usize = 1_000_000;

impl Lines {
    fn are_of_a_shop(&self) -> bool {
        self.rows.0.max(self.warnings.0) <= MOST_LINES
    }
}

/// How many members something has, none of which is held.
#[derive(Default)]
struct Count(usize);

impl<'de> serde::Deserialize<'de> for Count {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Count, D::Error> {
        from.deserialize_any(Counting)
    }
}

struct Counting;

impl<'de> Visitor<'de> for Counting {
    type Value = Count;

    fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Count, A::Error> {
        let mut count = 0;
        while list.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Count(count))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Count, A::Error> {
        let mut count = 0;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Count(count))
    }
}

impl Opened {
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.is_sealed
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes every entry into a folder, which must be there and empty; files are 0600, folders 0700, all synced. `progress` hears how
    /// many bytes of how many are written.
    ///
    /// # Errors
    /// [`BackupFault`]; what lies in the folder then counts for nothing and is the caller's to remove.
    pub fn unpack_into(mut self, folder: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Manifest, BackupFault> {
        let (mut done, all) = (0, self.manifest.bytes().unwrap_or(u64::MAX));
        for entry in &self.manifest.entries {
            let (path, stream) = (&self.path, &mut self.stream);
            let torn = |error| BackupFault::of_stream(path, error);
            let (name, bytes) = read_header(stream)
                .map_err(torn)?
                .ok_or_else(|| BackupFault::damaged(path, format!("{} is missing", entry.path)))?;
            if name != entry.path || bytes != entry.bytes {
                return Err(BackupFault::damaged(
                    path,
                    format!("{} should follow with {} bytes, and something else does", entry.path, entry.bytes),
                ));
            }
            unpack_one(path, stream, entry, folder, &mut |written| {
                done += written;
                progress(done, all);
            })?;
            skip_padding(stream, bytes).map_err(torn)?;
        }
        self.expect_end()?;
        sync_folders(folder).map_err(BackupFault::write(folder))?;
        Ok(self.manifest)
    }

    /// Behind the last entry stand two empty blocks, and then nothing at all.
    fn expect_end(&mut self) -> Result<(), BackupFault> {
        let torn = |error| BackupFault::of_stream(&self.path, error);
        if let Some((name, _)) = read_header(&mut self.stream).map_err(torn)? {
            return Err(BackupFault::damaged(
                &self.path,
                format!("it holds {:?}, which its manifest does not name", shown(&name)),
            ));
        }
        // Reading to the end also checks zstd's and age's own last words.
        let mut rest = [0; 1];
        match self.stream.read(&mut rest).map_err(torn)? {
            0 => Ok(()),
            _ => Err(BackupFault::damaged(&self.path, "something follows its end")),
        }
    }
}

fn shown(name: &str) -> String {
    name.chars().take(100).collect()
}

fn unpack_one(
    archive: &Path,
    stream: &mut Box<dyn Read + Send>,
    entry: &Entry,
    folder: &Path,
    written: &mut dyn FnMut(u64),
) -> Result<(), BackupFault> {
    // The manifest's check has seen that the path stays inside and has no link's way out: every folder on it is made here.
    let place = folder.join(&entry.path);
    let parent = place.parent().unwrap_or(folder);
    DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(BackupFault::write(parent))?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&place).map_err(BackupFault::write(&place))?;
    let mut out = Hashing::of(file);
    let (mut left, mut block) = (entry.bytes, vec![0; COPY_BLOCK]);
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(COPY_BLOCK).min(COPY_BLOCK);
        let read = stream.read(&mut block[..most]).map_err(|error| BackupFault::of_stream(archive, error))?;
        if read == 0 {
            return Err(BackupFault::damaged(archive, "it ends too early"));
        }
        out.write_all(&block[..read]).map_err(BackupFault::write(&place))?;
        left -= read as u64;
        written(read as u64);
    }
    let (file, _, sha256) = out.finish();
    if sha256 != entry.sha256 {
        return Err(BackupFault::damaged(archive, format!("{} is not what its manifest says", entry.path)));
    }
    file.sync_all().map_err(BackupFault::write(&place))
}

/// Name and size of the next entry; `None` at the archive's end. Anything but a plain file is an error.
fn read_header(stream: &mut Box<dyn Read + Send>) -> io::Result<Option<(String, u64)>> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut header = Header::new_old();
    stream.read_exact(header.as_mut_bytes())?;
    if header.as_bytes().iter().all(|byte| *byte == 0) {
        stream.read_exact(header.as_mut_bytes())?;
        let is_empty = header.as_bytes().iter().all(|byte| *byte == 0);
        return if is_empty { Ok(None) } else { Err(wrong("an empty block stands in the middle")) };
    }
    let mut blank = header.clone();
    blank.set_cksum();
    if header.cksum()? != blank.cksum()? {
        return Err(wrong("a header's sum is wrong"));
    }
    // POSIX: '0', and by older programs '\0'. We write '0' alone.
    if header.entry_type() != EntryType::Regular {
        return Err(wrong("it holds something that is no plain file"));
    }
    let name = String::from_utf8(header.path_bytes().into_owned()).map_err(|_| wrong("a name is no text"))?;
    Ok(Some((name, header.entry_size()?)))
}

fn skip_padding(stream: &mut Box<dyn Read + Send>, bytes: u64) -> io::Result<()> {
    let padding = bytes.next_multiple_of(BLOCK) - bytes;
    let skipped = io::copy(&mut stream.take(padding), &mut io::sink())?;
    if skipped == padding { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Files were synced as they were written; their names are by this.
fn sync_folders(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_that_takes_little_to_write_and_much_to_hold_is_seen_before_it_is_held() {
        let are_of_a_shop = |count: usize| {
            let text = format!(r#"{{"format":1,"rows":{{"orders":3}},"warnings":[{}""]}}"#, r#""","#.repeat(count));
            serde_json::from_str::<Lines>(&text).expect("lines").are_of_a_shop()
        };
        assert!(are_of_a_shop(MOST_LINES - 1));
        assert!(!are_of_a_shop(MOST_LINES));
    }
}
