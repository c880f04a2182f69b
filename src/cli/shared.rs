//! What every command takes: where the shop's data lies and what its keeper has decided.

use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::{Failure, Outcome};
use super::{become_user, output};
use crate::config::{self, Config, Source};
use crate::db;

#[derive(Args, Clone)]
pub struct Place {
    /// The shop's data folder [default: $XDG_DATA_HOME/bayader, else ~/.local/share/bayader].
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// The configuration file [default: bayader.toml in the data folder, if it is there].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl Place {
    /// The data folder; this process becomes its owner first if it is root's.
    pub fn folder(&self) -> Outcome<PathBuf> {
        let folder = match &self.data_dir {
            Some(folder) => folder.clone(),
            None => default_folder().ok_or_else(|| {
                Failure::because("no data folder is known: neither XDG_DATA_HOME nor HOME is set. Name one with --data-dir")
            })?,
        };
        become_user::owner_of(&folder)?;
        Ok(folder)
    }

    /// Where the configuration of that folder is written.
    pub fn source(&self, folder: &Path) -> Source {
        let source = Source::new().folder(folder).variables(std::env::vars_os());
        match &self.config {
            Some(file) => source.file(file),
            None => source,
        }
    }

    /// The configuration of that folder.
    pub fn read_config(&self, folder: &Path) -> Outcome<Config> {
        config::load(&self.source(folder)).map_err(|faults| Failure::configuration(&faults))
    }
}

/// As the XDG base directory specification has it: a relative path counts as none.
fn default_folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")))?;
    Some(base.join("bayader"))
}

/// The folder's database, which must be there.
pub fn database_there(folder: &Path) -> Outcome<PathBuf> {
    let database = db::database_in(folder);
    let there = database.try_exists().map_err(|error| {
        Failure::because(format!("{} cannot be read: {error}. Run this as the user who owns the folder", database.display()))
    })?;
    if !there {
        return Err(Failure::because(format!(
            "there is no shop in {}: {} does not exist. Name its folder with --data-dir, or make one with: bayader serve",
            folder.display(),
            database.display()
        )));
    }
    Ok(database)
}

/// The folder's database, for a command that only reads: it must be there and of this program's version.
pub fn database_to_read(folder: &Path) -> Outcome<PathBuf> {
    let database = database_there(folder)?;
    let version = db::schema_version(&database)
        .map_err(|fault| Failure::because(format!("{} cannot be read: {}", database.display(), fault.chain())))?;
    if version != db::SCHEMA_VERSION {
        let mend = if version < db::SCHEMA_VERSION { "run: bayader migrate" } else { "install the newer bayader" };
        return Err(Failure::because(format!(
            "{} is of version {version}, this program reads {}; {mend}",
            database.display(),
            db::SCHEMA_VERSION
        )));
    }
    Ok(database)
}

/// A runtime for one command.
pub fn runtime() -> Outcome<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        Failure::because(format!("no thread could be started: {error}. Look at this user's limits (ulimit -u)"))
    })
}

/// Tells the configuration's warnings beside an answer.
pub fn note_warnings(config: &Config) {
    for warning in config.warnings() {
        output::note(format!("bayader: warning: {warning}"));
    }
}
