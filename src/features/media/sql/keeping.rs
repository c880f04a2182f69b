//! Statements about where files are, and which go.

use super::file_row;
use crate::args;
use crate::db::{Reader, WriteTx};
use crate::features::media::MediaPath;
use crate::features::media::model::{KeptFile, PictureHash};
use crate::kernel::{Fault, ImageId, ProductId, Result, UtcMs};

/// A picture that a product has shown once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ended {
    pub id: ImageId,
    pub product: ProductId,
    pub shown_from: UtcMs,
    pub removed_at: UtcMs,
}

fn limit(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

/// Files in the order of their paths, behind one. By the primary key.
pub fn files_after(reader: &Reader<'_>, after: &str, most: usize) -> Result<Vec<KeptFile>> {
    reader.all(
        "select path, picture, bytes, sha256, copied_at from media_files where path > ?1 order by path limit ?2",
        args![after, limit(most)],
        file_row,
    )
}

/// Files that the bucket lacks, in the order of their paths, behind one. By `media_files_uncopied`.
pub fn uncopied_after(reader: &Reader<'_>, after: &str, most: usize) -> Result<Vec<KeptFile>> {
    reader.all(
        "select path, picture, bytes, sha256, copied_at from media_files where copied_at is null and path > ?1 order by path limit ?2",
        args![after, limit(most)],
        file_row,
    )
}

pub fn uncopied_count(reader: &Reader<'_>) -> Result<i64> {
    reader.one("select count(*) from media_files where copied_at is null", args![], |row| row.get(0))
}

/// The bucket has a file whole; nothing if the file is another one by now.
pub fn set_copied(tx: &mut WriteTx<'_>, path: &MediaPath, sha256: &[u8; 32]) -> Result<()> {
    let now = tx.now();
    tx.exec(
        "update media_files set copied_at = ?3 where path = ?1 and sha256 = ?2 and copied_at is null",
        args![path.as_str(), sha256.as_slice(), now],
    )?;
    Ok(())
}

/// The bucket lacks a file after all.
pub fn set_uncopied(tx: &mut WriteTx<'_>, path: &MediaPath) -> Result<()> {
    tx.exec("update media_files set copied_at = null where path = ?1 and copied_at is not null", args![path.as_str()])?;
    Ok(())
}

/// Of these paths those that have a row, or are being taken away.
pub fn known(reader: &Reader<'_>, paths: &[String]) -> Result<Vec<String>> {
    let paths = serde_json::Value::from(paths.to_vec()).to_string();
    reader.all(
        "select path from media_files where path in (select value from json_each(?1)) \
         union select path from media_removals where path in (select value from json_each(?1))",
        args![paths],
        |row| row.get(0),
    )
}

/// The bucket that copies are in; `None` if there never was one.
pub fn bucket_place(reader: &Reader<'_>) -> Result<Option<String>> {
    reader.opt("select place from media_bucket where id = 1", args![], |row| row.get(0))
}

/// Copies are in this bucket from now on, and none is yet.
pub fn set_bucket_place(tx: &mut WriteTx<'_>, place: &str) -> Result<()> {
    tx.exec("insert into media_bucket (id, place) values (1, ?1) on conflict (id) do update set place = ?1", args![place])?;
    tx.exec("update media_files set copied_at = null where copied_at is not null", args![])?;
    Ok(())
}

/// A file that is being taken away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Removal {
    pub path: MediaPath,
    /// When the file on the disk was written, in nanoseconds; `None`: it is not there any more.
    pub written_ns: Option<i64>,
    pub removed_at: UtcMs,
}

/// Files that are being taken away, behind a path.
pub fn removals_after(reader: &Reader<'_>, after: &str, most: usize) -> Result<Vec<Removal>> {
    reader.all(
        "select path, written_ns, removed_at from media_removals where path > ?1 order by path limit ?2",
        args![after, limit(most)],
        |row| {
            let mut columns = row.columns();
            let path: String = columns.next()?;
            Ok(Removal { path: parsed(&path)?, written_ns: columns.next()?, removed_at: columns.next()? })
        },
    )
}

