//! Carts: put together by guests and accounts, asked anew at each read, merged at sign-in, ordered from, ended.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, Product, Reply, Shop};

pub const CART: &str = "/api/v1/cart";
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Somebody's cart: how they ask, and the token they send along.
#[derive(Clone)]
pub struct Basket {
    by: Client,
    pub token: Option<String>,
}

impl Basket {
    pub fn of(by: Client) -> Basket {
        Basket { by, token: None }
    }

    pub fn with(by: Client, token: &str) -> Basket {
        Basket { by, token: Some(token.to_owned()) }
    }

    fn request(&self, method: Method, path: &str) -> crate::harness::Request {
        let request = self.by.request(method, path);
        match &self.token {
            Some(token) => request.header("x-cart-token", token),
            None => request,
        }
    }

    pub async fn try_add(&self, items: Value) -> Reply {
        self.request(Method::POST, CART).json(&json!({ "items": items })).send().await
    }

    /// Puts something in and keeps the token.
    pub async fn add(&mut self, product: &Product, quantity: i64, options: Value) -> Reply {
        let reply = self.try_add(json!([{ "productId": product.id, "quantity": quantity, "options": options }])).await;
        assert!(matches!(reply.status, 200 | 201), "{reply:?}");
        self.token = reply["token"].as_str().map(str::to_owned);
        reply
    }

    pub async fn see(&self) -> Reply {
        self.request(Method::GET, CART).send().await.expect(200)
    }

    pub async fn see_in(&self, language: &str) -> Reply {
        self.request(Method::GET, CART).header("accept-language", language).send().await.expect(200)
    }

    pub async fn put(&self, item: &str, body: Value) -> Reply {
        self.request(Method::PUT, &format!("{CART}/items/{item}")).json(&body).send().await
    }

    pub async fn take_out(&self, item: &str) -> Reply {
        self.request(Method::DELETE, &format!("{CART}/items/{item}")).send().await
    }

    pub async fn empty(&self) -> Reply {
        self.request(Method::DELETE, CART).send().await
    }
}

/// The id of the item at a place.
pub fn item(cart: &Reply, index: usize) -> String {
    cart["items"][index]["id"].as_str().unwrap_or_else(|| panic!("no item {index} in {cart:?}")).to_owned()
}

fn token(cart: &Reply) -> String {
    cart["token"].as_str().unwrap_or_else(|| panic!("no token in {cart:?}")).to_owned()
}

/// Product and quantity of each item.
fn lines(cart: &Reply) -> Vec<(&str, i64)> {
    let items = cart["items"].as_array().expect("items");
    items.iter().map(|item| (item["name"].as_str().expect("a name"), item["quantity"].as_i64().expect("a number"))).collect()
}

fn warnings(cart: &Reply) -> Vec<&str> {
    cart["warnings"].as_array().expect("warnings").iter().map(|warning| warning["code"].as_str().expect("a code")).collect()
}

pub fn sizes(codes: &[&str]) -> Value {
    let choice = |code: &&str| {
        let delta = if *code == "large" { "0.500" } else { "0.000" };
        json!({ "code": code, "name": { "en": code }, "priceDelta": delta })
    };
    let choices: Vec<Value> = codes.iter().map(choice).collect();
    json!([{ "code": "size", "name": { "en": "Size" }, "required": false, "min": 0, "max": 1, "choices": choices }])
}

/// Replaces a product with other fields.
pub async fn change(shop: &Shop, product: &Product, fields: Value) {
    let mut body = json!({});
    for field in ["name", "price", "category", "optionGroups", "maxPerOrder", "trackStock", "isActive"] {
        body[field] = product.body[field].clone();
    }
    for (name, value) in fields.as_object().expect("fields") {
        body[name] = value.clone();
    }
    shop.owner().put(&format!("/api/v1/products/{}", product.id)).json(&body).send().await.expect(200);
}

pub async fn set_stock(shop: &Shop, product: &Product, stock: i64) {
    let version = shop.owner().inventory(product).await["version"].clone();
    let body = json!({ "stock": stock, "reason": "count", "version": version });
    shop.owner().put(&format!("/api/v1/inventory/{}", product.id)).json(&body).send().await.expect(200);
}

