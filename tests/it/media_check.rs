//! `media check`: books, disk and bucket are compared and mended.

use std::fs;
use std::path::PathBuf;

use bayader::app::control::{Answer, Request, execute};
use bayader::clock::Clock;
use bayader::features::media::compare::{Asked, Report};
use bytes::Bytes;
use serde_json::Value;

use crate::doubles::pictures::{self, Part, path_of, settle, upload};
use crate::doubles::s3::S3Peer;
use crate::harness::{Folder, Shop, bayader};

const DRY: Asked = Asked { dry_run: true, delete_unknown: false };
const MEND: Asked = Asked { dry_run: false, delete_unknown: false };
const SWEEP: Asked = Asked { dry_run: false, delete_unknown: true };

async fn check(shop: &Shop, asked: Asked) -> Report {
    match execute(shop.inner(), Request::CheckMedia(asked), &|_| ()).await {
        Answer::MediaChecked(report) => *report,
        other => panic!("no report: {other:?}"),
    }
}

async fn paths(shop: &Shop) -> Vec<String> {
    let read =
        |reader: &bayader::db::Reader<'_>| reader.all("select path from media_files order by path", &[], |row| row.get(0));
    shop.db().read(read).await.expect("the files")
}

fn place(shop: &Shop, path: &str) -> PathBuf {
    shop.folder().join("media").join(path)
}

fn of<'a>(paths: &'a [String], what: &str) -> &'a String {
    paths.iter().find(|path| path.contains(what)).expect("a file")
}

/// A product with a drawn picture; its id.
async fn a_picture(shop: &Shop) -> String {
    let product = shop.product("Maarouk").create().await.id;
    let photo = pictures::jpeg(700, 500);
    upload(&shop.owner(), &product, &[Part::File("photo.jpg", &photo)]).send().await.expect(202);
    settle(shop).await;
    product
}

fn whole(files: usize) -> Report {
    Report { files, whole: files, ..Report::default() }
}

#[tokio::test]
async fn without_a_bucket_what_is_gone_is_drawn_anew_and_what_cannot_be_is_named() {
    let shop = Shop::open().await;
    let product = a_picture(&shop).await;
    let paths = paths(&shop).await;
    assert_eq!(check(&shop, MEND).await, whole(7));
    let card = of(&paths, "-card.webp");
    let before = fs::read(place(&shop, card)).expect("read");
    fs::remove_file(place(&shop, card)).expect("removed");
    fs::write(place(&shop, of(&paths, "-thumb.jpg")), &before).expect("damaged");

    let report = check(&shop, DRY).await;
    assert_eq!((report.whole, report.redrawn.count, report.lost.count), (5, 2, 0));
    assert!(!place(&shop, card).exists(), "a dry run changes nothing");
    let shown = async || shop.guest().see(&format!("/api/v1/products/{product}")).await["images"].as_array().map(Vec::len);
    assert_eq!(shown().await, Some(1));
    assert_eq!(check(&shop, MEND).await.redrawn.names.len(), 2);
    assert_eq!(shown().await, Some(0), "what is being drawn is not listed");
    settle(&shop).await;
    assert_eq!(check(&shop, MEND).await, whole(7));
    assert_eq!(fs::read(place(&shop, card)).expect("read"), before);
    let seen = shop.guest().see(&format!("/api/v1/products/{product}")).await;
    shop.guest().get(&path_of(&seen["images"][0]["card"])).send().await.expect(200);

    let original = of(&paths, "-original");
    fs::write(place(&shop, original), b"x").expect("damaged");
    fs::remove_file(place(&shop, card)).expect("removed");
    let report = check(&shop, MEND).await;
    assert_eq!(report.lost.names.iter().collect::<Vec<_>>(), [card, original]);
    assert!(report.is_bad(false));
    shop.close().await;
}

#[tokio::test]
async fn what_nobody_knows_is_named_and_goes_only_when_old_and_asked_for() {
    let shop = Shop::open().await;
    a_picture(&shop).await;
    let known = paths(&shop).await;
    let hash = "0".repeat(64);
    let (old, young) = (format!("00/{hash}-card.webp"), format!("00/{hash}-card.jpg"));
    fs::create_dir_all(place(&shop, "00")).expect("a folder");
    for path in [&old, &young] {
        fs::write(place(&shop, path), b"x").expect("written");
    }
    fs::write(place(&shop, "notes.txt"), b"x").expect("written");
    let file = fs::File::options().write(true).open(place(&shop, &old)).expect("opened");
    let then = file.metadata().expect("there").modified().expect("a moment") - std::time::Duration::from_secs(25 * 3_600);
    file.set_modified(then).expect("set");

    let report = check(&shop, MEND).await;
    assert_eq!((report.unknown_files.count, report.deleted, report.whole), (3, 0, 7));
    let report = check(&shop, SWEEP).await;
    assert_eq!((report.unknown_files.count, report.deleted), (3, 1));
    assert!(!place(&shop, &old).exists() && place(&shop, &young).exists() && place(&shop, "notes.txt").exists());
    assert_eq!(paths(&shop).await, known);
    assert_eq!(check(&shop, SWEEP).await.whole, 7);
    shop.close().await;
}

