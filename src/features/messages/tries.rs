//! A try as the books know it: it begins in one write, and ends in another together with its job.

use super::carrier::Outcome;
use super::model::{Row, codes};
use super::probe;
use super::sql::{self, GoesOn};
use super::{Channel, Status};
use crate::db::{Command, WriteTx};
use crate::jobs::{self, Claimed, Tries};
use crate::kernel::time::span::DAY_MS;
use crate::kernel::{NotificationId, Result, UtcMs};

/// Tries that a carrier may put off in a row; their waits grow to an hour and make a day (SPEC 6).
const MOST_FAILURES: i64 = 28;
/// Characters of an error that are kept.
const ERROR_LENGTH: usize = 300;
/// A held message is let go when its carrier works again; should nobody do that, it comes by itself.
const HELD_MS: i64 = DAY_MS;

/// What is known of an earlier try whose outcome nobody wrote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Earlier {
    /// Nobody has asked its carrier yet.
    NotAsked,
    /// It never came there.
    NotThere,
    /// Its carrier cannot tell.
    Unknown,
}

/// Begins a try.
pub(super) struct Begin {
    pub job: Claimed,
    pub id: NotificationId,
    /// Until when promotions wait.
    pub quiet_until: Option<UtcMs>,
    pub earlier: Earlier,
    /// The channel, if it is let through to look whether the carrier can be asked again.
    pub probes: Option<Channel>,
}

/// What is to be done with a message.
pub(super) enum Begun {
    /// Nothing: it has left, is not due any more, or not yet.
    Over,
    /// Its carrier is to be asked what came of an earlier try.
    Ask(Box<Due>),
    /// It is to be sent.
    Try(Box<Due>),
}

/// A message that is being tried.
pub(super) struct Due {
    pub row: Row,
    /// The version of the token of its order.
    pub token_version: Option<i64>,
    /// When this try began, or, of one to be asked about, the earlier one.
    pub tried_at: UtcMs,
}

impl Command for Begin {
    const NAME: &'static str = "messages.begin_send";
    type Output = Begun;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Begun> {
        let begun = self.decide(tx)?;
        if matches!(begun, Begun::Over) {
            look_on(tx, self.probes)?;
        }
        Ok(begun)
    }
}

/// One that was to look whether the carrier can be asked again has not asked it: the next one looks.
fn look_on(tx: &mut WriteTx<'_>, probes: Option<Channel>) -> Result<()> {
    match probes {
        Some(channel) => probe::ensure_at(tx, channel, tx.now()),
        None => Ok(()),
    }
}

impl Begin {
    fn decide(&self, tx: &mut WriteTx<'_>) -> Result<Begun> {
        if !jobs::is_running(tx, self.job.id)? {
            return Ok(Begun::Over);
        }
        let waits = |row: &Row| matches!(row.status, Status::Queued | Status::Sending);
        let Some(row) = sql::row(tx, self.id)?.filter(waits) else {
            jobs::finish(tx, self.job.id)?;
            return Ok(Begun::Over);
        };
        let token_version = match row.order {
            Some(order) => sql::token_version(tx, order)?,
            None => None,
        };
        if row.status == Status::Sending && self.earlier == Earlier::NotAsked {
            let tried_at = row.tried_at.unwrap_or(row.created_at);
            return Ok(Begun::Ask(Box::new(Due { row, token_version, tried_at })));
        }
        if let Some((status, code, why)) = self.refusal(tx, &row)? {
            sql::end_unsent(tx, self.id, status, code, &why)?;
            jobs::finish(tx, self.job.id)?;
            return Ok(Begun::Over);
        }
        if let Some(until) = self.quiet_until.filter(|_| row.kind.is_promotion()) {
            // It waits for the morning, and not for its carrier.
            sql::release(tx, self.id)?;
            put_back(tx, &self.job, self.id, until, "promotions wait for the end of the quiet hours", Tries::NotCounted)?;
            return Ok(Begun::Over);
        }
        let is_resent = row.status == Status::Sending && self.earlier == Earlier::Unknown;
        sql::begin(tx, self.id, is_resent)?;
        Ok(Begun::Try(Box::new(Due { row, token_version, tried_at: tx.now() })))
    }

