//! Handing a session over: as tokens in the body, or as a cookie that the page never sees (docs/decisions/0008-cookie-sessions.md).

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use super::{UserBody, user_shape};
use crate::features::AppState;
use crate::features::accounts::desk::{read_cookie, write_cookie};
use crate::features::accounts::model::{NewSession, SessionKind, SignedIn};
use crate::features::accounts::rules::SESSION_IDLE_MS;
use crate::features::accounts::rules::device::device_name;
use crate::http::cart_token::cart_token;
use crate::http::{Context, Shape, respond, session_cookie};
use crate::kernel::{Fault, Problem, Result, UtcMs};
use crate::security::Keys;
use crate::security::token::{ACCESS_S, Access, SecretToken, TokenHash};

/// Seconds for which a cookie counts, unless it is exchanged before.
const COOKIE_S: i64 = SESSION_IDLE_MS / 1_000;

/// The secret of a session on its way to its owner, and the way it goes.
pub struct Handing {
    pub secret: SecretToken,
    pub kind: SessionKind,
}

impl Handing {
    /// A new secret, to go the way that the request asks for.
    ///
    /// # Errors
    /// 422 for an `X-Session` that is none; 403 `csrf_refused`.
    pub fn asked(app: &AppState, context: &Context) -> Result<Handing> {
        let as_cookie = session_cookie::is_asked_for(context, &app.public_url)?;
        Ok(Handing::of(if as_cookie { SessionKind::Cookie } else { SessionKind::Token }))
    }

    pub fn of(kind: SessionKind) -> Handing {
        Handing { secret: SecretToken::new(), kind }
    }

    /// The session that is to be begun for it.
    pub fn session(&self, context: &Context) -> NewSession {
        NewSession {
            secret: self.secret.hash(),
            kind: self.kind,
            device: context.header("user-agent").and_then(device_name),
            address: context.client.address,
            carrying: cart_token(context).map(|token| TokenHash::of(&token)),
            replaces: match self.kind {
                SessionKind::Cookie => {
                    session_cookie::presented(&context.headers, context.client.secure).as_deref().and_then(read_cookie)
                }
                SessionKind::Token => None,
            },
        }
    }

    /// The answer's body, and the cookie beside it.
    pub fn handed(&self, keys: &Keys, now: UtcMs, signed_in: &SignedIn) -> Result<Handed> {
        let SignedIn { user, session } = signed_in;
        let body = match self.kind {
            SessionKind::Token => {
                let access = Access { user: user.id, session: *session, role: user.role };
                respond::to_bytes(&Tokens {
                    user: UserBody::of(user),
                    token: keys.sign_access(access, now)?,
                    refresh_token: self.secret.reveal(),
                    expires_in: ACCESS_S,
                })?
            }
            SessionKind::Cookie => respond::to_bytes(&Cookied {
                user: UserBody::of(user),
                csrf_token: keys.csrf_token(*session),
                expires_in: COOKIE_S,
            })?,
        };
        let cookie = (self.kind == SessionKind::Cookie).then(|| write_cookie(*session, &self.secret));
        Ok(Handed { cookie, body })
    }
}

/// An answer that hands a session over, or none.
pub struct Handed {
    pub cookie: Option<String>,
    pub body: Bytes,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    cookie: Option<String>,
    body: Box<RawValue>,
}

impl Handed {
    /// As it is kept under an `Idempotency-Key`; to be sealed.
    pub fn store(&self) -> Result<Bytes> {
        let body = serde_json::from_slice(&self.body).map_err(Fault::new)?;
        respond::to_bytes(&Stored { cookie: self.cookie.clone(), body })
    }

    /// As it was kept. What was kept before there were cookies is the body alone.
    pub fn stored(bytes: Vec<u8>) -> Handed {
        match serde_json::from_slice::<Stored>(&bytes) {
            Ok(Stored { cookie, body }) => Handed { cookie, body: Bytes::from(body.get().to_owned()) },
            Err(_) => Handed { cookie: None, body: Bytes::from(bytes) },
        }
    }

    /// The answer with 200.
    pub fn answer(self, context: &Context) -> Response {
        let response = respond::json_bytes(context, StatusCode::OK, self.body.clone());
        self.dress(context, response)
    }

