//! Searches at a bakery's menu and at 10,000 products: what a page of hits takes, and how much longer in the large shop.
//!
//! Both shops are served in this process at once and asked in turns, one question at a time. A search that finds a few products
//! must take at most 1.5 times as long in the large shop (SPEC 12); one that fits hundreds reads up to 500 of them to count and
//! order them, and is told beside it.

#![expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "times and ratios; no money is counted here")]

mod common;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use bayader::app::App;
use bayader::features::catalog;
use bayader::kernel::Actor;
use common::{Line, Serving, get, median, verdict};
use http::StatusCode;

const PRODUCTS: usize = 10_000;
/// How much longer a search may take there.
const LIMIT: f64 = 1.5;

/// What is typed, and whether it fits much of a large menu.
const CASES: &[(&str, &str, bool)] = &[
    ("a name", "tiramisu", false),
    ("an Arabic name", "\u{633}\u{62D}\u{644}\u{628}", false),
    ("two words", "date cookie", false),
    ("a typing error", "cinamon", false),
    ("nothing", "xyzzyplugh", false),
    ("a word of many", "bread", true),
    ("one letter", "b", true),
];

fn main() {
    let (server, clients) = (common::runtime("server"), common::runtime("clients"));
    let folder = common::folder();
    let small = server.block_on(async { Serving::shop(common::open(&folder.path().join("small")).await).await });
    let large = server.block_on(async { Serving::shop(open_large(&folder.path().join("large")).await).await });
    let rounds = if common::is_quick() { 40 } else { 600 };

    println!("{:<16} {:>9} {:>9} {:>7}  times of {rounds} questions, in ms", "search", "68", "10,000", "ratio");
    let mut ratios = Vec::new();
    for (name, typed, broad) in CASES {
        let (few, many) = clients.block_on(in_turns(small.address, large.address, typed, rounds));
        let ratio = many / few;
        if !broad {
            ratios.push(ratio);
        }
        let told = if *broad { "" } else { verdict(ratio <= LIMIT) };
        println!("{name:<16} {few:>9.3} {many:>9.3} {ratio:>6.2}x  {told}");
    }
    println!(
        "the median of those that find a few: {:.2}x; at most {LIMIT}: {}",
        median(&ratios),
        verdict(median(&ratios) <= LIMIT)
    );
    server.block_on(small.end());
    server.block_on(large.end());
}

/// The median time of an answer in each shop.
async fn in_turns(small: SocketAddr, large: SocketAddr, typed: &str, rounds: usize) -> (f64, f64) {
    let query: String = form_urlencoded::byte_serialize(typed.as_bytes()).collect();
    let path = format!("/api/v1/products?q={query}");
    let (mut few, mut many) = (Line::open(small).await, Line::open(large).await);
    let mut times = (Vec::new(), Vec::new());
    for round in 0..rounds + 10 {
        for (line, times) in [(&mut few, &mut times.0), (&mut many, &mut times.1)] {
            let started = Instant::now();
            assert_eq!(line.ask(get(&path)).await.status, StatusCode::OK);
            if round >= 10 {
                times.push(started.elapsed().as_micros() as f64 / 1_000.0);
            }
        }
    }
    (median(&times.0), median(&times.1))
}

async fn open_large(folder: &Path) -> App {
    let app = common::open(folder).await;
    let shop = app.shop();
    let parsed = catalog::parse(&more(), &shop.settings.format()).unwrap_or_else(|faults| panic!("{faults:?}"));
    let started = Instant::now();
    let import = catalog::Import { parsed, set_stock: false, dry_run: false, by: Actor::System };
    assert_eq!(shop.db.write(import).await.expect("a menu").made, PRODUCTS - 68);
    println!("{} products imported in {:.2} s", PRODUCTS - 68, started.elapsed().as_secs_f64());
    let started = Instant::now();
    shop.db.write(catalog::BuildSearchIndex).await.expect("an index");
    println!("the index of {PRODUCTS} built anew in {:.2} s", started.elapsed().as_secs_f64());
    app
}

/// Products of a large shop: of each three words two are its own, as in a delicatessen's list; the third is of ten that all share.
fn more() -> Vec<u8> {
    const KINDS: [(&str, &str); 10] = [
        ("bread", "\u{62E}\u{628}\u{632}"),
        ("cake", "\u{643}\u{64A}\u{643}"),
        ("cheese", "\u{62C}\u{628}\u{646}\u{629}"),
        ("jam", "\u{645}\u{631}\u{628}\u{649}"),
        ("honey", "\u{639}\u{633}\u{644}"),
        ("tea", "\u{634}\u{627}\u{64A}"),
        ("biscuit", "\u{628}\u{633}\u{643}\u{648}\u{64A}\u{62A}"),
        ("olives", "\u{632}\u{64A}\u{62A}\u{648}\u{646}"),
        ("sauce", "\u{635}\u{644}\u{635}\u{629}"),
        ("nuts", "\u{645}\u{643}\u{633}\u{631}\u{627}\u{62A}"),
    ];
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["sku", "category", "name_en", "name_ar", "description_en", "price", "stock"]).expect("written");
    for n in 68..PRODUCTS {
        let (kind, arabic) = KINDS[n % KINDS.len()];
        let (first, second) = (word(n * 7 + 1), word(n * 13 + 5));
        let category = format!("shelf-{}", n % 40);
        let (name, name_ar) = (format!("{first} {kind} {}", n % 97), format!("{arabic} {}", n % 97));
        let description = format!("From {second}, kept cool, {kind} of the season.");
        writer.write_record([&format!("BIG-{n}"), &category, &name, &name_ar, &description, "1.000", "50"]).expect("written");
    }
    writer.into_inner().expect("written")
}

/// A word of its own for each of some thousand numbers.
fn word(n: usize) -> String {
    const SYLLABLES: [&str; 20] = [
        "ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu", "bra", "cle", "dri", "flo",
        "gru",
    ];
    let n = n % 4_000;
    [n % 20, n / 20 % 20, n / 400 % 20, (n * 3 + 7) % 20].map(|at| SYLLABLES[at]).concat()
}
