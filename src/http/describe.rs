//! OpenAPI 3.1, written from the routes themselves.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Map, Value, json};

use super::link::{Link, operation_id};
use super::multipart::MULTIPART;
use super::shape::Shape;
use super::{problem, refusal_page, session_cookie};
use crate::kernel::{Problem, ProblemKind, Role};

/// What is told of a route.
#[derive(Clone, Debug)]
pub struct Described {
    pub summary: &'static str,
    /// In Markdown; empty if nobody has said more.
    pub description: &'static str,
    /// What the route says of its parameters, beside what [`PARAMETERS`] says of theirs.
    pub parameters: BTreeMap<&'static str, &'static str>,
    /// Path parameters that are no id.
    pub words: Vec<&'static str>,
    pub query: Option<Value>,
    pub body: Option<(&'static str, Value)>,
    /// What is taken as it comes, where that is no shape of ours.
    pub raw_body: Option<&'static str>,
    /// The parts of an upload, a schema each.
    pub upload: Option<Value>,
    pub examples: Vec<(&'static str, Value)>,
    pub responses: Vec<Responded>,
    pub refuses: Vec<&'static ProblemKind>,
    pub links: Vec<Link>,
    pub idempotent: bool,
    pub conditional: bool,
    pub tagged: bool,
    pub order_token: bool,
    pub cart_token: bool,
    pub hands_a_session_over: bool,
}

/// One answer of a route.
#[derive(Clone, Debug)]
pub struct Responded {
    pub status: u16,
    pub description: &'static str,
    pub shape: Option<Shape>,
    /// Of its body.
    pub media_types: &'static [&'static str],
}

/// The media type of nearly every answer.
pub const JSON: &[&str] = &["application/json"];
/// The media type of what a form on a page sends.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// A parameter means the same wherever it stands, unless its route says otherwise.
pub const PARAMETERS: &[(&str, &str)] = &[
    ("category", "Slug of a category."),
    ("cursor", "`nextCursor` of the page before, for the page after it, however deep. Not with `page`."),
    ("customer_id", "Orders of this account. For staff."),
    ("day", "Orders due on this day of the shop."),
    ("from", "From this time on, or from the beginning of this day of the shop."),
    ("fulfilment", "How it reaches the customer."),
    ("id", "Its id."),
    ("imageId", "Id of a picture."),
    ("in_stock", "Only what can be sold now, or only what cannot."),
    ("is_active", "Only what is on sale, or only what is hidden. For staff; the public sees what is on sale."),
    ("lang", "Language of the page; without it `Accept-Language` decides."),
    ("key", "The link's own key."),
    ("k", "The key of this way back; it opens that payment's order alone."),
    ("limit", "Entries, at most."),
    ("low", "Only what has reached its threshold, or only what has not."),
    ("page", "Number of the page, from 1. `page × per_page` reaches entry 10,000; go further with `cursor`."),
    ("path", "Path of the file."),
    ("payment_method", "How it is paid."),
    ("payment_status", "How far it is paid."),
    ("per_page", "Entries a page, 20 unless said."),
    ("price_max", "At most this price."),
    ("price_min", "At least this price."),
    ("productId", "Id of the product."),
    ("product_id", "Id of a product."),
    ("reason", "Why the stock changed."),
    ("status", "Only those in this state."),
    ("to", "Before this time, or to the end of this day of the shop."),
    ("token", "The order's own token, as it stands in links of messages. Programs send it as `X-Order-Token`."),
    ("tx", "Id of the payment."),
    ("until", "The week with which the link ends."),
    ("updated_since", "Only what has changed since."),
];

impl Described {
    #[must_use]
    pub fn new(summary: &'static str) -> Described {
        Described {
            summary: summary.trim_end_matches('.'),
            description: "",
            parameters: BTreeMap::new(),
            words: Vec::new(),
            query: None,
            body: None,
            raw_body: None,
            upload: None,
            examples: Vec::new(),
            responses: Vec::new(),
            refuses: Vec::new(),
            links: Vec::new(),
            idempotent: false,
            conditional: false,
            tagged: false,
            order_token: false,
            cart_token: false,
            hands_a_session_over: false,
        }
    }
}

/// A group of operations.
#[derive(Clone, Copy, Debug)]
pub struct Tag {
    pub name: &'static str,
    pub description: &'static str,
    /// The first parts of paths that belong to it, behind `/api/v1` where that stands.
    pub parts: &'static [&'static str],
}

