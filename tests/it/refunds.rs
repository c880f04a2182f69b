//! Money given back: by amount, by line, by a gateway that is slow or unsure, and by others; never more than was taken.

use std::sync::Arc;
use std::time::Duration;

use bayader::features::payments::gateway::{RefundTold, Report, Total};
use bayader::kernel::{Currency, Money, RefundId, RefundStatus};
use serde_json::{Value, json};

use crate::harness::test_gateway::{Act, Op, TESTPAY, TestGateway};
use crate::harness::{Client, Order, Product, Reply, Shop};

const MINUTE: Duration = Duration::from_secs(60);

/// A payment of an order, as staff see it.
async fn payment_of(shop: &Shop, order: &Order) -> Value {
    let list = shop.admin().see(&format!("/api/v1/payments?order_id={}", order.id)).await;
    list.rows().first().expect("a payment").clone()
}

async fn payment(shop: &Shop, id: &str) -> Value {
    shop.admin().see(&format!("/api/v1/payments/{id}")).await.body
}

/// A cash order that was placed, and its payment, which was paid in full.
async fn paid_in_cash(shop: &Shop, product: &Product, pieces: i64) -> (Order, String) {
    let order = shop.guest().order().line(product, pieces).pickup().place().await;
    shop.staff().await.post(&format!("{}/collect", order.path())).json(&json!({})).send().await.expect(200);
    let payment = payment_of(shop, &order).await["id"].as_str().expect("an id").to_owned();
    (order, payment)
}

/// An order that a customer begins to pay through the gateway.
async fn begun(shop: &Shop, product: &Product, pieces: i64) -> (Order, String) {
    let order = shop.guest().order().line(product, pieces).pickup().field("paymentMethod", TESTPAY).place().await;
    let id = shop.begin_to_pay(&order).await;
    (order, id)
}

/// An order that was paid through the gateway.
async fn paid(shop: &Shop, gateway: &TestGateway, product: &Product, pieces: i64) -> (Order, String) {
    let (order, id) = begun(shop, product, pieces).await;
    gateway.pay(&id);
    shop.ask(&id).await;
    (order, id)
}

async fn refund(by: &Client, payment: &str, body: Value) -> Reply {
    by.post(&format!("/api/v1/payments/{payment}/refund")).json(&body).send().await
}

async fn refunded(shop: &Shop, payment: &str, amount: &str) -> Value {
    refund(&shop.admin(), payment, json!({ "amount": amount, "reason": "burnt" })).await.expect(201).body
}

fn told(object: &str, ours: Option<&str>, minor: i64, status: RefundStatus) -> Report {
    let ours = ours.map(|id| RefundId::parse(id).expect("an id"));
    let amount = Money::from_minor(minor, Currency::JOD);
    Report { refunds: vec![RefundTold { object: object.into(), ours, amount, status, failure: None }], ..Report::default() }
}

fn total(object: &str, minor: i64) -> Report {
    let amount = Money::from_minor(minor, Currency::JOD);
    Report { refunded_total: Some(Total { object: object.into(), amount }), ..Report::default() }
}

/// What is due is done. The writer's clock runs ahead of a clock that stands still, a moment a write: so a second passes first.
async fn jobs(shop: &Shop) {
    shop.advance(Duration::from_secs(1));
    shop.run_jobs().await;
}

async fn open(gateway: &Arc<TestGateway>) -> Shop {
    let shop = Shop::open_with_gateways(&[], vec![Arc::clone(gateway) as _]).await;
    gateway.use_clock(&shop.clock);
    shop
}

/// Each refund of a payment: amount and status, in their order.
fn refunds(payment: &Value) -> Vec<(&str, &str)> {
    let all = payment["refunds"].as_array().expect("refunds");
    all.iter().map(|one| (one["amount"].as_str().expect("an amount"), one["status"].as_str().expect("a status"))).collect()
}

