//! Where somebody is signed in, and the cookie of a browser.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, Reply, Request, Shop};

const DAY: Duration = Duration::from_secs(24 * 3_600);
const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0";
/// Makes what the test says of its address and of HTTPS count.
const BEHIND_A_PROXY: &[(&str, &str)] = &[("BAYADER_SERVER__TRUSTED_PROXIES", "127.0.0.1")];

/// A browser that keeps the cookie and the page's token, as the admin UI does.
#[derive(Clone)]
struct Browser {
    guest: Client,
    cookie: String,
    csrf: String,
}

/// The `Set-Cookie` of an answer: what the browser sends back, and the whole line.
fn set_cookie(reply: &Reply) -> Option<(String, String)> {
    let line = reply.header("set-cookie")?;
    Some((line.split(';').next().unwrap_or("").to_owned(), line.to_owned()))
}

#[track_caller]
fn takes_back(reply: &Reply) {
    let (pair, line) = set_cookie(reply).unwrap_or_else(|| panic!("no cookie is taken back: {reply:?}"));
    assert!(pair.ends_with('=') && line.contains("Max-Age=0"), "{line}");
}

impl Browser {
    async fn sign_in(guest: &Client, email: &str) -> Browser {
        let reply = guest.log_in(email, PASSWORD).header("x-session", "cookie").send().await.expect(200);
        Browser::of(guest, &reply)
    }

    fn of(guest: &Client, reply: &Reply) -> Browser {
        let (cookie, _) = set_cookie(reply).unwrap_or_else(|| panic!("no cookie: {reply:?}"));
        Browser { guest: guest.clone(), cookie, csrf: reply["csrfToken"].as_str().expect("a token").to_owned() }
    }

    /// With the cookie alone.
    fn bare(&self, method: Method, path: &str) -> Request {
        self.guest.request(method, path).header("cookie", &self.cookie)
    }

    fn get(&self, path: &str) -> Request {
        self.bare(Method::GET, path)
    }

    fn post(&self, path: &str) -> Request {
        self.bare(Method::POST, path).header("x-csrf-token", &self.csrf)
    }

    fn delete(&self, path: &str) -> Request {
        self.bare(Method::DELETE, path).header("x-csrf-token", &self.csrf)
    }
}

fn category(slug: &str) -> Value {
    json!({ "slug": slug, "name": "Cakes" })
}

#[tokio::test]
async fn everybody_sees_their_own_sessions_and_nobody_elses() {
    let shop = Shop::open_with(BEHIND_A_PROXY).await;
    shop.guest().get("/api/v1/auth/sessions").send().await.expect_problem(401, "unauthenticated");
    for who in [shop.customer("Layla").await, shop.staff().await, shop.driver().await, shop.admin()] {
        let request = shop.guest().log_in(who.email(), PASSWORD).header("user-agent", FIREFOX).header("x-session", "cookie");
        let browser = Browser::of(&shop.guest(), &request.header("x-forwarded-for", "192.168.1.20").send().await.expect(200));
        let list = who.see("/api/v1/auth/sessions").await;
        assert_eq!(list["meta"]["total"], 2, "{list:?}");
        let [newest, oldest] = list.rows() else { panic!("{list:?}") };
        assert_eq!(
            (&newest["kind"], &newest["device"], &newest["address"], &newest["current"]),
            (&json!("cookie"), &json!("Firefox on Windows"), &json!("192.168.1.20"), &json!(false))
        );
        assert_eq!(
            (&oldest["kind"], &oldest["device"], &oldest["address"], &oldest["current"]),
            (&json!("token"), &Value::Null, &json!("127.0.0.1"), &json!(true))
        );
        let theirs = browser.get("/api/v1/auth/sessions").send().await.expect(200);
        assert_eq!(theirs["data"][0]["current"], true);
        assert_eq!(theirs["data"][1]["current"], false);
    }
    let layla = shop.guest().log_in("layla@example.com", PASSWORD).send().await.expect(200);
    let layla = Client::signed_in(&shop.wire, "layla@example.com", &layla);
    let walked = layla.walk("/api/v1/auth/sessions?per_page=1").await;
    assert_eq!(walked.len(), 3);
    assert_eq!(layla.see("/api/v1/auth/sessions?page=2&per_page=2").await.rows(), &walked[2..]);
    layla.get("/api/v1/auth/sessions?cursor=x").send().await.expect_field("cursor");
    shop.close().await;
}

