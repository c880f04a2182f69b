//! Opening hours, from the owner's table to an order's due time. The shop stands in Amman (UTC+3) and opens on a Wednesday at 11:00.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Client, Product, Reply, Shop};

const PATH: &str = "/api/v1/admin/settings";

async fn open_in(shop: &Shop, rows: &[(&str, &str, &str)]) {
    let rows: Vec<Value> =
        rows.iter().map(|(weekday, opens, closes)| json!({ "weekday": weekday, "opens": opens, "closes": closes })).collect();
    shop.owner().put(PATH).json(&json!({ "hours": rows })).send().await.expect(200);
}

async fn ask(by: &Client, product: &Product, date: &str, time: Option<&str>) -> Reply {
    let asked = match time {
        Some(time) => json!({ "date": date, "time": time }),
        None => json!({ "date": date }),
    };
    by.order().line(product, 1).pickup().field("deliveryInfo", asked).send().await
}

fn why(reply: &Reply) -> (&str, Option<&str>) {
    (reply["errors"][0]["code"].as_str().unwrap_or(""), reply["earliest"].as_str())
}

#[tokio::test]
async fn an_order_without_a_wish_is_due_when_the_shop_is_open() {
    let shop = Shop::open().await;
    let (bread, cake) = (
        shop.product("Bread").stock(20).create().await,
        shop.product("Cake").stock(20).field("leadTimeHours", 24).create().await,
    );
    let due =
        async |product: &Product| shop.guest().order().line(product, 1).pickup().send().await.expect(201)["dueAt"].clone();
    assert_eq!(due(&bread).await.as_str().map(|text| &text[..16]), Some("2026-11-25T08:00"));
    open_in(&shop, &[("wednesday", "16:00", "20:00"), ("friday", "08:00", "11:00")]).await;
    assert_eq!(due(&bread).await, "2026-11-25T13:00:00.000Z");
    assert_eq!(due(&cake).await, "2026-11-27T05:00:00.000Z");
    // A business day is that of the due time.
    let reply = shop.guest().order().line(&cake, 1).pickup().send().await.expect(201);
    let order = shop.staff().await.see(&format!("/api/v1/orders/{}", reply["orderId"].as_str().expect("an id"))).await;
    assert_eq!(order["businessDay"], "2026-11-27");
    // The minute of closing is closed.
    shop.advance(Duration::from_secs(9 * 3_600));
    assert_eq!(due(&bread).await, "2026-11-27T05:00:00.000Z");
    shop.close().await;
}

#[tokio::test]
async fn a_wish_outside_the_hours_is_refused_with_the_nearest_that_can_be() {
    let shop = Shop::open().await;
    let (bread, cake) = (
        shop.product("Bread").stock(50).create().await,
        shop.product("Cake").stock(50).field("leadTimeHours", 6).create().await,
    );
    open_in(
        &shop,
        &[
            ("wednesday", "07:00", "13:00"),
            ("wednesday", "16:00", "20:00"),
            ("saturday", "08:00", "24:00"),
            ("sunday", "00:00", "02:00"),
        ],
    )
    .await;
    for who in [shop.guest(), shop.customer("Layla").await] {
        let reply = ask(&who, &bread, "2026-11-25", Some("14:00")).await.expect_field("deliveryInfo.date");
        assert_eq!(why(&reply), ("outside_hours", Some("2026-11-25T13:00:00.000Z")));
        let reply = ask(&who, &bread, "2026-11-26", None).await.expect(422);
        assert_eq!(why(&reply), ("outside_hours", Some("2026-11-28T05:00:00.000Z")));
        let reply = ask(&who, &cake, "2026-11-25", Some("16:30")).await.expect(422);
        assert_eq!(why(&reply).0, "too_early");
        assert!(why(&reply).1.is_some_and(|earliest| earliest.starts_with("2026-11-25T14:00:0")), "{reply:?}");
        let reply = ask(&who, &bread, "2026-11-25", Some("13:00")).await.expect(422);
        assert_eq!(why(&reply).0, "outside_hours");
    }
    for (product, date, time, due) in [
        (&bread, "2026-11-28", None, "2026-11-28T05:00:00"),
        (&cake, "2026-11-25", None, "2026-11-25T14:00:0"),
        (&bread, "2026-11-25", Some("16:00"), "2026-11-25T13:00:00"),
        (&bread, "2026-11-28", Some("23:59"), "2026-11-28T20:59:00.000Z"),
        (&bread, "2026-11-29", Some("00:00"), "2026-11-28T21:00:00.000Z"),
        (&bread, "٢٠٢٦-١١-٢٥", Some("١٢:٥٩"), "2026-11-25T09:59:00.000Z"),
    ] {
        let reply = ask(&shop.guest(), product, date, time).await.expect(201);
        assert!(reply["dueAt"].as_str().is_some_and(|at| at.starts_with(due)), "{date} {time:?}: {reply:?}");
    }
    shop.close().await;
}

