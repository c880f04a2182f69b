//! The board and the day at a glance. The shop stands in Amman (UTC+3) and opens on a Wednesday at 11:00.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bayader::kernel::ShopZone;
use serde_json::{Value, json};

use crate::harness::{Order, Reply, Shop};

const BOARD: &str = "/api/v1/admin/orders";
const DAY: &str = "/api/v1/admin/dashboard";
const HOUR: Duration = Duration::from_secs(3_600);

/// State and number of orders of each lane.
fn lanes(board: &Reply) -> Vec<(&str, i64)> {
    board.rows().iter().map(|lane| (lane["status"].as_str().unwrap_or(""), lane["count"].as_i64().unwrap_or(-1))).collect()
}

/// The ids in a lane, in order.
fn ids<'r>(board: &'r Reply, status: &str) -> Vec<&'r str> {
    let lane = board.rows().iter().find(|lane| lane["status"] == status).expect("a lane");
    lane["orders"].as_array().into_iter().flatten().filter_map(|order| order["id"].as_str()).collect()
}

#[tokio::test]
async fn the_board_has_every_open_order_in_its_lane_due_first() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let croissant = shop.product("Croissant").price("2.000").stock(50).create().await;
    let empty = staff.see(BOARD).await;
    let none = [("Pending", 0), ("Confirmed", 0), ("Preparing", 0), ("ReadyForPickup", 0), ("OutForDelivery", 0)];
    assert_eq!(lanes(&empty), none);

    let at = |date: &str, time: &str| json!({ "date": date, "time": time });
    let order = |asked: Value| shop.guest().order().line(&croissant, 1).pickup().field("deliveryInfo", asked).place();
    let late = order(at("2026-11-25", "18:00")).await;
    let soon = order(at("2026-11-25", "12:00")).await;
    let tomorrow = order(at("2026-11-26", "09:00")).await;
    let gone = order(at("2026-11-25", "13:00")).await;
    let baking = order(at("2026-11-25", "14:00")).await;
    let done = order(at("2026-11-25", "15:00")).await;
    staff.post(&format!("{}/cancel", gone.path())).json(&json!({})).send().await.expect(200);
    staff.move_order_through(&baking, &["Confirmed", "Preparing"]).await;
    staff.move_order_through(&done, &["Confirmed", "Preparing", "ReadyForPickup", "Delivered"]).await;

    let board = staff.see(BOARD).await;
    assert_eq!(lanes(&board)[..3], [("Pending", 3), ("Confirmed", 0), ("Preparing", 1)]);
    assert_eq!(ids(&board, "Pending"), [soon.id.as_str(), late.id.as_str(), tomorrow.id.as_str()]);
    assert_eq!(ids(&board, "Preparing"), [baking.id.as_str()]);
    let today = staff.see(&format!("{BOARD}?day=2026-11-25&limit=1")).await;
    assert_eq!((lanes(&today)[0], ids(&today, "Pending")), (("Pending", 2), vec![soon.id.as_str()]));
    assert_eq!(
        lanes(&staff.see(&format!("{BOARD}?day=%D9%A2%D9%A0%D9%A2%D9%A6-%D9%A1%D9%A1-%D9%A2%D9%A6")).await)[0],
        ("Pending", 1)
    );
    for bad in ["day=today", "limit=0", "limit=101", "status=Pending"] {
        staff.get(&format!("{BOARD}?{bad}")).send().await.expect(422);
    }
    shop.close().await;
}