#[tokio::test]
async fn a_guest_fills_changes_and_empties_a_cart() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").price("1.000").stock(50).create().await;
    let cake = shop.product("Cake").price("4.000").stock(5).field("optionGroups", sizes(&["small", "large"])).create().await;
    let mut guest = Basket::of(shop.guest());
    let made = guest.add(&cake, 1, json!({ "size": "large" })).await;
    assert_eq!((made.status, made.header("location")), (201, Some(CART)));
    assert_eq!(made.header("cache-control"), Some("private, no-store"));
    assert_eq!(token(&made).len(), 43);
    assert_eq!((&made["subtotal"], &made["currency"]), (&json!("4.500"), &json!("JOD")));
    let kept = json!({
        "id": item(&made, 0), "productId": cake.id, "name": "Cake", "unitPrice": "4.500", "quantity": 1,
        "options": { "size": "large" }, "lineTotal": "4.500", "available": 5,
    });
    assert_eq!(made["items"], json!([kept]));
    assert_eq!(made["warnings"], json!([]));

    // Equal product and options add up, others do not; also within one request.
    let more = json!([
        { "productId": cake.id, "quantity": 2, "options": { "size": "large" } },
        { "productId": cake.id, "quantity": 1, "options": { "size": "small" } },
        { "productId": bread.id, "quantity": 1 },
        { "productId": bread.id, "quantity": 3, "options": {} },
    ]);
    let added = guest.try_add(more).await.expect(200);
    assert_eq!(lines(&added), [("Cake", 3), ("Cake", 1), ("Bread", 4)]);
    assert_eq!(added["subtotal"], "21.500");
    assert_eq!(token(&added), token(&made));
    assert_eq!(added.header("location"), None);
    assert_eq!(guest.see().await.body, added.body);

    let changed = guest.put(&item(&added, 2), json!({ "quantity": 7 })).await.expect(200);
    assert_eq!(lines(&changed), [("Cake", 3), ("Cake", 1), ("Bread", 7)]);
    // What becomes equal to another line takes that one in.
    let joined = guest.put(&item(&added, 1), json!({ "quantity": 2, "options": { "size": "large" } })).await.expect(200);
    assert_eq!(lines(&joined), [("Cake", 5), ("Bread", 7)]);
    assert_eq!(item(&joined, 0), item(&added, 1));
    assert_eq!((warnings(&joined).len(), &joined["subtotal"]), (0, &json!("29.500")));
    assert_eq!(guest.see().await.body, joined.body);

    let out = guest.take_out(&item(&joined, 0)).await.expect(204);
    assert!(out.text.is_empty());
    assert_eq!(lines(&guest.see().await), [("Bread", 7)]);
    guest.take_out(&item(&joined, 0)).await.expect_problem(404, "not_found");
    guest.put(&item(&joined, 0), json!({ "quantity": 1 })).await.expect_problem(404, "not_found");
    guest.put("nonsense", json!({ "quantity": 1 })).await.expect_problem(404, "not_found");

    guest.empty().await.expect(204);
    let empty = guest.see().await;
    assert_eq!((&empty["items"], &empty["subtotal"]), (&json!([]), &json!("0.000")));
    // The token still counts.
    assert_eq!(guest.add(&bread, 1, json!({})).await.expect(200)["token"], made["token"]);
    shop.close().await;
}

#[tokio::test]
async fn without_or_with_an_unknown_token_there_is_an_empty_cart_and_none_is_made() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").create().await;
    let nothing = json!({ "token": null, "items": [], "subtotal": "0.000", "currency": "JOD", "warnings": [] });
    let lost = Basket::with(shop.guest(), &"x".repeat(43));
    let layla = Basket::of(shop.customer("Layla").await);
    for nobody in [Basket::of(shop.guest()), lost.clone(), Basket::with(shop.guest(), "كعك"), layla] {
        let seen = nobody.see().await;
        assert_eq!((&seen.body, seen.header("cache-control")), (&nothing, Some("private, no-store")));
        assert_eq!(seen.header("set-cookie"), None);
        nobody.empty().await.expect(204);
        nobody.put("01936000-0000-7000-8000-000000000000", json!({ "quantity": 1 })).await.expect_problem(404, "not_found");
        nobody.take_out("01936000-0000-7000-8000-000000000000").await.expect_problem(404, "not_found");
    }
    // A cart that is gone is made anew, with a token of its own.
    let made = lost.try_add(json!([{ "productId": bread.id, "quantity": 1 }])).await.expect(201);
    assert_ne!(made["token"], lost.token.clone().expect("a token"));
    assert_eq!(lost.see().await.body, nothing);
    assert_eq!(lines(&Basket::with(shop.guest(), &token(&made)).see().await), [("Bread", 1)]);
    shop.close().await;
}

#[tokio::test]
async fn a_browser_keeps_its_cart_by_a_cookie() {
    let shop = Shop::open().await;
    let (bread, cake) = (shop.product("Bread").create().await, shop.product("Cake").create().await);
    let made = Basket::of(shop.guest()).try_add(json!([{ "productId": bread.id, "quantity": 1 }])).await.expect(201);
    let cookie = made.header("set-cookie").expect("a cookie").to_owned();
    let (pair, attributes) = cookie.split_once("; ").expect("attributes");
    assert_eq!(pair, format!("bayader_cart={}", token(&made)));
    let attributes: Vec<&str> = attributes.split("; ").collect();
    for wanted in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"] {
        assert!(attributes.contains(&wanted), "{cookie}");
    }
    // It came by plain HTTP.
    assert!(!attributes.contains(&"Secure"), "{cookie}");

    let by_cookie = |method, path: &str| shop.guest().request(method, path).header("cookie", &format!("a=b; {pair}; c"));
    let seen = by_cookie(Method::GET, CART).send().await.expect(200);
    assert_eq!(lines(&seen), [("Bread", 1)]);
    assert_eq!(seen.header("set-cookie"), None, "a read changes nothing");
    let body = json!({ "items": [{ "productId": bread.id, "quantity": 1 }] });
    let added = by_cookie(Method::POST, CART).json(&body).send().await.expect(200);
    assert_eq!(added.header("set-cookie"), Some(cookie.as_str()), "it lives as long as the cart");
    let path = format!("{CART}/items/{}", item(&added, 0));
    let put = by_cookie(Method::PUT, &path).json(&json!({ "quantity": 5 })).send().await.expect(200);
    assert_eq!((lines(&put), put.header("set-cookie")), (vec![("Bread", 5)], Some(cookie.as_str())));

    // The header goes before the cookie, and who sends the token keeps it themselves.
    let mut other = Basket::of(shop.guest());
    other.add(&cake, 1, json!({})).await;
    let other_token = other.token.clone().expect("a token");
    let seen = by_cookie(Method::GET, CART).header("x-cart-token", &other_token).send().await.expect(200);
    assert_eq!(lines(&seen), [("Cake", 1)]);
    assert_eq!(other.add(&cake, 1, json!({})).await.expect(200).header("set-cookie"), None);
    // An empty header is none.
    assert_eq!(lines(&by_cookie(Method::GET, CART).header("x-cart-token", "").send().await), [("Bread", 5)]);
    by_cookie(Method::DELETE, CART).send().await.expect(204);
    assert_eq!(by_cookie(Method::GET, CART).send().await["items"], json!([]));
    shop.close().await;
}