#[tokio::test]
async fn a_session_is_ended_by_its_owner_alone_and_at_once() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let elsewhere = Client::sign_in(&shop.wire, layla.email()).await;
    let list = layla.see("/api/v1/auth/sessions").await;
    let ids = list.column("id");
    let (theirs, mine) = (format!("/api/v1/auth/sessions/{}", ids[0]), format!("/api/v1/auth/sessions/{}", ids[1]));
    shop.guest().delete(&theirs).send().await.expect_problem(401, "unauthenticated");
    let mut refusals = Vec::new();
    for other in [shop.customer("Huda").await, shop.driver().await, shop.staff().await, shop.admin()] {
        refusals.push(other.delete(&theirs).send().await.expect_problem(404, "not_found"));
    }
    let nobodys = "/api/v1/auth/sessions/01936000-0000-7000-8000-000000000000";
    refusals.push(layla.delete(nobodys).send().await.expect_problem(404, "not_found"));
    refusals.push(layla.delete("/api/v1/auth/sessions/x").send().await.expect_problem(404, "not_found"));
    assert!(refusals.iter().all(|refusal| refusal["detail"] == refusals[0]["detail"]), "{refusals:?}");
    elsewhere.see("/api/v1/auth/me").await;

    layla.delete(&theirs).send().await.expect(204);
    elsewhere.get("/api/v1/auth/me").send().await.expect_problem(401, "unauthenticated");
    layla.delete(&theirs).send().await.expect_problem(404, "not_found");
    assert_eq!(layla.see("/api/v1/auth/sessions").await.column("id"), [ids[1]]);
    layla.delete(&mine).json(&json!({})).send().await.expect(204);
    layla.get("/api/v1/auth/me").send().await.expect_problem(401, "unauthenticated");
    let refresh = json!({ "refreshToken": layla.session().await.refresh });
    shop.guest().post("/api/v1/auth/refresh").json(&refresh).send().await.expect_problem(401, "invalid_refresh_token");
    shop.close().await;
}

#[tokio::test]
async fn a_session_left_alone_for_ninety_days_is_no_longer_listed() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let old = layla.see("/api/v1/auth/sessions").await.column("id")[0].to_owned();
    shop.advance(90 * DAY + Duration::from_secs(60));
    assert!(!layla.see("/api/v1/auth/sessions").await.column("id").contains(&old.as_str()));
    layla.delete(&format!("/api/v1/auth/sessions/{old}")).send().await.expect_problem(404, "not_found");
    // Its rows go the next day, and nothing else does.
    shop.run_jobs().await;
    layla.see("/api/v1/auth/me").await;
    shop.close().await;
}

#[tokio::test]
async fn a_browser_gets_a_cookie_with_every_lock_and_no_token() {
    let shop = Shop::open_with(BEHIND_A_PROXY).await;
    let sign_in = || shop.guest().log_in("owner@example.com", PASSWORD).header("x-session", "cookie");
    let plain = sign_in().send().await.expect(200);
    let (pair, line) = set_cookie(&plain).expect("a cookie");
    assert!(pair.starts_with("bayader_session="), "{line}");
    assert_eq!(line[pair.len()..], *"; HttpOnly; SameSite=Strict; Path=/; Max-Age=7776000");
    let secure = sign_in().header("x-forwarded-proto", "https").send().await.expect(200);
    let (pair, line) = set_cookie(&secure).expect("a cookie");
    assert!(pair.starts_with("__Host-bayader_session="), "{line}");
    assert_eq!(line[pair.len()..], *"; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=7776000");
    for reply in [&plain, &secure] {
        assert_eq!(reply.header("cache-control"), Some("private, no-store"));
        assert_eq!(reply["expiresIn"], 7_776_000);
        assert_eq!(reply["user"]["email"], "owner@example.com");
        let fields: Vec<&String> = reply.body.as_object().expect("an object").keys().collect();
        assert_eq!(fields.len(), 3, "{fields:?}");
        let secret = set_cookie(reply).expect("a cookie").0;
        assert!(!reply.text.contains(secret.rsplit('.').next().expect("a secret")), "the page sees the secret: {reply:?}");
    }
    // Each is read where it was set alone.
    let me = |cookie: &str| shop.guest().get("/api/v1/auth/me").header("cookie", cookie);
    me(&pair).header("x-forwarded-proto", "https").send().await.expect(200);
    me(&pair).send().await.expect(401);
    let plain = set_cookie(&plain).expect("a cookie").0;
    me(&plain).send().await.expect(200);
    me(&plain).header("x-forwarded-proto", "https").send().await.expect(401);
    me(&plain.replace("bayader_session", "__Host-bayader_session"))
        .header("x-forwarded-proto", "https")
        .send()
        .await
        .expect(200);
    shop.close().await;
}

