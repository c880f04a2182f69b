//! A gateway in this process: books of its own in memory, and it does what the test tells it to do, also what real ones do on bad days.
//!
//! It is the fifth gateway too: nothing outside this file, the test's line that brings it along, and the adapters' trait knows it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::hmac;
use bayader::clock::Clock;
use bayader::features::money::Failure;
use bayader::features::payments::gateway::{
    AmountRefusal, Attempt, BookKind, BookLine, Call, CallFault, Capture, Delivery, Dispute, DisputeStep, Ending, Event, Flow,
    Found, Gateway, Handover, KeyLife, Reading, RefundCall, RefundReport, RefundTold, Report, There, Total, Verdict, WhenLost,
};
use bayader::kernel::{Currency, Locale, Money, PaymentId, PaymentMethod, RefundId, RefundStatus, UtcMs};
use serde_json::{Value, json};
use tokio::sync::watch;

pub const TESTPAY: &str = "testpay";
/// What its messages are signed with.
pub const SECRET: &[u8] = b"testpay-secret";
const SIGNATURE: &str = "testpay-signature";

/// What it can be asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Op {
    Start,
    Ask,
    Find,
    Capture,
    End,
    Refund,
    AskRefund,
    Books,
    Check,
}

/// How it goes about one call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// As it should.
    Do,
    /// The customer's card is refused.
    Decline,
    /// It will not, under this code.
    Refuse(&'static str),
    Misconfigured,
    /// It is not reached.
    NotSent,
    /// Nothing is done, and nobody is told.
    UnclearBefore,
    /// It is done, and nobody is told.
    UnclearAfter,
    /// It is done, and an error is answered, each time that the same key comes.
    ReplayedError,
    /// Nothing until [`TestGateway::release`]; then as it should.
    Hang,
    /// As [`Act::Hang`], but it has been done before.
    HangAfter,
    /// Nothing until [`TestGateway::release`]; then it will not, under this code.
    HangRefuse(&'static str),
}

/// A sale in its books.
#[derive(Clone, Debug)]
pub struct Sale {
    pub reference: String,
    pub payment: PaymentId,
    pub amount: Money,
    pub state: There,
    pub captures: Vec<Capture>,
    pub failure: Option<Failure>,
    handover: Handover,
}

/// A refund in its books.
#[derive(Clone, Debug)]
pub struct Returned {
    pub object: String,
    pub ours: Option<RefundId>,
    pub payment: PaymentId,
    pub amount: Money,
    pub status: RefundStatus,
}

#[derive(Default)]
struct Books {
    sales: Vec<Sale>,
    refunds: Vec<Returned>,
    lines: Vec<BookLine>,
    scripts: BTreeMap<Op, VecDeque<Act>>,
    asked: BTreeMap<Op, usize>,
    keys: Vec<(Op, String)>,
    errors: Vec<String>,
    made: usize,
}

/// A gateway that a test holds in its hand.
pub struct TestGateway {
    method: PaymentMethod,
    approves: bool,
    is_async: bool,
    can_end: bool,
    when_lost: WhenLost,
    key_life: KeyLife,
    /// The largest amount in minor units that it can express.
    most_minor: i64,
    /// Amounts it expresses are multiples of this.
    step_minor: i64,
    /// The currencies that it takes, by code; all of them if there is none.
    currencies: &'static [&'static str],
    clock: Mutex<Option<Clock>>,
    books: Mutex<Books>,
    released: watch::Sender<u64>,
}

impl TestGateway {
    /// `testpay`, whose keys live a day.
    pub fn new() -> TestGateway {
        TestGateway::named(TESTPAY)
    }

    pub fn named(code: &str) -> TestGateway {
        let day = 24 * 3_600_000;
        TestGateway {
            method: PaymentMethod::from_code(code).expect("a method's code"),
            approves: false,
            is_async: false,
            can_end: true,
            when_lost: WhenLost::SendAgain,
            key_life: KeyLife { start_ms: day, refund_ms: day },
            most_minor: i64::MAX,
            step_minor: 1,
            currencies: &[],
            clock: Mutex::default(),
            books: Mutex::default(),
            released: watch::channel(0).0,
        }
    }

