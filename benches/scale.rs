//! A shop with 10,000 products and 1,000,000 orders beside a small one: the same questions over HTTP, turn by turn.
//!
//! Both servers run in this process, and one client asks one after the other, so that a latency is an answer's own and neither
//! shop has the machine's better moments. The large shop is written once and kept under `target/`.

#![expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "latencies and ratios; no money is counted here")]

mod common;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use common::large::{self, Size};
use common::{Baskets, Line, Serving, get, median, post, verdict};
use http::{Method, Request, StatusCode};
use http_body_util::Full;

const LIMIT: f64 = 1.5;
const LIMIT_BYTES: f64 = 1_500.0;

fn main() {
    let (server, clients) = (common::runtime("server"), common::runtime("clients"));
    let quick = common::is_quick();
    let size = Size {
        products: if quick { 1_000 } else { 10_000 },
        orders: if quick { 10_000 } else { 1_000_000 },
        days: if quick { 30 } else { 730 },
    };
    let small_size = Size { products: 68, orders: 1_000, days: 30 };
    let large = server.block_on(large::kept(size));
    let folder = common::folder();
    let small = folder.path().join("data");
    server.block_on(large::make(&small, small_size));

    let (shops, bytes) = server.block_on(async {
        let mut bytes = Vec::new();
        let mut shops = Vec::new();
        for (data, size) in [(&small, small_size), (&large, size)] {
            let app = common::open(data).await;
            let before = Instant::now();
            while bayader::features::orders::text_index::catch_up(&app.shop().db).await.expect("it can be indexed") {}
            println!("the texts of {} orders were in the index after {:.1} s", size.orders, before.elapsed().as_secs_f64());
            if size.orders <= 10_000 {
                let ailments = app.shop().db.read(bayader::app::doctor).await.expect("the doctor can look");
                assert!(ailments.is_empty(), "the books do not balance: {ailments:?}");
            }
            shops.push(Serving::shop(app).await);
            bytes.push(large::bytes_used(data));
        }
        (shops, bytes)
    });

    let rounds = if quick { 20 } else { 200 };
    clients.block_on(async {
        let mut small = Asker::of(shops[0].address, 1).await;
        let mut large = Asker::of(shops[1].address, 2).await;
        println!("{:<34} {:>10} {:>10} {:>7}", "answer", "small ms", "large ms", "ratio");
        for question in QUESTIONS {
            if let Some(status) = small.lacks(question).await {
                println!("{:<34} not measured: this version answers with {status}", question.name);
                continue;
            }
            let (mut theirs, mut ours) = (Vec::new(), Vec::new());
            for round in 0..rounds + 5 {
                // The first few warm both up.
                let (one, other) = if round % 2 == 0 {
                    let one = small.ask(question, round).await;
                    (one, large.ask(question, round).await)
                } else {
                    let other = large.ask(question, round).await;
                    (small.ask(question, round).await, other)
                };
                if round >= 5 {
                    theirs.push(one);
                    ours.push(other);
                }
            }
            let ratio = median(&ours) / median(&theirs);
            let told = if question.limited { verdict(ratio <= LIMIT) } else { "told only: it grows with what is found" };
            println!("{:<34} {:>10.3} {:>10.3} {:>7.2}  {told}", question.name, median(&theirs), median(&ours), ratio);
        }
    });
    let an_order = (bytes[1] - bytes[0]) / (size.orders - small_size.orders) as f64;
    println!("{an_order:.0} bytes a stored order; at most {LIMIT_BYTES:.0}: {}", verdict(an_order <= LIMIT_BYTES));
    for shop in shops {
        server.block_on(shop.end());
    }
    tell_parts(&large, size.orders);
}

fn tell_parts(data: &Path, orders: usize) {
    for (name, bytes) in large::largest_parts(data, orders) {
        println!("  {name:<32} {bytes:>7.1} bytes an order");
    }
}

/// Something to ask.
struct Question {
    name: &'static str,
    /// `{day}`, `{phone}` and `{id}` stand for what the shop has.
    path: &'static str,
    by: By,
    /// Whether the large shop's time is held to the small one's.
    limited: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Guest,
    Staff,
    /// A guest who orders.
    Order,
}

const fn ask(name: &'static str, path: &'static str, by: By) -> Question {
    Question { name, path, by, limited: true }
}

