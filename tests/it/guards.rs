//! What stands between the shop and the internet: limits of rate, of open orders and of connections, CORS, headers.

use std::time::Duration;

use bayader::http::server::Limits;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::skipped;
use crate::harness::{Client, Folder, Order, Product, Reply, Request, Shop};

/// A test's own machine speaks for others, so that a test can be many.
const PROXY: (&str, &str) = ("BAYADER_SERVER__TRUSTED_PROXIES", "127.0.0.1");
const LIMITED: (&str, &str) = ("BAYADER_RATE_LIMIT__ENABLED", "true");

fn from(request: Request, address: &str) -> Request {
    request.header("x-forwarded-for", address)
}

/// `RateLimit` of an answer: how many are left and in how many seconds all are there again.
fn left(reply: &Reply) -> (u32, u32) {
    let text = reply.header("ratelimit").unwrap_or_else(|| panic!("no RateLimit: {reply:?}"));
    let (_, parameters) = text.split_once(';').expect("parameters");
    let number = |name: &str| {
        let found = parameters.split(';').find_map(|parameter| parameter.strip_prefix(name));
        found.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
    };
    (number("r="), number("t="))
}

#[tokio::test]
async fn an_address_has_so_many_requests_and_is_told_how_many_are_left() {
    let few = [("BAYADER_RATE_LIMIT__PUBLIC__PER_MINUTE", "60"), ("BAYADER_RATE_LIMIT__PUBLIC__BURST", "3")];
    let shop = Shop::open_without_owner(&[&[LIMITED, PROXY], few.as_slice()].concat()).await;
    let ask = |address: &'static str| from(shop.guest().get("/api/v1/categories"), address);
    // A shop that is not set up answers nobody, and counts nobody.
    for _ in 0..5 {
        ask("203.0.113.1").send().await.expect_problem(503, "setup_required");
    }
    shop.close().await;

    let shop = Shop::open_with(&[&[LIMITED, PROXY], few.as_slice()].concat()).await;
    let ask = |address: &'static str| from(shop.guest().get("/api/v1/categories"), address);
    for (r, t) in [(2, 1), (1, 2), (0, 3)] {
        let reply = ask("203.0.113.1").send().await.expect(200);
        assert_eq!(reply.header("ratelimit-policy"), Some("\"public\";q=3;w=3"));
        assert_eq!(left(&reply), (r, t));
    }
    let refused = ask("203.0.113.1").header("accept-language", "ar").send().await.expect_problem(429, "rate_limited");
    assert_eq!((refused.header("retry-after"), left(&refused)), (Some("1"), (0, 3)));
    assert_eq!(refused["title"], "طلبات كثيرة في وقت قصير");
    // Neither who else asks, nor who writes himself other names, shares or escapes it.
    ask("203.0.113.2").send().await.expect(200);
    for spoofed in ["198.51.100.7, 203.0.113.1", "127.0.0.1, 203.0.113.1", "203.0.113.1:4711"] {
        from(shop.guest().get("/api/v1/products"), spoofed).send().await.expect_problem(429, "rate_limited");
    }
    // A household of IPv6 is one.
    for n in 1..=3 {
        from(shop.guest().get("/api/v1/products"), &format!("2001:db8:0:7::{n}")).send().await.expect(200);
    }
    ask("2001:db8:0:7:ffff::9").send().await.expect_problem(429, "rate_limited");
    ask("2001:db8:0:8::1").send().await.expect(200);
    // Health is asked by machines, as often as they like.
    for _ in 0..10 {
        let reply = from(shop.guest().get("/healthz"), "203.0.113.1").send().await.expect(200);
        assert_eq!(reply.header("ratelimit"), None);
    }
    shop.advance(Duration::from_secs(1));
    ask("203.0.113.1").send().await.expect(200);
    ask("203.0.113.1").send().await.expect_problem(429, "rate_limited");
    shop.advance(Duration::from_secs(60));
    assert_eq!(left(&ask("203.0.113.1").send().await.expect(200)).0, 2);
    shop.close().await;
}

