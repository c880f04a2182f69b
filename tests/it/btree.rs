//! What an order costs: each B-tree that a placed order changes, counted from the statements' own programs (SPEC 12).
//!
//! Counted is the order's own transaction: what its buyer waits for, and everybody behind them. With its messages it writes one job
//! more, of which the messages are made later, behind people who wait; what that costs is printed. The core is the same without it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use bayader::app::{App, AppOptions};
use bayader::clock::Clock;
use bayader::config::Source;
use bayader::features::accounts::CreateOwner;
use bayader::kernel::{Email, Name, UtcMs};
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::harness::{Client, OWNER, PASSWORD, Wire};

/// The most B-tree writes a placed order of three lines may cost in the core, and with its messages.
const MOST: usize = 16;
const MOST_WITH_MESSAGES: usize = 20;
/// How a job is written.
const A_JOB: &str = "insert into jobs";

#[tokio::test]
async fn an_order_of_three_lines_changes_at_most_sixteen_b_trees_and_twenty_with_its_messages() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // It stands still, so that no job is due while the order is counted.
    let clock = Clock::manual(UtcMs::parse("2026-11-25T08:00:00Z").expect("a moment"));
    let source = Source::new().variables([("BAYADER_RATE_LIMIT__ENABLED", "false")]);
    let options = AppOptions {
        data_dir: folder.path().join("data"),
        config: bayader::config::load(&source).expect("a configuration"),
        clock: clock.clone(),
        accept_clock: true,
        extras: bayader::app::Extras::default(),
    };
    let app = App::open(options).await.expect("the shop opens");
    let (shop, worker) = (Arc::clone(app.shop()), app.worker());
    let owner = CreateOwner {
        name: Name::parse("Rania").expect("a name"),
        email: Email::parse(OWNER).expect("an address"),
        phone: None,
        password_hash: shop.accounts.hash(PASSWORD.to_owned()).await.expect("a password can be hashed"),
    };
    shop.db.write(owner).await.expect("the owner can be made");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let wire = Wire::to(format!("http://{}", listener.local_addr().expect("an address")), clock.clone());
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(app.serve(vec![bayader::http::doors::Door::shop(listener)], stopped));

    let owner = Client::sign_in(&wire, OWNER).await;
    owner.post("/api/v1/categories").json(&json!({ "slug": "bakery", "name": "Bakery" })).send().await.expect(201);
    let mut items = Vec::new();
    for name in ["Bread", "Cake", "Ka'ak"] {
        let body = json!({ "name": name, "price": "1.500", "stock": 50, "category": "bakery" });
        let product = owner.post("/api/v1/products").json(&body).send().await.expect(201);
        items.push(json!({ "productId": product["id"], "quantity": 2 }));
    }
    let order = json!({
        "items": items,
        "customerInfo": { "name": "Huda", "phone": "+962790000003" },
        "paymentMethod": "cash",
        "isPickup": true,
    });
    let guest = Client::guest(&wire);
    // The second order is counted: what the first one of a shop's life does besides is not what orders cost.
    guest.post("/api/v1/orders").json(&order).key("btree-warming-up-1").send().await.expect(201);
    // Jobs that come by themselves have had their turn.
    clock.advance_ms(1_000);
    worker.run_due().await.expect("the jobs run");
    shop.db.stats().trace_writes();
    guest.post("/api/v1/orders").json(&order).key("btree-counted-one").send().await.expect(201);
    let statements = shop.db.stats().take_trace();

    let connection = Connection::open_with_flags(shop.db.folder().database(), OpenFlags::SQLITE_OPEN_READ_ONLY)
        .expect("the database can be read beside the server");
    let costs: Vec<(usize, &str)> = statements.iter().map(|sql| (b_trees_changed(&connection, sql), *sql)).collect();
    let all: usize = costs.iter().map(|(cost, _)| cost).sum();
    let lines = |costs: &[(usize, &str)]| {
        let lines = costs.iter().map(|(cost, sql)| format!("{cost:3} {}", &sql[..sql.len().min(70)]));
        lines.collect::<Vec<String>>()
    };
    let told = lines(&costs);
    println!("{all} B-tree writes an order of three lines with its messages:\n{}", told.join("\n"));
    // One ends its hold, the other tells of it.
    let jobs: Vec<usize> = costs.iter().filter(|(_, sql)| sql.starts_with(A_JOB)).map(|(cost, _)| *cost).collect();
    assert_eq!(jobs, [2, 2], "a job for its hold and one for its messages:\n{}", told.join("\n"));
    assert!(costs.iter().all(|(cost, _)| *cost > 0), "a statement without a write was traced:\n{}", told.join("\n"));
    assert!(costs.len() >= 9, "an order, three lines, three holds, money, a job, an answer:\n{}", told.join("\n"));
    assert!(all - jobs[1] <= MOST, "{} B-tree writes in the core, {MOST} are allowed:\n{}", all - jobs[1], told.join("\n"));
    assert!(all <= MOST_WITH_MESSAGES, "{all} B-tree writes, {MOST_WITH_MESSAGES} are allowed:\n{}", told.join("\n"));

    // Nobody waits for these.
    shop.db.stats().trace_writes();
    clock.advance_ms(1_000);
    worker.run_due().await.expect("the jobs run");
    let later = shop.db.stats().take_trace();
    let later: Vec<(usize, &str)> = later.iter().map(|sql| (b_trees_changed(&connection, sql), *sql)).collect();
    let sum: usize = later.iter().map(|(cost, _)| cost).sum();
    println!("{sum} B-tree writes later, as its message is made and leaves:\n{}", lines(&later).join("\n"));
    assert!(later.iter().any(|(_, sql)| sql.starts_with("insert into notifications")), "it tells of itself");

    stop.send_replace(true);
    serving.await.expect("the shop ends in order");
}

