//! `bayader media import` and `bayader media check`

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use nix::fcntl::OFlag;
use serde_json::{Value, json};

use super::exit::{Failure, Outcome};
use super::output;
use super::shared::Place;
use super::through::{self, Owner};
use crate::app::control::{Answer, MAX_IMPORT_BYTES, Request};
use crate::features::media::compare::{Asked, Names, Report};
use crate::features::media::import::{ByName, Imported};

/// Endings of pictures, of those too that are refused with a word on what to do.
const ENDINGS: [&str; 8] = ["jpg", "jpeg", "png", "webp", "gif", "heic", "heif", "avif"];

#[derive(Subcommand)]
pub enum Media {
    /// Give products the pictures of a folder, by the names of its files: SKU.jpg, SKU-2.png, SKU_3.webp. Twice is once; what is
    /// there stays.
    #[command(after_help = super::EXIT_CODES)]
    Import(Import),
    /// Compare books, disk and bucket file by file, and mend: what is missing or damaged here is taken from the bucket or drawn anew,
    /// what is missing there is copied.
    #[command(after_help = "\
Exit codes:
  0  all is well, or was mended
  1  a file is lost, the bucket failed, or (with --dry-run) something is to be mended; the report says what
  2  the command line is wrong
  3  the configuration is wrong; standard error has every fault")]
    Check(Check),
}

#[derive(Args)]
pub struct Import {
    /// The folder; folders in it and links are left alone.
    folder: PathBuf,
    #[command(flatten)]
    place: Place,
    /// Say what would become of each file, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Without a server: go on although this machine's clock cannot be true.
    #[arg(long)]
    accept_clock: bool,
    /// Answer in JSON: `{dryRun, added, unchanged, failed, files: [{file, outcome, sku?, why?}]}`.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Check {
    #[command(flatten)]
    place: Place,
    /// Say what is amiss, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Delete files and objects that nobody knows and that are older than a day.
    #[arg(long)]
    delete_unknown: bool,
    /// Without a server: go on although this machine's clock cannot be true.
    #[arg(long)]
    accept_clock: bool,
    /// Answer in JSON: `{dryRun, report}`.
    #[arg(long)]
    json: bool,
}

impl Media {
    pub fn run(self) -> Outcome {
        match self {
            Media::Import(import) => import.run(),
            Media::Check(check) => check.run(),
        }
    }
}

/// What became of a file of the folder.
enum Told {
    Imported(Imported),
    /// It was not asked about: no regular file, no picture by its name, or it cannot be read.
    Skipped(String),
    Failed(String),
}

impl Import {
    fn run(self) -> Outcome {
        let data = self.place.folder()?;
        let files = files_of(&self.folder)?;
        let mut owner = Owner::of(&self.place, &data, self.accept_clock)?;
        let (count, mut told) = (files.len(), Vec::new());
        for (index, file) in files.iter().enumerate() {
            owner.stage(&format!("picture {} of {count}: {file}", index + 1));
            told.push((file, self.file(&mut owner, file)?));
        }
        drop(owner);
        let of = |wanted: fn(&Told) -> bool| told.iter().filter(|(_, told)| wanted(told)).count();
        let added = of(|told| matches!(told, Told::Imported(Imported::Added { .. })));
        let unchanged = of(|told| matches!(told, Told::Imported(Imported::Unchanged { .. })));
        let failed = told.len() - added - unchanged;
        if self.json {
            let files: Vec<Value> = told.iter().map(|(file, told)| as_json(file, told)).collect();
            let report =
                json!({ "dryRun": self.dry_run, "added": added, "unchanged": unchanged, "failed": failed, "files": files });
            output::json(&report)?;
        } else {
            for (file, told) in &told {
                output::line(format!("{file}: {}", sentence(told, self.dry_run)))?;
            }
            output::line(format!("{added} added, {unchanged} unchanged, {failed} not taken"))?;
        }
        if self.dry_run {
            output::note("Nothing was written. Without --dry-run it would be.");
        }
        if failed == 0 {
            return Ok(());
        }
        Err(Failure::because(format!(
            "{failed} file(s) of {} were not taken; the others are. Mend them and run the command again",
            self.folder.display()
        )))
    }

    fn file(&self, owner: &mut Owner, file: &str) -> Outcome<Told> {
        let path = Path::new(file);
        let is_picture = path
            .extension()
            .and_then(|ending| ending.to_str())
            .is_some_and(|ending| ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending)));
        let (true, Some(name)) = (is_picture, path.file_stem().and_then(|stem| stem.to_str())) else {
            return Ok(Told::Skipped(format!("is not named as a picture (it ends on none of {})", ENDINGS.join(", "))));
        };
        let bytes = match read_regular(&self.folder.join(file)) {
            Ok(bytes) => bytes,
            Err(why) => return Ok(Told::Skipped(why)),
        };
        Ok(match owner.ask(&Request::picture(name, &bytes, self.dry_run))? {
            Answer::PictureImported(imported) => Told::Imported(imported),
            Answer::Refused { message, .. } | Answer::Failed { message } => Told::Failed(message),
            other => return Err(another(&other)),
        })
    }
}

