//! The page for bad days: its commands, taken out of the document and typed on a real shop to which each disaster has happened.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use bayader::clock::Clock;
use bayader::kernel::UtcMs;
use serde_json::json;

use crate::harness::{Client, Folder, OWNER, PASSWORD, Product, Shop, Spawned, is_there, skipped};
use crate::litestream::{Litestream, path_with_litestream};

const PAGE: &str = include_str!("../../docs/recovery.md");

/// The database, and what SQLite keeps beside it.
const BOOKS: [&str; 3] = ["bayader.db", "bayader.db-wal", "bayader.db-shm"];
/// The examples that the page names.
const A_BACKUP: &str = "/var/lib/bayader/backups/bayader-20261125-023000.tar.zst";
const A_SEALED_BACKUP: &str = "/media/usb/bayader-20261125-023000.tar.zst.age";
const A_KEY: &str = "/media/usb/key.txt";

/// The commands under a mark of the page.
fn commands(mark: &str) -> Vec<&'static str> {
    let (_, after) =
        PAGE.split_once(&format!("<!-- tried: {mark} -->\n```sh\n")).unwrap_or_else(|| panic!("no {mark} in the page"));
    after.split_once("```").expect("the block ends").0.lines().collect()
}

/// A machine: a shop, Litestream beside it, and the programs that the page names.
struct Machine {
    folder: Folder,
    server: Option<Spawned>,
    litestream: Litestream,
    bread: Product,
    programs: PathBuf,
}

impl Machine {
    async fn set_up(test: &str) -> Option<Machine> {
        let folder = Folder::with_owner();
        let mut litestream = Litestream::beside_folder(test, &folder)?;
        let server = Shop::spawn(&folder).await;
        let bread = server.product(&server.admin().await, "Bread").price("1.000").stock(1_000).create().await;
        litestream.start().await;
        litestream.sync().await;
        let programs = folder.path().join("programs");
        fs::create_dir(&programs).expect("a folder");
        let machine = Machine { folder, server: Some(server), litestream, bread, programs };
        machine.program("sudo", "exec \"$@\"");
        machine.program("bayader", &format!("exec {} \"$@\"", env!("CARGO_BIN_EXE_bayader")));
        // Beside it lies Litestream's, as in /etc/bayader.
        fs::write(machine.folder.path().join("bayader.toml"), "").expect("a configuration");
        Some(machine)
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.programs.join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a program");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be run");
    }

    fn guest(&self) -> Client {
        self.server.as_ref().expect("the shop is open").guest()
    }

    async fn order(&self) -> String {
        let body = json!({
            "items": [{ "productId": self.bread.id, "quantity": 1 }], "paymentMethod": "cash", "isPickup": true,
            "customerInfo": { "name": "Huda", "phone": "+962790000003" },
        });
        self.guest().post("/api/v1/orders").json(&body).send().await.expect(201)["orderId"].as_str().expect("an id").to_owned()
    }

    async fn expect_order(&self, id: &str, status: u16) {
        let admin = self.server.as_ref().expect("the shop is open").admin().await;
        admin.get(&format!("/api/v1/orders/{id}")).send().await.expect(status);
    }

    /// Types the commands under a mark; `swap` puts a test's own words in place of the page's examples. What the last one said.
    async fn type_in(&mut self, mark: &str, swap: &[(&str, &str)]) -> Output {
        let mut last = None;
        for line in commands(mark) {
            if line.starts_with("sudo systemctl stop") {
                if let Some(mut server) = self.server.take() {
                    assert_eq!(server.terminate().await.code(), Some(0));
                }
                self.litestream.kill();
                continue;
            }
            if line == "sudo ./install.sh" {
                // A machine that has nothing yet.
                if let Some(mut server) = self.server.take() {
                    server.kill();
                }
                self.litestream.kill();
                fs::remove_dir_all(self.folder.data()).expect("the disk is dead");
                continue;
            }
            if line.starts_with("sudo systemctl start") {
                self.server = Some(Shop::spawn(&self.folder).await);
                if line.contains("bayader-litestream") {
                    self.litestream.start().await;
                }
                continue;
            }
            let line = swap.iter().fold(line.to_owned(), |line, (page, ours)| line.replace(page, ours));
            let place = (self.folder.data(), self.folder.path().join("bayader.toml"));
            let shop = format!("--data-dir {} --config {}", place.0.display(), place.1.display());
            let path = format!("{}:{}", self.programs.display(), path_with_litestream());
            let mut shell = Command::new("sh");
            shell
                .args(["-c", &line])
                .env("PATH", path)
                .env("shop", shop)
                .env("BAYADER_RATE_LIMIT__ENABLED", "false")
                .stdin(Stdio::null());
            let output = shell.output().expect("a shell");
            assert!(output.status.success(), "{line}: {output:?}");
            last = Some(output);
        }
        last.expect("the page has a command")
    }

    /// Makes a backup; the file.
    fn back_up(&self, more: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bayader"));
        command.args(["backup", "create", "--json", "--data-dir"]).arg(self.folder.data());
        let output = command.arg("--config").arg(self.folder.path().join("bayader.toml")).args(more).output().expect("it runs");
        assert!(output.status.success(), "{output:?}");
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        answer["file"].as_str().expect("a file").to_owned()
    }

    fn lose(&self, names: &[&str]) {
        for name in names {
            let path = self.folder.data().join(name);
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    }

    async fn close(mut self) {
        if let Some(mut server) = self.server.take() {
            assert_eq!(server.terminate().await.code(), Some(0));
        }
        self.litestream.kill();
        self.folder.expect_healthy();
    }
}

