//! Paying through a gateway: begun, answered, lost, found, ended; whatever the gateway does, nobody pays twice and no money is lost.

use std::sync::Arc;
use std::time::Duration;

use bayader::features::payments::Gateway;
use bayader::features::payments::gateway::There;
use bayader::kernel::{Currency, Money};
use serde_json::{Value, json};

use crate::harness::test_gateway::{Act, Op, TestGateway};
use crate::harness::{Client, Order, Product, Reply, Request, Shop};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// A shop with one gateway in the hand, and bread.
struct Till {
    shop: Shop,
    gateway: Arc<TestGateway>,
    bread: Product,
}

async fn open(gateway: TestGateway) -> Till {
    let gateway = gateway.shared();
    let till = Till::open_with(&[], vec![Arc::clone(&gateway)]).await;
    Till { gateway, ..till }
}

impl Till {
    async fn open_with(variables: &[(&str, &str)], gateways: Vec<Arc<TestGateway>>) -> Till {
        let all = gateways.iter().map(|gateway| Arc::clone(gateway) as Arc<dyn Gateway>).collect();
        let shop = Shop::open_with_gateways(variables, all).await;
        for gateway in &gateways {
            gateway.use_clock(&shop.clock);
        }
        let bread = shop.product("Bread").price("1.500").stock(10).create().await;
        Till { gateway: Arc::clone(&gateways[0]), shop, bread }
    }

    /// An unpaid order of two loaves, 3.000.
    async fn order(&self) -> Order {
        self.order_by(&self.shop.guest()).await
    }

    async fn order_by(&self, by: &Client) -> Order {
        by.order().line(&self.bread, 2).pickup().field("paymentMethod", "testpay").place().await
    }

    fn ask(&self, order: &Order, method: &str) -> Request {
        checkout(&self.shop.guest(), order, json!({ "paymentMethod": method })).header("x-order-token", order.token())
    }

    async fn pay(&self, order: &Order) -> Reply {
        self.ask(order, "testpay").send().await
    }

    /// Begins to pay; the attempt's id.
    async fn begin(&self, order: &Order) -> String {
        text(&self.pay(order).await.expect(200), "transactionId")
    }

    async fn seen(&self, order: &Order) -> Value {
        self.shop.admin().order_of(order).await
    }

    async fn status(&self, order: &Order) -> (String, String) {
        let seen = self.seen(order).await;
        let word = |name: &str| seen[name].as_str().expect("a word").to_owned();
        (word("status"), word("paymentStatus"))
    }

    async fn expect(&self, order: &Order, status: &str, payment: &str) {
        assert_eq!(self.status(order).await, (status.to_owned(), payment.to_owned()), "{}", self.seen(order).await);
    }

    async fn pieces(&self) -> (i64, i64, i64) {
        self.shop.admin().pieces(&self.bread).await
    }

    /// Time passes, and what is due by then is done, and what follows at once from that. The writer's clock runs ahead of one that
    /// stands, a moment a write: so a second more passes.
    async fn later(&self, time: Duration) {
        for time in [time + SECOND, SECOND] {
            self.shop.advance(time);
            self.shop.run_jobs().await;
        }
    }

    /// Payments of the books, oldest first: attempt, status, captured.
    async fn payments(&self) -> Vec<(i64, String, i64)> {
        let rows = self.shop.db().read(|reader| {
            reader.all("select attempt, status, captured_minor from payments order by id", &[], |row| {
                let mut columns = row.columns();
                Ok((columns.next()?, columns.next()?, columns.next()?))
            })
        });
        rows.await.expect("the payments")
    }

    async fn count(&self, sql: &'static str) -> i64 {
        self.shop.count(sql).await
    }

    /// Closes the shop, whose ledger must be what the gateway has taken.
    async fn close(self) {
        let booked =
            "select coalesce(sum(amount_minor) filter (where kind = 'captured'), 0) from money_ledger where method = 'testpay'";
        let taken: i64 =
            self.gateway.sales().iter().flat_map(|sale| &sale.captures).map(|capture| capture.amount.minor()).sum();
        let parked =
            "select coalesce(sum(json_extract(parked, '$.amountMinor')), 0) from gateway_attempts where parked is not null";
        assert_eq!(self.count(booked).await + self.count(parked).await, taken, "the ledger is not what was taken");
        self.shop.close().await;
    }
}

fn checkout(by: &Client, order: &Order, mut body: Value) -> Request {
    body["orderId"] = order.id.clone().into();
    by.post("/api/v1/payments/checkout").json(&body)
}

fn text(reply: &Reply, name: &str) -> String {
    reply[name].as_str().unwrap_or_else(|| panic!("no {name} in {reply:?}")).to_owned()
}

