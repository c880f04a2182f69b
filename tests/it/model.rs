//! The ledgers of stock and money against a model that keeps its own books: whatever is done in whatever order, both agree.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::harness::{Client, Order, Product, Shop};

const STEPS: usize = 300;
const STEPS_LONG: usize = 2_000;
/// A cash order that nobody confirms is held so long.
const HOLD_S: i64 = 24 * 3_600;
const UNDO_S: i64 = 60;
/// The writer's time may lead the clock by a second; nothing is decided within two of a limit.
const UNSURE_S: i64 = 2;
/// Whole minor units (fils), so that sums are exact.
const PRICES: [i64; 4] = [350, 1_000, 1_275, 12_500];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Pending,
    Confirmed,
    Preparing,
    Ready,
    Delivered,
    Cancelled,
}

impl State {
    fn code(self) -> &'static str {
        match self {
            State::Pending => "Pending",
            State::Confirmed => "Confirmed",
            State::Preparing => "Preparing",
            State::Ready => "ReadyForPickup",
            State::Delivered => "Delivered",
            State::Cancelled => "Cancelled",
        }
    }

    fn next(self) -> Option<State> {
        match self {
            State::Pending => Some(State::Confirmed),
            State::Confirmed => Some(State::Preparing),
            State::Preparing => Some(State::Ready),
            State::Ready => Some(State::Delivered),
            State::Delivered | State::Cancelled => None,
        }
    }

    fn is_open(self) -> bool {
        self.next().is_some()
    }
}

struct Pieces {
    stock: i64,
    reserved: i64,
}

/// The last move by staff, while it can be taken back.
#[derive(Clone, Copy)]
struct LastMove {
    from: State,
    at_s: i64,
}

struct Taken {
    order: Order,
    lines: Vec<(usize, i64)>,
    state: State,
    total: i64,
    captured: i64,
    refunded: i64,
    hold_ends_s: Option<i64>,
    last_move: Option<LastMove>,
}

impl Taken {
    fn payment_status(&self) -> &'static str {
        if self.captured == 0 {
            "Pending"
        } else if self.refunded == self.captured {
            "Refunded"
        } else if self.refunded > 0 {
            "PartiallyRefunded"
        } else if self.captured >= self.total {
            "Paid"
        } else {
            "Pending"
        }
    }
}

/// The model: what the books must say.
struct Model {
    now_s: i64,
    shelf: Vec<Pieces>,
    orders: Vec<Taken>,
}

impl Model {
    fn cancel(&mut self, index: usize, restock: bool, refund: bool) {
        let order = &mut self.orders[index];
        for (product, quantity) in &order.lines {
            match order.state {
                State::Pending => self.shelf[*product].reserved -= quantity,
                _ if restock => self.shelf[*product].stock += quantity,
                _ => {}
            }
        }
        if refund {
            order.refunded = order.captured;
        }
        order.state = State::Cancelled;
        order.hold_ends_s = None;
        order.last_move = None;
    }

    fn advance(&mut self, index: usize) {
        let order = &mut self.orders[index];
        let to = order.state.next().expect("only open orders are moved");
        if to == State::Confirmed {
            for (product, quantity) in &order.lines {
                self.shelf[*product].reserved -= quantity;
                self.shelf[*product].stock -= quantity;
            }
            order.hold_ends_s = None;
        }
        if to == State::Delivered {
            order.captured = order.total;
        }
        // What is paid, be it in part, does not go back to waiting for a yes.
        let stands = to == State::Delivered || (to == State::Confirmed && order.captured > order.refunded);
        order.last_move = (!stands).then_some(LastMove { from: order.state, at_s: self.now_s });
        order.state = to;
    }

    fn undo(&mut self, index: usize) {
        let order = &mut self.orders[index];
        let last = order.last_move.take().expect("only what can be taken back is");
        if last.from == State::Pending {
            for (product, quantity) in &order.lines {
                self.shelf[*product].reserved += quantity;
                self.shelf[*product].stock += quantity;
            }
            order.hold_ends_s = Some(self.now_s + HOLD_S);
        }
        order.state = last.from;
    }