#[tokio::test]
async fn an_accounts_cart_is_its_own_whatever_token_comes_along() {
    let shop = Shop::open().await;
    let (bread, cake) = (shop.product("Bread").create().await, shop.product("Cake").create().await);
    let (layla, omar) = (shop.customer("Layla").await, shop.customer("Omar").await);
    let made = Basket::of(layla.clone()).try_add(json!([{ "productId": bread.id, "quantity": 1 }])).await.expect(201);
    assert_eq!(made.header("set-cookie"), None, "no browser keeps an account's token");
    let again = Basket::of(layla.clone()).try_add(json!([{ "productId": bread.id, "quantity": 1 }])).await.expect(200);
    assert_eq!(again["token"], made["token"]);
    Basket::of(omar.clone()).try_add(json!([{ "productId": cake.id, "quantity": 1 }])).await.expect(201);

    let foreign = Basket::with(omar.clone(), &token(&made));
    assert_eq!(lines(&foreign.see().await), [("Cake", 1)]);
    assert_eq!(lines(&foreign.try_add(json!([{ "productId": cake.id, "quantity": 2 }])).await.expect(200)), [("Cake", 3)]);
    foreign.take_out(&item(&made, 0)).await.expect_problem(404, "not_found");
    assert_eq!(lines(&Basket::of(layla.clone()).see().await), [("Bread", 2)]);
    let mut guest = Basket::of(shop.guest());
    guest.add(&cake, 4, json!({})).await;
    assert_eq!(lines(&Basket::with(layla.clone(), &guest.token.clone().expect("a token")).see().await), [("Bread", 2)]);
    assert_eq!(lines(&guest.see().await), [("Cake", 4)], "to bring a token along is no merge");

    // The token alone opens it.
    let alone = Basket::with(shop.guest(), &token(&made));
    assert_eq!(alone.see().await["token"], made["token"]);
    let put = alone.put(&item(&made, 0), json!({ "quantity": 3 })).await.expect(200);
    assert_eq!((lines(&put), put.header("set-cookie")), (vec![("Bread", 3)], None));
    assert_eq!(lines(&Basket::of(layla).see().await), [("Bread", 3)]);
    // Whoever works here may buy here.
    for worker in [shop.staff().await, shop.driver().await, shop.admin()] {
        Basket::of(worker).try_add(json!([{ "productId": bread.id, "quantity": 1 }])).await.expect(201);
    }
    shop.close().await;
}

#[tokio::test]
async fn every_fault_is_told_at_once_and_changes_nothing() {
    let shop = Shop::open().await;
    let cake = shop.product("Cake").field("optionGroups", sizes(&["small"])).field("maxPerOrder", 5).create().await;
    let hidden = shop.product("Hidden").field("isActive", false).create().await;
    let mut guest = Basket::of(shop.guest());
    let faulty = json!([
        { "productId": cake.id, "quantity": 3, "options": { "size": "huge", "colour": "red" } },
        { "productId": hidden.id, "quantity": 1 },
        { "productId": cake.id, "quantity": 3 },
        { "productId": "01936000-0000-7000-8000-000000000000", "quantity": 1 },
    ]);
    let refused = guest.try_add(faulty).await.expect_problem(422, "validation_failed");
    let told = [
        "items[0].quantity",
        "items[0].options.colour",
        "items[0].options.size",
        "items[1].productId",
        "items[2].quantity",
        "items[3].productId",
    ];
    assert_eq!(refused.fields(), told);
    assert_eq!(refused.header("set-cookie"), None);
    for quantity in [json!(0), json!(-1), json!(1_001), json!(1.5), json!("x"), Value::Null] {
        guest.try_add(json!([{ "productId": cake.id, "quantity": quantity }])).await.expect_field("items[0].quantity");
    }
    let body = json!({ "items": [{ "productId": cake.id, "quantity": 1, "unitPrice": "0.001", "options": [] }], "note": "x" });
    let refused = shop.guest().post(CART).json(&body).send().await.expect_problem(422, "validation_failed");
    assert_eq!(refused.fields(), ["items[0].options", "items[0].unitPrice", "note"]);
    shop.guest().post(CART).json(&json!({ "items": [] })).send().await.expect_field("items");
    shop.guest().post(CART).json(&json!({})).send().await.expect_field("items");
    shop.guest().get(&format!("{CART}?x=1")).send().await.expect_field("x");
    let card = json!([{ "productId": cake.id, "quantity": 1, "options": { "message": "4111 1111 1111 1111" } }]);
    guest.try_add(card).await.expect_problem(422, "card_data_refused");

    let made = guest.add(&cake, 4, json!({ "size": "small" })).await;
    guest.try_add(json!([{ "productId": cake.id, "quantity": 2 }])).await.expect_field("items[0].quantity");
    let refused = guest.put(&item(&made, 0), json!({ "quantity": 6, "options": { "size": ["small"] } })).await;
    assert_eq!(refused.expect_problem(422, "validation_failed").fields(), ["quantity", "options.size"]);
    guest.put(&item(&made, 0), json!({})).await.expect_field("quantity");
    assert_eq!(guest.see().await.body, made.body);
    shop.close().await;
}

