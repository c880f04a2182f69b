//! Erasing an account: its person goes, its row stays for the books that name it.

use super::{problems, replace, rules, send_link, sign_out, sql};
use crate::db::{Command, WriteTx};
use crate::features::settings;
use crate::http::problem::not_found;
use crate::kernel::{Change, DomainEvent, Result, Role, SeenVersion, UserId};

/// Erases an account. Refuses with `not_found`, a stale version, `wrong_password`, `last_admin`; and with `has_open_orders`, by
/// what follows from it.
pub struct EraseUser {
    pub id: UserId,
    pub seen: SeenVersion,
    /// The hash against which who erases their own account has proven themselves; an admin who erases another's needs none.
    pub proven_hash: Option<String>,
}

impl Command for EraseUser {
    const NAME: &'static str = "accounts.erase_user";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let user = sql::user(tx, self.id)?.ok_or_else(not_found)?;
        self.seen.check(user.version)?;
        if self.proven_hash.is_some() && sql::people::password_hash(tx, self.id)? != self.proven_hash {
            return Err(problems::wrong_password().into());
        }
        if user.role == Role::Admin {
            replace::keep_an_admin(tx, self.id)?;
        }
        let shop = settings::read(tx)?;
        sql::people::erase(tx, self.id, rules::erased_name(shop.format.locale), &rules::erased_email(self.id))?;
        send_link::end_all(tx, self.id)?;
        sign_out::end_all(tx, self.id, None)?;
        tx.record(DomainEvent::AccountErased { user: self.id });
        tx.changed(Change { action: "account.erase", subject: format!("user:{}", self.id), before: None, after: None });
        Ok(())
    }
}
