//! A shop that was restored sells at once and never repeats the past: nobody is told twice, no money moves twice, no number comes twice.

use std::sync::Arc;
use std::time::Duration;

use bayader::features::messages::Carrier;
use bayader::features::messages::{Kind, NewMessage};
use bayader::features::payments::Gateway;
use bayader::kernel::{RefundStatus, UserId};
use serde_json::{Value, json};

use crate::harness::test_carrier::{Knows, TestCarrier};
use crate::harness::test_gateway::{Act, Message, Op, TESTPAY, TestGateway};
use crate::harness::{OWNER, Order, PASSWORD, Product, Shop};
use crate::messages::{a_message, queue};

const RESTORED: &str = "/api/v1/admin/restored";
const HOUR: u64 = 3_600;

/// A shop with what outlives it: who takes its messages and its money.
struct Outside {
    gateway: Arc<TestGateway>,
    mail: Arc<TestCarrier>,
    sms: Arc<TestCarrier>,
}

impl Outside {
    fn new() -> Outside {
        Outside::with(TestGateway::new())
    }

    fn with(gateway: TestGateway) -> Outside {
        let mail = TestCarrier::email();
        mail.knows(Knows::All);
        Outside { gateway: gateway.shared(), mail, sms: TestCarrier::sms() }
    }

    fn gateways(&self) -> Vec<Arc<dyn Gateway>> {
        vec![Arc::clone(&self.gateway) as _]
    }

    fn carriers(&self) -> Vec<Arc<dyn Carrier>> {
        vec![Arc::clone(&self.mail) as _, Arc::clone(&self.sms) as _]
    }

    async fn shop(&self) -> Shop {
        let shop = Shop::open_with_outside(self.gateways(), self.carriers()).await;
        self.gateway.use_clock(&shop.clock);
        shop
    }

    async fn restored(&self, shop: &Shop, backup: &crate::harness::Backup) -> Shop {
        shop.restored_from(backup, &self.gateways(), &self.carriers()).await
    }

    /// How many messages were taken, by both.
    fn taken(&self) -> usize {
        self.mail.taken().len() + self.sms.taken().len()
    }
}

async fn order(shop: &Shop, product: &Product, method: &str) -> Order {
    shop.guest().order().line(product, 1).pickup().field("paymentMethod", method).place().await
}

async fn release(shop: &Shop, body: Value) -> Value {
    shop.owner().post(&format!("{RESTORED}/release")).json(&body).send().await.expect(200).body
}

fn held(standing: &Value) -> [i64; 5] {
    ["messages", "promotions", "orderNews", "alerts", "campaigns"].map(|name| standing["held"][name].as_i64().expect("a count"))
}

#[tokio::test]
async fn a_shop_that_was_never_restored_has_nothing_that_waits() {
    let shop = Shop::open().await;
    let standing = shop.owner().see(RESTORED).await.body;
    assert_eq!((held(&standing), &standing["restoredAt"], &standing["backupOf"]), ([0; 5], &Value::Null, &Value::Null));
    let body = json!({ "messages": "send" });
    shop.owner().post(&format!("{RESTORED}/release")).json(&body).send().await.expect_problem(409, "nothing_waits");
    for (body, field) in [(json!({}), "messages"), (json!({ "messages": "keep" }), "messages")] {
        shop.owner().post(&format!("{RESTORED}/release")).json(&body).send().await.expect_field(field);
    }
    shop.close().await;
}

