//! Starting and ending the real binary.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::harness::{Folder, Shop, bayader};

#[tokio::test]
async fn a_second_server_on_the_folder_is_refused() {
    let folder = Folder::new();
    let first = Shop::spawn(&folder).await;
    let second = bayader(&folder.data(), &["serve", "--listen", "127.0.0.1:0"]);
    assert!(!second.status.success(), "{second:?}");
    let told = String::from_utf8_lossy(&second.stderr);
    assert!(told.contains("another bayader already owns"), "{told}");
    first.guest().see("/healthz").await;
    first.expect_documented();
}

#[tokio::test]
async fn a_second_server_on_folder_and_address_is_told_of_the_folder() {
    let folder = Folder::new();
    let first = Shop::spawn(&folder).await;
    let address = first.wire.base.strip_prefix("http://").expect("an address");
    let second = bayader(&folder.data(), &["serve", "--listen", address]);
    let told = String::from_utf8_lossy(&second.stderr);
    assert!(told.contains("another bayader already owns"), "{told}");
    let elsewhere = Folder::new();
    let third = bayader(&elsewhere.data(), &["serve", "--listen", address]);
    let told = String::from_utf8_lossy(&third.stderr);
    assert!(told.contains("cannot be listened on") && told.contains("--listen"), "{told}");
}

#[test]
fn a_taken_address_is_told_what_is_wrong_and_what_to_do() {
    let folder = Folder::with_owner();
    let again = folder.create_owner();
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    let told = String::from_utf8_lossy(&again.stderr);
    assert!(told.contains("This e-mail address has an account already. Sign in with it"), "{told}");
}

