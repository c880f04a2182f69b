//! The shop's numbers: what Prometheus reads, what the files for the keeper make of it, and who may ask.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use bayader::app::access::TABLE;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Folder, Shop, Spawned, bayader, is_there, skipped};

const MONITORING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/monitoring");
/// A busy machine is waited for so long.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);
/// Told only where there is something to tell of: a certificate, a backup that was made, one that was proven.
const IF_THERE: &[&str] =
    &["bayader_certificate_end_seconds", "bayader_backup_age_seconds", "bayader_backup_proven_age_seconds"];

/// A shop with an owner, and where its numbers are told.
struct Told {
    server: Spawned,
    address: String,
    folder: Folder,
}

impl Told {
    async fn open() -> Told {
        let folder = Folder::with_owner();
        let variables = [("BAYADER_SERVER__METRICS_LISTEN".to_owned(), "127.0.0.1:0".to_owned())];
        let server = Shop::spawn_with(&folder, &[], &variables).await;
        let log = server.log();
        let (_, after) = log.split_once("metrics are told on http://").unwrap_or_else(|| panic!("no address in {log}"));
        let address = after.split("/metrics").next().expect("an address").to_owned();
        Told { server, address, folder }
    }

    async fn page(&self) -> String {
        let answer = self.server.wire.http.get(format!("http://{}/metrics", self.address)).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        answer.text().await.expect("a text")
    }

    /// The page once it says this; what it counts in the books may be some seconds old.
    async fn page_with(&self, line: &str) -> String {
        let started = Instant::now();
        loop {
            let page = self.page().await;
            if page.lines().any(|there| there == line) {
                return page;
            }
            assert!(started.elapsed() < PATIENCE, "{line} is not told:\n{page}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// A morning: a menu, an order that is taken on, a wrong password, a lost guest.
    async fn sell(&self) {
        let (owner, guest) = (self.server.admin().await, self.server.guest());
        let kaak = self.server.product(&owner, "Kaak").price("0.500").stock(20).create().await;
        for _ in 0..3 {
            guest.see("/api/v1/products").await;
        }
        let order = guest.order().line(&kaak, 2).pickup().place().await;
        owner.put(&format!("{}/status", order.path())).json(&json!({ "status": "Confirmed" })).send().await.expect(200);
        guest.log_in("layla@example.com", "not-her-password").send().await.expect(401);
        guest.get("/nowhere").send().await.expect(404);
    }
}

fn promtool(args: &[&str], input: Option<&str>) -> Output {
    let mut child = Command::new("promtool")
        .args(args)
        .current_dir(MONITORING)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    let mut pipe = child.stdin.take().expect("its input is ours");
    pipe.write_all(input.unwrap_or("").as_bytes()).expect("it reads its input");
    drop(pipe);
    child.wait_with_output().expect("it ends")
}

fn expect_right(output: &Output) {
    let told = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    assert!(output.status.success() && !told.contains("FAILED"), "{told}");
}

fn is_skipped(test: &str) -> bool {
    let lacks = !is_there("promtool") || !is_there("prometheus");
    if lacks {
        skipped(test, "prometheus is not there; apt-get install prometheus");
    }
    lacks
}

/// The values of a label on a page.
fn label_values<'p>(page: &'p str, label: &str) -> BTreeSet<&'p str> {
    let start = format!("{label}=\"");
    let values = page.lines().filter(|line| !line.starts_with('#')).flat_map(|line| line.split(&start).skip(1));
    values.map(|rest| rest.split('"').next().expect("a value")).collect()
}

/// The names of our metrics in an expression or a page, without a histogram's endings.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = words.filter(|word| word.starts_with("bayader_") || word.starts_with("process_"));
    ours.map(|word| {
        let whole = ["_bucket", "_count", "_sum"].iter().find_map(|end| word.strip_suffix(end));
        whole.unwrap_or(word).to_owned()
    })
    .collect()
}

