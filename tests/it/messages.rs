//! Messages leave, each once, whatever their carrier and their machine do.

use std::sync::Arc;
use std::time::Duration;

use bayader::db::{Command, WriteTx};
use bayader::features::messages::carrier::Outcome;
use bayader::features::messages::{self, Carrier, Channel, Kind, NewMessage, SuppressReason};
use bayader::kernel::{Locale, NotificationId, Result, UserId};
use serde_json::{Value, json};

use crate::harness::Shop;
use crate::harness::test_carrier::{Act, Knows, TestCarrier, failed, later, misconfigured, unclear, unreachable};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// Queues a message as a cause of the shop does.
struct Queue(NewMessage);

impl Command for Queue {
    const NAME: &'static str = "test.queue_message";
    type Output = NotificationId;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<NotificationId> {
        messages::queue(tx, &NewMessage { at: tx.now(), ..self.0 })
    }
}

fn a_message(to: &str) -> NewMessage {
    NewMessage {
        kind: Kind::Message,
        channel: if to.starts_with('+') { Channel::Sms } else { Channel::Email },
        to: to.to_owned(),
        locale: Locale::En,
        payload: json!({ "subject": "Your cake", "text": "It can be fetched.", "name": "Layla" }),
        order: None,
        user: None,
        at: bayader::kernel::UtcMs::from_ms(0),
    }
}

async fn queue(shop: &Shop, message: NewMessage) -> NotificationId {
    shop.db().write(Queue(message)).await.expect("queued")
}

async fn shop_with(carrier: &Arc<TestCarrier>) -> Shop {
    Shop::open_with_carriers(&[], vec![Arc::clone(carrier) as Arc<dyn Carrier>]).await
}

/// Lets so much time pass, in steps in which everything that is due runs.
async fn pass(shop: &Shop, time: Duration, step: Duration) {
    let mut left = time;
    while !left.is_zero() {
        let next = step.min(left);
        shop.advance(next);
        shop.run_jobs().await;
        left -= next;
    }
}

#[tokio::test]
async fn a_message_leaves_once() {
    let (mail, sms) = (TestCarrier::email(), TestCarrier::sms());
    let carriers: Vec<Arc<dyn Carrier>> = vec![mail.clone(), sms.clone()];
    let shop = Shop::open_with_carriers(&[], carriers).await;
    let first = queue(&shop, a_message("layla@example.com")).await;
    let second = queue(&shop, a_message("+962790000001")).await;
    pass(&shop, 2 * HOUR, 10 * MINUTE).await;
    assert_eq!(mail.taken().iter().map(|taken| taken.id).collect::<Vec<_>>(), [first]);
    assert_eq!(sms.taken().iter().map(|taken| taken.id).collect::<Vec<_>>(), [second]);
    assert_eq!(shop.rows("select count(*) from notifications where status = 'sent' and attempts = 1").await, 2);
    shop.close().await;
}
