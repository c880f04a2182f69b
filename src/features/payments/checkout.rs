//! Beginning to pay: the row first, then the gateway, then what it said.
//!
//! One transaction decides what is to be done ([`Plan`]), what it says is done outside any, and then it is decided anew, until there is
//! an answer. So whatever a gateway's word has changed meanwhile is seen, and nothing is sent twice.

use std::sync::Arc;
use std::time::Duration;

use super::ask::{self, Book, Looked};
use super::attempts::{self, Kept, Phase, Row};
use super::end::{self, Ended};
use super::gateway::{CallFault, Flow, Gateway, Handover, Report, StartRequest, There, WhenLost};
use super::settle::{self, Settled};
use super::sql::attempts as sql;
use super::{problems, reconcile};
use crate::db::{Command, WriteTx};
use crate::features::AppState;
use crate::features::money::{self, Failure, Payment};
use crate::features::orders::{self, Payable};
use crate::features::settings::Settings;
use crate::http::problem::not_found;
use crate::kernel::time::span::{DAY_MS, MINUTE_MS};
use crate::kernel::{
    Actor, Change, Fault, Locale, Money, OrderId, OrderStatus, PaymentId, PaymentMethod, PaymentStatus, Problem, Result,
    TransactionStatus,
};
use crate::security::Keys;

/// So often a plan is made anew before the customer is asked to come again.
const ROUNDS: usize = 6;
/// So often an order is begun to be paid through gateways. Each time leaves a row, and something at the gateway: who holds an order's
/// token could fill both, and the writer, which looks at all of them, would become slow.
const MOST_ATTEMPTS: i64 = 50;
/// And so often in all: after so many tries at gateways it can still be paid at the shop.
const MOST_PAYMENTS: i64 = MOST_ATTEMPTS + 10;
/// An order without a hold waits so long for a payment.
const WAIT_WITHOUT_HOLD_MS: i64 = 30 * MINUTE_MS;

/// A wish to pay an order. Who may wish it has been asked before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    pub order: OrderId,
    pub method: PaymentMethod,
    /// `None`: the gateway's usual one.
    pub flow: Option<Flow>,
    /// Where the buyer goes on after `/pay/return`. It has been checked with [`is_ours`]; it stands as `to` in the way back, where it
    /// is to be checked again.
    pub return_url: Option<String>,
    pub by: Actor,
    pub locale: Locale,
}

/// How the customer goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Begun {
    pub payment: PaymentId,
    /// The order's.
    pub payment_status: PaymentStatus,
    pub handover: Handover,
}

