//! What messages say, and what staff write: previews, a shop's own templates, messages to people, promotions to those who have agreed.

use std::fs;
use std::sync::Arc;

use bayader::features::messages::Kind;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::test_carrier::TestCarrier;
use crate::harness::{Client, Folder, Reply, Shop, bayader};

const TEMPLATES: &str = "/api/v1/notifications/templates";
const SEND: &str = "/api/v1/notifications/send";
const CAMPAIGNS: &str = "/api/v1/notifications/campaigns";

async fn id_of(client: &Client) -> String {
    client.see("/api/v1/auth/me").await["id"].as_str().expect("an id").to_owned()
}

/// A customer who has agreed to promotions, or taken that back.
async fn decides(client: &Client, agrees: bool) {
    let path = format!("/api/v1/users/{}", id_of(client).await);
    let me = client.see(&path).await;
    let body = json!({ "name": me["name"], "phone": me["phone"], "marketingConsent": agrees, "addresses": [] });
    client.put(&path).json(&body).send().await.expect(200);
}

async fn send(by: &Client, body: &Value) -> Reply {
    by.post(SEND).json(body).send().await
}

#[tokio::test]
async fn every_message_can_be_seen_before_it_is_sent() {
    let shop = Shop::open().await;
    let admin = shop.admin();
    let kinds = admin.see(TEMPLATES).await;
    assert!(kinds.column("type").contains(&"order_ready"), "{kinds:?}");
    for kind in kinds.rows() {
        assert_eq!((&kind["locales"], &kind["ownFiles"]), (&json!(["en", "ar"]), &json!([])));
        for channel in kind["channels"].as_array().expect("channels").iter().map(|channel| channel.as_str().expect("a word")) {
            for locale in ["en", "ar"] {
                let code = kind["type"].as_str().expect("a word");
                let seen = admin.see(&format!("{TEMPLATES}/{code}/preview?locale={locale}&channel={channel}")).await;
                assert_eq!((seen["type"].as_str(), seen["locale"].as_str()), (Some(code), Some(locale)));
                let text = seen["text"].as_str().expect("a text");
                assert!(text.contains("EL-Bayader") && !text.contains("bayader.example"), "the shop's own: {text}");
                assert_eq!((seen["subject"].is_string(), seen["html"].is_string()), (channel == "email", channel == "email"));
                assert!(channel == "sms" || seen["html"].as_str().is_some_and(|html| html.starts_with("<!doctype html>")));
            }
        }
    }
    let plain = admin.see(&format!("{TEMPLATES}/invite/preview")).await;
    assert_eq!((plain["channel"].as_str(), plain["locale"].as_str()), (Some("email"), Some("en")), "the shop's language");
    admin.get(&format!("{TEMPLATES}/order_eaten/preview")).send().await.expect_problem(404, "not_found");
    admin.get(&format!("{TEMPLATES}/invite/preview?channel=sms")).send().await.expect_field("channel");
    admin.get(&format!("{TEMPLATES}/invite/preview?channel=post&locale=fr")).send().await.expect_field("locale");
    shop.close().await;
}

#[tokio::test]
async fn a_file_in_the_data_folder_says_it_and_a_broken_one_is_told_at_the_start() {
    let folder = Folder::with_owner();
    let own = folder.data().join("templates");
    fs::create_dir(&own).expect("a folder");
    fs::write(own.join("order_ready.en.sms.txt"), "Come by: {{ orderNumber }}\n{{ order_url }}\n").expect("a file");
    let shop = Shop::spawn(&folder).await;
    let admin = Client::sign_in(&shop.wire, crate::harness::OWNER).await;
    let seen = admin.see(&format!("{TEMPLATES}/order_ready/preview?channel=sms")).await;
    assert!(seen["text"].as_str().is_some_and(|text| text.starts_with("Come by: B-")), "{seen:?}");
    let kinds = admin.see(TEMPLATES).await;
    let ready = kinds.rows().iter().find(|kind| kind["type"] == "order_ready").expect("the kind");
    assert_eq!(ready["ownFiles"], json!(["order_ready.en.sms.txt"]));
    shop.expect_documented();
    drop(shop);

    fs::write(own.join("order_ready.en.sms.txt"), "Come by: {{ orderNumbr }}\n").expect("a file");
    let refused = bayader(&folder.data(), &["serve", "--listen", "127.0.0.1:0"]);
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success(), "{told}");
    for part in ["templates", "order_ready.en.sms.txt, line 1", "orderNumbr", "take the file away"] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[tokio::test]
