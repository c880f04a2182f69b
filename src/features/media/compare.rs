//! `media check`: books, disk and bucket are compared, file by file, and mended.
//!
//! What always holds: a file is taken for whole by its SHA-256 alone, wherever it lies; nothing that the books know is deleted; what
//! nobody knows is named, and goes only when asked for and when older than a day, because an upload's file is there before its rows. No
//! more than some hundred names are in memory at once.

use std::collections::HashSet;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::bucket::{Bucket, BucketFault};
use super::copy::{self, Copied, SetCopied};
use super::model::KeptFile;
use super::pictures::disk_fault;
use super::sql::keeping;
use super::{Found, MediaPath, PictureHash, RENDER_JOBS, Status, Store, sql};
use crate::db::{Command, WriteTx};
use crate::features::Shop;
use crate::jobs::{self, NewJob};
use crate::kernel::time::span::DAY_MS;
use crate::kernel::{DomainEvent, Fault, Result};

/// Files of one look into the books.
const BATCH: usize = 100;
/// Names that a report holds of each kind; of more it says how many.
const MOST_NAMES: usize = 500;
/// What nobody knows may be an upload under way until it is so old.
const UNKNOWN_KEPT_MS: i64 = DAY_MS;
const RENDER_ATTEMPTS: i64 = 5;

/// What may be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Asked {
    /// Look only.
    pub dry_run: bool,
    /// What nobody knows goes.
    pub delete_unknown: bool,
}

/// Some names, and how many there are of their kind.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Names {
    pub count: usize,
    /// The first 500.
    pub names: Vec<String>,
}

impl Names {
    fn add(&mut self, name: impl Into<String>) {
        self.count += 1;
        if self.names.len() < MOST_NAMES {
            self.names.push(name.into());
        }
    }
}

/// What was found, and what became of it; of a dry run, what would.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Files in the books.
    pub files: usize,
    /// Whole on the disk and, if there is one, in the bucket.
    pub whole: usize,
    /// Missing or damaged on the disk, and taken from the bucket.
    pub fetched: Names,
    /// Missing or damaged on the disk, and drawn anew from the original by a job.
    pub redrawn: Names,
    /// Missing or damaged everywhere.
    pub lost: Names,
    /// Missing or another one in the bucket, and copied there.
    pub copied: Names,
    /// On the disk, and nobody knows it.
    pub unknown_files: Names,
    /// In the bucket, and nobody knows it.
    pub unknown_objects: Names,
    /// Of those, how many went.
    pub deleted: usize,
    /// Why the bucket could not be compared to its end.
    pub bucket_fault: Option<String>,
}

impl Report {
    /// Whether something stays as it should not be.
    #[must_use]
    pub fn is_bad(&self, dry_run: bool) -> bool {
        let amiss = self.fetched.count + self.redrawn.count + self.copied.count;
        self.lost.count > 0 || self.bucket_fault.is_some() || dry_run && amiss > 0
    }
}

/// Compares and mends.
///
/// # Errors
/// A fault of the disk or the database; what was mended until then stays so.
pub async fn compare(shop: &Shop, asked: Asked, progress: &(dyn Fn(&str) + Send + Sync)) -> Result<Report> {
    let mut run = Run { shop, asked, bucket: shop.copies.as_ref().map(copy::Copies::bucket), report: Report::default() };
    run.files(progress).await?;
    progress("looking for files that nobody knows");
    run.unknown_files().await?;
    if run.bucket.is_some() {
        progress("looking for objects that nobody knows");
        run.unknown_objects().await?;
    }
    Ok(run.report)
}

struct Run<'s> {
    shop: &'s Shop,
    asked: Asked,
    /// `None` once it has failed: the disk is compared all the same.
    bucket: Option<&'s Bucket>,
    report: Report,
}