/// A route as the document needs it.
pub struct Operation<'a> {
    pub method: &'a Method,
    pub path: &'a str,
    pub tag: &'a str,
    /// Whether a bearer token is asked for.
    pub signed_in: bool,
    /// Whether a bearer token is looked at.
    pub reads_bearer: bool,
    /// The roles that may use it; empty where the role does not matter.
    pub roles: &'a [Role],
    /// Whether each request is counted.
    pub limited: bool,
    pub described: &'a Described,
    /// What the gate may say on this route.
    pub gate_refuses: Vec<&'static ProblemKind>,
}

const DESCRIPTION: &str = "A bakery's back office: catalog, stock, orders, accounts.\n\n\
    Times are RFC 3339 in UTC, days are the shop's, amounts are decimal strings in the shop's currency, ids are UUIDv7. A field that is \
    unknown is refused; an optional one that is `null` counts as left out.\n\n\
    Every refusal is `application/problem+json` with a stable `code`; [the page of codes](/api/v1/docs/errors) says what each means and \
    what to do. To create or move something exactly once, send an `Idempotency-Key` and repeat the request with the same key until it is \
    answered. Lists go on while `meta.nextCursor` is there: send it as `cursor`.\n\n\
    A walk through it with `curl` is `docs/api.md`.";

/// The whole document.
#[must_use]
pub fn document(tags: &[Tag], operations: &[Operation<'_>]) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let (mut schemas, mut refusals) = (Map::new(), Map::new());
    schemas.insert("Problem".to_owned(), problem::schema());
    for operation in operations {
        if let Some((name, schema)) = &operation.described.body {
            schemas.insert((*name).to_owned(), schema.clone());
        }
        for shape in operation.described.responses.iter().filter_map(|responded| responded.shape.as_ref()) {
            shape.define(&mut schemas);
        }
        let path = paths.entry(operation.path.replace("{*", "{")).or_insert_with(|| json!({}));
        path[operation.method.as_str().to_ascii_lowercase()] = operation_object(operation, &mut refusals);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "EL-Bayader",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "/", "description": "This shop" }],
        "tags": tags.iter().map(|tag| json!({ "name": tag.name, "description": tag.description })).collect::<Value>(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": refusals,
            "parameters": parameter_components(),
            "headers": header_components(),
            "securitySchemes": {
                "bearer": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "`token` of signing in. It counts for `expiresIn` seconds; then get the next at `/api/v1/auth/refresh`.",
                },
                "cookie": {
                    "type": "apiKey", "in": "cookie", "name": session_cookie::SECURE_NAME,
                    "description": "The session of a page in a browser, by `X-Session: cookie` at signing in. What changes something needs `X-CSRF-Token` too. Over plain HTTP the name is without `__Host-`.",
                },
                "csrf": {
                    "type": "apiKey", "in": "header", "name": "X-CSRF-Token",
                    "description": "`csrfToken` of signing in or of `/api/v1/auth/me`, beside the cookie.",
                },
                "orderToken": {
                    "type": "apiKey", "in": "header", "name": "X-Order-Token",
                    "description": "`accessToken` of an order that a guest has placed: it reads and cancels that order.",
                },
                "cartToken": {
                    "type": "apiKey", "in": "header", "name": "X-Cart-Token",
                    "description": "`token` of a cart: it opens that cart. Browsers may send it as the cookie `bayader_cart` instead.",
                },
            },
        },
    })
}

