//! Payments as staff read them, money that does not fit, and what gateways' own books say otherwise.

use std::sync::Arc;
use std::time::Duration;

use bayader::features::payments::gateway::{Dispute, DisputeStep, Report, Total};
use bayader::features::payments::waiting;
use bayader::kernel::{Currency, Money};
use serde_json::{Value, json};

use crate::harness::test_gateway::{Act, Message, Op, TESTPAY, TestGateway};
use crate::harness::{Order, Product, Reply, Shop};

const HOUR: Duration = Duration::from_secs(3_600);

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

async fn begun(shop: &Shop, product: &Product, pieces: i64) -> (Order, String) {
    let order = shop.guest().order().line(product, pieces).pickup().field("paymentMethod", TESTPAY);
    let order = order.field("deliveryInfo", json!({ "date": "2026-11-30" })).place().await;
    let id = shop.begin_to_pay(&order).await;
    (order, id)
}

async fn payment(shop: &Shop, id: &str) -> Value {
    shop.admin().see(&format!("/api/v1/payments/{id}")).await.body
}

async fn resolve(shop: &Shop, payment: &str, action: &str) -> Reply {
    let body = json!({ "action": action, "reason": "they called" });
    shop.admin().post(&format!("/api/v1/payments/{payment}/resolve")).json(&body).send().await
}

async fn waits(shop: &Shop) -> Vec<String> {
    let now = shop.clock.now();
    shop.db().read(move |reader| waiting(reader, now)).await.expect("it can look")
}

#[tokio::test]
async fn payments_are_listed_newest_first_by_filter_and_counted() {
    let gateway = TestGateway::new().shared();
    let shop = open(&gateway).await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").price("1.000").stock(100).create().await;
    let mut ids = Vec::new();
    for n in 0..7 {
        shop.advance(HOUR / 60);
        let (order, id) = begun(&shop, &bread, 1).await;
        if n % 2 == 0 {
            gateway.pay(&id);
            shop.ask(&id).await;
        }
        ids.push((order, id));
    }
    let cash = shop.guest().order().line(&bread, 1).pickup().place().await;
    let list = async |query: &str| staff.see(&format!("/api/v1/payments{query}")).await;
    let all = list("").await;
    assert_eq!((all["meta"]["total"].as_i64(), all.rows().len()), (Some(8), 8));
    assert_eq!((&all.rows()[0]["gateway"], &all.rows()[0]["orderNumber"]), (&json!("cash"), &json!(cash.number)));
    assert_eq!(all.rows()[1]["id"], json!(ids[6].1));
    let totals = async |query: &str| {
        let reply = list(query).await;
        let walked = i64::try_from(staff.walk(&format!("/api/v1/payments{query}")).await.len()).expect("few");
        assert_eq!(reply["meta"]["total"].as_i64(), Some(walked), "{query}");
        walked
    };
    assert_eq!(totals("?per_page=3").await, 8);
    assert_eq!(totals("?status=succeeded").await, 4);
    assert_eq!(totals("?status=pending&per_page=2").await, 4);
    assert_eq!(totals("?status=failed").await, 0);
    assert_eq!(totals(&format!("?gateway={TESTPAY}&per_page=2")).await, 7);
    assert_eq!(totals("?gateway=cash").await, 1);
    assert_eq!(totals("?gateway=barter").await, 0);
    assert_eq!(totals("?from=2026-11-25&to=2026-11-25").await, 8);
    assert_eq!(totals("?to=2026-11-24").await, 0);
    assert_eq!(totals("?from=2026-11-25T08:03:30Z&status=succeeded").await, 2);
    assert_eq!(totals(&format!("?order_id={}", ids[0].0.id)).await, 1);
    assert_eq!(totals(&format!("?order_id={}&status=pending", ids[0].0.id)).await, 0);
    for wrong in
        ["?status=lost", "?gateway=Cash!", "?order_id=1", "?page=1&cursor=x", "?cursor=x", "?per_page=0", "?colour=red"]
    {
        staff.get(&format!("/api/v1/payments{wrong}")).send().await.expect(422);
    }
    let one = payment(&shop, &ids[0].1).await;
    assert_eq!((&one["amount"], &one["currency"], &one["capturedAmount"]), (&json!("1.000"), &json!("JOD"), &json!("1.000")));
    assert!(one["gatewayTransactionId"].as_str().is_some_and(|name| name.starts_with("ch_")), "{one}");
    assert!(one["rawResponse"].is_object() && one["disputed"] == false && one["refunds"] == json!([]), "{one}");
    shop.admin().get(&format!("/api/v1/payments/{}", cash.id)).send().await.expect(404);
    let seen = shop.guest().get(&cash.path()).header("x-order-token", cash.token()).send().await.expect(200);
    assert_eq!(seen["payments"], Value::Null, "payments are for staff");
    shop.close().await;
}

