//! Links by which a password is set, sent to the address of an account.
//!
//! Who asks for one only writes a job. Its handler makes the token, keeps the token's hash, and hands the letter to the outbox, so
//! that no secret lies in the books, and whoever asks is answered alike, at once, whether the account exists or not.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::model::LinkKind;
use super::{problems, sql};
use crate::db::{Command, WriteTx};
use crate::features::Shop;
use crate::features::messages::{Letter, Template};
use crate::http::problem::not_found;
use crate::jobs::{self, Claimed, Handler, NewJob};
use crate::kernel::time::span::{HOUR_MS, MINUTE_MS};
use crate::kernel::{Change, Email, Fault, Locale, Result, UserId};
use crate::security::token::{SecretToken, TokenHash};

/// How long a link to a new password counts (SPEC 3).
const RESET_MS: i64 = 30 * MINUTE_MS;
/// How long an invitation counts: a weekend lies between a hiring and a first day.
const INVITE_MS: i64 = 72 * HOUR_MS;
/// An account is sent a link at most this often, so that nobody floods a mailbox by asking for it.
const SENT_EVERY_MS: i64 = MINUTE_MS;
/// Tries; with the engine's back-off they reach over some hours.
const MAX_ATTEMPTS: i64 = 8;

impl LinkKind {
    const fn job(self) -> &'static str {
        match self {
            LinkKind::Reset => "accounts.send_reset",
            LinkKind::Invite => "accounts.send_invite",
        }
    }

    const fn lasts_ms(self) -> i64 {
        match self {
            LinkKind::Reset => RESET_MS,
            LinkKind::Invite => INVITE_MS,
        }
    }

    /// The page that the link opens, and the letter that it stands in.
    const fn shown_by(self) -> (&'static str, Template) {
        match self {
            LinkKind::Reset => ("/account/reset", Template::PasswordReset),
            LinkKind::Invite => ("/account/invite", Template::Invite),
        }
    }
}

/// Asks for a link to a new password. It says nothing of whether there is such an account.
pub struct AskReset {
    pub email: Email,
}

impl Command for AskReset {
    const NAME: &'static str = "accounts.ask_reset";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        sql::links::count_request(tx)?;
        let Some(user) = sql::people::by_email(tx, &self.email)? else { return Ok(()) };
        let last = sql::links::last_made(tx, user, LinkKind::Reset)?;
        if last.is_none_or(|at| at.plus_ms(SENT_EVERY_MS) <= tx.now()) {
            queue(tx, user, LinkKind::Reset)?;
        }
        Ok(())
    }
}

/// Invites an account again. Refuses with `not_found` and `has_password`.
pub struct Invite {
    pub user: UserId,
}

impl Command for Invite {
    const NAME: &'static str = "accounts.invite";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let (_, _, has_password) = sql::people::reach(tx, self.user)?.ok_or_else(not_found)?;
        if has_password {
            return Err(problems::has_password().into());
        }
        queue(tx, self.user, LinkKind::Invite)?;
        tx.changed(Change { action: "account.invite", subject: format!("user:{}", self.user), before: None, after: None });
        Ok(())
    }
}

/// Has a link sent.
pub(super) fn queue(tx: &mut WriteTx<'_>, user: UserId, kind: LinkKind) -> Result<()> {
    let now = tx.now();
    jobs::enqueue(tx, &NewJob { kind: kind.job(), key: &user.to_string(), run_at: now, max_attempts: MAX_ATTEMPTS })
}

/// Has no link sent any more, and ends those that were.
pub(super) fn end_all(tx: &mut WriteTx<'_>, user: UserId) -> Result<()> {
    for kind in [LinkKind::Reset, LinkKind::Invite] {
        jobs::cancel(tx, kind.job(), &user.to_string())?;
    }
    sql::links::end_all(tx, user)
}

/// The worker that sends links of one kind.
pub struct SendLinks {
    shop: Arc<Shop>,
    kind: LinkKind,
}

impl SendLinks {
    /// One for each kind.
    #[must_use]
    pub fn all(shop: &Arc<Shop>) -> [SendLinks; 2] {
        [LinkKind::Reset, LinkKind::Invite].map(|kind| SendLinks { shop: Arc::clone(shop), kind })
    }

    async fn send(&self, job: Claimed) -> Result<()> {
        let shop = &self.shop;
        let user = UserId::parse(&job.key).ok_or_else(|| Fault::because(format!("the key of job {} is no account", job.id)))?;
        let token = SecretToken::new();
        let made = shop.db.write_in_background(MakeLink { user, kind: self.kind, hash: token.hash() }).await?;
        let Some((to, locale)) = made else { return Ok(()) };
        let (page, template) = self.kind.shown_by();
        // The address is the keeper's, never a request's Host header: who asks for a link must not choose where it leads.
        let link = format!("{}{page}#token={}", shop.public_url, token.reveal());
        let settings = shop.settings.get();
        let (subject, body) = template.fill(locale, &[("shop", &settings.shop.name), ("link", &link)]);
        let letter = Letter { id: job.id.uuid(), kind: template.code(), to, at: shop.clock.now(), subject, body };
        // Should the machine die before the row is done, it runs again: another token, and the same letter with it.
        shop.outbox.send(letter).await
    }
}

impl Handler for SendLinks {
    fn kind(&self) -> &'static str {
        self.kind.job()
    }

    fn run(&self, job: Claimed) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(self.send(job))
    }
}

/// Keeps a link of which the token is known to the caller alone. `None` where its cause is gone: the account was erased, or
/// who was invited has a password by now.
struct MakeLink {
    user: UserId,
    kind: LinkKind,
    hash: TokenHash,
}

impl Command for MakeLink {
    const NAME: &'static str = "accounts.make_link";
    type Output = Option<(Email, Locale)>;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Option<(Email, Locale)>> {
        let Some((email, locale, has_password)) = sql::people::reach(tx, self.user)? else { return Ok(None) };
        if self.kind == LinkKind::Invite && has_password {
            return Ok(None);
        }
        let ends_at = tx.now().plus_ms(self.kind.lasts_ms());
        sql::links::keep(tx, self.user, self.kind, self.hash, ends_at)?;
        Ok(Some((email, locale)))
    }
}
