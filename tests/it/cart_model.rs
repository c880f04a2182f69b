//! Carts against a model that keeps its own: whatever is put in, changed, merged, hidden, made dearer or ordered, in whatever
//! order, both show the same cart after every step.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::cart::{Basket, change, set_stock, sizes};
use crate::harness::{Client, Order, PASSWORD, Product, Reply, Shop};

const STEPS: usize = 400;
const STEPS_LONG: usize = 3_000;
const LARGE: i64 = 500;

/// What was chosen of a product's sizes.
type Size = Option<&'static str>;

#[derive(Clone, Debug)]
struct Ware {
    price: i64,
    sizes: Vec<&'static str>,
    is_active: bool,
    most: i64,
    /// Pieces that nobody was promised; `None`: not counted.
    available: Option<i64>,
}

#[derive(Clone, PartialEq, Debug)]
struct Line {
    id: String,
    ware: usize,
    size: Size,
    quantity: i64,
    seen: i64,
}

#[derive(Clone, Debug)]
struct Cart {
    /// Whose: an account's, or a guest's.
    account: Option<usize>,
    token: Option<String>,
    /// As the shop lists them: ids grow with time.
    lines: Vec<Line>,
}

fn money(minor: i64) -> String {
    format!("{}.{:03}", minor / 1_000, minor % 1_000)
}

fn options(size: Size) -> Value {
    size.map_or_else(|| json!({}), |size| json!({ "size": size }))
}

impl Ware {
    fn unit(&self, size: Size) -> i64 {
        self.price + if size == Some("large") { LARGE } else { 0 }
    }

    fn offers(&self, size: Size) -> bool {
        size.is_none_or(|size| self.sizes.contains(&size))
    }
}

impl Cart {
    fn pieces(&self, ware: usize) -> i64 {
        self.lines.iter().filter(|line| line.ware == ware).map(|line| line.quantity).sum()
    }

    fn same(&mut self, ware: usize, size: Size) -> Option<&mut Line> {
        self.lines.iter_mut().find(|line| (line.ware, line.size) == (ware, size))
    }

    fn at(&mut self, id: &str) -> &mut Line {
        self.lines.iter_mut().find(|line| line.id == id).expect("a line of this cart")
    }

    /// What the shop must show: items, subtotal, and the warnings' items and codes.
    fn shown(&self, wares: &[Ware], products: &[Product]) -> Value {
        let (mut items, mut warnings, mut subtotal) = (Vec::new(), Vec::new(), 0);
        let mut left: Vec<Option<i64>> = wares.iter().map(|ware| ware.available).collect();
        for line in &self.lines {
            let ware = &wares[line.ware];
            let mut warn = |code: &str| warnings.push(json!([line.id, code]));
            let can_be_ordered = ware.is_active && ware.offers(line.size);
            let unit = if can_be_ordered { ware.unit(line.size) } else { line.seen };
            if ware.is_active {
                if !ware.offers(line.size) {
                    warn("option_gone");
                } else if unit != line.seen {
                    warn("price_changed");
                }
                if self.pieces(line.ware) > ware.most {
                    warn("quantity_over_limit");
                }
                match &mut left[line.ware] {
                    Some(_) if ware.available == Some(0) => warn("sold_out"),
                    Some(left) if *left < line.quantity => warn("insufficient_stock"),
                    Some(left) => *left -= line.quantity,
                    None => {}
                }
            } else {
                warn("not_available");
            }
            let total = if can_be_ordered { unit * line.quantity } else { 0 };
            subtotal += total;
            items.push(json!({
                "id": line.id, "productId": products[line.ware].id, "name": products[line.ware].body["name"],
                "unitPrice": money(unit), "quantity": line.quantity, "options": options(line.size), "lineTotal": money(total),
                "available": if ware.is_active { json!(ware.available) } else { json!(0) },
            }));
        }
        json!({ "items": items, "subtotal": money(subtotal), "warnings": warnings })
    }
}

/// A cart as the shop tells it, in the model's form.
fn told(cart: &Reply) -> Value {
    let warnings = cart["warnings"].as_array().expect("warnings").iter();
    let warnings: Vec<Value> = warnings.map(|warning| json!([warning["itemId"], warning["code"]])).collect();
    json!({ "items": cart["items"], "subtotal": cart["subtotal"], "warnings": warnings })
}

struct Run {
    shop: Shop,
    accounts: Vec<Client>,
    products: Vec<Product>,
    wares: Vec<Ware>,
    carts: Vec<Cart>,
    random: StdRng,
}

