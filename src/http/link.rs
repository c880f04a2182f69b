//! Where an answer leads: OpenAPI links, by which a program walks on with what it was just told.

use serde_json::{Map, Value, json};

/// From an answer to another operation.
#[derive(Clone, Debug)]
pub struct Link {
    pub name: &'static str,
    /// Method and path, as in `GET /api/v1/orders/{id}`.
    pub to: &'static str,
    description: &'static str,
    parameters: Map<String, Value>,
    body: Option<Value>,
}

impl Link {
    /// A link to `METHOD /path`; `description` is one sentence.
    #[must_use]
    pub fn to(name: &'static str, to: &'static str, description: &'static str) -> Link {
        Link { name, to, description, parameters: Map::new(), body: None }
    }

    /// Fills a parameter with a runtime expression, as in `$response.body#/id`.
    #[must_use]
    pub fn with(mut self, parameter: &str, expression: &str) -> Link {
        self.parameters.insert(parameter.to_owned(), expression.into());
        self
    }

    /// Fills the body; texts in it that begin with `$` are runtime expressions, however deep.
    #[must_use]
    pub fn body(mut self, body: Value) -> Link {
        self.body = Some(body);
        self
    }

    /// The link object of the document.
    pub(super) fn object(&self) -> Value {
        let mut object = json!({ "operationId": operation_id(self.to), "description": self.description });
        if !self.parameters.is_empty() {
            object["parameters"] = Value::Object(self.parameters.clone());
        }
        if let Some(body) = &self.body {
            object["requestBody"] = body.clone();
        }
        object
    }
}

/// `put_orders_id_status` for `PUT /api/v1/orders/{id}/status`; `get_setup_page` for `GET /setup`, which the API has too.
pub(super) fn operation_id(route: &str) -> String {
    let (method, path) = route.split_once(' ').unwrap_or(("", route));
    let is_page = !path.starts_with("/api/v1/") && !matches!(path, "/healthz" | "/readyz");
    let words = path.trim_start_matches("/api/v1").split(['/', '{', '}', '-', '*', '.']).filter(|word| !word.is_empty());
    let page = is_page.then_some("page");
    std::iter::once(method.to_ascii_lowercase().as_str()).chain(words).chain(page).collect::<Vec<_>>().join("_")
}
