//! What is kept for a time goes when the settings say so, and not before.

use std::time::Duration;

use bayader::db::{Command, WriteTx};
use bayader::features::messages::{self, Channel, Kind, NewMessage};
use bayader::kernel::{Locale, NotificationId, Result};
use serde_json::{Value, json};

use crate::harness::{Client, Order, Product, Shop};

const DAY: Duration = Duration::from_secs(24 * 3_600);
const SETTINGS: &str = "/api/v1/admin/settings";

/// Lets days pass; the upkeep of each runs.
async fn pass(shop: &Shop, days: u32) {
    for _ in 0..days {
        shop.advance(DAY);
        shop.run_jobs().await;
    }
}

/// Lets a long time pass at once, then what is due runs, and what follows from that in the next night.
async fn leap(shop: &Shop, days: u32) {
    shop.advance(DAY * days);
    shop.run_jobs().await;
    pass(shop, 2).await;
}

async fn keep(shop: &Shop, retention: Value) {
    shop.owner().put(SETTINGS).json(&json!({ "retention": retention })).send().await.expect(200);
}

#[tokio::test]
async fn the_sections_are_replaced_and_checked() {
    let shop = Shop::open().await;
    let owner = shop.owner();
    let put = async |body: Value| owner.put(SETTINGS).json(&body).send().await;
    let seen = put(json!({ "retention": { "doneJobDays": 30 }, "messages": { "quietFrom": "٢٢:٠٠" } })).await.expect(200);
    assert_eq!(seen["messages"], json!({ "dailySummaryAt": null, "quietFrom": "22:00", "quietUntil": "09:00" }));
    assert_eq!((&seen["retention"]["doneJobDays"], &seen["retention"]["messageBodyDays"]), (&json!(30), &json!(180)));
    let seen = put(json!({ "messages": { "dailySummaryAt": "00:15" } })).await.expect(200);
    assert_eq!(seen["messages"], json!({ "dailySummaryAt": "00:15", "quietFrom": "21:00", "quietUntil": "09:00" }));
    assert_eq!(seen["retention"]["doneJobDays"], 30, "a section that is left out stays");
    assert_eq!(put(seen.body.clone()).await.expect(200).body, seen.body, "what was read may be sent back");
    let faults = put(json!({
        "messages": { "dailySummaryAt": "24:00", "quietFrom": "9", "quietUntil": 7, "loud": true },
        "retention": { "sessionDays": 0, "cartDays": 31, "providerBodyDays": 6, "messageBodyDays": 366, "doneJobDays": 3651,
            "orderPersonDays": 364 },
    }))
    .await
    .expect_problem(422, "validation_failed");
    let mut fields = faults.fields();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "messages.dailySummaryAt",
            "messages.loud",
            "messages.quietFrom",
            "messages.quietUntil",
            "retention.cartDays",
            "retention.doneJobDays",
            "retention.messageBodyDays",
            "retention.orderPersonDays",
            "retention.providerBodyDays",
            "retention.sessionDays",
        ]
    );
    assert_eq!(owner.see(SETTINGS).await.body, seen.body);
    let change = owner.see("/api/v1/admin/audit?action=settings.replace").await.rows()[0].clone();
    assert_eq!(
        change["after"],
        json!({ "messages": { "dailySummaryAt": "00:15", "quietFrom": "21:00", "quietUntil": "09:00" } })
    );
    shop.close().await;
}

#[tokio::test]
async fn jobs_that_ended_go_after_the_days_that_the_owner_says() {
    let shop = Shop::open().await;
    let old = "select count(*) from jobs where status = 'done' and finished_at <= 1795604400000";
    keep(&shop, json!({ "doneJobDays": 3 })).await;
    shop.advance(Duration::from_secs(2));
    shop.run_jobs().await;
    assert!(shop.count(old).await > 0);
    pass(&shop, 2).await;
    assert!(shop.count(old).await > 0, "two days are not three");
    pass(&shop, 2).await;
    assert_eq!(shop.count(old).await, 0);
    shop.close().await;
}

#[tokio::test]
async fn a_session_and_a_cart_live_no_longer_than_the_settings_give_them() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(9).create().await;
    let body = json!({ "items": [{ "productId": bread.id, "quantity": 1 }] });
    shop.guest().post("/api/v1/cart").json(&body).send().await.expect(201);
    shop.customer("Layla").await;
    keep(&shop, json!({ "sessionDays": 10, "cartDays": 5 })).await;
    let sessions = "select count(*) from sessions s join users u on u.id = s.user_id where u.name = 'Layla'";
    pass(&shop, 4).await;
    assert_eq!((shop.count("select count(*) from carts").await, shop.count(sessions).await), (1, 1));
    pass(&shop, 2).await;
    assert_eq!((shop.count("select count(*) from carts").await, shop.count(sessions).await), (0, 1));
    pass(&shop, 6).await;
    assert_eq!(shop.count(sessions).await, 0);
    shop.close().await;
}

