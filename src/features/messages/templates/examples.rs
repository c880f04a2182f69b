//! Messages as they might be: for the preview, and to try templates with. The shop is the reader's own where there is one.

use serde_json::{Value, json};

use crate::features::messages::Kind;
use crate::kernel::{Currency, Locale, Money};

/// The example that a preview shows, of a shop as [`super::shop_values`] tells it.
pub fn example(kind: Kind, locale: Locale, shop: &Value, currency: Currency, public_url: &str) -> Value {
    let mut example = all(kind, locale, currency).swap_remove(0);
    example["shop"] = shop.clone();
    for name in ["order_url", "link", "unsubscribe_url"] {
        if let Some(path) = example[name].as_str().and_then(|url| url.strip_prefix(PUBLIC_URL)) {
            example[name] = json!(format!("{public_url}{path}"));
        }
    }
    example
}

const PUBLIC_URL: &str = "https://bayader.example";

/// All that a kind may have to say: the plainest first, then with everything, or otherwise paid and fetched.
pub(super) fn all(kind: Kind, locale: Locale, currency: Currency) -> Vec<Value> {
    let with = |values: Value| whole(locale, values);
    let said = Said(locale, currency);
    match kind {
        Kind::OrderPlaced => orders(&said, "Pending", &[Paid::Cash, Paid::Online, Paid::Transfer, Paid::Done]),
        Kind::OrderConfirmed => orders(&said, "Confirmed", &[Paid::Done, Paid::Cash, Paid::Transfer]),
        Kind::OrderPreparing => orders(&said, "Preparing", &[Paid::Cash, Paid::Done]),
        Kind::OrderReady => orders(&said, "ReadyForPickup", &[Paid::Cash, Paid::Done, Paid::CardMachine]),
        Kind::OrderOutForDelivery => orders(&said, "OutForDelivery", &[Paid::Cash, Paid::Done]).into_iter().rev().collect(),
        Kind::OrderDelivered => orders(&said, "Delivered", &[Paid::Done]),
        Kind::OrderCancelled => {
            let mut cancelled = orders(&said, "Cancelled", &[Paid::Done, Paid::Cash]);
            let reason = said.it("We are away on that day.", "طرأ سفر في ذلك اليوم.");
            for (index, order) in cancelled.iter_mut().enumerate() {
                if index % 2 == 0 {
                    order["reason"] = json!(reason);
                }
                if order["paymentStatus"] == "Paid" && index < 2 {
                    order["refundAmount"] = order["total"].clone();
                }
            }
            cancelled
        }
        Kind::OrderExpired => orders(&said, "Cancelled", &[Paid::Online, Paid::Cash, Paid::Transfer]),
        Kind::PaymentFailed => {
            let mut failed = orders(&said, "Pending", &[Paid::Online]);
            for (index, order) in failed.iter_mut().enumerate() {
                order["canPayAgain"] = json!(index % 2 == 0);
                order["paymentStatus"] = json!("Failed");
            }
            failed
        }
        Kind::PaymentRefunded => {
            let mut refunded = orders(&said, "Confirmed", &[Paid::Done]);
            for (index, order) in refunded.iter_mut().enumerate() {
                let whole = index % 2 == 0;
                order["paymentStatus"] = json!(if whole { "Refunded" } else { "PartiallyRefunded" });
                order["refundAmount"] = if whole { order["total"].clone() } else { json!(said.amount(900)) };
            }
            refunded
        }
        Kind::LowStock => {
            let product = |name: &str, sku: &str, available: i64, threshold: i64| json!({ "name": name, "sku": sku, "available": available, "stockThreshold": threshold, "unit": "piece" });
            let kunafa = product(said.it("Kunafa, soft", "كنافة ناعمة"), "SWT-001", 4, 10);
            let qatayef = product(said.it("Qatayef with walnuts", "قطايف بالجوز"), "SWT-014", 0, 12);
            vec![with(json!({ "products": [kunafa, qatayef] })), with(json!({ "products": [kunafa] }))]
        }
        Kind::DailySummary => daily_summaries(&said),
        Kind::StaffAlert => {
            let full = [
                "refund_failed",
                "payment_parked",
                "payment_disputed",
                "late_approval",
                "mail_complained",
                "backup_not_proven",
            ]
            .map(|alert| {
                with(json!({
                    "alert": alert, "orderNumber": "B-261126-0042", "amount": said.amount(13_900), "currency": currency.code(),
                    "details": "card_declined",
                }))
            });
            let bare = full.clone().map(|alert| with(json!({ "alert": alert["alert"] })));
            full.into_iter().chain(bare).collect()
        }
        Kind::PasswordReset => accounts(&said, "/account/reset#token=Zk3vQ8nT1bY6wR0xJ5mH2cL9aS4dF7gP"),
        Kind::Invite => accounts(&said, "/account/invite#token=Zk3vQ8nT1bY6wR0xJ5mH2cL9aS4dF7gP"),
        Kind::Message => {
            let text = said.it(
                "The kunafa tray for Thursday will be ready at 11:00 instead of 10:30.\n\nIf that is too late, a phone call is enough and we change the order.",
                "ستكون صينية الكنافة ليوم الخميس جاهزة عند 11:00 بدلًا من 10:30.\n\nإن كان الموعد متأخرًا فيكفي الاتصال بنا لتعديل الطلب.",
            );
            let subject = said.it("Your order for Thursday", "بخصوص طلب يوم الخميس");
            let full = json!({ "subject": subject, "text": text, "name": said.name(), "order_url": ORDER_URL });
            vec![with(full), with(json!({ "subject": subject, "text": text }))]
        }
        Kind::Promotion => {
            let text = said.it(
                "From Friday on there are ma'amoul with dates and pistachios, baked each morning.\n\nWho orders by Thursday evening has them warm at 8:00.",
                "ابتداءً من يوم الجمعة يتوفر معمول التمر والفستق، ويُخبز كل صباح.\n\nالطلب قبل مساء الخميس يضمن استلامه ساخنًا عند 8:00.",
            );
            let full = json!({
                "subject": said.it("Ma'amoul for the feast", "معمول العيد"), "text": text, "name": said.name(),
                "unsubscribe_url": "https://bayader.example/u/Zk3vQ8nT1bY6wR0xJ5mH2cL9aS4dF7gP",
            });
            vec![with(full)]
        }
    }
}

