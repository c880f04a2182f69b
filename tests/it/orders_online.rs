//! Orders that are paid through a gateway, and the ways to pay at the shop: held until the money is there, confirmed by it, given back
//! when they end. Which gateway it is makes no difference to an order, so money is booked here as its settling does it.

use std::sync::Arc;
use std::time::Duration;

use bayader::db::{Command, WriteTx};
use bayader::features::money::{self, Entry, Kind, NewRefund};
use bayader::features::orders::{self, Fate};
use bayader::features::payments::Gateway;
use bayader::features::payments::gateway::{Ending, There};
use bayader::kernel::{Actor, Fault, OrderId, PaymentId, PaymentMethod, Result};
use serde_json::{Value, json};

use crate::harness::test_gateway::{Act, Op, TESTPAY, TestGateway};
use crate::harness::{Client, Order, Product, Shop};

const MINUTE: Duration = Duration::from_secs(60);
const SETTINGS: &str = "/api/v1/admin/settings";
const ENDINGS: &str = "select count(*) from jobs where kind = 'payments.end_attempt' and status = 'queued'";
const REFUNDS: &str = "select count(*) from refunds r join jobs j on j.kind = 'payments.refund' where r.status = 'pending'";

async fn open() -> Shop {
    Shop::open_with_gateways(&[], vec![TestGateway::new().shared()]).await
}

/// Begins a payment as a checkout does.
struct Begin {
    order: OrderId,
    method: PaymentMethod,
    minor: i64,
}

impl Command for Begin {
    const NAME: &'static str = "test.begin";
    type Output = PaymentId;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<PaymentId> {
        let id = PaymentId::from_uuid(tx.new_id());
        let last = money::last_of(tx, self.order)?;
        money::begin(tx, id, self.order, last.as_ref(), self.method, self.minor)?;
        orders::attempt_begun(tx, self.order, self.method, id)?;
        Ok(id)
    }
}

/// Books money that came, as settling does it, and gives back what the order does not want. `None` if it was booked before.
struct Take {
    payment: PaymentId,
    minor: i64,
    object: String,
}

impl Command for Take {
    const NAME: &'static str = "test.take";
    type Output = Option<Fate>;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Option<Fate>> {
        let entry = Entry::of(self.payment, Kind::Captured, self.minor, Actor::Gateway);
        if !money::book(tx, &Entry { object: Some(&self.object), ..entry })? {
            return Ok(None);
        }
        let order = money::payment(tx, self.payment)?.ok_or_else(|| Fault::because("it is there"))?.order;
        let fate = orders::captured(tx, order, Actor::Gateway)?;
        if let Fate::GiveBack { why, minor } = fate {
            let (payment, by) = (self.payment, Actor::Gateway);
            let new = NewRefund { payment, amount_minor: minor, reason: Some(why), lines: None, object: None, by };
            money::start_refund(tx, &new)?;
        }
        Ok(Some(fate))
    }
}

fn id_of(order: &Order) -> OrderId {
    OrderId::parse(&order.id).expect("an id")
}

async fn begin(shop: &Shop, order: &Order, method: &str, minor: i64) -> PaymentId {
    let method = PaymentMethod::from_code(method).expect("a method");
    shop.db().write(Begin { order: id_of(order), method, minor }).await.expect("a payment begins")
}

async fn take(shop: &Shop, payment: PaymentId, minor: i64, object: &str) -> Option<Fate> {
    shop.db().write(Take { payment, minor, object: object.to_owned() }).await.expect("money is booked")
}

/// A payment that is begun and paid at once.
async fn pay(shop: &Shop, order: &Order, minor: i64, object: &str) -> Fate {
    let payment = begin(shop, order, TESTPAY, minor).await;
    take(shop, payment, minor, object).await.expect("nobody has booked it before")
}

async fn online(by: &Client, product: &Product, pieces: i64) -> Order {
    by.order().line(product, pieces).pickup().field("paymentMethod", TESTPAY).place().await
}

async fn online_for_tomorrow(by: &Client, product: &Product, pieces: i64) -> Order {
    let order = by.order().line(product, pieces).pickup().field("paymentMethod", TESTPAY);
    order.field("deliveryInfo", json!({ "date": "2026-11-26" })).place().await
}

async fn act(by: &Client, order: &Order, what: &str, body: Value) -> crate::harness::Reply {
    by.post(&format!("{}/{what}", order.path())).json(&body).send().await
}

/// Status, payment status and method of an order.
fn state(order: &Value) -> (&str, &str, &str) {
    let text = |name: &str| order[name].as_str().expect("a text");
    (text("status"), text("paymentStatus"), text("paymentMethod"))
}

/// Method, status, minor units asked for and taken of each payment of the only order, the first one first.
async fn payments(shop: &Shop, order: &Order) -> Vec<(String, &'static str, i64, i64)> {
    let id = id_of(order);
    let all = shop.db().read(move |reader| money::payments_of(reader, id)).await.expect("payments");
    let told = |one: &money::Payment| (one.method.code().to_owned(), one.status.code(), one.amount_minor, one.captured_minor);
    all.iter().rev().map(told).collect()
}

fn last_move(order: &Value) -> &Value {
    order["history"].as_array().and_then(|all| all.last()).expect("a move")
}

