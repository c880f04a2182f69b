//! Pictures come to products by the names of their files: `SKU.jpg`, `SKU-2.png`, `SKU_3.webp`, whatever the case of the letters.

use std::io::Write as _;

use serde::{Deserialize, Serialize};

use super::edit::AddImages;
use super::pictures::disk_fault;
use super::sql::keeping;
use super::{NotTaken, Picture, check};
use crate::features::Shop;
use crate::kernel::{Error, ProductId, Result};

/// Longest name that is looked up; no SKU is longer.
const NAME_CHARACTERS: usize = 200;

/// What became of a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Imported {
    /// The product shows it, or will when it is drawn; `dry_run`: it would.
    Added { sku: String },
    /// The product shows it already.
    Unchanged { sku: String },
    /// No product has such a SKU.
    UnknownSku { name: String },
    /// It is no picture that is taken, or the product has as many as it may.
    Refused { why: String },
}

/// What a file's name says: the SKU in two readings, for `BRD-001` may be a SKU or the first picture of `BRD`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ByName {
    /// Without a number behind it.
    pub stem: String,
    /// The number behind `-` or `_`, if there is one: pictures come in its order.
    pub number: u32,
    pub whole: String,
}

impl ByName {
    /// Of a name without its ending.
    #[must_use]
    pub fn of(whole: &str) -> ByName {
        let numbered = whole.rfind(['-', '_']).and_then(|at| {
            let digits = &whole[at + 1..];
            let is_number = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
            Some((&whole[..at], digits.parse().ok().filter(|_| is_number)?))
        });
        let (stem, number) = numbered.filter(|(stem, _)| !stem.is_empty()).unwrap_or((whole, 0));
        ByName { stem: stem.to_owned(), number, whole: whole.to_owned() }
    }
}

/// Takes a file in under its name, without folder and ending. Twice is once; what stands on the product already stays.
///
/// # Errors
/// A fault, and 503 if too much is under way.
pub async fn import(shop: &Shop, name: &str, bytes: Vec<u8>, dry_run: bool) -> Result<Imported> {
    let name: String = name.chars().take(NAME_CHARACTERS).collect();
    let by_name = ByName::of(&name);
    let found = shop.db.read(move |reader| {
        // The whole name first: a product that is called so is meant.
        let whole = keeping::product_of(reader, &by_name.whole)?;
        if whole.is_some() { Ok(whole) } else { keeping::product_of(reader, &by_name.stem) }
    });
    let Some((product, sku)) = found.await? else { return Ok(Imported::UnknownSku { name }) };
    let picture = if dry_run { look(shop, bytes).await } else { take_in(shop, bytes).await };
    let picture = match picture {
        Ok(picture) => picture,
        Err(NotTaken::Refused(refused)) => return Ok(Imported::Refused { why: refused.message.into_owned() }),
        Err(NotTaken::Failed(error)) => return Err(error),
    };
    let hash = picture.hash;
    if shop.db.read(move |reader| keeping::shows(reader, product, hash)).await? {
        return Ok(Imported::Unchanged { sku });
    }
    if dry_run {
        return Ok(Imported::Added { sku });
    }
    match add(shop, product, picture).await {
        Ok(()) => Ok(Imported::Added { sku }),
        Err(Error::Refused(problem)) if problem.kind.code == super::problems::TOO_MANY_IMAGES.code => {
            Ok(Imported::Refused { why: problem.detail.clone().into_owned() })
        }
        Err(error) => Err(error),
    }
}

async fn look(shop: &Shop, bytes: Vec<u8>) -> Result<Picture, NotTaken> {
    let most_bytes = shop.media.most_bytes();
    let looked = shop.media.in_studio(move |_| check::accept(&bytes, most_bytes).map(|checked| checked.picture)).await;
    looked.map_err(NotTaken::Failed)?.map_err(NotTaken::Refused)
}

/// By the door that every upload takes.
pub(super) async fn take_in(shop: &Shop, bytes: Vec<u8>) -> Result<Picture, NotTaken> {
    let written = shop.media.on_disk(move |store| {
        let mut file = store.incoming()?;
        file.write_all(&bytes)?;
        Ok(file)
    });
    let file = written.await.map_err(NotTaken::Failed)?.map_err(|error| NotTaken::Failed(disk_fault(error)))?;
    shop.media.take_in(file).await
}

pub(super) async fn add(shop: &Shop, product: ProductId, picture: Picture) -> Result<()> {
    let copies = shop.media.copies();
    shop.db.write(AddImages { product, pictures: vec![picture], alt: None, copies }).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_behind_the_sku_is_the_pictures_place() {
        let of = |whole: &str| {
            let by_name = ByName::of(whole);
            (by_name.stem, by_name.number)
        };
        assert_eq!(of("BRD-001"), ("BRD".to_owned(), 1));
        assert_eq!(of("BRD-001-2"), ("BRD-001".to_owned(), 2));
        assert_eq!(of("brd-001_03"), ("brd-001".to_owned(), 3));
        for plain in ["cake", "cake-", "-2", "cake-2x", "cake-00012", "كعك", ""] {
            assert_eq!(of(plain), (plain.to_owned(), 0));
        }
        let mut names = ["BRD-001_10", "BRD-001-2", "BRD-001", "BRD-001-3"].map(ByName::of);
        names.sort();
        assert_eq!(names.map(|name| name.whole), ["BRD-001", "BRD-001-2", "BRD-001-3", "BRD-001_10"]);
    }
}
