//! Asking a gateway how an attempt stands, and booking what it says.

use std::sync::Arc;

use super::attempts::{self, Kept, Phase, seal};
use super::gateway::{CallFault, Found, Gateway, Handover, Report};
use super::problems;
use super::reconcile::{self, BY};
use super::settle::{self, Settled};
use super::sql::attempts as sql;
use crate::db::{Command, WriteTx};
use crate::features::Shop;
use crate::features::money::{self, Failure};
use crate::features::orders::{self, Payable};
use crate::kernel::{OrderStatus, PaymentId, Result, TransactionStatus, UtcMs};
use crate::security::Keys;

/// What a look at a gateway has shown.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Looked {
    There {
        report: Box<Report>,
        /// Sealed.
        handover: Option<Vec<u8>>,
    },
    /// The gateway does not know the attempt.
    NotThere,
    /// It was not looked at: somebody is just beginning it.
    Nothing,
}

/// The gateway of an attempt.
///
/// # Errors
/// 503 `gateway_unavailable` if the keeper has taken it out of the configuration.
pub(super) fn gateway_of<'s>(shop: &'s Shop, kept: &Kept) -> Result<&'s Arc<dyn Gateway>> {
    let method = kept.row.method;
    let gone = || {
        let what = format!("payments are open, but the section payments.{} is gone from the configuration", method.code());
        told(kept, &CallFault::Misconfigured(what))
    };
    Ok(shop.gateways.get(method).ok_or_else(gone)?)
}

/// A call, waited for so long; a longer one has no clear outcome.
pub(super) async fn within<T>(
    time: std::time::Duration,
    call: impl Future<Output = std::result::Result<T, CallFault>>,
) -> std::result::Result<T, CallFault> {
    let late = || CallFault::Unclear("the gateway took too long".to_owned());
    tokio::time::timeout(time, call).await.unwrap_or_else(|_| Err(late()))
}

/// A report with its handover sealed.
pub(super) fn shown(keys: &Keys, report: Report) -> Result<Looked> {
    let handover = report.handover.as_ref().map(|handover| seal(keys, handover)).transpose()?;
    Ok(Looked::There { report: Box::new(Report { handover: None, ..report }), handover })
}

/// Asks the gateway how an attempt stands; one that has no name there yet is looked for.
///
/// # Errors
/// What the gateway says, or that it did not answer.
pub(super) async fn look(shop: &Shop, kept: &Kept) -> Result<Looked> {
    let gateway = gateway_of(shop, kept)?;
    let attempt = kept.as_told();
    let call = shop.turns.call;
    if attempt.reference.is_some() {
        let report = within(call, gateway.ask(&attempt)).await.map_err(|fault| told(kept, &fault))?;
        return shown(&shop.keys, report);
    }
    // Who has the turn is about to hear the answer themselves.
    if kept.row.phase == Phase::Calling && shop.turns.is_taken(kept.payment.order) {
        return Ok(Looked::Nothing);
    }
    find(shop, kept).await.map_err(|fault| told(kept, &fault))?
}

/// Looks for an attempt whose beginning was never answered.
pub(super) async fn find(shop: &Shop, kept: &Kept) -> std::result::Result<Result<Looked>, CallFault> {
    let gateway = match gateway_of(shop, kept) {
        Ok(gateway) => gateway,
        Err(error) => return Ok(Err(error)),
    };
    let attempt = kept.as_told();
    Ok(match within(shop.turns.call, gateway.find(&attempt)).await? {
        Found::There(report) => shown(&shop.keys, *report),
        Found::NotThere => Ok(Looked::NotThere),
    })
}

/// The problem that a call's fault is; what the keeper has to mend is told to them.
pub(super) fn told(kept: &Kept, fault: &CallFault) -> crate::kernel::Problem {
    let method = kept.row.method.code();
    match fault {
        CallFault::Misconfigured(what) => {
            tracing::error!(method, what, "a gateway is not configured as it should be; nobody can pay with it");
        }
        fault => tracing::warn!(method, payment = %kept.payment.id, fault = %fault, "a gateway did not do what it was asked"),
    }
    problems::of_call(fault)
}

/// Books what a look has shown.
///
/// # Errors
/// A fault.
pub(super) fn book(tx: &mut WriteTx<'_>, payment: PaymentId, report: &Report, handover: Option<&[u8]>) -> Result<Settled> {
    if let Some(sealed) = handover {
        sql::set_handover(tx, payment, sealed)?;
    }
    settle::settle(tx, payment, report, BY)
}

/// Books what a gateway answered.
pub(super) struct Book {
    pub payment: PaymentId,
    pub looked: Looked,
}

impl Command for Book {
    const NAME: &'static str = "payments.book";
    type Output = Settled;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Settled> {
        match &self.looked {
            Looked::There { report, handover } => book(tx, self.payment, report, handover.as_deref()),
            Looked::NotThere | Looked::Nothing => Ok(Settled::default()),
        }
    }
}

/// Asks the gateway of a payment now, outside any transaction, books what it says, and does what follows. A payment without a gateway
/// is not asked about.
///
/// # Errors
/// A problem as of [`problems::of_call`] where the gateway did not answer clearly, or a fault.
pub async fn ask_now(shop: &Shop, payment: PaymentId) -> Result<Settled> {
    let kept = shop.db.read(move |reader| attempts::kept(reader, payment)).await?;
    let Some(kept) = kept else { return Ok(Settled::default()) };
    let looked = look(shop, &kept).await?;
    book_and_follow(shop, payment, looked).await
}

