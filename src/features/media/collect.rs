//! Pictures that nothing shows any more go, with their files: each night, what has waited long enough.
//!
//! What always holds: what a product shows stays; what an order shows stays, which is one of the pictures that its products had at its
//! moment, so each picture that a product had while it was ordered stays with it. Rows go first and files after them, each file named in
//! `media_removals` in the transaction that takes its row: a machine that dies in between leaves a file too many, and the next run takes
//! it, never a row without its file.
//!
//! The same picture may be uploaded again at any time, and its file is written before its rows. So a file goes only an hour after its
//! row, if by then there is no such picture and the file is the one that was there: whoever wrote it anew keeps it. Whether there is
//! such a picture is asked, and the file taken, on the writer's thread, so that no row comes in between.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::pictures::disk_fault;
use super::sql::keeping::{self, Removal};
use super::{MediaPath, PictureHash, Store, copy};
use crate::db::{Command, FilesHeld, WriteTx};
use crate::features::Shop;
use crate::jobs::{Claimed, Handler, Schedule};
use crate::kernel::time::span::{DAY_MS, HOUR_MS};
use crate::kernel::{Result, UtcMs};

/// The kind of this job.
pub const KIND: &str = "media.collect";
/// A picture that was taken from its product, or never came to one, stays this long: a month in which whoever took it away by mistake
/// can be helped from the disk, and in which a backup of every plan has it.
const GRACE_MS: i64 = 30 * DAY_MS;
/// From a row's end to its file's: longer than any upload takes from its file to its row.
const FILES_WAIT_MS: i64 = HOUR_MS;
/// From the end of a run to the next: often enough that files follow their rows on the same day.
const EVERY_MS: i64 = 6 * HOUR_MS;
/// What arrived and was never taken in, as when the machine died, stays this long.
const INCOMING_KEPT_MS: i64 = DAY_MS;
/// A small shop's backup takes a second or two; a larger one's is not waited for.
const HOLD_LOOKS: u32 = 50;
const HOLD_LOOK: Duration = Duration::from_millis(100);
/// Rows of one look, and pictures of one write: a few milliseconds of the writer.
const BATCH: usize = 100;
const AT_ONCE: usize = 10;

/// The worker of these jobs.
pub struct CollectPictures {
    shop: Arc<Shop>,
}

impl CollectPictures {
    #[must_use]
    pub fn new(shop: Arc<Shop>) -> CollectPictures {
        CollectPictures { shop }
    }

    async fn collect(&self) -> Result<()> {
        let before = self.shop.clock.now().plus_ms(-GRACE_MS);
        self.end_images(before).await?;
        self.end_pictures(before).await?;
        // A backup that is being made packs what its snapshot names; then files go with the next run.
        match self.hold_files().await? {
            Some(_held) => self.take_files().await?,
            None => tracing::info!("a backup is being made; files of pictures stay until the next run"),
        }
        let kept = self.shop.media.on_disk(|store| store.forget_incoming(INCOMING_KEPT_MS)).await?.map_err(disk_fault)?;
        if kept > 0 {
            tracing::info!(files = kept, "files that arrived and were never taken in are gone");
        }
        Ok(())
    }

    /// Pictures that products showed once: they go, or stay for an order.
    async fn end_images(&self, before: UtcMs) -> Result<()> {
        loop {
            // Read on a snapshot beside the writer: an order of then is there by now, or never will be.
            let verdicts = self.shop.db.read(move |reader| {
                let ended = keeping::ended_before(reader, before, BATCH)?;
                ended.into_iter().map(|one| Ok((keeping::was_ordered(reader, &one)?, one))).collect::<Result<Vec<_>>>()
            });
            let verdicts = verdicts.await?;
            if verdicts.is_empty() {
                return Ok(());
            }
            self.shop.db.write_in_background(EndImages { verdicts }).await?;
        }
    }

