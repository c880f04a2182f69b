//! An account, and one that is signed in.

use std::net::IpAddr;

use serde_json::{Map, Value};

use crate::kernel::{Actor, Address, AddressId, Email, Locale, Name, Phone, Role, SessionId, UserId, UtcMs, Version};
use crate::security::token::TokenHash;

/// An account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    pub id: UserId,
    pub name: String,
    pub email: Email,
    pub phone: Option<Phone>,
    pub role: Role,
    pub locale: Locale,
    pub addresses: Vec<SavedAddress>,
    /// Whether they want to hear of offers.
    pub marketing_consent: bool,
    /// Free JSON of staff.
    pub metadata: Map<String, Value>,
    pub version: Version,
    pub created_at: UtcMs,
    pub updated_at: UtcMs,
}

impl User {
    /// This account as who acts.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::Account { id: self.id, role: self.role }
    }
}

/// The most addresses that an account keeps.
pub(super) const MAX_ADDRESSES: usize = 20;

/// An address that an account keeps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SavedAddress {
    pub id: AddressId,
    /// As its owner calls it: home, the office.
    pub label: Option<String>,
    pub address: Address,
    /// At most one of an account's.
    pub is_default: bool,
}

/// Why a link was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LinkKind {
    /// The password was forgotten.
    Reset,
    /// An admin made the account, and its person chooses the first password.
    Invite,
}

impl LinkKind {
    pub(super) const fn code(self) -> &'static str {
        match self {
            LinkKind::Reset => "reset",
            LinkKind::Invite => "invite",
        }
    }
}

/// An account with a session of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedIn {
    pub user: User,
    pub session: SessionId,
}

/// How a session's secret is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionKind {
    /// As tokens, by a program.
    Token,
    /// As a cookie, by a browser whose pages never see it.
    Cookie,
}

impl SessionKind {
    pub const ALL: [SessionKind; 2] = [SessionKind::Token, SessionKind::Cookie];

    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            SessionKind::Token => "token",
            SessionKind::Cookie => "cookie",
        }
    }

    #[must_use]
    pub fn from_code(code: &str) -> Option<SessionKind> {
        SessionKind::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// A session that is to be.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The hash of its first secret.
    pub secret: TokenHash,
    pub kind: SessionKind,
    /// What it is used on, as its owner will know it again.
    pub device: Option<String>,
    pub address: IpAddr,
    /// Of what came along with the request, as a guest's cart: whoever listens to
    /// [`SignedIn`](crate::kernel::DomainEvent::SignedIn) knows what it is.
    pub carrying: Option<TokenHash>,
    /// The cookie that the browser held until now, which the new one takes the place of.
    pub replaces: Option<HeldCookie>,
}

/// A session's cookie as a browser shows it: whose it says it is, and the hash of its secret.
pub type HeldCookie = (SessionId, TokenHash);

/// A living session, as its owner sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    pub id: SessionId,
    pub kind: SessionKind,
    pub device: Option<String>,
    /// Where it began.
    pub address: Option<String>,
    pub created_at: UtcMs,
    /// When its secret was last exchanged.
    pub used_at: UtcMs,
}

/// What the door needs to know of a living session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Living {
    pub user: UserId,
    pub role: Role,
    /// The cookie that counts and when it no longer does, if it is a browser's.
    pub cookie: Option<(TokenHash, UtcMs)>,
}

/// An account that is to be.
pub(super) struct NewUser {
    pub name: Name,
    pub email: Email,
    pub phone: Option<Phone>,
    pub role: Role,
    /// None yet of who was invited.
    pub password_hash: Option<String>,
    pub locale: Locale,
}

/// A refresh token as the books know it, with its session.
pub(super) struct KeptToken {
    pub user: UserId,
    pub session: SessionId,
    pub kind: SessionKind,
    /// It was exchanged for a newer one.
    pub is_used: bool,
    pub session_used_at: UtcMs,
    pub session_ended: bool,
}
