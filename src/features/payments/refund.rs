//! Giving money back on staff's word, and asking the gateway for it.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use serde_json::json;
use uuid::Uuid;

use super::gateway::{CallFault, Gateway, RefundCall, RefundReport, RefundTold};
use super::gateways::Gateways;
use super::rules::{self, Around, Lost, RefundedLine, Step};
use super::sql::refunds as sql;
use super::{ask, attempts, refund_problems, refunds_told};
use crate::db::{Command, Reader, WriteTx};
use crate::features::money::{self, CaptureLeft, Failure, NewRefund, Payment, REFUND_JOB, Refund};
use crate::features::{AppState, orders};
use crate::http::problem::not_found;
use crate::jobs::{self, Claimed, Handler, NewJob};
use crate::kernel::problem::FieldFault;
use crate::kernel::{
    Actor, Change, Currency, Fault, Money, PaymentId, Pieces, Problem, RefundId, RefundStatus, Result, TransactionStatus,
};

/// Tries of a refund's job; with the engine's back-off they reach over four days.
const MAX_ATTEMPTS: i64 = 100;

/// How much is given back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// All that is left.
    Left,
    /// Minor units.
    Amount(i64),
    Lines(Vec<WantedLine>),
}

/// Pieces of a line whose price is given back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WantedLine {
    pub item: Uuid,
    pub quantity: Pieces,
    /// They go back on the shelf.
    pub restock: bool,
}

/// Gives money of a payment back.
pub struct RefundPayment {
    pub payment: PaymentId,
    pub what: What,
    pub reason: String,
    pub currency: Currency,
    pub gateways: Gateways,
    pub by: Actor,
}

impl Command for RefundPayment {
    const NAME: &'static str = "payments.refund";
    type Output = Refund;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Refund> {
        let payment = money::payment(tx, self.payment)?.ok_or_else(not_found)?;
        may_refund(&payment)?;
        let left = money::refundable(tx, payment.id)?;
        let (amount_minor, lines) = match &self.what {
            What::Left => (left, Vec::new()),
            What::Amount(amount) => (*amount, Vec::new()),
            What::Lines(wanted) => {
                let lines = price(tx, &payment, wanted)?;
                (lines.iter().map(|(line, _)| line.amount_minor).sum(), lines)
            }
        };
        if amount_minor == 0 && !lines.is_empty() {
            return Err(Problem::field("items", "nothing_to_refund", "nothing was paid for these pieces").into());
        }
        if amount_minor == 0 || amount_minor > left {
            return Err(self.too_much(left).into());
        }
        self.check_gateway(tx, &payment, amount_minor)?;
        let kept: Vec<&RefundedLine> = lines.iter().map(|(line, _)| line).collect();
        let kept = (!kept.is_empty()).then(|| serde_json::to_string(&kept)).transpose().map_err(Fault::new)?;
        let new = NewRefund {
            payment: payment.id,
            amount_minor,
            reason: Some(&self.reason),
            lines: kept.as_deref(),
            object: None,
            by: self.by,
        };
        let refund = money::start_refund(tx, &new)?;
        let mut returned = 0;
        for (line, restock) in &lines {
            returned += orders::return_pieces(tx, payment.order, line.item_id, *restock, self.by)?;
        }
        orders::money_moved(tx, payment.order)?;
        let refund = money::refund(tx, refund)?.ok_or_else(|| Fault::because("a refund just begun is there"))?;
        tx.changed(Change {
            action: "payment.refund",
            subject: format!("payment:{}", payment.id),
            before: Some(json!({ "refundedMinor": payment.refunded_minor })),
            after: Some(json!({
                "refund": refund.id.to_string(), "amountMinor": amount_minor, "status": refund.status.code(), "returnedPieces": returned,
            })),
        });
        Ok(refund)
    }
}