    /// Why a message must not leave.
    fn refusal(&self, tx: &WriteTx<'_>, row: &Row) -> Result<Option<(Status, &'static str, String)>> {
        // It is sent once more, and no more than once (PROVIDERS 9); a promotion rather not at all.
        if self.earlier == Earlier::Unknown && (row.kind.is_promotion() || row.resent > 0) {
            let why = "it may have arrived, and its carrier cannot tell; it is not sent again";
            return Ok(Some((Status::Failed, codes::OUTCOME_UNKNOWN, why.to_owned())));
        }
        // Tries without a clear answer, of which none has arrived, are put off like others.
        if self.earlier == Earlier::NotThere && row.failures > MOST_FAILURES {
            let why = "given up after a day of tries; its carrier has none of them";
            return Ok(Some((Status::Failed, codes::GAVE_UP, why.to_owned())));
        }
        let Some(to) = &row.to else {
            return Ok(Some((Status::Suppressed, codes::ERASED, "its person was erased".to_owned())));
        };
        if let Some(reason) = sql::suppression(tx, row.channel, to)? {
            return Ok(Some((Status::Suppressed, codes::SUPPRESSED, format!("the address is not written to: {reason}"))));
        }
        if row.kind.is_promotion() {
            let agrees = match row.user {
                Some(user) => sql::agrees(tx, user)?,
                None => false,
            };
            if !agrees {
                return Ok(Some((
                    Status::Suppressed,
                    codes::NO_CONSENT,
                    "the customer has not agreed to promotions".to_owned(),
                )));
            }
        }
        Ok(None)
    }
}

/// Holds a message until its carrier can be asked.
pub(super) struct Hold {
    pub job: Claimed,
    pub id: NotificationId,
    pub channel: Channel,
}

impl Command for Hold {
    const NAME: &'static str = "messages.hold";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        if !jobs::is_running(tx, self.job.id)? {
            return Ok(());
        }
        if !sql::hold(tx, self.id)? {
            jobs::finish(tx, self.job.id)?;
            return Ok(());
        }
        put_back(tx, &self.job, self.id, tx.now().plus_ms(HELD_MS), "its carrier cannot be asked now", Tries::NotCounted)?;
        probe::ensure(tx, self.channel)
    }
}

/// Asks the carrier later what came of a try.
pub(super) struct AskAgain {
    pub job: Claimed,
    pub id: NotificationId,
    pub at: UtcMs,
    /// As in [`Begin`].
    pub probes: Option<Channel>,
}

impl Command for AskAgain {
    const NAME: &'static str = "messages.ask_again";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        if !jobs::is_running(tx, self.job.id)? {
            return look_on(tx, self.probes);
        }
        // It waits for an answer about itself, and must not keep others from looking.
        sql::release(tx, self.id)?;
        put_back(
            tx,
            &self.job,
            self.id,
            self.at,
            "its carrier does not yet know what came of the last try",
            Tries::NotCounted,
        )?;
        look_on(tx, self.probes)
    }
}

