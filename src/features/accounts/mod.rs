//! Accounts: who they are, how they sign in, what ends a session, how a password is set, what stays when they go.
//!
//! What always holds: an address belongs to one account; a session is the family of its refresh tokens, of which one at a time
//! counts, and a used one that comes back ends them all; once a session has ended, no access token and no cookie of it counts any
//! more; what a browser holds as a cookie no page ever sees.

pub mod api;
mod attempts;
mod consent;
mod desk;
mod erase;
mod erased_log;
mod model;
mod password;
pub mod problems;
mod queries;
mod refresh;
mod register;
mod replace;
mod reset_password;
mod restored;
mod rules;
mod send_link;
mod sessions;
mod sign_in;
pub mod sign_out;
mod sql;
#[cfg(test)]
mod tests;

pub use attempts::{Attempt, Familiar};
pub use consent::withdraw_consent;
pub use desk::Desk;
pub use erase::EraseUser;
pub use erased_log::{ERASED_LOG, complete_erased_log, note_erased, read_erased_log, write_erased_log};
pub use model::{NewSession, SavedAddress, Session, SessionKind, SignedIn, User};
pub use password::{ChangePassword, ResetPassword, set_password};
pub use queries::{Contact, address, admins, agreeing, contact, owner_exists, user};
pub use refresh::{Refresh, Refreshed};
pub use register::{CreateOwner, Register, Registered, sign_in_new};
pub use replace::{AddressInput, ReplaceUser, UserInput};
pub use reset_password::SetPassword;
pub use restored::{end_all_access, erase_again, erased};
pub use rules::{NewPassword, check_password};
pub use send_link::{AskReset, Invite, Links};
pub use sessions::{EndSession, Left, RemoveOldSessions, RemoveOldSessionsDaily};
pub use sign_in::SignIn;
pub use sign_out::SignOut;
