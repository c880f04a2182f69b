//! What staff write by hand to an order's customer, and a buyer to the shop: words and links that are ready.

use serde_json::{Value, json};

use crate::harness::{Client, Order, Shop};

/// What a link's parameter holds.
fn parameter(link: &str, name: &str) -> String {
    let (_, query) = link.split_once('?').expect("it has a query");
    assert!(!query.contains('+'), "phones take a plus as it is: {link}");
    let found = form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("no {name} in {link}")).1.into_owned()
}

async fn contact(staff: &Client, order: &Order) -> Value {
    staff.get(&format!("/api/v1/orders/{}", order.id)).send().await.expect(200)["contact"].clone()
}

/// A guest's order for pickup, placed by a browser of that language.
async fn placed(shop: &Shop, language: &str, phone: &str) -> Order {
    let cake = shop.product("Cake").price("4.000").stock(10).create().await;
    let body = json!({
        "items": [{ "productId": cake.id, "quantity": 1 }], "customerInfo": { "name": "ليلى", "phone": phone },
        "paymentMethod": "cash", "isPickup": true,
    });
    let reply = shop.guest().post("/api/v1/orders").header("accept-language", language).json(&body).send().await;
    Order::of(&reply.expect(201))
}

#[tokio::test]
async fn staff_have_words_for_each_state_in_the_customers_language() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    for (language, placed_says, ready_says) in
        [("en", "we have your order", "is ready for pickup"), ("ar", "استلمنا", "جاهز للاستلام")]
    {
        let order = placed(&shop, language, "+962790000007").await;
        let mut texts = Vec::new();
        for status in ["Pending", "Confirmed", "Preparing", "ReadyForPickup"] {
            if status != "Pending" {
                let path = format!("/api/v1/orders/{}/status", order.id);
                staff.put(&path).json(&json!({ "status": status })).send().await.expect(200);
            }
            let contact = contact(&staff, &order).await;
            let text = contact["text"].as_str().expect("a text").to_owned();
            assert!(text.contains(&order.number) && !text.contains("http") && !text.contains("token"), "{text}");
            let whatsapp = contact["whatsapp"].as_str().expect("a link");
            assert!(whatsapp.starts_with("https://wa.me/962790000007?text="), "{whatsapp}");
            assert_eq!(parameter(whatsapp, "text"), text);
            let sms = contact["sms"].as_str().expect("a link");
            assert!(sms.starts_with("sms:+962790000007?body="), "{sms}");
            assert_eq!(parameter(sms, "body"), text);
            texts.push(text);
        }
        assert!(texts[3].contains(ready_says), "{texts:?}");
        assert!(language == "ar" || texts[0].contains(placed_says), "{texts:?}");
        texts.dedup();
        assert_eq!(texts.len(), 4, "each state has its own words");
    }
    shop.close().await;
}

#[tokio::test]
async fn only_staff_are_given_it_and_nothing_stands_where_there_is_no_phone() {
    let shop = Shop::open().await;
    let order = placed(&shop, "en", "+962790000007").await;
    let path = format!("/api/v1/orders/{}", order.id);
    let token = order.token.clone().expect("a guest's");
    let theirs = shop.guest().get(&path).header("x-order-token", &token).send().await.expect(200);
    assert!(theirs.body.get("contact").is_none(), "{theirs:?}");
    let staff = shop.staff().await;
    let moved = staff.put(&format!("{path}/status")).json(&json!({ "status": "Confirmed" })).send().await.expect(200);
    assert!(moved.body.get("contact").is_none(), "where one order is read");
    let cake = shop.product("Bread").price("1.000").stock(10).create().await;
    let counter = staff.order().line(&cake, 1).pickup().place().await;
    assert_eq!(contact(&staff, &counter).await, Value::Null);
    shop.close().await;
}

#[tokio::test]
async fn a_buyer_can_write_to_the_shop_from_the_orders_page() {
    let shop = Shop::open().await;
    let order = placed(&shop, "en", "+962790000007").await;
    let token = order.token.clone().expect("a guest's");
    let page = |language: &'static str| {
        let cookie = format!("bayader_order={token}");
        let request = shop.guest().get(&format!("/o/{}?lang={language}", order.id)).header("cookie", &cookie);
        async move { request.send().await.expect(200).text }
    };
    assert!(!page("en").await.contains("wa.me"), "a shop without a phone has no such link");
    let settings = shop.admin().get("/api/v1/admin/settings").send().await.expect(200);
    let mut change = json!({ "version": settings["version"], "shop": settings["shop"] });
    change["shop"]["phone"] = "+96265551234".into();
    shop.admin().put("/api/v1/admin/settings").json(&change).send().await.expect(200);
    for (language, label) in [("en", "Write to the shop on WhatsApp"), ("ar", "مراسلة المتجر عبر واتساب")]
    {
        let page = page(language).await;
        assert!(page.contains(label), "{page}");
        let links: Vec<&str> = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let of =
            |begin: &str| links.iter().find(|link| link.starts_with(begin)).unwrap_or_else(|| panic!("{begin} in {links:?}"));
        let slash = "&#x2f;";
        let whatsapp = of("https:").replace(slash, "/");
        assert!(whatsapp.starts_with("https://wa.me/96265551234?text="), "{whatsapp}");
        assert!(parameter(&whatsapp, "text").contains(&order.number));
        assert!(parameter(of("sms:+96265551234?body="), "body").contains(&order.number));
    }
    shop.close().await;
}
