//! Writes shops of any size, by SQL of its own: years of orders in a minute.
//!
//! The rows are those that the shop itself leaves behind: what a delivered order has of lines, history, money and stock, what a
//! cancelled one has, what an open one holds. So `bayader doctor` finds nothing; the bench asks it of a small one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rusqlite::{Connection, params};
use uuid::Uuid;

const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;
/// The shop's days are Amman's.
const ZONE_MS: i64 = 3 * HOUR_MS;
/// Nobody empties a shelf.
const STOCK: i64 = 90_000_000;
/// The sample menu that a shop begins with.
const SAMPLE: usize = 68;
const CATEGORIES: usize = 40;
const FIRST: [&str; 16] = [
    "Huda",
    "Omar",
    "Lina",
    "Samir",
    "Rania",
    "Yousef",
    "Dana",
    "Khaled",
    "هدى",
    "عمر",
    "لينا",
    "سمير",
    "رانيا",
    "يوسف",
    "دانا",
    "خالد",
];
const LAST: [&str; 20] = [
    "Khalil",
    "Haddad",
    "Nasser",
    "Qasem",
    "Odeh",
    "Masri",
    "Zoubi",
    "Saleh",
    "Rashid",
    "Tamimi",
    "خليل",
    "حداد",
    "ناصر",
    "قاسم",
    "عودة",
    "المصري",
    "الزعبي",
    "صالح",
    "راشد",
    "التميمي",
];
const SORTS: [&str; 12] =
    ["Croissant", "Cake", "Loaf", "Tart", "Ka'ak", "Baklava", "Roll", "Muffin", "Cookie", "Pie", "Brioche", "Bun"];
const TASTES: [&str; 14] = [
    "Cinnamon",
    "Almond",
    "Pistachio",
    "Chocolate",
    "Date",
    "Sesame",
    "Lemon",
    "Walnut",
    "Za'atar",
    "Cheese",
    "Honey",
    "Apple",
    "Saffron",
    "Rose",
];
const ARABIC: [&str; 8] = ["كعكة", "خبز", "كنافة", "معمول", "بقلاوة", "قرشلة", "فطيرة", "بسكويت"];

/// How large a shop is.
#[derive(Clone, Copy)]
pub struct Size {
    pub products: usize,
    pub orders: usize,
    /// So many days its orders reach back.
    pub days: i64,
}

impl Size {
    fn name(self) -> String {
        format!("scale-v{}-{}-{}", bayader::db::SCHEMA_VERSION, self.products, self.orders)
    }
}

/// The data folder of a shop of that size, made if it is not there from an earlier run: under `target/`, a folder a schema.
pub async fn kept(size: Size) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(size.name());
    let (data, whole) = (folder.join("data"), folder.join("whole"));
    if !whole.exists() {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        make(&data, size).await;
        std::fs::write(&whole, "").expect("a mark");
    }
    data
}

/// Makes a shop of that size.
pub async fn make(data: &Path, size: Size) {
    drop(super::open(data).await);
    let started = Instant::now();
    let mut connection = Connection::open(bayader::db::database_in(data)).expect("a database");
    connection
        .execute_batch(
            "pragma synchronous = off; pragma cache_size = -400000; pragma temp_store = memory; pragma foreign_keys = off;",
        )
        .expect("pragmas");
    let products = write_products(&mut connection, size);
    write_orders(&mut connection, &products, size);
    connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(())).expect("a checkpoint");
    println!("wrote {} products and {} orders in {:.0} s", size.products, size.orders, started.elapsed().as_secs_f64());
}

struct Product {
    id: Vec<u8>,
    sku: String,
    name_en: Option<String>,
    name_ar: Option<String>,
    price: i64,
}

/// Numbers without a pattern that counts, the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or(0) % sides
    }
}

/// Ids in order of time.
struct Ids(u64);

impl Ids {
    fn at(&mut self, ms: i64) -> Vec<u8> {
        self.0 += 1;
        let high = (u64::try_from(ms).expect("after 1970") << 16) | 0x7000 | (self.0 >> 50 & 0xFFF);
        let low = (0b10 << 62) | ((self.0 << 12) & ((1 << 62) - 1)) | (self.0.wrapping_mul(0x9E37_79B9) & 0xFFF);
        Uuid::from_u64_pair(high, low).into_bytes().to_vec()
    }
}