const QUESTIONS: &[Question] = &[
    ask("page of products, from memory", "/api/v1/products?per_page=20", By::Guest),
    ask("page of products, from the books", "/api/v1/products?per_page=20", By::Staff),
    ask("page 3 by price, from the books", "/api/v1/products?sort=price&page=3", By::Staff),
    ask("page by name, from the books", "/api/v1/products?sort=name", By::Staff),
    ask("products by text, from the books", "/api/v1/products?q=cinnamon", By::Staff),
    ask("product, from the books", "/api/v1/products/{product}", By::Staff),
    ask("categories, from the books", "/api/v1/categories", By::Staff),
    ask("place an order", "", By::Order),
    ask("read an order", "/api/v1/orders/{id}", By::Staff),
    ask("orders, newest", "/api/v1/orders", By::Staff),
    ask("orders of today", "/api/v1/orders?day={day}", By::Staff),
    ask("orders Pending", "/api/v1/orders?status=Pending", By::Staff),
    ask("orders Preparing", "/api/v1/orders?status=Preparing", By::Staff),
    ask("orders Delivered", "/api/v1/orders?status=Delivered", By::Staff),
    ask("orders Cancelled", "/api/v1/orders?status=Cancelled", By::Staff),
    ask("orders Delivered of today", "/api/v1/orders?status=Delivered&day={day}", By::Staff),
    ask("orders unpaid", "/api/v1/orders?payment_status=Pending", By::Staff),
    ask("orders refunded (none)", "/api/v1/orders?payment_status=Refunded", By::Staff),
    ask("orders to deliver", "/api/v1/orders?fulfilment=delivery", By::Staff),
    ask("orders, page 40", "/api/v1/orders?page=40", By::Staff),
    ask("orders by number", "/api/v1/orders?q={number}", By::Staff),
    ask("orders by phone", "/api/v1/orders?q={phone}", By::Staff),
    ask("orders by e-mail", "/api/v1/orders?q={email}", By::Staff),
    ask("orders by text, none", "/api/v1/orders?q=zzyzx", By::Staff),
    ask("dashboard", "/api/v1/admin/dashboard", By::Staff),
    Question { name: "orders by first and last name", path: "/api/v1/orders?q=huda%20khalil", by: By::Staff, limited: false },
    Question { name: "orders by first name", path: "/api/v1/orders?q=huda", by: By::Staff, limited: false },
    Question { name: "orders by one letter", path: "/api/v1/orders?q=h", by: By::Staff, limited: false },
];

struct Asker {
    line: Line,
    baskets: Baskets,
    bearer: String,
    places: Vec<(&'static str, String)>,
}

impl Asker {
    async fn of(address: SocketAddr, run: u64) -> Asker {
        let mut line = Line::open(address).await;
        let body = format!(r#"{{"email":"{}","password":"{}"}}"#, common::OWNER, common::PASSWORD);
        let (status, _, body) = line.read(post("/api/v1/auth/login", body)).await;
        assert_eq!(status, StatusCode::OK, "{body:?}");
        let session: serde_json::Value = serde_json::from_slice(&body).expect("a session");
        let bearer = format!("Bearer {}", session["token"].as_str().expect("a token"));
        // A key of its own a run: the large shop has the keys of the run before.
        let run = run * 1_000_000 + u64::from(std::process::id());
        let mut asker = Asker { line, baskets: Baskets::of(address, run).await, bearer, places: Vec::new() };
        let newest = asker.see("/api/v1/orders?status=Delivered&per_page=50").await;
        let order = newest["data"].as_array().and_then(|rows| rows.last()).expect("an order").clone();
        let with_mail = newest["data"].as_array().and_then(|rows| rows.iter().find(|row| row["customer"]["email"].is_string()));
        let product = asker.see("/api/v1/products?per_page=1").await["data"][0]["id"].clone();
        let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
        asker.places = vec![
            ("{id}", text(&order["id"])),
            ("{number}", text(&order["orderNumber"])),
            ("{day}", text(&order["businessDay"])),
            ("{phone}", text(&order["customer"]["phone"]).replace("+962", "0")),
            ("{email}", text(&with_mail.expect("an account's order")["customer"]["email"])),
            ("{product}", text(&product)),
        ];
        asker
    }

    fn request(&self, path: &str, by: By) -> Request<Full<bytes::Bytes>> {
        let path = self.places.iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value));
        let mut request = get(&path);
        if by == By::Staff {
            request.headers_mut().insert("authorization", self.bearer.parse().expect("a header"));
        }
        request
    }

    async fn see(&mut self, path: &str) -> serde_json::Value {
        let request = self.request(path, By::Staff);
        let (status, _, body) = self.line.read(request).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body:?}");
        serde_json::from_slice(&body).expect("JSON")
    }

    /// How a question is answered that this version does not know.
    async fn lacks(&mut self, question: &Question) -> Option<StatusCode> {
        if question.by == By::Order {
            return None;
        }
        let request = self.request(question.path, question.by);
        let status = self.line.ask(request).await.status;
        (status != StatusCode::OK).then_some(status)
    }

    /// Milliseconds of an answer.
    async fn ask(&mut self, question: &Question, round: u64) -> f64 {
        let request = match question.by {
            By::Order => self.baskets.request(1, round),
            by => self.request(question.path, by),
        };
        let expected = if request.method() == Method::POST { StatusCode::CREATED } else { StatusCode::OK };
        let started = Instant::now();
        let answer = self.line.ask(request).await;
        assert_eq!(answer.status, expected, "{}", question.name);
        started.elapsed().as_secs_f64() * 1_000.0
    }
}
