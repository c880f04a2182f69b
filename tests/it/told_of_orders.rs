//! What customers are told of their orders: each step once, by the right way, in the right language, and nothing that is not true any
//! more.

use std::sync::Arc;

use bayader::features::messages::Kind;
use reqwest::redirect::Policy;
use serde_json::{Value, json};

use crate::harness::said::Said;
use crate::harness::test_carrier::{Act, TestCarrier, later};
use crate::harness::test_gateway::{Act as GatewayAct, Message, Op, TESTPAY, TestGateway};
use crate::harness::{Client, Order, Product, Shop};

const MINUTE: u64 = 60;
/// A message about what staff did has left by then.
const WAITED: u64 = 11;
const SETTINGS: &str = "/api/v1/admin/settings";
const CAUSES: &str = "select count(*) from jobs where kind = 'notifications.order'";

async fn with_gateway() -> (Shop, Arc<TestGateway>) {
    let gateway = TestGateway::new().shared();
    let shop = Shop::open_with_gateways(&[], vec![Arc::clone(&gateway) as _]).await;
    gateway.use_clock(&shop.clock);
    (shop, gateway)
}

/// A guest's order with an e-mail address and a phone.
async fn by_guest(shop: &Shop, product: &Product, method: &str) -> Order {
    let who = json!({ "name": "Huda", "email": "huda@example.com", "phone": "+962790000055" });
    shop.guest().order().line(product, 1).pickup().field("customerInfo", who).field("paymentMethod", method).place().await
}

async fn move_on(shop: &Shop, order: &Order, to: &str) {
    shop.staff().await.move_order(order, to).await.expect(200);
}

async fn undo(shop: &Shop, order: &Order) {
    let staff = shop.staff().await;
    let version = staff.order_of(order).await["version"].clone();
    staff.post(&format!("{}/undo", order.path())).json(&json!({ "version": version })).send().await.expect(200);
}

async fn tell(by: &Client, message: &Message) {
    let post = by.post(&format!("/api/v1/payments/webhook/{TESTPAY}"));
    let post = post.bytes("application/json", message.body.clone()).header(Message::header(), &message.signature);
    post.send().await.expect(200);
}

async fn last(shop: &Shop) -> Said {
    shop.said().await.last().expect("something was said").clone()
}

#[tokio::test]
async fn each_step_of_an_order_is_told_once_by_the_right_way() {
    let shop = Shop::open().await;
    let croissant = shop.product("Croissant").price("0.750").stock(10).create().await;
    let layla = shop.customer("Layla").await;
    let order = layla.order().line(&croissant, 2).pickup().place().await;
    shop.pass(1).await;
    assert_eq!(shop.kinds_said().await, ["order_placed email"]);
    for (to, adds) in [
        ("Confirmed", &["order_confirmed email"][..]),
        ("Preparing", &["order_preparing email"]),
        ("ReadyForPickup", &["order_ready email", "order_ready sms"]),
        ("Delivered", &["order_delivered email"]),
    ] {
        let before = shop.kinds_said().await;
        move_on(&shop, &order, to).await;
        shop.pass(8).await;
        assert_eq!(shop.kinds_said().await, before, "{to} waits 10 s for an undo");
        shop.pass(3).await;
        assert_eq!(shop.kinds_said().await[before.len()..], *adds);
    }
    let said = shop.said().await;
    shop.pass(2 * MINUTE).await;
    assert_eq!(shop.said().await, said, "nothing is told twice");
    for said in &said {
        let to = if said.channel == "email" { "layla@example.com" } else { "+962790000001" };
        assert_eq!((said.to.as_str(), said.locale.as_str()), (to, "en"), "{said:?}");
        assert_eq!(said.payload["orderNumber"], order.number);
    }
    let told = &said[0].payload;
    assert_eq!(
        *told,
        json!({
            "orderNumber": order.number, "customerName": "Layla", "isPickup": true, "status": "Pending", "paymentStatus": "Pending",
            "paymentMethod": "cash", "dueAt": layla.order_of(&order).await["dueAt"],
            "items": [{ "quantity": 2, "name": "Croissant", "optionsText": "", "lineTotal": "1.500" }],
            "subtotal": "1.500", "deliveryFee": "0.000", "discount": "0.000", "tax": "0.000", "taxIncluded": true, "total": "1.500",
            "currency": "JOD", "toPay": "1.500",
        })
    );
    assert_eq!(said.last().expect("a message").payload["toPay"], "0.000", "who hands it over has taken the money");
    shop.close().await;
}

