//! The menu as customers see it.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::harness::{Product, Shop};

/// As many products as a real bakery's menu has.
const MENU: usize = 68;
const SECTIONS: [&str; 5] = ["bread", "cakes", "cookies", "drinks", "pastries"];

/// A menu in which names, prices and sections repeat, so that an order has to break its ties.
async fn set_menu(shop: &Shop) -> Vec<Product> {
    let owner = shop.owner();
    for (order, slug) in SECTIONS.iter().enumerate() {
        // Sorted the other way round than by name.
        let body = json!({ "slug": slug, "name": slug.to_uppercase(), "sortOrder": 100 - order });
        owner.post("/api/v1/categories").json(&body).send().await.expect(201);
    }
    let mut menu = Vec::new();
    for n in 0..MENU {
        let product = shop
            .product(&format!("Thing {:02}", n % 60))
            .category(SECTIONS[n % SECTIONS.len()])
            .price(&format!("{}.250", n % 7))
            .stock(if n % 4 == 0 { 0 } else { 5 })
            .field("allergens", if n % 3 == 0 { json!(["nuts", "milk"]) } else { json!(["gluten"]) });
        menu.push(product.create().await);
    }
    menu
}

fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn both_paginations_walk_the_whole_menu_without_gaps_or_doubles() {
    let shop = Shop::open().await;
    let menu = set_menu(&shop).await;
    let all: HashSet<String> = menu.iter().map(|product| product.id.clone()).collect();
    let guest = shop.guest();
    for sort in ["", "&sort=name", "&sort=-name", "&sort=price", "&sort=-price", "&sort=newest", "&sort=-newest"] {
        let mut by_page = Vec::new();
        for page in 1..=7 {
            let reply = guest.see(&format!("/api/v1/products?page={page}&per_page=10{sort}")).await;
            assert_eq!(reply["meta"]["total"], MENU);
            assert_eq!(reply["meta"]["page"], page);
            assert_eq!(reply["meta"]["perPage"], 10);
            assert_eq!(reply["meta"]["nextCursor"].is_string(), page < 7, "{sort} page {page}");
            by_page.extend(ids(reply.rows()));
        }
        assert!(guest.see(&format!("/api/v1/products?page=8&per_page=10{sort}")).await.rows().is_empty());
        let by_cursor = ids(&guest.walk(&format!("/api/v1/products?per_page=7{sort}")).await);
        assert_eq!(by_page, by_cursor, "{sort}");
        assert_eq!(by_page.len(), MENU, "{sort}");
        assert_eq!(by_page.iter().cloned().collect::<HashSet<_>>(), all, "{sort}");
    }
    shop.close().await;
}

#[tokio::test]
async fn lists_are_sorted_as_asked() {
    let shop = Shop::open().await;
    let menu = set_menu(&shop).await;
    let guest = shop.guest();
    let list = async |query: &str| guest.see(&format!("/api/v1/products?per_page=100{query}")).await;

    let unsorted = list("").await;
    let rank = |row: &Value| {
        let section = SECTIONS.iter().rev().position(|slug| row["category"] == *slug).expect("a known section");
        (section, row["name"].as_str().expect("a name").to_owned(), row["id"].as_str().expect("an id").to_owned())
    };
    assert!(unsorted.rows().is_sorted_by_key(rank), "by section, name, id");

    assert!(list("&sort=name").await.column("name").is_sorted());
    assert!(list("&sort=-name").await.column("name").iter().rev().is_sorted());
    assert!(list("&sort=price").await.column("price").is_sorted());
    assert!(list("&sort=-price").await.column("price").iter().rev().is_sorted());
    let newest = ids(list("&sort=newest").await.rows());
    assert_eq!(newest, menu.iter().rev().map(|product| product.id.clone()).collect::<Vec<_>>());
    shop.close().await;
}

