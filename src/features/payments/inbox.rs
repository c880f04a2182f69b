//! What gateways tell by themselves: kept once, answered at once, understood by a job.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use super::gateway::{Delivery, Event, Gateway, Reading, Report, There, Verdict};
use super::settle::{Settled, settle};
use super::sql::inbox as sql;
use super::strike::strike;
use super::{ask, attempts};
use crate::db::{Command, Reader, WriteTx};
use crate::features::Shop;
use crate::jobs::{self, Claimed, Handler, NewJob};
use crate::kernel::problem::kinds;
use crate::kernel::{Actor, Fault, JobId, PaymentId, PaymentMethod, Problem, Result, WebhookId};

/// The kind of these jobs; the key is the message's id.
pub(super) const KIND: &str = "payments.webhook";
/// Tries; with the engine's back-off they reach over a day.
const MAX_ATTEMPTS: i64 = 30;
/// The try after which a message whose payment nobody knows is kept as such: a good ten minutes, for a message may overtake the
/// answer to the call that began its payment.
const LAST_SEARCH: i64 = 5;
/// Who could not be verified for a reason that passes is asked to come again after this.
const VERIFY_AGAIN_S: u32 = 30;

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// It moved something in the books.
    Booked,
    /// All it says was known.
    Nothing,
    /// It is of a kind that means nothing here.
    Ignored,
    /// It tells of money that does not fit its payment.
    Parked,
    /// No payment of ours has any of its names.
    Unknown,
}

impl Outcome {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Outcome::Booked => "booked",
            Outcome::Nothing => "nothing",
            Outcome::Ignored => "ignored",
            Outcome::Parked => "parked",
            Outcome::Unknown => "unknown",
        }
    }
}

/// A message as it is kept, while it waits.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Waiting {
    pub(super) gateway: PaymentMethod,
    pub(super) event: Event,
}

/// Verifies a message and keeps it, once. What is not for us, and what was kept before, is answered alike.
///
/// # Errors
/// 400 `bad_signature`, 429 for who forges much, 503 where it must be sent again.
pub(super) async fn take_in(shop: &Shop, gateway: &dyn Gateway, delivery: Delivery<'_>, from: IpAddr) -> Result<()> {
    let method = gateway.method();
    match gateway.verify(delivery, shop.clock.now()).await {
        Verdict::Genuine(event) => {
            let body = strike(&event.body).to_string();
            shop.db.write(Keep { gateway: method, event_id: event.id, kind: event.kind, body }).await
        }
        Verdict::NotForUs => Ok(()),
        Verdict::Forged { why } => Err(forged(shop, method.code(), why, from).into()),
        Verdict::CannotTell { why } => {
            shop.forgeries.doubt(from);
            tracing::warn!(
                gateway = method.code(),
                why,
                "a gateway's message cannot be verified now; it is asked to send it again"
            );
            Err(Problem::of(&kinds::BUSY)
                .detail("The signature cannot be verified just now. Nothing was kept; send the message again.")
                .retry_after_s(VERIFY_AGAIN_S)
                .into())
        }
    }
}

/// Counts a message that nobody we know has signed, and refuses it. `gateway` is whose it claims to be.
pub(super) fn forged(shop: &Shop, gateway: &str, why: &'static str, from: IpAddr) -> Problem {
    shop.forgeries.note(from);
    tracing::warn!(gateway, why, "a message was not signed by a gateway");
    Problem::of(&kinds::BAD_SIGNATURE).detail(
        "The signature is not the gateway's, or not over these bytes. If you are the gateway: the shop's webhook secret is not yours.",
    )
}

/// Keeps a message and writes its job, unless it is there.
struct Keep {
    gateway: PaymentMethod,
    event_id: String,
    kind: String,
    body: String,
}

impl Command for Keep {
    const NAME: &'static str = "payments.keep_message";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let id = WebhookId::from_uuid(tx.new_id());
        if sql::insert(tx, id, self.gateway, &self.event_id, &self.kind, &self.body)? {
            let new = NewJob { kind: KIND, key: &id.to_string(), run_at: tx.now(), max_attempts: MAX_ATTEMPTS };
            jobs::enqueue(tx, &new)?;
        }
        Ok(())
    }
}

/// The worker of these jobs.
pub struct HandleMessages {
    shop: Arc<Shop>,
}

impl HandleMessages {
    #[must_use]
    pub fn new(shop: Arc<Shop>) -> HandleMessages {
        HandleMessages { shop }
    }

