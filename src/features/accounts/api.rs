//! The routes of signing up, in and out.

use std::sync::Arc;

use axum::extract::State;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};

use super::model::{SignedIn, User};
use super::rules::{NewPassword, PASSWORD_CHARS};
use super::{Refresh, Refreshed, Register, Registered, SignIn, SignOut, problems, queries, sql};
use crate::features::AppState;
use crate::http::cart_token::cart_token;
use crate::http::context::Received;
use crate::http::extract::Empty;
use crate::http::gate::unauthenticated;
use crate::http::idempotency::{IdempotencyKey, Kept, once};
use crate::http::input::wrong_type;
use crate::http::{Answer, Body, Caller, Context, Fields, Input, Route, no_content, respond};
use crate::kernel::problem::kinds;
use crate::kernel::text::TextFault;
use crate::kernel::{At, Email, Fault, Faults, Name, Phone, Result, Role, UtcMs};
use crate::security::Keys;
use crate::security::token::{ACCESS_S, Access, SecretToken, TokenHash};

/// The most characters that are read of a password or token at sign-in: what is longer is none of ours.
const PRESENTED_MAX: usize = 1_024;

/// Every route of the feature.
#[must_use]
pub fn routes() -> Vec<Route<AppState>> {
    vec![
        Route::post("/api/v1/auth/register", register, "Make an account and sign in to it.")
            .body::<RegisterBody>()
            .cart_token()
            .idempotent()
            .answers(201, "The account, signed in; or the account alone, if an admin made it.", registered_schema())
            .refuses(&[&problems::EMAIL_TAKEN, &problems::TOKEN_EXPIRED, &kinds::FORBIDDEN]),
        Route::post("/api/v1/auth/login", login, "Sign in with e-mail address and password.")
            .body::<LoginBody>()
            .cart_token()
            .answers(200, "The account and its tokens.", signed_in_schema())
            .refuses(&[&problems::INVALID_CREDENTIALS]),
        Route::post("/api/v1/auth/refresh", refresh, "Exchange a refresh token for new tokens.")
            .body::<RefreshBody>()
            .answers(200, "The account and its new tokens; the old refresh token no longer counts.", signed_in_schema())
            .refuses(&[&problems::INVALID_REFRESH_TOKEN]),
        Route::post("/api/v1/auth/logout", logout, "End the session; its tokens stop at once.")
            .body::<Empty>()
            .answers_empty(204, "The session has ended.")
            .refuses(&[&problems::TOKEN_EXPIRED]),
        Route::get("/api/v1/auth/me", me, "Say who is signed in.")
            .answers(200, "The account.", user_schema())
            .refuses(&[&problems::TOKEN_EXPIRED]),
    ]
}

struct RegisterBody {
    name: Name,
    email: Email,
    phone: Phone,
    password: NewPassword,
    role: Role,
}

impl Input for RegisterBody {
    const NAME: &'static str = "Register";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let name = fields.req("name");
        let email = fields.req::<Email>("email");
        let phone = fields.req("phone");
        let password = fields.req_with("password", new_password_schema, |value, at, faults| {
            let text = value.as_str();
            let read = text.map(|text| NewPassword::for_maybe(text, email.as_ref()));
            noted(read, at, faults)
        });
        let role = fields.opt("role");
        Some(RegisterBody {
            name: name?,
            email: email?,
            phone: phone?,
            password: password?,
            role: role.unwrap_or(Role::Customer),
        })
    }
}

struct LoginBody {
    email: Email,
    password: Presented,
}

impl Input for LoginBody {
    const NAME: &'static str = "Login";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let email = fields.req("email");
        let password = Presented::read(fields, "password");
        Some(LoginBody { email: email?, password: password? })
    }
}

struct RefreshBody {
    refresh_token: Presented,
}

impl Input for RefreshBody {
    const NAME: &'static str = "Refresh";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let refresh_token = Presented::read(fields, "refreshToken");
        Some(RefreshBody { refresh_token: refresh_token? })
    }
}

/// A secret as it was presented: nothing cleaned or trimmed, never shown.
struct Presented(String);

