//! Finds a name that stands twice in one JSON object. Which of the two counts, readers disagree on (RFC 8259 4); what a proxy has
//! checked could then be another value than the one that is used.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Where the first such name stands, in words. The bytes are JSON already.
pub(super) fn find(json: &[u8]) -> Option<String> {
    serde_json::from_slice::<Single>(json).err().map(|error| error.to_string())
}

/// A value in whose objects each name stands once.
struct Single;

impl<'de> Deserialize<'de> for Single {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Single, D::Error> {
        from.deserialize_any(Single)
    }
}

impl<'de> Visitor<'de> for Single {
    type Value = Single;

    fn expecting(&self, form: &mut fmt::Formatter<'_>) -> fmt::Result {
        form.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Single, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Single, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Single, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Single, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Single, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Single, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Single, A::Error> {
        while items.next_element::<Single>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Single, A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = entries.next_key::<String>()? {
            if names.contains(&name) {
                let shown: String = name.chars().take(100).collect();
                return Err(A::Error::custom(format!("The body names {shown:?} twice in one object,")));
            }
            names.insert(name);
            entries.next_value::<Single>()?;
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_that_stands_twice_in_the_same_object_is_found() {
        for fine in
            ["1", "1.50", "-0.0e3", "null", "true", "\"a\"", "[1, [2], {}]", r#"{"a": 1.25, "b": {"a": 99999999999999999999}}"#]
        {
            assert_eq!(find(fine.as_bytes()), None, "{fine}");
        }
        assert_eq!(
            find(br#"{"items": [{"quantity": 2, "quantity": 3}]}"#).as_deref(),
            Some("The body names \"quantity\" twice in one object, at line 1 column 37")
        );
        assert!(find(br#"{"a": 1, "\u0061": 1}"#).is_some(), "the same name, spelt another way");
    }
}