    /// Its customers agree first, and the money is the shop's to take.
    pub fn approving(mut self) -> TestGateway {
        self.approves = true;
        self
    }

    /// Its refunds are pending until [`TestGateway::finish_refund`].
    pub fn refunding_later(mut self) -> TestGateway {
        self.is_async = true;
        self
    }

    /// It replays errors under a key, so that a lost attempt is closed.
    pub fn closing_when_lost(mut self) -> TestGateway {
        self.when_lost = WhenLost::Close;
        self
    }

    /// What was begun there stays payable until it ends by itself.
    pub fn ending_nothing(mut self) -> TestGateway {
        self.can_end = false;
        self
    }

    /// Without keys: what is sent twice is done twice.
    pub fn without_keys(mut self) -> TestGateway {
        self.key_life = KeyLife { start_ms: 0, refund_ms: 0 };
        self.closing_when_lost()
    }

    pub fn key_life(mut self, start_ms: i64, refund_ms: i64) -> TestGateway {
        self.key_life = KeyLife { start_ms, refund_ms };
        self
    }

    /// It expresses multiples of this alone.
    pub fn in_steps_of(mut self, minor: i64) -> TestGateway {
        self.step_minor = minor;
        self
    }

    /// It takes these currencies alone.
    pub fn taking(mut self, currencies: &'static [&'static str]) -> TestGateway {
        self.currencies = currencies;
        self
    }

    /// The header of its own in which its signature may stand, by which it is known on the path of all gateways.
    pub fn header(&self) -> String {
        format!("{}-signature", self.method.code())
    }

    pub fn shared(self) -> Arc<TestGateway> {
        Arc::new(self)
    }

    /// By whose clock its books are dated.
    pub fn use_clock(&self, clock: &Clock) {
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock.clone());
    }

    fn now(&self) -> UtcMs {
        let clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        clock.as_ref().map_or(UtcMs::from_ms(0), Clock::now)
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it does at its next calls of a kind, one after the other; then it does as it should.
    pub fn next(&self, op: Op, acts: impl IntoIterator<Item = Act>) {
        self.books().scripts.entry(op).or_default().extend(acts);
    }

    /// How often it was asked a thing.
    pub fn asked(&self, op: Op) -> usize {
        self.books().asked.get(&op).copied().unwrap_or(0)
    }

    /// The keys that it was sent with a kind of call, in their order.
    pub fn keys(&self, op: Op) -> Vec<String> {
        self.books().keys.iter().filter(|(of, _)| *of == op).map(|(_, key)| key.clone()).collect()
    }

    /// Waits until it has been asked a thing so often.
    pub async fn reach(&self, op: Op, times: usize) {
        while self.asked(op) < times {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }

    /// Lets what hangs go on.
    pub fn release(&self) {
        self.released.send_modify(|times| *times += 1);
    }

    pub fn sales(&self) -> Vec<Sale> {
        self.books().sales.clone()
    }

    /// The sale of a payment, by our id; the last one, where there are several.
    pub fn sale(&self, payment: &str) -> Sale {
        let payment = PaymentId::parse(payment).expect("a payment's id");
        let books = self.books();
        let found = books.sales.iter().rev().find(|sale| sale.payment == payment);
        found.unwrap_or_else(|| panic!("{payment} was never begun at {:?}", self.method)).clone()
    }

    pub fn refunds(&self) -> Vec<Returned> {
        self.books().refunds.clone()
    }

    /// Minor units that it holds of the shop's: captured less refunded.
    pub fn held_minor(&self) -> i64 {
        let books = self.books();
        let captured: i64 = books.sales.iter().flat_map(|sale| &sale.captures).map(|capture| capture.amount.minor()).sum();
        let done = books.refunds.iter().filter(|refund| refund.status == RefundStatus::Succeeded);
        captured - done.map(|refund| refund.amount.minor()).sum::<i64>()
    }

    fn change<T>(&self, payment: &str, change: impl FnOnce(&mut Books, usize) -> T) -> T {
        let id = PaymentId::parse(payment).expect("a payment's id");
        let mut books = self.books();
        let index = books.sales.iter().rposition(|sale| sale.payment == id).expect("a sale that was begun");
        change(&mut books, index)
    }

    /// The customer pays, whether or not the shop still wants it: the gateway's own page is open until the sale has ended there. With
    /// an approving gateway they agree.
    pub fn pay(&self, payment: &str) {
        let amount = self.sale(payment).amount;
        self.pay_amount(payment, amount);
    }

    /// As [`TestGateway::pay`], of another amount.
    pub fn pay_amount(&self, payment: &str, amount: Money) {
        let (now, approves) = (self.now(), self.approves);
        self.change(payment, |books, index| {
            assert!(!matches!(books.sales[index].state, There::Ended(_)), "what has ended cannot be paid");
            if approves {
                books.sales[index].state = There::Approved;
            } else {
                books.capture(index, amount, now);
            }
        });
    }

    /// The customer's card was refused; they may try again.
    pub fn decline(&self, payment: &str) {
        self.change(payment, |books, index| {
            books.sales[index].failure = Some(Failure { code: "card_declined".into(), message: "Not enough money.".into() });
        });
    }

    pub fn set_state(&self, payment: &str, state: There) {
        self.change(payment, |books, index| books.sales[index].state = state);
    }

    /// It ends by itself.
    pub fn expire(&self, payment: &str) {
        self.set_state(payment, There::Ended(Ending::Expired));
    }

    /// Somebody gives money back in the gateway's own pages.
    pub fn refund_outside(&self, payment: &str, minor: i64) -> String {
        let now = self.now();
        self.change(payment, |books, index| {
            let (payment, amount) =
                (books.sales[index].payment, Money::from_minor(minor, books.sales[index].amount.currency()));
            books.give_back(None, payment, amount, RefundStatus::Succeeded, now)
        })
    }

    /// A pending refund ends; by its name there.
    pub fn finish_refund(&self, object: &str, status: RefundStatus) {
        let now = self.now();
        let mut books = self.books();
        let refund = books.refunds.iter_mut().find(|refund| refund.object == object).expect("a refund it knows");
        refund.status = status;
        let (object, amount) = (refund.object.clone(), refund.amount);
        if status == RefundStatus::Succeeded {
            books.lines.push(BookLine { object, of: Vec::new(), kind: BookKind::Refunded, amount, at: now });
        }
    }

    /// A message that says how a payment stands now, signed. Kept back, it is delivered late.
    pub fn message(&self, kind: &str, payment: &str) -> Message {
        let sale = self.sale(payment);
        let refunds: Vec<Value> =
            self.refunds().iter().filter(|refund| refund.payment == sale.payment).map(refund_json).collect();
        let captures: Vec<Value> = sale.captures.iter().map(capture_json).collect();
        self.sign(kind, json!({
            "reference": sale.reference, "payment": sale.payment.to_string(), "state": state_word(sale.state), "captures": captures,
            "refunds": refunds, "failure": sale.failure.as_ref().map(|failure| &failure.code),
        }))
    }

    /// A message that only hints that something happened.
    pub fn hint(&self, payment: &str) -> Message {
        self.sign("hint", json!({ "reference": self.sale(payment).reference }))
    }

    /// A message of a dispute: `opened`, `withdrawn`, `reinstated`, `won` or `lost`.
    pub fn dispute(&self, payment: &str, what: &str) -> Message {
        let sale = self.sale(payment);
        self.sign(
            "dispute",
            json!({ "reference": sale.reference, "dispute": { "object": format!("dp_{}", sale.reference), "what": what,
            "amountMinor": sale.amount.minor(), "currency": sale.amount.currency().code() } }),
        )
    }

    /// Any body as a signed message.
    pub fn sign(&self, kind: &str, mut body: Value) -> Message {
        let mut books = self.books();
        books.made += 1;
        body["id"] = format!("evt_{}_{}", self.method.code(), books.made).into();
        body["type"] = kind.into();
        Message::signed(body.to_string())
    }
}

/// A message to the shop, as it is posted.
#[derive(Clone, Debug)]
pub struct Message {
    pub body: String,
    pub signature: String,
}

impl Message {
    pub fn signed(body: String) -> Message {
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
        Message { signature: hex::encode(hmac::sign(&key, body.as_bytes())), body }
    }

    pub fn header() -> &'static str {
        SIGNATURE
    }
}

