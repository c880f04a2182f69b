//! What holds for every request, whatever it is about (SPEC 2).

use reqwest::Method;
use serde_json::json;

use crate::harness::Shop;

#[tokio::test]
async fn an_unknown_address_is_a_404_problem() {
    let shop = Shop::open().await;
    for path in ["/nothing", "/index.html", "/api/v1/nothing", "/api/v2/products", "/api/v1/products/a/b/c"] {
        let reply = shop.guest().get(path).send().await.expect_problem(404, "not_found");
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    }
    shop.close().await;
}

#[tokio::test]
async fn a_wrong_method_is_told_which_are_right() {
    let shop = Shop::open().await;
    let reply = shop.guest().delete("/api/v1/orders").send().await.expect_problem(405, "method_not_allowed");
    let allow = reply.header("allow").expect("Allow stands beside 405");
    assert!(allow.contains("GET") && allow.contains("POST") && !allow.contains("DELETE"), "{allow}");
    shop.guest().request(Method::PATCH, "/healthz").send().await.expect_problem(405, "method_not_allowed");
    shop.close().await;
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused_by_its_media_type_first() {
    let shop = Shop::open().await;
    let login = || shop.guest().post("/api/v1/auth/login");
    login().bytes("text/plain", "{}").send().await.expect_problem(415, "unsupported_media_type");
    login().bytes("application/x-www-form-urlencoded", "a=b").send().await.expect_problem(415, "unsupported_media_type");
    login().bytes("application/json", "{").send().await.expect_problem(400, "bad_json");
    login().bytes("application/json; charset=utf-8", "nonsense").send().await.expect_problem(400, "bad_json");
    login().bytes("application/json;charset=\"UTF-8\"", "nonsense").send().await.expect_problem(400, "bad_json");
    login().bytes("application/json; charset=utf-16", "{}").send().await.expect_problem(415, "unsupported_media_type");
    shop.close().await;
}

#[tokio::test]
async fn a_body_that_names_a_field_twice_does_nothing() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let body = format!(r#"{{"items": [{{"productId": "{}", "quantity": 2, "quantity": 3}}]}}"#, bread.id);
    let refused = shop.guest().post("/api/v1/cart").bytes("application/json", body).send().await;
    let refused = refused.expect_problem(400, "bad_json");
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains("\"quantity\" twice")), "{refused:?}");
    assert_eq!(shop.count("select count(*) from carts").await, 0);
    shop.close().await;
}

#[tokio::test]
async fn who_lacks_an_order_or_a_cart_is_told_which_token_opens_it() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(10).create().await;
    let order = shop.guest().order().line(&bread, 1).pickup().place().await;
    let told = |refused: &crate::harness::Reply, header: &str| {
        assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains(header)), "{refused:?}");
    };
    told(&shop.guest().get(&order.path()).send().await.expect_problem(401, "unauthenticated"), "X-Order-Token");
    let wrong = shop.guest().get(&order.path()).header("x-order-token", "another").send().await;
    told(&wrong.expect_problem(404, "not_found"), "X-Order-Token");
    let items = json!({ "items": [{ "productId": bread.id, "quantity": 1 }] });
    let cart = shop.guest().post("/api/v1/cart").json(&items).send().await.expect(201);
    let line = format!("/api/v1/cart/items/{}", cart["items"][0]["id"].as_str().expect("an id"));
    told(&shop.guest().delete(&line).send().await.expect_problem(404, "not_found"), "X-Cart-Token");
    shop.close().await;
}

#[tokio::test]
async fn a_body_of_two_megabytes_is_refused_and_the_answer_arrives() {
    let shop = Shop::open().await;
    let body = json!({ "email": "a".repeat(2 << 20), "password": "x" });
    shop.guest().post("/api/v1/auth/login").json(&body).send().await.expect_problem(413, "body_too_large");
    // The size counts before the media type.
    let large = vec![b' '; 2 << 20];
    shop.guest().post("/api/v1/auth/login").bytes("text/plain", large).send().await.expect_problem(413, "body_too_large");
    shop.close().await;
}

#[tokio::test]
async fn every_fault_of_a_body_is_named_at_once() {
    let shop = Shop::open().await;
    let body = json!({ "name": "", "email": "nobody", "password": "short", "colour": "red" });
    let reply = shop.guest().post("/api/v1/auth/register").json(&body).send().await.expect(422);
    let fields = reply.fields();
    for field in ["name", "email", "phone", "password", "colour"] {
        assert!(fields.contains(&field), "{field} is not named: {reply:?}");
    }
    shop.close().await;
}

#[tokio::test]
async fn an_unknown_field_or_parameter_is_named() {
    let shop = Shop::open().await;
    let body = json!({ "email": "a@example.com", "password": "long-enough-1", "pasword": "x" });
    shop.guest().post("/api/v1/auth/login").json(&body).send().await.expect_field("pasword");
    shop.guest().get("/api/v1/products?colour=red").send().await.expect_field("colour");
    let customer = shop.customer("Layla").await;
    customer.get("/api/v1/auth/me?colour=red").send().await.expect_field("colour");
    shop.close().await;
}