#[tokio::test]
async fn an_online_order_is_held_until_it_must_be_paid_and_then_ends() {
    let shop = open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let order = || shop.guest().order().line(&bread, 4).pickup().field("paymentMethod", TESTPAY);
    let placed = order().send().await.expect(201);
    assert_eq!((&placed["status"], &placed["next"]), (&json!("Pending"), &json!("checkout")));
    let cash = shop.guest().order().line(&bread, 1).pickup().send().await.expect(201);
    assert_eq!(cash["next"], Value::Null);
    assert_eq!(staff.pieces(&bread).await, (10, 5, 5));
    assert!(payments(&shop, &Order::of(&placed)).await.is_empty(), "it has its payment from the first checkout on");
    let board = staff.see("/api/v1/admin/orders").await;
    let slip = board.rows()[0]["orders"].as_array().and_then(|all| all.iter().find(|one| one["paymentMethod"] == TESTPAY));
    let slip = slip.expect("its slip");
    assert_eq!(slip["holdExpiresAt"].as_str().map(|at| &at[..16]), Some("2026-11-25T08:30"));
    assert_eq!(slip["holdEndsSoon"], false, "nobody here can hurry it");
    let day = staff.see("/api/v1/admin/dashboard").await;
    assert_eq!(day["toCollect"], json!({ "count": 1, "total": "1.000" }), "a gateway collects the other");

    shop.advance(29 * MINUTE);
    shop.run_jobs().await;
    assert_eq!(staff.order_of(&Order::of(&placed)).await["status"], "Pending");
    shop.advance(2 * MINUTE);
    shop.run_jobs().await;
    let ended = staff.order_of(&Order::of(&placed)).await;
    assert_eq!((&ended["status"], &last_move(&ended)["by"]), (&json!("Cancelled"), &json!("system")));
    assert_eq!(last_move(&ended)["note"], "nobody paid for it in time");
    assert_eq!(staff.pieces(&bread).await, (10, 1, 9));
    shop.close().await;
}

#[tokio::test]
async fn the_owner_says_how_long_an_online_order_is_held_and_guests_have_so_many() {
    let limits = [
        ("BAYADER_RATE_LIMIT__ENABLED", "true"),
        ("BAYADER_RATE_LIMIT__PUBLIC__BURST", "1000"),
        ("BAYADER_RATE_LIMIT__SIGNED_IN__BURST", "1000"),
    ];
    let shop = Shop::open_with_gateways(&limits, vec![TestGateway::new().shared()]).await;
    shop.owner().put(SETTINGS).json(&json!({ "orders": { "holdMinutes": 5, "confirmCash": true } })).send().await.expect(200);
    let bread = shop.product("Bread").stock(100).create().await;
    let huda = || json!({ "name": "Huda", "phone": "+962790000077" });
    let order = |method: &str| {
        shop.guest().order().line(&bread, 1).pickup().field("paymentMethod", method).field("customerInfo", huda())
    };
    let mut first = None;
    for _ in 0..3 {
        let placed = order(TESTPAY).send().await.expect(201);
        assert_eq!(placed["status"], "Pending", "what confirms cash orders at once does not confirm this");
        first.get_or_insert(Order::of(&placed));
    }
    order(TESTPAY).send().await.expect_problem(409, "too_many_open_orders");
    order("cash").send().await.expect(201);
    pay(&shop, &first.expect("an order"), 1_000, "ch_1").await;
    order(TESTPAY).send().await.expect(201);
    shop.advance(6 * MINUTE);
    shop.run_jobs().await;
    assert_eq!(shop.rows("select count(*) from orders where status = 'Cancelled'").await, 3);
    for _ in 0..3 {
        order(TESTPAY).send().await.expect(201);
    }
    shop.close().await;
}

#[tokio::test]
async fn what_costs_nothing_is_confirmed_as_it_is_placed() {
    let shop = open().await;
    let taste = shop.product("Taste").price("0.000").stock(10).create().await;
    let placed = shop.guest().order().line(&taste, 1).pickup().field("paymentMethod", TESTPAY).send().await.expect(201);
    assert_eq!((&placed["status"], &placed["next"]), (&json!("Confirmed"), &Value::Null));
    let staff = shop.staff().await;
    assert_eq!(staff.pieces(&taste).await, (9, 0, 9));
    let last = staff.move_order_through(&Order::of(&placed), &["Preparing", "ReadyForPickup", "Delivered"]).await;
    assert_eq!(last["paymentStatus"], "Pending", "nothing was captured");
    shop.close().await;
}

