//! The routes of signing up, in and out; those of passwords, of users and the pages stand beside.

mod pages;
mod passwords;
mod shapes;
mod users;

mod handing;
mod sessions;

use std::sync::Arc;

use axum::extract::State;
use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

pub use self::handing::{Handed, Handing, signed_in_shape};
use self::handing::{refuse_and_take_back, registered_shape, secret, take_back};
use self::shapes::{UserBody, user_shape};
use super::desk::read_cookie;
use super::model::SessionKind;
use super::rules::{FAMILIAR_MS, NewPassword, PASSWORD_CHARS};
use super::{Refresh, Refreshed, Register, Registered, SignIn, SignOut, problems, queries};
use crate::features::AppState;
use crate::http::context::Received;
use crate::http::extract::Empty;
use crate::http::gate::unauthenticated;
use crate::http::idempotency::{IdempotencyKey, Kept, once};
use crate::http::input::wrong_type;
use crate::http::{Answer, Body, Caller, Context, Fields, Input, Link, Route, Shape, no_content, respond, session_cookie};
use crate::kernel::problem::kinds;
use crate::kernel::text::TextFault;
use crate::kernel::{At, Email, Fault, Faults, Name, Phone, Problem, Result, Role};
use crate::security::token::TokenHash;

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
            .hands_a_session_over()
            .answers(201, "The account, signed in; or the account alone, if an admin made it", registered_shape())
            .links([refresh_link(), me_link()])
            .links(made_links())
            .refuses(&[&problems::EMAIL_TAKEN, &problems::TOKEN_EXPIRED, &kinds::FORBIDDEN, &kinds::CSRF_REFUSED]),
        Route::post("/api/v1/auth/login", login, "Sign in with e-mail address and password")
            .describe("Send `token` as `Authorization: Bearer` from then on. It counts for a quarter of an hour; `refreshToken` gets the next. A page in a browser sends `X-Session: cookie` instead: the session is then an httpOnly cookie, and `csrfToken` goes with whatever changes something.")
            .body::<LoginBody>()
            .cart_token()
            .hands_a_session_over()
            .example("A customer", json!({ "email": "layla@example.com", "password": "saffron-and-rose" }))
            .answers(200, "The account and its tokens, or what comes beside the cookie", signed_in_shape())
            .links([refresh_link(), me_link()])
            .refuses(&[&problems::INVALID_CREDENTIALS, &problems::TOO_MANY_ATTEMPTS, &kinds::CSRF_REFUSED]),
        Route::post("/api/v1/auth/refresh", refresh, "Exchange a refresh token, or the session's cookie, for a new one")
            .describe("A refresh token counts once, and so does a cookie. One that was used before ends its whole session: somebody else has it too.")
            .body::<RefreshBody>()
            .hands_a_session_over()
            .example("The token of signing in", json!({ "refreshToken": "q3vB0yq2b1b7m4b2Jm0Qyq3vB0yq2b1b7m4b2Jm0Qyq" }))
            .answers(200, "The account and its new tokens, or cookie; the old one no longer counts", signed_in_shape())
            .links([refresh_link(), me_link()])
            .refuses(&[&problems::INVALID_REFRESH_TOKEN, &kinds::CSRF_REFUSED]),
        Route::post("/api/v1/auth/logout", logout, "End the session; its tokens and its cookie stop at once")
            .describe("Other sessions of the account go on.")
            .body::<Empty>()
            .answers_empty(204, "The session has ended")
            .refuses(&[&problems::TOKEN_EXPIRED]),
        Route::get("/api/v1/auth/me", me, "Say who is signed in")
            .describe("The account of the bearer, or of the session's cookie; then with `csrfToken`.")
            .tagged()
            .answers(200, "The account", me_shape())
            .links([
                Link::to("user", "GET /api/v1/users/{id}", "The account as it is kept").with("id", "$response.body#/id"),
                Link::to("replace", "PUT /api/v1/users/{id}", "Change it").with("id", "$response.body#/id"),
            ])
            .refuses(&[&problems::TOKEN_EXPIRED]),
    ];
    routes.extend(sessions::routes());
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
    refresh_token: Option<Presented>,
}