fn dashboard_expressions() -> Vec<String> {
    let text = std::fs::read_to_string(format!("{MONITORING}/dashboard.json")).expect("the dashboard");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    targets.map(|target| target["expr"].as_str().expect("an expression").to_owned()).collect()
}

#[tokio::test]
async fn what_happens_in_the_shop_is_counted() {
    let told = Told::open().await;
    told.sell().await;
    let page = told.page_with("bayader_orders{status=\"Confirmed\"} 1").await;
    for line in [
        "bayader_orders_placed_total 1",
        "bayader_orders_moved_total{status=\"Confirmed\"} 1",
        "bayader_http_requests_total{method=\"POST\",route=\"/api/v1/orders\",status=\"2xx\"} 1",
        "bayader_http_request_duration_seconds_count{method=\"POST\",route=\"/api/v1/orders\"} 1",
        "bayader_http_request_duration_seconds_bucket{method=\"POST\",route=\"/api/v1/orders\",le=\"+Inf\"} 1",
        "bayader_http_requests_total{method=\"POST\",route=\"/api/v1/auth/login\",status=\"4xx\"} 1",
        "bayader_http_requests_total{method=\"any\",route=\"none\",status=\"4xx\"} 1",
        "bayader_http_refusals_total{code=\"invalid_credentials\"} 1",
        "bayader_http_refusals_total{code=\"not_found\"} 1",
        "bayader_cache_hits_total{cache=\"menu\"} 2",
        "bayader_cache_misses_total{cache=\"menu\"} 1",
        "bayader_sign_ins_total 1",
        "bayader_http_in_flight 0",
        "bayader_jobs_dead{kind=\"all\"} 0",
        "bayader_messages_held{channel=\"email\"} 0",
        "bayader_db_failed_commits_total 0",
    ] {
        assert!(page.lines().any(|there| there == line), "{line} is not told:\n{page}");
    }
}

#[tokio::test]
async fn a_backup_is_told_once_there_is_one_and_as_proven_once_it_was() {
    let told = Told::open().await;
    let page = told.page_with("bayader_restored_waits 0").await;
    assert!(!names(&page).contains("bayader_backup_age_seconds"), "an age of nothing is told:\n{page}");
    let owner = told.server.admin().await;
    let asked = owner.post("/api/v1/admin/backups").json(&json!({})).send().await;
    assert!((200..300).contains(&asked.status), "{asked:?}");
    let started = Instant::now();
    let backup = loop {
        let list = owner.see("/api/v1/admin/backups").await;
        if let Some(backup) = list.rows().first() {
            break backup.clone();
        }
        assert!(started.elapsed() < PATIENCE, "no backup is made: {list:?}");
        tokio::time::sleep(LOOK).await;
    };
    let has = async |name: &str| {
        let started = Instant::now();
        while !told.page().await.lines().any(|line| line.starts_with(&format!("{name} "))) {
            assert!(started.elapsed() < PATIENCE, "{name} is not told");
            tokio::time::sleep(LOOK).await;
        }
    };
    has("bayader_backup_age_seconds").await;
    let path = format!("/api/v1/admin/backups/{}/verify", backup["id"].as_str().expect("an id"));
    let asked = owner.post(&path).json(&json!({})).send().await;
    assert!((200..300).contains(&asked.status), "{asked:?}");
    has("bayader_backup_proven_age_seconds").await;
}