#[tokio::test]
async fn an_account_has_a_bucket_of_its_own_and_a_bad_token_counts_as_its_address() {
    let few = [("BAYADER_RATE_LIMIT__PUBLIC__BURST", "20"), ("BAYADER_RATE_LIMIT__SIGNED_IN__BURST", "4")];
    let shop = Shop::open_with(&[&[LIMITED, PROXY], few.as_slice()].concat()).await;
    let layla = shop.customer("Layla").await;
    let me = |who: &Client, address: &str| from(who.get("/api/v1/auth/me"), address);
    for n in 0..4 {
        let reply = me(&layla, &format!("203.0.113.{n}")).send().await.expect(200);
        assert_eq!(reply.header("ratelimit-policy"), Some("\"signed_in\";q=4;w=1"));
        assert_eq!(left(&reply).0, 3 - n);
    }
    let refused = me(&layla, "203.0.113.9").send().await.expect_problem(429, "rate_limited");
    assert_eq!(refused.header("ratelimit-policy"), Some("\"signed_in\";q=4;w=1"));
    me(&shop.customer("Omar").await, "203.0.113.9").send().await.expect(200);
    let forged = || from(shop.guest().get("/api/v1/auth/me"), "198.51.100.1").header("authorization", "Bearer forged");
    for n in 0..20 {
        let reply = forged().send().await.expect_problem(401, "unauthenticated");
        assert_eq!(left(&reply).0, 19 - n);
    }
    forged().send().await.expect_problem(429, "rate_limited");
    from(shop.guest().get("/api/v1/products"), "198.51.100.1").send().await.expect_problem(429, "rate_limited");
    shop.close().await;
}

#[tokio::test]
async fn turned_off_nobody_is_counted_and_nothing_is_told() {
    let few = [("BAYADER_RATE_LIMIT__PUBLIC__BURST", "1"), ("BAYADER_RATE_LIMIT__PUBLIC__PER_MINUTE", "1")];
    let shop = Shop::open_with(&few).await;
    for _ in 0..5 {
        let reply = shop.guest().see("/api/v1/products").await;
        assert_eq!((reply.header("ratelimit"), reply.header("ratelimit-policy")), (None, None));
    }
    shop.close().await;
}

#[tokio::test]
async fn without_a_trusted_proxy_nobody_is_somebody_else() {
    let few = [("BAYADER_RATE_LIMIT__PUBLIC__BURST", "5"), ("BAYADER_RATE_LIMIT__PUBLIC__PER_MINUTE", "1")];
    let shop = Shop::open_with(&[&[LIMITED], few.as_slice()].concat()).await;
    // The owner's signing in was the first.
    for n in 1..5 {
        from(shop.guest().get("/api/v1/products"), &format!("203.0.113.{n}")).send().await.expect(200);
    }
    from(shop.guest().get("/api/v1/products"), "203.0.113.99").send().await.expect_problem(429, "rate_limited");
    shop.close().await;
}

/// A shop that counts, but in which nobody asks too often.
async fn patient_shop() -> Shop {
    let many = [
        ("BAYADER_RATE_LIMIT__PUBLIC__BURST", "100000"),
        ("BAYADER_RATE_LIMIT__PUBLIC__PER_MINUTE", "100000"),
        ("BAYADER_RATE_LIMIT__SIGNED_IN__BURST", "100000"),
        ("BAYADER_RATE_LIMIT__SIGNED_IN__PER_MINUTE", "100000"),
    ];
    Shop::open_with(&[&[LIMITED, PROXY], many.as_slice()].concat()).await
}

async fn order_with(shop: &Shop, bread: &Product, phone: &str, address: &str) -> Reply {
    let order = shop.guest().order().line(bread, 1).pickup();
    from(order.field("customerInfo", json!({ "name": "Huda", "phone": phone })).request(), address).send().await
}

