//! The bucket that holds a copy of each picture: its signatures, its faults, and an S3 store of others that dies and comes back.

use std::time::Duration;

use bayader::clock::Clock;
use bayader::features::media::bucket::{Bucket, BucketFault, PREFIX, Verb};
use bayader::features::media::copy::waiting;
use bayader::kernel::UtcMs;
use bytes::Bytes;
use serde_json::Value;

use crate::doubles::pictures::{self, Part, path_of, settle, upload};
use crate::doubles::s3::{S3Peer, bucket, get as get_link, get_here};
use crate::harness::{Folder, Shop};

const HOUR: Duration = Duration::from_secs(3_600);
/// Of a picture: its original, and three sizes in two formats.
const FILES: i64 = 7;
const UNCOPIED: &str = "select count(*) from media_files where copied_at is null";

fn sha256(bytes: &[u8]) -> [u8; 32] {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().try_into().expect("32 bytes")
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap_or_else(|| panic!("{field} of {}", case["name"]))
}

/// `20261123T090000Z`
fn moment(text: &str) -> UtcMs {
    let (day, time) = (&text[..8], &text[9..15]);
    let written = format!("{}-{}-{}T{}:{}:{}Z", &day[..4], &day[4..6], &day[6..], &time[..2], &time[2..4], &time[4..]);
    UtcMs::parse(&written).expect("a moment")
}

/// Bucket, object and style of a case's URL.
fn of_case(case: &Value) -> (Bucket, String) {
    let url = url::Url::parse(text(case, "url")).expect("a URL");
    let host = url.host_str().expect("a host");
    let path = decoded(url.path());
    let (endpoint, name, object, path_style) = match text(case, "name") {
        "aws_doc_example" => ("https://s3.amazonaws.com".to_owned(), "examplebucket".to_owned(), path[1..].to_owned(), "false"),
        "aws_path_style" | "r2" | "minio_port" | "key_with_space_plus_arabic" | "session_token" | "put_upload" => {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            let (name, object) = path[1..].split_once('/').expect("a bucket and an object");
            (format!("{}://{host}{port}", url.scheme()), name.to_owned(), object.to_owned(), "true")
        }
        unknown => panic!("nobody knows the case {unknown}"),
    };
    let of = |key: &str, value: &str| (format!("BAYADER_S3__{key}"), value.to_owned());
    let mut variables = vec![
        of("ENDPOINT", &endpoint),
        of("REGION", text(case, "region")),
        of("BUCKET", &name),
        of("ACCESS_KEY", text(case, "access_key")),
        of("SECRET_KEY", text(case, "secret_key")),
        of("PATH_STYLE", path_style),
    ];
    if let Some(token) = case["session_token"].as_str() {
        variables.push(of("SESSION_TOKEN", token));
    }
    (bucket(&variables, &Clock::system()), object)
}

/// The text behind `%XX`.
fn decoded(path: &str) -> String {
    form_urlencoded::parse(format!("p={path}").as_bytes()).next().expect("a pair").1.into_owned()
}

#[test]
fn each_vector_is_signed_as_aws_signs_it() {
    let vectors: Value = serde_json::from_str(include_str!("../vectors/s3_sigv4.json")).expect("vectors");
    let (mut presigned, mut by_header) = (0, 0);
    for case in vectors["cases"].as_array().expect("cases") {
        let name = text(case, "name");
        match text(case, "kind") {
            "presign" => presigned += 1,
            // The shop's client presigns every call, so that no body has to be hashed before it is sent: it never signs by headers.
            "header" => {
                by_header += 1;
                eprintln!("SKIPPED CASE: {name}: signed by headers, and every call of the shop is presigned");
                continue;
            }
            unknown => panic!("nobody knows the kind {unknown} of {name}"),
        }
        assert_eq!(text(case, "service"), "s3", "{name}");
        let verb = match text(case, "method") {
            "GET" => Verb::Get,
            "PUT" => Verb::Put,
            unknown => panic!("nobody knows the method {unknown} of {name}"),
        };
        let (bucket, object) = of_case(case);
        let valid = Duration::from_secs(case["expires_s"].as_u64().expect("seconds"));
        let url = bucket.presign(verb, &object, valid, moment(text(case, "time")));
        let parts = |url: &str| {
            let (place, query) = url.split_once('?').expect("a query");
            let mut query: Vec<String> = query.split('&').map(str::to_owned).collect();
            // A server reads them in any order.
            query.sort();
            (place.to_owned(), query)
        };
        assert_eq!(parts(url.as_str()), parts(text(case, "presigned_url")), "{name}");
        assert!(url.as_str().ends_with(&format!("X-Amz-Signature={}", text(case, "signature"))), "{name}");
    }
    assert_eq!((presigned, by_header), (7, 4));
}