#[tokio::test]
async fn nobody_is_signed_in_and_no_link_to_a_password_counts() {
    let outside = Outside::new();
    let shop = outside.shop().await;
    let layla = shop.customer("Layla").await;
    let session = layla.session().await;
    shop.guest().post("/api/v1/auth/password/forgot").json(&json!({ "email": layla.email() })).send().await.expect(202);
    shop.pass(1).await;
    let letter = outside.mail.taken().pop().expect("a letter with a link");
    let token = letter.text.split_once("#token=").expect("a token").1.split_whitespace().next().expect("it").to_owned();
    let backup = shop.back_up();
    let again = outside.restored(&shop, &backup).await;
    layla.at(&again.wire).get("/api/v1/auth/me").send().await.expect(401);
    let refresh = json!({ "refreshToken": session.refresh });
    again.guest().post("/api/v1/auth/refresh").json(&refresh).send().await.expect(401);
    let reset = json!({ "token": token, "password": "another-long-password" });
    let refused = again.guest().post("/api/v1/auth/password/reset").json(&reset).send().await;
    assert!((400..500).contains(&refused.status), "{refused:?}");
    assert_eq!(again.count("select count(*) from sessions where ended_at is null").await, 1, "the owner's, who came since");
    again.guest().log_in(layla.email(), PASSWORD).send().await.expect(200);
    shop.abandon().await;
    again.close().await;
}

#[tokio::test]
async fn what_waited_is_sent_on_the_owners_word_and_nothing_that_left_before_leaves_again() {
    let outside = Outside::new();
    let shop = outside.shop().await;
    let left = queue(&shop, a_message("layla@example.com")).await;
    let backup = shop.back_up();
    shop.pass(1).await;
    assert_eq!(outside.taken(), 1, "the shop of before has sent it after its backup");
    // Another backup of the same moment would have it, too; this one is queued by nobody but the restored shop's past.
    let again = outside.restored(&shop, &backup).await;
    shop.abandon().await;
    again.pass(2 * HOUR).await;
    assert_eq!(outside.taken(), 1, "it waits");
    let standing = again.owner().see(RESTORED).await.body;
    assert_eq!(held(&standing), [1, 0, 0, 0, 0]);
    assert_eq!(standing["backup"], "bayader-20261125-110000.tar.zst");
    // What is new does not wait.
    queue(&again, a_message("omar@example.com")).await;
    again.pass(1).await;
    assert_eq!(outside.taken(), 2);
    let standing = release(&again, json!({ "messages": "send" })).await;
    assert_eq!((held(&standing), &standing["answer"]), ([0; 5], &json!({ "messages": "send", "promotions": "drop" })));
    again.pass(1).await;
    let to: Vec<String> = outside.mail.taken().into_iter().map(|taken| taken.to).collect();
    assert_eq!(
        (to, outside.mail.asked()),
        (["layla", "omar"].map(|name| format!("{name}@example.com")).to_vec(), 1),
        "it was asked, and had it"
    );
    let row = again.owner().see("/api/v1/notifications?recipient=layla@example.com").await.rows()[0].clone();
    assert_eq!((&row["id"], &row["status"]), (&json!(left.to_string()), &json!("sent")));
    again.close().await;
}

#[tokio::test]
async fn what_never_left_leaves_once_on_the_owners_word() {
    let outside = Outside::new();
    let shop = outside.shop().await;
    queue(&shop, a_message("layla@example.com")).await;
    queue(&shop, a_message("+962790000001")).await;
    let backup = shop.back_up();
    let again = outside.restored(&shop, &backup).await;
    shop.abandon().await;
    again.pass(HOUR).await;
    assert_eq!(outside.taken(), 0);
    // Its carrier cannot tell whether it has it: the owner's word is enough.
    release(&again, json!({ "messages": "send" })).await;
    again.pass(HOUR).await;
    assert_eq!((outside.mail.taken().len(), outside.sms.taken().len()), (1, 1));
    assert_eq!(again.count("select count(*) from notifications where status = 'sent'").await, 2);
    again.close().await;
}