#[tokio::test]
async fn a_refund_without_a_gateway_is_done_at_once_and_never_more_than_was_taken() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").price("1.000").stock(10).create().await;
    let (order, id) = paid_in_cash(&shop, &bread, 3).await;
    let admin = shop.admin();
    let part = refunded(&shop, &id, "1.250").await;
    assert_eq!((&part["amount"], &part["status"], &part["reason"]), (&json!("1.250"), &json!("succeeded"), &json!("burnt")));
    assert_eq!((&part["paymentId"], part["createdAt"].is_string()), (&json!(id), true));
    let seen = admin.order_of(&order).await;
    assert_eq!((&seen["paymentStatus"], &seen["refundedAmount"]), (&json!("PartiallyRefunded"), &json!("1.250")));

    let too_much = refund(&admin, &id, json!({ "amount": "1.751", "reason": "x" })).await;
    assert_eq!(too_much.expect_problem(409, "refund_exceeds_captured")["refundable"], "1.750");
    let request = admin.post(&format!("/api/v1/payments/{id}/refund")).json(&json!({ "reason": "all of it" }));
    let request = request.key("refund-all-of-it-0001");
    let rest = request.clone().send().await.expect(201);
    assert_eq!((&rest["amount"], rest.header("location")), (&json!("1.750"), Some(&*format!("/api/v1/payments/{id}"))));
    let again = request.send().await.expect(201);
    assert_eq!((&again.body, again.header("idempotency-replayed")), (&rest.body, Some("true")));
    let nothing = refund(&admin, &id, json!({ "reason": "x" })).await.expect_problem(409, "refund_exceeds_captured");
    assert_eq!(nothing["refundable"], "0.000");
    assert_eq!(admin.order_of(&order).await["paymentStatus"], "Refunded");
    let payment = payment(&shop, &id).await;
    assert_eq!((&payment["capturedAmount"], &payment["refundedAmount"]), (&json!("3.000"), &json!("3.000")));
    assert_eq!(refunds(&payment), [("1.250", "succeeded"), ("1.750", "succeeded")]);
    let changes = admin.see("/api/v1/admin/audit?action=payment.refund").await;
    assert_eq!(changes.rows().len(), 2);
    shop.close().await;
}

#[tokio::test]
async fn what_makes_no_sense_changes_nothing() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").price("1.000").stock(10).create().await;
    let (order, id) = paid_in_cash(&shop, &bread, 2).await;
    let admin = shop.admin();
    let item = admin.order_of(&order).await["items"][0]["id"].clone();
    let line = |quantity: i64| json!({ "itemId": item, "quantity": quantity, "restock": true });
    let tries = [
        (json!({}), "reason"),
        (json!({ "amount": "0", "reason": "x" }), "amount"),
        (json!({ "amount": "-1", "reason": "x" }), "amount"),
        (json!({ "amount": "1.0001", "reason": "x" }), "amount"),
        (json!({ "amount": "1.000", "items": [line(1)], "reason": "x" }), "items"),
        (json!({ "items": [], "reason": "x" }), "items"),
        (json!({ "items": [line(3)], "reason": "x" }), "items[0].quantity"),
        (json!({ "items": [line(1), line(1)], "reason": "x" }), "items[1].itemId"),
        (json!({ "items": [{ "itemId": id, "quantity": 1 }], "reason": "x" }), "items[0].itemId"),
        (json!({ "items": [{ "itemId": "bread", "quantity": 1 }], "reason": "x" }), "items[0].itemId"),
    ];
    for (body, field) in tries {
        refund(&admin, &id, body).await.expect_field(field);
    }
    refund(&shop.staff().await, &id, json!({ "reason": "x" })).await.expect_problem(403, "forbidden");
    refund(&admin, &order.id, json!({ "reason": "x" })).await.expect(404);
    let unpaid = shop.guest().order().line(&bread, 1).pickup().place().await;
    let unpaid = payment_of(&shop, &unpaid).await["id"].as_str().expect("an id").to_owned();
    refund(&admin, &unpaid, json!({ "reason": "x" })).await.expect_problem(409, "nothing_captured");
    assert_eq!((refunds(&payment(&shop, &id).await).len(), admin.pieces(&bread).await), (0, (8, 1, 7)));
    shop.close().await;
}