    /// Holds that are over end, but not those of who has paid a part: they wait for staff.
    fn expire(&mut self) {
        for index in 0..self.orders.len() {
            if self.orders[index].hold_ends_s.is_some_and(|end| end <= self.now_s) {
                if self.orders[index].captured > 0 {
                    self.orders[index].hold_ends_s = None;
                } else {
                    self.cancel(index, true, true);
                }
            }
        }
    }

    /// Whether the clock stands where the writer's lead could decide.
    fn is_unsure(&self) -> bool {
        self.orders.iter().any(|order| {
            order.hold_ends_s.is_some_and(|end| (end - self.now_s).abs() <= UNSURE_S)
                || order.last_move.is_some_and(|last| (last.at_s + UNDO_S - self.now_s).abs() <= UNSURE_S)
        })
    }
}

fn money(minor: i64) -> String {
    format!("{}.{:03}", minor / 1_000, minor % 1_000)
}

struct Run {
    shop: Shop,
    staff: Client,
    random: StdRng,
    products: Vec<Product>,
    model: Model,
}

impl Run {
    async fn step(&mut self) -> &'static str {
        match self.random.random_range(0..100) {
            0..28 => self.place().await,
            28..52 => self.advance().await,
            52..62 => self.cancel().await,
            62..74 => self.undo().await,
            74..84 => self.adjust().await,
            84..92 => self.collect().await,
            _ => self.let_time_pass().await,
        }
    }

    async fn place(&mut self) -> &'static str {
        let by = if self.random.random_bool(0.5) { self.staff.clone() } else { self.shop.guest() };
        let collected = by.role().is_some() && self.random.random_bool(0.2);
        let lines: Vec<(usize, i64)> = (0..self.random.random_range(1..=4))
            .map(|_| (self.random.random_range(0..PRICES.len()), self.random.random_range(1..=6)))
            .collect();
        let mut request = by.order().pickup();
        for (product, quantity) in &lines {
            request = request.line(&self.products[*product], *quantity);
        }
        if collected {
            request = request.field("collected", true);
        }
        let reply = request.send().await;
        let mut wanted: BTreeMap<usize, i64> = BTreeMap::new();
        for (product, quantity) in &lines {
            *wanted.entry(*product).or_default() += quantity;
        }
        let available = |product: usize| self.model.shelf[product].stock - self.model.shelf[product].reserved;
        if wanted.iter().any(|(product, quantity)| available(*product) < *quantity) {
            reply.expect_problem(409, "insufficient_stock");
            return "an order for too much";
        }
        let reply = reply.expect(201);
        let total = lines.iter().map(|(product, quantity)| PRICES[*product] * quantity).sum();
        assert_eq!(reply["totalAmount"], money(total));
        for (product, quantity) in &lines {
            let shelf = &mut self.model.shelf[*product];
            if collected { shelf.stock -= quantity } else { shelf.reserved += quantity }
        }
        self.model.orders.push(Taken {
            order: Order::of(&reply),
            lines,
            state: if collected { State::Confirmed } else { State::Pending },
            total,
            captured: if collected { total } else { 0 },
            refunded: 0,
            hold_ends_s: (!collected).then_some(self.model.now_s + HOLD_S),
            last_move: None,
        });
        "an order"
    }

    /// Any order, one still open if there is one.
    fn pick(&mut self) -> Option<usize> {
        let open: Vec<usize> = (0..self.model.orders.len()).filter(|index| self.model.orders[*index].state.is_open()).collect();
        match (open.len(), self.model.orders.len()) {
            (_, 0) => None,
            (0, all) => Some(self.random.random_range(0..all)),
            (_, all) if self.random.random_bool(0.1) => Some(self.random.random_range(0..all)),
            (open_ones, _) => Some(open[self.random.random_range(0..open_ones)]),
        }
    }

    async fn advance(&mut self) -> &'static str {
        let Some(index) = self.pick() else { return "nothing" };
        let taken = &self.model.orders[index];
        let Some(to) = taken.state.next() else {
            self.staff.move_order(&taken.order, "Preparing").await.expect_problem(409, "illegal_transition");
            return "a move from an end";
        };
        self.staff.move_order(&taken.order, to.code()).await.expect(200);
        self.model.advance(index);
        "a move"
    }

    async fn cancel(&mut self) -> &'static str {
        let Some(index) = self.pick() else { return "nothing" };
        let taken = &self.model.orders[index];
        let restock = self.random.random_bool(0.6).then(|| self.random.random_bool(0.5));
        let refund = self.random.random_bool(0.5).then(|| self.random.random_bool(0.5));
        let mut body = json!({ "reason": "the model said so" });
        if let Some(restock) = restock {
            body["restock"] = restock.into();
        }
        if let Some(refund) = refund {
            body["refund"] = refund.into();
        }
        let reply = self.staff.post(&format!("{}/cancel", taken.order.path())).json(&body).send().await;
        if !taken.state.is_open() {
            reply.expect_problem(409, "illegal_transition");
            return "a cancel at an end";
        }
        reply.expect(200);
        let restock = restock.unwrap_or(matches!(taken.state, State::Pending | State::Confirmed));
        self.model.cancel(index, restock, refund.unwrap_or(true));
        "a cancel"
    }

    async fn undo(&mut self) -> &'static str {
        // Mostly one that can be taken back, if there is one.
        let fresh = |model: &Model, taken: &Taken| taken.last_move.is_some_and(|last| last.at_s + UNDO_S > model.now_s);
        let movable: Vec<usize> =
            (0..self.model.orders.len()).filter(|index| fresh(&self.model, &self.model.orders[*index])).collect();
        let picked = if movable.is_empty() || self.random.random_bool(0.2) {
            self.pick()
        } else {
            Some(movable[self.random.random_range(0..movable.len())])
        };
        let Some(index) = picked else { return "nothing" };
        let taken = &self.model.orders[index];
        let version = self.staff.order_of(&taken.order).await["version"].clone();
        let path = format!("{}/undo", taken.order.path());
        let reply = self.staff.post(&path).json(&json!({ "version": version })).send().await;
        if !fresh(&self.model, taken) {
            reply.expect_problem(409, "cannot_undo");
            return "an undo too late";
        }
        reply.expect(200);
        self.model.undo(index);
        "an undo"
    }

    async fn adjust(&mut self) -> &'static str {
        let product = self.random.random_range(0..PRICES.len());
        let shelf = &self.model.shelf[product];
        let (mut body, stock) = if self.random.random_bool(0.5) {
            let stock = self.random.random_range(0..60);
            (json!({ "stock": stock, "reason": "count" }), stock)
        } else {
            let delta = self.random.random_range(-20..30);
            (json!({ "delta": delta, "reason": "baked" }), shelf.stock + delta)
        };
        body["version"] = self.staff.inventory(&self.products[product]).await["version"].clone();
        let reply = self.staff.put(&format!("/api/v1/inventory/{}", self.products[product].id)).json(&body).send().await;
        if stock < 0 {
            assert!((400..500).contains(&reply.status), "{reply:?}");
            return "an adjustment below zero";
        }
        if stock < shelf.reserved {
            reply.expect_problem(409, "below_reserved");
            return "an adjustment below what is promised";
        }
        reply.expect(200);
        self.model.shelf[product].stock = stock;
        "an adjustment"
    }

    async fn collect(&mut self) -> &'static str {
        let Some(index) = self.pick() else { return "nothing" };
        let taken = &mut self.model.orders[index];
        let due = taken.total - taken.captured;
        let amount = self.random.random_bool(0.6).then(|| self.random.random_range(1..=taken.total + 500));
        let mut body = amount.map_or_else(|| json!({}), |amount| json!({ "amount": money(amount) }));
        // By whichever way it comes, the sums are the same.
        body["method"] = ["cash", "cash", "card_machine", "transfer"][self.random.random_range(0..4)].into();
        let reply = self.staff.post(&format!("{}/collect", taken.order.path())).json(&body).send().await;
        if due <= 0 || taken.state == State::Cancelled {
            reply.expect_problem(409, "nothing_due");
            return "a payment of nothing";
        }
        if amount.is_some_and(|amount| amount > due) {
            reply.expect_problem(409, "amount_exceeds_due");
            return "a payment of too much";
        }
        reply.expect(200);
        taken.captured += amount.unwrap_or(due);
        // Something has happened since: the move stands.
        taken.last_move = None;
        if taken.state == State::Pending && taken.captured == taken.total {
            // Paid in full is confirmed.
            self.model.advance(index);
        }
        "a payment"
    }

    async fn let_time_pass(&mut self) -> &'static str {
        let steps = [7_i64, 7, 7, 311, 3_607, 90_011];
        let mut passing = steps[self.random.random_range(0..steps.len())];
        loop {
            self.shop.advance(Duration::from_secs(passing.unsigned_abs()));
            self.model.now_s += passing;
            if !self.model.is_unsure() {
                break;
            }
            passing = 3;
        }
        self.shop.run_jobs().await;
        self.model.expire();
        "time"
    }

    /// The books of the shop say what the model's say.
    async fn compare(&self) {
        for (product, shelf) in self.products.iter().zip(&self.model.shelf) {
            let wanted = (shelf.stock, shelf.reserved, shelf.stock - shelf.reserved);
            assert_eq!(self.staff.pieces(product).await, wanted, "{}: stock, reserved, available", product.body["name"]);
        }
        let seen: BTreeMap<String, Value> = self
            .staff
            .walk("/api/v1/orders?per_page=100")
            .await
            .into_iter()
            .map(|order| (order["id"].as_str().expect("an id").to_owned(), order))
            .collect();
        assert_eq!(seen.len(), self.model.orders.len(), "as many orders");
        for taken in &self.model.orders {
            let order = &seen[&taken.order.id];
            let told = [&order["status"], &order["paymentStatus"], &order["refundedAmount"], &order["totalAmount"]];
            let (refunded, total) = (money(taken.refunded), money(taken.total));
            assert_eq!(told, [taken.state.code(), taken.payment_status(), &refunded, &total], "{}", taken.order.number);
        }
    }
}