/// Of them those that are not on the disk any more, and are to leave the bucket.
pub fn removed_here_after(reader: &Reader<'_>, after: &str, most: usize) -> Result<Vec<MediaPath>> {
    let paths: Vec<String> = reader.all(
        "select path from media_removals where written_ns is null and path > ?1 order by path limit ?2",
        args![after, limit(most)],
        |row| row.get(0),
    )?;
    paths.iter().map(|text| parsed(text)).collect()
}

/// A file is not on the disk any more.
pub fn removed_here(tx: &mut WriteTx<'_>, path: &MediaPath) -> Result<()> {
    tx.exec("update media_removals set written_ns = null where path = ?1", args![path.as_str()])?;
    Ok(())
}

/// A file was written anew: it is looked at again later.
pub fn put_off_removal(tx: &mut WriteTx<'_>, path: &MediaPath, written_ns: i64) -> Result<()> {
    let now = tx.now();
    tx.exec(
        "update media_removals set written_ns = ?2, removed_at = ?3 where path = ?1",
        args![path.as_str(), written_ns, now],
    )?;
    Ok(())
}

/// What the job that copies failed by, while it waits.
pub fn copy_fault(reader: &Reader<'_>, kind: &str, key: &str) -> Result<Option<String>> {
    let fault = reader.opt(
        "select last_error from jobs where kind = ?1 and key = ?2 and status in ('queued', 'running')",
        args![kind, key],
        |row| row.get::<Option<String>>(0),
    )?;
    Ok(fault.flatten())
}

pub fn removals_count(reader: &Reader<'_>) -> Result<i64> {
    reader.one("select count(*) from media_removals", args![], |row| row.get(0))
}

fn parsed(text: &str) -> Result<MediaPath> {
    MediaPath::parse(text).ok_or_else(|| Fault::because(format!("{text} is no path of a picture's file")).into())
}

/// Nothing of a file is left, or it is there again.
pub fn end_removal(tx: &mut WriteTx<'_>, path: &MediaPath) -> Result<()> {
    tx.exec("delete from media_removals where path = ?1", args![path.as_str()])?;
    Ok(())
}

/// Whether there is such a picture.
pub fn picture_exists(reader: &Reader<'_>, picture: PictureHash) -> Result<bool> {
    reader.one("select exists (select 1 from pictures where hash = ?1)", args![picture.as_bytes().as_slice()], |row| row.get(0))
}

/// Pictures that were taken from their product before a moment, and of which it is not known whether an order shows them. By
/// `product_images_ended`.
pub fn ended_before(reader: &Reader<'_>, before: UtcMs, most: usize) -> Result<Vec<Ended>> {
    reader.all(
        "select id, product_id, created_at, removed_at from product_images \
         where removed_at is not null and ordered_at is null and removed_at < ?1 order by removed_at limit ?2",
        args![before, limit(most)],
        |row| {
            let mut columns = row.columns();
            Ok(Ended {
                id: columns.next()?,
                product: columns.next()?,
                shown_from: columns.next()?,
                removed_at: columns.next()?,
            })
        },
    )
}

/// Whether a product was ordered while it showed a picture. Ids are in the order of their moments, so the orders of that time lie
/// side by side; an order keeps what it shows for good, so no later order changes a no.
pub fn was_ordered(reader: &Reader<'_>, ended: &Ended) -> Result<bool> {
    let (from, until) = (first_id_of(ended.shown_from), first_id_of(ended.removed_at.plus_ms(1)));
    reader.one(
        "select exists (select 1 from orders o join order_lines l on l.order_id = o.id \
         where o.id >= ?1 and o.id < ?2 and l.product_id = ?3)",
        args![from.as_slice(), until.as_slice(), ended.product],
        |row| row.get(0),
    )
}

