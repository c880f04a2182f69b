//! The desk at the door: whose access token is this, and is this their password?

use std::sync::{Mutex, MutexGuard, PoisonError};

use moka::sync::Cache;

use super::{problems, sql};
use crate::clock::Clock;
use crate::db::Db;
use crate::http::Caller;
use crate::http::gate::unauthenticated;
use crate::kernel::{Error, Result, Role, SessionId, UserId};
use crate::security::token::AccessFault;
use crate::security::{Keys, Passwords};

/// Most sessions held at once; a few hundred bytes each. Who is not held is read from the books.
const SESSIONS_HELD: u64 = 10_000;

/// Password hashing and living sessions.
pub struct Desk {
    clock: Clock,
    passwords: Passwords,
    sessions: Cache<SessionId, (UserId, Role)>,
    /// How many sessions have ended. A session that was read before one ended is not held: it may be the one that ended.
    ended: Mutex<u64>,
}

impl Desk {
    /// Opens it.
    ///
    /// # Errors
    /// If the system gives no thread for the passwords.
    pub fn new(clock: Clock) -> std::io::Result<Desk> {
        Ok(Desk {
            clock,
            passwords: Passwords::start()?,
            sessions: Cache::builder().max_capacity(SESSIONS_HELD).build(),
            ended: Mutex::new(0),
        })
    }

    /// Whose access token this is.
    ///
    /// # Errors
    /// 401 `token_expired`; 401 `unauthenticated` if it is none of ours or its session has ended; a fault.
    pub async fn identify(&self, db: &Db, keys: &Keys, bearer: &str) -> Result<Caller, Error> {
        let access = keys.read_access(bearer, self.clock.now()).map_err(|fault| match fault {
            AccessFault::Expired => problems::token_expired(),
            AccessFault::Foreign => unauthenticated("The access token is none of this shop's. Sign in at /api/v1/auth/login."),
        })?;
        let session = access.session;
        let living = match self.sessions.get(&session) {
            Some(held) => Some(held),
            None => self.read_session(db, session).await?,
        };
        // The role is the account's now, not the one that the token was made with.
        let (user, role) = living
            .filter(|(user, _)| *user == access.user)
            .ok_or_else(|| unauthenticated("This session has ended. Sign in at /api/v1/auth/login."))?;
        Ok(Caller::Account { user, role, session })
    }

    async fn read_session(&self, db: &Db, session: SessionId) -> Result<Option<(UserId, Role)>> {
        let ended_before = *self.ended();
        let living = db.read(move |reader| sql::living_session(reader, session)).await?;
        if let Some(found) = living {
            self.hold(session, found, ended_before);
        }
        Ok(living)
    }

    fn hold(&self, session: SessionId, found: (UserId, Role), ended_before: u64) {
        // Under the lock: between the look and the holding no session can end.
        let ended = self.ended();
        if *ended == ended_before {
            self.sessions.insert(session, found);
        }
    }

    /// Forgets a session that has ended. Called after the commit of its end, before who ended it is answered.
    pub fn session_ended(&self, session: SessionId) {
        let mut ended = self.ended();
        *ended += 1;
        self.sessions.invalidate(&session);
    }

    /// Forgets every held session: they are read from the books again.
    pub fn forget_sessions(&self) {
        let mut ended = self.ended();
        *ended += 1;
        self.sessions.invalidate_all();
    }

    /// The hash of a password, to be kept.
    ///
    /// # Errors
    /// 503 `busy` while too many wait, or a fault.
    pub async fn hash(&self, password: String) -> Result<String, Error> {
        self.passwords.hash(password).await
    }

    /// Whether a password is that of a kept hash; without one it is no, after the same time.
    ///
    /// # Errors
    /// As [`Desk::hash`].
    pub async fn verify(&self, password: String, kept: Option<String>) -> Result<bool, Error> {
        self.passwords.verify(password, kept).await
    }

    fn ended(&self) -> MutexGuard<'_, u64> {
        // A count is whole whoever panicked beside it.
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::UtcMs;

    #[test]
    fn a_slow_read_does_not_put_an_ended_session_back() {
        let desk = Desk::new(Clock::manual(UtcMs::from_ms(0))).expect("a desk");
        let id = uuid::Uuid::from_u128(7);
        let (session, found) = (SessionId::from_uuid(id), (UserId::from_uuid(id), Role::Staff));
        let before = *desk.ended();
        desk.session_ended(session);
        desk.hold(session, found, before);
        assert_eq!(desk.sessions.get(&session), None);
        let now = *desk.ended();
        desk.hold(session, found, now);
        assert_eq!(desk.sessions.get(&session), Some(found));
    }
}
