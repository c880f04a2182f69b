//! `/products/{id}/images`: the pictures of a product.

use axum::extract::State;
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use crate::features::AppState;
use crate::features::media::edit::{AddImages, ArrangeImages, Placed, RemoveImage, images_of};
use crate::features::media::intake::{self, ALT_CHARACTERS};
use crate::features::media::model::EditedImage;
use crate::features::media::{Links, MOST_IMAGES, NotTaken, Size, Status, problems};
use crate::http::extract::Empty;
use crate::http::idempotency::{IdempotencyKey, Kept, Recall, once};
use crate::http::input::text_schema;
use crate::http::multipart::Upload;
use crate::http::{Answer, Body, Context, Fields, Id, Ids, Input, Route, Shape, no_content, respond};
use crate::kernel::problem::FieldFault;
use crate::kernel::text::Lines;
use crate::kernel::{ImageId, Problem, ProductId, Result};

pub(super) fn routes() -> Vec<Route<AppState>> {
    let mut alt = text_schema(Lines::One, &(0..=ALT_CHARACTERS));
    alt["description"] = "What they show, for who cannot see it.".into();
    vec![
        Route::get("/api/v1/products/{id}/images", list_images, "List a product's pictures")
            .describe("For who edits the product: also those that are not drawn yet, and why one could not be. The product itself lists those that are ready.")
            .answers(200, "Its pictures, the first one first", images_shape()),
        Route::post("/api/v1/products/{id}/images", add_images, "Add pictures to a product")
            .describe("JPEG, PNG, WebP or GIF, known by their content; of an animated one the first frame is shown. Metadata is taken out after the picture is turned upright, and whatever follows the picture's end is cut off. All files are taken or none: a 422 names each that is no good, by its place (`files[2]`) and its name. Who wants each file's own outcome sends one upload a file. `alt` says what the pictures show, for all of an upload. The pictures are drawn in three sizes after the answer; the product lists each when it is ready. A picture that the product shows already is not added twice. With an `Idempotency-Key` the files and `alt` are what is compared, not the bytes between them.")
            .upload(json!({
                "type": "object",
                "required": ["files"],
                "properties": {
                    "files": {
                        "type": "array", "minItems": 1, "maxItems": MOST_IMAGES,
                        "description": "One part for each picture, 60 MB in all.",
                        "items": { "type": "string", "contentMediaType": "application/octet-stream" },
                    },
                    "alt": alt,
                },
                "additionalProperties": false,
            }))
            .idempotent()
            .answers(202, "They are taken, and will be drawn", images_shape())
            .refuses(&[&problems::TOO_MANY_IMAGES]),
        Route::put("/api/v1/products/{id}/images", arrange_images, "Order a product's pictures")
            .describe("Names every picture of the product once, the first one first: that one stands in lists and beside orders. `alt` stays where it is left out.")
            .body::<Arrangement>()
            .example("The second first, with other words", json!({ "images": [
                { "id": "01936f2a-7c11-7000-8000-0a1b2c3d4e12", "alt": "Maarouk, whole" },
                { "id": "01936f2a-7c11-7000-8000-0a1b2c3d4e11" },
            ] }))
            .answers(200, "Its pictures in their new order", images_shape()),
        Route::delete("/api/v1/products/{id}/images/{imageId}", remove_image, "Take a picture from a product")
            .describe("Orders that were placed while the product showed it go on showing it.")
            .answers_empty(204, "The product does not show it any more"),
    ]
}

fn images_shape() -> Shape {
    let text = || json!({ "type": "string" });
    let link = |what: &str| json!({ "type": "string", "description": what });
    let image = json!({
        "type": "object",
        "required": ["id", "status", "alt"],
        "properties": {
            "id": { "type": "string", "format": "uuid" },
            "status": { "type": "string", "enum": Status::ALL.iter().map(|status| status.code()).collect::<Vec<_>>(), "description": "`pending` until it is drawn; `failed` with `lastError`, and sent again it is tried again." },
            "alt": text(),
            "thumb": link("200 pixels at its longest side; there when it is ready, as the others."),
            "card": link("600 pixels."),
            "full": link("1,600 pixels."),
            "lastError": { "type": "string", "description": "Why it could not be drawn." },
        },
        "additionalProperties": false,
    });
    let schema = json!({
        "type": "object",
        "required": ["images"],
        "properties": { "images": { "type": "array", "items": image } },
        "additionalProperties": false,
    });
    let example =
        json!({ "images": [{ "id": "01936f2a-7c11-7000-8000-0a1b2c3d4e11", "status": "pending", "alt": "Maarouk" }] });
    Shape::named("ProductImages", schema, example)
}