fn another(answer: &Answer) -> Failure {
    Failure::because(format!("the server gave an answer to another question: {answer:?}"))
}

/// The names of a folder's files, in the order in which they come to their products.
fn files_of(folder: &Path) -> Outcome<Vec<String>> {
    let unreadable = |error: std::io::Error| {
        Failure::because(format!(
            "{} cannot be read: {error}. Name a folder that the data folder's owner may read",
            folder.display()
        ))
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_folder = entry.file_type().map_err(unreadable)?.is_dir();
        // What other programs keep to themselves is no picture of anything.
        if !is_folder && !name.starts_with('.') {
            files.push(name);
        }
    }
    let place = |name: &String| {
        let stem = Path::new(name).file_stem().map_or(String::new(), |stem| stem.to_string_lossy().to_lowercase());
        (ByName::of(&stem), name.clone())
    };
    files.sort_by_cached_key(place);
    Ok(files)
}

/// The bytes of a regular file; whatever else stands there is not followed.
fn read_regular(path: &Path) -> Result<Vec<u8>, String> {
    // Not blocking: a pipe that nobody writes would keep us for ever.
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path);
    let file = file.map_err(|error| match error.raw_os_error() {
        Some(code) if code == nix::errno::Errno::ELOOP as i32 => "is a link, and links are not followed".to_owned(),
        _ => format!("cannot be read: {error}"),
    })?;
    let metadata = file.metadata().map_err(|error| format!("cannot be read: {error}"))?;
    if !metadata.is_file() {
        return Err("is no regular file".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(MAX_IMPORT_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() > MAX_IMPORT_BYTES {
        return Err(format!("is larger than {} MB: save it smaller", MAX_IMPORT_BYTES >> 20));
    }
    Ok(bytes)
}

fn sentence(told: &Told, dry_run: bool) -> String {
    match told {
        Told::Imported(Imported::Added { sku }) if dry_run => format!("would be added to {sku}"),
        Told::Imported(Imported::Added { sku }) => format!("added to {sku}"),
        Told::Imported(Imported::Unchanged { sku }) => format!("{sku} shows it already"),
        Told::Imported(Imported::UnknownSku { name }) => format!("no product has the SKU {name}"),
        Told::Imported(Imported::Refused { why }) => format!("refused: {why}"),
        Told::Skipped(why) => why.clone(),
        Told::Failed(why) => format!("failed: {why}"),
    }
}

fn as_json(file: &str, told: &Told) -> Value {
    let mut value = match told {
        Told::Imported(imported) => serde_json::to_value(imported).unwrap_or_default(),
        Told::Skipped(why) => json!({ "outcome": "skipped", "why": why }),
        Told::Failed(why) => json!({ "outcome": "failed", "why": why }),
    };
    if let Some(object) = value.as_object_mut() {
        object.insert("file".to_owned(), file.into());
    }
    value
}

impl Check {
    fn run(self) -> Outcome {
        let folder = self.place.folder()?;
        let asked = Asked { dry_run: self.dry_run, delete_unknown: self.delete_unknown };
        let report = match through::write(&self.place, &folder, self.accept_clock, Request::CheckMedia(asked))? {
            Answer::MediaChecked(report) => *report,
            other => return Err(another(&other)),
        };
        if self.json {
            output::json(&json!({ "dryRun": self.dry_run, "report": report }))?;
        } else {
            tell(&report, self.dry_run)?;
        }
        if !report.is_bad(self.dry_run) {
            return Ok(());
        }
        Err(Failure::because(if let Some(fault) = &report.bucket_fault {
            format!("the bucket could not be compared: {fault}. Mend that and run the command again")
        } else if report.lost.count > 0 {
            format!(
                "{} file(s) are lost: put them back from a backup of {}, or send the pictures again",
                report.lost.count,
                folder.display()
            )
        } else {
            "something is to be mended. Run the command without --dry-run".to_owned()
        }))
    }
}

fn tell(report: &Report, dry_run: bool) -> Outcome {
    let would = if dry_run { "would be " } else { "" };
    let kinds: [(String, &Names); 6] = [
        (format!("{would}taken from the bucket"), &report.fetched),
        (format!("{would}drawn anew from the original"), &report.redrawn),
        ("lost: missing or damaged everywhere".to_owned(), &report.lost),
        (format!("{would}copied to the bucket"), &report.copied),
        ("on the disk, and nobody knows it".to_owned(), &report.unknown_files),
        ("in the bucket, and nobody knows it".to_owned(), &report.unknown_objects),
    ];
    for (what, names) in kinds {
        for name in &names.names {
            output::line(format!("{name}: {what}"))?;
        }
        if names.count > names.names.len() {
            output::line(format!("and {} more: {what}", names.count - names.names.len()))?;
        }
    }
    output::line(format!(
        "{} files in the books, {} whole everywhere, {} unknown deleted",
        report.files, report.whole, report.deleted
    ))
}
