//! Tokens: short signed ones that say who asks (JWT, RFC 7519), and long random ones of which only the hash is kept.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use super::{Keys, random};
use crate::kernel::{Fault, Role, SessionId, UserId, UtcMs};

/// Seconds for which an access token counts (SPEC 9).
pub const ACCESS_S: i64 = 15 * 60;

/// What an access token says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    pub user: UserId,
    pub session: SessionId,
    pub role: Role,
}

/// Why an access token does not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccessFault {
    /// It was ours, until it ended.
    Expired,
    /// It is none of ours.
    Foreign,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    sid: String,
    role: String,
    iat: i64,
    exp: i64,
}

impl Keys {
    /// Signs an access token that counts from `now` for [`ACCESS_S`].
    ///
    /// # Errors
    /// A fault if it cannot be signed.
    pub fn sign_access(&self, access: Access, now: UtcMs) -> Result<String, Fault> {
        let iat = now.ms().div_euclid(1_000);
        let claims = Claims {
            sub: access.user.to_string(),
            sid: access.session.to_string(),
            role: access.role.code().to_owned(),
            iat,
            exp: iat + ACCESS_S,
        };
        encode(&Header::new(Algorithm::HS256), &claims, &self.access_sign).map_err(Fault::new)
    }

    /// Reads an access token. Its end is held against `now`, because the library would ask the system's clock.
    ///
    /// # Errors
    /// [`AccessFault`].
    pub fn read_access(&self, token: &str, now: UtcMs) -> Result<Access, AccessFault> {
        // One algorithm, whatever the token's header asks for (RFC 8725, 3.1).
        let mut rules = Validation::new(Algorithm::HS256);
        rules.validate_exp = false;
        rules.required_spec_claims.clear();
        let claims = decode::<Claims>(token, &self.access_read, &rules).map_err(|_| AccessFault::Foreign)?.claims;
        let access = (UserId::parse(&claims.sub), SessionId::parse(&claims.sid), Role::from_code(&claims.role));
        let (Some(user), Some(session), Some(role)) = access else { return Err(AccessFault::Foreign) };
        if now.ms().div_euclid(1_000) >= claims.exp {
            return Err(AccessFault::Expired);
        }
        Ok(Access { user, session, role })
    }
}

/// SHA-256 of a token: all that the books keep of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of a token as it was presented.
    #[must_use]
    pub fn of(token: &str) -> TokenHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes()).as_ref());
        TokenHash(hash)
    }

    /// A hash as it was kept; `None` if it has another length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<TokenHash> {
        bytes.try_into().ok().map(TokenHash)
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A random token in the clear: on its way to its owner, kept nowhere.
pub struct SecretToken(String);

impl SecretToken {
    /// 32 random bytes as base64url: 43 characters.
    #[must_use]
    pub fn new() -> SecretToken {
        SecretToken(URL_SAFE_NO_PAD.encode(random::bytes::<32>()))
    }

    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }

    /// The token itself, for the answer to its owner.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl Default for SecretToken {
    fn default() -> SecretToken {
        SecretToken::new()
    }
}

impl std::fmt::Debug for SecretToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretToken(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcMs = UtcMs::from_ms(1_795_603_665_007);

    fn access() -> Access {
        let id = uuid::Uuid::from_u128(7);
        Access { user: UserId::from_uuid(id), session: SessionId::from_uuid(id), role: Role::Staff }
    }

    fn keys() -> Keys {
        Keys::load_or_make(tempfile::tempdir().expect("a folder").path()).expect("keys")
    }

    #[test]
    fn an_access_token_counts_for_a_quarter_of_an_hour_by_our_clock() {
        let keys = keys();
        let token = keys.sign_access(access(), NOW).expect("signed");
        assert_eq!(keys.read_access(&token, NOW), Ok(access()));
        assert_eq!(keys.read_access(&token, NOW.plus_ms(ACCESS_S * 1_000 - 1_000)), Ok(access()));
        assert_eq!(keys.read_access(&token, NOW.plus_ms(ACCESS_S * 1_000)), Err(AccessFault::Expired));
    }

    #[test]
    fn a_token_that_is_changed_foreign_or_unsigned_does_not_count() {
        let (keys, others) = (keys(), keys());
        let token = keys.sign_access(access(), NOW).expect("signed");
        assert_eq!(others.read_access(&token, NOW), Err(AccessFault::Foreign));
        let parts: Vec<&str> = token.split('.').collect();
        let unsigned = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        let wider = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS512","typ":"JWT"}"#);
        for forged in [
            String::new(),
            "x".to_owned(),
            format!("{unsigned}.{}.", parts[1]),
            format!("{wider}.{}.{}", parts[1], parts[2]),
            format!("{}.{}.{}", parts[0], parts[1], "A".repeat(43)),
        ] {
            assert_eq!(keys.read_access(&forged, NOW), Err(AccessFault::Foreign), "{forged}");
        }
    }

    #[test]
    fn a_secret_token_is_found_again_by_its_hash() {
        let token = SecretToken::new();
        assert_eq!(token.reveal().len(), 43);
        assert_eq!(TokenHash::of(token.reveal()), token.hash());
        assert_ne!(SecretToken::new().hash(), token.hash());
        assert_eq!(format!("{token:?}"), "SecretToken(***)");
    }
}
