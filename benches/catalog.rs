//! Cached answers of the catalog beside a bare axum handler that answers the same bytes under the same headers.
//!
//! Both servers run in this process on a runtime of two threads, the clients on another; so the clients' own work weighs on both
//! alike. Five interleaved pairs; the median of their ratios counts.

#![expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "rates and ratios; no money is counted here")]

mod common;

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::routing::get as route;
use bytes::Bytes;
use common::{Line, Serving, closed_loop, get, median, verdict};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Full;

const CLIENTS: usize = 32;
const PAIRS: usize = 5;

/// A question, and how much of the bare handler's rate its answer must reach: the aim, and the least.
struct Case {
    name: &'static str,
    path: String,
    tag: Option<String>,
    limits: Option<(f64, f64)>,
}

/// An answer as it is to be repeated.
#[derive(Clone)]
struct Kept {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

fn main() {
    let (server, clients) = (common::runtime("server"), common::runtime("clients"));
    let folder = common::folder();
    let shop = server.block_on(async { Serving::shop(common::open(&folder.path().join("data")).await).await });
    let time = common::time(3_000, 300);

    let (detail, tag) = clients.block_on(async {
        let mut line = Line::open(shop.address).await;
        let (_, headers, body) = line.read(get("/api/v1/products?per_page=100")).await;
        let list: serde_json::Value = serde_json::from_slice(&body).expect("a list");
        let id = list["data"][0]["id"].as_str().expect("an id").to_owned();
        (format!("/api/v1/products/{id}"), headers["etag"].to_str().expect("a tag").to_owned())
    });
    let menu = "/api/v1/products?per_page=100".to_owned();
    let page = "/api/v1/products?per_page=20".to_owned();
    let cases = [
        Case { name: "menu of 68", path: menu.clone(), tag: None, limits: Some((0.85, 0.80)) },
        Case { name: "page of 20", path: page, tag: None, limits: Some((0.75, 0.65)) },
        Case { name: "detail", path: detail, tag: None, limits: Some((0.65, 0.55)) },
        Case { name: "304 of the menu", path: menu, tag: Some(tag), limits: None },
    ];

    println!(
        "{:<16} {:>7} {:>9} {:>9} {:>7} {:>12}  {:<8} pairs",
        "answer", "bytes", "bare/s", "ours/s", "ratio", "aim/accept", ""
    );
    let mut rates = Vec::new();
    for case in &cases {
        let kept = clients.block_on(ask_once(shop.address, case));
        let bare = server.block_on(Serving::bare(repeat(kept.clone())));
        let (mut bare_rates, mut our_rates, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for pair in 0..PAIRS {
            let measure = |address: SocketAddr| {
                let template = request(case);
                let expected = (kept.status, kept.body.len());
                clients.block_on(closed_loop(address, CLIENTS, time, expected, move |_, _| template.clone())).rate()
            };
            // Who begins changes, so that neither has the machine's better moments.
            let (theirs, ours) = if pair % 2 == 0 {
                let theirs = measure(bare.address);
                (theirs, measure(shop.address))
            } else {
                let ours = measure(shop.address);
                (measure(bare.address), ours)
            };
            bare_rates.push(theirs);
            our_rates.push(ours);
            ratios.push(ours / theirs);
        }
        server.block_on(bare.end());
        let ratio = median(&ratios);
        rates.push(median(&our_rates));
        let (limits, told) = case.limits.map_or((String::new(), ""), |(aim, accept)| {
            let told = if ratio >= aim {
                "aim held"
            } else if ratio >= accept {
                "accepted"
            } else {
                "MISSED"
            };
            (format!("{:.0} / {:.0} %", aim * 100.0, accept * 100.0), told)
        });
        let pairs: Vec<String> = ratios.iter().map(|ratio| format!("{:.0}", ratio * 100.0)).collect();
        println!(
            "{:<16} {:>7} {:>9.0} {:>9.0} {:>5.1} % {:>12}  {:<8} {}",
            case.name,
            kept.body.len(),
            median(&bare_rates),
            median(&our_rates),
            ratio * 100.0,
            limits,
            told,
            pairs.join(" ")
        );
    }
    let times = rates[3] / rates[0];
    println!("a 304 comes {times:.2} times as often as the menu's 200; at least 2: {}", verdict(times >= 2.0));
    server.block_on(shop.end());
}

fn request(case: &Case) -> Request<Full<Bytes>> {
    let mut request = get(&case.path);
    if let Some(tag) = &case.tag {
        request.headers_mut().insert("if-none-match", tag.parse().expect("a header"));
    }
    request
}

async fn ask_once(address: SocketAddr, case: &Case) -> Kept {
    let (status, mut headers, body) = Line::open(address).await.read(request(case)).await;
    assert_eq!(status, if case.tag.is_some() { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    // hyper writes these two itself.
    headers.remove("date");
    headers.remove("content-length");
    Kept { status, headers, body }
}

/// The bare handler: one route, one answer from memory.
fn repeat(kept: Kept) -> Router {
    let handler = move || {
        let kept = kept.clone();
        async move {
            let mut response = Response::new(Body::from(kept.body));
            *response.status_mut() = kept.status;
            *response.headers_mut() = kept.headers;
            response
        }
    };
    Router::new().route("/api/v1/products", route(handler.clone())).route("/api/v1/products/{id}", route(handler))
}