async fn an_admin_writes_to_accounts_and_to_an_orders_customer() {
    let sms = TestCarrier::sms();
    let shop = Shop::open_with_carriers(&[], vec![Arc::clone(&sms) as _]).await;
    let admin = shop.admin();
    let (layla, omar) = (shop.customer("Layla").await, shop.customer("Omar").await);
    let users = json!([id_of(&layla).await, id_of(&omar).await]);
    let path = format!("/api/v1/users/{}", id_of(&omar).await);
    omar.put(&path).json(&json!({ "name": "Omar", "phone": "0790000006", "locale": "ar" })).send().await.expect(200);
    let words = json!({
        "type": "message", "channel": "email", "subject": "Closed on Friday", "text": "We open again on Saturday.\n\nSee you.",
        "translations": { "ar": { "subject": "مغلق يوم الجمعة", "text": "نفتح يوم السبت." } }, "to": { "userIds": users },
    });
    let sent = send(&admin, &words).await.expect(201);
    assert_eq!(
        (sent["status"].as_str(), sent["queued"].as_i64(), sent["to"].as_str()),
        (Some("queued"), Some(2), Some("users"))
    );
    assert_eq!(admin.see(sent.header("location").expect("a place")).await.body, sent.body);
    let said = shop.said().await;
    let told: Vec<_> =
        said.iter().map(|said| (said.to.as_str(), said.locale.as_str(), said.payload["subject"].as_str())).collect();
    assert_eq!(
        told,
        [("layla@example.com", "en", Some("Closed on Friday")), ("omar@example.com", "ar", Some("مغلق يوم الجمعة"))]
    );
    assert_eq!(said[0].payload["text"], "We open again on Saturday.\n\nSee you.");

    let croissant = shop.product("Croissant").price("0.750").stock(10).create().await;
    let who = json!({ "name": "Huda", "phone": "+962790000055" });
    let order = shop.guest().order().line(&croissant, 1).pickup().field("customerInfo", who).place().await;
    let order_id = order.path().rsplit('/').next().expect("an id").to_owned();
    let note = |channel: &str| {
        let mut note =
            json!({ "type": "message", "channel": channel, "text": "Ready a little earlier.", "to": { "orderId": order_id } });
        if channel == "email" {
            note["subject"] = "Your order".into();
        }
        note
    };
    send(&admin, &note("email")).await.expect_field("to.orderId");
    send(&admin, &note("sms")).await.expect(201);
    let said = shop.said().await;
    let last = said.iter().rfind(|said| said.kind == "message").expect("a message");
    assert_eq!((last.channel.as_str(), last.to.as_str()), ("sms", "+962790000055"));
    shop.pass(1).await;
    let taken = sms.taken();
    let short = taken.iter().find(|message| message.text.contains("Ready a little earlier.")).expect("it left");
    assert!(short.text.contains(&format!("/o/{order_id}?token=")), "its page: {}", short.text);

    let log = admin.see("/api/v1/admin/audit?action=campaign.start").await;
    assert_eq!(log.rows().len(), 2, "{log:?}");
    assert!(!log.text.contains("layla@example.com") && !log.text.contains("Saturday"), "neither whom nor what: {log:?}");
    shop.close().await;
}

