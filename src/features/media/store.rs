//! Files below `media/` of the data folder, each whole or not there.
//!
//! A file is written beside its place, synced, renamed into it, and the folder is synced: so a crash leaves at most a file under
//! `incoming/`, which the next start throws away. Everything belongs to its owner alone.

use std::fmt;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::{Drawn, Format, PictureHash, Size};

/// Where files are written before they are whole.
const INCOMING: &str = "incoming";

/// The place of a file below `media/`: `ab/<hash>-original.png` or `ab/<hash>-card.webp`. Nothing else is ever opened there, so no
/// text from outside reaches the file system but by [`MediaPath::parse`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct MediaPath {
    text: String,
    picture: PictureHash,
}

impl MediaPath {
    /// What was uploaded, cleaned.
    #[must_use]
    pub fn original(picture: PictureHash, format: Format) -> MediaPath {
        MediaPath::of(picture, "original", format.code())
    }

    /// What was drawn of it.
    #[must_use]
    pub fn rendition(picture: PictureHash, size: Size, drawn: Drawn) -> MediaPath {
        MediaPath::of(picture, size.code(), drawn.code())
    }

    fn of(picture: PictureHash, what: &str, ending: &str) -> MediaPath {
        let hash = picture.to_string();
        MediaPath { text: format!("{}/{hash}-{what}.{ending}", &hash[..2]), picture }
    }

    /// Reads what [`fmt::Display`] writes; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<MediaPath> {
        let (_, name) = text.split_once('/')?;
        let (hash, rest) = name.split_once('-')?;
        let (what, ending) = rest.split_once('.')?;
        let picture = PictureHash::parse(hash)?;
        let path = match (Size::from_code(what), Drawn::from_code(ending), Format::from_code(ending)) {
            (Some(size), Some(drawn), _) => MediaPath::rendition(picture, size, drawn),
            (None, _, Some(format)) if what == "original" => MediaPath::original(picture, format),
            _ => return None,
        };
        (path.text == text).then_some(path)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The picture whose file it is.
    #[must_use]
    pub fn picture(&self) -> PictureHash {
        self.picture
    }

    /// Its media type, by what is in it.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        match self.text.rsplit_once('.').map(|(_, ending)| ending) {
            Some("webp") => "image/webp",
            Some("png") => "image/png",
            Some("gif") => "image/gif",
            _ => "image/jpeg",
        }
    }
}

