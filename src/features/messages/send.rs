//! The job that sends one message: a try is written down, the carrier is asked, and its outcome is written with the job's end.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::carrier::{Carrier, Found, Outcome};
use super::line::{Line, Pass, Shut};
use super::model::codes;
use super::probe::Release;
use super::tries::{AskAgain, Begin, Begun, Due, Earlier, End, Ended, Hold};
use super::{Channel, SecretLinks, Status, compose, sql};
use crate::db::WriteTx;
use crate::features::Shop;
use crate::jobs::{Claimed, Handler, May, StaffMay};
use crate::kernel::time::span::{DAY_MS, SECOND_MS};
use crate::kernel::{Fault, NotificationId, Result};
use crate::security::random;
use crate::trace;

/// The kinds of job that send messages.
pub const MESSAGE_JOBS: [&str; 2] = ["messages.email", "messages.sms"];

/// Messages of a channel that are tried at once: a provider's connection each, and each may wait for it as long as it may.
const AT_ONCE: usize = 4;
/// What a carrier has said is written in spite of a database that turns writes away: so often, with growing waits, some 12 s in all. A
/// message of which it is not written may have to be sent again.
const WRITES: u32 = 9;
const FIRST_PAUSE: Duration = Duration::from_millis(25);
/// Where it could not be settled what came of a try, it is looked for again after this.
const ASK_AGAIN_MS: i64 = 10 * SECOND_MS;
/// What may have been sent beside a try was made so long before it at most; what was held for longer is not told from it.
const OTHERS_MS: i64 = 7 * DAY_MS;

/// The kind of job that sends messages of a channel.
pub(super) const fn job_kind(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => MESSAGE_JOBS[0],
        Channel::Sms => MESSAGE_JOBS[1],
    }
}

/// The worker that sends messages of one channel.
pub struct SendMessages {
    shop: Arc<Shop>,
    channel: Channel,
    links: Arc<dyn SecretLinks>,
}

impl SendMessages {
    /// One for each channel.
    #[must_use]
    pub fn all(shop: &Arc<Shop>, links: &Arc<dyn SecretLinks>) -> [SendMessages; 2] {
        Channel::ALL.map(|channel| SendMessages { shop: Arc::clone(shop), channel, links: Arc::clone(links) })
    }

    async fn send(&self, job: Claimed) -> Result<()> {
        let shop = &self.shop;
        let id = NotificationId::parse(&job.key)
            .ok_or_else(|| Fault::because(format!("the key of job {} is no message", job.id)))?;
        let carrier = shop.messages.carrier(self.channel).ok_or_else(|| Fault::because("a channel without a carrier"))?;
        let line = shop.messages.line(self.channel);
        let _turn = line.turn(id).await;
        let Some(pass) = line.enter(shop.clock.now()) else {
            return self.hold(job, id, line).await;
        };
        let probes = pass.is_probe().then_some(self.channel);
        let begin = |earlier| {
            let settings = shop.settings.get();
            let quiet_until = settings.messages.quiet_until(shop.clock.now(), &settings.format.zone);
            shop.db.write_in_background(Begin { job: job.clone(), id, quiet_until, earlier, probes })
        };
        let mut begun = begin(Earlier::NotAsked).await?;
        if let Begun::Ask(due) = &begun {
            match self.find(carrier, due).await {
                Found::Sent { provider_id } => {
                    let ended = Ended::By(Outcome::Sent { provider_id });
                    return self.end(&job, due, None, ended, line, &pass).await;
                }
                Found::AskAgain(at) => return shop.db.write_in_background(AskAgain { job, id, at, probes }).await,
                Found::NotThere => begun = begin(Earlier::NotThere).await?,
                Found::CannotTell => begun = begin(Earlier::Unknown).await?,
            }
        }
        let Begun::Try(due) = begun else { return Ok(()) };
        let (subject, ended) = self.try_once(carrier, &due).await;
        self.end(&job, &due, subject, ended, line, &pass).await
    }

    /// Keeps a message until its carrier can be asked. Should that be so by now, those that let the held ones go did not see this one.
    async fn hold(&self, job: Claimed, id: NotificationId, line: &Line) -> Result<()> {
        self.shop.db.write_in_background(Hold { job, id, channel: self.channel }).await?;
        line.still_holds();
        if line.is_to_release() { self.release(line).await } else { Ok(()) }
    }

    /// What the carrier knows of an earlier try. One that it puts off for a day is never told.
    async fn find(&self, carrier: &Arc<dyn Carrier>, due: &Due) -> Found {
        // Of a link that opens something another is made at each try: what such a message said nobody can say again.
        let link = due.row.kind.has_secret_link().then_some(self.shop.public_url.as_str());
        let Ok(mut outgoing) = compose::outgoing(&self.shop, due, link) else { return Found::CannotTell };
        let now = self.shop.clock.now();
        let (id, channel, to) = (due.row.id, self.channel, outgoing.to.clone());
        let since = due.tried_at.plus_ms(-OTHERS_MS);
        let others = self.shop.db.read(move |reader| sql::names_of_others(reader, id, channel, &to, since)).await;
        let Ok(others) = others else { return Found::AskAgain(now.plus_ms(ASK_AGAIN_MS)) };
        outgoing.others = others;
        match carrier.find(&outgoing).await {
            // Another of the same words was found to be this one, and that is not written yet.
            Found::Sent { provider_id: Some(name) } if !self.shop.messages.line(channel).adopt(&name, id) => {
                Found::AskAgain(now.plus_ms(ASK_AGAIN_MS))
            }
            Found::AskAgain(_) if self.shop.clock.now() > due.tried_at.plus_ms(DAY_MS) => Found::CannotTell,
            found => found,
        }
    }