#[tokio::test]
async fn money_confirms_its_order_in_its_own_transaction_and_once() {
    let shop = open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").price("2.500").stock(10).create().await;
    let order = online(&shop.guest(), &bread, 4).await;
    let payment = begin(&shop, &order, TESTPAY, 10_000).await;
    assert_eq!(state(&staff.order_of(&order).await), ("Pending", "Pending", TESTPAY));
    assert_eq!(take(&shop, payment, 10_000, "ch_1").await, Some(Fate::Confirmed));
    let paid = staff.order_of(&order).await;
    assert_eq!(state(&paid), ("Confirmed", "Paid", TESTPAY));
    assert_eq!(last_move(&paid)["by"], "gateway");
    assert_eq!(staff.pieces(&bread).await, (6, 0, 6));
    // The same object is booked once.
    assert_eq!(take(&shop, payment, 10_000, "ch_1").await, None);
    assert_eq!(staff.order_of(&order).await["version"], paid["version"]);
    // Its hold ends no more.
    shop.advance(31 * MINUTE);
    shop.run_jobs().await;
    assert_eq!(staff.order_of(&order).await["status"], "Confirmed");
    let day = staff.see("/api/v1/admin/dashboard").await;
    assert_eq!(
        day["takings"],
        json!({ "total": "10.000", "byMethod": [
            { "method": "cash", "amount": "0.000" }, { "method": "card_machine", "amount": "0.000" },
            { "method": "transfer", "amount": "0.000" }, { "method": TESTPAY, "amount": "10.000" },
        ] })
    );
    assert_eq!(staff.see(&format!("/api/v1/orders?payment_method={TESTPAY}&payment_status=Paid")).await["meta"]["total"], 1);
    shop.close().await;
}

#[tokio::test]
async fn what_comes_for_a_paid_order_goes_back() {
    let shop = open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;
    let order = online(&shop.guest(), &bread, 1).await;
    let (first, second) = (begin(&shop, &order, TESTPAY, 2_000).await, begin(&shop, &order, TESTPAY, 2_000).await);
    assert_eq!(take(&shop, second, 2_000, "ch_2").await, Some(Fate::Confirmed));
    assert_eq!(shop.rows(ENDINGS).await, 1, "the other one is ended");
    let too_much = |minor| Some(Fate::GiveBack { why: "the order was paid already", minor });
    assert_eq!(take(&shop, first, 2_000, "ch_1").await, too_much(2_000));
    // Also where one payment is captured twice, and then no more than once over.
    assert_eq!(take(&shop, second, 2_000, "ch_2b").await, too_much(2_000));
    assert_eq!(shop.rows("select count(*) from refunds where status = 'pending' and amount_minor = 2000").await, 2);
    assert_eq!(staff.order_of(&order).await["status"], "Confirmed");

    // A part first, and then all of it: what the order does not cost goes back.
    let other = online(&shop.guest(), &bread, 1).await;
    let late = begin(&shop, &other, TESTPAY, 2_000).await;
    act(&staff, &other, "collect", json!({ "amount": "0.500" })).await.expect(200);
    assert_eq!(
        take(&shop, late, 2_000, "ch_3").await,
        Some(Fate::GiveBack { why: "more came than the order costs", minor: 500 })
    );
    assert_eq!(state(&staff.order_of(&other).await), ("Confirmed", "Paid", "cash"));
    assert_eq!(payments(&shop, &other).await[1], ("cash".to_owned(), "succeeded", 500, 500));
    shop.close().await;
}

#[tokio::test]
async fn a_part_is_waited_for_and_a_forced_order_is_confirmed_already() {
    let shop = open().await;
    let (staff, owner) = (shop.staff().await, shop.owner());
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;
    let order = online(&shop.guest(), &bread, 1).await;
    let payment = begin(&shop, &order, TESTPAY, 2_000).await;
    assert_eq!(take(&shop, payment, 1_500, "ch_1").await, Some(Fate::PartPaid));
    assert_eq!(state(&staff.order_of(&order).await), ("Pending", "Pending", TESTPAY));
    staff.move_order(&order, "Confirmed").await.expect_problem(409, "not_paid");
    let force = json!({ "status": "Confirmed", "force": true, "note": "The rest comes" });
    owner.put(&format!("{}/status", order.path())).json(&force).send().await.expect(200);
    assert_eq!(take(&shop, payment, 500, "ch_1b").await, Some(Fate::Already));
    staff.move_order_through(&order, &["Preparing", "ReadyForPickup", "Delivered"]).await;
    shop.close().await;
}

/// An order whose hold has ended, for tomorrow unless it was for at once.
async fn ended(shop: &Shop, bread: &Product, tomorrow: bool) -> Order {
    let order =
        if tomorrow { online_for_tomorrow(&shop.guest(), bread, 4).await } else { online(&shop.guest(), bread, 4).await };
    shop.advance(31 * MINUTE);
    shop.run_jobs().await;
    assert_eq!(shop.staff().await.order_of(&order).await["status"], "Cancelled");
    order
}