#[tokio::test]
async fn an_order_is_begun_paid_and_confirmed() {
    let till = open(TestGateway::new()).await;
    let order = till.order().await;
    till.expect(&order, "Pending", "Pending").await;
    assert_eq!(till.pieces().await, (10, 2, 8));
    let reply = till.pay(&order).await.expect(200);
    assert_eq!(reply["paymentStatus"], "Pending");
    assert_eq!(reply["clientSecret"], Value::Null);
    let attempt = text(&reply, "transactionId");
    let sale = till.gateway.sale(&attempt);
    assert_eq!(reply["redirectUrl"], format!("https://testpay.example/{}", sale.reference));
    assert_eq!(
        (sale.amount, till.gateway.keys(Op::Start)),
        (Money::from_minor(3_000, Currency::JOD), vec![format!("tx:{attempt}")])
    );

    // The same again is the same attempt, and the gateway is not asked.
    let again = till.pay(&order).await.expect(200);
    assert_eq!(again.body, reply.body);
    assert_eq!(till.gateway.asked(Op::Start), 1);
    assert!(!till.shop.file_holds("https://testpay.example/"), "how to pay lies in the books in the clear");

    till.gateway.pay(&attempt);
    till.later(2 * MINUTE).await;
    till.expect(&order, "Confirmed", "Paid").await;
    assert_eq!(till.pieces().await, (8, 0, 8));
    let history = till.seen(&order).await["history"].clone();
    assert_eq!(history.as_array().expect("a history").last().expect("a move")["by"], "gateway");
    till.pay(&order).await.expect_problem(409, "already_paid");
    till.ask(&order, "cash").send().await.expect_problem(409, "already_paid");
    till.close().await;
}

#[tokio::test]
async fn the_gateways_fields_on_ones_own_page_get_a_secret() {
    let till = open(TestGateway::new()).await;
    let order = till.order().await;
    let body = json!({ "paymentMethod": "testpay", "paymentDetails": { "flow": "elements" } });
    let ask = || checkout(&till.shop.guest(), &order, body.clone()).header("x-order-token", order.token());
    let first = ask().key("elements-key-0001").send().await.expect(200);
    assert_eq!((first["redirectUrl"].clone(), first["clientSecret"].as_str().is_some()), (Value::Null, true));
    assert!(!till.shop.file_holds(&text(&first, "clientSecret")), "a secret lies in the books in the clear");
    let again = ask().key("elements-key-0001").send().await.expect(200);
    assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &first.body));
    till.ask(&order, "testpay").key("elements-key-0001").send().await.expect_problem(422, "idempotency_key_reused");

    // Another flow is another attempt; the first can be paid no more.
    let other = json!({ "paymentMethod": "testpay", "paymentDetails": { "flow": "redirect" } });
    let other = checkout(&till.shop.guest(), &order, other).header("x-order-token", order.token()).send().await.expect(200);
    assert!(other["redirectUrl"].is_string() && other["transactionId"] != first["transactionId"]);
    assert!(matches!(till.gateway.sale(&text(&first, "transactionId")).state, There::Ended(_)));
    till.close().await;
}