#[tokio::test]
async fn a_delivery_is_told_when_it_leaves_and_where_it_goes() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let layla = shop.customer("Layla").await;
    let order = layla.order().line(&bread, 1).delivery().place().await;
    shop.staff().await.move_order_through(&order, &["Confirmed", "Preparing", "OutForDelivery"]).await;
    shop.pass(WAITED).await;
    assert_eq!(shop.kinds_said().await[..], ["order_out_for_delivery email", "order_out_for_delivery sms"]);
    let told = last(&shop).await.payload;
    assert_eq!((&told["isPickup"], &told["address"]), (&json!(false), &json!("Rainbow Street 12, Amman")));
    shop.close().await;
}

#[tokio::test]
async fn a_fast_walk_tells_only_where_the_order_stands() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let order = by_guest(&shop, &bread, "cash").await;
    shop.pass(1).await;
    for to in ["Confirmed", "Preparing", "ReadyForPickup"] {
        move_on(&shop, &order, to).await;
        shop.pass(4).await;
    }
    shop.pass(WAITED).await;
    assert_eq!(shop.kinds_said().await, ["order_placed email", "order_ready email", "order_ready sms"]);
    shop.close().await;
}

#[tokio::test]
async fn an_undo_drops_what_has_not_left() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let order = by_guest(&shop, &bread, "cash").await;
    shop.pass(1).await;
    move_on(&shop, &order, "Confirmed").await;
    shop.pass(5).await;
    undo(&shop, &order).await;
    shop.pass(MINUTE).await;
    assert_eq!(shop.kinds_said().await, ["order_placed email"]);
    // Another move to the same state is told.
    move_on(&shop, &order, "Confirmed").await;
    shop.pass(WAITED).await;
    assert_eq!(shop.kinds_said().await, ["order_placed email", "order_confirmed email"]);
    // What has left is not called back, and what it went back to was told before.
    move_on(&shop, &order, "Preparing").await;
    shop.pass(WAITED).await;
    undo(&shop, &order).await;
    shop.pass(WAITED).await;
    assert_eq!(shop.kinds_said().await, ["order_placed email", "order_confirmed email", "order_preparing email"]);
    shop.close().await;
}

#[tokio::test]
async fn a_move_that_is_made_again_waits_its_own_ten_seconds() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let order = by_guest(&shop, &bread, "cash").await;
    shop.pass(1).await;
    move_on(&shop, &order, "Confirmed").await;
    shop.pass(6).await;
    undo(&shop, &order).await;
    move_on(&shop, &order, "Confirmed").await;
    shop.pass(8).await;
    assert_eq!(shop.kinds_said().await, ["order_placed email"], "the first one's time is over, and it was taken back");
    shop.pass(3).await;
    assert_eq!(shop.kinds_said().await, ["order_placed email", "order_confirmed email"]);
    shop.close().await;
}

#[tokio::test]
async fn a_state_to_which_an_undo_leads_back_is_told_if_it_never_was() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let order = by_guest(&shop, &bread, "cash").await;
    shop.pass(1).await;
    move_on(&shop, &order, "Confirmed").await;
    shop.pass(8).await;
    move_on(&shop, &order, "Preparing").await;
    shop.pass(4).await;
    // Confirmed was due meanwhile, and was passed over.
    undo(&shop, &order).await;
    shop.pass(MINUTE).await;
    assert_eq!(shop.kinds_said().await, ["order_placed email", "order_confirmed email"]);
    shop.close().await;
}

