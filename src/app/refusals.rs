//! Which refusals the audit log keeps: wrong passwords, what somebody signed in may not do, and what staff could not do.

use http::StatusCode;
use serde_json::Value;

use crate::features::audit::{Refusal, What};
use crate::http::Context;
use crate::http::context::Received;
use crate::kernel::{Actor, Email, Problem, Role};
use crate::security::Keys;

/// Problems that say that somebody did not get in, or did not prove anew who they are.
const FAILED_SIGN_INS: &[&str] = &["invalid_credentials", "too_many_attempts", "wrong_password", "wrong_code", "code_spent"];

/// What is kept of a refusal, if anything is.
pub(super) fn of(keys: &Keys, context: &Context, route: &str, problem: &Problem) -> Option<Refusal> {
    let what = what(keys, context, problem)?;
    Some(Refusal {
        what,
        origin: context.origin(),
        action: format!("{} {route}", context.method),
        path: context.path.chars().take(200).collect(),
        code: problem.kind.code,
    })
}

fn what(keys: &Keys, context: &Context, problem: &Problem) -> Option<What> {
    if FAILED_SIGN_INS.contains(&problem.kind.code) {
        return Some(What::FailedSignIn { tried: tried(keys, context) });
    }
    let actor = context.caller.actor();
    let status = StatusCode::from_u16(problem.kind.status).ok()?;
    let is_kept = match status {
        StatusCode::FORBIDDEN => matches!(actor, Actor::Account { .. }),
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => {
            matches!(actor.role(), Some(Role::Driver | Role::Staff | Role::Admin)) && !context.method.is_safe()
        }
        _ => false,
    };
    is_kept.then_some(What::Refused)
}

/// The address with which somebody tried to sign in, and what stands for it in the books.
fn tried(keys: &Keys, context: &Context) -> Option<(Email, Vec<u8>)> {
    let Received::Whole(body) = &context.received else { return None };
    let body: Value = serde_json::from_slice(body).ok()?;
    let email = Email::parse(body.get("email")?.as_str()?).ok()?;
    let fingerprint = keys.fingerprint(&[b"e-mail ", email.as_str().as_bytes()].concat());
    Some((email, fingerprint))
}