#[tokio::test]
async fn customers_pay_their_own_orders_staff_any_and_strangers_none() {
    let till = open(TestGateway::new()).await;
    let (layla, omar, staff) = (till.shop.customer("Layla").await, till.shop.customer("Omar").await, till.shop.staff().await);
    let (hers, guests) = (till.order_by(&layla).await, till.order().await);
    let body = json!({ "paymentMethod": "testpay" });
    let nobody = Order { id: "01936000-0000-7000-8000-000000000000".into(), ..hers.clone() };
    let missing = checkout(&omar, &nobody, body.clone()).send().await.expect_problem(404, "not_found");
    let hidden = checkout(&omar, &hers, body.clone()).send().await.expect_problem(404, "not_found");
    assert_eq!(missing["detail"], hidden["detail"]);
    checkout(&till.shop.guest(), &guests, body.clone()).send().await.expect_problem(401, "unauthenticated");
    let wrong = checkout(&till.shop.guest(), &hers, body.clone()).header("x-order-token", guests.token());
    wrong.send().await.expect_problem(404, "not_found");
    assert_eq!(till.gateway.asked(Op::Start), 0);
    checkout(&layla, &hers, body.clone()).send().await.expect(200);
    checkout(&staff, &guests, body).send().await.expect(200);
    assert_eq!(till.count("select count(*) from audit_log where action = 'payment.checkout'").await, 1);
    till.close().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_before_any_gateway_hears_of_it() {
    let till = Till::open_with(
        &[("BAYADER_SERVER__PUBLIC_URL", "https://bakery.example"), ("BAYADER_SERVER__CORS_ORIGINS", "https://shop.example")],
        vec![TestGateway::new().in_steps_of(10).shared()],
    )
    .await;
    let order = till.order().await;
    let ask =
        async |body: Value| checkout(&till.shop.guest(), &order, body).header("x-order-token", order.token()).send().await;
    ask(json!({ "paymentMethod": "barter" })).await.expect_field("paymentMethod");
    ask(json!({ "paymentMethod": "card_machine" })).await.expect_field("paymentMethod");
    ask(json!({ "paymentMethod": "testpay", "amount": "1.000" })).await.expect_field("amount");
    ask(json!({ "paymentMethod": "testpay", "paymentDetails": { "flow": "telepathy" } }))
        .await
        .expect_field("paymentDetails.flow");
    let back = |page: &str| json!({ "paymentMethod": "testpay", "paymentDetails": { "returnUrl": page } });
    for page in [
        "https://evil.example/",
        "http://bakery.example/",
        "https://bakery.example.evil.example/",
        "https://bakery.example@evil.example/",
        "https://bakery.example:444/",
        "javascript:alert(1)",
        "//shop.example/thanks",
        "thanks",
    ] {
        ask(back(page)).await.expect_field("paymentDetails.returnUrl");
    }
    assert_eq!(till.gateway.asked(Op::Start), 0);
    ask(back("https://shop.example/thanks?order=7")).await.expect(200);

    let odd = till.shop.product("Stamp").price("0.005").stock(5).create().await;
    let order = till.shop.guest().order().line(&odd, 1).pickup().field("paymentMethod", "cash").place().await;
    till.pay(&order).await.expect_problem(409, "amount_not_representable");
    till.close().await;
}

#[tokio::test]
async fn a_declined_card_leaves_the_order_payable_by_a_new_attempt() {
    let till = open(TestGateway::new()).await;
    let order = till.order().await;
    till.gateway.next(Op::Start, [Act::Decline]);
    till.pay(&order).await.expect_problem(402, "payment_declined");
    till.expect(&order, "Pending", "Failed").await;
    let second = till.begin(&order).await;
    till.expect(&order, "Pending", "Pending").await;
    // On the gateway's own page the same attempt may be tried again.
    till.gateway.decline(&second);
    till.later(2 * MINUTE).await;
    till.expect(&order, "Pending", "Pending").await;
    assert_eq!(till.begin(&order).await, second);
    till.gateway.pay(&second);
    till.later(3 * MINUTE).await;
    till.expect(&order, "Confirmed", "Paid").await;
    let seen: Vec<_> = till.payments().await.into_iter().map(|(attempt, status, _)| (attempt, status)).collect();
    assert_eq!(seen, [(1, "failed".into()), (2, "succeeded".into())]);
    till.close().await;
}

#[tokio::test]
async fn a_gateway_that_refuses_or_cannot_be_reached_says_so_and_cash_goes_on() {
    let till = open(TestGateway::new()).await;
    let order = till.order().await;
    let acts = [
        (Act::Refuse("below_minimum"), 409, "gateway_refused"),
        (Act::Misconfigured, 503, "gateway_unavailable"),
        (Act::NotSent, 503, "gateway_unavailable"),
    ];
    for (act, status, code) in acts {
        till.gateway.next(Op::Start, [act]);
        let reply = till.pay(&order).await.expect_problem(status, code);
        assert_eq!(reply.header("retry-after").is_some(), status == 503, "{reply:?}");
        assert!(!reply.text.contains("the key"), "a customer is told of a key: {reply:?}");
    }
    let cash = till.ask(&order, "cash").send().await.expect(200);
    assert_eq!((cash["paymentStatus"].as_str(), cash["redirectUrl"].as_str()), (Some("Pending"), None));
    assert_eq!(till.ask(&order, "cash").send().await.expect(200).body, cash.body);
    let seen = till.seen(&order).await;
    assert_eq!((&seen["paymentMethod"], &seen["status"]), (&json!("cash"), &json!("Pending")));
    // It is held as a cash order is.
    till.later(31 * MINUTE).await;
    till.expect(&order, "Pending", "Pending").await;
    till.shop.staff().await.post(&format!("{}/collect", order.path())).json(&json!({})).send().await.expect(200);
    till.expect(&order, "Confirmed", "Paid").await;
    till.close().await;
}

#[tokio::test]
async fn an_attempt_of_unknown_outcome_is_found_before_anything_is_sent() {
    let till = open(TestGateway::new()).await;
    let order = till.order().await;
    till.gateway.next(Op::Start, [Act::UnclearAfter]);
    let reply = till.pay(&order).await.expect_problem(503, "payment_unclear");
    assert_eq!(reply.header("retry-after"), Some("10"));
    till.expect(&order, "Pending", "Pending").await;
    // While the gateway cannot be asked, nothing is sent.
    till.gateway.next(Op::Find, [Act::UnclearBefore]);
    till.pay(&order).await.expect_problem(503, "payment_unclear");
    let found = till.pay(&order).await.expect(200);
    assert!(found["redirectUrl"].is_string());
    assert_eq!((till.gateway.asked(Op::Start), till.gateway.sales().len()), (1, 1));
    till.gateway.pay(&text(&found, "transactionId"));
    till.later(2 * MINUTE).await;
    till.expect(&order, "Confirmed", "Paid").await;
    till.close().await;
}

#[tokio::test]
async fn what_is_surely_not_there_is_sent_again_with_its_key_while_the_key_lives() {
    let till = open(TestGateway::new().key_life(5 * 60_000, 60_000)).await;
    let order = till.order().await;
    till.gateway.next(Op::Start, [Act::UnclearBefore, Act::UnclearBefore]);
    till.pay(&order).await.expect_problem(503, "payment_unclear");
    till.pay(&order).await.expect_problem(503, "payment_unclear");
    let keys = till.gateway.keys(Op::Start);
    assert_eq!((keys.len(), &keys[0]), (2, &keys[1]));
    // The key is forgotten there by now: what is sent is another attempt.
    till.shop.advance(6 * MINUTE);
    let third = till.begin(&order).await;
    assert_eq!(till.gateway.keys(Op::Start)[2], format!("tx:{third}"));
    assert_ne!(till.gateway.keys(Op::Start)[2], keys[0]);
    assert_eq!(till.payments().await.iter().map(|row| row.1.as_str()).collect::<Vec<_>>(), ["failed", "pending"]);
    till.close().await;
}

#[tokio::test]
async fn a_gateway_that_replays_its_errors_gets_a_new_row_and_a_new_key() {
    let till = open(TestGateway::new().closing_when_lost()).await;
    let order = till.order().await;
    till.gateway.next(Op::Start, [Act::UnclearBefore]);
    till.pay(&order).await.expect_problem(503, "payment_unclear");
    let second = till.begin(&order).await;
    assert_eq!(till.gateway.keys(Op::Start)[1], format!("tx:{second}"));
    assert_eq!(till.payments().await.len(), 2);

    // It answered with an error after it had begun: the attempt is found, and its key is not sent again.
    let other = till.order().await;
    till.gateway.next(Op::Start, [Act::ReplayedError]);
    till.pay(&other).await.expect_problem(503, "payment_unclear");
    let found = till.begin(&other).await;
    assert_eq!(till.gateway.sale(&found).state, There::Open);
    assert_eq!(till.gateway.asked(Op::Start), 3);
    till.close().await;
}

#[tokio::test]
async fn the_reconciler_finds_what_nobody_asks_about_and_believes_a_loss_after_half_an_hour() {
    let till = Till::open_with(&[("BAYADER_ORDERS__HOLD_MINUTES", "120")], vec![TestGateway::new().shared()]).await;
    let (found, lost) = (till.order().await, till.order().await);
    till.gateway.next(Op::Start, [Act::UnclearAfter, Act::UnclearBefore]);
    till.pay(&found).await.expect_problem(503, "payment_unclear");
    let attempt = till.gateway.sales()[0].payment.to_string();
    till.gateway.pay(&attempt);
    till.pay(&lost).await.expect_problem(503, "payment_unclear");
    till.later(11 * SECOND).await;
    till.expect(&found, "Confirmed", "Paid").await;
    till.expect(&lost, "Pending", "Pending").await;
    assert_eq!(till.gateway.asked(Op::Find), 2);
    till.later(20 * SECOND).await;
    till.later(90 * SECOND).await;
    assert_eq!(till.gateway.asked(Op::Find), 4);
    till.expect(&lost, "Pending", "Pending").await;
    till.later(31 * MINUTE).await;
    till.expect(&lost, "Pending", "Failed").await;
    till.begin(&lost).await;
    till.close().await;
}

#[tokio::test]
async fn two_checkouts_at_once_make_one_attempt() {
    let till = open(TestGateway::new()).await;
    let order = till.order().await;
    till.gateway.next(Op::Start, [Act::Hang]);
    let first = tokio::spawn(till.ask(&order, "testpay").send());
    till.gateway.reach(Op::Start, 1).await;
    let reply = till.pay(&order).await.expect_problem(409, "checkout_in_progress");
    assert_eq!(reply.header("retry-after"), Some("1"));
    till.ask(&order, "cash").send().await.expect_problem(409, "checkout_in_progress");
    till.gateway.release();
    let first = first.await.expect("it ends").expect(200);
    assert_eq!(till.pay(&order).await.expect(200).body, first.body);
    assert_eq!(till.gateway.sales().len(), 1);
    till.close().await;
}

#[tokio::test]
async fn a_customer_who_leaves_and_a_gateway_that_is_too_slow_leave_nothing_half_begun() {
    let till = open(TestGateway::new()).await;
    let order = till.order().await;
    till.gateway.next(Op::Start, [Act::Hang]);
    let leaving = tokio::spawn(till.ask(&order, "testpay").try_send());
    till.gateway.reach(Op::Start, 1).await;
    leaving.abort();
    till.gateway.release();
    // Who comes back waits for the turn to end.
    let again = loop {
        match till.pay(&order).await {
            reply if reply.status == 409 => tokio::task::yield_now().await,
            reply => break reply.expect(200),
        }
    };
    assert_eq!((till.gateway.asked(Op::Start), till.gateway.sales().len()), (1, 1));
    assert!(again["redirectUrl"].is_string());

    let slow = till.order().await;
    till.gateway.next(Op::Start, [Act::HangAfter]);
    till.pay(&slow).await.expect_problem(503, "payment_unclear");
    let found = till.begin(&slow).await;
    assert_eq!(till.gateway.sale(&found).state, There::Open);
    assert_eq!(till.gateway.sales().len(), 2);
    till.close().await;
}

#[tokio::test]
async fn another_method_ends_the_first_attempt_before() {
    let other = TestGateway::named("otherpay").shared();
    let till = Till::open_with(&[], vec![TestGateway::new().shared(), Arc::clone(&other)]).await;
    let order = till.order().await;
    let first = till.begin(&order).await;
    let second = till.ask(&order, "otherpay").send().await.expect(200);
    assert!(matches!(till.gateway.sale(&first).state, There::Ended(_)));
    assert_eq!(till.seen(&order).await["paymentMethod"], "otherpay");
    till.expect(&order, "Pending", "Pending").await;
    assert_eq!(till.count("select count(*) from gateway_attempts where phase <> 'closed'").await, 1);

    // Cash ends that one too.
    till.ask(&order, "cash").send().await.expect(200);
    assert!(matches!(other.sale(&text(&second, "transactionId")).state, There::Ended(_)));
    assert_eq!(till.count("select count(*) from gateway_attempts where phase <> 'closed'").await, 0);

    // And back; where the first cannot be ended, the second is not begun.
    till.begin(&order).await;
    till.gateway.next(Op::End, [Act::UnclearBefore]);
    till.ask(&order, "otherpay").send().await.expect_problem(503, "payment_unclear");
    assert_eq!(other.asked(Op::Start), 1);
    till.ask(&order, "otherpay").send().await.expect(200);
    assert_eq!(other.asked(Op::Start), 2);
    till.close().await;
}

#[tokio::test]
async fn what_cannot_be_ended_keeps_nobody_from_paying_at_the_shop() {
    let other = TestGateway::named("otherpay").shared();
    let till = Till::open_with(&[], vec![TestGateway::new().ending_nothing().shared(), Arc::clone(&other)]).await;
    let (late, collected) = (till.order().await, till.order().await);
    let first = till.begin(&late).await;

    // Two things that a customer could pay at once are not begun; what is begun can be gone on with.
    till.ask(&late, "otherpay").send().await.expect_problem(409, "payment_still_open");
    assert_eq!(other.asked(Op::Start), 0);
    let again = till.pay(&late).await.expect(200);
    assert_eq!((text(&again, "transactionId"), again["redirectUrl"].is_string()), (first.clone(), true));

    till.ask(&late, "cash").send().await.expect(200);
    assert_eq!(till.seen(&late).await["paymentMethod"], "cash");
    assert_eq!(text(&till.pay(&late).await.expect(200), "transactionId"), first, "its link is still good");

    // Paid by it after all, nothing is owed in cash.
    till.gateway.pay(&first);
    till.later(2 * MINUTE).await;
    till.expect(&late, "Confirmed", "Paid").await;
    assert_eq!(till.payments().await.iter().filter(|payment| payment.1 == "succeeded").count(), 1);

    // Paid in cash before, the gateway's money goes back by itself.
    let second = till.begin(&collected).await;
    till.ask(&collected, "cash").send().await.expect(200);
    let staff = till.shop.staff().await;
    staff.post(&format!("{}/collect", collected.path())).json(&json!({})).send().await.expect(200);
    till.gateway.pay(&second);
    till.later(5 * MINUTE).await;
    assert_eq!(till.gateway.held_minor(), 3_000, "what came twice is given back");
    assert_eq!(till.seen(&collected).await["status"], "Confirmed");

    // Before cash is taken it is asked whether it was paid meanwhile.
    let paid = till.order().await;
    let third = till.begin(&paid).await;
    till.ask(&paid, "cash").send().await.expect(200);
    till.gateway.pay(&third);
    staff.post(&format!("{}/collect", paid.path())).json(&json!({})).send().await.expect_problem(409, "nothing_due");
    assert_eq!(till.gateway.held_minor(), 6_000);
    assert_eq!(till.count("select count(*) from jobs where status = 'dead'").await, 0);
    till.close().await;
}

#[tokio::test]
async fn what_cannot_be_ended_is_asked_about_until_it_has_ended_by_itself() {
    let till = open(TestGateway::new().ending_nothing()).await;
    let order = till.order().await;
    let attempt = till.begin(&order).await;
    till.later(31 * MINUTE).await;
    till.expect(&order, "Cancelled", "Pending").await;
    for _ in 0..120 {
        till.later(HOUR).await;
    }
    assert_eq!(till.count("select count(*) from jobs where status = 'dead'").await, 0);
    assert!(till.gateway.asked(Op::End) < 5, "nobody tries again and again what cannot be");
    till.gateway.expire(&attempt);
    till.later(HOUR).await;
    assert_eq!(till.count("select count(*) from gateway_attempts where phase <> 'closed'").await, 0);
    till.close().await;
}

#[tokio::test]
async fn a_hold_that_waited_for_money_ends_when_it_can_be_paid_anew() {
    let till = open(TestGateway::new()).await;
    let order = till.order().await;
    let attempt = till.begin(&order).await;
    till.gateway.set_state(&attempt, There::Underway);
    till.later(31 * MINUTE).await;
    till.expect(&order, "Pending", "Pending").await;
    // The bank said no, and another card may be tried.
    till.gateway.decline(&attempt);
    till.gateway.set_state(&attempt, There::Open);
    till.later(HOUR).await;
    assert_eq!(till.status(&order).await.0, "Cancelled");
    assert!(matches!(till.gateway.sale(&attempt).state, There::Ended(_)));
    assert_eq!(till.pieces().await, (10, 0, 10));
    till.close().await;
}

#[tokio::test]
async fn a_gateway_that_was_taken_out_of_the_configuration_keeps_no_order() {
    let till = open(TestGateway::new()).await;
    let [left, cancelled, cash] = [till.order().await, till.order().await, till.order().await];
    for order in [&left, &cancelled, &cash] {
        till.begin(order).await;
    }
    let without = till.shop.as_after_a_crash(&[], Vec::new()).await;
    let without = Till { shop: without, gateway: Arc::clone(&till.gateway), bread: till.bread.clone() };
    without.shop.run_jobs().await;
    without.ask(&cash, "cash").send().await.expect_problem(503, "gateway_unavailable");
    let staff = without.shop.staff().await;
    staff.post(&format!("{}/collect", cash.path())).json(&json!({})).send().await.expect(200);
    staff.post(&format!("{}/cancel", cancelled.path())).json(&json!({})).send().await.expect(200);
    without.later(31 * MINUTE).await;
    assert_eq!(without.status(&left).await.0, "Cancelled");
    assert_eq!(without.pieces().await, (8, 0, 8));

    // Whatever had been given up goes on when the section is back.
    for _ in 0..110 {
        without.later(70 * MINUTE).await;
    }
    let again = without.shop.as_after_a_crash(&[], vec![Arc::clone(&till.gateway) as Arc<dyn Gateway>]).await;
    let again = Till { shop: again, gateway: Arc::clone(&till.gateway), bread: till.bread.clone() };
    again.later(SECOND).await;
    assert_eq!(again.count("select count(*) from gateway_attempts where phase <> 'closed'").await, 0);
    assert!(till.gateway.sales().iter().all(|sale| matches!(sale.state, There::Ended(_))));
    assert_eq!(again.count("select count(*) from jobs where status = 'dead'").await, 0);
    again.shop.close().await;
    without.shop.abandon().await;
    till.shop.close().await;
}

#[tokio::test]
async fn another_method_finds_that_the_first_was_paid() {
    let till = open(TestGateway::new()).await;
    let order = till.order().await;
    let first = till.begin(&order).await;
    till.gateway.pay(&first);
    let reply = till.ask(&order, "cash").send().await.expect(200);
    assert_eq!((&reply["paymentStatus"], &reply["transactionId"]), (&json!("Paid"), &json!(first)));
    till.expect(&order, "Confirmed", "Paid").await;
    till.close().await;
}

#[tokio::test]
async fn what_was_never_begun_for_sure_is_ended_too() {
    let till = open(TestGateway::new()).await;
    let (there, lost) = (till.order().await, till.order().await);
    till.gateway.next(Op::Start, [Act::UnclearAfter, Act::UnclearBefore]);
    for order in [&there, &lost] {
        till.pay(order).await.expect_problem(503, "payment_unclear");
        till.ask(order, "cash").send().await.expect(200);
    }
    assert!(matches!(till.gateway.sales()[0].state, There::Ended(_)));
    assert_eq!(till.count("select count(*) from gateway_attempts where phase <> 'closed'").await, 0);
    till.close().await;
}

#[tokio::test]
async fn a_hold_that_ends_ends_its_attempt_and_frees_the_pieces() {
    let till = open(TestGateway::new()).await;
    let order = till.order().await;
    let attempt = till.begin(&order).await;
    till.later(29 * MINUTE).await;
    till.expect(&order, "Pending", "Pending").await;
    till.begin(&order).await;
    // Checkout has not prolonged it.
    till.later(MINUTE + SECOND).await;
    till.expect(&order, "Cancelled", "Pending").await;
    assert!(matches!(till.gateway.sale(&attempt).state, There::Ended(_)));
    assert_eq!(till.pieces().await, (10, 0, 10));
    till.pay(&order).await.expect_problem(409, "order_not_payable");
    till.close().await;
}

#[tokio::test]
async fn money_that_came_just_before_the_hold_ended_confirms_the_order() {
    let till = open(TestGateway::new()).await;
    let order = till.order().await;
    let attempt = till.begin(&order).await;
    // The schedule's own look at the thirtieth minute finds nothing; the hold's end does.
    till.later(29 * MINUTE).await;
    till.gateway.pay(&attempt);
    till.gateway.next(Op::Ask, [Act::UnclearBefore]);
    till.later(MINUTE + SECOND).await;
    till.expect(&order, "Confirmed", "Paid").await;
    assert_eq!(till.pieces().await, (8, 0, 8));
    till.close().await;
}

#[tokio::test]
async fn a_gateway_that_does_not_answer_keeps_no_pieces() {
    let till = open(TestGateway::new()).await;
    let order = till.order().await;
    let attempt = till.begin(&order).await;
    till.gateway.next(Op::End, [Act::Hang, Act::UnclearBefore]);
    till.later(30 * MINUTE + SECOND).await;
    till.expect(&order, "Cancelled", "Pending").await;
    assert_eq!(till.pieces().await, (10, 0, 10));
    // It is ended as soon as it answers.
    till.later(HOUR).await;
    assert!(matches!(till.gateway.sale(&attempt).state, There::Ended(_)));
    till.close().await;
}

#[tokio::test]
async fn money_on_its_way_keeps_the_hold_until_it_has_come_or_not() {
    let till = open(TestGateway::new()).await;
    let (comes, fails) = (till.order().await, till.order().await);
    let [coming, failing] = [till.begin(&comes).await, till.begin(&fails).await];
    for attempt in [&coming, &failing] {
        till.gateway.set_state(attempt, There::Underway);
    }
    till.later(31 * MINUTE).await;
    till.expect(&comes, "Pending", "Pending").await;
    assert_eq!(till.pieces().await, (10, 4, 6));
    till.ask(&comes, "cash").send().await.expect_problem(409, "order_not_payable");
    till.gateway.pay(&coming);
    till.gateway.expire(&failing);
    till.later(HOUR).await;
    till.expect(&comes, "Confirmed", "Paid").await;
    till.expect(&fails, "Cancelled", "Failed").await;
    assert_eq!(till.pieces().await, (8, 0, 8));
    till.close().await;
}

/// An order that was cancelled by its hold's end while its attempt could still be paid, and was.
async fn late_money(till: &Till) -> (Order, String) {
    let order = till.order().await;
    let attempt = till.begin(&order).await;
    till.gateway.next(Op::End, [Act::UnclearBefore, Act::UnclearBefore]);
    till.later(30 * MINUTE + SECOND).await;
    till.expect(&order, "Cancelled", "Pending").await;
    till.gateway.pay(&attempt);
    (order, attempt)
}

#[tokio::test]
async fn late_money_brings_an_order_back_whose_pieces_are_still_there() {
    let till = open(TestGateway::new()).await;
    let later = json!({ "date": "2026-11-26", "time": "12:00" });
    let order =
        till.shop.guest().order().line(&till.bread, 2).pickup().field("paymentMethod", "testpay").field("deliveryInfo", later);
    let order = order.place().await;
    let attempt = till.begin(&order).await;
    till.gateway.next(Op::End, [Act::UnclearBefore, Act::UnclearBefore]);
    till.later(30 * MINUTE + SECOND).await;
    till.expect(&order, "Cancelled", "Pending").await;
    till.gateway.pay(&attempt);
    till.later(HOUR).await;
    till.expect(&order, "Confirmed", "Paid").await;
    assert_eq!(till.pieces().await, (8, 0, 8));
    till.close().await;
}

#[tokio::test]
async fn late_money_for_an_order_whose_time_is_past_goes_back() {
    let till = open(TestGateway::new()).await;
    let (order, _) = late_money(&till).await;
    till.later(HOUR).await;
    assert_eq!(till.status(&order).await.0, "Cancelled");
    assert_eq!(till.count("select count(*) from refunds where amount_minor = 3000 and status <> 'failed'").await, 1);
    assert_eq!(till.payments().await, [(1, "succeeded".to_owned(), 3_000)]);
    till.close().await;
}

#[tokio::test]
async fn money_for_an_order_that_a_person_cancelled_goes_back() {
    let till = open(TestGateway::new()).await;
    let order = till.order().await;
    let attempt = till.begin(&order).await;
    // The gateway does not end it in time, and the buyer pays.
    till.gateway.next(Op::End, [Act::UnclearBefore, Act::UnclearBefore]);
    let cancel = till.shop.guest().post(&format!("{}/cancel", order.path())).header("x-order-token", order.token());
    cancel.json(&json!({})).send().await.expect(200);
    till.gateway.pay(&attempt);
    till.later(HOUR).await;
    assert_eq!(till.status(&order).await.0, "Cancelled");
    assert_eq!(till.count("select count(*) from refunds where amount_minor = 3000 and status <> 'failed'").await, 1);
    assert_eq!(till.pieces().await, (10, 0, 10));
    till.close().await;
}

#[tokio::test]
async fn cancelling_an_unpaid_order_ends_its_attempt_first() {
    let till = open(TestGateway::new()).await;
    let (order, paid) = (till.order().await, till.order().await);
    let [attempt, other] = [till.begin(&order).await, till.begin(&paid).await];
    till.gateway.pay(&other);
    for order in [&order, &paid] {
        let cancel = till.shop.guest().post(&format!("{}/cancel", order.path())).header("x-order-token", order.token());
        cancel.json(&json!({})).send().await.expect(200);
        assert_eq!(till.status(order).await.0, "Cancelled");
    }
    assert!(matches!(till.gateway.sale(&attempt).state, There::Ended(_)));
    // What turned out to be paid was booked, and is given back.
    assert_eq!(till.count("select count(*) from refunds where amount_minor = 3000").await, 1);
    till.later(SECOND).await;
    till.close().await;
}

#[tokio::test]
async fn money_that_comes_when_staff_went_on_without_it_leaves_the_order_where_it_is() {
    let till = open(TestGateway::new()).await;
    let admin = till.shop.admin();
    let states = ["Confirmed", "Preparing", "ReadyForPickup", "Delivered"];
    for last in 0..states.len() {
        let order = till.order().await;
        let attempt = till.begin(&order).await;
        for state in &states[..=last] {
            let body = json!({ "status": state, "force": true, "note": "They pay when they come" });
            admin.put(&format!("{}/status", order.path())).json(&body).send().await.expect(200);
        }
        till.expect(&order, states[last], "Pending").await;
        till.gateway.pay(&attempt);
        till.later(2 * MINUTE).await;
        till.expect(&order, states[last], "Paid").await;
    }
    assert_eq!(till.pieces().await, (2, 0, 2));
    assert_eq!(till.count("select count(*) from refunds").await, 0);
    till.close().await;
}

#[tokio::test]
async fn holds_that_end_beside_a_silent_gateway_are_freed_all_the_same() {
    let till = open(TestGateway::new()).await;
    for _ in 0..5 {
        let order = till.order().await;
        till.begin(&order).await;
    }
    till.gateway.next(Op::Ask, vec![Act::UnclearBefore; 40]);
    till.gateway.next(Op::End, vec![Act::Hang; 40]);
    till.shop.advance(30 * MINUTE + SECOND);
    while till.count("select count(*) from orders where status = 'Cancelled'").await < 5 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(till.pieces().await, (10, 0, 10));
    till.close().await;
}

#[tokio::test]
async fn what_ended_at_a_gateway_without_keys_is_asked_about_once_more_a_day_later() {
    for (gateway, more) in [(TestGateway::new(), 0), (TestGateway::new().without_keys(), 1)] {
        let till = open(gateway).await;
        let order = till.order().await;
        till.begin(&order).await;
        till.later(30 * MINUTE + SECOND).await;
        till.expect(&order, "Cancelled", "Pending").await;
        let asked = till.gateway.asked(Op::Ask);
        till.later(23 * HOUR).await;
        assert_eq!(till.gateway.asked(Op::Ask), asked);
        till.later(HOUR).await;
        till.later(48 * HOUR).await;
        assert_eq!(till.gateway.asked(Op::Ask), asked + more);
        till.close().await;
    }
}

#[tokio::test]
async fn money_that_comes_twice_goes_back_once() {
    let till = open(TestGateway::new()).await;
    let order = till.order().await;
    let attempt = till.begin(&order).await;
    till.gateway.pay(&attempt);
    till.gateway.pay(&attempt);
    till.later(2 * MINUTE).await;
    till.expect(&order, "Confirmed", "PartiallyRefunded").await;
    assert_eq!(till.count("select count(*) from money_ledger where kind = 'captured'").await, 2);
    assert_eq!(till.count("select coalesce(sum(amount_minor), 0) from refunds").await, 3_000);
    till.later(2 * HOUR).await;
    assert_eq!(till.count("select coalesce(sum(amount_minor), 0) from refunds").await, 3_000);
    till.close().await;
}

#[tokio::test]
async fn money_that_does_not_fit_waits_for_staff() {
    let till = open(TestGateway::new()).await;
    let usd = Currency::from_code("USD").expect("a currency");
    for amount in [Money::from_minor(2_999, Currency::JOD), Money::from_minor(3_000, usd)] {
        let order = till.order().await;
        let attempt = till.begin(&order).await;
        till.gateway.pay_amount(&attempt, amount);
        till.later(2 * MINUTE).await;
        till.expect(&order, "Pending", "Pending").await;
        till.pay(&order).await.expect_problem(409, "order_not_payable");
    }
    assert_eq!(till.count("select count(*) from payments where status = 'parked' and captured_minor = 0").await, 2);
    assert_eq!(till.count("select count(*) from money_ledger").await, 0);
    assert_eq!(till.pieces().await, (10, 4, 6));
    till.close().await;
}

#[tokio::test]
async fn approved_money_is_taken_while_the_hold_lives_and_left_alone_afterwards() {
    let till = open(TestGateway::new().approving()).await;
    let (order, late) = (till.order().await, till.order().await);
    let [attempt, leaving] = [till.begin(&order).await, till.begin(&late).await];
    till.gateway.pay(&attempt);
    // Whether it was taken is not known at first.
    till.gateway.next(Op::Capture, [Act::UnclearBefore]);
    till.later(2 * MINUTE).await;
    till.expect(&order, "Pending", "Pending").await;
    till.later(11 * SECOND).await;
    till.expect(&order, "Confirmed", "Paid").await;
    assert_eq!(till.gateway.asked(Op::Capture), 2);

    till.gateway.next(Op::Ask, vec![Act::UnclearBefore; 3]);
    till.later(27 * MINUTE).await;
    till.gateway.pay(&leaving);
    till.gateway.next(Op::End, [Act::UnclearBefore]);
    till.later(2 * MINUTE).await;
    assert_eq!(till.status(&late).await.0, "Cancelled");
    till.later(HOUR).await;
    assert_eq!(till.gateway.asked(Op::Capture), 2);
    assert_eq!(till.gateway.held_minor(), 3_000);
    till.close().await;
}

#[tokio::test]
async fn a_crash_while_the_gateway_is_asked_is_made_good() {
    for act in [Act::HangAfter, Act::Hang] {
        let till = open(TestGateway::new()).await;
        let order = till.order().await;
        till.gateway.next(Op::Start, [act.clone()]);
        let asked = tokio::spawn(till.ask(&order, "testpay").send());
        till.gateway.reach(Op::Start, 1).await;
        // The row is there before the gateway hears of it; the machine dies now.
        assert_eq!(till.count("select count(*) from gateway_attempts where phase = 'calling'").await, 1);
        let all: Vec<Arc<dyn Gateway>> = vec![Arc::clone(&till.gateway) as Arc<dyn Gateway>];
        let again = till.shop.as_after_a_crash(&[], all).await;
        let again = Till { shop: again, gateway: Arc::clone(&till.gateway), bread: till.bread.clone() };
        again.shop.run_jobs().await;
        let attempt = again.begin(&order).await;
        assert_eq!(again.gateway.sales().len(), 1, "{act:?}");
        assert_eq!(again.gateway.asked(Op::Start), if act == Act::Hang { 2 } else { 1 });
        assert!(again.gateway.asked(Op::Find) > 0);
        again.gateway.pay(&attempt);
        again.later(2 * MINUTE).await;
        again.expect(&order, "Confirmed", "Paid").await;
        again.close().await;
        till.gateway.release();
        asked.await.expect("it ends");
        till.shop.close().await;
    }
}

/// Who holds an order's token could else fill the books and the gateway's, and each further try would cost the writer more.
#[tokio::test]
async fn an_order_is_not_tried_without_end() {
    let till = open(TestGateway::new()).await;
    let order = till.order().await;
    till.gateway.next(Op::Start, std::iter::repeat_n(Act::Refuse("below_minimum"), 50));
    for _ in 0..50 {
        till.pay(&order).await.expect_problem(409, "gateway_refused");
    }
    let refused = till.pay(&order).await.expect_problem(409, "order_not_payable");
    assert_eq!(refused["reason"], "too_many_attempts");
    assert_eq!((till.gateway.asked(Op::Start), till.payments().await.len()), (50, 50));
    // Staff may, and the buyer can still pay at the shop.
    let by_staff = checkout(&till.shop.admin(), &order, json!({ "paymentMethod": "testpay" }));
    by_staff.send().await.expect(200);
    till.ask(&order, "cash").send().await.expect(200);
    till.close().await;
}