#[tokio::test]
async fn what_is_dropped_never_leaves_and_says_why() {
    let outside = Outside::new();
    let shop = outside.shop().await;
    let (user, email) = crate::messages::a_reader(&shop, "Layla").await;
    queue(&shop, a_message("omar@example.com")).await;
    queue(&shop, NewMessage { kind: Kind::Promotion, user: Some(user), ..a_message(&email) }).await;
    let backup = shop.back_up();
    let again = outside.restored(&shop, &backup).await;
    shop.abandon().await;
    assert_eq!(held(&again.owner().see(RESTORED).await.body), [1, 1, 0, 0, 0]);
    let doctor = again.db().read(bayader::features::restored::line_for_doctor).await.expect("read").expect("it waits");
    assert!(doctor.contains("1 messages, 1 promotions"), "{doctor}");
    release(&again, json!({ "messages": "drop" })).await;
    again.pass(24 * HOUR).await;
    let promised = outside.mail.taken().iter().filter(|taken| taken.to == email || taken.to == "omar@example.com").count();
    assert_eq!(promised, 0);
    let rows = again.owner().see("/api/v1/notifications?status=suppressed").await;
    assert_eq!(rows.column("errorCode"), ["not_repeated", "not_repeated"]);
    assert_eq!(again.db().read(bayader::features::restored::line_for_doctor).await.expect("read"), None);
    let audit = again.owner().see("/api/v1/admin/audit").await;
    assert!(audit.column("action").contains(&"shop.restore_answer"), "{audit:?}");
    again.close().await;
}

/// The program itself ends the hold of an order from before: the shop of before has done so and told of it. What people of the shop do now
/// is told at once.
#[tokio::test]
async fn what_the_program_does_again_is_not_told_again_and_what_staff_do_is() {
    let outside = Outside::new();
    let shop = outside.shop().await;
    let bread = shop.product("Bread").price("1.000").stock(10).create().await;
    let ended = order(&shop, &bread, TESTPAY).await;
    let open = order(&shop, &bread, "cash").await;
    shop.pass(60).await;
    let backup = shop.back_up();
    let before = outside.taken();
    shop.pass(HOUR).await;
    assert_eq!(shop.owner().order_of(&ended).await["status"], "Cancelled");
    let told = outside.taken();
    assert!(told > before, "the shop of before has told of it");
    let again = outside.restored(&shop, &backup).await;
    shop.abandon().await;
    again.pass(60).await;
    assert_eq!(again.owner().order_of(&ended).await["status"], "Cancelled", "the hold is over here, too");
    assert_eq!(outside.taken(), told, "and nobody hears of it twice");
    assert_eq!(held(&again.owner().see(RESTORED).await.body)[2], 2, "that it was placed, and that it ended");
    again.staff().await.move_order(&open, "Confirmed").await.expect(200);
    again.pass(60).await;
    assert!(outside.taken() > told, "what staff do now is news");
    let now = outside.taken();
    release(&again, json!({ "messages": "drop" })).await;
    again.pass(HOUR).await;
    assert_eq!(outside.taken(), now);
    again.close().await;
}

async fn paid(shop: &Shop, outside: &Outside, product: &Product) -> (Order, String) {
    let order = order(shop, product, TESTPAY).await;
    let payment = shop.begin_to_pay(&order).await;
    outside.gateway.pay(&payment);
    shop.ask(&payment).await;
    (order, payment)
}

async fn give_back(shop: &Shop, payment: &str) {
    let path = format!("/api/v1/payments/{payment}/refund");
    shop.owner().post(&path).json(&json!({ "reason": "burnt" })).send().await.expect(201);
}

async fn refund_of(shop: &Shop, payment: &str) -> Value {
    shop.owner().see(&format!("/api/v1/payments/{payment}")).await.body["refunds"][0].clone()
}