impl Input for RefreshBody {
    const NAME: &'static str = "Refresh";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let refresh_token = Presented::opt(fields, "refreshToken");
        Some(RefreshBody { refresh_token })
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
    let handing = match context.caller.role() {
        Some(Role::Admin) => None,
        _ => Some(Handing::asked(&app, &context)?),
    };
    let password_hash = match body.password {
        Some(password) => Some(app.accounts.hash(password.into_string()).await?),
        None => None,
    };
    let command = Register {
        name: body.name,
        email: body.email,
        phone: body.phone,
        role: body.role,
        password_hash,
        // Who is registered by another speaks the shop's language until they say otherwise, not that of the admin's browser.
        locale: if handing.is_some() { context.locale } else { context.shop.locale },
        by: context.caller.actor(),
        sign_in_with: handing.as_ref().map(|handing| handing.session(&context)),
    };
    let (keys, now) = (Arc::clone(&app.keys), app.clock.now());
    let kept = app
        .db
        .write(once(key, command, move |made: &Registered| {
            let handed = match (made, &handing) {
                (Registered::SignedIn(signed_in), Some(handing)) => handing.handed(&keys, now, signed_in)?,
                _ => {
                    let invited = matches!(made, Registered::Invited(_));
                    Handed { cookie: None, body: respond::to_bytes(&Made { user: UserBody::of(made.user()), invited })? }
                }
            };
            // The answer holds secrets, so it is kept sealed.
            let place = format!("/api/v1/users/{}", made.user().id);
            Ok(Kept::created(place, Bytes::from(keys.seal(&handed.store()?))))
        }))
        .await?;
    let body = app.keys.unseal(&kept.body).ok_or_else(|| Fault::because("a kept answer cannot be unsealed with this key"))?;
    let handed = Handed::stored(body);
    let response = kept.answer_with(&context, handed.body.clone())?;
    Ok(handed.dress(&context, response))
}

/// The request's idempotency key. The hash of the body stands in the books for a day, and the body holds a password: so it is
/// taken of a keyed fingerprint, which is worth nothing without the key. Whether a cookie or tokens are asked for is a part of the
/// request: a page must not get the tokens of a session that was handed over as a cookie, nor a program the cookie.
fn keyed(app: &AppState, context: &Context) -> Result<Option<IdempotencyKey>> {
    let received = match &context.received {
        Received::Whole(body) => {
            let session = context.header(session_cookie::SESSION_HEADER).unwrap_or("");
            Received::Whole(Bytes::from(app.keys.fingerprint(&[body, session.as_bytes()].concat())))
        }
        other => other.clone(),
    };
    IdempotencyKey::of(&Context { received, ..context.clone() })
}

async fn login(State(app): State<AppState>, context: Context, Body(body): Body<LoginBody>) -> Answer {
    let handing = Handing::asked(&app, &context)?;
    let (email, from, since) = (body.email.clone(), context.client.address, app.clock.now().plus_ms(-FAMILIAR_MS));
    let (kept, familiar) = app.db.read(move |reader| queries::at_the_door(reader, &email, from, since)).await?;
    let attempt = app.accounts.attempt(&body.email, from, familiar)?;
    let proven = app.accounts.verify(body.password.0, kept.clone()).await?;
    let Some(proven_hash) = kept.filter(|_| proven) else {
        attempt.failed();
        return Err(problems::invalid_credentials().into());
    };
    let sign_in = SignIn { email: body.email, proven_hash, session: handing.session(&context) };
    let signed_in = app.db.write(sign_in).await?;
    attempt.succeeded();
    Ok(handing.handed(&app.keys, app.clock.now(), &signed_in)?.answer(&context))
}

