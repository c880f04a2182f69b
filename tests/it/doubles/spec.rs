//! Whether a request or an answer is one that a provider's published document knows (`tests/specs/README.md`).

use std::collections::HashMap;
use std::sync::Mutex;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// A published document, with the fields that are newer than it.
pub struct Spec {
    document: Value,
    /// A path's template, and a field or query parameter of it that we send or read knowingly: `("/v1/checkout/sessions", "locale")`.
    beside: &'static [(&'static str, &'static str)],
    validators: Mutex<HashMap<String, Validator>>,
}

impl Spec {
    /// A file of `tests/specs`.
    pub fn of(file: &str, beside: &'static [(&'static str, &'static str)]) -> Spec {
        let path = format!("{}/tests/specs/{file}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).expect("a published document");
        Spec { document: serde_json::from_str(&text).expect("JSON"), beside, validators: Mutex::default() }
    }

    /// What is wrong with a request whose body is JSON, a line each.
    pub fn json_faults(&self, method: &str, path: &str, query: &str, body: Option<&Value>) -> Vec<String> {
        let Some((template, operation)) = self.operation(method, path) else {
            return vec![format!("{method} {path}: the document knows no such operation")];
        };
        let mut faults = self.query_faults(&template, method, operation, query);
        let pointer = pointer(&template, method, "requestBody/content/application~1json/schema");
        match body {
            Some(body) if self.document.pointer(&pointer).is_some() => {
                faults.extend(self.schema_faults(&template, method, &pointer, body.clone()));
            }
            Some(body) if body.as_object().is_some_and(|fields| !fields.is_empty()) => {
                faults.push(format!("{method} {template}: takes no body"));
            }
            None if operation.pointer("/requestBody/required") == Some(&Value::Bool(true)) => {
                faults.push(format!("{method} {template}: a body is missing"));
            }
            _ => {}
        }
        faults
    }

    /// What is wrong with a request whose body is a form, a line each.
    pub fn form_faults(&self, method: &str, path: &str, query: &str, form: &str) -> Vec<String> {
        let Some((template, operation)) = self.operation(method, path) else {
            return vec![format!("{method} {path}: the document knows no such operation")];
        };
        let mut faults = self.query_faults(&template, method, operation, query);
        let pointer = pointer(&template, method, "requestBody/content/application~1x-www-form-urlencoded/schema");
        if let Some(schema) = self.document.pointer(&pointer) {
            let body = self.typed(form_value(form), schema);
            faults.extend(self.schema_faults(&template, method, &pointer, body));
        } else if !form.is_empty() {
            faults.push(format!("{method} {template}: takes no body"));
        }
        faults
    }

    /// What is wrong with an answer, a line each.
    pub fn answer_faults(&self, method: &str, path: &str, status: u16, body: &Value) -> Vec<String> {
        let Some((template, _)) = self.operation(method, path) else {
            return vec![format!("{method} {path}: the document knows no such operation")];
        };
        let pointer = pointer(&template, method, &format!("responses/{status}/content/application~1json/schema"));
        if self.document.pointer(&pointer).is_none() {
            return vec![format!("{method} {template}: the document knows no answer {status}")];
        }
        self.schema_faults(&template, method, &pointer, body.clone())
    }

    /// The operation of a path, by its template.
    fn operation(&self, method: &str, path: &str) -> Option<(String, &Value)> {
        let parts: Vec<&str> = path.split('/').collect();
        let fits = |template: &&String| {
            let theirs: Vec<&str> = template.split('/').collect();
            theirs.len() == parts.len()
                && theirs.iter().zip(&parts).all(|(their, our)| their == our || (their.starts_with('{') && !our.is_empty()))
        };
        let paths = self.document["paths"].as_object()?;
        let template = paths.keys().filter(fits).min_by_key(|template| template.matches('{').count())?;
        Some((template.clone(), paths[template].get(method.to_ascii_lowercase())?))
    }

    fn query_faults(&self, template: &str, method: &str, operation: &Value, query: &str) -> Vec<String> {
        let Value::Object(fields) = form_value(query) else { return Vec::new() };
        let none = Vec::new();
        let known = operation["parameters"].as_array().unwrap_or(&none);
        let mut faults = Vec::new();
        for (name, value) in fields {
            let is_it = |parameter: &Value| parameter["in"] == "query" && parameter["name"] == name.as_str();
            let index = known.iter().position(is_it);
            match index {
                Some(index) => {
                    let pointer = pointer(template, method, &format!("parameters/{index}/schema"));
                    let value = self.typed(value, &known[index]["schema"]);
                    faults.extend(self.schema_faults(template, method, &pointer, value));
                }
                None if self.beside.contains(&(template, &name)) => {}
                None => faults.push(format!("{method} {template}: unknown parameter {name}")),
            }
        }
        faults
    }

    fn schema_faults(&self, template: &str, method: &str, pointer: &str, mut body: Value) -> Vec<String> {
        if let Some(fields) = body.as_object_mut() {
            fields.retain(|name, _| !self.beside.contains(&(template, name.as_str())));
        }
        let mut validators = self.validators.lock().expect("nobody panics with it");
        let validator = validators.entry(pointer.to_owned()).or_insert_with(|| {
            let schema = json!({
                "$ref": format!("#{}", pointer.replace('{', "%7B").replace('}', "%7D")),
                "paths": self.document["paths"],
                "components": self.document["components"],
            });
            jsonschema::draft202012::new(&schema).expect("a published schema is a schema")
        });
        let fault =
            |error: jsonschema::ValidationError<'_>| format!("{method} {template} at {}: {error}", error.instance_path());
        validator.iter_errors(&body).map(fault).collect()
    }

    /// Texts of a form as what the schema asks for.
    fn typed(&self, value: Value, schema: &Value) -> Value {
        if let Some(reference) = schema["$ref"].as_str() {
            let target = self.document.pointer(reference.trim_start_matches('#')).expect("a reference leads somewhere");
            return self.typed(value, target);
        }
        if let Some(branches) = schema["anyOf"].as_array() {
            let tries: Vec<Value> = branches.iter().map(|branch| self.typed(value.clone(), branch)).collect();
            let fits = |(branch, value): &(&Value, &Value)| has_type(value, &branch["type"]);
            return branches.iter().zip(&tries).find(fits).map_or(value, |(_, typed)| typed.clone());
        }
        match value {
            Value::String(text) => scalar(text, &schema["type"]),
            Value::Array(items) => items.into_iter().map(|item| self.typed(item, &schema["items"])).collect(),
            Value::Object(fields) => {
                let of = |name: &str| schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
                fields
                    .into_iter()
                    .map(|(name, field)| {
                        let typed = self.typed(field, of(&name));
                        (name, typed)
                    })
                    .collect()
            }
            other => other,
        }
    }
}

fn pointer(template: &str, method: &str, rest: &str) -> String {
    format!("/paths/{}/{}/{rest}", template.replace('~', "~0").replace('/', "~1"), method.to_ascii_lowercase())
}

fn scalar(text: String, kind: &Value) -> Value {
    match kind.as_str() {
        Some("integer" | "number") => text.parse::<i64>().map_or(Value::String(text), Value::from),
        Some("boolean") => text.parse::<bool>().map_or(Value::String(text), Value::from),
        _ => Value::String(text),
    }
}

fn has_type(value: &Value, kind: &Value) -> bool {
    let name = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    kind.as_str().is_none_or(|kind| kind == name)
}

/// A form whose names have brackets, as nested objects and arrays of texts: `a[b][0]=1` is `{"a": {"b": ["1"]}}`.
pub fn form_value(form: &str) -> Value {
    let mut root = Value::Object(Map::new());
    for (name, text) in form_urlencoded::parse(form.as_bytes()) {
        let mut parts = vec![name.split('[').next().expect("a first part").to_owned()];
        parts.extend(name.split('[').skip(1).map(|part| part.trim_end_matches(']').to_owned()));
        let mut place = &mut root;
        for (depth, part) in parts.iter().enumerate() {
            let next_is_index = parts.get(depth + 1).is_some_and(|next| next.bytes().all(|byte| byte.is_ascii_digit()));
            let empty = if next_is_index { Value::Array(Vec::new()) } else { Value::Object(Map::new()) };
            place = match place {
                Value::Array(items) => {
                    let index = part.parse().unwrap_or(items.len());
                    while items.len() <= index {
                        items.push(empty.clone());
                    }
                    &mut items[index]
                }
                other => other.as_object_mut().expect("a name is not both").entry(part.clone()).or_insert(empty),
            };
        }
        *place = Value::String(text.into_owned());
    }
    root
}

#[test]
fn a_form_is_read_as_it_is_meant() {
    let form = "a[b][0][c]=1&a[d]=x+y%2B&expand[]=p&expand[]=q&created[gte]=5";
    let meant = json!({ "a": { "b": [{ "c": "1" }], "d": "x y+" }, "expand": ["p", "q"], "created": { "gte": "5" } });
    assert_eq!(form_value(form), meant);
}

/// A check that finds nothing has to be able to find something.
#[test]
fn a_wrong_request_is_found() {
    let spec = Spec::of("stripe-2023-08-16.json", &[("/v1/checkout/sessions", "adaptive_pricing")]);
    let refund = |form: &str| spec.form_faults("POST", "/v1/refunds", "", form);
    assert_eq!(refund("payment_intent=pi_1&amount=1000&reason=duplicate&metadata[refund_id]=1"), Vec::<String>::new());
    assert_eq!(refund("payment_intent=pi_1&amount=10.5").len(), 1);
    assert_eq!(refund("payment_intent=pi_1&reason=burnt").len(), 1);
    assert_eq!(refund("payment_intent=pi_1&refund_id=1").len(), 1);
    assert_eq!(spec.form_faults("POST", "/v1/refund", "", "").len(), 1);
    let intents = |query: &str| spec.form_faults("GET", "/v1/payment_intents", query, "");
    assert_eq!(intents("created[gte]=5&limit=100&expand[]=data.latest_charge"), Vec::<String>::new());
    assert_eq!(intents("created[gte]=five").len(), 1);
    assert_eq!(intents("since=5").len(), 1);
    assert_eq!(spec.form_faults("POST", "/v1/payment_intents", "", "amount=4250&adaptive_pricing[enabled]=false").len(), 2);

    let paypal = Spec::of("paypal-payments_payment_v2.json", &[]);
    let refund = |body: Value| paypal.json_faults("POST", "/v2/payments/captures/1/refund", "", Some(&body));
    assert_eq!(refund(json!({ "amount": { "currency_code": "USD", "value": "1.50" } })), Vec::<String>::new());
    assert_eq!(refund(json!({ "amount": { "currency_code": "USD", "value": "1,50" } })).len(), 1);
}
