//! The configuration file: TOML, each value with the line it stands in.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::fault::{ConfigFault, Place, near_enough, shown_name};
use super::keys::{FILE_SUFFIX, KEYS, Key, is_section};
use super::source::Entry;
use super::value::Raw;

/// How much nearer a name has to be to be proposed from another section: two slips of the finger.
const COST_OF_ANOTHER_SECTION: usize = 2;

/// What a file says.
pub(super) struct Contents {
    pub entries: Vec<Entry>,
    pub faults: Vec<ConfigFault>,
    /// It is no TOML in at least one place.
    pub is_torn: bool,
}

/// Read a file's text; `path` is for the faults.
pub(super) fn read(path: &Path, text: &str) -> Contents {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader { path, text, entries: Vec::new(), faults: Vec::new(), torn_lines: BTreeSet::new() };
    for error in &errors {
        reader.tear(error);
    }
    reader.walk(table.get_ref(), "");
    Contents { entries: reader.entries, faults: reader.faults, is_torn: !errors.is_empty() }
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    entries: Vec<Entry>,
    faults: Vec<ConfigFault>,
    torn_lines: BTreeSet<usize>,
}

impl Reader<'_> {
    /// Note where the file is no TOML. The error's own text would repeat the line, which may hold a secret; its message
    /// does not.
    fn tear(&mut self, error: &toml::de::Error) {
        let line = error.span().map(|span| self.line(&span));
        // One slip can make several errors; the first of a line says enough.
        if line.is_some_and(|line| !self.torn_lines.insert(line)) {
            return;
        }
        self.faults.push(ConfigFault {
            place: Place::File { path: self.path.to_owned(), line },
            key: None,
            what: format!("this is no TOML: {}", error.message()),
            advice: "mend the line; a key is written `name = \"text\"`, a section `[name]`".to_owned(),
        });
    }

    fn walk(&mut self, table: &DeTable<'_>, section: &str) {
        for (name, value) in table {
            let line = self.line(&name.span());
            let name = name.get_ref().as_ref();
            let path = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
            // A quoted name with a dot in it is one name, which no key has.
            let known = if name.contains('.') { None } else { Key::find(&path) };
            match (known, value.get_ref()) {
                (_, _) if self.torn_lines.contains(&line) => {}
                (Some(_), DeValue::Table(_)) => {
                    self.refuse(line, &path, "is a key, not a section", "write `name = value` below the section's head");
                }
                (Some((key, form)), value) => self.entries.push(Entry { key, form, raw: raw(value), place: self.place(line) }),
                (None, DeValue::Table(inner)) if is_section(&path) => self.walk(inner, &path),
                (None, _) if is_section(&path) => {
                    let advice = format!("write [{path}] on a line of its own and its keys below");
                    self.refuse(line, &path, "is a section, not a key", &advice);
                }
                (None, _) => {
                    let unquoted = if name.contains('.') { ", without quotes" } else { "" };
                    let advice = like(section, name).map_or_else(
                        || format!("take it out; {}", super::fault::WHERE_KEYS_ARE),
                        |like| format!("the nearest right name is `{like}`{unquoted}"),
                    );
                    self.refuse(line, &shown_name(&path), "is not known", &advice);
                }
            }
        }
    }

    fn refuse(&mut self, line: usize, key: &str, what: &str, advice: &str) {
        self.faults.push(ConfigFault {
            place: self.place(line),
            key: Some(key.to_owned()),
            what: format!("`{key}` {what}"),
            advice: advice.to_owned(),
        });
    }

    fn place(&self, line: usize) -> Place {
        Place::File { path: self.path.to_owned(), line: Some(line) }
    }

    /// The line in which a span begins, from 1.
    fn line(&self, span: &Range<usize>) -> usize {
        1 + self.text.get(..span.start).unwrap_or_default().matches('\n').count()
    }
}

/// The known key or section that is most like `name`, written in `section`; a whole path. `None` if nothing is like it.
fn like(section: &str, name: &str) -> Option<String> {
    let mut paths: BTreeSet<String> = BTreeSet::new();
    for key in KEYS {
        paths.insert(key.path.to_owned());
        if key.is_secret() {
            paths.insert(format!("{}{FILE_SUFFIX}", key.path));
        }
        // The sections above it: `payments.stripe` and `payments`.
        paths.extend(key.path.match_indices('.').map(|(dot, _)| key.path[..dot].to_owned()));
    }
    let candidates = paths.iter().map(|path| {
        if name.contains('.') {
            return (path, path.as_str(), 0);
        }
        let (home, last) = path.rsplit_once('.').unwrap_or(("", path));
        (path, last, if home == section { 0 } else { COST_OF_ANOTHER_SECTION })
    });
    near_enough(name, candidates).cloned()
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.clone().into_owned()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Raw::Other("a number beyond all limits"), Raw::Whole)
        }
        DeValue::Float(_) => Raw::Other("a number with a point"),
        DeValue::Boolean(value) => Raw::YesNo(*value),
        DeValue::Datetime(_) => Raw::Other("a date"),
        DeValue::Array(items) => Raw::List(items.iter().map(|item| raw(item.get_ref())).collect()),
        DeValue::Table(_) => Raw::Other("a section"),
    }
}