fn seed() -> u64 {
    let given = std::env::var("BAYADER_TEST_SEED").ok().and_then(|text| text.parse().ok());
    #[expect(clippy::disallowed_methods, reason = "a seed that differs from run to run")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
    given.unwrap_or(u64::try_from(now & u128::from(u64::MAX)).expect("64 bits"))
}

#[tokio::test]
async fn the_books_are_those_of_the_model_after_every_step() {
    let seed = seed();
    println!("BAYADER_TEST_SEED={seed}");
    let long = std::env::var("BAYADER_TEST_LONG").is_ok_and(|value| value == "1");
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let mut random = StdRng::seed_from_u64(seed);
    let (mut products, mut shelf) = (Vec::new(), Vec::new());
    for (n, price) in PRICES.iter().enumerate() {
        let stock = random.random_range(0..40);
        products.push(shop.product(&format!("Product {n}")).price(&money(*price)).stock(stock).create().await);
        shelf.push(Pieces { stock, reserved: 0 });
    }
    let mut run = Run { shop, staff, random, products, model: Model { now_s: 0, shelf, orders: Vec::new() } };
    let mut done: BTreeMap<&str, usize> = BTreeMap::new();
    for step in 0..if long { STEPS_LONG } else { STEPS } {
        let what = run.step().await;
        println!("step {step}: {what}");
        *done.entry(what).or_default() += 1;
        run.compare().await;
    }
    println!("{done:?}");
    for needed in ["an order", "an order for too much", "a move", "a cancel", "an undo", "an adjustment", "a payment", "time"] {
        assert!(done.contains_key(needed), "seed {seed} never made {needed}: {done:?}");
    }
    run.shop.close().await;
}

/// Found by the model: taken back, the paid order would have ended by itself and the books would have paid the cash out.
#[tokio::test]
async fn an_order_placed_with_its_cash_stays_confirmed() {
    let shop = Shop::open().await;
    let staff = shop.staff().await;
    let bread = shop.product("Bread").price("1.000").stock(10).create().await;
    let placed = staff.order().line(&bread, 1).pickup().field("collected", true).send().await.expect(201);
    assert_eq!((&placed["status"], &placed["paymentStatus"]), (&"Confirmed".into(), &"Paid".into()));
    let order = Order::of(&placed);
    let version = staff.order_of(&order).await["version"].clone();
    let undo = staff.post(&format!("{}/undo", order.path())).json(&json!({ "version": version })).send().await;
    undo.expect_problem(409, "cannot_undo");
    assert_eq!(staff.pieces(&bread).await, (9, 0, 9));
    shop.close().await;
}
