//! Each evening admins are told how the day went: the right numbers, once, whatever the clock and the machine do.

use std::sync::Arc;
use std::time::Duration;

use bayader::features::messages::Carrier;
use bayader::kernel::UtcMs;
use serde_json::{Value, json};

use crate::harness::test_carrier::TestCarrier;
use crate::harness::{Order, PASSWORD, Shop};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const SETTINGS: &str = "/api/v1/admin/settings";
const SUMMARIES: &str = "select count(*) from notifications where type = 'daily_summary'";

/// Moves the clock to a moment; what is due by then runs at it.
async fn go_to(shop: &Shop, moment: &str) {
    let until = UtcMs::parse(moment).expect("a moment").ms() - shop.clock.now().ms();
    shop.advance(Duration::from_millis(u64::try_from(until).expect("time goes on")));
    shop.run_jobs().await;
}

/// The payloads of the summaries, oldest first.
async fn told(shop: &Shop) -> Vec<Value> {
    let sql = "select payload from notifications where type = 'daily_summary' order by id";
    let payloads = shop.db().read(move |reader| reader.all(sql, &[], |row| row.get::<String>(0))).await.expect("payloads");
    payloads.iter().map(|payload| serde_json::from_str(payload).expect("JSON")).collect()
}

async fn days_told(shop: &Shop) -> Vec<String> {
    told(shop).await.iter().map(|payload| payload["day"].as_str().expect("a day").to_owned()).collect()
}

async fn set(shop: &Shop, body: Value) {
    shop.owner().put(SETTINGS).json(&body).send().await.expect(200);
}

#[tokio::test]
async fn the_numbers_are_those_of_a_recount() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let (owner, ar) = (shop.owner(), json!({ "ar": { "name": "لبنة" } }));
    let second =
        json!({ "name": "Amal", "email": "amal@example.com", "phone": "+962790000044", "password": PASSWORD, "role": "admin" });
    let amal = owner.post("/api/v1/auth/register").json(&second).send().await.expect(201);
    let amal = format!("/api/v1/users/{}", amal["user"]["id"].as_str().expect("an id"));
    owner.put(&amal).json(&json!({ "name": "Amal", "phone": "+962790000044", "locale": "ar" })).send().await.expect(200);
    let cake = shop.product("Cake").price("2.500").stock(500).create().await;
    shop.product("Labneh").stock(3).threshold(5).field("translations", ar).create().await;
    let place = async |pieces: i64| -> Order {
        staff.order().line(&cake, pieces).pickup().field("customerInfo", json!({ "name": "Huda" })).place().await
    };
    let act = async |order: &Order, what: &str, body: Value| {
        staff.post(&format!("{}/{what}", order.path())).json(&body).send().await.expect(200)
    };
    // Taken yesterday, by the shop's clock: it is in no sum of today.
    let yesterday = place(4).await;
    act(&yesterday, "collect", json!({})).await;
    go_to(&shop, "2026-11-26T06:00:00Z").await;
    owner.sign_in_again().await;
    staff.sign_in_again().await;
    assert_eq!(days_told(&shop).await, ["2026-11-25", "2026-11-25"], "one for each admin");

    let paid = place(3).await;
    act(&paid, "collect", json!({})).await;
    let by_card = place(2).await;
    act(&by_card, "collect", json!({ "method": "card_machine", "reference": "0042" })).await;
    let given_back = owner.see(&format!("/api/v1/payments?order_id={}", by_card.id)).await.rows()[0]["id"].clone();
    let refund = format!("/api/v1/payments/{}/refund", given_back.as_str().expect("an id"));
    owner.post(&refund).json(&json!({ "amount": "1.250", "reason": "One was burnt" })).send().await.expect(201);
    let open = place(1).await;
    let cancelled = place(7).await;
    act(&cancelled, "cancel", json!({})).await;
    let tomorrow = json!({ "date": "2026-11-27", "time": "10:00" });
    for (pieces, cancel) in [(5, false), (6, false), (9, true)] {
        let order = staff.order().line(&cake, pieces).pickup().field("customerInfo", json!({ "name": "Huda" }));
        let order = order.field("deliveryInfo", tomorrow.clone()).place().await;
        if cancel {
            act(&order, "cancel", json!({})).await;
        }
    }
    let board = owner.see("/api/v1/admin/dashboard").await;
    go_to(&shop, "2026-11-26T18:30:00Z").await;
    let told = told(&shop).await;
    assert_eq!(told.len(), 4);
    let (english, arabic) = (&told[2], &told[3]);
    assert_eq!(
        english,
        &json!({
            "day": "2026-11-26", "orders": 4, "cancelled": 1, "gross": "12.500", "refunds": "1.250", "net": "11.250", "currency": "JOD",
            "takings": [{ "method": "card_machine", "amount": "5.000" }, { "method": "cash", "amount": "7.500" }],
            "toCollect": "30.000", "openOrders": 6, "lowStock": [{ "name": "Labneh", "available": 3 }],
            "failedMessages": 0, "deadJobs": 0, "tomorrow": { "orders": 2, "pieces": 11 },
        })
    );
    assert_eq!(arabic["lowStock"], json!([{ "name": "لبنة", "available": 3 }]));
    // The dashboard's own sums, before the day was told.
    assert_eq!(
        (&board["takings"]["total"], &board["refunds"]["total"], &board["toCollect"]["total"], &board["orders"]["total"]),
        (&english["gross"], &english["refunds"], &english["toCollect"], &english["orders"])
    );
    // And of the books, by whoever counts them by hand: Amman is three hours ahead.
    let recount = "select coalesce(sum(case kind when 'captured' then amount_minor when 'refunded' then -amount_minor else 0 end), 0) \
         from money_ledger where at >= 1795640400000 and at < 1795726800000";
    assert_eq!(shop.count(recount).await, 11_250);
    let addresses = "select count(distinct recipient) from notifications where type = 'daily_summary' \
         and recipient in ('owner@example.com', 'amal@example.com')";
    assert_eq!(shop.count(addresses).await, 2);
    assert_eq!(open.number, owner.order_of(&open).await["orderNumber"]);
    shop.close().await;
}

