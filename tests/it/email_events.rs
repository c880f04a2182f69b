//! What SendGrid tells of mails, through a shop that runs: each event once, in any order, and nothing that SendGrid has not signed.

use std::time::Duration;

use bayader::features::messages::{Channel, Kind, NewMessage};
use bayader::kernel::UserId;
use serde_json::{Value, json};

use crate::doubles::sendgrid::{Mail, Mishap, SendGridDouble, signature as signature_of, signed};
use crate::harness::{Client, OWNER, Request, Shop};
use crate::twilio::{column, message, say, statuses, work};

const EVENTS: &str = "/api/v1/notifications/email/events";
const LAYLA: &str = "layla@example.com";
const OMAR: &str = "omar@example.com";

async fn open_with(sendgrid: &SendGridDouble, more: &[(&str, &str)]) -> Shop {
    let variables = sendgrid.variables();
    let mut variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    variables.extend_from_slice(more);
    Shop::open_with(&variables).await
}

async fn open(sendgrid: &SendGridDouble) -> Shop {
    open_with(sendgrid, &[]).await
}

fn letter(to: &str, text: &str) -> NewMessage {
    NewMessage { channel: Channel::Email, ..message(to, text) }
}

fn post(shop: &Shop, events: &[Value]) -> Request {
    let (headers, body) = signed(events);
    let post = shop.guest().post(EVENTS).bytes("application/json", body);
    headers.iter().fold(post, |post, (name, value)| post.header(name.as_str(), value.to_str().expect("a text")))
}

async fn tell(shop: &Shop, events: &[Value]) {
    post(shop, events).send().await.expect(200);
    work(shop, Duration::from_secs(1)).await;
}

fn with(mut event: Value, fields: &Value) -> Value {
    for (name, value) in fields.as_object().expect("fields") {
        event[name] = value.clone();
    }
    event
}

/// Lets staff send a message again that failed, by its place.
async fn retry(shop: &Shop, status: &str) {
    let list = shop.admin().get(&format!("/api/v1/notifications?status={status}")).send().await.expect(200);
    let id = list.rows()[0]["id"].as_str().expect("an id").to_owned();
    shop.admin().post(&format!("/api/v1/notifications/{id}/retry")).json(&json!({})).send().await.expect(200);
    work(shop, Duration::from_secs(1)).await;
}

const SUPPRESSED: &str = "select count(*) from suppressions";

#[tokio::test]
async fn a_delivery_and_a_bounce_are_booked_once_and_a_state_only_rises() {
    let sendgrid = SendGridDouble::start().await;
    let shop = open(&sendgrid).await;
    say(&shop, vec![letter(LAYLA, "Hello"), letter(OMAR, "Hello")]).await;
    let mails = sendgrid.mails();
    assert_eq!(statuses(&shop).await, ["sent", "sent"]);
    let of = |to: &str| mails.iter().find(|mail| mail.body["personalizations"][0]["to"][0]["email"] == to).expect("it came");
    let bounce = with(of(OMAR).event("bounce"), &json!({ "type": "bounce", "reason": "550 5.1.1 <omar@example.com> unknown" }));
    for _ in 0..3 {
        tell(&shop, &[of(LAYLA).event("delivered"), bounce.clone(), of(LAYLA).event("open")]).await;
        assert_eq!(statuses(&shop).await, ["delivered", "failed"]);
    }
    tell(&shop, &[of(LAYLA).event("deferred"), of(LAYLA).event("processed"), of(OMAR).event("delivered")]).await;
    assert_eq!(statuses(&shop).await, ["delivered", "failed"], "what is at its end stays there");
    let [_, error] = column(&shop, "last_error").await.try_into().expect("two messages");
    assert_eq!(error.as_deref(), Some("550 5.1.1 … unknown"));
    let ids = mails.iter().map(|mail| Some(mail.message_id.clone())).collect::<Vec<_>>();
    let mut kept = column(&shop, "provider_id").await;
    kept.sort();
    assert_eq!(kept, ids, "the name by which SendGrid knows it");
    assert_eq!(shop.rows(SUPPRESSED).await, 1);
    say(&shop, vec![letter(OMAR, "Are you there?")]).await;
    assert_eq!((statuses(&shop).await[2].as_str(), sendgrid.mails().len()), ("suppressed", 2));
    shop.close().await;
    sendgrid.close();
}

