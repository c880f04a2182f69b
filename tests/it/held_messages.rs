//! Messages that wait for their carrier go when it is back, whoever stands before them.

use std::sync::Arc;
use std::time::Duration;

use bayader::features::messages::carrier::{Carrier, Outcome};
use bayader::features::messages::{Kind, NewMessage};
use serde_json::Value;

use crate::harness::Shop;
use crate::harness::test_carrier::{Act, Knows, TestCarrier, unclear, unreachable};
use crate::messages::{a_message, a_reader, pass, queue};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

async fn shop_with(carrier: &Arc<TestCarrier>) -> Shop {
    Shop::open_with_carriers(&[], vec![Arc::clone(carrier) as Arc<dyn Carrier>]).await
}

fn taken_by(carrier: &TestCarrier, to: &str) -> usize {
    carrier.taken().iter().filter(|taken| taken.to == to).count()
}

async fn line(shop: &Shop) -> Value {
    shop.admin().see("/api/v1/notifications/counts").await.body["channels"][0].clone()
}

#[tokio::test]
async fn promotions_that_wait_for_the_morning_keep_nobody_from_looking() {
    let mail = TestCarrier::email();
    let shop = shop_with(&mail).await;
    let (user, email) = a_reader(&shop, "Layla").await;
    // Ten minutes before the quiet hours.
    shop.advance(10 * HOUR - 10 * MINUTE);
    mail.go_down();
    for _ in 0..5 {
        queue(&shop, NewMessage { kind: Kind::Promotion, user: Some(user), ..a_message(&email) }).await;
    }
    queue(&shop, a_message("omar@example.com")).await;
    pass(&shop, 5 * MINUTE, MINUTE).await;
    assert_eq!(shop.rows("select count(*) from notifications where held = 1 and type in ('promotion', 'message')").await, 6);
    pass(&shop, 10 * MINUTE, MINUTE).await;
    mail.come_back();
    pass(&shop, 2 * MINUTE, 10 * SECOND).await;
    assert_eq!((taken_by(&mail, "omar@example.com"), taken_by(&mail, &email)), (1, 0));
    pass(&shop, 12 * HOUR, 10 * MINUTE).await;
    assert_eq!(taken_by(&mail, &email), 5);
    shop.close().await;
}

#[tokio::test]
async fn one_whose_last_try_is_asked_about_keeps_nobody_from_looking() {
    let mail = TestCarrier::email();
    let shop = shop_with(&mail).await;
    mail.next_to("layla@example.com", [Act::TakeBut(unclear())]);
    queue(&shop, a_message("layla@example.com")).await;
    pass(&shop, SECOND, SECOND).await;
    mail.knows(Knows::NotBefore(shop.clock.now().plus_ms(20 * 3_600_000)));
    mail.go_down();
    queue(&shop, a_message("omar@example.com")).await;
    pass(&shop, 5 * MINUTE, 10 * SECOND).await;
    mail.come_back();
    pass(&shop, 2 * MINUTE, 10 * SECOND).await;
    assert_eq!((taken_by(&mail, "omar@example.com"), taken_by(&mail, "layla@example.com")), (1, 1));
    shop.close().await;
}

#[tokio::test]
async fn one_that_can_not_be_written_says_nothing_of_its_carrier_and_the_next_one_looks() {
    let mail = TestCarrier::email();
    let shop = shop_with(&mail).await;
    let unwritable = || Outcome::Failed { code: "unwritable".to_owned(), why: "no such address".to_owned(), suppress: None };
    mail.go_down();
    for _ in 0..2 {
        mail.next_to("odd@example.com", [Act::Answer(unreachable()), Act::Answer(unwritable())]);
    }
    queue(&shop, a_message("odd@example.com")).await;
    for _ in 0..9 {
        queue(&shop, a_message("omar@example.com")).await;
    }
    pass(&shop, SECOND, SECOND).await;
    let before = line(&shop).await;
    pass(&shop, 10 * MINUTE, 10 * SECOND).await;
    assert_eq!(shop.rows("select count(*) from notifications where error_code = 'unwritable'").await, 1);
    assert_eq!(line(&shop).await, before, "it was shut all the time");
    // The one that looks first cannot be written; the next one looks at once.
    queue(&shop, a_message("omar@example.com")).await;
    mail.come_back();
    pass(&shop, MINUTE + SECOND, SECOND).await;
    assert_eq!(taken_by(&mail, "omar@example.com"), 10);
    shop.close().await;
}

#[tokio::test]
async fn tries_without_a_clear_answer_end_after_a_day_too() {
    let mail = TestCarrier::email();
    let shop = shop_with(&mail).await;
    mail.knows(Knows::All);
    mail.always(Act::Answer(unclear()));
    queue(&shop, a_message("layla@example.com")).await;
    pass(&shop, 23 * HOUR, 10 * MINUTE).await;
    assert_eq!(shop.rows("select count(*) from notifications where type = 'message' and status = 'sending'").await, 1);
    pass(&shop, 10 * HOUR, 10 * MINUTE).await;
    let gave_up = "select count(*) from notifications where type = 'message' and status = 'failed' and error_code = 'gave_up'";
    assert_eq!(shop.rows(gave_up).await, 1);
    shop.close().await;
}