#[tokio::test]
async fn late_money_brings_an_ended_order_back_if_it_can_still_be_baked() {
    let shop = open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let order = ended(&shop, &bread, true).await;
    assert_eq!(pay(&shop, &order, 4_000, "ch_1").await, Fate::Revived);
    let revived = staff.order_of(&order).await;
    assert_eq!(state(&revived), ("Confirmed", "Paid", TESTPAY));
    assert_eq!(last_move(&revived)["by"], "gateway");
    assert!(last_move(&revived)["note"].as_str().is_some_and(|note| note.contains("after its hold had ended")), "{revived}");
    assert_eq!(staff.pieces(&bread).await, (6, 0, 6));
    staff.move_order_through(&order, &["Preparing", "ReadyForPickup", "Delivered"]).await;

    // What is too much goes back.
    let order = ended(&shop, &bread, true).await;
    let too_much = Fate::GiveBack { why: "more came than the order costs", minor: 500 };
    assert_eq!(pay(&shop, &order, 4_500, "ch_1b").await, too_much);
    assert_eq!(state(&staff.order_of(&order).await), ("Confirmed", "Paid", TESTPAY));
    act(&staff, &order, "cancel", json!({})).await.expect(200);

    let gone = |why| Fate::GiveBack { why, minor: 4_000 };
    // A part of it revives nothing.
    let order = ended(&shop, &bread, true).await;
    let part = pay(&shop, &order, 1_000, "ch_2").await;
    assert_eq!(part, Fate::GiveBack { why: "the order had ended, and this does not pay it", minor: 1_000 });
    // Money that is on its way back does not count.
    assert_eq!(
        pay(&shop, &order, 3_000, "ch_2b").await,
        Fate::GiveBack { why: "the order had ended, and this does not pay it", minor: 3_000 }
    );
    assert_eq!(state(&staff.order_of(&order).await), ("Cancelled", "Paid", TESTPAY), "until the refunds are done");

    // Its time is past: it was wanted at once.
    let order = ended(&shop, &bread, false).await;
    assert_eq!(pay(&shop, &order, 4_000, "ch_3").await, gone("the order had ended, and its time is past"));
    // Somebody else has them.
    let order = ended(&shop, &bread, true).await;
    let others = shop.guest().order().line(&bread, 3).pickup().place().await;
    assert_eq!(pay(&shop, &order, 4_000, "ch_4").await, gone("the order had ended, and what was ordered is gone"));
    assert_eq!(staff.order_of(&order).await["status"], "Cancelled");
    assert_eq!(staff.pieces(&bread).await, (6, 3, 3));
    act(&staff, &others, "cancel", json!({})).await.expect(200);
    // A person has cancelled it.
    for by in [&staff, &shop.guest()] {
        let order = online_for_tomorrow(&shop.guest(), &bread, 4).await;
        let cancel = by.post(&format!("{}/cancel", order.path())).header("x-order-token", order.token());
        cancel.json(&json!({})).send().await.expect(200);
        let fate = pay(&shop, &order, 4_000, &format!("ch_{}", order.id)).await;
        assert_eq!(fate, gone("the order was cancelled"));
    }
    assert_eq!(staff.pieces(&bread).await, (6, 0, 6));
    shop.close().await;
}

#[tokio::test]
async fn of_two_short_lines_none_is_taken_when_an_order_cannot_come_back() {
    let shop = open().await;
    let staff = shop.staff().await;
    let (bread, cake) = (shop.product("Bread").stock(5).create().await, shop.product("Cake").stock(1).create().await);
    let order = shop.guest().order().line(&bread, 2).line(&cake, 1).pickup().field("paymentMethod", TESTPAY);
    let order = order.field("deliveryInfo", json!({ "date": "2026-11-26" })).place().await;
    shop.advance(31 * MINUTE);
    shop.run_jobs().await;
    shop.guest().order().line(&cake, 1).pickup().place().await;
    assert!(matches!(pay(&shop, &order, 3_000, "ch_1").await, Fate::GiveBack { minor: 3_000, .. }));
    assert_eq!((staff.pieces(&bread).await, staff.pieces(&cake).await), ((5, 0, 5), (1, 1, 0)));
    shop.close().await;
}

#[tokio::test]
async fn an_online_order_goes_on_unpaid_by_an_admins_word_alone() {
    let shop = open().await;
    let (staff, owner) = (shop.staff().await, shop.owner());
    let bread = shop.product("Bread").price("2.000").stock(10).create().await;
    let order = online(&shop.guest(), &bread, 1).await;
    let to = |by: &Client, body: Value| by.put(&format!("{}/status", order.path())).json(&body).send();
    staff.move_order(&order, "Confirmed").await.expect_problem(409, "not_paid");
    owner.move_order(&order, "Confirmed").await.expect_problem(409, "not_paid");
    to(&staff, json!({ "status": "Confirmed", "force": true, "note": "I know her" })).await.expect_problem(403, "forbidden");
    to(&owner, json!({ "status": "Confirmed", "force": true })).await.expect_field("note");
    // What is no move is none by force either.
    let skip = json!({ "status": "Preparing", "force": true, "note": "At once" });
    to(&owner, skip).await.expect_problem(409, "illegal_transition");
    let moved = to(&owner, json!({ "status": "Confirmed", "force": true, "note": "I know her" })).await.expect(200);
    assert_eq!(state(&moved.body), ("Confirmed", "Pending", TESTPAY));
    assert_eq!(staff.pieces(&bread).await, (9, 0, 9));
    // Taken back, it waits for its payment again.
    let undo = json!({ "version": moved["version"] });
    act(&owner, &order, "undo", undo).await.expect(200);
    assert_eq!(staff.pieces(&bread).await, (10, 1, 9));
    let slip = staff.see("/api/v1/admin/orders").await.rows()[0]["orders"][0].clone();
    assert_eq!(slip["holdExpiresAt"].as_str().map(|at| &at[..16]), Some("2026-11-25T08:30"));

    to(&owner, json!({ "status": "Confirmed", "force": true, "note": "I know her" })).await.expect(200);
    staff.move_order_through(&order, &["Preparing", "ReadyForPickup"]).await;
    staff.move_order(&order, "Delivered").await.expect_problem(409, "not_paid");
    let last = to(&owner, json!({ "status": "Delivered", "force": true, "note": "She pays tomorrow" })).await.expect(200);
    assert_eq!(state(&last.body), ("Delivered", "Pending", TESTPAY), "nobody has taken money with it");
    let audit = owner.see("/api/v1/admin/audit?action=order.move").await;
    assert_eq!(audit.rows()[0]["action"], "order.move");
    assert_eq!(audit.rows()[0]["after"]["force"], true);
    assert_eq!(audit.rows()[0]["after"]["note"], "She pays tomorrow");
    // And tomorrow she pays.
    let paid = act(&staff, &order, "collect", json!({ "method": "card_machine" })).await.expect(200);
    assert_eq!(state(&paid.body), ("Delivered", "Paid", "card_machine"));
    shop.close().await;
}

