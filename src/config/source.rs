//! Where a configuration comes from, and the merging of it: a flag wins over a variable, a variable over the file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::fault::{ConfigFault, Place, near_enough, shown_name};
use super::file;
use super::keys::{FILE_SUFFIX, Form, KEYS, Key, Kind, VARIABLE_JOINT, VARIABLE_PREFIX, variable};
use super::value::{Raw, path};

/// The file in the data folder that is read if no other is named.
pub const FILE_NAME: &str = "bayader.toml";

/// A configuration file is some kilobytes; what is larger is another file, or a device without an end.
const LARGEST_FILE_BYTES: u64 = 1024 * 1024;

/// A secret is a line; the largest is a service account's key of some kilobytes.
const LARGEST_SECRET_BYTES: u64 = 64 * 1024;

/// Where to read from. It knows nothing of the process: the caller passes the variables and flags in, so that a test
/// needs no environment of its own. Not `Debug`, as variables hold secrets.
#[derive(Clone, Default)]
pub struct Source {
    file: Option<PathBuf>,
    folder: Option<PathBuf>,
    variables: BTreeMap<OsString, OsString>,
    flags: Vec<Flag>,
}

#[derive(Clone)]
struct Flag {
    name: String,
    key: &'static str,
    value: String,
}

impl Source {
    /// Nothing but the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Read this file, which has to be there (`--config FILE`). It wins over [`Source::folder`].
    #[must_use]
    pub fn file(mut self, file: impl Into<PathBuf>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// Read [`FILE_NAME`] in this data folder, if it is there.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Read these variables, usually `std::env::vars_os()`.
    #[must_use]
    pub fn variables<K: Into<OsString>, V: Into<OsString>>(mut self, variables: impl IntoIterator<Item = (K, V)>) -> Self {
        self.variables.extend(variables.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// A flag of the command line, such as `--listen` for `server.listen`; a later one of the same key wins.
    #[must_use]
    pub fn flag(mut self, name: impl Into<String>, key: &'static str, value: impl Into<String>) -> Self {
        self.flags.push(Flag { name: name.into(), key, value: value.into() });
        self
    }

    /// The configuration file that is read, if there is one.
    pub fn path(&self) -> Option<PathBuf> {
        self.file.clone().or_else(|| self.folder.as_ref().map(|folder| folder.join(FILE_NAME)).filter(|path| path.exists()))
    }
}

/// A value for a key, as one layer has it.
pub(super) struct Entry {
    pub key: &'static Key,
    pub form: Form,
    pub raw: Raw,
    pub place: Place,
}

/// All that is written, the stronger layer's word for each key.
#[derive(Default)]
pub(super) struct Written {
    pub entries: BTreeMap<&'static str, Entry>,
    /// Keys whose value could not be taken; they are at fault already, and not missing.
    pub broken: BTreeMap<&'static str, Place>,
    pub faults: Vec<ConfigFault>,
    /// The file is no TOML: what it lacks may be what could not be read.
    pub is_torn: bool,
}

impl Written {
    pub fn gather(source: &Source) -> Self {
        let mut written = Self::default();
        let from_file = written.file_layer(source);
        let from_variables = written.variable_layer(source);
        let from_flags = flag_layer(source);
        for layer in [from_file, from_variables, from_flags] {
            written.lay_over(layer);
        }
        written.open_secrets();
        written
    }

    fn file_layer(&mut self, source: &Source) -> Vec<Entry> {
        let Some(path) = source.path() else {
            return Vec::new();
        };
        let text = match read_text(&path, LARGEST_FILE_BYTES) {
            Ok(text) => text,
            Err(why) => {
                self.is_torn = true;
                self.faults.push(ConfigFault {
                    place: Place::File { path, line: None },
                    key: None,
                    what: format!("the configuration file cannot be read: {why}"),
                    advice: "name a TOML file that this user may read".to_owned(),
                });
                return Vec::new();
            }
        };
        let read = file::read(&path, &text);
        self.is_torn = read.is_torn;
        self.faults.extend(read.faults);
        read.entries
    }

    fn variable_layer(&mut self, source: &Source) -> Vec<Entry> {
        let names = known_variables();
        let mut layer = Vec::new();
        for (name, value) in &source.variables {
            let name = name.to_string_lossy();
            if !name.strip_prefix(VARIABLE_PREFIX).is_some_and(|rest| rest.contains(VARIABLE_JOINT)) {
                continue;
            }
            let place = Place::Variable(shown_name(&name));
            let Some((key, form)) = names.get(name.as_ref()).copied() else {
                let advice = like(&name, names.keys()).map_or_else(
                    || format!("take it out; {}", super::fault::WHERE_KEYS_ARE),
                    |like| format!("the nearest right name is {like}"),
                );
                self.faults.push(ConfigFault { place, key: None, what: "no such variable is known".to_owned(), advice });
                continue;
            };
            match value.to_str() {
                Some(word) => layer.push(Entry { key, form, raw: Raw::Word(word.to_owned()), place }),
                None => self.refuse(key, place, "is not UTF-8", "write it in UTF-8"),
            }
        }
        layer
    }

    /// Let a layer's word stand over what the weaker ones said. A secret in both forms within one layer is a fault:
    /// nobody could say which was meant.
    fn lay_over(&mut self, layer: Vec<Entry>) {
        let mut forms: BTreeMap<&'static str, Form> = BTreeMap::new();
        for entry in layer {
            let path = entry.key.path;
            let other = forms.get(path).is_some_and(|form| *form != entry.form);
            if other && entry.raw.is_empty() {
                continue;
            }
            if other && self.entries.get(path).is_some_and(|first| !first.raw.is_empty()) {
                let what = format!("is given twice, in its place and as `{}{FILE_SUFFIX}`", entry.key.name());
                self.refuse(entry.key, entry.place, &what, "keep one of the two");
                continue;
            }
            forms.insert(path, entry.form);
            self.entries.insert(path, entry);
        }
    }

    /// Read the files that secrets lie in.
    fn open_secrets(&mut self) {
        let in_files: Vec<&'static str> = self
            .entries
            .values()
            .filter(|entry| entry.form == Form::InFile && !entry.raw.is_empty())
            .map(|entry| entry.key.path)
            .collect();
        for path in in_files {
            let Some(mut entry) = self.entries.remove(path) else {
                continue;
            };
            match secret_text(&entry) {
                Ok(raw) => {
                    entry.raw = raw;
                    self.entries.insert(path, entry);
                }
                Err(why) => {
                    let advice = format!("let `{}{FILE_SUFFIX}` name a file that this user may read", entry.key.name());
                    self.refuse(entry.key, entry.place, &why, &advice);
                }
            }
        }
    }

    /// Note that a key was written, but cannot be taken.
    fn refuse(&mut self, key: &'static Key, place: Place, what: &str, advice: &str) {
        self.broken.insert(key.path, place.clone());
        self.faults.push(ConfigFault {
            place,
            key: Some(key.path.to_owned()),
            what: format!("`{}` {what}", key.path),
            advice: advice.to_owned(),
        });
    }
}

/// The flags, later ones last.
fn flag_layer(source: &Source) -> Vec<Entry> {
    let mut layer = Vec::new();
    for flag in &source.flags {
        let found = Key::find(flag.key);
        debug_assert!(found.is_some(), "{} is in no table", flag.key);
        let Some((key, form)) = found else { continue };
        layer.push(Entry { key, form, raw: Raw::Word(flag.value.clone()), place: Place::Flag(flag.name.clone()) });
    }
    layer
}

/// Every variable there is.
fn known_variables() -> BTreeMap<String, (&'static Key, Form)> {
    let mut names = BTreeMap::new();
    for key in KEYS {
        names.insert(key.variable(), (key, Form::Plain));
        if key.is_secret() {
            names.insert(variable(&format!("{}{FILE_SUFFIX}", key.path)), (key, Form::InFile));
        }
    }
    names
}

/// The known variable that is most like `name`, or that `name` is the end of: people leave `PAYMENTS__` out.
fn like<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Option<&'a str> {
    const COST_OF_LEAVING_OUT: usize = 2;
    let candidates = known.flat_map(|known| {
        let bare = known.strip_prefix(VARIABLE_PREFIX).unwrap_or(known);
        let tail = bare.split_once(VARIABLE_JOINT).map_or(bare, |(_, tail)| tail);
        [(known.as_str(), bare, 0), (known.as_str(), tail, COST_OF_LEAVING_OUT)]
    });
    near_enough(name.strip_prefix(VARIABLE_PREFIX).unwrap_or(name), candidates)
}

/// What the file that `entry` names says: a secret without the line break that editors put behind it, or one a line where
/// the key takes several.
fn secret_text(entry: &Entry) -> Result<Raw, String> {
    let (Raw::Word(name) | Raw::Text(name)) = &entry.raw else {
        return Err("has a file's name that is not text".to_owned());
    };
    let path = path(name.trim(), entry.place.folder());
    let text =
        read_text(&path, LARGEST_SECRET_BYTES).map_err(|why| format!("cannot be read from {}: {why}", path.display()))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.trim().is_empty() {
        return Err(format!("cannot be read from {}: the file is empty", path.display()));
    }
    Ok(match entry.key.kind {
        Kind::Secrets => {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            Raw::List(lines.map(|line| Raw::Text(line.to_owned())).collect())
        }
        _ => Raw::Text(text.to_owned()),
    })
}

/// A whole file as text, if it is no larger than `most` bytes.
fn read_text(path: &Path, most: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {} kB", most / 1024)));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}
