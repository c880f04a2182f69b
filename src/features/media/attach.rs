//! A picture comes to a product, and files come to a picture.

use super::model::{Image, Picture};
use super::{MediaPath, copy, problems, sql};
use crate::db::WriteTx;
use crate::http::problem::not_found;
use crate::jobs::{self, NewJob};
use crate::kernel::{ImageId, ProductId, Result};

/// The kind of the jobs that draw a picture's renditions; the key is its hash.
pub const RENDER_JOBS: &str = "media.render";
/// The kind of the job that copies files to the bucket.
pub const COPY_JOBS: &str = "media.copy";
/// Tries of drawing: what fails by itself fails at once, what the disk says may be over later.
pub(super) const RENDER_ATTEMPTS: i64 = 5;
/// Pictures that a product shows, at most.
pub const MOST_IMAGES: usize = 20;

/// A picture becomes the last of a product's, or stays where it is if the product shows it already. Its original is on the disk; what is drawn of it comes by a job, and the product shows it then.
///
/// # Errors
/// 404 for no product, 409 if it has as many pictures as it may, or a fault.
pub fn attach(tx: &mut WriteTx<'_>, product: ProductId, picture: &Picture, alt: &str, copies: bool) -> Result<ImageId> {
    if !sql::product_exists(tx, product)? {
        return Err(not_found());
    }
    let images = sql::images(tx, product)?;
    if let Some(shown) = images.iter().find(|shown| shown.image.picture == picture.hash) {
        draw_if_needed(tx, picture)?;
        return Ok(shown.image.id);
    }
    if images.len() >= MOST_IMAGES {
        return Err(problems::too_many_images(MOST_IMAGES).into());
    }
    draw_if_needed(tx, picture)?;
    let path = MediaPath::original(picture.hash, picture.format);
    file_written(tx, &path, picture.bytes, *picture.hash.as_bytes(), copies)?;
    let id = ImageId::from_uuid(tx.new_id());
    sql::insert_image(tx, id, product, &Image { id, picture: picture.hash, alt: alt.to_owned() })?;
    Ok(id)
}

fn draw_if_needed(tx: &mut WriteTx<'_>, picture: &Picture) -> Result<()> {
    if !sql::insert_picture(tx, picture)? {
        return Ok(());
    }
    let key = picture.hash.to_string();
    jobs::enqueue(tx, &NewJob { kind: RENDER_JOBS, key: &key, run_at: tx.now(), max_attempts: RENDER_ATTEMPTS })
}

/// A file is whole on the disk: its row, and where there is a bucket the job that copies it. A file with the bytes it had is known
/// already.
///
/// # Errors
/// A fault.
pub fn file_written(tx: &mut WriteTx<'_>, path: &MediaPath, bytes: i64, sha256: [u8; 32], copies: bool) -> Result<()> {
    sql::insert_file(tx, path, bytes, sha256)?;
    let is_copied = sql::file(tx, path)?.is_some_and(|file| file.copied_at.is_some());
    if copies && !is_copied { copy::wanted(tx) } else { Ok(()) }
}
