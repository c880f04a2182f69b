//! Products found by what people type.

use std::fmt::Write;
use std::time::Duration;

use bayader::app::{App, AppOptions, control};
use bayader::args;
use bayader::db::search::{self, Entry, How};
use bayader::db::{Command, WriteTx};
use bayader::kernel::{ProductId, Result};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::harness::{Reply, Shop};
use crate::search_cases::CASES;
use crate::writer::Books;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

async fn sample() -> Shop {
    let shop = Shop::open().await;
    shop.import(include_bytes!("../../assets/sample/menu.csv")).await;
    shop
}

/// A text as a query's value.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn path(text: &str, more: &str) -> String {
    format!("/api/v1/products?q={}{more}", encoded(text))
}

async fn found(shop: &Shop, text: &str) -> Vec<String> {
    skus(&shop.guest().see(&path(text, "&per_page=100")).await)
}

fn skus(reply: &Reply) -> Vec<String> {
    reply.column("sku").into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn what_is_typed_finds_what_is_meant() {
    let shop = sample().await;
    let mut wrong = Vec::new();
    for case in CASES {
        let hits = found(&shop, case.typed).await;
        let (most, wanted) = case.among;
        let near = &hits[..hits.len().min(most)];
        let well = hits.iter().zip(case.first).filter(|(hit, first)| hit == *first).count() == case.first.len()
            && wanted.iter().all(|sku| near.iter().any(|hit| hit == sku))
            && !case.never.iter().any(|sku| hits.iter().any(|hit| hit == sku))
            && (!case.alone || hits.iter().all(|hit| case.first.contains(&hit.as_str()) || wanted.contains(&hit.as_str())));
        if !well {
            wrong.push(format!("{}: {hits:?}", case.typed));
        }
    }
    assert!(CASES.len() >= 60);
    assert!(wrong.is_empty(), "{} of {} searches are wrong:\n{}", wrong.len(), CASES.len(), wrong.join("\n"));
    shop.close().await;
}

#[tokio::test]
async fn a_name_comes_before_a_category_and_both_before_a_description() {
    let shop = Shop::open().await;
    shop.category("plain", "Plain things").await;
    shop.category("ginger", "Ginger things").await;
    // In the order of the menu these would come the other way round.
    let told = shop.product("Tea").category("plain").field("description", "With ginger.").create().await;
    let filed = shop.product("Biscuit").category("ginger").create().await;
    let begun = shop.product("Gingerbread").category("ginger").create().await;
    let named = shop.product("Ale with ginger").category("ginger").create().await;
    let ids = |reply: &Reply| reply.column("id").into_iter().map(str::to_owned).collect::<Vec<_>>();
    for typed in ["ginger", "GINGER", "gingr"] {
        let hits = ids(&shop.guest().see(&path(typed, "")).await);
        assert_eq!(hits, [&named.id, &begun.id, &filed.id, &told.id].map(Clone::clone), "{typed}");
    }
    shop.close().await;
}

#[tokio::test]
async fn a_product_with_one_language_is_found_in_it() {
    let shop = Shop::open().await;
    let english = shop.product("Walnut tart").create().await;
    let body =
        json!({ "name": "Date tart", "price": "1", "category": "bakery", "translations": { "ar": { "name": "تارت التمر" } } });
    let both = shop.owner().post("/api/v1/products").json(&body).send().await.expect(201);
    let guest = shop.guest();
    for language in ["ar", "en"] {
        for (typed, wanted) in [("walnut", vec![english.id.as_str()]), ("تمر", vec![both["id"].as_str().expect("an id")])] {
            let reply = guest.get(&path(typed, "")).header("accept-language", language).send().await.expect(200);
            assert_eq!(reply.column("id"), wanted, "{typed}");
        }
    }
    shop.close().await;
}

#[tokio::test]
async fn it_goes_with_filters_pages_cursors_and_sorts() {
    let shop = sample().await;
    let guest = shop.guest();
    let all = found(&shop, "cream").await;
    assert!(all.len() > 5, "{all:?}");
    for per_page in [1, 3, 7] {
        let (mut paged, mut page) = (Vec::new(), 1);
        loop {
            let reply = guest.see(&path("cream", &format!("&per_page={per_page}&page={page}"))).await;
            assert_eq!(reply["meta"]["total"], all.len());
            paged.extend(skus(&reply));
            if reply["meta"]["nextCursor"].is_null() {
                break;
            }
            page += 1;
        }
        assert_eq!(paged, all);
        let walked = guest.walk(&path("cream", &format!("&per_page={per_page}"))).await;
        let walked: Vec<&str> = walked.iter().filter_map(|row| row["sku"].as_str()).collect();
        assert_eq!(walked, all);
    }
    assert!(guest.see(&path("cream", "&page=400")).await.rows().is_empty());
    let first = guest.see(&path("cream", "&per_page=2")).await;
    let cursor = first["meta"]["nextCursor"].as_str().expect("more follow").to_owned();
    let next = guest.see(&path("CREAM ", &format!("&per_page=2&cursor={cursor}"))).await;
    assert_eq!((skus(&next), &next["meta"]["total"]), (all[2..4].to_vec(), &Value::Null), "the same words");
    for other in [
        path("cake", &format!("&cursor={cursor}")),
        format!("/api/v1/products?cursor={cursor}"),
        path("cream", &format!("&sort=price&cursor={cursor}")),
    ] {
        guest.get(&other).send().await.expect_problem(422, "validation_failed").expect_field("cursor");
    }
    for sort in ["name", "-name", "price", "-price", "newest", "-newest", "popular", "-popular"] {
        let sorted = guest.see(&path("cream", &format!("&per_page=100&sort={sort}"))).await;
        let mut same = skus(&sorted);
        assert_eq!(sorted["meta"]["total"], all.len());
        let walked = guest.walk(&path("cream", &format!("&per_page=2&sort={sort}"))).await;
        assert!(walked.iter().filter_map(|row| row["sku"].as_str()).eq(same.iter().map(String::as_str)), "{sort}");
        same.sort_unstable();
        let mut wanted = all.clone();
        wanted.sort_unstable();
        assert_eq!(same, wanted, "{sort}");
    }
    let by_price = guest.see(&path("cream", "&sort=price")).await;
    assert!(by_price.column("price").is_sorted_by_key(|price| (price.len(), (*price).to_owned())));

    let pastry = guest.see(&path("cream", "&category=pastry")).await;
    assert!(!pastry.rows().is_empty() && pastry.rows().iter().all(|row| row["category"] == "pastry"));
    assert_eq!(pastry["meta"]["total"], pastry.rows().len());
    let cheap = guest.see(&path("cream", "&price_max=1.500")).await;
    assert!(!cheap.rows().is_empty() && cheap.rows().len() < all.len());
    let safe = guest.see(&path("cream", "&allergen_free=egg")).await;
    assert!(safe.rows().len() < all.len());
    assert_eq!(skus(&guest.see(&path("croissant", "&in_stock=true")).await).len(), 4);
    assert!(guest.see(&path("croissant", "&in_stock=false")).await.rows().is_empty());
    let of_cakes: Vec<String> = {
        let cakes = skus(&guest.see("/api/v1/products?category=cakes&per_page=100").await);
        all.iter().filter(|sku| cakes.contains(sku)).cloned().collect()
    };
    assert_eq!(skus(&guest.see(&path("cream", "&category=cakes")).await), of_cakes, "a filter keeps the order");
    assert!(guest.see(&path("croissant", "&category=drinks")).await.rows().is_empty());
    let reply = guest.get(&path("croissant", "")).send().await.expect(200);
    let tag = reply.header("etag").expect("a tag").to_owned();
    guest.get(&path("croissant", "")).header("if-none-match", &tag).send().await.expect(304);
    shop.close().await;
}

#[tokio::test]
async fn it_follows_every_change_of_the_menu() {
    let shop = sample().await;
    let owner = shop.owner();
    let reply = owner.see(&path("tiramisu", "")).await;
    let product = format!("/api/v1/products/{}", reply.rows()[0]["id"].as_str().expect("an id"));
    let put = json!({ "name": "Zuppa inglese", "price": "1.000", "category": "cakes", "description": "Sponge and custard." });
    owner.put(&product).json(&put).send().await.expect(200);
    assert_eq!(found(&shop, "zuppa").await, ["CAK-007"]);
    assert!(found(&shop, "tiramisu").await.is_empty());
    assert!(found(&shop, "sponge").await.contains(&"CAK-007".to_owned()));

    owner.delete(&product).send().await.expect(204);
    assert!(found(&shop, "zuppa").await.is_empty());
    assert!(found(&shop, "zupa").await.is_empty(), "nor with a typing error");
    assert_eq!(skus(&owner.see(&path("zuppa", "")).await), ["CAK-007"], "staff find what is hidden");
    assert_eq!(skus(&owner.see(&path("zuppa", "&is_active=false")).await), ["CAK-007"]);
    assert!(owner.see(&path("zuppa", "&is_active=true")).await.rows().is_empty());

    let drinks = "/api/v1/categories/drinks";
    let id = owner.see(drinks).await["id"].as_str().expect("an id").to_owned();
    let category = format!("/api/v1/categories/{id}");
    let put = json!({ "name": "Refreshments", "slug": "drinks" });
    owner.put(&category).json(&put).send().await.expect(200);
    assert_eq!(found(&shop, "refreshments").await.len(), 4);
    assert_eq!(found(&shop, "refreshmant").await.len(), 4);
    owner.put(&category).json(&json!({ "name": "Refreshments", "slug": "drinks", "sortOrder": 0 })).send().await.expect(200);
    assert_eq!(found(&shop, "mint").await[0], "DRK-003", "its category stands first now");
    owner.put(&category).json(&json!({ "name": "Refreshments", "isActive": false })).send().await.expect(200);
    assert!(found(&shop, "refreshments").await.is_empty() && found(&shop, "sahlab").await.is_empty());
    assert_eq!(owner.see(&path("sahlab", "")).await.rows().len(), 1);
    owner.put(&category).json(&json!({ "name": "Refreshments", "isActive": true })).send().await.expect(200);
    assert_eq!(found(&shop, "sahlab").await, ["DRK-004"]);

    shop.import("sku,name_en,price\nDRK-004,Salep,1.000\nNEW-1,Pretzel,1.000\n".as_bytes()).await;
    assert_eq!(
        (found(&shop, "salep").await, found(&shop, "pretzel").await),
        (vec!["DRK-004".to_owned()], vec!["NEW-1".to_owned()])
    );
    assert_eq!(found(&shop, "sahlab").await, Vec::<String>::new());
    assert_eq!(found(&shop, "سحلب").await, ["DRK-004"], "its other name stays");
    shop.close().await;
}

#[tokio::test]
async fn a_large_category_is_renamed_by_and_by_and_hidden_at_once() {
    let shop = Shop::open().await;
    let owner = shop.owner();
    let mut csv = "sku,name_en,price,category\n".to_owned();
    for n in 0..120 {
        let _ = writeln!(csv, "T-{n},Tart number {n},1.000,tarts");
    }
    shop.import(csv.as_bytes()).await;
    let path_of = format!("/api/v1/categories/{}", owner.see("/api/v1/categories/tarts").await["id"].as_str().expect("an id"));
    let rename = async |body: Value| owner.put(&path_of).json(&body).send().await.expect(200);
    let count = async |typed: &str| found(&shop, typed).await.len();

    rename(json!({ "name": "Flans", "slug": "flans" })).await;
    assert_eq!(
        (count("tarts").await, count("flans").await, count("tart").await),
        (100, 0, 100),
        "a page, still by the old name"
    );
    assert_eq!(shop.ailments().await, Vec::<String>::new());
    // Another change before the first has come through, and a product that says its words by itself.
    rename(json!({ "name": "Pasties", "slug": "pasties", "sortOrder": 7 })).await;
    shop.product("Tart of the day").category("pasties").create().await;
    assert_eq!(shop.ailments().await, Vec::<String>::new());
    assert_eq!(count("pasties").await, 1);
    shop.advance(Duration::from_secs(1));
    shop.run_jobs().await;
    assert_eq!((count("tarts").await, count("flans").await, count("pasties").await), (100, 0, 100));
    assert_eq!(shop.ailments().await, Vec::<String>::new());

    rename(json!({ "name": "Pasties", "isActive": false })).await;
    assert_eq!((count("pasties").await, count("tart").await), (0, 0), "what is hidden is hidden at once");
    assert_eq!(shop.ailments().await, Vec::<String>::new());
    rename(json!({ "name": "Pasties", "isActive": true })).await;
    assert_eq!((count("pasties").await, count("tart").await), (100, 100));
    shop.close().await;
}

#[tokio::test]
async fn a_misspelt_name_that_was_mended_or_hidden_does_not_stand_before_what_is_meant() {
    let shop = Shop::open().await;
    let owner = shop.owner();
    let cake = shop.product("Profitroles").create().await;
    let body = |name: &str| json!({ "name": name, "price": "1.000", "category": "bakery" });
    let path_of = |id: &str| format!("/api/v1/products/{id}");
    owner.put(&path_of(&cake.id)).json(&body("Profiteroles")).send().await.expect(200);
    let ids = async |typed: &str| {
        let reply = shop.guest().see(&path(typed, "")).await;
        reply.column("id").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(ids("profitroles").await, [cake.id.as_str()]);
    let hidden = shop.product("Profitroles").create().await;
    owner.delete(&path_of(&hidden.id)).send().await.expect(204);
    assert_eq!(ids("profitroles").await, [cake.id.as_str()]);
    assert_eq!(owner.see(&path("profitroles", "")).await.column("id"), [hidden.id.as_str()], "staff find what is hidden");
    shop.close().await;
}

#[tokio::test]
async fn nothing_that_is_typed_can_hurt() {
    let shop = sample().await;
    let guest = shop.guest();
    let whole = guest.see("/api/v1/products").await;
    for blank in ["", " ", "\u{00A0}\u{3000}", "\u{202E}"] {
        let reply = guest.see(&path(blank, "")).await;
        assert_eq!(reply["meta"]["total"], whole["meta"]["total"], "{blank:?} is as leaving it out");
    }
    for nothing in ["\"", "*", "-", "()", "🥐", "ـ", "\u{064B}", "'", "%", "^", "\\", "؟،", "\u{FFFD}", "؛", "--", "/* */"]
    {
        let reply = guest.see(&path(nothing, "")).await;
        assert_eq!((reply["meta"]["total"].as_i64(), reply.rows().len()), (Some(0), 0), "{nothing:?}");
    }
    for hostile in [
        "croissant\"",
        "\"croissant",
        "croissant*",
        "*croissant",
        "NEAR(croissant)",
        "NEAR",
        "AND",
        "OR NOT",
        "NOT croissant",
        "name:croissant",
        "croissant OR 1=1",
        "'; drop table products; --",
        "croissant) OR (name",
        "{name} : croissant",
        "- croissant",
        "^croissant",
        "croissant + butter",
        "\\\"",
        "%00croissant",
        "croissant\u{FEFF}",
        "🥐croissant🥐",
        "null",
        "\u{10FFFF}",
        "𝓬𝓻𝓸𝓲𝓼𝓼𝓪𝓷𝓽",
        "ﷺ",
        "İ",
        "ß",
        "\u{1F468}\u{200D}\u{1F373}",
        "0x41",
        "1e999",
        "../../etc/passwd",
        "<script>",
    ] {
        guest.get(&path(hostile, "")).send().await.expect(200);
        guest.get(&path(hostile, "&sort=price&in_stock=true")).send().await.expect(200);
        shop.owner().get(&format!("/api/v1/inventory?q={}", encoded(hostile))).send().await.expect(200);
    }
    for refused in ["croissant\0", "a\nb", "a\tb", "\u{7F}"] {
        guest.get(&path(refused, "")).send().await.expect_problem(422, "validation_failed").expect_field("q");
    }
    guest.get(&path(&"خ".repeat(200), "")).send().await.expect(200);
    guest.get(&path("a b ".repeat(50).trim_end(), "")).send().await.expect(200);
    guest.get(&path(&"خ".repeat(201), "")).send().await.expect_problem(422, "validation_failed").expect_field("q");
    guest.get("/api/v1/products?q=%FF%FE").send().await;
    guest.get("/api/v1/products?q=a&q=b").send().await;
    for cursor in ["relevance", "", "WyJyZWxldmFuY2UiLFsiYSIsLTFdXQ", "WyJyZWxldmFuY2UiLFsiYSIsOTIyMzM3MjAzNjg1NDc3NTgwN11d"] {
        let status = guest.get(&path("a", &format!("&cursor={cursor}"))).send().await.status;
        assert!(status == 422 || status == 200, "{cursor}: {status}");
    }
    shop.close().await;
}

#[tokio::test]
async fn stock_is_found_by_the_same_words() {
    let shop = sample().await;
    let staff = shop.staff().await;
    let found = async |typed: &str| {
        let reply = staff.see(&format!("/api/v1/inventory?per_page=100&q={}", encoded(typed))).await;
        let mut skus = skus(&reply);
        skus.sort_unstable();
        skus
    };
    assert_eq!(found("كنافه").await, ["SWT-003", "SWT-004"]);
    assert_eq!(found("القهوه").await, ["DRK-001", "DRK-002"]);
    assert_eq!(found("SWT-003").await, ["SWT-003"]);
    assert_eq!(found("swt").await.len(), 13);
    assert_eq!(found("تمر معمول").await, ["SWT-006"]);
    assert_eq!(found("🥐").await, Vec::<String>::new());
    assert_eq!(found("zzz").await, Vec::<String>::new());
    shop.close().await;
}

#[tokio::test]
async fn what_sells_comes_first_where_it_is_asked_for() {
    let shop = Shop::open().await;
    let mut products = Vec::new();
    for name in ["Apple pie", "Bagel", "Cake", "Doughnut", "Eclair"] {
        products.push(shop.product(name).stock(500).create().await);
    }
    let guest = shop.guest();
    let names = async |sort: &str| {
        let reply = shop.guest().see(&format!("/api/v1/products?sort={sort}")).await;
        let walked = shop.guest().walk(&format!("/api/v1/products?per_page=1&sort={sort}")).await;
        let mut numbered = Vec::new();
        for page in 1..=3 {
            let reply = shop.guest().see(&format!("/api/v1/products?per_page=2&page={page}&sort={sort}")).await;
            assert_eq!(reply["meta"]["total"], 5);
            numbered.extend(reply.column("name").into_iter().map(str::to_owned));
        }
        let names: Vec<String> = reply.column("name").into_iter().map(str::to_owned).collect();
        assert!(walked.iter().filter_map(|row| row["name"].as_str()).eq(names.iter().map(String::as_str)), "{sort} by cursor");
        assert_eq!(numbered, names, "{sort} by page");
        names.iter().filter_map(|name| name.chars().next()).collect::<String>()
    };
    assert_eq!((names("popular").await, names("-popular").await), ("ABCDE".to_owned(), "ABCDE".to_owned()));

    let staff = shop.staff().await;
    let first = guest.order().line(&products[3], 4).line(&products[1], 2).pickup().place().await;
    let second = guest.order().line(&products[4], 2).pickup().place().await;
    guest.order().line(&products[0], 90).pickup().place().await;
    for order in [&first, &second] {
        staff.move_order_through(order, &["Confirmed"]).await;
    }
    shop.run_jobs().await;
    assert_eq!(names("popular").await, "ABCDE", "not before the hour");
    shop.advance(HOUR + Duration::from_secs(60));
    shop.run_jobs().await;
    assert_eq!(names("popular").await, "DBEAC", "ties as on the menu, and what nobody confirmed does not count");
    assert_eq!(names("-popular").await, "ACBED");

    shop.staff().await.post(&format!("{}/cancel", first.path())).json(&json!({})).send().await.expect(200);
    shop.advance(HOUR + Duration::from_secs(60));
    shop.run_jobs().await;
    assert_eq!(names("popular").await, "EABCD", "a cancelled order counts no more");
    for _ in 0..31 {
        shop.advance(DAY);
        shop.run_jobs().await;
    }
    assert_eq!(names("popular").await, "ABCDE", "what was sold a month ago is past");
    shop.close().await;
}

/// Products without a shop around them, each with a name and nothing else.
struct Menu(&'static [&'static str]);

impl Command for Menu {
    const NAME: &'static str = "test.menu";
    type Output = Vec<Entry>;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Vec<Entry>> {
        let category = tx.new_id().into_bytes().to_vec();
        tx.exec_one(
            "insert into categories (id, slug, name_en, sort_order, is_active, created_at, updated_at) values (?1, 'c', 'C', 3, 1, 0, 0)",
            args![category],
        )?;
        let mut entries = Vec::new();
        for name in self.0 {
            let product = ProductId::from_uuid(tx.new_id());
            tx.exec_one(
                "insert into products (id, sku, slug, category_id, name_en, sort_en, sort_ar, price_minor, unit, allergens, attributes, \
                 lead_time_hours, track_stock, is_active, created_at, updated_at) \
                 values (?1, ?2, ?2, ?3, ?2, ?2, ?2, 1, 'piece', '[]', '{}', 0, 1, 1, 0, 0)",
                args![product, name, category],
            )?;
            let name = search::column([*name]);
            let entry =
                Entry { product, place: 3, name, category: "bread".to_owned(), description: String::new(), is_shown: true };
            search::put(tx, &entry)?;
            entries.push(entry);
        }
        Ok(entries)
    }
}

const NAMES: &[&str] = &["Croissant", "كنافة ناعمة", "Za'atar manousheh", "قهوة", "AND OR NOT NEAR", "Burger buns (6)"];

#[tokio::test]
async fn no_text_of_tens_of_thousands_is_an_error_to_the_index() {
    let books = Books::open();
    books.db.write(Menu(NAMES)).await.expect("a menu");
    let errors = books
        .db
        .read(|reader| {
            let mut runner = TestRunner::deterministic();
            let strategies = [
                ".{0,40}",
                "\\PC{0,40}",
                "[\"*():^{}+\\-~,.'\\\\ ]{0,12}[a-z]{0,6}[\"*():^{}+\\-~,.'\\\\ ]{0,12}",
                "(AND|OR|NOT|NEAR|name|category|:|\"|\\*|\\(|\\)|\\{|\\}|\\^|-|\\+|,|[0-9]| |croissant|كنافة|\u{0}){0,14}",
                "[\u{0}-\u{7f}\u{600}-\u{6ff}\u{fb50}-\u{fdff}\u{1f300}-\u{1f6ff}]{0,30}",
            ];
            let strategies = strategies.map(|pattern| proptest::string::string_regex(pattern).expect("a pattern"));
            let mut errors = Vec::new();
            for n in 0..30_000 {
                let text = strategies[n % strategies.len()].new_tree(&mut runner).expect("a text").current();
                let words = search::words(&text);
                let expressions = [
                    search::all_of(&words, How::Whole),
                    search::all_of(&words, How::Begins),
                    format!("name : {}", search::any_of(&words)),
                ];
                if words.is_empty() {
                    continue;
                }
                for expression in expressions {
                    if let Err(error) = search::is_there(reader, &expression, true) {
                        errors.push(format!("{text:?} as {expression}: {error}"));
                    }
                }
                if n % 5 == 0
                    && let Err(error) = words.iter().try_for_each(|word| search::meant(reader, word, true).map(drop))
                {
                    errors.push(format!("{text:?}: {error}"));
                }
            }
            Ok(errors)
        })
        .await
        .expect("a reader");
    assert!(errors.is_empty(), "{}", errors[..errors.len().min(5)].join("\n"));
}

/// One statement that harms the index.
struct Harm(&'static str);

impl Command for Harm {
    const NAME: &'static str = "test.harm";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        tx.exec(self.0, &[]).map(drop)
    }
}

#[tokio::test]
async fn an_index_that_is_not_the_menus_is_told() {
    for (harm, told) in [
        ("delete from product_search where rowid = (select min(id) from product_search_rows)", "is not indexed as it is"),
        ("insert into product_search (rowid, name) values (7, 'stray')", "belong to no product"),
        (
            "update product_search_rows set name = 'cake' where id = (select max(id) from product_search_rows)",
            "is not found by what it says",
        ),
        ("update product_search_rows set is_shown = 0", "is not found by what it says"),
        ("delete from product_search_rows where id = (select max(id) from product_search_rows)", "cannot be found by words"),
        ("delete from product_search_trigrams where word = 'croissant'", "no typing error finds"),
    ] {
        let books = Books::open();
        let entries = books.db.write(Menu(NAMES)).await.expect("a menu");
        let look = async |entries: Vec<Entry>| {
            books.db.read(move |reader| search::check(reader, &entries)).await.expect("it can look")
        };
        assert_eq!(look(entries.clone()).await, Vec::<String>::new());
        books.db.write(Harm(harm)).await.expect("harmed");
        let found = look(entries.clone()).await;
        assert!(found.iter().any(|line| line.contains(told)), "{harm}: {found:?}");
        books.db.write(Rebuild(entries.clone())).await.expect("built");
        assert_eq!(look(entries).await, Vec::<String>::new(), "built anew it is whole");
    }
}

struct Rebuild(Vec<Entry>);

impl Command for Rebuild {
    const NAME: &'static str = "test.rebuild";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        search::rebuild(tx, &self.0)
    }
}

