//! Proving that a backup can be restored: it is restored, into a scratch folder that goes away again.
//!
//! What always holds: the scratch folder goes, whatever is found; disk is asked for before anything is written; a backup counts as proven
//! only if nothing at all was found.

use std::collections::BTreeSet;
use std::path::Path;

use super::create::{audit_head, missing, of_books};
use super::desk::{expect_room, told};
use super::manifest::{Manifest, Place};
use super::pack::Scratch;
use super::{BackupFault, Opened, sql};
use crate::db::{self, Reader};
use crate::features::{audit, media};
use crate::kernel::Result as Outcome;

/// Whether the books balance, a line for each finding. The app knows every feature's.
pub type Balances = fn(&Reader<'_>) -> Outcome<Vec<String>>;

/// Lines of findings that are told.
const MOST_FINDINGS: usize = 20;
/// Progress is told so often.
const SAID_EVERY: u64 = 4 << 20;
/// Files of pictures that one reading names.
const PICTURES_A_READ: usize = 1_000;

/// What came of it.
pub struct Proof {
    pub manifest: Manifest,
    pub is_sealed: bool,
    /// What is not as it should be; none: it is proven.
    pub findings: Vec<String>,
}

/// Restores a backup into a scratch folder below `scratch_in`, and looks at everything.
///
/// # Errors
/// [`BackupFault`] if it cannot be unpacked: then it is not proven either.
pub fn verify(
    opened: Opened,
    scratch_in: &Path,
    balances: Balances,
    stage: &mut dyn FnMut(&str),
) -> Result<Proof, BackupFault> {
    if opened.manifest().schema > db::SCHEMA_VERSION {
        return Err(BackupFault::NewerShop { path: opened.path().to_owned(), found: opened.manifest().schema });
    }
    expect_room(scratch_in, opened.manifest().bytes().unwrap_or(u64::MAX))?;
    let scratch = Scratch::new_in(scratch_in)?;
    let (manifest, is_sealed) = unpack(opened, scratch.path(), stage)?;

    stage("checking the database");
    let copy = db::database_in(scratch.path());
    let unreadable = of_books("the books in it cannot be checked");
    let mut findings = db::open_read_only(&copy, |reader| as_promised(reader, &manifest)).map_err(&unreadable)?;
    findings.extend(keys(&manifest));
    if findings.is_empty() {
        // As a restore would: what an older program made is brought up to this one's version before it is read by it.
        db::bring_up(&copy).map_err(|fault| BackupFault::Books {
            what: "the books in it cannot be brought to this program's version".to_owned(),
            why: fault.chain(),
        })?;
        stage("balancing the books");
        findings = db::open_read_only(&copy, balances).map_err(&unreadable)?;
    }
    findings.truncate(MOST_FINDINGS);
    Ok(Proof { manifest, is_sealed, findings })
}

fn unpack(opened: Opened, into: &Path, stage: &mut dyn FnMut(&str)) -> Result<(Manifest, bool), BackupFault> {
    let (is_sealed, mut said) = (opened.is_sealed(), 0);
    let manifest = opened.unpack_into(into, &mut |done, all| {
        if done >= said + SAID_EVERY {
            said = done;
            stage(&format!("unpacking {} of {}", told(done), told(all)));
        }
    })?;
    Ok((manifest, is_sealed))
}

/// Whether the books are those that the manifest speaks of.
fn as_promised(reader: &Reader<'_>, manifest: &Manifest) -> Outcome<Vec<String>> {
    let mut found = db::check_books(reader)?;
    if sql::schema(reader)? != manifest.schema {
        found.push(format!("the books are not of version {}", manifest.schema));
    }
    let rows = db::row_counts(reader)?;
    let tables: BTreeSet<&String> = rows.keys().chain(manifest.rows.keys()).collect();
    for table in tables {
        let (has, should) = (rows.get(table).copied(), manifest.rows.get(table).copied());
        if has != should {
            let told = |rows: Option<i64>| rows.map_or_else(|| "none".to_owned(), |rows| rows.to_string());
            found.push(format!("{table} has {} rows, and {} were counted when it was made", told(has), told(should)));
        }
    }
    if audit_head(reader)? != manifest.audit {
        found.push("the log of what staff did does not end where it did when it was made".to_owned());
    }
    if let Some((row, what)) = audit::verify(reader)?.broken {
        found.push(format!("the log of what staff did is broken at row {row}: {what}"));
    }
    if sql::last_order(reader)? != manifest.last_order {
        found.push("the newest order has another number than when it was made".to_owned());
    }
    found.extend(pictures(reader, manifest)?);
    Ok(found)
}

/// Every picture that the books name is there, but those that were missing already.
fn pictures(reader: &Reader<'_>, manifest: &Manifest) -> Outcome<Vec<String>> {
    let packed: BTreeSet<&str> = manifest.entries.iter().map(|entry| entry.path.as_str()).collect();
    let known: BTreeSet<&str> = manifest.warnings.iter().map(String::as_str).collect();
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let files = media::files_after(reader, &after, PICTURES_A_READ)?;
        let Some(last) = files.last() else { return Ok(found) };
        last.path.as_str().clone_into(&mut after);
        for file in &files {
            let path = format!("media/{}", file.path);
            if !packed.contains(path.as_str()) && !known.contains(missing(&path).as_str()) {
                found.push(format!("{path} is named in the books and not packed"));
            }
        }
    }
}

/// Without its keys a restored shop would make new ones: every session, link and sealed secret would be dead.
fn keys(manifest: &Manifest) -> Option<String> {
    let has_keys = manifest.entries.iter().any(|entry| Place::of(&entry.path) == Some(Place::Key));
    (!has_keys).then(|| "it has no keys".to_owned())
}
