//! Text messages by any gateway that takes a POST.

use std::time::Duration;

use serde_json::{Value, json};

use crate::doubles::faults::Fault;
use crate::doubles::sms_gateway::SmsGateway;
use crate::harness::Shop;
use crate::twilio::{column, message, say, statuses, work};

const LAYLA: &str = "+962790000001";

async fn open(gateway: &SmsGateway, more: &[(&str, &str)]) -> Shop {
    let mut variables = vec![("BAYADER_SMS__ADAPTER", "http"), ("BAYADER_SMS__HTTP__URL", gateway.url.as_str())];
    variables.extend(more);
    Shop::open_with(&variables).await
}

#[tokio::test]
async fn a_gateway_gets_json_with_our_id_and_its_own_is_kept() {
    let gateway = SmsGateway::start().await;
    let more = [
        ("BAYADER_SMS__FROM", "Bayader"),
        ("BAYADER_SMS__HTTP__AUTHORIZATION", "Bearer secret-of-the-gateway"),
        ("BAYADER_SMS__HTTP__ID_AT", "/data/ids/0"),
    ];
    let shop = open(&gateway, &more).await;
    let ids = say(&shop, vec![message(LAYLA, "جاهز & ينتظر")]).await;
    let posted = gateway.tried().remove(0);
    assert_eq!(posted.media_type, "application/json");
    assert_eq!(posted.authorization.as_deref(), Some("Bearer secret-of-the-gateway"));
    let body: Value = serde_json::from_str(&posted.body).expect("JSON");
    assert!(body["text"].as_str().expect("a text").contains("جاهز & ينتظر"), "{body}");
    assert_eq!(body, json!({ "id": ids[0].to_string(), "to": LAYLA, "text": body["text"], "sender": "Bayader" }));
    assert_eq!(statuses(&shop).await, ["sent"]);
    assert_eq!(column(&shop, "provider_id").await, [Some("1".to_owned())]);
    shop.close().await;
}

#[tokio::test]
async fn a_gateway_that_wants_a_form_gets_the_one_that_was_written() {
    let gateway = SmsGateway::start().await;
    let form = "user=bakery&mobile={digits}&full={to}&msg={text}&ref={id}&from={sender}";
    let shop = open(&gateway, &[("BAYADER_SMS__HTTP__FORM", form)]).await;
    let ids = say(&shop, vec![message(LAYLA, "Ready & {to} waits + 100%")]).await;
    let posted = gateway.tried().remove(0);
    assert_eq!(posted.media_type, "application/x-www-form-urlencoded");
    let fields: Vec<(String, String)> = form_urlencoded::parse(posted.body.as_bytes()).into_owned().collect();
    let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["user", "mobile", "full", "msg", "ref", "from"], "a text does not break out of its field");
    assert_eq!((fields[1].1.as_str(), fields[2].1.as_str()), ("962790000001", LAYLA));
    assert!(fields[3].1.contains("Ready & {to} waits + 100%"), "{fields:?}");
    assert_eq!((fields[4].1.clone(), fields[5].1.as_str()), (ids[0].to_string(), ""));
    assert_eq!((posted.authorization, column(&shop, "provider_id").await), (None, vec![None]));
    shop.close().await;
}

#[tokio::test]
async fn what_it_refuses_fails_and_what_refuses_us_waits() {
    let gateway = SmsGateway::start().await;
    let shop = open(&gateway, &[]).await;
    gateway.answer(Some((422, "no such number +962790000001")));
    say(&shop, vec![message(LAYLA, "One")]).await;
    assert_eq!(
        (statuses(&shop).await, column(&shop, "error_code").await),
        (vec!["failed".to_owned()], vec![Some("422".to_owned())])
    );
    assert!(!column(&shop, "last_error").await[0].as_ref().expect("a reason").contains("96279"));
    for (n, (status, seconds)) in [(429, 12), (503, 12), (401, 601), (302, 601)].into_iter().enumerate() {
        gateway.answer(Some((status, "")));
        say(&shop, vec![message(LAYLA, "Another")]).await;
        assert_eq!(statuses(&shop).await[n + 1], "queued", "{status}");
        gateway.answer(None);
        work(&shop, Duration::from_secs(seconds)).await;
        work(&shop, Duration::from_secs(12)).await;
        assert_eq!((statuses(&shop).await[n + 1].as_str(), gateway.taken()), ("sent", n + 1), "{status}");
    }
    shop.close().await;
}

/// Nobody can ask such a gateway, so the same message goes once more under the same id, and never a third time.
#[tokio::test]
async fn an_unclear_answer_sends_once_more_by_the_same_id() {
    let gateway = SmsGateway::start().await;
    let shop = open(&gateway, &[]).await;
    gateway.next(&[Fault::CutAfter, Fault::SilentAfter, Fault::CutAfter]);
    let ids = say(&shop, vec![message(LAYLA, "Hello")]).await;
    for _ in 0..5 {
        work(&shop, Duration::from_secs(700)).await;
    }
    let tried = gateway.tried();
    assert_eq!(tried.len(), 2);
    assert!(tried.iter().all(|posted| posted.body.contains(&ids[0].to_string())));
    assert_eq!(shop.rows("select resent from notifications").await, 1, "the window is counted");
    assert_eq!(statuses(&shop).await, ["failed"]);
    shop.close().await;
}
