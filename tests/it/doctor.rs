//! The shop's health as its keeper reads it: one light, and of each finding what it is and what to do.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::harness::{Folder, Shop, bayader, skipped};

/// What the machine that tests run on may lack, and a shop cannot help.
const OF_THE_MACHINE: [&str; 3] = ["disk", "memory", "clock"];

/// The findings of a folder's shop: light, about and the whole line of each, without those of this machine.
fn findings(data: &Path) -> Vec<(String, String, String)> {
    let output = bayader(data, &["doctor", "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let details = told["details"].as_array().expect("details");
    let is_red = details.iter().any(|finding| finding["light"] == "red");
    assert_eq!((output.status.code(), &told["ok"]), (Some(i32::from(is_red)), &json!(!is_red)), "{told}");
    let light = if is_red {
        "red"
    } else if details.is_empty() {
        "green"
    } else {
        "yellow"
    };
    assert_eq!(told["light"], light);
    let lines = |name: &str| told[name].as_array().expect("a list").len();
    assert_eq!(lines("findings") + lines("waiting"), details.len(), "{told}");
    let text = |finding: &Value, field: &str| finding[field].as_str().expect("a text").to_owned();
    let all = details.iter().map(|finding| {
        let line = format!("{} | {}", text(finding, "what"), text(finding, "do"));
        (text(finding, "light"), text(finding, "about"), line)
    });
    all.filter(|(_, about, _)| !OF_THE_MACHINE.contains(&about.as_str()) || about == "clock" && light == "red").collect()
}

/// That the one finding about something is of this light and says all of these.
fn expect_finding(data: &Path, light: &str, about: &str, words: &[&str]) {
    let found = findings(data);
    let of_it: Vec<_> = found.iter().filter(|(_, named, _)| named == about).collect();
    let [(told_light, _, line)] = of_it.as_slice() else { panic!("not one finding about {about}: {found:?}") };
    assert_eq!(told_light, light, "{line}");
    for word in words {
        assert!(line.contains(word), "{word} is not in: {line}");
    }
}

fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn configure(folder: &Folder, toml: &str) {
    fs::write(folder.data().join("bayader.toml"), toml).expect("written");
}

/// The database, for what the shop itself would never do.
fn forge(folder: &Folder, statement: &str) {
    let database = rusqlite::Connection::open(folder.data().join("bayader.db")).expect("the database opens");
    database.busy_timeout(std::time::Duration::from_secs(60)).expect("it waits");
    database.execute_batch(statement).unwrap_or_else(|error| panic!("{error}: {statement}"));
}

const LATE_JOB: &str = "insert into jobs (id, kind, key, status, attempts, max_attempts, run_at, created_at) \
     values (randomblob(16), 'test.oven', '1', 'queued', 0, 3, 1795593600000, 1795593600000)";

#[tokio::test]
async fn a_shop_that_runs_and_lacks_nothing_is_green() {
    let folder = Folder::with_owner();
    let _server = Shop::spawn(&folder).await;
    assert_eq!(findings(&folder.data()), []);
    let output = bayader(&folder.data(), &["doctor"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let told = text_of(&output);
    if told.starts_with("All is well.\n") {
        for part in ["orders", "money", "disk", "certificate", "configuration", "server"] {
            assert!(told.contains(part), "{part} was not looked at: {told}");
        }
    } else {
        assert!(told.starts_with("Look at this today:\n"), "{told}");
    }
}

#[tokio::test]
async fn a_shop_without_a_server_is_closed_and_books_that_do_not_hold_are_red() {
    let folder = Folder::with_owner();
    expect_finding(&folder.data(), "yellow", "server", &["closed", "systemctl start bayader"]);
    let told = text_of(&bayader(&folder.data(), &["doctor"]));
    assert!(told.starts_with("Look at this today:\n- today, "), "{told}");
    let menu = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/sample/menu.csv");
    assert!(bayader(&folder.data(), &["products", "import", menu]).status.success());
    forge(&folder, "update inventory set stock = stock + 1 where stock > 100");
    let output = bayader(&folder.data(), &["doctor"]);
    assert_eq!(output.status.code(), Some(1));
    let told = text_of(&output);
    assert!(told.starts_with("Act now:\n- now, orders: "), "the worst comes first: {told}");
    assert!(told.contains("Keep a copy of the folder"), "{told}");
    assert!(findings(&folder.data()).iter().any(|(light, about, _)| light == "red" && about == "orders"));
}

#[tokio::test]
async fn a_running_shop_that_nobody_owns_is_told() {
    let folder = Folder::new();
    let _server = Shop::spawn(&folder).await;
    expect_finding(&folder.data(), "yellow", "server", &["nobody owns the shop", "admin setup-code"]);
}

#[test]
fn a_server_of_another_version_or_of_no_sense_is_told() {
    let folder = Folder::with_owner();
    let socket = UnixListener::bind(folder.data().join("control.sock")).expect("a socket");
    let answers = [
        json!({ "answer": { "running": { "version": "0.0.1", "is_set_up": true } } }).to_string(),
        json!({ "answer": { "refused": { "code": "bad_json", "message": "does not understand this command" } } }).to_string(),
        "good morning".to_owned(),
    ];
    let said = std::thread::spawn(move || {
        for answer in answers {
            let (stream, _) = socket.accept().expect("somebody asks");
            let mut asked = String::new();
            BufReader::new(&stream).read_line(&mut asked).expect("a line");
            (&stream).write_all(format!("{answer}\n").as_bytes()).expect("answered");
        }
    });
    expect_finding(&folder.data(), "yellow", "server", &["0.0.1", "restart bayader"]);
    expect_finding(&folder.data(), "red", "server", &["does not understand", "restart bayader"]);
    expect_finding(&folder.data(), "red", "server", &["does not answer as it should"]);
    said.join().expect("it ends");
}

#[test]
fn rights_that_are_too_wide_or_not_the_shops_are_told() {
    let folder = Folder::with_owner();
    let data = folder.data();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).expect("changed");
    expect_finding(&data, "yellow", "folder", &["other users", "chmod 700"]);
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).expect("changed");
    assert!(!findings(&data).iter().any(|(_, about, _)| about == "folder"));
    if !nix::unistd::geteuid().is_root() {
        skipped("doctor::rights_that_are_too_wide_or_not_the_shops_are_told", "only root can give a file away");
        return;
    }
    std::os::unix::fs::chown(data.join("bayader.lock"), Some(65_534), None).expect("given away");
    expect_finding(&data, "red", "folder", &["bayader.lock", "another user", "chown -R"]);
}

#[test]
fn a_configuration_that_is_wrong_or_not_meant_is_told() {
    let folder = Folder::with_owner();
    configure(&folder, "[server]\nlistn = \"127.0.0.1:8080\"\n");
    expect_finding(&folder.data(), "red", "configuration", &["listn", "listen", "config check"]);
    let mail = "[mail]\nadapter = \"smtp\"\nfrom = \"shop@example.com\"\nhost = \"127.0.0.1\"\nport = 2525\ntls = \"none\"\n";
    configure(&folder, mail);
    expect_finding(&folder.data(), "yellow", "configuration", &["server.public_url", "mail"]);
}

#[test]
fn a_certificate_that_cannot_be_read_is_told() {
    let folder = Folder::with_owner();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    fs::write(&cert, "no certificate").and_then(|()| fs::write(&key, "no key")).expect("written");
    let files = format!("cert_file = \"{}\"\nkey_file = \"{}\"\n", cert.display(), key.display());
    configure(&folder, &format!("[tls]\nmode = \"files\"\n{files}"));
    expect_finding(&folder.data(), "red", "certificate", &["cert.pem"]);
}

#[tokio::test]
async fn work_that_is_late_or_was_given_up_is_told() {
    let folder = Folder::with_owner();
    forge(&folder, LATE_JOB);
    assert!(!findings(&folder.data()).iter().any(|(_, about, _)| about == "jobs"), "without a server all work waits");
    forge(&folder, "update jobs set run_at = 4102444800000 where kind = 'test.oven'");
    let _server = Shop::spawn(&folder).await;
    forge(&folder, "update jobs set run_at = 1795593600000 where kind = 'test.oven'");
    expect_finding(&folder.data(), "yellow", "jobs", &["test.oven", "late"]);
    forge(
        &folder,
        "update jobs set status = 'dead', last_error = 'the oven is cold', finished_at = created_at where kind = 'test.oven'",
    );
    expect_finding(&folder.data(), "red", "jobs", &["test.oven", "the oven is cold", "/api/v1/admin/jobs"]);
}

#[tokio::test]
async fn messages_that_failed_are_told() {
    let folder = Folder::with_owner();
    let server = Shop::spawn(&folder).await;
    let owner = server.admin().await;
    let invited = json!({ "name": "Samir", "email": "samir@example.com", "phone": "+962790000002", "role": "staff" });
    owner.post("/api/v1/auth/register").json(&invited).send().await.expect(201);
    assert!(!findings(&folder.data()).iter().any(|(_, about, _)| about == "messages"));
    forge(&folder, "update notifications set status = 'failed', error_code = 'rejected', last_error = 'no such mailbox'");
    forge(
        &folder,
        "update jobs set status = 'cancelled', finished_at = created_at where kind = 'messages.email' and status = 'queued'",
    );
    expect_finding(&folder.data(), "yellow", "messages", &["1 message(s)", "/api/v1/notifications?status=failed"]);
}

#[test]
fn a_clock_behind_the_books_is_told() {
    let folder = Folder::with_owner();
    forge(&folder, "update users set updated_at = updated_at + 86400000");
    let found = findings(&folder.data());
    assert!(
        found.iter().any(|(light, about, line)| light == "red" && about == "clock" && line.contains("the books go on until")),
        "{found:?}"
    );
}

#[test]
fn backups_that_are_old_unproven_or_broken_are_told() {
    let folder = Folder::with_owner();
    let ago = "cast(unixepoch() as integer) * 1000 - 3 * 86400000";
    let row = |proven: &str, problem: &str| {
        let sha256 = "0".repeat(64);
        format!(
            "delete from backups; insert into backups (file, bytes, sha256, made_at, sealed, orders, looked_at, proven_at, problem) \
             values ('bayader-20261128-023000.tar.zst', 1000, '{sha256}', {ago}, 0, 0, {ago}, {proven}, {problem})"
        )
    };
    forge(&folder, &row("null", "null"));
    expect_finding(&folder.data(), "yellow", "backups", &["hours old", "bayader backup create"]);
    forge(&folder, &row("null", "'the file is torn'"));
    let found = findings(&folder.data());
    assert!(found.iter().any(|(light, _, line)| light == "red" && line.contains("the file is torn")), "{found:?}");
    forge(&folder, &row(ago, "null"));
    let found = findings(&folder.data());
    let unproven = |(light, about, line): &(String, String, String)| {
        light == "yellow" && about == "backups" && line.contains("shown to be restorable")
    };
    assert!(found.iter().any(unproven), "{found:?}");
}