#[tokio::test]
async fn an_undo_takes_back_what_no_carrier_has_taken() {
    let (email, sms) = (TestCarrier::email(), TestCarrier::sms());
    let shop = Shop::open_with_carriers(&[], vec![Arc::clone(&email) as _, Arc::clone(&sms) as _]).await;
    let bread = shop.product("Bread").stock(10).create().await;
    let order = by_guest(&shop, &bread, "cash").await;
    shop.pass(1).await;
    move_on(&shop, &order, "Confirmed").await;
    move_on(&shop, &order, "Preparing").await;
    shop.pass(WAITED).await;
    // One carrier is down, the other puts it off: neither has it.
    email.go_down();
    sms.always(Act::Answer(later()));
    move_on(&shop, &order, "ReadyForPickup").await;
    shop.pass(30).await;
    assert_eq!(shop.kinds_said().await[2..], ["order_ready email", "order_ready sms"]);
    undo(&shop, &order).await;
    email.come_back();
    sms.always(None);
    shop.pass(60 * MINUTE).await;
    let kinds: Vec<Kind> = email.taken().iter().chain(&sms.taken()).map(|message| message.kind).collect();
    assert_eq!(kinds, [Kind::OrderPlaced, Kind::OrderPreparing]);
    // When it is ready after all, that is told.
    move_on(&shop, &order, "ReadyForPickup").await;
    shop.pass(WAITED).await;
    let ready = |carrier: &TestCarrier| carrier.taken().iter().filter(|message| message.kind == Kind::OrderReady).count();
    assert_eq!((ready(&email), ready(&sms)), (1, 1));
    shop.close().await;
}

#[tokio::test]
async fn the_link_in_a_message_opens_the_order_that_it_is_about() {
    let (email, sms) = (TestCarrier::email(), TestCarrier::sms());
    let shop = Shop::open_with_carriers(&[], vec![Arc::clone(&email) as _, Arc::clone(&sms) as _]).await;
    let bread = shop.product("Bread").stock(10).create().await;
    let who = json!({ "name": "Huda", "email": "huda@example.com", "phone": "+962790000055" });
    let mut orders = Vec::new();
    for language in ["en", "ar"] {
        let order = shop.guest().order().line(&bread, 1).pickup().field("customerInfo", who.clone());
        let reply = order.request().header("accept-language", language).send().await.expect(201);
        shop.pass(1).await;
        orders.push(Order::of(&reply));
    }
    shop.staff().await.move_order_through(&orders[1], &["Confirmed", "Preparing", "ReadyForPickup"]).await;
    shop.pass(WAITED).await;
    let browser = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().expect("a client can be made");
    let messages: Vec<_> = email.taken().into_iter().chain(sms.taken()).collect();
    assert_eq!(messages.len(), 4);
    for (message, order) in messages.iter().zip([&orders[0], &orders[1], &orders[1], &orders[1]]) {
        let link = message.text.split_whitespace().find_map(|word| word.split_once("/o/")).map(|(_, rest)| rest);
        let link = link.unwrap_or_else(|| panic!("no link in {message:?}"));
        let (id, token) = link.split_once("?token=").expect("a token");
        assert_eq!((id, token), (order.id.as_str(), order.token()));
        let page = browser.get(format!("{}/o/{link}", shop.wire.base)).send().await.expect("an answer");
        assert_eq!(page.status(), 303, "the token becomes a cookie");
        assert_eq!(page.headers()["location"], format!("/o/{id}"));
        let read = shop.guest().see(&format!("/api/v1/orders/{id}?token={token}")).await;
        assert_eq!(read["orderNumber"], order.number);
        assert!(message.text.contains(&order.number), "{message:?}");
    }
    shop.close().await;
}

