//! A place to which things are brought.

use serde::{Deserialize, Serialize};

/// Where an order is brought, or where a customer has things brought.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Address {
    pub line1: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
    pub city: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Degrees, as the text that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lat: Option<serde_json::Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lng: Option<serde_json::Number>,
}
