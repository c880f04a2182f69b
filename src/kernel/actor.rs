//! Who acts.

use super::UserId;

/// What an account may do; the access table says where (SPEC 3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    Customer,
    Driver,
    Staff,
    Admin,
}

impl Role {
    pub const ALL: [Role; 4] = [Role::Customer, Role::Driver, Role::Staff, Role::Admin];

    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Role::Customer => "customer",
            Role::Driver => "driver",
            Role::Staff => "staff",
            Role::Admin => "admin",
        }
    }

    #[must_use]
    pub fn from_code(code: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.code() == code)
    }

    /// Staff and admins: those who work in the shop.
    #[must_use]
    pub const fn is_staff(self) -> bool {
        matches!(self, Role::Staff | Role::Admin)
    }
}

/// Who does a thing, as the books remember it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Actor {
    /// Somebody without an account.
    Guest,
    /// Somebody signed in.
    Account { id: UserId, role: Role },
    /// The program itself: an expired hold, an import from the command line.
    System,
    /// A payment gateway, whose word moved something.
    Gateway,
}

impl Actor {
    /// The word in histories and logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Actor::Guest => "guest",
            Actor::Account { role, .. } => role.code(),
            Actor::System => "system",
            Actor::Gateway => "gateway",
        }
    }

    #[must_use]
    pub const fn user(self) -> Option<UserId> {
        match self {
            Actor::Account { id, .. } => Some(id),
            Actor::Guest | Actor::System | Actor::Gateway => None,
        }
    }

    #[must_use]
    pub const fn role(self) -> Option<Role> {
        match self {
            Actor::Account { role, .. } => Some(role),
            Actor::Guest | Actor::System | Actor::Gateway => None,
        }
    }

    #[must_use]
    pub const fn is_staff(self) -> bool {
        matches!(self, Actor::Account { role, .. } if role.is_staff())
    }
}
