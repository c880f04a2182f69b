//! What makes a password, who may give a role, which refresh token counts.

pub(super) mod back_off;
pub(super) mod device;

use super::model::{KeptToken, User};
use crate::kernel::text::TextFault;
use crate::kernel::time::span::DAY_MS;
use crate::kernel::{Email, Locale, Role, UserId, UtcMs};
use crate::security::password;

/// The fewest and the most characters of a password (SPEC 2).
pub(super) const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 10..=128;

/// A session that was not refreshed for so long is over. Its rows go by a setting (SPEC 5, retention), and with them a session that
/// the setting gives less.
pub(super) const SESSION_IDLE_MS: i64 = 90 * DAY_MS;

/// How long an address is familiar to an account that has signed in from it (SPEC 3, `/auth/login`).
pub(super) const FAMILIAR_MS: i64 = 30 * DAY_MS;

/// A password that may be one. It has no `Debug` that shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct NewPassword(String);

impl NewPassword {
    /// Checks a password for the account of `email`. Nothing is trimmed: a blank at its end is part of it.
    ///
    /// # Errors
    /// `required`, `too_short`, `too_long`, `too_common`, `same_as_email`.
    pub fn parse(text: &str, email: &Email) -> Result<NewPassword, TextFault> {
        NewPassword::for_maybe(text, Some(email))
    }

    /// As [`NewPassword::parse`] where the address itself may be at fault, so that every fault is told at once.
    pub(super) fn for_maybe(text: &str, email: Option<&Email>) -> Result<NewPassword, TextFault> {
        let fault = |code, message: String| Err(TextFault { code, message });
        let password = password::normal(text);
        let length = password.chars().count();
        let (min, max) = (PASSWORD_CHARS.start(), PASSWORD_CHARS.end());
        if length == 0 {
            return fault("required", "must not be empty".to_owned());
        }
        if length < *min {
            return fault("too_short", format!("must have at least {min} characters"));
        }
        if length > *max {
            return fault("too_long", format!("must have at most {max} characters"));
        }
        if password::is_common(&password) {
            return fault("too_common", "is among the commonest passwords; take one that nobody else would".to_owned());
        }
        if email.is_some_and(|email| password.trim().to_lowercase() == email.as_str()) {
            return fault("same_as_email", "must not be the e-mail address".to_owned());
        }
        Ok(NewPassword(password))
    }

    /// The password itself, to be hashed.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl std::fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewPassword(***)")
    }
}

/// Whether a text may be the password of that address's account.
///
/// # Errors
/// As [`NewPassword::parse`].
pub fn check_password(text: &str, email: &Email) -> Result<(), TextFault> {
    NewPassword::parse(text, email).map(drop)
}

/// Whether somebody may make an account of a role: anybody a customer's, admins every one.
pub(super) fn may_give(role: Role, by: Option<Role>) -> bool {
    role == Role::Customer || by == Some(Role::Admin)
}

/// The names of what is another than before, as the API calls them; the role is told apart.
pub(super) fn changed_fields(before: &User, after: &User) -> Vec<&'static str> {
    let fields = [
        ("name", before.name != after.name),
        ("email", before.email != after.email),
        ("phone", before.phone != after.phone),
        ("locale", before.locale != after.locale),
        ("addresses", before.addresses != after.addresses),
        ("marketingConsent", before.marketing_consent != after.marketing_consent),
        ("metadata", before.metadata != after.metadata),
    ];
    fields.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect()
}

/// What an account is called once its person is gone, in the shop's language: staff read it beside old orders.
pub(super) const fn erased_name(locale: Locale) -> &'static str {
    match locale {
        Locale::En => "Deleted account",
        Locale::Ar => "حساب محذوف",
    }
}

/// What stands in the place of its address: its own, and nothing that anybody could register, or it could not be erased.
pub(super) fn erased_email(user: UserId) -> String {
    format!("erased {user}")
}

