//! What a large shop stands on, seen in a small one: totals that are counted and not read, orders found by a text before and after
//! it is in the index, and what is thrown away in time.

use std::time::Duration;

use bayader::args;
use bayader::db::{Command, WriteTx};
use bayader::features::orders::text_index;
use bayader::kernel::{Result, UserId};
use serde_json::{Value, json};

use crate::harness::{Client, Order, Product, Shop};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// The index of texts takes up everything that is there.
async fn index(shop: &Shop) {
    shop.advance(2 * MINUTE);
    shop.run_jobs().await;
    let left = "select count(*) from orders where id > (select order_id from order_texts_upto)";
    assert_eq!(shop.count(left).await, 0, "orders are not in the index");
}

async fn total(staff: &Client, query: &str) -> i64 {
    let list = staff.see(&format!("/api/v1/orders?{query}")).await;
    list["meta"]["total"].as_i64().unwrap_or_else(|| panic!("no total: {list:?}"))
}

/// Names of the orders that a text finds, newest first; page, total and walk by cursor must agree.
async fn found(by: &Client, query: &str) -> Vec<String> {
    let names = |rows: &[Value]| -> Vec<String> {
        rows.iter().map(|row| row["customer"]["name"].as_str().expect("a name").to_owned()).collect()
    };
    let list = by.see(&format!("/api/v1/orders?{query}&per_page=100")).await;
    let all = names(list.rows());
    assert_eq!(list["meta"]["total"], all.len(), "{query}");
    assert_eq!(names(&by.walk(&format!("/api/v1/orders?{query}&per_page=1")).await), all, "walked by cursor: {query}");
    for page in 1..=all.len() {
        let one = by.see(&format!("/api/v1/orders?{query}&per_page=1&page={page}")).await;
        assert_eq!(names(one.rows()), all[page - 1..page], "page {page} of {query}");
    }
    all
}

async fn place_as(shop: &Shop, bread: &Product, name: &str, phone: &str, email: Option<&str>) -> Order {
    let mut who = json!({ "name": name, "phone": phone });
    if let Some(email) = email {
        who["email"] = email.into();
    }
    shop.guest().order().line(bread, 1).pickup().field("customerInfo", who).place().await
}

#[tokio::test]
async fn totals_are_those_of_the_orders_whatever_happened_to_them() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").stock(1_000).create().await;
    let mut orders = Vec::new();
    for n in 0..12 {
        let order = shop.guest().order().line(&bread, 1);
        orders.push(if n % 3 == 0 { order.delivery().place().await } else { order.pickup().place().await });
    }
    for order in &orders[..6] {
        staff.move_order_through(order, &["Confirmed", "Preparing"]).await;
    }
    staff.move_order_through(&orders[1], &["ReadyForPickup", "Delivered"]).await;
    staff.post(&format!("{}/collect", orders[2].path())).json(&json!({})).send().await.expect(200);
    for order in &orders[6..8] {
        staff.post(&format!("{}/cancel", order.path())).json(&json!({})).send().await.expect(200);
    }
    staff.post(&format!("{}/cancel", orders[2].path())).json(&json!({})).send().await.expect(200);
    // A refused move and a refused order change no total.
    staff.move_order(&orders[1], "Pending").await.expect_problem(409, "illegal_transition");
    shop.guest().order().line(&bread, 5_000).pickup().send().await.expect(422);
    let moved = staff.move_order(&orders[8], "Confirmed").await.expect(200);
    let undo = json!({ "version": moved["version"] });
    staff.post(&format!("{}/undo", orders[8].path())).json(&undo).send().await.expect(200);

    let rows = staff.walk("/api/v1/orders?per_page=100").await;
    assert_eq!(rows.len(), 12);
    let among = |wanted: &dyn Fn(&Value) -> bool| i64::try_from(rows.iter().filter(|row| wanted(row)).count()).expect("few");
    assert_eq!(total(&staff, "page=1").await, 12);
    assert_eq!(total(&staff, "payment_method=cash").await, 12);
    assert_eq!(total(&staff, "fulfilment=delivery").await, 4);
    for status in ["Pending", "Confirmed", "Preparing", "ReadyForPickup", "OutForDelivery", "Delivered", "Cancelled"] {
        assert_eq!(total(&staff, &format!("status={status}")).await, among(&|row| row["status"] == status), "{status}");
        let pickup = format!("status={status}&fulfilment=pickup");
        assert_eq!(total(&staff, &pickup).await, among(&|row| row["status"] == status && row["isPickup"] == true), "{pickup}");
    }
    for status in ["Pending", "Paid", "PartiallyRefunded", "Refunded", "Failed"] {
        let query = format!("payment_status={status}");
        assert_eq!(total(&staff, &query).await, among(&|row| row["paymentStatus"] == status), "{query}");
    }
    assert!(among(&|row| row["status"] == "Cancelled") == 3 && among(&|row| row["paymentStatus"] == "Refunded") == 1);
    shop.close().await;
}

