//! The order's page as a browser without scripts sees it: links, forms, cookies, redirects.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::redirect::Policy;
use serde_json::json;

use crate::harness::test_gateway::{Act, Op, TESTPAY, TestGateway};
use crate::harness::{Order, Reply, Seen, Shop};

/// A browser in which scripts are off: it keeps cookies by their path and follows nothing by itself.
struct Browser<'s> {
    shop: &'s Shop,
    http: reqwest::Client,
    headers: Vec<(&'static str, String)>,
    cookies: Vec<(String, String)>,
}

impl<'s> Browser<'s> {
    fn at(shop: &'s Shop) -> Browser<'s> {
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().expect("a client can be made");
        Browser { shop, http, headers: Vec::new(), cookies: Vec::new() }
    }

    fn speaking(self, language: &str) -> Browser<'s> {
        self.saying("accept-language", language)
    }

    fn saying(mut self, name: &'static str, value: &str) -> Browser<'s> {
        self.headers.push((name, value.to_owned()));
        self
    }

    async fn send(&mut self, method: Method, path: &str, form: Option<&[(&str, &str)]>) -> Reply {
        let wire = &self.shop.wire;
        let mut request = self.http.request(method.clone(), format!("{}{path}", wire.base));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let own_path = path.split('?').next().unwrap_or(path);
        for (_, pair) in self.cookies.iter().filter(|(root, _)| own_path.starts_with(root.as_str())) {
            request = request.header("cookie", pair);
        }
        if let Some(form) = form {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
            request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        }
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        // As a browser reads it.
        let text = answer.text().await.expect("a text").replace("&#x2f;", "/").replace("&#x27;", "'");
        let reply = Reply {
            asked: format!("{method} {path}"),
            status,
            headers,
            body: serde_json::Value::Null,
            bytes: Vec::new(),
            text,
        };
        if let Some(cookie) = reply.header("set-cookie") {
            let mut parts = cookie.split("; ");
            let pair = parts.next().expect("a pair").to_owned();
            let path = parts.find_map(|part| part.strip_prefix("Path=")).expect("a path").to_owned();
            self.cookies.retain(|(root, _)| *root != path);
            self.cookies.push((path, pair));
        }
        wire.seen.lock().expect("no panic").push(Seen::of(&method, path, &reply));
        reply
    }

    async fn get(&mut self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await
    }

    async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Reply {
        self.send(Method::POST, path, Some(form)).await
    }

    /// The page at which it arrives from an address of the shop.
    async fn open(&mut self, path: &str) -> Reply {
        let mut path = path.to_owned();
        for _ in 0..5 {
            let reply = self.get(&path).await;
            if reply.status != 303 {
                return reply;
            }
            reply.header("location").expect("a place").clone_into(&mut path);
        }
        panic!("{path} leads round and round");
    }
}

/// What the page's forms prove themselves with.
fn key(page: &Reply) -> String {
    let (_, rest) = page.text.split_once("name=\"key\" value=\"").unwrap_or_else(|| panic!("no form: {page:?}"));
    rest.split('"').next().expect("a value").to_owned()
}

/// The ways to pay that the page offers.
fn ways(page: &Reply) -> Vec<String> {
    page.text.split("name=\"method\" value=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or("").to_owned()).collect()
}

#[track_caller]
fn expect_page(reply: &Reply, status: u16, language: &str) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"), "{reply:?}");
    assert_eq!((reply.header("cache-control"), reply.header("referrer-policy")), (Some("no-store"), Some("no-referrer")));
    let policy = reply.header("content-security-policy").expect("a page has a policy");
    assert!(policy.starts_with("default-src 'none'") && policy.contains("form-action 'self'"), "{policy}");
    let direction = if language == "ar" { "rtl" } else { "ltr" };
    assert!(reply.text.contains(&format!("<html lang=\"{language}\" dir=\"{direction}\">")), "{reply:?}");
    assert!(!reply.text.contains("<script"), "{reply:?}");
}

#[track_caller]
fn says(page: &Reply, words: &[&str]) {
    for word in words {
        assert!(page.text.contains(word), "{word} is not said: {page:?}");
    }
}

/// A guest's order of two breads, and the path of its link.
async fn ordered(shop: &Shop, method: &str) -> (Order, String) {
    let bread = shop.product("Bread").price("1.250").stock(20).create().await;
    let reply = shop.guest().order().line(&bread, 2).pickup().field("paymentMethod", method).send().await.expect(201);
    let url = reply["orderUrl"].as_str().expect("a link");
    let path = url.split_once("/o/").map(|(_, rest)| format!("/o/{rest}")).expect("a page's address");
    (Order::of(&reply), path)
}

async fn status(shop: &Shop, order: &Order) -> (String, String) {
    let body = shop.admin().order_of(order).await;
    let text = |name: &str| body[name].as_str().expect("a text").to_owned();
    (text("status"), text("paymentStatus"))
}

#[tokio::test]
async fn the_token_of_a_link_becomes_a_cookie_and_leaves_the_address_bar() {
    let shop = Shop::open().await;
    let (order, link) = ordered(&shop, "cash").await;
    assert_eq!(link, format!("/o/{}?token={}", order.id, order.token()));
    let mut browser = Browser::at(&shop);
    let led = browser.get(&link).await;
    assert_eq!((led.status, led.header("location")), (303, Some(format!("/o/{}", order.id).as_str())));
    assert_eq!((led.header("cache-control"), led.header("referrer-policy")), (Some("no-store"), Some("no-referrer")));
    let cookie = led.header("set-cookie").expect("a cookie");
    for lock in ["HttpOnly", "SameSite=Lax", &format!("Path=/o/{}", order.id)] {
        assert!(cookie.contains(lock), "{cookie}");
    }
    let page = browser.get(&format!("/o/{}?utm_source=a-newsletter", order.id)).await;
    expect_page(&page, 200, "en");
    assert!(!page.text.contains(order.token()), "the token stands on the page");
    says(&page, &[&order.number, "2.500", "JOD", "Waiting for the shop", "Unpaid", "In cash, at pickup.", "Bread"]);
    // In the other language, by the link itself too.
    let led = Browser::at(&shop).get(&format!("{link}&lang=ar")).await;
    assert_eq!(led.header("location"), Some(format!("/o/{}?lang=ar", order.id).as_str()));
    let arabic = browser.get(&format!("/o/{}?lang=ar", order.id)).await;
    expect_page(&arabic, 200, "ar");
    says(&arabic, &[&order.number, "بانتظار التأكيد", "غير مدفوع", "د.أ", &format!("href=\"/o/{}/cancel?lang=ar\"", order.id)]);
    let mut reader = Browser::at(&shop).speaking("ar-JO");
    expect_page(&reader.open(&link).await, 200, "ar");
    shop.close().await;
}

#[tokio::test]
async fn a_customers_link_bears_the_token_and_staffs_does_not() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").stock(20).create().await;
    let url = |reply: Reply| reply["orderUrl"].as_str().expect("a link").to_owned();
    let customer = shop.customer("Layla").await;
    let theirs = customer.order().line(&bread, 1).send().await.expect(201);
    assert!(theirs["accessToken"].is_null(), "{theirs:?}");
    let link = url(theirs);
    let path = link.split_once("/o/").map(|(_, rest)| format!("/o/{rest}")).expect("a page");
    expect_page(&Browser::at(&shop).open(&path).await, 200, "en");
    assert!(!url(shop.staff().await.order().line(&bread, 1).send().await.expect(201)).contains("token"));
    // Kept for the key, the answer holds no token; the replay tells the same link.
    let key = "one-order-only-0001";
    let order = customer.order().line(&bread, 1).key(key);
    let first = url(order.clone().send().await.expect(201));
    assert_eq!(url(order.send().await.expect(201)), first);
    let token = first.split_once("token=").expect("a token").1;
    assert!(!shop.file_holds(token), "the token lies in the books");
    shop.close().await;
}

