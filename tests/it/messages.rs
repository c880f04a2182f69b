//! Messages leave, each once, whatever their carrier and their machine do.

use std::sync::Arc;
use std::time::Duration;

use bayader::db::{Command, WriteTx};
use bayader::features::messages::carrier::{Outcome, Outgoing};
use bayader::features::messages::{self, Carrier, Channel, Kind, NewMessage, SuppressReason};
use bayader::kernel::{Locale, NotificationId, Result, UserId};
use serde_json::{Value, json};

use crate::harness::Shop;
use crate::harness::test_carrier::{Act, Knows, TestCarrier, failed, later, misconfigured, unclear};

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

pub fn a_message(to: &str) -> NewMessage {
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

pub async fn queue(shop: &Shop, message: NewMessage) -> NotificationId {
    shop.db().write(Queue(message)).await.expect("queued")
}

async fn shop_with(carrier: &Arc<TestCarrier>) -> Shop {
    Shop::open_with_carriers(&[], vec![Arc::clone(carrier) as Arc<dyn Carrier>]).await
}

/// Lets so much time pass, in steps in which everything that is due runs.
pub async fn pass(shop: &Shop, time: Duration, step: Duration) {
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
    mail.next([Act::Slow(Duration::from_millis(5))]);
    let first = queue(&shop, a_message("layla@example.com")).await;
    let second = queue(&shop, a_message("+962790000001")).await;
    pass(&shop, 2 * HOUR, 10 * MINUTE).await;
    assert_eq!(mail.taken().iter().map(|taken| taken.id).collect::<Vec<_>>(), [first]);
    assert_eq!(sms.taken().iter().map(|taken| taken.id).collect::<Vec<_>>(), [second]);
    assert_eq!(shop.rows("select count(*) from notifications where status = 'sent' and attempts = 1").await, 2);
    shop.close().await;
}

/// How messages stand, as `counts` of the API tells.
async fn counts(shop: &Shop) -> Value {
    shop.admin().see("/api/v1/notifications/counts").await.body.clone()
}

async fn told(shop: &Shop, id: NotificationId) -> Value {
    shop.admin().see(&format!("/api/v1/notifications/{id}")).await.body.clone()
}

/// Each of these was taken once, and nothing else of what staff have written: the shop writes to its admins by itself.
fn expect_each_once(carrier: &TestCarrier, queued: &[NotificationId]) {
    let by_staff = |taken: &Outgoing| matches!(taken.kind, Kind::Message | Kind::Promotion);
    let taken = carrier.taken();
    let mut taken: Vec<String> = taken.iter().filter(|taken| by_staff(taken)).map(|taken| taken.id.to_string()).collect();
    let mut queued: Vec<String> = queued.iter().map(ToString::to_string).collect();
    taken.sort();
    queued.sort();
    assert_eq!(taken, queued);
}

#[tokio::test]
async fn a_provider_that_is_down_for_an_hour_loses_nothing_and_is_asked_seldom() {
    let mail = TestCarrier::email();
    let shop = shop_with(&mail).await;
    mail.go_down();
    let mut queued = Vec::new();
    for number in 0..20 {
        queued.push(queue(&shop, a_message(&format!("layla{number}@example.com"))).await);
    }
    for _ in 0..60 {
        pass(&shop, MINUTE, 10 * SECOND).await;
        queued.push(queue(&shop, a_message("omar@example.com")).await);
    }
    assert!(mail.taken().is_empty());
    let tried = mail.tried().len();
    assert!((40..=80).contains(&tried), "a try a minute looks whether it is back, and no more: {tried}");
    let told = counts(&shop).await;
    assert_eq!((&told["waiting"], &told["oldestWaitingAt"].is_string()), (&json!(80), &true));
    let channel = &told["channels"][0];
    assert_eq!((&channel["state"], &channel["why"]), (&json!("unreachable"), &json!("testcarrier could not be reached")));

    mail.come_back();
    pass(&shop, MINUTE + SECOND, SECOND).await;
    expect_each_once(&mail, &queued);
    assert_eq!(counts(&shop).await["channels"][0]["state"], "open");
    assert_eq!(shop.rows("select count(*) from notifications where status = 'sent' and resent = 0 and held = 0").await, 80);
    shop.close().await;
}

#[tokio::test]
async fn what_was_held_goes_after_a_restart_although_nobody_remembers() {
    let mail = TestCarrier::email();
    let shop = shop_with(&mail).await;
    mail.go_down();
    let mut queued = Vec::new();
    for _ in 0..9 {
        queued.push(queue(&shop, a_message("layla@example.com")).await);
    }
    pass(&shop, 10 * MINUTE, MINUTE).await;
    mail.come_back();
    let after = shop.after_a_crash_with_carriers(vec![Arc::clone(&mail) as Arc<dyn Carrier>]).await;
    shop.abandon().await;
    pass(&after, 10 * SECOND, SECOND).await;
    expect_each_once(&mail, &queued);
    after.close().await;
}

/// So many messages in one write.
struct QueueMany(usize);
impl Command for QueueMany {
    const NAME: &'static str = "test.queue_messages";
    type Output = Vec<NotificationId>;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Vec<NotificationId>> {
        let message = |number: usize| NewMessage { at: tx.now(), ..a_message(&format!("guest{number}@example.com")) };
        let messages: Vec<NewMessage> = (0..self.0).map(message).collect();
        messages.iter().map(|message| messages::queue(tx, message)).collect()
    }
}

#[tokio::test]
async fn a_thousand_messages_at_once_leave_each_once() {
    let mail = TestCarrier::email();
    let shop = shop_with(&mail).await;
    let queued = shop.db().write(QueueMany(1_000)).await.expect("queued");
    pass(&shop, 2 * SECOND, SECOND).await;
    expect_each_once(&mail, &queued);
    assert_eq!(shop.rows("select count(*) from notifications where status = 'sent' and attempts = 1").await, 1_000);
    shop.close().await;
}

#[tokio::test]
async fn what_is_refused_for_now_is_tried_for_a_day_and_then_given_up() {
    let mail = TestCarrier::email();
    let shop = shop_with(&mail).await;
    mail.next_to("layla@example.com", [Act::Answer(later()), Act::Answer(later())]);
    let layla = queue(&shop, a_message("layla@example.com")).await;
    mail.next_to("omar@example.com", (0..100).map(|_| Act::Answer(later())));
    let omar = queue(&shop, a_message("omar@example.com")).await;
    pass(&shop, MINUTE, SECOND).await;
    assert_eq!((&told(&shop, layla).await["status"], &told(&shop, layla).await["attempts"]), (&json!("sent"), &json!(3)));
    let waiting = told(&shop, omar).await;
    assert_eq!((&waiting["status"], &waiting["lastError"]), (&json!("queued"), &json!("451 try again")));
    pass(&shop, 30 * HOUR, 10 * MINUTE).await;
    let failed = told(&shop, omar).await;
    assert_eq!(
        (&failed["status"], &failed["errorCode"], &failed["attempts"]),
        (&json!("failed"), &json!("gave_up"), &json!(29))
    );
    // What the carrier says of when is kept to.
    let not_before = shop.clock.now().plus_ms(3_600_000);
    mail.next_to(
        "sami@example.com",
        [Act::Answer(Outcome::Later { why: "slow down".to_owned(), not_before: Some(not_before) })],
    );
    let sami = queue(&shop, a_message("sami@example.com")).await;
    pass(&shop, 59 * MINUTE, MINUTE).await;
    assert_eq!(told(&shop, sami).await["attempts"], 1);
    pass(&shop, 2 * MINUTE, MINUTE).await;
    assert_eq!(told(&shop, sami).await["status"], "sent");
    shop.close().await;
}

#[tokio::test]
async fn what_is_refused_for_good_is_not_tried_again_until_staff_say_so() {
    let mail = TestCarrier::email();
    let shop = shop_with(&mail).await;
    mail.next_to("Layla@example.com", [Act::Answer(failed(Some(SuppressReason::Bounced)))]);
    let first = queue(&shop, a_message("Layla@example.com")).await;
    pass(&shop, HOUR, MINUTE).await;
    let known = told(&shop, first).await;
    assert_eq!((&known["status"], &known["errorCode"], &known["attempts"]), (&json!("failed"), &json!("550"), &json!(1)));
    let second = queue(&shop, a_message("layla@example.com")).await;
    pass(&shop, MINUTE, MINUTE).await;
    let known = told(&shop, second).await;
    assert_eq!(
        (&known["status"], &known["errorCode"], &known["attempts"]),
        (&json!("suppressed"), &json!("address_suppressed"), &json!(0))
    );
    assert_eq!(mail.tried().len(), 1);
    let dashboard = shop.admin().see("/api/v1/admin/dashboard").await;
    assert_eq!(dashboard["failedMessages"]["count"], 1);

    let retry = |id: NotificationId| shop.admin().post(&format!("/api/v1/notifications/{id}/retry")).json(&json!({}));
    let key = "0123456789abcdef-retry";
    let again = retry(first).key(key).send().await.expect(200);
    assert_eq!((&again["status"], &again["attempts"], &again["id"]), (&json!("queued"), &json!(1), &json!(first.to_string())));
    let replayed = retry(first).key(key).send().await.expect(200);
    assert_eq!(replayed.header("idempotency-replayed"), Some("true"));
    retry(first).send().await.expect_problem(409, "message_not_failed");
    pass(&shop, MINUTE, SECOND).await;
    assert_eq!((&told(&shop, first).await["status"], &told(&shop, first).await["attempts"]), (&json!("sent"), &json!(2)));
    assert_eq!(retry(first).send().await.expect_problem(409, "message_not_failed")["messageStatus"], "sent");
    // The address is written to again, whoever it was lifted for.
    let third = queue(&shop, a_message("layla@example.com")).await;
    retry(second).send().await.expect(200);
    pass(&shop, MINUTE, SECOND).await;
    expect_each_once(&mail, &[first, second, third]);
    let audit = shop.admin().see("/api/v1/admin/audit").await;
    assert!(audit.text.contains("message.retry"), "{audit:?}");
    shop.admin()
        .post("/api/v1/notifications/01936000-0000-7000-8000-000000000000/retry")
        .json(&json!({}))
        .send()
        .await
        .expect_problem(404, "not_found");
    shop.close().await;
}

#[tokio::test]
async fn a_channel_that_is_refused_stops_until_it_is_mended_and_everybody_is_told() {
    let (mail, sms) = (TestCarrier::email(), TestCarrier::sms());
    let carriers = || vec![Arc::clone(&mail) as Arc<dyn Carrier>, Arc::clone(&sms) as Arc<dyn Carrier>];
    let shop = Shop::open_with_carriers(&[], carriers()).await;
    mail.always(Act::Answer(misconfigured()));
    let mut queued = Vec::new();
    for _ in 0..12 {
        queued.push(queue(&shop, a_message("layla@example.com")).await);
    }
    let text = queue(&shop, a_message("+962790000001")).await;
    pass(&shop, HOUR, MINUTE).await;
    expect_each_once(&sms, &[text]);
    let tried = mail.tried().len();
    assert!((5..=12).contains(&tried), "a try every ten minutes: {tried}");
    let why = "535 the password is refused";
    let channel = counts(&shop).await["channels"][0].clone();
    assert_eq!((&channel["state"], &channel["why"]), (&json!("stopped"), &json!(why)));
    let stopped = shop.admin().see("/api/v1/admin/dashboard").await["failedMessages"]["stopped"].clone();
    assert_eq!((&stopped[0]["channel"], &stopped[0]["why"]), (&json!("email"), &json!(why)));
    let ailments = shop.ailments().await;
    assert!(ailments.len() == 1 && ailments[0].contains(why), "{ailments:?}");

    // It is stopped over a restart, and tried at once after it: its keeper may have mended it.
    mail.come_back();
    let after = shop.after_a_crash_with_carriers(carriers()).await;
    shop.abandon().await;
    pass(&after, 10 * SECOND, SECOND).await;
    expect_each_once(&mail, &queued);
    assert_eq!(counts(&after).await["channels"][0]["state"], "open");
    after.close().await;
}

#[tokio::test]
async fn a_mended_channel_is_found_without_a_restart() {
    let mail = TestCarrier::email();
    let shop = shop_with(&mail).await;
    mail.always(Act::Answer(misconfigured()));
    let queued = [queue(&shop, a_message("layla@example.com")).await, queue(&shop, a_message("omar@example.com")).await];
    pass(&shop, MINUTE, SECOND).await;
    mail.come_back();
    pass(&shop, 11 * MINUTE, MINUTE).await;
    pass(&shop, 5 * SECOND, SECOND).await;
    expect_each_once(&mail, &queued);
    shop.close().await;
}

#[tokio::test]
async fn a_machine_that_dies_between_a_yes_and_the_books_may_send_once_more_and_counts_it() {
    let mail = TestCarrier::email();
    let shop = shop_with(&mail).await;
    mail.next([Act::HangAfter, Act::HangAfter]);
    let id = queue(&shop, a_message("layla@example.com")).await;
    shop.advance(SECOND);
    mail.until_tried(1).await;
    assert_eq!(told(&shop, id).await["status"], "queued", "on its way");
    let carriers = || vec![Arc::clone(&mail) as Arc<dyn Carrier>];
    let second = shop.after_a_crash_with_carriers(carriers()).await;
    second.advance(SECOND);
    mail.until_tried(2).await;
    let third = second.after_a_crash_with_carriers(carriers()).await;
    pass(&third, HOUR, MINUTE).await;
    assert_eq!(
        mail.taken().iter().map(|taken| taken.id).collect::<Vec<_>>(),
        [id, id],
        "the same message, for mailboxes to merge"
    );
    let known = told(&third, id).await;
    assert_eq!(
        (&known["status"], &known["errorCode"], &known["resent"]),
        (&json!("failed"), &json!("outcome_unknown"), &json!(1))
    );
    let retry = third.admin().post(&format!("/api/v1/notifications/{id}/retry")).json(&json!({})).send().await;
    retry.expect_problem(409, "message_may_have_arrived");
    mail.release();
    pass(&second, SECOND, SECOND).await;
    assert_eq!((&told(&second, id).await["status"], &told(&second, id).await["resent"]), (&json!("sent"), &json!(1)));
    shop.abandon().await;
    second.close().await;
    third.close().await;
}

#[tokio::test]
async fn a_carrier_that_can_tell_is_asked_before_anything_is_sent_again() {
    let mail = TestCarrier::email();
    let shop = shop_with(&mail).await;
    mail.next_to("layla@example.com", [Act::TakeBut(unclear())]);
    mail.next_to("omar@example.com", [Act::Answer(unclear())]);
    mail.knows(Knows::NotBefore(shop.clock.now().plus_ms(600_000)));
    let queued = [queue(&shop, a_message("layla@example.com")).await, queue(&shop, a_message("omar@example.com")).await];
    pass(&shop, 9 * MINUTE, MINUTE).await;
    assert_eq!((mail.tried().len(), mail.taken().len()), (2, 1), "nothing is sent while nobody knows");
    mail.knows(Knows::All);
    pass(&shop, 10 * MINUTE, MINUTE).await;
    expect_each_once(&mail, &queued);
    assert_eq!(shop.rows("select count(*) from notifications where status = 'sent' and resent = 0").await, 2);
    assert_eq!(told(&shop, queued[0]).await["providerId"], "test-1");
    assert!(mail.asked() >= 4, "each was asked for before and after somebody knew: {}", mail.asked());
    shop.close().await;
}

/// A customer who has agreed to promotions.
pub async fn a_reader(shop: &Shop, name: &str) -> (UserId, String) {
    let client = shop.customer(name).await;
    let me = client.see("/api/v1/auth/me").await;
    let user = me.body.get("user").unwrap_or(&me.body).clone();
    let id = user["id"].as_str().expect("an id").to_owned();
    let body = json!({ "name": name, "phone": "+962790000001", "marketingConsent": true });
    client.put(&format!("/api/v1/users/{id}")).json(&body).send().await.expect(200);
    (UserId::parse(&id).expect("an id"), client.email().to_owned())
}

fn a_promotion((user, email): &(UserId, String)) -> NewMessage {
    NewMessage { kind: Kind::Promotion, user: Some(*user), ..a_message(email) }
}

#[tokio::test]
async fn a_promotion_is_sent_at_most_once() {
    let mail = TestCarrier::email();
    let shop = shop_with(&mail).await;
    let (layla, omar) = (a_reader(&shop, "Layla").await, a_reader(&shop, "Omar").await);
    mail.next_to(&layla.1, [Act::TakeBut(unclear())]);
    mail.next_to(&omar.1, [Act::HangAfter]);
    let first = queue(&shop, a_promotion(&layla)).await;
    pass(&shop, HOUR, MINUTE).await;
    assert_eq!(told(&shop, first).await["errorCode"], "outcome_unknown");
    assert!(mail.taken()[0].unsubscribe_url.as_deref().is_some_and(|url| url.contains("/u/")), "{:?}", mail.taken()[0]);
    let second = queue(&shop, a_promotion(&omar)).await;
    shop.advance(SECOND);
    mail.until_tried(2).await;
    let after = shop.after_a_crash_with_carriers(vec![Arc::clone(&mail) as Arc<dyn Carrier>]).await;
    pass(&after, HOUR, MINUTE).await;
    assert_eq!(told(&after, second).await["errorCode"], "outcome_unknown");
    expect_each_once(&mail, &[first, second]);
    mail.release();
    shop.abandon().await;
    after.close().await;
}

#[tokio::test]
async fn promotions_go_to_who_has_agreed_and_not_at_night() {
    let mail = TestCarrier::email();
    let shop = shop_with(&mail).await;
    let (layla, omar) = (a_reader(&shop, "Layla").await, a_reader(&shop, "Omar").await);
    // It is eleven in Amman; the quiet hours begin at nine.
    shop.advance(11 * HOUR);
    let first = queue(&shop, a_promotion(&layla)).await;
    let withdrawn = queue(&shop, a_promotion(&omar)).await;
    let order = queue(&shop, a_message("sami@example.com")).await;
    let nobodys = queue(&shop, NewMessage { user: None, ..a_promotion(&layla) }).await;
    pass(&shop, HOUR, MINUTE * 10).await;
    expect_each_once(&mail, &[order]);
    assert_eq!(told(&shop, nobodys).await["errorCode"], "no_consent");
    let client = shop.guest().log_in(&omar.1, crate::harness::PASSWORD).send().await.expect(200);
    let body = json!({ "name": "Omar", "phone": "+962790000001", "marketingConsent": false });
    let put = shop.guest().put(&format!("/api/v1/users/{}", omar.0)).json(&body);
    put.header("authorization", &format!("Bearer {}", client["token"].as_str().expect("a token"))).send().await.expect(200);
    pass(&shop, 10 * HOUR - MINUTE, HOUR).await;
    expect_each_once(&mail, &[order]);
    pass(&shop, HOUR, MINUTE).await;
    expect_each_once(&mail, &[order, first]);
    assert_eq!(told(&shop, withdrawn).await["errorCode"], "no_consent");
    assert_eq!(told(&shop, first).await["attempts"], 1, "waiting for the morning is no try");
    shop.close().await;
}

#[tokio::test]
async fn nobody_else_tries_what_is_being_tried() {
    let mail = TestCarrier::email();
    let shop = shop_with(&mail).await;
    mail.next([Act::Hang]);
    let id = queue(&shop, a_message("layla@example.com")).await;
    shop.advance(SECOND);
    mail.until_tried(1).await;
    shop.advance(2 * HOUR);
    let job =
        shop.admin().see("/api/v1/admin/jobs?kind=messages.email").await.rows()[0]["id"].as_str().expect("an id").to_owned();
    let cancel = shop.admin().post(&format!("/api/v1/admin/jobs/{job}/cancel")).json(&json!({})).send().await;
    cancel.expect_problem(409, "job_not_waiting");
    mail.release();
    pass(&shop, HOUR, MINUTE).await;
    expect_each_once(&mail, &[id]);
    shop.close().await;
}

#[tokio::test]
async fn a_message_whose_job_is_cancelled_has_failed_and_can_be_sent_after_all() {
    let mail = TestCarrier::email();
    let shop = shop_with(&mail).await;
    mail.next([Act::Answer(later())]);
    let id = queue(&shop, a_message("layla@example.com")).await;
    pass(&shop, SECOND, SECOND).await;
    let job =
        shop.admin().see("/api/v1/admin/jobs?kind=messages.email").await.rows()[0]["id"].as_str().expect("an id").to_owned();
    shop.admin().post(&format!("/api/v1/admin/jobs/{job}/cancel")).json(&json!({})).send().await.expect(200);
    assert_eq!(
        (&told(&shop, id).await["status"], &told(&shop, id).await["errorCode"]),
        (&json!("failed"), &json!("cancelled"))
    );
    pass(&shop, HOUR, MINUTE).await;
    shop.admin().post(&format!("/api/v1/notifications/{id}/retry")).json(&json!({})).send().await.expect(200);
    pass(&shop, MINUTE, SECOND).await;
    expect_each_once(&mail, &[id]);
    shop.close().await;
}

#[tokio::test]
async fn a_template_that_cannot_be_filled_fails_its_message_and_the_doctor_says_so() {
    let mail = TestCarrier::email();
    let shop = shop_with(&mail).await;
    let id = queue(
        &shop,
        NewMessage { kind: Kind::PaymentRefunded, payload: json!({ "items": 7 }), ..a_message("layla@example.com") },
    )
    .await;
    let other = queue(&shop, a_message("omar@example.com")).await;
    pass(&shop, HOUR, MINUTE).await;
    expect_each_once(&mail, &[other]);
    let known = told(&shop, id).await;
    assert_eq!((&known["status"], &known["errorCode"]), (&json!("failed"), &json!("template_fault")));
    let ailments = shop.ailments().await;
    assert!(ailments.len() == 1 && ailments[0].contains("payment_refunded (en, email)"), "{ailments:?}");
    shop.abandon().await;
}

#[tokio::test]
async fn messages_are_found_by_what_is_asked() {
    let (mail, sms) = (TestCarrier::email(), TestCarrier::sms());
    let shop =
        Shop::open_with_carriers(&[], vec![Arc::clone(&mail) as Arc<dyn Carrier>, Arc::clone(&sms) as Arc<dyn Carrier>]).await;
    mail.next_to("layla@example.com", [Act::Answer(failed(None))]);
    mail.next_to("sami@example.com", [Act::Answer(later())]);
    let first = queue(&shop, a_message("layla@example.com")).await;
    let second = queue(&shop, a_message("+962790000001")).await;
    let alert = json!({ "alert": "refund_failed", "orderNumber": "B-261125-0042", "amount": "1.000", "currency": "JOD" });
    let third = queue(&shop, NewMessage { kind: Kind::StaffAlert, payload: alert, ..a_message("sami@example.com") }).await;
    pass(&shop, SECOND, SECOND).await;
    let admin = shop.admin();
    let found = async |query: &str| {
        let list = admin.see(&format!("/api/v1/notifications{query}")).await;
        let ids: Vec<String> = list.rows().iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect();
        (ids, list["meta"]["total"].clone())
    };
    let ids = |ids: &[NotificationId]| (ids.iter().map(ToString::to_string).collect::<Vec<_>>(), json!(ids.len()));
    assert_eq!(found("").await, ids(&[third, second, first]));
    assert_eq!(found("?status=queued").await, ids(&[third]));
    assert_eq!(found("?status=failed").await, ids(&[first]));
    assert_eq!(found("?status=sent&channel=sms").await, ids(&[second]));
    assert_eq!(found("?type=message").await, ids(&[second, first]));
    assert_eq!(found("?recipient=Layla@example.com").await, ids(&[first]));
    assert_eq!(found("?recipient=%2B962790000001").await, ids(&[second]));
    assert_eq!(found("?order_id=01936000-0000-7000-8000-000000000000").await, ids(&[]));
    let page = admin.see("/api/v1/notifications?per_page=2").await;
    let cursor = page["meta"]["nextCursor"].as_str().expect("more follow").to_owned();
    assert_eq!(found(&format!("?per_page=2&cursor={cursor}")).await.0, ids(&[first]).0);
    admin.get("/api/v1/notifications?status=sending").send().await.expect_field("status");
    admin.get("/api/v1/notifications?kind=message").send().await.expect_field("kind");
    shop.close().await;
}

#[tokio::test]
async fn an_erased_person_leaves_no_trace_in_messages_and_is_not_written_to() {
    let mail = TestCarrier::email();
    let shop = shop_with(&mail).await;
    let layla = a_reader(&shop, "Layla").await;
    let to_her = || NewMessage { user: Some(layla.0), ..a_message(&layla.1) };
    let sent = queue(&shop, to_her()).await;
    pass(&shop, SECOND, SECOND).await;
    mail.go_down();
    let waiting = queue(&shop, to_her()).await;
    pass(&shop, MINUTE, SECOND).await;
    shop.admin().delete(&format!("/api/v1/users/{}", layla.0)).json(&json!({})).send().await.expect(204);
    mail.come_back();
    pass(&shop, HOUR, MINUTE).await;
    expect_each_once(&mail, &[sent]);
    for (id, status) in [(sent, "sent"), (waiting, "suppressed")] {
        let known = told(&shop, id).await;
        assert_eq!((&known["status"], &known["recipient"], &known["payload"]), (&json!(status), &Value::Null, &Value::Null));
        assert!(known.get("subject").is_none(), "{known}");
    }
    let retry = shop.admin().post(&format!("/api/v1/notifications/{waiting}/retry")).json(&json!({})).send().await;
    retry.expect_problem(409, "message_forgotten");
    shop.close().await;
}

#[tokio::test]
async fn without_a_provider_text_messages_lie_in_the_outbox_and_the_books_hold_no_secret() {
    let shop = Shop::open().await;
    let text = queue(&shop, a_message("+962790000001")).await;
    let layla = shop.customer("Layla").await;
    let forgot = json!({ "email": layla.email() });
    shop.guest().post("/api/v1/auth/password/forgot").json(&forgot).send().await.expect(202);
    pass(&shop, 2 * SECOND, SECOND).await;
    let file = shop.folder().join(format!("outbox/{text}.txt"));
    let said = std::fs::read_to_string(&file).expect("a file");
    assert!(said.starts_with("To: +962790000001\n\n") && said.contains("It can be fetched."), "{said}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).expect("a file").permissions());
    assert_eq!(mode & 0o777, 0o600);
    let token = shop.letters().await[0].token().to_owned();
    assert!(!shop.file_holds(&token), "the token of a link stands in the books");
    let list = shop.admin().see("/api/v1/notifications?type=password_reset").await;
    assert_eq!((&list.rows()[0]["status"], &list.rows()[0]["payload"]), (&json!("sent"), &json!({ "name": "Layla" })));
    assert!(!list.text.contains(&token));
    shop.close().await;
}