impl Run<'_> {
    fn bucket_failed(&mut self, fault: &BucketFault) {
        self.bucket = None;
        self.report.bucket_fault = Some(fault.to_string());
    }

    async fn files(&mut self, progress: &(dyn Fn(&str) + Send + Sync)) -> Result<()> {
        let mut after = String::new();
        loop {
            let from = after.clone();
            let files = self.shop.db.read(move |reader| keeping::files_after(reader, &from, BATCH)).await?;
            let Some(last) = files.last() else { return Ok(()) };
            after = last.path.as_str().to_owned();
            let mut redraw: Vec<PictureHash> = Vec::new();
            for file in files {
                self.report.files += 1;
                self.file(file, &mut redraw).await?;
            }
            redraw.dedup();
            for picture in redraw {
                if !self.asked.dry_run {
                    self.shop.db.write_in_background(Redraw { picture }).await?;
                }
            }
            progress(&format!("{} files compared", self.report.files));
        }
    }

    async fn file(&mut self, file: KeptFile, redraw: &mut Vec<PictureHash>) -> Result<()> {
        let here = self.is_whole_here(&file).await?;
        let mut there = false;
        if let Some(bucket) = self.bucket {
            match bucket.head(file.path.as_str()).await {
                Ok(seen) => there = seen.is_some_and(|seen| copy::is_whole(&seen, &file)),
                Err(fault) => self.bucket_failed(&fault),
            }
        }
        let name = file.path.as_str().to_owned();
        if !here {
            let fetched = there && self.fetch(&file).await?;
            if fetched {
                self.report.fetched.add(name);
                return self.note_there(&file).await;
            }
            if self.can_redraw(&file).await? {
                self.report.redrawn.add(name);
                redraw.push(file.picture);
            } else {
                self.report.lost.add(name);
            }
            // What is drawn anew is copied anew.
            return self.note_lacking(&file).await;
        }
        let Some(bucket) = self.bucket else {
            self.report.whole += usize::from(self.report.bucket_fault.is_none());
            return Ok(());
        };
        if there {
            self.report.whole += 1;
            return self.note_there(&file).await;
        }
        if !self.asked.dry_run {
            match copy::copy(&self.shop.media, bucket, &file).await? {
                Copied::There => {}
                Copied::Unread => {
                    self.report.lost.add(name);
                    return Ok(());
                }
                Copied::Not(fault) => {
                    self.bucket_failed(&fault);
                    return self.note_lacking(&file).await;
                }
            }
            self.note_there(&file).await?;
        }
        self.report.copied.add(name);
        Ok(())
    }

    async fn is_whole_here(&self, file: &KeptFile) -> Result<bool> {
        let (path, sha256) = (file.path.clone(), file.sha256);
        let whole = move |store: &Store| -> std::io::Result<bool> {
            Ok(store.read(&path)?.is_some_and(|bytes| PictureHash::of(&bytes).as_bytes() == &sha256))
        };
        match self.shop.media.on_disk(whole).await? {
            // A place that the disk cannot read is a damaged file.
            Err(error) => {
                tracing::warn!(path = file.path.as_str(), error = %error, "a picture's file cannot be read");
                Ok(false)
            }
            Ok(whole) => Ok(whole),
        }
    }

    /// Takes a file from the bucket, if what comes is that file.
    async fn fetch(&mut self, file: &KeptFile) -> Result<bool> {
        let Some(bucket) = self.bucket else { return Ok(false) };
        let bytes = match bucket.get(file.path.as_str(), u64::try_from(file.bytes).unwrap_or(0)).await {
            Ok(bytes) => bytes,
            Err(fault) => {
                self.bucket_failed(&fault);
                return Ok(false);
            }
        };
        let Some(bytes) = bytes.filter(|bytes| PictureHash::of(bytes).as_bytes() == &file.sha256) else {
            // It says to be what it is not, so whoever copies would leave it there.
            if !self.asked.dry_run
                && let Err(fault) = bucket.delete(file.path.as_str()).await
            {
                self.bucket_failed(&fault);
            }
            return Ok(false);
        };
        if !self.asked.dry_run {
            self.put_here(file.path.clone(), bytes).await?;
        }
        Ok(true)
    }

    async fn put_here(&self, path: MediaPath, bytes: Bytes) -> Result<()> {
        self.shop.media.on_disk(move |store| store.put(&path, &bytes)).await?.map_err(disk_fault)
    }

    /// A rendition can be drawn anew if its original is whole here, or in the bucket, from where its own turn brings it.
    async fn can_redraw(&self, file: &KeptFile) -> Result<bool> {
        let picture = file.picture;
        let original = self.shop.db.read(move |reader| {
            let Some((format, ..)) = sql::to_draw(reader, picture)? else { return Ok(None) };
            sql::file(reader, &MediaPath::original(picture, format))
        });
        let Some(original) = original.await?.filter(|original| original.path != file.path) else { return Ok(false) };
        if self.is_whole_here(&original).await? {
            return Ok(true);
        }
        let Some(bucket) = self.bucket else { return Ok(false) };
        Ok(bucket
            .head(original.path.as_str())
            .await
            .is_ok_and(|seen| seen.is_some_and(|seen| copy::is_whole(&seen, &original))))
    }

    async fn note_there(&self, file: &KeptFile) -> Result<()> {
        if self.asked.dry_run || file.copied_at.is_some() {
            return Ok(());
        }
        self.shop.db.write_in_background(SetCopied { path: file.path.clone(), sha256: file.sha256 }).await
    }

    async fn note_lacking(&self, file: &KeptFile) -> Result<()> {
        if self.asked.dry_run || file.copied_at.is_none() || self.report.bucket_fault.is_some() {
            return Ok(());
        }
        self.shop.db.write_in_background(SetUncopied { path: file.path.clone() }).await
    }

    /// What lies on the disk without a row.
    async fn unknown_files(&mut self) -> Result<()> {
        let (told, mut heard) = mpsc::channel::<Found>(BATCH);
        let store = self.shop.media.store().clone();
        let walk = tokio::task::spawn_blocking(move || {
            store.walk(|found| {
                // Who listens no more has failed, and says so.
                let _ = told.blocking_send(found);
            })
        });
        let mut batch = Vec::new();
        while let Some(found) = heard.recv().await {
            match found {
                // Not ours to judge, nor to delete.
                Found::Foreign(path) => self.report.unknown_files.add(path.display().to_string()),
                Found::Picture { path, .. } => batch.push(path),
            }
            if batch.len() == BATCH {
                self.unknown_of(std::mem::take(&mut batch)).await?;
            }
        }
        self.unknown_of(batch).await?;
        walk.await.map_err(Fault::new)?.map_err(disk_fault)
    }

    async fn unknown_of(&mut self, paths: Vec<MediaPath>) -> Result<()> {
        let known = self.known(paths.iter().map(|path| path.as_str().to_owned()).collect()).await?;
        for path in paths.into_iter().filter(|path| !known.contains(path.as_str())) {
            self.report.unknown_files.add(path.as_str());
            if self.asked.delete_unknown && !self.asked.dry_run {
                let gone = self.shop.media.on_disk(move |store| store.remove_older(&path, UNKNOWN_KEPT_MS)).await?;
                self.report.deleted += usize::from(gone.map_err(disk_fault)?);
            }
        }
        Ok(())
    }

    /// Of these paths those that the books know, or are about to forget.
    async fn known(&self, paths: Vec<String>) -> Result<HashSet<String>> {
        Ok(self.shop.db.read(move |reader| keeping::known(reader, &paths)).await?.into_iter().collect())
    }

    /// What lies in the bucket without a row.
    async fn unknown_objects(&mut self) -> Result<()> {
        let mut next: Option<String> = None;
        while let Some(bucket) = self.bucket {
            let page = match bucket.list(next.as_deref(), BATCH).await {
                Ok(page) => page,
                Err(fault) => {
                    self.bucket_failed(&fault);
                    return Ok(());
                }
            };
            let known = self.known(page.objects.iter().map(|object| object.path.clone()).collect()).await?;
            for object in page.objects.into_iter().filter(|object| !known.contains(&object.path)) {
                self.report.unknown_objects.add(object.path.as_str());
                let before = self.shop.clock.now().plus_ms(-UNKNOWN_KEPT_MS);
                let is_old = object.changed_at.is_some_and(|changed_at| changed_at < before);
                if self.asked.delete_unknown && !self.asked.dry_run && is_old {
                    if let Err(fault) = bucket.delete(&object.path).await {
                        self.bucket_failed(&fault);
                        return Ok(());
                    }
                    self.report.deleted += 1;
                }
            }
            next = page.next;
            if next.is_none() {
                return Ok(());
            }
        }
        Ok(())
    }
}

struct SetUncopied {
    path: MediaPath,
}

impl Command for SetUncopied {
    const NAME: &'static str = "media.set_uncopied";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        keeping::set_uncopied(tx, &self.path)?;
        copy::wanted(tx)
    }
}

/// A picture is drawn anew; until then no product lists it.
struct Redraw {
    picture: PictureHash,
}

impl Command for Redraw {
    const NAME: &'static str = "media.redraw";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        sql::set_status(tx, self.picture, Status::Pending, None)?;
        let key = self.picture.to_string();
        jobs::enqueue(tx, &NewJob { kind: RENDER_JOBS, key: &key, run_at: tx.now(), max_attempts: RENDER_ATTEMPTS })?;
        for product in sql::shown_by(tx, self.picture)? {
            tx.record(DomainEvent::ProductChanged { product });
        }
        Ok(())
    }
}