#[tokio::test]
async fn an_old_bounce_does_not_silence_an_address_that_staff_have_freed() {
    let sendgrid = SendGridDouble::start().await;
    let shop = open(&sendgrid).await;
    say(&shop, vec![letter(OMAR, "Hello")]).await;
    let bounce = with(sendgrid.mails()[0].event("bounce"), &json!({ "type": "bounce" }));
    tell(&shop, std::slice::from_ref(&bounce)).await;
    assert_eq!((statuses(&shop).await, shop.rows(SUPPRESSED).await), (vec!["failed".to_owned()], 1));
    retry(&shop, "failed").await;
    assert_eq!((statuses(&shop).await, shop.rows(SUPPRESSED).await), (vec!["sent".to_owned()], 0));
    tell(&shop, &[bounce]).await;
    // A late one of the first mail, under a name of its own: it says something of the address, but nothing of the second mail.
    let late = with(sendgrid.mails()[0].event("bounce"), &json!({ "type": "blocked", "sg_event_id": "late" }));
    tell(&shop, &[late]).await;
    assert_eq!((statuses(&shop).await, shop.rows(SUPPRESSED).await), (vec!["sent".to_owned()], 0));
    let blocked = with(sendgrid.mails()[1].event("bounce"), &json!({ "type": "blocked" }));
    tell(&shop, &[blocked]).await;
    assert_eq!((statuses(&shop).await, shop.rows(SUPPRESSED).await), (vec!["failed".to_owned()], 0), "blocked is not bounced");
    shop.close().await;
    sendgrid.close();
}

#[tokio::test]
async fn what_sendgrid_itself_drops_is_told_and_not_tried_again() {
    let sendgrid = SendGridDouble::start().await;
    let shop = open(&sendgrid).await;
    say(&shop, vec![letter("a@example.com", "Hello"), letter("b@example.com", "Hello"), letter("c@example.com", "Hello")])
        .await;
    let reasons = ["Bounced Address", "Unsubscribed Address", "Invalid"];
    let events: Vec<Value> = sendgrid
        .mails()
        .iter()
        .zip(reasons)
        .map(|(mail, reason)| with(mail.event("dropped"), &json!({ "reason": reason })))
        .collect();
    tell(&shop, &events).await;
    assert_eq!(statuses(&shop).await, ["failed", "failed", "failed"]);
    assert_eq!(shop.rows(SUPPRESSED).await, 2);
    shop.close().await;
    sendgrid.close();
}

async fn id_of(client: &Client) -> UserId {
    let me = client.get("/api/v1/auth/me").send().await.expect(200);
    UserId::parse(me["id"].as_str().expect("an id")).expect("an id")
}

/// A customer who has agreed to promotions, and the mail of one that has left.
async fn promoted(shop: &Shop, sendgrid: &SendGridDouble, name: &str) -> (UserId, Mail) {
    let customer = shop.customer(name).await;
    let id = id_of(&customer).await;
    let path = format!("/api/v1/users/{id}");
    let user = customer.get(&path).send().await.expect(200);
    let body = json!({ "name": user["name"], "phone": user["phone"], "addresses": [], "marketingConsent": true, "version": user["version"] });
    customer.put(&path).json(&body).send().await.expect(200);
    say(shop, vec![promotion(id, customer.email())]).await;
    let mail = sendgrid.mails().pop().expect("it has left");
    assert!(mail.body["headers"]["List-Unsubscribe"].is_string());
    (id, mail)
}

fn promotion(user: UserId, to: &str) -> NewMessage {
    NewMessage { kind: Kind::Promotion, user: Some(user), ..letter(to, "Kunafa at half price") }
}

async fn agrees(shop: &Shop, user: UserId) -> bool {
    let path = format!("/api/v1/users/{user}");
    shop.admin().get(&path).send().await.expect(200)["marketingConsent"].as_bool().expect("yes or no")
}

#[tokio::test]
async fn who_unsubscribes_at_the_provider_gets_no_promotion_and_still_hears_of_orders() {
    let sendgrid = SendGridDouble::start().await;
    let shop = open(&sendgrid).await;
    let (layla, mail) = promoted(&shop, &sendgrid, "Layla").await;
    let (omar, other) = promoted(&shop, &sendgrid, "Omar").await;
    tell(&shop, &[mail.event("unsubscribe"), other.event("group_unsubscribe")]).await;
    assert!(!agrees(&shop, layla).await && !agrees(&shop, omar).await);
    let audit = shop.admin().get("/api/v1/admin/audit?action=account.unsubscribe").send().await.expect(200);
    let actors: Vec<&Value> = audit.rows().iter().map(|row| &row["subject"]).collect();
    assert_eq!(actors, [&json!(format!("user:{omar}")), &json!(format!("user:{layla}"))]);
    assert_eq!(shop.rows(SUPPRESSED).await, 0);
    let before = sendgrid.mails().len();
    say(&shop, vec![promotion(layla, LAYLA), letter(LAYLA, "Your cake is ready")]).await;
    assert_eq!(sendgrid.mails().len(), before + 1, "only what is not promotion");
    shop.close().await;
    sendgrid.close();
}

