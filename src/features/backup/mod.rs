//! Copies of the whole shop, a file each, and the proof that they can be restored (SPEC 10).
//!
//! What always holds: a copy is of one moment; it is taken while the shop sells; nothing of it counts before every byte was checked
//! against its manifest. `pack` writes archives and `archive` reads them; everything else stands on these two.

pub mod api;
pub mod archive;
mod create;
mod desk;
mod digest;
mod fault;
mod jobs;
mod list;
pub mod manifest;
mod names;
mod pack;
mod prune;
pub mod restore;
mod sealing;
mod sql;
mod verify;

use std::collections::BTreeSet;

pub use archive::{Kind, Opened, kind_of, open};
pub use create::{Made, OnStage, Pace, Target, create, newest_is_younger};
pub use desk::{Desk, told};
pub use fault::BackupFault;
pub use jobs::{DUE_AFTER_MS, DrillBackups, MakeBackups, Standing, Trouble, VerifyBackups, standing, trouble};
pub use list::{Listed, Listing, list, list_in_zone};
pub use manifest::{Entry, Manifest, Place};
pub use pack::{Content, Packed, Piece};
pub use sealing::{Seal, Unlock};
pub use sql::Known;
pub use verify::{Balances, Proof, verify};

use crate::db::Reader;
use crate::kernel::Result;

/// What is known of each file, the newest first.
///
/// # Errors
/// A fault.
pub fn known(reader: &Reader<'_>) -> Result<Vec<Known>> {
    sql::all(reader)
}

/// Removes the backups that are not needed any more; which those were. What was made just now stays, and so does the newest proven one.
///
/// # Errors
/// If the folder cannot be read, or a file not be removed.
pub fn tidy(desk: &Desk, made: &str, known: &[Known]) -> std::result::Result<Vec<String>, BackupFault> {
    let proven = known.iter().find(|known| known.proven_at.is_some()).map(|known| known.file.as_str());
    let never: BTreeSet<&str> = proven.into_iter().chain([made]).collect();
    prune::prune(desk, &list(desk)?, &never)
}

#[cfg(test)]
mod tests;