    /// Puts the words together and asks the carrier; the subject with which it left, and how it ended.
    async fn try_once(&self, carrier: &Arc<dyn Carrier>, due: &Due) -> (Option<String>, Ended) {
        let mut link = None;
        if let (true, Some(user)) = (due.row.kind.has_secret_link(), due.row.user) {
            match self.links.make(due.row.kind, user).await {
                Ok(Some(made)) => link = Some(made),
                Ok(None) => {
                    let why = "its cause is gone".to_owned();
                    return (None, Ended::NotAsked { status: Status::Suppressed, code: codes::NOT_DUE, why });
                }
                Err(error) => return (None, Ended::NotYet { why: format!("its link could not be made: {error}") }),
            }
        }
        let outgoing = match compose::outgoing(&self.shop, due, link.as_deref()) {
            Ok(outgoing) => outgoing,
            Err(fault) => {
                let why = format!("its template cannot be filled: {}", fault.chain());
                return (None, Ended::NotAsked { status: Status::Failed, code: codes::TEMPLATE, why });
            }
        };
        let work = trace::asking("send message");
        work.word("bayader.carrier", carrier.name());
        work.word("bayader.message.kind", due.row.kind.code());
        let outcome = work.around(carrier.send(&outgoing)).await;
        if !matches!(outcome, Outcome::Sent { .. }) {
            work.failed("not_sent");
        }
        work.end();
        (outgoing.subject, Ended::By(outcome))
    }

    /// Notes how a try ended: for those that wait for the same carrier, and in the books.
    async fn end(
        &self,
        job: &Claimed,
        due: &Due,
        subject: Option<String>,
        ended: Ended,
        line: &Line,
        pass: &Pass<'_>,
    ) -> Result<()> {
        let now = self.shop.clock.now();
        let mut probe_at = None;
        match &ended {
            Ended::By(Outcome::Unreachable { why }) => probe_at = Some(line.shut(pass, Shut::Unreachable, why, now)),
            Ended::By(Outcome::Misconfigured { why }) => {
                tracing::error!(channel = self.channel.code(), why, "messages are stopped until this is mended; they wait");
                probe_at = Some(line.shut(pass, Shut::Stopped, why, now));
            }
            Ended::By(Outcome::Sent { .. }) => line.reached(true),
            // Nobody was asked, so that who was to look has seen nothing; the next one looks.
            Ended::By(Outcome::Failed { code, .. }) if code == codes::UNWRITABLE => probe_at = pass.is_probe().then_some(now),
            Ended::NotAsked { .. } | Ended::NotYet { .. } => probe_at = pass.is_probe().then_some(now),
            Ended::By(Outcome::Failed { .. } | Outcome::Later { .. }) => line.reached(false),
            Ended::By(Outcome::Unclear { .. }) => {}
        }
        let [jitter, ..] = random::quick();
        let end = End {
            job: job.clone(),
            id: due.row.id,
            channel: self.channel,
            to: due.row.to.clone(),
            subject,
            failures: due.row.failures,
            ended,
            probe_at,
            jitter,
        };
        self.write(end).await?;
        if line.is_to_release() {
            self.release(line).await?;
        }
        Ok(())
    }

    async fn write(&self, end: End) -> Result<()> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..WRITES {
            match self.shop.db.write_in_background(end.clone()).await {
                Ok(()) => return Ok(()),
                Err(error) => tracing::warn!(message = %end.id, error = %error, "a message's outcome could not be written yet"),
            }
            self.shop.clock.pause(pause).await;
            pause *= 2;
        }
        self.shop.db.write_in_background(end).await
    }

    /// Lets all go that were held, unless the line is shut meanwhile: they would only come back.
    async fn release(&self, line: &Line) -> Result<()> {
        loop {
            if !line.is_open() {
                line.still_holds();
                return Ok(());
            }
            match self.shop.db.write_in_background(Release { channel: self.channel }).await {
                Ok(0) => return Ok(()),
                Ok(count) => tracing::info!(channel = self.channel.code(), count, "messages that were held go on"),
                Err(error) => {
                    line.still_holds();
                    return Err(error);
                }
            }
        }
    }
}

impl Handler for SendMessages {
    fn kind(&self) -> &'static str {
        job_kind(self.channel)
    }

    fn at_once(&self) -> usize {
        AT_ONCE
    }

    /// A job that died met a database that turned writes away; a message that waits is not wanted any more.
    fn staff_may(&self) -> StaffMay {
        StaffMay { retry: May::Yes, cancel: May::Telling(cancelled_by_staff) }
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(self.send(job))
    }
}

/// The message of a job that staff have ended. One that may have arrived says so.
fn cancelled_by_staff(tx: &mut WriteTx<'_>, key: &str) -> Result<()> {
    let Some(id) = NotificationId::parse(key) else { return Ok(()) };
    let Some(row) = sql::row(tx, id)? else { return Ok(()) };
    let (code, why) = match row.status {
        Status::Sending => (codes::OUTCOME_UNKNOWN, "its job was cancelled after a try that may have arrived"),
        _ => (codes::CANCELLED, "its job was cancelled"),
    };
    sql::end_unsent(tx, id, Status::Failed, code, why)?;
    Ok(())
}
