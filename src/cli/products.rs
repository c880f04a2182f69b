//! `bayader products import` and `bayader products export`

use std::fs::{File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::{Failure, Outcome};
use super::shared::{Place, database_to_read};
use super::{output, through};
use crate::app::control::{Answer, MAX_IMPORT_BYTES, Request};
use crate::db;
use crate::features::catalog::ImportReport;
use crate::features::{catalog, settings};

#[derive(Subcommand)]
pub enum Products {
    /// Bring the menu in from a CSV file. Products are matched by `sku`; those missing in the file stay as they are.
    #[command(after_help = super::EXIT_CODES)]
    Import(Import),
    /// Take the menu out as CSV, with the columns that `import` reads.
    #[command(after_help = super::EXIT_CODES)]
    Export(Export),
}

#[derive(Args)]
pub struct Import {
    /// The CSV file; `-` is standard input.
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    /// Show what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Set the stock of known products too, not only of new ones.
    #[arg(long)]
    set_stock: bool,
    /// Without a server: go on although this machine's clock cannot be true.
    #[arg(long)]
    accept_clock: bool,
    /// Answer in JSON: `{dryRun, report}`, or `{badRows: [{line, column, message}]}`.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Export {
    #[command(flatten)]
    place: Place,
    /// Write to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Products {
    pub fn run(self) -> Outcome {
        match self {
            Products::Import(import) => import.run(),
            Products::Export(export) => export.run(),
        }
    }
}

impl Import {
    fn run(self) -> Outcome {
        let folder = self.place.folder()?;
        let csv = read_whole(&self.file)?;
        let request = Request::import(&csv, self.set_stock, self.dry_run);
        match through::write(&self.place, &folder, self.accept_clock, request)? {
            Answer::Imported(report) if self.json => output::json(&json!({ "dryRun": self.dry_run, "report": report })),
            Answer::Imported(report) => tell_report(&report, self.dry_run),
            Answer::BadRows(rows) => {
                if self.json {
                    output::json(&json!({ "badRows": rows }))?;
                }
                let file = self.file.display();
                for row in &rows {
                    let column = if row.column.is_empty() { String::new() } else { format!("{}: ", row.column) };
                    output::note(format!("{file}:{}: {column}{}", row.line, row.message));
                }
                Err(Failure::because(format!(
                    "nothing was brought in: {} fault(s) in {file}. Mend them and run the command again",
                    rows.len()
                )))
            }
            other => Err(Failure::because(format!("the server gave an answer to another question: {other:?}"))),
        }
    }
}

fn tell_report(report: &ImportReport, dry_run: bool) -> Outcome {
    for product in report.diff.iter().filter(|_| dry_run) {
        output::line(format!("{} {}", product.what, product.sku))?;
        for (field, before, after) in &product.fields {
            output::line(format!("  {field}: {before:?} -> {after:?}"))?;
        }
    }
    output::line(format!("{} made, {} changed, {} unchanged", report.made, report.changed, report.unchanged))?;
    if dry_run {
        output::note("Nothing was written. Without --dry-run it would be.");
    }
    Ok(())
}

fn read_whole(file: &Path) -> Outcome<Vec<u8>> {
    let unreadable = |error: std::io::Error| {
        Failure::because(format!(
            "{} cannot be read: {error}. Name a CSV file that the folder's owner may read, or pipe it in as `-`",
            file.display()
        ))
    };
    let from: Box<dyn Read> =
        if file == Path::new("-") { Box::new(std::io::stdin()) } else { Box::new(File::open(file).map_err(unreadable)?) };
    let mut bytes = Vec::new();
    from.take(MAX_IMPORT_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > MAX_IMPORT_BYTES {
        return Err(Failure::because(format!(
            "{} is larger than {} MB, and no menu is. Cut it in parts",
            file.display(),
            MAX_IMPORT_BYTES >> 20
        )));
    }
    Ok(bytes)
}

impl Export {
    fn run(self) -> Outcome {
        let folder = self.place.folder()?;
        let database = database_to_read(&folder)?;
        let csv = db::open_read_only(&database, |reader| {
            let settings = settings::read(reader)?;
            catalog::export(reader, &settings.format)
        })
        .map_err(|error| Failure::because(format!("the menu in {} cannot be read: {error}", database.display())))?;
        match &self.output {
            None => output::bytes(&csv),
            Some(file) => write_whole(file, &csv).map_err(|error| {
                Failure::because(format!("{} cannot be written: {error}. Name another file with --output", file.display()))
            }),
        }
    }
}

/// The file is whole or as before; a device or a pipe is written to, not replaced.
fn write_whole(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if std::fs::metadata(file).is_ok_and(|there| !there.is_file()) {
        return File::options().write(true).open(file)?.write_all(bytes);
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The words of a failure below would name the temporary file, which nobody asked for.
    std::fs::metadata(folder)?;
    let made = tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(folder);
    let mut fresh = made.map_err(|error| std::io::Error::from(error.kind()))?;
    fresh.write_all(bytes)?;
    fresh.as_file().sync_all()?;
    fresh.persist(file)?;
    Ok(())
}