#[tokio::test]
async fn a_slip_tells_what_the_board_shows() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let names = json!({ "ar": { "name": "كنافة" } });
    let groups = json!([{ "code": "size", "name": { "en": "Size", "ar": "الحجم" }, "required": true, "min": 1, "max": 1,
        "choices": [{ "code": "large", "name": { "en": "Large", "ar": "كبير" }, "priceDelta": "1.000" }] }]);
    let kunafa = shop
        .product("Kunafa")
        .price("4.000")
        .stock(9)
        .field("translations", names)
        .field("optionGroups", groups)
        .create()
        .await;
    let address = json!({ "address": { "line1": "Street 1", "area": "Deir Ghbar", "city": "Amman" } });
    let order = shop
        .guest()
        .order()
        .line_with(&kunafa, 2, json!({ "size": "large" }))
        .field("isPickup", false)
        .field("deliveryInfo", address)
        .field("notes", "No nuts")
        .place()
        .await;
    let slip = staff.see(BOARD).await.rows()[0]["orders"][0].clone();
    assert_eq!(slip["orderNumber"], order.number.as_str());
    assert_eq!(
        (&slip["customer"]["name"], &slip["area"], &slip["isPickup"]),
        (&json!("Huda"), &json!("Deir Ghbar"), &json!(false))
    );
    assert_eq!(slip["items"], json!([{ "quantity": 2, "name": "Kunafa", "optionsText": slip["items"][0]["optionsText"] }]));
    assert!(slip["items"][0]["optionsText"].as_str().is_some_and(|text| text.contains("Large")));
    assert_eq!(
        (&slip["notes"], &slip["totalAmount"], &slip["amountDue"]),
        (&json!("No nuts"), &json!("10.000"), &json!("10.000"))
    );
    assert_eq!(slip["holdExpiresAt"].as_str().map(|text| &text[..16]), Some("2026-11-26T08:00"));
    assert_eq!((&slip["holdEndsSoon"], &slip["isLate"]), (&json!(false), &json!(false)), "due at once is not late at once");

    // Two hours before its hold ends, the board warns.
    shop.advance(HOUR * 22 + Duration::from_secs(5));
    let slip = staff.see(BOARD).await.rows()[0]["orders"][0].clone();
    assert_eq!((&slip["holdEndsSoon"], &slip["isLate"]), (&json!(true), &json!(true)));
    // Who has paid a part is waited for.
    staff.post(&format!("{}/collect", order.path())).json(&json!({ "amount": "4.000" })).send().await.expect(200);
    let slip = staff.see(BOARD).await.rows()[0]["orders"][0].clone();
    assert_eq!(
        (&slip["amountDue"], &slip["holdEndsSoon"], &slip["holdExpiresAt"]),
        (&json!("6.000"), &json!(false), &Value::Null)
    );
    shop.advance(HOUR * 3);
    shop.run_jobs().await;
    assert_eq!(staff.see(BOARD).await.rows()[0]["count"], 1, "its hold is over, and it is still there");
    // In the shop's language.
    shop.owner().put("/api/v1/admin/settings").json(&json!({ "shop": { "locale": "ar" } })).send().await.expect(200);
    let slip = staff.see(BOARD).await.rows()[0]["orders"][0].clone();
    assert_eq!(slip["items"][0]["name"], "كنافة");
    shop.close().await;
}

