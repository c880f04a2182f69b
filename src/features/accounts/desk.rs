//! The desk at the door: whose access token or cookie is this, is this their password, and may they try at all?

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use moka::sync::Cache;

use super::attempts::{Attempt, Attempts, Familiar, Tried};
use super::model::{HeldCookie, Living};
use super::{problems, sql};
use crate::clock::Clock;
use crate::db::Db;
use crate::http::Caller;
use crate::http::gate::{CookieWorth, unauthenticated};
use crate::kernel::{Email, Error, Problem, Result, SessionId, UserId};
use crate::security::token::{AccessFault, SecretToken, TokenHash};
use crate::security::{Keys, Passwords};

/// Most sessions held at once; a few hundred bytes each. Who is not held is read from the books.
const SESSIONS_HELD: u64 = 10_000;

/// Password hashing and living sessions.
pub struct Desk {
    clock: Clock,
    passwords: Passwords,
    attempts: Attempts,
    sessions: Cache<SessionId, Living>,
    /// How many sessions have ended or changed. One that was read before that is not held: it may be the one that ended.
    ended: Mutex<u64>,
    found: AtomicU64,
    read: AtomicU64,
}

impl Desk {
    /// Opens it.
    ///
    /// # Errors
    /// If the system gives no thread for the passwords.
    pub fn new(clock: Clock) -> std::io::Result<Desk> {
        Ok(Desk {
            attempts: Attempts::new(clock.clone()),
            clock,
            passwords: Passwords::start()?,
            sessions: Cache::builder().max_capacity(SESSIONS_HELD).build(),
            ended: Mutex::new(0),
            found: AtomicU64::new(0),
            read: AtomicU64::new(0),
        })
    }

    /// Whether wrong passwords are counted by address too, beside the count by account which always holds.
    #[must_use]
    pub fn count_addresses(mut self, counts: bool) -> Desk {
        self.attempts.count_addresses(counts);
        self
    }

    /// Begins a try to sign in, before its password is hashed.
    ///
    /// # Errors
    /// 429 `too_many_attempts`.
    pub fn attempt(&self, email: &Email, address: IpAddr, familiar: Familiar) -> Result<Attempt<'_>, Problem> {
        self.attempts.begin(Tried::SignIn(email.clone()), address, familiar)
    }

    /// Proves once more that who is signed in to an account knows its password; its hash, against which that was proven. Wrong
    /// ones are counted as at sign-in, wherever they come from: an open session says nothing of who sits before it.
    ///
    /// # Errors
    /// 422 `wrong_password`, 429 `too_many_attempts`; as [`Desk::hash`].
    pub async fn prove(&self, db: &Db, user: UserId, password: String, address: IpAddr) -> Result<String> {
        let kept = db.read(move |reader| sql::people::password_hash(reader, user)).await?;
        let attempt = self.attempts.begin(Tried::Proof(user), address, Familiar::No)?;
        let proven = self.verify(password, kept.clone()).await?;
        let Some(hash) = kept.filter(|_| proven) else {
            attempt.failed();
            return Err(problems::wrong_password().into());
        };
        attempt.succeeded();
        Ok(hash)
    }

    /// Forgets the wrong passwords that are held against an account.
    pub fn forgive(&self, email: &Email) {
        self.attempts.forget(email);
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
        // The role is the account's now, not the one that the token was made with.
        let Living { user, role, .. } = self
            .living(db, session)
            .await?
            .filter(|living| living.user == access.user)
            .ok_or_else(|| unauthenticated("This session has ended. Sign in at /api/v1/auth/login."))?;
        Ok(Caller::Account { user, role, session })
    }

    /// Whose session cookie this is.
    ///
    /// # Errors
    /// A fault.
    pub async fn identify_cookie(&self, db: &Db, cookie: &str) -> Result<CookieWorth, Error> {
        let Some((session, hash)) = read_cookie(cookie) else { return Ok(CookieWorth::Nothing) };
        let Some(Living { user, role, cookie: Some((current, until)) }) = self.living(db, session).await? else {
            return Ok(CookieWorth::Nothing);
        };
        if until <= self.clock.now() {
            return Ok(CookieWorth::Nothing);
        }
        if hash != current {
            return Ok(CookieWorth::Replaced);
        }
        Ok(CookieWorth::Counts { caller: Caller::Account { user, role, session }, session })
    }

    /// How many sessions were found held here, and how many were read from the books.
    #[must_use]
    pub fn found_and_read(&self) -> (u64, u64) {
        (self.found.load(Ordering::Relaxed), self.read.load(Ordering::Relaxed))
    }

    async fn living(&self, db: &Db, session: SessionId) -> Result<Option<Living>> {
        match self.sessions.get(&session) {
            Some(held) => {
                self.found.fetch_add(1, Ordering::Relaxed);
                Ok(Some(held))
            }
            None => {
                self.read.fetch_add(1, Ordering::Relaxed);
                self.read_session(db, session).await
            }
        }
    }

    async fn read_session(&self, db: &Db, session: SessionId) -> Result<Option<Living>> {
        let ended_before = *self.ended();
        let living = db.read(move |reader| sql::living_session(reader, session)).await?;
        if let Some(found) = living {
            self.hold(session, found, ended_before);
        }
        Ok(living)
    }

    fn hold(&self, session: SessionId, found: Living, ended_before: u64) {
        // Under the lock: between the look and the holding no session can end.
        let ended = self.ended();
        if *ended == ended_before {
            self.sessions.insert(session, found);
        }
    }

    /// Forgets a session that has ended or was given a new secret. Called after the commit, before who did it is answered.
    pub fn forget_session(&self, session: SessionId) {
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

/// A session's cookie: its id, a dot, its secret. The id finds the session, the secret proves it.
pub(super) fn write_cookie(session: SessionId, secret: &SecretToken) -> String {
    format!("{session}.{}", secret.reveal())
}

/// The session that a cookie names, and the hash of the secret that it shows.
pub(super) fn read_cookie(cookie: &str) -> Option<HeldCookie> {
    let (session, secret) = cookie.split_once('.')?;
    Some((SessionId::parse(session)?, TokenHash::of(secret)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Role, UserId, UtcMs};

    #[test]
    fn a_slow_read_does_not_put_an_ended_session_back() {
        let desk = Desk::new(Clock::manual(UtcMs::from_ms(0))).expect("a desk");
        let id = uuid::Uuid::from_u128(7);
        let living = Living { user: UserId::from_uuid(id), role: Role::Staff, cookie: None };
        let (session, found) = (SessionId::from_uuid(id), living);
        let before = *desk.ended();
        desk.forget_session(session);
        desk.hold(session, found, before);
        assert_eq!(desk.sessions.get(&session), None);
        let now = *desk.ended();
        desk.hold(session, found, now);
        assert_eq!(desk.sessions.get(&session), Some(found));
    }
}