#[tokio::test]
async fn products_are_counted_as_they_come_move_and_go() {
    let shop = Shop::open().await;
    shop.category("cakes", "Cakes").await;
    let mut products = Vec::new();
    for n in 0..5 {
        products.push(shop.product(&format!("Bread {n}")).create().await);
    }
    let count = async |by: &Client| {
        let list = by.see("/api/v1/products").await;
        let categories = by.see("/api/v1/categories").await;
        let per_category: Vec<i64> =
            categories.rows().iter().map(|row| row["productCount"].as_i64().expect("a count")).collect();
        (list["meta"]["total"].as_i64().expect("a total"), per_category.iter().sum::<i64>())
    };
    assert_eq!((count(&shop.guest()).await, count(&shop.owner()).await), ((5, 5), (5, 5)));
    shop.owner().delete(&format!("/api/v1/products/{}", products[0].id)).send().await.expect(204);
    assert_eq!((count(&shop.guest()).await, count(&shop.owner()).await), ((4, 4), (5, 5)));
    let moved = json!({ "name": "Cake", "price": "2.000", "category": "cakes" });
    shop.owner().put(&format!("/api/v1/products/{}", products[1].id)).json(&moved).send().await.expect(200);
    assert_eq!((count(&shop.guest()).await, count(&shop.owner()).await), ((4, 4), (5, 5)));
    let wrong = "select count(*) from category_counts n where n.products <> (select count(*) from products p where \
                 p.category_id = n.category_id) or n.shown <> (select count(*) from products p where p.category_id = n.category_id \
                 and p.is_active = 1)";
    assert_eq!(shop.count(wrong).await, 0);
    shop.close().await;
}

#[tokio::test]
async fn a_text_finds_an_order_before_and_after_it_is_in_the_index() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").stock(1_000).create().await;
    let mut orders = Vec::new();
    for (name, phone, email) in [
        ("Huda Khalil", "+962790000011", None),
        ("هُدى خليل", "+962790000012", Some("huda.k@example.com")),
        ("HUDA Nasser", "+962790000013", None),
        ("Omar Haddad", "+962790000014", Some("omar@example.org")),
    ] {
        orders.push(place_as(&shop, &bread, name, phone, email).await);
    }
    staff.move_order_through(&orders[0], &["Confirmed", "Preparing", "ReadyForPickup", "Delivered"]).await;
    let cases: [(&str, &[&str]); 15] = [
        ("q=huda", &["HUDA Nasser", "هُدى خليل", "Huda Khalil"]),
        ("q=hu", &["HUDA Nasser", "هُدى خليل", "Huda Khalil"]),
        ("q=o", &["Omar Haddad"]),
        ("q=khalil%20huda", &["Huda Khalil"]),
        ("q=%D9%87%D8%AF%D9%8A", &["هُدى خليل"]),
        ("q=example.com", &["هُدى خليل"]),
        ("q=0790000014", &["Omar Haddad"]),
        ("q=%2B962%2079%20000%200014", &["Omar Haddad"]),
        ("q=00013", &["HUDA Nasser"]),
        ("q=0002", &["هُدى خليل"]),
        ("q=2", &["هُدى خليل"]),
        ("q=B-261125-0003", &["HUDA Nasser"]),
        ("q=261125-0003", &["HUDA Nasser"]),
        ("q=huda&status=Delivered", &["Huda Khalil"]),
        ("q=nobody", &[]),
    ];
    let see = async |when: &str| {
        for (query, names) in cases {
            assert_eq!(found(&staff, query).await, *names, "{query} {when}");
        }
        for filter in
            ["status=Pending", "day=2026-11-25", "payment_status=Pending", "fulfilment=pickup", "from=2026-11-25T00:00:00Z"]
        {
            // Who fetched hers has paid.
            let still_open = filter.contains("Pending");
            let all = found(&staff, &format!("q=huda&{filter}")).await;
            assert_eq!(all.len(), if still_open { 2 } else { 3 }, "{filter} {when}");
        }
    };
    see("not yet in the index").await;
    index(&shop).await;
    see("in the index").await;

    place_as(&shop, &bread, "Huda Odeh", "+962790000015", None).await;
    let both = ["Huda Odeh", "HUDA Nasser", "هُدى خليل", "Huda Khalil"];
    assert_eq!(found(&staff, "q=huda").await, both, "one not yet in it, three in it");
    index(&shop).await;
    assert_eq!(found(&staff, "q=huda").await, both);

    // A row that is lost is told.
    shop.db().write(LoseOne).await.expect("written");
    assert!(matches!(&shop.ailments().await[..], [told] if told.contains("4 of 5")), "{:?}", shop.ailments().await);

    // A program that folds otherwise has filled the index.
    shop.db().write(OfAnotherFolding).await.expect("written");
    assert!(found(&staff, "q=huda").await.is_empty());
    index(&shop).await;
    assert_eq!(found(&staff, "q=huda").await, both);
    shop.close().await;
}

/// The index without the words of one order.
struct LoseOne;

impl Command for LoseOne {
    const NAME: &'static str = "test.lose_one";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        tx.exec("delete from order_texts where rowid = (select max(number_day * 10000000 + number) from orders)", &[]).map(drop)
    }
}

