//! Out of promotions with one click (RFC 8058): by a mail program's POST, and by the page.

use std::time::Duration;

use bayader::features::messages::{Channel, Kind, NewMessage, unsubscribe_url};
use bayader::kernel::UserId;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::test_carrier::TestCarrier;
use crate::harness::{Client, Shop};
use crate::twilio::{Say, column, message, statuses, work};

const FORM: &str = "application/x-www-form-urlencoded";
const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

async fn id_of(client: &Client) -> UserId {
    let me = client.get("/api/v1/auth/me").send().await.expect(200);
    UserId::parse(me["id"].as_str().expect("an id")).expect("an id")
}

/// A customer who has agreed to promotions.
async fn agreeing(shop: &Shop, name: &str) -> (Client, UserId) {
    let customer = shop.customer(name).await;
    let id = id_of(&customer).await;
    agree(&customer, id).await;
    (customer, id)
}

async fn agree(customer: &Client, id: UserId) {
    let path = format!("/api/v1/users/{id}");
    let user = customer.get(&path).send().await.expect(200);
    let body = json!({ "name": user["name"], "phone": user["phone"], "addresses": [], "marketingConsent": true, "version": user["version"] });
    customer.put(&path).json(&body).send().await.expect(200);
}

async fn agrees(shop: &Shop, user: UserId) -> bool {
    let path = format!("/api/v1/users/{user}");
    shop.admin().get(&path).send().await.expect(200)["marketingConsent"].as_bool().expect("yes or no")
}

fn promotion(user: UserId, to: &str) -> NewMessage {
    NewMessage { kind: Kind::Promotion, channel: Channel::Email, user: Some(user), ..message(to, "Kunafa at half price") }
}

/// The path of the link that a promotion to them bears.
fn link(shop: &Shop, user: UserId) -> String {
    let url = unsubscribe_url(&shop.inner().keys, &shop.inner().public_url, user);
    url.strip_prefix(&shop.inner().public_url).expect("it is the shop's").to_owned()
}

#[tokio::test]
async fn one_post_of_a_mail_program_is_enough() {
    let shop = Shop::open().await;
    let parts = "--b1\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b1--\r\n";
    let bodies = [(FORM, ONE_CLICK), ("multipart/form-data; boundary=b1", parts), (FORM, ""), ("text/plain", "?")];
    for (n, (media_type, body)) in bodies.into_iter().enumerate() {
        let (_, user) = agreeing(&shop, &format!("Layla{n}")).await;
        let path = link(&shop, user);
        for _ in 0..2 {
            let reply = shop.guest().post(&path).bytes(media_type, body).send().await.expect(200);
            assert_eq!((reply.text.as_str(), reply.header("set-cookie"), reply.header("location")), ("", None, None));
            assert!(!agrees(&shop, user).await, "{media_type}");
        }
    }
    let kept = shop.admin().get("/api/v1/admin/audit").send().await.expect(200);
    let rows: Vec<_> = kept.rows().iter().filter(|row| row["action"] == "account.unsubscribe").collect();
    assert_eq!(rows.len(), bodies.len(), "one row each, however often it was sent: {kept:?}");
    assert!(rows.iter().all(|row| row["actor"]["role"] == "customer"), "{rows:?}");
    shop.close().await;
}

/// Byte for byte as RFC 8058 has it: no cookie, no sign-in, no word of where it was.
#[tokio::test]
async fn a_raw_post_is_answered_with_an_empty_200() {
    let shop = Shop::open().await;
    let (_, user) = agreeing(&shop, "Layla").await;
    let mut stream = TcpStream::connect(shop.address()).await.expect("it listens");
    let path = link(&shop, user);
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: shop.example.com\r\nContent-Type: {FORM}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{ONE_CLICK}",
        ONE_CLICK.len()
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(body.is_empty() && !head.to_lowercase().contains("set-cookie"), "{answer}");
    assert!(!agrees(&shop, user).await);
    shop.close().await;
}