#[tokio::test]
async fn filters_keep_what_they_say() {
    let shop = Shop::open().await;
    set_menu(&shop).await;
    let guest = shop.guest();
    let list = async |query: &str| {
        let reply = guest.see(&format!("/api/v1/products?per_page=100&{query}")).await;
        assert_eq!(reply["meta"]["total"], reply.rows().len(), "{query}");
        reply.rows().to_vec()
    };
    let all = list("sort=name").await;
    let expect = async |query: &str, fits: &dyn Fn(&Value) -> bool| {
        let mut found = ids(&list(query).await);
        let mut wanted = ids(&all.iter().filter(|row| fits(row)).cloned().collect::<Vec<_>>());
        found.sort();
        wanted.sort();
        assert!(!wanted.is_empty(), "{query} is a test of nothing");
        assert_eq!(found, wanted, "{query}");
    };
    let price = |row: &Value| row["price"].as_str().expect("a price").to_owned();
    let holds = |row: &Value, allergen: &str| row["allergens"].as_array().expect("a list").contains(&json!(allergen));
    expect("category=cakes", &|row| row["category"] == "cakes").await;
    expect("price_min=3.250", &|row| price(row).as_str() >= "3.250").await;
    expect("price_max=3.250", &|row| price(row).as_str() <= "3.250").await;
    expect("price_min=2&price_max=4", &|row| matches!(price(row).as_str(), "2.250" | "3.250")).await;
    expect("in_stock=true", &|row| row["inStock"] == true).await;
    expect("allergen_free=nuts", &|row| !holds(row, "nuts")).await;
    expect("category=bread&in_stock=true&allergen_free=nuts", &|row| {
        row["category"] == "bread" && row["inStock"] == true && !holds(row, "nuts")
    })
    .await;
    assert!(list("category=nothing").await.is_empty());
    shop.close().await;
}

#[tokio::test]
async fn a_list_refuses_what_it_does_not_know() {
    let shop = Shop::open().await;
    let guest = shop.guest();
    for (query, field) in [
        ("q=a%00", "q"),
        ("sort=relevance", "sort"),
        ("sort=rating", "sort"),
        ("sort=colour", "sort"),
        ("per_page=0", "per_page"),
        ("per_page=101", "per_page"),
        ("page=0", "page"),
        ("page=x", "page"),
        ("cursor=nonsense", "cursor"),
        ("price_min=-1", "price_min"),
        ("price_min=1.2345", "price_min"),
        ("price_max=1e3", "price_max"),
        ("in_stock=perhaps", "in_stock"),
    ] {
        guest.get(&format!("/api/v1/products?{query}")).send().await.expect_field(field);
    }
    guest.get("/api/v1/products?page=1001&per_page=10").send().await.expect_problem(422, "use_cursor");
    shop.close().await;
}

#[tokio::test]
async fn page_and_cursor_together_are_refused() {
    let shop = Shop::open().await;
    set_menu(&shop).await;
    let first = shop.guest().see("/api/v1/products?per_page=5").await;
    let cursor = first["meta"]["nextCursor"].as_str().expect("there is more").to_owned();
    shop.guest().get(&format!("/api/v1/products?cursor={cursor}&page=1")).send().await.expect(422);
    shop.guest().get(&format!("/api/v1/products?cursor={cursor}&sort=price")).send().await.expect_field("cursor");
    let second = shop.guest().see(&format!("/api/v1/products?cursor={cursor}&per_page=5")).await;
    assert_eq!(second["meta"]["total"], Value::Null, "counting is not for cursors");
    shop.close().await;
}

#[tokio::test]
async fn who_has_the_menu_already_gets_304_until_it_changes() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(3).create().await;
    let guest = shop.guest();
    for path in ["/api/v1/products".to_owned(), format!("/api/v1/products/{}", bread.id), "/api/v1/categories".to_owned()] {
        let tag = guest.see(&path).await.header("etag").expect("a tag").to_owned();
        let again = guest.get(&path).header("if-none-match", &tag).send().await.expect(304);
        assert_eq!(again.header("etag"), Some(tag.as_str()));
        assert_eq!(again.text, "");
        guest.get(&path).header("if-none-match", "\"1.other\"").send().await.expect(200);
    }
    // Selling the last one is seen at once, cached or not.
    let path = format!("/api/v1/products/{}", bread.id);
    let (list, one) = (guest.see("/api/v1/products").await, guest.see(&path).await);
    guest.order().line(&bread, 3).pickup().place().await;
    for (path, before) in [("/api/v1/products", list), (path.as_str(), one)] {
        let tag = before.header("etag").expect("a tag");
        guest.get(path).header("if-none-match", tag).send().await.expect(200);
    }
    assert_eq!(guest.see(&path).await["available"], 0);
    assert_eq!(guest.see(&path).await["inStock"], false);
    shop.close().await;
}