/// Whether anything of a payment can be given back now.
fn may_refund(payment: &Payment) -> Result<(), Problem> {
    if payment.status == TransactionStatus::Parked {
        return Err(Problem::of(&refund_problems::PAYMENT_PARKED).detail(
            "Money came for this payment that does not fit it. Accept or refund it at POST /payments/{id}/resolve first.",
        ));
    }
    if payment.is_disputed {
        return Err(Problem::of(&refund_problems::PAYMENT_DISPUTED).detail(
            "The customer disputes this payment at its provider, which decides where the money goes. Refund it when the dispute is over.",
        ));
    }
    if payment.captured_minor == 0 {
        return Err(Problem::of(&refund_problems::NOTHING_CAPTURED)
            .detail("Nothing was taken by this payment, so there is nothing to give back."));
    }
    Ok(())
}

impl RefundPayment {
    fn too_much(&self, left: i64) -> Problem {
        let left = Money::from_minor(left, self.currency).to_string();
        Problem::of(&refund_problems::REFUND_EXCEEDS_CAPTURED)
            .detail(format!("At most {left} of this payment can still be given back; the rest went back or is on its way."))
            .fact("refundable", left)
    }

    /// The gateway is there, can say the amount, and has captured so much in one piece.
    fn check_gateway(&self, reader: &Reader<'_>, payment: &Payment, amount_minor: i64) -> Result<()> {
        if payment.method.is_offline() {
            return Ok(());
        }
        let gateway = needed(&self.gateways, payment)?;
        if let Err(refusal) = gateway.expresses(Money::from_minor(amount_minor, self.currency)) {
            let field = if matches!(self.what, What::Lines(_)) { "items" } else { "amount" };
            let amount = Money::from_minor(amount_minor, self.currency);
            let message = format!("{} cannot give back exactly {amount}; take another amount", payment.method.code());
            return Err(Problem::field(field, refusal.code(), message).into());
        }
        let captures = money::captures_left(reader, payment.order, payment.id)?;
        let most = captures.iter().map(|capture| capture.left_minor).max().unwrap_or(0);
        if captures.len() > 1 && most < amount_minor {
            let most = Money::from_minor(most, self.currency).to_string();
            return Err(Problem::of(&refund_problems::REFUND_EXCEEDS_CAPTURED)
                .detail(format!(
                    "This payment was captured in several parts, each of which goes back by itself: at most {most} at once."
                ))
                .fact("refundable", most)
                .into());
        }
        Ok(())
    }
}

/// The gateway of a payment, or a refusal with words for who wants to refund.
pub(super) fn needed<'g>(gateways: &'g Gateways, payment: &Payment) -> Result<&'g std::sync::Arc<dyn Gateway>, Problem> {
    gateways.get(payment.method).ok_or_else(|| {
        Problem::of(&refund_problems::GATEWAY_MISSING).detail(format!(
            "This payment came through {code}, which is not configured any more. Put the section payments.{code} back, or refund it in its \
             own dashboard.",
            code = payment.method.code()
        ))
    })
}

/// What the wanted pieces amount to, with how many of each go back on the shelf.
fn price(reader: &Reader<'_>, payment: &Payment, wanted: &[WantedLine]) -> Result<Vec<(RefundedLine, Pieces)>> {
    let sold = orders::sold(reader, payment.order)?.ok_or_else(|| Fault::because("a payment has its order"))?;
    let mut before: HashMap<Uuid, (Pieces, i64)> = HashMap::new();
    for other in money::payments_of(reader, payment.order)? {
        for text in money::refunded_lines(reader, other.id)? {
            for line in serde_json::from_str::<Vec<RefundedLine>>(&text).map_err(Fault::new)? {
                let so_far = before.entry(line.item_id).or_default();
                *so_far = (so_far.0 + line.quantity, so_far.1 + line.amount_minor);
            }
        }
    }
    let paid = rules::paid_by_line(&sold);
    let (mut priced, mut faults) = (Vec::new(), Vec::new());
    for (index, want) in wanted.iter().enumerate() {
        let mut fault = |code: &'static str, field: &str, message: String| {
            faults.push(FieldFault { field: format!("items[{index}].{field}"), code, message });
        };
        let found = sold.lines.iter().zip(&paid).find(|(line, _)| line.id == want.item);
        let Some((line, paid)) = found else {
            fault("unknown_item", "itemId", "is no line of this payment's order".to_owned());
            continue;
        };
        if wanted.iter().take(index).any(|other| other.item == want.item) {
            fault("duplicate", "itemId", "stands twice; add the quantities up".to_owned());
            continue;
        }
        let (pieces, given) = before.get(&want.item).copied().unwrap_or_default();
        let left = (line.quantity - pieces).max(0);
        if want.quantity > left {
            fault("too_many", "quantity", format!("at most {left} of {} pieces are not given back yet", line.quantity));
            continue;
        }
        let amount_minor = rules::share(*paid, line.quantity, pieces, given, want.quantity);
        let restock = if want.restock { rules::to_restock(want.quantity, pieces, line.returned) } else { 0 };
        let (quantity, wants) = (want.quantity, want.restock);
        priced.push((RefundedLine { item_id: want.item, quantity, restock: wants, amount_minor }, restock));
    }
    if faults.is_empty() { Ok(priced) } else { Err(Problem::fields(faults).into()) }
}