#[tokio::test]
async fn a_day_is_told_once_whatever_the_settings_do() {
    let shop = Shop::open().await;
    go_to(&shop, "2026-11-25T18:29:59Z").await;
    assert_eq!(shop.count(SUMMARIES).await, 0);
    go_to(&shop, "2026-11-25T18:30:00Z").await;
    assert_eq!(days_told(&shop).await, ["2026-11-25"]);
    shop.owner().sign_in_again().await;
    // Later on the same evening, and after midnight of the same day.
    for at in ["22:00", "00:30"] {
        set(&shop, json!({ "messages": { "dailySummaryAt": at } })).await;
        shop.advance(3 * HOUR + 30 * MINUTE);
        shop.run_jobs().await;
        shop.owner().sign_in_again().await;
    }
    assert_eq!(days_told(&shop).await, ["2026-11-25"]);
    // Off, and on again.
    set(&shop, json!({ "messages": { "dailySummaryAt": null } })).await;
    assert_eq!(
        shop.count("select count(*) from jobs where kind = 'notifications.daily_summary' and status = 'queued'").await,
        0
    );
    go_to(&shop, "2026-11-28T12:00:00Z").await;
    shop.owner().sign_in_again().await;
    assert_eq!(days_told(&shop).await.len(), 1);
    set(&shop, json!({ "messages": { "dailySummaryAt": "20:00" } })).await;
    go_to(&shop, "2026-11-28T17:00:00Z").await;
    assert_eq!(days_told(&shop).await, ["2026-11-25", "2026-11-28"]);
    shop.close().await;
}