impl Books {
    fn next_name(&mut self, prefix: &str) -> String {
        self.made += 1;
        format!("{prefix}_{}", self.made)
    }

    fn capture(&mut self, index: usize, amount: Money, at: UtcMs) {
        let object = self.next_name(&format!("ch_{}", self.sales[index].payment));
        self.lines.push(BookLine { object: object.clone(), of: Vec::new(), kind: BookKind::Captured, amount, at });
        self.sales[index].captures.push(Capture { object, amount, fee: None });
    }

    fn give_back(
        &mut self,
        ours: Option<RefundId>,
        payment: PaymentId,
        amount: Money,
        status: RefundStatus,
        at: UtcMs,
    ) -> String {
        let object = self.next_name(&format!("re_{payment}"));
        if status == RefundStatus::Succeeded {
            self.lines.push(BookLine { object: object.clone(), of: Vec::new(), kind: BookKind::Refunded, amount, at });
        }
        self.refunds.push(Returned { object: object.clone(), ours, payment, amount, status });
        object
    }
}

fn state_word(state: There) -> &'static str {
    match state {
        There::Open => "open",
        There::NeedsAction => "needs_action",
        There::Approved => "approved",
        There::Underway => "underway",
        There::Ended(Ending::Failed) => "failed",
        There::Ended(Ending::Cancelled) => "cancelled",
        There::Ended(Ending::Expired) => "expired",
    }
}

