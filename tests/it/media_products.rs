//! Pictures of products: who adds, orders and removes them, and where they are seen.

use std::time::Duration;

use image::ImageFormat;
use serde_json::{Value, json};

use crate::doubles::pictures::{self, Part, draw, path_of, upload};
use crate::harness::{Client, Shop};

const HOUR: Duration = Duration::from_secs(3_600);

fn images_path(product: &str) -> String {
    format!("/api/v1/products/{product}/images")
}

/// Adds pictures of different sizes, one for each width; their ids.
async fn add(by: &Client, product: &str, widths: &[u32]) -> Vec<String> {
    let files: Vec<Vec<u8>> = widths.iter().map(|width| pictures::jpeg(*width, 30)).collect();
    let parts: Vec<Part<'_>> = files.iter().map(|file| Part::File("p.jpg", file)).collect();
    ids(&upload(by, product, &parts).send().await.expect(202).body)
}

fn ids(body: &Value) -> Vec<String> {
    let images = body["images"].as_array().unwrap_or_else(|| panic!("no images in {body}"));
    images.iter().map(|image| image["id"].as_str().expect("an id").to_owned()).collect()
}

async fn shown(by: &Client, product: &str) -> Vec<String> {
    ids(&by.see(&format!("/api/v1/products/{product}")).await.body)
}

#[tokio::test]
async fn a_picture_is_pending_until_it_is_drawn_and_then_the_menu_has_it() {
    let shop = Shop::open().await;
    let product = shop.product("Maarouk").create().await.id;
    assert!(shown(&shop.guest(), &product).await.is_empty(), "the answer that is now kept shows none");
    let photo = pictures::jpeg(2_000, 1_500);
    let parts = [Part::Text("alt", " Maarouk, whole "), Part::File("IMG_0001.JPG", &photo)];
    let added = upload(&shop.owner(), &product, &parts).send().await.expect(202);
    let image = &added["images"][0];
    assert_eq!((&image["status"], &image["alt"]), (&json!("pending"), &json!("Maarouk, whole")));
    assert!(image["thumb"].is_null());
    assert!(shown(&shop.guest(), &product).await.is_empty());
    let edited = shop.staff().await.see(&images_path(&product)).await;
    assert_eq!(edited["images"][0]["status"], "pending");

    draw(&shop).await;
    let seen = shop.guest().see(&format!("/api/v1/products/{product}")).await;
    assert_eq!(ids(&seen.body), ids(&added.body));
    assert_eq!(seen["images"][0]["alt"], "Maarouk, whole");
    for (size, width, height) in [("thumb", 200, 150), ("card", 600, 450), ("full", 1_600, 1_200)] {
        let path = path_of(&seen["images"][0][size]);
        for (accept, format) in [("image/webp,*/*", ImageFormat::WebP), ("*/*", ImageFormat::Jpeg)] {
            let reply = shop.guest().get(&path).header("accept", accept).send().await.expect(200);
            let drawn = image::load_from_memory_with_format(&reply.bytes, format).expect("a picture");
            assert_eq!((drawn.width(), drawn.height()), (width, height), "{size} as {format:?}");
        }
    }
    // The same everywhere.
    let link = &seen["images"][0]["thumb"];
    for path in ["/api/v1/products", "/api/v1/products?q=maarouk", "/api/v1/products?sort=price"] {
        for who in [shop.guest(), shop.owner()] {
            assert_eq!(who.see(path).await.rows()[0]["images"][0]["thumb"], *link, "{path}");
        }
    }
    assert_eq!(shop.owner().see(&images_path(&product)).await["images"][0]["status"], "ready");
    assert_eq!(shop.count("select count(*) from media_files").await, 7);
    shop.close().await;
}

#[tokio::test]
async fn a_small_picture_is_not_made_larger_and_a_clear_one_is_white_behind() {
    let shop = Shop::open().await;
    let product = shop.product("Maarouk").create().await.id;
    let clear = pictures::clear_png(40, 30);
    upload(&shop.owner(), &product, &[Part::File("clear.png", &clear)]).send().await.expect(202);
    draw(&shop).await;
    let seen = shop.guest().see(&format!("/api/v1/products/{product}")).await;
    for size in ["thumb", "card", "full"] {
        let path = path_of(&seen["images"][0][size]);
        let reply = shop.guest().get(&path).send().await.expect(200);
        let drawn = image::load_from_memory(&reply.bytes).expect("a picture").into_rgb8();
        assert_eq!(drawn.dimensions(), (40, 30));
        assert!(drawn.get_pixel(4, 15).0.iter().all(|channel| *channel > 240), "{:?}", drawn.get_pixel(4, 15));
        let webp = shop.guest().get(&path).header("accept", "image/webp").send().await.expect(200);
        let drawn = image::load_from_memory(&webp.bytes).expect("a picture").into_rgba8();
        assert_eq!(drawn.get_pixel(4, 15).0[3], 0, "WebP keeps it clear");
    }
    shop.close().await;
}