#[tokio::test]
async fn a_page_learns_its_token_anew_and_staff_answers_are_kept_by_nobody() {
    let shop = Shop::open().await;
    let browser = Browser::sign_in(&shop.guest(), "owner@example.com").await;
    let me = browser.get("/api/v1/auth/me").send().await.expect(200);
    assert_eq!(me["csrfToken"].as_str(), Some(browser.csrf.as_str()));
    assert_eq!(me.header("cache-control"), Some("private, no-store"));
    assert_eq!(browser.get("/api/v1/orders").send().await.expect(200).header("cache-control"), Some("private, no-store"));
    assert!(shop.owner().see("/api/v1/auth/me").await.body.get("csrfToken").is_none(), "a bearer needs none");
    assert!(me.header("set-cookie").is_none());
    shop.close().await;
}

#[tokio::test]
async fn a_cookie_changes_something_only_with_its_own_token_and_from_its_own_page() {
    let shop = Shop::open_with(&[("BAYADER_SERVER__PUBLIC_URL", "https://shop.example/bakery")]).await;
    let browser = Browser::sign_in(&shop.guest(), "owner@example.com").await;
    let others = Browser::sign_in(&shop.guest(), "owner@example.com").await;
    let own = shop.wire.base.clone();
    let path = "/api/v1/categories";
    let bare = || browser.bare(Method::POST, path).json(&category("cakes"));
    let with = |name: &str, value: &str| browser.post(path).json(&category("cakes")).header(name, value);
    let refused = [
        bare(),
        bare().header("x-csrf-token", ""),
        bare().header("x-csrf-token", "x"),
        bare().header("x-csrf-token", &others.csrf),
        with("sec-fetch-site", "cross-site"),
        with("sec-fetch-site", "same-site"),
        with("sec-fetch-site", "none"),
        with("sec-fetch-site", "cross-site").header("origin", &own),
        with("origin", "https://evil.example"),
        with("origin", "null"),
        with("origin", &own.replace("http:", "https:")),
        browser.bare(Method::DELETE, "/api/v1/categories/01936000-0000-7000-8000-000000000000"),
        browser.bare(Method::POST, "/api/v1/auth/logout").json(&json!({})),
        // A public route too: the cookie says who asks.
        browser.bare(Method::POST, "/api/v1/orders").json(&json!({})),
    ];
    for request in refused {
        let reply = request.send().await.expect_problem(403, "csrf_refused");
        assert!(reply.header("set-cookie").is_none(), "{reply:?}");
    }
    assert!(browser.get(path).send().await.expect(200).rows().is_empty(), "a refused request has changed something");
    let taken = [
        ("a", browser.post(path)),
        ("b", browser.post(path).header("sec-fetch-site", "same-origin").header("origin", "https://evil.example")),
        ("c", browser.post(path).header("origin", &own)),
        ("d", browser.post(path).header("origin", "https://shop.example")),
    ];
    for (slug, request) in taken {
        request.json(&category(slug)).send().await.expect(201);
    }
    // Reading needs the cookie alone, whoever shows the link.
    browser.get("/api/v1/orders").header("sec-fetch-site", "cross-site").send().await.expect(200);
    shop.close().await;
}

#[tokio::test]
async fn beside_a_bearer_a_cookie_does_not_count() {
    let shop = Shop::open().await;
    let owner = Browser::sign_in(&shop.guest(), "owner@example.com").await;
    let layla = shop.customer("Layla").await;
    let me = layla.get("/api/v1/auth/me").header("cookie", &owner.cookie).send().await.expect(200);
    assert_eq!((&me["role"], me.body.get("csrfToken")), (&json!("customer"), None));
    let make = layla.post("/api/v1/categories").header("cookie", &owner.cookie).header("x-csrf-token", &owner.csrf);
    make.json(&category("cakes")).send().await.expect_problem(403, "forbidden");
    let bad = owner.get("/api/v1/auth/me").header("authorization", "Bearer x").send().await;
    bad.expect_problem(401, "unauthenticated");
    // A bearer needs no token, wherever it comes from.
    let make = shop.owner().post("/api/v1/categories").header("cookie", &owner.cookie).header("sec-fetch-site", "cross-site");
    make.json(&category("cakes")).send().await.expect(201);
    // The bearer's session ends, not the cookie's.
    let logout = layla.post("/api/v1/auth/logout").header("cookie", &owner.cookie).send().await.expect(204);
    assert!(logout.header("set-cookie").is_none());
    owner.get("/api/v1/auth/me").send().await.expect(200);
    shop.close().await;
}

