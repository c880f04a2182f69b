//! The routes by which a password is changed, or set anew by a link.

use axum::extract::State;
use http::StatusCode;
use serde_json::json;

use super::{Presented, nobody, read_new_password};
use crate::features::AppState;
use crate::features::accounts::{AskReset, ChangePassword, NewPassword, ResetPassword, problems, sql};
use crate::http::{Answer, Body, Caller, Context, Fields, Input, Route, Shape, no_content, respond};
use crate::kernel::text::TextFault;
use crate::kernel::{Email, Problem};
use crate::security::token::TokenHash;

pub(super) fn routes() -> Vec<Route<AppState>> {
    let accepted = Shape::named(
        "Accepted",
        json!({
            "type": "object",
            "required": ["accepted"],
            "properties": { "accepted": { "type": "boolean", "description": "Always true, whether the address has an account or not." } },
            "additionalProperties": false,
        }),
        json!({ "accepted": true }),
    );
    vec![
        Route::put("/api/v1/auth/password", change, "Change one's password")
            .describe("The session that asks lives on, every other one of the account ends, and so does every link to a new password.")
            .body::<ChangeBody>()
            .example("A better one", json!({ "currentPassword": "saffron-and-rose", "newPassword": "olives and thyme at six" }))
            .answers_empty(204, "It is changed")
            .refuses(&[&problems::WRONG_PASSWORD, &problems::TOO_MANY_ATTEMPTS]),
        Route::post("/api/v1/auth/password/forgot", forgot, "Ask for a link to a new password")
            .describe("If the address has an account, a link is sent to it that counts once, for 30 minutes; once a minute at most. The answer is always the same.")
            .body::<ForgotBody>()
            .example("A customer", json!({ "email": "layla@example.com" }))
            .answers(202, "It is seen to", accepted),
        Route::post("/api/v1/auth/password/reset", reset, "Choose a password with the token of a link")
            .describe("With a link to a new password or an invitation. It counts once. Every session of the account ends; sign in with the new password.")
            .body::<ResetBody>()
            .example("From the link", json!({ "token": "q3vB0yq2b1b7m4b2Jm0Qyq3vB0yq2b1b7m4b2Jm0Qyq", "password": "olives and thyme at six" }))
            .answers_empty(204, "It is set")
            .refuses(&[&problems::INVALID_LINK]),
    ]
}

struct ChangeBody {
    current: Presented,
    new: NewPassword,
}

impl Input for ChangeBody {
    const NAME: &'static str = "PasswordChange";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let current = Presented::read(fields, "currentPassword");
        let new = read_new_password(fields, "newPassword", None);
        Some(ChangeBody { current: current?, new: new? })
    }
}

struct ForgotBody(Email);

impl Input for ForgotBody {
    const NAME: &'static str = "PasswordForgot";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        fields.req("email").map(ForgotBody)
    }
}

struct ResetBody {
    token: Presented,
    password: NewPassword,
}

impl Input for ResetBody {
    const NAME: &'static str = "PasswordReset";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let token = Presented::read(fields, "token");
        let password = read_new_password(fields, "password", None);
        Some(ResetBody { token: token?, password: password? })
    }
}

/// A new password of an account that is not known yet; whether it is the account's address is looked at later.
/// The rest of the rules, now that the account's address is known.
fn fit(password: NewPassword, email: &Email, field: &'static str) -> Result<NewPassword, Problem> {
    NewPassword::parse(&password.into_string(), email)
        .map_err(|TextFault { code, message }| Problem::field(field, code, message))
}

async fn change(State(app): State<AppState>, context: Context, Body(body): Body<ChangeBody>) -> Answer {
    let Caller::Account { user, session, .. } = context.caller else { return Err(nobody().into()) };
    let reach = app.db.read(move |reader| sql::people::reach(reader, user)).await?;
    let email = reach.ok_or_else(nobody)?.email;
    let new = fit(body.new, &email, "newPassword")?;
    let proven_hash = app.accounts.prove(&app.db, user, body.current.0, context.client.address).await?;
    let new_hash = app.accounts.hash(new.into_string()).await?;
    app.db.write(ChangePassword { user, session, proven_hash, new_hash }).await?;
    no_content()
}

/// The same answer after the same work, whether there is such an account or not.
async fn forgot(State(app): State<AppState>, context: Context, Body(ForgotBody(email)): Body<ForgotBody>) -> Answer {
    app.db.write(AskReset { email }).await?;
    respond::json(&context, StatusCode::ACCEPTED, &json!({ "accepted": true }))
}

async fn reset(State(app): State<AppState>, Body(body): Body<ResetBody>) -> Answer {
    let token = TokenHash::of(&body.token.0);
    let now = app.clock.now();
    // Looked at before the hashing, so that made-up tokens cost nothing; the write looks again.
    let email = app
        .db
        .read(move |reader| {
            let Some(user) = sql::links::whose(reader, token, now)? else { return Ok(None) };
            Ok(sql::people::reach(reader, user)?.map(|reach| reach.email))
        })
        .await?
        .ok_or_else(problems::invalid_link)?;
    let password = fit(body.password, &email, "password")?;
    let new_hash = app.accounts.hash(password.into_string()).await?;
    app.db.write(ResetPassword { token, new_hash }).await?;
    no_content()
}
