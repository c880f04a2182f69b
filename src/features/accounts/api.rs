//! The routes of signing up, in and out; those of passwords, of users and the pages stand beside.

mod pages;
mod passwords;
mod shapes;
mod users;

use std::sync::Arc;

use axum::extract::State;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};

use self::shapes::{UserBody, user_shape};
use super::model::SignedIn;
use super::rules::{NewPassword, PASSWORD_CHARS};
use super::{Refresh, Refreshed, Register, Registered, SignIn, SignOut, problems, queries, sql};
use crate::features::AppState;
use crate::http::cart_token::cart_token;
use crate::http::context::Received;
use crate::http::extract::Empty;
use crate::http::gate::unauthenticated;
use crate::http::idempotency::{IdempotencyKey, Kept, once};
use crate::http::input::wrong_type;
use crate::http::{Answer, Body, Caller, Context, Fields, Input, Link, Route, Shape, no_content, respond};
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
    let mut routes = vec![
        Route::post("/api/v1/auth/register", register, "Make an account and sign in to it")
            .describe("Anybody may make a `customer`. An admin makes accounts of every role; the answer then holds the account alone. Leaving `password` out, an admin invites: a link is sent by which the person chooses it, and the answer says `invited`.")
            .body::<RegisterBody>()
            .cart_token()
            .example("A customer", json!({ "name": "Layla Khoury", "email": "layla@example.com", "phone": "+962790000003", "password": "saffron-and-rose" }))
            .example("A baker, invited by an admin", json!({ "name": "Omar", "email": "omar@example.com", "phone": "+962790000006", "role": "staff" }))
            .example("A driver, by an admin", json!({ "name": "Sami", "email": "sami@example.com", "phone": "+962790000005", "password": "crescent-street-9", "role": "driver" }))
            .idempotent()
            .answers(201, "The account, signed in; or the account alone, if an admin made it", registered_shape())
            .links([refresh_link(), me_link()])
            .links(made_links())
            .refuses(&[&problems::EMAIL_TAKEN, &problems::TOKEN_EXPIRED, &kinds::FORBIDDEN]),
        Route::post("/api/v1/auth/login", login, "Sign in with e-mail address and password")
            .describe("Send `token` as `Authorization: Bearer` from then on. It counts for a quarter of an hour; `refreshToken` gets the next.")
            .body::<LoginBody>()
            .cart_token()
            .example("A customer", json!({ "email": "layla@example.com", "password": "saffron-and-rose" }))
            .answers(200, "The account and its tokens", signed_in_shape())
            .links([refresh_link(), me_link()])
            .refuses(&[&problems::INVALID_CREDENTIALS]),
        Route::post("/api/v1/auth/refresh", refresh, "Exchange a refresh token for new tokens")
            .describe("A refresh token counts once. One that was used before ends its whole session: somebody else has it too.")
            .body::<RefreshBody>()
            .example("The token of signing in", json!({ "refreshToken": "q3vB0yq2b1b7m4b2Jm0Qyq3vB0yq2b1b7m4b2Jm0Qyq" }))
            .answers(200, "The account and its new tokens; the old refresh token no longer counts", signed_in_shape())
            .links([refresh_link(), me_link()])
            .refuses(&[&problems::INVALID_REFRESH_TOKEN]),
        Route::post("/api/v1/auth/logout", logout, "End the session; its tokens stop at once")
            .describe("Other sessions of the account go on.")
            .body::<Empty>()
            .answers_empty(204, "The session has ended")
            .refuses(&[&problems::TOKEN_EXPIRED]),
        Route::get("/api/v1/auth/me", me, "Say who is signed in")
            .describe("The account of the bearer.")
            .tagged()
            .answers(200, "The account", user_shape())
            .refuses(&[&problems::TOKEN_EXPIRED]),
    ];
    routes.extend(passwords::routes());
    routes.extend(users::routes());
    routes.extend(pages::routes());
    routes
}

