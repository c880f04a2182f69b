//! Text messages by Twilio, through a shop that runs, against the double and the vectors: each message comes once, whatever breaks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bayader::clock::Clock;
use bayader::config::Source;
use bayader::db::{Command, WriteTx};
use bayader::features::messages::{self, Callback, Carrier, Channel, Desk, Heard, Kind, NewMessage};
use bayader::kernel::{Locale, NotificationId, Result, UtcMs};
use bayader::outbound::Patience;
use serde_json::{Value, json};

use crate::doubles::faults::Fault;
use crate::doubles::twilio::{self, Kept, LIST, SEND, TwilioDouble};
use crate::harness::Shop;

const STATUS: &str = "/api/v1/notifications/sms/status";
const LAYLA: &str = "+962790000001";
const OMAR: &str = "+962790000002";
/// A message that was just taken may not be listed yet; after this its absence tells something.
const LISTED: Duration = Duration::from_secs(31);

/// Queues messages.
pub struct Say(pub Vec<NewMessage>);

impl Command for Say {
    const NAME: &'static str = "test.say";
    type Output = Vec<NotificationId>;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Vec<NotificationId>> {
        self.0.iter().map(|message| messages::queue(tx, &NewMessage { at: tx.now(), ..message.clone() })).collect()
    }
}

/// A message by staff.
pub fn message(to: &str, text: &str) -> NewMessage {
    NewMessage {
        kind: Kind::Message,
        channel: Channel::Sms,
        to: to.to_owned(),
        locale: Locale::En,
        payload: json!({ "subject": "A word", "text": text, "name": "Layla" }),
        order: None,
        user: None,
        at: UtcMs::from_ms(0),
    }
}

pub async fn say(shop: &Shop, messages: Vec<NewMessage>) -> Vec<NotificationId> {
    let ids = shop.db().write(Say(messages)).await.expect("queued");
    work(shop, Duration::from_secs(1)).await;
    ids
}

/// Lets time pass and does what is due. The writer's clock runs a little ahead of one that stands still.
pub async fn work(shop: &Shop, time: Duration) {
    shop.advance(time);
    shop.run_jobs().await;
}

/// A column of each message, in their order.
pub async fn column(shop: &Shop, name: &'static str) -> Vec<Option<String>> {
    let sql: &'static str = match name {
        "status" => "select status from notifications order by id",
        "provider_id" => "select provider_id from notifications order by id",
        "error_code" => "select error_code from notifications order by id",
        "last_error" => "select last_error from notifications order by id",
        other => panic!("{other} is not asked for here"),
    };
    shop.db().read(move |reader| reader.all(sql, &[], |row| row.get(0))).await.expect("a column")
}

pub async fn statuses(shop: &Shop) -> Vec<String> {
    column(shop, "status").await.into_iter().map(|status| status.expect("it has one")).collect()
}

async fn open(double: &TwilioDouble, more: &[(&str, &str)]) -> Shop {
    let shop = Shop::open_with(&double.variables(more)).await;
    double.follow(&shop.clock);
    shop
}

async fn end(shop: Shop, double: TwilioDouble) {
    shop.close().await;
    double.close();
}

async fn tell(shop: &Shop, kept: &Kept, status: &str, error: Option<i64>) {
    let callback = kept.callback(status, error);
    let request = shop.guest().post(&callback.path).bytes("application/x-www-form-urlencoded", callback.body);
    request.header("x-twilio-signature", &callback.signature).send().await.expect(200);
}

