//! Admins are told of money that a person must look at, once a cause, however often a gateway repeats it.

use std::sync::Arc;

use bayader::kernel::{Currency, Money, RefundStatus};
use serde_json::{Value, json};

use crate::harness::test_gateway::{Act, Message, Op, TESTPAY, TestGateway};
use crate::harness::{Order, Product, Shop};

const MINUTE: u64 = 60;

async fn open() -> (Shop, Arc<TestGateway>, Product) {
    let gateway = TestGateway::new().shared();
    let shop = Shop::open_with_gateways(&[], vec![Arc::clone(&gateway) as _]).await;
    gateway.use_clock(&shop.clock);
    let bread = shop.product("Bread").price("3.000").stock(50).create().await;
    (shop, gateway, bread)
}

async fn begun(shop: &Shop, product: &Product) -> (Order, String) {
    let order = shop.guest().order().line(product, 1).pickup().field("paymentMethod", TESTPAY).place().await;
    let payment = shop.begin_to_pay(&order).await;
    (order, payment)
}

async fn tell(shop: &Shop, message: &Message) {
    let post = shop.guest().post(&format!("/api/v1/payments/webhook/{TESTPAY}"));
    let post = post.bytes("application/json", message.body.clone()).header(Message::header(), &message.signature);
    post.send().await.expect(200);
    shop.pass(1).await;
}

/// What admins were told.
async fn alerts(shop: &Shop) -> Vec<Value> {
    shop.pass(1).await;
    let said = shop.said().await;
    let alerts = said.into_iter().filter(|said| said.kind == "staff_alert");
    alerts
        .map(|said| {
            assert_eq!((said.channel.as_str(), said.to.as_str()), ("email", "owner@example.com"));
            said.payload
        })
        .collect()
}

#[tokio::test]
async fn money_that_does_not_fit_is_told_once() {
    let (shop, gateway, bread) = open().await;
    let (order, payment) = begun(&shop, &bread).await;
    gateway.pay_amount(&payment, Money::from_minor(1_000, Currency::JOD));
    for _ in 0..3 {
        tell(&shop, &gateway.message("paid", &payment)).await;
        shop.ask(&payment).await;
    }
    shop.pass(6 * MINUTE).await;
    let told = alerts(&shop).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let expected = json!({
        "alert": "payment_parked", "orderNumber": order.number, "amount": "1.000", "currency": "JOD",
        "details": told[0]["details"],
    });
    assert_eq!(told[0], expected);
    assert!(told[0]["details"].as_str().is_some_and(|text| text.contains("3.000")), "{told:?}");
    shop.close().await;
}

#[tokio::test]
async fn a_dispute_is_told_when_it_is_opened() {
    let (shop, gateway, bread) = open().await;
    let (order, payment) = begun(&shop, &bread).await;
    gateway.pay(&payment);
    shop.ask(&payment).await;
    for what in ["opened", "opened", "withdrawn", "opened", "lost"] {
        tell(&shop, &gateway.dispute(&payment, what)).await;
    }
    let told = alerts(&shop).await;
    let expected = json!({ "alert": "payment_disputed", "orderNumber": order.number, "amount": "3.000", "currency": "JOD" });
    assert_eq!(told, [expected]);
    shop.close().await;
}

#[tokio::test]
async fn a_refund_that_failed_is_told_once() {
    let (shop, gateway, bread) = open().await;
    let (order, payment) = begun(&shop, &bread).await;
    gateway.pay(&payment);
    shop.ask(&payment).await;
    gateway.next(Op::Refund, [Act::Refuse("charge_too_old")]);
    let body = json!({ "amount": "1.250", "reason": "burnt" });
    let refund = shop.admin().post(&format!("/api/v1/payments/{payment}/refund")).json(&body).send().await.expect(201);
    shop.pass(1).await;
    shop.pass(MINUTE).await;
    let told = alerts(&shop).await;
    assert_eq!(told.len(), 1, "{told:?} of {refund:?}");
    assert_eq!(
        (&told[0]["alert"], &told[0]["orderNumber"], &told[0]["amount"]),
        (&json!("refund_failed"), &json!(order.number), &json!("1.250"))
    );
    assert!(shop.kinds_said().await.iter().all(|said| !said.starts_with("payment_refunded")), "no money went back");
    shop.close().await;
}

#[tokio::test]
async fn a_refund_that_fails_after_all_is_told_to_who_must_repeat_it() {
    let gateway = TestGateway::new().refunding_later().shared();
    let shop = Shop::open_with_gateways(&[], vec![Arc::clone(&gateway) as _]).await;
    gateway.use_clock(&shop.clock);
    let bread = shop.product("Bread").price("3.000").stock(50).create().await;
    let (_, payment) = begun(&shop, &bread).await;
    gateway.pay(&payment);
    shop.ask(&payment).await;
    let body = json!({ "amount": "1.250", "reason": "burnt" });
    shop.admin().post(&format!("/api/v1/payments/{payment}/refund")).json(&body).send().await.expect(201);
    shop.pass(1).await;
    let object = gateway.refunds().first().expect("it was asked for").object.clone();
    gateway.finish_refund(&object, RefundStatus::Failed);
    for _ in 0..2 {
        tell(&shop, &gateway.message("refunded", &payment)).await;
        shop.pass(MINUTE).await;
    }
    let told: Vec<Value> = alerts(&shop).await.into_iter().map(|payload| payload["alert"].clone()).collect();
    assert_eq!(told, ["refund_failed"]);
    shop.close().await;
}

#[tokio::test]
async fn money_for_an_order_that_a_person_cancelled_is_told_and_goes_back() {
    let (shop, gateway, bread) = open().await;
    let (order, payment) = begun(&shop, &bread).await;
    // It was paid while it was being cancelled: the gateway says so late.
    gateway.next(Op::End, [Act::Do]);
    let paid = {
        gateway.pay(&payment);
        gateway.message("paid", &payment)
    };
    let cash = shop.staff().await.post(&format!("{}/collect", order.path())).json(&json!({})).send().await;
    cash.expect(409);
    tell(&shop, &paid).await;
    // Paid, and then a second time.
    let twice = {
        gateway.pay(&payment);
        gateway.message("paid", &payment)
    };
    for _ in 0..2 {
        tell(&shop, &twice).await;
    }
    shop.pass(MINUTE).await;
    let told = alerts(&shop).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (&told[0]["alert"], &told[0]["amount"], &told[0]["details"]),
        (&json!("late_approval"), &json!("3.000"), &json!("the order was paid already"))
    );
    assert!(shop.kinds_said().await.iter().any(|said| said.starts_with("payment_refunded")), "its customer is told too");
    shop.close().await;
}
