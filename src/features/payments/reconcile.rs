//! Asking by itself: on its schedule, at start, and after calls of unknown outcome (SPEC 4).
//!
//! Every attempt of which something is expected has one waiting job of kind `payments.ask`, whose key is its payment. Each run asks,
//! books, and writes the next run in the same transaction.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::ask::{self, Looked};
use super::attempts::{self, Kept, Phase, Row};
use super::inbox;
use super::settle::{self, Settled};
use super::sql::attempts as sql;
use crate::db::{Command, WriteTx};
use crate::features::Shop;
use crate::features::money::{self, Failure};
use crate::features::orders;
use crate::jobs::{self, Claimed, Handler, NewJob};
use crate::kernel::time::span::{DAY_MS, HOUR_MS, MINUTE_MS};
use crate::kernel::{Actor, Fault, OrderStatus, PaymentId, Result, TransactionStatus, UtcMs};

/// The kind of these jobs; the key is the payment's id.
pub const KIND: &str = "payments.ask";
/// Tries of one run: what a gateway says or does not say makes the next run, so only faults of ours are tried again.
const MAX_ATTEMPTS: i64 = 20;
const SECOND_MS: i64 = 1_000;
/// An attempt that is there is asked about so long after it was begun.
const OPEN_AFTER_MS: [i64; 4] = [2 * MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, 30 * MINUTE_MS];
/// One of unknown outcome is looked for after 10 s, 30 s and 2 min: the waits between.
const UNCLEAR_WAITS_MS: [i64; 3] = [10 * SECOND_MS, 20 * SECOND_MS, 90 * SECOND_MS];
/// Two looks so far apart that find nothing are believed where nobody waits for the answer (PROVIDERS 2.6).
const LOST_AFTER_MS: i64 = 30 * MINUTE_MS;
/// A provider's fee may be known only so long after the money was taken (PROVIDERS 2.2).
const FEE_AFTER_MS: i64 = HOUR_MS;
/// After an attempt's end, one more look.
const AFTERWARDS_MS: i64 = DAY_MS;

/// The next look is at this moment, and no other.
fn schedule(tx: &mut WriteTx<'_>, payment: PaymentId, at: UtcMs) -> Result<()> {
    let key = payment.to_string();
    jobs::cancel(tx, KIND, &key)?;
    jobs::enqueue(tx, &NewJob { kind: KIND, key: &key, run_at: at, max_attempts: MAX_ATTEMPTS })
}

/// An attempt's gateway is being asked to begin it, or has begun it.
pub(super) fn begun(tx: &mut WriteTx<'_>, payment: PaymentId, sent_at: UtcMs) -> Result<()> {
    sql::set_asks(tx, payment, 0)?;
    let first = sent_at.plus_ms(OPEN_AFTER_MS[0]).max(tx.now().plus_ms(SECOND_MS));
    schedule(tx, payment, first)
}

/// Nobody knows whether an attempt was begun.
pub(super) fn unclear(tx: &mut WriteTx<'_>, payment: PaymentId) -> Result<()> {
    sql::set_asks(tx, payment, 0)?;
    let at = tx.now().plus_ms(UNCLEAR_WAITS_MS[0]);
    schedule(tx, payment, at)
}

/// What may be told of it yet is asked for once.
pub(super) fn after_capture(tx: &mut WriteTx<'_>, payment: PaymentId) -> Result<()> {
    let at = tx.now().plus_ms(FEE_AFTER_MS);
    schedule(tx, payment, at)
}

/// It ended without money. Whether money came all the same is asked once, a day after the order's wait; see [`is_worth_asking`].
pub(super) fn after_end(tx: &mut WriteTx<'_>, row: &Row) -> Result<()> {
    let at = row.ends_at.max(tx.now()).plus_ms(AFTERWARDS_MS);
    schedule(tx, row.payment, at)
}

/// Soon: what was done is not known for sure.
pub(super) fn soon(tx: &mut WriteTx<'_>, payment: PaymentId) -> Result<()> {
    let at = tx.now().plus_ms(UNCLEAR_WAITS_MS[0]);
    schedule(tx, payment, at)
}

