//! Facts about loading, each from a text, variables and flags to a configuration or its faults.

mod faults;
mod layers;
mod sections;
mod table;

use std::fs;

use tempfile::TempDir;

use super::{Config, ConfigFault, FILE_NAME, Source, load};

/// A data folder of its own with a configuration file, and the source that reads it.
struct Folder {
    dir: TempDir,
    source: Source,
}

impl Folder {
    fn with(text: &str) -> Self {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join(FILE_NAME), text).unwrap();
        let source = Source::new().folder(dir.path());
        Self { dir, source }
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.dir.path().join(name), text).unwrap();
    }

    fn variables(mut self, variables: &[(&str, &str)]) -> Self {
        self.source = self.source.variables(variables.iter().copied());
        self
    }

    fn load(&self) -> Result<Config, Vec<ConfigFault>> {
        load(&self.source)
    }

    fn faults(&self) -> Vec<ConfigFault> {
        self.load().expect_err("a faulty configuration was taken")
    }
}

/// What a file's text says, taken for right.
fn config(text: &str) -> Config {
    match Folder::with(text).load() {
        Ok(config) => config,
        Err(faults) => panic!("{}", lines(&faults).join("\n")),
    }
}

/// What variables say, with no file at all.
fn from_variables(variables: &[(&str, &str)]) -> Result<Config, Vec<ConfigFault>> {
    load(&Source::new().variables(variables.iter().copied()))
}

/// The faults of a file's text as lines without the folder's name.
fn faults(text: &str) -> Vec<String> {
    let folder = Folder::with(text);
    let prefix = format!("{}/", folder.dir.path().display());
    lines(&folder.faults()).iter().map(|line| line.replace(&prefix, "")).collect()
}

/// The only fault of a file's text.
fn fault(text: &str) -> String {
    let mut all = faults(text);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

fn lines(faults: &[ConfigFault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

/// Whether a line says each of the words.
#[track_caller]
fn says(line: &str, words: &[&str]) {
    for word in words {
        assert!(line.contains(word), "{line:?} does not say {word:?}");
    }
}
