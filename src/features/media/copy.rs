//! Files come to the bucket, and leave it, by one job that goes through what is not done yet.
//!
//! One job and not one a file: `media_files.copied_at` says what is to be copied, and a bucket that is away for a week with thousands
//! of files waiting costs one try now and then, not one a file. What always holds: a file counts as copied when the bucket says to have
//! it whole, by its length and our SHA-256; the job never dies, whatever the bucket does; and no order, upload or page waits for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use super::bucket::{Bucket, BucketFault};
use super::model::KeptFile;
use super::pictures::{Pictures, disk_fault};
use super::sql::keeping;
use super::{COPY_JOBS, MediaPath, PictureHash};
use crate::db::{Command, Reader, WriteTx};
use crate::features::Shop;
use crate::jobs::{self, Claimed, Handler, NewJob, Tries};
use crate::kernel::time::span::{HOUR_MS, MINUTE_MS, SECOND_MS};
use crate::kernel::{Result, UtcMs};

/// There is one such job at most.
const KEY: &str = "bucket";
/// It is put back by itself, never by failing; only faults of our own count.
const MAX_ATTEMPTS: i64 = 1_000_000;
/// Files under way at once: each lies in memory whole.
const AT_ONCE: usize = 3;
/// Files of one look into the books.
const BATCH: usize = 60;
/// Files of one run; then the job comes again at once, so that its lease outlives it.
const MOST_A_RUN: usize = 600;
/// How long the bucket is left alone after so many failures; then this long each time. As many tries as nobody minds, and soon enough
/// after a hiccup.
const WAITS_MS: [i64; 5] = [10 * SECOND_MS, 30 * SECOND_MS, 2 * MINUTE_MS, 10 * MINUTE_MS, HOUR_MS];

/// Why a run comes again at once.
const MORE: &str = "there is more";

/// The configured bucket, and how it has fared.
pub struct Copies {
    bucket: Bucket,
    /// Failures in a row. It lies in memory alone: what it forgets costs one try.
    failures: AtomicU32,
}

impl Copies {
    #[must_use]
    pub fn to(bucket: Bucket) -> Copies {
        Copies { bucket, failures: AtomicU32::new(0) }
    }

    #[must_use]
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    fn failed(&self) -> i64 {
        let before = usize::try_from(self.failures.fetch_add(1, Ordering::Relaxed)).unwrap_or(usize::MAX);
        *WAITS_MS.get(before).unwrap_or(&HOUR_MS)
    }

    fn succeeded(&self) {
        self.failures.store(0, Ordering::Relaxed);
    }
}

/// Something is to be copied, or to leave the bucket. In the transaction of its cause.
///
/// # Errors
/// A fault.
pub fn wanted(tx: &mut WriteTx<'_>) -> Result<()> {
    jobs::enqueue(tx, &NewJob { kind: COPY_JOBS, key: KEY, run_at: tx.now(), max_attempts: MAX_ATTEMPTS })
}

/// At start: the books hear which bucket there is. One that is new has nothing yet, and everything is to be copied.
pub struct TakeUp {
    /// [`Bucket::told`].
    pub place: String,
}

impl Command for TakeUp {
    const NAME: &'static str = "media.take_up_copies";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        if keeping::bucket_place(tx)?.as_deref() != Some(self.place.as_str()) {
            keeping::set_bucket_place(tx, &self.place)?;
        }
        if is_something_left(tx)? { wanted(tx) } else { Ok(()) }
    }
}

fn is_something_left(reader: &Reader<'_>) -> Result<bool> {
    Ok(!keeping::uncopied_after(reader, "", 1)?.is_empty() || !keeping::removals_after(reader, "", 1)?.is_empty())
}

/// What somebody should look at, in sentences: copies that wait for a bucket that fails.
///
/// # Errors
/// A fault.
pub fn waiting(reader: &Reader<'_>) -> Result<Vec<String>> {
    let Some(why) = keeping::copy_fault(reader, COPY_JOBS, KEY)?.filter(|why| why != MORE) else { return Ok(Vec::new()) };
    let (files, removals) = (keeping::uncopied_count(reader)?, keeping::removals_count(reader)?);
    Ok(vec![format!(
        "{files} file(s) of pictures wait to be copied to the bucket, and {removals} to leave it: {why}. They are tried again each hour \
         at least; the shop serves them from its own disk meanwhile"
    )])
}

/// The worker of these jobs.
pub struct CopyFiles {
    shop: Arc<Shop>,
}

/// How a run ended.
enum Ended {
    /// Everything that could be done is; so many files could not be read.
    Done { unread: usize },
    /// There is more.
    More,
    /// The bucket is to be left alone.
    Failed(BucketFault),
}

impl CopyFiles {
    #[must_use]
    pub fn new(shop: Arc<Shop>) -> CopyFiles {
        CopyFiles { shop }
    }