#[tokio::test]
async fn a_refund_that_the_shop_of_before_has_sent_is_found_and_not_sent_again() {
    for gateway in [TestGateway::new(), TestGateway::new().without_keys(), TestGateway::new().refunding_later()] {
        let outside = Outside::with(gateway);
        let shop = outside.shop().await;
        let bread = shop.product("Bread").price("1.000").stock(10).create().await;
        let (_, payment) = paid(&shop, &outside, &bread).await;
        give_back(&shop, &payment).await;
        // The backup knows of a refund that nobody has sent.
        let backup = shop.back_up();
        assert_eq!(outside.gateway.asked(Op::Refund), 0);
        shop.pass(1).await;
        assert_eq!(outside.gateway.asked(Op::Refund), 1);
        let again = outside.restored(&shop, &backup).await;
        shop.abandon().await;
        again.pass(24 * HOUR).await;
        assert_eq!(outside.gateway.asked(Op::Refund), 1, "it was asked for, and found");
        assert_eq!(outside.gateway.refunds().len(), 1);
        for refund in outside.gateway.refunds().iter().filter(|refund| refund.status == RefundStatus::Pending) {
            outside.gateway.finish_refund(&refund.object, RefundStatus::Succeeded);
        }
        again.pass(24 * HOUR).await;
        assert_eq!(refund_of(&again, &payment).await["status"], "succeeded");
        assert_eq!(outside.gateway.held_minor(), 0);
        again.close().await;
    }
}

#[tokio::test]
async fn a_refund_that_nobody_has_sent_is_sent_once_after_it_was_looked_for() {
    for gateway in [TestGateway::new(), TestGateway::new().without_keys()] {
        let outside = Outside::with(gateway);
        let shop = outside.shop().await;
        let bread = shop.product("Bread").price("1.000").stock(10).create().await;
        let (_, payment) = paid(&shop, &outside, &bread).await;
        give_back(&shop, &payment).await;
        let backup = shop.back_up();
        let again = outside.restored(&shop, &backup).await;
        shop.abandon().await;
        again.pass(1).await;
        again.pass(HOUR).await;
        again.pass(HOUR).await;
        assert!(outside.gateway.asked(Op::AskRefund) > 0, "first it is asked");
        assert_eq!((outside.gateway.asked(Op::Refund), outside.gateway.refunds().len()), (1, 1));
        assert_eq!(refund_of(&again, &payment).await["status"], "succeeded");
        again.close().await;
    }
}

#[tokio::test]
async fn what_was_paid_after_the_backup_is_booked_and_not_begun_again() {
    let outside = Outside::new();
    let shop = outside.shop().await;
    let bread = shop.product("Bread").price("1.000").stock(10).create().await;
    let placed = order(&shop, &bread, TESTPAY).await;
    let payment = shop.begin_to_pay(&placed).await;
    let backup = shop.back_up();
    outside.gateway.pay(&payment);
    shop.ask(&payment).await;
    let starts = outside.gateway.asked(Op::Start);
    let again = outside.restored(&shop, &backup).await;
    shop.abandon().await;
    again.pass(1).await;
    let seen = again.owner().order_of(&placed).await;
    assert_eq!((&seen["status"], &seen["paymentStatus"]), (&json!("Confirmed"), &json!("Paid")));
    again.pass(HOUR).await;
    assert_eq!((outside.gateway.asked(Op::Start), outside.gateway.held_minor()), (starts, 1_000));
    again.close().await;
}

#[tokio::test]
async fn an_attempt_whose_beginning_nobody_has_answered_is_looked_for_before_it_is_sent_again() {
    let outside = Outside::new();
    let shop = outside.shop().await;
    let bread = shop.product("Bread").price("1.000").stock(10).create().await;
    let placed = order(&shop, &bread, TESTPAY).await;
    outside.gateway.next(Op::Start, [Act::UnclearAfter]);
    let body = json!({ "orderId": placed.id, "paymentMethod": TESTPAY });
    let checkout =
        |shop: &Shop| shop.guest().post("/api/v1/payments/checkout").json(&body).header("x-order-token", placed.token());
    checkout(&shop).send().await.expect(503);
    let backup = shop.back_up();
    let again = outside.restored(&shop, &backup).await;
    shop.abandon().await;
    checkout(&again).send().await.expect(200);
    assert_eq!((outside.gateway.asked(Op::Start), outside.gateway.sales().len()), (1, 1));
    again.pass(1).await;
    again.close().await;
}