#[tokio::test]
async fn by_line_every_piece_adds_up_and_goes_back_on_the_shelf_once() {
    let shop = Shop::open_with(&[("BAYADER_ORDERS__PRICES_INCLUDE_TAX", "false")]).await;
    let settings = json!({ "orders": { "deliveryFee": "0.500" } });
    shop.admin().put("/api/v1/admin/settings").json(&settings).send().await.expect(200);
    let admin = shop.admin();
    let category = json!({ "slug": "taxed", "name": "Taxed", "taxRate": "5" });
    admin.post("/api/v1/categories").json(&category).send().await.expect(201);
    let bread = shop.product("Bread").price("0.333").stock(10).category("taxed").create().await;
    let order = shop.guest().order().line(&bread, 3).delivery().place().await;
    shop.staff().await.post(&format!("{}/collect", order.path())).json(&json!({})).send().await.expect(200);
    let id = payment_of(&shop, &order).await["id"].as_str().expect("an id").to_owned();
    let item = admin.order_of(&order).await["items"][0]["id"].clone();
    assert_eq!(admin.pieces(&bread).await, (7, 0, 7));
    // 3 × 0.333 and 0.050 tax on top: 1.049 for three.
    let piece = async |restock: bool| {
        let line = json!({ "itemId": item, "quantity": 1, "restock": restock });
        let reply = refund(&admin, &id, json!({ "items": [line], "reason": "burnt" })).await.expect(201);
        reply["amount"].as_str().expect("an amount").to_owned()
    };
    assert_eq!(piece(true).await, "0.350");
    assert_eq!(admin.pieces(&bread).await, (8, 0, 8));
    assert_eq!(piece(false).await, "0.349");
    assert_eq!(admin.pieces(&bread).await, (8, 0, 8), "that one was thrown away");
    let line = json!({ "itemId": item, "quantity": 2, "restock": true });
    refund(&admin, &id, json!({ "items": [line], "reason": "x" })).await.expect_field("items[0].quantity");
    assert_eq!(piece(true).await, "0.350");
    assert_eq!(admin.pieces(&bread).await, (9, 0, 9));
    let left = refund(&admin, &id, json!({ "reason": "the fee too" })).await.expect(201);
    assert_eq!(left["amount"], "0.500", "the delivery fee goes back by amount alone");

    // Cancelled with everything that is not back yet.
    let cancel = json!({ "reason": "x", "restock": true });
    admin.post(&format!("{}/cancel", order.path())).json(&cancel).send().await.expect(200);
    assert_eq!(admin.pieces(&bread).await, (10, 0, 10), "one more, not three");
    let log = admin.see(&format!("/api/v1/inventory/{}/log?reason=return", bread.id)).await;
    let deltas: Vec<i64> = log.rows().iter().map(|row| row["delta"].as_i64().expect("a number")).collect();
    assert_eq!(deltas, [1, 1, 1]);
    shop.close().await;
}

#[tokio::test]
async fn twenty_refunds_at_once_never_exceed_what_was_taken() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").price("1.000").stock(10).create().await;
    let (_, id) = paid_in_cash(&shop, &bread, 1).await;
    let admin = shop.admin();
    let tries = (0..20).map(|_| refund(&admin, &id, json!({ "amount": "0.300", "reason": "race" })));
    let replies = futures_util::future::join_all(tries).await;
    let done = replies.iter().filter(|reply| reply.status == 201).count();
    assert_eq!(done, 3, "{replies:?}");
    assert!(replies.iter().all(|reply| reply.status == 201 || reply["code"] == "refund_exceeds_captured"), "{replies:?}");
    assert_eq!(payment(&shop, &id).await["refundedAmount"], "0.900");
    shop.close().await;
}

