//! The routes by which a password is changed, or set anew by a link.

use axum::extract::State;
use http::StatusCode;
use serde_json::json;

use super::{Presented, new_password_schema, nobody, noted};
use crate::features::AppState;
use crate::features::accounts::{AskReset, ChangePassword, NewPassword, ResetPassword, problems, sql};
use crate::http::{Answer, Body, Caller, Context, Fields, Input, Route, no_content, respond};
use crate::kernel::text::TextFault;
use crate::kernel::{Email, Problem};
use crate::security::token::TokenHash;

pub(super) fn routes() -> Vec<Route<AppState>> {
    let accepted = json!({
        "type": "object",
        "required": ["accepted"],
        "properties": { "accepted": { "type": "boolean" } },
    });
    vec![
        Route::put("/api/v1/auth/password", change, "Change one's password; the other sessions end.")
            .body::<ChangeBody>()
            .answers_empty(204, "It is changed.")
            .refuses(&[&problems::WRONG_PASSWORD]),
        Route::post("/api/v1/auth/password/forgot", forgot, "Ask for a link to a new password, by e-mail.")
            .body::<ForgotBody>()
            .answers(202, "If the address has an account, a link is on its way to it; once a minute at most.", accepted),
        Route::post("/api/v1/auth/password/reset", reset, "Choose a password with the token of a link; every session ends.")
            .body::<ResetBody>()
            .answers_empty(204, "It is set; sign in with it.")
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
        let new = read_new(fields, "newPassword");
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
        let password = read_new(fields, "password");
        Some(ResetBody { token: token?, password: password? })
    }
}

/// A new password of an account that is not known yet; whether it is the account's address is looked at later.
fn read_new(fields: &mut Fields<'_, '_>, name: &'static str) -> Option<NewPassword> {
    fields.req_with(name, new_password_schema, |value, at, faults| {
        noted(value.as_str().map(|text| NewPassword::for_maybe(text, None)), at, faults)
    })
}

/// The rest of the rules, now that the account's address is known.
fn fit(password: NewPassword, email: &Email, field: &'static str) -> Result<NewPassword, Problem> {
    NewPassword::parse(&password.into_string(), email)
        .map_err(|TextFault { code, message }| Problem::field(field, code, message))
}

async fn change(State(app): State<AppState>, context: Context, Body(body): Body<ChangeBody>) -> Answer {
    let Caller::Account { user, session, .. } = context.caller else { return Err(nobody().into()) };
    let (email, kept) = app
        .db
        .read(move |reader| {
            let reach = sql::people::reach(reader, user)?;
            Ok((reach.map(|(email, ..)| email), sql::people::password_hash(reader, user)?))
        })
        .await?;
    let new = fit(body.new, &email.ok_or_else(nobody)?, "newPassword")?;
    let proven = app.accounts.verify(body.current.0, kept.clone()).await?;
    let Some(proven_hash) = kept.filter(|_| proven) else { return Err(problems::wrong_password().into()) };
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
            Ok(sql::people::reach(reader, user)?.map(|(email, ..)| email))
        })
        .await?
        .ok_or_else(problems::invalid_link)?;
    let password = fit(body.password, &email, "password")?;
    let new_hash = app.accounts.hash(password.into_string()).await?;
    app.db.write(ResetPassword { token, new_hash }).await?;
    no_content()
}
