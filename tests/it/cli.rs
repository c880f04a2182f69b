//! The command line over the real binary: beside a running server and without one.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::{Folder, PASSWORD, Shop, bayader, bayader_reading};

/// The sample menu, which every copy of the program carries.
const MENU: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/sample/menu.csv");

fn told_by(output: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn done(data: &Path, args: &[&str]) -> String {
    let output = bayader(data, args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", told_by(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn a_menu_comes_in_goes_out_and_comes_in_again_unchanged() {
    let folder = Folder::with_owner();
    let report: Value = serde_json::from_str(&done(&folder.data(), &["products", "import", MENU, "--json"])).expect("JSON");
    assert_eq!(report["report"]["made"], 68, "{report}");
    let exported = folder.data().join("menu.csv");
    done(&folder.data(), &["products", "export", "--output", exported.to_str().expect("a path")]);
    let again = done(&folder.data(), &["products", "import", exported.to_str().expect("a path"), "--set-stock", "--json"]);
    let again: Value = serde_json::from_str(&again).expect("JSON");
    assert_eq!((&again["report"]["made"], &again["report"]["changed"]), (&Value::from(0), &Value::from(0)), "{again}");
    assert_eq!(again["report"]["unchanged"], 68);
    folder.expect_healthy();
}

#[test]
fn a_password_is_not_reset_where_there_is_no_shop() {
    let folder = Folder::new();
    let nowhere = folder.data().join("nowhere");
    let refused = bayader(&nowhere, &["admin", "reset-password", "--email", "you@example.com"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(told_by(&refused).contains("there is no shop"), "{}", told_by(&refused));
    assert!(!nowhere.exists(), "a shop was made");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_named_as_it_was_given() {
    let folder = Folder::with_owner();
    let file = folder.data().join("nowhere").join("menu.csv");
    let file = file.to_str().expect("a path");
    let refused = bayader(&folder.data(), &["products", "export", "--output", file]);
    assert_eq!(refused.status.code(), Some(1));
    let told = told_by(&refused);
    assert!(told.contains(file) && told.contains("No such file") && !told.contains("nowhere/.tmp"), "{told}");
}

#[tokio::test]
async fn a_dry_run_shows_the_difference_and_changes_nothing() {
    let folder = Folder::with_owner();
    done(&folder.data(), &["products", "import", MENU]);
    let menu = fs::read_to_string(MENU).expect("the menu").replace(",0.350,JOD", ",0.400,JOD");
    let file = folder.data().join("dearer.csv");
    fs::write(&file, menu).expect("a file");
    let file = file.to_str().expect("a path");
    let shown = done(&folder.data(), &["products", "import", file, "--dry-run"]);
    assert!(shown.contains("BRD-001") && shown.contains("0.350") && shown.contains("0.400"), "{shown}");
    let before = done(&folder.data(), &["products", "export"]);
    assert!(before.contains("0.350"), "a dry run changed the books");
    done(&folder.data(), &["products", "import", file]);
    assert_ne!(done(&folder.data(), &["products", "export"]), before);
}

#[tokio::test]
async fn one_bad_row_keeps_the_whole_file_out_and_every_bad_row_is_named() {
    let folder = Folder::with_owner();
    let file = folder.data().join("bad.csv");
    fs::write(&file, "sku,name_en,price\nA-1,Bread,1.000\nA-2,Cake,1.0001\nA-3,,2.000\nA-4,Pie,dear\n").expect("a file");
    let refused = bayader(&folder.data(), &["products", "import", file.to_str().expect("a path")]);
    assert_eq!(refused.status.code(), Some(1), "{}", told_by(&refused));
    let words = told_by(&refused);
    for place in ["bad.csv:3: price", "bad.csv:4: name_en", "bad.csv:5: price"] {
        assert!(words.contains(place), "{place} is not named: {words}");
    }
    assert!(!done(&folder.data(), &["products", "export"]).contains("A-1"), "the good row was kept");
}

#[tokio::test]
async fn a_command_beside_a_running_server_goes_through_it_and_is_seen_at_once() {
    let folder = Folder::with_owner();
    let mut server = Shop::spawn(&folder).await;
    // Cached answers are there before the import, and must go with it.
    assert_eq!(server.guest().see("/api/v1/products").await["meta"]["total"], 0);
    done(&folder.data(), &["products", "import", MENU]);
    assert_eq!(server.guest().see("/api/v1/products").await["meta"]["total"], 68);
    let refused = bayader(&folder.data(), &["migrate"]);
    assert_eq!(refused.status.code(), Some(1), "{}", told_by(&refused));
    folder.expect_healthy();
    assert!(done(&folder.data(), &["products", "export"]).contains("BRD-001"));
    let address = server.wire.base.trim_start_matches("http://").to_owned();
    let config = folder.data().join("health.toml");
    fs::write(&config, format!("[server]\nlisten = \"{address}\"\n")).expect("a file");
    done(&folder.data(), &["health", "--config", config.to_str().expect("a path")]);
    server.expect_documented();
    assert_eq!(server.terminate().await.code(), Some(0));
    let gone = bayader(&folder.data(), &["health", "--config", config.to_str().expect("a path")]);
    assert_eq!(gone.status.code(), Some(1), "{}", told_by(&gone));
    done(&folder.data(), &["migrate"]);
}

#[tokio::test]
async fn the_first_account_sets_a_running_shop_up() {
    let folder = Folder::new();
    let server = Shop::spawn(&folder).await;
    server.guest().get("/api/v1/products").send().await.expect_problem(503, "setup_required");
    folder.make_owner();
    server.guest().see("/api/v1/products").await;
    server.admin().await.see("/api/v1/orders").await;
    server.expect_documented();
}

#[tokio::test]
async fn a_lost_password_is_replaced_beside_a_running_server_and_its_sessions_end() {
    let folder = Folder::with_owner();
    let server = Shop::spawn(&folder).await;
    let owner = server.admin().await;
    owner.see("/api/v1/auth/me").await;
    for _ in 0..5 {
        server.guest().log_in("owner@example.com", "not-the-password-9").send().await.expect(401);
    }
    let reset = ["admin", "reset-password", "--email", "Owner@example.com"];
    let made = done(&folder.data(), &reset).trim_end().to_owned();
    assert_eq!(made.len(), 23, "the answer is the password alone: {made}");
    owner.get("/api/v1/auth/me").send().await.expect_problem(401, "unauthenticated");
    server.guest().log_in("owner@example.com", PASSWORD).send().await.expect_problem(401, "invalid_credentials");
    server.guest().log_in("owner@example.com", &made).send().await.expect(200);

    let told: Value = serde_json::from_str(&done(&folder.data(), &[&reset[..], &["--json"]].concat())).expect("JSON");
    assert_eq!((&told["email"], &told["sessionsEnded"]), (&"owner@example.com".into(), &1.into()), "{told}");
    let made = told["password"].as_str().expect("a password");
    server.guest().log_in("owner@example.com", made).send().await.expect(200);
    let nobody = bayader(&folder.data(), &["admin", "reset-password", "--email", "nobody@example.com"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(told_by(&nobody).contains("no account has the e-mail address nobody@example.com"), "{}", told_by(&nobody));
    assert!(nobody.stdout.is_empty(), "a password that opens nothing is shown");
    assert!(!server.log().contains(made), "the log shows the password");
    server.expect_documented();
}

#[tokio::test]
async fn a_lost_password_is_replaced_without_a_server() {
    let folder = Folder::with_owner();
    let reset = ["admin", "reset-password", "--email", "owner@example.com", "--password-stdin"];
    for (password, words) in
        [("short\n", "the password must have at least 10"), ("owner@example.com", "must not be the e-mail address")]
    {
        let refused = bayader_reading(&folder.data(), &reset, password);
        assert_eq!(refused.status.code(), Some(1), "{}", told_by(&refused));
        assert!(told_by(&refused).contains(words), "{}", told_by(&refused));
    }
    let set = bayader_reading(&folder.data(), &reset, "croissants at dusk\r\n");
    assert_eq!(set.status.code(), Some(0), "{}", told_by(&set));
    assert!(set.stdout.is_empty(), "who has given the password knows it");
    let unknown = bayader(&folder.data(), &["admin", "reset-password"]);
    assert_eq!(unknown.status.code(), Some(2), "{}", told_by(&unknown));
    let server = Shop::spawn(&folder).await;
    server.guest().log_in("owner@example.com", PASSWORD).send().await.expect_problem(401, "invalid_credentials");
    server.guest().log_in("owner@example.com", "croissants at dusk").send().await.expect(200);
    folder.expect_healthy();
}

#[test]
fn every_fault_of_a_configuration_is_told_at_once() {
    let folder = Folder::new();
    fs::create_dir_all(folder.data()).expect("a folder");
    fs::write(
        folder.data().join("bayader.toml"),
        "[server]\nlistn = \"x\"\n[orders]\nhold_minutes = 0\n[shop]\ncurrency = \"XXX1\"\n",
    )
    .expect("a file");
    let refused = bayader(&folder.data(), &["config", "check"]);
    assert_eq!(refused.status.code(), Some(3), "{}", told_by(&refused));
    let words = told_by(&refused);
    for word in ["listn", "listen", "hold_minutes", "currency"] {
        assert!(words.contains(word), "{word} is not told: {words}");
    }
}

#[test]
fn the_document_is_printed_without_a_shop() {
    let folder = Folder::new();
    let printed: Value = serde_json::from_str(&done(&folder.data(), &["openapi"])).expect("JSON");
    assert_eq!(printed, bayader::app::openapi());
    assert!(!folder.data().exists(), "no folder is made for it");
}

#[tokio::test]
async fn a_doctor_finds_books_that_do_not_balance() {
    let folder = Folder::with_owner();
    done(&folder.data(), &["products", "import", MENU]);
    let database = rusqlite::Connection::open(folder.data().join("bayader.db")).expect("the database opens");
    database.execute("update inventory set stock = stock + 1 where stock > 100", []).expect("a forged count");
    drop(database);
    let found = bayader(&folder.data(), &["doctor"]);
    assert_eq!(found.status.code(), Some(1), "{}", told_by(&found));
    assert!(told_by(&found).contains("stock is not the sum of its ledger"), "{}", told_by(&found));
}