#[tokio::test]
async fn a_cart_has_at_most_a_hundred_lines() {
    let shop = Shop::open().await;
    let group = json!([{ "code": "note", "name": { "en": "Note" }, "required": false, "min": 0, "max": 1, "text": { "maxLength": 20 }, "choices": [] }]);
    let cake = shop.product("Cake").field("optionGroups", group).field("maxPerOrder", 1_000).create().await;
    let line = |n: usize| json!({ "productId": cake.id, "quantity": 1, "options": { "note": format!("No {n}") } });
    let mut guest = Basket::of(shop.guest());
    guest.try_add((0..101).map(line).collect()).await.expect_field("items");
    let made = guest.try_add((0..100).map(line).collect()).await.expect(201);
    guest.token = Some(token(&made));
    guest.try_add(json!([line(100)])).await.expect_field("items");
    let more = guest.try_add(json!([line(7)])).await.expect(200);
    assert_eq!((more["items"].as_array().map(Vec::len), &more["items"][7]["quantity"]), (Some(100), &json!(2)));
    shop.close().await;
}

#[tokio::test]
async fn a_changed_price_is_told_until_its_line_is_written() {
    let shop = Shop::open().await;
    let cake = shop.product("Cake").price("4.000").stock(50).field("optionGroups", sizes(&["small", "large"])).create().await;
    let mut guest = Basket::of(shop.guest());
    let made = guest.add(&cake, 2, json!({ "size": "large" })).await;
    change(&shop, &cake, json!({ "price": "4.250" })).await;
    for _ in 0..2 {
        let seen = guest.see().await;
        assert_eq!((&seen["items"][0]["unitPrice"], &seen["subtotal"]), (&json!("4.750"), &json!("9.500")));
        let told = "The price is 4.750 JOD now; it was 4.500 JOD.";
        assert_eq!(seen["warnings"], json!([{ "itemId": item(&made, 0), "code": "price_changed", "message": told }]));
    }
    let arabic = guest.see_in("ar").await;
    assert_eq!(arabic["warnings"][0]["message"], "تغيّر السعر: أصبح 4.750 JOD بعد أن كان 4.500 JOD.");
    // The write's own answer still tells it; then it is known.
    assert_eq!(warnings(&guest.put(&item(&made, 0), json!({ "quantity": 1 })).await), ["price_changed"]);
    assert_eq!(warnings(&guest.see().await), Vec::<&str>::new());
    change(&shop, &cake, json!({ "price": "4.000" })).await;
    assert_eq!(warnings(&guest.add(&cake, 1, json!({ "size": "large" })).await), ["price_changed"]);
    assert_eq!(warnings(&guest.see().await), Vec::<&str>::new());
    // Another line says nothing of this one, and other options are no change of the shop's.
    change(&shop, &cake, json!({ "price": "5.000" })).await;
    assert_eq!(warnings(&guest.add(&cake, 1, json!({ "size": "small" })).await), ["price_changed"]);
    assert_eq!(warnings(&guest.see().await), ["price_changed"]);
    let put = guest.put(&item(&made, 0), json!({ "quantity": 1, "options": {} })).await.expect(200);
    assert_eq!(warnings(&put), Vec::<&str>::new());
    // There and back again is no change.
    change(&shop, &cake, json!({ "price": "6.000" })).await;
    change(&shop, &cake, json!({ "price": "5.000" })).await;
    assert_eq!(warnings(&guest.see().await), Vec::<&str>::new());
    shop.close().await;
}

