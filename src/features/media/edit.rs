//! Which pictures a product shows, in which order.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::model::{EditedImage, Picture};
use super::{attach, sql};
use crate::db::{Command, Reader, WriteTx};
use crate::http::problem::not_found;
use crate::kernel::problem::FieldFault;
use crate::kernel::{Change, DomainEvent, ImageId, Problem, ProductId, Result};

fn subject(product: ProductId) -> String {
    format!("product:{product}")
}

/// As the audit log tells them.
fn told(images: &[EditedImage]) -> Value {
    let told = |image: &EditedImage| json!({ "id": image.image.id.to_string(), "alt": image.image.alt });
    json!({ "images": images.iter().map(told).collect::<Vec<_>>() })
}

fn changed(tx: &mut WriteTx<'_>, action: &'static str, product: ProductId, before: &[EditedImage]) -> Result<Vec<EditedImage>> {
    let after = sql::images(tx, product)?;
    tx.changed(Change::between(action, subject(product), told(before), told(&after)));
    tx.record(DomainEvent::ProductChanged { product });
    Ok(after)
}

/// The pictures of a product as who edits it sees them.
///
/// # Errors
/// 404 for no product.
pub(super) fn images_of(reader: &Reader<'_>, product: ProductId) -> Result<Vec<EditedImage>> {
    if !sql::product_exists(reader, product)? {
        return Err(not_found());
    }
    sql::images(reader, product)
}

/// Pictures come to a product, in their order behind those it has. One that it shows already is that one.
pub(super) struct AddImages {
    pub product: ProductId,
    pub pictures: Vec<Picture>,
    pub alt: Option<String>,
    pub copies: bool,
}

impl Command for AddImages {
    const NAME: &'static str = "media.add_images";
    type Output = Vec<EditedImage>;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Vec<EditedImage>> {
        let before = images_of(tx, self.product)?;
        let mut added = Vec::new();
        for picture in &self.pictures {
            let image = attach(tx, self.product, picture, self.alt.as_deref().unwrap_or(""), self.copies)?;
            if !added.contains(&image) {
                added.push(image);
            }
        }
        let mut after: HashMap<ImageId, EditedImage> = changed(tx, "product.images.add", self.product, &before)?
            .into_iter()
            .map(|image| (image.image.id, image))
            .collect();
        Ok(added.iter().filter_map(|image| after.remove(image)).collect())
    }
}

/// One picture's place and words.
pub(super) struct Placed {
    pub id: String,
    /// `None`: as it is.
    pub alt: Option<String>,
}

/// A product's pictures get a new order, and perhaps new words.
pub(super) struct ArrangeImages {
    pub product: ProductId,
    /// Each of its pictures, once.
    pub images: Vec<Placed>,
}

impl Command for ArrangeImages {
    const NAME: &'static str = "media.arrange_images";
    type Output = Vec<EditedImage>;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Vec<EditedImage>> {
        let before = images_of(tx, self.product)?;
        let mut left: HashMap<String, &EditedImage> = before.iter().map(|image| (image.image.id.to_string(), image)).collect();
        let (mut placed, mut faults) = (Vec::new(), Vec::new());
        for (index, Placed { id, alt }) in self.images.into_iter().enumerate() {
            match left.remove(&id) {
                Some(image) => placed.push((image.image.id, alt.unwrap_or_else(|| image.image.alt.clone()))),
                None => faults.push(FieldFault {
                    field: format!("images[{index}].id"),
                    code: "unknown_image",
                    message: "is no picture of this product, or stands twice".to_owned(),
                }),
            }
        }
        if !left.is_empty() {
            let mut missing: Vec<String> = left.into_keys().collect();
            missing.sort_unstable();
            faults.push(FieldFault {
                field: "images".to_owned(),
                code: "images_missing",
                message: format!("must name every picture of the product; these are missing: {}", missing.join(", ")),
            });
        }
        if !faults.is_empty() {
            return Err(Problem::fields(faults).into());
        }
        for (position, (id, alt)) in (1..).zip(&placed) {
            sql::place_image(tx, *id, position, alt)?;
        }
        changed(tx, "product.images.arrange", self.product, &before)
    }
}

/// A picture is taken from a product. Orders that showed it go on showing it.
pub(super) struct RemoveImage {
    pub product: ProductId,
    pub image: ImageId,
}

impl Command for RemoveImage {
    const NAME: &'static str = "media.remove_image";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let before = images_of(tx, self.product)?;
        if !sql::remove_image(tx, self.product, self.image)? {
            return Err(not_found());
        }
        changed(tx, "product.images.remove", self.product, &before)?;
        Ok(())
    }
}