/// Whether a page belongs to the shop: it lies under `public_url`, or under an origin whose pages may use the API.
#[must_use]
pub fn is_ours(shop: &crate::features::Shop, page: &str) -> bool {
    let Ok(page) = url::Url::parse(page) else { return false };
    let lies_under = |base: &String| {
        let Ok(base) = url::Url::parse(base) else { return false };
        let path = base.path().trim_end_matches('/');
        let rest = page.path().strip_prefix(path);
        page.origin() == base.origin() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let is_plain = page.username().is_empty() && page.password().is_none();
    is_plain && std::iter::once(&shop.public_url).chain(&shop.cors_origins).any(lies_under)
}

/// Begins to pay, or goes on with what was begun. It ends within 20 seconds, and goes on to its end even if nobody waits for it.
///
/// # Errors
/// Refusals of [`problems`], or a fault.
pub async fn checkout(shop: &AppState, wanted: Wanted) -> Result<Begun> {
    let shop = Arc::clone(shop);
    // A customer who leaves must not leave an attempt half begun.
    let run = tokio::spawn(async move { run(&shop, wanted).await });
    run.await.map_err(|_| Fault::because("a checkout panicked"))?
}

async fn run(shop: &AppState, wanted: Wanted) -> Result<Begun> {
    let turn = shop.turns.try_take(wanted.order).ok_or_else(|| {
        Problem::of(&problems::CHECKOUT_IN_PROGRESS)
            .detail("A checkout of this order is running. Ask again in a second: both get the same attempt.")
            .retry_after_s(1)
    })?;
    let deadline = tokio::time::Instant::now() + shop.turns.request();
    let left = || deadline.saturating_duration_since(tokio::time::Instant::now());
    let mut is_asked = false;
    let mut unended = Vec::new();
    for _ in 0..ROUNDS {
        let plan = Plan {
            wanted: wanted.clone(),
            gateway: shop.gateways.get(wanted.method).map(Arc::clone),
            settings: shop.settings.get(),
            keys: Arc::clone(&shop.keys),
            public_url: shop.public_url.clone(),
            is_asked,
            unended: unended.clone(),
        };
        let step = shop.db.write(plan).await?;
        is_asked = true;
        match step {
            Step::Done(begun) => return Ok(begun),
            Step::LookFor(kept) => {
                if let Some(begun) = look_for(shop, &kept, left()).await? {
                    return Ok(begun);
                }
            }
            Step::End(payment) => match tokio::time::timeout(left(), end::end_now(shop, payment)).await {
                Ok(Ok(Ended::Unpayable | Ended::Paid)) => {}
                Ok(Ok(Ended::StillOpen)) => unended.push(payment),
                Ok(Ok(Ended::Underway)) => return Err(end::underway().into()),
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(problems::unclear().into()),
            },
            Step::Call(kept) => {
                if let Some(begun) = call(shop, &kept, left()).await? {
                    return Ok(begun);
                }
            }
        }
    }
    drop(turn);
    Err(problems::unclear().into())
}

/// What is to be done next.
enum Step {
    Done(Begun),
    /// It is not known whether it was begun.
    LookFor(Box<Kept>),
    /// Another attempt is to be made unpayable first.
    End(PaymentId),
    /// The gateway is to be asked; its row is written.
    Call(Box<Kept>),
}

/// Looks for an attempt of unknown outcome, before anything is sent. What is surely not there is sent again or closed.
async fn look_for(shop: &AppState, kept: &Kept, left: Duration) -> Result<Option<Begun>> {
    let payment = kept.payment.id;
    let found = tokio::time::timeout(left, ask::find(shop, kept)).await;
    let found = found.unwrap_or_else(|_| Err(CallFault::Unclear("the gateway took too long".to_owned())));
    let looked = match found {
        Ok(looked) => looked?,
        Err(fault) => {
            ask::told(kept, &fault);
            return Err(problems::unclear().into());
        }
    };
    if looked != Looked::NotThere {
        let settled = shop.db.write(Book { payment, looked }).await?;
        take_if_approved(shop, payment, settled).await?;
        return Ok(None);
    }
    let gateway = ask::gateway_of(shop, kept)?;
    let rule = Lost { when: gateway.when_lost(), key_life_ms: gateway.key_life().start_ms };
    match shop.db.write(NotThere { payment, rule }).await? {
        Some(kept) => call(shop, &kept, left).await,
        None => Ok(None),
    }
}

/// Asks the gateway to begin an attempt whose row is written; `None` if it is to be decided anew what that means.
async fn call(shop: &AppState, kept: &Kept, left: Duration) -> Result<Option<Begun>> {
    let payment = kept.payment.id;
    let gateway = ask::gateway_of(shop, kept)?;
    let attempt = kept.as_told();
    let report = match ask::within(left.min(shop.turns.call * 2), gateway.start(&attempt)).await {
        Ok(report) => report,
        Err(CallFault::NeedsAction { url }) => Report {
            state: Some(There::NeedsAction),
            handover: Some(Handover { redirect_url: Some(url), client_secret: None }),
            ..Report::default()
        },
        Err(fault) => {
            let problem = ask::told(kept, &fault);
            shop.db.write(NoteFault { payment, fault }).await?;
            return Err(problem.into());
        }
    };
    let handover = report.handover.clone().unwrap_or_default();
    let failure = report.failure.clone();
    let looked = ask::shown(&shop.keys, report)?;
    let (settled, now) = shop.db.write(Complete { payment, looked }).await?;
    take_if_approved(shop, payment, settled).await?;
    match now {
        // Paid or ended already, or no more to be paid: the order says what that means.
        Now::Changed => Ok(None),
        Now::Failed => {
            let Failure { code, message } = failure.unwrap_or(Failure { code: String::new(), message: String::new() });
            Err(problems::of_call(&CallFault::Declined { code, message }).into())
        }
        Now::Open(payment_status) => Ok(Some(Begun { payment, payment_status, handover })),
    }
}

async fn take_if_approved(shop: &AppState, payment: PaymentId, settled: Settled) -> Result<()> {
    if settled.capture { ask::take_money(shop, payment).await } else { Ok(()) }
}

/// Decides what is to be done, and writes the row of what is to be begun.
struct Plan {
    wanted: Wanted,
    gateway: Option<Arc<dyn Gateway>>,
    settings: Arc<Settings>,
    keys: Arc<Keys>,
    public_url: String,
    /// A gateway was asked in this checkout: what it said may have paid the order.
    is_asked: bool,
    /// Attempts that were asked about in this checkout and are open still, because their gateways end nothing.
    unended: Vec<PaymentId>,
}

impl Command for Plan {
    const NAME: &'static str = "payments.checkout";
    type Output = Step;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Step> {
        let wanted = &self.wanted;
        let payable = orders::payable(tx, wanted.order)?.ok_or_else(not_found)?;
        let last = money::last_of(tx, wanted.order)?;
        let owed = payable.total_minor - payable.captured_minor;
        if owed <= 0 {
            return match last {
                Some(last) if self.is_asked => Ok(Step::Done(begun(&payable, &last, Handover::default()))),
                _ => Err(Problem::of(&problems::ALREADY_PAID).detail("The order is paid; nothing was begun.").into()),
            };
        }
        check_payable(&payable, last.as_ref(), tx.now())?;
        self.check_method()?;
        let open = attempts::open_of(tx, wanted.order)?;
        if wanted.method.is_offline() {
            // Beside what cannot be ended the customer still pays at the shop: if both come, the later goes back by itself.
            return match open.iter().find(|kept| !self.is_unended(kept)) {
                Some(other) => end_first(tx, other),
                None => self.pay_at_the_shop(tx, &payable, last.as_ref(), owed),
            };
        }
        let gateway = self.gateway.as_ref().ok_or_else(not_offered)?;
        let flow = self.flow(gateway)?;
        let is_it = |kept: &Kept| {
            let fits = kept.payment.amount_minor == owed && wanted.flow.is_none_or(|flow| flow == kept.row.flow);
            kept.row.method == wanted.method && fits && !(kept.row.is_ending && gateway.can_end())
        };
        if let Some(other) = open.iter().find(|kept| !is_it(kept)) {
            return self.end_first(tx, other);
        }
        let Some(kept) = open.into_iter().next() else {
            return self.begin(tx, &payable, last.as_ref(), gateway.as_ref(), flow, owed);
        };
        if kept.row.phase != Phase::Open {
            return Ok(Step::LookFor(Box::new(kept)));
        }
        let handover = kept.row.handover(&self.keys);
        if handover == Handover::default() {
            // It is there, and nobody can tell the customer where.
            return self.end_first(tx, &kept);
        }
        Ok(Step::Done(begun(&payable, &kept.payment, handover)))
    }
}

fn begun(payable: &Payable, payment: &Payment, handover: Handover) -> Begun {
    Begun { payment: payment.id, payment_status: payable.payment_status, handover }
}

fn end_first(tx: &mut WriteTx<'_>, kept: &Kept) -> Result<Step> {
    sql::set_ending(tx, kept.payment.id)?;
    Ok(Step::End(kept.payment.id))
}

/// Checkout does not prolong a hold: what has ended is not begun.
fn check_payable(payable: &Payable, last: Option<&Payment>, now: crate::kernel::UtcMs) -> Result<()> {
    let refuse = |reason: &'static str, detail: &'static str| {
        Err(Problem::of(&problems::ORDER_NOT_PAYABLE).detail(detail).fact("reason", reason).into())
    };
    if payable.status == OrderStatus::Cancelled {
        return refuse("cancelled", "The order is cancelled; nothing is owed for it. Place a new one.");
    }
    if payable.status == OrderStatus::Pending && payable.hold_ends_at.is_some_and(|at| at <= now) {
        return refuse("hold_ended", "The time to pay this order has ended. Place a new one.");
    }
    if last.is_some_and(|last| last.status == TransactionStatus::Parked) {
        return refuse(
            "parked",
            "Money came for this order that does not fit it. The shop is looking at it; please ask there.",
        );
    }
    Ok(())
}

/// Staff, who have seen what went wrong, may begin another one.
fn check_attempts(last: Option<&Payment>, most: i64, by: Actor) -> Result<()> {
    if by.is_staff() || last.is_none_or(|last| last.attempt < most) {
        return Ok(());
    }
    Err(Problem::of(&problems::ORDER_NOT_PAYABLE)
        .detail("It was tried too often to pay this order. Pay at the shop, or call it.")
        .fact("reason", "too_many_attempts")
        .into())
}

fn not_offered() -> Problem {
    let message = "is not offered by this shop now; GET /api/v1/payments/methods lists what is";
    Problem::field("paymentMethod", "method_not_offered", message)
}

impl Plan {
    fn is_unended(&self, kept: &Kept) -> bool {
        self.unended.contains(&kept.payment.id)
    }

    /// One order never has two things that can be paid at gateways.
    fn end_first(&self, tx: &mut WriteTx<'_>, kept: &Kept) -> Result<Step> {
        if self.is_unended(kept) { Err(end::still_open().into()) } else { end_first(tx, kept) }
    }

    fn check_method(&self) -> Result<()> {
        let method = self.wanted.method;
        let for_staff = method == PaymentMethod::CARD_MACHINE && !self.wanted.by.is_staff();
        if !self.settings.offers(method) || for_staff { Err(not_offered().into()) } else { Ok(()) }
    }

    fn flow(&self, gateway: &Arc<dyn Gateway>) -> Result<Flow> {
        let flows = gateway.flows();
        let flow = self.wanted.flow.or(flows.first().copied()).unwrap_or(Flow::Redirect);
        if flows.contains(&flow) {
            return Ok(flow);
        }
        let message = "is no flow of this gateway; GET /api/v1/payments/methods tells its kind";
        Err(Problem::field("paymentDetails.flow", "flow_not_offered", message).into())
    }

    /// Cash, and what else is paid at the shop: no gateway is asked. Asked for again, it is the same payment.
    fn pay_at_the_shop(&self, tx: &mut WriteTx<'_>, payable: &Payable, last: Option<&Payment>, owed: i64) -> Result<Step> {
        let method = self.wanted.method;
        if let Some(last) = last.filter(|last| last.method == method && last.status.is_live()) {
            return Ok(Step::Done(begun(payable, last, Handover::default())));
        }
        check_attempts(last, MOST_PAYMENTS, self.wanted.by)?;
        let payment = PaymentId::from_uuid(tx.new_id());
        money::begin(tx, payment, payable.id, last, method, owed)?;
        orders::attempt_begun(tx, payable.id, method, payment)?;
        self.tell(tx, payable);
        let payment_status = orders::payable(tx, payable.id)?.ok_or_else(not_found)?.payment_status;
        Ok(Step::Done(Begun { payment, payment_status, handover: Handover::default() }))
    }

    /// The row of a new attempt, before its gateway hears of it.
    fn begin(
        &self,
        tx: &mut WriteTx<'_>,
        payable: &Payable,
        last: Option<&Payment>,
        gateway: &dyn Gateway,
        flow: Flow,
        owed: i64,
    ) -> Result<Step> {
        let amount = Money::from_minor(owed, payable.currency);
        if !gateway.takes(payable.currency) || gateway.expresses(amount).is_err() {
            return Err(Problem::of(&problems::AMOUNT_NOT_REPRESENTABLE)
                .detail(format!("This way to pay cannot take {amount} {}. Take another one.", payable.currency.code()))
                .into());
        }
        check_attempts(last, MOST_ATTEMPTS, self.wanted.by)?;
        let payment = PaymentId::from_uuid(tx.new_id());
        let now = tx.now();
        let ends_at = payable.hold_ends_at.unwrap_or(now.plus_ms(WAIT_WITHOUT_HOLD_MS));
        money::begin(tx, payment, payable.id, last, self.wanted.method, owed)?;
        let row = Row {
            payment,
            method: self.wanted.method,
            flow,
            phase: Phase::Calling,
            is_ending: false,
            request: Some(self.request(payable, payment, now.ms(), ends_at.ms())),
            reference: None,
            handover: None,
            sent_at: now,
            ends_at,
            asks: 0,
            lost_at: None,
            parked: None,
        };
        sql::insert(tx, &row)?;
        reconcile::begun(tx, payment, now)?;
        orders::attempt_begun(tx, payable.id, self.wanted.method, payment)?;
        self.tell(tx, payable);
        let kept = attempts::kept(tx, payment)?.ok_or_else(|| Fault::because("an attempt just written is there"))?;
        Ok(Step::Call(Box::new(kept)))
    }

    fn request(&self, payable: &Payable, payment: PaymentId, made_at: i64, hold_ends_at: i64) -> StartRequest {
        let (base, key) = (&self.public_url, self.keys.return_key(payment));
        let back = |page: &str| format!("{base}/pay/{page}?tx={payment}&k={key}");
        let to = self.wanted.return_url.as_deref().map(|to| {
            let encoded: String = form_urlencoded::byte_serialize(to.as_bytes()).collect();
            format!("&to={encoded}")
        });
        let to = to.unwrap_or_default();
        StartRequest {
            order_number: payable.number.clone(),
            shop_name: self.settings.shop.name.clone(),
            locale: self.wanted.locale.code().to_owned(),
            customer_name: payable.customer_name.clone(),
            customer_email: payable.customer_email.clone(),
            customer_phone: payable.customer_phone.clone(),
            return_url: format!("{}{to}", back("return")),
            cancel_url: format!("{}{to}", back("cancel")),
            webhook_url: format!("{base}/api/v1/payments/webhook/{}", self.wanted.method.code()),
            made_at,
            hold_ends_at,
        }
    }

    /// What staff begin for a customer is told to the audit log.
    fn tell(&self, tx: &mut WriteTx<'_>, payable: &Payable) {
        if self.wanted.by.is_staff() {
            tx.changed(Change {
                action: "payment.checkout",
                subject: format!("order:{}", payable.id),
                before: Some(serde_json::json!({ "method": payable.method.code() })),
                after: Some(serde_json::json!({ "number": payable.number, "method": self.wanted.method.code() })),
            });
        }
    }
}

/// What a gateway's rules say of an attempt that it does not know.
#[derive(Clone, Copy)]
struct Lost {
    when: WhenLost,
    /// 0 where it has no keys.
    key_life_ms: i64,
}

/// An attempt is surely not there: the same row is sent again while its key lives, or closed, so that another is begun.
struct NotThere {
    payment: PaymentId,
    rule: Lost,
}

impl Command for NotThere {
    const NAME: &'static str = "payments.not_there";
    type Output = Option<Box<Kept>>;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Option<Box<Kept>>> {
        let Some(kept) = attempts::kept(tx, self.payment)? else { return Ok(None) };
        if !matches!(kept.row.phase, Phase::Calling | Phase::Unclear) {
            return Ok(None);
        }
        let lives = tx.now() < kept.row.sent_at.plus_ms(self.rule.key_life_ms.min(DAY_MS));
        if self.rule.when == WhenLost::SendAgain && lives && kept.row.request.is_some() {
            sql::set_phase(tx, self.payment, Phase::Calling)?;
            sql::set_lost(tx, self.payment, None)?;
            return Ok(attempts::kept(tx, self.payment)?.map(Box::new));
        }
        reconcile::close_lost(tx, &kept)?;
        Ok(None)
    }
}

/// The gateway did not begin an attempt, or nobody knows.
struct NoteFault {
    payment: PaymentId,
    fault: CallFault,
}

impl Command for NoteFault {
    const NAME: &'static str = "payments.note_fault";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let Some(kept) = attempts::kept(tx, self.payment)? else { return Ok(()) };
        if kept.row.phase != Phase::Calling {
            // A message of the gateway's own was faster than its answer.
            return Ok(());
        }
        let failure = |code: &str, message: &str| Failure { code: code.to_owned(), message: message.to_owned() };
        let failure = match &self.fault {
            CallFault::Unclear(_) | CallFault::NeedsAction { .. } => {
                sql::set_phase(tx, self.payment, Phase::Unclear)?;
                return reconcile::unclear(tx, self.payment);
            }
            CallFault::Declined { code, message } | CallFault::Refused { code, message } => failure(code, message),
            CallFault::Misconfigured(_) => failure("misconfigured", "the gateway is not configured as it should be"),
            CallFault::NotSent(_) => failure("not_sent", "the gateway could not be reached"),
        };
        settle::close(tx, &kept, TransactionStatus::Failed, Some(&failure))?;
        // What only the shop can mend is not told to the customer as if they could.
        if matches!(self.fault, CallFault::Declined { .. }) { settle::tell_failed(tx, &kept) } else { Ok(()) }
    }
}