#[test]
fn a_menu_with_a_row_too_short_names_the_line() {
    let folder = Folder::with_owner();
    let file = folder.data().join("menu.csv");
    fs::write(&file, "sku,name_en,price\nBRD-1,Bread\n,Cake,-1\n").expect("a file");
    let path = file.to_str().expect("a path");
    let refused = bayader(&folder.data(), &["products", "import", path]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let told = String::from_utf8_lossy(&refused.stderr);
    for line in [format!("{path}:2: has 2 cells"), format!("{path}:3: price: must not be below zero")] {
        assert!(told.contains(&line), "{told}");
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_refused() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let file = temporary.path().join("file");
    fs::write(&file, "no folder").expect("a file");
    let refused = bayader(&file.join("data"), &["serve", "--listen", "127.0.0.1:0"]);
    assert!(!refused.status.success(), "{refused:?}");
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(told.contains("--data-dir"), "it does not say what to do: {told}");
    assert!(!told.contains("panicked"), "{told}");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let folder = Folder::with_owner();
    let path = folder.data().join("bayader.db");
    {
        let database = rusqlite::Connection::open(&path).expect("the database opens");
        let statement = "insert into refinery_schema_history (version, name, applied_on, checksum) \
                         select 9999, 'the_future', applied_on, checksum from refinery_schema_history limit 1";
        assert_eq!(database.execute(statement, []).expect("it takes a row"), 1);
    }
    let refused = bayader(&folder.data(), &["serve", "--listen", "127.0.0.1:0"]);
    assert!(!refused.status.success(), "{refused:?}");
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(told.contains("9999") && told.contains("newer"), "{told}");
}

#[tokio::test]
async fn a_server_that_is_asked_to_end_ends_with_success_and_can_start_again() {
    let folder = Folder::with_owner();
    let mut server = Shop::spawn(&folder).await;
    let admin = server.admin().await;
    let bread = server.product(&admin, "Bread").stock(5).create().await;
    server.guest().order().line(&bread, 2).pickup().place().await;
    server.expect_documented();
    assert_eq!(server.terminate().await.code(), Some(0));
    folder.expect_healthy();
    let mut server = Shop::spawn(&folder).await;
    assert_eq!(server.admin().await.pieces(&bread).await, (5, 2, 3));
    server.expect_documented();
    assert_eq!(server.terminate().await.code(), Some(0));
}

#[tokio::test]
async fn a_shop_without_an_owner_starts_and_waits_to_be_set_up() {
    let folder = Folder::new();
    let server = Shop::spawn(&folder).await;
    assert_eq!(server.guest().see("/readyz").await["status"], "setup");
    server.guest().get("/api/v1/products").send().await.expect_problem(503, "setup_required");
    server.expect_documented();
}

#[tokio::test]
async fn keys_and_books_are_their_owners_alone() {
    let folder = Folder::with_owner();
    let server = Shop::spawn(&folder).await;
    server.guest().see("/healthz").await;
    let keys = fs::read_dir(folder.data().join("keys")).expect("a folder of keys");
    let keys: Vec<_> = keys.map(|entry| entry.expect("an entry").path()).collect();
    assert!(!keys.is_empty());
    for key in &keys {
        assert_eq!(mode(key), 0o600, "{}", key.display());
    }
    assert_eq!(mode(&folder.data().join("bayader.db")), 0o600);
    assert_eq!(mode(&folder.data()), 0o700);
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode() & 0o777
}

#[test]
fn a_wrong_command_says_so_and_help_helps() {
    let folder = Folder::new();
    let wrong = bayader(&folder.data(), &["bake"]);
    assert!(!wrong.status.success());
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_bayader")).arg("--help").output().expect("it starts");
    assert!(help.status.success());
    assert!(String::from_utf8_lossy(&help.stdout).contains("serve"));
}

/// Why a shop on this folder does not start with that clock; `None` if it does.
async fn refusal(folder: &Path, now: &str, accept_clock: bool) -> Option<String> {
    let config = bayader::config::load(&bayader::config::Source::new()).expect("nothing said is nothing wrong");
    let clock = bayader::clock::Clock::manual(bayader::kernel::UtcMs::parse(now).expect("a moment"));
    let options = bayader::app::AppOptions {
        data_dir: folder.to_owned(),
        config,
        clock,
        accept_clock,
        extras: bayader::app::Extras::default(),
    };
    bayader::app::App::open(options).await.err().map(|fault| fault.to_string())
}

#[tokio::test]
async fn a_clock_that_cannot_be_true_is_refused_unless_it_is_accepted() {
    let folder = Folder::with_owner();
    let told = refusal(&folder.data(), "2001-01-01T00:00:00Z", false).await.expect("a clock before the program was made");
    assert!(told.contains("2001-01-01") && told.contains("--accept-clock"), "{told}");
    // The owner was made just now, by this machine's clock: half an hour before that cannot be.
    let now = bayader::clock::Clock::system().now();
    assert_eq!(refusal(&folder.data(), &now.plus_ms(-5 * 60_000).to_string(), false).await, None, "five minutes are forgiven");
    let early = now.plus_ms(-30 * 60_000).to_string();
    let told = refusal(&folder.data(), &early, false).await.expect("a clock behind the books");
    assert!(told.contains("the shop's books go on until"), "{told}");
    assert_eq!(refusal(&folder.data(), &early, true).await, None);
}

#[tokio::test]
async fn a_currency_other_than_that_of_stored_orders_is_refused() {
    let folder = Folder::with_owner();
    let mut server = Shop::spawn(&folder).await;
    let admin = server.admin().await;
    let bread = server.product(&admin, "Bread").stock(5).create().await;
    server.guest().order().line(&bread, 1).pickup().place().await;
    server.expect_documented();
    server.terminate().await;
    fs::write(folder.data().join("bayader.toml"), "[shop]\ncurrency = \"USD\"\n").expect("a file");
    let refused = bayader(&folder.data(), &["serve", "--listen", "127.0.0.1:0"]);
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && told.contains("USD") && told.contains("JOD"), "{told}");
}

#[test]
fn a_shop_whose_log_nobody_reads_any_more_still_ends_when_it_is_told() {
    use std::io::{BufRead, BufReader};
    let folder = Folder::with_owner();
    let mut child = std::process::Command::new("setpriv")
        .args(["--pdeathsig", "KILL", env!("CARGO_BIN_EXE_bayader"), "serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.data())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut log = BufReader::new(child.stderr.take().expect("its log is ours"));
    let mut line = String::new();
    while !line.contains("listening on") {
        line.clear();
        assert!(log.read_line(&mut line).expect("it logs") > 0, "it ended before it listened");
    }
    drop(log);
    let process = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGTERM).expect("it gets the signal");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_demo_does_not_open_its_throw_away_accounts_to_the_network() {
    let refused = std::process::Command::new(env!("CARGO_BIN_EXE_bayader"))
        .args(["serve", "--demo", "--listen", "0.0.0.0:0"])
        .output()
        .expect("the program starts");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("loopback"));
}
