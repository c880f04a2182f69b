//! `bayader media import`: pictures come to products by the names of their files.

use std::path::Path;

use bayader::features::media::DrawSample;
use serde_json::Value;

use crate::doubles::pictures::{self, Part, path_of, settle, upload};
use crate::harness::{Folder, Shop, bayader};

const MENU: &str =
    "sku,name_en,price,category\nBRD-001,Maarouk,0.750,bread\nbrd-002,Shrak,0.250,bread\nBRD,Bread of the day,0.500,bread\n";

/// A shop with three products.
fn folder_with_menu() -> Folder {
    let folder = Folder::with_owner();
    let menu = folder.path().join("menu.csv");
    std::fs::write(&menu, MENU).expect("written");
    let output = bayader(&folder.data(), &["products", "import", menu.to_str().expect("a path")]);
    assert!(output.status.success(), "{output:?}");
    folder
}

/// Runs the command; its exit code and its answer.
fn import(folder: &Folder, from: &Path, more: &[&str]) -> (i32, Value) {
    let mut args = vec!["media", "import", from.to_str().expect("a path"), "--json"];
    args.extend(more);
    let output = bayader(&folder.data(), &args);
    let text = String::from_utf8(output.stdout.clone()).expect("a text");
    (output.status.code().expect("a code"), serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {output:?}")))
}

fn outcomes(answer: &Value) -> Vec<(String, String)> {
    let files = answer["files"].as_array().expect("files");
    let text = |file: &Value, name: &str| file[name].as_str().expect("a text").to_owned();
    files.iter().map(|file| (text(file, "file"), text(file, "outcome"))).collect()
}

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(folder.join(name), bytes).expect("written");
}