fn state_of(word: &str) -> Option<There> {
    let all = [
        There::Open,
        There::NeedsAction,
        There::Approved,
        There::Underway,
        There::Ended(Ending::Failed),
        There::Ended(Ending::Cancelled),
        There::Ended(Ending::Expired),
    ];
    all.into_iter().find(|state| state_word(*state) == word)
}

fn capture_json(capture: &Capture) -> Value {
    json!({ "object": capture.object, "amountMinor": capture.amount.minor(), "currency": capture.amount.currency().code() })
}

fn refund_json(refund: &Returned) -> Value {
    json!({ "object": refund.object, "ours": refund.ours.map(|id| id.to_string()), "status": refund.status.code(),
        "amountMinor": refund.amount.minor(), "currency": refund.amount.currency().code() })
}

fn money_of(value: &Value) -> Option<Money> {
    Some(Money::from_minor(value["amountMinor"].as_i64()?, Currency::from_code(value["currency"].as_str()?)?))
}

impl TestGateway {
    /// Counts a call, and says how it is to go.
    fn begin(&self, op: Op, key: Option<String>) -> Act {
        let mut books = self.books();
        *books.asked.entry(op).or_default() += 1;
        if let Some(key) = key {
            if books.errors.contains(&key) {
                return Act::ReplayedError;
            }
            books.keys.push((op, key));
        }
        books.scripts.get_mut(&op).and_then(VecDeque::pop_front).unwrap_or(Act::Do)
    }

    async fn until_released(&self) {
        let mut released = self.released.subscribe();
        let seen = *released.borrow_and_update();
        let _ = released.wait_for(|times| *times > seen).await;
    }

