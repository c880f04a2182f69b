//! `bayader doctor`

mod messages;
mod payments;

use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::{Failure, Outcome};
use super::output;
use super::shared::{Place, database_to_read};
use crate::clock::Clock;
use crate::db;
use crate::features::payments::waiting;
use crate::features::{backup, media, restored};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Doctor {
    #[command(subcommand)]
    of: Option<Of>,
    #[command(flatten)]
    place: Place,
    /// Answer in JSON: `{ok, findings, waiting}`.
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Of {
    /// Ask whoever carries messages whether they can be reached and know the shop; sends nothing.
    #[command(after_help = super::EXIT_CODES)]
    Messages(messages::Messages),
    /// Ask each payment gateway whether it can be reached and knows the shop's keys; moves no money.
    #[command(after_help = super::EXIT_CODES)]
    Payments(payments::Payments),
}

impl Doctor {
    pub fn run(self) -> Outcome {
        match self.of {
            Some(Of::Messages(messages)) => return messages.run(),
            Some(Of::Payments(payments)) => return payments.run(),
            None => {}
        }
        let folder = self.place.folder()?;
        let database = database_to_read(&folder)?;
        let findings = db::open_read_only(&database, crate::app::doctor)
            .map_err(|error| Failure::because(format!("the books in {} cannot be checked: {error}", database.display())))?;
        // The books balance all the same, so this is no finding.
        let now = Clock::system().now();
        let waits = db::open_read_only(&database, move |reader| {
            let restored = restored::line_for_doctor(reader)?.into_iter().collect();
            Ok([restored, waiting(reader, now)?, media::copy::waiting(reader)?, backup::waiting(reader, now)?].concat())
        })
        .map_err(|error| Failure::because(format!("the books in {} cannot be read: {error}", database.display())))?;
        if self.json {
            output::json(&json!({ "ok": findings.is_empty(), "findings": findings, "waiting": waits }))?;
        } else if findings.is_empty() {
            output::line(format!("The books in {} balance.", database.display()))?;
        } else {
            for finding in &findings {
                output::line(finding)?;
            }
        }
        if !self.json {
            for line in &waits {
                output::line(format!("Somebody has to look: {line}"))?;
            }
        }
        if findings.is_empty() {
            return Ok(());
        }
        Err(Failure::because(format!(
            "{} finding(s) in {}. Keep a copy of the folder before anything is changed",
            findings.len(),
            database.display()
        )))
    }
}
