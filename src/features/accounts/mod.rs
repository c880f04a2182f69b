//! Accounts: who they are, how they sign in, what ends a session.

/// Password hashing and living sessions.
pub struct Desk;
