//! A shop that an older program kept, opened by this one: everything it has is there, counted and found.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use bayader::app::{App, AppOptions, doctor};
use bayader::config::Source;
use bayader::db::SCHEMA_VERSION;
use refinery::{Migration, Runner};
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::harness::{Client, OWNER, Order, Shop, Wire};

/// The migrations of the first release that shops have run.
const FIRST: [(&str, &str); 4] = [
    ("V1__accounts", include_str!("../../migrations/V1__accounts.sql")),
    ("V2__catalog", include_str!("../../migrations/V2__catalog.sql")),
    ("V3__orders", include_str!("../../migrations/V3__orders.sql")),
    ("V4__engine", include_str!("../../migrations/V4__engine.sql")),
];

/// Brings what a shop of today has, as far as the first release knew it, into a database of the first release.
fn write_older(database: &Path, today: &Path) {
    let mut older = Connection::open(database).expect("a database");
    let migrations: Vec<Migration> =
        FIRST.iter().map(|(name, sql)| Migration::unapplied(name, sql).expect("a migration")).collect();
    Runner::new(&migrations).run(&mut older).expect("the first schema");
    older.pragma_update(None, "foreign_keys", false).expect("set");
    older.execute("attach ?1 as today", [today.to_str().expect("a path")]).expect("attached");
    let texts = |sql: &str| -> Vec<String> {
        let mut statement = older.prepare(sql).expect("a statement");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.map(|row| row.expect("a text")).collect()
    };
    let tables = texts(
        "select name from main.sqlite_schema where type = 'table' and name not like 'sqlite%' and name not like 'refinery%'",
    );
    assert!(tables.len() > 10, "{tables:?}");
    for table in tables.iter().filter(|table| *table != "money_ledger") {
        let columns = texts(&format!("select name from pragma_table_info('{table}', 'main')")).join(", ");
        let sql = format!("insert into main.{table} ({columns}) select {columns} from today.{table}");
        older.execute(&sql, []).unwrap_or_else(|error| panic!("{table}: {error}"));
    }
    older.execute("delete from jobs where key = 'recurring'", []).expect("a newer program's");
    // Of old the ledger itself said what was asked for, in an order's first row.
    older
        .execute_batch(
            "insert into main.money_ledger (order_id, n, payment_id, kind, method, amount_minor, actor, at) \
             select order_id, 1, id, 'pending', method, amount_minor, 'guest', created_at from today.payments; \
             insert into main.money_ledger (order_id, n, payment_id, kind, method, amount_minor, actor, actor_id, reference, reason, at) \
             select order_id, n + 1, payment_id, kind, method, amount_minor, actor, actor_id, reference, reason, at from today.money_ledger;",
        )
        .expect("the older ledger");
}

/// What the books say of money, a line a payment, refund and row of the ledger, in the order of their orders' numbers.
fn money(database: &Path) -> Vec<String> {
    let books = Connection::open(database).expect("the database");
    let mut told = Vec::new();
    for sql in [
        "select o.number || ' ' || o.payment_status || ' ' || o.captured_minor || ' ' || o.refunded_minor || ' ' || p.attempt || ' ' || p.method \
         || ' ' || p.status || ' ' || p.amount_minor || ' ' || p.captured_minor || ' ' || p.refunded_minor || ' ' || hex(p.id) \
         from orders o join payments p on p.id = o.payment_id order by o.number",
        "select o.number || ' ' || r.n || ' ' || r.method || ' ' || r.amount_minor || ' ' || r.status || ' ' || coalesce(r.reason, '') || ' ' || r.actor \
         || ' ' || hex(r.payment_id) from refunds r join orders o on o.id = r.order_id order by o.number, r.n",
        "select o.number || ' ' || m.kind || ' ' || m.method || ' ' || m.amount_minor || ' ' || m.actor || ' ' || coalesce(m.reference, '') || ' ' || \
         hex(m.payment_id) || ' ' || (m.refund_id is not null) from money_ledger m join orders o on o.id = m.order_id order by o.number, m.n",
    ] {
        let mut statement = books.prepare(sql).expect("a statement");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        told.extend(rows.map(|row| row.expect("a text")));
    }
    told
}