#[tokio::test]
async fn a_time_that_a_change_puts_behind_us_leaves_no_day_out() {
    let shop = Shop::open().await;
    go_to(&shop, "2026-11-25T18:30:00Z").await;
    go_to(&shop, "2026-11-26T17:30:00Z").await;
    shop.owner().sign_in_again().await;
    set(&shop, json!({ "messages": { "dailySummaryAt": "20:00" } })).await;
    shop.advance(SECOND);
    shop.run_jobs().await;
    assert_eq!(days_told(&shop).await, ["2026-11-25", "2026-11-26"]);
    go_to(&shop, "2026-11-26T18:30:00Z").await;
    assert_eq!(days_told(&shop).await.len(), 2);
    shop.close().await;
}

#[tokio::test]
async fn another_time_zone_moves_the_next_one() {
    let shop = Shop::open().await;
    set(&shop, json!({ "shop": { "timeZone": "Europe/London" } })).await;
    go_to(&shop, "2026-11-25T18:30:00Z").await;
    assert!(told(&shop).await.is_empty());
    go_to(&shop, "2026-11-25T21:30:00Z").await;
    assert_eq!(days_told(&shop).await, ["2026-11-25"]);
    shop.close().await;
}

#[tokio::test]
async fn the_days_on_which_clocks_change_are_told_once_each() {
    let shop = Shop::open().await;
    let berlin = json!({ "shop": { "timeZone": "Europe/Berlin" }, "messages": { "dailySummaryAt": "02:30" } });
    set(&shop, berlin).await;
    let telling =
        "select count(*) from notifications where type = 'daily_summary' and payload like '%\"day\":\"' || ?1 || '\"%'";
    let count = async |day: &'static str| {
        shop.db().read(move |reader| reader.one(telling, bayader::args![day], |row| row.get::<i64>(0))).await.expect("a count")
    };
    // In March 02:30 is skipped: it runs when the clock jumps.
    go_to(&shop, "2027-03-28T00:59:59Z").await;
    assert_eq!(count("2027-03-27").await, 0);
    go_to(&shop, "2027-03-28T01:00:00Z").await;
    assert_eq!(count("2027-03-27").await, 1);
    go_to(&shop, "2027-03-28T02:00:00Z").await;
    go_to(&shop, "2027-03-29T00:30:00Z").await;
    assert_eq!((count("2027-03-27").await, count("2027-03-28").await), (1, 1));
    // In October it comes twice: it runs at the first.
    go_to(&shop, "2027-10-31T00:30:00Z").await;
    assert_eq!(count("2027-10-30").await, 1);
    go_to(&shop, "2027-10-31T01:30:00Z").await;
    go_to(&shop, "2027-11-01T01:29:59Z").await;
    assert_eq!((count("2027-10-30").await, count("2027-10-31").await), (1, 0));
    go_to(&shop, "2027-11-01T01:30:00Z").await;
    assert_eq!(count("2027-10-31").await, 1);
    shop.close().await;
}

#[tokio::test]
async fn a_shop_that_was_off_makes_good_what_is_less_than_a_day_late() {
    let carrier = || vec![TestCarrier::email() as Arc<dyn Carrier>];
    let shop = Shop::open_with_carriers(&[], carrier()).await;
    go_to(&shop, "2026-11-25T12:00:00Z").await;
    // It dies in the afternoon, and is opened on the day after the next, before the evening.
    shop.advance(Duration::ZERO);
    let off_until = UtcMs::parse("2026-11-27T15:00:00Z").expect("a moment");
    let off = Duration::from_millis(u64::try_from(off_until.ms() - shop.clock.now().ms()).expect("time goes on"));
    let next = {
        let next = shop.after_a_crash_with_carriers(carrier()).await;
        next.abandon().await;
        shop.advance(off);
        shop.after_a_crash_with_carriers(carrier()).await
    };
    next.run_jobs().await;
    assert_eq!(days_told(&next).await, ["2026-11-26"], "the evening before is made good, the one before that is not");
    go_to(&next, "2026-11-27T18:30:00Z").await;
    assert_eq!(days_told(&next).await, ["2026-11-26", "2026-11-27"]);
    next.close().await;
    shop.abandon().await;
}