    /// Pictures that nothing shows.
    async fn end_pictures(&self, before: UtcMs) -> Result<()> {
        let mut after = Vec::new();
        loop {
            let from = after.clone();
            let unshown = self.shop.db.read(move |reader| {
                let unshown = keeping::unshown_after(reader, &from, before, AT_ONCE)?;
                unshown
                    .into_iter()
                    .map(|picture| Ok((picture, keeping::files_of(reader, picture)?)))
                    .collect::<Result<Vec<_>>>()
            });
            let unshown = unshown.await?;
            let Some((last, _)) = unshown.last() else { return Ok(()) };
            after = last.as_bytes().to_vec();
            let written = self.shop.media.on_disk(move |store| written(store, unshown)).await?.map_err(disk_fault)?;
            self.shop.db.write_in_background(EndPictures { pictures: written }).await?;
        }
    }

    /// The right to take files away; `None` if a backup takes longer than this waits.
    async fn hold_files(&self) -> Result<Option<FilesHeld>> {
        for _ in 0..HOLD_LOOKS {
            if let Some(held) = FilesHeld::try_take(self.shop.db.folder().path()).map_err(disk_fault)? {
                return Ok(Some(held));
            }
            tokio::time::sleep(HOLD_LOOK).await;
        }
        Ok(None)
    }

    /// Files whose rows are gone for long enough.
    async fn take_files(&self) -> Result<()> {
        let (mut after, store, copies) = (String::new(), self.shop.media.store().clone(), self.shop.media.copies());
        loop {
            let from = after.clone();
            let removals = self.shop.db.read(move |reader| keeping::removals_after(reader, &from, AT_ONCE)).await?;
            let Some(last) = removals.last() else { return Ok(()) };
            after = last.path.as_str().to_owned();
            self.shop.db.write_in_background(TakeFiles { removals, store: store.clone(), copies }).await?;
        }
    }
}

impl Handler for CollectPictures {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn schedule(&self) -> Option<Schedule> {
        Some(Schedule::Every { ms: EVERY_MS })
    }

    /// The engine writes the next run.
    fn run(&self, _job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(self.collect())
    }
}

/// A picture's files, each with the moment when it was written.
type Written = (PictureHash, Vec<(MediaPath, Option<i64>)>);

fn written(store: &Store, pictures: Vec<(PictureHash, Vec<MediaPath>)>) -> std::io::Result<Vec<Written>> {
    let of_file = |path: MediaPath| {
        // A file that is not there leaves the bucket all the same.
        let written_ns = store.written_ns(&path)?;
        Ok((path, written_ns))
    };
    pictures
        .into_iter()
        .map(|(picture, files)| Ok((picture, files.into_iter().map(of_file).collect::<std::io::Result<Vec<_>>>()?)))
        .collect()
}

struct EndImages {
    /// Whether an order shows it.
    verdicts: Vec<(bool, keeping::Ended)>,
}

impl Command for EndImages {
    const NAME: &'static str = "media.end_images";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        for (is_ordered, ended) in self.verdicts {
            if is_ordered {
                keeping::keep_for_orders(tx, ended.id)?;
            } else {
                keeping::delete_ended(tx, ended.id)?;
            }
        }
        Ok(())
    }
}

struct EndPictures {
    pictures: Vec<Written>,
}

impl Command for EndPictures {
    const NAME: &'static str = "media.end_pictures";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        for (picture, files) in &self.pictures {
            keeping::delete_unshown(tx, *picture, files)?;
        }
        Ok(())
    }
}

struct TakeFiles {
    removals: Vec<Removal>,
    store: Store,
    copies: bool,
}

impl Command for TakeFiles {
    const NAME: &'static str = "media.take_files";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let mut leaves_the_bucket = false;
        for Removal { path, written_ns, removed_at } in &self.removals {
            if keeping::picture_exists(tx, path.picture())? {
                keeping::end_removal(tx, path)?;
                continue;
            }
            if tx.now() < removed_at.plus_ms(FILES_WAIT_MS) {
                continue;
            }
            if let Some(written_ns) = written_ns {
                if let Some(since) = self.store.remove_as_written(path, *written_ns).map_err(disk_fault)? {
                    keeping::put_off_removal(tx, path, since)?;
                    continue;
                }
                keeping::removed_here(tx, path)?;
            }
            if self.copies {
                leaves_the_bucket = true;
            } else {
                keeping::end_removal(tx, path)?;
            }
        }
        if leaves_the_bucket { copy::wanted(tx) } else { Ok(()) }
    }
}
