//! Orders paid through MyFatoorah and Paymob, from the checkout to the message, over the real routes.

use std::time::Duration;

use axum::http::HeaderMap;
use serde_json::{Value, json};

use crate::doubles::faults::Fault;
use crate::doubles::myfatoorah::{self, MyFatoorahDouble};
use crate::doubles::paymob::{self, PaymobDouble, Try};
use crate::harness::{Order, Product, Reply, Shop};

const PUBLIC_URL: (&str, &str) = ("BAYADER_SERVER__PUBLIC_URL", "https://shop.example");

/// A shop with one of the gateways, and bread.
struct Till {
    shop: Shop,
    bread: Product,
    method: &'static str,
}

impl Till {
    async fn open(method: &'static str, variables: &[(&str, &str)], price: &str) -> Till {
        let shop = Shop::open_with(variables).await;
        let bread = shop.product("Bread").price(price).stock(10).create().await;
        Till { shop, bread, method }
    }

    async fn of_myfatoorah(double: &MyFatoorahDouble) -> Till {
        let variables = [
            PUBLIC_URL,
            ("BAYADER_PAYMENTS__MYFATOORAH__API_TOKEN", myfatoorah::TOKEN),
            ("BAYADER_PAYMENTS__MYFATOORAH__WEBHOOK_SECRET", myfatoorah::SECRET),
            ("BAYADER_PAYMENTS__MYFATOORAH__COUNTRY", "JOR"),
            ("BAYADER_PAYMENTS__MYFATOORAH__BASE_URL", &double.url),
        ];
        Till::open("myfatoorah", &variables, "2.125").await
    }

    async fn of_paymob(double: &PaymobDouble) -> Till {
        let integration = paymob::INTEGRATION.to_string();
        let variables = [
            PUBLIC_URL,
            ("BAYADER_SHOP__CURRENCY", "EGP"),
            ("BAYADER_PAYMENTS__PAYMOB__SECRET_KEY", paymob::SECRET_KEY),
            ("BAYADER_PAYMENTS__PAYMOB__PUBLIC_KEY", paymob::PUBLIC_KEY),
            ("BAYADER_PAYMENTS__PAYMOB__API_KEY", paymob::API_KEY),
            ("BAYADER_PAYMENTS__PAYMOB__HMAC_SECRET", paymob::HMAC_SECRET),
            ("BAYADER_PAYMENTS__PAYMOB__INTEGRATION_IDS", &integration),
            ("BAYADER_PAYMENTS__PAYMOB__BASE_URL", &double.url),
        ];
        Till::open("paymob", &variables, "50.00").await
    }

    async fn order(&self) -> Order {
        self.shop.guest().order().line(&self.bread, 2).pickup().field("paymentMethod", self.method).place().await
    }

    async fn pay(&self, order: &Order) -> Reply {
        let body = json!({ "orderId": order.id, "paymentMethod": self.method });
        self.shop.guest().post("/api/v1/payments/checkout").header("x-order-token", order.token()).json(&body).send().await
    }

    async fn expect(&self, order: &Order, status: &str, payment: &str) {
        let seen: Value = self.shop.admin().order_of(order).await;
        assert_eq!((&seen["status"], &seen["paymentStatus"]), (&json!(status), &json!(payment)), "{seen}");
    }

    /// Takes a message in and has it understood.
    async fn hear(&self, path: &str, headers: &HeaderMap, body: &str) {
        let mut request = self.shop.guest().post(path).bytes("application/json", body);
        for (name, value) in headers {
            request = request.header(name.as_str(), value.to_str().expect("a text"));
        }
        request.send().await.expect(200);
        self.shop.advance(Duration::from_secs(1));
        self.shop.run_jobs().await;
    }
}

fn text(reply: &Reply, name: &str) -> String {
    reply[name].as_str().unwrap_or_else(|| panic!("{name} of {reply:?}")).to_owned()
}