#[tokio::test]
async fn what_is_not_right_is_told_with_every_fault_and_sends_nothing() {
    let shop = Shop::open().await;
    let admin = shop.admin();
    let layla = id_of(&shop.customer("Layla").await).await;
    let nobody = "01936000-0000-7000-8000-000000000000";
    let with = |more: Value| {
        let mut body = json!({ "type": "message", "channel": "email", "subject": "Hello", "text": "Hello.", "to": { "userIds": [layla] } });
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        body
    };
    for (more, fields) in [
        (
            json!({ "type": "order_placed", "channel": "post", "text": null, "to": {} }),
            &["type", "channel", "text", "to.userIds"][..],
        ),
        (json!({ "subject": null }), &["subject"]),
        (json!({ "channel": "sms" }), &["subject"]),
        (json!({ "channel": "sms", "subject": null, "text": "x".repeat(401) }), &["text"]),
        (json!({ "translations": { "en": { "text": "x" }, "fr": {} } }), &["translations.en", "translations.fr"]),
        (json!({ "translations": { "ar": { "text": "نص" } } }), &["translations.ar.subject"]),
        (json!({ "to": { "userIds": [layla, layla] } }), &["to.userIds[1]"]),
        (json!({ "to": { "userIds": [nobody, layla, nobody.replace('0', "1")] } }), &["to.userIds[0]", "to.userIds[2]"]),
        (json!({ "to": { "userIds": [layla], "all": true } }), &["to.all"]),
        (json!({ "to": { "all": true } }), &["to.all"]),
        (json!({ "to": { "all": false } }), &["to.all"]),
        (json!({ "to": { "orderId": nobody } }), &["to.orderId"]),
        (json!({ "type": "promotion", "to": { "orderId": nobody } }), &["to.orderId"]),
        (json!({ "type": "promotion" }), &["to.userIds[0]"]),
    ] {
        let refused = send(&admin, &with(more.clone())).await.expect_problem(422, "validation_failed");
        assert_eq!(refused.fields(), fields, "{more}");
    }
    let card = with(json!({ "text": "Your card 4242 4242 4242 4242 is here" }));
    send(&admin, &card).await.expect_problem(422, "card_data_refused");
    assert_eq!((shop.said().await.len(), shop.rows("select count(*) from campaigns").await), (0, 0));
    assert!(admin.see(CAMPAIGNS).await.rows().is_empty());
    admin.get(&format!("{CAMPAIGNS}/{nobody}")).send().await.expect_problem(404, "not_found");
    shop.close().await;
}

#[tokio::test]
async fn a_request_that_comes_again_sends_nothing_again() {
    let shop = Shop::open().await;
    let layla = id_of(&shop.customer("Layla").await).await;
    let body = json!({ "type": "message", "channel": "sms", "text": "Your scarf is here.", "to": { "userIds": [layla] } });
    let once = || shop.admin().post(SEND).key("a-message-to-layla").json(&body).send();
    let (first, second) = (once().await.expect(201), once().await.expect(201));
    assert_eq!((first.body.clone(), second.header("idempotency-replayed")), (second.body.clone(), Some("true")));
    assert_eq!(shop.said().await.len(), 1);
    shop.close().await;
}

/// So many more customers who have agreed, without the cost of registering each.
fn bring_in(shop: &Shop, customers: u32) {
    let books = Connection::open(shop.database()).expect("the database");
    let sql = "with recursive n(i) as (select 1 union all select i + 1 from n where i < ?1) \
               insert into users (id, name, email, phone, role, password_hash, locale, created_at, updated_at, marketing_consent) \
               select unhex(printf('0100000000007000800000000000%04x', i)), 'Customer ' || i, 'customer' || i || '@example.com', \
               case when i % 2 = 0 then printf('+9627900%05d', i) end, 'customer', '', 'ar', 1, 1, 1 from n";
    books.execute(sql, [customers]).expect("written");
}

fn promotion(channel: &str) -> Value {
    let mut body = json!({ "type": "promotion", "channel": channel, "text": "From Friday on.", "to": { "all": true } });
    if channel == "email" {
        body["subject"] = "Ma'amoul".into();
        body["translations"] = json!({ "ar": { "subject": "معمول", "text": "من يوم الجمعة." } });
    }
    body
}