#[tokio::test]
async fn a_gateways_message_that_nobody_had_read_is_read() {
    let outside = Outside::new();
    let shop = outside.shop().await;
    let bread = shop.product("Bread").price("1.000").stock(10).create().await;
    let placed = order(&shop, &bread, TESTPAY).await;
    let payment = shop.begin_to_pay(&placed).await;
    outside.gateway.pay(&payment);
    let message = outside.gateway.message("sale.paid", &payment);
    let path = format!("/api/v1/payments/webhook/{TESTPAY}");
    let request = shop.guest().post(&path).bytes("application/json", message.body.clone());
    request.header(Message::header(), &message.signature).send().await.expect(200);
    let backup = shop.back_up();
    let again = outside.restored(&shop, &backup).await;
    shop.abandon().await;
    again.pass(1).await;
    assert_eq!(again.count("select count(*) from webhook_inbox where outcome is not null").await, 1);
    assert_eq!(again.owner().order_of(&placed).await["paymentStatus"], "Paid");
    again.close().await;
}

#[tokio::test]
async fn what_the_gateway_took_since_and_nobody_knows_is_listed() {
    for days in [0, 1, 3] {
        let outside = Outside::new();
        let shop = outside.shop().await;
        let bread = shop.product("Bread").price("1.000").stock(10).create().await;
        // Nobody has paid through it before the backup.
        let backup = shop.back_up();
        shop.pass(60).await;
        let (_, payment) = paid(&shop, &outside, &bread).await;
        let object = outside.gateway.sale(&payment).captures[0].object.clone();
        shop.advance(Duration::from_secs(days * 24 * HOUR));
        let again = outside.restored(&shop, &backup).await;
        shop.abandon().await;
        again.pass(1).await;
        let differences = again.owner().see("/api/v1/payments/differences?open=true").await;
        assert_eq!(
            (differences.column("gatewayId"), differences.column("what")),
            (vec![&*object], vec!["missing_here"]),
            "{days}"
        );
        let standing = again.owner().see(RESTORED).await.body;
        assert_eq!(
            standing["payments"],
            json!({ "booksToRead": [], "unknownOutcome": 0, "differences": 1, "unknownMoney": 0 })
        );
        // The day is compared again when it is over; what is listed stays one line.
        again.pass(30 * HOUR).await;
        again.pass(2 * HOUR).await;
        assert_eq!(again.owner().see("/api/v1/payments/differences?open=true").await.rows().len(), 1);
        again.close().await;
    }
}

#[tokio::test]
async fn books_that_could_not_be_read_are_read_later() {
    let outside = Outside::new();
    let shop = outside.shop().await;
    let bread = shop.product("Bread").price("1.000").stock(10).create().await;
    let backup = shop.back_up();
    shop.pass(60).await;
    paid(&shop, &outside, &bread).await;
    outside.gateway.next(Op::Books, [Act::NotSent]);
    let again = outside.restored(&shop, &backup).await;
    shop.abandon().await;
    again.pass(1).await;
    let standing = again.owner().see(RESTORED).await.body;
    assert_eq!((&standing["payments"]["booksToRead"], &standing["payments"]["differences"]), (&json!([TESTPAY]), &json!(0)));
    again.pass(2 * HOUR).await;
    let standing = again.owner().see(RESTORED).await.body;
    assert_eq!((&standing["payments"]["booksToRead"], &standing["payments"]["differences"]), (&json!([]), &json!(1)));
    again.close().await;
}

fn counter(order: &Value) -> i64 {
    let number = order["orderNumber"].as_str().expect("a number");
    number.rsplit_once('-').expect("a counter").1.parse().expect("a number")
}