fn parameter_components() -> Value {
    let header = |name: &str, description: &str, schema: Value| json!({ "name": name, "in": "header", "description": description, "required": false, "schema": schema });
    json!({
        "AcceptLanguage": header("Accept-Language", "`en` or `ar`: the language of names and of what errors say. Without it the shop's.", json!({ "type": "string", "example": "ar" })),
        "RequestId": header("X-Request-Id", "Your name for this request, 1 to 64 of `A-Za-z0-9._-`; the log has it. Anything else is replaced.", json!({ "type": "string", "example": "till-3.0042" })),
        "IfNoneMatch": header("If-None-Match", "`ETag` of the answer you have: 304 without a body if it is current.", json!({ "type": "string", "example": "\"3.9f86d081884c7d65\"" })),
        "IfMatch": header("If-Match", "`ETag` of what you have read: 412 if it has changed meanwhile.", json!({ "type": "string", "pattern": "^(\\*|\"[0-9]{1,18}\\.[0-9a-f]{16}\")$", "example": "\"3.9f86d081884c7d65\"" })),
        "Session": header("X-Session", "`cookie`: hand the session over as an httpOnly cookie instead of tokens.", json!({ "type": "string", "enum": ["cookie"] })),
        "IdempotencyKey": header("Idempotency-Key", "A text of your own for this request. Sent again with it within 24 hours, the same request happens once and gets the first answer.", json!({ "type": "string", "minLength": 16, "maxLength": 128, "pattern": "^[!-~]{16,128}$", "example": "order-7f3a1c52-0001" })),
    })
}

fn header_components() -> Value {
    let header = |description: &str, required: bool, schema: Value| json!({ "description": description, "required": required, "schema": schema });
    let text = || json!({ "type": "string" });
    json!({
        "RequestId": header("The request's name: yours, or ours.", true, json!({ "type": "string", "minLength": 1, "maxLength": 64 })),
        "ETag": header("Version and hash of this answer, for `If-None-Match` and `If-Match`.", true, json!({ "type": "string", "pattern": "^\"[0-9]+\\.[0-9a-f]{16}\"$" })),
        "Location": header("Where the new thing is.", true, json!({ "type": "string", "pattern": "^/api/v1/" })),
        "LocationBucket": header("Where the bucket gives it; signed, and good for some days.", true, json!({ "type": "string", "format": "uri" })),
        "LocationPage": header("Where the browser goes on.", true, json!({ "type": "string" })),
        "IdempotencyReplayed": header("`true` if this is the answer of an earlier request with this key.", false, json!({ "type": "string", "enum": ["true"] })),
        "RetryAfter": header("Seconds to wait before the next try; there with 429 unless waiting does not help.", false, json!({ "type": "integer", "minimum": 0 })),
        "RateLimit": header("What is left in the caller's bucket: so many requests (`r`), and the seconds in which it is full again (`t`). Not there where the keeper counts nobody.", false, json!({ "type": "string", "pattern": "^\"(public|signed_in)\";r=[0-9]+;t=[0-9]+$", "example": "\"public\";r=59;t=1" })),
        "RateLimitPolicy": header("The size of the caller's bucket: so many requests at once (`q`), which flow back in so many seconds (`w`). `public`: counted by network address; `signed_in`: by account.", false, json!({ "type": "string", "pattern": "^\"(public|signed_in)\";q=[0-9]+;w=[0-9]+$", "example": "\"public\";q=60;w=30" })),
        "WWWAuthenticate": header("The scheme of credentials that counts here.", true, text()),
    })
}

fn operation_object(operation: &Operation<'_>, shared: &mut Map<String, Value>) -> Value {
    let described = operation.described;
    let mut object = json!({
        "operationId": operation_id(&format!("{} {}", operation.method, operation.path)),
        "summary": described.summary,
        "description": described.description,
        "tags": [operation.tag],
        "parameters": parameters(operation),
        "responses": responses(operation, shared),
    });
    if !operation.roles.is_empty() {
        object["x-roles"] = operation.roles.iter().map(|role| role.code()).collect();
    }
    if let Some((name, schema)) = &described.body {
        let mut content = json!({ "schema": { "$ref": format!("#/components/schemas/{name}") } });
        let examples = described.examples.iter().map(|(summary, value)| {
            let name: String = summary.to_lowercase().split_whitespace().collect::<Vec<_>>().join("-");
            (name, json!({ "summary": summary, "value": value }))
        });
        let examples: Map<String, Value> = examples.collect();
        if !examples.is_empty() {
            content["examples"] = Value::Object(examples);
        }
        // No body is read as an empty object, which is enough where nothing is required.
        let required = schema["required"].as_array().is_some_and(|required| !required.is_empty());
        let media_type = if refusal_page::is_for_people(operation.path) { FORM } else { "application/json" };
        object["requestBody"] = json!({ "required": required, "content": { media_type: content } });
    }
    if let Some(description) = described.raw_body {
        object["requestBody"] = json!({
            "description": description,
            "required": true,
            "content": { "application/json": { "schema": { "type": "object", "description": "As its sender documents it." } } },
        });
    }
    if let Some(parts) = &described.upload {
        object["requestBody"] = json!({ "required": true, "content": { MULTIPART: { "schema": parts } } });
    }
    let cookie = if operation.method.is_safe() { json!({ "cookie": [] }) } else { json!({ "cookie": [], "csrf": [] }) };
    object["security"] = match (operation.signed_in, described.order_token) {
        (true, true) => json!([{ "bearer": [] }, cookie, { "orderToken": [] }]),
        (false, true) => json!([{}, { "bearer": [] }, cookie, { "orderToken": [] }]),
        (true, false) => json!([{ "bearer": [] }, cookie]),
        (false, false) if operation.reads_bearer => json!([{}, { "bearer": [] }, cookie]),
        (false, false) => json!([]),
    };
    if let (true, Some(ways)) = (described.cart_token, object["security"].as_array_mut()) {
        // A cart's token may always be left out.
        if ways.is_empty() {
            ways.push(json!({}));
        }
        ways.push(json!({ "cartToken": [] }));
    }
    object
}