#[tokio::test]
async fn a_message_goes_as_twilio_wants_it_and_is_known_by_its_sid() {
    let double = TwilioDouble::start().await;
    let shop = open(&double, &[]).await;
    let croissant = shop.product("Croissant").price("0.750").stock(10).create().await;
    let ids = say(&shop, vec![message(LAYLA, "Your cake is ready & waits")]).await;
    let order = shop.guest().order().line(&croissant, 2).pickup().place().await;
    // What is told of an order is made by a job, and sent by another.
    work(&shop, Duration::from_secs(60)).await;
    work(&shop, Duration::from_secs(1)).await;
    let kept = double.messages();
    assert_eq!(kept.len(), 2);
    let first = kept.iter().find(|kept| kept.to == LAYLA).expect("it came");
    assert!(first.body.contains("Your cake is ready & waits"), "{}", first.body);
    assert_eq!((first.sender.as_str(), first.validity.as_deref()), (twilio::FROM, None));
    assert_eq!(first.callback, Some(format!("{}{STATUS}?n={}", twilio::PUBLIC_URL, ids[0])));
    let of_order = kept.iter().find(|kept| kept.to != LAYLA).expect("it came");
    assert!(of_order.body.contains(&order.number) && of_order.body.contains(&format!("/o/{}?token=", order.id)));
    assert_eq!(of_order.validity.as_deref(), Some("3600"), "what is told of an order is worth nothing an hour later");
    assert_eq!(statuses(&shop).await, ["sent", "sent"]);
    assert_eq!(column(&shop, "provider_id").await, [Some(first.sid.clone()), Some(of_order.sid.clone())]);
    end(shop, double).await;
}

#[tokio::test]
async fn a_key_and_a_messaging_service_take_the_place_of_token_and_number() {
    let double = TwilioDouble::start().await;
    let (key, service) = ("SK00000000000000000000000000000009", "MG00000000000000000000000000000007");
    double.ask_by(key, "key-secret");
    let more = [
        ("BAYADER_SMS__TWILIO__API_KEY", key),
        ("BAYADER_SMS__TWILIO__API_SECRET", "key-secret"),
        ("BAYADER_SMS__TWILIO__MESSAGING_SERVICE_SID", service),
        ("BAYADER_SMS__FROM", "Bayader"),
    ];
    let shop = open(&double, &more).await;
    say(&shop, vec![message(LAYLA, "Hello")]).await;
    let kept = double.messages();
    assert_eq!((kept.len(), kept[0].sender.as_str()), (1, service));
    tell(&shop, &kept[0], "delivered", None).await;
    assert_eq!(statuses(&shop).await, ["delivered"], "callbacks are signed by the auth token all the same");
    end(shop, double).await;
}

#[tokio::test]
async fn twilio_is_not_told_of_an_address_that_it_cannot_reach() {
    for public_url in ["http://127.0.0.1:8080", "https://localhost", "http://shop.example.com"] {
        let double = TwilioDouble::start().await;
        let shop = open(&double, &[("BAYADER_SERVER__PUBLIC_URL", public_url)]).await;
        say(&shop, vec![message(LAYLA, "Hello")]).await;
        assert_eq!(double.messages()[0].callback, None, "{public_url}");
        end(shop, double).await;
    }
}

#[tokio::test]
async fn a_text_that_is_too_long_is_cut_and_goes() {
    let double = TwilioDouble::start().await;
    let shop = open(&double, &[]).await;
    say(&shop, vec![message(LAYLA, &"كعكة ".repeat(500))]).await;
    let body = double.messages()[0].body.clone();
    assert_eq!((body.encode_utf16().count(), body.ends_with('…')), (1_600, true));
    end(shop, double).await;
}

#[tokio::test]
async fn an_hour_down_delays_messages_and_loses_none() {
    let mut double = TwilioDouble::start().await;
    let shop = open(&double, &[]).await;
    double.go_down().await;
    let many = |n: u32| (0..n).map(|n| message(&format!("+96279000{n:04}"), &format!("Number {n}"))).collect();
    say(&shop, many(20)).await;
    for _ in 0..6 {
        work(&shop, Duration::from_secs(600)).await;
    }
    assert_eq!(double.messages().len(), 0);
    double.come_back().await;
    for _ in 0..3 {
        work(&shop, Duration::from_secs(61)).await;
    }
    let to: BTreeSet<String> = double.messages().into_iter().map(|kept| kept.to).collect();
    assert_eq!((to.len(), double.messages().len()), (20, 20), "each once");
    assert!(statuses(&shop).await.iter().all(|status| status == "sent"));
    end(shop, double).await;
}

