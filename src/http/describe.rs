//! OpenAPI 3.1, written from the routes themselves.

use http::Method;
use serde_json::{Map, Value, json};

use super::{problem, session_cookie};
use crate::kernel::ProblemKind;

/// What is told of a route.
#[derive(Clone, Debug)]
pub struct Described {
    pub summary: &'static str,
    pub query: Option<Value>,
    pub body: Option<(&'static str, Value)>,
    pub responses: Vec<Responded>,
    pub refuses: Vec<&'static ProblemKind>,
    pub idempotent: bool,
    pub conditional: bool,
    pub order_token: bool,
    pub hands_a_session_over: bool,
}

/// One answer of a route.
#[derive(Clone, Debug)]
pub struct Responded {
    pub status: u16,
    pub description: &'static str,
    pub schema: Option<Value>,
    /// Of its body.
    pub media_types: &'static [&'static str],
}

/// The media type of nearly every answer.
pub const JSON: &[&str] = &["application/json"];

impl Described {
    #[must_use]
    pub fn new(summary: &'static str) -> Described {
        Described {
            summary,
            query: None,
            body: None,
            responses: Vec::new(),
            refuses: Vec::new(),
            idempotent: false,
            conditional: false,
            order_token: false,
            hands_a_session_over: false,
        }
    }
}

/// A route as the document needs it.
pub struct Operation<'a> {
    pub method: &'a Method,
    pub path: &'a str,
    pub tag: &'a str,
    /// Whether a bearer token is asked for.
    pub signed_in: bool,
    pub described: &'a Described,
    /// What the gate may say on this route.
    pub gate_refuses: Vec<&'static ProblemKind>,
}

/// The whole document.
#[must_use]
pub fn document(operations: &[Operation<'_>], schemas: Map<String, Value>) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let mut components = schemas;
    components.insert("Problem".to_owned(), problem::schema());
    for operation in operations {
        if let Some((name, schema)) = &operation.described.body {
            components.insert((*name).to_owned(), schema.clone());
        }
        let path = paths.entry(operation.path.replace("{*", "{")).or_insert_with(|| json!({}));
        path[operation.method.as_str().to_ascii_lowercase()] = operation_object(operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "EL-Bayader",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A bakery's back office: catalog, orders, stock. Times are RFC 3339 in UTC, days the shop's, amounts decimal strings.",
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                "cookie": { "type": "apiKey", "in": "cookie", "name": session_cookie::SECURE_NAME },
                "csrf": { "type": "apiKey", "in": "header", "name": "X-CSRF-Token" },
                "orderToken": { "type": "apiKey", "in": "header", "name": "X-Order-Token" },
            },
        },
    })
}

fn operation_object(operation: &Operation<'_>) -> Value {
    let described = operation.described;
    let mut object = json!({
        "operationId": operation_id(operation.method, operation.path),
        "summary": described.summary,
        "tags": [operation.tag],
        "responses": responses(operation),
    });
    let parameters = parameters(operation);
    if !parameters.is_empty() {
        object["parameters"] = Value::Array(parameters);
    }
    if let Some((name, _)) = &described.body {
        object["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": { "$ref": format!("#/components/schemas/{name}") } } },
        });
    }
    let cookie = if operation.method.is_safe() { json!({ "cookie": [] }) } else { json!({ "cookie": [], "csrf": [] }) };
    object["security"] = match (operation.signed_in, described.order_token) {
        (_, true) => json!([{ "bearer": [] }, cookie, { "orderToken": [] }]),
        (true, false) => json!([{ "bearer": [] }, cookie]),
        (false, false) => json!([{}, { "bearer": [] }, cookie]),
    };
    object
}

/// `put_orders_id_status` for `PUT /api/v1/orders/{id}/status`.
fn operation_id(method: &Method, path: &str) -> String {
    let words = path.trim_start_matches("/api/v1").split(['/', '{', '}', '-', '*', '.']).filter(|word| !word.is_empty());
    std::iter::once(method.as_str().to_ascii_lowercase().as_str()).chain(words).collect::<Vec<_>>().join("_")
}

fn parameters(operation: &Operation<'_>) -> Vec<Value> {
    let described = operation.described;
    let mut parameters = Vec::new();
    for name in operation
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| name.trim_start_matches('*'))
    {
        parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
    }
    if let Some(query) = &described.query {
        let required: Vec<&str> = query["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, schema) in query["properties"].as_object().into_iter().flatten() {
            parameters
                .push(json!({ "name": name, "in": "query", "required": required.contains(&name.as_str()), "schema": schema }));
        }
    }
    let mut header = |name: &str, schema: Value| {
        parameters.push(json!({ "name": name, "in": "header", "required": false, "schema": schema }));
    };
    if described.idempotent {
        header("Idempotency-Key", json!({ "type": "string", "minLength": 16, "maxLength": 128, "pattern": "^[!-~]+$" }));
    }
    if described.hands_a_session_over {
        header("X-Session", json!({ "type": "string", "enum": ["cookie"] }));
    }
    if described.conditional {
        header("If-Match", json!({ "type": "string" }));
    }
    parameters
}

fn responses(operation: &Operation<'_>) -> Value {
    let mut responses: Map<String, Value> = Map::new();
    for responded in &operation.described.responses {
        let mut response = json!({ "description": responded.description });
        if let Some(schema) = &responded.schema {
            let content =
                responded.media_types.iter().map(|media_type| ((*media_type).to_owned(), json!({ "schema": schema })));
            response["content"] = Value::Object(content.collect());
        }
        responses.insert(responded.status.to_string(), response);
    }
    if *operation.method == Method::GET && responses.contains_key("200") {
        responses.insert("304".to_owned(), json!({ "description": "What `If-None-Match` names is current" }));
    }
    let mut refusals: Vec<&ProblemKind> = operation.gate_refuses.iter().chain(&operation.described.refuses).copied().collect();
    refusals.sort_by_key(|kind| (kind.status, kind.code));
    refusals.dedup();
    for group in refusals.chunk_by(|one, next| one.status == next.status) {
        let Some(first) = group.first() else { continue };
        let codes: Vec<&str> = group.iter().map(|kind| kind.code).collect();
        let told: Vec<String> = group.iter().map(|kind| format!("`{}`: {}", kind.code, kind.title_en)).collect();
        responses.insert(
            first.status.to_string(),
            json!({
                "description": told.join("; "),
                "content": { "application/problem+json": { "schema": { "allOf": [
                    { "$ref": "#/components/schemas/Problem" },
                    { "type": "object", "properties": { "code": { "type": "string", "enum": codes } } },
                ] } } },
            }),
        );
    }
    Value::Object(responses)
}
