//! What is wrong with a configuration: where it stands, what it is, what to do about it.
//!
//! A fault never holds the value of a secret: it is printed on terminals and stands in the journal.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

/// How much of a value a fault repeats: enough to find it in the file, not enough to fill the terminal.
const SHOWN_CHARACTERS: usize = 80;
/// Where to look for a name that is like none.
pub(super) const WHERE_KEYS_ARE: &str = "no name is like it; the manual's page on configuration lists every one";

/// Where a value was written. The order is the one in which faults are told: the file from top to bottom, then the
/// variables by name, then the flags.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The configuration file; `line` counts from 1 and is `None` where the whole file is meant.
    File {
        /// The file as it was named or found.
        path: PathBuf,
        /// The line, from 1.
        line: Option<usize>,
    },
    /// An environment variable, by its whole name.
    Variable(String),
    /// A flag of the command line, such as `--listen`.
    Flag(String),
    /// Nobody wrote it: the product's own default.
    Default,
}

impl Place {
    /// The folder to which a relative path in a value refers: beside the configuration file, so that a file and what it
    /// names can be moved together. Variables and flags mean the working folder, as any command's arguments do.
    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Self::File { path, .. } => path.parent(),
            Self::Variable(_) | Self::Flag(_) | Self::Default => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line: Some(line) } => write!(f, "{}:{line}", path.display()),
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
            Self::Default => f.write_str("default"),
        }
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One fault of a configuration. Its text is a line that reads alone; its fields are for `config check --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{place}: {what}; {advice}")]
pub struct ConfigFault {
    /// Where it stands.
    #[serde(rename = "where")]
    pub place: Place,
    /// The key it is about, dotted as in `mail.sendgrid.api_key`, as far as there is one.
    pub key: Option<String>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub advice: String,
}

/// Why one value is refused: `what` goes on after the key's name ("is 0, which is below 1").
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub what: String,
    pub advice: String,
}

impl Refusal {
    pub fn new(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what: what.into(), advice: advice.into() }
    }

    /// This refusal as a fault of `key` at `place`.
    pub fn of(self, key: &str, place: &Place) -> ConfigFault {
        ConfigFault {
            place: place.clone(),
            key: Some(key.to_owned()),
            what: format!("`{key}` {}", self.what),
            advice: self.advice,
        }
    }
}

/// A value as a fault may repeat it: in quotes, escaped, cut, and without what stands before an `@` in a URL, because
/// that is where people write passwords.
pub(super) fn shown(value: &str) -> String {
    let safe = match (value.find("://"), value.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            format!("{}://***{}", &value[..scheme], &value[at..])
        }
        _ => value.to_owned(),
    };
    let mut cut: String = safe.chars().take(SHOWN_CHARACTERS).collect();
    if cut.len() < safe.len() {
        cut.push('…');
    }
    format!("{cut:?}")
}

/// A key's or variable's name that nobody knows, as a fault may repeat it.
pub(super) fn shown_name(name: &str) -> String {
    name.chars().take(SHOWN_CHARACTERS).flat_map(char::escape_debug).collect()
}

/// The candidate whose name is most like `word`; each carries what its place costs it (0 where `word` was written).
pub(super) fn nearest<'a, T>(word: &str, candidates: impl Iterator<Item = (T, &'a str, usize)>) -> Option<T> {
    // What is longer than any name is no slip of the finger; cutting it keeps the distance cheap.
    let word: String = word.chars().take(SHOWN_CHARACTERS).collect::<String>().to_lowercase();
    candidates
        .map(|(candidate, name, cost)| {
            let name = name.to_lowercase();
            let distance = strsim::damerau_levenshtein(&word, &name) + cost;
            (distance, strsim::jaro_winkler(&word, &name), candidate)
        })
        .min_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)))
        .map(|(_, _, candidate)| candidate)
}

/// As [`nearest`], of those near enough to be what was meant: a third of the letters may be wrong, or two, or some too many at the
/// end.
pub(super) fn near_enough<'a, T>(word: &str, candidates: impl Iterator<Item = (T, &'a str, usize)>) -> Option<T> {
    let typed: String = word.chars().take(SHOWN_CHARACTERS).collect::<String>().to_lowercase();
    let is_near = |name: &str| {
        let wrong = strsim::damerau_levenshtein(&typed, &name.to_lowercase());
        wrong <= (typed.len().max(name.len()) / 3).max(2) || (name.len() > 2 && typed.starts_with(&name.to_lowercase()))
    };
    nearest(word, candidates.filter(|(_, name, _)| is_near(name)))
}

/// The word that is most like `word`.
pub(super) fn nearest_word<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> &'a str {
    nearest(word, words.into_iter().map(|candidate| (candidate, candidate, 0))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_an_at_sign_in_a_url_is_not_shown() {
        assert_eq!(shown("https://shop:hunter2@example.com/x"), r#""https://***@example.com/x""#);
        assert_eq!(shown("orders@example.com"), r#""orders@example.com""#);
    }

    #[test]
    fn a_long_value_is_cut_and_a_control_character_is_escaped() {
        assert_eq!(shown(&"a".repeat(81)), format!("\"{}…\"", "a".repeat(80)));
        assert_eq!(shown(&"a".repeat(80)), format!("\"{}\"", "a".repeat(80)));
        assert_eq!(shown("a\u{1b}[2J"), r#""a\u{1b}[2J""#);
        assert_eq!(shown_name("a\nb"), r"a\nb");
    }

    #[test]
    fn the_nearest_word_is_found_and_a_near_place_counts() {
        let words = ["listen", "log", "log_format"];
        assert_eq!(nearest_word("lisen", words), "listen");
        assert_eq!(nearest_word("LOG_FROMAT", words), "log_format");
        assert_eq!(nearest("prt", [(1, "port", 2), (2, "part", 0)].into_iter()), Some(2));
        assert_eq!(nearest("prt", [(1, "port", 0), (2, "part", 2)].into_iter()), Some(1));
        assert_eq!(near_enough("bogus", [(1, "backup", 0)].into_iter()), None);
        assert_eq!(near_enough("backpu", [(1, "backup", 0)].into_iter()), Some(1));
    }
}