#[tokio::test]
async fn one_who_is_confirmed_at_once_gets_one_message() {
    let shop = Shop::open_with(&[("BAYADER_ORDERS__CONFIRM_CASH", "true")]).await;
    let bread = shop.product("Bread").stock(10).create().await;
    by_guest(&shop, &bread, "cash").await;
    assert_eq!(shop.count(CAUSES).await, 1);
    shop.pass(1).await;
    assert_eq!(shop.kinds_said().await, ["order_confirmed email"]);
    shop.pass(MINUTE).await;
    assert_eq!(shop.kinds_said().await.len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn who_pays_online_is_told_once_however_often_their_gateway_says_so() {
    let (shop, gateway) = with_gateway().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let order = by_guest(&shop, &bread, TESTPAY).await;
    let payment = shop.begin_to_pay(&order).await;
    gateway.pay(&payment);
    for _ in 0..3 {
        tell(&shop.guest(), &gateway.message("paid", &payment)).await;
        shop.ask(&payment).await;
        shop.pass(1).await;
    }
    shop.pass(40 * MINUTE).await;
    let said = shop.said().await;
    assert_eq!(shop.kinds_said().await, ["order_confirmed email"]);
    assert_eq!((&said[0].payload["paymentStatus"], &said[0].payload["toPay"]), (&json!("Paid"), &json!("0.000")));
    shop.close().await;
}

#[tokio::test]
async fn who_does_not_pay_is_written_to_and_told_when_the_order_ends() {
    let (shop, _gateway) = with_gateway().await;
    let bread = shop.product("Bread").stock(10).create().await;
    by_guest(&shop, &bread, TESTPAY).await;
    shop.pass(4 * MINUTE).await;
    assert_eq!(shop.kinds_said().await.len(), 0, "they may be paying");
    shop.pass(2 * MINUTE).await;
    assert_eq!(shop.kinds_said().await, ["order_placed email"]);
    assert_eq!(last(&shop).await.payload["toPay"], "1.000");
    shop.pass(30 * MINUTE).await;
    assert_eq!(shop.kinds_said().await, ["order_placed email", "order_expired email", "order_expired sms"]);
    assert_eq!(last(&shop).await.payload["toPay"], "0.000");
    shop.close().await;
}

#[tokio::test]
async fn a_payment_that_failed_is_told_unless_it_is_tried_again() {
    let (shop, gateway) = with_gateway().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let order = by_guest(&shop, &bread, TESTPAY).await;
    let fail = async |order: &Order| {
        let payment = shop.begin_to_pay(order).await;
        gateway.decline(&payment);
        gateway.set_state(
            &payment,
            bayader::features::payments::gateway::There::Ended(bayader::features::payments::gateway::Ending::Failed),
        );
        for _ in 0..2 {
            tell(&shop.guest(), &gateway.message("failed", &payment)).await;
            shop.pass(1).await;
        }
    };
    fail(&order).await;
    // They try again at once, and fail again.
    fail(&order).await;
    assert_eq!(shop.kinds_said().await.len(), 0);
    shop.pass(MINUTE).await;
    assert_eq!(shop.kinds_said().await, ["payment_failed email", "payment_failed sms"]);
    assert_eq!(last(&shop).await.payload["canPayAgain"], true);
    // Who was told that is not told that it was placed.
    shop.pass(6 * MINUTE).await;
    assert_eq!(shop.kinds_said().await.len(), 2);
    // One that succeeds within the minute.
    let luckier = by_guest(&shop, &bread, TESTPAY).await;
    fail(&luckier).await;
    let payment = shop.begin_to_pay(&luckier).await;
    gateway.pay(&payment);
    shop.ask(&payment).await;
    shop.pass(3 * MINUTE).await;
    assert_eq!(shop.kinds_said().await[2..], ["order_confirmed email"]);
    shop.close().await;
}

#[tokio::test]
async fn a_card_that_is_declined_at_once_is_told_unless_it_is_tried_again() {
    let (shop, gateway) = with_gateway().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let decline = async |order: &Order| {
        gateway.next(Op::Start, [GatewayAct::Decline]);
        let body = json!({ "orderId": order.id, "paymentMethod": TESTPAY });
        let request = shop.guest().post("/api/v1/payments/checkout").json(&body).header("x-order-token", order.token());
        request.send().await.expect_problem(402, "payment_declined");
    };
    let order = by_guest(&shop, &bread, TESTPAY).await;
    decline(&order).await;
    shop.pass(MINUTE + 1).await;
    assert_eq!(shop.kinds_said().await, ["payment_failed email", "payment_failed sms"]);
    let luckier = by_guest(&shop, &bread, TESTPAY).await;
    decline(&luckier).await;
    let payment = shop.begin_to_pay(&luckier).await;
    gateway.pay(&payment);
    shop.ask(&payment).await;
    shop.pass(3 * MINUTE).await;
    assert_eq!(shop.kinds_said().await[2..], ["order_confirmed email"]);
    shop.close().await;
}

#[tokio::test]
async fn a_cash_order_that_nobody_confirms_is_told_to_have_ended() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    by_guest(&shop, &bread, "cash").await;
    shop.pass(1).await;
    shop.pass(25 * 60 * MINUTE).await;
    // In between an evening comes, of which the owner is told.
    let said = ["order_placed email", "daily_summary email", "order_expired email", "order_expired sms"];
    assert_eq!(shop.kinds_said().await, said);
    shop.close().await;
}

#[tokio::test]
async fn money_that_went_back_is_told_each_time_with_its_amount() {
    let (shop, gateway) = with_gateway().await;
    let bread = shop.product("Bread").price("3.000").stock(10).create().await;
    let order = by_guest(&shop, &bread, TESTPAY).await;
    let payment = shop.begin_to_pay(&order).await;
    gateway.pay(&payment);
    shop.ask(&payment).await;
    shop.pass(1).await;
    for amount in ["1.000", "0.500"] {
        let body = json!({ "amount": amount, "reason": "burnt, but do not tell" });
        let refund = shop.admin().post(&format!("/api/v1/payments/{payment}/refund")).json(&body);
        refund.send().await.expect(201);
        assert_ne!(last(&shop).await.payload["refundAmount"], amount, "nothing went back yet");
        shop.pass(MINUTE).await;
        let told = last(&shop).await;
        assert_eq!((told.kind.as_str(), &told.payload["refundAmount"]), ("payment_refunded", &json!(amount)));
    }
    // In the gateway's own pages, told twice.
    gateway.refund_outside(&payment, 250);
    for _ in 0..2 {
        tell(&shop.guest(), &gateway.message("refunded", &payment)).await;
        shop.pass(MINUTE).await;
    }
    let refunds: Vec<Value> = shop.said().await.iter().map(|said| said.payload["refundAmount"].clone()).collect();
    assert_eq!(refunds, [Value::Null, json!("1.000"), json!("0.500"), json!("0.250")]);
    // Cash goes back at once, with the cancellation.
    let cash = by_guest(&shop, &bread, "cash").await;
    shop.staff().await.post(&format!("{}/collect", cash.path())).json(&json!({})).send().await.expect(200);
    shop.pass(WAITED).await;
    let before = shop.kinds_said().await.len();
    shop.staff().await.post(&format!("{}/cancel", cash.path())).json(&json!({})).send().await.expect(200);
    shop.pass(WAITED).await;
    assert_eq!(shop.kinds_said().await[before..], ["order_cancelled email", "order_cancelled sms"]);
    assert_eq!(last(&shop).await.payload["refundAmount"], "3.000", "one message says both");
    // A gateway is asked first: that it goes back is told with the cancellation, that it went when it did.
    shop.staff().await.post(&format!("{}/cancel", order.path())).json(&json!({})).send().await.expect(200);
    shop.pass(MINUTE).await;
    let told: Vec<(String, Value)> =
        shop.said().await[before + 2..].iter().map(|said| (said.kind.clone(), said.payload["refundAmount"].clone())).collect();
    let expected = ["order_cancelled", "order_cancelled", "payment_refunded"].map(|kind| (kind.to_owned(), json!("1.250")));
    assert_eq!(told, expected);
    shop.close().await;
}

#[tokio::test]
async fn nobody_is_told_where_there_is_nobody_to_tell() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let staff = shop.staff().await;
    let order = staff.order().line(&bread, 1).pickup().field("collected", true).place().await;
    staff.move_order_through(&order, &["Preparing", "ReadyForPickup", "Delivered"]).await;
    let other = staff.order().line(&bread, 1).pickup().place().await;
    staff.move_order(&other, "Confirmed").await.expect(200);
    undo(&shop, &other).await;
    staff.post(&format!("{}/cancel", other.path())).json(&json!({})).send().await.expect(200);
    shop.pass(MINUTE).await;
    assert_eq!((shop.count(CAUSES).await, shop.said().await.len()), (0, 0));
    shop.close().await;
}

