//! `bayader audit`

use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::{Failure, Outcome};
use super::output;
use super::shared::{Place, database_to_read};
use crate::db;
use crate::features::audit;

#[derive(Subcommand)]
pub enum Audit {
    /// Walk the audit log's chain of hashes from its first row; works beside a running server and changes nothing.
    #[command(after_help = super::EXIT_CODES)]
    Verify(Verify),
}

impl Audit {
    pub fn run(self) -> Outcome {
        match self {
            Audit::Verify(verify) => verify.run(),
        }
    }
}

#[derive(Args)]
pub struct Verify {
    #[command(flatten)]
    place: Place,
    /// Answer in JSON: `{ok, rows, head, hash, broken?: {n, what}}`.
    #[arg(long)]
    json: bool,
}

impl Verify {
    fn run(self) -> Outcome {
        let folder = self.place.folder()?;
        let database = database_to_read(&folder)?;
        let report = db::open_read_only(&database, audit::verify)
            .map_err(|error| Failure::because(format!("the audit log in {} cannot be read: {error}", database.display())))?;
        if self.json {
            let broken = report.broken.as_ref().map(|(n, what)| json!({ "n": n, "what": what }));
            let mut answer = json!({
                "ok": report.broken.is_none(),
                "rows": report.rows,
                "head": report.head.n,
                "hash": report.head_hash(),
            });
            if let Some(broken) = broken {
                answer["broken"] = broken;
            }
            output::json(&answer)?;
        } else if report.broken.is_none() {
            output::line(format!("{} rows, each as it was written. The chain ends with {}.", report.rows, report.head_hash()))?;
        }
        match report.broken {
            None => Ok(()),
            Some((_, what)) => Err(Failure::because(format!(
                "the audit log in {} is not whole: {what}. The {} rows before it are as they were written. Keep a copy of the \
                 folder, and compare with the last backup",
                database.display(),
                report.rows
            ))),
        }
    }
}