    /// Goes about one call; `work` is what it does to the books.
    async fn go<T: Send>(
        &self,
        op: Op,
        key: Option<String>,
        work: impl FnOnce(&mut Books) -> Result<T, CallFault> + Send,
    ) -> Result<T, CallFault> {
        let unclear = || CallFault::Unclear("testpay did not answer clearly".into());
        match self.begin(op, key.clone()) {
            Act::Do => work(&mut self.books()),
            Act::Decline => Err(CallFault::Declined { code: "card_declined".into(), message: "The card was declined.".into() }),
            Act::Refuse(code) => Err(CallFault::Refused { code: code.into(), message: "It will not.".into() }),
            Act::Misconfigured => Err(CallFault::Misconfigured("the key".into())),
            Act::NotSent => Err(CallFault::NotSent("testpay could not be reached".into())),
            Act::UnclearBefore => Err(unclear()),
            Act::UnclearAfter => work(&mut self.books()).and_then(|_| Err(unclear())),
            Act::ReplayedError => {
                let mut books = self.books();
                let first = key.as_ref().is_none_or(|key| !books.errors.contains(key));
                books.errors.extend(key.filter(|_| first));
                if first {
                    let _ = work(&mut books);
                }
                Err(unclear())
            }
            Act::Hang => {
                self.until_released().await;
                work(&mut self.books())
            }
            Act::HangRefuse(code) => {
                self.until_released().await;
                Err(CallFault::Refused { code: code.into(), message: "It will not.".into() })
            }
            Act::HangAfter => {
                let done = work(&mut self.books());
                self.until_released().await;
                done
            }
        }
    }

    fn report_of(books: &Books, sale: &Sale) -> Report {
        let refunds = books.refunds.iter().filter(|refund| refund.payment == sale.payment);
        let refunds = refunds.map(|refund| RefundTold {
            object: refund.object.clone(),
            ours: refund.ours,
            amount: refund.amount,
            status: refund.status,
            failure: None,
        });
        Report {
            state: Some(sale.state),
            reference: Some(sale.reference.clone()),
            objects: sale.captures.iter().map(|capture| capture.object.clone()).collect(),
            captures: sale.captures.clone(),
            refunds: refunds.collect(),
            failure: sale.failure.clone(),
            raw: Some(json!({ "id": sale.reference, "status": state_word(sale.state) })),
            ..Report::default()
        }
    }

    fn find_sale<'b>(books: &'b Books, attempt: &Attempt) -> Option<&'b Sale> {
        books.sales.iter().find(|sale| match &attempt.reference {
            Some(reference) => sale.reference == *reference,
            None => sale.payment == attempt.payment,
        })
    }

    fn known<'b>(books: &'b Books, attempt: &Attempt) -> Result<&'b Sale, CallFault> {
        let unknown = || CallFault::Refused { code: "unknown".into(), message: "No such sale.".into() };
        TestGateway::find_sale(books, attempt).ok_or_else(unknown)
    }
}

impl Gateway for TestGateway {
    fn method(&self) -> PaymentMethod {
        self.method
    }

