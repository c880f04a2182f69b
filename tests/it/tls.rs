//! HTTPS of the shop's own: certificates of files, the two doors, and who tries to wear them out.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bayader::clock::Clock;
use bayader::config::Source;
use bayader::http::server::Limits;
use bayader::http::tls::{Tls, look};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::doubles::certificates::{Authority, Files, Issued, moment, shown, wire};
use crate::harness::{Client, Folder, PASSWORD, Shop, bayader};

const NAME: &str = "shop.example";
/// A test's own machine speaks for others, so that a test can be many.
const PROXY: (&str, &str) = ("BAYADER_SERVER__TRUSTED_PROXIES", "127.0.0.1");
const FAR: &str = "203.0.113.9";
/// On a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);

/// A shop with a pair of files, who believes it, and where they lie.
struct Setting {
    shop: Shop,
    authority: Authority,
    issued: Issued,
    files: Files,
    _folder: tempfile::TempDir,
}

impl Setting {
    async fn open(names: &[&str], variables: &[(&str, &str)]) -> Setting {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::new();
        let issued = authority.issue_long(names);
        let files = issued.put(folder.path());
        let shop = Shop::open_with(&[&files.variables()[..], variables].concat()).await;
        Setting { shop, authority, issued, files, _folder: folder }
    }

    fn browser(&self) -> reqwest::Client {
        self.authority.client(&[NAME, "www.shop.example"], self.shop.https())
    }

    fn url(&self, path: &str) -> String {
        format!("https://{NAME}:{}{path}", self.shop.https().port())
    }

    /// Whoever asks by HTTPS, held against the OpenAPI document like everybody.
    fn guest(&self) -> Client {
        Client::guest(&wire(self.browser(), NAME, self.shop.https(), self.shop.clock.clone()))
    }
}

/// One request in the clear: whom it says it is for, and from where it comes.
async fn plain(shop: &Shop, method: Method, path: &str, host: &str, from: &str) -> reqwest::Response {
    let browser = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let request = browser.request(method, format!("http://{}{path}", shop.address()));
    request.header("host", host).header("x-forwarded-for", from).send().await.expect("an answer")
}

fn location(response: &reqwest::Response) -> &str {
    response.headers().get("location").map_or("", |value| value.to_str().expect("a URL"))
}

#[tokio::test]
async fn a_shop_with_its_own_certificate_is_spoken_to_by_https_in_both_versions() {
    let set = Setting::open(&[NAME, "127.0.0.1"], &[]).await;
    for version in [reqwest::tls::Version::TLS_1_2, reqwest::tls::Version::TLS_1_3] {
        let browser = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([reqwest::Certificate::from_pem(set.authority.pem().as_bytes()).expect("a certificate")])
            .resolve(NAME, set.shop.https())
            .tls_version_min(version)
            .tls_version_max(version)
            .build()
            .expect("a client");
        let response = browser.get(set.url("/api/v1/products")).send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers().get("strict-transport-security").expect("HSTS"), "max-age=31536000");
    }
    let by_address = set.browser().get(format!("https://{}/healthz", set.shop.https())).send().await.expect("an answer");
    assert!(by_address.headers().get("strict-transport-security").is_none(), "an address bears no such promise");
    let state = set.shop.inner().tls.as_ref().expect("TLS").state();
    assert_eq!(state.names, [NAME, "127.0.0.1"]);
    assert_eq!((state.not_after, state.trouble), (Some(moment("2040-01-01")), None));
    let stranger = Authority::new().client(&[NAME], set.shop.https());
    assert!(stranger.get(set.url("/healthz")).send().await.is_err(), "nobody else's authority vouches for it");
    set.shop.close().await;
}

#[tokio::test]
async fn versions_before_1_2_are_refused() {
    let set = Setting::open(&[NAME], &[]).await;
    // A handshake as browsers of 2010 begin it: TLS 1.1 at most, ECDHE with AES, the usual curve, point format and signatures.
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 4, 0xc0, 0x09, 0xc0, 0x13, 1, 0]);
    hello.extend([0, 24, 0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 6, 0, 4, 4, 3, 8, 4]);
    let length = u8::try_from(hello.len()).expect("short");
    let mut stream = TcpStream::connect(set.shop.https()).await.expect("a connection");
    stream.write_all(&[&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &hello].concat()).await.expect("written");
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("it ends");
    // An alert: fatal, `protocol_version`.
    assert_eq!((answer.first(), answer.get(5..)), (Some(&21), Some(&[2, 70][..])), "{answer:?}");
    set.shop.close().await;
}