#[tokio::test]
async fn a_phones_picture_is_shown_upright_and_tells_nothing_of_where_it_was_taken() {
    let shop = Shop::open().await;
    let product = shop.product("Maarouk").create().await.id;
    let photos: Vec<_> = (1..=8).map(|turn| pictures::from_a_phone(turn, 160, 120)).collect();
    let parts: Vec<_> = photos.iter().map(|photo| Part::File("IMG.JPG", photo)).collect();
    upload(&shop.owner(), &product, &parts).send().await.expect(202);
    draw(&shop).await;
    let seen = shop.guest().see(&format!("/api/v1/products/{product}")).await;
    for turn in 1..=8 {
        let reply = shop.guest().get(&path_of(&seen["images"][turn - 1]["full"])).send().await.expect(200);
        assert!(!reply.text.contains("Exif") && !reply.text.contains("here-lives-layla"));
        let drawn = image::load_from_memory(&reply.bytes).expect("a picture").into_rgb8();
        let (width, height) = drawn.dimensions();
        assert_eq!((width, height), if turn > 4 { (120, 160) } else { (160, 120) }, "orientation {turn}");
        // Where the upper left corner of what the camera saw comes to.
        let (right, low) = match turn {
            1 | 5 => (false, false),
            2 | 6 => (true, false),
            3 | 7 => (true, true),
            _ => (false, true),
        };
        let corner = drawn.get_pixel(if right { width - 8 } else { 8 }, if low { height - 8 } else { 8 }).0;
        assert!(corner[1] > 150 && corner[0] < 90 && corner[2] < 90, "orientation {turn}: {corner:?}");
    }
    shop.close().await;
}

#[tokio::test]
async fn pictures_are_ordered_named_and_taken_away_by_admins() {
    let shop = Shop::open().await;
    let product = shop.product("Maarouk").create().await.id;
    let path = images_path(&product);
    let [a, b, c] = &add(&shop.owner(), &product, &[40, 50, 60]).await[..] else { panic!("three") };
    draw(&shop).await;
    assert_eq!(shown(&shop.guest(), &product).await, [a.clone(), b.clone(), c.clone()]);

    let order = json!({ "images": [{ "id": c, "alt": "Third" }, { "id": a }, { "id": b }] });
    let ordered = shop.owner().put(&path).json(&order).send().await.expect(200);
    assert_eq!(ids(&ordered.body), [c.clone(), a.clone(), b.clone()]);
    let seen = shop.guest().see(&format!("/api/v1/products/{product}")).await;
    assert_eq!((ids(&seen.body), &seen["images"][0]["alt"]), (ids(&ordered.body), &json!("Third")));

    let put = |images: Value| shop.owner().put(&path).json(&json!({ "images": images }));
    put(json!([{ "id": a }, { "id": b }])).send().await.expect_field("images");
    put(json!([{ "id": a }, { "id": a }, { "id": b }, { "id": c }])).send().await.expect_field("images[1].id");
    put(json!([{ "id": "x" }, { "id": b }, { "id": c }])).send().await.expect_field("images[0].id");
    assert_eq!(shown(&shop.guest(), &product).await, ids(&ordered.body), "a refusal changes nothing");

    let one = format!("{path}/{c}");
    shop.staff().await.delete(&one).send().await.expect_problem(403, "forbidden");
    shop.owner().delete(&one).send().await.expect(204);
    shop.owner().delete(&one).send().await.expect_problem(404, "not_found");
    assert_eq!(shown(&shop.guest(), &product).await, [a.clone(), b.clone()]);
    let other = shop.product("Bun").create().await.id;
    shop.owner().delete(&format!("{}/{a}", images_path(&other))).send().await.expect_problem(404, "not_found");

    let log = shop.owner().see("/api/v1/admin/audit?per_page=100").await;
    for action in ["product.images.add", "product.images.arrange", "product.images.remove"] {
        assert!(log.rows().iter().any(|row| row["action"] == action), "{action} is not in the log");
    }
    shop.close().await;
}