#[tokio::test]
async fn the_days_numbers_go_on_five_hundred_higher_than_the_backup_knows() {
    let outside = Outside::new();
    let shop = outside.shop().await;
    let bread = shop.product("Bread").price("1.000").stock(50).create().await;
    for _ in 0..3 {
        order(&shop, &bread, "cash").await;
    }
    let backup = shop.back_up();
    let lost = order(&shop, &bread, "cash").await;
    let again = outside.restored(&shop, &backup).await;
    let first = order(&again, &bread, "cash").await;
    let [lost, first] =
        [(&shop, lost), (&again, first)].map(|(shop, order)| async move { counter(&shop.owner().order_of(&order).await) });
    assert_eq!((lost.await, first.await), (4, 504));
    let second = order(&again, &bread, "cash").await;
    assert_eq!(counter(&again.owner().order_of(&second).await), 505);
    // The day after, nothing is left out: the shop of before has sold nothing on it.
    again.pass(24 * HOUR).await;
    let next = order(&again, &bread, "cash").await;
    assert_eq!(counter(&again.owner().order_of(&next).await), 1);
    shop.abandon().await;
    again.close().await;
}

#[tokio::test]
async fn a_backup_of_yesterday_does_not_give_todays_numbers_again() {
    let outside = Outside::new();
    let shop = outside.shop().await;
    let bread = shop.product("Bread").price("1.000").stock(900).create().await;
    order(&shop, &bread, "cash").await;
    let backup = shop.back_up();
    shop.pass(24 * HOUR).await;
    let lost = order(&shop, &bread, "cash").await;
    assert_eq!(counter(&shop.owner().order_of(&lost).await), 1);
    let again = outside.restored(&shop, &backup).await;
    let first = order(&again, &bread, "cash").await;
    assert_eq!(counter(&again.owner().order_of(&first).await), 501);
    // Restored once more from the same backup, onto the machine that has sold meanwhile: its books say how far it came.
    let third = outside.restored(&again, &backup).await;
    let next = order(&third, &bread, "cash").await;
    assert_eq!(counter(&third.owner().order_of(&next).await), 502);
    shop.abandon().await;
    again.abandon().await;
    third.close().await;
}

#[tokio::test]
async fn numbers_that_one_restore_has_left_out_are_left_out_by_the_next() {
    let outside = Outside::new();
    let shop = outside.shop().await;
    let bread = shop.product("Bread").price("1.000").stock(900).create().await;
    let backup = shop.back_up();
    let first = outside.restored(&shop, &backup).await;
    let sold = order(&first, &bread, "cash").await;
    assert_eq!(counter(&first.owner().order_of(&sold).await), 501);
    // Restored twice, as somebody does who has chosen the wrong moment: the shop between has sold nothing.
    let second = outside.restored(&first, &backup).await;
    let third = outside.restored(&second, &backup).await;
    let next = order(&third, &bread, "cash").await;
    assert_eq!(counter(&third.owner().order_of(&next).await), 502);
    first.abandon().await;
    second.abandon().await;
    shop.abandon().await;
    third.close().await;
}

#[tokio::test]
async fn an_answer_kept_for_a_key_is_dropped() {
    let outside = Outside::new();
    let shop = outside.shop().await;
    let bread = shop.product("Bread").price("1.000").stock(10).create().await;
    let guest = shop.guest();
    let layla = json!({ "name": "Layla", "phone": "+962790000007" });
    let place = |shop: &Shop| {
        let order = guest.at(&shop.wire).order().line(&bread, 1).pickup().field("customerInfo", layla.clone());
        order.key("order-of-layla-0001")
    };
    let first = place(&shop).send().await.expect(201);
    let backup = shop.back_up();
    let again = outside.restored(&shop, &backup).await;
    let other = place(&again).send().await.expect(201);
    assert_ne!(first["orderId"], other["orderId"]);
    assert_eq!(other.header("idempotency-replayed"), None);
    let replayed = place(&again).send().await.expect(201);
    assert_eq!((&replayed["orderId"], replayed.header("idempotency-replayed")), (&other["orderId"], Some("true")));
    shop.abandon().await;
    again.close().await;
}