#[tokio::test]
async fn what_may_have_been_taken_is_looked_for_and_not_sent_again() {
    for fault in [Fault::ErrorAfter, Fault::CutAfter, Fault::SilentAfter] {
        let double = TwilioDouble::start().await;
        let shop = open(&double, &[]).await;
        double.next(SEND, &[fault]);
        // The list is out of order for a while, too.
        double.next(LIST, &[Fault::ErrorBefore, Fault::Page, Fault::ErrorBefore, Fault::ErrorBefore]);
        say(&shop, vec![message(LAYLA, "Once, please")]).await;
        for _ in 0..6 {
            work(&shop, Duration::from_secs(61)).await;
        }
        let kept = double.messages();
        assert_eq!((kept.len(), double.count(SEND)), (1, 1), "{fault:?}");
        assert_eq!(statuses(&shop).await, ["sent"], "{fault:?}");
        assert_eq!(column(&shop, "provider_id").await, [Some(kept[0].sid.clone())], "{fault:?}");
        end(shop, double).await;
    }
}

#[tokio::test]
async fn what_was_not_taken_is_sent_once_it_is_surely_not_there() {
    for fault in [Fault::ErrorBefore, Fault::Page] {
        let double = TwilioDouble::start().await;
        let shop = open(&double, &[]).await;
        // A message of that text from before is none of this try's.
        say(&shop, vec![message(LAYLA, "The same words")]).await;
        shop.advance(Duration::from_secs(600));
        double.next(SEND, &[fault]);
        say(&shop, vec![message(LAYLA, "The same words")]).await;
        work(&shop, Duration::from_secs(12)).await;
        assert_eq!(double.messages().len(), 1, "it may be listed a little later yet");
        work(&shop, LISTED).await;
        let kept = double.messages();
        assert_eq!((kept.len(), double.count(SEND)), (2, 3), "{fault:?}");
        let sids = column(&shop, "provider_id").await;
        assert_eq!(sids, [Some(kept[0].sid.clone()), Some(kept[1].sid.clone())], "{fault:?}");
        end(shop, double).await;
    }
}

#[tokio::test]
async fn of_two_of_the_same_words_each_is_found_as_itself() {
    for second in [Fault::ErrorAfter, Fault::ErrorBefore] {
        let double = TwilioDouble::start().await;
        let shop = open(&double, &[]).await;
        double.next(SEND, &[Fault::ErrorAfter, second]);
        say(&shop, vec![message(LAYLA, "The oven is broken, sorry"), message(LAYLA, "The oven is broken, sorry")]).await;
        for _ in 0..4 {
            work(&shop, LISTED).await;
        }
        assert_eq!(statuses(&shop).await, ["sent", "sent"], "{second:?}");
        let (ours, theirs): (BTreeSet<_>, BTreeSet<_>) = (
            column(&shop, "provider_id").await.into_iter().flatten().collect(),
            double.messages().into_iter().map(|kept| kept.sid).collect(),
        );
        assert_eq!((ours.len(), &ours), (2, &theirs), "{second:?}");
        end(shop, double).await;
    }
}

#[tokio::test]
async fn a_shop_that_dies_between_sending_and_writing_finds_its_message() {
    let double = TwilioDouble::start().await;
    let folder = Arc::new(tempfile::tempdir().expect("a folder"));
    let clock = Clock::manual(UtcMs::from_ms(1_795_593_600_000));
    double.follow(&clock);
    let variables: Vec<(String, String)> =
        double.variables(&[]).into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let patience = Duration::from_secs(60);
    let (shop, ground) = Shop::open_mortal(&folder, &clock, &variables, patience, None).await;
    let owner = shop.owner();
    double.next(SEND, &[Fault::SilentAfter]);
    shop.db().write(Say(vec![message(LAYLA, "Once, please")])).await.expect("queued");
    shop.advance(Duration::from_secs(1));
    while double.messages().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    shop.die(ground);

    let (shop, ground) = Shop::open_mortal(&folder, &clock, &variables, patience, Some(&owner)).await;
    for _ in 0..3 {
        work(&shop, LISTED).await;
    }
    let kept = double.messages();
    assert_eq!((kept.len(), double.count(SEND)), (1, 1));
    assert_eq!(column(&shop, "provider_id").await, [Some(kept[0].sid.clone())]);
    assert_eq!(statuses(&shop).await, ["sent"]);
    shop.die(ground);
    double.close();
}