/// Waits until the shop's second is over, so that what comes next is of another one.
async fn pass(seconds: i64) -> UtcMs {
    let clock = Clock::system();
    let until = clock.now().plus_ms(seconds * 1_000);
    while clock.now() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    until
}

#[tokio::test]
async fn a_wrong_import_is_undone_to_the_minute_before() {
    let Some(mut machine) = Machine::set_up("a_wrong_import_is_undone_to_the_minute_before").await else { return };
    let before = machine.order().await;
    machine.litestream.sync().await;
    let wanted = pass(3).await;
    pass(1).await;
    let wrong = machine.order().await;
    machine.litestream.sync().await;
    let output = machine.type_in("wrong-import", &[("09:41", &wanted.to_string())]).await;
    assert!(String::from_utf8_lossy(&output.stdout).contains("Restored the shop in"), "{output:?}");
    machine.expect_order(&before, 200).await;
    machine.expect_order(&wrong, 404).await;
    machine.close().await;
}

#[tokio::test]
async fn a_deleted_database_is_there_again_with_its_last_order() {
    let Some(mut machine) = Machine::set_up("a_deleted_database_is_there_again_with_its_last_order").await else { return };
    let order = machine.order().await;
    machine.litestream.sync().await;
    machine.server.take().expect("the shop is open").kill();
    machine.litestream.kill();
    machine.lose(&BOOKS);
    pass(3).await;
    // The zone stands in the books that are gone; the moment that `date` says has its offset.
    machine.type_in("deleted-database", &[]).await;
    machine.expect_order(&order, 200).await;
    machine.close().await;
}

#[tokio::test]
async fn last_nights_backup_is_the_shop_of_last_night() {
    let Some(mut machine) = Machine::set_up("last_nights_backup_is_the_shop_of_last_night").await else { return };
    let order = machine.order().await;
    let backup = machine.back_up(&[]);
    let later = machine.order().await;
    machine.server.take().expect("the shop is open").kill();
    machine.litestream.kill();
    machine.lose(&BOOKS);
    machine.type_in("last-night", &[(A_BACKUP, &backup)]).await;
    machine.expect_order(&order, 200).await;
    machine.expect_order(&later, 404).await;
    machine.close().await;
}

#[tokio::test]
async fn lost_keys_come_from_a_backup_and_the_books_from_the_replica() {
    let Some(mut machine) = Machine::set_up("lost_keys_come_from_a_backup_and_the_books_from_the_replica").await else {
        return;
    };
    let keys = machine.folder.data().join("keys");
    let of_keys = |keys: &PathBuf| {
        let files = fs::read_dir(keys).expect("keys").map(|file| file.expect("a file").path());
        files
            .filter(|path| path.is_file())
            .map(|path| (path.clone(), fs::read(path).expect("a key")))
            .collect::<BTreeMap<_, _>>()
    };
    let had = of_keys(&keys);
    let backup = machine.back_up(&[]);
    let order = machine.order().await;
    machine.litestream.sync().await;
    machine.server.take().expect("the shop is open").kill();
    machine.litestream.kill();
    machine.lose(&["keys"]);
    pass(3).await;
    machine.type_in("lost-keys", &[(A_BACKUP, &backup)]).await;
    assert_eq!(of_keys(&keys), had);
    // The order came after the backup.
    machine.expect_order(&order, 200).await;
    machine.close().await;
}

#[tokio::test]
async fn after_a_dead_disk_a_sealed_backup_from_elsewhere_is_the_shop() {
    let test = "after_a_dead_disk_a_sealed_backup_from_elsewhere_is_the_shop";
    if !is_there("age-keygen") {
        skipped(test, "age-keygen is not there: apt-get install age");
        return;
    }
    let Some(mut machine) = Machine::set_up(test).await else { return };
    let usb = machine.folder.path().join("usb");
    fs::create_dir(&usb).expect("a folder");
    let (key, sealed) = (usb.join("key.txt"), usb.join("shop.age"));
    let made = Command::new("age-keygen").arg("-o").arg(&key).output().expect("age-keygen runs");
    assert!(made.status.success(), "{made:?}");
    let text = fs::read_to_string(&key).expect("a key");
    let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: ")).expect("a recipient");
    let configuration = machine.folder.path().join("bayader.toml");
    fs::write(&configuration, format!("[backup]\nseal_to = \"{recipient}\"\n")).expect("a configuration");
    let order = machine.order().await;
    machine.back_up(&["--to", sealed.to_str().expect("a UTF-8 path")]);
    let (sealed, key) = (sealed.to_str().expect("a UTF-8 path").to_owned(), key.to_str().expect("a UTF-8 path").to_owned());
    machine.type_in("dead-disk", &[(A_SEALED_BACKUP, &sealed), (A_KEY, &key)]).await;
    machine.expect_order(&order, 200).await;
    machine.close().await;
}

#[tokio::test]
async fn a_lost_password_is_replaced_by_a_new_one() {
    let Some(mut machine) = Machine::set_up("a_lost_password_is_replaced_by_a_new_one").await else { return };
    let output = machine.type_in("lost-password", &[("owner@example.com", OWNER)]).await;
    let said = String::from_utf8(output.stdout).expect("text");
    machine.guest().log_in(OWNER, PASSWORD).send().await.expect(401);
    let mut words = said.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    let password = words.find(|word| word.len() == 23 && word.matches('-').count() == 3).unwrap_or_else(|| panic!("{said}"));
    machine.guest().log_in(OWNER, password).send().await.expect(200);
    machine.close().await;
}