#[tokio::test]
async fn who_was_erased_since_is_erased_again_also_from_orders_that_were_open() {
    let outside = Outside::new();
    let shop = outside.shop().await;
    let bread = shop.product("Bread").price("1.000").stock(10).create().await;
    let layla = shop.customer("Layla").await;
    let me = layla.see("/api/v1/auth/me").await;
    let id = me.body.get("user").unwrap_or(&me.body)["id"].as_str().expect("an id").to_owned();
    let placed = layla.order().line(&bread, 1).pickup().field("notes", "for Layla's birthday").place().await;
    let backup = shop.back_up();
    shop.owner().post(&format!("{}/cancel", placed.path())).json(&json!({})).send().await.expect(200);
    assert!(!shop.folder().join("erased.log").exists());
    shop.owner().delete(&format!("/api/v1/users/{id}")).json(&json!({})).send().await.expect(204);
    let log = std::fs::read_to_string(shop.folder().join("erased.log")).expect("it was written before the answer");
    assert_eq!(log.trim(), id);
    let again = outside.restored(&shop, &backup).await;
    let user = UserId::parse(&id).expect("an id");
    assert_eq!(again.count("select count(*) from users where erased_at is not null").await, 1, "{user}");
    let seen = again.owner().order_of(&placed).await;
    assert_eq!((&seen["status"], &seen["notes"]), (&json!("Pending"), &Value::Null), "it is open in this shop's books");
    assert!(!seen["customer"].to_string().contains("Layla"), "{seen}");
    again.guest().log_in("layla@example.com", PASSWORD).send().await.expect(401);
    again.pass(HOUR).await;
    assert!(
        !outside.mail.taken().iter().any(|taken| taken.to == "layla@example.com" && taken.kind == Kind::OrderPlaced),
        "it waited"
    );
    let log = std::fs::read_to_string(again.folder().join("erased.log")).expect("it goes on");
    assert_eq!(log.trim(), id);
    shop.abandon().await;
    again.close().await;
}

#[tokio::test]
async fn an_erasure_that_died_before_its_line_was_written_gets_it_at_the_next_start() {
    let shop = Shop::open().await;
    let layla = shop.customer("Layla").await;
    let me = layla.see("/api/v1/auth/me").await;
    let id = me.body.get("user").unwrap_or(&me.body)["id"].as_str().expect("an id").to_owned();
    shop.owner().delete(&format!("/api/v1/users/{id}")).json(&json!({})).send().await.expect(204);
    let again = shop.as_after_a_crash(&[], Vec::new()).await;
    let log = std::fs::read_to_string(again.folder().join("erased.log")).expect("it was made whole");
    assert_eq!(log.trim(), id);
    shop.close().await;
    again.close().await;
}

#[tokio::test]
async fn the_audit_log_says_when_and_from_what_and_its_chain_goes_on() {
    let outside = Outside::new();
    let shop = outside.shop().await;
    let backup = shop.back_up();
    let again = outside.restored(&shop, &backup).await;
    let rows = again.owner().see("/api/v1/admin/audit?action=shop.restore").await;
    let row = &rows.rows()[0];
    assert_eq!((&row["actor"]["role"], &row["after"]["backup"]), (&json!("system"), &json!("bayader-20261125-110000.tar.zst")));
    let report = again.db().read(bayader::features::audit::verify).await.expect("the chain is read");
    assert_eq!(report.broken, None);
    shop.abandon().await;
    again.close().await;
}

