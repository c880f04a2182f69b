//! Registering, signing in and out.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Client, Shop};

const SECRET: &str = "a-long-enough-secret-7";

fn person(email: &str) -> serde_json::Value {
    json!({ "name": "Layla", "email": email, "phone": "0790123456", "password": SECRET })
}

#[tokio::test]
async fn who_registers_is_a_customer_and_signed_in() {
    let shop = Shop::open().await;
    let reply = shop.guest().post("/api/v1/auth/register").json(&person("Layla@Example.com")).send().await.expect(201);
    assert_eq!(reply["user"]["role"], "customer");
    assert_eq!(reply["user"]["email"], "layla@example.com");
    assert_eq!(reply["user"]["phone"], "+962790123456", "a leading zero takes the shop's country");
    assert_eq!(reply["expiresIn"], 900);
    assert!(!reply.text.contains("hash"), "{reply:?}");
    let layla = Client::signed_in(&shop.wire, "layla@example.com", &reply);
    let me = layla.see("/api/v1/auth/me").await;
    let user = me.body.get("user").unwrap_or(&me.body);
    assert_eq!(user["id"], reply["user"]["id"]);
    shop.close().await;
}

#[tokio::test]
async fn an_address_is_taken_once_whatever_its_case() {
    let shop = Shop::open().await;
    let register = |email: &str| shop.guest().post("/api/v1/auth/register").json(&person(email));
    register("layla@example.com").send().await.expect(201);
    register("LAYLA@example.com").send().await.expect_problem(409, "email_taken");
    shop.close().await;
}

#[tokio::test]
async fn a_password_must_be_long_and_not_the_address() {
    let shop = Shop::open().await;
    for password in ["short", "layla@example.com", "password123", &"x".repeat(129)] {
        let mut body = person("layla@example.com");
        body["password"] = password.into();
        shop.guest().post("/api/v1/auth/register").json(&body).send().await.expect_field("password");
    }
    shop.close().await;
}

#[tokio::test]
async fn only_an_admin_gives_roles() {
    let shop = Shop::open().await;
    let mut body = person("new@example.com");
    for role in ["driver", "staff", "admin"] {
        body["role"] = role.into();
        shop.guest().post("/api/v1/auth/register").json(&body).send().await.expect(403);
        for by in [shop.customer(&format!("Layla-{role}")).await, shop.staff().await, shop.driver().await] {
            by.post("/api/v1/auth/register").json(&body).send().await.expect(403);
        }
    }
    for role in ["customer", "driver", "staff", "admin"] {
        let mut body = person(&format!("{role}-of-ours@example.com"));
        body["role"] = role.into();
        let reply = shop.admin().post("/api/v1/auth/register").json(&body).send().await.expect(201);
        assert_eq!(reply["user"]["role"], role);
        assert!(reply.body.get("token").is_none(), "an admin stays who they are: {reply:?}");
    }
    body["role"] = "king".into();
    shop.admin().post("/api/v1/auth/register").json(&body).send().await.expect_field("role");
    shop.close().await;
}

#[tokio::test]
async fn signing_in_asks_for_the_right_password_and_tells_nobody_who_exists() {
    let shop = Shop::open().await;
    shop.customer("Layla").await;
    let guest = shop.guest();
    let reply = guest.log_in("LAYLA@example.com", SECRET).send().await.expect(200);
    assert!(reply["token"].is_string() && reply["refreshToken"].is_string(), "{reply:?}");
    let wrong = guest.log_in("layla@example.com", "not-her-password").send().await.expect_problem(401, "invalid_credentials");
    let nobody = guest.log_in("nobody@example.com", "not-her-password").send().await.expect_problem(401, "invalid_credentials");
    assert_eq!((&wrong["title"], &wrong["detail"]), (&nobody["title"], &nobody["detail"]));
    shop.close().await;
}