#[tokio::test]
async fn a_shop_of_an_older_program_is_searched_after_its_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = async || {
        let config = bayader::config::load(&bayader::config::Source::new()).expect("a configuration");
        let (data_dir, clock) = (folder.path().join("data"), bayader::clock::Clock::system());
        App::open(AppOptions { data_dir, config, clock, accept_clock: true, extras: bayader::app::Extras::default() })
            .await
            .expect("the shop opens")
    };
    let app = open().await;
    let request = control::Request::import(include_bytes!("../../assets/sample/menu.csv"), false, false);
    control::execute(app.shop(), request, &|_| ()).await;
    drop(app);
    // As the migration leaves it: products, and an empty index.
    let database = rusqlite::Connection::open(folder.path().join("data/bayader.db")).expect("the database");
    database
        .execute_batch(
            "insert into product_search (product_search) values ('delete-all'); delete from product_search_rows; \
             delete from product_search_trigrams; delete from product_search_state;",
        )
        .expect("emptied");
    drop(database);
    for _ in 0..2 {
        let app = open().await;
        assert_eq!(app.shop().db.read(bayader::app::doctor).await.expect("it can look"), Vec::<String>::new());
        let words = search::all_of(&search::words("كنافه"), How::Whole);
        assert!(app.shop().db.read(move |reader| search::is_there(reader, &words, true)).await.expect("a search"));
    }
    // The index goes into a copy as whole as it is here.
    let copy = folder.path().join("copy.db");
    let database = rusqlite::Connection::open(folder.path().join("data/bayader.db")).expect("the database");
    database.execute("vacuum into ?1", [copy.to_str().expect("a path")]).expect("copied");
    let found = bayader::db::open_read_only(&copy, bayader::app::doctor).expect("it can look");
    assert_eq!(found, Vec::<String>::new());
}
