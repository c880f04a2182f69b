//! An account, and one that is signed in.

use crate::kernel::{Email, Locale, Name, Phone, Role, SessionId, UserId, UtcMs, Version};

/// An account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    pub id: UserId,
    pub name: String,
    pub email: Email,
    pub phone: Option<Phone>,
    pub role: Role,
    pub locale: Locale,
    pub version: Version,
    pub created_at: UtcMs,
    pub updated_at: UtcMs,
}

/// An account with a session of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedIn {
    pub user: User,
    pub session: SessionId,
}

/// An account that is to be.
pub(super) struct NewUser {
    pub name: Name,
    pub email: Email,
    pub phone: Option<Phone>,
    pub role: Role,
    pub password_hash: String,
    pub locale: Locale,
}

/// A refresh token as the books know it, with its session.
pub(super) struct KeptToken {
    pub user: UserId,
    pub session: SessionId,
    /// It was exchanged for a newer one.
    pub is_used: bool,
    pub session_used_at: UtcMs,
    pub session_ended: bool,
}