#[tokio::test]
async fn a_phone_has_three_unconfirmed_orders_and_each_way_out_of_pending_makes_room() {
    let shop = patient_shop().await;
    let bread = shop.product("Bread").stock(1_000).create().await;
    let staff = shop.staff().await;
    let order = || order_with(&shop, &bread, "+962790000042", "203.0.113.1");
    let mut placed = Vec::new();
    for _ in 0..3 {
        placed.push(Order::of(&order().await.expect(201)));
    }
    let refused = order().await.expect_problem(409, "too_many_open_orders");
    assert_eq!(refused["limit"], 3);
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains("Call the shop")), "{refused:?}");
    assert_eq!(staff.pieces(&bread).await, (1_000, 3, 997), "a refused order holds nothing");
    // The number counts, however it is written, and wherever it comes from.
    order_with(&shop, &bread, "00962790000042", "203.0.113.2").await.expect_problem(409, "too_many_open_orders");
    // Staff and customers are known; theirs are not counted.
    staff.order().line(&bread, 1).field("customerInfo", json!({ "name": "H", "phone": "+962790000042" })).place().await;
    shop.customer("Layla").await.order().line(&bread, 1).place().await;

    // Confirmed: room for one. Taken back: none again.
    let confirmed = staff.move_order_through(&placed[0], &["Confirmed"]).await;
    let fourth = Order::of(&order().await.expect(201));
    let undo = json!({ "version": confirmed["version"] });
    staff.post(&format!("{}/undo", placed[0].path())).json(&undo).send().await.expect(200);
    order().await.expect_problem(409, "too_many_open_orders");
    staff.move_order_through(&placed[0], &["Confirmed"]).await;
    order().await.expect_problem(409, "too_many_open_orders");
    // Cancelled by the guest; collected by staff; ended by itself.
    let cancel = shop.guest().post(&format!("{}/cancel", fourth.path())).header("x-order-token", fourth.token());
    cancel.json(&json!({})).send().await.expect(200);
    let fifth = Order::of(&order().await.expect(201));
    order().await.expect_problem(409, "too_many_open_orders");
    staff.post(&format!("{}/collect", fifth.path())).json(&json!({})).send().await.expect(200);
    order().await.expect(201);
    order().await.expect_problem(409, "too_many_open_orders");
    shop.advance(Duration::from_secs(25 * 60 * 60));
    shop.run_jobs().await;
    for _ in 0..3 {
        order().await.expect(201);
    }
    let arabic = from(shop.guest().order().line(&bread, 1).request(), "203.0.113.1").header("accept-language", "ar");
    arabic.send().await.expect(201);
    shop.close().await;
}

#[tokio::test]
async fn a_network_has_thirty_unconfirmed_orders_of_guests() {
    let shop = patient_shop().await;
    let bread = shop.product("Bread").stock(1_000).create().await;
    let phone = |n: usize| format!("+96279{n:07}");
    for n in 0..30 {
        order_with(&shop, &bread, &phone(n), &format!("2001:db8:0:7::{n}")).await.expect(201);
    }
    let refused = order_with(&shop, &bread, &phone(31), "2001:db8:0:7::99").await.expect_problem(409, "too_many_open_orders");
    assert_eq!(refused["limit"], 30);
    order_with(&shop, &bread, &phone(31), "2001:db8:0:8::1").await.expect(201);
    // The limits have their switch.
    shop.close().await;
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(1_000).create().await;
    for _ in 0..5 {
        order_with(&shop, &bread, "+962790000042", "203.0.113.1").await.expect(201);
    }
    shop.close().await;
}

#[tokio::test]
async fn pages_of_listed_origins_may_ask_and_no_others() {
    let origins = ("BAYADER_SERVER__CORS_ORIGINS", "https://shop.example,http://localhost:5173");
    let shop = Shop::open_with(&[origins]).await;
    let at = |origin: &str| shop.guest().get("/api/v1/products").header("origin", origin);
    for origin in ["https://shop.example", "http://localhost:5173"] {
        let reply = at(origin).send().await.expect(200);
        assert_eq!(reply.header("access-control-allow-origin"), Some(origin));
        let exposed = reply.header("access-control-expose-headers").expect("exposed");
        for name in ["ETag", "Location", "Retry-After", "RateLimit", "RateLimit-Policy", "X-Request-Id", "Idempotency-Replayed"]
        {
            assert!(exposed.split(", ").any(|exposed| exposed == name), "{name} is not in {exposed}");
        }
        assert_eq!(reply.header("access-control-allow-credentials"), None);
    }
    for origin in
        ["https://evil.example", "https://shop.example.evil.example", "http://shop.example", "null", "https://SHOP.example"]
    {
        let reply = at(origin).send().await.expect(200);
        assert!(!reply.headers.keys().any(|name| name.as_str().starts_with("access-control")), "{origin}: {:?}", reply.headers);
        assert!(vary(&reply).contains(&"Origin".to_owned()));
    }
    assert!(vary(&shop.guest().see("/api/v1/products").await).contains(&"Origin".to_owned()));
    // A refusal can be read there too.
    let refused = shop.guest().get("/api/v1/nothing").header("origin", "https://shop.example").send().await.expect(404);
    assert_eq!(refused.header("access-control-allow-origin"), Some("https://shop.example"));
    shop.close().await;
}

