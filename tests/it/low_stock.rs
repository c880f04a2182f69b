//! Admins are told of products that run low, once each time that they do.

use serde_json::{Value, json};

use crate::harness::{Product, Shop};

const LOOK: u64 = 61;

/// The products of each message, by name.
async fn told(shop: &Shop) -> Vec<Vec<String>> {
    shop.pass(LOOK).await;
    let said = shop.said().await;
    let lows = said.iter().filter(|said| said.kind == "low_stock");
    let names = |payload: &Value| {
        let products = payload["products"].as_array().expect("products").iter();
        products.map(|product| product["name"].as_str().expect("a name").to_owned()).collect()
    };
    lows.map(|said| names(&said.payload)).collect()
}

async fn stock(shop: &Shop, product: &Product, stock: i64) {
    let path = format!("/api/v1/inventory/{}", product.id);
    let version = shop.owner().inventory(product).await["version"].clone();
    let body = json!({ "stock": stock, "reason": "count", "version": version });
    shop.owner().put(&path).json(&body).send().await.expect(200);
}

async fn threshold(shop: &Shop, product: &Product, threshold: i64) {
    let path = format!("/api/v1/inventory/{}", product.id);
    let row = shop.owner().inventory(product).await;
    let body = json!({ "stock": row["stock"], "stockThreshold": threshold, "reason": "count", "version": row["version"] });
    shop.owner().put(&path).json(&body).send().await.expect(200);
}

#[tokio::test]
async fn each_crossing_is_told_once_down_up_and_down() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).threshold(3).create().await;
    shop.product("Cake").stock(0).create().await;
    let guest = shop.guest();
    assert!(told(&shop).await.is_empty(), "nothing is low; without a threshold nothing ever is");
    guest.order().line(&bread, 6).pickup().place().await;
    assert!(told(&shop).await.is_empty(), "4 are more than 3");
    // What is promised counts as gone.
    guest.order().line(&bread, 1).pickup().place().await;
    assert_eq!(told(&shop).await, [["Bread"]]);
    let low = shop.said().await.into_iter().find(|said| said.kind == "low_stock").expect("it was told");
    assert_eq!((low.channel.as_str(), low.to.as_str(), low.locale.as_str()), ("email", "owner@example.com", "en"));
    let products = json!([{ "name": "Bread", "sku": bread.body["sku"], "available": 3, "stockThreshold": 3, "unit": "piece" }]);
    assert_eq!(low.payload, json!({ "products": products }));
    // Lower still is no crossing.
    guest.order().line(&bread, 1).pickup().place().await;
    assert_eq!(told(&shop).await.len(), 1);
    stock(&shop, &bread, 20).await;
    assert_eq!(told(&shop).await.len(), 1);
    stock(&shop, &bread, 9).await;
    assert_eq!(told(&shop).await, [["Bread"], ["Bread"]]);
    // Up and down again before anybody looked.
    stock(&shop, &bread, 20).await;
    stock(&shop, &bread, 9).await;
    assert_eq!(told(&shop).await.len(), 2);
    shop.close().await;
}

#[tokio::test]
async fn a_threshold_that_is_moved_crosses_too_and_several_stand_in_one_message() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).threshold(3).create().await;
    let cake = shop.product("Cake").stock(5).threshold(4).create().await;
    assert!(told(&shop).await.is_empty());
    threshold(&shop, &bread, 10).await;
    threshold(&shop, &cake, 8).await;
    assert_eq!(told(&shop).await, [["Cake", "Bread"]], "the lowest first");
    // With no threshold it is not low, and with one again it is anew.
    threshold(&shop, &cake, 0).await;
    assert_eq!(told(&shop).await.len(), 1);
    threshold(&shop, &cake, 5).await;
    assert_eq!(told(&shop).await[1..], [["Cake"]]);
    shop.close().await;
}

#[tokio::test]
async fn every_admin_is_told_in_their_language_and_nobody_else() {
    let shop = Shop::open().await;
    shop.staff().await;
    let body = json!({ "name": "Omar", "email": "omar@example.com", "phone": "+962790000009", "password": crate::harness::PASSWORD, "role": "admin" });
    let omar = shop.owner().post("/api/v1/auth/register").json(&body).send().await.expect(201);
    let path = format!("/api/v1/users/{}", omar["user"]["id"].as_str().expect("an id"));
    let words = json!({ "name": "Omar", "phone": "+962790000009", "locale": "ar" });
    shop.owner().put(&path).json(&words).send().await.expect(200);
    let bread = shop.product("Bread").stock(2).threshold(3).field("translations", json!({ "ar": { "name": "خبز" } }));
    bread.create().await;
    shop.pass(LOOK).await;
    let said = shop.said().await;
    let mut told: Vec<(&str, &str, &str)> = said
        .iter()
        .map(|said| (said.to.as_str(), said.locale.as_str(), said.payload["products"][0]["name"].as_str().expect("a name")))
        .collect();
    told.sort_unstable();
    assert_eq!(told, [("omar@example.com", "ar", "خبز"), ("owner@example.com", "en", "Bread")]);
    shop.close().await;
}

#[tokio::test]
async fn a_machine_that_dies_between_tells_it_once() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).threshold(3).create().await;
    told(&shop).await;
    shop.guest().order().line(&bread, 8).pickup().place().await;
    let before = shop.as_after_a_crash(&[], Vec::new()).await;
    assert_eq!(told(&before).await, [["Bread"]]);
    let after = before.as_after_a_crash(&[], Vec::new()).await;
    assert_eq!(told(&after).await, [["Bread"]]);
    for shop in [after, before, shop] {
        shop.close().await;
    }
}

#[tokio::test]
async fn a_hundred_buyers_at_once_are_one_crossing() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(100).threshold(50).create().await;
    told(&shop).await;
    let buyers = (0..100).map(|_| {
        let order = shop.guest().order().line(&bread, 1).pickup();
        tokio::spawn(async move { order.send().await.expect(201) })
    });
    for buyer in buyers.collect::<Vec<_>>() {
        buyer.await.expect("an order");
    }
    assert_eq!(told(&shop).await, [["Bread"]]);
    assert_eq!(told(&shop).await.len(), 1);
    shop.close().await;
}