#[tokio::test]
async fn cookies_over_own_https_are_secure_and_bound_to_the_host() {
    let set = Setting::open(&[NAME], &[]).await;
    let sign_in = |guest: Client| {
        let body = json!({ "email": crate::harness::OWNER, "password": PASSWORD });
        guest.post("/api/v1/auth/login").header("x-session", "cookie").json(&body).send()
    };
    let secure = sign_in(set.guest()).await.expect(200);
    let cookie = secure.header("set-cookie").expect("a cookie").to_owned();
    assert!(cookie.starts_with("__Host-bayader_session=") && cookie.contains("; Secure"), "{cookie}");
    let plain = sign_in(set.shop.guest()).await.expect(200);
    let cookie = plain.header("set-cookie").expect("a cookie");
    assert!(cookie.starts_with("bayader_session=") && !cookie.contains("Secure"), "{cookie}");
    set.shop.close().await;
}

#[tokio::test]
async fn the_door_in_the_clear_leads_to_https_and_serves_whoever_is_near_by_another_name() {
    let set = Setting::open(&[NAME, "*.bakery.example"], &[PROXY]).await;
    let port = set.shop.https().port();
    let to = |host: &str, path: &str| format!("https://{host}:{port}{path}");
    let near = "192.168.1.20";
    for (path, host, from, wanted) in [
        ("/order?a=1&b=%2F", NAME, FAR, to(NAME, "/order?a=1&b=%2F")),
        ("/", "SHOP.example:80", FAR, to(NAME, "/")),
        ("/x", "www.bakery.example", FAR, to("www.bakery.example", "/x")),
        ("/x", "evil.example", FAR, to(NAME, "/x")),
        ("/x", "203.0.113.1", FAR, to(NAME, "/x")),
        ("//evil.example/x", NAME, FAR, to(NAME, "//evil.example/x")),
        ("/api/v1/products", NAME, near, to(NAME, "/api/v1/products")),
        ("/api/v1/products", NAME, "127.0.0.1", to(NAME, "/api/v1/products")),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let response = plain(&set.shop, method, path, host, from).await;
            assert_eq!(
                (response.status().as_u16(), location(&response)),
                (308, wanted.as_str()),
                "{path} of {host} for {from}"
            );
            assert!(response.headers().get("strict-transport-security").is_none(), "in the clear it says nothing");
            assert!(response.headers().get("x-request-id").is_some());
        }
    }
    for (path, host, from) in [
        ("/api/v1/products", "192.168.1.5:8080", near),
        ("/api/v1/products", "bakery.local", "127.0.0.1"),
        ("/healthz", NAME, FAR),
        ("/readyz", NAME, FAR),
    ] {
        assert_eq!(plain(&set.shop, Method::GET, path, host, from).await.status(), 200, "{path} of {host} for {from}");
    }
    // A proxy before this door that has spoken HTTPS with its caller is believed.
    let guest = set.shop.guest();
    let proxied = guest.get("/api/v1/products").header("x-forwarded-proto", "https").header("x-forwarded-for", FAR);
    proxied.send().await.expect(200);
    set.shop.close().await;
}

#[tokio::test]
async fn from_outside_nothing_is_done_in_the_clear_and_in_the_house_sign_in_works() {
    let set = Setting::open(&[NAME], &[PROXY]).await;
    for path in ["/api/v1/auth/login", "/api/v1/orders", "/api/v1/payments/webhook/stripe"] {
        let response = plain(&set.shop, Method::POST, path, NAME, FAR).await;
        assert_eq!(response.status(), 403, "{path}");
        let body: Value = serde_json::from_str(&response.text().await.expect("a body")).expect("JSON");
        assert_eq!(body["code"], "https_required");
    }
    let log_in =
        |client: Client, from: &str| client.log_in(crate::harness::OWNER, PASSWORD).header("x-forwarded-for", from).send();
    log_in(set.shop.guest(), FAR).await.expect_problem(403, "https_required");
    log_in(set.shop.guest(), "10.0.0.7").await.expect(200);
    log_in(set.guest(), FAR).await.expect(200);
    // Whoever says to a proxy that came by HTTPS that its own caller did not is believed, too.
    let claimed = set.guest().log_in(crate::harness::OWNER, PASSWORD).header("x-forwarded-for", FAR);
    claimed.header("x-forwarded-proto", "http").send().await.expect_problem(403, "https_required");
    set.shop.close().await;
}