#[tokio::test]
async fn a_thousand_at_once_go_by_few_connections_and_each_comes_once() {
    let double = TwilioDouble::start().await;
    let shop = open(&double, &[]).await;
    // Some are too many for Twilio itself, and a few answers are lost.
    double.next(SEND, &[Fault::ErrorAfter, Fault::ErrorBefore, Fault::CutAfter]);
    let many = (0..1_000).map(|n| message(&format!("+96279{n:07}"), &format!("Number {n}"))).collect();
    say(&shop, many).await;
    for _ in 0..4 {
        work(&shop, LISTED).await;
    }
    let to: BTreeSet<String> = double.messages().into_iter().map(|kept| kept.to).collect();
    assert_eq!((to.len(), double.messages().len()), (1_000, 1_000), "each once");
    assert!(double.most_at_once() <= 4, "{} connections at once", double.most_at_once());
    assert_eq!(shop.rows("select count(*) from notifications where status = 'sent' and provider_id is not null").await, 1_000);
    assert_eq!(shop.rows("select count(*) from notifications where resent > 0").await, 0);
    end(shop, double).await;
}

#[tokio::test]
async fn a_number_that_cannot_be_written_to_fails_for_good_and_keeps_nobody_else_waiting() {
    let double = TwilioDouble::start().await;
    let shop = open(&double, &[]).await;
    for (n, code) in [(1, 21_211), (2, 21_614), (3, 21_408), (4, 21_610)] {
        double.refuse(&format!("+96279100000{n}"), 400, code);
    }
    let mut all: Vec<NewMessage> = (1..=4).map(|n| message(&format!("+96279100000{n}"), "Hello")).collect();
    all.push(message(LAYLA, "Hello"));
    say(&shop, all).await;
    assert_eq!(statuses(&shop).await, ["failed", "failed", "failed", "failed", "sent"]);
    let codes = ["21211", "21614", "21408", "21610"].map(|code| Some(code.to_owned()));
    assert_eq!(column(&shop, "error_code").await[..4], codes);
    assert_eq!(shop.rows("select count(*) from suppressions where channel = 'sms' and reason = 'stopped'").await, 1);
    // Who has said STOP is not asked about again; a wrong number is no reason not to try a right one.
    let calls = double.count(SEND);
    say(&shop, vec![message("+962791000004", "Hello again")]).await;
    assert_eq!((double.count(SEND), statuses(&shop).await[5].as_str()), (calls, "suppressed"));
    for why in column(&shop, "last_error").await.into_iter().flatten() {
        assert!(!why.contains("96279"), "{why}");
    }
    work(&shop, Duration::from_secs(90_000)).await;
    assert_eq!(double.count(SEND), calls);
    end(shop, double).await;
}

#[tokio::test]
async fn keys_that_are_refused_stop_the_channel_until_they_are_mended() {
    let double = TwilioDouble::start().await;
    let shop = open(&double, &[]).await;
    double.refuse_all(Some((401, 20_003)));
    say(&shop, (0..10).map(|n| message(&format!("+96279000000{n}"), "Hello")).collect()).await;
    assert!(double.count(SEND) <= 4, "the others are not even tried");
    assert_eq!(shop.rows("select count(*) from stopped_carriers where channel = 'sms'").await, 1);
    assert!(statuses(&shop).await.iter().all(|status| status == "queued"));
    double.refuse_all(None);
    for _ in 0..3 {
        work(&shop, Duration::from_secs(601)).await;
    }
    assert_eq!(double.messages().len(), 10);
    assert!(statuses(&shop).await.iter().all(|status| status == "sent"));
    assert_eq!(shop.rows("select count(*) from stopped_carriers").await, 0);
    end(shop, double).await;
}