fn vary(reply: &Reply) -> Vec<String> {
    let lines = reply.headers.get_all("vary").iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',').map(|name| name.trim().to_owned())).collect()
}

/// A preflight; the harness's document knows no OPTIONS, so it is asked apart.
async fn preflight(shop: &Shop, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
    let mut request = shop.wire.http.request(Method::OPTIONS, format!("{}{path}", shop.wire.base));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.expect("an answer")
}

#[tokio::test]
async fn a_browser_that_asks_first_is_told_what_it_may() {
    let shop = Shop::open_with(&[("BAYADER_SERVER__CORS_ORIGINS", "https://shop.example")]).await;
    let asks = [("origin", "https://shop.example"), ("access-control-request-method", "POST")];
    let allowed = preflight(&shop, "/api/v1/orders", &asks).await;
    assert_eq!(allowed.status(), 204);
    let header = |name: &str| allowed.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
    assert_eq!(header("access-control-allow-origin"), "https://shop.example");
    assert!(
        header("access-control-allow-methods").contains("POST") && !header("access-control-allow-methods").contains("DELETE")
    );
    for name in [
        "Authorization",
        "Content-Type",
        "Idempotency-Key",
        "If-Match",
        "If-None-Match",
        "X-Order-Token",
        "X-Cart-Token",
        "X-Request-Id",
        "Accept-Language",
    ] {
        assert!(header("access-control-allow-headers").split(", ").any(|allowed| allowed == name), "{name}");
    }
    assert_eq!(header("access-control-max-age"), "7200");
    assert_eq!(header("access-control-allow-credentials"), "");
    // Nothing was done, nobody had to sign in, no body came.
    assert_eq!(allowed.bytes().await.expect("a body").len(), 0);
    assert_eq!(preflight(&shop, "/api/v1/products/1", &asks).await.status(), 204);
    assert_eq!(preflight(&shop, "/api/v1/nothing", &asks).await.status(), 404);
    let others = [("origin", "https://evil.example"), ("access-control-request-method", "POST")];
    let refused = preflight(&shop, "/api/v1/orders", &others).await;
    assert_eq!((refused.status().as_u16(), refused.headers().get("access-control-allow-origin")), (405, None));
    assert_eq!(preflight(&shop, "/api/v1/orders", &asks[..1]).await.status(), 405, "a plain OPTIONS is no preflight");
    shop.close().await;

    let closed = Shop::open().await;
    let refused = preflight(&closed, "/api/v1/orders", &asks).await;
    assert_eq!((refused.status().as_u16(), refused.headers().get("access-control-allow-origin")), (405, None));
    assert!(!vary(&closed.guest().see("/api/v1/products").await).contains(&"Origin".to_owned()));
    closed.close().await;
}

#[tokio::test]
async fn every_answer_is_shielded() {
    let shop = Shop::open_with(&[PROXY]).await;
    let guest = shop.guest();
    let plain = [
        guest.get("/healthz").send().await.expect(200),
        guest.get("/api/v1/products").send().await.expect(200),
        guest.get("/api/v1/nothing").send().await.expect(404),
        guest.delete("/healthz").send().await.expect(405),
        guest.get("/api/v1/auth/me").send().await.expect(401),
        guest.post("/api/v1/orders").json(&json!({})).send().await.expect(422),
    ];
    for reply in &plain {
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{name}: {reply:?}");
        }
        assert_eq!(reply.header("strict-transport-security"), None);
    }
    let secure = || guest.get("/api/v1/products").header("x-forwarded-proto", "https");
    let named = secure().header("host", "shop.example").send().await.expect(200);
    assert_eq!(named.header("strict-transport-security"), Some("max-age=31536000"));
    let by_address = secure().send().await.expect(200);
    assert_eq!(by_address.header("strict-transport-security"), None, "an address has no such promise (RFC 6797, 8.1.1)");
    shop.close().await;
    let alone = Shop::open().await;
    let claimed = alone.guest().get("/healthz").header("x-forwarded-proto", "https").send().await.expect(200);
    assert_eq!(claimed.header("strict-transport-security"), None, "whoever says so is not believed");
    alone.close().await;
}