/// How a try ended.
#[derive(Clone, Debug)]
pub(super) enum Ended {
    /// The carrier has answered, or was found to have had it.
    By(Outcome),
    /// It was not asked: the message is not to be sent.
    NotAsked { status: Status, code: &'static str, why: String },
    /// It was not asked: something of our own is in the way now.
    NotYet { why: String },
}

/// Ends a try, with its job.
#[derive(Clone)]
pub(super) struct End {
    pub job: Claimed,
    pub id: NotificationId,
    pub channel: Channel,
    /// Where it went, for a carrier that says not to write there any more.
    pub to: Option<String>,
    pub subject: Option<String>,
    pub ended: Ended,
    pub failures: i64,
    /// When somebody is to look whether the carrier can be asked again, if this has not shown it.
    pub probe_at: Option<UtcMs>,
    pub jitter: u8,
}

impl Command for End {
    const NAME: &'static str = "messages.end_send";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let (job, id) = (&self.job, self.id);
        let outcome = match &self.ended {
            Ended::By(outcome) => outcome,
            Ended::NotYet { why } => &Outcome::Later { why: why.clone(), not_before: None },
            Ended::NotAsked { status, code, why } => {
                sql::end_unsent(tx, id, *status, code, &shortened(why))?;
                jobs::finish(tx, job.id)?;
                return self.look_on(tx);
            }
        };
        match outcome {
            Outcome::Sent { provider_id } => {
                sql::end_sent(tx, id, provider_id.as_deref(), self.subject.as_deref())?;
                sql::end_stop(tx, self.channel)?;
                jobs::finish(tx, job.id)?;
            }
            Outcome::Later { why, not_before } => {
                let next = self.next_try(tx.now()).max(not_before.unwrap_or(tx.now()));
                if self.failures + 1 > MOST_FAILURES {
                    let why = format!("given up after a day of tries; the last one: {why}");
                    sql::end_unsent(tx, id, Status::Failed, codes::GAVE_UP, &shortened(&why))?;
                    jobs::finish(tx, job.id)?;
                } else {
                    self.go_on(tx, GoesOn::Queued { is_held: false, is_failure: true }, next, why, Tries::Counted)?;
                }
            }
            Outcome::Unreachable { why } | Outcome::Misconfigured { why } => {
                let next = tx.now().plus_ms(HELD_MS);
                self.go_on(tx, GoesOn::Queued { is_held: true, is_failure: false }, next, why, Tries::NotCounted)?;
                if matches!(outcome, Outcome::Misconfigured { .. }) {
                    sql::stop(tx, self.channel, &shortened(why))?;
                }
                return probe::ensure_at(tx, self.channel, self.probe_at.unwrap_or(tx.now()));
            }
            Outcome::Failed { code, why, suppress } => {
                sql::end_unsent(tx, id, Status::Failed, code, &shortened(why))?;
                if let (Some(reason), Some(to)) = (suppress, &self.to) {
                    super::suppress(tx, self.channel, to, *reason)?;
                }
                jobs::finish(tx, job.id)?;
            }
            Outcome::Unclear { why } => {
                let next = self.next_try(tx.now());
                self.go_on(tx, GoesOn::Doubtful, next, why, Tries::Counted)?;
            }
        }
        self.look_on(tx)
    }
}

impl End {
    fn look_on(&self, tx: &mut WriteTx<'_>) -> Result<()> {
        match self.probe_at {
            Some(at) => probe::ensure_at(tx, self.channel, at),
            None => Ok(()),
        }
    }

    fn next_try(&self, now: UtcMs) -> UtcMs {
        now.plus_ms(jobs::wait_ms(self.failures + 1, self.jitter))
    }

    /// The message and its job wait together; if the message is over meanwhile, its job is as well.
    fn go_on(&self, tx: &mut WriteTx<'_>, how: GoesOn, next: UtcMs, why: &str, tries: Tries) -> Result<()> {
        let why = shortened(why);
        if sql::go_on(tx, self.id, how, &why)? {
            put_back(tx, &self.job, self.id, next, &why, tries)
        } else {
            jobs::finish(tx, self.job.id)?;
            Ok(())
        }
    }
}

/// Puts a message's job back. A job that has no try left ends with its message.
fn put_back(tx: &mut WriteTx<'_>, job: &Claimed, id: NotificationId, at: UtcMs, why: &str, tries: Tries) -> Result<()> {
    if !jobs::again(tx, job, at, why, tries)? && jobs::is_running(tx, job.id)? {
        sql::end_unsent(tx, id, Status::Failed, codes::GAVE_UP, "its job was tried too often")?;
        jobs::finish(tx, job.id)?;
    }
    Ok(())
}

fn shortened(why: &str) -> String {
    why.chars().take(ERROR_LENGTH).collect()
}
