//! Changing what is kept of an account.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::model::{SavedAddress, User};
use super::{problems, rules, send_link, sign_out, sql};
use crate::db::{Command, WriteTx};
use crate::http::problem::not_found;
use crate::kernel::problem::FieldFault;
use crate::kernel::{
    Address, AddressId, Change, Email, Error, Fault, Locale, Name, Phone, Problem, Result, Role, SeenVersion, UserId,
};

/// Replaces the words of an account. Refuses with `not_found`, `email_taken`, `last_admin`, a stale version, and an address whose
/// id is none of this account's.
pub struct ReplaceUser {
    pub id: UserId,
    pub input: UserInput,
    pub seen: SeenVersion,
}

/// What is to stand; `None` of role, e-mail, language and metadata: as it is.
pub struct UserInput {
    pub name: Name,
    pub phone: Option<Phone>,
    pub locale: Option<Locale>,
    pub addresses: Vec<AddressInput>,
    pub marketing_consent: bool,
    pub email: Option<Email>,
    pub role: Option<Role>,
    pub metadata: Option<Map<String, Value>>,
}

/// An address to be kept; with its id, if it is kept already.
pub struct AddressInput {
    pub id: Option<AddressId>,
    pub label: Option<String>,
    pub address: Address,
    pub is_default: bool,
}

impl Command for ReplaceUser {
    const NAME: &'static str = "accounts.replace_user";
    type Output = User;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<User> {
        let before = sql::user(tx, self.id)?.ok_or_else(not_found)?;
        self.seen.check(before.version)?;
        let input = self.input;
        let after = User {
            name: input.name.into_string(),
            phone: input.phone,
            locale: input.locale.unwrap_or(before.locale),
            addresses: addresses(tx, &before, input.addresses)?,
            marketing_consent: input.marketing_consent,
            email: input.email.unwrap_or_else(|| before.email.clone()),
            role: input.role.unwrap_or(before.role),
            metadata: input.metadata.unwrap_or_else(|| before.metadata.clone()),
            ..before.clone()
        };
        if before.role == Role::Admin && after.role != Role::Admin {
            keep_an_admin(tx, self.id)?;
        }
        sql::people::update(tx, &after).map_err(tell_taken)?;
        if after.addresses != before.addresses {
            sql::people::replace_addresses(tx, self.id, &after.addresses)?;
        }
        if after.email != before.email {
            // What was sent to the old address must open nothing any more.
            send_link::end_all(tx, self.id)?;
        }
        if after.role != before.role {
            sign_out::end_all(tx, self.id, None)?;
        }
        tell(tx, &before, &after);
        sql::user(tx, self.id)?.ok_or_else(|| Fault::because("an account just written is there").into())
    }
}

/// The addresses to be kept: those sent with their id keep it, the others get one.
fn addresses(tx: &mut WriteTx<'_>, user: &User, wanted: Vec<AddressInput>) -> Result<Vec<SavedAddress>> {
    let mut free: HashSet<AddressId> = user.addresses.iter().map(|saved| saved.id).collect();
    let mut faults = Vec::new();
    let mut saved = Vec::with_capacity(wanted.len());
    for (index, wanted) in wanted.into_iter().enumerate() {
        let id = match wanted.id {
            Some(id) => {
                if !free.remove(&id) {
                    faults.push(FieldFault {
                        field: format!("addresses[{index}].id"),
                        code: "unknown_address",
                        message: "is no address of this account, or stands twice; leave it out for a new one".to_owned(),
                    });
                }
                id
            }
            None => AddressId::from_uuid(tx.new_id()),
        };
        saved.push(SavedAddress { id, label: wanted.label, address: wanted.address, is_default: wanted.is_default });
    }
    if faults.is_empty() { Ok(saved) } else { Err(Problem::fields(faults).into()) }
}

/// Refuses to take the last admin who can sign in.
pub(super) fn keep_an_admin(tx: &WriteTx<'_>, user: UserId) -> Result<()> {
    if sql::people::other_admins(tx, user)? == 0 { Err(problems::last_admin().into()) } else { Ok(()) }
}

fn tell_taken(error: Error) -> Error {
    match error {
        Error::Refused(problem) if problem.kind == &problems::EMAIL_TAKEN => {
            problem.detail("Another account has this e-mail address; nothing was changed.").into()
        }
        other => other,
    }
}

/// Of a person the names of what changed, never what it says.
fn tell(tx: &mut WriteTx<'_>, before: &User, after: &User) {
    let subject = format!("user:{}", after.id);
    let fields = rules::changed_fields(before, after);
    if !fields.is_empty() {
        let after = Some(json!({ "fields": fields }));
        tx.changed(Change { action: "account.replace", subject: subject.clone(), before: None, after });
    }
    if before.role != after.role {
        tx.changed(Change {
            action: "account.role",
            subject,
            before: Some(json!({ "role": before.role.code() })),
            after: Some(json!({ "role": after.role.code() })),
        });
    }
}
