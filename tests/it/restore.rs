//! `bayader restore`: a backup takes the place of a shop, which is kept; what is damaged, changed, newer or hostile changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use aws_lc_rs::digest::{SHA256, digest};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use refinery::{Migration, Runner};
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

use crate::harness::{Folder, Shop, bayader, skipped};

fn hash(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

/// A backup made by hand, so that it can be wrong in every way.
#[derive(Clone)]
struct Made {
    entries: Vec<(String, Vec<u8>)>,
    manifest: Value,
}

impl Made {
    /// Of a shop's folder as it lies there, without a server on it.
    fn of(data: &Path) -> Made {
        let copy = data.parent().expect("a folder").join("copied.db");
        let _ = fs::remove_file(&copy);
        let books = rusqlite::Connection::open(data.join("bayader.db")).expect("the books");
        books.execute("vacuum into ?1", [copy.to_str().expect("a path")]).expect("copied");
        let schema: i64 =
            books.query_row("select max(version) from refinery_schema_history", [], |row| row.get(0)).expect("a version");
        let mut entries = vec![("bayader.db".to_owned(), fs::read(&copy).expect("the copy"))];
        for key in fs::read_dir(data.join("keys")).expect("the keys").map(|key| key.expect("a key").path()) {
            let name = key.file_name().expect("a name").to_string_lossy().into_owned();
            entries.push((format!("keys/{name}"), fs::read(&key).expect("a key")));
        }
        entries.push(("bayader.toml".to_owned(), b"[shop]\nname = \"From the backup\"\n".to_vec()));
        entries.push(("media/aa/some.bin".to_owned(), b"a picture".to_vec()));
        let manifest = json!({
            "format": 1, "program": "0.1.0", "schema": schema, "madeAt": "2026-11-25T00:30:00.000Z",
            "shop": { "name": "Al-Quds", "timeZone": "Asia/Amman", "currency": "JOD" },
            "entries": [], "rows": {}, "audit": null, "lastOrder": null,
        });
        let mut made = Made { entries, manifest };
        made.describe();
        made
    }

    /// Says in the manifest what is there.
    fn describe(&mut self) {
        let entry = |(path, bytes): &(String, Vec<u8>)| json!({ "path": path, "bytes": bytes.len(), "sha256": hash(bytes) });
        self.manifest["entries"] = self.entries.iter().map(entry).collect();
    }

    fn set(mut self, name: &str, value: Value) -> Made {
        self.manifest[name] = value;
        self
    }

    /// Another entry, which the manifest names, too.
    fn with(mut self, path: &str, bytes: &[u8]) -> Made {
        self.entries.push((path.to_owned(), bytes.to_vec()));
        self.describe();
        self
    }

    fn tar(&self) -> Builder<Vec<u8>> {
        let mut tar = Builder::new(Vec::new());
        append(&mut tar, "manifest.json", &serde_json::to_vec(&self.manifest).expect("JSON"));
        for (path, bytes) in &self.entries {
            append(&mut tar, path, bytes);
        }
        tar
    }

    fn packed(&self) -> Vec<u8> {
        packed(self.tar())
    }
}

fn packed(tar: Builder<Vec<u8>>) -> Vec<u8> {
    zstd::encode_all(tar.into_inner().expect("a tar").as_slice(), 1).expect("packed")
}

fn header(path: &str, kind: EntryType, bytes: usize) -> Header {
    let mut header = Header::new_ustar();
    // As it is, also where it is no path that anybody should write to.
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o600);
    header.set_size(bytes as u64);
    header.set_cksum();
    header
}

fn append(tar: &mut Builder<Vec<u8>>, path: &str, bytes: &[u8]) {
    tar.append(&header(path, EntryType::Regular, bytes.len()), bytes).expect("appended");
}

fn at(folder: &Folder, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("written");
    path
}

/// What lies in a folder: each file with its bytes, but for what says only that somebody was there.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        if !next.exists() {
            continue;
        }
        for entry in fs::read_dir(&next).expect("a folder").map(|entry| entry.expect("an entry")) {
            let path = entry.path();
            if entry.file_type().expect("a type").is_dir() {
                folders.push(path);
            } else if entry.file_type().expect("a type").is_file() && entry.file_name() != "bayader.lock" {
                let bytes = fs::read(&path).expect("a file");
                all.insert(path, bytes);
            }
        }
    }
    all
}