#[tokio::test]
async fn the_day_adds_up() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let croissant = shop.product("Croissant").price("2.000").stock(50).create().await;
    let low = shop.product("Labneh").stock(3).threshold(5).create().await;
    let empty = staff.see(DAY).await;
    assert_eq!(
        (&empty["day"], &empty["currency"], &empty["lastProvenBackup"]),
        (&json!("2026-11-25"), &json!("JOD"), &Value::Null)
    );
    assert_eq!((&empty["orders"]["total"], &empty["takings"]["total"]), (&json!(0), &json!("0.000")));
    assert_eq!(
        empty["lowStock"],
        json!({ "count": 1, "products": [{ "productId": low.id, "sku": low.body["sku"], "name": "Labneh", "available": 3, "stockThreshold": 5 }] })
    );

    let order = |pieces| shop.guest().order().line(&croissant, pieces).pickup();
    let paid = order(1).place().await;
    let open = order(2).place().await;
    let returned = order(3).place().await;
    let part = order(4).place().await;
    order(5).field("deliveryInfo", json!({ "date": "2026-11-27" })).place().await;
    let collect = async |order: &Order, body: Value| {
        staff.post(&format!("{}/collect", order.path())).json(&body).send().await.expect(200);
    };
    collect(&paid, json!({})).await;
    collect(&returned, json!({})).await;
    collect(&part, json!({ "amount": "3.000" })).await;
    staff.post(&format!("{}/cancel", returned.path())).json(&json!({})).send().await.expect(200);
    let day = staff.see(DAY).await;
    let states = |pending: i64| json!({ "Pending": pending, "Confirmed": 1, "Preparing": 0, "ReadyForPickup": 0, "OutForDelivery": 0, "Delivered": 0, "Cancelled": 1 });
    assert_eq!(day["orders"], json!({ "total": 4, "byStatus": states(2) }));
    assert_eq!(
        day["takings"],
        json!({ "total": "11.000", "byMethod": [
            { "method": "cash", "amount": "11.000" }, { "method": "card_machine", "amount": "0.000" }, { "method": "transfer", "amount": "0.000" },
        ] })
    );
    assert_eq!(day["refunds"], json!({ "count": 1, "total": "6.000" }));
    // Two pieces open, five for the day after tomorrow, and what is left of four.
    assert_eq!(day["toCollect"], json!({ "count": 3, "total": "19.000" }));

    // Until midnight in Amman it is the same day; then it is another, and what is owed is still owed.
    shop.advance(HOUR * 12 + Duration::from_secs(59 * 60));
    assert_eq!(staff.see(DAY).await["takings"]["total"], "11.000");
    shop.advance(Duration::from_secs(60));
    let next = staff.see(DAY).await;
    assert_eq!(
        (&next["day"], &next["takings"]["total"], &next["refunds"]["count"]),
        (&json!("2026-11-26"), &json!("0.000"), &json!(0))
    );
    assert_eq!((&next["orders"]["total"], &next["toCollect"]["total"]), (&json!(0), &json!("19.000")));
    collect(&open, json!({})).await;
    assert_eq!(staff.see(DAY).await["takings"]["total"], "4.000");
    shop.close().await;
}

/// An order as the recount keeps it, in minor units.
struct Kept {
    order: Order,
    total: i64,
    taken: i64,
}

/// Numbers that come alike in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

fn dinars(minor: i64) -> String {
    format!("{}.{:03}", minor / 1_000, minor % 1_000)
}

