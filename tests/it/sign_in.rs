//! Who may try to sign in: by HTTPS or from nearby, and not too often with a wrong password.

use std::time::Duration;

use bayader::app::access::TABLE;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Client, PASSWORD, Reply, Request, Shop};

const PROXY: (&str, &str) = ("BAYADER_SERVER__TRUSTED_PROXIES", "127.0.0.1");
const WRONG: &str = "not-the-password-9";

fn second() -> Duration {
    Duration::from_secs(1)
}

/// A try from an address, by HTTPS.
fn from(shop: &Shop, address: &str, email: &str, password: &str) -> Request {
    shop.guest().log_in(email, password).header("x-forwarded-for", address).header("x-forwarded-proto", "https")
}

async fn fail(shop: &Shop, address: &str, email: &str) -> Reply {
    from(shop, address, email, WRONG).send().await
}

#[track_caller]
fn must_wait(reply: Reply, seconds: u32) {
    let reply = reply.expect_problem(429, "too_many_attempts");
    assert_eq!(reply.header("retry-after"), Some(seconds.to_string().as_str()), "{reply:?}");
}

#[tokio::test]
async fn secrets_are_taken_by_https_or_from_nearby() {
    let shop = Shop::open_with(&[PROXY]).await;
    let owner = shop.owner();
    let secret: Vec<_> = TABLE.iter().filter(|access| access.carries_secrets).collect();
    assert!(["register", "login", "refresh"].iter().all(|name| secret.iter().any(|access| access.path.ends_with(name))));
    for access in secret {
        let method: Method = access.method.parse().expect("a method");
        let ask = |address: &str| {
            shop.guest().request(method.clone(), access.path).header("x-forwarded-for", address).json(&json!({ "email": "x" }))
        };
        for far in ["203.0.113.9", "2001:db8::1", "100.64.0.1"] {
            let reply = ask(far).send().await.expect_problem(403, "https_required");
            assert!(reply["detail"].as_str().is_some_and(|detail| detail.contains("https://")), "{reply:?}");
            assert_ne!(ask(far).header("x-forwarded-proto", "https").send().await.status, 403);
        }
        for near in ["127.0.0.1", "192.168.1.20", "10.1.2.3", "fd00::7", "fe80::1"] {
            assert_ne!(ask(near).send().await.status, 403, "{near}");
        }
    }
    // What holds no secret is for everybody; a session is not asked where it comes from.
    shop.guest().get("/api/v1/products").header("x-forwarded-for", "203.0.113.9").send().await.expect(200);
    owner.get("/api/v1/auth/me").header("x-forwarded-for", "203.0.113.9").send().await.expect(200);
    shop.close().await;
}

#[tokio::test]
async fn from_the_sixth_wrong_password_on_an_account_waits_twice_as_long_each_time() {
    let shop = Shop::open_with(&[PROXY]).await;
    for email in ["owner@example.com", "nobody@example.com"] {
        for number in 0..5 {
            fail(&shop, &format!("203.0.113.{number}"), email).await.expect_problem(401, "invalid_credentials");
        }
        for seconds in [1, 2, 4] {
            must_wait(fail(&shop, "203.0.113.9", email).await, seconds);
            must_wait(from(&shop, "203.0.113.9", email, PASSWORD).send().await, seconds);
            shop.advance(second() * seconds);
            fail(&shop, "203.0.113.9", email).await.expect_problem(401, "invalid_credentials");
        }
        for seconds in [8, 16, 32, 64, 128, 256, 512, 900, 900] {
            must_wait(fail(&shop, "203.0.113.9", email).await, seconds);
            shop.advance(second() * seconds);
            fail(&shop, "203.0.113.9", email).await.expect_problem(401, "invalid_credentials");
        }
    }
    shop.close().await;
}

#[tokio::test]
async fn waits_tell_nobody_who_exists() {
    let shop = Shop::open_with(&[PROXY]).await;
    let mut told = Vec::new();
    for email in ["owner@example.com", "nobody@example.com"] {
        let mut replies = Vec::new();
        for _ in 0..7 {
            let reply = fail(&shop, "203.0.113.9", email).await;
            let title = (reply["code"].clone(), reply["title"].clone(), reply["detail"].clone());
            replies.push((reply.status, title, reply.header("retry-after").map(str::to_owned)));
        }
        told.push(replies);
    }
    assert_eq!(told[0], told[1]);
    shop.close().await;
}

