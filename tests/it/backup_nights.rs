//! What the shop does for its backups by itself: one each night, proven each night, and somebody is told when it is not so.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use bayader::kernel::UtcMs;
use serde_json::{Value, json};

use crate::doubles::pictures::{self, Part, settle, upload};
use crate::harness::{Client, Shop};

const BACKUPS: &str = "/api/v1/admin/backups";
const ALERTS: &str = "select count(*) from notifications where type = 'staff_alert'";
const HOUR: Duration = Duration::from_secs(3_600);
/// Of nobody's identity that a test has.
const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

/// Moves the clock to a moment; what is due by then runs at it.
async fn go_to(shop: &Shop, moment: &str) {
    let until = UtcMs::parse(moment).expect("a moment").ms() - shop.clock.now().ms();
    shop.advance(Duration::from_millis(u64::try_from(until).expect("time goes on")));
    shop.run_jobs().await;
}

fn files(shop: &Shop) -> Vec<PathBuf> {
    let listed = fs::read_dir(shop.folder().join("backups")).expect("the folder of backups");
    let mut files: Vec<PathBuf> = listed.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn names(shop: &Shop) -> Vec<String> {
    files(shop).iter().map(|path| path.file_name().expect("a name").to_string_lossy().into_owned()).collect()
}

async fn seen(owner: &Client) -> Value {
    owner.sign_in_again().await;
    owner.see(BACKUPS).await.body
}

#[tokio::test]
async fn each_night_one_is_made_and_proven_and_the_dashboard_says_so() {
    let shop = Shop::open().await;
    let owner = shop.owner();
    let bread = shop.product("Bread").price("1.000").stock(50).create().await;
    for _ in 0..3 {
        shop.guest().order().line(&bread, 2).pickup().place().await;
    }
    let photo = pictures::jpeg(60, 40);
    upload(&owner, &bread.id, &[Part::File("bread.jpg", &photo)]).send().await.expect(202);
    settle(&shop).await;
    assert_eq!(seen(&owner).await["couldLoseSeconds"], Value::Null, "there is none yet");

    // 02:30 in Amman, and not before.
    go_to(&shop, "2026-11-25T23:29:59Z").await;
    assert_eq!(names(&shop), Vec::<String>::new());
    go_to(&shop, "2026-11-25T23:30:00Z").await;
    assert_eq!(names(&shop), ["bayader-20261126-023000.tar.zst"]);
    let list = seen(&owner).await;
    let row = &list["data"][0];
    assert_eq!(
        (&row["orders"], &row["sealed"], &row["provenAt"], &row["warnings"]),
        (&json!(3), &json!(false), &Value::Null, &json!([]))
    );
    assert_eq!((&list["couldLoseSeconds"], &list["lastProven"]), (&json!(0), &Value::Null));
    assert_eq!(owner.see("/api/v1/admin/dashboard").await["lastProvenBackup"], Value::Null);

    go_to(&shop, "2026-11-26T00:10:00Z").await;
    let list = seen(&owner).await;
    assert_eq!(list["data"][0]["provenAt"], json!("2026-11-26T00:10:00.000Z"));
    assert_eq!((&list["couldLoseSeconds"], &list["lastProven"]["orders"]), (&json!(2_400), &json!(3)));
    let proven = owner.see("/api/v1/admin/dashboard").await["lastProvenBackup"].clone();
    assert_eq!(
        proven,
        json!({
            "file": "bayader-20261126-023000.tar.zst", "provenAt": "2026-11-26T00:10:00.000Z", "madeAt": "2026-11-25T23:30:00.000Z",
            "orders": 3, "couldLoseSeconds": 2_400,
        })
    );
    assert_eq!(shop.count(ALERTS).await, 0);

    // The night after the same again; and nothing is left of the work.
    go_to(&shop, "2026-11-27T01:00:00Z").await;
    assert_eq!(names(&shop).len(), 2);
    assert_eq!(seen(&owner).await["couldLoseSeconds"], json!(0), "made at once, since its time had passed");
    shop.close().await;
}

#[tokio::test]
async fn a_backup_that_cannot_be_restored_is_told_and_the_last_proven_one_stays() {
    let shop = Shop::open_with(&[("BAYADER_BACKUP__KEEP", "1,0,0")]).await;
    let owner = shop.owner();
    go_to(&shop, "2026-11-26T00:10:00Z").await;
    let good = names(&shop);
    assert_eq!(good.len(), 1);

    // The next one's disk turns a bit.
    go_to(&shop, "2026-11-26T23:30:00Z").await;
    let newest = files(&shop).pop().expect("two");
    let mut bytes = fs::read(&newest).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&newest, bytes).expect("written");
    go_to(&shop, "2026-11-27T00:10:00Z").await;
    assert_eq!(shop.count(ALERTS).await, 1);
    let letters = shop.letters().await;
    let alert = letters.iter().find(|letter| letter.body.contains("backup")).expect("a letter about it");
    assert!(alert.body.contains("damaged"), "{}", alert.body);
    let list = seen(&owner).await;
    assert_eq!(list["lastProven"]["id"], json!(good[0]), "the last good one is still known");
    assert!(list["data"][0]["problem"].is_string() && list["data"][0]["provenAt"].is_null(), "{list}");
    assert!(names(&shop).contains(&good[0]), "one is kept, and it would be the damaged one");
    // Tomorrow's is proven, and then both old ones may go.
    go_to(&shop, "2026-11-28T00:10:00Z").await;
    go_to(&shop, "2026-11-28T23:31:00Z").await;
    assert!(!names(&shop).contains(&good[0]));
    assert_eq!(shop.count(ALERTS).await, 1);
    shop.close().await;
}