#[tokio::test]
async fn who_calls_a_message_spam_is_written_to_no_more_and_the_shop_hears_of_it_once() {
    let sendgrid = SendGridDouble::start().await;
    let shop = open(&sendgrid).await;
    let (layla, mail) = promoted(&shop, &sendgrid, "Layla").await;
    for _ in 0..2 {
        tell(&shop, &[mail.event("spamreport")]).await;
    }
    assert!(!agrees(&shop, layla).await);
    assert_eq!(shop.rows("select count(*) from suppressions where reason = 'complained'").await, 1);
    work(&shop, Duration::from_secs(60)).await;
    let alerts: Vec<Mail> =
        sendgrid.mails().into_iter().filter(|mail| mail.body["personalizations"][0]["to"][0]["email"] == OWNER).collect();
    assert_eq!(alerts.len(), 1);
    let said = alerts[0].body.to_string();
    assert!(said.contains("called a message spam") && !said.contains(LAYLA), "{said}");
    let before = sendgrid.mails().len();
    say(&shop, vec![letter(LAYLA, "Your cake is ready")]).await;
    assert_eq!(sendgrid.mails().len(), before);
    shop.close().await;
    sendgrid.close();
}

#[tokio::test]
async fn an_event_tells_that_a_message_is_there_whose_answer_was_lost() {
    for mishap in [Mishap::ErrorAfter, Mishap::CutAfter] {
        let sendgrid = SendGridDouble::start().await;
        let shop = open(&sendgrid).await;
        sendgrid.next([mishap]);
        say(&shop, vec![letter(LAYLA, "Once, please")]).await;
        work(&shop, Duration::from_secs(60)).await;
        assert_eq!(sendgrid.mails().len(), 1);
        tell(&shop, &[sendgrid.mails()[0].event("processed")]).await;
        assert_eq!(statuses(&shop).await, ["sent"]);
        for _ in 0..3 {
            work(&shop, Duration::from_secs(600)).await;
        }
        assert_eq!(sendgrid.mails().len(), 1, "it is not sent again");
        shop.close().await;
        sendgrid.close();
    }
}

#[tokio::test]
async fn a_message_of_which_no_event_comes_for_ten_minutes_is_sent_again() {
    let sendgrid = SendGridDouble::start().await;
    let shop = open(&sendgrid).await;
    sendgrid.next([Mishap::Answer(500, Value::Null)]);
    say(&shop, vec![letter(LAYLA, "Please")]).await;
    for _ in 0..9 {
        work(&shop, Duration::from_secs(60)).await;
        assert_eq!(sendgrid.mails().len(), 0);
    }
    for _ in 0..2 {
        work(&shop, Duration::from_secs(60)).await;
    }
    assert_eq!((sendgrid.mails().len(), statuses(&shop).await), (1, vec!["sent".to_owned()]));
    shop.close().await;
    sendgrid.close();
}