#[tokio::test]
async fn the_keeper_is_told_once_of_a_proxy_that_is_not_trusted() {
    let folder = Folder::with_owner();
    let server = Shop::spawn(&folder).await;
    server.guest().get("/api/v1/products").send().await.expect(200);
    assert!(!server.log().contains("trusted_proxies"), "{}", server.log());
    for address in ["203.0.113.9", "203.0.113.10"] {
        server.guest().get("/api/v1/products").header("x-forwarded-for", address).send().await.expect(200);
    }
    let log = server.log();
    assert_eq!(log.matches("server.trusted_proxies").count(), 1, "{log}");
    assert!(!log.contains("203.0.113"), "whoever asks stays out of the log: {log}");
}

/// What a test waits for at most.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends bytes as they are, and reads until the shop ends the connection or nothing comes.
async fn raw(shop: &Shop, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(shop.address()).await.expect("the shop listens");
    // A shop that refuses early may end the line in the middle.
    let _ = stream.write_all(bytes).await;
    read_all(&mut stream).await
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    // A line that was reset has said what it had to say.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut seen)).await.expect("the shop ends the line in time");
    String::from_utf8_lossy(&seen).into_owned()
}

/// Status and code of a raw answer; a refusal must be a problem.
fn told(answer: &str) -> (u16, String) {
    let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|text| text.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    if status >= 400 {
        assert!(head.to_lowercase().contains("content-type: application/problem+json"), "{head}");
        assert!(head.to_lowercase().contains("x-request-id: "), "{head}");
    }
    let body: Value = serde_json::from_str(body).unwrap_or(Value::Null);
    (status, body["code"].as_str().unwrap_or("").to_owned())
}

#[tokio::test]
async fn hostile_heads_are_refused_and_the_shop_goes_on() {
    let shop = Shop::open().await;
    let head = |more: &str| format!("GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{more}\r\n");
    let many = (0..200).fold(String::new(), |all, n| all + &format!("x-{n}: 1\r\n"));
    let post = "POST /api/v1/auth/login HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\n";
    let cases: Vec<(&str, Vec<u8>, &[u16])> = vec![
        ("well-formed", head("").into(), &[200]),
        ("a head of 40 KB", head(&format!("x-long: {}\r\n", "x".repeat(40_000))).into(), &[431]),
        ("a head of 4 MB", head(&format!("x-long: {}\r\n", "x".repeat(4 << 20))).into(), &[431]),
        ("two hundred headers", head(&many).into(), &[431]),
        ("an address of 100 KB", format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(100_000)).into(), &[414, 431]),
        ("no request", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(), &[400]),
        ("a method that is none", b"G@T / HTTP/1.1\r\nhost: a\r\n\r\n".to_vec(), &[400]),
        ("another version", b"GET / HTTP/3.7\r\nhost: a\r\n\r\n".to_vec(), &[400]),
        ("NUL in a value", head("x-nul: a\0b\r\n").into(), &[400]),
        ("NUL in a name", head("x\0nul: a\r\n").into(), &[400]),
        ("a line that goes on", head("x-fold: a\r\n b\r\n").into(), &[400]),
        ("a space before the colon", head("x-space : a\r\n").into(), &[400]),
        ("a bare CR", head("x-cr: a\rb\r\n").into(), &[400]),
        ("bytes that are no UTF-8", [head("").trim_end().as_bytes(), b"\r\nx-bytes: \xff\xfe\r\n\r\n"].concat(), &[200]),
        ("no host", b"GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n".to_vec(), &[200, 400]),
        ("many of one", head(&"authorization: Bearer x\r\n".repeat(50)).into(), &[200]),
        ("two lengths", format!("{post}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}}").into(), &[400]),
        ("a length that is none", format!("{post}content-length: -1\r\n\r\n{{}}").into(), &[400]),
        ("a length too large", format!("{post}content-length: 99999999999999999999\r\n\r\n{{}}").into(), &[400]),
        ("another coding", format!("{post}transfer-encoding: gzip\r\n\r\n{{}}").into(), &[400]),
        ("a bad chunk", format!("{post}transfer-encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n").into(), &[400]),
        ("a chunk too large", format!("{post}transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n").into(), &[400]),
        ("a chunk that does not end", format!("{post}transfer-encoding: chunked\r\n\r\n2\r\n{{}}XX0\r\n\r\n").into(), &[400]),
    ];
    for (name, bytes, wanted) in cases {
        let (status, code) = told(&raw(&shop, &bytes).await);
        assert!(wanted.contains(&status), "{name}: {status} {code}, not {wanted:?}");
        shop.guest().see("/healthz").await;
    }
    let refused = raw(&shop, head(&many).as_bytes()).await;
    assert_eq!(told(&refused), (431, "headers_too_large".to_owned()));
    assert!(refused.to_lowercase().contains("x-content-type-options: nosniff"), "{refused}");
    assert_eq!(told(&raw(&shop, b"nonsense\r\n\r\n").await), (400, "bad_request".to_owned()));
    shop.close().await;
}

