//! What Paymob's answers mean, before anything of them is believed.

use http::StatusCode;
use serde_json::Value;

use super::super::lenient::{object_of, short, text_at};
use crate::features::payments::gateway::CallFault;
use crate::outbound::{Reply, is_unclear_status};

/// Which key a call is made with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Key {
    Secret,
    Api,
}

/// What a question found.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Asked {
    Found(Value),
    /// There is no such thing: nobody has tried to pay.
    Nothing,
}

pub(super) fn unreadable(what: &str) -> CallFault {
    CallFault::Unclear(format!("Paymob's answer cannot be read: {what}"))
}

/// The object of an answer that says that something was done.
pub(super) fn done(reply: &Reply, key: Key) -> Result<Value, CallFault> {
    if is_unclear_status(reply.status) {
        return Err(CallFault::Unclear(format!("Paymob answered {}", reply.status.as_u16())));
    }
    let name = match key {
        Key::Secret => "payments.paymob.secret_key",
        Key::Api => "payments.paymob.api_key",
    };
    let is_page = reply.body.trim_ascii_start().starts_with(b"<");
    if matches!(reply.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) && !is_page {
        return Err(CallFault::Misconfigured(format!("Paymob does not take {name}")));
    }
    let answer = object_of(reply).ok_or_else(|| unreadable("no JSON object"))?;
    if reply.status.is_success() {
        return Ok(answer);
    }
    if !reply.status.is_client_error() {
        return Err(unreadable("neither done nor refused"));
    }
    let said = said(&answer);
    if reply.status == StatusCode::NOT_FOUND && said.contains("Integration ID") {
        return Err(CallFault::Misconfigured("Paymob does not know one of payments.paymob.integration_ids".to_owned()));
    }
    let code = match (text_at(&answer, "code"), answer.as_object().and_then(|fields| fields.keys().next())) {
        (Some(code), _) => code,
        (None, Some(first)) if !["detail", "message"].contains(&first.as_str()) => first.clone(),
        _ => "refused".to_owned(),
    };
    Err(CallFault::Refused { code: short(&code), message: said })
}

/// As [`done`] for a question, which may find nothing.
pub(super) fn asked(reply: &Reply) -> Result<Asked, CallFault> {
    match done(reply, Key::Api) {
        Ok(answer) => Ok(Asked::Found(answer)),
        Err(CallFault::Refused { message, .. })
            if reply.status == StatusCode::NOT_FOUND || message.to_ascii_lowercase().contains("not found") =>
        {
            Ok(Asked::Nothing)
        }
        Err(fault) => Err(fault),
    }
}

/// A refused intention as it may be kept: their words could repeat what the customer wrote, so only the field's name is kept.
pub(super) fn without_details(fault: CallFault) -> CallFault {
    match fault {
        CallFault::Refused { code, .. } => {
            CallFault::Refused { message: format!("Paymob refused the intention: {code}"), code }
        }
        other => other,
    }
}

/// `detail`, `message`, or a map of fields to what is wrong with each, at any depth.
fn said(answer: &Value) -> String {
    let words = ["detail", "message"].iter().find_map(|name| text_at(answer, name));
    short(&words.unwrap_or_else(|| {
        let mut texts = Vec::new();
        gather(answer, "", &mut texts);
        texts.join("; ")
    }))
}

fn gather(value: &Value, name: &str, texts: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(field, value)| {
            let name = if name.is_empty() { field.clone() } else { format!("{name}.{field}") };
            gather(value, &name, texts);
        }),
        Value::Array(items) => items.iter().for_each(|item| gather(item, name, texts)),
        Value::String(text) => texts.push(if name.is_empty() { text.clone() } else { format!("{name}: {text}") }),
        _ => {}
    }
}