impl Run {
    /// Two accounts' carts and two guests', over a counted product, one in sizes, and one that is not counted.
    async fn start(seed: u64) -> Run {
        let shop = Shop::open().await;
        let accounts = vec![shop.customer("Layla").await, shop.customer("Omar").await];
        let wares = vec![
            Ware { price: 1_000, sizes: vec![], is_active: true, most: 100, available: Some(30) },
            Ware { price: 4_000, sizes: vec!["small", "large"], is_active: true, most: 12, available: Some(30) },
            Ware { price: 350, sizes: vec!["small", "large"], is_active: true, most: 20, available: None },
        ];
        let mut products = Vec::new();
        for (n, ware) in wares.iter().enumerate() {
            let product = shop.product(&format!("Product {n}")).price(&money(ware.price)).stock(ware.available.unwrap_or(0));
            let product = product.field("trackStock", ware.available.is_some()).field("maxPerOrder", ware.most);
            products.push(product.field("optionGroups", groups(&ware.sizes)).create().await);
        }
        let cart = |account| Cart { account, token: None, lines: Vec::new() };
        let carts = vec![cart(Some(0)), cart(Some(1)), cart(None), cart(None)];
        Run { shop, accounts, products, wares, carts, random: StdRng::seed_from_u64(seed) }
    }

    fn basket(&self, at: usize) -> Basket {
        let cart = &self.carts[at];
        match (cart.account, &cart.token) {
            (Some(account), _) => Basket::of(self.accounts[account].clone()),
            (None, Some(token)) => Basket::with(self.shop.guest(), token),
            (None, None) => Basket::of(self.shop.guest()),
        }
    }

    fn any_cart(&mut self) -> usize {
        self.random.random_range(0..self.carts.len())
    }

    fn any_size(&mut self) -> Size {
        *[None, Some("small"), Some("large")].choose(&mut self.random).expect("three sizes")
    }

    /// A line of a cart that has one.
    fn any_line(&mut self) -> Option<(usize, Line)> {
        let at = self.any_cart();
        let line = self.carts[at].lines.choose(&mut self.random)?.clone();
        Some((at, line))
    }

