//! What is taken as a picture and what is not, by its content alone.

use std::process::Command;

use bayader::features::media::{self, Format, Refused};
use image::ImageFormat;
use proptest::prelude::*;

use crate::doubles::pictures::{self, Part, draw};
use crate::harness::{Reply, Request, Shop};

const MOST: u64 = 15_000_000;

fn accepted(bytes: &[u8]) -> media::Checked {
    media::accept(bytes, MOST).unwrap_or_else(|refused| panic!("{refused:?}"))
}

fn refused(bytes: &[u8]) -> Refused {
    match media::accept(bytes, MOST) {
        Ok(checked) => panic!("taken as {:?}", checked.picture),
        Err(refused) => refused,
    }
}

fn code(bytes: &[u8]) -> &'static str {
    refused(bytes).code
}

fn upload(shop: &Shop, product: &str, parts: &[Part<'_>]) -> Request {
    pictures::upload(&shop.owner(), product, parts)
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn each_format_is_known_by_its_content() {
    let image = pictures::flag(40, 30);
    for (bytes, format) in [
        (pictures::jpeg(40, 30), Format::Jpeg),
        (pictures::png(40, 30), Format::Png),
        (pictures::written(&image, ImageFormat::Gif), Format::Gif),
        (pictures::written(&image, ImageFormat::WebP), Format::Webp),
    ] {
        let checked = accepted(&bytes);
        let picture = checked.picture;
        assert_eq!((picture.format, picture.width, picture.height, picture.turn), (format, 40, 30, 1));
        let again = accepted(&checked.kept);
        assert_eq!(again.picture, picture, "what is kept is a picture, and the same one");
    }
}

#[test]
fn animated_ones_count_by_their_first_frame() {
    assert_eq!(accepted(&pictures::animated_gif()).picture.format, Format::Gif);
    assert_eq!(accepted(&pictures::animated_webp()).picture.format, Format::Webp);
}

#[test]
fn what_stands_behind_the_end_is_cut_off() {
    let image = pictures::flag(40, 30);
    for bytes in [
        pictures::jpeg(40, 30),
        pictures::png(40, 30),
        pictures::written(&image, ImageFormat::Gif),
        pictures::written(&image, ImageFormat::WebP),
    ] {
        let alone = accepted(&bytes);
        let tailed = accepted(&[&bytes[..], b"<script>alert(1)</script>"].concat());
        assert!(!holds(&tailed.kept, "script"));
        assert_eq!(alone.picture.hash, tailed.picture.hash, "a tail makes no other picture");
    }
}

#[test]
fn metadata_is_left_out_and_the_turn_is_read() {
    let mut hashes = std::collections::HashSet::new();
    for turn in 1..=8 {
        let checked = accepted(&pictures::from_a_phone(turn, 40, 30));
        assert!(!holds(&checked.kept, "here-lives-layla") && !holds(&checked.kept, "Photoshop"));
        assert_eq!(holds(&checked.kept, "Exif"), turn != 1, "no more than its turn is kept");
        assert!(hashes.insert(checked.picture.hash), "turned otherwise it is another picture");
        assert_eq!(accepted(&checked.kept).picture, checked.picture);
        assert_eq!(u16::from(checked.picture.turn), turn);
        let webp = accepted(&pictures::webp_with_metadata(turn));
        assert!(!holds(&webp.kept, "here-lives-layla"));
        assert_eq!(accepted(&webp.kept).picture, webp.picture);
        assert_eq!(u16::from(webp.picture.turn), turn);
    }
    let png = pictures::png(40, 30);
    let text = pictures::png_chunk(*b"tEXt", b"Comment\0here-lives-layla");
    let exif = pictures::png_chunk(*b"eXIf", &pictures::exif(6));
    let checked = accepted(&[&png[..33], &text, &exif, &png[33..]].concat());
    assert!(!holds(&checked.kept, "here-lives-layla"));
    assert_eq!(checked.picture.turn, 6);
    assert_eq!(accepted(&checked.kept).picture, checked.picture);
}

#[test]
fn what_is_no_picture_or_no_whole_one_is_refused() {
    for (bytes, wanted) in [
        (&b""[..], "not_a_picture"),
        (b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>", "not_a_picture"),
        (b"%PDF-1.7", "not_a_picture"),
        (b"\0\0\0\x20ftypheic\0\0\0\0mif1heic", "heic_picture"),
        (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1", "heic_picture"),
        (b"\0\0\0\x20ftypisom\0\0\0\0isomiso2", "not_a_picture"),
        (b"\xff\xd8\xff\xd9", "damaged_picture"),
        (b"GIF89a/*\0\0\0\0\0\0*/=1;alert(1)", "damaged_picture"),
    ] {
        assert_eq!(code(bytes), wanted, "{bytes:?}");
    }
    let image = pictures::flag(40, 30);
    for bytes in [
        pictures::jpeg(40, 30),
        pictures::png(40, 30),
        pictures::written(&image, ImageFormat::Gif),
        pictures::written(&image, ImageFormat::WebP),
    ] {
        for length in [bytes.len() - 1, bytes.len() / 2, 30] {
            assert_eq!(code(&bytes[..length]), "damaged_picture", "cut at {length} of {}", bytes.len());
        }
    }
    let mut wrong_sum = pictures::png(40, 30);
    wrong_sum[45] ^= 1;
    assert!(refused(&wrong_sum).message.contains("checksum"));
}

#[test]
fn data_longer_than_the_header_promises_is_refused() {
    let row = 1 + 3 * 4;
    assert!(media::accept(&pictures::png_of(4, 4, &pictures::packed(4 * row)), MOST).is_ok());
    let longer = refused(&pictures::png_of(4, 4, &pictures::packed(4 * row + 1)));
    assert!(longer.message.contains("longer than its header promises"), "{longer:?}");
    // 200 MB behind a header of four by four.
    assert_eq!(refused(&pictures::png_of(4, 4, &pictures::packed(200 << 20))), longer);
    assert_eq!(code(&pictures::png_of(4, 4, &pictures::packed(4 * row - 1))), "damaged_picture");
}

#[test]
fn a_header_that_claims_too_much_is_refused_before_anything_is_opened() {
    let data = pictures::packed(100);
    for (width, height) in [(50_000, 50_000), (7_072, 7_071), (1, 65_536), (u32::MAX, u32::MAX)] {
        let refused = refused(&pictures::png_of(width, height, &data));
        assert_eq!(refused.code, "too_many_pixels", "{width} x {height}");
        assert!(refused.message.contains(&format!("{width} × {height}")), "{refused:?}");
    }
    assert_eq!(code(&pictures::png_of(0, 4, &data)), "damaged_picture");
    let mut jpeg = pictures::jpeg(40, 30);
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).expect("a frame");
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
    assert_eq!(code(&jpeg), "too_many_pixels");
    let mut gif = pictures::animated_gif();
    gif[6..10].copy_from_slice(&[0xff; 4]);
    assert_eq!(code(&gif), "too_many_pixels");
}

#[test]
fn a_webp_that_claims_too_much_is_refused_before_a_pixel_is_decoded() {
    // Its size stands in the coded data, so that only who begins to decode it knows it.
    let refused = refused(&pictures::webp_that_claims(8_000, 7_000));
    assert_eq!(refused.code, "too_many_pixels", "{refused:?}");
    assert!(refused.message.contains("8000 × 7000") && refused.message.contains("megapixels"), "{refused:?}");
}

#[test]
fn a_picture_of_16_bits_has_half_as_many_pixels_at_most() {
    let refused = refused(&pictures::deep_png(5_001, 5_000));
    assert_eq!(refused.code, "too_many_pixels", "{refused:?}");
    assert!(refused.message.contains("8 bits a channel"), "{refused:?}");
    assert!(media::accept(&pictures::deep_png(50, 40), MOST).is_ok());
}

#[test]
fn what_a_gif_says_beside_its_pictures_is_left_out() {
    let bytes = pictures::written(&pictures::flag(40, 30), ImageFormat::Gif);
    let (picture, end) = bytes.split_at(bytes.len() - 1);
    let comment = b"\x21\xfe\x10here-lives-layla\0";
    let program = b"\x21\xff\x0bXMP DataXMP\x10here-lives-layla\0";
    let told = accepted(&[picture, comment, program, end].concat());
    assert!(!holds(&told.kept, "here-lives-layla"));
    assert_eq!(told.picture, accepted(&bytes).picture, "what it says makes no other picture");
}

#[test]
fn a_picture_of_many_scans_is_refused() {
    let jpeg = pictures::jpeg(40, 30);
    let scan = jpeg.windows(2).position(|pair| pair == [0xff, 0xda]).expect("a scan");
    let scans = jpeg[scan..jpeg.len() - 2].repeat(65);
    let bytes = [&jpeg[..scan], &scans, &[0xff, 0xd9]].concat();
    assert!(refused(&bytes).message.contains("scans"));
}

#[tokio::test]
async fn hostile_files_are_refused_by_name_and_reason_and_change_nothing() {
    let shop = Shop::open().await;
    let product = shop.product("Maarouk").create().await.id;
    let folder = tempfile::tempdir().expect("a folder");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/hostile_images.py");
    let made = Command::new("python3").arg(script).arg(folder.path()).status().expect("python3 is there");
    assert!(made.success());
    let read = |name: &str| std::fs::read(folder.path().join(name)).expect("the script writes it");
    for (name, wanted) in [
        ("huge_header.png", "too_many_pixels"),
        ("bomb.png", "too_many_pixels"),
        ("truncated.png", "damaged_picture"),
        ("bad_crc.png", "damaged_picture"),
        ("script.gif", "damaged_picture"),
        ("svg_as.png", "not_a_picture"),
        ("empty.jpg", "not_a_picture"),
        ("zip_as.jpg", "damaged_picture"),
    ] {
        let reply = upload(&shop, &product, &[Part::File(name, &read(name))]).send().await;
        let reply = reply.expect_field("files[0]");
        assert_eq!(reply["errors"][0]["code"], wanted, "{reply:?}");
        assert!(told(&reply).contains(name), "{reply:?}");
    }
    assert_eq!(shop.count("select count(*) from pictures").await, 0);
    for name in ["ok.png", "text_bomb.png", "html_tail.png", "zip_tail.png", "png_as.jpg"] {
        upload(&shop, &product, &[Part::File(name, &read(name))]).send().await.expect(202);
    }
    // All five are one picture: what is different about them is not kept.
    assert_eq!(shop.count("select count(*) from pictures").await, 1);
    draw(&shop).await;
    shop.close().await;
}

fn told(reply: &Reply) -> String {
    reply["errors"].to_string()
}

#[tokio::test]
async fn all_files_of_an_upload_are_taken_or_none_and_each_fault_is_named() {
    let shop = Shop::open().await;
    let product = shop.product("Maarouk").create().await.id;
    let good = pictures::jpeg(40, 30);
    let parts = [
        Part::File("one.jpg", &good),
        Part::File("two.png", b"no picture"),
        Part::File("three.heic", b"\0\0\0\x20ftypheic\0\0\0\0"),
    ];
    let reply = upload(&shop, &product, &parts).send().await.expect_problem(422, "validation_failed");
    assert_eq!(reply.fields(), ["files[1]", "files[2]"]);
    assert!(told(&reply).contains("three.heic") && told(&reply).contains("Most Compatible"), "{reply:?}");
    assert_eq!(shop.count("select count(*) from product_images").await, 0);

    let no_files = upload(&shop, &product, &[Part::Text("alt", "Bread")]).send().await;
    no_files.expect_field("files");
    let odd = [Part::Text("alt", "a"), Part::Text("alt", "b"), Part::Text("order", "1"), Part::File("one.jpg", &good)];
    assert_eq!(upload(&shop, &product, &odd).send().await.expect(422).fields(), ["alt", "order"]);
    let long = "x".repeat(201);
    upload(&shop, &product, &[Part::Text("alt", &long), Part::File("one.jpg", &good)]).send().await.expect_field("alt");
    let many: Vec<_> = (0..21).map(|_| Part::File("one.jpg", &good)).collect();
    upload(&shop, &product, &many).send().await.expect_field("files");
    let nowhere = "01936000-0000-7000-8000-000000000000";
    upload(&shop, nowhere, &[Part::File("one.jpg", &good)]).send().await.expect_problem(404, "not_found");
    shop.close().await;
}

#[tokio::test]
async fn an_upload_must_be_one_and_within_its_limits() {
    let shop = Shop::open_with(&[("BAYADER_MEDIA__MAX_UPLOAD_MB", "1")]).await;
    let product = shop.product("Maarouk").create().await.id;
    let path = format!("/api/v1/products/{product}/images");
    let large = vec![0; 1_000_001];
    let reply = upload(&shop, &product, &[Part::File("large.jpg", &large)]).send().await.expect_field("files[0]");
    assert_eq!(reply["errors"][0]["code"], "file_too_large");
    shop.owner().post(&path).json(&serde_json::json!({})).send().await.expect_problem(415, "unsupported_media_type");
    let no_boundary = shop.owner().post(&path).bytes("multipart/form-data", "x");
    no_boundary.send().await.expect_problem(400, "bad_request");
    let torn = shop
        .owner()
        .post(&path)
        .bytes("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"files\"\r\n\r\nhalf");
    torn.send().await.expect_problem(400, "bad_request");
    // Not a byte of it is read before it is refused, and it is read away all the same.
    let huge = shop.owner().post(&path).bytes("multipart/form-data; boundary=x", vec![b'x'; 61_000_000]);
    huge.send().await.expect_problem(413, "body_too_large");
    shop.guest().post(&path).bytes("multipart/form-data; boundary=x", vec![b'x'; 5_000_000]).send().await.expect(401);
    shop.close().await;
}

fn some_picture() -> impl Strategy<Value = Vec<u8>> {
    let image = pictures::flag(24, 20);
    prop_oneof![
        Just(pictures::from_a_phone(6, 24, 20)),
        Just(pictures::png(24, 20)),
        Just(pictures::animated_gif()),
        Just(pictures::animated_webp()),
        Just(pictures::webp_with_metadata(3)),
        Just(pictures::written(&image, ImageFormat::WebP)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    /// Whatever the bytes: an answer, no panic of ours, and what is taken is a picture again.
    #[test]
    fn any_bytes_are_taken_or_refused(
        mut bytes in some_picture(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        for (at, byte) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        // What a decoder does with foreign bytes is caught where it runs; ours must hold by itself.
        let outcome = std::panic::catch_unwind(|| media::accept(&bytes, MOST));
        if let Ok(Ok(checked)) = outcome {
            prop_assert!(checked.kept.len() <= bytes.len() + 32);
            prop_assert!(media::accept(&checked.kept, MOST).is_ok());
        }
    }

    #[test]
    fn bytes_of_no_kind_are_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..400), kind in 0..5_usize) {
        let begin: &[u8] = [&b""[..], b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\xff\0\0\0WEBP"][kind];
        bytes.splice(0..0, begin.iter().copied());
        prop_assert!(media::accept(&bytes, MOST).is_err());
    }
}