fn now_ms() -> i64 {
    bayader::clock::Clock::system().now().ms()
}

fn write_products(connection: &mut Connection, size: Size) -> Vec<Product> {
    let tx = connection.transaction().expect("begun");
    let from = now_ms() - (size.days + 2) * DAY_MS;
    let mut ids = Ids(0);
    let categories: Vec<Vec<u8>> = (0..CATEGORIES)
        .map(|at| {
            let id = ids.at(from);
            tx.prepare_cached(
                "insert into categories (id, slug, name_en, name_ar, sort_order, tax_rate_bp, is_active, created_at, updated_at) \
                 values (?1, ?2, ?3, ?4, ?5, null, 1, ?6, ?6)",
            )
            .and_then(|mut statement| {
                let sort = i64::try_from(at).unwrap_or(0);
                statement.execute(params![id, format!("shelf-{at}"), format!("Shelf {at}"), format!("رف {at}"), 100 + sort, from])
            })
            .expect("a category");
            id
        })
        .collect();
    for at in SAMPLE..size.products.max(SAMPLE) {
        let id = ids.at(from);
        let (taste, sort) = (TASTES[at % TASTES.len()], SORTS[at / TASTES.len() % SORTS.len()]);
        let name = format!("{taste} {sort} {at}");
        let arabic = format!("{} {at}", ARABIC[at % ARABIC.len()]);
        tx.prepare_cached(
            "insert into products (id, sku, slug, category_id, name_en, name_ar, description_en, description_ar, sort_en, sort_ar, \
             price_minor, unit, allergens, attributes, option_groups, lead_time_hours, max_per_order, track_stock, is_active, \
             created_at, updated_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, null, ?8, ?9, ?10, 'piece', '[\"gluten\"]', '{}', null, 0, \
             null, 1, ?11, ?12, ?12)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                id,
                format!("G-{at:05}"),
                format!("{}-{at}", sort.to_lowercase().replace('\'', "")),
                categories[at % CATEGORIES],
                name,
                arabic,
                format!("Baked each morning with {} from the valley, sold by the piece.", taste.to_lowercase()),
                name.to_lowercase(),
                arabic,
                500 + i64::try_from(at % 90).unwrap_or(0) * 50,
                // One of twenty is out of season.
                at % 20 != 7,
                from
            ])
        })
        .expect("a product");
        tx.prepare_cached("insert into product_allergens (product_id, allergen) values (?1, 'gluten')")
            .and_then(|mut statement| statement.execute(params![id]))
            .expect("an allergen");
        tx.prepare_cached(
            "insert into inventory (product_id, stock, reserved, stock_threshold, updated_at) values (?1, ?2, 0, 0, ?3)",
        )
        .and_then(|mut statement| statement.execute(params![id, STOCK, from]))
        .expect("a shelf");
        tx.prepare_cached(
            "insert into stock_log (product_id, id, delta, stock_after, reason, actor, created_at) values (?1, ?2, ?3, ?3, 'opening', 'system', ?4)",
        )
        .and_then(|mut statement| statement.execute(params![id, ids.at(from), STOCK, from]))
        .expect("an opening");
    }
    tx.commit().expect("committed");
    let mut statement = connection
        .prepare("select id, sku, name_en, name_ar, price_minor from products where is_active = 1 and option_groups is null order by id")
        .expect("a statement");
    let rows = statement.query_map([], |row| {
        Ok(Product { id: row.get(0)?, sku: row.get(1)?, name_en: row.get(2)?, name_ar: row.get(3)?, price: row.get(4)? })
    });
    rows.expect("products").map(|row| row.expect("a product")).collect()
}

/// Where an order stands, and how its row says so.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Delivered,
    Cancelled,
    /// Pending, Confirmed or being made: `0..=2`.
    Open(usize),
}

const OPEN: [&str; 3] = ["Pending", "Confirmed", "Preparing"];

