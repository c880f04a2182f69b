//! What the machine's own terminal says of a shop that nobody owns: the code, if it is a terminal, and never anything else.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Folder, PASSWORD, Shop, bayader, bayader_reading, is_there, skipped};

const LOOK: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(60);

/// A text as a code is shown.
fn is_code(word: &str) -> bool {
    let letter = |c: char| (c.is_ascii_uppercase() && !"ILO".contains(c)) || ('2'..='9').contains(&c);
    word.len() == 9
        && word
            .split_once('-')
            .is_some_and(|(first, second)| first.len() == 4 && first.chars().chain(second.chars()).all(letter))
}

fn codes_in(text: &str) -> Vec<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).filter(|word| is_code(word)).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn body(code: &str) -> Value {
    json!({
        "code": code, "shopName": "Bakery", "locale": "en", "timeZone": "Asia/Amman", "currency": "JOD",
        "ownerEmail": "owner@example.com", "password": PASSWORD, "sample": false,
    })
}

/// Ends with the test, however that ends.
struct Watched(Child);

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// No file under a folder holds one of these texts.
fn expect_nowhere(folder: &Path, texts: &[String]) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            expect_nowhere(&path, texts);
        } else if path.is_file() {
            let bytes = fs::read(&path).expect("a file");
            for text in texts {
                let holds = bytes.windows(text.len()).any(|window| window == text.as_bytes());
                assert!(!holds, "{} holds {text}", path.display());
            }
        }
    }
}

#[tokio::test]
async fn the_terminal_that_starts_the_server_shows_the_code_and_the_page() {
    if !is_there("script") {
        skipped(
            "the_terminal_that_starts_the_server_shows_the_code_and_the_page",
            "script is not there: apt-get install bsdutils",
        );
        return;
    }
    let folder = Folder::new();
    // A terminal that writes down what it shows.
    let screen = folder.path().join("screen");
    let serve =
        format!("exec {} serve --listen 127.0.0.1:0 --data-dir {}", env!("CARGO_BIN_EXE_bayader"), folder.data().display());
    let server = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "script", "--quiet", "--flush", "--return", "--command", &serve])
        .arg(&screen)
        .env("BAYADER_RATE_LIMIT__ENABLED", "false")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a terminal");
    let _server = Watched(server);
    let started = Instant::now();
    let shown = loop {
        let shown = fs::read(&screen).map(|bytes| text(&bytes)).unwrap_or_default();
        if !codes_in(&shown).is_empty() && shown.contains("listening on ") {
            break shown;
        }
        assert!(started.elapsed() < PATIENCE, "no code is shown:\n{shown}");
        tokio::time::sleep(LOOK).await;
    };
    let page = shown.split_whitespace().find(|word| word.ends_with("/setup")).expect("the page's address").to_owned();
    let codes = codes_in(&shown);
    assert_eq!(codes.len(), 1, "{shown}");
    let line = shown.lines().find(|line| line.contains(codes[0])).expect("its line");
    assert_eq!(line.trim(), codes[0], "alone on its line, and in no line of the log");
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    assert_eq!(http.get(&page).send().await.expect("the page").status(), 200);
    let api = page.replace("/setup", "/api/v1/setup");
    let opened = http.post(&api).header("content-type", "application/json").body(body(codes[0]).to_string()).send().await;
    assert_eq!(opened.expect("an answer").status(), 201);
    expect_nowhere(&folder.data(), &[codes[0].to_owned(), codes[0].replace('-', "")]);
}

#[tokio::test]
async fn a_log_shows_no_code_but_how_to_get_one_and_the_command_prints_it_alone() {
    let folder = Folder::new();
    let mut server = Shop::spawn(&folder).await;
    let log = server.log();
    assert!(codes_in(&log).is_empty() && log.contains("bayader admin setup-code") && log.contains("/setup"), "{log}");
    let first = bayader(&folder.data(), &["admin", "setup-code"]);
    assert!(first.status.success(), "{first:?}");
    let first = text(&first.stdout).trim_end().to_owned();
    assert!(is_code(&first), "alone on its line: {first}");
    let as_json = bayader(&folder.data(), &["admin", "setup-code", "--json"]);
    let answer: Value = serde_json::from_slice(&as_json.stdout).expect("JSON");
    let second = answer["code"].as_str().expect("a code").to_owned();
    assert!(is_code(&second) && first != second, "{answer}");
    assert_eq!((&answer["page"], &answer["seconds"]), (&json!(format!("{}/setup", server.wire.base)), &json!(900)));
    let setup = |code: &str| server.guest().post("/api/v1/setup").json(&body(code));
    setup(&first).send().await.expect_problem(403, "wrong_code");
    setup(&second).send().await.expect(201);
    server.expect_documented();
    let gone = bayader(&folder.data(), &["admin", "setup-code"]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(text(&gone.stderr).contains("set up already"), "{gone:?}");
    let codes = [first.clone(), second.clone(), first.replace('-', ""), second.replace('-', "")];
    let log = server.log();
    assert!(codes.iter().all(|code| !log.contains(code)), "{log}");
    assert_eq!(server.terminate().await.code(), Some(0));
    expect_nowhere(&folder.data(), &codes);
}

#[test]
fn a_code_is_asked_of_a_server_that_runs() {
    let folder = Folder::new();
    fs::create_dir(folder.data()).expect("a folder");
    let refused = bayader(&folder.data(), &["admin", "setup-code"]);
    assert_eq!((refused.status.code(), refused.status.signal()), (Some(1), None));
    assert!(text(&refused.stdout).is_empty() && text(&refused.stderr).contains("bayader serve"), "{refused:?}");
}

#[test]
fn a_shop_is_opened_whole_without_a_browser_or_a_server() {
    let folder = Folder::new();
    let create = |more: &[&str]| {
        let first = ["admin", "create", "--email", "owner@example.com", "--name", "Rania", "--password-stdin"];
        bayader_reading(&folder.data(), &[first.as_slice(), more].concat(), &format!("{PASSWORD}\n"))
    };
    let all = [
        "--shop-name",
        "Corner Bakery",
        "--locale",
        "ar",
        "--time-zone",
        "Asia/Riyadh",
        "--currency",
        "SAR",
        "--sample",
        "--json",
    ];
    let opened = create(&all);
    assert!(opened.status.success(), "{opened:?}");
    let answer: Value = serde_json::from_slice(&opened.stdout).expect("JSON");
    assert_eq!(answer, json!({ "name": "Rania", "email": "owner@example.com", "products": 68 }));
    let again = create(&["--currency", "JOD"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("set up already"), "{again:?}");
    let menu = bayader(&folder.data(), &["products", "export"]);
    assert!(text(&menu.stdout).contains(",1.75,SAR,"), "{}", text(&menu.stdout));
    folder.expect_healthy();
}