/// The index as another version of the program has left it: its words are none of ours.
struct OfAnotherFolding;

impl Command for OfAnotherFolding {
    const NAME: &'static str = "test.of_another_folding";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        tx.exec("insert into order_texts (order_texts) values ('delete-all')", &[])?;
        tx.exec("insert into order_texts (rowid, text) select number_day * 10000000 + number, 'hudx' from orders", &[])?;
        tx.exec("update order_texts_upto set folding = 0", &[]).map(drop)
    }
}

#[tokio::test]
async fn a_customer_finds_only_their_own() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(100).create().await;
    let (layla, omar) = (shop.customer("Layla").await, shop.customer("Omar").await);
    for by in [&layla, &omar, &layla] {
        by.order().line(&bread, 1).pickup().place().await;
    }
    for _ in 0..2 {
        assert_eq!(found(&layla, "q=la").await, ["Layla", "Layla"]);
        assert_eq!(found(&layla, "q=example.com").await, ["Layla", "Layla"]);
        assert!(found(&layla, "q=omar").await.is_empty());
        index(&shop).await;
    }
    shop.close().await;
}

#[tokio::test]
async fn any_text_may_be_looked_for() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").stock(100).create().await;
    place_as(&shop, &bread, "A\"B* NEAR(c) OR d", "+962790000021", None).await;
    for indexed in [false, true] {
        if indexed {
            index(&shop).await;
        }
        for text in [
            "\"", "\"\"", "*", "NEAR(c)", "OR", "a\"b*", "'", "%", "_", "-", "^", "text:a", "{a}", "--", "é", "ـ", "+", "()",
            "\u{200b}",
        ] {
            let query: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
            staff.get(&format!("/api/v1/orders?q={query}")).send().await.expect(200);
        }
        assert_eq!(found(&staff, "q=a%22b*").await.len(), 1, "signs part words");
        assert_eq!(found(&staff, "q=near%28c%29%20or").await.len(), 1, "words that FTS5 knows are words");
    }
    shop.close().await;
}

/// Anonymises as an erasure does, as far as orders go.
struct Anonymise(UserId);

impl Command for Anonymise {
    const NAME: &'static str = "test.anonymise";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        tx.exec(
            "update orders set customer_name = 'Anonymised', customer_email = null, customer_phone = null where customer_id = ?1",
            args![self.0],
        )?;
        text_index::forget(tx, self.0)
    }
}

#[tokio::test]
async fn an_anonymised_person_is_not_found_any_more() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").stock(100).create().await;
    let layla = shop.customer("Layla").await;
    let first = layla.order().line(&bread, 1).pickup().place().await;
    index(&shop).await;
    layla.order().line(&bread, 1).pickup().place().await;
    place_as(&shop, &bread, "Layla Other", "+962790000031", None).await;
    assert_eq!(found(&staff, "q=layla").await.len(), 3);
    let id = staff.order_of(&first).await["customer"]["id"].as_str().and_then(UserId::parse).expect("an id");
    // Twice is as once.
    for _ in 0..2 {
        shop.db().write(Anonymise(id)).await.expect("it can be done");
        for text in ["layla", "layla@example.com", "0790000001"] {
            let names: Vec<String> = found(&staff, &format!("q={text}")).await;
            assert!(names.iter().all(|name| name == "Layla Other"), "{text}: {names:?}");
        }
        assert_eq!(found(&staff, "q=anonymised").await.len(), 2);
        assert_eq!(found(&staff, "q=0001").await.len(), 1, "its number still finds it");
    }
    index(&shop).await;
    assert_eq!(found(&staff, "q=layla").await, ["Layla Other"]);
    shop.close().await;
}

#[tokio::test]
async fn jobs_that_ended_go_after_two_weeks_and_kept_answers_after_a_day() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").stock(1_000).create().await;
    for n in 0..3 {
        let order = shop.guest().order().line(&bread, 1).pickup().key(&format!("an-order-of-a-guest-{n}")).place().await;
        staff.move_order(&order, "Confirmed").await.expect(200);
    }
    let holds = "select count(*) from jobs where kind = 'orders.expire_hold'";
    let answers = "select count(*) from idempotent_answers";
    assert_eq!((shop.count(holds).await, shop.count(answers).await), (3, 3));
    shop.advance(23 * HOUR);
    shop.run_jobs().await;
    assert_eq!((shop.count(holds).await, shop.count(answers).await), (3, 3), "a day is not over");
    shop.advance(3 * HOUR);
    shop.run_jobs().await;
    assert_eq!((shop.count(holds).await, shop.count(answers).await), (3, 0), "nobody ordered, and still they go");
    shop.advance(12 * DAY);
    shop.run_jobs().await;
    assert_eq!(shop.count(holds).await, 3, "two weeks are not over");
    shop.advance(2 * DAY);
    shop.run_jobs().await;
    let old = "select count(*) from jobs where status in ('done', 'cancelled') and finished_at < (select max(run_at) from jobs) - 15 * 86400000";
    assert_eq!((shop.count(holds).await, shop.count(old).await), (0, 0));
    shop.close().await;
}