#[tokio::test]
async fn new_files_are_shown_without_a_restart_and_a_broken_pair_changes_nothing() {
    let set = Setting::open(&[NAME], &[]).await;
    let url = set.url("/healthz");
    // Each who looks is somebody new: who was there before is known again without a certificate.
    let shown_now = async || shown(&set.browser(), &url).await;
    assert_eq!(shown_now().await.as_deref(), Some(&set.issued.der[..]));
    let state = || set.shop.inner().tls.as_ref().expect("TLS").state();
    // A connection from before goes on being answered.
    let held = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([reqwest::Certificate::from_pem(set.authority.pem().as_bytes()).expect("a certificate")])
        .resolve(NAME, set.shop.https())
        .build()
        .expect("a client");
    let ask = || async { held.get(&url).send().await.expect("an answer").bytes().await.expect("a body") };
    ask().await;

    let foreign = set.authority.issue_long(&[NAME]);
    std::fs::write(&set.files.key, &foreign.key).expect("a file");
    wait(&set.shop, || state().trouble.is_some()).await;
    let words = state().trouble.expect("trouble").words;
    assert!(words.contains("do not match") && words.contains("goes on being used"), "{words}");
    assert_eq!(shown_now().await.as_deref(), Some(&set.issued.der[..]));

    std::fs::write(&set.files.cert, &foreign.cert).expect("a file");
    wait(&set.shop, || state().trouble.is_none()).await;
    assert_eq!(shown_now().await.as_deref(), Some(&foreign.der[..]));
    ask().await;

    let ended = set.authority.issue(&[NAME], moment("2020-01-01"), moment("2021-01-01"));
    ended.put(set.files.cert.parent().expect("a folder"));
    wait(&set.shop, || state().trouble.is_some_and(|trouble| trouble.words.contains("has ended already"))).await;
    assert_eq!(shown_now().await.as_deref(), Some(&foreign.der[..]));

    std::fs::remove_file(&set.files.cert).expect("removed");
    wait(&set.shop, || state().trouble.is_some_and(|trouble| trouble.words.contains("cannot be read"))).await;
    assert_eq!(shown_now().await.as_deref(), Some(&foreign.der[..]));
    set.shop.close().await;
}

/// Lets the shop's minutes pass until it is so.
async fn wait(shop: &Shop, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "it did not become so");
        shop.advance(Duration::from_secs(60));
        tokio::time::sleep(LOOK).await;
    }
}

#[tokio::test]
async fn a_hangup_makes_the_program_read_the_files_again() {
    let (folder, authority) = (Folder::with_owner(), Authority::new());
    let files = authority.issue_long(&[NAME]).put(folder.path());
    let variables: Vec<_> = files.variables().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut server = Shop::spawn_with(&folder, &[], &variables).await;
    let at = https_in(&server.log());
    let url = format!("https://{NAME}:{}/healthz", at.port());
    let shown_now = async || shown(&authority.client(&[NAME], at), &url).await;
    assert!(shown_now().await.is_some());
    let new = authority.issue_long(&[NAME]);
    new.put(folder.path());
    kill(Pid::from_raw(i32::try_from(server.process()).expect("an id")), Signal::SIGHUP).expect("it gets the signal");
    let started = Instant::now();
    while shown_now().await.as_deref() != Some(&new.der[..]) {
        assert!(started.elapsed() < PATIENCE, "the new certificate is not shown:\n{}", server.log());
        tokio::time::sleep(LOOK).await;
    }
    assert!(server.terminate().await.success());
}

fn https_in(log: &str) -> SocketAddr {
    let (_, after) = log.split_once("listening on https://").unwrap_or_else(|| panic!("no door of HTTPS:\n{log}"));
    let end = after.find(|c: char| !(c.is_ascii_digit() || ".:".contains(c))).expect("an end");
    after[..end].parse().expect("an address")
}

#[tokio::test]
async fn a_pair_that_cannot_be_shown_is_refused_with_words_for_the_keeper() {
    let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new());
    let good = authority.issue_long(&[NAME]);
    let other = authority.issue_long(&[NAME]);
    let files = good.put(folder.path());
    let open = || {
        let variables = files.variables();
        let config = bayader::config::load(&Source::new().variables(variables.iter().copied())).expect("a configuration");
        Tls::open(&config.tls, folder.path(), &Clock::manual(moment("2026-11-25")))
    };
    assert!(open().expect("a good pair").is_some());
    for (cert, key, words) in [
        (&good.cert, &other.key, "they do not match"),
        (&"nonsense".to_owned(), &good.key, "holds no certificate"),
        (&good.key, &good.key, "holds no certificate"),
        (&good.cert, &good.cert, "holds no private key"),
        (&good.cert, &String::new(), "holds no private key"),
        (&authority.issue_long(&[]).cert, &good.key, ""),
    ] {
        std::fs::write(&files.cert, cert).expect("a file");
        std::fs::write(&files.key, key).expect("a file");
        let fault = open().err().unwrap_or_else(|| panic!("it is taken: {words}")).to_string();
        assert!(fault.contains(words) && fault.contains("shop."), "{fault}");
        assert!(!fault.contains("PRIVATE KEY-----\n"), "a key is never told");
    }
}