/// Three days in Berlin, over the night in which an hour is left out: each number of the day is what a recount of every order and
/// every move of money finds.
#[tokio::test]
async fn the_day_is_what_a_recount_finds_on_any_day() {
    let shop = Shop::open_with(&[("BAYADER_SHOP__TIME_ZONE", "Europe/Berlin")]).await;
    let zone = ShopZone::named("Europe/Berlin").expect("known");
    let staff = shop.staff().await;
    let bread = shop.product("Bread").price("2.000").stock(10_000).create().await;
    // To eight in the evening of the day before the clock goes forward.
    shop.advance(HOUR * (122 * 24 + 11));
    let mut dice = Dice(7);
    let mut kept: Vec<Kept> = Vec::new();
    let mut taken: BTreeMap<String, i64> = BTreeMap::new();
    let mut given_back: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    let mut days = BTreeSet::new();
    for step in 0..160 {
        let today = zone.day_of(shop.clock.now()).to_string();
        days.insert(today.clone());
        let picked = usize::try_from(dice.below(1_000)).expect("small") % kept.len().max(1);
        match dice.below(9) {
            0..=2 => {
                let pieces = i64::try_from(dice.below(4)).expect("small") + 1;
                let at_once = dice.below(4) == 0;
                let by = if at_once { staff.clone() } else { shop.guest() };
                let mut order = by.order().line(&bread, pieces).pickup();
                if at_once {
                    order = order.field("collected", true);
                } else if dice.below(3) == 0 {
                    let tomorrow = zone.day_of(shop.clock.now()).plus_days(1).expect("a day").to_string();
                    order = order.field("deliveryInfo", json!({ "date": tomorrow }));
                }
                let order = order.place().await;
                let total = pieces * 2_000;
                *taken.entry(today.clone()).or_default() += if at_once { total } else { 0 };
                kept.push(Kept { order, total, taken: if at_once { total } else { 0 } });
            }
            3 | 4 => {
                let Some(kept) = kept.get_mut(picked) else { continue };
                let next = match staff.order_of(&kept.order).await["status"].as_str() {
                    Some("Pending") => "Confirmed",
                    Some("Confirmed") => "Preparing",
                    Some("Preparing") => "ReadyForPickup",
                    Some("ReadyForPickup") => "Delivered",
                    _ => continue,
                };
                staff.move_order(&kept.order, next).await.expect(200);
                if next == "Delivered" {
                    *taken.entry(today.clone()).or_default() += kept.total - kept.taken;
                    kept.taken = kept.total;
                }
            }
            5 => {
                let Some(kept) = kept.get_mut(picked).filter(|kept| kept.taken < kept.total) else { continue };
                if staff.order_of(&kept.order).await["status"] == "Cancelled" {
                    continue;
                }
                let amount = if dice.below(2) == 0 { kept.total - kept.taken } else { 500 };
                let body = json!({ "amount": dinars(amount) });
                staff.post(&format!("{}/collect", kept.order.path())).json(&body).send().await.expect(200);
                kept.taken += amount;
                *taken.entry(today.clone()).or_default() += amount;
            }
            6 => {
                let Some(kept) = kept.get_mut(picked) else { continue };
                let status = staff.order_of(&kept.order).await["status"].clone();
                if status == "Cancelled" || status == "Delivered" {
                    continue;
                }
                staff.post(&format!("{}/cancel", kept.order.path())).json(&json!({})).send().await.expect(200);
                if kept.taken > 0 {
                    let (count, minor) = given_back.entry(today.clone()).or_default();
                    (*count, *minor) = (*count + 1, *minor + kept.taken);
                }
            }
            _ => {
                shop.advance(Duration::from_secs(60 * (dice.below(180) + 1)));
                shop.run_jobs().await;
            }
        }

        let today = zone.day_of(shop.clock.now()).to_string();
        let day = staff.see(DAY).await;
        assert_eq!(day["day"], today.as_str(), "step {step}");
        assert_eq!(day["takings"]["total"], dinars(taken.get(&today).copied().unwrap_or(0)), "step {step}");
        let (count, minor) = given_back.get(&today).copied().unwrap_or((0, 0));
        assert_eq!(day["refunds"], json!({ "count": count, "total": dinars(minor) }), "step {step}");
        let all = staff.walk("/api/v1/orders?per_page=100").await;
        let mut of_today: BTreeMap<&str, i64> = BTreeMap::new();
        let (mut owing, mut owed) = (0, 0);
        for order in &all {
            let status = order["status"].as_str().expect("a state");
            if order["businessDay"] == today.as_str() {
                *of_today.entry(status).or_default() += 1;
            }
            let one = kept.iter().find(|kept| order["id"] == kept.order.id.as_str()).expect("it was placed here");
            if status != "Cancelled" && status != "Delivered" && one.taken < one.total {
                (owing, owed) = (owing + 1, owed + one.total - one.taken);
            }
        }
        assert_eq!(all.len(), kept.len());
        assert_eq!(day["toCollect"], json!({ "count": owing, "total": dinars(owed) }), "step {step}");
        assert_eq!(day["orders"]["total"], json!(of_today.values().sum::<i64>()), "step {step}");
        for (status, count) in day["orders"]["byStatus"].as_object().expect("states") {
            assert_eq!(*count, json!(of_today.get(status.as_str()).copied().unwrap_or(0)), "step {step}: {status}");
        }
    }
    assert!(days.len() >= 3 && given_back.len() >= 2, "{days:?} {given_back:?}");
    shop.close().await;
}

#[tokio::test]
async fn the_windows_are_for_those_who_work_in_the_shop() {
    let shop = Shop::open().await;
    for (who, status) in [
        (shop.guest(), 401),
        (shop.customer("Layla").await, 403),
        (shop.driver().await, 403),
        (shop.staff().await, 200),
        (shop.owner(), 200),
    ] {
        for path in [BOARD, DAY] {
            let reply = who.get(path).send().await.expect(status);
            assert!(status != 200 || reply.header("cache-control") == Some("private, no-store"));
        }
    }
    shop.owner().get(&format!("{DAY}?day=2026-11-25")).send().await.expect(422);
    shop.close().await;
}
