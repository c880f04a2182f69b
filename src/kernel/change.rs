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