#[tokio::test]
async fn prometheus_own_tool_has_nothing_to_say_of_the_page_and_every_name_that_is_asked_for_is_there() {
    if is_skipped("metrics::prometheus_own_tool_has_nothing_to_say_of_the_page_and_every_name_that_is_asked_for_is_there") {
        return;
    }
    let told = Told::open().await;
    told.sell().await;
    let page = told.page_with("bayader_orders{status=\"Confirmed\"} 1").await;
    let checked = promtool(&["check", "metrics"], Some(&page));
    expect_right(&checked);
    assert!(checked.stderr.is_empty() && checked.stdout.is_empty(), "{checked:?}");
    let there: BTreeSet<String> = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).flat_map(names).collect();
    let alerts = std::fs::read_to_string(format!("{MONITORING}/alerts.yml")).expect("the alerts");
    let asked = names(&format!("{alerts}\n{}", dashboard_expressions().join("\n")));
    let lacking: Vec<_> = asked.iter().filter(|name| !there.contains(*name) && !IF_THERE.contains(&name.as_str())).collect();
    assert!(lacking.is_empty(), "alerts or dashboard ask for what nobody tells: {lacking:?}");
    let unseen: Vec<_> = there.difference(&asked).filter(|name| !name.starts_with("process_")).collect();
    assert!(unseen.len() <= 5, "so many numbers stand on no board and in no alert: {unseen:?}");
}

#[test]
fn each_alert_fires_when_it_should_and_says_what_to_do() {
    if is_skipped("metrics::each_alert_fires_when_it_should_and_says_what_to_do") {
        return;
    }
    expect_right(&promtool(&["check", "config", "prometheus.yml"], None));
    expect_right(&promtool(&["test", "rules", "alerts.test.yml"], None));
    let read = |name: &str| std::fs::read_to_string(format!("{MONITORING}/{name}")).expect("a file");
    let (alerts, tests) = (read("alerts.yml"), read("alerts.test.yml"));
    let all: Vec<&str> = alerts.split("- alert: ").skip(1).collect();
    assert!(all.len() > 20);
    for alert in all {
        let name = alert.lines().next().expect("a name");
        for part in ["severity: ", "summary: ", "description: "] {
            assert!(alert.contains(part), "{name} lacks {part}");
        }
        for case in ["fires", "is silent"] {
            assert!(tests.contains(&format!("- name: {name} {case}\n")), "no numbers show that {name} {case}");
        }
    }
}

#[test]
fn every_expression_of_the_dashboard_can_be_asked() {
    if is_skipped("metrics::every_expression_of_the_dashboard_can_be_asked") {
        return;
    }
    let rule = |(n, expression): (usize, &String)| json!({ "record": format!("dashboard:expression{n}"), "expr": expression.replace("$__rate_interval", "1m") });
    let rules: Vec<Value> = dashboard_expressions().iter().enumerate().map(rule).collect();
    assert!(rules.len() > 40);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("dashboard.yml");
    // JSON is YAML, too.
    std::fs::write(&file, json!({ "groups": [{ "name": "dashboard", "rules": rules }] }).to_string()).expect("written");
    expect_right(&promtool(&["check", "rules", file.to_str().expect("a path")], None));
}

/// Killed when dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_real_prometheus_reads_the_shop_by_the_example() {
    if is_skipped("metrics::a_real_prometheus_reads_the_shop_by_the_example") {
        return;
    }
    let told = Told::open().await;
    told.sell().await;
    let example = std::fs::read_to_string(format!("{MONITORING}/prometheus.yml")).expect("the example");
    assert!(example.contains("127.0.0.1:9464") && example.contains("scrape_interval: 15s"));
    let config = example.replace("127.0.0.1:9464", &told.address).replace("15s", "1s");
    let config = config.replace("- alerts.yml", &format!("- {MONITORING}/alerts.yml"));
    let home = told.folder.path().join("prometheus");
    std::fs::create_dir(&home).expect("a folder");
    std::fs::write(home.join("prometheus.yml"), config).expect("written");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
    let log = std::fs::File::create(home.join("log")).expect("a log");
    let _prometheus = Killed(
        Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "prometheus"])
            .arg(format!("--config.file={}", home.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", home.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("it starts"),
    );
    let ask = async |query: &str| -> Option<String> {
        let place = format!("http://127.0.0.1:{port}/api/v1/query");
        let url = reqwest::Url::parse_with_params(&place, &[("query", query)]).ok()?;
        let answer = told.server.wire.http.get(url).send().await.ok()?;
        let answer: Value = answer.json().await.ok()?;
        answer["data"]["result"][0]["value"][1].as_str().map(str::to_owned)
    };
    for (query, value) in [("up{job=\"bayader\",shop=\"bakery\"}", "1"), ("bayader_orders_placed_total", "1")] {
        let started = Instant::now();
        while ask(query).await.as_deref() != Some(value) {
            let log = std::fs::read_to_string(home.join("log")).unwrap_or_default();
            assert!(started.elapsed() < PATIENCE, "{query} is not {value}:\n{log}");
            tokio::time::sleep(LOOK).await;
        }
    }
}

