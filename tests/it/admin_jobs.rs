//! Background work as admins see it and decide of it.

use std::time::Duration;

use bayader::args;
use bayader::db::{Command, WriteTx};
use bayader::features::messages::{self, Channel, Kind, NewMessage};
use bayader::kernel::{JobId, Locale, NotificationId, Result, UtcMs};
use serde_json::{Value, json};

use crate::harness::{Client, Reply, Shop};

pub const PATH: &str = "/api/v1/admin/jobs";
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Writes a row as it stands after a life of its own.
pub struct Row {
    pub kind: &'static str,
    pub key: &'static str,
    pub status: &'static str,
}

impl Command for Row {
    const NAME: &'static str = "test.job_row";
    type Output = String;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<String> {
        let (id, now) = (JobId::from_uuid(tx.new_id()), tx.now());
        tx.exec_one(
            "insert into jobs (id, kind, key, status, attempts, max_attempts, run_at, last_error, created_at, finished_at) \
             values (?1, ?2, ?3, ?4, 3, 3, ?5, 'the oven is cold', ?5, case ?4 when 'queued' then null else ?5 end)",
            args![id, self.kind, self.key, self.status, now],
        )?;
        Ok(id.to_string())
    }
}

pub async fn row(shop: &Shop, kind: &'static str, key: &'static str, status: &'static str) -> String {
    shop.db().write(Row { kind, key, status }).await.expect("written")
}

async fn act(by: &Client, job: &str, what: &str) -> Reply {
    by.post(&format!("{PATH}/{job}/{what}")).json(&json!({})).send().await
}

async fn status(by: &Client, job: &str) -> String {
    by.see(&format!("{PATH}/{job}")).await["status"].as_str().expect("a status").to_owned()
}

async fn counts_of(by: &Client, kind: &str) -> Value {
    let counts = by.see(&format!("{PATH}/counts")).await;
    counts.rows().iter().find(|row| row["kind"] == kind).cloned().unwrap_or_else(|| panic!("no {kind} in {counts:?}"))
}

#[tokio::test]
async fn jobs_are_listed_newest_first_by_status_and_kind() {
    let shop = Shop::open().await;
    let admin = shop.admin();
    let mut made = Vec::new();
    for (kind, status) in
        [("test.a", "done"), ("test.b", "dead"), ("test.a", "dead"), ("test.a", "cancelled"), ("test.b", "done")]
    {
        made.push(row(&shop, kind, "1", status).await);
    }
    let ids = async |query: &str| -> Vec<String> {
        admin.see(&format!("{PATH}?{query}")).await.column("id").into_iter().map(str::to_owned).collect()
    };
    assert_eq!(ids("kind=test.a").await, [made[3].as_str(), &made[2], &made[0]]);
    assert_eq!(ids("status=dead").await, [made[2].as_str(), &made[1]]);
    assert_eq!(ids("status=dead&kind=test.b").await, [made[1].as_str()]);
    assert_eq!(ids("status=done&kind=test.b").await, [made[4].as_str()]);
    assert!(ids("status=dead&kind=test.c").await.is_empty());
    let dead = admin.see(&format!("{PATH}?status=dead&kind=test.b")).await.rows()[0].clone();
    assert_eq!(
        (&dead["lastError"], &dead["attempts"], &dead["maxAttempts"]),
        (&json!("the oven is cold"), &json!(3), &json!(3))
    );
    assert!(dead["finishedAt"].is_string() && dead.get("key").is_none());
    // All of them, by page and by cursor alike.
    let whole = admin.see(&format!("{PATH}?per_page=100")).await;
    let walked = admin.walk(&format!("{PATH}?per_page=3")).await;
    assert_eq!(whole["meta"]["total"], walked.len());
    let all: Vec<Value> = walked.iter().map(|job| job["id"].clone()).collect();
    assert_eq!(whole.rows().iter().map(|job| job["id"].clone()).collect::<Vec<_>>(), all);
    for faulty in ["status=asleep", "page=1&cursor=x", "colour=red", "kind="] {
        admin.get(&format!("{PATH}?{faulty}")).send().await.expect_problem(422, "validation_failed");
    }
    admin.get(&format!("{PATH}/01936000-0000-7000-8000-000000000000")).send().await.expect_problem(404, "not_found");
    shop.abandon().await;
}

#[tokio::test]
async fn counts_say_what_is_late_and_why() {
    let shop = Shop::open().await;
    let admin = shop.admin();
    let upkeep = counts_of(&admin, "upkeep").await;
    assert_eq!((&upkeep["recurs"], &upkeep["dead"]), (&json!(true), &json!(0)));
    row(&shop, "test.old", "1", "dead").await;
    row(&shop, "test.old", "2", "dead").await;
    row(&shop, "test.old", "3", "done").await;
    let waiting = row(&shop, "test.old", "4", "queued").await;
    let due = admin.see(&format!("{PATH}/{waiting}")).await["runAt"].clone();
    shop.advance(DAY);
    let old = counts_of(&admin, "test.old").await;
    assert_eq!(
        old,
        json!({ "kind": "test.old", "recurs": false, "queued": 1, "running": 0, "dead": 2, "late": 1, "firstDueAt": due,
            "lastError": "the oven is cold" })
    );
    shop.abandon().await;
}