fn told(described: &Described, name: &str) -> &'static str {
    let own = described.parameters.get(name).copied();
    own.or_else(|| PARAMETERS.iter().find(|(known, _)| *known == name).map(|(_, told)| *told)).unwrap_or("")
}

fn parameters(operation: &Operation<'_>) -> Vec<Value> {
    let described = operation.described;
    let mut parameters = Vec::new();
    let names = operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    for name in names {
        let (schema, name) = match name.strip_prefix('*') {
            Some(name) => (json!({ "type": "string", "minLength": 1 }), name),
            None if described.words.contains(&name) => (json!({ "type": "string", "minLength": 1, "maxLength": 200 }), name),
            None => (json!({ "type": "string", "format": "uuid" }), name),
        };
        parameters.push(
            json!({ "name": name, "in": "path", "description": told(described, name), "required": true, "schema": schema }),
        );
    }
    if let Some(query) = &described.query {
        let required: Vec<&str> = query["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, schema) in query["properties"].as_object().into_iter().flatten() {
            let required = required.contains(&name.as_str());
            let description = Some(told(described, name)).filter(|told| !told.is_empty());
            let description = description.map_or_else(|| schema["description"].clone(), Value::from);
            parameters.push(
                json!({ "name": name, "in": "query", "description": description, "required": required, "schema": schema }),
            );
        }
    }
    let mut shared = |name: &str| parameters.push(json!({ "$ref": format!("#/components/parameters/{name}") }));
    if described.idempotent {
        shared("IdempotencyKey");
    }
    if described.hands_a_session_over {
        shared("Session");
    }
    if described.conditional {
        shared("IfMatch");
    }
    if described.tagged && *operation.method == Method::GET {
        shared("IfNoneMatch");
    }
    shared("AcceptLanguage");
    shared("RequestId");
    parameters
}

fn headers(names: &[&str]) -> Value {
    let header = |name: &&str| {
        let component: String = if *name == "X-Request-Id" { "RequestId".to_owned() } else { name.replace('-', "") };
        let name = name.trim_end_matches("-Page").trim_end_matches("-Bucket");
        (name.to_owned(), json!({ "$ref": format!("#/components/headers/{component}") }))
    };
    Value::Object(names.iter().map(header).collect())
}

/// What an answer says of the caller's limit.
const RATE_LIMITS: [&str; 2] = ["RateLimit", "RateLimit-Policy"];