impl Presented {
    fn read(fields: &mut Fields<'_, '_>, name: &'static str) -> Option<Presented> {
        let schema = || json!({ "type": "string", "minLength": 1, "maxLength": PRESENTED_MAX, "format": "password" });
        fields.req_with(name, schema, |value, at, faults| {
            let read = value.as_str().map(|text| match text.chars().count() {
                0 => Err(TextFault { code: "required", message: "must not be empty".to_owned() }),
                1..=PRESENTED_MAX => Ok(Presented(text.to_owned())),
                _ => Err(TextFault { code: "too_long", message: format!("must have at most {PRESENTED_MAX} characters") }),
            });
            noted(read, at, faults)
        })
    }
}

fn noted<T>(read: Option<Result<T, TextFault>>, at: &At<'_>, faults: &mut Faults<'_>) -> Option<T> {
    match read {
        None => wrong_type(at, faults, "a text"),
        Some(read) => read.map_err(|fault| faults.add(at, fault.code, fault.message)).ok(),
    }
}

async fn register(State(app): State<AppState>, context: Context, Body(body): Body<RegisterBody>) -> Answer {
    let key = keyed(&app, &context)?;
    let password_hash = app.accounts.hash(body.password.into_string()).await?;
    let token = (context.caller.role() != Some(Role::Admin)).then(SecretToken::new);
    let command = Register {
        name: body.name,
        email: body.email,
        phone: body.phone,
        role: body.role,
        password_hash,
        locale: context.locale,
        by: context.caller.actor(),
        sign_in_with: token.as_ref().map(SecretToken::hash),
        carrying: carried(&context),
    };
    let (keys, now) = (Arc::clone(&app.keys), app.clock.now());
    let kept = app
        .db
        .write(once(key, command, move |made: &Registered| {
            let body = match (made, &token) {
                (Registered::SignedIn(signed_in), Some(token)) => respond::to_bytes(&tokens(&keys, now, signed_in, token)?)?,
                _ => respond::to_bytes(&Made { user: UserBody::of(made.user()) })?,
            };
            // The answer holds tokens, so it is kept sealed.
            let place = format!("/api/v1/users/{}", made.user().id);
            Ok(Kept::created(place, Bytes::from(keys.seal(&body))))
        }))
        .await?;
    let body = app.keys.unseal(&kept.body).ok_or_else(|| Fault::because("a kept answer cannot be unsealed with this key"))?;
    Ok(secret(kept.answer_with(&context, Bytes::from(body))?))
}

/// The request's idempotency key. The hash of the body stands in the books for a day, and the body holds a password: so it is
/// taken of a keyed fingerprint, which is worth nothing without the key.
fn keyed(app: &AppState, context: &Context) -> Result<Option<IdempotencyKey>> {
    let received = match &context.received {
        Received::Whole(body) => Received::Whole(Bytes::from(app.keys.fingerprint(body))),
        other => other.clone(),
    };
    IdempotencyKey::of(&Context { received, ..context.clone() })
}

async fn login(State(app): State<AppState>, context: Context, Body(body): Body<LoginBody>) -> Answer {
    let email = body.email.clone();
    let kept = app.db.read(move |reader| sql::credentials(reader, &email)).await?.map(|(_, hash)| hash);
    let proven = app.accounts.verify(body.password.0, kept.clone()).await?;
    let Some(proven_hash) = kept.filter(|_| proven) else { return Err(problems::invalid_credentials().into()) };
    let token = SecretToken::new();
    let signed_in =
        app.db.write(SignIn { email: body.email, proven_hash, refresh: token.hash(), carrying: carried(&context) }).await?;
    answer_tokens(&app, &context, &signed_in, &token)
}

/// What a guest brings along into their account.
fn carried(context: &Context) -> Option<TokenHash> {
    cart_token(context).map(|token| TokenHash::of(&token))
}

async fn refresh(State(app): State<AppState>, context: Context, Body(body): Body<RefreshBody>) -> Answer {
    let token = SecretToken::new();
    match app.db.write(Refresh { presented: TokenHash::of(&body.refresh_token.0), next: token.hash() }).await? {
        Refreshed::Renewed(signed_in) => answer_tokens(&app, &context, &signed_in, &token),
        Refreshed::Refused => Err(problems::invalid_refresh_token().into()),
    }
}

async fn logout(State(app): State<AppState>, context: Context, Body(Empty): Body<Empty>) -> Answer {
    let Caller::Account { session, .. } = context.caller else { return Err(nobody().into()) };
    app.db.write(SignOut { session }).await?;
    no_content()
}