struct Queue(&'static str, i64);

impl Command for Queue {
    const NAME: &'static str = "test.queue_message";
    type Output = NotificationId;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<NotificationId> {
        let message = NewMessage {
            kind: Kind::Message,
            channel: Channel::Email,
            to: self.0.to_owned(),
            locale: Locale::En,
            payload: json!({ "subject": "Your cake", "text": "The almond one.", "name": "Layla" }),
            order: None,
            user: None,
            at: tx.now().plus_ms(self.1),
        };
        messages::queue(tx, &message)
    }
}

#[tokio::test]
async fn what_was_written_to_whom_is_forgotten_and_what_waits_is_not() {
    let shop = Shop::open().await;
    shop.owner().put(SETTINGS).json(&json!({ "messages": {} })).send().await.expect(200);
    keep(&shop, json!({ "messageBodyDays": 20 })).await;
    let queue = async |to, wait: Duration| {
        let wait = i64::try_from(wait.as_millis()).expect("a test's time is short");
        shop.db().write(Queue(to, wait)).await.expect("queued");
    };
    queue("first@example.com", Duration::ZERO).await;
    queue("waits@example.com", DAY * 40).await;
    queue("second@example.com", Duration::ZERO).await;
    let whole = "select count(*) from notifications where recipient is not null and payload is not null";
    pass(&shop, 19).await;
    assert_eq!(shop.count(whole).await, 3);
    pass(&shop, 3).await;
    assert_eq!(shop.count(whole).await, 1, "the one that waits is whole");
    assert_eq!(shop.count("select count(*) from notifications where status = 'sent' and subject is null").await, 2);
    pass(&shop, 20).await;
    assert_eq!(shop.count("select count(*) from notifications where status = 'sent'").await, 3, "it has left as it was");
    pass(&shop, 1).await;
    assert_eq!((shop.count(whole).await, shop.count("select count(*) from notifications").await), (0, 3));
    shop.close().await;
}

#[tokio::test]
async fn days_are_counted_to_the_hour() {
    let shop = Shop::open().await;
    keep(&shop, json!({ "doneJobDays": 3, "messageBodyDays": 20 })).await;
    shop.db().write(Queue("first@example.com", 0)).await.expect("queued");
    shop.advance(Duration::from_secs(2));
    shop.run_jobs().await;
    let kept = async || {
        (
            shop.count("select count(*) from jobs where kind = 'messages.email' and created_at <= 1795604400000").await,
            shop.count("select count(*) from notifications where type = 'message' and payload is not null").await,
        )
    };
    let hour = Duration::from_secs(3_600);
    for (wait, left) in [(DAY * 3 - hour, (1, 1)), (hour * 2, (0, 1)), (DAY * 17 - hour * 2, (0, 1)), (hour * 2, (0, 0))] {
        shop.advance(wait);
        shop.run_jobs().await;
        assert_eq!(kept().await, left, "{wait:?} later");
    }
    shop.close().await;
}

async fn order(by: &Client, product: &Product, customer: Value) -> Order {
    by.order().line(product, 1).pickup().field("customerInfo", customer).field("notes", "For Huda's birthday").place().await
}

async fn deliver(shop: &Shop, order: &Order) {
    let states = ["Confirmed", "Preparing", "ReadyForPickup", "Delivered"];
    shop.staff().await.move_order_through(order, &states).await;
}

/// Whose an order is, as staff read it: name, e-mail address, phone.
async fn person(shop: &Shop, order: &Order) -> (Value, Value, Value) {
    let seen = shop.owner().order_of(order).await;
    let customer = &seen["customer"];
    (customer["name"].clone(), customer["email"].clone(), customer["phone"].clone())
}

#[tokio::test]
async fn whose_an_order_was_is_forgotten_after_three_years_without_one() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let cake = shop.product("Cake").price("5.000").stock(500).create().await;
    let layla = shop.customer("Layla").await;
    let huda = json!({ "name": "Huda Saleh", "phone": "+962790000011", "email": "huda@example.com" });
    let samir = json!({ "name": "Samir Odeh", "phone": "+962790000012" });
    let once = order(&shop.guest(), &cake, huda.clone()).await;
    let regular = order(&shop.guest(), &cake, samir.clone()).await;
    let laylas = order(&layla, &cake, json!({ "name": "Layla", "phone": "+962790000001" })).await;
    let counter = order(&staff, &cake, json!({ "name": "Abu Ahmad" })).await;
    let never_fetched = order(&staff, &cake, json!({ "name": "Dana Rashid", "phone": "+962790000013" })).await;
    staff.move_order_through(&never_fetched, &["Confirmed", "Preparing", "ReadyForPickup"]).await;
    for order in [&once, &regular, &laylas, &counter] {
        deliver(&shop, order).await;
    }
    shop.guest().post(&format!("{}/cancel", once.path())).header("x-order-token", once.token()).json(&json!({})).send().await;
    shop.advance(Duration::from_secs(61));
    shop.run_jobs().await;
    let found = async |text: &str| shop.owner().see(&format!("/api/v1/orders?q={text}")).await.rows().len();
    assert_eq!((found("Saleh").await, found("0790000011").await), (1, 1));

    // Two years later the regular comes again, with the same phone.
    leap(&shop, 2 * 365).await;
    shop.owner().sign_in_again().await;
    staff.sign_in_again().await;
    let again = order(&shop.guest(), &cake, samir).await;
    deliver(&shop, &again).await;
    leap(&shop, 300).await;
    assert_eq!(shop.count("select count(*) from orders where anonymised_at is not null").await, 0, "three years are not over");
    let books = async |sql: &'static str| shop.count(sql).await;
    let before = (
        books("select sum(total_minor) from orders").await,
        books("select sum(amount_minor) from money_ledger").await,
        books("select count(*) from order_lines").await,
    );

    leap(&shop, 70).await;
    shop.owner().sign_in_again().await;
    let gone = json!("Former customer");
    for order in [&once, &laylas, &counter] {
        let (name, email, phone) = person(&shop, order).await;
        assert_eq!((&name, email.is_null(), phone.is_null()), (&gone, true, true));
        let seen = shop.owner().order_of(order).await;
        assert!(seen["notes"].is_null() && seen["customer"]["id"].is_null(), "{seen}");
        assert_eq!((&seen["totalAmount"], &seen["items"][0]["name"]), (&json!("5.000"), &json!("Cake")));
    }
    assert_eq!(person(&shop, &regular).await.0, "Samir Odeh", "who came again is known with all their orders");
    assert_eq!(person(&shop, &never_fetched).await.0, "Dana Rashid", "an order that is open keeps its person");
    assert_eq!(
        (found("Saleh").await, found("0790000011").await, found("Odeh").await),
        (0, 0, 2),
        "nor does a search find them"
    );
    let after = (
        books("select sum(total_minor) from orders").await,
        books("select sum(amount_minor) from money_ledger").await,
        books("select count(*) from order_lines").await,
    );
    assert_eq!(before, after, "lines and sums stay");
    let audit = shop.owner().see("/api/v1/admin/audit?action=orders.forget_persons").await;
    assert_eq!(audit.rows()[0]["after"], json!({ "orders": 3 }));

    // Two more years, and the regular has not come again.
    leap(&shop, 2 * 365).await;
    shop.owner().sign_in_again().await;
    for order in [&regular, &again] {
        assert_eq!(person(&shop, order).await.0, gone);
    }
    assert_eq!(person(&shop, &never_fetched).await.0, "Dana Rashid");
    shop.close().await;
}