#[tokio::test]
async fn a_dead_cookie_shuts_nobody_out_and_is_taken_back() {
    let shop = Shop::open().await;
    let ended = Browser::sign_in(&shop.guest(), "owner@example.com").await;
    takes_back(&ended.post("/api/v1/auth/logout").send().await.expect(204));
    let value = ended.cookie.split_once('=').expect("a pair").1;
    let dead = [
        ended.cookie.clone(),
        "bayader_session=".to_owned(),
        "bayader_session=x.y".to_owned(),
        "bayader_session=01936000-0000-7000-8000-000000000000.AAAA".to_owned(),
        format!("bayader_session={value}; bayader_session={value}"),
        format!("other=1; bayader_session={}", "a".repeat(3_000)),
    ];
    for cookie in dead {
        let browser = Browser { cookie, ..ended.clone() };
        takes_back(&browser.get("/api/v1/products").send().await.expect(200));
        takes_back(&browser.get("/api/v1/auth/me").send().await.expect_problem(401, "unauthenticated"));
        takes_back(&browser.bare(Method::POST, "/api/v1/orders").json(&json!({})).send().await.expect(422));
        // Signing in goes before.
        let again = browser.bare(Method::POST, "/api/v1/auth/login").header("x-session", "cookie");
        let again = again.json(&json!({ "email": "owner@example.com", "password": PASSWORD })).send().await.expect(200);
        Browser::of(&shop.guest(), &again).get("/api/v1/orders").send().await.expect(200);
    }
    let other = "theme=dark; cart=1";
    let guest = shop.guest().get("/api/v1/products").header("cookie", other).send().await.expect(200);
    assert!(guest.header("set-cookie").is_none(), "cookies of others are none of ours");
    shop.close().await;
}

#[tokio::test]
async fn a_browser_that_signs_in_again_leaves_no_session_behind() {
    let shop = Shop::open().await;
    let (layla, huda) = (shop.customer("Layla").await, shop.customer("Huda").await);
    let sign_in = async |email: &str, cookie: &str| {
        let request = shop.guest().log_in(email, PASSWORD).header("x-session", "cookie").header("cookie", cookie);
        Browser::of(&shop.guest(), &request.send().await.expect(200))
    };
    let first = Browser::sign_in(&shop.guest(), layla.email()).await;
    let second = sign_in(layla.email(), &first.cookie).await;
    takes_back(&first.get("/api/v1/auth/me").send().await.expect_problem(401, "unauthenticated"));
    assert_eq!(layla.see("/api/v1/auth/sessions").await["meta"]["total"], 2, "that of the tokens, and the newest");

    // Who does not get in ends nothing, tokens take no cookie's place, and a secret that was made up opens nobody's session.
    let with_cookie = |password: &str| shop.guest().log_in(layla.email(), password).header("cookie", &second.cookie);
    with_cookie("not-her-password").header("x-session", "cookie").send().await.expect_problem(401, "invalid_credentials");
    with_cookie(PASSWORD).send().await.expect(200);
    let made_up = format!("{}.made-up", second.cookie.split_once('.').expect("an id and a secret").0);
    sign_in(layla.email(), &made_up).await;
    assert_eq!(second.get("/api/v1/auth/me").send().await.expect(200)["name"], "Layla");

    // Somebody else at the same browser.
    let theirs = sign_in(huda.email(), &second.cookie).await;
    second.get("/api/v1/auth/me").send().await.expect_problem(401, "unauthenticated");
    assert_eq!(theirs.get("/api/v1/auth/me").send().await.expect(200)["name"], "Huda");
    shop.close().await;
}