/// As [`ask_now`], for a job: many wait for the same gateway, and others' payments behind them.
///
/// # Errors
/// As [`ask_now`].
pub(super) async fn ask_by_job(shop: &Shop, payment: PaymentId) -> Result<Settled> {
    let kept = shop.db.read(move |reader| attempts::kept(reader, payment)).await?;
    let Some(kept) = kept else { return Ok(Settled::default()) };
    let looked = look_by_job(shop, &kept).await?;
    book_and_follow(shop, payment, looked).await
}

async fn book_and_follow(shop: &Shop, payment: PaymentId, looked: Looked) -> Result<Settled> {
    let settled = shop.db.write(Book { payment, looked }).await?;
    follow(shop, payment, settled).await?;
    Ok(settled)
}

/// As [`look`], for a job: a gateway that was silent lately is not waited for long again.
pub(super) async fn look_by_job(shop: &Shop, kept: &Kept) -> Result<Looked> {
    let looked = shop.silence.wait(&[kept.row.method], look(shop, kept)).await;
    looked.unwrap_or_else(|| Err(problems::unclear().into()))
}

/// Does what follows from what was booked: takes the money of an approved attempt, if the order can still have it.
///
/// # Errors
/// A fault. That the gateway did not answer is none: it is asked again soon.
pub async fn follow(shop: &Shop, payment: PaymentId, settled: Settled) -> Result<()> {
    if !settled.capture {
        return Ok(());
    }
    let kept = shop.db.read(move |reader| attempts::kept(reader, payment)).await?;
    let Some(kept) = kept else { return Ok(()) };
    // Who begins another attempt ends this one first.
    let turn = shop.turns.take(kept.payment.order, shop.turns.request()).await;
    match turn {
        Some(_turn) => take_money(shop, payment).await,
        None => shop.db.write_in_background(AskSoon { payment }).await,
    }
}

/// Takes the money of an approved attempt. The caller has the order's turn.
pub(super) async fn take_money(shop: &Shop, payment: PaymentId) -> Result<()> {
    let now = shop.clock.now();
    let read = shop
        .db
        .read(move |reader| {
            let Some(kept) = attempts::kept(reader, payment)? else { return Ok(None) };
            let payable = orders::payable(reader, kept.payment.order)?;
            Ok(payable.map(|payable| (kept, payable)))
        })
        .await?;
    let Some((kept, payable)) = read else { return Ok(()) };
    if !may_take(&kept, &payable, now) {
        tracing::info!(payment = %payment, "the customer agreed when the order did not wait any more; no money was taken");
        return shop.db.write_in_background(LeaveUntaken { payment }).await;
    }
    let gateway = gateway_of(shop, &kept)?;
    let attempt = kept.as_told();
    let taken = within(shop.turns.call, gateway.capture(&attempt)).await;
    match taken {
        Ok(report) => {
            let looked = shown(&shop.keys, report)?;
            shop.db.write(Book { payment, looked }).await?;
            Ok(())
        }
        Err(CallFault::NeedsAction { url }) => {
            let report = Report {
                state: Some(super::gateway::There::NeedsAction),
                handover: Some(Handover { redirect_url: Some(url), client_secret: None }),
                ..Report::default()
            };
            let looked = shown(&shop.keys, report)?;
            shop.db.write(Book { payment, looked }).await?;
            Ok(())
        }
        Err(CallFault::Declined { code, message }) => {
            let report = Report { failure: Some(Failure { code, message }), ..Report::default() };
            shop.db.write(Book { payment, looked: shown(&shop.keys, report)? }).await?;
            Ok(())
        }
        Err(fault) => {
            told(&kept, &fault);
            shop.db.write_in_background(AskSoon { payment }).await
        }
    }
}

/// Whether an order still waits for an attempt's money: it is as much as is owed, and the hold lives.
fn may_take(kept: &Kept, payable: &Payable, now: UtcMs) -> bool {
    let owed = payable.total_minor - payable.captured_minor;
    let is_held = match payable.status {
        OrderStatus::Cancelled => false,
        OrderStatus::Pending => payable.hold_ends_at.is_none_or(|at| at > now),
        _ => true,
    };
    is_held
        && owed == kept.payment.amount_minor
        && kept.payment.status.is_live()
        && !kept.row.is_ending
        && kept.row.phase != Phase::Closed
}

/// An attempt is asked about soon: what was done is not known for sure.
struct AskSoon {
    payment: PaymentId,
}

impl Command for AskSoon {
    const NAME: &'static str = "payments.ask_soon";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        reconcile::soon(tx, self.payment)
    }
}

/// The customer agreed too late. It is said so, and nothing is taken.
struct LeaveUntaken {
    payment: PaymentId,
}

impl Command for LeaveUntaken {
    const NAME: &'static str = "payments.leave_untaken";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let Some(kept) = attempts::kept(tx, self.payment)? else { return Ok(()) };
        let message = "the customer agreed when the order did not wait any more; no money was taken".to_owned();
        let failure = Failure { code: "not_taken".to_owned(), message };
        if kept.payment.captured_minor == 0 && kept.payment.status.is_live() {
            return settle::close(tx, &kept, TransactionStatus::Cancelled, Some(&failure));
        }
        if kept.payment.captured_minor == 0 && kept.payment.failure.as_ref() != Some(&failure) {
            money::set_status(tx, self.payment, kept.payment.status, Some(&failure))?;
        }
        Ok(())
    }
}