#[tokio::test]
async fn a_gateway_is_asked_once_and_its_word_is_booked() {
    let gateway = TestGateway::new().shared();
    let shop = open(&gateway).await;
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;
    let (order, id) = paid(&shop, &gateway, &bread, 1).await;
    let begun = refunded(&shop, &id, "0.750").await;
    assert_eq!(begun["status"], "pending");
    refund(&shop.admin(), &id, json!({ "amount": "1.500", "reason": "x" }))
        .await
        .expect_problem(409, "refund_exceeds_captured");
    jobs(&shop).await;
    let seen = payment(&shop, &id).await;
    assert_eq!((refunds(&seen), &seen["refundedAmount"]), (vec![("0.750", "succeeded")], &json!("0.750")));
    assert!(seen["refunds"][0]["gatewayRefundId"].is_string(), "{seen}");
    assert_eq!(gateway.keys(Op::Refund), [format!("refund:{}", begun["id"].as_str().expect("an id"))]);
    assert_eq!(shop.admin().order_of(&order).await["paymentStatus"], "PartiallyRefunded");
    assert_eq!((shop.admin().order_of(&order).await["payments"][0]["id"].clone(), gateway.held_minor()), (json!(id), 1_250));
    shop.ask(&id).await;
    assert_eq!(refunds(&payment(&shop, &id).await), [("0.750", "succeeded")], "told again, it is the same");
    shop.close().await;
}

#[tokio::test]
async fn an_unclear_answer_is_asked_about_and_nothing_is_given_back_twice() {
    let gateway = TestGateway::new().shared();
    let shop = open(&gateway).await;
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;
    let (_, id) = paid(&shop, &gateway, &bread, 1).await;
    gateway.next(Op::Refund, [Act::UnclearAfter]);
    refunded(&shop, &id, "0.500").await;
    jobs(&shop).await;
    assert_eq!(refunds(&payment(&shop, &id).await), [("0.500", "pending")]);
    shop.advance(2 * MINUTE);
    jobs(&shop).await;
    assert_eq!(refunds(&payment(&shop, &id).await), [("0.500", "succeeded")]);
    assert_eq!((gateway.asked(Op::Refund), gateway.held_minor()), (1, 1_500));

    // Never reached, and misconfigured: tried again until it goes.
    gateway.next(Op::Refund, [Act::NotSent, Act::Misconfigured, Act::UnclearBefore]);
    refunded(&shop, &id, "0.250").await;
    for _ in 0..6 {
        jobs(&shop).await;
        shop.advance(20 * MINUTE);
    }
    assert_eq!(refunds(&payment(&shop, &id).await)[1], ("0.250", "succeeded"));
    assert_eq!(gateway.held_minor(), 1_250);
    shop.close().await;
}

#[tokio::test]
async fn without_keys_it_is_sent_again_only_after_two_looks_and_one_at_a_time() {
    let gateway = TestGateway::new().without_keys().shared();
    let shop = open(&gateway).await;
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;
    let (_, id) = paid(&shop, &gateway, &bread, 1).await;
    gateway.next(Op::Refund, [Act::UnclearBefore]);
    refunded(&shop, &id, "0.500").await;
    refunded(&shop, &id, "0.500").await;
    jobs(&shop).await;
    assert_eq!(gateway.asked(Op::Refund), 1, "the second one waits for the first");
    shop.advance(2 * MINUTE);
    jobs(&shop).await;
    assert_eq!((gateway.asked(Op::AskRefund), gateway.asked(Op::Refund)), (1, 1), "one look is not enough");
    shop.advance(11 * MINUTE);
    jobs(&shop).await;
    assert!(gateway.asked(Op::Refund) >= 2);
    shop.advance(11 * MINUTE);
    jobs(&shop).await;
    assert_eq!(refunds(&payment(&shop, &id).await), [("0.500", "succeeded"), ("0.500", "succeeded")]);
    assert_eq!((gateway.held_minor(), gateway.asked(Op::Refund)), (1_000, 3));
    shop.close().await;
}