#[tokio::test]
async fn a_certificate_that_has_ended_is_shown_and_told_and_the_check_knows_it() {
    let (folder, authority) = (Folder::new(), Authority::new());
    std::fs::create_dir(folder.data()).expect("a folder");
    let files = authority.issue(&[NAME], moment("2020-01-01"), moment("2021-01-01")).put(folder.path());
    let text =
        format!("[tls]\nmode = \"files\"\ncert_file = \"{}\"\nkey_file = \"{}\"\n", files.cert.display(), files.key.display());
    std::fs::write(folder.data().join("bayader.toml"), text).expect("a file");
    let check = bayader(&folder.data(), &["config", "check"]);
    let said = String::from_utf8_lossy(&check.stderr).into_owned();
    assert!(check.status.success() && said.contains("ended on 2021-01-01"), "{check:?}");
    std::fs::write(&files.key, authority.issue_long(&[NAME]).key).expect("a file");
    let check = bayader(&folder.data(), &["config", "check", "--json"]);
    let said: Value = serde_json::from_slice(&check.stdout).expect("JSON");
    assert_eq!((check.status.code(), &said["ok"]), (Some(3), &json!(false)));
    assert_eq!(said["faults"][0]["key"], "tls.cert_file");
    assert!(said["faults"][0]["what"].as_str().is_some_and(|what| what.contains("do not match")), "{said}");
    // Commands that open no door go on; only the server does not start.
    folder.make_owner();
    let serve = bayader(&folder.data(), &["serve", "--listen", "127.0.0.1:0"]);
    let said = String::from_utf8_lossy(&serve.stderr).into_owned();
    assert!(!serve.status.success() && said.contains("do not match"), "{serve:?}");
}

#[test]
fn the_look_warns_before_the_end_and_of_a_key_that_everybody_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new());
    let files = authority.issue(&[NAME], moment("2026-09-01"), moment("2026-11-30")).put(folder.path());
    let variables = files.variables();
    let config = bayader::config::load(&Source::new().variables(variables.iter().copied())).expect("a configuration");
    let at = |day: &str| look(&config.tls, folder.path(), moment(day));
    assert_eq!((at("2026-10-01").faults, at("2026-10-01").warnings), (vec![], vec![]));
    assert!(at("2026-11-25").warnings[0].contains("ends on 2026-11-30"));
    assert!(at("2026-12-01").faults[0].contains("ended on"));
    assert!(at("2026-08-01").faults[0].contains("clock"));
    std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(0o644)).expect("rights");
    assert!(at("2026-10-01").warnings[0].contains("chmod o-r"));
}

#[tokio::test]
async fn hundreds_who_never_finish_a_handshake_do_not_stop_the_shop() {
    let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new());
    let files = authority.issue_long(&[NAME]).put(folder.path());
    let limits = Limits { connections: 64, of_one_address: 64, ..Limits::default() };
    let shop = Shop::open_limited(&files.variables(), limits).await;
    let at = shop.https();
    let mut held = Vec::new();
    for n in 0..300 {
        let mut stream = TcpStream::connect(at).await.expect("a connection");
        if n % 2 == 0 {
            // The head of a handshake of 512 bytes, of which nothing follows.
            let _ = stream.write_all(&[22, 3, 1, 2, 0]).await;
        }
        held.push(stream);
    }
    let browser = authority.client(&[NAME], at);
    for _ in 0..5 {
        let response = browser.get(format!("https://{NAME}:{}/api/v1/products", at.port())).send().await.expect("an answer");
        assert_eq!(response.status(), 200);
    }
    shop.guest().get("/healthz").send().await.expect(200);
    drop(held);
    shop.close().await;
}

#[tokio::test]
async fn who_speaks_plain_http_to_the_door_of_https_is_told_so_and_nonsense_is_shut_out() {
    let set = Setting::open(&[NAME], &[]).await;
    let ask = |bytes: &'static [u8]| {
        let at = set.shop.https();
        async move {
            let mut stream = TcpStream::connect(at).await.expect("a connection");
            stream.write_all(bytes).await.expect("written");
            let mut answer = Vec::new();
            let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("it ends");
            (String::from_utf8_lossy(&answer).into_owned(), read.is_ok())
        }
    };
    let (answer, _) = ask(b"GET /healthz HTTP/1.1\r\nhost: shop.example\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("use the https:// address"), "{answer}");
    let (answer, _) = ask(b"\x00\x01\x02 nonsense").await;
    assert_eq!(answer, "");
    set.guest().get("/healthz").send().await.expect(200);
    set.shop.close().await;
}
