//! What answers hold: a schema that has a name in the document, and an example that fits it.

use serde_json::{Value, json};

/// The shape of an answer's body.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Its name in the document; a shape without one stands where it is used.
    pub name: Option<String>,
    pub schema: Value,
    pub example: Option<Value>,
    /// The named shapes that its schema refers to.
    pub parts: Vec<Shape>,
}

impl Shape {
    /// A shape with a name in the document, and a body that fits it.
    #[must_use]
    pub fn named(name: impl Into<String>, schema: Value, example: Value) -> Shape {
        Shape { name: Some(name.into()), schema, example: Some(example), parts: Vec::new() }
    }

    /// Refers to these in its schema.
    #[must_use]
    pub fn of(mut self, parts: &[&Shape]) -> Shape {
        self.parts.extend(parts.iter().map(|part| (*part).clone()));
        self
    }

    /// What a schema that holds it says: a reference to its name, or itself.
    #[must_use]
    pub fn schema(&self) -> Value {
        match &self.name {
            Some(name) => json!({ "$ref": format!("#/components/schemas/{name}") }),
            None => self.schema.clone(),
        }
    }

    /// Its example; null without one.
    #[must_use]
    pub fn example(&self) -> Value {
        self.example.clone().unwrap_or(Value::Null)
    }

    /// Adds its named schemas, and those it refers to, to the document's.
    pub(super) fn define(&self, schemas: &mut serde_json::Map<String, Value>) {
        if let Some(name) = &self.name {
            schemas.insert(name.clone(), self.schema.clone());
        }
        for part in &self.parts {
            part.define(schemas);
        }
    }
}

impl From<Value> for Shape {
    fn from(schema: Value) -> Shape {
        Shape { name: None, schema, example: None, parts: Vec::new() }
    }
}
