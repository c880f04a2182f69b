//! Whether each answer is one that the OpenAPI document announces.

use std::collections::HashMap;

use reqwest::Method;
use serde_json::{Value, json};

use super::Reply;

/// What the document is asked about an answer.
pub struct Seen {
    method: String,
    path: String,
    status: u16,
    media_type: String,
    has_request_id: bool,
    text: String,
}

impl Seen {
    pub fn of(method: &Method, path: &str, reply: &Reply) -> Seen {
        Seen {
            method: method.as_str().to_ascii_lowercase(),
            path: path.split('?').next().unwrap_or(path).to_owned(),
            status: reply.status,
            media_type: reply.header("content-type").unwrap_or("").to_owned(),
            has_request_id: reply.header("x-request-id").is_some_and(|id| !id.is_empty()),
            text: reply.text.clone(),
        }
    }
}

/// The document's path that an address belongs to; one that spells a part out comes before one with a parameter.
fn route_of<'d>(document: &'d Value, path: &str) -> Option<&'d str> {
    let parts: Vec<&str> = path.split('/').collect();
    // Below /assets lie folders too.
    let parts = if parts.get(1) == Some(&"assets") && parts.len() > 3 { vec!["", "assets", "folder"] } else { parts };
    let fits = |template: &&String| {
        let theirs: Vec<&str> = template.split('/').collect();
        theirs.len() == parts.len()
            && theirs.iter().zip(&parts).all(|(their, our)| their == our || (their.starts_with('{') && !our.is_empty()))
    };
    let paths = document["paths"].as_object()?;
    paths.keys().filter(fits).min_by_key(|template| template.matches('{').count()).map(String::as_str)
}

/// What is wrong with the answers, a line each; the same fault of the same route once.
pub fn faults(document: &Value, seen: &[Seen]) -> Vec<String> {
    let mut validators = HashMap::new();
    let mut faults: Vec<String> = seen.iter().filter_map(|answer| fault_of(document, answer, &mut validators)).collect();
    faults.sort();
    faults.dedup();
    faults
}

type Validators = HashMap<(String, String, u16), jsonschema::Validator>;

fn fault_of(document: &Value, answer: &Seen, validators: &mut Validators) -> Option<String> {
    let Seen { method, path, status, .. } = answer;
    let fault = |what: String| Some(format!("{method} {path} -> {status}: {what}"));
    if !answer.has_request_id {
        return fault("no X-Request-Id".to_owned());
    }
    let route = route_of(document, path).unwrap_or("");
    let operation = &document["paths"][route][method];
    let (schema, media_type) = if operation.is_object() {
        let response = &operation["responses"][status.to_string()];
        if !response.is_object() {
            return fault(format!("{route} does not document this status"));
        }
        // One media type of several: that which was answered, or any, so that it is told to be another.
        let content = response["content"].as_object();
        let answered = answer.media_type.split(';').next().unwrap_or("");
        match content.and_then(|content| content.get_key_value(answered).or_else(|| content.iter().next())) {
            Some((media_type, content)) => (content["schema"].clone(), media_type.clone()),
            None if answer.text.is_empty() => return None,
            None => return fault(format!("{route} documents no body, but there is one: {}", answer.text)),
        }
    } else if matches!(status, 404 | 405) {
        (json!({ "$ref": "#/components/schemas/Problem" }), "application/problem+json".to_owned())
    } else {
        return fault("the document does not know this route".to_owned());
    };
    if answer.media_type.split(';').next() != Some(media_type.as_str()) {
        return fault(format!("{} instead of {media_type}", answer.media_type));
    }
    if method == "head" || !media_type.ends_with("json") {
        return None;
    }
    let Ok(body) = serde_json::from_str::<Value>(&answer.text) else {
        return fault(format!("the body is not JSON: {}", answer.text));
    };
    if *status >= 400 && body["status"] != json!(status) {
        return fault(format!("the problem says another status: {body}"));
    }
    let key = (route.to_owned(), method.clone(), *status);
    let validator = validators.entry(key).or_insert_with(|| {
        // References point into the document, so its components stand beside the schema.
        let whole = json!({ "components": document["components"], "allOf": [schema] });
        jsonschema::draft202012::new(&whole).unwrap_or_else(|error| panic!("{route} {status}: the schema is none: {error}"))
    });
    let wrong: Vec<String> =
        validator.iter_errors(&body).map(|error| format!("{} at {}", error, error.instance_path())).collect();
    if wrong.is_empty() { None } else { fault(format!("the body does not fit its schema: {}", wrong.join("; "))) }
}

#[test]
fn an_answer_that_the_document_does_not_announce_is_found() {
    let document = json!({
        "paths": { "/things/{id}": { "get": { "responses": {
            "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } } },
        } } } },
        "components": { "schemas": {
            "Thing": { "type": "object", "required": ["id"], "properties": { "id": { "type": "string" } } },
            "Problem": { "type": "object", "required": ["code"] },
        } },
    });
    let answer = |path: &str, status: u16, media_type: &str, text: &str| {
        let seen = Seen {
            method: "get".to_owned(),
            path: path.to_owned(),
            status,
            media_type: media_type.to_owned(),
            has_request_id: true,
            text: text.to_owned(),
        };
        faults(&document, &[seen]).len()
    };
    assert_eq!(answer("/things/1", 200, "application/json", r#"{"id":"1"}"#), 0);
    assert_eq!(answer("/things/1", 200, "application/json", r#"{"id":1}"#), 1);
    assert_eq!(answer("/things/1", 200, "text/plain", r#"{"id":"1"}"#), 1);
    assert_eq!(answer("/things/1", 202, "application/json", r#"{"id":"1"}"#), 1);
    assert_eq!(answer("/nothing", 200, "application/json", "{}"), 1);
    assert_eq!(answer("/nothing", 404, "application/problem+json", r#"{"code":"not_found","status":404}"#), 0);
    assert_eq!(answer("/nothing", 404, "application/problem+json", r#"{"status":404}"#), 1);
}