#[tokio::test]
async fn a_refresh_token_works_once_and_its_reuse_ends_the_family() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let first = layla.session().await;
    let refresh = |token: &str| shop.guest().post("/api/v1/auth/refresh").json(&json!({ "refreshToken": token }));
    let renewed = refresh(&first.refresh).send().await.expect(200);
    let second = renewed["refreshToken"].as_str().expect("a new one").to_owned();
    assert_ne!(second, first.refresh);
    let bearer = format!("Bearer {}", renewed["token"].as_str().expect("a new token"));
    let me = || shop.guest().get("/api/v1/auth/me").header("authorization", &bearer);
    me().send().await.expect(200);
    // Somebody else has the old one: nobody of this session can be told from a thief.
    refresh(&first.refresh).send().await.expect(401);
    refresh(&second).send().await.expect(401);
    me().send().await.expect(401);
    // Another session of the same account lives on.
    Client::sign_in(&shop.wire, layla.email()).await.see("/api/v1/auth/me").await;
    shop.close().await;
}

#[tokio::test]
async fn a_made_up_refresh_token_is_refused() {
    let shop = Shop::open().await;
    for token in ["x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let reply = shop.guest().post("/api/v1/auth/refresh").json(&json!({ "refreshToken": token })).send().await;
        reply.expect(401);
    }
    shop.close().await;
}

#[tokio::test]
async fn one_refresh_token_sent_many_times_at_once_is_used_once_at_most() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let body = json!({ "refreshToken": layla.session().await.refresh });
    let tries = (0..10).map(|_| shop.guest().post("/api/v1/auth/refresh").json(&body).send());
    let replies = futures_util::future::join_all(tries).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1, "{replies:?}");
    shop.close().await;
}

#[tokio::test]
async fn signing_out_ends_the_bearer_at_once() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let elsewhere = Client::sign_in(&shop.wire, layla.email()).await;
    layla.see("/api/v1/auth/me").await;
    layla.post("/api/v1/auth/logout").send().await.expect(204);
    layla.get("/api/v1/auth/me").send().await.expect_problem(401, "unauthenticated");
    let refresh = json!({ "refreshToken": layla.session().await.refresh });
    shop.guest().post("/api/v1/auth/refresh").json(&refresh).send().await.expect(401);
    elsewhere.see("/api/v1/auth/me").await;
    shop.close().await;
}

#[tokio::test]
async fn a_bearer_ends_after_a_quarter_of_an_hour() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let bearer = format!("Bearer {}", layla.session().await.bearer);
    let me = || shop.guest().get("/api/v1/auth/me").header("authorization", &bearer);
    shop.advance(Duration::from_secs(14 * 60));
    me().send().await.expect(200);
    shop.advance(Duration::from_secs(2 * 60));
    me().send().await.expect_problem(401, "token_expired");
    shop.close().await;
}

#[tokio::test]
async fn a_bearer_that_is_none_is_refused() {
    let shop = Shop::open().await;
    let bearer = shop.customer("Layla").await.session().await.bearer;
    let (head, signature) = bearer.rsplit_once('.').expect("a JWT has three parts");
    let unsigned = format!("Bearer {head}.");
    let forged = format!("Bearer {head}.{}", signature.chars().rev().collect::<String>());
    for credentials in ["Bearer x", "Bearer ", "Basic YTpi", "Bearer a.b.c", &unsigned, &forged] {
        let reply = shop.guest().get("/api/v1/auth/me").header("authorization", credentials).send().await;
        reply.expect_problem(401, "unauthenticated");
    }
    shop.guest().get("/api/v1/auth/me").send().await.expect_problem(401, "unauthenticated");
    shop.close().await;
}

#[tokio::test]
async fn who_refreshes_may_still_send_the_token_that_has_expired() {
    let shop = Shop::open().await;
    let body = json!({ "name": "Layla", "email": "layla.late@example.com", "phone": "+962790000003", "password": "a long enough phrase" });
    let registered = shop.guest().post("/api/v1/auth/register").json(&body).send().await.expect(201);
    shop.advance(Duration::from_secs(16 * 60));
    let bearer = format!("Bearer {}", registered.body["token"].as_str().expect("a token"));
    let refresh = json!({ "refreshToken": registered.body["refreshToken"] });
    shop.guest().post("/api/v1/auth/refresh").header("authorization", &bearer).json(&refresh).send().await.expect(200);
    shop.guest().get("/api/v1/products").header("authorization", &bearer).send().await.expect_problem(401, "token_expired");
    shop.close().await;
}