#[tokio::test]
async fn a_refund_that_is_refused_has_failed_and_its_money_can_go_back_again() {
    let gateway = TestGateway::new().shared();
    let shop = open(&gateway).await;
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;
    let (order, id) = paid(&shop, &gateway, &bread, 2).await;
    let item = shop.admin().order_of(&order).await["items"][0]["id"].clone();
    let line = json!({ "items": [{ "itemId": item, "quantity": 1, "restock": true }], "reason": "burnt" });
    gateway.next(Op::Refund, [Act::Refuse("no_balance")]);
    refund(&shop.admin(), &id, line.clone()).await.expect(201);
    assert_eq!(shop.admin().pieces(&bread).await.0, 9);
    jobs(&shop).await;
    let seen = payment(&shop, &id).await;
    assert_eq!((refunds(&seen), &seen["refunds"][0]["failure"]["code"]), (vec![("2.000", "failed")], &json!("no_balance")));
    assert_eq!(seen["refundedAmount"], "0.000");
    assert_eq!(shop.admin().see("/api/v1/admin/audit?action=payment.refund_failed").await.rows().len(), 1, "staff are told");
    refund(&shop.admin(), &id, line).await.expect(201);
    assert_eq!(shop.admin().pieces(&bread).await.0, 9, "the piece lies there already");
    jobs(&shop).await;
    assert_eq!(refunds(&payment(&shop, &id).await), [("2.000", "failed"), ("2.000", "succeeded")]);
    shop.close().await;
}

#[tokio::test]
async fn a_slow_gateway_is_asked_again_and_its_late_word_counts() {
    let gateway = TestGateway::new().refunding_later().shared();
    let shop = open(&gateway).await;
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;
    let (order, id) = paid(&shop, &gateway, &bread, 1).await;
    let first = refunded(&shop, &id, "0.500").await["id"].as_str().expect("an id").to_owned();
    jobs(&shop).await;
    assert_eq!(refunds(&payment(&shop, &id).await), [("0.500", "pending")]);
    let object = gateway.refunds()[0].object.clone();
    gateway.finish_refund(&object, RefundStatus::Succeeded);
    shop.advance(11 * MINUTE);
    jobs(&shop).await;
    assert_eq!(refunds(&payment(&shop, &id).await), [("0.500", "succeeded")]);

    // It failed after all; older messages that still come change nothing.
    assert!(shop.tell(&id, told(&object, Some(&first), 500, RefundStatus::Failed)).await);
    assert_eq!(shop.admin().order_of(&order).await["paymentStatus"], "Paid");
    for status in [RefundStatus::Succeeded, RefundStatus::Pending, RefundStatus::Failed] {
        assert!(!shop.tell(&id, told(&object, Some(&first), 500, status)).await);
    }
    assert_eq!(refunds(&payment(&shop, &id).await), [("0.500", "failed")]);
    gateway.finish_refund(&object, RefundStatus::Failed);

    // One that was taken for failed has succeeded all the same.
    let second = refunded(&shop, &id, "0.400").await["id"].as_str().expect("an id").to_owned();
    gateway.next(Op::Refund, [Act::Refuse("no_balance")]);
    jobs(&shop).await;
    assert_eq!(refunds(&payment(&shop, &id).await)[1], ("0.400", "failed"));
    assert!(shop.tell(&id, told("re_late", Some(&second), 400, RefundStatus::Succeeded)).await);
    let seen = payment(&shop, &id).await;
    assert_eq!((refunds(&seen)[1], &seen["refundedAmount"]), (("0.400", "succeeded"), &json!("0.400")));
    shop.close().await;
}