/// What a presented refresh token is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Worth {
    /// It is exchanged for a new one.
    Good,
    /// It was exchanged before: somebody else has it, so its whole session ends, without grace.
    Reused,
    /// Its session is over.
    Over,
}

pub(super) fn worth(token: &KeptToken, now: UtcMs) -> Worth {
    if token.session_ended || token.session_used_at.plus_ms(SESSION_IDLE_MS) <= now {
        Worth::Over
    } else if token.is_used {
        Worth::Reused
    } else {
        Worth::Good
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{SessionId, UserId};

    fn code(text: &str) -> Option<&'static str> {
        let email = Email::parse("layla@example.com").expect("an address");
        check_password(text, &email).err().map(|fault| fault.code)
    }

    #[test]
    fn a_password_has_ten_to_128_characters_and_is_neither_common_nor_the_address() {
        assert_eq!(code(""), Some("required"));
        assert_eq!(code("nine char"), Some("too_short"));
        assert_eq!(code("ten chars!"), None);
        assert_eq!(code("كلمة مرور طويلة"), None);
        assert_eq!(code(&"é".repeat(128)), None);
        assert_eq!(code(&"é".repeat(129)), Some("too_long"));
        assert_eq!(code("Qwerty123456"), Some("too_common"));
        assert_eq!(code("Layla@Example.com"), Some("same_as_email"));
        assert_eq!(code("          "), None);
    }

    #[test]
    fn a_password_is_never_shown() {
        let email = Email::parse("layla@example.com").expect("an address");
        let password = NewPassword::parse("croissants at dawn", &email).expect("a password");
        assert_eq!(format!("{password:?}"), "NewPassword(***)");
        assert_eq!(password.into_string(), "croissants at dawn");
    }

    #[test]
    fn only_admins_give_other_roles_than_customer() {
        for by in [None, Some(Role::Customer), Some(Role::Driver), Some(Role::Staff), Some(Role::Admin)] {
            assert!(may_give(Role::Customer, by));
            for role in [Role::Driver, Role::Staff, Role::Admin] {
                assert_eq!(may_give(role, by), by == Some(Role::Admin), "{role:?} by {by:?}");
            }
        }
    }

    #[test]
    fn what_changed_is_told_by_its_name_alone() {
        let before = User {
            id: UserId::from_uuid(uuid::Uuid::from_u128(7)),
            name: "Layla".to_owned(),
            email: Email::parse("layla@example.com").expect("an address"),
            phone: None,
            role: Role::Customer,
            locale: Locale::En,
            addresses: Vec::new(),
            marketing_consent: false,
            metadata: serde_json::Map::new(),
            version: 1,
            created_at: UtcMs::from_ms(0),
            updated_at: UtcMs::from_ms(0),
        };
        assert!(changed_fields(&before, &before).is_empty());
        let after =
            User { name: "Layla Haddad".to_owned(), locale: Locale::Ar, role: Role::Staff, version: 2, ..before.clone() };
        assert_eq!(changed_fields(&before, &after), ["name", "locale"]);
    }

    #[test]
    fn a_used_token_is_reuse_unless_its_session_is_over() {
        let at = UtcMs::from_ms(1_000);
        let id = uuid::Uuid::from_u128(7);
        let token = |is_used, session_ended| KeptToken {
            user: UserId::from_uuid(id),
            session: SessionId::from_uuid(id),
            kind: super::super::model::SessionKind::Token,
            is_used,
            session_used_at: at,
            session_ended,
        };
        assert_eq!(worth(&token(false, false), at), Worth::Good);
        assert_eq!(worth(&token(true, false), at), Worth::Reused);
        assert_eq!(worth(&token(false, true), at), Worth::Over);
        assert_eq!(worth(&token(true, true), at), Worth::Over);
        assert_eq!(worth(&token(false, false), at.plus_ms(SESSION_IDLE_MS - 1)), Worth::Good);
        assert_eq!(worth(&token(false, false), at.plus_ms(SESSION_IDLE_MS)), Worth::Over);
    }
}