#[tokio::test]
async fn nothing_is_smuggled_behind_two_lengths() {
    let shop = Shop::open().await;
    // One peer counts by the length, another by the chunks: what follows the shorter would be a request that nobody has checked.
    let smuggled = "POST /api/v1/auth/login HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\
                    transfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answers = raw(&shop, smuggled.as_bytes()).await;
    assert!(!answers.contains("\"ok\""), "a request that was hidden in another was answered: {answers}");
    shop.guest().see("/healthz").await;
    shop.close().await;
}

#[tokio::test]
async fn requests_in_one_breath_are_answered_in_their_order() {
    let shop = Shop::open().await;
    let ask = |path: &str, more: &str| format!("GET {path} HTTP/1.1\r\nhost: a\r\n{more}\r\n");
    let bytes = ask("/healthz", "") + &ask("/api/v1/nothing", "") + &ask("/api/v1/categories", "connection: close\r\n");
    let answers = raw(&shop, bytes.as_bytes()).await;
    let statuses: Vec<&str> = answers.match_indices("HTTP/1.1 ").map(|(at, _)| &answers[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["200", "404", "200"], "{answers}");
    shop.close().await;
}

/// So short that a test can wait for them.
fn impatient() -> Limits {
    Limits { head_time: Duration::from_millis(400), body_time: Duration::from_millis(400), ..Limits::default() }
}

#[tokio::test]
async fn who_sends_nothing_or_only_drips_is_not_waited_for() {
    let shop = Shop::open_limited(&[], impatient()).await;
    let address = shop.address().to_owned();
    let drip = |bytes: &'static [u8]| {
        let address = address.clone();
        async move {
            let mut stream = TcpStream::connect(address).await.expect("the shop listens");
            let (mut read, mut write) = stream.split();
            let mut seen = Vec::new();
            let send = async {
                for byte in bytes {
                    // A byte at a time, so that something comes now and then; the whole would take a minute.
                    if write.write_all(&[*byte]).await.is_err() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                std::future::pending::<()>().await;
            };
            let ended = async { read.read_to_end(&mut seen).await };
            tokio::select! {
                () = send => {}
                ended = tokio::time::timeout(PATIENCE, ended) => { let _ = ended.expect("it is not waited for"); }
            }
            String::from_utf8_lossy(&seen).into_owned()
        }
    };
    let (silent, head, body, chunks) = tokio::join!(
        drip(b""),
        drip(b"GET /healthz HTTP/1.1\r\nhost: somewhere.example\r\nx-slow: it takes its time, byte by byte"),
        async {
            let request = "POST /api/v1/auth/login HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"a";
            let mut stream = TcpStream::connect(shop.address()).await.expect("the shop listens");
            stream.write_all(request.as_bytes()).await.expect("sent");
            let mut seen = vec![0; 12];
            stream.read_exact(&mut seen).await.expect("an answer");
            String::from_utf8_lossy(&seen).into_owned()
        },
        async {
            let request = "POST /api/v1/auth/login HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n";
            let mut stream = TcpStream::connect(shop.address()).await.expect("the shop listens");
            stream.write_all(request.as_bytes()).await.expect("sent");
            let mut seen = vec![0; 12];
            stream.read_exact(&mut seen).await.expect("an answer");
            String::from_utf8_lossy(&seen).into_owned()
        },
    );
    assert_eq!((silent.as_str(), head.as_str()), ("", ""), "before a request there is nothing to answer");
    assert_eq!((body.as_str(), chunks.as_str()), ("HTTP/1.1 400", "HTTP/1.1 400"));
    // A line that rests after an answer ends too.
    let mut stream = TcpStream::connect(shop.address()).await.expect("the shop listens");
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("sent");
    assert_eq!(told(&read_all(&mut stream).await).0, 200);
    shop.guest().see("/healthz").await;
    shop.close().await;
}

#[tokio::test]
async fn a_body_that_is_cut_changes_nothing() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(5).create().await;
    let body = json!({
        "items": [{ "productId": bread.id, "quantity": 1 }],
        "customerInfo": { "name": "Huda", "phone": "+962790000042" },
        "paymentMethod": "cash",
    })
    .to_string();
    let head = format!(
        "POST /api/v1/orders HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    for length in [0, 1, body.len() / 2, body.len() - 1] {
        let mut stream = TcpStream::connect(shop.address()).await.expect("the shop listens");
        stream.write_all(head.as_bytes()).await.expect("sent");
        stream.write_all(&body.as_bytes()[..length]).await.expect("sent");
        stream.shutdown().await.expect("cut");
        let answer = read_all(&mut stream).await;
        assert!(answer.is_empty() || told(&answer).0 == 400, "{length}: {answer}");
    }
    assert_eq!(shop.owner().pieces(&bread).await, (5, 0, 5));
    shop.close().await;
}