/// A row of the ledger of stock that an order leaves behind.
struct Sale {
    product: usize,
    id: Vec<u8>,
    quantity: i64,
    order: Vec<u8>,
    at: i64,
}

#[derive(Default)]
struct Shelf {
    sold: i64,
    held: i64,
}

fn write_orders(connection: &mut Connection, products: &[Product], size: Size) {
    let count = size.orders;
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let people = (count / 16).max(20);
    let accounts = write_accounts(connection, people / 3, size.days);
    // The last order was placed some minutes ago; days before it have as many orders each.
    let newest = now_ms() - 10 * 60_000;
    let total = i64::try_from(count).expect("fits");
    let step = size.days * DAY_MS / total;
    let first = newest - step * (total - 1);
    let (mut ids, mut numbers) = (Ids(1 << 30), HashMap::<i64, i64>::new());
    let mut shelves: Vec<Shelf> = products.iter().map(|_| Shelf::default()).collect();
    let mut sales: Vec<Sale> = Vec::new();
    // So many of the newest are open.
    let open = (count / 2_000).clamp(30, 300);
    let mut at = 0;
    while at < count {
        let tx = connection.transaction().expect("begun");
        for _ in 0..50_000.min(count - at) {
            let placed = first + step * i64::try_from(at).expect("fits");
            let end = if at + open >= count {
                End::Open(dice.roll(3))
            } else if dice.roll(100) < 3 {
                End::Cancelled
            } else {
                End::Delivered
            };
            let person = dice.roll(people);
            let person = Person { number: person, account: accounts.get(person) };
            write_order(
                &tx,
                &mut Books {
                    products,
                    dice: &mut dice,
                    ids: &mut ids,
                    numbers: &mut numbers,
                    shelves: &mut shelves,
                    sales: &mut sales,
                },
                placed,
                end,
                &person,
            );
            at += 1;
        }
        tx.commit().expect("committed");
    }
    let tx = connection.transaction().expect("begun");
    // Product by product, as the ledger lies.
    sales.sort_by(|one, other| (one.product, &one.id).cmp(&(other.product, &other.id)));
    let mut left: Vec<i64> = products.iter().map(|_| STOCK).collect();
    for Sale { product, id, quantity, order, at } in sales {
        left[product] -= quantity;
        tx.prepare_cached(
            "insert into stock_log (product_id, id, delta, stock_after, reason, order_id, actor, created_at) values (?1, ?2, ?3, ?4, 'sale', ?5, 'staff', ?6)",
        )
        .and_then(|mut statement| statement.execute(params![products[product].id, id, -quantity, left[product], order, at]))
        .expect("a sale");
    }
    for (product, shelf) in products.iter().zip(&shelves) {
        tx.prepare_cached("update inventory set stock = stock - ?2, reserved = reserved + ?3 where product_id = ?1")
            .and_then(|mut statement| statement.execute(params![product.id, shelf.sold, shelf.held]))
            .expect("a shelf");
    }
    tx.execute(
        "insert into order_counts (status, payment_status, payment_method, fulfilment, orders) \
         select status, payment_status, payment_method, fulfilment, count(*) from orders group by 1, 2, 3, 4",
        [],
    )
    .expect("counted");
    tx.commit().expect("committed");
}

fn write_accounts(connection: &mut Connection, count: usize, days: i64) -> Vec<Vec<u8>> {
    let tx = connection.transaction().expect("begun");
    let from = now_ms() - (days + 1) * DAY_MS;
    let mut ids = Ids(1 << 20);
    let accounts = (0..count)
        .map(|number| {
            let id = ids.at(from);
            let person = Person { number, account: None };
            tx.prepare_cached(
                "insert into users (id, name, email, phone, role, password_hash, locale, created_at, updated_at) \
                 values (?1, ?2, ?3, ?4, 'customer', 'nobody signs in with it', 'en', ?5, ?5)",
            )
            .and_then(|mut statement| statement.execute(params![id, person.name(), person.email(), person.phone(), from]))
            .expect("an account");
            id
        })
        .collect();
    tx.commit().expect("committed");
    accounts
}

