//! What was changed, by whom and from where: what the audit log keeps (SPEC 9).

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;

use super::Actor;

/// Where a write comes from. A write of the program itself has none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    pub actor: Actor,
    /// The caller's network address.
    pub address: IpAddr,
    pub request_id: Arc<str>,
}

/// One thing that a write changed, as its verb tells it.
#[derive(Clone, PartialEq, Debug)]
pub struct Change {
    /// What was done, as `product.replace`.
    pub action: &'static str,
    /// What it was done to, as `product:0198…`.
    pub subject: String,
    /// What it was before; `None` for what is new. Never a secret, and of a person no more than the names of the fields.
    pub before: Option<Value>,
    /// What it is now; `None` for what is gone.
    pub after: Option<Value>,
}

impl Change {
    /// What is different between two states of a thing: `before` and `after` hold the fields that differ alone. `None` if none does.
    ///
    /// Both are objects of the same fields.
    #[must_use]
    pub fn between(action: &'static str, subject: String, before: Value, after: Value) -> Option<Change> {
        let (Value::Object(mut before), Value::Object(mut after)) = (before, after) else { return None };
        let same: Vec<String> =
            before.iter().filter(|(name, value)| after.get(*name) == Some(value)).map(|(name, _)| name.clone()).collect();
        for name in same {
            before.remove(&name);
            after.remove(&name);
        }
        let differs = !before.is_empty() || !after.is_empty();
        differs.then(|| Change { action, subject, before: Some(before.into()), after: Some(after.into()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_differs_is_told() {
        let between = |before, after| Change::between("x", "y:1".to_owned(), before, after);
        let change = between(json!({ "a": 1, "b": null, "c": [1] }), json!({ "a": 2, "b": null, "c": [1, 2] })).expect("two");
        assert_eq!((change.before, change.after), (Some(json!({ "a": 1, "c": [1] })), Some(json!({ "a": 2, "c": [1, 2] }))));
        assert_eq!(between(json!({ "a": 1 }), json!({ "a": 1 })), None);
    }
}