async fn me(State(app): State<AppState>, context: Context) -> Answer {
    let id = context.caller.user().ok_or_else(nobody)?;
    let user = app.db.read(move |reader| queries::user(reader, id)).await?.ok_or_else(nobody)?;
    respond::tagged(&context, StatusCode::OK, user.version, &UserBody::of(&user))
}

fn nobody() -> crate::kernel::Problem {
    unauthenticated("Sign in at /api/v1/auth/login and send the token as Authorization: Bearer.")
}

fn answer_tokens(app: &AppState, context: &Context, signed_in: &SignedIn, token: &SecretToken) -> Answer {
    Ok(secret(respond::json(context, StatusCode::OK, &tokens(&app.keys, app.clock.now(), signed_in, token)?)?))
}

/// An answer with tokens is kept by nobody on its way (RFC 6749, 5.1).
fn secret(mut response: axum::response::Response) -> axum::response::Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

fn tokens<'a>(keys: &Keys, now: UtcMs, signed_in: &'a SignedIn, token: &'a SecretToken) -> Result<Tokens<'a>> {
    let SignedIn { user, session } = signed_in;
    let access = Access { user: user.id, session: *session, role: user.role };
    Ok(Tokens {
        user: UserBody::of(user),
        token: keys.sign_access(access, now)?,
        refresh_token: token.reveal(),
        expires_in: ACCESS_S,
    })
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
struct Made<'a> {
    user: UserBody<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserBody<'a> {
    id: String,
    name: &'a str,
    email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
    role: &'static str,
    addresses: [Value; 0],
    locale: &'static str,
    marketing_consent: bool,
    two_factor_enabled: bool,
    created_at: String,
    updated_at: String,
    metadata: serde_json::Map<String, Value>,
}

impl UserBody<'_> {
    fn of(user: &User) -> UserBody<'_> {
        UserBody {
            id: user.id.to_string(),
            name: &user.name,
            email: user.email.as_str(),
            phone: user.phone.as_ref().map(Phone::as_str),
            role: user.role.code(),
            addresses: [],
            locale: user.locale.code(),
            marketing_consent: false,
            two_factor_enabled: false,
            created_at: user.created_at.to_string(),
            updated_at: user.updated_at.to_string(),
            metadata: serde_json::Map::new(),
        }
    }
}

fn new_password_schema() -> Value {
    json!({
        "type": "string",
        "format": "password",
        "minLength": PASSWORD_CHARS.start(),
        "maxLength": PASSWORD_CHARS.end(),
        "description": "Refused if it is among the commonest, or the e-mail address.",
    })
}

fn user_schema() -> Value {
    let text = || json!({ "type": "string" });
    let time = || json!({ "type": "string", "format": "date-time" });
    json!({
        "type": "object",
        "required": [
            "id", "name", "email", "role", "addresses", "locale", "marketingConsent", "twoFactorEnabled", "createdAt", "updatedAt", "metadata",
        ],
        "properties": {
            "id": { "type": "string", "format": "uuid" },
            "name": text(),
            "email": { "type": "string", "format": "email" },
            "phone": text(),
            "role": { "type": "string", "enum": Role::ALL.map(Role::code) },
            "addresses": { "type": "array", "items": { "type": "object" } },
            "locale": { "type": "string", "enum": crate::kernel::Locale::ALL.map(crate::kernel::Locale::code) },
            "marketingConsent": { "type": "boolean" },
            "twoFactorEnabled": { "type": "boolean" },
            "createdAt": time(),
            "updatedAt": time(),
            "metadata": { "type": "object" },
        },
    })
}

fn signed_in_schema() -> Value {
    let mut schema = registered_schema();
    schema["required"] = json!(["user", "token", "refreshToken", "expiresIn"]);
    schema
}

fn registered_schema() -> Value {
    json!({
        "type": "object",
        "required": ["user"],
        "properties": {
            "user": user_schema(),
            "token": { "type": "string", "description": "Access token: send it as Authorization: Bearer." },
            "refreshToken": { "type": "string", "description": "Counts once, at /api/v1/auth/refresh." },
            "expiresIn": { "type": "integer", "description": "Seconds for which the access token counts.", "example": ACCESS_S },
        },
    })
}
