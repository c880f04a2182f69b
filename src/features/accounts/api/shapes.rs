//! An account as it is answered (SPEC 3, shapes).

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::features::accounts::model::{SavedAddress, User};
use crate::http::input::schema_of;
use crate::kernel::{Address, Locale, Phone, Role};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserBody<'a> {
    id: String,
    name: &'a str,
    email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
    role: &'static str,
    addresses: Vec<AddressBody<'a>>,
    locale: &'static str,
    marketing_consent: bool,
    two_factor_enabled: bool,
    created_at: String,
    updated_at: String,
    metadata: &'a Map<String, Value>,
    version: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AddressBody<'a> {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    #[serde(flatten)]
    address: &'a Address,
    is_default: bool,
}

impl UserBody<'_> {
    pub(super) fn of(user: &User) -> UserBody<'_> {
        UserBody {
            id: user.id.to_string(),
            name: &user.name,
            email: user.email.as_str(),
            phone: user.phone.as_ref().map(Phone::as_str),
            role: user.role.code(),
            addresses: user.addresses.iter().map(AddressBody::of).collect(),
            locale: user.locale.code(),
            marketing_consent: user.marketing_consent,
            two_factor_enabled: false,
            created_at: user.created_at.to_string(),
            updated_at: user.updated_at.to_string(),
            metadata: &user.metadata,
            version: user.version,
        }
    }
}

impl AddressBody<'_> {
    fn of(saved: &SavedAddress) -> AddressBody<'_> {
        AddressBody {
            id: saved.id.to_string(),
            label: saved.label.as_deref(),
            address: &saved.address,
            is_default: saved.is_default,
        }
    }
}

pub(super) fn user_schema() -> Value {
    let text = || json!({ "type": "string" });
    let time = || json!({ "type": "string", "format": "date-time" });
    json!({
        "type": "object",
        "required": [
            "id", "name", "email", "role", "addresses", "locale", "marketingConsent", "twoFactorEnabled", "createdAt", "updatedAt",
            "metadata", "version",
        ],
        "properties": {
            "id": { "type": "string", "format": "uuid" },
            "name": text(),
            "email": { "type": "string", "format": "email" },
            "phone": text(),
            "role": { "type": "string", "enum": Role::ALL.map(Role::code) },
            "addresses": { "type": "array", "items": address_schema() },
            "locale": { "type": "string", "enum": Locale::ALL.map(Locale::code) },
            "marketingConsent": { "type": "boolean" },
            "twoFactorEnabled": { "type": "boolean" },
            "createdAt": time(),
            "updatedAt": time(),
            "metadata": { "type": "object", "description": "Free JSON of staff." },
            "version": { "type": "integer" },
        },
    })
}

fn address_schema() -> Value {
    let mut schema = schema_of::<Address>();
    schema["properties"]["id"] = json!({ "type": "string", "format": "uuid" });
    schema["properties"]["label"] = json!({ "type": "string" });
    schema["properties"]["isDefault"] = json!({ "type": "boolean" });
    schema["required"] = json!(["id", "line1", "city", "isDefault"]);
    schema
}