#[tokio::test]
async fn what_was_refunded_outside_is_booked_once_by_name_or_by_sum() {
    let gateway = TestGateway::new().shared();
    let shop = open(&gateway).await;
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;
    let (_, id) = paid(&shop, &gateway, &bread, 1).await;
    let object = gateway.refund_outside(&id, 300);
    shop.ask(&id).await;
    assert!(!shop.tell(&id, told(&object, None, 300, RefundStatus::Succeeded)).await);
    assert_eq!(refunds(&payment(&shop, &id).await), [("0.300", "succeeded")]);

    // The sum of before, the sum of now, and the first again.
    assert!(!shop.tell(&id, total("child_1", 300)).await);
    assert!(shop.tell(&id, total("child_2", 500)).await);
    for (object, minor) in [("child_2", 500), ("child_1", 300)] {
        assert!(!shop.tell(&id, total(object, minor)).await);
    }
    assert!(shop.tell(&id, total("child_2", 600)).await, "one name, and more of it");
    assert_eq!(refunds(&payment(&shop, &id).await), [("0.300", "succeeded"), ("0.200", "succeeded"), ("0.100", "succeeded")]);
    assert!(!shop.tell(&id, told("re_too_much", None, 5_000, RefundStatus::Succeeded)).await);
    assert_eq!(payment(&shop, &id).await["refundedAmount"], "0.600");
    shop.close().await;
}

#[tokio::test]
async fn our_own_refund_under_way_explains_a_sum_first() {
    let gateway = TestGateway::new().shared();
    let shop = open(&gateway).await;
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;
    let (_, id) = paid(&shop, &gateway, &bread, 1).await;
    gateway.next(Op::Refund, [Act::UnclearAfter]);
    refunded(&shop, &id, "0.500").await;
    jobs(&shop).await;
    assert!(!shop.tell(&id, total("child_1", 500)).await, "it is ours");
    assert!(shop.tell(&id, total("child_2", 700)).await, "0.200 of it is not");
    shop.advance(2 * MINUTE);
    jobs(&shop).await;
    let seen = payment(&shop, &id).await;
    assert_eq!(
        (refunds(&seen), &seen["refundedAmount"]),
        (vec![("0.500", "succeeded"), ("0.200", "succeeded")], &json!("0.700"))
    );

    // The message of a refund comes before its answer, and names it first.
    gateway.next(Op::Refund, [Act::UnclearAfter]);
    refunded(&shop, &id, "0.100").await;
    jobs(&shop).await;
    let object = gateway.refunds().last().expect("a refund").object.clone();
    assert!(shop.tell(&id, told(&object, None, 100, RefundStatus::Succeeded)).await);
    shop.advance(2 * MINUTE);
    jobs(&shop).await;
    assert_eq!(payment(&shop, &id).await["refundedAmount"], "0.800");
    shop.close().await;
}

#[tokio::test]
async fn a_refund_made_outside_beside_one_of_ours_of_the_same_amount_is_another() {
    let gateway = TestGateway::new().shared();
    let shop = open(&gateway).await;
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;

    // It was taken for ours, because its gateway does not say whose it is; then ours is told with our id.
    let (_, id) = paid(&shop, &gateway, &bread, 1).await;
    gateway.next(Op::Refund, [Act::UnclearAfter]);
    refunded(&shop, &id, "0.500").await;
    jobs(&shop).await;
    let outside = gateway.refund_outside(&id, 500);
    assert!(shop.tell(&id, told(&outside, None, 500, RefundStatus::Succeeded)).await);
    shop.ask(&id).await;
    let seen = payment(&shop, &id).await;
    assert_eq!((refunds(&seen), &seen["refundedAmount"]), (vec![("0.500", "succeeded"); 2], &json!("1.000")));
    shop.ask(&id).await;
    assert_eq!(payment(&shop, &id).await["refundedAmount"], "1.000");

    // A gateway that says so tells at once that it is not ours, and ours is sent all the same.
    let (_, id) = paid(&shop, &gateway, &bread, 1).await;
    gateway.next(Op::Refund, [Act::UnclearBefore]);
    refunded(&shop, &id, "0.500").await;
    jobs(&shop).await;
    let outside = gateway.refund_outside(&id, 500);
    let report = Report { says_whose: true, ..told(&outside, None, 500, RefundStatus::Succeeded) };
    assert!(shop.tell(&id, report).await);
    assert_eq!(refunds(&payment(&shop, &id).await), [("0.500", "pending"), ("0.500", "succeeded")]);
    shop.advance(2 * MINUTE);
    jobs(&shop).await;
    assert_eq!(payment(&shop, &id).await["refundedAmount"], "1.000");
    assert_eq!(gateway.held_minor(), 2_000);
    shop.close().await;
}