    /// Puts the cookie on an answer of this body.
    pub fn dress(self, context: &Context, response: Response) -> Response {
        let mut response = secret(response);
        if let Some(cookie) = self.cookie {
            let value = session_cookie::set(&cookie, context.client.secure, COOKIE_S);
            response.headers_mut().append(header::SET_COOKIE, value);
        }
        response
    }
}

/// An answer that takes the caller's cookie back.
pub(super) fn take_back(context: &Context, mut response: Response) -> Response {
    response.headers_mut().append(header::SET_COOKIE, session_cookie::clear(context.client.secure));
    response
}

/// A refusal that takes it back.
pub(super) fn refuse_and_take_back(context: &Context, problem: Problem) -> Response {
    take_back(context, crate::kernel::Error::from(problem).into_response())
}

/// An answer with tokens is kept by nobody on its way (RFC 6749, 5.1).
pub(super) fn secret(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tokens<'a> {
    user: UserBody<'a>,
    token: String,
    refresh_token: &'a str,
    expires_in: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Cookied<'a> {
    user: UserBody<'a>,
    csrf_token: String,
    expires_in: i64,
}

/// Tokens, or what comes beside the cookie.
#[must_use]
pub fn signed_in_shape() -> Shape {
    let (tokens, cookied) = (tokens_shape(), cookied_shape());
    let schema = json!({ "oneOf": [tokens.schema(), cookied.schema()] });
    Shape::named("SignedIn", schema, tokens.example()).of(&[&tokens, &cookied])
}

/// As [`signed_in_shape`], or the account alone.
pub(super) fn registered_shape() -> Shape {
    let (user, tokens, cookied) = (user_shape(), tokens_shape(), cookied_shape());
    let schema = json!({
        "type": "object",
        "description": "By an admin, for somebody else.",
        "required": ["user"],
        "properties": {
            "user": user.schema(),
            "invited": { "type": "boolean", "description": "A link to choose a password is on its way to the e-mail address." },
        },
        "additionalProperties": false,
    });
    let alone = Shape::named("MadeForAnother", schema, json!({ "user": user.example(), "invited": true })).of(&[&user]);
    let schema = json!({ "oneOf": [tokens.schema(), cookied.schema(), alone.schema()] });
    Shape::named("Registered", schema, tokens.example()).of(&[&tokens, &cookied, &alone])
}

fn tokens_shape() -> Shape {
    let user = user_shape();
    let schema = json!({
        "type": "object",
        "required": ["user", "token", "refreshToken", "expiresIn"],
        "properties": {
            "user": user.schema(),
            "token": { "type": "string", "description": "Access token: send it as Authorization: Bearer." },
            "refreshToken": { "type": "string", "description": "Counts once, at /api/v1/auth/refresh." },
            "expiresIn": { "type": "integer", "description": "Seconds for which the access token counts.", "example": ACCESS_S },
        },
        "additionalProperties": false,
    });
    let example = json!({
        "user": user.example(),
        "token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwMTkzNmYyYSJ9.c2lnbmF0dXJl",
        "refreshToken": "q3vB0yq2b1b7m4b2Jm0Qyq3vB0yq2b1b7m4b2Jm0Qyq",
        "expiresIn": ACCESS_S,
    });
    Shape::named("Tokens", schema, example).of(&[&user])
}

fn cookied_shape() -> Shape {
    let user = user_shape();
    let schema = json!({
        "type": "object",
        "description": "With `X-Session: cookie`. The session is in an httpOnly cookie.",
        "required": ["user", "csrfToken", "expiresIn"],
        "properties": {
            "user": user.schema(),
            "csrfToken": { "type": "string", "description": "Send it as `X-CSRF-Token` with every request that changes something." },
            "expiresIn": { "type": "integer", "description": "Seconds for which the cookie counts unless it is exchanged at /api/v1/auth/refresh.", "example": COOKIE_S },
        },
        "additionalProperties": false,
    });
    let example =
        json!({ "user": user.example(), "csrfToken": "Jm0Qyq3vB0yq2b1b7m4b2q3vB0yq2b1b7m4b2Jm0Qyq", "expiresIn": COOKIE_S });
    Shape::named("CookieSession", schema, example).of(&[&user])
}
