//! Making an attempt unpayable: before a cancellation, another method, or the end of a hold.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::ask::{self, Book, Looked};
use super::attempts::{self, Kept, Phase};
use super::gateway::{CallFault, There};
use super::settle::{self, Settled};
use super::sql::attempts as sql;
use super::{problems, reconcile};
use crate::db::{Command, WriteTx};
use crate::features::Shop;
use crate::features::money;
use crate::features::orders::{self, ExpireHold, LiveAttempts};
use crate::jobs::{self, Claimed, Handler};
use crate::kernel::{Error, Fault, OrderId, PaymentId, PaymentMethod, Problem, Result, TransactionStatus};

/// How an attempt came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    /// Nobody can pay it any more.
    Unpayable,
    /// It was paid, or paid with what does not fit: that is booked.
    Paid,
    /// Money is on its way, and nobody can stop it.
    Underway,
    /// Its gateway has no way to end it: it can be paid until it ends by itself.
    StillOpen,
}

/// Ends an attempt at its gateway, and books what that says: it may turn out to be paid.
///
/// # Errors
/// A problem as of [`problems::of_call`] where the gateway did not answer clearly, or a fault.
pub async fn end(shop: &Shop, payment: PaymentId) -> Result<Settled> {
    let kept = shop.db.read(move |reader| attempts::kept(reader, payment)).await?;
    let Some(kept) = kept else { return Ok(Settled::default()) };
    // Who is beginning it sees afterwards that it is to be ended.
    let order = kept.payment.order;
    let turn = shop.turns.take(order, shop.turns.request()).await.ok_or_else(problems::unclear)?;
    let ended = end_now(shop, payment).await;
    drop(turn);
    ended.map(|ended| Settled { changed: true, underway: ended == Ended::Underway, ..Settled::default() })
}

/// As [`end`], by who has the order's turn.
pub(super) async fn end_now(shop: &Shop, payment: PaymentId) -> Result<Ended> {
    let marked = shop.db.write(MarkEnding { payment }).await?;
    let Some(kept) = marked else { return Ok(Ended::Unpayable) };
    if let Some(ended) = outcome(&kept, None) {
        return Ok(ended);
    }
    let kept = match kept.row.reference {
        Some(_) => kept,
        None => match look_for(shop, &kept).await? {
            Some(found) => found,
            None => return Ok(Ended::Unpayable),
        },
    };
    if let Some(ended) = outcome(&kept, None) {
        return Ok(ended);
    }
    let gateway = ask::gateway_of(shop, &kept)?;
    let attempt = kept.as_told();
    let report = match ask::within(shop.turns.call, gateway.end(&attempt)).await {
        // What cannot be ended is perhaps paid, or has ended.
        Err(CallFault::Refused { code, .. }) => {
            tracing::info!(payment = %payment, code, "an attempt could not be ended; its gateway is asked how it stands");
            ask::within(shop.turns.call, gateway.ask(&attempt)).await
        }
        said => said,
    };
    let report = report.map_err(|fault| ask::told(&kept, &fault))?;
    let state = report.state;
    let looked = ask::shown(&shop.keys, report)?;
    shop.db.write(BookEnd { payment, looked }).await?;
    let now = shop.db.read(move |reader| attempts::kept(reader, payment)).await?;
    let now = now.ok_or_else(|| Fault::because("an attempt that was ended is there"))?;
    match outcome(&now, state) {
        Some(ended) => Ok(ended),
        None if !gateway.can_end() => Ok(Ended::StillOpen),
        None => Err(problems::unclear().into()),
    }
}

/// What an attempt's end has come to; `None` while it can still be paid.
fn outcome(kept: &Kept, state: Option<There>) -> Option<Ended> {
    let is_paid = kept.payment.captured_minor > 0 || kept.payment.status == TransactionStatus::Parked;
    match state {
        _ if is_paid => Some(Ended::Paid),
        _ if kept.row.phase == Phase::Closed => Some(Ended::Unpayable),
        Some(There::Underway) => Some(Ended::Underway),
        _ => None,
    }
}

/// An attempt that was perhaps never begun: it is looked for. One that is not there is closed: nobody holds a link to it.
async fn look_for(shop: &Shop, kept: &Kept) -> Result<Option<Kept>> {
    let payment = kept.payment.id;
    let looked = ask::find(shop, kept).await.map_err(|fault| ask::told(kept, &fault))??;
    if looked == Looked::NotThere {
        shop.db.write(CloseUnbegun { payment }).await?;
        return Ok(None);
    }
    shop.db.write(Book { payment, looked }).await?;
    shop.db.read(move |reader| attempts::kept(reader, payment)).await
}

/// Notes that an attempt is to be ended, so that who hears of it meanwhile takes no money.
struct MarkEnding {
    payment: PaymentId,
}

impl Command for MarkEnding {
    const NAME: &'static str = "payments.mark_ending";
    type Output = Option<Kept>;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Option<Kept>> {
        let kept = attempts::kept(tx, self.payment)?;
        if kept.as_ref().is_some_and(|kept| kept.row.phase != Phase::Closed && !kept.row.is_ending) {
            sql::set_ending(tx, self.payment)?;
        }
        Ok(kept)
    }
}

/// Books what a gateway answered to the end of an attempt. What the customer has agreed to and nobody has taken is ended by that we
/// do not take it.
struct BookEnd {
    payment: PaymentId,
    looked: Looked,
}