    async fn step(&mut self) -> &'static str {
        match self.random.random_range(0..100) {
            0..36 => self.add().await,
            36..50 => self.put().await,
            50..55 => self.take_out().await,
            55..57 => self.empty().await,
            57..66 => self.merge().await,
            66..76 => self.order().await,
            76..92 => self.change_ware().await,
            _ => self.count_stock().await,
        }
    }

    async fn add(&mut self) -> &'static str {
        let at = self.any_cart();
        let mut wanted: Vec<(usize, Size, i64)> = Vec::new();
        for _ in 0..self.random.random_range(1..=3) {
            let ware = self.random.random_range(0..self.wares.len());
            let size = if self.wares[ware].sizes.is_empty() { None } else { self.any_size() };
            wanted.push((ware, size, self.random.random_range(1..6)));
        }
        let body: Vec<Value> = wanted
            .iter()
            .map(|(ware, size, quantity)| {
                json!({ "productId": self.products[*ware].id, "quantity": quantity, "options": options(*size) })
            })
            .collect();
        let reply = self.basket(at).try_add(body.into()).await;
        let fits = wanted.iter().all(|(ware, size, _)| {
            let all: i64 = wanted.iter().filter(|other| other.0 == *ware).map(|other| other.2).sum();
            let offered = &self.wares[*ware];
            offered.is_active && offered.offers(*size) && self.carts[at].pieces(*ware) + all <= offered.most
        });
        if !fits {
            reply.expect_problem(422, "validation_failed");
            return "an addition refused";
        }
        let cart = &mut self.carts[at];
        let reply = reply.expect(if cart.token.is_some() { 200 } else { 201 });
        cart.token = reply["token"].as_str().map(str::to_owned);
        // The ids of new lines are the shop's; they come last, in the order of the request.
        let ids = reply["items"].as_array().expect("items").iter().map(|item| item["id"].as_str().expect("an id").to_owned());
        let mut new_ids = ids.skip(cart.lines.len());
        let mut written: Vec<(String, i64)> = Vec::new();
        for (ware, size, quantity) in &wanted {
            let price = self.wares[*ware].unit(*size);
            if let Some(line) = cart.same(*ware, *size) {
                line.quantity += quantity;
                written.push((line.id.clone(), price));
            } else {
                let id = new_ids.next().expect("an id for a new line");
                cart.lines.push(Line { id, ware: *ware, size: *size, quantity: *quantity, seen: price });
            }
        }
        assert_eq!(told(&reply), cart.shown(&self.wares, &self.products), "what was told of an addition");
        for (id, seen) in written {
            cart.at(&id).seen = seen;
        }
        "an addition"
    }

    async fn put(&mut self) -> &'static str {
        let Some((at, line)) = self.any_line() else { return "nothing" };
        let ware = self.wares[line.ware].clone();
        let size = if ware.sizes.is_empty() || self.random.random_bool(0.5) { None } else { Some(self.any_size()) };
        let quantity = self.random.random_range(1..14);
        let mut body = json!({ "quantity": quantity });
        if let Some(size) = size {
            body["options"] = options(size);
        }
        let size = size.unwrap_or(line.size);
        let reply = self.basket(at).put(&line.id, body).await;
        let others = self.carts[at].pieces(line.ware) - line.quantity;
        let too_many = quantity > line.quantity && others + quantity > ware.most;
        if !ware.is_active || !ware.offers(size) || too_many {
            reply.expect_problem(422, "validation_failed");
            return "a change refused";
        }
        let cart = &mut self.carts[at];
        let same =
            cart.lines.iter().find(|other| other.id != line.id && (other.ware, other.size) == (line.ware, size)).cloned();
        if let Some(same) = &same {
            cart.lines.retain(|other| other.id != same.id);
        }
        let changed = cart.at(&line.id);
        changed.quantity = quantity + same.map_or(0, |same| same.quantity);
        if changed.size != size {
            changed.seen = ware.unit(size);
        }
        changed.size = size;
        assert_eq!(told(&reply.expect(200)), cart.shown(&self.wares, &self.products), "what was told of a change");
        cart.at(&line.id).seen = ware.unit(size);
        "a change"
    }

    async fn take_out(&mut self) -> &'static str {
        let Some((at, line)) = self.any_line() else { return "nothing" };
        // Nobody takes anything out of somebody else's cart.
        let stranger = (at + 1) % self.carts.len();
        self.basket(stranger).take_out(&line.id).await.expect_problem(404, "not_found");
        self.basket(at).take_out(&line.id).await.expect(204);
        self.carts[at].lines.retain(|other| other.id != line.id);
        "something taken out"
    }

    async fn empty(&mut self) -> &'static str {
        let at = self.any_cart();
        self.basket(at).empty().await.expect(204);
        self.carts[at].lines.clear();
        "a cart emptied"
    }

    /// A guest signs in to one of the accounts.
    async fn merge(&mut self) -> &'static str {
        let guests: Vec<usize> = (2..4).filter(|guest| self.carts[*guest].token.is_some()).collect();
        let Some(guest) = guests.choose(&mut self.random).copied() else { return "nothing" };
        let Some(token) = self.carts[guest].token.take() else { return "nothing" };
        let account = self.random.random_range(0..2);
        let login = self.shop.guest().log_in(self.accounts[account].email(), PASSWORD).header("x-cart-token", &token);
        login.send().await.expect(200);
        let theirs = std::mem::take(&mut self.carts[guest].lines);
        let own = &mut self.carts[account];
        let had_lines = !theirs.is_empty();
        for mut line in theirs {
            line.quantity = line.quantity.min(self.wares[line.ware].most - own.pieces(line.ware));
            if line.quantity < 1 {
                continue;
            }
            match own.same(line.ware, line.size) {
                Some(same) => same.quantity += line.quantity,
                None => own.lines.push(line),
            }
        }
        own.lines.sort_by(|one, other| one.id.cmp(&other.id));
        if had_lines {
            let seen = self.basket(account).see().await;
            self.carts[account].token = seen["token"].as_str().map(str::to_owned);
            "a merge"
        } else {
            "a merge of nothing"
        }
    }

    async fn order(&mut self) -> &'static str {
        let at = self.any_cart();
        let cart = self.carts[at].clone();
        let Some(token) = &cart.token else { return "nothing" };
        let by = cart.account.map_or_else(|| self.shop.guest(), |account| self.accounts[account].clone());
        let reply = by.order().field("cartToken", token.as_str()).pickup().send_cart().await;
        let wares = &self.wares;
        if cart.lines.is_empty() {
            reply.expect_problem(422, "cart_empty");
            return "an order of nothing";
        }
        let fits = |line: &Line| {
            let ware = &wares[line.ware];
            ware.is_active && ware.offers(line.size) && cart.pieces(line.ware) <= ware.most
        };
        if !cart.lines.iter().all(fits) {
            reply.expect_problem(422, "validation_failed");
            return "an order refused";
        }
        let wanted: BTreeMap<usize, i64> = cart.lines.iter().map(|line| (line.ware, cart.pieces(line.ware))).collect();
        if wanted.iter().any(|(ware, pieces)| wares[*ware].available.is_some_and(|available| available < *pieces)) {
            let refused = reply.expect_problem(409, "insufficient_stock");
            let short: Vec<Value> =
                refused["lines"].as_array().expect("lines").iter().map(|line| line["index"].clone()).collect();
            let warned = cart.shown(wares, &self.products);
            let told: Vec<&Value> = warned["warnings"].as_array().expect("warnings").iter().collect();
            let foretold: Vec<Value> = (0..cart.lines.len())
                .filter(|index| {
                    let id = &cart.lines[*index].id;
                    told.iter().any(|told| **told == json!([id, "sold_out"]) || **told == json!([id, "insufficient_stock"]))
                })
                .map(|index| json!(index))
                .collect();
            assert_eq!(short, foretold, "what an order lacks is what the cart has warned of");
            return "an order for too much";
        }
        let reply = reply.expect(201);
        let total: i64 = cart.lines.iter().map(|line| wares[line.ware].unit(line.size) * line.quantity).sum();
        assert_eq!(reply["totalAmount"], money(total));
        for (ware, pieces) in wanted {
            if let Some(available) = &mut self.wares[ware].available {
                *available -= pieces;
            }
        }
        self.carts[at].lines.clear();
        // Now and then it is cancelled, so that there is something left to sell.
        if self.random.random_bool(0.5) {
            let path = format!("{}/cancel", Order::of(&reply).path());
            self.shop.owner().post(&path).json(&json!({})).send().await.expect(200);
            for line in &cart.lines {
                if let Some(available) = &mut self.wares[line.ware].available {
                    *available += line.quantity;
                }
            }
        }
        "an order"
    }

    async fn change_ware(&mut self) -> &'static str {
        let at = self.random.random_range(0..self.wares.len());
        let what = {
            let (ware, random) = (&mut self.wares[at], &mut self.random);
            match random.random_range(0..6) {
                0 => {
                    ware.price = random.random_range(1..9) * 250;
                    "another price"
                }
                1 | 2 => {
                    ware.is_active = !ware.is_active || random.random_bool(0.3);
                    if ware.is_active { "a product shown" } else { "a product hidden" }
                }
                3 | 4 if at > 0 => {
                    let all: [&[&'static str]; 4] = [&["small", "large"], &["large", "small"], &["small"], &["large"]];
                    ware.sizes = all.choose(random).expect("four ways").to_vec();
                    "other options"
                }
                _ => {
                    ware.most = random.random_range(8..40);
                    "another limit"
                }
            }
        };
        let ware = &self.wares[at];
        let fields = json!({
            "price": money(ware.price), "isActive": ware.is_active, "maxPerOrder": ware.most, "optionGroups": groups(&ware.sizes),
        });
        change(&self.shop, &self.products[at], fields).await;
        what
    }

    /// The counted products are counted anew, above what is promised.
    async fn count_stock(&mut self) -> &'static str {
        let at = self.random.random_range(0..2);
        let (_, reserved, _) = self.shop.owner().pieces(&self.products[at]).await;
        let available = self.random.random_range(0..60);
        set_stock(&self.shop, &self.products[at], reserved + available).await;
        self.wares[at].available = Some(available);
        "a count"
    }

    async fn compare(&self) {
        for (at, cart) in self.carts.iter().enumerate() {
            let seen = self.basket(at).see().await;
            assert_eq!(told(&seen), cart.shown(&self.wares, &self.products), "cart {at}");
            assert_eq!(seen["token"].as_str(), cart.token.as_deref(), "the token of cart {at}");
        }
    }
}