#[tokio::test]
async fn parked_money_is_accepted_and_what_is_too_much_goes_back() {
    let gateway = TestGateway::new().shared();
    let shop = open(&gateway).await;
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;
    let (order, id) = begun(&shop, &bread, 1).await;
    gateway.pay_amount(&id, Money::from_minor(2_500, Currency::JOD));
    shop.ask(&id).await;
    let parked = payment(&shop, &id).await;
    assert_eq!((&parked["status"], &parked["parked"]), (&json!("parked"), &json!({ "amount": "2.500", "currency": "JOD" })));
    assert!(waits(&shop).await[0].contains(&order.number), "{:?}", waits(&shop).await);
    let body = json!({ "reason": "x" });
    let path = format!("/api/v1/payments/{id}/refund");
    shop.admin().post(&path).json(&body).send().await.expect_problem(409, "payment_parked");
    let seen = resolve(&shop, &id, "accept").await.expect(200);
    assert_eq!((&seen["status"], &seen["capturedAmount"]), (&json!("succeeded"), &json!("2.500")));
    resolve(&shop, &id, "accept").await.expect_problem(409, "not_parked");
    jobs(&shop).await;
    let seen = payment(&shop, &id).await;
    assert_eq!((&seen["refundedAmount"], &seen["parked"]), (&json!("0.500"), &Value::Null));
    assert_eq!(shop.admin().order_of(&order).await["status"], "Confirmed");
    assert!(waits(&shop).await.is_empty());
    shop.ask(&id).await;
    assert_eq!((payment(&shop, &id).await["capturedAmount"].clone(), gateway.held_minor()), (json!("2.500"), 2_000));
    shop.close().await;
}

#[tokio::test]
async fn too_little_is_accepted_as_a_part() {
    let gateway = TestGateway::new().shared();
    let shop = open(&gateway).await;
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;
    let (order, id) = begun(&shop, &bread, 1).await;
    gateway.pay_amount(&id, Money::from_minor(1_500, Currency::JOD));
    shop.ask(&id).await;
    resolve(&shop, &id, "accept").await.expect(200);
    let seen = shop.admin().order_of(&order).await;
    assert_eq!((&seen["status"], &seen["paymentStatus"]), (&json!("Pending"), &json!("Pending")));
    assert_eq!(seen["payments"][0]["capturedAmount"], "1.500");
    shop.close().await;
}

#[tokio::test]
async fn money_in_another_currency_can_only_go_back() {
    let gateway = TestGateway::new().shared();
    let shop = open(&gateway).await;
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;
    let (order, id) = begun(&shop, &bread, 1).await;
    gateway.pay_amount(&id, Money::from_minor(300, Currency::from_code("USD").expect("a currency")));
    shop.ask(&id).await;
    resolve(&shop, &id, "accept").await.expect_problem(409, "parked_currency");
    gateway.next(Op::Refund, [Act::Refuse("no_balance")]);
    let seen = resolve(&shop, &id, "refund").await.expect(200);
    assert_eq!((&seen["status"], &seen["capturedAmount"]), (&json!("failed"), &json!("0.000")));
    assert_eq!((&seen["refunds"][0]["amount"], &seen["refunds"][0]["currency"]), (&json!("3.00"), &json!("USD")));
    jobs(&shop).await;
    assert_eq!(payment(&shop, &id).await["status"], "parked", "its refund failed, so it waits again");
    resolve(&shop, &id, "refund").await.expect(200);
    jobs(&shop).await;
    let seen = payment(&shop, &id).await;
    assert_eq!((&seen["status"], &seen["refunds"][1]["status"]), (&json!("failed"), &json!("succeeded")));
    assert_eq!(seen["refundedAmount"], "0.000", "it was never the order's");
    assert_eq!(gateway.held_minor(), 0);
    shop.ask(&id).await;
    assert_eq!(payment(&shop, &id).await["status"], "failed", "told again, it waits for nobody");
    assert_eq!(shop.admin().order_of(&order).await["refundedAmount"], "0.000");
    shop.close().await;
}

#[tokio::test]
async fn what_was_parked_and_went_back_may_be_told_again() {
    let gateway = TestGateway::new().shared();
    let shop = open(&gateway).await;
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;
    // In the gateway's own pages.
    let (_, id) = begun(&shop, &bread, 1).await;
    gateway.pay_amount(&id, Money::from_minor(2_500, Currency::JOD));
    shop.ask(&id).await;
    gateway.refund_outside(&id, 2_500);
    for _ in 0..2 {
        shop.ask(&id).await;
        let seen = payment(&shop, &id).await;
        assert_eq!((&seen["status"], &seen["refundedAmount"]), (&json!("failed"), &json!("0.000")));
        assert_eq!((&seen["refunds"][0]["amount"], &seen["refunds"][0]["status"]), (&json!("2.500"), &json!("succeeded")));
    }
    assert!(waits(&shop).await.is_empty());

    // By us, through a gateway that tells sums alone.
    let (_, id) = begun(&shop, &bread, 1).await;
    gateway.pay_amount(&id, Money::from_minor(2_500, Currency::JOD));
    shop.ask(&id).await;
    resolve(&shop, &id, "refund").await.expect(200);
    jobs(&shop).await;
    let amount = Money::from_minor(2_500, Currency::JOD);
    let sum = Report { refunded_total: Some(Total { object: "child".into(), amount }), ..Report::default() };
    assert!(!shop.tell(&id, sum).await, "its own refund explains it");
    assert_eq!(payment(&shop, &id).await["refunds"].as_array().map(Vec::len), Some(1));
    shop.close().await;
}