fn refresh_link() -> Link {
    Link::to("refresh", "POST /api/v1/auth/refresh", "The next tokens")
        .body(json!({ "refreshToken": "$response.body#/refreshToken" }))
}

/// Where an account that was just made leads.
fn made_links() -> [Link; 2] {
    let id = "$response.body#/user/id";
    [
        Link::to("user", "GET /api/v1/users/{id}", "The account").with("id", id),
        Link::to("invite", "POST /api/v1/users/{id}/invite", "Send its invitation again").with("id", id),
    ]
}

fn me_link() -> Link {
    Link::to("me", "GET /api/v1/auth/me", "The account, with the token as bearer")
}

struct RegisterBody {
    name: Name,
    email: Email,
    phone: Phone,
    /// `None`: an admin invites.
    password: Option<NewPassword>,
    role: Role,
}

impl Input for RegisterBody {
    const NAME: &'static str = "Register";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let name = fields.req("name");
        let email = fields.req::<Email>("email");
        let phone = fields.req("phone");
        let schema = || {
            let mut schema = new_password_schema();
            schema["description"] = "Needed, but of an admin: who is registered without one is sent a link to choose it. Refused if it is among the \
                commonest, or the e-mail address."
                .into();
            schema
        };
        let password = fields.opt_with("password", schema, |value, at, faults| {
            let text = value.as_str();
            let read = text.map(|text| NewPassword::for_maybe(text, email.as_ref()));
            noted(read, at, faults)
        });
        if !fields.has("password") && fields.sender().is_some_and(|by| by.role() != Some(Role::Admin)) {
            fields.fault("password", "required", "is required");
        }
        let role = fields.opt("role");
        Some(RegisterBody { name: name?, email: email?, phone: phone?, password, role: role.unwrap_or(Role::Customer) })
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
        fields.req_with(name, Presented::schema, Presented::from_json)
    }

    fn opt(fields: &mut Fields<'_, '_>, name: &'static str) -> Option<Presented> {
        fields.opt_with(name, Presented::schema, Presented::from_json)
    }

    fn schema() -> Value {
        json!({ "type": "string", "minLength": 1, "maxLength": PRESENTED_MAX, "format": "password" })
    }

    fn from_json(value: &Value, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Presented> {
        let read = value.as_str().map(|text| match text.chars().count() {
            0 => Err(TextFault { code: "required", message: "must not be empty".to_owned() }),
            1..=PRESENTED_MAX => Ok(Presented(text.to_owned())),
            _ => Err(TextFault { code: "too_long", message: format!("must have at most {PRESENTED_MAX} characters") }),
        });
        noted(read, at, faults)
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
    let password_hash = match body.password {
        Some(password) => Some(app.accounts.hash(password.into_string()).await?),
        None => None,
    };
    let token = (context.caller.role() != Some(Role::Admin)).then(SecretToken::new);
    let command = Register {
        name: body.name,
        email: body.email,
        phone: body.phone,
        role: body.role,
        password_hash,
        // Who is registered by another speaks the shop's language until they say otherwise, not that of the admin's browser.
        locale: if token.is_some() { context.locale } else { context.shop.locale },
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
                _ => respond::to_bytes(&Made {
                    user: UserBody::of(made.user()),
                    invited: matches!(made, Registered::Invited(_)),
                })?,
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
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    invited: bool,
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

fn signed_in_shape() -> Shape {
    let mut shape = registered_shape();
    shape.name = Some("SignedIn".to_owned());
    shape.schema["required"] = json!(["user", "token", "refreshToken", "expiresIn"]);
    shape
}

fn registered_shape() -> Shape {
    let user = user_shape();
    let schema = json!({
        "type": "object",
        "required": ["user"],
        "properties": {
            "user": user.schema(),
            "invited": { "type": "boolean", "description": "A link to choose a password is on its way to the e-mail address." },
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
    Shape::named("Registered", schema, example).of(&[&user])
}