#[tokio::test]
async fn a_product_is_found_by_id_and_by_slug() {
    let shop = Shop::open().await;
    let bread = shop.product("Country Bread").create().await;
    let slug = bread.body["slug"].as_str().expect("a slug").to_owned();
    let by_id = shop.guest().see(&format!("/api/v1/products/{}", bread.id)).await;
    let by_slug = shop.guest().see(&format!("/api/v1/products/{slug}")).await;
    assert_eq!(by_id.body, by_slug.body);
    shop.guest().get("/api/v1/products/no-such-thing").send().await.expect_problem(404, "not_found");
    shop.close().await;
}

#[tokio::test]
async fn guests_do_not_see_what_lies_on_the_shelf_and_staff_do() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(7).create().await;
    let path = format!("/api/v1/products/{}", bread.id);
    let seen = shop.guest().see(&path).await;
    assert!(seen.body.get("stock").is_none() && seen.body.get("reserved").is_none(), "{seen:?}");
    let staff = shop.staff().await.see(&path).await;
    assert_eq!((&staff["stock"], &staff["reserved"]), (&json!(7), &json!(0)));
    assert_eq!(staff.header("cache-control"), Some("private, no-store"));
    shop.close().await;
}

#[tokio::test]
async fn a_hidden_product_is_gone_for_guests_and_kept_for_staff() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(7).create().await;
    let path = format!("/api/v1/products/{}", bread.id);
    shop.staff().await.delete(&path).send().await.expect_problem(403, "forbidden");
    shop.owner().delete(&path).send().await.expect(204);
    shop.guest().get(&path).send().await.expect_problem(404, "not_found");
    assert!(shop.guest().see("/api/v1/products").await.rows().is_empty());
    assert_eq!(shop.staff().await.see(&path).await["isActive"], false);
    shop.close().await;
}

#[tokio::test]
async fn a_change_of_a_product_knows_what_it_changes() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").price("1.000").stock(7).create().await;
    let path = format!("/api/v1/products/{}", bread.id);
    let tag = shop.owner().see(&path).await.header("etag").expect("a tag").to_owned();
    let body = |price: &str| json!({ "name": "Bread", "price": price, "category": "bakery" });
    let owner = shop.owner();
    assert_eq!(owner.put(&path).header("if-match", &tag).json(&body("1.500")).send().await.expect(200)["price"], "1.500");
    owner.put(&path).header("if-match", &tag).json(&body("1.750")).send().await.expect_problem(412, "stale");
    let mut old = body("1.750");
    old["version"] = 1.into();
    let refusal = owner.put(&path).json(&old).send().await.expect_problem(409, "version_conflict");
    assert_eq!(refusal["currentVersion"], 2);
    let mut with_stock = body("1.500");
    with_stock["stock"] = 100.into();
    owner.put(&path).json(&with_stock).send().await.expect_field("stock");
    shop.close().await;
}

#[tokio::test]
async fn names_come_in_the_language_that_is_asked_for() {
    let shop = Shop::open().await;
    let product = shop.product("Bread").field("translations", json!({ "ar": { "name": "خبز" } })).create().await;
    let path = format!("/api/v1/products/{}", product.id);
    let name = async |language: &str| {
        let reply = shop.guest().get(&path).header("accept-language", language).send().await.expect(200);
        reply["name"].as_str().expect("a name").to_owned()
    };
    assert_eq!(name("ar").await, "خبز");
    assert_eq!(name("en").await, "Bread");
    shop.close().await;
}

#[tokio::test]
async fn a_category_with_products_stays() {
    let shop = Shop::open().await;
    shop.product("Bread").create().await;
    let owner = shop.owner();
    let bakery = owner.see("/api/v1/categories").await.rows()[0].clone();
    assert_eq!(bakery["productCount"], 1);
    let path = format!("/api/v1/categories/{}", bakery["id"].as_str().expect("an id"));
    owner.delete(&path).send().await.expect_problem(409, "category_in_use");
    let empty = shop.category("empty", "Empty").await;
    owner.delete(&format!("/api/v1/categories/{}", empty["id"].as_str().expect("an id"))).send().await.expect(204);
    shop.close().await;
}