#[tokio::test]
async fn too_many_at_once_wait_and_go() {
    let double = TwilioDouble::start().await;
    let shop = open(&double, &[]).await;
    double.refuse_all(Some((429, 20_429)));
    say(&shop, vec![message(LAYLA, "Hello")]).await;
    assert_eq!(statuses(&shop).await, ["queued"]);
    double.refuse_all(None);
    work(&shop, Duration::from_secs(12)).await;
    assert_eq!((double.messages().len(), statuses(&shop).await[0].as_str()), (1, "sent"));
    end(shop, double).await;
}

#[tokio::test]
async fn what_twilio_tells_later_only_raises_a_message() {
    let double = TwilioDouble::start().await;
    let shop = open(&double, &[]).await;
    say(&shop, vec![message(LAYLA, "One"), message(OMAR, "Two")]).await;
    let of = |to: &str| double.messages().into_iter().find(|kept| kept.to == to).expect("it came");
    let (one, two) = (of(LAYLA), of(OMAR));
    for status in ["delivered", "sent", "queued", "undelivered", "delivered"] {
        tell(&shop, &one, status, (status == "undelivered").then_some(30_005)).await;
    }
    tell(&shop, &two, "undelivered", Some(30_005)).await;
    tell(&shop, &two, "delivered", None).await;
    assert_eq!(statuses(&shop).await, ["delivered", "failed"]);
    let why = column(&shop, "last_error").await.pop().flatten().expect("a reason");
    assert!(why.contains("30005"), "{why}");
    assert_eq!(shop.rows("select count(*) from suppressions").await, 0);
    end(shop, double).await;
}

#[tokio::test]
async fn a_phone_that_was_off_is_tried_once_more_ten_minutes_later() {
    let double = TwilioDouble::start().await;
    let shop = open(&double, &[]).await;
    say(&shop, vec![message(LAYLA, "Hello")]).await;
    let first = double.messages().remove(0);
    tell(&shop, &first, "undelivered", Some(30_003)).await;
    tell(&shop, &first, "undelivered", Some(30_003)).await;
    assert_eq!(statuses(&shop).await, ["queued"]);
    work(&shop, Duration::from_secs(590)).await;
    assert_eq!(double.messages().len(), 1);
    work(&shop, Duration::from_secs(12)).await;
    assert_eq!((double.messages().len(), statuses(&shop).await[0].as_str()), (2, "sent"));
    // Late news of the first try fails nothing; the second one's does, and is the last.
    tell(&shop, &first, "undelivered", Some(30_003)).await;
    assert_eq!(statuses(&shop).await, ["sent"]);
    let second = double.messages().remove(1);
    tell(&shop, &second, "undelivered", Some(30_008)).await;
    work(&shop, Duration::from_secs(700)).await;
    assert_eq!((double.messages().len(), statuses(&shop).await[0].as_str()), (2, "failed"));
    end(shop, double).await;
}

#[tokio::test]
async fn who_says_stop_later_is_not_written_to_again() {
    let double = TwilioDouble::start().await;
    let shop = open(&double, &[]).await;
    say(&shop, vec![message(LAYLA, "Hello")]).await;
    tell(&shop, &double.messages()[0], "failed", Some(21_610)).await;
    say(&shop, vec![message(LAYLA, "Hello again")]).await;
    assert_eq!((statuses(&shop).await, double.messages().len()), (vec!["failed".to_owned(), "suppressed".to_owned()], 1));
    end(shop, double).await;
}

