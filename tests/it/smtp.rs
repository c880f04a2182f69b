//! Mail by SMTP: the adapter against a relay that others wrote, and against one that says what a test tells it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bayader::clock::Clock;
use bayader::config::{self, Source};
use bayader::features::messages::carrier::Check;
use bayader::features::messages::{Carrier, Channel, Desk, Kind, NewMessage, Outcome, Outgoing, SuppressReason};
use bayader::kernel::{Locale, NotificationId, UtcMs};
use bayader::outbound::Patience;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::doubles::smtp::{Line, Parrot, Relay, Say, Tls, nobodys_port};
use crate::harness::{Folder, OWNER, Shop, bayader};
use crate::twilio::{message, say};

const NOW: UtcMs = UtcMs::from_ms(1_795_593_600_000);

/// The adapter of a configuration, and the folder it stands in.
fn adapter(variables: &[(&str, String)]) -> (Arc<dyn Carrier>, TempDir) {
    adapter_that_waits(variables, Duration::from_secs(5))
}

fn adapter_that_waits(variables: &[(&str, String)], call: Duration) -> (Arc<dyn Carrier>, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = Source::new().variables(variables.iter().map(|(name, value)| (*name, value.as_str())));
    let config = config::load(&source).unwrap_or_else(|faults| panic!("a configuration: {faults:?}"));
    let patience = Patience { connect: Duration::from_secs(2), call };
    let desk = Desk::open(folder.path(), &config, &Clock::manual(NOW), patience, Vec::new()).expect("carriers");
    (Arc::clone(desk.carrier(Channel::Email).expect("a carrier")), folder)
}

/// The configuration of an adapter that speaks with a [`Parrot`] in the clear.
fn in_the_clear(port: u16) -> Vec<(&'static str, String)> {
    vec![
        ("BAYADER_MAIL__ADAPTER", "smtp".to_owned()),
        ("BAYADER_MAIL__FROM", "orders@shop.example".to_owned()),
        ("BAYADER_MAIL__HOST", "127.0.0.1".to_owned()),
        ("BAYADER_MAIL__PORT", port.to_string()),
        ("BAYADER_MAIL__TLS", "none".to_owned()),
    ]
}

fn with(mut variables: Vec<(&'static str, String)>, name: &'static str, value: &str) -> Vec<(&'static str, String)> {
    variables.retain(|(known, _)| *known != name);
    variables.push((name, value.to_owned()));
    variables
}

fn outgoing(number: u128, to: &str) -> Outgoing {
    Outgoing {
        id: NotificationId::from_uuid(Uuid::from_u128(number)),
        kind: Kind::OrderReady,
        channel: Channel::Email,
        to: to.to_owned(),
        locale: Locale::Ar,
        subject: Some("طلبك جاهز للاستلام".to_owned()),
        text: "مرحبا ليلى،\nطلبك رقم ١٢٣ جاهز.\n".to_owned(),
        html: Some("<p dir=\"rtl\">مرحبا ليلى، طلبك جاهز.</p>".to_owned()),
        unsubscribe_url: None,
        made_at: NOW,
        tried_at: NOW,
        others: Vec::new(),
    }
}

fn is_sent(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Sent { .. })
}