#[tokio::test]
async fn a_paid_order_is_confirmed_and_not_taken_back() {
    let shop = open().await;
    let owner = shop.owner();
    let bread = shop.product("Bread").stock(10).create().await;
    let order = online(&shop.guest(), &bread, 1).await;
    let force = json!({ "status": "Confirmed", "force": true, "note": "I know her" });
    let moved = owner.put(&format!("{}/status", order.path())).json(&force).send().await.expect(200);
    assert_eq!(pay(&shop, &order, 1_000, "ch_1").await, Fate::Already);
    let undo = |version: Value| act(&owner, &order, "undo", json!({ "version": version }));
    undo(moved["version"].clone()).await.expect_problem(409, "version_conflict");
    undo(owner.order_of(&order).await["version"].clone()).await.expect_problem(409, "cannot_undo");
    // A move of a paid order that keeps it confirmed is.
    let moved = owner.move_order(&order, "Preparing").await.expect(200);
    assert_eq!(undo(moved["version"].clone()).await.expect(200)["status"], "Confirmed");
    shop.close().await;
}

#[tokio::test]
async fn cancelling_gives_back_all_that_came_unless_staff_keep_it_with_a_reason() {
    let shop = open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let paid = |n: u8| {
        let (shop, bread) = (&shop, &bread);
        async move {
            let order = online(&shop.guest(), bread, 1).await;
            pay(shop, &order, 1_000, &format!("ch_{n}")).await;
            order
        }
    };
    let by_customer = paid(1).await;
    let cancel = shop.guest().post(&format!("{}/cancel", by_customer.path())).header("x-order-token", by_customer.token());
    let reply = cancel.json(&json!({ "reason": "Changed my mind" })).send().await.expect(200);
    assert_eq!(state(&reply.body), ("Cancelled", "Paid", TESTPAY), "until the gateway has given it back");
    assert_eq!(shop.rows(REFUNDS).await, 1);

    let kept = paid(2).await;
    act(&staff, &kept, "cancel", json!({ "refund": false })).await.expect_field("reason");
    let guest = shop.guest().post(&format!("{}/cancel", kept.path())).header("x-order-token", kept.token());
    guest.json(&json!({ "refund": false, "reason": "Mine" })).send().await.expect_problem(403, "forbidden");
    act(&staff, &kept, "cancel", json!({ "refund": false, "reason": "Baked as she wished" })).await.expect(200);
    assert_eq!(shop.rows("select count(*) from refunds").await, 1);

    let moved = paid(3).await;
    staff.move_order(&moved, "Cancelled").await.expect(200);
    assert_eq!(shop.rows("select count(*) from refunds").await, 2);

    // Money that came by two ways goes back by both; cash at once, and it is told who paid it out.
    let both = online(&shop.guest(), &bread, 1).await;
    let attempt = begin(&shop, &both, TESTPAY, 1_000).await;
    take(&shop, attempt, 400, "ch_4").await;
    act(&staff, &both, "collect", json!({ "amount": "0.100", "reference": "slip 7" })).await.expect(200);
    let reply = act(&staff, &both, "cancel", json!({ "reason": "Burnt" })).await.expect(200);
    assert_eq!((&reply["paymentStatus"], &reply["refundedAmount"]), (&json!("PartiallyRefunded"), &json!("0.100")));
    let cash = "select count(*) from money_ledger where kind = 'refunded' and method = 'cash' and amount_minor = 100 \
                and actor = 'staff' and actor_id is not null and reason = 'Burnt'";
    assert_eq!(shop.rows(cash).await, 1);
    assert_eq!(shop.rows("select count(*) from refunds where status = 'pending' and amount_minor = 400").await, 1);
    shop.close().await;
}

#[tokio::test]
async fn nothing_of_a_cancelled_order_stays_payable() {
    let shop = open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let cash = shop.guest().order().line(&bread, 1).pickup().place().await;
    act(&staff, &cash, "cancel", json!({})).await.expect(200);
    assert_eq!(payments(&shop, &cash).await, [("cash".to_owned(), "cancelled", 1_000, 0)]);
    let forgotten = shop.guest().order().line(&bread, 1).pickup().place().await;
    shop.advance(25 * 60 * MINUTE);
    shop.run_jobs().await;
    assert_eq!(payments(&shop, &forgotten).await, [("cash".to_owned(), "cancelled", 1_000, 0)]);

    let staff = shop.staff().await;
    staff.sign_in_again().await;
    let order = online(&shop.guest(), &bread, 1).await;
    begin(&shop, &order, TESTPAY, 1_000).await;
    assert_eq!(shop.rows(ENDINGS).await, 0);
    act(&staff, &order, "cancel", json!({})).await.expect(200);
    assert_eq!(shop.rows(ENDINGS).await, 1);
    shop.close().await;
}

