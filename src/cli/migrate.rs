//! `bayader migrate`

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::exit::{Failure, Outcome};
use super::output;
use super::shared::Place;
use crate::clock::Clock;
use crate::db::{self, DataFolder, Db, DbOptions, Reactions, WriteTx};
use crate::kernel::{DomainEvent, JobDue, Result};

#[derive(Args)]
pub struct Migrate {
    #[command(flatten)]
    place: Place,
    /// Go on although this machine's clock cannot be true.
    #[arg(long)]
    accept_clock: bool,
    /// Answer in JSON: `{database, from, to}`.
    #[arg(long)]
    json: bool,
}

impl Migrate {
    pub fn run(self) -> Outcome {
        let folder = self.place.folder()?;
        crate::ops::logs::start_for_command(&self.place.read_config(&folder)?);
        // Whoever owns the folder may write to the database in the middle of this: a server makes the lock fail.
        let owned = DataFolder::own(&folder).map_err(Failure::because)?;
        let database = owned.database();
        let from = if database.exists() {
            db::schema_version(&database)
                .map_err(|fault| Failure::because(format!("{} cannot be read: {}", database.display(), fault.chain())))?
        } else {
            0
        };
        let options =
            DbOptions { clock: Clock::system(), accept_clock: self.accept_clock, reactions: Arc::new(NothingFollows) };
        drop(Db::open(owned, options).map_err(Failure::because)?);
        let to = db::SCHEMA_VERSION;
        if self.json {
            return output::json(&json!({ "database": database, "from": from, "to": to }));
        }
        match from {
            0 => output::line(format!("Made {} at version {to}.", database.display())),
            same if same == to => output::line(format!("{} is at version {to} already.", database.display())),
            _ => output::line(format!(
                "Brought {} from version {from} to {to}; the copy from before lies in {}.",
                database.display(),
                folder.join("backups").display()
            )),
        }
    }
}

/// A migration writes no row through the writer, so nothing follows from it.
struct NothingFollows;

impl Reactions for NothingFollows {
    fn inside(&self, _tx: &mut WriteTx<'_>, _event: &DomainEvent) -> Result<()> {
        Ok(())
    }

    fn after(&self, _events: &[DomainEvent], _jobs: &[JobDue]) {}
}