#[tokio::test]
async fn who_does_not_hold_the_link_reads_a_page_that_says_so() {
    let shop = Shop::open().await;
    let (order, link) = ordered(&shop, "cash").await;
    let (other, _) = ordered(&shop, "cash").await;
    let mut stranger = Browser::at(&shop);
    let page = format!("/o/{}", order.id);
    let refused = stranger.get(&page).await;
    expect_page(&refused, 401, "en");
    says(&refused, &["Open this page by your own link"]);
    let wrong = stranger.get(&format!("{page}?token={}", other.token())).await;
    expect_page(&wrong, 404, "en");
    says(&wrong, &["This link opens no order"]);
    assert!(stranger.cookies.is_empty(), "a wrong token is no cookie");
    expect_page(&stranger.get(&format!("{page}?token=&lang=ar")).await, 404, "ar");
    for nothing in ["/o/01936000-0000-7000-8000-000000000000?token=x", "/o/1?token=x", "/o/..%2fadmin?token=x"] {
        expect_page(&stranger.get(nothing).await, 404, "en");
    }
    // One order's cookie is none of another's, even if it is sent there.
    stranger.cookies.push((format!("/o/{}", other.id), format!("bayader_order={}", order.token())));
    expect_page(&stranger.get(&format!("/o/{}", other.id)).await, 404, "en");
    stranger.cookies.push((page.clone(), format!("bayader_order={0}; bayader_order={0}", order.token())));
    expect_page(&stranger.get(&page).await, 404, "en");
    // Over HTTPS a cookie without the prefix may have come from anywhere; here the prefixed one does not count.
    stranger.cookies = vec![(page.clone(), format!("__Secure-bayader_order={}", order.token()))];
    expect_page(&stranger.get(&page).await, 401, "en");
    shop.admin().move_order_through(&order, &["Confirmed", "Preparing", "ReadyForPickup", "Delivered"]).await;
    let mut buyer = Browser::at(&shop);
    says(&buyer.open(&link).await, &["Delivered", "Paid"]);
    shop.advance(Duration::from_secs(91 * 86_400));
    for late in [buyer.get(&page).await, buyer.get(&link).await] {
        expect_page(&late, 410, "en");
        says(&late, &["This link has ended"]);
    }
    shop.close().await;
}

