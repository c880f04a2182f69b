//! What a gateway says leads to the same books, however often and in whichever order it is heard.

use std::sync::Arc;

use bayader::db::{Command, WriteTx};
use bayader::features::money::Failure;
use bayader::features::payments::Gateway;
use bayader::features::payments::gateway::{Capture, Dispute, DisputeStep, Ending, Report, There};
use bayader::features::payments::settle::{Settled, settle};
use bayader::kernel::{Actor, Currency, Money, PaymentId, Result};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use serde_json::json;

use crate::harness::Shop;
use crate::harness::test_gateway::TestGateway;

/// Sets of facts, each heard in two orders.
const CASES: u64 = 60;
const ASKED: i64 = 3_000;

/// Hears reports, one after the other.
struct Hear {
    payment: PaymentId,
    reports: Vec<Report>,
}

impl Command for Hear {
    const NAME: &'static str = "test.hear";
    type Output = Settled;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Settled> {
        let mut all = Settled::default();
        for report in &self.reports {
            let settled = settle(tx, self.payment, report, Actor::Gateway)?;
            all = Settled { changed: all.changed | settled.changed, ..settled };
        }
        Ok(all)
    }
}

fn jod(minor: i64) -> Money {
    Money::from_minor(minor, Currency::JOD)
}

/// What a gateway may say of an attempt in its life; names are the attempt's own.
fn facts(random: &mut StdRng, payment: &str) -> Vec<Report> {
    let usd = Currency::from_code("USD").expect("a currency");
    let name = |what: &str| format!("{what}-{payment}");
    let capture = |what: &str, amount: Money, fee: Option<Money>| Report {
        captures: vec![Capture { object: name(what), amount, fee }],
        objects: vec![name(what)],
        ..Report::default()
    };
    let dispute = |what: DisputeStep| Report { dispute: Some(Dispute { object: name("dispute"), what }), ..Report::default() };
    let state = |state: There| Report { state: Some(state), ..Report::default() };
    let ending = [Ending::Failed, Ending::Cancelled, Ending::Expired].choose(random).copied().expect("one");
    let all = [
        Report { reference: Some(name("sale")), ..state(There::Open) },
        state(There::NeedsAction),
        state(There::Underway),
        Report { failure: Some(Failure { code: "card_declined".into(), message: "No.".into() }), ..state(There::Open) },
        state(There::Ended(ending)),
        capture("charge", jod(ASKED), None),
        capture("charge", jod(ASKED), Some(Money::from_minor(37, usd))),
        capture("second", jod(ASKED), None),
        capture("less", jod(ASKED - 1), None),
        capture("foreign", Money::from_minor(ASKED, usd), None),
        dispute(DisputeStep::Opened),
        dispute(DisputeStep::Withdrawn(jod(ASKED))),
        dispute(DisputeStep::Reinstated(jod(ASKED))),
        dispute(DisputeStep::Closed { lost: random.random_bool(0.5) }),
    ];
    // Two amounts that do not fit would be two attempts' worth of trouble: the first of them is kept for staff.
    let misfit = if random.random_bool(0.5) { "less" } else { "foreign" };
    let chosen = all.into_iter().filter(|report| {
        let object = report.captures.first().map_or("", |capture| capture.object.as_str());
        let is_other_misfit = ["less", "foreign"].iter().any(|one| *one != misfit && object.starts_with(one));
        !is_other_misfit && random.random_bool(0.5)
    });
    chosen.collect()
}

/// Each fact once or more often, in some order.
fn heard(random: &mut StdRng, facts: &[Report]) -> Vec<Report> {
    let mut all: Vec<Report> = facts.to_vec();
    for fact in facts {
        for _ in 0..random.random_range(0..3) {
            all.push(fact.clone());
        }
    }
    all.shuffle(random);
    all
}