#[tokio::test]
async fn a_message_goes_through_a_relay_with_tls_and_a_sign_in() {
    for tls in [Tls::StartTls, Tls::Implicit] {
        let Some(relay) = Relay::start("a_message_goes_through_a_relay_with_tls_and_a_sign_in", tls) else { return };
        let (carrier, _folder) = adapter(&relay.variables(relay.port));
        assert_eq!(carrier.name(), "smtp");
        assert_eq!(carrier.check().await, Check::Right);
        assert!(relay.mails().is_empty(), "a check sends nothing");
        let Outcome::Sent { provider_id: Some(id) } = carrier.send(&outgoing(1, "layla@example.com")).await else {
            panic!("it is sent, and the relay's name for it is kept")
        };
        let [mail] = relay.mails().try_into().expect("one mail");
        assert!(mail.authenticated && id.len() > 10);
        assert_eq!((mail.from.as_str(), mail.to.as_slice()), ("orders@shop.example", &["layla@example.com".to_owned()][..]));
        assert_eq!(mail.message_id, "00000000-0000-0000-0000-000000000001@shop.example");
        let parsed = mail.parsed();
        assert_eq!(parsed.subject(), Some("طلبك جاهز للاستلام"));
        assert_eq!(parsed.from().and_then(|from| from.first()).and_then(|from| from.name()), Some("مخبز البيادر"));
        assert_eq!(parsed.body_text(0).expect("a text").replace("\r\n", "\n").trim_end(), "مرحبا ليلى،\nطلبك رقم ١٢٣ جاهز.");
        assert_eq!(parsed.body_html(0).expect("html").trim_end(), "<p dir=\"rtl\">مرحبا ليلى، طلبك جاهز.</p>");
    }
}

#[tokio::test]
async fn nothing_leaves_where_the_sign_in_or_the_certificate_is_wrong() {
    let test = "nothing_leaves_where_the_sign_in_or_the_certificate_is_wrong";
    for tls in [Tls::StartTls, Tls::Implicit] {
        let Some(relay) = Relay::start(test, tls) else { return };
        let right = relay.variables(relay.port);
        let stranger = relay.wrong_ca_file().display().to_string();
        let wrong = [
            (with(right.clone(), "BAYADER_MAIL__PASSWORD", "a-wrong-password"), "535"),
            (with(right.clone(), "BAYADER_MAIL__CA_FILE", &stranger), "certificate"),
            // The certificate names localhost and 127.0.0.1; this name leads there too.
            (with(right.clone(), "BAYADER_MAIL__HOST", "0.0.0.0"), "certificate"),
            // Nobody listens there.
            (with(right.clone(), "BAYADER_MAIL__HOST", "127.0.0.2"), "could not be reached"),
        ];
        for (variables, part) in wrong {
            let (carrier, _folder) = adapter(&variables);
            let outcome = carrier.send(&outgoing(1, "layla@example.com")).await;
            assert!(matches!(carrier.check().await, Check::Wrong { why } if why.contains(part)), "{part}");
            let (Outcome::Misconfigured { why } | Outcome::Unreachable { why }) = &outcome else { panic!("{outcome:?}") };
            assert!(why.contains(part), "{why}");
            assert!(!why.contains("a-wrong-password"), "{why}");
            assert_eq!(matches!(outcome, Outcome::Unreachable { .. }), part == "could not be reached");
        }
        let without = right.iter().filter(|(name, _)| !name.ends_with("CA_FILE")).cloned().collect::<Vec<_>>();
        let (carrier, _folder) = adapter(&without);
        let outcome = carrier.send(&outgoing(1, "layla@example.com")).await;
        assert!(matches!(&outcome, Outcome::Misconfigured { why } if why.contains("mail.ca_file")), "{outcome:?}");
        assert!(relay.mails().is_empty());
    }
}

#[tokio::test]
async fn a_relay_that_offers_no_starttls_gets_neither_password_nor_mail() {
    let parrot = Parrot::start(&[("EHLO", Say::Bytes("250-parrot\r\n250 AUTH PLAIN LOGIN\r\n"))]).await;
    let variables = with(in_the_clear(parrot.port), "BAYADER_MAIL__TLS", "starttls");
    let variables = with(variables, "BAYADER_MAIL__USERNAME", "shop");
    let (carrier, _folder) = adapter(&with(variables, "BAYADER_MAIL__PASSWORD", "s3cret"));
    let outcome = carrier.send(&outgoing(1, "layla@example.com")).await;
    assert!(matches!(&outcome, Outcome::Misconfigured { why } if why.contains("STARTTLS")), "{outcome:?}");
    assert!(parrot.heard().iter().all(|line| line.starts_with("EHLO")), "{:?}", parrot.heard());
}

