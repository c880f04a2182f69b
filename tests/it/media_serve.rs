//! Links to pictures: how long they are good, and how their answers are kept and parted.

use std::time::Duration;

use crate::doubles::pictures::{self, Part, draw, path_of, upload};
use crate::harness::{Request, Shop};

const DAY: Duration = Duration::from_secs(86_400);

/// A product with a picture that is drawn, and the path of its largest rendition.
async fn with_picture(shop: &Shop) -> (String, String) {
    let product = shop.product("Maarouk").create().await.id;
    let photo = pictures::written(&pictures::noise(700, 700, 7), image::ImageFormat::Png);
    upload(&shop.owner(), &product, &[Part::File("a.png", &photo)]).send().await.expect(202);
    draw(shop).await;
    let seen = shop.guest().see(&format!("/api/v1/products/{product}")).await;
    (product, path_of(&seen["images"][0]["full"]))
}

#[tokio::test]
async fn an_answer_may_be_kept_for_ever_and_does_nothing() {
    let shop = Shop::open().await;
    let (_, path) = with_picture(&shop).await;
    let jpeg = shop.guest().get(&path).send().await.expect(200);
    assert_eq!(jpeg.header("content-type"), Some("image/jpeg"));
    assert_eq!(jpeg.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(jpeg.header("vary"), Some("Accept"));
    assert_eq!(jpeg.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(jpeg.header("content-length"), Some(jpeg.bytes.len().to_string().as_str()));
    assert!(jpeg.header("content-security-policy").expect("a policy").contains("sandbox"));
    assert!(jpeg.bytes.len() > 200 << 10, "it comes in several pieces: {}", jpeg.bytes.len());
    for (accept, media_type) in [
        ("image/avif,image/webp,image/*;q=0.8", "image/webp"),
        ("IMAGE/WEBP;q=0.5", "image/webp"),
        ("image/webp;q=0", "image/jpeg"),
        ("image/webp;q=0.000, image/jpeg", "image/jpeg"),
        ("image/*", "image/jpeg"),
        ("text/html", "image/jpeg"),
    ] {
        let reply = shop.guest().get(&path).header("accept", accept).send().await.expect(200);
        assert_eq!(reply.header("content-type"), Some(media_type), "{accept}");
    }
    let webp = shop.guest().get(&path).header("accept", "image/webp").send().await.expect(200);
    assert_ne!(webp.header("etag"), jpeg.header("etag"));
    let tag = jpeg.header("etag").expect("a tag");
    assert!(tag.starts_with('"'), "a strong one: {tag}");
    let known = shop.guest().get(&path).header("if-none-match", tag).send().await.expect(304);
    assert!(known.bytes.is_empty() && known.header("cache-control").is_some() && known.header("etag") == Some(tag));
    let head = shop.wire.http.head(format!("{}{path}", shop.wire.base)).send().await.expect("answered");
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()["content-length"], jpeg.header("content-length").expect("a length"));
    assert!(head.bytes().await.expect("no body").is_empty());
    shop.close().await;
}

#[tokio::test]
async fn a_range_is_that_part_of_the_file() {
    let shop = Shop::open().await;
    let (_, path) = with_picture(&shop).await;
    let whole = shop.guest().get(&path).send().await.expect(200);
    let (length, tag) = (whole.bytes.len(), whole.header("etag").expect("a tag").to_owned());
    let ask = |range: &str| shop.guest().get(&path).header("range", range);
    for (range, from, to) in [
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, length),
        ("bytes=-50", length - 50, length),
        ("bytes=131000-131200", 131_000, 131_201),
        ("bytes=5-99999999", 5, length),
    ] {
        let part = ask(range).send().await.expect(206);
        assert_eq!(part.bytes, whole.bytes[from..to], "{range}");
        assert_eq!(part.header("content-range"), Some(format!("bytes {from}-{}/{length}", to - 1).as_str()));
        assert_eq!(part.header("content-length"), Some((to - from).to_string().as_str()));
    }
    for whole_again in ["bytes=0-1,4-5", "bytes=x", "lines=0-9", "bytes=9-1"] {
        assert_eq!(ask(whole_again).send().await.expect(200).bytes.len(), length, "{whole_again}");
    }
    let outside = ask(&format!("bytes={length}-")).send().await.expect_problem(416, "range_outside");
    assert_eq!(outside.header("content-range"), Some(format!("bytes */{length}").as_str()));
    let same = |request: Request, tag: &str| request.header("if-range", tag);
    same(ask("bytes=0-9"), &tag).send().await.expect(206);
    same(ask("bytes=0-9"), "\"another\"").send().await.expect(200);
    same(ask("bytes=0-9"), "Wed, 25 Nov 2026 08:00:00 GMT").send().await.expect(200);
    shop.close().await;
}

#[tokio::test]
async fn a_link_is_good_until_the_second_next_monday_and_not_when_it_was_changed() {
    let shop = Shop::open().await;
    let (product, path) = with_picture(&shop).await;
    let product_path = format!("/api/v1/products/{product}");
    let (place, query) = path.split_once('?').expect("a query");
    let (until, key) = query.split_once('&').expect("two parameters");
    let number: i64 = until.trim_start_matches("until=").parse().expect("a number");
    for wrong in [
        place.to_owned(),
        format!("{place}?{until}"),
        format!("{place}?{key}"),
        format!("{place}?until={}&{key}", number + 1),
        format!("{place}?{until}&{}x", &key[..key.len() - 1]),
        format!("{}?{query}", place.replace("/full", "/card")),
        format!("{place}?until=99999999999999999999&{key}"),
    ] {
        shop.guest().get(&wrong).send().await.expect_problem(403, "link_expired");
    }
    let hash = place.trim_start_matches("/media/").trim_end_matches("/full");
    for nowhere in [
        format!("/media/{hash}/original?{query}"),
        "/media/..%2f..%2fbayader.db/full".to_owned(),
        format!("/media/{}/full?{query}", &hash[1..]),
    ] {
        shop.guest().get(&nowhere).send().await.expect_problem(404, "not_found");
    }

    // It is Wednesday; the links end on Monday week.
    let seen = shop.guest().see(&product_path).await;
    let listed = shop.guest().see("/api/v1/products").await;
    let tag = |reply: &crate::harness::Reply| reply.header("etag").expect("a tag").to_owned();
    // A second has passed already.
    shop.advance(4 * DAY + Duration::from_secs(57_598));
    let sunday = shop.guest().see(&product_path).await;
    assert_eq!((tag(&sunday), path_of(&sunday["images"][0]["full"])), (tag(&seen), path.clone()), "equal within a week");
    shop.advance(Duration::from_secs(1));
    for (path, old) in [(product_path.as_str(), &seen), ("/api/v1/products", &listed)] {
        let monday = shop.guest().get(path).header("if-none-match", &tag(old)).send().await.expect(200);
        assert_ne!(tag(&monday), tag(old), "a new week is a new answer");
    }
    let monday = shop.guest().see(&product_path).await;
    let renewed = path_of(&monday["images"][0]["full"]);
    assert_ne!(renewed, path);
    shop.guest().get(&path).send().await.expect(200);
    shop.advance(7 * DAY - Duration::from_secs(1));
    shop.guest().get(&path).send().await.expect(200);
    shop.advance(Duration::from_secs(1));
    shop.guest().get(&path).send().await.expect_problem(403, "link_expired");
    shop.guest().get(&renewed).send().await.expect(200);
    shop.close().await;
}
