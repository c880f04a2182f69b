//! Backups by the real binary: whole, while orders flow, whatever dies; sealed, and refused where they may not lie.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Folder, Product, Shop, Spawned, bayader, is_there, skipped};

const PATIENCE: Duration = Duration::from_secs(60);

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn answer(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", said(output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn create(folder: &Folder, more: &[&str]) -> Value {
    answer(&bayader(&folder.data(), &[&["backup", "create", "--json"], more].concat()))
}

fn verify(folder: &Folder, file: &str, more: &[&str]) -> Output {
    bayader(&folder.data(), &[&["backup", "verify", file], more].concat())
}

fn listed(folder: &Folder) -> Vec<Value> {
    answer(&bayader(&folder.data(), &["backup", "list", "--json"]))["backups"].as_array().expect("a list").clone()
}

fn left_behind(folder: &Folder) -> Vec<String> {
    let names = fs::read_dir(folder.data().join("backups")).into_iter().flatten().flatten();
    names.map(|entry| entry.file_name().to_string_lossy().into_owned()).filter(|name| name.starts_with('.')).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

async fn a_product(server: &Spawned) -> Product {
    let admin = server.admin().await;
    server.product(&admin, "Bread").price("1.000").stock(100_000).create().await
}

/// Orders flow until it is stopped.
struct Flow {
    running: Arc<AtomicBool>,
    placed: Arc<AtomicUsize>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Flow {
    fn start(server: &Spawned, bread: &Product) -> Flow {
        let (running, placed) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
        let clients = (0..4).map(|_| {
            let (guest, bread) = (server.guest(), bread.clone());
            let (running, placed) = (Arc::clone(&running), Arc::clone(&placed));
            tokio::spawn(async move {
                while running.load(Ordering::SeqCst) {
                    guest.order().line(&bread, 1).pickup().place().await;
                    placed.fetch_add(1, Ordering::SeqCst);
                }
            })
        });
        Flow { clients: clients.collect(), running, placed }
    }

    fn placed(&self) -> usize {
        self.placed.load(Ordering::SeqCst)
    }

    async fn more(&self, count: usize) {
        let (goal, started) = (self.placed() + count, Instant::now());
        while self.placed() < goal {
            assert!(started.elapsed() < PATIENCE, "orders do not flow");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn stop(self) -> usize {
        self.running.store(false, Ordering::SeqCst);
        for client in self.clients {
            client.await.expect("a client ends well");
        }
        self.placed.load(Ordering::SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_while_orders_flow_is_whole_and_of_one_moment() {
    let folder = Folder::with_owner();
    let mut server = Shop::spawn(&folder).await;
    let bread = a_product(&server).await;
    let flow = Flow::start(&server, &bread);
    flow.more(50).await;
    for _ in 0..3 {
        let before = flow.placed();
        let data = folder.data();
        let output =
            tokio::task::spawn_blocking(move || bayader(&data, &["backup", "create", "--json"])).await.expect("it ends");
        let after = flow.placed() + 4;
        let made = answer(&output);
        let orders = usize::try_from(made["orders"].as_i64().expect("a number")).expect("some");
        assert!((before..=after).contains(&orders), "{orders} of {before} to {after}");
        // Its books balance although more was sold in every moment of it.
        let file = text(&made["file"]).to_owned();
        let proof = tokio::task::block_in_place(|| verify(&folder, &file, &["--json"]));
        assert_eq!(answer(&proof)["orders"], made["orders"]);
        assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    }
    flow.stop().await;
    assert_eq!(left_behind(&folder), Vec::<String>::new());
    assert_eq!(listed(&folder).len(), 1, "of a day the newest stays");
    server.expect_documented();
    assert_eq!(server.terminate().await.code(), Some(0));
    folder.expect_healthy();
}

#[test]
fn a_backup_is_known_by_its_content_and_a_renamed_one_is_never_removed() {
    let folder = Folder::with_owner();
    let first = create(&folder, &[]);
    let golden = folder.data().join("backups/before the feast.zst");
    fs::rename(text(&first["file"]), &golden).expect("renamed");
    fs::write(folder.data().join("backups/bayader-20200101-000000.tar.zst"), "nothing of the kind").expect("written");
    let second = create(&folder, &[]);
    let third = create(&folder, &[]);
    assert_eq!(third["removed"].as_array().map(Vec::len), Some(1), "{third}");
    assert!(!Path::new(text(&second["file"])).exists());
    let names: Vec<String> = listed(&folder).iter().map(|one| text(&one["file"]).to_owned()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.contains(&"before the feast.zst".to_owned()));
    assert_eq!(verify(&folder, "before the feast.zst", &[]).status.code(), Some(0), "by its name alone");
    assert!(folder.data().join("backups/bayader-20200101-000000.tar.zst").exists(), "what is none is not ours to remove");
    let refused = verify(&folder, "bayader-20200101-000000.tar.zst", &[]);
    assert!(refused.status.code() == Some(1) && said(&refused).contains("no backup of a shop"), "{}", said(&refused));
}

#[test]
fn one_is_due_when_the_newest_is_a_day_old() {
    let folder = Folder::with_owner();
    assert_eq!(create(&folder, &["--if-due"])["made"], true);
    assert_eq!(create(&folder, &["--if-due"])["made"], false);
    // One that lies in the future, as after a clock that jumped, makes none needless.
    let path = folder.data().join("backups").join(text(&listed(&folder)[0]["file"]));
    fs::remove_file(&path).expect("gone");
    let jumped = bayader_at("+30h", &folder, &["backup", "create", "--json"]);
    let Some(jumped) = jumped else {
        skipped("one_is_due_when_the_newest_is_a_day_old", "faketime is not there: apt-get install faketime");
        return;
    };
    answer(&jumped);
    assert_eq!(create(&folder, &["--if-due"])["made"], true);
}

fn bayader_at(offset: &str, folder: &Folder, args: &[&str]) -> Option<Output> {
    is_there("faketime").then(|| {
        let mut command = Command::new("faketime");
        command.args(["-f", offset, env!("CARGO_BIN_EXE_bayader")]).args(args).arg("--data-dir").arg(folder.data());
        command.output().expect("it starts")
    })
}

#[test]
fn what_leaves_the_machine_is_refused_unsealed_and_age_opens_what_is_sealed() {
    let folder = Folder::with_owner();
    let outside = folder.path().join("stick");
    fs::create_dir(&outside).expect("made");
    let target = outside.join("shop.age");
    let to = target.to_str().expect("a path");
    let refused = bayader(&folder.data(), &["backup", "create", "--to", to]);
    assert!(refused.status.code() == Some(1) && said(&refused).contains("must be sealed"), "{}", said(&refused));
    assert!(fs::read_dir(&outside).expect("listed").next().is_none(), "something of it is left");
    // Inside of the shop's folder it may lie as it is.
    let inside = folder.data().join("before.tar.zst");
    create(&folder, &["--to", inside.to_str().expect("a path")]);
    assert_eq!(verify(&folder, inside.to_str().expect("a path"), &[]).status.code(), Some(0));
    let twice = bayader(&folder.data(), &["backup", "create", "--to", inside.to_str().expect("a path")]);
    assert!(twice.status.code() == Some(1) && said(&twice).contains("nothing is overwritten"), "{}", said(&twice));

    let passphrase = folder.path().join("passphrase");
    fs::write(&passphrase, "correct horse battery staple\n").expect("written");
    let passphrase = passphrase.to_str().expect("a path");
    create(&folder, &["--to", to, "--passphrase-file", passphrase]);
    assert_eq!(fs::metadata(&target).expect("there").permissions().mode() & 0o777, 0o600);
    let blind = verify(&folder, to, &[]);
    assert!(blind.status.code() == Some(1) && said(&blind).contains("is sealed"), "{}", said(&blind));
    assert_eq!(verify(&folder, to, &["--passphrase-file", passphrase]).status.code(), Some(0));
    let wrong = folder.path().join("wrong");
    fs::write(&wrong, "incorrect\n").expect("written");
    let wrong = verify(&folder, to, &["--passphrase-file", wrong.to_str().expect("a path")]);
    assert!(wrong.status.code() == Some(1) && said(&wrong).contains("another key or passphrase"), "{}", said(&wrong));

    if !is_there("age-keygen") {
        skipped(
            "what_leaves_the_machine_is_refused_unsealed_and_age_opens_what_is_sealed",
            "age is not there: apt-get install age",
        );
        return;
    }
    let identity = folder.path().join("identity.txt");
    let made = Command::new("age-keygen").arg("-o").arg(&identity).output().expect("age-keygen");
    assert!(made.status.success(), "{}", said(&made));
    let recipient = Command::new("age-keygen").arg("-y").arg(&identity).output().expect("age-keygen");
    let recipient = String::from_utf8_lossy(&recipient.stdout).trim().to_owned();
    fs::write(folder.data().join("bayader.toml"), format!("[backup]\nseal_to = \"{recipient}\"\n")).expect("written");
    let sealed = create(&folder, &[]);
    let file = text(&sealed["file"]);
    assert!(file.ends_with(".tar.zst.age") && sealed["sealed"] == true, "{sealed}");
    assert_eq!(verify(&folder, file, &["--identity-file", identity.to_str().expect("a path")]).status.code(), Some(0));
    // By the tools that will be there in ten years.
    let opened = folder.path().join("opened.tar.zst");
    let age = Command::new("age").args(["-d", "-i"]).arg(&identity).arg("-o").arg(&opened).arg(file).output().expect("age");
    assert!(age.status.success(), "{}", said(&age));
    assert_eq!(verify(&folder, opened.to_str().expect("a path"), &[]).status.code(), Some(0));
    if is_there("zstd") {
        let tar = Command::new("tar").args(["--zstd", "-tf"]).arg(&opened).output().expect("tar");
        let names = String::from_utf8_lossy(&tar.stdout).into_owned();
        assert!(names.starts_with("manifest.json\nbayader.db\n") && names.contains("bayader.toml"), "{}", said(&tar));
    }
}

#[test]
fn a_damaged_or_forged_backup_is_not_proven() {
    let folder = Folder::with_owner();
    let made = create(&folder, &[]);
    let whole = fs::read(text(&made["file"])).expect("read");
    let path = folder.path().join("changed");
    let file = path.to_str().expect("a path");
    for (what, bytes) in [
        ("cut", whole[..whole.len() / 2].to_vec()),
        ("without its end", whole[..whole.len() - 3].to_vec()),
        ("longer", [whole.as_slice(), b"x"].concat()),
        ("empty", Vec::new()),
        ("flipped", {
            let mut bytes = whole.clone();
            let at = bytes.len() / 3;
            bytes[at] ^= 0x40;
            bytes
        }),
    ] {
        fs::write(&path, bytes).expect("written");
        let output = verify(&folder, file, &[]);
        assert_eq!(output.status.code(), Some(1), "{what}: {}", said(&output));
    }
    fs::write(&path, &whole).expect("written");
    assert_eq!(verify(&folder, file, &[]).status.code(), Some(0));
    let missing = verify(&folder, "no such file", &[]);
    assert!(missing.status.code() == Some(1) && said(&missing).contains("cannot be read"), "{}", said(&missing));
    assert_eq!(left_behind(&folder), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_killed_leaves_nothing_that_counts() {
    let folder = Folder::with_owner();
    let mut server = Shop::spawn(&folder).await;
    let bread = a_product(&server).await;
    let flow = Flow::start(&server, &bread);
    flow.more(200).await;
    flow.stop().await;
    let mut killed = 0;
    for wait_ms in [0, 3, 6, 10, 15, 20, 30, 45, 60, 90, 120, 160] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bayader"))
            .args(["backup", "create", "--data-dir"])
            .arg(folder.data())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        // Where in its work it is then differs from machine to machine; each place is a right one.
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        killed += usize::from(child.try_wait().expect("asked").is_none());
        let _ = child.kill();
        child.wait().expect("it is gone");
        for one in listed(&folder) {
            assert!(one["problem"].is_null(), "{one}");
            assert_eq!(verify(&folder, text(&one["file"]), &[]).status.code(), Some(0), "{one}");
        }
    }
    println!("{killed} of 12 runs were killed before their end");
    create(&folder, &[]);
    assert_eq!(left_behind(&folder), Vec::<String>::new(), "the next run clears what was left");
    server.terminate().await;
    folder.expect_healthy();
}

/// A small disk for backups. Dropped, it is unmounted.
struct SmallDisk(PathBuf);

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_told_and_nothing_is_left_on_it() {
    let folder = Folder::with_owner();
    let at = folder.data().join("small");
    fs::create_dir(&at).expect("made");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=300k,mode=0700", "tmpfs"]).arg(&at).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        skipped("a_full_disk_is_told_and_nothing_is_left_on_it", "no disk could be mounted");
        return;
    }
    let disk = SmallDisk(at.clone());
    let to = at.join("copy.tar.zst");
    let output = bayader(&folder.data(), &["backup", "create", "--to", to.to_str().expect("a path")]);
    assert!(output.status.code() == Some(1) && said(&output).contains("Make room there"), "{}", said(&output));
    assert!(fs::read_dir(&at).expect("listed").next().is_none());
    drop(disk);
}

#[test]
fn what_a_backup_takes_does_not_grow_with_the_shop() {
    if !is_there("/usr/bin/time") {
        skipped("what_a_backup_takes_does_not_grow_with_the_shop", "GNU time is not there: apt-get install time");
        return;
    }
    let folder = Folder::with_owner();
    let peak = |args: &[&str]| {
        let output = Command::new("/usr/bin/time")
            .args(["-f", "%M", env!("CARGO_BIN_EXE_bayader")])
            .args(args)
            .arg("--data-dir")
            .arg(folder.data())
            .output()
            .expect("it starts");
        assert!(output.status.success(), "{}", said(&output));
        let told = String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned();
        told.parse::<u64>().expect("kilobytes")
    };
    let small = peak(&["backup", "create"]);
    // The books become 60 MB larger by what nobody reads.
    let sql = "create table if not exists ballast (x); insert into ballast select randomblob(1000000) from (select 1 union all select 2 union all select 3 union all select 4 union all select 5 union all select 6), (select 1 union all select 2 union all select 3 union all select 4 union all select 5 union all select 6 union all select 7 union all select 8 union all select 9 union all select 10);";
    let grown = Command::new("python3")
        .args(["-c", "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.executescript(sys.argv[2]); c.commit()"])
        .arg(folder.data().join("bayader.db"))
        .arg(sql)
        .output()
        .expect("python3");
    assert!(grown.status.success(), "{}", said(&grown));
    let large = peak(&["backup", "create"]);
    println!("{small} kB for a small shop, {large} kB for one of 60 MB");
    assert!(large < small + 20_000, "{small} kB became {large} kB");
}