fn groups(codes: &[&str]) -> Value {
    if codes.is_empty() { json!([]) } else { sizes(codes) }
}

fn seed() -> u64 {
    let given = std::env::var("BAYADER_TEST_SEED").ok().and_then(|text| text.parse().ok());
    #[expect(clippy::disallowed_methods, reason = "a seed that differs from run to run")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
    given.unwrap_or(u64::try_from(now & u128::from(u64::MAX)).expect("64 bits"))
}

#[tokio::test]
async fn every_cart_is_that_of_the_model_after_every_step() {
    let seed = seed();
    println!("BAYADER_TEST_SEED={seed}");
    let long = std::env::var("BAYADER_TEST_LONG").is_ok_and(|value| value == "1");
    let mut run = Run::start(seed).await;
    let mut done: BTreeMap<&str, usize> = BTreeMap::new();
    for step in 0..if long { STEPS_LONG } else { STEPS } {
        let what = run.step().await;
        println!("step {step}: {what}");
        *done.entry(what).or_default() += 1;
        run.compare().await;
    }
    println!("{done:?}");
    for needed in ["an addition", "a change", "a merge", "an order", "something taken out", "a product hidden", "other options"]
    {
        assert!(done.contains_key(needed), "seed {seed} never made {needed}: {done:?}");
    }
    run.shop.close().await;
}