async fn refresh(State(app): State<AppState>, context: Context, Body(body): Body<RefreshBody>) -> Answer {
    match body.refresh_token {
        Some(token) => {
            let handing = Handing::asked(&app, &context)?;
            exchange(&app, &context, TokenHash::of(&token.0), SessionKind::Token, handing).await
        }
        None => refresh_cookie(&app, &context).await,
    }
}

/// Exchanges the cookie. It is not the gate that looks at it here, for one that was exchanged before must be seen too.
async fn refresh_cookie(app: &AppState, context: &Context) -> Answer {
    let Some(cookie) = session_cookie::presented(&context.headers, context.client.secure) else {
        return Err(Problem::field("refreshToken", "required", "is required, unless the session's cookie is sent").into());
    };
    let Some((session, presented)) = read_cookie(&cookie) else {
        return Ok(refuse_and_take_back(context, problems::invalid_refresh_token()));
    };
    let matches = |token: &str| app.keys.csrf_token_matches(session, token);
    session_cookie::check_csrf(context, &app.public_url, matches)?;
    exchange(app, context, presented, SessionKind::Cookie, Handing::of(SessionKind::Cookie)).await
}

async fn exchange(app: &AppState, context: &Context, presented: TokenHash, from: SessionKind, handing: Handing) -> Answer {
    let refresh = Refresh { presented, from, next: handing.secret.hash(), to: handing.kind };
    match app.db.write(refresh).await? {
        Refreshed::Renewed(signed_in) => Ok(handing.handed(&app.keys, app.clock.now(), &signed_in)?.answer(context)),
        Refreshed::Refused if from == SessionKind::Cookie => {
            Ok(refuse_and_take_back(context, problems::invalid_refresh_token()))
        }
        Refreshed::Refused => Err(problems::invalid_refresh_token().into()),
    }
}

async fn logout(State(app): State<AppState>, context: Context, Body(Empty): Body<Empty>) -> Answer {
    let Caller::Account { session, .. } = context.caller else { return Err(nobody().into()) };
    app.db.write(SignOut { session }).await?;
    let response = no_content()?;
    Ok(if context.by_cookie { take_back(&context, response) } else { response })
}

async fn me(State(app): State<AppState>, context: Context) -> Answer {
    let Caller::Account { user: id, session, .. } = context.caller else { return Err(nobody().into()) };
    let user = app.db.read(move |reader| queries::user(reader, id)).await?.ok_or_else(nobody)?;
    if !context.by_cookie {
        return respond::tagged(&context, StatusCode::OK, user.version, &UserBody::of(&user));
    }
    let me = Me { user: UserBody::of(&user), csrf_token: app.keys.csrf_token(session) };
    Ok(secret(respond::tagged(&context, StatusCode::OK, user.version, &me)?))
}

fn nobody() -> crate::kernel::Problem {
    unauthenticated("Sign in at /api/v1/auth/login and send the token as Authorization: Bearer.")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Me<'a> {
    #[serde(flatten)]
    user: UserBody<'a>,
    csrf_token: String,
}

#[derive(Serialize)]
struct Made<'a> {
    user: UserBody<'a>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    invited: bool,
}

/// Reads a password that is to be set; the address, where it could be read, cannot be it.
pub fn read_new_password(fields: &mut Fields<'_, '_>, name: &'static str, email: Option<&Email>) -> Option<NewPassword> {
    fields.req_with(name, new_password_schema, |value, at, faults| {
        noted(value.as_str().map(|text| NewPassword::for_maybe(text, email)), at, faults)
    })
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

fn me_shape() -> Shape {
    let mut shape = user_shape();
    shape.name = Some("Me".to_owned());
    shape.schema["properties"]["csrfToken"] =
        json!({ "type": "string", "description": "Of who is known by the session's cookie: what to send as `X-CSRF-Token`." });
    shape
}