#[tokio::test]
async fn a_folder_of_pictures_comes_to_its_products_once() {
    let folder = folder_with_menu();
    let from = folder.path().join("photos");
    std::fs::create_dir_all(from.join("more")).expect("a folder");
    put(&from, "brd-001_10.webp", &pictures::written(&pictures::flag(64, 40), image::ImageFormat::WebP));
    put(&from, "BRD-001-2.PNG", &pictures::png(50, 40));
    put(&from, "BRD-001.jpg", &pictures::jpeg(90, 60));
    put(&from, "BRD-002.jpg", &pictures::jpeg(91, 60));
    put(&from, "BRD-7.jpg", &pictures::jpeg(92, 60));
    put(&from, "CAKE-1.jpg", &pictures::jpeg(93, 60));
    put(&from, "BRD-002-3.jpg", b"no picture");
    put(&from, "notes.txt", b"x");
    put(&from, ".hidden.jpg", &pictures::jpeg(94, 60));
    put(&from.join("more"), "BRD-001-3.jpg", &pictures::jpeg(95, 60));
    put(folder.path(), "secret.jpg", &pictures::jpeg(96, 60));
    std::os::unix::fs::symlink(folder.path().join("secret.jpg"), from.join("BRD-001-9.jpg")).expect("a link");
    let expected: Vec<(String, String)> = [
        ("BRD-7.jpg", "added"),
        ("BRD-001.jpg", "added"),
        ("BRD-002.jpg", "added"),
        ("BRD-001-2.PNG", "added"),
        ("BRD-001-9.jpg", "skipped"),
        ("brd-001_10.webp", "added"),
        ("BRD-002-3.jpg", "refused"),
        ("CAKE-1.jpg", "unknown_sku"),
        ("notes.txt", "skipped"),
    ]
    .map(|(file, outcome)| (file.to_owned(), outcome.to_owned()))
    .to_vec();
    let sorted = |mut outcomes: Vec<(String, String)>| {
        outcomes.sort();
        outcomes
    };

    // Without a server, and nothing is written by a dry run.
    let (code, answer) = import(&folder, &from, &["--dry-run"]);
    assert_eq!((code, sorted(outcomes(&answer))), (1, sorted(expected.clone())));
    let (_, again) = import(&folder, &from, &["--dry-run"]);
    assert_eq!(answer, again);
    assert!(std::fs::read_dir(folder.data().join("media/incoming")).expect("read").next().is_none());

    // Through the running server.
    let mut server = Shop::spawn(&folder).await;
    let (code, answer) = import(&folder, &from, &[]);
    assert_eq!((code, sorted(outcomes(&answer))), (1, sorted(expected)));
    assert_eq!((&answer["added"], &answer["failed"]), (&5.into(), &4.into()));
    let refused =
        &answer["files"].as_array().expect("files").iter().find(|file| file["outcome"] == "refused").expect("one")["why"];
    assert!(refused.as_str().is_some_and(|why| why.contains("no picture")), "{refused}");
    let (_, answer) = import(&folder, &from, &[]);
    assert_eq!((&answer["added"], &answer["unchanged"]), (&0.into(), &5.into()), "twice is once");

    // They come in the order of their numbers.
    let admin = server.admin().await;
    let menu = admin.see("/api/v1/products?per_page=10").await;
    let count = |sku: &str| {
        let product = menu.rows().iter().find(|product| product["sku"] == *sku).expect("on the menu").clone();
        product["id"].as_str().expect("an id").to_owned()
    };
    let images = admin.see(&format!("/api/v1/products/{}/images", count("BRD-001"))).await;
    assert_eq!(images["images"].as_array().expect("images").len(), 3);
    let images = admin.see(&format!("/api/v1/products/{}/images", count("BRD"))).await;
    assert_eq!(images["images"].as_array().expect("images").len(), 1, "BRD-7 is the seventh of BRD, for no product is BRD-7");
    assert_eq!(server.terminate().await.code(), Some(0));
    folder.expect_healthy();
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_told() {
    let folder = folder_with_menu();
    let output = bayader(&folder.data(), &["media", "import", "/nowhere/at/all"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere/at/all cannot be read"), "{output:?}");
    // All is well with no file at all.
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).expect("a folder");
    let (code, answer) = import(&folder, &empty, &[]);
    assert_eq!((code, &answer["added"]), (0, &0.into()));
}

#[tokio::test]
async fn the_samples_products_get_a_drawing_each_and_what_an_owner_chose_stays() {
    let shop = Shop::open().await;
    shop.import(
        b"sku,name_en,price,category\nSWT-006,Ma'amoul,0.750,sweets\nBRD-008,Baguette,0.250,bread\nOWN-1,Rolls,0.500,bread\n",
    )
    .await;
    let menu = shop.guest().see("/api/v1/products?per_page=10").await;
    let id = |sku: &str| {
        let product = menu.rows().iter().find(|product| product["sku"] == *sku).expect("on the menu");
        product["id"].as_str().expect("an id").to_owned()
    };
    let photo = pictures::jpeg(40, 30);
    upload(&shop.owner(), &id("BRD-008"), &[Part::File("p.jpg", &photo)]).send().await.expect(202);
    // Brought in twice, drawn once.
    for _ in 0..2 {
        shop.db().write(DrawSample).await.expect("it is asked for");
        settle(&shop).await;
    }
    for (sku, count) in [("SWT-006", 1), ("BRD-008", 1), ("OWN-1", 0)] {
        let seen = shop.guest().see(&format!("/api/v1/products/{}", id(sku))).await;
        assert_eq!(seen["images"].as_array().map(Vec::len), Some(count), "{sku}");
    }
    let seen = shop.guest().see(&format!("/api/v1/products/{}", id("SWT-006"))).await;
    let reply = shop.guest().get(&path_of(&seen["images"][0]["card"])).send().await.expect(200);
    assert_eq!(image::load_from_memory(&reply.bytes).expect("a picture").width(), 600);
    assert_eq!(shop.count("select count(*) from pictures").await, 2);
    shop.close().await;
}