#[tokio::test]
async fn disk_and_bucket_mend_each_other() {
    let Some(mut peer) = S3Peer::start("disk_and_bucket_mend_each_other").await else { return };
    let shop = Shop::open_at(Clock::manual(Clock::system().now()), &peer.variables()).await;
    a_picture(&shop).await;
    let paths = paths(&shop).await;
    let bucket = peer.bucket(&Clock::system());
    assert_eq!(check(&shop, MEND).await, whole(7));

    // Here: the original is gone, a rendition is damaged. There: one is gone, one is another, and somebody's is beside them.
    let (original, card) = (of(&paths, "-original"), of(&paths, "-card.webp"));
    let before = fs::read(place(&shop, card)).expect("read");
    fs::remove_file(place(&shop, original)).expect("removed");
    fs::write(place(&shop, card), b"x").expect("damaged");
    bucket.delete(of(&paths, "-thumb.jpg")).await.expect("gone");
    let hash: [u8; 32] = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"y").as_ref().try_into().expect("32 bytes");
    let full = of(&paths, "-full.jpg");
    let other = vec![b'y'; fs::read(place(&shop, full)).expect("read").len()];
    let of_other: [u8; 32] =
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &other).as_ref().try_into().expect("32 bytes");
    bucket.put(full, Bytes::from(other), "image/jpeg", &of_other).await.expect("put, and as long as it should be");
    bucket.put("somebody's.txt", Bytes::from_static(b"y"), "text/plain", &hash).await.expect("put");

    let expected = |report: &Report| {
        assert_eq!((report.files, report.whole), (7, 3));
        let mut fetched = vec![original.clone(), card.clone()];
        fetched.sort();
        assert_eq!(report.fetched.names, fetched);
        assert_eq!((report.copied.count, report.lost.count, report.redrawn.count), (2, 0, 0));
        assert_eq!(report.unknown_objects.names, ["somebody's.txt"]);
    };
    let report = check(&shop, DRY).await;
    expected(&report);
    assert!(report.is_bad(true) && !place(&shop, original).exists());
    let report = check(&shop, SWEEP).await;
    expected(&report);
    assert_eq!(report.deleted, 0, "it is younger than a day");
    assert_eq!(fs::read(place(&shop, card)).expect("read"), before);
    let report = check(&shop, MEND).await;
    assert_eq!((report.whole, report.unknown_objects.count), (7, 1));

    // Both sides of one are bad: the object says to be what it is not. It is drawn anew, and copied anew.
    fs::remove_file(place(&shop, card)).expect("removed");
    let sha: Vec<u8> = shop
        .db()
        .read({
            let card = card.clone();
            move |reader| reader.one("select sha256 from media_files where path = ?1", &[&card], |row| row.get(0))
        })
        .await
        .expect("a hash");
    peer.put_wrong(card, before.len(), &hex::encode(sha)).await;
    let report = check(&shop, MEND).await;
    assert_eq!(report.redrawn.names, [card.as_str()]);
    settle(&shop).await;
    assert_eq!(check(&shop, MEND).await.whole, 7);
    let there = bucket.get(card, before.len() as u64).await.expect("an answer").expect("there");
    assert_eq!(there.as_ref(), before);

    // The bucket is away: the disk is compared all the same.
    peer.kill();
    fs::remove_file(place(&shop, card)).expect("removed");
    let report = check(&shop, MEND).await;
    assert!(report.bucket_fault.is_some() && report.is_bad(false));
    assert_eq!((report.files, report.redrawn.count), (7, 1));
    peer.start_again().await;
    settle(&shop).await;
    assert_eq!(check(&shop, MEND).await.whole, 7);
    shop.close().await;
}

#[tokio::test]
async fn the_command_says_it_for_scripts_with_and_without_a_server() {
    let folder = Folder::with_owner();
    let run = |more: &[&str]| {
        let output = bayader(&folder.data(), &[&["media", "check", "--json"], more].concat());
        let text = String::from_utf8(output.stdout.clone()).expect("a text");
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {output:?}"));
        (output.status.code(), answer)
    };
    let (code, answer) = run(&[]);
    assert_eq!((code, &answer["report"]["files"], &answer["dryRun"]), (Some(0), &0.into(), &false.into()));
    let mut server = Shop::spawn(&folder).await;
    let admin = server.admin().await;
    let product = server.product(&admin, "Maarouk").create().await.id;
    let photo = pictures::jpeg(90, 60);
    upload(&admin, &product, &[Part::File("photo.jpg", &photo)]).send().await.expect(202);
    let (code, answer) = run(&["--dry-run"]);
    let files = answer["report"]["files"].as_u64().expect("a number");
    assert!(code == Some(0) && (1..=7).contains(&files), "{answer}");
    server.kill();
    for file in fs::read_dir(folder.data().join("media")).expect("folders").flatten() {
        if file.file_name().len() == 2 {
            fs::remove_dir_all(file.path()).expect("removed");
        }
    }
    let (code, answer) = run(&[]);
    assert!(code == Some(1) && answer["report"]["lost"]["count"].as_u64().is_some_and(|lost| lost >= 1), "{answer}");
    let output = bayader(&folder.data(), &["media", "check"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("lost: missing or damaged everywhere"), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("from a backup"), "{output:?}");
}