#[tokio::test]
async fn what_sendgrid_has_not_signed_is_refused_without_a_statement_and_soon_not_looked_at() {
    let sendgrid = SendGridDouble::start().await;
    let shop = open_with(&sendgrid, &[("BAYADER_RATE_LIMIT__ENABLED", "true")]).await;
    say(&shop, vec![letter(LAYLA, "Hello")]).await;
    let event = sendgrid.mails()[0].event("delivered");
    let (headers, body) = signed(std::slice::from_ref(&event));
    let header = |name: &str| headers[name].to_str().expect("a text").to_owned();
    let (signature, timestamp) =
        (header("x-twilio-email-event-webhook-signature"), header("x-twilio-email-event-webhook-timestamp"));
    let request = |signature: Option<&str>, timestamp: Option<&str>, body: &[u8]| {
        let mut post = shop.guest().post(EVENTS).bytes("application/json", body.to_vec());
        for (name, value) in [("signature", signature), ("timestamp", timestamp)] {
            if let Some(value) = value {
                post = post.header(&format!("x-twilio-email-event-webhook-{name}"), value);
            }
        }
        post
    };
    let changed = String::from_utf8(body.clone()).expect("json").replace("delivered", "bounce").into_bytes();
    let forged = [
        request(None, Some(&timestamp), &body),
        request(Some(&signature), None, &body),
        request(Some(&signature), Some("1795593606"), &body),
        request(Some(&signature), Some(&timestamp), &changed),
        request(Some(&signature), Some(&timestamp), body.trim_ascii_end()),
        // Over the body without its moment, whose age would then be anybody's to choose.
        request(Some(&signature_of(&body)), Some(&timestamp), &body),
        request(Some("AQEB"), Some(&timestamp), &body),
        request(Some("no base64!"), Some(&timestamp), &body),
    ];
    let statements = shop.db().stats().statement_us.count();
    let count = forged.len();
    for request in forged {
        request.send().await.expect_problem(400, "bad_signature");
    }
    assert_eq!(shop.db().stats().statement_us.count(), statements, "a bad signature costs no statement");
    post(&shop, std::slice::from_ref(&event)).send().await.expect(200);
    assert_eq!(statuses(&shop).await, ["delivered"]);
    for _ in count..20 {
        request(Some("AQEB"), Some(&timestamp), &body).send().await.expect_problem(400, "bad_signature");
    }
    post(&shop, std::slice::from_ref(&event)).send().await.expect_problem(429, "rate_limited");
    shop.advance(Duration::from_secs(61));
    post(&shop, &[event]).send().await.expect(200);
    shop.close().await;
    sendgrid.close();
}

#[tokio::test]
async fn each_published_case_is_answered_as_it_says() {
    let vectors: Value = serde_json::from_str(include_str!("../vectors/sendgrid.json")).expect("vectors");
    let cases = vectors["cases"].as_array().expect("cases");
    let mut keys: Vec<&str> = cases.iter().map(|case| case["public_key"].as_str().expect("a key")).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let sendgrid = SendGridDouble::start().await;
        let shop = open_with(&sendgrid, &[("BAYADER_MAIL__SENDGRID__WEBHOOK_PUBLIC_KEY", key)]).await;
        for case in cases.iter().filter(|case| case["public_key"] == key) {
            let body = case["body"].as_str().expect("a body").as_bytes().to_vec();
            let mut post = shop.guest().post(EVENTS).bytes("application/json", body);
            for (name, value) in case["headers"].as_object().expect("headers") {
                post = post.header(name, value.as_str().expect("a text"));
            }
            let reply = post.send().await;
            match case["expect"].as_str() {
                Some("accept") => reply.expect(200),
                Some("reject") => reply.expect_problem(400, "bad_signature"),
                other => panic!("{}: {other:?} is not known", case["name"]),
            };
        }
        shop.close().await;
        sendgrid.close();
    }
}

#[tokio::test]
async fn where_no_key_is_set_and_nobody_tells_anything_there_is_nothing() {
    let shop = Shop::open().await;
    post(&shop, &[]).send().await.expect_problem(404, "not_found");
    shop.close().await;
    let sendgrid = SendGridDouble::start().await;
    let mut variables = sendgrid.variables();
    variables.retain(|(name, _)| !name.ends_with("WEBHOOK_PUBLIC_KEY"));
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let shop = Shop::open_with(&variables).await;
    post(&shop, &[]).send().await.expect_problem(404, "not_found");
    shop.close().await;
    sendgrid.close();
}

#[tokio::test]
async fn thousands_of_events_are_booked_and_more_than_fits_is_refused() {
    let sendgrid = SendGridDouble::start().await;
    let shop = open(&sendgrid).await;
    say(&shop, vec![letter(LAYLA, "Hello")]).await;
    let mail = &sendgrid.mails()[0];
    let mut events: Vec<Value> =
        (0..2_000).map(|n| with(mail.event("open"), &json!({ "event": "deferred", "sg_event_id": format!("e{n}") }))).collect();
    // What cannot be read hides nothing of the rest.
    events.extend([
        json!(7),
        json!({ "event": "delivered" }),
        json!({ "event": null, "sg_event_id": "x" }),
        mail.event("delivered"),
    ]);
    tell(&shop, &events).await;
    assert_eq!(statuses(&shop).await, ["delivered"]);
    assert_eq!(shop.rows("select count(*) from provider_events").await, 2_001);
    let large = shop.guest().post(EVENTS).bytes("application/json", vec![b' '; (4 << 20) + 1]);
    large.send().await.expect_problem(413, "body_too_large");
    shop.close().await;
    sendgrid.close();
}
