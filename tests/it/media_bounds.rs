//! What uploads may cost the shop: memory, time, and nothing when it dies in the middle.

use std::time::Duration;

use bayader::features::media::{MediaPath, Store};
use bayader::http::server::Limits;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::doubles::pictures::{self, Part, draw, upload};
use crate::harness::{Client, Folder, Shop};

/// Uploads at once, each of a picture that has 18 MB when it is open.
const AT_ONCE: u8 = 20;
/// What the shop may hold at its most: it opens one at a time, and nine of them would not fit.
const MOST_KB: u64 = 180 << 10;
/// And while the largest picture is open: the budget of one, and the shop beside it.
const MOST_OPEN_KB: u64 = 430_000;
const POLL: Duration = Duration::from_millis(20);

fn most_resident_kb(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the process lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line of it");
    line.trim().trim_end_matches("kB").trim().parse().expect("a number")
}

/// The product, once it shows so many pictures at least.
async fn ready(by: &Client, product: &str, count: usize) -> Value {
    loop {
        let seen = by.see(&format!("/api/v1/products/{product}")).await;
        if seen["images"].as_array().is_some_and(|images| images.len() >= count) {
            return seen.body;
        }
        tokio::time::sleep(POLL).await;
    }
}

#[tokio::test]
async fn twenty_uploads_at_once_stay_within_bounds_while_orders_go_on() {
    let folder = Folder::with_owner();
    let mut server = Shop::spawn(&folder).await;
    let owner = server.admin().await;
    let product = server.product(&owner, "Maarouk").stock(1_000).create().await;
    let files: Vec<Vec<u8>> = (0..AT_ONCE).map(|seed| pictures::plain_png(3_000, 2_000, seed)).collect();
    let uploads: Vec<_> = files
        .into_iter()
        .map(|file| {
            let (owner, product) = (owner.clone(), product.id.clone());
            tokio::spawn(async move { upload(&owner, &product, &[Part::File("p.png", &file)]).send().await.expect(202) })
        })
        .collect();
    let mut orders = 0;
    while uploads.iter().any(|upload| !upload.is_finished()) || orders < 20 {
        server.guest().order().line(&product, 1).pickup().place().await;
        orders += 1;
        if orders > 900 {
            break;
        }
    }
    for upload in uploads {
        upload.await.expect("taken");
    }
    // Drawing has begun; the rest waits for its turn, as it did until now.
    ready(&server.guest(), &product.id, 2).await;
    let most = most_resident_kb(server.process());
    assert!(most < MOST_KB, "{most} kB resident at most");
    server.expect_documented();
    server.kill();
    folder.expect_healthy();
}

/// The largest pictures, each in the way of writing that costs its decoder most.
#[tokio::test]
async fn a_picture_of_fifty_megapixels_stays_within_its_budget() {
    let folder = Folder::with_owner();
    let mut server = Shop::spawn(&folder).await;
    let owner = server.admin().await;
    let product = server.product(&owner, "Maarouk").create().await.id;
    let fine = pictures::progressive_jpeg(8_160, 6_120, 0x11);
    let told = upload(&owner, &product, &[Part::File("fine.jpg", &fine)]).send().await.expect_problem(422, "validation_failed");
    assert_eq!(told["errors"][0]["code"], "too_many_pixels", "{told:?}");
    assert!(told["errors"][0]["message"].as_str().is_some_and(|text| text.contains("449 MB to open")), "{told:?}");
    let files = [pictures::progressive_jpeg(8_160, 6_120, 0x22), pictures::half_clear_png(8_000, 6_250)];
    for (index, file) in files.iter().enumerate() {
        upload(&owner, &product, &[Part::File("large", file)]).send().await.expect(202);
        ready(&server.guest(), &product, index + 1).await;
        let most = most_resident_kb(server.process());
        println!("{most} kB resident at most after picture {index}");
        assert!(most < MOST_OPEN_KB, "{most} kB resident at most after picture {index}");
    }
    server.kill();
    folder.expect_healthy();
}

#[tokio::test]
async fn what_was_taken_is_drawn_although_the_shop_dies_right_after() {
    let folder = Folder::with_owner();
    let mut server = Shop::spawn(&folder).await;
    let owner = server.admin().await;
    let product = server.product(&owner, "Maarouk").create().await.id;
    let photo = pictures::jpeg(1_000, 800);
    upload(&owner, &product, &[Part::File("p.jpg", &photo)]).send().await.expect(202);
    server.kill();
    // A file that the crash has left half written goes; one that no row knows harms nobody.
    std::fs::write(folder.data().join("media/incoming/half"), "x").expect("written");
    let mut server = Shop::spawn(&folder).await;
    let seen = ready(&server.guest(), &product, 1).await;
    assert_eq!(seen["images"].as_array().map(Vec::len), Some(1));
    assert!(!folder.data().join("media/incoming/half").exists());
    assert_eq!(server.terminate().await.code(), Some(0));
    folder.expect_healthy();
}

#[tokio::test]
async fn a_file_without_rows_is_taken_again_as_if_nothing_had_been() {
    let shop = Shop::open().await;
    let product = shop.product("Maarouk").create().await.id;
    let photo = pictures::jpeg(40, 30);
    let mut file = shop.inner().media.store().incoming().expect("a file");
    std::io::Write::write_all(&mut file, &photo).expect("written");
    // As far as a shop gets that dies between file and row.
    shop.inner().media.take_in(file).await.expect("a picture");
    assert_eq!(shop.count("select count(*) from pictures").await, 0);
    upload(&shop.owner(), &product, &[Part::File("p.jpg", &photo)]).send().await.expect(202);
    draw(&shop).await;
    assert_eq!(shop.guest().see(&format!("/api/v1/products/{product}")).await["images"].as_array().map(Vec::len), Some(1));
    shop.close().await;
}

#[test]
fn who_reads_a_file_reads_it_whole_while_it_is_written_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("media")).expect("opened");
    let hash = "0".repeat(64);
    let path = MediaPath::parse(&format!("00/{hash}-card.webp")).expect("a place");
    store.put(&path, b"the first one, which is the longer one").expect("put");
    let (mut before, length) = store.open_file(&path).expect("opened").expect("there");
    store.put(&path, b"the second").expect("put in its place");
    let mut seen = Vec::new();
    std::io::Read::read_to_end(&mut before, &mut seen).expect("read");
    assert_eq!((seen.as_slice(), length), (b"the first one, which is the longer one".as_slice(), 38));
    assert_eq!(store.read(&path).expect("read").as_deref(), Some(b"the second".as_slice()));
}

#[tokio::test]
async fn who_stalls_in_an_upload_is_cut_and_told() {
    let limits = Limits { body_time: Duration::from_millis(300), ..Limits::default() };
    let shop = Shop::open_limited(&[], limits).await;
    let product = shop.product("Maarouk").create().await.id;
    let bearer = shop.owner().session().await.bearer;
    let mut line = TcpStream::connect(shop.address()).await.expect("connected");
    let head = format!(
        "POST /api/v1/products/{product}/images HTTP/1.1\r\nhost: shop\r\nauthorization: Bearer {bearer}\r\n\
         content-type: multipart/form-data; boundary=x\r\ncontent-length: 100000\r\n\r\n\
         --x\r\ncontent-disposition: form-data; name=\"files\"\r\n\r\nhalf"
    );
    line.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    line.read_to_end(&mut answer).await.expect("it is answered, and the line is closed");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("stalled"), "{answer}");
    assert_eq!(std::fs::read_dir(shop.folder().join("media/incoming")).expect("read").count(), 0, "nothing is left of it");
    shop.close().await;
}