#[tokio::test]
async fn an_order_keeps_the_language_of_who_placed_it() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(50).field("translations", json!({ "ar": { "name": "خبز" } })).create().await;
    let by_phone = |phone: &str| {
        shop.guest().order().line(&bread, 1).pickup().field("customerInfo", json!({ "name": "Huda", "phone": phone }))
    };
    for (asked, phone) in [("ar-JO, en;q=0.5", "+962790000061"), ("en", "+962790000062"), ("fr", "+962790000063")] {
        by_phone(phone).request().header("accept-language", asked).send().await.expect(201);
        shop.pass(1).await;
    }
    let layla = shop.customer("Layla").await;
    let me = layla.see("/api/v1/auth/me").await;
    let path = format!("/api/v1/users/{}", me["id"].as_str().expect("an id"));
    layla.put(&path).json(&json!({ "name": "Layla", "phone": "+962790000001", "locale": "ar" })).send().await.expect(200);
    layla.order().line(&bread, 1).pickup().request().header("accept-language", "en").send().await.expect(201);
    shop.pass(1).await;
    // At the counter the shop's language is spoken, whatever the browser of who stands there says.
    let mut settings = shop.owner().see(SETTINGS).await.body;
    settings["shop"]["locale"] = "ar".into();
    settings.as_object_mut().expect("an object").remove("fixed");
    shop.owner().put(SETTINGS).json(&settings).send().await.expect(200);
    let counter = shop.staff().await.order().line(&bread, 1).pickup();
    let counter = counter.field("customerInfo", json!({ "name": "Huda", "phone": "+962790000064" }));
    counter.request().header("accept-language", "en").send().await.expect(201);
    shop.pass(WAITED).await;
    let said = shop.said().await;
    let languages: Vec<(&str, &str)> =
        said.iter().map(|said| (said.locale.as_str(), said.payload["items"][0]["name"].as_str().expect("a name"))).collect();
    assert_eq!(languages, [("ar", "خبز"), ("en", "Bread"), ("en", "Bread"), ("ar", "خبز"), ("ar", "خبز")]);
    assert!(said[..3].iter().all(|said| said.channel == "sms"), "a guest without an address has a phone");
    shop.close().await;
}