#[tokio::test]
async fn whatever_is_asked_the_page_stays_as_long_and_names_nobody() {
    let told = Told::open().await;
    let guest = told.server.guest();
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    for access in TABLE {
        let path: Vec<&str> = access.path.split('/').map(|part| if part.starts_with('{') { id } else { part }).collect();
        let method: Method = access.method.parse().expect("a method");
        guest.request(method, &path.join("/")).send().await;
    }
    let knock = async |round: u32| {
        for n in 0..500_u32 {
            let number = (round * 500 + n).wrapping_mul(2_654_435_761);
            let path = match n % 3 {
                0 => format!("/{number:x}/{number}"),
                1 => format!("/api/v1/products/{number:08x}-ac96-774b-bcce-b302099a8057"),
                _ => format!("/api/v1/orders?secret={number:x}"),
            };
            guest.get(&path).send().await;
        }
    };
    knock(0).await;
    let lines = async || told.page().await.lines().count();
    let before = lines().await;
    knock(1).await;
    assert_eq!(lines().await, before, "the page grows with what strangers send");
    let page = told.page().await;
    let known: BTreeSet<&str> = TABLE.iter().map(|access| access.path).chain(["none"]).collect();
    let told_routes = label_values(&page, "route");
    assert!(told_routes.is_subset(&known), "{:?}", told_routes.difference(&known));
    assert!(told_routes.len() > TABLE.len() / 2, "the walk has come to few routes: {told_routes:?}");
    for private in [id, "secret", "owner@example.com", "Rania"] {
        assert!(!page.contains(private), "{private} stands on the page");
    }
    assert!(page.len() < 512 * 1024, "{} bytes", page.len());
}

#[tokio::test]
async fn the_page_is_off_unless_wanted_and_never_at_the_shops_own_door() {
    let told = Told::open().await;
    told.server.guest().get("/metrics").send().await.expect(404);
    told.server.guest().get("/").send().await;
    let ask = async |method: Method, path: &str| {
        let url = format!("http://{}{path}", told.address);
        told.server.wire.http.request(method, url).send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(ask(Method::GET, "/api/v1/products").await, 404, "the shop is not at the keeper's door either");
    assert_eq!(ask(Method::POST, "/metrics").await, 405);
    assert_eq!(ask(Method::GET, "/").await, 200);
    assert_eq!(ask(Method::HEAD, "/metrics").await, 200);
    let folder = Folder::with_owner();
    let quiet = Shop::spawn(&folder).await;
    assert!(!quiet.log().contains("metrics are told"), "{}", quiet.log());
}

#[tokio::test]
async fn who_asks_slowly_keeps_nobody_out() {
    let told = Told::open().await;
    let mut slow = Vec::new();
    for n in 0..40 {
        let mut stream = TcpStream::connect(&told.address).await.expect("a connection");
        if n % 2 == 0 {
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n").await.expect("sent");
        }
        slow.push(stream);
    }
    assert!(told.page().await.contains("bayader_build_info"));
    // The first of them have made room.
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, slow[0].read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "it is still held");
}

#[tokio::test]
async fn a_taken_address_for_metrics_is_named_at_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address");
    let folder = Folder::new();
    std::fs::create_dir(folder.data()).expect("a folder");
    std::fs::write(folder.data().join("bayader.toml"), format!("[server]\nmetrics_listen = \"{address}\"\n")).expect("written");
    let output = bayader(&folder.data(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains(&address.to_string()) && told.contains("server.metrics_listen"), "{told}");
}