#[tokio::test]
async fn a_shop_of_the_first_release_is_whole_after_its_upgrade() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data_dir, today) = (folder.path().join("data"), folder.path().join("today.db"));
    std::fs::create_dir(&data_dir).expect("a folder");

    let shop = Shop::open().await;
    let bread = shop.product("Walnut bread").stock(100).create().await;
    let staff = shop.staff().await;
    let layla = shop.customer("Layla").await;
    layla.order().line(&bread, 2).pickup().place().await;
    let mut by_guests = Vec::new();
    let huda = || json!({ "name": "Huda", "phone": "+962790000003" });
    for _ in 0..3 {
        by_guests.push(shop.guest().order().line(&bread, 1).pickup().field("customerInfo", huda()).place().await);
    }
    staff.move_order_through(&by_guests[0], &["Confirmed", "Preparing", "ReadyForPickup", "Delivered"]).await;
    let last = shop.guest().order().line(&bread, 1).pickup().place().await;
    staff.post(&format!("{}/cancel", last.path())).json(&json!({})).send().await.expect(200);
    // Money of each kind: nothing, a part, all of it, and given back.
    let post = |order: &Order, what: &str, body: Value| staff.post(&format!("{}/{what}", order.path())).json(&body).send();
    let paid = staff.order().line(&bread, 2).pickup().field("collected", true).place().await;
    staff.move_order_through(&paid, &["Preparing", "ReadyForPickup", "Delivered"]).await;
    let part = staff.order().line(&bread, 3).pickup().place().await;
    post(&part, "collect", json!({ "amount": "1.250", "reference": "slip 12" })).await.expect(200);
    let returned = staff.order().line(&bread, 4).pickup().place().await;
    post(&returned, "collect", json!({ "amount": "1.000" })).await.expect(200);
    post(&returned, "collect", json!({})).await.expect(200);
    post(&returned, "cancel", json!({ "reason": "Burnt" })).await.expect(200);
    let money_before = money(&shop.database());
    assert_eq!(money_before.len(), 8 + 1 + 6, "{money_before:?}");
    let copied = Connection::open(shop.database()).expect("the database");
    copied.execute("vacuum into ?1", [today.to_str().expect("a path")]).expect("copied");
    drop(copied);
    let clock = shop.clock.clone();
    shop.close().await;
    write_older(&data_dir.join("bayader.db"), &today);

    clock.advance_ms(60_000);
    let config = bayader::config::load(&Source::new()).expect("a configuration");
    let options = AppOptions {
        data_dir: data_dir.clone(),
        config,
        clock: clock.clone(),
        accept_clock: false,
        extras: bayader::app::Extras::default(),
    };
    let app = App::open(options).await.expect("the shop opens");
    let (shop, worker) = (Arc::clone(app.shop()), app.worker());
    assert_eq!(bayader::db::schema_version(&shop.db.folder().database()).expect("a version"), SCHEMA_VERSION);
    let copies: Vec<String> = std::fs::read_dir(data_dir.join("backups"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert!(matches!(&copies[..], [copy] if copy.starts_with("before-migration-from-4-")), "{copies:?}");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let wire = Wire::to(format!("http://{}", listener.local_addr().expect("an address")), clock.clone());
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(app.serve(vec![bayader::http::doors::Door::shop(listener)], stopped));

    let (owner, guest) = (Client::sign_in(&wire, OWNER).await, Client::guest(&wire));
    assert_eq!(shop.db.read(doctor).await.expect("it can look"), Vec::<String>::new());
    assert_eq!(money(&shop.db.folder().database()), money_before);
    assert_eq!(guest.see("/api/v1/products?q=walnut").await.column("id"), [bread.id.as_str()]);
    for (query, wanted) in
        [("", 8), ("?status=Pending", 4), ("?status=Delivered", 2), ("?status=Cancelled", 2), ("?q=layla", 1)]
    {
        let reply = owner.see(&format!("/api/v1/orders{query}")).await;
        assert_eq!((&reply["meta"]["total"], reply.rows().len()), (&json!(wanted), wanted), "{query}");
    }
    // Two of three orders that this guest may leave unconfirmed are there already.
    let order = || guest.order().line(&bread, 1).pickup().field("customerInfo", huda()).send();
    order().await.expect(201);
    order().await.expect_problem(409, "too_many_open_orders");

    clock.advance_ms(60_000);
    worker.run_due().await.expect("the jobs run");
    let unindexed = "select count(*) from orders where id > (select order_id from order_texts_upto)";
    let counts = shop.db.read(move |reader| reader.one(unindexed, &[], |row| row.get::<i64>(0))).await.expect("a count");
    assert_eq!(counts, 0, "every order's words are in the index");
    assert_eq!(owner.see("/api/v1/orders?q=layla").await["meta"]["total"], 1);
    // The holds that were placed before end as they would have.
    clock.advance_ms(25 * 3_600_000);
    worker.run_due().await.expect("the jobs run");
    owner.sign_in_again().await;
    let left = owner.see("/api/v1/orders?status=Pending").await;
    assert_eq!(left.column("id"), [part.id.as_str()], "who has paid a part is waited for");
    // What was owed is owed, and what was paid can be given back.
    let post = |order: &Order, what: &str, body: Value| owner.post(&format!("{}/{what}", order.path())).json(&body).send();
    assert_eq!(post(&part, "collect", json!({})).await.expect(200)["paymentStatus"], "Paid");
    assert_eq!(post(&part, "cancel", json!({})).await.expect(200)["paymentStatus"], "Refunded");
    assert_eq!(shop.db.read(doctor).await.expect("it can look"), Vec::<String>::new());
    stop.send_replace(true);
    serving.await.expect("the shop ends in order");
}