impl fmt::Display for MediaPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The folder of pictures. What it does blocks, so it is called from threads that may.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// Opens it; the folder is made if it is missing, and what an earlier run left half written is thrown away.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn open(folder: &Path) -> io::Result<Store> {
        make_folder(folder)?;
        let incoming = folder.join(INCOMING);
        make_folder(&incoming)?;
        for left in fs::read_dir(&incoming)? {
            fs::remove_file(left?.path())?;
        }
        Ok(Store { folder: folder.to_owned() })
    }

    /// The folder of a shop that another process may hold, to read.
    #[must_use]
    pub fn beside(folder: &Path) -> Store {
        Store { folder: folder.to_owned() }
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file beside the places of all others, 0600, gone when it is dropped; what arrives is written here first.
    ///
    /// # Errors
    /// If the disk says so.
    pub fn incoming(&self) -> io::Result<NamedTempFile> {
        NamedTempFile::new_in(self.folder.join(INCOMING))
    }

    /// Puts bytes at a place; when this returns they survive a power loss. What stood there is replaced at once.
    ///
    /// # Errors
    /// If the disk says so; then the place is as it was.
    pub fn put(&self, path: &MediaPath, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.incoming()?;
        file.write_all(bytes)?;
        self.put_file(path, file)
    }

    /// As [`Store::put`], of a file that [`Store::incoming`] gave.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub fn put_file(&self, path: &MediaPath, file: NamedTempFile) -> io::Result<()> {
        let place = self.place(path);
        let folder = place.parent().unwrap_or(&self.folder);
        if !folder.is_dir() {
            make_folder(folder)?;
            File::open(&self.folder)?.sync_all()?;
        }
        file.as_file().sync_all()?;
        file.persist(&place).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    }

    /// Opens a file to read, with its length in bytes; `None` if it is not there.
    ///
    /// # Errors
    /// If the disk says so.
    pub fn open_file(&self, path: &MediaPath) -> io::Result<Option<(File, u64)>> {
        match File::open(self.place(path)) {
            Ok(file) => {
                let bytes = file.metadata()?.len();
                Ok(Some((file, bytes)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A file's bytes; `None` if it is not there.
    ///
    /// # Errors
    /// If the disk says so.
    pub fn read(&self, path: &MediaPath) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.place(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes a file away; `false` if it was not there.
    ///
    /// # Errors
    /// If the disk says so.
    pub fn remove(&self, path: &MediaPath) -> io::Result<bool> {
        match fs::remove_file(self.place(path)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// When a file was written, in nanoseconds since 1970, by the disk's own clock; `None` if it is not there.
    ///
    /// # Errors
    /// If the disk says so.
    pub fn written_ns(&self, path: &MediaPath) -> io::Result<Option<i64>> {
        match fs::symlink_metadata(self.place(path)) {
            Ok(metadata) => Ok(Some(written_ns(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes a file away that was written at this moment, or is gone already: `None`. One that was written at another moment stays, and
    /// its moment is the answer.
    ///
    /// # Errors
    /// If the disk says so.
    pub fn remove_as_written(&self, path: &MediaPath, ns: i64) -> io::Result<Option<i64>> {
        // Aside first, so that what is looked at is what goes, whoever writes there in between.
        let (place, aside) = (self.place(path), self.incoming()?.into_temp_path());
        match fs::rename(&place, &aside) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
        let found = written_ns(&fs::symlink_metadata(&aside)?);
        if found == ns {
            return Ok(None);
        }
        match fs::hard_link(&aside, &place) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(Some(found)),
        }
    }

    /// Takes away a file that is older than so many milliseconds by the disk's own clock; whether it went.
    ///
    /// # Errors
    /// If the disk says so.
    pub fn remove_older(&self, path: &MediaPath, than_ms: i64) -> io::Result<bool> {
        let before = self.written_before(than_ms)?;
        match self.written_ns(path)? {
            Some(written_ns) if written_ns < before => Ok(self.remove_as_written(path, written_ns)?.is_none()),
            _ => Ok(false),
        }
    }

    /// So long ago by the disk's own clock, in nanoseconds: a new file says what it shows.
    fn written_before(&self, ago_ms: i64) -> io::Result<i64> {
        let now = self.incoming()?;
        Ok(written_ns(&now.as_file().metadata()?).saturating_sub(ago_ms.saturating_mul(1_000_000)))
    }

    /// Takes away what arrived and was never taken in, older than so many milliseconds by the disk's own clock; how many files.
    ///
    /// # Errors
    /// If the disk says so.
    pub fn forget_incoming(&self, older_than_ms: i64) -> io::Result<usize> {
        let before = self.written_before(older_than_ms)?;
        let mut gone = 0;
        for file in fs::read_dir(self.folder.join(INCOMING))? {
            let file = file?;
            if written_ns(&file.metadata()?) < before {
                fs::remove_file(file.path())?;
                gone += 1;
            }
        }
        Ok(gone)
    }

    /// Every file there is, folder by folder, in the order of their paths; what is not a picture's comes as [`Found::Foreign`].
    ///
    /// # Errors
    /// If the disk says so.
    pub fn walk(&self, mut each: impl FnMut(Found)) -> io::Result<()> {
        for name in sorted(&self.folder)? {
            let below = self.folder.join(&name);
            if name == INCOMING {
                continue;
            }
            if !below.is_dir() {
                each(Found::Foreign(below));
                continue;
            }
            for file in sorted(&below)? {
                let place = below.join(&file);
                match MediaPath::parse(&format!("{name}/{file}")) {
                    Some(path) if place.is_file() => each(Found::Picture { bytes: fs::metadata(&place)?.len(), path }),
                    _ => each(Found::Foreign(place)),
                }
            }
        }
        Ok(())
    }

    fn place(&self, path: &MediaPath) -> PathBuf {
        self.folder.join(path.as_str())
    }
}

/// What lies below `media/`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    Picture {
        path: MediaPath,
        bytes: u64,
    },
    /// Nobody of the program put it there.
    Foreign(PathBuf),
}

fn written_ns(metadata: &fs::Metadata) -> i64 {
    metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec())
}

fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

fn sorted(folder: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("media")).expect("opened");
        (folder, store)
    }

    #[test]
    fn a_path_is_read_as_it_is_written_and_nothing_else_is() {
        let picture = PictureHash::of(b"x");
        let mut paths: Vec<_> = Format::ALL.iter().map(|format| MediaPath::original(picture, *format)).collect();
        for size in Size::ALL {
            paths.extend(Drawn::ALL.iter().map(|drawn| MediaPath::rendition(picture, *size, *drawn)));
        }
        for path in &paths {
            assert_eq!(MediaPath::parse(path.as_str()).as_ref(), Some(path));
        }
        let hash = picture.to_string();
        let two = &hash[..2];
        for wrong in [
            "",
            "../bayader.db",
            &format!("{two}/../{hash}-card.webp"),
            &format!("zz/{hash}-card.webp"),
            &format!("{two}/{hash}-card.png"),
            &format!("{two}/{hash}-original.webp/"),
            &format!("{two}/{hash}-original.exe"),
            &format!("{two}/{hash}-huge.webp"),
            &format!("/{two}/{hash}-card.webp"),
        ] {
            assert_eq!(MediaPath::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_file_is_put_read_walked_and_taken_away() {
        let (_folder, store) = store();
        let path = MediaPath::rendition(PictureHash::of(b"x"), Size::Card, Drawn::Webp);
        assert_eq!(store.read(&path).expect("read"), None);
        store.put(&path, b"first").expect("put");
        store.put(&path, b"second").expect("put again");
        assert_eq!(store.read(&path).expect("read").as_deref(), Some(b"second".as_slice()));
        assert_eq!(store.open_file(&path).expect("opened").expect("there").1, 6);
        fs::write(store.folder().join("notes.txt"), "x").expect("written");
        let mut found = Vec::new();
        store.walk(|one| found.push(one)).expect("walked");
        let foreign = Found::Foreign(store.folder().join("notes.txt"));
        assert_eq!(found, [Found::Picture { path: path.clone(), bytes: 6 }, foreign]);
        assert!(store.remove(&path).expect("removed") && !store.remove(&path).expect("gone already"));
    }

    #[test]
    fn only_the_file_that_was_meant_goes() {
        let (_folder, store) = store();
        let path = MediaPath::original(PictureHash::of(b"x"), Format::Png);
        assert_eq!(store.written_ns(&path).expect("looked"), None);
        assert_eq!(store.remove_as_written(&path, 7).expect("gone already"), None);
        store.put(&path, b"first").expect("put");
        let first = store.written_ns(&path).expect("looked").expect("there");
        assert_eq!(store.remove_as_written(&path, first - 1).expect("another one"), Some(first));
        assert_eq!(store.read(&path).expect("read").as_deref(), Some(b"first".as_slice()), "it stays");
        assert_eq!(store.remove_as_written(&path, first).expect("removed"), None);
        assert_eq!(store.read(&path).expect("read"), None);
        assert_eq!(fs::read_dir(store.folder().join(INCOMING)).expect("read").count(), 0);
    }

    #[test]
    fn what_arrived_and_stayed_goes_after_its_time() {
        let (_folder, store) = store();
        let old = store.folder().join(INCOMING).join("old");
        fs::write(&old, "x").expect("written");
        let file = File::options().write(true).open(&old).expect("opened");
        let then = file.metadata().expect("there").modified().expect("a moment") - std::time::Duration::from_secs(3_600);
        file.set_modified(then).expect("set");
        fs::write(store.folder().join(INCOMING).join("new"), "x").expect("written");
        assert_eq!(store.forget_incoming(4_000_000).expect("looked"), 0);
        assert_eq!(store.forget_incoming(3_000_000).expect("looked"), 1);
        assert!(!old.exists() && store.folder().join(INCOMING).join("new").exists());
    }

    #[test]
    fn everything_belongs_to_its_owner_alone_and_what_was_half_written_goes() {
        let (_folder, store) = store();
        let path = MediaPath::original(PictureHash::of(b"x"), Format::Png);
        store.put(&path, b"x").expect("put");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        let file = store.folder().join(path.as_str());
        assert_eq!((mode(store.folder()), mode(file.parent().expect("a folder")), mode(&file)), (0o700, 0o700, 0o600));
        fs::write(store.folder().join("incoming/half"), "x").expect("written");
        let again = Store::open(store.folder()).expect("opened again");
        assert_eq!(fs::read_dir(again.folder().join("incoming")).expect("read").count(), 0);
        assert!(again.read(&path).expect("read").is_some(), "what is whole stays");
    }
}