const ORDER_URL: &str = "https://bayader.example/o/01936f2b-0d10-7000-8000-5a6b7c8d9e01?token=Zk3vQ8nT1bY6wR0xJ5mH2cL9aS4dF7gP";

struct Said(Locale, Currency);

impl Said {
    fn it(&self, en: &'static str, ar: &'static str) -> &'static str {
        match self.0 {
            Locale::En => en,
            Locale::Ar => ar,
        }
    }

    fn name(&self) -> &'static str {
        self.it("Layla Haddad", "ليلى حداد")
    }

    /// So many thousandths, in the currency's digits.
    fn amount(&self, thousandths: i64) -> String {
        let minor = if self.1.digits() == 2 { thousandths / 10 } else { thousandths };
        Money::from_minor(minor, self.1).to_string()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Paid {
    Cash,
    CardMachine,
    Transfer,
    Online,
    Done,
}

fn whole(locale: Locale, mut values: Value) -> Value {
    let (name, address) = match locale {
        Locale::En => ("El-Bayader Bakery", "Rainbow Street 12\nAmman"),
        Locale::Ar => ("مخبز البيادر", "شارع الرينبو 12\nعمّان"),
    };
    values["shop"] = json!({
        "name": name, "phone": "+96265001234", "address": address, "locale": locale.code(), "timeZone": "Asia/Amman",
        "currency": "JOD",
    });
    values
}

/// Each way to pay, fetched and delivered.
fn orders(said: &Said, status: &str, ways: &[Paid]) -> Vec<Value> {
    let each = ways.iter().flat_map(|paid| [order(said, status, *paid, true), order(said, status, *paid, false)]);
    each.collect()
}

fn order(said: &Said, status: &str, paid: Paid, is_pickup: bool) -> Value {
    let item = |quantity: i64, name: &str, options: &str, total: i64| json!({ "quantity": quantity, "name": name, "optionsText": options, "lineTotal": said.amount(total) });
    let items = [
        item(1, said.it("Kunafa, soft", "كنافة ناعمة"), said.it("Size: large", "الحجم: كبير"), 8_000),
        item(6, said.it("Za'atar manousheh", "منقوشة زعتر"), "", 3_600),
        item(2, said.it("Ka'ak with sesame", "كعك بالسمسم"), said.it("Without filling", "بلا حشوة"), 800),
    ];
    let fee = if is_pickup { 0 } else { 1_500 };
    let total = said.amount(12_400 + fee);
    let (method, state) = match paid {
        Paid::Cash => ("cash", "Pending"),
        Paid::CardMachine => ("card_machine", "Pending"),
        Paid::Transfer => ("transfer", "Pending"),
        Paid::Online => ("online", "Pending"),
        Paid::Done => ("online", "Paid"),
    };
    let status = if status == "ReadyForPickup" && !is_pickup { "OutForDelivery" } else { status };
    let mut values = json!({
        "orderNumber": "B-261126-0042", "customerName": said.name(), "isPickup": is_pickup, "status": status,
        "paymentStatus": state, "paymentMethod": method, "dueAt": "2026-11-26T07:30:00.000Z", "items": items,
        "subtotal": said.amount(12_400), "deliveryFee": said.amount(fee), "discount": said.amount(0), "tax": said.amount(0),
        "taxIncluded": true, "total": total, "currency": said.1.code(),
        "toPay": if paid == Paid::Done || status == "Cancelled" { said.amount(0) } else { total }, "order_url": ORDER_URL,
    });
    if !is_pickup {
        values["address"] =
            json!(said.it(
                "Salah Zahran Street 4, second floor\nDeir Ghbar, Amman",
                "شارع صلاح زهران 4، الطابق الثاني\nدير غبار، عمّان"
            ));
        values["tax"] = json!(said.amount(1_655));
    }
    whole(said.0, values)
}

fn accounts(said: &Said, path: &str) -> Vec<Value> {
    let link = format!("{PUBLIC_URL}{path}");
    vec![whole(said.0, json!({ "name": said.name(), "link": link })), whole(said.0, json!({ "link": link }))]
}

fn daily_summaries(said: &Said) -> Vec<Value> {
    let taking = |method: &str, thousandths| json!({ "method": method, "amount": said.amount(thousandths) });
    let low = |name: &str, available: i64| json!({ "name": name, "available": available });
    let busy = json!({
        "day": "2026-11-29", "orders": 43, "cancelled": 2, "gross": said.amount(425_350), "refunds": said.amount(13_000),
        "net": said.amount(412_350), "currency": said.1.code(),
        "takings": [taking("cash", 290_100), taking("card_machine", 48_000), taking("online", 74_250)],
        "toCollect": said.amount(36_500), "openOrders": 11,
        "lowStock": [low(said.it("Kunafa, soft", "كنافة ناعمة"), 4), low(said.it("Qatayef with walnuts", "قطايف بالجوز"), 0)],
        "failedMessages": 1, "deadJobs": 2, "tomorrow": { "orders": 17, "pieces": 102 },
    });
    let quiet = json!({
        "day": "2026-11-28", "orders": 0, "cancelled": 0, "gross": said.amount(0), "refunds": said.amount(0),
        "net": said.amount(0), "currency": said.1.code(), "takings": [], "toCollect": said.amount(0), "openOrders": 0,
        "lowStock": [], "failedMessages": 0, "deadJobs": 0, "tomorrow": { "orders": 0, "pieces": 0 },
    });
    vec![whole(said.0, busy), whole(said.0, quiet)]
}
