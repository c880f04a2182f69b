//! Every statement on `pictures`, `media_files` and `product_images`.

pub(super) mod keeping;

use super::model::{EditedImage, Format, Image, KeptFile, PictureHash, Status};
use super::{MediaPath, Picture};
use crate::args;
use crate::db::{Reader, Row, WriteTx};
use crate::kernel::{Fault, ImageId, ProductId, Result, UtcMs};

fn hash(bytes: Vec<u8>) -> Result<[u8; 32]> {
    bytes.try_into().map_err(|_| Fault::because("a hash in the books has not 32 bytes").into())
}

fn file_row(row: &Row<'_>) -> Result<KeptFile> {
    let mut columns = row.columns();
    let text: String = columns.next()?;
    let path = MediaPath::parse(&text).ok_or_else(|| Fault::because(format!("{text} is no path of a picture's file")))?;
    Ok(KeptFile {
        path,
        picture: PictureHash::from_bytes(hash(columns.next()?)?),
        bytes: columns.next()?,
        sha256: hash(columns.next()?)?,
        copied_at: columns.next()?,
    })
}

/// Writes a picture that is to be drawn; one that could not be drawn is tried anew. Whether there is something to draw.
pub(super) fn insert_picture(tx: &mut WriteTx<'_>, picture: &Picture) -> Result<bool> {
    let now = tx.now();
    let rows = tx.exec(
        "insert into pictures (hash, format, width, height, turn, status, created_at) values (?1, ?2, ?3, ?4, ?5, 'pending', ?6) \
         on conflict (hash) do update set status = 'pending', last_error = null where status = 'failed'",
        args![picture.hash.as_bytes().as_slice(), picture.format.code(), picture.width, picture.height, picture.turn, now],
    )?;
    Ok(rows == 1)
}

/// What drawing a picture needs to know: what it is, how it is turned, and how far it is.
pub(super) fn to_draw(reader: &Reader<'_>, picture: PictureHash) -> Result<Option<(Format, u8, Status)>> {
    reader.opt("select format, turn, status from pictures where hash = ?1", args![picture.as_bytes().as_slice()], |row| {
        let mut columns = row.columns();
        let format: String = columns.next()?;
        let format = Format::from_code(&format).ok_or_else(|| Fault::because("an unknown format in the books"))?;
        Ok((format, columns.next()?, status(columns.next()?)?))
    })
}

fn status(code: String) -> Result<Status> {
    Status::from_code(&code).ok_or_else(|| Fault::because(format!("{code} is no status of a picture")).into())
}

pub(super) fn set_status(tx: &mut WriteTx<'_>, picture: PictureHash, status: Status, last_error: Option<&str>) -> Result<()> {
    tx.exec(
        "update pictures set status = ?2, last_error = ?3 where hash = ?1",
        args![picture.as_bytes().as_slice(), status.code(), last_error],
    )?;
    Ok(())
}

/// A file that is whole on the disk. One with other bytes than before is to be copied anew.
pub(super) fn insert_file(tx: &mut WriteTx<'_>, path: &MediaPath, bytes: i64, sha256: [u8; 32]) -> Result<()> {
    let now = tx.now();
    tx.exec(
        "insert into media_files (path, picture, bytes, sha256, created_at) values (?1, ?2, ?3, ?4, ?5) \
         on conflict (path) do update set bytes = ?3, sha256 = ?4, copied_at = null where sha256 <> ?4",
        args![path.as_str(), path.picture().as_bytes().as_slice(), bytes, sha256.as_slice(), now],
    )?;
    Ok(())
}

macro_rules! file_head {
    () => {
        "select path, picture, bytes, sha256, copied_at from media_files"
    };
}

pub(super) fn file(reader: &Reader<'_>, path: &MediaPath) -> Result<Option<KeptFile>> {
    reader.opt(concat!(file_head!(), " where path = ?1"), args![path.as_str()], file_row)
}

/// The products that show a picture now.
pub(super) fn shown_by(reader: &Reader<'_>, picture: PictureHash) -> Result<Vec<ProductId>> {
    reader.all(
        "select distinct product_id from product_images where picture = ?1 and removed_at is null",
        args![picture.as_bytes().as_slice()],
        |row| row.get(0),
    )
}

pub(super) fn insert_image(tx: &mut WriteTx<'_>, id: ImageId, product: ProductId, image: &Image) -> Result<()> {
    let now = tx.now();
    tx.exec_one(
        "insert into product_images (id, product_id, picture, alt, position, created_at) values (?1, ?2, ?3, ?4, \
         (select coalesce(max(position), 0) + 1 from product_images where product_id = ?2 and removed_at is null), ?5)",
        args![id, product, image.picture.as_bytes().as_slice(), image.alt, now],
    )
}

pub(super) fn place_image(tx: &mut WriteTx<'_>, id: ImageId, position: i64, alt: &str) -> Result<()> {
    tx.exec_one("update product_images set position = ?2, alt = ?3 where id = ?1", args![id, position, alt])
}

/// Takes a picture from a product; `false` if the product does not show it.
pub(super) fn remove_image(tx: &mut WriteTx<'_>, product: ProductId, id: ImageId) -> Result<bool> {
    let now = tx.now();
    let rows = tx.exec(
        "update product_images set removed_at = ?3 where id = ?1 and product_id = ?2 and removed_at is null",
        args![id, product, now],
    )?;
    Ok(rows == 1)
}

pub(super) fn product_exists(reader: &Reader<'_>, product: ProductId) -> Result<bool> {
    reader.one("select exists (select 1 from products where id = ?1)", args![product], |row| row.get(0))
}

/// The pictures of a product that are ready, the first one first.
pub(super) fn ready_images(reader: &Reader<'_>, product: ProductId) -> Result<Vec<Image>> {
    reader.all(
        "select i.id, i.picture, i.alt from product_images i join pictures p on p.hash = i.picture \
         where i.product_id = ?1 and i.removed_at is null and p.status = 'ready' order by i.position, i.id",
        args![product],
        image_row,
    )
}

fn image_row(row: &Row<'_>) -> Result<Image> {
    let mut columns = row.columns();
    Ok(Image { id: columns.next()?, picture: PictureHash::from_bytes(hash(columns.next()?)?), alt: columns.next()? })
}

/// Every picture of a product, however far it is.
pub(super) fn images(reader: &Reader<'_>, product: ProductId) -> Result<Vec<EditedImage>> {
    reader.all(
        "select i.id, i.picture, i.alt, p.status, p.last_error from product_images i join pictures p on p.hash = i.picture \
         where i.product_id = ?1 and i.removed_at is null order by i.position, i.id",
        args![product],
        |row| {
            let image = image_row(row)?;
            Ok(EditedImage { image, status: status(row.get(3)?)?, last_error: row.get(4)? })
        },
    )
}

/// The first picture that a product had at a moment, by the order its pictures have now.
pub(super) fn first_at(reader: &Reader<'_>, product: ProductId, at: UtcMs) -> Result<Option<PictureHash>> {
    let bytes = reader.opt(
        "select i.picture from product_images i join pictures p on p.hash = i.picture \
         where i.product_id = ?1 and i.created_at <= ?2 and (i.removed_at is null or i.removed_at > ?2) and p.status = 'ready' \
         order by i.position, i.id limit 1",
        args![product, at],
        |row| row.get::<Vec<u8>>(0),
    )?;
    bytes.map(|bytes| Ok(PictureHash::from_bytes(hash(bytes)?))).transpose()
}
