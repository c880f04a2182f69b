//! Passwords: Argon2id on a thread of its own, and the list of those too common to be one.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use unicode_normalization::UnicodeNormalization;

use super::random;
use crate::kernel::problem::kinds;
use crate::kernel::{Fault, Problem, Result};
use crate::workers::{NotDone, Workers};

/// OWASP's Password Storage Cheat Sheet for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Salt bytes (RFC 9106, 3.1 recommends 16).
const SALT_BYTES: usize = 16;
/// One hash at a time: a storm of sign-ins takes one core at most and leaves the other to the orders.
const THREADS: usize = 1;
/// Most hashes that wait. At about 30 ms each the last waits two seconds, which a person still bears.
const QUEUE: usize = 64;
/// Seconds after which one who was turned away may try again.
const RETRY_S: u32 = 2;
/// A hash of no password, with the same cost: an unknown address takes as long as a wrong password.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5cyBzYWx0IDE2$bm9ib2R5J3MgaGFzaCwgMzIgYnl0ZXMgbG9uZy4uLi4";

const COMMON: &str = include_str!("../../assets/common-passwords.txt");

/// Hashes and verifies passwords.
pub struct Passwords {
    workers: Workers,
}

impl Passwords {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start() -> std::io::Result<Passwords> {
        Ok(Passwords { workers: Workers::start("passwords", THREADS, QUEUE)? })
    }

    /// The hash to keep, as a PHC string.
    ///
    /// # Errors
    /// 503 `busy` while too many wait, or a fault.
    pub async fn hash(&self, password: String) -> Result<String> {
        self.run(move || hash(&password)).await?
    }

    /// Whether a password is that of a kept hash. Without one it is no, after the same time.
    ///
    /// # Errors
    /// As [`Passwords::hash`].
    pub async fn verify(&self, password: String, kept: Option<String>) -> Result<bool> {
        self.run(move || verify(&password, kept.as_deref())).await?
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        self.workers.run(work).await.map_err(|not_done| match not_done {
            NotDone::Full => Problem::of(&kinds::BUSY)
                .detail("Too many sign in at once. Try again in a moment.")
                .retry_after_s(RETRY_S)
                .into(),
            NotDone::Lost => Fault::because("hashing a password panicked, or the shop is closing").into(),
        })
    }
}

/// The form in which a password is compared: NFC, so that it does not hang on which keyboard typed an accent. Nothing is cut off.
#[must_use]
pub fn normal(password: &str) -> String {
    password.nfc().collect()
}

/// Whether a password is among the commonest, in any case of its letters.
#[must_use]
pub fn is_common(password: &str) -> bool {
    let password = password.to_lowercase();
    COMMON.lines().filter(|line| !line.starts_with("# ")).any(|common| common == password)
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(foreign)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str) -> Result<String> {
    let salt = random::bytes::<SALT_BYTES>();
    let hash: PasswordHash = argon2()?.hash_password_with_salt(normal(password).as_bytes(), &salt).map_err(foreign)?;
    Ok(hash.to_string())
}

fn verify(password: &str, kept: Option<&str>) -> Result<bool> {
    let parsed = PasswordHash::new(kept.unwrap_or(NOBODYS)).map_err(foreign)?;
    let matches = argon2()?.verify_password(normal(password).as_bytes(), &parsed).is_ok();
    Ok(matches && kept.is_some())
}

fn foreign(error: impl std::fmt::Display) -> Fault {
    Fault::because(format!("Argon2: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_knows_its_password_and_no_other() {
        let kept = hash("cafe\u{301} with milk").expect("a hash");
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(verify("caf\u{e9} with milk", Some(&kept)).expect("verified"));
        assert!(!verify("caf\u{e9} with sugar", Some(&kept)).expect("verified"));
        assert!(!verify("caf\u{e9} with milk", None).expect("verified"));
    }

    #[test]
    fn nobodys_hash_costs_what_a_hash_costs() {
        let parsed = PasswordHash::new(NOBODYS).expect("a hash");
        let params = Params::try_from(&parsed).expect("parameters");
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, LANES));
    }

    #[test]
    fn the_commonest_are_known_in_any_case() {
        for password in ["1234567890", "qwertyuiop", "Password123", "QWERTY12345"] {
            assert!(is_common(password), "{password}");
        }
        assert!(!is_common("croissants at dawn"));
        assert!(COMMON.lines().filter(|line| !line.starts_with("# ")).all(|line| line.chars().count() >= 10));
    }
}