fn responses(operation: &Operation<'_>, shared: &mut Map<String, Value>) -> Value {
    let described = operation.described;
    let mut responses: Map<String, Value> = Map::new();
    for responded in &described.responses {
        let mut named = vec!["X-Request-Id"];
        if operation.limited {
            named.extend(RATE_LIMITS);
        }
        if described.tagged && matches!(responded.status, 200 | 201 | 206 | 304) {
            named.push("ETag");
        }
        match responded.status {
            201 => named.push("Location"),
            302 => named.push("Location-Bucket"),
            303 => named.push("Location-Page"),
            _ => {}
        }
        if described.idempotent && responded.status < 300 {
            named.push("Idempotency-Replayed");
        }
        let mut response = json!({ "description": responded.description, "headers": headers(&named) });
        if let Some(shape) = &responded.shape {
            let mut content = json!({ "schema": shape.schema() });
            if let Some(example) = &shape.example {
                content["example"] = example.clone();
            }
            let media_types = responded.media_types.iter().map(|media_type| ((*media_type).to_owned(), content.clone()));
            response["content"] = Value::Object(media_types.collect());
            if responded.status < 300 && !described.links.is_empty() {
                let links = described.links.iter().map(|link| (link.name.to_owned(), link.object()));
                response["links"] = Value::Object(links.collect());
            }
        }
        responses.insert(responded.status.to_string(), response);
    }
    if described.tagged && *operation.method == Method::GET {
        let mut named = vec!["X-Request-Id", "ETag"];
        if operation.limited {
            named.extend(RATE_LIMITS);
        }
        let headers = headers(&named);
        responses
            .insert("304".to_owned(), json!({ "description": "What `If-None-Match` names is current", "headers": headers }));
    }
    for (status, kinds) in refusals(operation) {
        if refusal_page::is_for_people(operation.path) {
            responses.insert(status.to_string(), refusal_as_page(status, &kinds));
            continue;
        }
        let name = refusal_name(status, &kinds);
        responses.insert(status.to_string(), json!({ "$ref": format!("#/components/responses/{name}") }));
        shared.entry(name).or_insert_with(|| refusal(status, &kinds));
    }
    Value::Object(responses)
}

/// Every kind that an operation may refuse with, by status.
#[must_use]
pub fn refusals(operation: &Operation<'_>) -> BTreeMap<u16, Vec<&'static ProblemKind>> {
    let mut by_status: BTreeMap<u16, Vec<&'static ProblemKind>> = BTreeMap::new();
    for kind in operation.gate_refuses.iter().chain(&operation.described.refuses).copied() {
        let kinds = by_status.entry(kind.status).or_default();
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    for kinds in by_status.values_mut() {
        kinds.sort_by_key(|kind| kind.code);
    }
    by_status
}

/// Routes that refuse alike share one response, named by its status and codes.
fn refusal_name(status: u16, kinds: &[&'static ProblemKind]) -> String {
    let codes: Vec<&str> = kinds.iter().map(|kind| kind.code).collect();
    format!("{status}.{}", codes.join("."))
}

/// A refusal that a person reads, in their language.
fn refusal_as_page(status: u16, kinds: &[&'static ProblemKind]) -> Value {
    json!({
        "description": refusal_told(kinds),
        "headers": headers(&refusal_headers(status)),
        "content": { "text/html": { "schema": { "type": "string" } } },
    })
}

fn refusal_told(kinds: &[&'static ProblemKind]) -> String {
    let told: Vec<String> = kinds.iter().map(|kind| format!("`{}`: {}", kind.code, kind.title_en)).collect();
    told.join("; ")
}

fn refusal_headers(status: u16) -> Vec<&'static str> {
    let mut named = vec!["X-Request-Id"];
    named.extend(RATE_LIMITS);
    match status {
        401 => named.push("WWW-Authenticate"),
        409 | 429 | 503 => named.push("Retry-After"),
        _ => {}
    }
    named
}

fn refusal(status: u16, kinds: &[&'static ProblemKind]) -> Value {
    let codes: Vec<&str> = kinds.iter().map(|kind| kind.code).collect();
    let mut properties = Map::from_iter([("code".to_owned(), json!({ "type": "string", "enum": codes }))]);
    for fact in kinds.iter().flat_map(|kind| kind.facts) {
        properties.insert((*fact).to_owned(), problem::fact_schema(fact));
    }
    let example = kinds.first().map(|kind| problem::body_of(&Problem::of(kind), "5f2b6c1e9d", crate::kernel::Locale::En));
    json!({
        "description": refusal_told(kinds),
        "headers": headers(&refusal_headers(status)),
        "content": { "application/problem+json": {
            "schema": {
                "type": "object",
                "allOf": [{ "$ref": "#/components/schemas/Problem" }, { "type": "object", "properties": properties }],
                "unevaluatedProperties": false,
            },
            "example": example,
        } },
    })
}