#[tokio::test]
async fn what_cannot_be_had_any_more_is_told_and_counts_nothing() {
    let shop = Shop::open().await;
    let sweets = shop.category("sweets", "Sweets").await;
    let cake = shop.product("Cake").price("4.000").stock(9).field("optionGroups", sizes(&["small", "large"])).create().await;
    let bread = shop.product("Bread").price("1.000").stock(9).create().await;
    let halva = shop.product("Halva").price("2.000").stock(9).category("sweets").create().await;
    let tea = shop.product("Tea").price("0.500").field("trackStock", false).create().await;
    let mut guest = Basket::of(shop.guest());
    for (product, options) in [(&cake, json!({ "size": "large" })), (&bread, json!({})), (&halva, json!({})), (&tea, json!({}))]
    {
        guest.add(product, 4, options).await;
    }
    let all = guest.see().await;
    assert_eq!((warnings(&all), &all["subtotal"], &all["items"][3]["available"]), (vec![], &json!("32.000"), &Value::Null));

    change(&shop, &cake, json!({ "optionGroups": sizes(&["small"]) })).await;
    change(&shop, &bread, json!({ "isActive": false })).await;
    let category = json!({ "name": "Sweets", "slug": "sweets", "isActive": false });
    let path = format!("/api/v1/categories/{}", sweets["id"].as_str().expect("an id"));
    shop.owner().put(&path).json(&category).send().await.expect(200);
    change(&shop, &tea, json!({ "maxPerOrder": 3 })).await;
    let seen = guest.see().await;
    assert_eq!(warnings(&seen), ["option_gone", "not_available", "not_available", "quantity_over_limit"]);
    assert_eq!(lines(&seen), [("Cake", 4), ("Bread", 4), ("Halva", 4), ("Tea", 4)]);
    assert_eq!((&seen["subtotal"], &seen["items"][0]["lineTotal"]), (&json!("2.000"), &json!("0.000")));
    assert_eq!((&seen["items"][0]["unitPrice"], &seen["items"][0]["options"]), (&json!("4.500"), &json!({ "size": "large" })));
    assert_eq!((&seen["items"][0]["available"], &seen["items"][1]["available"]), (&json!(9), &json!(0)));
    for (warning, arabic) in seen["warnings"]
        .as_array()
        .expect("a list")
        .iter()
        .zip(guest.see_in("ar").await["warnings"].as_array().expect("a list"))
    {
        assert_eq!((&warning["code"], &warning["itemId"]), (&arabic["code"], &arabic["itemId"]));
        assert!(!arabic["message"].as_str().expect("a text").is_ascii());
    }
    // Keeping what is not offered any more is refused by name; less of too much is right.
    guest.put(&item(&seen, 0), json!({ "quantity": 1 })).await.expect_field("options.size");
    guest.put(&item(&seen, 1), json!({ "quantity": 1 })).await.expect_field("itemId");
    guest.put(&item(&seen, 3), json!({ "quantity": 5 })).await.expect_field("quantity");
    guest.put(&item(&seen, 3), json!({ "quantity": 4 })).await.expect(200);
    guest.put(&item(&seen, 3), json!({ "quantity": 3 })).await.expect(200);
    guest.put(&item(&seen, 0), json!({ "quantity": 4, "options": { "size": "small" } })).await.expect(200);
    assert_eq!(guest.see().await["subtotal"], "17.500");
    guest.take_out(&item(&seen, 2)).await.expect(204);

    change(&shop, &bread, json!({ "isActive": true })).await;
    set_stock(&shop, &bread, 3).await;
    set_stock(&shop, &cake, 0).await;
    let seen = guest.see().await;
    assert_eq!(warnings(&seen), ["sold_out", "insufficient_stock"]);
    assert_eq!((&seen["items"][0]["available"], &seen["items"][1]["available"]), (&json!(0), &json!(3)));
    assert_eq!(seen["subtotal"], "21.500");
    // What others were promised is not to be had.
    shop.guest().order().line(&bread, 3).pickup().place().await;
    assert_eq!(warnings(&guest.see().await), ["sold_out", "sold_out"]);
    shop.close().await;
}

#[tokio::test]
async fn an_order_takes_the_cart_as_it_costs_now_and_empties_it() {
    let shop = Shop::open().await;
    let cake = shop.product("Cake").price("4.000").stock(9).field("optionGroups", sizes(&["small", "large"])).create().await;
    let bread = shop.product("Bread").price("1.000").stock(9).create().await;
    let mut guest = Basket::of(shop.guest());
    guest.add(&cake, 2, json!({ "size": "large" })).await;
    guest.add(&bread, 3, json!({})).await;
    let cart_token = guest.token.clone().expect("a token");
    change(&shop, &bread, json!({ "price": "1.100" })).await;
    let order = || shop.guest().order().field("cartToken", cart_token.as_str()).pickup();
    let refused = order().field("expectedTotal", "12.000").send_cart().await.expect_problem(409, "price_changed");
    assert_eq!(refused["totalAmount"], "12.300");
    assert_eq!(lines(&guest.see().await), [("Cake", 2), ("Bread", 3)]);

    let keyed = order().field("expectedTotal", "12.300").key("an-order-of-the-cart-1");
    let placed = keyed.clone().send_cart().await.expect(201);
    assert_eq!(placed["totalAmount"], "12.300");
    let seen = shop.guest().get(&crate::harness::Order::of(&placed).path());
    let seen = seen.header("x-order-token", placed["accessToken"].as_str().expect("a token")).send().await.expect(200);
    assert_eq!((&seen["items"][0]["options"], &seen["items"][0]["unitPrice"]), (&json!({ "size": "large" }), &json!("4.500")));
    let after = guest.see().await;
    assert_eq!((&after["items"], token(&after)), (&json!([]), cart_token.clone()));

    // The same again is the first answer, though there is something new in the cart.
    guest.add(&bread, 1, json!({})).await;
    let replayed = keyed.send_cart().await.expect(201);
    assert_eq!((replayed.header("idempotency-replayed"), &replayed.body), (Some("true"), &placed.body));
    assert_eq!(lines(&guest.see().await), [("Bread", 1)]);
    assert_eq!(shop.staff().await.pieces(&bread).await, (9, 3, 6));
    order().send_cart().await.expect(201);
    let refused = order().send_cart().await.expect_problem(422, "cart_empty");
    assert_eq!(refused.fields(), ["cartToken"]);
    shop.close().await;
}