/// Asks gateways for refunds, and what became of them.
pub struct SendRefunds {
    shop: AppState,
}

impl SendRefunds {
    #[must_use]
    pub fn new(shop: AppState) -> SendRefunds {
        SendRefunds { shop }
    }
}

impl Handler for SendRefunds {
    fn kind(&self) -> &'static str {
        REFUND_JOB
    }

    fn at_once(&self) -> usize {
        2
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async move {
            let refund =
                RefundId::parse(&job.key).ok_or_else(|| Fault::because(format!("the key of job {} is no refund", job.id)))?;
            self.advance(refund, job).await
        })
    }
}

/// A refund with what its gateway has to be told.
struct Ready {
    refund: Refund,
    payment: Payment,
    call: RefundCall,
    captures: Vec<CaptureLeft>,
    is_behind: bool,
}

impl SendRefunds {
    async fn advance(&self, id: RefundId, job: Claimed) -> Result<()> {
        let db = &self.shop.db;
        let Some(mut ready) = db.read(move |reader| ready(reader, id)).await? else { return Ok(()) };
        // Checked after what has ended, so that a gateway that is gone keeps no old job alive.
        if ready.refund.status != RefundStatus::Pending {
            return Ok(());
        }
        let gateway = self.shop.gateways.get(ready.payment.method).ok_or_else(|| {
            let code = ready.payment.method.code().to_owned();
            Fault::because(format!(
                "{code} is not configured, and a refund of it is to be made: put the section payments.{code} back"
            ))
        })?;
        let key_life_ms = gateway.key_life().refund_ms;
        let around = Around {
            key_life_ms,
            is_behind: ready.is_behind,
            is_disputed: ready.payment.is_disputed,
            held_minor: ready.payment.captured_minor - ready.payment.refunded_minor,
        };
        match rules::next_step(&ready.refund, around) {
            Step::Nothing => Ok(()),
            Step::Wait(ms) => db.write_in_background(Later { job, ms, lost: None }).await,
            Step::GiveUp => {
                let failure =
                    failure("refunded_outside", "The money went back another way before the gateway was asked for it.");
                self.end(ready, Ended::Failed(failure), job).await
            }
            Step::Send => self.send(gateway.as_ref(), &mut ready, job).await,
            Step::Ask => match gateway.ask_refund(&ready.call).await.map_err(|fault| unsure(&ready, &fault))? {
                Some(report) => self.end(ready, Ended::Told(report), job).await,
                None => match rules::when_lost(&ready.refund, key_life_ms, self.shop.clock.now()) {
                    Lost::SendAgain => self.send(gateway.as_ref(), &mut ready, job).await,
                    Lost::LookAgain(ms) => db.write_in_background(Later { job, ms, lost: Some(id) }).await,
                    Lost::Failed => {
                        let failure = failure("not_done", "The gateway does not know this refund. Refund the payment again.");
                        self.end(ready, Ended::Failed(failure), job).await
                    }
                },
            },
        }
    }

