//! Passwords changed, forgotten and set by a link; people who are invited.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, Reply, Shop};

const NEW: &str = "olives and thyme at six";
const MINUTE: Duration = Duration::from_secs(60);

async fn change(by: &Client, current: &str, new: &str) -> Reply {
    by.put("/api/v1/auth/password").json(&json!({ "currentPassword": current, "newPassword": new })).send().await
}

async fn forgot(shop: &Shop, email: &str) -> Reply {
    shop.guest().post("/api/v1/auth/password/forgot").json(&json!({ "email": email })).send().await
}

async fn reset(shop: &Shop, token: &str, password: &str) -> Reply {
    shop.guest().post("/api/v1/auth/password/reset").json(&json!({ "token": token, "password": password })).send().await
}

/// A link to a new password, as it lies in the mailbox of an address.
async fn mailed(shop: &Shop, email: &str) -> String {
    forgot(shop, email).await.expect(202);
    let letters = shop.letters().await;
    // The shop writes to its owner by itself, each evening.
    let last = letters.iter().rfind(|letter| letter.to == email).expect("a letter");
    last.token().to_owned()
}

#[tokio::test]
async fn a_changed_password_ends_every_session_but_the_one_that_changed_it() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let elsewhere = Client::sign_in(&shop.wire, layla.email()).await;
    elsewhere.see("/api/v1/auth/me").await;
    change(&layla, PASSWORD, NEW).await.expect(204);
    layla.see("/api/v1/auth/me").await;
    elsewhere.get("/api/v1/auth/me").send().await.expect_problem(401, "unauthenticated");
    let refresh = json!({ "refreshToken": elsewhere.session().await.refresh });
    shop.guest().post("/api/v1/auth/refresh").json(&refresh).send().await.expect(401);
    shop.guest().log_in(layla.email(), PASSWORD).send().await.expect_problem(401, "invalid_credentials");
    shop.guest().log_in(layla.email(), NEW).send().await.expect(200);
    shop.close().await;
}

#[tokio::test]
async fn a_password_is_changed_only_by_who_knows_it_and_to_one_that_may_be() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let refusal = change(&layla, "not-her-password", NEW).await.expect_problem(422, "wrong_password");
    assert_eq!(refusal.fields(), ["currentPassword"]);
    for new in ["short", "password123", "layla@example.com", "LAYLA@example.com"] {
        change(&layla, PASSWORD, new).await.expect_field("newPassword");
    }
    let faults = layla.put("/api/v1/auth/password").json(&json!({ "newPassword": "short" })).send().await;
    assert_eq!(faults.expect_problem(422, "validation_failed").fields(), ["currentPassword", "newPassword"]);
    change(&shop.guest(), PASSWORD, NEW).await.expect_problem(401, "unauthenticated");
    shop.guest().log_in(layla.email(), PASSWORD).send().await.expect(200);
    shop.close().await;
}

#[tokio::test]
async fn who_guesses_at_the_password_from_an_open_session_waits_and_is_written_down() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let own = format!("/api/v1/users/{}", layla.see("/api/v1/auth/me").await["id"].as_str().expect("an id"));
    let erase = |password: &str| layla.delete(&own).json(&json!({ "currentPassword": password })).send();
    for _ in 0..4 {
        change(&layla, "not-her-password", NEW).await.expect_problem(422, "wrong_password");
    }
    erase("not-her-password").await.expect_problem(422, "wrong_password");
    let refusal = change(&layla, PASSWORD, NEW).await.expect_problem(429, "too_many_attempts");
    assert_eq!(refusal.header("retry-after"), Some("1"));
    erase(PASSWORD).await.expect_problem(429, "too_many_attempts");
    // Its owner, who is elsewhere, is not kept out by that.
    shop.guest().log_in(layla.email(), PASSWORD).send().await.expect(200);
    let kept = shop.owner().see("/api/v1/admin/audit?outcome=failed_sign_in").await;
    let told: Vec<_> = kept.rows().iter().map(|row| (row["action"].as_str(), row["actor"]["role"].as_str())).collect();
    assert_eq!(told.len(), 7, "{kept:?}");
    assert_eq!(told[6], (Some("PUT /api/v1/auth/password"), Some("customer")));
    shop.advance(Duration::from_secs(1));
    change(&layla, PASSWORD, NEW).await.expect(204);
    shop.close().await;
}

#[tokio::test]
async fn of_two_changes_at_once_by_the_same_old_password_one_counts() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let replies = join_all(["olives and thyme", "sesame and honey"].map(|new| change(&layla, PASSWORD, new))).await;
    let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 422], "{replies:?}");
    shop.close().await;
}

