//! Making an account: by oneself, by an admin, or from the machine's own command line.

use super::model::{LinkKind, NewSession, NewUser, SignedIn, User};
use super::{problems, rules, send_link, sign_in, sql};
use crate::db::{Command, WriteTx};
use crate::features::settings;
use crate::kernel::problem::kinds;
use crate::kernel::{Actor, Change, DomainEvent, Email, Error, Fault, Locale, Name, Phone, Problem, Result, Role, UserId};

/// Makes an account. Refuses with `forbidden` (a role that `by` may not give) and `email_taken`.
pub struct Register {
    pub name: Name,
    pub email: Email,
    pub phone: Phone,
    pub role: Role,
    /// `None`: an admin invites who it is for, and they choose a password themselves.
    pub password_hash: Option<String>,
    pub locale: Locale,
    pub by: Actor,
    /// The new account's first session; an admin who registers somebody else starts none.
    pub sign_in_with: Option<NewSession>,
}

/// What [`Register`] made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Registered {
    /// By an admin, for somebody else.
    ForAnother(User),
    /// By an admin; a link is on its way to who it is for.
    Invited(User),
    SignedIn(SignedIn),
}

impl Registered {
    #[must_use]
    pub fn user(&self) -> &User {
        match self {
            Registered::ForAnother(user) | Registered::Invited(user) | Registered::SignedIn(SignedIn { user, .. }) => user,
        }
    }
}

impl Command for Register {
    const NAME: &'static str = "accounts.register";
    type Output = Registered;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Registered> {
        if !rules::may_give(self.role, self.by.role()) {
            return Err(Problem::of(&kinds::FORBIDDEN)
                .detail(format!(
                    "Only an admin may make an account of the role {}. Leave role out for a customer's.",
                    self.role.code()
                ))
                .into());
        }
        let is_invited = self.password_hash.is_none();
        if is_invited && self.by.role() != Some(Role::Admin) {
            return Err(Problem::field("password", "required", "is required").into());
        }
        let new = NewUser {
            name: self.name,
            email: self.email,
            phone: Some(self.phone),
            role: self.role,
            password_hash: self.password_hash,
            locale: self.locale,
        };
        let user = create(tx, &new)?;
        if is_invited {
            send_link::queue(tx, user.id, LinkKind::Invite)?;
        }
        tell(tx, &user, if is_invited { "account.invite" } else { "account.create" });
        match self.sign_in_with {
            None if is_invited => Ok(Registered::Invited(user)),
            None => Ok(Registered::ForAnother(user)),
            Some(new) => {
                let session = sign_in::begin_session(tx, user.id, &new)?;
                Ok(Registered::SignedIn(SignedIn { user, session }))
            }
        }
    }
}

/// Makes an admin, from the machine itself. Refuses with `email_taken`.
pub struct CreateOwner {
    pub name: Name,
    pub email: Email,
    pub phone: Option<Phone>,
    pub password_hash: String,
}

impl Command for CreateOwner {
    const NAME: &'static str = "accounts.create_owner";
    type Output = User;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<User> {
        let locale = settings::read(tx)?.format.locale;
        let new = NewUser {
            name: self.name,
            email: self.email,
            phone: self.phone,
            role: Role::Admin,
            password_hash: Some(self.password_hash),
            locale,
        };
        let user = create(tx, &new)?;
        tell(tx, &user, "account.create");
        Ok(user)
    }
}

/// Signs in whose account was made in this very write: what it tells is theirs.
///
/// # Errors
/// A fault.
pub fn sign_in_new(tx: &mut WriteTx<'_>, user: User, new: &NewSession) -> Result<SignedIn> {
    tx.proven(user.actor());
    let session = sign_in::begin_session(tx, user.id, new)?;
    Ok(SignedIn { user, session })
}

fn create(tx: &mut WriteTx<'_>, new: &NewUser) -> Result<User> {
    let id = UserId::from_uuid(tx.new_id());
    sql::insert_user(tx, id, new).map_err(tell_taken)?;
    tx.record(DomainEvent::AccountCreated { user: id, admin: new.role == Role::Admin });
    sql::user(tx, id)?.ok_or_else(|| Fault::because("an account just made is there").into())
}

/// Tells the audit log; of a person it learns the role alone.
fn tell(tx: &mut WriteTx<'_>, user: &User, action: &'static str) {
    let after = serde_json::json!({ "role": user.role.code() });
    tx.changed(Change { action, subject: format!("user:{}", user.id), before: None, after: Some(after) });
}

fn tell_taken(error: Error) -> Error {
    match error {
        Error::Refused(problem) if problem.kind == &problems::EMAIL_TAKEN => {
            problem.detail("Sign in with it, or take another address.").into()
        }
        other => other,
    }
}