#[tokio::test]
async fn who_shares_a_phone_or_an_address_with_somebody_newer_is_kept_and_a_setting_shortens_it() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let cake = shop.product("Cake").price("5.000").stock(500).create().await;
    keep(&shop, json!({ "orderPersonDays": 365 })).await;
    let by = |name: &str, phone: Option<&str>, email: Option<&str>| {
        let mut person = json!({ "name": name, "phone": phone.unwrap_or("+962790000020") });
        if let Some(email) = email {
            person["email"] = email.into();
        }
        person
    };
    let old_by_mail = order(&staff, &cake, by("Huda", Some("+962790000021"), Some("huda@example.com"))).await;
    let old_by_phone = order(&staff, &cake, by("Mona", Some("+962790000022"), None)).await;
    let alone = order(&staff, &cake, by("Rami", Some("+962790000023"), Some("rami@example.com"))).await;
    for order in [&old_by_mail, &old_by_phone, &alone] {
        deliver(&shop, order).await;
    }
    leap(&shop, 300).await;
    staff.sign_in_again().await;
    // Newer ones: the same address with another phone, the same phone under another name; one is open.
    let newer = order(&staff, &cake, by("H. Saleh", Some("+962790000024"), Some("huda@example.com"))).await;
    deliver(&shop, &newer).await;
    order(&staff, &cake, by("Mona's mother", Some("+962790000022"), None)).await;
    leap(&shop, 70).await;
    shop.owner().sign_in_again().await;
    assert_eq!(person(&shop, &old_by_mail).await.0, "Huda");
    assert_eq!(person(&shop, &old_by_phone).await.0, "Mona");
    assert_eq!(person(&shop, &alone).await.0, "Former customer");
    shop.close().await;
}