    async fn work(&self, copies: &Copies) -> Result<Ended> {
        let db = &self.shop.db;
        // First what leaves: a picture that has come back since is copied behind it, so that the two never cross.
        let mut after = String::new();
        loop {
            let from = after.clone();
            let gone = db.read(move |reader| keeping::removed_here_after(reader, &from, BATCH)).await?;
            let Some(last) = gone.last() else { break };
            after = last.as_str().to_owned();
            for path in gone {
                if let Err(fault) = copies.bucket().delete(path.as_str()).await {
                    return Ok(Ended::Failed(fault));
                }
                db.write_in_background(EndRemoval { path }).await?;
                copies.succeeded();
            }
        }
        let (mut after, mut there, mut unread) = (String::new(), 0, 0);
        loop {
            let from = after.clone();
            let files = db.read(move |reader| keeping::uncopied_after(reader, &from, BATCH)).await?;
            let Some(last) = files.last() else { return Ok(Ended::Done { unread }) };
            after = last.path.as_str().to_owned();
            let copied = files.into_iter().map(|file| async move {
                let copied = copy(&self.shop.media, copies.bucket(), &file).await;
                (file, copied)
            });
            let mut copied = stream::iter(copied).buffer_unordered(AT_ONCE);
            while let Some((file, copied)) = copied.next().await {
                match copied? {
                    Copied::There => {
                        copies.succeeded();
                        there += 1;
                        let set = SetCopied { path: file.path, sha256: file.sha256 };
                        db.write_in_background(set).await?;
                    }
                    Copied::Unread => {
                        unread += 1;
                        let path = file.path.as_str();
                        tracing::warn!(path, "a picture's file is not as it was written; bayader media check repairs it");
                    }
                    Copied::Not(fault) => return Ok(Ended::Failed(fault)),
                }
            }
            // What cannot be read is passed over each time, so it does not count, or a run might come again for ever.
            if there >= MOST_A_RUN {
                return Ok(Ended::More);
            }
        }
    }
}

impl Handler for CopyFiles {
    fn kind(&self) -> &'static str {
        COPY_JOBS
    }

    fn at_once(&self) -> usize {
        1
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async move {
            // Without a bucket nothing is to be done; with one again, the start writes a new job.
            let Some(copies) = &self.shop.copies else { return Ok(()) };
            let end = match self.work(copies).await? {
                Ended::Done { unread } => End { job, wait: None, unread },
                Ended::More => End { job, wait: Some((0, MORE.to_owned())), unread: 0 },
                Ended::Failed(fault) => {
                    let why = fault.to_string();
                    tracing::warn!(why, "pictures are not copied to the bucket now; they wait");
                    End { job, wait: Some((copies.failed(), why)), unread: 0 }
                }
            };
            self.shop.db.write_in_background(end).await
        })
    }
}

/// What became of a copy.
pub(super) enum Copied {
    There,
    /// Our own file is missing or not as it was written.
    Unread,
    Not(BucketFault),
}

/// Has the bucket have a file whole.
pub(super) async fn copy(pictures: &Pictures, bucket: &Bucket, file: &KeptFile) -> Result<Copied> {
    let path = file.path.as_str();
    match bucket.head(path).await {
        Ok(Some(seen)) if is_whole(&seen, file) => return Ok(Copied::There),
        Ok(_) => {}
        Err(fault) => return Ok(Copied::Not(fault)),
    }
    let named = file.path.clone();
    let read = pictures.on_disk(move |store| store.read(&named)).await?.map_err(disk_fault)?;
    let Some(bytes) = read.filter(|bytes| PictureHash::of(bytes).as_bytes() == &file.sha256) else {
        return Ok(Copied::Unread);
    };
    if let Err(fault) = bucket.put(path, Bytes::from(bytes), file.path.media_type(), &file.sha256).await {
        return Ok(Copied::Not(fault));
    }
    match bucket.head(path).await {
        Ok(Some(seen)) if is_whole(&seen, file) => Ok(Copied::There),
        Ok(_) => {
            let told = bucket.told();
            Ok(Copied::Not(BucketFault::Later(format!("{told} took a file and does not have it whole"))))
        }
        Err(fault) => Ok(Copied::Not(fault)),
    }
}

/// Whether the bucket's object is that file, as far as it says.
pub(super) fn is_whole(seen: &super::bucket::Seen, file: &KeptFile) -> bool {
    i64::try_from(seen.bytes) == Ok(file.bytes) && seen.sha256 == Some(file.sha256)
}

pub(super) struct SetCopied {
    pub path: MediaPath,
    pub sha256: [u8; 32],
}

impl Command for SetCopied {
    const NAME: &'static str = "media.set_copied";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        keeping::set_copied(tx, &self.path, &self.sha256)
    }
}

struct EndRemoval {
    path: MediaPath,
}

impl Command for EndRemoval {
    const NAME: &'static str = "media.end_removal";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        // If it has come back and was copied in between, that copy is gone too.
        keeping::set_uncopied(tx, &self.path)?;
        keeping::end_removal(tx, &self.path)
    }
}

/// Ends a run: what came meanwhile is seen in the same transaction, so that nothing is forgotten between two runs.
struct End {
    job: Claimed,
    /// Milliseconds, and why.
    wait: Option<(i64, String)>,
    unread: usize,
}

impl Command for End {
    const NAME: &'static str = "media.end_copying";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let now: UtcMs = tx.now();
        let wait = match self.wait {
            Some(wait) => Some(wait),
            None => {
                let left = keeping::uncopied_after(tx, "", self.unread + 1)?.len() > self.unread
                    || !keeping::removed_here_after(tx, "", 1)?.is_empty();
                left.then(|| (0, MORE.to_owned()))
            }
        };
        match wait {
            Some((ms, why)) if ms > 0 => {
                let (files, removals) = (keeping::uncopied_count(tx)?, keeping::removals_count(tx)?);
                let why = format!("{why} ({files} file(s) waited to be copied, {removals} to leave it)");
                jobs::again(tx, &self.job, now.plus_ms(ms), &why, Tries::NotCounted).map(drop)
            }
            Some((ms, why)) => jobs::again(tx, &self.job, now.plus_ms(ms), &why, Tries::NotCounted).map(drop),
            None => jobs::finish(tx, self.job.id).map(drop),
        }
    }
}