/// When an attempt is looked at next, after a look at `now` that was its `asks`-th.
#[must_use]
fn next_look(phase: Phase, asks: i64, sent_at: UtcMs, lost_at: Option<UtcMs>, now: UtcMs) -> Option<UtcMs> {
    match phase {
        Phase::Calling | Phase::Unclear => {
            let wait = usize::try_from(asks).ok().and_then(|asks| UNCLEAR_WAITS_MS.get(asks)).copied();
            Some(match (wait, lost_at) {
                (Some(wait), _) => now.plus_ms(wait),
                (None, Some(lost_at)) => lost_at.plus_ms(LOST_AFTER_MS).max(now.plus_ms(MINUTE_MS)),
                (None, None) => now.plus_ms(LOST_AFTER_MS),
            })
        }
        Phase::Open => {
            let next = OPEN_AFTER_MS.iter().map(|ms| sent_at.plus_ms(*ms)).find(|at| *at > now);
            Some(next.unwrap_or(now.plus_ms(HOUR_MS)))
        }
        Phase::Closed => None,
    }
}

/// Whether a closed attempt is asked about once more: what was captured may have a fee by now; what ended at a gateway without keys
/// may have been done twice (PROVIDERS 4.2).
fn is_worth_asking(kept: &Kept, knows_keys: bool) -> bool {
    kept.row.reference.is_some() && if kept.payment.captured_minor > 0 { kept.payment.fee.is_none() } else { !knows_keys }
}

/// The worker of these jobs.
pub struct AskByItself {
    shop: Arc<Shop>,
}

impl AskByItself {
    #[must_use]
    pub fn new(shop: Arc<Shop>) -> AskByItself {
        AskByItself { shop }
    }
}

impl Handler for AskByItself {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn at_once(&self) -> usize {
        2
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async move {
            let payment =
                PaymentId::parse(&job.key).ok_or_else(|| Fault::because(format!("the key of job {} is no payment", job.id)))?;
            let shop = &self.shop;
            let kept = shop.db.read(move |reader| attempts::kept(reader, payment)).await?;
            let Some(kept) = kept else { return Ok(()) };
            let gateway = shop.gateways.get(kept.row.method);
            let knows_keys = gateway.is_some_and(|gateway| gateway.key_life().start_ms > 0);
            let can_end = gateway.is_some_and(|gateway| gateway.can_end());
            if kept.row.phase == Phase::Closed && !is_worth_asking(&kept, knows_keys) {
                return Ok(());
            }
            let looked = match ask::look_by_job(shop, &kept).await {
                Ok(looked) => Some(looked),
                Err(fault) => {
                    tracing::warn!(payment = %payment, method = kept.row.method.code(), fault = %fault, "a gateway could not be asked about a payment; it is asked again");
                    None
                }
            };
            let sent_at = kept.row.sent_at;
            let settled = shop.db.write_in_background(NoteLook { job, payment, sent_at, looked, can_end }).await?;
            ask::follow(shop, payment, settled).await
        })
    }
}

/// Books what a look has shown, and has the next one follow.
struct NoteLook {
    job: Claimed,
    payment: PaymentId,
    sent_at: UtcMs,
    /// `None` if the gateway did not answer.
    looked: Option<Looked>,
    /// Its gateway has a way to end it.
    can_end: bool,
}

impl Command for NoteLook {
    const NAME: &'static str = "payments.note_look";
    type Output = Settled;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Settled> {
        if !jobs::finish(tx, self.job.id)? {
            // Something newer has put another look in its place; what this one has shown is told all the same.
            return match &self.looked {
                Some(Looked::There { report, handover }) => ask::book(tx, self.payment, report, handover.as_deref()),
                _ => Ok(Settled::default()),
            };
        }
        let settled = match &self.looked {
            Some(Looked::There { report, handover }) => ask::book(tx, self.payment, report, handover.as_deref())?,
            Some(Looked::NotThere) => {
                lost(tx, self.payment, self.sent_at)?;
                Settled::default()
            }
            Some(Looked::Nothing) | None => Settled::default(),
        };
        let Some(row) = attempts::row(tx, self.payment)? else { return Ok(settled) };
        let (asks, now) = (row.asks + 1, tx.now());
        sql::set_asks(tx, self.payment, asks)?;
        if let Some(at) = next_look(row.phase, asks, row.sent_at, row.lost_at, now) {
            let key = self.payment.to_string();
            // One that settling has put there stays.
            jobs::enqueue(tx, &NewJob { kind: KIND, key: &key, run_at: at, max_attempts: MAX_ATTEMPTS })?;
        }
        let is_seen = matches!(self.looked, Some(Looked::There { .. }));
        if is_seen && row.phase == Phase::Open && now >= row.ends_at && !settled.underway {
            end_what_nobody_waits_for(tx, self.payment, self.can_end)?;
        }
        Ok(settled)
    }
}