#[tokio::test]
async fn a_right_password_clears_the_account_and_a_refused_try_is_not_counted() {
    let shop = Shop::open_with(&[PROXY]).await;
    let email = "owner@example.com";
    for _ in 0..5 {
        fail(&shop, "203.0.113.9", email).await.expect(401);
    }
    for _ in 0..50 {
        must_wait(fail(&shop, "203.0.113.9", email).await, 1);
    }
    shop.advance(second());
    from(&shop, "203.0.113.9", email, PASSWORD).send().await.expect(200);
    for _ in 0..5 {
        fail(&shop, "198.51.100.7", email).await.expect(401);
    }
    must_wait(fail(&shop, "198.51.100.7", email).await, 1);
    shop.close().await;
}

#[tokio::test]
async fn where_an_account_has_signed_in_it_does_not_wait_for_thirty_days() {
    let shop = Shop::open_with(&[PROXY]).await;
    let email = "owner@example.com";
    let signs_in = |address: &'static str| from(&shop, address, email, PASSWORD).send();
    signs_in("203.0.113.9").await.expect(200);
    signs_in("2001:db8:1:2:aaaa::1").await.expect(200);
    let wait_elsewhere = async || {
        for _ in 0..5 {
            fail(&shop, "198.51.100.7", email).await.expect(401);
        }
        must_wait(fail(&shop, "198.51.100.7", email).await, 1);
    };
    wait_elsewhere().await;
    for _ in 0..8 {
        fail(&shop, "203.0.113.9", email).await.expect(401);
    }
    must_wait(signs_in("203.0.113.10").await, 1);
    must_wait(signs_in("2001:db8:1:3::1").await, 1);
    // A device takes new addresses within its home's /64.
    signs_in("2001:db8:1:2:bbbb::9").await.expect(200);
    wait_elsewhere().await;
    signs_in("203.0.113.9").await.expect(200);
    // Whose account it is counts: the same address is a stranger to another.
    shop.customer("Layla").await;
    for _ in 0..5 {
        fail(&shop, "203.0.113.9", "layla@example.com").await.expect(401);
    }
    must_wait(fail(&shop, "203.0.113.9", "layla@example.com").await, 1);
    shop.advance(Duration::from_secs(31 * 24 * 3_600));
    wait_elsewhere().await;
    must_wait(signs_in("203.0.113.9").await, 1);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_wrong_passwords_at_once_five_are_looked_at() {
    let shop = Shop::open_with(&[PROXY]).await;
    let tries = (0..100).map(|_| fail(&shop, "203.0.113.9", "owner@example.com"));
    let replies = futures_util::future::join_all(tries).await;
    let count = |status: u16| replies.iter().filter(|reply| reply.status == status).count();
    assert_eq!((count(401), count(429)), (5, 95));
    shop.close().await;
}

#[tokio::test]
async fn an_address_waits_whichever_accounts_it_tries_unless_limits_are_off() {
    let many = [("BAYADER_RATE_LIMIT__PUBLIC__BURST", "1000"), ("BAYADER_RATE_LIMIT__SIGNED_IN__BURST", "1000")];
    for enabled in ["true", "false"] {
        let shop = Shop::open_with(&[PROXY, many[0], many[1], ("BAYADER_RATE_LIMIT__ENABLED", enabled)]).await;
        for number in 0..30 {
            fail(&shop, "203.0.113.9", &format!("person-{number}@example.com")).await.expect(401);
        }
        let (right, elsewhere) = (
            from(&shop, "203.0.113.9", "owner@example.com", PASSWORD).send().await,
            from(&shop, "203.0.113.10", "owner@example.com", PASSWORD).send().await,
        );
        elsewhere.expect(200);
        if enabled == "true" {
            must_wait(right, 900);
            shop.advance(second() * 900);
            from(&shop, "203.0.113.9", "owner@example.com", PASSWORD).send().await.expect(200);
        } else {
            right.expect(200);
        }
        shop.close().await;
    }
}

#[tokio::test]
async fn who_is_signed_in_goes_on_while_their_account_waits() {
    let shop = Shop::open_with(&[PROXY]).await;
    let layla = shop.customer("Layla").await;
    for _ in 0..6 {
        fail(&shop, "203.0.113.9", layla.email()).await;
    }
    layla.see("/api/v1/auth/me").await;
    let refresh = json!({ "refreshToken": layla.session().await.refresh });
    shop.guest().post("/api/v1/auth/refresh").json(&refresh).send().await.expect(200);
    // From where she registered she signs in at once.
    Client::sign_in(&shop.wire, layla.email()).await;
    shop.close().await;
}