#[tokio::test]
async fn money_at_the_shop_makes_an_online_order_one_that_is_paid_there() {
    let shop = open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").price("5.000").stock(20).create().await;
    let order = online(&shop.guest(), &bread, 1).await;
    let attempt = begin(&shop, &order, TESTPAY, 5_000).await;
    act(&staff, &order, "collect", json!({ "method": TESTPAY })).await.expect_field("method");
    let part = json!({ "amount": "2.000", "method": "card_machine", "reference": "slip 0042" });
    let reply = act(&staff, &order, "collect", part).await.expect(200);
    assert_eq!(state(&reply.body), ("Pending", "Pending", "card_machine"));
    assert_eq!(shop.rows(ENDINGS).await, 1, "nobody pays it online beside");
    let kept = "select count(*) from money_ledger where method = 'card_machine' and reference = 'slip 0042'";
    assert_eq!(shop.rows(kept).await, 1);
    // What was meant for a few minutes is held as a cash order is, and who has paid a part is waited for.
    shop.advance(31 * MINUTE);
    assert_eq!(shop.rows("select (hold_expires_at - created_at) / 3600000 from orders").await, 24);
    act(&staff, &order, "collect", json!({ "amount": "3.001" })).await.expect_problem(409, "amount_exceeds_due");
    let reply = act(&staff, &order, "collect", json!({ "method": "transfer" })).await.expect(200);
    assert_eq!(state(&reply.body), ("Confirmed", "Paid", "transfer"));
    assert_eq!(
        payments(&shop, &order).await,
        [
            (TESTPAY.to_owned(), "pending", 5_000, 0),
            ("card_machine".to_owned(), "succeeded", 2_000, 2_000),
            ("transfer".to_owned(), "succeeded", 3_000, 3_000)
        ]
    );
    // The gateway had it all the same: it is given back.
    let fate = take(&shop, attempt, 5_000, "ch_1").await;
    assert_eq!(fate, Some(Fate::GiveBack { why: "the order was paid already", minor: 5_000 }));

    // A cash order that is paid by card is one paid by card, also when it is handed over.
    let cash = shop.guest().order().line(&bread, 1).pickup().place().await;
    act(&staff, &cash, "collect", json!({ "amount": "1.000", "method": "card_machine" })).await.expect(200);
    staff.move_order_through(&cash, &["Confirmed", "Preparing", "ReadyForPickup", "Delivered"]).await;
    assert_eq!(
        payments(&shop, &cash).await,
        [("cash".to_owned(), "cancelled", 5_000, 0), ("card_machine".to_owned(), "succeeded", 5_000, 5_000)]
    );
    shop.close().await;
}

#[tokio::test]
async fn a_checkout_changes_how_an_order_is_paid_and_for_how_long_it_is_held() {
    let shop = open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").stock(20).create().await;
    let hours = "select (hold_expires_at - created_at) / 3600000 from orders order by id desc limit 1";
    let order = online(&shop.guest(), &bread, 1).await;
    assert_eq!(shop.rows(hours).await, 0);
    begin(&shop, &order, "cash", 1_000).await;
    assert_eq!((state(&staff.order_of(&order).await), shop.rows(hours).await), (("Pending", "Pending", "cash"), 24));
    shop.advance(31 * MINUTE);
    shop.run_jobs().await;
    assert_eq!(staff.order_of(&order).await["status"], "Pending");
    // And back: the shop waits no shorter than it has promised.
    begin(&shop, &order, TESTPAY, 1_000).await;
    assert_eq!((state(&staff.order_of(&order).await), shop.rows(hours).await), (("Pending", "Pending", TESTPAY), 24));
    assert_eq!(
        payments(&shop, &order).await,
        [("cash".to_owned(), "cancelled", 1_000, 0), (TESTPAY.to_owned(), "pending", 1_000, 0)]
    );
    assert_eq!(staff.see("/api/v1/orders?payment_method=cash").await["meta"]["total"], 0);
    // Where cash orders are confirmed at once, so is this.
    shop.owner().put(SETTINGS).json(&json!({ "orders": { "confirmCash": true } })).send().await.expect(200);
    begin(&shop, &order, "cash", 1_000).await;
    assert_eq!(state(&staff.order_of(&order).await), ("Confirmed", "Pending", "cash"));
    shop.close().await;
}