/// The tables and indexes that one run of a statement may change: cursors opened for writing that its program writes by. A row
/// that is taken out and put back into one B-tree counts once, an index on a part of the rows if any row that is there is in it.
fn b_trees_changed(connection: &Connection, sql: &str) -> usize {
    let mut statement = connection.prepare(&format!("explain {sql}")).expect("the statement is understood");
    let mut program: Vec<(String, i64, i64)> = Vec::new();
    // Raw: nothing is bound, for nothing runs.
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().expect("it has a program") {
        let column = "a step has these columns";
        program.push((row.get("opcode").expect(column), row.get("p1").expect(column), row.get("p2").expect(column)));
    }
    let mut opened = BTreeMap::new();
    let mut changed = BTreeSet::new();
    for (opcode, p1, p2) in &program {
        if opcode == "OpenWrite" {
            opened.insert(*p1, *p2);
        }
    }
    for (opcode, p1, _) in &program {
        if matches!(opcode.as_str(), "Insert" | "IdxInsert" | "Delete" | "IdxDelete")
            && let Some(root) = opened.get(p1)
            && takes_rows(connection, *root)
        {
            changed.insert(*root);
        }
    }
    changed.len()
}

/// Whether a B-tree has anything to do with the rows there are: not so an index on a part of them to which none belongs.
fn takes_rows(connection: &Connection, root: i64) -> bool {
    let (table, sql): (String, Option<String>) = connection
        .query_row("select tbl_name, sql from sqlite_schema where rootpage = ?1", [root], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("a B-tree has its line in the schema");
    let condition = sql.as_deref().filter(|sql| sql.starts_with("CREATE INDEX")).and_then(|sql| sql.split_once(" where "));
    condition.is_none_or(|(_, condition)| {
        let sql = format!("select exists (select 1 from {table} where {condition})");
        connection.query_row(&sql, [], |row| row.get(0)).expect("a condition")
    })
}

#[test]
fn a_table_with_two_indexes_costs_three() {
    let connection = Connection::open_in_memory().expect("a database");
    connection
        .execute_batch(
            "create table t (a integer primary key, b text, c text); create index t_b on t (b); \
             create index t_c on t (c) where c is not null; \
             create index t_none on t (c) where b = 'nobody'; insert into t (b, c) values ('x', 'y');",
        )
        .expect("a table");
    assert_eq!(b_trees_changed(&connection, "insert into t (a, b, c) values (?1, ?2, ?3)"), 3);
    assert_eq!(b_trees_changed(&connection, "update t set b = ?2 where a = ?1"), 2);
    assert_eq!(b_trees_changed(&connection, "delete from t where a = ?1"), 3);
    assert_eq!(b_trees_changed(&connection, "select * from t order by c"), 0);
}