#[tokio::test]
async fn what_was_typed_is_shown_and_never_obeyed() {
    let shop = Shop::open().await;
    let nasty = "<b>Ka'ak</b> \"&amp;\" {{ 7777*7777 }}";
    let bread = shop.product(nasty).stock(9).create().await;
    let order = shop.guest().order().line(&bread, 1).field("notes", "</section><script>alert(1)</script>\nring twice");
    let order = Order::of(&order.send().await.expect(201));
    let page = Browser::at(&shop).open(&format!("/o/{}?token={}", order.id, order.token())).await;
    expect_page(&page, 200, "en");
    assert!(
        !page.text.contains("<b>Ka") && !page.text.contains("60481729") && !page.text.contains("</section><script"),
        "{page:?}"
    );
    says(&page, &["&lt;b&gt;Ka", "{{ 7777*7777 }}", "ring twice"]);
    shop.close().await;
}

#[tokio::test]
async fn a_page_tells_the_due_time_by_the_shops_clock_and_every_sum() {
    let shop = Shop::open().await;
    let bread = shop.product("Bread").price("1.250").stock(9).create().await;
    let settings =
        json!({ "orders": { "deliveryFee": "1.500" }, "version": shop.admin().see("/api/v1/admin/settings").await["version"] });
    shop.admin().put("/api/v1/admin/settings").json(&settings).send().await.expect(200);
    let order = shop.guest().order().line(&bread, 2).delivery().field(
        "deliveryInfo",
        json!({ "address": { "line1": "Rainbow Street 12", "city": "Amman" }, "date": "2026-11-26", "time": "09:30" }),
    );
    let order = Order::of(&order.send().await.expect(201));
    let page = Browser::at(&shop).open(&format!("/o/{}?token={}", order.id, order.token())).await;
    says(
        &page,
        &["09:30", "Tomorrow, Thursday 26 November", "1.500", "2.500", "4.000", "Rainbow Street 12", "In cash, at the door."],
    );
    let arabic = Browser::at(&shop).open(&format!("/o/{}?token={}&lang=ar", order.id, order.token())).await;
    says(&arabic, &["غدًا، الخميس 26 تشرين الثاني", "أجرة التوصيل", "نقدًا عند التوصيل."]);
    shop.close().await;
}

