//! The sample's products get their pictures by a job: they are drawn one after the other beside everything else, and go the way of every
//! upload.

use std::future::Future;
use std::io::Cursor;
use std::pin::Pin;
use std::sync::Arc;

use image::{ImageFormat, RgbImage};

use super::sql::keeping;
use super::{NotTaken, import, sample};
use crate::db::{Command, WriteTx};
use crate::features::Shop;
use crate::jobs::{self, Claimed, Handler, NewJob};
use crate::kernel::{Fault, Result};

/// The kind of this job.
pub const KIND: &str = "media.draw_sample";
const KEY: &str = "sample";
const MAX_ATTEMPTS: i64 = 5;

/// The sample was brought in: its products are to have pictures.
pub struct DrawSample;

impl Command for DrawSample {
    const NAME: &'static str = "media.draw_sample";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        jobs::enqueue(tx, &NewJob { kind: KIND, key: KEY, run_at: tx.now(), max_attempts: MAX_ATTEMPTS })
    }
}

/// The worker of these jobs.
pub struct DrawSamples {
    shop: Arc<Shop>,
}

impl DrawSamples {
    #[must_use]
    pub fn new(shop: Arc<Shop>) -> DrawSamples {
        DrawSamples { shop }
    }

    /// Who has, or has had, a picture of its own keeps what its owner made of it; so a run after a crash goes on where it ended.
    async fn draw(&self, sku: &'static str) -> Result<()> {
        let shop = &self.shop;
        let found = shop.db.read(move |reader| {
            let found = keeping::product_of(reader, sku)?;
            let bare = |(product, _)| Ok((!keeping::has_images(reader, product)?).then_some(product));
            found.map_or(Ok(None), bare)
        });
        let Some(product) = found.await? else { return Ok(()) };
        let png = tokio::task::spawn_blocking(move || draw_png(sku)).await.map_err(Fault::new)??;
        match import::take_in(shop, png).await {
            Ok(picture) => import::add(shop, product, picture).await,
            Err(NotTaken::Refused(refused)) => {
                Err(Fault::because(format!("the drawing of {sku} is not taken: {}", refused.message)).into())
            }
            Err(NotTaken::Failed(error)) => Err(error),
        }
    }
}

impl Handler for DrawSamples {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn at_once(&self) -> usize {
        1
    }

    /// The engine finishes the row.
    fn run(&self, _job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async move {
            for sku in sample::skus() {
                self.draw(sku).await?;
            }
            Ok(())
        })
    }
}

fn draw_png(sku: &str) -> Result<Vec<u8>> {
    let fault = |why: &'static str| Fault::because(why);
    let rgb = sample::draw(sku, sample::SIZE).ok_or_else(|| fault("a product of the sample has no drawing"))?;
    let side = u32::try_from(sample::SIZE).map_err(Fault::new)?;
    let picture = RgbImage::from_raw(side, side, rgb).ok_or_else(|| fault("a drawing has too few pixels"))?;
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png).map_err(Fault::new)?;
    Ok(png.into_inner())
}