#[tokio::test]
async fn a_dead_job_is_tried_again_and_what_is_not_dead_is_not() {
    let shop = Shop::open().await;
    let admin = shop.admin();
    // The next look at the carts waits; the run that died takes its place.
    shop.run_jobs().await;
    let next = admin.see(&format!("{PATH}?kind=cart.remove_ended&status=queued")).await.rows()[0]["id"].clone();
    let dead = row(&shop, "cart.remove_ended", "recurring", "dead").await;
    assert!(!shop.ailments().await.is_empty());
    let again = act(&admin, &dead, "retry").await.expect(200);
    assert_eq!((&again["status"], &again["attempts"], again.body.get("finishedAt")), (&json!("queued"), &json!(0), None));
    assert_eq!(status(&admin, next.as_str().expect("an id")).await, "cancelled");
    act(&admin, &dead, "retry").await.expect_problem(409, "job_not_dead");
    shop.advance(Duration::from_secs(2));
    shop.run_jobs().await;
    assert_eq!(status(&admin, &dead).await, "done");
    assert_eq!(
        admin.see(&format!("{PATH}?kind=cart.remove_ended&status=queued")).await.rows().len(),
        1,
        "the schedule goes on"
    );
    act(&admin, &dead, "retry").await.expect_problem(409, "job_not_dead");
    let seen = admin.see("/api/v1/admin/audit?action=job.retry").await;
    assert_eq!(seen.rows().len(), 1);
    assert_eq!(seen.rows()[0]["after"], json!({ "kind": "cart.remove_ended", "status": "queued" }));
    shop.close().await;
}

#[tokio::test]
async fn a_retry_with_a_key_happens_once() {
    let shop = Shop::open().await;
    let admin = shop.admin();
    let dead = row(&shop, "catalog.index_category", "00", "dead").await;
    let request = || admin.post(&format!("{PATH}/{dead}/retry")).json(&json!({})).key("retry-with-this-key").send();
    let first = request().await.expect(200);
    let second = request().await.expect(200);
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!(first.body, second.body);
    shop.abandon().await;
}

#[tokio::test]
async fn work_that_waits_as_another_job_is_not_doubled() {
    let shop = Shop::open().await;
    let admin = shop.admin();
    let dead = row(&shop, "payments.end_attempt", "1", "dead").await;
    row(&shop, "payments.end_attempt", "1", "queued").await;
    act(&admin, &dead, "retry").await.expect_problem(409, "job_open_already");
    assert_eq!(status(&admin, &dead).await, "dead");
    let unknown = row(&shop, "test.unknown", "1", "dead").await;
    act(&admin, &unknown, "retry").await.expect_problem(409, "job_not_retryable");
    shop.abandon().await;
}

struct QueueMessage(UtcMs);

impl Command for QueueMessage {
    const NAME: &'static str = "test.queue_message";
    type Output = NotificationId;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<NotificationId> {
        let payload = json!({ "subject": "Your cake", "text": "It can be fetched.", "name": "Layla" });
        let message = NewMessage {
            kind: Kind::Message,
            channel: Channel::Email,
            to: "layla@example.com".to_owned(),
            locale: Locale::En,
            payload,
            order: None,
            user: None,
            at: self.0,
        };
        messages::queue(tx, &message)
    }
}

#[tokio::test]
async fn a_message_whose_job_is_ended_has_failed_and_what_comes_again_is_never_ended() {
    let shop = Shop::open().await;
    let admin = shop.admin();
    let later = shop.clock.now().plus_ms(3_600_000);
    shop.db().write(QueueMessage(later)).await.expect("queued");
    let job = admin.see(&format!("{PATH}?kind=messages.email")).await.rows()[0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(act(&admin, &job, "cancel").await.expect(200)["status"], "cancelled");
    assert_eq!(shop.count("select count(*) from notifications where status = 'failed' and error_code = 'cancelled'").await, 1);
    act(&admin, &job, "cancel").await.expect_problem(409, "job_not_waiting");
    for kind in ["upkeep", "notifications.daily_summary"] {
        let run =
            admin.see(&format!("{PATH}?kind={kind}&status=queued")).await.rows()[0]["id"].as_str().expect("an id").to_owned();
        act(&admin, &run, "cancel").await.expect_problem(409, "job_not_cancellable");
    }
    shop.advance(2 * Duration::from_secs(3_600));
    assert!(shop.letters().await.is_empty(), "what was ended does not leave");
    let audit = admin.see("/api/v1/admin/audit?action=job.cancel").await;
    assert_eq!(audit.rows()[0]["before"], json!({ "kind": "messages.email", "status": "queued" }));
    shop.close().await;
}

#[tokio::test]
async fn work_whose_cause_still_is_is_not_ended_whatever_its_status() {
    let shop = Shop::open().await;
    let admin = shop.admin();
    for state in ["queued", "dead"] {
        let job = row(&shop, "notifications.order", "somebody's", state).await;
        act(&admin, &job, "cancel").await.expect_problem(409, "job_not_cancellable");
        assert_eq!(status(&admin, &job).await, state);
    }
    let unknown = row(&shop, "of.another.version", "1", "queued").await;
    act(&admin, &unknown, "cancel").await.expect_problem(409, "job_not_cancellable");
    assert_eq!(shop.count("select count(*) from audit_log where action = 'job.cancel'").await, 0);
    shop.abandon().await;
}

#[tokio::test]
async fn doctor_names_a_dead_job_and_why_it_died_and_nobody() {
    let shop = Shop::open().await;
    row(&shop, "messages.email", "layla@example.com", "dead").await;
    let ailments = shop.ailments().await.join("\n");
    assert!(ailments.contains("messages.email") && ailments.contains("the oven is cold"), "{ailments}");
    assert!(!ailments.contains("layla"), "{ailments}");
    shop.abandon().await;
}