#[tokio::test]
async fn a_request_id_comes_back_and_a_bad_one_is_replaced() {
    let shop = Shop::open().await;
    let reply = shop.guest().get("/api/v1/nothing").header("x-request-id", "shelf-7.a_B").send().await.expect(404);
    assert_eq!(reply.header("x-request-id"), Some("shelf-7.a_B"));
    assert_eq!(reply["requestId"], "shelf-7.a_B");
    let long = "x".repeat(65);
    for bad in ["two words", "semi;colon", long.as_str()] {
        let reply = shop.guest().get("/healthz").header("x-request-id", bad).send().await.expect(200);
        let ours = reply.header("x-request-id").expect("there always is one");
        assert_ne!(ours, bad);
    }
    let first = shop.guest().see("/healthz").await;
    let second = shop.guest().see("/healthz").await;
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
    shop.close().await;
}

#[tokio::test]
async fn a_malformed_id_is_nobodys_404() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    for id in ["1", "not-an-id", "00000000-0000-0000-0000-00000000000g", "%00"] {
        staff.get(&format!("/api/v1/orders/{id}")).send().await.expect_problem(404, "not_found");
        shop.guest().get(&format!("/api/v1/products/{id}")).send().await.expect_problem(404, "not_found");
        staff.get(&format!("/api/v1/inventory/{id}/log")).send().await.expect_problem(404, "not_found");
    }
    shop.close().await;
}

#[tokio::test]
async fn before_an_owner_exists_only_health_answers() {
    let shop = Shop::open_without_owner(&[]).await;
    let guest = shop.guest();
    guest.see("/healthz").await;
    assert_eq!(guest.see("/readyz").await["status"], "setup");
    for path in ["/api/v1/products", "/api/v1/categories", "/api/v1/orders", "/api/v1/inventory", "/api/v1/auth/me"] {
        guest.get(path).send().await.expect_problem(503, "setup_required");
    }
    let body = json!({ "name": "Eve", "email": "eve@example.com", "phone": "+962790000009", "password": "first-come-first" });
    let reply = guest.post("/api/v1/auth/register").json(&body).send().await.expect_problem(503, "setup_required");
    assert!(reply["detail"].as_str().is_some_and(|detail| detail.contains("bayader admin create")), "{reply:?}");
    // A route that is not there is not there, set up or not.
    guest.get("/api/v1/nothing").send().await.expect_problem(404, "not_found");
    shop.close().await;
}

#[tokio::test]
async fn a_shop_with_an_owner_is_ready() {
    let shop = Shop::open().await;
    let reply = shop.guest().see("/readyz").await;
    assert_ne!(reply["status"], "setup");
    shop.close().await;
}

#[tokio::test]
async fn problems_speak_arabic_to_who_asks_for_it() {
    let shop = Shop::open().await;
    let ask = |language: &'static str| shop.guest().get("/api/v1/nothing").header("accept-language", language);
    assert_eq!(ask("ar").send().await.expect(404)["title"], "لا يوجد شيء بهذا العنوان");
    assert_eq!(ask("ar-JO,en;q=0.5").send().await.expect(404)["title"], "لا يوجد شيء بهذا العنوان");
    assert_eq!(ask("en").send().await.expect(404)["title"], "There is no such thing here");
    assert_eq!(ask("fr").send().await.expect(404)["title"], "There is no such thing here");
    shop.close().await;
}

#[tokio::test]
async fn the_document_is_served_as_it_is_generated() {
    let shop = Shop::open().await;
    let reply = shop.guest().see("/api/v1/openapi.json").await;
    assert_eq!(reply.body, bayader::app::openapi());
    assert_eq!(reply["openapi"], "3.1.0");
    shop.close().await;
}

#[tokio::test]
async fn a_header_that_is_not_ascii_is_wrong_and_not_missing() {
    let shop = Shop::open().await;
    let owner = shop.owner();
    let bread = shop.product("Bread").stock(5).create().await;
    let order = shop.guest().order().line(&bread, 1).pickup().place().await;
    shop.guest().get(&order.path()).header("x-order-token", "خبز").send().await.expect_problem(404, "not_found");
    shop.guest().get(&order.path()).send().await.expect_problem(401, "unauthenticated");
    let body = json!({ "name": "Bread", "category": "bakery", "price": "1.000" });
    let put = owner.put(&format!("/api/v1/products/{}", bread.id)).header("if-match", "خبز").json(&body);
    put.send().await.expect_problem(412, "stale");
    shop.close().await;
}

#[tokio::test]
async fn a_body_that_is_no_object_is_told_so_in_a_sentence() {
    let shop = Shop::open().await;
    let reply = shop.guest().post("/api/v1/auth/login").json(&json!([])).send().await.expect(422);
    assert_eq!(reply["detail"], "the body must be an object");
    shop.close().await;
}

#[tokio::test]
async fn head_is_answered_as_get_is() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(5).create().await;
    let order = shop.guest().order().line(&bread, 1).place().await;
    let tag = shop.guest().see("/api/v1/products").await.header("etag").expect("a tag").to_owned();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    for (path, known, status) in [
        ("/api/v1/products".to_owned(), "", 200),
        ("/api/v1/products".to_owned(), tag.as_str(), 304),
        (format!("{}?token={}", order.path(), order.token()), "", 200),
        (format!("{}?token=x", order.path()), "", 404),
        ("/api/v1/auth/me".to_owned(), "", 401),
        ("/api/v1/categories?colour=red".to_owned(), "", 422),
    ] {
        for method in [reqwest::Method::GET, reqwest::Method::HEAD] {
            let ask = client.request(method.clone(), format!("http://{}{path}", shop.address())).header("if-none-match", known);
            assert_eq!(ask.send().await.expect("an answer").status().as_u16(), status, "{method} {path}");
        }
    }
    shop.close().await;
}
