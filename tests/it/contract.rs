//! The API's description as a contract: nothing in it is missing, and what it shows is true of itself. That each answer is as it
//! says, every other test holds when it closes its shop.

use bayader::app::access::TABLE;
use bayader::http::gate::Who;
use serde_json::{Value, json};

fn document() -> Value {
    bayader::app::openapi()
}

/// Each operation, as `GET /path`.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let all = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("methods");
        methods.iter().map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
    });
    all.collect()
}

/// What a reference, or a thing itself, stands for.
fn resolved<'d>(document: &'d Value, thing: &'d Value) -> &'d Value {
    match thing["$ref"].as_str() {
        Some(reference) => {
            document.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference} is nowhere"))
        }
        None => thing,
    }
}

/// What does not fit a schema of the document.
fn misfits(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let whole = json!({ "components": document["components"], "allOf": [schema] });
    let validator = jsonschema::draft202012::new(&whole).unwrap_or_else(|error| panic!("no schema: {error}: {schema}"));
    validator.iter_errors(value).map(|error| format!("{error} at {}", error.instance_path())).collect()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or("")
}

#[test]
fn every_route_is_told_in_full() {
    let document = document();
    let tags: Vec<&str> = document["tags"].as_array().expect("tags").iter().map(|tag| text(tag, "name")).collect();
    let mut missing = Vec::new();
    for (name, operation) in operations(&document) {
        for field in ["summary", "description", "operationId"] {
            if text(operation, field).is_empty() {
                missing.push(format!("{name}: no {field}"));
            }
        }
        if !operation["tags"]
            .as_array()
            .is_some_and(|own| own.len() == 1 && own.iter().all(|tag| tags.contains(&tag.as_str().unwrap_or(""))))
        {
            missing.push(format!("{name}: its tag is not among those of the document"));
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let parameter = resolved(&document, parameter);
            if text(parameter, "description").is_empty() {
                missing.push(format!("{name}: the parameter {} is not described", parameter["name"]));
            }
        }
        for (status, response) in operation["responses"].as_object().expect("responses") {
            let response = resolved(&document, response);
            if text(response, "description").is_empty() {
                missing.push(format!("{name} {status}: no description"));
            }
            let answer = &response["content"]["application/json"];
            if answer.is_object() && (answer["example"].is_null() || answer["schema"]["$ref"].is_null()) {
                missing.push(format!("{name} {status}: the answer has no named schema, or no example"));
            }
        }
        let body = &operation["requestBody"]["content"]["application/json"];
        let takes_fields =
            resolved(&document, &body["schema"])["properties"].as_object().is_some_and(|fields| !fields.is_empty());
        if takes_fields && body["examples"].as_object().is_none_or(serde_json::Map::is_empty) {
            missing.push(format!("{name}: its body has no example"));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_example_fits_its_schema() {
    let document = document();
    let mut wrong = Vec::new();
    let mut count = 0;
    for (name, operation) in operations(&document) {
        let body = &operation["requestBody"]["content"]["application/json"];
        for (title, example) in body["examples"].as_object().into_iter().flatten() {
            count += 1;
            wrong.extend(
                misfits(&document, &body["schema"], &example["value"]).iter().map(|fault| format!("{name} {title}: {fault}")),
            );
        }
        for (status, response) in operation["responses"].as_object().expect("responses") {
            let response = resolved(&document, response);
            for (media_type, content) in response["content"].as_object().into_iter().flatten() {
                if content["example"].is_null() {
                    continue;
                }
                count += 1;
                let faults = misfits(&document, &content["schema"], &content["example"]);
                wrong.extend(faults.iter().map(|fault| format!("{name} {status} {media_type}: {fault}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 100, "only {count} examples were looked at");
}

#[test]
fn a_message_and_its_translation_have_a_subject_both_or_neither() {
    let document = document();
    let schema = &document["components"]["schemas"]["NotificationSend"];
    let body = |channel: &str, words: Value, translated: Value| {
        let mut body =
            json!({ "type": "message", "channel": channel, "to": { "userIds": ["01936f2b-0d10-7000-8000-5a6b7c8d9e03"] } });
        body.as_object_mut().unwrap().extend(words.as_object().unwrap().clone());
        body["translations"] = json!({ "ar": translated });
        misfits(&document, schema, &body).is_empty()
    };
    let (bare, full) = (json!({ "text": "At 11:00." }), json!({ "subject": "Your tray", "text": "At 11:00." }));
    assert!(body("email", full.clone(), full.clone()));
    assert!(!body("email", full.clone(), bare.clone()));
    assert!(body("sms", bare.clone(), bare.clone()));
    assert!(!body("sms", bare, full));
}

#[test]
fn what_a_picture_shows_is_a_text_like_any_other() {
    let document = document();
    let upload =
        &document["paths"]["/api/v1/products/{id}/images"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"];
    let alt = |text: &str| misfits(&document, upload, &json!({ "files": ["bytes"], "alt": text })).is_empty();
    assert!(alt("") && alt("Maarouk, whole"));
    assert!(!alt("Maarouk\u{6}") && !alt(&"m".repeat(201)));
}

#[test]
fn every_reference_resolves_and_every_component_is_used() {
    fn walk(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|value| walk(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| walk(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut references = Vec::new();
    walk(&document, &mut references);
    for reference in &references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} is nowhere");
    }
    for kind in ["schemas", "responses", "headers", "parameters"] {
        for name in document["components"][kind].as_object().expect(kind).keys() {
            assert!(references.contains(&format!("#/components/{kind}/{name}")), "nothing uses {kind}/{name}");
        }
    }
}

/// Every text of a value, however deep.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn every_link_leads_somewhere_with_what_the_answer_holds() {
    let document = document();
    let all = operations(&document);
    let mut links = 0;
    for (name, operation) in &all {
        for (status, response) in operation["responses"].as_object().expect("responses") {
            let example = &response["content"]["application/json"]["example"];
            let holds = |expression: &str| match expression.strip_prefix("$response.body#") {
                Some(pointer) => assert!(example.pointer(pointer).is_some(), "{name} {status}: no {pointer} in its example"),
                None => assert!(!expression.starts_with('$'), "{name} {status}: {expression} is looked at by nobody"),
            };
            for (title, link) in response["links"].as_object().into_iter().flatten() {
                links += 1;
                let target = all.iter().find(|(_, target)| target["operationId"] == link["operationId"]);
                let (_, target) = target.unwrap_or_else(|| panic!("{name}: {title} leads to no operation: {link}"));
                for (parameter, expression) in link["parameters"].as_object().into_iter().flatten() {
                    let known = target["parameters"].as_array().expect("parameters");
                    assert!(
                        known.iter().any(|known| resolved(&document, known)["name"] == json!(parameter)),
                        "{name}: {title}: {parameter}"
                    );
                    holds(expression.as_str().expect("an expression"));
                }
                let path_parameters =
                    target["parameters"].as_array().expect("parameters").iter().filter(|known| known["in"] == "path");
                for known in path_parameters {
                    assert!(
                        link["parameters"][text(known, "name")].is_string(),
                        "{name}: {title} leaves {} open",
                        known["name"]
                    );
                }
                let body = &link["requestBody"];
                texts(body).into_iter().for_each(holds);
                if body.is_object() {
                    let known =
                        &resolved(&document, &target["requestBody"]["content"]["application/json"]["schema"])["properties"];
                    for field in body.as_object().expect("fields").keys() {
                        assert!(known[field].is_object(), "{name}: {title}: its body has a field {field} that is none");
                    }
                }
            }
        }
    }
    assert!(links > 30, "only {links} links");
}

/// SPEC: an order leads to what can be done with it.
#[test]
fn an_order_leads_to_its_actions() {
    let document = document();
    let placed = &document["paths"]["/api/v1/orders"]["post"]["responses"]["201"]["links"];
    let mut targets: Vec<&str> = placed.as_object().expect("links").values().map(|link| text(link, "operationId")).collect();
    targets.sort_unstable();
    assert_eq!(targets, ["get_orders_id", "post_orders_id_cancel", "post_orders_id_collect", "put_orders_id_status"]);
}

#[test]
fn each_route_says_which_roles_may_use_it() {
    let document = document();
    for access in TABLE {
        let operation = &document["paths"][access.path.replace("{*", "{")][access.method.to_lowercase()];
        let told = match access.who {
            Who::Roles(roles) => roles.iter().map(|role| role.code()).collect(),
            Who::Anyone | Who::SignedIn | Who::SignedInOrToken => Value::Null,
        };
        assert_eq!(operation["x-roles"], told, "{} {}", access.method, access.path);
        // Whoever may come as a guest is not told to bring a token.
        let ways = operation["security"].as_array().expect("security");
        let as_guest = ways.is_empty() || ways.contains(&json!({}));
        assert_eq!(as_guest, access.who == Who::Anyone, "{} {}: {ways:?}", access.method, access.path);
    }
}
