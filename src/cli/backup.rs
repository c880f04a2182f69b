//! `bayader backup create`, `list` and `verify`: beside a running server, without asking it.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::exit::{Failure, Outcome};
use super::output::{self, Progress};
use super::shared::{Place, database_there};
use crate::clock::Clock;
use crate::db;
use crate::features::backup::{self, Desk, Known, Listed, Listing, Pace, Seal, Target, Unlock, told};

#[derive(Subcommand)]
pub enum Backup {
    /// Copy the whole shop into one file, while it sells: books, keys, configuration, pictures.
    #[command(after_help = super::EXIT_CODES)]
    Create(Create),
    /// Show the backups that are there, newest first, and which were proven.
    #[command(after_help = super::EXIT_CODES)]
    List(List),
    /// Prove that a backup can be restored: restore it into a scratch folder, check every byte, balance its books.
    #[command(after_help = "\
Exit codes:
  0  it is whole, and can be restored
  1  it is not, or could not be looked at; standard error says why
  2  the command line is wrong
  3  the configuration is wrong; standard error has every fault")]
    Verify(Verify),
}

#[derive(Args)]
pub struct Create {
    #[command(flatten)]
    place: Place,
    /// Write this file instead of one in the folder of backups. Outside of the shop's folders it has to be sealed.
    #[arg(long, value_name = "FILE", conflicts_with = "if_due")]
    to: Option<PathBuf>,
    /// Do nothing if there is a backup younger than 20 hours.
    #[arg(long)]
    if_due: bool,
    /// Seal it by the passphrase in this file's first line, in place of `backup.seal_to`.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Answer in JSON: `{made, file, bytes, sealed, madeAt, orders, warnings, removed}`.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct List {
    #[command(flatten)]
    place: Place,
    /// Answer in JSON: `{folder, backups: [{file, madeAt, bytes, sealed, orders, provenAt, problem}]}`.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Verify {
    /// The backup: a file, or the name of one in the folder of backups.
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    /// Open it by the passphrase in this file's first line.
    #[arg(long, value_name = "FILE", conflicts_with = "identity_file")]
    passphrase_file: Option<PathBuf>,
    /// Open it by the age identity in this file, as age-keygen writes it.
    #[arg(long, value_name = "FILE")]
    identity_file: Option<PathBuf>,
    /// Answer in JSON: `{ok, file, sealed, madeAt, shop, orders, findings}`.
    #[arg(long)]
    json: bool,
}

impl Backup {
    pub fn run(self) -> Outcome {
        match self {
            Backup::Create(create) => create.run(),
            Backup::List(list) => list.run(),
            Backup::Verify(verify) => verify.run(),
        }
    }
}

impl Create {
    fn run(self) -> Outcome {
        // Before root becomes the folder's owner, who may not be allowed to read it.
        let seal = self.passphrase_file.as_deref().map(Seal::by_passphrase_file).transpose().map_err(Failure::because)?;
        let folder = self.place.folder()?;
        let folder = folder.canonicalize().unwrap_or(folder);
        let config = self.place.read_config(&folder)?;
        crate::ops::logs::start_for_command(&config);
        readable(&database_there(&folder)?)?;
        let mut desk = Desk::of(&folder, &config).map_err(Failure::because)?;
        if let Some(seal) = seal {
            desk = desk.sealed_by(seal);
        }
        let clock = Clock::system();
        if self.if_due && backup::newest_is_younger(&desk, None, clock.now(), backup::DUE_AFTER_MS).map_err(Failure::because)? {
            if self.json {
                return output::json(&json!({ "made": false }));
            }
            return output::line("None is due: there is a backup younger than 20 hours.");
        }
        let target = self.to.clone().map_or(Target::Folder, Target::File);
        // With a server there are customers; else nobody is disturbed.
        let pace = if db::control_socket_in(&folder).exists() { Pace::gentle() } else { Pace::full() };
        let progress = Progress::start();
        let made =
            backup::create(&desk, &clock, &target, None, pace, &mut |stage| progress.stage(stage)).map_err(Failure::because)?;
        drop(progress);
        let file = &made.packed.path;
        let removed = match &target {
            Target::Folder => {
                let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                backup::tidy(&desk, &name, &known(&folder)?).map_err(Failure::because)?
            }
            Target::File(_) => Vec::new(),
        };
        let manifest = &made.manifest;
        for warning in &manifest.warnings {
            output::note(format!("bayader: warning: {warning}"));
        }
        if self.json {
            return output::json(&json!({
                "made": true, "file": file, "bytes": made.packed.bytes, "sealed": made.is_sealed, "madeAt": manifest.made_at.to_string(),
                "orders": manifest.orders(), "warnings": manifest.warnings, "removed": removed,
            }));
        }
        output::line(format!(
            "Made {} ({}, {} orders{}).",
            file.display(),
            told(made.packed.bytes),
            manifest.orders(),
            if made.is_sealed { ", sealed" } else { "" }
        ))?;
        if !made.is_sealed {
            output::note(
                "Whoever holds this file holds the shop: its customers, keys and secrets. Keep it as you keep the till.",
            );
        }
        Ok(())
    }
}

/// A database that this program can read from, of its own version or an older one.
fn readable(database: &Path) -> Outcome {
    let version = db::schema_version(database)
        .map_err(|fault| Failure::because(format!("{} cannot be read: {}", database.display(), fault.chain())))?;
    if version <= db::SCHEMA_VERSION {
        return Ok(());
    }
    Err(Failure::because(format!(
        "{} is of version {version}, this program reads {}; install the newer bayader",
        database.display(),
        db::SCHEMA_VERSION
    )))
}