impl Command for BookEnd {
    const NAME: &'static str = "payments.book_end";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let Looked::There { report, handover } = &self.looked else { return Ok(()) };
        ask::book(tx, self.payment, report, handover.as_deref())?;
        let Some(kept) = attempts::kept(tx, self.payment)? else { return Ok(()) };
        if report.state == Some(There::Approved) && kept.payment.captured_minor == 0 && kept.payment.status.is_live() {
            settle::close(tx, &kept, TransactionStatus::Cancelled, None)?;
        }
        Ok(())
    }
}

struct CloseUnbegun {
    payment: PaymentId,
}

impl Command for CloseUnbegun {
    const NAME: &'static str = "payments.close_unbegun";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        match attempts::kept(tx, self.payment)?.filter(|kept| kept.row.phase != Phase::Closed) {
            Some(kept) => reconcile::close_lost(tx, &kept),
            None => Ok(()),
        }
    }
}

/// Who waits for the end of an order's attempts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Waits {
    Person,
    Job,
}

/// Ends every attempt of an order, as long as a gateway may take; whether money is on its way. A gateway that does not answer is no
/// error: what follows has it ended by a job.
async fn end_all(shop: &Shop, order: OrderId, waits: Waits) -> Result<bool> {
    let open = shop.db.read(move |reader| attempts::open_of(reader, order)).await?;
    let methods: Vec<PaymentMethod> = open.iter().map(|kept| kept.row.method).collect();
    let mut is_underway = false;
    let all = async {
        for payment in open.iter().map(|kept| kept.payment.id) {
            match end(shop, payment).await {
                Ok(settled) => is_underway |= settled.underway,
                Err(Error::Refused(problem)) => {
                    tracing::warn!(payment = %payment, code = problem.kind.code, "an attempt could not be ended now; it is tried again");
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    };
    let done = match waits {
        Waits::Person => tokio::time::timeout(shop.turns.call, all).await.ok(),
        Waits::Job => shop.silence.wait(&methods, all).await,
    };
    match done {
        Some(done) => done?,
        None => tracing::warn!(order = %order, "a gateway did not end an attempt in time; it is asked again by a job"),
    }
    Ok(is_underway)
}

/// What orders ask before an unpaid online one is cancelled or paid at the shop.
pub struct EndsAttempts;

impl LiveAttempts for EndsAttempts {
    fn end<'a>(&'a self, shop: &'a Shop, order: OrderId) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>> {
        Box::pin(async move {
            end_all(shop, order, Waits::Person).await?;
            Ok(())
        })
    }
}

/// The worker of the jobs that end an attempt (`money::END_JOB`): as often as it takes.
pub struct EndByItself {
    shop: Arc<Shop>,
}

impl EndByItself {
    #[must_use]
    pub fn new(shop: Arc<Shop>) -> EndByItself {
        EndByItself { shop }
    }
}

impl Handler for EndByItself {
    fn kind(&self) -> &'static str {
        money::END_JOB
    }

    fn at_once(&self) -> usize {
        2
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async move {
            let payment =
                PaymentId::parse(&job.key).ok_or_else(|| Fault::because(format!("the key of job {} is no payment", job.id)))?;
            let shop = &self.shop;
            let row = shop.db.read(move |reader| attempts::row(reader, payment)).await?;
            let Some(row) = row else { return Ok(()) };
            // Money on its way cannot be stopped, and some gateways end nothing: it is asked about until it has come or not.
            let ended = shop.silence.wait(&[row.method], end(shop, payment)).await;
            ended.unwrap_or_else(|| Err(problems::unclear().into()))?;
            Ok(())
        })
    }
}

/// The worker of the jobs that end a hold: what is still payable is ended at its gateway first, and what was paid meanwhile is booked.
pub struct ExpireHolds {
    shop: Arc<Shop>,
}

impl ExpireHolds {
    #[must_use]
    pub fn new(shop: Arc<Shop>) -> ExpireHolds {
        ExpireHolds { shop }
    }
}

impl Handler for ExpireHolds {
    fn kind(&self) -> &'static str {
        orders::EXPIRE_JOB
    }

    /// Many may end in the same minute, and each within 20 s (SPEC 4), also beside a silent gateway.
    fn at_once(&self) -> usize {
        8
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async move {
            let order =
                OrderId::parse(&job.key).ok_or_else(|| Fault::because(format!("the key of job {} is no order", job.id)))?;
            let shop = &self.shop;
            if end_all(shop, order, Waits::Job).await? {
                tracing::warn!(order = %order, "money for an order whose hold has ended is on its way; the order is kept until it has come or not");
                return shop.db.write_in_background(KeepHold { job }).await;
            }
            shop.db.write_in_background(ExpireHold { order, job }).await
        })
    }
}

/// The hold is kept: money is on its way. That it came, or that it did not, ends the wait (`settle`).
struct KeepHold {
    job: Claimed,
}

impl Command for KeepHold {
    const NAME: &'static str = "payments.keep_hold";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        jobs::finish(tx, self.job.id)?;
        Ok(())
    }
}

/// Where an attempt cannot be ended, nothing else that can be paid at a gateway is begun beside it.
#[must_use]
pub(super) fn still_open() -> Problem {
    Problem::of(&problems::PAYMENT_STILL_OPEN)
        .detail("What was begun first can still be paid, and its gateway has no way to end it. Go on with that one, pay at the shop, or wait until the order's time ends.")
}

/// What ends an attempt that is not payable is told as a problem where a customer waits for it.
#[must_use]
pub(super) fn underway() -> Problem {
    Problem::of(&problems::PAYMENT_UNDERWAY)
        .detail("The order was paid by a way that takes its time. It is kept, and confirmed when the money has come; nothing more is to be done.")
}