#[tokio::test]
async fn what_somebody_puts_behind_the_answer_to_starttls_is_not_listened_to() {
    let parrot = Parrot::start(&[
        ("EHLO", Say::Bytes("250-parrot\r\n250 STARTTLS\r\n")),
        (
            "STARTTLS",
            Say::Bytes(
                "220 go on\r\n250-parrot\r\n250 AUTH PLAIN\r\n235 welcome\r\n250 OK\r\n250 OK\r\n354 go on\r\n250 OK\r\n",
            ),
        ),
    ])
    .await;
    let (carrier, _folder) = adapter(&with(in_the_clear(parrot.port), "BAYADER_MAIL__TLS", "starttls"));
    let outcome = carrier.send(&outgoing(1, "layla@example.com")).await;
    assert!(matches!(outcome, Outcome::Unreachable { .. }), "{outcome:?}");
    assert!(!parrot.heard().iter().any(|line| line.starts_with("MAIL")), "{:?}", parrot.heard());
}

#[tokio::test]
async fn each_answer_of_a_relay_is_taken_for_what_it_is() {
    let Some(relay) = Relay::start("each_answer_of_a_relay_is_taken_for_what_it_is", Tls::StartTls) else { return };
    let line = Line::to(relay.port).await;
    let (carrier, _folder) = adapter(&relay.variables(line.port));
    let to = |address: &str| outgoing(1, address);

    let bounced = carrier.send(&to("bounce@example.com")).await;
    assert!(
        matches!(&bounced, Outcome::Failed { code, suppress: Some(SuppressReason::Bounced), .. } if code == "550"),
        "{bounced:?}"
    );
    let later = carrier.send(&to("later@example.com")).await;
    assert!(matches!(&later, Outcome::Later { not_before: None, why } if why.contains("451")), "{later:?}");
    for (fault, expected) in [
        ("452 4.2.2 full", "later"),
        ("454 Throttling failure: Maximum sending rate exceeded.", "later"),
        ("454 Throttling failure: Daily message quota exceeded.", "in an hour"),
        ("554 Message rejected: Email address is not verified.", "misconfigured"),
        ("554 5.7.1 looks like spam", "failed"),
        ("530 5.7.0 Authentication required", "misconfigured"),
    ] {
        relay.fault(Some(fault));
        let found = match carrier.send(&to("layla@example.com")).await {
            Outcome::Later { not_before: None, .. } => "later",
            Outcome::Later { not_before: Some(at), .. } if at == NOW.plus_ms(3_600_000) => "in an hour",
            Outcome::Misconfigured { .. } => "misconfigured",
            Outcome::Failed { suppress: None, .. } => "failed",
            _ => "something else",
        };
        assert_eq!(found, expected, "{fault}");
        relay.fault(None);
    }
    assert!(relay.mails().is_empty());
    assert!(is_sent(&carrier.send(&to("layla@example.com")).await));
    assert_eq!(line.connections(), 1, "a message that is refused ends no connection");
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_last_dot_leaves_it_open_whether_the_message_came() {
    let test = "a_connection_that_breaks_after_the_last_dot_leaves_it_open_whether_the_message_came";
    let Some(relay) = Relay::start(test, Tls::StartTls) else { return };
    let (carrier, _folder) = adapter(&relay.variables(relay.port));
    for (fault, stored) in [("drop-before", 0), ("drop-after", 1)] {
        relay.fault(Some(fault));
        let outcome = carrier.send(&outgoing(1, "layla@example.com")).await;
        assert!(matches!(outcome, Outcome::Unclear { .. }), "{fault}: {outcome:?}");
        assert_eq!(relay.mails().len(), stored, "{fault}");
        relay.fault(None);
    }
    // Sent once more: the second copy has the first one's name, so that a mailbox can make one of both.
    assert!(is_sent(&carrier.send(&outgoing(1, "layla@example.com")).await));
    let expected = BTreeMap::from([("00000000-0000-0000-0000-000000000001@shop.example".to_owned(), 2)]);
    assert_eq!(relay.by_message_id(), expected);
}

#[tokio::test]
async fn a_message_that_is_cut_off_before_its_end_surely_did_not_come() {
    for (command, say) in [
        ("MAIL", Say::HangUp),
        ("RCPT", Say::HangUp),
        ("DATA", Say::HangUp),
        ("DATA", Say::Bytes("250 what?\r\n")),
        ("RCPT", Say::Bytes("421 4.3.2 closing\r\n")),
    ] {
        let parrot = Parrot::start(&[(command, say)]).await;
        let (carrier, _folder) = adapter(&in_the_clear(parrot.port));
        let outcome = carrier.send(&outgoing(1, "layla@example.com")).await;
        assert!(matches!(outcome, Outcome::Later { not_before: None, .. }), "{command} {say:?}: {outcome:?}");
    }
    // So large that the line is full before its end.
    let parrot = Parrot::start(&[("DATA", Say::HangUpAfterLines(3))]).await;
    let (carrier, _folder) = adapter(&in_the_clear(parrot.port));
    let large =
        Outgoing { text: "a line of a very long message\r\n".repeat(1 << 19), html: None, ..outgoing(1, "layla@example.com") };
    let outcome = carrier.send(&large).await;
    assert!(matches!(outcome, Outcome::Later { not_before: None, .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_relay_that_falls_silent_is_not_waited_for_without_end() {
    let parrot = Parrot::start(&[(".", Say::Bytes(""))]).await;
    let (carrier, _folder) = adapter_that_waits(&in_the_clear(parrot.port), Duration::from_millis(50));
    let outcome = carrier.send(&outgoing(1, "layla@example.com")).await;
    assert!(matches!(&outcome, Outcome::Unclear { why } if why.contains("in time")), "{outcome:?}");
    let parrot = Parrot::start(&[("RCPT", Say::Bytes(""))]).await;
    let (carrier, _folder) = adapter_that_waits(&in_the_clear(parrot.port), Duration::from_millis(50));
    let outcome = carrier.send(&outgoing(1, "layla@example.com")).await;
    assert!(matches!(outcome, Outcome::Later { .. }), "{outcome:?}");
    let (carrier, _folder) = adapter(&in_the_clear(nobodys_port()));
    let outcome = carrier.send(&outgoing(1, "layla@example.com")).await;
    assert!(matches!(outcome, Outcome::Unreachable { .. }), "{outcome:?}");
}

#[tokio::test]
async fn amazons_name_for_a_message_is_kept() {
    let parrot = Parrot::start(&[]).await;
    let (carrier, _folder) = adapter(&in_the_clear(parrot.port));
    let outcome = carrier.send(&outgoing(1, "layla@example.com")).await;
    assert_eq!(outcome, Outcome::Sent { provider_id: Some("0102018fabc-7d1e-000000".to_owned()) });
    let heard = parrot.heard();
    assert!(heard.contains(&"X-Bayader-Notification: 00000000-0000-0000-0000-000000000001".to_owned()), "{heard:?}");
}

#[tokio::test]
async fn an_address_in_another_script_waits_for_no_relay_that_cannot_write_it() {
    let parrot = Parrot::start(&[]).await;
    let (carrier, _folder) = adapter(&in_the_clear(parrot.port));
    let outcome = carrier.send(&outgoing(1, "ليلى@example.com")).await;
    assert!(matches!(outcome, Outcome::Failed { suppress: None, .. }), "{outcome:?}");
    assert!(is_sent(&carrier.send(&outgoing(2, "layla@مثال.إختبار")).await), "a domain is written in ASCII");
    assert!(parrot.heard().contains(&"RCPT TO:<layla@xn--mgbh0fb.xn--kgbechtv>".to_owned()), "{:?}", parrot.heard());
}

#[tokio::test]
async fn a_relay_that_was_killed_gets_each_message_once_when_it_is_back() {
    let test = "a_relay_that_was_killed_gets_each_message_once_when_it_is_back";
    let Some(mut relay) = Relay::start(test, Tls::StartTls) else { return };
    let (carrier, _folder) = adapter(&relay.variables(relay.port));
    let mails: Vec<Outgoing> = (1..=8).map(|number| outgoing(number, &format!("guest{number}@example.com"))).collect();
    assert!(join_all(mails[..4].iter().map(|mail| carrier.send(mail))).await.iter().all(is_sent));
    relay.kill();
    for outcome in join_all(mails[4..].iter().map(|mail| carrier.send(mail))).await {
        assert!(matches!(outcome, Outcome::Unreachable { .. }), "{outcome:?}");
    }
    relay.restart();
    assert!(join_all(mails[4..].iter().map(|mail| carrier.send(mail))).await.iter().all(is_sent));
    let counts = relay.by_message_id();
    assert!(counts.len() == 8 && counts.values().all(|count| *count == 1), "{counts:?}");
}

#[tokio::test]
async fn a_thousand_messages_share_a_few_connections() {
    let Some(relay) = Relay::start("a_thousand_messages_share_a_few_connections", Tls::StartTls) else { return };
    let line = Line::to(relay.port).await;
    let (carrier, _folder) = adapter_that_waits(&relay.variables(line.port), Duration::from_secs(60));
    let mails: Vec<Outgoing> = (1..=1_000).map(|number| outgoing(number, &format!("guest{number}@example.com"))).collect();
    assert!(join_all(mails.iter().map(|mail| carrier.send(mail))).await.iter().all(is_sent));
    let counts = relay.by_message_id();
    assert!(counts.len() == 1_000 && counts.values().all(|count| *count == 1), "{} came", counts.len());
    // A hundred each, four at once; the last four may be the first of another hundred.
    assert!((10..=13).contains(&line.connections()), "{} connections", line.connections());
}

/// The shop's configuration, as a command reads it.
fn toml(variables: &[(&'static str, String)]) -> String {
    let key = |name: &str| name.trim_start_matches("BAYADER_MAIL__").to_lowercase();
    let line = |(name, value): &(&str, String)| match value.parse::<u32>() {
        Ok(number) => format!("{} = {number}", key(name)),
        Err(_) => format!("{} = {value:?}", key(name)),
    };
    format!("[mail]\n{}\n", variables.iter().map(line).collect::<Vec<_>>().join("\n"))
}

#[test]
fn a_doctor_signs_in_at_the_relay_and_sends_nothing() {
    let Some(relay) = Relay::start("a_doctor_signs_in_at_the_relay_and_sends_nothing", Tls::StartTls) else { return };
    let folder = Folder::new();
    std::fs::create_dir_all(folder.data()).expect("a folder");
    let told = |variables: &[(&'static str, String)]| {
        std::fs::write(folder.data().join("bayader.toml"), toml(variables)).expect("a file");
        let told = bayader(&folder.data(), &["doctor", "messages", "--json"]);
        let body: Value = serde_json::from_slice(&told.stdout).unwrap_or_else(|_| panic!("JSON: {told:?}"));
        (told.status.code(), body)
    };
    let right = relay.variables(relay.port);
    let (code, body) = told(&right);
    let email = json!({ "channel": "email", "carrier": "smtp", "asked": true, "ok": true, "problem": null });
    let sms = json!({ "channel": "sms", "carrier": "log", "asked": false, "ok": true, "problem": null });
    assert_eq!((code, body), (Some(0), json!({ "ok": true, "carriers": [email, sms] })));
    let (code, body) = told(&with(right, "BAYADER_MAIL__PASSWORD", "a-wrong-password"));
    assert_eq!((code, &body["ok"]), (Some(1), &json!(false)));
    assert!(body["carriers"][0]["problem"].as_str().expect("a problem").contains("535"), "{body}");
    assert!(relay.mails().is_empty());
    assert!(!folder.data().join("bayader.db").exists() && !folder.data().join("outbox").exists(), "no shop is made for it");
}

async fn open(relay: &Relay, port: u16) -> Shop {
    let variables = relay.variables(port);
    Shop::open_with(&variables.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>()).await
}

#[tokio::test]
async fn an_order_and_a_new_password_are_told_by_mail_while_the_relay_comes_and_goes() {
    let test = "an_order_and_a_new_password_are_told_by_mail_while_the_relay_comes_and_goes";
    let Some(mut relay) = Relay::start(test, Tls::StartTls) else { return };
    let shop = open(&relay, relay.port).await;
    let bread = shop.product("Bread").price("3.000").stock(50).create().await;
    let order = async |name: &str| {
        let who = json!({ "name": name, "email": format!("{name}@example.com"), "phone": "+962790000055" });
        let placed = shop.guest().order().line(&bread, 1).pickup().field("customerInfo", who);
        placed.field("paymentMethod", "cash").place().await
    };
    let first = order("huda").await;
    shop.pass(1).await;
    let [mail] = relay.mails().try_into().expect("one mail");
    let text = mail.parsed().body_text(0).expect("a text").into_owned();
    assert!(text.contains(&format!("/o/{}?token=", first.id)), "{text}");

    relay.kill();
    for name in ["sami", "noor", "lina"] {
        order(name).await;
    }
    shop.guest().post("/api/v1/auth/password/forgot").json(&json!({ "email": OWNER })).send().await.expect(202);
    for _ in 0..6 {
        shop.pass(600).await;
    }
    assert_eq!(relay.mails().len(), 1);
    relay.restart();
    shop.pass(61).await;
    shop.pass(61).await;
    let counts = relay.by_message_id();
    assert!(counts.len() == 5 && counts.values().all(|count| *count == 1), "{counts:?}");
    let reset = relay.mails().into_iter().find(|mail| mail.to == [OWNER.to_owned()]).expect("the new password's");
    assert!(reset.parsed().body_text(0).expect("a text").contains("/account/reset"));
    assert_eq!(shop.rows("select count(*) from notifications where status = 'sent'").await, 5);
    shop.close().await;
}

#[tokio::test]
async fn a_mail_whose_answer_was_lost_comes_twice_at_most_and_under_one_name() {
    let test = "a_mail_whose_answer_was_lost_comes_twice_at_most_and_under_one_name";
    let Some(relay) = Relay::start(test, Tls::StartTls) else { return };
    let shop = open(&relay, relay.port).await;
    relay.fault(Some("drop-after"));
    say(&shop, vec![NewMessage { channel: Channel::Email, ..message("layla@example.com", "Once, please") }]).await;
    for _ in 0..6 {
        shop.pass(600).await;
    }
    let counts = relay.by_message_id();
    assert_eq!(counts.values().collect::<Vec<_>>(), [&2], "{counts:?}");
    assert_eq!(
        shop.rows("select count(*) from notifications where status = 'failed' and error_code = 'outcome_unknown'").await,
        1
    );
    shop.close().await;
}

#[tokio::test]
async fn a_password_that_is_refused_stops_the_mail_and_keeps_it() {
    let Some(relay) = Relay::start("a_password_that_is_refused_stops_the_mail_and_keeps_it", Tls::StartTls) else { return };
    let variables = with(relay.variables(relay.port), "BAYADER_MAIL__PASSWORD", "a-wrong-password");
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let shop = Shop::open_with(&variables).await;
    let letter = |to: &str| NewMessage { channel: Channel::Email, ..message(to, "Hello") };
    say(&shop, vec![letter("layla@example.com"), letter("omar@example.com")]).await;
    for _ in 0..3 {
        shop.pass(3_600).await;
    }
    assert!(relay.mails().is_empty());
    assert_eq!(shop.rows("select count(*) from notifications where status = 'queued'").await, 2);
    let counts = shop.admin().get("/api/v1/notifications/counts").send().await.expect(200);
    assert!(counts.text.contains("535"), "{counts:?}");
    shop.abandon().await;
}
