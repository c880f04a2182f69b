//! Renditions are drawn by a job a picture: each file crash-safe, all rows in the write that ends the job.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use super::model::Status;
use super::{Format, MediaPath, PictureHash, RENDER_JOBS, Refused, Store, draw, file_written, sql};
use crate::db::{Command, WriteTx};
use crate::features::Shop;
use crate::jobs::{self, Claimed, Handler};
use crate::kernel::{DomainEvent, Fault, JobId, Result};

/// The worker of these jobs.
pub struct RenderPictures {
    shop: Arc<Shop>,
}

impl RenderPictures {
    #[must_use]
    pub fn new(shop: Arc<Shop>) -> RenderPictures {
        RenderPictures { shop }
    }

    async fn render(&self, job: JobId, picture: PictureHash) -> Result<()> {
        let Some((format, turn, status)) = self.shop.db.read(move |reader| sql::to_draw(reader, picture)).await? else {
            return Ok(());
        };
        if status == Status::Ready {
            return Ok(());
        }
        let pictures = &self.shop.media;
        let drawn = pictures.in_studio(move |store| draw_all(store, picture, format, turn)).await;
        let why = match drawn {
            Ok(Ok(files)) => {
                let copies = pictures.copies();
                return self.shop.db.write_in_background(PictureDrawn { job, picture, files, copies }).await;
            }
            Ok(Err(NotDrawn::Refused(refused))) => refused.message.into_owned(),
            Ok(Err(NotDrawn::Gone)) => {
                "its original is not on the disk; bayader media check looks for it in the bucket".to_owned()
            }
            Ok(Err(NotDrawn::Disk(error))) => format!("the disk: {error}"),
            Err(error) => error.to_string(),
        };
        // Seen at once by who has sent it; a later try may still draw it.
        self.shop.db.write_in_background(PictureFailed { picture, why: why.clone() }).await?;
        Err(Fault::because(format!("a picture could not be drawn: {why}")).into())
    }
}

impl Handler for RenderPictures {
    fn kind(&self) -> &'static str {
        RENDER_JOBS
    }

    /// One thread opens pictures, and who waits for it here would keep an upload waiting.
    fn at_once(&self) -> usize {
        1
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async move {
            let picture = PictureHash::parse(&job.key)
                .ok_or_else(|| Fault::because(format!("the key of job {} is no picture's", job.id)))?;
            self.render(job.id, picture).await
        })
    }
}

enum NotDrawn {
    Refused(Refused),
    /// Its original is not there.
    Gone,
    Disk(io::Error),
}

/// A file that was written: its place, its length, its SHA-256.
type Written = (MediaPath, i64, [u8; 32]);

fn draw_all(store: &Store, picture: PictureHash, format: Format, turn: u8) -> Result<Vec<Written>, NotDrawn> {
    let original = store.read(&MediaPath::original(picture, format)).map_err(NotDrawn::Disk)?.ok_or(NotDrawn::Gone)?;
    let renditions = draw::draw(&original, format, turn).map_err(NotDrawn::Refused)?;
    let written = renditions.into_iter().map(|rendition| {
        let path = MediaPath::rendition(picture, rendition.size, rendition.drawn);
        store.put(&path, &rendition.bytes).map_err(NotDrawn::Disk)?;
        let length = i64::try_from(rendition.bytes.len()).unwrap_or(i64::MAX);
        Ok((path, length, *PictureHash::of(&rendition.bytes).as_bytes()))
    });
    written.collect()
}

struct PictureDrawn {
    job: JobId,
    picture: PictureHash,
    files: Vec<Written>,
    copies: bool,
}

impl Command for PictureDrawn {
    const NAME: &'static str = "media.picture_drawn";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        for (path, bytes, sha256) in &self.files {
            file_written(tx, path, *bytes, *sha256, self.copies)?;
        }
        sql::set_status(tx, self.picture, Status::Ready, None)?;
        for product in sql::shown_by(tx, self.picture)? {
            tx.record(DomainEvent::ProductChanged { product });
        }
        jobs::finish(tx, self.job)?;
        Ok(())
    }
}

struct PictureFailed {
    picture: PictureHash,
    why: String,
}

impl Command for PictureFailed {
    const NAME: &'static str = "media.picture_failed";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        sql::set_status(tx, self.picture, Status::Failed, Some(&self.why))
    }
}