    /// Sends it. What is remembered of it is committed before the call.
    async fn send(&self, gateway: &dyn Gateway, ready: &mut Ready, job: Claimed) -> Result<()> {
        let first = ready.refund.sent_at.is_none();
        if first {
            ready.call.captured = take_from(&ready.captures, ready.refund.amount_minor).unwrap_or(ready.call.captured.clone());
            ready.call.memo = gateway.before_refund(&ready.call).await.map_err(|fault| unsure(ready, &fault))?;
        }
        let note = NoteSent {
            refund: ready.refund.id,
            memo: ready.call.memo.clone(),
            capture: Some(ready.call.captured.clone()).filter(|capture| !capture.is_empty()),
        };
        if !self.shop.db.write_in_background(note).await? {
            // It ended, or gave way to money that went back another way, since it was looked at.
            return Ok(());
        }
        let ended = match gateway.refund(&ready.call).await {
            Ok(report) => Ended::Told(report),
            Err(CallFault::Declined { code, message } | CallFault::Refused { code, message }) => {
                Ended::Failed(Failure { code, message })
            }
            Err(fault) => return Err(unsure(ready, &fault).into()),
        };
        let (refund, payment, call) = (ready.refund.clone(), ready.payment.clone(), ready.call.clone());
        self.end(Ready { refund, payment, call, captures: Vec::new(), is_behind: false }, ended, job).await
    }

    /// Books how it stands.
    async fn end(&self, ready: Ready, ended: Ended, job: Claimed) -> Result<()> {
        let payment = ready.payment.id;
        let failed = self.shop.db.write_in_background(End { refund: ready.refund, ended, job }).await?;
        if failed {
            // Whatever the gateway told of sums that went back, this refund explains none of it any more. If it does not answer now, the
            // daily comparison finds it.
            if let Err(error) = ask::ask_by_job(&self.shop, payment).await {
                tracing::warn!(payment = %payment, error = %error, "a payment could not be asked about after a refund of it failed");
            }
        }
        Ok(())
    }
}

fn failure(code: &str, message: &str) -> Failure {
    Failure { code: code.to_owned(), message: message.to_owned() }
}

/// The job is tried again; before anything is sent, it is asked what became of it.
fn unsure(ready: &Ready, fault: &CallFault) -> Fault {
    let (refund, method) = (ready.refund.id, ready.payment.method);
    Fault::because(format!("refund {refund} through {}: {fault}", method.code()))
}

/// The captured object that an amount is taken from: the smallest that has enough left, else the largest.
fn take_from(captures: &[CaptureLeft], amount_minor: i64) -> Option<String> {
    let enough = captures.iter().filter(|capture| capture.left_minor >= amount_minor).min_by_key(|capture| capture.left_minor);
    let chosen = enough.or_else(|| captures.iter().max_by_key(|capture| capture.left_minor));
    chosen.map(|capture| capture.object.clone())
}

fn ready(reader: &Reader<'_>, id: RefundId) -> Result<Option<Ready>> {
    let Some(refund) = money::refund(reader, id)? else { return Ok(None) };
    let payment = money::payment(reader, refund.payment)?.ok_or_else(|| Fault::because("a refund has its payment"))?;
    let order = sql::of_order(reader, &payment)?;
    let code = refund.currency.as_deref().unwrap_or(&order.currency);
    let currency = Currency::from_code(code).ok_or_else(|| Fault::because("a refund's currency is known"))?;
    let captures =
        if refund.currency.is_some() { Vec::new() } else { money::captures_left(reader, payment.order, payment.id)? };
    let kept = attempts::kept(reader, payment.id)?;
    let (reference, objects) = kept.map(|kept| (kept.row.reference, kept.objects)).unwrap_or_default();
    let captured = refund.capture.clone().or_else(|| captures.first().map(|capture| capture.object.clone()));
    let call = RefundCall {
        refund: refund.id,
        payment: payment.id,
        number: format!("{}-{}-R{}", order.number, payment.attempt, refund.n),
        amount: Money::from_minor(refund.amount_minor, currency),
        reason: refund.reason.clone(),
        captured: captured.unwrap_or_default(),
        reference,
        objects,
        object: refund.object.clone(),
        memo: refund.memo.clone(),
        sent_at: refund.sent_at,
    };
    let is_behind = sql::is_behind(reader, &refund)?;
    Ok(Some(Ready { refund, payment, call, captures, is_behind }))
}

