//! Mail by SendGrid: the adapter against a double that is held to the published document.

use std::sync::Arc;
use std::time::Duration;

use bayader::clock::Clock;
use bayader::config::{self, Source};
use bayader::features::messages::carrier::Check;
use bayader::features::messages::{Carrier, Channel, Desk, Found, Kind, Outcome, Outgoing};
use bayader::kernel::{Locale, NotificationId, UtcMs};
use bayader::outbound::Patience;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::doubles::sendgrid::{Mishap, SendGridDouble};
use crate::doubles::smtp::nobodys_port;

const NOW: UtcMs = UtcMs::from_ms(1_795_593_600_000);
const TEN_MINUTES_MS: i64 = 600_000;

struct Adapter {
    carrier: Arc<dyn Carrier>,
    clock: Clock,
    _folder: TempDir,
}

fn adapter(variables: &[(&'static str, String)]) -> Adapter {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = Source::new().variables(variables.iter().map(|(name, value)| (*name, value.as_str())));
    let config = config::load(&source).unwrap_or_else(|faults| panic!("a configuration: {faults:?}"));
    let patience = Patience { connect: Duration::from_secs(2), call: Duration::from_secs(5) };
    let clock = Clock::manual(NOW);
    let desk = Desk::open(folder.path(), &config, &clock, patience, Vec::new()).expect("carriers");
    Adapter { carrier: Arc::clone(desk.carrier(Channel::Email).expect("a carrier")), clock, _folder: folder }
}

fn with(mut variables: Vec<(&'static str, String)>, name: &'static str, value: &str) -> Vec<(&'static str, String)> {
    variables.retain(|(known, _)| *known != name);
    variables.push((name, value.to_owned()));
    variables
}

fn outgoing(number: u128) -> Outgoing {
    Outgoing {
        id: NotificationId::from_uuid(Uuid::from_u128(number)),
        kind: Kind::OrderReady,
        channel: Channel::Email,
        to: "layla@example.com".to_owned(),
        locale: Locale::Ar,
        subject: Some("طلبك جاهز\r\nBcc: everybody@example.com".to_owned()),
        text: "مرحبا ليلى،\nطلبك جاهز.\n".to_owned(),
        html: Some("<p dir=\"rtl\">مرحبا ليلى</p>".to_owned()),
        unsubscribe_url: None,
        made_at: NOW,
        tried_at: NOW,
        others: Vec::new(),
    }
}

#[tokio::test]
async fn a_message_is_posted_as_the_published_document_says() {
    let sendgrid = SendGridDouble::start().await;
    let adapter = adapter(&sendgrid.variables());
    assert_eq!(adapter.carrier.name(), "sendgrid");
    let outcome = adapter.carrier.send(&outgoing(1)).await;
    assert_eq!(outcome, Outcome::Sent { provider_id: Some("14c5d75ce93-0".to_owned()) });
    let promotion = Outgoing {
        kind: Kind::Promotion,
        html: None,
        unsubscribe_url: Some("https://shop.example/u/TOKEN".to_owned()),
        to: "layla@مثال.إختبار".to_owned(),
        ..outgoing(2)
    };
    assert!(matches!(adapter.carrier.send(&promotion).await, Outcome::Sent { .. }));
    let [first, second] = sendgrid.mails().try_into().expect("two mails");
    assert_eq!(
        first.body,
        json!({
            "personalizations": [{
                "to": [{ "email": "layla@example.com" }],
                "custom_args": { "notification_id": "00000000-0000-0000-0000-000000000001" },
            }],
            "from": { "email": "orders@shop.example", "name": "مخبز البيادر" },
            "reply_to": { "email": "layla@shop.example" },
            "subject": "طلبك جاهز  Bcc: everybody@example.com",
            "content": [
                { "type": "text/plain", "value": "مرحبا ليلى،\nطلبك جاهز.\n" },
                { "type": "text/html", "value": "<p dir=\"rtl\">مرحبا ليلى</p>" },
            ],
            "headers": {
                "X-Bayader-Notification": "00000000-0000-0000-0000-000000000001",
                "Auto-Submitted": "auto-generated",
            },
            "tracking_settings": { "click_tracking": { "enable": false }, "open_tracking": { "enable": false } },
        })
    );
    assert_eq!(second.body["personalizations"][0]["to"][0]["email"], "layla@xn--mgbh0fb.xn--kgbechtv");
    assert_eq!(second.body["headers"]["List-Unsubscribe"], "<https://shop.example/u/TOKEN>");
    assert_eq!(second.body["headers"]["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click");
    let nowhere = Outgoing { to: "layla@@example.com".to_owned(), ..outgoing(3) };
    assert!(matches!(adapter.carrier.send(&nowhere).await, Outcome::Failed { .. }));
    sendgrid.close();
}

#[tokio::test]
async fn each_refusal_is_taken_for_what_it_is_and_nothing_is_posted_twice() {
    let sendgrid = SendGridDouble::start().await;
    let adapter = adapter(&sendgrid.variables());
    let error = |message: &str, field: Value| json!({ "errors": [{ "message": message, "field": field, "help": null }] });
    let address = error("Does not contain a valid address: layla@example.com", json!("personalizations.0.to.0.email"));
    sendgrid.next([
        Mishap::Answer(400, address),
        Mishap::Answer(403, error("The from address does not match a verified Sender Identity", json!("from"))),
        Mishap::Throttled(NOW.ms() / 1_000 + 30),
        Mishap::ErrorAfter,
        Mishap::CutAfter,
    ]);
    let outcome = adapter.carrier.send(&outgoing(1)).await;
    let Outcome::Failed { code, why, suppress: None } = outcome else { panic!("it failed: {outcome:?}") };
    assert_eq!(code, "400");
    assert!(!why.contains("layla@"), "{why}");
    assert!(matches!(adapter.carrier.send(&outgoing(1)).await, Outcome::Misconfigured { .. }));
    let later = adapter.carrier.send(&outgoing(1)).await;
    assert!(matches!(later, Outcome::Later { not_before: Some(at), .. } if at == NOW.plus_ms(30_000)), "{later:?}");
    assert_eq!(sendgrid.mails().len(), 0);
    for count in 1..=2 {
        let outcome = adapter.carrier.send(&outgoing(1)).await;
        assert!(matches!(outcome, Outcome::Unclear { .. }), "{outcome:?}");
        assert_eq!(sendgrid.mails().len(), count, "it is posted once a try");
    }
    sendgrid.close();
}

#[tokio::test]
async fn a_provider_that_is_not_there_was_sent_nothing() {
    let sendgrid = SendGridDouble::start().await;
    let url = format!("http://127.0.0.1:{}", nobodys_port());
    let adapter = adapter(&with(sendgrid.variables(), "BAYADER_MAIL__SENDGRID__BASE_URL", &url));
    assert!(matches!(adapter.carrier.send(&outgoing(1)).await, Outcome::Unreachable { .. }));
    assert!(matches!(adapter.carrier.check().await, Check::Wrong { .. }));
    sendgrid.close();
}

#[tokio::test]
async fn a_key_is_tried_without_a_message() {
    let sendgrid = SendGridDouble::start().await;
    let right = adapter(&sendgrid.variables());
    assert_eq!(right.carrier.check().await, Check::Right);
    sendgrid.key_may(&["stats.read"]);
    assert!(matches!(right.carrier.check().await, Check::Wrong { why } if why.contains("Mail Send")));
    let wrong = adapter(&with(sendgrid.variables(), "BAYADER_MAIL__SENDGRID__API_KEY", "SG.another"));
    let Outcome::Misconfigured { why: refused } = wrong.carrier.send(&outgoing(1)).await else { panic!("it is unknown") };
    let Check::Wrong { why: told } = wrong.carrier.check().await else { panic!("it is unknown") };
    for why in [refused, told] {
        assert!(why.contains("401") && !why.contains("SG.another"), "{why}");
    }
    assert!(sendgrid.mails().is_empty());
    sendgrid.close();
}

#[tokio::test]
async fn events_are_waited_for_before_a_message_is_sent_again() {
    let sendgrid = SendGridDouble::start().await;
    let told = adapter(&sendgrid.variables());
    let in_doubt = outgoing(1);
    assert_eq!(told.carrier.find(&in_doubt).await, Found::AskAgain(NOW.plus_ms(TEN_MINUTES_MS)));
    told.clock.advance_ms(TEN_MINUTES_MS);
    assert_eq!(told.carrier.find(&in_doubt).await, Found::NotThere);
    // While the shop was away its events could not come either; they come again.
    let from_before = Outgoing { tried_at: NOW.plus_ms(-6 * TEN_MINUTES_MS), ..outgoing(2) };
    let after = adapter(&sendgrid.variables());
    assert_eq!(after.carrier.find(&from_before).await, Found::AskAgain(NOW.plus_ms(TEN_MINUTES_MS)));
    after.clock.advance_ms(TEN_MINUTES_MS);
    assert_eq!(after.carrier.find(&from_before).await, Found::NotThere);
    let mut variables = sendgrid.variables();
    variables.retain(|(name, _)| !name.ends_with("WEBHOOK_PUBLIC_KEY"));
    assert_eq!(adapter(&variables).carrier.find(&in_doubt).await, Found::CannotTell, "where no event ever comes");
    sendgrid.close();
}

#[tokio::test]
async fn a_verification_key_that_is_none_is_a_fault_at_the_start() {
    let sendgrid = SendGridDouble::start().await;
    let variables = with(sendgrid.variables(), "BAYADER_MAIL__SENDGRID__WEBHOOK_PUBLIC_KEY", "bm8ga2V5");
    let source = Source::new().variables(variables.iter().map(|(name, value)| (*name, value.as_str())));
    let config = config::load(&source).expect("a configuration");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let opened = Desk::open(folder.path(), &config, &Clock::manual(NOW), Patience::default(), Vec::new());
    let fault = opened.err().expect("it does not open").to_string();
    assert!(fault.contains("webhook_public_key") && !fault.contains("bm8ga2V5"), "{fault}");
    sendgrid.close();
}