#[tokio::test]
async fn looking_changes_nothing_and_the_pages_button_does() {
    let shop = Shop::open().await;
    let (_, user) = agreeing(&shop, "Layla").await;
    let path = link(&shop, user);
    for (language, button, done) in [("en", "Unsubscribe", "Done"), ("ar", "إلغاء الاشتراك", "تم")] {
        let page = shop.guest().get(&format!("{path}?lang={language}&utm_source=letter")).send().await.expect(200);
        assert!(page.text.contains(button) && page.text.contains("method=\"post\""), "{}", page.text);
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert!(page.header("content-security-policy").expect("a policy").contains("form-action 'self'"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert!(!page.text.contains("layla@example.com"), "who holds a link is not told whose it is");
        assert_eq!(agrees(&shop, user).await, language == "en", "looking changes nothing");
        let page = shop.guest().post(&format!("{path}?lang={language}")).bytes(FORM, "page=1").send().await.expect(200);
        assert!(page.text.contains(done) && !page.text.contains("<form"), "{}", page.text);
        assert!(page.header("content-type").expect("a type").starts_with("text/html"));
        assert!(!agrees(&shop, user).await);
    }
    shop.close().await;
}

#[tokio::test]
async fn a_link_that_is_none_is_answered_as_one_that_is() {
    let shop = Shop::open().await;
    let (_, user) = agreeing(&shop, "Layla").await;
    let good = link(&shop, user);
    let nobody = link(&shop, UserId::from_uuid(uuid::Uuid::from_u128(7)));
    let page = shop.guest().get(&good).send().await.expect(200).text;
    let done = shop.guest().post(&nobody).bytes(FORM, "page=1").send().await.expect(200).text;
    let (cut, long) = (good[..good.len() - 1].to_owned(), format!("/u/{}", "A".repeat(2_000)));
    for wrong in ["/u/x", "/u/%00", "/u/%D8%AE%D8%A8%D8%B2", &cut, &long, &nobody] {
        assert_eq!(shop.guest().get(wrong).send().await.expect(200).text, page, "{wrong}");
        assert_eq!(shop.guest().post(wrong).bytes(FORM, "page=1").send().await.expect(200).text, done, "{wrong}");
        assert_eq!(shop.guest().post(wrong).bytes(FORM, ONE_CLICK).send().await.expect(200).text, "", "{wrong}");
    }
    assert!(agrees(&shop, user).await);
    assert_eq!(shop.rows("select count(*) from audit_log where action = 'account.unsubscribe'").await, 0);
    shop.close().await;
}

#[tokio::test]
async fn promotions_that_are_queued_are_not_sent_any_more() {
    let carrier = TestCarrier::email();
    let shop = Shop::open_with_carriers(&[], vec![carrier.clone()]).await;
    let (layla, user) = agreeing(&shop, "Layla").await;
    let (_, other) = agreeing(&shop, "Omar").await;
    // At night promotions wait for the morning; what is about business does not ask for consent.
    let later = shop.clock.now().plus_ms(3_600_000);
    let queue = vec![promotion(user, "layla@example.com"), promotion(other, "omar@example.com")];
    shop.db().write(SayAt(queue, later)).await.expect("queued");
    shop.guest().post(&link(&shop, user)).bytes(FORM, ONE_CLICK).send().await.expect(200);
    assert_eq!(statuses(&shop).await, ["suppressed", "queued"], "at once");
    assert_eq!(column(&shop, "error_code").await[0].as_deref(), Some("no_consent"));
    work(&shop, Duration::from_secs(3_700)).await;
    assert_eq!(statuses(&shop).await, ["suppressed", "sent"]);
    // Who agrees anew gets what comes from then on.
    agree(&layla, user).await;
    shop.db().write(Say(vec![promotion(user, "layla@example.com")])).await.expect("queued");
    work(&shop, Duration::from_secs(1)).await;
    assert_eq!(statuses(&shop).await, ["suppressed", "sent", "sent"]);
    shop.close().await;
}

/// Queues messages for later.
struct SayAt(Vec<NewMessage>, bayader::kernel::UtcMs);

impl bayader::db::Command for SayAt {
    const NAME: &'static str = "test.say_at";
    type Output = ();

    fn apply(self, tx: &mut bayader::db::WriteTx<'_>) -> bayader::kernel::Result<()> {
        for message in &self.0 {
            bayader::features::messages::queue(tx, &NewMessage { at: self.1, ..message.clone() })?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_link_counts_as_long_as_there_is_an_account() {
    let shop = Shop::open().await;
    let (_, user) = agreeing(&shop, "Layla").await;
    let path = link(&shop, user);
    shop.advance(Duration::from_secs(2 * 365 * 86_400));
    shop.guest().post(&path).bytes(FORM, ONE_CLICK).send().await.expect(200);
    assert_eq!(shop.rows("select count(*) from users where marketing_consent = 1").await, 0);
    shop.close().await;
}
