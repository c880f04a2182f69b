//! The links of the API's description, walked: what an answer says it leads to is there, and takes what the link says to send.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Client, Reply, Shop};

/// Answers from which the walk begins.
const STARTS: &[&str] = &[
    "/api/v1/categories",
    "/api/v1/products",
    "/api/v1/inventory",
    "/api/v1/orders",
    "/api/v1/users",
    "/api/v1/admin/settings",
    "/api/v1/cart",
];

/// A step along a link.
struct Step {
    /// As `POST /api/v1/cart`.
    route: String,
    method: Method,
    address: String,
    body: Option<Value>,
}

/// A value with the expressions in it filled from an answer; `None` if the answer does not hold what one names, or holds null.
fn filled(value: &Value, answer: &Value) -> Option<Value> {
    match value {
        Value::String(text) => match text.strip_prefix("$response.body#") {
            Some(pointer) => answer.pointer(pointer).filter(|value| !value.is_null()).cloned(),
            None => Some(value.clone()),
        },
        Value::Array(items) => items.iter().map(|item| filled(item, answer)).collect::<Option<Vec<_>>>().map(Value::from),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, field)| Some((name.clone(), filled(field, answer)?)));
            fields.collect::<Option<serde_json::Map<_, _>>>().map(Value::from)
        }
        _ => Some(value.clone()),
    }
}

/// The route of an operation's id, and its parameters that stand in the path.
fn route_of(document: &Value, operation: &Value) -> (Method, String) {
    let paths = document["paths"].as_object().expect("paths");
    let all = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().expect("methods").iter().map(move |(method, operation)| (path, method, operation))
    });
    let mut named = all.filter(|(.., known)| known["operationId"] == *operation);
    let (path, method, _) = named.next().unwrap_or_else(|| panic!("{operation} is no operation"));
    (method.to_uppercase().parse().expect("a method"), path.clone())
}

fn steps_from(document: &Value, method: &str, path: &str, reply: &Reply) -> Vec<Step> {
    let response = &document["paths"][path][method.to_lowercase()]["responses"][reply.status.to_string()];
    let links = response["links"].as_object().into_iter().flatten();
    let step = |link: &Value| {
        let (method, template) = route_of(document, &link["operationId"]);
        let mut address = template.clone();
        for (name, expression) in link["parameters"].as_object().into_iter().flatten() {
            let value = filled(expression, &reply.body)?;
            let value = value.as_str()?;
            let place = format!("{{{name}}}");
            if address.contains(&place) {
                address = address.replace(&place, value);
            } else {
                address = format!("{address}?{name}={value}");
            }
        }
        let body = match &link["requestBody"] {
            Value::Null => None,
            body => Some(filled(body, &reply.body)?),
        };
        Some(Step { route: format!("{method} {template}"), method, address, body })
    };
    links.filter_map(|(_, link)| step(link)).collect()
}

/// Takes a step. Whether the shop did what was asked: what it knows better is no fault of the link.
async fn take(by: &Client, step: &Step) -> (Reply, bool) {
    let request = by.request(step.method.clone(), &step.address);
    let reply = match (&step.body, &step.method) {
        (Some(body), _) => request.json(body).send().await,
        (None, &Method::GET | &Method::DELETE) => request.send().await,
        (None, _) => request.json(&json!({})).send().await,
    };
    let done = reply.status < 300;
    // A link that says what to send says all that is needed; one that does not leads to the right place at least.
    // Another step may have ordered the cart meanwhile.
    let was_ordered = reply["code"] == "cart_empty" || (reply.status == 404 && step.route.contains("/cart/items/"));
    let knows_better = reply.status == 409 || was_ordered;
    let fits = done || knows_better || (step.body.is_none() && reply.status == 422);
    assert!(fits, "{} leads to {reply:?}", step.route);
    (reply, done)
}

#[tokio::test]
async fn every_link_leads_where_it_says() {
    let shop = Shop::open().await;
    let (owner, layla) = (shop.owner(), shop.customer("Layla").await);
    let bread = shop.product("Bread").stock(50).create().await;
    layla.order().line(&bread, 1).pickup().place().await;
    let document = bayader::app::openapi();

    let mut waiting: VecDeque<Step> = STARTS
        .iter()
        .map(|path| Step { route: format!("GET {path}"), method: Method::GET, address: (*path).to_owned(), body: None })
        .collect();
    let mut last: Vec<Step> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut done: BTreeMap<String, usize> = BTreeMap::new();
    while let Some(step) = waiting.pop_front().or_else(|| last.pop()) {
        if !seen.insert((step.route.clone(), step.address.clone(), step.body.clone().map(|body| body.to_string()))) {
            continue;
        }
        // What a walk has changed leads on for ever; three times each way is enough.
        if done.get(&step.route).is_some_and(|times| *times >= 3) {
            continue;
        }
        let (reply, was_done) = take(&owner, &step).await;
        if was_done {
            *done.entry(step.route.clone()).or_default() += 1;
        }
        let (method, path) = step.route.split_once(' ').expect("method and path");
        for step in steps_from(&document, method, path, &reply) {
            // What takes things away comes when nothing else is left.
            let takes_away = step.method == Method::DELETE || step.route.ends_with("/cancel");
            if takes_away { last.push(step) } else { waiting.push_back(step) }
        }
    }
    let expected = [
        "GET /api/v1/products/{id}",
        "GET /api/v1/inventory/{productId}/log",
        "POST /api/v1/cart",
        "PUT /api/v1/cart/items/{itemId}",
        "POST /api/v1/orders",
        "GET /api/v1/orders/{id}",
        "POST /api/v1/orders/{id}/collect",
        "POST /api/v1/orders/{id}/cancel",
        "GET /api/v1/users/{id}",
        "PUT /api/v1/users/{id}",
        "PUT /api/v1/admin/settings",
        "DELETE /api/v1/products/{id}",
    ];
    let missing: Vec<&str> = expected.into_iter().filter(|route| !done.contains_key(*route)).collect();
    assert!(missing.is_empty(), "no link led to {missing:?}, only to {:?}", done.keys());
    shop.close().await;
}