/// How an attempt stands after its gateway has answered.
enum Now {
    /// It can be paid; the order's status.
    Open(PaymentStatus),
    /// It ended at once.
    Failed,
    /// It was paid, or the order is not to be paid any more.
    Changed,
}

/// Books what the gateway answered.
struct Complete {
    payment: PaymentId,
    looked: Looked,
}

impl Command for Complete {
    const NAME: &'static str = "payments.complete";
    type Output = (Settled, Now);

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<(Settled, Now)> {
        let Looked::There { report, handover } = &self.looked else { return Ok((Settled::default(), Now::Changed)) };
        // That it answered is that it is there, whatever it says.
        let report = Report { state: report.state.or(Some(There::Open)), ..report.as_ref().clone() };
        let settled = ask::book(tx, self.payment, &report, handover.as_deref())?;
        let kept = attempts::kept(tx, self.payment)?.ok_or_else(|| Fault::because("an attempt that was begun is there"))?;
        let payable = orders::payable(tx, kept.payment.order)?.ok_or_else(not_found)?;
        let is_paid = kept.payment.captured_minor > 0 || kept.payment.status == TransactionStatus::Parked;
        if payable.status == OrderStatus::Cancelled {
            money::ask_to_end(tx, payable.id)?;
        }
        let now = if is_paid || settled.capture || kept.row.is_ending || payable.status == OrderStatus::Cancelled {
            Now::Changed
        } else if kept.row.phase == Phase::Closed {
            Now::Failed
        } else {
            Now::Open(payable.payment_status)
        };
        Ok((settled, now))
    }
}