#[tokio::test]
async fn a_night_without_a_backup_makes_one_when_it_proves_or_tells_why_not() {
    let shop = Shop::open().await;
    // In the folder's place stands a file: nothing can be made there.
    let folder = shop.folder().join("backups");
    fs::remove_dir(&folder).expect("it is empty");
    fs::write(&folder, "in the way").expect("written");
    for moment in ["2026-11-25T23:30:00Z", "2026-11-26T00:00:00Z", "2026-11-26T00:10:00Z"] {
        go_to(&shop, moment).await;
    }
    assert_eq!(shop.count(ALERTS).await, 1, "somebody is told");
    fs::remove_file(&folder).expect("gone");
    go_to(&shop, "2026-11-27T00:10:00Z").await;
    assert_eq!(names(&shop).len(), 1);
    let owner = shop.owner();
    assert!(seen(&owner).await["data"][0]["provenAt"].is_string());
    // The night that failed is made good: nothing of it stays for doctor.
    shop.close().await;
}

#[tokio::test]
async fn what_is_sealed_is_proven_when_it_is_made_and_known_by_its_bytes_afterwards() {
    let shop = Shop::open_with(&[("BAYADER_BACKUP__SEAL_TO", RECIPIENT)]).await;
    let owner = shop.owner();
    go_to(&shop, "2026-11-25T23:30:00Z").await;
    assert_eq!(names(&shop), ["bayader-20261126-023000.tar.zst.age"]);
    let list = seen(&owner).await;
    let row = &list["data"][0];
    assert_eq!(
        (&list["sealing"], &row["sealed"], &row["provenAt"]),
        (&json!(true), &json!(true), &json!("2026-11-25T23:30:00.000Z"))
    );
    go_to(&shop, "2026-11-26T00:10:00Z").await;
    assert_eq!(seen(&owner).await["data"][0]["provenAt"], json!("2026-11-26T00:10:00.000Z"));
    assert_eq!((names(&shop).len(), shop.count(ALERTS).await), (1, 0), "no other was made");
    // A byte less, and it is not that file any more.
    let path = files(&shop).pop().expect("one");
    let bytes = fs::read(&path).expect("read");
    fs::write(&path, &bytes[..bytes.len() - 1]).expect("written");
    let verify = format!("{BACKUPS}/bayader-20261126-023000.tar.zst.age/verify");
    owner.post(&verify).json(&json!({})).send().await.expect(202);
    settle(&shop).await;
    let row = seen(&owner).await["data"][0].clone();
    assert!(row["provenAt"].is_null() && row["problem"].is_string(), "{row}");
    shop.close().await;
}

#[tokio::test]
async fn staff_can_ask_for_a_backup_and_for_its_proof() {
    let shop = Shop::open().await;
    let owner = shop.owner();
    let made = owner.post(BACKUPS).json(&json!({})).key("a-backup-if-you-please").send().await.expect(202);
    let again = owner.post(BACKUPS).json(&json!({})).key("a-backup-if-you-please").send().await.expect(202);
    assert_eq!(made.body, again.body);
    settle(&shop).await;
    let job = format!("/api/v1/admin/jobs/{}", made["job"].as_str().expect("an id"));
    assert_eq!(owner.see(&job).await["status"], json!("done"));
    let name = seen(&owner).await["data"][0]["id"].as_str().expect("a name").to_owned();
    assert!(name.starts_with("bayader-20261125-1100"), "{name}");
    owner.post(&format!("{BACKUPS}/{name}/verify")).json(&json!({})).send().await.expect(202);
    settle(&shop).await;
    assert!(seen(&owner).await["data"][0]["provenAt"].is_string());
    for stranger in ["bayader.db", "..%2Fbayader.db", "%2Fetc%2Fpasswd", "nothing.tar.zst"] {
        owner.post(&format!("{BACKUPS}/{stranger}/verify")).json(&json!({})).send().await.expect_problem(404, "not_found");
    }
    let audit = owner.see("/api/v1/admin/audit").await;
    let actions = audit.column("action");
    assert!(actions.contains(&"backup.create") && actions.contains(&"backup.verify"), "{actions:?}");
    shop.staff().await.get(BACKUPS).send().await.expect_problem(403, "forbidden");
    shop.close().await;
}

#[tokio::test]
async fn files_of_pictures_stay_while_a_backup_is_made() {
    let shop = Shop::open().await;
    let owner = shop.owner();
    let bread = shop.product("Bread").price("1.000").stock(50).create().await;
    let photo = pictures::jpeg(60, 40);
    let reply = upload(&owner, &bread.id, &[Part::File("bread.jpg", &photo)]).send().await.expect(202);
    settle(&shop).await;
    let image = reply["images"][0]["id"].as_str().expect("an id").to_owned();
    owner.delete(&format!("/api/v1/products/{}/images/{image}", bread.id)).send().await.expect(204);
    shop.advance(31 * 24 * HOUR);
    settle(&shop).await;
    assert_eq!(shop.count("select count(*) from pictures").await, 0);
    let left = || {
        let folders = fs::read_dir(shop.folder().join("media")).expect("listed").flatten();
        let folders = folders.filter(|entry| entry.file_name() != "incoming");
        folders.map(|folder| fs::read_dir(folder.path()).expect("listed").count()).sum::<usize>()
    };
    assert_eq!(left(), 7, "files follow their rows an hour later");
    let held = bayader::db::FilesHeld::try_take(&shop.folder()).expect("the lock").expect("free");
    shop.advance(7 * HOUR);
    settle(&shop).await;
    assert_eq!(left(), 7, "a file went that a backup may need");
    drop(held);
    shop.advance(7 * HOUR);
    settle(&shop).await;
    assert_eq!(left(), 0);
    shop.close().await;
}