#[tokio::test]
async fn where_all_places_are_taken_the_longest_silent_makes_room() {
    let shop = Shop::open_limited(&[], Limits { connections: 32, of_one_address: 16, ..Limits::default() }).await;
    let bread = shop.product("Bread").stock(500).create().await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(shop.address()).await.expect("the shop listens"));
        if silent.len() % 20 == 0 {
            shop.guest().order().line(&bread, 1).place().await;
        }
    }
    shop.close().await;
}

/// Of each, the shop's end and ours, for a test has both in one process; and some for all else.
const SILENT: u64 = 10_000;
const FILES: u64 = SILENT + 4_096 + 1_500;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_who_say_nothing_do_not_stop_orders() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    if hard < FILES {
        let why = format!("only {hard} files may be open (ulimit -Hn), it takes {FILES}");
        return skipped("ten_thousand_who_say_nothing_do_not_stop_orders", &why);
    }
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("up to the hard limit anybody may");
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10_000).create().await;
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(TcpStream::connect(shop.address()).await.expect("the shop listens"));
    }
    let started = tokio::time::Instant::now();
    for _ in 0..5 {
        // Each over a line of its own, opened among the silent ones.
        let orders = (0..20).map(|_| {
            let wire = crate::harness::Wire::to(shop.wire.base.clone(), shop.clock.clone());
            let bread = &bread;
            async move { Client::guest(&wire).order().line(bread, 1).send().await.expect(201) }
        });
        futures_util::future::join_all(orders).await;
    }
    let took = started.elapsed();
    assert!(took < Duration::from_secs(20), "100 orders took {took:?} beside {SILENT} silent connections");
    assert_eq!(shop.owner().pieces(&bread).await, (10_000, 100, 9_900));
    drop(silent);
    shop.close().await;
}

#[tokio::test]
async fn large_bodies_that_never_end_leave_room_for_orders() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(5).create().await;
    let head = "POST /api/v1/cart HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\ncontent-length: 1048576\r\n\r\n";
    let all_but_the_end = [head.as_bytes(), &vec![b' '; 1_048_575]].concat();
    let mut held = Vec::new();
    for _ in 0..64 {
        let mut stream = TcpStream::connect(shop.address()).await.expect("the shop listens");
        stream.write_all(&all_but_the_end).await.expect("sent");
        held.push(stream);
    }
    let large = json!({ "items": [], "padding": "x".repeat(20_000) });
    let put = || shop.guest().post("/api/v1/cart").json(&large).send();
    // Until the last of them was read as far as it goes.
    let mut reply = put().await;
    for _ in 0..1_000 {
        if reply.status == 503 {
            break;
        }
        reply.expect(422);
        reply = put().await;
    }
    assert_eq!(reply.expect_problem(503, "busy").header("retry-after"), Some("1"));
    shop.guest().order().line(&bread, 1).place().await;
    drop(held);
    let mut reply = put().await;
    for _ in 0..1_000 {
        if reply.status == 422 {
            break;
        }
        reply = put().await;
    }
    reply.expect_problem(422, "validation_failed");
    shop.close().await;
}