#[tokio::test]
async fn a_transfer_says_where_to_until_it_has_come() {
    let shop = open().await;
    let (owner, staff) = (shop.owner(), shop.staff().await);
    let bread = shop.product("Bread").stock(20).create().await;
    let place = || shop.guest().order().line(&bread, 1).pickup().field("paymentMethod", "transfer");
    place().send().await.expect_field("paymentMethod");
    let set = |body: Value| owner.put(SETTINGS).json(&body).send();
    set(json!({ "paymentMethods": { "transfer": true } })).await.expect(200);
    place().send().await.expect_field("paymentMethod");
    let details = "CliQ: BAYADER\nAl-Bayader Bakery";
    set(json!({ "shop": { "transferDetails": details }, "orders": { "confirmCash": true } })).await.expect(200);
    let codes = shop.guest().see("/api/v1/payments/methods").await;
    assert_eq!(codes.column("code"), ["cash", "transfer", TESTPAY]);

    let placed = place().send().await.expect(201);
    assert_eq!((&placed["status"], &placed["next"]), (&json!("Pending"), &Value::Null), "it has to come first");
    let order = Order::of(&placed);
    assert_eq!(shop.rows("select (hold_expires_at - created_at) / 3600000 from orders").await, 24);
    let as_guest = || shop.guest().get(&order.path()).header("x-order-token", order.token()).send();
    assert_eq!(as_guest().await.expect(200)["transferDetails"], details);
    assert_eq!(staff.order_of(&order).await["transferDetails"], details);
    let paid = act(&staff, &order, "collect", json!({ "method": "transfer", "reference": "FT26330" })).await.expect(200);
    assert_eq!((state(&paid.body), &paid["transferDetails"]), (("Confirmed", "Paid", "transfer"), &Value::Null));
    assert_eq!(as_guest().await.expect(200)["transferDetails"], Value::Null);
    let cash = shop.guest().order().line(&bread, 1).pickup().place().await;
    assert_eq!(staff.order_of(&cash).await["transferDetails"], Value::Null);
    shop.close().await;
}

#[tokio::test]
async fn the_terminal_on_the_counter_is_for_staff() {
    let shop = open().await;
    let (staff, layla) = (shop.staff().await, shop.customer("Layla").await);
    let bread = shop.product("Bread").stock(20).create().await;
    let place = |by: &Client, method: &str| by.order().line(&bread, 1).pickup().field("paymentMethod", method);
    for by in [&shop.guest(), &layla] {
        let reply = place(by, "card_machine").send().await.expect_field("paymentMethod");
        assert_eq!(reply["errors"][0]["code"], "method_not_offered");
    }
    let sold = place(&staff, "card_machine").field("collected", true).send().await.expect(201);
    assert_eq!((&sold["status"], &sold["paymentStatus"]), (&json!("Confirmed"), &json!("Paid")));
    assert_eq!(payments(&shop, &Order::of(&sold)).await, [("card_machine".to_owned(), "succeeded", 1_000, 1_000)]);
    place(&staff, TESTPAY).field("collected", true).send().await.expect_field("collected");
    // A gateway that nobody has configured is none.
    place(&staff, "stripe").send().await.expect_field("paymentMethod");
    assert_eq!(staff.see("/api/v1/payments/methods").await.column("code"), ["cash", "card_machine", TESTPAY]);
    assert_eq!(layla.see("/api/v1/payments/methods").await.column("code"), ["cash", TESTPAY]);
    shop.close().await;
}

#[tokio::test]
async fn the_owner_switches_each_gateway_there_is_and_no_other() {
    let shop = open().await;
    let owner = shop.owner();
    let before = owner.see(SETTINGS).await;
    let all = json!({ "cash": true, "card_machine": true, "transfer": false, TESTPAY: true });
    assert_eq!(before["paymentMethods"], all);
    assert_eq!(owner.put(SETTINGS).json(&before.body).send().await.expect(200)["paymentMethods"], all);
    let put = |methods: Value| owner.put(SETTINGS).json(&json!({ "paymentMethods": methods })).send();
    assert_eq!(owner.see(SETTINGS).await["version"], before["version"], "nothing was changed");
    let refused = put(json!({ "stripe": true, TESTPAY: 7 })).await.expect(422);
    assert_eq!(refused.fields(), ["paymentMethods.stripe", "paymentMethods.testpay"]);
    assert!(refused.text.contains("cash, card_machine, transfer, testpay"), "{refused:?}");
    put(json!("all")).await.expect_field("paymentMethods");
    assert_eq!(put(json!({ TESTPAY: false, "card_machine": null })).await.expect(200)["paymentMethods"][TESTPAY], false);
    assert_eq!(shop.guest().see("/api/v1/payments/methods").await.column("code"), ["cash"]);
    let bread = shop.product("Bread").stock(20).create().await;
    let order = shop.guest().order().line(&bread, 1).pickup().field("paymentMethod", TESTPAY);
    order.send().await.expect_field("paymentMethod");
    shop.close().await;
}

#[tokio::test]
async fn the_methods_of_an_order_are_those_that_can_take_what_it_owes() {
    let gateways: Vec<Arc<dyn Gateway>> =
        vec![TestGateway::new().shared(), TestGateway::named("coarse").in_steps_of(10).shared()];
    let shop = Shop::open_with_gateways(&[], gateways).await;
    let (staff, layla, omar) = (shop.staff().await, shop.customer("Layla").await, shop.customer("Omar").await);
    let bread = shop.product("Bread").price("1.005").stock(20).create().await;
    let order = online(&layla, &bread, 1).await;
    let path = format!("/api/v1/payments/methods?order_id={}", order.id);
    assert_eq!(layla.see("/api/v1/payments/methods").await.column("code"), ["cash", TESTPAY, "coarse"]);
    assert_eq!(layla.see(&path).await.column("code"), ["cash", TESTPAY]);
    assert_eq!(layla.see(&path).await.column("kind"), ["offline", "redirect"]);
    assert_eq!(staff.see(&path).await.column("code"), ["cash", "card_machine", TESTPAY]);
    // What is owed counts.
    act(&staff, &order, "collect", json!({ "amount": "0.005" })).await.expect(200);
    assert_eq!(layla.see(&path).await.column("code"), ["cash", TESTPAY, "coarse"]);

    omar.get(&path).send().await.expect_problem(404, "not_found");
    shop.guest().get(&path).send().await.expect_problem(401, "unauthenticated");
    shop.guest().get(&path).header("x-order-token", &"x".repeat(32)).send().await.expect_problem(404, "not_found");
    let nobodys = "/api/v1/payments/methods?order_id=01936000-0000-7000-8000-000000000000";
    staff.get(nobodys).send().await.expect_problem(404, "not_found");
    staff.get("/api/v1/payments/methods?order_id=7").send().await.expect_field("order_id");
    let mine = online(&shop.guest(), &bread, 2).await;
    let path = format!("/api/v1/payments/methods?order_id={}", mine.id);
    let request = shop.guest().get(&path).header("x-order-token", mine.token());
    assert_eq!(request.send().await.expect(200).column("code"), ["cash", TESTPAY, "coarse"]);
    shop.guest().see(&format!("{path}&token={}", mine.token())).await;
    shop.close().await;
}

