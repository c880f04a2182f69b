//! What handlers take: the id in the path, the query, the body. Each refuses with every fault it finds.

use axum::extract::{FromRequestParts, RawPathParams};
use bytes::Bytes;
use http::request::Parts;
use serde_json::{Map, Value};

use super::context::Received;
use super::input::{Input, read_input};
use super::problem::not_found;
use super::twins;
use super::{Context, card_guard};
use crate::kernel::problem::{FieldFault, kinds};
use crate::kernel::{
    CampaignId, CartItemId, CategoryId, Error, Fault, ImageId, JobId, NotificationId, OrderId, PaymentId, Problem, ProductId,
    SessionId, UserId,
};

fn context(parts: &Parts) -> Result<&Context, Error> {
    parts.extensions.get::<Context>().ok_or_else(|| Fault::because("a handler runs behind the front").into())
}

impl<S: Send + Sync> FromRequestParts<S> for Context {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        context(parts).cloned()
    }
}

/// An id in a path.
pub trait PathId: Sized + Send {
    /// `None` for what can be no id, which is answered with 404.
    fn from_path(text: &str) -> Option<Self>;
}

macro_rules! path_ids {
    ($($name:ident),+) => {$(
        impl PathId for $name {
            fn from_path(text: &str) -> Option<Self> {
                $name::parse(text)
            }
        }
    )+};
}
path_ids!(CampaignId, CartItemId, CategoryId, ImageId, JobId, NotificationId, OrderId, PaymentId, ProductId, SessionId, UserId);

impl PathId for String {
    fn from_path(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

/// The first parameter of the path.
#[derive(Clone, Copy, Debug)]
pub struct Id<T>(pub T);

impl<T: PathId, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| not_found())?;
        let first = params.iter().next().and_then(|(_, value)| T::from_path(value));
        first.map(Id).ok_or_else(not_found)
    }
}

/// The query, every parameter known.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: Input, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let context = context(parts)?;
        let (object, mut faults) = query_object(context);
        match read_input::<T>(&object, &context.shop, context.caller.actor()) {
            Ok(read) if faults.is_empty() => Ok(Query(read)),
            Ok(_) => Err(Problem::fields(faults).into()),
            Err(more) => {
                faults.extend(more);
                Err(Problem::fields(faults).into())
            }
        }
    }
}

/// The query's pairs as an object of texts; a parameter given twice is a fault.
fn query_object(context: &Context) -> (Map<String, Value>, Vec<FieldFault>) {
    pairs(context.query.as_deref().unwrap_or("").as_bytes())
}

fn pairs(encoded: &[u8]) -> (Map<String, Value>, Vec<FieldFault>) {
    let mut object = Map::new();
    let mut faults = Vec::new();
    for (name, value) in form_urlencoded::parse(encoded) {
        if object.insert(name.to_string(), Value::String(value.into_owned())).is_some() {
            let field: String = name.chars().take(100).collect();
            faults.push(FieldFault { field, code: "duplicate", message: "is given twice".to_owned() });
        }
    }
    (object, faults)
}

/// What a form on a page of the shop sends, every field known.
#[derive(Debug)]
pub struct Form<T>(pub T);

impl<T: Input, S: Send + Sync> FromRequestParts<S> for Form<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let context = context(parts)?;
        let Received::Whole(bytes) = &context.received else {
            return Err(Fault::because("the gate lets only whole bodies in").into());
        };
        let (object, mut faults) = pairs(bytes);
        match read_input::<T>(&object, &context.shop, context.caller.actor()) {
            Ok(read) if faults.is_empty() => Ok(Form(read)),
            Ok(_) => Err(Problem::fields(faults).into()),
            Err(more) => {
                faults.extend(more);
                Err(Problem::fields(faults).into())
            }
        }
    }
}

/// The JSON body, read and checked: 400 if it is no JSON, 422 `card_data_refused`, 422 with every fault of its fields.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: Input, S: Send + Sync> FromRequestParts<S> for Body<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let context = context(parts)?;
        let value = parse_body(context)?;
        if card_guard::carries_card_number(&value) {
            return Err(Problem::of(&kinds::CARD_DATA_REFUSED)
                .detail("The body holds what looks like a card number. Nothing was kept of it. Card payments go through the payment provider's own page.")
                .into());
        }
        let (query, mut faults) = query_object(context);
        faults.extend(query.keys().map(|name| unknown_parameter(name)));
        let Value::Object(object) = value else {
            faults.push(FieldFault {
                field: String::new(),
                code: "invalid_type",
                message: "the body must be an object".to_owned(),
            });
            return Err(Problem::fields(faults).into());
        };
        match read_input::<T>(&object, &context.shop, context.caller.actor()) {
            Ok(read) if faults.is_empty() => Ok(Body(read)),
            Ok(_) => Err(Problem::fields(faults).into()),
            Err(mut more) => {
                more.extend(faults);
                Err(Problem::fields(more).into())
            }
        }
    }
}

/// The body byte for byte, of a route that takes raw ones.
#[derive(Clone, Debug)]
pub struct Raw(pub Bytes);

impl<S: Send + Sync> FromRequestParts<S> for Raw {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        match &context(parts)?.received {
            Received::Whole(bytes) => Ok(Raw(bytes.clone())),
            _ => Err(Fault::because("the gate lets only whole bodies in").into()),
        }
    }
}

fn parse_body(context: &Context) -> Result<Value, Error> {
    let Received::Whole(bytes) = &context.received else {
        return Err(Fault::because("the gate lets only whole bodies in").into());
    };
    if bytes.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let value = serde_json::from_slice(bytes).map_err(|error| {
        Problem::of(&kinds::BAD_JSON).detail(format!("The body is not JSON: line {}, column {}.", error.line(), error.column()))
    })?;
    match twins::find(bytes) {
        None => Ok(value),
        Some(told) => Err(Problem::of(&kinds::BAD_JSON).detail(format!("{told}. Leave one out.")).into()),
    }
}

/// A fault for a query parameter that the route does not know.
pub(super) fn unknown_parameter(name: &str) -> FieldFault {
    let field: String = name.chars().take(100).collect();
    FieldFault { field, code: "unknown_parameter", message: "is no parameter of this address".to_owned() }
}

/// For routes that take no parameter: refuses every one.
pub(super) fn refuse_query(context: &Context) -> Result<(), Error> {
    let (object, _) = query_object(context);
    if object.is_empty() {
        return Ok(());
    }
    Err(Problem::fields(object.keys().map(|name| unknown_parameter(name)).collect()).into())
}

/// No body, or an empty object: what DELETE and logout take.
#[derive(Debug)]
pub struct Empty;

impl Input for Empty {
    const NAME: &'static str = "Empty";

    fn read(_: &mut super::Fields<'_, '_>) -> Option<Self> {
        Some(Empty)
    }
}
