//! Links by which a password is set, sent to the address of an account.
//!
//! Who asks for one only queues a message. When it leaves, its token is made and the token's hash kept, so that no secret lies in the
//! books, and whoever asks is answered alike, at once, whether the account exists or not.

use std::sync::Arc;

use serde_json::json;

use super::model::LinkKind;
use super::{problems, sql};
use crate::db::{Command, WriteTx};
use crate::features::Shop;
use crate::features::messages::carrier::Boxed;
use crate::features::messages::{self, Channel, Kind, NewMessage, SecretLinks};
use crate::http::problem::not_found;
use crate::kernel::time::span::{HOUR_MS, MINUTE_MS};
use crate::kernel::{Change, Email, Fault, Result, UserId};
use crate::security::token::{SecretToken, TokenHash};

/// How long a link to a new password counts (SPEC 3).
const RESET_MS: i64 = 30 * MINUTE_MS;
/// How long an invitation counts: a weekend lies between a hiring and a first day.
const INVITE_MS: i64 = 72 * HOUR_MS;
/// An account is sent a link at most this often, so that nobody floods a mailbox by asking for it.
const SENT_EVERY_MS: i64 = MINUTE_MS;

impl LinkKind {
    const fn of(message: Kind) -> Option<LinkKind> {
        match message {
            Kind::PasswordReset => Some(LinkKind::Reset),
            Kind::Invite => Some(LinkKind::Invite),
            _ => None,
        }
    }

    const fn message(self) -> Kind {
        match self {
            LinkKind::Reset => Kind::PasswordReset,
            LinkKind::Invite => Kind::Invite,
        }
    }

    const fn lasts_ms(self) -> i64 {
        match self {
            LinkKind::Reset => RESET_MS,
            LinkKind::Invite => INVITE_MS,
        }
    }

    /// The page that the link opens.
    const fn page(self) -> &'static str {
        match self {
            LinkKind::Reset => "/account/reset",
            LinkKind::Invite => "/account/invite",
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
        if sql::people::reach(tx, self.user)?.ok_or_else(not_found)?.has_password {
            return Err(problems::has_password().into());
        }
        queue(tx, self.user, LinkKind::Invite)?;
        tx.changed(Change { action: "account.invite", subject: format!("user:{}", self.user), before: None, after: None });
        Ok(())
    }
}

/// Has a link sent, unless one waits to be: what it would say, that one says.
pub(super) fn queue(tx: &mut WriteTx<'_>, user: UserId, kind: LinkKind) -> Result<()> {
    let Some(reach) = sql::people::reach(tx, user)? else { return Ok(()) };
    if messages::is_waiting(tx, kind.message(), user)? {
        // One that has waited since a restore goes now: it is asked for.
        return messages::let_go_of(tx, kind.message(), user);
    }
    let message = NewMessage {
        kind: kind.message(),
        channel: Channel::Email,
        to: reach.email.as_str().to_owned(),
        locale: reach.locale,
        payload: json!({ "name": reach.name }),
        order: None,
        user: Some(user),
        at: tx.now(),
    };
    messages::queue(tx, &message)?;
    Ok(())
}

/// Has no link sent any more, and ends those that were.
pub(super) fn end_all(tx: &mut WriteTx<'_>, user: UserId) -> Result<()> {
    messages::withdraw(tx, user, &[Kind::PasswordReset, Kind::Invite])?;
    sql::links::end_all(tx, user)
}

/// Makes links at the moment when they leave: each try sends a token of its own, and the one before it ends.
pub struct Links {
    shop: Arc<Shop>,
}

impl Links {
    #[must_use]
    pub fn new(shop: Arc<Shop>) -> Links {
        Links { shop }
    }
}

impl SecretLinks for Links {
    fn make(&self, kind: Kind, user: UserId) -> Boxed<'_, Result<Option<String>>> {
        Box::pin(async move {
            let kind = LinkKind::of(kind).ok_or_else(|| Fault::because("a message of this kind has no such link"))?;
            let token = SecretToken::new();
            let made = self.shop.db.write_in_background(MakeLink { user, kind, hash: token.hash() }).await?;
            // The address is the keeper's, never a request's Host header: who asks for a link must not choose where it leads.
            Ok(made.then(|| format!("{}{}#token={}", self.shop.public_url, kind.page(), token.reveal())))
        })
    }
}

/// Keeps a link of which the token is known to the caller alone. `false` where its cause is gone: the account was erased, or
/// who was invited has a password by now.
struct MakeLink {
    user: UserId,
    kind: LinkKind,
    hash: TokenHash,
}

impl Command for MakeLink {
    const NAME: &'static str = "accounts.make_link";
    type Output = bool;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<bool> {
        let Some(reach) = sql::people::reach(tx, self.user)? else { return Ok(false) };
        if self.kind == LinkKind::Invite && reach.has_password {
            return Ok(false);
        }
        let ends_at = tx.now().plus_ms(self.kind.lasts_ms());
        sql::links::keep(tx, self.user, self.kind, self.hash, ends_at)?;
        Ok(true)
    }
}