/// The gateway does not know an attempt. The second time, half an hour after the first, it is believed.
fn lost(tx: &mut WriteTx<'_>, payment: PaymentId, sent_at: UtcMs) -> Result<()> {
    let Some(kept) = attempts::kept(tx, payment)? else { return Ok(()) };
    // A checkout may have sent it anew while this was asked.
    if kept.row.phase != Phase::Unclear || kept.row.sent_at != sent_at {
        return Ok(());
    }
    match kept.row.lost_at {
        None => {
            let now = tx.now();
            sql::set_lost(tx, payment, Some(now))
        }
        Some(first) if tx.now() >= first.plus_ms(LOST_AFTER_MS) => close_lost(tx, &kept),
        Some(_) => Ok(()),
    }
}

/// Nobody holds a link to it, so no money can come of it.
pub(super) fn close_lost(tx: &mut WriteTx<'_>, kept: &Kept) -> Result<()> {
    let failure = Failure { code: "not_begun".to_owned(), message: "the gateway never began this payment".to_owned() };
    settle::close(tx, kept, TransactionStatus::Failed, Some(&failure))
}

/// The end of a hold ends its attempts, also of one that was kept for money on its way that has not come; an attempt of an order that
/// has no hold is ended here.
fn end_what_nobody_waits_for(tx: &mut WriteTx<'_>, payment: PaymentId, can_end: bool) -> Result<()> {
    let Some(kept) = attempts::kept(tx, payment)? else { return Ok(()) };
    match orders::payable(tx, kept.payment.order)? {
        Some(payable) if payable.status == OrderStatus::Pending && payable.hold_ends_at.is_some() => {
            settle::end_hold_if_over(tx, &payable)
        }
        _ if can_end => money::ask_to_end(tx, kept.payment.order),
        _ => Ok(()),
    }
}

/// Takes up what an earlier run left: an attempt that was being begun is one of unknown outcome, and each is looked at now. What was
/// given up is tried anew: a gateway's section may be back.
pub struct TakeUp;

/// Kinds of work without which money or pieces would stay where they are.
const NEVER_GIVEN_UP: [&str; 5] = [KIND, money::END_JOB, money::REFUND_JOB, inbox::KIND, orders::EXPIRE_JOB];

impl Command for TakeUp {
    const NAME: &'static str = "payments.take_up";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        for kind in NEVER_GIVEN_UP {
            jobs::revive(tx, kind)?;
        }
        let now = tx.now();
        for row in sql::open(tx)? {
            if row.phase == Phase::Calling {
                sql::set_phase(tx, row.payment, Phase::Unclear)?;
            }
            if row.phase != Phase::Open {
                sql::set_asks(tx, row.payment, 0)?;
            }
            schedule(tx, row.payment, now)?;
        }
        Ok(())
    }
}

/// Who speaks when a gateway was asked.
pub(super) const BY: Actor = Actor::Gateway;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> UtcMs {
        UtcMs::from_ms(ms)
    }

    #[test]
    fn an_open_attempt_is_asked_about_after_2_5_15_and_30_minutes_and_then_hourly() {
        let next = |now| next_look(Phase::Open, 0, at(0), None, at(now)).map(|at| at.ms() / MINUTE_MS);
        assert_eq!([0, 2, 3, 5, 15, 29].map(|minutes| next(minutes * MINUTE_MS)), [2, 5, 5, 15, 30, 30].map(Some));
        assert_eq!(next(30 * MINUTE_MS), Some(90));
        assert_eq!(next_look(Phase::Closed, 0, at(0), None, at(0)), None);
    }

    #[test]
    fn one_of_unknown_outcome_is_looked_for_after_10_30_and_120_seconds_and_believed_after_half_an_hour() {
        let mut now = at(0);
        let mut seen = vec![UNCLEAR_WAITS_MS[0]];
        now = now.plus_ms(UNCLEAR_WAITS_MS[0]);
        for asks in 1..3 {
            now = next_look(Phase::Unclear, asks, at(0), None, now).expect("another look");
            seen.push(now.ms());
        }
        assert_eq!(seen, [10_000, 30_000, 120_000]);
        assert_eq!(next_look(Phase::Unclear, 3, at(0), Some(at(10_000)), now), Some(at(10_000 + LOST_AFTER_MS)));
        assert_eq!(next_look(Phase::Unclear, 9, at(0), None, now), Some(now.plus_ms(LOST_AFTER_MS)));
    }
}