/// The job is done for now, and comes again.
struct Later {
    job: Claimed,
    ms: i64,
    /// The refund that the gateway does not know.
    lost: Option<RefundId>,
}

impl Command for Later {
    const NAME: &'static str = "payments.refund_later";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        if let Some(refund) = self.lost {
            money::note_refund_lost(tx, refund)?;
        }
        again(tx, &self.job, self.ms)
    }
}

fn again(tx: &mut WriteTx<'_>, job: &Claimed, after_ms: i64) -> Result<()> {
    if jobs::finish(tx, job.id)? {
        let run_at = tx.now().plus_ms(after_ms);
        jobs::enqueue(tx, &NewJob { kind: REFUND_JOB, key: &job.key, run_at, max_attempts: MAX_ATTEMPTS })?;
    }
    Ok(())
}

/// Notes that the gateway is about to be asked; `false` if it must not be any more.
struct NoteSent {
    refund: RefundId,
    memo: Option<String>,
    capture: Option<String>,
}

impl Command for NoteSent {
    const NAME: &'static str = "payments.refund_sent";
    type Output = bool;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<bool> {
        let is_open = money::refund(tx, self.refund)?.is_some_and(|refund| refund.status == RefundStatus::Pending);
        if is_open {
            money::note_refund_sent(tx, self.refund, self.memo.as_deref(), self.capture.as_deref())?;
        }
        Ok(is_open)
    }
}

/// What is known of a refund's end.
enum Ended {
    Told(RefundReport),
    Failed(Failure),
}

/// Books how a refund stands; `true` if it has failed now.
struct End {
    refund: Refund,
    ended: Ended,
    job: Claimed,
}

impl Command for End {
    const NAME: &'static str = "payments.refund_ended";
    type Output = bool;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<bool> {
        let id = self.refund.id;
        let now = money::refund(tx, id)?.ok_or_else(|| Fault::because("a refund that ends is there"))?;
        if now.status != RefundStatus::Pending && matches!(self.ended, Ended::Failed(_)) {
            // Its money went back another way while the gateway was asked, and that it does not go back twice undoes nothing.
            jobs::finish(tx, self.job.id)?;
            return Ok(false);
        }
        let (status, object, failure) = match self.ended {
            Ended::Failed(failure) => (RefundStatus::Failed, None, Some(failure)),
            Ended::Told(report) => (report.status, report.object, report.failure),
        };
        // Somebody told of a refund of the same amount meanwhile, and it was taken for this one: then this is another.
        let is_another = object.is_some() && now.object.is_some() && now.object != object && self.refund.object.is_none();
        let changed = if is_another {
            let currency = sql::of_order(tx, &money_of(tx, &now)?)?.currency;
            let currency = Currency::from_code(now.currency.as_deref().unwrap_or(&currency));
            let currency = currency.ok_or_else(|| Fault::because("a refund's currency is known"))?;
            let told = RefundTold {
                object: object.unwrap_or_default(),
                ours: None,
                amount: Money::from_minor(now.amount_minor, currency),
                status,
                failure,
            };
            refunds_told::told_one(tx, now.payment, &told, true, Actor::Gateway)?
        } else {
            refunds_told::stands(tx, id, status, object.as_deref(), failure.as_ref(), Actor::Gateway)?
        };
        if changed {
            orders::money_moved(tx, now.order)?;
        }
        let after = money::refund(tx, id)?.ok_or_else(|| Fault::because("a refund that ends is there"))?;
        if after.status == RefundStatus::Pending {
            let ms = rules::ask_again_after_ms(&after, tx.now());
            again(tx, &self.job, ms)?;
        } else {
            jobs::finish(tx, self.job.id)?;
        }
        Ok(now.status == RefundStatus::Pending && after.status == RefundStatus::Failed)
    }
}

fn money_of(reader: &Reader<'_>, refund: &Refund) -> Result<Payment> {
    Ok(money::payment(reader, refund.payment)?.ok_or_else(|| Fault::because("a refund has its payment"))?)
}