#[tokio::test]
async fn a_refusal_of_ours_takes_nothing_back_of_what_went_back_outside_meanwhile() {
    let gateway = TestGateway::new().shared();
    let shop = open(&gateway).await;
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;
    let (_, id) = paid(&shop, &gateway, &bread, 1).await;
    gateway.next(Op::Refund, [Act::HangRefuse("too_much")]);
    refunded(&shop, &id, "2.000").await;
    shop.advance(Duration::from_secs(1));
    let work = async {
        gateway.reach(Op::Refund, 1).await;
        let outside = gateway.refund_outside(&id, 2_000);
        assert!(shop.tell(&id, told(&outside, None, 2_000, RefundStatus::Succeeded)).await);
        gateway.release();
    };
    tokio::join!(shop.run_jobs(), work);
    shop.ask(&id).await;
    assert_eq!(payment(&shop, &id).await["refundedAmount"], "2.000");
    shop.close().await;
}

#[tokio::test]
async fn a_refund_that_was_given_up_is_made_after_all_at_the_next_start() {
    let gateway = TestGateway::new().shared();
    let shop = open(&gateway).await;
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;
    let (_, id) = paid(&shop, &gateway, &bread, 1).await;
    refunded(&shop, &id, "0.500").await;
    let without = shop.as_after_a_crash(&[], Vec::new()).await;
    for _ in 0..110 {
        without.advance(70 * MINUTE);
        without.run_jobs().await;
    }
    assert_eq!(without.count("select count(*) from jobs where status = 'dead' and kind = 'payments.refund'").await, 1);
    let again = without.as_after_a_crash(&[], vec![Arc::clone(&gateway) as _]).await;
    jobs(&again).await;
    assert_eq!(refunds(&payment(&again, &id).await), [("0.500", "succeeded")]);
    assert_eq!(again.count("select count(*) from jobs where status = 'dead'").await, 0);
    again.close().await;
    without.abandon().await;
    shop.close().await;
}

#[tokio::test]
async fn a_refund_that_nobody_asked_for_yet_gives_way_to_one_made_outside() {
    let gateway = TestGateway::new().shared();
    let shop = open(&gateway).await;
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;
    let (order, id) = paid(&shop, &gateway, &bread, 1).await;
    refunded(&shop, &id, "2.000").await;
    assert!(shop.tell(&id, told("re_outside", None, 2_000, RefundStatus::Succeeded)).await);
    jobs(&shop).await;
    let seen = payment(&shop, &id).await;
    assert_eq!(refunds(&seen), [("2.000", "failed"), ("2.000", "succeeded")]);
    assert_eq!((gateway.asked(Op::Refund), &seen["refundedAmount"]), (0, &json!("2.000")));
    assert_eq!(shop.admin().order_of(&order).await["paymentStatus"], "Refunded");
    shop.close().await;
}

#[tokio::test]
async fn an_amount_that_the_gateway_cannot_say_is_refused() {
    let gateway = TestGateway::new().in_steps_of(10).shared();
    let shop = open(&gateway).await;
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;
    let (_, id) = paid(&shop, &gateway, &bread, 1).await;
    refund(&shop.admin(), &id, json!({ "amount": "0.555", "reason": "x" })).await.expect_field("amount");
    refunded(&shop, &id, "0.550").await;
    jobs(&shop).await;
    shop.close().await;
}

#[tokio::test]
async fn a_payment_whose_gateway_was_taken_away_is_refunded_nowhere() {
    let gateway = TestGateway::new().shared();
    let shop = open(&gateway).await;
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;
    let (_, id) = paid(&shop, &gateway, &bread, 1).await;
    let without = shop.as_after_a_crash(&[], Vec::new()).await;
    refund(&without.admin(), &id, json!({ "reason": "x" })).await.expect_problem(409, "gateway_missing");
    without.close().await;
    shop.close().await;
}