#[tokio::test]
async fn a_link_sets_a_new_password_once_and_ends_every_session() {
    let shop = Shop::open_with(&[("BAYADER_SERVER__PUBLIC_URL", "https://bread.example")]).await;
    let layla = shop.customer("Layla").await;
    let elsewhere = Client::sign_in(&shop.wire, layla.email()).await;
    let asked = shop.guest().post("/api/v1/auth/password/forgot").header("host", "evil.example");
    asked.json(&json!({ "email": "Layla@Example.com" })).send().await.expect(202);
    let letters = shop.letters().await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert!(letters[0].link().starts_with("https://bread.example/account/reset#token="), "{letters:?}");
    assert!(letters[0].subject.starts_with("A new password for "), "{letters:?}");
    let token = letters[0].token();

    // A password that may not be one uses nothing up.
    reset(&shop, token, "short").await.expect_field("password");
    reset(&shop, token, "layla@example.com").await.expect_field("password");
    reset(&shop, token, NEW).await.expect(204);
    for session in [&layla, &elsewhere] {
        session.get("/api/v1/auth/me").send().await.expect_problem(401, "unauthenticated");
    }
    reset(&shop, token, "another phrase of hers").await.expect_problem(410, "invalid_link");
    shop.guest().log_in(layla.email(), PASSWORD).send().await.expect_problem(401, "invalid_credentials");
    shop.guest().log_in(layla.email(), NEW).send().await.expect(200);
    shop.close().await;
}

#[tokio::test]
async fn one_link_used_by_many_at_once_counts_once() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let token = mailed(&shop, layla.email()).await;
    let passwords: Vec<String> = (0..6).map(|n| format!("phrase number {n} of hers")).collect();
    let replies = join_all(passwords.iter().map(|password| reset(&shop, &token, password))).await;
    let won: Vec<usize> = (0..6).filter(|n| replies[*n].status == 204).collect();
    assert_eq!(won.len(), 1, "{replies:?}");
    for reply in replies.into_iter().filter(|reply| reply.status != 204) {
        reply.expect_problem(410, "invalid_link");
    }
    for (n, password) in passwords.iter().enumerate() {
        let status = if n == won[0] { 200 } else { 401 };
        shop.guest().log_in(layla.email(), password).send().await.expect(status);
    }
    shop.close().await;
}

#[tokio::test]
async fn a_link_ends_after_half_an_hour_or_by_a_newer_one_or_by_a_changed_password() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let first = mailed(&shop, layla.email()).await;
    shop.advance(MINUTE * 2);
    let second = mailed(&shop, layla.email()).await;
    assert_ne!(first, second);
    reset(&shop, &first, NEW).await.expect_problem(410, "invalid_link");
    shop.advance(MINUTE * 31);
    reset(&shop, &second, NEW).await.expect_problem(410, "invalid_link");
    let third = mailed(&shop, layla.email()).await;
    shop.advance(MINUTE * 29);
    change(&layla, PASSWORD, "a phrase she thought of").await.expect(204);
    reset(&shop, &third, NEW).await.expect_problem(410, "invalid_link");
    for token in ["x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        reset(&shop, token, NEW).await.expect_problem(410, "invalid_link");
    }
    shop.close().await;
}

#[tokio::test]
async fn asking_for_a_link_tells_nobody_who_has_an_account() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let known = forgot(&shop, layla.email()).await.expect(202);
    let unknown = forgot(&shop, "nobody@example.com").await.expect(202);
    assert_eq!(known.text, unknown.text);
    let names = |reply: &Reply| {
        let mut names: Vec<String> = reply.headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    };
    assert_eq!(names(&known), names(&unknown));
    // Once a minute, and the same answer meanwhile.
    for _ in 0..3 {
        assert_eq!(forgot(&shop, layla.email()).await.expect(202).text, unknown.text);
        assert_eq!(shop.letters().await.len(), 1);
    }
    forgot(&shop, "no address").await.expect_field("email");
    shop.close().await;
}

#[tokio::test]
async fn the_token_of_a_link_lies_nowhere_but_in_the_letter() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let token = mailed(&shop, layla.email()).await;
    for file in ["bayader.db", "bayader.db-wal"] {
        let bytes = std::fs::read(shop.folder().join(file)).expect("the books can be read");
        let found = bytes.windows(token.len()).any(|part| part == token.as_bytes());
        assert!(!found, "the token stands in {file}");
    }
    shop.close().await;
}

#[tokio::test]
async fn a_letter_that_the_disk_refused_is_put_out_later() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let outbox = shop.folder().join("outbox");
    std::fs::remove_dir(&outbox).expect("an empty outbox");
    forgot(&shop, layla.email()).await.expect(202);
    shop.advance(Duration::from_secs(1));
    shop.run_jobs().await;
    std::fs::create_dir(&outbox).expect("a folder");
    assert!(shop.letters().await.is_empty());
    shop.advance(Duration::from_secs(15));
    let letters = shop.letters().await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    reset(&shop, letters[0].token(), NEW).await.expect(204);
    shop.close().await;
}