#[tokio::test]
async fn a_cart_that_cannot_be_ordered_stays_as_it_is() {
    let shop = Shop::open().await;
    let cake = shop.product("Cake").stock(9).field("optionGroups", sizes(&["small"])).create().await;
    let (bread, tea) = (shop.product("Bread").stock(2).create().await, shop.product("Tea").stock(9).create().await);
    let mut guest = Basket::of(shop.guest());
    for (product, options) in [(&tea, json!({})), (&cake, json!({ "size": "small" })), (&bread, json!({}))] {
        guest.add(product, 3, options).await;
    }
    let cart_token = guest.token.clone().expect("a token");
    let order = |by: Client| by.order().field("cartToken", cart_token.as_str()).pickup();
    let short = order(shop.guest()).send_cart().await.expect_problem(409, "insufficient_stock");
    assert_eq!(short["lines"], json!([{ "index": 2, "productId": bread.id, "requested": 3, "available": 2 }]));
    change(&shop, &cake, json!({ "optionGroups": [] })).await;
    change(&shop, &bread, json!({ "isActive": false })).await;
    let faulty = order(shop.guest()).send_cart().await.expect_problem(422, "validation_failed");
    assert_eq!(faulty.fields(), ["items[1].options.size", "items[2].productId"]);
    assert_eq!(lines(&guest.see().await).len(), 3);

    let both = order(shop.guest()).line(&tea, 1).send().await.expect_problem(422, "validation_failed");
    assert_eq!(both.fields(), ["items", "cartToken"]);
    let neither = shop.guest().order().pickup().send_cart().await.expect_problem(422, "validation_failed");
    assert_eq!(neither.fields(), ["items", "cartToken"]);
    let unknown = shop.guest().order().field("cartToken", "x".repeat(43)).pickup().send_cart().await;
    assert_eq!(unknown.expect_problem(422, "unknown_cart").fields(), ["cartToken"]);
    assert_eq!(shop.staff().await.pieces(&tea).await, (9, 0, 9));

    // A guest's cart is for whoever holds its token: staff take it at the counter.
    guest.take_out(&item(&guest.see().await, 2)).await.expect(204);
    guest.put(&item(&guest.see().await, 1), json!({ "quantity": 1, "options": {} })).await.expect(200);
    order(shop.staff().await).send_cart().await.expect(201);
    assert_eq!(guest.see().await["items"], json!([]));
    shop.close().await;
}

#[tokio::test]
async fn an_accounts_cart_is_ordered_by_that_account_alone() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(9).create().await;
    let (layla, omar) = (shop.customer("Layla").await, shop.customer("Omar").await);
    let mut cart = Basket::of(layla.clone());
    cart.add(&bread, 2, json!({})).await;
    let cart_token = cart.token.clone().expect("a token");
    for stranger in [shop.guest(), omar, shop.staff().await] {
        let refused = stranger.order().field("cartToken", cart_token.as_str()).pickup().send_cart().await;
        refused.expect_problem(422, "unknown_cart");
    }
    let placed = layla.order().field("cartToken", cart_token.as_str()).pickup().send_cart().await.expect(201);
    assert_eq!(layla.order_of(&crate::harness::Order::of(&placed)).await["customer"]["name"], "Layla");
    assert_eq!(cart.see().await["items"], json!([]));
    shop.close().await;
}

#[tokio::test]
async fn signing_in_brings_the_guests_cart_along() {
    let shop = Shop::open().await;
    let cake = shop.product("Cake").stock(9).field("optionGroups", sizes(&["small", "large"])).create().await;
    let bread = shop.product("Bread").price("1.000").stock(50).field("maxPerOrder", 6).create().await;
    let layla = shop.customer("Layla").await;
    let mut own = Basket::of(layla.clone());
    own.add(&cake, 1, json!({ "size": "large" })).await;
    own.add(&bread, 4, json!({})).await;
    let mut guest = Basket::of(shop.guest());
    guest.add(&bread, 5, json!({})).await;
    guest.add(&cake, 2, json!({ "size": "large" })).await;
    guest.add(&cake, 1, json!({})).await;
    change(&shop, &cake, json!({ "price": "2.000" })).await;

    let guests_token = guest.token.clone().expect("a token");
    let login = || shop.guest().log_in(layla.email(), PASSWORD).header("x-cart-token", &guests_token);
    // A wrong password merges nothing.
    let wrong = shop.guest().log_in(layla.email(), "not-her-password").header("x-cart-token", &guests_token);
    wrong.send().await.expect_problem(401, "invalid_credentials");
    assert_eq!(lines(&guest.see().await).len(), 3);
    login().send().await.expect(200);
    let merged = own.see().await;
    assert_eq!(lines(&merged), [("Cake", 3), ("Bread", 6), ("Cake", 1)], "they add, capped");
    assert_eq!(warnings(&merged), ["price_changed", "price_changed"], "what the guest was not told, the account is");
    // The guest's cart has ended, and a second time brings nothing.
    let ended = guest.see().await;
    assert_eq!((&ended["token"], &ended["items"]), (&Value::Null, &json!([])));
    login().send().await.expect(200);
    assert_eq!(own.see().await.body, merged.body);
    guest.take_out(&item(&merged, 2)).await.expect_problem(404, "not_found");
    // Neither does one's own token, nor another account's.
    let omar = shop.customer("Omar").await;
    for email in [layla.email(), omar.email()] {
        let own_token = own.token.clone().expect("a token");
        shop.guest().log_in(email, PASSWORD).header("x-cart-token", &own_token).send().await.expect(200);
    }
    assert_eq!(own.see().await.body, merged.body);
    assert_eq!(Basket::of(omar).see().await["token"], Value::Null);
    shop.close().await;
}