#[tokio::test]
async fn a_store_of_others_takes_gives_lists_and_loses_objects() {
    let Some(peer) = S3Peer::start("a_store_of_others_takes_gives_lists_and_loses_objects").await else { return };
    let bucket = peer.bucket(&Clock::system());
    let (file, path) = (Bytes::from(vec![7; 5 << 20]), "ab/cd ef+(1)/كعك.webp");
    let hash = sha256(&file);
    assert_eq!(bucket.head(path).await, Ok(None));
    assert_eq!(bucket.get(path, 10).await, Ok(None));
    assert_eq!(bucket.delete(path).await, Ok(()));
    bucket.put(path, file.clone(), "image/webp", &hash).await.expect("it is taken");
    bucket.put(path, file.clone(), "image/webp", &hash).await.expect("twice is once");
    let seen = bucket.head(path).await.expect("an answer").expect("it is there");
    assert_eq!((seen.bytes, seen.sha256), (file.len() as u64, Some(hash)));
    assert_eq!(bucket.get(path, file.len() as u64).await, Ok(Some(file.clone())), "more than one piece");
    assert_eq!(bucket.get(path, file.len() as u64 - 1).await, Ok(None), "longer than it may be");
    assert_eq!(bucket.get_piece(path, 3, 4).await, Ok(Some(Bytes::from_static(&[7; 4]))));
    assert_eq!(bucket.get_piece(path, file.len() as u64, 4).await, Ok(Some(Bytes::new())));

    for name in ["b/1.jpg", "b/2.jpg", "b/3.jpg"] {
        bucket.put(name, Bytes::from_static(b"x"), "image/jpeg", &sha256(b"x")).await.expect("it is taken");
    }
    let (mut names, mut next, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = bucket.list(next.as_deref(), 2).await.expect("a page");
        assert!(page.objects.iter().all(|object| object.changed_at.is_some()));
        names.extend(page.objects.into_iter().map(|object| (object.path, object.bytes)));
        pages += 1;
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let expected =
        [(path, 5 << 20), ("b/1.jpg", 1), ("b/2.jpg", 1), ("b/3.jpg", 1)].map(|(name, bytes)| (name.to_owned(), bytes));
    assert_eq!(names, expected);
    assert!(pages >= 2, "a page holds two");
    bucket.delete(path).await.expect("it goes");
    assert_eq!(bucket.head(path).await, Ok(None));

    // What a browser is given: type and caching as the shop itself says them.
    let answer = get_link(bucket.link("b/1.jpg")).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "image/jpeg");
    assert_eq!(answer.headers()["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(answer.bytes().await.expect("bytes").as_ref(), b"x");
    let bent = bucket.link("b/1.jpg").replace("b/1.jpg", "b/2.jpg");
    assert_eq!(get_link(bent).await.status(), 403, "a link opens one object");
}

#[tokio::test]
async fn what_a_store_refuses_says_what_to_mend() {
    let Some(peer) = S3Peer::start("what_a_store_refuses_says_what_to_mend").await else { return };
    let clock = Clock::system();
    let put = |bucket: Bucket| async move {
        bucket.put("a.jpg", Bytes::from_static(b"x"), "image/jpeg", &sha256(b"x")).await.expect_err("it is refused")
    };
    let told = |fault: BucketFault| match fault {
        BucketFault::Misconfigured(why) => why,
        BucketFault::Later(why) => panic!("not for later: {why}"),
    };
    let why = told(put(peer.bucket_with(&clock, &[("SECRET_KEY", "another")])).await);
    assert!(why.contains("SignatureDoesNotMatch") && why.contains("s3.secret_key") && !why.contains("another"), "{why}");
    let why = told(put(peer.bucket_with(&clock, &[("ACCESS_KEY", "nobody")])).await);
    assert!(why.contains("InvalidAccessKeyId") && why.contains("s3.access_key") && !why.contains("nobody"), "{why}");
    let nowhere = peer.bucket_with(&clock, &[("BUCKET", "no-such-bucket")]);
    let why = told(nowhere.list(None, 10).await.expect_err("it is refused"));
    assert!(why.contains("NoSuchBucket") && why.contains("s3.bucket"), "{why}");
    // This store takes what is signed for later, as AWS does not.
    let behind = Clock::manual(clock.now().plus_ms(-2 * 3_600_000));
    let why = told(put(peer.bucket(&behind)).await);
    assert!(why.contains("clock is off"), "{why}");
    // Other bytes than were meant are not taken.
    let bucket = peer.bucket(&clock);
    assert!(bucket.put("a.jpg", Bytes::from_static(b"y"), "image/jpeg", &sha256(b"x")).await.is_err());
    assert_eq!(bucket.head("a.jpg").await, Ok(None));
}

#[tokio::test]
async fn a_dead_store_is_for_later_and_has_its_objects_when_it_is_back() {
    let Some(mut peer) = S3Peer::start("a_dead_store_is_for_later_and_has_its_objects_when_it_is_back").await else { return };
    let bucket = peer.bucket(&Clock::system());
    bucket.put("a.jpg", Bytes::from_static(b"x"), "image/jpeg", &sha256(b"x")).await.expect("it is taken");
    peer.kill();
    let fault = bucket.head("a.jpg").await.expect_err("nobody answers");
    assert!(matches!(&fault, BucketFault::Later(why) if why.contains("bayader-media at http://127.0.0.1")), "{fault}");
    peer.start_again().await;
    assert_eq!(bucket.get("a.jpg", 1).await, Ok(Some(Bytes::from_static(b"x"))));
}

#[test]
fn a_link_is_the_same_all_day_and_lives_six_days_more() {
    let variables: Vec<(String, String)> = [
        ("ENDPOINT", "https://0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com"),
        ("REGION", "auto"),
        ("BUCKET", "pictures"),
        ("ACCESS_KEY", "key"),
        ("SECRET_KEY", "secret"),
    ]
    .map(|(key, value)| (format!("BAYADER_S3__{key}"), value.to_owned()))
    .to_vec();
    let at = |text: &str| bucket(&variables, &Clock::manual(UtcMs::parse(text).expect("a moment"))).link("ab/x.webp");
    let morning = at("2026-11-25T00:00:00Z");
    assert_eq!(morning, at("2026-11-25T23:59:59.999Z"));
    assert_ne!(morning, at("2026-11-26T00:00:00Z"));
    assert!(morning.contains("X-Amz-Date=20261125T000000Z&X-Amz-Expires=604800"), "{morning}");
    assert!(morning.contains(&format!("/pictures/{PREFIX}ab/x.webp?")), "{morning}");
}

/// The shop's clock goes with the store's, which looks at ours; a test moves it on by hand.
fn now_by_hand() -> Clock {
    Clock::manual(Clock::system().now())
}

/// A product that shows a picture, not drawn yet.
async fn add_picture(shop: &Shop, name: &str, width: u32) -> String {
    let product = shop.product(name).create().await.id;
    let photo = pictures::jpeg(width, 60);
    upload(&shop.owner(), &product, &[Part::File("photo.jpg", &photo)]).send().await.expect(202);
    product
}

/// Every file of the books is in the bucket, whole, and nothing else.
async fn expect_all_copied(shop: &Shop, bucket: &Bucket) {
    let files: Vec<(String, i64, Vec<u8>)> = shop
        .db()
        .read(|reader| {
            reader.all("select path, bytes, sha256 from media_files order by path", &[], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
        })
        .await
        .expect("the files");
    let page = bucket.list(None, 1_000).await.expect("a list");
    let mut there: Vec<String> = page.objects.into_iter().map(|object| object.path).collect();
    there.sort();
    assert_eq!(there, files.iter().map(|(path, ..)| path.clone()).collect::<Vec<_>>());
    for (path, bytes, hash) in files {
        let object = bucket.get(&path, u64::try_from(bytes).expect("a length")).await.expect("an answer").expect("it is there");
        assert_eq!(sha256(&object).as_slice(), hash, "{path}");
        let seen = bucket.head(&path).await.expect("an answer").expect("it is there");
        assert_eq!(seen.sha256.expect("our word").as_slice(), hash, "{path}");
    }
    assert_eq!(shop.count(UNCOPIED).await, 0);
}

async fn told(shop: &Shop) -> Vec<String> {
    shop.db().read(waiting).await.expect("an answer")
}

#[tokio::test]
async fn a_store_that_dies_and_comes_back_has_every_file_once_and_nobody_waited() {
    let Some(mut peer) = S3Peer::start("a_store_that_dies_and_comes_back_has_every_file_once_and_nobody_waited").await else {
        return;
    };
    let shop = Shop::open_at(now_by_hand(), &peer.variables()).await;
    let bucket = peer.bucket(&Clock::system());
    let first = add_picture(&shop, "Maarouk", 90).await;
    settle(&shop).await;
    assert_eq!(shop.count("select count(*) from media_files").await, FILES);
    expect_all_copied(&shop, &bucket).await;
    assert!(told(&shop).await.is_empty());

    peer.kill();
    let second = add_picture(&shop, "Shrak", 91).await;
    settle(&shop).await;
    assert_eq!(shop.count(UNCOPIED).await, FILES);
    let waits = told(&shop).await;
    assert!(waits.len() == 1 && waits[0].contains("7 file(s) of pictures wait to be copied"), "{waits:?}");
    // The bakery goes on: pictures are drawn and served, orders are taken.
    for product in [&first, &second] {
        let seen = shop.guest().see(&format!("/api/v1/products/{product}")).await;
        shop.guest().get(&path_of(&seen["images"][0]["card"])).send().await.expect(200);
    }
    // However often it is tried, it is one job, and it never dies.
    for _ in 0..8 {
        shop.advance(HOUR);
        settle(&shop).await;
        assert_eq!(shop.count("select count(*) from jobs where kind = 'media.copy' and status = 'queued'").await, 1);
    }
    assert_eq!(shop.count("select count(*) from jobs where status = 'dead'").await, 0);

    peer.start_again().await;
    shop.advance(HOUR);
    settle(&shop).await;
    expect_all_copied(&shop, &bucket).await;
    assert!(told(&shop).await.is_empty());
    shop.close().await;
}

#[tokio::test]
async fn a_file_that_is_not_as_it_was_written_is_not_copied_and_keeps_no_other_waiting() {
    let Some(mut peer) = S3Peer::start("a_file_that_is_not_as_it_was_written_is_not_copied_and_keeps_no_other_waiting").await
    else {
        return;
    };
    let shop = Shop::open_at(now_by_hand(), &peer.variables()).await;
    peer.kill();
    add_picture(&shop, "Maarouk", 90).await;
    settle(&shop).await;
    let read = |reader: &bayader::db::Reader<'_>| {
        reader.one("select path from media_files order by path limit 1", &[], |row| row.get::<String>(0))
    };
    let path = shop.db().read(read).await.expect("a file");
    let place = shop.folder().join("media").join(&path);
    let length = std::fs::metadata(&place).expect("there").len();
    std::fs::write(&place, vec![b'x'; usize::try_from(length).expect("short")]).expect("damaged");
    peer.start_again().await;
    shop.advance(HOUR);
    settle(&shop).await;
    assert_eq!(shop.count(UNCOPIED).await, 1);
    assert_eq!(peer.bucket(&Clock::system()).head(&path).await, Ok(None), "what is damaged is not kept twice");
    assert_eq!(shop.count("select count(*) from jobs where kind = 'media.copy' and status in ('queued', 'dead')").await, 0);
    shop.close().await;
}

/// A store that answers so to every object, and has none.
async fn forgetful(put: http::StatusCode) -> Vec<(String, String)> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let answer = move |method: http::Method, _: Bytes| async move {
        if method == http::Method::PUT { put } else { http::StatusCode::NOT_FOUND }
    };
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
    let of = |key: &str, value: &str| (format!("BAYADER_S3__{key}"), value.to_owned());
    vec![
        of("ENDPOINT", &endpoint),
        of("REGION", "us-east-1"),
        of("BUCKET", "pictures"),
        of("ACCESS_KEY", "key"),
        of("SECRET_KEY", "secret"),
        of("PATH_STYLE", "true"),
    ]
}

#[tokio::test]
async fn what_a_store_took_and_does_not_have_or_did_not_take_goes_on_waiting() {
    for (put, part) in [(http::StatusCode::OK, "does not have it whole"), (http::StatusCode::BAD_REQUEST, "400")] {
        let shop = Shop::open_at(now_by_hand(), &forgetful(put).await).await;
        add_picture(&shop, "Maarouk", 90).await;
        settle(&shop).await;
        assert_eq!(shop.count(UNCOPIED).await, FILES, "{put} is no copy");
        let jobs = shop.owner().see("/api/v1/admin/jobs?kind=media.copy").await;
        let why = jobs.rows()[0]["lastError"].as_str().expect("why").to_owned();
        assert!(why.contains(part), "{why}");
        shop.close().await;
    }
}

#[tokio::test]
async fn a_bucket_that_is_configured_later_gets_what_was_there_before() {
    let Some(peer) = S3Peer::start("a_bucket_that_is_configured_later_gets_what_was_there_before").await else { return };
    let (folder, clock) = (Folder::new(), now_by_hand());
    let open = |variables: Vec<(String, String)>, owner: Option<crate::harness::Client>| {
        let (folder, clock) = (folder.around().clone(), clock.clone());
        async move { Shop::open_mortal(&folder, &clock, &variables, Duration::from_secs(2), owner.as_ref()).await }
    };
    let (shop, ground) = open(Vec::new(), None).await;
    add_picture(&shop, "Maarouk", 90).await;
    settle(&shop).await;
    let owner = shop.owner();
    shop.die(ground);

    // Wrong keys: the files wait, and why is said where staff look.
    let mut wrong = peer.variables();
    wrong.push(("BAYADER_S3__SECRET_KEY".to_owned(), "another".to_owned()));
    let (shop, ground) = open(wrong, Some(owner)).await;
    settle(&shop).await;
    assert_eq!(shop.count(UNCOPIED).await, FILES);
    let jobs = shop.owner().see("/api/v1/admin/jobs?kind=media.copy").await;
    let why = jobs.rows()[0]["lastError"].as_str().expect("why").to_owned();
    assert!(why.contains("SignatureDoesNotMatch") && why.contains("7 file(s) waited"), "{why}");
    let owner = shop.owner();
    shop.die(ground);

    let (shop, ground) = open(peer.variables(), Some(owner)).await;
    // Right again, but the wait of before has not ended.
    shop.advance(HOUR);
    settle(&shop).await;
    expect_all_copied(&shop, &peer.bucket(&Clock::system())).await;
    shop.die(ground);
}

#[tokio::test]
async fn links_lead_to_the_bucket_once_it_has_the_file_and_end() {
    let Some(mut peer) = S3Peer::start("links_lead_to_the_bucket_once_it_has_the_file_and_end").await else { return };
    let mut variables = peer.variables();
    variables.push(("BAYADER_MEDIA__SERVE".to_owned(), "s3".to_owned()));
    let shop = Shop::open_at(now_by_hand(), &variables).await;
    peer.kill();
    let product = add_picture(&shop, "Maarouk", 90).await;
    settle(&shop).await;
    let link = path_of(&shop.guest().see(&format!("/api/v1/products/{product}")).await["images"][0]["card"]);
    let url = format!("{}{link}", shop.wire.base);
    let asked = get_here(&url, "image/webp").await;
    assert_eq!((asked.status().as_u16(), asked.headers()["content-type"].to_str().expect("a text")), (200, "image/webp"));

    peer.start_again().await;
    shop.advance(HOUR);
    settle(&shop).await;
    for (accept, media_type) in [("image/webp,*/*", "image/webp"), ("*/*", "image/jpeg")] {
        let reply = get_here(&url, accept).await;
        assert_eq!((reply.status().as_u16(), &reply.headers()["vary"]), (302, &http::HeaderValue::from_static("Accept")));
        let elsewhere = reply.headers()["location"].to_str().expect("a text").to_owned();
        assert_eq!(get_here(&url, accept).await.headers()["location"], elsewhere, "the same all day");
        let answer = get_link(&elsewhere).await;
        assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str().expect("a text")), (200, media_type));
        let picture = answer.bytes().await.expect("bytes");
        image::load_from_memory(&picture).expect("a picture");
    }
    // A link of eight days ago is over.
    let past = Clock::manual(Clock::system().now().plus_ms(-8 * 24 * 3_600_000));
    let path = shop
        .db()
        .read(|reader| reader.one("select path from media_files limit 1", &[], |row| row.get::<String>(0)))
        .await
        .expect("a path");
    assert_eq!(get_link(peer.bucket(&past).link(&path)).await.status(), 403);
    assert_eq!(get_link(peer.bucket(&Clock::system()).link(&path)).await.status(), 200);
    shop.close().await;
}