fn restore(data: &Path, file: &Path, more: &[&str]) -> Output {
    let file = file.to_str().expect("a path");
    bayader(data, &[&["restore", file], more].concat())
}

#[track_caller]
fn expect_done(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What it says on standard error.
#[track_caller]
fn expect_refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn answer(output: &Output) -> Value {
    expect_done(output);
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// A shop with an owner and an order, without a server.
async fn a_shop() -> Folder {
    let folder = Folder::with_owner();
    let mut shop = Shop::spawn(&folder).await;
    let admin = shop.admin().await;
    let body = json!({ "name": "Bread", "price": "1.000", "category": "bread", "stock": 10 });
    admin.post("/api/v1/categories").json(&json!({ "slug": "bread", "name": "Bread" })).send().await.expect(201);
    let bread = admin.post("/api/v1/products").json(&body).send().await.expect(201);
    let order = json!({
        "items": [{ "productId": bread["id"], "quantity": 2 }], "customerInfo": { "name": "Layla", "phone": "+962790000001" },
        "paymentMethod": "cash",
    });
    shop.guest().post("/api/v1/orders").json(&order).send().await.expect(201);
    shop.terminate().await;
    folder
}

fn orders(data: &Path) -> i64 {
    let books = rusqlite::Connection::open(data.join("bayader.db")).expect("the books");
    books.query_row("select count(*) from orders", [], |row| row.get(0)).expect("a count")
}

#[tokio::test]
async fn a_backup_makes_a_shop_of_an_empty_folder() {
    let lost = a_shop().await;
    let file = at(&lost, "any-name-at-all", &Made::of(&lost.data()).packed());
    let fresh = Folder::new();
    let told = answer(&restore(&fresh.data(), &file, &["--json"]));
    assert_eq!(
        (&told["shop"], &told["backupOf"], &told["kept"]),
        (&json!("Al-Quds"), &json!("2026-11-25T00:30:00.000Z"), &Value::Null)
    );
    for (name, mode) in [
        ("bayader.db", 0o600),
        ("keys", 0o700),
        ("keys/access.key", 0o600),
        ("bayader.toml", 0o600),
        ("media/aa/some.bin", 0o600),
    ] {
        let found = fs::metadata(fresh.data().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(found.permissions().mode() & 0o777, mode, "{name}");
    }
    assert!(!fresh.data().join("restoring").exists());
    fresh.expect_healthy();
    let mut shop = Shop::spawn(&fresh).await;
    let admin = shop.admin().await;
    assert_eq!(admin.see("/api/v1/orders").await.rows().len(), 1);
    assert_eq!(admin.see("/api/v1/admin/settings").await["shop"]["name"], "From the backup", "its configuration came along");
    assert_eq!(admin.see("/api/v1/admin/restored").await["backup"], "any-name-at-all");
    shop.expect_documented();
    assert!(shop.terminate().await.success());
}

#[tokio::test]
async fn a_shop_that_is_there_is_replaced_only_when_told_and_kept_whole() {
    let (old, other) = (a_shop().await, Folder::with_owner());
    let file = at(&other, "backup", &Made::of(&other.data()).packed());
    fs::write(old.data().join("bayader.toml"), "[shop]\nname = \"This machine\"\n").expect("written");
    let before = contents(&old.data());
    let refused = expect_refused(&restore(&old.data(), &file, &[]));
    assert!(refused.contains("--yes"), "{refused}");
    assert_eq!(contents(&old.data()), before);

    let told = answer(&restore(&old.data(), &file, &["--yes", "--json"]));
    let kept = PathBuf::from(told["kept"].as_str().expect("a folder"));
    assert_eq!((orders(&old.data()), orders(&kept)), (0, 1));
    assert!(kept.join("keys/access.key").exists() && kept.starts_with(old.data().canonicalize().expect("a path")));
    assert_eq!(fs::metadata(&kept).expect("it").permissions().mode() & 0o777, 0o700);
    let configuration = |name: &str| fs::read_to_string(old.data().join(name)).unwrap_or_default();
    assert!(configuration("bayader.toml").contains("This machine"), "the machine's own stays");
    assert!(configuration("bayader.toml.from-backup").contains("From the backup"));
    old.expect_healthy();
    // And back again, by hand: what is kept is a shop.
    let again = answer(&restore(&old.data(), &at(&old, "again", &Made::of(&kept).packed()), &["--yes", "--json"]));
    assert_ne!(again["kept"], told["kept"], "each shop of before has a folder of its own");
    assert_eq!(orders(&old.data()), 1);
}

#[tokio::test]
async fn nothing_is_restored_under_a_server() {
    let folder = a_shop().await;
    let file = at(&folder, "backup", &Made::of(&folder.data()).packed());
    let mut shop = Shop::spawn(&folder).await;
    let refused = expect_refused(&restore(&folder.data(), &file, &["--yes"]));
    assert!(refused.contains("Stop it first"), "{refused}");
    assert_eq!(shop.admin().await.see("/api/v1/orders").await.rows().len(), 1);
    shop.terminate().await;
}

/// Else a backup could have the books of one shop and the keys of the other.
#[tokio::test]
async fn no_shop_is_put_in_the_place_of_one_that_is_being_backed_up_nor_backed_up_half_swapped() {
    let folder = a_shop().await;
    let file = at(&folder, "backup", &Made::of(&folder.data()).packed());
    let held = bayader::db::FilesHeld::try_take(&folder.data()).expect("a lock").expect("free");
    let refused = expect_refused(&restore(&folder.data(), &file, &["--yes"]));
    assert!(refused.contains("is being made") && refused.contains("as it was"), "{refused}");
    assert!(!folder.data().join("restoring").exists(), "what was unpacked is gone");
    drop(held);
    // As a restore leaves it that dies between its renames.
    fs::create_dir(folder.data().join("restoring")).expect("a folder");
    fs::write(folder.data().join("restoring/ready.json"), r#"{"aside":"kept","out":[],"new":[]}"#).expect("written");
    let refused = expect_refused(&bayader(&folder.data(), &["backup", "create"]));
    assert!(refused.contains("a restore was interrupted"), "{refused}");
}

/// Bytes that are no such backup, each with a word of the refusal.
fn wrong(made: &Made) -> Vec<(String, Vec<u8>, &'static str)> {
    let whole = made.packed();
    let mut all: Vec<(String, Vec<u8>, &'static str)> = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>, word: &'static str| all.push((name.to_owned(), bytes, word));
    add("nothing", Vec::new(), "no backup");
    add("a text", b"not a backup at all".to_vec(), "no backup");
    add(
        "another tar",
        packed({
            let mut tar = Builder::new(Vec::new());
            append(&mut tar, "bayader.db", b"books");
            tar
        }),
        "no backup",
    );
    for part in [1, 2, 3] {
        add("cut", whole[..whole.len() * part / 4].to_vec(), "");
    }
    add("cut by a byte", whole[..whole.len() - 1].to_vec(), "");
    add("followed by more", [whole.as_slice(), &zstd::encode_all(&b"more"[..], 1).expect("packed")].concat(), "");
    let newer_form = made.clone().set("format", json!(2));
    add("a newer form", newer_form.packed(), "newer");
    let newer_shop = made.clone().set("schema", json!(9_999));
    add("a newer shop", newer_shop.packed(), "newer");
    let older = made.clone().set("schema", json!(3));
    add("another schema than it says", older.packed(), "manifest says");
    let mut other_hash = made.clone();
    other_hash.manifest["entries"][1]["sha256"] = "0".repeat(64).into();
    add("a wrong hash", other_hash.packed(), "keys/");
    let mut longer = made.clone();
    longer.manifest["entries"][1]["bytes"] = 33.into();
    add("another size", longer.packed(), "");
    let mut bomb = made.clone();
    bomb.manifest["entries"][0]["bytes"] = (1_u64 << 60).into();
    add("larger than any disk", bomb.packed(), "free");
    let mut unnamed = made.clone();
    unnamed.entries.push(("media/aa/more.png".to_owned(), b"more".to_vec()));
    add("more than it says", unnamed.packed(), "does not name");
    let mut less = made.clone();
    less.entries.pop();
    add("less than it says", less.packed(), "");
    for path in [
        "../escaped",
        "/tmp/escaped",
        "keys/../../escaped",
        "bayader.lock",
        "control.sock",
        "backups/x",
        ".hidden",
        "keys/access.key",
    ] {
        add(path, made.clone().with(path, b"x").packed(), "");
    }
    for (name, kind, target) in [
        ("a link", EntryType::Symlink, "/etc/passwd"),
        ("a hard link", EntryType::Link, "bayader.db"),
        ("a folder", EntryType::Directory, ""),
        ("a device", EntryType::Char, ""),
        ("a pipe", EntryType::Fifo, ""),
        ("a long name", EntryType::GNULongName, ""),
        ("an attribute", EntryType::XHeader, ""),
    ] {
        let mut tar = made.tar();
        let mut entry = header("keys/x", kind, 0);
        entry.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        entry.set_cksum();
        tar.append(&entry, &b""[..]).expect("appended");
        add(name, packed(tar), "no plain file");
    }
    let mut damaged = made.clone();
    let middle = damaged.entries[0].1.len() / 2;
    damaged.entries[0].1[middle..].iter_mut().take(4_096).for_each(|byte| *byte = !*byte);
    damaged.describe();
    add("books that are not whole", damaged.packed(), "");
    let mut no_books = made.clone();
    no_books.entries[0].1 = b"no database".to_vec();
    no_books.describe();
    add("books that are none", no_books.packed(), "no database");
    all
}

#[tokio::test]
async fn what_is_no_whole_backup_is_refused_and_changes_nothing() {
    let folder = a_shop().await;
    let made = Made::of(&folder.data());
    let before = contents(&folder.data());
    let outside = contents(folder.path()).len();
    for (name, bytes, word) in wrong(&made) {
        let file = at(&folder, "wrong", &bytes);
        let refused = expect_refused(&restore(&folder.data(), &file, &["--yes"]));
        assert!(refused.contains(word), "{name}: {refused}");
        assert_eq!(contents(&folder.data()), before, "{name}");
        fs::remove_file(file).expect("gone");
        assert_eq!(contents(folder.path()).len(), outside, "{name} has left something outside");
        let empty = Folder::new();
        let file = at(&empty, "wrong", &bytes);
        expect_refused(&restore(&empty.data(), &file, &[]));
        assert_eq!(contents(&empty.data()), BTreeMap::new(), "{name} leaves nothing in an empty folder");
    }
    expect_done(&restore(&folder.data(), &at(&folder, "right", &made.packed()), &["--yes"]));
}

/// Any byte that was changed on the way is seen: by the hash, by the sum, by the form.
#[tokio::test]
async fn a_byte_that_was_changed_anywhere_is_seen() {
    let folder = Folder::with_owner();
    let whole = Made::of(&folder.data()).packed();
    let before = contents(&folder.data());
    let mut random = StdRng::seed_from_u64(19);
    for _ in 0..25 {
        let place = random.random_range(0..whole.len());
        let mut changed = whole.clone();
        changed[place] ^= 1 << random.random_range(0..8);
        let output = restore(&folder.data(), &at(&folder, "changed", &changed), &["--yes"]);
        // A bit that zstd itself ignores changes nothing; then the whole backup was restored.
        if output.status.code() == Some(0) {
            assert_eq!(
                zstd::decode_all(changed.as_slice()).expect("packed"),
                zstd::decode_all(whole.as_slice()).expect("packed"),
                "byte {place}"
            );
            return;
        }
        expect_refused(&output);
        assert_eq!(contents(&folder.data()), before, "byte {place}");
    }
}

/// Whatever moment it dies at, the old shop or the new one is there, whole, and the next that comes says so or goes on.
#[tokio::test]
async fn a_restore_that_is_killed_leaves_one_of_both_shops_whole() {
    let (old, other) = (a_shop().await, Folder::with_owner());
    let file = at(&other, "backup", &Made::of(&other.data()).with("media/aa/large.bin", &vec![7; 3 << 20]).packed());
    let started = Instant::now();
    let trial = Folder::new();
    expect_done(&restore(&trial.data(), &file, &[]));
    let usual = started.elapsed();
    let mut random = StdRng::seed_from_u64(7);
    let (mut old_ones, mut new_ones) = (0, 0);
    for round in 0..24 {
        let folder = Folder::new();
        copy(&old.data(), &folder.data());
        let mut child = Command::new(env!("CARGO_BIN_EXE_bayader"))
            .args(["restore", file.to_str().expect("a path"), "--yes", "--data-dir"])
            .arg(folder.data())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        std::thread::sleep(usual.mul_f64(random.random_range(0.0..1.1)));
        let _ = child.kill();
        child.wait().expect("it is gone");
        // The next that owns the folder: a command or a server.
        let migrated = bayader(&folder.data(), &["migrate"]);
        expect_done(&migrated);
        folder.expect_healthy();
        match orders(&folder.data()) {
            1 => {
                old_ones += 1;
                assert!(!folder.data().join("media/aa/large.bin").exists(), "round {round}");
            }
            _ => {
                new_ones += 1;
                assert!(folder.data().join("media/aa/large.bin").exists(), "round {round}");
                let kept = fs::read_dir(folder.data()).expect("a folder").map(|entry| entry.expect("an entry").path());
                let kept = kept.filter(|path| path.to_string_lossy().contains("before-restore-")).collect::<Vec<_>>();
                assert_eq!(kept.iter().map(|kept| orders(kept)).collect::<Vec<_>>(), [1], "round {round}");
            }
        }
        // And it can be repeated.
        expect_done(&restore(&folder.data(), &file, &["--yes"]));
        assert_eq!(orders(&folder.data()), 0);
        assert!(!folder.data().join("restoring").exists());
    }
    assert!(old_ones > 0, "{old_ones} died early, {new_ones} late");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else if entry.file_type().expect("a type").is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
        }
    }
}

/// Some user who is not root; nobody needs to bear the number.
const USER: u32 = 12_345;

#[tokio::test]
async fn run_by_root_everything_belongs_to_the_folders_owner() {
    if !nix::unistd::geteuid().is_root() {
        return skipped("run_by_root_everything_belongs_to_the_folders_owner", "it needs root");
    }
    let lost = Folder::with_owner();
    let file = at(&lost, "backup", &Made::of(&lost.data()).packed());
    // Root may read it, the folder's owner may not.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("set");
    let folder = Folder::new();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("set");
    fs::create_dir(folder.data()).expect("made");
    std::os::unix::fs::chown(folder.data(), Some(USER), Some(USER)).expect("given away");
    expect_done(&restore(&folder.data(), &file, &[]));
    let mut seen = 0;
    for path in contents(&folder.data()).into_keys().chain([folder.data().join("keys"), folder.data().join("media")]) {
        assert_eq!(fs::metadata(&path).expect("it is there").uid(), USER, "{}", path.display());
        seen += 1;
    }
    assert!(seen > 4);
}

/// The books of a shop that an older version kept: as they were after that migration, with a category in them.
fn older_books(path: &Path, version: u32) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut migrations: Vec<Migration> = fs::read_dir(folder)
        .expect("the migrations")
        .map(|file| file.expect("a migration").path())
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            Migration::unapplied(&name, &fs::read_to_string(&path).expect("a migration")).expect("a migration")
        })
        .filter(|migration| migration.version() <= version.try_into().expect("small"))
        .collect();
    migrations.sort();
    let mut books = rusqlite::Connection::open(path).expect("a database");
    Runner::new(&migrations).run(&mut books).expect("the older schema");
    let category = "insert into categories (id, slug, name_en, sort_order, is_active, created_at, updated_at) \
        values (randomblob(16), 'cakes', 'Cakes', 1, 1, 1, 1)";
    books.execute(category, []).expect("a category");
}

#[tokio::test]
async fn an_older_shop_is_brought_up_to_date_before_anything_counts() {
    let folder = Folder::with_owner();
    let mut older = Made::of(&folder.data()).set("schema", 19.into());
    older_books(&folder.path().join("older.db"), 19);
    older.entries[0].1 = fs::read(folder.path().join("older.db")).expect("the books");
    older.describe();
    let fresh = Folder::new();
    expect_done(&restore(&fresh.data(), &at(&folder, "older", &older.packed()), &[]));
    fresh.expect_healthy();
    let backups = fs::read_dir(fresh.data().join("backups")).map_or(0, Iterator::count);
    assert_eq!(backups, 0, "the backup itself is the copy from before");
    fresh.make_owner();
    let mut shop = Shop::spawn(&fresh).await;
    assert_eq!(shop.guest().see("/api/v1/categories").await.column("slug"), ["cakes"]);
    assert!(shop.terminate().await.success());
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = Folder::new();
    let refused = expect_refused(&restore(&folder.data(), Path::new("/nowhere/at-all"), &[]));
    assert!(refused.contains("/nowhere/at-all"), "{refused}");
}