    fn name(&self, locale: Locale) -> &'static str {
        match locale {
            Locale::En => "Test gateway",
            Locale::Ar => "بوابة تجريبية",
        }
    }

    fn flows(&self) -> &'static [Flow] {
        &[Flow::Redirect, Flow::Elements]
    }

    fn publishable_key(&self) -> Option<&str> {
        Some("pk_testpay")
    }

    fn takes(&self, currency: Currency) -> bool {
        self.currencies.is_empty() || self.currencies.contains(&currency.code())
    }

    fn expresses(&self, amount: Money) -> Result<(), AmountRefusal> {
        let fits = amount.minor() <= self.most_minor && amount.minor() % self.step_minor == 0;
        if fits { Ok(()) } else { Err(AmountRefusal::NotRepresentable) }
    }

    fn key_life(&self) -> KeyLife {
        self.key_life
    }

    fn when_lost(&self) -> WhenLost {
        self.when_lost
    }

    fn start<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Report> {
        let knows_keys = self.key_life.start_ms > 0;
        Box::pin(self.go(Op::Start, Some(attempt.key()), move |books| {
            assert!(attempt.request.is_some(), "what is begun has a request");
            let known = books.sales.iter().position(|sale| sale.payment == attempt.payment && knows_keys);
            let index = known.unwrap_or_else(|| {
                let reference = books.next_name("sale");
                let handover = match attempt.flow {
                    Flow::Redirect => {
                        Handover { redirect_url: Some(format!("https://testpay.example/{reference}")), client_secret: None }
                    }
                    Flow::Elements => Handover { redirect_url: None, client_secret: Some(format!("secret_{reference}")) },
                };
                books.sales.push(Sale {
                    reference,
                    payment: attempt.payment,
                    amount: attempt.amount,
                    state: There::Open,
                    captures: Vec::new(),
                    failure: None,
                    handover,
                });
                books.sales.len() - 1
            });
            let sale = books.sales[index].clone();
            Ok(Report { handover: Some(sale.handover.clone()), ..TestGateway::report_of(books, &sale) })
        }))
    }

    fn ask<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Report> {
        Box::pin(
            self.go(Op::Ask, None, |books| TestGateway::known(books, attempt).map(|sale| TestGateway::report_of(books, sale))),
        )
    }

    fn find<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Found> {
        Box::pin(self.go(Op::Find, None, |books| {
            let by_us = Attempt { reference: None, ..attempt.clone() };
            Ok(match TestGateway::find_sale(books, &by_us) {
                Some(sale) => {
                    let report = Report { handover: Some(sale.handover.clone()), ..TestGateway::report_of(books, sale) };
                    Found::There(Box::new(report))
                }
                None => Found::NotThere,
            })
        }))
    }

    fn capture<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Report> {
        let now = self.now();
        Box::pin(self.go(Op::Capture, None, move |books| {
            let reference = TestGateway::known(books, attempt)?.reference.clone();
            let index = books.sales.iter().position(|sale| sale.reference == reference).expect("it was just found");
            if books.sales[index].state == There::Approved && books.sales[index].captures.is_empty() {
                let amount = books.sales[index].amount;
                books.capture(index, amount, now);
            }
            let sale = books.sales[index].clone();
            Ok(TestGateway::report_of(books, &sale))
        }))
    }

    fn can_end(&self) -> bool {
        self.can_end
    }

    fn end<'a>(&'a self, attempt: &'a Attempt) -> Call<'a, Report> {
        let can_end = self.can_end;
        Box::pin(self.go(Op::End, None, move |books| {
            let reference = TestGateway::known(books, attempt)?.reference.clone();
            let index = books.sales.iter().position(|sale| sale.reference == reference).expect("it was just found");
            let sale = &mut books.sales[index];
            if can_end && sale.captures.is_empty() && matches!(sale.state, There::Open | There::NeedsAction) {
                sale.state = There::Ended(Ending::Cancelled);
            }
            let sale = sale.clone();
            Ok(TestGateway::report_of(books, &sale))
        }))
    }

    fn refund<'a>(&'a self, refund: &'a RefundCall) -> Call<'a, RefundReport> {
        let (now, knows_keys) = (self.now(), self.key_life.refund_ms > 0);
        let status = if self.is_async { RefundStatus::Pending } else { RefundStatus::Succeeded };
        Box::pin(self.go(Op::Refund, Some(refund.key()), move |books| {
            let known = books.refunds.iter().find(|known| known.ours == Some(refund.refund) && knows_keys).cloned();
            let (object, status) = match known {
                Some(known) => (known.object, known.status),
                None => (books.give_back(Some(refund.refund), refund.payment, refund.amount, status, now), status),
            };
            Ok(RefundReport { status, object: Some(object), failure: None, raw: None })
        }))
    }

    fn ask_refund<'a>(&'a self, refund: &'a RefundCall) -> Call<'a, Option<RefundReport>> {
        Box::pin(self.go(Op::AskRefund, None, move |books| {
            let known = books.refunds.iter().find(|known| known.ours == Some(refund.refund));
            Ok(known.map(|known| RefundReport {
                status: known.status,
                object: Some(known.object.clone()),
                failure: None,
                raw: None,
            }))
        }))
    }

    fn books(&self, from: UtcMs, until: UtcMs) -> Call<'_, Option<Vec<BookLine>>> {
        Box::pin(self.go(Op::Books, None, move |books| {
            Ok(Some(books.lines.iter().filter(|line| line.at >= from && line.at < until).cloned().collect()))
        }))
    }

    fn check(&self) -> Call<'_, ()> {
        Box::pin(self.go(Op::Check, None, |_| Ok(())))
    }

    fn signs(&self, delivery: &Delivery<'_>) -> bool {
        delivery.headers.contains_key(self.header().as_str())
    }

    fn verify<'a>(
        &'a self,
        delivery: Delivery<'a>,
        _now: UtcMs,
    ) -> std::pin::Pin<Box<dyn Future<Output = Verdict> + Send + 'a>> {
        let verdict = || {
            let names = [SIGNATURE.to_owned(), self.header()];
            let names = names.iter().enumerate().filter(|(at, name)| names.iter().position(|one| one == *name) == Some(*at));
            let values: Vec<_> = names.flat_map(|(_, name)| delivery.headers.get_all(name.as_str())).collect();
            let &[value] = values.as_slice() else { return Verdict::Forged { why: "not one signature" } };
            let Ok(tag) = hex::decode(value.as_bytes()) else { return Verdict::Forged { why: "the signature is none" } };
            if hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), delivery.body, &tag).is_err() {
                return Verdict::Forged { why: "the signature is another" };
            }
            let Ok(body) = serde_json::from_slice::<Value>(delivery.body) else { return Verdict::Forged { why: "no JSON" } };
            if body["type"] == "not_for_us" {
                return Verdict::NotForUs;
            }
            if body["type"] == "cannot_tell" {
                return Verdict::CannotTell { why: "the certificate is not there".to_owned() };
            }
            let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
            Verdict::Genuine(Event { id: text("id"), kind: text("type"), body })
        };
        let verdict = verdict();
        Box::pin(async move { verdict })
    }

    fn read(&self, event: &Event) -> Reading {
        let body = &event.body;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let mut reading = Reading { about: text(&body["reference"]).into_iter().collect(), ..Reading::default() };
        reading.ours = body["payment"].as_str().and_then(PaymentId::parse);
        if event.kind == "hint" {
            return Reading { ask: true, ..reading };
        }
        if event.kind.starts_with("unknown") {
            return Reading { ignored: true, ..reading };
        }
        let list = |name: &str| body[name].as_array().cloned().unwrap_or_default();
        let captures: Vec<Capture> = list("captures")
            .iter()
            .filter_map(|one| Some(Capture { object: text(&one["object"])?, amount: money_of(one)?, fee: None }))
            .collect();
        let refunds = list("refunds").into_iter().filter_map(|one| {
            Some(RefundTold {
                object: text(&one["object"])?,
                ours: one["ours"].as_str().and_then(RefundId::parse),
                amount: money_of(&one)?,
                status: RefundStatus::from_code(one["status"].as_str()?)?,
                failure: None,
            })
        });
        let dispute = &body["dispute"];
        let what = dispute["what"].as_str().and_then(|what| {
            Some(match what {
                "opened" => DisputeStep::Opened,
                "withdrawn" => DisputeStep::Withdrawn(money_of(dispute)?),
                "reinstated" => DisputeStep::Reinstated(money_of(dispute)?),
                "won" => DisputeStep::Closed { lost: false },
                _ => DisputeStep::Closed { lost: true },
            })
        });
        let total = money_of(&body["refundedTotal"]);
        reading.report = Report {
            state: body["state"].as_str().and_then(state_of),
            reference: text(&body["reference"]),
            objects: captures.iter().map(|capture| capture.object.clone()).collect(),
            refunds: refunds.collect(),
            refunded_total: total
                .map(|amount| Total { object: text(&body["refundedTotal"]["object"]).unwrap_or_default(), amount }),
            dispute: what.map(|what| Dispute { object: text(&dispute["object"]).unwrap_or_default(), what }),
            failure: text(&body["failure"]).map(|code| Failure { code, message: String::new() }),
            captures,
            raw: Some(body.clone()),
            ..Report::default()
        };
        reading
    }
}