fn images_json(images: &[EditedImage], links: &Links) -> Value {
    let image_json = |edited: &EditedImage| {
        let mut json = json!({ "id": edited.image.id.to_string(), "status": edited.status.code(), "alt": edited.image.alt });
        match (edited.status, &edited.last_error) {
            (Status::Ready, _) => {
                for size in Size::ALL {
                    json[size.code()] = links.to(edited.image.picture, *size).into();
                }
            }
            (Status::Failed, Some(why)) => json["lastError"] = why.as_str().into(),
            _ => {}
        }
        json
    };
    json!({ "images": images.iter().map(image_json).collect::<Vec<_>>() })
}

fn links_of(app: &AppState) -> Links {
    app.links(app.week())
}

async fn list_images(State(app): State<AppState>, context: Context, Id(product): Id<ProductId>) -> Answer {
    let images = app.db.read(move |reader| images_of(reader, product)).await?;
    respond::json(&context, StatusCode::OK, &images_json(&images, &links_of(&app)))
}

async fn add_images(State(app): State<AppState>, context: Context, Id(product): Id<ProductId>, upload: Upload) -> Answer {
    let form = intake::read(&app.media, upload).await?;
    let key = IdempotencyKey::of_content(&context, &form.digest)?;
    if let Some(key) = key.clone()
        && let Some(kept) = app.db.write(Recall { key }).await?
    {
        return kept.answer(&context);
    }
    // Before the work of opening them.
    app.db.read(move |reader| images_of(reader, product)).await?;
    let (mut pictures, mut faults) = (Vec::new(), Vec::new());
    for arrived in form.files {
        match app.media.take_in(arrived.file).await {
            Ok(picture) => pictures.push(picture),
            Err(NotTaken::Refused(refused)) => {
                let message = format!("{} {}", arrived.name, refused.message);
                faults.push(FieldFault { field: arrived.field, code: refused.code, message });
            }
            Err(NotTaken::Failed(error)) => return Err(error),
        }
    }
    if !faults.is_empty() {
        return Err(Problem::fields(faults).into());
    }
    let links = links_of(&app);
    let render = move |images: &Vec<EditedImage>| -> Result<Kept> {
        let body: Bytes = respond::to_bytes(&images_json(images, &links))?;
        Ok(Kept::accepted(body))
    };
    let command = AddImages { product, pictures, alt: form.alt, copies: app.media.copies() };
    app.db.write(once(key, command, render)).await?.answer(&context)
}

/// What `PUT` takes.
struct Arrangement(Vec<Placed>);

impl Input for Arrangement {
    const NAME: &'static str = "ImageArrangement";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        fields.req_list("images", 0..=MOST_IMAGES).map(Arrangement)
    }
}

impl Input for Placed {
    const NAME: &'static str = "PlacedImage";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let id = fields.req_text("id", Lines::One, 1..=36);
        let alt = fields.opt_text("alt", Lines::One, 0..=ALT_CHARACTERS);
        Some(Placed { id: id?, alt })
    }
}

async fn arrange_images(
    State(app): State<AppState>,
    context: Context,
    Id(product): Id<ProductId>,
    Body(Arrangement(images)): Body<Arrangement>,
) -> Answer {
    let images = app.db.write(ArrangeImages { product, images }).await?;
    respond::json(&context, StatusCode::OK, &images_json(&images, &links_of(&app)))
}

async fn remove_image(State(app): State<AppState>, Ids(product, image): Ids<ProductId, ImageId>, _: Body<Empty>) -> Answer {
    app.db.write(RemoveImage { product, image }).await?;
    no_content()
}