struct Person<'a> {
    number: usize,
    account: Option<&'a Vec<u8>>,
}

impl Person<'_> {
    fn name(&self) -> String {
        format!("{} {}", FIRST[self.number % FIRST.len()], LAST[self.number / FIRST.len() % LAST.len()])
    }

    fn phone(&self) -> String {
        format!("+96279{:07}", (self.number * 7_919 + 1_234_567) % 10_000_000)
    }

    fn email(&self) -> String {
        const NAMES: [&str; 16] = [
            "huda", "omar", "lina", "samir", "rania", "yousef", "dana", "khaled", "mariam", "tareq", "noor", "zaid", "salma",
            "faris", "aya", "laith",
        ];
        format!("{}.{}{}@example.com", NAMES[self.number % 16], NAMES[self.number / 16 % 16], self.number)
    }
}

struct Books<'a> {
    products: &'a [Product],
    dice: &'a mut Dice,
    ids: &'a mut Ids,
    numbers: &'a mut HashMap<i64, i64>,
    shelves: &'a mut [Shelf],
    sales: &'a mut Vec<Sale>,
}

fn write_order(tx: &Connection, books: &mut Books<'_>, placed: i64, end: End, person: &Person<'_>) {
    let id = books.ids.at(placed);
    let day = day_number(placed + ZONE_MS);
    let number = books.numbers.entry(day).or_default();
    *number += 1;
    let number = *number;
    let is_pickup = books.dice.roll(10) < 7;
    let (status, hold) = match end {
        End::Delivered => ("Delivered", "taken"),
        End::Cancelled => ("Cancelled", "freed"),
        End::Open(0) => (OPEN[0], "held"),
        End::Open(which) => (OPEN[which], "taken"),
    };
    let mut total = 0;
    for _ in 0..3 {
        let product = books.dice.roll(books.products.len());
        let quantity = 1 + i64::try_from(books.dice.roll(3)).unwrap_or(0);
        let sold = &books.products[product];
        tx.prepare_cached(
            "insert into order_lines (order_id, id, product_id, sku, name_en, name_ar, unit_price_minor, quantity, line_total_minor, \
             tax_rate_bp, tax_minor, hold) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, ?10)",
        )
        .and_then(|mut statement| {
            let line_total = sold.price * quantity;
            let line = books.ids.at(placed);
            statement.execute(params![
                id, line, sold.id, sold.sku, sold.name_en, sold.name_ar, sold.price, quantity, line_total, hold
            ])
        })
        .expect("a line");
        total += sold.price * quantity;
        match hold {
            "held" => books.shelves[product].held += quantity,
            "taken" => {
                books.shelves[product].sold += quantity;
                let sale = books.ids.at(placed + 60_000);
                books.sales.push(Sale { product, id: sale, quantity, order: id.clone(), at: placed + 60_000 });
            }
            _ => {}
        }
    }
    let payment = books.ids.at(placed);
    let moves: &[&str] = match end {
        End::Delivered if is_pickup => &["Confirmed", "Preparing", "ReadyForPickup", "Delivered"],
        End::Delivered => &["Confirmed", "Preparing", "OutForDelivery", "Delivered"],
        End::Cancelled => &["Cancelled"],
        End::Open(0) => &[],
        End::Open(1) => &["Confirmed"],
        End::Open(_) => &["Confirmed", "Preparing"],
    };
    let mut moved = placed;
    for (n, to) in (1_i64..).zip(moves) {
        moved = placed + n * 20 * 60_000;
        tx.prepare_cached(
            "insert into order_history (order_id, n, at, kind, status, actor) values (?1, ?2, ?3, 'move', ?4, 'staff')",
        )
        .and_then(|mut statement| statement.execute(params![id, n, moved, to]))
        .expect("a move");
    }
    let paid = end == End::Delivered;
    let (payment_status, captured) = match end {
        End::Delivered => ("succeeded", total),
        End::Cancelled => ("cancelled", 0),
        End::Open(_) => ("pending", 0),
    };
    tx.prepare_cached(
        "insert into payments (id, order_id, attempt, method, status, amount_minor, captured_minor, created_at, updated_at) \
         values (?1, ?2, 1, 'cash', ?3, ?4, ?5, ?6, ?7)",
    )
    .and_then(|mut statement| statement.execute(params![payment, id, payment_status, total, captured, placed, moved]))
    .expect("a payment");
    if paid {
        tx.prepare_cached(
            "insert into money_ledger (order_id, n, payment_id, kind, method, amount_minor, actor, at) \
             values (?1, 1, ?2, 'captured', 'cash', ?3, 'staff', ?4)",
        )
        .and_then(|mut statement| statement.execute(params![id, payment, total, moved]))
        .expect("a row of the ledger");
    }
    let moved = moved.min(now_ms());
    let delivery =
        (!is_pickup).then(|| format!(r#"{{"address":{{"line1":"Rainbow Street {}","city":"Amman"}}}}"#, person.number % 200));
    tx.prepare_cached(
        "insert into orders (id, number_day, number, status, payment_status, payment_method, fulfilment, source, placed_by, customer_id, \
         customer_name, customer_email, customer_phone, delivery, currency, subtotal_minor, delivery_fee_minor, discount_minor, \
         tax_minor, tax_included, total_minor, captured_minor, due_at, business_day, hold_expires_at, version, created_at, updated_at, payment_id) \
         values (?1, ?2, ?3, ?4, ?5, 'cash', ?6, 'web', ?7, ?8, ?9, ?10, ?11, ?12, 'JOD', ?13, 0, 0, 0, 1, ?13, ?14, ?15, ?2, ?16, ?17, ?15, ?18, ?19)",
    )
    .and_then(|mut statement| {
        statement.execute(params![
            id,
            day,
            number,
            status,
            if paid { "Paid" } else { "Pending" },
            if is_pickup { "pickup" } else { "delivery" },
            if person.account.is_some() { "customer" } else { "guest" },
            person.account,
            person.name(),
            person.account.map(|_| person.email()),
            person.phone(),
            delivery,
            total,
            if paid { total } else { 0 },
            placed,
            (end == End::Open(0)).then_some(placed + DAY_MS),
            i64::try_from(moves.len()).unwrap_or(0) + 1 + i64::from(paid),
            moved,
            payment,
        ])
    })
    .expect("an order");
    // Jobs are kept for two weeks.
    if now_ms() - placed < 14 * DAY_MS {
        let state = if end == End::Open(0) { "queued" } else { "cancelled" };
        tx.prepare_cached(
            "insert into jobs (id, kind, key, status, max_attempts, run_at, created_at, finished_at) values (?1, 'orders.expire_hold', ?2, ?3, 30, ?4, ?5, ?6)",
        )
        .and_then(|mut statement| {
            let key = Uuid::from_slice(&id).expect("an id").to_string();
            statement.execute(params![books.ids.at(placed), key, state, placed + DAY_MS, placed, (state == "cancelled").then_some(moved)])
        })
        .expect("a job");
    }
}

/// A shop-local moment's day as 20261125.
fn day_number(local_ms: i64) -> i64 {
    let days = local_ms.div_euclid(DAY_MS) + 719_468;
    // Days to a civil date, by the eras of four hundred years.
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    year * 10_000 + month * 100 + day
}

/// Bytes of a shop's database, free pages apart.
pub fn bytes_used(data: &Path) -> f64 {
    let connection = Connection::open(bayader::db::database_in(data)).expect("a database");
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number") as f64;
    (number("pragma page_count") - number("pragma freelist_count")) * number("pragma page_size")
}

/// What each table and index takes, largest first, where SQLite can tell.
pub fn largest_parts(data: &Path, orders: usize) -> Vec<(String, f64)> {
    let connection = Connection::open(bayader::db::database_in(data)).expect("a database");
    let parts = connection.prepare("select name, sum(pgsize) from dbstat group by name order by 2 desc limit 14").and_then(
        |mut statement| {
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as f64 / orders as f64)))?;
            rows.collect()
        },
    );
    parts.unwrap_or_default()
}