#[tokio::test]
async fn a_browsers_session_ends_from_elsewhere_and_from_itself() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let list_of = |browser: &Browser| browser.get("/api/v1/auth/sessions").send();
    let lost = Browser::sign_in(&shop.guest(), layla.email()).await;
    let id = list_of(&lost).await["data"][0]["id"].as_str().expect("an id").to_owned();
    layla.delete(&format!("/api/v1/auth/sessions/{id}")).send().await.expect(204);
    takes_back(&lost.get("/api/v1/auth/me").send().await.expect_problem(401, "unauthenticated"));
    let own = Browser::sign_in(&shop.guest(), layla.email()).await;
    let other = Browser::sign_in(&shop.guest(), layla.email()).await;
    let list = list_of(&own).await;
    let (others, owns) = (list.column("id")[0], list.column("id")[1]);
    let reply = own.delete(&format!("/api/v1/auth/sessions/{others}")).send().await.expect(204);
    assert!(reply.header("set-cookie").is_none(), "the one that asks lives on");
    takes_back(&other.get("/api/v1/auth/me").send().await.expect(401));
    takes_back(&own.delete(&format!("/api/v1/auth/sessions/{owns}")).send().await.expect(204));
    own.get("/api/v1/auth/me").send().await.expect(401);
    layla.see("/api/v1/auth/me").await;
    shop.close().await;
}

#[tokio::test]
async fn a_cookie_is_exchanged_and_an_exchanged_one_ends_the_session() {
    let shop = Shop::open().await;
    let first = Browser::sign_in(&shop.guest(), "owner@example.com").await;
    let refresh = |browser: &Browser| browser.post("/api/v1/auth/refresh").json(&json!({}));
    first.bare(Method::POST, "/api/v1/auth/refresh").json(&json!({})).send().await.expect_problem(403, "csrf_refused");
    refresh(&first).header("sec-fetch-site", "cross-site").send().await.expect_problem(403, "csrf_refused");
    first.get("/api/v1/auth/me").send().await.expect(200);
    let reply = refresh(&first).send().await.expect(200);
    assert!(reply.body.get("token").is_none() && reply.body.get("refreshToken").is_none(), "{reply:?}");
    let second = Browser::of(&shop.guest(), &reply);
    assert_ne!(second.cookie, first.cookie);
    assert_eq!(second.csrf, first.csrf, "the other tabs' pages go on");
    second.get("/api/v1/auth/me").send().await.expect(200);
    // A late request of another tab: refused, but it does not take away the cookie that the browser has by now.
    let late = first.get("/api/v1/auth/me").send().await.expect_problem(401, "unauthenticated");
    assert!(late.header("set-cookie").is_none());
    assert!(first.get("/api/v1/products").send().await.expect(200).header("set-cookie").is_none());
    second.get("/api/v1/auth/me").send().await.expect(200);
    takes_back(&refresh(&first).send().await.expect_problem(401, "invalid_refresh_token"));
    takes_back(&second.get("/api/v1/auth/me").send().await.expect_problem(401, "unauthenticated"));
    takes_back(&refresh(&second).send().await.expect_problem(401, "invalid_refresh_token"));
    shop.guest().post("/api/v1/auth/refresh").json(&json!({})).send().await.expect_field("refreshToken");
    let broken = Browser { cookie: "bayader_session=x".to_owned(), ..second };
    takes_back(&refresh(&broken).send().await.expect_problem(401, "invalid_refresh_token"));
    shop.close().await;
}

#[tokio::test]
async fn one_cookie_exchanged_in_many_tabs_at_once_counts_once_at_most() {
    let shop = Shop::open().await;
    let browser = Browser::sign_in(&shop.guest(), "owner@example.com").await;
    let tries = (0..10).map(|_| browser.post("/api/v1/auth/refresh").json(&json!({})).send());
    let replies = futures_util::future::join_all(tries).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1, "{replies:?}");
    shop.close().await;
}