/// The smallest UUIDv7 of a moment.
fn first_id_of(moment: UtcMs) -> [u8; 16] {
    let mut id = [0; 16];
    let ms = moment.ms().max(0).to_be_bytes();
    id[..6].copy_from_slice(&ms[2..]);
    id
}

/// An order shows it.
pub fn keep_for_orders(tx: &mut WriteTx<'_>, image: ImageId) -> Result<()> {
    let now = tx.now();
    tx.exec("update product_images set ordered_at = ?2 where id = ?1", args![image, now])?;
    Ok(())
}

/// No order shows it. A picture that a product shows again by then has a row of its own.
pub fn delete_ended(tx: &mut WriteTx<'_>, image: ImageId) -> Result<()> {
    tx.exec("delete from product_images where id = ?1 and removed_at is not null and ordered_at is null", args![image])?;
    Ok(())
}

/// Pictures of before a moment that nothing shows, behind one in the order of their hashes.
pub fn unshown_after(reader: &Reader<'_>, after: &[u8], before: UtcMs, most: usize) -> Result<Vec<PictureHash>> {
    let hashes: Vec<Vec<u8>> = reader.all(
        "select hash from pictures p where hash > ?1 and created_at < ?2 \
         and not exists (select 1 from product_images i where i.picture = p.hash) order by hash limit ?3",
        args![after, before, limit(most)],
        |row| row.get(0),
    )?;
    hashes.into_iter().map(|bytes| Ok(PictureHash::from_bytes(super::hash(bytes)?))).collect()
}

/// A picture's files.
pub fn files_of(reader: &Reader<'_>, picture: PictureHash) -> Result<Vec<MediaPath>> {
    let paths: Vec<String> =
        reader
            .all("select path from media_files where picture = ?1", args![picture.as_bytes().as_slice()], |row| row.get(0))?;
    paths.iter().map(|text| parsed(text)).collect()
}

/// Takes a picture's rows away, unless something shows it; its files are to follow: each with the moment when it was written, in
/// nanoseconds. Whether it went.
pub fn delete_unshown(tx: &mut WriteTx<'_>, picture: PictureHash, files: &[(MediaPath, Option<i64>)]) -> Result<bool> {
    let (now, hash) = (tx.now(), picture.as_bytes().as_slice());
    let is_shown: bool =
        tx.one("select exists (select 1 from product_images where picture = ?1)", args![hash], |row| row.get(0))?;
    if is_shown {
        return Ok(false);
    }
    for (path, written_ns) in files {
        tx.exec(
            "insert into media_removals (path, written_ns, removed_at) values (?1, ?2, ?3) \
             on conflict (path) do update set written_ns = ?2, removed_at = ?3",
            args![path.as_str(), written_ns, now],
        )?;
    }
    tx.exec("delete from media_files where picture = ?1", args![hash])?;
    tx.exec("delete from pictures where hash = ?1", args![hash])?;
    Ok(true)
}

/// A product by its SKU, whatever the case of its letters.
pub fn product_of(reader: &Reader<'_>, sku: &str) -> Result<Option<(ProductId, String)>> {
    reader.opt("select id, sku from products where sku = ?1 collate nocase order by sku = ?1 desc limit 1", args![sku], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
}

/// Whether a product shows a picture now.
pub fn shows(reader: &Reader<'_>, product: ProductId, picture: PictureHash) -> Result<bool> {
    reader.one(
        "select exists (select 1 from product_images where product_id = ?1 and picture = ?2 and removed_at is null)",
        args![product, picture.as_bytes().as_slice()],
        |row| row.get(0),
    )
}

/// Whether a product shows or has shown any picture.
pub fn has_images(reader: &Reader<'_>, product: ProductId) -> Result<bool> {
    reader.one("select exists (select 1 from product_images where product_id = ?1)", args![product], |row| row.get(0))
}