#[tokio::test]
async fn a_payment_is_disputed_until_each_of_its_disputes_was_won() {
    let gateway = TestGateway::new().shared();
    let shop = open(&gateway).await;
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;
    let (_, id) = begun(&shop, &bread, 1).await;
    gateway.pay(&id);
    shop.ask(&id).await;
    let say = async |object: &str, what: DisputeStep| {
        let report = Report { dispute: Some(Dispute { object: object.into(), what }), ..Report::default() };
        shop.tell(&id, report).await;
        payment(&shop, &id).await["disputed"] == true
    };
    assert!(say("dp_1", DisputeStep::Opened).await);
    assert!(say("dp_2", DisputeStep::Closed { lost: false }).await, "the first one is open");
    assert!(say("dp_2", DisputeStep::Opened).await);
    assert!(!say("dp_1", DisputeStep::Closed { lost: false }).await);
    assert!(!say("dp_1", DisputeStep::Opened).await, "an old message opens nothing anew");
    shop.close().await;
}

#[tokio::test]
async fn a_disputed_payment_is_not_refunded_while_the_dispute_is_open() {
    let gateway = TestGateway::new().shared();
    let shop = open(&gateway).await;
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;
    let (_, id) = begun(&shop, &bread, 1).await;
    gateway.pay(&id);
    shop.ask(&id).await;
    let say = async |what: &str| {
        let message = gateway.dispute(&id, what);
        let request = shop.guest().post(&format!("/api/v1/payments/webhook/{TESTPAY}")).bytes("application/json", message.body);
        request.header(Message::header(), &message.signature).send().await.expect(200);
        jobs(&shop).await;
    };
    say("opened").await;
    let path = format!("/api/v1/payments/{id}/refund");
    let refund = async || shop.admin().post(&path).json(&json!({ "reason": "x" })).send().await;
    refund().await.expect_problem(409, "payment_disputed");
    assert_eq!(payment(&shop, &id).await["disputed"], true);
    say("won").await;
    refund().await.expect(201);
    jobs(&shop).await;
    shop.close().await;
}

#[tokio::test]
async fn a_day_is_compared_with_the_gateways_books_and_what_is_different_is_told_until_it_is_gone() {
    let gateway = TestGateway::new().shared();
    let shop = open(&gateway).await;
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;
    let (_, known) = begun(&shop, &bread, 1).await;
    gateway.pay(&known);
    shop.ask(&known).await;
    let list = async |query: &str| shop.admin().see(&format!("/api/v1/payments/differences{query}")).await;
    // Given back outside, and nobody said so: on the day of the payment itself it is asked for and booked, and nothing is different.
    gateway.refund_outside(&known, 500);
    shop.advance(20 * HOUR);
    jobs(&shop).await;
    assert_eq!((gateway.asked(Op::Books), list("").await["meta"]["total"].as_i64()), (1, Some(0)));
    assert_eq!(payment(&shop, &known).await["refundedAmount"], "0.500");

    // On a day on which nothing else tells of the payment, it is a difference.
    shop.advance(24 * HOUR);
    jobs(&shop).await;
    gateway.refund_outside(&known, 100);
    shop.advance(24 * HOUR);
    jobs(&shop).await;
    let found = list("?open=true").await;
    assert_eq!(found.rows().len(), 1, "{found:?}");
    let one = &found.rows()[0];
    assert_eq!((&one["what"], &one["kind"], &one["theirs"]), (&json!("missing_here"), &json!("refunded"), &json!("0.100")));
    assert_eq!((&one["day"], &one["gateway"]), (&json!("2026-11-27"), &json!(TESTPAY)));
    assert!(waits(&shop).await.iter().any(|line| line.contains("books")), "{:?}", waits(&shop).await);
    assert!(shop.ailments().await.is_empty(), "the books balance all the same");

    shop.ask(&known).await;
    shop.advance(24 * HOUR);
    jobs(&shop).await;
    let all = list("").await;
    assert_eq!((all["meta"]["total"].as_i64(), all.rows()[0]["closedAt"].is_string()), (Some(1), true), "{all:?}");
    assert_eq!(list(&format!("?open=true&gateway={TESTPAY}")).await["meta"]["total"], 0);
    assert!(waits(&shop).await.is_empty());
    shop.guest().get("/api/v1/payments/differences").send().await.expect(401);
    shop.staff().await.get("/api/v1/payments/differences").send().await.expect(403);
    shop.close().await;
}