#[tokio::test]
async fn what_twilio_has_not_signed_is_refused_without_a_statement_and_soon_not_looked_at() {
    let double = TwilioDouble::start().await;
    let shop = open(&double, &[("BAYADER_RATE_LIMIT__ENABLED", "true")]).await;
    say(&shop, vec![message(LAYLA, "Hello")]).await;
    let kept = double.messages().remove(0);
    let good = kept.callback("delivered", None);
    let post = |path: &str, body: String| shop.guest().post(path).bytes("application/x-www-form-urlencoded", body);
    let statements = shop.db().stats().statement_us.count();
    let forged = [
        post(&good.path, good.body.clone()),
        post(&good.path, good.body.replace("delivered", "failed")).header("x-twilio-signature", &good.signature),
        post(&format!("{}&x=1", good.path), good.body.clone()).header("x-twilio-signature", &good.signature),
        post(STATUS, good.body.clone()).header("x-twilio-signature", &good.signature),
        post(&good.path, good.body.clone()).header("x-twilio-signature", "سر"),
    ];
    let count = u32::try_from(forged.len()).expect("few");
    for request in forged {
        request.send().await.expect_problem(400, "bad_signature");
    }
    // Host says nothing: the shop is reached by another name all the time, and what it is called stands in its configuration.
    post(&good.path, good.body.clone())
        .header("x-twilio-signature", &good.signature)
        .header("x-forwarded-host", "evil.example")
        .send()
        .await
        .expect(200);
    for _ in count..20 {
        post(&good.path, good.body.clone())
            .header("x-twilio-signature", "AAAA")
            .send()
            .await
            .expect_problem(400, "bad_signature");
    }
    let told = shop.db().stats().statement_us.count();
    assert!(told > statements, "the good one is booked");
    post(&good.path, good.body.clone()).header("x-twilio-signature", "AAAA").send().await.expect_problem(429, "rate_limited");
    assert_eq!(shop.db().stats().statement_us.count(), told, "a bad signature costs no statement");
    assert_eq!(shop.inner().forgeries.all(), 20);
    shop.advance(Duration::from_secs(61));
    tell(&shop, &kept, "delivered", None).await;
    assert_eq!(statuses(&shop).await, ["delivered"]);
    end(shop, double).await;
}

#[tokio::test]
async fn nobody_calls_back_where_nobody_carries() {
    let shop = Shop::open().await;
    let reply = shop.guest().post(STATUS).bytes("application/x-www-form-urlencoded", "MessageStatus=delivered").send().await;
    reply.expect_problem(404, "not_found");
    shop.close().await;
}

/// A carrier with these secrets, for whom the vectors are.
fn carrier(secret: &str) -> Arc<dyn Carrier> {
    let folder = tempfile::tempdir().expect("a folder");
    let variables = [
        ("BAYADER_SMS__ADAPTER", "twilio"),
        ("BAYADER_SMS__FROM", twilio::FROM),
        ("BAYADER_SMS__TWILIO__ACCOUNT_SID", twilio::ACCOUNT),
        ("BAYADER_SMS__TWILIO__AUTH_TOKEN", secret),
        ("BAYADER_SMS__TWILIO__WEBHOOK_SECRET", secret),
    ];
    let config = bayader::config::load(&Source::new().variables(variables)).expect("a configuration");
    let clock = Clock::manual(UtcMs::from_ms(1_795_593_600_000));
    let desk = Desk::open(folder.path(), &config, &clock, Patience::default(), Vec::new()).expect("it opens");
    Arc::clone(desk.carrier(Channel::Sms).expect("a carrier"))
}

/// What a genuine case says of which message; `None` for nothing of ours.
const SAYS: &[(&str, Option<&str>)] = &[
    ("valid_delivered", Some("Delivered")),
    ("valid_undelivered", Some("Failed")),
    ("valid_unknown_new_parameter", Some("Delivered")),
    ("valid_inbound_arabic", None),
    ("valid_signed_with_port", Some("Delivered")),
    ("valid_no_parameters", None),
    ("valid_repeated_parameter_once", Some("Delivered")),
    ("valid_json_body", None),
    ("valid_shared_key_sha256", Some("Delivered")),
    ("published_form", None),
    ("published_signed_with_port_443", None),
    ("published_repeated_parameter", None),
    ("published_json_body", None),
];
const FORGED: &[&str] = &[
    "tampered_status",
    "extra_parameter_added",
    "wrong_token",
    "http_instead_of_https",
    "internal_host",
    "query_dropped",
    "json_body_tampered",
    "sha256_without_settings_header",
    "unknown_algorithm",
    "no_header",
    "empty_header",
];