#[tokio::test]
async fn what_comes_again_by_itself_begins_anew_and_tells_nothing_of_the_days_between() {
    let outside = Outside::new();
    let shop = outside.shop().await;
    let body = json!({ "messages": { "dailySummaryAt": "21:00" } });
    let settings = shop.owner().see("/api/v1/admin/settings").await.body;
    let mut settings = settings.as_object().expect("an object").clone();
    settings.remove("fixed");
    settings.insert("messages".to_owned(), body["messages"].clone());
    shop.owner().put("/api/v1/admin/settings").json(&Value::Object(settings)).send().await.expect(200);
    shop.product("Labneh").stock(3).threshold(5).create().await;
    let backup = shop.back_up();
    shop.advance(Duration::from_secs(50 * HOUR));
    let again = outside.restored(&shop, &backup).await;
    shop.abandon().await;
    again.pass(120).await;
    assert_eq!(again.kinds_said().await, Vec::<String>::new(), "neither summaries of the past nor what was low then");
    let open = "select count(*) from jobs where key = 'recurring' and status in ('queued', 'running')";
    let kinds = "select count(distinct kind) from jobs where key = 'recurring' and status in ('queued', 'running')";
    assert_eq!(again.count(open).await, again.count(kinds).await);
    again.pass(12 * HOUR).await;
    assert_eq!(again.kinds_said().await, ["daily_summary email"], "the next evening is told of, once");
    again.close().await;
}

#[tokio::test]
async fn a_promotion_to_all_does_not_go_on_by_itself() {
    let outside = Outside::new();
    let shop = outside.shop().await;
    crate::messages::a_reader(&shop, "Layla").await;
    crate::messages::a_reader(&shop, "Omar").await;
    let body = json!({
        "type": "promotion", "channel": "email", "to": { "all": true }, "subject": "Bread", "text": "Fresh.",
    });
    let started = shop.owner().post("/api/v1/notifications/send").json(&body).send().await;
    assert!((200..300).contains(&started.status), "{started:?}");
    let backup = shop.back_up();
    let again = outside.restored(&shop, &backup).await;
    let third = outside.restored(&shop, &backup).await;
    shop.abandon().await;
    again.pass(2 * HOUR).await;
    assert_eq!((outside.taken(), held(&again.owner().see(RESTORED).await.body)), (0, [0, 0, 0, 0, 1]));
    release(&again, json!({ "messages": "send" })).await;
    again.pass(2 * HOUR).await;
    assert_eq!(outside.taken(), 0, "promotions are dropped unless the owner says otherwise");
    assert_eq!(again.count("select count(*) from campaigns where ended_at is null").await, 0);
    again.close().await;
    release(&third, json!({ "messages": "drop", "promotions": "send" })).await;
    third.pass(1).await;
    third.pass(60).await;
    assert_eq!(outside.taken(), 2);
    third.close().await;
}

#[tokio::test]
async fn a_link_that_is_asked_for_again_does_not_wait_and_one_that_nobody_waits_for_is_left_out() {
    let outside = Outside::new();
    let shop = outside.shop().await;
    let (layla, omar) = (shop.customer("Layla").await, shop.customer("Omar").await);
    let forgot = async |shop: &Shop, email: &str| {
        shop.guest().post("/api/v1/auth/password/forgot").json(&json!({ "email": email })).send().await.expect(202);
    };
    forgot(&shop, layla.email()).await;
    forgot(&shop, omar.email()).await;
    let backup = shop.back_up();
    let again = outside.restored(&shop, &backup).await;
    shop.abandon().await;
    again.pass(60).await;
    assert_eq!(outside.taken(), 0);
    forgot(&again, layla.email()).await;
    again.pass(1).await;
    let letters = outside.mail.taken();
    assert_eq!(letters.iter().map(|letter| letter.to.as_str()).collect::<Vec<_>>(), [layla.email()]);
    again.pass(HOUR).await;
    release(&again, json!({ "messages": "send" })).await;
    again.pass(1).await;
    assert_eq!(outside.taken(), 1, "half an hour is long gone");
    assert_ne!(OWNER, omar.email());
    again.close().await;
}