#[tokio::test]
async fn an_order_is_cancelled_in_two_steps_and_by_its_own_form_alone() {
    let shop = Shop::open().await;
    let (order, link) = ordered(&shop, "cash").await;
    let mut buyer = Browser::at(&shop);
    let page = buyer.open(&link).await;
    let path = format!("/o/{}/cancel", order.id);
    says(&page, &[&format!("href=\"{path}\"")]);
    let asked = buyer.get(&path).await;
    expect_page(&asked, 200, "en");
    says(&asked, &[&order.number, "Keep the order", "This cannot be taken back."]);
    assert_eq!(status(&shop, &order).await.0, "Pending", "asking changes nothing");
    let key = key(&asked);
    let mut stranger = Browser::at(&shop);
    expect_page(&stranger.post(&path, &[("key", &key)]).await, 401, "en");
    expect_page(&buyer.post(&path, &[("key", "a-guess")]).await, 403, "en");
    expect_page(&buyer.post(&path, &[]).await, 422, "en");
    expect_page(&buyer.post(&path, &[("key", &key), ("refund", "false")]).await, 422, "en");
    for (name, value) in [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example")]
    {
        let mut evil = Browser::at(&shop).saying(name, value);
        evil.cookies.clone_from(&buyer.cookies);
        let refused = evil.post(&path, &[("key", &key)]).await;
        expect_page(&refused, 403, "en");
        says(&refused, &["This was not sent from the order's own page"]);
    }
    let json = shop.guest().post(&path).json(&json!({ "key": key })).send().await;
    expect_page(&json, 415, "en");
    assert_eq!(status(&shop, &order).await.0, "Pending");
    // A page that sends no referrer says `Origin: null`, and over plain HTTP nothing more.
    let mut own = Browser::at(&shop).saying("origin", "null");
    own.cookies.clone_from(&buyer.cookies);
    let done = own.post(&path, &[("key", &key)]).await;
    assert_eq!((done.status, done.header("location")), (303, Some(format!("/o/{}", order.id).as_str())));
    assert_eq!(status(&shop, &order).await.0, "Cancelled");
    let page = buyer.open(&format!("/o/{}", order.id)).await;
    says(&page, &["Cancelled", "Nothing to pay"]);
    assert!(ways(&page).is_empty() && !page.text.contains("/cancel\""), "{page:?}");
    // Sent again it changes nothing, and says so.
    says(&buyer.open(&path).await, &["This could not be done."]);
    let again = buyer.post(&path, &[("key", &key)]).await;
    assert_eq!((again.status, again.header("location")), (303, Some(format!("/o/{}?said=refused", order.id).as_str())));
    shop.close().await;
}

#[tokio::test]
async fn one_orders_form_key_is_none_of_another() {
    let shop = Shop::open().await;
    let (_, first) = ordered(&shop, "cash").await;
    let (second, link) = ordered(&shop, "cash").await;
    let mut buyer = Browser::at(&shop);
    let page = buyer.open(&first).await;
    let foreign = buyer.get(&format!("{}/cancel", first.split('?').next().expect("a path"))).await;
    buyer.open(&link).await;
    let refused = buyer.post(&format!("/o/{}/cancel", second.id), &[("key", &key(&foreign))]).await;
    expect_page(&refused, 403, "en");
    assert_eq!(status(&shop, &second).await.0, "Pending");
    drop(page);
    shop.close().await;
}

#[tokio::test]
async fn too_many_requests_are_told_on_a_page_too() {
    let variables = [
        ("BAYADER_RATE_LIMIT__ENABLED", "true"),
        ("BAYADER_RATE_LIMIT__PUBLIC__BURST", "5"),
        ("BAYADER_RATE_LIMIT__PUBLIC__PER_MINUTE", "1"),
    ];
    let shop = Shop::open_with(&variables).await;
    let mut stranger = Browser::at(&shop).speaking("ar");
    let mut last = stranger.get("/pay/return").await;
    for _ in 0..6 {
        last = stranger.get("/pay/return").await;
    }
    expect_page(&last, 429, "ar");
    assert!(last.header("retry-after").is_some());
    shop.close().await;
}

#[tokio::test]
async fn a_shop_that_nobody_owns_says_so_on_a_page() {
    let shop = Shop::open_without_owner(&[]).await;
    expect_page(&Browser::at(&shop).get("/o/01936000-0000-7000-8000-000000000000").await, 503, "en");
    shop.close().await;
}

/// A shop with the gateway in the test's hand.
async fn with_gateway(variables: &[(&str, &str)]) -> (Shop, Arc<TestGateway>) {
    let gateway = TestGateway::new().shared();
    let shop = Shop::open_with_gateways(variables, vec![Arc::clone(&gateway) as _]).await;
    gateway.use_clock(&shop.clock);
    (shop, gateway)
}

/// The path of the way back from the gateway, for its last sale.
fn way_back(shop: &Shop, gateway: &TestGateway, page: &str) -> String {
    let payment = gateway.sales().last().expect("a sale").payment;
    format!("/pay/{page}?tx={payment}&k={}", shop.inner().keys.return_key(payment))
}

/// Presses a way to pay.
async fn press(browser: &mut Browser<'_>, order: &Order, page: &Reply, method: &str) -> Reply {
    browser.post(&format!("/o/{}/pay", order.id), &[("key", &key(page)), ("method", method)]).await
}

#[tokio::test]
async fn a_buyer_pays_comes_back_and_reads_that_it_is_paid() {
    let (shop, gateway) = with_gateway(&[]).await;
    let (order, link) = ordered(&shop, TESTPAY).await;
    let mut buyer = Browser::at(&shop);
    let page = buyer.open(&link).await;
    says(&page, &["Waiting for payment", "Unpaid", "To pay", "2.500", "The order is kept for you until"]);
    assert_eq!(ways(&page), [TESTPAY, "cash"]);
    assert!(buyer.get(&format!("/o/{}/pay", order.id)).await.header("location") == Some(&format!("/o/{}", order.id)));
    let handing = press(&mut buyer, &order, &page, TESTPAY).await;
    expect_page(&handing, 200, "en");
    let url = format!("https://testpay.example/{}", gateway.sales().last().expect("a sale").reference);
    says(&handing, &[&format!("content=\"0;url={url}\""), &format!("href=\"{url}\"")]);
    let payment = gateway.sales().last().expect("a sale").payment.to_string();
    // Pressed twice it is the same attempt.
    says(&press(&mut buyer, &order, &page, TESTPAY).await, &[&url]);
    assert_eq!(gateway.sales().len(), 1);
    gateway.pay(&payment);
    assert_eq!(status(&shop, &order).await.1, "Pending", "nobody has asked yet");
    // The gateway sends them back in a browser that has no cookie of ours, with words of its own in the address.
    let mut back = Browser::at(&shop);
    let led = back.get(&format!("{}&session_id=cs_1&tx=2", way_back(&shop, &gateway, "return"))).await;
    assert_eq!((led.status, led.header("location")), (303, Some(format!("/o/{}?back=1", order.id).as_str())));
    assert!(led.header("set-cookie").is_some_and(|cookie| cookie.contains(&format!("Path=/o/{}", order.id))));
    let page = back.open(&format!("/o/{}?back=1", order.id)).await;
    expect_page(&page, 200, "en");
    says(&page, &["Confirmed", "Paid"]);
    assert!(ways(&page).is_empty() && page.header("refresh").is_none(), "{page:?}");
    assert_eq!(status(&shop, &order).await, ("Confirmed".to_owned(), "Paid".to_owned()));
    // What was paid is not paid again, whatever an old page sends.
    let asked = gateway.asked(Op::Start);
    let cancel = back.get(&format!("/o/{}/cancel", order.id)).await;
    says(&cancel, &["What was paid goes back the way it came:", "2.500"]);
    let again = press(&mut back, &order, &cancel, TESTPAY).await;
    assert_eq!((again.status, gateway.asked(Op::Start)), (303, asked), "{again:?}");
    // Cancelled, the money goes back.
    back.post(&format!("/o/{}/cancel", order.id), &[("key", &key(&cancel))]).await.expect(303);
    let page = back.open(&format!("/o/{}", order.id)).await;
    says(&page, &["Cancelled", "2.500"]);
    shop.close().await;
}

#[tokio::test]
async fn who_comes_back_without_having_paid_can_try_again_or_pay_otherwise() {
    let (shop, gateway) = with_gateway(&[]).await;
    let (order, link) = ordered(&shop, TESTPAY).await;
    let mut buyer = Browser::at(&shop);
    let page = buyer.open(&link).await;
    press(&mut buyer, &order, &page, TESTPAY).await.expect(200);
    let before = shop.admin().order_of(&order).await;
    let left = buyer.open(&way_back(&shop, &gateway, "cancel")).await;
    says(&left, &["It is not paid yet.", "Nothing was charged.", "Go on to pay: "]);
    assert_eq!(shop.admin().order_of(&order).await, before, "leaving changes nothing");
    let payment = gateway.sales().last().expect("a sale").payment.to_string();
    gateway.expire(&payment);
    let failed = buyer.open(&way_back(&shop, &gateway, "return")).await;
    says(&failed, &["The payment did not go through.", "Pay now: "]);
    let cash = press(&mut buyer, &order, &failed, "cash").await;
    assert_eq!((cash.status, cash.header("location")), (303, Some(format!("/o/{}", order.id).as_str())));
    let page = buyer.open(&format!("/o/{}", order.id)).await;
    says(&page, &["In cash, at pickup.", "Or pay in another way:"]);
    assert_eq!(ways(&page), [TESTPAY]);
    // A way that is not offered is not taken.
    let refused = press(&mut buyer, &order, &page, "card_machine").await;
    assert_eq!(refused.header("location"), Some(format!("/o/{}?said=refused", order.id).as_str()));
    shop.close().await;
}

#[tokio::test]
async fn a_gateway_that_says_nothing_is_waited_for_on_the_page() {
    let (shop, gateway) = with_gateway(&[]).await;
    let (order, link) = ordered(&shop, TESTPAY).await;
    let mut buyer = Browser::at(&shop);
    let page = buyer.open(&link).await;
    gateway.next(Op::Start, [Act::NotSent]);
    let down = press(&mut buyer, &order, &page, TESTPAY).await;
    let place = down.header("location").expect("a place").to_owned();
    assert_eq!(place, format!("/o/{}?said=gateway", order.id));
    says(&buyer.open(&place).await, &["This way to pay does not answer now."]);
    press(&mut buyer, &order, &page, TESTPAY).await.expect(200);
    let payment = gateway.sales().last().expect("a sale").payment.to_string();
    gateway.pay(&payment);
    gateway.next(Op::Ask, [Act::UnclearBefore, Act::UnclearBefore]);
    let waiting = buyer.open(&way_back(&shop, &gateway, "return")).await;
    expect_page(&waiting, 200, "en");
    says(&waiting, &["Waiting for the bank's word.", "Please do not pay twice.", "Look again now"]);
    assert!(ways(&waiting).is_empty(), "nobody is asked to pay meanwhile: {waiting:?}");
    let next = format!("/o/{}?back=2", order.id);
    assert_eq!(waiting.header("refresh"), Some(format!("5;url={next}").as_str()));
    let still = buyer.open(&next).await;
    says(&still, &["Waiting for the bank's word."]);
    let paid = buyer.open(&format!("/o/{}?back=3", order.id)).await;
    says(&paid, &["Confirmed", "Paid"]);
    assert!(paid.header("refresh").is_none());
    shop.close().await;
}

#[tokio::test]
async fn the_page_looks_again_only_so_often() {
    let (shop, gateway) = with_gateway(&[]).await;
    let (order, link) = ordered(&shop, TESTPAY).await;
    let mut buyer = Browser::at(&shop);
    let page = buyer.open(&link).await;
    press(&mut buyer, &order, &page, TESTPAY).await.expect(200);
    for many in ["12", "4294967295"] {
        let waiting = buyer.open(&format!("/o/{}?back={many}", order.id)).await;
        says(&waiting, &["Look again now"]);
        assert!(waiting.header("refresh").is_none(), "{waiting:?}");
    }
    let odd = buyer.open(&format!("/o/{}?back=-1&said=%3Cb%3E", order.id)).await;
    assert!(!odd.text.contains("class=\"notice"), "{odd:?}");
    drop(gateway);
    shop.close().await;
}

#[tokio::test]
async fn a_way_back_is_its_payments_alone_and_leads_nowhere_else() {
    let (shop, gateway) = with_gateway(&[]).await;
    let (order, link) = ordered(&shop, TESTPAY).await;
    let mut buyer = Browser::at(&shop);
    let page = buyer.open(&link).await;
    press(&mut buyer, &order, &page, TESTPAY).await.expect(200);
    let payment = gateway.sales().last().expect("a sale").payment;
    let own = way_back(&shop, &gateway, "return");
    let mut stranger = Browser::at(&shop);
    for path in ["return", "cancel"] {
        expect_page(&stranger.get(&format!("/pay/{path}?tx={payment}")).await, 401, "en");
        for wrong in [
            format!("/pay/{path}?tx={payment}&k={}", order.token()),
            format!("/pay/{path}?tx=01936000-0000-7000-8000-000000000000&k=x"),
            format!("/pay/{path}?k=x"),
            format!("/pay/{path}?tx=1&k=x&lang=en"),
        ] {
            expect_page(&stranger.get(&wrong).await, 404, "en");
        }
    }
    assert!(stranger.cookies.is_empty());
    let elsewhere = stranger.get(&format!("{own}&to=https%3A%2F%2Fevil.example%2F")).await;
    assert_eq!(elsewhere.header("location"), Some(format!("/o/{}?back=1", order.id).as_str()));
    shop.close().await;
}

#[tokio::test]
async fn a_storefront_gets_its_buyers_back_without_any_token() {
    let variables = [
        ("BAYADER_SERVER__RETURN_URL", "https://bakery.example/thanks"),
        ("BAYADER_SERVER__CORS_ORIGINS", "https://app.bakery.example"),
    ];
    let (shop, gateway) = with_gateway(&variables).await;
    let (order, link) = ordered(&shop, TESTPAY).await;
    let mut buyer = Browser::at(&shop);
    let page = buyer.open(&link).await;
    press(&mut buyer, &order, &page, TESTPAY).await.expect(200);
    gateway.pay(&gateway.sales().last().expect("a sale").payment.to_string());
    let own = way_back(&shop, &gateway, "return");
    let led = buyer.get(&own).await;
    let thanks = format!("https://bakery.example/thanks?orderId={}&paymentStatus=Paid", order.id);
    assert_eq!((led.status, led.header("location")), (303, Some(thanks.as_str())));
    let to = format!("{own}&to=https%3A%2F%2Fapp.bakery.example%2Fdone");
    let done = format!("https://app.bakery.example/done?orderId={}&paymentStatus=Paid", order.id);
    assert_eq!(buyer.get(&to).await.header("location"), Some(done.as_str()));
    shop.close().await;
}

#[tokio::test]
async fn a_transfer_is_told_where_to_go() {
    let shop = Shop::open().await;
    let admin = shop.admin();
    let mut settings = admin.see("/api/v1/admin/settings").await.body;
    settings["shop"]["transferDetails"] = "CliQ: BAYADER\nBank of Amman".into();
    let shop_section = settings["shop"].clone();
    let change = json!({ "shop": shop_section, "paymentMethods": { "transfer": true }, "version": settings["version"] });
    admin.put("/api/v1/admin/settings").json(&change).send().await.expect(200);
    let (order, link) = ordered(&shop, "transfer").await;
    let mut buyer = Browser::at(&shop).speaking("ar");
    let page = buyer.open(&link).await;
    says(&page, &["بانتظار الحوالة", "CliQ: BAYADER", "Bank of Amman", &order.number, "تُحوَّل القيمة إلى"]);
    assert_eq!(ways(&page), ["cash"]);
    shop.close().await;
}

/// Eight seconds are waited, no longer; the gateway is asked to the end all the same.
#[tokio::test]
async fn a_slow_gateway_keeps_no_buyer_waiting() {
    let (shop, gateway) = with_gateway(&[]).await;
    let (order, link) = ordered(&shop, TESTPAY).await;
    let mut buyer = Browser::at(&shop);
    let page = buyer.open(&link).await;
    press(&mut buyer, &order, &page, TESTPAY).await.expect(200);
    gateway.pay(&gateway.sales().last().expect("a sale").payment.to_string());
    gateway.next(Op::Ask, [Act::Hang]);
    let began = std::time::Instant::now();
    let led = buyer.get(&way_back(&shop, &gateway, "return")).await;
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert_eq!(led.header("location"), Some(format!("/o/{}?back=1", order.id).as_str()));
    gateway.release();
    let paid = buyer.open(&format!("/o/{}?back=2", order.id)).await;
    says(&paid, &["Confirmed", "Paid"]);
    shop.close().await;
}

/// Who holds a link may open it as often as they like; the gateway hears one question at a time of it.
#[tokio::test]
async fn a_page_that_is_opened_often_asks_the_gateway_once_at_a_time() {
    let (shop, gateway) = with_gateway(&[]).await;
    let (order, link) = ordered(&shop, TESTPAY).await;
    let mut buyer = Browser::at(&shop);
    let page = buyer.open(&link).await;
    press(&mut buyer, &order, &page, TESTPAY).await.expect(200);
    let back = way_back(&shop, &gateway, "return");
    gateway.next(Op::Ask, [Act::Hang]);
    let (mut first, mut second) = (Browser::at(&shop), Browser::at(&shop));
    let (first, ()) = tokio::join!(first.get(&back), async {
        gateway.reach(Op::Ask, 1).await;
        let again = tokio::time::timeout(Duration::from_millis(300), second.get(&back)).await;
        assert!(again.is_err(), "it waits for the answer that is on its way: {again:?}");
        assert_eq!(gateway.asked(Op::Ask), 1);
        gateway.release();
    });
    assert_eq!(first.status, 303);
    // It is over: the next look asks anew.
    assert_eq!(buyer.get(&back).await.status, 303);
    assert_eq!(gateway.asked(Op::Ask), 2);
    shop.close().await;
}