#[tokio::test]
async fn an_order_is_paid_through_myfatoorah_once() {
    let double = MyFatoorahDouble::start("JOD").await;
    let till = Till::of_myfatoorah(&double).await;
    let order = till.order().await;
    let begun = till.pay(&order).await.expect(200);
    let again = till.pay(&order).await.expect(200);
    assert_eq!(text(&begun, "redirectUrl"), text(&again, "redirectUrl"), "one attempt at a time");
    assert!(text(&begun, "redirectUrl").contains("6389662-opens-it"));
    assert!(!till.shop.file_holds("opens-it"), "the link is not kept in the clear");
    assert_eq!(double.last(myfatoorah::SEND)["InvoiceValue"].to_string(), "4.250");

    double.try_to_pay("6389662", "Failed");
    let (headers, body) = double.payment_message("6389662");
    till.hear("/api/v1/payments/webhook/myfatoorah", &headers, &body).await;
    till.expect(&order, "Pending", "Pending").await;

    double.try_to_pay("6389662", "Succss");
    let (headers, body) = double.payment_message("6389662");
    for path in ["/api/v1/payments/webhook", "/api/v1/payments/webhook/myfatoorah"] {
        till.hear(path, &headers, &body).await;
        till.expect(&order, "Confirmed", "Paid").await;
    }
    let captured = till.shop.count("select count(*) from money_ledger where kind = 'captured' and amount_minor = 4250").await;
    assert_eq!((captured, double.count(myfatoorah::SEND)), (1, 1));
    till.shop.close().await;
    double.close();
}

#[tokio::test]
async fn an_order_is_paid_through_paymob_once() {
    let double = PaymobDouble::start().await;
    let till = Till::of_paymob(&double).await;
    let order = till.order().await;
    let begun = till.pay(&order).await.expect(200);
    assert!(text(&begun, "redirectUrl").contains("clientSecret=egy_csk_test_217503754"));
    assert!(!till.shop.file_holds("egy_csk_test"), "the link is not kept in the clear");

    for (what, status, payment) in [(Try::Declined, "Pending", "Pending"), (Try::Approved, "Confirmed", "Paid")] {
        let transaction = double.try_to_pay("217503754", what);
        let (query, body) = double.callback(&transaction);
        for path in ["/api/v1/payments/webhook", "/api/v1/payments/webhook/paymob"] {
            till.hear(&format!("{path}?{query}"), &HeaderMap::new(), &body).await;
            till.expect(&order, status, payment).await;
        }
    }
    let captured = till.shop.count("select count(*) from money_ledger where kind = 'captured' and amount_minor = 10000").await;
    assert_eq!((captured, double.count(paymob::INTENTION)), (1, 1));
    assert!(!till.shop.file_holds("+201000000000"), "nobody's number is kept of what Paymob says");
    till.shop.close().await;
    double.close();
}

#[tokio::test]
async fn an_attempt_whose_answer_was_lost_makes_way_for_another() {
    let double = MyFatoorahDouble::start("JOD").await;
    let till = Till::of_myfatoorah(&double).await;
    let order = till.order().await;
    double.next(myfatoorah::SEND, &[Fault::CutAfter]);
    let lost = till.pay(&order).await;
    assert!(lost.status >= 500, "{lost:?}");
    till.shop.advance(Duration::from_secs(60));
    let begun = till.pay(&order).await.expect(200);
    assert!(text(&begun, "redirectUrl").contains("6389663-opens-it"), "the second invoice");
    double.try_to_pay("6389663", "Succss");
    let (headers, body) = double.payment_message("6389663");
    till.hear("/api/v1/payments/webhook/myfatoorah", &headers, &body).await;
    till.expect(&order, "Confirmed", "Paid").await;
    till.shop.close().await;
    double.close();
}

#[tokio::test]
async fn without_messages_the_shop_asks_by_itself() {
    let double = PaymobDouble::start().await;
    let till = Till::of_paymob(&double).await;
    let order = till.order().await;
    till.pay(&order).await.expect(200);
    double.try_to_pay("217503754", Try::Approved);
    till.shop.advance(Duration::from_secs(121));
    till.shop.run_jobs().await;
    till.expect(&order, "Confirmed", "Paid").await;
    till.shop.close().await;
    double.close();
}