#[tokio::test]
async fn staff_are_warned_where_others_are_refused() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(50).create().await;
    open_in(&shop, &[("saturday", "08:00", "12:00")]).await;
    let reply = ask(&shop.staff().await, &bread, "2026-11-26", Some("09:00")).await.expect(201);
    assert_eq!(reply["dueAt"], "2026-11-26T06:00:00.000Z");
    assert_eq!(reply["warnings"][0]["code"], "outside_hours");
    assert!(reply["warnings"][0]["message"].as_str().is_some_and(|text| text.contains("2026-11-28T05:00:00.000Z")));
    let reply = ask(&shop.staff().await, &bread, "2026-11-28", Some("09:00")).await.expect(201);
    assert_eq!(reply["warnings"], Value::Null);
    shop.close().await;
}

#[tokio::test]
async fn a_sale_over_the_counter_after_closing_is_of_its_own_day() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(50).create().await;
    open_in(&shop, &[("wednesday", "07:00", "20:00"), ("thursday", "07:00", "20:00")]).await;
    // A minute past eight in the evening.
    shop.advance(Duration::from_secs(9 * 3_600 + 60));
    let staff = shop.staff().await;
    let reply = staff.order().line(&bread, 1).pickup().field("collected", true).send().await.expect(201);
    assert!(reply["dueAt"].as_str().is_some_and(|at| at.starts_with("2026-11-25T17:01")), "{reply:?}");
    assert_eq!(reply["warnings"][0]["code"], "outside_hours");
    let order = staff.see(&format!("/api/v1/orders/{}", reply["orderId"].as_str().expect("an id"))).await;
    assert_eq!(order["businessDay"], "2026-11-25");
    let reply = shop.guest().order().line(&bread, 1).pickup().send().await.expect(201);
    assert_eq!(reply["dueAt"], "2026-11-26T04:00:00.000Z", "who orders by the web comes when the shop is open");
    shop.close().await;
}

#[tokio::test]
async fn hours_follow_the_wall_clock_where_it_changes() {
    let shop = Shop::open_with(&[("BAYADER_SHOP__TIME_ZONE", "Europe/Berlin")]).await;
    let bread = shop.product("Bread").stock(50).create().await;
    open_in(&shop, &[("sunday", "02:30", "04:00")]).await;
    // To the end of March 2027, when the clock goes from 02:00 to 03:00.
    shop.advance(Duration::from_secs(121 * 24 * 3_600));
    let due = ask(&shop.guest(), &bread, "2027-03-28", None).await.expect(201)["dueAt"].clone();
    assert_eq!(due, "2027-03-28T01:00:00.000Z");
    let due = ask(&shop.guest(), &bread, "2027-03-28", Some("02:30")).await.expect(201)["dueAt"].clone();
    assert_eq!(due, "2027-03-28T01:30:00.000Z");
    shop.close().await;
}

#[tokio::test]
async fn a_table_that_cannot_be_is_refused_row_by_row() {
    let shop = Shop::open().await;
    let row = |weekday: &str, opens: &str, closes: &str| json!({ "weekday": weekday, "opens": opens, "closes": closes });
    let rows = json!([
        row("friday", "08:00", "12:00"),
        row("friday", "11:00", "13:00"),
        row("friday", "20:00", "02:00"),
        row("sunday", "09:00", "09:00"),
        row("friday", "12:00", "11:00")
    ]);
    let reply = shop.owner().put(PATH).json(&json!({ "hours": rows })).send().await.expect_field("hours[1]");
    assert_eq!(reply.fields(), ["hours[1]", "hours[2].closes", "hours[3].closes", "hours[4].closes"]);
    assert!(reply.text.contains("two rows"), "{reply:?}");
    let many: Vec<Value> = (0..71).map(|_| row("friday", "08:00", "12:00")).collect();
    shop.owner().put(PATH).json(&json!({ "hours": many })).send().await.expect_field("hours");
    assert_eq!(shop.owner().see(PATH).await["hours"], json!([]));
    // Rows that touch do not overlap.
    open_in(&shop, &[("friday", "08:00", "12:00"), ("friday", "12:00", "24:00")]).await;
    shop.close().await;
}

#[tokio::test]
async fn the_limits_of_days_hold_with_hours_too() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(50).create().await;
    open_in(&shop, &[("monday", "08:00", "12:00")]).await;
    let reply = ask(&shop.guest(), &bread, "2027-02-25", None).await.expect(422);
    assert_eq!(why(&reply).0, "too_far_ahead");
    let reply = ask(&shop.guest(), &bread, "2026-11-24", None).await.expect(422);
    assert_eq!(why(&reply).0, "in_the_past");
    shop.close().await;
}