    async fn handle(&self, job: Claimed) -> Result<()> {
        let shop = self.shop.as_ref();
        let id =
            WebhookId::parse(&job.key).ok_or_else(|| Fault::because(format!("the key of job {} is no message", job.id)))?;
        let Some(waiting) = shop.db.read(move |reader| sql::waiting(reader, id)).await? else { return Ok(()) };
        let method = waiting.gateway;
        let gateway = shop.gateways.get(method).ok_or_else(|| {
            Fault::because(format!("messages of {0} wait, and {0} is not configured: put its section back", method.code()))
        })?;
        let reading = gateway.read(&waiting.event);
        let conclude = Conclude { id, job: job.id, fate: Fate::Ignored };
        if reading.ignored {
            shop.db.write_in_background(conclude).await?;
            return Ok(());
        }
        let Some(found) = find(shop, method, &reading).await? else {
            if job.attempt < LAST_SEARCH {
                return Err(Fault::because("no payment of ours has the names in this message yet").into());
            }
            let is_money = tells_of_money(&reading);
            tracing::warn!(
                gateway = method.code(),
                kind = waiting.event.kind,
                is_money,
                "a gateway's message is about no payment of ours"
            );
            shop.db.write_in_background(Conclude { fate: Fate::Unknown { is_money }, ..conclude }).await?;
            return Ok(());
        };
        let payment = found.payment;
        let report = if found.is_believed { reading.report } else { Report::default() };
        let fate = Fate::Of { payment, report: Box::new(report), asked: found.asked };
        let settled = shop.db.write_in_background(Conclude { fate, ..conclude }).await?;
        // After a crash just here the reconciler finds what is left to do.
        ask::follow(shop, payment, settled).await
    }
}

impl Handler for HandleMessages {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(self.handle(job))
    }
}

/// The payment that a message is about.
struct Found {
    payment: PaymentId,
    /// What asking its gateway has booked already.
    asked: Settled,
    /// The gateway calls the payment by a name in the message, so that what else it says is believed.
    is_believed: bool,
}

/// By the names that the gateway has given it. Our own id in a message counts only where the payment, asked about, turns out to
/// have one of the message's names (PROVIDERS 2.5): else who may write into one account could speak for another's payment.
async fn find(shop: &Shop, method: PaymentMethod, reading: &Reading) -> Result<Option<Found>> {
    let by_name = async || {
        let names = reading.about.clone();
        shop.db.read(move |reader| attempts::find_by_objects(reader, method, &names)).await
    };
    if let Some(payment) = by_name().await? {
        let asked = if reading.ask { ask::ask_by_job(shop, payment).await? } else { Settled::default() };
        return Ok(Some(Found { payment, asked, is_believed: true }));
    }
    let Some(ours) = reading.ours else { return Ok(None) };
    let row = shop.db.read(move |reader| attempts::row(reader, ours)).await?;
    if row.is_none_or(|row| row.method != method) {
        return Ok(None);
    }
    let asked = ask::ask_by_job(shop, ours).await?;
    let is_believed = by_name().await? == Some(ours);
    Ok((is_believed || reading.about.is_empty()).then_some(Found { payment: ours, asked, is_believed }))
}

/// Whether a message that nobody knows may mean money that somebody has paid.
fn tells_of_money(reading: &Reading) -> bool {
    let report = &reading.report;
    !report.captures.is_empty()
        || !report.refunds.is_empty()
        || report.refunded_total.is_some()
        || report.dispute.is_some()
        || matches!(report.state, Some(There::Approved | There::Underway))
        || reading.ask
}

/// Books what a message says, and what became of it, in one transaction with the end of its job.
struct Conclude {
    id: WebhookId,
    job: JobId,
    fate: Fate,
}

enum Fate {
    Ignored,
    Unknown { is_money: bool },
    Of { payment: PaymentId, report: Box<Report>, asked: Settled },
}

impl Command for Conclude {
    const NAME: &'static str = "payments.conclude_message";
    type Output = Settled;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Settled> {
        if !jobs::finish(tx, self.job)? {
            return Ok(Settled::default());
        }
        let (outcome, payment, is_money, settled) = match self.fate {
            Fate::Ignored => (Outcome::Ignored, None, false, Settled::default()),
            Fate::Unknown { is_money } => (Outcome::Unknown, None, is_money, Settled::default()),
            Fate::Of { payment, report, asked } => {
                let settled = settle(tx, payment, &report, Actor::Gateway)?;
                let outcome = match (settled.parked || asked.parked, settled.changed || asked.changed) {
                    (true, _) => Outcome::Parked,
                    (false, true) => Outcome::Booked,
                    (false, false) => Outcome::Nothing,
                };
                (outcome, Some(payment), false, settled)
            }
        };
        sql::conclude(tx, self.id, outcome, payment, is_money)?;
        Ok(settled)
    }
}

/// Takes the bodies out of some messages that were handled before a moment; how many. The rows stay: they are small, and as long as
/// they are there the same message is not heard twice, however late it is sent again.
///
/// # Errors
/// A fault.
pub fn forget_bodies(tx: &mut WriteTx<'_>, before: crate::kernel::UtcMs, most: usize) -> Result<usize> {
    sql::forget_bodies(tx, before, most)
}

/// How many messages tell of money that no payment here explains.
pub(super) fn count_lost_money(reader: &Reader<'_>) -> Result<i64> {
    Ok(sql::lost_money(reader)?.into_iter().map(|(_, count, _)| count).sum())
}

/// Money that gateways have told of and that no payment here explains, a line a gateway, as long as the bodies are kept.
///
/// # Errors
/// A fault.
pub fn lost_money(reader: &Reader<'_>) -> Result<Vec<String>> {
    let lost = sql::lost_money(reader)?;
    let line = |(gateway, count, newest): (String, i64, String)| {
        format!(
            "{count} message(s) of {gateway} tell of money for no payment of this shop, the newest is {newest}: look it up in \
             {gateway}'s dashboard; if another shop uses the same account, its webhook should not point here"
        )
    };
    Ok(lost.into_iter().map(line).collect())
}