fn vectors() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/twilio.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("vectors")).expect("JSON");
    file["cases"].as_array().expect("cases").clone()
}

fn word<'v>(case: &'v Value, name: &str) -> &'v str {
    case[name].as_str().unwrap_or_else(|| panic!("{name} of {case}"))
}

#[tokio::test]
async fn every_vector_is_judged_as_it_says() {
    let cases = vectors();
    let known: BTreeSet<&str> = SAYS.iter().map(|(name, _)| *name).chain(FORGED.iter().copied()).collect();
    assert_eq!(cases.iter().map(|case| word(case, "name")).collect::<BTreeSet<_>>(), known);
    assert_eq!(cases.len(), 24);
    for case in &cases {
        let name = word(case, "name");
        let mut headers = HeaderMap::new();
        for (header, value) in case["headers"].as_object().expect("headers") {
            let header: HeaderName = header.parse().expect("a name");
            headers.insert(header, HeaderValue::from_str(value.as_str().expect("a text")).expect("a value"));
        }
        let callback = Callback { url: word(case, "public_url"), headers: &headers, body: word(case, "body").as_bytes() };
        let heard = carrier(word(case, "secret")).hear(&callback);
        match SAYS.iter().find(|(known, _)| *known == name) {
            Some((_, says)) => {
                assert_eq!(word(case, "expect"), "accept", "{name}");
                let Heard::Genuine(news) = heard else { panic!("{name}: {heard:?}") };
                let said = news.first().map(|news| format!("{:?}", news.told.state.expect("a state")));
                assert_eq!(said.as_deref(), *says, "{name}");
                let id = "0199f1c2-aa11-7b22-8c33-2a3b4c5d6e7f";
                assert!(news.iter().all(|news| news.message.to_string() == id), "{name}");
            }
            None => {
                assert_eq!(word(case, "expect"), "reject", "{name}");
                assert!(matches!(heard, Heard::Forged { .. }), "{name}: {heard:?}");
            }
        }
    }
}

/// The same over HTTP, for those whose address is the shop's.
#[tokio::test]
async fn every_vector_of_the_shops_address_is_answered_as_it_says() {
    let cases = vectors();
    let mut asked = 0;
    for secret in cases.iter().map(|case| word(case, "secret")).collect::<BTreeSet<_>>() {
        let double = TwilioDouble::start().await;
        let more = [("BAYADER_SMS__TWILIO__AUTH_TOKEN", secret), ("BAYADER_SMS__TWILIO__WEBHOOK_SECRET", secret)];
        let shop = open(&double, &more).await;
        for case in cases.iter().filter(|case| word(case, "secret") == secret) {
            let Some(path) = word(case, "public_url").strip_prefix(twilio::PUBLIC_URL) else { continue };
            asked += 1;
            let headers = case["headers"].as_object().expect("headers");
            let media_type = headers["Content-Type"].as_str().expect("a text");
            let mut request = shop.guest().post(path).bytes(media_type, word(case, "body"));
            for (name, value) in headers.iter().filter(|(name, _)| *name != "Content-Type") {
                request = request.header(name, value.as_str().expect("a text"));
            }
            let reply = request.send().await;
            match word(case, "expect") {
                "accept" => assert_eq!(reply.status, 200, "{}: {reply:?}", word(case, "name")),
                _ => drop(reply.expect_problem(400, "bad_signature")),
            }
        }
        end(shop, double).await;
    }
    assert_eq!(asked, 20);
}