#[tokio::test]
async fn a_cookies_secret_is_no_token_and_a_token_no_cookie() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let browser = Browser::sign_in(&shop.guest(), layla.email()).await;
    let refresh = |token: &str| shop.guest().post("/api/v1/auth/refresh").json(&json!({ "refreshToken": token }));
    let secret = browser.cookie.rsplit('.').next().expect("a secret");
    refresh(secret).send().await.expect_problem(401, "invalid_refresh_token");
    browser.get("/api/v1/auth/me").send().await.expect(200);
    let id = layla.see("/api/v1/auth/sessions").await.column("id")[1].to_owned();
    let token = layla.session().await.refresh;
    let forged = Browser { cookie: format!("bayader_session={id}.{token}"), ..browser };
    forged.get("/api/v1/auth/me").send().await.expect(401);
    // A program hands its session over to a browser, and it stays there.
    let reply = refresh(&token).header("x-session", "cookie").send().await.expect(200);
    let moved = Browser::of(&shop.guest(), &reply);
    moved.get("/api/v1/auth/me").send().await.expect(200);
    let again = moved.post("/api/v1/auth/refresh").json(&json!({})).send().await.expect(200);
    assert!(again.body.get("refreshToken").is_none());
    assert_eq!(Browser::of(&shop.guest(), &again).get("/api/v1/auth/sessions").send().await["data"][1]["kind"], "cookie");
    shop.close().await;
}

#[tokio::test]
async fn a_cookie_left_alone_for_ninety_days_is_over() {
    let shop = Shop::open().await;
    let browser = Browser::sign_in(&shop.guest(), "owner@example.com").await;
    shop.advance(89 * DAY);
    let reply = browser.post("/api/v1/auth/refresh").json(&json!({})).send().await.expect(200);
    let browser = Browser::of(&shop.guest(), &reply);
    shop.advance(89 * DAY);
    browser.get("/api/v1/auth/me").send().await.expect(200);
    shop.advance(DAY + DAY);
    takes_back(&browser.get("/api/v1/auth/me").send().await.expect_problem(401, "unauthenticated"));
    takes_back(
        &browser.post("/api/v1/auth/refresh").json(&json!({})).send().await.expect_problem(401, "invalid_refresh_token"),
    );
    shop.close().await;
}

#[tokio::test]
async fn registering_hands_a_cookie_over_too_and_again_for_the_same_key() {
    let shop = Shop::open().await;
    let body = json!({ "name": "Layla", "email": "layla@example.com", "phone": "0790123456", "password": PASSWORD });
    let register = || {
        let request = shop.guest().post("/api/v1/auth/register").json(&body);
        request.header("x-session", "cookie").key("a-key-of-16-characters")
    };
    let first = register().send().await.expect(201);
    assert!(first.body.get("token").is_none() && first["csrfToken"].is_string(), "{first:?}");
    let again = register().send().await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!((set_cookie(&again), &again.body), (set_cookie(&first), &first.body));
    assert_eq!(Browser::of(&shop.guest(), &again).get("/api/v1/auth/me").send().await.expect(200)["name"], "Layla");
    // Who asks for tokens with that key does not get those of the cookie's session, nor its cookie.
    let for_tokens = shop.guest().post("/api/v1/auth/register").json(&body).key("a-key-of-16-characters").send().await;
    assert!(for_tokens.expect_problem(422, "idempotency_key_reused").header("set-cookie").is_none());
    // An admin makes an account for somebody else, and stays who they are.
    let admin = Browser::sign_in(&shop.guest(), "owner@example.com").await;
    let omar =
        json!({ "name": "Omar", "email": "omar@example.com", "phone": "0790123457", "password": PASSWORD, "role": "staff" });
    let made = admin.post("/api/v1/auth/register").header("x-session", "cookie").json(&omar).send().await.expect(201);
    assert!(made.header("set-cookie").is_none() && made.body.get("csrfToken").is_none(), "{made:?}");
    shop.close().await;
}

#[tokio::test]
async fn a_cookie_is_asked_for_by_name_and_by_ones_own_page() {
    let shop = Shop::open().await;
    let sign_in = |session: &str| shop.guest().log_in("owner@example.com", PASSWORD).header("x-session", session);
    for word in ["token", "", "Cookie", "cookie, cookie"] {
        sign_in(word).send().await.expect_field("X-Session");
    }
    let foreign = sign_in("cookie").header("sec-fetch-site", "cross-site").send().await.expect_problem(403, "csrf_refused");
    assert!(foreign.header("set-cookie").is_none());
    sign_in("cookie").header("origin", "https://evil.example").send().await.expect_problem(403, "csrf_refused");
    // Without a cookie nothing can be forged.
    let token = shop.guest().log_in("owner@example.com", PASSWORD).header("sec-fetch-site", "cross-site");
    assert!(token.send().await.expect(200).header("set-cookie").is_none());
    shop.close().await;
}
