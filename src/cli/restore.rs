//! `bayader restore`

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::exit::{Failure, Outcome};
use super::output::{self, Progress};
use super::restore_to::To;
use super::shared::{Place, runtime};
use crate::app::restored::{Books, make_ready};
use crate::clock::Clock;
use crate::db::{self, DataFolder, swap};
use crate::features::backup::restore::{self, Aside, Swapped};
use crate::features::backup::{Unlock, archive};
use crate::features::restored::Made;
use crate::ops::litestream;

#[derive(Args)]
pub struct Restore {
    /// The backup, sealed or not, as `bayader backup create` makes it.
    #[arg(value_name = "FILE", required_unless_present = "to", conflicts_with = "to")]
    file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) moment: To,
    #[command(flatten)]
    pub(super) place: Place,
    /// Restore although there is a shop; it is kept aside.
    #[arg(long)]
    pub(super) yes: bool,
    /// What a backup sealed by a passphrase is opened with: the first line of this file.
    #[arg(long, value_name = "FILE", conflicts_with = "identity_file")]
    passphrase_file: Option<PathBuf>,
    /// What a backup sealed to an age recipient is opened with, as age-keygen writes it.
    #[arg(long, value_name = "FILE")]
    identity_file: Option<PathBuf>,
    /// Go on although this machine's clock cannot be true.
    #[arg(long)]
    pub(super) accept_clock: bool,
    /// Answer in JSON: `{folder, backupOf, shop, kept, configuration, held: {messages, promotions}, sessionsEnded, erasedAgain}`.
    #[arg(long)]
    pub(super) json: bool,
}

impl Restore {
    pub fn run(self) -> Outcome {
        let Some(file) = &self.file else { return super::restore_to::run(&self) };
        // Before root becomes the folder's owner, who may not be allowed to read them.
        let opened = archive::open(file, &self.unlock()?).map_err(Failure::because)?;
        let owned = self.own_folder()?;
        let folder = owned.path().to_owned();
        let progress = Progress::start();
        progress.stage("unpacking and checking");
        let aside = restore::unpack(opened, &folder, &mut |done, all| {
            progress.stage(&format!("unpacking and checking: {} of {} MB", done / 1_000_000, all.div_ceil(1_000_000)));
        })
        .map_err(untouched)?;
        progress.stage("making it a shop that does not repeat the past");
        let clock = Clock::system();
        let made = match self.make_ready(&aside, file, &folder, &clock) {
            Ok(made) => made,
            Err(failure) => {
                aside.give_up();
                return Err(failure);
            }
        };
        let manifest = aside.manifest.clone();
        let swapped = aside.swap_in(clock.now(), self.place.config.is_some()).map_err(|fault| {
            if swap::is_under_way(&folder) {
                Failure::because(format!(
                    "{fault}. Both shops are whole: start bayader, or repeat this, and the restore is ended before anything else"
                ))
            } else {
                untouched(fault)
            }
        })?;
        drop(progress);
        let of = (manifest.shop.name.as_str(), manifest.made_at.to_string());
        if self.json {
            return output::json(&json!({
                "folder": folder, "backupOf": of.1, "shop": of.0, "kept": swapped.kept,
                "configuration": swapped.configuration_beside, "sessionsEnded": made.sessions, "erasedAgain": made.erased,
                "held": { "messages": made.messages, "promotions": made.promotions },
            }));
        }
        tell(&folder, of, &swapped, made)
    }

    /// The folder to restore into, which nobody uses; if there is a shop in it, it may be replaced.
    pub(super) fn own_folder(&self) -> Outcome<DataFolder> {
        let folder = self.place.folder()?;
        crate::ops::logs::start_for_command(&self.place.read_config(&folder)?);
        let owned = DataFolder::own(&folder).map_err(|fault| match fault {
            db::FolderFault::Owned(folder) => Failure::because(format!(
                "a bayader runs on {}, and nothing is restored under it. Stop it first (systemctl stop bayader), then repeat",
                folder.display()
            )),
            fault => Failure::because(fault),
        })?;
        if let Some(holder) = litestream::held_by(&owned.database()) {
            return Err(Failure::because(format!(
                "{holder} has the database of {} open, and would go on with the old one. Stop it first (Litestream: systemctl stop \
                 bayader-litestream), then repeat. Nothing was changed",
                owned.path().display()
            )));
        }
        if owned.database().exists() && !self.yes {
            return Err(Failure::because(format!(
                "there is a shop in {}. With --yes it is kept aside, and what is restored takes its place. Nothing was changed",
                owned.path().display()
            )));
        }
        Ok(owned)
    }

    pub(super) fn unlock(&self) -> Outcome<Unlock> {
        match (&self.passphrase_file, &self.identity_file) {
            (Some(file), _) => Unlock::by_passphrase_file(file),
            (None, Some(file)) => Unlock::by_identity_file(file),
            (None, None) => Ok(Unlock::nothing()),
        }
        .map_err(Failure::because)
    }

    fn make_ready(&self, aside: &Aside, file: &Path, folder: &Path, clock: &Clock) -> Outcome<Made> {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let books = Books {
            aside: &aside.new,
            folder,
            backup_of: aside.manifest.made_at,
            backup: &name,
            clock,
            accept_clock: self.accept_clock,
        };
        runtime()?.block_on(make_ready(books)).map_err(untouched)
    }
}

/// Before the swap is decided.
pub(super) fn untouched(fault: impl std::fmt::Display) -> Failure {
    Failure::because(format!("{fault}. Nothing was restored, and the shop that was there is as it was"))
}

fn tell(folder: &Path, (shop, backup_of): (&str, String), swapped: &Swapped, made: Made) -> Outcome {
    output::line(format!("Restored {shop} in {} as it was at {backup_of}.", folder.display()))?;
    if let Some(kept) = &swapped.kept {
        output::line(format!("The shop that was there is kept in {}; remove it when you miss nothing.", kept.display()))?;
    }
    if let Some(beside) = &swapped.configuration_beside {
        output::line(format!("This machine's configuration stays; the backup's lies in {} to be compared.", beside.display()))?;
    }
    output::line(format!(
        "Everybody signs in anew. {} messages and {} promotions wait until the owner says at /api/v1/admin/restored whether they are sent.",
        made.messages, made.promotions
    ))?;
    output::line(
        "Start the shop now (systemctl start bayader, or: bayader serve). Count the shelves: what was sold since is not known.",
    )
}