#[tokio::test]
async fn registering_brings_the_guests_cart_along_by_header_or_cookie() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").create().await;
    let body = |name: &str| json!({ "name": name, "email": format!("{name}@example.com"), "phone": "+962790000009", "password": PASSWORD });
    let register = |by: Client, name: &str| by.post("/api/v1/auth/register").json(&body(name));
    let mut guest = Basket::of(shop.guest());
    guest.add(&bread, 2, json!({})).await;
    let guests_token = guest.token.clone().expect("a token");
    // An admin who registers somebody brings nothing along.
    register(shop.admin(), "yara").header("x-cart-token", &guests_token).send().await.expect(201);
    assert_eq!(lines(&guest.see().await), [("Bread", 2)]);
    let huda = register(shop.guest(), "huda").header("x-cart-token", &guests_token).key("register-with-a-cart");
    let first = huda.clone().send().await.expect(201);
    assert_eq!(huda.send().await.expect(201).body, first.body);
    let account = Client::signed_in(&shop.wire, "huda@example.com", &first);
    assert_eq!(lines(&Basket::of(account).see().await), [("Bread", 2)]);
    assert_eq!(guest.see().await["items"], json!([]));

    let mut guest = Basket::of(shop.guest());
    guest.add(&bread, 3, json!({})).await;
    let cookie = format!("bayader_cart={}", guest.token.clone().expect("a token"));
    let reply = register(shop.guest(), "sami").header("cookie", &cookie).send().await.expect(201);
    assert_eq!(lines(&Basket::of(Client::signed_in(&shop.wire, "sami@example.com", &reply)).see().await), [("Bread", 3)]);
    // A token that means nothing keeps nobody out.
    for odd in ["", "x", "كعك", &"y".repeat(4_000)] {
        shop.guest().log_in("sami@example.com", PASSWORD).header("x-cart-token", odd).send().await.expect(200);
    }
    shop.close().await;
}

#[tokio::test]
async fn a_cart_that_cannot_be_merged_keeps_nobody_out() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").create().await;
    let layla = shop.customer("Layla").await;
    let mut guest = Basket::of(shop.guest());
    guest.add(&bread, 2, json!({})).await;
    let guests_token = guest.token.clone().expect("a token");
    let login = || shop.guest().log_in(layla.email(), PASSWORD).header("x-cart-token", &guests_token);
    let beside = rusqlite::Connection::open(shop.database()).expect("a second connection");
    // The guest's lines are taken out, the account's cart is made, and then it breaks.
    let broken = "create trigger broken before insert on cart_lines begin select raise(abort, 'broken'); end";
    beside.execute_batch(broken).expect("a trigger");
    login().send().await.expect(200);
    assert_eq!(lines(&guest.see().await), [("Bread", 2)], "nothing of it is half done");
    assert_eq!(Basket::of(layla.clone()).see().await["token"], Value::Null);
    beside.execute_batch("drop trigger broken").expect("no trigger");
    login().send().await.expect(200);
    assert_eq!(lines(&Basket::of(layla.clone()).see().await), [("Bread", 2)]);
    shop.close().await;
}

#[tokio::test]
async fn a_guests_cart_ends_thirty_days_after_its_last_change() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").create().await;
    let (mut left, mut used) = (Basket::of(shop.guest()), Basket::of(shop.guest()));
    let layla = shop.customer("Layla").await;
    let mut account = Basket::of(layla.clone());
    let count = || async { shop.rows("select count(*) from carts").await };
    for basket in [&mut left, &mut used, &mut account] {
        basket.add(&bread, 1, json!({})).await;
    }
    shop.advance(29 * DAY);
    shop.run_jobs().await;
    assert_eq!(count().await, 3);
    assert_eq!(lines(&left.see().await), [("Bread", 1)]);
    used.add(&bread, 1, json!({})).await;
    shop.advance(DAY + Duration::from_secs(2));
    // It has ended although its row is still there.
    assert_eq!((&left.see().await["token"], count().await), (&Value::Null, 3));
    let left_token = left.token.clone().expect("a token");
    shop.guest().order().field("cartToken", left_token.as_str()).pickup().send_cart().await.expect_problem(422, "unknown_cart");
    shop.guest().log_in(layla.email(), PASSWORD).header("x-cart-token", &left_token).send().await.expect(200);
    assert_eq!(lines(&account.see().await), [("Bread", 1)]);
    shop.run_jobs().await;
    assert_eq!(count().await, 2);
    assert_eq!(lines(&used.see().await), [("Bread", 2)]);
    shop.advance(31 * DAY);
    for _ in 0..45 {
        Basket::of(shop.guest()).add(&bread, 1, json!({})).await;
    }
    shop.run_jobs().await;
    assert_eq!(count().await, 46);
    shop.advance(31 * DAY);
    shop.run_jobs().await;
    assert_eq!(count().await, 1);
    assert_eq!(lines(&account.see().await), [("Bread", 1)], "an account's stays");
    left.add(&bread, 1, json!({})).await.expect(201);
    shop.close().await;
}

