//! Who asks.

use crate::kernel::{Actor, Role, SessionId, UserId};

/// The caller of a request, after credentials were checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Caller {
    /// Nobody signed in.
    Guest,
    /// An account, by an access token of a living session.
    Account { user: UserId, role: Role, session: SessionId },
}

impl Caller {
    #[must_use]
    pub const fn actor(self) -> Actor {
        match self {
            Caller::Guest => Actor::Guest,
            Caller::Account { user, role, .. } => Actor::Account { id: user, role },
        }
    }

    #[must_use]
    pub const fn role(self) -> Option<Role> {
        self.actor().role()
    }

    #[must_use]
    pub const fn user(self) -> Option<UserId> {
        self.actor().user()
    }

    #[must_use]
    pub const fn is_staff(self) -> bool {
        self.actor().is_staff()
    }
}