#[tokio::test]
async fn the_same_picture_is_one_and_a_product_has_so_many() {
    let shop = Shop::open().await;
    let product = shop.product("Maarouk").create().await.id;
    let first = add(&shop.owner(), &product, &[40]).await;
    assert_eq!(add(&shop.owner(), &product, &[40, 40]).await, first, "it is shown already");
    let widths: Vec<u32> = (41..60).collect();
    add(&shop.owner(), &product, &widths).await;
    let full = upload(&shop.owner(), &product, &[Part::File("p.jpg", &pictures::jpeg(90, 30))]).send().await;
    assert_eq!(full.expect_problem(409, "too_many_images")["limit"], 20);
    draw(&shop).await;
    assert_eq!(shown(&shop.guest(), &product).await.len(), 20);
    shop.close().await;
}

#[tokio::test]
async fn an_upload_with_a_key_happens_once_whatever_stands_between_its_parts() {
    let shop = Shop::open().await;
    let product = shop.product("Maarouk").create().await.id;
    let photo = pictures::jpeg(40, 30);
    let send = |parts: &[Part<'_>]| upload(&shop.owner(), &product, parts).key("photos-of-maarouk-1");
    let first = send(&[Part::File("a.jpg", &photo)]).send().await.expect(202);
    let path = images_path(&product);
    let other_boundary =
        [b"--y\r\nContent-Disposition: form-data; name=\"files\"; filename=\"b.jpg\"\r\n\r\n", &photo[..], b"\r\n--y--\r\n"];
    let again =
        shop.owner().post(&path).key("photos-of-maarouk-1").bytes("multipart/form-data; boundary=y", other_boundary.concat());
    let again = again.send().await.expect(202);
    assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &first.body));
    let other = send(&[Part::File("a.jpg", &pictures::jpeg(50, 30))]).send().await;
    other.expect_problem(422, "idempotency_key_reused");
    draw(&shop).await;
    shop.close().await;
}

#[tokio::test]
async fn an_order_goes_on_showing_what_its_product_looked_like() {
    let shop = Shop::open().await;
    let product = shop.product("Maarouk").stock(50).create().await;
    let before = shop.guest().order().line(&product, 1).pickup().place().await;
    shop.advance(HOUR);
    let first = add(&shop.owner(), &product.id, &[40]).await;
    draw(&shop).await;
    shop.advance(HOUR);
    let order = shop.guest().order().line(&product, 1).pickup().place().await;
    shop.advance(HOUR);
    shop.owner().delete(&format!("{}/{}", images_path(&product.id), first[0])).send().await.expect(204);
    add(&shop.owner(), &product.id, &[60]).await;
    draw(&shop).await;
    let later = shop.guest().order().line(&product, 1).pickup().place().await;

    let image = async |order: &crate::harness::Order, by: &Client| {
        let request = by.get(&order.path()).header("x-order-token", order.token());
        request.send().await.expect(200)["items"][0]["image"].clone()
    };
    assert_eq!(image(&before, &shop.guest()).await, Value::Null, "it had none then");
    let width = async |link: Value| {
        let reply = shop.guest().get(&path_of(&link)).send().await.expect(200);
        image::load_from_memory(&reply.bytes).expect("a picture").width()
    };
    let shown = image(&order, &shop.guest()).await;
    assert_eq!(shown, shop.owner().order_of(&order).await["items"][0]["image"], "the same for staff");
    assert_eq!(width(shown).await, 40);
    assert_eq!(width(image(&later, &shop.guest()).await).await, 60);
    shop.close().await;
}

#[tokio::test]
async fn a_picture_that_cannot_be_drawn_says_why_and_is_drawn_when_it_can() {
    let shop = Shop::open().await;
    let product = shop.product("Maarouk").create().await.id;
    let photo = pictures::jpeg(40, 30);
    upload(&shop.owner(), &product, &[Part::File("a.jpg", &photo)]).send().await.expect(202);
    let mut originals = Vec::new();
    shop.inner().media.store().walk(|found| originals.push(found)).expect("walked");
    let [bayader::features::media::Found::Picture { path, .. }] = &originals[..] else { panic!("one file: {originals:?}") };
    let original = shop.inner().media.store().read(path).expect("read").expect("there");
    shop.inner().media.store().remove(path).expect("gone");
    draw(&shop).await;
    let seen = shop.owner().see(&images_path(&product)).await;
    assert_eq!(seen["images"][0]["status"], "failed");
    assert!(seen["images"][0]["lastError"].as_str().expect("why").contains("not on the disk"), "{seen:?}");
    assert!(shown(&shop.guest(), &product).await.is_empty());

    shop.inner().media.store().put(path, &original).expect("back again");
    shop.advance(HOUR);
    draw(&shop).await;
    assert_eq!(shop.owner().see(&images_path(&product)).await["images"][0]["status"], "ready");
    assert_eq!(shown(&shop.guest(), &product).await.len(), 1);
    shop.close().await;
}
