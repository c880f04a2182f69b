//! Traces, as a collector that others' definitions read sees them: one from a request to the message it caused, and nobody's data.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::{Folder, OWNER, PASSWORD, Shop, Spawned, is_there, python_peer, skipped};

const LOOK: Duration = Duration::from_millis(50);
/// Generous: spans leave a second after they were made, on a machine that does other things.
const PATIENCE: Duration = Duration::from_secs(60);
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A collector: OTLP as its protobuf definitions have it, a line a span. Dropped, it is killed.
struct Collector {
    child: Child,
    endpoint: String,
    spans: PathBuf,
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Collector {
    /// `None`, loudly, where what it needs is not installed.
    fn start(test: &str, folder: &Folder) -> Option<Collector> {
        if !is_there(&python_peer("python")) {
            skipped(test, "the Python peers are not there. Install them: tests/peers/install.sh");
            return None;
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/otlp_peer.py");
        let spans = folder.path().join("spans.jsonl");
        (0..3).find_map(|_| {
            let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr()).expect("a free port").port();
            let mut child = Command::new("setpriv")
                .args(["--pdeathsig", "KILL", &python_peer("python"), script, &port.to_string()])
                .arg(&spans)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()
                .expect("it starts");
            let mut line = String::new();
            BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("it says something");
            let collector = Collector { child, endpoint: format!("http://127.0.0.1:{port}"), spans: spans.clone() };
            line.starts_with("ready").then_some(collector)
        })
    }

    fn spans(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.spans).unwrap_or_default();
        let whole_lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole_lines.map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    /// The spans of a trace, once one of this name is among them.
    async fn trace_with(&self, trace: &str, name: &str, log: impl Fn() -> String) -> Vec<Value> {
        let started = Instant::now();
        loop {
            let spans: Vec<Value> = self.spans().into_iter().filter(|span| span["trace"] == trace).collect();
            if spans.iter().any(|span| span["name"] == name) {
                return spans;
            }
            assert!(started.elapsed() < PATIENCE, "no {name} in {TRACE}: {:?}\n{}", names(&spans), log());
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn names(spans: &[Value]) -> Vec<&str> {
    spans.iter().map(|span| span["name"].as_str().expect("a name")).collect()
}

fn called<'s>(spans: &'s [Value], name: &str) -> &'s Value {
    spans.iter().find(|span| span["name"] == name).unwrap_or_else(|| panic!("no {name} among {:?}", names(spans)))
}

/// What a span came of, up to the first of the trace.
fn causes<'s>(spans: &'s [Value], span: &'s Value) -> Vec<&'s str> {
    let parent = |span: &Value| spans.iter().find(|other| other["span"] == span["parent"]);
    std::iter::successors(parent(span), |span| parent(span)).map(|span| span["name"].as_str().expect("a name")).collect()
}

/// A mail provider that takes whatever it is sent, and keeps it.
struct Provider {
    base: String,
    heard: Arc<Mutex<String>>,
}

impl Provider {
    async fn start() -> Provider {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let heard = Arc::new(Mutex::new(String::new()));
        let all = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let all = Arc::clone(&all);
                tokio::spawn(async move {
                    let mut bytes = vec![0; 64 << 10];
                    let mut request = String::new();
                    loop {
                        let Ok(count @ 1..) = stream.read(&mut bytes).await else { return };
                        request.push_str(&String::from_utf8_lossy(&bytes[..count]));
                        let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
                        let length =
                            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                        if body.len() >= length.unwrap_or(0_usize) {
                            break;
                        }
                    }
                    all.lock().unwrap_or_else(PoisonError::into_inner).push_str(&request);
                    let _ = stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
                });
            }
        });
        Provider { base, heard }
    }

    fn heard(&self) -> String {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn spawn(folder: &Folder, variables: &[(&str, &str)]) -> Spawned {
    let variables: Vec<_> = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Shop::spawn_with(folder, &[], &variables).await
}

fn an_order(product: &Value) -> Value {
    json!({
        "items": [{ "productId": product, "quantity": 1 }], "paymentMethod": "cash", "isPickup": true,
        "customerInfo": { "name": "Zuhairsson", "email": "zuhairsson@private.example", "phone": "+962790123987" },
        "notes": "ring at Wahdat",
    })
}

#[tokio::test]
async fn one_trace_leads_from_a_request_to_the_message_it_caused_and_holds_nobodys_data() {
    let folder = Folder::with_owner();
    let Some(collector) =
        Collector::start("one_trace_leads_from_a_request_to_the_message_it_caused_and_holds_nobodys_data", &folder)
    else {
        return;
    };
    let provider = Provider::start().await;
    let mut shop = spawn(
        &folder,
        &[
            ("BAYADER_OTLP__ENDPOINT", &collector.endpoint),
            ("BAYADER_SERVER__LOG_FORMAT", "json"),
            ("BAYADER_MAIL__ADAPTER", "sendgrid"),
            ("BAYADER_MAIL__FROM", "orders@shop.example"),
            ("BAYADER_MAIL__SENDGRID__API_KEY", "SG.a-key-of-nobody"),
            ("BAYADER_MAIL__SENDGRID__BASE_URL", &provider.base),
        ],
    )
    .await;
    let owner = shop.admin().await;
    let bread = shop.product(&owner, "Bread").price("1.000").stock(9).create().await;
    let traceparent = format!("00-{TRACE}-{PARENT}-01");
    let ask = shop.guest().post("/api/v1/orders").json(&an_order(&bread.body["id"])).header("traceparent", &traceparent);
    let order = ask.header("x-request-id", "not-for-a-trace-zuhairsson").send().await.expect(201);
    let token = order["accessToken"].as_str().expect("a guest's token").to_owned();
    let read = format!("/api/v1/orders/{}?token={token}", order["orderId"].as_str().expect("an id"));
    shop.guest().get(&read).send().await.expect(200);
    shop.guest().get("/api/v1/products?q=zuhairsson").send().await.expect(200);

    let spans = collector.trace_with(TRACE, "send message", || shop.log()).await;
    let request = called(&spans, "POST /api/v1/orders");
    assert_eq!((&request["parent"], &request["kind"]), (&json!(PARENT), &json!("SPAN_KIND_SERVER")));
    let told = &request["attributes"];
    assert_eq!(
        (&told["http.request.method"], &told["http.route"], &told["http.response.status_code"], &told["url.scheme"]),
        (&json!("POST"), &json!("/api/v1/orders"), &json!("201"), &json!("http"))
    );
    assert_eq!(request["resource"]["service.name"], "bayader");

    let write = called(&spans, "orders.place");
    assert_eq!(causes(&spans, write), ["POST /api/v1/orders"]);
    assert_eq!(write["attributes"]["bayader.write.outcome"], "kept");
    for number in ["bayader.write.wait_us", "bayader.write.group_size", "bayader.write.commit_us"] {
        assert!(write["attributes"][number].as_str().is_some_and(|text| text.parse::<u64>().is_ok()), "{number}: {write}");
    }

    let job = called(&spans, "job notifications.order");
    assert_eq!(
        (causes(&spans, job), &job["kind"]),
        (vec!["orders.place", "POST /api/v1/orders"], &json!("SPAN_KIND_CONSUMER"))
    );
    let sent = called(&spans, "send message");
    let chain = causes(&spans, sent);
    assert_eq!((chain.first(), chain.last()), (Some(&"job messages.email"), Some(&"POST /api/v1/orders")), "{chain:?}");
    assert!(chain.contains(&"job notifications.order"), "a job that a job caused: {chain:?}");
    let asked =
        spans.iter().find(|span| span["kind"] == "SPAN_KIND_CLIENT" && span["attributes"]["server.address"] == "127.0.0.1");
    let asked = asked.unwrap_or_else(|| panic!("no call to the provider among {:?}", names(&spans)));
    assert_eq!((causes(&spans, asked)[0], &asked["attributes"]["http.response.status_code"]), ("send message", &json!("202")));
    assert!(
        spans.iter().any(|span| span["name"].as_str().is_some_and(|name| name.starts_with("read "))),
        "{:?}",
        names(&spans)
    );

    // Recurring work is nobody's doing: it begins traces of its own. Health is not told.
    assert!(shop.terminate().await.success());
    let all = collector.spans();
    assert!(all.iter().any(|span| span["trace"] != TRACE && span["parent"] == "" && span["kind"] == "SPAN_KIND_CONSUMER"));
    assert!(!all.iter().any(|span| span["attributes"]["http.route"] == "/readyz"));

    // Who asked, what for and by which secret: none of it is in a span, nor is the trace told to the provider.
    let whole: String = all.iter().map(|span| span["whole"].as_str().expect("all of it").to_lowercase()).collect();
    let secrets =
        [OWNER, PASSWORD, "zuhairsson", "private.example", "962790123987", "wahdat", &token, "sg.a-key", "rania", "bearer"];
    for secret in secrets {
        assert!(!whole.contains(&secret.to_lowercase()), "{secret} is in a span");
    }
    assert!(!whole.contains("token="), "a query is in a span");
    let heard = provider.heard();
    assert!(heard.contains("POST /v3/mail/send") && heard.contains("zuhairsson@private.example"), "{heard}");
    assert!(!heard.to_lowercase().contains("traceparent") && !heard.contains(TRACE), "{heard}");
}

#[tokio::test]
async fn who_does_not_want_a_trace_kept_gets_none_and_what_is_no_traceparent_begins_a_new_one() {
    let folder = Folder::with_owner();
    let Some(collector) =
        Collector::start("who_does_not_want_a_trace_kept_gets_none_and_what_is_no_traceparent_begins_a_new_one", &folder)
    else {
        return;
    };
    let mut shop = spawn(&folder, &[("BAYADER_OTLP__ENDPOINT", &collector.endpoint)]).await;
    let owner = shop.admin().await;
    let bread = shop.product(&owner, "Bread").price("1.000").stock(9).create().await;
    let order = an_order(&bread.body["id"]);
    let not_kept = format!("00-{TRACE}-{PARENT}-00");
    shop.guest().post("/api/v1/orders").json(&order).header("traceparent", &not_kept).send().await.expect(201);
    for wrong in ["00-1-2-01", "zuhairsson"] {
        shop.guest().get("/api/v1/products").header("traceparent", wrong).send().await.expect(200);
    }
    let twice = format!("00-{TRACE}-{PARENT}-01");
    let ask = shop.guest().get("/api/v1/products").header("traceparent", &twice).header("traceparent", &twice);
    ask.send().await.expect(200);
    assert!(shop.terminate().await.success());

    let all = collector.spans();
    let kept: Vec<&Value> = all.iter().filter(|span| span["trace"] == TRACE).collect();
    assert!(kept.is_empty(), "{kept:?}");
    let of = |name: &str| all.iter().filter(|span| span["name"] == name && span["parent"] == "").count();
    assert_eq!(of("GET /api/v1/products"), 3);

    // The job keeps whose doing it is all the same, with the wish that nobody is told.
    let books = rusqlite::Connection::open(folder.data().join("bayader.db")).expect("the books");
    let sql = "select traceparent from jobs where kind = 'notifications.order'";
    let cause: String = books.query_row(sql, [], |row| row.get(0)).expect("the job's cause");
    assert!(cause.starts_with(&format!("00-{TRACE}-")) && cause.ends_with("-00"), "{cause}");
    let sql = "select count(*) from jobs where key = 'recurring' and traceparent is not null";
    assert_eq!(books.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a count"), 0, "recurring work is nobody's doing");
}

#[tokio::test]
async fn a_collector_that_is_down_or_hangs_costs_nothing_and_is_told_once() {
    // Bound and never accepted from: who connects waits for an answer.
    let hanging = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let hangs = format!("http://{}", hanging.local_addr().expect("an address"));
    let gone = TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr()).expect("a free port");
    for (endpoint, is_told) in [(format!("http://{gone}"), true), (hangs, false)] {
        let folder = Folder::with_owner();
        let mut shop = spawn(&folder, &[("BAYADER_OTLP__ENDPOINT", &endpoint)]).await;
        let owner = shop.admin().await;
        let bread = shop.product(&owner, "Bread").price("1.000").stock(99).create().await;
        for _ in 0..20 {
            shop.guest().post("/api/v1/orders").json(&an_order(&bread.body["id"])).send().await.expect(201);
        }
        let told = |log: &str| log.matches("traces do not reach the collector").count();
        let started = Instant::now();
        while is_told && told(&shop.log()) == 0 {
            assert!(started.elapsed() < PATIENCE, "it is not told:\n{}", shop.log());
            tokio::time::sleep(LOOK).await;
        }
        shop.guest().post("/api/v1/orders").json(&an_order(&bread.body["id"])).send().await.expect(201);
        // `terminate` fails if it takes long.
        assert!(shop.terminate().await.success());
        assert!(told(&shop.log()) <= 1, "{}", shop.log());
        folder.expect_healthy();
    }
}