/// The books of a payment, without the names of its order and the moments.
async fn books(shop: &Shop, payment: PaymentId) -> Vec<String> {
    let told = shop.db().read(move |reader| {
        let texts = |sql: &'static str| {
            reader.all(sql, &[&payment as &dyn bayader::db::IntoColumn], |row| row.get::<String>(0))
        };
        let mut all = texts(
            "select json_array(p.status, captured, refunded, p.captured_minor, is_disputed, fee_minor, fee_currency, o.status, o.payment_status) from \
             (select o.*, captured_minor as captured, refunded_minor as refunded from orders o) o join payments p on p.order_id = o.id where p.id = ?1",
        )?;
        all.extend(texts("select json_array(phase, reference is not null, parked) from gateway_attempts where payment_id = ?1")?);
        all.extend(texts("select json_array(kind, amount_minor, currency, object) from money_ledger where payment_id = ?1 order by 1")?);
        all.extend(texts("select json_array('refund', amount_minor) from refunds where payment_id = ?1 order by 1")?);
        all.extend(texts(
            "select json_array(l.hold, l.quantity) from order_lines l join payments p on p.order_id = l.order_id where p.id = ?1 order by 1",
        )?);
        Ok(all)
    });
    let told = told.await.expect("the books");
    told.into_iter().map(|line| line.replace(&payment.to_string(), "it")).collect()
}

#[tokio::test]
async fn the_same_facts_make_the_same_books_in_any_order() {
    let gateway = TestGateway::new().shared();
    let shop = Shop::open_with_gateways(&[], vec![Arc::clone(&gateway) as Arc<dyn Gateway>]).await;
    let bread = shop.product("Bread").price("3.000").stock(10_000).create().await;
    let staff = shop.staff().await;
    for seed in 0..CASES {
        let mut seen: Vec<Vec<String>> = Vec::new();
        let mut names: Vec<Vec<String>> = Vec::new();
        for order in 0..2 {
            let placed = staff.order().line(&bread, 1).pickup().field("paymentMethod", "testpay").place().await;
            let body = json!({ "orderId": placed.id, "paymentMethod": "testpay" });
            let begun = staff.post("/api/v1/payments/checkout").json(&body).send().await.expect(200);
            let payment = PaymentId::parse(begun["transactionId"].as_str().expect("an id")).expect("an id");
            // The same facts for both orders; how they are heard differs.
            let facts = facts(&mut StdRng::seed_from_u64(seed), &payment.to_string());
            let mut random = StdRng::seed_from_u64(seed * 2 + order);
            let reports = heard(&mut random, &facts);
            names.push(
                reports.iter().map(|report| format!("{:?} {:?} {:?}", report.state, report.captures, report.dispute)).collect(),
            );
            shop.db().write(Hear { payment, reports: reports.clone() }).await.expect("heard");
            let first = books(&shop, payment).await;
            // All of it once more changes nothing.
            let again = shop.db().write(Hear { payment, reports: heard(&mut random, &facts) }).await.expect("heard");
            assert!(!again.changed, "seed {seed}: what was known changed the books: {names:#?}");
            assert_eq!(books(&shop, payment).await, first, "seed {seed}");
            seen.push(first);
        }
        assert_eq!(seen[0], seen[1], "seed {seed}: {names:#?}");
    }
    shop.close().await;
}

#[tokio::test]
async fn a_paid_attempt_stays_paid_and_an_ended_one_that_is_paid_after_all_is_booked() {
    let gateway = TestGateway::new().shared();
    let shop = Shop::open_with_gateways(&[], vec![Arc::clone(&gateway) as Arc<dyn Gateway>]).await;
    let bread = shop.product("Bread").price("3.000").stock(10).create().await;
    let staff = shop.staff().await;
    for (is_paid_first, ending) in [(true, Ending::Failed), (false, Ending::Expired), (false, Ending::Cancelled)] {
        let placed = staff.order().line(&bread, 1).pickup().field("paymentMethod", "testpay").place().await;
        let body = json!({ "orderId": placed.id, "paymentMethod": "testpay" });
        let begun = staff.post("/api/v1/payments/checkout").json(&body).send().await.expect(200);
        let payment = PaymentId::parse(begun["transactionId"].as_str().expect("an id")).expect("an id");
        let paid = Report {
            captures: vec![Capture { object: format!("charge-{payment}"), amount: jod(ASKED), fee: None }],
            ..Report::default()
        };
        let ended = Report { state: Some(There::Ended(ending)), ..Report::default() };
        let mut reports = vec![ended, paid];
        if is_paid_first {
            reports.reverse();
        }
        for report in reports {
            shop.db().write(Hear { payment, reports: vec![report] }).await.expect("heard");
        }
        let seen = staff.order_of(&placed).await;
        assert_eq!((&seen["status"], &seen["paymentStatus"]), (&json!("Confirmed"), &json!("Paid")), "{ending:?}");
    }
    assert_eq!(shop.count("select count(*) from payments where status = 'succeeded'").await, 3);
    shop.close().await;
}