#[tokio::test]
async fn the_same_request_twice_puts_in_once() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").create().await;
    let body = json!({ "items": [{ "productId": bread.id, "quantity": 1 }] });
    let ask = |key: &str| shop.guest().post(CART).json(&body).key(key);
    let made = ask("the-first-bread-of-a-guest").send().await.expect(201);
    let again = ask("the-first-bread-of-a-guest").send().await.expect(201);
    assert_eq!((&again.body, again.header("idempotency-replayed")), (&made.body, Some("true")));
    assert_eq!((again.header("set-cookie"), again.header("location")), (made.header("set-cookie"), Some(CART)));
    let add = |key: &str, token: &str| ask(key).header("x-cart-token", token);
    let more = add("the-second-bread-of-a-guest", &token(&made)).send().await.expect(200);
    assert_eq!(add("the-second-bread-of-a-guest", &token(&made)).send().await.expect(200).body, more.body);
    assert_eq!(lines(&Basket::with(shop.guest(), &token(&made)).see().await), [("Bread", 2)]);
    // Another guest with the same key and the same wish does not get this one's cart.
    let mut other = Basket::of(shop.guest());
    other.add(&bread, 7, json!({})).await;
    let other_token = other.token.clone().expect("a token");
    let reused = add("the-second-bread-of-a-guest", &other_token).send().await;
    reused.expect_problem(422, "idempotency_key_reused");
    // The token lies nowhere in the clear.
    assert!(!shop.file_holds(&token(&made)));
    shop.close().await;
}

#[tokio::test]
async fn a_cart_is_ordered_once_however_often_it_is_asked_for() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(50).create().await;
    let mut guest = Basket::of(shop.guest());
    guest.add(&bread, 3, json!({})).await;
    let cart_token = guest.token.clone().expect("a token");
    let order = || shop.guest().order().field("cartToken", cart_token.as_str()).pickup().send_cart();
    let replies = join_all((0..12).map(|_| order())).await;
    let (taken, refused): (Vec<&Reply>, Vec<&Reply>) = replies.iter().partition(|reply| reply.status == 201);
    assert_eq!(taken.len(), 1, "{replies:?}");
    assert!(refused.iter().all(|reply| reply["code"] == "cart_empty"), "{refused:?}");
    assert_eq!(shop.staff().await.pieces(&bread).await, (50, 3, 47));
    shop.close().await;
}

#[tokio::test]
async fn in_a_storm_of_sign_ins_one_merge_wins_and_no_piece_is_lost() {
    const SIGN_INS: usize = 12;
    const ADDS: usize = 20;
    let shop = Shop::open().await;
    let bread = shop.product("Bread").field("maxPerOrder", 1_000).create().await;
    let cake = shop.product("Cake").field("maxPerOrder", 1_000).create().await;
    let accounts = [shop.customer("Layla").await, shop.customer("Omar").await];
    let mut guest = Basket::of(shop.guest());
    guest.add(&cake, 5, json!({})).await;
    guest.add(&bread, 3, json!({})).await;
    let guests_token = guest.token.clone().expect("a token");
    let sign_ins = (0..SIGN_INS).map(|n| {
        let login = shop.guest().log_in(accounts[n % 2].email(), PASSWORD).header("x-cart-token", &guests_token);
        async move { login.send().await.expect(200) }
    });
    let one = json!([{ "productId": bread.id, "quantity": 1 }]);
    // By the guest's token while it counts, then into new carts; and by the accounts.
    let guests_adds = (0..ADDS).map(|_| guest.try_add(one.clone()));
    let own = accounts.clone().map(Basket::of);
    let own_adds = (0..ADDS).map(|n| own[n % 2].try_add(one.clone()));
    let (_, guests_adds, own_adds) = tokio::join!(join_all(sign_ins), join_all(guests_adds), join_all(own_adds));
    assert!(own_adds.iter().all(|reply| matches!(reply.status, 200 | 201)), "{own_adds:?}");
    let mut pieces = std::collections::BTreeMap::from([("Bread".to_owned(), 0), ("Cake".to_owned(), 0)]);
    let mut count = |cart: &Reply| {
        for (name, quantity) in lines(cart) {
            *pieces.get_mut(name).expect("a known product") += quantity;
        }
    };
    let mut with_cake = 0;
    for basket in &own {
        let seen = basket.see().await;
        with_cake += usize::from(lines(&seen).iter().any(|(name, _)| *name == "Cake"));
        count(&seen);
    }
    for added in &guests_adds {
        assert!(matches!(added.status, 200 | 201), "{added:?}");
        if added.status == 201 {
            count(&Basket::with(shop.guest(), &token(added)).see().await);
        }
    }
    assert_eq!(guest.see().await["token"], Value::Null, "the guest's cart has ended");
    assert_eq!(with_cake, 1, "one merge wins");
    let bread_pieces = 3 + i64::try_from(2 * ADDS).expect("a small number");
    assert_eq!(pieces, std::collections::BTreeMap::from([("Bread".to_owned(), bread_pieces), ("Cake".to_owned(), 5)]));
    shop.close().await;
}