#[tokio::test]
async fn what_staff_note_stands_in_no_message_and_what_the_customer_said_does() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let staff = shop.staff().await;
    let order = by_guest(&shop, &bread, "cash").await;
    let path = format!("{}/status", order.path());
    staff.put(&path).json(&json!({ "status": "Confirmed", "note": "a rude one" })).send().await.expect(200);
    shop.pass(WAITED).await;
    staff.post(&format!("{}/cancel", order.path())).json(&json!({ "reason": "never again" })).send().await.expect(200);
    shop.pass(WAITED).await;
    let theirs = by_guest(&shop, &bread, "cash").await;
    let cancel = shop.guest().post(&format!("{}/cancel", theirs.path())).header("x-order-token", theirs.token());
    cancel.json(&json!({ "reason": "We are ill" })).send().await.expect(200);
    shop.pass(1).await;
    let said = shop.said().await;
    let reasons: Vec<&Value> = said.iter().map(|said| &said.payload["reason"]).collect();
    let told = reasons.iter().filter(|reason| !reason.is_null()).count();
    assert_eq!((told, *reasons.last().expect("a message")), (2, &json!("We are ill")), "by e-mail and by SMS, at once");
    let all = format!("{said:?}");
    assert!(!all.contains("a rude one") && !all.contains("never again"), "{all}");
    shop.close().await;
}

#[tokio::test]
async fn nothing_is_said_to_who_was_erased_meanwhile() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let layla = shop.customer("Layla").await;
    let order = layla.order().line(&bread, 1).pickup().place().await;
    shop.pass(1).await;
    shop.staff().await.move_order_through(&order, &["Confirmed", "Preparing", "ReadyForPickup", "Delivered"]).await;
    let me = layla.see("/api/v1/auth/me").await;
    shop.admin().delete(&format!("/api/v1/users/{}", me["id"].as_str().expect("an id"))).send().await.expect(204);
    shop.pass(WAITED).await;
    assert_eq!(shop.kinds_said().await, ["order_placed email"], "from before");
    shop.close().await;
}

#[tokio::test]
async fn a_cause_outlives_the_machine_and_is_told_once() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let order = by_guest(&shop, &bread, "cash").await;
    move_on(&shop, &order, "Confirmed").await;
    // It dies before anything was told, and again after all was.
    let after = shop.as_after_a_crash(&[], Vec::new()).await;
    after.pass(WAITED).await;
    assert_eq!(after.kinds_said().await, ["order_confirmed email"]);
    let later = after.as_after_a_crash(&[], Vec::new()).await;
    later.pass(MINUTE).await;
    assert_eq!(later.kinds_said().await, ["order_confirmed email"]);
    for shop in [later, after, shop] {
        shop.close().await;
    }
}