#[tokio::test]
async fn a_letter_speaks_the_language_of_its_reader() {
    let shop = Shop::open().await;
    let body = json!({ "name": "ليلى", "email": "layla@example.com", "phone": "0790000001", "password": PASSWORD });
    shop.guest().post("/api/v1/auth/register").header("accept-language", "ar").json(&body).send().await.expect(201);
    forgot(&shop, "layla@example.com").await.expect(202);
    let letters = shop.letters().await;
    assert!(letters[0].subject.starts_with("كلمة مرور جديدة"), "{letters:?}");
    shop.close().await;
}

fn person(email: &str, role: &str) -> Value {
    json!({ "name": "Omar", "email": email, "phone": "0790000009", "role": role })
}

#[tokio::test]
async fn who_is_invited_chooses_their_own_password() {
    let shop = Shop::open().await;
    let invite = shop.admin().post("/api/v1/auth/register").header("accept-language", "ar");
    let invited = invite.json(&person("omar@example.com", "staff")).send().await.expect(201);
    assert_eq!(invited["user"]["locale"], "en", "the shop's language, not that of the admin's browser");
    assert_eq!((&invited["invited"], &invited["user"]["role"]), (&json!(true), &json!("staff")));
    assert!(invited.body.get("token").is_none(), "{invited:?}");
    shop.guest().log_in("omar@example.com", PASSWORD).send().await.expect_problem(401, "invalid_credentials");
    assert_eq!(shop.letters().await.len(), 1);
    let again = format!("/api/v1/users/{}/invite", invited["user"]["id"].as_str().expect("an id"));
    let reply = shop.admin().post(&again).send().await.expect(202);
    assert_eq!(reply["invited"], true);
    let letters = shop.letters().await;
    assert_eq!(letters.len(), 2, "{letters:?}");
    assert!(letters[1].link().contains("/account/invite#token="), "{letters:?}");
    reset(&shop, letters[0].token(), NEW).await.expect_problem(410, "invalid_link");
    shop.advance(MINUTE * 60 * 71);
    reset(&shop, letters[1].token(), NEW).await.expect(204);
    let omar = shop.guest().log_in("omar@example.com", NEW).send().await.expect(200);
    assert_eq!(omar["user"]["role"], "staff");
    shop.admin().post(&again).send().await.expect_problem(409, "has_password");
    shop.close().await;
}

#[tokio::test]
async fn an_invitation_ends_after_three_days_and_the_person_may_ask_for_a_link_themselves() {
    let shop = Shop::open().await;
    shop.admin().post("/api/v1/auth/register").json(&person("omar@example.com", "driver")).send().await.expect(201);
    let letters = shop.letters().await;
    shop.advance(MINUTE * (60 * 72 + 1));
    reset(&shop, letters[0].token(), NEW).await.expect_problem(410, "invalid_link");
    let token = mailed(&shop, "omar@example.com").await;
    reset(&shop, &token, NEW).await.expect(204);
    shop.guest().log_in("omar@example.com", NEW).send().await.expect(200);
    shop.close().await;
}

#[tokio::test]
async fn only_an_admin_leaves_the_password_out() {
    let shop = Shop::open().await;
    for by in [shop.guest(), shop.customer("Layla").await, shop.driver().await, shop.staff().await] {
        let reply = by.post("/api/v1/auth/register").json(&person("omar@example.com", "customer")).send().await;
        reply.expect_field("password");
    }
    let nobody = "/api/v1/users/01936000-0000-7000-8000-000000000000/invite";
    shop.admin().post(nobody).send().await.expect_problem(404, "not_found");
    shop.close().await;
}

#[tokio::test]
async fn the_pages_speak_both_languages_and_load_nothing_from_elsewhere() {
    let shop = Shop::open().await;
    for name in ["reset", "invite", "forgot"] {
        let path = format!("/account/{name}");
        for (language, direction) in [("en", "ltr"), ("ar", "rtl")] {
            let head = format!("<html lang=\"{language}\" dir=\"{direction}\">");
            let by_header = shop.guest().get(&path).header("accept-language", language).send().await.expect(200);
            assert!(by_header.text.contains(&head), "{by_header:?}");
            let asked = format!("{path}?lang={language}&utm_source=letter");
            let by_link = shop.guest().get(&asked).header("accept-language", "fr").send().await.expect(200);
            assert_eq!(by_link.text, by_header.text);
            assert_eq!(by_link.header("cache-control"), Some("no-store"));
            assert_eq!(by_link.header("referrer-policy"), Some("no-referrer"));
            assert!(by_link.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'")));
            assert!(by_link.text.contains("<noscript>") && by_link.text.contains("/assets/account.js"));
        }
    }
    let script = shop.guest().get("/assets/account.js").send().await.expect(200);
    assert!(script.text.contains("replaceState"));
    shop.close().await;
}