/// Begins to pay over HTTP; the payment's id.
async fn check_out(by: &Client, order: &Order) -> String {
    let body = json!({ "orderId": order.id, "paymentMethod": TESTPAY, "paymentDetails": {} });
    let begun = by.post("/api/v1/payments/checkout").json(&body).send().await.expect(200);
    begun["transactionId"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_live_attempt_is_ended_at_its_gateway_before_its_order_is() {
    let gateway = TestGateway::new().shared();
    let shop = Shop::open_with_gateways(&[], vec![Arc::clone(&gateway) as Arc<dyn Gateway>]).await;
    let (staff, layla) = (shop.staff().await, shop.customer("Layla").await);
    let bread = shop.product("Bread").stock(20).create().await;

    let order = online(&layla, &bread, 1).await;
    let payment = check_out(&layla, &order).await;
    // Who may not cancel ends nothing.
    let omar = shop.customer("Omar").await;
    act(&omar, &order, "cancel", json!({})).await.expect(404);
    let cancel = |tag: &str| staff.post(&format!("{}/cancel", order.path())).header("if-match", tag).json(&json!({})).send();
    cancel("\"1.0\"").await.expect_problem(412, "stale");
    assert_eq!(gateway.asked(Op::End), 0);
    // What was seen is seen still, although ending the attempt has changed the order.
    let tag = staff.see(&order.path()).await.header("etag").expect("a tag").to_owned();
    assert_eq!(cancel(&tag).await.expect(200)["status"], "Cancelled");
    assert_eq!((gateway.asked(Op::End), gateway.sale(&payment).state), (1, There::Ended(Ending::Cancelled)));
    assert_eq!(payments(&shop, &order).await, [(TESTPAY.to_owned(), "cancelled", 1_000, 0)]);
    assert_eq!(shop.rows(ENDINGS).await, 0);

    // Who paid in the same moment is cancelled all the same, and has the money back.
    let order = online(&layla, &bread, 1).await;
    let payment = check_out(&layla, &order).await;
    gateway.pay(&payment);
    let reply = act(&layla, &order, "cancel", json!({})).await.expect(200);
    assert_eq!(reply["status"], "Cancelled");
    assert_eq!(shop.rows("select count(*) from refunds where amount_minor = 1000").await, 1);

    // Money at the shop: what was paid online meanwhile counts, else nobody can pay it there any more.
    let order = online(&layla, &bread, 1).await;
    let payment = check_out(&layla, &order).await;
    act(&staff, &order, "collect", json!({ "amount": "9.000" })).await.expect_problem(409, "amount_exceeds_due");
    assert_eq!(gateway.sale(&payment).state, There::Open);
    act(&staff, &order, "collect", json!({})).await.expect(200);
    assert_eq!(gateway.sale(&payment).state, There::Ended(Ending::Cancelled));
    let order = online(&layla, &bread, 1).await;
    let payment = check_out(&layla, &order).await;
    gateway.pay(&payment);
    act(&staff, &order, "collect", json!({})).await.expect_problem(409, "nothing_due");
    assert_eq!(state(&staff.order_of(&order).await), ("Confirmed", "Paid", TESTPAY));
    assert_eq!(staff.pieces(&bread).await, (18, 0, 18));
    shop.close().await;
}

#[tokio::test]
async fn a_gateway_that_does_not_answer_keeps_nobody_from_cancelling() {
    let gateway = TestGateway::new().shared();
    let shop = Shop::open_with_gateways(&[], vec![Arc::clone(&gateway) as Arc<dyn Gateway>]).await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").stock(20).create().await;
    let order = online(&staff, &bread, 1).await;
    let payment = check_out(&staff, &order).await;
    gateway.next(Op::End, [Act::NotSent]);
    assert_eq!(act(&staff, &order, "cancel", json!({})).await.expect(200)["status"], "Cancelled");
    assert_eq!((shop.rows(ENDINGS).await, gateway.sale(&payment).state), (1, There::Open));
    shop.advance(MINUTE);
    shop.run_jobs().await;
    assert_eq!((shop.rows(ENDINGS).await, gateway.sale(&payment).state), (0, There::Ended(Ending::Cancelled)));
    shop.close().await;
}