#[tokio::test]
async fn a_promotion_reaches_each_who_agreed_once_also_when_the_machine_dies() {
    let shop = Shop::open().await;
    let admin = shop.admin();
    let (layla, omar) = (shop.customer("Layla").await, shop.customer("Omar").await);
    decides(&layla, true).await;
    shop.staff().await;
    bring_in(&shop, 250);
    let begun = send(&admin, &promotion("email")).await.expect(201);
    assert_eq!((begun["status"].as_str(), begun["queued"].as_i64()), (Some("sending"), Some(0)));
    // Who comes, or agrees, after it began may be among them or not; who has an account only since is not.
    let late = shop.customer("Late").await;
    decides(&late, true).await;

    let after = shop.as_after_a_crash(&[], Vec::new()).await;
    // A batch a second: the next one is due at the writer's moment, which is ahead of a clock that stands still.
    after.pass(1).await;
    after.pass(1).await;
    let path = format!("{CAMPAIGNS}/{}", begun["id"].as_str().expect("an id"));
    let ended = after.admin().see(&path).await;
    assert_eq!((ended["status"].as_str(), ended["queued"].as_i64()), (Some("queued"), Some(251)));
    after.pass(3_600).await;
    let said: Vec<_> = after.said().await.into_iter().filter(|said| said.kind == "promotion").collect();
    let mut to: Vec<&str> = said.iter().map(|said| said.to.as_str()).collect();
    to.sort_unstable();
    to.dedup();
    assert_eq!((said.len(), to.len()), (251, 251), "each once");
    assert!(to.contains(&"layla@example.com") && !to.contains(&omar.email()) && !to.contains(&late.email()), "{to:?}");
    let arabic = said.iter().find(|said| said.to == "customer7@example.com").expect("it is there");
    assert_eq!((arabic.locale.as_str(), &arabic.payload["text"]), ("ar", &json!("من يوم الجمعة.")));

    // As short messages it reaches whoever has a phone: half of the 250, and who has agreed since.
    send(&after.admin(), &promotion("sms")).await.expect(201);
    after.pass(1).await;
    after.pass(1).await;
    assert_eq!(after.admin().see(CAMPAIGNS).await.rows()[0]["queued"], 127);
    assert_eq!(after.admin().see(&format!("{CAMPAIGNS}?per_page=1")).await["meta"]["total"], 2);
    shop.abandon().await;
    after.close().await;
}

#[tokio::test]
async fn who_withdraws_before_a_promotion_leaves_gets_none_and_at_night_nobody_does() {
    let (email, sms) = (TestCarrier::email(), TestCarrier::sms());
    let shop = Shop::open_with_carriers(&[], vec![Arc::clone(&email) as _, Arc::clone(&sms) as _]).await;
    let (layla, omar) = (shop.customer("Layla").await, shop.customer("Omar").await);
    decides(&layla, true).await;
    decides(&omar, true).await;
    // At eleven in the evening.
    shop.pass(12 * 3_600).await;
    send(&shop.admin(), &promotion("email")).await.expect(201);
    shop.pass(60).await;
    assert_eq!(shop.kinds_said().await.iter().filter(|said| *said == "promotion email").count(), 2);
    let promotions = || email.taken().into_iter().filter(|taken| taken.kind == Kind::Promotion).collect::<Vec<_>>();
    assert!(promotions().is_empty(), "it is night");
    decides(&omar, false).await;
    shop.pass(11 * 3_600).await;
    let taken = promotions();
    assert_eq!(taken.iter().map(|message| message.to.as_str()).collect::<Vec<_>>(), ["layla@example.com"]);
    let url = taken[0].unsubscribe_url.as_deref().expect("a way out by one click");
    assert!(
        taken[0].text.contains(url) && taken[0].html.as_deref().is_some_and(|html| html.contains(url)),
        "and in the letter"
    );
    assert_eq!(
        shop.rows("select count(*) from notifications where status = 'suppressed' and error_code = 'no_consent'").await,
        1
    );
    shop.close().await;
}