/// What the shop knows of its backups; nothing where there is no shop, or one of an older version.
fn known(folder: &Path) -> Outcome<Vec<Known>> {
    let database = db::database_in(folder);
    let is_current = db::schema_version(&database).is_ok_and(|version| version == db::SCHEMA_VERSION);
    if !is_current {
        return Ok(Vec::new());
    }
    db::open_read_only(&database, backup::known)
        .map_err(|error| Failure::because(format!("the books in {} cannot be read: {error}", database.display())))
}

impl List {
    fn run(self) -> Outcome {
        let folder = self.place.folder()?;
        let config = self.place.read_config(&folder)?;
        let desk = Desk::of(&folder, &config).map_err(Failure::because)?;
        let listed = backup::list(&desk).map_err(Failure::because)?;
        let known = known(&folder)?;
        let known_of =
            |one: &Listed| known.iter().find(|known| known.file == one.name && u64::try_from(known.bytes) == Ok(one.bytes));
        if self.json {
            let backups: Vec<Value> = listed.iter().map(|one| as_json(one, known_of(one))).collect();
            return output::json(&json!({ "folder": desk.folder(), "backups": backups }));
        }
        if listed.is_empty() {
            return output::line(format!(
                "There is no backup in {}. Make one with: bayader backup create",
                desk.folder().display()
            ));
        }
        output::line(format!("Backups in {}:", desk.folder().display()))?;
        for one in &listed {
            output::line(as_line(one, known_of(one)))?;
        }
        if listed.iter().any(|one| !one.is_sealed()) {
            output::note("Whoever holds one that is not sealed holds the shop.");
        }
        Ok(())
    }
}

fn problem_of(one: &Listed, known: Option<&Known>) -> Option<String> {
    match &one.content {
        Listing::Torn(why) => Some(why.clone()),
        Listing::Open(_) | Listing::Sealed => known.and_then(|known| known.problem.clone()),
    }
}

fn orders_of(one: &Listed, known: Option<&Known>) -> Option<i64> {
    one.manifest().map(backup::Manifest::orders).or(known.map(|known| known.orders))
}

fn as_json(one: &Listed, known: Option<&Known>) -> Value {
    json!({
        "file": one.name, "madeAt": one.made_at.to_string(), "bytes": one.bytes, "sealed": one.is_sealed(),
        "orders": orders_of(one, known),
        "provenAt": known.and_then(|known| known.proven_at).map(|at| at.to_string()),
        "problem": problem_of(one, known),
    })
}

fn as_line(one: &Listed, known: Option<&Known>) -> String {
    let mut said = vec![told(one.bytes)];
    if let Some(orders) = orders_of(one, known) {
        said.push(format!("{orders} orders"));
    }
    if one.is_sealed() {
        said.push("sealed".to_owned());
    }
    said.push(match (problem_of(one, known), known.and_then(|known| known.proven_at)) {
        (Some(problem), _) => problem,
        (None, Some(at)) => format!("proven {at}"),
        (None, None) => "not proven yet".to_owned(),
    });
    format!("  {}  {}: {}", one.made_at, one.name, said.join(", "))
}

impl Verify {
    fn run(self) -> Outcome {
        // Before root becomes the folder's owner, who may not be allowed to read them.
        let unlock = match (&self.passphrase_file, &self.identity_file) {
            (Some(file), _) => Unlock::by_passphrase_file(file).map_err(Failure::because)?,
            (None, Some(file)) => Unlock::by_identity_file(file).map_err(Failure::because)?,
            (None, None) => Unlock::nothing(),
        };
        let here = if self.file.exists() { Some(backup::open(&self.file, &unlock).map_err(Failure::because)?) } else { None };
        let folder = self.place.folder()?;
        let config = self.place.read_config(&folder)?;
        crate::ops::logs::start_for_command(&config);
        let desk = Desk::of(&folder, &config).map_err(Failure::because)?;
        let opened = match here {
            Some(opened) => opened,
            None => {
                let inside = desk.folder().join(&self.file);
                let path = if inside.exists() { inside } else { self.file.clone() };
                backup::open(&path, &unlock).map_err(Failure::because)?
            }
        };
        let path = opened.path().to_owned();
        // Where there is no shop yet, as on the machine that is to take its place, the system's own folder has to do.
        let scratch = if desk.folder().is_dir() { desk.folder().to_owned() } else { std::env::temp_dir() };
        let progress = Progress::start();
        let proof = backup::verify(opened, &scratch, crate::app::doctor::balances, &mut |stage| progress.stage(stage))
            .map_err(Failure::because)?;
        drop(progress);
        let manifest = &proof.manifest;
        if self.json {
            output::json(&json!({
                "ok": proof.findings.is_empty(), "file": path, "sealed": proof.is_sealed, "madeAt": manifest.made_at.to_string(),
                "shop": manifest.shop.name, "orders": manifest.orders(), "findings": proof.findings,
            }))?;
        } else if proof.findings.is_empty() {
            output::line(format!(
                "{} can be restored: {} as it was at {}, with {} orders. Every byte agrees, and the books balance.",
                path.display(),
                manifest.shop.name,
                manifest.made_at,
                manifest.orders()
            ))?;
        } else {
            for finding in &proof.findings {
                output::line(finding)?;
            }
        }
        if proof.findings.is_empty() {
            return Ok(());
        }
        Err(Failure::because(format!(
            "{} is not proven: {} finding(s). Take another backup",
            path.display(),
            proof.findings.len()
        )))
    }
}
